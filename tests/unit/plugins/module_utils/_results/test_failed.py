"""What the result of a list has if its task fails."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._results.causes import reached, shortened
from ansible_collections.cloudpeer.atlas.tests.support.operations import load


def test_a_failure_has_the_first_names_and_what_was_reached() -> None:
    names = [f"vpc-{number}" for number in range(5)]
    late = {"step": "request", "indexes": [0, 2], "names": names}
    refused = {"step": "plan", "indexes": [1], "names": names}
    rows = [
        {"vpc_id": "vpc-0", "vpc_peer": {"id": "1", "status_name": "INITIATING"}, "actions": [{"action": "create"}]},
        {"vpc_id": "vpc-1", "status_name": "AVAILABLE"},
        {"vpc_id": "vpc-2", "vpc_peer": None, "actions": []},
    ]
    assert [one["names"] for one in shortened([late, refused])] == [names[:3], names[:3]]
    assert reached([late, refused], rows) == [{"vpc_id": "vpc-0", "id": "1", "status_name": "INITIATING"}]


@pytest.mark.parametrize(
    ("module", "rows", "short"),
    [
        ("atlas_peering", lambda rows: {"peering": {"connections": rows, "remaining": ["Accept it."]}}, "peering"),
        ("atlas_vpc_peers", lambda rows: {"vpc_peers": rows, "handover": ["long"], "actions": [], "pruned": []}, "vpc_peers"),
    ],
)
def test_a_list_shows_of_a_failure_how_far_what_failed_got(module: str, rows: Any, short: str) -> None:
    operation = load(module)
    there = [{"vpc_id": "vpc-0", "id": "1", "status_name": "INITIATING"}, {"vpc_id": "vpc-1", "id": "2"}]
    failures = [{"indexes": [0], "names": ["vpc-0"]}]
    shown = operation.in_failure({"failed": True, "msg": "Late.", "failures": failures, **rows(there)})
    assert shown[short] == ({"connections": there[:1]} if short == "peering" else there[:1])
    assert (shown["msg"], shown["failures"], "long" in str(shown)) == ("Late.", failures, False)
    # A task that its options end has no list.
    assert operation.in_failure({"failed": True, "msg": "Wrong."}) == {"failed": True, "msg": "Wrong."}
