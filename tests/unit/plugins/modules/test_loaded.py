"""What a module reads of the collection when it runs in a process of its own: for each item of a loop, it is compiled anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.support.environment import own_environment
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas

# Runs a module as Ansible does, and prints what was imported after the result.
SCRIPT = """
import atexit, importlib, json, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.loads(sys.argv[2])}).encode()
basic._ANSIBLE_PROFILE = "legacy"
atexit.register(lambda: print(json.dumps([*sys.modules])))
importlib.import_module("ansible_collections.cloudpeer.atlas.plugins.modules." + sys.argv[1]).main()
"""
SHARED = "ansible_collections.cloudpeer.atlas.plugins.module_utils."
# A file takes more than half a millisecond of each item, and most of that is its compiling.
MOST_FILES = 65
NOT_FOR_AN_API_KEY = {"_auth.access_token", "_auth.service_account", "_auth.token_cache"}
NOT_FOR_ONE_REQUEST_AFTER_THE_OTHER = {"_http.threads"}
NOT_FOR_AWS = {
    "_clouds.azure",
    "_clouds.gcp",
    "_values.azure_names",
    "_values.azure_regions",
    "_values.gcp_names",
    "_values.gcp_regions",
    "_values.region_table",
}


def loaded(atlas: Atlas, module: str, **options: Any) -> set[str]:
    """Return the files of module_utils, as `_api.client`, that a module has imported when it has run with these options."""
    settings = atlas.emulator.settings
    given = {"base_url": atlas.base_url, "group_id": settings.group_id, **options}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, module, json.dumps(given)],
        env={**own_environment(), "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    names = json.loads(run.stdout.splitlines()[-1])
    found = {name.removeprefix(SHARED) for name in names if name.startswith(SHARED)}
    # Packages are folders.
    return {name for name in found if not any(other.startswith(f"{name}.") for other in found)}


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


def test_one_connection_with_an_api_key_reads_nothing_of_other_ways(atlas: Atlas) -> None:
    found = loaded(atlas, "atlas_vpc_peer", **key(atlas), **peer(atlas))
    assert {"_auth.api_key", "_api.client", "_peering.planner"} <= found
    assert found & {*NOT_FOR_AN_API_KEY, *NOT_FOR_ONE_REQUEST_AFTER_THE_OTHER, *NOT_FOR_AWS} == set()
    assert {name for name in found if "set_" in name or name.startswith(("_aws", "_gcp", "_check", "_access_list"))} == set()
    assert len(found) <= MOST_FILES


def test_another_kind_of_credentials_is_read_when_it_is_used(atlas: Atlas) -> None:
    account = {"client_id": atlas.emulator.settings.client_id, "client_secret": atlas.emulator.settings.client_secret}
    found = loaded(atlas, "atlas_vpc_peer", **account, **peer(atlas))
    assert {"_auth.service_account", "_auth.token_cache"} <= found
    assert found & {"_auth.access_token", "_auth.api_key", "_auth.digest"} == set()


def test_requests_side_by_side_are_read_where_there_are_some(atlas: Atlas) -> None:
    found = loaded(atlas, "atlas_cluster_info", **key(atlas))
    assert found >= NOT_FOR_ONE_REQUEST_AFTER_THE_OTHER


def test_the_controller_reads_what_credentials_need_before_it_forks() -> None:
    """Otherwise each worker would, for each task."""
    script = """
import json, sys
from ansible_collections.cloudpeer.atlas.plugins.action import atlas_vpc_peer
print(json.dumps([*sys.modules]))
"""
    environment = {**own_environment(), "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    names = json.loads(subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True).stdout)
    assert {f"{SHARED}_auth.{kind}" for kind in ("access_token", "api_key", "service_account")} <= {*names}
