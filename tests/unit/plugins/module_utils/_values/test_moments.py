from __future__ import annotations

import datetime

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.moments import created_at, parse_span


def test_an_object_id_tells_when_it_was_made() -> None:
    """The example of MongoDB's reference of ObjectId.getTimestamp()."""
    moment = datetime.datetime(2012, 10, 17, 20, 46, 22, tzinfo=datetime.timezone.utc)
    assert created_at("507f191e810c19729de860ea") == moment


@pytest.mark.parametrize("value", ["", "no-object-id", "pcx-0a1b2c3d"])
def test_another_id_tells_nothing(value: str) -> None:
    assert created_at(value) is None


@pytest.mark.parametrize(("value", "hours"), [("90m", 1.5), ("36h", 36), ("2d", 48), (" 2d ", 48)])
def test_a_span_is_a_number_and_a_unit(value: str, hours: float) -> None:
    assert parse_span(value) == datetime.timedelta(hours=hours)
