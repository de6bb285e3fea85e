"""Runs that meet, and runs that are killed: each ends well or says what it met, and the next one puts right what is left."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.reliability.children import HANG, Nursery, Ran, Run, options_for
from ansible_collections.cloudpeer.atlas.tests.reliability.matrix import WAYS, took_effect
from ansible_collections.cloudpeer.atlas.tests.reliability.operations import (
    ENTRY,
    OPERATIONS,
    OTHER,
    REGION,
    entries_of,
    networks_of,
    peers_of,
    prepared,
    regions_of,
)
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, CIDR, PAIR, PEERING, VPC
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun, PlaybookRunner, until

Start = Callable[..., RunningEmulator]
AT_ONCE = 20
#: Milliseconds for each request: with none they nearly come one after the other, with many all have looked before one acts.
LATENCIES = (0, 5, 60)
slowly = pytest.mark.parametrize(
    "latency_ms", [*(pytest.param(one, marks=pytest.mark.full) for one in LATENCIES[:-1]), LATENCIES[-1]], ids=str
)

# The option's value is there when the command ends: all of them begin at once.
PLAYBOOK = f"""
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Peer
      cloudpeer.atlas.atlas_vpc_peer:
        vpc_id: {VPC}
        aws_account_id: "{ACCOUNT}"
        route_table_cidr_block: "{{{{ lookup('ansible.builtin.pipe', barrier) }}}}"
