"""The role end to end: from nothing, again, from every half-done point and back, with one, three and ten VPCs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from ansible_collections.cloudpeer.atlas.tests.support.aws import Aws
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import Front, denial
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.role_site import (
    ATLAS_ACCOUNT,
    ATLAS_BLOCK,
    BLOCK,
    ROLE,
    RoleRunner,
    Vpc,
    as_text,
    lines,
    message,
    result,
    role_variables,
    said,
)
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun, until

CONNECT = [
    "Read the list of VPCs",
    "Go through the clouds of the list",
    "Connect the VPCs in AWS",
    "Check the list of VPCs",
    "Ensure the network containers in Atlas",
    "Find the connections in Atlas",
    "Check the VPCs and their route tables in AWS",
    "Check the connections in Atlas",
    "Request the connections in Atlas",
    "Wait until AWS knows the connections",
    "Accept the connections and add the routes to Atlas",
    "Wait until the connections carry traffic",
    "Add the VPCs to the access list",
    "Return the result",
    "Connect the VPCs for which Atlas had no place before",
    "Show what is left to do",
    "Check that nothing keeps the VPCs from reaching Atlas",
]


def changes(run: PlaybookRun) -> Counter[str]:
    """Return what has changed something, by the names of the role's tasks."""
    return Counter(
        one["task"].partition(" : ")[2]
        for one in run.records
        if one["verdict"] in ("ok", "item ok") and one["result"].get("changed") and "results" not in one["result"]
    )


