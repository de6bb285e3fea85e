"""What is done while things go wrong: where each operation starts from, its options, and when it has come to its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.emulator.peer import Peer
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, CIDR, PAIR, PEERING, VPC
from ansible_collections.cloudpeer.atlas.tests.support.peer_site import AZURE, GCP, GROUP, NETWORK, VNET
from ansible_collections.cloudpeer.atlas.tests.support.sets import (
    CONTAINERS,
    DIRECTORY,
    NAMES,
    PROJECT,
    SUBSCRIPTION,
    azure,
    block,
    entry,
    gcp,
    vpc,
)

OTHER = "10.99.0.0/16"
REGION, ATLAS_REGION, BLOCK = "eu-west-1", "EU_WEST_1", "172.20.0.0/21"
ENTRY = {"cidr_block": "203.0.113.0/24", "comment": "office"}
#: How many connections there are to list.
LISTED = 5
_A_PEER = "/peers/"


class SteppingClock:
    """A clock that goes on a little whenever somebody looks at it, so that a state passes after some requests."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.2
        return self.now


def peers_of(emulator: RunningEmulator) -> list[Any]:
    """Return the connections of our pair that are not being removed."""
    found = emulator.project.list_peers()
    own = [one for one in found if one["providerName"] == "AWS" and one["statusName"] != "TERMINATING"]
    return [one for one in own if one["vpcId"] == VPC and one["awsAccountId"] == ACCOUNT]


def networks_of(emulator: RunningEmulator, provider: str) -> list[tuple[str, str]]:
    """Return the networks, with their groups on AZURE, of the connections with another cloud that are not being removed.

    Those that a fault has put in front of a list do not count.
    """
    found = [one for one in emulator.project.list_peers() if one["providerName"] == provider and one["status"] != "DELETING"]
    networks = [(one.get("vnetName") or one["networkName"], one.get("resourceGroupName", "")) for one in found]
    return [one for one in networks if not one[0].startswith("added-")]


def entries_of(emulator: RunningEmulator) -> dict[str, str | None]:
    """Return the comments of the access list, by block."""
    with emulator.project.now() as project:
        return {entry.value: entry.comment for entry in project.access_list}


def regions_of(emulator: RunningEmulator) -> list[str]:
    """Return the regions of the containers."""
    with emulator.project.now() as project:
        return [one.region for one in project.containers.of("AWS") if one.region == ATLAS_REGION]


def blocks_of(emulator: RunningEmulator, provider: str) -> list[str]:
    """Return the blocks of the containers on a cloud."""
    with emulator.project.now() as project:
        return [str(one.block) for one in project.containers.of(provider)]


def add_peer(project: Project, vpc_id: str = VPC, block: str = CIDR) -> Peer:
    """Let somebody else have made a connection."""
    body = {
        "vpcId": vpc_id,
        "awsAccountId": ACCOUNT,
        "routeTableCidrBlock": block,
        "containerId": project.first_container_id,
        "accepterRegionName": "us-east-1",
    }
    return project.create_peer(body, needs_container=True)


def _add_dead_peer(project: Project) -> None:
    project.peers.fail(add_peer(project), "REJECTED", only_waiting=False)


def _add_peers(project: Project) -> None:
    for number in range(LISTED):
        add_peer(project, f"vpc-0a1b2c3d4e5f6789{number}", f"10.{20 + number}.0.0/16")


def _add_set(project: Project) -> None:
    for number in (0, 1, 9):
        add_peer(project, vpc(number), block(number))


def set_of(emulator: RunningEmulator) -> list[tuple[str, str]]:
    """Return the VPCs and blocks of all connections that are not being removed."""
    found = emulator.project.list_peers()
    own = [one for one in found if one["providerName"] == "AWS" and one["statusName"] != "TERMINATING"]
    return sorted((one["vpcId"], one["routeTableCidrBlock"]) for one in own)


def names_of(emulator: RunningEmulator) -> list[str]:
    """Return the names of the networks on all clouds whose connections are not being removed."""
    with emulator.project.now() as project:
        return sorted(str(peer.fields[NAMES[peer.provider.name][1]]) for peer in project.peers if not peer.deleting)


