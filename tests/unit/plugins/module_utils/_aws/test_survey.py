"""What a survey asks AWS, and what it makes of replies that moto does not give."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import replies
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import AclRule, DhcpOptions, GroupRule, Ports
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.options import NAMES
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.replies import OddReplyError, member
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.survey import Survey, carry_out, readers_for
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.aws_half import VpcSurvey
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError


class Recorder:
    """In place of a session with AWS: it keeps what it is asked, and replies with nothing or with an error."""

    region = "us-east-1"
    names = NAMES

    def __init__(self, error: TaskError | None = None) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._error = error

    def find_account_id(self) -> None:
        """Do not tell."""

    def read_pages(self, _description: str, _service: str, action: str, **parameters: Any) -> list[Any]:
        self.asked.append((action, parameters))
        if self._error is not None:
            raise self._error
        return [{"Subnets": [], "Quota": {"Value": 60.0}}]


def test_a_filter_has_as_many_values_as_aws_takes() -> None:
    recorder: Any = Recorder()
    survey = Survey(recorder, [f"vpc-{number:08x}" for number in range(450)])
    (first, *_others) = survey.rounds
    assert first()["subnets",]() == []
    assert [len(parameters["Filters"][0]["Values"]) for _action, parameters in recorder.asked] == [200, 200, 50]


class Region(Recorder):
    """An account with some VPCs, which share a set of DHCP options, and with nothing else than `lists` have."""

    def __init__(self, vpcs: int, **lists: list[dict[str, Any]]) -> None:
        super().__init__()
        self.vpc_ids = [f"vpc-{number:08x}" for number in range(vpcs)]
        found = [{"VpcId": one, "CidrBlock": "10.0.0.0/16", "DhcpOptionsId": "dopt-1"} for one in self.vpc_ids]
        self._page = {**{name: [] for name in LISTS}, **ALWAYS, "Vpcs": found, **lists}

    def find_account_id(self) -> None:
        self.asked.append(("GetCallerIdentity", {}))

    def read_pages(self, _description: str, _service: str, action: str, **parameters: Any) -> list[Any]:
        self.asked.append((action, parameters))
        return [self._page]

    def survey(self, **named: Any) -> Survey:
        """Ask all that there is to ask."""
        survey = Survey(self, self.vpc_ids, **named)  # type: ignore[arg-type]
        carry_out([survey])
        return survey


ON, OFF = {"Value": True}, {"Value": False}
ALWAYS = {"Quota": {"Value": 50.0}, "EnableDnsSupport": ON, "EnableDnsHostnames": OFF}
LISTS = (
    *("DhcpOptions", "Entries", "HostedZoneSummaries", "NetworkAcls", "NetworkInterfaces", "ResolverRuleAssociations"),
    *("ResolverRules", "RouteTables", "SecurityGroups", "Subnets", "VpcPeeringConnections"),
)


def group_of(group_id: str, list_id: str) -> dict[str, Any]:
    """Return a group of the first VPC with egress to a prefix list."""
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": list_id}]}
    return {"GroupId": group_id, "VpcId": "vpc-00000000", "IpPermissionsEgress": [rule]}


def eni_of(group_id: str, **fields: Any) -> dict[str, Any]:
    place = {
        "NetworkInterfaceId": f"eni-{group_id}",
        "VpcId": "vpc-00000000",
        "SubnetId": "subnet-1",
        "InterfaceType": "interface",
    }
    return {**place, "Groups": [{"GroupId": group_id}], "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.5"}], **fields}


@pytest.mark.parametrize(("vpcs", "requests"), [(1, 16), (10, 43), (50, 163)])
def test_the_requests_for_the_vpcs_of_an_account_and_region(vpcs: int, requests: int) -> None:
    """Three a VPC, and one a kind of object."""
    region = Region(vpcs)
    region.survey()
    calls = Counter(action for action, _parameters in region.asked)
    assert sum(calls.values()) == requests
    singly = {"DescribeVpcAttribute": 2 * vpcs, "ListHostedZonesByVPC": vpcs, "GetServiceQuota": 2}
    assert {action: calls.pop(action) for action in singly} == singly
    assert set(calls.values()) == {1}


def test_interfaces_and_groups_are_lists_of_all_vpcs_in_pages() -> None:
    region = Region(201)
    region.survey()
    for action in ("DescribeNetworkInterfaces", "DescribeSecurityGroups"):
        asked = [parameters for name, parameters in region.asked if name == action]
        assert [one["Filters"][0]["Name"] for one in asked] == ["vpc-id", "vpc-id"]
        assert [len(one["Filters"][0]["Values"]) for one in asked] == [200, 1]
        assert {one["MaxResults"] for one in asked} == {1000}


def test_only_the_groups_of_clients_are_read_further() -> None:
    """Prefix lists of their rules, and those that are of another VPC: shared, associated, or wrong in the access list."""
    groups = [group_of("sg-app", "pl-app"), group_of("sg-elb", "pl-elb"), group_of("sg-unused", "pl-unused")]
    interfaces = [eni_of("sg-app"), eni_of("sg-shared"), eni_of("sg-elb", RequesterId="amazon-elb")]
    interfaces += [eni_of("sg-unused", Status="available"), eni_of("sg-elb", Description="Amazon EKS shop")]
    region = Region(1, SecurityGroups=groups, NetworkInterfaces=interfaces)
    region.survey(group_ids={"sg-listed"})
    filters = [one["Filters"][0] for name, one in region.asked if name == "DescribeSecurityGroups"]
    assert filters[1:] == [{"Name": "group-id", "Values": ["sg-listed", "sg-shared"]}]
    assert [one["PrefixListId"] for name, one in region.asked if name == "GetManagedPrefixListEntries"] == ["pl-app"]


def test_the_lists_of_gateway_endpoints_are_not_read() -> None:
    """Neither for the route nor for the groups of that VPC: a list of S3 has public addresses."""
    local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}
    to_lists = [
        {"DestinationPrefixListId": "pl-s3", "GatewayId": "vpce-1"},
        {"DestinationPrefixListId": "pl-app", "TransitGatewayId": "tgw-1"},
    ]
    tables = [{"RouteTableId": "rtb-1", "VpcId": "vpc-00000000", "Routes": [local, *to_lists], "Associations": []}]
    groups = [group_of("sg-app", "pl-s3"), {**group_of("sg-other", "pl-dynamodb")}]
    region = Region(1, RouteTables=tables, SecurityGroups=groups, NetworkInterfaces=[eni_of("sg-app"), eni_of("sg-other")])
    region.survey()
    asked = [one["PrefixListId"] for name, one in region.asked if name == "GetManagedPrefixListEntries"]
    assert asked == ["pl-app", "pl-dynamodb"]


def test_route_53_is_asked_once_the_account_is_known() -> None:
    """Its limit is that of the account, whatever the session."""
    region = Region(1)
    region.survey()
    asked = [action for action, _parameters in region.asked]
    assert asked.index("GetCallerIdentity") < asked.index("ListHostedZonesByVPC")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("interface", None, ("10.0.0.5",), None)),
        ({"InterfaceType": "lambda", "RequesterId": "AROA:1"}, ("lambda", "AROA:1", ("10.0.0.5",), None)),
        ({"InterfaceType": None, "PrivateIpAddresses": [], "Attachment": {"InstanceId": "i-1"}}, ("", None, (), "i-1")),
    ],
)
def test_a_network_interface(fields: dict[str, Any], expected: tuple[Any, ...]) -> None:
    parsed = replies.parse_interface(eni_of("sg-1", **fields))
    assert (parsed.type, parsed.requester_id, parsed.addresses, parsed.instance_id) == expected


def test_the_addresses_and_the_place_of_a_network_interface() -> None:
    """Pods on nodes of EKS may have addresses of a block that is delegated to an interface (Ipv4Prefixes)."""
    shown = [{"PrivateIpAddress": "10.0.0.6", "Primary": False}, {"PrivateIpAddress": "10.0.0.5", "Primary": True}]
    parsed = replies.parse_interface(eni_of("sg-1", PrivateIpAddresses=shown, Ipv4Prefixes=[{"Ipv4Prefix": "10.0.0.16/28"}]))
    assert parsed.addresses == ("10.0.0.5", "10.0.0.6", "10.0.0.16/28")
    places = [{"DeviceIndex": 0}, {"DeviceIndex": 0, "NetworkCardIndex": 1}, {"DeviceIndex": 1, "NetworkCardIndex": 0}, {}]
    found = [replies.parse_interface(eni_of("sg-1", Attachment={"InstanceId": "i-1", **one})).is_second for one in places]
    assert found == [False, True, True, False]
    assert not replies.parse_interface(eni_of("sg-1", Attachment={"InstanceOwnerId": "339713109942", "DeviceIndex": 1})).is_second


@pytest.mark.parametrize(
    "fields",
    [
        {"InterfaceType": 5},
        {"RequesterId": []},
        {"Description": 5},
        {"Status": True},
        {"Attachment": {"InstanceId": "i-1", "DeviceIndex": "1"}},
        {"PrivateIpAddresses": [{"PrivateIpAddress": "here"}]},
        {"Ipv4Prefixes": [{"Ipv4Prefix": "10.0.0.5/28"}]},
        {"Groups": None},
    ],
)
def test_an_odd_network_interface_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no |not a text|Expected 4 octets|host bits set"):
        replies.parse_interface(eni_of("sg-1", **fields))


@pytest.mark.parametrize(
    ("code", "error", "quota"),
    [
        ("L-7E9ECCDB", None, 60),
        # "Amazon VPC quotas" in the Amazon VPC user guide.
        ("L-7E9ECCDB", TaskError("No.", error_code="NoSuchResourceException"), 50),
        ("L-93826ACB", TaskError("No.", error_code="NoSuchResourceException"), 500),
        ("L-7E9ECCDB", TaskError("No.", error_code="Other"), None),
    ],
)
def test_a_quota_that_nobody_has_changed_is_that_of_everybody(code: str, error: TaskError | None, quota: int | None) -> None:
    recorder: Any = Recorder(error)
    ask = Survey(recorder, []).rounds[0]()["quota", code]
    if quota is None:
        with pytest.raises(TaskError):
            ask()
    else:
        assert ask() == quota


@pytest.mark.parametrize(
    ("rule", "ports"),
    [
        ({"IpProtocol": "-1"}, None),
        ({"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}, None),
        ({"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535}, None),
        ({"IpProtocol": "tcp", "FromPort": 27017, "ToPort": 27019}, Ports(27017, 27019)),
        ({"IpProtocol": "6", "FromPort": 443, "ToPort": 443}, Ports(443, 443)),
    ],
)
def test_the_ports_of_a_rule_of_a_group(rule: dict[str, Any], ports: Ports | None) -> None:
    reply = {"GroupId": "sg-1", "VpcId": "vpc-1", "IpPermissionsEgress": [rule]}
    assert replies.parse_group(reply).egress == (GroupRule(rule["IpProtocol"], ports, (), ()),)


def test_rules_of_an_acl_for_ipv6_are_left_out() -> None:
    both = {"RuleAction": "allow", "Protocol": "1", "Egress": True, "PortRange": {"From": 0, "To": 0}}
    entries = [{**both, "RuleNumber": 1, "Ipv6CidrBlock": "::/0"}, {**both, "RuleNumber": 2, "CidrBlock": "10.0.0.0/8"}]
    acl = replies.parse_acl({"NetworkAclId": "acl-1", "VpcId": "vpc-1", "Associations": [], "Entries": entries})
    assert acl.rules == (AclRule(2, True, True, "1", "10.0.0.0/8", None),)
    # Their numbers cannot be given once more.
    assert (acl.taken(is_egress=True), acl.taken(is_egress=False)) == ({1, 2}, set())


def test_options_without_a_name_server_leave_that_of_the_vpc() -> None:
    reply = {"DhcpOptionsId": "dopt-1", "DhcpConfigurations": [{"Key": "domain-name", "Values": [{"Value": "example.com"}]}]}
    assert replies.parse_dhcp_options(reply) == DhcpOptions("dopt-1", ())


def test_a_subnet_for_ipv6_alone_has_no_block() -> None:
    ids = {"SubnetId": "subnet-1", "VpcId": "vpc-1"}
    assert replies.parse_subnet({**ids, "Ipv6CidrBlockAssociationSet": [{}]}).cidr_block is None
    with pytest.raises(OddReplyError):
        replies.parse_subnet(ids)


def test_a_boolean_is_no_number() -> None:
    assert member({"one": 1}, "one", int) == 1
    with pytest.raises(OddReplyError, match="no one"):
        member({"one": True}, "one", int)


def test_a_rule_that_delegates_has_no_domain() -> None:
    """Source: ResolverRule in botocore's description of route53resolver, which has DelegationRecord in place of DomainName."""
    assert replies.parse_resolver_rule({"Id": "rr-1", "RuleType": "DELEGATE"}).domain_name == ""
    with pytest.raises(OddReplyError):
        replies.parse_resolver_rule({"Id": "rr-1", "RuleType": "FORWARD"})


