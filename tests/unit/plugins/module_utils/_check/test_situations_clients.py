"""Who the clients in a VPC are: what is true of them in the world, and what the check says and concludes."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, replace
from typing import Any

import botocore.session
import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import (
    AclRule,
    GroupRule,
    Interface,
    Ports,
    Route,
    Subnet,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import ConnectionFacts, Unread
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import verdict_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.common import judged_subnets
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.interfaces import SENDS_FIRST
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.p3_access_list import deciding_entries
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import find_not_looked_at, run_checks
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ATLAS_BLOCK,
    MAIN_TABLE_ID,
    NOW,
    SUBNET_BLOCKS,
    SUBNET_IDS,
    TABLE_ID,
    VPC_BLOCK,
    VPC_ID,
    acl,
    cluster,
    entry,
    found,
    group,
    healthy,
    peer,
    region,
    severities,
    table,
)

I1, I2 = "i-0a1b2c3d4e5f60001", "i-0a1b2c3d4e5f60002"
APP, BATCH, ELSEWHERE = "sg-0a1b2c3d4e5f60001", "sg-0a1b2c3d4e5f60002", "sg-0a1b2c3d4e5f60003"
FIRST, SECOND = SUBNET_IDS
FAR = "vpc-0a1b2c3d4e5f6ffff"
GROUPS = {APP: group(), BATCH: group(id=BATCH), ELSEWHERE: group(id=ELSEWHERE, vpc_id=FAR)}
NO_INTERFACES = Unread("AWS refuses it.", "ec2:DescribeNetworkInterfaces")
NO_GROUPS = Unread("AWS refuses it.", "ec2:DescribeSecurityGroups")
GOOD, BAD, OPEN = "reachable_by_design", "not_reachable", "unknown"
MONGODB = Ports(27015, 27017)


def eni(number: int, subnet_id: str, *groups: str, instance: str | None = None, **changes: Any) -> Interface:
    """Return an interface with the address x.y.z.4+number of its subnet."""
    address = SUBNET_BLOCKS[SUBNET_IDS.index(subnet_id)].replace(".0/24", f".{4 + number}")
    return Interface(f"eni-{number:017x}", instance, VPC_ID, subnet_id, groups or (APP,), (address,), **changes)


#: i1 is in sg-app and the first subnet, i2 in sg-batch and the second one.
ONE, TWO = eni(1, FIRST, APP, instance=I1), eni(2, SECOND, BATCH, instance=I2)
OF_LOAD_BALANCER = eni(3, SECOND, type="interface", requester_id="amazon-elb")


def facts(*listed: str, selection: dict[str, Any] | None = None, **changes: Any) -> ConnectionFacts:
    """Return a connection whose access list has these entries; the VPC is allowed without any."""
    defaults: dict[str, Any] = {"interfaces": [ONE, TWO], "security_groups": GROUPS}
    return healthy(selection=selection, access_list=[entry(one) for one in listed or (VPC_BLOCK,)], **{**defaults, **changes})


def with_instances(*listed: str, names: tuple[str, ...] = (I1, I2), **changes: Any) -> ConnectionFacts:
    return facts(*listed, selection={"instance_ids": names, **changes.pop("selection", {})}, **changes)


def with_groups(*listed: str, names: tuple[str, ...] = (APP,), **changes: Any) -> ConnectionFacts:
    return facts(*listed, selection={"security_group_ids": names, **changes.pop("selection", {})}, **changes)


@dataclass(frozen=True)
class Situation:
    """A sentence about the check, what is true in the world, and what follows.

    Attributes:
        codes: What is wrong or not known, by code; the worst of each.
        says: A part of the message of the first code, or of the finding that `word` names.
        word: The code of a finding that is only worth a word.
    """

    sentence: str
    truth: str
    facts: ConnectionFacts
    codes: dict[str, str] = field(default_factory=dict)
    verdict: str = GOOD
    says: str = ""
    word: str = ""


def check(situation: Situation) -> None:
    shown = situation.facts
    assert severities(shown) == situation.codes
    assert verdict_of(run_checks(shown), both_halves=True) == situation.verdict
    if situation.word:
        assert situation.says in found(shown, "info")[situation.word].message
    elif situation.says:
        assert situation.says in found(shown)[next(iter(situation.codes))].message


def ids(situations: list[Situation]) -> list[str]:
    return [one.truth for one in situations]


GETS_IN = "An instance gets in by an entry for the address that it sends with, or for a group of that interface."
#: Sources: "Network interface basics" in the Amazon EC2 user guide (the primary interface and address), and commit 717f6e1 of
#: canonical/cloud-init: what a program does not send from an address of its own goes out by the first interface.
SENDS = "An instance sends with the primary address of its first interface, unless its system has routes of its own."
#: Source: replies of DescribeInstances for instances with tasks of the network mode awsvpc, with DeviceIndex 1 or 2.
OF_TASK = "arn:aws:ecs:us-east-1:123456789012:attachment/0a1b2c3d"
IN_THIS_VPC = "A group counts if it is in this VPC, and the VPC in the container's region."
WITHOUT_INSTANCE = "A group that no named instance has must be in the list, unless blocks cover all judged subnets."
IN_PLACE = "client_cidr_blocks stand in place of the parts of subnets in which they lie."
GROUPS_ALONE = "Clients not named, the list has groups alone, and no interface of the VPC has one of them: W."
IN_FORCE = "What lets the named clients in has to be in force."
UNREAD = "Interfaces refused: unknown only for named instances."
SECOND_NIC = eni(5, SECOND, BATCH, instance=I1, is_first=False)
TWO_NICS = [ONE, SECOND_NIC]
FIRST_ALONE = {"selection": {"subnet_ids": SUBNET_IDS[:1]}}
ACROSS = {"peer": peer(accepter_region_name="eu-west-1")}
FORCE = [
    Situation(GETS_IN, "its address is in the list", with_instances("10.15.1.5", names=(I1,))),
    Situation(GETS_IN, "a block has its address", with_instances("10.15.1.4/30", "10.15.2.0/28")),
    Situation(GETS_IN, "its group is in the list, and the subnets are not", with_instances(APP, names=(I1,))),
    Situation(
        SENDS,
        "the list has that of its second interface alone",
        with_instances("10.15.2.9", names=(I1,), interfaces=TWO_NICS),
        {"P301": "unknown"},
        OPEN,
        f"Of {I1}, the access list has 10.15.2.9 alone. {SENDS_FIRST}",
    ),
    Situation(
        SENDS,
        "the list has a group of its second interface alone",
        with_instances(BATCH, names=(I1,), interfaces=TWO_NICS),
        {"P301": "unknown"},
        OPEN,
        f"Of {I1}, the access list has {BATCH} alone. {SENDS_FIRST}",
    ),
    Situation(
        SENDS,
        "the list has a group of its second interface alone, which may be of another VPC",
        with_instances(BATCH, names=(I1,), interfaces=TWO_NICS, security_groups=NO_GROUPS),
        {"P301": "unknown", "P703": "unknown"},
        OPEN,
    ),
    Situation(
        SENDS,
        "the list has a group of its second interface alone, and the container is in another region",
        with_instances(BATCH, names=(I1,), interfaces=TWO_NICS, **ACROSS),
        {"P301": "fail"},
        BAD,
    ),
    Situation(
        SENDS,
        "the list has another address of its first interface alone",
        with_instances("10.15.1.77", names=(I1,), interfaces=[replace(ONE, addresses=("10.15.1.5", "10.15.1.77"))]),
        {"P301": "unknown"},
        OPEN,
        "has 10.15.1.77 alone",
    ),
    Situation(
        SENDS,
        "it is a node, and the list has the address of a pod alone",
        with_instances("10.15.1.84", names=(I1,), interfaces=[replace(ONE, addresses=("10.15.1.5", "10.15.1.80/28"))]),
        {"P301": "unknown"},
        OPEN,
        "has 10.15.1.80/28 alone",
    ),
    Situation(SENDS, "the list has it, and no other", with_instances("10.15.1.5", names=(I1,), interfaces=TWO_NICS)),
    Situation(
        SENDS, "the list has a neighbour", with_instances("10.15.1.6", names=(I1,), interfaces=TWO_NICS), {"P301": "fail"}, BAD
    ),
    Situation(
        SENDS,
        "a task of ECS sends with the interface that it has on the instance",
        with_instances("10.15.2.9", names=(I1,), interfaces=[ONE, replace(SECOND_NIC, description=OF_TASK)]),
    ),
    Situation(
        GETS_IN,
        "i1 in sg-app and i2 in sg-batch with sg-app alone",
        with_instances(APP),
        {"P301": "fail"},
        BAD,
        f"No entry covers 10.15.2.6 of {I2} or has one of its groups ({BATCH}).",
    ),
    Situation(GETS_IN, "each by its own way", with_instances(APP, "10.15.2.6")),
    Situation(GETS_IN, "the neighbour's address", with_instances("10.15.1.6", names=(I1,)), {"P301": "fail"}, BAD),
    Situation(
        IN_THIS_VPC,
        "its group is of a VPC that shares it with this one",
        with_instances(ELSEWHERE, names=(I1,), interfaces=[eni(1, FIRST, ELSEWHERE, instance=I1)]),
        {"P301": "fail"},
        BAD,
        f"Of the groups in the access list, {ELSEWHERE} is in {FAR}.",
    ),
    Situation(
        IN_THIS_VPC,
        "the container is in another region",
        with_instances(APP, names=(I1,), **ACROSS),
        {"P301": "fail"},
        BAD,
        "the VPC is in another region than the network container",
    ),
    Situation(IN_THIS_VPC, "a named group, and the container elsewhere", with_groups(APP, **ACROSS), {"P301": "fail"}, BAD),
    Situation(IN_THIS_VPC, "an address counts across regions", with_instances("10.15.1.5", names=(I1,), **ACROSS)),
    Situation(WITHOUT_INSTANCE, "the named group is in the list", with_groups(APP)),
    Situation(
        WITHOUT_INSTANCE,
        "one of two named groups is",
        with_groups(APP, names=(APP, BATCH)),
        {"P301": "fail"},
        BAD,
        f"{BATCH} is not in the access list, and blocks do not cover all judged subnets.",
    ),
    Situation(WITHOUT_INSTANCE, "blocks cover the judged subnets", with_groups(*SUBNET_BLOCKS)),
    Situation(WITHOUT_INSTANCE, "blocks cover one of two", with_groups(SUBNET_BLOCKS[0]), {"P301": "fail"}, BAD),
    Situation(WITHOUT_INSTANCE, "blocks cover the only judged one", with_groups(SUBNET_BLOCKS[0], **FIRST_ALONE)),
    Situation(
        WITHOUT_INSTANCE,
        "the group's instance is named and gets in by its address",
        with_instances("10.15.1.5", names=(I1,), selection={"security_group_ids": (APP,)}),
    ),
    Situation(
        WITHOUT_INSTANCE,
        "another group's members are not named",
        with_instances("10.15.1.5", names=(I1,), selection={"security_group_ids": (APP, BATCH)}),
        {"P301": "fail"},
        BAD,
    ),
    Situation(
        IN_PLACE,
        "the rest of the first subnet has no clients",
        facts("10.15.1.0/28", SUBNET_BLOCKS[1], selection={"client_cidr_blocks": ("10.15.1.0/28",)}),
    ),
    Situation(
        IN_PLACE,
        "two blocks in a subnet, one in the list",
        facts("10.15.1.0/28", SUBNET_BLOCKS[1], selection={"client_cidr_blocks": ("10.15.1.0/28", "10.15.1.64/28")}),
        {"P301": "fail"},
        BAD,
        f"No entry covers 10.15.1.64/28 ({FIRST}).",
    ),
    Situation(
        IN_PLACE,
        "the block of the entry leaves it out",
        healthy(
            {"cidr_block": SUBNET_BLOCKS[0]}, {"client_cidr_blocks": ("10.15.2.0/28",)}, access_list=[entry(SUBNET_BLOCKS[0])]
        ),
        {"P301": "fail"},
        BAD,
        f"No entry covers 10.15.2.0/28 ({SECOND}).",
    ),
    Situation(
        IN_PLACE,
        "the tables of the entry leave it out",
        healthy(
            {"route_table_ids": [TABLE_ID]},
            {"client_cidr_blocks": ("10.15.2.0/28",)},
            route_tables=[table(TABLE_ID, subnet_ids=SUBNET_IDS[:1]), table(MAIN_TABLE_ID, is_main=True)],
            access_list=[entry(SUBNET_BLOCKS[0])],
        ),
        {"P301": "fail"},
        BAD,
        f"No entry covers 10.15.2.0/28 ({SECOND}).",
    ),
    Situation(
        IN_PLACE,
        "the other subnet has no such block",
        facts("10.15.1.0/28", selection={"client_cidr_blocks": ("10.15.1.0/28",)}),
        {"P301": "fail"},
        BAD,
        f"No entry covers {SUBNET_BLOCKS[1]} ({SECOND}).",
    ),
    Situation(
        IN_PLACE,
        "a block of the whole VPC narrows no subnet",
        facts(SUBNET_BLOCKS[0], selection={"client_cidr_blocks": (VPC_BLOCK,)}),
        {"P301": "fail"},
        BAD,
    ),
    Situation(
        IN_PLACE,
        "clients in a block beside a named instance",
        with_instances("10.15.1.5", names=(I1,), selection={"client_cidr_blocks": ("10.15.2.16/28",)}),
        {"P301": "fail"},
        BAD,
        f"No entry covers 10.15.2.16/28 ({SECOND})",
    ),
    Situation(
        IN_PLACE,
        "clients in a block may be members of a named group",
        with_groups(APP, selection={"client_cidr_blocks": ("10.15.2.16/28",)}),
    ),
    Situation(
        GROUPS_ALONE,
        "nothing in the VPC is a member",
        facts(APP, interfaces=[TWO]),
        {"P301": "warn"},
        GOOD,
        f"Only members of {APP} may connect from {SUBNET_BLOCKS[0]} ({FIRST}) and {SUBNET_BLOCKS[1]} ({SECOND}), and no network"
        f" interface in {VPC_ID} has it.",
    ),
    Situation(
        GROUPS_ALONE,
        "a load balancer alone is one, which opens no connection",
        facts(APP, interfaces=[TWO, OF_LOAD_BALANCER]),
        {"P301": "warn"},
    ),
    Situation(
        GROUPS_ALONE,
        "only an interface that is attached to nothing is one",
        facts(APP, interfaces=[TWO, replace(ONE, instance_id=None, status="available")]),
        {"P301": "warn"},
    ),
    Situation(
        SENDS,
        "only the second interface of an instance is a member of the only group",
        facts(BATCH, interfaces=TWO_NICS),
        {"P301": "unknown"},
        OPEN,
        SENDS_FIRST,
    ),
    Situation(GROUPS_ALONE, "an instance is a member", facts(APP, BATCH), word="P301", says="Only members of"),
    Situation(GROUPS_ALONE, "the VPC has no client yet", facts(APP, interfaces=[]), word="P301", says="Only members of"),
    Situation(GROUPS_ALONE, "interfaces cannot be read", facts(APP, interfaces=NO_INTERFACES), word="P301", says="Only members"),
    Situation(
        "P301 names the group that is gone.",
        "it was deleted, and the list still has it",
        facts("sg-0a1b2c3d4e5f6dead"),
        {"P301": "fail"},
        BAD,
        "Of the groups in the access list, sg-0a1b2c3d4e5f6dead does not exist in this account and region.",
    ),
    Situation(
        IN_FORCE,
        "Atlas has not applied the instance's address yet",
        with_instances("10.15.1.5", names=(I1,), access_status={"10.15.1.5/32": "PENDING"}),
        {"P302": "fail"},
        BAD,
    ),
    Situation(
        IN_FORCE,
        "nor its group",
        with_instances(APP, names=(I1,), access_status={APP: "PENDING"}),
        {"P302": "fail"},
        BAD,
    ),
    Situation(
        IN_FORCE,
        "one of the two addresses that it sends with is in force",
        with_instances(
            "10.15.1.5",
            "10.15.2.9",
            names=(I1,),
            interfaces=[ONE, replace(SECOND_NIC, description=OF_TASK)],
            access_status={"10.15.1.5/32": "FAILED", "10.15.2.9/32": "ACTIVE"},
        ),
    ),
    Situation(
        IN_FORCE,
        "the status of the instance's address cannot be read",
        with_instances("10.15.1.5", names=(I1,), access_status={"10.15.1.5/32": Unread("No.")}),
        {"P302": "unknown"},
        OPEN,
    ),
    Situation(
        IN_FORCE,
        "its address expires in an hour",
        healthy(
            selection={"instance_ids": (I1,)},
            access_list=[entry("10.15.1.5", delete_after_date=(NOW + datetime.timedelta(hours=1)).isoformat())],
            interfaces=[ONE],
            security_groups=GROUPS,
        ),
        {"P302": "warn"},
    ),
    Situation(
        UNREAD,
        "where the instance is decides",
        with_instances(SUBNET_BLOCKS[0], interfaces=NO_INTERFACES),
        {"P301": "unknown", "P302": "unknown", "P703": "unknown"},
        OPEN,
    ),
    Situation(
        UNREAD,
        "it gets in wherever it is, but its groups are not known",
        with_instances(VPC_BLOCK, interfaces=NO_INTERFACES),
        {"P703": "unknown"},
        OPEN,
    ),
    Situation(
        UNREAD,
        "the entry that covers it everywhere is not in force",
        with_instances(VPC_BLOCK, interfaces=NO_INTERFACES, access_status={VPC_BLOCK: "PENDING"}),
        {"P302": "unknown", "P703": "unknown"},
        OPEN,
    ),
    Situation(UNREAD, "no instance is named", facts(interfaces=NO_INTERFACES)),
    Situation(UNREAD, "groups are named", with_groups(APP, interfaces=NO_INTERFACES)),
    Situation(
        "Groups refused: unknown where they decide who gets in.",
        "groups alone let the clients in",
        facts(APP, security_groups=NO_GROUPS),
        {"P301": "unknown", "P302": "unknown", "P703": "unknown"},
        OPEN,
    ),
    Situation(
        "A failure beside an unknown stands.",
        "i2 is in no group of the list, and i1's group may be gone",
        with_instances(APP, security_groups=NO_GROUPS),
        {"P301": "fail", "P302": "unknown", "P703": "unknown"},
        BAD,
    ),
    Situation(
        "What cannot be read is unknown.",
        "AWS shows no address of the instance, and the list has one of its subnet",
        with_instances("10.15.1.5", names=(I1,), interfaces=[Interface("eni-1", I1, VPC_ID, FIRST, (APP,))]),
        {"P301": "unknown"},
        OPEN,
    ),
]


@pytest.mark.parametrize("situation", FORCE, ids=ids(FORCE))
def test_who_gets_in(situation: Situation) -> None:
    check(situation)


def test_an_entry_that_is_not_in_force_concerns_its_own_clients() -> None:
    shown = with_instances(APP, BATCH, access_status={APP: "PENDING", BATCH: "FAILED"})
    cut_off = {one.subject: one.subnet_ids for one in run_checks(shown) if (one.code, one.severity) == ("P302", "fail")}
    assert cut_off == {APP: (FIRST,), BATCH: (SECOND,)}


def test_only_the_blocks_of_the_clients_are_missing() -> None:
    shown = facts("10.99.0.0/16", selection={"client_cidr_blocks": ("10.15.1.0/28",), "subnet_ids": (FIRST,)})
    assert found(shown)["P301"].fix.startswith("Add 10.15.1.0/28 to the access list")


def test_each_way_of_a_named_client_decides() -> None:
    shown = with_instances(APP, "10.15.1.5", "10.15.2.6", SUBNET_BLOCKS[1], "10.15.1.77")
    assert {one["cidr_block"] for one in deciding_entries(shown)} == {"10.15.1.5/32", "10.15.2.6/32", SUBNET_BLOCKS[1]}


#: AWS's own description of what a client of EC2 reads.
EC2 = botocore.session.get_session().get_service_model("ec2")
FILTERS = EC2.operation_model("DescribeNetworkInterfaces").input_shape.members["Filters"].documentation
TYPES = {*EC2.shape_for("NetworkInterfaceType").enum, "nat_gateway", "ec2_instance_connect_endpoint", "efs"}
OF_SERVICES = {
    "api_gateway_managed",
    "aws_codestar_connections_managed",
    "ec2_instance_connect_endpoint",
    "efs",
    "gateway_load_balancer",
    "gateway_load_balancer_endpoint",
    "global_accelerator_managed",
    "iot_rules_managed",
    "load_balancer",
    "nat_gateway",
    "natGateway",
    "network_load_balancer",
    "transit_gateway",
    "vpc_endpoint",
}


def test_the_types_are_those_that_aws_documents() -> None:
    """Source: botocore's model of EC2, and the values of the filter interface-type of DescribeNetworkInterfaces in it."""
    assert set() == OF_SERVICES - TYPES
    assert all(f"<code>{name}</code>" in FILTERS for name in OF_SERVICES - {"natGateway"})


