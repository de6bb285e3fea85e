"""The roles of the whole path: what is read, blocks that overlap, roles side by side, and what keeps a role."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.plan import AccessState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.vnets import Vnet, VnetPeering
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.ledger import Ledger
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import Outcome
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import ChangeKey
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.azure_vnets import why_role_stays
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.set_state import PeerSetState
from ansible_collections.cloudpeer.atlas.tests.clouds.azure import vnet_id
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import SUBSCRIPTION
from ansible_collections.cloudpeer.atlas.tests.support.path_parts import PartsSite, options, read_first

RESOURCE_GROUP = "apps"
OF_ATLAS = "/subscriptions/9f2e3d4c-0000-4000-8000-0000000000bb/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/"
NETWORKS = ("vnet_5356823b3794dee37132bb7b_abcdefgh", "vnet_5356823b3794dee37132bb7c_bcdefghi")
BLOCK = "192.168.208.0/21"
CONTAINER = {"id": "a" * 24, "provider_name": "AZURE", "atlas_cidr_block": BLOCK, "region_name": "EUROPE_WEST"}
CONTAINERS = [{**CONTAINER, "id": one * 24, "atlas_vnet_name": name} for one, name in zip("ab", NETWORKS, strict=True)]
FIRST = "connections[0]"
ALONE = {"atlas": False}
#: What a look at a VNet asks for where Atlas has no service principal yet, and where it has nothing but that.
LOOK = ["VNet", "servicePrincipals", "denyAssignments", "roleDefinitions"]


def vnet(number: int) -> str:
    return vnet_id(SUBSCRIPTION, RESOURCE_GROUP, f"vnet-{number}")


def role(number: int) -> str:
    return f"AtlasPeering/{SUBSCRIPTION}/{RESOURCE_GROUP}/vnet-{number}"


def make_vnets(parts: PartsSite, number: int) -> list[dict[str, Any]]:
    """Make VNets, and return their entries."""
    azure = parts.clouds.azure
    for one in range(1, number + 1):
        azure.add_vnet(SUBSCRIPTION, RESOURCE_GROUP, f"vnet-{one}", [f"10.{one}.0.0/24"])
    return [{"azure_directory_id": azure.entra.tenant, "vnet_resource_id": vnet(one)} for one in range(1, number + 1)]


def connection(parts: PartsSite, number: int, container: int = 0, status: str = "AVAILABLE") -> dict[str, Any]:
    own = {"id": f"{container}{number:023x}", "provider_name": "AZURE", "container_id": CONTAINERS[container]["id"]}
    names = {"azure_subscription_id": SUBSCRIPTION, "resource_group_name": RESOURCE_GROUP, "vnet_name": f"vnet-{number}"}
    return {**own, **names, "azure_directory_id": parts.clouds.azure.entra.tenant, "status_name": status}


def connect(parts: PartsSite, key: str, number: int, container: int = 0) -> None:
    """Let Atlas have a connection for an entry, and its peering in AZURE."""
    parts.atlas.homes[key] = CONTAINERS[container]
    parts.atlas.peers[key] = connection(parts, number, container)
    peer(parts, number, NETWORKS[container])


def peer(parts: PartsSite, number: int, network: str, name: str = "") -> None:
    where = (SUBSCRIPTION, RESOURCE_GROUP, f"vnet-{number}", name or network)
    parts.clouds.azure.add_peering(*where, OF_ATLAS + network, [BLOCK], peeringState="Connected")


def disconnect(parts: PartsSite, number: int, *names: str) -> None:
    """Let Atlas end its peerings with a VNet."""
    for name in names:
        parts.clouds.azure.remove_peering(SUBSCRIPTION, RESOURCE_GROUP, f"vnet-{number}", name)


def may_peer(parts: PartsSite, number: int) -> list[bool]:
    return [parts.clouds.azure.roles.allows(vnet(one)) for one in range(1, number + 1)]


def peering(name: str, network: str, block: str) -> VnetPeering:
    return VnetPeering(Vnet("s", "g", "v"), name, (block,), "Connected", None, network and OF_ATLAS + network)


@pytest.mark.parametrize(
    ("prefixes", "peerings", "container", "overlaps"),
    [
        (["10.1.0.0/24"], [], CONTAINERS[0], []),
        (["10.1.0.0/24", "192.168.0.0/16"], [], CONTAINERS[0], ["192.168.0.0/16 of the VNet overlaps"]),
        # A container that is not there yet has the block of the entry; without one, Atlas chooses it later.
        (["192.168.208.0/24"], [], None, ["192.168.208.0/24 of the VNet overlaps"]),
        (["192.168.208.0/24"], [], {**CONTAINER, "id": None, "atlas_cidr_block": None}, []),
        ([], [peering("mine", NETWORKS[0].upper(), BLOCK)], CONTAINERS[0], []),
        (
            [],
            [peering("mine", NETWORKS[1], BLOCK)],
            CONTAINERS[0],
            [f"{BLOCK} of {NETWORKS[1]}, with which the VNet has the peering mine, overlaps"],
        ),
        ([], [peering("hub", "hub", "192.168.0.0/16")], None, ["192.168.0.0/16 of hub, with which the VNet has the peering hub"]),
        ([], [peering("lost", "", BLOCK)], CONTAINERS[0], [f"{BLOCK} of a network that is not known, with which the VNet has"]),
    ],
)  # fmt: skip
def test_blocks_that_overlap_are_refused(
    parts: PartsSite, prefixes: list[str], peerings: list[VnetPeering], container: Any, overlaps: list[str]
) -> None:
    (entry,) = make_vnets(parts, 1)
    params = options({**entry, "container_cidr_block": BLOCK}, **parts.credentials)
    own = Vnet(SUBSCRIPTION, RESOURCE_GROUP, "vnet-1", tuple(prefixes), (), tuple(peerings))
    homes: Any = {} if container is None else {FIRST: container}
    with parts.opened(params) as (whole, made):
        whole.state.container_of = homes
        made["azure"].states[vnet(1).lower()] = AccessState(own)
        plan = made["azure"].plan_list()
    refused = [str(error) for error in plan.refusals.values()]
    assert len(refused) == len(overlaps)
    for text, overlap in zip(refused, overlaps, strict=True):
        assert text.startswith(f"{FIRST} ({SUBSCRIPTION}/{RESOURCE_GROUP}/vnet-1): The block {overlap}")
        assert f"the block {BLOCK} of the network container, so they cannot be peered. Use a network container with an" in text


def test_without_atlas_any_network_of_atlas_is_its_own(parts: PartsSite) -> None:
    (entry,) = make_vnets(parts, 1)
    peer(parts, 1, NETWORKS[1])
    assert parts.run({**entry, "container_cidr_block": BLOCK}, **ALONE).msg == ""


def test_roles_side_by_side_and_one_principal(parts: PartsSite) -> None:
    entries = make_vnets(parts, 5)
    done = parts.run(*entries, **ALONE)
    assert (done.msg, may_peer(parts, 5)) == ("", [True] * 5)
    assert sorted(done.actions) == [(f"connections[{one}]", "create", role(one + 1)) for one in range(5)]
    # No VNet was read again, and nothing was sent twice.
    # All VNets of a directory have one principal.
    looks = {**{f"GET {one}": 5 for one in LOOK}, "GET servicePrincipals": 1}
    writes = {"POST servicePrincipals": 1, "PUT roleDefinitions": 5, "PUT roleAssignments": 5}
    assert parts.to_azure == {**looks, **writes, "POST token": 2}
    done = parts.run(*entries, **ALONE)
    assert (done.msg, done.actions) == ("", [])
    assert {name for name in parts.to_azure if not name.startswith("GET ")} == {"POST token"}
    assert all(one.is_enough for one in done.state.azure.values())
    assert parts.to_azure["GET servicePrincipals"] == 1
    done = parts.run(*entries, **ALONE, state="absent")
    assert (done.msg, may_peer(parts, 5), parts.to_azure["GET servicePrincipals"]) == ("", [False] * 5, 1)


def test_no_more_than_parallel_at_a_time(parts: PartsSite) -> None:
    entries = make_vnets(parts, 5)
    parts.clouds.azure.entra.add_principal()
    params = options(*entries, **parts.credentials, **ALONE, parallel=2)
    with parts.opened(params) as (whole, made):
        read_first(made["azure"])
        steps = made["azure"].plan_list().steps
        ledger = Ledger(whole, Outcome(), 64)
        for step in steps:
            if ledger.has_room(step):
                whole.context.running["azure", step.owner] = step
        assert (len(steps), len(whole.context.running)) == (10, 2)


def test_rights_that_atlas_has_are_enough(parts: PartsSite) -> None:
    entries = make_vnets(parts, 1)
    parts.clouds.azure.roles.assign(f"/subscriptions/{SUBSCRIPTION}")
    done = parts.run(*entries, **ALONE)
    assert (done.msg, done.actions) == ("", [])
    assert not [one for one in parts.to_azure if one.startswith("PUT")]


def test_a_role_that_lacks_something_is_changed(parts: PartsSite) -> None:
    entries = make_vnets(parts, 1)
    parts.run(*entries, **ALONE)
    for one in parts.clouds.azure.roles._definitions.values():
        if one["roleName"] == role(1):
            one["permissions"][0]["actions"].pop()
    predicted = parts.run(*entries, **ALONE, check_mode=True)
    done = parts.run(*entries, **ALONE)
    assert (done.msg, done.actions, may_peer(parts, 1)) == ("", [(FIRST, "change", role(1))], [True])
    assert predicted.actions == done.actions


def test_a_prediction_has_the_same_actions_and_writes_nothing(parts: PartsSite) -> None:
    entries = make_vnets(parts, 2)
    predicted = parts.run(*entries, **ALONE, check_mode=True)
    assert (may_peer(parts, 2), [one.is_enough for one in predicted.state.azure.values()]) == ([False] * 2, [True] * 2)
    assert sorted(predicted.actions) == sorted(parts.run(*entries, **ALONE).actions)


def test_entries_with_one_vnet_share_its_role(parts: PartsSite) -> None:
    (entry,) = make_vnets(parts, 1)
    both = [{**entry, "container_region": one} for one in ("westeurope", "northeurope")]
    done = parts.run(*both, **ALONE)
    assert (done.msg, done.actions) == ("", [(FIRST, "create", role(1))])
    assert parts.to_azure["GET VNet"] == 1
    assert [one.is_enough for one in done.state.azure.values()] == [True] * 2


def test_all_entries_with_a_vnet_fail_with_its_role(parts: PartsSite) -> None:
    entry, other = make_vnets(parts, 2)
    parts.clouds.azure.entra.add_principal()
    parts.clouds.app.answers.append((f"/vnet-1/providers/Microsoft.Authorization/roleDefinitions/{_role_id(1)}", 403, _denial()))
    both = [{**entry, "container_region": one} for one in ("westeurope", "northeurope")]
    done = parts.run(*both, other, **ALONE)
    assert [one.split(" (")[0] for one in done.msg.split(" | ")] == [f"role: connections[{one}]" for one in (0, 1)]
    # No option of another module.
    assert "Failed to put the role" in done.msg
    assert "role_definition_id" not in done.msg
    assert (done.actions, may_peer(parts, 2)) == ([("connections[2]", "create", role(2))], [False, True])


def _role_id(number: int) -> str:
    from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.plan import role_uuid

    return role_uuid(vnet(number))


def _denial() -> dict[str, Any]:
    return {"error": {"code": "AuthorizationFailed", "message": "No."}}


def test_a_lost_reply_and_a_role_that_is_not_known_yet(parts: PartsSite) -> None:
    entries = make_vnets(parts, 2)
    azure = parts.clouds.azure
    azure.entra.is_type_believed, azure.entra.unknown_looks, azure.roles.unknown_looks = False, 2, 2
    parts.clouds.app.lose.append(f"/roleDefinitions/{_role_id(1)}")
    done = parts.run(*entries, **ALONE)
    assert (done.msg, may_peer(parts, 2), parts.clouds.app.lose) == ("", [True] * 2, [])
    assert len(done.actions) == 2


def test_two_runs_at_once_do_no_harm(parts: PartsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one has been faster, after this one has read the VNets."""
    entries, azure = make_vnets(parts, 2), parts.clouds.azure
    listed, read = azure.roles.list_denials, []

    def be_faster(*arguments: Any) -> Any:
        shown = listed(*arguments)
        if not read:
            read.append(True)
            azure.roles.assign(vnet(1))
        return shown

    monkeypatch.setattr(azure.roles, "list_denials", be_faster)
    done = parts.run(*entries, **ALONE)
    assert (done.msg, may_peer(parts, 2), done.actions) == ("", [True] * 2, [("connections[1]", "create", role(2))])


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"azure_profile": "none"}, "connections[0].azure_profile"),
        ({}, f"connections[0] ({SUBSCRIPTION}/{RESOURCE_GROUP}/vnet-1): Failed to read the VNet {vnet(1)}: "),
    ],
)
def test_what_cannot_be_read_refuses_all(parts: PartsSite, own: dict[str, Any], message: str) -> None:
    entries = make_vnets(parts, 2)
    parts.clouds.azure.forbidden.append(vnet(1))
    done = parts.run({**entries[0], **own}, entries[1], **ALONE)
    text = "connections[0] (" if own else message
    assert done.msg.startswith(text)
    assert ("has no profile none" in done.msg) == bool(own)
    assert ("azure_profile" in done.msg) == bool(own)
    assert not [one for one in parts.to_azure if one.startswith("PUT")]


