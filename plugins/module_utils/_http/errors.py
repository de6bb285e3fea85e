# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task may end with, whichever service it talks to.

    TaskError                 any failure; raised as it is where no class below says more
        InvalidOptionError    an option cannot be right
        StoppedError          the task ends, so this thread sends nothing more
        NoAnswerError         no reply came: unreachable, TLS, a time-out, a broken connection
        ApiError              a reply came: an error, or no reply of the service's API
            AuthError         401, 403: the credentials are refused, or may not do this
            NotFoundError     404: what the request names does not exist
            ConflictError     409: the request does not fit the present state
            RateLimitError    429: too many requests, even after all retries
            OvertakenError    what the request was to do was done by others since the last look

`_aws/errors.py`, `_gcp/errors.py` and `_peering/errors.py` add classes of their own. An error does not change once it is made:
the functions `with_…` return a new one.
"""

from __future__ import annotations

import typing as t

from .redact import redacted

MAX_DETAIL_LENGTH = 500
# What every failure carries beside `msg`, even if it is null.
FAILURE_FIELDS = ("http_status", "error_code", "detail")

_Error = t.TypeVar("_Error", bound="TaskError")


class TaskError(Exception):
    """A failure whose text is shown to the user unchanged.

    Args:
        message: One sentence that names the option or the cause.
        http_status: The status of the reply, if one came.
        error_code: The service's own code, such as `PEER_NOT_FOUND`.
        detail: The service's own words, or those of the network.
        hint: What to do next; the text ends with it.
        outcome_unknown: Whether a change may have been made although no answer says so.
        is_transient: Whether the same request may well succeed a little later.
        retry_after: The seconds after which the service asks to try again; None if it does not say.

    Attributes:
        was_refused_unread: Whether the request was refused for its rate alone, so that any request may be sent again.
    """

    was_refused_unread = False

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
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.http_status = http_status
        self.error_code = error_code
        self.detail = detail
        self.hint = hint
        self.outcome_unknown = outcome_unknown
        self.is_transient = is_transient
        self.retry_after = retry_after

    def __str__(self) -> str:
        """Return the message and the hint."""
        return f"{self.message} {self.hint}" if self.hint else self.message

    @property
    def is_unanswered(self) -> bool:
        """Whether the service did not answer the question, as far as it could have been answered: try again later."""
        return isinstance(self, NoAnswerError) or (self.http_status or 0) >= 500 or self.http_status == 429

    def to_result(self) -> dict[str, t.Any]:
        """Return the fields of a failed result: `msg`, `http_status`, `error_code`, `detail`."""
        return {"msg": str(self), **{name: getattr(self, name) for name in FAILURE_FIELDS}}

    def with_message(self: _Error, message: str) -> _Error:
        """Return this error with another message before the hint."""
        return self._with(message=message)

    def with_hint(self: _Error, hint: str | None) -> _Error:
        """Return this error with another hint, or none."""
        return self._with(hint=hint)

    def with_reply(self: _Error, refusal: TaskError) -> _Error:
        """Return this error with the status, the code and the words of the reply behind `refusal`, of which it says more."""
        return self._with(**{name: getattr(refusal, name) for name in FAILURE_FIELDS})

    def with_outcome(self: _Error, *, unknown: bool, is_transient: bool = False) -> _Error:
        """Return this error as that of the last try, with what is known of all tries."""
        return self._with(outcome_unknown=unknown, is_transient=is_transient, was_refused_unread=False)

    def without_secrets(self: _Error, secrets: t.Sequence[str]) -> _Error:
        """Return this error with `secrets` redacted in its texts."""
        texts = {name: getattr(self, name) for name in ("message", "hint", "error_code", "detail")}
        return self._with(**{name: text and redacted(text, secrets) for name, text in texts.items()})

    def _with(self: _Error, **changes: t.Any) -> _Error:
        """Return a copy that differs in some attributes; whatever arguments its class takes, its other attributes stay."""
        fields = {**vars(self), **changes}
        made = type(self).__new__(type(self), fields["message"])
        vars(made).update(fields)
        made.__cause__ = self.__cause__
        return made.with_traceback(self.__traceback__)


class InvalidOptionError(TaskError):
    """An option that cannot be right; most are found before anything is sent."""


class StoppedError(TaskError):
    """The task ends: this thread sends nothing more."""

    def __init__(self) -> None:
        super().__init__("The task was stopped before the request was sent. Run it again.")


class NoAnswerError(TaskError):
    """No reply came: unreachable, TLS, a time-out, a broken connection."""


class ApiError(TaskError):
    """A reply came that is an error, or that is not one of the service's API."""