@pytest.mark.parametrize(
    ("control", "refuses"),
    [
        (None, False),
        ({"Mode": "monitor", "State": "available"}, False),
        ({"Mode": "enforce", "State": "enforce-in-progress"}, False),
        ({"Mode": "enforce", "State": "available"}, True),
        ({"Mode": "enforce", "State": "available", "ResourceExclusions": {"VpcPeering": {"State": "enabled"}}}, False),
        ({"Mode": "enforce", "State": "available", "ResourceExclusions": {"VpcPeering": {"State": "disabled"}}}, True),
        ({"Mode": "enforce", "State": "available", "ResourceExclusions": {"NatGateway": {"State": "enabled"}}}, True),
    ],
)
def test_encryption_controls_that_stop_peerings(control: dict[str, Any] | None, refuses: bool) -> None:
    """Source: VpcEncryptionControl in botocore's description of EC2."""
    reply = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", **({"EncryptionControl": control} if control else {})}
    assert replies.parse_vpc(reply).refuses_peerings is refuses


def test_a_star_in_a_name_of_route_53_is_a_number() -> None:
    """Source: "DNS domain name format" in the developer guide of Route 53."""
    record = replies.parse_record({"Name": "\\052.Example.com.", "Type": "A", "ResourceRecords": [{"Value": "10.0.0.1"}]})
    assert (record.name, record.type) == ("*.example.com", "A")


