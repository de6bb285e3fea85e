"""GCP's stand-in over that memory, with what goes wrong there: for properties of atlas_gcp_peering."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from ansible_collections.cloudpeer.atlas.tests.clouds.app import CloudApp, error_body
from ansible_collections.cloudpeer.atlas.tests.clouds.azure import Azure
from ansible_collections.cloudpeer.atlas.tests.clouds.entra import Entra
from ansible_collections.cloudpeer.atlas.tests.clouds.gcp import Gcp, RefusalError
from ansible_collections.cloudpeer.atlas.tests.clouds.tokens import Tokens
from ansible_collections.cloudpeer.atlas.tests.properties.memory import Line, Received, leading, serve_app
from ansible_collections.cloudpeer.atlas.tests.properties.replies import message
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import GcpSite
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from starlette.responses import JSONResponse, Response


class _App(CloudApp):
    """The application without threads, so that it needs no event loop."""

    async def _answer(self, call: Callable[..., Any], *arguments: Any) -> Response:
        try:
            return JSONResponse(call(*arguments))
        except RefusalError as error:
            return JSONResponse(error_body(error.status, error.reason, error.message), error.status)


@dataclass
class MemoryClouds:
    """As much of `RunningClouds` as a site needs."""

    gcp: Gcp = field(default_factory=Gcp)
    tokens: Tokens = field(default_factory=Tokens)

    def __post_init__(self) -> None:
        """Make what answers."""
        self.app = _App(self.gcp, self.tokens, Azure(Entra()), lambda: None)

    def serve(self, request: Received) -> bytes:
        """Answer one request."""
        return message(*serve_app(self.app, request, "https"))


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with a request.

    Attributes:
        reply: Makes what comes back of the reply that there would be; an exception breaks the connection.
        is_applied: Whether the request is carried out.
        passes: Whether a task gets over it if it happens once, whatever the request.
        passes_writes: Whether it does if it happens to a change.
        cause: What a failure has to say.
    """

    reply: Callable[[bytes], bytes]
    is_applied: bool = False
    passes: bool = True
    passes_writes: bool = True
    cause: str = ""


def _breaking(error: Exception) -> Callable[[bytes], bytes]:
    def reply(unused: bytes) -> bytes:
        raise error

    return reply


def _answering(status: int, content: Any = None) -> Callable[[bytes], bytes]:
    is_text = isinstance(content, bytes)
    body = content if is_text else json.dumps(content).encode()
    kind = "text/html" if is_text else "application/json"

    def reply(unused: bytes) -> bytes:
        return message(status, [("content-type", kind), ("location", "https://elsewhere.example/")], body)

    return reply


def _half(whole: bytes) -> bytes:
    head, unused, body = whole.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    return message(status, [("content-type", "application/json")], body[: len(body) // 2])


PAGE = b"<html>Sign in</html>"
_BROKE, _SILENT, _NO_JSON = "the connection broke to", "no answer in time from", "is not a JSON object"
FAULTS: dict[str, Fault] = {
    "reset before": Fault(_breaking(ConnectionResetError()), cause=_BROKE),
    "lost reply": Fault(_breaking(ConnectionResetError()), is_applied=True, cause=_BROKE),
    "closed": Fault(lambda unused: b"", cause=_BROKE),
    "truncated": Fault(lambda whole: whole[:-5], is_applied=True, cause=_BROKE),
    "silence": Fault(_breaking(TimeoutError("timed out")), cause=_SILENT),
    "silence, applied": Fault(_breaking(TimeoutError("timed out")), is_applied=True, cause=_SILENT),
    **{
        f"{status}{', applied' * is_applied}": Fault(
            _answering(status, error_body(status, "backendError", "Oops")), is_applied, cause=f"HTTP {status}"
        )
        for status in (500, 502, 503, 504)
        for is_applied in (False, True)
    },
    "503 without an object": Fault(_answering(503, PAGE), cause="HTTP 503"),
    "too many requests": Fault(
        _answering(429, error_body(429, "rateLimitExceeded", "Slow down")), passes_writes=False, cause="rateLimitExceeded"
    ),
    "rate limit": Fault(
        _answering(403, error_body(403, "rateLimitExceeded", "Slow down")), passes_writes=False, cause="rateLimitExceeded"
    ),
    "page": Fault(_answering(200, PAGE), passes=False, passes_writes=False, cause=_NO_JSON),
    "page, applied": Fault(_answering(200, PAGE), is_applied=True, passes=False, cause=_NO_JSON),
    "half JSON": Fault(_half, is_applied=True, passes=False, cause=_NO_JSON),
    "redirect": Fault(_answering(302, {}), passes=False, passes_writes=False, cause="HTTP 302"),
    "refusal": Fault(_answering(403, error_body(403, "forbidden", "No")), passes=False, passes_writes=False, cause="HTTP 403"),
    "sign in": Fault(_answering(401, error_body(401, "authError", "No")), passes=False, passes_writes=False, cause="HTTP 401"),
}


@dataclass
class MemorySite(GcpSite):
    """A site whose requests go through no network.

    Attributes:
        fault: What goes wrong.
        numbers: With which requests, from 0.
    """

    clouds: Any = field(default_factory=MemoryClouds)
    fault: Fault | None = None
    numbers: Any = ()
    received: list[Received] = field(default_factory=list)

    def run(self, *, check_mode: bool = False, unexpected: bool = False, **options: Any) -> Done:
        """Run a task; see `GcpSite`."""
        self.received = []
        with leading(Line(self._answer, most=2000)):
            return super().run(check_mode=check_mode, unexpected=unexpected, **options)

    def _answer(self, request: Received) -> bytes:
        number = len(self.received)
        self.received.append(request)
        if self.fault is None or number not in self.numbers:
            return cast("MemoryClouds", self.clouds).serve(request)
        whole = cast("MemoryClouds", self.clouds).serve(request) if self.fault.is_applied else b""
        return self.fault.reply(whole)

    def look(self) -> Any:
        """Return all there is: the networks with their peerings, without the moment of each."""
        return {
            (one["project"], one["name"]): self.clouds.gcp.peerings(one["project"], one["name"])
            for one in self.clouds.gcp.show_all()
        }
