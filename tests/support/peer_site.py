"""Peering connections on AZURE and GCP in the emulator: the options for one, its container, and what befalls it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.emulator.azure import Rule

from .harness import Atlas, Site

DIRECTORY = "2a9b7c1e-0000-4000-8000-00000000000d"
SUBSCRIPTION = "2a9b7c1e-0000-4000-8000-0000000000ab"
GROUP, VNET = "prod-net", "prod-vnet"
VNET_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/virtualNetworks/{VNET}"
PROJECT, NETWORK = "my-sample-project-191923", "prod-net"
AZURE = {"azure_directory_id": DIRECTORY, "azure_subscription_id": SUBSCRIPTION, "resource_group_name": GROUP, "vnet_name": VNET}
GCP = {"gcp_project_id": PROJECT, "network_name": NETWORK}


@dataclass
class PeerSite(Site):
    """A project with a container on one cloud, and an emulator on the test's clock.

    Attributes:
        atlas: The emulator.
        options: Options for a connection.
        container: The container as the API creates it.
    """

    atlas: Atlas
    cloud: str
    options: dict[str, Any]
    container: dict[str, Any]

    def __post_init__(self) -> None:
        """Make the container."""
        self.emulator, self.clock, self.lines = self.atlas.emulator, self.atlas.clock, self.atlas.lines
        self.container_id = self.make_container()

    @property
    def usual(self) -> dict[str, Any]:
        return {**self.atlas.usual, **self.options}

    @property
    def other(self) -> dict[str, Any]:
        """Options for a connection with another network."""
        name = "vnet_name" if self.cloud == "AZURE" else "network_name"
        return {**self.options, name: "other-net"}

    def make_container(self, **body: Any) -> str:
        return self.create_container(**{"providerName": self.cloud, **self.container, **body})

    def add_twin(self) -> str:
        """Make another container on AZURE with the block of the first one, in westeurope, and return its id."""
        with self.emulator.project.now() as project:
            twin = replace(project.containers.get(self.container_id), id="5356823b3794dee37132bbaa", region="EUROPE_WEST")
            project.containers.put_first(twin)
            return str(twin.id)

    def create(self, **options: Any) -> str:
        """Make a connection that works, forget how, and return its id."""
        done = self.run(**options)
        assert not done.failed, done.msg
        self.live()
        self.emulator.requests.clear()
        return str(done.peer["id"])

    def live(self) -> None:
        """Let the time pass, and the customer do what is asked of them."""
        self.clock.sleep(2)
        with self.emulator.project.now() as project:
            for peer in project.peers:
                project.peers.accept(peer)

    def role(self, *, given: bool = True, seconds: float = 0.0, **more: Any) -> None:
        """Say what Atlas knows of its role on VNets."""
        with self.emulator.project.now() as project:
            project.outside.roles.put(None, Rule(given, seconds, **more))

    def peers(self) -> list[Any]:
        """Return all connections of the cloud, as the API shows them."""
        return self.peers_of(self.cloud)

    def requests(self) -> list[str]:
        """Return the requests that were let in, each as its method and the last part of its path."""
        entries = self.emulator.requests.entries()
        return [f"{one['method']} {one['path'].rpartition('/')[2]}" for one in entries if one["status"] != 401]


def azure_site(atlas: Atlas) -> PeerSite:
    return PeerSite(atlas, "AZURE", AZURE, {"region": "EUROPE_NORTH", "atlasCidrBlock": "10.8.0.0/21"})


def gcp_site(atlas: Atlas) -> PeerSite:
    return PeerSite(atlas, "GCP", GCP, {"atlasCidrBlock": "10.8.0.0/18"})
