"""Who may import whom: read from the import statements, since a wrong arrow works until the day it is in the way."""

from __future__ import annotations

import ast
import http
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import CLOUDS as DESCRIBED
from ansible_collections.cloudpeer.atlas.tests.support.house import (
    COLLECTION,
    FILES,
    PLUGINS,
    ROOT,
    SHARED,
    SHARED_FILES,
    files_needed_to_run,
    imports_of,
    loaded_with,
    name_of,
    nodes_of,
    own_imports,
    wrong_in,
)

# From the top to the bottom: what each package may import beside itself; `_auth.sources` is one file, `_auth` the whole package.
VALUES = {"_values"}
HTTP = {"_http", *VALUES}
CLOUDS = {"_clouds", *HTTP}
BELOW_CLOUD_APIS = {"_engine", "_resources", *CLOUDS}
FEATURES = {"_aws", "_gcp", "_azure", *BELOW_CLOUD_APIS}
MAY_IMPORT = {
    "modules": {"_operations", "_engine.shell"},
    "action": {"_operations", "plugin_utils"},
    "callback": {"_clouds.clouds", "_engine.lists", "_http.redact"},
    "filter": VALUES,
    "inventory": {"_operations", "_api", "_auth", "_engine", "_clouds", "_http.errors", "_http.redact"},
    "plugin_utils": {"_check.findings", "_engine", "_clouds", "_http.errors", "_http.exchange", "_http.redact"},
    "_operations": {"_results", "_check", "_sides", "_entries", "_accounts", "_api", "_auth", *FEATURES},
    "_results": {"_sides", "_entries", *FEATURES},
    "_check": {"_check.rules", "_entries", "_accounts", "_api", *FEATURES},
    "_sides": {"_entries", "_accounts", "_api.client", *FEATURES},
    "_check.rules": {
        "_check.facts",
        "_aws.objects",
        "_gcp.network",
        "_gcp.objects",
        "_azure.objects",
        "_azure.vnets",
        "_resources",
        *CLOUDS,
    },
    "_entries": FEATURES,
    "_accounts": {"_api", "_auth.clients", *FEATURES},
    "_aws": BELOW_CLOUD_APIS,
    "_gcp": BELOW_CLOUD_APIS,
    "_azure": BELOW_CLOUD_APIS,
    "_engine": {"_auth.sources", "_version", *CLOUDS},
    "_resources": {"_api", *CLOUDS},
    "_auth": {"_api", *HTTP},
    "_clouds": HTTP,
    "_api": {"_version", *HTTP},
    "_http": {"_version", *VALUES},
    "_values": set(),
    "_version": set(),
}
# What knows nothing of Ansible: an inventory plugin and an event source can use it as it is.
WITHOUT_ANSIBLE = {"_values", "_http", "_api", "_clouds", "_auth", "_resources", "_version"}
# Only these packages send requests.
LIBRARIES = {
    "requests": {"_http"},
    "urllib3": {"_http"},
    "boto3": {"_aws"},
    "botocore": {"_aws"},
    "google": {"_gcp"},
    "azure": {"_azure"},
    "http": {"_http"},
}
# A command, a plan and a wait are the same in check mode: what is done with them is the engine's business, and the shells'.
MAY_NAME_CHECK_MODE = {
    "_engine/operation.py",
    "_engine/shell.py",
    "plugin_utils/_action.py",
    "plugin_utils/_plan_file.py",
    "callback/plan.py",
}
MAY_NAME_STATUSES = {
    "_api/client.py",
    "_api/reply.py",
    "_http/errors.py",
    "_http/exchange.py",
    "_http/transport.py",
    "_aws/boto.py",
    "_aws/errors.py",
    "_http/session.py",
    "_gcp/auth.py",
    "_gcp/session.py",
    "_azure/session.py",
}
# Numbers that look like one.
OTHER_NUMBERS = {
    "_aws/session.py": {200},
    "_aws/objects.py": {500},
    "_resources/access_list.py": {200},
    "_clouds/azure.py": {500},
}
STATUSES = {int(status) for status in http.HTTPStatus if status >= 400} | {200, 201, 202, 204, 301, 302, 307, 308}

