# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends signed requests to Atlas, retries them after transient failures, and keeps the connections."""

from __future__ import annotations

import typing as t
from contextlib import closing
from urllib.parse import urlsplit

from .._http.errors import TaskError, connection_error
from .._http.exchange import ApiCall, Reply
from .._http.pauses import DEADLINE, Policy, Retry, check_stopped
from .._http.redact import redacted
from .._http.transport import Prepared, Transport, TransportError
from .reply import CONNECTION_HINTS, read_reply
from .request import ApiSettings, Credential, Json, Request

# In seconds, the pause if the rate limit is used up.
RATE_LIMIT_PAUSE = 1.0


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
                f"{type(error).__name__} before the reply was read.",
                description=request.description,
                detail=redacted(str(error), self._credential.secrets) or None,
                hint="Run the task again.",
                outcome_unknown=True,
            ) from error

    def _repeat(self, request: Request, send: t.Callable[[Request], Reply]) -> Json:
        def last(failure: TaskError, may_be_done: bool) -> TaskError:
            # For a repeatable request, all retries are used up; callers must not add their own.
            is_transient = failure.is_transient and not request.is_repeatable
            return failure.with_outcome(unknown=may_be_done, is_transient=is_transient)

        policy = Policy(is_repeatable=request.is_repeatable, waits_for_rate=False, final=last)
        # A token is fetched inside the slot of the request that needs it, and does not count for the rate limit.
        governor = self._retry.governor if request.root is None else None
        if governor is not None:
            policy = policy._replace(turn=governor.slot, hold=lambda failure: governor.pause(failure.retry_after))
        return self._retry.send(lambda: read_reply(send(request), request, self._settings, self._credential.secrets), policy)

    def _send(self, request: Request) -> Reply:
        """Sign and send one request, as often as the credential asks for it."""
        prepared = self._prepare(request)
        reply: object = None
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
            self._retry.sleep(min(RATE_LIMIT_PAUSE, max(0.0, DEADLINE.get() - self._retry.clock())))
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
