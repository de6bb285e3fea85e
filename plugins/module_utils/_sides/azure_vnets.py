# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The VNets of a list: their reads, the role that each should have, and why a role stays."""

from __future__ import annotations

import typing as t
from functools import partial

from .._accounts.credentials import azure_credentials_of, azure_names
from .._accounts.session import CheckSession
from .._azure.access import Access
from .._azure.plan import AccessState, peerings_with_atlas, plan_absent, plan_present
from .._azure.vnets import Vnet, get_vnet
from .._clouds.azure import AZURE, VnetId, is_atlas_network, parse_vnet_id, role_name, vnet_id
from .._clouds.cloud import BLOCK, Fields, Peer, fields_of
from .._clouds.clouds import cloud_of
from .._engine.options import Parameters
from .._engine.plan import Plan, grouped
from .._entries.parser import PeerEntry
from .._resources.containers import Container
from .._values.blocks import do_overlap
from .path_state import PathState, if_known, owned_by


class VnetAccess(Access):
    """Requests about the VNet of entries, whose errors name the options of the list."""

    look = azure_names()(Access.look)
    look_at_vnet = azure_names()(Access.look_at_vnet)
    send = azure_names()(Access.send)


class VnetReads:
    """Reads the VNets of a list, and those of other connections. Its calls may run in threads.

    Args:
        params: The options of the task.
        entries: The entries with VNets.
        session: The services that the task talks to.
    """

    def __init__(self, params: Parameters, entries: t.Sequence[PeerEntry], session: CheckSession) -> None:
        self._params, self._entries, self._session = params, entries, session

    def look(self, fields: Fields, directory: str | None, wanted: str, entry: PeerEntry | None = None) -> AccessState:
        """Return what Atlas may do at a VNet.

        Args:
            fields: The names of the VNet.
            directory: Its directory, if it is known.
            wanted: The `state`.
            entry: The entry whose credentials are used; None for those of the subscription.

        Raises:
            TaskError: If it cannot be read.
        """
        return self.requests(self.make_params(fields, wanted, ()), directory, entry).look()

    def look_at_pruned(self, peer: Peer) -> AccessState | None:
        """Return what Atlas may do at the VNet of a connection; None if the task has no credentials for its subscription.

        Raises:
            TaskError: If it cannot be read for another reason.
        """
        fields = fields_of(peer)
        return if_known(lambda: self.look(fields, fields["azure_directory_id"], "absent"))

    @azure_names()
    def requests(self, params: Parameters, directory: str | None, entry: PeerEntry | None = None) -> Access:
        """Return the requests about a VNet, with its session."""
        fields = parse_vnet_id(params["scope"])._asdict()
        return VnetAccess(self._session.open_azure(self._credentials(fields, entry), directory), params)

    def read_blocks(self, network: Fields) -> dict[str, tuple[str, ...]]:
        """Return the blocks of a VNet, by its name in lower case; none if it does not exist.

        Raises:
            TaskError: If it cannot be read.
        """
        credentials = self._credentials(network, None)
        with azure_names():
            vnet = get_vnet(self._session.open_azure(credentials, network["azure_directory_id"]), scope_of(network))
        return {} if vnet is None else {vnet.name.lower(): vnet.prefixes}

    def _credentials(self, fields: Fields, entry: PeerEntry | None) -> Parameters:
        """Return the credentials of an entry or of one in the same subscription, or else those of the task."""
        entry = entry or owned_by(str(fields[AZURE.owner]), AZURE, self._entries)
        return azure_credentials_of(self._params, {}) if entry is None else azure_credentials_of(entry.task, entry.params)

    def make_params(self, fields: Fields, wanted: str, ending: tuple[str, ...]) -> Parameters:
        """Return the options of the front for the role on a VNet.

        Args:
            fields: The names of the VNet.
            wanted: The `state`.
            ending: The networks of Atlas whose peerings with it end first.
        """
        return {
            "state": wanted,
            "scope": scope_of(fields),
            "role_name": name_of_role(fields),
            "role": None,
            "atlas_vnet_names": ending,
            "wait_timeout": self._params["wait_timeout"],
            "wait_sleep": self._params["wait_sleep"],
        }