# A cloud is described in `_clouds`. Its own API, the rules that are about it alone, and documentation name its facts, too.
MAY_NAME_FACTS_OF_CLOUDS = (
    *(f"{name}/" for name in ("_clouds", "_aws", "_gcp", "_azure", "modules")),
    # The table says which cloud each option of an entry is for.
    "_entries/table.",
    *(f"_sides/{name}." for name in ("entry_aws", "aws_entries", "azure_entries", "gcp_entries")),
    "_operations/atlas_vpc_peer_accepter.",
    *(f"_check/rules/{name}_" for name in ("a4", "g4", "p4", "p5", "p6", "p7")),
)
FACTS_OF_CLOUDS = {
    fact
    for cloud in DESCRIBED.values()
    for facts in (cloud.states, cloud.forms, cloud.atlas_network, cloud.failure_reasons, cloud.role_codes)
    for fact in (*facts, cloud.name, cloud.noun, cloud.identity_noun)
}
OTHER_FACTS = {
    # States of an entry of the access list, and of a cluster.
    "_sides/access_list.py": {"FAILED"},
    "_check/rules/p3_access_list.py": {"FAILED", "vpc_id"},
    "_check/rules/judged_clusters.py": {"DELETING"},
    "_resources/clusters.py": {"DELETING"},
    # Which cloud has which credentials, without its file.
    "_accounts/credentials.py": {"AZURE", "GCP"},
    # A stage, and the states of a set.
    "_sides/path_state.py": {"AVAILABLE"},
    # What the result of the whole path, a finding, or the result of a check shows of a VPC.
    "_results/path_summary.py": {"connection_id"},
    "_check/rules/p1_atlas.py": {"route_table_cidr_block"},
    "_check/result.py": {"vpc_id", "aws_account_id", "connection_id"},
}
# What reads a field, as an attribute does.
READERS = {"get", "field_of"}

STAND_INS = sorted(file for name in ("emulator", "clouds") for file in (ROOT / "tests" / name).rglob("*.py"))


def package_of(name: str) -> str:
    """Return the package of a file, or of what is imported: `_api` of `_api.reply`."""
    parts = name.replace("/", ".").removesuffix(".py").split(".")
    return ".".join(parts[:2]) if ".".join(parts[:2]) in MAY_IMPORT else parts[0]


def numbers(file: Path) -> set[int]:
    return {node.value for node in nodes_of(file) if isinstance(node, ast.Constant) and isinstance(node.value, int)}


def texts(file: Path) -> set[str]:
    """Return the texts in a file, but for the names of fields that are read: `peer["vpc_id"]` is like `entry.vpc_id`."""
    read = set()
    for node in nodes_of(file):
        if isinstance(node, ast.Subscript):
            read.add(node.slice)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in READERS:
            read |= {*node.args}
    return {
        node.value
        for node in nodes_of(file)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in read
    }


def words(file: Path) -> set[str]:
    """Return the names that a file uses, as variables, attributes, arguments or keywords."""
    found = set()
    for node in nodes_of(file):
        found |= {str(getattr(node, field)) for field in ("id", "attr", "arg") if hasattr(node, field)}
    return found


def test_every_arrow_points_down() -> None:
    """So packages cannot go round in a circle, whatever is added to the table."""
    order = list(MAY_IMPORT)
    targets = [(name, package_of(target)) for name in order for target in MAY_IMPORT[name] if target != "_check.facts"]
    upward = [(name, target) for name, target in targets if target in order and order.index(target) <= order.index(name)]
    assert upward in ([], [("action", "plugin_utils")])


def test_files_import_each_other_in_no_circle() -> None:
    try:
        TopologicalSorter({file: files_needed_to_run(file) for file in SHARED_FILES}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(name_of(file) for file in reversed(error.args[1])))


def test_every_package_is_in_the_table() -> None:
    packages = {package_of(name_of(file)) for file in FILES}
    assert packages == MAY_IMPORT.keys(), "a new package: give it a line in MAY_IMPORT"


def test_a_package_imports_only_what_lies_below_it() -> None:
    def forbidden(file: Path) -> list[str]:
        package = package_of(name_of(file))
        allowed = {package, *MAY_IMPORT[package]}
        return [name for name, dots in own_imports(file) if not {package_of(name), ".".join(name.split(".")[:2])} & allowed]

    assert wrong_in(FILES, forbidden) == {}


