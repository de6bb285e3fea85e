# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The Atlas Administration API over HTTP: one session, credentials, retries, paging, envelope, errors."""

from __future__ import annotations

import json
import math
import time
import typing as t
from contextlib import contextmanager
from urllib.parse import quote, urlencode, urlsplit

from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth import Credential
from ansible_collections.cloudpeer.atlas.plugins.module_utils._connection import Connection
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import (
    AtlasApiError,
    AtlasConnectionError,
    AtlasError,
    api_error,
    connection_error,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._paging import collect_pages
from ansible_collections.cloudpeer.atlas.plugins.module_utils._reply import ApiCall, redirect_target, retry_after
from ansible_collections.cloudpeer.atlas.plugins.module_utils._transport import Reply, Transport, TransportError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._wait import backoff

COLLECTION_VERSION = "1.0.0"
USER_AGENT = f"cloudpeer.atlas/{COLLECTION_VERSION} (Ansible collection)"

# The resource version of the v2 API in which peers and containers were last changed.
V2_MEDIA_TYPE = "application/vnd.atlas.2023-01-01+json"

# The most that Atlas puts on a page.
PAGE_SIZE = 500
LONGEST_PAUSE = 60.0
RATE_LIMIT_PAUSE = 1.0
_TOKEN_ENDPOINT = "/api/oauth/token"  # noqa: S105 - a path

Json = dict[str, t.Any]
Path = t.Sequence[str]


class AtlasClient:
    """Talks to one Atlas with one credential, over one keep-alive session.

    Every I(path) is a sequence of segments below C(/api/atlas/<version>), escaped one by one, so that no value can
    change which resource is meant. I(doing) is a verb phrase for error messages: C(list the … of group …).

    Args:
        connection: How to reach Atlas.
        credential: Whom to be there.
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
        """Bound the requests inside the block by a deadline, on the client's clock; see C(Session) in C(_task)."""
        before, self._deadline = self._deadline, deadline
        try:
            yield
        finally:
            self._deadline = before

    def get(self, path: Path, doing: str) -> Json:
        """Return the object at I(path)."""
        return self._request("GET", path, doing)

    def get_all(
        self,
        path: Path,
        query: t.Mapping[str, str],
        doing: str,
        name_of: t.Callable[[Json], t.Any] = lambda one: one.get("id"),
    ) -> list[Json]:
        """Return the objects of all pages of the list at I(path).

        They may move while they are paged, so what I(name_of) tells one from another by is returned once.
        """
        first = {**query, "itemsPerPage": str(PAGE_SIZE)}
        return collect_pages(lambda page: self._request("GET", path, doing, page), first, doing, name_of)

    def post(self, path: Path, body: Json | list[Json], doing: str, *, query: t.Mapping[str, str] | None = None) -> Json:
        """Create something below I(path) and return the object in the reply. It is sent once, unless it was refused unread."""
        return self._request("POST", path, doing, query, body)

    def patch(self, path: Path, body: Json, doing: str) -> Json:
        """Change the object at I(path) and return the object in the reply. Like C(post), it is sent once."""
        return self._request("PATCH", path, doing, body=body)

    def delete(self, path: Path, doing: str) -> None:
        """Delete the object at I(path)."""
        self._request("DELETE", path, doing)

    def _request(
        self, method: str, path: Path, doing: str, query: t.Mapping[str, str] | None = None, body: Json | list[Json] | None = None
    ) -> Json:
        """Send a request until there is an answer to it, and return the object in the answer.

        A refusal for the rate (429) was not carried out and may always be sent again. Any other failure leaves open
        whether the request was carried out: only what can be repeated without harm (GET, DELETE) is sent again.
        """
        query = {**(query or {}), "envelope": "true"} if self.connection.envelope else query
        url = "/".join([self._root, *(quote(segment, safe="") for segment in path)])
        url += "?" + urlencode(query) if query else ""
        data = b"" if body is None else json.dumps(body).encode()
        try:
            return self._repeat(lambda: self._send(method, url, data, doing), method, doing, method in ("GET", "DELETE"))
        except AtlasError as error:
            # Should a server have sent the credentials back, they are not shown.
            error.redact(self.credential.secrets)
            raise

    def _repeat(self, send: t.Callable[[], Reply], method: str, doing: str, repeatable: bool) -> Json:
        deadline = min(self._clock() + self.connection.total_time, self._deadline)
        may_be_done = False
        for attempt in range(self.connection.retries + 1):
            pause = backoff(attempt)
            try:
                reply = send()
                status, content = self._read(reply, method, doing)
            except AtlasConnectionError as error:
                failure: AtlasError = error
                may_repeat = repeatable and error.is_transient
            else:
                if status < 300:
                    return t.cast("Json", content)
                failure = api_error(doing, status, content, is_write=method != "GET", secrets=self.credential.secrets)
                may_repeat = status == 429 or (repeatable and failure.is_transient)
                asked = retry_after(reply.headers.get("Retry-After"))
                pause = pause if asked is None else min(asked, LONGEST_PAUSE)
            if not may_repeat or attempt == self.connection.retries or self._clock() + pause > deadline:
                failure.outcome_unknown = failure.outcome_unknown or may_be_done
                # Whoever catches it need not try again what was tried as often as it may be.
                failure.is_transient = failure.is_transient and not repeatable
                raise failure
            may_be_done = may_be_done or failure.outcome_unknown
            self._sleep(pause)
        raise AssertionError("the loop returns or raises")

    def _send(self, method: str, url: str, data: bytes, doing: str) -> Reply:
        """Send one request, and once more when the server first asks for credentials, or for newer ones."""
        headers = self._content_type if data else {}
        refusals = 0
        while True:
            self.credential.prepare(lambda form, authorization: self._fetch_token(form, authorization, doing))
            if self._is_bucket_empty:
                # Before the service has to refuse; how fast the bucket fills up again it does not say.
                self._sleep(RATE_LIMIT_PAUSE)
            reply = self._send_once(
                method, url, data, headers, lambda target: self.credential.authorization(method, target, data), doing
            )
            self._is_bucket_empty = reply.headers.get("RateLimit-Remaining") == "0"
            if reply.status != 401:
                self.credential.accept_reply(reply.headers)
                return reply
            refusals += 1
            if not self.credential.accept_challenge(reply.headers, refusals):
                return reply

    def _send_once(
        self,
        method: str,
        url: str,
        data: bytes,
        headers: t.Mapping[str, str],
        authorize: t.Callable[[str], str | None],
        doing: str,
    ) -> Reply:
        started, status = self._clock(), None
        try:
            reply = self._transport.send(method, url, data, headers, authorize)
            status = reply.status
        except TransportError as error:
            where = self.connection.base_url
            raise connection_error(doing, error.failure, where, error.cause, is_write=method != "GET") from error
        finally:
            elapsed = round((self._clock() - started) * 1000)
            self._calls.append(ApiCall(method, urlsplit(url).path, status, elapsed))
        return reply

    def _fetch_token(self, form: t.Mapping[str, str], authorization: str, doing: str) -> Json:
        """Ask for an OAuth token (RFC 6749, 4.4) and return the reply.

        Raises:
            AtlasError: When there is none.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        url = self.connection.base_url.rstrip("/") + _TOKEN_ENDPOINT
        data = urlencode(form).encode()
        doing = f"{doing}, for which an access token is needed"
        # A token that nobody uses does no harm, so this POST may be repeated.
        return self._repeat(
            lambda: self._send_once("POST", url, data, headers, lambda target: authorization, doing), "POST", doing, True
        )

    def _read(self, reply: Reply, method: str, doing: str) -> tuple[int, t.Any]:
        """Return the status and the content of a reply, out of the envelope if there is one.

        Raises:
            AtlasApiError: For a success that is no object, and for a redirect: following one would show the
                credentials to whomever it names.
        """
        status = reply.status
        try:
            content = json.loads(reply.content) if reply.content else None
            if b"\\ud" in reply.content.lower():
                # Half a character in an escape: no text that could be told, or sent back.
                json.dumps(content, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            content = None
        if self.connection.envelope and isinstance(content, dict) and isinstance(content.get("status"), int):
            status = content["status"]
            content = content.get("content", content)
        if 300 <= status < 400:
            raise AtlasApiError(
                f"Failed to {doing}: {self.connection.base_url} answers with a redirect to "
                f"{redirect_target(reply.headers)}, which is not followed (HTTP {status}).",
                http_status=status,
                hint="Set base_url to the address of Atlas itself.",
            )
        if status >= 400 or isinstance(content, dict):
            return status, content
        if method == "DELETE" and not reply.content:
            return status, {}
        kind = reply.headers.get("Content-Type", "").partition(";")[0] or "no content type"
        what = f"not a JSON object ({kind})" if reply.content else "empty"
        raise AtlasApiError(
            f"Failed to {doing}: the reply is {what} (HTTP {status}).",
            http_status=status,
            hint="Check that base_url is Atlas and that no proxy or login page answers in its place.",
            outcome_unknown=method != "GET",
        )
