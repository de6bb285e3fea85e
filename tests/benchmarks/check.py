"""The check of one connection, and of fifty in three AWS accounts, after the role has made them."""

from __future__ import annotations

from itertools import product
from typing import Any

import requests

from .runs import Measurement, Play, run
from .servers import Atlas, aws_server, emulator
from .tables import Findings, Progress, decimal, goal, table

# isort: split
from ansible_collections.cloudpeer.atlas.tests.support.aws import Account

SIZE = 50
REGION = "us-east-1"
ACCOUNTS = ("111122223333", "222233334444", "333344445555")
WAYS = {"in process": True, "as a module": False}
MOST_SECONDS = {1: 0.5, SIZE: 5.0}


def measure(progress: Progress) -> Findings:
    """Connect fifty VPCs, and check them in both ways of running."""
    with aws_server() as aws, emulator(step_seconds=0, aws_endpoint_url=aws) as atlas:
        progress(f"check: {SIZE} VPCs are connected by the role")
        accounts = [Account(aws, account_id) for account_id in ACCOUNTS]
        connections = [_make_vpc(accounts[number % len(accounts)], number) for number in range(SIZE)]
        _put_cluster(atlas)
        environment = {"AWS_REGION": REGION, "AWS_ENDPOINT_URL": aws}
        run(atlas, Play("role", {"connections": connections}, environment=environment, is_steady=False))
        names = {1: "one VPC", SIZE: f"{SIZE} VPCs in {len(ACCOUNTS)} accounts"}
        found: dict[tuple[int, str], Measurement] = {}
        for size, (way, in_process) in product(names, WAYS.items()):
            progress(f"check: {names[size]}, {way}")
            given = {"connections": connections[:size], "container_region": REGION, "atlas_in_process": in_process}
            play = Play("check", given, environment=environment, repeats=3, is_steady=False)
            found[size, way] = run(atlas, play).measurements["check"]
    rows = [
        [text, *(decimal(found[size, way].seconds, 2) for way in WAYS), found[size, "in process"].requests]
        for size, text in names.items()
    ]
    text = "The check of connections, both clouds near:\n\n" + table(
        ["check of", *(f"{way}: seconds" for way in WAYS), "requests to Atlas"], rows
    )
    goals = [
        goal(seconds <= most, f"the check of {names[size]} in at most {most} s: {seconds:.2f} s")
        for size, most in MOST_SECONDS.items()
        for seconds in [found[size, "in process"].seconds]
    ]
    return Findings(text, tuple(goals))


def _make_vpc(account: Account, number: int) -> dict[str, Any]:
    """Make a VPC with two subnets, in which names resolve, and return its entry for the role."""
    ec2, block = account.ec2(REGION), f"10.{number}.0.0/16"
    vpc_id = account.make_vpc(block, REGION)
    ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
    for third in (1, 2):
        ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.{number}.{third}.0/24")
    return {
        "vpc_id": vpc_id,
        "aws_account_id": account.id,
        "cidr_block": block,
        "region": REGION,
        "aws_access_key": account.keys["aws_access_key_id"],
        "aws_secret_key": account.keys["aws_secret_access_key"],
        "aws_session_token": account.keys["aws_session_token"],
    }


def _put_cluster(atlas: Atlas) -> None:
    """Put a cluster into the project, for the connections to lead to."""
    cluster = {"name": "shop", "regions": [{"region_name": "US_EAST_1"}]}
    requests.post(f"{atlas.control_url}/emulator/clusters", json=cluster, timeout=10).raise_for_status()
