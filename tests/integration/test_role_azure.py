"""The role on AZURE end to end, against Atlas and AZURE on loopback."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpeer.atlas.tests.clouds.azure import vnet_id
from ansible_collections.cloudpeer.atlas.tests.clouds.azure_roles import ACTIONS
from ansible_collections.cloudpeer.atlas.tests.clouds.entra import ATLAS_APPLICATION
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.azure import Rule
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support import azure_site
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import VNET, VNET_ID
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.role_clouds import ENTRY
from ansible_collections.cloudpeer.atlas.tests.support.role_site import (
    ROLE,
    RoleSite,
    message,
    result,
    role_variables,
    said,
    sent_to,
)
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun, PlaybookRunner

ATLAS_BLOCK = "192.168.208.0/21"
BLOCK = "10.0.0.0/24"
NAME = "/".join(VNET)
CONTAINER = "Ensure the network containers in Atlas on AZURE"
GRANT = "Let Atlas peer with the VNets"
REQUEST = "Request the connections in Atlas on AZURE, and wait until they carry traffic"
ACCESS = "Add the VNets to the access list"

pytestmark = pytest.mark.full


class AzureSite(RoleSite):
    """Runs the role with one VNet."""

    def __init__(self, runner: PlaybookRunner, emulator: RunningEmulator, clouds: RunningClouds) -> None:
        self.clouds = clouds
        self.entry = {"azure_directory_id": clouds.azure.entra.variables["AZURE_TENANT"], "vnet_resource_id": VNET_ID}
        region = {"container_region": "westeurope", "container_cidr_block": ATLAS_BLOCK}
        environment = {**azure_site.variables(clouds), "VNET_ID": VNET_ID}
        super().__init__(runner, emulator, environment, connections=[self.entry], **region)
        clouds.azure.add_vnet(*VNET, prefixes=[BLOCK])

    def forget(self) -> None:
        super().forget()
        self.clouds.azure.requests.clear()

    @property
    def writes(self) -> list[str]:
        """The methods of the requests of the last run that may change something, to Atlas and to AZURE."""
        sent = [method for method, path in self.clouds.azure.requests if method != "GET" and "/token" not in path]
        return super().writes + sent

    @property
    def status(self) -> list[str]:
        """The states of the project's connections with AZURE."""
        return self.statuses("AZURE")

    @property
    def roles(self) -> list[str]:
        """The names of the roles that can be assigned at the VNet, without those that AZURE has by itself."""
        found = [one["properties"] for one in self.clouds.azure.roles.list_definitions(VNET_ID)]
        return [one["roleName"] for one in found if one["type"] == "CustomRole"]


@pytest.fixture
def run(playbook: PlaybookRunner, cloud_atlas: RunningEmulator, clouds: RunningClouds) -> AzureSite:
    """Return what runs the role on both clouds."""
    return AzureSite(playbook, cloud_atlas, clouds)


def changes(run: PlaybookRun) -> Counter[str]:
    """Return how often the tasks of the role have changed something, by their name."""
    own = [one for one in run.records if " : " in one["task"] and "results" not in one["result"]]
    return Counter(one["task"].rpartition(" : ")[2] for one in own if one["result"].get("changed"))


def test_from_nothing_again_and_back(run: AzureSite) -> None:
    foreseen = run("--check")
    assert (run.writes, run.status, run.roles) == ([], [], [])
    assert result(foreseen)["changed"] is True

    run.clouds.azure.entra.unknown_looks = 1
    first = run()
    assert changes(first) == dict.fromkeys((CONTAINER, GRANT, REQUEST, ACCESS), 1)
    assert first.warnings == []
    assert (run.status, run.roles) == (["AVAILABLE"], [f"AtlasPeering/{NAME}"])
    assert run.clouds.azure.has_role(*VNET)
    assert run.access_list == {BLOCK: f"VPC peering with {VNET[1]}/{VNET[2]}"}
    returned = result(first)
    (connection,) = returned["connections"]
    assert (connection["provider_name"], connection["vnet_name"]) == ("AZURE", VNET[2])
    assert (connection["vpc_peer"]["status_name"], connection["container"]["region_name"]) == ("AVAILABLE", "EUROPE_WEST")
    assert ["-pri" in line for line in returned["remaining"]] == [True]

    again = run("--check")
    assert (again.changed, run.writes) == (0, [])
    repeated = result(again)
    assert (repeated["changed"], repeated["remaining"], repeated["access_list"]) == (False, [], returned["access_list"])
    assert repeated["connections"][0]["vpc_peer"] == connection["vpc_peer"]

    foreseen = run("--check", state="absent", remove_container=True)
    assert run.writes == []
    gone = run(state="absent", remove_container=True)
    assert changes(gone) == changes(foreseen)
    assert (run.status, run.roles, run.access_list) == ([], [], {})
    assert run.clouds.azure.roles.list_assignments(VNET_ID) == []
    assert run.clouds.azure.entra.principal_of() is not None, "others may use it"
    nothing = run(state="absent", remove_container=True)
    assert (nothing.changed, run.writes, result(nothing)["changed"]) == (0, [], False)


