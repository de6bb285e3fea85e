"""Media types: which version of a resource a client asks for, and which bodies can be read."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

from .errors import ApiError

JSON = "application/json"
#: The only version that most of the resources here have had.
VERSION = "2023-01-01"
#: When the older versions go that are here, in the published description and in recorded replies.
_SUNSET = datetime.date(2027, 7, 1)
#: What follows the type of a v2 reply that is no error, as in recorded ones of the service.
CHARSET = ";charset=utf-8"

_VENDOR = re.compile(r"application/vnd\.atlas\.(\d{4}-\d{2}-\d{2})\+json", re.ASCII)


def _version(media_type: str, versions: Sequence[str] = (VERSION,)) -> str | None:
    """Return the newest version at or before the date of a media type, None if there is none before it, or it has no date."""
    match = _VENDOR.fullmatch(media_type)
    try:
        date = datetime.date.fromisoformat(match[1]).isoformat() if match else ""
    except ValueError:
        return None
    return max((version for version in versions if version <= date), default=None)


def _ranges(header: str) -> list[str]:
    """Return the media ranges that a header accepts (q above 0), in lower case."""
    found = []
    for part in header.split(","):
        media_type, *params = (piece.strip().lower() for piece in part.split(";"))
        refused = any(re.fullmatch(r"q\s*=\s*0(\.0*)?", param) for param in params)
        if media_type and not refused:
            found.append(media_type)
    return found


def negotiate(accept: str | None, versions: Sequence[str] = (VERSION,)) -> str:
    """Choose the version of a v2 reply.

    The service takes nothing but a dated type of its own; a missing header and `*/*` are answered 406 too.

    Args:
        accept: The Accept header.
        versions: Those that the resource has had, from the oldest on.

    Raises:
        ApiError: INVALID_VERSION_DATE, with HTTP status 406.
    """
    found = [version for media_type in _ranges(accept or "") if (version := _version(media_type, versions))]
    if not found:
        raise ApiError("INVALID_VERSION_DATE")
    return max(found)


def media_type_of(version: str) -> str:
    """Return the media type of a v2 reply."""
    return f"application/vnd.atlas.{version}+json{CHARSET}"


def deprecation(version: str, versions: Sequence[str]) -> dict[str, str]:
    """Return the headers of an older version, deprecated since the next one, as mongodb-atlas-cli has recorded them."""
    following = [datetime.date.fromisoformat(one) for one in versions if one > version]
    return {"Deprecation": _http_date(following[0]), "Sunset": _http_date(_SUNSET)} if following else {}


def _http_date(date: datetime.date) -> str:
    """Return the beginning of a day as these headers have it, without a zero before its number."""
    return f"{date:%a}, {date.day} {date:%b %Y} 00:00:00 GMT"


def check_body_type(content_type: str | None) -> None:
    """Refuse a body that is no JSON. One without a type is read as JSON.

    Raises:
        ApiError: UNSUPPORTED_MEDIA_TYPE.
    """
    media_type = (content_type or JSON).split(";")[0].strip().lower()
    if media_type != JSON and not _version(media_type):
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", media_type)
