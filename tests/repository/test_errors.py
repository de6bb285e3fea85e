"""Where errors stand, and that none is changed after it was made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.cloudpeer.atlas.tests.support.house import (
    FILES,
    SHARED,
    defined_in,
    name_of,
    nodes_of,
    text_of,
    wrong_in,
)

TREE = SHARED / "_http" / "errors.py"
# What makes an error, beside the call of its class.
MAKERS = ("_error", "Error", "with_hint", "with_reply", "with_outcome", "without_secrets")


def targets_of(node: ast.AST) -> list[ast.expr]:
    """Return what a statement assigns to, without the tuples around it."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [part for one in targets if one is not None for part in (one.elts if isinstance(one, ast.Tuple) else [one])]


def called(node: ast.AST) -> str:
    """Return the last name of the function that is called; empty for anything but a call."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", None) or getattr(function, "id", "")


def errors_in(function: ast.AST) -> set[str]:
    """Return the variables of a function that hold an error: caught, made or handed in."""
    names = set()
    for node in ast.walk(function):
        if isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.arg) and ast.unparse(node.annotation or ast.Constant("")).partition(" ")[0].endswith("Error"):
            names.add(node.arg)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and called(node.value).endswith(MAKERS):
            names |= {one.id for one in targets_of(node) if isinstance(one, ast.Name)}
    return names


def changes_of_errors(file: Path) -> Iterator[str]:
    """Yield the assignments to attributes of an error."""
    for function in (node for node in nodes_of(file) if isinstance(node, ast.FunctionDef)):
        names = errors_in(function)
        for node in ast.walk(function):
            for target in targets_of(node) if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) else []:
                if isinstance(target, ast.Attribute):
                    owner = getattr(target.value, "id", "")
                    if owner in names or (target.attr == "args" and owner != "self"):
                        yield f"line {target.lineno}: {ast.unparse(target)}"


def task_errors() -> set[str]:
    """Return `TaskError` and all that derives from it, by name."""
    classes = [node for file in FILES for node in nodes_of(file) if isinstance(node, ast.ClassDef)]
    found, before = {"TaskError"}, set[str]()
    while found != before:
        before = found
        found = found | {node.name for node in classes if found & {ast.unparse(base) for base in node.bases}}
    return found


def test_an_error_does_not_change_after_it_was_made() -> None:
    assert wrong_in(FILES, changes_of_errors) == {}


# Small files that always run together are one: these have errors of their own.
BESIDE = {"_azure/session.py", "_gcp/session.py", "_sides/connection.py"}


def test_what_a_task_ends_with_stands_in_files_called_errors() -> None:
    errors = task_errors()
    assert {"OvertakenError", "DeniedError", "RoleError"} <= errors
    files = [file for file in FILES if file.name != "errors.py" and name_of(file) not in BESIDE]
    assert wrong_in(files, lambda file: errors & defined_in(file)) == {}


def test_the_tree_of_errors_is_in_one_docstring() -> None:
    described = ast.get_docstring(ast.parse(text_of(TREE))) or ""
    assert [name for name in task_errors() & defined_in(TREE) if name not in described] == []
