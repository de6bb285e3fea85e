"""Declared lists for tests: their entries, running them, and what must hold of every result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peers import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import VpcPeers
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, Atlas, Done

Entries = Sequence[dict[str, Any]]
#: What an entry comes to.
_OF_ENTRIES = ("created", "updated", "recreated", "unchanged", "failed")
DIRECTORY, SUBSCRIPTION = "2a9b7c1e-0000-4000-8000-00000000000d", "2a9b7c1e-0000-4000-8000-00000000000e"
PROJECT = "my-sample-project-191923"
#: The result field that tells the connections of `entry`, `azure` and `gcp` apart, and what it is called by Atlas.
NAMES = {"AWS": ("vpc_id", "vpcId"), "AZURE": ("vnet_name", "vnetName"), "GCP": ("network_name", "networkName")}
#: The containers on the other clouds than AWS, as a POST makes them.
CONTAINERS: Sequence[dict[str, Any]] = (
    {"providerName": "AZURE", "region": "EUROPE_NORTH", "atlasCidrBlock": "192.168.240.0/21"},
    {"providerName": "GCP", "atlasCidrBlock": "10.8.0.0/18"},
)
#: A look at connections on AWS by a key: the challenge, their list, and that of the containers.
LOOK = [("GET", 401), ("GET", 200), ("GET", 200)]


def vpc(number: int) -> str:
    """Return the id of a VPC."""
    return f"vpc-{number:017x}"


def block(number: int) -> str:
    """Return the block of a VPC."""
    return f"10.{100 + number}.0.0/16"


def entry(number: int, **fields: Any) -> dict[str, Any]:
    """Return the entry of a VPC of its own, with a block of its own."""
    return {"vpc_id": vpc(number), "aws_account_id": ACCOUNT, "route_table_cidr_block": block(number), **fields}


def place(index: int, number: int | None = None) -> str:
    """Return what messages call the entry at a place: by default, that of the VPC with the same number."""
    return f"peers[{index}] ({ACCOUNT}/{vpc(index if number is None else number)})"


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


def entries(*numbers: int) -> list[dict[str, Any]]:
    """Return as many entries, from 0; from one number to another for two."""
    return [entry(number) for number in range(*numbers)]


@contextmanager
def sending(send: Callable[[Callable[[], Any]], Any]) -> Iterator[None]:
    """Let a function send each request for a connection, in its thread: it gets the call, and returns what that does."""

    def make(real: Any) -> Any:
        return lambda self, *arguments: send(partial(real, self, *arguments))

    with pytest.MonkeyPatch.context() as patch:
        for name in ("create_peer", "update_peer", "delete_peer"):
            patch.setattr(VpcPeers, name, make(getattr(VpcPeers, name)))
        yield


class SetSite(Atlas):
    """Runs atlas_vpc_peers, and looks at the connections by the numbers and names of their entries."""

    def apply(self, peers: Entries, **options: Any) -> Done:
        """Run the module on a list, and check what must hold of every result."""
        done = self.run(OPERATION, peers=list(peers), **options)
        check(done, len(peers))
        return done

    def there(self) -> dict[str, str]:
        """Return the blocks of the connections that are not being removed, by their VPCs."""
        return {one["vpcId"]: one["routeTableCidrBlock"] for one in self.peers() if one["statusName"] != "TERMINATING"}

    def id_of(self, number: int) -> str:
        """Return the id of the connection of a VPC."""
        found = (one for one in self.peers() if one["vpcId"] == vpc(number) and one["statusName"] != "TERMINATING")
        return str(next(found)["id"])

    def _of(self, provider: str) -> list[tuple[str, str]]:
        """Return the names of the networks whose connections are not being removed, with the ids of those."""
        with self.emulator.project.now() as project:
            return [(peer.fields[NAMES[provider][1]], peer.id) for peer in project.peers.of(provider) if not peer.deleting]

    def alive(self, provider: str) -> set[str]:
        """Return the names of the networks whose connections with a cloud are not being removed."""
        return {name for name, unused in self._of(provider)}

    def of_cloud(self, provider: str, name: str) -> str:
        """Return the id of the connection of a network that is not being removed."""
        return next(peer_id for network, peer_id in self._of(provider) if network == name)

    def clear(self) -> None:
        """Forget the requests, pauses and lines so far."""
        self.emulator.requests.clear()
        self.clock.pauses.clear()
        self.lines.clear()


def check(done: Done, count: int) -> None:
    """Check what must hold of every result of a list with so many entries."""
    result = done.result
    if "summary" not in result:
        assert done.failed
        assert not done.changed
        return
    assert sum(result["summary"][name] for name in _OF_ENTRIES) == count
    actions, failures = result["actions"], result["failures"]
    # A refusal says nothing of what is there; it leads to no action and is no failure of what was sent.
    assert [len(result[name]) for name in ("vpc_peers", "handover")] in ([count, count], [0, 0])
    assert None not in result["vpc_peers"]
    assert bool(result["vpc_peers"]) or not done.changed or count == 0
    for name, action in (("created", "create"), ("updated", "update"), ("recreated", "recreate")):
        failed = {index for one in failures for index in one["indexes"]}
        assert result["summary"][name] == sum(one["action"] == action and one["index"] not in failed for one in actions)
    assert result["summary"]["deleted"] == sum(one["index"] is None for one in actions)
    places = [index for one in failures for index in one["indexes"]]
    assert len(places) == len(set(places)) == result["summary"]["failed"]
    assert all(
        (one["index"], one["name"]) == (*(one["indexes"] or [None])[:1], *(one["names"] or [None])[:1]) for one in failures
    )
    pruned = [one["id"] for one in result["pruned"]]
    assert len(set(pruned)) == len(pruned)
    places = [count if one["index"] is None else one["index"] for one in actions]
    assert places == sorted(places)
    assert bool(failures) <= done.failed
    # What ends the whole task is told alone.
    assert all(one["msg"] in done.msg for one in failures) or not any(one["msg"] in done.msg for one in failures)
