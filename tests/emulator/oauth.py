"""Service accounts: OAuth 2 client credentials (RFC 6749, 4.4) from the server's side; no HTTP in here."""

from __future__ import annotations

import base64
import binascii
import hmac
import math
import re
import secrets
from collections import deque
from collections.abc import Callable
from urllib.parse import unquote_plus

#: Over how many seconds requests for tokens are counted.
WINDOW_SECONDS = 60.0
_BASIC = re.compile(r"\s*basic\s+([A-Za-z0-9+/]+={0,2})\s*", re.IGNORECASE)
# RFC 6750, 2.1.
_BEARER = re.compile(r"\s*bearer\s+([A-Za-z0-9._~+/-]+=*)\s*", re.IGNORECASE)


class TooManyError(Exception):
    """One request for a token too many, or one token.

    :ivar retry_after: whole seconds until there can be another one, at least 1.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        """Round up."""
        super().__init__(limit, seconds)
        self.limit = limit
        self.retry_after = max(1, math.ceil(seconds))


def parse_basic(header: str | None) -> tuple[str, str] | None:
    """Return the two halves of a Basic Authorization header (RFC 7617), None if it is none."""
    match = _BASIC.fullmatch(header or "")
    if not match:
        return None
    try:
        user, colon, password = base64.b64decode(match[1], validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


def parse_bearer(header: str | None) -> str | None:
    """Return the token of a Bearer Authorization header (RFC 6750), None if there is none."""
    match = _BEARER.fullmatch(header or "")
    return match[1] if match else None


class TokenServer:
    """Gives out tokens to one service account and knows them again.

    Args:
        lifetime: Seconds that a token can be used for.
        max_tokens: How many may live at a time.
        max_requests: For how many tokens an address may ask within a minute.
        clock: A monotonic clock in seconds.
    """

    def __init__(
        self, client: tuple[str, str], lifetime: float, max_tokens: int, max_requests: int, clock: Callable[[], float]
    ) -> None:
        """Take the id and the secret that will be accepted."""
        self._client = client
        self._lifetime = lifetime
        self._max_tokens = max_tokens
        self._max_requests = max_requests
        self._clock = clock
        #: Token: when it ends; in the order in which they end.
        self._live: dict[str, float] = {}
        self._requests: dict[str, deque[float]] = {}

    @property
    def expires_in(self) -> int:
        """Whole seconds that a new token can be used for at least."""
        return int(self._lifetime)

    def clear(self) -> None:
        """Forget all tokens and requests."""
        self._live.clear()
        self._requests.clear()

    def is_client(self, given: tuple[str, str] | None) -> bool:
        """Tell whether these are the account's id and secret: as they are, or form-encoded as RFC 6749, 2.3.1, wants them."""
        if given is None:
            return False
        plain = (given, (unquote_plus(given[0]), unquote_plus(given[1])))
        return any(self._is_same(half, 0) and self._is_same(other, 1) for half, other in plain)

    def _is_same(self, given: str, half: int) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._client[half].encode())

    def count_request(self, address: str) -> None:
        """Count a request for a token.

        Raises:
            TooManyError: Instead of counting it.
        """
        now = self._clock()
        for other, times in list(self._requests.items()):
            while times and now - times[0] >= WINDOW_SECONDS:
                times.popleft()
            if not times:
                del self._requests[other]
        times = self._requests.get(address, deque())
        if len(times) >= self._max_requests:
            raise TooManyError(self._max_requests, times[0] + WINDOW_SECONDS - now if times else WINDOW_SECONDS)
        times.append(now)
        self._requests[address] = times

    def issue(self) -> str:
        """Return a new token.

        Raises:
            TooManyError: When too many live.
        """
        self._expire()
        if len(self._live) >= self._max_tokens:
            first = next(iter(self._live.values()), self._clock())
            raise TooManyError(self._max_tokens, first - self._clock())
        token = f"emulator-token-{secrets.token_urlsafe(32)}"
        self._live[token] = self._clock() + self._lifetime
        return token

    def revoke(self, token: str) -> None:
        """End a token's life; one that does not live any more is fine (RFC 7009, 2.2)."""
        self._live.pop(token, None)

    def is_live(self, token: str) -> bool:
        """Tell whether a token can be used."""
        self._expire()
        return token in self._live

    def _expire(self) -> None:
        now = self._clock()
        while self._live and next(iter(self._live.values())) <= now:
            del self._live[next(iter(self._live))]
