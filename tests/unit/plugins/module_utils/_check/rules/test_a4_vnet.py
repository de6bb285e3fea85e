"""A4: the peering of the VNet: what the findings say. test_situations_azure.py has when there is one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import Missing
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    ATLAS_VNET,
    SUBNET,
    SUBNET_BLOCK,
    SUBSCRIPTION,
    VNET,
    azure_peer,
    healthy_azure,
    vnet_peering,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import ATLAS_BLOCK, found, only, severities


def test_a_peering_that_is_gone_is_named_with_those_like_it() -> None:
    hub = vnet_peering(name="hub", prefixes=("192.168.0.0/16",), remote_name="vnet-hub")
    finding = only(healthy_azure(vnet_peerings=[hub]), "A401")
    start = f"VNet {VNET} has no peering with Atlas's VNet {ATLAS_VNET} ({ATLAS_BLOCK})."
    assert finding.message == f"{start} The peering hub has this block, and leads to vnet-hub."
    assert finding.fix.endswith("remove the connection in Atlas with state: absent, and request it again.")
    assert found(healthy_azure(vnet_peerings=[hub]), "skipped")["A404"].waits_for == "A401"


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


def test_a_vnet_that_azure_does_not_have_is_one_cause() -> None:
    gone = Missing("Azure has no such VNet.", "A401")
    names = ("vnet_peerings", "vnet_prefixes", "vnet_subnets", "vnet_nsgs", "vnet_tables")
    facts = healthy_azure(vnet_exists=False, **dict.fromkeys(names, gone))
    assert only(facts, "A401").message == f"Azure has no VNet {VNET} in subscription {SUBSCRIPTION}."
    assert {"A402", "A403", "A404", "A601", "A701"} <= found(facts, "skipped").keys()


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


def test_without_the_name_of_atlas_s_vnet_the_option_is_named() -> None:
    off = {name: Missing("The Atlas half is off.") for name in vars(healthy_azure().atlas)}
    facts = healthy_azure({"atlas_cidr_block": ATLAS_BLOCK}, **off)
    assert only(facts, "A401", "unknown").fix.startswith("Set atlas_vnet_name of the connection")
    assert found(healthy_azure({"atlas_cidr_block": ATLAS_BLOCK, "atlas_vnet_name": ATLAS_VNET}, **off), "ok").keys() >= {
        *("A401", "A402", "A403", "A404", "A601", "A701")
    }


def test_who_has_to_sync_is_said() -> None:
    behind = {"sync_level": "RemoteNotInSync", "known_prefixes": ("10.99.0.0/16",)}
    finding = only(healthy_azure(vnet_peerings=[vnet_peering(**behind)]), "A402")
    text = f"is RemoteNotInSync: Atlas does not know {SUBNET_BLOCK}, where clients are."
    assert finding.message.endswith(text)
    assert finding.fix.startswith("Atlas's side has to sync: ask MongoDB's support, or ")
    assert finding.subnet_ids == (SUBNET,)
    finding = only(healthy_azure(vnet_peerings=[vnet_peering(prefixes=("192.168.240.0/21",))]), "A402")
    assert finding.message.endswith(f" leads to 192.168.240.0/21: the VNet has no route to all of {ATLAS_BLOCK}.")


@pytest.mark.parametrize(
    ("code", "severity", "changes"),
    [
        ("A402", "warn", {"sync_level": "LocalNotInSync"}),
        ("A402", "fail", {"prefixes": ("192.168.240.0/21",)}),
        ("A404", "fail", {"allows_access": False}),
    ],
)
def test_no_line_needs_a_token_of_atlas_s_tenant(code: str, severity: str, changes: dict[str, Any]) -> None:
    """Azure writes a peering only for who may join both VNets, and Atlas's is in another tenant: `az` cannot do it.

    Sources: Azure/azure-cli#26438, "`az vnet peering sync` does not work in cross-tenant scenario" (LinkedAuthorizationFailed),
    whose fix adds a token of the other tenant; "Create, change, or delete a virtual network peering" in Azure's documentation.
    """
    finding = only(healthy_azure(vnet_peerings=[vnet_peering(**changes)]), code, severity)
    assert finding.commands == ()
    start = "Azure asks for rights to Atlas's VNet to change this: ask MongoDB's support, or "
    assert finding.fix == f"{start}remove the connection in Atlas with state: absent, and request it again."
    assert finding.owner == "atlas"


def test_the_vnet_must_not_have_the_addresses_of_the_container() -> None:
    facts = healthy_azure(vnet_prefixes=("10.20.0.0/16", "192.168.252.0/24"))
    finding = found(facts)["A403"]
    assert finding.severity == "fail"
    text = f"The network container has {ATLAS_BLOCK}, and VNet {VNET} 192.168.252.0/24: Azure does not peer them."
    assert finding.message == text


def test_a_peering_that_is_being_deleted_is_a_failure() -> None:
    finding = only(healthy_azure(vnet_peerings=[vnet_peering(provisioning_state="Deleting")]), "A404")
    assert finding.message == "The peering atlas-peering is being deleted."
    assert finding.fix.startswith("If you want it, remove the connection in Atlas")


def test_a_failed_change_of_the_peering_stops_no_traffic() -> None:
    """Nothing leads to the removal of a peering that works.

    Source: "Troubleshoot Azure Microsoft.Network failed provisioning state" in Azure's documentation: the states are metadata,
    independent of the functionality of the resource, which in most cases continues to serve traffic.
    """
    finding = only(healthy_azure(vnet_peerings=[vnet_peering(provisioning_state="Failed")]), "A404", "warn")
    start = "Azure could not carry out the last change of the peering atlas-peering: Failed."
    assert finding.message == f"{start} This alone does not stop traffic."
    assert finding.fix == "Read in the activity log of the VNet which change has failed. Repeat it, or ask MongoDB's support."
    assert finding.commands == ()
