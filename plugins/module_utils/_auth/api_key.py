# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""A programmatic API key: HTTP digest."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.credential import Fetch, Headers, check_header_values

from .digest import DigestSession, parse_challenge, parse_next_nonce

_MOST_REFUSALS = 4


class ApiKey:
    """A programmatic API key. The nonce of the last challenge is used again until it is refused.

    Args:
        public_key: The public half, the user name of the digest.
        private_key: The private half, its password.

    Raises:
        InvalidOptionError: When one cannot be a key.
    """

    def __init__(self, public_key: str, private_key: str) -> None:
        check_header_values(public_key=public_key, private_key=private_key)
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

        Atlas says `stale=false` in every challenge, so a first refusal proves nothing. Others say `stale=true` when
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
