"""The figures in docs/reliability.md are those of the code."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.run import CREATION_PAUSES
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.life import NEW_FOR
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT


def test_the_promises_have_the_pauses_before_a_second_look() -> None:
    promises = " ".join((ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").split())
    first, second = CREATION_PAUSES
    assert f"after {first:.0f} seconds, and after {second:.0f} more" in promises
    assert f"reads the list {first:.0f} seconds later, and for the last time {first + second:.0f} seconds later" in promises
    assert f"lags behind by more than {first + second:.0f} seconds" in promises
    assert f"in the {NEW_FOR:.0f} seconds after its creation" in promises
