"""Runs the check against the emulator of Atlas and the stand-ins, with what azure.azcollection would have returned of Azure's."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.run import execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_check import OPERATION
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    ATLAS_BLOCK,
    DIRECTORY,
    GCP_BLOCK,
    GCP_PROJECT,
    GROUP,
    NETWORK,
    SUBSCRIPTION,
    VNET,
    VNET_BLOCK,
    vnet_peering_reply,
    vnet_reply,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_site import Done

MINE = (GCP_PROJECT, NETWORK)
GCP_ATLAS_BLOCK = "10.8.0.0/18"
AZURE_FIELDS = {
    "azureDirectoryId": DIRECTORY,
    "azureSubscriptionId": SUBSCRIPTION,
    "resourceGroupName": GROUP,
    "vnetName": VNET,
}
GCP_FIELDS = {"gcpProjectId": GCP_PROJECT, "networkName": NETWORK}
#: How long the emulator may take until a connection is where it should be.
SECONDS = 20.0


@dataclass
class CloudsSite:
    """A project with a cluster on AZURE and one on GCP, each with a network that is connected.

    Attributes:
        vnet_peerings, virtual_networks: What azure.azcollection has returned, of what the stand-in has after Atlas's part.
    """

    emulator: RunningEmulator
    clouds: RunningClouds
    vnet_peerings: list[dict[str, Any]] = field(default_factory=list)
    virtual_networks: list[dict[str, Any]] = field(default_factory=lambda: [vnet_reply()])

    def __post_init__(self) -> None:
        """Connect both."""
        self.clouds.azure.add_vnet(SUBSCRIPTION, GROUP, VNET, [VNET_BLOCK])
        self.clouds.azure.add_role(SUBSCRIPTION, GROUP, VNET)
        self.clouds.gcp.add_network(*MINE)
        self.clouds.gcp.add_network(GCP_PROJECT, "default")
        self.token = str(self.clouds.tokens.issue()["access_token"])
        self.azure_id = self._connect({"providerName": "AZURE", "region": "US_EAST_2"}, ATLAS_BLOCK, AZURE_FIELDS)
        self.gcp_id = self._connect({"providerName": "GCP"}, GCP_ATLAS_BLOCK, GCP_FIELDS)
        self.put_cluster("azure", "AZURE", "US_EAST_2")
        self.put_cluster("gcp", "GCP", "CENTRAL_US", "WESTERN_EUROPE")
        self.allow(VNET_BLOCK, GCP_BLOCK)
        self.wait_for(self.azure_id, "AVAILABLE")
        (shown,) = self.clouds.azure.list_peerings(SUBSCRIPTION, GROUP, VNET)["value"]
        self.vnet_peerings.append(to_info(shown))
        self.wait_for(self.gcp_id, "WAITING_FOR_USER")
        container = self.emulator.project.find_peer(self.gcp_id)["containerId"]
        with self.emulator.project.now() as project:
            shown = project.containers.get(container).to_json()
        self.atlas = (str(shown["gcpProjectId"]), str(shown["networkName"]))
        self.add_mirror(NETWORK)
        self.wait_for(self.gcp_id, "AVAILABLE")

    def _connect(self, container: dict[str, str], block: str, fields: dict[str, str]) -> str:
        with self.emulator.project.now() as project:
            made = project.containers.create({**container, "atlasCidrBlock": block})
            body = {"providerName": container["providerName"], "containerId": made.id, **fields}
            return str(project.create_peer(body, needs_container=True).id)

    def wait_for(self, peer_id: str, status: str) -> None:
        """Wait until a connection is in a state."""
        end = time.monotonic() + SECONDS
        while (found := self.emulator.project.find_peer(peer_id)["status"]) != status:
            assert time.monotonic() < end, found
            time.sleep(0.02)

    def put_cluster(self, name: str, provider: str, *regions: str, **fields: Any) -> None:
        """Put a cluster into the project."""
        where = [{"provider_name": provider, "region_name": region} for region in regions]
        with self.emulator.project.now() as project:
            project.put_cluster({"name": name, "regions": where, **fields})

    def allow(self, *blocks: str) -> None:
        """Let blocks in, and nobody else."""
        with self.emulator.project.now() as project:
            for entry in list(project.access_list):
                project.access_list.delete(entry)
            project.add_access([{"cidrBlock": block} for block in blocks])

    def fail(self, peer_id: str, reason: str) -> None:
        """Let a connection fail."""
        with self.emulator.project.now() as project:
            assert project.peers.fail(project.peers.get(peer_id), reason, only_waiting=False)

    def add_mirror(self, network: str) -> None:
        """Make the customer's half on a network."""
        self.clouds.gcp.add_peering(GCP_PROJECT, network, f"atlas-{self.atlas[1]}", self.atlas)

    def remove_mirror(self, network: str = NETWORK) -> None:
        """Remove the customer's half."""
        self.clouds.gcp.remove_peering(GCP_PROJECT, network, f"atlas-{self.atlas[1]}")

    def run(self, **options: Any) -> Done:
        """Run a task with these options (None leaves one out) beside those for the clouds; nothing may be written in any case."""
        usual = {
            "base_url": self.emulator.base_url,
            "group_id": self.emulator.settings.group_id,
            "public_key": self.emulator.settings.public_key,
            "private_key": self.emulator.settings.private_key,
            "retries": 0,
            "provider_name": "all",
            "aws": False,
            "gcp_access_token": self.token,
            "vnet_peerings": self.vnet_peerings,
            "virtual_networks": self.virtual_networks,
        }
        given = {name: value for name, value in {**usual, **options}.items() if value is not None}
        checked = ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate(given)
        assert checked.error_messages == []
        self.clouds.gcp.requests.clear()
        self.emulator.requests.clear()
        outcome = execute(OPERATION, checked.validated_parameters, check_mode=False)
        done = Done(outcome.to_result(diff=True, verbosity=2), outcome.warnings, outcome.secrets)
        assert "exception" not in done.result, done.result["exception"]
        assert not done.result["changed"]
        assert [one for one in self.clouds.gcp.requests if one[0] != "GET"] == []
        assert [one for one in self.emulator.requests.entries() if one["method"] != "GET"] == []
        shown = json.dumps([done.result, done.warnings])
        assert not [one for one in (self.token, self.emulator.settings.private_key) if one in shown]
        return done

    def run_azure(self, **options: Any) -> Done:
        """Check the connection with the VNet alone."""
        return self.run(**{"provider_name": "AZURE", **options})

    def run_gcp(self, **options: Any) -> Done:
        """Check the connection with the VPC network alone, whose clients are in one block."""
        entry = {"gcp_project_id": GCP_PROJECT, "network_name": NETWORK, "cidr_block": GCP_BLOCK}
        return self.run(**{"provider_name": None, "connections": [entry], **options})


def to_info(shown: dict[str, Any]) -> dict[str, Any]:
    """Return a peering of Azure's API as azure_rm_virtualnetworkpeering_info returns it."""
    properties = shown["properties"]
    return vnet_peering_reply(
        id=shown["id"],
        name=shown["name"],
        remote_virtual_network=properties["remoteVirtualNetwork"]["id"],
        remote_address_space={"address_prefixes": properties["remoteAddressSpace"]["addressPrefixes"]},
        peering_state=properties["peeringState"],
        peering_sync_level=properties["peeringSyncLevel"],
    )


def atlas_calls(done: Done) -> list[str]:
    """Return the requests to Atlas, sorted, without those that only got a nonce."""
    sent = [
        one["path"] for one in done.result["api_calls"] if one["status"] != HTTPStatus.UNAUTHORIZED and "/groups/" in one["path"]
    ]
    return sorted(path.rpartition("/groups/")[2].partition("/")[2] for path in sent)
