from __future__ import annotations

import datetime

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.moments import created_at


def test_an_object_id_tells_when_it_was_made() -> None:
    """The example of MongoDB's reference of ObjectId.getTimestamp()."""
    moment = datetime.datetime(2012, 10, 17, 20, 46, 22, tzinfo=datetime.timezone.utc)
    assert created_at("507f191e810c19729de860ea") == moment


@pytest.mark.parametrize("value", ["", "no-object-id", "pcx-0a1b2c3d"])
def test_another_id_tells_nothing(value: str) -> None:
    assert created_at(value) is None
