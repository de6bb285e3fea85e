"""Who may import whom: read from the import statements, since a wrong arrow works until the day it is in the way."""

from __future__ import annotations

import ast
import http
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULE_UTILS = ROOT / "plugins" / "module_utils"
PACKAGE = "ansible_collections.cloudpeer.atlas.plugins.module_utils"

RESOURCES = {"_vpc_peer", "_container"}
# One a kind of task: what its module does, put together from resources, a plan and a wait.
TASKS = {f"{name}_task" for name in RESOURCES}
LEAVES = {"_errors", "_plan", "_wait", "_digest", "_reply"}
# A file may import what its line names, and nothing else of the collection. A file without a line is a mistake.
ALLOWED: dict[str, set[str]] = {
    "modules": {"_module"} | TASKS,
    "_module": {"_task"},
    **{name: {"_task", "_argspec", "_plan", "_wait", "_errors", "_rules"} | RESOURCES for name in TASKS},
    "_task": {"_argspec", "_client", "_auth", "_connection", "_plan", "_wait", "_errors", "_rules"},
    **{name: {"_client", "_errors", "_rules"} for name in RESOURCES},
    "_argspec": {"_auth", "_connection"},
    "_client": {"_auth", "_connection", "_reply", "_wait", "_errors"},
    "_auth": {"_digest", "_errors"},
    "_connection": {"_errors"},
    "_rules": {"_errors"},
    **{name: set() for name in LEAVES},
}
# Only the file that opens the session and the one that signs its requests know the HTTP library (urllib3 is below requests).
HTTP_LIBRARIES = {"requests", "urllib3", "http"}
MAY_IMPORT = {"_client": {"requests", "urllib3"}, "_auth": {"requests"}}
MAY_NAME_STATUSES = {"_client", "_errors"}

STATUSES = {int(status) for status in http.HTTPStatus if status >= 400} | {200, 201, 202, 204, 301, 302, 307, 308}

UTILS_FILES = sorted(MODULE_UTILS.glob("*.py"))
MODULE_FILES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
PLUGIN_FILES = sorted((ROOT / "plugins").rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    """Give the full dotted name of everything a file imports, wherever in it the statement stands."""
    package = [*["ansible_collections", "cloudpeer", "atlas"], *file.relative_to(ROOT).parent.parts]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def collection_imports(file: Path) -> set[str]:
    return {name.removeprefix(f"{PACKAGE}.").split(".")[0] for name in imported(file) if name.startswith(f"{PACKAGE}.")}


def own_name(file: Path) -> str:
    return "modules" if file.parent.name == "modules" else file.stem


def relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", MODULE_FILES + UTILS_FILES, ids=relative)
def test_a_file_imports_only_what_lies_below_it(file: Path) -> None:
    allowed = ALLOWED.get(own_name(file))
    assert allowed is not None, "a new file: give it a line in ALLOWED"
    assert collection_imports(file) <= allowed


@pytest.mark.parametrize("file", PLUGIN_FILES, ids=relative)
def test_plugins_import_shared_code_by_its_full_name_and_no_other_part_of_the_collection(file: Path) -> None:
    ours = {name for name in imported(file) if name.split(".")[0] in {"ansible_collections", "plugins", "tests", "scripts"}}
    assert {name for name in ours if not name.startswith(f"{PACKAGE}.")} == set()


@pytest.mark.parametrize("file", PLUGIN_FILES, ids=relative)
def test_only_the_client_and_its_credentials_know_the_http_library(file: Path) -> None:
    libraries = {name.split(".")[0] for name in imported(file)} & HTTP_LIBRARIES
    assert libraries <= MAY_IMPORT.get(file.stem, set())


@pytest.mark.parametrize("file", [file for file in PLUGIN_FILES if file.stem not in MAY_NAME_STATUSES], ids=relative)
def test_only_the_client_and_the_errors_name_http_statuses(file: Path) -> None:
    numbers = {
        node.value
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, int)
    }
    assert numbers & STATUSES == set()


@pytest.mark.parametrize("file", [file for file in PLUGIN_FILES if file.stem != "_module"], ids=relative)
def test_only_the_shell_knows_ansible_modules(file: Path) -> None:
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    words = {node.attr for node in nodes if isinstance(node, ast.Attribute)} | {name.split(".")[-1] for name in imported(file)}
    assert words & {"AnsibleModule", "exit_json", "fail_json"} == set()


@pytest.mark.parametrize("file", sorted((ROOT / "tests" / "emulator").rglob("*.py")), ids=relative)
def test_the_emulator_shares_nothing_with_the_plugins(file: Path) -> None:
    below = "ansible_collections.cloudpeer.atlas.tests.emulator"
    foreign = {name for name in imported(file) if name.split(".")[0] in {"ansible", "ansible_collections", "plugins"}}
    assert {name for name in foreign if not name.startswith(f"{below}.")} == set()


def test_nothing_outside_the_tests_imports_them() -> None:
    files = [file for folder in ("plugins", "scripts", "roles", "docs") for file in (ROOT / folder).rglob("*.py")]
    assert files
    assert {relative(file) for file in files for name in imported(file) if "tests" in name.split(".")} == set()
