# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AZURE's half: reads each VNet once, and then each network security group and route table of its subnets once.

Of a kind of which a subscription has many that are wanted, one list is read; what it does not show is read by itself.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, fields, replace
from functools import partial

from .._accounts.session import Ask, CheckSession, side_by_side
from .._azure.objects import ROUTE_TABLE_VERSION, parse_nsg, parse_route_table
from .._azure.session import AzureDeniedError, AzureSession
from .._azure.vnets import VERSION, Vnet, VnetPeering, get_vnet, parse_vnet_reply
from .._clouds.azure import AZURE, vnet_id
from .._engine.options import Parameters
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .._values.json_fields import JsonObject
from .connections import Connection
from .facts import Missing, NetworkFacts, Unread, field_of, named, need_one_answer, to_unread

_OFF = Missing("AZURE was not read: azure is false.")
_READ = "Leave vnet_peerings and virtual_networks out, or set azure to true, to read it."
_READ_EACH = "Read the peerings of each VNet with azure_rm_virtualnetworkpeering_info, or set azure to true."
_OF_VNET = [one.name for one in fields(NetworkFacts) if one.name.startswith("vnet_")]
# From this number on, one list of a subscription takes fewer requests, even if it has pages.
_MANY = 4
# What was read, or the TaskError in its place, by who has asked and by the id of the resource, in lower case.
_Answers = dict[tuple[Ask, str], t.Any]


_Object = t.TypeVar("_Object")


@dataclass(frozen=True)
class _Kind(t.Generic[_Object]):
    """A kind of resource: its name in ids and in sentences, the version of its API, and its parser."""

    name: str
    noun: str
    version: str
    parse: t.Callable[[JsonObject], _Object]


_VNETS = _Kind("virtualNetworks", AZURE.noun, VERSION, lambda reply: parse_vnet_reply(reply, str(reply.get("id"))))
_NSGS = _Kind("networkSecurityGroups", "network security group", VERSION, parse_nsg)
_TABLES = _Kind("routeTables", "route table", ROUTE_TABLE_VERSION, parse_route_table)


def read_azure(
    session: CheckSession, connections: t.Sequence[Connection], *, needs_one: bool = True
) -> dict[Connection, NetworkFacts]:
    """Return the facts about the VNet of each connection.

    Args:
        session: The session of the task.
        connections: The connections with AZURE.
        needs_one: Whether it is an error if nothing can be read, and if credentials cannot be used.

    Raises:
        TaskError: If nothing could be read, and a request failed in another way than by a denial.
    """
    wanted: dict[Connection, tuple[Ask, str]] = {}
    for one in connections:
        directory = one.entry.params["azure_directory_id"] or field_of(one.peer, "azure_directory_id")
        wanted[one] = session.ask_azure(one.credentials, directory, needs_one=needs_one), _name_of(one)
    # A name without a resource group stands for the only VNet with that name in the subscription.
    vnets = _read((ask, _VNETS, name) for ask, name in wanted.values())
    if needs_one:
        need_one_answer(vnets.values(), AzureDeniedError)
    # Of subnets in which there may be clients.
    subnets = [
        (ask, subnet)
        for (ask, _name), vnet in vnets.items()
        if isinstance(vnet, Vnet)
        for subnet in vnet.subnets
        if not subnet.is_reserved
    ]
    parts = _read(
        (ask, kind, name)
        for kind, field in ((_NSGS, "nsg_id"), (_TABLES, "route_table_id"))
        for ask, subnet in subnets
        if (name := getattr(subnet, field))
    )
    return {one: _facts_of(ask, vnets[ask, name.lower()], parts) for one, (ask, name) in wanted.items()}


def given_facts(params: Parameters, connection: Connection) -> NetworkFacts:
    """Return the facts about the VNet of a connection that the options give, where AZURE is not read."""
    entry = connection.entry
    group = _group_of(connection)
    peerings: t.Sequence[VnetPeering] | None = params["vnet_peerings"]
    vnets: t.Sequence[Vnet] | None = params["virtual_networks"]
    if peerings is None and vnets is None:
        return NetworkFacts.none(_OFF)
    subscription = entry.params["azure_subscription_id"]
    of_vnet: list[VnetPeering] | Unread
    of_vnet = [one for one in peerings or () if one.vnet.is_meant(subscription, group, entry.network_id)]
    if peerings and not of_vnet:
        # Azure returns those of one VNet at a time: those of others do not say that it has none.
        of_vnet = Unread(f"vnet_peerings has none of {named(entry.network_title)}.", advice=_READ_EACH)
    return NetworkFacts(
        Unread("vnet_peerings is not given.", advice=_READ) if peerings is None else of_vnet,
        Unread("virtual_networks is not given.", advice=_READ) if vnets is None else _prefixes_of(entry, group, vnets),
        **dict.fromkeys(
            ("vnet_subnets", "vnet_nsgs", "vnet_tables"),
            Unread("AZURE was not read: vnet_peerings or virtual_networks is given.", advice=_READ),
        ),
    )


