"""A connection that carries traffic, as the checks see it; tests change what they are about."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import (
    AclRule,
    DhcpOptions,
    GroupRule,
    Interface,
    NetworkAcl,
    PeeringConnection,
    Route,
    RouteTable,
    SecurityGroup,
    Side,
    Subnet,
    Vpc,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import (
    AtlasFacts,
    AwsFacts,
    ConnectionFacts,
    ListedEntries,
    ListedPeers,
    Missing,
    Selection,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import load_rules
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import Finding, run_checks
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import ALL_CLOUDS, CLOUDS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._entries.parser import PeerEntry
from ansible_collections.cloudpeer.atlas.plugins.module_utils._entries.table import CHECK, used_by
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.access_list import key_of

load_rules(ALL_CLOUDS)
NOW = datetime.datetime(2026, 11, 26, 12, 0, tzinfo=datetime.timezone.utc)
VPC_ID = "vpc-0a1b2c3d4e5f60001"
ACCOUNT_ID = "123456789012"
VPC_BLOCK = "10.15.0.0/16"
ATLAS_BLOCK = "192.168.248.0/21"
CONTAINER_ID = "6566f0000000000000000001"
OTHER_CONTAINER_ID = "6566f0000000000000000002"
CONNECTION_ID = "pcx-0a1b2c3d4e5f60001"
#: One by name in a table of its own, one in the main table.
SUBNET_IDS = ("subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002")
SUBNET_BLOCKS = ("10.15.1.0/24", "10.15.2.0/24")
TABLE_ID = "rtb-0a1b2c3d4e5f60001"
MAIN_TABLE_ID = "rtb-0a1b2c3d4e5f60002"
ACL_ID = "acl-0a1b2c3d4e5f60001"
GROUP_ID = "sg-0a1b2c3d4e5f60001"
INSTANCE_ID = "i-0a1b2c3d4e5f60001"
Fields = dict[str, Any]


def object_id(age: datetime.timedelta = datetime.timedelta(days=30), number: int = 1) -> str:
    """Return an id of Atlas of something that was made so long ago."""
    return f"{int((NOW - age).timestamp()):08x}{number:016x}"


def peer(**changes: Any) -> Fields:
    """Return a connection of Atlas, AVAILABLE, to the VPC."""
    return {
        "id": object_id(),
        "provider_name": "AWS",
        "container_id": CONTAINER_ID,
        "status_name": "AVAILABLE",
        "error_state_name": None,
        "connection_id": CONNECTION_ID,
        "vpc_id": VPC_ID,
        "aws_account_id": ACCOUNT_ID,
        "route_table_cidr_block": VPC_BLOCK,
        "accepter_region_name": None,
        **changes,
    }


def container(**changes: Any) -> Fields:
    """Return a network container, in us-east-1."""
    return {
        "id": CONTAINER_ID,
        "provider_name": "AWS",
        "region_name": "US_EAST_1",
        "atlas_cidr_block": ATLAS_BLOCK,
        "vpc_id": "vpc-0f0e0d0c0b0a00001",
        "provisioned": True,
        **changes,
    }


def region(name: str = "US_EAST_1", **changes: Any) -> Fields:
    """Return a region of a cluster, with three electable nodes on AWS."""
    return {
        "provider_name": "AWS",
        "backing_provider_name": None,
        "region_name": name,
        "electable_nodes": 3,
        "read_only_nodes": 0,
        "analytics_nodes": 0,
        **changes,
    }


def cluster(name: str = "shop", **changes: Any) -> Fields:
    """Return a dedicated cluster in the container's region, without private connection strings."""
    members = [f"{name}-shard-00-0{number}.abcde.mongodb.net:27017" for number in range(3)]
    return {
        "id": object_id(number=2),
        "name": name,
        "state_name": "IDLE",
        "paused": False,
        "cluster_type": "REPLICASET",
        "regions": [region()],
        "connection_strings": {
            "standard": f"mongodb://{','.join(members)}/?ssl=true",
            "standard_srv": f"mongodb+srv://{name}.abcde.mongodb.net",
            "private": None,
            "private_srv": None,
        },
        "members": members,
        "private_members": [],
        **changes,
    }


