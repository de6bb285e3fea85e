"""One request and how it is answered: what all exchanges share, and those with the API."""

from __future__ import annotations

import abc
import re
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from . import media, query, resources
from .bodies import MAX_BODY
from .emulator import Emulator
from .errors import ApiError
from .faults import Attempt
from .project import Project
from .replies import Reply, error_reply
from .settings import OBJECT_ID

_VERSIONS = {"v1.0": False, "v2": True}
_IP_INFO = ("api", "private", "ipinfo")


class Exchange(abc.ABC):
    """One request and how it is answered.

    Args:
        body: None if it is too large.
    """

    def __init__(self, emulator: Emulator, request: Request, body: bytes | None) -> None:
        """Take the parts of the request."""
        self._emulator = emulator
        self._request = request
        self._body = body
        self._refusal: ApiError | None = None
        self.method: str = request.method
        self.authenticated = False
        #: Path and query as they came, percent-encoding and all: a digest covers exactly these.
        self.path: str = request.scope["raw_path"].decode("ascii", "replace")
        self.query: str = request.scope["query_string"].decode("ascii", "replace")
        self.origin_path = origin_path(self.path)

    @property
    def project(self) -> Project:
        """The project that the request is about; of those that are about none, the first."""
        return self._emulator.project

    @property
    def authorization(self) -> str | None:
        """The Authorization header; an empty one if there are several."""
        found = self._request.headers.getlist("authorization")
        return _utf8(found[0]) if len(found) == 1 else None if not found else ""

    @property
    def caller(self) -> str:
        """The address that the request came from."""
        return self._request.client.host if self._request.client else "127.0.0.1"

    def attempt(self) -> Attempt:
        """Return what rules for faults look at; only after `identify`."""
        target = f"{self.path}?{self.query}" if self.query else self.path
        by_digest = self.authenticated and (self.authorization or "").strip().lower().startswith("digest")
        return Attempt(self.method, target, self.authenticated, by_digest)

    def log_entry(self, status: int | None) -> dict[str, Any]:
        """Return what is remembered of the request: nothing of its headers and its body, where secrets are.

        Args:
            status: What was answered, None for nothing.
        """
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "status": status,
            "authenticated": self.authenticated,
        }

    def refuse(self, error: ApiError) -> None:
        """Have the request answered with an error as if it had not been authenticated."""
        # Without its frames: from Python 3.12 on, they would keep those of the whole request.
        self._refusal = error.with_traceback(None)
        self.authenticated = False

    @abc.abstractmethod
    def identify(self) -> None:
        """Find out whose request it is, and remember the refusal if that goes wrong."""

    def respond(self) -> Response:
        """Return the response, whatever happens."""
        try:
            reply = self._answer() if self._refusal is None else error_reply(self._refusal)
        except ApiError as error:
            reply = error_reply(error)
        except Exception:  # pylint: disable=broad-exception-caught
            # A fault of the emulator; the client gets what Atlas answers in such a case, and never a stack trace.
            reply = error_reply(ApiError("UNEXPECTED_ERROR"))
        return self.render(reply)

    def render(self, reply: Reply) -> Response:
        """Return the response to a reply."""
        content = reply.render(query.wants(self.query, "envelope"), query.wants(self.query, "pretty"))
        headers = dict(reply.headers)
        if self._body is None:
            headers["Connection"] = "close"
        response = Response(content, reply.status, headers)
        # Seen on the wire: in v2 a reply without a body has its type all the same.
        if reply.content is not None or reply.media_type != media.JSON:
            response.headers["Content-Type"] = reply.media_type
        return response

    @abc.abstractmethod
    def _answer(self) -> Reply:
        """Return the reply to a request that is not refused.

        Raises:
            ApiError: An error as Atlas words it.
        """


