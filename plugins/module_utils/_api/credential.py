# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the client needs of a credential, whatever its kind."""

from __future__ import annotations

import typing as t

from .errors import InvalidOptionError

Headers = t.Mapping[str, str]
# Sends a form with an Authorization header to the token endpoint, and returns the object in the reply.
Fetch = t.Callable[[t.Mapping[str, str], str], t.Mapping[str, t.Any]]


class Credential(t.Protocol):
    """What the client needs of a kind of credential.

    Attributes:
        secrets: What must not be shown.
    """

    secrets: list[str]

    def prepare(self, fetch: Fetch, patience: float) -> None:
        """Get what is needed before a request can be signed; wait no longer than `patience` seconds for another process."""

    def authorization(self, method: str, target: str, body: bytes) -> str | None:
        """Return the `Authorization` header for a request; None while the server's challenge is not known."""

    def accept_challenge(self, headers: Headers, refusals: int) -> bool:
        """Learn from a refusal (401). Return whether to try once more.

        Args:
            headers: Those of the reply.
            refusals: Number of refusals so far, this one included.
        """

    def accept_reply(self, headers: Headers) -> None:
        """Learn from a reply that was not refused."""


def check_header_values(**values: str) -> None:
    """Check values of options that go into headers.

    Raises:
        InvalidOptionError: When one cannot be what it is for.
    """
    for option, value in values.items():
        if not value.isprintable():
            raise InvalidOptionError(
                f"{option} has a line break or another character that is not printable.",
                hint="Remove what was copied along with it.",
            )
