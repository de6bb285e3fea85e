# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""G4 to G6: the half of a connection on GCP: a peering with Atlas's network, its routes, private connection strings."""

from __future__ import annotations

import ipaddress
import typing as t

from ..._clouds.gcp import GCP, network_path, peering_name
from ..._gcp.network import ACTIVE, Peering
from ..facts import ConnectionFacts, Missing, SkippedError, Unread, UnreadError, known, known_or, named, unnamed
from .client_ranges import ClientRange, client_ranges, client_regions, network_blocks_of
from .common import FixLines, atlas_block_of, gcloud, listed, need_container, status_of, to_network, together
from .judged_clusters import has_ended
from .p2_clusters import STRING_CAUSES, find_without_private_strings
from .rule import Finding, Findings, check, not_looked_at, not_read, skip

# The states of Atlas's connection in which the customer's half has to be there.
_NEEDED = (GCP.pending, GCP.available)
_WAIT = "Nothing is missing in GCP: Atlas sees the peering within 10 minutes. Check again then."

# The regions in which a network sees a route, by where it leads and whether the network imports it.
_Seen = dict[tuple[ipaddress.IPv4Network, t.Optional[bool]], list[str]]


@check("G401", waits_for=("P102",), clouds=(GCP.name,))
def find_no_mirror(facts: ConnectionFacts) -> Findings:
    """The network of the connection has an ACTIVE peering with Atlas's network."""
    remote = _atlas_network(facts)
    peerings, entry = known(facts.network.gcp_networks), facts.entry
    project = entry.params["gcp_project_id"]
    if entry.network_id not in peerings:
        message = f"Project {project} has no VPC network {named(entry.network_id)}."
        host = known_or(facts.network.gcp_host_project, None)
        fix = "Correct gcp_project_id and network_name of the connection: of a shared VPC, gcp_project_id is the host project."
        if host is not None:
            fix = f"It uses the shared VPC of project {host}: set gcp_project_id to that, and request the connection with it."
        yield Finding("fail", entry.network_id, message, fix, owner="playbook")
        return
    mirror = _mirror(peerings[entry.network_id], remote)
    if mirror is None:
        elsewhere = _networks_elsewhere(facts, remote)
        if elsewhere:
            raise skip(f"The peering with Atlas's network is on {listed(elsewhere)}.", "G402")
        message = f"{named(entry.network_title)} has no peering with {remote}."
        lines = mirror_lines(facts)
        evidence = {"network": remote, "gcloud": next(iter(lines), None)}
        yield Finding("fail", entry.network_id, message, mirror_advice(facts), evidence, commands=lines)
    elif mirror.state != ACTIVE:
        details = f" ({mirror.state_details})" if mirror.state_details else ""
        begin = f"The peering {named(mirror.name)} of {named(entry.network_title)} is"
        message = f"{begin} {mirror.state or 'in a state that GCP does not report'}{details}."
        fix = "Atlas's side is missing there: check that the connection in Atlas is with this network."
        yield Finding("fail" if mirror.state else "unknown", mirror.name, message, fix, mirror.to_result())


@check("G402", waits_for=("P102",), clouds=(GCP.name,))
def find_mirror_elsewhere(facts: ConnectionFacts) -> Findings:
    """No other network of the project has a peering with Atlas's network, unless Atlas has a connection with that one, too."""
    remote = _atlas_network(facts)
    peerings, entry = known(facts.network.gcp_networks), facts.entry
    is_here = _mirror(peerings.get(entry.network_id, ()), remote) is not None
    for name in _networks_elsewhere(facts, remote):
        message = f"The peering with Atlas's network is made on {named(name)}; the connection names {entry.network_id}."
        fix = f"Remove it from {named(name)}. {mirror_advice(facts)}"
        if is_here:
            begin = f"{named(name)} has a peering with Atlas's network, too, which leads nowhere:"
            message = f"{begin} the connection names {entry.network_id}."
            fix = f"Remove it: atlas_gcp_peering with network_name: {named(name)} and state: absent."
        lines = _delete_line(_mirror(peerings[name], remote), name, facts)
        lines = lines if is_here else together(lines, mirror_lines(facts))
        yield Finding("warn" if is_here else "fail", name, message, fix, {"network": remote}, commands=lines)