class AtlasExchange(Exchange):
    """A request to the API."""

    def identify(self) -> None:
        """Check the credentials, before anything else is looked at."""
        try:
            self._emulator.authenticate(self.method, self._targets(), self.authorization, self._request.client)
        except ApiError as error:
            self.refuse(error)
        else:
            self.authenticated = True

    def _answer(self) -> Reply:
        """Check in the order in which the service does: who, from where, how often, what, in which form."""
        self._emulator.check_access(self.caller)
        allowance = self._emulator.take_token(self.origin_path, self._scope())
        try:
            reply = self._dispatch(self.method, self._request.headers)
        except ApiError as error:
            reply = error_reply(error)
        reply.headers.update(allowance)
        return reply

    def _dispatch(self, method: str, headers: Headers) -> Reply:
        segments = self._segments()
        if segments == _IP_INFO and method == "GET":
            # The Atlas CLI asks this way for the address that it is to allow.
            return Reply(200, {"currentIpv4Address": self.caller.removeprefix("::ffff:")})
        if len(segments) < 3 or segments[:2] != ("api", "atlas") or segments[2] not in _VERSIONS:
            raise ApiError("RESOURCE_NOT_FOUND", self.path)
        versioned = _VERSIONS[segments[2]]
        found = resources.find(segments[3:], versioned)
        if found is None:
            raise ApiError("RESOURCE_NOT_FOUND", self.path)
        resource, ids = found
        methods = resource.methods
        handler = methods.get("GET" if method == "HEAD" else method)
        if handler is None:
            allowed = [*methods, "HEAD"] if "GET" in methods else list(methods)
            raise ApiError("METHOD_NOT_ALLOWED", method, headers={"Allow": ", ".join(allowed)})
        version = media.negotiate(", ".join(headers.getlist("accept")), resource.versions) if versioned else media.VERSION
        older = media.deprecation(version, resource.versions) if versioned else {}
        if self._body is None:
            raise ApiError("REQUEST_ENTITY_TOO_LARGE", MAX_BODY)
        if method in ("POST", "PATCH"):
            media.check_body_type(headers.get("content-type"))
        parsed = query.parse(self.query, resource.parameters)
        self._check_group(ids)
        with self.project.now() as project:
            url = self._url(headers)
            call = resources.Call(project, self._emulator, ids, parsed, self._body, url, versioned, version)
            try:
                reply = handler(call)
            except ApiError as error:
                # As in recorded replies, errors of an older version say that it is one.
                error.headers.update(older)
                raise
        reply.headers.update(older)
        if versioned:
            reply.media_type = media.media_type_of(version)
        return reply

    @property
    def project(self) -> Project:
        """The project in the path, if there is it."""
        segments = self._segments()
        group_id = segments[4] if len(segments) > 4 and segments[3] == "groups" else ""
        return self._emulator.find_project(group_id) or self._emulator.project

    def _scope(self) -> str:
        """Return what the limit is for that the request counts against; see `Emulator.take_token`."""
        segments = self._segments()[3:]
        if segments[:1] == ("orgs",):
            return segments[1] if len(segments) > 1 else "orgs"
        return "groups" if segments == ("groups",) or segments[:2] == ("groups", "byName") else self.project.id

    def _check_group(self, ids: dict[str, str]) -> None:
        if "groupId" not in ids:
            return
        group_id = ids["groupId"]
        if not OBJECT_ID.fullmatch(group_id):
            raise ApiError("PATH_PARAM_PARSE_ERROR", "groupId", group_id)
        project = self._emulator.find_project(group_id)
        if project is None:
            raise ApiError("GROUP_NOT_FOUND", group_id)
        if not project.visible:
            raise ApiError("NOT_IN_GROUP")

    def _targets(self) -> tuple[str, ...]:
        query_part = f"?{self.query}" if self.query else ""
        # The server does not tell "/path?" from "/path".
        tails = (query_part,) if query_part else ("", "?")
        # The absolute form names the same resource, whether or not it stands in the request line (RFC 7616, 3.4.6).
        return tuple(path + tail for path in (self.path, self.origin_path, self._url(self._request.headers)) for tail in tails)

    def _segments(self) -> tuple[str, ...]:
        path = self.origin_path
        # One slash at the end makes no difference to the service. An encoded slash stays inside its segment.
        return tuple(unquote(segment) for segment in path.removesuffix("/").split("/")[1:])

    def _url(self, headers: Headers) -> str:
        server = self._request.scope.get("server") or ("127.0.0.1", 80)
        host = headers.get("host") or f"{server[0]}:{server[1]}"
        return f"{self._request.scope['scheme']}://{host}{self.origin_path}"


def origin_path(path: str) -> str:
    """Return the path without scheme and host, which a target in absolute form has too (RFC 9112, 3.2.2)."""
    return re.sub(r"^https?://[^/]*", "", path, flags=re.IGNORECASE) or "/"


def _utf8(header: str) -> str:
    """Read a header as UTF-8, which digest clients use for names outside ASCII; ASGI servers hand it over as Latin-1."""
    return header.encode("latin-1").decode("utf-8", "surrogateescape")