def _add_clouds(project: Project) -> None:
    """Let there be a connection on each cloud that stays, and one that is not declared."""
    containers = {"AWS": project.first_container_id}
    for body in CONTAINERS:
        containers[body["providerName"]] = project.containers.create(body).id
    add_peer(project, vpc(0), block(0))
    for number in (0, 9):
        vnet = {"azureDirectoryId": DIRECTORY, "azureSubscriptionId": SUBSCRIPTION, "resourceGroupName": "network"}
        named = {
            "AZURE": {**vnet, "vnetName": f"vnet-{number}"},
            "GCP": {"gcpProjectId": PROJECT, "networkName": f"net-{number}"},
        }
        for cloud, fields in named.items():
            project.create_peer({"providerName": cloud, "containerId": containers[cloud], **fields}, needs_container=True)


def _add_container(project: Project) -> None:
    project.containers.create({"providerName": "AWS", "regionName": ATLAS_REGION, "atlasCidrBlock": BLOCK})


def _add_azure_container(project: Project) -> None:
    project.containers.create({"providerName": "AZURE", "region": "EUROPE_NORTH", "atlasCidrBlock": BLOCK})


def _add_gcp_container(project: Project) -> None:
    project.containers.create({"providerName": "GCP", "atlasCidrBlock": "10.8.0.0/18"})


def _add_azure_peer(project: Project) -> None:
    """Let somebody have made a connection to the VNet in another group."""
    container = project.containers.create({"providerName": "AZURE", "region": "EUROPE_NORTH", "atlasCidrBlock": BLOCK})
    fields = {
        "azureDirectoryId": AZURE["azure_directory_id"],
        "azureSubscriptionId": AZURE["azure_subscription_id"],
        "resourceGroupName": "other-group",
        "vnetName": VNET,
    }
    project.create_peer({"providerName": "AZURE", "containerId": container.id, **fields}, needs_container=True)


def _add_gcp_peer(project: Project) -> None:
    container = project.containers.create({"providerName": "GCP", "atlasCidrBlock": "10.8.0.0/18"})
    fields = {"gcpProjectId": GCP["gcp_project_id"], "networkName": NETWORK}
    project.create_peer({"providerName": "GCP", "containerId": container.id, **fields}, needs_container=True)


def _add_entry(project: Project) -> None:
    project.add_access([{"cidrBlock": ENTRY["cidr_block"], "comment": ENTRY["comment"]}])


def _add_entries(project: Project) -> None:
    _add_entry(project)
    project.add_access([{"cidrBlock": OTHER}])


@dataclass(frozen=True)
class Operation:
    """One operation."""

    module: str
    options: dict[str, Any]
    #: The method, and a part of the path, of the request that it is all about.
    method: str
    path: str
    is_there: Callable[[RunningEmulator], bool]
    prepare: Callable[[Project], None] = field(default=lambda project: None)
    #: How many writes take effect.
    writes: int = 1
    #: How many kinds of requests there are in one look, and in the wait.
    reads: int = 1
    page_size: int = 500

    def is_told(self, result: dict[str, Any]) -> bool:
        """Tell whether a result shows what the operation has come to."""
        if self.module == "atlas_vpc_peer_info":
            return len(result["vpc_peers"]) == LISTED
        if self.module == "atlas_vpc_peers":
            # On AWS, what tells that one was changed.
            shown = [one and one.get("route_table_cidr_block", one["provider_name"]) for one in result["vpc_peers"]]
            return shown == [one.get("route_table_cidr_block", cloud_of(one)) for one in self.options["peers"]]
        gone = self.options.get("state") == "absent"
        if self.module == "atlas_peering":
            shown = [one["vpc_peer"]["route_table_cidr_block"] for one in result["peering"]["connections"]]
            allowed = [one["comment"] for one in result["peering"]["access_list"]]
            return shown == [one["cidr_block"] for one in PATH] and allowed == [one["comment"] for one in PATH]
        if self.module == "atlas_custom_dns":
            return bool(result["custom_dns"]["enabled"])
        if self.module == "atlas_access_list":
            return gone != (ENTRY["comment"] in [one["comment"] for one in result["access_list"]])
        if self.module == "atlas_network_container":
            return gone == (result["container"] is None) and (gone or result["container"]["atlas_cidr_block"] == BLOCK)
        peer = result["vpc_peer"]
        if gone:
            return peer is None
        available = self.options.get("wait_for") != "available" or peer["status_name"] == "AVAILABLE"
        wanted = {name: value for name, value in self.options.items() if name in peer}
        return bool(available and {name: peer[name] for name in wanted} == wanted)


def _has_peer(emulator: RunningEmulator) -> bool:
    return [one["routeTableCidrBlock"] for one in peers_of(emulator)] == [CIDR]


