"""What atlas_vpc_peer_accepter refuses, in check mode and for real; AwsSite.refused() proves that nothing is changed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.accepter_site import ATLAS_ACCOUNT, ATLAS_BLOCK, REGION, AwsSite
from ansible_collections.cloudpeer.atlas.tests.support.aws import owner
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import refusal

UNKNOWN = "pcx-0123456789abcdef0"


# The connection


def test_an_unknown_connection_is_named_with_region_and_account(site: AwsSite) -> None:
    done = site.refused(f"{UNKNOWN} is unknown in region {REGION} of account {site.account.id}", connection_id=UNKNOWN)
    assert "Set wait to true" in done.msg


def test_without_sts_the_message_says_the_owner_is_unchecked(site: AwsSite) -> None:
    site.front.rule("GetCallerIdentity", refusal("InternalFailure", status=500))
    done = site.refused(f"{UNKNOWN} is unknown in region {REGION}", connection_id=UNKNOWN)
    assert site.account.id not in done.msg
    assert "the owner of the VPC was not checked" in done.msg
    worked = site.run(aws_account_id=site.account.id)
    assert worked.changed
    (warning,) = worked.warnings
    assert "was not checked" in warning


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("deleted", "it was deleted"),
        ("deleting", "it is being deleted"),
        ("rejected", "the request was rejected"),
        ("expired", "nobody accepted the request within seven days"),
        ("failed", "AWS could not set it up"),
    ],
)
@pytest.mark.parametrize("wait", [True, False])
def test_a_connection_that_has_ended(site: AwsSite, status: str, words: str, wait: bool) -> None:
    site.front.status[site.connection_id] = (status, f"It is {status} now")
    done = site.refused(f"{site.connection_id} is {status}: {words} (AWS says: It is {status} now)", wait=wait)
    assert done.missing("Request another one in Atlas", "then use the new connection_id") == []
    assert (done.result["error_code"], site.clock.pauses) == (status, [])


def test_a_request_that_aws_has_not_passed_on_yet(site: AwsSite) -> None:
    site.front.status[site.connection_id] = ("initiating-request", "Initiating")
    assert "Set wait to true" in site.refused("still being requested (initiating-request)").msg


def test_a_connection_to_another_vpc(site: AwsSite) -> None:
    other = site.account.make_vpc("10.77.0.0/16")
    site.refused(f"leads to {site.vpc_id}, not to vpc_id {other}", vpc_id=other)


def test_a_connection_of_a_stranger(site: AwsSite) -> None:
    done = site.refused(f"was requested by account {ATLAS_ACCOUNT}", atlas_aws_account_ids=["333333333333", "444444444444"])
    assert "333333333333, 444444444444" in done.msg


def test_a_connection_to_another_region(site: AwsSite) -> None:
    here, there = site.account.make_vpc("10.89.0.0/16", REGION), site.account.make_vpc("10.88.0.0/16", "eu-west-1")
    # This account is on both sides, and sees the connection in both regions.
    made = site.ec2.create_vpc_peering_connection(
        VpcId=here, PeerVpcId=there, PeerOwnerId=site.account.id, PeerRegion="eu-west-1"
    )
    connection_id = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    site.refused("leads to region eu-west-1, not to region us-east-1", connection_id=connection_id, atlas_aws_account_ids=None)


# The VPC and its account


def test_credentials_of_another_account(site: AwsSite) -> None:
    done = site.refused(f"of account {site.account.id}, not of aws_account_id 999999999999", aws_account_id="999999999999")
    assert site.front.actions[0] == "GetCallerIdentity"
    assert "profile" in done.msg


def test_a_connection_to_a_vpc_of_another_account(site: AwsSite) -> None:
    other = owner(site.aws.url, "444444444444")
    theirs = other.make_vpc("10.66.0.0/16")
    made = site.ec2.create_vpc_peering_connection(VpcId=site.vpc_id, PeerVpcId=theirs, PeerOwnerId=other.id, PeerRegion=REGION)
    ours = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    # This account is its requester, and so it sees it.
    site.refused(f"The VPC {theirs} is unknown", connection_id=ours, atlas_aws_account_ids=None)
    site.refused(
        "leads to a VPC of account 444444444444", connection_id=ours, atlas_aws_account_ids=None, aws_account_id=site.account.id
    )


def test_an_unknown_vpc(site: AwsSite) -> None:
    site.run()
    failed = site.run(check_mode=True, connection_id=None, vpc_id="vpc-0123456789abcdef0")
    assert f"The VPC vpc-0123456789abcdef0 is unknown in region {REGION} of account {site.account.id}" in failed.msg


def test_a_vpc_that_another_account_shares(site: AwsSite) -> None:
    site.front.owners[site.vpc_id] = "555555555555"
    done = site.refused(f"belongs to account 555555555555, which shares it with account {site.account.id}", dns="warn")
    assert "Only its owner" in done.msg


def test_the_owner_of_the_vpc_is_compared_without_sts_too(site: AwsSite) -> None:
    site.front.owners[site.vpc_id] = "555555555555"
    site.front.rule("GetCallerIdentity", refusal("InternalFailure", status=500))
    site.refused("belongs to account 555555555555, not to aws_account_id", aws_account_id=site.account.id)


@pytest.mark.parametrize("part", ["10.16.0.0/16", "10.14.0.0/15", "192.168.0.0/24"])
def test_a_block_outside_the_vpc(site: AwsSite, part: str) -> None:
    site.refused(f"route_table_cidr_block {part} is not within the VPC", route_table_cidr_block=part)


@pytest.mark.parametrize("part", ["10.15.0.0/16", "10.15.128.0/17"])
def test_a_block_within_the_vpc_is_fine(site: AwsSite, part: str) -> None:
    assert not site.run(check_mode=True, route_table_cidr_block=part).failed


@pytest.mark.parametrize("block", ["10.15.0.0/21", "10.0.0.0/8"])
def test_a_block_that_overlaps_the_vpc(site: AwsSite, block: str) -> None:
    site.refused(f"atlas_cidr_block {block} overlaps 10.15.0.0/16", atlas_cidr_block=block)


def test_another_block_than_the_requesters(site: AwsSite) -> None:
    site.accept()
    site.refused(f"has {ATLAS_BLOCK}, not atlas_cidr_block 192.168.240.0/21", atlas_cidr_block="192.168.240.0/21")


# Tables and security groups


def test_a_table_that_is_missing(site: AwsSite) -> None:
    site.refused(
        "does not have these route tables: rtb-0123456789abcdef0", route_table_ids=[site.tables[0], "rtb-0123456789abcdef0"]
    )


def test_a_table_of_another_vpc(site: AwsSite) -> None:
    other = site.account.make_vpc("10.77.0.0/16")
    table = site.add_table(other)
    site.refused(f"{table} belongs to {other}, not to {site.vpc_id}", route_table_ids=[site.tables[0], table])


@pytest.mark.parametrize("by", ["id", "tag"])
def test_a_table_of_a_gateway(site: AwsSite, by: str) -> None:
    gateway = site.add_gateway()
    edge = site.tables[1]
    site.ec2.associate_route_table(RouteTableId=edge, GatewayId=gateway)
    site.ec2.create_tags(Resources=[edge], Tags=[{"Key": "atlas", "Value": "yes"}])
    options: dict[str, Any] = {"route_table_ids": [edge]} if by == "id" else {"route_table_tags": {"atlas": "yes"}}
    site.refused(f"{edge} belongs to the gateway {gateway}", **options)


def test_tags_that_no_table_has(site: AwsSite) -> None:
    site.refused("has the tags atlas=yes, tier=1", route_table_tags={"atlas": "yes", "tier": 1})


def test_a_security_group_of_another_vpc_or_none(site: AwsSite) -> None:
    other = site.account.make_vpc("10.77.0.0/16")
    there = site.ec2.create_security_group(GroupName="app", Description="app", VpcId=other)["GroupId"]
    here = site.ec2.create_security_group(GroupName="app", Description="app", VpcId=site.vpc_id)["GroupId"]
    site.refused(f"{there} belongs to {other}, not to {site.vpc_id}", security_group_ids=[here, there])
    site.refused("sg-0123456789abcdef0 is unknown", security_group_ids=["sg-0123456789abcdef0"])
    site.refused("of account 999999999999", security_group_ids=[f"999999999999/{here}"])


# Routes that lead elsewhere


def test_a_route_to_the_block_that_leads_elsewhere(site: AwsSite) -> None:
    main, other = site.tables
    gateway = site.add_gateway()
    site.route(other, GatewayId=gateway)
    done = site.refused(f"{other} routes {ATLAS_BLOCK} to {gateway}")
    assert main not in done.msg
    assert "Set replace_routes to true" in done.msg

    foreseen = site.run(check_mode=True, replace_routes=True)
    done = site.run(replace_routes=True)
    assert foreseen.routes == done.routes == {main: (None, site.connection_id), other: (gateway, site.connection_id)}
    assert sorted(site.front.writes[1:]) == ["CreateRoute", "ReplaceRoute"]
    assert site.targets() == {main: site.connection_id, other: site.connection_id}


@pytest.mark.parametrize("replace_routes", [False, True])
def test_a_more_specific_route_elsewhere_is_always_refused(site: AwsSite, replace_routes: bool) -> None:
    gateway = site.add_gateway()
    site.route(site.tables[1], "192.168.249.0/24", GatewayId=gateway)
    done = site.refused(f"{site.tables[1]} routes 192.168.249.0/24 to {gateway}", replace_routes=replace_routes)
    assert "replace_routes" not in done.msg


def test_a_more_specific_route_to_this_connection_is_fine(site: AwsSite) -> None:
    site.route(site.tables[1], "192.168.249.0/24")
    site.run()
    assert len(site.targets()) == 2


def test_a_larger_route_and_another_destination_stay(site: AwsSite) -> None:
    gateway = site.add_gateway()
    for block in ("192.168.0.0/16", "0.0.0.0/0", "192.168.240.0/21"):
        site.route(site.tables[0], block, GatewayId=gateway)
    site.run(replace_routes=True)
    assert site.targets()[site.tables[0]] == site.connection_id
    for block in ("192.168.0.0/16", "0.0.0.0/0", "192.168.240.0/21"):
        assert site.targets(block) == {site.tables[0]: gateway}


def test_a_route_to_a_live_connection_of_others_is_refused(site: AwsSite) -> None:
    other = site.request()
    site.accept(other)
    site.route(site.tables[0], VpcPeeringConnectionId=other)
    done = site.refused(f"{site.tables[0]} routes {ATLAS_BLOCK} to {other}")
    assert "Set replace_routes to true" in done.msg
    assert site.run(replace_routes=True).routes[site.tables[0]] == (other, site.connection_id)


@pytest.mark.parametrize("status", ["pending-acceptance", "provisioning", "initiating-request"])
def test_a_black_hole_that_may_come_to_life_is_refused(site: AwsSite, status: str) -> None:
    other = site.route_to_former(site.tables[0], status)
    done = site.refused(f"{site.tables[0]} routes {ATLAS_BLOCK} to {other} (a black hole)")
    assert "replace_routes" in done.msg


@pytest.mark.parametrize("status", ["deleted", "deleting", "rejected", "expired", "failed", None])
def test_a_route_to_an_ended_connection_is_simply_replaced(site: AwsSite, status: str | None) -> None:
    former = site.route_to_former(site.tables[0], status)
    assert site.run().routes[site.tables[0]] == (former, site.connection_id)
    assert site.front.writes.count("ReplaceRoute") == 1
    assert site.targets()[site.tables[0]] == site.connection_id


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ({"instanceId": "i-0123456789abcdef0", "networkInterfaceId": "eni-0123456789abcdef0"}, "i-0123456789abcdef0"),
        ({"natGatewayId": "nat-0123456789abcdef0"}, "nat-0123456789abcdef0"),
        ({"transitGatewayId": "tgw-0123456789abcdef0"}, "tgw-0123456789abcdef0"),
        ({"gatewayId": "vgw-0123456789abcdef0"}, "vgw-0123456789abcdef0"),
        ({"networkInterfaceId": "eni-0123456789abcdef0"}, "eni-0123456789abcdef0"),
        ({"localGatewayId": "lgw-0123456789abcdef0"}, "lgw-0123456789abcdef0"),
        ({"carrierGatewayId": "cagw-0123456789abcdef0"}, "cagw-0123456789abcdef0"),
        ({"egressOnlyInternetGatewayId": "eigw-0123456789abcdef0"}, "eigw-0123456789abcdef0"),
        ({"coreNetworkArn": "arn:aws:networkmanager::1:core-network/x"}, "arn:aws:networkmanager::1:core-network/x"),
        ({"odbNetworkArn": "arn:aws:odb:us-east-1:1:odb-network/x"}, "arn:aws:odb:us-east-1:1:odb-network/x"),
        ({"ipAddress": "10.15.0.9"}, "10.15.0.9"),
        ({"somethingNew": "x-0123456789abcdef0"}, "a target that this version of botocore does not know"),
    ],
)
@pytest.mark.parametrize("state", ["active", pytest.param("blackhole", marks=pytest.mark.full)])
def test_every_kind_of_target_is_named_live_or_not(site: AwsSite, target: dict[str, str], shown: str, state: str) -> None:
    site.front.routes[site.tables[1]] = [{"destinationCidrBlock": ATLAS_BLOCK, "state": state, **target}]
    mark = " (a black hole)" if state == "blackhole" else ""
    done = site.refused(f"{site.tables[1]} routes {ATLAS_BLOCK} to {shown}{mark}")
    assert ("black hole" in done.msg) == (state == "blackhole")


@pytest.mark.parametrize("origin", ["EnableVgwRoutePropagation", "Advertisement"])
def test_a_propagated_route_is_refused_or_gets_a_static_one(site: AwsSite, origin: str) -> None:
    table = site.tables[1]
    target = {"gatewayId": "vgw-0123456789abcdef0"} if origin.startswith("Enable") else {"ipAddress": "10.15.0.9"}
    shown = next(iter(target.values()))
    site.front.routes[table] = [{"destinationCidrBlock": ATLAS_BLOCK, "origin": origin, **target}]
    site.refused(f"{table} routes {ATLAS_BLOCK} to {shown} (propagated)")
    done = site.run(replace_routes=True)
    assert site.front.writes == ["AcceptVpcPeeringConnection", "CreateRoute", "CreateRoute"]
    assert (done.routes[table], site.targets()[table]) == ((shown, site.connection_id), site.connection_id)
    # The static one takes precedence: nothing is left to do, or to refuse.
    assert not site.run().changed


def test_a_propagated_route_within_the_block_is_refused_always(site: AwsSite) -> None:
    site.front.routes[site.tables[1]] = [
        {"destinationCidrBlock": "192.168.249.0/24", "origin": "EnableVgwRoutePropagation", "gatewayId": "vgw-0123456789abcdef0"}
    ]
    site.refused("192.168.249.0/24 to vgw-0123456789abcdef0 (propagated)", replace_routes=True)


def test_a_static_route_overrides_a_propagated_one_in_the_block(site: AwsSite) -> None:
    """As P601 advises. Source: "Route priority" in Amazon's VPC guide."""
    main, other = site.tables
    part = "192.168.249.0/24"
    site.accept()
    for table in (main, other):
        site.route(table)
    site.route(other, part)
    site.front.routes[other] = [
        {"destinationCidrBlock": part, "origin": "EnableVgwRoutePropagation", "gatewayId": "vgw-0123456789abcdef0"}
    ]
    done = site.run()
    assert (done.failed, done.changed) == (False, False)


