"""GCP's firewall rules, packet by packet and client by client: what is closed for all clients, and what for some of them.

The evaluator by hand follows "Evaluation order for firewall policies and rules" and "VPC firewall rules" of Google Cloud.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.g7_firewalls import judge
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.objects import parse_firewalls
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.blocks import ends_of
from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from hypothesis import event, given
from hypothesis import strategies as st

Fields = dict[str, Any]
Packet = tuple[IPv4Address, IPv4Address, int]
SOURCES, BLOCK, PORTS = IPv4Network("10.30.0.0/31"), IPv4Network("10.8.0.0/30"), (27016, 27017)
PACKETS: list[Packet] = list(itertools.product(SOURCES, BLOCK, PORTS))
#: What a client may have. "group" stands for an address group with the destination in it, whichever that is.
TAGS = ("a", "b", "tagValues/1", "account", "group")
#: Broad ones come often, so that rules meet.
BROAD = ["0.0.0.0/0"]
DESTINATIONS = (
    BROAD,
    BROAD,
    BROAD,
    ["10.8.0.0/30"],
    ["10.8.0.0/31"],
    ["10.8.0.1/32", "10.8.0.2/32"],
    ["10.9.0.0/16"],
    ["::/0"],
    [],
)
LAYERS: tuple[tuple[str, list[str]], ...] = (
    ("all", []),
    ("all", []),
    ("all", []),
    ("tcp", []),
    ("TCP", ["27017"]),
    ("6", ["27015-27016"]),
    ("udp", []),
    ("tcp", ["443", "27016-27020"]),
)
NEXT, INSPECT = "goto_next", "apply_security_profile_group"


@st.composite
def rules(draw: st.DrawFn) -> Fields:
    """Return a rule of a network. Those for others than instances, for replies, and those that are off are among them."""
    protocol, ports = draw(st.sampled_from(LAYERS))
    targets = draw(
        st.sampled_from(
            [{}, {"targetTags": ["a"]}, {"targetTags": ["a"]}, {"targetTags": ["a", "b"]}, {"targetServiceAccounts": ["account"]}]
        )
    )
    sources = draw(st.sampled_from([[], [], ["10.30.0.0/32"], ["10.30.0.1/32", "::/0"]]))
    return {
        "name": f"rule-{draw(st.integers(1, 99))}",
        "priority": draw(st.integers(1, 2)),
        "direction": draw(st.sampled_from(["EGRESS"] * 5 + ["INGRESS"])),
        "disabled": draw(st.sampled_from([False] * 5 + [True])),
        draw(st.sampled_from(["allowed", "denied"])): [{"IPProtocol": protocol, "ports": ports}],
        "destinationRanges": draw(st.sampled_from(DESTINATIONS)),
        "sourceRanges": sources,
        **targets,
    }


@st.composite
def policies(draw: st.DrawFn, kind: str) -> Fields:
    """Return a policy, whose rules have each a priority of their own."""
    made = []
    for priority in draw(st.permutations(range(draw(st.integers(0, 4))))):
        protocol, ports = draw(st.sampled_from(LAYERS))
        match = {"destIpRanges": draw(st.sampled_from(DESTINATIONS)), "layer4Configs": [{"ipProtocol": protocol, "ports": ports}]}
        more: Fields = draw(
            st.sampled_from(
                [{}, {}, {}, {"destAddressGroups": ["group"]}, {"destNetworkType": "INTERNET"}, {"destRegionCodes": ["DE"]}]
            )
        )
        tags = [{"name": "tagValues/1", "state": "EFFECTIVE"}]
        gone = [{"name": "tagValues/2", "state": "INEFFECTIVE"}]
        targets = [
            {},
            {"targetServiceAccounts": ["account"]},
            {"targetServiceAccounts": ["account"]},
            {"targetSecureTags": tags},
            {"targetSecureTags": gone},
        ]
        # Together, they would be one condition: what is left open then is more than it has to be.
        target = {} if "destAddressGroups" in more else draw(st.sampled_from(targets))
        rule = {
            "direction": draw(st.sampled_from(["EGRESS"] * 4 + ["INGRESS"])),
            "disabled": draw(st.sampled_from([False] * 4 + [True])),
        }
        action = draw(st.sampled_from(["allow", "deny", "deny", NEXT, NEXT, INSPECT]))
        made.append({"priority": priority, "action": action, "match": {**match, **more}, **target, **rule})
    return {"type": kind, "shortName": "policy", "rules": made}


@st.composite
def replies(draw: st.DrawFn) -> Fields:
    """Return a reply of getEffectiveFirewalls."""
    kinds = draw(st.sampled_from([[], ["HIERARCHY"], ["NETWORK"], ["HIERARCHY", "HIERARCHY"], ["HIERARCHY", "NETWORK"]]))
    return {"firewalls": draw(st.lists(rules(), max_size=5)), "firewallPolicys": [draw(policies(kind)) for kind in kinds]}


def is_for(fields: Mapping[str, Any], layers: list[Fields], port: int) -> bool:
    """Whether a rule is in force for TCP to a port, from a client."""
    if fields["direction"] != "EGRESS" or fields["disabled"]:
        return False
    for one in layers:
        protocol = str(one.get("ipProtocol") or one.get("IPProtocol")).lower()
        spans = [[int(end) for end in text.split("-")] for text in one["ports"]] or [[0, 65535]]
        if protocol in ("all", "tcp", "6") and any(span[0] <= port <= span[-1] for span in spans):
            return True
    return False


def has(blocks: list[str], address: IPv4Address) -> bool:
    return not blocks or any(":" not in block and address in IPv4Network(block) for block in blocks)


def decision_of_policy(policy: Fields, packet: Packet, client: set[str]) -> str | None:
    """Return the action of the first rule that matches; None if none does."""
    for rule in sorted(policy["rules"], key=lambda one: one["priority"]):
        match = rule["match"]
        targets = {one["name"] for one in rule.get("targetSecureTags", ())} | set(rule.get("targetServiceAccounts", ()))
        is_limited = match["destIpRanges"] or "destAddressGroups" in match or "destRegionCodes" in match
        is_there = not is_limited or (match["destIpRanges"] and has(match["destIpRanges"], packet[1]))
        is_there = is_there or ("destAddressGroups" in match and "group" in client)
        is_target = not targets or bool(targets & client)
        if is_for(rule, match["layer4Configs"], packet[2]) and is_there and is_target and "destNetworkType" not in match:
            return str(rule["action"])
    return None


def decision_of_rules(found: list[Fields], packet: Packet, client: set[str]) -> str | None:
    matching = []
    for rule in found:
        layers, targets = (
            rule.get("allowed") or rule["denied"],
            {*rule.get("targetTags", ()), *rule.get("targetServiceAccounts", ())},
        )
        is_there = has(rule["destinationRanges"], packet[1]) and has(rule["sourceRanges"], packet[0])
        if is_for(rule, layers, packet[2]) and is_there and (not targets or targets & client):
            matching.append((rule["priority"], "allow" if "allowed" in rule else "deny"))
    first = [action for priority, action in matching if priority == min(matching)[0]]
    return None if not first else "deny" if "deny" in first else "allow"


def decision_by_hand(reply: Fields, packet: Packet, client: set[str], *, policies_first: bool) -> str:
    """Return what happens to a packet of a client."""
    above = [one for one in reply["firewallPolicys"] if one["type"] == "HIERARCHY"]
    here = [one for one in reply["firewallPolicys"] if one["type"] == "NETWORK"]
    levels: list[Any] = [*above, *here, None] if policies_first else [*above, None, *here]
    for level in levels:
        of_level = (
            decision_of_rules(reply["firewalls"], packet, client) if level is None else decision_of_policy(level, packet, client)
        )
        if of_level not in (None, NEXT):
            return str(of_level)
    return "allow"


def clients() -> Iterator[set[str]]:
    for number in range(len(TAGS) + 1):
        yield from map(set, itertools.combinations(TAGS, number))


@examples(200)
@given(replies(), st.booleans())
def test_firewalls_are_judged_as_packets_of_clients_fare(reply: Fields, policies_first: bool) -> None:
    found = judge(
        parse_firewalls(reply, policies_first=policies_first), [ends_of(SOURCES)], [ends_of(BLOCK)], [(PORTS[0], PORTS[-1])]
    )
    closed = [area for areas in found.closed.values() for area in areas]
    for packet in PACKETS:
        fates = {decision_by_hand(reply, packet, client, policies_first=policies_first) for client in clients()}
        place = [int(packet[0]), int(packet[1]), packet[2]]
        is_closed, is_doubtful = (
            any(all(first <= at <= last for at, (first, last) in zip(place, area)) for area in areas)
            for areas in (closed, found.doubtful)
        )
        assert is_closed == (fates == {"deny"}), (packet, fates)
        assert is_doubtful == (INSPECT in fates or fates == {"allow", "deny"}), (packet, fates)
    event(f"{bool(closed)} closed, {bool(found.doubtful)} doubtful")
    assert bool(found.doubts) == bool(found.doubtful)
