"""The emulator as an ASGI application: the way of a request from the wire to a resource and back."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .bodies import read_body
from .control import control_app
from .emulator import Emulator
from .exchange import AtlasExchange, origin_path
from .guard import Guard, Refusal, body_refusal
from .oauth_exchange import PATHS, OAuthExchange
from .requestlog import Connection
from .sabotage import Sabotage
from .wire import Wire


class AtlasApp:
    """Serves `/emulator/` to any program and everything else to those with credentials."""

    def __init__(self, emulator: Emulator) -> None:
        """Serve this emulator."""
        self._emulator = emulator
        self._guard = Guard([emulator.settings.host, *emulator.settings.allow_host])
        self._control: ASGIApp = control_app(emulator)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_control = scope["path"] == "/emulator" or scope["path"].startswith("/emulator/")
        refusal = self._guard.refusal(scope["headers"], scope["raw_path"].decode("ascii", "replace"))
        if refusal is None and is_control:
            refusal = body_refusal(scope["headers"])
        if refusal is not None:
            await _refuse(refusal, scope, receive, send)
        elif is_control:
            await self._control(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request to the API."""
        request = Request(scope, receive)
        try:
            body = await read_body(request)
        except ClientDisconnect:
            return
        if self._emulator.settings.latency_ms:
            await asyncio.sleep(self._emulator.settings.latency_ms / 1000)
        path = origin_path(scope["raw_path"].decode("ascii", "replace"))
        exchange = (OAuthExchange if path in PATHS else AtlasExchange)(self._emulator, request, body)
        exchange.identify()
        fault = self._emulator.faults.take(exchange.attempt())
        state = scope.get("state", {})
        connection = state.get("connection") or Connection()
        if fault is None:
            response = await self._emulator.run(exchange.respond)
            self._emulator.requests.record(connection, exchange.log_entry(response.status_code))
            await response(scope, receive, send)
            return
        sabotage = Sabotage(fault, self._emulator, exchange, state.get("wire") or Wire())
        sent = await sabotage.respond()
        entry = exchange.log_entry(sent.status_code if sent else None)
        self._emulator.requests.record(connection, {**entry, "fault": fault.kind, "applied": sabotage.applied})
        await sabotage.deliver(scope, receive, send)


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that is not even looked at, nor recorded."""
    try:
        body = await read_body(Request(scope, receive))
    except ClientDisconnect:
        return
    response = JSONResponse({"error": refusal.status, "detail": refusal.detail}, refusal.status)
    if body is None:
        response.headers["Connection"] = "close"
    await response(scope, receive, send)
