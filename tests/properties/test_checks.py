"""The checks never fail themselves, nothing unread is fine, and ranges cover what they cover address by address."""

from __future__ import annotations

import ipaddress
import json
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import (
    AclRule,
    DhcpOptions,
    Ports,
    Route,
    RouteTable,
    Subnet,
    Vpc,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import (
    AtlasFacts,
    AwsFacts,
    ConnectionFacts,
    Missing,
    Unread,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import verdict_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.p3_access_list import deciding_entries
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.p7_filters import closed_by
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.prefixes import parts_of, ways_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import CHECKS, run_checks
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.objects import EgressRule, PeeringRoute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.blocks import merge_ranges
from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.properties.states import optional
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    ATLAS_NETWORK,
    ATLAS_PROJECT,
    GCP_BLOCK,
    GCP_REGION,
    GROUP,
    NETWORK,
    NSG_ID,
    TABLE_ID,
    VNET_BLOCK,
    azure_cluster,
    azure_container,
    azure_peer,
    gcp_cluster,
    gcp_container,
    gcp_peer,
    healthy_azure,
    healthy_gcp,
    mirror,
    nsg,
    route_table,
    security_rule,
    subnet_range,
    vnet_peering,
    vnet_subnet,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ACCOUNT_ID,
    ATLAS_BLOCK,
    GROUP_ID,
    INSTANCE_ID,
    OTHER_CONTAINER_ID,
    SUBNET_BLOCKS,
    SUBNET_IDS,
    VPC_BLOCK,
    VPC_ID,
    cluster,
    connection,
    container,
    entry,
    found,
    group,
    healthy,
    interface,
    object_id,
    peer,
    region,
    with_private_string,
)
from hypothesis import event, given
from hypothesis import strategies as st

UNREAD = Unread("It could not be read.", "ec2:DescribeEverything")
OFF = Missing("It is off.")
FACTS = sorted({*AtlasFacts.__dataclass_fields__, *AwsFacts.__dataclass_fields__})
#: Without these, a healthy connection cannot be said to carry traffic.
DECIDING = {
    *("peer", "peers", "container", "containers", "access_list", "access_status", "clusters"),
    *("connection", "vpc", "account_id", "dns_attributes", "subnets", "route_tables", "network_acls"),
    *("dhcp_options", "zones", "resolver_rules"),
}


@examples(150)
@given(st.sets(st.sampled_from(FACTS), max_size=4))
def test_what_is_unread_is_never_fine_and_never_a_failure(names: set[str]) -> None:
    facts = healthy(**dict.fromkeys(names, UNREAD))
    findings = run_checks(facts)
    expected = "unknown" if names & DECIDING else "reachable_by_design"
    event(expected)
    assert verdict_of(findings, both_halves=True) == expected
    assert {one.severity for one in findings} <= {"ok", "info", "skipped", "unknown"}


# Around 10.15.0.0/27, so that few addresses make many cases.
BASE = int(ipaddress.IPv4Address("10.15.0.0"))


def blocks(first: int, last: int, count: int = 32) -> st.SearchStrategy[str]:
    """Return blocks with prefix lengths between these, the first addresses of which are among the first ones."""
    return st.builds(
        lambda number, length: str(ipaddress.ip_network((BASE + number, length), strict=False)),
        st.integers(0, count - 1),
        st.integers(first, last),
    )


@examples(200)
@given(
    st.lists(blocks(28, 31), min_size=1, max_size=3, unique=True),
    st.lists(st.one_of(blocks(26, 32, 48), blocks(32, 32).map(lambda one: one[:-3])), max_size=8),
)
def test_the_access_list_covers_address_by_address(subnets: list[str], subjects: list[str]) -> None:
    listed = [entry(subject) for subject in subjects]
    allowed = {address for subject in subjects for address in ipaddress.ip_network(subject)}
    facts = healthy(
        {"cidr_block": None}, subnets=[Subnet(f"subnet-{block}", VPC_ID, block) for block in subnets], access_list=listed
    )
    uncovered = {block: set(ipaddress.ip_network(block)) - allowed for block in subnets}
    finding = found(facts, "fail").get("P301")
    shown = finding.evidence["subnets"] if finding else {}
    told = {name: {address for part in parts for address in ipaddress.ip_network(part)} for name, parts in shown.items()}
    assert told == {f"subnet-{block}": addresses for block, addresses in uncovered.items() if addresses}
    event(f"{len(shown)} of {len(subnets)} have gaps")
    # What decides is enough for the subnets without gaps.
    deciding = {address for one in deciding_entries(facts) for address in ipaddress.ip_network(one["cidr_block"])}
    assert all(set(ipaddress.ip_network(block)) <= deciding for block, addresses in uncovered.items() if not addresses)


HOSTS = ("10.15.1.5", "10.15.1.6", "10.15.2.7")
GROUPS = ("sg-app", "sg-batch", "sg-web")
ENTRIES = [*HOSTS, *GROUPS, *SUBNET_BLOCKS, "10.15.1.4/31", "10.15.0.0/16", "10.15.1.0/25"]


@examples(120)
@given(
    st.sets(st.sampled_from(ENTRIES), max_size=4),
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(HOSTS), st.sampled_from(GROUPS)), max_size=3),
    st.sets(st.sampled_from(GROUPS), max_size=2),
)
def test_each_named_client_gets_in_by_itself(listed: set[str], nics: list[tuple[str, str, str]], named: set[str]) -> None:
    facts = healthy(
        selection={"instance_ids": tuple({one for one, *_rest in nics}) or None, "security_group_ids": tuple(named) or None},
        access_list=[entry(one) for one in listed],
        security_groups={one: group(id=one) for one in GROUPS},
        interfaces=[
            interface(id=f"eni-{number}", instance_id=one, addresses=(host,), security_group_ids=(name,))
            for number, (one, host, name) in enumerate(nics)
        ],
    )
    blocks = [IPv4Network(one) for one in listed if one not in GROUPS]

    def is_allowed(host: Any) -> bool:
        return any(IPv4Address(host) in block for block in blocks)

    getting_in = {one for one, host, name in nics if is_allowed(host) or name in listed}
    outside = {one for one, *_rest in nics} - getting_in
    if not all(is_allowed(address) for block in SUBNET_BLOCKS for address in IPv4Network(block)):
        outside |= named - listed - {name for *_rest, name in nics}
    if named or nics:
        told = {one.subject for one in run_checks(facts) if (one.code, one.severity) == ("P301", "fail")}
        assert told == outside
        event(f"{len(outside)} do not get in")


