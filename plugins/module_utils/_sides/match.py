# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the VPC peering connection that the options mean, and what makes Atlas refuse one, before or after a request."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._clouds.cloud import Cloud, Fields, Peer, fields_of
from .._clouds.clouds import block_of, identity_of
from .._engine.options import check_shown
from .._http.errors import ApiError, ConflictError, InvalidOptionError, TaskError, as_name, as_option
from .._resources.containers import Container
from .._resources.peers import ALREADY_EXISTS, VpcPeers
from .._values.blocks import do_overlap
from .connection import CreatePeer, HolderError, OtherCloudError, PeerState, UpdatePeer, role_failure
from .container_choice import ContainerChoice


class PeerMatch:
    """Finds the connection to the network of the options, in the container that they choose, or by its id.

    Args:
        peers: The connections.
        choice: The container, with the options; the facts that it needs are read.
    """

    def __init__(self, peers: VpcPeers, choice: ContainerChoice) -> None:
        self.peers = peers
        self.choice = choice
        self._params = choice.params
        self._identity = {name: self._params[name] for name in peers.provider.identity}
        # The ids of connections that this task has seen gone. Atlas's list may lag behind, and still show them.
        self._gone: set[str] = set()
        # The container of the connection with peer_id, if that is gone or will be replaced.
        self._container_id: str | None = None
        # Whether peer_id names a connection that will be replaced by one with another identity.
        self._is_moving = False
        # Kept once set: if several connections are being removed, they may differ.
        self._template: Peer | None = None

    @property
    def identity(self) -> tuple[str | None, ...]:
        """The values that name the network of the options."""
        return identity_of(self._identity)

    def look(self, found: Peer | None = None) -> PeerState:
        """Read the connection.

        Args:
            found: The connection with `peer_id`, if it has just been read.

        Raises:
            TaskError: If more than one is alive, or the one with `peer_id` does not fit the other options.
        """
        params = self._params
        peer_id = params["peer_id"] if params["peer_id"] not in self._gone else None
        peer = found or (self.peers.get_peer(peer_id) if peer_id is not None else None)
        # An earlier run may have replaced it with one that has another id, or may have stopped half-way.
        is_again = params["recreate"] != "never" and params["state"] == "present"
        may_be_replaced = is_again and None not in self._identity.values()
        if peer is not None:
            state = self._named(peer, may_be_replaced and params["recreate"] == "changed")
        elif peer_id is not None and not may_be_replaced:
            state = PeerState(None, needs_id=True)
        else:
            state = self.choose(self.peers.list_peers())
        if len(state.dying) == 1 and not self._gone:
            self._template = state.dying[0]
        return replace(state, template=self._template)

    def _named(self, peer: Peer, may_move: bool) -> PeerState:
        """Return the state for the connection with `peer_id`. With `may_move`, a new one with another identity may replace it.

        Raises:
            TaskError: If it does not fit the other options, or more than one match them.
        """
        if peer["provider_name"] != self.peers.provider.name:
            raise OtherCloudError(peer, self.peers.provider.name)
        wanted = (name for name, value in self._identity.items() if value is not None)
        check_shown(f"VPC peering connection {peer['id']}", peer, wanted)
        if not may_move or self.with_identity(self.choice.select([peer])):
            self._check(peer)
            return PeerState(peer, (peer,) if self._is_dying(peer) else ())
        self._is_moving = True
        if self._params["container_id"] is None and self._params["container_region_name"] is None:
            # Only the customer's network changes, so the new connection stays in the container.
            self._container_id = peer["container_id"]
        state = self.choose(self.peers.list_peers())
        return state if self._is_dying(peer) else replace(state, old=peer)

    def choose(self, listed: t.Sequence[Peer]) -> PeerState:
        """Choose the connection from a list of all connections of the project.

        Raises:
            TaskError: If more than one is alive, or Atlas does not report of one whether it is the one.
        """
        own = self.with_identity(listed)
        for peer in [] if own else listed:
            names = self.peers.provider.differing(self._identity, peer)
            if all(fields_of(peer)[name] is None for name in names):
                check_shown(f"VPC peering connection {peer['id']}", peer, names)
        matches = self.choice.select(own)
        matches = [peer for peer in matches if self._container_id in (None, peer["container_id"])]
        live = [peer for peer in matches if not self._is_dying(peer)]
        if len(live) > 1:
            raise self._ambiguous(live)
        return PeerState(next(iter(live or matches), None), () if live else tuple(matches), tuple(listed))

    def warn_of_others(self, state: PeerState) -> tuple[str, ...]:
        """Return a warning if there is no connection in the region of the options, no container either, and one elsewhere."""
        live = [peer for peer in self.with_identity(state.listed or ()) if not self._is_dying(peer)]
        return self.choice.warn_of_others(live) if state.peer is None else ()

    def forget(self, peers: t.Iterable[Peer]) -> None:
        """Record that connections are gone. The identity and container of the one with `peer_id` then replace the options."""
        for peer in peers:
            self._gone.add(peer["id"])
            if peer["id"] == self._params["peer_id"] and not self._is_moving:
                self._identity = {name: fields_of(peer)[name] for name in self._identity}
                self._container_id = peer["container_id"]

    def is_gone(self, peer: Peer) -> bool:
        """Whether this task has seen that a connection is gone."""
        return peer["id"] in self._gone

    def explain(
        self, request: CreatePeer | UpdatePeer, error: TaskError, state: PeerState, waited: float | None = None
    ) -> TaskError:
        """Return the error to show for a refusal: rights that Atlas lacks, the option at fault, or what is in the way.

        Args:
            request: What was refused.
            error: The refusal.
            state: The state in which it was sent. More may be read to explain the refusal.
            waited: For how many seconds the request was repeated for lack of rights; None if it was not.
        """
        if error.error_code in self.peers.provider.role_codes:
            return role_failure(self.choice, request.fields, error, waited)
        return find_cause(error, request, state, self.choice) or self._explain_existing(error, state)

    def _explain_existing(self, error: TaskError, state: PeerState) -> TaskError:
        """Name the connection in the error if Atlas refuses one that exists already in another container."""
        if error.error_code not in ALREADY_EXISTS:
            return error
        others = [peer for peer in self.with_identity(self.choice.neighbours(state)) if not self.choice.select([peer])]
        if not others:
            return error
        return ConflictError(
            f"Atlas has no second VPC peering connection to {self._identity_in_words()} in project "
            f"{self._params['group_id']}: {self._described(others)} exists already.",
            hint="Use that one, by its container_id, or remove it first.",
        ).with_reply(error)

    def _is_dying(self, peer: Peer) -> bool:
        return bool(peer["status_name"] == self.peers.provider.terminating)

    def with_identity(self, peers: t.Iterable[Peer]) -> list[Peer]:
        """Return the connections that lead to the network of the options, in any container, without those that are gone."""
        return [
            peer for peer in peers if peer["id"] not in self._gone and not self.peers.provider.differing(self._identity, peer)
        ]

    def _check(self, peer: Peer) -> None:
        """Check that `peer_id` names the connection that the other options mean, so that only this one is changed."""
        provider, found = self.peers.provider, fields_of(peer)
        wanted = {name: self._params[name] for name in (*provider.identity, "container_id") if self._params[name] is not None}
        names = provider.differing(wanted, found)
        differing = differences((name for name in wanted if name in names), found, wanted)
        if not differing and not self.choice.select([peer]):
            container = self.choice.describe(peer["container_id"])
            differing = [
                f"it is in {container}, and {as_option('container_region_name')} is {self._params['container_region_name']}"
            ]
        if differing:
            raise TaskError(
                f"{as_option('peer_id')} names VPC peering connection {peer['id']}, which is not the one that the other "
                f"options describe: {', '.join(differing)}.",
                hint=f"Correct {as_option('peer_id')} or the other options, or give only one of them.",
            )

    def _ambiguous(self, live: list[Peer]) -> TaskError:
        containers = {peer["container_id"] for peer in live}
        way_out = "Set peer_id to the id of the one that is meant."
        if self._params.keys() & {"peers", "connections"}:
            # Entries have no such option.
            way_out = "Remove all but one of them, with atlas_vpc_peer, peer_id and state: absent."
        if len(containers) == len(live):
            way_out = "Say which one is meant with container_id."
            if self._params["container_region_name"] is None:
                way_out = f"Say which one is meant with {as_option('container_region_name')} or container_id."
        return TaskError(
            f"Project {self._params['group_id']} has {len(live)} VPC peering connections with {self._identity_in_words()}: "
            f"{self._described(live)}.",
            hint=way_out,
        )

    def _identity_in_words(self) -> str:
        return " and ".join(f"{as_option(name)} {as_name(value)}" for name, value in self._identity.items())

    def _described(self, peers: list[Peer]) -> str:
        return ", ".join(
            f"{as_name(peer['id'])} ({peer['status_name']}, {self.choice.describe(peer['container_id'])})" for peer in peers
        )