def test_imports_are_relative_within_module_utils_only() -> None:
    def forbidden(file: Path) -> list[str]:
        odd = [name for name, dots in own_imports(file) if (dots > 0) != (SHARED in file.parents and name.startswith("_"))]
        return odd + [name for name, dots in imports_of(file) if name.split(".")[0] in {"plugins", "scripts", "tests"}]

    assert wrong_in(FILES, forbidden) == {}


def test_the_accepter_loads_no_client_of_atlas() -> None:
    loaded = loaded_with(SHARED / "_operations" / "atlas_vpc_peer_accepter.py")
    unread = {SHARED / name for name in ("_http/transport.py", "_auth/tokens.py")}
    unread |= {SHARED / "_api" / "client.py", SHARED / "_auth" / "clients.py"}
    assert SHARED / "_aws" / "session.py" in loaded
    assert unread & loaded == set()
    # A file that was renamed would be in no set.
    assert [file for file in unread if not file.is_file()] == []


def test_the_probe_needs_only_python_and_what_ansible_sends() -> None:
    """It runs on hosts where nobody has installed anything."""
    files = loaded_with(PLUGINS / "modules" / "atlas_probe.py", SHARED / "_operations" / "atlas_probe.py")
    assert SHARED / "_engine" / "shell.py" in files
    packages = {name.partition(".")[0] for file in files for name, dots in imports_of(file) if not dots}
    known = {*sys.stdlib_module_names, "ansible", "ansible_collections"}
    # In newer releases of Python; _auth.profile does without where there is none.
    assert packages - known == set()


def test_libraries_for_requests_stay_where_requests_are_sent() -> None:
    def forbidden(file: Path) -> set[str]:
        libraries = {name.split(".")[0] for name, dots in imports_of(file)} & LIBRARIES.keys()
        return {library for library in libraries if package_of(name_of(file)) not in LIBRARIES[library]}

    assert wrong_in(FILES, forbidden) == {}


def test_what_others_can_use_knows_nothing_of_ansible() -> None:
    files = [file for file in FILES if package_of(name_of(file)) in WITHOUT_ANSIBLE]
    assert wrong_in(files, lambda file: [name for name, dots in imports_of(file) if name.split(".")[0] == "ansible"]) == {}


def test_only_the_engine_and_the_shells_know_check_mode() -> None:
    files = [file for file in FILES if name_of(file) not in MAY_NAME_CHECK_MODE]
    assert wrong_in(files, lambda file: {word for word in words(file) if "check_mode" in word}) == {}


def test_facts_about_a_cloud_stand_in_its_description() -> None:
    files = [file for file in FILES if not name_of(file).startswith(MAY_NAME_FACTS_OF_CLOUDS)]
    assert wrong_in(files, lambda file: (texts(file) & FACTS_OF_CLOUDS) ^ OTHER_FACTS.get(name_of(file), set())) == {}


def test_only_what_reads_replies_names_http_statuses() -> None:
    files = [file for file in FILES if name_of(file) not in MAY_NAME_STATUSES]
    assert wrong_in(files, lambda file: (numbers(file) & STATUSES) ^ OTHER_NUMBERS.get(name_of(file), set())) == {}


def test_only_the_shell_knows_ansible_modules() -> None:
    def forbidden(file: Path) -> set[str]:
        names = words(file) | {name.split(".")[-1] for name, dots in imports_of(file)}
        return names & {"AnsibleModule", "exit_json", "fail_json"}

    assert wrong_in((file for file in FILES if name_of(file) != "_engine/shell.py"), forbidden) == {}


def test_stand_ins_share_nothing_with_the_plugins() -> None:
    def forbidden(file: Path) -> set[str]:
        # The clouds listen as the emulator does.
        own = tuple(f"{COLLECTION}.tests.{name}." for name in ("emulator", file.parent.name))
        foreign = {name for name, dots in imports_of(file) if name.split(".")[0] in {"ansible", "ansible_collections", "plugins"}}
        return {name for name in foreign if not name.startswith(own)}

    assert wrong_in(STAND_INS, forbidden) == {}


def test_nothing_outside_the_tests_imports_them() -> None:
    """Only `make house` does: it prints the figures that a test limits."""
    files = [file for folder in ("plugins", "scripts", "roles", "docs") for file in (ROOT / folder).rglob("*.py")]
    importing = {file.name for file in files for name, dots in imports_of(file) if "tests" in name.split(".")}
    # It shows the figures that test_house.py bounds.
    assert importing == {"house.py"}
