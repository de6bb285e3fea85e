# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A4, A5: the customer's half of a connection on AZURE, a peering of the VNet that Atlas makes; private connection strings."""

from __future__ import annotations

import ipaddress
import typing as t

from ..._azure.vnets import VnetPeering
from ..._clouds.azure import AZURE
from ..._resources.clusters import has_nodes_at
from ..._values.blocks import is_within
from ..facts import AtlasObject, ConnectionFacts, Missing, Unread, UnreadError, if_known, known, known_or, named, unnamed
from .client_ranges import client_ranges, network_blocks_of
from .common import FixLines, atlas_block_of, az, container_block, listed, need_container, status_of, to_network
from .judged_clusters import FurtherRegions, is_in_region, is_sharded, judged_clusters, peered_containers
from .p2_clusters import STRING_CAUSES, find_without_private_strings
from .rule import Finding, Findings, Severity, check, not_looked_at, not_read, skip

_CONNECTED, _DISCONNECTED = "Connected", "Disconnected"
_IN_SYNC = "FullyInSync"
# Where Atlas's side does not know all prefixes of the VNet.
_REMOTE_NOT_IN_SYNC = ("RemoteNotInSync", "LocalAndRemoteNotInSync")
_LOCAL_NOT_IN_SYNC = "LocalNotInSync"
_SUCCEEDED, _DELETING = "Succeeded", "Deleting"
# In these provisioning states, Azure is still at work.
_IN_PROGRESS = ("Creating", "Updating")
_REQUEST_AGAIN = "remove the connection in Atlas with state: absent, and request it again."
# Azure lets those write a peering that may join both VNets, and that of Atlas is in another tenant: no line for `az` does it.
# Sources: "Create, change, or delete a virtual network peering" of Azure (permissions), and Azure/azure-cli#26438.
_ASK_ATLAS = f"Azure asks for rights to Atlas's VNet to change this: ask MongoDB's support, or {_REQUEST_AGAIN}"
_LEFT_OVER = "Remove the left-over from the VNet, and request the connection again."
# The meaning of each state but `Connected`, and what to do.
# Source: "Create, change, or delete a virtual network peering" in Azure's documentation.
_STATES = {
    _DISCONNECTED: (": Atlas's side is gone", _LEFT_OVER),
    "Initiated": (": Atlas's side is not there yet", f"Check again in a minute. If it stays, {_REQUEST_AGAIN}"),
}


class VnetSide(t.NamedTuple):
    """A network container that judged clusters live in, and the peering of the VNet with it.

    Attributes:
        block: Its block.
        vnet_name: The name of Atlas's VNet; None if it is not known.
        peering: The peering with that VNet; None if there is none, or it is not known.
        level: How bad it is if the container cannot be reached.
        region_name: Its region, as Atlas names it; None if it is not known.
    """

    block: ipaddress.IPv4Network
    vnet_name: str | None
    peering: VnetPeering | None
    level: Severity = "fail"
    region_name: str | None = None


@check("A401", clouds=(AZURE.name,))
def find_no_peering(facts: ConnectionFacts) -> Findings:
    """The VNet has a peering with Atlas's VNet of each container with judged clusters, and Azure calls it Connected."""
    entry = facts.entry
    if known_or(facts.network.vnet_exists, True) is False:
        identity = {name: entry.network[name] for name in AZURE.network_identity}
        message = f"Azure has no {named(entry.network_title)} in subscription {unnamed(identity[AZURE.owner])}."
        fix = f"Check the names of the connection. If the VNet was deleted, {_REQUEST_AGAIN}"
        yield Finding("fail", entry.network_id, message, fix, identity, owner="playbook")
        return
    peerings, block = known(facts.network.vnet_peerings), atlas_block_of(facts)
    if not _is_available(facts):
        # Another check reports the cause. But a left-over peering would also break the next connection.
        left_over = _left_over(peerings, block)
        for one in left_over:
            yield Finding("warn", one.name, _message(one), _LEFT_OVER, _evidence(one), commands=_delete_line(one))
        if not left_over:
            raise skip("The connection in Atlas is not AVAILABLE.", "P102" if status_of(facts) == AZURE.failed else "P101")
        return
    for side in sides_of(facts):
        if side.vnet_name is None:
            yield not_read(_unnamed(facts, side), entry.network_id)
        else:
            yield from _judge_side(side, peerings, facts)


