# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the sessions with GCP and AZURE share: one deadline, reads with repetition, writes once, and what a reply must be."""

from __future__ import annotations

import json
import math
import threading
import time
import typing as t
from functools import partial
from urllib.parse import urlsplit

from .errors import TRANSIENT_STATUSES, ApiError, AuthError, ConnectionHints, NoAnswerError, as_reply, connection_error, quoted
from .exchange import TOO_LONG, TOO_LONG_HINT, ApiCall, Reply, parse_json
from .inquiry import Inquiry
from .pauses import DEFAULT_LIMITS, Clock, Limits, Retry, Sleep, check_stopped, stoppable_sleep, within
from .transport import Transport, TransportError

_T = t.TypeVar("_T")
# Sends one request of a library for tokens: method, address, body, headers, and the seconds it may take.
Send = t.Callable[[str, str, object, t.Mapping[str, str], t.Optional[float]], Reply]
# A list has some thousands of objects at most, and a page a hundred or more.
_MOST_PAGES = 100
_NO_CONTENT = 204
# Who asks for a token changes the filters of warnings, which all threads of the process share.
_SIGNING_IN = threading.Lock()
# What a library for tokens raises, beside its own errors, for unexpected files, keys and replies.
DEFECTS = (OSError, ValueError, TypeError, KeyError, AttributeError)
# A machine's identity in AZURE answers by 410 while it is updated, for some 70 seconds. Source: "Retry guidance" in Microsoft's
# documentation of managed identities, https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
TRANSIENT_OF_MACHINES = TRANSIENT_STATUSES | {410}
_HINTS: ConnectionHints = {
    "untrusted": ("cannot trust {where}", "Set the environment variable REQUESTS_CA_BUNDLE to the certificates that sign it."),
    "no proxy": ("cannot reach the proxy for {where}", "Check the environment variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY."),
    "no files": ("this host has too many files open to reach {where}", "Raise the limit of open files (ulimit -n)."),
    "unreachable": ("cannot reach {where}", "Check the way to it (DNS, firewall, proxy)."),
    "silent": ("no answer in time from {where}", "Check the way to it (firewall, proxy), then run the task again."),
    "broken": ("the connection broke to {where}", "Run the task again; if it stays, look for a proxy in between."),
}


class TokenUnansweredError(Exception):
    """Raised instead of a reply to a request for a token, if there is none that can be used.

    Args:
        text: Why, to follow "no token for …:".
        hint, is_transient: As for TaskError.
    """

    def __init__(self, text: str, *, hint: str | None = None, is_transient: bool = False) -> None:
        super().__init__(text)
        self.hint = hint
        self.is_transient = is_transient


class TokenRefusedError(TokenUnansweredError):
    """A reply with an error status to a request for a token.

    Args:
        host: The host that sent it.
        reply: The reply.
        transient: The statuses that another attempt may not have.
    """

    def __init__(self, host: str, reply: Reply, transient: t.Container[int]) -> None:
        reason = _reason(reply.content).rstrip(". ") or "no reason given"
        text = f"{host} refused the request for it: {reason} (HTTP {reply.status})"
        super().__init__(text, is_transient=reply.status in transient)


class TokenSource(t.Protocol):
    """Gets access tokens for a cloud with the credentials of the options, and new ones when they expire.

    Attributes:
        secrets: The secrets known so far.
    """

    secrets: set[str]

    def get(self, description: str, url: str) -> str:
        """Return a token for an address, with which `description` is done.

        Raises:
            AuthError: If there is none.
        """


