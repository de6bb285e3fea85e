"""Runs atlas_vpc_peer_check in the test's own process on an emulator of Atlas and on a cloud where a network is connected.

That is moto for AWS, a stand-in for GCP, and what azure.azcollection would have returned of AZURE's stand-in.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import rate as _aws_rate
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.rate import RateGovernor
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_check import OPERATION
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.aws import USER_ACCOUNT, Account, owner
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import Front
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
    vnet_peering_reply,
    vnet_reply,
)
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done, FakeClock, Site
from ansible_collections.cloudpeer.atlas.tests.support.role_site import ATLAS_ACCOUNT, BLOCK, Vpc

MINE = (GCP_PROJECT, NETWORK)
MY_VNET = (SUBSCRIPTION, GROUP, VNET)
GCP_ATLAS_BLOCK = "10.8.0.0/18"
AZURE_FIELDS = {"azureDirectoryId": DIRECTORY, "azureSubscriptionId": SUBSCRIPTION, "resourceGroupName": GROUP, "vnetName": VNET}
GCP_FIELDS = {"gcpProjectId": GCP_PROJECT, "networkName": NETWORK}
#: How long the emulator may take until a connection is where it should be.
SECONDS = 20.0
#: Each setting of a task's options for AWS, by the names that accounts of the tests have for it.
_KEYS = {
    "aws_access_key": "aws_access_key_id",
    "aws_secret_key": "aws_secret_access_key",
    "aws_session_token": "aws_session_token",
}


class CheckedVpc(Vpc):
    """A VPC with a subnet, in which names resolve, and what the two clouds have of it."""

    account: Account

    def __init__(self, emulator: RunningEmulator, account: Account, region: str = "us-east-1", block: str = BLOCK) -> None:
        super().__init__(emulator, account, region, block)
        self.ec2.modify_vpc_attribute(VpcId=self.vpc_id, EnableDnsHostnames={"Value": True})
        self.subnet_id = self.add_subnet(block.replace(".0.0/16", ".1.0/24"))

    def add_subnet(self, block: str) -> str:
        """Add a subnet and return its id."""
        return str(self.ec2.create_subnet(VpcId=self.vpc_id, CidrBlock=block)["Subnet"]["SubnetId"])

    def connect_all(self, aws_url: str) -> str:
        """Do all that the role does, and what Atlas does on its side; return the id of the connection in AWS."""
        connection = self.connect()
        owner(aws_url, ATLAS_ACCOUNT).ec2(self.region).modify_vpc_peering_connection_options(
            VpcPeeringConnectionId=connection, RequesterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True}
        )
        return connection


class ReadingSite(Site):
    """Where atlas_vpc_peer_check runs: whatever a task finds, it writes nothing."""

    operation = OPERATION

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator, self.clock, self.lines = emulator, FakeClock(), []

    @property
    def usual(self) -> dict[str, Any]:
        return {**super().usual, "retries": 0}

    def cloud_writes(self) -> list[Any]:
        """Return the requests of the last task that change something in a cloud."""
        raise NotImplementedError

    def allow(self, *entries: dict[str, str] | str) -> None:
        """Let these in, and no others: blocks, or what Atlas is sent. They are in force, however quick the next task is."""
        with self.emulator.project.now() as project:
            for entry in list(project.access_list):
                project.access_list.delete(entry)
            project.add_access([{"cidrBlock": one} if isinstance(one, str) else one for one in entries])
            for entry in project.access_list:
                entry.fixed_status = "ACTIVE"

    def run(self, task: Any = None, **options: Any) -> Done:
        """Run a task; see `Site`."""
        done = super().run(task, verbosity=2, **options)
        assert not done.result["changed"]
        assert self.cloud_writes() == []
        assert [one for one in self.emulator.requests.entries() if one["method"] != "GET"] == []
        return done


class CheckSite(ReadingSite):
    """Atlas, AWS, and one VPC that is connected with a cluster.

    Args:
        emulator: Atlas, which requests connections in AWS.
        front: What stands before AWS for the task.
    """

    def __init__(self, emulator: RunningEmulator, front: Front) -> None:
        super().__init__(emulator)
        self.front = front
        self.account = owner(front.upstream, USER_ACCOUNT)
        self.vpc = CheckedVpc(emulator, self.account)
        self.connection_id = self.vpc.connect_all(front.upstream)
        self.put_cluster("shop", "AWS", "US_EAST_1")
        self.front.provisioning = 0

    @property
    def ec2(self) -> Any:
        """A client of the account, which does not come through the front."""
        return self.vpc.ec2

    def add_all_that_is_read(self) -> str:
        """Add what makes a task read all that it can, and return the id of an instance."""
        entries = [{"Cidr": "10.99.0.0/16"}]
        made = self.ec2.create_managed_prefix_list(PrefixListName="other", MaxEntries=5, AddressFamily="IPv4", Entries=entries)
        named = [{"PrefixListId": made["PrefixList"]["PrefixListId"]}]
        group = self.add_group("app")
        rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": named}
        self.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule])
        # All names of the cluster are in it, whichever group id the project has.
        self.add_zone("mongodb.net", "*.mongodb.net")
        return self.add_instance(self.vpc.subnet_id, group)

    def add_group(self, name: str) -> str:
        """Add a security group, which lets everything out, and return its id."""
        return str(self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc.vpc_id)["GroupId"])

    def add_instance(self, subnet_id: str, group_id: str) -> str:
        """Start an instance and return its id."""
        wanted = {"ImageId": "ami-12c6146b", "MinCount": 1, "MaxCount": 1, "SubnetId": subnet_id, "SecurityGroupIds": [group_id]}
        return str(self.ec2.run_instances(**wanted)["Instances"][0]["InstanceId"])

    def add_interface(self, subnet_id: str, **shown: str) -> str:
        """Add an interface, of which AWS shows these fields, and return its id."""
        made = str(self.ec2.create_network_interface(SubnetId=subnet_id)["NetworkInterface"]["NetworkInterfaceId"])
        self.front.interfaces[made] = shown
        return made

    def add_zone(self, name: str, *names: str, address: str = "192.168.248.5") -> str:
        """Associate a private hosted zone with the VPC that has all of these names at an address, and return its id."""
        client = self.account.route53()
        place = {"VPCRegion": self.vpc.region, "VPCId": self.vpc.vpc_id}
        # For moto, a VPC alone does not make a zone private.
        wanted = {"Name": name, "CallerReference": name, "VPC": place, "HostedZoneConfig": {"PrivateZone": True}}
        made = client.create_hosted_zone(**wanted)["HostedZone"]["Id"]
        sets = [
            {"Name": one, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
            for one in names
            for kind, value in (("A", address), ("SRV", "0 0 27017 a.example.com"))
        ]
        if sets:
            changes = [{"Action": "CREATE", "ResourceRecordSet": one} for one in sets]
            client.change_resource_record_sets(HostedZoneId=made, ChangeBatch={"Changes": changes})
        return str(made)

    def credentials(self, account: Account | None = None) -> dict[str, str]:
        """Return the options for AWS of an account."""
        keys = (account or self.account).keys
        return {option: keys[name] for option, name in _KEYS.items()}

    @property
    def usual(self) -> dict[str, Any]:
        return {**super().usual, "aws_endpoint_url": self.front.url, **self.credentials()}

    @property
    def private(self) -> list[str]:
        return [*super().private, *self.account.secrets]

    def forget(self) -> None:
        self.front.forget()
        self.emulator.requests.clear()

    def on_clock(self, operation: Any, patch: pytest.MonkeyPatch) -> Any:
        patch.setattr(_aws_rate, "RateGovernor", partial(RateGovernor, self.clock, self.clock.sleep))
        return operation

    def cloud_writes(self) -> list[Any]:
        return self.front.writes


class CloudsSite(ReadingSite):
    """A project with a cluster on AZURE and one on GCP, each with a network that is connected.

    Attributes:
        azure: The stand-in of AZURE, whose VNet has a subnet with a network security group and a route table.
        peering: The name of Atlas's peering in it.
    """

    def __init__(self, emulator: RunningEmulator, clouds: RunningClouds) -> None:
        super().__init__(emulator)
        self.clouds, self.azure = clouds, clouds.azure
        self.azure.entra.tenant = DIRECTORY
        self.azure.add_vnet(*MY_VNET, [VNET_BLOCK])
        self.azure.add_role(*MY_VNET)
        self.azure.add_subnet(*MY_VNET, SUBNET, SUBNET_BLOCK, nsg=self.add_nsg(), table=self.add_table(("0.0.0.0/0", "Internet")))
        self.clouds.gcp.add_network(*MINE)
        self.clouds.gcp.add_network(GCP_PROJECT, "default")
        self.clouds.gcp.add_subnet(*MINE, "apps", GCP_REGION, GCP_BLOCK)
        self.token = str(self.clouds.tokens.issue()["access_token"])
        self.azure_id = self._connect({"providerName": "AZURE", "region": "US_EAST_2"}, ATLAS_BLOCK, AZURE_FIELDS)
        self.gcp_id = self._connect({"providerName": "GCP"}, GCP_ATLAS_BLOCK, GCP_FIELDS)
        self.put_cluster("azure", "AZURE", "US_EAST_2")
        self.put_cluster("gcp", "GCP", "CENTRAL_US", "WESTERN_EUROPE")
        self.allow(VNET_BLOCK, GCP_BLOCK)
        self.wait_for(self.azure_id, "AVAILABLE")
        (shown,) = self.azure.list_peerings(*MY_VNET)["value"]
        self.peering = str(shown["name"])
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

    def add_nsg(self, *rules: dict[str, Any], name: str = "nsg-apps") -> str:
        """Make or replace a network security group, and return its id."""
        return self.azure.add_nsg(SUBSCRIPTION, GROUP, name, rules)

    def add_table(self, *routes: tuple[str, str], name: str = "rt-apps", disabled: str = "None") -> str:
        """Make or replace a route table with routes, each a prefix and the type of the next hop, and return its id."""
        shown = [{"name": f"route-{index}", "addressPrefix": one, "nextHopType": hop} for index, (one, hop) in enumerate(routes)]
        return self.azure.add_route_table(SUBSCRIPTION, GROUP, name, shown, disabled)

    @property
    def atlas_vnet(self) -> str:
        """The name of Atlas's VNet."""
        container = self.emulator.project.find_peer(self.azure_id)["containerId"]
        with self.emulator.project.now() as project:
            return str(project.containers.get(container).to_json()["vnetName"])

    def set_peering(self, **fields: Any) -> None:
        """Change properties of Atlas's peering with the VNet."""
        self.azure.set_peering(*MY_VNET, self.peering, **fields)

    @property
    def azure_calls(self) -> list[str]:
        """The requests for resources in AZURE, without the part before their provider."""
        return [path.rpartition("/providers/")[2] for method, path in self.azure.requests if "/subscriptions/" in path]

    def given(self) -> dict[str, Any]:
        """Return the options that say what azure.azcollection has returned."""
        shown = self.azure.list_peerings(*MY_VNET)["value"]
        return {"vnet_peerings": [to_info(one) for one in shown], "virtual_networks": [vnet_reply()]}

    def add_mirror(self, network: str) -> None:
        """Make the customer's half on a network."""
        self.clouds.gcp.add_peering(GCP_PROJECT, network, f"atlas-{self.atlas[1]}", self.atlas)

    def remove_mirror(self, network: str = NETWORK) -> None:
        """Remove the customer's half."""
        self.clouds.gcp.remove_peering(GCP_PROJECT, network, f"atlas-{self.atlas[1]}")

    @property
    def usual(self) -> dict[str, Any]:
        signed_in = {"azure_client_id": self.azure.entra.client_id, "azure_secret": self.azure.entra.secret}
        return {**super().usual, "provider_name": "all", "aws": False, "gcp_access_token": self.token, **signed_in}

    @property
    def private(self) -> list[str]:
        issued = [str(one["token"]) for one in self.azure.entra.issued]
        return [*super().private, self.token, self.azure.entra.secret, *issued]

    def forget(self) -> None:
        self.azure.requests.clear()
        self.clouds.gcp.requests.clear()
        self.emulator.requests.clear()

    def cloud_writes(self) -> list[Any]:
        in_azure = [one for one in self.azure.requests if one[0] != "GET" and "/subscriptions/" in one[1]]
        return [*in_azure, *(one for one in self.clouds.gcp.requests if one[0] != "GET")]

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
        allow_virtual_network_access=properties["allowVirtualNetworkAccess"],
        provisioning_state=properties["provisioningState"],
    )