def _has_available(emulator: RunningEmulator) -> bool:
    return [one["statusName"] for one in peers_of(emulator)] == ["AVAILABLE"]


def _has_entry(emulator: RunningEmulator) -> bool:
    return entries_of(emulator).get(ENTRY["cidr_block"]) == ENTRY["comment"]


#: Of three connections one stays, one is changed and one is removed; two are new.
SET = [entry(0), entry(1, route_table_cidr_block=OTHER), entry(2), entry(3)]


def _has_set(emulator: RunningEmulator) -> bool:
    found = set_of(emulator)
    # What somebody has added meanwhile is not in the plan.
    return {(one["vpc_id"], one["route_table_cidr_block"]) for one in SET} <= {*found} and vpc(9) not in dict(found)


#: One stays on each cloud, and one is new on AZURE and on GCP.
CLOUDS = [entry(0), azure(0), azure(1), gcp(0), gcp(1)]


def cloud_of(entry: dict[str, Any]) -> str:
    """Return the cloud of an entry."""
    return "AWS" if "vpc_id" in entry else "AZURE" if "vnet_name" in entry else "GCP"


def _has_clouds(emulator: RunningEmulator) -> bool:
    found = names_of(emulator)
    # What somebody has added meanwhile is not in the plan.
    return {vpc(0), "vnet-0", "vnet-1", "net-0", "net-1"} <= {*found} and not {"vnet-9", "net-9"} & {*found}


#: One stays, one is new, and neither of their VPCs is allowed to connect yet; one that is not in the list is removed.
PATH = [
    {"vpc_id": vpc(number), "aws_account_id": ACCOUNT, "cidr_block": block(number), "comment": f"shop {number}"}
    for number in (0, 1)
]


def _add_path(project: Project) -> None:
    for number in (0, 9):
        add_peer(project, vpc(number), block(number))


def _has_path(emulator: RunningEmulator) -> bool:
    wanted = {(one["vpc_id"], one["cidr_block"]) for one in PATH}
    allowed = {one["cidr_block"]: one["comment"] for one in PATH}
    # What somebody has added meanwhile is not in the plan.
    return (
        wanted <= {*set_of(emulator)} and vpc(9) not in dict(set_of(emulator)) and allowed.items() <= entries_of(emulator).items()
    )


