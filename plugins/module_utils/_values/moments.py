# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moments in time: from ISO 8601 dates, and from the ids of Atlas."""

from __future__ import annotations

import datetime
import re

from .patterns import InvalidValueError

_UNITS = {"m": datetime.timedelta(minutes=1), "h": datetime.timedelta(hours=1), "d": datetime.timedelta(days=1)}


def to_moment(date: str) -> datetime.datetime:
    """Return an ISO 8601 date in UTC, in whole seconds; a date without an offset is in UTC, as in Atlas.

    Raises:
        ValueError: If it is not a date.
    """
    # Python 3.9 and 3.10 do not accept the Z.
    moment = datetime.datetime.fromisoformat(date.strip().upper().replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    try:
        # Atlas keeps whole seconds, in UTC.
        return moment.astimezone(datetime.timezone.utc).replace(microsecond=0)
    except OverflowError as error:
        raise ValueError(str(error)) from error


def parse_span(value: str) -> datetime.timedelta:
    """Return the span of time that an option names: a number of minutes, hours or days, such as `36h`.

    Raises:
        InvalidValueError: If it does not name one.
    """
    found = re.fullmatch(r"([0-9]{1,5})([mhd])", value.strip(), re.ASCII)
    if found is None:
        raise InvalidValueError(
            f"is not a span of time: {value!r}", "Write a number and a unit: 2d for days, 36h for hours, 90m."
        )
    return int(found.group(1)) * _UNITS[found.group(2)]


def to_text(moment: datetime.datetime) -> str:
    """Return a moment in UTC as ISO 8601, in whole seconds, as Atlas writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def created_at(object_id: str) -> datetime.datetime | None:
    """Return when an object of Atlas was created; None if its id is malformed.

    The first 4 bytes of an ObjectId are seconds since 1970: https://www.mongodb.com/docs/manual/reference/bson-types/#objectid.
    """
    try:
        return datetime.datetime.fromtimestamp(int(object_id[:8], 16), datetime.timezone.utc)
    except (ValueError, OverflowError):
        return None
