# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting: polls at growing intervals until a condition holds; clock and sleep are arguments."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._http.errors import ApiError, TaskError
from .._http.pauses import Clock, Sleep

State = t.TypeVar("State")

SHORTEST_INTERVAL = 0.5
# An interval is this share of the time waited so far: 1.5 s after ten seconds, 9 s after a minute.
INTERVAL_SHARE = 0.15
GONE = "gone"


class WaitTimeoutError(Exception):
    """The time is up.

    Attributes:
        waited: The seconds that passed.
        unanswered: The error of the last poll; None if it got an answer.
        refusal: The last refusal of a step that waited to be sent again; None if nothing was refused.
    """

    def __init__(self, waited: float, unanswered: TaskError | None = None, refusal: TaskError | None = None) -> None:
        super().__init__(f"not there after {waited:.0f} seconds")
        self.waited = waited
        self.unanswered = unanswered
        self.refusal = refusal


@dataclass(frozen=True)
class Wait(t.Generic[State]):
    """What to wait for, and how.

    Attributes:
        goal: The awaited state, for the user.
        poll: Returns the new state, given the last one; asks the service once.
        is_done: Whether the wait is over in a state; raises TaskError if waiting longer is useless.
        late: Returns the error when the time is up; None if that is no failure.
        seconds: The most seconds to wait; None for the option `wait_timeout`.
        refused: If set, a step is sent whenever `is_done` holds, and this returns, after a refusal, the state to go on waiting
            with; None if the refusal is final.
        then: Returns what to wait for next; None for nothing.
    """

    goal: str
    poll: t.Callable[[State], State]
    is_done: t.Callable[[State], bool]
    late: t.Callable[[State, WaitTimeoutError], TaskError | None]
    seconds: float | None = None
    refused: t.Callable[[State, TaskError], State | None] | None = None
    then: t.Callable[[State], Wait[State] | None] | None = None


def wait_until(is_done: t.Callable[[], bool], *, timeout: float, longest_interval: float, clock: Clock, sleep: Sleep) -> None:
    """Call `is_done` until it returns true.

    The first call comes after an interval: the caller has just looked. The last one comes when the time is up, so that a change
    in the last interval still counts.

    Args:
        is_done: Polls, and returns whether the wait is over; an exception ends it early.
        timeout: The most seconds to wait.
        longest_interval: The most seconds between two polls.
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


def time_is_up(error: WaitTimeoutError, what: str) -> TaskError:
    """Return the error of a wait that has ended before `what`, for `Wait.late`."""
    reason = f" The last question got no answer: {error.unanswered}" if error.unanswered is not None else ""
    return ApiError(
        f"The time was up after {error.waited:.0f} seconds before {what}.{reason}",
        hint="Run the task again, or raise wait_timeout.",
    )