OTHER = peer(id=object_id(number=9), container_id=OTHER_CONTAINER_ID)
CHANGES: dict[str, list[Any]] = {
    "peer": [None, *(peer(status_name=status) for status in ("INITIATING", "PENDING_ACCEPTANCE", "FAILED", "TERMINATING", "NEW"))]
    + [peer(route_table_cidr_block=block) for block in ("10.0.0.0/8", "10.99.0.0/16", "nonsense", None)]
    + [peer(accepter_region_name="eu-west-1"), peer(connection_id=None), peer(id="odd")],
    "peers": [[], [peer(), OTHER], [{**OTHER, "status_name": "FAILED"}]],
    "container": [None, container(provider_name="GCP", region_name=None), container(atlas_cidr_block=None)],
    "containers": [[], [container(), container(id=OTHER_CONTAINER_ID, region_name="EU_WEST_1")]],
    "access_list": [[], [entry("0.0.0.0/0")], [entry(GROUP_ID)], [entry("nonsense"), entry("::/0")]]
    + [[entry(VPC_BLOCK, delete_after_date=date)] for date in ("2026-11-26T13:00:00Z", "2020-01-01T00:00:00Z", "soon")],
    "access_status": [{}, {VPC_BLOCK: "PENDING"}, {VPC_BLOCK: UNREAD}],
    "clusters": [[], [cluster(paused=True)], [cluster(connection_strings=None, members=None, private_members=None)]]
    + [[cluster(regions=regions)] for regions in ([], [region("EU_WEST_1")], [region(provider_name="TENANT")], [region(None)])]
    + [[with_private_string(cluster()), cluster("dev", regions=[region(), region("EU_WEST_1", electable_nodes=None)])]],
    "flex_clusters": [[], [cluster(regions=[region(provider_name="FLEX")])]],
    "custom_dns": [True],
    "other_projects": [
        {"a": UNREAD, "b": [{**OTHER, "atlas_cidr_block": ATLAS_BLOCK}]},
        {"a": [{**OTHER, "atlas_cidr_block": None}]},
    ],
    "connection": [None, connection(status="deleted"), connection(status="pending-acceptance")],
    "vpc": [None, Vpc(VPC_ID, ACCOUNT_ID, []), Vpc(VPC_ID, None, ["192.168.0.0/16"])],
    "dhcp_options": [DhcpOptions("dopt-1", ("10.15.0.53",))],
    "subnets": [[], [Subnet(SUBNET_IDS[0], VPC_ID, None)], [Subnet(SUBNET_IDS[0], VPC_ID, "100.64.0.0/24")]],
    "security_groups": [{GROUP_ID: group()}, {GROUP_ID: group(vpc_id="vpc-0a1b2c3d4e5f6ffff")}],
    "interfaces": [
        [interface()],
        [interface(subnet_id=SUBNET_IDS[1], instance_id=None)],
        [interface(), interface(id="eni-2", subnet_id=SUBNET_IDS[1], requester_id="amazon-rds")],
        [interface(type="nat_gateway", security_group_ids=())],
        [interface(), interface(id="eni-2", subnet_id=SUBNET_IDS[1], is_first=False)],
        [interface(), interface(id="eni-2", subnet_id=SUBNET_IDS[1], is_first=False, description="aws-K8S-i-1")],
        [interface(subnet_id=SUBNET_IDS[1], is_first=False, addresses=("10.15.2.5", "10.15.2.16/28"))],
    ],
    "connections_count": [49],
}
MEMBER = {"member": "a:27017", "addresses": ["192.168.248.9"], "tcp": "open", "tls": True}
ASKED: dict[str, list[Any]] = {
    "subnet_ids": [(), SUBNET_IDS[:1]],
    "security_group_ids": [(), (GROUP_ID,)],
    "instance_ids": [(), (INSTANCE_ID,)],
    "clusters": [(), ("shop",), ("dev", "gone")],
    "client_cidr_blocks": [(), ("10.15.1.0/24", "10.99.0.0/16")],
    "probes": [
        (),
        ({},),
        (
            {
                "host": "web1",
                "members": [MEMBER, {}, {**MEMBER, "tcp": "timeout"}, {**MEMBER, "addresses": ["odd"]}, {**MEMBER, "tls": False}],
            },
        ),
    ],
}
GIVEN: dict[str, list[Any]] = {
    "container_region": ["us-east-1", "EU_WEST_1"],
    "aws_security_group": [GROUP_ID],
    "cidr_block": [None, "10.15.1.0/24"],
    "connection_id": ["pcx-0a1b2c3d4e5f6ffff"],
}


