"""A connection that carries traffic, and each fault with its codes: what is read, what is shown, and when the task fails."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpeer.atlas.plugins.modules import atlas_vpc_peer_check
from ansible_collections.cloudpeer.atlas.tests.support.check_site import ATLAS_BLOCK, CheckedVpc, CheckSite
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply

#: What AWS is asked for one VPC.
AWS_CALLS = [
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
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
    assert (done.failed, done.found, done.check["verdict"]) == (False, {}, "reachable_by_design")
    assert done.check["summary"] == f"The connection with {site.vpc.vpc_id} is reachable by design."
    shown = done.connection
    assert {name: value for name, value in shown.items() if name not in ("peer_id", "container_id", "checks")} == {
        "group_id": site.emulator.settings.group_id,
        "project_name": None,
        "status_name": "AVAILABLE",
        "error_state_name": None,
        "provider_name": "AWS",
        "vpc_id": site.vpc.vpc_id,
        "vpc_name": None,
        "aws_account_id": site.account.id,
        "region": "us-east-1",
        "connection_id": site.connection_id,
        "container_region": "US_EAST_1",
        "atlas_cidr_block": ATLAS_BLOCK,
        "cluster_names": ["shop"],
        "verdict": "reachable_by_design",
        "requested_at": None,
        "expires_at": None,
        "subnets": [
            {
                "subnet_id": site.vpc.subnet_id,
                "subnet_name": None,
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


def remove_route(site: CheckSite) -> None:
    site.ec2.delete_route(RouteTableId=site.vpc.table["RouteTableId"], DestinationCidrBlock=ATLAS_BLOCK)


def route_a_part_elsewhere(site: CheckSite) -> None:
    site.vpc.route("192.168.248.0/24", GatewayId=site.vpc.gateway())


def disallow(site: CheckSite) -> None:
    with site.emulator.project.now() as project:
        for entry in list(project.access_list):
            project.access_list.delete(entry)


def hide_names(site: CheckSite) -> None:
    site.ec2.modify_vpc_attribute(VpcId=site.vpc.vpc_id, EnableDnsHostnames={"Value": False})


def close_mongodb(site: CheckSite) -> None:
    site.vpc.close_mongodb("192.168.0.0/16")


def pause(site: CheckSite) -> None:
    site.put_cluster("shop", "AWS", "US_EAST_1", paused=True)


def pause_another(site: CheckSite) -> None:
    site.put_cluster("staging", "AWS", "US_EAST_1", paused=True)


def add_second_region(site: CheckSite) -> None:
    site.put_cluster("shop", "AWS", "US_EAST_1", "EU_WEST_1")


def expire(site: CheckSite) -> None:
    site.front.status[site.connection_id] = ("expired", "Expired")


def add_dns_servers(site: CheckSite) -> None:
    made = site.ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name-servers", "Values": ["10.15.0.53"]}])
    site.ec2.associate_dhcp_options(DhcpOptionsId=made["DhcpOptions"]["DhcpOptionsId"], VpcId=site.vpc.vpc_id)


def add_block(site: CheckSite) -> None:
    site.ec2.associate_vpc_cidr_block(VpcId=site.vpc.vpc_id, CidrBlock="100.64.0.0/16")
    site.vpc.add_subnet("100.64.1.0/24")


def fail_in_atlas(site: CheckSite) -> None:
    with site.emulator.project.now() as project:
        (peer,) = project.peers
        assert project.peers.fail(peer, "INVALID_ARGUMENT", only_waiting=False)


@pytest.mark.parametrize(
    ("seed", "codes", "verdict"),
    [
        (remove_route, {"P601": "fail"}, "not_reachable"),
        (route_a_part_elsewhere, {"P601": "fail"}, "not_reachable"),
        (disallow, {"P301": "fail"}, "not_reachable"),
        (hide_names, {"P501": "fail"}, "not_reachable"),
        (close_mongodb, {"P701": "fail"}, "not_reachable"),
        (pause, {"P203": "fail"}, "not_reachable"),
        (pause_another, {"P203": "warn"}, "reachable_by_design"),
        (add_second_region, {"P202": "fail"}, "not_reachable"),
        (expire, {"P402": "fail"}, "not_reachable"),
        (add_dns_servers, {"P205": "warn", "P502": "unknown"}, "unknown"),
        (add_block, {"P301": "fail", "P607": "fail"}, "not_reachable"),
        (fail_in_atlas, {"P102": "fail"}, "not_reachable"),
    ],
)
def test_a_fault_gives_its_codes(site: CheckSite, seed: Callable[[CheckSite], Any], codes: dict[str, str], verdict: str) -> None:
    seed(site)
    done = site.run()
    assert (done.found, done.check["verdict"], done.failed) == (codes, verdict, verdict == "not_reachable")
    if done.failed:
        first = done.finding(min(code for code, severity in codes.items() if severity == "fail"))
        assert done.msg.startswith(f"{done.check['summary']} {first['code']} {first['message']}")


@pytest.mark.parametrize(
    ("fail_on", "seed", "fails"),
    [
        ("fail", remove_route, True),
        ("fail", pause_another, False),
        ("warn", pause_another, True),
        ("never", remove_route, False),
        ("never", pause_another, False),
    ],
)
def test_fail_on_says_when_to_fail(site: CheckSite, fail_on: str, seed: Callable[[CheckSite], Any], *, fails: bool) -> None:
    seed(site)
    done = site.run(fail_on=fail_on)
    assert done.failed == fails
    assert (fails and "fail_on is warn" in done.msg) == (fails and fail_on == "warn")
    assert done.connection["checks"]


def test_a_subnet_has_a_verdict_of_its_own(site: CheckSite) -> None:
    other = site.vpc.add_subnet("10.15.2.0/24")
    table = site.ec2.create_route_table(VpcId=site.vpc.vpc_id)["RouteTable"]["RouteTableId"]
    site.ec2.associate_route_table(RouteTableId=table, SubnetId=other)
    done = site.run()
    assert done.found == {"P601": "fail"}
    expected = {site.vpc.subnet_id: "reachable_by_design", other: "not_reachable"}
    assert {one["subnet_id"]: one["verdict"] for one in done.connection["subnets"]} == expected
    chosen = site.run(subnet_ids=[site.vpc.subnet_id])
    assert chosen.check["verdict"] == "reachable_by_design"


def test_a_request_that_waits_tells_until_when(site: CheckSite) -> None:
    site.front.status[site.connection_id] = ("pending-acceptance", "Pending")
    done = site.run()
    assert (done.found, done.connection["expires_at"]) == ({"P402": "fail"}, "2026-08-01T12:00:00Z")


def test_private_zones_are_read_once_and_by_their_owner(site: CheckSite) -> None:
    """One that has all names of the cluster is fine, one without is not, and one that is narrower than the names is not read."""
    site.add_zone("mongodb.net", "*.mongodb.net")
    site.add_zone("corp.example")
    site.add_zone("other.mongodb.net")
    done = site.run()
    assert (done.found, done.check["verdict"]) == ({}, "reachable_by_design")
    asked = [one for one in site.front.actions if one in ("GetHostedZone", "ListResourceRecordSets")]
    assert sorted(asked) == ["GetHostedZone", "ListResourceRecordSets"]
    domain = f"{site.emulator.settings.group_id[-5:]}.mongodb.net"
    site.add_zone(domain, f"_mongodb._tcp.shop.{domain}")
    done = site.run()
    assert (done.found, done.check["verdict"]) == ({"P503": "fail"}, "not_reachable")
    assert "no connection string of shop is left" in done.finding("P503")["message"]
    assert done.finding("P503")["evidence"]["owner"] == site.account.id


def test_a_zone_with_addresses_of_others_leads_nowhere(site: CheckSite) -> None:
    site.add_zone("mongodb.net", "*.mongodb.net", address="10.99.1.5")
    done = site.run()
    assert (done.found, done.check["verdict"]) == ({"P503": "fail"}, "not_reachable")
    finding = done.finding("P503")
    assert "10.99.1.5" in finding["message"]
    assert {address for found in finding["evidence"]["addresses"].values() for address in found} == {"10.99.1.5"}


def test_a_zone_of_another_account_is_unknown(site: CheckSite) -> None:
    site.front.zone_owner = "999999999999"
    site.add_zone("mongodb.net", "*.mongodb.net")
    done = site.run()
    assert (done.found, done.check["verdict"]) == ({"P503": "unknown"}, "unknown")
    assert done.finding("P503")["message"] == (
        "The private zone mongodb.net belongs to account 999999999999, which alone can read it."
    )
    assert "GetHostedZone" not in site.front.actions


@pytest.mark.parametrize(
    ("features", "found"),
    [
        ("<PublicDNSFallbackStatus>ENABLED</PublicDNSFallbackStatus>", {}),
        ("<PublicDNSFallbackStatus>DISABLED</PublicDNSFallbackStatus>", {"P503": "fail"}),
        ("<PublicDNSFallbackStatus>DISABLING</PublicDNSFallbackStatus>", {"P503": "unknown"}),
        ("<AcceleratedRecoveryStatus>ENABLED</AcceleratedRecoveryStatus>", {"P503": "fail"}),
    ],
)
def test_public_dns_answers_for_what_a_zone_lacks(site: CheckSite, features: str, found: dict[str, str]) -> None:
    """Source: HostedZoneFeatures in botocore's description of Route 53."""
    zone_id = site.add_zone("mongodb.net")
    shown = f"<Id>{zone_id}</Id><Name>mongodb.net.</Name><CallerReference>1</CallerReference><Features>{features}</Features>"
    space = "https://route53.amazonaws.com/doc/2013-04-01/"
    body = f'<GetHostedZoneResponse xmlns="{space}"><HostedZone>{shown}</HostedZone></GetHostedZoneResponse>'
    site.front.rule("GetHostedZone", Reply(200, body.encode(), (("Content-Type", "text/xml"),)))
    assert site.run().found == found