def test_a_local_target_is_never_replaced(site: AwsSite) -> None:
    site.front.routes[site.tables[1]] = [{"destinationCidrBlock": ATLAS_BLOCK, "gatewayId": "local"}]
    done = site.refused(f"{site.tables[1]} routes {ATLAS_BLOCK} to local", replace_routes=True)
    assert "Set replace_routes" not in site.refused("to local").msg
    assert "replace_routes" not in done.msg


@pytest.mark.parametrize(("state", "is_ended"), [("active", False), ("blackhole", True)])
def test_a_route_to_an_unlisted_connection_is_not_ended_as_such(site: AwsSite, state: str, is_ended: bool) -> None:
    """Lists may lag behind: an active route leads to a connection that is there."""
    main, other = site.tables
    site.front.routes[main] = [{"destinationCidrBlock": ATLAS_BLOCK, "vpcPeeringConnectionId": UNKNOWN, "state": state}]
    foreseen = site.run(check_mode=True)
    if is_ended:
        assert foreseen.routes[main] == (UNKNOWN, site.connection_id)
        return
    done = site.refused(f"{main} routes {ATLAS_BLOCK} to {UNKNOWN}.")
    assert "Set replace_routes to true" in done.msg
    assert site.run(check_mode=True, replace_routes=True).routes[main] == (UNKNOWN, site.connection_id)
    removal = site.run(check_mode=True, state="absent", vpc_id=site.vpc_id)
    assert (removal.changed, removal.routes[other]) == (False, (None, None))


