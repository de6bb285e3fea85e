"""Who may import whom: read from the import statements, since a wrong arrow works until the day it is in the way."""

from __future__ import annotations

import ast
import http
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
COLLECTION = ["ansible_collections", "cloudpeer", "atlas"]
# The folders of shared code; what a plugin imports from elsewhere in the collection is a mistake.
SHARED = {("plugins", "module_utils"), ("plugins", "plugin_utils")}
# The folders of plugins that users call, whose files follow one rule.
SHELLS = {"modules", "action"}

RESOURCES = {"_access_list", "_container", "_vpc_peer"}
# What modules do, and what such a file needs beside it when it gets too long.
TASKS = {"_access_list_task", "_container_task", "_container_info_task", "_vpc_peer_task", "_vpc_peer_info_task"}
PARTS = {"_access_entries", "_vpc_peer_match", "_vpc_peer_creation", "_vpc_peer_container", "_vpc_peer_wait"}
LEAVES = {"_redact", "_body", "_regions", "_plan", "_wait", "_digest", "_request", "_token_cache", "_watch"}
# The accepter's half in AWS: what is decided there, purely; and AWS itself, as this collection sees it.
DECISIONS = {"_accepter_checks", "_accepter_block", "_accepter_routes", "_accepter_steps", "_accepter_view", "_accepter_options"}
AWS = {"_aws_network", "_aws_session", "_aws_objects"}
# From the top to the bottom. A file may import what its line names, and nothing else of the collection. A file without a
# line is a mistake.
ALLOWED: dict[str, set[str]] = {
    "action": {"_action"} | TASKS | {"_accepter_task"},
    "modules": {"_module"} | TASKS | {"_accepter_task"},
    "_action": {"_task", "_errors"},
    "_module": {"_task", "_argspec", "_errors"},
    **{
        name: {"_task", "_atlas", "_client", "_converge", "_argspec", "_plan", "_wait", "_errors", "_rules"} | PARTS | RESOURCES
        for name in sorted(TASKS)
    },
    "_access_entries": {"_rules", "_errors"} | RESOURCES,
    **{
        name: {"_task", "_client", "_plan", "_wait", "_errors", "_rules", "_vpc_peer_container"} | RESOURCES
        for name in ("_vpc_peer_match", "_vpc_peer_creation")
    },
    **{
        name: {"_task", "_client", "_wait", "_errors", "_rules"} | RESOURCES for name in ("_vpc_peer_container", "_vpc_peer_wait")
    },
    "_accepter_task": {"_accepter_apply", "_accepter_look", "_accepter_wait", "_accepter_plan", "_task", "_wait", "_errors"}
    | DECISIONS
    | AWS,
    "_accepter_apply": {"_accepter_steps", "_accepter_view", "_errors"} | AWS,
    "_accepter_look": {"_accepter_routes", "_accepter_view"} | AWS,
    "_accepter_wait": {"_accepter_view", "_task", "_wait", "_errors"} | AWS,
    "_accepter_plan": {"_aws_objects", "_errors"} | DECISIONS,
    "_accepter_routes": {"_accepter_steps", "_accepter_options", "_accepter_view", "_aws_objects", "_errors"},
    "_accepter_steps": {"_accepter_view", "_aws_objects"},
    "_accepter_checks": {"_accepter_view", "_aws_objects", "_errors"},
    "_accepter_block": {"_accepter_view", "_aws_objects", "_errors", "_rules"},
    "_accepter_view": {"_aws_objects"},
    "_accepter_options": {"_argspec", "_aws_options", "_errors", "_rules"},
    "_aws_network": {"_aws_session", "_aws_objects", "_errors"},
    "_aws_session": {"_task", "_aws_boto", "_aws_options", "_aws_errors", "_reply", "_errors"},
    "_aws_boto": {"_reply", "_errors", "_rules"},
    "_aws_options": {"_argspec", "_errors", "_rules"},
    "_aws_errors": {"_errors", "_redact"},
    "_aws_objects": set(),
    "_converge": {"_task", "_plan", "_wait", "_errors"},
    "_atlas": {"_task", "_pool", "_client", "_transport", "_rules"},
    "_task": {"_argspec", "_redact", "_reply", "_wait", "_errors"},
    **{name: {"_client", "_rules", "_errors"} for name in sorted(RESOURCES)},
    "_pool": {"_client", "_credentials", "_connection", "_errors"},
    "_argspec": {"_auth", "_errors"},
    "_client": {
        "_transport",
        "_auth",
        "_connection",
        "_paging",
        "_reply",
        "_request",
        "_retry",
        "_network_errors",
        "_errors",
        "_redact",
    },
    "_transport": {"_body", "_sockets", "_connection", "_reply", "_network_errors", "_watch"},
    "_sockets": {"_watch"},
    "_credentials": {"_auth", "_token_cache", "_connection", "_errors"},
    "_auth": {"_token_cache", "_digest", "_errors"},
    "_connection": {"_errors"},
    "_paging": {"_errors"},
    "_reply": {"_request", "_errors"},
    "_retry": {"_wait", "_errors"},
    "_rules": {"_errors", "_regions"},
    "_network_errors": {"_errors", "_redact"},
    "_errors": {"_redact"},
    **{name: set() for name in sorted(LEAVES)},
}
# Only the files that send requests know the HTTP library (urllib3 is below requests); those to AWS are boto3's.
HTTP_LIBRARIES = {"requests", "urllib3", "http", "boto3", "botocore"}
MAY_IMPORT = {"_transport": {"requests", "urllib3"}, "_sockets": {"urllib3"}, "_aws_boto": {"boto3", "botocore"}}
MAY_NAME_STATUSES = {"_client", "_reply", "_errors", "_aws_boto", "_aws_errors"}

STATUSES = {int(status) for status in http.HTTPStatus if status >= 400} | {200, 201, 202, 204, 301, 302, 307, 308}

PLUGIN_FILES = sorted(PLUGINS.rglob("*.py"))
# Documentation fragments import nothing and are covered by the rule for all plugins.
RULED_FILES = [file for file in PLUGIN_FILES if file.parent.name in SHELLS or ("plugins", file.parent.name) in SHARED]


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


def collection_imports(file: Path) -> set[tuple[str, ...]]:
    """Give what a file imports of this collection, as path within it, down to the file that is imported."""
    names = [name.split(".") for name in imported(file)]
    return {tuple(name[3:6]) for name in names if name[:3] == COLLECTION}


def own_name(file: Path) -> str:
    return file.parent.name if file.parent.name in SHELLS else file.stem


def relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_every_arrow_points_down() -> None:
    """So nothing can go round in a circle, whatever is added to ALLOWED."""
    order = list(ALLOWED)
    assert [(name, target) for name in order for target in ALLOWED[name] if order.index(target) <= order.index(name)] == []


@pytest.mark.parametrize("file", RULED_FILES, ids=relative)
def test_a_file_imports_only_what_lies_below_it(file: Path) -> None:
    allowed = ALLOWED.get(own_name(file))
    assert allowed is not None, "a new file: give it a line in ALLOWED"
    assert {path[-1] for path in collection_imports(file)} <= allowed


@pytest.mark.parametrize("file", PLUGIN_FILES, ids=relative)
def test_plugins_import_shared_code_by_its_full_name_and_no_other_part_of_the_collection(file: Path) -> None:
    assert {path for path in collection_imports(file) if path[:2] not in SHARED or len(path) < 3} == set()
    assert {name for name in imported(file) if name.split(".")[0] in {"plugins", "scripts", "tests"}} == set()


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
