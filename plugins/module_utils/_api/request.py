# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A request to Atlas, and what a kind of credential does with it."""

from __future__ import annotations

import json
import typing as t
from types import MappingProxyType
from urllib.parse import quote, urlencode

from .._http.errors import InvalidOptionError
from .._http.exchange import Prepared
from .settings import ApiSettings

Json = dict[str, t.Any]

# The date of the v2 API's resources in which peers, containers and the access list were last changed.
DEFAULT_VERSION = "2023-01-01"
_FORM = "application/x-www-form-urlencoded"
NOTHING: t.Mapping[str, str] = MappingProxyType({})


class Request(t.NamedTuple):
    """One request, however often it is sent.

    Attributes:
        method: The HTTP method.
        path: The segments below `root`, escaped one by one, so that no value can change which resource is meant.
        description: What it does, as a verb phrase for error messages: `read network container … of project …`.
        query: The parameters of the query.
        body: What is sent: an object or a list, as JSON; a text is a form, encoded already. None for none.
        headers: Headers beside those that belong to the body and the API's version, or in place of them.
        expects_list: Whether Atlas answers with a page of a list.
        hints: What to do next, by error code, for codes that belong to the resource.
        gone: For a DELETE: the codes with which a 404 or 409 means that it is gone already.
        exists: For a POST: the codes that mean that it exists already.
        version: The date of the API version, for v2.
        root: Where `path` starts; None for the API of the version in the settings.
        repeatable: Whether it may be sent again when it is not known whether it was carried out, whatever its method.
    """

    method: str
    path: tuple[str, ...]
    description: str
    query: t.Mapping[str, str] = NOTHING
    body: Json | list[Json] | str | None = None
    headers: t.Mapping[str, str] = NOTHING
    expects_list: bool = False
    hints: t.Mapping[str, str] = NOTHING
    gone: frozenset[str] = frozenset()
    exists: frozenset[str] = frozenset()
    version: str = DEFAULT_VERSION
    root: str | None = None
    repeatable: bool = False

    @property
    def is_write(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again when it is not known whether it was carried out.

        A DELETE is: what is deleted twice is as gone as what is deleted once.
        """
        return self.repeatable or self.method in ("GET", "DELETE")

    def has_envelope(self, settings: ApiSettings) -> bool:
        """Whether the reply is asked for in an envelope; the API alone has one."""
        return settings.envelope and self.root is None

    def url(self, settings: ApiSettings) -> str:
        """Return the whole address."""
        root = f"/api/atlas/{settings.api_version}" if self.root is None else self.root
        url = "/".join([settings.base_url.rstrip("/") + root, *(quote(segment, safe="") for segment in self.path)])
        query = {**self.query, "envelope": "true"} if self.has_envelope(settings) else self.query
        return f"{url}?{urlencode(query)}" if query else url

    def data(self) -> bytes:
        """Return the body as it is sent; empty for none."""
        if self.body is None:
            return b""
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()

    def all_headers(self, settings: ApiSettings) -> dict[str, str]:
        """Return all headers but those of the client itself."""
        media_type = f"application/vnd.atlas.{self.version}+json" if settings.api_version == "v2" else "application/json"
        headers = {"Accept": media_type}
        if self.body is not None:
            headers["Content-Type"] = _FORM if isinstance(self.body, str) else media_type
        return {**headers, **self.headers}


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

        A generator. It yields the signed request each time that it should go out, and is sent the Reply; the last one counts.
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
