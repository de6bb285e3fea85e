# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Which failures are worth another try, and when. Pure: clock and sleep are handed in."""

from __future__ import annotations

import random
import typing as t

from .errors import AtlasError

Answer = t.TypeVar("Answer")

# Seconds: the longest pause that is chosen here, and the longest that Atlas may ask for.
LONGEST_BACKOFF = 60.0
LONGEST_PAUSE = 60.0


def backoff(attempt: int) -> float:
    """Return the seconds to pause after failed attempt number `attempt`, counted from 0: doubling, with jitter."""
    return random.uniform(0.5, 1) * min(2.0 ** min(attempt, 10), LONGEST_BACKOFF)  # noqa: S311 - jitter is no secret


def repeat(
    exchange: t.Callable[[], Answer],
    *,
    retries: int,
    is_repeatable: bool,
    deadline: float,
    clock: t.Callable[[], float],
    sleep: t.Callable[[float], None],
) -> Answer:
    """Call `exchange` until there is an answer, and return it.

    A refusal for the rate (429) was not carried out and may always be sent again. Any other failure leaves open whether the
    request was carried out: only what can be repeated without harm is sent again.

    Args:
        exchange: Sends the request once and reads the reply.
        retries: How often it is sent again at the most.
        is_repeatable: Whether it may be sent again when it is not known whether it was carried out.
        deadline: The moment after which it is not sent again, on `clock`.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.

    Raises:
        AtlasError: If the last try fails. Its `outcome_unknown` covers the tries before.
    """
    may_be_done = False
    for attempt in range(retries + 1):
        try:
            return exchange()
        except AtlasError as error:
            failure = error
        failure.outcome_unknown = failure.outcome_unknown or may_be_done
        pause = backoff(attempt) if failure.retry_after is None else min(failure.retry_after, LONGEST_PAUSE)
        may_repeat = failure.was_refused_unread or (is_repeatable and failure.is_transient)
        if not may_repeat or attempt == retries or clock() + pause > deadline:
            # Retries are used up; callers must not add their own.
            failure.is_transient = failure.is_transient and not is_repeatable
            raise failure
        may_be_done = failure.outcome_unknown
        sleep(pause)
    raise AssertionError("the loop returns or raises")
