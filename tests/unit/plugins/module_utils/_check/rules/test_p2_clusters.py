"""P2: the clusters that the connection leads to."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import DhcpOptions, Route, Side
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import ConnectionFacts, Missing, Unread, UnreadError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.judged_clusters import (
    have_all_private_strings,
    ports_of,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ATLAS_BLOCK,
    CONNECTION_ID,
    MAIN_TABLE_ID,
    OTHER_CONTAINER_ID,
    cluster,
    connection,
    container,
    found,
    healthy,
    object_id,
    only,
    peer,
    region,
    severities,
    table,
    with_private_string,
)

Fields = dict[str, Any]
HOME, AWAY = region(), region("EU_WEST_1")
AZURE = region("EUROPE_NORTH", provider_name="AZURE")
SHARED = region(provider_name="TENANT", backing_provider_name="AWS")
FLEX = region(provider_name="FLEX", backing_provider_name="AWS")


def with_clusters(*clusters: Fields, named: tuple[str, ...] | None = None, flex: Any = (), **changes: Any) -> ConnectionFacts:
    return healthy(selection={"clusters": named}, clusters=list(clusters), flex_clusters=flex, **changes)


def test_without_a_cluster_in_the_region_it_leads_nowhere() -> None:
    facts = with_clusters(cluster(regions=[AWAY]), cluster("other", regions=[region("US_EAST_1", provider_name="GCP")]))
    finding = only(facts, "P201")
    assert finding.message == "No cluster has nodes in US_EAST_1; the connection leads nowhere."
    assert finding.evidence["clusters"] == {"shop": ["EU_WEST_1"], "other": ["US_EAST_1 (GCP)"]}
    assert severities(with_clusters()) == {"P201": "fail"}


@pytest.mark.parametrize(
    ("clusters", "flex"),
    [
        ([cluster(regions=[SHARED])], []),
        ([], [cluster(regions=[FLEX])]),
        ([cluster("other", regions=[SHARED])], [cluster(regions=[FLEX])]),
    ],
)
def test_shared_and_flex_clusters_alone_are_one_cause(clusters: list[Fields], flex: list[Fields]) -> None:
    facts = with_clusters(*clusters, flex=flex)
    assert severities(facts) == {"P204": "fail"}
    assert found(facts, "skipped")["P201"].waits_for == "P204"
    assert "M10" in found(facts)["P204"].fix


SERVERLESS = region(provider_name="SERVERLESS", backing_provider_name="AWS", electable_nodes=None)


def test_a_serverless_instance_cannot_be_peered() -> None:
    """Source: "Network Peering" in the documentation of Atlas: it is for dedicated clusters."""
    alone = with_clusters(cluster(regions=[SERVERLESS]))
    assert only(alone, "P204").message == "shop is a Serverless instance, which cannot be peered."
    assert found(alone)["P204"].fix == "Move its data to a dedicated cluster, M10 or larger."
    assert found(alone, "skipped")["P201"].waits_for == "P204"
    assert only(with_clusters(cluster(), cluster("small", regions=[SERVERLESS]), named=("small",)), "P204").subject == "small"
    assert severities(with_clusters(cluster(), cluster("small", regions=[SERVERLESS]))) == {}
    elsewhere = with_clusters(cluster(regions=[AWAY]), cluster("small", regions=[SERVERLESS]))
    assert only(elsewhere, "P201").message == (
        "No cluster has nodes in US_EAST_1; the connection leads nowhere. small is a Serverless instance, which cannot be peered."
    )


def test_shared_clusters_matter_alone_or_if_they_are_named() -> None:
    clusters = (cluster(), cluster("small", regions=[SHARED]))
    assert severities(with_clusters(*clusters)) == {}
    assert severities(with_clusters(*clusters, named=("shop",))) == {}
    assert only(with_clusters(*clusters, named=("shop", "small")), "P204").subject == "small"


def test_unread_flex_clusters_are_no_missing_ones() -> None:
    assert severities(with_clusters(flex=Unread("Atlas refuses it."))) == {"P201": "unknown", "P204": "unknown"}
    assert severities(with_clusters(flex=Missing("There are dedicated clusters."))) == {"P201": "fail"}


@pytest.mark.parametrize("changes", [{"paused": True}, {"state_name": "CREATING"}, {"state_name": "DELETING"}])
def test_a_cluster_that_does_not_run_fails_alone_or_if_named(changes: Fields) -> None:
    away = cluster("dev", **changes)
    assert severities(with_clusters(away)) == {"P203": "fail"}
    assert severities(with_clusters(away, cluster())) == {"P203": "warn"}
    assert severities(with_clusters(away, cluster(), named=("dev", "shop"))) == {"P203": "fail"}
    assert severities(with_clusters(away, cluster(), named=("shop",))) == {}
    # It is not in the region, so it is not the other one.
    assert severities(with_clusters(away, cluster(regions=[AWAY]))) == {"P203": "fail"}


@pytest.mark.parametrize("state", ["IDLE", "UPDATING", "REPAIRING"])
def test_in_other_states_a_cluster_runs(state: str) -> None:
    assert severities(with_clusters(cluster(state_name=state))) == {}


def test_a_cluster_in_an_unknown_state_is_not_taken_for_running() -> None:
    weird = cluster("dev", state_name="WEIRD")
    for facts, decides in ((with_clusters(weird), True), (with_clusters(weird, cluster()), False)):
        assert only(facts, "P203", "unknown").decides is decides
    assert severities(with_clusters(cluster(state_name="WEIRD", paused=True))) == {"P203": "fail"}


def test_a_cluster_without_regions_is_not_taken_for_shared() -> None:
    facts = with_clusters(cluster(regions=[]))
    assert severities(facts).items() >= {"P201": "unknown", "P202": "unknown", "P203": "unknown", "P204": "unknown"}.items()
    assert found(facts)["P204"].message == "Atlas does not report the regions of cluster shop."
    assert severities(with_clusters(cluster(), cluster("dev", regions=[]))).items() >= {"P201": "unknown"}.items()
    # Of regionName, the published description says that it is only returned for single-region clusters.
    assert severities(with_clusters(cluster(regions=[region(region_name=None)]))).items() >= {"P201": "unknown"}.items()
    partly = cluster(regions=[region(), region(region_name=None)])
    assert severities(with_clusters(partly)) == {"P202": "unknown"}
    for clusters in ([cluster(), cluster("dev", regions=[region(region_name=None)])],) * 2:
        assert "P201" not in severities(with_clusters(*clusters))
        clusters.reverse()
    named = healthy(clusters=[cluster(), cluster("dev", regions=[])], selection={"clusters": ("shop",)})
    assert "P203" not in severities(named)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"members": []}, "Atlas does not report the members of shop: port 27017 is assumed."),
        (
            {"members": [], "connection_strings": None, "cluster_type": "SHARDED"},
            "Atlas does not report the connection strings of shop: port 27016 is assumed.",
        ),
    ],
)
def test_a_port_that_atlas_does_not_tell_is_said(changes: dict[str, Any], text: str) -> None:
    assert found(with_clusters(cluster(**changes)), "info")["P203"].message == text
    assert found(with_clusters(cluster()), "ok").keys() >= {"P203"}


def test_an_unknown_number_of_nodes_is_not_taken_for_read_only() -> None:
    untold = region("EU_WEST_1", electable_nodes=None)
    assert severities(with_clusters(cluster(regions=[HOME, untold]))) == {"P202": "unknown"}
    assert severities(with_clusters(cluster(regions=[region(electable_nodes=None)]))) == {"P202": "unknown"}


def test_a_region_without_nodes_is_none_of_the_cluster_s() -> None:
    assert severities(with_clusters(cluster(regions=[HOME, region("EU_WEST_1", electable_nodes=0)]))) == {}
    assert severities(with_clusters(cluster(regions=[region(electable_nodes=0), AWAY]))) == {"P201": "fail"}


def test_a_port_that_does_not_exist_is_not_looked_for() -> None:
    assert severities(with_clusters(cluster(members=["a:27017", "b:99999"]))) == {"P701": "unknown"}


def test_a_paused_cluster_is_to_be_resumed() -> None:
    finding = found(with_clusters(cluster(paused=True)))["P203"]
    assert (finding.message, finding.fix) == ("shop is paused.", "Resume it.")


def both_regions(status: str = "AVAILABLE") -> Fields:
    """Return facts of a VPC that is connected with the containers of two regions."""
    block, connection_id = "192.168.240.0/21", "pcx-0a1b2c3d4e5f6ffff"
    other = container(id=OTHER_CONTAINER_ID, region_name="EU_WEST_1", atlas_cidr_block=block)
    away = peer(id=object_id(number=9), container_id=OTHER_CONTAINER_ID, status_name=status, connection_id=connection_id)
    requester = Side("vpc-0f0e0d0c0b0a00002", "999999999999", "eu-west-1", [block], allows_remote_dns=True)
    routes = [Route(ATLAS_BLOCK, CONNECTION_ID, is_peering=True), Route(block, connection_id, is_peering=True)]
    return {
        "containers": [container(), other],
        "peers": [peer(), away],
        "connections": [connection(), connection(id=connection_id, requester=requester)],
        "route_tables": [table(MAIN_TABLE_ID, *routes, is_main=True)],
        "statuses": {CONNECTION_ID: "active", connection_id: "active"},
    }


def test_a_region_without_a_connection_fails_alone_or_if_named() -> None:
    wide = cluster(regions=[HOME, AWAY])
    facts = with_clusters(wide)
    assert severities(facts) == {"P202": "fail"}
    text = "shop has nodes in EU_WEST_1, which is not connected with this VPC; drivers need all members."
    assert found(facts)["P202"].message == text
    assert severities(with_clusters(wide, cluster("other"))) == {"P202": "warn"}
    assert severities(with_clusters(wide, cluster("other"), named=("shop",))) == {"P202": "fail"}
    # A cluster that is paused is no way out.
    assert severities(with_clusters(wide, cluster("other", paused=True))) == {"P202": "fail", "P203": "fail"}


@pytest.mark.parametrize("status", ["PENDING_ACCEPTANCE", "FAILED", "TERMINATING"])
def test_a_connection_in_the_other_region_has_to_be_available(status: str) -> None:
    assert severities(with_clusters(cluster(regions=[HOME, AWAY]), **both_regions(status))) == {"P202": "fail"}


def test_the_connection_of_another_vpc_does_not_help() -> None:
    facts = both_regions()
    facts["peers"][1]["vpc_id"] = "vpc-0a1b2c3d4e5f6ffff"
    assert severities(with_clusters(cluster(regions=[HOME, AWAY]), **facts)) == {"P202": "fail"}


def test_the_connection_itself_is_told_by_p101() -> None:
    pending = peer(status_name="FINALIZING")
    assert severities(with_clusters(cluster(), peer=pending)) == {"P101": "fail"}


@pytest.mark.parametrize("nodes", [{"read_only_nodes": 1}, {"analytics_nodes": 1}])
def test_read_only_nodes_elsewhere_are_a_warning(nodes: Fields) -> None:
    far = region("EU_WEST_1", **{"electable_nodes": 0, **nodes})
    assert severities(with_clusters(cluster(regions=[HOME, far]))) == {"P202": "warn"}
    assert severities(with_clusters(cluster(regions=[HOME, far]), named=("shop",))) == {"P202": "warn"}


def test_another_cloud_cannot_be_connected() -> None:
    facts = with_clusters(cluster(regions=[HOME, AZURE]))
    assert "EUROPE_NORTH (AZURE)" in only(facts, "P202").message
    assert "AWS only" in found(facts)["P202"].fix


def test_a_named_cluster_elsewhere_is_judged_by_its_own_regions() -> None:
    elsewhere = cluster("far", regions=[AWAY])
    assert severities(with_clusters(cluster(), elsewhere)) == {}
    assert severities(with_clusters(cluster(), elsewhere, named=("far",))) == {"P202": "fail"}
    assert severities(with_clusters(cluster(), elsewhere, named=("far",), **both_regions())) == {}


OWN_DNS = DhcpOptions("dopt-1", ("10.15.0.53", "10.15.1.53"))


def test_own_dns_servers_need_a_private_string() -> None:
    facts = with_clusters(cluster(), dhcp_options=OWN_DNS)
    assert severities(facts) == {"P205": "warn", "P502": "unknown"}
    text = "Your DHCP options name own DNS servers (10.15.0.53 and 10.15.1.53), and shop has no private connection string."
    assert found(facts)["P205"].message == text
    assert "Enable custom DNS" in found(facts)["P205"].fix
    enabled = found(with_clusters(cluster(), dhcp_options=OWN_DNS, custom_dns=True))["P205"]
    assert "Custom DNS is enabled" in enabled.fix


def test_with_a_private_string_own_dns_servers_are_worth_a_word() -> None:
    facts = with_clusters(with_private_string(cluster()), dhcp_options=OWN_DNS)
    assert severities(facts) == {"P502": "warn"}
    assert found(facts, "info")["P205"].message.endswith("use the private connection string of shop.")


def test_whether_all_have_private_strings() -> None:
    private = with_private_string(cluster())
    assert have_all_private_strings(with_clusters(private, cluster("far", regions=[AWAY])))
    assert not have_all_private_strings(with_clusters(private, cluster("other")))
    assert not have_all_private_strings(with_clusters())
    assert not have_all_private_strings(with_clusters(cluster(connection_strings=None)))
    assert not have_all_private_strings(healthy(clusters=Missing("The Atlas half is off.")))
    with pytest.raises(UnreadError):
        have_all_private_strings(healthy(clusters=Unread("Atlas refuses it.")))


@pytest.mark.parametrize(
    ("clusters", "ports"),
    [
        ([cluster()], {27017}),
        ([cluster(members=["a:27015", "b:27016"], private_members=["a-pri:27017"])], {27015, 27016, 27017}),
        ([cluster(), cluster("far", regions=[AWAY], members=["c:1"])], {27017}),
        ([cluster(members=[], private_members=[])], {27017}),
        ([cluster(members=None, private_members=None, state_name="CREATING")], {27017}),
        ([cluster(members=["a", "b:"])], {27017}),
        ([cluster(members=[], cluster_type="SHARDED")], {27016}),
        ([cluster(members=[], cluster_type="GEOSHARDED"), cluster("other", members=["a:27015"])], {27015, 27016}),
        (Unread("Atlas refuses it."), {27017}),
        (Missing("The Atlas half is off."), {27017}),
    ],
)
def test_the_ports_are_those_of_the_judged_clusters(clusters: Any, ports: set[int]) -> None:
    assert ports_of(healthy(clusters=clusters)) == ports


def test_unread_connections_leave_the_regions_unknown() -> None:
    facts = with_clusters(cluster(regions=[HOME, AWAY]), peers=Unread("Atlas refuses it."))
    assert found(facts, "unknown").keys() >= {"P202"}
