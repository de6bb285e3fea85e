"""On AZURE and GCP, too, what check mode foretells of a connection is what the run then does; a second run changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.properties.states import optional
from ansible_collections.cloudpeer.atlas.tests.properties.test_check_mode_tells_the_truth import check
from ansible_collections.cloudpeer.atlas.tests.properties.world import ACCOUNTS, BLOCKS, CLOUD_LIVES, NETWORKS, VPCS, World
from hypothesis import given
from hypothesis import strategies as st

#: What differs between the networks of a cloud: two of them, and another field that does not tell one from another.
NAMES = {"AZURE": ("vnetName", "prod-vnet", "test-vnet"), "GCP": ("networkName", "prod-net", "test-net")}
OTHER_GROUP = "another-group"
AZURE_PLACES = {"EUROPE_NORTH": "10.8.0.0/21", "US_EAST_2": "10.16.0.0/21"}
OPTIONS = {
    "AZURE": {
        "azureDirectoryId": "azure_directory_id",
        "azureSubscriptionId": "azure_subscription_id",
        "resourceGroupName": "resource_group_name",
        "vnetName": "vnet_name",
    },
    "GCP": {"gcpProjectId": "gcp_project_id", "networkName": "network_name"},
}
#: Options that do not tell one network from another, some of which a task leaves out.
LEFT_OUT = {
    "AZURE": st.sampled_from([(), (), ("azureDirectoryId",), ("resourceGroupName",), ("azureDirectoryId", "resourceGroupName")]),
    "GCP": st.just(()),
}


def fields_of(provider: str, name: str, group: str) -> dict[str, Any]:
    """Return the fields of a network."""
    fields = {**NETWORKS[provider], NAMES[provider][0]: name}
    return {**fields, "resourceGroupName": group} if provider == "AZURE" else fields


@st.composite
def worlds(draw: st.DrawFn, provider: str) -> World:
    """Return projects with containers and connections on a cloud, beside one on AWS."""
    world = World()
    world.add_peer(VPCS[0], ACCOUNTS[0], BLOCKS[0], "us-east-1", "AVAILABLE")
    if provider == "GCP":
        places = [{"atlasCidrBlock": "10.8.0.0/18"}][: draw(st.integers(0, 3))]
    else:
        regions = draw(st.lists(st.sampled_from([*AZURE_PLACES]), unique=True))
        places = [{"region": region, "atlasCidrBlock": AZURE_PLACES[region]} for region in regions]
    containers = [world.add_container_of(provider, **place) for place in places]
    if provider == "AZURE" and containers and draw(st.booleans()):
        # One whose block overlaps that of another; a VNet cannot have connections to both.
        with world.emulator.project.now() as project:
            twin = replace(project.containers.get(containers[0]), id="1" * 24, region="EUROPE_WEST")
            project.containers.put_first(twin)
            containers.append(twin.id)
    unused_field, *names = NAMES[provider]
    peers = st.tuples(
        st.sampled_from(containers or [None]),
        st.sampled_from([*CLOUD_LIVES[provider]]),
        st.sampled_from([*names, names[0].upper()] if provider == "AZURE" else names),
        st.sampled_from(["net", "net", OTHER_GROUP]),
    )
    for container_id, life, name, group in draw(st.lists(peers, max_size=3)):
        if container_id is not None:
            world.add_peer_of(provider, life, containerId=container_id, **fields_of(provider, name, group))
    return world


def wanted(world: World, provider: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return options for a connection that somebody can want: by its network, its id, or both."""
    project = world.emulator.project
    with project.now():
        peers = [peer.id for peer in project.peers] + ["0" * 24]
        containers = [one.id for one in project.containers] + ["0" * 24]
    names = OPTIONS[provider]

    def as_options(name: str, group: str, left_out: tuple[str, ...]) -> dict[str, Any]:
        return {names[field]: value for field, value in fields_of(provider, name, group).items() if field not in left_out}

    spelled = [*NAMES[provider][1:], *([NAMES[provider][1].upper()] if provider == "AZURE" else [])]
    network = st.builds(as_options, st.sampled_from(spelled), st.sampled_from(["net", "net", OTHER_GROUP]), LEFT_OUT[provider])
    named = optional(provider_name=st.just(provider))
    by_id = st.builds(lambda peer, cloud: {"peer_id": peer, **cloud}, st.sampled_from(peers), named)
    both = st.builds(lambda one, peer: {**one, "peer_id": peer}, network, st.sampled_from(peers))
    places = [{}, {}, *({"container_id": one} for one in containers)]
    if provider == "AZURE":
        places += [{"container_region_name": one} for one in ("EUROPE_NORTH", "eastus2", "West Europe")]
    more = optional(
        state=st.sampled_from(["present", "absent"]),
        recreate=st.sampled_from(["never", "dead", "changed"]),
        wait=st.booleans(),
        envelope=st.booleans(),
    )
    parts = st.one_of(network, network, network, by_id, both), st.sampled_from(places), more
    return st.builds(lambda *all_parts: {name: value for part in all_parts for name, value in part.items()}, *parts)


@examples(150)
@given(data=st.data(), world=worlds("AZURE"))
def test_check_mode_foretells_a_connection_on_azure(data: st.DataObject, world: World) -> None:
    check(world, "atlas_vpc_peer", "vpc_peer", {**data.draw(wanted(world, "AZURE")), "wait_timeout": 500})


@examples(150)
@given(data=st.data(), world=worlds("GCP"))
def test_check_mode_foretells_a_connection_on_gcp(data: st.DataObject, world: World) -> None:
    check(world, "atlas_vpc_peer", "vpc_peer", {**data.draw(wanted(world, "GCP")), "wait_timeout": 500})
