"""P1: the connection and its container in Atlas, and the limits on connections."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import Vpc
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import AwsFacts, Missing, Unread
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.aws import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import shown
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ACCOUNT_ID,
    ATLAS_BLOCK,
    CONNECTION_ID,
    CONTAINER_ID,
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

OTHER_PROJECT = "6566f00000000000000000ff"


def made(**age: float) -> str:
    return object_id(datetime.timedelta(**age))


def test_without_a_connection_only_that_is_said() -> None:
    facts = healthy(peer=None, peers=[], connection=None, statuses={})
    finding = found(facts)["P101"]
    assert (finding.severity, finding.message) == ("fail", f"Atlas has no connection with {VPC_ID}.")
    waiting = {code: one.waits_for for code, one in found(facts, "skipped").items()}
    assert {code: waiting[code] for code in ("P102", "P103", "P401", "P402", "P403", "P902")} == {
        "P102": "P101",
        "P103": "P101",
        "P401": "P101",
        "P402": "P101",
        "P403": "P101",
        "P902": "P101",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status_name": "PENDING_ACCEPTANCE", "id": made(days=5)}, "PENDING_ACCEPTANCE for 5 d; about 2 d left."),
        (
            {"status_name": "PENDING_ACCEPTANCE", "id": made(days=6, hours=21, minutes=30)},
            "PENDING_ACCEPTANCE for 6 d 21 h; about 2 h 30 min left.",
        ),
        ({"status_name": "PENDING_ACCEPTANCE", "id": made(days=-8)}, "PENDING_ACCEPTANCE."),
        ({"status_name": "PENDING_ACCEPTANCE", "id": made(days=8)}, "PENDING_ACCEPTANCE for 8 d; AWS drops it after 7 d."),
        ({"status_name": "PENDING_ACCEPTANCE", "id": "no-object-id"}, "PENDING_ACCEPTANCE."),
        ({"status_name": "INITIATING", "id": made(minutes=3), "connection_id": None}, "INITIATING; requested 3 min ago."),
        ({"status_name": "FINALIZING", "id": made(hours=2, minutes=5)}, "FINALIZING; requested 2 h 5 min ago."),
        ({"status_name": "TERMINATING"}, "TERMINATING: it is being removed."),
        ({"status_name": "SOMETHING_NEW", "id": "no-object-id"}, "SOMETHING_NEW."),
    ],
)
def test_a_state_before_or_after_available_fails_with_its_age(changes: dict[str, Any], message: str) -> None:
    assert only(healthy(peer=peer(**changes)), "P101").message == message


def test_who_has_to_accept_is_said() -> None:
    pending = peer(status_name="PENDING_ACCEPTANCE")
    for in_aws in (connection(status="pending-acceptance"), None):
        fix = found(healthy(peer=pending, connection=in_aws))["P101"].fix
        assert fix.startswith(f"Accept {CONNECTION_ID} in AWS account {ACCOUNT_ID}: ")


@pytest.mark.parametrize("status", ["active", "provisioning"])
def test_a_request_that_is_accepted_is_not_one_to_accept(status: str) -> None:
    pending = peer(status_name="PENDING_ACCEPTANCE")
    finding = found(healthy(peer=pending, connection=connection(status=status)))["P101"]
    assert finding.fix == f"It is accepted: AWS has it as {status}. Wait, and check again: Atlas goes on by itself."


@pytest.mark.parametrize("reason", [*AWS.failure_reasons, "SOMETHING_NEW", None])
def test_a_failed_connection_is_one_finding_with_its_reason(reason: str | None) -> None:
    """AWS has dropped it, too, and forgets it some time later."""
    failed = peer(status_name="FAILED", error_state_name=reason)
    for in_aws in (connection(status="expired"), None):
        facts = healthy(peer=failed, connection=in_aws)
        assert severities(facts) == {"P102": "fail"}
    finding = found(facts)["P102"]
    assert (reason or "no reason given") in finding.message
    assert shown(AWS.failure_reasons.get(reason or "", "")) in finding.message
    # Where the same request would fail again, to repeat it is no advice.
    assert ("recreate" in finding.fix) == (reason != "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("block", "blocks", "severity"),
    [
        ("10.15.0.0/16", ["10.15.0.0/16"], None),
        ("10.15.0.0/17", ["10.15.0.0/16"], None),
        ("10.14.0.0/15", ["10.15.0.0/16", "10.14.0.0/16"], None),
        ("10.99.0.0/16", ["10.15.0.0/16"], "fail"),
        ("10.15.0.0/16", ["10.16.0.0/16", "10.17.0.0/16"], "fail"),
        ("10.0.0.0/8", ["10.15.0.0/16"], "info"),
        ("10.14.0.0/15", ["10.15.0.0/16"], "info"),
    ],
)
def test_the_way_back_is_to_the_blocks_of_the_vpc(block: str, blocks: list[str], severity: str | None) -> None:
    facts = healthy(peer=peer(route_table_cidr_block=block), vpc=Vpc(VPC_ID, ACCOUNT_ID, blocks, True, True))
    shown = found(facts, "fail", "info").get("P103")
    assert (shown.severity if shown else None) == severity


def test_a_wrong_way_back_names_both_blocks() -> None:
    facts = healthy(peer=peer(route_table_cidr_block="10.99.0.0/16"))
    assert only(facts, "P103").message == "Atlas sends replies for 10.99.0.0/16; the VPC has 10.15.0.0/16."


@pytest.mark.parametrize("block", [None, "", "2001:db8::/56", "10.15.0.1/16", "nonsense"])
def test_a_block_that_is_none_is_unknown(block: str | None) -> None:
    assert found(healthy(peer=peer(route_table_cidr_block=block)))["P103"].severity == "unknown"


@pytest.mark.parametrize("block", ["", "2001:db8::/56", "10.15.0.1/16", "nonsense"])
def test_a_container_s_block_that_is_none_is_unknown(block: str) -> None:
    codes = {
        code for code, one in found(healthy(container=container(atlas_cidr_block=block))).items() if one.severity == "unknown"
    }
    assert {"P105", "P106"} <= codes


def test_the_container_is_on_aws_and_in_the_wanted_region() -> None:
    assert severities(healthy(container=container(provider_name="AZURE"))) == {"P104": "fail"}
    assert severities(healthy(entry={"container_region": "us-east-1"})) == {}
    facts = healthy(entry={"container_region": "eu-west-1"})
    assert only(facts, "P104").message == "The network container is in US_EAST_1, not in EU_WEST_1."


def test_a_wrong_account_or_region_is_told_with_what_atlas_has() -> None:
    there = {"peer": None, "peers": [peer()]}
    account = found(healthy(entry={"aws_account_id": "999999999999"}, **there))["P101"]
    assert account.message == f"Atlas has a connection with {VPC_ID} of account {ACCOUNT_ID}, not of account 999999999999."
    assert account.fix.startswith("Correct aws_account_id")
    region = found(healthy(entry={"container_region": "eu-west-1"}, **there))["P101"]
    text = f"Atlas has connections with {VPC_ID} to network containers in US_EAST_1, and none to one in EU_WEST_1."
    assert region.message == text
    ended = {"peer": None, "peers": [peer(status_name="TERMINATING")]}
    assert found(healthy(entry={"aws_account_id": "999999999999"}, **ended))["P101"].fix.startswith("Request it")


def test_a_container_that_is_gone_is_a_failure() -> None:
    facts = healthy(container=None, containers=[])
    assert found(facts)["P104"].severity == "fail"
    assert CONTAINER_ID in found(facts)["P104"].message


@pytest.mark.parametrize(
    "changes",
    [
        {"container": None, "peer": peer(container_id=None)},
        {"container": None, "peer": peer(container_id="")},
        {"container": container(provider_name="")},
        {"container": container(region_name="")},
    ],
)
def test_a_container_that_atlas_does_not_tell_is_unknown(changes: dict[str, Any]) -> None:
    assert found(healthy(**changes), "unknown").keys() >= {"P104"}
    assert "P104" not in found(healthy(**changes), "fail")


def test_a_container_within_the_vpc_is_a_failure() -> None:
    facts = healthy(vpc=Vpc(VPC_ID, ACCOUNT_ID, [VPC_BLOCK, "192.168.248.0/24"], True, True))
    assert "192.168.248.0/21, and the VPC 192.168.248.0/24" in only(facts, "P105").message


def other(**changes: Any) -> dict[str, Any]:
    """Return a connection of the VPC in another project, to a container with the same block."""
    fields = {"id": object_id(number=9), "container_id": OTHER_CONTAINER_ID, "connection_id": "pcx-0a1b2c3d4e5f6ffff"}
    return peer(**{**fields, "atlas_cidr_block": ATLAS_BLOCK, **changes})


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({}, "fail"),
        ({"status_name": "PENDING_ACCEPTANCE"}, "fail"),
        ({"atlas_cidr_block": "192.168.252.0/24"}, "fail"),
        ({"atlas_cidr_block": "192.168.240.0/21"}, None),
        ({"status_name": "FAILED"}, None),
        ({"status_name": "TERMINATING"}, None),
        # The connection that is judged, if its own project is among those asked for.
        ({"id": object_id()}, None),
    ],
)
def test_another_project_with_the_same_block_and_vpc_fails(changes: dict[str, Any], severity: str | None) -> None:
    expected = {"P106": severity} if severity else {}
    assert severities(healthy(other_projects={OTHER_PROJECT: [other(**changes)]})) == expected


def test_the_other_project_is_named() -> None:
    message = found(healthy(other_projects={OTHER_PROJECT: [other()]}))["P106"].message
    assert [word for word in (OTHER_PROJECT, f"both are {ATLAS_BLOCK}") if word not in message] == []


def test_another_container_of_the_same_project_counts_as_well() -> None:
    containers = [container(), container(id=OTHER_CONTAINER_ID, region_name="EU_WEST_1")]
    peers = [peer(), other()]
    assert severities(healthy(peers=peers, containers=containers)) == {"P106": "fail"}
    assert severities(healthy(peers=[peer(), other(vpc_id="vpc-0a1b2c3d4e5f6ffff")], containers=containers)) == {}
    apart = [container(), container(id=OTHER_CONTAINER_ID, region_name="EU_WEST_1", atlas_cidr_block="192.168.240.0/21")]
    assert severities(healthy(peers=peers, containers=apart)) == {}


def test_a_project_that_cannot_be_read_does_not_decide() -> None:
    facts = healthy(other_projects={OTHER_PROJECT: Unread("Project … is not visible."), "x": [other(id=object_id(number=8))]})
    assert severities(facts) == {"P106": "fail"}
    unread = found(facts, "unknown")["P106"]
    assert not unread.decides
    assert unread.subject == OTHER_PROJECT
    assert severities(healthy(other_projects=Missing("Only the project itself is asked about."))) == {}


def test_without_aws_s_half_what_needs_it_is_skipped() -> None:
    off = dataclasses.replace(healthy(), aws=AwsFacts.none(Missing("The AWS half is off.")))
    assert severities(off) == {}
    assert {"P103", "P105", "P301", "P302"} <= found(off, "skipped").keys()
    assert {"P101", "P104", "P106", "P201", "P202", "P203", "P204"} <= found(off, "ok").keys()


def peers(count: int, status: str) -> list[dict[str, Any]]:
    names = [f"vpc-{number:017x}" for number in range(count)]
    return [peer(id=object_id(number=20 + number), vpc_id=name, status_name=status) for number, name in enumerate(names)]


@pytest.mark.parametrize(
    ("listed", "quota", "count", "texts", "subject"),
    [
        (peers(39, "AVAILABLE"), 50, 39, [], ""),
        (peers(40, "AVAILABLE"), 50, 39, ["The project has 40 connections, and 50 is the limit."], "project"),
        (peers(45, "TERMINATING"), 50, 39, [], ""),
        (peers(20, "PENDING_ACCEPTANCE"), 50, 39, ["The project has 20 pending connections, and 25 is the limit."], "project"),
        (peers(19, "INITIATING"), 50, 39, [], ""),
        (peers(1, "AVAILABLE"), 50, 40, ["The VPC has 40 connections, and 50 is the limit."], VPC_ID),
        (peers(1, "AVAILABLE"), 125, 40, [], ""),
    ],
)
def test_a_limit_that_is_near_is_a_warning(
    listed: list[dict[str, Any]], quota: int, count: int, texts: list[str], subject: str
) -> None:
    facts = healthy(peers=listed, connections_quota=quota, connections_count=count)
    assert severities(facts) == ({"P107": "warn"} if texts else {})
    assert [(one.message, one.subject) for one in found(facts, "warn").values()] == [(text, subject) for text in texts]


def test_an_unread_quota_hides_no_limit_and_does_not_decide() -> None:
    quota = Unread("AWS refuses it.", "servicequotas:GetServiceQuota")
    unread = found(healthy(connections_quota=quota))["P107"]
    assert (unread.severity, unread.decides) == ("unknown", False)
    assert "servicequotas:GetServiceQuota" in unread.fix
    assert "P107" in found(healthy(peers=peers(40, "AVAILABLE"), connections_quota=quota), "warn")
