"""P8 and P9: clients elsewhere, and what hosts of the VPC have found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import Vpc
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import AtlasFacts, ConnectionFacts, Missing
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import healthy_azure, healthy_gcp
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ACCOUNT_ID,
    ATLAS_BLOCK,
    OTHER_CONTAINER_ID,
    VPC_BLOCK,
    VPC_ID,
    connection,
    container,
    found,
    healthy,
    object_id,
    only,
    peer,
    severities,
)

Fields = dict[str, Any]
NAME = "shop-shard-00-00.abcde.mongodb.net:27017"


@pytest.mark.parametrize("block", ["10.15.0.0/16", "10.15.7.0/24", "100.64.0.0/16"])
def test_clients_in_the_vpc_are_fine(block: str) -> None:
    vpc = Vpc(VPC_ID, ACCOUNT_ID, [VPC_BLOCK, "100.64.0.0/16"], True, True)
    assert severities(healthy(selection={"client_cidr_blocks": (block,)}, vpc=vpc)) == {}


@pytest.mark.parametrize("block", ["10.20.0.0/16", "10.14.0.0/15", "0.0.0.0/0"])
def test_clients_elsewhere_get_nothing_through_a_peering(block: str) -> None:
    finding = only(healthy(selection={"client_cidr_blocks": ("10.15.1.0/24", block)}), "P801")
    assert finding.message == f"{block} is not in the VPC (10.15.0.0/16), and a peering carries nothing through."
    # AWS Client VPN translates: see "Rules and best practices" in its guide.
    assert finding.fix.endswith("unless they leave with an address of the network: then name that.")
    # The subnets of the VPC are as they were.
    assert finding.subnet_ids == ()


def member(**changes: Any) -> Fields:
    fields = {"member": NAME, "addresses": ["192.168.248.10"], "in_block": True, "tcp": "open", "tls": True, "error": None}
    return {**fields, **changes}


def probed(*members: Fields, **changes: Any) -> ConnectionFacts:
    return healthy(selection={"probes": ({"host": "web1", "members": list(members)},)}, **changes)


def test_a_host_that_reaches_all_members_is_fine() -> None:
    assert severities(probed(member(), member(member="other:27017"))) == {}
    assert {"P901", "P902"} <= found(probed(member()), "ok").keys()


@pytest.mark.parametrize("addresses", [["3.91.2.4"], ["192.168.248.10", "3.91.2.4"], ["2001:db8::1"], ["nonsense"]])
def test_a_name_that_resolves_elsewhere_is_told_alone(addresses: list[str]) -> None:
    """Whether such an address can be reached says nothing of the connection."""
    facts = probed(member(addresses=addresses, in_block=False, tcp="timeout", tls=None), member(member="other:27017"))
    message = only(facts, "P901").message
    assert message.startswith(f"On web1, {NAME} resolves to ")
    assert all(address in message for address in addresses)


def test_a_name_that_does_not_resolve_is_told_alone() -> None:
    facts = probed(member(addresses=[], in_block=None, tcp="unresolved", tls=None, error="Name or service not known"))
    assert only(facts, "P901").message == f"web1 cannot resolve {NAME}."


def test_members_in_another_container_of_the_vpc_are_inside() -> None:
    other = container(id=OTHER_CONTAINER_ID, region_name="EU_WEST_1", atlas_cidr_block="192.168.240.0/21")
    away = peer(id=object_id(number=9), container_id=OTHER_CONTAINER_ID)
    there = member(addresses=["192.168.240.9"], in_block=False)
    assert severities(probed(there, containers=[container(), other], peers=[peer(), away])) == {}
    assert severities(probed(there, containers=[container(), other], peers=[peer()])) == {"P901": "fail"}


@pytest.mark.parametrize(
    ("outcome", "place"), [("timeout", "routes"), ("refused", "cluster"), ("unreachable", "routes"), ("something new", "error")]
)
def test_a_member_that_cannot_be_reached_says_where_to_look(outcome: str, place: str) -> None:
    finding = only(probed(member(tcp=outcome, tls=None), member(member="other:27017")), "P902")
    assert finding.message == f"web1 cannot connect to {NAME}: {outcome}."
    assert place in finding.fix
    assert [one["member"] for one in finding.evidence["members"]] == [NAME]


@pytest.mark.parametrize("healthy_one", [healthy_azure, healthy_gcp])
def test_probes_count_on_the_other_clouds(healthy_one: Callable[..., ConnectionFacts]) -> None:
    members = [member(tcp="timeout", tls=None), member(member="other:27017", addresses=["3.91.2.4"])]
    facts = healthy_one(selection={"probes": ({"host": "web1", "members": members},)})
    assert severities(facts) == {"P901": "fail", "P902": "fail"}
    # enableDnsSupport is an attribute of AWS.
    assert found(facts)["P901"].fix == "Use the private connection string (…-pri…)."


def test_tls_that_fails_is_told_with_its_error() -> None:
    facts = probed(member(tls=False, error="certificate has expired"))
    assert only(facts, "P902").message == f"web1 reaches {NAME}, but TLS fails: certificate has expired."
    assert "no reason given" in found(probed(member(tls=False)))["P902"].message


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"peer": peer(status_name="PENDING_ACCEPTANCE"), "connection": connection(status="pending-acceptance")}, "P101"),
        ({"peer": peer(status_name="FAILED"), "connection": None}, "P102"),
        ({"connection": connection(status="deleted")}, "P402"),
    ],
)
def test_a_probe_waits_for_the_connection(changes: Fields, cause: str) -> None:
    facts = probed(member(tcp="timeout", tls=None), **changes)
    assert severities(facts) == {cause: "fail"}
    assert {found(facts, "skipped")[code].waits_for for code in ("P901", "P902")} == {cause}


def test_without_atlas_s_half_the_block_of_the_entry_counts() -> None:
    facts = probed(member())
    off = {name: Missing("The Atlas half is off.") for name in vars(facts.atlas)}
    entry = {"connection_id": "pcx-0a1b2c3d4e5f60001", "atlas_cidr_block": ATLAS_BLOCK}
    selection = {"probes": ({"host": "web1", "members": [member(), member(member="x:1", addresses=["10.0.0.1"])]},)}
    facts = healthy(entry, selection, **off)
    assert facts.atlas == AtlasFacts.none(Missing("The Atlas half is off."))
    assert severities(facts) == {"P901": "fail"}
