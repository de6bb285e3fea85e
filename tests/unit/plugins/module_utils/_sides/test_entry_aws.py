"""The customer's side in AWS for many connections: what is asked of AWS, planned, done, waited for, and what fails alone."""

from __future__ import annotations

import math
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.session import AwsSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.pauses import DEADLINE
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import VpcPeers
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import denial
from ansible_collections.cloudpeer.atlas.tests.support.path_site import (
    ACCOUNTS,
    ATLAS_ACCOUNT,
    ATLAS_BLOCK,
    AUTOMATION,
    RULE,
    PathSite,
)
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP


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
    """Return what was done in AWS for an entry, in its order: the action and the kind."""
    found = done.result["peering"]["connections"][index]["actions"]
    return [(one["action"], one["kind"]) for one in found if one["side"] == "AWS"]


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


def routes_of(site: PathSite, entry: dict[str, Any]) -> dict[str, str]:
    """Return where the tables of an entry's VPC lead by peering connections, by block."""
    account = site.accounts[entry["aws_account_id"]]
    found: dict[str, str] = account.routes(entry["vpc_id"], entry["region"])
    return found


# What is asked


@pytest.mark.parametrize("auth", ["role", "rule"])
def test_a_role_is_assumed_once_for_all_regions(site: PathSite, auth: str) -> None:
    entries = [*site.make_vpcs(1, auth=auth, region="eu-west-1"), *site.make_vpcs(1, auth=auth, region="eu-west-2")]
    where = {"container_region": "us-east-1", "container_cidr_block": ATLAS_BLOCK}
    done = site.run(connections=entries, **where, aws_assume_role_arn=RULE, check_mode=True)
    assert not done.failed, done.result
    assert site.to_aws == {**{action: 2 * times for action, times in READ.items()}, "AssumeRole": 1}


def test_credentials_follow_from_the_account_of_an_entry(site: PathSite) -> None:
    """By the rule in three accounts, but for one that has a profile. The role of an entry is that of the rule in its account."""
    entries = [*site.make_vpcs(3, accounts=3, auth="rule"), *site.make_vpcs(1)]
    rule = {"aws_assume_role_arn": RULE, "aws_accounts": {int(ACCOUNTS[2]): {"profile": f"account-{ACCOUNTS[2]}"}}}
    done = site.run(connections=entries, **rule)
    assert not done.failed, done.msg
    assert site.connected == {one["vpc_id"] for one in entries}
    assert site.to_account(AUTOMATION) == {"AssumeRole": 2}
    # Atlas has this VPC in another account: that of the entry counts, and the message names the connection.
    done = site.run(connections=[{**entries[0], "aws_account_id": ACCOUNTS[3]}], **rule)
    assert not done.missing(f"({entries[0]['vpc_id']}, {ACCOUNTS[0]})", "Nothing was changed in project ")
    assert [one["RoleArn"] for one in site.front.requests if "RoleArn" in one] == [RULE.replace("{account}", ACCOUNTS[3])]
    # A profile that is not there is named by where the task has it.
    rule["aws_accounts"] = {ACCOUNTS[2]: {"profile": "nobody"}}
    done = site.run(connections=entries, **rule)
    assert not done.missing(
        "(nobody) could not be found", f"Correct aws_accounts.{ACCOUNTS[2]}.profile", "Nothing was changed in project "
    )


def test_a_role_that_is_refused_stops_the_list(site: PathSite) -> None:
    entries = site.make_vpcs(6, accounts=3, auth="rule")
    site.front.rule("AssumeRole", denial("AssumeRole"), times=1)
    done = site.run(connections=entries, aws_assume_role_arn=RULE)
    assert (done.changed, {*site.writes} - {"AssumeRole"}) == (False, set())
    assert not done.missing("(sts:AssumeRole: UnauthorizedOperation)", "Allow sts:AssumeRole", "Nothing was changed in project ")
    (failure,) = done.result["failures"]
    (account,) = {entries[index]["aws_account_id"] for index in failure["indexes"]}
    assert f"arn:aws:iam::{account}:role/peering" in failure["msg"]
    assert site.to_aws["AssumeRole"] == 3


@pytest.mark.parametrize(("number", "chunks"), [(200, 1), (201, 2)])
def test_more_than_200_ids_take_two_filters(site: PathSite, number: int, chunks: int) -> None:
    """Polls of so many connections have no filter. VPCs that AWS does not know are named, all in one failure."""
    (entry,) = requested(site, 1)
    others = [{**entry, "vpc_id": f"vpc-{index:08x}", "connection_id": f"pcx-{index:08x}"} for index in range(number - 1)]
    done = run(site, [entry, *others])
    assert site.to_aws == {**READ, "DescribeVpcs": chunks, "DescribeRouteTables": chunks}
    assert "pcx-00000000 is unknown in region us-east-1" in done.msg
    assert sorted(index for one in done.result["failures"] for index in one["indexes"] or [one["index"]]) == [*range(1, number)]


@pytest.mark.full
def test_300_entries_of_an_account_are_connected(site: PathSite) -> None:
    entries = requested(site, 300)
    done = run(site, entries)
    assert not done.failed, done.result
    assert len(site.connected) == 300
    asked = site.to_aws
    # One in the survey, and a poll whenever others have been accepted: the bucket spaces these.
    assert asked.pop("DescribeVpcPeeringConnections") < 100
    writes = {"AcceptVpcPeeringConnection": 300, "CreateRoute": 300}
    looks = {**READ, "DescribeVpcs": 2, "DescribeRouteTables": 2}
    assert asked == {**{name: times for name, times in looks.items() if name != "DescribeVpcPeeringConnections"}, **writes}


def test_a_region_that_only_atlas_knows_is_asked_of_it(site: PathSite) -> None:
    """That of the connection, or else that of the network container."""
    container_id = site.add_container("EU_WEST_1", "192.168.240.0/21")
    entries = [{**one, "region": None, "container_id": container_id} for one in site.make_vpcs(2, region="eu-west-1")]
    done = site.run(connections=entries)
    assert not done.failed, done.result
    assert {one["region"] for one in done.result["peering"]["connections"]} == {"eu-west-1"}
    assert {one.region for one in site.front.calls if one.service == "ec2"} == {"eu-west-1"}
    assert site.to_aws["DescribeVpcs"] == site.to_aws["AssumeRole"] == 1