def test_a_vnet_that_is_not_there_is_refused(parts: PartsSite) -> None:
    entries = make_vnets(parts, 2)
    parts.clouds.azure.remove_vnet(SUBSCRIPTION, RESOURCE_GROUP, "vnet-2")
    done = parts.run(*entries, **ALONE)
    assert done.msg.startswith(f"connections[1] ({SUBSCRIPTION}/{RESOURCE_GROUP}/vnet-2): Failed to read the VNet {vnet(2)}: ")
    assert not [one for one in parts.to_azure if one.startswith("PUT")]


def test_a_role_of_others_with_the_name_is_refused(parts: PartsSite) -> None:
    entries = make_vnets(parts, 1)
    body = {"roleName": role(1), "permissions": [{"actions": []}], "assignableScopes": [vnet(1)], "description": "x"}
    parts.clouds.azure.roles.put_definition(vnet(1), "1f2e3d4c-0000-4000-8000-0000000000aa", {"properties": body})
    done = parts.run(*entries, **ALONE)
    assert done.msg.startswith(f"{FIRST} ({SUBSCRIPTION}/{RESOURCE_GROUP}/vnet-1): The role {role(1)} exists in AZURE")
    assert done.msg.endswith("Add these actions to it, or remove the role.")


# What is disconnected.