@pytest.mark.parametrize("requester", [None, "amazon-elb", "amazon-aws", "123456789012"])
def test_an_interface_is_a_service_s_by_its_type(requester: str | None) -> None:
    """Lambda and Fargate are clients, and so is every type that is not known."""
    names = TYPES | {"evs", "one that is new", ""}
    services = {name for name in names if eni(1, FIRST, type=name, requester_id=requester).is_service}
    assert services == (OF_SERVICES | {"interface"} if requester == "amazon-elb" else OF_SERVICES)


@pytest.mark.parametrize("requester", ["amazon-elb", "amazon-rds", "amazon-elasticache", "amazon-redshift"])
def test_some_services_have_ordinary_interfaces(requester: str) -> None:
    """Source: "Requester-managed network interfaces" in the Amazon EC2 user guide; `RequesterManaged` does not count."""
    assert eni(1, FIRST, requester_id=requester).is_service
    assert not eni(1, FIRST, type="lambda", requester_id=requester).is_service


#: How AWS describes the interfaces of its services. Sources: replies of DescribeNetworkInterfaces about a cluster of EKS, as
#: guides to EKS show them ("Amazon EKS eks-test-cluster", attached by another account, without an instance); "VPC support" in the
#: guide to OpenSearch Service ("ES" and the domain); "What gets created" in the guide to AWS Directory Service.
DESCRIPTIONS = [
    "Amazon EKS shop",
    "ES shop",
    "Route 53 Resolver: rslvr-out-9bb0d69b4dd94f918:rni-51f53f6ef7b6436f8",
    "AWS created network interface for directory d-90670a2b3c",
    "AWS created network interface for fs-0a1b2c3d4e5f60001",
]
#: What AWS describes so opens connections, or is not known to open none.
OF_CLIENTS = [
    "",
    "Amazon EKS",
    "the ES node",
    "ESP gateway",
    "AWS created network interface for LicenseManager d-90670a2b3c",
    "AWS Lambda VPC ENI-shop-0a1b2c3d",
    "arn:aws:ecs:us-east-1:123456789012:attachment/0a1b2c3d",
    "aws-k8s-branch-eni",
]


