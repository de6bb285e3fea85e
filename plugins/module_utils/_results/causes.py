# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failures of a list, grouped by cause, and the shortened result of a failed task, which Ansible prints in full."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._clouds.cloud import Fields
from .._clouds.clouds import CLOUDS, cloud_of
from .._engine.entry import name_places
from .._engine.plan import listed
from .._http.errors import TaskError
from .._sides.connection import RoleError


class Place(t.Protocol):
    """What a failure needs of the entry that it is about."""

    @property
    def index(self) -> int:
        """Its place in the list, from 0."""

    @property
    def key(self) -> str:
        """Its place in messages."""

    @property
    def label(self) -> str:
        """Its name in messages."""


@dataclass(frozen=True)
class Failed:
    """What has failed: an entry, a removal, or the list as a whole.

    Attributes:
        index: The place of the entry; None for anything else.
        label: What messages call the entry; empty for anything else.
        peer_id, name: Those of the connection; None if there is none.
        step: What has failed, as results call it; None where these have no such field.
        error: The error.
        text: The text of the error without the entry.
        verb: What the service refused, or what got no answer; empty for any other failure.
        template: The text of the error, as one of several, without the entry and the request, with a number for what only this
            connection has.
        values: What the numbers stand for.
        cause: The same without counts.
    """

    index: int | None
    label: str
    peer_id: str | None
    name: str | None
    step: str | None
    error: TaskError
    text: str
    verb: str
    template: str
    values: tuple[str, ...]
    cause: str


def to_failed(error: TaskError, entry: Place | None, name: str | None, fields: Fields, step: str | None = None) -> Failed:
    """Return a failure, with the text by which those with the same cause are found.

    Args:
        error: The error.
        entry: The entry; None for a removal, or the list as a whole.
        name: The name of the connection; None if there is none.
        fields: What is known of the connection, with the names of results; empty for nothing.
        step: What has failed.
    """
    values = tuple[str, ...]()
    shown = (error.in_brief() if isinstance(error, RoleError) else error).at(None)
    verb = (error.description or "").partition(" ")[0]
    if fields:
        provider = cloud_of(fields)
        names = ("id", provider.accepted_id or "", provider.identity[-1], provider.block or "")
        own = (name, *map(fields.get, names))
        values = tuple(str(value or "") for value in own)
    index, label = (None, "") if entry is None else (entry.index, entry.label)
    several, cause = (_numbered(str(shown.of_several(without_counts=without)), values) for without in (False, True))
    return Failed(index, label, fields.get("id"), name, step, error, str(shown), verb, several, values, cause)


def _numbered(text: str, values: t.Sequence[str]) -> str:
    """Return a text with a number in place of each value."""
    for number, value in enumerate(values):
        if value:
            text = re.sub(rf"(?<![\w-]){re.escape(value)}(?![\w-])", f"\0{number}\0", text)
    return text


def by_cause(option: str, failures: t.Iterable[Failed]) -> list[dict[str, t.Any]]:
    """Return the elements of the result, one for each cause, in the order of the failures.

    How often something was tried, and for how long, is that of the first one.

    Args:
        option: The name of the list.
        failures: The failures.
    """
    causes: dict[t.Any, list[Failed]] = {}
    for failure in failures:
        error = failure.error
        cause = (failure.index is None, failure.step, failure.verb, failure.cause, error.http_status, error.error_code)
        causes.setdefault(cause, []).append(failure)
    return [_to_failure(option, cause) for cause in causes.values()]


def _to_failure(option: str, cause: t.Sequence[Failed]) -> dict[str, t.Any]:
    """Return the element of the result for failures with the same cause; its message names all of them."""
    first, indexes = cause[0], [failure.index for failure in cause if failure.index is not None]
    names = [failure.name for failure in cause if failure.name is not None]
    place = {"index": first.index, "indexes": indexes, "id": first.peer_id, "name": first.name, "names": names}
    step = {} if first.step is None else {"step": first.step}
    if len(cause) == 1:
        return {**place, **step, **first.error.to_result()}
    places = {failure.index: failure.label for failure in cause if failure.index is not None}
    where = name_places(option, places) if places else f"The removal of {listed(names)}"
    if len({failure.text for failure in cause}) == 1:
        # One request was for all of them.
        return {**place, **step, **first.error.to_result(), "msg": f"{where}: {first.text}"}
    text = re.sub("\0(.)\0", lambda found: listed([failure.values[int(found[1])] for failure in cause]), first.template)
    return {**place, **step, **first.error.to_result(), "msg": f"{where}: {text}"}


def joined(begin: str, failures: t.Sequence[t.Mapping[str, t.Any]], *more: str) -> TaskError:
    """Return one error for several failures, each on a line of its own. Status, code and detail are kept if all have one cause.

    Args:
        begin: The text before them; may be empty.
        failures: The failures, as results have them.
        more: The texts after them; empty ones are left out.
    """
    only: t.Mapping[str, t.Any] = failures[0] if len(failures) == 1 else {}
    first, *lines = filter(None, (begin, *(str(failure["msg"]) for failure in failures), *more))
    error = TaskError(
        " ".join((first, *lines)) if only else first,
        http_status=only.get("http_status"),
        error_code=only.get("error_code"),
        detail=only.get("detail"),
    )
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
