# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The trials: playbooks that run against an emulator in a process of its own, and what was measured of them."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from requests.auth import HTTPDigestAuth

# Importing it makes the checkout importable as a collection.
from tests.conftest import COLLECTIONS_PATH, ROOT  # isort: skip
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.clients import POOL
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.execute import execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer import OPERATION
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.runner import environment

HERE = Path(__file__).resolve().parent
assert COLLECTIONS_PATH.is_dir()

#: Each way to do it: its playbook, and the variable that chooses how our tasks run.
WAYS = {"in process": ("ours", "true"), "module": ("ours", "false"), "uri": ("uri", "true"), "debug": ("debug", "true")}


@dataclass(frozen=True)
class Atlas:
    """An emulator that runs, with as much of it as the environment of a playbook needs."""

    settings: Settings
    base_url: str
    container_id: str


@dataclass(frozen=True)
class Measurement:
    """What one way of doing something for a number of peers took, in the median of the repeats."""

    seconds: float
    requests: int
    connections: int


@dataclass(frozen=True)
class Trial:
    """One way for one number of items, with a measurement for each tag in its playbook, and the peaks of memory in MiB."""

    measurements: dict[str, Measurement]
    controller: float
    child: float


@contextlib.contextmanager
def emulator(latency_ms: float = 0, step_seconds: float = 1000) -> Iterator[Atlas]:
    """Run an emulator in a process of its own, so that it shares Python with nothing that is measured."""
    options = {"port": 0, "latency-ms": latency_ms, "step-seconds": step_seconds, "max-peers": 5000, "max-pending-peers": 5000}
    command = [sys.executable, "-m", "tests.emulator", *(f"--{name}={value}" for name, value in options.items())]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield Atlas(Settings(), ready["base_url"], ready["container_id"])
        finally:
            process.terminate()


def peers(number: int, different: int | None = None) -> list[dict[str, str]]:
    """Return that many peers, in turns of so many different ones."""
    indices = [index % (different or number) for index in range(number)]
    return [{"vpc_id": f"vpc-0a1b2c3d4e5f{i:05x}", "cidr_block": f"10.{i // 256}.{i % 256}.0/24"} for i in indices]


def run_trial(atlas: Atlas, way: str, items: list[dict[str, str]], repeats: int) -> Trial:
    """Run the playbook of a way, so many times in one Ansible, and return the medians."""
    name, in_process = WAYS[way]
    variables = {"peers": items, "container_id": atlas.container_id, "atlas_in_process": in_process}
    with tempfile.TemporaryDirectory(prefix="cloudpeer-atlas-bench-") as folder:
        with playbook(Path(folder), atlas, name, variables, repeats) as process:
            output = process.communicate()[0]
        assert process.returncode == 0, output
        lines = read_lines(Path(folder))
    memory = next(line for line in reversed(lines) if line["tag"] == "memory")
    ended = [line for line in lines if "ended" in line]
    # A tag may span several tasks, which follow each other in each repeat.
    tags = {tag: [line for line in ended if line["tag"] == tag] for tag in dict.fromkeys(line["tag"] for line in ended)}
    measurements = {}
    for tag, found in tags.items():
        size = len(found) // repeats
        groups = [found[start : start + size] for start in range(0, len(found), size)]
        sums = {key: [sum(one[key] for one in group) for group in groups] for key in ("seconds", "requests", "connections")}
        counts = {(sums["requests"][i], sums["connections"][i]) for i in range(repeats)}
        assert len(counts) == 1, f"{way} sends now more and now less: {counts}"
        measurements[tag] = Measurement(statistics.median(sums["seconds"]), *counts.pop())
    return Trial(measurements, memory["controller"], memory["child"])