@check("G403", waits_for=("P102",), clouds=(GCP.name,))
def find_no_way_back(facts: ConnectionFacts) -> Findings:
    """Atlas's network imports the routes to all clients, for the replies to them."""
    mirror = active_mirror(facts)
    if mirror.exchanges_subnets is False:
        message = (
            f"The peering {named(mirror.name)} of {named(facts.entry.network_title)} does not exchange the routes of subnets."
        )
        fix = "Remove it, and make it again: atlas_gcp_peering, or the role."
        yield Finding("fail", mirror.name, message, fix, mirror.to_result(), commands=lines_to_make_again(mirror, facts))
        return
    own = network_blocks_of(facts)
    # P801 reports clients elsewhere.
    clients = [one for one in client_ranges(facts) if any(one.block.subnet_of(block) for block in own)]
    if not clients:
        raise skip("There is no subnet to judge.")
    routes = {to_network(one.destination, "a route"): one.is_imported for one in known(facts.network.gcp_outgoing)}
    states = {one: _is_imported(one.block, routes) for one in clients}
    lost = [one for one, state in states.items() if state is False]
    if lost:
        message = f"Atlas's network does not import a route to {listed(map(_title_of, lost))}: replies to it get lost."
        evidence = {"cidr_blocks": [str(one.block) for one in lost], **mirror.to_result()}
        yield Finding("fail", facts.entry.network_id, message, _advice_on_import(lost, mirror), evidence)
    unknown = [one for one, state in states.items() if state is None]
    if unknown:
        message = f"GCP does not report whether Atlas's network imports a route to {listed(map(_title_of, unknown))}."
        yield Finding("unknown", facts.entry.network_id, message, "Check again in a minute.")


@check("G501", waits_for=STRING_CAUSES, clouds=(GCP.name,))
def find_no_private_strings_on_gcp(facts: ConnectionFacts) -> Findings:
    """The judged clusters have private connection strings: all others resolve to public addresses."""
    return find_without_private_strings(facts)


@not_looked_at(GCP.name)
def not_looked_at_in_gcp(facts: ConnectionFacts) -> t.Iterator[str]:
    """Say which rules and routes are not among those that GCP shows for a network, and what may keep names from resolving.

    Source: "Routing order" in the documentation of Google Cloud's routes.
    """
    known(facts.network.gcp_networks)
    yield "Regional network firewall policies were not looked at: they may deny traffic from the instances of a region."
    yield "Policy-based routes were not looked at: they come before the routes of a peering, and may lead traffic elsewhere."
    yield "Zones and policies of Cloud DNS were not looked at: they may keep names of clusters from resolving."
    yield "Serverless VPC Access connectors were not read: a range that only a route to Atlas shows is judged as one of a subnet."


def active_mirror(facts: ConnectionFacts) -> Peering:
    """Return the ACTIVE peering of the network with Atlas's network.

    Raises:
        UnreadError, SkippedError: If it is not known, or there is none, which G401 reports.
    """
    remote = _atlas_network(facts)
    mirror = _mirror(known(facts.network.gcp_networks).get(facts.entry.network_id, ()), remote)
    if mirror is None or mirror.state != ACTIVE:
        raise skip(f"{named(facts.entry.network_title)} has no {ACTIVE} peering with Atlas's network.", "G401")
    return mirror


def _is_imported(block: ipaddress.IPv4Network, routes: t.Mapping[ipaddress.IPv4Network, bool | None]) -> bool | None:
    """Return whether the other network imports the route to a block; None if GCP does not report it."""
    states = {state for destination, state in routes.items() if block.subnet_of(destination)}
    return True if True in states else None if None in states else False


