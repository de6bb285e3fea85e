"""What the tests of the role run it on: both clouds, with VPCs that are to be connected, and a wire to AWS that can refuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.aws import Owner
from ansible_collections.cloudpeer.atlas.tests.support.harness import Site
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun, PlaybookRunner, until

BLOCK = "10.15.0.0/16"
ATLAS_BLOCK = "192.168.248.0/21"
# The account of the emulator's Atlas, from which connections are accepted without a warning.
ATLAS_ACCOUNT = "700000000007"
ROLE = "cloudpeer.atlas.vpc_peering"
_HEADER = re.compile(rf"^TASK \[{re.escape(ROLE)} : (.+?)\] \**$", re.MULTILINE)


class Vpc:
    """One VPC in AWS, and what the two clouds have of it."""

    def __init__(self, emulator: RunningEmulator, account: Owner, region: str = "us-east-1", block: str = BLOCK) -> None:
        self.emulator = emulator
        self.account = account
        self.region = region
        self.block = block
        self.vpc_id = account.make_vpc(block, region)

    @property
    def ec2(self) -> Any:
        """A client of the account, in the region of the VPC."""
        return self.account.ec2(self.region)

    @property
    def connection(self) -> dict[str, Any]:
        """The entry of the VPC in `vpc_peering_connections`."""
        return {"vpc_id": self.vpc_id, "aws_account_id": self.account.id, "cidr_block": self.block, "region": self.region}

    def request(self, container_id: str | None = None) -> str:
        """Request the connection as somebody else would, without the role; return its id in AWS."""
        body = {"vpcId": self.vpc_id, "awsAccountId": self.account.id, "routeTableCidrBlock": self.block}
        if container_id:
            body |= {"containerId": container_id, "accepterRegionName": self.region}
        with self.emulator.project.now() as project:
            peer_id = project.create_peer(body, needs_container=bool(container_id)).id
        until(lambda: self._peer(peer_id)["statusName"] == "PENDING_ACCEPTANCE")
        return str(self._peer(peer_id)["connectionId"])

    def _peer(self, peer_id: str) -> dict[str, Any]:
        return next(dict(peer) for peer in self.emulator.project.list_peers() if peer["id"] == peer_id)

    def accept(self, container_id: str | None = None) -> str:
        """Request the connection, and accept it by hand."""
        connection = self.request(container_id)
        self.account.backend(self.region).accept_vpc_peering_connection(connection)
        until(lambda: self.atlas[connection] == "AVAILABLE")
        return connection

    def connect(self) -> str:
        """Do all that the role does, by hand."""
        connection = self.accept()
        table = self.account.tables(self.vpc_id, self.region)[0]
        self.account.backend(self.region).create_route(table.id, ATLAS_BLOCK, vpc_peering_connection_id=connection)
        self.allow()
        return connection

    def route(self, block: str = ATLAS_BLOCK, **target: str) -> None:
        """Add a route to the first table."""
        self.ec2.create_route(RouteTableId=self.table["RouteTableId"], DestinationCidrBlock=block, **target)

    def gateway(self) -> str:
        """Attach a gateway to the VPC, for routes of others to lead to."""
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc_id)
        return str(gateway)

    def close_mongodb(self, block: str = ATLAS_BLOCK) -> None:
        """Let the network ACL of the VPC deny MongoDB's port to a block."""
        (acl,) = self.ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [self.vpc_id]}])["NetworkAcls"]
        self.ec2.create_network_acl_entry(
            NetworkAclId=acl["NetworkAclId"],
            RuleNumber=90,
            Protocol="6",
            RuleAction="deny",
            Egress=True,
            CidrBlock=block,
            PortRange={"From": 27017, "To": 27017},
        )

    def allow(self, comment: str | None = None) -> None:
        """Let the VPC connect."""
        with self.emulator.project.now() as project:
            project.add_access([{"cidrBlock": self.block, "comment": comment or f"VPC peering with {self.vpc_id}"}])

    @property
    def table(self) -> dict[str, Any]:
        """The first route table of the VPC."""
        found = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc_id]}])
        return dict(found["RouteTables"][0])

    @property
    def atlas(self) -> dict[str, str]:
        """The states of the VPC's connections in Atlas, by their id in AWS."""
        peers = [peer for peer in self.emulator.project.list_peers() if peer.get("vpcId") == self.vpc_id]
        return {str(peer["connectionId"]): peer["statusName"] for peer in peers}

    @property
    def aws(self) -> dict[str, str]:
        """The states of the VPC's connections in AWS, by their id."""
        found: dict[str, Any] = self.account.backend(self.region).vpc_pcxs
        return {key: one.status["Code"] for key, one in found.items() if one.peer_vpc.id == self.vpc_id}

    @property
    def routes(self) -> dict[str, str]:
        """The connections to which the VPC routes, by block."""
        return self.account.routes(self.vpc_id, self.region)

    def assert_connected(self, block: str = ATLAS_BLOCK) -> str:
        """Fail unless packets could go, and return the id of the connection in AWS."""
        live = [connection for connection, status in self.atlas.items() if status == "AVAILABLE"]
        assert len(live) == 1, self.atlas
        assert self.aws[live[0]] == "active"
        assert self.routes[block] == live[0]
        return live[0]