class CloudSession:
    """The requests of one task to a cloud. A subclass says who signs in, and what a refusal means.

    Thread-safe: each running request has a connection to itself.

    Args:
        params: The options for the credentials, checked.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
        calls: The list that requests are added to; None for a new one.
        limits: How long each request may take, those for tokens included, and how often one that reads is sent again.

    Attributes:
        service: The name of the cloud.
        host: Its main host, whose requests are recorded without it.
        calls: The requests sent so far.
        limits: The same.
        shared: Asks what several resources share, once.

    Raises:
        TaskError: If the credentials are missing, incomplete, or cannot be read.
    """

    service: t.ClassVar[str]
    host: t.ClassVar[str]
    within = staticmethod(within)

    def __init__(
        self,
        params: t.Mapping[str, object],
        clock: Clock = time.monotonic,
        sleep: Sleep = stoppable_sleep,
        calls: list[ApiCall] | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.calls: list[ApiCall] = [] if calls is None else calls
        self._retry = Retry(self.service, limits, clock, sleep)
        # The transports that are not in use; the last one was used last.
        self._free: list[Transport] = []
        self.limits = limits
        self.shared: Inquiry[str] = Inquiry()
        self._tokens = self._sign_in(params)

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._free:
            self._free.pop().close()

    @property
    def secrets(self) -> set[str]:
        """The secrets known so far; a copy, because a thread may learn another one."""
        return set(self._tokens.secrets)

    def _sign_in(self, params: t.Mapping[str, object]) -> TokenSource:
        """Return what gets the tokens for requests, with the credentials of the options."""
        raise NotImplementedError

    def _refusal(self, description: str, method: str, url: str, reply: Reply, content: object) -> ApiError:
        """Return the error for a reply with an error status, whose parsed body is `content`."""
        raise NotImplementedError

    def _read(self, description: str, url: str) -> dict[str, object]:
        """Read an object, with retries after transient failures, until the deadline if there is one.

        Args:
            description: What it is for, as a verb phrase.
            url: Its address.

        Raises:
            TaskError: If it fails.
        """
        return self._retry.send(partial(self._answer, description, "GET", url))

    def _pages(
        self, description: str, url: str, next_of: t.Callable[[dict[str, object]], str | None]
    ) -> t.Iterator[dict[str, object]]:
        """Yield each page of a list.

        Args:
            description: What it is for, as a verb phrase.
            url: The address of the first page.
            next_of: Returns the address of the page after a page; None after the last one. It raises as `parse` in `parsed` does.

        Raises:
            TaskError: If a page cannot be read.
        """
        for _page in range(_MOST_PAGES):
            page = self._read(description, url)
            yield page
            following = self.parsed(next_of, page, description)
            if following is None:
                return
            url = following
        raise self._odd_reply(description, "has no last page", is_write=False)

    def parsed(
        self, parse: t.Callable[[dict[str, object]], _T], reply: dict[str, object], description: str, *, is_write: bool = False
    ) -> _T:
        """Parse a reply of the main host; if it is malformed, `parse` raises a ValueError, whose text completes "the reply …".

        Raises:
            ApiError: If it is malformed.
        """
        try:
            return parse(reply)
        except ValueError as error:
            raise self._odd_reply(description, str(error), is_write=is_write) from error

    def _answer(self, description: str, method: str, url: str, body: t.Mapping[str, object] | None = None) -> dict[str, object]:
        """Send a request once, and return the object in the reply; an empty one for a DELETE without a body in the reply.

        Args:
            description: What it does, as a verb phrase.
            method, url: The request.
            body: The body, sent as JSON.

        Raises:
            TaskError: If it fails; with `outcome_unknown` if a change may have been carried out.
        """
        with _SIGNING_IN:
            token = self._tokens.get(description, url)
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        is_write = method != "GET"
        try:
            reply = self._exchange(method, url, data, headers)
        except TransportError as error:
            raise self._unanswered(description, url, error, is_write=is_write) from error
        content = parse_json(reply.content)
        if reply.is_error:
            raise self._refusal(description, method, url, reply, content)
        if method == "DELETE" and reply.status == _NO_CONTENT:
            return {}
        flaw = _flaw_of(reply)
        if flaw or not isinstance(content, dict):
            flaw = flaw or "is not a JSON object"
            raise self._odd_reply(description, flaw, is_write=is_write, status=reply.status, host=_host_of(url))
        return content

    def _exchange(self, method: str, url: str, data: object, headers: t.Mapping[str, str], most: float = math.inf) -> Reply:
        """Send a request once, within `timeout` and so many seconds, and record it."""
        path = urlsplit(url).path
        path = path if _host_of(url) == self.host else f"{_host_of(url)}{path}"
        check_stopped()
        try:
            transport = self._free.pop()
        except IndexError:
            transport = Transport(self._retry.clock, self.calls.append)
        try:
            prepared = transport.prepare(method, url, data, headers)
            return transport.exchange(prepared, self._retry.time_left(most), path)
        finally:
            self._free.append(transport)

    def _send_for_token(self, method: str, url: str, body: object, headers: t.Mapping[str, str], seconds: float | None) -> Reply:
        """Send a request for a token, for the library that asks for it.

        Raises:
            TokenUnansweredError: If there is no reply, or one that a library would follow or not understand.
        """
        try:
            reply = self._exchange(method, url, body, headers, seconds or math.inf)
        except TransportError as error:
            failed = self._unanswered("", url, error, is_write=False)
            raise TokenUnansweredError(failed.message, hint=failed.hint, is_transient=failed.is_transient) from error
        flaw = _flaw_of(reply)
        if flaw:
            raise TokenUnansweredError(f"the reply of {_host_of(url)} {flaw}")
        return reply

    def _unanswered(self, description: str, url: str, error: TransportError, *, is_write: bool) -> NoAnswerError:
        return connection_error(
            description, error.failure, error, hints=_HINTS, where=_host_of(url), is_write=is_write, secrets=self.secrets
        )

    def _odd_reply(self, description: str, flaw: str, *, is_write: bool, status: int = 200, host: str | None = None) -> ApiError:
        """Return the error for a malformed reply, which leaves the outcome of a change open; `flaw` completes "the reply …"."""
        return ApiError(
            f"the reply of {host or self.host} {flaw} (HTTP {status}).",
            description=description,
            http_status=status,
            hint=TOO_LONG_HINT
            if flaw == TOO_LONG
            else f"Check whether a proxy or a login page answers in place of {self.service}.",
            outcome_unknown=is_write,
            # A change can be sent again: by its id, or its name, it is carried out once.
            is_transient=is_write,
        )


def _flaw_of(reply: Reply) -> str:
    """Return what is wrong with a reply, be it an error or not, to follow "the reply of …"; empty for nothing."""
    return reply.flaw or ("" if 200 <= reply.status < 300 or reply.is_error else "is a redirect or an interim one")


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or url


def sign_in_error(
    description: str, way: str, text: str, *, hint: str | None, secrets: t.Iterable[str], is_transient: bool = False
) -> AuthError:
    """Make the error for credentials that a cloud's library cannot use, or for which the cloud refuses a token.

    Args:
        description: What the token is for, as a verb phrase.
        way: The cloud, and how to sign in to it.
        text: What is wrong.
        hint, is_transient: As for TaskError.
        secrets: Texts to redact.
    """
    detail = quoted(text, secrets).rstrip(". ")
    return AuthError(
        f"no token for {way}: {as_reply(detail)}.", description=description, detail=detail, hint=hint, is_transient=is_transient
    )


def token_flaw(service: str, error: Exception, failure: TokenUnansweredError | None) -> str:
    """Return why a library got no token, to follow "no token for …:".

    Args:
        service: The name of the cloud.
        error: What it raised. Other arguments than the first may be the whole reply, and are not shown.
        failure: What came of its request, if it was refused or not answered; the library shows some refusals as a Python repr.
    """
    if failure is not None:
        return str(failure)
    if isinstance(error, (TypeError, KeyError, AttributeError)):
        return f"the reply to the request for a token is not one of {service}"
    text = str(error) if isinstance(error, OSError) else str(error.args[0]) if error.args else ""
    return text.partition("\n")[0] or type(error).__name__


def _reason(body: bytes) -> str:
    """Return the reason in a refusal in the form of OAuth (`error_description`) or of an API; empty if it has none."""
    content = parse_json(body)
    if not isinstance(content, dict):
        return ""
    error = content.get("error")
    if isinstance(error, dict):
        parts = (error.get("status") or error.get("code"), error.get("message"))
    else:
        parts = (error, content.get("error_description") or content.get("message"))
    return ": ".join(part for part in parts if part and isinstance(part, str))
