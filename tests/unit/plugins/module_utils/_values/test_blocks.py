"""What is left of a block if others are taken out of it; tests/properties compares it with brute force."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.blocks import is_within, parts_outside

BLOCK = ipaddress.IPv4Network("10.0.0.0/24")


@pytest.mark.parametrize(
    ("others", "parts"),
    [
        ([], ["10.0.0.0/24"]),
        (["10.0.0.0/24"], []),
        (["10.0.0.0/25", "10.0.0.128/25"], []),
        (["0.0.0.0/0"], []),
        (["10.0.0.0/25", "10.0.0.0/26", "10.0.0.64/26"], ["10.0.0.128/25"]),
        (["10.0.0.64/26"], ["10.0.0.0/26", "10.0.0.128/25"]),
        (
            ["10.0.0.255/32", "10.0.0.0/32"],
            [f"10.0.0.{2**n}/{32 - n}" for n in range(7)] + [f"10.0.0.{256 - 2 ** (n + 1)}/{32 - n}" for n in reversed(range(7))],
        ),
        (["10.0.1.0/24", "9.255.255.0/24"], ["10.0.0.0/24"]),
        (["255.255.255.255/32", "0.0.0.0/32"], ["10.0.0.0/24"]),
    ],
)
def test_the_parts_of_a_block_outside_of_others(others: list[str], parts: list[str]) -> None:
    networks = [ipaddress.IPv4Network(other) for other in others]
    assert [str(part) for part in parts_outside([BLOCK], networks)[BLOCK]] == parts
    assert is_within(BLOCK, networks) == (not parts)


def test_the_whole_address_space_has_ends() -> None:
    everything = ipaddress.IPv4Network("0.0.0.0/0")
    assert parts_outside([everything], [])[everything] == [everything]
    half = ipaddress.IPv4Network("128.0.0.0/1")
    assert parts_outside([everything], [half])[everything] == [ipaddress.IPv4Network("0.0.0.0/1")]