"""


def race(nursery: Nursery, emulator: RunningEmulator, module: str, options: Sequence[dict[str, Any]]) -> list[Ran]:
    """Do twenty runs at once, each with the next of the options, and one in each way after the other."""
    start = time.time() + 0.3
    wanted = [
        Run(module, options_for(emulator, timeout=HANG, **options[number % len(options)]), WAYS[number // 2 % 2], start=start)
        for number in range(AT_ONCE)
    ]
    ran = nursery.run_all(wanted)
    assert not any(one.overdue or "Traceback" in one.msg for one in ran)
    return ran


def writes(emulator: RunningEmulator) -> int:
    return sum(took_effect(entry) for entry in emulator.requests.entries())


@slowly
def test_twenty_runs_for_one_pair_make_one_connection(latency_ms: int, nursery: Nursery, start: Start) -> None:
    emulator = start(latency_ms=latency_ms)
    ran = race(nursery, emulator, "atlas_vpc_peer", [PEERING])
    assert [one.msg for one in ran if one.failed] == []
    assert [one["routeTableCidrBlock"] for one in peers_of(emulator)] == [CIDR]
    assert {one.outcome["vpc_peer"]["id"] for one in ran} == {peers_of(emulator)[0]["id"]}
    assert (writes(emulator), sum(one.changed for one in ran)) == (1, 1)


@slowly
@pytest.mark.parametrize(("name", "cloud"), [("create on AZURE", "AZURE"), ("create on GCP", "GCP")])
def test_twenty_runs_for_one_network_make_one_connection(
    name: str, cloud: str, latency_ms: int, nursery: Nursery, start: Start
) -> None:
    emulator, operation = start(latency_ms=latency_ms), OPERATIONS[name]
    with emulator.project.now() as project:
        operation.prepare(project)
    ran = race(nursery, emulator, operation.module, [operation.options])
    assert [one.msg for one in ran if one.failed] == []
    assert (operation.is_there(emulator), len(networks_of(emulator, cloud))) == (True, 1)
    assert len({one.outcome["vpc_peer"]["id"] for one in ran}) == 1
    assert (writes(emulator), sum(one.changed for one in ran)) == (1, 1)


@slowly
def test_twenty_runs_for_one_region_make_one_container(latency_ms: int, nursery: Nursery, start: Start) -> None:
    emulator = start(latency_ms=latency_ms)
    ran = race(nursery, emulator, "atlas_network_container", [{"region_name": REGION, "atlas_cidr_block": "172.20.0.0/21"}])
    assert [one.msg for one in ran if one.failed] == []
    assert len(regions_of(emulator)) == 1
    assert (writes(emulator), sum(one.changed for one in ran)) == (1, 1)


@slowly
def test_twenty_runs_that_allow_one_block_end_well(latency_ms: int, nursery: Nursery, start: Start) -> None:
    emulator = start(latency_ms=latency_ms)
    ran = race(nursery, emulator, "atlas_access_list", [{"entries": [ENTRY]}])
    assert [one.msg for one in ran if one.failed] == []
    assert entries_of(emulator) == {ENTRY["cidr_block"]: ENTRY["comment"]}
    # Atlas says to each that it was done: adding what is there replaces it.
    assert sum(one.changed for one in ran) == writes(emulator) >= 1


@slowly
@pytest.mark.parametrize("name", ["delete", "delete on GCP", "delete container", "remove access"])
def test_twenty_runs_that_remove_one_thing_end_well(name: str, latency_ms: int, nursery: Nursery, start: Start) -> None:
    emulator, operation = start(latency_ms=latency_ms), OPERATIONS[name]
    with emulator.project.now() as project:
        operation.prepare(project)
    ran = race(nursery, emulator, operation.module, [operation.options])
    assert [one.msg for one in ran if one.failed] == []
    assert operation.is_there(emulator)
    assert (writes(emulator), sum(one.changed for one in ran)) == (1, 1)


@slowly
def test_runs_that_want_different_blocks_say_what_they_met(latency_ms: int, nursery: Nursery, start: Start) -> None:
    emulator = start(latency_ms=latency_ms)
    wanted = [PEERING, {**PEERING, "route_table_cidr_block": OTHER}]
    ran = race(nursery, emulator, "atlas_vpc_peer", wanted)
    peers = peers_of(emulator)
    assert [one["routeTableCidrBlock"] in (CIDR, OTHER) for one in peers] == [True]
    for number, one in enumerate(ran):
        block = wanted[number % 2]["route_table_cidr_block"]
        if one.failed:
            assert one.outcome["error_code"] in one.msg
        else:
            assert one.outcome["vpc_peer"]["route_table_cidr_block"] == block
    assert sum(one.changed for one in ran) == writes(emulator) >= 1


@slowly
def test_runs_that_want_it_there_and_gone_leave_one_or_none(latency_ms: int, nursery: Nursery, start: Start) -> None:
    emulator = start(latency_ms=latency_ms)
    ran = race(nursery, emulator, "atlas_vpc_peer", [PEERING, {**PAIR, "state": "absent"}])
    assert len(peers_of(emulator)) <= 1
    for one in ran:
        assert not one.failed, one.msg


@pytest.mark.full
def test_twenty_real_playbooks_at_once_make_one_connection(start: Start, tmp_path: Path) -> None:
    emulator = start(latency_ms=20)
    ready, go = tmp_path / "ready", tmp_path / "go"
    ready.mkdir()
    os.mkfifo(go)
    folders = [tmp_path / str(number) for number in range(AT_ONCE)]
    for folder in folders:
        folder.mkdir()

    def run(folder: Path) -> PlaybookRun:
        # Opening a pipe to read from it takes until somebody opens it to write.
        barrier = f"touch '{ready}/{folder.name}'; : < '{go}'; echo {CIDR}"
        return PlaybookRunner(folder)(PLAYBOOK, emulator, "-e", json.dumps({"barrier": barrier}), way=None)

    # Twenty of them leave no time to other tests, unless they take what those do not want; on Linux, priorities are a thread's.
    with ThreadPoolExecutor(AT_ONCE, initializer=os.nice, initargs=(4,)) as pool:
        running = [pool.submit(run, folder) for folder in folders]
        until(lambda: len(list(ready.iterdir())) == AT_ONCE or any(one.done() for one in running), seconds=HANG)
        with open(go, "r+b", buffering=0):
            runs = [one.result() for one in running]
    assert len(peers_of(emulator)) == 1
    assert {one.result["vpc_peer"]["id"] for one in runs} == {peers_of(emulator)[0]["id"]}
    assert (writes(emulator), sum(bool(one.result["changed"]) for one in runs)) == (1, 1)
    # They did meet: more than one was told that there is no connection yet.
    assert [entry["method"] for entry in emulator.requests.entries()].count("POST") > 1


#: Whether the request is on its way when the process dies, or its reply has come.
MOMENTS = ("sent", "answered")
KILLED = (
    "create",
    "update",
    "recreate",
    "delete",
    "wait until gone",
    "create on AZURE",
    "replace on AZURE",
    "create on GCP",
    "delete on GCP",
    "create container",
    "delete container",
    "create container on GCP",
    "delete container on AZURE",
    "add access",
    "remove access",
    "prune access",
    "set",
)
#: The others take long, and rarely fail where these, and the table of faults, do not.
USUAL = ("recreate", "set")


def _settle(emulator: RunningEmulator, number: int) -> None:
    """Wait until a request that nobody waits for is dealt with."""
    until(lambda: len(emulator.requests.entries()) >= number, HANG)


def requests_of(name: str, nursery: Nursery, emulator: RunningEmulator) -> int:
    """Return how many requests an operation makes when nobody kills it."""
    prepared(emulator, OPERATIONS[name])
    assert not nursery.run(Run(OPERATIONS[name].module, options_for(emulator, **OPERATIONS[name].options))).failed
    return len(emulator.requests.entries())


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", [one if one in USUAL else pytest.param(one, marks=pytest.mark.full) for one in KILLED])
def test_the_run_after_a_kill_at_any_request_ends_well(
    name: str, moment: str, nursery: Nursery, emulators: dict[str, RunningEmulator]
) -> None:
    operation, emulator = OPERATIONS[name], emulators[name]
    total = requests_of(name, nursery, emulator)
    assert total >= 3
    for number in range(1, total + 1):
        prepared(emulator, operation)
        options = options_for(emulator, **operation.options)
        killed = nursery.run(Run(operation.module, options, die=(number, moment)))
        assert killed.results == [], f"it was to die at request {number}"
        _settle(emulator, number)
        done_before = sum(took_effect(entry) for entry in emulator.requests.entries())
        again = nursery.run(Run(operation.module, options))
        assert not again.failed, f"killed at {number}: {again.msg}"
        assert operation.is_there(emulator), f"killed at {number}"
        done = sum(took_effect(entry) for entry in emulator.requests.entries())
        assert done == operation.writes, f"killed at {number}: {done} writes took effect"
        assert again.changed == (done > done_before), f"killed at {number}"
        assert len(peers_of(emulator)) <= 1


def test_the_late_request_of_a_dead_run_makes_no_second(nursery: Nursery, emulators: dict[str, RunningEmulator]) -> None:
    operation, emulator = OPERATIONS["create"], emulators["create"]
    total = requests_of("create", nursery, emulator)
    for number in range(1, total + 1):
        prepared(emulator, operation)
        options = options_for(emulator, **operation.options)
        # The reply does not come, the process dies with it, and the next one does not wait.
        nursery.run(Run(operation.module, options, die=(number, "sent")))
        assert not nursery.run(Run(operation.module, options)).failed
        _settle(emulator, number)
        assert len(peers_of(emulator)) == 1
