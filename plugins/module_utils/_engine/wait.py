# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all waits have in common: their intervals, and the error of a timeout."""

from __future__ import annotations

import typing as t

from .._http.errors import ApiError, TaskError, as_count, as_option

State = t.TypeVar("State")

SHORTEST_INTERVAL = 0.5
# An interval is this share of the time waited so far: 1.5 s after ten seconds, 9 s after a minute.
INTERVAL_SHARE = 0.15
GONE = "gone"


class WaitTimeoutError(Exception):
    """A wait has timed out.

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

    @property
    def span(self) -> str:
        """The time waited, for the text of an error."""
        return as_count(f"{self.waited:.0f} seconds")


def still_refused(error: WaitTimeoutError, refusal: TaskError, hint: str) -> TaskError:
    """Return the error of a step that was refused until the end of its wait."""
    return refusal.with_sentence(f"It was still refused after {error.span}.").with_hint(hint)


def time_is_up(error: WaitTimeoutError, what: str) -> TaskError:
    """Return the error of a wait that has ended before `what`."""
    reason = f" The last question got no answer: {error.unanswered.template}" if error.unanswered is not None else ""
    return ApiError(
        f"The time was up after {error.span} before {what}.{reason}",
        hint=f"Run the task again, or raise {as_option('wait_timeout')}.",
    )
