"""Connections on AZURE and GCP: made, found, waited for and removed, and what the options for them mean."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import PAIR, PEERING, Atlas, without_times
from ansible_collections.cloudpeer.atlas.tests.support.peer_site import (
    AZURE,
    DIRECTORY,
    GCP,
    GROUP,
    NETWORK,
    PROJECT,
    SUBSCRIPTION,
    VNET,
    VNET_ID,
    PeerSite,
)

CHECK_MODES = pytest.mark.parametrize("check_mode", [False, True], ids=["run", "check mode"])
HANDOVER = {
    "AZURE": {"application_id", "scope", "role_definition", "az"},
    "GCP": {"gcp_project_id", "network_name", "atlas_gcp_project_id", "atlas_network_name", "name", "gcloud", "add_peering"},
    "AWS": {"connection_id", "aws_account_id", "accepter_region_name", "atlas_cidr_block"},
}


def test_it_is_made_as_foretold_and_found_and_removed(site: PeerSite) -> None:
    foretold = site.run(check_mode=True)
    assert (foretold.changed, foretold.failed, site.peers()) == (True, False, [])
    site.emulator.requests.clear()
    done = site.run()
    assert (done.failed, done.changed, site.requests()) == (False, True, ["GET peers", "GET all", "POST peers"])
    assert {**without_times(done.peer), "id": None} == without_times(foretold.peer) == foretold.after
    assert (foretold.before, done.before, done.after) == ({}, {}, without_times(done.peer))
    site.live()
    site.emulator.requests.clear()
    again = site.run(check_mode=False)
    assert (again.changed, again.peer["id"], site.atlas.wire()) == (False, done.peer["id"], [("GET", 401), ("GET", 200)])
    for check_mode in (True, False):
        gone = site.run(state="absent", wait=True, check_mode=check_mode)
        assert (gone.changed, gone.failed, gone.peer, gone.result["handover"]) == (True, False, None, None)
        assert len(site.peers()) == check_mode
    assert not site.run(state="absent").changed


def test_the_request_has_the_fields_of_its_cloud(site: PeerSite) -> None:
    site.run()
    (peer,) = site.peers()
    names = {
        "AZURE": ["azureDirectoryId", "azureSubscriptionId", "resourceGroupName", "vnetName"],
        "GCP": ["gcpProjectId", "networkName"],
    }
    assert [peer[name] for name in names[site.cloud]] == list(site.options.values())
    assert (peer["providerName"], peer["containerId"]) == (site.cloud, site.container_id)


def test_the_result_has_the_fields_of_its_cloud(site: PeerSite) -> None:
    done = site.run(wait=True, wait_for="available") if site.cloud == "AZURE" else site.run(wait=True)
    common = {"id", "provider_name", "container_id", "status_name", "error_state_name", "requested_at", "expires_at"}
    assert set(done.peer) == {*site.options, *common}
    assert (done.peer["provider_name"], done.peer["error_state_name"]) == (site.cloud, None)
    assert set(done.result) == {"changed", "vpc_peer", "handover", "diff", "requests", "api_calls", "status_history"}


def test_the_container_costs_nothing_where_the_options_name_it(site: PeerSite) -> None:
    assert site.run(container_id=site.container_id).changed
    assert site.requests() == ["GET peers", "POST peers"]


def test_peer_id_alone_tells_the_cloud(site: PeerSite) -> None:
    peer_id = site.create()
    alone = {**dict.fromkeys(site.options), "peer_id": peer_id}
    done = site.run(**alone)
    assert (done.changed, done.peer["provider_name"], len(site.atlas.wire())) == (False, site.cloud, 2)
    assert set(done.result["handover"]) == HANDOVER[site.cloud]
    assert site.run(**alone, api_version="v1.0").missing("api_version must be v2", site.cloud) == []
    assert site.run(**alone, provider_name=site.cloud).peer["id"] == peer_id
    other = site.run(**alone, provider_name="AWS")
    assert other.missing("peer_id", f"on {site.cloud}", "the other options are for AWS") == []
    assert site.run(**{**alone, **PAIR}).missing("peer_id", f"on {site.cloud}", "are for AWS") == []
    assert site.run(**alone, state="absent", wait=True).changed
    assert site.peers() == []


def test_peer_id_of_aws_does_not_fit_options_of_another_cloud(site: PeerSite) -> None:
    made = site.atlas.create()
    assert site.run(peer_id=made["id"]).missing(made["id"], "on AWS", f"are for {site.cloud}") == []


def test_what_is_not_there_is_not_created_from_an_id(site: PeerSite) -> None:
    done = site.run(**dict.fromkeys(site.options), provider_name=site.cloud, peer_id="5356823b3794dee37132bb7c")
    names = ("vnet_name", "azure_subscription_id") if site.cloud == "AZURE" else ("network_name", "gcp_project_id")
    assert done.missing("has no VPC peering connection 5356823b3794dee37132bb7c", *names) == []


def test_two_networks_have_two_connections(site: PeerSite) -> None:
    first = site.create()
    second = site.run(**site.other)
    assert (second.changed, len(site.peers())) == (True, 2)
    assert site.run(**site.other, state="absent").changed
    assert [one["status"] for one in site.peers() if one["id"] == first] == [site.peers()[0]["status"]] != ["DELETING"]


@pytest.mark.parametrize(
    "options",
    [
        {"azure_directory_id": DIRECTORY, "vnet_resource_id": VNET_ID},
        {**AZURE, "vnet_resource_id": VNET_ID.lower()},
        {name: value.upper() for name, value in AZURE.items()},
        {**AZURE, "vnet_name": "Prod-VNet", "resource_group_name": "PROD-net"},
        {"azure_subscription_id": SUBSCRIPTION, "vnet_name": VNET},
    ],
    ids=["resource id", "both", "upper case", "mixed case", "key alone"],
)
def test_names_of_azure_are_the_same_in_any_case(azure: PeerSite, options: dict[str, Any]) -> None:
    peer_id = azure.create()
    done = azure.atlas.run(**options)
    assert (done.failed, done.changed, done.peer["id"]) == (False, False, peer_id)
    assert azure.atlas.run(**options, peer_id=peer_id).peer["id"] == peer_id
    assert azure.atlas.run(**options, state="absent").changed


def test_a_region_of_azure_needs_its_cloud(azure: PeerSite) -> None:
    alone = {**dict.fromkeys(azure.options), "peer_id": azure.create(), "container_region_name": "northeurope"}
    words = ("container_region_name 'northeurope' is a region of AZURE", "Set provider_name: AZURE.")
    assert azure.run(**alone).missing(*words) == []
    assert azure.requests() == []
    assert azure.run(**alone, provider_name="AZURE").changed is False


def test_the_resource_id_of_a_vnet_creates_too(azure: PeerSite) -> None:
    done = azure.atlas.run(azure_directory_id=DIRECTORY, vnet_resource_id=VNET_ID)
    assert (done.changed, {name: done.peer[name] for name in AZURE}) == (True, AZURE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({**PEERING, **GCP}, ["is for AWS", "is for GCP", "vpc_id", "gcp_project_id"]),
        (
            {**AZURE, "network_name": NETWORK, "gcp_project_id": PROJECT},
            ["azure_directory_id is for AZURE", "gcp_project_id is for GCP"],
        ),
        ({**AZURE, "route_table_cidr_block": "10.0.0.0/16"}, ["route_table_cidr_block is for AWS", "is for AZURE"]),
        ({**GCP, "accepter_region_name": "us-east-1"}, ["accepter_region_name is for AWS", "is for GCP"]),
        ({**GCP, "provider_name": "AZURE"}, ["gcp_project_id is for GCP", "provider_name is AZURE"]),
        ({**PEERING, "provider_name": "GCP"}, ["vpc_id is for AWS", "provider_name is GCP"]),
        ({**AZURE, "api_version": "v1.0"}, ["api_version must be v2 with provider_name AZURE"]),
        ({**GCP, "api_version": "v1.0"}, ["api_version must be v2 with provider_name GCP"]),
        ({**GCP, "container_region_name": "europe-west3"}, ["container_region_name", "GCP", "Leave it out"]),
        ({**AZURE, "wait_for": "pending_acceptance"}, ["wait_for: pending_acceptance", "AZURE", "wait_for: available"]),
        ({**AZURE, "azure_role_timeout": -1}, ["azure_role_timeout must be from 0"]),
        ({**AZURE, "azure_subscription_id": "my subscription"}, ["azure_subscription_id is malformed"]),
        ({**AZURE, "vnet_name": "a/b"}, ["vnet_name is not a name in AZURE", "vnet_resource_id"]),
        ({"vnet_resource_id": "vnet"}, ["vnet_resource_id is not the resource id of a VNet", "/virtualNetworks/"]),
        ({**AZURE, "vnet_name": "other", "vnet_resource_id": VNET_ID}, ["vnet_name is other, and vnet_resource_id names"]),
        ({**GCP, "gcp_project_id": "12"}, ["gcp_project_id is not the id of a GCP project"]),
        ({**GCP, "network_name": "a/b"}, ["network_name is not a name in GCP"]),
        ({"vnet_name": VNET}, ["azure_subscription_id is missing", "vnet_name", "peer_id"]),
        (
            {"peer_id": "5356823b3794dee37132bb7c", "recreate": "dead"},
            ["recreate: dead needs vpc_id", "They are for AWS; on AZURE and GCP, set the options of that cloud"],
        ),
        (
            {"provider_name": "AZURE", "peer_id": "5356823b3794dee37132bb7c", "recreate": "changed"},
            ["recreate: changed needs vnet_name, azure_subscription_id, azure_directory_id and resource_group_name"],
        ),
    ],
)
def test_options_that_do_not_go_together_are_named(atlas: Atlas, options: dict[str, Any], words: list[str]) -> None:
    assert atlas.run(**options).missing(*words) == []
    assert atlas.wire() == []


def test_an_unknown_id_may_be_one_of_any_cloud(atlas: Atlas) -> None:
    done = atlas.run(peer_id="5356823b3794dee37132bb7c")
    assert done.missing("give vpc_id and aws_account_id, or what names the network on AZURE or GCP, instead") == []


@CHECK_MODES
@pytest.mark.parametrize("name", ["azure_directory_id", "resource_group_name"])
def test_what_azure_needs_is_named(azure: PeerSite, name: str, check_mode: bool) -> None:
    done = azure.run(**{name: None}, check_mode=check_mode)
    assert done.missing(f"{name} is required to create a VPC peering connection") == []
    assert azure.peers() == []


@CHECK_MODES
@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(
    ("name", "value"), [("resource_group_name", "other-group"), ("azure_directory_id", SUBSCRIPTION)], ids=["group", "directory"]
)
def test_options_beside_the_key_of_azure_must_fit(azure: PeerSite, name: str, value: str, state: str, check_mode: bool) -> None:
    azure.create()
    done = azure.run(**{name: value}, state=state, check_mode=check_mode)
    assert done.missing(f"{name} is {AZURE[name]}, not {value}") == []
    assert azure.atlas.writes() == []


def test_one_of_several_containers_of_azure_is_never_guessed(azure: PeerSite) -> None:
    second = azure.make_container(region="US_EAST_2", atlasCidrBlock="10.9.0.0/21")
    assert azure.run().missing("has 2 network containers on AZURE", "container_region_name", "eastus2") == []
    for region in ("eastus2", "US_EAST_2", "EastUS2"):
        done = azure.run(container_region_name=region)
        assert (done.failed, done.peer["container_id"]) == (False, second)
    assert azure.run(container_id=azure.container_id).changed
    assert azure.run().missing("has 2 VPC peering connections", "container_region_name") == []
    assert azure.run(container_region_name="westeurope").missing("no network container on AZURE in westeurope;") == []
    assert azure.run(container_region_name="us-east-2", state="absent").changed


@CHECK_MODES
def test_a_container_of_another_cloud_is_said(site: PeerSite, check_mode: bool) -> None:
    done = site.run(container_id=site.atlas.container_id, check_mode=check_mode)
    words = (f"container_id: network container {site.atlas.container_id} is on AWS, not on {site.cloud}", "Leave it out")
    assert done.missing(*words) == []
    assert site.peers() == []


@CHECK_MODES
def test_a_container_that_is_not_there_is_said(site: PeerSite, check_mode: bool) -> None:
    done = site.run(container_id="5356823b3794dee37132bb7c", check_mode=check_mode)
    assert done.missing("container_id: project", "has no network container 5356823b3794dee37132bb7c") == []


@pytest.mark.parametrize("options", [AZURE, GCP], ids=["AZURE", "GCP"])
def test_without_a_container_there_is_no_connection(atlas: Atlas, options: dict[str, Any]) -> None:
    for check_mode in (True, False):
        done = atlas.run(**options, check_mode=check_mode)
        assert done.missing("has no network container on", "Create one") == []


@CHECK_MODES
def test_a_vnet_has_no_two_peerings_with_overlapping_blocks(azure: PeerSite, check_mode: bool) -> None:
    azure.create()
    twin = azure.add_twin()
    done = azure.run(container_region_name="westeurope", check_mode=check_mode)
    assert done.missing("VNet prod-vnet", "overlaps 10.8.0.0/21", azure.container_id, twin) == []
    assert azure.atlas.writes() == []


@CHECK_MODES
def test_a_peering_that_could_not_be_removed_is_in_the_way_too(azure: PeerSite, check_mode: bool) -> None:
    old = azure.create()
    twin = azure.add_twin()
    azure.fail_deletion(old)
    azure.atlas.act("delete", old)
    azure.clock.sleep(2)
    done = azure.run(container_region_name="westeurope", check_mode=check_mode)
    assert done.missing("VNet prod-vnet", f"by VPC peering connection {old}", "overlaps 10.8.0.0/21", twin) == []
    assert azure.atlas.writes() == []


@pytest.mark.parametrize("options", [{}, {"wait": True}, {"wait": True, "wait_timeout": 5}], ids=["no wait", "wait", "late"])
def test_an_overlapping_peering_is_gone_before_the_new_request(azure: PeerSite, options: dict[str, Any]) -> None:
    old = azure.create()
    twin = azure.add_twin()
    azure.atlas.act("delete", old)
    is_late = "wait_timeout" in options
    if is_late:
        with azure.emulator.project.now() as project:
            project.peers.advance = lambda now: None
    foretold = azure.run(container_region_name="westeurope", **options, check_mode=True)
    assert (foretold.failed, foretold.changed, foretold.peer["container_id"]) == (False, True, twin)
    azure.emulator.requests.clear()
    done = azure.run(container_region_name="westeurope", **options)
    if is_late:
        assert done.missing(f"{old} is still DELETING after 5 seconds") == []
        assert azure.atlas.writes() == []
        return
    assert (done.failed, done.peer["container_id"], len(azure.peers())) == (False, twin, 1)
    # It was seen gone before.
    before = azure.requests().index("POST peers") - 1
    assert azure.requests()[before] in (f"GET {old}", "GET peers")


def test_the_hand_over_of_gcp_costs_a_request_while_it_is_open(gcp: PeerSite) -> None:
    first = gcp.run()
    assert [first.result["handover"][name] for name in ("name", "gcloud", "atlas_network_name")] == [None, None, None]
    gcp.clock.sleep(2)
    gcp.emulator.requests.clear()
    waiting = gcp.run()
    assert (waiting.changed, len(gcp.atlas.wire())) == (False, 3)
    with gcp.emulator.project.now() as project:
        container = project.containers.get(gcp.container_id).to_json()
    handover = waiting.result["handover"]
    project_id, network = container["gcpProjectId"], container["networkName"]
    assert handover == {
        "gcp_project_id": PROJECT,
        "network_name": NETWORK,
        "atlas_gcp_project_id": project_id,
        "atlas_network_name": network,
        "name": f"atlas-{network}",
        "gcloud": f"gcloud compute networks peerings create atlas-{network} --project={PROJECT} --network={NETWORK} "
        f"--peer-project={project_id} --peer-network={network}",
        "add_peering": {
            "networkPeering": {
                "name": f"atlas-{network}",
                "network": f"https://www.googleapis.com/compute/v1/projects/{project_id}/global/networks/{network}",
                "exchangeSubnetRoutes": True,
            }
        },
    }
    gcp.live()
    gcp.emulator.requests.clear()
    assert (set(gcp.run().result["handover"]), len(gcp.atlas.wire())) == (HANDOVER["GCP"], 2)


def test_the_hand_over_of_azure_precedes_the_connection(azure: PeerSite) -> None:
    foretold = azure.run(check_mode=True).result["handover"]
    assert (set(foretold), foretold["scope"]) == (HANDOVER["AZURE"], VNET_ID)
    role = foretold["role_definition"]
    assert (role["name"], role["assignable_scopes"]) == (f"AtlasPeering/{SUBSCRIPTION}/{GROUP}/{VNET}", [VNET_ID])
    assert [action.removeprefix("Microsoft.Network/virtualNetworks/") for action in role["actions"]] == [
        "virtualNetworkPeerings/read",
        "virtualNetworkPeerings/write",
        "virtualNetworkPeerings/delete",
        "peer/action",
    ]
    expected = ["az ad sp create", "az role definition create", "az role assignment create"]
    assert [line.split(" --")[0] for line in foretold["az"]] == expected
    assert azure.run().result["handover"] == foretold


def test_the_operation_is_that_of_aws(atlas: Atlas) -> None:
    assert atlas.run(OPERATION, **PEERING, provider_name="AWS").peer["provider_name"] == "AWS"
