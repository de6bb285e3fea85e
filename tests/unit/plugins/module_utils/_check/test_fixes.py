"""Each fix is carried out on facts in memory as its sentence says, and the check runs again: it finds no fault any more.

A fix that has no effect, or needs what no reader can do, fails here. The fixes are those of the situations of the other tests,
and of some more.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import (
    AclRule,
    DhcpOptions,
    Ports,
    ResolverRule,
    Route,
    Subnet,
    Vpc,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import ConnectionFacts
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import CHECKS, Finding, run_checks
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.objects import PeeringRoute, parse_firewalls
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    GCP_REGION,
    NETWORK,
    NSG_ID,
    azure_cluster,
    azure_container,
    azure_peer,
    gcp_cluster,
    gcp_peer,
    healthy_azure,
    healthy_gcp,
    mirror,
    nsg,
    security_rule,
    vnet_peering,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ATLAS_BLOCK,
    CONNECTION_ID,
    GROUP_ID,
    INSTANCE_ID,
    MAIN_TABLE_ID,
    OTHER_CONTAINER_ID,
    SUBNET_IDS,
    TABLE_ID,
    VPC_BLOCK,
    VPC_ID,
    acl,
    cluster,
    connection,
    container,
    entry,
    group,
    healthy,
    interface,
    object_id,
    peer,
    region,
    table,
)
from ansible_collections.cloudpeer.atlas.tests.support.fixes import ACTIONS, carry_out, ways_of
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.module_utils._check import (
    test_situations_azure,
    test_situations_clients,
    test_situations_gcp,
    test_situations_names,
)

WRONG = ("fail", "warn", "unknown")
#: The fixes that nothing can carry out on facts, by code, with the reason.
LEFT: dict[str, dict[str, str]] = {
    "P101": {
        r"(Wait, and check again: Atlas|It is accepted: AWS).*": "it is a wait",
        r"Request a new one when it is gone .*": "it is a wait",
        r"Nothing is missing in GCP: .*": "it is a wait",
        r"Give Atlas's service principal its role .*": "no fact has the roles in Azure",
        r"Correct (aws_account_id|container_region|container_id|gcp_project_id)\b.*": "the facts of the right network are others",
        r"Make it: atlas_gcp_peering, or atlas_peering\. The network .*": "nobody knows the names of Atlas's network",
    },
    "P102": {r"Then remove the connection with state: absent, .*": "which value was wrong is not known"},
    "P103": {r"Set route_table_cidr_block \(.*\) to a block of the VPC, within .*": "the VPC has no block that Atlas takes"},
    "P104": {
        r"Each connection has one: check base_url and group_id\.": "the settings look in the wrong place",
        r"Choose a network container on \w+\.": "the settings name the wrong container",
    },
    "P106": {r"Check compare_group_ids: .*": "it is about another project"},
    "P107": {r".*": "it is a quota"},
    "P201": {r"Create a cluster in (, or|None, or).*": "Atlas does not report the region, which P104 reports"},
    "P202": {
        r"A (VPC|VNet|VPC network) can be connected with regions of \w+ only: .*": "it is another cloud",
        r"Connect the VPC with the network container of each region: .*": "what AWS has of it is judged by its codes",
        r".*": "it is the fix of the code that the message names",
    },
    "P203": {
        r"Wait until it runs, or name other clusters\.": "it is a wait",
        r"Look at the cluster in Atlas, or name other clusters\.": "it is a look",
    },
    "P205": {r"Custom DNS is enabled: .*": "it is a wait"},
    "P301": {
        r"Add .*, unless these clients leave with an address of the network: then name that\.": "it depends on how they leave",
        r"Correct cidr_block and cidr_blocks of the connection\.": "which blocks are right is not known",
        r"Give the clients such a group, or add their blocks to the access list\.": "who the clients are is not known",
        r"Name the clients with security_group_ids or instance_ids to check them\.": "who the clients are is not known",
        r"Use credentials of account \d+\.": "it is another account",
    },
    "P302": {r"Use credentials of account \d+\.": "it is another account"},
    "P303": {r"Use credentials of account \d+\.": "it is another account"},
    "P401": {
        r"Use the region of the VPC\. If it is right, .*": "AWS was asked in another place, or has forgotten it",
        r"Use credentials of account \d+\.": "it is another account",
    },
    "P402": {r"AWS is still at work: .*": "it is a wait"},
    "P404": {r"Use (the )?credentials .*": "it is another account or region"},
    "P405": {r"Only Atlas changes its side: ask its support, .*": "it is Atlas's side"},
    "P501": {r", or use the private connection strings?\.|\.": "which string an application uses is not known"},
    "P502": {
        r"Let them forward mongodb\.net .*": "what other servers answer cannot be seen",
        r"DNS servers that drop private addresses .*": "what other servers answer cannot be seen",
    },
    "P503": {
        r"Let \d+ see whether the zone has the names of \w+\.": "it is another account",
        r"Look (what|whether|at).*": "it is a look",
    },
    "P601": {
        r"Correct cidr_block of the connection\.": "which block is right is not known",
        r"Name the tables of subnets with .*": "which tables are meant is not known",
        r"Use subnet_ids to judge them\.": "who the clients are is not known",
    },
    "P603": {r"Allow ec2:GetManagedPrefixListEntries .*": "what these credentials may read is not a setting of the network"},
    "P604": {r"$": "there is nothing to do"},
    "P605": {r"Remove routes that nobody needs, or request a higher quota .*": "it is a quota"},
    "P702": {
        r"If clients have other groups, too, give instance_ids: .*": "who the clients are is not known",
        r"Check again in a minute\. A group of another account .*": "it is another account",
    },
    "P703": {
        r"Give it a security group that allows .*": "no fact has which group that is",
        r"Check again in a minute\. A group of another account .*": "it is another account",
    },
    "P801": {r"Connect the network of these clients by itself, .*": "it is another network"},
    "P901": {r".*": "a probe has to be repeated on its host"},
    "P902": {r".*": "a probe has to be repeated on its host"},
    "A401": {
        r"Set atlas_vnet_name of the connection, .*": "the name is not known",
        r"Look at the peering of the VNet in Azure\.": "it is a look",
    },
    "A501": {
        r"Look at the cluster in Atlas, and check again\.": "it is a look",
        r"DNS servers that drop private addresses .*": "what other servers answer cannot be seen",
    },
    "A701": {r"Check that the clients are in those that rules allow, and in none that they deny\.": "it is a look"},
    "G401": {
        r"(Correct gcp_project_id and network_name|It uses the shared VPC) .*": "the facts of the right network are others",
        r"Atlas's side is missing there: check .*": "it is a look",
    },
    "G403": {
        r"Look at the routes of the peering in GCP .*": "it is a look",
        r"Atlas imports no ranges of public addresses.*": "it is another range",
    },
    "G501": {
        r"Look at the cluster in Atlas, and check again\.": "it is a look",
        r"DNS servers that drop private addresses .*": "what other servers answer cannot be seen",
    },
    "G601": {r"Look for a subnet or a route of the network with the same addresses: .*": "it is a look"},
    "G701": {
        r"See that all clients are let out\.": "it is a look",
        r"The policy is the organization's or a folder's: .*": "it says whose it is",
    },
}
#: What a fix brings to light: a connection with another network container needs routes of its own, for example.
FOLLOWS = {
    "P105": {"P403", "P601"},
    "A403": {"A402"},
    # Each of these waits for the other one, or has no effect without it.
    "P301": {"P302", "P303"},
    "P501": {"P503"},
}


def with_main(*routes: Route, **changes: Any) -> ConnectionFacts:
    lists = changes.pop("list_routes", ())
    own = table(TABLE_ID, subnet_ids=SUBNET_IDS[:1])
    return healthy(route_tables=[own, table(MAIN_TABLE_ID, *routes, is_main=True, list_routes=lists)], **changes)


def rule(number: int, block: str = "0.0.0.0/0", *, is_egress: bool = True, allows: bool = False, ports: Any = None) -> AclRule:
    return AclRule(number, is_egress, allows, "6" if ports else "-1", block, ports)


OPEN = [rule(number, is_egress=one, allows=True) for number in (200,) for one in (True, False)]
TO_ATLAS = Route(ATLAS_BLOCK, CONNECTION_ID, is_peering=True)
OTHER = Route("10.99.0.0/16", "vgw-1")
SUBNETS = [Subnet(SUBNET_IDS[0], VPC_ID, "10.15.1.0/24"), Subnet(SUBNET_IDS[1], VPC_ID, "10.15.2.0/24")]


def subnets(*blocks: str, vpc: tuple[str, ...] = (VPC_BLOCK,), current: str = VPC_BLOCK, **changes: Any) -> ConnectionFacts:
    """Return a VPC with subnets of these blocks, to one of which Atlas routes."""
    names = [f"subnet-{number:017x}" for number in range(len(blocks))]
    return healthy(
        {"cidr_block": None},
        subnets=[Subnet(name, VPC_ID, block) for name, block in zip(names, blocks)],
        vpc=Vpc(VPC_ID, "123456789012", list(vpc), True, True, "dopt-1"),
        network_acls=[acl(subnet_ids=tuple(names))],
        access_list=[entry(block) for block in blocks],
        peer=peer(route_table_cidr_block=current),
        **changes,
    )


def firewalls(*rules: Any, policies: tuple[Any, ...] = ()) -> ConnectionFacts:
    reply = {"firewalls": [*rules], "firewallPolicys": [*policies]}
    return healthy_gcp(gcp_firewalls=parse_firewalls(reply, policies_first=False))


def deny(priority: int = 1000, **changes: Any) -> dict[str, Any]:
    return test_situations_gcp.rule("denied", priority, **changes)


policy, policy_rule = test_situations_gcp.policy, test_situations_gcp.policy_rule
MORE = [
    healthy(peer=None, connection=None),
    healthy(peer=peer(status_name="PENDING_ACCEPTANCE"), connection=connection(status="pending-acceptance")),
    healthy(peer=peer(status_name="PENDING_ACCEPTANCE")),
    healthy(peer=peer(status_name="PENDING_ACCEPTANCE"), connection=connection(status="rejected")),
    healthy(peer=peer(status_name="FAILED", error_state_name="REJECTED")),
    healthy(peer=peer(route_table_cidr_block="10.99.0.0/16")),
    healthy({"container_region": "eu-west-1"}),
    healthy(container=container(atlas_cidr_block="10.15.128.0/21")),
    healthy(
        peers=[peer(), peer(id=object_id(number=9), container_id=OTHER_CONTAINER_ID)],
        containers=[container(), container(id=OTHER_CONTAINER_ID, region_name="EU_WEST_1")],
    ),
    healthy(clusters=[]),
    healthy(clusters=[cluster(paused=True)]),
    healthy(clusters=[cluster(regions=[region(provider_name="TENANT")])]),
    healthy(clusters=[cluster(regions=[region(provider_name="SERVERLESS")])]),
    healthy(dhcp_options=DhcpOptions("dopt-1", ("10.15.0.53",))),
    healthy(dhcp_options=DhcpOptions("dopt-1", ())),
    healthy({"cidr_block": None}, access_list=[]),
    healthy({"cidr_block": None}, access_list=[entry("10.99.0.0/16")]),
    subnets(*(f"10.15.{number}.0/24" for number in range(0, 16, 2))),
    healthy(access_list=[entry(VPC_BLOCK, delete_after_date="2026-11-26T13:00:00Z")]),
    healthy(access_status={VPC_BLOCK: "FAILED"}),
    healthy({"aws_security_group": GROUP_ID}, access_list=[entry(GROUP_ID)], security_groups={}),
    healthy({"aws_security_group": GROUP_ID}, access_list=[entry(GROUP_ID), entry(VPC_BLOCK)], security_groups={}),
    healthy({"aws_security_group": GROUP_ID, "cidr_block": None}, access_list=[entry(GROUP_ID)], security_groups={}),
    healthy(access_list=[entry(VPC_BLOCK), entry("0.0.0.0/0")]),
    healthy(connection=connection(accepter=dataclasses.replace(connection().accepter, vpc_id="vpc-0f"))),
    healthy(connection=connection(requester=dataclasses.replace(connection().requester, cidr_blocks=["192.168.240.0/21"]))),
    healthy(vpc=dataclasses.replace(healthy().aws.vpc, refuses_peerings=True)),
    healthy(dns_attributes={"enable_dns_support": True, "enable_dns_hostnames": False}),
    *(
        healthy(resolver_rules=[ResolverRule("rslvr-rr-1", one, "FORWARD")])
        for one in (".", "net", "mongodb.net", "abcde.mongodb.net")
    ),
    # Routes.
    with_main(OTHER),
    with_main(Route("192.168.0.0/16", "tgw-1")),
    with_main(Route(ATLAS_BLOCK, "tgw-1")),
    with_main(TO_ATLAS, Route("192.168.248.0/24", "tgw-1"), Route("192.168.250.0/24", "tgw-1")),
    with_main(TO_ATLAS, *(Route(f"192.168.{248 + number}.0/24", "tgw-1") for number in range(6))),
    with_main(Route("192.168.252.0/22", CONNECTION_ID), Route("192.168.248.0/24", "tgw-1")),
    with_main(Route("192.168.248.0/22", "tgw-1"), Route("192.168.252.0/22", CONNECTION_ID)),
    with_main(Route(ATLAS_BLOCK, "vgw-1", is_propagated=True)),
    with_main(TO_ATLAS, Route("192.168.248.0/24", "vgw-1", is_propagated=True), Route("192.168.249.0/24", "tgw-1")),
    with_main(TO_ATLAS, list_routes=(Route("pl-1", "tgw-1"),), prefix_lists={"pl-1": ["192.168.248.0/24", "10.0.0.0/8"]}),
    with_main(OTHER, list_routes=(Route("pl-1", "tgw-1"),), prefix_lists={"pl-1": ["192.168.0.0/16"]}),
    with_main(
        OTHER,
        list_routes=(Route("pl-1", CONNECTION_ID, is_peering=True), Route("pl-2", "tgw-1")),
        prefix_lists={"pl-1": [ATLAS_BLOCK], "pl-2": [ATLAS_BLOCK]},
    ),
    with_main(Route(ATLAS_BLOCK, CONNECTION_ID, is_peering=True, is_blackhole=True)),
    with_main(TO_ATLAS, Route("10.98.0.0/16", "pcx-0a1b2c3d4e5f6000f", is_peering=True, is_blackhole=True), statuses={}),
    # The way back.
    subnets("10.15.1.0/24", "10.15.2.0/24", current="10.15.1.0/24"),
    subnets("10.15.1.0/24", "100.64.1.0/24", vpc=(VPC_BLOCK, "100.64.0.0/16")),
    subnets("10.15.1.0/24", "10.200.1.0/24", vpc=(VPC_BLOCK, "10.200.0.0/16")),
    subnets("10.14.1.0/24", "10.15.1.0/24", vpc=(VPC_BLOCK, "10.14.0.0/16")),
    subnets("10.15.1.0/24", "192.168.1.0/24", vpc=(VPC_BLOCK, "192.168.0.0/17")),
    healthy(subnets=[Subnet(SUBNET_IDS[0], VPC_ID, None), SUBNETS[1]]),
    # Filters.
    healthy(network_acls=[acl(*OPEN, rule(100))]),
    healthy(network_acls=[acl(*OPEN, rule(100), rule(99, "10.9.0.0/16"), others=frozenset({(True, 98)}))]),
    healthy(network_acls=[acl(*OPEN, rule(1))]),
    healthy(network_acls=[acl(*OPEN, rule(100, is_egress=False))]),
    healthy(network_acls=[acl(*OPEN, rule(1, is_egress=False))]),
    healthy(network_acls=[acl(OPEN[1])]),
    healthy(network_acls=[acl(*OPEN, rule(20, ports=Ports(27016, 27016)), rule(100, ports=Ports(27017, 27017)))]),
    healthy(selection={"security_group_ids": (GROUP_ID,)}, security_groups={GROUP_ID: dataclasses.replace(group(), egress=())}),
    healthy(
        selection={"instance_ids": (INSTANCE_ID,)},
        interfaces=[interface()],
        security_groups={GROUP_ID: dataclasses.replace(group(), egress=())},
    ),
    healthy(interfaces=[interface()], security_groups={GROUP_ID: dataclasses.replace(group(), egress=())}),
    healthy_azure(vnet_nsgs={NSG_ID: nsg(security_rule("deny", 100))}),
    healthy_azure(vnet_nsgs={NSG_ID: nsg(security_rule("udp", 199, protocol="Udp"), security_rule("deny", 200))}),
    healthy_azure(peer=azure_peer(resource_group_name="other"), entry={"resource_group_name": "network-group"}),
    healthy_azure(
        container=azure_container(atlas_cidr_block="10.20.128.0/21"), vnet_peerings=[vnet_peering(prefixes=("10.20.128.0/21",))]
    ),
    healthy_azure(clusters=[cluster(regions=azure_cluster()["regions"])]),
    healthy_gcp(clusters=[cluster(regions=gcp_cluster()["regions"])]),
    firewalls(deny(0)),
    firewalls(deny(), deny(10, block="192.168.248.0/24")),
    firewalls(deny(), policies=(policy(policy_rule(priority=0)),)),
    firewalls(policies=(policy(policy_rule(priority=1), policy_rule(priority=0, direction="INGRESS")),)),
    firewalls(policies=(policy(policy_rule(), kind="SYSTEM"),)),
    firewalls(policies=(policy(policy_rule("apply_security_profile_group")),)),
    healthy_gcp(peer=gcp_peer(status_name="WAITING_FOR_USER")),
    healthy_gcp(gcp_networks={NETWORK: (), "default": (mirror(),)}),
    healthy_gcp(gcp_networks={NETWORK: (mirror(),), "default": (mirror(),)}),
    healthy_gcp(gcp_networks={NETWORK: (mirror(exchanges_subnets=False),)}),
    healthy_gcp(gcp_incoming={GCP_REGION: [PeeringRoute("10.99.0.0/16", True)]}),
]
_AZURE, _CLIENTS, _GCP, _NAMES = (
    test_situations_azure,
    test_situations_clients,
    test_situations_gcp,
    test_situations_names,
)
SITUATIONS = {
    "AZURE": [one for _code, one in _AZURE.ALL],
    "clients": [*_CLIENTS.FORCE, *_CLIENTS.WHERE, *_CLIENTS.SENDERS, *_CLIENTS.FILTERS_SEEN],
    "GCP": [*_GCP.EVERYWHERE, *_GCP.G403, *_GCP.G601, *_GCP.G701, *_GCP.P301, *_GCP.P801, *_GCP.P107, *_GCP.OTHERS],
    "names": [*_NAMES.DNS, *_NAMES.REGIONS, *_NAMES.ACCOUNTS, *_NAMES.PROBES],
}
#: The fixes of a connection are no more than these: each one may bring another fault of the same code to light.
MOST = 8


def is_wrong(finding: Finding) -> bool:
    """Whether a finding needs a change; P304 is only worth a word, and its fix changes a list all the same."""
    return finding.severity in WRONG or (finding.code, finding.severity) == ("P304", "info")


def doable_in(findings: list[Finding], code: str) -> list[tuple[Finding, Any]]:
    """Return the findings of a code whose fixes can be carried out, with the ways to do so."""
    found = [one for one in findings if one.code == code and is_wrong(one)]
    return [(one, ways) for one in found if (ways := ways_of(one, ACTIONS, LEFT))]


def after_fixes(facts: ConnectionFacts, findings: list[Finding], code: str, way: int) -> list[Finding]:
    """Return what is found after all fixes of a code, one after the other; of several ways, that with a number."""
    for _number in range(MOST):
        doable = doable_in(findings, code)
        if not doable:
            return findings
        finding, ways = doable[0]
        facts = carry_out(finding, facts, ways[way % len(ways)])
        findings = run_checks(facts)
    raise AssertionError(f"{code} has no effect: {finding.message} {finding.fix}")


def check_fixes(facts: ConnectionFacts) -> None:
    findings = run_checks(facts)
    before = {one.code for one in findings if is_wrong(one)}
    for code in before:
        for way in range(max((len(ways) for _finding, ways in doable_in(findings, code)), default=0)):
            after = {one.code for one in after_fixes(facts, findings, code, way) if is_wrong(one)}
            assert after - before <= FOLLOWS.get(code, set()), (code, way)


@pytest.mark.parametrize("facts", MORE, ids=range(len(MORE)))
def test_a_fix_works_as_it_is_written(facts: ConnectionFacts) -> None:
    check_fixes(facts)


@pytest.mark.parametrize("kind", SITUATIONS)
def test_the_fixes_of_all_situations_work(kind: str) -> None:
    for one in SITUATIONS[kind]:
        check_fixes(one.facts)


def test_every_code_has_an_action_or_a_reason() -> None:
    assert {*ACTIONS, *LEFT} == CHECKS.keys()
    assert all(reason for reasons in LEFT.values() for reason in reasons.values())


def test_every_sentence_is_tried() -> None:
    """An action that nothing needs would say nothing."""
    everything = [*MORE, *(one.facts for kind in SITUATIONS.values() for one in kind)]
    seen = {one.fix for facts in everything for one in run_checks(facts)}
    for code, sentences in ACTIONS.items():
        for pattern in sentences:
            assert any(re.search(pattern, fix, re.IGNORECASE) for fix in seen), (code, pattern)
