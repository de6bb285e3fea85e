# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credential of a service account: OAuth 2 client credentials."""

from __future__ import annotations

import base64
import threading
import time
import typing as t
from urllib.parse import urlencode

from .._api.request import Flow, Request, check_header_values
from .._http.errors import ApiError
from .._http.exchange import Reply
from .._http.transport import Prepared
from .token_cache import LIFETIME_SECONDS, Token, TokenCache, is_token


class ServiceAccount:
    """A service account. All threads reuse its token until shortly before it expires.

    Atlas issues few tokens (about 50 requests a minute, 100 live ones), so they are also kept for other tasks.

    Args:
        client_id: The id of the account.
        client_secret: Its secret.
        cache: Keeps tokens between tasks.
        clock: Returns the time in seconds since the epoch.

    Raises:
        InvalidOptionError: If the id or the secret has a character that is not printable.
    """

    def __init__(self, client_id: str, client_secret: str, cache: TokenCache, clock: t.Callable[[], float] = time.time) -> None:
        check_header_values(client_id=client_id, client_secret=client_secret)
        pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self.secrets = [client_secret, pair]
        # RFC 6749, 4.4. An unused token does no harm, so this POST may be repeated.
        self._token_request = Request(
            "POST",
            ("token",),
            "an access token",
            body=urlencode({"grant_type": "client_credentials"}),
            headers={"Accept": "application/json", "Authorization": f"Basic {pair}"},
            root="/api/oauth",
            repeatable=True,
        )
        self._cache = cache
        self._clock = clock
        # Held by the thread that gets a token; the others wait for it and use the same one.
        self._lock = threading.Lock()
        self._token: Token | None = None
        # The last token that was in the cache.
        self._cached: Token | None = None
        self._refused: str | None = None

    def for_connection(self) -> ServiceAccount:
        """Return this object: all connections can use its token."""
        return self

    def sign_in(self, request: Prepared, patience: t.Callable[[], float]) -> Flow:
        """Send the token; after a 401, which may mean that it is revoked, send another one, once. See `Credential.sign_in`.

        Another token does not help an account that is not in the project, unless the refused one is from the cache: the account
        may have been invited since.
        """
        for unused in range(2):
            token = yield from self._good_token(patience)
            request.headers["Authorization"] = f"Bearer {token.value}"
            reply: Reply = yield request
            is_stranger = reply.headers.get("X-Error-Code") == "NOT_IN_GROUP" and token is not self._cached
            if not reply.is_unauthorized or is_stranger:
                return
            self._refused = token.value

    def _good_token(self, patience: t.Callable[[], float]) -> t.Generator[Request, object, Token]:
        """Return a token that is valid for a while: the last one, the cached one, or a new one."""
        with self._lock:
            token = self._good(self._token)
            if token is None:
                # Other processes wait here, and then find the new token in the cache.
                with self._cache.locked(patience()):
                    token = self._cached = self._good(self._cache.load())
                    if token is None:
                        token = yield from self._new_token()
                        self._cache.store(token)
                self._token = token
                self.secrets.append(token.value)
            return token

    def _good(self, token: Token | None) -> Token | None:
        """Return a token if it is valid for a while and was not refused; None otherwise."""
        return token if token is not None and token.is_good(self._clock()) and token.value != self._refused else None

    def _new_token(self) -> t.Generator[Request, t.Any, Token]:
        """Request a new token.

        Raises:
            ApiError: If the reply has none.
        """
        answer = yield self._token_request
        value, lifetime = answer.get("access_token"), _lifetime(answer.get("expires_in"))
        if not is_token(value) or not lifetime:
            raise ApiError("the reply of Atlas has none.", description="get an access token", hint="Check base_url.")
        return Token(str(value), self._clock() + lifetime)


def _lifetime(expires_in: object) -> float:
    """Return the seconds for which a token is used; 0 if `expires_in` is not a positive number.

    Some servers send it as text, and a reply may leave it out (RFC 6749, 5.1).
    """
    try:
        # Through text, an integer that is too large becomes infinity instead of an OverflowError.
        seconds = LIFETIME_SECONDS if expires_in is None else float(str(expires_in))
    except ValueError:
        return 0.0
    return min(seconds, LIFETIME_SECONDS) if seconds > 0 else 0.0
