# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of a run, and the progress of one object. The engine writes both step by step, so that failures show them, too."""

from __future__ import annotations

import math
import typing as t
from contextlib import AbstractContextManager

from .._http.errors import TaskError, shown
from .._http.exchange import ApiCall, count_requests
from .._http.pauses import ANNOUNCE, Clock, setting
from .._http.redact import redacted, visible
from .plan import Plan
from .wait import GONE

if t.TYPE_CHECKING:
    from .front import AnyFront, States
    from .operation import ModuleBase, Session
    from .side import Target, Waiting

Tell = t.Callable[[str], None]
# In seconds, between two lines that say that nothing has changed.
REPORT_INTERVAL = 60.0
# In seconds, the longest pause that is not reported.
LONGEST_SILENCE = 5.0


class Report(t.NamedTuple):
    """Takes lines for the user.

    Attributes:
        progress: Takes what the task waits for, and what it has done when it is stopped.
        detail: Takes how each entry of a list has ended, for users of `-v`; None if it is not read.
    """

    progress: Tell = lambda line: None
    detail: Tell | None = None


# For runs whose lines are not read.
SILENT = Report()


class Outcome:
    """What a module has done so far, and how it ends.

    Attributes:
        changed: Whether something was changed, would be changed (check mode), or may have been changed without a clear reply.
        values: The fields of the result, by noun.
        before: The object before, for diff mode; None without a diff.
        after: The object now, or as it will be.
        diff: What diff mode shows instead of `before` and `after`; None for these.
        plan: The first plan in one line; empty if there was nothing to do, None for a module without such a line.
        plan_file: What results show of the plan file; in check mode with its new content. None without such a file.
        warnings: Sentences for the user.
        api_calls: The requests that were sent.
        failure: The fields of a failed result; None without a failure.
        secrets: What the shells must hide beside the secret options: tokens, and credentials of a profile.
    """

    before: t.Mapping[str, object] | None = None
    after: t.Mapping[str, object] | None = None
    diff: list[dict[str, object]] | None = None
    plan: str | None = None
    plan_file: t.Mapping[str, object] | None = None
    api_calls: t.Sequence[ApiCall] = ()
    failure: dict[str, object] | None = None

    def __init__(self) -> None:
        self.changed = False
        self.values: dict[str, object] = {}
        self.warnings: list[str] = []
        self.secrets: set[str] = set()

    def show(self, values: dict[str, object]) -> None:
        """Show the fields of the result, with the line of the plan in `summary` if the module has one."""
        summary = values.get("summary", {})
        # Without a plan, the summary counts the requested entries.
        if isinstance(summary, dict) and (self.plan is not None or "summary" in values):
            values = {**values, "summary": {**summary, "plan": self.plan or None}}
        self.values = values

    def show_line(self, plan: Plan, line: str | None, project: str) -> None:
        """Show the line of the first plan with its project and its notes."""
        line = f"{line}, in {project}" if line and project else line
        self.plan = " ".join((f"{line}.", *plan.notes)) if line and plan.notes else line

    def warn(self, plan: Plan) -> None:
        """Add the warnings of a plan. One that is refused has no consequences."""
        texts = plan.warnings if plan.refusals else (*plan.warnings, *plan.consequences)
        self.warnings += [text for text in map(shown, texts) if text not in self.warnings]

    def to_result(self, *, diff: bool, verbosity: int) -> dict[str, object]:
        """Return Ansible's result, without `failed` and the warnings: each shell adds those in a different way.

        Args:
            diff: Whether diff mode is on.
            verbosity: The number of `-v`; from 2 on, the result has `api_calls`.
        """
        requests = count_requests(self.api_calls)
        result: dict[str, object] = {"changed": self.changed, "requests": requests, **self.values, **(self.failure or {})}
        compared: object = self.diff
        if compared is None and not self.failure and (self.before is not None or self.after is not None):
            compared = {"before": self.before or {}, "after": self.after or {}}
        if diff and compared is not None:
            result["diff"] = compared
        if self.plan_file is not None:
            result["plan_file"] = self.plan_file
        if verbosity >= 2:
            result["api_calls"] = [call._asdict() for call in self.api_calls]
        return result