def test_a_role_goes_once_its_peering_has_ended(parts: PartsSite) -> None:
    entries = make_vnets(parts, 1)
    parts.run(*entries, **ALONE)
    connect(parts, FIRST, 1)
    parts.clock.after(3, lambda: disconnect(parts, 1, NETWORKS[0]))
    done = parts.run({**entries[0], "azure_directory_id": None}, state="absent")
    assert (done.msg, done.actions, may_peer(parts, 1)) == ("", [(FIRST, "delete", role(1))], [False])
    assert why_role_stays(_entry(parts, entries[0]), done.state) is None
    parts.atlas.peers.clear()
    done = parts.run(*entries, state="absent")
    assert (done.msg, done.actions) == ("", [])


def _entry(parts: PartsSite, given: dict[str, Any]) -> Any:
    return options(given, **parts.credentials)["connections"][0]


def test_a_role_goes_after_the_peerings_of_all_its_entries(parts: PartsSite) -> None:
    (entry,) = make_vnets(parts, 1)
    both = [{**entry, "container_region": one} for one in ("westeurope", "northeurope")]
    parts.run(*both, **ALONE)
    for number in (0, 1):
        connect(parts, f"connections[{number}]", 1, number)
    parts.clock.after(3, lambda: disconnect(parts, 1, NETWORKS[0]))
    parts.clock.after(9, lambda: disconnect(parts, 1, NETWORKS[1]))
    done = parts.run(*both, state="absent")
    assert (done.msg, done.actions, may_peer(parts, 1)) == ("", [(FIRST, "delete", role(1))], [False])


