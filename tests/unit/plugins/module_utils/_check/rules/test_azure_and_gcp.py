"""What holds for the connections of all clouds, on AZURE and GCP: the codes of the other cloud's connections do not appear."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import (
    AtlasFacts,
    AwsFacts,
    ConnectionFacts,
    Missing,
    NetworkFacts,
    Unread,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import verdict_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import CHECKS, run_checks
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    GCP_BLOCK,
    GCP_PROJECT,
    GROUP,
    NETWORK,
    SUBNET,
    SUBSCRIPTION,
    VNET,
    VNET_BLOCK,
    azure_cluster,
    azure_container,
    azure_peer,
    gcp_cluster,
    gcp_container,
    gcp_peer,
    healthy_azure,
    healthy_gcp,
    vnet_peering,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ATLAS_BLOCK,
    CONTAINER_ID,
    NOW,
    OTHER_CONTAINER_ID,
    cluster,
    entry,
    found,
    healthy,
    object_id,
    only,
    peer,
    region,
    severities,
)

SHARED = {"P101", "P102", "P104", "P107", "P201", "P202", "P203", "P204", "P301", "P302", "P304", "P801", "P901", "P902"}
#: Without client blocks and probes, they have nothing to judge.
IDLE = {"P801", "P901", "P902"}
OF_AZURE = {"A401", "A402", "A403", "A404", "A501", "A601", "A701"}
OF_GCP = {"G401", "G402", "G403", "G501", "G601", "G701"}
UNREAD = Unread("It could not be read.")
both = pytest.mark.parametrize(
    ("make", "make_peer"), [(healthy_azure, azure_peer), (healthy_gcp, gcp_peer)], ids=["AZURE", "GCP"]
)
Make = Callable[..., Any]


@pytest.mark.parametrize(("facts", "own"), [(healthy_azure(), OF_AZURE), (healthy_gcp(), OF_GCP)], ids=["AZURE", "GCP"])
def test_a_connection_that_carries_traffic_has_no_finding(facts: ConnectionFacts, own: set[str]) -> None:
    assert severities(facts) == {}
    assert found(facts, "ok", "info").keys() == (SHARED | own) - IDLE
    assert found(facts, "skipped").keys() == IDLE
    # Nobody can do without the private string.
    assert [one.code[1:] for one in found(facts, "info").values()] == ["501"]
    assert verdict_of(run_checks(facts), both_halves=True) == "reachable_by_design"


def test_a_vpc_has_no_findings_of_other_clouds() -> None:
    assert {one.code[0] for one in run_checks(healthy())} == {"P"}
    assert {code for code, one in CHECKS.items() if len(one.clouds) > 1} == SHARED


@both
def test_findings_come_in_the_order_of_their_numbers(make: Make, make_peer: Make) -> None:
    codes = [one.code[1:] for one in run_checks(make())]
    assert codes == sorted(codes)


@both
def test_nothing_that_cannot_be_read_is_fine(make: Make, make_peer: Make) -> None:
    usual = make()
    unread = NetworkFacts.none(UNREAD)
    nothing = ConnectionFacts(usual.entry, NOW, AtlasFacts.none(UNREAD), AwsFacts.none(UNREAD), network=unread)
    assert found(nothing, "ok", "info", "fail", "warn") == {}
    assert verdict_of(run_checks(nothing), both_halves=True) == "unknown"


@both
def test_what_is_switched_off_is_skipped(make: Make, make_peer: Make) -> None:
    off = Missing("This half is off.")
    nothing = ConnectionFacts(make().entry, NOW, AtlasFacts.none(off), AwsFacts.none(off), network=NetworkFacts.none(off))
    assert {one.severity for one in run_checks(nothing)} == {"skipped"}
    assert verdict_of(run_checks(nothing), both_halves=False) == "unknown"


@both
@pytest.mark.parametrize("name", ["peer", "container", "access_list", "clusters"])
def test_each_list_of_atlas_decides(make: Make, make_peer: Make, name: str) -> None:
    findings = run_checks(make(**{name: UNREAD, **({"peers": UNREAD} if name == "peer" else {})}))
    assert verdict_of(findings, both_halves=True) == "unknown"
    assert "fail" not in {one.severity for one in findings}


@both
def test_a_missing_connection_is_one_cause(make: Make, make_peer: Make) -> None:
    assert only(make(peer=None), "P101").message.startswith("Atlas has no connection with V")


def test_what_is_missing_is_named_with_its_owner() -> None:
    text = f"Atlas has no connection with VNet {VNET} of subscription {SUBSCRIPTION}."
    assert found(healthy_azure(peer=None))["P101"].message == text
    assert found(healthy_gcp(peer=None))["P101"].message == (
        f"Atlas has no connection with VPC network {NETWORK} of project {GCP_PROJECT}."
    )


def test_a_network_of_the_same_name_means_a_wrong_entry() -> None:
    other = gcp_peer(gcp_project_id="other-project")
    finding = found(healthy_gcp(peer=None, peers=[other]))["P101"]
    text = f"Atlas has a connection with VPC network {NETWORK} of project other-project, not of project {GCP_PROJECT}."
    assert finding.message == text
    assert finding.fix == "Correct gcp_project_id of the connection, or request a connection with this one."


def test_a_connection_to_a_container_elsewhere_has_its_region() -> None:
    away = azure_container(id=OTHER_CONTAINER_ID, region_name="EUROPE_NORTH")
    facts = healthy_azure(
        {"container_region": "US_EAST_2"},
        peer=None,
        peers=[azure_peer(container_id=OTHER_CONTAINER_ID)],
        containers=[azure_container(), away],
    )
    text = f"Atlas has connections with VNet {VNET} to network containers in EUROPE_NORTH, and none to one in US_EAST_2."
    assert found(facts)["P101"].message == text


@pytest.mark.parametrize(("name", "value"), [("resource_group_name", "other"), ("azure_directory_id", SUBSCRIPTION)])
def test_what_is_not_in_atlas_s_key_has_to_be_right(name: str, value: str) -> None:
    assert f"has {name} " in only(healthy_azure({name: value}), "P101").message
    assert severities(healthy_azure({"resource_group_name": GROUP.upper()})) == {}


def test_names_of_azure_have_no_case() -> None:
    facts = healthy_azure({"vnet_name": VNET.upper(), "azure_subscription_id": SUBSCRIPTION.upper()})
    assert severities(facts) == {}


@pytest.mark.parametrize(
    ("make", "make_peer", "status", "text"),
    [
        (healthy_azure, azure_peer, "ADDING_PEER", "ADDING_PEER; requested 1 h 0 min ago."),
        (healthy_azure, azure_peer, "DELETING", "DELETING: it is being removed."),
        (healthy_azure, azure_peer, "DELETION_FAILED", "DELETION_FAILED: Atlas could not remove it."),
        (healthy_azure, azure_peer, "NEW", "NEW; requested 1 h 0 min ago."),
        (healthy_gcp, gcp_peer, "ADDING_PEER", "ADDING_PEER; requested 1 h 0 min ago."),
        (healthy_gcp, gcp_peer, "DELETING", "DELETING: it is being removed."),
    ],
)
def test_a_state_that_is_not_available_is_one_cause(make: Make, make_peer: Make, status: str, text: str) -> None:
    facts = make(peer=make_peer(status_name=status, id=object_id(datetime.timedelta(hours=1))))
    assert only(facts, "P101").message == text


@both
@pytest.mark.parametrize("reason", ["INVALID_ARGUMENT", "A peer with an overlapping CIDR exists", None])
def test_a_failed_connection_is_p102_alone_in_the_cloud_s_words(make: Make, make_peer: Make, reason: str | None) -> None:
    facts = make(peer=make_peer(status_name="FAILED", error_state_name=reason))
    assert only(facts, "P102").message == f"FAILED ({reason or 'no reason given'})."


def test_the_container_has_to_be_on_the_cloud_and_in_the_region() -> None:
    text = "The network container is in US_EAST_2, not in EUROPE_NORTH."
    assert found(healthy_azure({"container_region": "EUROPE_NORTH"}))["P104"].message == text
    # US_WEST_2 is another place on each cloud; the spelling of the cloud is understood.
    assert severities(healthy_azure({"container_region": "eastus2"})) == {}
    assert severities(healthy_azure(container=None)).keys() == {"P104"}
    assert severities(healthy_gcp(container=None)).keys() == {"P104"}
    assert found(healthy_gcp(container=None))["P104"].message == f"Atlas has no network container {CONTAINER_ID} on GCP."
    assert severities(healthy_azure(container=azure_container(region_name=None)))["P104"] == "unknown"


def peers(count: int, status: str = "AVAILABLE") -> list[dict[str, Any]]:
    return [azure_peer(id=object_id(number=20 + one), vnet_name=f"vnet-{one}", status_name=status) for one in range(count)]


def test_the_limits_are_those_of_the_project_over_all_clouds() -> None:
    assert severities(healthy(other_peers=peers(38))) == {}
    assert severities(healthy(other_peers=peers(39))) == {"P107": "warn"}
    assert severities(healthy(other_peers=peers(39, "DELETING"))) == {}
    assert severities(healthy(other_peers=peers(20, "ADDING_PEER"))) == {"P107": "warn"}
    waiting = [gcp_peer(id=object_id(number=20 + one), status_name="WAITING_FOR_USER") for one in range(20)]
    assert severities(healthy_azure(other_peers=waiting)) == {"P107": "warn"}
    assert severities(healthy_gcp(other_peers=[peer(id=object_id(number=20 + one)) for one in range(39)])) == {"P107": "warn"}
    unread = found(healthy_gcp(other_peers=UNREAD))["P107"]
    assert (unread.severity, unread.decides) == ("unknown", False)


def test_a_cluster_has_to_be_where_the_container_is() -> None:
    text = "No cluster has nodes in US_EAST_2; the connection leads nowhere."
    assert found(healthy_azure(clusters=[cluster()]))["P201"].message == text
    finding = found(healthy_gcp(clusters=[cluster(), azure_cluster("far")]))["P201"]
    assert finding.message == "No cluster has nodes on GCP; the connection leads nowhere."
    assert finding.fix == "Create a cluster on GCP, or connect the network container on the cloud of the cluster."
    assert finding.evidence["clusters"] == {"shop": ["US_EAST_1 (AWS)"], "far": ["US_EAST_2 (AZURE)"]}
    # The container of GCP serves all regions.
    assert severities(healthy_gcp(clusters=[gcp_cluster(regions=[region("ASIA_SOUTH_1", provider_name="GCP")])])) == {}


def test_all_regions_of_a_cluster_have_to_be_connected() -> None:
    wide = azure_cluster(regions=[region("US_EAST_2", provider_name="AZURE"), region("EUROPE_NORTH", provider_name="AZURE")])
    facts = healthy_azure(clusters=[wide])
    assert severities(facts) == {"P202": "fail"}
    text = "shop has nodes in EUROPE_NORTH, which is not connected with this VNet; drivers need all members."
    assert found(facts)["P202"].message == text
    away = azure_container(id=OTHER_CONTAINER_ID, region_name="EUROPE_NORTH", atlas_cidr_block="192.168.240.0/21")
    second = azure_peer(id=object_id(number=9), container_id=OTHER_CONTAINER_ID, vnet_name=VNET.upper())
    peerings = [vnet_peering(prefixes=(ATLAS_BLOCK, "192.168.240.0/21"))]
    together = {"containers": [azure_container(), away], "peers": [azure_peer(), second], "vnet_peerings": peerings}
    assert severities(healthy_azure(clusters=[wide], **together)) == {}
    mixed = gcp_cluster(regions=[region("CENTRAL_US", provider_name="GCP"), region("US_EAST_1")])
    finding = found(healthy_gcp(clusters=[mixed]))["P202"]
    assert "US_EAST_1 (AWS)" in finding.message
    assert finding.fix.startswith("A VPC network can be connected with regions of GCP only")


@both
def test_clusters_that_cannot_be_used_are_told(make: Make, make_peer: Make) -> None:
    make_cluster = azure_cluster if make is healthy_azure else gcp_cluster
    assert severities(make(clusters=[make_cluster(paused=True)])) == {"P203": "fail"}
    shared = cluster(regions=[region("US_EAST_2", provider_name="TENANT")])
    assert severities(make(clusters=[shared], flex_clusters=[])) == {"P204": "fail"}


def test_the_access_list_has_to_let_the_known_ranges_in() -> None:
    finding = only(healthy_azure(access_list=[entry("10.20.1.0/25")]), "P301")
    assert finding.message == f"No entry covers 10.20.1.128/25 of {SUBNET}."
    assert finding.fix.startswith("Add 10.20.1.128/25 to the access list")
    unread = healthy_azure(vnet_subnets=UNREAD, access_list=[entry("10.20.0.0/17")])
    assert found(unread)["P301"].message == f"No entry covers 10.20.128.0/17 of {VNET_BLOCK}."
    assert found(healthy_gcp(access_list=[]))["P301"].message == f"No entry covers {GCP_BLOCK} (apps)."
    # A security group of AWS is nothing here.
    assert severities(healthy_gcp(access_list=[entry("sg-0a1b2c3d4e5f60001")])) == {"P301": "fail"}
    two = {"cidr_block": None, "cidr_blocks": (GCP_BLOCK, "10.40.0.0/14")}
    unread = {"gcp_ranges": Missing("gcp is false.")}
    assert found(healthy_gcp(two, **unread))["P301"].message == "No entry covers 10.40.0.0/14."
    assert severities(healthy_azure({"cidr_block": "10.20.1.0/24"}, access_list=[entry("10.20.1.0/24")])) == {}
    pods = {"client_cidr_blocks": ("10.99.0.0/16",)}
    assert found(healthy_gcp(selection=pods))["P301"].message == "No entry covers 10.99.0.0/16."
    assert (
        severities(
            healthy_azure(
                vnet_prefixes=Missing("It is not given."),
                vnet_subnets=Missing("They are not given."),
                selection=pods,
                access_list=[entry("10.99.0.0/16")],
            )
        )
        == {}
    )


def test_without_known_ranges_the_access_list_is_not_judged() -> None:
    assert severities(healthy_gcp({"cidr_block": None}, access_list=[])) == {"P301": "fail"}
    facts = healthy_gcp({"cidr_block": None}, gcp_ranges=Missing("gcp is false."))
    assert severities(facts) == {}
    assert "cidr_block, cidr_blocks and client_cidr_blocks are not given" in found(facts, "skipped")["P301"].message
    codes = {"A403", "A601", "A701", "P301", "P302"}
    assert severities(healthy_azure(vnet_prefixes=UNREAD, vnet_subnets=UNREAD)) == dict.fromkeys(codes, "unknown")
    missing = Missing("It is not given.")
    assert found(healthy_azure(vnet_prefixes=missing, vnet_subnets=missing), "skipped").keys() == {*codes, *IDLE}


def test_an_entry_has_to_be_in_force() -> None:
    assert severities(healthy_gcp(access_status={GCP_BLOCK: "PENDING"})) == {"P302": "fail"}
    assert severities(healthy_gcp(access_status={GCP_BLOCK: UNREAD})) == {"P302": "unknown"}
    assert "P304" in found(healthy_azure(access_list=[entry("0.0.0.0/0")]), "info")


@both
def test_private_strings_are_needed(make: Make, make_peer: Make) -> None:
    make_cluster, code = (azure_cluster, "A501") if make is healthy_azure else (gcp_cluster, "G501")
    without = cluster("old", regions=make_cluster()["regions"])
    facts = make(clusters=[without])
    assert severities(facts) == {code: "fail"}
    assert found(facts)[code].message == "old has no private connection string, and its other names resolve to public addresses."
    assert severities(make(clusters=[without, make_cluster()])) == {code: "warn"}
    assert severities(make(selection={"clusters": ("old", "shop")}, clusters=[without, make_cluster()])) == {code: "fail"}
    assert severities(make(selection={"clusters": ("shop",)}, clusters=[without, make_cluster()])) == {}
    # They come with an AVAILABLE connection, and P101 tells it.
    assert severities(make(clusters=[without], peer=make_peer(status_name="ADDING_PEER"))) == {"P101": "fail"}
    assert severities(make(clusters=[{**without, "connection_strings": None}])) == {code: "unknown"}


def test_the_container_of_gcp_has_no_region() -> None:
    assert severities(healthy_gcp(container=gcp_container(regions=["CENTRAL_US"]))) == {}
