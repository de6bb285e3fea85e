# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of a reply: how much of it is read, and what it is when it was compressed. Pure."""

from __future__ import annotations

import typing as t
import zlib

# A page of 500 objects takes about a quarter of it. It holds twice: for what comes over the wire, before anything is
# inflated, and for what that becomes; a reply that was compressed is allowed to say no more than one that was not.
MOST_BYTES = 2 << 20
_CHUNK = 1 << 16
_LONGEST_CODING = 20
_TOO_LONG = f"is longer than {MOST_BYTES >> 20} MiB"

# zlib's name for each form in which a coding may come: deflate is either what its name says or, from some servers, without
# the header (RFC 9110, 8.4.1.2).
_GZIP = 16 + zlib.MAX_WBITS
_FORMS = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}


class BodyError(ValueError):
    """A body that cannot be used; its text follows `the reply` in a message."""


def read_body(read: t.Callable[[int], bytes], encoding: str) -> bytes:
    """Return a body as it was before it was compressed.

    None is asked for in that form, but some proxies send it all the same.

    Args:
        read: Returns up to so many of the next bytes as they came; nothing at the end.
        encoding: The `Content-Encoding` header.

    Raises:
        BodyError: If it is longer than there is a reason for, is not what it claims to be, or is encoded in another way.
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
