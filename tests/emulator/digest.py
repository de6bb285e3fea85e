"""HTTP digest access authentication (RFC 7616) from the server's side, as strictly as the RFC allows; no HTTP in here."""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

#: The realm that Atlas has always sent.
REALM = "MMS Public API"

_HASHES = {"MD5": "md5", "SHA-256": "sha256"}
_SCHEME = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s+(.*))?", re.DOTALL)
# One name=value of an auth-param list (RFC 9110, 11.2), with the commas around it; empty list elements are allowed there.
_PARAM = re.compile(
    r"""[\s,]*
    ([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*
    (?:"((?:[^"\\]|\\.)*)"|([^\s",]+))
    \s*(?=,|$)""",
    re.VERBOSE | re.DOTALL,
)


class Verdict(enum.Enum):
    """What a server thinks of a request's credentials."""

    ACCEPTED = "accepted"
    #: No credentials were sent.
    ABSENT = "absent"
    #: The key is right, but the nonce can no longer be used: the client shall repeat with a new one, without asking anybody.
    STALE = "stale"
    REFUSED = "refused"


def parse_authorization(header: str) -> dict[str, str] | None:
    """Read an Authorization header of the Digest scheme.

    Args:
        header: The header's value; names and scheme in any case, values as tokens or quoted, in any order.

    Returns:
        The parameters with lower-case names, or None if it is another scheme, is malformed or names one twice.
    """
    match = _SCHEME.fullmatch(header)
    if not match or match[1].lower() != "digest":
        return None
    rest, position, found = match[2] or "", 0, {}
    while rest[position:].strip(" \t,"):
        param = _PARAM.match(rest, position)
        if not param or param[1].lower() in found:
            return None
        found[param[1].lower()] = re.sub(r"\\(.)", r"\1", param[2], flags=re.DOTALL) if param[2] is not None else param[3]
        position = param.end()
    return found


def response_digest(algorithm: str, username: str, password: str, method: str, params: dict[str, str]) -> str:
    """Compute the `response` that a client with this password sends (RFC 7616, 3.4.1, qop=auth).

    Args:
        params: Realm, uri, nonce, nc and cnonce as the client sent them.
    """

    def digest(*parts: str) -> str:
        # surrogateescape: header bytes that are no UTF-8 must give another digest, not an exception.
        return hashlib.new(_HASHES[algorithm], ":".join(parts).encode("utf-8", "surrogateescape")).hexdigest()

    secret = digest(username, params["realm"], password)
    return digest(secret, params["nonce"], params["nc"], params["cnonce"], "auth", digest(method, params["uri"]))


@dataclass
class _Nonce:
    issued: float
    #: The connection on which alone it can be used; None for any.
    connection: object = None
    #: The counts that it was used with.
    counts: set[int] = field(default_factory=set)


class Nonces:
    """The nonces that a server has given out, with their age and the counts seen.

    Args:
        lifetime: Seconds; 0 makes each nonce good for a single request, however late.
        clock: A monotonic clock in seconds.
        limit: How many to remember; the oldest is forgotten first, and a forgotten one is a stale one.
    """

    def __init__(self, lifetime: float, clock: Callable[[], float], limit: int = 10_000) -> None:
        """Start with no nonce."""
        self._lifetime = lifetime
        self._clock = clock
        self._limit = limit
        self._known: OrderedDict[str, _Nonce] = OrderedDict()

    def __len__(self) -> int:
        """Return how many nonces are remembered."""
        return len(self._known)

    def issue(self, connection: object = None) -> str:
        """Return a new nonce and forget the ones that nobody can use any more.

        Args:
            connection: The connection on which alone it can be used; None for any.
        """
        nonce = base64.b64encode(secrets.token_bytes(24)).decode()
        self._known[nonce] = _Nonce(self._clock(), connection)
        while self._known and (len(self._known) > self._limit or self._expired(next(iter(self._known.values())))):
            self._known.popitem(last=False)
        return nonce

    def spend(self, nonce: str, count: int, connection: object = None) -> bool:
        """Tell whether this nonce can be used with this count, and note the use.

        A count that is seen twice is a replay (RFC 7616, 3.4). They need not come in order: those of a client with
        several connections overtake each other. Ruby's Net::HTTP::DigestAuth begins with 0.
        """
        known = self._known.get(nonce)
        if known is None or self._expired(known) or count in known.counts or known.connection not in (None, connection):
            return False
        known.counts.add(count)
        if not self._lifetime:
            del self._known[nonce]
        return True

    def clear(self) -> None:
        """Forget all of them."""
        self._known.clear()

    def _expired(self, nonce: _Nonce) -> bool:
        return bool(self._lifetime) and self._clock() - nonce.issued > self._lifetime


class DigestServer:
    """Challenges clients and checks what they answer, for one user.

    Args:
        algorithm: `MD5`, as the commercial cloud uses, or `SHA-256`, as the government cloud does.
    """

    def __init__(self, username: str, password: str, nonces: Nonces, algorithm: str = "MD5", realm: str = REALM) -> None:
        """Take the credentials that will be accepted."""
        self._username = username
        self._password = password
        self._algorithm = algorithm
        self._realm = realm
        self.nonces = nonces

    def challenge(self, stale: bool = False, connection: object = None) -> str:
        """Return a WWW-Authenticate header with a new nonce, in exactly the shape that Atlas sends.

        Args:
            stale: Whether only the nonce of the request was at fault.
            connection: The connection on which alone the nonce can be used; None for any.
        """
        return (
            f'Digest realm="{self._realm}", domain="", nonce="{self.nonces.issue(connection)}", '
            f'algorithm={self._algorithm}, qop="auth", stale={"true" if stale else "false"}'
        )

    def check(self, method: str, targets: tuple[str, ...], header: str | None, connection: object = None) -> Verdict:
        """Judge a request.

        Args:
            method: The request's method, which the response must have been computed for.
            targets: The request target as it was sent, in each form in which `uri` may repeat it.
            header: The Authorization header's value, if there was one.
            connection: The connection on which it came.
        """
        if header is None:
            return Verdict.ABSENT
        params = parse_authorization(header)
        if params is None or not self._is_right(method, targets, params):
            return Verdict.REFUSED
        # Only now may the nonce be touched: nobody without the key can use up its counts. RFC 7616, 3.3, wants stale=true for
        # a right digest over a nonce that is no longer good; a count that was used before is told the same way, since
        # what heals it is the same.
        is_good = self.nonces.spend(params["nonce"], int(params["nc"], 16), connection)
        return Verdict.ACCEPTED if is_good else Verdict.STALE

    def _is_right(self, method: str, targets: tuple[str, ...], params: dict[str, str]) -> bool:
        needed = ("username", "realm", "nonce", "uri", "response", "qop", "nc", "cnonce")
        if any(not params.get(name) for name in needed):
            return False
        expected = response_digest(self._algorithm, self._username, self._password, method, params)
        return (
            params["username"] == self._username
            and params["realm"] == self._realm
            and params["uri"] in targets
            and params["qop"].lower() == "auth"
            # Without a name the algorithm is MD5 (RFC 7616, 3.3).
            and params.get("algorithm", "MD5").upper() == self._algorithm
            and re.fullmatch(r"[0-9a-fA-F]{8}", params["nc"]) is not None
            and hmac.compare_digest(expected.encode(), params["response"].lower().encode("utf-8", "surrogateescape"))
        )
