# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What is read out of Atlas's replies, beside their content: where a redirect leads, how long to pause, what to keep."""

from __future__ import annotations

import email.utils
import time
import typing as t
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class ApiCall:
    """One HTTP request that was sent, for C(api_calls) in a result; I(status) is None when no reply came."""

    method: str
    path: str
    status: int | None
    milliseconds: int


def redirect_target(headers: t.Mapping[str, str]) -> str:
    """Return the host to which a redirect leads, for an error message."""
    try:
        return urlsplit(headers.get("Location") or "").hostname or "another place"
    except ValueError:
        return "an address that is none"


def retry_after(value: str | None) -> float | None:
    """Return the seconds that a C(Retry-After) header asks for, written as seconds or as a date; None if it says nothing."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
        return max(0.0, moment.timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
