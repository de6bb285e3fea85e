# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moments in time: from ISO 8601 dates, and from the ids of Atlas."""

from __future__ import annotations

import datetime


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


def created_at(object_id: str) -> datetime.datetime | None:
    """Return when an object of Atlas was created; None if its id is malformed.

    The first 4 bytes of an ObjectId are seconds since 1970: https://www.mongodb.com/docs/manual/reference/bson-types/#objectid.
    """
    try:
        return datetime.datetime.fromtimestamp(int(object_id[:8], 16), datetime.timezone.utc)
    except (ValueError, OverflowError):
        return None