def some(choices: dict[str, list[Any]], *more: Any) -> st.SearchStrategy[dict[str, Any]]:
    return optional(**{name: st.sampled_from([*values, *more]) for name, values in choices.items()})


@examples(300)
@given(some(GIVEN), some(ASKED), some(CHANGES, UNREAD, OFF))
def test_in_any_state_each_check_says_what_can_be_read(
    entry: dict[str, Any], selection: dict[str, Any], changes: dict[str, Any]
) -> None:
    check_all(healthy(entry, selection, **changes))


def check_all(facts: ConnectionFacts) -> None:
    """Check what every finding has, whatever the facts are."""
    findings = run_checks(facts)
    assert {one.code for one in findings} == {code for code, one in CHECKS.items() if facts.entry.provider.name in one.clouds}
    for one in findings:
        json.dumps(one.to_result())
        assert one.severity == "ok" or one.message.endswith("."), one
        assert one.severity not in ("fail", "warn") or one.fix.endswith("."), one
        assert one.waits_for is None or one.waits_for in CHECKS, one
    if any(one.severity == "unknown" and one.decides for one in findings):
        assert verdict_of(findings, both_halves=True) != "reachable_by_design"


ASKED_ELSEWHERE = {name: ASKED[name] for name in ("clusters", "client_cidr_blocks")}
STATES = ("ADDING_PEER", "WAITING_FOR_USER", "FAILED", "DELETING", "DELETION_FAILED", "NEW")
LISTS: dict[str, list[Any]] = {
    "access_list": [[], [entry("0.0.0.0/0")], [entry(GROUP_ID)], [entry("10.0.0.0/9", delete_after_date="2026-11-26T13:00:00Z")]],
    "access_status": [{}, {VNET_BLOCK: "PENDING"}, {GCP_BLOCK: UNREAD}],
    "flex_clusters": [[], [cluster(regions=[region(provider_name="FLEX")])]],
    "other_peers": [[peer()] * 39, [gcp_peer(status_name="WAITING_FOR_USER")] * 20],
}


