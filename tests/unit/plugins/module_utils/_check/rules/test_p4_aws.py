from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import Route, Side, Vpc
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import (
    AtlasFacts,
    AwsFacts,
    ConnectionFacts,
    Missing,
    Unread,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import verdict_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import run_checks
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ACCOUNT_ID,
    ATLAS_BLOCK,
    CONNECTION_ID,
    NOW,
    VPC_ID,
    connection,
    found,
    healthy,
    object_id,
    only,
    peer,
    severities,
    table,
)

PENDING = peer(status_name="PENDING_ACCEPTANCE")


def without_atlas(**changes: Any) -> ConnectionFacts:
    """Return healthy facts with Atlas's half switched off, for which the entry has what AWS's half needs."""
    facts = healthy({"connection_id": CONNECTION_ID, "atlas_cidr_block": ATLAS_BLOCK}, **changes)
    return replace(facts, atlas=AtlasFacts.none(Missing("Atlas's half is switched off.")))


def test_aws_s_half_is_judged_alone() -> None:
    assert severities(without_atlas()) == {}
    judged = [one for one in run_checks(without_atlas()) if one.severity == "ok"]
    assert {"P401", "P402", "P403", "P404", "P405", "P501", "P601", "P602", "P701"} <= {one.code for one in judged}
    nat = table("rtb-1", Route("0.0.0.0/0", "nat-1"), is_main=True)
    expected = {"P402": "fail", "P601": "fail"}
    assert severities(without_atlas(route_tables=[nat], connection=connection(status="deleted"))) == expected


def test_without_aws_s_half_nothing_of_it_is_judged() -> None:
    facts = replace(healthy(), aws=AwsFacts.none(Missing("AWS's half is switched off.")))
    assert severities(facts) == {}
    assert not [one for one in run_checks(facts) if one.code[:2] in ("P4", "P5", "P6", "P7") and one.severity != "skipped"]


def test_a_connection_that_aws_does_not_know_is_one_fault() -> None:
    facts = healthy(connection=None, vpc=None, subnets=[], route_tables=[], network_acls=[])
    finding = only(facts, "P401")
    assert finding.message == f"AWS does not know {CONNECTION_ID} in us-east-1, with the credentials of {ACCOUNT_ID}."
    assert {found(facts, "skipped")[code].waits_for for code in ("P402", "P403", "P404", "P405", "P602")} == {"P401"}


def test_an_empty_id_is_not_looked_for_in_aws() -> None:
    unknown = found(healthy(peer=peer(connection_id="")), "unknown")
    assert {"P401", "P402", "P403", "P601"} <= unknown.keys()


@pytest.mark.parametrize("changes", [{"peer": None}, {"peer": peer(connection_id=None, status_name="INITIATING")}])
def test_without_an_id_the_connection_is_not_judged_in_aws(changes: dict[str, Any]) -> None:
    skipped = found(healthy(connection=None, **changes), "skipped")
    assert {skipped[code].waits_for for code in ("P401", "P402", "P403", "P601")} == {"P101"}


def test_a_failed_connection_is_told_by_p102_alone() -> None:
    failed = peer(status_name="FAILED", error_state_name="EXPIRED")
    assert severities(healthy(peer=failed, connection=connection(status="expired"))) == {"P102": "fail"}


@pytest.mark.parametrize("status", ["expired", "rejected", "deleted", "deleting", "failed", "provisioning", "initiating-request"])
def test_only_an_active_connection_carries_traffic(status: str) -> None:
    facts = healthy(connection=connection(status=status, status_message="Because."))
    assert only(facts, "P402").message == f"{CONNECTION_ID} is {status} (Because.)."
    goes_on = status in ("provisioning", "initiating-request")
    fix = found(facts)["P402"].fix
    # For Atlas, it is alive: `recreate: dead` would leave it as it is.
    assert ("check again" in fix, "state: absent, then request it with state: present" in fix) == (goes_on, not goes_on)


