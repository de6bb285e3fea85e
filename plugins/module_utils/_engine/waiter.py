# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting in a run: asks as a Wait says until the state will do, and takes down what is seen."""

from __future__ import annotations

import typing as t

from .._http.errors import AtlasError
from .._http.pauses import LONGEST_BACKOFF
from .operation import Operation, Session
from .outcome import Progress
from .wait import Clock, Sleep, Wait, WaitTimeoutError, wait_until


class Waiter:
    """Waits in one run.

    Args:
        progress: How far the run has come.
        operation: What runs; the requests of its session are bounded by the time of the wait.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """

    def __init__(self, progress: Progress, operation: Operation[t.Any, t.Any], clock: Clock, sleep: Sleep) -> None:
        self._progress = progress
        self._session: Session = operation.session
        self._params = operation.params
        self._clock = clock
        self._sleep = sleep

    def wait_for(self, wait: Wait[t.Any], is_done: t.Callable[[], bool] | None = None, *, pauses_first: bool = False) -> None:
        """Wait until the state will do.

        If nobody answers shortly before the time is up, that is what the wait ends with, after the last state that was seen.

        Args:
            wait: What to wait for.
            is_done: Whether to end the wait; None for what the wait itself says.
            pauses_first: Whether that is known not to be so yet.

        Raises:
            AtlasError: If the time is up, or waiting on is in vain.
        """
        progress = self._progress
        done = is_done or (lambda: wait.is_done(progress.state))
        if wait.polls_at_once:
            progress.see(wait.poll(progress.state))
        if pauses_first or not done():
            self._wait_until(wait, done, self._params["wait_timeout"] if wait.seconds is None else wait.seconds)
        following = wait.then(progress.state) if wait.then is not None else None
        if following is not None:
            self.wait_for(following)

    def _wait_until(self, wait: Wait[t.Any], is_done: t.Callable[[], bool], seconds: float) -> None:
        progress, clock, started = self._progress, self._clock, self._clock()
        deadline = started + seconds
        unanswered: AtlasError | None = None

        def ask() -> bool:
            nonlocal unanswered
            try:
                progress.see(wait.poll(progress.state), wait)
                unanswered = None
                return is_done()
            except AtlasError as error:
                # Earlier, the client has tried as often as it may. By now, it has less time than that.
                # What may have been changed nevertheless has to be looked for.
                is_late = error.is_unanswered and not error.outcome_unknown and clock() + LONGEST_BACKOFF >= deadline
                if not is_late and not (wait.is_patient and error.is_transient):
                    raise
                unanswered = error
            return False

        with self._session.within(deadline):
            # Where somebody has to act is told at once.
            progress.see(progress.state, wait)
            try:
                wait_until(
                    ask,
                    timeout=max(0.0, deadline - clock()),
                    longest_interval=self._params["wait_sleep"],
                    clock=clock,
                    sleep=self._sleep,
                )
            except WaitTimeoutError as error:
                error.waited, error.unanswered = clock() - started, unanswered
                late = wait.late(progress.state, error)
                if late is not None:
                    raise late from error
