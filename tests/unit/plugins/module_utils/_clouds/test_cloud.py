"""The clouds by their names, and which cloud a connection is with."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import (
    CLOUD_OPTIONS,
    CLOUDS,
    ONE_OF,
    TOGETHER,
    cloud_of,
    for_pending,
    identity_of,
    is_failed,
    is_leaving,
    is_pending,
    name_of,
    to_clouds,
)

FIELDS = {
    "AWS": {"aws_account_id": "123456789012", "vpc_id": "vpc-0a1b2c3d4e5f67890"},
    "AZURE": {"azure_subscription_id": "0A", "resource_group_name": "Net", "vnet_name": "Shop"},
    "GCP": {"gcp_project_id": "my-project", "network_name": "shop"},
}


def peer(cloud: str, status: str, **fields: Any) -> Any:
    return {"id": "1", "provider_name": cloud, "status_name": status, **FIELDS[cloud], **fields}


@pytest.mark.parametrize("cloud", FIELDS)
def test_the_fields_tell_the_cloud_whatever_a_reply_says(cloud: str) -> None:
    assert cloud_of(peer(cloud, "AVAILABLE", provider_name="MARS")) is CLOUDS[cloud]


def test_an_option_names_one_cloud_or_all() -> None:
    assert [one.name for one in to_clouds("all")] == ["AWS", "AZURE", "GCP"]
    assert [[one.name for one in to_clouds(name)] for name in (None, "AWS", "GCP")] == [["AWS"], ["AWS"], ["GCP"]]


def test_names_are_for_users_and_identities_for_comparing() -> None:
    expected = ["123456789012/vpc-0a1b2c3d4e5f67890", "0A/Net/Shop", "my-project/shop"]
    assert [name_of(fields) for fields in FIELDS.values()] == expected
    assert name_of({**FIELDS["AZURE"], "resource_group_name": None}) == "0A/Shop"
    assert identity_of(FIELDS["AZURE"]) == ("0a", "shop")
    assert identity_of({**FIELDS["AZURE"], "vnet_name": None}) == ("0a", None)
    assert identity_of(FIELDS["AWS"]) == ("123456789012", "vpc-0a1b2c3d4e5f67890")


@pytest.mark.parametrize(
    ("cloud", "status", "expected"),
    [
        ("AWS", "TERMINATING", (True, False, False)),
        ("AWS", "FAILED", (False, True, False)),
        ("AWS", "PENDING_ACCEPTANCE", (False, False, True)),
        ("AZURE", "DELETING", (True, False, False)),
        ("AZURE", "DELETION_FAILED", (False, True, False)),
        ("AZURE", "ADDING_PEER", (False, False, True)),
        ("AZURE", "AVAILABLE", (False, False, False)),
        ("GCP", "WAITING_FOR_USER", (False, False, True)),
        ("GCP", "DELETING", (True, False, False)),
        ("GCP", "SOMETHING_NEW", (False, False, False)),
    ],
)
def test_states_are_those_of_the_cloud(cloud: str, status: str, expected: tuple[bool, bool, bool]) -> None:
    found = peer(cloud, status)
    assert (is_leaving(found), is_failed(found), is_pending(found)) == expected


def test_what_to_do_with_pending_ones_names_their_clouds() -> None:
    words = ("Accept them in AWS", "Complete them in")
    assert for_pending([], *words) == "Accept them in AWS"
    assert for_pending([peer("AWS", "INITIATING"), peer("GCP", "AVAILABLE")], *words) == "Accept them in AWS"
    both = [peer("GCP", "WAITING_FOR_USER"), peer("AWS", "INITIATING")]
    assert for_pending(both, *words) == "Complete them in AWS and GCP"
    # Atlas makes both sides there.
    on_azure = peer("AZURE", "ADDING_PEER")
    assert for_pending([on_azure, *both], *words) == "Complete them in AWS and GCP"
    assert for_pending([on_azure, peer("AWS", "INITIATING")], *words) == "Accept them in AWS"
    assert for_pending([on_azure], *words) == "Complete them in AZURE"


def test_only_the_known_names_are_clouds() -> None:
    assert (list(CLOUDS), len(CLOUDS)) == (["AWS", "AZURE", "GCP"], 3)
    assert ("AZURE" in CLOUDS, "MARS" in CLOUDS, CLOUDS.get("MARS")) == (True, False, None)
    with pytest.raises(KeyError):
        CLOUDS["MARS"]


def test_each_cloud_has_its_name() -> None:
    assert {name: cloud.name for name, cloud in CLOUDS.items()} == {"AWS": "AWS", "AZURE": "AZURE", "GCP": "GCP"}


def test_what_argument_specs_take_is_what_the_clouds_say() -> None:
    assert {name: tuple(cloud.forms) for name, cloud in CLOUDS.items()} == CLOUD_OPTIONS
    pairs = [{*cloud.identity} for cloud in CLOUDS.values() if cloud.whole is None]
    assert [{*pair} for pair in TOGETHER] == pairs
    names = {name for cloud in CLOUDS.values() for name in (cloud.network, cloud.whole) if name is not None}
    assert {*ONE_OF} == names
