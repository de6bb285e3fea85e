# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the client needs of a credential, whatever its kind."""

from __future__ import annotations

import typing as t

from .errors import InvalidOptionError
from .request import Request


class Prepared(t.Protocol):
    """A request as it goes out: with the target as the HTTP library has rewritten it, which a digest signs.

    Attributes:
        method: The HTTP method.
        body: The body as it is sent; None for none.
        headers: All headers. A credential adds its own.
    """

    method: t.Any
    body: t.Any
    headers: t.Any

    @property
    def path_url(self) -> str:
        """The target: path and query."""


# See `Credential.sign_in`.
Flow = t.Generator[t.Union[Prepared, Request], t.Any, None]


class Credential(t.Protocol):
    """What the client needs of a kind of credential. Safe for threads, each of which signs requests on a connection of its own.

    Attributes:
        secrets: What must not be shown. The list grows with what is found out on the way.
    """

    secrets: list[str]

    def for_connection(self) -> Credential:
        """Return the credential for one more connection: the same, or one that shares with it what connections can share."""

    def sign_in(self, request: Prepared, patience: t.Callable[[], float]) -> Flow:
        """Sign a request, and sign it again if it is refused, as far as there is a way to.

        A generator. It yields the request, signed, as often as it is to be sent, and is sent each Reply; the last one counts.
        It may yield a Request of its own before, for a token, and is sent the object in the answer. If that fails, or the
        task ends, the client closes the generator, which then gives back what it holds.

        Args:
            request: The request. Its `Authorization` header is set in place.
            patience: Returns the seconds to wait at most for another process.
        """


def check_header_values(**values: str) -> None:
    """Check values of options that go into headers.

    Raises:
        InvalidOptionError: If one cannot be what it is for.
    """
    for option, value in values.items():
        if not value.isprintable():
            raise InvalidOptionError(
                f"{option} has a line break or another character that is not printable.",
                hint="Remove what was copied along with it.",
            )
