from __future__ import annotations

from ipaddress import IPv4Network

from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import Route, RouteTable
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import Missing, Unread
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.prefixes import blocks_of_list, parts_of, ways_of

BLOCK = IPv4Network("192.168.248.0/21")
OURS = "pcx-1"


def parts(*routes: Route, lists: tuple[Route, ...] = (), blocks: dict[str, list[str]] | None = None) -> dict[str, str | None]:
    """Return the blocks that a table divides the block into, and their targets."""
    table = RouteTable("rtb-1", "vpc-1", {}, routes, list_routes=lists)
    found = parts_of(BLOCK, ways_of(table, blocks or {}).known, OURS)
    return {str(block): part.route.target if part.route else None for part in found for block in part.blocks}


def test_the_longest_prefix_wins() -> None:
    everywhere, atlas, part = Route("0.0.0.0/0", "nat-1"), Route(str(BLOCK), OURS), Route("192.168.250.0/24", "tgw-1")
    assert parts(everywhere) == {str(BLOCK): "nat-1"}
    assert parts(everywhere, atlas) == {str(BLOCK): OURS}
    assert parts(part, everywhere, atlas) == {
        "192.168.248.0/23": OURS,
        "192.168.251.0/24": OURS,
        "192.168.252.0/22": OURS,
        "192.168.250.0/24": "tgw-1",
    }


def test_two_routes_can_cover_the_block_together_or_leave_a_gap() -> None:
    first, second = Route("192.168.248.0/22", OURS), Route("192.168.252.0/22", OURS)
    assert parts(first) == {"192.168.248.0/22": OURS, "192.168.252.0/22": None}
    assert set(parts(first, second).values()) == {OURS}
    assert parts() == {str(BLOCK): None}
    assert parts(Route("10.0.0.0/8", "tgw-1")) == {str(BLOCK): None}


def test_a_static_route_wins_then_a_list_then_a_propagated_one() -> None:
    static, propagated = Route(str(BLOCK), "static"), Route(str(BLOCK), "propagated", is_propagated=True)
    over_list, blocks = Route("pl-1", "list"), {"pl-1": [str(BLOCK), "2001:db8::/32"]}
    assert parts(propagated, static, lists=(over_list,), blocks=blocks) == {str(BLOCK): "static"}
    assert parts(propagated, lists=(over_list,), blocks=blocks) == {str(BLOCK): "list"}
    assert parts(propagated) == {str(BLOCK): "propagated"}


def test_a_more_specific_route_wins_whatever_it_is() -> None:
    propagated = Route("192.168.248.0/22", "vgw-1", is_propagated=True)
    assert parts(Route(str(BLOCK), OURS), propagated) == {"192.168.248.0/22": "vgw-1", "192.168.252.0/22": OURS}


def test_of_two_lists_with_one_block_the_other_is_expected() -> None:
    lists = (Route("pl-1", OURS), Route("pl-2", "tgw-1"))
    blocks = {"pl-1": [str(BLOCK)], "pl-2": [str(BLOCK)]}
    assert parts(lists=lists, blocks=blocks) == {str(BLOCK): "tgw-1"}
    assert parts(lists=lists[::-1], blocks=blocks) == {str(BLOCK): "tgw-1"}


def test_a_list_that_was_not_read_is_told_with_its_permission() -> None:
    unread = Unread("No.", "ec2:GetManagedPrefixListEntries")
    table = RouteTable("rtb-1", "vpc-1", {}, (), list_routes=(Route("pl-1", OURS),))
    assert ways_of(table, unread).unread == ((Route("pl-1", OURS), unread),)
    assert blocks_of_list("pl-1", {"pl-1": unread}) is unread
    for lists in ({}, {"pl-1": Missing("None.")}, Missing("None.")):
        assert blocks_of_list("pl-1", lists) == Unread("The entries of pl-1 are not known.", "ec2:GetManagedPrefixListEntries")