@pytest.mark.parametrize("description", DESCRIPTIONS)
def test_an_interface_is_a_service_s_by_what_aws_says_of_it(description: str) -> None:
    assert eni(1, FIRST, description=description).is_service
    assert not eni(1, FIRST, type="lambda", description=description).is_service
    # Everybody can describe an interface of an instance so.
    assert eni(1, FIRST, instance=I1, description=description).is_client


@pytest.mark.parametrize("description", OF_CLIENTS)
def test_other_descriptions_are_those_of_clients(description: str) -> None:
    assert eni(1, FIRST, description=description).is_client


@pytest.mark.parametrize(("status", "is_used"), [("available", False), ("in-use", True), ("attaching", True), ("", True)])
def test_an_interface_that_is_attached_to_nothing_sends_nothing(status: str, is_used: bool) -> None:
    """Source: the values of Status in botocore's model of EC2."""
    assert {status} <= {*EC2.shape_for("NetworkInterfaceStatus").enum, ""}
    assert eni(1, FIRST, status=status).is_client is is_used


SERVICES_ALONE = "Subnets with services' alone: I, once; subnet_ids judges them."
EMPTY = "A subnet without any interface, in a VPC with a client elsewhere: what is F for it alone is W."
IDLE = "An interface that is available sends nothing: a subnet with such ones alone is empty."
NAMED = "A subnet without any interface is F where subnet_ids names it."
NO_CLIENT = "A VPC without any client is judged as today: its first one is meant."
OTHERS = "A finding about such a subnet and others stays F."
REFUSED = "Interfaces refused: subnets are judged as today."
NO_WAY = Route("0.0.0.0/0", "nat-0a1b2c3d4e5f60001")
#: The first subnet has the client, and the second one has not; its table has no route to Atlas.
STRAY = {"route_tables": [table(TABLE_ID, subnet_ids=SUBNET_IDS[:1]), table("rtb-2", NO_WAY, is_main=True)]}
BOTH_STRAY = {"route_tables": [table(TABLE_ID, NO_WAY, is_main=True)]}
CLOSED = {
    "network_acls": [
        acl(subnet_ids=SUBNET_IDS[:1]),
        acl(AclRule(9, True, False, "-1", "0.0.0.0/0", None), id="acl-2", subnet_ids=SUBNET_IDS[1:]),
    ]
}
HOLE = Route(ATLAS_BLOCK, "pcx-0a1b2c3d4e5f60001", is_peering=True, is_blackhole=True)
BLACK = {"route_tables": [table(TABLE_ID, subnet_ids=SUBNET_IDS[:1]), table("rtb-2", HOLE, is_main=True)]}
ALONE = {"interfaces": [ONE]}
BALANCED = {"interfaces": [ONE, OF_LOAD_BALANCER]}
FREE = eni(4, SECOND, status="available")
FREE_ALONE = {"interfaces": [ONE, FREE]}
OF_EKS = eni(6, SECOND, description="Amazon EKS shop", requester_id="339713109942")
SECOND_NAMED = {"selection": {"subnet_ids": SUBNET_IDS[1:]}}
IPV6 = {"subnets": [Subnet(FIRST, VPC_ID, SUBNET_BLOCKS[0]), Subnet(SECOND, VPC_ID, None)]}
BACK = {"peer": peer(route_table_cidr_block=SUBNET_BLOCKS[0])}
BLIND = {"network_acls": [acl(subnet_ids=SUBNET_IDS[:1])]}
WHERE = [
    Situation(
        SERVICES_ALONE,
        "a load balancer alone is in the subnet without a route",
        facts(**BALANCED, **STRAY),
        word="P601",
        says=f"{SECOND} has interfaces of AWS's services alone, and no clients to judge.",
    ),
    Situation(SERVICES_ALONE, "nor does the access list have it", facts(SUBNET_BLOCKS[0], **BALANCED)),
    Situation(SERVICES_ALONE, "subnet_ids names it", facts(**BALANCED, **STRAY, **SECOND_NAMED), {"P601": "fail"}, BAD),
    Situation(
        SERVICES_ALONE,
        "a client is beside the load balancer",
        facts(interfaces=[ONE, TWO, OF_LOAD_BALANCER], **STRAY),
        {"P601": "fail"},
        BAD,
    ),
    Situation(
        SERVICES_ALONE,
        "client_cidr_blocks says that a client is there",
        facts(**BALANCED, **STRAY, selection={"client_cidr_blocks": ("10.15.2.64/26",)}),
        {"P601": "fail"},
        BAD,
    ),
    Situation(
        SERVICES_ALONE,
        "the tables of the connection mean that subnet alone",
        facts(**BALANCED, entry={"route_table_ids": ("rtb-2",)}, **STRAY),
        {"P601": "unknown"},
        OPEN,
        "The subnets that are meant have interfaces of AWS's services alone",
    ),
    Situation(EMPTY, "no route", facts(**ALONE, **STRAY), {"P601": "warn"}, GOOD, "No network interface is in use there yet"),
    Situation(EMPTY, "a black hole", facts(**ALONE, **BLACK), {"P602": "warn"}),
    Situation(EMPTY, "a closed network ACL", facts(**ALONE, **CLOSED), {"P701": "warn"}),
    Situation(EMPTY, "no entry", facts(SUBNET_BLOCKS[0], **ALONE), {"P301": "warn"}),
    Situation(
        EMPTY,
        "no entry at all, and only the table of that subnet is meant",
        facts("10.99.0.0/16", **ALONE, entry={"route_table_ids": (MAIN_TABLE_ID,)}),
        {"P301": "warn"},
    ),
    Situation(
        EMPTY,
        "an entry that is not in force",
        facts(*SUBNET_BLOCKS, **ALONE, access_status={SUBNET_BLOCKS[0]: "ACTIVE", SUBNET_BLOCKS[1]: "FAILED"}),
        {"P302": "warn"},
    ),
    Situation(EMPTY, "no way back", facts(**ALONE, **BACK), {"P607": "warn"}),
    Situation(EMPTY, "IPv6 alone", facts(**ALONE, **IPV6), {"P608": "warn"}),
    Situation(EMPTY, "AWS does not show its network ACL", facts(**ALONE, **BLIND), {"P701": "unknown"}),
    Situation(SERVICES_ALONE, "the control plane of EKS alone is there", facts(interfaces=[ONE, OF_EKS], **STRAY), word="P601"),
    Situation(
        SERVICES_ALONE,
        "beside it is an interface that is attached to nothing",
        facts(interfaces=[ONE, OF_EKS, FREE], **STRAY),
        word="P601",
        says=f"{SECOND} has interfaces of AWS's services alone, and no clients to judge.",
    ),
    Situation(
        SERVICES_ALONE,
        "an instance whose owner calls it a node of ES is a client",
        facts(interfaces=[ONE, replace(TWO, description="ES node 3")], **STRAY),
        {"P601": "fail"},
        BAD,
    ),
    Situation(IDLE, "no route", facts(**FREE_ALONE, **STRAY), {"P601": "warn"}, GOOD, "No network interface is in use there yet"),
    Situation(IDLE, "no entry", facts(SUBNET_BLOCKS[0], **FREE_ALONE), {"P301": "warn"}),
    Situation(IDLE, "subnet_ids names it", facts(**FREE_ALONE, **STRAY, **SECOND_NAMED), {"P601": "fail"}, BAD),
    Situation(NO_CLIENT, "what is there is attached to nothing", facts(interfaces=[FREE], **STRAY), {"P601": "fail"}, BAD),
    Situation(NAMED, "no route", facts(**ALONE, **STRAY, **SECOND_NAMED), {"P601": "fail"}, BAD),
    Situation(NAMED, "no entry", facts(SUBNET_BLOCKS[0], **ALONE, **SECOND_NAMED), {"P301": "fail"}, BAD),
    Situation(NAMED, "a closed network ACL", facts(**ALONE, **CLOSED, **SECOND_NAMED), {"P701": "fail"}, BAD),
    Situation(NO_CLIENT, "no interface at all", facts(interfaces=[], **STRAY), {"P601": "fail"}, BAD),
    Situation(NO_CLIENT, "services alone", facts(interfaces=[OF_LOAD_BALANCER], **STRAY), {"P601": "fail"}, BAD),
    Situation(OTHERS, "one table of both", facts(**ALONE, **BOTH_STRAY), {"P601": "fail"}, BAD),
    Situation(OTHERS, "neither has an entry", facts("10.99.0.0/16", **ALONE), {"P301": "fail"}, BAD),
    Situation(REFUSED, "no route for one of them", facts(interfaces=NO_INTERFACES, **STRAY), {"P601": "fail"}, BAD),
]


