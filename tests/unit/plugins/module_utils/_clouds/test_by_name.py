"""The clouds by their names: what is known before a file is read is what the file says."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.cloud import CLOUD_OPTIONS, CLOUDS, ONE_OF, TOGETHER


def test_only_the_known_names_are_clouds() -> None:
    assert (list(CLOUDS), len(CLOUDS)) == (["AWS", "AZURE", "GCP"], 3)
    assert ("AZURE" in CLOUDS, "MARS" in CLOUDS, CLOUDS.get("MARS")) == (True, False, None)
    with pytest.raises(KeyError):
        CLOUDS["MARS"]


def test_each_cloud_has_its_name() -> None:
    assert {name: cloud.name for name, cloud in CLOUDS.items()} == {"AWS": "AWS", "AZURE": "AZURE", "GCP": "GCP"}


def test_what_argument_specs_take_is_what_the_clouds_say() -> None:
    assert {name: tuple(cloud.forms) for name, cloud in CLOUDS.items()} == CLOUD_OPTIONS
    pairs = [{*cloud.identity} for cloud in CLOUDS.values() if cloud.whole is None]
    assert [{*pair} for pair in TOGETHER] == pairs
    names = {name for cloud in CLOUDS.values() for name in (cloud.network, cloud.whole) if name is not None}
    assert {*ONE_OF} == names
