"""Both sides of connections on AWS, from whatever state they are in: half done, dead, changed, routes of others; and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import VpcPeers
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from ansible_collections.cloudpeer.atlas.tests.support.path_site import ACCOUNTS, ATLAS_BLOCK, PathSite

Entries = list[dict[str, Any]]
Entry = dict[str, Any]
HERE = {"container_region": "us-east-1", "group_id": None}
SECOND_BLOCK = "172.20.0.0/21"


@pytest.fixture
def site(make_path: Callable[..., PathSite]) -> PathSite:
    return make_path()


def apply(site: PathSite, entries: Entries, **options: Any) -> Done:
    """Run the task twice, foreseen and for real, with the same actions; it must succeed."""
    foreseen = site.run(connections=entries, check_mode=True, **{**HERE, **options})
    assert (foreseen.failed, site.writes) == (False, []), foreseen.result
    done = site.run(connections=entries, **{**HERE, **options})
    assert not done.failed, done.msg
    assert actions(foreseen) == actions(done)
    return done


def is_settled(site: PathSite, entries: Entries, **options: Any) -> bool:
    """Whether there is nothing to do."""
    done = site.run(connections=entries, check_mode=True, **{**HERE, **options})
    assert not done.failed, done.msg
    return not done.changed


def refused(site: PathSite, entries: Entries, **options: Any) -> Done:
    """Run the task, which must be refused without a change."""
    done = site.run(connections=entries, **{**HERE, **options})
    assert (done.failed, done.changed, site.writes) == (True, False, []), done.result
    return done


def actions(done: Done) -> list[list[str]]:
    """Return the actions of each entry."""
    return [[f"{one['action']} {one['kind']}" for one in entry["actions"]] for entry in done.result["peering"]["connections"]]


def told(done: Done) -> dict[int | None, str]:
    """Return what was said of each entry."""
    return {index: one["msg"] for one in done.result["failures"] for index in one["indexes"] or [None]}


def connections(done: Done) -> list[str]:
    return [one["connection_id"] for one in done.result["peering"]["connections"]]


def remaining(done: Done) -> list[str]:
    found: list[str] = done.result["peering"]["remaining"]
    return found


def ec2(site: PathSite, entry: Entry) -> Any:
    return site.accounts[entry["aws_account_id"]].ec2(entry["region"])


def table(site: PathSite, entry: Entry) -> dict[str, Any]:
    found = ec2(site, entry).describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [entry["vpc_id"]]}])
    return dict(found["RouteTables"][0])


def add_route(site: PathSite, entry: Entry, block: str = ATLAS_BLOCK, connection: str | None = None) -> str:
    """Let somebody else make a route to a connection, or to a gateway whose id is returned."""
    client = ec2(site, entry)
    where = {"RouteTableId": table(site, entry)["RouteTableId"], "DestinationCidrBlock": block}
    if connection is not None:
        client.create_route(**where, VpcPeeringConnectionId=connection)
        return connection
    gateway: str = client.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    client.attach_internet_gateway(InternetGatewayId=gateway, VpcId=entry["vpc_id"])
    client.create_route(**where, GatewayId=gateway)
    return gateway


def allow(site: PathSite, entry: Entry, comment: str) -> None:
    with site.emulator.project.now() as project:
        project.add_access([{"cidrBlock": entry["cidr_block"], "comment": comment}])


def routes_of(site: PathSite, entry: Entry) -> dict[str, str]:
    """Return the connections to which the tables of an entry's VPC lead, by block."""
    found: dict[str, str] = site.accounts[entry["aws_account_id"]].routes(entry["vpc_id"], entry["region"])
    return found


def in_atlas(site: PathSite) -> dict[str, str]:
    """Return the states of the project's connections, by their id in AWS."""
    return {one["connectionId"]: one["statusName"] for one in site.peers_of("AWS")}


def vpcs(entries: Entries) -> set[str]:
    return {one["vpc_id"] for one in entries}


# What is half done


ACCEPT, ROUTE, ALLOW = "accept connection", "create route", "create access list entry"


