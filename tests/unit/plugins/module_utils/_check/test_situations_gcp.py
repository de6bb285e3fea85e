"""Each sentence about GCP, and about all clouds, as a situation: what is true of it in the world, and what the check says of it.

What is true follows Google's documentation: "VPC Network Peering" (which routes are exchanged), "Subnets" (valid ranges),
"VPC-native clusters" of GKE (names of ranges), "Evaluation order for firewall policies and rules", "Understand network contexts"
and "Geolocation objects" of Cloud NGFW, the quotas of VPC; and the description of the Compute Engine API v1 for all fields.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import ConnectionFacts, Missing, Unread
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import verdict_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import run_checks
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.objects import PeeringRoute, parse_firewalls
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    GCP_BLOCK,
    GCP_REGION,
    NETWORK,
    Situation,
    azure_cluster,
    gcp_cluster,
    gcp_peer,
    healthy_azure,
    healthy_gcp,
    mirror,
    subnet_range,
    vnet_peering,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ATLAS_BLOCK,
    cluster,
    entry,
    found,
    healthy,
    region,
    severities,
    with_private_string,
)

Fields = dict[str, Any]
REACHABLE, NOT, UNKNOWN = "reachable_by_design", "not_reachable", "unknown"
SUBNETS = Unread("GCP refuses it.", "compute.subnetworks.list")
ROUTES = Unread("GCP refuses it.", "compute.networks.listPeeringRoutes")
FIREWALLS = Unread("GCP refuses it.", "compute.networks.getEffectiveFirewalls")
ATLAS_PART, OTHER_PART, OTHER_REGION = "192.168.248.0/24", "192.168.249.0/24", "us-central1"
NODE = "192.168.248.5/32"
PODS, PUBLIC = "10.60.0.0/14", "34.10.0.0/20"


def peering(**changes: Any) -> ConnectionFacts:
    return healthy_gcp(gcp_networks={NETWORK: (mirror(**changes),)})


def outgoing(*routes: PeeringRoute, **changes: Any) -> ConnectionFacts:
    return healthy_gcp(gcp_outgoing=routes, **changes)


def incoming(*routes: PeeringRoute, **changes: Any) -> ConnectionFacts:
    return healthy_gcp(gcp_incoming={GCP_REGION: routes}, **changes)


def clients(
    *ranges: Any, allowed: tuple[str, ...] = (GCP_BLOCK,), given: Fields | None = None, **changes: Any
) -> ConnectionFacts:
    """Return a network with these ranges beside the usual one, whose routes Atlas imports; the access list has some blocks."""
    all_ranges = [subnet_range(), *ranges]
    routes = [PeeringRoute(one.cidr_block, True) for one in all_ranges]
    usual = {"gcp_ranges": all_ranges, "gcp_outgoing": routes, "access_list": [entry(one) for one in allowed]}
    return healthy_gcp({"cidr_block": None, **(given or {})}, **{**usual, **changes})


def secondary(name: str = "pods", block: str = PODS, **changes: Any) -> Any:
    return subnet_range(name=name, cidr_block=block, **changes)


def policy_rule(action: str = "deny", priority: int = 10, block: str = "0.0.0.0/0", **changes: Any) -> Fields:
    """Return a rule of a policy, for all protocols."""
    match = {"destIpRanges": [block], "layer4Configs": [{"ipProtocol": "all"}], **changes.pop("match", {})}
    return {"priority": priority, "action": action, "direction": "EGRESS", "disabled": False, "match": match, **changes}


def policy(*rules: Fields, kind: str = "HIERARCHY") -> Fields:
    return {"type": kind, "name": "1", "shortName": "org", "rules": [*rules]}


def rule(action: str = "denied", priority: int = 1000, block: str = "0.0.0.0/0", **changes: Any) -> Fields:
    """Return a rule of the network, for all protocols."""
    what = {action: [{"IPProtocol": "all"}], "destinationRanges": [block], **changes}
    return {"name": f"{action}-{priority}", "priority": priority, "direction": "EGRESS", "disabled": False, **what}


#: As many as the cluster has electable members, three in each of two regions.
NODES = (NODE, *(f"192.168.249.{number}" for number in range(5, 10)))


def nodes(*blocks: str, **changes: Any) -> Fields:
    """Return a rule of the network that lets clients out to single addresses of Atlas, before others."""
    return rule("allowed", 10, **{"destinationRanges": [*(blocks or NODES)], **changes})


def firewalls(*rules: Fields, policies: tuple[Fields, ...] = (), policies_first: bool = False, **changes: Any) -> ConnectionFacts:
    reply = {"firewalls": [*rules], "firewallPolicys": [*policies]}
    return healthy_gcp(gcp_firewalls=parse_firewalls(reply, policies_first=policies_first), **changes)


def tcp(*ports: str) -> list[Fields]:
    return [{"IPProtocol": "tcp", "ports": [*ports]}]


FAIL = {code: {code: "fail"} for code in ("G401", "G403", "G601", "G701", "P301", "P801")}
APP, BATCH = {"targetTags": ["app"]}, {"targetTags": ["batch"]}
ACCOUNT = {"targetServiceAccounts": ["app@my-project.iam.gserviceaccount.com"]}
PUBLIC_RANGE = subnet_range(subnet="public", cidr_block=PUBLIC)
G403 = [
    Situation("mirror exchanges subnet routes", peering(exchanges_subnets=True), {}, REACHABLE),
    Situation("mirror does not exchange them", peering(exchanges_subnets=False), FAIL["G403"], NOT),
    Situation("the clients' range is imported by Atlas's network", healthy_gcp(), {}, REACHABLE),
    Situation("the range is not imported", outgoing(PeeringRoute(GCP_BLOCK, False)), FAIL["G403"], NOT),
    Situation("the range has no route", outgoing(PeeringRoute("10.31.0.0/16", True)), FAIL["G403"], NOT),
    Situation("GCP does not report it", outgoing(PeeringRoute(GCP_BLOCK, None)), {"G403": "unknown"}, UNKNOWN),
    Situation(
        "one of two ranges is not imported",
        clients(secondary(), allowed=("10.0.0.0/8",), gcp_outgoing=[PeeringRoute(GCP_BLOCK, True)]),
        FAIL["G403"],
        NOT,
    ),
    Situation(
        "privately used public ranges are not, by default",
        clients(PUBLIC_RANGE, allowed=("0.0.0.0/0",), gcp_outgoing=[PeeringRoute(GCP_BLOCK, True), PeeringRoute(PUBLIC, False)]),
        FAIL["G403"],
        NOT,
    ),
    Situation(
        "those outside of the limit are no clients",
        clients(
            PUBLIC_RANGE,
            given={"cidr_block": GCP_BLOCK},
            gcp_outgoing=[PeeringRoute(GCP_BLOCK, True), PeeringRoute(PUBLIC, False)],
        ),
        {},
        REACHABLE,
    ),
    Situation("refused", healthy_gcp(gcp_outgoing=ROUTES), {"G403": "unknown"}, UNKNOWN),
    Situation(
        "not to one of the ranges in a declared block",
        clients(
            secondary(block="10.31.0.0/16"),
            selection={"client_cidr_blocks": ("10.30.0.0/15",)},
            allowed=("10.30.0.0/15",),
            gcp_outgoing=[PeeringRoute(GCP_BLOCK, True)],
        ),
        FAIL["G403"],
        NOT,
    ),
]
G601 = [
    Situation("a route within the container's block", incoming(PeeringRoute(ATLAS_PART, True)), {}, REACHABLE),
    Situation("none", incoming(), FAIL["G601"], NOT),
    Situation("only one elsewhere", incoming(PeeringRoute("192.168.0.0/24", True)), FAIL["G601"], NOT),
    Situation("only the default route", incoming(PeeringRoute("0.0.0.0/0", True)), FAIL["G601"], NOT),
    Situation(
        "one of two is not imported", incoming(PeeringRoute(ATLAS_PART, True), PeeringRoute(OTHER_PART, False)), FAIL["G601"], NOT
    ),
    Situation("GCP does not report it", incoming(PeeringRoute(ATLAS_PART, None)), {"G601": "unknown"}, UNKNOWN),
    Situation("refused", healthy_gcp(gcp_incoming={GCP_REGION: ROUTES}), {"G601": "unknown"}, UNKNOWN),
    Situation(
        "each region with clients",
        clients(
            subnet_range(subnet="more", region=OTHER_REGION, cidr_block="10.31.0.0/16"),
            allowed=("10.30.0.0/15",),
            gcp_incoming={GCP_REGION: [PeeringRoute(ATLAS_PART, True)], OTHER_REGION: []},
        ),
        FAIL["G601"],
        NOT,
    ),
    Situation(
        "a region without clients does not count",
        clients(
            subnet_range(subnet="more", region=OTHER_REGION, cidr_block="10.31.0.0/16"),
            given={"cidr_block": GCP_BLOCK},
            gcp_incoming={GCP_REGION: [PeeringRoute(ATLAS_PART, True)]},
        ),
        {},
        REACHABLE,
    ),
]
G701 = [
    Situation("no rule: everything goes out", firewalls(), {}, REACHABLE),
    Situation("all is denied", firewalls(rule()), FAIL["G701"], NOT),
    Situation("another port is denied", firewalls(rule(denied=tcp("443"))), {}, REACHABLE),
    Situation("UDP is denied", firewalls(rule(denied=[{"IPProtocol": "udp"}])), {}, REACHABLE),
    Situation("the port among a range", firewalls(rule(denied=tcp("22", "27000-28000"))), FAIL["G701"], NOT),
    Situation("a port that the cluster does not use", firewalls(rule(denied=tcp("27016"))), {"G701": "warn"}, REACHABLE),
    Situation("a part of the block is denied", firewalls(rule(block=OTHER_PART)), FAIL["G701"], NOT),
    Situation("single addresses of nodes are open", firewalls(nodes(), rule()), {"G701": "warn"}, REACHABLE),
    Situation(
        "… by a policy",
        firewalls(rule(), policies=(policy(*(policy_rule("allow", block=one) for one in NODES)),)),
        {"G701": "warn"},
        REACHABLE,
    ),
    Situation("as many as the members in one of both regions", firewalls(nodes(*NODES[:3]), rule()), FAIL["G701"], NOT),
    Situation(
        "the cluster is in one region",
        firewalls(nodes(*NODES[:3]), rule(), clusters=[gcp_cluster(regions=gcp_cluster()["regions"][:1])]),
        {"G701": "warn"},
        REACHABLE,
    ),
    Situation("single addresses, but not the port", firewalls(nodes(allowed=tcp("443")), rule()), FAIL["G701"], NOT),
    Situation("single addresses of another network", firewalls(nodes("10.99.0.5/32"), rule()), FAIL["G701"], NOT),
    Situation(
        "single addresses for some clients' blocks", firewalls(nodes(sourceRanges=["10.30.1.0/24"]), rule()), FAIL["G701"], NOT
    ),
    Situation("two addresses in a block of two", firewalls(nodes("192.168.248.4/31"), rule()), FAIL["G701"], NOT),
    Situation("a part of the block beside them", firewalls(nodes(NODE, OTHER_PART), rule()), FAIL["G701"], NOT),
    Situation(
        "single addresses, and a block around some", firewalls(nodes(*NODES, OTHER_PART), rule()), {"G701": "warn"}, REACHABLE
    ),
    # Nodes are in subnets of Atlas, each of which has a route (SUBNET_PEERING_ROUTE in Google Cloud's documentation).
    Situation(
        "all of Atlas's subnets are open",
        firewalls(nodes(ATLAS_PART), rule(), gcp_incoming={GCP_REGION: [PeeringRoute(ATLAS_PART, True)]}),
        {"G701": "warn"},
        REACHABLE,
    ),
    Situation(
        "a part of the block without any is denied",
        firewalls(rule(block=OTHER_PART), gcp_incoming={GCP_REGION: [PeeringRoute(ATLAS_PART, True)]}),
        {"G701": "warn"},
        REACHABLE,
    ),
    Situation(
        "one of Atlas's subnets is not open",
        firewalls(
            nodes(ATLAS_PART), rule(), gcp_incoming={GCP_REGION: [PeeringRoute(one, True) for one in (ATLAS_PART, OTHER_PART)]}
        ),
        FAIL["G701"],
        NOT,
    ),
    Situation(
        "the routes were not read",
        firewalls(nodes(ATLAS_PART), rule(), gcp_incoming=ROUTES),
        {"G601": "unknown", "G701": "fail"},
        NOT,
    ),
    Situation("single addresses for some tags", firewalls(nodes(**APP), rule()), {"G701": "unknown"}, UNKNOWN),
    Situation("too few for some tags", firewalls(nodes(NODE, **APP), rule()), FAIL["G701"], NOT),
    Situation("another block is denied", firewalls(rule(block="192.168.0.0/24")), {}, REACHABLE),
    Situation("IPv6 alone is denied", firewalls(rule(block="::/0")), {}, REACHABLE),
    Situation("rules for what comes in", firewalls(rule(direction="INGRESS")), {}, REACHABLE),
    Situation("disabled rules left out", firewalls(rule(disabled=True)), {}, REACHABLE),
    Situation("a higher priority allows", firewalls(rule(priority=65534), rule("allowed", 1000, ATLAS_BLOCK)), {}, REACHABLE),
    Situation("a lower priority allows", firewalls(rule(priority=10), rule("allowed", 1000, ATLAS_BLOCK)), FAIL["G701"], NOT),
    Situation("deny before allow at the same priority", firewalls(rule("allowed"), rule("denied")), FAIL["G701"], NOT),
    Situation("only other clients are denied", firewalls(rule(sourceRanges=["10.99.0.0/16"])), {}, REACHABLE),
    Situation("some clients are denied", firewalls(rule(sourceRanges=["10.30.1.0/24"])), FAIL["G701"], NOT),
    Situation(
        "a hierarchical policy comes first", firewalls(rule("allowed"), policies=(policy(policy_rule()),)), FAIL["G701"], NOT
    ),
    Situation("what it allows is decided", firewalls(rule(), policies=(policy(policy_rule("allow")),)), {}, REACHABLE),
    Situation("goto_next", firewalls(rule(), policies=(policy(policy_rule("goto_next")),)), FAIL["G701"], NOT),
    Situation(
        "the organization before a folder",
        firewalls(policies=(policy(policy_rule("allow")), policy(policy_rule()))),
        {},
        REACHABLE,
    ),
    Situation("a rule of a policy that is off", firewalls(policies=(policy(policy_rule(disabled=True)),)), {}, REACHABLE),
    Situation(
        "the network's rules before global policies",
        firewalls(rule("allowed"), policies=(policy(policy_rule(), kind="NETWORK"),)),
        {},
        REACHABLE,
    ),
    Situation(
        "global policies before the network's rules",
        firewalls(rule("allowed"), policies=(policy(policy_rule(), kind="NETWORK"),), policies_first=True),
        FAIL["G701"],
        NOT,
    ),
    Situation(
        "what no rule matches goes on to the policy",
        firewalls(policies=(policy(policy_rule(), kind="NETWORK"),)),
        FAIL["G701"],
        NOT,
    ),
    Situation(
        "to the internet is not to a peer",
        firewalls(policies=(policy(policy_rule(match={"destNetworkType": "INTERNET"})),)),
        {},
        REACHABLE,
    ),
    Situation(
        "to all but the internet is",
        firewalls(policies=(policy(policy_rule(match={"destNetworkType": "NON_INTERNET"})),)),
        FAIL["G701"],
        NOT,
    ),
    Situation(
        "countries have no private addresses",
        firewalls(policies=(policy(policy_rule(match={"destIpRanges": [], "destRegionCodes": ["RU"]})),)),
        {},
        REACHABLE,
    ),
    Situation(
        "load balancers are no clients",
        firewalls(policies=(policy(policy_rule(targetType="INTERNAL_MANAGED_LB")),)),
        {},
        REACHABLE,
    ),
    Situation(
        "names are not known",
        firewalls(policies=(policy(policy_rule(match={"destIpRanges": [], "destFqdns": ["example.com"]})),)),
        {"G701": "unknown"},
        UNKNOWN,
    ),
    Situation(
        "an inspection may end it",
        firewalls(policies=(policy(policy_rule("apply_security_profile_group")),)),
        {"G701": "unknown"},
        UNKNOWN,
    ),
    Situation("some tags are let out", firewalls(rule("allowed", 10, **APP), rule()), {"G701": "unknown"}, UNKNOWN),
    Situation("some accounts are not", firewalls(rule(**ACCOUNT)), {"G701": "unknown"}, UNKNOWN),
    Situation("unknown only where it changes the answer: all are let out", firewalls(rule("allowed", 10, **APP)), {}, REACHABLE),
    Situation("… those with the tag first", firewalls(rule("allowed", 10, **APP), rule(priority=20, **APP)), {}, REACHABLE),
    Situation("… or denied, too", firewalls(rule("denied", 10, **APP), rule()), FAIL["G701"], NOT),
    Situation("… on other ports alone", firewalls(rule(denied=tcp("443"), **APP)), {}, REACHABLE),
    Situation(
        "… as the organization passes the same accounts on",
        firewalls(rule(**ACCOUNT), policies=(policy(policy_rule("goto_next", 1, **ACCOUNT), policy_rule(priority=2)),)),
        FAIL["G701"],
        NOT,
    ),
    Situation(
        "secure tags that are gone",
        firewalls(policies=(policy(policy_rule(targetSecureTags=[{"name": "tagValues/1", "state": "INEFFECTIVE"}])),)),
        {},
        REACHABLE,
    ),
    Situation(
        "doubts about a port that may be needed do not decide",
        firewalls(rule(denied=tcp("27016"), **APP)),
        {"G701": "unknown"},
        REACHABLE,
    ),
    Situation("a failure beside it stands", firewalls(rule(block=OTHER_PART), rule(**APP)), {"G701": "fail"}, NOT),
    Situation("refused", healthy_gcp(gcp_firewalls=FIREWALLS), {"G701": "unknown"}, UNKNOWN),
]
SERVICES = secondary("gke-shop-services-0a1b2c3d", "10.64.0.0/20", has_clients=False)
#: Source: "IP address ranges" in Google's documentation of Serverless VPC Access: an unused /28 range, or a subnet.
CONNECTOR = "10.8.0.0/28"


def with_connector(*routes: PeeringRoute, **changes: Any) -> ConnectionFacts:
    """Return a network with a range that only a route to Atlas shows."""
    own = [PeeringRoute(GCP_BLOCK, True, is_of_subnet=True), *(routes or (PeeringRoute(CONNECTOR, True, is_of_subnet=True),))]
    return clients(gcp_outgoing=own, **changes)


P301 = [
    Situation("each subnet's primary range", clients(allowed=("10.30.0.0/17",)), FAIL["P301"], NOT),
    Situation("and secondary ranges", clients(secondary()), FAIL["P301"], NOT),
    Situation("both are covered", clients(secondary(), allowed=(GCP_BLOCK, PODS)), {}, REACHABLE),
    Situation("not GKE's services", clients(SERVICES), {}, REACHABLE),
    Situation(
        "client_cidr_blocks demands GKE's services",
        clients(SERVICES, selection={"client_cidr_blocks": ("10.64.1.0/24",)}),
        FAIL["P301"],
        NOT,
    ),
    Situation("a connector has a range of its own", with_connector(), FAIL["P301"], NOT),
    Situation("the list has that, too", with_connector(allowed=(GCP_BLOCK, CONNECTOR)), {}, REACHABLE),
    Situation("it is outside of the limit", with_connector(given={"cidr_block": GCP_BLOCK}), {}, REACHABLE),
    Situation(
        "client_cidr_blocks names it, and it is in the network",
        with_connector(selection={"client_cidr_blocks": (CONNECTOR,)}, allowed=(GCP_BLOCK, CONNECTOR)),
        {},
        REACHABLE,
    ),
    Situation(
        "Atlas does not import its route",
        with_connector(PeeringRoute(CONNECTOR, False, is_of_subnet=True), allowed=(GCP_BLOCK, CONNECTOR)),
        FAIL["G403"],
        NOT,
    ),
    Situation("a custom route leads elsewhere", with_connector(PeeringRoute(CONNECTOR, True)), {}, REACHABLE),
    Situation("cidr_block is a limit", clients(secondary(), given={"cidr_block": GCP_BLOCK}), {}, REACHABLE),
    Situation("cidr_blocks, too", clients(secondary(), given={"cidr_blocks": (GCP_BLOCK,)}), {}, REACHABLE),
    Situation(
        "the part inside of the limit", clients(given={"cidr_block": "10.30.1.0/24"}, allowed=("10.30.1.0/24",)), {}, REACHABLE
    ),
    Situation(
        "client_cidr_blocks in place of their subnet",
        clients(selection={"client_cidr_blocks": ("10.30.7.0/24",)}, allowed=("10.30.7.0/24",)),
        {},
        REACHABLE,
    ),
    Situation(
        "not of the others",
        clients(secondary(), selection={"client_cidr_blocks": ("10.30.7.0/24",)}, allowed=("10.30.7.0/24",)),
        FAIL["P301"],
        NOT,
    ),
    Situation(
        "an empty list is F whatever is known",
        clients(allowed=(), gcp_ranges=SUBNETS),
        {"P301": "fail", "G403": "unknown", "G601": "unknown", "P302": "unknown"},
        NOT,
    ),
    Situation("refused", clients(gcp_ranges=SUBNETS), dict.fromkeys(("G403", "G601", "P301", "P302"), "unknown"), UNKNOWN),
]
P801 = [
    Situation("a block in a primary range", clients(given={"cidr_blocks": ("10.30.1.0/24",)}), {}, REACHABLE),
    Situation(
        "a block in a secondary range", clients(secondary(), given={"cidr_blocks": (PODS,)}, allowed=(PODS,)), {}, REACHABLE
    ),
    Situation(
        "a block of cidr_blocks in no range", clients(given={"cidr_blocks": (GCP_BLOCK, "10.99.0.0/16")}), FAIL["P801"], NOT
    ),
    Situation(
        "one of client_cidr_blocks",
        clients(selection={"client_cidr_blocks": ("10.99.0.0/16",)}, allowed=(GCP_BLOCK, "10.99.0.0/16")),
        FAIL["P801"],
        NOT,
    ),
    Situation(
        "ranges not read",
        clients(gcp_ranges=SUBNETS, given={"cidr_blocks": (GCP_BLOCK,)}),
        dict.fromkeys(("G403", "G601", "P301", "P302", "P801"), "unknown"),
        UNKNOWN,
    ),
]


def crowd(count: int) -> list[Any]:
    return [mirror(), *(mirror(name=f"peering-{one}", network=f"projects/p/global/networks/n-{one}") for one in range(count - 1))]


def vnets(count: int) -> list[Any]:
    return [
        vnet_peering(),
        *(vnet_peering(name=f"peering-{one}", prefixes=(), remote_name=f"vnet-{one}") for one in range(count - 1)),
    ]


P107 = [
    Situation("19 peerings of a GCP network", healthy_gcp(gcp_networks={NETWORK: crowd(19)}), {}, REACHABLE),
    Situation("20 of 25: 80 %", healthy_gcp(gcp_networks={NETWORK: crowd(20)}), {"P107": "warn"}, REACHABLE),
    Situation(
        "those of another network", healthy_gcp(gcp_networks={NETWORK: (mirror(),), "default": crowd(24)[1:]}), {}, REACHABLE
    ),
    Situation("399 peerings of a VNet", healthy_azure(vnet_peerings=vnets(399)), {}, REACHABLE),
    Situation("400 of 500: 80 %", healthy_azure(vnet_peerings=vnets(400)), {"P107": "warn"}, REACHABLE),
]


def without_strings(cluster: Fields) -> Fields:
    """Return a cluster of which Atlas returns no connection strings."""
    return {**cluster, "connection_strings": {}, "members": [], "private_members": []}


NO_SUBNET = {name: Missing("It was not read.", "G401") for name in ("gcp_incoming", "gcp_outgoing")}
OTHERS = [
    Situation(
        "a network without subnets has no clients", healthy_gcp({"cidr_block": None}, gcp_ranges=[], **NO_SUBNET), {}, REACHABLE
    ),
    Situation("G401 names the host project of a shared VPC", healthy_gcp(gcp_networks={"default": ()}), FAIL["G401"], NOT),
    Situation("no mirror: routes are no cause of their own", healthy_gcp(gcp_networks={NETWORK: ()}), FAIL["G401"], NOT),
    Situation(
        "a cluster without regions: said",
        healthy_gcp(clusters=[gcp_cluster(regions=[])]),
        dict.fromkeys(("P201", "P202", "P203", "P204", "G501"), "unknown"),
        UNKNOWN,
    ),
    Situation("Atlas's half failed", healthy_gcp(peer=gcp_peer(status_name="FAILED")), {"P102": "fail"}, NOT),
    Situation("a cluster without strings", healthy_gcp(clusters=[without_strings(gcp_cluster())]), {"G501": "unknown"}, UNKNOWN),
    Situation("on AZURE, too", healthy_azure(clusters=[without_strings(azure_cluster())]), {"A501": "unknown"}, UNKNOWN),
    Situation(
        "beside one with private strings",
        healthy_gcp(clusters=[gcp_cluster(), without_strings(gcp_cluster("other"))]),
        {"G501": "unknown"},
        REACHABLE,
    ),
    Situation(
        "members unknown",
        firewalls(rule(denied=tcp("27017")), clusters=[gcp_cluster(members=[], private_members=[])]),
        FAIL["G701"],
        NOT,
    ),
]


def on_aws(**changes: Any) -> Fields:
    """Return a cluster on AWS with private strings, so that it is like those on the other clouds."""
    return with_private_string(cluster(changes.pop("name", "shop"), **changes))


def everywhere(sentence: str, expected: dict[str, str], verdict: str, *clusters: Fields, **changes: Any) -> list[Situation]:
    """Return a situation on each cloud, with clusters whose regions are those of the cloud and of another one."""
    found = []
    for make, make_cluster, home in (
        (healthy, on_aws, "AWS"),
        (healthy_azure, azure_cluster, "AZURE"),
        (healthy_gcp, gcp_cluster, "GCP"),
    ):
        other = {"AWS": "AZURE", "AZURE": "GCP", "GCP": "AWS"}[home]
        own = make_cluster()["regions"]
        made = []
        for one in clusters:
            fields = {name: value for name, value in one.items() if name != "away"}
            away = [region("US_EAST_4", provider_name=other, **one["away"])] if "away" in one else []
            made.append(make_cluster(**{"regions": [*own, *away], **fields}))
        found.append(Situation(f"{home}: {sentence}", make(clusters=made, **changes), expected, verdict))
    return found


EVERYWHERE = [
    *everywhere("a cluster in a region that is connected", {}, REACHABLE, {}),
    *everywhere("a further region that is not", {"P202": "fail"}, NOT, {"away": {}}),
    *everywhere(
        "it has read-only nodes alone", {"P202": "warn"}, REACHABLE, {"away": {"electable_nodes": 0, "read_only_nodes": 1}}
    ),
    *everywhere("it has no nodes", {}, REACHABLE, {"away": {"electable_nodes": 0}}),
    *everywhere(
        "the cluster is sharded: one mongos will do", {"P202": "warn"}, REACHABLE, {"away": {}, "cluster_type": "SHARDED"}
    ),
    *everywhere("or global", {"P202": "warn"}, REACHABLE, {"away": {}, "cluster_type": "GEOSHARDED"}),
    *everywhere("another cluster is usable", {"P202": "warn"}, REACHABLE, {"away": {}}, {"name": "dev"}),
    *everywhere("how many nodes it has is not told", {"P202": "unknown"}, UNKNOWN, {"away": {"electable_nodes": None}}),
    *everywhere("paused", {"P203": "fail"}, NOT, {"paused": True}),
    *everywhere("paused, and another cluster is usable", {"P203": "warn"}, REACHABLE, {"paused": True}, {"name": "dev"}),
    *everywhere("without paused is unknown", {"P203": "unknown"}, UNKNOWN, {"paused": None}),
    *everywhere(
        "without paused, and another cluster is usable", {"P203": "unknown"}, REACHABLE, {"paused": None}, {"name": "dev"}
    ),
    *everywhere("without ports: said, and nothing else", {}, REACHABLE, {"members": [], "private_members": []}),
    *everywhere("an empty access list", {"P301": "fail"}, NOT, {}, access_list=[]),
]


@pytest.mark.parametrize(
    "situation", [*EVERYWHERE, *G403, *G601, *G701, *P301, *P801, *P107, *OTHERS], ids=lambda one: one.sentence
)
def test_the_check_says_what_is_true(situation: Situation) -> None:
    assert severities(situation.facts) == situation.expected
    assert verdict_of(run_checks(situation.facts), both_halves=True) == situation.verdict
    unread = [one for one in found(situation.facts, "unknown").values() if one.evidence.get("permission")]
    # What was refused is named with its permission, under each code that needs it.
    assert all(one.fix == f"Allow {one.evidence['permission']} to these credentials." for one in unread)


OPEN_ALL = f"Allow TCP to ports 27015 to 27017 of {ATLAS_BLOCK}"
LATER = "The policy is the organization's or a folder's: rules of the network come later."
NO_NUMBER = "No number is free before it: move the deny, or take a number from another rule."


@pytest.mark.parametrize(
    ("facts", "code", "message", "fix"),
    [
        (
            healthy_gcp(gcp_networks={"default": ()}),
            "G401",
            "Project my-project has no VPC network my-network.",
            "Correct gcp_project_id and network_name of the connection: of a shared VPC, gcp_project_id is the host project.",
        ),
        (
            clients(PUBLIC_RANGE, allowed=("0.0.0.0/0",), gcp_outgoing=[PeeringRoute(GCP_BLOCK, True)]),
            "G403",
            f"Atlas's network does not import a route to {PUBLIC} (public): replies to it get lost.",
            "Atlas imports no ranges of public addresses: use private ones for these clients, or ask MongoDB's support.",
        ),
        (
            incoming(PeeringRoute(ATLAS_PART, False)),
            "G601",
            f"VPC network my-network does not import the route to Atlas's {ATLAS_PART} in {GCP_REGION}.",
            "Look for a subnet or a route of the network with the same addresses: it comes first.",
        ),
        (
            firewalls(rule(sourceRanges=["10.30.1.0/24"])),
            "G701",
            f"Firewall rule denied-1000 denies port 27017 to {ATLAS_BLOCK} from 10.30.1.0/24.",
            f"{OPEN_ALL} by an egress rule of the network with a priority below 1000, such as 999.",
        ),
        (
            firewalls(rule(block=OTHER_PART), gcp_incoming={GCP_REGION: [PeeringRoute(ATLAS_PART, True)]}),
            "G701",
            f"Firewall rule denied-1000 denies port 27017 to {OTHER_PART}. Atlas has no subnet there yet.",
            f"{OPEN_ALL} by an egress rule of the network with a priority below 1000, such as 999.",
        ),
        (
            firewalls(policies=(policy(policy_rule()),)),
            "G701",
            f"Rule 10 of policy org denies port 27017 to {ATLAS_BLOCK}.",
            f"{OPEN_ALL} by an egress rule in policy org with a priority below 10, such as 9. Or goto_next there. {LATER}",
        ),
        # Each priority of a policy is there once, also that of a rule for what comes in.
        (
            firewalls(policies=(policy(policy_rule(priority=1), policy_rule(priority=0, direction="INGRESS")),)),
            "G701",
            f"Rule 1 of policy org denies port 27017 to {ATLAS_BLOCK}.",
            f"{OPEN_ALL} by an egress rule in policy org before rule 1 of policy org. {NO_NUMBER} {LATER}",
        ),
        (
            firewalls(rule(priority=0)),
            "G701",
            f"Firewall rule denied-0 denies port 27017 to {ATLAS_BLOCK}.",
            f"{OPEN_ALL} by an egress rule of the network before firewall rule denied-0. {NO_NUMBER}",
        ),
        (
            firewalls(policies=(policy(policy_rule(), kind="NETWORK"),)),
            "G701",
            f"Rule 10 of policy org denies port 27017 to {ATLAS_BLOCK}.",
            f"{OPEN_ALL} by an egress rule in policy org with a priority below 10, such as 9.",
        ),
        (
            firewalls(policies=(policy(policy_rule(), kind="SYSTEM"),)),
            "G701",
            f"Rule 10 of policy org denies port 27017 to {ATLAS_BLOCK}.",
            f"{OPEN_ALL} by an egress rule in a policy of the organization or a folder: org is one of Google's, which nobody "
            "else changes.",
        ),
        (
            firewalls(rule("allowed", 10, **APP), rule()),
            "G701",
            f"Whether clients may send to port 27017 of {ATLAS_BLOCK} depends on "
            "firewall rule allowed-10 (for clients with app).",
            f"See that all clients are let out. Or a{OPEN_ALL[1:]} for all instances by an egress rule of the network with a "
            "priority below 10, such as 9.",
        ),
        (
            healthy_gcp(gcp_networks={NETWORK: crowd(20)}),
            "P107",
            "The VPC network my-network has 20 peerings, and 25 is the limit.",
            "Remove those that are no longer used, or ask GCP whether it allows more.",
        ),
    ],
    ids=lambda one: one if isinstance(one, str) and len(one) == 4 else "",
)
def test_a_finding_says_what_is_wrong_and_what_to_do(facts: ConnectionFacts, code: str, message: str, fix: str) -> None:
    finding = found(facts)[code]
    assert (finding.message, finding.fix) == (message, fix)


def test_without_an_active_mirror_its_routes_wait_for_the_cause() -> None:
    skipped = found(healthy_gcp(gcp_networks={NETWORK: (mirror(state="INACTIVE"),)}), "skipped")
    assert {code: one.waits_for for code, one in skipped.items() if code[0] == "G"} == {"G403": "G401", "G601": "G401"}


ALL_NODES = "192.168.248.5, 192.168.249.5, 192.168.249.6 and 3 more"


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (firewalls(nodes(), rule()), f"Of single addresses, only {ALL_NODES} are open, so it works until a node is replaced."),
        # Each rule that closes a part says it.
        (
            firewalls(nodes(), rule(block=ATLAS_PART), rule(block=ATLAS_BLOCK, priority=1001)),
            f"Of single addresses, only {ALL_NODES} are open, so it works until a node is replaced.",
        ),
        # Clients with other tags may not get to it either.
        (
            firewalls(nodes(**APP), rule()),
            f"Of single addresses, at most {ALL_NODES} are open, so it works until a node is replaced.",
        ),
        # A wider rule before them opens them as well.
        (
            firewalls(nodes(), rule("allowed", 9, ATLAS_PART), rule()),
            f"Of single addresses, only {ALL_NODES} are open, so it works until a node is replaced.",
        ),
        (firewalls(nodes(NODE), rule()), "Of single addresses, only 1 is open, and shop has 6 members here: 192.168.248.5."),
        (
            firewalls(nodes(NODE, **APP), rule()),
            "Of single addresses, at most 1 is open, and shop has 6 members here: 192.168.248.5.",
        ),
    ],
)
def test_what_is_open_to_single_addresses_alone_has_them(facts: ConnectionFacts, text: str) -> None:
    findings = [one for one in run_checks(facts) if one.code == "G701" and one.severity in ("fail", "warn")]
    assert findings
    assert all(one.message.endswith(f". {text}") for one in findings)


@pytest.mark.parametrize(
    ("changes", "ranges"),
    [
        ({}, ["gke-shop-services-0a1b2c3d of apps"]),
        ({"selection": {"client_cidr_blocks": ("10.64.1.0/24",)}}, []),
        ({"given": {"cidr_block": GCP_BLOCK}}, []),
    ],
)
def test_ranges_of_services_are_named_where_they_are_left_out(changes: Fields, ranges: list[str]) -> None:
    named = [one for one in run_checks(clients(SERVICES, **changes)) if one.code == "P301" and one.severity == "info"]
    assert [one.evidence["ranges"] for one in named] == ([ranges] if ranges else [])
    assert all(f"{ranges[0]} is a range of GKE's Services, and not judged." == one.message for one in named)


def test_clients_elsewhere_may_leave_with_an_address_of_here() -> None:
    """Source: "Azure CNI Overlay": what leaves the cluster has the address of the node."""
    away = clients(selection={"client_cidr_blocks": ("10.244.0.0/16",)})
    leave = "unless they leave with an address of the network: then name that."
    assert found(away)["P301"].fix.endswith(leave.replace("they", "these clients"))
    assert found(away)["P801"].fix.endswith(leave)
    assert "unless" not in found(clients(secondary()))["P301"].fix
