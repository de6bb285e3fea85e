"""Declared lists for tests: their entries, running them, and what must hold of every result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peers import OPERATION
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import parse_rules
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, Atlas, Done

Entries = Sequence[dict[str, Any]]
#: What an entry comes to.
_OF_ENTRIES = ("created", "updated", "recreated", "unchanged", "failed")
DIRECTORY, SUBSCRIPTION = "2a9b7c1e-0000-4000-8000-00000000000d", "2a9b7c1e-0000-4000-8000-00000000000e"
PROJECT = "my-sample-project-191923"
#: The result field that tells the connections of `entry`, `azure` and `gcp` apart, and what it is called by Atlas.
NAMES = {
    "AWS": ("vpc_id", "vpcId"),
    "AZURE": ("vnet_name", "vnetName"),
    "GCP": ("network_name", "networkName"),
}
#: The containers on the other clouds than AWS, as a POST makes them.
CONTAINERS: Sequence[dict[str, Any]] = (
    {"providerName": "AZURE", "region": "EUROPE_NORTH", "atlasCidrBlock": "192.168.240.0/21"},
    {"providerName": "GCP", "atlasCidrBlock": "10.8.0.0/18"},
)
#: A look by a key: the challenge, and the list. Before something is created or changed, the containers are read as well.
LOOK = [("GET", 401), ("GET", 200)]
LOOK_TO_WRITE = [*LOOK, ("GET", 200)]


def vpc(number: int) -> str:
    """Return the id of a VPC."""
    return f"vpc-{number:017x}"


def block(number: int) -> str:
    """Return the block of a VPC."""
    return f"10.{100 + number}.0.0/16"


def entry(number: int, **fields: Any) -> dict[str, Any]:
    """Return the entry of a VPC of its own, with a block of its own."""
    return {"vpc_id": vpc(number), "aws_account_id": ACCOUNT, "route_table_cidr_block": block(number), **fields}


def azure(number: int, **fields: Any) -> dict[str, Any]:
    """Return the entry of a VNet of its own."""
    vnet = {"azure_directory_id": DIRECTORY, "azure_subscription_id": SUBSCRIPTION, "resource_group_name": "network"}
    return {**vnet, "vnet_name": f"vnet-{number}", **fields}


def gcp(number: int, **fields: Any) -> dict[str, Any]:
    """Return the entry of a VPC network of its own on GCP."""
    return {"gcp_project_id": PROJECT, "network_name": f"net-{number}", **fields}


def add_clouds(atlas: Atlas) -> dict[str, str]:
    """Make a container on AZURE and one on GCP, and return the ids of all three by the names of the clouds."""
    with atlas.emulator.project.now() as project:
        made = {body["providerName"]: project.containers.create(body).id for body in CONTAINERS}
    return {"AWS": atlas.container_id, **made}


def alive(atlas: Atlas, provider: str) -> set[str]:
    """Return the names of the networks whose connections with a cloud are not being removed."""
    with atlas.emulator.project.now() as project:
        return {peer.fields[NAMES[provider][1]] for peer in project.peers.of(provider) if not peer.deleting}


def of_cloud(atlas: Atlas, provider: str, name: str) -> str:
    """Return the id of the connection of a network that is not being removed."""
    with atlas.emulator.project.now() as project:
        found = [peer for peer in project.peers.of(provider) if not peer.deleting]
        return next(peer.id for peer in found if peer.fields[NAMES[provider][1]] == name)


def entries(*numbers: int) -> list[dict[str, Any]]:
    """Return as many entries, from 0; from one number to another for two."""
    return [entry(number) for number in range(*numbers)]


def apply(atlas: Atlas, peers: Entries, **options: Any) -> Done:
    """Run the module on a list, and check what must hold of every result."""
    done = atlas.run(OPERATION, peers=list(peers), **options)
    check(done, len(peers))
    return done


def check(done: Done, count: int) -> None:
    """Check what must hold of every result of a list with so many entries."""
    result = done.result
    if "summary" not in result:
        assert done.failed
        assert not done.changed
        return
    assert sum(result["summary"][name] for name in _OF_ENTRIES) == len(result["vpc_peers"]) == count
    actions, failures = result["actions"], result["failures"]
    for name, action in (("created", "create"), ("updated", "update"), ("recreated", "recreate")):
        failed = {one["index"] for one in failures}
        assert result["summary"][name] == sum(one["action"] == action and one["index"] not in failed for one in actions)
    assert result["summary"]["deleted"] == sum(one["index"] is None for one in actions)
    assert len({one["index"] for one in failures if one["index"] is not None}) == result["summary"]["failed"]
    pruned = [one["id"] for one in result["pruned"]]
    assert len(set(pruned)) == len(pruned)
    places = [count if one["index"] is None else one["index"] for one in actions]
    assert places == sorted(places)
    assert bool(failures) <= done.failed
    # What ends the whole task is told alone.
    assert all(one["msg"] in done.msg for one in failures) or not any(one["msg"] in done.msg for one in failures)


def sums(done: Done) -> dict[str, int]:
    """Return those numbers of the summary that are not 0."""
    return {name: number for name, number in done.result["summary"].items() if number}


def actions(done: Done) -> list[tuple[str, int | None]]:
    """Return the actions, each with the index of its entry."""
    return [(one["action"], one["index"]) for one in done.result["actions"]]


def failures(done: Done) -> dict[int | None, str]:
    """Return the messages of the failures by the index of the entry."""
    return {one["index"]: one["msg"] for one in done.result["failures"]}


def pruned(done: Done) -> set[str]:
    """Return the VPCs whose connections were pruned."""
    return {one["vpc_id"] for one in done.result["pruned"]}


def there(atlas: Atlas) -> dict[str, str]:
    """Return the blocks of the connections that are not being removed, by their VPCs."""
    return {one["vpcId"]: one["routeTableCidrBlock"] for one in atlas.peers() if one["statusName"] != "TERMINATING"}


def fault(atlas: Atlas, method: str, kind: str, *, skip: int = 0, times: int | None = 1, **parameters: Any) -> None:
    """Let something go wrong with requests with a method, as the emulator's rules say."""
    rule: dict[str, Any] = {"method": method, "authenticated": True, "skip": skip, "fault": {"kind": kind, **parameters}}
    atlas.emulator.faults.add(parse_rules({**rule, "times": times} if times else rule))


def id_of(atlas: Atlas, number: int) -> str:
    """Return the id of the connection of a VPC."""
    return next(str(one["id"]) for one in atlas.peers() if one["vpcId"] == vpc(number) and one["statusName"] != "TERMINATING")


def forget(atlas: Atlas) -> None:
    """Forget the requests so far."""
    atlas.emulator.requests.clear()
    atlas.clock.pauses.clear()
    atlas.lines.clear()
