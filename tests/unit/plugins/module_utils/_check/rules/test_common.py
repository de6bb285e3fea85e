"""What several checks judge alike: blocks, ids, subnets, DNS servers; and words for sentences."""

from __future__ import annotations

import dataclasses
import ipaddress
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import DhcpOptions, Subnet
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import (
    Missing,
    SkippedError,
    Unread,
    UnreadError,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.common import (
    are_all_judged,
    atlas_block_of,
    connection_id_of,
    is_outside_entry,
    judged_subnets,
    listed,
    own_dns_servers,
    peer_of,
    ports_text,
    span_text,
    table_of,
    vpc_blocks_of,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.ids import written
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ATLAS_BLOCK,
    CONNECTION_ID,
    MAIN_TABLE_ID,
    SUBNET_IDS,
    TABLE_ID,
    VPC_BLOCK,
    VPC_ID,
    container,
    healthy,
    peer,
    table,
)

OFF = Missing("The Atlas half is off.")
UNREAD = Unread("Atlas refuses it.")


def test_the_block_is_the_entry_s_if_atlas_is_off() -> None:
    given = {"atlas_cidr_block": "10.99.0.0/21"}
    assert atlas_block_of(healthy(given)) == ipaddress.IPv4Network(ATLAS_BLOCK)
    assert atlas_block_of(healthy(given, container=OFF)) == ipaddress.IPv4Network("10.99.0.0/21")
    with pytest.raises(SkippedError) as skipped:
        atlas_block_of(healthy(container=None))
    assert skipped.value.missing.waits_for == "P104"
    with pytest.raises(SkippedError) as skipped:
        atlas_block_of(healthy(container=None, peer=None))
    assert skipped.value.missing.waits_for == "P101"
    with pytest.raises(UnreadError):
        atlas_block_of(healthy(given, container=UNREAD))
    with pytest.raises(UnreadError):
        atlas_block_of(healthy(container=container(atlas_cidr_block="nonsense")))


def test_the_connection_is_the_entry_s_if_atlas_is_off() -> None:
    given = {"connection_id": "pcx-0a1b2c3d4e5f6ffff"}
    assert connection_id_of(healthy(given)) == CONNECTION_ID
    assert connection_id_of(healthy(given, peer=OFF)) == "pcx-0a1b2c3d4e5f6ffff"
    for gone in (None, peer(connection_id=None)):
        with pytest.raises(SkippedError) as skipped:
            connection_id_of(healthy(given, peer=gone))
        assert skipped.value.missing.waits_for == "P101"
    with pytest.raises(UnreadError):
        connection_id_of(healthy(given, peer=UNREAD))


def test_there_is_no_connection_and_no_vpc_to_ask_about() -> None:
    with pytest.raises(SkippedError) as skipped:
        peer_of(healthy(peer=None))
    assert skipped.value.missing.waits_for == "P101"
    with pytest.raises(SkippedError) as skipped:
        vpc_blocks_of(healthy(vpc=None))
    assert skipped.value.missing.waits_for == "P404"
    assert vpc_blocks_of(healthy()) == [ipaddress.IPv4Network(VPC_BLOCK)]


def test_a_subnet_has_the_table_that_names_it_or_the_main_one() -> None:
    subnets = [Subnet(name, VPC_ID, None) for name in SUBNET_IDS]
    tables = [table(MAIN_TABLE_ID, is_main=True, subnet_ids=()), table(TABLE_ID, subnet_ids=SUBNET_IDS[:1])]
    assert [one.id for subnet in subnets if (one := table_of(subnet, tables))] == [TABLE_ID, MAIN_TABLE_ID]
    assert table_of(subnets[1], tables[1:]) is None


@pytest.mark.parametrize(
    ("entry", "selection", "judged"),
    [
        ({}, {}, SUBNET_IDS),
        ({}, {"subnet_ids": SUBNET_IDS[1:]}, SUBNET_IDS[1:]),
        ({}, {"subnet_ids": ()}, ()),
        ({"route_table_ids": (TABLE_ID,)}, {}, SUBNET_IDS[:1]),
        ({"route_table_ids": (MAIN_TABLE_ID,)}, {}, SUBNET_IDS[1:]),
        ({"route_table_ids": (MAIN_TABLE_ID,)}, {"subnet_ids": SUBNET_IDS[:1]}, SUBNET_IDS[:1]),
        ({"route_table_tags": {"tier": "private"}}, {}, ()),
        ({"cidr_block": "10.15.2.0/24"}, {}, SUBNET_IDS[1:]),
        ({"cidr_block": "10.15.2.0/24"}, {"subnet_ids": SUBNET_IDS}, SUBNET_IDS),
        ({"cidr_block": None}, {}, SUBNET_IDS),
    ],
)
def test_options_or_tables_choose_the_subnets(entry: dict[str, Any], selection: dict[str, Any], judged: tuple[str, ...]) -> None:
    facts = healthy(entry, selection)
    assert tuple(one.id for one in judged_subnets(facts)) == judged
    assert are_all_judged(facts) == (not selection and not entry.keys() & {"route_table_ids", "route_table_tags"})


def test_tags_choose_tables() -> None:
    private = dataclasses.replace(table(TABLE_ID, subnet_ids=SUBNET_IDS[:1]), tags={"tier": "private", "team": "shop"})
    tagged = [private, table(MAIN_TABLE_ID, is_main=True)]
    chosen = judged_subnets(healthy({"route_table_tags": {"tier": "private"}}, route_tables=tagged))
    assert [one.id for one in chosen] == [SUBNET_IDS[0]]
    assert judged_subnets(healthy({"route_table_tags": {"tier": "private", "team": "other"}}, route_tables=tagged)) == []


def test_tables_are_needed_only_if_they_choose() -> None:
    unread = Unread("AWS refuses it.", "ec2:DescribeRouteTables")
    assert len(judged_subnets(healthy(route_tables=unread))) == len(SUBNET_IDS)
    with pytest.raises(UnreadError):
        judged_subnets(healthy({"route_table_ids": (TABLE_ID,)}, route_tables=unread))


def test_a_subnet_for_ipv6_alone_is_never_outside() -> None:
    facts = healthy({"cidr_block": "10.15.2.0/24"})
    assert not is_outside_entry(Subnet("subnet-1", VPC_ID, None), facts)
    assert is_outside_entry(Subnet("subnet-1", VPC_ID, "10.15.3.0/24"), facts)


@pytest.mark.parametrize(
    ("servers", "own"),
    [
        (("AmazonProvidedDNS",), []),
        (("169.254.169.253", "10.15.0.2"), []),
        # Source: "Understanding Amazon DNS" in the Amazon VPC user guide.
        (("fd00:ec2::253",), []),
        (("AmazonProvidedDNS", "10.15.0.53"), ["10.15.0.53"]),
        ((), []),
    ],
)
def test_amazon_s_servers_are_not_own_ones(servers: tuple[str, ...], own: list[str]) -> None:
    assert own_dns_servers(healthy(dhcp_options=DhcpOptions("dopt-1", servers))) == own
    # Without the VPC, its resolver cannot be told by its address.
    if "10.15.0.2" in servers:
        assert own_dns_servers(healthy(dhcp_options=DhcpOptions("dopt-1", servers), vpc=UNREAD)) == ["10.15.0.2"]


def test_a_list_names_three_and_how_many_more_there_are() -> None:
    for names, text in (("", ""), ("a", "a"), ("ab", "a and b"), ("abcd", "a, b, c and d"), ("abcde", "a, b, c and 2 more")):
        assert written(listed(names)) == text


@pytest.mark.parametrize(
    ("ranges", "text"),
    [
        ([(27017, 27017)], "port 27017"),
        ([(27015, 27016)], "ports 27015 to 27016"),
        ([(27015, 27015), (27017, 27018)], "ports 27015 and 27017 to 27018"),
    ],
)
def test_ports_are_one_or_several(ranges: list[tuple[int, int]], text: str) -> None:
    assert written(ports_text(ranges)) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(days=2, hours=3, minutes=4), "2 d 3 h"),
        (timedelta(days=2, minutes=4), "2 d"),
        (timedelta(hours=3), "3 h 0 min"),
        (timedelta(minutes=5, seconds=59), "5 min"),
        (timedelta(seconds=59), "0 min"),
        (timedelta(days=-1), "0 min"),
    ],
)
def test_a_span_has_its_two_greatest_units(span: timedelta, text: str) -> None:
    assert written(span_text(span)) == text
