"""A CONNECT proxy on loopback that leads to one TLS listener, whichever host is asked for."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """A proxy; the clients of the clouds are pointed at it by HTTPS_PROXY alone.

    Args:
        target: The port of the listener.

    Attributes:
        port: Where it listens.
        hosts: The hosts that were asked for, in order.
    """

    def __init__(self, target: int) -> None:
        """Listen."""
        self.hosts: list[str] = []
        self._target = target
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="clouds-proxy", daemon=True).start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Stop listening, and end all connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """End all connections at once."""
        with self._lock:
            ended, self._open = self._open, set()
        for one in ended:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), name="clouds-proxy", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head and len(head) < 1 << 16:
                data = client.recv(4096)
                if not data:
                    return
                head += data
            method, rest = f"{head.decode('latin-1')} ".split(" ", 1)
            if method != "CONNECT":
                client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
                return
            self.hosts.append(rest.partition(":")[0])
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                for one in (client, server):
                    # A packet that is not full would wait for the answer to the one before.
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                with self._lock:
                    self._open |= {client, server}
                back = threading.Thread(target=_pump, args=(server, client), name="clouds-proxy", daemon=True)
                back.start()
                _pump(client, server)
                back.join()
                with self._lock:
                    self._open -= {client, server}


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
