"""atlas_vpc_peer_accepter with state absent: it deletes its routes, those that lead to ended connections, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.accepter_site import ATLAS_BLOCK, REGION, AwsSite
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import NAMESPACE, refusal
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply

READS = ["GetCallerIdentity", "DescribeVpcPeeringConnections", "DescribeVpcs", "DescribeRouteTables"]
ENDED = ["deleted", "deleting", "rejected", "expired", "failed"]
ABSENT: dict[str, Any] = {"state": "absent", "atlas_aws_account_ids": None}


@pytest.fixture
def routed(site: AwsSite) -> AwsSite:
    """A VPC that routes to Atlas, with routes of others beside that."""
    site.accept()
    for table_id in site.tables:
        site.route(table_id)
    gateway = site.add_gateway()
    for block in ("0.0.0.0/0", "192.168.240.0/21"):
        site.route(site.tables[0], block, GatewayId=gateway)
    return site


def others(site: AwsSite) -> dict[str, dict[str, str]]:
    """The targets of all routes but those to Atlas's block, by table."""
    tables = site.state()[0]
    return {
        table: {key: target for key, target in routes.items() if not key.endswith(f"~{ATLAS_BLOCK}")}
        for table, routes in tables.items()
    }


def test_it_deletes_its_routes_one_by_one_and_leaves_the_rest(routed: AwsSite) -> None:
    main, other = routed.tables
    before = others(routed)
    foreseen = routed.run(check_mode=True, **ABSENT)
    assert routed.front.writes == []
    done = routed.run(**ABSENT)
    assert foreseen.changed is done.changed is True
    assert foreseen.accepter == done.accepter
    assert done.routes == {main: (routed.connection_id, None), other: (routed.connection_id, None)}
    assert routed.front.writes == ["DeleteRoute", "DeleteRoute"]
    # The target is looked at again right before.
    assert routed.front.actions == [*READS, *["DescribeRouteTables", "DeleteRoute"] * 2]
    assert routed.targets() == {}
    assert others(routed) == before
    assert routed.account.connections()[routed.connection_id] == "active"
    assert done.warnings == []

    again = routed.run(**ABSENT)
    assert (again.changed, routed.front.actions) == (False, READS)
    assert again.routes == {main: (None, None), other: (None, None)}


def test_a_route_of_others_to_the_block_stays(routed: AwsSite) -> None:
    other = routed.tables[1]
    live = routed.request()
    routed.accept(live)
    for target in ({"VpcPeeringConnectionId": live}, {"GatewayId": routed.add_gateway()}):
        routed.delete_route(other)
        routed.route(other, **target)
        routed.run(**ABSENT)
        assert routed.targets() == {other: next(iter(target.values()))}


@pytest.mark.parametrize("status", [*ENDED, "active", "pending-acceptance", "provisioning"])
def test_the_routes_of_a_connection_go_in_any_state(routed: AwsSite, status: str) -> None:
    routed.front.status[routed.connection_id] = (status, "")
    assert (routed.run(**ABSENT).changed, routed.targets()) == (True, {})


def test_an_unknown_connection_is_no_failure(routed: AwsSite) -> None:
    routed.front.hidden[routed.connection_id] = 1000
    done = routed.run(vpc_id=routed.vpc_id, **ABSENT)
    assert (done.changed, routed.targets()) == (True, {})
    assert done.accepter["connection"] is None
    assert not routed.run(vpc_id=routed.vpc_id, **ABSENT).changed


@pytest.mark.parametrize("status", [*ENDED, None])
def test_routes_to_other_connections_that_have_ended_go_as_well(routed: AwsSite, status: str | None) -> None:
    extra = routed.add_table()
    former = routed.route_to_former(extra, status)
    assert (routed.run(**ABSENT).routes[extra], routed.targets()) == ((former, None), {})


