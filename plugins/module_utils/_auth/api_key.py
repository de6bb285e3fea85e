# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credential of a programmatic API key: HTTP digest, by RFC 7616."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import typing as t

from .._api.request import Flow, check_header_values
from .._http.exchange import Reply
from .._http.transport import Prepared

# hashlib's name for each algorithm of RFC 7616. Atlas asks for MD5, and its government cloud for SHA-256.
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
        algorithm: The algorithm as the server spells it; None if it names none, which means MD5.
        qop: The offered qualities of protection, in lower case; empty for an RFC 2069 server.
        opaque: Sent back unchanged; None if there is none.
        userhash: Whether the server wants the user name hashed.
        stale: Whether only the nonce of the refused request was wrong, and not the key.
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
        """Whether DigestSession can answer it."""
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
        # usedforsecurity: otherwise a FIPS build of Python refuses MD5, which the protocol needs.
        return hashlib.new(_HASHES[self._base_algorithm], data, usedforsecurity=False).hexdigest()


def parse_challenge(header: str | None) -> Challenge | None:
    """Return the first digest challenge in a `WWW-Authenticate` header that is supported; None if there is none.

    Args:
        header: The header's value: challenges of any scheme, separated by commas.
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
    """Return `nextnonce` of an `Authentication-Info` header; None if there is none."""
    # The value is a bare list of parameters; with a scheme before it, it parses like a challenge.
    parameters = next((found for unused, found in _split_challenges(f"Digest {header or ''}")), {})
    return parameters.get("nextnonce") or None


def _split_challenges(header: str) -> t.Iterator[tuple[str, dict[str, str]]]:
    """Yield (scheme, parameters) for each challenge of a header (RFC 9110, 11.6.1), up to the first syntax error."""
    # http.client decodes headers as Latin-1, and servers mostly send UTF-8. Other bytes are sent back unchanged.
    header = header.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
    position = 0
    scheme: str | None = None
    parameters: dict[str, str] = {}
    while True:
        separator = _SEPARATOR.match(header, position)
        position = separator.end() if separator else position
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
    """Answers one challenge repeatedly, with a rising nonce count. Thread-safe.

    Args:
        challenge: A supported challenge.
        username: The user name.
        password: The password.
        cnonce: The client nonce; None for a random one.
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
            # RFC 7616, 3.4.2: computed once, from the first nonce and client nonce. The client nonce stays the same, so that
            # servers that compute this for each request get the same value.
            self._secret = challenge.hash(_bytes(f"{self._secret}:{self._nonce}:{self._cnonce}"))

    def use_nonce(self, nonce: str) -> None:
        """Use another `nonce` of the server (`nextnonce`) from now on."""
        with self._lock:
            if nonce != self._nonce:
                self._nonce, self._count = nonce, 0

    def authorization(self, method: str, uri: str, body: bytes = b"") -> str:
        """Return the value of the `Authorization` header for one request.

        Args:
            method: The HTTP method.
            uri: The request target as it is sent: path and query.
            body: The request body; hashed for `auth-int` only.
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
    """Return `value` as UTF-8; other bytes from the server's header stay unchanged."""
    return value.encode("utf-8", "surrogateescape")


def _quote(value: str) -> str:
    """Return `value` as a quoted string, as Latin-1 text for http.client to send."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _bytes(escaped).decode("latin-1") + '"'


_MOST_REFUSALS = 4


class _Shared:
    """What all connections of a key share.

    Attributes:
        digest: Answers the last challenge; None if there is none.
        is_bound: Whether each connection uses only its own nonces, not shared ones.
    """

    def __init__(self) -> None:
        self.digest: DigestSession | None = None
        self.is_bound = False


class ApiKey:
    """A programmatic API key. All connections reuse the nonce of the last challenge until the server refuses it.

    Args:
        public_key: The user name of the digest.
        private_key: Its password.
        shared: What the connections of the key share; None for the first one.

    Raises:
        InvalidOptionError: If a key has a character that is not printable.
    """

    def __init__(self, public_key: str, private_key: str, shared: _Shared | None = None) -> None:
        check_header_values(public_key=public_key, private_key=private_key)
        self.secrets = [private_key]
        self._public_key = public_key
        self._private_key = private_key
        self._shared = shared or _Shared()
        # Answers the last challenge on this connection.
        self._own: DigestSession | None = None

    def for_connection(self) -> ApiKey:
        """Return the same key for another connection; they share the nonce unless the server refuses that."""
        return ApiKey(self._public_key, self._private_key, self._shared)

    def sign_in(self, request: Prepared, patience: t.Callable[[], float]) -> Flow:
        """Answer the server's challenge, and each new one while that may help; see `Credential.sign_in`."""
        shared = self._shared
        digest = self._own if shared.is_bound else shared.digest
        for refusals in range(1, _MOST_REFUSALS + 2):
            if digest is not None:
                body = request.body if isinstance(request.body, bytes) else b""
                request.headers["Authorization"] = digest.authorization(str(request.method), request.path_url, body)
            reply: Reply = yield request
            if not reply.is_unauthorized:
                next_nonce = parse_next_nonce(reply.headers.get("Authentication-Info"))
                if next_nonce and digest is not None:
                    digest.use_nonce(next_nonce)
                return
            if digest not in (None, self._own):
                # Some servers accept a nonce on one connection only, or its counts in order only. If the nonce was just too old,
                # a challenge per connection costs little.
                shared.is_bound = True
            challenge = parse_challenge(reply.headers.get("WWW-Authenticate"))
            # If a fresh nonce is refused, the key is wrong. Atlas says `stale=false` in every challenge, so a first refusal
            # proves nothing. Other servers say `stale=true` if the key was right.
            may_help = challenge is not None and refusals <= (_MOST_REFUSALS if challenge.stale else 1)
            digest = DigestSession(challenge, self._public_key, self._private_key) if challenge and may_help else None
            self._own = shared.digest = digest
            if digest is None:
                return
