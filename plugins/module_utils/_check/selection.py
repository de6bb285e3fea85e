# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the options select in the network of each connection. An id counts for the VPC that has it; one in no VPC is an error."""

from __future__ import annotations

import ipaddress
import typing as t

from .._aws.survey import Survey
from .._engine.options import Parameters
from .._http.errors import InvalidOptionError, TaskError
from .._values.blocks import is_within
from .atlas_half import AtlasReading
from .facts import ConnectionFacts, Missing, Selection, Unread, local_addresses_of

# By option, the VPC of each id that AWS has shown.
Places = t.Mapping[str, t.Mapping[str, str]]
# The kind of object that each option names, and the field with its id.
_KINDS = {"subnet_ids": ("subnets", "id"), "security_group_ids": ("groups", "id"), "instance_ids": ("interfaces", "instance_id")}


def find_places(params: Parameters, surveys: t.Collection[Survey | TaskError], vpc_ids: t.Collection[str]) -> Places:
    """Return the VPC of each id in the options.

    Args:
        params: The options.
        surveys: The surveys of AWS, or their TaskErrors.
        vpc_ids: The VPCs.

    Raises:
        InvalidOptionError: If an id is in none of them, although everything that could have it was read.
    """
    places = {}
    for option, (kind, field) in _KINDS.items():
        answers = [one if isinstance(one, TaskError) else one.answers.get((kind,), []) for one in surveys]
        read = [one for one in answers if not isinstance(one, TaskError)]
        found = {getattr(one, field): one.vpc_id for answer in read for one in answer if one.vpc_id in vpc_ids}
        unknown = [one for one in params[option] or () if one not in found]
        if unknown and len(read) == len(answers):
            raise InvalidOptionError(
                f"{option}: {', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} in none of "
                f"{', '.join(sorted(vpc_ids)) or 'the VPCs, of which there are none'}.",
                hint=f"Correct {option}, or check that the credentials and the region are those of the VPC.",
            )
        places[option] = found
    return places


def check_clusters(params: Parameters, reading: AtlasReading | None) -> None:
    """Check that each cluster that the options name exists.

    Args:
        params: The options.
        reading: What was read of Atlas; None if its half is off.

    Raises:
        InvalidOptionError: If one does not, although the clusters were read.
    """
    named = params["clusters"]
    lists = [reading.clusters, reading.flex_clusters or []] if reading is not None else []
    known = [one for one in lists if not isinstance(one, TaskError)]
    if not named or known != lists:
        return
    names = [cluster["name"] for one in known for cluster in one]
    unknown = [one for one in named if one not in names]
    if unknown:
        raise InvalidOptionError(
            f"clusters: project {params['group_id']} has no {', '.join(unknown)}.",
            hint=f"It has {', '.join(sorted(names))}." if names else "It has no clusters.",
        )


def check_tables(params: Parameters, found: t.Sequence[ConnectionFacts]) -> None:
    """Check that the tables of each entry are tables of its VPC.

    Args:
        params: The options.
        found: The facts on all connections.

    Raises:
        InvalidOptionError: If one is not, although all tables of the VPC were read.
    """
    for index, entry in enumerate(params["connections"] or ()):
        vpc_id, named = entry["vpc_id"] or "", tuple(entry["route_table_ids"] or ())
        answers = [one.aws.route_tables for one in found if (one.entry.vpc_id, one.entry.route_table_ids) == (vpc_id, named)]
        read = [answer for answer in answers if not isinstance(answer, (Missing, Unread))]
        known_ids = {table.id for answer in read for table in answer}
        unknown = [one for one in named if one not in known_ids]
        # Without the VPC there are no tables, and P404 says so.
        if unknown and len(read) == len(answers):
            option = f"connections[{index}].route_table_ids"
            are = "is no route table" if len(unknown) == 1 else "are no route tables"
            raise InvalidOptionError(f"{option}: {', '.join(unknown)} {are} of {vpc_id}.", hint=f"Correct {option}.")


def to_selection(
    params: Parameters, places: Places, vpc_id: str, own: t.Iterable[str], others: t.Iterable[t.Iterable[str]]
) -> Selection:
    """Return what the options select in one network.

    An id whose VPC is not known may be in any VPC, so it counts for each.

    Args:
        params: The options.
        places: The VPC of each id.
        vpc_id: The VPC; empty for a network of another cloud.
        own: The blocks of the network.
        others: The blocks of each other network, whose clients do not count here unless they may be in this one, too.
    """
    ids = {name: [one for one in params[name] or () if vpc_id and places[name].get(one, vpc_id) == vpc_id] for name in _KINDS}
    here, *elsewhere = ([ipaddress.IPv4Network(block) for block in blocks] for blocks in (own, *others))
    clients = [
        str(block)
        for block in map(ipaddress.IPv4Network, params["client_cidr_blocks"] or ())
        if is_within(block, here) or not any(is_within(block, network) for network in elsewhere)
    ]
    away = [block for network in elsewhere for block in network]
    probes = [one for one in params["probes"] or () if _may_be_in(one, here, away)]
    lists = {**ids, "clusters": params["clusters"], "client_cidr_blocks": clients, "probes": probes}
    return Selection(**{name: tuple(values) if values else None for name, values in lists.items()})


def find_stray_probes(params: Parameters, networks: t.Collection[t.Collection[str]]) -> tuple[t.Mapping[str, object], ...]:
    """Return the probes on hosts that are in none of the networks, given their blocks; none if some of these are not known."""
    if not all(networks):
        return ()
    blocks = [ipaddress.IPv4Network(block) for network in networks for block in network]
    return tuple(one for one in params["probes"] or () if local_addresses_of(one) and not _is_in(one, blocks))


def _may_be_in(
    probe: t.Mapping[str, object], here: t.Collection[ipaddress.IPv4Network], elsewhere: t.Collection[ipaddress.IPv4Network]
) -> bool:
    """Whether a probe may have been made in a network: by its addresses, if it has some, and the network's blocks are known."""
    if not local_addresses_of(probe) or _is_in(probe, here):
        return True
    return not here and not _is_in(probe, elsewhere)


def _is_in(probe: t.Mapping[str, object], blocks: t.Iterable[ipaddress.IPv4Network]) -> bool:
    addresses = [ipaddress.ip_address(one) for one in local_addresses_of(probe)]
    return any(address in block for block in blocks for address in addresses)
