# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What GCP shows of a network beside its peerings, as plain data: ranges of subnets, exchanged routes, and firewall rules.

Source of the fields: the description of the Compute Engine API v1.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from .._values.blocks import network_in
from .._values.json_fields import JsonObject, flag_in, number_in, object_in, objects_in, text_in, texts_in

Ports = tuple[tuple[int, int], ...]

ALLOW, DENY, NEXT, INSPECT = "allow", "deny", "goto_next", "apply_security_profile_group"
# In subnets with these purposes are no instances: packets from them go to what a load balancer or a gateway serves.
# Source: the enum `purpose` of Subnetwork.
_WITHOUT_CLIENTS = (
    "GLOBAL_MANAGED_PROXY",
    "INTERNAL_HTTPS_LOAD_BALANCER",
    "PRIVATE_NAT",
    "PRIVATE_SERVICE_CONNECT",
    "REGIONAL_MANAGED_PROXY",
)
# Words in the names of GKE's ranges, between other characters than letters. No packet leaves from a range for Services. GKE calls
# one that it makes gke-CLUSTER-services-HASH, and people and modules for Terraform ip-range-services or gke-svc.
# Source: "Creating a VPC-native cluster" in the documentation of GKE, and the examples of terraform-google-kubernetes-engine.
_SERVICES = re.compile("(?<![A-Za-z])(services|svc)(?![A-Za-z])")
_PODS = re.compile("(?<![A-Za-z])pods?(?![A-Za-z])")
# The type of a route to a range of a subnet, or to that of a Serverless VPC Access connector.
_OF_SUBNET = "SUBNET_PEERING_ROUTE"
# The kinds of policies: those of the organization and of folders, those of GKE and its like, those of the network.
HIERARCHY, SYSTEM, NETWORK = "HIERARCHY", "SYSTEM", "NETWORK"
_ALL_PORTS: Ports = ((0, 65535),)
_HIGHEST_PORT = 65535
# The names and the number of the protocols that a rule about TCP may have.
_TCP = ("tcp", "6", "all")
# What a destination of a policy's rule may be whose addresses GCP does not show.
_UNRESOLVED = ("destAddressGroups", "destFqdns")
# What only public addresses have: countries, and lists of threats. The block of Atlas is private.
# Source: "Geolocation objects" and "Google Threat Intelligence for firewall policy rules" in the documentation of Cloud NGFW.
_OF_PUBLIC = ("destRegionCodes", "destThreatIntelligences")
# Traffic to a peered network is never to the internet.
# Source: "Understand network contexts" in the documentation of Cloud NGFW.
_CONTEXTS = ("destNetworkContext", "destNetworkType")
_INTERNET, _NOT_INTERNET, _UNSPECIFIED = "INTERNET", "NON_INTERNET", "UNSPECIFIED"


@dataclass(frozen=True)
class SubnetRange:
    """A range of IPv4 addresses of a subnet.

    Attributes:
        subnet: The name of the subnet.
        region: Its region.
        cidr_block: The range.
        name: The name of a secondary range; None for the primary one.
        has_clients: Whether packets of clients may come from it.
    """

    subnet: str
    region: str
    cidr_block: str
    name: str | None = None
    has_clients: bool = True

    @property
    def title(self) -> str:
        """Its name for messages."""
        return f"{self.name} of {self.subnet}" if self.name else self.subnet


@dataclass(frozen=True)
class PeeringRoute:
    """A route that two peered networks exchange.

    Attributes:
        destination: The block that it leads to.
        is_imported: Whether the other network has it; None if GCP does not report it.
        is_of_subnet: Whether something in the network has the block, as a subnet does: it is no custom route.
    """

    destination: str
    is_imported: bool | None
    is_of_subnet: bool = False


@dataclass(frozen=True)
class Policy:
    """A firewall policy.

    Attributes:
        name: Its name.
        kind: `HIERARCHY` (the organization's, or a folder's), `SYSTEM` (a service's of Google) or `NETWORK`.
        taken: The priorities of its rules, also of those for what comes in: each is there once.
        id: What finds it: the number of an organization's, or the name of a network's; None if GCP does not report it.
    """

    name: str
    kind: str
    taken: frozenset[int] = frozenset()
    id: str | None = None


