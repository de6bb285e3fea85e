# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""A request to the API: what is sent, and what is known of it before it is sent."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass
from urllib.parse import quote, urlencode

Json = dict[str, t.Any]


@dataclass(frozen=True)
class Request:
    """One request, however often it is sent.

    Attributes:
        method: The HTTP method.
        url: The whole address.
        doing: What it does, as a verb phrase for error messages.
        data: The body; empty for none.
        expects_list: Whether Atlas answers with a list.
        is_repeatable: Whether it may be sent again when it is not known whether it was carried out.
    """

    method: str
    url: str
    doing: str
    data: bytes = b""
    expects_list: bool = False
    is_repeatable: bool = False

    @property
    def is_write(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"


def api_request(
    method: str,
    root: str,
    path: t.Sequence[str],
    doing: str,
    *,
    query: t.Mapping[str, str],
    body: Json | list[Json] | None = None,
    expects_list: bool = False,
) -> Request:
    """Make a request for the resource at I(path) below I(root); its segments are escaped one by one.

    A DELETE is repeatable: what is deleted twice is as gone as what is deleted once.
    """
    url = "/".join([root, *(quote(segment, safe="") for segment in path)])
    url += "?" + urlencode(query) if query else ""
    data = b"" if body is None else json.dumps(body).encode()
    return Request(method, url, doing, data, expects_list=expects_list, is_repeatable=method in ("GET", "DELETE"))