def test_from_nothing_and_again(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    site = make_site()
    foreseen = run("--check", connections=[site.connection])
    assert (run.writes, site.atlas, site.aws, run.access_list) == ([], {}, {}, {})
    assert changes(foreseen) == dict.fromkeys((CONNECT[8], CONNECT[10], CONNECT[12]), 1)
    assert result(foreseen)["changed"] is True

    first = run(connections=[site.connection])
    connection = site.assert_connected()
    assert lines(first) == CONNECT
    assert changes(first) == changes(foreseen)
    assert first.warnings == []
    before = run.sent[: run.sent.index(("POST", "/peers"))]
    assert before.count(("GET", "/peers")) == 3, "one to find them all, and one each to check and to request them"
    assert [path for unused, path in run.sent if path.startswith("/peers/")] == [], "one list a poll, not a request for each"
    returned = result(first)
    assert (returned["changed"], returned["state"], returned["remaining"]) == (True, "present", [])
    assert [container["atlas_cidr_block"] for container in returned["containers"]] == [ATLAS_BLOCK]
    (peering,) = returned["connections"]
    assert (peering["connection_id"], peering["vpc_peer"]["status_name"]) == (connection, "AVAILABLE")
    assert peering["route_table_ids"] == [site.table["RouteTableId"]]
    assert [entry["cidr_block"] for entry in returned["access_list"]] == [BLOCK]
    assert run.access_list == {BLOCK: f"VPC peering with {site.vpc_id}"}

    # Each module comes out the same in both ways; here the role does.
    again = run("--check", connections=[site.connection], way="module")
    assert (again.changed, run.writes, result(again)["changed"]) == (0, [], False)
    assert result(again)["connections"][0]["vpc_peer"] == peering["vpc_peer"]
    assert [path for unused, path in run.sent if path.startswith("/peers")] == ["/peers"] * 3, (
        "what is available is not waited for"
    )


@pytest.mark.full
def test_from_every_half_done_point(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    requested, accepted, without_route, without_entry = sites = [
        make_site(block=f"10.{number}.0.0/16") for number in range(15, 19)
    ]
    requested.request()
    accepted.accept()
    without_route.accept()
    without_route.allow()
    without_entry.route(VpcPeeringConnectionId=without_entry.accept())
    by_hand = make_site(block="10.19.0.0/16")
    by_hand.connect()
    connections = [site.connection for site in (*sites, by_hand)]

    missing = {CONNECT[10]: 3, CONNECT[12]: 1}
    foreseen = run("--check", connections=connections)
    assert (changes(foreseen), run.writes) == (missing, [])
    assert changes(run(connections=connections)) == missing
    assert run.writes == ["POST"], "the entries of the access list"
    for site in (*sites, by_hand):
        site.assert_connected()
        assert run.access_list[site.block] == f"VPC peering with {site.vpc_id}"


@pytest.mark.full
def test_ten_vpcs_go_side_by_side_from_phase_to_phase(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    sites = [make_site(block=f"10.{number}.0.0/16") for number in range(20, 30)]
    connections = [site.connection for site in sites]
    first = run(connections=connections)
    assert lines(first) == CONNECT
    for site in sites:
        site.assert_connected()
    assert len(run.access_list) == 10
    posts = [number for number, one in enumerate(run.sent) if one == ("POST", "/peers")]
    entries = [number for number, one in enumerate(run.sent) if one == ("POST", "/accessList")]
    assert posts == list(range(posts[0], posts[0] + 10)), "all are requested before the first one is waited for"
    assert posts[-1] < entries[0]
    assert [path for method, path in run.sent if method == "GET" and path.startswith("/peers/")] == [], (
        "all are waited for at once"
    )
    assert len(entries) == 1
    assert run(connections=connections).changed == 0

    gone = run(connections=connections, state="absent")
    assert (run.access_list, [site.atlas for site in sites], [site.routes for site in sites]) == ({}, [{}] * 10, [{}] * 10)
    assert len(lines(gone)) <= 13
    removals = [number for number, (method, path) in enumerate(run.sent) if method == "DELETE" and path.startswith("/peers/")]
    assert len(removals) == 10
    assert removals[-1] < max(number for number, (unused, path) in enumerate(run.sent) if path.startswith("/peers/"))
    again = run(connections=connections, state="absent")
    assert (again.changed, run.writes, result(again)["changed"]) == (0, [], False)


@pytest.mark.full
def test_four_hosts_side_by_side(run: RoleRunner, make_site: Callable[..., Vpc], tmp_path: Path) -> None:
    """Of four hosts with a VPC each, one has a mistake, which ends the role for that host alone."""
    sites = [make_site(block=f"10.{number}.0.0/16") for number in range(30, 34)]
    sites[3].route("192.168.248.0/22", GatewayId=sites[3].gateway())
    hosts = {f"host{number}": {"vpc_peering_connections": [site.connection]} for number, site in enumerate(sites)}
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": {"ansible_connection": "local"}}}))
    use = {"ansible.builtin.include_role": {"name": ROLE}, "vars": role_variables({})}

    done = run.play([use], "-i", str(inventory), hosts="all", status=2)
    for site in sites[:3]:
        site.assert_connected()
    assert (sites[3].atlas, sites[3].table["RouteTableId"] in message(done)) == ({}, True)
    assert len(run.access_list) == 3
    started = [number for number, one in enumerate(run.sent) if one == ("POST", "/peers")]
    assert len(started) == 3
    looks = run.sent[started[0] : started[-1]].count(("GET", "/peers"))
    assert looks <= 2, "no host waits for another one: each has looked once before its request"
    posts = [entry for entry in run.sent if entry[1] == "/accessList" or entry[1].endswith("/status")]
    ends = [number for number, one in enumerate(posts) if one[0] == "POST"]
    # Atlas takes no two POSTs at once: between them, the one before has been waited for.
    assert all(("GET", "/accessList") in posts[before:after] for before, after in pairwise(ends))


@pytest.mark.parametrize("source", ["command line", "inventory"])
@pytest.mark.full
def test_flags_and_numbers_may_be_text(run: RoleRunner, make_site: Callable[..., Vpc], tmp_path: Path, source: str) -> None:
    site = make_site()
    connections = [{**site.connection, "aws_account_id": int(site.account.id)}]

    def use(status: int = 0, **variables: str) -> PlaybookRun:
        options = as_text({"wait_timeout": "20", "dns": "ignore", **variables})
        if source == "inventory":
            inventory = tmp_path / "inventory.ini"
            inventory.write_text("\n".join(["[all]", "localhost ansible_connection=local", "[all:vars]", *options[1::2]]))
            options = ["-i", str(inventory)]
        kept = {"wait_timeout": None, "dns": None, "atlas_aws_account_ids": [int(ATLAS_ACCOUNT)]}
        return run(*options, status=status, connections=connections, **kept)

    use(aws="false", access_list="no", replace_routes="False")
    assert (list(site.atlas.values()), site.routes, run.access_list) == (["PENDING_ACCEPTANCE"], {}, {})
    site.route(GatewayId=site.gateway())
    if source == "command line":
        assert "connection_id must be set" in message(use(2, atlas="false"))
        assert site.table["RouteTableId"] in message(use(2, replace_routes="no"))
    use(replace_routes="yes", aws="true", atlas="yes", access_list="on")
    connection = site.assert_connected()
    assert list(run.access_list) == [BLOCK]

    use(state="absent", remove_container="false")
    assert (site.atlas, site.aws[connection], site.routes, list(run.containers)) == ({}, "deleted", {}, ["US_EAST_1"])
    if source == "command line":
        assert (use(state="absent", remove_container="true").changed, run.containers) == (1, {})


def test_no_phase_is_a_list_of_tasks_of_its_own() -> None:
    """A list that is included in a loop keeps the hosts waiting for each other."""
    for file in (ROOT / "roles" / "vpc_peering" / "tasks").rglob("*.yml"):
        tasks = yaml.safe_load(file.read_text())
        tasks += [task for block in tasks for task in (*block.get("block", []), *block.get("rescue", []))]
        assert [task["name"] for task in tasks if "loop" in task and any("include" in key for key in task)] == []


def unsaid(told: list[str], cases: list[tuple[dict[str, Any], list[str]]]) -> list[tuple[str, list[str]]]:
    """Return the messages that lack something, with what they lack."""
    missing = [(text, [word for word in words if word not in text]) for text, (unused, words) in zip(told, cases, strict=True)]
    return [(text, words) for text, words in missing if words]


@pytest.mark.full
def test_a_wrong_list_is_refused_before_anything_is_sent(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    one = make_site().connection
    half = {"atlas": False, "container_cidr_block": ATLAS_BLOCK}
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"connections": [one, one]}, [one["vpc_id"], "more than once", "container_region"]),
        ({"connections": [one, {**one, "container_region": "us-east-1"}]}, ["more than once"]),
        (
            {"connections": [one, {**one, "container_region": "US_EAST_1"}], "container_region": "us-east-1", "state": "absent"},
            ["more than once"],
        ),
        ({**half, "connections": [one]}, [one["vpc_id"], "connection_id"]),
        ({**half, "connections": [{**one, "connection_id": ""}], "state": "absent"}, [one["vpc_id"], "connection_id"]),
        (
            {"connections": [{**one, "connection_id": "pcx-1"}], "atlas": False},
            [one["vpc_id"], "vpc_peering_container_cidr_block"],
        ),
        ({"connections": [{**one, "cidr_block": None}], "aws": False}, [one["vpc_id"], "cidr_block must be set"]),
        ({"connections": [one], "aws": False, "atlas": False}, ["vpc_peering_atlas and vpc_peering_aws are both false"]),
        ({"connections": [{**one, "comment": "x" * 81}]}, [one["vpc_id"], "80 characters"]),
        ({"connections": [{**one, "aws_security_group": "app"}]}, [one["vpc_id"], "sg-0a1b2c3d4e5f67890"]),
        (
            {
                "connections": [
                    {**one, "container_region": "eu-west-1", "container_cidr_block": "172.20.0.0/21"},
                    {**one, "vpc_id": "vpc-00000002", "container_region": "eu-west-1", "container_cidr_block": "172.21.0.0/21"},
                ]
            },
            [one["vpc_id"], "vpc-00000002", "several blocks"],
        ),
        ({"connections": [one], "state": "there"}, ["vpc_peering_state"]),
        ({"connections": [{"vpc_id": one["vpc_id"]}]}, ["aws_account_id"]),
    ]
    told = run.refusals(*[case for case, unused in cases])
    assert unsaid(told, cases) == []
    # A state of absent reads before it checks the list.
    assert {method for method, unused in run.sent} <= {"GET"}


@pytest.mark.full
@pytest.mark.parametrize("options", [pytest.param((), id="run"), pytest.param(("--check",), id="check mode")])
def test_both_clouds_are_checked_before_anything_is_requested(
    run: RoleRunner, aws_front: Front, make_site: Callable[..., Vpc], options: tuple[str, ...]
) -> None:
    good, site, taken = make_site(), make_site(block="10.16.0.0/16"), make_site(block="10.17.0.0/16")
    gateway = taken.gateway()
    taken.route(GatewayId=gateway)
    within = make_site(block="10.18.0.0/16")
    within.route("192.168.250.0/24", GatewayId=within.gateway())
    twice = make_site(block="10.19.0.0/16")
    twice.ec2.associate_vpc_cidr_block(VpcId=twice.vpc_id, CidrBlock="10.20.0.0/16")
    stranger = make_site(owner="444455556666", block="10.21.0.0/16")
    group = make_site(block="10.22.0.0/16").ec2.create_security_group(GroupName="a", Description="a", VpcId=good.vpc_id)[
        "GroupId"
    ]
    aws_front.forget()

    def case(change: dict[str, Any], base: Vpc = site, **more: Any) -> dict[str, Any]:
        return {"connections": [{**base.connection, **change}], **more}

    table, table_within = taken.table["RouteTableId"], within.table["RouteTableId"]
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"connections": [good.connection, taken.connection]}, [taken.vpc_id, table, gateway, "replace_routes"]),
        (case({}, within, replace_routes=True), [table_within, "192.168.250.0/24"]),
        (case({"cidr_block": None}, twice), [twice.vpc_id, "10.19.0.0/16", "10.20.0.0/16", "cidr_block"]),
        (case({"cidr_block": "10.99.0.0/16"}), ["10.99.0.0/16", "10.16.0.0/16"]),
        (case({"cidr_block": "10.16.0.1/16"}), ["10.16.0.0/16", "host bits"]),
        (case({"vpc_id": "vpc-0a1b2c3d4e5f60001"}), ["vpc-0a1b2c3d4e5f60001", "unknown", "us-east-1"]),
        (case({"region": "eu-west-1"}), [site.vpc_id, "unknown", "eu-west-1"]),
        (case({}, stranger), [stranger.account.id, run.account.id]),
        (case({"route_table_ids": ["rtb-00000000000000000"]}), ["rtb-00000000000000000"]),
        (case({"route_table_tags": {"Tier": "none"}}), ["Tier=none"]),
        (case({"aws_security_group": f"{run.account.id}/{group}"}), [group, good.vpc_id, site.vpc_id]),
        (case({}, container_cidr_block="192.168.0.0/16"), ["atlas_cidr_block", "/21"]),
        (case({}, container_cidr_block="10.16.0.0/21"), ["10.16.0.0/21", "10.16.0.0/16"]),
    ]
    # Check mode comes out of the same tasks.
    cases = cases[:4] if options else cases
    told = run.refusals(*[case for case, unused in cases], options=options)
    assert unsaid(told, cases) == []
    assert ([method for method in run.writes if method != "PATCH"], aws_front.writes, good.atlas) == ([], [], {})


