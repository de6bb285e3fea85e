# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""A programmatic API key: HTTP digest."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.credential import Flow, Prepared, check_header_values
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.reply import Reply

from .digest import DigestSession, parse_challenge, parse_next_nonce

_MOST_REFUSALS = 4


class ApiKey:
    """A programmatic API key. The nonce of the last challenge is used again until it is refused.

    Args:
        public_key: The public half, the user name of the digest.
        private_key: The private half, its password.

    Raises:
        InvalidOptionError: If one cannot be a key.
    """

    def __init__(self, public_key: str, private_key: str) -> None:
        check_header_values(public_key=public_key, private_key=private_key)
        self.secrets = [private_key]
        self._public_key = public_key
        self._private_key = private_key
        # None while the server's challenge is not known: it comes with the first refusal.
        self._digest: DigestSession | None = None

    def sign_in(self, request: Prepared, patience: t.Callable[[], float]) -> Flow:
        """Answer the server's challenge, and each new one as long as that may help."""
        for refusals in range(1, _MOST_REFUSALS + 2):
            if self._digest is not None:
                body = request.body or b""
                request.headers["Authorization"] = self._digest.authorization(request.method, request.path_url, body)
            reply: Reply = yield request
            if not reply.is_unauthorized:
                next_nonce = parse_next_nonce(reply.headers.get("Authentication-Info"))
                if next_nonce and self._digest is not None:
                    self._digest.use_nonce(next_nonce)
                return
            challenge = parse_challenge(reply.headers.get("WWW-Authenticate"))
            # A nonce that was only just given and is refused means that the key is wrong. Atlas says `stale=false` in every
            # challenge, so a first refusal proves nothing. Others say `stale=true` when the key was right.
            if challenge is None or refusals > (_MOST_REFUSALS if challenge.stale else 1):
                self._digest = None
                return
            self._digest = DigestSession(challenge, self._public_key, self._private_key)