@pytest.mark.parametrize(
    ("fields", "values", "is_alias"),
    [
        (
            {"Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.0.0.1"}, {"Value": "10.0.0.2"}]},
            ("10.0.0.1", "10.0.0.2"),
            False,
        ),
        ({"Type": "AAAA", "ResourceRecords": [{"Value": "2001:DB8:0::1"}]}, ("2001:db8::1",), False),
        ({"Type": "CNAME", "ResourceRecords": [{"Value": "a.example.com"}]}, ("a.example.com",), False),
        ({"Type": "A", "AliasTarget": {"HostedZoneId": "Z1", "DNSName": "a.", "EvaluateTargetHealth": False}}, (), True),
    ],
)
def test_record_sets_have_values_or_are_aliases(fields: dict[str, Any], values: tuple[str, ...], is_alias: bool) -> None:
    """Source: ResourceRecordSet in botocore's description of Route 53."""
    record = replies.parse_record({"Name": "a.example.com.", **fields})
    assert (record.values, record.is_alias) == (values, is_alias)


def test_a_record_of_an_address_has_one() -> None:
    with pytest.raises(ValueError, match="not appear to be an IPv4 or IPv6 address"):
        replies.parse_record({"Name": "a.example.com.", "Type": "A", "ResourceRecords": [{"Value": "a.example.com"}]})


