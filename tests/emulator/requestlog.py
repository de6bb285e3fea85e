"""What the emulator remembers of the requests it was sent."""

from __future__ import annotations

import json
import threading
from collections import deque
from typing import Any

#: How many requests are remembered: the last ones.
MAX_ENTRIES = 10_000
#: How many bytes they have at most, as JSON: paths and queries can be long.
MAX_BYTES = 16 * 1024 * 1024


class Connection:
    """One TCP connection, which gets its number with its first recorded request."""

    def __init__(self) -> None:
        """Start without a number."""
        self.log_age = -1
        self.number = 0


class RequestLog:
    """The last requests to the API, in the order of their replies; those to the control paths are not among them."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._entries: deque[tuple[int, dict[str, Any]]] = deque()
        self._bytes = 0
        self._connections = 0
        self._age = 0

    def record(self, connection: Connection, entry: dict[str, Any]) -> None:
        """Add one request.

        Args:
            entry: What is known of it. Where a fault happened that is named, `status` is what was seen of the reply (null:
                no reply), and `applied` the status of the reply that would have been (null: the request was not looked at).
        """
        with self._lock:
            if connection.log_age != self._age:
                self._connections += 1
                connection.log_age, connection.number = self._age, self._connections
            entry = {**entry, "connection": connection.number}
            size = len(json.dumps(entry))
            self._entries.append((size, entry))
            self._bytes += size
            while len(self._entries) > MAX_ENTRIES or self._bytes > MAX_BYTES:
                self._bytes -= self._entries.popleft()[0]

    def entries(self) -> list[dict[str, Any]]:
        """Return a copy of what was recorded."""
        with self._lock:
            return [dict(entry) for unused, entry in self._entries]

    def clear(self) -> None:
        """Forget the requests; connections that are open keep their numbers."""
        with self._lock:
            self._forget()

    def reset(self) -> None:
        """Forget everything: connections are counted from 1 again."""
        with self._lock:
            self._forget()
            self._connections = 0
            self._age += 1

    def _forget(self) -> None:
        self._entries.clear()
        self._bytes = 0
