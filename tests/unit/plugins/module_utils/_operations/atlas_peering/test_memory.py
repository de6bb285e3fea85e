"""What a task with both sides of many connections leaves in memory."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import Side
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_peering import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.peering import PathPlans
from ansible_collections.cloudpeer.atlas.tests.support.path_site import PathSite


def _of_a_run() -> list[Any]:
    """Return what belongs to runs. A proxy of weakref whose object is gone has a type, but no class."""
    return [one for one in gc.get_objects() if issubclass(type(one), (OPERATION, Side, PathPlans))]


@pytest.mark.parametrize("prune", [True, False])
def test_nothing_of_an_item_stays_in_memory(make_path: Callable[..., PathSite], prune: bool) -> None:
    """A cycle would keep the state of each item of a loop until Python looks for cycles."""
    site = make_path()
    entries = site.make_vpcs(2)
    assert not site.run(connections=entries).failed
    gc.collect()
    gc.disable()
    try:
        before, threads = _of_a_run(), threading.enumerate()
        options = {"prune": True, "max_deletions": 1} if prune else {}
        done = site.run(connections=entries[1:], **options)
        assert (done.failed, done.changed) == (False, prune)
        for thread in set(threading.enumerate()) - {*threads}:
            # A thread has its last call until it ends.
            thread.join(60)
        assert [one for one in _of_a_run() if not any(one is other for other in before)] == []
    finally:
        gc.enable()
