"""AZURE and GCP: Atlas's role on a VNet, and the check of one network and of fifty on each cloud. The stand-ins are near."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from .runs import Measurement, Play, run
from .servers import Atlas, emulator
from .tables import Findings, Progress, decimal, table

# isort: split
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds, running
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import SUBSCRIPTION, variables

SIZE = 50
#: How many VNets a loop gives Atlas its role on.
LOOP = 5
GROUP, PROJECT = "network-group", "my-project"
WAYS = {"in process": True, "as a module": False}
REGIONS = {"AZURE": "EUROPE_WEST", "GCP": "WESTERN_EUROPE"}
STEPS = {"create": "no right yet", "same": "nothing to do"}


def measure(progress: Progress) -> Findings:
    """Give Atlas its role on VNets in both ways of running, connect fifty networks on each cloud, and check them."""
    with running() as clouds:
        environment = {**variables(clouds), "GCP_ACCESS_TOKEN": str(clouds.tokens.issue()["access_token"])}
        vnets = [_make_vnet(clouds, number) for number in range(SIZE)]
        networks = [_make_network(clouds, number) for number in range(SIZE)]
        with emulator(step_seconds=0, clouds_url=clouds.control_url) as atlas:
            roles = {}
            for start, (way, in_process) in zip((0, LOOP), WAYS.items(), strict=True):
                progress(f"clouds: a role on VNets, {way}")
                given = {"vnets": vnets[start : start + LOOP], "peers": [], "networks": [], "atlas_in_process": in_process}
                roles[way] = run(atlas, Play("clouds", given, environment=environment)).measurements
        rows = []
        for cloud, connections, seen in (("AZURE", vnets, clouds.azure.requests), ("GCP", networks, clouds.gcp.requests)):
            # A project has fifty connections at the most.
            with emulator(step_seconds=0, clouds_url=clouds.control_url) as atlas:
                progress(f"clouds: {SIZE} networks on {cloud} are connected")
                _put_cluster(atlas, cloud)
                given = {"vnets": vnets if cloud == "AZURE" else [], "networks": networks if cloud == "GCP" else []}
                run(atlas, Play("clouds", {**given, "peers": connections}, environment=environment))
                for size in (1, SIZE):
                    progress(f"clouds: the check of {size} on {cloud}")
                    checked = {"connections": connections[:size]}
                    rows.append([f"{cloud}: {size}", *_check(atlas, checked, environment, seen)])
    return Findings(f"{_roles_table(roles)}\n\n{_check_table(rows)}")


def _check(atlas: Atlas, given: Mapping[str, Any], environment: Mapping[str, str], seen: list[Any]) -> list[object]:
    """Return the seconds of a check in each way, and its requests to Atlas and to the cloud."""
    seconds, sent = [], 0
    for in_process in WAYS.values():
        seen.clear()
        play = Play("check", {**given, "atlas_in_process": in_process}, environment=environment, repeats=3, is_steady=False)
        found = run(atlas, play).measurements["check"]
        seconds.append(decimal(found.seconds, 2))
        sent = found.requests
    return [*seconds, sent, len(seen) // 3]


def _roles_table(roles: Mapping[str, Mapping[str, Measurement]]) -> str:
    rows = [[text, *(decimal(roles[way][step].seconds / LOOP, 2) for way in WAYS)] for step, text in STEPS.items()]
    return "`atlas_azure_role` in a loop, AZURE near: seconds a VNet:\n\n" + table(["Atlas has", *WAYS], rows)


def _check_table(rows: list[list[object]]) -> str:
    headings = ["check of", *(f"{way}: seconds" for way in WAYS), "requests to Atlas", "to the cloud"]
    return "The check of connections on AZURE and GCP, all clouds near:\n\n" + table(headings, rows)


def _make_vnet(clouds: RunningClouds, number: int) -> dict[str, str]:
    """Make a VNet with two subnets, each with a network security group and a route table of the VNet; return its entry."""
    name, azure = f"vnet-{number}", clouds.azure
    address = azure.add_vnet(SUBSCRIPTION, GROUP, name, [f"10.{number}.0.0/16"])
    parts = {
        "nsg": azure.add_nsg(SUBSCRIPTION, GROUP, f"nsg-{number}"),
        "table": azure.add_route_table(SUBSCRIPTION, GROUP, f"rt-{number}"),
    }
    for third in (1, 2):
        azure.add_subnet(SUBSCRIPTION, GROUP, name, f"snet-{third}", f"10.{number}.{third}.0/24", **parts)
    return {"azure_directory_id": azure.entra.tenant, "vnet_resource_id": address, "provider_name": "AZURE"}


def _make_network(clouds: RunningClouds, number: int) -> dict[str, str]:
    """Make a VPC network with a subnet in a region; return its entry."""
    name = f"network-{number}"
    clouds.gcp.add_network(PROJECT, name)
    clouds.gcp.add_subnet(PROJECT, name, "apps", "europe-west1", f"10.{100 + number}.0.0/20")
    return {"gcp_project_id": PROJECT, "network_name": name, "provider_name": "GCP"}


def _put_cluster(atlas: Atlas, cloud: str) -> None:
    """Put a cluster into the project, for the connections to lead to, which makes the network container."""
    cluster = {"name": "shop", "regions": [{"region_name": REGIONS[cloud], "provider_name": cloud}]}
    requests.post(f"{atlas.control_url}/emulator/clusters", json=cluster, timeout=10).raise_for_status()