#: One instance in both subnets, and its node's interface for pods in the second one.
NICS_IN_BOTH = {"interfaces": TWO_NICS}
OF_PODS = replace(SECOND_NIC, description="aws-K8S-i-0a1b2c3d4e5f60001")
PODS_IN_SECOND = {"interfaces": [ONE, OF_PODS]}
#: The second subnet alone depends on a prefix list, or on an entry that is not in force.
LIST = Route("pl-1", "tgw-0a1b2c3d4e5f60001")
UNREAD_LIST = {
    "route_tables": [table(TABLE_ID, subnet_ids=SUBNET_IDS[:1]), table("rtb-2", is_main=True, list_routes=(LIST,))],
    "prefix_lists": {"pl-1": Unread("No.", "ec2:GetManagedPrefixListEntries")},
}
FAILED = {"access_status": {SUBNET_BLOCKS[0]: "ACTIVE", SUBNET_BLOCKS[1]: "FAILED"}}
#: As STRAY, CLOSED and BACK, of the first subnet.
FIRST_STRAY = {"route_tables": [table(TABLE_ID, NO_WAY, subnet_ids=SUBNET_IDS[:1]), table("rtb-2", is_main=True)]}
CLOSED_IN_FIRST = [acl(AclRule(9, True, False, "-1", "0.0.0.0/0", None), subnet_ids=SUBNET_IDS[:1])]
FIRST_BACK = {"peer": peer(route_table_cidr_block=SUBNET_BLOCKS[1])}
FURTHER = "Where further interfaces of instances are alone, a closed subnet is a word."
FIRSTS = "Where the first interface alone is closed, it is unknown."
#: Sources: AWS_VPC_K8S_CNI_EXTERNALSNAT (false by default) in the readme of aws/amazon-vpc-cni-k8s, eniDescriptionPrefix in its
#: pkg/awsutils/awsutils.go, and "Cilium-CNI (<EC2 instance ID>)" in the documentation of Cilium's AWS ENI.
PODS = "A subnet whose interfaces are all those of pods is unknown, in P301, P601, P607 and P701 alike."
NODES_TRANSLATE = "nodes translate the addresses of pods"
SENDERS = [
    Situation(FURTHER, "no route", facts(**NICS_IN_BOTH, **STRAY), word="P601", says=SENDS_FIRST),
    Situation(FURTHER, "no entry", facts(SUBNET_BLOCKS[0], **NICS_IN_BOTH), word="P301", says=SENDS_FIRST),
    Situation(FURTHER, "a closed network ACL", facts(**NICS_IN_BOTH, **CLOSED), word="P701", says=SENDS_FIRST),
    Situation(FURTHER, "no way back", facts(**NICS_IN_BOTH, **BACK), word="P607", says=SENDS_FIRST),
    Situation(FURTHER, "IPv6 alone", facts(**NICS_IN_BOTH, **IPV6), word="P608", says=SENDS_FIRST),
    Situation(FURTHER, "its network ACL is not shown", facts(**NICS_IN_BOTH, **BLIND), {"P701": "unknown"}),
    Situation(FURTHER, "its table has an unread prefix list", facts(**NICS_IN_BOTH, **UNREAD_LIST), {"P603": "unknown"}),
    Situation(
        FURTHER, "its entry is not in force", facts(*SUBNET_BLOCKS, **NICS_IN_BOTH, **FAILED), word="P302", says=SENDS_FIRST
    ),
    Situation(FURTHER, "the instance is named", with_instances(names=(I1,), **NICS_IN_BOTH, **STRAY), word="P601"),
    Situation(FURTHER, "another instance is there", facts(interfaces=[*TWO_NICS, TWO], **STRAY), {"P601": "fail"}, BAD),
    Situation(FURTHER, "subnet_ids names it", facts(**NICS_IN_BOTH, **STRAY, **SECOND_NAMED), {"P601": "fail"}, BAD),
    Situation(FURTHER, "both share a table", facts(**NICS_IN_BOTH, **BOTH_STRAY), {"P601": "fail"}, BAD),
    Situation(
        FURTHER,
        "the first one is in a subnet that is not judged",
        facts(**NICS_IN_BOTH, **STRAY, entry={"route_table_ids": ("rtb-2",)}),
        {"P601": "unknown"},
        OPEN,
    ),
    Situation(
        FURTHER,
        "it is of a task of ECS",
        facts(interfaces=[ONE, replace(SECOND_NIC, description=OF_TASK)], **STRAY),
        {"P601": "fail"},
        BAD,
    ),
    Situation(FIRSTS, "no route", facts(**NICS_IN_BOTH, **FIRST_STRAY), {"P601": "unknown"}, OPEN, SENDS_FIRST),
    Situation(FIRSTS, "no entry", facts(SUBNET_BLOCKS[1], **NICS_IN_BOTH), {"P301": "unknown"}, OPEN, SENDS_FIRST),
    Situation(
        FIRSTS,
        "a closed network ACL, and that of the other one is not shown",
        facts(**NICS_IN_BOTH, network_acls=CLOSED_IN_FIRST),
        {"P701": "unknown"},
        OPEN,
    ),
    Situation(FIRSTS, "no way back", facts(**NICS_IN_BOTH, **FIRST_BACK), {"P607": "unknown"}, OPEN, SENDS_FIRST),
    Situation(
        FIRSTS,
        "the instance is named, and others beside it are not meant",
        with_instances(
            names=(I1,), interfaces=[*TWO_NICS, eni(7, FIRST)], **FIRST_STRAY, selection={"subnet_ids": SUBNET_IDS[1:]}
        ),
        {"P601": "unknown"},
        OPEN,
        SENDS_FIRST,
    ),
    Situation(
        FIRSTS, "another instance is there", facts(interfaces=[*TWO_NICS, eni(7, FIRST)], **FIRST_STRAY), {"P601": "fail"}, BAD
    ),
    Situation(PODS, "no route", facts(**PODS_IN_SECOND, **STRAY), {"P601": "unknown"}, OPEN, NODES_TRANSLATE),
    Situation(PODS, "a black hole", facts(**PODS_IN_SECOND, **BLACK), {"P602": "unknown"}, OPEN, NODES_TRANSLATE),
    Situation(PODS, "no entry", facts(SUBNET_BLOCKS[0], **PODS_IN_SECOND), {"P301": "unknown"}, OPEN, NODES_TRANSLATE),
    Situation(PODS, "a closed network ACL", facts(**PODS_IN_SECOND, **CLOSED), {"P701": "unknown"}, OPEN, NODES_TRANSLATE),
    Situation(PODS, "no way back", facts(**PODS_IN_SECOND, **BACK), {"P607": "unknown"}, OPEN, NODES_TRANSLATE),
    Situation(
        PODS,
        "its entry is not in force",
        facts(*SUBNET_BLOCKS, **PODS_IN_SECOND, **FAILED),
        {"P302": "unknown"},
        OPEN,
        NODES_TRANSLATE,
    ),
    Situation(
        "The entry of a named client is judged for it.",
        "another interface of the instance is in an open subnet",
        with_instances(
            "10.15.1.5",
            "10.15.2.0/24",
            names=(I1,),
            **NICS_IN_BOTH,
            access_status={"10.15.1.5/32": "FAILED", "10.15.2.0/24": "ACTIVE"},
        ),
        {"P302": "fail"},
        BAD,
    ),
    Situation(PODS, "an unread prefix list", facts(**PODS_IN_SECOND, **UNREAD_LIST), {"P603": "unknown"}, OPEN),
    Situation(PODS, "all is open", facts(**PODS_IN_SECOND)),
    Situation(PODS, "subnet_ids says that they do not", facts(**PODS_IN_SECOND, **STRAY, **SECOND_NAMED), {"P601": "fail"}, BAD),
    Situation(PODS, "subnet_ids says that they do", facts(**PODS_IN_SECOND, **STRAY, **FIRST_ALONE)),
    Situation(
        PODS,
        "the node is named, and subnet_ids says that it translates",
        with_instances(names=(I1,), **PODS_IN_SECOND, **STRAY, **FIRST_ALONE),
        word="P601",
        says=SENDS_FIRST,
    ),
    Situation(
        PODS,
        "the node is named",
        with_instances(names=(I1,), **PODS_IN_SECOND, **STRAY),
        {"P601": "unknown"},
        OPEN,
        NODES_TRANSLATE,
    ),
    Situation(PODS, "the node has no entry", facts(SUBNET_BLOCKS[1], **PODS_IN_SECOND), {"P301": "unknown"}, OPEN, SENDS_FIRST),
    Situation(PODS, "neither has", facts("10.99.0.0/16", **PODS_IN_SECOND), {"P301": "fail"}, BAD),
    Situation(PODS, "an instance is there, too", facts(interfaces=[ONE, OF_PODS, TWO], **STRAY), {"P601": "fail"}, BAD),
    Situation(
        PODS,
        "a load balancer and an interface that nothing uses are there, too",
        facts(interfaces=[ONE, OF_PODS, OF_LOAD_BALANCER, FREE], **STRAY),
        {"P601": "unknown"},
        OPEN,
    ),
    Situation(
        PODS,
        "the plugin is Cilium",
        facts(interfaces=[ONE, replace(OF_PODS, description=f"Cilium-CNI ({I1})")], **STRAY),
        {"P601": "unknown"},
        OPEN,
        NODES_TRANSLATE,
    ),
    Situation(
        PODS,
        "it is the trunk for the interfaces that pods have of their own",
        facts(interfaces=[ONE, replace(OF_PODS, type="trunk", description="aws-k8s-trunk-eni")], **STRAY),
        {"P601": "unknown"},
        OPEN,
    ),
    Situation(
        PODS,
        "it is the first one of an instance that was made of a node's template",
        facts(interfaces=[ONE, replace(TWO, description="aws-K8S-i-0a1b2c3d4e5f60001")], **STRAY),
        {"P601": "fail"},
        BAD,
    ),
    Situation(
        PODS,
        "pods have an interface of their own, with groups of their own",
        facts(interfaces=[ONE, eni(8, SECOND, type="branch", description="aws-k8s-branch-eni")], **STRAY),
        {"P601": "fail"},
        BAD,
    ),
]


