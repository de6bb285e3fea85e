"""Connections on AZURE and GCP: what is healthy, each fault with its code, and what cannot be read."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure import session
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.session import AzureSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.session import GcpSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import NoAnswerError
from ansible_collections.cloudpeer.atlas.tests.clouds.app import error_body
from ansible_collections.cloudpeer.atlas.tests.clouds.azure import vnet_id
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    ATLAS_BLOCK,
    DIRECTORY,
    GCP_BLOCK,
    GCP_PROJECT,
    GCP_REGION,
    GROUP,
    NETWORK,
    SUBNET,
    SUBNET_BLOCK,
    SUBSCRIPTION,
    VNET,
    VNET_BLOCK,
    VNET_ID,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_site import GCP_ATLAS_BLOCK, MINE, MY_VNET, CloudsSite
from ansible_collections.cloudpeer.atlas.tests.support.environment import point_at
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from ansible_collections.cloudpeer.atlas.tests.support.memory import running

LIST = "/global/networks"
ATLAS_OFF = {"atlas": False, "group_id": None, "public_key": None, "private_key": None}
ONE_VNET = [
    f"Microsoft.Network/{one}" for one in (f"virtualNetworks/{VNET}", "networkSecurityGroups/nsg-apps", "routeTables/rt-apps")
]
AZURE_STATUS = f"accessList/{VNET_BLOCK.replace('/', '%2F')}/status"
GCP_STATUS = f"accessList/{GCP_BLOCK.replace('/', '%2F')}/status"


def reads_of_gcp(routes: int, *networks: str) -> list[tuple[str, str]]:
    """Return what a check reads of GCP: of the project, and of each network, with so many lists of routes of the first."""
    project = f"/compute/v1/projects/{GCP_PROJECT}"
    paths = [f"{project}{LIST}", f"{project}/aggregated/subnetworks"]
    for network in networks or (NETWORK,):
        paths += [f"{project}{LIST}/{network}/getEffectiveFirewalls", *[f"{project}{LIST}/{network}/listPeeringRoutes"] * routes]
        routes = 0
    return [("GET", path) for path in paths]


@pytest.fixture
def site(_clouds: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudsSite]:
    point_at(_clouds, monkeypatch, tmp_path)
    with running(Settings(step_seconds=0.01, clouds_url=_clouds.control_url)) as emulator:
        yield CloudsSite(emulator, _clouds)


_ATLAS = {"group_id": Settings.group_id, "project_name": None, "status_name": "AVAILABLE", "error_state_name": None}


def test_connections_that_carry_traffic_are_reachable_by_design(site: CloudsSite) -> None:
    done = site.run(provider_name="all")
    azure, gcp = done.check["connections"]
    for one, code in ((azure, "A501"), (gcp, "G501")):
        assert [check for check in one["checks"] if check["severity"] in ("fail", "warn", "unknown")] == []
        assert [check["code"] for check in one["checks"] if check["severity"] == "info"] == [code]
    assert {name: value for name, value in azure.items() if name not in ("peer_id", "container_id", "checks")} == {
        **_ATLAS,
        "provider_name": "AZURE",
        "azure_subscription_id": SUBSCRIPTION,
        "resource_group_name": GROUP,
        "vnet_name": VNET,
        "container_region": "US_EAST_2",
        "atlas_cidr_block": ATLAS_BLOCK,
        "cluster_names": ["azure"],
        "verdict": "reachable_by_design",
        "requested_at": None,
        "expires_at": None,
        "subnets": [],
    }
    assert {name: value for name, value in gcp.items() if name not in ("peer_id", "container_id", "checks")} == {
        **_ATLAS,
        "provider_name": "GCP",
        "gcp_project_id": GCP_PROJECT,
        "network_name": NETWORK,
        "container_region": None,
        "atlas_cidr_block": GCP_ATLAS_BLOCK,
        "cluster_names": ["gcp"],
        "verdict": "reachable_by_design",
        "requested_at": None,
        "expires_at": None,
        "subnets": [],
    }
    assert (done.check["summary"], done.failed) == ("2 connections: 2 reachable by design.", False)
    lists = ["accessList", "clusters", "containers/all", "peers", "peers", "peers"]
    assert done.atlas_calls == sorted([*lists, AZURE_STATUS, GCP_STATUS])
    assert site.clouds.gcp.requests == reads_of_gcp(2)


def test_one_cloud_alone_reads_that_cloud_alone(site: CloudsSite) -> None:
    done = site.run_azure()
    assert (done.found, done.check["verdict"]) == ({}, "reachable_by_design")
    assert done.check["summary"] == f"The connection with VNet {VNET} is reachable by design."
    assert done.atlas_calls == sorted(["accessList", "clusters", "containers/all", "peers", AZURE_STATUS])
    assert site.clouds.gcp.requests == []
    done = site.run_gcp()
    assert (done.found, done.check["verdict"]) == ({}, "reachable_by_design")
    assert done.check["summary"] == f"The connection with VPC network {NETWORK} is reachable by design."
    assert (len(done.atlas_calls), site.clouds.gcp.requests) == (5, reads_of_gcp(2))


def test_without_provider_name_and_entries_aws_is_meant(site: CloudsSite) -> None:
    done = site.run(provider_name=None, fail_on="never")
    assert done.check["connections"] == []
    assert done.warnings == [
        "Only connections with AWS were looked for. With provider_name: all, those with AZURE and GCP are checked, too."
    ]
    assert done.atlas_calls == ["accessList", "clusters", "containers", "peers"]


def pause(site: CloudsSite) -> None:
    site.put_cluster("azure", "AZURE", "US_EAST_2", paused=True)


def remove_peering(site: CloudsSite) -> None:
    site.azure.remove_peering(*MY_VNET, site.peering)


def lead_elsewhere(site: CloudsSite) -> None:
    site.set_peering(remoteVirtualNetwork={"id": vnet_id(SUBSCRIPTION, GROUP, "vnet-hub")})


def fall_behind(site: CloudsSite) -> None:
    known = {"addressPrefixes": ["10.99.0.0/16"]}
    site.set_peering(peeringSyncLevel="RemoteNotInSync", localAddressSpace=known)


def overlap(site: CloudsSite) -> None:
    site.azure.remove_vnet(*MY_VNET)
    site.azure.add_vnet(*MY_VNET, [VNET_BLOCK, "192.168.0.0/16"])
    site.azure.add_subnet(*MY_VNET, SUBNET, SUBNET_BLOCK)
    site.azure.add_role(*MY_VNET)
    site.azure.add_peering(*MY_VNET, site.peering, vnet_id(SUBSCRIPTION, GROUP, site.atlas_vnet), [ATLAS_BLOCK])


def use_another_region(site: CloudsSite) -> None:
    site.put_cluster("azure", "AZURE", "EUROPE_NORTH")


def use_two_regions(site: CloudsSite) -> None:
    site.put_cluster("azure", "AZURE", "US_EAST_2", "EUROPE_NORTH")


@pytest.mark.parametrize(
    ("seed", "codes", "verdict"),
    [
        (remove_peering, {"A401": "fail"}, "not_reachable"),
        (lead_elsewhere, {"A401": "fail"}, "not_reachable"),
        (lambda site: site.set_peering(peeringState="Disconnected"), {"A401": "fail"}, "not_reachable"),
        (fall_behind, {"A402": "fail"}, "not_reachable"),
        (overlap, {"A403": "fail"}, "not_reachable"),
        (lambda site: site.set_peering(allowVirtualNetworkAccess=False), {"A404": "fail"}, "not_reachable"),
        (lambda site: site.add_table((ATLAS_BLOCK, "VirtualAppliance")), {"A601": "fail"}, "not_reachable"),
        (lambda site: site.add_table(disabled="All"), {"A601": "fail"}, "not_reachable"),
        (lambda site: site.add_nsg({"name": "no", "priority": 100, "access": "Deny"}), {"A701": "fail"}, "not_reachable"),
        (lambda site: site.allow(), {"P301": "fail"}, "not_reachable"),
        (lambda site: site.fail(site.azure_id, "A peer with an overlapping CIDR exists"), {"P102": "fail"}, "not_reachable"),
        (pause, {"P203": "fail"}, "not_reachable"),
        (use_another_region, {"P201": "fail"}, "not_reachable"),
        (use_two_regions, {"P202": "fail"}, "not_reachable"),
    ],
    ids=[
        *("none", "hub", "Disconnected", "sync", "overlap", "no access", "route", "no routes", "NSG"),
        *("access list", "FAILED", "paused", "elsewhere", "two regions"),
    ],
)
def test_a_fault_on_azure_gives_its_code(
    site: CloudsSite, seed: Callable[[CloudsSite], Any], codes: dict[str, str], verdict: str
) -> None:
    seed(site)
    done = site.run_azure()
    assert (done.found, done.check["verdict"], done.failed) == (codes, verdict, verdict == "not_reachable")


def move_mirror(site: CloudsSite) -> None:
    site.remove_mirror()
    site.add_mirror("default")


def copy_mirror(site: CloudsSite) -> None:
    site.add_mirror("default")


def end_atlas_half(site: CloudsSite) -> None:
    for peering in site.clouds.gcp.peerings(*site.atlas):
        site.clouds.gcp.remove_peering(*site.atlas, peering["name"])


def deny(site: CloudsSite) -> None:
    everything = {"denied": [{"IPProtocol": "all"}], "destinationRanges": ["0.0.0.0/0"]}
    site.clouds.gcp.add_firewall(*MINE, "no", direction="EGRESS", **everything)


def add_public_subnet(site: CloudsSite) -> None:
    site.clouds.gcp.add_subnet(*MINE, "public", GCP_REGION, "34.10.0.0/20")
    site.allow(GCP_BLOCK, "34.10.0.0/20")


@pytest.mark.parametrize(
    ("seed", "codes"),
    [
        (deny, {"G701": "fail"}),
        (add_public_subnet, {}),
        (lambda site: site.remove_mirror(), {"G401": "fail"}),
        (move_mirror, {"G402": "fail"}),
        (copy_mirror, {"G402": "warn"}),
        (end_atlas_half, {"G401": "fail"}),
        (lambda site: site.clouds.gcp.remove_network(GCP_PROJECT, NETWORK), {"G401": "fail"}),
        (lambda site: site.allow(VNET_BLOCK), {"P301": "fail"}),
        (lambda site: site.fail(site.gcp_id, "no quota"), {"P102": "fail"}),
    ],
    ids=[
        "firewall",
        "outside of cidr_block",
        "no mirror",
        "elsewhere",
        "left over",
        "INACTIVE",
        "no network",
        "access list",
        "FAILED",
    ],
)
def test_a_fault_on_gcp_gives_its_code(site: CloudsSite, seed: Callable[[CloudsSite], Any], codes: dict[str, str]) -> None:
    seed(site)
    done = site.run_gcp()
    assert done.found == codes
    failed = "fail" in codes.values()
    assert done.check["verdict"] == ("not_reachable" if failed else "reachable_by_design")
    assert done.failed == failed


def test_the_host_project_of_a_shared_vpc_is_named(site: CloudsSite) -> None:
    site.clouds.gcp.remove_network(GCP_PROJECT, NETWORK)
    general = "Correct gcp_project_id and network_name of the connection: of a shared VPC, gcp_project_id is the host project."
    assert site.run_gcp().finding("G401")["fix"] == general
    site.clouds.gcp.hosts[GCP_PROJECT] = "host-project"
    assert site.run_gcp().finding("G401")["fix"] == (
        "It uses the shared VPC of project host-project: set gcp_project_id to that, and request the connection with it."
    )
    # What only names it is not needed.
    site.clouds.gcp.denied.add("compute.projects.get")
    done = site.run_gcp()
    assert (done.finding("G401")["fix"], done.found["G401"]) == (general, "fail")


def test_without_cidr_block_each_subnet_has_clients(site: CloudsSite) -> None:
    add_public_subnet(site)
    entry = {"gcp_project_id": GCP_PROJECT, "network_name": NETWORK}
    assert site.run_gcp(connections=[entry]).found == {"G403": "fail"}
    site.allow(GCP_BLOCK)
    assert site.run_gcp(connections=[entry]).found == {"G403": "fail", "P301": "fail"}


def test_services_of_gke_send_nothing_and_connectors_do(site: CloudsSite) -> None:
    entry = {"gcp_project_id": GCP_PROJECT, "network_name": NETWORK}
    site.clouds.gcp.add_subnet(
        *MINE, "gke", GCP_REGION, "10.31.0.0/20", {"ip-range-pods": "10.32.0.0/16", "gke-svc": "10.33.0.0/20"}
    )
    site.allow(GCP_BLOCK, "10.31.0.0/20", "10.32.0.0/16")
    done = site.run_gcp(connections=[entry])
    assert (done.found, done.finding("P301")["message"]) == ({}, "gke-svc of gke is a range of GKE's Services, and not judged.")
    site.clouds.gcp.add_connector(*MINE, "10.8.0.0/28")
    done = site.run_gcp(connections=[entry])
    assert (done.found, done.check["verdict"]) == ({"P301": "fail"}, "not_reachable")
    assert "No entry covers 10.8.0.0/28." in [one["message"] for one in done.connection["checks"]]


def test_a_half_that_is_off_is_skipped(site: CloudsSite) -> None:
    done = site.run_azure(azure=False)
    assert (done.found, done.check["verdict"], done.failed) == ({}, "unknown", False)
    assert done.check["summary"].endswith("One side was not checked.")
    assert done.finding("A401")["message"] == "AZURE was not read: azure is false."
    assert site.azure.requests == []
    done = site.run_gcp(gcp=False)
    assert (done.found, done.check["verdict"]) == ({}, "unknown")
    assert done.finding("G401")["message"] == "GCP was not read: gcp is false."
    assert site.clouds.gcp.requests == []


def test_the_customer_s_half_alone(site: CloudsSite) -> None:
    off = {"atlas": False, "group_id": None, "public_key": None, "private_key": None, "provider_name": None}
    entry: dict[str, Any] = {"vnet_resource_id": VNET_ID, "atlas_cidr_block": ATLAS_BLOCK, "azure_directory_id": DIRECTORY}
    done = site.run(**off, connections=[entry])
    assert (done.found, done.check["verdict"]) == ({"A401": "unknown"}, "unknown")
    done = site.run(**off, connections=[{**entry, "atlas_vnet_name": site.atlas_vnet}])
    assert (done.found, done.check["verdict"]) == ({}, "unknown")
    assert {done.finding(code)["severity"] for code in ("A401", "A402", "A404", "A601", "A701")} == {"ok"}
    names = {"atlas_gcp_project_id": site.atlas[0], "atlas_network_name": site.atlas[1]}
    entry = {"gcp_project_id": GCP_PROJECT, "network_name": NETWORK, **names}
    done = site.run(**off, connections=[entry])
    assert (done.found, done.finding("G401")["severity"]) == ({}, "ok")
    site.remove_mirror()
    assert site.run(**off, connections=[entry]).found == {"G401": "fail"}


def test_what_azcollection_returned_needs_no_credentials(site: CloudsSite) -> None:
    given = {**site.given(), "azure_client_id": None, "azure_secret": None}
    site.allow(VNET_BLOCK)
    done = site.run_azure(**given)
    # The lists have neither subnets nor what guards them.
    assert (done.found, done.check["verdict"]) == ({"A601": "unknown", "A701": "unknown"}, "unknown")
    assert done.finding("A401")["severity"] == "ok"
    assert "set azure to true" in done.finding("A601")["fix"]
    assert site.azure.requests == []
    site.set_peering(peeringSyncLevel="RemoteNotInSync")
    assert site.run_azure(**site.given()).found["A402"] == "unknown"
    alone = site.run_azure(vnet_peerings=given["vnet_peerings"], client_cidr_blocks=[SUBNET_BLOCK])
    assert {code for code, severity in alone.found.items() if severity == "unknown"} >= {"A403", "P801"}
    assert site.run_azure(azure=True, vnet_peerings=[]).found == {"A402": "warn"}
    # Azure returns those of one VNet at a time.
    other = {**given["vnet_peerings"][0], "id": given["vnet_peerings"][0]["id"].replace(VNET, "other-vnet")}
    assert site.run_azure(**{**given, "vnet_peerings": [other]}).found["A401"] == "unknown"
    assert site.run_azure(**{**given, "vnet_peerings": []}).found["A401"] == "fail"


def test_azure_is_read_with_one_request_for_each_thing(site: CloudsSite) -> None:
    assert (site.run_azure().found, sorted(site.azure_calls)) == ({}, sorted(ONE_VNET))
    # Subnets of services are left out, and what two subnets share is read once.
    site.azure.add_subnet(*MY_VNET, "GatewaySubnet", "10.20.255.0/27", table=site.add_table(name="rt-gateway"))
    site.azure.add_subnet(*MY_VNET, "snet-2", "10.20.2.0/24", nsg=site.add_nsg(), table=site.add_table())
    assert (site.run_azure().found, sorted(site.azure_calls)) == ({}, sorted(ONE_VNET))


def test_subnets_of_services_are_left_out_of_a_vnet(site: CloudsSite) -> None:
    """By what the reply for the VNet has."""
    none = [{"name": "to-atlas", "addressPrefix": ATLAS_BLOCK, "nextHopType": "None"}]
    bad = site.azure.add_route_table(SUBSCRIPTION, GROUP, "rt-database", none)
    service = "Microsoft.DBforPostgreSQL/flexibleServers"
    database = {"table": bad, "delegations": [service], "links": [service]}
    site.azure.add_subnet(*MY_VNET, "snet-database", "10.20.2.0/24", **database)
    # No subnet has clients, as far as AZURE shows.
    assert site.run_azure(fail_on="never").found == {"A601": "fail"}
    nic = f"{vnet_id(*MY_VNET).rpartition('/virtualNetworks/')[0]}/networkInterfaces/vm-1"
    site.azure.add_subnet(*MY_VNET, "snet-vms", "10.20.3.0/24", configurations=[f"{nic}/ipConfigurations/ipconfig1"])
    done = site.run_azure()
    assert (done.found, done.check["verdict"]) == ({}, "reachable_by_design")
    assert "snet-database has services of Azure alone" in done.finding("A601")["message"]
    named = site.run_azure(client_cidr_blocks=["10.20.2.4/32"], fail_on="never")
    assert named.found == {"A601": "fail"}


@pytest.mark.parametrize(("count", "is_list_denied", "expected"), [(50, False, 3), (5, True, 3 + 5 * 3)])
def test_fifty_vnets_of_a_subscription_take_three_lists(
    site: CloudsSite, count: int, is_list_denied: bool, expected: int
) -> None:
    entries = []
    for number in range(count):
        names = (SUBSCRIPTION, GROUP, f"vnet-{number}")
        site.azure.add_vnet(*names, [f"10.{number}.0.0/16"])
        own = {"nsg": site.add_nsg(name=f"nsg-{number}"), "table": site.add_table(name=f"rt-{number}")}
        site.azure.add_subnet(*names, "apps", f"10.{number}.1.0/24", **own)
        entries.append({"vnet_resource_id": vnet_id(*names), "azure_directory_id": DIRECTORY, "atlas_cidr_block": ATLAS_BLOCK})
    if is_list_denied:
        body = {"error": {"code": "AuthorizationFailed", "message": "The client does not have authorization."}}
        kinds = ("virtualNetworks", "networkSecurityGroups", "routeTables")
        site.clouds.app.answers += [(f"/providers/Microsoft.Network/{kind}", 403, body) for kind in kinds]
    done = site.run_azure(**ATLAS_OFF, connections=entries, fail_on="never")
    assert len(site.azure_calls) == expected
    found = [check for one in done.check["connections"] for check in one["checks"] if check["code"] in ("A601", "A701")]
    assert (len(found), {one["severity"] for one in found}) == (2 * count, {"ok"})


def test_each_permission_in_azure_decides_and_is_named(site: CloudsSite) -> None:
    of_vnet = {"A401", "A402", "A403", "A404", "A601", "A701", "P107", "P301", "P302"}
    for kind, codes in (("virtualNetworks", of_vnet), ("networkSecurityGroups", {"A701"}), ("routeTables", {"A601"})):
        permission = f"Microsoft.Network/{kind}/read"
        site.azure.denied = {permission}
        done = site.run_azure()
        assert (done.found, done.check["verdict"], done.failed) == (dict.fromkeys(codes, "unknown"), "unknown", False)
        for code in codes:
            assert done.finding(code)["evidence"] == {"permission": permission}
            assert done.finding(code)["fix"] == f"Allow {permission} to these credentials."


def test_an_unread_vnet_hides_no_gap_of_the_access_list(site: CloudsSite) -> None:
    site.azure.denied = {"Microsoft.Network/virtualNetworks/read"}
    site.allow("10.99.0.0/16")
    entry = {
        "azure_directory_id": DIRECTORY,
        "azure_subscription_id": SUBSCRIPTION,
        "resource_group_name": GROUP,
        "vnet_name": VNET,
    }
    done = site.run_azure(connections=[{**entry, "cidr_block": SUBNET_BLOCK}], fail_on="never")
    assert (done.found["P301"], done.found["A401"]) == ("fail", "unknown")


def test_an_absent_vnet_is_a_failure_and_another_404_is_none(site: CloudsSite) -> None:
    entry = {"azure_directory_id": DIRECTORY, "azure_subscription_id": SUBSCRIPTION, "resource_group_name": GROUP}
    done = site.run_azure(connections=[{**entry, "vnet_name": "gone"}], fail_on="never")
    assert {"A401": "fail", "P101": "fail"}.items() <= done.found.items()
    assert done.finding("A601")["waits_for"] == "A401"
    away = {**entry, "azure_subscription_id": "00000000-0000-4000-8000-000000000000", "vnet_name": VNET}
    done = site.run_azure(connections=[away, {**entry, "vnet_name": VNET}], fail_on="never")
    assert done.check["connections"][0]["checks"][1]["severity"] != "ok"
    assert done.check["connections"][1]["verdict"] == "reachable_by_design"
    done = site.run_azure(connections=[away], fail_on="never")
    assert (done.result["error_code"], "peering_check" in done.result) == ("SubscriptionNotFound", False)


def test_a_resource_group_that_nothing_tells_is_found(site: CloudsSite) -> None:
    entry = {"azure_directory_id": DIRECTORY, "azure_subscription_id": SUBSCRIPTION, "vnet_name": VNET.upper()}
    entry |= {"atlas_cidr_block": ATLAS_BLOCK, "atlas_vnet_name": site.atlas_vnet}
    assert site.run_azure(**ATLAS_OFF, connections=[entry]).found == {}
    assert len(site.azure_calls) == 3
    site.azure.add_vnet(SUBSCRIPTION, "other-group", VNET, ["10.77.0.0/16"])
    hidden = site.run_azure(**ATLAS_OFF, connections=[{**entry, "vnet_name": "hidden"}], fail_on="never")
    assert "shows no VNets hidden to these credentials. Set resource_group_name" in hidden.msg
    done = site.run_azure(**ATLAS_OFF, connections=[entry, {**entry, "resource_group_name": GROUP}])
    (finding,) = [one for one in done.check["connections"][0]["checks"] if one["code"] == "A401"]
    assert (finding["severity"], "shows 2 VNets" in finding["message"]) == ("unknown", True)


def test_credentials_of_azure_are_named_with_their_prefix(site: CloudsSite) -> None:
    done = site.run_azure(azure_secret="wrong~secret", fail_on="never")
    assert "azure_client_id, azure_secret and azure_tenant" in done.msg
    assert "wrong~secret" not in str(done.result)
    done = site.run_azure(azure_secret=None, fail_on="never")
    assert done.msg.startswith("azure_client_id is set without azure_secret.")
    assert site.azure_calls == []


def test_an_entry_signs_in_to_azure_with_its_own(site: CloudsSite) -> None:
    entry = {"azure_directory_id": DIRECTORY, "vnet_resource_id": VNET_ID}
    own = {"azure_client_id": site.azure.entra.client_id, "azure_secret": site.azure.entra.secret}
    wrong = {"azure_client_id": site.azure.entra.client_id, "azure_secret": "wrong~secret"}
    assert site.run_azure(**wrong, connections=[{**entry, **own}]).found == {}
    done = site.run_azure(connections=[{**entry, **wrong}, entry], fail_on="never")
    first, second = done.check["connections"]
    assert (first["verdict"], second["verdict"]) == ("unknown", "reachable_by_design")
    assert "wrong~secret" not in str(done.result)


def test_without_azure_identity_the_switch_is_named(site: CloudsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LIBRARIES", (("azure-identity", "No module named 'azure.identity'"),))
    text = "The host that this task runs on has no azure-identity, which is needed to read AZURE."
    assert site.run_azure(fail_on="never").msg == f"{text} Run pip install azure-identity for its Python, or set azure to false."


def test_an_odd_reply_of_azure_is_no_empty_list(site: CloudsSite) -> None:
    for odd in ({"id": VNET_ID, "name": VNET}, b"<html>Sign in</html>"):
        site.clouds.app.answers.append((f"/{VNET}", 200, odd))
        assert "read the VNet" in site.run_azure(fail_on="never").msg
    for part, reply in (
        ("nsg-apps", {"name": "nsg-apps", "properties": {"securityRules": []}}),
        ("rt-apps", {"name": "rt-apps", "properties": {}}),
        ("rt-apps", {"id": "/subscriptions/another", "name": "rt-apps", "properties": {"routes": []}}),
    ):
        site.clouds.app.answers.append((f"/{part}", 200, reply))
        assert site.run_azure(fail_on="never").check["verdict"] == "unknown"


#: What each permission decides. They are those of the methods in "Compute Engine IAM roles and permissions" of Google Cloud.
GCP_PERMISSIONS = {
    "compute.networks.list": {"G401", "G402", "G403", "G601", "P107"},
    "compute.subnetworks.list": {"G403", "G601", "P301", "P302"},
    "compute.networks.listPeeringRoutes": {"G403", "G601"},
    "compute.networks.getEffectiveFirewalls": {"G701"},
}


@pytest.mark.parametrize("permission", GCP_PERMISSIONS)
def test_a_missing_permission_in_gcp_is_named(site: CloudsSite, permission: str) -> None:
    site.clouds.gcp.denied.add(permission)
    done = site.run_gcp()
    # The rules wait for what names the cause, and P302 for P301.
    assert done.found == dict.fromkeys(GCP_PERMISSIONS[permission], "unknown")
    assert (done.check["verdict"], done.failed) == ("unknown", False)
    for code in done.found:
        assert done.finding(code)["fix"] == f"Allow {permission} to these credentials."
        assert done.finding(code)["evidence"] == {"permission": permission}
    assert site.run_gcp(fail_on="warn").msg


def test_an_account_without_any_permission_knows_nothing(site: CloudsSite) -> None:
    site.clouds.gcp.forbidden.add(GCP_PROJECT)
    done = site.run_gcp()
    assert done.found == dict.fromkeys(("G401", "G402", "G403", "G601", "P107", "P301", "P302"), "unknown")
    assert (done.check["verdict"], done.failed) == ("unknown", False)
    assert site.clouds.gcp.requests == reads_of_gcp(0)[:2]


def run_networks(site: CloudsSite, count: int) -> Done:
    """Check so many networks of one project, without Atlas's half."""
    names = [f"network-{number}" for number in range(count)]
    for number, name in enumerate(names):
        site.clouds.gcp.add_network(GCP_PROJECT, name)
        site.clouds.gcp.add_subnet(GCP_PROJECT, name, f"apps-{number}", GCP_REGION, f"10.31.{number}.0/24")
        site.add_mirror(name)
        site.clouds.gcp.add_peering(*site.atlas, f"peer-{number}", (GCP_PROJECT, name))
    atlas = {"atlas_gcp_project_id": site.atlas[0], "atlas_network_name": site.atlas[1], "atlas_cidr_block": GCP_ATLAS_BLOCK}
    entries = [{"gcp_project_id": GCP_PROJECT, "network_name": name, **atlas} for name in names]
    return site.run_gcp(**ATLAS_OFF, connections=entries, fail_on="never")


