"""A reply of AWS with anything in the wrong place is unknown, or changes nothing: no traceback, and never a better verdict."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.options import NAMES
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.survey import Survey, carry_out
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.aws_half import read_zones, to_aws_facts
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import judge
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.p5_dns import zones_in_question
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ACCOUNT_ID,
    ATLAS_BLOCK,
    CONNECTION_ID,
    GROUP_ID,
    INSTANCE_ID,
    SUBNET_IDS,
    VPC_BLOCK,
    VPC_ID,
    healthy,
)
from hypothesis import given
from hypothesis import strategies as st

LIST_ID = "pl-0a1b2c3d4e5f60001"
Pages = dict[str, dict[str, Any]]


def side(vpc_id: str, owner: str, block: str) -> dict[str, Any]:
    options = {"AllowDnsResolutionFromRemoteVpc": True}
    blocks = [{"CidrBlock": block}]
    return {"VpcId": vpc_id, "OwnerId": owner, "Region": "us-east-1", "CidrBlockSet": blocks, "PeeringOptions": options}


def rule(number: int, action: str, *, egress: bool) -> dict[str, Any]:
    return {"RuleNumber": number, "RuleAction": action, "Egress": egress, "Protocol": "-1", "CidrBlock": "0.0.0.0/0"}


#: What AWS replies for a connection that carries traffic, by action.
ZONE = {"HostedZoneId": "Z1", "Name": "abcde.mongodb.net.", "Owner": {"OwningAccount": ACCOUNT_ID}}
GOOD: Pages = {
    "DescribeVpcPeeringConnections": {
        "VpcPeeringConnections": [
            {
                "VpcPeeringConnectionId": CONNECTION_ID,
                "Status": {"Code": "active", "Message": "Active"},
                "RequesterVpcInfo": side("vpc-0f0e0d0c0b0a00001", "999999999999", ATLAS_BLOCK),
                "AccepterVpcInfo": side(VPC_ID, ACCOUNT_ID, VPC_BLOCK),
                "Tags": [],
            }
        ]
    },
    "DescribeVpcs": {
        "Vpcs": [
            {
                "VpcId": VPC_ID,
                "OwnerId": ACCOUNT_ID,
                "CidrBlock": VPC_BLOCK,
                "CidrBlockAssociationSet": [{"CidrBlock": VPC_BLOCK, "CidrBlockState": {"State": "associated"}}],
                "DhcpOptionsId": "dopt-1",
            }
        ]
    },
    "DescribeSubnets": {"Subnets": [{"SubnetId": SUBNET_IDS[0], "VpcId": VPC_ID, "CidrBlock": "10.15.1.0/24"}]},
    "DescribeRouteTables": {
        "RouteTables": [
            {
                "RouteTableId": "rtb-0a1b2c3d4e5f60001",
                "VpcId": VPC_ID,
                "Associations": [{"Main": True, "AssociationState": {"State": "associated"}}],
                "Routes": [
                    {"DestinationCidrBlock": VPC_BLOCK, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"},
                    {"DestinationCidrBlock": ATLAS_BLOCK, "VpcPeeringConnectionId": CONNECTION_ID, "State": "active"},
                ],
                "Tags": [{"Key": "tier", "Value": "app"}],
            }
        ]
    },
    "DescribeNetworkAcls": {
        "NetworkAcls": [
            {
                "NetworkAclId": "acl-0a1b2c3d4e5f60001",
                "VpcId": VPC_ID,
                "Associations": [{"SubnetId": SUBNET_IDS[0]}],
                "Entries": [
                    rule(100, "allow", egress=True),
                    {**rule(90, "allow", egress=True), "Protocol": "6", "PortRange": {"From": 27017, "To": 27017}},
                    rule(32767, "deny", egress=True),
                    rule(100, "allow", egress=False),
                    rule(32767, "deny", egress=False),
                ],
            }
        ]
    },
    "DescribeSecurityGroups": {
        "SecurityGroups": [
            {
                "GroupId": GROUP_ID,
                "VpcId": VPC_ID,
                "IpPermissionsEgress": [
                    {"IpProtocol": "tcp", "FromPort": 27015, "ToPort": 27017, "IpRanges": [{"CidrIp": ATLAS_BLOCK}]},
                    {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": LIST_ID}]},
                ],
            }
        ]
    },
    "DescribeNetworkInterfaces": {
        "NetworkInterfaces": [
            {
                "NetworkInterfaceId": "eni-0a1b2c3d4e5f60001",
                "VpcId": VPC_ID,
                "SubnetId": SUBNET_IDS[0],
                "Attachment": {"InstanceId": INSTANCE_ID, "DeviceIndex": 0, "NetworkCardIndex": 0},
                "Groups": [{"GroupId": GROUP_ID}],
                "InterfaceType": "interface",
                "RequesterId": "123456789012",
                "Status": "in-use",
                "Description": "Primary network interface",
                "PrivateIpAddresses": [{"PrivateIpAddress": "10.15.1.5", "Primary": True}],
            }
        ]
    },
    "DescribeDhcpOptions": {
        "DhcpOptions": [
            {
                "DhcpOptionsId": "dopt-1",
                "DhcpConfigurations": [{"Key": "domain-name-servers", "Values": [{"Value": "AmazonProvidedDNS"}]}],
            }
        ]
    },
    "DescribeVpcAttribute": {"EnableDnsSupport": {"Value": True}, "EnableDnsHostnames": {"Value": True}},
    "GetManagedPrefixListEntries": {"Entries": [{"Cidr": "10.99.0.0/16"}]},
    "ListHostedZonesByVPC": {"HostedZoneSummaries": [ZONE]},
    "GetHostedZone": {
        "HostedZone": {"Id": "Z1", "Name": "abcde.mongodb.net.", "Features": {"PublicDNSFallbackStatus": "DISABLED"}}
    },
    "ListResourceRecordSets": {
        "ResourceRecordSets": [
            {"Name": "*.abcde.mongodb.net.", "Type": "A", "ResourceRecords": [{"Value": "192.168.248.5"}]},
            {
                "Name": "_mongodb._tcp.shop.abcde.mongodb.net.",
                "Type": "SRV",
                "ResourceRecords": [{"Value": "0 0 27017 a.example."}],
            },
        ]
    },
    "ListResolverRules": {"ResolverRules": [{"Id": "rr-1", "DomainName": "example.com.", "RuleType": "FORWARD"}]},
    "ListResolverRuleAssociations": {"ResolverRuleAssociations": [{"VPCId": VPC_ID, "ResolverRuleId": "rr-1"}]},
    "GetServiceQuota": {"Quota": {"Value": 50.0}},
}


class Told:
    """In place of a session with AWS: it replies what it was told to."""

    region = "us-east-1"
    names = NAMES

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self.actions: set[str] = set()

    def find_account_id(self) -> str:
        return ACCOUNT_ID

    def knows(self, *_member: str) -> bool:
        return True

    def read_pages(self, _description: str, _service: str, action: str, **_parameters: Any) -> list[Any]:
        self.actions.add(action)
        return [self._pages[action]]


def checked(pages: Pages) -> tuple[Any, Told, Survey]:
    """Return the result for these replies, with what was asked."""
    session: Any = Told(pages)
    survey = Survey(session, [VPC_ID], group_ids=[GROUP_ID])
    carry_out([survey])
    selection = {"instance_ids": (INSTANCE_ID,), "security_group_ids": (GROUP_ID,)}
    facts = dataclasses.replace(healthy(selection=selection), aws=to_aws_facts(survey, VPC_ID, CONNECTION_ID))
    contents = read_zones([survey], zones_in_question(facts))
    facts = dataclasses.replace(facts, aws=dataclasses.replace(facts.aws, zone_contents=contents))
    return judge([facts], lambda unused: True), session, survey


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where there is something in a reply."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in items for place in places(one, (*path, key)))]


PLACES = [(action, place) for action, page in GOOD.items() for place in places(page) if place]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 70000),
    st.floats(),
    st.sampled_from(["", "x", "-1", "10.0.0.1/8", "::/0", "0.0.0.0/33", "2026-01-01"]),
    st.sampled_from([[], {}, [None], [5], [{}], {"x": {}}, [[]]]),
)


def put(pages: Pages, action: str, place: tuple[Any, ...], value: Any) -> None:
    inner: Any = pages[action]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value


def test_the_good_replies_are_good_and_all_are_asked_for() -> None:
    result, session, survey = checked(GOOD)
    assert result["verdict"] == "reachable_by_design"
    assert session.actions == GOOD.keys()
    assert not [answer for answer in survey.answers.values() if isinstance(answer, TaskError)]
    wrong = [one for one in result["connections"][0]["checks"] if one["severity"] not in ("ok", "info", "skipped")]
    assert wrong == []


@examples(250)
@given(st.sampled_from(PLACES), ODD)
def test_what_is_in_the_wrong_place_ends_in_no_traceback(where: tuple[str, tuple[Any, ...]], value: Any) -> None:
    pages = copy.deepcopy(GOOD)
    put(pages, *where, value)
    result, unused, survey = checked(pages)
    for answer in survey.answers.values():
        if isinstance(answer, TaskError):
            assert "the reply is not one of AWS" in str(answer)
    assert result["verdict"] in ("reachable_by_design", "not_reachable", "unknown")


#: AWS leaves these out where they are empty, and a rule without its blocks lets less through.
MAY_LACK = {"Tags", "IpRanges", "PrefixListIds", "PrivateIpAddresses", "CidrBlockSet", "CidrBlockAssociationSet"}


def is_list(action: str, place: tuple[Any, ...]) -> bool:
    inner: Any = GOOD[action]
    for key in place:
        inner = inner[key]
    return isinstance(inner, list)


@examples(60)
@given(st.sampled_from([(action, place) for action, place in PLACES if is_list(action, place) and place[-1] not in MAY_LACK]))
def test_a_list_that_is_not_there_is_not_taken_for_an_empty_one(where: tuple[str, tuple[Any, ...]]) -> None:
    action, place = where
    pages = copy.deepcopy(GOOD)
    inner: Any = pages[action]
    for key in place[:-1]:
        inner = inner[key]
    del inner[place[-1]]
    unused, unused_session, survey = checked(pages)
    assert any(isinstance(answer, TaskError) for answer in survey.answers.values())
