# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting: ask again and again, at growing intervals, until the answer will do. Pure: clock and sleep are handed in."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._http.errors import TaskError
from .._http.pauses import Clock, Sleep

State = t.TypeVar("State")

SHORTEST_INTERVAL = 0.5
# An interval is this share of the time waited so far: after ten seconds 1.5 s, after a minute 9 s.
INTERVAL_SHARE = 0.15
GONE = "gone"


class WaitTimeoutError(Exception):
    """The time is up.

    Attributes:
        waited: The seconds that passed.
        unanswered: Why the last question got no answer, if it got none.
    """

    def __init__(self, waited: float, unanswered: TaskError | None = None) -> None:
        super().__init__(f"not there after {waited:.0f} seconds")
        self.waited = waited
        self.unanswered = unanswered


@dataclass(frozen=True)
class Wait(t.Generic[State]):
    """What is waited for.

    Attributes:
        goal: The state that it is to come to, for the user.
        poll: Asks one question, and returns the state then.
        is_done: Whether a state will do; raises TaskError where waiting on is in vain.
        late: Returns what to say when the time is up; None if that is no failure.
        seconds: How long to wait at the most; None for the option `wait_timeout`.
        refused: For a step that is tried whenever `is_done` holds: returns the state to wait on with after a refusal, or None if
            it is a failure.
        is_patient: Whether every failure that may pass is waited out, because the session itself does not try again.
        then: Returns what to wait for after that; None for nothing.
        polls_at_once: Whether the state does not tell yet, so that it is asked for before the first pause.
    """

    goal: str
    poll: t.Callable[[State], State]
    is_done: t.Callable[[State], bool]
    late: t.Callable[[State, WaitTimeoutError], TaskError | None]
    seconds: float | None = None
    refused: t.Callable[[State, TaskError], State | None] | None = None
    is_patient: bool = False
    polls_at_once: bool = False
    then: t.Callable[[State], Wait[State] | None] | None = None


def wait_until(is_done: t.Callable[[], bool], *, timeout: float, longest_interval: float, clock: Clock, sleep: Sleep) -> None:
    """Ask `is_done` until it says so.

    The first question is asked after the first interval: the caller has just looked. The last one is asked when the
    time is up, so that a change in the last interval still counts.

    Args:
        is_done: Asks for the present state, and returns whether it will do; it raises what ends the waiting early.
        timeout: Seconds to wait at the most.
        longest_interval: Seconds between two questions at the most.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.

    Raises:
        WaitTimeoutError: If the time is up.
    """
    started = clock()
    while True:
        waited = clock() - started
        interval = min(max(SHORTEST_INTERVAL, waited * INTERVAL_SHARE), longest_interval, max(0.0, timeout - waited))
        sleep(interval)
        if is_done():
            return
        waited = clock() - started
        if waited >= timeout:
            raise WaitTimeoutError(waited)
