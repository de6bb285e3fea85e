"""What a survey asks AWS, and what it makes of replies that moto does not give."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import replies
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import AclRule, DhcpOptions, GroupRule, Ports
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.options import NAMES
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.replies import OddReplyError, member
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.survey import Survey
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


@pytest.mark.parametrize(
    ("error", "quota"),
    [(None, 60), (TaskError("No.", error_code="NoSuchResourceException"), 50), (TaskError("No.", error_code="Other"), None)],
)
def test_a_quota_that_nobody_has_changed_is_that_of_everybody(error: TaskError | None, quota: int | None) -> None:
    recorder: Any = Recorder(error)
    ask = Survey(recorder, []).rounds[0]()["quota", "L-7E9ECCDB"]
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
