# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What will be done: the changes that people see, the steps that make them, and the facts that decide about them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._http.errors import TaskError


@dataclass(frozen=True)
class Change:
    """What becomes of one object.

    Attributes:
        action: What happens to it.
        key: What tells it from others.
        before: Its fields as they are; None if it is not there.
        after: Its fields as they will be; None if it will not be there.
    """

    action: t.Literal["create", "update", "delete", "recreate"]
    key: str
    before: t.Mapping[str, t.Any] | None
    after: t.Mapping[str, t.Any] | None


@dataclass(frozen=True)
class Step:
    """One request, and the changes that it makes.

    Attributes:
        action: What the request does. What must not be created twice is looked for with patience if the reply is lost.
        request: What is sent, as a frozen object that the Operation's `apply` knows.
        keys: The keys of the changes: twenty additions to the access list are one request.
        after: What has to be gone or reached first, as the Operation's `wait` knows it; None for nothing.
    """

    action: t.Literal["create", "update", "delete"]
    request: t.Any
    keys: tuple[str, ...]
    after: t.Any = None


@dataclass(frozen=True)
class Plan:
    """What will be done, in this order; nothing if there are no steps.

    Attributes:
        changes: What people see.
        steps: What is sent.
        warnings: Sentences for the user.
        failures: What has failed already and does not keep the rest from being done, by the keys of a set's entries.
        refusals: Why nothing of a set may be done, by the keys of its entries, or by other keys for the set as a whole.
    """

    changes: tuple[Change, ...] = ()
    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()
    failures: t.Mapping[str, TaskError] = field(default_factory=dict)
    refusals: t.Mapping[str, TaskError] = field(default_factory=dict)

    def still_needs(self, step: Step) -> bool:
        """Whether a step of an earlier plan is in this one, too: then it did not take effect."""
        return any(one.request == step.request for one in self.steps)


class Facts(dict[str, t.Any]):
    """What decisions ask for beside the state: each is read when it is first asked for, and once in a run.

    `get` returns what was read so far, and reads nothing.

    Args:
        read: Reads what a key stands for.
    """

    def __init__(self, read: t.Callable[[str], t.Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, key: str) -> t.Any:
        """Read what is asked for the first time."""
        self[key] = found = self._read(key)
        return found


def find_differences(wanted: t.Mapping[str, t.Any], current: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    """Return the names of the wanted fields that `current` has with another value, or has not; sorted."""
    return tuple(sorted(name for name, value in wanted.items() if current.get(name) != value))
