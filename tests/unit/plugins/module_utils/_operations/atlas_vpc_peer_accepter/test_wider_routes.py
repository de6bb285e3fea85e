"""A new route takes traffic from a wider one, or from others: what is said of that, and what AWS has no room for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.callback import plan as _callback
from ansible_collections.cloudpeer.atlas.tests.support.accepter_site import ATLAS_BLOCK, AwsSite
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import denial, refusal

WIDE, ALL = "192.168.0.0/16", "0.0.0.0/0"
TGW = {"transitGatewayId": "tgw-0123456789abcdef0"}
VGW, FIREWALL = {"gatewayId": "vgw-0123456789abcdef0"}, {"gatewayId": "vpce-0123456789abcdef0"}
PROPAGATED = {"origin": "EnableVgwRoutePropagation"}
HOLE = {"state": "blackhole"}


def wide(destination: str = WIDE, target: dict[str, str] | None = None, **more: str) -> dict[str, str]:
    """Return a wider route as AWS shows it; by default, to a transit gateway."""
    return {"destinationCidrBlock": destination, **(TGW if target is None else target), **more}


def said(done: Any) -> list[str]:
    return [one for one in done.warnings if "from now on" in one]


def test_a_wider_route_is_said_once(site: AwsSite) -> None:
    for _more in range(3):
        site.add_table()
    tables = site.tables
    for table in tables[:4]:
        site.front.routes[table] = [wide()]
    site.front.routes[tables[4]] = [wide(target=VGW)]
    expected = [
        f"{ATLAS_BLOCK} is within {WIDE}, which goes to {TGW['transitGatewayId']} in {', '.join(tables[:3])} and 1 more: "
        "from now on it goes to Atlas.",
        f"{ATLAS_BLOCK} is within {WIDE}, which goes to {VGW['gatewayId']} in {tables[4]}: from now on it goes to Atlas.",
    ]
    for check_mode in (True, False):
        done = site.run(check_mode=check_mode)
        assert (done.changed, done.warnings) == (True, expected)
        replaced = done.result["diff"]["after"]["replaces"]
        assert replaced[f"{ATLAS_BLOCK} in {tables[4]}"] == f"{WIDE} to {VGW['gatewayId']}"
        assert len(replaced) == 5
        assert "replaces" not in done.result["diff"]["before"]
        lines = list(_callback._differences(done.result, with_plan=False))
        assert f"replaces.{ATLAS_BLOCK} in {tables[4]}: {WIDE} to {VGW['gatewayId']}" in lines
    # Once the routes are there, nothing is said.
    again = site.run()
    assert (again.changed, again.warnings, "replaces" in str(again.result["diff"])) == (False, [], False)


def test_a_lost_reply_changes_nothing_of_what_is_said(site: AwsSite) -> None:
    for table in site.tables:
        site.front.routes[table] = [wide()]
    site.front.lose("CreateRoute")
    done = site.run()
    (warning,) = said(done)
    assert ", ".join(site.tables) in warning
    assert len(done.result["diff"]["after"]["replaces"]) == 2


@pytest.mark.parametrize(
    ("routes", "taken"),
    [
        ([wide(ALL, VGW)], f"{ALL}, which goes to vgw-"),
        ([wide(ALL, TGW)], f"{ALL}, which goes to tgw-"),
        ([wide(ALL, FIREWALL)], f"{ALL}, which goes to vpce-"),
        ([wide(ALL, {"networkInterfaceId": "eni-1"})], f"{ALL}, which goes to eni-1"),
        ([wide(ALL, {"gatewayId": "igw-1"})], ""),
        ([wide(ALL, {"natGatewayId": "nat-1"})], ""),
        ([wide(ALL, {"carrierGatewayId": "cagw-1"})], ""),
        ([wide(ALL, {"egressOnlyInternetGatewayId": "eigw-1"})], ""),
        ([wide(ALL, {"instanceId": "i-1", "networkInterfaceId": "eni-1"})], ""),
        # For all else than the whole internet, each of them counts.
        ([wide(target={"instanceId": "i-1", "networkInterfaceId": "eni-1"})], f"{WIDE}, which goes to i-1"),
        ([wide(target=FIREWALL)], f"{WIDE}, which goes to vpce-"),
        ([wide(target=VGW, **PROPAGATED)], f"{WIDE}, which goes to vgw-"),
        # The longest prefix carries the addresses today, and of two alike the static one.
        ([wide(ALL, VGW), wide(), wide("192.0.0.0/8", VGW)], f"{WIDE}, which goes to tgw-"),
        ([wide(target=VGW, **PROPAGATED), wide()], f"{WIDE}, which goes to tgw-"),
        ([wide("10.0.0.0/8")], ""),
        # What goes nowhere today loses nothing.
        ([wide(**HOLE)], ""),
        ([wide(), wide("192.168.128.0/17", **HOLE)], ""),
    ],
)
def test_which_routes_lose_addresses(site: AwsSite, routes: list[dict[str, str]], taken: str) -> None:
    site.front.routes[site.tables[0]] = routes
    texts = said(site.run(check_mode=True))
    assert len(texts) == bool(taken)
    assert all(taken in one for one in texts)


def test_routes_to_this_or_an_ended_connection_lose_nothing(site: AwsSite) -> None:
    site.accept()
    site.route(site.tables[0], WIDE)
    former = site.request()
    site.front.routes[site.tables[1]] = [wide(target={"vpcPeeringConnectionId": former}, **HOLE)]
    assert said(site.run()) == []


def test_routes_over_lists_count(site: AwsSite) -> None:
    """With replace_routes, too; those of gateway endpoints have public addresses, and are not read."""
    main, other = site.tables
    made = site.ec2.create_managed_prefix_list(
        PrefixListName="x", MaxEntries=9, AddressFamily="IPv4", Entries=[{"Cidr": "10.0.0.0/8"}, {"Cidr": WIDE}]
    )["PrefixList"]["PrefixListId"]
    site.front.routes[main] = [{"destinationPrefixListId": made, **TGW}]
    site.front.routes[other] = [{"destinationPrefixListId": "pl-of-an-endpoint", **FIREWALL}]
    expected = f"{ATLAS_BLOCK} is within {WIDE} (prefix list {made}), which goes to {TGW['transitGatewayId']} in {main}: from now"
    for replace_routes in (False, True):
        (warning,) = said(site.run(check_mode=True, replace_routes=replace_routes))
        assert warning.startswith(expected)
    # A propagated route to the same block does not carry its addresses, and a longer one does.
    over_list = site.front.routes[main]
    site.front.routes[main] = [*over_list, wide(target=VGW, **PROPAGATED)]
    assert said(site.run(check_mode=True)) == [warning]
    site.front.routes[main] = [*over_list, wide("192.168.128.0/17", VGW, **PROPAGATED)]
    (longer,) = said(site.run(check_mode=True))
    assert "192.168.128.0/17, which goes to vgw-" in longer
    # A static route to the same block carries its addresses.
    site.front.routes[main] = [*over_list, wide(target=VGW)]
    (warning,) = said(site.run(check_mode=True))
    assert f"{WIDE}, which goes to vgw-" in warning
    # To this connection, the list carries the addresses already.
    site.front.routes[main] = [
        {"destinationPrefixListId": made, "vpcPeeringConnectionId": site.connection_id},
        wide("192.0.0.0/8"),
    ]
    assert said(site.run(check_mode=True)) == []


def test_what_is_refused_or_replaced_takes_nothing(site: AwsSite) -> None:
    main, other = site.tables
    site.front.routes[main] = [wide()]
    site.front.routes[other] = [wide(ATLAS_BLOCK, VGW), wide()]
    assert said(site.refused("lead elsewhere")) == []
    (warning,) = said(site.run(check_mode=True, replace_routes=True))
    assert (main in warning, other in warning) == (True, False)


def test_the_plan_names_chosen_tables_without_subnets(site: AwsSite) -> None:
    idle = [site.add_idle_table() for _more in range(4)]
    counts = "Plan: 6 to create, 1 to change, 0 to remove, 0 unchanged"
    done = site.run(route_table_ids=site.tables)
    assert done.result["summary"]["plan"] == f"{counts}. {', '.join(idle[:3])} and 1 more serve no subnet and get the route, too."
    assert done.warnings == []
    assert set(site.targets()) == {*site.tables}
    assert site.run().result["summary"]["plan"] is None


def test_the_plan_names_a_tagged_table_without_subnets(site: AwsSite) -> None:
    idle = site.add_idle_table()
    former = site.route_to_former(idle)
    site.ec2.create_tags(Resources=[idle], Tags=[{"Key": "atlas", "Value": "yes"}])
    done = site.run(route_table_tags={"atlas": "yes"})
    assert done.routes == {idle: (former, site.connection_id)}
    assert done.result["summary"]["plan"].endswith(f"unchanged. {idle} serves no subnet and gets the route, too.")


def test_the_plan_names_who_loses_its_route(site: AwsSite) -> None:
    other = site.request()
    site.accept(other)
    site.route(site.tables[0], VpcPeeringConnectionId=other)
    for check_mode in (True, False):
        plan = site.run(check_mode=check_mode, replace_routes=True, route_table_ids=site.tables[:1]).result["summary"]["plan"]
        assert plan.endswith(f"unchanged. {other}, which is active, loses its route to {ATLAS_BLOCK} in {site.tables[0]}.")


def fill(site: AwsSite, table: str, number: int) -> None:
    """Give a table so many routes, with the local one."""
    there = sum(one.id == table for one in site.account.tables(site.vpc_id))
    assert there == 1
    site.front.routes[table] = [wide(f"10.{20 + index // 256}.{index % 256}.0/24") for index in range(number - 1)]


def test_a_table_without_room_is_refused(site: AwsSite) -> None:
    main, other = site.tables
    fill(site, main, 50)
    fill(site, other, 51)
    text = f"AWS allows 50 in a route table, and {main} has 50, {other} has 51."
    done = site.refused(text)
    assert "L-93826ACB" in done.msg
    assert site.front.actions.count("GetServiceQuota") == 1
    # A route that is propagated counts for nothing, and one that is replaced needs no room.
    fill(site, other, 10)
    site.front.routes[main] = [*site.front.routes[main][1:], wide("10.99.0.0/16", VGW, **PROPAGATED)]
    assert site.run(check_mode=True).changed


@pytest.mark.parametrize(
    "reply",
    [denial("GetServiceQuota"), refusal("InternalError", status=500), refusal("NoSuchResourceException", status=400)],
)
def test_a_quota_that_cannot_be_read_refuses_nothing(site: AwsSite, reply: Any) -> None:
    fill(site, site.tables[0], 60)
    site.front.rule("GetServiceQuota", reply)
    assert site.run(check_mode=True).changed


@pytest.mark.parametrize(("number", "times"), [(44, 0), (45, 1)])
def test_the_quota_is_asked_for_where_a_table_is_nearly_full(site: AwsSite, number: int, times: int) -> None:
    fill(site, site.tables[0], number)
    fill(site, site.tables[1], number)
    assert site.run().changed
    assert site.front.actions.count("GetServiceQuota") == times
    # With nothing to add, it does not matter.
    assert (site.run().changed, site.front.actions.count("GetServiceQuota")) == (False, 0)
