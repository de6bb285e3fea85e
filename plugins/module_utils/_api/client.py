# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The Atlas Administration API over HTTP: one session, and what a request passes through until there is an answer to it."""

from __future__ import annotations

import math
import time
import typing as t
from contextlib import contextmanager
from urllib.parse import urlencode, urlsplit

from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.kinds import Credential

from .errors import AtlasError
from .network_errors import connection_error
from .paging import collect_pages
from .redact import redacted
from .reply import ApiCall, Reply, read_reply
from .request import Json, Request, api_request
from .retry import repeat
from .settings import Connection
from .transport import Transport, TransportError

COLLECTION_VERSION = "2.0.0"
USER_AGENT = f"cloudpeer.atlas/{COLLECTION_VERSION} (Ansible collection)"

# The resource version of the v2 API in which peers and containers were last changed.
V2_MEDIA_TYPE = "application/vnd.atlas.2023-01-01+json"

# The most that Atlas puts on a page.
PAGE_SIZE = 500
RATE_LIMIT_PAUSE = 1.0
# The least time that a request gets, however little is left until a deadline.
SHORTEST_TIMEOUT = 1.0
_TOKEN_ENDPOINT = "/api/oauth/token"  # noqa: S105 - a path

Path = t.Sequence[str]


class AtlasClient:
    """Talks to one Atlas with one credential, over one keep-alive session.

    Every I(path) is a sequence of segments below C(/api/atlas/<version>), escaped one by one, so that no value can
    change which resource is meant. I(doing) is a verb phrase for error messages: C(list the … of group …).

    Args:
        connection: How to reach Atlas.
        credential: How to sign in.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.

    Raises:
        InvalidOptionError: When the connection cannot be right.
    """

    def __init__(
        self,
        connection: Connection,
        credential: Credential,
        *,
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], None] = time.sleep,
    ) -> None:
        connection.validate()
        self.connection = connection
        self._calls: list[ApiCall] = []
        self._is_bucket_empty = False
        self._deadline = math.inf
        self.credential = credential
        self._clock = clock
        self._sleep = sleep
        self._root = connection.base_url.rstrip("/") + "/api/atlas/" + connection.api_version
        media_type = V2_MEDIA_TYPE if connection.api_version == "v2" else "application/json"
        self._transport = Transport(connection, {"User-Agent": USER_AGENT, "Accept": media_type})
        self._content_type = {"Content-Type": media_type}

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @property
    def calls(self) -> list[ApiCall]:
        """The requests since the client was leased; the list grows."""
        return self._calls

    @property
    def secrets(self) -> list[str]:
        """What must not be shown."""
        return self.credential.secrets

    @contextmanager
    def recording(self) -> t.Iterator[list[ApiCall]]:
        """Yield a list that collects the requests sent inside the block."""
        self._calls = []
        yield self._calls

    @contextmanager
    def within(self, deadline: float) -> t.Iterator[None]:
        """Bound the requests inside the block by a deadline, on the client's clock.

        Each gets the time that is left, at least a second and at most C(timeout); none is sent again after the deadline, nor
        is anything paused for beyond it. Blocks may be nested; the earlier deadline counts.
        """
        before, self._deadline = self._deadline, min(deadline, self._deadline)
        try:
            yield
        finally:
            self._deadline = before

    def get(self, path: Path, doing: str) -> Json:
        """Return the object at I(path)."""
        return self._call("GET", path, doing)

    def get_all(
        self,
        path: Path,
        query: t.Mapping[str, str],
        doing: str,
        name_of: t.Callable[[Json], t.Any] = lambda one: one.get("id"),
    ) -> list[Json]:
        """Return the objects of all pages of the list at I(path).

        They may move while they are paged: duplicates, for which I(name_of) returns the same, are dropped.
        """
        first = {**query, "itemsPerPage": str(PAGE_SIZE)}
        return collect_pages(lambda page: self._call("GET", path, doing, query=page, expects_list=True), first, doing, name_of)

    def post(self, path: Path, body: Json | list[Json], doing: str, *, query: t.Mapping[str, str] | None = None) -> Json:
        """Create something below I(path) and return the object in the reply: a page of a list if a list was sent.

        It is sent once, unless it was refused unread.
        """
        return self._call("POST", path, doing, query=query, body=body, expects_list=isinstance(body, list))

    def patch(self, path: Path, body: Json, doing: str) -> Json:
        """Change the object at I(path) and return the object in the reply. Like C(post), it is sent once."""
        return self._call("PATCH", path, doing, body=body)

    def delete(self, path: Path, doing: str) -> None:
        """Delete the object at I(path).

        Raises:
            AtlasError: When no reply says that it was done. With C(outcome_unknown) it may have been done all the same: look.
        """
        self._call("DELETE", path, doing)

    def _call(self, method: str, path: Path, doing: str, *, query: t.Mapping[str, str] | None = None, **more: t.Any) -> Json:
        """Send a request until there is an answer to it, and return the object in the answer."""
        envelope = {"envelope": "true"} if self.connection.envelope else {}
        request = api_request(method, self._root, path, doing, query={**(query or {}), **envelope}, **more)
        try:
            return self._answer(request, self._send, envelope=self.connection.envelope)
        except AtlasError as error:
            # Should a server have sent the credentials back, they are not shown.
            error.redact(self.credential.secrets)
            raise
        except Exception as error:
            if not (request.is_write and self._transport.was_sent):
                raise
            # No memory was left, say. What the request has done is open all the same, and callers know what to do then.
            failure = AtlasError(
                f"Failed to {doing}: {type(error).__name__} before the reply was read.",
                detail=redacted(str(error), self.credential.secrets) or None,
                hint="Run the task again.",
                outcome_unknown=True,
            )
            raise failure from error

    def _answer(self, request: Request, send: t.Callable[[Request], Reply], *, envelope: bool = False) -> Json:
        def exchange() -> Json:
            reply = send(request)
            return read_reply(
                reply, request, envelope=envelope, base_url=self.connection.base_url, secrets=self.credential.secrets
            )

        return repeat(
            exchange,
            retries=self.connection.retries,
            is_repeatable=request.is_repeatable,
            deadline=min(self._clock() + self.connection.total_time, self._deadline),
            clock=self._clock,
            sleep=self._sleep,
        )

    def _send(self, request: Request) -> Reply:
        """Send one request, and once more when the server first asks for credentials, or for newer ones."""
        headers = self._content_type if request.data else {}
        refusals = 0
        while True:
            self.credential.prepare(
                lambda form, authorization: self._fetch_token(form, authorization, request.doing), self._time_left()
            )
            if self._is_bucket_empty:
                # Before the service has to refuse; how fast the bucket fills up again it does not say.
                self._sleep(min(RATE_LIMIT_PAUSE, max(0.0, self._deadline - self._clock())))
            reply = self._send_once(
                request, headers, lambda target: self.credential.authorization(request.method, target, request.data)
            )
            self._is_bucket_empty = reply.headers.get("RateLimit-Remaining") == "0"
            if reply.status != 401:
                self.credential.accept_reply(reply.headers)
                return reply
            refusals += 1
            if not self.credential.accept_challenge(reply.headers, refusals):
                return reply

    def _time_left(self) -> float:
        """Return the seconds that one try of a request gets."""
        return min(self.connection.timeout, max(SHORTEST_TIMEOUT, self._deadline - self._clock()))

    def _send_once(self, request: Request, headers: t.Mapping[str, str], authorize: t.Callable[[str], str | None]) -> Reply:
        started, status = self._clock(), None
        try:
            reply = self._transport.send(request.method, request.url, request.data, headers, authorize, self._time_left())
            status = reply.status
        except TransportError as error:
            raise connection_error(
                request.doing,
                error.failure,
                self.connection.base_url,
                error.cause,
                is_write=request.is_write,
                secrets=self.credential.secrets,
            ) from error
        finally:
            elapsed = round((self._clock() - started) * 1000)
            self._calls.append(ApiCall(request.method, urlsplit(request.url).path, status, elapsed))
        return reply

    def _fetch_token(self, form: t.Mapping[str, str], authorization: str, doing: str) -> Json:
        """Ask for an OAuth token (RFC 6749, 4.4) and return the reply.

        Raises:
            AtlasError: When there is none.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        url = self.connection.base_url.rstrip("/") + _TOKEN_ENDPOINT
        # A token that nobody uses does no harm, so this POST may be repeated.
        doing = f"{doing}, for which an access token is needed"
        request = Request("POST", url, doing, urlencode(form).encode(), is_repeatable=True)
        return self._answer(request, lambda one: self._send_once(one, headers, lambda target: authorization))