@pytest.mark.parametrize("situation", SENDERS, ids=[f"{one.sentence[:16]}: {one.truth}" for one in SENDERS])
def test_who_sends_from_a_subnet(situation: Situation) -> None:
    check(situation)


def test_pods_are_said_to_be_translated_once_a_check() -> None:
    finding = found(facts(**PODS_IN_SECOND, **STRAY))["P601"]
    assert finding.fix.endswith("without those of pods if nodes translate their addresses, and with them if not.")
    assert finding.subnet_ids == (SECOND,)


@pytest.mark.parametrize("situation", WHERE, ids=[f"{one.sentence[:24]}: {one.truth}" for one in WHERE])
def test_subnets_without_clients(situation: Situation) -> None:
    check(situation)


def test_a_subnet_of_services_is_not_judged_at_all() -> None:
    shown = facts(**BALANCED, **STRAY)
    assert [one.id for one in judged_subnets(shown)] == [FIRST]
    assert sum(SECOND in one.message for one in run_checks(shown)) == 1


def test_what_depends_on_unread_interfaces_was_not_looked_at() -> None:
    unread = find_not_looked_at([facts(interfaces=NO_INTERFACES), facts(interfaces=NO_INTERFACES)])
    why = "ec2:DescribeNetworkInterfaces is missing."
    assert [one for one in unread if why in one] == [
        f"No security group was looked at: no client is named, and {why}",
        f"Which subnets have no clients was not looked at, so that all are judged alike: {why}",
    ]
    assert len([one for one in find_not_looked_at([with_groups(interfaces=NO_INTERFACES)]) if why in one]) == 1
    assert not [one for one in find_not_looked_at([facts()]) if "interface" in one]


