"""The filters of blocks: what they find, compared with a search of every block, and what they refuse."""

from __future__ import annotations

import inspect
import ipaddress
import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.cloudpeer.atlas.plugins.filter import next_free_blocks as documented_free
from ansible_collections.cloudpeer.atlas.plugins.filter import overlapping_blocks as documented_overlapping
from ansible_collections.cloudpeer.atlas.plugins.filter.next_free_blocks import next_free_blocks
from ansible_collections.cloudpeer.atlas.plugins.filter.overlapping_blocks import overlapping_blocks
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_network_container_info import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values import free_blocks
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.nativetypes import NativeEnvironment

# The block of a container on AWS that is made without one: Atlas's documentation, Set Up a Network Peering Connection.
DEFAULT = "192.168.248.0/21"


@pytest.mark.parametrize(
    ("taken", "size", "options", "free"),
    [
        ([], 16, {}, ["10.0.0.0/16"]),
        (["10.0.0.0/24"], 16, {}, ["10.1.0.0/16"]),
        (["10.1.0.0/16"], 16, {"count": 3}, ["10.0.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]),
        (["10.0.0.0/9"], "9", {"count": "1"}, ["10.128.0.0/9"]),
        (["0.0.0.0/1"], 24, {"within": ["192.168.0.0/24", "10.0.0.0/8"]}, ["192.168.0.0/24"]),
        ([], 24, {"within": ["10.0.1.0/24", "10.0.0.0/24", "10.0.0.0/25"], "count": 2}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ([], 32, {"within": "255.255.255.255/32"}, ["255.255.255.255/32"]),
        ([], 21, {"within": "192.168.240.0/20"}, ["192.168.240.0/21"]),
        (["192.168.240.0/21"], 21, {"within": "192.168.240.0/20", "avoid_defaults": False}, [DEFAULT]),
        ([], 21, {"within": "192.168.240.0/20", "avoid_defaults": False, "avoid": "192.168.240.0/22"}, [DEFAULT]),
        ([], 16, {"within": "172.16.0.0/12", "count": 2}, ["172.16.0.0/16", "172.18.0.0/16"]),
        ([], 16, {"within": "172.16.0.0/12", "avoid": ["172.16.0.0/16"]}, ["172.18.0.0/16"]),
        ([], 16, {"within": "172.16.0.0/12", "avoid": ["172.16.0.0/16"], "avoid_defaults": False}, ["172.17.0.0/16"]),
        ((one for one in ["10.0.0.0/16"]), 16, {"avoid": "10.1.0.0/16"}, ["10.2.0.0/16"]),
    ],
)
def test_free_blocks(taken: Any, size: Any, options: dict[str, Any], free: list[str]) -> None:
    assert next_free_blocks(taken, size, **{"within": "10.0.0.0/8", **options}) == free


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"taken": ["192.168.240.0/21"]}, ["no block of /21 is free in 192.168.240.0/20", "larger within"]),
        ({"taken": ["192.168.240.0/22"], "size": 22, "count": 2}, ["only 1 of 2 blocks of /22 are free", "192.168.240.0/20"]),
        ({"size": 16}, ["no block of /16", "192.168.240.0/20"]),
        ({"size": 33}, ["size is 33", "from 1 to 32"]),
        ({"size": True}, ["size is True"]),
        ({"size": "x"}, ["size is 'x'"]),
        ({"size": 21.5}, ["size is 21.5"]),
        ({"count": 0}, ["count is 0", "from 1 to"]),
        ({"taken": ["10.0.0.0/8", "10.0.0.1/8"]}, ["the list[1] has host bits set: '10.0.0.1/8'", "10.0.0.0/8"]),
        ({"taken": "vpc"}, ["the list is not a CIDR block: 'vpc'"]),
        ({"taken": ["fd00::/8"]}, ["the list[0] is an IPv6 block: 'fd00::/8'", "IPv4"]),
        ({"taken": [None]}, ["the list[0] is not a CIDR block: None"]),
        ({"taken": None}, ["the list is not a list of blocks: None"]),
        ({"taken": {"10.0.0.0/8": 1}}, ["the list is not a list of blocks"]),
        ({"within": []}, ["within is empty"]),
        ({"within": ["10.0.0.0"]}, ["within[0] is an address without a prefix length: '10.0.0.0'"]),
        ({"avoid": ["10.0.0.0/08"]}, ["avoid[0] is not", "'10.0.0.0/08'"]),
        ({"avoid": [], "taken": ["192.168.240.0/21"]}, ["no block of /21 is free in 192.168.240.0/20"]),
        ({"avoid_defaults": "false"}, ["avoid_defaults is 'false'", "true or false"]),
    ],
)
def test_refusals_name_the_value(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        next_free_blocks(**{"taken": [], "size": 21, "within": "192.168.240.0/20", **changes})
    assert [word for word in ("next_free_blocks: ", *words) if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("blocks", "pairs"),
    [
        ([], []),
        (["10.0.0.0/16", "10.1.0.0/16"], []),
        (["10.0.8.0/21", "10.0.0.0/16"], [["10.0.0.0/16", "10.0.8.0/21"]]),
        ([DEFAULT] * 3, [[DEFAULT, DEFAULT]]),
        (
            ["10.0.0.0/8", "10.0.0.0/16", "10.0.1.0/24", "10.1.0.0/16"],
            [
                ["10.0.0.0/8", "10.0.0.0/16"],
                ["10.0.0.0/8", "10.0.1.0/24"],
                ["10.0.0.0/8", "10.1.0.0/16"],
                ["10.0.0.0/16", "10.0.1.0/24"],
            ],
        ),
    ],
)
def test_overlapping_blocks(blocks: list[str], pairs: list[list[str]]) -> None:
    found = overlapping_blocks(blocks)
    assert sorted(found) == sorted(pairs)
    assert len(found) == len(pairs)


def test_the_block_of_many_projects_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Atlas gives each project the same one by default, so a whole organization has many equal blocks."""
    compared, real = list[Any](), free_blocks.ends_of
    monkeypatch.setattr(free_blocks, "ends_of", lambda block: compared.append(block) or real(block))
    assert overlapping_blocks([DEFAULT] * 500) == [[DEFAULT, DEFAULT]]
    assert compared == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: next_free_blocks([], 21), "next_free_blocks: missing a required argument: 'within'. Write it like taken | "),
        (lambda: next_free_blocks([]), "next_free_blocks: missing a required argument: 'size'. Write it like taken | "),
        (lambda: next_free_blocks([], 21, inside="10.0.0.0/8"), "next_free_blocks: "),
        (lambda: next_free_blocks([], 21, "10.0.0.0/8", [], 1, False), "next_free_blocks: too many positional arguments. Write "),
        (lambda: overlapping_blocks([], 21), "overlapping_blocks: too many positional arguments. Write it like blocks | "),
        (
            lambda: overlapping_blocks([], size=21),
            "overlapping_blocks: got an unexpected keyword argument 'size'. Write it like ",
        ),
    ],
)
def test_a_wrong_call_says_how_to_call_it(call: Callable[[], object], words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"^{re.escape(words)}"):
        call()


def test_a_list_of_other_things_has_no_overlaps() -> None:
    with pytest.raises(AnsibleFilterError, match=r"overlapping_blocks: the list\[1\] is not a CIDR block: 7"):
        overlapping_blocks(["10.0.0.0/8", 7])


# All in one network of 64 addresses, so that they meet, and every block can be looked at.
WITHIN = ipaddress.IPv4Network("10.0.0.0/26")
BLOCKS = st.builds(
    lambda size, number: str([*WITHIN.subnets(new_prefix=size)][number % 2 ** (size - WITHIN.prefixlen)]),
    st.integers(26, 32),
    st.integers(0, 63),
)
LISTS = st.lists(BLOCKS, max_size=8)


def overlap(one: str, other: str) -> bool:
    return ipaddress.IPv4Network(one).overlaps(ipaddress.IPv4Network(other))


@settings(deadline=None)
@given(taken=LISTS, avoid=LISTS, size=st.integers(26, 32), count=st.integers(1, 8))
def test_every_free_block_is_found_in_order(taken: list[str], avoid: list[str], size: int, count: int) -> None:
    """Never one that overlaps, always within, sorted; the same again, and one after the other as all at once."""
    candidates = map(str, WITHIN.subnets(new_prefix=size))
    free = [one for one in candidates if not any(overlap(one, other) for other in (*taken, *avoid))]

    def ask(number: int, more: list[str]) -> list[str]:
        return next_free_blocks([*taken, *more], size, str(WITHIN), avoid, number)

    if len(free) < count:
        with pytest.raises(AnsibleFilterError, match=rf"/{size} (is|are) free in {WITHIN}"):
            ask(count, [])
        return
    found: list[str] = []
    for unused in range(count):
        found += ask(1, found)
    assert found == ask(count, []) == ask(count, []) == free[:count]


@settings(deadline=None)
@given(LISTS)
def test_every_pair_that_overlaps_is_found_once(blocks: list[str]) -> None:
    expected = {frozenset((one, other)) for one, other in itertools.combinations(blocks, 2) if overlap(one, other)}
    found = overlapping_blocks(blocks)
    assert {frozenset(pair) for pair in found} == expected
    assert len(found) == len(expected)
    assert all(ipaddress.IPv4Network(two).subnet_of(ipaddress.IPv4Network(one)) for one, two in found)
    order = [[(block.network_address, block.prefixlen) for block in map(ipaddress.IPv4Network, pair)] for pair in found]
    assert order == sorted(order)


def test_one_task_has_the_blocks_of_an_organization(make_atlas: Callable[..., Atlas]) -> None:
    """What `atlas_network_container_info` returns is what the filters take; other organizations do not count."""
    atlas = make_atlas(groups=3, orgs=2)
    for number, project in enumerate(atlas.emulator.projects):
        with project.now() as now:
            now.containers.create({"regionName": "EU_WEST_1", "atlasCidrBlock": f"10.128.{8 * number}.0/21"})
    options = {"group_id": None, "org_id": atlas.emulator.settings.org_ids[0]}
    taken = [one["atlas_cidr_block"] for one in atlas.run(OPERATION, **options).result["containers"]]
    assert next_free_blocks(taken, 21, "10.128.0.0/9", count=2) == ["10.128.8.0/21", "10.128.24.0/21"]
    assert overlapping_blocks(taken) == [[DEFAULT, DEFAULT]]


def test_large_networks_are_not_searched_block_by_block() -> None:
    """Twenty thousand blocks in two billion addresses: it ends before the time of a test does."""
    taken = [str(block) for block in itertools.islice(ipaddress.IPv4Network("10.0.0.0/8").subnets(new_prefix=24), 20_000)]
    assert next_free_blocks(taken, 32, within=["10.0.0.0/8", "128.0.0.0/1"]) == ["10.78.32.0/32"]
    assert overlapping_blocks(taken) == []


@pytest.mark.parametrize(
    "module", [documented_free, documented_overlapping], ids=lambda module: module.__name__.rpartition(".")[2]
)
def test_the_documentation_is_true(module: Any) -> None:
    """Its options are the arguments, and the examples come out as is said below them."""
    ((name, function),) = module.FilterModule().filters().items()
    documentation = yaml.safe_load(module.DOCUMENTATION)
    assert documentation["name"] == name == module.__name__.rpartition(".")[2]
    first, *others = inspect.signature(function).parameters.values()
    options = documentation["options"]
    assert [*options] == ["_input", *(one.name for one in others)]
    assert first.default is inspect.Parameter.empty
    required = {one.name for one in others if one.default is inspect.Parameter.empty}
    assert {option for option, one in options.items() if one.get("required")} == {"_input", *required}
    for one in others:
        default = list(one.default) if isinstance(one.default, tuple) else one.default
        assert one.name in required or options[one.name]["default"] == default
    environment = NativeEnvironment()
    environment.filters[f"cloudpeer.atlas.{name}"] = function
    for task in yaml.safe_load(module.EXAMPLES):
        assert environment.from_string(task["ansible.builtin.debug"]["msg"]).render(**task.get("vars", {}))
    said = re.search(r'msg: "\{\{ (.+) \}\}"\n +# (.+)\n', module.EXAMPLES)
    assert said
    assert str(environment.from_string(f"{{{{ {said[1]} }}}}").render()) == said[2]
