"""Who may call: programs, and no page that a browser on this machine shows; needs nothing but the standard library.

A page can send requests to loopback. It cannot hide that it is one: a browser says where a request comes from in Origin and in
Sec-Fetch-Site, and asks first before it sends a body of the type application/json. Only under a name that its own server lets
lead to loopback (DNS rebinding) does a page look like the emulator's own, and then the name is in Host.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Host as RFC 9110, 7.2, has it: a name, an IPv4 address, or an IPv6 address in brackets; a port or none.
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]/?#@]+)(:[0-9]*)?")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#]*)", re.IGNORECASE)
_FOREIGN_SITES = ("cross-site", "same-site")
_JSON = "application/json"

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Refusal:
    """Why a request is not even looked at."""

    status: int
    detail: str


def canonical_host(name: str) -> str:
    """Return the one form of a host's name or address, be the address in brackets or not."""
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    bare = bare.lower().removesuffix(".")
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return bare
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)


def is_host(name: str) -> bool:
    """Tell whether this is a host's name or address, without a port."""
    canonical = canonical_host(name)
    return _is_address(canonical) or _NAME.fullmatch(canonical) is not None


class Guard:
    """Keeps out what a page in a browser has sent.

    Args:
        hosts: Names and addresses by which the emulator may be called, beside localhost and the loopback addresses.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        """Take the names."""
        self._hosts = {"localhost", *filter(None, map(canonical_host, hosts))}

    def refusal(self, headers: Headers, target: str) -> Refusal | None:
        """Tell why a request is refused, None if it is not.

        A client of HTTP/1.0 may send no Host; no browser does.

        Args:
            target: The path, or all of a target in absolute form, whose host is the one that counts (RFC 9112, 3.2.2).
        """
        hosts = _values(headers, b"host")
        absolute = _ABSOLUTE.match(target)
        if len(hosts) > 1:
            return Refusal(400, "There is more than one Host.")
        for host in [*hosts, *([absolute[1]] if absolute else [])]:
            if not self._knows(host):
                detail = (
                    f"The emulator is not called {host[:200]!a}: a page in a browser could have sent this. Call it localhost, "
                    "127.0.0.1, or by the name in --host; or start it with --allow-host and this name, without the port."
                )
                return Refusal(421, detail)
        if _values(headers, b"origin"):
            return Refusal(403, "There is an Origin: a page in a browser has sent this, and the emulator answers to none.")
        if any(value.strip().lower() in _FOREIGN_SITES for value in _values(headers, b"sec-fetch-site")):
            return Refusal(403, "Sec-Fetch-Site says that a page of another site has sent this.")
        return None

    def _knows(self, host: str) -> bool:
        match = _HOST.fullmatch(host.strip())
        if not match:
            return False
        name = canonical_host(match[1])
        return name in self._hosts or (_is_address(name) and ipaddress.ip_address(name).is_loopback)


def body_refusal(headers: Headers) -> Refusal | None:
    """Tell why the body of a control call is refused, None if it is not, or if there is none."""
    lengths = {value.strip() for value in _values(headers, b"content-length")}
    if lengths <= {"0"} and not _values(headers, b"transfer-encoding"):
        return None
    types = [value.split(";")[0].strip().lower() for value in _values(headers, b"content-type")]
    return None if types == [_JSON] else Refusal(415, f"The body has to be of the type {_JSON}: say so in Content-Type.")


def _values(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
