"""Runs atlas_vpc_peer_check on an organization: an emulator of many projects, and an AWS that reads off what it answers.

As a program, it is the organization alone. It reads its size from standard input, and writes where it is to standard output:

    echo '{"projects": 200, "accounts": 40, "seconds": 0.05}' | python -m tests.support.organization_site
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.emulator import accesslist
from ansible_collections.cloudpeer.atlas.tests.emulator.emulator import Emulator
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator, running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.check_site import ReadingSite
from ansible_collections.cloudpeer.atlas.tests.support.scripted_aws import Network, ScriptedAws, scripted_aws

ATLAS_BLOCK = "192.168.248.0/21"
REGION = "us-east-1"
KEYS = {"aws_access_key": "ASIA999988887777MINE", "aws_secret_key": "my-own-secret-of-0123456789"}


def account_of(number: int) -> str:
    """Return the number of an account."""
    return f"{100000000000 + number}"


def vpc_of(number: int) -> str:
    """Return the id of a VPC."""
    return f"vpc-{number + 1:017x}"


def block_of(number: int) -> str:
    """Return the block of a VPC: each has its own."""
    return f"10.{number // 256}.{number % 256}.0/24"


def fill(emulator: Emulator, accounts: Sequence[str], region: str = REGION, connections: int = 0) -> list[Network]:
    """Connect a VPC with each project, or so many with them in turn, and return them: the accounts take turns. All work."""
    networks = []
    for number in range(connections or len(emulator.projects)):
        project = emulator.projects[number % len(emulator.projects)]
        account, vpc_id, block = accounts[number % len(accounts)], vpc_of(number), block_of(number)
        body = {"accepterRegionName": region, "awsAccountId": account, "vpcId": vpc_id, "routeTableCidrBlock": block}
        with project.now():
            peer = project.create_peer({**body, "containerId": project.first_container_id}, needs_container=True)
        with project.now():
            assert project.peers.accept(peer)
            project.add_access([{"cidrBlock": block}])
            if number < len(emulator.projects):
                project.put_cluster({"name": "shop", "regions": [{"provider_name": "AWS", "region_name": "US_EAST_1"}]})
            connection_id = str(peer.to_json()["connectionId"])
        networks.append(Network(account, region, vpc_id, block, connection_id, ATLAS_BLOCK))
    return networks


class OrganizationSite(ReadingSite):
    """Projects with a connection each, all of which work.

    Args:
        emulator: Atlas.
        aws: AWS, with the networks of the projects.
    """

    def __init__(self, emulator: RunningEmulator, aws: ScriptedAws) -> None:
        super().__init__(emulator)
        self.aws = aws

    @property
    def usual(self) -> dict[str, Any]:
        organization = self.emulator.settings.org_ids[0]
        return {**super().usual, "group_id": None, "org_id": organization, "aws_endpoint_url": self.aws.url, **KEYS}

    @property
    def private(self) -> list[str]:
        accounts = {one.account for one in self.aws.networks}
        of_roles = [f"{kind}-of-{account}-0123456789" for account in accounts for kind in ("secret", "token")]
        return [*super().private, KEYS["aws_secret_key"], *of_roles]

    @property
    def ids(self) -> list[str]:
        """The ids of all projects."""
        return [one.id for one in self.emulator.projects]

    def cloud_writes(self) -> list[Any]:
        return []

    def forget(self) -> None:
        self.aws.asked.clear()
        self.emulator.requests.clear()

    def paths(self) -> list[str]:
        """Return the paths of the requests to Atlas, but for the challenge, without the ids of projects."""
        sent = [one for one in self.emulator.requests.entries() if one["status"] != 401]
        return sorted(_without_id(one["path"]) for one in sent)

    @contextmanager
    def project(self, number: int) -> Any:
        """Yield a project to change."""
        with self.emulator.projects[number].now() as project:
            yield project

    def empty(self, number: int) -> None:
        """Leave a project without clusters, connections and containers."""
        with self.project(number) as project:
            for peer in list(project.peers):
                project.peers.drop(peer)
            for cluster in list(project.clusters):
                project.clusters.delete(cluster.name)
            for container in list(project.containers):
                project.containers.delete(container, [])


def _without_id(path: str) -> str:
    """Return a path below its project."""
    before, _groups, after = path.partition("/groups/")
    return after.partition("/")[2] if after else before.rpartition("/")[2]


def main() -> None:
    """Serve an organization until the program is ended."""
    given = json.loads(sys.stdin.readline())
    seconds = float(given["seconds"])
    count = given.get("connections", given["projects"])
    limits = {"max_peers": count, "max_pending_peers": count}
    settings = Settings(step_seconds=0, groups=given["projects"], latency_ms=1000 * seconds, **limits)
    # In this process alone: more than a project can have shows how time grows.
    accesslist.MAX_ENTRIES = max(accesslist.MAX_ENTRIES, count)
    with running(settings) as emulator:
        networks = fill(emulator, [account_of(number) for number in range(given["accounts"])], connections=count)
        with scripted_aws(networks, seconds) as aws:
            keys = {"public_key": settings.public_key, "private_key": settings.private_key}
            print(json.dumps({"base_url": emulator.base_url, "org_id": settings.org_ids[0], "aws": aws.url, **keys}), flush=True)
            threading.Event().wait()


if __name__ == "__main__":
    main()