@dataclass(frozen=True)
class EgressRule:
    """A rule for TCP from instances.

    Attributes:
        name: Its name in messages.
        priority: The lowest is first.
        action: `ALLOW`, `DENY`, `NEXT` (the next list of rules decides) or `INSPECT` (a firewall decides).
        ports: The ports.
        destinations: The blocks for IPv4; None for all addresses.
        sources: The blocks of clients; None for all.
        targets: The tags and service accounts of the instances that it is for; empty for all.
        unresolved: Further destinations, whose addresses GCP does not show.
        policy: The policy that it is in; None for a rule of the network.
    """

    name: str
    priority: int
    action: str
    ports: Ports = _ALL_PORTS
    destinations: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None
    targets: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    policy: Policy | None = None


# Lists of rules in the order in which GCP asks them; in each, the first rule that matches decides.
Firewalls = tuple[tuple[EgressRule, ...], ...]


def parse_subnet(fields: JsonObject) -> tuple[str, list[SubnetRange]]:
    """Return the name of a subnet's network, and its ranges for IPv4.

    Raises:
        ValueError: If it is not a subnet.
    """
    name, region, network = (text_in(fields, key, "subnet").rpartition("/")[2] for key in ("name", "region", "network"))
    purpose = fields.get("purpose")
    has_clients = purpose not in _WITHOUT_CLIENTS
    found = []
    # A subnet for IPv6 alone has none.
    if fields.get("ipCidrRange") is not None:
        found.append(SubnetRange(name, region, _block_in(fields, "subnet"), None, has_clients))
    secondary = objects_in(fields, "secondaryIpRanges")
    for one in secondary:
        range_name = text_in(one, "rangeName", "secondary range")
        # Pods have another range of the same subnet.
        is_for_services = len(secondary) > 1 and _SERVICES.search(range_name) and not _PODS.search(range_name)
        # One for IPv6 may have no block here.
        if one.get("ipVersion") != "IPV6":
            block = _block_in(one, "secondary range")
            found.append(SubnetRange(name, region, block, range_name, has_clients and not is_for_services))
    return network, [one for one in found if ":" not in one.cidr_block]


def _block_in(fields: JsonObject, noun: str) -> str:
    block = text_in(fields, "ipCidrRange", noun)
    if network_in(block) is None:
        raise ValueError(f"the {noun} has no block: {block!r}")
    return block


def parse_route(fields: JsonObject) -> PeeringRoute:
    """Return an exchanged route.

    Raises:
        ValueError: If it is not one.
    """
    return PeeringRoute(text_in(fields, "destRange", "route"), flag_in(fields, "imported"), fields.get("type") == _OF_SUBNET)


def parse_firewalls(reply: JsonObject, *, policies_first: bool) -> Firewalls:
    """Return the rules for TCP from the instances of a network, in the order in which GCP asks them.

    Args:
        reply: The reply of getEffectiveFirewalls.
        policies_first: Whether the network asks its global policies before its own rules.

    Raises:
        ValueError: If it is not such a reply.
    """
    if reply and not {"firewalls", "firewallPolicys"} & reply.keys():
        raise ValueError("has no firewall rules")
    policies = objects_in(reply, "firewallPolicys")
    kinds = [text_in(one, "type", "firewall policy") for one in policies]
    odd = [one for one in kinds if one not in (HIERARCHY, SYSTEM, NETWORK)]
    if odd:
        raise ValueError(f"has a firewall policy of the type {odd[0]}")
    by_kind = {kind: [one for one, own in zip(policies, kinds) if own == kind] for kind in (HIERARCHY, SYSTEM, NETWORK)}
    if len(by_kind[NETWORK]) > 1:
        by_kind[NETWORK].sort(key=lambda one: number_in(one, "priority", "firewall policy"))
    before, of_network = [*by_kind[HIERARCHY], *by_kind[SYSTEM]], [_parse_policy(one) for one in by_kind[NETWORK]]
    own = [rule for one in objects_in(reply, "firewalls") for rule in _parse_firewall(one)]
    # At the same priority, a rule that denies comes first.
    rules = tuple(sorted(own, key=lambda rule: (rule.priority, rule.action != DENY)))
    return (*map(_parse_policy, before), *((*of_network, rules) if policies_first else (rules, *of_network)))


def _parse_policy(policy: JsonObject) -> tuple[EgressRule, ...]:
    name = str(policy.get("shortName") or policy.get("displayName") or policy.get("name") or "without a name")
    shown = objects_in(policy, "rules")
    taken = frozenset(number_in(one, "priority", "rule") for one in shown)
    found = policy.get("name")
    own = Policy(name, text_in(policy, "type", "firewall policy"), taken, str(found) if found else None)
    rules = [rule for one in shown for rule in _parse_policy_rule(one, own)]
    return tuple(sorted(rules, key=lambda rule: rule.priority))


