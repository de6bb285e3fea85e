"""Runs atlas_vpc_peer_accepter in the test's own process, on a VPC for which Atlas has requested a connection."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import boto as _aws_boto
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import session as _aws_session
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.rate import RateGovernor
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_accepter import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.aws import USER_ACCOUNT, Account, Aws
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import Front
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done, FakeClock, Site

ATLAS_ACCOUNT = "222222222222"
REGION = "us-east-1"
BLOCK = "10.15.0.0/16"
ATLAS_BLOCK = "192.168.248.0/21"
GROUP = "5356823b3794dee37132bb7b"


_send = _aws_boto.Clients.send


class Owner(Account):
    """An account whose clients are kept: to make one takes longer than all that a test asks it."""

    def __init__(self, url: str, account_id: str) -> None:
        super().__init__(url, account_id)
        self._clients: dict[str, Any] = {}

    def ec2(self, region: str = REGION) -> Any:
        if region not in self._clients:
            self._clients[region] = super().ec2(region)
        return self._clients[region]


@cache
def owner(url: str, account_id: str) -> Owner:
    """Return an account of an AWS: the same one each time."""
    return Owner(url, account_id)


@dataclass
class AwsSite(Site):
    """A VPC, and the request of Atlas for it.

    Attributes:
        front: What stands before moto.
        vpc_id: The VPC.
        tables: Its route tables, the main one first.
        connection_id: The connection that Atlas has requested.
        given: When each request was sent, for which action, and how many seconds it was given.
    """

    aws: Aws
    front: Front
    clock: FakeClock
    lines: list[str] = field(default_factory=list)
    given: list[tuple[float, str, float]] = field(default_factory=list)
    atlas_block: str = ATLAS_BLOCK

    operation = OPERATION

    def __post_init__(self) -> None:
        self.account, self.atlas = owner(self.aws.url, USER_ACCOUNT), owner(self.aws.url, ATLAS_ACCOUNT)
        self.ec2 = self.account.ec2(REGION)
        self.vpc_id = self.account.make_vpc(BLOCK, REGION)
        self.ec2.create_route_table(VpcId=self.vpc_id)
        self.atlas_vpc_id = self.atlas.make_vpc(self.atlas_block, REGION)
        self.connection_id = self.request()

    @property
    def tables(self) -> list[str]:
        found = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc_id]}])["RouteTables"]
        found.sort(key=lambda one: not any(association["Main"] for association in one["Associations"]))
        return [one["RouteTableId"] for one in found]

    def request(self, vpc_id: str | None = None, block: str | None = None) -> str:
        """Let Atlas request another connection with the VPC."""
        theirs = self.atlas.make_vpc(block, REGION) if block else self.atlas_vpc_id
        made = self.atlas.ec2(REGION).create_vpc_peering_connection(
            VpcId=theirs, PeerVpcId=vpc_id or self.vpc_id, PeerOwnerId=self.account.id, PeerRegion=REGION
        )
        return str(made["VpcPeeringConnection"]["VpcPeeringConnectionId"])

    def accept(self, connection_id: str | None = None) -> None:
        """Accept as somebody else would."""
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=connection_id or self.connection_id)

    def route(self, table_id: str, block: str = ATLAS_BLOCK, **target: str) -> None:
        """Make a route; to the connection, if nothing else is said."""
        target = target or {"VpcPeeringConnectionId": self.connection_id}
        self.ec2.create_route(RouteTableId=table_id, DestinationCidrBlock=block, **target)

    def route_to_former(self, table_id: str, status: str | None = "deleted") -> str:
        """Make a route to another connection, which then has this status or (None) is unknown to AWS, and return its id."""
        former = self.request()
        self.route(table_id, VpcPeeringConnectionId=former)
        if status is None:
            self.front.hidden[former] = 1000
        else:
            self.front.status[former] = (status, "")
        return former

    def add_table(self, vpc_id: str | None = None) -> str:
        """Make a route table and return its id."""
        return str(self.ec2.create_route_table(VpcId=vpc_id or self.vpc_id)["RouteTable"]["RouteTableId"])

    def delete_route(self, table_id: str, block: str = ATLAS_BLOCK) -> None:
        self.ec2.delete_route(RouteTableId=table_id, DestinationCidrBlock=block)

    def add_gateway(self) -> str:
        """Make an internet gateway for the VPC and return its id."""
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc_id)
        return str(gateway)

    def targets(self, block: str = ATLAS_BLOCK) -> dict[str, str]:
        """Where each table leads, as AWS itself says."""
        found = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc_id]}])["RouteTables"]
        return {
            table["RouteTableId"]: next(str(value) for key, value in route.items() if key.endswith("Id"))
            for table in found
            for route in table["Routes"]
            if route.get("DestinationCidrBlock") == block
        }

    def state(self) -> Any:
        """All that a task could change, as moto has it."""
        filters = [{"Name": "vpc-id", "Values": [self.vpc_id]}]
        tables = self.ec2.describe_route_tables(Filters=filters)["RouteTables"]
        attributes = [
            self.ec2.describe_vpc_attribute(VpcId=self.vpc_id, Attribute=one)[one[0].upper() + one[1:]]["Value"]
            for one in ("enableDnsSupport", "enableDnsHostnames")
        ]
        return copy.deepcopy((tables, attributes, self.account.connections(REGION)))

    @property
    def private(self) -> list[str]:
        return self.account.secrets

    @property
    def options(self) -> dict[str, Any]:
        """The options that say where AWS is, and as whom."""
        return {
            "region": REGION,
            "access_key": self.account.keys["aws_access_key_id"],
            "secret_key": self.account.keys["aws_secret_access_key"],
            "session_token": self.account.keys["aws_session_token"],
            "endpoint_url": self.front.url,
        }

    @property
    def usual(self) -> dict[str, Any]:
        blocks = {"atlas_cidr_block": ATLAS_BLOCK, "atlas_aws_account_ids": [ATLAS_ACCOUNT]}
        return {**self.options, **blocks, "connection_id": self.connection_id, "dns": "ignore"}

    def forget(self) -> None:
        self.front.forget()

    def on_clock(self, operation: Any, patch: pytest.MonkeyPatch) -> Any:
        patch.setattr(_aws_session, "RateGovernor", partial(RateGovernor, self.clock, self.clock.sleep))
        patch.setattr(_aws_boto.Clients, "send", self._sending())
        return operation

    def _sending(self) -> Any:
        """Return how clients send: moto gets as long as it takes, for the seconds that are left are on the clock of the test."""

        def send(clients: Any, service: str, action: str, seconds: float, parameters: Any) -> Any:
            self.given.append((self.clock.now, action, seconds))
            return _send(clients, service, action, _aws_boto.READ_SECONDS, parameters)

        return send

    def run(self, task: Any = None, **options: Any) -> Done:
        """Run a task; see `Site`. A failure has all its fields."""
        done = super().run(task, **options)
        if done.failed:
            assert {"msg", "http_status", "error_code", "detail"} <= done.result.keys()
        return done

    def refused(self, match: str, **options: Any) -> Done:
        """Run a task that must be refused, in check mode and for real; return what came of it."""
        before = self.state()
        for check_mode in (True, False):
            done = self.run(check_mode=check_mode, **options)
            assert done.failed, done.result
            assert match in done.msg
            assert not done.changed
            assert self.front.writes == []
            assert self.state() == before
        return done