def test_security_groups_and_dns_are_asked_where_options_do(site: PathSite) -> None:
    (entry, other) = requested(site, 2)
    account = site.accounts[entry["aws_account_id"]]
    group = account.ec2().create_security_group(GroupName="a", Description="d", VpcId=entry["vpc_id"])["GroupId"]
    entry["aws_security_group"] = f"999999999999/{group}"
    done = run(site, [entry, other], dns="enable", access_list=False)
    assert not done.failed, done.result
    asked = site.to_aws
    assert (asked["DescribeSecurityGroups"], asked["DescribeVpcAttribute"], asked["ModifyVpcAttribute"]) == (1, 4, 2)
    assert actions(done, 0) == [("accept", "connection"), ("enable", "attribute"), ("create", "route")]
    wrong = {**entry, "aws_security_group": "sg-0123456789abcdef0"}
    done = run(site, [wrong, other])
    assert "connections[0] (" in done.msg
    assert "The security group sg-0123456789abcdef0 is unknown" in done.msg
    assert "Correct aws_security_group." in done.msg
    assert site.front.writes == []


def test_entries_without_a_region_share_the_survey_of_others(site: PathSite) -> None:
    """So all of the same credentials wait for what Atlas knows."""
    entries = site.make_vpcs(4, 2)
    container = {"container_id": containers_of(site)[0]}
    entries = [{**one, **container, "region": one["region"] if index < 2 else None} for index, one in enumerate(entries)]
    done = site.run(connections=entries, check_mode=True)
    assert not done.failed, done.result
    assert site.to_aws == {action: 2 * times for action, times in READ.items()}


def containers_of(site: PathSite) -> list[str]:
    with site.emulator.project.now() as project:
        return [one.id for one in project.containers]


def test_absent_reads_what_atlas_has_first(site: PathSite) -> None:
    """The region and the block of each connection are Atlas's: the entries need neither."""
    entries = site.make_vpcs(4, 2)
    assert not site.run(connections=entries, container_region="us-east-1").failed
    bare = [{**one, "region": None, "cidr_block": None} for one in entries]
    done = site.run(connections=bare, state="absent")
    assert not done.failed, done.result
    looks = {action: 2 * times for action, times in READ.items()}
    assert site.to_aws == {**looks, "DescribeRouteTables": 2 + 4, "DeleteRoute": 4}
    assert [routes_of(site, one) for one in entries] == [{}] * 4
    # Without a connection and with the block of the container, AWS is asked whether routes lead to ended ones.
    done = site.run(connections=bare, state="absent")
    assert (done.failed, done.changed) == (False, False), done.result


# What is done


def test_tags_and_names_come_before_routes(site: PathSite) -> None:
    """A connection is named after the project only where the task itself names that."""
    entries = requested(site, 2)
    done = run(site, entries, group_id="5356823b3794dee37132bb7b", tags={"team": "data"})
    assert actions(done, 1) == [("accept", "connection"), ("tag", "connection"), ("create", "route")]
    tags = {key: value for found in site.front._tags.values() for key, value in found.items()}
    assert tags == {"team": "data", "Name": "atlas-5356823b3794dee37132bb7b"}