# Errors that the container, the region or another connection can cause. For long, a wrong container caused the last one.
_EXPLAINED = frozenset(("OVERLAPPING_ATLAS_CIDR_BLOCK", "OVERLAPPING_CIDR_BLOCK", "INVALID_ATTRIBUTE", "UNEXPECTED_ERROR"))


def differences(names: t.Iterable[str], current: Fields, wanted: Fields) -> list[str]:
    """Describe how fields of a connection differ, one text per field."""
    return [f"{as_option(name)} is {as_name(current[name])}, not {as_name(wanted[name])}" for name in names]


def find_holders(block: str | None, container_id: str | None, listed: t.Iterable[Peer], but: str | None = None) -> list[Peer]:
    """Return the connections in a container whose blocks overlap a block; none on a cloud where Atlas does not know blocks.

    Args:
        block: The block.
        container_id: The container.
        listed: The connections that are there.
        but: The id of a connection to leave out.
    """
    return [
        peer
        for peer in listed
        if peer["container_id"] == container_id and peer["id"] != but and do_overlap(block, block_of(peer))
    ]


def check_overlaps(
    provider: Cloud, fields: t.Mapping[str, t.Any], container: Container | None, neighbours: t.Iterable[Peer]
) -> None:
    """Check that the block of a VPC overlaps neither that of its container nor that of another VPC in the container.

    Args:
        provider: The cloud provider.
        fields: The connection as it will be.
        container: Its container; None if it is not known.
        neighbours: The other connections, in any container; the connection itself may be among them.

    Raises:
        InvalidOptionError: If the blocks overlap; the message gives both.
    """
    if provider.block is None:
        return
    block, choose = fields[provider.block], "choose another one"
    atlas_block = container["atlas_cidr_block"] if container is not None else None
    if container is not None and do_overlap(block, atlas_block):
        raise InvalidOptionError(
            f"{as_option(provider.block)} {as_name(block)} overlaps {as_name(atlas_block)} of network container "
            f"{container['id']}.",
            hint=f"The VPC and the container need blocks of their own: {choose}, or another container.",
        )
    identity = {name: fields[name] for name in provider.identity}
    for peer in neighbours:
        if peer["status_name"] == provider.terminating or peer["container_id"] != fields.get("container_id"):
            continue
        if do_overlap(block, peer["route_table_cidr_block"]) and provider.differing(identity, peer):
            network = provider.describe(peer, as_name)
            theirs = f"{as_name(peer['route_table_cidr_block'])} of VPC peering connection {peer['id']} ({network})"
            text = f"{as_option(provider.block)} {as_name(block)} overlaps {theirs}"
            if provider.has_failed(peer):
                raise HolderError(f"{text}, which is {provider.failure_in_words(peer)}.", peer["id"])
            hint = f"Each VPC needs a block of its own: {choose}, or another container."
            raise InvalidOptionError(f"{text}.", hint=hint)