@examples(200)
@given(
    some(
        {"container_region": ["eastus2", "EUROPE_NORTH"], "cidr_block": ["10.20.1.0/24"], "resource_group_name": [GROUP, "other"]}
    ),
    some(ASKED_ELSEWHERE),
    some(
        {
            **LISTS,
            "peer": [None, *(azure_peer(status_name=status, id=id_) for status in STATES for id_ in ("odd", object_id()))],
            "container": [None, azure_container(region_name="EUROPE_NORTH"), azure_container(atlas_cidr_block=None)],
            "clusters": [
                [],
                [azure_cluster(paused=True)],
                [cluster()],
                [azure_cluster(regions=[])],
                [{**azure_cluster(), "connection_strings": None}],
            ],
            "vnet_peerings": [
                [],
                [vnet_peering(state=state) for state in ("Initiated", "Disconnected")],
                [vnet_peering(sync_level="x")],
                [vnet_peering(sync_level="RemoteNotInSync", known_prefixes=None, allows_access=False, provisioning_state="odd")],
                [vnet_peering(remote_name="vnet-hub", prefixes=())],
            ],
            "vnet_prefixes": [(), ("192.168.0.0/16",)],
            "vnet_exists": [False],
            "vnet_subnets": [
                (),
                (vnet_subnet("GatewaySubnet"),),
                (vnet_subnet(), vnet_subnet("odd", nsg_id="x", route_table_id="y")),
            ],
            "vnet_nsgs": [{}, {NSG_ID: UNREAD}, {NSG_ID: nsg(security_rule("no", 100))}],
            "vnet_tables": [{}, {TABLE_ID: UNREAD}, {TABLE_ID: route_table((ATLAS_BLOCK, "None"))}],
        },
        UNREAD,
        OFF,
    ),
)
def test_in_any_state_each_check_for_azure_says_something(
    given_: dict[str, Any], selection: dict[str, Any], changes: dict[str, Any]
) -> None:
    check_all(healthy_azure(given_, selection, **changes))


OF_VNETS = ("vnet_peerings", "vnet_prefixes", "vnet_subnets", "vnet_nsgs", "vnet_tables")


@examples(40)
@given(st.sets(st.sampled_from([*OF_VNETS, "peer", "container", "access_list", "clusters"]), min_size=1, max_size=4))
def test_what_is_unread_on_azure_decides_and_never_fails(names: set[str]) -> None:
    findings = run_checks(healthy_azure(**dict.fromkeys(names, UNREAD)))
    assert verdict_of(findings, both_halves=True) == "unknown"
    assert {one.severity for one in findings} <= {"ok", "info", "skipped", "unknown"}


