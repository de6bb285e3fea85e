"""Network security groups are judged as packets of clients fare: by priority, with tags, augmented rules and application groups.

How a packet fares is said here rule by rule, from Azure's reply: "How network security groups filter network traffic",
"Virtual network service tags" and "Application security groups" in Azure's documentation.
"""

from __future__ import annotations

import functools
import itertools
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.objects import UserRoute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.a6_subnets import strays_of
from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    NSG_ID,
    SUBNET,
    azure_container,
    azure_peer,
    healthy_azure,
    nsg,
    security_rule,
    vnet_peering,
    vnet_subnet,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import entry, found
from hypothesis import event, given
from hypothesis import strategies as st

Fields = dict[str, Any]
#: Small enough to send each packet.
CLIENTS, ATLAS = IPv4Network("10.20.1.0/30"), IPv4Network("192.168.248.0/30")
#: The ports of the cluster, which are needed, and the others of Atlas.
PORTS = {"fail": (27017,), "warn": (27015, 27016)}
CLIENT_PORTS = (32768, 40000, 50001, 60999)
SOURCES = ["*", "VirtualNetwork", "Internet", "10.20.1.0/31", "10.20.1.2/31", "10.20.1.3", "10.20.0.0/16"]
DESTINATIONS = ["*", "VirtualNetwork", "AzureCloud", "192.168.248.0/31", "192.168.248.2/31", "192.168.248.2", "192.168.248.3/32"]
RANGES = ["*", "*", "27017", "27015-27016", "27016-27018", "443"]
#: The default rules of every group, in their order.
DEFAULT = [
    ("Allow", "VirtualNetwork", "VirtualNetwork"),
    ("Allow", "*", "Internet"),
    ("Deny", "*", "*"),
]
RANK = ("fail", "unknown", "warn")


def one_or_more(choices: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(choices), min_size=1, max_size=3, unique_by=str)


def field(name: str, values: list[str], plural: str) -> Fields:
    """Return a field of a rule as Azure shows it: augmented rules have the plural in its place."""
    return {name: values[0]} if len(values) == 1 else {name: None, plural: values}


@st.composite
def rule_lists(draw: st.DrawFn) -> list[Fields]:
    """Return rules for outbound traffic; at most two are about clients in application security groups, each in its own."""
    rules, groups = [], 0
    for priority in draw(st.lists(st.integers(100, 110), min_size=1, max_size=6, unique=True)):
        properties = {
            **field("destinationAddressPrefix", draw(one_or_more(DESTINATIONS)), "destinationAddressPrefixes"),
            **field("destinationPortRange", draw(one_or_more(RANGES)), "destinationPortRanges"),
            "sourcePortRange": draw(st.sampled_from(["*", "*", "*", "1024-65535", "40000-50000", "80"])),
            "protocol": draw(st.sampled_from(["*", "*", "Tcp", "TCP", "Udp"])),
        }
        if groups < 2 and draw(st.integers(0, 3)) == 0:
            properties |= {"sourceAddressPrefix": None, "sourceApplicationSecurityGroups": [{"id": f"/asg-{groups}"}]}
            groups += 1
        else:
            properties |= field("sourceAddressPrefix", draw(one_or_more(SOURCES)), "sourceAddressPrefixes")
        rules.append(security_rule(f"rule-{priority}", priority, draw(st.sampled_from(["Allow", "Deny"])), **properties))
    return rules


@functools.cache
def is_among(address: IPv4Address, prefix: str) -> bool:
    """Whether an address of the VNet or of Atlas, which it is peered with, is among those of a prefix."""
    if prefix in ("*", "VirtualNetwork"):
        return True
    return prefix[0].isdigit() and address in IPv4Network(prefix)


@functools.cache
def is_port(port: int, text: str) -> bool:
    first, _dash, last = text.partition("-")
    return text == "*" or int(first) <= port <= int(last or first)


def values_of(properties: Fields, name: str, plural: str) -> list[str]:
    return [properties[name]] if properties.get(name) else list(properties.get(plural) or [])


