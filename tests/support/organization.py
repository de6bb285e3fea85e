"""Results of the check for many projects: what `judge` says of made-up facts, with hostile names among them."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import Route, Subnet, Vpc
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.atlas_half import AtlasReading, ProjectReading
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import (
    ConnectionFacts,
    ListedEntries,
    ListedPeers,
    Unread,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import judge
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import AuthError
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import healthy_azure, healthy_gcp
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ATLAS_BLOCK,
    SUBNET_BLOCKS,
    SUBNET_IDS,
    VPC_BLOCK,
    connection,
    container,
    healthy,
    peer,
    table,
)

ORGANIZATION_ID = "5f0e0d0c0b0a090807060504"
#: What others may call a project, a network or a subnet: markup, a template, control characters, an id, mentions and links.
HOSTILE_NAMES = (
    "<b onload=alert(1)>x</b>",
    "{{ 7 * 7 }}",
    "a\x1b[2Jb\x00\u202egnp\r\nc",
    "5356823b3794dee37132bb7b",
    "@someone #12 [x](javascript:1) `|` www.example.com",
    "]]></system-out>&amp;",
)
_KINDS = ("shop", "billing", "search", "stock", "reports", "login")
_STAGES = ("prod", "stage", "dev")


def project_id(number: int) -> str:
    """Return the id of a project."""
    return f"64{number:022x}"


def name_of(number: int, *, hostile: bool = False) -> str:
    """Return the name of a project."""
    if hostile and number < len(HOSTILE_NAMES):
        return HOSTILE_NAMES[number]
    return f"{_KINDS[number % len(_KINDS)]}-{_STAGES[number // len(_KINDS) % len(_STAGES)]}-{number:03}"


def facts_of(number: int, *, hostile: bool = False) -> Iterator[ConnectionFacts]:
    """Return the facts of the connections of a project, by its number: most have two that work, some have faults.

    Args:
        number: The number of the project. Every seventh has no connection.
        hostile: Whether the first ones have hostile names.
    """
    for index in range(0 if number % 7 == 6 else 1 + (number % 3 > 0)):
        where = number * 10 + index
        facts = healthy(
            {"vpc_id": _vpc_id(where), "aws_account_id": _account(number)},
            **{**_network(where, name_of(number, hostile=hostile)), **_fault(number, index, where)},
        )
        if number % 20 == 13 and index:
            facts = healthy_gcp() if number % 40 == 13 else healthy_azure()
        yield dataclasses.replace(facts, group_id=project_id(number), project_name=name_of(number, hostile=hostile))


def _vpc_id(where: int) -> str:
    return f"vpc-0a1b2c3d4e5{where:06}"


def _account(number: int) -> str:
    return f"{123456789000 + number % 40}"


def _network(where: int, name: str) -> dict[str, Any]:
    """Return a connection with its own ids, and a VPC with names."""
    vpc_id, pcx = _vpc_id(where), f"pcx-0a1b2c3d4e5{where:06}"
    account = _account(where // 10)
    made = connection()
    made = dataclasses.replace(made, id=pcx, accepter=dataclasses.replace(made.accepter, vpc_id=vpc_id, account_id=account))
    rename = {SUBNET_IDS[0]: f"subnet-0a1b2c3d4e{where:06}1", SUBNET_IDS[1]: f"subnet-0a1b2c3d4e{where:06}2"}
    names = list(rename.values())
    to_atlas = Route(ATLAS_BLOCK, pcx, is_peering=True)
    tables = [
        dataclasses.replace(table(f"rtb-0a1b2c3d4e5{where:05}1", to_atlas, subnet_ids=tuple(names[:1])), vpc_id=vpc_id),
        dataclasses.replace(table(f"rtb-0a1b2c3d4e5{where:05}2", to_atlas, is_main=True), vpc_id=vpc_id),
    ]
    acls = [dataclasses.replace(one, vpc_id=vpc_id, subnet_ids=tuple(names)) for one in healthy().aws.network_acls]
    shown = peer(id=f"65{where:022x}", vpc_id=vpc_id, aws_account_id=account, connection_id=pcx, container_id=f"66{where:022x}")
    held = container(id=f"66{where:022x}")
    return {
        "peer": shown,
        "container": held,
        "connection": made,
        "connections": [made],
        "statuses": {pcx: "active"},
        "vpc": Vpc(vpc_id, account, [VPC_BLOCK], True, True, "dopt-0a1b2c3d4e5f60001", name=f"{name}-vpc"),
        "account_id": account,
        "subnets": [Subnet(one, vpc_id, block, f"{name}-{zone}") for one, block, zone in zip(names, SUBNET_BLOCKS, ("a", "b"))],
        "route_tables": tables,
        "network_acls": acls,
    }


def _fault(number: int, index: int, where: int) -> dict[str, Any]:
    """Return the facts that are not as they should be."""
    network = _network(where, name_of(number))
    if number % 8 == 0 and not index:
        # Nothing leads to Atlas.
        return {"route_tables": [dataclasses.replace(one, routes=one.routes[:1]) for one in network["route_tables"]]}
    if number % 10 == 1:
        return {"access_list": []}
    if number % 12 == 3 and not index:
        made = dataclasses.replace(network["connection"], status="pending-acceptance", expiration_time="2026-12-01T12:00:00Z")
        return {"connection": made, "connections": [made], "peer": {**network["peer"], "status_name": "PENDING_ACCEPTANCE"}}
    if number % 15 == 4:
        return {"zones": Unread("The private zones of the VPC could not be read (AccessDenied).", "route53:ListHostedZonesByVPC")}
    if number % 25 == 7:
        unread = Unread(f"Account {_account(number)} refuses the role.", "sts:AssumeRole")
        return dict.fromkeys(("connection", "vpc", "subnets", "route_tables", "network_acls"), unread)
    return {}


def organization(projects: int, *, hostile: bool = False, unread: int = 0) -> dict[str, Any]:
    """Return a new `peering_check` of several projects.

    Args:
        projects: The number of projects.
        hostile: Whether some have hostile names.
        unread: The number of further projects that cannot be read.
    """
    return copy.deepcopy(_organization(projects, hostile, unread))


@functools.cache
def _organization(projects: int, hostile: bool, unread: int) -> dict[str, Any]:
    facts = {number: list(facts_of(number, hostile=hostile)) for number in range(projects)}
    read = [_reading(number, listed, hostile) for number, listed in facts.items()]
    failed = [_unread(projects + number) for number in range(unread)]
    return judge([one for listed in facts.values() for one in listed], lambda one: True, [*read, *failed])


def _reading(number: int, listed: list[ConnectionFacts], hostile: bool) -> ProjectReading:
    """Return what was read of a project: of all that, a result shows the connections as Atlas lists them."""
    nothing = {"containers": [], "access_list": ListedEntries(), "clusters": [], "flex_clusters": None, "others": {}}
    clouds = {one.entry.provider.name for one in listed}
    readings = {
        cloud: AtlasReading(ListedPeers(one.atlas.peer for one in listed if one.entry.provider.name == cloud), **nothing)
        for cloud in clouds
    }
    return ProjectReading(project_id(number), name_of(number, hostile=hostile), ORGANIZATION_ID, readings)


def _unread(number: int) -> ProjectReading:
    message = f"Failed to list the network containers of project {project_id(number)}"
    detail = "The user may not read this project."
    failure = AuthError(
        f"{message}: {detail} (HTTP 403 USER_UNAUTHORIZED).", http_status=403, error_code="USER_UNAUTHORIZED", detail=detail
    )
    return ProjectReading(project_id(number), name_of(number), ORGANIZATION_ID, failure=failure)