def find_twins(choice: ContainerChoice, fields: t.Mapping[str, t.Any], neighbours: t.Iterable[Peer]) -> list[Peer]:
    """Return the network's connections to other containers with overlapping blocks, which its cloud refuses.

    Args:
        choice: The container; all containers are read if the network has connections to others.
        fields: The connection as it will be.
        neighbours: The other connections, in any container.
    """
    provider, container_id = choice.provider, fields.get("container_id")
    if provider.block is not None or container_id is None:
        return []
    identity = {name: fields[name] for name in provider.identity}
    twins = [
        peer
        for peer in neighbours
        if peer["container_id"] != container_id
        # A failed connection has no peering in the network, unless its removal has failed.
        and peer["status_name"] in (*provider.progress, provider.terminating, provider.removal_failed)
        and not provider.differing(identity, peer)
    ]
    if not twins:
        return []
    block = choice.find(container_id, None)["atlas_cidr_block"]
    return [peer for peer in twins if do_overlap(block, _block_of(choice, peer))]


def _block_of(choice: ContainerChoice, peer: Peer) -> str | None:
    container = choice.known(peer["container_id"])
    return container["atlas_cidr_block"] if container is not None else None


def check_twins(choice: ContainerChoice, fields: t.Mapping[str, t.Any], neighbours: t.Iterable[Peer]) -> None:
    """Check that a network is not connected already to another container whose block overlaps.

    Atlas accepts such a request, and the new connection fails later. Where Atlas knows the customer's block, it refuses at once.

    Args:
        choice: The container; all containers are read if the network has connections to others.
        fields: The connection as it will be.
        neighbours: The other connections, in any container; those that are being removed do not count.

    Raises:
        InvalidOptionError: If it is connected; the message names both containers.
    """
    provider, container_id = choice.provider, fields.get("container_id")
    twins = find_twins(choice, fields, [peer for peer in neighbours if peer["status_name"] != provider.terminating])
    if not twins or container_id is None:
        return
    twin, block = twins[0], choice.find(container_id, None)["atlas_cidr_block"]
    raise InvalidOptionError(
        f"{provider.noun} {provider.describe(fields, as_name)} is connected to {choice.describe(twin['container_id'])} by VPC "
        f"peering connection {twin['id']}, and its block {_block_of(choice, twin)} overlaps {block} of "
        f"{choice.describe(container_id)}.",
        hint="Choose a network container whose block overlaps none of those that the network is connected to.",
    )