def listed(site: AwsSite, *blocks: str, **target: str) -> str:
    """Make a prefix list with these blocks, to which the second table has a route, and return its id."""
    entries = [{"Cidr": block} for block in blocks]
    made = site.ec2.create_managed_prefix_list(PrefixListName="x", MaxEntries=9, AddressFamily="IPv4", Entries=entries)
    list_id = str(made["PrefixList"]["PrefixListId"])
    site.front.routes[site.tables[1]] = [{"destinationPrefixListId": list_id, **target}]
    return list_id


def test_a_route_over_a_prefix_list_needs_replace_routes(site: AwsSite) -> None:
    """A static route takes precedence over it. Source: "Route priority" in Amazon's VPC guide."""
    main, other = site.tables
    list_id = listed(site, "10.99.0.0/16", ATLAS_BLOCK, transitGatewayId="tgw-0123456789abcdef0")
    done = site.refused(f"{other} routes {ATLAS_BLOCK} (prefix list {list_id}) to tgw-0123456789abcdef0")
    assert (main in done.msg, "Set replace_routes to true" in done.msg) == (False, True)
    done = site.run(replace_routes=True)
    assert site.front.writes == ["AcceptVpcPeeringConnection", "CreateRoute", "CreateRoute"]
    # It is made beside the other one, so that nothing is left to do or to read.
    assert done.warnings == []
    assert (site.run().changed, "GetManagedPrefixListEntries" in site.front.actions) == (False, False)


