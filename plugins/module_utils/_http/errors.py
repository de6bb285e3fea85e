# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors that a task may end with, for all services.

    TaskError                 any failure; raised itself if no subclass fits
        InvalidOptionError    an option is invalid
            EntryError        an entry of a list is invalid as a whole
        StoppedError          the task ends, so this thread sends nothing more
        NoAnswerError         no reply came: unreachable, TLS, a time-out, a broken connection
        ApiError              a reply came: an error, or not from the service's API
            AuthError         401, 403: the credentials are refused, or lack a permission
            NotFoundError     404: the object does not exist
            ConflictError     409: the request does not fit the current state
            RateLimitError    429: too many requests, even after all retries
            OvertakenError    another client has done this since the last look
            UndoneError       a change was accepted, and ended without an effect

`_aws/errors.py`, `_gcp/session.py`, `_azure/session.py` and `_sides/connection.py` add classes. Errors are immutable: the methods
`with_…` return a new one.
"""

from __future__ import annotations

import re
import typing as t
from functools import reduce
from types import MappingProxyType

from .._values.ids import Show, written
from .redact import redacted, visible

MAX_DETAIL_LENGTH = 500
# The fields of every failed result beside `msg`; each may be null.
FAILURE_FIELDS = ("http_status", "error_code", "detail")

# Kinds of parts of a text that is not shown yet, and an option in it.
NAME, FORM, COUNT, REPLY = "nfcr"
_OPTION = re.compile("\ufdd0o\ufdd1(\\w+)\ufdd2")

_Error = t.TypeVar("_Error", bound="TaskError")


# An option in the text, hint or description of an error, shown under its name in the task. Tables of hints use both when they are
# imported.
as_option: t.Callable[[str], str] = "\ufdd0o\ufdd1{}\ufdd2".format
# How often, or for how long, for the text of an error: failures that differ in it alone have one cause.
as_count: t.Callable[[str], str] = "\ufdd0c\ufdd1{}\ufdd2".format
# A name, such as an id or a block: what is said of several objects has another one, or a noun, in its place.
as_name: t.Callable[[object], str] = "\ufdd0n{0}\ufdd1{0}\ufdd2".format
# What a service says, for the text of an error: its names have no marks.
as_reply: t.Callable[[str], str] = "\ufdd0r\ufdd1{}\ufdd2".format


def as_form(singular: str, plural: str | None = None) -> str:
    """Return words for the text of an error which differ where it is about several objects; without a plural, it ends in `s`."""
    return f"\ufdd0{FORM}{plural or f'{singular}s'}\ufdd1{singular}\ufdd2"


def named_path(path: str) -> str:
    """Return a path for a text, with its last part as a name."""
    parent, slash, name = path.rpartition("/")
    return f"{parent}{slash}{as_name(name)}"


def with_options(text: str, *names: t.Mapping[str, str]) -> str:
    """Return what `shown` does, with all marks but those of options."""
    return _OPTION.sub(lambda match: reduce(lambda name, other: other.get(name, name), names, match[1]), text)


def shown(text: str, *names: t.Mapping[str, str]) -> str:
    """Return a text with its options by their names: those of `as_option`, or what each of `names` has in place of them."""
    return written(with_options(text, *names))


class EntryPlace(t.NamedTuple):
    """An entry of a list, as errors about it name it: `peers[3] (vpc-0a1b2c3d)`.

    Attributes:
        option: The list.
        number: The place of the entry, from 0.
        link: What stands between the entry and the message. A full stop before an option is for an entry without a name.
        name: The name of its network; empty where it is not known.
    """

    option: str
    number: int
    link: str = ": "
    name: str = ""

    def __str__(self) -> str:
        """Return the place of the entry, and its name."""
        return f"{self.option}[{self.number}]" + (f" ({self.name})" if self.name else "")

    @property
    def beginning(self) -> str:
        """What a message about the entry begins with."""
        return f"{self}{': ' if self.name and self.link == '.' else self.link}"


class TaskError(Exception):
    """A failure, as a message for the user and fields.

    Args:
        text: One sentence that names the cause, with options by `as_option`; after a description, what stands behind the colon.
        description: What failed, as a verb phrase; None for anything but a request.
        http_status: The status of the reply; None if none came.
        error_code: The service's error code, such as `PEER_NOT_FOUND`.
        detail: The text of the service's error, or of the network's.
        hint: What to do next; it follows the message.
        outcome_unknown: Whether a change may have been made although no reply confirms it.
        is_transient: Whether the same request may succeed a little later.
        retry_after: The seconds after which the service asks to try again; None if it does not say.

    Attributes:
        was_refused_unread: Whether only the rate was refused, so that any request may be sent again.
        is_of_list: Whether it is about something of a list, and not about the task as a whole; the result has the failures then.
        place: The entry of a list that it is about, with which the message begins; None for none.
        names: What the task calls options that this error names, in place of their names: one mapping after the other.
        sentences: What callers have added to the message.
        lines: What follows the message, each on a line of its own: the causes of a list, and what was done.
        parts: The errors of several requests of one step, by what they are about; empty if it is the error of one.
    """

    was_refused_unread = False
    is_of_list = False
    place: EntryPlace | None = None
    names: tuple[t.Mapping[str, str], ...] = ()
    sentences: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    parts: t.Mapping[str, TaskError] = MappingProxyType({})

    def __init__(
        self,
        text: str,
        *,
        description: str | None = None,
        http_status: int | None = None,
        error_code: str | None = None,
        detail: str | None = None,
        hint: str | None = None,
        outcome_unknown: bool = False,
        is_transient: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text)
        self.text = text
        self.description = description
        self.http_status = http_status
        self.error_code = error_code
        self.detail = detail
        self.hint = hint
        self.outcome_unknown = outcome_unknown
        self.is_transient = is_transient
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """Where and what failed, and why, without the hint."""
        return shown(self._message, *self.names)

    @property
    def template(self) -> str:
        """The message and the hint for the text of another error, which shows its options."""
        return f"{self._message} {self.hint}" if self.hint else self._message

    @property
    def marked(self) -> str:
        """The message and the hint with the marks of names and replies."""
        return with_options(self.template, *self.names)

    @property
    def _message(self) -> str:
        where = "" if self.place is None else self.place.beginning
        failed = f"Failed to {self.description}: " if self.description else ""
        return " ".join((f"{where}{failed}{self.text}", *self.sentences))

    def __str__(self) -> str:
        """Return the message and the hint, with control characters escaped; line breaks are those between `lines` alone."""
        texts = (self._message, *self.lines, self.hint) if self.lines else (self.marked,)
        return "\n".join(visible(shown(one, *self.names)) for one in texts if one)

    @property
    def option(self) -> str | None:
        """The option that the message begins with, by the name that the task has for it; None for none."""
        found = None if self.description else _OPTION.match(self.text)
        return found and shown(found.group(), *self.names)

    @property
    def is_unanswered(self) -> bool:
        """Whether to try again later: no reply, a server error (5xx), or a rate limit (429)."""
        return isinstance(self, (NoAnswerError, RateLimitError)) or (self.http_status or 0) >= 500 or self.http_status == 429

    def to_result(self) -> dict[str, object]:
        """Return the fields of a failed result: `msg`, `http_status`, `error_code`, `detail`."""
        fields = {name: getattr(self, name) for name in FAILURE_FIELDS}
        return {"msg": str(self), **{name: visible(one) if isinstance(one, str) else one for name, one in fields.items()}}

    def at(self: _Error, place: EntryPlace | None) -> _Error:
        """Return this error as that of an entry; with None as that of none."""
        return self._with(place=place)

    def with_names(self: _Error, names: t.Mapping[str, str]) -> _Error:
        """Return this error with other names for some of the options that it names."""
        return self._with(names=(*self.names, names))

    def of_several(self, show: Show) -> str:
        """Return why several objects have failed, without what has; `show` returns what stands for any part but an option."""
        text = " ".join(filter(None, (self.text, *self.sentences, self.hint)))
        return visible(written(with_options(text, *self.names), show))

    def with_sentence(self: _Error, sentence: str) -> _Error:
        """Return this error with another sentence at the end of its message, unless it has that already."""
        return self if sentence in self.sentences else self._with(sentences=(*self.sentences, sentence))

    def with_lines(self: _Error, lines: t.Iterable[str]) -> _Error:
        """Return this error with more lines after its message."""
        return self._with(lines=(*self.lines, *lines))

    def with_hint(self: _Error, hint: str | None) -> _Error:
        """Return this error with another hint; None removes it."""
        return self._with(hint=hint)

    def with_reply(self: _Error, refusal: TaskError) -> _Error:
        """Return this error, which explains `refusal`, with the status, code and detail of that one."""
        return self._with(**{name: getattr(refusal, name) for name in FAILURE_FIELDS})

    def with_outcome(
        self: _Error, *, unknown: bool, is_transient: bool = False, parts: t.Mapping[str, TaskError] | None = None
    ) -> _Error:
        """Return this error, from the last try of a request, with the outcome of all tries, or of all requests of a step."""
        more = {} if parts is None else {"parts": parts}
        return self._with(outcome_unknown=unknown, is_transient=is_transient, was_refused_unread=False, **more)

    def of_list(self: _Error, is_of_list: bool) -> _Error:
        """Return this error with another `is_of_list`."""
        return self._with(is_of_list=is_of_list)

    def without_secrets(self: _Error, secrets: t.Sequence[str]) -> _Error:
        """Return this error with `secrets` redacted in its texts."""
        texts = {name: getattr(self, name) for name in ("text", "description", "hint", "error_code", "detail")}
        return self._with(**{name: text and redacted(text, secrets) for name, text in texts.items()})

    def _with(self: _Error, **changes: object) -> _Error:
        """Return a copy with some attributes changed. `__init__` is not called: its arguments differ between classes."""
        fields = {**vars(self), **changes}
        made = type(self).__new__(type(self), fields["text"])
        vars(made).update(fields)
        made.__cause__ = self.__cause__
        return made.with_traceback(self.__traceback__)


class InvalidOptionError(TaskError):
    """An invalid option; most are found before anything is sent."""


class EntryError(InvalidOptionError):
    """An entry of a list that is invalid as a whole, or an option that cannot be in it."""


class StoppedError(TaskError):
    """The task ends: this thread sends nothing more."""

    def __init__(self) -> None:
        super().__init__("The task was stopped before the request was sent. Run it again.")


class NoAnswerError(TaskError):
    """No reply came: unreachable, TLS, a time-out, a broken connection."""


class ApiError(TaskError):
    """A reply came: an error, or not from the service's API."""


