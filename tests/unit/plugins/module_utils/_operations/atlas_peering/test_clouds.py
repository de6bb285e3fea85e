"""Both sides on AZURE and GCP, in one list with AWS: roles, mirrors, and what is left of them when connections go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.entra_proofs import AzureRefusalError
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from ansible_collections.cloudpeer.atlas.tests.support.operations import load
from ansible_collections.cloudpeer.atlas.tests.support.path_site import GCP_PROJECT, PathSite

Make = Callable[..., PathSite]
Entries = list[dict[str, Any]]


@pytest.fixture
def site(make_path: Make) -> PathSite:
    return make_path(with_clouds=True)


def apply(site: PathSite, entries: Entries, **options: Any) -> Done:
    done = site.run(connections=entries, **options)
    assert not done.failed, done.msg
    return done


def actions(done: Done) -> Counter[tuple[str, ...]]:
    """Return how often each thing was done, with its names where they are known before."""
    listed = [one for entry in done.result["peering"]["connections"] for one in entry["actions"]]
    return Counter((one["side"], one["action"], one["kind"]) for one in listed)


def mirrors(site: PathSite, entries: Entries) -> list[int]:
    assert site.clouds is not None
    return [len(site.clouds.gcp.peerings(GCP_PROJECT, one["network_name"])) for one in entries]


def may_peer(site: PathSite, entries: Entries) -> list[bool]:
    assert site.clouds is not None
    return [site.clouds.azure.roles.allows(one["vnet_resource_id"]) for one in entries]


def test_three_clouds_in_one_list_and_back(site: PathSite) -> None:
    vpcs, vnets, networks = site.make_vpcs(2, accounts=2), site.make_vnets(2), site.make_networks(3)
    entries = [vpcs[0], vnets[0], networks[0], vpcs[1], vnets[1], *networks[1:]]
    predicted = site.run(connections=entries, check_mode=True)
    assert site.writes == []
    done = apply(site, entries)
    assert (len(site.connected), may_peer(site, vnets), mirrors(site, networks)) == (2, [True] * 2, [1] * 3)
    assert site.statuses("AZURE") == ["AVAILABLE"] * 2
    assert site.statuses("GCP") == ["AVAILABLE"] * 3
    vpc = done.result["peering"]["connections"][0]
    assert [(one["before"], one["after"]) for one in vpc["routes"]] == [(None, vpc["connection_id"])]
    # In GCP, a list, and three requests a mirror; none was refused because of another one.
    sent = site.to_gcp
    assert (sent["GET networks"], sent["POST addPeering"]) == (1, 3)
    assert (site.to_azure["PUT roleDefinitions"], site.to_azure["PUT roleAssignments"]) == (2, 2)
    assert actions(done) == actions(predicted)
    assert actions(done)["GCP", "create", "mirror"] == 3
    assert actions(done)["AZURE", "create", "role"] == 2
    done = apply(site, entries, state="absent", remove_container=True)
    assert (site.connected, may_peer(site, vnets), mirrors(site, networks)) == (set(), [False] * 2, [0] * 3)
    assert site.access_list == {}
    vpc = done.result["peering"]["connections"][0]
    assert [(one["before"], one["after"]) for one in vpc["routes"]] == [(vpc["connection_id"], None)]
    assert actions(done)["GCP", "delete", "mirror"] == 3
    assert actions(done)["AZURE", "delete", "role"] == 2
    assert not apply(site, entries, state="absent", remove_container=True).changed


def test_pruned_connections_leave_nothing_on_azure_and_gcp(site: PathSite) -> None:
    vnets, networks = site.make_vnets(2), site.make_networks(2)
    apply(site, [*vnets, *networks])
    done = apply(site, [vnets[0], networks[0]], prune=True, max_deletions=2)
    assert (may_peer(site, vnets), mirrors(site, networks)) == ([True, False], [1, 0])
    assert (len(site.statuses("AZURE")), len(site.statuses("GCP"))) == (1, 1)
    assert done.result["peering"]["remaining"] == []


def test_what_a_cloud_refuses_for_one_cause_is_one_failure(site: PathSite) -> None:
    """What GCP says has the name of each network, which its request had in its path alone."""
    assert site.clouds is not None
    entries = site.make_networks(3)
    for name in (one["network_name"] for one in entries):
        error = {"code": 403, "message": f"The network {name} has too many peerings.", "errors": [{"reason": "forbidden"}]}
        site.clouds.app.answers.append((f"{name}/addPeering", 403, {"error": error}))
    failures = site.run(connections=entries).result["failures"]
    assert [one["indexes"] for one in failures] == [[0, 1, 2]], failures
    assert "The network network-0, network-1, network-2 has too many peerings" in failures[0]["msg"]


@pytest.mark.parametrize("denied", ["roleAssignments/delete", "roleDefinitions/delete"])
@pytest.mark.parametrize("how", ["absent", "prune"])
def test_a_role_that_stays_is_named_with_its_commands(site: PathSite, how: str, denied: str) -> None:
    """Atlas forgets its connection: nothing else knows the role."""
    assert site.clouds is not None
    entries = site.make_vnets(2)
    apply(site, entries)
    scope = entries[1]["vnet_resource_id"]
    (assignment,) = (one["id"] for one in site.clouds.azure.roles.list_assignments(scope))
    (role,) = (one["properties"]["roleName"] for one in site.clouds.azure.roles.list_definitions(scope, "type eq 'CustomRole'"))
    options: dict[str, Any] = {"connections": entries[1:], "state": "absent"}
    if how == "prune":
        options = {"connections": entries[:1], "prune": True, "max_deletions": 1}
    site.clouds.azure.denied.add(f"Microsoft.Authorization/{denied}")
    done = site.run(**options)
    assert (done.failed, len(site.statuses("AZURE")), may_peer(site, entries)[0]) == (True, 1, True)
    definition = f"az role definition delete --name {role} --scope {scope}"
    commands = [definition]
    if "Assignments" in denied:
        commands = [f"az role assignment delete --ids {assignment}", definition]
    again = "No later run finds it:" if how == "prune" else "Run the task again with azure_directory_id in the entry, or"
    text = (
        f"The role {role} of Atlas in AZURE was to be removed and is still there, and Atlas no longer has its connection. "
        f"{again} remove it yourself: {'; '.join(commands)}"
    )
    assert text in done.result["peering"]["remaining"]
    assert done.missing(text, "it continues from here, but for what is said of roles.") == []
    if how == "absent":
        site.clouds.azure.denied.clear()
        assert actions(apply(site, entries[1:], state="absent"))["AZURE", "delete", "role"] == 1


def test_a_pruned_role_stays_with_another_peering(site: PathSite) -> None:
    """Atlas repairs and deletes with it, whatever the state of that peering."""
    assert site.clouds is not None
    entries = site.make_vnets(2)
    apply(site, entries)
    _subscriptions, subscription, _groups, group, *_rest, vnet = entries[1]["vnet_resource_id"].strip("/").split("/")
    other = f"vnet_{'a' * 24}_abcdefgh"
    site.clouds.azure.put_peering(subscription, group, vnet, "theirs", ["10.77.0.0/21"], other)
    site.clouds.azure.set_peering(subscription, group, vnet, "theirs", peeringState="Disconnected")
    done = apply(site, entries[:1], prune=True, max_deletions=1)
    assert (len(site.statuses("AZURE")), may_peer(site, entries)) == (1, [True, True])
    (text,) = done.result["peering"]["remaining"]
    assert f"stays, because Atlas repairs and deletes its peerings with it: theirs with {other} is Disconnected." in text


@pytest.mark.full
def test_what_is_built_is_reachable_by_design(site: PathSite) -> None:
    """The check finds nothing that is missing, in all route tables or in those of the list; and what has come apart since."""
    assert site.clouds is not None
    first, second, *others = entries = [*site.make_vpcs(2), *site.make_vnets(1), *site.make_networks(1)]
    ec2 = site.accounts[first["aws_account_id"]].ec2()
    for entry in (first, second):
        head, _dot, _size = entry["cidr_block"].rpartition(".")
        subnets = [
            ec2.create_subnet(VpcId=entry["vpc_id"], CidrBlock=f"{head}.{one}/26")["Subnet"]["SubnetId"] for one in (0, 64)
        ]
        table = ec2.create_route_table(VpcId=entry["vpc_id"])["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[1])
    second["route_table_ids"] = [table]
    # This one gets no route, and the check misses none.
    ec2.create_route_table(VpcId=first["vpc_id"])
    (*where,) = others[0]["vnet_resource_id"].strip("/").split("/")[1::2]
    vnet = (where[0], where[1], where[3])
    site.clouds.azure.add_subnet(*vnet, "apps", [others[0]["cidr_block"]])
    apply(site, entries, dns="enable", container_region="us-east-1")
    for cloud, region in (("AWS", "US_EAST_1"), ("AZURE", "EUROPE_WEST"), ("GCP", "CENTRAL_US")):
        site.put_cluster(f"on-{cloud.lower()}", cloud, region)
    check = {"atlas_aws_account_ids": None, "dns": None, "container_region": "us-east-1", "fail_on": "never"}
    found = site.run(load("atlas_vpc_peer_check"), connections=entries, **check).check
    assert [one["verdict"] for one in found["connections"]] == ["reachable_by_design"] * 4, found
    assert [len(one["subnets"]) for one in found["connections"][:2]] == [2, 1]
    (peering,) = site.clouds.azure.list_peerings(*vnet)["value"]
    site.clouds.azure.set_peering(*vnet, peering["name"], peeringState="Disconnected")
    found = site.run(load("atlas_vpc_peer_check"), connections=entries, **check).check
    assert [one["verdict"] for one in found["connections"]] == [
        *["reachable_by_design"] * 2,
        "not_reachable",
        "reachable_by_design",
    ]


def test_halves_that_are_off_are_not_asked(site: PathSite) -> None:
    vnets, networks = site.make_vnets(1), site.make_networks(1)
    done = site.run(connections=[*vnets, *networks], azure=False, gcp=False, wait_timeout=5)
    assert not site.to_gcp
    assert not site.to_azure
    assert done.result["peering"]["remaining"]


def test_a_missing_right_to_write_fails_its_entries_alone(site: PathSite) -> None:
    assert site.clouds is not None
    vnets, networks = site.make_vnets(2), site.make_networks(2)
    entries = [*vnets, *networks]
    site.clouds.azure.entra.add_principal()
    denial = {"error": {"code": 403, "errors": [{"reason": "forbidden"}], "message": "Required compute.networks.addPeering"}}
    site.clouds.app.answers.append((f"/{networks[0]['network_name']}/addPeering", 403, denial))
    put = site.clouds.azure.roles.put_definition
    broken = vnets[0]["vnet_resource_id"]

    def refuse(scope: str, *more: Any) -> Any:
        if scope.lower() == broken.lower():
            raise AzureRefusalError(403, "AuthorizationFailed", "No.")
        return put(scope, *more)

    site.clouds.azure.roles.put_definition = refuse  # type: ignore[method-assign]
    done = site.run(connections=entries)
    assert {(one["index"], one["step"]) for one in done.result["failures"]} == {(0, "role"), (2, "mirror")}
    assert (may_peer(site, vnets), mirrors(site, networks)) == ([False, True], [0, 1])
    assert [one["status_name"] for one in done.result["peering"]["connections"]] == [
        *(None, "AVAILABLE", "WAITING_FOR_USER", "AVAILABLE")
    ]
    site.clouds.azure.roles.put_definition = put  # type: ignore[method-assign]
    apply(site, entries)
    assert (may_peer(site, vnets), mirrors(site, networks)) == ([True] * 2, [1] * 2)


def test_what_has_failed_in_atlas_is_not_predicted(site: PathSite) -> None:
    networks = site.make_networks(2)
    apply(site, networks)
    failed = next(one["id"] for one in site.peers_of("GCP") if one["networkName"] == networks[0]["network_name"])
    site.fail(failed)
    assert site.clouds is not None
    site.clouds.gcp.remove_peering(
        GCP_PROJECT, networks[0]["network_name"], site.clouds.gcp.peerings(GCP_PROJECT, networks[0]["network_name"])[0]["name"]
    )
    predicted = site.run(connections=networks, check_mode=True)
    done = site.run(connections=networks)
    assert actions(predicted) == actions(done)
    done = apply(site, networks, recreate="dead")
    assert mirrors(site, networks) == [1, 1]


# GCP, from whatever state it is in


Half = Callable[[PathSite, dict[str, Any]], None]


def alone(site: PathSite, entry: dict[str, Any]) -> None:
    """Make the network container by hand."""
    site.create_container(providerName="GCP", atlasCidrBlock=entry["container_cidr_block"])


def waiting(site: PathSite, entry: dict[str, Any]) -> None:
    """Let Atlas make its half."""
    apply(site, [entry], gcp=False, access_list=False)
    assert site.statuses("GCP") == ["WAITING_FOR_USER"]


def otherwise_named(site: PathSite, entry: dict[str, Any]) -> None:
    """Make the mirror under another name."""
    waiting(site, entry)
    gcp_of(site).add_peering(GCP_PROJECT, entry["network_name"], "by-hand", network_of_atlas(site))
    site.clock.sleep(30)


def of_an_earlier_connection(site: PathSite, entry: dict[str, Any]) -> None:
    """Remove the connection in Atlas, and with it Atlas's network, so that a mirror is left that leads nowhere."""
    otherwise_named(site, entry)
    apply(site, [entry], gcp=False, state="absent")
    assert states(site, entry)["by-hand"] == "INACTIVE"