@check("A402", waits_for=("P101", "P102", "A401"), clouds=(AZURE.name,))
def find_out_of_sync(facts: ConnectionFacts) -> Findings:
    """Both sides of each peering know each other's addresses, and the VNet those of the network container."""
    for side, peering in _connected(facts):
        if not peering.prefixes:
            yield not_read(Unread(f"Which addresses the peering {named(peering.name)} leads to is not known."), peering.name)
        elif not is_within(side.block, map(ipaddress.IPv4Network, peering.prefixes)):
            begin = f"The peering {named(peering.name)} leads to {listed(peering.prefixes)}:"
            message = f"{begin} the VNet has no route to all of {named(side.block)}."
            yield Finding(side.level, peering.name, message, _ASK_ATLAS, _evidence(peering), owner="atlas")
        elif peering.sync_level == _LOCAL_NOT_IN_SYNC:
            message = f"The peering {named(peering.name)} is {peering.sync_level}: the VNet does not know all addresses of Atlas."
            yield Finding("warn", peering.name, message, _ASK_ATLAS, _evidence(peering), owner="atlas")
        if peering.sync_level in _REMOTE_NOT_IN_SYNC:
            try:
                yield from _judge_remote(side, peering, facts)
            except UnreadError as error:
                # Other peerings are judged all the same.
                yield not_read(error.unread, peering.name)
        elif peering.sync_level not in (_IN_SYNC, _LOCAL_NOT_IN_SYNC):
            but = f", but {peering.sync_level!r}" if peering.sync_level else ""
            text = f"Azure does not report whether the peering {named(peering.name)} is in sync{but}."
            yield not_read(Unread(text), peering.name)


@check("A403", clouds=(AZURE.name,))
def find_shared_addresses(facts: ConnectionFacts) -> Findings:
    """The blocks of the VNet and of the network container do not overlap."""
    prefixes, block = known(facts.network.vnet_prefixes), atlas_block_of(facts)
    shared = [one for one in prefixes if to_network(one, facts.entry.network_title).overlaps(block)]
    if shared:
        begin = f"The network container has {named(block)}, and {named(facts.entry.network_title)} {listed(shared)}:"
        message = f"{begin} Azure does not peer them."
        fix = "Connect a network container with another block, or another VNet."
        evidence = {"atlas_cidr_block": str(block), "address_prefixes": list(prefixes)}
        yield Finding("fail", facts.entry.network_id, message, fix, evidence, owner="atlas")


@check("A404", waits_for=("P101", "P102", "A401"), clouds=(AZURE.name,))
def find_closed_peering(facts: ConnectionFacts) -> Findings:
    """Each peering lets traffic through, and Azure has carried out what was last changed of it.

    A failed change is a warning: a provisioning state is about the change, and does not tell whether traffic flows.
    Source: "Troubleshoot Azure Microsoft.Network failed provisioning state" in Azure's documentation.
    """
    for side, one in _connected(facts):
        name, state = one.name, one.provisioning_state
        if one.allows_access is False:
            message = f"The peering {named(name)} does not let traffic through: allowVirtualNetworkAccess is off."
            yield Finding(side.level, name, message, _ASK_ATLAS, _evidence(one), owner="atlas")
        elif one.allows_access is None:
            yield not_read(Unread(f"Whether the peering {named(name)} lets traffic through is not known."), name)
        if state is None or state in _IN_PROGRESS:
            what = (
                f"Azure is at work on the peering {named(name)} ({state})."
                if state
                else f"The state of the peering {named(name)} is not known."
            )
            yield not_read(Unread(what), name)
        elif state == _DELETING:
            message, fix = f"The peering {named(name)} is being deleted.", f"If you want it, {_REQUEST_AGAIN}"
            yield Finding(side.level, name, message, fix, _evidence(one), owner="atlas")
        elif state != _SUCCEEDED:
            message = f"Azure could not carry out the last change of the peering {named(name)}: {state}."
            fix = "Read in the activity log of the VNet which change has failed. Repeat it, or ask MongoDB's support."
            yield Finding("warn", name, f"{message} This alone does not stop traffic.", fix, _evidence(one))


@check("A501", waits_for=STRING_CAUSES, clouds=(AZURE.name,))
def find_no_private_strings_on_azure(facts: ConnectionFacts) -> Findings:
    """The judged clusters have private connection strings: all others resolve to public addresses."""
    return find_without_private_strings(facts)


