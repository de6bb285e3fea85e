"""How the emulator carries out each fault of a rule, after Atlas has done the request or before."""

from __future__ import annotations

import asyncio
import html
import json
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from . import moving
from .emulator import Emulator
from .exchange import Exchange
from .fault_kinds import Fault
from .wire import Wire

#: The errorCode that Atlas gives a status, where there is one of its own.
_CODES = {429: "RATE_LIMITED", 404: "RESOURCE_NOT_FOUND", 401: "USER_UNAUTHORIZED", 405: "WRITES_NOT_ALLOWED_DURING_APP_UPGRADES"}
_WITHOUT_REPLY = ("reset_before", "reset_after", "close", "lost_reply", "silence")


class Sabotage:
    """One request to which a fault happens."""

    def __init__(self, fault: Fault, emulator: Emulator, exchange: Exchange, wire: Wire) -> None:
        """Take what is to go wrong, and with what."""
        self._kind, self._fault, self._given = fault.kind, fault, fault.parameters
        self._emulator = emulator
        self._exchange = exchange
        self._wire = wire
        self._response: Response | None = None
        #: The status that the request would have been answered with; None if nothing was done.
        self.applied: int | None = None

    async def respond(self) -> Response | None:
        """Do what the request is there for, if it gets so far, and return the response that is to be seen; None for none."""
        if self._kind == "latency":
            await asyncio.sleep(self._given["ms"] / 1000)
        if self._fault.applied:
            self._response = await self._emulator.run(self._exchange.respond)
            self.applied = self._response.status_code
        if self._kind in _WITHOUT_REPLY:
            self._response = None
        elif self._kind == "status":
            self._response = self._error()
        elif self._kind == "html":
            self._response = self._page()
        elif self._kind == "stale_nonce":
            self._exchange.refuse(self._emulator.stale_nonce())
            self._response = self._exchange.respond()
        elif self._response is not None and self._kind == "half_json":
            body = bytes(self._response.body)
            self._replace_body(self._response, body[: len(body) // 2])
        elif self._response is not None and self._kind == "content_type":
            del self._response.headers["Content-Type"]
            if self._given["value"] is not None:
                self._response.headers["Content-Type"] = self._given["value"]
        elif self._kind == "moving_page" and self.applied == 200:
            path, query = self._exchange.path, self._exchange.query
            await self._emulator.run(lambda: moving.move(self._exchange.project, path, query, self._given["change"]))
        return self._response

    async def deliver(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, or end the connection in the way that the fault has."""
        if self._kind in ("reset_before", "reset_after"):
            await self._wire.reset()
        elif self._kind in ("close", "lost_reply"):
            await self._wire.close()
        elif self._response is None:
            await self._wire.until_gone()
        elif self._kind == "truncated":
            await self._send_half(self._response)
        elif self._kind == "drip" and self._given["part"] == "headers":
            await self._drip_headers(self._response)
        elif self._kind == "drip":
            await self._drip_body(self._response, send)
        else:
            await self._response(scope, receive, send)

    def _error(self) -> Response:
        status, retry_after = self._given["status"], self._given["retry_after"]
        phrase = HTTPStatus(status).phrase
        code = self._given["code"] or _CODES.get(status, "UNEXPECTED_ERROR")
        content = {"detail": f"{phrase} by a fault rule.", "error": status, "errorCode": code, "parameters": [], "reason": phrase}
        headers = {"X-Error-Code": code, "Content-Type": "application/json"}
        if isinstance(retry_after, dict):
            retry_after = formatdate(time.time() + retry_after["date_in_seconds"], usegmt=True)
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        return Response(json.dumps(content), status, headers)

    def _page(self) -> Response:
        sent = self._exchange.authorization or "none" if self._given["echo_authorization"] else ""
        note = f"<p>Authorization: {html.escape(sent.encode('utf-8', 'replace').decode())}</p>" if sent else ""
        page = f"<!DOCTYPE html><html><head><title>Not Atlas</title></head><body><h1>Not Atlas</h1>{note}</body></html>"
        return Response(page, self._given["status"], media_type="text/html")

    @staticmethod
    def _replace_body(response: Response, body: bytes) -> None:
        response.body = body
        if "Content-Length" in response.headers:
            response.headers["Content-Length"] = str(len(body))

    async def _send_half(self, response: Response) -> None:
        body = self._body_of(response)
        half = body[: len(body) // 2]
        if self._given["chunked"]:
            del response.headers["Content-Length"]
            response.headers["Transfer-Encoding"] = "chunked"
            half = b"%x\r\n%s\r\n" % (len(half), half) if half else b""
        elif not body:
            response.headers["Content-Length"] = "100"
        self._wire.write(_head(response) + half)
        await self._wire.close()

    async def _drip_headers(self, response: Response) -> None:
        response.headers["Connection"] = "close"
        for byte in _head(response):
            await self._drop(bytes([byte]))
        self._wire.write(self._body_of(response))
        await self._wire.close()

    async def _drop(self, byte: bytes) -> None:
        if not self._wire.is_gone:
            self._wire.write(byte)
            await asyncio.sleep(self._given["ms"] / 1000)

    async def _drip_body(self, response: Response, send: Send) -> None:
        start: dict[str, Any] = {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
        await send(start)
        for byte in self._body_of(response):
            if not self._wire.is_gone:
                await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
                await asyncio.sleep(self._given["ms"] / 1000)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _body_of(self, response: Response) -> bytes:
        return b"" if self._exchange.method == "HEAD" else bytes(response.body)


def _head(response: Response) -> bytes:
    """Return status line and headers as they look on the wire."""
    status = HTTPStatus(response.status_code)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode(), *(b": ".join(header) for header in response.raw_headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n"
