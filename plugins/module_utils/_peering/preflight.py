# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks for what makes Atlas refuse a connection: before a request is sent, or to explain a refusal."""

from __future__ import annotations

import typing as t

from .._clouds.cloud import Cloud, Peer, block_of, fields_of
from .._http.errors import ApiError, InvalidOptionError, TaskError
from .._resources.containers import Container
from .._values.blocks import do_overlap
from .connection import CreatePeer, PeerState, UpdatePeer
from .container_choice import ContainerChoice

# Errors that the container, the region or another connection can cause. Atlas long answered a wrong container with the last one.
_EXPLAINED = frozenset(("OVERLAPPING_ATLAS_CIDR_BLOCK", "OVERLAPPING_CIDR_BLOCK", "INVALID_ATTRIBUTE", "UNEXPECTED_ERROR"))


def check_shown(peer: Peer, names: t.Iterable[str]) -> None:
    """Check that Atlas shows fields of a connection that an option has a value for: what it leaves out is unknown.

    Raises:
        TaskError: If it does not.
    """
    missing = [name for name in names if fields_of(peer)[name] is None]
    if missing:
        raise TaskError(
            f"Atlas does not say the {' and the '.join(missing)} of VPC peering connection {peer['id']}, so the task cannot know "
            "whether it is the one that the options describe.",
            hint="Run the task again. If Atlas leaves it out again, ask MongoDB's support.",
        )


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
            f"route_table_cidr_block {block} overlaps {atlas_block} of network container {container['id']}.",
            hint=f"The VPC and the container need blocks of their own: {choose}, or another container.",
        )
    for peer in neighbours:
        is_itself = not provider.differing({name: fields[name] for name in provider.identity}, peer)
        if is_itself or peer["status_name"] == provider.terminating or peer["container_id"] != fields.get("container_id"):
            continue
        if do_overlap(block, peer["route_table_cidr_block"]):
            name = f"VPC peering connection {peer['id']} ({provider.describe(peer)})"
            hint = f"Each VPC needs a block of its own: {choose}, or another container."
            if provider.has_failed(peer):
                name = f"{name}, which is {provider.failure_in_words(peer)}"
                hint = f"If it is no longer needed, remove it with peer_id: {peer['id']} and state: absent; then run this again."
            raise InvalidOptionError(
                f"route_table_cidr_block {block} overlaps {peer['route_table_cidr_block']} of {name}.", hint=hint
            )


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
        f"{provider.noun} {provider.describe(fields)} is connected to {choice.describe(twin['container_id'])} by VPC peering "
        f"connection {twin['id']}, and its block {_block_of(choice, twin)} overlaps {block} of {choice.describe(container_id)}.",
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
        The error to show instead; None if no cause is found, or if more cannot be read: the refusal itself is then shown.
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
