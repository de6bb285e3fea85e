# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AZURE's half: reads each VNet once, and then each network security group and route table of its subnets once.

Of a kind of which a subscription has many that are wanted, one list is read; what it does not show is read by itself.
"""

from __future__ import annotations

import json
import typing as t
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from .._azure.errors import AzureDeniedError
from .._azure.objects import ROUTE_TABLE_VERSION, parse_nsg, parse_route_table
from .._azure.vnets import VERSION, Vnet, get_vnet, parse_vnet_reply
from .._clouds.azure import AZURE, vnet_id
from .._http.errors import AuthError, NoAnswerError, TaskError
from .connections import Connection
from .credentials import azure_names
from .facts import Missing, NetworkFacts, Unread, field_of, need_one_answer
from .rules.client_ranges import has_clients
from .session import CheckSession

if t.TYPE_CHECKING:
    from .._azure.session import AzureSession

# From this number on, one list of a subscription takes fewer requests, even if it has pages.
_MANY = 4
# Names the sign-in: credentials, and the directory.
_Key = tuple[str, str]


@dataclass(frozen=True)
class _Kind:
    """A kind of resource: its name in ids and in sentences, the version of its API, and its parser."""

    name: str
    noun: str
    version: str
    parse: t.Callable[[t.Mapping[str, t.Any]], t.Any]


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
    readers: dict[_Key, _Reader] = {}
    wanted: dict[Connection, tuple[_Reader, str]] = {}
    for one in connections:
        directory = one.entry.azure_directory_id or field_of(one.peer, "azure_directory_id")
        key = json.dumps(dict(one.credentials), sort_keys=True, default=str), str(directory).lower()
        if key not in readers:
            try:
                with azure_names():
                    readers[key] = _Reader(session.open_azure(one.credentials, directory))
            except TaskError as error:
                if needs_one:
                    raise
                readers[key] = _Reader(None, error)
        wanted[one] = readers[key], _name_of(one)
    for reader in readers.values():
        reader.read_vnets([name for own, name in wanted.values() if own is reader])
    if needs_one:
        need_one_answer([reader.vnets[name.lower()] for reader, name in wanted.values()], AzureDeniedError)
    for reader in readers.values():
        reader.read_parts()
    return {one: reader.facts_of(name) for one, (reader, name) in wanted.items()}


class _Reader:
    """Reads with one set of credentials. Names are ids of resources, in lower case where they are keys.

    Attributes:
        vnets: Each VNet that was asked for; None if there is none, or the error.
    """

    def __init__(self, session: AzureSession | None, failure: TaskError | None = None) -> None:
        self._session = t.cast("AzureSession", session)
        self.vnets: dict[str, Vnet | TaskError | None] = {}
        self._parts: dict[str, t.Any] = {}
        # Why no further request is sent: what failed is not about one resource.
        self._failure = failure

    def read_vnets(self, names: t.Iterable[str]) -> None:
        """Read VNets; a name without a resource group stands for the only VNet with that name in the subscription."""
        for name, ask in self._questions(_VNETS, names, self._get_vnet):
            self.vnets[name] = self._ask(ask)

    def read_parts(self) -> None:
        """Read what the subnets of the VNets refer to, if clients may be in them."""
        vnets = [one for one in self.vnets.values() if isinstance(one, Vnet)]
        subnets = [one for vnet in vnets for one in vnet.subnets if has_clients(one.name)]
        for kind, names in ((_NSGS, [one.nsg_id for one in subnets]), (_TABLES, [one.route_table_id for one in subnets])):
            for name, ask in self._questions(kind, filter(None, names), partial(self._get, kind)):
                self._parts[name] = self._ask(ask)

    def facts_of(self, name: str) -> NetworkFacts:
        """Return the facts about a VNet that was asked for."""
        vnet = self.vnets[name.lower()]
        if isinstance(vnet, TaskError):
            return NetworkFacts.none(_unread(vnet))
        if vnet is None:
            return replace(NetworkFacts.none(Missing("Azure has no such VNet.", "A401")), vnet_exists=False)
        nsgs = {one.nsg_id.lower() for one in vnet.subnets if one.nsg_id}
        tables = {one.route_table_id.lower() for one in vnet.subnets if one.route_table_id}
        return NetworkFacts(
            vnet_peerings=vnet.peerings,
            vnet_prefixes=vnet.prefixes,
            vnet_exists=True,
            vnet_subnets=vnet.subnets,
            vnet_nsgs=self._facts_of_parts(nsgs),
            vnet_tables=self._facts_of_parts(tables),
        )

    def _facts_of_parts(self, keys: t.Iterable[str]) -> dict[str, t.Any]:
        """Return those that were read or refused, by id."""
        found = {key: self._parts[key] for key in sorted(keys) if key in self._parts}
        return {key: _unread(one) if isinstance(one, TaskError) else one for key, one in found.items()}

    def _questions(
        self, kind: _Kind, names: t.Iterable[str], get: t.Callable[[str], t.Any]
    ) -> t.Iterator[tuple[str, t.Callable[[], t.Any]]]:
        """Yield each name once, with a function that returns the resource."""
        wanted = {one.lower(): one for one in names}
        subscriptions: dict[str, list[str]] = {}
        for key in wanted:
            subscriptions.setdefault(key.split("/")[2], []).append(key)
        for subscription, keys in subscriptions.items():
            shown: t.Mapping[str, t.Any] = {}
            if len(keys) >= _MANY and self._failure is None:
                # Who may not list a subscription may still read what is in it.
                with suppress(TaskError):
                    shown = self._list(kind, subscription)
            for key in keys:
                reply = shown.get(key)
                yield key, partial(get, wanted[key]) if reply is None else partial(self._parsed, kind, reply)

    def _ask(self, ask: t.Callable[[], t.Any]) -> t.Any:
        """Return an answer, or the TaskError."""
        if self._failure is not None:
            return self._failure
        try:
            with azure_names():
                return ask()
        except TaskError as error:
            # A refusal by AZURE has a code, and is about one resource or one subscription.
            if isinstance(error, NoAnswerError) or (isinstance(error, AuthError) and error.error_code is None):
                self._failure = error
            return error

    def _list(self, kind: _Kind, subscription: str) -> dict[str, t.Any]:
        """Return the replies about all resources of a kind in a subscription, by id."""
        path = f"/subscriptions/{subscription}/providers/Microsoft.Network/{kind.name}"
        replies = self._session.list(f"list the {kind.noun}s of subscription {subscription}", path, kind.version)
        return {str(one.get("id")).lower(): one for one in replies}

    def _get_vnet(self, name: str) -> Vnet | None:
        subscription, group, vnet = name.split("/")[2], name.split("/")[4], name.split("/")[-1]
        if group:
            return get_vnet(self._session, name)
        found = [one for one in self._list(_VNETS, subscription).values() if str(one.get("name")).lower() == vnet.lower()]
        if len(found) != 1:
            # AZURE leaves out of a list what these credentials may not read.
            message = f"Subscription {subscription} shows {len(found) or 'no'} VNets {vnet} to these credentials."
            raise TaskError(message, hint="Set resource_group_name, or vnet_resource_id, of the connection.")
        return t.cast("Vnet", self._parsed(_VNETS, found[0]))

    def _get(self, kind: _Kind, name: str) -> t.Any:
        description = f"read the {kind.noun} {name}"
        reply = self._session.read(description, name, kind.version)
        return self._session.parsed(lambda one: kind.parse(_of_name(one, name)), reply, description)

    def _parsed(self, kind: _Kind, reply: dict[str, t.Any]) -> t.Any:
        return self._session.parsed(kind.parse, reply, f"read the {kind.noun} {reply.get('id')}")


def _of_name(reply: t.Mapping[str, t.Any], name: str) -> t.Mapping[str, t.Any]:
    """Return a reply, which has to be about the resource that was asked for."""
    if str(reply.get("id")).lower() != name.lower():
        raise ValueError(f"is not {name}")
    return reply


def _name_of(connection: Connection) -> str:
    """Return the id of the VNet of a connection; without a resource group if none is known."""
    entry = connection.entry
    group = entry.resource_group_name or field_of(connection.peer, "resource_group_name") or ""
    return vnet_id(str(entry.azure_subscription_id), group, str(entry.vnet_name))


def _unread(error: TaskError) -> Unread:
    if isinstance(error, AzureDeniedError) and error.hint:
        # The finding gives its own advice on permissions.
        return Unread(error.message, error.permission)
    return Unread(str(error))
