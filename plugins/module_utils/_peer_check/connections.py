# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Which connections are checked: those of the entries, or all of the project. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._checks.facts import AtlasObject, Fact, Missing, Unread
from ansible_collections.cloudpeer.atlas.plugins.module_utils._checks.question import Entry
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.regions import to_cloud_region

from .answers import to_fact
from .atlas import AtlasReading
from .aws_options import credentials_of

# Of several connections between a VPC and a container, one counts: the first in another state than these, or else in their order.
_LAST = ("FAILED", "TERMINATING")
ATLAS_OFF = Missing("Atlas was not read: atlas is false.")


@dataclass(frozen=True)
class Connection:
    """A connection that is checked.

    Attributes:
        entry: What is asked about it.
        peer: The connection in Atlas.
        container: Its network container.
        credentials: The options for AWS, under the names that AWS's session knows them by.
    """

    entry: Entry
    peer: Fact[AtlasObject | None]
    container: Fact[AtlasObject | None]
    credentials: t.Mapping[str, t.Any]


def choose_connections(params: Parameters, reading: AtlasReading | None) -> list[Connection]:
    """Return the connections to check.

    Args:
        params: The options.
        reading: What was read of Atlas; None if its half is off.

    Raises:
        AtlasError: If the options name none, and Atlas's list could not be read.
    """
    if reading is None:
        return [_with_region(params, one, ATLAS_OFF, ATLAS_OFF) for one in params["connections"]]
    if params["connections"] is not None:
        return [found for one in params["connections"] for found in _of_entry(params, one, reading)]
    if isinstance(reading.peers, AtlasError):
        raise reading.peers
    pairs = dict.fromkeys((peer["vpc_id"], peer["aws_account_id"]) for peer in reading.peers)
    found = [{"vpc_id": vpc_id, "aws_account_id": account_id} for vpc_id, account_id in pairs]
    chosen = [one for entry in found for one in _of_entry(params, entry, reading)]
    region = params["container_region"]
    if region is None or isinstance(reading.containers, AtlasError):
        return chosen
    meant = {one["id"] for one in _in_region(reading, region)}
    return [one for one in chosen if _field(one.peer, "container_id") in meant]


def _of_entry(params: Parameters, entry: Parameters, reading: AtlasReading) -> list[Connection]:
    """Return the connections that an entry means: that of its container, or without one, one for each container.

    The only connection of a VPC is meant even if its container is in another region: P104 then tells both regions.
    """
    if isinstance(reading.peers, AtlasError):
        return [_with_region(params, entry, to_fact(reading.peers), _only_container(entry, reading))]
    region, best = entry.get("container_region"), _peers_by_container(entry, reading.peers)
    if isinstance(reading.containers, AtlasError):
        unread = to_fact(reading.containers)
        return [_with_region(params, entry, peer, unread) for peer in best.values() or [None]]
    there = {one["id"] for one in _in_region(reading, region)}
    found = [peer for peer in best.values() if region is None or peer["container_id"] in there]
    found = found or [peer for peer in best.values() if len(best) == 1 and not _rank(peer)]
    if not found:
        return [_with_region(params, entry, None, _only_container(entry, reading))]
    containers = {one["id"]: one for one in reading.containers}
    return [_with_region(params, entry, peer, containers.get(peer["container_id"])) for peer in found]


def _peers_by_container(entry: Parameters, peers: t.Sequence[AtlasObject]) -> dict[str | None, AtlasObject]:
    """Return the connections with the VPC of an entry, the best one of each container."""
    best: dict[str | None, AtlasObject] = {}
    for peer in peers:
        if peer["vpc_id"] == entry["vpc_id"] and entry.get("aws_account_id") in (None, peer["aws_account_id"]):
            other = best.get(peer["container_id"])
            best[peer["container_id"]] = peer if other is None or _rank(peer) < _rank(other) else other
    return best


def _rank(peer: AtlasObject) -> int:
    return _LAST.index(peer["status_name"]) + 1 if peer["status_name"] in _LAST else 0


def _in_region(reading: AtlasReading, region: str | None) -> list[AtlasObject]:
    return [one for one in reading.containers if region is None or to_cloud_region(one["region_name"] or "") == region]


def _only_container(entry: Parameters, reading: AtlasReading) -> Fact[AtlasObject | None]:
    """Return the container that a connection would lead to: that of the region, or the only one."""
    if isinstance(reading.containers, AtlasError):
        return t.cast("Unread", to_fact(reading.containers))
    found = _in_region(reading, entry.get("container_region"))
    if len(found) > 1:
        return Missing("The project has several network containers: set container_region.", "P101")
    return found[0] if found else None


def _with_region(
    params: Parameters, entry: Parameters, peer: Fact[AtlasObject | None], container: Fact[AtlasObject | None]
) -> Connection:
    """Return a connection, in the region that its entry, Atlas's connection or the container tells, in this order."""
    told = [
        entry.get("region"),
        _field(peer, "accepter_region_name"),
        _field(container, "region_name"),
        # Without Atlas, the role's rule: a VPC is where the container is, unless its entry says something else.
        entry.get("container_region"),
    ]
    region = next((to_cloud_region(one) for one in told if one), None)
    fields = ("aws_account_id", "cidr_block", "container_region", "aws_security_group", "route_table_tags", "connection_id")
    tables = entry.get("route_table_ids")
    asked = Entry(
        vpc_id=entry["vpc_id"],
        region=region,
        route_table_ids=tuple(tables) if tables else None,
        atlas_cidr_block=entry.get("atlas_cidr_block"),
        **{name: entry.get(name) for name in fields},
    )
    return Connection(asked, peer, container, credentials_of(params, entry, region))


def _field(fact: Fact[AtlasObject | None], name: str) -> str | None:
    return None if fact is None or isinstance(fact, (Missing, Unread)) else fact[name]
