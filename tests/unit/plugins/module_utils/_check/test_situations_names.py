"""Situations on AWS of names, zones, further regions, accounts and probes: what is true of each, and what the check says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import (
    DhcpOptions,
    HostedZone,
    Record,
    ResolverRule,
    Route,
    Side,
    Vpc,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.aws_half import read_zones
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.connections import find_stray_probes, to_selection
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import ConnectionFacts, Unread, ZoneContents, named
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import verdict_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import run_checks
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ACCOUNT_ID,
    ATLAS_BLOCK,
    CONNECTION_ID,
    GROUP_ID,
    MAIN_TABLE_ID,
    OTHER_CONTAINER_ID,
    SUBNET_IDS,
    TABLE_ID,
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
    severities,
    table,
    with_private_string,
)

Fields = dict[str, Any]
ON = {"enable_dns_support": True, "enable_dns_hostnames": True}
SUPPORT_OFF, NAMES_OFF = {**ON, "enable_dns_support": False}, {**ON, "enable_dns_hostnames": False}
AMAZONS, OWN = DhcpOptions("dopt-1", ("AmazonProvidedDNS",)), DhcpOptions("dopt-1", ("10.15.0.53",))
BOTH, NONE, DEFAULT = (
    DhcpOptions("dopt-1", ("AmazonProvidedDNS", "10.15.0.53")),
    DhcpOptions("dopt-1", ()),
    DhcpOptions("default", ()),
)
PRIVATE = [with_private_string(cluster())]
HALF_PRIVATE = [*PRIVATE, cluster("other")]
DENIED = Unread("AWS refuses it.", "ec2:DescribeVpcAttribute")
GOOD, BAD, UNKNOWN = "reachable_by_design", "not_reachable", "unknown"
OTHER_ACCOUNT = "210987654321"


@dataclass(frozen=True)
class Situation:
    """A row: what sentence of the catalogue it is of, what is true of it, the facts, and what follows."""

    sentence: str
    truth: str
    facts: ConnectionFacts
    found: dict[str, str]
    verdict: str


def zone(name: str, owner: str = ACCOUNT_ID) -> HostedZone:
    return HostedZone(f"Z-{name or 'root'}", name, owner)


def zones(*those: HostedZone, records: Any = (), falls_back: Any = False, **changes: Any) -> ConnectionFacts:
    """Return facts of a VPC with private zones, each of which has the same records."""
    contents = ZoneContents(records, falls_back)
    return healthy(zones=list(those), zone_contents={one.id: contents for one in those}, **changes)


def records(*kinds: str, of: Fields | None = None, service: str = "shop") -> tuple[Record, ...]:
    """Return the records that the connection strings of a cluster need: of `hosts`, and of the name behind mongodb+srv."""
    shown = of or cluster()
    hosts = [Record(member.partition(":")[0], "A") for member in shown["members"]]
    return (
        *(hosts if "hosts" in kinds else ()),
        *([Record(f"_mongodb._tcp.{service}.abcde.mongodb.net", "SRV")] if "srv" in kinds else ()),
    )


# All names of the cluster.
ALL_NAMES = "*.abcde.mongodb.net"
SRV = Record(ALL_NAMES, "SRV", ("0 0 27017 elsewhere.example.com",))


def at(*sets: tuple[str, ...], **changes: Any) -> ConnectionFacts:
    """Return facts of a private zone with the names of clusters at these addresses, in one record set or several."""
    found = [Record(ALL_NAMES, "AAAA" if ":" in one[0] else "A", one) for one in sets]
    return zones(ZONE, records=[*found, SRV], **changes)


def led(*beside: Record, kind: str, **changes: Any) -> ConnectionFacts:
    """Return facts of a private zone whose names of clusters lead to other names: by a CNAME record, or an alias of type A."""
    is_alias = kind == "A"
    leading = Record(ALL_NAMES, kind, () if is_alias else ("proxy.example.com",), is_alias)
    return zones(ZONE, records=[leading, *beside, SRV], **changes)


def standard_alone(kind: str, *values: str, **changes: Any) -> ConnectionFacts:
    """Return facts of a cluster with private strings whose standard hosts are in a private zone, and the others are public."""
    names = [member.partition(":")[0] for member in cluster()["members"]]
    return healthy(
        clusters=PRIVATE,
        zones=[zone(one) for one in names],
        zone_contents={zone(one).id: ZoneContents([Record(one, kind, values)], False) for one in names},
        **changes,
    )


def rules(*those: tuple[str, str], **changes: Any) -> ConnectionFacts:
    return healthy(resolver_rules=[ResolverRule(f"rslvr-rr-{kind}", domain, kind) for domain, kind in those], **changes)


def dns(attributes: Fields | None = None, options: DhcpOptions = AMAZONS, **changes: Any) -> ConnectionFacts:
    return healthy(dns_attributes=attributes or ON, dhcp_options=options, **changes)


FORWARD, SYSTEM = "FORWARD", "SYSTEM"
ZONE = zone("abcde.mongodb.net")
P501 = "enableDnsSupport off and no own server: F always; with own servers as today"
P502 = "own DNS servers without private strings of all judged clusters: unknown; with them I if custom DNS is on, else W"
P502_NONE = "DHCP options default, or without domain-name-servers: W"
P405 = "P405 without private strings: F, with them W"
NAMES = "names that a zone lacks: F where no string of the cluster is left, else W with the strings that are lost"
VALUES = "a name whose values are all outside of the blocks of the cluster's containers counts as one that the zone lacks"
FALLBACK = "nothing with public DNS fallback, unknown where botocore's model lacks the field"
OFF = "a VPC with a DNS attribute off has no private zones; with own servers alone: W"
REFUSED = "refused, or of another account: unknown, with the account"
OTHERS = "zones and rules of other names are nothing"
RULES = "the most specific rule decides, also before a zone of the same domain: FORWARD like own servers, SYSTEM an exception"
DECIDES = "an unknown decides if the worst that it could tell, with what is known, is F or unknown"

DNS = [
    Situation(P501, "nothing resolves", dns(SUPPORT_OFF), {"P501": "fail"}, BAD),
    Situation(P501, "nothing resolves, private strings neither", dns(SUPPORT_OFF, clusters=PRIVATE), {"P501": "fail"}, BAD),
    Situation(P501, "no server at all", dns(SUPPORT_OFF, NONE, clusters=PRIVATE), {"P501": "fail", "P502": "warn"}, BAD),
    Situation(
        P501, "private strings, own servers", dns(SUPPORT_OFF, OWN, clusters=PRIVATE), {"P501": "warn", "P502": "warn"}, GOOD
    ),
    Situation(P501, "public names, own servers", dns(SUPPORT_OFF, OWN), {"P501": "fail", "P502": "unknown", "P205": "warn"}, BAD),
    Situation(
        P501,
        "private strings, and whether there are own servers is not known",
        dns(SUPPORT_OFF, DENIED, clusters=PRIVATE),
        {"P205": "unknown", "P501": "unknown", "P502": "unknown"},
        UNKNOWN,
    ),
    Situation(P501, "as today", dns(NAMES_OFF), {"P501": "fail"}, BAD),
    Situation(P501, "as today", dns(NAMES_OFF, clusters=PRIVATE), {"P501": "warn"}, GOOD),
    Situation(P502, "what they answer is not known", dns(options=OWN), {"P205": "warn", "P502": "unknown"}, UNKNOWN),
    Situation(P502, "also beside Amazon's", dns(options=BOTH), {"P205": "warn", "P502": "unknown"}, UNKNOWN),
    Situation(
        P502,
        "one of two clusters needs them",
        dns(options=OWN, clusters=HALF_PRIVATE),
        {"P205": "warn", "P502": "unknown"},
        UNKNOWN,
    ),
    Situation(P502, "private strings work with any", dns(options=OWN, clusters=PRIVATE), {"P502": "warn"}, GOOD),
    Situation(P502, "custom DNS is on", dns(options=OWN, clusters=PRIVATE, custom_dns=True), {}, GOOD),
    Situation(
        P502,
        "whether custom DNS is on could only be a warning",
        dns(options=OWN, clusters=PRIVATE, custom_dns=DENIED),
        {"P502": "unknown"},
        GOOD,
    ),
    Situation(P502_NONE, "Xen gets no server", dns(options=DEFAULT), {"P502": "warn"}, GOOD),
    Situation(P502_NONE, "Xen gets no server", dns(options=NONE), {"P502": "warn"}, GOOD),
    Situation(
        P405,
        "names resolve to public addresses",
        healthy(connection=connection(requester=Side("vpc-1", "9", "us-east-1", [ATLAS_BLOCK], allows_remote_dns=False))),
        {"P405": "fail"},
        BAD,
    ),
    Situation(
        P405,
        "private strings do without",
        healthy(
            clusters=PRIVATE,
            connection=connection(requester=Side("vpc-1", "9", "us-east-1", [ATLAS_BLOCK], allows_remote_dns=False)),
        ),
        {"P405": "warn"},
        GOOD,
    ),
    Situation(NAMES, "nothing of the cluster resolves", zones(ZONE), {"P503": "fail"}, BAD),
    Situation(
        NAMES,
        "the strings of the cluster are not known",
        zones(ZONE, clusters=[{**cluster(), "connection_strings": {}, "members": []}]),
        {"P503": "unknown"},
        UNKNOWN,
    ),
    Situation(
        NAMES,
        "they are not known, and nothing is in their way",
        healthy(clusters=[{**cluster(), "connection_strings": {}, "members": []}]),
        {},
        GOOD,
    ),
    Situation(NAMES, "nothing resolves below net", zones(zone("net")), {"P503": "fail"}, BAD),
    Situation(NAMES, "nothing resolves at all", zones(zone("")), {"P503": "fail"}, BAD),
    Situation(NAMES, "names have no case", zones(zone("ABCDE.MongoDB.net")), {"P503": "fail"}, BAD),
    Situation(NAMES, "all there", zones(ZONE, records=records("hosts", "srv")), {}, GOOD),
    Situation(NAMES, "the string with hosts is left", zones(ZONE, records=records("hosts")), {"P503": "warn"}, GOOD),
    Situation(NAMES, "a service without hosts is no string", zones(ZONE, records=records("srv")), {"P503": "fail"}, BAD),
    Situation(
        NAMES,
        "a TXT record is no address",
        zones(ZONE, records=[Record(one.name, "TXT") for one in records("hosts", "srv")]),
        {"P503": "fail"},
        BAD,
    ),
    Situation(
        NAMES,
        "a wildcard is a record, too",
        zones(ZONE, records=[Record("*.abcde.mongodb.net", kind) for kind in ("A", "SRV")]),
        {},
        GOOD,
    ),
    Situation(
        NAMES,
        "the private strings are left",
        zones(ZONE, clusters=PRIVATE, records=records("hosts", "srv", of=PRIVATE[0])),
        {"P503": "warn"},
        GOOD,
    ),
    Situation(
        NAMES,
        "the most specific zone answers alone",
        healthy(
            zones=[zone("mongodb.net"), ZONE],
            zone_contents={
                "Z-mongodb.net": ZoneContents(records("hosts", "srv"), False),
                ZONE.id: ZoneContents((), False),
            },
        ),
        {"P503": "fail"},
        BAD,
    ),
    Situation(
        NAMES,
        "a zone of one host takes that away from all strings",
        zones(zone("shop-shard-00-00.abcde.mongodb.net")),
        {"P503": "fail"},
        BAD,
    ),
    Situation(VALUES, "addresses of the cluster", at(("192.168.248.5",)), {}, GOOD),
    Situation(VALUES, "of a private endpoint that is gone", at(("10.99.1.5",)), {"P503": "fail"}, BAD),
    Situation(VALUES, "public ones", at(("3.4.5.6", "3.4.5.7")), {"P503": "fail"}, BAD),
    Situation(VALUES, "of IPv6 alone", at(("2001:db8::5",)), {"P503": "fail"}, BAD),
    Situation(VALUES, "one of them is the cluster's", at(("10.99.1.5", "192.168.248.5")), {}, GOOD),
    Situation(VALUES, "one of several record sets is", at(("10.99.1.5",), ("192.168.248.5",)), {}, GOOD),
    Situation(VALUES, "none of several record sets is", at(("10.99.1.5",), ("2001:db8::5",)), {"P503": "fail"}, BAD),
    Situation(VALUES, "of the VPC itself: perhaps a proxy", at(("10.15.9.9",)), {"P503": "unknown"}, UNKNOWN),
    Situation(VALUES, "one of the VPC itself", at(("10.15.9.9", "10.99.1.5")), {"P503": "unknown"}, UNKNOWN),
    Situation(
        VALUES, "public DNS has what the zone lacks, and no more", at(("10.99.1.5",), falls_back=True), {"P503": "fail"}, BAD
    ),
    Situation(
        VALUES,
        "own servers alone do not ask the zone",
        at(("10.99.1.5",), dhcp_options=OWN, clusters=PRIVATE),
        {"P502": "warn", "P503": "warn"},
        GOOD,
    ),
    Situation(VALUES, "the private strings are left", standard_alone("A", "10.99.1.5"), {"P503": "warn"}, GOOD),
    Situation(
        VALUES,
        "the cluster has nodes in the container of another region",
        at(
            ("192.168.240.5",),
            clusters=[cluster(regions=[region(), region("EU_WEST_1", electable_nodes=0, read_only_nodes=1)])],
            containers=[
                container(),
                container(id=OTHER_CONTAINER_ID, region_name="EU_WEST_1", atlas_cidr_block="192.168.240.0/21"),
            ],
        ),
        {"P202": "warn"},
        GOOD,
    ),
    Situation(
        VALUES,
        "it has nodes on another cloud, whose blocks are not known",
        at(
            ("10.99.1.5",),
            clusters=[
                cluster(regions=[region(), region("EUROPE_NORTH", provider_name="AZURE", electable_nodes=0, read_only_nodes=1)])
            ],
        ),
        {"P202": "warn", "P503": "unknown"},
        UNKNOWN,
    ),
    Situation(VALUES, "a CNAME, which decides as what was not read", led(kind="CNAME"), {"P503": "unknown"}, UNKNOWN),
    Situation(VALUES, "an alias", led(kind="A"), {"P503": "unknown"}, UNKNOWN),
    Situation(VALUES, "an alias beside the cluster", led(Record(ALL_NAMES, "A", ("192.168.248.5",)), kind="A"), {}, GOOD),
    Situation(VALUES, "a CNAME, and private strings are left", standard_alone("CNAME", "a.example"), {"P503": "unknown"}, GOOD),
    Situation(FALLBACK, "what is not there is public", zones(ZONE, falls_back=True), {}, GOOD),
    *(
        # Source: UpdateHostedZoneFeatures in botocore's model of Route 53.
        Situation(FALLBACK, what, zones(those, falls_back=True, records=found), {"P503": "fail"}, BAD)
        for what, those, found in (
            ("a name with a TXT record alone is there", ZONE, [Record(one.name, "TXT") for one in records("hosts")]),
            ("a zone has its own name", zone("shop-shard-00-00.abcde.mongodb.net"), ()),
            ("a wildcard of another type is there", ZONE, [Record(ALL_NAMES, "TXT")]),
        )
    ),
    Situation(
        FALLBACK,
        "records that could not be read may have other addresses",
        zones(ZONE, falls_back=True, records=DENIED),
        {"P503": "unknown"},
        UNKNOWN,
    ),
    Situation(
        FALLBACK, "an older boto3", zones(ZONE, falls_back=Unread("boto3 does not know it.")), {"P503": "unknown"}, UNKNOWN
    ),
    Situation(FALLBACK, "all names are there", zones(ZONE, falls_back=DENIED, records=records("hosts", "srv")), {}, GOOD),
    Situation(OFF, "the zone has no effect", zones(ZONE, dns_attributes=NAMES_OFF), {"P501": "fail"}, BAD),
    Situation(OFF, "private strings, no zone", zones(ZONE, dns_attributes=NAMES_OFF, clusters=PRIVATE), {"P501": "warn"}, GOOD),
    Situation(
        OFF,
        "own servers may not ask it",
        zones(ZONE, dhcp_options=OWN, clusters=PRIVATE),
        {"P502": "warn", "P503": "warn"},
        GOOD,
    ),
    Situation(
        OFF,
        "Amazon's resolver asks it",
        zones(ZONE, dhcp_options=BOTH, clusters=PRIVATE),
        {"P502": "warn", "P503": "fail"},
        BAD,
    ),
    Situation(
        REFUSED,
        "it may have the names",
        zones(ZONE, records=Unread("No.", "route53:ListResourceRecordSets")),
        {"P503": "unknown"},
        UNKNOWN,
    ),
    Situation(
        REFUSED,
        "only the owner knows",
        zones(zone("mongodb.net", OTHER_ACCOUNT), records=Unread(f"It is of account {OTHER_ACCOUNT}."), falls_back=DENIED),
        {"P503": "unknown"},
        UNKNOWN,
    ),
    Situation(
        REFUSED,
        "a zone of one string alone can be no failure",
        zones(zone("shop.abcde.mongodb.net"), records=DENIED, falls_back=DENIED),
        {"P503": "unknown"},
        GOOD,
    ),
    *(
        Situation(OTHERS, "no name of a cluster is in it", zones(zone(name)), {}, GOOD)
        for name in ("corp.example", "mongodb.net.corp.example", "notmongodb.net", "fghij.mongodb.net", "mongodb.com")
    ),
    Situation(OTHERS, "no name of a cluster is in it", rules(("fghij.mongodb.net.", FORWARD)), {}, GOOD),
    *(
        Situation(RULES, "what they answer is not known", rules((domain, FORWARD)), {"P503": "unknown"}, UNKNOWN)
        for domain in (".", "net.", "mongodb.net.", "mongodb.net", "abcde.mongodb.net.")
    ),
    Situation(RULES, "private strings", rules((".", FORWARD), clusters=PRIVATE), {"P503": "warn"}, GOOD),
    Situation(RULES, "one of two clusters", rules((".", FORWARD), clusters=HALF_PRIVATE), {"P503": "unknown"}, UNKNOWN),
    Situation(RULES, "Amazon's resolver", rules((".", FORWARD), ("mongodb.net.", SYSTEM)), {}, GOOD),
    Situation(RULES, "Amazon's resolver", rules((".", "RECURSIVE"), ("abcde.mongodb.net.", "DELEGATE")), {}, GOOD),
    Situation(
        RULES, "the narrower one", rules(("abcde.mongodb.net.", FORWARD), ("mongodb.net.", SYSTEM)), {"P503": "unknown"}, UNKNOWN
    ),
    Situation(
        RULES,
        "the rule comes before the zone of its domain",
        rules(("abcde.mongodb.net.", FORWARD), zones=[ZONE], zone_contents={ZONE.id: ZoneContents((), False)}, clusters=PRIVATE),
        {"P503": "warn"},
        GOOD,
    ),
    Situation(
        RULES,
        "the zone is narrower than the rule",
        rules((".", FORWARD), zones=[ZONE], zone_contents={ZONE.id: ZoneContents((), False)}, clusters=PRIVATE),
        {"P503": "fail"},
        BAD,
    ),
    Situation(
        RULES,
        "an exception leaves the name to the zone",
        rules(("abcde.mongodb.net.", SYSTEM), zones=[zone("net")], zone_contents={"Z-net": ZoneContents((), False)}),
        {"P503": "fail"},
        BAD,
    ),
    Situation(DECIDES, "nothing may resolve", dns(DENIED), {"P501": "unknown"}, UNKNOWN),
    Situation(DECIDES, "nothing may resolve", dns(DENIED, clusters=PRIVATE), {"P501": "unknown"}, UNKNOWN),
    Situation(DECIDES, "a zone may lack all", healthy(zones=DENIED), {"P503": "unknown"}, UNKNOWN),
    Situation(DECIDES, "a zone may lack all", healthy(zones=DENIED, clusters=PRIVATE), {"P503": "unknown"}, UNKNOWN),
    Situation(DECIDES, "they may be own servers", dns(options=DENIED), {"P205": "unknown", "P502": "unknown"}, UNKNOWN),
    Situation(DECIDES, "private strings", dns(options=DENIED, clusters=PRIVATE), {"P205": "unknown", "P502": "unknown"}, GOOD),
    Situation(DECIDES, "one may forward", healthy(resolver_rules=DENIED), {"P503": "unknown"}, UNKNOWN),
    Situation(DECIDES, "private strings", healthy(resolver_rules=DENIED, clusters=PRIVATE), {"P503": "unknown"}, GOOD),
    Situation(
        DECIDES,
        "a failure beside it stands",
        zones(ZONE, resolver_rules=DENIED),
        {"P503": "fail"},
        BAD,
    ),
]

HOME, AWAY = region(), region("EU_WEST_1")
READ_ONLY = region("EU_WEST_1", electable_nodes=0, read_only_nodes=1)
AWAY_BLOCK, AWAY_ID = "192.168.240.0/21", "pcx-0a1b2c3d4e5f6ffff"
AWAY_SIDE = Side("vpc-0f0e0d0c0b0a00002", "999999999999", "eu-west-1", [AWAY_BLOCK], allows_remote_dns=True)
TO_HOME, TO_AWAY = Route(ATLAS_BLOCK, CONNECTION_ID, is_peering=True), Route(AWAY_BLOCK, AWAY_ID, is_peering=True)


def wide(kind: str = "REPLICASET", *regions: Fields) -> Fields:
    return cluster(cluster_type=kind, regions=[*(regions or (HOME, AWAY))])


def two_regions(
    *clusters: Fields, routes: tuple[Route, ...] = (TO_HOME, TO_AWAY), block: str = VPC_BLOCK, **changes: Any
) -> ConnectionFacts:
    """Return facts of a VPC that is connected with the containers of two regions, and routes to both unless told otherwise."""
    other = container(id=OTHER_CONTAINER_ID, region_name="EU_WEST_1", atlas_cidr_block=AWAY_BLOCK)
    ids = {"id": object_id(number=9), "container_id": OTHER_CONTAINER_ID, "connection_id": AWAY_ID}
    away = peer(**ids, accepter_region_name="us-east-1", route_table_cidr_block=block)
    fields: Fields = {
        "clusters": [*(clusters or (wide(),))],
        "containers": [container(), other],
        "peers": [peer(), away],
        "connections": [connection(), connection(id=AWAY_ID, requester=AWAY_SIDE)],
        "route_tables": [
            table(TABLE_ID, *routes, subnet_ids=SUBNET_IDS[:1]),
            table(MAIN_TABLE_ID, *routes, is_main=True),
        ],
        "statuses": {CONNECTION_ID: "active", AWAY_ID: "active"},
    }
    return healthy(**{**fields, **changes})


NO_ROUTE = {"routes": (TO_HOME,)}
# Source: ModifyVpcPeeringConnectionOptions in the API reference of EC2: each connection has options of its own.
PUBLIC_NAMES = {"connections": [connection(), connection(id=AWAY_ID, requester=replace(AWAY_SIDE, allows_remote_dns=False))]}
P202 = "each further region that is connected is judged with its own connection and block, and told as P202"
P202_MILD = "W where it has read-only nodes alone or the cluster is sharded"
P202_NONE = "a region with nodes and no connection: F, W for a sharded cluster while another region is connected"
P202_USABLE = "P203 and P204 count usable clusters likewise"
REGIONS = [
    Situation(P202, "both ways are clear", two_regions(), {}, GOOD),
    Situation(
        # Source: "Update your security groups to reference peer security groups" in Amazon's VPC peering guide.
        P202,
        "a security group does not count across regions",
        two_regions(access_list=[entry(GROUP_ID)], security_groups={GROUP_ID: group()}),
        {"P202": "fail"},
        BAD,
    ),
    Situation(P202, "the access list is empty, which is told once", two_regions(access_list=[]), {"P301": "fail"}, BAD),
    Situation(P202, "no route to the other region", two_regions(**NO_ROUTE), {"P202": "fail"}, BAD),
    Situation(
        P202,
        "the route leads to the connection of the first region",
        two_regions(routes=(TO_HOME, Route(AWAY_BLOCK, CONNECTION_ID, is_peering=True))),
        {"P202": "fail"},
        BAD,
    ),
    Situation(P202, "AWS has forgotten the other one", two_regions(connections=[connection()]), {"P202": "fail"}, BAD),
    Situation(
        P202,
        "the other one has ended",
        two_regions(connections=[connection(), connection(id=AWAY_ID, status="deleted")]),
        {"P202": "fail"},
        BAD,
    ),
    Situation(P202, "no way back from the other region", two_regions(block="10.15.1.0/24"), {"P202": "fail"}, BAD),
    Situation(P202, "names of the other region resolve to public addresses", two_regions(**PUBLIC_NAMES), {"P202": "fail"}, BAD),
    Situation(
        P202,
        "but not in private strings",
        two_regions(with_private_string(wide()), **PUBLIC_NAMES),
        {"P202": "warn"},
        GOOD,
    ),
    Situation(
        P202,
        "what AWS refuses is told once a region",
        two_regions(network_acls=DENIED),
        {"P202": "unknown", "P701": "unknown"},
        UNKNOWN,
    ),
    Situation(P202_MILD, "only reads fail", two_regions(wide("REPLICASET", HOME, READ_ONLY), **NO_ROUTE), {"P202": "warn"}, GOOD),
    Situation(P202_MILD, "one mongos will do", two_regions(wide("SHARDED"), **NO_ROUTE), {"P202": "warn"}, GOOD),
    Situation(P202_MILD, "one mongos will do", two_regions(wide("GEOSHARDED"), **NO_ROUTE), {"P202": "warn"}, GOOD),
    Situation(P202_NONE, "drivers need all members", healthy(clusters=[wide()]), {"P202": "fail"}, BAD),
    Situation(P202_NONE, "one mongos will do", healthy(clusters=[wide("SHARDED")]), {"P202": "warn"}, GOOD),
    Situation(
        P202_NONE,
        "no region of it is connected",
        healthy(selection={"clusters": ("far",)}, clusters=[cluster(), {**wide("SHARDED", AWAY), "name": "far"}]),
        {"P202": "fail"},
        BAD,
    ),
    Situation(
        P202_USABLE,
        "the only other one lacks a route",
        two_regions(wide(), cluster("dev", paused=True), **NO_ROUTE),
        {"P202": "fail", "P203": "fail"},
        BAD,
    ),
    Situation(
        P202_USABLE,
        "a sharded one can be used",
        healthy(clusters=[wide("SHARDED"), cluster("dev", paused=True)]),
        {"P202": "warn", "P203": "warn"},
        GOOD,
    ),
    Situation(
        "a cluster reply without paused is unknown",
        "it may be paused",
        healthy(clusters=[cluster(paused=None)]),
        {"P203": "unknown"},
        UNKNOWN,
    ),
]

FOREIGN = Vpc(VPC_ID, OTHER_ACCOUNT, [VPC_BLOCK], True, True, "dopt-0a1b2c3d4e5f60001")
NO_STS = Unread("AWS does not report which account it is.")
CLAIMS = "P401 and P404 are unknown where the credentials' account is not that of the VPC, and where STS does not report it"
SHARED_VPC = "what a participant of a shared VPC does see is judged, and a failure stands"
HIDDEN = "what belongs to others in a shared VPC is not seen, and so is unknown"
OWNERS_GROUP = "sg-0cccccccccccccccc"
HIDDEN_GROUPS = dict.fromkeys(("P301", "P302", "P401", "P404"), "unknown")
ONE_OPEN = [table(TABLE_ID, subnet_ids=SUBNET_IDS[:1]), table(MAIN_TABLE_ID, Route("0.0.0.0/0", "nat-1"), is_main=True)]


def participant(**facts: Any) -> ConnectionFacts:
    """Return facts as the credentials of an account with which the VPC is shared see them."""
    return healthy(vpc=FOREIGN, connection=None, **facts)


ACCOUNTS = [
    Situation(
        CLAIMS,
        "only the owner sees connections",
        healthy(vpc=FOREIGN, connection=None),
        {"P401": "unknown", "P404": "unknown"},
        UNKNOWN,
    ),
    Situation(
        CLAIMS,
        "Atlas names the owner",
        healthy(vpc=None, connection=None, account_id=OTHER_ACCOUNT),
        {"P401": "unknown", "P404": "unknown"},
        UNKNOWN,
    ),
    Situation(
        CLAIMS,
        "the owner does not see it: it is gone",
        healthy(connection=None),
        {"P401": "fail"},
        BAD,
    ),
    Situation(CLAIMS, "the owner of a VPC that is gone", healthy(vpc=None), {"P404": "fail"}, BAD),
    Situation(
        CLAIMS,
        "nobody knows whose they are",
        healthy(connection=None, account_id=NO_STS),
        {"P401": "unknown", "P404": "unknown"},
        UNKNOWN,
    ),
    Situation(CLAIMS, "nobody knows whose they are", healthy(account_id=NO_STS), {"P404": "unknown"}, UNKNOWN),
    Situation(
        SHARED_VPC,
        "its tables are seen",
        healthy(vpc=FOREIGN, connection=None, route_tables=[table(MAIN_TABLE_ID, Route("10.99.0.0/16", "tgw-1"), is_main=True)]),
        {"P401": "unknown", "P404": "unknown", "P601": "fail"},
        BAD,
    ),
    Situation(HIDDEN, "the groups of the access list", participant(access_list=[entry(OWNERS_GROUP)]), HIDDEN_GROUPS, UNKNOWN),
    Situation(
        HIDDEN,
        "a group that is seen lets clients in",
        participant(access_list=[entry(OWNERS_GROUP), entry(GROUP_ID)], security_groups={GROUP_ID: group()}),
        {"P401": "unknown", "P404": "unknown"},
        UNKNOWN,
    ),
    Situation(
        HIDDEN,
        "clients in a subnet where own ones are not",
        participant(route_tables=ONE_OPEN, interfaces=[interface()], security_groups={GROUP_ID: group()}),
        {"P401": "unknown", "P404": "unknown", "P601": "unknown"},
        UNKNOWN,
    ),
    Situation(
        HIDDEN,
        "the group of the connection",
        healthy(
            {"aws_security_group": OWNERS_GROUP},
            vpc=FOREIGN,
            connection=None,
            access_list=[entry(VPC_BLOCK), entry(OWNERS_GROUP)],
        ),
        {"P303": "unknown", "P401": "unknown", "P404": "unknown"},
        UNKNOWN,
    ),
    Situation(
        "P406: encryption controls are enforced without an exclusion for peerings: W",
        "AWS may stop the traffic",
        healthy(vpc=Vpc(VPC_ID, ACCOUNT_ID, [VPC_BLOCK], True, True, "dopt-0a1b2c3d4e5f60001", refuses_peerings=True)),
        {"P406": "warn"},
        GOOD,
    ),
]


def probe(*local: str | None, resolved: str = "192.168.248.10", **more: Any) -> Fields:
    members = [
        {"member": f"m{number}:27017", "addresses": [resolved], "in_block": True, "tcp": "open", "tls": True, "error": None}
        for number in range(len(local) or 1)
    ]
    return {"host": "web1", "members": [{**one, "local_address": local[at]} if local else one for at, one in enumerate(members)]}


def probing(*probes: Fields, own: tuple[str, ...] = (VPC_BLOCK,), others: tuple[str, ...] = ("10.16.0.0/16",)) -> ConnectionFacts:
    """Return facts with probes, as they are chosen for a network of these blocks beside others."""
    params = {
        **dict.fromkeys(("subnet_ids", "security_group_ids", "instance_ids", "client_cidr_blocks", "clusters")),
        "probes": [*probes],
    }
    chosen = to_selection(params, {}, VPC_ID, own, [others])
    facts = healthy()
    return replace(facts, selection=replace(chosen, stray_probes=find_stray_probes(params, [own, others])))


ELSEWHERE = "3.91.2.4"
PROBES_HERE = "a probe is judged where the network has one of its local addresses, one without any everywhere"
PROBES_NOWHERE = "one of no network here is told once, W, and judged nowhere"
PROBES = [
    Situation(PROBES_HERE, "it was made here", probing(probe("10.15.1.7", resolved=ELSEWHERE)), {"P901": "fail"}, BAD),
    Situation(
        PROBES_HERE,
        "a host with two addresses",
        probing(probe("172.17.0.2", "10.15.1.7", resolved=ELSEWHERE)),
        {"P901": "fail"},
        BAD,
    ),
    Situation(PROBES_HERE, "it was made in the other network", probing(probe("10.16.1.7", resolved=ELSEWHERE)), {}, GOOD),
    Situation(PROBES_HERE, "an older release", probing(probe(resolved=ELSEWHERE)), {"P901": "fail"}, BAD),
    Situation(PROBES_HERE, "a name did not resolve", probing(probe(None, resolved=ELSEWHERE)), {"P901": "fail"}, BAD),
    Situation(
        PROBES_HERE,
        "the blocks of the network are not known",
        probing(probe("10.15.1.7", resolved=ELSEWHERE), own=()),
        {"P901": "fail"},
        BAD,
    ),
    Situation(PROBES_HERE, "it is of the other one", probing(probe("10.16.1.7", resolved=ELSEWHERE), own=()), {}, GOOD),
    Situation(PROBES_NOWHERE, "a container behind NAT", probing(probe("172.17.0.2", resolved=ELSEWHERE)), {"P901": "warn"}, GOOD),
    Situation(PROBES_NOWHERE, "IPv6 alone", probing(probe("2001:db8::7", resolved=ELSEWHERE)), {"P901": "warn"}, GOOD),
    Situation(PROBES_NOWHERE, "it may be of the network that is not known", probing(probe("172.17.0.2"), others=()), {}, GOOD),
]


@pytest.mark.parametrize("one", [*DNS, *REGIONS, *ACCOUNTS, *PROBES], ids=lambda one: f"{one.sentence}: {one.truth}")
def test_what_the_check_says_of_a_situation(one: Situation) -> None:
    assert severities(one.facts) == one.found
    assert verdict_of(run_checks(one.facts), both_halves=True) == one.verdict
    # An unknown always has advice.
    assert all(finding.fix for finding in run_checks(one.facts) if finding.severity == "unknown")


HALVES = ("10.30.0.0/17", "10.30.128.0/17")


@pytest.mark.parametrize(
    ("own", "others", "counts"),
    [
        pytest.param(HALVES, [("10.40.0.0/16",)], True, id="in two ranges of a network"),
        pytest.param(("10.40.0.0/16",), [HALVES], False, id="in two ranges of another one"),
        pytest.param(("10.40.0.0/16",), [HALVES[:1], HALVES[1:]], True, id="in no network as a whole"),
    ],
)
def test_a_declared_block_counts_where_its_clients_are(own: tuple[str, ...], others: list[tuple[str, ...]], counts: bool) -> None:
    names = ("subnet_ids", "security_group_ids", "instance_ids", "probes", "clusters")
    params = {**dict.fromkeys(names), "client_cidr_blocks": ["10.30.0.0/16"]}
    assert bool(to_selection(params, {}, "", own, others).client_cidr_blocks) is counts


def test_a_lost_string_and_what_it_lacks_are_named() -> None:
    finding = found(zones(ZONE, records=records("hosts")))["P503"]
    text = "does not have _mongodb._tcp.shop.abcde.mongodb.net: the connection string standard_srv of shop is lost."
    assert finding.message == f"The private zone abcde.mongodb.net answers in place of public DNS, and {text}"
    assert finding.evidence["names"] == ["_mongodb._tcp.shop.abcde.mongodb.net"]
    assert "no connection string of shop is left" in found(zones(ZONE))["P503"].message


def test_a_zone_that_cannot_be_read_is_told_with_its_owner() -> None:
    refused = Unread("AWS refuses it.", "route53:ListResourceRecordSets")
    finding = found(zones(zone("mongodb.net", OTHER_ACCOUNT), records=refused))["P503"]
    assert finding.message == f"AWS refuses it. The zone belongs to {OTHER_ACCOUNT}, which alone can read it."
    assert finding.fix == "Allow route53:ListResourceRecordSets to these credentials."
    other = found(
        zones(zone("mongodb.net", OTHER_ACCOUNT), records=Unread("It is not yours."), falls_back=Unread("It is not yours."))
    )
    assert other["P503"].fix == f"Let {OTHER_ACCOUNT} see whether the zone has the names of shop."


def test_a_further_region_is_told_with_the_check_that_found_it() -> None:
    finding = found(two_regions(**NO_ROUTE))["P202"]
    begin = f"shop has nodes in EU_WEST_1, and on the way there, P601 reports: {AWAY_BLOCK} has no route in {MAIN_TABLE_ID}"
    assert finding.message.startswith(begin)
    assert finding.fix == f"Route {AWAY_BLOCK} to {AWAY_ID} in {MAIN_TABLE_ID}."
    assert (finding.subject, finding.evidence["code"], finding.evidence["regions"]) == ("shop", "P601", ["EU_WEST_1"])
    assert finding.subnet_ids == SUBNET_IDS[1:]
    assert "the routers (mongos) of the other regions have to do" in found(healthy(clusters=[wide("SHARDED")]))["P202"].message


def test_accounts_that_differ_are_named() -> None:
    finding = found(healthy(vpc=FOREIGN, connection=None))["P404"]
    assert finding.message == f"These credentials are of account {ACCOUNT_ID}, {VPC_ID} is of account {OTHER_ACCOUNT}."
    assert finding.fix == f"Use credentials of account {OTHER_ACCOUNT}."


def test_a_probe_of_no_network_is_told_with_its_address() -> None:
    finding = found(probing(probe("172.17.0.2")))["P901"]
    assert finding.message == "The probe on web1 was made from 172.17.0.2, which no network here has, and is judged nowhere."


def test_a_propagated_route_is_overridden_by_a_static_one() -> None:
    """Source: "Route priority" in the Amazon VPC user guide: of two routes to one destination, the static one wins."""
    taken = Route("192.168.248.0/24", "vgw-1", is_propagated=True)
    facts = healthy(route_tables=[table(MAIN_TABLE_ID, TO_HOME, taken, is_main=True)])
    assert found(facts)["P601"].fix == (
        f"Add a static route to 192.168.248.0/24 by {CONNECTION_ID} in {MAIN_TABLE_ID}: it wins over the propagated one."
    )


class Reading:
    """In place of a survey: it tells its account, and what it is asked about zones."""

    def __init__(self, account: str | None) -> None:
        self.answers: dict[tuple[str, ...], Any] = {("account",): account}
        self.asked: list[str] = []

    def ask_zone(self, one: HostedZone) -> dict[tuple[str, ...], Any]:
        self.asked.append(one.name)
        return {("records", one.id): lambda: [Record(one.name, "A")], ("fallback", one.id): lambda: False}


@pytest.mark.parametrize(
    ("accounts", "asked"),
    [
        # The credentials of its account, whichever VPC shows the zone; one region of two.
        ([OTHER_ACCOUNT, ACCOUNT_ID, ACCOUNT_ID], [0, 1, 0]),
        ([None, ACCOUNT_ID], [0, 1]),
        # They may be the owner's.
        ([OTHER_ACCOUNT, None], [0, 1]),
        ([OTHER_ACCOUNT], [0]),
    ],
)
def test_a_zone_is_read_once_with_credentials_of_its_account(accounts: list[str | None], asked: list[int]) -> None:
    readings: Any = [Reading(account) for account in accounts]
    contents = read_zones(readings, [ZONE])
    assert [len(one.asked) for one in readings] == asked
    if any(asked):
        assert contents == {ZONE.id: ZoneContents([Record(ZONE.name, "A")], False)}
    else:
        text = f"The private zone {named(ZONE.name)} belongs to account {ACCOUNT_ID}, which alone can read it."
        assert contents[ZONE.id] == ZoneContents(Unread(text), Unread(text))


def test_addresses_outside_of_known_blocks() -> None:
    finding = found(at(("10.99.1.5",), containers=Unread("No.")))["P503"]
    assert (finding.severity, finding.fix) == ("unknown", "Look whether these are addresses of this cluster.")


def test_addresses_of_others_are_named() -> None:
    finding = found(at(("10.99.1.5", "10.99.2.5")))["P503"]
    host = "shop-shard-00-00.abcde.mongodb.net"
    assert f"has {host} (10.99.1.5, 10.99.2.5), shop-shard-00-01." in finding.message
    assert finding.message.endswith(f"outside of {ATLAS_BLOCK}, where shop is: no connection string of shop is left.")
    assert finding.evidence["addresses"][host] == ["10.99.1.5", "10.99.2.5"]
    assert "a private endpoint that is gone" in finding.fix
    both = zones(ZONE, records=[Record(one.name, "A", ("10.99.1.5",)) for one in records("hosts")[:1]])
    text = "and does not have _mongodb._tcp.shop.abcde.mongodb.net, shop-shard-00-01.abcde.mongodb.net and shop-shard-00-02."
    assert text in found(both)["P503"].message
    assert f"and has {host} (10.99.1.5) outside of {ATLAS_BLOCK}" in found(both)["P503"].message


def test_what_is_not_known_of_values_has_advice() -> None:
    finding = found(led(kind="CNAME"))["P503"]
    assert finding.message == (
        "The private zone abcde.mongodb.net has CNAME or alias records for names of shop, and where they lead is not known."
    )
    assert finding.fix == f"Look whether these lead to addresses in {ATLAS_BLOCK}, or replace them by A records."
    finding = found(at(("10.15.9.9",)))["P503"]
    assert f"has 10.15.9.9 of {VPC_ID} itself for names of shop: whether a proxy there" in finding.message


@pytest.mark.parametrize("records", [(), DENIED])
def test_the_root_zone_has_a_name(records: Any) -> None:
    finding = found(zones(zone(""), records=records))["P503"]
    assert (finding.subject, finding.evidence["zone"]) == (".", ".")


def test_a_root_zone_of_another_account_has_a_name() -> None:
    contents = read_zones([], [zone("", OTHER_ACCOUNT)])["Z-root"]
    assert contents.records == Unread(
        f"The private zone {named('.')} belongs to account {OTHER_ACCOUNT}, which alone can read it."
    )


@pytest.mark.parametrize("falls_back", [False, True])
def test_a_zones_own_name_is_never_left_to_public_dns(falls_back: bool) -> None:
    """Source: UpdateHostedZoneFeatures in the API of Route 53; a zone has an SOA record of its own name (RFC 1034, 4.2.1)."""
    host = zone("shop-shard-00-00.abcde.mongodb.net")
    finding = found(zones(host, records=[Record(host.name, "A", ("10.99.1.5",))], falls_back=falls_back))["P503"]
    assert "remove" not in finding.fix
    assert finding.fix.endswith("gone, or dissociate the zone from the VPC.")
