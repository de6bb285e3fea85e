"""What a task with both sides of many connections leaves in memory."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import Side
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_peering import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.peering import PathPlans
from ansible_collections.cloudpeer.atlas.tests.support.path_site import PathSite


def _of_a_run() -> list[Any]:
    return [one for one in gc.get_objects() if isinstance(one, (OPERATION, Side, PathPlans))]


@pytest.mark.parametrize("prune", [True, False])
def test_nothing_of_an_item_stays_in_memory(make_path: Callable[..., PathSite], prune: bool) -> None:
    """A cycle would keep the state of each item of a loop until Python looks for cycles."""
    site = make_path()
    entries = site.make_vpcs(2)
    assert not site.run(connections=entries).failed
    gc.collect()
    gc.disable()
    try:
        before = [id(one) for one in _of_a_run()]
        options = {"prune": True, "max_deletions": 1} if prune else {}
        done = site.run(connections=entries[1:], **options)
        assert (done.failed, done.changed) == (False, prune)
        assert [one for one in _of_a_run() if id(one) not in before] == []
    finally:
        gc.enable()
