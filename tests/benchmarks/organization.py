"""Two hundred projects in one task, against an Atlas that is far away; the inventory and the check of them."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import yaml

from .runs import Play, run
from .servers import COLLECTIONS_PATH, ROUND_TRIP, Atlas, create_peer, distant_emulator, peers
from .tables import Findings, Progress, counts, decimal, goal, table

# isort: split
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.environment import own_environment
from ansible_collections.cloudpeer.atlas.tests.support.runner import environment

PROJECTS = 200
#: Of AWS, and the most seconds that the check of all of them is to take.
ACCOUNTS, MOST_SECONDS = 40, 20.0
#: In seconds, what a prototype took for one request a project.
PROTOTYPE = 1.8
#: What each task reads, by its tag in the playbook.
TASKS = {
    "projects": "`atlas_project_info`",
    "name": "`atlas_vpc_peer_info`, one project by its name",
    "peers": "`atlas_vpc_peer_info`",
    "containers": "`atlas_network_container_info`",
    "access_list": "`atlas_access_list_info`",
    "clusters": "`atlas_cluster_info`",
}
#: In seconds, what a prototype's inventory took above an empty one.
PROTOTYPE_INVENTORY = 0.8
EMPTY = "an empty file"
_CACHE = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile"}
#: The options of inventories. The first one with a cache fills it.
INVENTORIES: dict[str, dict[str, Any] | None] = {
    EMPTY: None,
    "`cloudpeer.atlas.projects`": {},
    "with `keyed_groups` by organization": {"keyed_groups": [{"key": "atlas_org_name", "prefix": "org"}]},
    "with `peers: true`": {"peers": True},
    "cached": _CACHE,
}


@contextlib.contextmanager
def organization() -> Iterator[Atlas]:
    """Run an Atlas with many projects in four organizations, each with a connection."""
    with distant_emulator(groups=PROJECTS, orgs=4) as atlas:
        for group, peer in zip(atlas.groups, peers(PROJECTS), strict=True):
            create_peer(atlas, peer, group)
        yield atlas


def read_inventory(atlas: Atlas, options: dict[str, Any] | None, repeats: int = 3) -> tuple[float, int]:
    """Return the seconds that ansible-inventory takes for a file with these options, in the median, and its requests at last."""
    with tempfile.TemporaryDirectory(prefix="cloudpeer-atlas-bench-") as name:
        folder = Path(name)
        file = folder / "atlas_projects.yml"
        given = {"plugin": "cloudpeer.atlas.projects", "ca_path": atlas.ca_path, "cache_connection": str(folder / "cache")}
        content: dict[str, Any] = {"all": {"hosts": {}}} if options is None else {**given, **options}
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        command = [sys.executable, "-m", "ansible", "inventory", "--inventory", str(file), "--list"]
        variables = environment(folder, atlas)  # type: ignore[arg-type] # it has what is read there
        # The first run fills the cache, and the caches of the system.
        seconds = []
        for repeat in range(repeats + 1):
            _requests(atlas, "delete")
            started = time.monotonic()
            done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
            seconds += [time.monotonic() - started] if repeat else []
            assert done.stderr == "", done.stderr
        return statistics.median(seconds), len(_requests(atlas, "get").json())


def _requests(atlas: Atlas, method: str) -> requests.Response:
    reply = requests.request(method, f"{atlas.control_url}/emulator/requests", timeout=10, verify=atlas.ca_path or True)
    reply.raise_for_status()
    return reply


@contextlib.contextmanager
def checked_organization(**given: Any) -> Iterator[tuple[Atlas, str]]:
    """Run an Atlas and an AWS, both far away, with a connection for each project; yield Atlas, and where AWS is.

    Args:
        given: What `support/organization_site.py` is given in place of these sizes.
    """
    command = [sys.executable, "-m", "ansible_collections.cloudpeer.atlas.tests.support.organization_site"]
    variables = {**own_environment(), "PYTHONPATH": str(COLLECTIONS_PATH)}
    with subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            sizes = {"projects": PROJECTS, "accounts": ACCOUNTS, "seconds": ROUND_TRIP, **given}
            process.stdin.write(json.dumps(sizes) + "\n")
            process.stdin.flush()
            ready = json.loads(process.stdout.readline())
            yield Atlas(Settings(), ready["base_url"], "", (), ready["base_url"]), ready["aws"]
        finally:
            process.terminate()


def check(progress: Progress) -> Findings:
    """Check all connections of all projects, in accounts of their own."""
    with checked_organization() as (atlas, aws):
        progress(f"the check of {PROJECTS} projects with {ACCOUNTS} accounts")
        keys = {"AWS_ACCESS_KEY_ID": "ASIA999988887777MINE", "AWS_SECRET_ACCESS_KEY": "my-own-secret-of-0123456789"}
        play = Play("organization_check", environment={**keys, "AWS_ENDPOINT_URL": aws}, is_steady=False)
        trial = run(atlas, play)
    found = trial.measurements["check"]
    row = [decimal(found.seconds), decimal(found.processor), found.requests, decimal(trial.controller)]
    text = f"the check of {PROJECTS} projects with {ACCOUNTS} accounts in at most {MOST_SECONDS} s: {found.seconds:.1f} s"
    return Findings(
        f"The check of {PROJECTS} projects with {ACCOUNTS} accounts, both clouds {ROUND_TRIP * 1000:.0f} ms away:\n\n"
        + table(["seconds", "of the processor", "requests to Atlas", "MiB of the controller"], [row]),
        (goal(found.seconds <= MOST_SECONDS, text),),
    )


def measure(progress: Progress) -> Findings:
    """Read all projects by each module that can, and check them."""
    read, checked = read_all(progress), check(progress)
    return Findings(f"{read.tables}\n\n{checked.tables}", (*read.goals, *checked.goals))


def read_all(progress: Progress) -> Findings:
    """Read all projects by each module that can."""
    with organization() as atlas:
        progress(f"{PROJECTS} projects in one task")
        # How many connections the threads open is a matter of time.
        found = run(atlas, Play("organization", repeats=3, is_steady=False)).measurements
        inventories = {}
        for name, options in INVENTORIES.items():
            progress(f"{PROJECTS} projects as an inventory: {name}")
            inventories[name] = read_inventory(atlas, options)
    rows = [[name, decimal(found[tag].seconds, 2), counts(found[tag])] for tag, name in TASKS.items()]
    seconds = found["containers"].seconds
    text = f"the network containers of {PROJECTS} projects in one task take {decimal(seconds)} s; a prototype took {PROTOTYPE} s"
    title = f"{PROJECTS} projects in one task, over HTTPS and {ROUND_TRIP * 1000:.0f} ms away, each with a connection on AWS"
    floor = inventories[EMPTY][0]
    above = inventories["`cloudpeer.atlas.projects`"][0] - floor
    listed = [[name, decimal(one[0], 2), decimal(one[0] - floor, 2), one[1]] for name, one in inventories.items()]
    of_inventory = (
        f"an inventory of {PROJECTS} projects takes {decimal(above)} s above an empty one; "
        f"a prototype took {PROTOTYPE_INVENTORY} s"
    )
    return Findings(
        f"{title}:\n\n{table(['task', 'seconds', 'requests / connections'], rows)}\n\n"
        "`ansible-inventory --list` of the same projects:\n\n"
        + table(["inventory", "seconds", "above an empty one", "requests"], listed),
        (goal(seconds <= PROTOTYPE, text), goal(above <= PROTOTYPE_INVENTORY, of_inventory)),
    )