def _parse_policy_rule(fields: JsonObject, policy: Policy) -> t.Iterator[EgressRule]:
    """Yield a rule of a policy for TCP from instances; nothing for others.

    A rule with addresses and unresolved destinations is two: the addresses are known to match.
    """
    priority, action = number_in(fields, "priority", "rule"), text_in(fields, "action", "rule")
    if action not in (ALLOW, DENY, NEXT, INSPECT):
        raise ValueError(f"has a rule with the action {action}")
    match = object_in(fields, "match")
    ports = _ports_of(objects_in(match, "layer4Configs"), "ipProtocol")
    is_for_instances = fields.get("targetType") in (None, "INSTANCES") and not fields.get("targetForwardingRules")
    if not _is_egress(fields) or not ports or not is_for_instances:
        return
    unresolved = tuple(one for key in _UNRESOLVED for one in texts_in(match, key))
    contexts = [str(match[key]) for key in _CONTEXTS if match.get(key) not in (None, _UNSPECIFIED, _NOT_INTERNET)]
    if _INTERNET in contexts:
        return
    unresolved += tuple(contexts)
    targets = (*texts_in(fields, "targetServiceAccounts"), *_secure_tags(fields))
    if objects_in(fields, "targetSecureTags") and not targets:
        # GCP ignores a rule whose tags are all gone.
        return
    rule = EgressRule(f"rule {priority} of policy {policy.name}", priority, action, ports, targets=targets, policy=policy)
    blocks, sources = _blocks_of(match, "destIpRanges"), _blocks_of(match, "srcIpRanges")
    if sources == ():
        return
    is_for_some = blocks is not None or unresolved or any(texts_in(match, key) for key in _OF_PUBLIC)
    if blocks or not is_for_some:
        yield replace(rule, destinations=blocks if is_for_some else None, sources=sources)
    if unresolved:
        yield replace(rule, sources=sources, unresolved=unresolved)


def _parse_firewall(fields: JsonObject) -> t.Iterator[EgressRule]:
    """Yield a rule of the network for TCP from instances, one part of it for what it allows, and one for what it denies."""
    name, priority = text_in(fields, "name", "firewall rule"), number_in(fields, "priority", "firewall rule")
    if not {"allowed", "denied"} & fields.keys():
        raise ValueError(f"has the firewall rule {name}, which neither allows nor denies anything")
    blocks, sources = _blocks_of(fields, "destinationRanges"), _blocks_of(fields, "sourceRanges")
    if not _is_egress(fields) or blocks == () or sources == ():
        return
    targets = (*texts_in(fields, "targetTags"), *texts_in(fields, "targetServiceAccounts"))
    for action, key in ((DENY, "denied"), (ALLOW, "allowed")):
        ports = _ports_of(objects_in(fields, key), "IPProtocol")
        if ports:
            yield EgressRule(f"firewall rule {name}", priority, action, ports, blocks, sources, targets)


def _is_egress(fields: JsonObject) -> bool:
    """Whether a rule is in force, and about what instances send."""
    direction = text_in(fields, "direction", "rule")
    if direction not in ("INGRESS", "EGRESS"):
        raise ValueError(f"has a rule with the direction {direction}")
    return direction == "EGRESS" and not flag_in(fields, "disabled")


def _secure_tags(fields: JsonObject) -> list[str]:
    tags = objects_in(fields, "targetSecureTags")
    return [text_in(one, "name", "secure tag") for one in tags if one.get("state") != "INEFFECTIVE"]


def _ports_of(parts: t.Iterable[JsonObject], key: str) -> Ports:
    """Return the ports for TCP in the protocols of a rule; empty if TCP is not among them."""
    found: list[tuple[int, int]] = []
    for one in parts:
        protocol, ports = text_in(one, key, "rule").lower(), texts_in(one, "ports")
        if protocol in _TCP:
            found += [_to_range(port) for port in ports] or _ALL_PORTS
    return tuple(found)


def _to_range(text: str) -> tuple[int, int]:
    first, _dash, last = text.partition("-")
    if not all(one.isascii() and one.isdigit() for one in (first, last or first)):
        raise ValueError(f"has a rule with the port {text}")
    ends = int(first), int(last or first)
    if not ends[0] <= ends[1] <= _HIGHEST_PORT:
        raise ValueError(f"has a rule with the port {text}")
    return ends


def _blocks_of(fields: JsonObject, key: str) -> tuple[str, ...] | None:
    """Return the blocks for IPv4 of a rule; None if it has none for any version, which stands for all addresses."""
    blocks = texts_in(fields, key)
    return tuple(one for one in blocks if ":" not in one) if blocks else None