@pytest.mark.parametrize("user", ["project", "other project"])
def test_a_role_stays_where_something_needs_it(parts: PartsSite, user: str) -> None:
    entries = make_vnets(parts, 1)
    parts.run(*entries, **ALONE)
    connect(parts, FIRST, 1)
    disconnect(parts, 1, NETWORKS[0])
    if user == "project":
        # It does not show in AZURE yet.
        parts.atlas.others = [connection(parts, 1, 1, "ADDING_PEER")]
    else:
        peer(parts, 1, NETWORKS[1], "theirs")
    done = parts.run(*entries, state="absent")
    assert (done.msg, done.actions, may_peer(parts, 1)) == ("", [], [True])
    title = f"The role of Atlas on {SUBSCRIPTION}/{RESOURCE_GROUP}/vnet-1 in AZURE stays, because the"
    reasons = {
        "project": f"{title} connection {connection(parts, 1, 1)['id']} of this project still needs it.",
        "other project": f"{title} peering theirs (Connected) of the VNet still needs it.",
    }
    assert why_role_stays(_entry(parts, entries[0]), done.state) == reasons[user]


def test_a_role_stays_for_what_could_not_be_removed(parts: PartsSite) -> None:
    (entry,) = make_vnets(parts, 1)
    both = [{**entry, "container_region": one} for one in ("westeurope", "northeurope")]
    parts.run(*both, **ALONE)
    for number in (0, 1):
        connect(parts, f"connections[{number}]", 1, number)
    disconnect(parts, 1, NETWORKS[0])
    done = parts.run(*both, state="absent")
    (failure, _same) = done.state.failures.values()
    state = replace(done.state, failures={"connections[1]": failure})
    assert "of the VNet still needs it." in str(why_role_stays(_entry(parts, both[0]), state))