TOO_FEW = "Fewer open addresses than electable members of the smallest cluster in the region are a failure."
UNKNOWN_SIZE = {
    "P201": "unknown",
    "P202": "unknown",
    "P203": "unknown",
    "P204": "unknown",
    "P205": "unknown",
    "P503": "unknown",
    "P702": "warn",
}
SINGLE = "Egress to single addresses (/32) of the block and not to the block: W; those that the ports are closed to don't count."
PART = "Egress to another part of it: F as today."
MEMBERS = "Members unknown: 27017 closed F (27016 of a sharded cluster), the rest of 27015 to 27017 W."
NICS = "P703 judges the first interface: a second one that is closed is a word, and one that alone is open is unknown."
ALL = "No client named: the groups of the VPC's interfaces are judged: I where some client's are closed."
NONE = "No client named, and the groups of all clients are closed: nothing in the VPC reaches Atlas, which is F."
SHOWN = "Groups that can't be read are shown and do not decide."
NODES = ("192.168.248.5/32", "192.168.249.5/32", "192.168.250.5/32")
NODES_TEXT = "192.168.248.5, 192.168.249.5 and 192.168.250.5"


def out(*blocks: str, ports: Ports | None = MONGODB, group_id: str = APP, lists: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return groups of which one has egress to these blocks."""
    return {**GROUPS, group_id: group(GroupRule("tcp", ports, blocks, lists), id=group_id)}


HTTPS = out("0.0.0.0/0", ports=Ports(443, 443))
ALL_CLOSED = {**HTTPS, BATCH: group(GroupRule("tcp", Ports(443, 443), ("0.0.0.0/0",), ()), id=BATCH)}


ALONE_CLOSED = {"security_groups": HTTPS}


def rules(is_egress: bool, *blocks: str, first: int = 1024, last: int = 65535) -> list[AclRule]:
    return [AclRule(10 + index, is_egress, True, "6", block, Ports(first, last)) for index, block in enumerate(blocks)]


def with_acl(outbound: list[AclRule], inbound: list[AclRule], **changes: Any) -> ConnectionFacts:
    return facts(network_acls=[acl(*outbound, *inbound)], **changes)


ALL_OUT, ALL_IN = rules(True, "0.0.0.0/0"), rules(False, "0.0.0.0/0")
UNKNOWN_MEMBERS = [cluster(members=[])]
SHARDED = [cluster(members=[], cluster_type="SHARDED")]
ONE_OF_TWO = {"names": (I1,), "interfaces": TWO_NICS}
FILTERS_SEEN = [
    Situation(
        SINGLE,
        "the group names the three nodes",
        with_groups(VPC_BLOCK, security_groups=out(*NODES)),
        {"P702": "warn"},
        GOOD,
        f"Of single addresses, only {NODES_TEXT} are open, so it works until a node is replaced.",
    ),
    Situation(SINGLE, "the same of an instance", with_instances(names=(I1,), security_groups=out(*NODES)), {"P703": "warn"}),
    Situation(
        SINGLE,
        "the ports are closed to them",
        with_groups(security_groups=out(*NODES, ports=Ports(443, 443))),
        {"P702": "fail"},
        BAD,
    ),
    Situation(
        SINGLE,
        "one is of another network",
        with_groups(security_groups=out("10.99.0.5/32")),
        {"P702": "fail"},
        BAD,
    ),
    Situation(SINGLE, "the network ACL names the nodes", with_acl(rules(True, *NODES), ALL_IN), {"P701": "warn"}),
    Situation(
        SINGLE,
        "both directions of the network ACL name them",
        with_acl(rules(True, *NODES), rules(False, *NODES)),
        {"P701": "warn"},
    ),
    Situation(
        TOO_FEW,
        "the network ACL names one of three nodes",
        with_acl(rules(True, NODES[0]), ALL_IN),
        {"P701": "fail"},
        BAD,
        "Of single addresses, only 1 is open, and shop has 3 members here: 192.168.248.5.",
    ),
    Situation(
        TOO_FEW,
        "replies of one do not come back in",
        with_acl(rules(True, *NODES), rules(False, *NODES[:2])),
        {"P701": "fail"},
        BAD,
        "Of single addresses, only 2 are open, and shop has 3 members here",
    ),
    Situation(
        TOO_FEW,
        "a group names two of three nodes",
        with_groups(security_groups=out(*NODES[:2])),
        {"P702": "fail"},
        BAD,
        "Of single addresses, only 2 are open, and shop has 3 members here: 192.168.248.5 and 192.168.249.5.",
    ),
    Situation(
        TOO_FEW,
        "a node that is named twice is one",
        with_groups(security_groups=out(*NODES[:2], NODES[1])),
        {"P702": "fail"},
        BAD,
    ),
    Situation(
        TOO_FEW, "the same of an instance", with_instances(names=(I1,), security_groups=out(*NODES[:2])), {"P703": "fail"}, BAD
    ),
    Situation(
        TOO_FEW,
        "two groups of an instance name them together",
        with_instances(
            names=(I1,),
            interfaces=[replace(ONE, security_group_ids=(APP, BATCH))],
            security_groups={**out(*NODES[:2]), BATCH: out(NODES[2], group_id=BATCH)[BATCH]},
        ),
        {"P703": "warn"},
    ),
    Situation(
        TOO_FEW,
        "an unread prefix list may name the third",
        with_groups(
            security_groups={**GROUPS, APP: group(*out(*NODES[:2], lists=("pl-1",))[APP].egress)},
            prefix_lists={"pl-1": Unread("No.", "ec2:GetManagedPrefixListEntries")},
        ),
        {"P702": "unknown"},
        OPEN,
    ),
    Situation(
        TOO_FEW,
        "one of two clusters has as many members here",
        with_groups(security_groups=out(NODES[0]), clusters=[cluster(), cluster("dev", regions=[region(electable_nodes=1)])]),
        {"P702": "warn"},
    ),
    Situation(
        TOO_FEW,
        "the smaller one of two has more",
        with_groups(security_groups=out(NODES[0]), clusters=[cluster(), cluster("dev", regions=[region(electable_nodes=2)])]),
        {"P702": "fail"},
        BAD,
        "dev has 2 members here",
    ),
    Situation(
        TOO_FEW,
        "read-only nodes do not count",
        with_groups(security_groups=out(*NODES[:2]), clusters=[cluster(regions=[region(electable_nodes=2, read_only_nodes=2)])]),
        {"P702": "warn"},
    ),
    Situation(
        TOO_FEW,
        "nodes elsewhere do not count",
        with_groups(
            security_groups=out(NODES[0]),
            clusters=[cluster(regions=[region(electable_nodes=1), region(provider_name="GCP", electable_nodes=2)])],
        ),
        {"P202": "fail", "P702": "warn"},
        BAD,
    ),
    Situation(
        TOO_FEW,
        "of a sharded cluster, one router is enough",
        with_groups(security_groups=out(NODES[0]), clusters=[cluster(cluster_type="SHARDED")]),
        {"P702": "warn"},
    ),
    Situation(
        TOO_FEW, "no cluster is known", with_groups(security_groups=out(NODES[0]), clusters=Unread("No.")), UNKNOWN_SIZE, OPEN
    ),
    Situation(
        SINGLE,
        "replies of the node do not come back in",
        with_acl(rules(True, NODES[0]), rules(False, NODES[1])),
        {"P701": "fail"},
        BAD,
    ),
    Situation(
        SINGLE,
        "an unread prefix list could only open more",
        with_groups(
            security_groups={**GROUPS, APP: group(*out(*NODES, lists=("pl-1",))[APP].egress)},
            prefix_lists={"pl-1": Unread("No.", "ec2:GetManagedPrefixListEntries")},
        ),
        {"P702": "unknown"},
    ),
    Situation(PART, "half of the block", with_groups(security_groups=out("192.168.248.0/22")), {"P702": "fail"}, BAD),
    Situation(
        PART,
        "half of the block, and a node in the other half",
        with_groups(security_groups=out("192.168.248.0/22", "192.168.252.5/32")),
        {"P702": "fail"},
        BAD,
    ),
    Situation(
        PART, "two addresses in a block of two", with_groups(security_groups=out("192.168.248.4/31")), {"P702": "fail"}, BAD
    ),
    Situation(
        MEMBERS,
        "27017 alone is open",
        with_groups(security_groups=out(ATLAS_BLOCK, ports=Ports(27017, 27017)), clusters=UNKNOWN_MEMBERS),
        {"P702": "warn"},
    ),
    Situation(
        MEMBERS,
        "27017 alone is closed",
        with_groups(security_groups=out(ATLAS_BLOCK, ports=Ports(27015, 27016)), clusters=UNKNOWN_MEMBERS),
        {"P702": "fail"},
        BAD,
    ),
    Situation(
        MEMBERS,
        "a sharded cluster, and 27016 alone is open",
        with_groups(security_groups=out(ATLAS_BLOCK, ports=Ports(27016, 27016)), clusters=SHARDED),
        {"P702": "warn"},
    ),
    Situation(
        MEMBERS,
        "a sharded cluster, and 27016 is closed in a network ACL",
        with_acl(rules(True, ATLAS_BLOCK, first=27017, last=27017), ALL_IN, clusters=SHARDED),
        {"P701": "fail"},
        BAD,
    ),
    Situation(
        NICS,
        "the first one is closed",
        with_instances(security_groups=HTTPS, **ONE_OF_TWO),
        {"P703": "unknown"},
        OPEN,
        f"Another interface of it is open. {SENDS_FIRST}",
    ),
    Situation(
        NICS,
        "the second one is closed",
        with_instances(security_groups={**ALL_CLOSED, APP: GROUPS[APP]}, **ONE_OF_TWO),
        word="P703",
        says=f"does not let port 27017 out to {ATLAS_BLOCK}. {SENDS_FIRST}",
    ),
    Situation(
        NICS,
        "the interface of the instance is closed, and that of a task of ECS on it is not",
        with_instances(names=(I1,), interfaces=[ONE, replace(SECOND_NIC, description=OF_TASK)], security_groups=HTTPS),
        {"P703": "warn"},
        GOOD,
        "Another interface of it is open.",
    ),
    Situation(
        NICS,
        "its first one is in another VPC",
        with_instances(names=(I1,), interfaces=[SECOND_NIC], security_groups=ALL_CLOSED),
        {"P703": "fail"},
        BAD,
    ),
    Situation(NICS, "both are closed", with_instances(security_groups=ALL_CLOSED, **ONE_OF_TWO), {"P703": "fail"}, BAD),
    Situation(
        NICS,
        "one is closed, and the other one's group is not shown",
        with_instances(security_groups={APP: HTTPS[APP]}, **ONE_OF_TWO),
        {"P703": "unknown"},
        OPEN,
    ),
    Situation(
        NICS,
        "one is open, and the other one's group is not shown",
        with_instances(security_groups={APP: GROUPS[APP]}, **ONE_OF_TWO),
        {"P703": "unknown"},
    ),
    Situation(
        NICS,
        "the only one has no group",
        with_instances(names=(I1,), interfaces=[replace(ONE, security_group_ids=())]),
        {"P703": "fail"},
        BAD,
        f"{ONE.id} of {I1} has no security group, and does not let port 27017 out to {ATLAS_BLOCK}.",
    ),
    Situation(NICS, "two instances are two", with_instances(security_groups=HTTPS), {"P703": "fail"}, BAD),
    Situation(ALL, "all are open", facts()),
    Situation(
        ALL,
        "one of two is open",
        facts(security_groups=HTTPS),
        word="P703",
        says="The security groups of 1 of 2 network interfaces of clients do not let port 27017 out",
    ),
    Situation(
        NONE,
        "both are closed",
        facts(security_groups=ALL_CLOSED),
        {"P703": "fail"},
        BAD,
        f"No security group of {ONE.id} and {TWO.id}, the 2 network interfaces of clients, lets port 27017 out to {ATLAS_BLOCK}.",
    ),
    Situation(
        NONE,
        "the only one",
        facts(interfaces=[ONE], security_groups=HTTPS),
        {"P703": "fail"},
        BAD,
        f"No security group of {ONE.id}, the only network interface of a client, lets port 27017 out",
    ),
    Situation(
        NONE, "a load balancer's is open", facts(interfaces=[ONE, OF_LOAD_BALANCER], security_groups=HTTPS), {"P703": "fail"}, BAD
    ),
    Situation(
        NONE,
        "that of the control plane of EKS is open, and one that nothing uses",
        facts(
            interfaces=[ONE, replace(OF_EKS, security_group_ids=(BATCH,)), replace(FREE, security_group_ids=(BATCH,))],
            **ALONE_CLOSED,
        ),
        {"P703": "fail"},
        BAD,
    ),
    Situation(
        NONE, "the client in the judged subnet is closed", facts(security_groups=HTTPS, **FIRST_ALONE), {"P703": "fail"}, BAD
    ),
    Situation(NONE, "the bastion's is closed, and the clients are named", with_groups(names=(BATCH,), **ALONE_CLOSED)),
    Situation(
        NONE,
        "one group is not shown",
        facts(security_groups={APP: HTTPS[APP]}),
        {"P703": "unknown"},
    ),
    Situation(
        NONE,
        "a prefix list of one of them cannot be read",
        facts(
            interfaces=[ONE],
            security_groups={APP: group(GroupRule("tcp", MONGODB, (), ("pl-1",)))},
            prefix_lists={"pl-1": Unread("No.", "ec2:GetManagedPrefixListEntries")},
        ),
        {"P703": "unknown"},
    ),
    Situation(
        NONE,
        "only the second interface of an instance is open",
        facts(security_groups=HTTPS, **NICS_IN_BOTH),
        {"P703": "unknown"},
        OPEN,
        f"Another interface of an instance is open, or may be. {SENDS_FIRST}",
    ),
    Situation(
        NONE, "the second interface alone is closed", facts(security_groups=out("10.0.0.0/8", group_id=BATCH), **NICS_IN_BOTH)
    ),
    Situation(
        NONE, "only the interface for pods is open", facts(security_groups=HTTPS, **PODS_IN_SECOND), {"P703": "unknown"}, OPEN
    ),
    Situation(
        NONE,
        "subnet_ids says that pods send with it",
        facts(security_groups=HTTPS, **PODS_IN_SECOND, selection={"subnet_ids": SUBNET_IDS}),
        word="P703",
        says="1 of 2 network interfaces",
    ),
    Situation(
        NONE,
        "only the second interface of an instance is open, and subnet_ids names both subnets",
        facts(security_groups=HTTPS, **NICS_IN_BOTH, selection={"subnet_ids": SUBNET_IDS}),
        {"P703": "unknown"},
        OPEN,
    ),
    Situation(
        NONE,
        "subnet_ids names that of the second interface alone, which is closed",
        facts(security_groups={**ALL_CLOSED, APP: GROUPS[APP]}, **NICS_IN_BOTH, **SECOND_NAMED),
        {"P703": "fail"},
        BAD,
    ),
    Situation(
        IN_PLACE,
        "a bastion outside of these is closed",
        facts(interfaces=[ONE], security_groups=HTTPS, selection={"client_cidr_blocks": ("10.15.1.64/26",)}),
    ),
    Situation(
        IN_PLACE,
        "the client in one of these is closed, and what is outside of it is open",
        facts(
            interfaces=[ONE, eni(90, FIRST, BATCH)], security_groups=HTTPS, selection={"client_cidr_blocks": ("10.15.1.0/28",)}
        ),
        {"P703": "fail"},
        BAD,
    ),
    Situation(
        NONE,
        "only a task of ECS is open",
        facts(security_groups=HTTPS, interfaces=[ONE, replace(SECOND_NIC, description=OF_TASK)]),
        word="P703",
        says="1 of 2 network interfaces",
    ),
    Situation(
        NONE,
        "they name one of three nodes",
        facts(security_groups={**ALL_CLOSED, APP: out(NODES[0])[APP], BATCH: out(NODES[0], group_id=BATCH)[BATCH]}),
        {"P703": "fail"},
        BAD,
    ),
    Situation(ALL, "single nodes are open", facts(security_groups={**ALL_CLOSED, APP: out(*NODES)[APP]}), word="P703"),
    Situation(SHOWN, "all groups", facts(security_groups=NO_GROUPS), {"P703": "unknown"}),
    Situation(SHOWN, "one group", facts(security_groups={APP: HTTPS[APP]}), {"P703": "unknown"}),
    Situation("Interfaces refused: P703 is skipped.", "nothing is known of clients", facts(interfaces=NO_INTERFACES)),
]


@pytest.mark.parametrize("situation", FILTERS_SEEN, ids=[f"{one.sentence[:20]}: {one.truth}" for one in FILTERS_SEEN])
def test_what_filters_let_out(situation: Situation) -> None:
    check(situation)


def test_a_failure_of_all_clients_has_their_interfaces() -> None:
    finding = found(facts(security_groups=ALL_CLOSED))["P703"]
    assert finding.evidence == {"interfaces": [ONE.id, TWO.id], "security_group_ids": [APP, BATCH]}
    assert len([one for one in run_checks(facts(security_groups=ALL_CLOSED)) if one.code == "P703"]) == 1
    assert finding.subnet_ids == SUBNET_IDS
    assert "name the clients with instance_ids or security_group_ids" in finding.fix
    skipped = found(facts(interfaces=NO_INTERFACES), "skipped")["P703"]
    assert skipped.message == "No client is named, and network interfaces could not be read."
