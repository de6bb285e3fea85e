# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A declared list: created, changed, left alone, in as few requests as can be."""

from __future__ import annotations

from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peers import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.sets import entries, entry


def apply(atlas: Atlas, peers: list[dict[str, Any]], **options: Any) -> Done:
    return atlas.run(OPERATION, peers=peers, **options)


def test_a_list_is_created_and_then_there_is_nothing_to_do(atlas: Atlas) -> None:
    done = apply(atlas, entries(3))
    assert done.changed
    assert [peer["vpc_id"] for peer in done.result["vpc_peers"]] == [one["vpc_id"] for one in entries(3)]
    assert atlas.wire() == [("GET", 401), ("GET", 200), ("GET", 200), *[("POST", 200)] * 3]
    assert done.result["summary"]["created"] == 3
    atlas.emulator.requests.clear()
    again = apply(atlas, entries(3))
    assert (again.changed, again.result["actions"], again.result["diff"]) == (False, [], [{"prepared": "unchanged: 3\n"}])
    assert [peer["id"] for peer in again.result["vpc_peers"]] == [peer["id"] for peer in done.result["vpc_peers"]]
    assert atlas.wire() == [("GET", 401), ("GET", 200)]


def test_what_differs_is_changed_and_what_is_missing_is_created(atlas: Atlas) -> None:
    apply(atlas, entries(2))
    changed = [entry(0), entry(1, route_table_cidr_block="10.200.0.0/16"), entry(2)]
    done = apply(atlas, changed)
    assert [(one["action"], one["index"], one["differing"]) for one in done.result["actions"]] == [
        ("update", 1, ["route_table_cidr_block"]),
        ("create", 2, []),
    ]
    assert {name: count for name, count in done.result["summary"].items() if count} == {
        "created": 1,
        "updated": 1,
        "unchanged": 1,
    }
