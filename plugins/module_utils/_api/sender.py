# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signs a request, sends it, and sends it again until there is an answer."""

from __future__ import annotations

import typing as t
from contextlib import closing
from urllib.parse import urlsplit

from .call import ApiCall
from .credential import Credential, Prepared
from .errors import AtlasError
from .failures import connection_error
from .redact import redacted
from .reply import Reply, read_reply, retry_after
from .request import Json, Request
from .retry import Retry
from .settings import ApiSettings
from .stopping import check_stopped
from .transport import Transport, TransportError

RATE_LIMIT_PAUSE = 1.0


class Sender:
    """Gets answers to requests, over one keep-alive session: one after the other, but not always in the same thread.

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
        self._record = record
        self._is_bucket_empty = False
        self._transport = Transport(settings)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def answer(self, request: Request) -> Json:
        """Send a request until there is an answer to it, and return the object in the answer.

        Raises:
            AtlasError: If no reply says that it was carried out. With `outcome_unknown` it may have been all the same.
        """
        try:
            return self._repeat(request, self._send)
        except AtlasError as error:
            # Should a server have sent the credentials back, they are not shown.
            error.redact(self._credential.secrets)
            raise
        except Exception as error:
            if not (request.is_write and self._transport.was_sent):
                raise
            # No memory was left, say. What the request has done is open all the same, and callers know what to do then.
            raise AtlasError(
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
        prepared = self._transport.prepare(request)
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
            return self._repeat(wanted, lambda one: self._exchange(one, self._transport.prepare(one)))
        except AtlasError as error:
            # Whatever has become of this one, which was sent as often as it may be: the request that waits for it was not sent.
            error.outcome_unknown = error.was_refused_unread = False
            raise

    def _send_signed(self, request: Request, prepared: Prepared) -> Reply:
        governor = self._retry.governor
        if self._is_bucket_empty and governor is None:
            # Before the service has to refuse; how fast the bucket fills up again it does not say.
            self._retry.sleep(min(RATE_LIMIT_PAUSE, max(0.0, self._retry.deadline - self._retry.clock())))
        reply = self._exchange(request, prepared)
        self._is_bucket_empty = reply.headers.get("RateLimit-Remaining") == "0"
        if self._is_bucket_empty and governor is not None and not reply.is_rate_limited:
            governor.pause(retry_after(reply.headers.get("Retry-After")), was_served=True)
        return reply

    def _exchange(self, request: Request, prepared: Prepared) -> Reply:
        """Send a request once, and record it."""
        check_stopped()
        started, status = self._retry.clock(), None
        try:
            reply = self._transport.send(prepared, self._retry.time_left())
            status = reply.status
        except TransportError as error:
            base_url, secrets = self._settings.base_url, self._credential.secrets
            raise connection_error(request, error.failure, base_url, error, secrets=secrets) from error
        finally:
            elapsed = round((self._retry.clock() - started) * 1000)
            self._record(ApiCall(request.method, urlsplit(request.url(self._settings)).path, status, elapsed))
        return reply


class Senders:
    """The senders of a client, each of which has a connection: as many as there are requests at the same time.

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
            AtlasError: As `Sender.answer` does.
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
