"""What the info modules of azure.azcollection return, and what they do not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.vnets import (
    Vnet,
    parse_vnet,
    parse_vnet_peering,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.invalid import InvalidValueError
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    GROUP,
    SUBSCRIPTION,
    VNET,
    VNET_BLOCK,
    VNET_ID,
    vnet_peering_reply,
    vnet_reply,
)

PEERING_ID = f"{VNET_ID}/virtualNetworkPeerings/atlas-peering"


def test_a_vnet_is_read() -> None:
    assert parse_vnet(vnet_reply()) == Vnet(SUBSCRIPTION, GROUP, VNET, (VNET_BLOCK,))
    # Without prefixes, the module leaves them out; IPv6 is not peered.
    without = {name: value for name, value in vnet_reply().items() if name != "address_prefixes"}
    assert parse_vnet(without).prefixes == ()
    assert parse_vnet(vnet_reply(address_prefixes=[VNET_BLOCK, "fd00::/48"])).prefixes == (VNET_BLOCK,)


def test_a_peering_is_read() -> None:
    read = parse_vnet_peering(vnet_peering_reply())
    found = (read.vnet, read.name, read.prefixes, read.state, read.sync_level)
    assert found == (Vnet(SUBSCRIPTION, GROUP, VNET), "atlas-peering", ("192.168.248.0/21",), "Connected", "FullyInSync")
    assert parse_vnet_peering(vnet_peering_reply(id=PEERING_ID.lower(), peering_sync_level=None)).sync_level is None
    assert parse_vnet_peering(vnet_peering_reply(remote_address_space={"address_prefixes": None})).prefixes == ()


def test_names_have_no_case_and_the_group_may_be_open() -> None:
    vnet = parse_vnet(vnet_reply())
    assert vnet.is_meant(SUBSCRIPTION.upper(), GROUP.upper(), VNET.upper())
    assert vnet.is_meant(SUBSCRIPTION, None, VNET)
    assert not vnet.is_meant(SUBSCRIPTION, "other", VNET)
    assert not vnet.is_meant(SUBSCRIPTION, None, "other")


@pytest.mark.parametrize(
    "odd",
    [
        {"id": None},
        {"id": VNET},
        {"id": PEERING_ID},
        {"address_prefixes": VNET_BLOCK},
        {"address_prefixes": ["shop"]},
        {"address_prefixes": [None]},
    ],
)
def test_what_is_no_vnet_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_vnet(vnet_reply(**odd))
    assert "azure_rm_virtualnetwork_info" in str(caught.value.hint)


@pytest.mark.parametrize(
    "odd",
    [
        {"id": VNET_ID},
        {"id": f"{PEERING_ID[1:]}"},
        {"peering_state": None},
        {"peering_sync_level": 5},
        {"remote_address_space": None},
        {"remote_address_space": {"address_prefixes": "10.0.0.0/8"}},
    ],
)
def test_what_is_no_peering_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_vnet_peering(vnet_peering_reply(**odd))
    assert "azure_rm_virtualnetworkpeering_info" in str(caught.value.hint)
