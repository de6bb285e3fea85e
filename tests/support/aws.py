"""An AWS on loopback (moto's server, in this process) with any number of accounts; for the tests of other folders too.

with running_aws() as aws, running(Settings(step_seconds=0, aws_endpoint_url=aws.url)) as emulator:
    account = aws.account()
    vpc_id = account.make_vpc("10.0.0.0/16", "us-east-1")
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from itertools import islice
from typing import Any
from unittest import mock

import boto3
import moto.backends
import moto.core.responses
import moto.ec2.utils
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import SIGNED
from ansible_collections.cloudpeer.atlas.tests.support.boto import quicken
from ansible_collections.cloudpeer.atlas.tests.support.environment import own_environment
from ansible_collections.cloudpeer.atlas.tests.support.memory import call_wsgi, to_environ
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply, Sent, answered_in_memory
from moto.core.model import ServiceModel
from moto.core.request import Request
from moto.core.serialize import XFormedAttributePicker
from moto.ec2.models import ec2_backends
from moto.ec2.responses import EC2Response
from moto.server import ThreadedMotoServer
from moto.sts.responses import TokenResponse

#: Neither Atlas's account nor the one that moto takes those for who do not say who they are.
USER_ACCOUNT = "111122223333"


class Account:
    """One AWS account, with the credentials of a role in it.

    Args:
        url: Where AWS is.
    """

    def __init__(self, url: str, account_id: str) -> None:
        """Get the credentials from STS."""
        self.id = account_id
        self._url = url
        nobody = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nobody"}
        sts = boto3.client("sts", region_name="us-east-1", endpoint_url=url, **nobody)
        role = sts.assume_role(RoleArn=f"arn:aws:iam::{account_id}:role/owner", RoleSessionName="tests")
        credentials = role["Credentials"]
        # As boto3's clients take them, and its file of profiles.
        self.keys: dict[str, str] = {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }

    @property
    def secrets(self) -> list[str]:
        """What of the credentials must not be shown."""
        return [value for name, value in self.keys.items() if name != "aws_access_key_id"]

    def environment(self, region: str = "us-east-1") -> dict[str, str]:
        """Return the variables that let boto3 act as this account in another process."""
        return {
            "AWS_ENDPOINT_URL": self._url,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            **{name.upper(): value for name, value in self.keys.items()},
        }

    def ec2(self, region: str = "us-east-1") -> Any:
        """Return a client of a region."""
        return boto3.client("ec2", region_name=region, endpoint_url=self._url, **self.keys)

    def route53(self) -> Any:
        """Return a client of Route 53."""
        return boto3.client("route53", region_name="us-east-1", endpoint_url=self._url, **self.keys)

    def make_vpc(self, block: str, region: str = "us-east-1") -> str:
        """Make a VPC with Amazon's DNS server, which AWS gives to new ones and moto does not, and return its id."""
        ec2 = self.ec2(region)
        made: str = ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
        servers = [{"Key": "domain-name-servers", "Values": ["AmazonProvidedDNS"]}]
        options = ec2.create_dhcp_options(DhcpConfigurations=servers)["DhcpOptions"]["DhcpOptionsId"]
        ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=made)
        return made

    def connections(self, region: str = "us-east-1") -> dict[str, str]:
        """Return the states of the account's peering connections by their ids."""
        found = self.ec2(region).describe_vpc_peering_connections()["VpcPeeringConnections"]
        return {one["VpcPeeringConnectionId"]: one["Status"]["Code"] for one in found}

    def connection(self, connection_id: str, region: str = "us-east-1") -> dict[str, Any]:
        """Return what AWS shows of one peering connection."""
        found = self.ec2(region).describe_vpc_peering_connections(VpcPeeringConnectionIds=[connection_id])
        return found["VpcPeeringConnections"][0]

    def vpcs(self, region: str = "us-east-1") -> dict[str, str]:
        """Return the blocks of the account's own VPCs by their ids."""
        found = self.ec2(region).describe_vpcs()["Vpcs"]
        return {one["VpcId"]: one["CidrBlock"] for one in found if not one["IsDefault"]}

    def routes(self, vpc_id: str, region: str = "us-east-1") -> dict[str, str]:
        """Return the connections to which a VPC's route tables send traffic, by block."""
        tables = self.ec2(region).describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["RouteTables"]
        return {
            route["DestinationCidrBlock"]: route["VpcPeeringConnectionId"]
            for table in tables
            for route in table["Routes"]
            if route.get("VpcPeeringConnectionId")
        }


