"""A connection that carries traffic: the verdict, what the result shows, and what is read for it."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from ansible_collections.cloudpeer.atlas.plugins.modules import atlas_vpc_peer_check
from ansible_collections.cloudpeer.atlas.tests.support.check_site import ATLAS_BLOCK, CheckSite
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

#: What AWS is asked for one VPC.
AWS_CALLS = [
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcPeeringConnections",
    "ec2:DescribeVpcs",
    "route53:ListHostedZonesByVPC",
    "route53resolver:ListResolverRuleAssociations",
    "route53resolver:ListResolverRules",
    "servicequotas:GetServiceQuota",
    "servicequotas:GetServiceQuota",
    "sts:GetCallerIdentity",
]
ATLAS_CALLS = ["accessList", "accessList/10.15.0.0%2F16/status", "clusters", "containers", "peers"]


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_connection_that_works_is_reachable_by_design(site: CheckSite, *, check_mode: bool) -> None:
    done = site.run(check_mode=check_mode)
    assert not done.failed
    assert done.found == {}
    assert done.check["verdict"] == "reachable_by_design"
    assert done.check["summary"] == f"The connection with {site.vpc.vpc_id} is reachable by design."
    shown = done.connection
    assert {name: value for name, value in shown.items() if name not in ("peer_id", "container_id", "checks")} == {
        "provider_name": "AWS",
        "vpc_id": site.vpc.vpc_id,
        "aws_account_id": site.account.id,
        "region": "us-east-1",
        "connection_id": site.connection_id,
        "atlas_cidr_block": ATLAS_BLOCK,
        "cluster_names": ["shop"],
        "verdict": "reachable_by_design",
        "expires_at": None,
        "subnets": [
            {
                "subnet_id": site.vpc.subnet_id,
                "cidr_block": "10.15.1.0/24",
                "route_table_id": site.vpc.table["RouteTableId"],
                "verdict": "reachable_by_design",
            }
        ],
    }
    assert done.calls == sorted([*ATLAS_CALLS, *AWS_CALLS])


def test_the_permissions_are_those_that_it_needs(site: CheckSite) -> None:
    """All that it can read, which the notes and the policy of the guide list."""
    instance = site.add_all_that_is_read()
    done = site.run(instance_ids=[instance])
    assert done.found == {}
    sent = {one for one in done.calls if ":" in one} - {"sts:GetCallerIdentity"}
    notes = " ".join(yaml.safe_load(atlas_vpc_peer_check.DOCUMENTATION)["notes"])
    assert set(re.findall(r"C\(((?:ec2|route53|route53resolver|servicequotas):[A-Z][A-Za-z0-9]+)\)", notes)) == sent
    guide = (ROOT / "docs" / "guides" / "credentials.md").read_text(encoding="utf-8")
    policy = re.findall(r"^```json\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)[1]
    assert {*json.loads(policy)["Statement"][0]["Action"]} == sent