def test_without_a_connection_only_routes_to_ended_ones_go(routed: AwsSite) -> None:
    extra = routed.add_table()
    former = routed.route_to_former(extra)
    options = {**ABSENT, "connection_id": None, "vpc_id": routed.vpc_id}
    done = routed.run(**options)
    assert (routed.front.writes, set(routed.targets().values())) == (["DeleteRoute"], {routed.connection_id})
    assert done.routes[extra] == (former, None)
    # What belongs to a live connection stays for it.
    assert not routed.run(**options).changed


def test_tables_can_be_chosen_and_other_routes_are_named(routed: AwsSite) -> None:
    main, other = routed.tables
    routed.route(main, "192.168.249.0/24")
    done = routed.run(route_table_ids=[main], **ABSENT)
    assert routed.targets() == {other: routed.connection_id}
    (warning,) = done.warnings
    assert warning.startswith(f"Other routes to {routed.connection_id} stay: ")
    assert [word for word in (f"192.168.249.0/24 in {main}", f"{ATLAS_BLOCK} in {other}") if word not in warning] == []


def test_a_route_in_the_table_of_a_gateway_is_named_too(routed: AwsSite) -> None:
    gateway = routed.add_gateway()
    edge = routed.add_table()
    routed.ec2.associate_route_table(RouteTableId=edge, GatewayId=gateway)
    routed.route(edge)
    (warning,) = routed.run(**ABSENT).warnings
    assert f"{ATLAS_BLOCK} in {edge}" in warning
    assert routed.targets() == {edge: routed.connection_id}


def test_a_table_that_is_gone_is_skipped_with_a_warning(routed: AwsSite) -> None:
    main, other = routed.tables
    gone = "rtb-0123456789abcdef0"
    done = routed.run(route_table_ids=[gone, main, other], **ABSENT)
    assert routed.targets() == {}
    assert done.warnings == [f"The route table {gone} is gone: nothing is removed from it."]
    # No table has the tags any more: nothing is left to do.
    assert not routed.run(route_table_tags={"atlas": "yes"}, **ABSENT).changed


def test_a_vpc_that_is_unknown_is_skipped_with_a_warning(site: AwsSite) -> None:
    for options in ({"connection_id": None}, {}, {"connection_id": "pcx-0123456789abcdef0"}):
        site.front.hidden[site.connection_id] = 1000
        done = site.run(**{**ABSENT, "vpc_id": "vpc-0123456789abcdef0", **options})
        assert (done.failed, done.changed) == (False, False), done.result
        (warning,) = done.warnings
        assert f"vpc-0123456789abcdef0 is unknown in region {REGION} of account {site.account.id}" in warning


def test_an_unknown_vpc_is_no_absence_for_unknown_credentials(site: AwsSite) -> None:
    """With those of another account, the VPC would be unknown as well, and its routes would stay."""
    site.front.rule("GetCallerIdentity", refusal("InternalError", status=500))
    site.refused("vpc-0123456789abcdef0", **{**ABSENT, "vpc_id": "vpc-0123456789abcdef0", "connection_id": None})


# What is compared if AWS reports it


@pytest.mark.parametrize("status", ["active", "deleted"])
def test_vpc_and_requester_are_compared(routed: AwsSite, status: str) -> None:
    routed.front.status[routed.connection_id] = (status, "")
    other = routed.account.make_vpc("10.77.0.0/16")
    routed.refused(f"leads to {routed.vpc_id}, not to vpc_id {other}", vpc_id=other, **ABSENT)
    routed.refused("was requested by account", **{**ABSENT, "atlas_aws_account_ids": ["333333333333"]})
    routed.refused("not of aws_account_id", aws_account_id="333333333333", **ABSENT)


def test_the_block_is_compared_while_aws_tells_it(routed: AwsSite) -> None:
    routed.refused(
        f"has {ATLAS_BLOCK}, not atlas_cidr_block 192.168.240.0/21", **{**ABSENT, "atlas_cidr_block": "192.168.240.0/21"}
    )
    routed.front.status[routed.connection_id] = ("deleted", "")
    assert not routed.run(**{**ABSENT, "atlas_cidr_block": "192.168.232.0/21"}).changed


