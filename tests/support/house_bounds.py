"""The bounds of the house: what it may have at most today, and what is the goal."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .house import (
    SHARED_FILES,
    aliases_of_any,
    assigned_in,
    classes_of,
    clouds_named_in,
    functions_of,
    is_any,
    lines_of,
    lines_of_code,
    name_of,
    nodes_of,
)
from .paths import ROOT

# Entries of the access list are no connections.
_OTHER_LISTS = {"_sides/access_plan.py"}


class Bound(NamedTuple):
    """A figure of `module_utils`.

    Attributes:
        title: What is counted.
        figure: Counts it.
        most: How many there may be today; whoever gets below it lowers it.
        goal: How many there are to be.
    """

    title: str
    figure: Callable[[], int]
    most: int
    goal: int


def _calls(node: ast.AST, name: str) -> bool:
    """Whether something is a call of a function by this name, wherever that is from."""
    return isinstance(node, ast.Call) and name in (getattr(node.func, "attr", None), getattr(node.func, "id", None))


def _count_calls(name: str) -> int:
    return sum(_calls(node, name) for file in SHARED_FILES for node in nodes_of(file))


def _count_any() -> int:
    """Return how often `typing.Any` stands there, each use of a name for it included."""
    names = {name for file in SHARED_FILES for name in aliases_of_any(file)}
    return sum(
        is_any(node) or (isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load))
        for file in SHARED_FILES
        for node in nodes_of(file)
    )


def _count_runs() -> int:
    """Return how many classes carry out changes; one that only reads does the same in check mode."""
    classes = [node for file in SHARED_FILES for node in nodes_of(file) if isinstance(node, ast.ClassDef)]
    return sum(
        any(isinstance(node, ast.FunctionDef) and node.name == "carry_out" for node in one.body)
        and "predict" not in assigned_in(one.body)
        and not any(ast.unparse(base).endswith("Protocol") for base in one.bases)
        for one in classes
    )


def _count_deadlines() -> int:
    calls = [
        node for file in SHARED_FILES for node in nodes_of(file) if isinstance(node, ast.Call) and _calls(node, "ContextVar")
    ]
    return sum("deadline" in str(ast.literal_eval(one.args[0])) for one in calls)


def _count_retry_loops() -> int:
    """Return how many loops catch an error, and announce that a request is sent again."""
    loops = [node for file in SHARED_FILES for node in nodes_of(file) if isinstance(node, (ast.For, ast.While))]
    inside = [[*ast.walk(one)] for one in loops]
    return sum(
        any(isinstance(one, ast.ExceptHandler) for one in nodes) and any(_calls(one, "announce") for one in nodes)
        for nodes in inside
    )


def _count_parsers() -> int:
    files = [file for file in SHARED_FILES if name_of(file) not in _OTHER_LISTS]
    return sum(any(_calls(node, "read_entries") for node in nodes_of(file)) for file in files)


def _count_named(*clouds: str) -> int:
    return sum(name in clouds for file in SHARED_FILES for name in clouds_named_in(file))


def _count_lines_by_hand() -> int:
    """Return the lines from which RETURN, the role's argument specs and the playbook of the check are written, and its own."""
    files = [ROOT / "playbooks" / "check.yml", *(ROOT / "scripts" / "tables" / f"{name}.yml" for name in ("results", "role"))]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return len([line for line in lines if not line.endswith('| default(omit) }}"')])


def _classes() -> Iterator[tuple[str, int, int]]:
    for file in SHARED_FILES:
        yield from classes_of(file)


BOUNDS = (
    Bound("files", lambda: len(SHARED_FILES), 171, 165),
    Bound("lines of code, without docstrings, comments and blanks", lambda: sum(map(lines_of_code, SHARED_FILES)), 26417, 21500),
    Bound("lines of its longest class", lambda: max(lines for _name, lines, _methods in _classes()), 250, 250),
    Bound("methods of the class with most", lambda: max(methods for _name, _lines, methods in _classes()), 20, 20),
    Bound(
        "lines of its longest function", lambda: max(most for file in SHARED_FILES for _name, most in functions_of(file)), 40, 40
    ),
    Bound("lines of its longest file", lambda: max(map(lines_of, SHARED_FILES)), 500, 500),
    Bound("classes of runs that change something", _count_runs, 1, 1),
    Bound("context variables of deadlines", _count_deadlines, 1, 1),
    Bound("loops that send a request again", _count_retry_loops, 1, 1),
    Bound("parsers of entries", _count_parsers, 1, 1),
    Bound("classes called …Entry", lambda: sum(name.endswith("Entry") for name, *_size in _classes()), 3, 3),
    Bound("uses of t.Any, and of names for it", _count_any, 400, 400),
    Bound("uses of t.cast", lambda: _count_calls("cast"), 31, 31),
    Bound("places that decide by one cloud, outside of what is about it", lambda: _count_named("AZURE", "GCP"), 10, 10),
    Bound("  those that decide by AWS, the default, included", lambda: _count_named("AWS", "AZURE", "GCP"), 38, 38),
    Bound("lines of RETURN, argument_specs.yml and check.yml by hand", _count_lines_by_hand, 1000, 1000),
)