@examples(200)
@given(
    some({"cidr_block": [None], "atlas_gcp_project_id": [ATLAS_PROJECT], "atlas_network_name": [ATLAS_NETWORK]}),
    some(ASKED_ELSEWHERE),
    some(
        {
            **LISTS,
            "peer": [None, *(gcp_peer(status_name=status, id=id_) for status in STATES for id_ in ("odd", object_id()))],
            "peers": [[], [gcp_peer(network_name="default", id=object_id(number=9))]],
            "container": [None, gcp_container(atlas_network_name=None), gcp_container(atlas_cidr_block="odd")],
            "clusters": [[], [gcp_cluster(paused=True)], [cluster()], [gcp_cluster(regions=[region(None, provider_name="GCP")])]],
            "gcp_networks": [{}, {"default": (mirror(),)}, {NETWORK: (mirror(state="INACTIVE"),), "default": (mirror(),)}],
            "gcp_ranges": [[], [subnet_range(cidr_block="odd")], [subnet_range(region="other", cidr_block="34.10.0.0/20")]],
            "gcp_incoming": [{}, {GCP_REGION: UNREAD}, {GCP_REGION: [PeeringRoute("odd", None)]}, {GCP_REGION: []}],
            "gcp_outgoing": [[], [PeeringRoute(GCP_BLOCK, None)], [PeeringRoute("odd", False)]],
            "gcp_firewalls": [
                (),
                ((EgressRule("no", 1, "deny", sources=("10.30.1.0/24",)), EgressRule("odd", 2, "deny", sources=("x",))),),
            ],
        },
        UNREAD,
        OFF,
    ),
)
def test_in_any_state_each_check_for_gcp_says_something(
    given_: dict[str, Any], selection: dict[str, Any], changes: dict[str, Any]
) -> None:
    check_all(healthy_gcp(given_, selection, **changes))


OF_GCP = ("gcp_networks", "gcp_ranges", "gcp_incoming", "gcp_outgoing", "gcp_firewalls")


@examples(40)
@given(st.sets(st.sampled_from([*OF_GCP, "peer", "container", "access_list", "clusters"]), min_size=1, max_size=4))
def test_what_is_unread_on_gcp_decides_and_never_fails(names: set[str]) -> None:
    findings = run_checks(healthy_gcp(**dict.fromkeys(names, UNREAD)))
    assert verdict_of(findings, both_halves=True) == "unknown"
    assert {one.severity for one in findings} <= {"ok", "info", "skipped", "unknown"}


# Small enough to try each address.
BLOCK = IPv4Network("192.168.248.0/29")
OURS = "pcx-1"
#: All blocks in it, what is around it, and what is beside it.
BLOCKS = [
    *(str(part) for length in range(29, 33) for part in BLOCK.subnets(new_prefix=length)),
    "192.168.248.0/28",
    "192.168.0.0/16",
    "0.0.0.0/0",
    "192.168.248.8/29",
    "192.168.247.248/29",
]
# Few, so that two lists often have the same block.
LISTED = [BLOCKS[0], BLOCKS[1], BLOCKS[4], "192.168.248.0/28"]
TARGETS = st.sampled_from([OURS, "tgw-1", "local"])
PORTS = range(6)
RANGES = [(first, last) for first in PORTS for last in PORTS if first <= last]
#: What a rule says, but for its number. One value is drawn for each rule: values drawn one by one are much alike.
RULES = [
    (allows, protocol, block, ports)
    for allows in (True, False)
    for protocol in ("6", "6", "6", "-1", "17")
    for block in BLOCKS
    for ports in (None, *(Ports(*ends) for ends in RANGES))
]