def with_private_string(shown: Fields) -> Fields:
    """Return a cluster with private connection strings."""
    members = [member.replace(".", "-pri.", 1) for member in shown["members"]]
    strings = {
        "private": f"mongodb://{','.join(members)}/?ssl=true",
        "private_srv": f"mongodb+srv://{shown['name']}-pri.abcde.mongodb.net",
    }
    return {**shown, "connection_strings": {**shown["connection_strings"], **strings}, "private_members": members}


def entry(subject: str, **changes: Any) -> Fields:
    """Return an entry of the access list: of a block, an address, or a security group."""
    is_group = "sg-" in subject
    is_address = not is_group and "/" not in subject
    return {
        "cidr_block": None if is_group else f"{subject}/32" if is_address else subject,
        "ip_address": subject if is_address else None,
        "aws_security_group": subject if is_group else None,
        "comment": None,
        "delete_after_date": None,
        **changes,
    }


def connection(**changes: Any) -> PeeringConnection:
    """Return the connection as AWS has it: active, requested by Atlas."""
    sides = {
        "requester": Side("vpc-0f0e0d0c0b0a00001", "999999999999", "us-east-1", [ATLAS_BLOCK], allows_remote_dns=True),
        "accepter": Side(VPC_ID, ACCOUNT_ID, "us-east-1", [VPC_BLOCK], allows_remote_dns=True),
    }
    fields: Fields = {"id": CONNECTION_ID, "status": "active", "status_message": "Active", "expiration_time": None, **sides}
    return PeeringConnection(**{**fields, **changes})


def table(table_id: str, *routes: Route, **changes: Any) -> RouteTable:
    """Return a route table of the VPC with the local route, and with others: by default the one to Atlas."""
    local = Route(VPC_BLOCK, "local")
    to_atlas = Route(ATLAS_BLOCK, CONNECTION_ID, is_peering=True)
    return RouteTable(table_id, VPC_ID, {}, (local, *(routes or (to_atlas,))), **changes)


def acl(*rules: AclRule, **changes: Any) -> NetworkAcl:
    """Return a network ACL of all subnets: by default AWS's own, which lets everything through."""
    all_through = (AclRule(100, True, True, "-1", "0.0.0.0/0", None), AclRule(100, False, True, "-1", "0.0.0.0/0", None))
    return NetworkAcl(**{"id": ACL_ID, "vpc_id": VPC_ID, "subnet_ids": SUBNET_IDS, "rules": rules or all_through, **changes})


def group(*egress: GroupRule, **changes: Any) -> SecurityGroup:
    """Return a security group of the VPC: by default, everything may go out."""
    everything = (GroupRule("-1", None, ("0.0.0.0/0",), ()),)
    return SecurityGroup(**{"id": GROUP_ID, "vpc_id": VPC_ID, "egress": egress or everything, **changes})


def interface(**changes: Any) -> Interface:
    """Return the interface of an instance in the first subnet."""
    fields = {"id": "eni-0a1b2c3d4e5f60001", "instance_id": INSTANCE_ID, "vpc_id": VPC_ID, "subnet_id": SUBNET_IDS[0]}
    return Interface(**{**fields, "security_group_ids": (GROUP_ID,), "addresses": ("10.15.1.5",), **changes})


def _atlas() -> Fields:
    return {
        "peer": peer(),
        "peers": [peer()],
        "container": container(),
        "containers": [container()],
        "access_list": [entry(VPC_BLOCK)],
        "access_status": {VPC_BLOCK: "ACTIVE"},
        "clusters": [cluster()],
        "flex_clusters": Missing("There are dedicated clusters."),
        "custom_dns": False,
        "other_projects": {},
        "other_peers": [],
    }


