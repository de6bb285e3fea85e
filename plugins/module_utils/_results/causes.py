# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failures of a list, grouped by cause, and the shortened result of a failed task, which Ansible prints in full."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._clouds.cloud import Fields
from .._clouds.clouds import CLOUDS, cloud_of, name_of
from .._engine.entry import name_places
from .._engine.plan import grouped, listed
from .._entries.parser import PeerEntry
from .._http.errors import COUNT, FAILURE_FIELDS, FORM, NAME, REPLY, TaskError
from .._sides.connection import RoleError


@dataclass(frozen=True)
class Failed:
    """What has failed: an entry, a removal, or the list as a whole.

    Attributes:
        entry: The entry; None for anything else.
        error: The error.
        fields: What is known of the connection, with the names of results; empty for nothing.
        step: What has failed, as results call it; empty where these have no such field.
    """

    entry: PeerEntry | None
    error: TaskError
    fields: Fields
    step: str = ""

    @property
    def name(self) -> str | None:
        """The name of the connection; None if there is none."""
        if self.entry is not None:
            return self.entry.name
        return name_of(self.fields) if self.fields else None

    @property
    def shown(self) -> TaskError:
        """The error without the entry."""
        return (self.error.in_brief() if isinstance(self.error, RoleError) else self.error).at(None)

    @property
    def values(self) -> list[str]:
        """What only this connection has: its name, its ids and its block."""
        if self.entry is None and not self.fields:
            return []
        provider, network = (cloud_of(self.fields), {}) if self.entry is None else (self.entry.provider, self.entry.network)
        names = ("id", provider.accepted_id or "", provider.identity[-1], provider.block or "")
        return [str(self.name), *(str(network.get(name) or self.fields.get(name) or "") for name in names)]

    @property
    def cause(self) -> tuple[object, ...]:
        """What failures with the same cause have in common: among others, the text, and what the service refused."""
        text = self.worded("\0{}\0".format, without_counts=True)
        return (self.entry is None, self.step, text, self.error.http_status, self.error.error_code)

    def worded(self, value_of: t.Callable[[int], str], *, without_counts: bool = False) -> str:
        """Return why it failed, as one of several; `value_of` returns what stands for each of `values`, by its number."""
        numbers = {value: number for number, value in reversed([*enumerate(self.values)]) if value}

        def show(match: re.Match[str]) -> str:
            kind, key, part = match.groups()
            if kind == NAME:
                return value_of(numbers[key]) if key in numbers else str(part)
            if kind == REPLY and numbers:
                names = "|".join(re.escape(value) for value in sorted(numbers, key=len, reverse=True))
                return re.sub(rf"(?<![\w-])(?:{names})(?![\w-])", lambda found: value_of(numbers[found[0]]), part)
            return str(key if kind == FORM else "" if kind == COUNT and without_counts else part)

        return self.shown.of_several(show)


def by_cause(option: str, failures: t.Iterable[Failed]) -> list[dict[str, t.Any]]:
    """Return the elements of the result, one for each cause, in the order of the failures.

    How often something was tried, and for how long, is that of the first one.

    Args:
        option: The name of the list.
        failures: The failures.
    """
    causes = grouped([(failure.cause, failure) for failure in failures])
    return [_to_failure(option, cause) for cause in causes.values()]


def _to_failure(option: str, cause: t.Sequence[Failed]) -> dict[str, t.Any]:
    """Return the element of the result for failures with the same cause; its message names all of them."""
    first, places = cause[0], {one.entry.index: one.entry.label for one in cause if one.entry is not None}
    names = [failure.name for failure in cause if failure.name is not None]
    place = {"index": next(iter(places), None), "indexes": [*places], "id": first.fields.get("id"), "name": first.name}
    result = {**place, "names": names, **({"step": first.step} if first.step else {}), **first.error.to_result()}
    if len(cause) == 1:
        return result
    where = name_places(option, places) if places else f"The removal of {listed(names)}"
    texts = {str(failure.shown) for failure in cause}
    if len(texts) > 1:
        # Else, one request was for all of them.
        texts = {first.worded(lambda number: listed([one.values[number] for one in cause]))}
    return {**result, "msg": f"{where}: {texts.pop()}"}


def joined(begin: str, failures: t.Sequence[t.Mapping[str, t.Any]], *more: str) -> TaskError:
    """Return one error for several failures, each on a line of its own. Status, code and detail are kept if all have one cause.

    Args:
        begin: The text before them; may be empty.
        failures: The failures, as results have them.
        more: The texts after them; empty ones are left out.
    """
    only: t.Mapping[str, t.Any] = failures[0] if len(failures) == 1 else {}
    first, *lines = filter(None, (begin, *(str(failure["msg"]) for failure in failures), *more))
    fields: dict[str, t.Any] = {name: only.get(name) for name in FAILURE_FIELDS}
    error = TaskError(" ".join((first, *lines)) if only else first, **fields).of_list(True)
    return error if only else error.with_lines(lines)


# How many names a failure of many entries has, as many as its message.
_MOST_NAMES = 3
# The fields that show how far an entry got.
_ACCEPTED = tuple(cloud.accepted_id for cloud in CLOUDS.values() if cloud.accepted_id is not None)
_REACHED = ("id", "status_name", "error_state_name", *_ACCEPTED)
_NAMING = tuple(dict.fromkeys(name for cloud in CLOUDS.values() for name in cloud.names or cloud.identity))


def shortened(failures: t.Iterable[Fields]) -> list[Fields]:
    """Return failures with the first names of the entries that they are about, and with the places of all."""
    return [{**failure, "names": failure["names"][:_MOST_NAMES]} for failure in failures]


def reached(failures: t.Iterable[Fields], rows: t.Sequence[Fields]) -> list[Fields]:
    """Return how far the entries got that have failed after the plan: the state of each, in the order of the list.

    Args:
        failures: The failures of the result.
        rows: What the result has of each entry, in the order of the list.
    """
    places = sorted({place for failure in failures if failure.get("step") != "plan" for place in failure["indexes"]})
    return [row for place in places if place < len(rows) and (row := _in_short(rows[place]))]


def _in_short(row: Fields) -> Fields:
    """Return the names of an entry, and how far it got; empty if it has no state."""
    known = {**row, **(row.get("vpc_peer") or {})}
    found = {name: known[name] for name in _REACHED if known.get(name) is not None}
    return {name: known[name] for name in _NAMING if known.get(name) is not None} | found if found else {}
