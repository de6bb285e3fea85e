"""The lines that findings have for `aws` are pasted into Amazon's own tool, which asks moto."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.aws import Aws
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ACL_ID,
    ATLAS_BLOCK,
    CONNECTION_ID,
    GROUP_ID,
    MAIN_TABLE_ID,
    VPC_ID,
)
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.module_utils._check.rules.test_lines import LINES

#: Moto has no routes to prefix lists that lead to a connection, and no encryption controls; its resolver may know other VPCs.
TRIED = ("accept", "no route", "black hole", "names", "no DHCP options", "ACL", "group")


#: `make test-full` sets it up.
PATH = os.pathsep.join([str(Path(__file__).parents[2] / ".venv-aws" / "bin"), os.environ["PATH"]])


@pytest.mark.full
@pytest.mark.skipif(shutil.which("aws", path=PATH) is None, reason="aws is not there: scripts/setup.sh aws")
def test_the_lines_of_findings_are_pasted_into_aws(aws: Aws) -> None:
    account, atlas = aws.account(), aws.account("111122223333")
    [vpc_id], [other] = (aws.make_vpcs(one.id, [block]) for one, block in ((account, "10.15.0.0/16"), (atlas, ATLAS_BLOCK)))
    [connection_id] = aws.request(atlas.id, other, {vpc_id: account.id})
    ec2, here = account.ec2(), [{"Name": "vpc-id", "Values": [vpc_id]}]
    [acl] = ec2.describe_network_acls(Filters=here)["NetworkAcls"]
    [group] = ec2.describe_security_groups(Filters=here)["SecurityGroups"]
    table_id = account.tables(vpc_id)[0].id
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc_id)
    ec2.create_route(RouteTableId=table_id, DestinationCidrBlock="192.168.248.0/22", GatewayId=gateway)
    ids = {
        MAIN_TABLE_ID: table_id,
        CONNECTION_ID: connection_id,
        VPC_ID: vpc_id,
        ACL_ID: acl["NetworkAclId"],
        GROUP_ID: group["GroupId"],
    }
    environment = {**os.environ, **account.environment(), "AWS_PAGER": "", "PATH": PATH}
    for line in (line for name in TRIED for line in LINES[name][2]):
        own = line
        for known, real in ids.items():
            own = own.replace(known, real)
        done = subprocess.run(own, shell=True, capture_output=True, text=True, timeout=120, check=False, env=environment)
        assert done.returncode == 0, (own, done.stderr)
    assert account.connections()[connection_id] == "active"
    assert account.routes(vpc_id) == {ATLAS_BLOCK: connection_id, "192.168.248.0/22": connection_id}
    used = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]["DhcpOptionsId"]
    [options] = ec2.describe_dhcp_options(DhcpOptionsIds=[used])["DhcpOptions"]
    assert options["DhcpConfigurations"] == [{"Key": "domain-name-servers", "Values": [{"Value": "AmazonProvidedDNS"}]}]
    assert all(
        ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=name)[name[0].upper() + name[1:]]["Value"]
        for name in ("enableDnsSupport", "enableDnsHostnames")
    )
    [rule] = [one for one in ec2.describe_network_acls(Filters=here)["NetworkAcls"][0]["Entries"] if one["RuleNumber"] == 99]
    assert (rule["Egress"], rule["Protocol"], rule["CidrBlock"]) == (True, "6", ATLAS_BLOCK)
    assert rule["PortRange"] == {"From": 27015, "To": 27017}
    [group] = ec2.describe_security_groups(Filters=here)["SecurityGroups"]
    assert ATLAS_BLOCK in [block["CidrIp"] for one in group["IpPermissionsEgress"] for block in one["IpRanges"]]