def _title_of(client: ClientRange) -> str:
    return f"{named(client.block)} ({client.name})" if client.name != str(client.block) else client.name


def _advice_on_import(lost: t.Sequence[ClientRange], mirror: Peering) -> str:
    """Return what to do about clients without a route back. Ranges of public addresses are imported only on demand.

    Source: `importSubnetRoutesWithPublicIp` in the description of the Compute Engine API v1.
    """
    if not any(one.block.is_global for one in lost):
        return (
            "Look at the routes of the peering in GCP (gcloud compute networks peerings list-routes), and ask MongoDB's support."
        )
    export = f"; the peering {named(mirror.name)} does not even export them" if mirror.exports_public is False else ""
    return f"Atlas imports no ranges of public addresses{export}: use private ones for these clients, or ask MongoDB's support."


def mirror_advice(facts: ConnectionFacts) -> str:
    """Return what to do about the customer's half: wait if GCP has it, or else make it."""
    if _is_mirror_active(facts):
        return _WAIT
    if _atlas_names(facts) is None:
        return (
            "Make it: atlas_gcp_peering, or atlas_peering. The network container has atlas_gcp_project_id and atlas_network_name."
        )
    return "Make it: atlas_gcp_peering, or the role."


def mirror_lines(facts: ConnectionFacts) -> FixLines:
    """Return the line that makes the customer's half; none if it is there, or the names of Atlas's network are not known."""
    return () if _is_mirror_active(facts) else _create_line(facts)


def lines_to_make_again(mirror: Peering, facts: ConnectionFacts) -> FixLines:
    """Return the lines that remove a peering of the network with Atlas's network, and make it again."""
    return together(_delete_line(mirror, facts.entry.network_id, facts), _create_line(facts))


def _create_line(facts: ConnectionFacts) -> FixLines:
    names, entry = _atlas_names(facts), facts.entry
    if names is None:
        return ()
    own = {"project": entry.params["gcp_project_id"], "network": entry.network_id}
    options = {**own, "peer_project": names[0], "peer_network": names[1]}
    return gcloud("networks peerings create", peering_name(names[1]), **options)


def _delete_line(mirror: Peering | None, network: str, facts: ConnectionFacts) -> FixLines:
    names = {"project": facts.entry.params["gcp_project_id"], "network": network}
    return gcloud("networks peerings delete", None if mirror is None else mirror.name, **names)


def _is_mirror_active(facts: ConnectionFacts) -> bool:
    """Whether GCP was read, and has an ACTIVE peering with Atlas's network."""
    names, networks = _atlas_names(facts), known_or(facts.network.gcp_networks, {})
    mirror = _mirror(networks.get(facts.entry.network_id, ()), network_path(*names)) if names is not None else None
    return mirror is not None and mirror.state == ACTIVE


def is_mirror_missing(facts: ConnectionFacts) -> bool:
    """Whether GCP was read and has no ACTIVE peering with Atlas's network, which G401 or G402 report."""
    is_read = known_or(facts.network.gcp_networks, None) is not None
    return is_read and _atlas_names(facts) is not None and not _is_mirror_active(facts)


def _atlas_names(facts: ConnectionFacts) -> tuple[str, str] | None:
    """Return the project and the name of Atlas's network, from the container or else the entry; None if not known."""
    container, entry = known_or(facts.atlas.container, None), facts.entry
    project, network = entry.params["atlas_gcp_project_id"], entry.params["atlas_network_name"]
    if container is not None:
        project, network = container["atlas_gcp_project_id"], container["atlas_network_name"]
    return (project, network) if project and network else None


