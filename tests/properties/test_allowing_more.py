"""A filter that allows more never gets a worse finding, on any cloud: what is closed can only become less.

A rule that allows opens what it names, or some of it, and closes nothing. Sources: "How network security groups filter network
traffic" of Azure, "VPC firewall rules" of Google Cloud, "Network ACL rules" and "Security group rules" of Amazon VPC.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import AclRule, GroupRule, Ports
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import ConnectionFacts
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.objects import PeeringRoute, parse_firewalls
from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    GCP_REGION,
    NSG_ID,
    gcp_cluster,
    healthy_azure,
    healthy_gcp,
    nsg,
    security_rule,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import GROUP_ID, acl, group, healthy, region, severities
from hypothesis import event, given
from hypothesis import strategies as st

#: A rule: its priority, whether it allows, and to where.
Rule = tuple[int, bool, str]
RANK = ("fail", "unknown", "warn", None)
#: Of Atlas's block: addresses of as many nodes as the cluster has, a block around them, Atlas's subnet on GCP, the block itself.
PLACES = (
    *("192.168.248.4/32", "192.168.248.5/32", "192.168.248.6/32"),
    *("192.168.248.0/29", "192.168.248.0/22", "192.168.248.0/21", "0.0.0.0/0"),
)
#: All nodes are open, each by a rule of its own.
NODES = [(100 + index, True, place) for index, place in enumerate(PLACES[:3])]


def on_azure(rules: list[Rule]) -> ConnectionFacts:
    shown = [
        security_rule(f"r{number}", number, "Allow" if allows else "Deny", destinationAddressPrefix=place)
        for number, allows, place in rules
    ]
    return healthy_azure(vnet_nsgs={NSG_ID: nsg(*shown)})


def on_gcp(rules: list[Rule]) -> ConnectionFacts:
    shown = [
        {
            "name": f"r{number}",
            "priority": number,
            "direction": "EGRESS",
            "disabled": False,
            "allowed" if allows else "denied": [{"IPProtocol": "all"}],
            "destinationRanges": [place],
        }
        for number, allows, place in rules
    ]
    firewalls = parse_firewalls({"firewalls": shown}, policies_first=False)
    clusters = [gcp_cluster(regions=[region("WESTERN_EUROPE", provider_name="GCP")])]
    routes = {GCP_REGION: [PeeringRoute("192.168.248.0/22", True)]}
    return healthy_gcp(gcp_firewalls=firewalls, clusters=clusters, gcp_incoming=routes)


def by_acl(rules: list[Rule]) -> ConnectionFacts:
    replies = AclRule(1, False, True, "-1", "0.0.0.0/0", None)
    shown = [AclRule(number, True, allows, "-1", place, None) for number, allows, place in rules]
    return healthy(network_acls=[acl(replies, *shown, AclRule(32767, True, False, "-1", "0.0.0.0/0", None))])


def by_group(rules: list[Rule]) -> ConnectionFacts:
    shown = [GroupRule("tcp", Ports(27015, 27017), (place,), ()) for _number, allows, place in rules if allows]
    nowhere = GroupRule("tcp", Ports(443, 443), ("0.0.0.0/0",), ())
    return healthy(selection={"security_group_ids": (GROUP_ID,)}, security_groups={GROUP_ID: group(nowhere, *shown)})


@pytest.mark.parametrize(("code", "facts_of"), [("A701", on_azure), ("G701", on_gcp), ("P701", by_acl), ("P702", by_group)])
@examples(300)
@given(
    st.sampled_from([[], NODES]),
    st.lists(st.tuples(st.integers(100, 120), st.booleans(), st.sampled_from(PLACES)), max_size=5, unique_by=lambda one: one[0]),
    st.integers(103, 120),
    st.sampled_from(PLACES),
)
def test_to_allow_more_never_makes_it_worse(
    code: str, facts_of: Callable[[list[Rule]], ConnectionFacts], nodes: list[Rule], rules: list[Rule], number: int, place: str
) -> None:
    numbers = {number, *(one[0] for one in nodes)}
    rules = [*nodes, *(one for one in rules if one[0] not in numbers), (130, False, "0.0.0.0/0")]
    before = severities(facts_of(rules)).get(code)
    after = severities(facts_of([*rules, (number, True, place)])).get(code)
    event(f"{before} to {after}")
    assert RANK.index(after) >= RANK.index(before)


@pytest.mark.parametrize(("code", "facts_of"), [("A701", on_azure), ("G701", on_gcp), ("P701", by_acl), ("P702", by_group)])
@pytest.mark.parametrize("number", [99, 110])
@pytest.mark.parametrize("place", ["192.168.248.0/29", "192.168.248.0/22"])
def test_a_block_around_open_nodes_is_no_failure(
    code: str, facts_of: Callable[[list[Rule]], ConnectionFacts], number: int, place: str
) -> None:
    rules = [*NODES, (130, False, "0.0.0.0/0")]
    assert severities(facts_of(rules)).get(code) == "warn"
    assert severities(facts_of([*rules, (number, True, place)])).get(code) == "warn"
