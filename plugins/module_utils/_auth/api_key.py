# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credential of a programmatic API key: HTTP digest."""

from __future__ import annotations

import typing as t

from .._api.request import Flow, check_header_values
from .._http.exchange import Prepared, Reply
from .digest import DigestSession, parse_challenge, parse_next_nonce

_MOST_REFUSALS = 4


class _Shared:
    """What all connections of a key share.

    Attributes:
        digest: Answers the last challenge; None if there is none.
        is_bound: Whether each connection uses only its own nonces, not shared ones.
    """

    def __init__(self) -> None:
        self.digest: DigestSession | None = None
        self.is_bound = False


class ApiKey:
    """A programmatic API key. All connections reuse the nonce of the last challenge until the server refuses it.

    Args:
        public_key: The user name of the digest.
        private_key: Its password.
        shared: What the connections of the key share; None for the first one.

    Raises:
        InvalidOptionError: If a key has a character that is not printable.
    """

    def __init__(self, public_key: str, private_key: str, shared: _Shared | None = None) -> None:
        check_header_values(public_key=public_key, private_key=private_key)
        self.secrets = [private_key]
        self._public_key = public_key
        self._private_key = private_key
        self._shared = shared or _Shared()
        # Answers the last challenge on this connection.
        self._own: DigestSession | None = None

    def for_connection(self) -> ApiKey:
        """Return the same key for another connection; they share the nonce unless the server refuses that."""
        return ApiKey(self._public_key, self._private_key, self._shared)

    def sign_in(self, request: Prepared, patience: t.Callable[[], float]) -> Flow:
        """Answer the server's challenge, and each new one while that may help; see `Credential.sign_in`."""
        shared = self._shared
        digest = self._own if shared.is_bound else shared.digest
        for refusals in range(1, _MOST_REFUSALS + 2):
            if digest is not None:
                body = request.body or b""
                request.headers["Authorization"] = digest.authorization(request.method, request.path_url, body)
            reply: Reply = yield request
            if not reply.is_unauthorized:
                next_nonce = parse_next_nonce(reply.headers.get("Authentication-Info"))
                if next_nonce and digest is not None:
                    digest.use_nonce(next_nonce)
                return
            if digest not in (None, self._own):
                # Some servers accept a nonce on one connection only, or its counts in order only. If the nonce was just too old,
                # a challenge per connection costs little.
                shared.is_bound = True
            challenge = parse_challenge(reply.headers.get("WWW-Authenticate"))
            # If a fresh nonce is refused, the key is wrong. Atlas says `stale=false` in every challenge, so a first refusal
            # proves nothing. Other servers say `stale=true` if the key was right.
            may_help = challenge is not None and refusals <= (_MOST_REFUSALS if challenge.stale else 1)
            digest = DigestSession(challenge, self._public_key, self._private_key) if challenge and may_help else None
            self._own = shared.digest = digest
            if digest is None:
                return
