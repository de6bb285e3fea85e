"""Where a drawing has its parts: within each other, beside each other, and with the numbers of what was found."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.drawing import NARROW, WIDE, Box, Drawing, Layout, draw
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import view_of
from ansible_collections.cloudpeer.atlas.tests.support.checked import connection, faulty, finding, on_azure, on_gcp, peering_check

both_layouts = pytest.mark.parametrize("layout", [WIDE, NARROW], ids=lambda layout: layout.name)


def drawn(result: dict, layout: Layout) -> Drawing:
    return draw(view_of(peering_check(result)).connections[0], layout)


def is_within(inner: Box, outer: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def do_meet(one: Box, other: Box) -> bool:
    return not (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


@both_layouts
@pytest.mark.parametrize("subnets", [0, 1, 2, 5, 60])
@pytest.mark.parametrize("clusters", [0, 1, 20])
def test_nothing_lies_on_something_else(layout: Layout, subnets: int, clusters: int) -> None:
    names = [f"cluster-{number}" for number in range(clusters)]
    picture = drawn(connection(subnets=subnets, cluster_names=names), layout)
    assert len(picture.subnets) == subnets
    assert not do_meet(picture.container, picture.vpc)
    assert all(is_within(box, picture.vpc) for box in picture.subnets)
    assert not any(do_meet(one, other) for one, other in itertools.combinations(picture.subnets, 2))
    for box in (picture.container, picture.vpc):
        assert 0 <= box.x <= box.x + box.width <= layout.width
        assert box.y + box.height <= picture.height
    # The lines of text stay in their box.
    assert picture.container.y + 28 + 17 * len(picture.container.lines) < picture.container.y + picture.container.height
    x1, y1, x2, y2 = picture.line
    assert (x1, y2) == (x2, picture.vpc.y) if layout.is_stacked else (x2, y1) == (picture.vpc.x, y2)


@both_layouts
def test_each_finding_is_numbered_where_it_belongs(layout: Layout) -> None:
    picture = drawn(faulty(), layout)
    places = {
        "container": picture.container.badges,
        "vpc": picture.vpc.badges,
        "connection": picture.badges,
        **{box.title: box.badges for box in picture.subnets},
    }
    assert {place: [(badge.number, badge.severity) for badge in badges] for place, badges in places.items() if badges} == {
        "subnet-0a1b2c3d4e5f60001": [(1, "fail"), (2, "fail")],
        "container": [(4, "warn"), (6, "info")],
        "connection": [(5, "warn")],
        "vpc": [(3, "unknown")],
    }


@both_layouts
def test_names_make_room_for_themselves(layout: Layout) -> None:
    result = connection(subnets=6, vpc_name="shop")
    plain = drawn(result, layout)
    result["subnets"][4]["subnet_name"] = "shop-a"
    picture = drawn(result, layout)
    assert picture.vpc.title == "vpc-0a1b2c3d4e5f60000 shop"
    assert picture.subnets[4].lines == ("shop-a", "10.15.4.0/24")
    assert picture.subnets[0].lines == ("10.15.0.0/24",)
    assert all(after.height - before.height == 15 for before, after in zip(plain.subnets, picture.subnets))
    assert all(is_within(box, picture.vpc) for box in picture.subnets)
    assert not any(do_meet(one, other) for one, other in itertools.combinations(picture.subnets, 2))


def test_a_table_is_shown_on_its_subnets() -> None:
    result = connection(subnets=60)
    ids = [subnet["subnet_id"] for subnet in result["subnets"]]
    result["checks"] = [
        finding("P601", "fail", "rtb-0a1b2c3d4e5f60001", subnet_ids=ids[::3]),
        finding("P301", "fail", "access list", subnets={ids[1]: ["10.15.1.0/24"]}),
        # What names all of them, or none that is judged, is shown where it belongs.
        finding("P602", "fail", "rtb-0a1b2c3d4e5f60001", subnet_ids=ids),
        finding("P603", "fail", "rtb-0a1b2c3d4e5f60001", subnet_ids=["subnet-0f"]),
    ]
    picture = drawn(result, WIDE)
    numbers = {box.title: [badge.number for badge in box.badges] for box in picture.subnets if box.badges}
    assert numbers == {**{name: [1] for name in ids[::3]}, ids[1]: [2]}
    assert [badge.number for badge in picture.vpc.badges] == [3, 4]


def test_subnets_are_in_the_order_of_their_blocks() -> None:
    result = connection(subnets=12)
    result["subnets"].reverse()
    result["subnets"][5]["cidr_block"] = None
    blocks = [box.lines[0] for box in drawn(result, WIDE).subnets]
    assert blocks == [*(f"10.15.{number}.0/24" for number in range(12) if number != 6), "IPv6 only"]


@both_layouts
def test_what_has_no_room_is_counted(layout: Layout) -> None:
    subnet_id = "subnet-0a1b2c3d4e5f60000"
    checks = [finding("P601", "fail", subnet_id)] * 100 + [finding("P401", "fail", "pcx-0a1b2c3d4e5f60000")] * 100
    picture = drawn(connection(checks=checks), layout)
    box = picture.subnets[0]
    for badges, left, right in ((box.badges, box.x, box.x + box.width), (picture.badges, 0, layout.width)):
        assert [badge.number for badge in badges[:-1]] == [badges[0].number + index for index in range(len(badges) - 1)]
        assert badges[-1].text == f"+{100 - len(badges) + 1}"
        assert all(left <= badge.x <= right for badge in badges)
        assert [badge.x for badge in badges] == sorted({badge.x for badge in badges})


def test_a_subnet_shows_its_own_verdict_and_block() -> None:
    result = faulty()
    result["subnets"][0]["cidr_block"] = None
    picture = drawn(result, WIDE)
    assert [(box.kind, box.lines) for box in picture.subnets] == [
        ("not_reachable", ("10.15.1.0/24",)),
        ("reachable_by_design", ("10.15.2.0/24",)),
        ("reachable_by_design", ("IPv6 only",)),
    ]


def test_what_is_not_there_is_said() -> None:
    fields = dict.fromkeys(("aws_account_id", "region", "connection_id", "atlas_cidr_block", "container_id"))
    picture = drawn(connection(cluster_names=[], **fields), WIDE)
    assert picture.container.lines == ("block not known", "no network container", "no cluster judged")
    assert picture.vpc.lines == ("account and region not known",)
    assert picture.label[2] == "no connection"


def test_a_long_list_of_clusters_is_cut() -> None:
    lines = drawn(connection(cluster_names=[f"c{number}" for number in range(20)]), WIDE).container.lines
    assert lines[2:] == ("c0", "c1", "c2", "c3", "c4", "and 15 more")


@pytest.mark.parametrize("layout", [WIDE, NARROW])
def test_a_network_of_another_cloud_has_its_name_and_its_place(layout: Layout) -> None:
    picture = drawn(on_gcp(), layout)
    assert (picture.vpc.title, picture.vpc.lines) == ("VPC network my-network", ("my-project",))
    assert picture.label[2] == "5a1b2c3d4e5f6a7b8c9d0000"
    # The peering is what both have in common, and shared addresses are the VNet's.
    assert [badge.number for badge in picture.badges] == [1]
    nowhere = drawn(on_azure(azure_subscription_id=None, resource_group_name=None, peer_id=None), layout)
    assert nowhere.vpc.lines == ("subscription and resource group not known",)
    assert nowhere.label[2] == "no connection"
    overlap = drawn(on_azure(checks=[finding("A403", "fail", "shop-vnet")]), layout)
    assert ([badge.number for badge in overlap.vpc.badges], overlap.badges) == ([1], ())
