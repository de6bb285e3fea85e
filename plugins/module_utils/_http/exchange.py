# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP exchange: the prepared request, the reply with its body, and the entry about both in `api_calls`."""

from __future__ import annotations

import datetime
import email.utils
import json
import time
import typing as t
import zlib

# The longest body, both as received and decompressed: four times a page of 500 objects, twice one of ten large clusters.
MOST_BYTES = 2 << 20
TOO_LONG = f"is longer than {MOST_BYTES >> 20} MiB, the most that a task reads"
TOO_LONG_HINT = "If it comes from the service itself, report it with the kind and the number of the objects."
_CHUNK = 1 << 16
_LONGEST_CODING = 20
# The beginnings of the names of AWS's actions that only read.
_READING_ACTIONS = ("Describe", "Get", "List", "AssumeRole")
# zlib's `wbits` for the forms of each content coding: some servers send deflate without the zlib header (RFC 9110, 8.4.1.2).
_GZIP = 16 + zlib.MAX_WBITS
_FORMS = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}


class ApiCall(t.NamedTuple):
    """One HTTP request that was sent, for `api_calls` in a result; `status` is None if no reply came."""

    method: str
    path: str
    status: int | None
    milliseconds: int

    @property
    def is_write(self) -> bool:
        """Whether it can change something: all but GET, the actions of AWS that read, and those that ask for a token."""
        service, _colon, action = self.path.partition(":")
        if action and service.isalnum():
            return not action.startswith(_READING_ACTIONS)
        return self.method != "GET" and not self.path.endswith(("/token", ":generateAccessToken"))


def count_requests(calls: t.Iterable[ApiCall]) -> dict[str, int]:
    """Return `requests` of a result: how many were `sent`, and how many of them are `writes`."""
    writes = [call.is_write for call in calls]
    return {"sent": len(writes), "writes": sum(writes)}


class Reply(t.NamedTuple):
    """A reply: status, headers (looked up in any case) and decompressed body.

    Attributes:
        flaw: What is wrong with the body, to follow `the reply` in a message; the body is empty then.
    """

    status: int
    headers: t.Mapping[str, str]
    content: bytes
    flaw: str = ""

    @property
    def is_unauthorized(self) -> bool:
        """Whether the server asks for credentials, or for other ones (401)."""
        return self.status == 401

    @property
    def is_error(self) -> bool:
        """Whether the server has refused the request, or failed (4xx, 5xx)."""
        return self.status >= 400

    @property
    def retry_after(self) -> float | None:
        """The seconds that the header `Retry-After` asks for, as a number or a date; None if there are none."""
        value = self.headers.get("Retry-After")
        try:
            if value and value.strip().isdecimal():
                return float(value)
            moment = email.utils.parsedate_to_datetime(value or "")
            # A date without a zone, as of C's asctime, is in UTC, too (RFC 9110, 5.6.7).
            moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
            return max(0.0, moment.timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            return None


def reply_of(content: t.Mapping[str, object]) -> Reply:
    """Return the reply to a request that need not be sent, because its object is known."""
    return Reply(200, {"Content-Type": "application/json"}, json.dumps(content).encode())


def parse_json(body: bytes) -> object:
    """Return the value of a JSON body; None if it is empty or not valid JSON."""
    try:
        content = json.loads(body) if body.strip() else None
        if b"\\ud" in body.lower():
            # A lone surrogate in an escape: such a text can be neither shown nor sent back.
            json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return content


class BodyError(ValueError):
    """An unusable body; its text follows `the reply` in a message."""


def read_body(read: t.Callable[[int], bytes], encoding: str) -> bytes:
    """Return a body, decompressed: some proxies compress although the request asks for `identity`.

    Args:
        read: Returns up to so many of the next raw bytes; empty at the end.
        encoding: The `Content-Encoding` header.

    Raises:
        BodyError: If the body is too long, damaged, or has an unknown encoding.
    """
    coding = encoding.strip().lower()
    if coding not in ("", "identity", *_FORMS):
        # Shown whole or not at all: half of a secret could not be found and redacted.
        raise BodyError("is encoded in a way that was not asked for" + (f" ({coding})" if len(coding) <= _LONGEST_CODING else ""))
    body = bytearray()
    while chunk := read(_CHUNK):
        body += chunk
        if len(body) > MOST_BYTES:
            raise BodyError(TOO_LONG)
    if not body or coding not in _FORMS:
        return bytes(body)
    for form in _FORMS[coding]:
        content = _inflate(bytes(body), form)
        if content is not None:
            return content
    raise BodyError("is damaged: it cannot be decompressed")


def _inflate(body: bytes, form: int) -> bytes | None:
    """Return a body decompressed in one form (zlib's `wbits`); None if it is not one complete stream in that form.

    Raises:
        BodyError: If the result is too long.
    """
    inflater = zlib.decompressobj(form)
    try:
        content = inflater.decompress(body, MOST_BYTES + 1)
    except zlib.error:
        return None
    if len(content) > MOST_BYTES:
        raise BodyError(TOO_LONG)
    return content if inflater.eof and not inflater.unused_data else None
