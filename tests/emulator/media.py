"""Media types: which version of a resource a client asks for, and which bodies can be read."""

from __future__ import annotations

import datetime
import re

from .errors import ApiError

JSON = "application/json"
#: The only version that most of the resources here have had.
VERSION = "2023-01-01"
#: What follows the type of a v2 reply that is no error, as in recorded ones of the service.
CHARSET = ";charset=utf-8"

_VENDOR = re.compile(r"application/vnd\.atlas\.(\d{4}-\d{2}-\d{2})\+json", re.ASCII)


def _is_known_version(media_type: str, first: str = VERSION) -> bool:
    match = _VENDOR.fullmatch(media_type)
    if not match:
        return False
    try:
        # A later date stands for the newest version at or before it; there is none before the first.
        return datetime.date.fromisoformat(match[1]) >= datetime.date.fromisoformat(first)
    except ValueError:
        return False


def _ranges(header: str) -> list[str]:
    """Return the media ranges that a header accepts (q above 0), in lower case."""
    found = []
    for part in header.split(","):
        media_type, *params = (piece.strip().lower() for piece in part.split(";"))
        refused = any(re.fullmatch(r"q\s*=\s*0(\.0*)?", param) for param in params)
        if media_type and not refused:
            found.append(media_type)
    return found


def negotiate(accept: str | None, version: str = VERSION) -> str:
    """Choose the media type of a v2 reply.

    The service takes nothing but a dated type of its own; a missing header and `*/*` are answered 406 too.

    Args:
        accept: The Accept header.
        version: The only version that the resource has had.

    Raises:
        ApiError: INVALID_VERSION_DATE, with HTTP status 406.
    """
    if any(_is_known_version(media_type, version) for media_type in _ranges(accept or "")):
        return f"application/vnd.atlas.{version}+json{CHARSET}"
    raise ApiError("INVALID_VERSION_DATE")


def check_body_type(content_type: str | None) -> None:
    """Refuse a body that is no JSON. One without a type is read as JSON.

    Raises:
        ApiError: UNSUPPORTED_MEDIA_TYPE.
    """
    media_type = (content_type or JSON).split(";")[0].strip().lower()
    if media_type != JSON and not _is_known_version(media_type):
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", media_type)
