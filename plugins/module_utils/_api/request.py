# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to reach Atlas, a request to it, and the protocol of the credentials that sign it."""

from __future__ import annotations

import json
import re
import ssl
import typing as t
from types import MappingProxyType
from urllib.parse import quote, urlencode, urlsplit

from .._http.errors import InvalidOptionError
from .._http.pauses import DEFAULT_LIMITS, Limits
from .._http.transport import Prepared, trusting
from .._values.blocks import address_in

DEFAULT_BASE_URL = "https://cloud.mongodb.com"
# RFC 1123, 2.1. International names must be written in their ASCII form (xn--…), which is what DNS looks up.
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")


class ApiSettings(t.NamedTuple):
    """How to reach Atlas: the connection options, as given.

    Attributes:
        base_url: Scheme and host, and the path of a gateway before the API's path if there is one.
        api_version: `v2` or `v1.0`.
        envelope: Whether to ask for replies with the HTTP status in their body.
        validate_certs: Whether to verify the server's certificate.
        ca_path: A file or folder with the certificates to trust instead of the default ones.
        timeout: The most seconds that one try of a request may take.
        retries: The most times that a request is sent again.
    """

    base_url: str = DEFAULT_BASE_URL
    api_version: str = "v2"
    envelope: bool = False
    validate_certs: bool = True
    ca_path: str | None = None
    timeout: float = DEFAULT_LIMITS.timeout
    retries: int = DEFAULT_LIMITS.retries

    def validate(self) -> None:
        """Check the options without the network.

        Raises:
            InvalidOptionError: For a base_url that is not an http or https URL, has credentials, a query or the API's path, or
                would send credentials unencrypted to another host; for a ca_path that cannot be read, or is a file without
                certificates; for a timeout or retries out of range.
        """
        if not self.base_url.isprintable() or " " in self.base_url:
            # urlsplit silently drops some of these characters.
            raise InvalidOptionError(
                "base_url has a line break, a space or another character that is not printable.",
                hint="Remove what was copied along with it.",
            )
        try:
            parts = urlsplit(self.base_url)
            host, unused = parts.hostname or "", parts.port
        except ValueError as error:
            # The cause may have a part of a password in it.
            cause = "" if "@" in self.base_url else f": {error}"
            raise InvalidOptionError(f"base_url is not a URL{cause}.", hint=f"Write it like {DEFAULT_BASE_URL}.") from None
        if parts.scheme not in ("http", "https") or not host:
            raise InvalidOptionError("base_url is not an http or https URL.", hint=f"Write it like {DEFAULT_BASE_URL}.")
        address = address_in(host)
        if not _HOST.fullmatch(host) and address is None:
            raise InvalidOptionError(f"base_url: {host!r} is not the name of a host.", hint=f"Write it like {DEFAULT_BASE_URL}.")
        if "@" in parts.netloc:
            raise InvalidOptionError("base_url must not carry credentials.", hint="Use public_key and private_key.")
        if parts.query or parts.fragment or "/api/atlas" in parts.path or "/api/public" in parts.path:
            raise InvalidOptionError(
                "base_url must end before the path of the API.",
                hint=f"Write it like {DEFAULT_BASE_URL}; api_version chooses the API.",
            )
        # Whether the name always means this host.
        is_loopback = host == "localhost" if address is None else address.is_loopback
        if parts.scheme == "http" and not is_loopback:
            raise InvalidOptionError(
                f"base_url is plain http to {host}, which is not this host: anybody on the way could read what is sent.",
                hint="Use https.",
            )
        if self.ca_path:
            _check_certificates(self.ca_path)
        self.limits.validate()

    @property
    def limits(self) -> Limits:
        """How long each try of a request may take, and how often it is sent again."""
        return Limits(self.timeout, self.retries)


def canonical_url(base_url: str) -> str:
    """Return the same text for all spellings of a `base_url`; an invalid one is returned unchanged."""
    try:
        parts = urlsplit(base_url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return base_url
    host = f"[{host}]" if ":" in host else host
    is_usual = port in (None, {"http": 80, "https": 443}.get(parts.scheme))
    return f"{parts.scheme}://{host}{'' if is_usual else f':{port}'}{parts.path.rstrip('/')}"


def _check_certificates(ca_path: str) -> None:
    try:
        trusting(ca_path)
    except ssl.SSLError:
        raise InvalidOptionError(f"ca_path: {ca_path} has no certificates in PEM format.") from None
    except OSError as error:
        raise InvalidOptionError(f"ca_path: {ca_path} cannot be read on the host this task runs on: {error.strerror}.") from None
    except ValueError:
        raise InvalidOptionError(f"ca_path: {ca_path!r} is not a path.") from None


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
        url = "/".join([settings.base_url.rstrip("/") + root, *[quote(segment, safe="") for segment in self.path]])
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
        """Return the credential for one more connection: this one, unless a connection has a state of its own."""
        return self

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
