# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to reach Atlas: the connection options, and their checks before anything is sent."""

from __future__ import annotations

import ipaddress
import re
import ssl
import typing as t
from urllib.parse import urlsplit

from .._http.errors import InvalidOptionError
from .._http.pauses import DEFAULT_LIMITS, Limits
from .._http.tls import trusting

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
        address = _to_address(host)
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


def _to_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