def test_the_primary_block_of_a_vpc_is_the_first() -> None:
    """Source: Vpc in botocore's description of EC2, whose set has all blocks; `CidrBlock` is the primary one."""
    blocks = [{"CidrBlock": one, "CidrBlockState": {"State": "associated"}} for one in ("100.64.0.0/16", "10.0.0.0/16")]
    reply = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "CidrBlockAssociationSet": blocks}
    assert replies.parse_vpc(reply).cidr_blocks == ["10.0.0.0/16", "100.64.0.0/16"]


@pytest.mark.parametrize(
    ("tags", "name"), [(None, None), ([{"Key": "Name", "Value": "shop"}], "shop"), ([{"Key": "Name"}, {"Key": "team"}], None)]
)
def test_the_name_of_a_network_is_its_tag(tags: list[dict[str, str]] | None, name: str | None) -> None:
    # Source: "Tag your Amazon EC2 resources" in the Amazon EC2 user guide: consoles show the tag Name.
    vpc = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "Tags": tags}
    subnet = {"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24", "Tags": tags}
    assert (replies.parse_vpc(vpc).name, replies.parse_subnet(subnet).name) == (name, name)


def test_requests_to_several_places_do_not_wait_for_each_other() -> None:
    """Each account and region has its own limits; beyond three of them, the processor is the limit."""
    assert [readers_for(places) for places in (0, 1, 2, 3, 40)] == [8, 8, 16, 24, 24]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("COMPLETE", ["rr-1"]), (None, ["rr-1"]), *((one, one) for one in ("CREATING", "DELETING", "FAILED", "OVERRIDDEN"))],
)
def test_only_resolver_rules_in_force_count(status: str | None, expected: list[str] | str) -> None:
    """Source of the statuses: ResolverRuleAssociationStatus in the service model of route53resolver."""
    rule = {"Id": "rr-1", "DomainName": "mongodb.net.", "RuleType": "FORWARD"}
    association = {"VPCId": "vpc-00000000", "ResolverRuleId": "rr-1", "Status": status}
    survey = Region(1, ResolverRules=[rule], ResolverRuleAssociations=[association]).survey()
    found = VpcSurvey(survey, "vpc-00000000").resolver_rules()
    assert ([one.id for one in found] if isinstance(found, list) else found.message.split()[-1].rstrip(".")) == expected
