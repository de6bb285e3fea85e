"""The whole path on Atlas alone, and the customer's side on AZURE and GCP alone: the other side is as the test says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_peering
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_peering import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides import entry_access
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.path_state import AnyPathSide
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.peering import PathSides
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.support.environment import clean_environment
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from ansible_collections.cloudpeer.atlas.tests.support.path_parts import PartsSite
from ansible_collections.cloudpeer.atlas.tests.support.sets import SetSite, add_clouds


class OnlyAtlas(PathSides):
    """Has the parts for containers and connections in Atlas: somebody else acts in the clouds."""

    def make(self) -> Iterator[AnyPathSide]:
        yield from islice(super().make(), 2)


class AtlasSide(SetSite):
    """Runs atlas_peering with its parts for Atlas alone."""

    def connect(self, connections: Sequence[dict[str, Any]], **options: Any) -> Done:
        """Run it on a list."""
        self.clear()
        with pytest.MonkeyPatch.context() as patch:
            # What runs in the thread of a step lives on the same clock.
            patch.setattr(entry_access, "stoppable_sleep", self.clock.sleep)
            patch.setattr(atlas_peering, "PathSides", OnlyAtlas)
            return self.run(OPERATION, connections=list(connections), **{"access_list": False, **options})

    def remove(self, connections: Sequence[dict[str, Any]], **options: Any) -> Done:
        """Run it with state absent."""
        return self.connect(connections, state="absent", **options)

    @property
    def asked(self) -> list[str]:
        """What the last task asked for, each request with its path in the project, and no challenges."""
        found = [one for one in self.emulator.requests.entries() if one["authenticated"]]
        return [f"{one['method']} {one['path'].partition('/groups/')[2].partition('/')[2]}" for one in found]

    @property
    def containers(self) -> dict[str, str]:
        """The blocks of the containers, by region; on GCP by the cloud."""
        with self.emulator.project.now() as project:
            shown = [one.to_json() for one in project.containers]
        return {one.get("regionName") or one.get("region") or "GCP": one["atlasCidrBlock"] for one in shown}


@pytest.fixture
def kind_of_atlas() -> type[AtlasSide]:
    return AtlasSide


@pytest.fixture
def clouds(atlas: AtlasSide) -> dict[str, str]:
    """The containers of a project on all clouds."""
    return add_clouds(atlas)


@pytest.fixture
def parts(_clouds: RunningClouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PartsSite:
    """The parts for AZURE and GCP, where nothing is there yet."""
    clean_environment(monkeypatch, tmp_path)
    for name, value in _clouds.environment.items():
        monkeypatch.setenv(name, value)
    _clouds.reset()
    return PartsSite(_clouds)