def test_the_time_left_to_accept_is_aws_s() -> None:
    end = (NOW + timedelta(days=2, hours=3, minutes=1)).isoformat().replace("+00:00", "Z")
    facts = without_atlas(connection=connection(status="pending-acceptance", expiration_time=end))
    assert only(facts, "P402").message == f"{CONNECTION_ID} is pending-acceptance; 2 d 3 h left."


@pytest.mark.parametrize("end", [None, "tomorrow"])
def test_a_time_that_aws_does_not_tell_is_left_out(end: str | None) -> None:
    facts = healthy(connection=connection(status="pending-acceptance", expiration_time=end))
    assert found(facts)["P402"].message == f"{CONNECTION_ID} is pending-acceptance."


def test_a_time_that_is_over_is_not_a_time_left() -> None:
    end = (NOW - timedelta(hours=1)).isoformat()
    facts = healthy(connection=connection(status="pending-acceptance", expiration_time=end))
    assert found(facts)["P402"].message == f"{CONNECTION_ID} is pending-acceptance; the time to accept it is over."


@pytest.mark.parametrize("status", ["weird", ""])
def test_a_status_that_nobody_knows_is_not_the_end(status: str) -> None:
    assert severities(healthy(connection=connection(status=status))) == {"P402": "unknown"}


@pytest.mark.parametrize("ends", [(None, None), ("", ACCOUNT_ID), (VPC_ID, "")])
def test_an_end_that_aws_does_not_tell_is_not_a_wrong_one(ends: tuple[str | None, str | None]) -> None:
    nowhere = Side(*ends, None, [], allows_remote_dns=None)
    assert severities(healthy(connection=connection(accepter=nowhere))) == {"P403": "unknown"}


def test_black_holes_before_acceptance_are_no_fault_of_routes() -> None:
    hole = table("rtb-1", Route(ATLAS_BLOCK, CONNECTION_ID, is_peering=True, is_blackhole=True), is_main=True)
    facts = healthy(peer=PENDING, connection=connection(status="pending-acceptance"), route_tables=[hole])
    assert severities(facts) == {"P101": "fail"}


def test_what_atlas_waits_for_too_is_told_by_p101_alone() -> None:
    facts = healthy(peer=PENDING, connection=connection(status="pending-acceptance"))
    assert severities(facts) == {"P101": "fail"}
    assert found(facts, "skipped")["P402"].waits_for == "P101"
    assert found(facts, "skipped")["P402"].fix.startswith("Accept it")


@pytest.mark.parametrize("status", ["rejected", "expired", "failed", "deleted"])
def test_a_request_that_has_ended_is_not_one_to_accept(status: str) -> None:
    facts = healthy(peer=PENDING, connection=connection(status=status))
    assert severities(facts) == {"P402": "fail"}
    assert found(facts)["P402"].message.startswith(f"{CONNECTION_ID} is {status}")
    assert found(facts, "skipped")["P101"].waits_for == "P402"


@pytest.mark.parametrize("changes", [{"connection": None}, {"vpc": None}])
def test_another_region_is_not_a_connection_that_is_gone(changes: dict[str, Any]) -> None:
    facts = healthy({"region": "eu-west-1"}, peer=peer(accepter_region_name="US_EAST_1"), **changes)
    code = "P401" if "connection" in changes else "P404"
    finding = found(facts)[code]
    assert (finding.severity, finding.message) == (
        "unknown",
        "The settings look in eu-west-1; Atlas has the VPC in us-east-1.",
    )
    assert finding.fix == "Set region to us-east-1."
    same = healthy({"region": "us-east-1"}, peer=peer(accepter_region_name="US_EAST_1"), **changes)
    assert found(same)[code].severity == "fail"
    # The only connection without a region is in that of its network container; of several, that is not known.
    assert found(healthy({"region": "eu-west-1"}, **changes))[code].severity == "unknown"
    second = peer(id=object_id(number=9), container_id="6566f0000000000000000002")
    assert found(healthy({"region": "eu-west-1"}, peers=[peer(), second], **changes))[code].severity == "fail"
    second["accepter_region_name"] = "US_EAST_1"
    assert found(healthy({"region": "eu-west-1"}, peers=[peer(), second], **changes))[code].severity == "unknown"


