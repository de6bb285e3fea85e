"""The outer form of replies: JSON, envelope, pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from .errors import ApiError, ChallengeError
from .media import JSON
from .query import Query, firsts


@dataclass
class Reply:
    """What goes back to a client.

    Args:
        content: The JSON, in nearly all cases an object, or None for a reply without a body.
    """

    status: int
    content: Any
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = JSON
    is_list: bool = False

    def render(self, envelope: bool, pretty: bool) -> bytes:
        """Return the body.

        Args:
            envelope: Put the status into the body: beside `results` in a list, around anything else as `content`.
            pretty: Indent it.
        """
        if self.content is None:
            return b""
        content = self.content
        if envelope:
            content = {**content, "status": self.status} if self.is_list else {"status": self.status, "content": content}
        text = json.dumps(content, indent=2) if pretty else json.dumps(content, separators=(",", ":"))
        return text.encode()


def error_reply(error: ApiError) -> Reply:
    """Return the reply for an error; errors are plain JSON in both API versions. A challenge has its code in the body alone."""
    code = {} if isinstance(error, ChallengeError) else {"X-Error-Code": error.code}
    return Reply(error.status, error.body(), {**code, **error.headers})


def page_reply(items: Sequence[dict[str, Any]], query: Query, url: str) -> Reply:
    """Return one page of a list.

    Args:
        items: The whole list.
        url: The list's own address without a query, in which the links repeat what the client sent.
    """

    def link(rel: str, page: int) -> dict[str, str]:
        params = {**firsts(query.sent), "pageNum": str(page), "itemsPerPage": str(query.items)}
        return {"href": f"{url}?{urlencode(params)}", "rel": rel}

    start = (query.page - 1) * query.items
    links = [link("self", query.page)]
    if query.page > 1:
        links.append(link("previous", query.page - 1))
    if start + query.items < len(items):
        links.append(link("next", query.page + 1))
    content: dict[str, Any] = {"links": links, "results": list(items[start : start + query.items])}
    if query.include_count:
        content["totalCount"] = len(items)
    return Reply(200, content, is_list=True)
