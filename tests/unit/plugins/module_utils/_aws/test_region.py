"""What is read at once for many connections of an account in a region: the same views as for one, with few requests."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.network import Network, RegionSurvey, change_route
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.routes import plan_unrouting
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.view import RouteChange
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.options import AWS_OPTIONS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.session import AwsSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import OvertakenError, TaskError
from ansible_collections.cloudpeer.atlas.tests.support.accepter_site import ATLAS_BLOCK, AwsSite
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import refusal

UNSET = (
    *("connection_id", "vpc_id", "aws_account_id", "route_table_cidr_block", "atlas_aws_account_ids", "route_table_ids"),
    *("route_table_tags", "security_group_ids", "tags", "group_id"),
)


def wanted(**options: Any) -> dict[str, Any]:
    usual = {"state": "present", "dns": "ignore", "replace_routes": False, "atlas_cidr_block": ATLAS_BLOCK}
    return {**dict.fromkeys(UNSET), **usual, **options}


def open_session(site: AwsSite) -> AwsSession:
    return AwsSession({**dict.fromkeys(AWS_OPTIONS.options), **site.options})


def survey_of(session: AwsSession, *options: dict[str, Any]) -> RegionSurvey:
    survey = RegionSurvey(session, options)
    for questions in (survey.first, survey.second):
        for key, ask in questions().items():
            survey.record(key, ask())
    return survey


def everything(site: AwsSite) -> dict[str, dict[str, Any]]:
    """Return connections of all kinds to VPCs of all kinds, in a region where routes lead to former connections."""
    main, other = site.tables
    former, unknown = site.route_to_former(main), site.route_to_former(other, None)
    foreign = site.account.make_vpc("10.99.0.0/16")
    shared = site.account.make_vpc("10.98.0.0/16")
    site.front.owners[shared] = "999999999999"
    group = site.ec2.create_security_group(GroupName="clients", Description="d", VpcId=site.vpc_id)["GroupId"]
    connections = {name: site.request() for name in ("pending", "active", "hidden")}
    site.accept(connections["active"])
    site.front.hidden[connections["hidden"]] = 1000
    site.front.provisioning = 0
    of_vpc = {"vpc_id": site.vpc_id}
    return {
        "new": wanted(**of_vpc),
        **{name: wanted(**of_vpc, connection_id=one) for name, one in connections.items()},
        "former": wanted(**of_vpc, connection_id=former),
        "unknown": wanted(**of_vpc, connection_id=unknown),
        "block of AWS": wanted(**of_vpc, connection_id=connections["active"], atlas_cidr_block=None),
        "dns": wanted(**of_vpc, dns="warn"),
        "dns of a shared one": wanted(vpc_id=shared, dns="enable"),
        "foreign table": wanted(**of_vpc, route_table_ids=[main, site.add_table(foreign)]),
        "missing table": wanted(**of_vpc, route_table_ids=["rtb-00000000"]),
        "foreign VPC's": wanted(vpc_id=foreign),
        "no VPC": wanted(vpc_id="vpc-00000000", dns="warn"),
        "groups": wanted(**of_vpc, security_group_ids=[f"{site.account.id}/{group}", "sg-00000000"]),
        "absent": wanted(**of_vpc, state="absent", connection_id=former),
        "absent, new": wanted(**of_vpc, state="absent", security_group_ids=[group], dns="warn"),
    }


def test_a_survey_makes_the_views_that_single_looks_make(site: AwsSite) -> None:
    options = everything(site)
    session = open_session(site)
    account, network = session.find_account_id(), Network(session)
    survey = survey_of(session, *options.values())
    assert survey.account_id == account
    site.forget()
    views = {name: survey.look(one, account) for name, one in options.items()}
    assert site.front.actions == []
    assert views == {name: network.look(one, account) for name, one in options.items()}
    # None of them is alike by lack of content.
    assert views["foreign table"].elsewhere
    assert not views["missing table"].elsewhere
    assert views["groups"].groups
    assert len(views["new"].others) == 1
    assert views["dns"].vpc is not None
    assert views["dns"].vpc.enable_dns_support is True


BASE = {"GetCallerIdentity": 1, "DescribeVpcPeeringConnections": 1, "DescribeVpcs": 1, "DescribeRouteTables": 1}


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({}, {}),
        ({"state": "absent", "security_group_ids": ["sg-0a1b2c3d"], "dns": "warn"}, {}),
        ({"security_group_ids": ["sg-0a1b2c3d"]}, {"DescribeSecurityGroups": 1}),
        ({"dns": "warn"}, {"DescribeVpcAttribute": 4}),
        ({"route_table_ids": ["rtb-00000000"]}, {"DescribeRouteTables": 1}),
        ({"lists": 1}, {"GetManagedPrefixListEntries": 1}),
        ({"lists": 1, "replace_routes": True}, {"GetManagedPrefixListEntries": 1}),
    ],
)
def test_four_requests_and_what_options_ask_for(site: AwsSite, options: dict[str, Any], more: dict[str, int]) -> None:
    """Two VPCs, whose tables both have a route to the same prefix list."""
    vpc_ids, lists = [site.vpc_id, site.account.make_vpc("10.99.0.0/16")], options.pop("lists", 0)
    if lists:
        made = site.ec2.create_managed_prefix_list(
            PrefixListName="others", MaxEntries=5, AddressFamily="IPv4", Entries=[{"Cidr": "10.0.0.0/8"}]
        )["PrefixList"]["PrefixListId"]
        route = {"destinationPrefixListId": made, "gatewayId": "igw-1"}
        site.front.routes.update(
            {
                table: [route, {**route, "destinationPrefixListId": "pl-endpoint", "gatewayId": "vpce-1"}]
                for table in (*site.tables, site.add_table(vpc_ids[1]))
            }
        )
    session = open_session(site)
    site.forget()
    survey = survey_of(session, *(wanted(vpc_id=one, **options) for one in vpc_ids))
    assert dict(Counter(site.front.actions)) == dict(Counter(BASE) + Counter(more))
    assert [*filter(None, survey.facts.values())] == ([{"10.0.0.0/8"}] if "GetManagedPrefixListEntries" in more else [])


def test_250_vpcs_take_two_filters_and_all_connections_none(site: AwsSite) -> None:
    vpc_ids = [f"vpc-{number:08x}" for number in range(250)]
    session = open_session(site)
    site.forget()
    survey = survey_of(session, *(wanted(vpc_id=one) for one in [*vpc_ids, site.vpc_id]))
    assert survey.look(wanted(vpc_id=site.vpc_id), None).vpc is not None
    requests = Counter(site.front.actions)
    assert requests == {**BASE, "DescribeVpcs": 2, "DescribeRouteTables": 2}
    (asked,) = [fields for fields in site.front.requests if fields["Action"] == "DescribeVpcPeeringConnections"]
    assert not [name for name in asked if name.startswith(("Filter", "VpcPeeringConnectionId"))]
    assert asked["MaxResults"] == "1000"


@pytest.mark.parametrize(("ids", "filtered"), [(1, 1), (200, 200), (201, 0)])
def test_a_poll_is_one_request(site: AwsSite, ids: int, filtered: int) -> None:
    """Of up to 200 connections by their ids, of more without a filter."""
    others = [f"pcx-{number:08x}" for number in range(ids - 1)]
    network = Network(open_session(site))
    site.forget()
    assert [*network.find_connections([*others, site.connection_id])] == [site.connection_id]
    (asked,) = site.front.requests
    assert sum(name.startswith("Filter.1.Value.") for name in asked) == filtered


def test_routes_through_a_connection_are_found_in_all_tables(site: AwsSite) -> None:
    """Those that the options of a former list chose are not known any more."""
    foreign = site.account.make_vpc("10.99.0.0/16")
    tables = [*site.tables, site.add_table(foreign)]
    for table in tables:
        site.route(table)
    site.route(tables[0], "192.168.200.0/24")
    former = site.request()
    site.route(tables[1], "192.168.201.0/24", VpcPeeringConnectionId=former)
    network = Network(open_session(site))
    site.forget()
    found = network.find_tables_with_routes_to([site.connection_id, former])
    changes = plan_unrouting(found, site.connection_id)
    assert sorted((one.table_id, one.block) for one in changes) == sorted(
        [*((table, ATLAS_BLOCK) for table in tables), (tables[0], "192.168.200.0/24")]
    )
    for one in changes:
        change_route(network.session, one)
    assert site.targets() == {}
    assert site.targets("192.168.201.0/24") == {tables[1]: former}
    assert Counter(site.front.actions) == {"DescribeRouteTables": 1 + 4, "DeleteRoute": 4}


def remove(site: AwsSite) -> tuple[Network, RouteChange]:
    table = site.tables[0]
    site.route(table)
    site.forget()
    return Network(open_session(site)), RouteChange("delete", table, ATLAS_BLOCK, site.connection_id, None)


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_route_that_changed_meanwhile_is_not_removed(site: AwsSite, is_gone: bool) -> None:
    network, change = remove(site)
    site.delete_route(change.table_id)
    if not is_gone:
        site.route(change.table_id, VpcPeeringConnectionId=site.request())
    site.forget()
    with pytest.raises(OvertakenError):
        change_route(network.session, change)
    assert site.front.writes == []


def test_a_removal_that_aws_refuses_fails(site: AwsSite) -> None:
    network, change = remove(site)
    site.front.rule("DeleteRoute", refusal("UnauthorizedOperation", status=403))
    with pytest.raises(TaskError, match="Allow ec2:DeleteRoute"):
        change_route(network.session, change)
    assert site.front.writes == ["DeleteRoute"]