def run_vnets(site: CloudsSite, count: int, **options: Any) -> Done:
    """Check so many VNets, each in a subscription of its own, without Atlas's half."""
    entries = []
    for number in range(count):
        names = (f"{number:08}-37e4-4693-8497-83ecf183a145", GROUP, f"vnet-{number}")
        site.azure.add_vnet(*names, [f"10.{number}.0.0/16"])
        site.azure.add_subnet(*names, "apps", f"10.{number}.1.0/24")
        entries.append({"vnet_resource_id": vnet_id(*names), "azure_directory_id": DIRECTORY, "atlas_cidr_block": ATLAS_BLOCK})
    return site.run_azure(**ATLAS_OFF, connections=entries, fail_on="never", **options)


class Crowd:
    """Requests that each wait until eight of them are under way, but for some at the beginning."""

    def __init__(self, alone: int = 0) -> None:
        self.most = 0
        self._alone, self._running = alone, 0
        self._lock, self._barrier = threading.Lock(), threading.Barrier(8, timeout=20)

    def around(self, send: Callable[..., Any], where: str) -> Callable[..., Any]:
        """Return the function, whose requests for paths with some text are of the crowd."""

        def wrapped(session: Any, description: str, path: str, *args: Any, **options: Any) -> Any:
            if where not in path:
                return send(session, description, path, *args, **options)
            with self._lock:
                self._running += 1
                self.most = max(self.most, self._running)
                self._alone, is_alone = max(self._alone - 1, 0), self._alone > 0
            try:
                if not is_alone:
                    self._barrier.wait()
                return send(session, description, path, *args, **options)
            finally:
                with self._lock:
                    self._running -= 1

        return wrapped


