# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Credentials: one small class a kind. Each is checked without the network, then asked for the header of every request."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._digest import DigestSession, parse_challenge, parse_next_nonce
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import InvalidOptionError

Headers = t.Mapping[str, str]

PUBLIC_KEY_VARIABLES = ("MONGODB_ATLAS_PUBLIC_API_KEY", "MONGODB_ATLAS_PUBLIC_KEY")
PRIVATE_KEY_VARIABLES = ("MONGODB_ATLAS_PRIVATE_API_KEY", "MONGODB_ATLAS_PRIVATE_KEY")

_MOST_REFUSALS = 3


class Credential(t.Protocol):
    """What the client needs of a kind of credential."""

    secret: str

    def authorization(self, method: str, target: str, body: bytes) -> str | None:
        """Return the C(Authorization) header for a request; None while the server's challenge is not known."""

    def accept_challenge(self, headers: Headers, refusals: int) -> bool:
        """Learn from a refusal (401), the how many-eth of this request. Returns whether it is worth sending once more."""

    def accept_reply(self, headers: Headers) -> None:
        """Learn from a reply that was not refused."""


class ApiKey:
    """A programmatic API key: HTTP digest, with the nonce of the last challenge used again until it is refused.

    Args:
        public_key: The public half, the user name of the digest.
        private_key: The private half, its password.

    Raises:
        InvalidOptionError: When one half, or both, are missing, or cannot be a key.
    """

    def __init__(self, public_key: str | None, private_key: str | None) -> None:
        public, private = " or ".join(PUBLIC_KEY_VARIABLES), " or ".join(PRIVATE_KEY_VARIABLES)
        if not public_key and not private_key:
            raise InvalidOptionError(
                "No credentials for Atlas: public_key and private_key are missing.",
                hint=f"Set both options, or the environment variables {public} and {private}.",
            )
        if not private_key:
            raise InvalidOptionError("private_key is missing beside public_key.", hint=f"Set it, or {private}.")
        if not public_key:
            raise InvalidOptionError("public_key is missing beside private_key.", hint=f"Set it, or {public}.")
        for option, value in (("public_key", public_key), ("private_key", private_key)):
            if not value.isprintable():
                raise InvalidOptionError(
                    f"{option} has a line break or another character that is not printable.",
                    hint="Remove what was copied along with it.",
                )
        self._public_key = public_key
        self.secret = private_key
        self._digest: DigestSession | None = None

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
        self._digest = DigestSession(challenge, self._public_key, self.secret)
        return True

    def accept_reply(self, headers: Headers) -> None:
        """Go on with the next nonce where the server names it."""
        next_nonce = parse_next_nonce(headers.get("Authentication-Info"))
        if next_nonce and self._digest:
            self._digest.use_nonce(next_nonce)
