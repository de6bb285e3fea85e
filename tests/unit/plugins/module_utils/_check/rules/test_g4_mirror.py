"""G4: the mirror in GCP, on the network that Atlas's connection names, and on no other one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import Missing, Unread
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    ATLAS_NETWORK,
    ATLAS_PROJECT,
    GCP_PROJECT,
    NETWORK,
    REMOTE,
    gcp_container,
    gcp_peer,
    healthy_gcp,
    mirror,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import found, object_id, only, severities

LINE = (
    f"gcloud compute networks peerings create atlas-{ATLAS_NETWORK} --project={GCP_PROJECT} --network={NETWORK}"
    f" --peer-project={ATLAS_PROJECT} --peer-network={ATLAS_NETWORK}"
)
UNREAD = Unread("GCP refuses it.", "compute.networks.list")
waiting = pytest.mark.parametrize("status", ["AVAILABLE", "WAITING_FOR_USER"])


@waiting
def test_without_the_mirror_one_cause_has_the_line_for_gcloud(status: str) -> None:
    other = mirror(network="projects/a/global/networks/b")
    facts = healthy_gcp(peer=gcp_peer(status_name=status), gcp_networks={NETWORK: (other,), "default": ()})
    finding = only(facts, "G401")
    assert finding.message == f"VPC network {NETWORK} has no peering with {REMOTE}."
    assert finding.fix == "Make it: atlas_gcp_peering, or the role."
    assert finding.evidence == {"network": REMOTE, "gcloud": LINE}


@waiting
def test_a_mirror_on_another_network_is_the_cause(status: str) -> None:
    facts = healthy_gcp(peer=gcp_peer(status_name=status), gcp_networks={NETWORK: (), "default": (mirror(state="INACTIVE"),)})
    finding = only(facts, "G402")
    expected = ("default", f"The peering with Atlas's network is made on default; the connection names {NETWORK}.")
    assert (finding.subject, finding.message) == expected
    assert LINE in finding.commands
    assert found(facts, "skipped")["G401"].waits_for == "G402"


def test_a_mirror_on_both_networks_is_a_left_over() -> None:
    facts = healthy_gcp(gcp_networks={NETWORK: (mirror(),), "default": (mirror(state="INACTIVE"),)})
    assert "network_name: default" in only(facts, "G402", "warn").fix


def test_another_network_with_a_connection_has_its_own_mirror() -> None:
    networks = {NETWORK: (mirror(),), "other": (mirror(),)}
    other = gcp_peer(id=object_id(number=9), network_name="other")
    assert severities(healthy_gcp(peers=[gcp_peer(), other], gcp_networks=networks)) == {}
    ended = {**other, "status_name": "FAILED"}
    assert severities(healthy_gcp(peers=[gcp_peer(), ended], gcp_networks=networks)) == {"G402": "warn"}
    elsewhere = {**other, "gcp_project_id": "another-project"}
    assert severities(healthy_gcp(peers=[gcp_peer(), elsewhere], gcp_networks=networks)) == {"G402": "warn"}


def test_a_mirror_that_is_not_active_is_a_failure() -> None:
    facts = healthy_gcp(gcp_networks={NETWORK: (mirror(state="INACTIVE", state_details="Waiting for peer network."),)})
    assert severities(facts) == {"G401": "fail"}
    text = f"The peering atlas-{ATLAS_NETWORK} of VPC network {NETWORK} is INACTIVE (Waiting for peer network.)."
    assert found(facts)["G401"].message == text
    assert severities(healthy_gcp(gcp_networks={NETWORK: (mirror(state=None),)})) == {"G401": "unknown"}


def test_a_network_that_gcp_does_not_know_is_a_failure() -> None:
    facts = healthy_gcp(gcp_networks={"default": ()})
    assert only(facts, "G401").message == f"Project {GCP_PROJECT} has no VPC network {NETWORK}."


def test_atlas_may_not_have_seen_the_mirror_yet() -> None:
    facts = healthy_gcp(peer=gcp_peer(status_name="WAITING_FOR_USER"))
    assert only(facts, "P101").message.startswith("WAITING_FOR_USER for 30 d:")
    assert "Atlas sees the peering within 10 minutes" in found(facts)["P101"].fix


@pytest.mark.parametrize("networks", [Missing("gcp is false."), UNREAD])
def test_if_gcp_is_not_read_atlas_tells_what_is_missing(networks: Any) -> None:
    facts = healthy_gcp(peer=gcp_peer(status_name="WAITING_FOR_USER"), gcp_networks=networks)
    assert found(facts, "fail").keys() == {"P101"}
    assert LINE in found(facts)["P101"].commands


def test_a_missing_permission_is_named() -> None:
    unread = found(healthy_gcp(gcp_networks=UNREAD))
    assert unread.keys() == {"G401", "G402", "G403", "G601", "P107"}
    expected = {("unknown", "Allow compute.networks.list to these credentials.")}
    assert {(one.severity, one.fix) for one in unread.values()} == expected


@pytest.mark.parametrize("status", ["ADDING_PEER", "DELETING"])
def test_nothing_is_missing_in_gcp_before_atlas_s_part_is_done(status: str) -> None:
    facts = healthy_gcp(peer=gcp_peer(status_name=status), gcp_networks={NETWORK: ()})
    assert severities(facts) == {"P101": "fail"}
    assert found(facts, "skipped")["G401"].waits_for == "P101"


def test_a_container_that_does_not_tell_its_names_is_unknown() -> None:
    lost = gcp_container(atlas_gcp_project_id=None, atlas_network_name=None)
    assert severities(healthy_gcp(container=lost)) == dict.fromkeys(("G401", "G402", "G403", "G601"), "unknown")
    pending = healthy_gcp(container=lost, peer=gcp_peer(status_name="WAITING_FOR_USER"), gcp_networks={NETWORK: ()})
    assert found(pending, "fail")["P101"].fix.endswith("The network container has atlas_gcp_project_id and atlas_network_name.")


def test_without_atlas_s_half_the_names_of_the_entry_count() -> None:
    off = {name: Missing("The Atlas half is off.") for name in vars(healthy_gcp().atlas)}
    names = {"atlas_gcp_project_id": ATLAS_PROJECT, "atlas_network_name": ATLAS_NETWORK}
    assert found(healthy_gcp(names, **off), "ok").keys() == {"G401", "G402", "G403"}
    assert severities(healthy_gcp(names, gcp_networks={NETWORK: ()}, **off)) == {"G401": "fail"}
    assert severities(healthy_gcp(names, gcp_networks={NETWORK: (), "default": (mirror(),)}, **off)) == {"G402": "fail"}
    assert found(healthy_gcp(**off), "ok", "fail", "unknown") == {}