class StatusHistory:
    """The states seen so far, with a line about each change and, after a minute without one, that the task still waits.

    Args:
        name: What the task waits for; the lines begin with it.
        clock: A monotonic clock, in seconds.

    Attributes:
        entries: The states in order: `status`, and the `seconds` since this object was made.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.entries: list[dict[str, object]] = []
        self._name = name
        self._clock = clock
        self._started = self._reported = clock()
        self._to_do = ""

    def record(self, status: str, to_do: str = "", goal: str = "", until: float | None = None) -> str:
        """Record the current state.

        Args:
            status: The state; `gone` is ignored if nothing was there before.
            to_do: What the user must do before it goes on; reported at once.
            goal: The state that the task waits for; empty for none.
            until: When it stops waiting, on the clock; None if it does not wait.

        Returns:
            The line to report; empty for none.
        """
        if status == GONE and not self.entries:
            return ""
        now = self._clock()
        seconds = now - self._started
        last = self.entries[-1]["status"] if self.entries else None
        is_news = to_do not in ("", self._to_do)
        # It is reported only once, even if the task waits again for the same.
        self._to_do = to_do or self._to_do
        times = f" after {seconds:.0f} s" + (f", {max(0.0, until - now):.0f} s left" if until is not None else "")
        if status != last:
            self.entries.append({"status": status, "seconds": round(seconds, 1)})
        if last not in (None, status):
            return self._line(f"{last} → {status}{times}", now, to_do)
        if is_news:
            return self._line(f"{status}{times}", now, to_do)
        if last is not None and now - self._reported >= REPORT_INTERVAL:
            return self._line(f"still {status}{times}", now, to_do or (goal and f"waiting for {goal}"))
        return ""

    def _line(self, text: str, now: float, awaited: str) -> str:
        self._reported = now
        return ": ".join((self._name, "; ".join(filter(None, (text, awaited)))))


class Lines:
    """Reports lines for the user while a module runs.

    Args:
        module: The module that runs.
        report: Takes the lines.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, module: ModuleBase[Session], report: Report, clock: Clock) -> None:
        self._module = module
        self._report = report
        self._clock = clock
        # When each pause was last announced.
        self._announced: dict[str, float] = {}

    def tell(self, line: str) -> None:
        """Report a line, without secrets and control characters."""
        self._report.progress(self._cleaned(line))

    def tell_named(self, text: str) -> None:
        """Report a line that begins with the name of what the task is about, if it has one."""
        self.tell(": ".join(filter(None, (self._module.name, text))))

    def _cleaned(self, line: str) -> str:
        return visible(redacted(line, self._module.session.secrets))

    def announcing(self) -> AbstractContextManager[None]:
        """Report the long pauses of requests that are sent inside the block."""
        return setting(ANNOUNCE, self.announce)

    def announce(self, service: str, error: TaskError, seconds: float) -> None:
        """Report that a request is sent again after a pause, unless that is short, or was reported within a minute."""
        what = "limits the rate" if error.was_refused_unread else "does not answer"
        line, now = f"{service} {what} ({error.http_status or 'no reply'}), trying again", self._clock()
        if seconds > LONGEST_SILENCE and now - self._announced.get(line, -math.inf) >= REPORT_INTERVAL:
            self._announced[line] = now
            self.tell_named(line)

    def stop(self, done: t.Sequence[str], unsure: t.Sequence[str]) -> None:
        """Report what a task that is interrupted has done, and may have done: it may have no result."""
        text = f"stopped before the end; done so far: {', '.join(done) or 'nothing'}"
        text = f"{text}; perhaps also: {', '.join(unsure)}" if unsure else text
        self.tell_named(text)


class RunProgress(Lines):
    """The progress of a front about one object.

    Args:
        front: The front that runs.
        outcome: Receives what results show.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, front: AnyFront, outcome: Outcome, report: Report, clock: Clock) -> None:
        super().__init__(front, report, clock)
        self._front, self._outcome = front, outcome
        self._history = StatusHistory(front.name, clock)
        self._first: States = {}

    def begin(self) -> None:
        """Record the states at the start of the run, with which diff mode compares."""
        self._first = self._states()
        self.see()

    def see(self, changed: t.Collection[Target] = (), waiting: Waiting | None = None, until: float | None = None) -> None:
        """Record and report an event.

        Args:
            changed: The owners whose states have changed.
            waiting: What the task waits for; None for nothing.
            until: When it stops waiting, on the clock.
        """
        status = self._front.status(waiting)
        if status is not None:
            line = self._history.record(status.name, status.to_do, waiting.goal if waiting is not None else "", until)
            if line:
                self.tell(line)
        self.show()

    def show(self) -> None:
        """Let the result show the current states."""
        self._outcome.show(self._front.show())

    def end_stage(self) -> None:
        """Report how a stage has ended, if its progress was reported."""

    def wakes_at(self) -> float:
        """Return when a line is due although nothing happens, on the clock; infinity for never."""
        return math.inf

    def wake(self) -> None:
        """Report that nothing has happened."""

    def end(self) -> None:
        """Let the result and diff mode show the last states and, if the front keeps it and waits, the history of states."""
        self.show()
        if self._front.is_single:
            # Diff mode has the changes of a list, and no comparison if one object fails.
            self._outcome.before = self._front.compare(self._first)
            self._outcome.after = self._front.compare(self._states())
        if self._front.keeps_history and self._front.params["wait"]:
            self._outcome.values["status_history"] = self._histories()

    def _histories(self) -> t.Sequence[object]:
        return self._history.entries

    def _states(self) -> States:
        return {side.name: dict(side.states) for side in self._front.sides}
