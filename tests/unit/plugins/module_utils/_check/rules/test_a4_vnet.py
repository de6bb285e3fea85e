"""A4: the peering of the VNet, as azure.azcollection shows it."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import Missing, Unread
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import VNET, azure_peer, healthy_azure, vnet_peering
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import ATLAS_BLOCK, found, only, severities


def test_without_a_peering_the_connection_carries_nothing() -> None:
    for peerings in ([], [vnet_peering(prefixes=("10.99.0.0/16",))], [vnet_peering(prefixes=())]):
        facts = healthy_azure(vnet_peerings=peerings)
        assert only(facts, "A401").message == f"VNet {VNET} has no peering with {ATLAS_BLOCK}."


def test_the_other_side_s_range_may_be_wider_than_the_container() -> None:
    assert severities(healthy_azure(vnet_peerings=[vnet_peering(prefixes=("10.99.0.0/16", "192.168.0.0/16"))])) == {}


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("Disconnected", "is Disconnected: Atlas's side is gone."),
        ("Initiated", "is Initiated: Atlas's side is not there yet."),
        ("Odd", "is Odd."),
    ],
)
def test_the_peering_has_to_be_connected(state: str, text: str) -> None:
    facts = healthy_azure(vnet_peerings=[vnet_peering(state=state)])
    assert only(facts, "A401").message.endswith(text)
    assert found(facts)["A401"].fix
    assert found(facts, "skipped")["A402"].waits_for == "A401"


def test_a_left_over_beside_the_peering_is_worth_a_word() -> None:
    facts = healthy_azure(vnet_peerings=[vnet_peering(), vnet_peering(name="old", state="Disconnected")])
    assert severities(facts) == {}
    assert found(facts, "info")["A401"].subject == "old"


@pytest.mark.parametrize(("status", "code"), [("FAILED", "P102"), ("ADDING_PEER", "P101"), ("DELETION_FAILED", "P101")])
def test_without_an_available_connection_another_cause_is_said(status: str, code: str) -> None:
    facts = healthy_azure(peer=azure_peer(status_name=status), vnet_peerings=[])
    assert severities(facts) == {code: "fail"}
    assert found(facts, "skipped")["A401"].waits_for == code
    left = healthy_azure(peer=azure_peer(status_name=status), vnet_peerings=[vnet_peering(state="Disconnected")])
    assert severities(left) == {code: "fail", "A401": "warn"}
    assert "Remove the left-over" in found(left)["A401"].fix


def test_a_left_over_is_told_even_if_there_is_no_connection() -> None:
    facts = healthy_azure({}, peer=None, vnet_peerings=[vnet_peering(state="Disconnected")])
    assert severities(facts) == {"P101": "fail", "A401": "warn"}


def test_without_atlas_s_half_the_block_of_the_entry_counts() -> None:
    off = {name: Missing("The Atlas half is off.") for name in vars(healthy_azure().atlas)}
    given = {"atlas_cidr_block": ATLAS_BLOCK}
    assert found(healthy_azure(given, **off), "ok").keys() == {"A401", "A402", "A403"}
    assert severities(healthy_azure(given, vnet_peerings=[], **off)) == {"A401": "fail"}
    assert severities(healthy_azure(given, vnet_prefixes=("192.168.0.0/16",), **off)) == {"A403": "fail"}


@pytest.mark.parametrize("level", ["RemoteNotInSync", "LocalNotInSync", "LocalAndRemoteNotInSync"])
def test_both_sides_have_to_know_each_other_s_addresses(level: str) -> None:
    assert level in only(healthy_azure(vnet_peerings=[vnet_peering(sync_level=level)]), "A402", "warn").message
    assert severities(healthy_azure(vnet_peerings=[vnet_peering(sync_level=None)])) == {}


def test_the_vnet_must_not_have_the_addresses_of_the_container() -> None:
    facts = healthy_azure(vnet_prefixes=("10.20.0.0/16", "192.168.252.0/24"))
    finding = found(facts)["A403"]
    assert finding.severity == "fail"
    text = f"The network container has {ATLAS_BLOCK}, and VNet {VNET} 192.168.252.0/24: Azure does not peer them."
    assert finding.message == text


def test_what_is_not_given_is_skipped_and_unread_is_unknown() -> None:
    missing = Missing("vnet_peerings is not given.")
    assert found(healthy_azure(vnet_peerings=missing), "skipped").keys() == {"A401", "A402"}
    unread = Unread("It could not be read.")
    assert severities(healthy_azure(vnet_peerings=unread)) == {"A401": "unknown", "A402": "unknown"}
