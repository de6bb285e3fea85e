# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""G6: the VPC network imports the routes to Atlas, in each region with clients."""

from __future__ import annotations

import ipaddress
import typing as t

from ..._clouds.gcp import GCP
from ..._gcp.objects import PeeringRoute
from ..facts import ConnectionFacts, Unread, UnreadError, known
from .client_ranges import client_regions
from .common import atlas_block_of, listed, to_network
from .g4_mirror import active_mirror, lines_to_make_again
from .rule import Finding, Findings, check, not_read, skip

# The regions in which a network sees a route, by where it leads and whether the network imports it.
_Seen = dict[tuple[ipaddress.IPv4Network, t.Optional[bool]], list[str]]


@check("G601", waits_for=("P102",), clouds=(GCP.name,))
def find_no_routes(facts: ConnectionFacts) -> Findings:
    """In each region with clients are routes to Atlas's subnets, which are parts of the container's block, all imported."""
    mirror, block, regions = active_mirror(facts), atlas_block_of(facts), client_regions(facts)
    if not regions:
        raise skip("There is no subnet to judge.")
    routes = known(facts.network.gcp_incoming)
    without: list[str] = []
    seen: _Seen = {}
    for region in regions:
        try:
            there = _within(block, known(routes.get(region, Unread(f"The routes in {region} were not read."))))
        except UnreadError as error:
            yield not_read(error.unread, region)
            continue
        without += [] if there else [region]
        for route in there:
            seen.setdefault(route, []).append(region)
    if without:
        message = f"{facts.entry.title} has no route to Atlas ({block}) in {listed(without)}."
        fix = "Look at the routes of the peering (gcloud compute networks peerings list-routes); remove it and make it again."
        evidence = {"regions": without, **mirror.to_result()}
        yield Finding("fail", facts.entry.network, message, fix, evidence, commands=lines_to_make_again(mirror, facts))
    yield from _not_imported(seen, facts)


def _within(block: ipaddress.IPv4Network, routes: t.Iterable[PeeringRoute]) -> list[tuple[ipaddress.IPv4Network, bool | None]]:
    """Return the routes that lead into a block."""
    found = ((to_network(one.destination, "a route of the peering"), one.is_imported) for one in routes)
    return [(destination, state) for destination, state in found if destination.subnet_of(block)]


def _not_imported(seen: _Seen, facts: ConnectionFacts) -> Findings:
    """Yield what is wrong with routes that are there."""
    title = facts.entry.title
    for (destination, is_imported), regions in seen.items():
        evidence = {"destination": str(destination), "regions": regions, "imported": is_imported}
        if is_imported is None:
            message = f"GCP does not report whether {title} imports the route to {destination}."
            yield Finding("unknown", facts.entry.network, message, "Check again in a minute.", evidence)
        elif not is_imported:
            message = f"{title} does not import the route to Atlas's {destination} in {listed(regions)}."
            fix = "Look for a subnet or a route of the network with the same addresses: it comes first."
            yield Finding("fail", facts.entry.network, message, fix, evidence)