@pytest.mark.full
def test_a_failed_phase_says_what_is_requested_and_not_accepted(
    run: RoleRunner, aws_front: Front, make_site: Callable[..., Vpc]
) -> None:
    done, first, second, accepted = (make_site(block=f"10.{number}.0.0/16") for number in range(15, 19))
    accepted.accept()
    # Variables of the role may be templates with the item of a loop around it.
    use = {"ansible.builtin.include_role": {"name": ROLE}, "vars": role_variables({"connections": "{{ item }}"})}
    lists = [[site.connection for site in sites] for sites in ([done], [first, second, accepted])]
    # What an earlier use in the same play has left behind is not taken for this one's.
    aws_front.rule("CreateRoute", denial("CreateRoute"))
    message_of_done = run.refusals({"connections": [done.connection]}, {"connections": [{**first.connection, "vpc_id": "vpc-1"}]})
    assert "have been requested" not in message_of_done[0], "it is accepted"
    assert ("have been requested" in message_of_done[1], "vpc-1" in message_of_done[1]) == (False, True)

    aws_front.rules.clear()
    aws_front.rule("AcceptVpcPeeringConnection", denial("AcceptVpcPeeringConnection"))
    run.play([{**use, "loop": lists[:1]}])
    told = message(run.play([{**use, "loop": lists}], status=2))
    open_connections = {**first.atlas, **second.atlas}
    assert set(open_connections.values()) == {"PENDING_ACCEPTANCE"}
    words = [
        *open_connections,
        first.vpc_id,
        second.vpc_id,
        run.account.id,
        "us-east-1",
        "seven days",
        "AcceptVpcPeeringConnection",
    ]
    assert [word for word in words if word not in told] == []
    assert [word for word in (*accepted.atlas, *done.atlas) if word in told] == []
    assert list(run.access_list) == [done.block], "the next phases do not begin"
    assert accepted.routes == {ATLAS_BLOCK: next(iter(accepted.atlas))}, "the phase is done for the others"

    aws_front.rules.clear()
    assert run.play([{**use, "loop": lists}]).changed > 0
    for site in (first, second, accepted):
        site.assert_connected()
    assert {*first.atlas, *second.atlas} == {*open_connections}


