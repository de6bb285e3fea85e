# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only lists show: their progress in one line, and changes in words."""

from __future__ import annotations

import typing as t

from .._http.pauses import Clock
from .outcome import REPORT_INTERVAL, Outcome, Report, RunProgress, StatusHistory
from .side import Target, Waiting

if t.TYPE_CHECKING:
    from .front import AnyFront, ResultValue

# The words for kinds and actions, where sentences use others than results. An attribute is called by its name alone.
_NOUNS = {"container": "network container", "mirror": "peering", "attribute": ""}
_WORDS = {
    "create": "created",
    "change": "changed",
    "recreate": "requested again",
    "accept": "accepted",
    "tag": "tagged",
    "untag": "untagged",
    "enable": "enabled",
    "replace": "replaced",
    "delete": "removed",
}
_OTHER_WORDS = {("create", "connection"): "requested", ("create", "role"): "given", ("delete", "role"): "taken away"}


class ListProgress(RunProgress):
    """The progress of a front about a list. Results are made with a plan and at the end: after each step, it would take too long.

    Args:
        front: The front that runs.
        outcome: Receives what results show.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, front: AnyFront, outcome: Outcome, report: Report, clock: Clock) -> None:
        super().__init__(front, outcome, report, clock)
        self._line, self._reported = "", clock()
        self._has_plan = False
        # The states of each entry, if the front keeps a history.
        self._entries: list[StatusHistory] = []

    def see(self, changed: t.Collection[Target] = (), waiting: Waiting | None = None, until: float | None = None) -> None:
        """Record an event. With `waiting`, report what is waited for if that has changed, and once a minute."""
        if self._front.keeps_history:
            self._record(self._front.statuses())
        if waiting is not None:
            self._tell_line(until)

    def show(self) -> None:
        """Let the result and diff mode show the current states: with a plan, and at the end, also of a run that was stopped."""
        self._has_plan = True
        self._outcome.show(self._front.show())
        self._outcome.diff = self._front.diff()

    def _record(self, statuses: t.Sequence[str]) -> None:
        self._entries += [StatusHistory("", self._clock) for unused in statuses[len(self._entries) :]]
        for history, status in zip(self._entries, statuses):
            history.record(status)

    def _histories(self) -> list[ResultValue]:
        return [history.entries for history in self._entries]

    def wakes_at(self) -> float:
        """Return when a line is due although nothing happens, on the clock."""
        return self._reported + REPORT_INTERVAL

    def wake(self) -> None:
        """Report what is waited for, if a minute has passed since the last line."""
        self._tell_line(None)

    def _tell_line(self, until: float | None) -> None:
        line = one_line(side.progress_line() for side in self._front.sides)
        now = self._clock()
        if line and (line != self._line or now - self._reported >= REPORT_INTERVAL):
            self._line, self._reported = line, now
            self.tell_named(f"{line}{'' if until is None else f'; {self._times(until - now)}'}")

    def _times(self, left: float) -> str:
        stage = self._front.context.stage
        # Without a negative zero.
        waited = f"{max(0.0, round(self._front.seconds_of(stage) - left, 3)):.0f} s waited, " if stage else ""
        return f"{waited}{max(0.0, left):.0f} s left"


def one_line(lines: t.Iterable[str]) -> str:
    """Join the progress of several sides in one line; empty texts are left out."""
    # Names come last: they have commas of their own.
    return ", ".join(sorted(filter(None, lines), key=lambda line: ": " in line))


def nothing_changed(project: str, what: str = "") -> str:
    """Return the sentence with which the failure of a refused plan begins.

    Args:
        project: The project, for the user; empty if there is none.
        what: `else` if something was changed before.
    """
    return f"Nothing {what and f'{what} '}was changed{project and f' in {project}'}."


def in_words(action: str, kind: str, name: str = "", number: int = 1) -> str:
    """Return what was done, such as `peering atlas-nt-1 created`, `2 routes created` or `connection accepted`.

    Args:
        action: The action, as results have it.
        kind: To what.
        name: Its name, or several; empty if it is not known, or clear without.
        number: How many there are.
    """
    noun, word = _NOUNS.get(kind, kind), _OTHER_WORDS.get((action, kind), _WORDS.get(action, action))
    if number > 1:
        noun = f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun or kind}s"
    return " ".join(filter(None, (str(number) if number > 1 and not name else "", noun, name, word)))


def lines_of(action: str, kind: str, name: str, before: str, after: str) -> tuple[str, str]:
    """Return the lines of a change in a diff, before and after it; an empty text for nothing.

    Args:
        action: The action, as results have it.
        kind: To what.
        name: Its name; empty where it is not known, or the header of the diff has it.
        before: The fields that there were, in words.
        after: The fields that there are.
    """
    parts = ("tags of" if action == "untag" else "", _NOUNS.get(kind, kind), name)
    label, done = " ".join(filter(None, parts)), in_words(action, kind, name)
    if action in ("accept", "enable"):
        # The word says as much as the fields.
        return "", f"{done}\n"
    if action in ("delete", "untag"):
        return f"{': '.join(filter(None, (label, before)))}\n", ""
    return f"{label}: {before}\n" if before else "", f"{': '.join(filter(None, (done, after)))}\n"