def test_a_table_of_another_vpc_and_a_shared_vpc_are_refused(routed: AwsSite) -> None:
    other = routed.account.make_vpc("10.77.0.0/16")
    table = routed.add_table(other)
    routed.refused(f"{table} belongs to {other}", route_table_ids=[table], **ABSENT)
    routed.front.owners[routed.vpc_id] = "555555555555"
    routed.refused("shares it with account", **ABSENT)


# What AWS does not report any more


def test_the_block_of_an_active_connection_is_the_default(routed: AwsSite) -> None:
    assert routed.run(**{**ABSENT, "atlas_cidr_block": None}).changed
    assert routed.targets() == {}


@pytest.mark.parametrize("status", ["deleted", None])
def test_without_the_block_only_remaining_routes_fail(routed: AwsSite, status: str | None) -> None:
    if status is None:
        routed.front.hidden[routed.connection_id] = 1000
    else:
        routed.front.status[routed.connection_id] = (status, "")
    options = {**ABSENT, "atlas_cidr_block": None}
    done = routed.refused("must be set: routes still lead to", **options)
    assert done.msg.startswith("vpc_id and atlas_cidr_block" if status is None else "atlas_cidr_block")
    assert all(f"{ATLAS_BLOCK} in {table}" in done.msg for table in routed.tables)
    routed.run(vpc_id=routed.vpc_id, **ABSENT)
    assert routed.targets() == {}
    done = routed.run(**options)
    assert (done.failed, done.changed) == (False, False)


def test_an_error_is_not_taken_for_absence(routed: AwsSite) -> None:
    before = routed.state()
    for action in ("DescribeVpcPeeringConnections", "DescribeVpcs", "DescribeRouteTables"):
        routed.front.rules.clear()
        routed.front.rule(action, refusal("InternalError", status=500))
        done = routed.run(**ABSENT)
        assert (done.failed, done.result["error_code"], done.changed) == (True, "InternalError", False)
        assert routed.state() == before


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ("", "AWS shows the VPC {0}, but none of its route tables, and each VPC has its main one."),
        ("<item><vpcId>{0}</vpcId></item>", "Failed to read the route tables of the VPC {0}: the reply is not one of AWS"),
    ],
)
@pytest.mark.parametrize("options", [ABSENT, {}])
def test_a_vpc_without_a_route_table_is_a_failure(routed: AwsSite, options: dict[str, Any], tables: str, message: str) -> None:
    """Each VPC has its main one; without the reply of AWS itself, its routes would count as removed, or made."""
    shown = f"<routeTableSet>{tables.format(routed.vpc_id)}</routeTableSet>"
    body = f'<DescribeRouteTablesResponse xmlns="{NAMESPACE}">{shown}</DescribeRouteTablesResponse>'
    routed.front.rule("DescribeRouteTables", Reply(200, body.encode(), (("Content-Type", "text/xml"),)))
    done = routed.run(**options)
    assert (done.failed, done.changed, routed.front.writes) == (True, False, [])
    assert done.msg.startswith(message.format(routed.vpc_id))


@pytest.mark.parametrize("is_known", [True, False])
def test_a_route_to_a_prefix_list_stays_and_is_named(site: AwsSite, is_known: bool) -> None:
    """It is not of the block, which the option could name."""
    site.accept()
    route = {"destinationPrefixListId": "pl-0a1b2c3d4e5f60001", "vpcPeeringConnectionId": site.connection_id}
    site.front.routes[site.tables[0]] = [route]
    done = site.run(**ABSENT, **({} if is_known else {"vpc_id": None, "atlas_cidr_block": None}))
    left = f"Other routes to {site.connection_id} stay: pl-0a1b2c3d4e5f60001 in {site.tables[0]}."
    assert (done.failed, done.changed, [one for one in done.warnings if "pl-" in one]) == (False, False, [left])