def test_a_role_that_others_have_made_stays(parts: PartsSite) -> None:
    entries = make_vnets(parts, 1)
    parts.clouds.azure.roles.assign(vnet(1))
    done = parts.run(*entries, state="absent")
    assert (done.msg, done.actions, may_peer(parts, 1)) == ("", [], [True])
    assert "this collection has not made it" in str(why_role_stays(_entry(parts, entries[0]), done.state))


def test_a_peering_that_does_not_end_in_time_fails_alone(parts: PartsSite) -> None:
    entries = make_vnets(parts, 2)
    parts.run(*entries, **ALONE)
    for number in (0, 1):
        connect(parts, f"connections[{number}]", number + 1)
    disconnect(parts, 2, NETWORKS[0])
    done = parts.run(*entries, state="absent", wait_timeout=10)
    assert done.msg.startswith(f"role: {FIRST} (")
    assert f"the peering {NETWORKS[0]} with {NETWORKS[0]} had ended (it is Connected)" in done.msg
    assert (done.actions, may_peer(parts, 2)) == ([("connections[1]", "delete", role(2))], [True, False])
    # Atlas has the connection: the next run finds the role.
    assert done.state.kept_roles == {}


def test_a_peering_that_appears_meanwhile_keeps_the_role(parts: PartsSite) -> None:
    entries = make_vnets(parts, 1)
    parts.run(*entries, **ALONE)
    connect(parts, FIRST, 1)
    parts.clock.after(3, lambda: (disconnect(parts, 1, NETWORKS[0]), peer(parts, 1, NETWORKS[1], "theirs")))
    done = parts.run(*entries, state="absent")
    assert (done.msg, done.actions, may_peer(parts, 1)) == ("", [], [True])


def test_a_pruned_connection_leaves_no_role(parts: PartsSite) -> None:
    entries = make_vnets(parts, 3)
    parts.run(*entries, **ALONE)
    one, twin, other = connection(parts, 2), connection(parts, 2, 1), connection(parts, 3)
    state: Any = {"containers": (*CONTAINERS,), "peers": PeerSetState(())}
    params = options(entries[0], **parts.credentials)
    with parts.opened(params) as (whole, made):
        part: Any = made["azure"]
        found = {peer["id"]: part.pruned.look_at_pruned(peer) for peer in (one, twin, other, connection(parts, 1))}

        def plan(peer: dict[str, Any], *leaving: dict[str, Any], then: Any = None) -> list[tuple[Any, str, str]]:
            vars(whole.state).update(then or state)
            found_plan = part.pruned.plan_pruned(peer, found[peer["id"]], leaving)
            return [(change.key, change.verb, change.name) for change in found_plan.changes]

        staying = {"peers": PeerSetState((one, twin))}
        assert plan(one, one, then=staying) == []
        # It goes with one of the connections of its VNet, unless an entry or a connection that stays needs it.
        assert plan(one, one, twin) == [(ChangeKey(one["id"], "role", "AZURE", "role"), "delete", role(2))]
        assert plan(twin, one, twin) == plan(connection(parts, 1), connection(parts, 1)) == []
        parts.clouds.azure.forbidden.append(vnet(3))
        assert part.pruned.look_at_pruned(other) is None
