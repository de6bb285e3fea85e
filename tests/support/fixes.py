"""Carries out the fixes of findings on facts in memory, each sentence as it is written.

A fix is cut into its sentences. `ACTIONS` has, by code, the sentences that change a network, a list or a cluster, with what each
one does. What clouds do with a change follows their manuals, which the actions name.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import (
    AclRule,
    DhcpOptions,
    GroupRule,
    Ports,
    Record,
    ResolverRule,
    Route,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.objects import Nsg, SecurityRule, UserRoute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import ConnectionFacts, ZoneContents, group_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.client_ranges import network_blocks_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import Finding
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.objects import EgressRule, PeeringRoute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.access_list import key_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.blocks import ends_of
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    ATLAS_VNET,
    GCP_REGION,
    NETWORK,
    azure_cluster,
    azure_container,
    azure_peer,
    gcp_cluster,
    mirror,
    route_table,
    vnet_peering,
)
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import TABLE_ID as AZURE_TABLE_ID
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ATLAS_BLOCK,
    OTHER_CONTAINER_ID,
    VPC_BLOCK,
    cluster,
    connection,
    entry,
    healthy,
    object_id,
    peer,
    with_private_string,
)

Action = Callable[[ConnectionFacts, Finding, "re.Match[str]"], ConnectionFacts]
#: Sentences as patterns, each with what carries it out; several are alternatives, and each has to be enough.
Actions = Mapping[str, "tuple[Action, ...] | Action"]
BLOCK = r"\d+\.\d+\.\d+\.\d+/\d+"
#: The sentences of any code that say what cannot be read, and that ask to look again.
ANYWHERE = {
    r"Allow \S+ to these credentials\.": "what these credentials may read is not a setting of the network",
    r"Check again in a minute\.": "it is a wait",
    r"Name the subnets in subnet_ids: without those of pods.*?if not\.": "only the owner knows what nodes translate",
}


class UnknownSentenceError(AssertionError):
    """Neither table has a sentence of a fix."""


def changed(
    facts: ConnectionFacts, entry: Mapping[str, Any] | None = None, selection: Mapping[str, Any] | None = None, **fields: Any
) -> ConnectionFacts:
    """Return facts with other values for fields of Atlas, of AWS or of the network, of the entry, and of the options."""
    halves = {name: getattr(facts, name) for name in ("atlas", "aws", "network")}
    for half, values in halves.items():
        own = {name: fields.pop(name) for name in list(fields) if hasattr(values, name)}
        halves[half] = dataclasses.replace(values, **own)
    assert not fields, f"there are no such facts: {fields.keys()}"
    return dataclasses.replace(
        facts,
        entry=facts.entry.with_params(**(entry or {})),
        selection=dataclasses.replace(facts.selection, **(selection or {})),
        **halves,
    )


def ways_of(
    finding: Finding, actions: Mapping[str, Actions], left: Mapping[str, Mapping[str, str]]
) -> list[list[tuple[Action, re.Match[str]]]]:
    """Return the ways to carry out a fix, each a list of what its sentences do; none if it is left out.

    A sentence that begins with "Or" is another way.

    Raises:
        UnknownSentenceError: If neither table has a sentence.
    """
    ways: list[list[tuple[tuple[Action, ...], re.Match[str]]]] = [[]]
    rest = finding.fix
    while rest:
        if rest.startswith("Or "):
            ways.append([])
            rest = rest[3].upper() + rest[4:]
        doing, match = _first(rest, finding.code, actions, left)
        if doing:
            ways[-1].append((doing, match))
        rest = rest[match.end() :].lstrip()
    return [list(one) for way in ways if way for one in _each_of(way)]


def _first(
    text: str, code: str, actions: Mapping[str, Actions], left: Mapping[str, Mapping[str, str]]
) -> tuple[tuple[Action, ...], re.Match[str]]:
    for pattern, doing in actions.get(code, {}).items():
        if match := re.match(pattern, text):
            return doing if isinstance(doing, tuple) else (doing,), match
    for pattern in itertools.chain(left.get(code, {}), ANYWHERE):
        if match := re.match(pattern, text):
            return (), match
    raise UnknownSentenceError(f"{code}: {text}")


def _each_of(way: list[tuple[tuple[Action, ...], re.Match[str]]]) -> Iterator[tuple[tuple[Action, re.Match[str]], ...]]:
    matches = [match for _doing, match in way]
    for chosen in itertools.product(*(doing for doing, _match in way)):
        yield tuple(zip(chosen, matches))


def carry_out(finding: Finding, facts: ConnectionFacts, way: list[tuple[Action, re.Match[str]]]) -> ConnectionFacts:
    """Return the facts after a fix."""
    for action, match in way:
        facts = action(facts, finding, match)
    return facts


Match = re.Match[str]
_TARGET = r"(?P<target>pcx-\w+) in (?P<table>rtb-\w+)"
_PORTS = "ports 27015 to 27017"


def to(**fields: Any) -> Action:
    """Return what sets facts, whatever the sentence names."""
    return lambda facts, _finding, _match: changed(facts, **fields)


def with_peer(**fields: Any) -> Action:
    """Return what changes the connection in Atlas."""

    def change(facts: ConnectionFacts, _finding: Finding, match: Match) -> ConnectionFacts:
        own = {name: value(match) if callable(value) else value for name, value in fields.items()}
        new = {**facts.atlas.peer, **own}
        others = [one for one in facts.atlas.peers if one["id"] != new["id"]]
        return changed(facts, peer=new, peers=_peers(new, *others))

    return change


# AWS: routes.


def routed(facts: ConnectionFacts, table_id: str, blocks: list[str], target: str) -> ConnectionFacts:
    """Add static routes. AWS refuses a second one to the same destination (RouteAlreadyExists)."""
    new = [Route(block, target, is_peering=True) for block in blocks]

    def add(routes: tuple[Route, ...]) -> list[Route]:
        assert not {one.destination for one in routes if not one.is_propagated} & {*blocks}
        return [*routes, *new]

    return _on_table(facts, table_id, add)


def _on_table(
    facts: ConnectionFacts, table_id: str | None, change: Callable[[tuple[Route, ...]], list[Route]]
) -> ConnectionFacts:
    """Change the routes of one table, or of all."""
    tables: Any = facts.aws.route_tables
    new = [dataclasses.replace(one, routes=tuple(change(one.routes))) if table_id in (None, one.id) else one for one in tables]
    return changed(facts, route_tables=new)


def add_routes(facts: ConnectionFacts, finding: Finding, match: Match) -> ConnectionFacts:
    blocks = re.findall(BLOCK, match[0].partition(" to pcx")[0].partition(" by pcx")[0])
    assert {*blocks} <= {*finding.evidence["routes_to_add"]}
    return routed(facts, match["table"], blocks, match["target"])


def _other_routes(facts: ConnectionFacts, match: Match, target: str | None) -> ConnectionFacts:
    """Remove the routes that a sentence names, or point them at a target."""
    names = re.findall(BLOCK, match["routes"])

    def change(routes: tuple[Route, ...]) -> list[Route]:
        kept = [one for one in routes if one.destination not in names]
        assert len(kept) < len(routes)
        return [*kept, *(Route(name, target, is_peering=True) for name in names if target)]

    return _on_table(facts, match["table"], change)


def remove_routes(facts: ConnectionFacts, _finding: Finding, match: Match) -> ConnectionFacts:
    return _other_routes(facts, match, None)


def point_routes(facts: ConnectionFacts, _finding: Finding, match: Match) -> ConnectionFacts:
    return _other_routes(facts, match, match["target"])


def create_again(facts: ConnectionFacts, _finding: Finding, _match: Match) -> ConnectionFacts:
    return _on_table(facts, None, lambda routes: [dataclasses.replace(one, is_blackhole=False) for one in routes])


def delete_listed_routes(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    gone = {(one["route_table_id"], one["destination"]) for one in finding.evidence["routes"]}
    tables = [
        dataclasses.replace(one, routes=tuple(route for route in one.routes if (one.id, route.destination) not in gone))
        for one in facts.aws.route_tables
    ]
    return changed(facts, route_tables=tables)


def leave_out(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    chosen = facts.selection.subnet_ids or [one.id for one in facts.aws.subnets]
    return changed(facts, selection={"subnet_ids": tuple(one for one in chosen if one not in (finding.subnet_ids or ()))})


# Filters.


def before(match: Match, numbers: Any, lowest: int) -> int:
    """Return the number that a sentence names for a new rule, which no other rule may have and the cloud has to take.

    Source: "Firewall policy rule components" of Cloud NGFW (0 to 2147483547, each once), `priority` of Firewall in the Compute
    Engine API (0 to 65535, a deny before an allow of the same), "Network security groups overview" of Azure (100 to 4096, each
    once in a direction), `RuleNumber` of CreateNetworkAclEntry (1 to 32766, each once in a direction).
    """
    number = int(match["number"])
    assert lowest <= number < int(match["below"])
    assert number not in numbers
    return number


def _acl_rule(facts: ConnectionFacts, match: Match, number: int, *, is_egress: bool) -> ConnectionFacts:
    first, last = map(int, re.findall(r"ports (\d+) to (\d+)", match[0])[0])
    new = AclRule(number, is_egress, True, "6", re.findall(BLOCK, match[0])[0], Ports(first, last))
    acls = [
        dataclasses.replace(one, rules=(*one.rules, new)) if one.id == match["acl"] else one for one in facts.aws.network_acls
    ]
    return changed(facts, network_acls=acls)


def allow_in_acl(facts: ConnectionFacts, finding: Finding, match: Match) -> ConnectionFacts:
    is_egress = "outbound" in match[0]
    (own,) = [one for one in facts.aws.network_acls if one.id == match["acl"]]
    taken, number = own.taken(is_egress=is_egress), finding.evidence["free_rule_number"]
    assert number == (before(match, taken, 1) if match["number"] else max(one for one in range(1, 32767) if one not in taken))
    return _acl_rule(facts, match, number, is_egress=is_egress)


def move_in_acl(facts: ConnectionFacts, finding: Finding, match: Match) -> ConnectionFacts:
    """Give the rule that denies a later number, and its own to the new rule."""
    is_egress, number = "outbound" in match[0], int(match["deny"])
    moved = []
    for one in facts.aws.network_acls:
        rules = [
            dataclasses.replace(rule, number=32000) if (rule.number, rule.is_egress) == (number, is_egress) else rule
            for rule in one.rules
        ]
        moved.append(dataclasses.replace(one, rules=tuple(rules)) if one.id == match["acl"] else one)
    return _acl_rule(changed(facts, network_acls=moved), match, number, is_egress=is_egress)


def allow_in_group(facts: ConnectionFacts, finding: Finding, match: Match) -> ConnectionFacts:
    rule = GroupRule("tcp", Ports(27015, 27017), (re.findall(BLOCK, match[0])[0],), ())
    names = finding.evidence["security_group_ids"]
    names = names if "each client" in match[0] else names[:1]
    assert "each client" in match[0] or names[0] in match[0]
    groups = {
        name: dataclasses.replace(one, egress=(*one.egress, rule)) if name in names else one
        for name, one in facts.aws.security_groups.items()
    }
    return changed(facts, security_groups=groups)


def _nsg_rule(facts: ConnectionFacts, match: Match, priority: int, *, moved: int | None = None) -> ConnectionFacts:
    """Add a rule; one that has its priority gets a later one."""
    everywhere, block = ends_of(ipaddress.IPv4Network("0.0.0.0/0")), ipaddress.IPv4Network(re.findall(BLOCK, match[0])[0])
    new = SecurityRule("new", priority, True, (everywhere,), (ends_of(block),), ((0, 65535),), ((27015, 27017),))
    nsgs: dict[str, Any] = {**facts.network.vnet_nsgs}
    for key, one in nsgs.items():
        if one in _nsgs(facts, match):
            rules = [rule._replace(priority=4000) if rule.priority == moved else rule for rule in one.rules]
            nsgs[key] = Nsg(one.name, tuple(sorted([*rules, new], key=lambda rule: rule.priority)), one.taken | {priority})
    return changed(facts, vnet_nsgs=nsgs)


def _nsgs(facts: ConnectionFacts, match: Match) -> list[Nsg]:
    nsgs: Any = facts.network.vnet_nsgs
    return [one for one in nsgs.values() if isinstance(one, Nsg) and one.name == match["nsg"]]


def allow_in_nsg(facts: ConnectionFacts, finding: Finding, match: Match) -> ConnectionFacts:
    taken = {number for one in _nsgs(facts, match) for number in one.taken}
    number = before(match, taken, 100) if match["number"] else max(one for one in range(100, 4097) if one not in taken)
    assert number == finding.evidence["free_priority"]
    return _nsg_rule(facts, match, number)


def move_in_nsg(facts: ConnectionFacts, _finding: Finding, match: Match) -> ConnectionFacts:
    return _nsg_rule(facts, match, int(match["deny"]), moved=int(match["deny"]))


def _gcp_rule(facts: ConnectionFacts, match: Match, action: str, priority: int, *, moved: int | None = None) -> ConnectionFacts:
    """Add a rule where a sentence says: to a policy, or to the rules of the network."""
    policy = match.groupdict().get("policy")
    firewalls: Any = facts.network.gcp_firewalls
    places = [
        index for index, rules in enumerate(firewalls) if policy in {one.policy.name if one.policy else None for one in rules}
    ]
    (place,) = places[:1]
    new = EgressRule(
        "new", priority, action, ((27015, 27017),), (re.findall(BLOCK, match[0])[0],), policy=firewalls[place][0].policy
    )
    rules = [dataclasses.replace(one, priority=9999) if one.priority == moved else one for one in firewalls[place]]
    rules = sorted([*rules, new], key=lambda one: (one.priority, one.action != "deny"))
    return changed(facts, gcp_firewalls=(*firewalls[:place], tuple(rules), *firewalls[place + 1 :]))


def allow_in_gcp(facts: ConnectionFacts, finding: Finding, match: Match) -> ConnectionFacts:
    policies = [one.policy for rules in facts.network.gcp_firewalls for one in rules if one.policy]
    taken = next((one.taken for one in policies if one.name == match["policy"]), ())
    number = before(match, taken, 0)
    assert (number, match["policy"]) == (finding.evidence["free_priority"], finding.evidence["policy"])
    return _gcp_rule(facts, match, "allow", number)


def goto_next(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    """Pass on what the sentence before it would allow."""
    match = re.search(_IN_POLICY, finding.fix, re.IGNORECASE)
    assert match
    return _gcp_rule(facts, match, "goto_next", int(match["number"]))


def move_in_gcp(facts: ConnectionFacts, finding: Finding, match: Match) -> ConnectionFacts:
    number = finding.evidence["priority"]
    return _gcp_rule(facts, match, "allow", number, moved=number)


def before_googles(facts: ConnectionFacts, _finding: Finding, match: Match) -> ConnectionFacts:
    new = EgressRule("new", 1, "allow", ((27015, 27017),), (re.findall(BLOCK, match[0])[0],))
    return changed(facts, gcp_firewalls=((new,), *facts.network.gcp_firewalls))


_ALLOW_TO = rf"Allow TCP to {_PORTS} of {BLOCK}"
_NUMBER = r" with a (?:number|priority) below (?P<below>\d+), such as (?P<number>\d+)"
_NO_NUMBER = r"\. No number is free before it: move the deny, or take a number from another rule\."
_IN_POLICY = rf"{_ALLOW_TO}(?: for all instances)? by an egress rule (?:of the network|in policy (?P<policy>\S+)){_NUMBER}\."
_IN_ACL = (
    r"(?:Allow TCP to ports 27015 to 27017 of \S+ outbound|Allow TCP from \S+ to ports 1024 to 65535, to which .*?, inbound)"
)

# The access list.


def let_in(facts: ConnectionFacts, _finding: Finding, match: Match) -> ConnectionFacts:
    subjects = re.findall(r"\d+\.\d+\.\d+\.\d+(?:/\d+)?|sg-\w+", match[1])
    assert subjects
    return listed(facts, *subjects)


def listed(facts: ConnectionFacts, *subjects: str, without: str | None = None) -> ConnectionFacts:
    """Add subjects to the access list, and remove one; all that is new is in force at once."""
    known: Any = facts.atlas.access_list
    kept = [one for one in known if without is None or without not in (key_of(one), group_of(one))]
    new = [entry(one) for one in subjects]
    status = {**facts.atlas.access_status, **{key_of(one): "ACTIVE" for one in new}}
    return changed(facts, access_list=_as_listed([*map(dict, kept), *new]), access_status=status)


def _as_listed(entries: list[dict[str, Any]]) -> Any:
    return healthy(access_list=entries).atlas.access_list


def let_group_in(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    return listed(facts, finding.evidence["security_group_ids"][0])


def replace_group(facts: ConnectionFacts, finding: Finding, match: Match) -> ConnectionFacts:
    return listed(facts, *re.findall(BLOCK, match[0]), without=finding.subject)


def allow_own_instead(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    return listed(facts, *map(str, network_blocks_of(facts)), without=finding.subject)


def make_permanent(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    return listed(facts, finding.subject, without=finding.subject)


# Names.


def without_zone(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    return changed(facts, zones=[one for one in facts.aws.zones if one.id != finding.evidence["zone_id"]])


def _contents(facts: ConnectionFacts, finding: Finding, **fields: Any) -> ConnectionFacts:
    zone_id = finding.evidence["zone_id"]
    contents: dict[str, ZoneContents] = {**facts.aws.zone_contents}
    return changed(facts, zone_contents={**contents, zone_id: dataclasses.replace(contents[zone_id], **fields)})


def add_names(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    old = facts.aws.zone_contents[finding.evidence["zone_id"]].records
    kinds = {name: "SRV" if name.startswith("_") else "A" for name in finding.evidence["names"]}
    new = [Record(name, kind, ("192.168.248.5",) if kind == "A" else ("0 0 27017 x",)) for name, kind in kinds.items()]
    gone = {*finding.evidence["names"]}
    return _contents(facts, finding, records=(*(one for one in old if one.name not in gone), *new))


def remove_records(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    old = facts.aws.zone_contents[finding.evidence["zone_id"]].records
    astray = {value for values in finding.evidence["addresses"].values() for value in values}
    return _contents(facts, finding, records=tuple(one for one in old if astray.isdisjoint(one.values)))


def fall_back(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    return _contents(facts, finding, falls_back=True)


def remove_and_fall_back(facts: ConnectionFacts, finding: Finding, match: Match) -> ConnectionFacts:
    return fall_back(remove_records(facts, finding, match), finding, match)


def add_system_rule(facts: ConnectionFacts, _finding: Finding, match: Match) -> ConnectionFacts:
    rules: Any = facts.aws.resolver_rules
    assert match[1] not in {one.domain_name for one in rules}
    return changed(facts, resolver_rules=[*rules, ResolverRule("rslvr-rr-new", match[1], "SYSTEM")])


def without_rule(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    return changed(facts, resolver_rules=[one for one in facts.aws.resolver_rules if one.id != finding.subject])


# AZURE: routes.


def _user_routes(facts: ConnectionFacts, match: Match, prefix: str | None) -> ConnectionFacts:
    tables = {}
    for key, one in facts.network.vnet_tables.items():
        routes = [route for route in one.routes if one.name != match["table"] or route.name != match["route"]]
        for route in (each for each in one.routes if each not in routes and prefix):
            network = route.prefix.supernet(new_prefix=int(str(prefix)))
            routes.append(UserRoute(route.name, network, route.hop_type, route.hop_address))
        tables[key] = dataclasses.replace(one, routes=tuple(routes))
    return changed(facts, vnet_tables=tables)


def remove_user_route(facts: ConnectionFacts, _finding: Finding, match: Match) -> ConnectionFacts:
    return _user_routes(facts, match, None)


def widen_user_route(facts: ConnectionFacts, _finding: Finding, match: Match) -> ConnectionFacts:
    return _user_routes(facts, match, match["prefix"])


def set_entry(name: str) -> Action:
    return lambda facts, _finding, match: changed(facts, entry={name: match[1]})


def add_cluster(facts: ConnectionFacts, _finding: Finding, _match: Match) -> ConnectionFacts:
    new = {"AWS": cluster, "AZURE": azure_cluster, "GCP": gcp_cluster}[facts.entry.provider.name]("new")
    return changed(facts, clusters=[*facts.atlas.clusters, new])


def upgrade(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    others = [one for one in facts.atlas.clusters if one["name"] != finding.subject]
    return changed(facts, clusters=[*others, cluster(finding.subject)])


def on_cluster(**fields: Any) -> Action:
    def change(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
        clusters = [{**one, **fields} if one["name"] == finding.subject else one for one in facts.atlas.clusters]
        return changed(facts, clusters=clusters)

    return change


def give_private_strings(facts: ConnectionFacts, _finding: Finding, _match: Match) -> ConnectionFacts:
    return changed(facts, clusters=[with_private_string(one) for one in facts.atlas.clusters], custom_dns=True)


def connect_region(facts: ConnectionFacts, _finding: Finding, match: Match) -> ConnectionFacts:
    new = azure_container(id=OTHER_CONTAINER_ID, region_name=match[1], atlas_cidr_block="192.168.240.0/21", atlas_vnet_name="v2")
    second = azure_peer(id=object_id(number=9), container_id=OTHER_CONTAINER_ID)
    both = [*facts.network.vnet_peerings, vnet_peering(name="v2", prefixes=("192.168.240.0/21",), remote_name="v2")]
    return changed(
        facts,
        containers=[*facts.atlas.containers, new],
        peers=_peers(*facts.atlas.peers, second),
        vnet_peerings=both,
    )


def _peers(*peers: Any) -> Any:
    return healthy(peers=list(peers)).atlas.peers


def mirrored(facts: ConnectionFacts, _finding: Finding, _match: Match) -> ConnectionFacts:
    networks: dict[str, Any] = {**facts.network.gcp_networks}
    others = [one for one in networks.get(NETWORK, ()) if one.network != mirror().network]
    return changed(facts, gcp_networks={**networks, NETWORK: (*others, mirror())})


def without_mirror(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    networks: dict[str, Any] = {**facts.network.gcp_networks}
    left = tuple(one for one in networks[finding.subject] if one.network != mirror().network)
    return changed(facts, gcp_networks={**networks, finding.subject: left})


def on_peering(**fields: Any) -> Action:
    """Return what changes the peering of the VNet that a finding is about."""

    def change(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
        shown: Any = facts.network.vnet_peerings
        new = [dataclasses.replace(one, **fields) if one.name == finding.subject else one for one in shown]
        return changed(facts, vnet_peerings=new)

    return change


def peer_again(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    """Remove the connection in Atlas, and request it again: Atlas makes the peering anew."""
    shown: Any = facts.network.vnet_peerings
    name = finding.evidence.get("atlas_vnet_name") or finding.evidence.get("remote_vnet_name") or ATLAS_VNET
    lost = re.findall(rf"no route to all of ({BLOCK})", finding.message)
    shown_blocks = [finding.evidence.get("atlas_cidr_block"), *lost, *finding.evidence.get("remote_address_prefixes", ())]
    block = next(filter(None, shown_blocks), ATLAS_BLOCK)
    others = [one for one in shown or () if finding.subject != one.name] if not hasattr(shown, "reason") else []
    return changed(facts, vnet_exists=True, vnet_peerings=[*others, vnet_peering(remote_name=name, prefixes=(block,))])


def other_container(facts: ConnectionFacts, _finding: Finding, _match: Match) -> ConnectionFacts:
    new = {**facts.atlas.container, "id": OTHER_CONTAINER_ID, "atlas_cidr_block": "172.31.248.0/21"}
    facts = changed(facts, container=new, containers=[new])
    return with_peer(container_id=OTHER_CONTAINER_ID)(facts, _finding, _match)


def remove_peer(facts: ConnectionFacts, finding: Finding, _match: Match) -> ConnectionFacts:
    return changed(facts, peers=_peers(*(one for one in facts.atlas.peers if one["id"] != finding.subject)))


_REQUEST = r"remove the connection in Atlas with state: absent, and request it again\."
_LEFT_OVER = r"Remove the left-over from the VNet(?:, and request the connection again)?\."


def in_force(facts: ConnectionFacts, _finding: Finding, _match: Match) -> ConnectionFacts:
    """Accept a request, or make another one and accept that: it is AVAILABLE, and leads to the network container."""
    found: Any = facts.atlas.peer if isinstance(facts.atlas.peer, dict) else peer()
    new = {**found, "status_name": "AVAILABLE", "error_state_name": None}
    others = [one for one in facts.atlas.peers if one["id"] != new["id"]]
    block = facts.atlas.container["atlas_cidr_block"] if isinstance(facts.atlas.container, dict) else ATLAS_BLOCK
    in_aws = connection(requester=dataclasses.replace(connection().requester, cidr_blocks=[block]))
    return changed(facts, peer=new, peers=_peers(new, *others), connection=in_aws)


ACTIONS: dict[str, Actions] = {
    "P101": {
        r"Accept pcx-\w+ in AWS account \d+: .*?\.": in_force,
        r"Request it: .*?\.": in_force,
        r"Correct (?:azure_directory_id|resource_group_name), or replace the connection\.": to(
            entry={"azure_directory_id": None, "resource_group_name": None}
        ),
        r"Make it: atlas_gcp_peering, or the role\.": lambda facts, finding, match: in_force(
            mirrored(facts, finding, match), finding, match
        ),
    },
    "P102": {r"Then replace the connection: set recreate to dead\.": in_force},
    "P103": {
        rf"Set route_table_cidr_block \(cidr_block in the role\) to ({BLOCK})\.": with_peer(
            route_table_cidr_block=lambda match: match[1]
        )
    },
    "P104": {r"Correct container_region, or request a connection .*?\.": to(entry={"container_region": None})},
    "P105": {r"Connect a network container with another block: .*?\.": other_container},
    "P106": {r"Remove one of the two connections, or connect .*?\.": remove_peer},
    "P201": {r"Create a cluster (?:in|on) \w+, or connect .*?\.": add_cluster},
    "P202": {r"Connect the VNet with the network container of each region: (\w+)\.": connect_region},
    "P203": {r"Resume it\.": on_cluster(paused=False)},
    "P204": {r"Upgrade it: .*?\.": upgrade, r"Move its data to a dedicated cluster, M10 or larger\.": upgrade},
    "P205": {r"Enable custom DNS for the project .*": give_private_strings},
    "P301": {
        r"Add ([\d./, and]+?) to the access list: atlas_access_list, or atlas_peering\.": let_in,
        r"Add (sg-\w+) to the access list: atlas_access_list, or atlas_peering\.": let_in,
        r"Add ([\d.]+), or a group of the instance, to the access list\.": (let_in, let_group_in),
        r"Add ([\d.]+) to the access list, or see .*?\.": let_in,
        r"Add ([\d.]+) to the access list\.": let_in,
        r"Add the blocks of the clients to the access list: .*?\.": lambda facts, _finding, _match: listed(facts, VPC_BLOCK),
    },
    "P302": {
        r"Replace it by an entry without delete_after_date.*?\.": make_permanent,
        r"Wait until it is ACTIVE; if it has failed, remove it and add it again\.": make_permanent,
    },
    "P303": {
        rf"Correct the entry of the access list, or replace it by {BLOCK}.*?\.(?= |$)": replace_group,
        r"Correct the entry of the access list, or remove it: .*?\.": replace_group,
        rf"Replace it by {BLOCK}.*?\.(?= |$)": replace_group,
        r"Remove it: blocks let all clients in\.": replace_group,
    },
    "P304": {r"Allow the blocks of your own networks instead\.": allow_own_instead},
    "P402": {
        r"Accept it, .*?\.": in_force,
        r"A connection that has ended does not come back\. Remove it .*": in_force,
    },
    "P403": {
        r"Correct vpc_id and aws_account_id of the connection\.": lambda facts, finding, _match: changed(
            facts, entry=finding.evidence
        ),
        r"Request the connection again, .*?\.": in_force,
    },
    "P406": {r"Exclude VPC peering from .*?\.": to(vpc=healthy().aws.vpc)},
    "P501": {
        r"Turn (?:enable\w+(?: and )?)+ on \(dns: enable\)": to(
            dns_attributes={"enable_dns_support": True, "enable_dns_hostnames": True}
        ),
    },
    "P502": {r"Associate DHCP options .*?\.": to(dhcp_options=DhcpOptions("dopt-2", ("AmazonProvidedDNS",)))},
    "P503": {
        r"Add these names to the zone, enable its public DNS fallback, or dissociate .*?\.": (add_names, fall_back, without_zone),
        r"Add these names to the zone, or dissociate .*?\.": (add_names, without_zone),
        r"Correct these records, [^,]*, or dissociate the zone from the VPC\.": (add_names, without_zone),
        r"Correct these records, [^,]*, or remove them, or dissociate .*?\.": (add_names, remove_records, without_zone),
        r"Correct these records, .*?, or remove them and enable the public DNS fallback of the zone, or dissociate .*?\.": (
            add_names,
            remove_and_fall_back,
            without_zone,
        ),
        r"Add a rule of type SYSTEM for ([\w.]+), or use .*?\.": add_system_rule,
        r"Dissociate this rule from the VPC, or use .*?\.": without_rule,
    },
    "P601": {
        rf"Add a static route to [\d./, ]+ by {_TARGET}: it wins over the propagated one\.": add_routes,
        rf"Remove the routes? to (?P<routes>[\d./, and]+), or point (?:it|them) at {_TARGET}\.": (remove_routes, point_routes),
        rf"Point the routes? to (?P<routes>[\d./, and]+) at {_TARGET}\.": point_routes,
        rf"Route [\d./, ]+ to {_TARGET}(?:: a route to a block wins over one to a list that has it)?\.": add_routes,
    },
    "P602": {r"Delete the route to pcx-\w+, and create it again\.": create_again},
    "P606": {r"Delete these routes\.": delete_listed_routes},
    "P607": {
        rf"Set route_table_cidr_block (?:\(cidr_block in the role\) )?to ({BLOCK})(?:,|:|\.).*?\.(?= |$)": with_peer(
            route_table_cidr_block=lambda match: match[1]
        ),
        rf"Use SNAT to addresses of {BLOCK}, as for pods, and leave this subnet out with subnet_ids.*?\.(?= |$)": leave_out,
    },
    "P608": {r"Use a subnet with IPv4 addresses, or leave this one out with subnet_ids\.": leave_out},
    "P701": {
        rf"{_IN_ACL} in (?P<acl>acl-\w+)(?: by a rule{_NUMBER})?\.(?= |$)": allow_in_acl,
        rf"{_IN_ACL} in (?P<acl>acl-\w+) by a rule before rule (?P<deny>\d+){_NO_NUMBER}": move_in_acl,
    },
    "P702": {rf"{_ALLOW_TO} outbound in sg-\w+\.": allow_in_group},
    "P703": {
        rf"{_ALLOW_TO} outbound in (?:one of .*?|sg-\w+)\.": allow_in_group,
        rf"{_ALLOW_TO} outbound in a security group of each client\. If these are no clients, .*?\.": allow_in_group,
    },
    "A401": {
        rf"Atlas has made one that is gone: {_REQUEST}": peer_again,
        _LEFT_OVER: peer_again,
        rf"Check again in a minute\. If it stays, {_REQUEST}": peer_again,
        rf"Check the names of the connection\. If the VNet was deleted, {_REQUEST}": peer_again,
    },
    "A402": {
        rf"Azure asks for rights to Atlas's VNet to change this: ask MongoDB's support, or {_REQUEST}": peer_again,
        rf"Atlas's side has to sync: ask MongoDB's support, or {_REQUEST}": peer_again,
    },
    "A403": {r"Connect a network container with another block, or another VNet\.": other_container},
    "A404": {
        rf"Azure asks for rights to Atlas's VNet to change this: ask MongoDB's support, or {_REQUEST}": peer_again,
        r"Read in the activity log of the VNet which change has failed\. .*": on_peering(provisioning_state="Succeeded"),
        rf"If you want it, {_REQUEST}": peer_again,
    },
    "A501": {r"Atlas adds it some minutes after .*?\.": give_private_strings},
    "A601": {
        r"Remove the route (?P<route>\S+) from (?P<table>\S+), or make it less specific \(at most /(?P<prefix>\d+)\)\.": (
            remove_user_route,
            widen_user_route,
        ),
        r"Set disablePeeringRoute of \S+ to None\.": to(vnet_tables={AZURE_TABLE_ID: route_table()}),
    },
    "A701": {
        rf"{_ALLOW_TO} outbound in (?P<nsg>[\w-]+)(?: by a rule{_NUMBER})?\.(?= |$)": allow_in_nsg,
        rf"{_ALLOW_TO} outbound in (?P<nsg>[\w-]+) by a rule before \S+ \((?P<deny>\d+)\){_NO_NUMBER}": move_in_nsg,
    },
    "G401": {r"Make it: .*": mirrored},
    "G402": {
        r"Remove it from \w+\.": without_mirror,
        r"Make it: .*": mirrored,
        r"Remove it: atlas_gcp_peering with network_name: \w+ and state: absent\.": without_mirror,
    },
    "G403": {r"Remove it, and make it again: .*": mirrored},
    "G501": {r"Atlas adds it some minutes after .*?\.": give_private_strings},
    "G601": {
        r"Look at the routes of the peering \(.*?\); remove it and make it again\.": to(
            gcp_incoming={GCP_REGION: [PeeringRoute(ATLAS_BLOCK, True)]}
        )
    },
    "G701": {
        _IN_POLICY: allow_in_gcp,
        r"Goto_next there\.": goto_next,
        rf"{_ALLOW_TO} by an egress rule (?:of the network|in policy (?P<policy>\S+)) before .*?{_NO_NUMBER}": move_in_gcp,
        rf"{_ALLOW_TO} by an egress rule in a policy of the organization or a folder: .*?\.": before_googles,
    },
}