@not_looked_at(AZURE.name)
def not_looked_at_in_vnets(facts: ConnectionFacts) -> t.Iterator[str]:
    """Say which filters are not among those of subnets, and what may keep names from resolving."""
    known(facts.network.vnet_peerings)
    yield "Network security groups of single network interfaces were not looked at: they filter beside those of subnets."
    yield "Admin rules of Virtual Network Manager were not looked at: they come before network security groups."
    yield "DNS servers and private DNS zones of VNets were not looked at: they may keep names of clusters from resolving."


def sides_of(facts: ConnectionFacts) -> list[VnetSide]:
    """Return the network container of the connection, and each other one that judged clusters live in and is connected.

    Clusters in a region without a connection are those of P202.

    Raises:
        UnreadError, SkippedError: If the block of the container is not known.
    """
    peerings = known_or(facts.network.vnet_peerings, ())
    container = known_or(facts.atlas.container, None)
    # Without Atlas's half, only the option has it.
    name = facts.entry.params["atlas_vnet_name"] if container is None else container["atlas_vnet_name"]
    found = [VnetSide(atlas_block_of(facts), name, _peering_with(name, peerings))]
    further = _further_containers(facts)
    for one in further:
        name = one["atlas_vnet_name"]
        level = _level_of(one, further, facts)
        found.append(VnetSide(container_block(one), name, _peering_with(name, peerings), level, one["region_name"]))
    return found


def _further_containers(facts: ConnectionFacts) -> list[AtlasObject]:
    """Return the other containers that are connected with the VNet and have nodes of judged clusters; none if not known."""
    own = known_or(facts.atlas.container, None)
    clusters, containers = if_known(lambda: judged_clusters(facts)), if_known(lambda: peered_containers(facts))
    others = [one for one in containers or () if own is not None and one["id"] != own["id"]]
    regions = [region for cluster in clusters or () for region in cluster["regions"]]
    return [one for one in others if any(has_nodes_at(each, one["region_name"], AZURE) for each in regions)]


def _level_of(container: AtlasObject, further: t.Iterable[AtlasObject], facts: ConnectionFacts) -> Severity:
    """Return how bad it is if a further container cannot be reached: a warning if a usable cluster does without all of these.

    A cluster that needs another one of them may be lost for that.
    """
    losing = [one for one in judged_clusters(facts) if _needs(one, container, facts)]
    usable = [] if facts.selection.clusters is not None else if_known(FurtherRegions(facts).usable_clusters) or []
    others = [one for one in usable if not any(_needs(one, each, facts) for each in further)]
    return "fail" if losing and not others else "warn"


def _needs(cluster: AtlasObject, container: AtlasObject, facts: ConnectionFacts) -> bool:
    """Whether a cluster is lost without a further container.

    A sharded one is not, if its routers in the judged connection's container are enough, nor is one with read-only nodes alone
    there.
    """
    is_at_home = is_in_region(cluster, need_container(facts)["region_name"], AZURE)
    return not (is_sharded(cluster) and is_at_home) and _has_electable_nodes(cluster, container["region_name"])


def _has_electable_nodes(cluster: AtlasObject, region: str) -> bool:
    """Whether a cluster has nodes in a region that can become the primary; True if Atlas does not report it."""
    there = [one for one in cluster["regions"] if has_nodes_at(one, region, AZURE)]
    return any(one["electable_nodes"] != 0 for one in there)


def _peering_with(name: str | None, peerings: t.Iterable[VnetPeering]) -> VnetPeering | None:
    """Return the peering with Atlas's VNet, whose name alone says so: other networks may have the same block."""
    found = [one for one in peerings if name and one.remote_name.lower() == name.lower()]
    return next((one for one in found if one.state == _CONNECTED), found[0] if found else None)


def _connected(facts: ConnectionFacts) -> t.Iterator[tuple[VnetSide, VnetPeering]]:
    """Yield the peerings with Atlas that are connected; A401 reports the others.

    Raises:
        SkippedError: At the end, if that of some side is not known.
    """
    known(facts.network.vnet_peerings)
    sides = sides_of(facts)
    for side in sides:
        if side.peering is not None and side.peering.state == _CONNECTED:
            yield side, side.peering
    if any(side.vnet_name is None for side in sides):
        raise skip("Which peering is Atlas's is not known.", "A401")