class AuthError(ApiError):
    """The credentials are refused, or lack a permission."""


class NotFoundError(ApiError):
    """The object does not exist."""


class ConflictError(ApiError):
    """The request does not fit the current state."""


class RateLimitError(ApiError):
    """Too many requests, even after all retries."""

    was_refused_unread = True


class OvertakenError(ApiError):
    """Another client has done this since the last look: look again."""


class UndoneError(ApiError):
    """A change was accepted, and ended with an error and without an effect: this run has changed nothing."""


# By HTTP status, in Atlas, GCP and AZURE alike.
CLASS_BY_STATUS: dict[int, type[ApiError]] = {
    401: AuthError,
    403: AuthError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitError,
}
# After these, a request to GCP or AZURE may succeed a little later.
TRANSIENT_STATUSES = frozenset((429, 500, 502, 503, 504))
# How a connection can fail.
ConnectionFailure = t.Literal["untrusted", "no proxy", "no files", "unreachable", "silent", "broken"]
# For each failure: its text, with `{where}` for the server, and the hint.
ConnectionHints = t.Mapping[ConnectionFailure, tuple[str, str]]


def unsent() -> dict[str, object]:
    """Return the fields, beside `msg`, of a failed result of a task that has sent nothing."""
    return {"requests": {"sent": 0, "writes": 0}, **dict.fromkeys(FAILURE_FIELDS)}


