# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session of one task with GCP: it sends requests, and turns failures into errors of this collection."""

from __future__ import annotations

import json
import math
import time
import typing as t
from contextlib import contextmanager
from functools import partial
from urllib.parse import quote, urlencode, urlsplit

from .._engine.operation import Warn
from .._engine.options import Parameters
from .._http.errors import TaskError, connection_error
from .._http.exchange import ApiCall, Reply, parse_json
from .._http.pauses import repeat
from .._http.transport import REQUESTS_IMPORT_ERROR, Transport, TransportError
from .auth import GOOGLE_AUTH_IMPORT_ERROR, Tokens, TokenUnansweredError
from .errors import CONNECTION_HINTS, HOST, gcp_error, odd_reply

LIBRARIES = (("requests", REQUESTS_IMPORT_ERROR), ("google-auth", GOOGLE_AUTH_IMPORT_ERROR))

ROOT = f"https://{HOST}/compute/v1/"
REQUEST_SECONDS = 30.0
SHORTEST_SECONDS = 1.0
# How often a request that only reads is retried.
READ_RETRIES = 4


class GcpSession:
    """The requests of one task to GCP, one after the other.

    Args:
        params: The options, as `options.validate` returns them.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
        calls: The list that requests are added to; None for a new one.

    Attributes:
        calls: The requests sent so far.

    Raises:
        TaskError: If the credentials cannot be read.
    """

    def __init__(
        self,
        params: Parameters,
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], None] = time.sleep,
        calls: list[ApiCall] | None = None,
    ) -> None:
        self.calls: list[ApiCall] = [] if calls is None else calls
        self._clock = clock
        self._sleep = sleep
        self._deadline: float | None = None
        self._transport = Transport(clock, self.calls.append)
        self._tokens = Tokens(params, self._send_for_token)

    @property
    def secrets(self) -> t.Iterable[str]:
        """The secrets known so far."""
        return self._tokens.secrets

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @contextmanager
    def within(self, deadline: float) -> t.Iterator[None]:
        """Bound the requests inside the block; see `Session`."""
        before, self._deadline = self._deadline, deadline
        try:
            yield
        finally:
            self._deadline = before

    def read(self, description: str, path: str, query: t.Mapping[str, str] | None = None) -> dict[str, t.Any]:
        """Read an object, with retries after transient failures, until the deadline if there is one.

        Args:
            description: What it is for, as a verb phrase.
            path: Its path below `ROOT`.
            query: The parameters of the query.

        Raises:
            TaskError: If it fails.
        """
        until = math.inf if self._deadline is None else self._deadline
        request = partial(self._answer, description, "GET", path, query=query)
        return repeat("GCP", request, READ_RETRIES, until, self._clock, self._sleep)

    def write(self, description: str, path: str, body: t.Mapping[str, t.Any], request_id: str) -> dict[str, t.Any]:
        """Send a request that changes something, once, and return the object in the reply.

        Args:
            description: What it does, as a verb phrase.
            path: Its path below `ROOT`.
            body: The body, sent as JSON.
            request_id: A UUID. GCP carries out only the first of several requests with the same id.

        Raises:
            TaskError: If it fails; with `outcome_unknown` if GCP may have carried it out.
        """
        return self._answer(description, "POST", path, body, {"requestId": request_id})

    def _answer(
        self,
        description: str,
        method: str,
        path: str,
        body: t.Mapping[str, t.Any] | None = None,
        query: t.Mapping[str, str] | None = None,
    ) -> dict[str, t.Any]:
        headers = {"Authorization": f"Bearer {self._tokens.get(description)}", "Accept": "application/json"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        url = ROOT + quote(path) + (f"?{urlencode(query)}" if query else "")
        is_write = method != "GET"
        try:
            reply = self._exchange(method, url, data, headers)
        except TransportError as error:
            raise self._unanswered(description, HOST, error, is_write=is_write) from error
        content, flaw = _parse(reply)
        if reply.is_error:
            raise gcp_error(description, reply.status, content, is_write=is_write, secrets=self.secrets)
        if flaw:
            raise odd_reply(description, flaw, is_write=is_write, status=reply.status)
        return t.cast("dict[str, t.Any]", content)

    def _exchange(self, method: str, url: str, data: t.Any, headers: t.Mapping[str, str], seconds: float | None = None) -> Reply:
        """Send a request once, and record it."""
        left = REQUEST_SECONDS if self._deadline is None else self._deadline - self._clock()
        parts = urlsplit(url)
        path = parts.path if parts.hostname == HOST else f"{parts.hostname}{parts.path}"
        prepared = self._transport.prepare(method, url, data, headers)
        return self._transport.exchange(prepared, max(SHORTEST_SECONDS, min(left, seconds or REQUEST_SECONDS)), path)

    def _send_for_token(self, method: str, url: str, body: t.Any, headers: t.Mapping[str, str], seconds: float | None) -> Reply:
        try:
            return self._exchange(method, url, body, headers, seconds)
        except TransportError as error:
            host = urlsplit(url).hostname or url
            unanswered = self._unanswered("get it", host, error, is_write=False)
            raise TokenUnansweredError(unanswered.message.partition(": ")[2]) from error

    def _unanswered(self, description: str, host: str, error: TransportError, *, is_write: bool) -> TaskError:
        return connection_error(
            description, error.failure, error, hints=CONNECTION_HINTS, where=host, is_write=is_write, secrets=self.secrets
        )


def _parse(reply: Reply) -> tuple[t.Any, str]:
    """Return the parsed JSON of a reply, and what is wrong with the reply; empty for nothing."""
    content = parse_json(reply.content)
    if not reply.is_success:
        return content, "is a redirect or an interim one"
    return content, reply.flaw or ("" if isinstance(content, dict) else "is not a JSON object")


@contextmanager
def connect(params: Parameters, unused_warn: Warn, /) -> t.Iterator[GcpSession]:
    """Yield a session for the options."""
    session = GcpSession(params)
    try:
        yield session
    finally:
        session.close()