def test_a_part_of_the_block_over_a_list_is_refused_always(site: AwsSite) -> None:
    """The longest prefix takes precedence, whatever kind of route has it. Source: "Route priority" in Amazon's VPC guide."""
    part = "192.168.250.0/24"
    list_id = listed(site, part, transitGatewayId="tgw-0123456789abcdef0")
    shown = f"{site.tables[1]} routes {part} (prefix list {list_id}) to tgw-0123456789abcdef0"
    done = site.refused(shown, replace_routes=True)
    assert "Set replace_routes" not in done.msg
    # But a static route to the same block takes precedence over the list.
    site.accept()
    site.route(site.tables[1], part)
    assert site.run().changed


@pytest.mark.parametrize("blocks", [["10.99.0.0/16"], ["192.168.0.0/16"], []])
def test_lists_without_the_block_and_ipv6_are_no_routes_to_it(site: AwsSite, blocks: list[str]) -> None:
    listed(site, *blocks, gatewayId="vgw-0123456789abcdef0")
    route = {"destinationIpv6CidrBlock": "::/0", "egressOnlyInternetGatewayId": "eigw-0123456789abcdef0"}
    site.front.routes[site.tables[1]].append(route)
    assert len(site.run().routes) == 2
    assert site.front.actions.count("GetManagedPrefixListEntries") == 1