def test_a_further_region_needs_its_own_route(site: CheckSite) -> None:
    container_id = site.add_container("EU_WEST_1", "192.168.240.0/21")
    second = site.vpc.accept(container_id)
    add_second_region(site)
    entry = {"vpc_id": site.vpc.vpc_id, "container_region": "us-east-1"}
    done = site.run(connections=[entry])
    assert done.found == {"P202": "fail"}
    assert f"P601 reports: 192.168.240.0/21 has no route in {site.vpc.table['RouteTableId']}" in done.finding("P202")["message"]
    site.put_cluster("shop", "AWS", "US_EAST_1", "EU_WEST_1", cluster_type="SHARDED")
    assert site.run(connections=[entry]).found == {"P202": "warn"}
    site.vpc.route("192.168.240.0/21", VpcPeeringConnectionId=second)
    assert site.run(connections=[entry]).found == {}


def test_a_zone_of_several_vpcs_is_read_once_and_whole(site: CheckSite) -> None:
    """Route 53 has at most 300 records on a page, and the next one has no token."""
    other = CheckedVpc(site.emulator, site.account, block="10.16.0.0/16")
    other.connect_all(site.front.upstream)
    zone_id = site.add_zone("mongodb.net", "*.mongodb.net", *(f"n{number}.mongodb.net" for number in range(150)))
    place = {"VPCRegion": "us-east-1", "VPCId": other.vpc_id}
    site.account.route53().associate_vpc_with_hosted_zone(HostedZoneId=zone_id, VPC=place)
    done = site.run()
    assert (done.check["verdict"], len(done.check["connections"])) == ("reachable_by_design", 2)
    asked = Counter(one for one in site.front.actions if one in ("GetHostedZone", "ListResourceRecordSets"))
    assert asked == {"GetHostedZone": 1, "ListResourceRecordSets": 2}


def test_settings_that_look_in_another_region_remove_nothing(site: CheckSite) -> None:
    """AWS knows neither the connection nor the VPC there, and Atlas says where both are."""
    done = site.run(connections=[{"vpc_id": site.vpc.vpc_id, "region": "eu-west-1"}])
    assert (done.found, done.check["verdict"]) == ({"P401": "unknown", "P404": "unknown"}, "unknown")
    for code in ("P401", "P404"):
        finding = done.finding(code)
        assert finding["message"] == "The settings look in eu-west-1; Atlas has the VPC in us-east-1."
        assert finding["fix"] == "Set region to us-east-1."
