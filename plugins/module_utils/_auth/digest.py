# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP digest authentication (RFC 7616, and RFC 2069 servers without qop) as text in, text out."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import typing as t

# hashlib's name for each algorithm of RFC 7616. MD5 is what Atlas asks for, SHA-256 what its government cloud does.
_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TOKEN68 = re.compile(r"[ \t]*[A-Za-z0-9\-._~+/]+=*[ \t]*(?=,|$)")
_PARAMETER_VALUE = re.compile(r'[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SEPARATOR = re.compile(r"[ \t,]*")


class Challenge(t.NamedTuple):
    """One digest challenge of a server.

    Attributes:
        realm: The realm, unquoted.
        nonce: The nonce, unquoted.
        algorithm: The algorithm as the server spelt it; None when it named none, which means MD5.
        qop: The qualities of protection on offer, lower case; empty for an RFC 2069 server.
        opaque: Sent back unchanged, if given.
        userhash: Whether the server wants the user name hashed.
        stale: Whether only the nonce of the refused request was at fault, and not the key.
    """

    realm: str
    nonce: str
    algorithm: str | None = None
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    userhash: bool = False
    stale: bool = False

    @property
    def is_supported(self) -> bool:
        """Whether this client can answer it."""
        has_known_qop = not self.qop or not {"auth", "auth-int"}.isdisjoint(self.qop)
        return has_known_qop and _HASHES.get(self._base_algorithm) in hashlib.algorithms_available

    @property
    def _base_algorithm(self) -> str:
        return (self.algorithm or "MD5").upper().removesuffix("-SESS")

    @property
    def is_session(self) -> bool:
        """Whether the algorithm is a `-sess` variant."""
        return (self.algorithm or "").upper().endswith("-SESS")

    def hash(self, data: bytes) -> str:
        """Return the hexadecimal hash of `data` by the challenge's algorithm."""
        # usedforsecurity: a FIPS build of Python refuses MD5 otherwise, and the protocol leaves no choice.
        return hashlib.new(_HASHES[self._base_algorithm], data, usedforsecurity=False).hexdigest()


def parse_challenge(header: str | None) -> Challenge | None:
    """Return the first digest challenge in a `WWW-Authenticate` header that this client can answer.

    Args:
        header: The header's value; several challenges, of any scheme, may be in it, separated by commas.
    """
    for scheme, parameters in _split_challenges(header or ""):
        if scheme.lower() != "digest" or "realm" not in parameters or not parameters.get("nonce"):
            continue
        challenge = Challenge(
            realm=parameters["realm"],
            nonce=parameters["nonce"],
            algorithm=parameters.get("algorithm"),
            qop=tuple(word.strip().lower() for word in parameters.get("qop", "").split(",") if word.strip()),
            opaque=parameters.get("opaque"),
            userhash=parameters.get("userhash", "").lower() == "true",
            stale=parameters.get("stale", "").lower() == "true",
        )
        if challenge.is_supported:
            return challenge
    return None


def parse_next_nonce(header: str | None) -> str | None:
    """Return `nextnonce` of an `Authentication-Info` header, if there is one."""
    # Its value is a bare list of parameters; with a scheme before it, it reads like a challenge.
    parameters = next((found for unused, found in _split_challenges(f"Digest {header or ''}")), {})
    return parameters.get("nextnonce") or None


def _split_challenges(header: str) -> t.Iterator[tuple[str, dict[str, str]]]:
    """Yield (scheme, parameters) for each challenge of a header (RFC 9110, 11.6.1); what cannot be read ends it."""
    # A header is text with a character for each byte. Servers mean UTF-8, mostly; what is not comes back as it was.
    header = header.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
    position = 0
    scheme: str | None = None
    parameters: dict[str, str] = {}
    while True:
        position = t.cast("re.Match[str]", _SEPARATOR.match(header, position)).end()
        name = _TOKEN.match(header, position)
        if name is None:
            break
        value = _PARAMETER_VALUE.match(header, name.end())
        if value is not None and scheme is not None:
            text = value.group(2) if value.group(1) is None else re.sub(r"\\(.)", r"\1", value.group(1))
            parameters.setdefault(name.group().lower(), text)
            position = value.end()
            continue
        if scheme is not None:
            yield scheme, parameters
        scheme, parameters, position = name.group(), {}, name.end()
        blob = _TOKEN68.match(header, position)
        if blob is not None:
            position = blob.end()
    if scheme is not None:
        yield scheme, parameters


class DigestSession:
    """Answers one challenge again and again, with a nonce count that rises. Safe for threads.

    Args:
        challenge: What the server asked for.
        username: The user name.
        password: The password.
        cnonce: The client nonce; a random one unless a test says otherwise.
    """

    def __init__(self, challenge: Challenge, username: str, password: str, cnonce: str | None = None) -> None:
        self._challenge = challenge
        self._username = username
        self._nonce = challenge.nonce
        self._count = 0
        self._lock = threading.Lock()
        self._cnonce = cnonce or secrets.token_hex(16)
        self._secret = challenge.hash(_bytes(f"{username}:{challenge.realm}:{password}"))
        if challenge.is_session:
            # RFC 7616, 3.4.2: made once, of the first nonce and client nonce. The client nonce stays the same, so that
            # servers that compute it again for each request agree.
            self._secret = challenge.hash(_bytes(f"{self._secret}:{self._nonce}:{self._cnonce}"))

    def use_nonce(self, nonce: str) -> None:
        """Go on with another `nonce` of the same server (`nextnonce`)."""
        with self._lock:
            if nonce != self._nonce:
                self._nonce, self._count = nonce, 0

    def authorization(self, method: str, uri: str, body: bytes = b"") -> str:
        """Return the value of the `Authorization` header for one request.

        Args:
            method: The HTTP method.
            uri: The request target as it is sent: path and query.
            body: The request body; only `auth-int` servers have it hashed.
        """
        challenge, digest = self._challenge, self._challenge.hash
        with self._lock:
            self._count += 1
            nonce, count = self._nonce, f"{self._count:08x}"
        qop = "auth" if "auth" in challenge.qop else "auth-int" if challenge.qop else None
        request = f"{method}:{uri}:{digest(body)}" if qop == "auth-int" else f"{method}:{uri}"
        middle = f"{nonce}:{count}:{self._cnonce}:{qop}" if qop else nonce
        response = digest(_bytes(f"{self._secret}:{middle}:{digest(_bytes(request))}"))
        username = digest(_bytes(f"{self._username}:{challenge.realm}")) if challenge.userhash else self._username

        quoted = {"username": username, "realm": challenge.realm, "nonce": nonce, "uri": uri, "response": response}
        if challenge.opaque is not None:
            quoted["opaque"] = challenge.opaque
        if qop or challenge.is_session:
            quoted["cnonce"] = self._cnonce
        # RFC 7616, 3.4: these must not be quoted.
        plain = {"algorithm": challenge.algorithm, "qop": qop, "nc": qop and count, "userhash": challenge.userhash and "true"}
        fields = [f"{name}={_quote(value)}" for name, value in quoted.items()]
        fields += [f"{name}={value}" for name, value in plain.items() if value]
        return "Digest " + ", ".join(fields)


def _bytes(value: str) -> bytes:
    """Return `value` as UTF-8, and what a server wrote otherwise as it wrote it."""
    return value.encode("utf-8", "surrogateescape")


def _quote(value: str) -> str:
    """Return `value` as a quoted string of those bytes, in the Latin-1 text that http.client sends."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _bytes(escaped).decode("latin-1") + '"'