def test_a_list_that_leads_to_this_connection_is_fine(site: AwsSite) -> None:
    listed(site, ATLAS_BLOCK, vpcPeeringConnectionId=site.connection_id)
    assert site.run().changed
    assert "GetManagedPrefixListEntries" not in site.front.actions


def test_lists_of_gateway_endpoints_are_not_read(site: AwsSite) -> None:
    listed(site, ATLAS_BLOCK, gatewayId="vpce-0123456789abcdef0")
    assert (site.run().changed, "GetManagedPrefixListEntries" in site.front.actions) == (True, False)


def test_a_list_that_must_not_be_read_is_a_warning(site: AwsSite) -> None:
    list_id = listed(site, ATLAS_BLOCK, transitGatewayId="tgw-0123456789abcdef0")
    site.front.rule("GetManagedPrefixListEntries", refusal("UnauthorizedOperation", status=403))
    for check_mode in (True, False):
        done = site.run(check_mode=check_mode)
        (warning,) = done.warnings
        for part in (list_id, ATLAS_BLOCK, "tgw-0123456789abcdef0", "Allow ec2:GetManagedPrefixListEntries"):
            assert part in warning
        assert (done.failed, done.changed) == (False, True)


def test_a_list_that_cannot_be_read_is_a_failure(site: AwsSite) -> None:
    list_id = listed(site, ATLAS_BLOCK, transitGatewayId="tgw-0123456789abcdef0")
    site.front.rule("GetManagedPrefixListEntries", refusal("InternalError", status=500))
    assert site.refused(f"Failed to read the entries of the prefix list {list_id}").result["error_code"] == "InternalError"


def test_all_routes_that_lead_elsewhere_are_named_at_once(site: AwsSite) -> None:
    gateway = site.add_gateway()
    for table in site.tables:
        site.route(table, GatewayId=gateway)
    done = site.refused("lead elsewhere")
    assert all(f"{table} routes {ATLAS_BLOCK} to {gateway}" in done.msg for table in site.tables)
    # Those of tables that are not chosen do not matter.
    site.delete_route(site.tables[0])
    assert site.run(route_table_ids=[site.tables[0]]).changed