class RoleTerms:
    """What the list and Atlas set for the role on each VNet.

    Args:
        params: The options of the task.
        entries: The entries, of which those with the same VNet share its role.
        reader: Makes the options of roles.
        path: What is known of both sides.

    Attributes:
        is_present: Whether the task connects.
        groups: The entries of each VNet, by its resource id in lower case.
        directories: The directory of each VNet, by the same ids, as far as known.
        ending: Atlas's networks whose peerings with a VNet end because this task removes their connections, by the same ids.
    """

    def __init__(self, params: Parameters, entries: t.Iterable[PeerEntry], reader: VnetReads, path: PathState) -> None:
        self._params, self._reader, self._path = params, reader, path
        self.is_present = params["state"] == "present"
        self.groups = grouped([(scope_of(entry.params).lower(), entry) for entry in entries])
        self.directories: dict[t.Hashable, str | None]
        self.directories = {key: self.find_directory(group, ()) for key, group in self.groups.items()}
        self.ending: dict[str, tuple[str, ...]] = {}

    def find_directory(self, group: t.Sequence[PeerEntry], peers: t.Iterable[Peer]) -> str | None:
        """Return the directory of a VNet from an entry or a connection in Atlas; None if neither has it."""
        own = (entry.params["azure_directory_id"] for entry in group)
        of_atlas = (fields_of(peer)["azure_directory_id"] for peer in peers if is_at(peer, group[0].params))
        return next(filter(None, (*own, *of_atlas)), None)

    def entries_of(self, owner: t.Hashable) -> t.Sequence[str]:
        """Return the entries with a VNet, or the pruned connection whose role it is."""
        return [entry.key for entry in self.groups[str(owner)]] if owner in self.groups else [str(owner)]

    def show(self, owner: t.Hashable, access: AccessState) -> None:
        """Let others know what Atlas may do at a VNet."""
        self._path.azure.update(dict.fromkeys(self.entries_of(owner), access))

    def directory_of(self, key: t.Hashable) -> str:
        """Return the directory of a VNet in lower case: its service principal is for all its VNets."""
        return str(self.directories[key]).lower()

    def look(self, key: str) -> t.Callable[[], AccessState]:
        """Return a call that reads a VNet, and what Atlas may do there."""
        first = self.groups[key][0]
        return partial(self._reader.look, first.params, self.directories[key], self._params["state"], first)

    def begin(self) -> None:
        """Find the peerings that end, once the connection and container of each entry are known."""
        self.ending = {key: _find_ending([entry.key for entry in own], self._path) for key, own in self.groups.items()}

    def params_of(self, key: str, ending: tuple[str, ...] | None = None) -> Parameters:
        """Return the options of the front for the role on a VNet, with those networks whose end is waited for."""
        waits = self.ending.get(key, ()) if ending is None else ending
        return self._reader.make_params(self.groups[key][0].params, self._params["state"], waits)

    def plan(self, key: str, access: AccessState) -> Plan:
        """Plan the role on a VNet.

        Raises:
            TaskError: If a role that others have made has its name.
        """
        if self.is_present:
            return plan_present(self.params_of(key), access)
        # A connection that stays may not show in AZURE yet.
        stays = find_staying(self.groups[key][0], self._path) is not None
        return Plan() if stays else plan_absent(self.params_of(key), access)

    def find_overlaps(self, entry: PeerEntry, access: AccessState) -> list[str]:
        """Return a sentence for each block of the VNet, and of its peerings, that overlaps the block of Atlas's network."""
        container = self._path.container_of.get(entry.key)
        block = entry.params["container_cidr_block"] if container is None else container.get(BLOCK)
        own = None if container is None else atlas_network(container)
        found = _blocks_of(t.cast(Vnet, access.vnet), own, is_known=bool(self._params["atlas"]))
        return [
            f"The block {own_block} {words} overlaps the block {block} of the network container, so they cannot be peered. "
            "Use a network container with another block."
            for own_block, words in found
            if do_overlap(own_block, block)
        ]


