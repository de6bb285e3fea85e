"""A TCP proxy that makes any server distant, for counting round trips and measuring time; it breaks nothing.

Bytes take half a round trip each way, and connecting takes a whole one. It looks at no byte, so handshakes of TLS and of HTTP
cost what they cost, and it limits nothing else: each byte is late by itself, however many there are, on however many connections.

with running(Settings()) as emulator, slow_proxy(emulator.port, round_trip=0.05) as proxy:
    requests.get(f"http://127.0.0.1:{proxy.port}/")
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import selectors
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

HOST = "127.0.0.1"
#: What goes through a connection: bytes; nothing at its end; None if it breaks.
Chunk = bytes | None


@dataclass
class Passage:
    """What went through one connection.

    Attributes:
        senders: Who had sent what was handed on, in this order: `client` or `server`.
    """

    senders: list[str] = field(default_factory=list)

    @property
    def round_trips(self) -> int:
        """How many round trips there were: one to connect, and one for each time that the server has answered."""
        return 1 + [sender for sender, unused in itertools.groupby(self.senders)].count("server")


class SlowProxy:
    """Hands on what it gets, later.

    Args:
        target: The port of the server on loopback.
        round_trip: How long a byte takes to the server and back, in seconds.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.

    Attributes:
        port: Its own port, once it is started.
        passages: The connections, in the order in which they came.
    """

    def __init__(
        self,
        target: int,
        round_trip: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.port = 0
        self.passages: list[Passage] = []
        self._target = target
        self._round_trip = round_trip
        self._clock = clock
        self._sleep = sleep
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, started: Callable[[], None], stop: asyncio.Event) -> None:
        """Serve until it is to stop, and end all connections then.

        Args:
            started: Called when connections are accepted.
            stop: Set when it is to stop.
        """
        loop = asyncio.get_running_loop()
        # Without the protocol, which the sockets of connections inherit, asyncio would leave TCP_NODELAY off.
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
            listener.bind((HOST, 0))
            listener.listen(512)
            listener.setblocking(False)
            self.port = listener.getsockname()[1]
            loop.add_reader(listener, self._accept, listener)
            started()
            await stop.wait()
            loop.remove_reader(listener)
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # What was closed is gone in the next turn of the loop.
        await asyncio.sleep(0)

    def _accept(self, listener: socket.socket) -> None:
        """Accept one connection."""
        with contextlib.suppress(BlockingIOError):
            connection, unused_address = listener.accept()
            connection.setblocking(False)
            task = asyncio.ensure_future(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            # Should it end before it begins.
            task.add_done_callback(lambda unused_task: connection.close())

    async def _serve(self, connection: socket.socket) -> None:
        """Serve one connection until both sides have ended it."""
        # The kernel has accepted at once. What the client sends until it could have known that counts as sent then.
        connected = self._clock() + self._round_trip
        passage = Passage()
        self.passages.append(passage)
        reader, writer = await asyncio.open_connection(sock=connection)
        writers = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._target)
            writers.append(far_writer)
            await asyncio.gather(
                self._carry(reader, far_writer, connected, lambda: passage.senders.append("client")),
                self._carry(far_reader, writer, connected, lambda: passage.senders.append("server")),
            )
        except (OSError, asyncio.CancelledError):
            # Nobody is there, or it is to end: nothing can be handed on.
            for one in writers:
                one.transport.abort()
        finally:
            for one in writers:
                one.close()
            await asyncio.gather(*(one.wait_closed() for one in writers), return_exceptions=True)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connected: float, note: Callable[[], None]
    ) -> None:
        """Hand on one direction of a connection.

        Args:
            reader: Where it comes from.
            writer: Where it goes to.
            connected: When the client could send first, on the clock.
            note: Called when bytes are handed on.
        """
        # Reading goes on while what was read waits.
        under_way: asyncio.Queue[tuple[float, Chunk]] = asyncio.Queue()
        delivery = asyncio.ensure_future(self._deliver(under_way, writer, note))
        try:
            chunk: Chunk = b"-"
            while chunk:
                try:
                    chunk = await reader.read(1 << 16)
                except ConnectionError:
                    chunk = None
                under_way.put_nowait((max(self._clock(), connected) + self._round_trip / 2, chunk))
            await delivery
        finally:
            delivery.cancel()

    async def _deliver(
        self, under_way: asyncio.Queue[tuple[float, Chunk]], writer: asyncio.StreamWriter, note: Callable[[], None]
    ) -> None:
        """Write what is under way when it is due, in its order."""
        while True:
            due, chunk = await under_way.get()
            await self._sleep(max(0.0, due - self._clock()))
            if chunk:
                note()
                writer.write(chunk)
            elif chunk is None:
                writer.transport.abort()
                return
            else:
                with contextlib.suppress(OSError):
                    writer.write_eof()
                return


@contextlib.contextmanager
def started(proxy: SlowProxy) -> Iterator[SlowProxy]:
    """Run a proxy in a thread for the length of a with statement."""
    # What waits for descriptors by epoll wakes up at whole milliseconds, which would be one too many for each round trip.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    is_listening, stop = threading.Event(), asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(proxy.run(is_listening.set, stop)), name="slow-proxy", daemon=True
    )
    thread.start()
    is_listening.wait()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@contextlib.contextmanager
def slow_proxy(target: int, round_trip: float) -> Iterator[SlowProxy]:
    """Run a proxy before a server on loopback for the length of a with statement.

    Args:
        target: The port of the server.
        round_trip: In seconds.
    """
    with started(SlowProxy(target, round_trip)) as proxy:
        yield proxy
