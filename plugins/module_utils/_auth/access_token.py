# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credential of a user's OAuth access token."""

from __future__ import annotations

import typing as t

from .._api.request import Flow, check_header_values
from .._http.errors import InvalidOptionError
from .._http.transport import Prepared


class AccessToken:
    """An OAuth access token supplied by the user; never renewed.

    Args:
        access_token: The token.

    Raises:
        InvalidOptionError: If it has characters that tokens do not have.
    """

    def __init__(self, access_token: str) -> None:
        check_header_values(access_token=access_token)
        if not access_token.isascii():
            raise InvalidOptionError("access_token has characters that tokens do not have.", hint="Copy it again.")
        self.secrets = [access_token]
        self._access_token = access_token

    def for_connection(self) -> AccessToken:
        """Return this object: all connections can use the token."""
        return self

    def sign_in(self, request: Prepared, patience: t.Callable[[], float]) -> Flow:
        """Send the token, once; see `Credential.sign_in`."""
        request.headers["Authorization"] = f"Bearer {self._access_token}"
        yield request
