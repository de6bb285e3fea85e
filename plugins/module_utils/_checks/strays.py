# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps subnets from sending the whole block of the container to the connection. Pure."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from .._aws.objects import Subnet
from .check import Finding, Findings, not_read
from .facts import Facts, Missing, Unread
from .judge import atlas_block_of, connection_id_of
from .prefixes import Part
from .tables import TableView, views_of, with_ipv4, without_table
from .wording import listed


def judge_routes(subnets: t.Sequence[Subnet], facts: Facts) -> Findings:
    """Yield what keeps subnets from sending the whole block to the connection, one finding a table.

    Tables for which `judge_lists` yields something are left out.
    """
    for subnet_id in without_table(subnets, facts):
        yield Finding("unknown", subnet_id, f"AWS does not show a route table for {subnet_id}.", subnet_ids=(subnet_id,))
    for view in views_of(with_ipv4(subnets), facts):
        if view.strays and not view.unread:
            yield _stray_finding(view, facts)


def judge_lists(subnets: t.Sequence[Subnet], facts: Facts) -> Findings:
    """Yield which prefix lists could not be read, where they decide whether a table of subnets sends the whole block."""
    for view in views_of(with_ipv4(subnets), facts):
        for unread in view.unread:
            finding = not_read(unread, view.table.id, view.subnet_ids)
            yield dataclasses.replace(finding, message=f"{view.name} has a route to a prefix list. {unread.message}")


def _stray_finding(view: TableView, facts: Facts) -> Finding:
    clauses = "; ".join(_clause_of(part, facts) for part in view.strays)
    by = "by" if any(part.route for part in view.strays) else "in"
    parts = [
        {
            "cidr_blocks": [str(block) for block in part.blocks],
            "destination": part.route.destination if part.route else None,
            "target": part.route.target if part.route else None,
        }
        for part in view.strays
    ]
    return Finding(
        "fail",
        view.table.id,
        f"{clauses} {by} {view.name}, the table of {listed(view.subnet_ids)}.",
        _advice_on(view, facts),
        {"route_table_id": view.table.id, "subnet_ids": list(view.subnet_ids), "parts": parts},
        view.subnet_ids,
    )


def _clause_of(part: Part, facts: Facts) -> str:
    blocks = listed(part.blocks)
    verb = ("goes", "has") if len(part.blocks) == 1 else ("go", "have")
    if part.route is None:
        return f"{blocks} {verb[1]} no route"
    statuses: t.Mapping[str, str] = {}
    if not isinstance(facts.aws.statuses, (Unread, Missing)):
        statuses = facts.aws.statuses
    status = "black hole" if part.route.is_blackhole else statuses.get(part.route.target)
    return f"{blocks} {verb[0]} to {part.route.target}{f' ({status})' if status else ''}"


def _advice_on(view: TableView, facts: Facts) -> str:
    """Return what to do: a route for the whole block does not help against routes that are as specific, or more."""
    block = atlas_block_of(facts)
    destinations = {part.route.destination for part in view.strays if part.route is not None}
    narrow = sorted(one for one in destinations if one.startswith("pl-") or ipaddress.IPv4Network(one).subnet_of(block))
    advice = []
    if narrow:
        one, it = ("route", "it") if len(narrow) == 1 else ("routes", "them")
        advice.append(f"Remove the {one} to {listed(narrow)}, or point {it} at the connection.")
    if not narrow or len(narrow) < len(view.strays):
        advice.append(f"Route {block} to {connection_id_of(facts)} in {view.table.id}.")
    return " ".join(advice)
