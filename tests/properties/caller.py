"""A client of an emulator in the same process that knows nothing but how to get in."""

from __future__ import annotations

import base64
import json
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.properties.memory import Received
from ansible_collections.cloudpeer.atlas.tests.properties.world import World, serve

V2 = "application/vnd.atlas.2023-01-01+json"
CLUSTERS = "application/vnd.atlas.2024-08-05+json"
HOST = "127.0.0.1:9"
Answer = tuple[int, list[tuple[str, str]], bytes]


class Caller:
    """Asks an emulator with a service account's token."""

    def __init__(self, world: World) -> None:
        self._emulator = world.emulator
        settings = world.emulator.settings
        pair = base64.b64encode(f"{settings.client_id}:{settings.client_secret}".encode()).decode()
        form = "application/x-www-form-urlencoded"
        status, unused, body = self._send("POST", "/api/oauth/token", b"grant_type=client_credentials", form, f"Basic {pair}")
        assert status == 200, body
        self._token = f"Bearer {json.loads(body)['access_token']}"

    def _send(self, method: str, target: str, body: bytes, media_type: str, authorization: str, accept: str = V2) -> Answer:
        headers = [("host", HOST), ("accept", accept), ("content-type", media_type), ("authorization", authorization)]
        return serve(self._emulator, Received(method, target, headers, body, "127.0.0.1"))

    def ask(self, method: str, target: str, body: Any, accept: str = V2) -> Answer:
        """Send a request and return the reply to it."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self._send(method, target, data, V2, self._token, accept)
