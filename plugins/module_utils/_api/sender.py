# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends signed requests to Atlas, retries them after transient failures, and keeps the connections."""

from __future__ import annotations

import typing as t
from contextlib import closing, nullcontext
from urllib.parse import urlsplit

from .._http.errors import TaskError, connection_error
from .._http.exchange import ApiCall, Prepared, Reply
from .._http.pauses import LONGEST_PAUSE, Clock, Sleep, announce, backoff, check_stopped, current_deadline, time_left
from .._http.redact import redacted
from .._http.transport import Transport, TransportError
from .errors import CONNECTION_HINTS
from .reply import read_reply
from .request import Credential, Json, Request
from .settings import ApiSettings

if t.TYPE_CHECKING:
    from .._http.threads import Governor

# In seconds, the pause if the rate limit is used up.
RATE_LIMIT_PAUSE = 1.0


class Retry:
    """Decides when a client's requests are sent again, and how long each may take.

    Args:
        settings: The options `timeout` and `retries`.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.

    Attributes:
        clock: The clock.
        sleep: Sleeps that many seconds.
        governor: Slows down parallel requests; None if there are none.
    """

    def __init__(self, settings: ApiSettings, clock: Clock, sleep: Sleep) -> None:
        self.governor: Governor | None = None
        self.clock = clock
        self.sleep = sleep
        self._settings = settings

    def time_left(self) -> float:
        """Return the seconds that a try gets if it starts now."""
        return min(self._settings.timeout, time_left(self.clock))

    def until_answered(self, request: Request, exchange: t.Callable[[], Json]) -> Json:
        """Call `exchange` until there is an answer, and return it.

        After a rate limit error (429) any request is sent again: Atlas has not carried it out. After another transient failure,
        only a repeatable request is. With a governor, a 429 uses up no retry, and the time in its pauses does not count.

        Args:
            request: The request.
            exchange: Sends it once and reads the reply.

        Raises:
            TaskError: If the last try fails. Its `outcome_unknown` covers all tries.
        """
        # A token is fetched inside the slot of the request that needs it, and does not count for the rate limit.
        governor = self.governor if request.root is None else None
        last_try = self.clock() + self._settings.limits.total_time
        retries, pause, may_be_done = self._settings.retries, 0.0, False
        while True:
            try:
                if pause:
                    self.sleep(pause)
                with governor.slot() if governor is not None else nullcontext(0.0) as waited:
                    last_try += waited
                    return exchange()
            except TaskError as failure:
                may_be_done = failure.outcome_unknown or may_be_done
                if governor is not None and failure.was_refused_unread:
                    pause, end = 0.0, governor.pause(failure.retry_after)
                    may_repeat, silence = end < current_deadline(), end - self.clock()
                else:
                    attempt = self._settings.retries - retries
                    pause = backoff(attempt) if failure.retry_after is None else min(failure.retry_after, LONGEST_PAUSE)
                    is_repeatable = failure.was_refused_unread or (request.is_repeatable and failure.is_transient)
                    may_repeat = is_repeatable and retries > 0 and self.clock() + pause <= min(last_try, current_deadline())
                    retries, silence = retries - 1, pause
                if not may_repeat:
                    # For a repeatable request, all retries are used up; callers must not add their own.
                    is_transient = failure.is_transient and not request.is_repeatable
                    raise failure.with_outcome(unknown=may_be_done, is_transient=is_transient) from failure.__cause__
                announce("Atlas", failure, silence)


