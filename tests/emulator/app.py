# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The emulator as an ASGI application: the way of a request from the wire to a resource and back."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from . import media, query, resources
from .control import control_app
from .emulator import Emulator
from .errors import ApiError
from .replies import Reply, error_reply
from .requestlog import Connection
from .settings import OBJECT_ID

MAX_BODY = 1 << 20
#: What of a body that is too large is still read, so that the client gets to see the answer.
_MAX_DRAINED = 16 << 20
_VERSIONS = {"v1.0": False, "v2": True}


class AtlasApp:
    """Serves ``/emulator/`` to anybody and everything else to those with the key."""

    def __init__(self, emulator: Emulator) -> None:
        """Serve this emulator."""
        self._emulator = emulator
        self._control: ASGIApp = control_app(emulator)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["path"] == "/emulator" or scope["path"].startswith("/emulator/"):
            await self._control(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            body = await _read(request)
        except ClientDisconnect:
            return
        if self._emulator.settings.latency_ms:
            await asyncio.sleep(self._emulator.settings.latency_ms / 1000)
        exchange = Exchange(self._emulator, request, body)
        response = await self._emulator.run(exchange.respond)
        connection = scope.get("state", {}).get("connection") or Connection()
        self._emulator.requests.record(
            connection, request.method, exchange.path, exchange.query, response.status_code, exchange.authenticated
        )
        await response(scope, receive, send)


class Exchange:
    """One request and how it is answered.

    :param body: None if it is too large.
    """

    def __init__(self, emulator: Emulator, request: Request, body: bytes | None) -> None:
        """Take the parts of the request."""
        self._emulator = emulator
        self._request = request
        self._body = body
        self.authenticated = False
        #: Path and query as they came, percent-encoding and all: a digest covers exactly these.
        self.path: str = request.scope["raw_path"].decode("ascii", "replace")
        self.query: str = request.scope["query_string"].decode("ascii", "replace")

    def respond(self) -> Response:
        """Return the response, whatever happens."""
        try:
            reply = self._answer()
        except ApiError as error:
            reply = error_reply(error)
        except Exception:  # pylint: disable=broad-exception-caught
            # A fault of the emulator; the client gets what Atlas answers in such a case, and never a stack trace.
            reply = error_reply(ApiError("UNEXPECTED_ERROR"))
        content = reply.render(query.wants(self.query, "envelope"), query.wants(self.query, "pretty"))
        headers = dict(reply.headers)
        if self._body is None:
            headers["Connection"] = "close"
        response = Response(content, reply.status, headers)
        if reply.content is not None:
            response.headers["Content-Type"] = reply.media_type
        return response

    def _answer(self) -> Reply:
        """Check in the order in which the service does: who, from where, what, in which form."""
        request = self._request
        authorization = request.headers.getlist("authorization")
        header = authorization[0] if len(authorization) == 1 else None if not authorization else ""
        self._emulator.authenticate(request.method, self._targets(), _utf8(header))
        self.authenticated = True
        self._emulator.check_access(request.client.host if request.client else "127.0.0.1")
        return self._dispatch(request.method, request.headers)

    def _dispatch(self, method: str, headers: Headers) -> Reply:
        segments = self._segments()
        if len(segments) < 3 or segments[:2] != ("api", "atlas") or segments[2] not in _VERSIONS:
            raise ApiError("RESOURCE_NOT_FOUND", self.path)
        versioned = _VERSIONS[segments[2]]
        found = resources.find(segments[3:])
        if found is None:
            raise ApiError("RESOURCE_NOT_FOUND", self.path)
        methods, ids = found
        handler = methods.get("GET" if method == "HEAD" else method)
        if handler is None:
            allowed = [*methods, "HEAD"] if "GET" in methods else list(methods)
            raise ApiError("METHOD_NOT_ALLOWED", method, headers={"Allow": ", ".join(allowed)})
        media_type = media.negotiate(", ".join(headers.getlist("accept"))) if versioned else media.JSON
        if self._body is None:
            raise ApiError("REQUEST_ENTITY_TOO_LARGE", MAX_BODY)
        if method in ("POST", "PATCH"):
            media.check_body_type(headers.get("content-type"))
        parsed = query.parse(self.query)
        self._check_group(ids)
        with self._emulator.project.now() as project:
            reply = handler(resources.Call(project, ids, parsed, self._body, self._url(headers), versioned))
        reply.media_type = media_type
        return reply

    def _check_group(self, ids: dict[str, str]) -> None:
        group_id = ids.get("groupId", self._emulator.project.id)
        if not OBJECT_ID.fullmatch(group_id):
            raise ApiError("PATH_PARAM_PARSE_ERROR", "groupId", group_id)
        if group_id != self._emulator.project.id:
            raise ApiError("GROUP_NOT_FOUND", group_id)

    def _origin_path(self) -> str:
        """Return the path without scheme and host, which a target in absolute form has too (RFC 9112, 3.2.2)."""
        return re.sub(r"^https?://[^/]*", "", self.path, flags=re.IGNORECASE) or "/"

    def _targets(self) -> tuple[str, ...]:
        query_part = f"?{self.query}" if self.query else ""
        # The server does not tell "/path?" from "/path".
        tails = (query_part,) if query_part else ("", "?")
        return tuple(path + tail for path in (self.path, self._origin_path()) for tail in tails)

    def _segments(self) -> tuple[str, ...]:
        path = self._origin_path()
        # One slash at the end makes no difference to the service. An encoded slash stays inside its segment.
        return tuple(unquote(segment) for segment in path.removesuffix("/").split("/")[1:])

    def _url(self, headers: Headers) -> str:
        server = self._request.scope.get("server") or ("127.0.0.1", 80)
        host = headers.get("host") or f"{server[0]}:{server[1]}"
        return f"{self._request.scope['scheme']}://{host}{self._origin_path()}"


def _utf8(header: str | None) -> str | None:
    """Read a header as UTF-8, which digest clients use for names outside ASCII; ASGI servers hand it over as Latin-1."""
    return None if header is None else header.encode("latin-1").decode("utf-8", "surrogateescape")


async def _read(request: Request) -> bytes | None:
    """Read the whole body, so that the connection can be used again; None if it is too large.

    :raises ClientDisconnect: when the client went away.
    """
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_BODY:
            parts.append(chunk)
        elif size > _MAX_DRAINED:
            break
    return b"".join(parts) if size <= MAX_BODY else None
