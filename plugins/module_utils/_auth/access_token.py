# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""An OAuth access token."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.credential import Fetch, Headers, check_header_values
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import InvalidOptionError


class AccessToken:
    """An OAuth access token supplied by the user; never renewed.

    Args:
        access_token: The token.

    Raises:
        InvalidOptionError: When it cannot be one.
    """

    def __init__(self, access_token: str) -> None:
        check_header_values(access_token=access_token)
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
