"""One TCP connection below HTTP: what ASGI does not let an application do, which is to break it."""

from __future__ import annotations

import asyncio
import socket
import struct


class Wire:
    """The transport of one connection, handed to the application in the state of each request's scope.

    Everything that ends the connection returns when it is gone, so that the server is not told to answer on it.
    """

    def __init__(self) -> None:
        """Start before the connection is made."""
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.Event()

    def opened(self, transport: asyncio.Transport) -> None:
        """Take the transport."""
        self._transport = transport

    def lost(self) -> None:
        """Note that the connection has ended, whoever ended it."""
        self._gone.set()

    @property
    def is_gone(self) -> bool:
        """Whether the connection has ended."""
        return self._gone.is_set()

    def write(self, data: bytes) -> None:
        """Send bytes past the HTTP of the server, which does not know of them: end the connection after that."""
        if self._transport is not None and not self.is_gone:
            self._transport.write(data)

    async def reset(self) -> None:
        """End the connection with a TCP RST: what a socket does that lingers for no time (socket(7), SO_LINGER)."""
        if self._transport is not None and not self.is_gone:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        await self.until_gone()

    async def close(self) -> None:
        """End the connection in order, after what was written."""
        if self._transport is not None:
            self._transport.close()
        await self.until_gone()

    async def until_gone(self) -> None:
        """Wait until the connection has ended."""
        await self._gone.wait()
