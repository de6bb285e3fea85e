# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sentences on what is left for others to do, what could not be checked, and what was kept.

In check mode, they describe what would be left.
"""

from __future__ import annotations

import shlex
import typing as t

from .._clouds.aws import AWS
from .._clouds.azure import AZURE, VnetId, role_name
from .._clouds.cloud import BLOCK, Fields, fields_of
from .._clouds.clouds import block_of, cloud_of, name_of
from .._clouds.gcp import GCP, gcloud_line, is_atlas_network, peering_name
from .._engine.options import Parameters
from .._engine.plan import listed
from .._resources.containers import container_cloud
from .._sides.entry_containers import is_known
from .._sides.path_state import PathState
from .entry_view import EntryView

_CLIENTS = "the ranges of the clients"


def sentences(params: Parameters, views: t.Sequence[EntryView], state: PathState) -> list[str]:
    """Return a sentence for each thing left.

    Args:
        params: The options of the task.
        views: The entries.
        state: The state at the end of the task, or the predicted one.
    """
    is_present = params["state"] == "present"
    own = {
        AWS.name: (_connect_aws, _disconnect_aws),
        AZURE.name: (_connect_azure, _disconnect_azure),
        GCP.name: (_connect_gcp, _disconnect_gcp),
    }
    found = [text for view in views for text in own[view.entry.provider.name][not is_present](params, view, state)]
    if is_present:
        found += _unchecked(params, views)
        found += _private_names(views, state)
    elif params["atlas"] and params["remove_container"]:
        found += _unknown_containers(views, state)
    kept = state.kept_entries.items()
    stays = [f"This entry of the access list stays: {why}" if name in state.foreign else why for name, why in kept]
    return list(dict.fromkeys((*found, *state.notes.values(), *state.kept_roles.values(), *stays)))


def _connect_aws(params: Parameters, view: EntryView, state: PathState) -> t.Iterator[str]:
    name, account, own = view.entry.name, view.entry.params["aws_account_id"], view.entry.params
    if not params["aws"] and view.status == view.entry.provider.pending:
        what = view.connection_id or f"the request for {name}"
        tables = ", ".join(own["route_table_ids"] or ()) or "the route tables"
        yield (
            f"Accept {what} in AWS account {account}, region {view.region}, within seven days of the request, and route "
            f"{view.block or 'the block of the network container'} to it in {tables} of {name}."
        )
    if not params["atlas"]:
        blocks = view.entry.blocks or state.vpc_blocks_of(view.entry.key)
        subject = own["aws_security_group"] or ", ".join(blocks) or f"the block of {name}"
        yield (
            f"In Atlas, add {subject} to the access list of the project, so that {name} can connect through {view.connection_id}."
        )


def _connect_azure(params: Parameters, view: EntryView, state: PathState) -> t.Iterator[str]:
    name, blocks = view.entry.name, _client_blocks(view, state)
    if not params["atlas"]:
        yield (
            f"In Atlas, request the connection to {name}, and add {', '.join(blocks) or _CLIENTS} to the access list of the "
            "project."
        )
    yield from _nothing_added(params, name, blocks, _CLIENTS)


def _connect_gcp(params: Parameters, view: EntryView, state: PathState) -> t.Iterator[str]:
    name, blocks = view.entry.name, view.entry.blocks
    if not params["gcp"] and view.status == view.entry.provider.pending:
        task = f"Create the peering of {name} with Atlas's network in GCP"
        if view.atlas_network is None:
            yield f"{task}, as soon as Atlas has made its own and {' and '.join(GCP.atlas_network)} are in its network container."
        else:
            yield f"{task}: {_gcloud_create(view, *view.atlas_network)}"
    if not params["atlas"]:
        yield (
            f"In Atlas, add {', '.join(blocks) or _CLIENTS} to the access list of the project, so that clients in {name} can "
            "connect."
        )
    yield from _nothing_added(params, name, blocks, f"{_CLIENTS}, those of GKE pods included")


def _nothing_added(params: Parameters, name: str, blocks: t.Sequence[str], clients: str) -> t.Iterator[str]:
    """Yield whom the access list lacks, if no block of a network is known."""
    if params["atlas"] and params["access_list"] and not blocks:
        yield f"The access list has nothing for {name}, because neither cidr_block nor cidr_blocks is set: add {clients}."


def _disconnect_aws(params: Parameters, view: EntryView, state: PathState) -> t.Iterator[str]:
    name, account, own = view.entry.name, view.entry.params["aws_account_id"], view.entry.params
    connection_id, block = view.connection_id, view.block
    if not params["aws"] and connection_id is not None:
        routes = f"the routes to {block} that lead to {connection_id}" if block else f"the routes that lead to {connection_id}"
        yield f"Delete {routes} from the route tables of {name} in AWS account {account}, region {view.region}."
    peer = fields_of(view.peer) if view.peer is not None else {}
    subject = own["aws_security_group"] or own["cidr_block"] or peer.get(AWS.block or "")
    if not params["atlas"]:
        yield (
            f"In Atlas, remove {subject or f'the block of {name}'} from the access list of the project, and then the connection "
            f"{connection_id} to {name} in AWS account {account}."
        )
    elif params["access_list"] and subject is None and not _has_removed_access(view, state):
        yield (
            f"Atlas no longer has the connection to {name}, so its block is not known: no entry of the access list is removed. "
            "Set cidr_block to have it removed."
        )
    if params["aws"] and connection_id is None and block is None:
        yield (
            f"The route tables of {name} were not looked at, because Atlas has neither a network container nor a connection that "
            "shows the block. Set container_cidr_block to have its routes removed."
        )


def _disconnect_azure(params: Parameters, view: EntryView, state: PathState) -> t.Iterator[str]:
    # Only a list with VNets needs what it imports.
    from .._sides.azure_vnets import why_role_stays

    blocks, own = _client_blocks(view, state), view.entry.params
    if not params["azure"] and view.peer is not None:
        role = role_name(VnetId(*(own[field] for field in VnetId._fields)))
        yield f"In AZURE, remove the role {role} and its assignment, unless another connection to the VNet needs it."
    yield from _not_removed(params, view, state, blocks, " Atlas needs its role until the connection is gone.")
    kept = why_role_stays(view.entry, state) if view.entry.key not in state.failures else None
    if kept is not None:
        yield kept


def _disconnect_gcp(params: Parameters, view: EntryView, state: PathState) -> t.Iterator[str]:
    name, blocks, own = view.entry.name, view.entry.blocks, view.entry.params
    pair = view.atlas_network
    if not params["gcp"] and view.peer is not None and pair is not None:
        mirror = own["gcp_peering_name"] or peering_name(pair[1])[:63]
        options = f"--project={shlex.quote(own['gcp_project_id'])} --network={shlex.quote(own['network_name'])}"
        yield (
            f"Remove the peering of {name} with Atlas's network in GCP: gcloud compute networks peerings delete "
            f"{shlex.quote(mirror)} {options}"
        )
    yield from _not_removed(params, view, state, blocks)
    if params["gcp"] and pair is None and own["gcp_peering_name"] is None and _may_have_mirror(view, state):
        # Atlas may remove the network of a container with its last connection.
        what = "network container" if view.container is None else "network container on GCP with a network"
        yield (
            f"The peerings of {name} in GCP were not looked at, because Atlas has no {what} that shows where one leads. "
            "Set gcp_peering_name to have one removed."
        )


def _may_have_mirror(view: EntryView, state: PathState) -> bool:
    """Whether the network of an entry may have a peering with any network of Atlas."""
    network = state.gcp.get(view.entry.key)
    return network is None or any(
        one.network.startswith("projects/") and is_atlas_network(one.network) for one in network.peerings
    )


def _has_removed_access(view: EntryView, state: PathState) -> bool:
    """Whether an entry of the access list was removed for a network: by its comment, if its blocks are not known."""
    return any(change.key.step == "access_list" for change in state.made_for(view.entry.key))


def _not_removed(
    params: Parameters, view: EntryView, state: PathState, blocks: t.Sequence[str], more: str = ""
) -> t.Iterator[str]:
    """Yield what is left in Atlas of a network whose clients are known by their blocks alone."""
    name = view.entry.name
    if not params["atlas"]:
        clients = ", ".join(blocks) or _CLIENTS
        yield f"In Atlas, remove {clients} from the access list of the project, and the connection to {name}.{more}"
    elif params["access_list"] and view.peer is not None and not blocks and not _has_removed_access(view, state):
        yield f"No entry of the access list is removed for {name}, because neither cidr_block nor cidr_blocks is set."


def _unchecked(params: Parameters, views: t.Iterable[EntryView]) -> t.Iterator[str]:
    """Yield what could not be checked, because Atlas has yet to choose the block of a network container."""
    for view in views:
        container = view.container
        if params["atlas"] and container is not None and container["id"] is None and container[BLOCK] is None:
            place = view.entry.provider.describe_place(container)
            yield (
                f"The network container in {place} does not exist yet: the connection to {view.entry.name} was checked only as "
                "far as that does not depend on the block of the container."
            )


def _unknown_containers(views: t.Iterable[EntryView], state: PathState) -> t.Iterator[str]:
    """Yield a sentence on each network container that stays because nothing identifies it any more."""
    for view in views:
        is_any = any(container_cloud(one["provider_name"]) is view.entry.provider for one in state.containers)
        if is_any and not is_known(view.entry, state.container_of.get(view.entry.key), state):
            option = "container_cidr_block" if view.entry.provider.has_one_container else "container_region"
            yield (
                f"The network container of {view.entry.name} is not removed, because no connection shows which one it is. "
                f"Set {option} to have it removed."
            )


def _private_names(views: t.Iterable[EntryView], state: PathState) -> t.Iterator[str]:
    """Yield, for each cloud with new connections, how its clients have to connect where addresses do not lead there."""
    changed = {one.key.owner for one in state.made if one.key.kind in ("connection", "mirror")}
    clouds = dict.fromkeys(one.entry.provider.name for one in views if one.entry.key in changed and one.entry.provider is not AWS)
    for cloud in clouds:
        yield (
            f"Clients on {cloud} have to use the private connection string of a cluster, with -pri in the names of its hosts. "
            "The other names lead to public addresses."
        )


def _client_blocks(view: EntryView, state: PathState) -> t.Sequence[str]:
    """Return the blocks of the clients of a VNet: those of the entry, or the VNet's own."""
    access = state.azure.get(view.entry.key)
    return view.entry.blocks or (access.vnet.prefixes if access is not None and access.vnet is not None else ())