def accepter(**changes: Any) -> Side:
    return replace(connection().accepter, **changes)


@pytest.mark.parametrize("side", [accepter(vpc_id="vpc-0f"), accepter(account_id="210987654321")])
def test_the_connection_has_to_end_in_the_vpc_of_its_owner(side: Side) -> None:
    facts = healthy(connection=connection(accepter=side))
    assert severities(facts) == {"P403": "fail"}
    text = f"{CONNECTION_ID} ends in {side.vpc_id} of account {side.account_id}, not in {VPC_ID} of account {ACCOUNT_ID}."
    assert found(facts)["P403"].message == text


@pytest.mark.parametrize("side", [accepter(vpc_id=None), accepter(account_id=None)])
def test_an_end_that_aws_does_not_tell_is_unknown(side: Side) -> None:
    assert severities(healthy(connection=connection(accepter=side))) == {"P403": "unknown"}


def test_an_entry_without_an_account_takes_any_owner() -> None:
    assert severities(healthy({"aws_account_id": None})) == {}


def test_the_connection_has_to_come_from_the_container() -> None:
    side = replace(connection().requester, cidr_blocks=["192.168.240.0/21"])
    facts = healthy(connection=connection(requester=side))
    assert "comes from 192.168.240.0/21; the network container has 192.168.248.0/21" in only(facts, "P403").message


def test_a_block_that_aws_does_not_tell_is_unknown() -> None:
    side = replace(connection().requester, cidr_blocks=[])
    assert severities(healthy(connection=connection(requester=side))) == {"P403": "unknown"}
    ended = healthy(connection=connection(requester=side, status="deleted"))
    assert severities(ended) == {"P402": "fail"}
    assert found(ended, "skipped")["P403"].waits_for == "P402"


def test_a_connection_that_aws_has_forgotten_is_removed_first() -> None:
    assert "state: absent, then request it with state: present" in found(healthy(connection=None))["P401"].fix


def test_a_missing_vpc_is_a_fault_and_one_without_owner_unknown() -> None:
    assert severities(healthy(vpc=None))["P404"] == "fail"
    assert severities(healthy(vpc=Vpc(VPC_ID, None, ["10.15.0.0/16"]))) == {"P404": "unknown"}


def test_dns_options_inform_of_the_own_side() -> None:
    requester, side = replace(connection().requester, allows_remote_dns=False), accepter(allows_remote_dns=False)
    # Without Atlas, whether there are private strings is not known.
    assert severities(without_atlas(connection=connection(requester=requester))) == {"P405": "unknown"}
    assert severities(healthy(connection=connection(accepter=side))) == {}
    well = found(healthy(connection=connection(accepter=side)), "ok")["P405"]
    assert well.message.endswith("does not resolve the names of hosts in the VPC for Atlas. Clients do not need that.")
    unknown = replace(requester, allows_remote_dns=None)
    assert severities(healthy(connection=connection(requester=unknown))) == {"P405": "unknown"}


def test_what_could_not_be_read_names_its_permission() -> None:
    unread = Unread("AWS refuses it.", "ec2:DescribeVpcPeeringConnections")
    findings = found(healthy(connection=unread))
    assert {code: one.severity for code, one in findings.items()} == dict.fromkeys(("P401", "P402", "P403", "P405"), "unknown")
    assert {one.fix for one in findings.values()} == {"Allow ec2:DescribeVpcPeeringConnections to these credentials."}


def test_an_available_connection_without_an_id_is_unknown() -> None:
    facts = healthy(peer=peer(connection_id=None), connection=None)
    unknown = found(facts, "unknown")
    assert {"P401", "P402", "P601"} <= unknown.keys()
    assert unknown["P401"].message == "The connection has no id in AWS. Unknown why: P101 found nothing."
    assert verdict_of(run_checks(facts), both_halves=True) == "unknown"
    waiting = healthy(peer=peer(connection_id=None, status_name="INITIATING"), connection=None)
    assert severities(waiting) == {"P101": "fail"}
