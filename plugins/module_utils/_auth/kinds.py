# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Credentials: one small class a kind. Each is checked without the network, then asked for the header of every request."""

from __future__ import annotations

import base64
import math
import time
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasApiError, AtlasError, InvalidOptionError

from .digest import DigestSession, parse_challenge, parse_next_nonce
from .token_cache import LIFETIME_SECONDS, Token, TokenCache, is_token

Headers = t.Mapping[str, str]
# Sends a form with an Authorization header to the token endpoint, and returns the object in the reply.
Fetch = t.Callable[[t.Mapping[str, str], str], t.Mapping[str, t.Any]]

# The environment variables behind each option, those of the official tools.
VARIABLES = {
    "access_token": ("MONGODB_ATLAS_ACCESS_TOKEN",),
    "client_id": ("MONGODB_ATLAS_CLIENT_ID",),
    "client_secret": ("MONGODB_ATLAS_CLIENT_SECRET",),
    "public_key": ("MONGODB_ATLAS_PUBLIC_API_KEY", "MONGODB_ATLAS_PUBLIC_KEY"),
    "private_key": ("MONGODB_ATLAS_PRIVATE_API_KEY", "MONGODB_ATLAS_PRIVATE_KEY"),
}
_MOST_REFUSALS = 4


class Credential(t.Protocol):
    """What the client needs of a kind of credential.

    Attributes:
        secrets: What must not be shown.
    """

    secrets: list[str]

    def prepare(self, fetch: Fetch, patience: float) -> None:
        """Get what is needed before a request can be signed; wait no longer than I(patience) seconds for another process."""

    def authorization(self, method: str, target: str, body: bytes) -> str | None:
        """Return the C(Authorization) header for a request; None while the server's challenge is not known."""

    def accept_challenge(self, headers: Headers, refusals: int) -> bool:
        """Learn from a refusal (401); I(refusals) is the number so far, this one included. Return whether to try once more."""

    def accept_reply(self, headers: Headers) -> None:
        """Learn from a reply that was not refused."""


def _check(**values: str) -> None:
    """Check option values that will stand in headers.

    Raises:
        InvalidOptionError: When one cannot be what it is for.
    """
    for option, value in values.items():
        if not value.isprintable():
            raise InvalidOptionError(
                f"{option} has a line break or another character that is not printable.",
                hint="Remove what was copied along with it.",
            )


def _lifetime(expires_in: t.Any) -> float:
    """Return the seconds that a token is used; 0 if C(expires_in), which some servers write as text, is nothing of the kind.

    A reply need not say it (RFC 6749, 5.1).
    """
    try:
        seconds = math.inf if expires_in is None else float(expires_in)
    except OverflowError:
        seconds = math.inf
    except (TypeError, ValueError):
        return 0.0
    return min(seconds, LIFETIME_SECONDS) if seconds > 0 else 0.0


class ApiKey:
    """A programmatic API key: HTTP digest, with the nonce of the last challenge used again until it is refused.

    Args:
        public_key: The public half, the user name of the digest.
        private_key: The private half, its password.

    Raises:
        InvalidOptionError: When one cannot be a key.
    """

    def __init__(self, public_key: str, private_key: str) -> None:
        _check(public_key=public_key, private_key=private_key)
        self.secrets = [private_key]
        self._public_key = public_key
        self._private_key = private_key
        self._digest: DigestSession | None = None

    def prepare(self, fetch: Fetch, patience: float) -> None:
        """Need nothing: the server's challenge comes with its first refusal."""

    def authorization(self, method: str, target: str, body: bytes) -> str | None:
        """Answer the last challenge; None before the first."""
        return self._digest.authorization(method, target, body) if self._digest else None

    def accept_challenge(self, headers: Headers, refusals: int) -> bool:
        """Take up a new challenge. A nonce that was only just given and is refused means that the key is wrong.

        Atlas says C(stale=false) in every challenge, so a first refusal proves nothing. Others say C(stale=true) when
        the key was right.
        """
        self._digest = None
        challenge = parse_challenge(headers.get("WWW-Authenticate"))
        if challenge is None or refusals > (_MOST_REFUSALS if challenge.stale else 1):
            return False
        self._digest = DigestSession(challenge, self._public_key, self._private_key)
        return True

    def accept_reply(self, headers: Headers) -> None:
        """Go on with the next nonce where the server names it."""
        next_nonce = parse_next_nonce(headers.get("Authentication-Info"))
        if next_nonce and self._digest:
            self._digest.use_nonce(next_nonce)


class AccessToken:
    """An OAuth access token supplied by the user; never renewed.

    Args:
        access_token: The token.

    Raises:
        InvalidOptionError: When it cannot be one.
    """

    def __init__(self, access_token: str) -> None:
        _check(access_token=access_token)
        if not access_token.isascii():
            raise InvalidOptionError("access_token has characters that tokens do not have.", hint="Copy it again.")
        self.secrets = [access_token]
        self._access_token = access_token

    def prepare(self, fetch: Fetch, patience: float) -> None:
        """Need nothing."""

    def authorization(self, method: str, target: str, body: bytes) -> str:
        """Show the token."""
        return f"Bearer {self._access_token}"

    def accept_challenge(self, headers: Headers, refusals: int) -> bool:
        """Give up: there is no other token."""
        return False

    def accept_reply(self, headers: Headers) -> None:
        """Learn nothing."""


class ServiceAccount:
    """A service account: OAuth 2 client credentials, whose token is used again until shortly before it ends.

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
        _check(client_id=client_id, client_secret=client_secret)
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