def own_growth(items: Sequence[int]) -> float:
    """Return the MiB by which a process grows from running our Task for the first to running it for the second number of items.

    Without Ansible around it, which keeps the result of every item.
    """
    page = os.sysconf("SC_PAGE_SIZE") / 2**20
    checker = ArgumentSpecValidator(OPERATION.argument_spec.options)
    sizes: list[float] = []
    with emulator() as atlas:
        settings = atlas.settings
        shared = {
            "group_id": settings.group_id,
            "public_key": settings.public_key,
            "private_key": settings.private_key,
            "base_url": atlas.base_url,
            "aws_account_id": "123456789012",
        }
        wanted = peers(items[1], items[0])
        for peer in wanted[: items[0]]:
            create_peer(atlas, peer)
        for number, peer in enumerate(wanted, start=1):
            options = {**shared, "vpc_id": peer["vpc_id"], "route_table_cidr_block": peer["cidr_block"]}
            outcome = execute(OPERATION, checker.validate(options).validated_parameters, check_mode=False)
            assert not outcome.failure, outcome.failure
            assert not outcome.changed
            if number in items:
                sizes.append(int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * page)
    POOL.close()
    return sizes[1] - sizes[0]


def waiting_delays(delays: Sequence[float]) -> dict[float, float]:
    """Return how many seconds pass from a change of status to the end of a task that waits for it.

    The tasks run at the same time: each of them sleeps nearly always.

    Args:
        delays: The seconds from a task's start to the change.
    """

    def measure(atlas: Atlas, peer_id: str, delay: float) -> float:
        with tempfile.TemporaryDirectory(prefix="cloudpeer-atlas-bench-") as folder:
            with playbook(Path(folder), atlas, "wait", {"peer_id": peer_id}) as process:
                while not (lines := read_lines(Path(folder))):
                    assert process.poll() is None, process.communicate()[0]
                    time.sleep(0.01)
                time.sleep(max(0, lines[0]["started"] + delay - time.monotonic()))
                changed = time.monotonic()
                with urllib.request.urlopen(
                    urllib.request.Request(f"{atlas.base_url}/emulator/peers/{peer_id}/accept", method="POST"), timeout=10
                ):
                    pass
                output = process.communicate()[0]
            assert process.returncode == 0, output
            return next(line["ended"] for line in read_lines(Path(folder)) if "ended" in line) - changed

    # With steps of no length, a peer waits for its acceptance at once, and is available at once after it.
    with emulator(step_seconds=0) as atlas, ThreadPoolExecutor(len(delays)) as threads:
        ids = [create_peer(atlas, peer) for peer in peers(len(delays))]
        found = [threads.submit(measure, atlas, peer_id, delay) for peer_id, delay in zip(ids, delays, strict=True)]
        return {delay: one.result() for delay, one in zip(delays, found, strict=True)}


def create_peer(atlas: Atlas, peer: dict[str, str]) -> str:
    """Create a peer without Ansible and return its id."""
    settings = atlas.settings
    reply = requests.post(
        f"{atlas.base_url}/api/atlas/v1.0/groups/{settings.group_id}/peers",
        json={
            "providerName": "AWS",
            "containerId": atlas.container_id,
            "accepterRegionName": "us-east-1",
            "awsAccountId": "123456789012",
            "vpcId": peer["vpc_id"],
            "routeTableCidrBlock": peer["cidr_block"],
        },
        auth=HTTPDigestAuth(settings.public_key, settings.private_key),
        timeout=10,
    )
    reply.raise_for_status()
    return str(reply.json()["id"])


def playbook(folder: Path, atlas: Atlas, name: str, variables: dict[str, Any], repeats: int = 1) -> subprocess.Popen[str]:
    """Start a playbook, so many times over in one Ansible."""
    (folder / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "ansible", "playbook", "-e", f"@{folder / 'variables.json'}"]
        + [str(HERE / "playbooks" / f"{name}.yml")] * repeats,
        cwd=ROOT,
        env={
            **environment(folder, atlas),  # type: ignore[arg-type] # it has what is read there
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "measure",
            "MEASURE_FILE": str(folder / "measured.jsonl"),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_lines(folder: Path) -> list[dict[str, Any]]:
    """Return what the callback plugin has written by now."""
    file = folder / "measured.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