def test_a_project_of_the_environment_names_no_connection(site: PathSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", site.usual["group_id"])
    options = {"connections": site.make_vpcs(1), "container_region": "us-east-1", "container_cidr_block": ATLAS_BLOCK}
    done = site.run(**options, group_id=None)
    assert not done.failed, done.result
    assert site.to_aws["CreateTags"] == 0
    # One that the task gives by its name does.
    done = site.run(**options, group_id=None, project_name="emulator")
    assert actions(done, 0) == [("tag", "connection")]
    assert {"Name": f"atlas-{site.usual['group_id']}"} in site.front._tags.values()


def test_other_tags_are_purged_with_tags_alone(site: PathSite) -> None:
    options = {"connections": site.make_vpcs(1), "container_region": "us-east-1", "container_cidr_block": ATLAS_BLOCK}
    site.run(**options, tags={"team": "data", "old": "1"})
    assert actions(site.run(**options, purge_tags=True), 0) == []
    for check_mode in (True, False):
        done = site.run(**options, tags={"team": "data"}, purge_tags=True, check_mode=check_mode)
        assert actions(done, 0) == [("untag", "connection")]
    assert [*site.front._tags.values()] == [{"team": "data", "Name": f"atlas-{site.usual['group_id']}"}]
    assert actions(site.run(**options, tags={}, purge_tags=True), 0) == [("untag", "connection")]


def test_check_mode_predicts_as_many_actions(site: PathSite) -> None:
    """For connections and a container that do not exist yet, too, whose block Atlas chooses."""
    entries = site.make_vpcs(3, 2)
    site.add_tables(entries[0], 2)
    options = {"connections": entries, "container_region": "eu-west-1", "tags": {"team": "data"}}
    predicted = site.run(**options, check_mode=True)
    assert site.front.writes == []
    done = site.run(**options)
    assert (predicted.failed, done.failed) == (False, False), (predicted.result, done.result)
    for index in range(3):
        assert actions(predicted, index) == actions(done, index)
    assert actions(done, 0) == [("accept", "connection"), ("tag", "connection"), *[("create", "route")] * 3]
    assert actions(site.run(**options), 0) == []


@pytest.mark.parametrize("recreate", ["dead", "changed"])
def test_a_replaced_connection_gets_its_routes_again(site: PathSite, recreate: str) -> None:
    """Those that led to the former one, which is gone then; the new one's id is known only while the task runs."""
    entries = site.make_vpcs(2)
    options = {"connections": entries, "container_region": "us-east-1", "container_cidr_block": ATLAS_BLOCK}
    assert not site.run(**options).failed
    before = routes_of(site, entries[0])
    with site.emulator.project.now() as project:
        peer = next(one for one in project.peers if one.fields["vpcId"] == entries[0]["vpc_id"])
        peer.fields["accepterRegionName"] = "us-east-2" if recreate == "changed" else "us-east-1"
    if recreate == "dead":
        site.fail(peer.id)
        site.front.status[before[ATLAS_BLOCK]] = ("deleted", "")
    predicted = site.run(**options, recreate=recreate, check_mode=True)
    done = site.run(**options, recreate=recreate)
    assert not done.failed, done.result
    expected = [("accept", "connection"), ("tag", "connection"), ("replace", "route")]
    assert actions(predicted, 0) == actions(done, 0) == expected
    assert actions(done, 1) == []
    assert routes_of(site, entries[0])[ATLAS_BLOCK] not in before.values()


def test_absent_costs_a_look_and_a_removal_for_each_route(site: PathSite) -> None:
    entries = requested(site, 6, 2)
    site.add_tables(entries[0], 1)
    assert not run(site, entries).failed
    done = run(site, entries, state="absent")
    assert not done.failed, done.result
    assert [routes_of(site, one) for one in entries] == [{}] * 6
    looks = {action: 2 * times for action, times in READ.items()}
    assert site.to_aws == {**looks, "DescribeRouteTables": 2 + 7, "DeleteRoute": 7}
    assert actions(done, 0) == [("delete", "route")] * 2
    assert not run(site, entries, state="absent").changed


# What new routes take from others


WIDE, TGW = "192.168.0.0/16", "tgw-0123456789abcdef0"


def widen(site: PathSite, entry: dict[str, Any], number: int = 1) -> list[str]:
    """Give each table of an entry's VPC so many wider routes, to a transit gateway, and return the ids of the tables."""
    tables = [one.id for one in site.accounts[entry["aws_account_id"]].tables(entry["vpc_id"], entry["region"])]
    others = [{"destinationCidrBlock": f"10.0.{index}.0/24", "transitGatewayId": TGW} for index in range(number - 1)]
    for table in tables:
        site.front.routes[table] = [{"destinationCidrBlock": WIDE, "transitGatewayId": TGW}, *others]
    return tables


def idle_table(site: PathSite, entry: dict[str, Any]) -> str:
    """Make a route table that no subnet of an entry's VPC uses, and return its id."""
    return str(site.accounts[entry["aws_account_id"]].backend(entry["region"]).create_route_table(entry["vpc_id"]).id)


def said(done: Any) -> list[str]:
    return [one for one in done.warnings if "from now on" in one]


def test_a_wider_route_is_said_once_for_all_entries(site: PathSite) -> None:
    entries = site.make_vpcs(3, 2)
    tables = [table for one in entries[:2] for table in widen(site, one)]
    options = {"connections": entries, "container_region": "us-east-1", "container_cidr_block": ATLAS_BLOCK}
    expected = f"{ATLAS_BLOCK} is within {WIDE}, which goes to {TGW} in {', '.join(tables)}: from now on it goes to Atlas."
    for check_mode in (True, False):
        done = site.run(**options, check_mode=check_mode)
        assert (done.failed, said(done)) == (False, [expected]), done.result
        shown = [one["after"] for one in done.result["diff"] if "after" in one]
        assert sum(f"replaces: {WIDE} to {TGW}\n" in one for one in shown) == 2
    assert site.run(**options).warnings == []


def test_a_lost_route_is_no_second_warning(site: PathSite) -> None:
    (entry,) = requested(site, 1)
    site.add_tables(entry, 1)
    tables = widen(site, entry)
    site.lose("AWS", 0, "CreateRoute")
    done = run(site, [entry])
    (warning,) = said(done)
    assert (done.failed, ", ".join(tables) in warning) == (False, True)


def test_a_prefix_list_that_comes_meanwhile_is_read(site: PathSite) -> None:
    entries = requested(site, 2)
    account = site.accounts[entries[0]["aws_account_id"]]
    blocks = [{"Cidr": "10.99.0.0/16"}]
    made = account.ec2().create_managed_prefix_list(PrefixListName="x", MaxEntries=9, AddressFamily="IPv4", Entries=blocks)
    route = {"destinationPrefixListId": made["PrefixList"]["PrefixListId"], "transitGatewayId": "tgw-0123456789abcdef0"}
    tables = [one["RouteTableId"] for one in account.ec2().describe_route_tables()["RouteTables"]]
    site.front.rule(
        "CreateRoute", DROP, forward=False, times=1, before=lambda: site.front.routes.update({key: [route] for key in tables})
    )
    done = run(site, entries)
    assert (done.failed, len(site.connected)) == (False, 2), done.result
    assert site.to_aws["GetManagedPrefixListEntries"] == 1


@pytest.mark.parametrize("is_first", [True, False])
def test_for_a_new_container_atlas_s_default_is_assumed(site: PathSite, is_first: bool) -> None:
    """And where Atlas chooses another block, that is said when it is known."""
    (entry,) = site.make_vpcs(1)
    (table,) = widen(site, entry)
    if is_first:
        with site.emulator.project.now() as project:
            for one in [*project.containers]:
                project.containers.delete(one, [])
    options = {"connections": [entry], "container_region": "eu-west-1"}
    text = f"is within {WIDE}, which goes to {TGW} in {table}: from now on it goes to Atlas."
    assumed = f"{ATLAS_BLOCK} {text} Atlas has not chosen the block of the new network container yet: this assumes its default."
    foreseen = site.run(**options, check_mode=True)
    assert (foreseen.failed, said(foreseen)) == (False, [assumed]), foreseen.result
    assert f"replaces: {WIDE} to {TGW}, if Atlas chooses {ATLAS_BLOCK}" in str(foreseen.result["diff"])
    done = site.run(**options)
    assert not done.failed, done.result
    assert said(done) == [assumed, *([] if is_first else [f"192.168.240.0/21 {text}"])]


def test_a_list_that_is_refused_takes_nothing(site: PathSite) -> None:
    entries = requested(site, 2)
    widen(site, entries[0])
    done = run(site, [entries[0], {**entries[1], "vpc_id": "vpc-0a1b2c3d4e5f60001"}])
    assert (done.failed, said(done)) == (True, [])


def test_the_plan_says_what_it_does_to_others(site: PathSite) -> None:
    (entry, other) = requested(site, 2)
    account = site.accounts[entry["aws_account_id"]]
    (vpc_id,) = site.aws.make_vpcs(ATLAS_ACCOUNT, [ATLAS_BLOCK], "us-east-1")
    (live,) = site.aws.request(ATLAS_ACCOUNT, vpc_id, {entry["vpc_id"]: entry["aws_account_id"]}, "us-east-1")
    account.backend().accept_vpc_peering_connection(live)
    (main,) = [one.id for one in account.tables(entry["vpc_id"])]
    account.backend().create_route(main, ATLAS_BLOCK, vpc_peering_connection_id=live)
    idle = account.backend().create_route_table(other["vpc_id"]).id
    named = {**other, "route_table_ids": [idle]}
    plan = run(site, [entry, named], replace_routes=True).result["summary"]["plan"]
    assert f". {live}, which is active, loses its route to {ATLAS_BLOCK} in {main}. {idle} serves no subnet and gets the" in plan


@pytest.mark.parametrize("container", [{"container_region": "us-east-1"}, {"container_region": "eu-west-1"}])
def test_tables_without_subnets_get_no_new_route(site: PathSite, container: dict[str, str]) -> None:
    """Not for a container whose block is known only after it was made either."""
    (entry,) = site.make_vpcs(1)
    (main, *_none), idle = widen(site, entry), idle_table(site, entry)
    options = {"connections": [entry], **container}
    foreseen, done = site.run(**options, check_mode=True), site.run(**options)
    for one in (foreseen, done):
        assert [row["route_table_id"] for row in one.result["peering"]["connections"][0]["routes"]] == [main]
        assert actions(one, 0).count(("create", "route")) == 1
    assert site.aws.routes(entry["aws_account_id"])[idle] == {}
    assert not site.run(**options).changed


def test_dead_routes_in_tables_without_subnets_are_mended(site: PathSite) -> None:
    """Check mode shows them, too, although the new connection has no id yet. What is disconnected loses them as well."""
    (entry,) = site.make_vpcs(1)
    idle = idle_table(site, entry)
    (former,) = site.request([entry])
    account = site.accounts[entry["aws_account_id"]]
    account.backend().create_route(idle, ATLAS_BLOCK, vpc_peering_connection_id=former)
    site.front.status[former] = ("deleted", "")
    options = {"connections": [entry], "container_region": "us-east-1", "container_cidr_block": ATLAS_BLOCK}
    foreseen, done = site.run(**options, check_mode=True), site.run(**options)
    shown = [one.result["peering"]["connections"][0] for one in (foreseen, done)]
    assert [{row["route_table_id"]: row["before"] for row in one["routes"]}.get(idle) for one in shown] == [former] * 2
    assert actions(foreseen, 0) == actions(done, 0)
    (connection,) = {row["after"] for row in shown[1]["routes"]}
    assert site.aws.routes(account.id)[idle] == {ATLAS_BLOCK: connection}
    again = site.run(**options)
    assert (again.changed, len(again.result["peering"]["connections"][0]["routes"])) == (False, 2)
    assert not site.run(**options, state="absent").failed
    assert site.aws.routes(account.id)[idle] == {}


def test_the_quota_is_asked_once_for_an_account_and_region(site: PathSite) -> None:
    entries = requested(site, 3)
    full, nearly, _other = [widen(site, one, number) for one, number in zip(entries, (50, 44, 1), strict=True)]
    done = run(site, entries)
    assert (done.changed, site.writes, site.to_aws["GetServiceQuota"]) == (False, [], 1)
    assert not done.missing("connections[0] (", f"AWS allows 50 in a route table, and {full[0]} has 51", "L-93826ACB")
    assert nearly[0] not in done.msg
    assert not run(site, entries[1:]).failed
    assert site.to_aws["GetServiceQuota"] == 1
    run(site, entries[2:])
    assert site.to_aws["GetServiceQuota"] == 0


def test_two_routes_of_one_table_need_room_for_both(site: PathSite) -> None:
    (entry,) = requested(site, 1)
    (vpc_id,) = site.aws.make_vpcs(ATLAS_ACCOUNT, ["192.168.200.0/21"], "us-east-1")
    (second,) = site.aws.request(ATLAS_ACCOUNT, vpc_id, {entry["vpc_id"]: entry["aws_account_id"]}, "us-east-1")
    first = {**entry, "container_region": "us-east-1"}
    other = {**entry, "connection_id": second, "container_cidr_block": "192.168.200.0/21", "container_region": "eu-west-1"}
    (table,) = widen(site, entry, 48)
    done = run(site, [first, other])
    assert (done.changed, site.writes) == (False, [])
    assert not done.missing("connections[1] (", f"AWS allows 50 in a route table, and {table} has 50")
    assert not run(site, [first]).failed


# What waits


def test_one_poll_serves_all_connections_of_an_account(site: PathSite) -> None:
    entries = requested(site, 8, 2)
    site.front.provisioning = 3
    done = run(site, entries)
    assert not done.failed, done.result
    # One for each connection would be four times as many; a busy machine may ask once more while acceptances are on their way.
    assert {site.to_account(one)["DescribeVpcPeeringConnections"] for one in ACCOUNTS[:2]} <= {5, 6}


def test_a_write_in_aws_has_its_own_time(site: PathSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a poll, which takes 30 seconds at most: neither ends with the stage."""
    sent: dict[str, set[float]] = {"read_pages": set(), "write": set()}
    for name in sent:
        real = getattr(AwsSession, name)

        def note(self: AwsSession, *given: Any, name: str = name, real: Any = real, **more: Any) -> Any:
            sent[name].add(DEADLINE.get() - site.clock())
            return real(self, *given, **more)

        monkeypatch.setattr(AwsSession, name, note)
    done = run(site, requested(site, 2), wait_timeout=10)
    assert not done.failed, done.result
    assert sent == {"read_pages": {math.inf, 30}, "write": {math.inf}}


def test_a_request_that_aws_does_not_show_yet_is_waited_for(site: PathSite) -> None:
    """Atlas shows the id of a connection a moment before AWS shows the connection to the other account."""
    entries = site.make_vpcs(2)
    hide(site, 3)
    done = site.run(connections=entries, container_region="us-east-1", container_cidr_block=ATLAS_BLOCK)
    assert not done.failed, done.result
    assert site.connected == {one["vpc_id"] for one in entries}


def test_a_request_that_aws_never_shows_fails_after_a_minute(site: PathSite) -> None:
    entries = site.make_vpcs(2)
    hide(site, 100_000)
    started = site.clock.now
    done = site.run(connections=entries, container_region="us-east-1", container_cidr_block=ATLAS_BLOCK)
    assert re.search(r"The VPC peering connections pcx-\w+, pcx-\w+ are unknown in region us-east-1 of account", done.msg)
    assert done.result["failures"][0]["step"] == "accept"
    assert 60 <= site.clock.now - started < 120
    assert site.to_aws["AcceptVpcPeeringConnection"] == 0


def hide(site: PathSite, looks: int) -> None:
    """Have AWS hide each new connection for so many looks."""

    class Hidden(dict[str, int]):
        def get(self, key: str, default: Any = None) -> Any:
            return self.setdefault(key, looks)

    site.front.hidden = Hidden()


@pytest.mark.parametrize(("accounts", "auths", "most"), [(1, ("role", "keys", "profile"), 2), (3, ("role",), 6)])
def test_each_account_has_as_many_writes_at_a_time(site: PathSite, accounts: int, auths: tuple[str, ...], most: int) -> None:
    """With whichever credentials: whose account they are of is known before the first one."""
    entries = [one for auth in auths for one in requested(site, 12 // len(auths), accounts, auth=auth)]
    lock, running, seen = threading.Lock(), [0], [0]

    def take_time() -> None:
        with lock:
            running[0] += 1
            seen[0] = max(seen[0], running[0])
        time.sleep(0.05)
        with lock:
            running[0] -= 1

    for action in WRITES:
        site.front.rule(action, before=take_time)
    assert not run(site, entries, parallel=2, tags={"team": "data"}).failed
    assert 2 <= seen[0] <= most
    assert accounts == 1 or seen[0] > 2


def test_a_vpc_may_have_connections_to_two_containers(site: PathSite) -> None:
    """Its attributes for DNS are those of both, and are read and set once."""
    (entry,) = requested(site, 1)
    (vpc_id,) = site.aws.make_vpcs(ATLAS_ACCOUNT, ["192.168.200.0/21"], "us-east-1")
    (second,) = site.aws.request(ATLAS_ACCOUNT, vpc_id, {entry["vpc_id"]: entry["aws_account_id"]}, "us-east-1")
    other = {**entry, "connection_id": second, "container_cidr_block": "192.168.200.0/21", "container_region": "eu-west-1"}
    done = run(site, [{**entry, "container_region": "us-east-1"}, other], dns="enable")
    assert not done.failed, done.result
    assert routes_of(site, entry) == {ATLAS_BLOCK: entry["connection_id"], "192.168.200.0/21": second}
    asked = site.to_aws
    assert (asked["DescribeVpcs"], asked["DescribeVpcAttribute"], asked["ModifyVpcAttribute"]) == (1, 2, 1)


@pytest.mark.parametrize("is_lost", [False, True])
def test_what_one_entry_fails_to_enable_another_one_does(site: PathSite, is_lost: bool) -> None:
    (entry,) = requested(site, 1)
    (vpc_id,) = site.aws.make_vpcs(ATLAS_ACCOUNT, ["192.168.200.0/21"], "us-east-1")
    (second,) = site.aws.request(ATLAS_ACCOUNT, vpc_id, {entry["vpc_id"]: entry["aws_account_id"]}, "us-east-1")
    first = {**entry, "container_region": "us-east-1"}
    other = {**entry, "connection_id": second, "container_cidr_block": "192.168.200.0/21", "container_region": "eu-west-1"}
    foreseen = run(site, [first, other], dns="enable", check_mode=True)
    assert [("enable", "attribute") in actions(foreseen, index) for index in (0, 1)] == [True, False]
    if is_lost:
        # The first one enables it even so.
        site.lose("AWS", 0, "ModifyVpcAttribute")
        done = run(site, [first, other], dns="enable", wait_timeout=60)
        assert not done.failed, done.msg
        assert [actions(done, index) for index in (0, 1)] == [actions(foreseen, index) for index in (0, 1)]
        assert site.to_aws["ModifyVpcAttribute"] == 1
        return
    site.front.rule("AcceptVpcPeeringConnection", denial("AcceptVpcPeeringConnection"), times=1)
    done = run(site, [first, other], dns="enable", parallel=1)
    assert [(one["indexes"], one["step"]) for one in done.result["failures"]] == [([0], "accept")]
    assert actions(done, 1) == [("accept", "connection"), ("enable", "attribute"), ("create", "route")]
    assert site.to_aws["ModifyVpcAttribute"] == 1


# What goes wrong


def test_a_connection_that_others_accept_meanwhile_is_fine(site: PathSite) -> None:
    entries = requested(site, 3)
    ec2 = site.accounts[entries[0]["aws_account_id"]].ec2()

    def accept() -> None:
        for one in entries:
            ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=one["connection_id"])

    site.front.rule("AcceptVpcPeeringConnection", before=accept, times=1)
    done = run(site, entries, parallel=1)
    assert not done.failed, done.result
    assert site.connected == {one["vpc_id"] for one in entries}
    # What others have done is no action of this task.
    assert [actions(done, index) for index in range(3)] == [[("create", "route")]] * 3


def test_a_connection_that_another_task_has_made_is_fine(site: PathSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is AVAILABLE in Atlas, and was not there when this task read AWS."""
    entries, create = site.make_vpcs(2), VpcPeers.create_peer

    def overtaken(self: VpcPeers, *given: Any) -> Any:
        monkeypatch.setattr(VpcPeers, "create_peer", create)
        assert not site.run(connections=entries).failed
        return create(self, *given)

    monkeypatch.setattr(VpcPeers, "create_peer", overtaken)
    done = site.run(connections=entries, parallel=1)
    assert (done.failed, site.connected) == (False, {one["vpc_id"] for one in entries}), done.result
    # Those of the other one.
    assert (site.to_aws["AcceptVpcPeeringConnection"], actions(done, 0)) == (2, [])


def test_a_task_that_comes_too_late_has_changed_nothing(site: PathSite) -> None:
    (entry,) = requested(site, 1)
    assert not run(site, [entry]).failed
    ec2 = site.accounts[entry["aws_account_id"]].ec2()
    (table,) = [one["RouteTableId"] for one in ec2.describe_route_tables()["RouteTables"] if one["VpcId"] == entry["vpc_id"]]
    route = {"RouteTableId": table, "DestinationCidrBlock": ATLAS_BLOCK}
    ec2.delete_route(**route)
    site.front.rule(
        "CreateRoute", before=lambda: ec2.create_route(**route, VpcPeeringConnectionId=entry["connection_id"]), times=1
    )
    done = run(site, [entry])
    assert (done.failed, done.changed, actions(done, 0)) == (False, False, []), done.result
    assert site.connected == {entry["vpc_id"]}


WRITES = ["AcceptVpcPeeringConnection", "CreateTags", "ModifyVpcAttribute", "CreateRoute"]
ALL = {"tags": {"team": "data"}, "dns": "enable"}


LOST = [("AcceptVpcPeeringConnection", True), ("CreateRoute", True), ("CreateRoute", False)]


@pytest.mark.parametrize(
    ("action", "is_done"),
    [
        *LOST,
        *(
            pytest.param(action, is_done, marks=pytest.mark.full)
            for action in WRITES
            for is_done in (True, False)
            if (action, is_done) not in LOST
        ),
    ],
)
def test_an_entry_whose_reply_is_lost_goes_on_alone(site: PathSite, action: str, is_done: bool) -> None:
    """It looks first: a write that took effect is not repeated. Others go on meanwhile."""
    entries = requested(site, 4, 2)
    site.front.rule(action, DROP, forward=is_done, times=1, skip=1)
    done = run(site, entries, **ALL)
    assert (done.failed, done.changed) == (False, True), done.msg
    assert site.connected == {one["vpc_id"] for one in entries}
    assert site.to_aws[action] == 4 + (not is_done)
    expected = [("accept", "connection"), ("tag", "connection"), ("enable", "attribute"), ("create", "route")]
    assert [actions(done, index) for index in range(4)] == [expected] * 4
    assert not run(site, entries, **ALL).changed


def test_a_lost_write_counts_if_the_look_after_it_fails(site: PathSite) -> None:
    entries = requested(site, 2, 2)

    def deny() -> None:
        site.front.deny(ACCOUNTS[0], "DescribeVpcs")

    site.front.rule("AcceptVpcPeeringConnection", DROP, forward=True, times=1, before=deny, account=ACCOUNTS[0])
    done = run(site, entries)
    assert (done.failed, done.changed) == (True, True)
    (failure,) = done.result["failures"]
    assert (failure["index"], failure["step"]) == (0, "accept")
    assert "Allow ec2:DescribeVpcs" in failure["msg"]
    assert site.connected == {entries[1]["vpc_id"]}


def test_routes_that_stay_keep_connection_and_access(site: PathSite) -> None:
    """Of the entries whose routes could not be removed; the others go."""
    entries = site.make_vpcs(4, 2)
    assert not site.run(connections=entries, container_region="us-east-1").failed
    site.front.deny(ACCOUNTS[0], "DeleteRoute")
    done = site.run(connections=entries, state="absent")
    mine = {one["cidr_block"] for one in entries if one["aws_account_id"] == ACCOUNTS[0]}
    (failure,) = done.result["failures"]
    assert (failure["step"], failure["indexes"]) == ("routes", [0, 2])
    assert {*site.access_list} == mine
    with site.emulator.project.now() as project:
        assert {one.fields["routeTableCidrBlock"] for one in project.peers} == mine


def test_what_an_entry_has_done_alone_is_shown_if_it_fails(site: PathSite) -> None:
    """Its acceptance is lost; it goes on, and may not make routes."""
    entries = requested(site, 2, 2)
    site.front.lose("AcceptVpcPeeringConnection", account=ACCOUNTS[0])
    site.front.deny(ACCOUNTS[0], "CreateRoute")
    done = run(site, entries)
    (failure,) = done.result["failures"]
    assert failure["index"] == 0
    assert "Allow ec2:CreateRoute" in failure["msg"]
    assert actions(done, 0) == [("accept", "connection")]


def test_a_warning_is_one_for_all_that_it_is_true_for(site: PathSite) -> None:
    entries = requested(site, 4, 2)
    accepted, off = sorted(run(site, entries, atlas_aws_account_ids=None, dns="warn").warnings, key=lambda one: "The VPCs" in one)
    pcx, vpcs = ([one[name] for one in entries] for name in ("connection_id", "vpc_id"))
    four = f"connections[0] to connections[3] ({', '.join(vpcs[:3])} and 1 more)"
    assert accepted.startswith(f"{four}: {', '.join(pcx[:3])} and 1 more are accepted from account 7")
    assert off.startswith(f"{four}: The VPCs {', '.join(vpcs[:3])} and 1 more have enable_dns_hostnames off")


def test_a_place_has_the_tag_of_its_vpc(site: PathSite) -> None:
    """The tag is somebody else's text."""
    entries = requested(site, 4, 2)
    first = entries[0]
    site.accounts[first["aws_account_id"]].ec2().create_tags(
        Resources=[first["vpc_id"]], Tags=[{"Key": "Name", "Value": "app\n11"}]
    )
    site.front.deny(ACCOUNTS[0], "CreateRoute")
    done = run(site, entries, dns="enable")
    named = f"connections[0], connections[2] ({first['vpc_id']} app\\n11, {entries[2]['vpc_id']}): "
    (failure,) = done.result["failures"]
    assert failure["msg"].startswith(named)
    assert f"Done so far: {named}" in done.msg
    assert failure["names"] == [first["vpc_id"], entries[2]["vpc_id"]]


@pytest.mark.parametrize(("ids", "warned"), [(None, True), ([ATLAS_ACCOUNT], False)])
def test_it_warns_of_requests_from_whatever_account(site: PathSite, ids: list[str] | None, warned: bool) -> None:
    """Once in a run: with the account, which a user has to set, as soon as that is known."""
    options = {"connections": site.make_vpcs(2), "container_region": "us-east-1", "atlas_aws_account_ids": ids}
    foreseen = site.run(check_mode=True, **options)
    assert [one.partition(" from ")[2][:16] for one in foreseen.warnings] == ["whatever account"] * warned
    done = site.run(**options)
    said = [*done.warnings, *site.lines, *done.result["peering"]["remaining"]]
    assert [one for one in said if "account" in one] == done.warnings
    assert [f"were accepted from account {ATLAS_ACCOUNT}. " in one for one in done.warnings] == [True] * warned
    entries = requested(site, 1)
    (warning,) = run(site, entries, atlas_aws_account_ids=ids).warnings if warned else [""]
    assert warning == "" or warning.startswith(
        f"connections[0] ({entries[0]['vpc_id']}): {entries[0]['connection_id']} is accepted"
    )


def test_who_requested_what_is_active_there_is_atlas(site: PathSite) -> None:
    first, other, mine = site.make_vpcs(3, 2)
    options = {"container_region": "us-east-1", "atlas_aws_account_ids": None}
    assert len(site.run(connections=[first], **options).warnings) == 1
    assert site.run(connections=[first, mine], check_mode=True, **options).warnings == []
    assert site.run(connections=[first, mine], **options).warnings == []
    # Other credentials do not see that connection.
    assert len(site.run(connections=[first, other], **options).warnings) == 1


@pytest.mark.parametrize("action", [WRITES[0], *(pytest.param(one, marks=pytest.mark.full) for one in WRITES[1:3]), WRITES[3]])
def test_an_entry_without_a_right_fails_alone(site: PathSite, action: str) -> None:
    entries = requested(site, 6, 3)
    site.front.deny(ACCOUNTS[1], action)
    done = run(site, entries, **ALL)
    mine = [one["vpc_id"] for one in entries if one["aws_account_id"] == ACCOUNTS[1]]
    assert site.connected == {one["vpc_id"] for one in entries} - {*mine}
    (failure,) = done.result["failures"]
    assert failure["names"] == mine
    assert failure["step"] == {"AcceptVpcPeeringConnection": "accept", "CreateTags": "tags", "CreateRoute": "routes"}.get(
        action, "dns"
    )
    assert f"Allow ec2:{action} to these credentials" in done.msg
    done_before = WRITES.index(action)
    assert len(actions(done, 1)) == done_before
    assert site.to_aws[action] == 6


def test_tags_are_read_once_for_all_connections_of_a_place(site: PathSite) -> None:
    """moto does not show them with the connection, so that a task with tags would change them for ever."""
    site.front.shows_tags = False
    entries = requested(site, 4, 2)
    assert run(site, entries, tags={"team": "data"}).changed
    done = run(site, entries, tags={"team": "data"})
    assert (done.failed, done.changed) == (False, False), done.result
    assert [site.to_account(one) for one in ACCOUNTS[:2]] == [
        Counter(READ) - Counter(["AssumeRole"]) + Counter({"DescribeTags": 1})
    ] * 2
    # Those that are there now are asked for, and no others.
    (ids,) = ([one for key, one in asked.items() if key.startswith("Filter.1.Value")] for asked in _tags_asked(site, ACCOUNTS[0]))
    assert ids == [entries[0]["connection_id"], entries[2]["connection_id"]]
    assert not run(site, entries).changed
    assert "DescribeTags" not in site.to_aws


def _tags_asked(site: PathSite, account: str) -> list[dict[str, str]]:
    pairs = zip(site.front.calls, site.front.requests, strict=True)
    return [asked for call, asked in pairs if (call.account, call.action) == (account, "DescribeTags")]


def test_an_account_that_cannot_be_read_refuses_all(site: PathSite) -> None:
    entries = requested(site, 6, 3)
    site.front.deny(ACCOUNTS[1], "DescribeRouteTables")
    done = run(site, entries)
    assert site.front.writes == []
    (failure,) = done.result["failures"]
    assert (failure["step"], failure["indexes"]) == ("read", [1, 4])
    # One request was for both, so the message says which.
    assert failure["msg"].startswith(
        f"connections[1], connections[4] ({entries[1]['vpc_id']}, {entries[4]['vpc_id']}): Failed to read the route tables"
    )
    assert "Allow ec2:DescribeRouteTables to these credentials" in failure["msg"]


def test_a_route_that_others_make_meanwhile_fails_its_entry(site: PathSite) -> None:
    """A route to this connection is fine, and any other is named."""
    entries = requested(site, 3)
    ec2 = site.accounts[entries[0]["aws_account_id"]].ec2()
    tables = {one["VpcId"]: one["RouteTableId"] for one in ec2.describe_route_tables()["RouteTables"]}
    rival = site.request(entries[:1])[0]

    def overtake() -> None:
        for entry, target in ((entries[0], rival), (entries[1], entries[1]["connection_id"])):
            ec2.create_route(
                RouteTableId=tables[entry["vpc_id"]], DestinationCidrBlock=ATLAS_BLOCK, VpcPeeringConnectionId=target
            )

    site.front.rule("CreateRoute", before=overtake, times=1)
    done = run(site, entries, parallel=1)
    (failure,) = done.result["failures"]
    assert (failure["index"], failure["step"]) == (0, "routes")
    assert f"{tables[entries[0]['vpc_id']]} routes {ATLAS_BLOCK} to {rival}" in failure["msg"]
    assert "Set replace_routes to true" in failure["msg"]
    assert site.connected == {entries[1]["vpc_id"], entries[2]["vpc_id"]}


def test_a_replaced_route_is_read_again_right_before(site: PathSite) -> None:
    """It may have been made to lead elsewhere since the list was planned."""
    (entry,) = requested(site, 1)
    ec2 = site.accounts[entry["aws_account_id"]].ec2()
    (table,) = [one["RouteTableId"] for one in ec2.describe_route_tables()["RouteTables"] if one["VpcId"] == entry["vpc_id"]]
    former, rival = (site.request([entry])[0] for unused in range(2))
    route = {"RouteTableId": table, "DestinationCidrBlock": ATLAS_BLOCK}
    ec2.create_route(**route, VpcPeeringConnectionId=former)
    site.front.status[former] = ("deleted", "")
    site.front.rule(
        "AcceptVpcPeeringConnection", before=lambda: ec2.replace_route(**route, VpcPeeringConnectionId=rival), times=1
    )
    done = run(site, [entry])
    assert f"to {rival}" in done.msg
    assert site.to_aws["ReplaceRoute"] == 0


def test_refusals_for_the_rate_are_no_failures(site: PathSite) -> None:
    entries = requested(site, 12, 2)
    site.throttle("CreateRoute", 10)
    site.throttle("AcceptVpcPeeringConnection", 5, ACCOUNTS[0])
    done = run(site, entries)
    assert not done.failed, done.result
    assert site.connected == {one["vpc_id"] for one in entries}
    assert (site.to_aws["CreateRoute"], site.to_aws["AcceptVpcPeeringConnection"]) == (22, 17)


def test_an_account_that_takes_nothing_fails_alone(site: PathSite) -> None:
    """Once AWS has taken none of its writes for wait_timeout."""
    entries = requested(site, 6, 3)
    site.throttle("CreateRoute", 1_000_000, ACCOUNTS[1])
    done = run(site, entries, wait_timeout=100)
    # One cause, however often each was refused.
    assert [(one["step"], one["indexes"]) for one in done.result["failures"]] == [("routes", [1, 4])]
    assert site.connected == {one["vpc_id"] for one in entries if one["aws_account_id"] != ACCOUNTS[1]}
    assert "shared with all other automation" in done.msg
    assert "raise wait_timeout" in done.msg


@pytest.mark.parametrize(
    ("wrong", "named"), [([1], "Check connections[1].region and connections[1].aws_endpoint_url"), ([1, 2], "Check region and")]
)
def test_credentials_are_named_as_the_list_has_them(site: PathSite, wrong: list[int], named: str) -> None:
    """With the entry, if no other one has the same."""
    entries = requested(site, 3)
    for index in wrong:
        entries[index]["aws_endpoint_url"] = "http://127.0.0.1:1"
    done = run(site, entries)
    assert named in done.msg
    assert [one["indexes"] for one in done.result["failures"]] == [wrong]
    assert {one["step"] for one in done.result["failures"]} == {"read"}
    assert site.front.writes == []


OTHER = {"container_cidr_block": "10.100.0.0/16", "container_region": "eu-west-1"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (OTHER, "container_cidr_block 10.100.0.0/16 overlaps 10.100.1.0/24 of the VPC"),
        (
            {"aws_account_id": "999999999999"},
            "not of aws_account_id 999999999999. Use credentials of the VPC's owner (aws_profile",
        ),
        ({"connection_id": "pcx-0a1b2c3d"}, "pcx-0a1b2c3d is unknown in region us-east-1"),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ({"cidr_block": "10.7.0.0/16"}, "cidr_block 10.7.0.0/16 is not within the VPC"),
                ({"vpc_id": "vpc-0a1b2c3d"}, "not to vpc_id vpc-0a1b2c3d"),
                (
                    {"route_table_ids": ["rtb-0a1b2c3d"]},
                    "does not have these route tables: rtb-0a1b2c3d. Correct route_table_ids",
                ),
                ({"route_table_tags": {"a": "b"}}, "has the tags a=b. Correct route_table_tags"),
            )
        ),
    ],
)
def test_refusals_name_the_options_of_the_list(site: PathSite, change: dict[str, Any], message: str) -> None:
    """Before anything is changed, in check mode, too, with the other entries that are wrong."""
    entries = requested(site, 3)
    entries[1] = {**entries[1], **change}
    for check_mode in (True, False):
        done = run(site, entries, check_mode=check_mode)
        assert message in done.msg
        assert done.msg.startswith("Nothing was changed. connections[1]"), done.msg
        assert not done.changed
        assert site.front.writes == []