def leaves_open(status: int) -> bool:
    """Return whether a reply with this status, to a write, leaves open whether it was carried out.

    After a redirect, a time-out (408) or a server error, something in between may have answered in place of the service.
    """
    return 300 <= status < 400 or status == 408 or status >= 500


def quoted(text: str, secrets: t.Iterable[str]) -> str:
    """Return a text of a service or a library as messages quote it: in one line, not too long, and without `secrets`."""
    return " ".join(redacted(text, secrets, MAX_DETAIL_LENGTH).split())


def error_fields(content: object) -> t.Mapping[str, t.Any]:
    """Return the fields of an error, from the body of a reply in the form of GCP and AZURE; those of a gateway are at the top."""
    content = content if isinstance(content, dict) else {}
    error = content.get("error")
    return error if isinstance(error, dict) else {name: content[name] for name in ("code", "message") if name in content}


def refusal_error(
    kind: t.Callable[..., ApiError],
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
    """Return the error for a reply with an error status.

    Args:
        kind: The class of the error.
        description: What failed, as a verb phrase.
        status, code, detail: The HTTP status, the service's code (or None) and its text (may be empty).
        is_write: Whether the request changes something; `leaves_open` says when the outcome is unknown then.
        secrets: What must not be shown, not even in part where a long detail is cut.
        hint, is_transient, retry_after: As for TaskError.
    """
    code = quoted(code, secrets) if code else None
    detail = quoted(detail, secrets)
    label = f"HTTP {status} {code}" if code else f"HTTP {status}"
    return kind(
        f"{as_reply((detail or 'no reason given').rstrip('. '))} ({label}).",
        description=description,
        http_status=status,
        error_code=code,
        detail=detail or None,
        hint=hint,
        outcome_unknown=is_write and leaves_open(status),
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
    """Return the error for a request without a complete reply.

    Args:
        description: What failed, as a verb phrase.
        failure: How the connection failed.
        error: The exception of the HTTP library; the message gives its innermost cause.
        hints: The text and the hint of each failure.
        where: The server, as the message names it.
        is_write: Whether the request changes something: if it may have been sent, the outcome is unknown then.
        secrets: What must not be shown.
    """
    root = root_cause(error)
    cause = getattr(root, "verify_message", None) or getattr(root, "strerror", None) or str(root)
    # The cause may quote what the server sent.
    cause = quoted(cause, secrets) or type(root).__name__
    text, hint = hints[failure]
    return NoAnswerError(
        f"{text.format(where=where)} ({as_reply(cause)}).",
        description=description,
        detail=cause,
        hint=hint,
        outcome_unknown=is_write and failure in ("silent", "broken"),
        is_transient=failure not in ("untrusted", "no files"),
    )


def root_cause(error: BaseException) -> BaseException:
    """Return the innermost of the exceptions that the HTTP libraries nest."""
    for unused in range(10):
        # urllib3 before version 2 does not set the network's error as `__cause__`.
        # It also tries an argument first that Python does not have, and suppresses the TypeError of that.
        has_context = not (isinstance(error, OSError) or error.__suppress_context__)
        around = [error.__cause__, getattr(error, "reason", None), *error.args, has_context and error.__context__]
        inner = next((one for one in around if isinstance(one, BaseException)), None)
        if inner is None:
            return error
        error = inner
    return error
