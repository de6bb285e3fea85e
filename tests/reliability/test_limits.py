"""What Atlas limits: requests in a time are spread over it, and a project that is full says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.ratelimit import TokenBucket, parse_rate
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.reliability.children import HANG, Nursery, Run, options_for
from ansible_collections.cloudpeer.atlas.tests.reliability.matrix import WAYS
from ansible_collections.cloudpeer.atlas.tests.reliability.operations import add_peer, peers_of
from ansible_collections.cloudpeer.atlas.tests.support.harness import PEERING

Start = Callable[..., RunningEmulator]
SCALE = 8.0
ROOM = {"max_peers": 100, "max_pending_peers": 100, "step_seconds": 3600}
CREATIONS = 50


def limited(start: Start, rate: str) -> RunningEmulator:
    """Start an emulator with a bucket whose time goes by as fast as that of the runs."""
    emulator = start(rate_limit=rate, **ROOM)
    emulator._buckets[emulator.settings.group_id] = TokenBucket(parse_rate(rate), lambda: time.monotonic() * SCALE)
    return emulator


def creations(emulator: RunningEmulator, count: int) -> list[dict[str, Any]]:
    """Return the options of connections that have nothing in common."""
    return [
        options_for(
            emulator,
            vpc_id=f"vpc-0a1b2c3d4e5f6{number:04d}",
            aws_account_id="123456789012",
            route_table_cidr_block=f"10.{number + 10}.0.0/16",
            container_id=emulator.project.first_container_id,
            accepter_region_name="us-east-1",
            # So long that no machine is too busy.
            timeout=HANG * SCALE,
            retries=10,
        )
        for number in range(count)
    ]


def statuses(emulator: RunningEmulator) -> list[int]:
    return [entry["status"] for entry in emulator.requests.entries()]


def test_fifty_creations_heed_a_bucket_before_it_is_empty(nursery: Nursery, start: Start) -> None:
    emulator = limited(start, "10/10")
    first, *more = creations(emulator, CREATIONS)
    run = Run("atlas_vpc_peer", first, "in process", tuple(more), scale=SCALE)
    ran = nursery.run(run)
    assert [one["msg"] for one in ran.results if one["failed"]] == []
    assert [one["changed"] for one in ran.results] == [True] * CREATIONS
    assert len(emulator.project.list_peers()) == CREATIONS
    assert statuses(emulator).count(429) <= 2
    # A hundred requests at ten a second, of which ten are there at once: longer pauses would help nobody.
    assert sum(ran.pauses) <= 10


def test_fifty_runs_at_once_share_a_bucket_of_ten_and_end_well(nursery: Nursery, start: Start) -> None:
    emulator = limited(start, "10/10")
    wanted = [Run("atlas_vpc_peer", options, scale=SCALE) for options in creations(emulator, CREATIONS)]
    ran = nursery.run_all(wanted)
    assert [one.msg for one in ran if one.failed] == []
    assert len(emulator.project.list_peers()) == CREATIONS
    assert sum(status == 200 or status == 201 for status in statuses(emulator)) == 2 * CREATIONS


@pytest.mark.parametrize("way", WAYS)
def test_a_limit_that_lasts_longer_than_the_retries_is_named(way: str, nursery: Nursery, start: Start) -> None:
    emulator = start(rate_limit="1/1/3600")
    ran = nursery.run(Run("atlas_vpc_peer", options_for(emulator, **PEERING), way))
    assert ran.failed
    assert not ran.changed
    assert "HTTP 429" in ran.msg
    assert "retries" in ran.msg
    assert peers_of(emulator) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("limit", "settings"), [("25", {}), ("50", {"max_pending_peers": 50})], ids=["pending", "all"])
def test_a_project_that_is_full_says_its_limit(
    limit: str, settings: dict[str, int], way: str, nursery: Nursery, start: Start
) -> None:
    emulator = start(step_seconds=3600, **settings)
    with emulator.project.now() as project:
        for number in range(int(limit)):
            add_peer(project, f"vpc-0a1b2c3d4e5f6{number:04d}", f"10.{number + 50}.0.0/16")
    ran = nursery.run(Run("atlas_vpc_peer", options_for(emulator, **PEERING), way))
    assert ran.failed
    assert not ran.changed
    assert "PEER_MAXIMUM_REACHED" in ran.msg
    assert limit in ran.msg
    assert peers_of(emulator) == []
    assert [entry["method"] for entry in emulator.requests.entries()].count("POST") == 1