def gets_out(
    rules: list[Fields], client: IPv4Address, target: IPv4Address, client_port: int, port: int, member_of: tuple[str, ...]
) -> bool:
    """Whether a packet gets out."""
    for rule in sorted(rules, key=lambda one: int(one["properties"]["priority"])):
        own = rule["properties"]
        groups = [one["id"] for one in own.get("sourceApplicationSecurityGroups") or ()]
        sources = values_of(own, "sourceAddressPrefix", "sourceAddressPrefixes")
        is_source = any(one in member_of for one in groups) if groups else any(is_among(client, one) for one in sources)
        targets = values_of(own, "destinationAddressPrefix", "destinationAddressPrefixes")
        ports = values_of(own, "destinationPortRange", "destinationPortRanges")
        is_end = any(is_among(target, one) for one in targets) and any(is_port(port, one) for one in ports)
        if own["protocol"].lower() in ("*", "tcp") and is_source and is_end and is_port(client_port, own["sourcePortRange"]):
            return bool(own["access"] == "Allow")
    for access, source, target_prefix in DEFAULT:
        if is_among(client, source) and is_among(target, target_prefix):
            return access == "Allow"
    raise AssertionError("no default rule matches")


def severity_of(rules: list[Fields], level: str, member_of: tuple[str, ...]) -> str | None:
    """Return how bad it is what is closed, if all clients are in these groups.

    At most two single addresses are open, and the cluster has three members, so that single ones are worth nothing.
    """
    shut_out = set()
    for client, target, client_port, port in itertools.product(CLIENTS, ATLAS, CLIENT_PORTS, PORTS[level]):
        if not gets_out(rules, client, target, client_port, port, member_of):
            shut_out.add(client)
    if not shut_out:
        return None
    return level if shut_out == set(CLIENTS) else "warn"


def expected_of(rules: list[Fields]) -> str | None:
    """Return what the check has to say: unknown where it depends on who is in the groups."""
    by_access: dict[str, list[str]] = {"Allow": [], "Deny": []}
    for rule in rules:
        own = rule["properties"]
        by_access[own["access"]] += [one["id"] for one in own.get("sourceApplicationSecurityGroups") or ()]
    said = []
    for level in PORTS:
        best, worst = (severity_of(rules, level, (*by_access[one],)) for one in ("Allow", "Deny"))
        said += [best] if best in (level, worst) else [best, "unknown"]
    return next((one for one in RANK if one in said), None)


@examples(120)
@given(rule_lists())
def test_groups_are_judged_as_packets_of_clients_fare(rules: list[Fields]) -> None:
    facts = healthy_azure(
        peer=azure_peer(),
        container=azure_container(atlas_cidr_block=str(ATLAS)),
        vnet_peerings=[vnet_peering(prefixes=(str(ATLAS),))],
        vnet_subnets=(vnet_subnet(SUBNET, str(CLIENTS)),),
        vnet_nsgs={NSG_ID: nsg(*rules)},
        access_list=[entry(str(CLIENTS))],
    )
    finding = found(facts).get("A701")
    expected = expected_of(rules)
    event(str(expected))
    assert (finding.severity if finding else None) == expected


ROUTES = [
    *(str(part) for length in (29, 30, 31, 32) for part in IPv4Network("192.168.248.0/29").subnets(new_prefix=length)),
    "192.168.248.0/28",
    "192.168.0.0/16",
    "0.0.0.0/0",
    "192.168.248.8/29",
]


@examples(100)
@given(
    st.dictionaries(st.sampled_from(ROUTES), st.sampled_from(["VnetLocal", "None", "VirtualAppliance"]), max_size=6),
    st.sampled_from(
        [[], ["192.168.248.0/29"], ["192.168.248.0/28"], ["192.168.0.0/16"], ["192.168.248.0/30", "192.168.248.4/30"]]
    ),
)
def test_each_address_goes_where_the_longest_prefix_says(hops: dict[str, str], prefixes: list[str]) -> None:
    block = IPv4Network("192.168.248.0/29")
    routes = [UserRoute(prefix, IPv4Network(prefix), hop) for prefix, hop in hops.items()]
    strays = strays_of(routes, block, map(IPv4Network, prefixes))
    taken = {address: stray.route.name for stray in strays for part in stray.blocks for address in part}
    expected = {}
    for address in block:
        system = max((one.prefixlen for one in map(IPv4Network, prefixes) if address in one), default=block.prefixlen)
        # A user route counts before one of the system with the same prefix.
        ways = [(one.prefix.prefixlen, one) for one in routes if address in one.prefix and one.prefix.prefixlen >= system]
        best = max(ways, key=lambda way: way[0], default=None)
        if best is not None and best[1].hop_type != "VnetLocal":
            expected[address] = best[1].name
    assert taken == expected
    event(f"{len(expected)} addresses are lost")
