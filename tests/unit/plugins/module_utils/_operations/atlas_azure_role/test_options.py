"""What atlas_azure_role refuses before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.azure_role_site import SCOPE, VNET, AzureSite

PARTS = dict(zip(("azure_subscription_id", "resource_group_name", "vnet_name"), VNET, strict=True))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"azure_directory_id": "example.com"}, "azure_directory_id is malformed: 'example.com'"),
        ({"vnet_resource_id": "test-vnet"}, "vnet_resource_id is not the resource id of a VNet: 'test-vnet'"),
        ({"vnet_resource_id": None}, "azure_subscription_id and resource_group_name and vnet_name are not set"),
        ({**PARTS, "vnet_resource_id": None, "vnet_name": None}, "The VNet is not named: vnet_name is not set."),
        ({**PARTS, "vnet_resource_id": None, "vnet_name": SCOPE}, "vnet_name is not a name in AZURE"),
        ({"vnet_name": "other"}, f"vnet_name is other, and vnet_resource_id names {VNET[2]}"),
        ({"azure_subscription_id": "x"}, "azure_subscription_id is malformed"),
        ({"role_definition_id": "Network Contributor"}, "role_definition_id is not the id of a role in AZURE"),
        ({"atlas_vnet_name": "test-vnet"}, "atlas_vnet_name is not the name of a network of Atlas: 'test-vnet'"),
        ({"wait_timeout": 0}, "wait_timeout must be at least 1 second"),
        ({"cloud_environment": "AzureUSGovernment"}, "cloud_environment is AzureUSGovernment"),
        ({"secret": None}, "client_id is set without secret"),
    ],
)
def test_what_cannot_be_right_is_refused(site: AzureSite, options: dict[str, Any], words: str) -> None:
    for check_mode in (True, False):
        for state in ("present", "absent"):
            done = site.run(**{**options, "state": state}, check_mode=check_mode)
            assert words in done.msg
            assert done.result["http_status"] is None
            assert site.azure.requests == []


@pytest.mark.parametrize("case", [str, str.upper])
def test_the_vnet_is_named_as_a_whole_or_by_its_parts(site: AzureSite, case: Any) -> None:
    by_parts = {name: case(value) for name, value in PARTS.items()}
    assert site.run(vnet_resource_id=None, **by_parts).changed
    for options in ({}, by_parts, {"vnet_resource_id": SCOPE.upper()}, {**by_parts, "vnet_resource_id": None}):
        done = site.run(**options)
        assert (done.failed, done.changed) == (False, False)
        assert done.result["azure_role"]["scope"] == SCOPE