def _judge_side(side: VnetSide, peerings: t.Sequence[VnetPeering], facts: ConnectionFacts) -> Findings:
    one = side.peering
    if one is None:
        message = f"{named(facts.entry.network_title)} has no peering with Atlas's VNet {side.vnet_name} ({named(side.block)})."
        similar = [each for each in peerings if is_within(side.block, map(ipaddress.IPv4Network, each.prefixes))]
        for each in similar:
            message += f" The peering {each.name} has this block, and leads to {each.remote_name or 'another network'}."
        evidence = {"atlas_vnet_name": side.vnet_name, "atlas_cidr_block": str(side.block)}
        fix = f"Atlas has made one that is gone: {_REQUEST_AGAIN}"
        yield Finding(side.level, facts.entry.network_id, message, fix, evidence, owner="atlas")
    elif one.state != _CONNECTED:
        fix = _STATES.get(one.state, ("", "Look at the peering of the VNet in Azure."))[1]
        line = _delete_line(one) if one.state == _DISCONNECTED else ()
        yield Finding(side.level, one.name, _message(one), fix, _evidence(one), commands=line)
    else:
        for left in _left_over(peerings, side.block):
            fix = "Remove the left-over from the VNet."
            yield Finding("info", left.name, _message(left), fix, _evidence(left), commands=_delete_line(left))


def _judge_remote(side: VnetSide, peering: VnetPeering, facts: ConnectionFacts) -> Findings:
    """Judge a peering whose other side does not know all addresses of the VNet: those of clients have to be among them."""
    what = f"The peering {named(peering.name)} is {peering.sync_level}: Atlas does not know"
    fix = f"Atlas's side has to sync: ask MongoDB's support, or {_REQUEST_AGAIN}"
    if peering.known_prefixes is None:
        yield Finding("warn", peering.name, f"{what} all addresses of the VNet.", fix, _evidence(peering), owner="atlas")
        raise UnreadError(Unread(f"Which addresses of the VNet Atlas knows by the peering {named(peering.name)} is not known."))
    known_blocks = [to_network(one, peering.name) for one in peering.known_prefixes]
    lost = [one for one in client_ranges(facts) if not is_within(one.block, known_blocks)]
    if lost:
        message = f"{what} {listed(dict.fromkeys(one.block for one in lost))}, where clients are."
        names = tuple(dict.fromkeys(one.name for one in lost))
        yield Finding(side.level, peering.name, message, fix, _evidence(peering), names, owner="atlas")
    else:
        outside = [one for one in network_blocks_of(facts) if not is_within(one, known_blocks)]
        message = f"{what} {listed(outside) or 'all addresses of the VNet'}, where no client is."
        yield Finding("warn", peering.name, message, fix, _evidence(peering), owner="atlas")


def _unnamed(facts: ConnectionFacts, side: VnetSide) -> Unread:
    """Return why it is not known which peering is Atlas's."""
    if isinstance(facts.atlas.container, Missing):
        advice = "Set atlas_vnet_name of the connection, which is vnetName of the network container."
        return Unread(f"Which peering of {named(facts.entry.network_title)} is Atlas's is not known.", advice=advice)
    need_container(facts)
    return Unread(f"Atlas does not report the name of its VNet with {named(side.block)}.")


def _left_over(peerings: t.Iterable[VnetPeering], block: ipaddress.IPv4Network) -> list[VnetPeering]:
    """Return the peerings whose other side is gone, and whose addresses keep a new one with this block from being made."""
    return [
        one
        for one in peerings
        if one.state == _DISCONNECTED and any(ipaddress.IPv4Network(prefix).overlaps(block) for prefix in one.prefixes)
    ]


def _is_available(facts: ConnectionFacts) -> bool:
    """Whether the peering has to be there: the connection is AVAILABLE, or Atlas was not read."""
    return isinstance(facts.atlas.peer, Missing) or status_of(facts) == AZURE.available


def _message(peering: VnetPeering) -> str:
    meaning = _STATES.get(peering.state, ("", ""))[0]
    blocks = f" ({listed(peering.prefixes)})" if peering.prefixes else ""
    return f"The peering {named(peering.name)} of {named(f'VNet {peering.vnet.name}')}{blocks} is {peering.state}{meaning}."


def _delete_line(peering: VnetPeering) -> FixLines:
    """Return the line for `az` that removes a peering of the VNet."""
    vnet = peering.vnet
    names = {"name": peering.name, "vnet_name": vnet.name, "resource_group": vnet.resource_group_name}
    return az("network vnet peering delete", vnet.subscription_id, **names)


def _evidence(peering: VnetPeering) -> dict[str, object]:
    return {
        "name": peering.name,
        "remote_vnet_name": peering.remote_name,
        "peering_state": peering.state,
        "peering_sync_level": peering.sync_level,
        "provisioning_state": peering.provisioning_state,
        "allow_virtual_network_access": peering.allows_access,
        "remote_address_prefixes": list(peering.prefixes),
    }
