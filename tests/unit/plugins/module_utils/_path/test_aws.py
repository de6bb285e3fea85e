"""The customer's side in AWS for many connections: what is asked of AWS, planned, done, waited for, and what fails alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.path_site import ACCOUNTS, ATLAS_BLOCK, PathSite


@pytest.fixture
def site(make_path: Callable[..., PathSite]) -> PathSite:
    return make_path()


def requested(site: PathSite, number: int, accounts: int = 1, **options: Any) -> list[dict[str, Any]]:
    """Make VPCs with a request of Atlas for each, and return their entries as a team without Atlas writes them."""
    entries = site.make_vpcs(number, accounts, **options)
    connections = site.request(entries)
    return [
        {**entry, "connection_id": connection, "container_cidr_block": ATLAS_BLOCK}
        for entry, connection in zip(entries, connections, strict=True)
    ]


def run(site: PathSite, entries: list[dict[str, Any]], **options: Any) -> Any:
    """Run the half in AWS alone."""
    return site.run(connections=entries, **{"atlas": False, "group_id": None, **options})


def actions(done: Any, index: int) -> list[tuple[str, str]]:
    """Return what was done for an entry, in its order: the action and the kind."""
    return [(one["action"], one["kind"]) for one in done.result["peering"]["connections"][index]["actions"]]


READ = {"AssumeRole": 1, "GetCallerIdentity": 1, "DescribeVpcPeeringConnections": 1, "DescribeVpcs": 1, "DescribeRouteTables": 1}


def test_from_nothing_each_entry_costs_an_accept_and_a_route(site: PathSite) -> None:
    """Beside four requests an account, and at most five polls of it."""
    entries = requested(site, 10, 2)
    done = run(site, entries)
    assert (done.failed, done.changed) == (False, True), done.result
    assert site.connected == {one["vpc_id"] for one in entries}
    for account in ACCOUNTS[:2]:
        asked = site.to_account(account)
        polls = asked.pop("DescribeVpcPeeringConnections") - 1
        assert 1 <= polls <= 5
        writes = dict.fromkeys(("AcceptVpcPeeringConnection", "CreateRoute"), 5)
        assert asked == {"GetCallerIdentity": 1, "DescribeVpcs": 1, "DescribeRouteTables": 1, **writes}
    assert site.to_aws["AssumeRole"] == 2
    assert actions(done, 0) == [("accept", "connection"), ("create", "route")]


def test_nothing_to_do_costs_four_requests_an_account(site: PathSite) -> None:
    entries = requested(site, 6, 3)
    assert not run(site, entries).failed
    done = run(site, entries)
    assert (done.failed, done.changed, actions(done, 0)) == (False, False, [])
    assert site.to_aws == {action: 3 * times for action, times in READ.items()}