@st.composite
def tables(draw: st.DrawFn) -> tuple[RouteTable, dict[str, list[str]]]:
    """Return a table as AWS allows it: a block has one static and one propagated route at most."""
    static = draw(st.dictionaries(st.sampled_from(BLOCKS), TARGETS, min_size=1, max_size=6))
    propagated = draw(st.dictionaries(st.sampled_from(BLOCKS), TARGETS, max_size=3))
    lists = draw(st.dictionaries(st.sampled_from(["pl-1", "pl-2"]), st.lists(st.sampled_from(LISTED), max_size=3), max_size=2))
    routes = [Route(block, target) for block, target in static.items()]
    routes += [Route(block, target, is_propagated=True) for block, target in propagated.items()]
    over_lists = tuple(Route(name, draw(TARGETS)) for name in lists)
    return RouteTable("rtb-1", "vpc-1", {}, tuple(draw(st.permutations(routes))), list_routes=over_lists), lists


def targets_by_hand(address: IPv4Address, table: RouteTable, lists: dict[str, list[str]]) -> set[str | None]:
    """Return where a table may send one address: lists that tie leave the choice to AWS."""
    found = [(IPv4Network(one.destination), 0 if one.is_propagated else 2, one.target) for one in table.routes]
    found += [(IPv4Network(block), 1, one.target) for one in table.list_routes for block in lists[one.destination]]
    matching = [(block.prefixlen, rank, target) for block, rank, target in found if address in block]
    if not matching:
        return {None}
    best = max(matching)[:2]
    return {target for *order, target in matching if tuple(order) == best}


@examples(150)
@given(tables())
def test_each_address_goes_where_the_longest_prefix_sends_it(made: tuple[RouteTable, dict[str, list[str]]]) -> None:
    table, lists = made
    parts = parts_of(BLOCK, ways_of(table, lists).known, OURS)
    sent = {address: part.route.target if part.route else None for part in parts for block in part.blocks for address in block}
    assert sum(block.num_addresses for part in parts for block in part.blocks) == len(sent) == BLOCK.num_addresses
    for address, target in sent.items():
        allowed = targets_by_hand(address, table, lists)
        assert target in allowed
        # What may go elsewhere is not taken for ours.
        assert target != OURS or allowed == {OURS}
    event(f"{len(parts)} parts")


@st.composite
def rule_lists(draw: st.DrawFn) -> list[AclRule]:
    """Return the rules of one direction, each with a number of its own, in any order."""
    drawn = draw(st.lists(st.sampled_from(RULES), min_size=1, max_size=7))
    numbers = draw(st.permutations(range(len(drawn))))
    return [AclRule(number, True, *rule) for number, rule in zip(numbers, drawn)]


def decision_by_hand(rules: list[AclRule], address: IPv4Address, port: int) -> tuple[bool, int | None]:
    """Return whether TCP to one port of one address passes, and the number of the rule that says so."""
    for rule in sorted(rules, key=lambda rule: rule.number):
        is_port = rule.ports is None or rule.ports.first <= port <= rule.ports.last
        if rule.protocol in ("6", "-1") and is_port and address in IPv4Network(rule.cidr_block):
            return rule.allows, rule.number
    return False, None


@examples(250)
@given(rule_lists(), st.sampled_from(RANGES), st.sampled_from(RANGES))
def test_rules_close_what_they_close_address_by_address(
    rules: list[AclRule], asked: tuple[int, int], more: tuple[int, int]
) -> None:
    ranges = merge_ranges([asked, more])
    found = closed_by(rules, BLOCK, ranges)
    closed = {
        (number, port): one.rule.number if one.rule else None
        for one in found
        for addresses, ports in one.areas
        for number in range(addresses[0], addresses[1] + 1)
        for port in range(ports[0], ports[1] + 1)
    }
    expected = {}
    for address in BLOCK:
        for port in (port for first, last in ranges for port in range(first, last + 1)):
            passes, number = decision_by_hand(rules, address, port)
            if not passes:
                expected[int(address), port] = number
    assert closed == expected
    for one in found:
        touched = [place for place, number in closed.items() if number == (one.rule.number if one.rule else None)]
        assert {int(address) for block in one.blocks for address in block} == {address for address, _port in touched}
        assert {port for first, last in one.ports for port in range(first, last + 1)} == {port for _address, port in touched}
    event(f"closed by {len(found)} rules")
