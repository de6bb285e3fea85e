# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A check as a page in HTML. Pure."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.drawing import NARROW, WIDE, draw
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.template import PAGE
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import LIMIT, Result, link_of, view_of
from jinja2 import Environment, StrictUndefined

# With more connections, those without findings show their two sides only when somebody asks.
UNFOLDED = 5


def to_html(peering_check: Result, made_at: str) -> str:
    """Return a whole page; whatever comes from Atlas, AWS or the options is escaped.

    Args:
        peering_check: The field of a result.
        made_at: When it was made, as text.
    """
    # What is inserted is escaped, and no text of the result is a template.
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["evidence"] = _evidence
    environment.filters["link"] = link_of
    check = view_of(peering_check)
    return environment.from_string(PAGE).render(
        check=check,
        verdict=peering_check["verdict"],
        pictures=[[draw(connection, layout) for layout in (WIDE, NARROW)] for connection in check.connections],
        limit=LIMIT,
        made_at=made_at,
        unfolded=UNFOLDED,
    )


def _evidence(values: t.Mapping[str, t.Any]) -> str:
    return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False, default=str)
