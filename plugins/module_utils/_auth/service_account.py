# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""A service account: OAuth 2 client credentials."""

from __future__ import annotations

import base64
import math
import time
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.credential import Fetch, Headers, check_header_values
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasApiError, AtlasError

from .token_cache import LIFETIME_SECONDS, Token, TokenCache, is_token


class ServiceAccount:
    """A service account, whose token is used again until shortly before it ends.

    Atlas gives out few tokens (about 50 requests a minute, 100 live ones), so they are kept for other tasks, too.

    Args:
        client_id: The id of the account.
        client_secret: Its secret.
        cache: Where tokens are kept between tasks; None keeps them in this process alone.
        clock: The time, in seconds since the epoch.

    Raises:
        InvalidOptionError: When one cannot be what it is for.
    """

    def __init__(
        self, client_id: str, client_secret: str, cache: TokenCache | None, clock: t.Callable[[], float] = time.time
    ) -> None:
        check_header_values(client_id=client_id, client_secret=client_secret)
        pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self.secrets = [client_secret, pair]
        self._basic = f"Basic {pair}"
        self._cache = cache
        self._clock = clock
        self._token: Token | None = None
        self._is_cached = False
        self._refused: str | None = None

    def prepare(self, fetch: Fetch, patience: float) -> None:
        """Get a token, unless there is one that is good for a while: here, or in the cache.

        Raises:
            AtlasError: When Atlas gives none.
        """
        if self._token is not None and self._token.is_good(self._clock()):
            return
        self._is_cached = False
        if self._cache is None:
            self._token = self._new_token(fetch)
        else:
            # Others who need it wait for it meanwhile, and do not ask for one of their own.
            with self._cache.locked(patience):
                cached = self._cache.load()
                if cached is not None and cached.is_good(self._clock()) and cached.value != self._refused:
                    self._token, self._is_cached = cached, True
                else:
                    self._token = self._new_token(fetch)
                    self._cache.store(self._token)
        self.secrets.append(self._token.value)

    def _new_token(self, fetch: Fetch) -> Token:
        try:
            reply = fetch({"grant_type": "client_credentials"}, self._basic)
        except AtlasError as error:
            # Whatever has become of the token: the request that needs it was not sent, and this one as often as it may be.
            error.outcome_unknown = error.was_refused_unread = False
            raise
        value, lifetime = reply.get("access_token"), _lifetime(reply.get("expires_in"))
        if not is_token(value) or not lifetime:
            raise AtlasApiError("Failed to get an access token: the reply of Atlas has none.", hint="Check base_url.")
        return Token(str(value), self._clock() + lifetime)

    def authorization(self, method: str, target: str, body: bytes) -> str | None:
        """Show the token."""
        return f"Bearer {self._token.value}" if self._token else None

    def accept_challenge(self, headers: Headers, refusals: int) -> bool:
        """Get another token, once: this one was revoked.

        None helps an account that Atlas knows, but not in this project; unless the token is older than this process, and the
        account was invited since.
        """
        if headers.get("X-Error-Code") == "NOT_IN_GROUP" and not self._is_cached:
            return False
        self._refused = self._token.value if self._token else None
        self._token = None
        return refusals == 1

    def accept_reply(self, headers: Headers) -> None:
        """Learn nothing."""


def _lifetime(expires_in: t.Any) -> float:
    """Return the seconds that a token is used; 0 if `expires_in`, which some servers write as text, is nothing of the kind.

    A reply need not say it (RFC 6749, 5.1).
    """
    try:
        seconds = math.inf if expires_in is None else float(expires_in)
    except OverflowError:
        seconds = math.inf
    except (TypeError, ValueError):
        return 0.0
    return min(seconds, LIFETIME_SECONDS) if seconds > 0 else 0.0