def test_from_every_half_done_point_it_goes_on(site: PathSite) -> None:
    """Nothing is done twice, and what others have done is no action."""
    entries = site.make_vpcs(7)
    requests = connections(site.run(connections=entries[1:], aws=False, access_list=False, **HERE))
    accepted, routed, allowed = {2, 4, 5, 6}, {3, 5, 6}, {4, 6}
    for index, connection in enumerate(requests, 1):
        if index in accepted:
            ec2(site, entries[index]).accept_vpc_peering_connection(VpcPeeringConnectionId=connection)
        if index in routed:
            add_route(site, entries[index], connection=connection)
        if index in allowed:
            allow(site, entries[index], "By hand")
    site.clock.sleep(30)
    done = apply(site, entries)
    assert actions(done) == [
        ["create connection", ACCEPT, ROUTE, ALLOW],
        [ACCEPT, ROUTE, ALLOW],
        [ROUTE, ALLOW],
        [ACCEPT, ALLOW],
        [ROUTE],
        [ALLOW],
        [],
    ]
    assert connections(done)[1:] == requests
    assert site.connected == vpcs(entries)
    assert site.access_list == {
        one["cidr_block"]: "By hand" if index in allowed else f"VPC peering with {one['vpc_id']}"
        for index, one in enumerate(entries)
    }
    assert is_settled(site, entries)


def test_each_half_can_be_left_to_another_team(site: PathSite) -> None:
    """Each says what the other has to do, and finds it done then."""
    (entry,) = site.make_vpcs(1)
    first = apply(site, [entry], aws=False)
    (connection,) = connections(first)
    assert (in_atlas(site), [*site.access_list], site.to_aws) == ({connection: "PENDING_ACCEPTANCE"}, [entry["cidr_block"]], {})
    (line,) = remaining(first)
    assert line.startswith(f"Accept {connection} in AWS account {entry['aws_account_id']}, region us-east-1, within seven days")
    half = {"atlas": False, "container_region": None}
    block = first.result["peering"]["containers"][0]["atlas_cidr_block"]
    theirs = {**entry, "cidr_block": None, "connection_id": connection, "container_cidr_block": block}
    assert actions(apply(site, [theirs], **half)) == [[ACCEPT, ROUTE]]
    assert (site.to_atlas, site.connected) == ({}, {entry["vpc_id"]})
    site.clock.sleep(30)
    assert is_settled(site, [theirs], **half)
    assert is_settled(site, [entry], aws=False)
    gone = apply(site, [{**entry, "cidr_block": None, "region": None}], aws=False, state="absent")
    assert (in_atlas(site), site.access_list, routes_of(site, entry)) == ({}, {}, {ATLAS_BLOCK: connection})
    (line,) = remaining(gone)
    assert line.startswith(f"Delete the routes to {ATLAS_BLOCK} that lead to {connection} from the route tables of")
    assert actions(apply(site, [theirs], state="absent", **half)) == [["delete route"]]
    assert routes_of(site, entry) == {}
    assert is_settled(site, [theirs], state="absent", **half)


# What is refused before anything is written


def test_both_sides_are_checked_before_anything_is_requested(site: PathSite) -> None:
    """In one failure for all entries; a route within the block is in the way even if routes may be replaced."""
    entries = site.make_vpcs(9)
    good, taken, within, outside, several, unknown, account, group, tables = entries
    gateway = add_route(site, taken)
    add_route(site, within, "192.168.250.0/24")
    outside["cidr_block"] = "10.99.0.0/16"
    ec2(site, several).associate_vpc_cidr_block(VpcId=several["vpc_id"], CidrBlock="10.98.0.0/16")
    several["cidr_block"] = None
    unknown["vpc_id"] = "vpc-0a1b2c3d4e5f60001"
    account["aws_account_id"] = "999999999999"
    theirs = ec2(site, good).create_security_group(GroupName="a", Description="a", VpcId=good["vpc_id"])["GroupId"]
    group["aws_security_group"] = theirs
    tables["route_table_tags"] = {"Tier": "none"}
    words = [
        [],
        [table(site, taken)["RouteTableId"], gateway, "replace_routes"],
        [table(site, within)["RouteTableId"], "192.168.250.0/24"],
        ["10.99.0.0/16", within["cidr_block"].rpartition(".")[0].rpartition(".")[0]],
        ["10.98.0.0/16", "Set cidr_block"],
        ["unknown", "us-east-1"],
        ["999999999999", ACCOUNTS[0]],
        [theirs, good["vpc_id"]],
        ["Tier=none"],
    ]
    foreseen = told(refused(site, entries, check_mode=True))
    for replace_routes in (False, True):
        found = told(refused(site, entries, replace_routes=replace_routes))
        assert replace_routes or found == foreseen
        assert sorted(found) == [index for index in range(1, 9) if index > 1 or not replace_routes]
        for index, text in found.items():
            assert index is not None
            assert [word for word in (f"connections[{index}]", *words[index]) if word not in text] == []


