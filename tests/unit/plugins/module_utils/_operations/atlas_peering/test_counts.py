"""How many requests both sides of many connections take, and what a part of them that fails leaves alone. Counts, never times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import RATES
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from ansible_collections.cloudpeer.atlas.tests.support.path_site import ACCOUNTS, ATLAS_BLOCK, AUTOMATION, PathSite

SIZE = 50
#: The reads of an account's region: its account, its connections, VPCs and route tables.
READ = {"GetCallerIdentity": 1, "DescribeVpcPeeringConnections": 1, "DescribeVpcs": 1, "DescribeRouteTables": 1}
READS = len(READ)
#: How often all that waits in one account may be asked about.
POLLS = 5

Make = Callable[..., PathSite]


def apply(site: PathSite, entries: list[dict[str, Any]], **options: Any) -> Done:
    """Run the task, which must succeed."""
    done = site.run(connections=entries, **options)
    assert not done.failed, done.msg
    return done


def vpcs(entries: list[dict[str, Any]]) -> set[str]:
    return {one["vpc_id"] for one in entries}


def failed(done: Done) -> set[int]:
    """Return the indexes of the entries that have failed."""
    return {index for one in done.result["failures"] for index in one.get("indexes") or [one["index"]]}


@pytest.mark.parametrize(
    ("size", "pending", "more", "named"),
    [
        pytest.param(SIZE, SIZE, 20, {}, marks=pytest.mark.full),
        pytest.param(SIZE, 25, 30, {"group_id": None}, marks=pytest.mark.full),
        (10, 5, 25, {"group_id": None}),
    ],
)
def test_from_nothing_and_back_takes_few_requests(
    make_path: Make, size: int, pending: int, more: int, named: dict[str, Any]
) -> None:
    site, per_account = make_path(max_pending_peers=pending), size // len(ACCOUNTS)
    entries = site.make_vpcs(size, accounts=len(ACCOUNTS), auth="keys")
    predicted = site.run(connections=entries, check_mode=True, **named)
    assert site.writes == []
    done = apply(site, entries, **named)
    assert site.connected == vpcs(entries)
    assert done.result["peering"]["connections"][0]["actions"] == predicted.result["peering"]["connections"][0]["actions"]
    assert site.to_atlas["POST peers"] >= size
    assert site.to_atlas["POST accessList"] == 1
    assert site.to_atlas.total() <= 2 * size + more
    assert site.challenges <= 3
    for account_id in ACCOUNTS:
        sent = site.to_account(account_id)
        assert sent["AcceptVpcPeeringConnection"] == sent["CreateRoute"] == per_account
        # Named after the project, if the task itself has that.
        assert sent["CreateTags"] == (0 if named else per_account)
        assert sent.total() - sent["CreateTags"] <= READS + 2 * per_account + POLLS, sent
    assert site.to_aws.total() == sum(site.to_account(one).total() for one in ACCOUNTS)

    done = apply(site, entries, **named)
    assert not done.changed
    assert site.to_atlas == {"GET peers": 1, "GET containers": 1, "GET accessList": 1}
    assert [site.to_account(one) for one in ACCOUNTS] == [READ] * len(ACCOUNTS)

    done = apply(site, entries, state="absent")
    assert done.changed
    assert site.connected == set()
    assert site.access_list == {}
    assert site.to_atlas.total() <= 2 * size + 10
    for account_id in ACCOUNTS:
        sent = site.to_account(account_id)
        assert sent["DeleteRoute"] == per_account
        assert sent.total() <= READS + 2 * per_account, sent


def test_nothing_to_do_on_three_clouds_takes_a_list_a_cloud(make_path: Make) -> None:
    site = make_path(with_clouds=True)
    entries = [*site.make_vpcs(2, accounts=2), *site.make_vnets(2), *site.make_networks(2)]
    apply(site, entries)
    assert not apply(site, entries).changed
    assert site.to_atlas == {"GET peers": 3, "GET containers": 1, "GET accessList": 1}
    assert site.to_account(AUTOMATION) == {"AssumeRole": 2}
    assert [site.to_account(one) for one in ACCOUNTS[:2]] == [READ] * 2
    assert site.to_gcp["GET networks"] == 1
    assert site.writes == []


def test_dns_takes_two_requests_a_vpc_and_groups_one_in_all(make_path: Make) -> None:
    site = make_path()
    entries = site.make_vpcs(3, auth="keys")
    apply(site, entries)
    assert not apply(site, entries, dns="warn").changed
    assert site.to_account(ACCOUNTS[0]).total() == READS + 2 * len(entries)
    ec2 = site.accounts[ACCOUNTS[0]].ec2()
    for entry in entries:
        (group,) = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [entry["vpc_id"]]}])["SecurityGroups"]
        entry["aws_security_group"] = group["GroupId"]
    apply(site, entries)
    assert not apply(site, entries).changed
    assert site.to_account(ACCOUNTS[0]) - Counter({"DescribeSecurityGroups": 1}) == READ


def test_more_than_200_vpcs_are_read_in_parts(make_path: Make) -> None:
    site = make_path()
    entries = site.make_vpcs(205, auth="keys")
    connections = site.request(entries)
    site.aws.connect(dict.fromkeys(connections[1:], ACCOUNTS[0]), ATLAS_BLOCK)
    half = [{**entry, "connection_id": one} for entry, one in zip(entries, connections, strict=True)]
    options = {"atlas": False, "container_cidr_block": ATLAS_BLOCK, "group_id": None}
    assert apply(site, half, **options).result["summary"]["changed"] == 1
    assert site.connected == vpcs(entries)
    assert not site.to_atlas
    sent = site.to_account(ACCOUNTS[0])
    assert (sent["DescribeVpcs"], sent["DescribeRouteTables"]) == (2, 2)
    assert sent["AcceptVpcPeeringConnection"] == sent["CreateRoute"] == 1


@pytest.mark.full
def test_many_routes_in_one_account_take_as_long_as_aws_wants(make_path: Make) -> None:
    site = make_path()
    entries = site.make_vpcs(SIZE, auth="keys")
    for one in entries:
        site.add_tables(one, 2)
    site.front.limits = dict(RATES)
    started = site.clock()
    apply(site, entries)
    assert site.connected == vpcs(entries)
    at_once, a_second = RATES["*Route"]
    assert site.clock() - started >= (3 * SIZE - at_once) / a_second
    # A refusal pauses and halves; it is not asked again and again.
    assert site.to_aws["CreateRoute"] <= 1.5 * 3 * SIZE


# Two entries in the first of five accounts, and one in each of the others.
UNEVEN = len(ACCOUNTS) + 1


def test_an_account_that_cannot_be_read_refuses_all(make_path: Make) -> None:
    site = make_path()
    entries = site.make_vpcs(UNEVEN, accounts=len(ACCOUNTS))
    site.front.deny(ACCOUNTS[0], "Describe*")
    before = site.state()
    done = site.run(connections=entries)
    assert done.failed
    assert not done.changed
    assert site.state() == before
    assert site.writes == []
    assert done.result["peering"] is None
    assert failed(done) == {0, UNEVEN - 1}
    assert done.result["failures"][0]["step"] == "read"
    assert done.result["failures"][0]["error_code"] == "UnauthorizedOperation"


@pytest.mark.parametrize("fail_on", ["fail", "never"])
@pytest.mark.parametrize("listed", ["containers/all", "peers?", "accessList?"])
def test_a_list_in_atlas_that_cannot_be_read_refuses_all(make_path: Make, listed: str, fail_on: str) -> None:
    """What is not about the list fails the task in any case."""
    site = make_path()
    entries = site.make_vpcs(2, accounts=2)
    before = site.state()
    site.fault("GET", "status", path=f"*/{listed}*", status=403)
    done = site.run(connections=entries, fail_on=fail_on)
    assert done.failed
    assert (site.state(), site.writes, done.changed, done.result["peering"]) == (before, [], False, None)
    assert [(one["step"], one["index"], one["http_status"]) for one in done.result["failures"]] == [("read", None, 403)]


@pytest.mark.parametrize("action", [pytest.param("AcceptVpcPeeringConnection", marks=pytest.mark.full), "CreateRoute"])
def test_an_account_without_the_right_to_write_fails_alone(make_path: Make, action: str) -> None:
    site = make_path()
    entries = site.make_vpcs(UNEVEN, accounts=len(ACCOUNTS))
    site.front.deny(ACCOUNTS[0], action)
    done = site.run(connections=entries)
    assert done.failed
    assert done.changed
    assert failed(done) == {0, UNEVEN - 1}
    # AWS drops what is not accepted; what is accepted can wait.
    assert ("within seven days" in done.msg) == (action != "CreateRoute")
    # A cause that several entries have is one failure.
    assert len(done.result["failures"]) == 1
    assert site.connected == vpcs(entries[1:-1])
    site.front.rules.clear()
    apply(site, entries)
    assert site.connected == vpcs(entries)


def test_sixty_are_refused_before_anything_is_written(make_path: Make) -> None:
    site = make_path()
    entries = site.make_vpcs(60, accounts=len(ACCOUNTS))
    before = site.state()
    done = site.run(connections=entries)
    assert done.failed
    assert "50" in done.msg
    assert site.state() == before
    assert site.writes == []
