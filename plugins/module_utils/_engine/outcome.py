# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of an Operation. The engine alone writes it, as it goes on, so that a failure tells how far it got."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._http.pauses import Clock
from .._http.redact import redacted
from .operation import Operation
from .plan import Plan
from .wait import GONE, Wait

Report = t.Callable[[str], None]
# Seconds between two lines that say that nothing has changed.
REPORT_INTERVAL = 60.0


@dataclass
class Outcome:
    """What an Operation has done so far, and how it ends.

    Attributes:
        changed: Whether something was changed, would be changed (check mode), or may have been changed when no answer came.
        values: The resources, by the noun under which they are returned.
        before: What was there, for diff mode; None for what has no diff.
        after: What is there, or will be.
        diff: What diff mode shows in place of `before` and `after`; None for these.
        warnings: Sentences for the user.
        api_calls: The requests that were sent.
        failure: The fields of the failure, if it is one.
        secrets: What the shells must not show beside the secrets among the options: tokens, and what a profile has.
    """

    changed: bool = False
    values: dict[str, t.Any] = field(default_factory=dict)
    before: t.Mapping[str, t.Any] | None = None
    after: t.Mapping[str, t.Any] | None = None
    diff: list[dict[str, t.Any]] | None = None
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
        if diff and self.diff is not None:
            result["diff"] = self.diff
        elif diff and not self.failure and (self.before is not None or self.after is not None):
            result["diff"] = {"before": self.before or {}, "after": self.after or {}}
        if verbosity >= 2:
            result["api_calls"] = [call._asdict() for call in self.api_calls]
        return result


class StatusHistory:
    """Which states were seen, and when; each change is reported, and once a minute that the task still waits.

    Args:
        name: What is waited for, for the lines.
        report: Takes a line.
        clock: A monotonic clock, in seconds.

    Attributes:
        entries: The states, each with the seconds since the task began.
    """

    def __init__(self, name: str, report: Report, clock: Clock) -> None:
        self.entries: list[dict[str, t.Any]] = []
        self._name = name
        self._report = report
        self._clock = clock
        self._started = self._reported = clock()
        self._to_do = ""

    def record(self, status: str, to_do: str = "", goal: str = "") -> None:
        """Record the present state.

        Args:
            status: The state. That something is gone is news only of what was there.
            to_do: What has to be done before it goes on; the user sees that at once.
            goal: What is being waited for; empty for nothing.
        """
        if status == GONE and not self.entries:
            return
        now = self._clock()
        seconds = now - self._started
        last = self.entries[-1]["status"] if self.entries else None
        is_news = to_do not in ("", self._to_do)
        self._to_do = to_do
        if status != last:
            self.entries.append({"status": status, "seconds": round(seconds, 1)})
        if last not in (None, status):
            self._tell(f"{last} → {status} after {seconds:.0f} s", now)
        elif is_news:
            self._tell(status, now)
        elif last is not None and now - self._reported >= REPORT_INTERVAL:
            self._tell(f"still {status} after {seconds:.0f} s", now, f"waiting for {goal}")

    def _tell(self, text: str, now: float, awaited: str = "") -> None:
        self._reported = now
        self._report(": ".join((self._name, "; ".join(filter(None, (text, self._to_do or awaited))))))


class Progress:
    """How far a run has come: what was seen, for the outcome and for the user.

    Args:
        operation: What runs.
        outcome: Takes what results show.
        report: Takes a line for the user.
        clock: A monotonic clock, in seconds.

    Attributes:
        state: The present state.
        plan: What will be done, or was.
    """

    def __init__(self, operation: Operation[t.Any, t.Any], outcome: Outcome, report: Report, clock: Clock) -> None:
        self.state: t.Any = None
        self.plan = Plan()
        self._first: t.Any = None
        self._operation = operation
        self._outcome = outcome
        self._report = report
        self._history = StatusHistory(operation.name, self.tell, clock)

    def tell(self, line: str) -> None:
        """Report a line, without secrets."""
        self._report(_clean(line, self._operation.session.secrets))

    def begin(self, state: t.Any) -> None:
        """Record the state in which a run begins."""
        self._first = state
        self.see(state)

    def see(self, state: t.Any, wait: Wait[t.Any] | None = None) -> None:
        """Record the present state, and what is being waited for."""
        self.state = state
        status = self._operation.status(state, wait)
        if status is not None:
            self._history.record(status.name, status.to_do, wait.goal if wait is not None else "")
        self.show()

    def show(self) -> None:
        """Let the result show the present state."""
        self._outcome.values = self._operation.show(self.state, self.plan)
        if self._operation.has_diff:
            self._compare()

    def _compare(self) -> None:
        """Let diff mode show what is there beside what was."""
        self._outcome.before = self._operation.compare(self._first, self.plan)
        self._outcome.after = self._operation.compare(self.state, self.plan)

    def end(self, state: t.Any) -> None:
        """Let the result show the last state, and which states were seen if the user wants that."""
        self.state = state
        self.show()
        if self._operation.keeps_history and self._operation.params["wait"]:
            self._outcome.values["status_history"] = self._history.entries


def _clean(line: str, secrets: t.Iterable[str]) -> str:
    """Return a line for the user's terminal: without secrets, and without characters that a terminal would act on."""
    return "".join(one if one.isprintable() else "\ufffd" for one in redacted(line, secrets))
