# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A request to Atlas, and the protocol of the credentials that sign it."""

from __future__ import annotations

import json
import typing as t
from types import MappingProxyType
from urllib.parse import quote, urlencode

from .._http.errors import InvalidOptionError
from .._http.transport import Prepared
from .settings import ApiSettings

Json = dict[str, t.Any]

# The v2 API's version of peers, containers and the access list.
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
        body: An object or a list, sent as JSON, or the text of an encoded form; None for none.
        headers: More headers; they override those for the body and the API's version.
        expects_list: Whether Atlas answers with a page of a list.
        hints: What to do next, by error code, for codes of the resource.
        gone: For a DELETE: the codes of a 404 or 409 that mean that the object is already gone.
        exists: For a POST: the codes that mean that the object already exists.
        version: The date of the API version, for v2.
        root: The path before `path`; None for that of the API version in the settings.
        repeatable: Whether a POST or PATCH may be sent again if its outcome is unknown.
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
        """Whether it may be sent again if its outcome is unknown: a DELETE may, since a second one changes nothing."""
        return self.repeatable or self.method in ("GET", "DELETE")

    def has_envelope(self, settings: ApiSettings) -> bool:
        """Whether to ask for the reply in an envelope; only requests to the API do."""
        return settings.envelope and self.root is None

    def url(self, settings: ApiSettings) -> str:
        """Return the whole URL."""
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
        """Return the headers, without those of the transport and the credential."""
        media_type = f"application/vnd.atlas.{self.version}+json" if settings.api_version == "v2" else "application/json"
        headers = {"Accept": media_type}
        if self.body is not None:
            headers["Content-Type"] = _FORM if isinstance(self.body, str) else media_type
        return {**headers, **self.headers}


# See `Credential.sign_in`.
Flow = t.Generator[t.Union[Prepared, Request], t.Any, None]


class Credential(t.Protocol):
    """What the client needs from a kind of credential. Thread-safe.

    Attributes:
        secrets: What must not be shown; new tokens are added to the list.
    """

    secrets: list[str]

    def for_connection(self) -> Credential:
        """Return the credential for one more connection: this one, or one that shares its state where connections can."""

    def sign_in(self, request: Prepared, patience: t.Callable[[], float]) -> Flow:
        """Sign a request, and sign it again after a 401 if that may help.

        A generator. It yields the signed request each time that it should be sent, and receives the Reply; the last one counts.
        Before that it may yield a Request for a token, and receives the object in its reply. If a request fails, or the task
        ends, the client closes the generator, which releases its locks.

        Args:
            request: The request; its `Authorization` header is set in place.
            patience: Returns the most seconds to wait for another process.
        """


def check_header_values(**values: str) -> None:
    """Check the values, by option, that go into headers.

    Raises:
        InvalidOptionError: If one has a character that is not printable.
    """
    for option, value in values.items():
        if not value.isprintable():
            raise InvalidOptionError(
                f"{option} has a line break or another character that is not printable.",
                hint="Remove what was copied along with it.",
            )