@pytest.mark.full
def test_a_check_that_fails_says_that_it_leaves_a_new_container(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    site = make_site(region="eu-central-1")
    site.route("172.20.0.0/21", GatewayId=site.gateway())
    wanted = {"connections": [site.connection], "container_region": "eu-central-1", "container_cidr_block": "172.20.0.0/21"}
    (foreseen,) = run.refusals(wanted, options=("--check",))
    told, again = run.refusals(wanted, wanted)
    assert [site.table["RouteTableId"] in text for text in (foreseen, told, again)] == [True] * 3
    assert "The network container in EU_CENTRAL_1 is new, and nothing uses it yet" in told
    assert ["nothing uses it" in text for text in (foreseen, again)] == [False, False]
    assert (site.atlas, run.access_list) == ({}, {})
    run(**wanted, replace_routes=True)
    site.assert_connected("172.20.0.0/21")


@pytest.mark.full
def test_which_container_is_meant(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    """There is no default region: it is the only container, or the one that is named."""
    site = make_site(region="eu-west-1")
    connections = [{**site.connection, "region": None}]
    with run.emulator.project.now() as project:
        project.containers.delete(project.containers.get(run.containers["US_EAST_1"]), [])
    (none,) = run.refusals({"connections": connections})
    assert ("no network container on AWS" in none, "region_name" in none, run.writes) == (True, True, [])
    new = {"connections": connections, "container_region": "eu-west-1"}
    foreseen = run("--check", **new)
    assert any("does not exist yet" in line and site.vpc_id in line and "eu-west-1" in line for line in said(foreseen))
    assert (result(foreseen)["changed"], run.writes) == (True, [])
    wrong = {**new, "connections": [{**connections[0], "aws_account_id": "999999999999"}]}
    assert "999999999999" in run.refusals(wrong, options=("--check",))[0], "AWS is checked all the same"

    run.add_container("EU_WEST_1", "172.20.0.0/21")
    assert result(run(connections=connections))["connections"][0]["region"] == "eu-west-1"
    site.assert_connected("172.20.0.0/21")
    other = run.add_container("EU_CENTRAL_1", "172.21.0.0/21")
    (several,) = run.refusals({"connections": connections})
    assert [word for word in (other, run.containers["EU_WEST_1"], "eu-west-1", "eu-central-1") if word not in several] == []
    named = {"connections": connections, "container_region": "EU_WEST_1"}
    in_entry = {"connections": [{**site.connection, "container_region": "eu-west-1"}], "container_region": "eu-central-1"}
    assert run.in_turn(named, in_entry).changed == 0


@pytest.mark.full
def test_entries_and_comments_of_others_stay(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    # Nothing that comes from a cloud is taken for a template.
    theirs = "The {{ 6 * 7 }} hosts"
    site, second, third = (make_site(block=f"10.{number}.0.0/16") for number in range(15, 18))
    connections = [one.connection for one in (site, second, third)]
    site.allow(theirs)
    assert run(connections=connections).changed > 0
    ours = {one.block: f"VPC peering with {one.vpc_id}" for one in (second, third)}
    assert run.access_list == {site.block: theirs, **ours}
    second.allow("The office")

    gone = run(connections=connections, state="absent")
    assert run.access_list == {site.block: theirs, second.block: "The office"}
    told = said(gone)
    assert [any(word in line for line in told) for word in (site.block, second.block, "The office", third.block)] == [
        True
    ] * 3 + [False]
    assert [entry["cidr_block"] for entry in result(gone)["left"]] == [site.block, second.block]
    assert result(gone)["remaining"] == told
    again = run.in_turn({"connections": connections, "state": "absent"})
    assert (again.changed, result(again)["left"]) == (0, result(gone)["left"])
    assert result(gone)["left"][0]["comment"] == theirs
    assert "The 42 hosts" not in gone.output + again.output


@pytest.mark.full
def test_without_the_aws_half_it_ends_with_what_that_half_needs(
    run: RoleRunner, make_site: Callable[..., Vpc], tmp_path: Path
) -> None:
    site = make_site()
    # Nobody needs boto3 for Atlas's half.
    (tmp_path / "boto3.py").write_text("raise ImportError")
    run.environment["PYTHONPATH"] = str(tmp_path)
    first = run(connections=[site.connection], aws=False)
    del run.environment["PYTHONPATH"]
    ((connection, status),) = site.aws.items()
    assert (status, list(site.atlas.values()), list(run.access_list)) == ("pending-acceptance", ["PENDING_ACCEPTANCE"], [BLOCK])
    (told,) = said(first)
    words = [f"Accept {connection}", run.account.id, "us-east-1", ATLAS_BLOCK, site.vpc_id, "seven days"]
    assert [word for word in words if word not in told] == []
    assert result(first)["remaining"] == [told]

    half = {"atlas": False, "container_cidr_block": result(first)["containers"][0]["atlas_cidr_block"]}
    theirs = {**site.connection, "cidr_block": None, "connection_id": result(first)["connections"][0]["connection_id"]}
    accepted = run(connections=[theirs], **half)
    assert (accepted.changed, run.sent) == (1, [])
    (told,) = said(accepted)
    assert [word for word in ("In Atlas", "access list", BLOCK, site.vpc_id, connection) if word not in told] == []
    again = run.in_turn({"connections": [theirs], **half}, {"connections": [site.connection], "aws": False})
    assert (again.changed, site.assert_connected()) == (0, connection)

    # And back: here Atlas's half knows what the other one has to do, there the other way round.
    gone = run("--check", connections=[theirs], **half, state="absent")
    (told,) = said(gone)
    assert [word for word in ("In Atlas", "access list", connection, site.vpc_id, run.account.id) if word not in told] == []
    gone = run(connections=[{**site.connection, "cidr_block": None, "region": None}], aws=False, state="absent")
    (told,) = said(gone)
    words = ["Delete the routes", connection, ATLAS_BLOCK, site.vpc_id, run.account.id, "us-east-1"]
    assert [word for word in words if word not in told] == []
    assert (site.atlas, site.routes, run.access_list) == ({}, {ATLAS_BLOCK: connection}, {})
    theirs_gone = {"connections": [theirs], **half, "state": "absent"}
    assert (run.in_turn(theirs_gone, theirs_gone).changed, site.routes) == (1, {})


@pytest.mark.full
def test_one_vpc_reaches_two_containers(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    """Clusters in two regions: a connection for each container, and one entry in the access list."""
    site = make_site()
    second_block = "172.20.0.0/21"
    entries = [
        {**site.connection, "container_region": "us-east-1"},
        {**site.connection, "container_region": "EU_WEST_1", "container_cidr_block": second_block},
    ]
    first = run(connections=entries)
    peerings = result(first)["connections"]
    assert [one["container"]["region_name"] for one in peerings] == ["US_EAST_1", "EU_WEST_1"]
    connections = [one["connection_id"] for one in peerings]
    assert site.atlas == dict.fromkeys(connections, "AVAILABLE")
    assert site.routes == {ATLAS_BLOCK: connections[0], second_block: connections[1]}
    assert run.access_list == {BLOCK: f"VPC peering with {site.vpc_id}"}
    assert run(connections=entries).changed == 0
    (mistake,) = run.refusals({"connections": [site.connection], "state": "absent"})
    assert ("several network containers" in mistake, "container_region" in mistake, run.writes) == (True, True, [])

    one_gone = run(connections=entries[1:], state="absent", remove_container=True)
    assert (site.atlas, site.routes) == ({connections[0]: "AVAILABLE"}, {ATLAS_BLOCK: connections[0]})
    assert (list(run.access_list), list(run.containers)) == ([BLOCK], ["US_EAST_1"])
    assert any(BLOCK in line and connections[0] in line for line in said(one_gone))
    run(connections=[site.connection], state="absent")
    assert (site.atlas, site.routes, run.access_list) == ({}, {}, {})


@pytest.mark.full
def test_each_has_its_own_account_region_and_credentials(
    run: RoleRunner, aws: Aws, make_site: Callable[..., Vpc], tmp_path: Path
) -> None:
    site = make_site(region="eu-west-1", block="10.15.0.0/16")
    owner = aws.account("444455556666")
    second, third = make_site(owner=owner.id, block="10.16.0.0/16"), make_site(owner="012345678901", block="10.17.0.0/16")
    (tmp_path / "credentials").write_text("\n".join(["[reporting]", *(f"{name}={key}" for name, key in owner.keys.items())]))
    run.environment["AWS_SHARED_CREDENTIALS_FILE"] = str(tmp_path / "credentials")
    group = owner.ec2().create_security_group(GroupName="app", Description="app", VpcId=second.vpc_id)["GroupId"]
    own_keys = {f"aws_{name.removeprefix('aws_').removesuffix('_id')}": key for name, key in third.account.keys.items()}
    own_keys = {name.replace("secret_access_key", "secret_key"): key for name, key in own_keys.items()}
    assert set(own_keys) == {"aws_access_key", "aws_secret_key", "aws_session_token"}
    connections = [
        site.connection,
        {**second.connection, "aws_profile": "reporting", "aws_security_group": f"{owner.id}/{group}", "region": None},
        {**third.connection, **own_keys},
    ]
    wanted = {"connections": connections, "container_region": "us-east-1"}
    first = run("-vvv", **wanted)
    for one in (site, second, third):
        one.assert_connected()
    assert [one["region"] for one in result(first)["connections"]] == ["eu-west-1", "us-east-1", "us-east-1"]
    assert set(run.access_list) == {site.block, f"{owner.id}/{group}", third.block}
    # A failed item is shown with all that is in it.
    connections[2] |= {"cidr_block": "10.18.0.0/16"}
    failed = run("-vvv", status=2, **wanted)
    assert "10.18.0.0/16 is not within" in message(failed)
    connections[2] |= {"cidr_block": third.block, "route_table_tags": 5}
    invalid = run("-vvv", status=2, **wanted)
    assert "route_table_tags" in message(invalid)
    del connections[2]["route_table_tags"]
    gone = run("-vvv", **wanted, state="absent")
    assert (run.emulator.project.list_peers(), run.access_list, third.routes) == ([], {}, {})
    shown = [
        name
        for name in ("aws_secret_key", "aws_session_token")
        for done in (first, failed, invalid, gone)
        if own_keys[name] in done.output + str(done.records)
    ]
    assert shown == []


@pytest.mark.parametrize("run", [{"step_seconds": 2}], indirect=True, ids=["slow steps"])
@pytest.mark.full
def test_a_dead_connection_is_explained_and_requested_anew(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    rejected, expired, leaving = (make_site(block=f"10.{number}.0.0/16") for number in range(15, 18))
    first = rejected.request()
    rejected.ec2.reject_vpc_peering_connection(VpcPeeringConnectionId=first)
    expired.request()
    (peer_id,) = (peer["id"] for peer in run.emulator.project.list_peers() if peer["vpcId"] == expired.vpc_id)
    requests.post(f"{run.emulator.base_url}/emulator/peers/{peer_id}/expire", timeout=10).raise_for_status()
    told = run.refusals({"connections": [rejected.connection]}, {"connections": [expired.connection]})
    words = [["REJECTED", "recreate", rejected.vpc_id], ["EXPIRED", "7 days", "recreate", expired.vpc_id]]
    assert [[word for word in ours if word not in text] for ours, text in zip(words, told, strict=True)] == [[], []]
    assert run.writes == []

    # One that is just being removed is waited for, and requested anew as well.
    old = leaving.connect()
    with run.emulator.project.now() as project:
        project.peers.delete(next(peer for peer in project.peers.of("AWS") if peer.connection_id == old))
    assert leaving.atlas == {old: "TERMINATING"}
    connections = [rejected.connection, expired.connection, leaving.connection]
    foreseen = run("--check", connections=connections, recreate="dead")
    assert (result(foreseen)["changed"], run.writes) == (True, [])

    # The time is that of each connection in each phase; running again goes on.
    slow = make_site(block="10.18.0.0/16")
    (late,) = run.refusals({"connections": [slow.connection], "wait_timeout": "1"})
    assert [word for word in (slow.vpc_id, "INITIATING", "after 1 second", "seven days") if word not in late] == []
    run(connections=[*connections, slow.connection], recreate="dead")
    for site in (rejected, expired, leaving, slow):
        site.assert_connected()
    assert first not in rejected.atlas
    assert old not in leaving.atlas


@pytest.mark.full
def test_what_is_wanted_of_the_connection_can_change(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    site = make_site()
    tables = [site.ec2.create_route_table(VpcId=site.vpc_id)["RouteTable"]["RouteTableId"] for unused in range(3)]
    site.ec2.create_tags(Resources=tables[1:], Tags=[{"Key": "Tier", "Value": "application"}])
    wanted = {"group_id": run.emulator.settings.group_id, "tags": {"Owner": "network"}}
    warned = run(
        connections=[{**site.connection, "route_table_ids": tables[:1]}], **wanted, dns="warn", atlas_aws_account_ids=None
    )
    assert result(warned)["connections"][0]["route_table_ids"] == tables[:1]
    assert [word for word in ("enable_dns_hostnames", "700000000007") if not any(word in one for one in warned.warnings)] == []
    connection = site.assert_connected()
    # moto keeps the tags of each side, and shows Atlas's beside the connection.
    tags = site.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [connection]}])["Tags"]
    assert {one["Key"]: one["Value"] for one in tags}["Owner"] == "network"

    connections = [{**site.connection, "route_table_tags": {"Tier": "application"}, "cidr_block": "10.15.128.0/17"}]
    foreseen = run("--check", connections=connections, dns="enable")
    assert (result(foreseen)["changed"], run.writes) == (True, [])
    done = run(connections=connections, dns="enable")
    assert site.assert_connected() == connection
    assert sorted(result(done)["connections"][0]["route_table_ids"]) == sorted(tables[1:])
    assert (run.writes, list(run.access_list)) == (["PATCH", "POST"], [BLOCK, "10.15.128.0/17"])
    hostnames = site.ec2.describe_vpc_attribute(VpcId=site.vpc_id, Attribute="enableDnsHostnames")
    assert hostnames["EnableDnsHostnames"]["Value"] is True


@pytest.mark.full
def test_absent_takes_only_what_is_its_own(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    site, others = make_site(), make_site(block="10.16.0.0/16")
    kept = others.connect()
    connection = site.connect()
    site.route("0.0.0.0/0", GatewayId=site.gateway())
    site.route("10.200.0.0/16", VpcPeeringConnectionId=connection)
    before = site.table["Routes"]
    wanted: dict[str, Any] = {
        "connections": [{**site.connection, "cidr_block": None}],
        "state": "absent",
        "remove_container": True,
    }
    foreseen = run("--check", **{**wanted, "remove_container": False})
    assert (result(foreseen)["changed"], run.writes, site.table["Routes"]) == (True, [], before)
    refused = run(**wanted, status=2)
    assert others.vpc_id in message(refused), "its connection uses the container"
    assert site.table["Routes"] == [route for route in before if route["DestinationCidrBlock"] != ATLAS_BLOCK]
    assert any("10.200.0.0/16" in warning for warning in refused.warnings)
    assert (site.atlas, run.access_list, others.assert_connected()) == (
        {},
        {others.block: f"VPC peering with {others.vpc_id}"},
        kept,
    )


@pytest.mark.full
def test_absent_goes_on_where_atlas_has_nothing_left(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    """The connection, or even the container, was removed by hand: black holes stay in AWS, and an entry in the access list."""
    site = make_site()
    site.connect()
    connections = [{**site.connection, "cidr_block": None}]
    with run.emulator.project.now() as project:
        for peer in list(project.peers.of("AWS")):
            project.peers.delete(peer)
    until(lambda: site.atlas == {})
    container = run.containers["US_EAST_1"]

    def remove_container() -> None:
        with run.emulator.project.now() as project:
            project.containers.delete(project.containers.get(container), [])

    assert len(site.routes) == 1
    done = run(connections=connections, state="absent")
    assert (site.routes, list(run.access_list)) == ({}, [BLOCK])
    assert any(site.vpc_id in line and "cidr_block" in line for line in said(done)), "which entry it is nobody knows any more"
    remove_container()
    done = run(connections=[site.connection], state="absent", remove_container=True)
    assert (run.access_list, result(done)["containers"]) == ({}, [])
    assert any(site.vpc_id in line and "vpc_peering_container_cidr_block" in line for line in said(done))
    again = run(connections=[site.connection], state="absent", container_cidr_block=ATLAS_BLOCK, remove_container=True)
    assert (again.changed, said(again), run.writes) == (0, [], [])


@pytest.mark.full
def test_the_examples_connect_and_disconnect(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    site = make_site()
    run.environment |= {"VPC_ID": site.vpc_id, "AWS_ACCOUNT_ID": site.account.id}
    examples = ROOT / "docs" / "examples"
    assert run.playbook(examples / "whole_path.yml").changed > 0
    site.assert_connected()
    assert run.playbook(examples / "disconnect.yml").changed > 0
    assert (site.atlas, site.routes, run.access_list) == ({}, {}, {})
    page = yaml.safe_load((ROOT / "roles" / "vpc_peering" / "meta" / "argument_specs.yml").read_text())
    example = page["argument_specs"]["main"]["examples"].replace("vpc-0a1b2c3d4e5f67890", site.vpc_id)
    assert run.playbook(example.replace("123456789012", site.account.id)).changed > 0
    site.assert_connected()


@pytest.mark.full
def test_what_the_list_does_not_have_is_pruned(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    listed, gone, theirs, late = (make_site(block=f"10.{number}.0.0/16") for number in range(15, 19))
    old, kept = gone.connect(), theirs.connect()
    shared = {"ignore": [{"vpc_id": theirs.vpc_id}, {"vpc_id": "vpc-z*"}], "ignore_unmatched": "warn"}
    wanted = {"connections": [listed.connection], "prune": "yes", **shared}
    foreseen = run("--check", **wanted)
    assert ([peer["connection_id"] for peer in result(foreseen)["pruned"]], run.writes) == ([old], [])
    done = run(**wanted)
    (pruned,) = result(done)["pruned"]
    names = ("connection_id", "aws_account_id", "vpc_id", "route_table_cidr_block")
    assert [pruned[name] for name in names] == [old, run.account.id, gone.vpc_id, gone.block]
    assert result(foreseen)["remaining"] == result(done)["remaining"] == said(done)
    (told,) = said(done)
    assert [word for word in (old, run.account.id, gone.vpc_id, gone.block, "routes remain in AWS") if word not in told] == []
    until(lambda: gone.atlas == {})
    assert (gone.routes, gone.block in run.access_list) == ({ATLAS_BLOCK: old}, True)
    assert (theirs.assert_connected(), listed.assert_connected() in listed.atlas) == (kept, True)
    again = run(**wanted)
    assert (again.changed, result(again)["pruned"], said(again)) == (0, [], [])

    # Above the ceiling nothing is done, not even what the list would create.
    late_list = {"connections": [listed.connection, late.connection], "prune": True}
    unused, unmatched, none_left, empty, too_many, needless = run.refusals(
        {**late_list, "ignore": [{"aws_account_id": 1402433619}]},
        {**late_list, "ignore": [{"vpc_id": "vpc-z*"}]},
        {**late_list, "max_deletions": "0"},
        {**late_list, "connections": []},
        {**late_list, "connections": [late.connection]},
        {**late_list, "atlas": False},
    )
    assert ("ignore[0].aws_account_id" in unused, "octal" in unused) == (True, True)
    assert "ignore[0] matches nothing that is there" in unmatched
    assert [("max_deletions allows" in told, theirs.vpc_id in told) for told in (none_left, too_many)] == [(True, True)] * 2
    assert "would remove all connections" in empty
    assert "Only the Atlas half can remove" in needless
    assert (run.writes, late.atlas, theirs.assert_connected()) == ([], {}, kept)


@pytest.mark.parametrize("run", [{"groups": 2}], indirect=True, ids=["two projects"])
@pytest.mark.full
def test_only_one_host_of_a_play_prunes_a_project(run: RoleRunner, make_site: Callable[..., Vpc], tmp_path: Path) -> None:
    site = make_site()
    first, second = (project.id for project in run.emulator.projects)
    stranger = site.connect()

    def use(*projects: str | None, status: int = 2, **variables: Any) -> PlaybookRun:
        """Prune in a play of two hosts, each with its project in the inventory."""
        hosts = {f"host{number}": {"vpc_peering_group_id": one} if one else {} for number, one in enumerate(projects)}
        inventory = tmp_path / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": {"ansible_connection": "local"}}}))
        more = {"connections": [{**site.connection, "vpc_id": "vpc-00000002"}], "prune": True, "aws": False, **variables}
        task = {"ansible.builtin.include_role": {"name": ROLE}, "vars": role_variables(more)}
        done = run.play([task], "-i", str(inventory), "--check", hosts="all", status=status)
        assert run.writes == []
        return done

    for done in (use(None, None), use(first, None), use(first, first), use(second, second, group_id=first)):
        failed = [one["result"]["msg"] for one in done.records if one["verdict"] == "failed"]
        assert [("may have the Atlas project" in told, first in told) for told in failed] == [(True, True)] * 2
        assert sorted(name in told for name in ("host0:", "host1:") for told in failed) == [False, False, True, True]
        assert [one for one in done.results if "vpc_peers" in one] == [], "nothing was read"
    assert [stranger in line for line in said(use(first, second, status=0))] == [True], "each host has its own project"

    run.environment["MONGODB_ATLAS_PROJECT_ID"] = None
    assert "does not know the project" in message(use(None))
    # Either host may be the last one.
    told = [one["result"]["msg"] for one in use(first, None).records if one["verdict"] == "failed"]
    assert sorted("not known" in one for one in told) == [False, True]


@pytest.mark.parametrize("run", [{"max_pending_peers": 2}], indirect=True, ids=["two places"])
@pytest.mark.full
def test_more_vpcs_than_atlas_has_places_go_in_turns(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    gone = make_site()
    old = gone.connect()
    sites = [make_site(block=f"10.{number}.0.0/16") for number in range(16, 21)]
    connections = [site.connection for site in sites]

    # Where another team accepts, the role cannot make room.
    told = message(run(connections=connections, aws=False, status=2))
    requested, waiting = ([site for site in sites if bool(site.atlas) is given] for given in (True, False))
    assert [f"({site.vpc_id}, AWS account" in told for site in requested] == [True] * 2
    # What several wait for is told once.
    assert f"{', '.join(site.vpc_id for site in waiting)}: No more than 2 peers are allowed" in told
    assert ("PEER_MAXIMUM_REACHED" in told, "peers[" in told, "seven days" in told) == (True, False, True)

    done = run(connections=connections, prune=True)
    for site in sites:
        site.assert_connected()
    assert lines(done).count("Connect the VPCs for which Atlas had no place before") == 3
    assert lines(done).count("Show what is left to do") == 1
    assert result(done)["changed"] is True
    assert [peer["connection_id"] for peer in result(done)["pruned"]] == [old]
    assert [one["vpc_peer"]["status_name"] for one in result(done)["connections"]] == ["AVAILABLE"] * 5
    (remaining,) = said(done)
    assert old in remaining
    assert run(connections=connections, prune=True).changed == 0
