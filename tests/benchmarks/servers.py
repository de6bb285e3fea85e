"""The clouds that playbooks are measured against, in processes of their own, so that they share Python with nothing measured."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests
import trustme
from requests.auth import HTTPDigestAuth

# Importing it makes the checkout importable as a collection.
from tests.conftest import COLLECTIONS_PATH, ROOT  # isort: skip
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.aws import Account
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import RATES, Front, fronting
from ansible_collections.cloudpeer.atlas.tests.support.environment import free_port, own_environment
from ansible_collections.cloudpeer.atlas.tests.support.slow_proxy import slow_proxy

assert COLLECTIONS_PATH.is_dir()

#: How far away a distant server is, in seconds there and back.
ROUND_TRIP = 0.05
REGION = "us-east-1"
ACCOUNTS = tuple(f"10{number:02}" * 3 for number in range(1, 6))
#: The block of the emulator's container, and Atlas's account in AWS.
ATLAS_BLOCK, ATLAS_ACCOUNT = "192.168.248.0/21", Settings().aws_account_id


@dataclass(frozen=True)
class Atlas:
    """An emulator that runs, with as much of it as the environment of a playbook needs.

    Attributes:
        settings: Its options, as far as they say who may come.
        base_url: Where tasks find it.
        container_id: The container of its first project.
        groups: Its projects, each with `group_id` and `container_id`.
        control_url: Where it is controlled: never far away.
        ca_path: The file with the authorities to trust; None for plain HTTP.
    """

    settings: Settings
    base_url: str
    container_id: str
    groups: tuple[dict[str, str], ...]
    control_url: str
    ca_path: str | None = None

    def reset(self) -> None:
        """Reset everything."""
        requests.post(f"{self.control_url}/emulator/reset", timeout=10, verify=self.ca_path or True).raise_for_status()

    def accept(self, peer_ids: Sequence[str]) -> None:
        """Accept connections as the owner of the other side."""
        with requests.Session() as session:
            # Authorities that the environment names would be preferred.
            session.trust_env = False
            session.verify = self.ca_path or True
            for peer_id in peer_ids:
                session.post(f"{self.control_url}/emulator/peers/{peer_id}/accept", timeout=10).raise_for_status()


@contextlib.contextmanager
def emulator(latency_ms: float = 0, step_seconds: float = 1000, **more: Any) -> Iterator[Atlas]:
    """Run an emulator without limits to the number of connections.

    Args:
        latency_ms: How long it waits before each reply.
        step_seconds: How long connections stay in each state that passes.
        more: Further options.
    """
    options = {"port": 0, "latency-ms": latency_ms, "step-seconds": step_seconds, "max-peers": 5000, "max-pending-peers": 5000}
    options |= {name.replace("_", "-"): value for name, value in more.items()}
    command = [sys.executable, "-m", "tests.emulator", *(f"--{name}={value}" for name, value in options.items())]
    with subprocess.Popen(command, cwd=ROOT, env=own_environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            url, groups = ready["base_url"], tuple(ready["groups"])
            yield Atlas(Settings(), url, ready["container_id"], groups, url)
        finally:
            process.terminate()


@contextlib.contextmanager
def distant_emulator(round_trip: float = ROUND_TRIP, **options: Any) -> Iterator[Atlas]:
    """Run an emulator that speaks HTTPS and is far away.

    Args:
        round_trip: How far, in seconds.
        options: Those of the emulator.
    """
    with tempfile.TemporaryDirectory(prefix="cloudpeer-atlas-bench-") as folder:
        certificate, bundle = Path(folder, "server.pem"), Path(folder, "authorities.pem")
        authority = trustme.CA()
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        # As many authorities as people trust: to load them takes its time.
        bundle.write_text(certifi.contents() + authority.cert_pem.bytes().decode("ascii"), encoding="utf-8")
        with emulator(tls_certificate=certificate, **options) as near, distant(near.base_url, round_trip) as url:
            yield Atlas(near.settings, url, near.container_id, near.groups, near.base_url, str(bundle))


@contextlib.contextmanager
def distant(url: str, round_trip: float = ROUND_TRIP) -> Iterator[str]:
    """Give an address that leads to a server on loopback, as if that were far away."""
    port = urlsplit(url).port
    assert port is not None
    with slow_proxy(port, round_trip) as proxy:
        yield f"{urlsplit(url).scheme}://127.0.0.1:{proxy.port}"


@contextlib.contextmanager
def aws_server() -> Iterator[str]:
    """Run moto's server and give its address."""
    port = free_port()
    # Nobody starts a machine there, and the list of images takes long to load.
    variables = {**own_environment(), "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            while True:
                with contextlib.suppress(requests.ConnectionError):
                    requests.get(f"{url}/moto-api/", timeout=10)
                    break
                assert process.poll() is None, "moto's server has ended"
                time.sleep(0.05)
            yield url
        finally:
            process.terminate()


@dataclass
class BothClouds:
    """Atlas and AWS, both far away, where Atlas requests its connections in AWS.

    Attributes:
        atlas: Atlas.
        front: What stands between tasks and AWS: it counts requests, and refuses those that are too many.
        url: Where tasks find AWS.
    """

    atlas: Atlas
    front: Front
    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What tells tasks where AWS is."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION}

    def begin(self) -> None:
        """Let nothing be there."""
        self.atlas.reset()
        requests.post(f"{self.front.upstream}/moto-api/reset", timeout=10).raise_for_status()
        self.front.forget()

    def make_vpcs(self, number: int, accounts: Sequence[str] = ACCOUNTS, tables: int = 1) -> list[dict[str, str]]:
        """Make VPCs in turn in some accounts, each with so many route tables that serve subnets, and return their entries."""
        made = []
        owners = [Account(self.front.upstream, one) for one in accounts[:number]]
        clients = [one.ec2(REGION) for one in owners]
        for index in range(number):
            account, ec2 = owners[index % len(owners)], clients[index % len(owners)]
            block = f"10.{index // 256}.{index % 256}.0/24"
            vpc_id = ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
            for more in range(tables - 1):
                table = ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
                subnet = ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.{index // 256}.{index % 256}.{16 * more}/28")["Subnet"]
                ec2.associate_route_table(RouteTableId=table, SubnetId=subnet["SubnetId"])
            keys = {
                "aws_access_key": account.keys["aws_access_key_id"],
                "aws_secret_key": account.keys["aws_secret_access_key"],
                "aws_session_token": account.keys["aws_session_token"],
            }
            made.append({"vpc_id": vpc_id, "aws_account_id": account.id, "cidr_block": block, "region": REGION, **keys})
        return made

    def request(self, entries: Sequence[dict[str, str]]) -> list[str]:
        """Let Atlas's account request a connection with each VPC, and return the ids of the connections in AWS."""
        ec2 = Account(self.front.upstream, ATLAS_ACCOUNT).ec2(REGION)
        vpc_id = ec2.create_vpc(CidrBlock=ATLAS_BLOCK)["Vpc"]["VpcId"]
        pairs = [(one["vpc_id"], one["aws_account_id"]) for one in entries]
        made = [
            ec2.create_vpc_peering_connection(VpcId=vpc_id, PeerVpcId=theirs, PeerOwnerId=owner, PeerRegion=REGION)
            for theirs, owner in pairs
        ]
        return [str(one["VpcPeeringConnection"]["VpcPeeringConnectionId"]) for one in made]


@contextlib.contextmanager
def both_clouds(**options: Any) -> Iterator[BothClouds]:
    """Run Atlas and AWS far away; a connection stays in each state for a second. `options` are those of the emulator."""
    with contextlib.ExitStack() as stack:
        aws = stack.enter_context(aws_server())
        front = stack.enter_context(fronting(aws))
        front.limits, front.provisioning = dict(RATES), 0
        url = stack.enter_context(distant(front.url))
        given = {"step_seconds": 1, "aws_endpoint_url": aws, **options}
        yield BothClouds(stack.enter_context(distant_emulator(**given)), front, url)


def peers(number: int, different: int | None = None) -> list[dict[str, str]]:
    """Return that many peers, in turns of so many different ones."""
    indices = [index % (different or number) for index in range(number)]
    return [{"vpc_id": f"vpc-0a1b2c3d4e5f{i:05x}", "cidr_block": f"10.{i // 256}.{i % 256}.0/24"} for i in indices]


def declared(items: list[dict[str, str]], container_id: str) -> list[dict[str, str]]:
    """Return peers as the entries of a set."""
    shared = {"aws_account_id": "123456789012", "accepter_region_name": "us-east-1", "container_id": container_id}
    return [{"vpc_id": one["vpc_id"], "route_table_cidr_block": one["cidr_block"], **shared} for one in items]


def create_peer(atlas: Atlas, peer: dict[str, str], group: dict[str, str] | None = None) -> str:
    """Create a peer without Ansible, in a project or in the first one, and return its id."""
    settings, place = atlas.settings, group or {"group_id": atlas.settings.group_id, "container_id": atlas.container_id}
    reply = requests.post(
        f"{atlas.control_url}/api/atlas/v1.0/groups/{place['group_id']}/peers",
        json={
            "providerName": "AWS",
            "containerId": place["container_id"],
            "accepterRegionName": "us-east-1",
            "awsAccountId": "123456789012",
            "vpcId": peer["vpc_id"],
            "routeTableCidrBlock": peer["cidr_block"],
        },
        auth=HTTPDigestAuth(settings.public_key, settings.private_key),
        timeout=10,
        verify=atlas.ca_path or True,
    )
    reply.raise_for_status()
    return str(reply.json()["id"])
