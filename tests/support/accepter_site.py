"""Runs atlas_vpc_peer_accepter in the test's own process, on a VPC for which Atlas has requested a connection."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import boto as _aws_boto
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import session as _aws_session
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.rate import RateGovernor
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_accepter import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.aws import USER_ACCOUNT, Aws, owner
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import Front
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done, FakeClock, Site

ATLAS_ACCOUNT = "222222222222"
REGION = "us-east-1"
BLOCK = "10.15.0.0/16"
ATLAS_BLOCK = "192.168.248.0/21"
GROUP = "5356823b3794dee37132bb7b"


_send = _aws_boto.Clients.send


def target_of(route: Any) -> str:
    """Return the id of what a route leads to."""
    kinds = ("gateway", "instance", "nat_gateway", "egress_only_internet_gateway", "transit_gateway", "network_interface")
    found = (getattr(route, f"{kind}_id") for kind in (*kinds, "vpc_peering_connection", "carrier_gateway"))
    return next(str(one) for one in found if one)


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
        self.add_table()
        self.atlas_vpc_id = self.atlas.make_vpc(self.atlas_block, REGION)
        self.connection_id = self.request()

    @property
    def tables(self) -> list[str]:
        return [one.id for one in self.account.tables(self.vpc_id)]

    def request(self, vpc_id: str | None = None, block: str | None = None) -> str:
        """Let Atlas request another connection with the VPC."""
        theirs = self.atlas.make_vpc(block, REGION) if block else self.atlas_vpc_id
        return self.aws.request(self.atlas.id, theirs, {vpc_id or self.vpc_id: self.account.id}, REGION)[0]

    def accept(self, connection_id: str | None = None) -> None:
        """Accept as somebody else would."""
        self.account.backend().accept_vpc_peering_connection(connection_id or self.connection_id)

    def route(self, table_id: str, block: str = ATLAS_BLOCK, **target: str) -> None:
        """Make a route; to the connection, if nothing else is said."""
        if target:
            self.ec2.create_route(RouteTableId=table_id, DestinationCidrBlock=block, **target)
        else:
            self.account.backend().create_route(table_id, block, vpc_peering_connection_id=self.connection_id)

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
        """Make a route table with a subnet and return its id."""
        return self.account.add_table(vpc_id or self.vpc_id)

    def add_idle_table(self) -> str:
        """Make a route table that no subnet uses and return its id."""
        return str(self.account.backend().create_route_table(self.vpc_id).id)

    def delete_table(self, table_id: str) -> None:
        """Delete a route table; its subnets use the main one then."""
        del self.account.backend().route_tables[table_id]

    def delete_route(self, table_id: str, block: str = ATLAS_BLOCK) -> None:
        self.account.backend().delete_route(table_id, block)

    def add_gateway(self) -> str:
        """Make an internet gateway for the VPC and return its id."""
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc_id)
        return str(gateway)

    def targets(self, block: str = ATLAS_BLOCK) -> dict[str, str]:
        """Where each table leads, as AWS itself says."""
        return {
            table.id: target_of(route)
            for table in self.account.tables(self.vpc_id)
            for route in table.routes
            if route.destination_cidr_block == block
        }

    def state(self) -> Any:
        """All that a task could change, as moto has it."""
        tables = {table.id: {route.id: target_of(route) for route in table.routes} for table in self.account.tables(self.vpc_id)}
        vpc, connections = self.account.backend().get_vpc(self.vpc_id), self.account.backend().vpc_pcxs.values()
        options = [copy.deepcopy((one.id, one.status, one.accepter_options)) for one in connections]
        return tables, (vpc.enable_dns_support, vpc.enable_dns_hostnames), options

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