class RoleSite(Site):
    """Runs the role, and looks at what Atlas and a cloud have then.

    Args:
        runner: What runs playbooks.
        emulator: Atlas.
        environment: The credentials for the cloud, and where it is.
        usual: The variables of the role that a use has if it gives no others, without their prefix.
    """

    def __init__(self, runner: PlaybookRunner, emulator: RunningEmulator, environment: dict[str, str], **usual: Any) -> None:
        self._runner, self.emulator, self.environment, self._usual = runner, emulator, environment, usual

    def __call__(self, *options: str, status: int = 0, way: str = "in process", **variables: Any) -> PlaybookRun:
        """Run the role with its variables, which are given without their prefix."""
        return self.play([self.use(**variables)], *options, status=status, way=way)

    def use(self, **variables: Any) -> dict[str, Any]:
        """Return a task that uses the role."""
        wanted = role_variables({**self._usual, **variables})
        return {"name": "Use the role", "ansible.builtin.include_role": {"name": ROLE}, "vars": wanted}

    def refusals(self, *cases: dict[str, Any], options: tuple[str, ...] = ()) -> list[str]:
        """Run the role once for each case in one playbook, each of which must fail; return what a `rescue` around it learns."""
        tasks = [
            {
                "block": [self.use(**case)],
                "rescue": [{"name": f"Case {number}", "ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg }}"}}],
            }
            for number, case in enumerate(cases)
        ]
        done = self.plays([{"hosts": "localhost", "tasks": tasks}], *options)
        told = {one["task"]: one["result"]["msg"] for one in done.records if one["task"].startswith("Case ")}
        assert list(told) == [f"Case {number}" for number in range(len(cases))], done.output
        return list(told.values())

    def play(self, tasks: list[dict[str, Any]], *options: str, hosts: str = "localhost", **how: Any) -> PlaybookRun:
        """Run tasks, and show what the role has returned last."""
        result = {"name": "Result", "ansible.builtin.debug": {"var": "vpc_peering_result"}}
        return self.plays([{"hosts": hosts, "tasks": [*tasks, result]}], *options, **how)

    def plays(self, plays: list[dict[str, Any]], *options: str, **how: Any) -> PlaybookRun:
        """Run plays."""
        source = yaml.safe_dump([{"gather_facts": False, **one} for one in plays], sort_keys=False)
        return self.playbook(source, *options, **how)

    def playbook(self, source: Path | str, *options: str, **how: Any) -> PlaybookRun:
        """Run a playbook with the credentials for the cloud; `how` is as `PlaybookRunner` takes it."""
        self.forget()
        return self._runner(source, self.emulator, *options, **{**self.environment, **how})

    def forget(self) -> None:
        self.emulator.requests.clear()

    @property
    def sent(self) -> list[tuple[str, str]]:
        """Method and path of each request to Atlas in the last run, the path from what the project's id is followed by."""
        return sent_to(self.emulator)

    @property
    def writes(self) -> list[str]:
        """The methods of the requests of the last run to Atlas that were no reads."""
        return [method for method, unused in self.sent if method != "GET"]


class RoleRunner(RoleSite):
    """Runs the role on AWS with one list of VPCs or several, on one host or several.

    Args:
        runner: What runs playbooks.
        emulator: Atlas.
        account: Whose credentials the environment has.
        aws_url: Where AWS is.
    """

    def __init__(self, runner: PlaybookRunner, emulator: RunningEmulator, account: Owner, aws_url: str) -> None:
        super().__init__(runner, emulator, {**account.environment(), "AWS_ENDPOINT_URL": aws_url})
        self.account = account

    @property
    def containers(self) -> dict[str, str]:
        """The containers on AWS, by region."""
        with self.emulator.project.now() as project:
            return {one.region: one.id for one in project.containers.of("AWS")}


def role_variables(variables: dict[str, Any]) -> dict[str, Any]:
    """Return variables of the role with their prefix, with defaults that keep the tests short and quiet."""
    wanted = {"wait_timeout": 20, "dns": "ignore", "atlas_aws_account_ids": [ATLAS_ACCOUNT], **variables}
    return {f"vpc_peering_{name}": value for name, value in wanted.items() if value is not None}


def sent_to(emulator: RunningEmulator) -> list[tuple[str, str]]:
    """Return method and path of each request to Atlas in the last run, the path from what the project's id is followed by."""
    entries = [entry for entry in emulator.requests.entries() if entry["authenticated"]]
    return [(entry["method"], entry["path"].partition(emulator.settings.group_id)[2]) for entry in entries]


def result(run: PlaybookRun) -> dict[str, Any]:
    """Return the fact that the role returns."""
    return dict([one for one in run.records if one["task"] == "Result"][-1]["result"]["vpc_peering_result"])


def message(run: PlaybookRun) -> str:
    """Return what the last failed task said."""
    return str([one for one in run.records if one["verdict"] == "failed"][-1]["result"]["msg"])


def said(run: PlaybookRun) -> list[str]:
    """Return what the role says at its end, to the other team and of what it left."""
    debugs = [one for one in run.records if one["action"] == "ansible.builtin.debug" and one["task"].startswith(f"{ROLE} : ")]
    return [line for one in debugs if one["verdict"] == "ok" for line in one["result"]["msg"]]


def lines(run: PlaybookRun) -> list[str]:
    """Return the names of the role's tasks in the output."""
    return _HEADER.findall(run.output)


def as_text(variables: dict[str, Any]) -> list[str]:
    """Return variables as options of ansible-playbook that make them text."""
    return [part for name, value in variables.items() for part in ("-e", f"vpc_peering_{name}={value}")]