def find_cause(error: TaskError, request: CreatePeer | UpdatePeer, state: PeerState, choice: ContainerChoice) -> TaskError | None:
    """Find the option that has caused the refusal of a request.

    Args:
        error: The refusal.
        request: What was refused.
        state: The state in which it was sent.
        choice: The container; it may be read, and so may the other connections.

    Returns:
        The error to show instead; None to show the refusal itself: no cause is found, or more cannot be read.
    """
    provider, current = choice.provider, state.peer if isinstance(request, UpdatePeer) else None
    fields = {**(current or {}), **request.fields}
    container_id = fields.get("container_id")
    # With `lists_all`, the list of containers shows whether the container is on another cloud.
    cause: TaskError | None = None
    if container_id is not None and not provider.lists_all:
        cause = choice.missing(container_id, error)
    # Atlas's error for a container on another cloud is not known, so any error is examined.
    is_explained = error.error_code in _EXPLAINED or (provider.lists_all and isinstance(error, ApiError))
    if cause is None and is_explained and error.error_code not in provider.role_codes:
        try:
            region = None if provider.region is None else fields.get(provider.region)
            container = choice.find(container_id, region)
            check_overlaps(provider, {**fields, "container_id": container["id"]}, container, choice.neighbours(state))
        except InvalidOptionError as found:
            cause = found
        except TaskError:
            return None
    return None if cause is None else cause.with_reply(error)