_PEER, _CONTAINER, _ACCESS = "atlas_vpc_peer", "atlas_network_container", "atlas_access_list"
_WAIT = {"wait": True, "wait_sleep": 1}
OPERATIONS = {
    "create": Operation(_PEER, PEERING, "POST", "/peers", _has_peer, reads=2),
    "nothing to do": Operation(_PEER, PEERING, "GET", "/peers", _has_peer, add_peer, writes=0, reads=2),
    "update": Operation(
        _PEER,
        {**PAIR, "route_table_cidr_block": OTHER},
        "PATCH",
        "/peers/",
        lambda emulator: [one["routeTableCidrBlock"] for one in peers_of(emulator)] == [OTHER],
        add_peer,
        reads=2,
    ),
    "recreate": Operation(
        _PEER,
        {**PEERING, "recreate": "dead"},
        "POST",
        "/peers",
        lambda emulator: [one["routeTableCidrBlock"] for one in peers_of(emulator) if one["statusName"] != "FAILED"] == [CIDR],
        _add_dead_peer,
        # The removal of the dead one, and the creation.
        writes=2,
        reads=20,
    ),
    "delete": Operation(_PEER, {**PAIR, "state": "absent"}, "DELETE", "/peers/", lambda one: not peers_of(one), add_peer),
    "wait for available": Operation(
        _PEER, {**PEERING, **_WAIT, "wait_for": "available"}, "GET", _A_PEER, _has_available, add_peer, writes=0, reads=20
    ),
    "wait until gone": Operation(
        _PEER,
        {**PAIR, **_WAIT, "state": "absent"},
        "GET",
        _A_PEER,
        lambda one: all(peer["vpcId"] != VPC for peer in one.project.list_peers()),
        add_peer,
        reads=20,
    ),
    "create on AZURE": Operation(
        _PEER, AZURE, "POST", "/peers", lambda one: networks_of(one, "AZURE") == [(VNET, GROUP)], _add_azure_container, reads=2
    ),
    "replace on AZURE": Operation(
        _PEER,
        {**AZURE, "recreate": "changed"},
        "POST",
        "/peers",
        lambda one: networks_of(one, "AZURE") == [(VNET, GROUP)],
        _add_azure_peer,
        writes=2,
        reads=20,
    ),
    "create on GCP": Operation(
        _PEER, GCP, "POST", "/peers", lambda one: networks_of(one, "GCP") == [(NETWORK, "")], _add_gcp_container, reads=2
    ),
    "delete on GCP": Operation(
        _PEER, {**GCP, "state": "absent"}, "DELETE", "/peers/", lambda one: networks_of(one, "GCP") == [], _add_gcp_peer
    ),
    "list peers": Operation("atlas_vpc_peer_info", {}, "GET", "/peers", lambda one: True, _add_peers, 0, reads=3, page_size=2),
    "set": Operation(
        "atlas_vpc_peers",
        # Pauses for the rate last no longer than that.
        {"peers": SET, "prune": True, "parallel": 1, "wait_timeout": 20},
        "POST",
        "/peers",
        _has_set,
        _add_set,
        writes=4,
        # Twice for each creation whose reply is lost.
        reads=20,
    ),
    "set on three clouds": Operation(
        "atlas_vpc_peers",
        {"peers": CLOUDS, "provider_name": "all", "prune": True, "max_deletions": 2, "parallel": 1, "wait_timeout": 20},
        "POST",
        "/peers",
        _has_clouds,
        _add_clouds,
        writes=4,
        # A list for each cloud, and twice for each creation whose reply is lost.
        reads=40,
    ),
    "both sides": Operation(
        "atlas_peering",
        # AWS's half is for others.
        {"connections": PATH, "aws": False, "prune": True, "parallel": 1, "wait_timeout": 20, "wait_sleep": 1},
        "POST",
        "/peers",
        _has_path,
        _add_path,
        # The connections, and the access list.
        writes=3,
        reads=40,
    ),
    "create container": Operation(
        _CONTAINER,
        {"region_name": REGION, "atlas_cidr_block": BLOCK},
        "POST",
        "/containers",
        lambda one: regions_of(one) == [ATLAS_REGION],
    ),
    "delete container": Operation(
        _CONTAINER,
        {"region_name": REGION, "state": "absent"},
        "DELETE",
        "/containers/",
        lambda one: regions_of(one) == [],
        _add_container,
        reads=2,
    ),
    "create container on GCP": Operation(
        _CONTAINER,
        {"regions": ["europe-west3", "europe-west4"], "atlas_cidr_block": BLOCK},
        "POST",
        "/containers",
        lambda one: blocks_of(one, "GCP") == [BLOCK],
    ),
    "change container on GCP": Operation(
        _CONTAINER,
        {"regions": ["europe-west3", "europe-west4"], "atlas_cidr_block": BLOCK},
        "PATCH",
        "/containers/",
        lambda one: blocks_of(one, "GCP") == [BLOCK],
        _add_gcp_container,
        reads=2,
    ),
    "delete container on AZURE": Operation(
        _CONTAINER,
        {"provider_name": "AZURE", "region_name": "northeurope", "state": "absent"},
        "DELETE",
        "/containers/",
        lambda one: blocks_of(one, "AZURE") == [],
        _add_azure_container,
        reads=2,
    ),
    "enable custom DNS": Operation(
        "atlas_custom_dns", {"enabled": True}, "PATCH", "/awsCustomDNS", lambda emulator: emulator.project.custom_dns
    ),
    "add access": Operation(_ACCESS, {"entries": [ENTRY]}, "POST", "/accessList", _has_entry),
    "remove access": Operation(
        _ACCESS,
        {"entries": [{"cidr_block": ENTRY["cidr_block"]}], "state": "absent"},
        "DELETE",
        "/accessList/",
        lambda one: ENTRY["cidr_block"] not in entries_of(one),
        _add_entry,
    ),
    "prune access": Operation(
        _ACCESS,
        {"entries": [ENTRY], "prune": True, "wait_sleep": 1},
        "DELETE",
        "/accessList/",
        # What somebody has added meanwhile is not in the plan.
        lambda one: _has_entry(one) and OTHER not in entries_of(one),
        _add_entries,
        # The list, and the status of the declared entry.
        reads=20,
    ),
}


def prepared(emulator: RunningEmulator, operation: Operation) -> None:
    """Bring an emulator to where an operation starts from."""
    emulator.project = Project(emulator.settings, SteppingClock())
    emulator.reset()
    with emulator.project.now() as project:
        operation.prepare(project)