def _atlas_network(facts: ConnectionFacts) -> str:
    """Return the path of Atlas's network, if the customer's network has to have a peering with it in this state."""
    names = _atlas_names(facts)
    if not isinstance(facts.atlas.peer, Missing) and status_of(facts) not in _NEEDED:
        raise skip("Atlas's side is not ready.", "P101")
    if names is not None:
        return network_path(*names)
    if isinstance(facts.atlas.container, Missing):
        raise SkippedError(facts.atlas.container)
    container = need_container(facts)
    raise UnreadError(Unread(f"Atlas does not report the names of its network in network container {unnamed(container['id'])}."))


def _mirror(peerings: t.Iterable[Peering], remote: str) -> Peering | None:
    return next((one for one in peerings if one.network == remote), None)


def _networks_elsewhere(facts: ConnectionFacts, remote: str) -> list[str]:
    """Return the other networks of the project that have a peering with Atlas's network, but no live connection in Atlas."""
    entry, peers = facts.entry, facts.atlas.peers
    named = [entry.network_id]
    if not isinstance(peers, Missing):
        live = [one for one in known(peers) if not has_ended(one)]
        named += [one["network_name"] for one in live if one["gcp_project_id"] == entry.params["gcp_project_id"]]
    networks = known(facts.network.gcp_networks)
    return [name for name, peerings in networks.items() if name not in named and _mirror(peerings, remote) is not None]


@check("G601", waits_for=("P102",), clouds=(GCP.name,))
def find_no_routes(facts: ConnectionFacts) -> Findings:
    """In each region with clients are routes to Atlas's subnets, which are parts of the container's block, all imported."""
    mirror, block, regions = active_mirror(facts), atlas_block_of(facts), client_regions(facts)
    if not regions:
        raise skip("There is no subnet to judge.")
    known(facts.network.gcp_incoming)
    without: list[str] = []
    seen: _Seen = {}
    for region in regions:
        try:
            there = atlas_routes(region, facts)
        except UnreadError as error:
            yield not_read(error.unread, region)
            continue
        without += [] if there else [region]
        for route in there:
            seen.setdefault(route, []).append(region)
    if without:
        message = f"{named(facts.entry.network_title)} has no route to Atlas ({named(block)}) in {listed(without)}."
        fix = "Look at the routes of the peering (gcloud compute networks peerings list-routes); remove it and make it again."
        evidence = {"regions": without, **mirror.to_result()}
        yield Finding("fail", facts.entry.network_id, message, fix, evidence, commands=lines_to_make_again(mirror, facts))
    yield from _not_imported(seen, facts)


def atlas_routes(region: str, facts: ConnectionFacts) -> list[tuple[ipaddress.IPv4Network, bool | None]]:
    """Return the routes of the peering in a region that lead into the container's block, and whether they are imported.

    Raises:
        UnreadError, SkippedError: If they are not known.
    """
    routes, block = known(facts.network.gcp_incoming), atlas_block_of(facts)
    there = known(routes.get(region, Unread(f"The routes in {named(region)} were not read.")))
    found = ((to_network(one.destination, "a route of the peering"), one.is_imported) for one in there)
    return [(destination, state) for destination, state in found if destination.subnet_of(block)]


def _not_imported(seen: _Seen, facts: ConnectionFacts) -> Findings:
    """Yield what is wrong with routes that are there."""
    title = facts.entry.network_title
    for (destination, is_imported), regions in seen.items():
        evidence = {"destination": str(destination), "regions": regions, "imported": is_imported}
        if is_imported is None:
            message = f"GCP does not report whether {named(title)} imports the route to {named(destination)}."
            yield Finding("unknown", facts.entry.network_id, message, "Check again in a minute.", evidence)
        elif not is_imported:
            message = f"{named(title)} does not import the route to Atlas's {named(destination)} in {listed(regions)}."
            fix = "Look for a subnet or a route of the network with the same addresses: it comes first."
            yield Finding("fail", facts.entry.network_id, message, fix, evidence)
