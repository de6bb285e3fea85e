"""Replies that are lost: one look for all of them, and nothing is made twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.sets import LOOK, SetSite, azure, block, entries, entry, sending, vpc
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, Fault, Wire, page


def methods(atlas: SetSite) -> str:
    """Return the requests after the first look, a letter for each method."""
    return "".join(one["method"][0:2] + " " for one in atlas.emulator.requests.entries()[len(LOOK) :])


@pytest.mark.parametrize("parallel", [1, 8])
def test_all_that_are_lost_share_one_look(atlas: SetSite, parallel: int) -> None:
    atlas.fault("POST", "lost_reply", times=4)
    atlas.fault("POST", "close", times=4)
    done = atlas.apply(entries(12), parallel=parallel)
    assert (done.failed, done.sums, len(atlas.peers())) == (False, {"created": 12}, 12)
    assert (methods(atlas).count("GE"), methods(atlas).count("PO")) == (2, 16)


@pytest.mark.parametrize("lag", [1, 5])
def test_a_list_that_lags_behind_makes_nothing_twice(make_atlas: Callable[..., SetSite], lag: float) -> None:
    atlas = make_atlas(list_lag_seconds=lag, allow_duplicates=True)
    atlas.fault("POST", "lost_reply", skip=3)
    done = atlas.apply(entries(5), parallel=1)
    assert (done.failed, done.sums, len(atlas.there()), len(atlas.peers())) == (False, {"created": 5}, 5, 5)
    assert methods(atlas).count("PO") == 5


def test_a_lost_post_is_not_sent_again_while_the_list_lags(make_atlas: Callable[..., SetSite]) -> None:
    atlas = make_atlas(list_lag_seconds=100, allow_duplicates=True)
    atlas.fault("POST", "close", skip=4)
    done = atlas.apply(entries(5), parallel=1)
    assert (done.failed, len(atlas.emulator.project.list_peers())) == (False, 5)
    assert methods(atlas).count("PO") == 6


def test_a_removal_is_not_asked_for_again_while_the_list_lags(atlas: SetSite, wire: Wire) -> None:
    atlas.apply(entries(2), parallel=1)
    before = atlas.peers()
    wire.faults += [Fault("POST", DROP), *(Fault("GET", None) for unused in range(2)), Fault("GET", page(*before), times=2)]
    wire.requests.clear()
    done = atlas.apply([entry(0), entry(5)], prune=True, parallel=1)
    assert (done.failed, done.sums) == (False, {"created": 1, "unchanged": 1, "deleted": 1, "undeclared": 1})
    assert len(wire.sent("DELETE")) == 1


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("fault", [{"kind": "lost_reply", "times": 5}, {"kind": "html", "status": 200, "applied": True}])
def test_a_removal_in_doubt_is_no_removal_by_others(
    atlas: SetSite, clouds: dict[str, str], fault: dict[str, Any], wait: bool
) -> None:
    """The connection is replaced: it is read again, is leaving or gone, and the new one is created."""
    assert not atlas.apply([azure(0)], provider_name="AZURE", wait=True).failed
    atlas.fault("DELETE", **fault)
    wanted = azure(0, resource_group_name="other")
    done = atlas.apply([wanted], provider_name="AZURE", recreate="changed", wait=wait)
    assert (done.failed, done.sums) == (False, {"recreated": 1})
    assert [one["resourceGroupName"] for one in atlas.peers_of("AZURE")] == ["other"]


@pytest.mark.parametrize("fail_on", ["fail", "never"])
def test_a_failed_look_ends_the_task_and_leaves_the_lost_open(atlas: SetSite, fail_on: str) -> None:
    """With `never`, too: what is not about the list fails the task in any case."""
    atlas.fault("POST", "close")
    atlas.fault("GET", "status", status=403, skip=2, times=None)
    done = atlas.apply(entries(3), parallel=1, fail_on=fail_on)
    assert (done.failed, done.changed) == (True, True)
    assert "Failed to list the VPC peering connections" in done.msg
    assert done.sums == {"created": 2, "failed": 1}
    assert "Failed to create" in done.failures[0]


def test_somebody_who_creates_the_same_first_is_no_failure(make_atlas: Callable[..., SetSite]) -> None:
    atlas, others = make_atlas(), [0, 2]

    def send(real: Callable[[], Any]) -> Any:
        while others:
            number = others.pop()
            atlas.add_peer(vpcId=vpc(number), routeTableCidrBlock=block(number))
        return real()

    with sending(send):
        done = atlas.apply(entries(3), parallel=1)
    assert (done.failed, done.sums, len(atlas.peers())) == (False, {"created": 1, "unchanged": 2}, 3)
