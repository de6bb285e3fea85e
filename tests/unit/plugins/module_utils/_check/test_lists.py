"""The lists of a project: what each of its connections asks of them is found once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.atlas_half import AtlasReading
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import (
    AtlasFacts,
    ListedEntries,
    ListedPeers,
    Missing,
    block_of,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.aws import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.cloud import Cloud
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.access_list import to_result

SIZE = 20


def peer(number: int) -> dict[str, Any]:
    return {"vpc_id": f"vpc-{number:08x}", "aws_account_id": "123456789012"}


def test_all_connections_share_the_lists_of_their_project() -> None:
    entries = ListedEntries([to_result({"cidrBlock": "10.0.0.0/16"})])
    reading = AtlasReading(ListedPeers([peer(1)]), [], entries, [], None, {})
    first, second = (
        replace(AtlasFacts.none(Missing("")), peers=reading.peers, access_list=reading.access_list) for unused in "12"
    )
    assert first.peers is second.peers is reading.peers
    assert first.access_list is second.access_list is reading.access_list
    (shared,) = reading.access_list
    assert str(block_of(shared)) == "10.0.0.0/16"
    assert block_of(shared) is block_of(shared)


def test_a_connection_is_found_by_its_network(monkeypatch: pytest.MonkeyPatch) -> None:
    key_of, asked = Cloud.network_key, 0

    def count(self: Cloud, fields: Any) -> Any:
        nonlocal asked
        asked += 1
        return key_of(self, fields)

    monkeypatch.setattr(Cloud, "network_key", count)
    peers = ListedPeers(map(peer, range(SIZE)))
    assert [peers.of_network(AWS, peer(number)) for number in range(SIZE)] == [[peer(number)] for number in range(SIZE)]
    assert asked == 2 * SIZE
    assert peers.of_network(AWS, peer(SIZE)) == ()
