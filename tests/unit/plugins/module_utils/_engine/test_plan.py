# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Deciding: wanted against current, every action, and what it promises."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan, plan

BLANK = {"id": None, "a": None, "b": None, "state": "NEW"}
CURRENT = {"id": "1", "a": 1, "b": 2, "state": "OK"}


def test_nothing_wanted_and_nothing_there_is_nothing() -> None:
    assert plan(None, None) == Plan("nothing", None, None)


def test_nothing_wanted_removes_what_is_there() -> None:
    assert plan(None, CURRENT, replace=True) == Plan("delete", CURRENT, None)


def test_a_creation_shows_the_wanted_fields_among_all_fields() -> None:
    assert plan({"a": 5}, None, blank=BLANK) == Plan("create", None, {"id": None, "a": 5, "b": None, "state": "NEW"})


def test_a_creation_needs_no_blank() -> None:
    assert plan({"a": 5}, None) == Plan("create", None, {"a": 5})


def test_equal_fields_are_nothing_to_do() -> None:
    result = plan({"a": 1, "b": 2}, CURRENT, changeable={"a"})
    assert result == Plan("nothing", CURRENT, CURRENT)
    assert not result.changed


def test_what_is_not_asked_for_does_not_matter() -> None:
    assert plan({}, CURRENT).action == "nothing"


def test_a_changeable_field_is_an_update_that_keeps_the_rest() -> None:
    result = plan({"a": 5, "b": 2}, CURRENT, changeable={"a"})
    assert result == Plan("update", CURRENT, {"id": "1", "a": 5, "b": 2, "state": "OK"}, ("a",))


def test_any_other_field_calls_for_a_new_one_and_is_named() -> None:
    result = plan({"b": 7, "a": 5}, CURRENT, changeable={"a"}, blank=BLANK)
    assert result == Plan("recreate", CURRENT, {"id": None, "a": 5, "b": 7, "state": "NEW"}, ("a", "b"))


def test_what_is_beyond_repair_is_replaced_although_equal() -> None:
    result = plan({"a": 1, "b": 2}, CURRENT, changeable={"a"}, replace=True, blank=BLANK)
    assert result == Plan("recreate", CURRENT, {"id": None, "a": 1, "b": 2, "state": "NEW"}, ())


def test_a_field_that_is_not_there_differs_from_any_value() -> None:
    assert plan({"c": 1}, CURRENT, changeable={"c"}).differing == ("c",)


@pytest.mark.parametrize(("wanted", "current"), [*itertools.product([None, {}, {"a": 1}, {"a": 2}, {"b": 9}], [None, CURRENT])])
@pytest.mark.parametrize("replace", [False, True])
def test_a_plan_carried_out_leaves_nothing_to_do(wanted: Any, current: Any, replace: bool) -> None:
    before = copy.deepcopy((wanted, current))
    first = plan(wanted, current, changeable={"a"}, replace=replace, blank=BLANK)
    assert (wanted, current) == before
    assert first.before == current
    assert first.changed == (first.action != "nothing")
    assert plan(wanted, first.after, changeable={"a"}, blank=BLANK).action == "nothing"
