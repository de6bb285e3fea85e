# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What is read out of Atlas's replies, beside their content: the next page, how long to pause. Pure."""

from __future__ import annotations

import email.utils
import time
import typing as t


def next_link(page: t.Mapping[str, t.Any]) -> str | None:
    """Return the address of the page after I(page), from the link that Atlas gives."""
    links = page.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "next":
            href = link.get("href")
            return href if isinstance(href, str) else None
    return None


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
