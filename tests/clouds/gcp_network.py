"""A network of GCP: its subnets, its firewall rules and policies, and the routes that it exchanges with its peers.

Sources: the description of the Compute Engine API v1 (listPeeringRoutes, getEffectiveFirewalls, subnetworks.aggregatedList), the
documentation of VPC Network Peering (which routes are exchanged) and of firewall policies (the rules that each has by itself).
"""

from __future__ import annotations

import ipaddress
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

ROOT = "https://www.googleapis.com/compute/v1/"
AFTER_CLASSIC = "AFTER_CLASSIC_FIREWALL"
#: What a policy of an organization, a folder, and a network is.
HIERARCHY, NETWORK = "HIERARCHY", "NETWORK"
#: Ranges that are not public (https://cloud.google.com/vpc/docs/subnets#valid-ranges), whose routes all peers import.
_PRIVATE = [
    ipaddress.IPv4Network(one)
    for one in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
    )
]
#: Each policy ends with rules that leave everything to what comes next.
_LAST_RULES = tuple(
    {"priority": priority, "direction": direction, "action": "goto_next", "match": {f"{end}IpRanges": [block]}}
    for priority, direction, end, block in (
        (2147483644, "EGRESS", "dest", "::/0"),
        (2147483645, "INGRESS", "src", "::/0"),
        (2147483646, "EGRESS", "dest", "0.0.0.0/0"),
        (2147483647, "INGRESS", "src", "0.0.0.0/0"),
    )
)


@dataclass
class Network:
    """A network.

    Attributes:
        project: Its project.
        name: Its name.
        peerings: Its half of each peering, without its state.
        subnets: Its subnets, as the API shows them.
        firewalls: Its own firewall rules, as the API shows them.
        policies: The policies that hold in it, those of the organization and of folders, too.
        fields: What it has beside, such as `networkFirewallPolicyEnforcementOrder`.
        routes: Routes that it has beside those of its subnets, which peers import only if both sides want custom routes.
        connectors: The ranges that Serverless VPC Access connectors have of their own. No subnet shows them.
    """

    project: str
    name: str
    peerings: list[dict[str, Any]] = field(default_factory=list)
    subnets: list[dict[str, Any]] = field(default_factory=list)
    firewalls: list[dict[str, Any]] = field(default_factory=list)
    policies: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    routes: list[dict[str, Any]] = field(default_factory=list)
    connectors: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Where it is."""
        return f"projects/{self.project}/global/networks/{self.name}"

    @property
    def link(self) -> str:
        """Its URL."""
        return ROOT + self.path

    def show(self) -> dict[str, Any]:
        """Return it as the API does, without its peerings."""
        shown = {
            "kind": "compute#network",
            "id": number(self.link),
            "name": self.name,
            "selfLink": self.link,
            "selfLinkWithId": f"{ROOT}projects/{self.project}/global/networks/{number(self.link)}",
            "autoCreateSubnetworks": False,
            "routingConfig": {"routingMode": "REGIONAL"},
            "networkFirewallPolicyEnforcementOrder": AFTER_CLASSIC,
            **self.fields,
        }
        return {**shown, "subnetworks": [one["selfLink"] for one in self.subnets]} if self.subnets else shown

    def add_subnet(self, name: str, region: str, block: str, secondary: Mapping[str, str], fields: Mapping[str, Any]) -> None:
        """Make a subnet."""
        address = f"{ROOT}projects/{self.project}/regions/{region}"
        link = f"{address}/subnetworks/{name}"
        made = {
            "kind": "compute#subnetwork",
            "id": number(link),
            "name": name,
            "network": self.link,
            "ipCidrRange": block,
            "gatewayAddress": str(ipaddress.ip_network(block)[1]),
            "region": address,
            "selfLink": link,
            "privateIpGoogleAccess": False,
            "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS",
            "purpose": "PRIVATE",
            "stackType": "IPV4_ONLY",
            "fingerprint": "AAAAAAAAAAA=",
            **fields,
        }
        if secondary:
            made["secondaryIpRanges"] = [{"rangeName": name, "ipCidrRange": block} for name, block in secondary.items()]
        self.subnets.append(made)

    def add_firewall(self, name: str, fields: Mapping[str, Any]) -> None:
        """Make a firewall rule."""
        link = f"{ROOT}projects/{self.project}/global/firewalls/{name}"
        end = "destinationRanges" if fields.get("direction") == "EGRESS" else "sourceRanges"
        given = {"network": self.link, "priority": 1000, "direction": "INGRESS", end: ["0.0.0.0/0"], "disabled": False}
        whole = {**given, "logConfig": {"enable": False}, **fields}
        self.firewalls.append({"kind": "compute#firewall", "id": number(link), "name": name, "selfLink": link, **whole})

    def add_policy(self, name: str, rules: Iterable[Mapping[str, Any]], kind: str, fields: Mapping[str, Any]) -> None:
        """Make a policy, and let it hold here."""
        shown = {"name": name} if kind == NETWORK else {"name": number(name), "shortName": name}
        whole = [_show_rule(one) for one in (*rules, *_LAST_RULES)]
        self.policies.append({**shown, "displayName": name, "type": kind, "rules": whole, **fields})


def show_routes(
    source: Network, outgoing: Mapping[str, Any], incoming: Mapping[str, Any] | None, region: str
) -> list[dict[str, Any]]:
    """Return the routes that a network gives to a peer, as both sides see them.

    Args:
        source: The network whose routes they are.
        outgoing: Its half of the peering.
        incoming: The half of its peer; None if there is none, and then nothing is exchanged.
        region: The one that is asked for, of which the dynamic routes are.
    """
    if incoming is None:
        return []
    shown = []
    blocks = [part["ipCidrRange"] for one in source.subnets for part in (one, *one.get("secondaryIpRanges", ()))]
    blocks += source.connectors
    for block in blocks:
        is_public = not any(ipaddress.IPv4Network(block).subnet_of(one) for one in _PRIVATE)
        is_taken = not is_public or bool(incoming.get("importSubnetRoutesWithPublicIp", False))
        if not is_public or outgoing.get("exportSubnetRoutesWithPublicIp", True):
            shown.append({"destRange": block, "type": "SUBNET_PEERING_ROUTE", "priority": 0, "imported": is_taken})
    if outgoing.get("exportCustomRoutes"):
        is_taken = bool(incoming.get("importCustomRoutes"))
        custom = [one for one in source.routes if one.get("nextHopRegion", region) == region]
        shown += [{**one, "priority": 1000, "imported": is_taken} for one in custom]
    return shown


def number(text: str) -> str:
    """Return the number that GCP has for a resource."""
    return str(10**18 + zlib.crc32(text.encode()))


def _show_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    given = {"kind": "compute#firewallPolicyRule", "disabled": False, "enableLogging": False, "ruleTupleCount": 2, **rule}
    return {**given, "match": {"layer4Configs": [{"ipProtocol": "all"}], **rule.get("match", {})}}