class Owner(Account):
    """An account of an AWS in this process, whose clients are kept: to make one takes longer than all that a test asks it.

    What most tests make and look at asks no server either: a request costs as much as twenty of its answers.
    """

    def __init__(self, url: str, account_id: str) -> None:
        super().__init__(url, account_id)
        self._clients: dict[str, Any] = {}

    def ec2(self, region: str = "us-east-1") -> Any:
        if region not in self._clients:
            self._clients[region] = super().ec2(region)
        return self._clients[region]

    def backend(self, region: str = "us-east-1") -> Any:
        """Return what moto has of the account in a region."""
        return ec2_backends[self.id][region]

    def make_vpc(self, block: str, region: str = "us-east-1") -> str:
        return Aws(self._url).make_vpcs(self.id, [block], region)[0]

    def connections(self, region: str = "us-east-1") -> dict[str, str]:
        return {key: one.status["Code"] for key, one in self.backend(region).vpc_pcxs.items()}

    def tables(self, vpc_id: str, region: str = "us-east-1") -> list[Any]:
        """Return the route tables of a VPC, the main one first."""
        found = [one for one in self.backend(region).route_tables.values() if one.vpc_id == vpc_id]
        return sorted(found, key=lambda one: one.main_association_id is None)

    def add_table(self, vpc_id: str, region: str = "us-east-1") -> str:
        """Make one more route table in a VPC, with a subnet, and return its id."""
        backend = self.backend(region)
        table = backend.create_route_table(vpc_id)
        blocks = IPv4Network(backend.get_vpc(vpc_id).cidr_block).subnets(new_prefix=28)
        block = next(islice(blocks, len(backend.describe_subnets(filters={"vpc-id": vpc_id})), None))
        backend.associate_route_table(table.id, subnet_id=backend.create_subnet(vpc_id, str(block)).id)
        return str(table.id)

    def routes(self, vpc_id: str, region: str = "us-east-1") -> dict[str, str]:
        found = [route for table in self.tables(vpc_id, region) for route in table.routes]
        return {one.destination_cidr_block: one.vpc_pcx.id for one in found if one.vpc_pcx}


@functools.cache
def owner(url: str, account_id: str) -> Owner:
    """Return an account of an AWS: the same one each time."""
    return Owner(url, account_id)


class Aws:
    """A running AWS.

    Attributes:
        url: Where it is.
    """

    def __init__(self, url: str) -> None:
        """Take the address."""
        self.url = url

    def account(self, account_id: str = USER_ACCOUNT) -> Owner:
        """Return an account; there is every account."""
        return owner(self.url, account_id)

    def make_vpcs(self, account_id: str, blocks: Sequence[str], region: str = "us-east-1") -> list[str]:
        """Make VPCs with a route table and Amazon's DNS server each, as `Account.make_vpc` does, and return their ids.

        A hundred of them take less time than one request.
        """
        backend = ec2_backends[account_id][region]
        options = backend.create_dhcp_options(domain_name_servers=["AmazonProvidedDNS"])
        made = [backend.create_vpc(block) for block in blocks]
        for vpc in made:
            vpc.dhcp_options = options
        return [vpc.id for vpc in made]

    def request(self, account_id: str, vpc_id: str, peers: Mapping[str, str], region: str = "us-east-1") -> list[str]:
        """Let the owner of a VPC request connections with VPCs, each with its account, and return the ids of the connections."""
        backend = ec2_backends[account_id][region]
        vpc = backend.get_vpc(vpc_id)
        pairs = [(vpc, ec2_backends[owner][region].get_vpc(peer)) for peer, owner in peers.items()]
        return [backend.create_vpc_peering_connection(*pair).id for pair in pairs]

    def connect(self, connections: Mapping[str, str], block: str, region: str = "us-east-1") -> None:
        """Let the owners accept connections, each with its account, and route a block over them in all tables of the VPCs."""
        for connection_id, owner in connections.items():
            backend = ec2_backends[owner][region]
            vpc_id = backend.accept_vpc_peering_connection(connection_id).peer_vpc.id
            for table in backend.route_tables.values():
                if table.vpc_id == vpc_id:
                    backend.create_route(table.id, block, vpc_peering_connection_id=connection_id)

    def connections(self, account_id: str, region: str = "us-east-1") -> dict[str, tuple[str, str]]:
        """Return the VPC (that of the account which accepts) and the state of each connection of an account, by its id."""
        found = ec2_backends[account_id][region].vpc_pcxs
        return {key: (one.peer_vpc.id, one.status["Code"]) for key, one in found.items()}

    def routes(self, account_id: str, region: str = "us-east-1") -> dict[str, dict[str, str]]:
        """Return the connections to which an account's route tables send traffic, by table and block."""
        return {
            table.id: {route.destination_cidr_block: route.vpc_pcx.id for route in table.routes if route.vpc_pcx}
            for table in ec2_backends[account_id][region].route_tables.values()
        }

    def tables(self, account_id: str, region: str = "us-east-1") -> dict[str, str]:
        """Return the VPC of each route table of an account."""
        return {table.id: table.vpc_id for table in ec2_backends[account_id][region].route_tables.values()}

    def reset(self) -> None:
        """Forget all networks; credentials stay valid. Reset emulators before this and not after it."""
        # moto makes those that are asked for, with the VPC that each account has; resetting all of them takes 60 ms.
        for regions in [*ec2_backends.values()]:
            regions.clear()


