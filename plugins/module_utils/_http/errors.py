# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tree of errors, whoever answered, and the cause inside an exception."""

from __future__ import annotations

import typing as t

from .redact import redacted

MAX_DETAIL_LENGTH = 500
# What every failure carries beside `msg`, even if it is null.
FAILURE_FIELDS = ("http_status", "error_code", "detail")


class TaskError(Exception):
    """A failure whose text is shown to the user unchanged.

    Args:
        message: One sentence that names the option or the cause.
        http_status: The status Atlas answered with, if it answered.
        error_code: Atlas's own code, such as `PEER_NOT_FOUND`.
        detail: Atlas's own words, or those of the network.
        hint: What to do next; it is appended to the message.
        outcome_unknown: Whether a change may have been made although no answer says so.
        is_transient: Whether the same request may well succeed a little later.

    Attributes:
        was_refused_unread: Whether Atlas refused the request for its rate alone, so that any request may be sent again.
        retry_after: The seconds after which Atlas asks to try again; None if it does not say.
    """

    was_refused_unread = False
    retry_after: float | None = None

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        error_code: str | None = None,
        detail: str | None = None,
        hint: str | None = None,
        outcome_unknown: bool = False,
        is_transient: bool = False,
    ) -> None:
        super().__init__(f"{message} {hint}" if hint else message)
        self.http_status = http_status
        self.error_code = error_code
        self.detail = detail
        self.hint = hint
        self.outcome_unknown = outcome_unknown
        self.is_transient = is_transient

    @property
    def without_hint(self) -> str:
        """The message alone, for one that gives another hint."""
        return str(self).removesuffix(self.hint or "").strip()

    def redact(self, secrets: t.Sequence[str]) -> None:
        """Take `secrets` out of the texts."""
        self.args = tuple(redacted(text, secrets) for text in self.args)
        self.detail = self.detail and redacted(self.detail, secrets)
        self.error_code = self.error_code and redacted(self.error_code, secrets)

    @property
    def is_unanswered(self) -> bool:
        """Whether the service did not answer the question, as far as it could have been answered: try again later."""
        return isinstance(self, NoAnswerError) or (self.http_status or 0) >= 500 or self.http_status == 429

    def to_result(self) -> dict[str, t.Any]:
        """Return the fields of a failed result: `msg`, `http_status`, `error_code`, `detail`."""
        return {"msg": str(self), **{name: getattr(self, name) for name in FAILURE_FIELDS}}


class InvalidOptionError(TaskError):
    """An option that cannot be right, found before anything is sent."""


class NoAnswerError(TaskError):
    """Atlas did not answer: unreachable, TLS, time-out, a connection that broke."""


class ApiError(TaskError):
    """Atlas answered with an error, or with something that is not a reply of its API."""


class AuthError(ApiError):
    """The credentials are refused, or may not do this."""


class NotFoundError(ApiError):
    """What the request names does not exist."""


class ConflictError(ApiError):
    """The request does not fit the present state."""


class RateLimitError(ApiError):
    """Atlas asked to slow down, more often than the retries allow."""

    was_refused_unread = True


class OvertakenError(ApiError):
    """Somebody else has done, since the last look, what the request was to do: look again."""


# The errors that a caller may tell apart; GCP means the same by these statuses.
CLASS_BY_STATUS: dict[int, type[ApiError]] = {
    401: AuthError,
    403: AuthError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitError,
}


def root_cause(error: BaseException) -> BaseException:
    """Return the innermost exception of those that the HTTP libraries wrap into each other."""
    for unused in range(10):
        # Before its version 2, urllib3 does not name the failure of the network as the cause of its own.
        around = [error.__cause__, getattr(error, "reason", None), *error.args, isinstance(error, OSError) or error.__context__]
        inner = next((one for one in around if isinstance(one, BaseException)), None)
        if inner is None:
            return error
        error = inner
    return error
