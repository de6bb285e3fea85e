# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the role run it on: both clouds, with a VPC that is to be connected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.integration.runner import PlaybookRun, PlaybookRunner, until
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.aws import Account

BLOCK = "10.15.0.0/16"
ATLAS_BLOCK = "192.168.248.0/21"


class Site:
    """Both clouds, with one VPC in AWS, and the role between them."""

    def __init__(
        self, emulator: RunningEmulator, account: Account, runner: PlaybookRunner, region: str = "us-east-1", block: str = BLOCK
    ) -> None:
        self.emulator = emulator
        self.account = account
        self.region = region
        self.block = block
        self.vpc_id = account.make_vpc(block, region)
        self.environment = account.environment(region)
        self._runner = runner

    @property
    def connection(self) -> dict[str, str]:
        """The entry of the VPC in C(vpc_peering_connections)."""
        return {"vpc_id": self.vpc_id, "aws_account_id": self.account.id, "cidr_block": self.block, "region": self.region}

    def run(self, *options: str, status: int = 0, way: str = "in process", **variables: Any) -> PlaybookRun:
        """Run the role with its variables, without their prefix; C(connection) changes the first connection."""
        connection = {**self.connection, **variables.pop("connection", {})}
        connection = {name: value for name, value in connection.items() if value is not None}
        wanted = {"connections": [connection, *variables.pop("more_connections", [])], "wait_timeout": 20, **variables}
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "roles": ["cloudpeer.atlas.vpc_peering"],
            "vars": {f"vpc_peering_{name}": value for name, value in wanted.items()},
            "post_tasks": [{"name": "Result", "ansible.builtin.debug": {"var": "vpc_peering_result"}}],
        }
        return self.play(yaml.safe_dump([play], sort_keys=False), *options, status=status, way=way)

    def play(self, source: Path | str, *options: str, status: int = 0, way: str = "in process") -> PlaybookRun:
        """Run a playbook with the credentials of the account."""
        self.emulator.requests.clear()
        return self._runner(source, self.emulator, *options, status=status, way=way, **self.environment)

    def request(self) -> str:
        """Request the connection as somebody else would, without the role; return its id in AWS."""
        body = {"vpcId": self.vpc_id, "awsAccountId": self.account.id, "routeTableCidrBlock": self.block}
        with self.emulator.project.now() as project:
            project.create_peer(body, needs_container=False)
        until(lambda: list(self.atlas.values()) == ["PENDING_ACCEPTANCE"])
        return next(iter(self.atlas))

    def accept(self) -> str:
        """Request the connection, and accept it by hand."""
        connection = self.request()
        self.account.ec2(self.region).accept_vpc_peering_connection(VpcPeeringConnectionId=connection)
        until(lambda: self.atlas[connection] == "AVAILABLE")
        return connection

    def connect(self) -> str:
        """Do all that the role does, by hand."""
        connection = self.accept()
        self.route(connection)
        self.allow()
        return connection

    def route(self, connection: str) -> None:
        """Route to Atlas."""
        self.account.ec2(self.region).create_route(
            RouteTableId=self.table["RouteTableId"], DestinationCidrBlock=ATLAS_BLOCK, VpcPeeringConnectionId=connection
        )

    def allow(self) -> None:
        """Let the VPC connect."""
        with self.emulator.project.now() as project:
            project.add_access([{"cidrBlock": self.block, "comment": f"VPC peering with {self.vpc_id}"}])

    @property
    def table(self) -> dict[str, Any]:
        """The first route table of the VPC."""
        found = self.account.ec2(self.region).describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc_id]}])
        return dict(found["RouteTables"][0])

    @property
    def atlas(self) -> dict[str, str]:
        """The states of the VPC's connections in Atlas, by their id in AWS."""
        peers = [peer for peer in self.emulator.project.list_peers() if peer["vpcId"] == self.vpc_id]
        return {str(peer["connectionId"]): peer["statusName"] for peer in peers}

    @property
    def aws(self) -> dict[str, str]:
        """The states of the connections in AWS, by their id."""
        return self.account.connections(self.region)

    @property
    def routes(self) -> dict[str, str]:
        """The connections to which the VPC routes, by block."""
        return self.account.routes(self.vpc_id, self.region)

    @property
    def access_list(self) -> list[str]:
        """The blocks in the access list."""
        with self.emulator.project.now() as project:
            return [entry.value for entry in project.access_list]

    @property
    def writes(self) -> list[str]:
        """The requests of the last run that were no reads."""
        return [entry["method"] for entry in self.emulator.requests.entries() if entry["method"] != "GET"]

    def assert_connected(self) -> str:
        """Fail unless packets could go, and return the id of the connection in AWS."""
        live = [connection for connection, status in self.atlas.items() if status == "AVAILABLE"]
        assert len(live) == 1, self.atlas
        assert self.aws[live[0]] == "active"
        assert self.routes == {ATLAS_BLOCK: live[0]}
        assert sorted(self.access_list) == sorted(peer["routeTableCidrBlock"] for peer in self.emulator.project.list_peers())
        return live[0]
