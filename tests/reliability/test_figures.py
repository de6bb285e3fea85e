"""The figures in docs/reliability.md and CONTRIBUTING.md are those of the tests."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.run import CREATION_PAUSES
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.life import NEW_FOR
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.integration.test_secrets import SECRETS, STATUSES, TRIED
from ansible_collections.cloudpeer.atlas.tests.reliability.children import Nursery
from ansible_collections.cloudpeer.atlas.tests.reliability.matrix import BATCHES, FAULTS
from ansible_collections.cloudpeer.atlas.tests.reliability.operations import OPERATIONS
from ansible_collections.cloudpeer.atlas.tests.reliability.test_killed import KILLED, MOMENTS, requests_of
from ansible_collections.cloudpeer.atlas.tests.reliability.test_other_servers import CREATIONS, SERVERS
from ansible_collections.cloudpeer.atlas.tests.reliability.test_races import AT_ONCE, LATENCIES, RACES
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import WAYS
from ansible_collections.cloudpeer.atlas.tests.support.targets import TARGETS


def words(name: str) -> str:
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def promises() -> str:
    """What users read."""
    return words("docs/reliability.md")


@pytest.fixture(scope="module")
def page() -> str:
    """What developers read."""
    return words("CONTRIBUTING.md")


def test_the_page_has_the_size_of_the_matrix(page: str) -> None:
    cells = len(BATCHES) * len(OPERATIONS)
    assert f"{cells:,} cells: {len(FAULTS)} faults, {len(OPERATIONS)} operations" in page


def test_the_page_has_the_number_of_kills(page: str, nursery: Nursery, emulators: dict[str, RunningEmulator]) -> None:
    kills = len(MOMENTS) * sum(requests_of(name, nursery, emulators[name]) for name in KILLED)
    assert f"{kills} kills of {len(KILLED)} operations" in page


def test_the_promises_have_the_pauses_before_a_creation_is_looked_for(promises: str) -> None:
    first, second = CREATION_PAUSES
    assert f"after {first:.0f} seconds, and after {second:.0f} more" in promises
    assert f"reads the list {first:.0f} seconds later, and for the last time {first + second:.0f} seconds later" in promises
    assert f"lags behind by more than {first + second:.0f} seconds" in promises
    assert f"in the {NEW_FOR:.0f} seconds after its creation" in promises


def test_the_page_has_the_servers(page: str) -> None:
    assert f"{len(CREATIONS)} kinds of creation" in page
    lags = {settings.get("list_lag_seconds", 0) for settings in SERVERS.values()}
    assert (len(SERVERS), lags) == (3, {0, 1})
    assert "whose lists lag behind by a second" in page


def test_the_page_has_the_number_of_races(page: str) -> None:
    assert f"{RACES * len(LATENCIES)} races of {AT_ONCE} runs" in page
    assert f"one of {AT_ONCE} real `ansible-playbook`" in page


def test_the_page_has_the_number_of_runs_that_are_searched_for_secrets(page: str) -> None:
    runs = len(WAYS) * (len(TARGETS) + len(TRIED) + len(STATUSES) + 1)
    assert f"search {runs} runs of real playbooks" in page
    assert f"for {['no', 'one', 'two', 'three', 'four', 'five'][len(SECRETS)]} secrets" in page
