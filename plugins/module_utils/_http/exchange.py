# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One exchange: the request as it goes out, the reply as it came, and the line about both in a result."""

from __future__ import annotations

import email.utils
import json
import time
import typing as t
import zlib

# Four times what a page of 500 objects takes. It holds twice: for what comes over the wire, and for what that becomes when it
# is decompressed.
MOST_BYTES = 2 << 20
_TOO_LONG = f"is longer than {MOST_BYTES >> 20} MiB"
_CHUNK = 1 << 16
_LONGEST_CODING = 20
# zlib's name for each form in which a coding may come: deflate is either what its name says or, from some servers, without
# the header (RFC 9110, 8.4.1.2).
_GZIP = 16 + zlib.MAX_WBITS
_FORMS = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}


class ApiCall(t.NamedTuple):
    """One HTTP request that was sent, for `api_calls` in a result; `status` is None when no reply came."""

    method: str
    path: str
    status: int | None
    milliseconds: int


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


class Reply(t.NamedTuple):
    """A reply as it came: status, headers (names in any case) and body.

    Attributes:
        flaw: What is wrong with the body, to follow `the reply`; it is then empty.
    """

    status: int
    headers: t.Mapping[str, str]
    content: bytes
    flaw: str = ""

    @property
    def is_unauthorized(self) -> bool:
        """Whether the server asks for credentials, or for other ones."""
        return self.status == 401

    @property
    def is_success(self) -> bool:
        """Whether the server says that it has done what was asked."""
        return 200 <= self.status < 300

    @property
    def is_error(self) -> bool:
        """Whether the server has refused the request, or failed over it."""
        return self.status >= 400

    @property
    def is_rate_limited(self) -> bool:
        """Whether the server has refused the request because there are too many."""
        return self.status == 429

    @property
    def retry_after(self) -> float | None:
        """The seconds that the header `Retry-After` asks for, written as seconds or as a date; None if it says nothing."""
        value = self.headers.get("Retry-After")
        try:
            if value and value.strip().isdecimal():
                return float(value)
            return max(0.0, email.utils.parsedate_to_datetime(value or "").timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            return None


def parse_json(body: bytes) -> t.Any:
    """Return what the JSON in a body means; None for anything else."""
    try:
        content = json.loads(body) if body.strip() else None
        if b"\\ud" in body.lower():
            # Half a character in an escape: no text that could be shown, or sent back.
            json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return content


class BodyError(ValueError):
    """A body that cannot be used; its text follows `the reply` in a message."""


def read_body(read: t.Callable[[int], bytes], encoding: str) -> bytes:
    """Return a body as it was before it was compressed: some proxies compress what was not asked for in that form.

    Args:
        read: Returns up to so many of the next bytes as they came; nothing at the end.
        encoding: The `Content-Encoding` header.

    Raises:
        BodyError: If it is too long, is not what it claims to be, or is encoded in another way.
    """
    coding = encoding.strip().lower()
    if coding not in ("", "identity", *_FORMS):
        # Shown as a whole or not at all: half of a secret, where it is cut off, could not be found and redacted.
        raise BodyError("is encoded in a way that was not asked for" + (f" ({coding})" if len(coding) <= _LONGEST_CODING else ""))
    body = bytearray()
    while chunk := read(_CHUNK):
        body += chunk
        if len(body) > MOST_BYTES:
            raise BodyError(_TOO_LONG)
    if not body or coding not in _FORMS:
        return bytes(body)
    for form in _FORMS[coding]:
        content = _inflate(bytes(body), form)
        if content is not None:
            return content
    raise BodyError("is damaged: it cannot be decompressed")


def _inflate(body: bytes, form: int) -> bytes | None:
    """Return what a body is when it was compressed in this form, once and as a whole; None if it was not.

    Raises:
        BodyError: If it becomes too long.
    """
    inflater = zlib.decompressobj(form)
    try:
        content = inflater.decompress(body, MOST_BYTES + 1)
    except zlib.error:
        return None
    if len(content) > MOST_BYTES:
        raise BodyError(_TOO_LONG)
    return content if inflater.eof and not inflater.unused_data else None
