"""Identifiers in the forms that Atlas and AWS give them."""

from __future__ import annotations

import itertools
import secrets

#: As in MongoDB's ObjectIds: five bytes that stay the same in a process, and a counter of three that starts anywhere.
_PROCESS = secrets.token_hex(5)
_COUNTER = itertools.count(secrets.randbelow(1 << 24))


def new_object_id(seconds: float) -> str:
    """Return a new id of 24 hexadecimal digits, an ObjectId: the first eight are the time.

    Args:
        seconds: When the thing was made, in seconds since 1970.
    """
    return f"{int(seconds) & 0xFFFFFFFF:08x}{_PROCESS}{next(_COUNTER) & 0xFFFFFF:06x}"


def following_object_ids(first: str, number: int) -> tuple[str, ...]:
    """Return an id and those that its counter gives next, so many in all."""
    return tuple(f"{first[:18]}{(int(first[18:], 16) + step) & 0xFFFFFF:06x}" for step in range(number))


def new_aws_id(prefix: str) -> str:
    """Return a new id of an AWS resource, `pcx-` or `vpc-` and 17 hexadecimal digits."""
    return f"{prefix}-{secrets.token_hex(9)[:17]}"