def test_the_half_in_azure_alone_signs_in_as_the_entry_says(run: AzureSite) -> None:
    azure = run.clouds.azure
    run.environment["AZURE_SECRET"] = "wrong"
    entry = {**run.entry, "azure_client_id": azure.entra.client_id, "azure_secret": azure.entra.secret}
    half = {"atlas": False, "connections": [entry]}
    assert changes(run(**half)) == {GRANT: 1}
    azure.put_peering(*VNET, "atlas", [ATLAS_BLOCK], f"vnet_{'a' * 24}_abcdefgh")
    assert run(**half).changed == 0, "a peering with Atlas's own block overlaps nothing"
    stays = run(**half, state="absent")
    assert (stays.changed, ["the peering atlas of the VNet still needs it" in one for one in said(stays)]) == (0, [False, True])
    azure.set_peering(*VNET, "atlas", peeringState="Disconnected")
    gone = run(**half, state="absent")
    assert (changes(gone), run.roles, azure.entra.secret in gone.output) == (
        {"Take the role on the VNets from Atlas": 1},
        [],
        False,
    )


def test_what_others_have_made_stays(run: AzureSite) -> None:
    """A role that others have made is used, or said to lack something, and never changed or removed."""
    roles = run.clouds.azure.roles
    principal = run.clouds.azure.entra.add_principal(ATLAS_APPLICATION)
    name, provider = "7b0b4f5e-0000-4000-8000-0000000000bb", f"{VNET_ID}/providers/Microsoft.Authorization/roleDefinitions"

    def put_role(actions: list[str]) -> None:
        permissions = [{"actions": actions}]
        given = {"roleName": f"AtlasPeering/{NAME}", "permissions": permissions, "assignableScopes": [VNET_ID]}
        roles.put_definition(VNET_ID, name, {"properties": given})

    put_role([*ACTIONS[:3]])
    refused = run(status=2)
    assert (f"lacks {ACTIONS[3]}" in message(refused), run.status, run.writes) == (True, [], [])
    put_role([*ACTIONS])
    body = {"roleDefinitionId": f"{provider}/{name}", "principalId": principal, "principalType": "ServicePrincipal"}
    roles.put_assignment(VNET_ID, "7b0b4f5e-0000-4000-8000-0000000000cc", {"properties": body})
    example = yaml.safe_load((ROOT / "docs" / "examples" / "whole_path_azure.yml").read_text(encoding="utf-8"))
    done = run.play(example[0]["tasks"])
    assert changes(done) == {CONTAINER: 1, REQUEST: 1, ACCESS: 1}, "nothing was made before"
    gone = run(state="absent")
    assert (run.status, run.roles) == ([], [f"AtlasPeering/{NAME}"])
    assert any("stays, because this collection has not made it" in line for line in said(gone))
    assert len(roles.list_assignments(VNET_ID)) == 1


def test_blocks_that_overlap_are_refused_before_any_request(run: AzureSite) -> None:
    refused = run(container_cidr_block="10.0.0.0/21", status=2)
    for word in (NAME, BLOCK, "overlaps", "10.0.0.0/21", "run the role again"):
        assert word in message(refused)
    assert (run.writes, run.clouds.azure.entra.principal_of()) == ([], None)
    run.clouds.azure.put_peering(*VNET, "to-hub", ["192.168.0.0/16"], "hub")
    run.clouds.azure.put_peering(*VNET, "odd", ["192.0.0.0/8"], "odd")
    run.clouds.azure.set_peering(*VNET, "odd", remoteVirtualNetwork=None)
    taken = run(status=2)
    hub, odd = (
        "192.168.0.0/16 of hub, with which the VNet has the peering to-hub,",
        "192.0.0.0/8 of a network that is not known, with",
    )
    for word in (f"{hub} overlaps", odd, ATLAS_BLOCK):
        assert word in message(taken)
    assert (run.writes, run.clouds.azure.entra.principal_of()) == ([], None)
    typo = {**run.entry, "vnet_resource_id": VNET_ID + "-typo"}
    unknown = run(connections=[typo], container_cidr_block="10.0.0.0/21", status=2)
    assert ("Failed to read the VNet" in message(unknown), run.writes) == (True, [])


