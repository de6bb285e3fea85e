"""The text of a saved plan: what it says of the fields of a change."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._plan_text import to_markdown, to_text

ROUTE = {"side": "AWS", "kind": "route", "network": "vpc-1", "ids": [], "name": "192.168.248.0/21 in rtb-1"}
HEAD = {"module": "atlas_peering", "project": {"id": None}, "time": "2026-12-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"before": {"target": "tgw-0"}, "after": {"target": None}, "unknown": ["target"]}, "target: tgw-0 → known only then"),
        ({"before": {"target": "tgw-0"}, "after": {"target": "pcx-1"}, "unknown": []}, "target: tgw-0 → pcx-1"),
        ({"before": None, "after": {"target": None}, "unknown": ["target"]}, "known only then: target"),
        (
            {"before": {"id": "a", "target": None, "state": "x"}, "after": {"id": "", "target": None, "state": "x"}}
            | {"unknown": ["id", "target"]},
            "id: a → known only then, known only then: target",
        ),
    ],
)
def test_what_is_replaced_is_shown(fields: dict[str, Any], words: str) -> None:
    plan = {**HEAD, "changes": [{**ROUTE, "action": "replace", **fields}]}
    assert f"({words})\n" in to_text(plan)
    assert f" {words} |" in to_markdown(plan).replace("\\", "")
