"""Runs atlas_vpc_peer_check in the test's own process, on an emulator of Atlas and on moto, with VPCs that are connected."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.run import execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_check import OPERATION
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.accepter_site import owner
from ansible_collections.cloudpeer.atlas.tests.support.aws import USER_ACCOUNT, Account
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import Front
from ansible_collections.cloudpeer.atlas.tests.support.role_site import ATLAS_ACCOUNT, ATLAS_BLOCK, BLOCK, Site

#: Each setting of a task's options for AWS, by the names that accounts of the tests have for it.
_KEYS = {
    "aws_access_key": "aws_access_key_id",
    "aws_secret_key": "aws_secret_access_key",
    "aws_session_token": "aws_session_token",
}


@dataclass
class Done:
    """What came out of a task."""

    result: dict[str, Any]
    warnings: list[str]
    secrets: set[str] = field(default_factory=set)

    @property
    def msg(self) -> str:
        """The message of a failure; empty if it is none."""
        return str(self.result.get("msg", ""))

    @property
    def check(self) -> Any:
        """The whole of `peering_check`."""
        return self.result["peering_check"]

    @property
    def connection(self) -> Any:
        """The only connection."""
        (connection,) = self.check["connections"]
        return connection

    @property
    def found(self) -> dict[str, str]:
        """What is wrong, or not known, of the only connection: `{"P601": "fail"}`."""
        wrong = [one for one in self.connection["checks"] if one["severity"] in ("fail", "warn", "unknown")]
        return {one["code"]: one["severity"] for one in sorted(wrong, key=lambda one: one["severity"], reverse=True)}

    def finding(self, code: str) -> Any:
        """Return the first finding of a check on the only connection."""
        return next(one for one in self.connection["checks"] if one["code"] == code)

    @property
    def calls(self) -> list[str]:
        """The requests, sorted: those to Atlas with their path in the project, and without those that only got a nonce."""
        sent = [one["path"] for one in self.result["api_calls"] if one["status"] != HTTPStatus.UNAUTHORIZED]
        return sorted(path.rpartition("/groups/")[2].partition("/")[2] or path for path in sent)


class Vpc(Site):
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
        Account(aws_url, ATLAS_ACCOUNT).ec2(self.region).modify_vpc_peering_connection_options(
            VpcPeeringConnectionId=connection, RequesterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True}
        )
        return connection


class CheckSite:
    """Atlas, AWS, and one VPC that is connected with a cluster.

    Args:
        emulator: Atlas, which requests connections in AWS.
        front: What stands before AWS for the task.
    """

    def __init__(self, emulator: RunningEmulator, front: Front) -> None:
        self.emulator = emulator
        self.front = front
        self.account = owner(front.upstream, USER_ACCOUNT)
        self.vpc = Vpc(emulator, self.account)
        self.connection_id = self.vpc.connect_all(front.upstream)
        self.put_cluster("shop")
        self.front.provisioning = 0

    def put_cluster(self, name: str, *regions: str, **fields: Any) -> None:
        """Put a cluster into the project."""
        where = [{"region_name": region} for region in regions or ("US_EAST_1",)]
        with self.emulator.project.now() as project:
            project.put_cluster({"name": name, "regions": where, **fields})

    @property
    def ec2(self) -> Any:
        """A client of the account, which does not come through the front."""
        return self.vpc.ec2

    def add_all_that_is_read(self) -> str:
        """Add what makes a task read all that it can, and return the id of an instance."""
        entries = [{"Cidr": "10.99.0.0/16"}]
        made = self.ec2.create_managed_prefix_list(PrefixListName="other", MaxEntries=5, AddressFamily="IPv4", Entries=entries)
        named = [{"PrefixListId": made["PrefixList"]["PrefixListId"]}]
        group = self.ec2.create_security_group(GroupName="app", Description="app", VpcId=self.vpc.vpc_id)["GroupId"]
        rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": named}
        self.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule])
        servers = [{"Key": "domain-name-servers", "Values": ["AmazonProvidedDNS"]}]
        options = self.ec2.create_dhcp_options(DhcpConfigurations=servers)["DhcpOptions"]["DhcpOptionsId"]
        self.ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=self.vpc.vpc_id)
        wanted = {"ImageId": "ami-12c6146b", "MinCount": 1, "MaxCount": 1, "SubnetId": self.vpc.subnet_id}
        return str(self.ec2.run_instances(**wanted, SecurityGroupIds=[group])["Instances"][0]["InstanceId"])

    def credentials(self, account: Account | None = None) -> dict[str, str]:
        """Return the options for AWS of an account."""
        keys = (account or self.account).keys
        return {option: keys[name] for option, name in _KEYS.items()}

    def run(self, *, check_mode: bool = False, **options: Any) -> Done:
        """Run a task with these options (None leaves one out) beside those for the clouds; nothing may be written in any case."""
        usual = {
            "base_url": self.emulator.base_url,
            "group_id": self.emulator.settings.group_id,
            "public_key": self.emulator.settings.public_key,
            "private_key": self.emulator.settings.private_key,
            "retries": 0,
            "aws_endpoint_url": self.front.url,
            **self.credentials(),
        }
        given = {name: value for name, value in {**usual, **options}.items() if value is not None}
        checked = ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate(given)
        assert checked.error_messages == []
        self.front.forget()
        self.emulator.requests.clear()
        outcome = execute(OPERATION, checked.validated_parameters, check_mode=check_mode)
        done = Done(outcome.to_result(diff=True, verbosity=2), outcome.warnings, outcome.secrets)
        assert "exception" not in done.result, done.result["exception"]
        assert not done.result["changed"]
        assert self.front.writes == []
        assert [one for one in self.emulator.requests.entries() if one["method"] != "GET"] == []
        shown = json.dumps([done.result, done.warnings])
        assert not [one for one in (*self.account.keys.values(), self.emulator.settings.private_key) if one in shown]
        return done


__all__ = ("ATLAS_BLOCK", "CheckSite", "Done", "Vpc")
