"""What a module imports when it runs: in a process of its own, each file is compiled, and each library read, for every task."""

from __future__ import annotations

import fnmatch
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.environment import own_environment
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas
from ansible_collections.cloudpeer.atlas.tests.support.imported import FILES, PLUGINS, SHARED, imported, imported_by, ours
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

# Imports each module that is named, and prints all that is imported then.
IMPORTS = "import importlib, json, sys; [*map(importlib.import_module, sys.argv[1:])]; print(json.dumps([*sys.modules]))"
# The same for each line of its input, in a fork of a process that has imported what all modules of Ansible do.
FORKS = """
import ansible.module_utils.basic, importlib, json, os, sys
for line in sys.stdin:
    child = os.fork()
    if child:
        print(end="" if os.waitpid(child, 0)[1] == 0 else "[]\\n", flush=True)
        continue
    [*map(importlib.import_module, json.loads(line))]
    print(json.dumps([*sys.modules]), flush=True)
    os._exit(0)
"""
# What each module imports with its Operation, beside the standard library, and what these libraries import.
LIBRARIES = {
    # azure-identity is found, and not loaded before it is needed.
    "atlas_azure_role": {"requests", "azure"},
    "atlas_gcp_peering": {"requests", "google.auth.compute_engine", "google.oauth2.service_account"},
    "atlas_probe": set(),
    "atlas_vpc_peer_accepter": {"boto3.session"},
}
OF_THE_OTHERS = {"requests"}
# A file takes more than half a millisecond of each item of a loop, and most of that is its compiling.
MOST_FILES = 52


@pytest.fixture(scope="module")
def packages() -> Iterator[Callable[..., set[str]]]:
    """Returns the packages that come with some modules, without the standard library; of Ansible, each file."""
    environment = {**own_environment(), "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    command = [sys.executable, "-c", FORKS]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield functools.cache(functools.partial(packages_of, process.stdin, process.stdout))


def packages_of(asked: IO[str], answers: IO[str], *modules: str) -> set[str]:
    print(json.dumps(modules), file=asked, flush=True)
    names = json.loads(answers.readline())
    assert names, f"could not import {modules}"
    return {name if name.startswith("ansible.") else name.partition(".")[0] for name in names} - sys.stdlib_module_names


def loaded(atlas: Atlas, module: str, **options: Any) -> set[str]:
    """Return the files of module_utils that a module has imported when it has run with these options."""
    given = {"base_url": atlas.base_url, "group_id": atlas.emulator.settings.group_id, **options}
    return imported_by(module, given)


def among(found: set[str], *patterns: str) -> set[str]:
    """Return the files that match one of some patterns; each pattern has to match a file of module_utils."""
    assert [one for one in patterns if not fnmatch.filter(FILES, one)] == []
    return {name for one in patterns for name in fnmatch.filter(found, one)}


def key(atlas: Atlas) -> dict[str, str]:
    return {"public_key": atlas.emulator.settings.public_key, "private_key": atlas.emulator.settings.private_key}


def peer(atlas: Atlas) -> dict[str, str]:
    return {
        "vpc_id": "vpc-0a1b2c3d4e5f67890",
        "aws_account_id": "123456789012",
        "route_table_cidr_block": "10.0.0.0/24",
        "accepter_region_name": "us-east-1",
        "container_id": atlas.container_id,
    }


@pytest.mark.parametrize("module", sorted(file.stem for file in (ROOT / "plugins" / "modules").glob("*.py")))
def test_an_operation_imports_its_libraries_alone(module: str, packages: Callable[..., set[str]]) -> None:
    libraries = LIBRARIES.get(module, OF_THE_OTHERS)
    found = packages(f"{SHARED}_engine.shell", f"{SHARED}_operations.{module}")
    assert found - packages(*sorted(libraries)) == {"ansible_collections"}
    assert {name.partition(".")[0] for name in libraries} <= found


def test_the_probe_imports_no_cloud_and_no_client() -> None:
    found = ours(imported(IMPORTS, f"{SHARED}_engine.shell", f"{SHARED}_operations.atlas_probe"))
    assert "_engine.operation" in found
    assert among(found, "_clouds.*", "_resources.*", "_api.*", "_http.transport", "_auth.clients") == set()


def test_one_connection_with_an_api_key_imports_no_other_way(atlas: Atlas) -> None:
    found = loaded(atlas, "atlas_vpc_peer", **key(atlas), **peer(atlas))
    assert {"_auth.api_key", "_api.client", "_sides.planner"} <= found
    assert among(found, "_auth.tokens", "_http.threads") == set()
    assert among(found, "_clouds.azure", "_clouds.gcp", "_aws.*", "_gcp.*", "_azure.*") == set()
    assert among(found, "_engine.lists", "_sides.draft", "_sides.set_*", "_results.*", "_check.*", "_sides.access_*") == set()
    assert len(found) <= MOST_FILES


def test_another_kind_of_credentials_is_imported_if_used(atlas: Atlas) -> None:
    account = {"client_id": atlas.emulator.settings.client_id, "client_secret": atlas.emulator.settings.client_secret}
    found = loaded(atlas, "atlas_vpc_peer", **account, **peer(atlas))
    assert "_auth.tokens" in found
    assert "_auth.api_key" not in found


@pytest.mark.parametrize(
    ("module", "options"),
    [("atlas_peering", {"prune": True, "access_list": False}), ("atlas_vpc_peer_check", {"fail_on": "never"})],
)
def test_boto3_is_imported_where_a_task_reads_aws(atlas: Atlas, module: str, options: dict[str, Any]) -> None:
    connection = {"gcp_project_id": "my-project", "network_name": "my-network", "container_cidr_block": "192.168.0.0/18"}
    found = loaded(atlas, module, **key(atlas), **options, connections=[connection], gcp=False, _ansible_check_mode=True)
    assert "_accounts.session" in found
    assert among(found, "_aws.boto", "_gcp.auth", "_azure.auth") == set()


def test_the_whole_path_imports_what_it_uses(atlas: Atlas) -> None:
    found = loaded(atlas, "atlas_peering", **key(atlas), connections=[peer(atlas)], aws=False, _ansible_check_mode=True)
    assert {"_sides.entry_peers", "_sides.entry_access", "_sides.entry_containers"} <= found
    assert among(found, "_aws.session", "_aws.rate", "_aws.boto") == set()
    assert (
        among(
            found,
            "_sides.aws*",
            "_sides.azure_entries",
            "_sides.gcp_entries",
            "_sides.entry_pruned",
            "_sides.azure",
            "_sides.gcp",
        )
        == set()
    )
    assert among(found, "_operations.atlas_access_list", "_operations.atlas_network_container", "_auth.private_folder") == set()


def test_threads_are_imported_for_requests_side_by_side(atlas: Atlas) -> None:
    assert "_http.threads" in loaded(atlas, "atlas_cluster_info", **key(atlas))


@pytest.mark.full
def test_the_controller_imports_all_credentials_before_it_forks() -> None:
    """Otherwise each worker would, for each task."""
    found = imported(IMPORTS, f"{PLUGINS}.action.atlas_vpc_peer")
    assert {f"{SHARED}_auth.{kind}" for kind in ("api_key", "tokens")} <= found
