# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists that come in pages. Pure: what fetches a page is handed in."""

from __future__ import annotations

import typing as t
from urllib.parse import parse_qsl

from .errors import AtlasApiError
from .request import Json, Request

# More than any list of Atlas has: 500 objects a page.
MOST_PAGES = 100


def collect_pages(answer: t.Callable[[Request], Json], first: Request, key: t.Callable[[Json], t.Any]) -> list[Json]:
    """Return the objects of all pages of a list, until a page has no next one (the total count is an estimate).

    Objects may move from page to page while they are read; duplicates (same `key`) are dropped.

    Args:
        answer: Sends a request, and returns the page in the reply.
        first: The request for the first page.
        key: Returns what identifies an object; a text.

    Raises:
        AtlasApiError: If a page is malformed, or brings nothing new although there is a next one.
    """
    request, failed = first, f"Failed to {first.description}"
    found: dict[str, Json] = {}
    for unused in range(MOST_PAGES):
        known = len(found)
        page = answer(request)
        results = page.get("results")
        # Anything else than a list is treated like a list of something that cannot be identified.
        for one in results if isinstance(results, list) else [None]:
            identity = key(one) if isinstance(one, dict) else None
            if not isinstance(one, dict) or not isinstance(identity, str) or not identity:
                raise AtlasApiError(f"{failed}: the reply is not a list of Atlas.", hint="Check base_url.")
            found[identity] = one
        following = _next_page(page)
        if following is None:
            return list(found.values())
        if len(found) == known:
            # A page that brings nothing new, and is not the last: it would never end.
            raise AtlasApiError(f"{failed}: the pages of the list go round in a circle.", hint="Run the task again.")
        request = request._replace(query={**request.query, **following})
    raise AtlasApiError(f"{failed}: the list has no end.", hint="Check base_url.")


def _next_page(page: t.Mapping[str, t.Any]) -> dict[str, str] | None:
    """Return the query of the page after `page`, from the link that Atlas gives; None after the last one.

    Only the query of the link is used: base_url alone decides where credentials go.
    """
    links = page.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "next" and isinstance(link.get("href"), str):
            return dict(parse_qsl(link["href"].partition("?")[2], keep_blank_values=True))
    return None