class AuthError(ApiError):
    """The credentials are refused, or may not do this."""


class NotFoundError(ApiError):
    """What the request names does not exist."""


class ConflictError(ApiError):
    """The request does not fit the present state."""


class RateLimitError(ApiError):
    """The service asked to slow down, more often than the retries allow."""

    was_refused_unread = True


class OvertakenError(ApiError):
    """Others have done, since the last look, what the request was to do: look again."""


# The errors that a caller may tell apart; Atlas and GCP mean the same by these statuses.
CLASS_BY_STATUS: dict[int, type[ApiError]] = {
    401: AuthError,
    403: AuthError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitError,
}
# What can happen to a connection.
ConnectionFailure = t.Literal["untrusted", "no proxy", "no files", "unreachable", "silent", "broken"]
# What to say of each failure, with a place for the server, and what to do next.
ConnectionHints = t.Mapping[ConnectionFailure, tuple[str, str]]


def refusal_error(
    kind: type[ApiError],
    description: str,
    status: int,
    code: str | None,
    detail: str,
    *,
    is_write: bool,
    secrets: t.Iterable[str],
    hint: str | None = None,
    is_transient: bool = False,
    retry_after: float | None = None,
) -> ApiError:
    """Make the error for a reply with an error status.

    Args:
        kind: Its class.
        description: What failed, as a verb phrase.
        status, code, detail: The HTTP status, the service's own code (None for none) and its words (empty for none).
        is_write: Whether the request would have changed something: if the server failed (5xx), it may have.
        secrets: What must not be shown, not even the first half of it where a long detail is cut.
        hint, is_transient, retry_after: As a TaskError takes them.
    """
    code = redacted(code, secrets, MAX_DETAIL_LENGTH) if code else None
    detail = redacted(detail, secrets, MAX_DETAIL_LENGTH)
    label = f"HTTP {status} {code}" if code else f"HTTP {status}"
    return kind(
        f"Failed to {description}: {(detail or 'no reason given').rstrip('. ')} ({label}).",
        http_status=status,
        error_code=code,
        detail=detail or None,
        hint=hint,
        outcome_unknown=is_write and status >= 500,
        is_transient=is_transient,
        retry_after=retry_after,
    )


def connection_error(
    description: str,
    failure: ConnectionFailure,
    error: BaseException,
    *,
    hints: ConnectionHints,
    where: str,
    is_write: bool,
    secrets: t.Iterable[str],
) -> NoAnswerError:
    """Make the error for a request that got no whole reply.

    Args:
        description: What failed, as a verb phrase.
        failure: What happened to the connection.
        error: The exception of the HTTP library; the message gives its innermost cause.
        hints: What to say of each failure.
        where: The server, as the message names it.
        is_write: Whether the request would have changed something: it may have if it was sent.
        secrets: What must not be shown.
    """
    root = root_cause(error)
    cause = getattr(root, "verify_message", None) or getattr(root, "strerror", None) or str(root) or type(root).__name__
    # What a server sent in place of a reply may be in it.
    cause = redacted(cause, secrets, MAX_DETAIL_LENGTH)
    text, hint = hints[failure]
    return NoAnswerError(
        f"Failed to {description}: {text.format(where=where)} ({cause}).",
        detail=cause,
        hint=hint,
        outcome_unknown=is_write and failure in ("silent", "broken"),
        is_transient=failure not in ("untrusted", "no files"),
    )


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