@contextlib.contextmanager
def _remembering() -> Iterator[None]:
    """Let moto remember what it finds out in half of each request's time: its services, methods of a class, names of a field.

    Its ids are made in one piece, and not of one random digit after the other, and nobody looks at those of requests.
    """

    def make_id(size: int = 8) -> str:
        return f"{moto.ec2.utils.random.getrandbits(4 * size):0{size}x}"

    find_names = XFormedAttributePicker.get_possible_keys
    names: dict[tuple[Any, ...], tuple[str, ...]] = {}

    def find_names_once(picker: Any, context: Any) -> tuple[str, ...]:
        # Of what it looks at, they depend on the class alone, and shapes live as long as the process.
        key = (type(context.obj), context.key, context.shape)
        if key not in names:
            names[key] = tuple(find_names(picker, context))
        return names[key]

    find_operation, turn = ServiceModel.operation_model, threading.RLock()

    def find_operation_alone(service: ServiceModel, name: str) -> Any:
        # The first thread that asks puts an operation of botocore into the cache before moto's own: no other may find that.
        with turn:
            return find_operation(service, name)

    services = tuple(moto.backends.list_of_moto_modules())
    methods = functools.cache(moto.core.responses.method_names_from_class)
    with (
        mock.patch.object(moto.backends, "list_of_moto_modules", return_value=services),
        mock.patch.object(moto.core.responses, "method_names_from_class", methods),
        mock.patch.object(ServiceModel, "operation_model", find_operation_alone),
        mock.patch.object(XFormedAttributePicker, "get_possible_keys", find_names_once),
        mock.patch.object(moto.ec2.utils, "random_resource_id", make_id),
        mock.patch.object(moto.core.responses, "gen_amzn_requestid_long", return_value="0" * 52),
    ):
        yield


#: What of moto's answers to a service, for those that are asked most.
_RESPONSES = {"ec2": EC2Response, "sts": TokenResponse}


def _answer(application: Any, sent: Sent) -> Reply:
    """Let moto answer: what answers itself where it is known, else the server's application, which looks for it each time."""
    signed = SIGNED.search(sent.authorization or "")
    responses = _RESPONSES.get(signed["service"]) if signed else None
    if responses is None:
        return call_wsgi(application, sent)
    request = Request(to_environ(sent))
    status, headers, body = responses.dispatch(request, request.raw_url, dict(request.headers))
    content = body.encode() if isinstance(body, str) else body
    return Reply(int(status), content, tuple((name, str(value)) for name, value in headers.items()))


@contextlib.contextmanager
def running_aws(port: int = 0) -> Iterator[Aws]:
    """Run an AWS for the length of a with statement; one at a time in a process, because moto's state is the process's."""
    # What an environment says about AWS is not meant for this one.
    # Nobody starts a machine here, and the list of images is what takes the time of each reset.
    clean = {**own_environment(), "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    # A line a request on stderr, which Ansible's output would be read with.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    quicken()
    with mock.patch.dict(os.environ, clean, clear=True), _remembering():
        server.start()
        try:
            aws = Aws("http://{}:{}".format(*server.get_host_and_port()))
            aws.reset()
            assert server._server is not None
            application = server._server.app
            with answered_in_memory(aws.url, lambda sent: _answer(application, sent)):
                yield aws
        finally:
            server.stop()
