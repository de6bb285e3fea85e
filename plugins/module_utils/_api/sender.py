# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends requests to Atlas: signed, again where a failure may pass, several at once over a connection each."""

from __future__ import annotations

import math
import typing as t
from contextlib import closing, contextmanager, nullcontext
from contextvars import ContextVar
from urllib.parse import urlsplit

from .._http.errors import TaskError, connection_error
from .._http.exchange import ApiCall, Prepared, Reply
from .._http.pauses import Clock, Sleep, backoff, check_stopped
from .._http.redact import redacted
from .._http.transport import Transport, TransportError
from .errors import CONNECTION_HINTS
from .reply import read_reply
from .request import Credential, Json, Request
from .settings import ApiSettings

if t.TYPE_CHECKING:
    from .._http.threads import Governor

# Seconds: the least that a try gets, the most that Atlas may ask for, and the pause before a request that it would refuse.
SHORTEST_TIMEOUT = 1.0
LONGEST_PAUSE = 60.0
RATE_LIMIT_PAUSE = 1.0

# The end of the block that this thread is in, or the thread that has submitted its call.
_DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)


class Retry:
    """When the requests of a client are sent again, and how long each may take.

    Args:
        settings: The time of a try, and how often a request is sent again.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.

    Attributes:
        clock: The clock.
        sleep: Sleeps that many seconds.
        governor: What slows down requests that are sent side by side; None if they are not.
    """

    def __init__(self, settings: ApiSettings, clock: Clock, sleep: Sleep) -> None:
        self.governor: Governor | None = None
        self.clock = clock
        self.sleep = sleep
        self._settings = settings

    @property
    def deadline(self) -> float:
        """The moment after which this thread sends nothing again, on the clock."""
        return _DEADLINE.get()

    @contextmanager
    def within(self, deadline: float) -> t.Iterator[None]:
        """Bound the requests inside the block by a deadline, on the clock, or by that of a block around it if it is earlier."""
        before = _DEADLINE.set(min(deadline, _DEADLINE.get()))
        try:
            yield
        finally:
            _DEADLINE.reset(before)

    def time_left(self) -> float:
        """Return the seconds that one try of a request gets."""
        return min(self._settings.timeout, max(SHORTEST_TIMEOUT, self.deadline - self.clock()))

    def until_answered(self, request: Request, exchange: t.Callable[[], Json]) -> Json:
        """Call `exchange` until there is an answer, and return it.

        A refusal for the rate (429) was not carried out and may always be sent again. Any other failure leaves open whether
        the request was carried out: only what can be repeated without harm is sent again. With a governor, a refusal for the
        rate uses up no retry, and what it makes a request wait is not counted as its time.

        Args:
            request: The request.
            exchange: Sends it once and reads the reply.

        Raises:
            TaskError: If the last try fails. Its `outcome_unknown` covers the tries before.
        """
        # A token, which is fetched for a request that has its place, is not what Atlas counts.
        governor = self.governor if request.root is None else None
        last_try = self.clock() + self._settings.total_time
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
                    pause = 0.0
                    may_repeat = governor.pause(failure.retry_after) < self.deadline
                else:
                    attempt = self._settings.retries - retries
                    pause = backoff(attempt) if failure.retry_after is None else min(failure.retry_after, LONGEST_PAUSE)
                    is_repeatable = failure.was_refused_unread or (request.is_repeatable and failure.is_transient)
                    may_repeat = is_repeatable and retries > 0 and self.clock() + pause <= min(last_try, self.deadline)
                    retries -= 1
                if not may_repeat:
                    # Retries are used up; callers must not add their own.
                    is_transient = failure.is_transient and not request.is_repeatable
                    raise failure.with_outcome(unknown=may_be_done, is_transient=is_transient) from failure.__cause__


class Sender:
    """Gets answers to requests over one kept connection: one after the other, but not always in the same thread.

    Args:
        settings: How to reach Atlas.
        credential: How to sign in.
        retry: When a request is sent again, and how long it may take.
        record: Takes each request that was sent.
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
        """Send a request until there is an answer to it, and return the object in the answer.

        Raises:
            TaskError: If no reply says that it was carried out. With `outcome_unknown` it may have been all the same.
        """
        try:
            return self._repeat(request, self._send)
        except TaskError as error:
            # A server may have sent the credentials back.
            raise error.without_secrets(self._credential.secrets) from error.__cause__
        except Exception as error:
            if not (request.is_write and self._transport.was_sent):
                raise
            # A lack of memory, for instance. Whether the request was carried out is open, and callers know what to do then.
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
        """Send one request, signed; more than once if the credential asks for it."""
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
        """Return the answer to a request of the credential's own, which `request` waits for."""
        wanted = wanted._replace(description=f"{request.description}, for which {wanted.description} is needed")
        try:
            return self._repeat(wanted, lambda one: self._exchange(one, self._prepare(one)))
        except TaskError as error:
            # Whatever the token's request has done: the request that waits for it was not sent.
            raise error.with_outcome(unknown=False) from error.__cause__

    def _send_signed(self, request: Request, prepared: Prepared) -> Reply:
        governor = self._retry.governor
        if self._is_bucket_empty and governor is None:
            # The next request would be refused. Atlas does not say how fast the bucket fills up again.
            self._retry.sleep(min(RATE_LIMIT_PAUSE, max(0.0, self._retry.deadline - self._retry.clock())))
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
    """The senders of a client, each with a connection: as many as there are requests at the same time.

    Args:
        make: Makes one.
    """

    def __init__(self, make: t.Callable[[], Sender]) -> None:
        self._make = make
        # Those that are not in use. The one that was used last is the last.
        self._free: list[Sender] = []

    def answer(self, request: Request) -> Json:
        """Return the answer to a request, sent by the free sender that was used last, or a new one.

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
        """Close the connections that are not in use, except for so many of those that were used last."""
        while len(self._free) > but:
            self._free.pop(0).close()
