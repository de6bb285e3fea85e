"""What is planned and said of a connection on AZURE and GCP, without a network."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.azure import AZURE
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.cloud import Cloud, Peer
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import CLOUDS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.gcp import GCP
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import parse_region
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Facts
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, TaskError, shown
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.connection import CreatePeer, DeletePeer, PeerState, failure
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.container_choice import LIST_CONTAINERS, ContainerChoice
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.options import choose_provider, parse_cloud
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.planner import PeerPlanner
from ansible_collections.cloudpeer.atlas.tests.support import peer_site

OWN = {"AZURE": peer_site.AZURE, "GCP": peer_site.GCP}
EACH = pytest.mark.parametrize("provider", [AZURE, GCP], ids=["AZURE", "GCP"])
CONTAINER_ID = "5356823b3794dee37132bb70"
NOW, OLD = f"{int(time.time()):08x}{'0' * 16}", f"{int(time.time()) - 7200:08x}{'0' * 16}"


def params_for(provider: Cloud, **more: Any) -> dict[str, Any]:
    unset = dict.fromkeys(("peer_id", "container_id", "container_region_name"))
    rest = {"group_id": "5356823b3794dee37132bb7b", "api_version": "v2", "state": "present", "recreate": "never"}
    return {**unset, **rest, **OWN[provider.name], **more}


def peer_of(provider: Cloud, **fields: Any) -> Peer:
    shown = dict.fromkeys((*provider.read_only, *provider.writable))
    own = {"id": NOW, "container_id": CONTAINER_ID, "status_name": "AVAILABLE", "provider_name": provider.name}
    return cast(Peer, {**shown, **OWN[provider.name], **own, **fields})


def facts_for(provider: Cloud) -> Facts:
    region = {"region_name": "EUROPE_NORTH"} if provider is AZURE else {"regions": []}
    names = dict.fromkeys(("atlas_gcp_project_id", "atlas_network_name"))
    one = {"id": CONTAINER_ID, "provider_name": provider.name, "atlas_cidr_block": "10.8.0.0/18", **region, **names}
    return Facts({LIST_CONTAINERS: [one]}.__getitem__)


def plan(provider: Cloud, state: PeerState, **more: Any) -> tuple[list[Any], str | None]:
    """Return the requests that are planned, and what becomes of the connection."""
    found = PeerPlanner(ContainerChoice(params_for(provider, **more), provider, facts_for(provider))).plan_present(state)
    return [step.request for step in found.steps], found.changes[0].action if found.changes else None


def test_each_cloud_has_its_states() -> None:
    assert {name: one.states for name, one in CLOUDS.items()} == {
        "AWS": ("INITIATING", "PENDING_ACCEPTANCE", "FINALIZING", "AVAILABLE", "FAILED", "TERMINATING"),
        "AZURE": ("ADDING_PEER", "AVAILABLE", "FAILED", "DELETING", "DELETION_FAILED"),
        "GCP": ("ADDING_PEER", "WAITING_FOR_USER", "AVAILABLE", "FAILED", "DELETING"),
    }
    expected = {"AWS": "PENDING_ACCEPTANCE", "AZURE": "AVAILABLE", "GCP": "WAITING_FOR_USER"}
    assert {name: one.goal(None) for name, one in CLOUDS.items()} == expected
    assert {one.goal("available") for one in CLOUDS.values()} == {"AVAILABLE"}
    assert [one.labels for one in CLOUDS.values()] == [(), ("azure_directory_id", "resource_group_name"), ()]


@EACH
def test_what_is_there_as_wanted_stays(provider: Cloud) -> None:
    assert plan(provider, PeerState(peer_of(provider), listed=())) == ([], None)


@EACH
def test_a_new_one_is_in_the_only_container(provider: Cloud) -> None:
    requests, action = plan(provider, PeerState(None, listed=()))
    assert (requests, action) == ([CreatePeer({**OWN[provider.name], "container_id": CONTAINER_ID}, None)], "create")


@EACH
def test_a_move_is_a_creation_and_then_a_removal(provider: Cloud) -> None:
    name = provider.identity[-1]
    state = PeerState(None, listed=(peer_of(provider),), old=peer_of(provider))
    requests, action = plan(provider, state, recreate="changed", **{name: "other-net"})
    assert ([type(one) for one in requests], action) == ([CreatePeer, DeletePeer], "recreate")


def test_another_group_is_refused_or_replaced() -> None:
    state = PeerState(peer_of(AZURE), listed=(peer_of(AZURE),))
    with pytest.raises(TaskError, match="resource_group_name is prod-net, not other"):
        plan(AZURE, state, resource_group_name="other")
    requests, action = plan(AZURE, state, resource_group_name="other", recreate="changed")
    assert ([type(one) for one in requests], action) == ([DeletePeer, CreatePeer], "recreate")
    assert plan(AZURE, state, resource_group_name="PROD-NET") == ([], None)


@EACH
@pytest.mark.parametrize("status", ["FAILED", "DELETION_FAILED"])
def test_what_has_failed_is_replaced_only_if_that_is_wanted(provider: Cloud, status: str) -> None:
    if status not in provider.states:
        return
    state = PeerState(peer_of(provider, status_name=status, error_state_name="Text."), listed=())
    with pytest.raises(TaskError, match=f"{status} \\(Text\\.\\)"):
        plan(provider, state)
    assert plan(provider, state, recreate="dead")[1] == "recreate"


@pytest.mark.parametrize(
    ("peer_id", "worked", "may_have_worked"),
    [(NOW, False, False), (NOW, True, True), (OLD, False, True), ("odd", False, False)],
    ids=["new", "seen to work", "old", "odd"],
)
@EACH
def test_one_that_may_have_worked_is_told(provider: Cloud, peer_id: str, worked: bool, may_have_worked: bool) -> None:
    peer = peer_of(provider, id=peer_id, status_name="FAILED")
    text = str(failure(provider, params_for(provider), peer, worked=worked))
    assert ("Atlas may have moved a connection that worked to FAILED" in text) == may_have_worked


def test_on_aws_nothing_is_said_of_that() -> None:
    peer = cast(Peer, {"id": OLD, "status_name": "FAILED", "error_state_name": "REJECTED"})
    params = {"recreate": "never", "vpc_id": "vpc-1", "aws_account_id": "1"}
    assert "may have moved" not in str(failure(CLOUDS["AWS"], params, peer, worked=True))


def test_a_cloud_follows_from_its_options() -> None:
    for option, cloud in (("vpc_id", "AWS"), ("vnet_resource_id", "AZURE"), ("network_name", "GCP"), ("connection_id", "AWS")):
        assert choose_provider({option: "x", "api_version": "v2"}) is CLOUDS[cloud]
    assert choose_provider({"peer_id": "x", "api_version": "v2"}) is None
    assert choose_provider({"provider_name": "GCP", "api_version": "v2"}) is GCP
    with pytest.raises(InvalidOptionError, match="vpc_id is for AWS, and vnet_name is for AZURE"):
        choose_provider({"vpc_id": "x", "vnet_name": "y", "api_version": "v2"})


def test_the_resource_id_of_a_vnet_gives_three_options() -> None:
    assert parse_cloud({"vnet_resource_id": peer_site.VNET_ID, "container_region_name": "moon"}, AZURE) == {
        "azure_subscription_id": peer_site.SUBSCRIPTION,
        "resource_group_name": peer_site.GROUP,
        "vnet_name": peer_site.VNET,
    }


def test_a_region_that_is_not_known_is_left_to_atlas() -> None:
    region, (warning,) = parse_region("container_region_name", "moon", AZURE)
    assert region == "moon"
    assert "container_region_name 'moon' is not a region of AZURE that" in shown(warning)


def test_names_from_atlas_are_quoted_in_what_is_to_be_pasted() -> None:
    container = {"atlas_gcp_project_id": "p-1; rm", "atlas_network_name": "nt-$(x)"}
    handover = GCP.handover(cast("dict[str, Any]", peer_of(GCP)), container, False)
    assert "'--peer-project=p-1; rm'" in handover["gcloud"]
    odd = AZURE.handover({**peer_site.AZURE, "vnet_name": "a(b)"}, None, False)
    assert odd["az"][2].endswith("/virtualNetworks/a(b)'")