def test_a_route_in_the_way_of_a_new_container_is_refused(site: PathSite) -> None:
    """Where its block is given; where Atlas chooses it, the container is there by then, and the failure says so."""
    (entry,) = site.make_vpcs(1)
    for block in (SECOND_BLOCK, "192.168.240.0/21"):
        add_route(site, entry, block)
    there = {"container_region": "eu-west-1"}
    given = refused(site, [entry], **there, container_cidr_block=SECOND_BLOCK)
    assert not given.missing(table(site, entry)["RouteTableId"], SECOND_BLOCK)
    assert "is new" not in given.msg
    wrong = refused(site, [{**entry, "aws_account_id": "999999999999"}], **there)
    assert not wrong.missing("999999999999")
    chosen = site.run(connections=[entry], **{**HERE, **there})
    assert (chosen.failed, chosen.changed, in_atlas(site), site.access_list) == (True, True, {}, {})
    assert not chosen.missing(table(site, entry)["RouteTableId"], "192.168.240.0/21", "eu-west-1 is new")
    again = refused(site, [entry], **there)
    assert "is new" not in again.msg
    assert actions(apply(site, [entry], replace_routes=True, **there))[0][-2:] == ["replace route", ALLOW]
    assert site.connected == {entry["vpc_id"]}


def hide(monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """Let Atlas's list be empty so many times; return what collects the length of each list that is read."""
    read, lengths = VpcPeers.list_peers, list[int]()

    def list_peers(self: VpcPeers) -> Any:
        found = read(self) if len(lengths) >= times else []
        lengths.append(len(found))
        return found

    monkeypatch.setattr(VpcPeers, "list_peers", list_peers)
    return lengths


@pytest.mark.parametrize(("check_mode", "is_shown"), [(True, True), (False, True), (True, False)])
def test_what_another_run_has_made_meanwhile_is_read_again(
    site: PathSite, monkeypatch: pytest.MonkeyPatch, check_mode: bool, is_shown: bool
) -> None:
    """Two runs at once: the list is read before the other one requests, and AWS after it routes."""
    entries = site.make_vpcs(2)
    (connection, _other) = connections(apply(site, entries))
    if not is_shown:
        # AWS's list may lag behind the routes.
        site.front.hidden[connection] = 1
    with monkeypatch.context() as patch:
        lengths = hide(patch, 1)
        done = site.run(connections=entries, check_mode=check_mode, **HERE)
    assert (done.failed, done.changed, site.writes) == (False, not is_shown, []), done.result
    assert lengths == [0, 2, 2]


def test_a_route_to_another_project_is_called_by_its_name(site: PathSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two projects have Atlas's default block, and one VPC: routes that are replaced cut off the first project."""
    (entry,) = site.make_vpcs(1)
    (connection,) = connections(apply(site, [entry]))
    with monkeypatch.context() as patch:
        lengths = hide(patch, 9)
        done = refused(site, [entry])
    # Read once more, and not again.
    assert lengths == [0, 0]
    text = (
        f"{connection} connects this VPC with another network that has {ATLAS_BLOCK} as well, probably another project's "
        "container. One route can serve one of them: give the new container another block (next_free_blocks) before anything "
        "uses it, or choose other route tables (route_table_ids, route_table_tags). Set replace_routes to true to replace them"
    )
    assert done.missing(text) == []
    # In tables that the entry leaves alone, it is in nobody's way.
    own = ec2(site, entry).create_route_table(VpcId=entry["vpc_id"])["RouteTable"]["RouteTableId"]
    with monkeypatch.context() as patch:
        lengths = hide(patch, 9)
        done = site.run(connections=[{**entry, "route_table_ids": [own]}], check_mode=True, **HERE)
    assert (done.failed, lengths) == (False, [0])
    ec2(site, entry).delete_route_table(RouteTableId=own)
    # A route of others in the way is no reason to read the list again.
    monkeypatch.undo()
    apply(site, [entry], state="absent")
    add_route(site, entry)
    lengths = hide(monkeypatch, 9)
    done = refused(site, [entry])
    assert (lengths, "another network" in done.msg) == ([0], False)
    assert done.missing("lead elsewhere", "Remove them, if nothing needs them, or choose other route tables") == []


# What each entry has of its own


def test_each_has_its_own_account_region_and_credentials(site: PathSite) -> None:
    first = site.make_vpcs(1, region="eu-west-1", auth="keys")[0]
    role, keys, profile = (site.make_vpcs(3, 3, auth=auth)[index] for index, auth in enumerate(("role", "keys", "profile")))
    role["region"] = None
    group = ec2(site, profile).create_security_group(GroupName="a", Description="a", VpcId=profile["vpc_id"])["GroupId"]
    profile["aws_security_group"] = f"{profile['aws_account_id']}/{group}"
    entries = [first, role, keys, profile]
    done = apply(site, entries)
    assert [one["region"] for one in done.result["peering"]["connections"]] == ["eu-west-1", *["us-east-1"] * 3]
    assert [site.to_account(one)["CreateRoute"] for one in ACCOUNTS[:3]] == [2, 1, 1]
    assert {*site.access_list} == {*(one["cidr_block"] for one in entries[:3]), profile["aws_security_group"]}
    gone = site.run(connections=entries, state="absent", **HERE)
    assert ["delete route" in one for one in actions(gone)] == [True] * 4
    assert (in_atlas(site), site.access_list) == ({}, {})


def test_one_vpc_reaches_two_containers(site: PathSite) -> None:
    """A connection for each container, and one entry in the access list, which stays as long as one of them does."""
    (entry,) = site.make_vpcs(1)
    both = [
        {**entry, "container_region": "us-east-1"},
        {**entry, "container_region": "EU_WEST_1", "container_cidr_block": SECOND_BLOCK},
    ]
    none = {"container_region": None}
    done = apply(site, both, **none)
    first, second = connections(done)
    assert in_atlas(site) == {first: "AVAILABLE", second: "AVAILABLE"}
    assert routes_of(site, entry) == {ATLAS_BLOCK: first, SECOND_BLOCK: second}
    assert site.access_list == {entry["cidr_block"]: f"VPC peering with {entry['vpc_id']}"}
    assert is_settled(site, both, **none)
    unclear = refused(site, [entry], state="absent", **none)
    assert not unclear.missing("several network containers", "container_region")
    gone = apply(site, both[1:], state="absent", remove_container=True, **none)
    assert (in_atlas(site), routes_of(site, entry)) == ({first: "AVAILABLE"}, {ATLAS_BLOCK: first})
    assert ([*site.access_list], [one for one in remaining(gone) if first in one and entry["cidr_block"] in one]) == (
        [entry["cidr_block"]],
        remaining(gone),
    )
    with site.emulator.project.now() as project:
        assert [one.region for one in project.containers.of("AWS")] == ["US_EAST_1"]
    apply(site, [entry], state="absent", **none)
    assert (in_atlas(site), routes_of(site, entry), site.access_list) == ({}, {}, {})


# What has changed or is dead


def test_what_is_wanted_of_a_connection_can_change(site: PathSite) -> None:
    """Other route tables, tags, another block, and DNS."""
    (entry,) = site.make_vpcs(1)
    site.add_tables(entry, 3)
    client = ec2(site, entry)
    filters = [{"Name": "vpc-id", "Values": [entry["vpc_id"]]}]
    ids = [one["RouteTableId"] for one in client.describe_route_tables(Filters=filters)["RouteTables"]]
    client.create_tags(Resources=ids[2:], Tags=[{"Key": "Tier", "Value": "application"}])
    done = apply(site, [{**entry, "route_table_ids": ids[:1]}], tags={"Owner": "network"}, dns="warn")
    (connection,) = connections(done)
    assert actions(done) == [["create connection", ACCEPT, "tag connection", ROUTE, ALLOW]]
    assert ["enable_dns_hostnames" in one or "enableDnsHostnames" in one for one in done.warnings] == [True]
    block = entry["cidr_block"].replace("/24", "/25")
    changed = {**entry, "route_table_tags": {"Tier": "application"}, "cidr_block": block}
    done = apply(site, [changed], tags={"Owner": "data"}, dns="enable")
    narrowed = [ALLOW, "delete access list entry"]
    assert actions(done) == [["change connection", "tag connection", "enable attribute", ROUTE, ROUTE, *narrowed]]
    assert (connections(done), in_atlas(site)) == ([connection], {connection: "AVAILABLE"})
    assert sorted(done.result["peering"]["connections"][0]["route_table_ids"]) == sorted(ids[2:])
    assert [one["routeTableCidrBlock"] for one in site.peers_of("AWS")] == [block]
    assert [*site.access_list] == [block]
    assert is_settled(site, [changed], tags={"Owner": "data"}, dns="enable")


def test_a_dead_connection_of_an_unknown_vpc_stays(site: PathSite) -> None:
    one, entry = site.make_vpcs(2)
    gone = {**one, "vpc_id": "vpc-0a1b2c3d4e5f60001"}
    site.run(connections=[gone], aws=False, access_list=False, **HERE)
    with site.emulator.project.now() as project:
        next(iter(project.peers)).error = "EXPIRED"
    done = site.run(connections=[gone, entry], **HERE)
    assert not done.missing("EXPIRED", "AWS does not know this VPC in region us-east-1 of account", "state: absent")
    assert "recreate: dead" not in done.msg
    assert site.connected == {entry["vpc_id"]}


def test_dead_and_leaving_connections_are_replaced(site: PathSite) -> None:
    rejected, expired, leaving, good = entries = site.make_vpcs(4)
    first = site.run(connections=entries[:3], aws=False, access_list=False, **HERE)
    ec2(site, rejected).reject_vpc_peering_connection(VpcPeeringConnectionId=connections(first)[0])
    peers = {one["vpcId"]: one["id"] for one in site.peers_of("AWS")}
    site.fail(peers[expired["vpc_id"]], "EXPIRED")
    apply(site, [leaving, good])
    site.clock.sleep(30)
    with site.emulator.project.now() as project:
        project.peers.delete(project.peers.get(peers[leaving["vpc_id"]]))
    done = site.run(connections=entries[:2], **HERE)
    assert (done.changed, site.writes) == (False, [])
    found = told(done)
    assert [word for word in ("REJECTED", "recreate: dead", rejected["vpc_id"]) if word not in found[0]] == []
    assert [word for word in ("EXPIRED", "7 days", "recreate: dead", expired["vpc_id"]) if word not in found[1]] == []
    # One that is leaving is waited for whatever `recreate` says, and its routes lead to the new one.
    done = apply(site, entries, recreate="dead")
    assert site.connected == vpcs(entries)
    assert not {*connections(first)} & {*connections(done)}
    assert [one[0] for one in actions(done)[:2]] == ["recreate connection"] * 2
    assert (actions(done)[3], set(in_atlas(site).values())) == ([], {"AVAILABLE"})
    assert is_settled(site, entries, recreate="dead")


def test_what_is_late_says_how_far_its_connection_is(make_path: Callable[..., PathSite]) -> None:
    """In Atlas, or in AWS; and how long the request lives. Running again goes on."""
    site = make_path(step_seconds=40)
    (entry,) = site.make_vpcs(1)
    late = site.run(connections=[entry], wait_timeout=1, **HERE)
    assert [one["step"] for one in late.result["failures"]] == ["accept"]
    words = ("is still INITIATING after 1 seconds of waiting for it to be PENDING_ACCEPTANCE", "within seven days")
    assert not late.missing(f"connections[0] ({entry['vpc_id']}): VPC peering connection", *words)
    site.clock.sleep(60)
    (connection,) = in_atlas(site)
    site.front.hidden[connection] = 100
    late = site.run(connections=[entry], wait_timeout=1, **HERE)
    words = (f"The VPC peering connection {connection} is still unknown after 1 seconds", "within seven days")
    assert not late.missing(*words)
    site.front.hidden.clear()
    assert actions(apply(site, [entry])) == [[ACCEPT, ROUTE, ALLOW]]
    assert site.connected == {entry["vpc_id"]}


# What is disconnected


def test_absent_takes_only_what_is_its_own(site: PathSite) -> None:
    """Routes of others stay, those to the connection are named; a container that others use is kept."""
    entry, other = site.make_vpcs(2)
    connection, kept = connections(apply(site, [entry, other]))
    gateway = add_route(site, entry, "0.0.0.0/0")
    add_route(site, entry, "10.200.0.0/16", connection)
    routes = table(site, entry)["Routes"]
    bare = {**entry, "cidr_block": None, "region": None}
    done = site.run(connections=[bare], state="absent", remove_container=True, **{**HERE, "container_region": None})
    assert not done.missing("cannot be removed: it is used by", other["vpc_id"])
    assert ["10.200.0.0/16" in one and connection in one for one in done.warnings] == [True]
    assert table(site, entry)["Routes"] == [one for one in routes if one.get("DestinationCidrBlock") != ATLAS_BLOCK]
    assert gateway in str(table(site, entry)["Routes"])
    assert (in_atlas(site), site.connected) == ({kept: "AVAILABLE"}, {other["vpc_id"]})
    assert site.access_list == {other["cidr_block"]: f"VPC peering with {other['vpc_id']}"}


def test_absent_looks_where_atlas_says_that_the_vpc_is(site: PathSite) -> None:
    """An entry that names another region would leave the routes to a connection that is removed."""
    (entry,) = site.make_vpcs(1)
    apply(site, [entry])
    assert actions(apply(site, [{**entry, "region": "us-west-2"}], state="absent"))[0][0] == "delete route"
    assert (routes_of(site, entry), in_atlas(site)) == ({}, {})


def test_absent_goes_on_where_atlas_has_nothing_left(site: PathSite) -> None:
    """The connection, or even the container, was removed by hand: routes and an entry of the access list stay behind."""
    entry, second = site.make_vpcs(2)
    apply(site, [entry, second])
    with site.emulator.project.now() as project:
        for peer in [*project.peers.of("AWS")]:
            project.peers.delete(peer)
    site.clock.sleep(30)
    bare = {**entry, "cidr_block": None}
    done = apply(site, [bare], state="absent")
    # The entry is known by its comment.
    assert (routes_of(site, entry), [*site.access_list]) == ({}, [second["cidr_block"]])
    assert remaining(done) == []
    with site.emulator.project.now() as project:
        project.containers.delete(project.containers.get(site.emulator.project.first_container_id), [])
    without = {"state": "absent", "remove_container": True, "container_region": None}
    done = apply(site, [entry, second], **without)
    assert (site.access_list, done.result["peering"]["containers"]) == ({}, [])
    assert len(routes_of(site, second)) == 1
    assert [word for word in (second["vpc_id"], "container_cidr_block") if not any(word in one for one in remaining(done))] == []
    done = apply(site, [entry, second], container_cidr_block=ATLAS_BLOCK, **without)
    assert (routes_of(site, second), remaining(done)) == ({}, [])
    assert is_settled(site, [entry, second], container_cidr_block=ATLAS_BLOCK, **without)
