"""An emulator of AWS for the demo: moto's server, with one VPC of a user's account."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3  # type: ignore[import-untyped]

REGION = "us-east-1"
# Neither Atlas's account nor moto's default account.
ACCOUNT = "111122223333"


class DemoAws:
    """The user's account.

    Attributes:
        url: The address of the emulator.
        variables: The environment variables with which boto3 acts as the account in another process, and those that name the VPC.
    """

    def __init__(self, url: str) -> None:
        """Get credentials from STS, and create the VPC of the playbook."""
        self.url = url
        options = {"region_name": REGION, "endpoint_url": url}
        sts = boto3.client("sts", aws_access_key_id="demo", aws_secret_access_key="demo", **options)  # noqa: S106
        role = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/demo", RoleSessionName="demo")["Credentials"]
        self.variables = {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": role["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": role["SecretAccessKey"],
            "AWS_SESSION_TOKEN": role["SessionToken"],
            "AWS_ACCOUNT_ID": ACCOUNT,
        }
        self._ec2 = boto3.client(
            "ec2",
            aws_access_key_id=role["AccessKeyId"],
            aws_secret_access_key=role["SecretAccessKey"],
            aws_session_token=role["SessionToken"],
            **options,
        )
        tags = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "application"}]}]
        self._vpc_id = self._ec2.create_vpc(CidrBlock="10.30.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]
        self.variables["VPC_ID"] = self._vpc_id
        self._ec2.modify_vpc_attribute(VpcId=self._vpc_id, EnableDnsHostnames={"Value": True})
        # AWS has these in every VPC, unlike its emulator.
        dhcp = [{"Key": "domain-name-servers", "Values": ["AmazonProvidedDNS"]}]
        options_id = self._ec2.create_dhcp_options(DhcpConfigurations=dhcp)["DhcpOptions"]["DhcpOptionsId"]
        self._ec2.associate_dhcp_options(DhcpOptionsId=options_id, VpcId=self._vpc_id)
        self._tables = [self._make_subnet(number, zone) for number, zone in enumerate("abc", start=1)]

    def _make_subnet(self, number: int, zone: str) -> str:
        """Create a subnet with a route table of its own, and return the id of the table."""

        def named(kind: str) -> list[dict[str, Any]]:
            return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": f"application-{zone}"}]}]

        block = {"CidrBlock": f"10.30.{number}.0/24", "AvailabilityZone": REGION + zone}
        subnet = self._ec2.create_subnet(VpcId=self._vpc_id, TagSpecifications=named("subnet"), **block)["Subnet"]["SubnetId"]
        table = self._ec2.create_route_table(VpcId=self._vpc_id, TagSpecifications=named("route-table"))["RouteTable"]
        self._ec2.associate_route_table(RouteTableId=table["RouteTableId"], SubnetId=subnet)
        table_id: str = table["RouteTableId"]
        return table_id

    def remove_route(self) -> None:
        """Remove the route to Atlas from the table of one subnet, as may happen in any account."""
        (table,) = self._ec2.describe_route_tables(RouteTableIds=self._tables[1:2])["RouteTables"]
        blocks = [route["DestinationCidrBlock"] for route in table["Routes"] if route.get("VpcPeeringConnectionId")]
        for block in blocks:
            self._ec2.delete_route(RouteTableId=self._tables[1], DestinationCidrBlock=block)

    def view(self) -> dict[str, str]:
        """Return the connections of the VPC, and the routes to them, as AWS shows them, by what to call them."""
        connections = self._ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]
        tables = self._ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self._vpc_id]}])["RouteTables"]
        routes: list[dict[str, Any]] = [route for table in tables for route in table["Routes"]]
        return {
            **{f"connection {one['VpcPeeringConnectionId']}": one["Status"]["Code"] for one in connections},
            **{
                f"route to {route['DestinationCidrBlock']}": f"{route['VpcPeeringConnectionId']} ({route['State']})"
                for route in routes
                if route.get("VpcPeeringConnectionId")
            },
        }


@contextmanager
def running_aws() -> Iterator[DemoAws]:
    """Run an emulator of AWS for the length of a with statement."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        # The demo starts no machine, and the list of images takes long to load.
        env={**environment, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield DemoAws(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)