def scope_of(fields: Fields) -> str:
    """Return the resource id of the VNet of an entry, or of a connection."""
    return vnet_id(*_names_of(fields))


def name_of_role(fields: Fields) -> str:
    """Return the name of the role on a VNet."""
    return role_name(_names_of(fields))


def _names_of(fields: Fields) -> VnetId:
    return VnetId(*(str(fields[name]) for name in VnetId._fields))


def is_at(peer: Peer, fields: Fields) -> bool:
    """Whether a connection is one to the VNet of an entry, or of another connection."""
    return cloud_of(peer) is AZURE and AZURE.is_same_network(fields_of(peer), fields)


def atlas_network(container: Container) -> str | None:
    """Return the name of Atlas's network of a container; None if it is not known."""
    return fields_of(container).get("atlas_vnet_name")


def _find_ending(keys: t.Iterable[str], state: PathState) -> tuple[str, ...]:
    """Return the networks of Atlas whose peerings with a VNet end because this task removes their connections.

    Args:
        keys: The entries with the VNet.
        state: The state.
    """
    owns = [key for key in keys if state.peer_of(key) is not None]
    containers = [state.container_of[key] for key in owns if key in state.container_of]
    return tuple(name for container in containers if (name := atlas_network(container)))


def _blocks_of(vnet: Vnet, own: str | None, *, is_known: bool) -> list[tuple[str, str]]:
    """Return the blocks of a VNet and of its peerings, each with its place in a sentence; not those of Atlas's own network.

    Args:
        vnet: The VNet.
        own: The name of Atlas's network; None if there is none yet.
        is_known: Whether the task knows Atlas's network; otherwise it may be any network of Atlas.
    """
    found = [(block, "of the VNet") for block in vnet.prefixes]
    for peering in vnet.peerings:
        name = peering.remote_name
        is_own = name.lower() == (own or "").lower() != "" if is_known else is_atlas_network(name)
        words = f"of {name or 'a network that is not known'}, with which the VNet has the peering {peering.name},"
        found += [] if is_own else [(block, words) for block in peering.prefixes]
    return found


def staying_at(fields: Fields, leaving: t.Container[str], state: PathState) -> Peer | None:
    """Return a connection to a VNet that stays in the project and needs the role; None if there is none."""
    ended = (AZURE.failed, AZURE.terminating)
    listed = (peer for peer in state.peers.listed if is_at(peer, fields) and peer["id"] not in leaving)
    return next((peer for peer in listed if peer["status_name"] not in ended), None)


def find_staying(entry: PeerEntry, state: PathState) -> Peer | None:
    """Return a connection to the VNet of an entry that stays because no entry means it; None if there is none."""
    leaving = {peer["id"] for own in state.peers.entries.values() for peer in (own.peer, *own.dying) if peer is not None}
    return staying_at(entry.params, leaving, state)


def why_role_stays(entry: PeerEntry, state: PathState) -> str | None:
    """Return why Atlas may still peer with the VNet of a disconnected entry, in a sentence; None if it may not."""
    access, title = state.azure.get(entry.key), f"The role of Atlas on {entry.name} in {AZURE.name} stays, because"
    if access is None or access.to_result() is None:
        return None
    user = find_staying(entry, state)
    if user is not None:
        return f"{title} the connection {user['id']} of this project still needs it."
    at_vnet = [key for key, other in state.azure.items() if other.vnet is not None and other.vnet == access.vnet]
    here = [key for key in at_vnet if key not in state.failures]
    ended = {name.lower() for name in _find_ending(here, state)}
    peerings = (peering for peering in peerings_with_atlas(access) if peering.remote_name.lower() not in ended)
    names = [f"{peering.name} ({peering.state})" for peering in peerings]
    if names:
        return f"{title} the peering {', '.join(names)} of the VNet still needs it."
    return f"{title} this collection has not made it, or not its assignment above the VNet."
