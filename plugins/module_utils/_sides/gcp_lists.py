# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reads of networks in GCP for the entries of a list: one list of networks for each project and its credentials."""

from __future__ import annotations

import json
import typing as t
from functools import partial

from .._accounts.credentials import gcp_credentials_of, gcp_names
from .._accounts.session import CheckSession
from .._clouds.cloud import Fields, Peer, fields_of
from .._clouds.gcp import GCP, network_path
from .._engine.options import Parameters
from .._engine.plan import grouped
from .._engine.side import Owner, Query, Replies
from .._entries.parser import PeerEntry
from .._gcp.credentials import DEFAULT_SCOPES
from .._gcp.network import NetworkState
from .._gcp.networks import Networks, list_networks, list_subnets
from .._gcp.session import GcpDeniedError
from .path_state import if_known, owned_by

_ABSENT = NetworkState(exists=False)
# Credentials, as text, and a project.
_Key = tuple[str, str]
# Networks by name; one that does not exist may be missing.
_Networks = t.Mapping[str, NetworkState]


class EntryNetworks(Networks):
    """Requests about the network of an entry, whose errors name the options of the list."""

    look = gcp_names()(Networks.look)
    change = gcp_names()(Networks.change)
    follow = gcp_names()(Networks.follow)


class NetworkLists:
    """Lists the networks of the entries, and finds those of other connections. Its calls may run in threads.

    Args:
        params: The options of the task.
        entries: The entries whose networks it reads.
        session: The services that the task talks to.
    """

    def __init__(self, params: Parameters, entries: t.Iterable[PeerEntry], session: CheckSession) -> None:
        self._params, self._session = params, session
        self._entries: dict[_Key, list[PeerEntry]] = {}
        self._key_of: dict[str, _Key] = {}
        self._credentials: dict[str, Parameters] = {}
        # The lists as first read, and the keys of those that may not be read.
        self._first: dict[_Key, _Networks] = {}
        self._denied: set[_Key] = set()
        for entry in entries:
            credentials = gcp_credentials_of(entry.task, entry.params, DEFAULT_SCOPES)
            key = self._key_of[entry.key] = _key(credentials, str(entry.params["gcp_project_id"]))
            self._credentials[entry.key] = credentials
            self._entries.setdefault(key, []).append(entry)

    def first_queries(self) -> list[Query]:
        """Return a query for each list."""
        return [Query(key, partial(self._read_for, own), _keys(own)) for key, own in self._entries.items()]

    def take(self, replies: Replies) -> t.Mapping[Owner, NetworkState]:
        """Keep the lists as first read, and return the network of each entry."""
        self._first = {key: replies[key] for key in self._entries}
        return {entry.key: _find(self._first[key], entry) for key, own in self._entries.items() for entry in own}

    def queries(self, entries: t.Iterable[PeerEntry]) -> list[Query]:
        """Return a query for each list that has the networks of some entries."""
        groups = grouped([(self._key_of[entry.key], entry) for entry in entries])
        return [Query(key, partial(self._read_all, own), _keys(own)) for key, own in groups.items()]

    def _read_all(self, entries: t.Sequence[PeerEntry]) -> dict[t.Hashable, NetworkState]:
        """Return the networks of entries of one list, by their keys."""
        listed = self._read_for(entries)
        return {entry.key: _find(listed, entry) for entry in entries}

    def _read_for(self, entries: t.Sequence[PeerEntry]) -> _Networks:
        names = [entry.params[GCP.network] for entry in entries]
        return self._read(str(entries[0].params["gcp_project_id"]), self._credentials[entries[0].key], names)

    def requests(self, params: Parameters, entry: PeerEntry | None = None) -> Networks:
        """Return the requests about a network that was read, with its open session."""
        credentials = self._credentials_for(params["gcp_project_id"]) if entry is None else self._credentials[entry.key]
        return EntryNetworks(self._session.open_gcp(credentials), params)

    def look_at(self, peer: Peer) -> NetworkState | None:
        """Return the network of any connection; None if the task has no credentials for its project.

        Raises:
            TaskError: If it cannot be read for another reason.
        """
        fields = fields_of(peer)
        project, name = fields["gcp_project_id"], fields[GCP.network]
        whole = (found for key, found in self._first.items() if key[1] == project and key not in self._denied)
        listed = next(whole, None)
        if listed is None:
            listed = if_known(lambda: self._read(project, self._credentials_for(project), (name,)))
        return None if listed is None else listed.get(name, _ABSENT)

    def read_blocks(self, network: Fields) -> dict[str, tuple[str, ...]]:
        """Return the ranges of the subnets of all networks in the project of one, by name.

        Raises:
            TaskError: If they cannot be read.
        """
        project = network["gcp_project_id"]
        credentials = self._credentials_for(project)
        with gcp_names():
            found = list_subnets(self._session.open_gcp(credentials), project)
        return {name: tuple(one.cidr_block for one in ranges) for name, ranges in found.items()}

    def _credentials_for(self, project: str) -> Parameters:
        """Return the credentials of an entry in a project, or else those of the task."""
        entry = owned_by(project, GCP, (one for own in self._entries.values() for one in own))
        return gcp_credentials_of(self._params, {}, DEFAULT_SCOPES) if entry is None else self._credentials[entry.key]

    def _read(self, project: str, credentials: Parameters, names: t.Iterable[str]) -> _Networks:
        """Return the networks of a project. Credentials that cannot list all may still read one.

        Raises:
            TaskError: If they cannot be read.
        """
        key = _key(credentials, project)
        with gcp_names():
            session = self._session.open_gcp(credentials)
            if key not in self._denied:
                try:
                    listed = list_networks(session, project)
                    return {name: NetworkState(exists=True, peerings=one.peerings) for name, one in listed.items()}
                except GcpDeniedError:
                    self._denied.add(key)
            params = {name: {GCP.network: name, "local": network_path(project, name)} for name in names}
            return {name: Networks(session, one).look(may_be_missing=True) for name, one in params.items()}


def _keys(entries: t.Iterable[PeerEntry]) -> tuple[str, ...]:
    return tuple(entry.key for entry in entries)


def _key(credentials: Parameters, project: str) -> _Key:
    return json.dumps(dict(credentials), sort_keys=True, default=str), project


def _find(listed: _Networks, entry: PeerEntry) -> NetworkState:
    return listed.get(entry.params[GCP.network], _ABSENT)