class Sender:
    """Sends requests over one kept connection, one at a time, but not always from the same thread.

    Args:
        settings: How to reach Atlas.
        credential: How to sign in.
        retry: When a request is sent again, and how long it may take.
        record: Receives each request that was sent.
    """

    def __init__(self, settings: ApiSettings, credential: Credential, retry: Retry, record: t.Callable[[ApiCall], None]) -> None:
        self._settings = settings
        self._credential = credential.for_connection()
        self._retry = retry
        self._is_bucket_empty = False
        self._transport = Transport(retry.clock, record, settings.validate_certs and (settings.ca_path or True))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _prepare(self, request: Request) -> Prepared:
        settings = self._settings
        data, headers = request.data() or None, request.all_headers(settings)
        return self._transport.prepare(request.method, request.url(settings), data, headers)

    def answer(self, request: Request) -> Json:
        """Send a request, with retries, and return the object in the reply.

        Raises:
            TaskError: If no reply confirms it; with `outcome_unknown` it may have been carried out nevertheless.
        """
        try:
            return self._repeat(request, self._send)
        except TaskError as error:
            # The server may echo the credentials.
            raise error.without_secrets(self._credential.secrets) from error.__cause__
        except Exception as error:
            if not (request.is_write and self._transport.was_sent):
                raise
            # A lack of memory, for instance. The outcome is unknown, which callers can handle.
            raise TaskError(
                f"Failed to {request.description}: {type(error).__name__} before the reply was read.",
                detail=redacted(str(error), self._credential.secrets) or None,
                hint="Run the task again.",
                outcome_unknown=True,
            ) from error

    def _repeat(self, request: Request, send: t.Callable[[Request], Reply]) -> Json:
        return self._retry.until_answered(
            request, lambda: read_reply(send(request), request, self._settings, self._credential.secrets)
        )

    def _send(self, request: Request) -> Reply:
        """Sign and send one request, as often as the credential asks for it."""
        prepared = self._prepare(request)
        reply: t.Any = None
        with closing(self._credential.sign_in(prepared, self._retry.time_left)) as flow:
            while True:
                try:
                    wanted = flow.send(reply)
                except StopIteration:
                    return t.cast("Reply", reply)
                if isinstance(wanted, Request):
                    reply = self._answer_credential(wanted, request)
                else:
                    reply = self._send_signed(request, wanted)

    def _answer_credential(self, wanted: Request, request: Request) -> Json:
        """Return the object in the reply to `wanted`, which the credential needs before it can sign `request`."""
        wanted = wanted._replace(description=f"{request.description}, for which {wanted.description} is needed")
        try:
            return self._repeat(wanted, lambda one: self._exchange(one, self._prepare(one)))
        except TaskError as error:
            # The request that waits for the token was not sent.
            raise error.with_outcome(unknown=False) from error.__cause__

    def _send_signed(self, request: Request, prepared: Prepared) -> Reply:
        governor = self._retry.governor
        if self._is_bucket_empty and governor is None:
            # The next request would be refused. Atlas does not say how fast its bucket of tokens refills.
            self._retry.sleep(min(RATE_LIMIT_PAUSE, max(0.0, current_deadline() - self._retry.clock())))
        reply = self._exchange(request, prepared)
        self._is_bucket_empty = reply.headers.get("RateLimit-Remaining") == "0"
        if self._is_bucket_empty and governor is not None and not reply.is_rate_limited:
            governor.pause(reply.retry_after, was_served=True)
        return reply

    def _exchange(self, request: Request, prepared: Prepared) -> Reply:
        """Send a request once, and record it."""
        check_stopped()
        path = urlsplit(request.url(self._settings)).path
        try:
            return self._transport.exchange(prepared, self._retry.time_left(), path)
        except TransportError as error:
            raise connection_error(
                request.description,
                error.failure,
                error,
                hints=CONNECTION_HINTS,
                where=self._settings.base_url,
                is_write=request.is_write,
                secrets=self._credential.secrets,
            ) from error


class Senders:
    """The senders of a client, each with a connection: as many as there are parallel requests.

    Args:
        make: Makes a sender.
    """

    def __init__(self, make: t.Callable[[], Sender]) -> None:
        self._make = make
        # The senders that are not in use; the last one was used last.
        self._free: list[Sender] = []

    def answer(self, request: Request) -> Json:
        """Return the object in the reply to a request, sent by the last used free sender or a new one.

        Raises:
            TaskError: As `Sender.answer` does.
        """
        try:
            sender = self._free.pop()
        except IndexError:
            sender = self._make()
        try:
            return sender.answer(request)
        finally:
            self._free.append(sender)

    def close(self, but: int = 0) -> None:
        """Close the connections that are not in use, except the `but` last used ones."""
        while len(self._free) > but:
            self._free.pop(0).close()