def test_two_vnets_are_requested_and_waited_for_at_once(run: AzureSite) -> None:
    """A role that is not known everywhere yet is waited for as well. The names in AZURE are compared without case."""
    second = (VNET[0], VNET[1], "second")
    run.clouds.azure.add_vnet(*second, prefixes=["10.0.1.0/24"])
    entries = [run.entry, {**run.entry, "vnet_resource_id": vnet_id(*second)}]
    for vnet in (VNET, second):
        run.clouds.azure.add_role(*vnet)
    with run.emulator.project.now() as project:
        project.outside.roles.put(None, Rule(seconds=0.5))
    done = run(azure=False, connections=entries)
    assert (changes(done)[REQUEST], run.status) == (1, ["AVAILABLE"] * 2)
    assert [one["vpc_peer"]["vnet_name"] for one in result(done)["connections"]] == [VNET[2], "second"]
    ours = [(method, path) for method, path in sent_to(run.emulator) if path.startswith("/peers")]
    assert {path for unused, path in ours} == {"/peers"}, "one list a poll, not a request for each"
    rounds = "".join("+" if method == "POST" else " " for method, unused in ours).split()
    assert rounds[0] == "++", "both are requested before the first one is waited for"
    assert len(rounds) > 1, "they are refused at first"

    otherwise = [vnet_id(*(name.upper() for name in vnet)) for vnet in (VNET, second)]
    again = run(azure=False, connections=[{**run.entry, "vnet_resource_id": one} for one in otherwise])
    assert (again.changed, run.writes) == (0, [])
    assert [path for unused, path in sent_to(run.emulator) if path.startswith("/peers")] == ["/peers"]
    assert result(again)["connections"][1]["vpc_peer"] == result(done)["connections"][1]["vpc_peer"]


def test_both_names_of_a_region_mean_the_same_container(run: AzureSite) -> None:
    second = (VNET[0], VNET[1], "second")
    entries = [
        {**run.entry, "container_region": "westeurope"},
        {**run.entry, "container_region": "EUROPE_WEST", "vnet_resource_id": vnet_id(*second)},
    ]
    run.clouds.azure.add_vnet(*second, prefixes=["10.0.1.0/24"])
    for vnet in (VNET, second):
        run.clouds.azure.add_role(*vnet)
    done = run(azure=False, connections=entries, container_region="West Europe")
    assert (changes(done)[CONTAINER], run.status, len(result(done)["containers"])) == (1, ["AVAILABLE"] * 2, 1)
    twice = run(azure=False, connections=[entries[0], {**entries[1], "vnet_resource_id": VNET_ID}], status=2)
    assert "more than once for the same network container" in message(twice)


@pytest.mark.parametrize("field", ["azure_directory_id", "resource_group_name"])
def test_one_of_another_group_or_directory_is_not_removed(run: AzureSite, field: str) -> None:
    """Atlas finds a connection by the subscription and the name of the VNet, which two groups can have."""
    run.clouds.azure.add_role(*VNET)
    run(azure=False, cidr_blocks=[BLOCK])
    before = run.access_list
    other = {"azure_directory_id": "bbbbbbbb-0000-4000-8000-000000000001", "resource_group_name": "other"}[field]
    named = {**run.entry, "vnet_resource_id": vnet_id(VNET[0], "other", VNET[2])} if field == "resource_group_name" else run.entry
    for options in ((), ("--check",)):
        refused = run(*options, azure=False, connections=[{**named, field: other}], state="absent", status=2)
        assert (f"has the {field} " in message(refused), other in message(refused)) == (True, True)
        assert (run.writes, run.status, run.access_list) == ([], ["AVAILABLE"], before)


def test_a_vnet_out_of_reach_does_not_hold_up_the_others(run: AzureSite) -> None:
    run.clouds.azure.add_role(*VNET)
    unknown = {**run.entry, "vnet_resource_id": VNET_ID + "-typo", "container_region": "westeurope"}
    known = {**run.entry, "container_region": "westeurope", "container_cidr_block": ATLAS_BLOCK}
    use = {"ansible.builtin.include_role": {"name": ROLE}}
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"cloudpeer.atlas.atlas_vpc_peers": {"azure_role_timeout": 1}},
    }

    def told(*entries: dict[str, Any]) -> str:
        variables = role_variables({"azure": False, "connections": [*entries]})
        return message(run.plays([{**play, "tasks": [{**use, "vars": variables}]}], status=2))

    # The place of an entry in the message is that in the role's list, in which there are entries on other clouds.
    invalid = told({**ENTRY, "container_cidr_block": "10.8.0.0/18"}, known, {**unknown, "azure_directory_id": "nobody"})
    assert ("vpc_peering_connections[2].azure_directory_id" in invalid, "peers[" in invalid) == (True, False)
    assert run.status == []
    refused = told(known, unknown)
    assert refused.startswith(f"{NAME}-typo: ")
    for words in ("AZURE_CUSTOMER_NETWORK_UNREACHABLE", "was repeated for", ATLAS_APPLICATION, "az ", "run the role again"):
        assert words in refused
    assert ("peers[" in refused, f"{NAME}: " in refused, run.status) == (False, False, ["AVAILABLE"])