def _aws() -> Fields:
    return {
        "connection": connection(),
        "vpc": Vpc(VPC_ID, ACCOUNT_ID, [VPC_BLOCK], True, True, "dopt-0a1b2c3d4e5f60001"),
        "account_id": ACCOUNT_ID,
        "dns_attributes": {"enable_dns_support": True, "enable_dns_hostnames": True},
        "dhcp_options": DhcpOptions("dopt-0a1b2c3d4e5f60001", ("AmazonProvidedDNS",)),
        "zones": [],
        "resolver_rules": [],
        "subnets": [Subnet(name, VPC_ID, block) for name, block in zip(SUBNET_IDS, SUBNET_BLOCKS)],
        "route_tables": [table(TABLE_ID, subnet_ids=SUBNET_IDS[:1]), table(MAIN_TABLE_ID, is_main=True)],
        "network_acls": [acl()],
        "security_groups": {},
        "interfaces": [],
        "prefix_lists": {},
        "statuses": {CONNECTION_ID: "active"},
        "connections_quota": 50,
        "routes_quota": 50,
        "connections_count": 1,
        "connections": [connection()],
        "zone_contents": {},
    }


def add_consequences(changes: dict[str, Any]) -> None:
    """Add to changed facts what follows from them; see `healthy`."""
    for one, many in (("peer", "peers"), ("container", "containers")):
        if isinstance(changes.get(one), dict):
            changes.setdefault(many, [changes[one]])
    if "peer" in changes and changes["peer"] is None:
        changes.setdefault("peers", [])
    if isinstance(changes.get("access_list"), list):
        changes.setdefault("access_status", {key_of(one): "ACTIVE" for one in changes["access_list"]})


def atlas_facts(fields: Mapping[str, Any]) -> AtlasFacts:
    """Return Atlas's half, with its lists as they are read."""
    peers, entries = fields["peers"], fields["access_list"]
    peers = ListedPeers(peers) if isinstance(peers, list) else peers
    entries = ListedEntries(entries) if isinstance(entries, list) else entries
    return AtlasFacts(**{**fields, "peers": peers, "access_list": entries})


def entry_of(fields: Mapping[str, Any]) -> PeerEntry:
    """Return an entry of the check with these options."""
    unset = {**dict.fromkeys(used_by(CHECK)), "cidr_blocks": ()}
    return PeerEntry(0, CLOUDS[fields["provider_name"]], {**unset, **fields}, {}, {}, CHECK)


def healthy(
    entry: Mapping[str, Any] | None = None, selection: Mapping[str, Any] | None = None, **changes: Any
) -> ConnectionFacts:
    """Return the facts of a connection that carries traffic, with changes.

    Args:
        entry: Fields of the entry to change; by default it has the VPC, its account, its region and its block.
        selection: The options to set; by default there are none.
        changes: Facts of Atlas or of AWS by their names, and `now`. A new `peer` or `container` is also the only one of the
            project, which has no connection at all with `peer` None. All entries of a new `access_list` are in force, unless
            that is given, too.
    """
    fields = {
        "provider_name": "AWS",
        "vpc_id": VPC_ID,
        "aws_account_id": ACCOUNT_ID,
        "region": "us-east-1",
        "cidr_block": VPC_BLOCK,
    }
    now = changes.pop("now", NOW)
    add_consequences(changes)
    atlas, aws = _atlas(), _aws()
    unknown = changes.keys() - atlas.keys() - aws.keys()
    assert not unknown, f"there are no such facts: {unknown}"
    return ConnectionFacts(
        entry=entry_of({**fields, **(entry or {})}),
        now=now,
        atlas=atlas_facts({name: changes.get(name, value) for name, value in atlas.items()}),
        aws=AwsFacts(**{name: changes.get(name, value) for name, value in aws.items()}),
        selection=dataclasses.replace(Selection(), **(selection or {})),
    )


def found(facts: ConnectionFacts, *severities: str) -> dict[str, Finding]:
    """Return what the checks find with these severities (by default: what is wrong, or not known), the worst of each code."""
    wanted = severities or ("fail", "unknown", "warn")
    order = ("fail", "unknown", "warn", "info", "ok", "skipped")
    findings = sorted(run_checks(facts), key=lambda one: -order.index(one.severity))
    return {one.code: one for one in findings if one.severity in wanted}


def severities(facts: ConnectionFacts) -> dict[str, str]:
    """Return what is wrong, or not known, as codes with their worst severities: `{"P601": "fail"}`."""
    return {code: finding.severity for code, finding in found(facts).items()}


def only(facts: ConnectionFacts, code: str, severity: str = "fail") -> Finding:
    """Check that nothing else is wrong, or not known, than what this code says, and return that."""
    assert severities(facts) == {code: severity}
    return found(facts)[code]
