"""The rules that keep the house small, each naming the file at fault; test_imports.py has who may import whom."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import DEFAULT_CLOUD
from ansible_collections.cloudpeer.atlas.tests.support import house_figures
from ansible_collections.cloudpeer.atlas.tests.support.house import (
    FILES,
    PLUGINS,
    ROOT,
    SHARED,
    SHARED_FILES,
    aliases_of_any,
    classes_of,
    clouds_named_in,
    functions_of,
    lines_of,
    members_of,
    name_of,
    names_of_several_definitions,
    names_of_several_files,
    nodes_of,
    short_files_with_one_importer,
    text_of,
    uses_of_any,
    wrong_in,
)
from ansible_collections.cloudpeer.atlas.tests.support.house_bounds import BOUNDS, Bound

#: The most files that a task may enter, in a process that has run it before.
ENTERED = {
    house_figures.CREATION: 36,
    house_figures.SET_OF_TWO: 46,
    house_figures.HALF_A_CHECK: 53,
    house_figures.ONE_MORE: 82,
}
#: The most characters of module_utils that a task may import: whoever gets below that lowers it. With nothing to do, they were
#: 362,000, 502,000 and 877,000 in 3.1.0.
IMPORTED = {
    "atlas_vpc_peer, from nothing": 476_800,
    "atlas_vpc_peer, nothing to do": 424_500,
    "atlas_vpc_peer, check mode": 424_500,
    "atlas_vpc_peers, from nothing": 635_600,
    "atlas_vpc_peers, nothing to do": 583_300,
    "atlas_vpc_peers, check mode": 572_600,
    "atlas_peering, from nothing": 945_900,
    "atlas_peering, nothing to do": 887_600,
    "atlas_peering, check mode": 887_600,
}
#: The calls into the plugins today, by module and number of connections: from nothing and with nothing to do, each without and
#: with `-v`. Before one engine ran all modules, a set of 40 cost 206,900 and 26,060, and both sides of 40 482,000 and 93,620.
CALLS = {
    (house_figures.SET, 12): ((9_600, 9_600), (4_150, 4_150)),
    (house_figures.SET, 24): ((18_450, 18_450), (7_600, 7_600)),
    (house_figures.SET, 20): ((15_400, 15_400), (6_450, 6_450)),
    (house_figures.SET, 40): ((47_600, 47_600), (12_050, 12_050)),
    (house_figures.BOTH_SIDES, 12): ((35_900, 37_700), (14_500, 15_100)),
    (house_figures.BOTH_SIDES, 24): ((66_500, 70_200), (27_600, 28_800)),
    (house_figures.BOTH_SIDES, 20): ((56_200, 59_400), (23_100, 24_100)),
    (house_figures.BOTH_SIDES, 40): ((123_000, 129_300), (46_800, 48_800)),
}
#: The places that decide by a cloud other than the default one, outside of what is about it, and why each does.
DECIDED_BY_ONE_CLOUD = {
    "_accounts/credentials.py": (2, "Each cloud has credentials of its own, and none of these has accounts."),
    "_check/reading.py": (2, "A check reads each cloud in its own way: GCP twice, and AWS first, for the regions."),
    "_check/result.py": (2, "The rules of a cloud are loaded where it is checked, by imports that Ansible finds."),
    "_check/rules/client_ranges.py": (2, "The blocks of a network are in other facts on GCP; without them, options count alone."),
    "_results/remaining.py": (2, "What is left to do has other sentences on each cloud."),
}
#: How many times that they may be: they vary, since steps that are sent side by side end in any order.
MOST_GROWTH = 1.05
DESIGN = text_of(ROOT / "docs" / "design.md")
ENGINE = [file for file in SHARED_FILES if name_of(file).startswith(("_engine/", "_sides/"))]
# Sides with types of their own for values of any type: none is added.
SIDES_WITH_ANY = {
    "_sides/access_plan.py",
    "_sides/connection.py",
    "_sides/container_choice.py",
    "_sides/container_plan.py",
    "_sides/draft.py",
    "_sides/path_options.py",
    "_sides/entry_aws.py",
    "_sides/entry_containers.py",
    "_sides/entry_peers.py",
    "_sides/entry_pruned.py",
    "_sides/match.py",
    "_sides/options.py",
    "_sides/peer_readers.py",
    "_sides/peer_set.py",
    "_sides/set_options.py",
}
# Words that make a sentence a riddle, or an old one.
REFUSED = re.compile(
    r"\b(?:tak(?:e|es|en|ing) down|took down|told|nobody|somebody|anew|whoever|c[ao]mes? to be|(?:is|are|was|were) to be)\b"
    r"|\bPure\.",
    re.IGNORECASE,
)
LONGEST_TEST_NAME = 60
TESTS = sorted((ROOT / "tests").rglob("*.py"))
YAML_OF_ROLES = sorted((ROOT / "roles").rglob("*.yml"))


def test_a_file_has_two_importers_or_a_subject_of_its_own() -> None:
    assert [name_of(file) for file in short_files_with_one_importer()] == []


def test_every_package_is_described() -> None:
    described = {
        name.rstrip("/") for line in re.findall(r"^### (.*)", DESIGN, re.MULTILINE) for name in re.findall(r"`(\S+)`", line)
    }
    assert {name_of(file).partition("/")[0] for file in SHARED_FILES} - described == {"_version.py"}


def test_the_design_is_short_and_names_what_is_there() -> None:
    assert len(DESIGN.split()) <= 3500
    names = set(re.findall(r"`([\w./-]+(?:/|\.(?:py|md|json|yml|toml)))`", DESIGN))
    known = {file.name for file in FILES}
    assert [
        one for one in names if one not in known and not any((folder / one).exists() for folder in (SHARED, ROOT, PLUGINS))
    ] == []


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda one: one.title)
def test_a_bound_holds(bound: Bound) -> None:
    """One whose goal is not reached yet is what there was at last, so that it can only get better."""
    assert bound.goal <= bound.most
    assert bound.figure() <= bound.most


def test_few_places_decide_by_one_cloud() -> None:
    """A new cloud needs what is about it alone, and changes in these places."""
    found = {name_of(file): sum(name != DEFAULT_CLOUD for name in clouds_named_in(file)) for file in SHARED_FILES}
    assert {name: count for name, count in found.items() if count} == {
        name: count for name, (count, _reason) in DECIDED_BY_ONE_CLOUD.items()
    }
    assert sum(count for count, _reason in DECIDED_BY_ONE_CLOUD.values()) <= 10


def test_functions_have_at_most_forty_lines() -> None:
    """Their docstrings do not count."""
    assert wrong_in(FILES, lambda file: [(name, lines) for name, lines in functions_of(file) if lines > 40]) == {}


def test_the_engine_and_its_sides_have_small_parts() -> None:
    """A class has at most 250 lines and 20 methods, and a file 450 lines."""
    assert [name for file in ENGINE for name, lines, methods in classes_of(file) if lines > 250 or methods > 20] == []
    assert [name_of(file) for file in ENGINE if lines_of(file) > 450] == []


def test_a_value_of_any_type_has_one_of_five_names() -> None:
    """Those of options, replies, states, steps and changes; all else has its type."""
    aliases = {name: name_of(file) for file in ENGINE for name in aliases_of_any(file)}
    assert sorted(aliases) == ["AnyKey", "AnyState", "OptionValue", "ReplyValue", "StepRequest"], aliases
    assert {name_of(file) for file in ENGINE if {*uses_of_any(file)} - {*aliases_of_any(file).values()}} == SIDES_WITH_ANY


def test_a_file_has_its_name_alone() -> None:
    assert names_of_several_files() == {}


def test_a_class_and_a_constant_have_their_names_alone() -> None:
    assert names_of_several_definitions() == {}


def test_what_an_operation_can_define_is_defined() -> None:
    members = members_of(SHARED / "_engine" / "operation.py")
    # All modules begin their runs alike.
    base = members["Operation"] - members["ModuleBase"]
    files = [members_of(file) for file in SHARED_FILES if name_of(file).startswith("_operations/")]
    users = Counter(name for classes in files for name in base & set().union(*classes.values()))
    assert [name for name in base if not users[name]] == []


def test_the_yaml_of_a_role_is_no_program() -> None:
    """A variable holds one expression at the most, no condition depends on the title of a task, and there are five tasks."""
    assert wrong_in(YAML_OF_ROLES, lambda file: re.findall(r"\{%-?|ansible_failed_task", text_of(file))) == {}
    assert [file for file in YAML_OF_ROLES if "vars" in file.parts] == []
    tasks = yaml.safe_load(text_of(ROOT / "roles" / "vpc_peering" / "tasks" / "main.yml"))
    assert [len(block["block"]) + len(block["always"]) for block in tasks] == [5]


@pytest.mark.parametrize("task", ENTERED)
def test_a_task_enters_few_files(task: str, entered: dict[str, list[str]]) -> None:
    assert len(entered[task]) <= ENTERED[task], entered[task]


def test_a_task_imports_little_source() -> None:
    """The first run of a version compiles all of it, and each run executes it."""
    found = {name: source for name, (_files, source) in house_figures.source_imported().items()}
    assert found.keys() == IMPORTED.keys()
    assert {name: source for name, source in found.items() if source > IMPORTED[name]} == {}


@pytest.fixture(scope="module")
def entered(_aws: Any) -> dict[str, list[str]]:
    return house_figures.files_entered(_aws)


@pytest.fixture
def calls_of_list(_aws: Any) -> Callable[..., tuple[int, int]]:
    return partial(house_figures.calls_of_list, _aws)


@pytest.mark.parametrize("verbosity", [0, 1])
@pytest.mark.parametrize(
    ("module", "size"),
    [
        # Both sides of many connections take seconds under a profile hook.
        pytest.param(*case, marks=[pytest.mark.full] if case[0] == house_figures.BOTH_SIDES and case[1] > 12 else [])
        for case in CALLS
    ],
)
def test_a_list_calls_into_the_plugins_no_more_than_today(
    module: str, size: int, verbosity: int, calls_of_list: Callable[..., tuple[int, int]]
) -> None:
    calls = calls_of_list(module, size, verbosity)
    before = [found[verbosity] for found in CALLS[module, size]]
    assert [now <= MOST_GROWTH * then for now, then in zip(calls, before, strict=True)] == [True, True], (calls, before)


def prose_of(file: Path) -> Iterator[tuple[str, int]]:
    """Yield the docstrings and comments of a file, with their lines."""
    for node in nodes_of(file):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            yield str(ast.get_docstring(node)), node.body[0].lineno
    for token in tokenize.generate_tokens(io.StringIO(text_of(file)).readline):
        if token.type == tokenize.COMMENT:
            yield token.string, token.start[0]


def test_docstrings_and_comments_have_no_riddles() -> None:
    def riddles(file: Path) -> Iterator[str]:
        for text, line in prose_of(file):
            yield from (f"line {line}: {found[0]}" for found in REFUSED.finditer(text))

    assert wrong_in(FILES, riddles) == {}


def test_names_of_tests_are_short() -> None:
    def long(file: Path) -> list[str]:
        return [name for name in re.findall(r"^ *def (test_\w+)", text_of(file), re.MULTILINE) if len(name) >= LONGEST_TEST_NAME]

    assert wrong_in(TESTS, long) == {}