def _gcloud_create(view: EntryView, atlas_project: str, atlas_network: str) -> str:
    """Return the command that creates the mirror of an entry."""
    own = view.entry.params
    name = own["gcp_peering_name"] or peering_name(atlas_network)[:63]
    return gcloud_line(own["gcp_project_id"], own["network_name"], atlas_project, atlas_network, name)


def after_failure(params: Parameters, views: t.Iterable[EntryView], state: PathState) -> t.Iterator[str]:
    """Yield a sentence on each thing to know about a task that has failed: requests, pruned connections, new containers."""
    if params["state"] == "present" and params["atlas"]:
        yield from _open_requests(views)
    names = [_describe(fields_of(peer)) for peer in state.peers.pruned]
    if names:
        yield f"These connections have been removed from Atlas: {listed(names)}."
    yield unused_containers(state)


def _open_requests(views: t.Iterable[EntryView]) -> t.Iterator[str]:
    """Yield which requests are not accepted yet."""
    accepted, others = [], []
    for view in views:
        provider, peer, name = view.entry.provider, view.peer, view.entry.name
        if peer is None or provider.pending is None or view.is_accepted:
            continue
        if view.status not in provider.progress[: provider.progress.index(provider.pending) + 1]:
            continue
        if provider.accepted_id is None:
            others.append(f"{name} ({view.status})")
        else:
            place = f"AWS account {view.entry.params['aws_account_id']}, region {view.region}"
            accepted.append(f"{view.connection_id or peer['id']} ({name}, {place})")
    if accepted:
        yield (
            f"These connections have been requested and are not accepted yet: {listed(accepted)}. AWS drops a request "
            "that is not accepted within seven days."
        )
    if others:
        yield f"These connections have been requested in Atlas and are not available yet: {listed(others)}."


def _describe(peer: Fields) -> str:
    """Return a connection as sentences name it."""
    provider = cloud_of(peer)
    known = (peer.get(provider.accepted_id or ""), peer.get("id"))
    names = (
        [name_of(peer)] if not provider.has_unique_ids else [str(peer[provider.network]), f"AWS account {peer[provider.owner]}"]
    )
    return f"{known[0] or known[1]} ({', '.join([*names, *filter(None, [block_of(peer)])])})"


def unused_containers(state: PathState) -> str:
    """Return which network containers are new and have no connection yet, in a sentence; empty for none."""
    used = {peer["container_id"] for peer in state.peers.listed}
    new = {
        change.name: (change.after or {}).get("id")
        for change in state.done.values()
        if change.key.kind == "container" and change.verb == "create"
    }
    names = [name for name, container_id in new.items() if container_id not in used]
    if not names:
        return ""
    if len(names) == 1:
        return f"The network container {names[0]} is new, and nothing uses it yet: it stays."
    return f"The network containers {', '.join(names)} are new, and nothing uses them yet: they stay."
