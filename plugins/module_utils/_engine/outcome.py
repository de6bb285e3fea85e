# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What an Operation has come to. The engine alone writes it, and goes on writing, so that a failure tells how far it got."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field


class Call(t.Protocol):
    """A request that was sent: a dataclass with what `api_calls` shows of it."""

    __dataclass_fields__: t.ClassVar[dict[str, t.Any]]
    method: str
    status: int | None


@dataclass
class Outcome:
    """What an Operation has come to.

    Attributes:
        changed: Whether something was changed, would be changed (check mode), or may have been changed when no answer came.
        values: The resources, by the noun under which they are returned.
        before: What was there, for diff mode; None for what has no diff.
        after: What is there, or will be.
        warnings: Sentences for the user.
        api_calls: The requests that were sent.
        failure: The fields of the failure, if it is one.
        secrets: What the shells must not show beside the secrets among the options: tokens, and what a profile has.
    """

    changed: bool = False
    values: dict[str, t.Any] = field(default_factory=dict)
    before: t.Mapping[str, t.Any] | None = None
    after: t.Mapping[str, t.Any] | None = None
    warnings: list[str] = field(default_factory=list)
    api_calls: t.Sequence[t.Any] = field(default_factory=list)
    failure: dict[str, t.Any] | None = None
    secrets: set[str] = field(default_factory=set)

    def to_result(self, *, diff: bool, verbosity: int) -> dict[str, t.Any]:
        """Return Ansible's result, without `failed` and the warnings, for which each shell has a way of its own.

        Args:
            diff: Whether the user asked for diff mode.
            verbosity: How many times the user said `-v`; from 2 on the result tells the requests.
        """
        result: dict[str, t.Any] = {"changed": self.changed, **self.values, **(self.failure or {})}
        if diff and not self.failure and (self.before is not None or self.after is not None):
            result["diff"] = {"before": self.before or {}, "after": self.after or {}}
        if verbosity >= 2:
            result["api_calls"] = [asdict(call) for call in self.api_calls]
        return result
