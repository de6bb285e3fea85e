"""A set in trouble: whichever of its requests goes wrong, on one connection or on eight, the others are done, nothing is made
twice, the result tells the truth, and the next run goes on from there."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import parse_rules
from ansible_collections.cloudpeer.atlas.tests.emulator.ratelimit import TokenBucket, parse_rate
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator, running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.reliability.children import HANG, Nursery, Ran, Run, options_for
from ansible_collections.cloudpeer.atlas.tests.reliability.matrix import FAULTS, SLOW, took_effect
from ansible_collections.cloudpeer.atlas.tests.reliability.operations import OPERATIONS, SET, prepared, set_of
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from ansible_collections.cloudpeer.atlas.tests.support.sets import block, check, entries, entry

Start = Callable[..., RunningEmulator]
MODULE = "atlas_vpc_peers"
COUNT = 5
#: Which of the creations goes wrong.
POSITIONS = {"first": 0, "middle": COUNT // 2, "last": COUNT - 1}
CONNECTIONS = (1, 8)
Cell = tuple[str, int, bool]
#: The position, the connections, and whether it goes on for ever.
CELLS: list[Cell] = [(where, parallel, lasts) for where in POSITIONS for parallel in CONNECTIONS for lasts in (False, True)]
#: Those that keep a request waiting need somebody who ends it; the other matrix has them.
TRIED = [name for name, fault in FAULTS.items() if fault.kind not in (*SLOW, "moving_page")]
#: Those that are tried every time: a request that is lost, a reply, and a refusal.
USUAL = ("close", "lost reply", "page with 403")
assert {*USUAL} <= {*TRIED}


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[Cell, RunningEmulator]]:
    """An emulator for each cell, so that all of them can be tried at once."""
    with ExitStack() as stack:
        started = {cell: stack.enter_context(running(Settings(step_seconds=3600))) for cell in CELLS}
        yield started
        for emulator in started.values():
            # All at once: each takes a while to end.
            emulator._server.end()


def run_of(emulator: RunningEmulator, peers: list[dict[str, Any]], way: str = "in process", **options: Any) -> Run:
    """Return a run of a list; pauses for the rate do not last long."""
    return Run(MODULE, options_for(emulator, peers=peers, **{"wait_timeout": 20, **options}), way)


def counted(emulator: RunningEmulator) -> Counter[str]:
    """Return how often each VPC is connected."""
    return Counter(vpc for vpc, unused in set_of(emulator))


def writes(emulator: RunningEmulator) -> int:
    return sum(took_effect(one) for one in emulator.requests.entries())


def problems(name: str, cell: Cell, ran: Ran, emulator: RunningEmulator) -> Iterator[str]:
    """Tell what is wrong with a cell."""
    fault, (where, _connections, lasts) = FAULTS[name], cell
    result = ran.outcome
    done = Done(result, [])
    check(done, COUNT)
    if max(counted(emulator).values(), default=0) > 1:
        yield "made twice"
    if "exception" in result:
        yield f"not a clean failure: {result['exception']}"
    failed = done.failures
    for index, peer in enumerate(result["vpc_peers"]):
        there = counted(emulator)[entry(index)["vpc_id"]]
        if (index not in failed) != (peer["id"] is not None) or (peer["id"] is not None and not there):
            yield f"entry {index} is told as {peer}, and {there} are there"
    if bool(writes(emulator)) != ran.changed and not (ran.failed and ran.changed):
        yield f"changed is {ran.changed}, and {writes(emulator)} writes took effect"
    if fault.cause and failed and not all(re.search(fault.cause, one) for one in failed.values()):
        yield f"a message does not say {fault.cause!r}: {failed}"
    must = fault.cause is None or fault.applied or (fault.passes and not lasts)
    if ran.failed and must:
        yield f"failed: {ran.msg}"
    most = COUNT - POSITIONS[where] if lasts else 1
    if len(failed) > most:
        yield f"{len(failed)} failed of at most {most}"


@pytest.mark.parametrize("name", [one if one in USUAL else pytest.param(one, marks=pytest.mark.full) for one in TRIED])
def test_a_fault_concerns_the_request_that_it_hits(name: str, nursery: Nursery, servers: dict[Cell, RunningEmulator]) -> None:
    for cell, emulator in servers.items():
        where, unused, lasts = cell
        prepared(emulator, OPERATIONS["create"])
        rule = {"method": "POST", "authenticated": True, "skip": POSITIONS[where], "fault": FAULTS[name].to_json()}
        emulator.faults.add(parse_rules(rule if lasts else {**rule, "times": 1}))
    found: list[str] = []
    wanted = [run_of(servers[cell], entries(COUNT), parallel=cell[1]) for cell in CELLS]
    for cell, ran in zip(CELLS, nursery.run_all(wanted)):
        happened = servers[cell].faults.to_json()[0]["happened"] or FAULTS[name].kind == "stale_nonce"
        found += [f"{cell}: {one}" for one in problems(name, cell, ran, servers[cell])]
        found += [] if happened else [f"{cell}: the fault did not happen"]
        servers[cell].faults.clear()
    for cell, again in zip(CELLS, nursery.run_all(wanted)):
        if again.failed or writes(servers[cell]) != COUNT or set(counted(servers[cell]).values()) != {1}:
            found.append(f"{cell}: the next run: {again.msg}, {writes(servers[cell])} writes")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("latency_ms", [20, pytest.param(0, marks=pytest.mark.full)])
def test_the_same_list_several_times_at_once_is_made_once(latency_ms: int, nursery: Nursery, start: Start) -> None:
    emulator = start(latency_ms=latency_ms, step_seconds=3600)
    ran = nursery.run_all([run_of(emulator, entries(8), parallel=4, timeout=30) for unused in range(4)])
    assert [one.msg for one in ran if one.failed] == []
    assert set(counted(emulator).values()) == {1}
    assert writes(emulator) == 8 == sum(one.outcome["summary"]["created"] for one in ran)


@pytest.mark.parametrize("prune", [True, pytest.param(False, marks=pytest.mark.full)])
def test_a_list_and_single_tasks_at_once_end_well(prune: bool, nursery: Nursery, start: Start) -> None:
    emulator = start(latency_ms=20, step_seconds=3600)
    singles = [Run("atlas_vpc_peer", options_for(emulator, timeout=30, **entry(number)), "in process") for number in range(4)]
    whole = run_of(emulator, entries(6), parallel=4, timeout=30, prune=prune, max_deletions=50)
    ran = nursery.run_all([whole, *singles])
    assert [one.msg for one in ran if one.failed] == []
    assert set_of(emulator) == sorted((one["vpc_id"], one["route_table_cidr_block"]) for one in entries(6))
    assert writes(emulator) == 6


def test_lists_that_want_different_blocks_say_what_they_met(nursery: Nursery, start: Start) -> None:
    emulator = start(latency_ms=20, step_seconds=3600)
    other = [entry(number, route_table_cidr_block=block(number + 20)) for number in range(6)]
    ran = nursery.run_all([run_of(emulator, peers, parallel=4, timeout=30) for peers in (entries(6), other)])
    assert set(counted(emulator).values()) == {1}
    for one in ran:
        check(Done(one.outcome, []), 6)
        assert one.outcome["summary"]["failed"] or not one.failed


@pytest.mark.parametrize("parallel", [16, pytest.param(4, marks=pytest.mark.full)])
def test_fifty_creations_under_a_small_bucket_lose_none(parallel: int, nursery: Nursery, start: Start) -> None:
    scale = 20.0
    emulator = start(rate_limit="10/2", max_pending_peers=50, step_seconds=3600)
    emulator._buckets[emulator.settings.group_id] = TokenBucket(parse_rate("10/2"), lambda: time.monotonic() * scale)
    many = [entry(number, route_table_cidr_block=f"10.{number}.0.0/16") for number in range(50)]
    options = options_for(emulator, peers=many, parallel=parallel, timeout=int(HANG * scale), retries=0)
    ran = nursery.run(Run(MODULE, options, "in process", scale=scale))
    assert not ran.failed, ran.msg
    assert len(set_of(emulator)) == 50 == ran.outcome["summary"]["created"]


def test_a_nonce_for_one_connection_costs_challenges_alone(nursery: Nursery, start: Start) -> None:
    emulator = start(nonce_per_connection=True, step_seconds=3600)
    ran = nursery.run(run_of(emulator, entries(12), parallel=8))
    assert not ran.failed, ran.msg
    assert ran.outcome["summary"]["created"] == 12 == writes(emulator)


@pytest.mark.parametrize("parallel", CONNECTIONS)
def test_a_list_killed_anywhere_is_put_right_by_the_next_run(parallel: int, nursery: Nursery, start: Start) -> None:
    emulator = start(step_seconds=3600)
    for number in range(3, 9, 1 if parallel > 1 else 3):
        prepared(emulator, OPERATIONS["set"])
        wanted = OPERATIONS["set"].options
        options = options_for(emulator, **{**wanted, "parallel": parallel})
        killed = nursery.run(Run(MODULE, options, "in process", die=(number, "sent")))
        again = nursery.run(Run(MODULE, options, "in process"))
        assert not again.failed, f"killed at {number}: {again.msg} {killed.output}"
        assert OPERATIONS["set"].is_there(emulator)
        assert max(counted(emulator).values()) == 1
    assert len(SET) == len(set_of(emulator))