def test_networks_are_read_eight_at_a_time(site: CloudsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Crowd()
    monkeypatch.setattr(GcpSession, "read", crowd.around(GcpSession.read, "getEffectiveFirewalls"))
    done = run_networks(site, 16)
    found = [check["severity"] for one in done.check["connections"] for check in one["checks"] if check["code"] == "G701"]
    assert (found, crowd.most) == (["ok"] * 16, 8)


def test_subscriptions_are_read_eight_at_a_time(site: CloudsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the first request, which tells whether AZURE can be asked at all."""
    crowd = Crowd(alone=1)
    monkeypatch.setattr(AzureSession, "read", crowd.around(AzureSession.read, "/virtualNetworks/"))
    done = run_vnets(site, 17)
    found = [check["severity"] for one in done.check["connections"] for check in one["checks"] if check["code"] == "A701"]
    assert (len(found), crowd.most) == (17, 8)


def test_a_sign_in_that_fails_is_tried_once(site: CloudsSite) -> None:
    done = run_vnets(site, 12, azure_secret="wrong~secret")
    assert "azure_secret" in done.msg
    assert len([path for _method, path in site.azure.requests if path.endswith("/token")]) == 1
    assert site.azure_calls == []


@pytest.mark.parametrize(("kind", "cloud"), [(GcpSession, "GCP"), (AzureSession, "AZURE")])
def test_a_cloud_that_is_away_is_one_cause(site: CloudsSite, monkeypatch: pytest.MonkeyPatch, kind: Any, cloud: str) -> None:
    """It answers once, and then no more: what was sent meanwhile fails for the same cause."""
    asked: list[str] = []
    read = kind.read

    def away(session: Any, description: str, path: str, *args: Any, **options: Any) -> Any:
        asked.append(path)
        if len(asked) > (cloud == "AZURE"):
            raise NoAnswerError(f"Failed to {description}: no answer in time from {path}.")
        return read(session, description, path, *args, **options)

    monkeypatch.setattr(kind, "read", away)
    done = run_networks(site, 20) if cloud == "GCP" else run_vnets(site, 20)
    assert 0 < len(asked) <= 9
    unread = {check["message"] for one in done.check["connections"] for check in one["checks"] if check["severity"] == "unknown"}
    assert len([one for one in unread if "no answer in time" in one]) == 1


def test_ten_networks_take_two_requests_and_three_each(site: CloudsSite) -> None:
    done = run_networks(site, 10)
    own = ("G401", "G403", "G601", "G701")
    assert {check["severity"] for one in done.check["connections"] for check in one["checks"] if check["code"] in own} == {"ok"}
    assert len(site.clouds.gcp.requests) == 2 + 3 * 10


@pytest.mark.parametrize(
    ("path", "odd", "code"),
    [
        ("/aggregated/subnetworks", {}, "P301"),
        ("/aggregated/subnetworks", {"kind": "compute#subnetworkAggregatedList", "items": []}, "P301"),
        ("/aggregated/subnetworks", {"kind": "compute#subnetworkAggregatedList", "unreachables": ["regions/x"]}, "P301"),
        (
            "/aggregated/subnetworks",
            {"kind": "compute#subnetworkAggregatedList", "items": {"regions/x": {"subnetworks": [{}]}}},
            "P301",
        ),
        (
            "/aggregated/subnetworks",
            {"kind": "compute#subnetworkAggregatedList", "items": {"regions/x": {"warning": {"code": "UNREACHABLE"}}}},
            "P301",
        ),
        ("/listPeeringRoutes", {}, "G601"),
        ("/listPeeringRoutes", {"kind": "compute#exchangedPeeringRoutesList", "items": [{}]}, "G601"),
        ("/listPeeringRoutes", {"kind": "compute#exchangedPeeringRoutesList", "items": {}}, "G601"),
        ("/getEffectiveFirewalls", {"kind": "something else"}, "G701"),
        ("/getEffectiveFirewalls", b"<html>Sign in</html>", "G701"),
    ],
)
def test_an_odd_reply_about_a_network_is_unknown(site: CloudsSite, path: str, odd: Any, code: str) -> None:
    site.clouds.app.answers.append((path, 200, odd))
    done = site.run_gcp()
    assert (done.found[code], done.check["verdict"]) == ("unknown", "unknown")
    assert "the reply of compute.googleapis.com" in done.finding(code)["message"]


def test_an_api_that_is_off_is_no_missing_permission(site: CloudsSite) -> None:
    text = "Compute Engine API has not been used in project 1 before or it is disabled."
    site.clouds.app.answers.append((LIST, 403, error_body(403, "accessNotConfigured", text)))
    finding = site.run_gcp().finding("G401")
    assert (finding["severity"], finding["evidence"]) == ("unknown", {})
    assert "check that the Compute Engine API is enabled there" in finding["message"]


def test_a_wrong_token_of_gcp_fails_and_names_the_option(site: CloudsSite) -> None:
    done = site.run_gcp(gcp_access_token="ya29.wrong", fail_on="never")
    assert done.result["http_status"] == 401
    assert done.msg.endswith("Get a new gcp_access_token, or check gcp_auth_kind and what belongs to it.")
    assert "ya29.wrong" not in done.msg


@pytest.mark.parametrize(
    "odd",
    [
        b"<html>Sign in</html>",
        b"",
        [],
        {},
        {"kind": "compute#networkList", "items": 5},
        {"kind": "compute#networkList", "items": [5]},
        {"kind": "compute#networkList", "items": [{"kind": "compute#network"}]},
        {"kind": "compute#networkList", "items": [{"kind": "compute#network", "name": NETWORK, "peerings": [5]}]},
        {"kind": "compute#networkList", "items": [], "nextPageToken": 5},
    ],
)
def test_an_odd_reply_of_gcp_is_no_empty_project(site: CloudsSite, odd: Any) -> None:
    site.clouds.app.answers.append((LIST, 200, odd))
    done = site.run_gcp(fail_on="never")
    assert "list the networks of project" in done.msg
    assert "peering_check" not in done.result


def test_an_unreadable_project_of_gcp_leaves_the_other(site: CloudsSite) -> None:
    entries = [
        {"gcp_project_id": "other-project", "network_name": NETWORK},
        {"gcp_project_id": GCP_PROJECT, "network_name": NETWORK, "cidr_block": GCP_BLOCK},
    ]
    done = site.run_gcp(connections=entries, fail_on="never")
    missing, healthy = done.check["connections"]
    expected = {"P101": "fail", "G401": "skipped"}
    assert {one["code"]: one["severity"] for one in missing["checks"] if one["code"] in ("P101", "G401")} == expected
    assert healthy["verdict"] == "reachable_by_design"


def test_a_project_is_read_once_with_its_entry_s_credentials(site: CloudsSite) -> None:
    site.clouds.gcp.add_network("other-project", NETWORK)
    entry = {"gcp_project_id": GCP_PROJECT, "network_name": NETWORK, "cidr_blocks": [GCP_BLOCK]}
    default = {**entry, "network_name": "default"}
    other = {"gcp_project_id": "other-project", "network_name": NETWORK, "gcp_access_token": "ya29.wrong"}
    done = site.run_gcp(connections=[entry, default, other], fail_on="never")
    expected = [*reads_of_gcp(2, NETWORK, "default"), ("GET", f"/compute/v1/projects/other-project{LIST}")]
    assert sorted(site.clouds.gcp.requests) == sorted(expected)
    first, second, third = done.check["connections"]
    assert (first["verdict"], second["verdict"], third["verdict"]) == ("reachable_by_design", "not_reachable", "not_reachable")
    assert "ya29.wrong" not in str(done.result)


def test_a_token_that_gcp_refuses_is_one_cause(site: CloudsSite) -> None:
    entry = {"gcp_project_id": GCP_PROJECT, "network_name": NETWORK, "cidr_blocks": [GCP_BLOCK]}
    wrong = [{**entry, "gcp_project_id": f"other-project-{number}", "gcp_access_token": "ya29.wrong"} for number in range(12)]
    done = site.run_gcp(connections=[entry, *wrong], fail_on="never")
    assert len([path for _method, path in site.clouds.gcp.requests if "other-project" in path]) == 1
    (unread,) = [one for one in done.check["findings"] if "Get a new gcp_access_token" in one["message"]]
    assert (unread["severity"], len(unread["connections"])) == ("unknown", 12)


def test_pages_of_gcp_are_read_to_the_end(site: CloudsSite) -> None:
    site.clouds.gcp.page_size = 1
    site.clouds.gcp.add_subnet(GCP_PROJECT, NETWORK, "more", GCP_REGION, "10.40.0.0/24")
    assert site.run_gcp().found == {}
    # Two networks, two subnets, Atlas's three routes and the two own ones.
    read = Counter(path.rpartition("/")[2] for unused, path in site.clouds.gcp.requests)
    assert read == {"networks": 2, "subnetworks": 2, "getEffectiveFirewalls": 1, "listPeeringRoutes": 5}


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("/peers", {"P101", "P102"}),
        ("/containers/all", {"P104"}),
        ("/accessList", {"P301"}),
        ("/clusters", {"P201", "P203", "G501"}),
    ],
)
def test_a_list_of_atlas_that_cannot_be_read_is_unknown(site: CloudsSite, path: str, codes: set[str]) -> None:
    rule = {"path_glob": f"*{path}?*", "authenticated": True, "fault": {"kind": "html", "status": 500}}
    requests.post(f"{site.emulator.base_url}/emulator/faults", json=rule, timeout=10).raise_for_status()
    done = site.run_gcp()
    assert (done.failed, done.check["verdict"]) == (False, "unknown")
    assert codes <= done.found.keys()
    assert set(done.found.values()) == {"unknown"}


def test_entries_of_several_clouds_are_checked_together(site: CloudsSite) -> None:
    entries = [
        {"azure_directory_id": DIRECTORY, "vnet_resource_id": VNET_ID.upper().replace("/SUBSCRIPTIONS", "/subscriptions")},
        {"provider_name": "GCP", "gcp_project_id": GCP_PROJECT, "network_name": NETWORK, "cidr_block": GCP_BLOCK},
    ]
    done = site.run(
        provider_name=None, connections=entries, container_region="eastus2", clusters=["azure", "gcp"], fail_on="never"
    )
    azure, gcp = done.check["connections"]
    # A cluster that is named has to be reachable by each of them.
    assert {one["code"] for one in azure["checks"] if one["severity"] == "fail"} == {"P202"}
    assert {one["code"] for one in gcp["checks"] if one["severity"] == "fail"} == {"P202"}
    assert azure["vnet_name"] == VNET


def test_a_container_elsewhere_is_told(site: CloudsSite) -> None:
    entry = {"azure_subscription_id": SUBSCRIPTION, "vnet_name": VNET, "container_region": "northeurope"}
    done = site.run_azure(connections=[entry])
    assert done.found["P104"] == "fail"
    assert done.finding("P104")["message"] == "The network container is in US_EAST_2, not in EUROPE_NORTH."
    assert site.run_azure(container_region="northeurope", fail_on="never").check["connections"] == []


_ALL = {"group_id": None, "project_names": ["*"]}


def test_of_several_projects_all_clouds_are_read(site: CloudsSite) -> None:
    """As often as of one: once for each set of credentials, subscription and project."""
    done = site.run(**_ALL)
    assert [(one["provider_name"], one["verdict"]) for one in done.check["connections"]] == [
        ("AZURE", "reachable_by_design"),
        ("GCP", "reachable_by_design"),
    ]
    assert site.clouds.gcp.requests == reads_of_gcp(2)
    # Atlas's containers tell that there is nothing on AWS but an empty container.
    assert done.check["projects"][0]["states"] == {"AVAILABLE": 2}


@pytest.mark.parametrize(
    ("cloud", "options", "cause"),
    [
        ("GCP", {"gcp_access_token": None, "gcp_service_account_file": "/none/key.json"}, "/none/key.json"),
        ("AZURE", {"azure_profile": "nowhere"}, "nowhere"),
    ],
)
def test_of_several_projects_an_unread_cloud_is_unknown(
    site: CloudsSite, cloud: str, options: dict[str, Any], cause: str
) -> None:
    """The other clouds, and Atlas's half, are checked all the same."""
    done = site.run(**_ALL, **options)
    verdicts = {one["provider_name"]: one["verdict"] for one in done.check["connections"]}
    assert verdicts == {"AZURE": "reachable_by_design", "GCP": "reachable_by_design", cloud: "unknown"}
    (unread,) = [one for one in done.check["findings"] if one["severity"] == "unknown"]
    assert cause in unread["message"]
    assert [one["provider_name"] for one in unread["connections"]] == [cloud]