def by_hand(site: PathSite, entry: dict[str, Any]) -> None:
    """Do all of it."""
    otherwise_named(site, entry)
    with site.emulator.project.now() as project:
        project.add_access([{"cidrBlock": entry["cidr_block"], "comment": "By hand"}])


def gcp_of(site: PathSite) -> Any:
    assert site.clouds is not None
    return site.clouds.gcp


def network_of_atlas(site: PathSite) -> tuple[str, str]:
    with site.emulator.project.now() as project:
        (fields,) = [one.to_json() for one in project.containers.of("GCP")]
    return str(fields["gcpProjectId"]), str(fields["networkName"])


def states(site: PathSite, entry: dict[str, Any]) -> dict[str, str]:
    """Return the states of the peerings of the entry's network, by name."""
    return {one["name"]: one["state"] for one in gcp_of(site).peerings(GCP_PROJECT, entry["network_name"])}


@pytest.mark.parametrize(
    ("prepare", "missing"),
    [
        (alone, ["connection", "mirror", "access list entry"]),
        pytest.param(waiting, ["mirror", "access list entry"], marks=pytest.mark.full),
        pytest.param(otherwise_named, ["access list entry"], marks=pytest.mark.full),
        (of_an_earlier_connection, ["connection", "mirror", "access list entry"]),
        (by_hand, []),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_from_every_half_done_point_on_gcp_and_back(site: PathSite, prepare: Half, missing: list[str]) -> None:
    """The peering of somebody else stays whatever is done, and one that leads nowhere."""
    (entry,) = site.make_networks(1)
    gcp_of(site).add_network("others", "theirs")
    gcp_of(site).add_peering(GCP_PROJECT, entry["network_name"], "theirs", ("others", "theirs"))
    prepare(site, entry)
    bare = {**entry, "container_cidr_block": None}
    foreseen = site.run(connections=[bare], check_mode=True)
    assert (foreseen.failed, site.writes) == (False, []), foreseen.result
    done = apply(site, [bare])
    assert [one["kind"] for one in done.result["peering"]["connections"][0]["actions"]] == missing
    assert actions(foreseen) == actions(done)
    left = {"theirs": "INACTIVE", **({"by-hand": "INACTIVE"} if prepare is of_an_earlier_connection else {})}
    assert (site.statuses("GCP"), sorted(states(site, entry).values())) == (["AVAILABLE"], ["ACTIVE", *left.values()])
    name = f"{GCP_PROJECT}/{entry['network_name']}"
    assert site.access_list == {entry["cidr_block"]: "By hand" if prepare is by_hand else f"VPC peering with {name}"}
    kept = {entry["cidr_block"]: "By hand"} if prepare is by_hand else {}
    apply(site, [bare], state="absent")
    assert (site.statuses("GCP"), states(site, entry), site.access_list) == ([], left, kept)


def test_absent_on_gcp_goes_on_where_atlas_has_nothing_left(site: PathSite) -> None:
    (entry,) = site.make_networks(1)
    of_an_earlier_connection(site, entry)
    with site.emulator.project.now() as project:
        project.containers.delete(*project.containers.of("GCP"), [])
    unknown = apply(site, [entry], state="absent")
    assert (unknown.changed, states(site, entry)) == (False, {"by-hand": "INACTIVE"})
    assert ["gcp_peering_name" in one for one in unknown.result["peering"]["remaining"]] == [True]
    done = apply(site, [{**entry, "gcp_peering_name": "by-hand"}], state="absent", remove_container=True)
    assert (done.changed, states(site, entry), site.writes) == (True, {}, ["POST removePeering"])


def test_the_half_in_gcp_can_be_left_to_another_team(site: PathSite) -> None:
    (entry,) = site.make_networks(1)
    first = apply(site, [entry], gcp=False)
    project, network = network_of_atlas(site)
    assert (site.statuses("GCP"), states(site, entry), site.to_gcp) == (["WAITING_FOR_USER"], {}, {})
    command = first.result["peering"]["remaining"][0]
    for word in (f"--network={entry['network_name']}", f"--peer-project={project}", f"--peer-network={network}"):
        assert word in command
    names = {"atlas_gcp_project_id": project, "atlas_network_name": network, "container_cidr_block": None}
    half = [{**entry, **names}]
    mirrored = apply(site, half, atlas=False)
    assert (actions(mirrored), site.to_atlas) == ({("GCP", "create", "mirror"): 1}, {})
    (connection,) = mirrored.result["peering"]["connections"]
    assert (connection["container"], connection["vpc_peer"], connection["gcp_peering"]["state"]) == (None, None, "ACTIVE")
    assert f"add {entry['cidr_block']} to the access list" in mirrored.result["peering"]["remaining"][0]
    site.clock.sleep(30)
    assert not apply(site, half, atlas=False).changed
    assert not apply(site, [entry], gcp=False).changed
    gone = apply(site, [entry], gcp=False, state="absent")
    assert (site.statuses("GCP"), list(states(site, entry).values())) == ([], ["INACTIVE"])
    assert f"peerings delete atlas-{network}" in gone.result["peering"]["remaining"][0]
    apply(site, half, atlas=False, state="absent")
    assert states(site, entry) == {}


def test_what_is_wrong_in_gcp_is_refused_or_goes_on_later(site: PathSite) -> None:
    """A network that is not there, and a name that is taken, before any request; an operation that breaks fails its entry."""
    entry, other = site.make_networks(2)
    gcp_of(site).add_network("others", "theirs")
    gcp_of(site).add_peering(GCP_PROJECT, other["network_name"], "mine", ("others", "theirs"))
    for wrong, words in (
        (
            {**entry, "network_name": "no-network"},
            ["connections[1] (my-project/no-network): There is no VPC network no-network", "gcp_project_id"],
        ),
        ({**other, "gcp_peering_name": "mine"}, ["): gcp_peering_name mine", "others/global/networks/theirs"]),
    ):
        done = site.run(connections=[entry, wrong])
        assert not done.missing(*words)
        assert (done.changed, site.writes, site.statuses("GCP")) == (False, [], [])
    gcp_of(site).failure = ("INTERNAL_ERROR", "It broke.")
    broken = site.run(connections=[entry, other])
    (failure,) = broken.result["failures"]
    assert failure["step"] == "mirror"
    assert not broken.missing("INTERNAL_ERROR", "Done so far: connections[", "run the task again")
    assert sorted(site.statuses("GCP")) == ["AVAILABLE", "WAITING_FOR_USER"]
    done = apply(site, [entry, other])
    assert [one["kind"] for one in done.result["peering"]["connections"][failure["index"]]["actions"]] == [
        *("mirror", "access list entry")
    ]
    assert site.statuses("GCP") == ["AVAILABLE"] * 2


# AZURE


def test_what_is_wrong_in_azure_is_refused_before_any_request(site: PathSite) -> None:
    """A VNet that is not there beside one that is; blocks of the VNet and of a hub; a role of others that lacks something."""
    assert site.clouds is not None
    azure = site.clouds.azure
    good, hub, lacking = site.make_vnets(3)
    where = [(*one["vnet_resource_id"].split("/")[2::2],) for one in (good, hub, lacking)]
    names = [(parts[0], parts[1], parts[3]) for parts in where]
    azure.put_peering(*names[1], "to-hub", ["192.168.0.0/16"], "hub")
    role = {"roleName": f"AtlasPeering/{'/'.join(names[2])}", "assignableScopes": [lacking["vnet_resource_id"]]}
    body = {"properties": {**role, "permissions": [{"actions": []}], "description": "Theirs"}}
    azure.roles.put_definition(lacking["vnet_resource_id"], "7b0b4f5e-0000-4000-8000-0000000000bb", body)
    typo = {**good, "vnet_resource_id": good["vnet_resource_id"] + "-typo"}
    inside = {"container_cidr_block": "10.150.0.0/21"}
    for entries, words in (
        ([good, typo], ["connections[1] (", "-typo: ", "Failed to read the VNet"]),
        ([{**good, **inside}], ["connections[0] (", good["cidr_block"], "overlaps", "10.150.0.0/21"]),
        ([good, hub], ["connections[1] (", "192.168.0.0/16 of hub, with which the VNet has the peering to-hub,"]),
        ([good, lacking], ["connections[1] (", "lacks"]),
    ):
        done = site.run(connections=entries)
        assert not done.missing(*words)
        assert (done.changed, site.writes, site.statuses("AZURE"), azure.entra.principal_of()) == (False, [], [], None)


def test_from_every_half_done_point_on_azure_and_back(site: PathSite) -> None:
    """With a role of others, too, which stays."""
    assert site.clouds is not None
    _nothing, role, theirs, requested, by_hand = entries = site.make_vnets(5)
    apply(site, [role], atlas=False)
    site.clouds.azure.roles.assign(theirs["vnet_resource_id"])
    apply(site, [requested, by_hand], access_list=False)
    with site.emulator.project.now() as project:
        project.add_access([{"cidrBlock": by_hand["cidr_block"], "comment": "By hand"}])
    foreseen = site.run(connections=entries, check_mode=True)
    done = apply(site, entries)
    assert [[one["kind"] for one in entry["actions"]] for entry in done.result["peering"]["connections"]] == [
        ["role", "connection", "access list entry"],
        *[["connection", "access list entry"]] * 2,
        ["access list entry"],
        [],
    ]
    assert actions(foreseen) == actions(done)
    assert (site.statuses("AZURE"), may_peer(site, entries)) == (["AVAILABLE"] * 5, [True] * 5)
    gone = apply(site, entries, state="absent", remove_container=True)
    assert (site.statuses("AZURE"), may_peer(site, entries)) == ([], [False, False, True, False, False])
    assert site.access_list == {by_hand["cidr_block"]: "By hand"}
    name = "/".join(theirs["vnet_resource_id"].strip("/").split("/")[1::2][index] for index in (0, 1, 3))
    assert gone.result["peering"]["remaining"] == [
        f"The role of Atlas on {name} in AZURE stays, because this collection has not made it, or not its assignment above the "
        "VNet.",
        f"This entry of the access list stays: {by_hand['cidr_block']} has the comment 'By hand', not "
        f"'VPC peering with network-group/vnet-4': somebody else uses it, or has changed it.",
    ]
    assert not apply(site, entries, state="absent", remove_container=True).changed


def test_names_in_azure_are_compared_without_case(site: PathSite) -> None:
    (entry,) = site.make_vnets(1)
    apply(site, [entry])
    vnet = entry["vnet_resource_id"]
    again = apply(site, [{**entry, "vnet_resource_id": vnet.replace("vnet-", "VNET-").replace("network-group", "NETWORK-Group")}])
    assert (again.changed, site.writes, site.statuses("AZURE")) == (False, [], ["AVAILABLE"])


def test_the_half_in_azure_alone_signs_in_as_the_entry_says(site: PathSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peering with a network of Atlas is in nobody's way, and keeps its role while it is there."""
    assert site.clouds is not None
    azure, entra = site.clouds.azure, site.clouds.azure.entra
    (entry,) = site.make_vnets(1)
    monkeypatch.setattr(PathSite, "environment", {**site.environment, "AZURE_SECRET": "wrong"})
    half = [{**entry, "azure_client_id": entra.client_id, "azure_secret": entra.secret}]
    assert actions(apply(site, half, atlas=False)) == {("AZURE", "create", "role"): 1}
    _subscriptions, subscription, _groups, group, *_rest, vnet = entry["vnet_resource_id"].strip("/").split("/")
    azure.put_peering(subscription, group, vnet, "atlas", [entry["container_cidr_block"]], f"vnet_{'a' * 24}_abcdefgh")
    assert not apply(site, half, atlas=False).changed
    for state in ("Connected", "Disconnected"):
        azure.set_peering(subscription, group, vnet, "atlas", peeringState=state)
        stays = apply(site, half, atlas=False, state="absent")
        assert (stays.changed, may_peer(site, [entry])) == (False, [True])
        text = f"the peering atlas ({state}) of the VNet still needs it"
        assert any(text in one for one in stays.result["peering"]["remaining"])
    azure.remove_peering(subscription, group, vnet, "atlas")
    assert actions(apply(site, half, atlas=False, state="absent")) == {("AZURE", "delete", "role"): 1}
    assert may_peer(site, [entry]) == [False]
    # Other VNets of the directory may need it.
    assert entra.principal_of() is not None
