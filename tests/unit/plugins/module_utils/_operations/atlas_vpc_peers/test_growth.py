"""What a list costs the processor grows with its entries, and not with their square; `make bench` measures it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.cloud import Cloud
from ansible_collections.cloudpeer.atlas.tests.support.sets import SetSite, entry


def test_an_entry_is_compared_with_its_own_connections(atlas: SetSite, monkeypatch: pytest.MonkeyPatch) -> None:
    differing, compared = Cloud.differing, 0

    def count(self: Cloud, wanted: Any, current: Any) -> Any:
        nonlocal compared
        compared += 1
        return differing(self, wanted, current)

    monkeypatch.setattr(Cloud, "differing", count)
    counts = []
    for size in (10, 20):
        entries = [entry(number) for number in range(size)]
        assert not atlas.apply(entries).failed
        compared = 0
        assert atlas.apply(entries).changed is False
        counts.append(compared)
    assert counts[1] == 2 * counts[0] > 0
