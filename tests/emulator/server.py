"""An emulator that listens: a uvicorn server in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .app import AtlasApp
from .emulator import Emulator
from .requestlog import Connection
from .settings import Settings
from .wire import Wire

_START_SECONDS = 10


class _Protocol(H11Protocol):
    """One TCP connection, which every request on it can tell from the others."""

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        self._wire = Wire()
        super().__init__(config, server_state, {**app_state, "connection": Connection(), "wire": self._wire}, _loop)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand the transport on."""
        super().connection_made(transport)
        self._wire.opened(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell those who wait for the connection's end."""
        super().connection_lost(exc)
        self._wire.lost()

    def shutdown(self) -> None:
        """End the connection, at once if no request is under way: TLS would wait for the other side's farewell."""
        super().shutdown()
        if self.transport.is_closing():
            self.transport.abort()


class QuickUvicorn(uvicorn.Server):
    """A uvicorn server that says when it listens, and that ends at once.

    uvicorn itself looks ten times a second whether it should end, and then pauses for as long, whether or not something is left
    to be done.

    Attributes:
        listening: Set when connections are accepted.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        """Prepare; nothing is served yet."""
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets=sockets)
        self.listening.set()

    def end(self) -> None:
        """Let it end; from any thread."""
        self.should_exit = True
        with contextlib.suppress(RuntimeError):
            # Unless it has ended.
            self._loop.call_soon_threadsafe(self._ended.set)

    async def main_loop(self) -> None:
        """Serve until the end, with the right time in replies."""
        while not await self.on_tick(0):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ended.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, and close the connections: those with a request under way get a moment for it."""
        for one in (*self.servers, *(sockets or ())):
            one.close()
        state, end = self.server_state, time.monotonic() + (self.config.timeout_graceful_shutdown or 0)
        for connection in list(state.connections):
            connection.shutdown()
        while (state.connections or state.tasks) and time.monotonic() < end:
            await asyncio.sleep(0.005)
        for task in state.tasks:
            task.cancel()


class RunningEmulator(Emulator):
    """An emulator with an address, which serves from `start` to `stop`.

    Raises:
        OSError: When the address cannot be had.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the address; nothing is served yet."""
        super().__init__(settings)
        self._socket = _bind(settings.host, settings.port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            AtlasApp(self),
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            # Broken requests are answered; they are not worth a line each.
            log_level="critical",
            access_log=False,
            # The caller's own address counts for the access list, whatever it says in X-Forwarded-For.
            proxy_headers=False,
            server_header=False,
            # Longer than clients that wait pause between two looks.
            timeout_keep_alive=120,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=1 << 16,
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_certificate,
        )
        self._server = QuickUvicorn(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve(sockets=[self._socket])), name="atlas-emulator", daemon=True
        )

    def start(self) -> None:
        """Serve, and return when connections are accepted.

        Raises:
            OSError: When that takes too long.
        """
        self._thread.start()
        if not self._server.listening.wait(_START_SECONDS):
            raise OSError("the emulator did not start")

    def stop(self) -> None:
        """Stop listening and close every connection."""
        self._server.end()
        self._thread.join()
        self._socket.close()

    @property
    def base_url(self) -> str:
        """What stands for https://cloud.mongodb.com."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.settings.host, self.settings.host)  # noqa: S104
        scheme = "https" if self.settings.tls_certificate else "http"
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"

    def announcement(self) -> dict[str, Any]:
        """Return what a client needs to know."""
        groups = [
            {"group_id": one.id, "name": one.name, "org_id": one.org_id, "container_id": one.first_container_id}
            for one in self.projects
        ]
        certificate = self.settings.tls_certificate
        return {
            **({"tls_certificate": os.path.abspath(certificate)} if certificate else {}),
            "base_url": self.base_url,
            "group_id": self.settings.group_id,
            "public_key": self.settings.public_key,
            "private_key": self.settings.private_key,
            "container_id": self.project.first_container_id,
            "client_id": self.settings.client_id,
            "client_secret": self.settings.client_secret,
            "groups": groups,
        }


def _bind(host: str, port: int) -> socket.socket:
    # Without the protocol, which the sockets of connections inherit, asyncio would leave TCP_NODELAY off: 40 ms for some replies.
    family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


@contextlib.contextmanager
def running(settings: Settings | None = None) -> Iterator[RunningEmulator]:
    """Run an emulator in a thread for the length of a with statement.

    Args:
        settings: Its options; by default a free port.

    Raises:
        OSError: When the address cannot be had.
    """
    emulator = RunningEmulator(settings or Settings())
    emulator.start()
    try:
        yield emulator
    finally:
        emulator.stop()
