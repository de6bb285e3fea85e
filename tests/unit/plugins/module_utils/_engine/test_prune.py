"""Pruning: its options, what is ignored, and the ceiling."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.prune import (
    PRUNE,
    check_ceiling,
    check_ignore,
    check_stranger,
    parse_prune,
    split_ignored,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError

DEFAULTS: dict[str, t.Any] = {name: option.get("default") for name, option in PRUNE.options.items()}
FORMS = {"name": None}
ONE, TWO = {"name": "one"}, {"name": "two"}


def parse(declared: t.Sequence[str] = ("one",), **options: t.Any) -> tuple[t.Any, ...]:
    return parse_prune({**DEFAULTS, "things": list(declared), **options}, "things", FORMS)


def test_nothing_is_pruned_unless_the_user_asks_for_it() -> None:
    assert DEFAULTS == {"prune": False, "max_deletions": None, "allow_empty": False, "ignore": [], "ignore_unmatched": "fail"}


@pytest.mark.parametrize(("prune", "allow_empty"), [(False, False), (True, True), (False, True)])
def test_an_empty_list_is_fine_where_nothing_or_everything_goes(prune: bool, allow_empty: bool) -> None:
    assert parse((), prune=prune, allow_empty=allow_empty) == ()


def test_an_empty_list_with_prune_is_refused() -> None:
    with pytest.raises(InvalidOptionError, match=r"^things is empty, and prune would remove everything. .*allow_empty"):
        parse((), prune=True)


def test_a_negative_ceiling_is_refused() -> None:
    with pytest.raises(InvalidOptionError, match=r"^max_deletions must be 0 or more"):
        parse(max_deletions=-1)


def test_a_wrong_pattern_is_named_with_its_place() -> None:
    with pytest.raises(InvalidOptionError, match=r"^ignore\[1\]\.colour is not a field\. There are name\.$"):
        parse(ignore=[{"name": "one"}, {"colour": "red"}])
    with pytest.raises(InvalidOptionError, match=r"^ignore\[0\] is empty\. "):
        parse(ignore=[{}])


def test_one_pattern_is_enough_to_be_ignored() -> None:
    patterns = parse(ignore=[{"name": "three"}, {"name": "t*"}])
    assert split_ignored(patterns, [ONE, TWO], {}) == ([TWO], [ONE])
    assert split_ignored((), [ONE, TWO], {}) == ([], [ONE, TWO])


UNMATCHED = "ignore[1] matches nothing that is there: {'name': 'tow'}."
NULL = "ignore[2].name is null, which matches nothing."


@pytest.mark.parametrize(
    ("removes", "unmatched", "errors", "warnings"),
    [
        (True, "fail", [UNMATCHED, NULL, "ignore_unmatched: warn"], []),
        # A shared list may have patterns for other projects, but a null is a mistake in any project.
        (True, "warn", [NULL, "Give its value"], [UNMATCHED]),
        (False, "fail", [], [UNMATCHED, NULL]),
        (False, "warn", [], [UNMATCHED, NULL]),
    ],
)
def test_a_pattern_that_matches_nothing_stops_what_removes(
    removes: bool, unmatched: str, errors: list[str], warnings: list[str]
) -> None:
    patterns = parse(ignore=[{"name": "t*"}, {"name": "tow"}, {"name": None}, {"name": "far"}])
    params = {"ignore": patterns, "ignore_unmatched": unmatched}
    error, warned = check_ignore(params, [ONE, TWO], {}, removes=removes, is_about=lambda pattern: pattern["name"] != "far")
    assert (error is not None) == bool(errors)
    assert [text for text in errors if text not in str(error)] == []
    assert warned == tuple(warnings)
    assert "ignore[3]" not in f"{error}{warned}"


def test_a_failure_does_not_show_all_of_many_patterns() -> None:
    params = {"ignore": parse(ignore=[{"name": str(number)} for number in range(100)]), "ignore_unmatched": "fail"}
    error, unused = check_ignore(params, [], {}, removes=True)
    assert "ignore[4]" in str(error)
    assert "ignore[5]" not in str(error)
    assert "So do 95 more." in str(error)


@pytest.mark.parametrize(("ceiling", "removals"), [(0, []), (None, ["one"]), (1, ["one"]), (3, ["one", "two"])])
def test_up_to_the_ceiling_all_is_well(ceiling: int | None, removals: list[str]) -> None:
    assert check_ceiling({"max_deletions": ceiling}, removals) is None


@pytest.mark.parametrize(("ceiling", "removals"), [(0, ["one"]), (1, ["one", "two"]), (5, [f"{one}." for one in range(23)])])
def test_above_the_ceiling_the_removals_are_named(ceiling: int, removals: list[str]) -> None:
    error = check_ceiling({"max_deletions": ceiling}, removals)
    assert error is not None
    names = ", ".join(removals[:20]) + (" and 3 more" if len(removals) == 23 else "")
    assert f"{len(removals)} would be removed or replaced, and max_deletions allows {ceiling}: {names}." in str(error)
    assert "raise max_deletions" in str(error)
    unset = check_ceiling({"max_deletions": None}, ["one", "two"])
    assert str(unset).startswith("2 would be removed or replaced, and max_deletions allows 1: one, two.")


@pytest.mark.parametrize(
    ("is_empty", "what"), [(True, "The list is empty,"), (False, "No entry of the list has a connection in")]
)
def test_a_strange_project_is_pruned_if_the_task_says_how_much(is_empty: bool, what: str) -> None:
    error = str(check_stranger({"max_deletions": None}, ["one", "two"], is_empty=is_empty))
    parts = (what, "and prune would remove 2: one, two.", "wrong project", "first run", "set max_deletions", "ignore")
    assert all(one in error for one in parts)
    assert check_stranger({"max_deletions": 0}, ["one"], is_empty=is_empty) is None
    assert check_stranger({"max_deletions": None}, [], is_empty=is_empty) is None