def _prefixes_of(entry: PeerEntry, group: str | None, vnets: t.Sequence[Vnet]) -> tuple[str, ...] | Unread:
    """Return the address prefixes of a VNet; `Unread` if `virtual_networks` does not have it."""
    subscription = entry.params["azure_subscription_id"]
    found = [one for one in vnets if one.is_meant(subscription, group, entry.network_id)]
    if not found:
        where = f"{f' of resource group {group}' if group else ''} of subscription {named(subscription)}"
        message = f"virtual_networks does not have {named(entry.network_title)}{where}."
        return Unread(message, advice="Read it with azure_rm_virtualnetwork_info, and check the names.")
    return found[0].prefixes


def _read(wanted: t.Iterable[tuple[Ask, _Kind[t.Any], str]]) -> _Answers:
    """Read resources side by side, each once."""
    names = {(ask, name.lower()): (kind, name) for ask, kind, name in wanted}
    counted = Counter((ask, kind, _subscription_of(key)) for (ask, key), (kind, _name) in names.items())
    lists = side_by_side({one: partial(one[0], _list, *one[1:]) for one, count in counted.items() if count >= _MANY})
    # Who may not list a subscription may still read what is in it.
    shown = {
        (ask, key): reply
        for (ask, *_place), found in lists.items()
        if not isinstance(found, TaskError)
        for key, reply in found.items()
    }
    requests = {
        one: partial(_parsed, kind=kind, reply=shown[one]) if one in shown else partial(_get, kind=kind, name=name)
        for one, (kind, name) in names.items()
    }
    return side_by_side({one: partial(one[0], request) for one, request in requests.items()})


def _facts_of(ask: Ask, vnet: Vnet | TaskError | None, parts: _Answers) -> NetworkFacts:
    """Return the facts about a VNet that was asked for; None if AZURE has none."""
    if isinstance(vnet, TaskError):
        # The facts about GCP are missing, and not unread.
        return NetworkFacts(**dict.fromkeys(_OF_VNET, _unread(vnet)))
    if vnet is None:
        return replace(NetworkFacts.none(Missing("Azure has no such VNet.", "A401")), vnet_exists=False)

    def read(ids: t.Iterable[str | None]) -> dict[str, t.Any]:
        keys = sorted({one.lower() for one in ids if one})
        found = {key: parts[ask, key] for key in keys if (ask, key) in parts}
        return {key: _unread(one) if isinstance(one, TaskError) else one for key, one in found.items()}

    return NetworkFacts(
        vnet_peerings=vnet.peerings,
        vnet_prefixes=vnet.prefixes,
        vnet_exists=True,
        vnet_subnets=vnet.subnets,
        vnet_nsgs=read(one.nsg_id for one in vnet.subnets),
        vnet_tables=read(one.route_table_id for one in vnet.subnets),
    )


def _list(session: AzureSession, kind: _Kind[t.Any], subscription: str) -> dict[str, t.Any]:
    """Return the replies about all resources of a kind in a subscription, by id."""
    path = f"/subscriptions/{subscription}/providers/Microsoft.Network/{kind.name}"
    replies = session.list(f"list the {kind.noun}s of subscription {subscription}", path, kind.version)
    return {str(one.get("id")).lower(): one for one in replies}


def _get(session: AzureSession, kind: _Kind[t.Any], name: str) -> object:
    if kind is _VNETS:
        return _get_vnet(session, name)
    description = f"read the {kind.noun} {name}"
    reply = session.read(description, name, kind.version)
    return session.parsed(lambda one: kind.parse(_of_name(one, name)), reply, description)


def _get_vnet(session: AzureSession, name: str) -> Vnet | None:
    subscription, group, vnet = _subscription_of(name), name.split("/")[4], name.split("/")[-1]
    if group:
        return get_vnet(session, name)
    found = [one for one in _list(session, _VNETS, subscription).values() if str(one.get("name")).lower() == vnet.lower()]
    if len(found) != 1:
        # AZURE leaves out of a list what these credentials may not read.
        message = f"Subscription {subscription} shows {len(found) or 'no'} VNets {vnet} to these credentials."
        raise TaskError(message, hint="Set resource_group_name, or vnet_resource_id, of the connection.")
    return _parsed(session, _VNETS, found[0])


def _parsed(session: AzureSession, kind: _Kind[_Object], reply: dict[str, object]) -> _Object:
    return session.parsed(kind.parse, reply, f"read the {kind.noun} {reply.get('id')}")


def _of_name(reply: t.Mapping[str, object], name: str) -> t.Mapping[str, object]:
    """Return a reply, which has to be about the resource that was asked for."""
    if str(reply.get("id")).lower() != name.lower():
        raise ValueError(f"is not {name}")
    return reply


def _name_of(connection: Connection) -> str:
    """Return the id of the VNet of a connection; without a resource group if none is known."""
    entry = connection.entry
    return vnet_id(str(entry.params["azure_subscription_id"]), _group_of(connection) or "", entry.network_id)


def _group_of(connection: Connection) -> str | None:
    """Return the resource group of the VNet of a connection; None if it is not known."""
    own: str | None = connection.entry.params["resource_group_name"]
    return own or field_of(connection.peer, "resource_group_name")


def _subscription_of(name: str) -> str:
    return name.split("/")[2]


def _unread(error: TaskError) -> Unread:
    return to_unread(error, error.permission if isinstance(error, AzureDeniedError) and error.hint else None)