@pytest.mark.parametrize(
    "status", ["expired", *(pytest.param(one, marks=pytest.mark.full) for one in ("rejected", "failed", "deleted"))]
)
def test_a_connection_that_has_ended_is_refused(site: PathSite, status: str) -> None:
    entries = requested(site, 2)
    site.front.status[entries[0]["connection_id"]] = (status, "")
    done = run(site, entries)
    assert f"is {status}" in done.msg
    assert "The team that works in Atlas has to request another one" in done.msg
    assert site.front.writes == []


def test_a_requester_that_is_not_atlas_is_refused(site: PathSite) -> None:
    entries = requested(site, 2)
    done = run(site, entries, atlas_aws_account_ids=["999999999999"])
    assert f"was requested by account {ATLAS_ACCOUNT}, which is not among atlas_aws_account_ids" in done.msg
    assert site.front.writes == []


@pytest.mark.parametrize("block", [{}, {"cidr_block": "10.99.0.0/16"}])
def test_a_vpc_that_aws_does_not_know_is_named(site: PathSite, block: dict[str, str]) -> None:
    """Without its block as well, which only AWS could tell."""
    entry = {**site.make_vpcs(1)[0], "vpc_id": "vpc-0a1b2c3d4e5f67890"}
    entry.pop("cidr_block")
    done = site.run(connections=[{**entry, **block}], container_region="us-east-1", container_cidr_block=ATLAS_BLOCK)
    assert "The VPC vpc-0a1b2c3d4e5f67890 is unknown in region us-east-1" in done.msg
    assert "required" not in done.msg
