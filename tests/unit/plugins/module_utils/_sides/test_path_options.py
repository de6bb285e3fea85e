"""The options of atlas_peering and the rules of its list: checked without a network, and named as the task has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._accounts.credentials import (
    azure_credentials_of,
    gcp_credentials_of,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import CLOUDS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, names_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._entries.parser import PeerEntry
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.credentials import DEFAULT_SCOPES
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, TaskError, as_option
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.path_options import (
    PATH_SPEC,
    aws_credentials,
    fill_in_project,
    halves_of,
    ignored_options,
    validate,
    with_project,
)
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, without_names
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.sets import azure, gcp, vpc

GROUP = "5356823b3794dee37132bb7b"
VPC = {"vpc_id": vpc(1), "aws_account_id": ACCOUNT}
VNET = azure(1)
NETWORK = gcp(1)
VNET_NAME = "2a9b7c1e-0000-4000-8000-00000000000e/network/vnet-1"
NETWORK_NAME = "my-sample-project-191923/net-1"
PCX = "pcx-0a1b2c3d4e5f67890"
WITHOUT_ATLAS = {"connection_id": PCX, "container_cidr_block": "192.168.248.0/21"}
KEY = {"aws_access_key": "AKIA", "aws_secret_key": "canary-aws"}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GCP_ACCESS_TOKEN", "GCP_SERVICE_ACCOUNT_FILE", "MONGODB_ATLAS_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)


def validated(*connections: dict[str, Any], **options: Any) -> tuple[Any, list[str]]:
    checked = ArgumentSpecValidator(**PATH_SPEC.to_kwargs()).validate(
        {"group_id": GROUP, "connections": [*connections], **options}
    )
    assert checked.error_messages == []
    return validate(fill_in_project(checked.validated_parameters))


def entries(*connections: dict[str, Any], **options: Any) -> tuple[PeerEntry, ...]:
    found: tuple[PeerEntry, ...] = validated(*connections, **options)[0]["connections"]
    return found


def refused(*connections: dict[str, Any], **options: Any) -> str:
    with pytest.raises(InvalidOptionError) as caught:
        validated(*connections, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"api_version": "v1.0"}, "api_version must be v2. Leave it out"),
        (
            {"group_id": "shop"},
            "group_id is malformed: 'shop'. Atlas's ids are 24 hexadecimal digits, in lower case. The name of a project",
        ),
        ({"parallel": 0}, "parallel must be from 1 to 16."),
        ({"parallel": 17}, "parallel must be from 1 to 16."),
        ({"wait_timeout": 0}, "wait_timeout must be at least 1 second."),
        ({"wait_sleep": 0}, "wait_sleep must be at least 1 second."),
        ({"azure_role_timeout": -1}, "azure_role_timeout must be from 0 to 86400 seconds."),
        ({"max_deletions": -1}, "max_deletions must be 0 or more."),
        ({"atlas_aws_account_ids": [ACCOUNT, "12"]}, "atlas_aws_account_ids[1] is not the id of an AWS account"),
        ({"tags": {"team": True}}, "tags has no text for 'team'."),
        ({"ignore": [{"vpc": "x"}]}, "ignore[0].vpc is not a field."),
        ({"ignore": [{"aws_account_id": 1402433619}]}, "ignore[0].aws_account_id"),
        ({"container_region": "somewhere"}, "container_region is not an AWS region: 'somewhere'."),
        ({"container_cidr_block": "8.8.8.0/24"}, "container_cidr_block is not private: '8.8.8.0/24'."),
        ({"prune": True, "atlas": False}, "prune needs atlas, which is false."),
        ({"aws_session_token": "x"}, "aws_session_token is set without aws_access_key and aws_secret_key."),
        ({"aws_region": "somewhere"}, "aws_region is not an AWS region"),
    ],
    ids=str,
)
def test_an_option_that_cannot_be_right_is_refused(options: dict[str, Any], message: str) -> None:
    assert refused({**VPC, **WITHOUT_ATLAS}, **options).startswith(message)


@pytest.mark.parametrize(
    ("connection", "options", "message"),
    [
        ({"aws_account_id": ACCOUNT}, {}, "connections[0] is one on AWS, and lacks vpc_id."),
        ({"vpc_id": vpc(1)}, {}, "connections[0] is one on AWS, and lacks aws_account_id."),
        ({**VPC, "vpc_id": ""}, {}, "connections[0].vpc_id is empty."),
        ({**VNET, "azure_directory_id": ""}, {}, "connections[0] is one on AZURE, and lacks azure_directory_id."),
        ({"vnet_name": "x"}, {}, "connections[0] is one on AZURE, and lacks azure_subscription_id and resource_group_name and"),
        ({"network_name": "x"}, {}, "connections[0] is one on GCP, and lacks gcp_project_id."),
        ({}, {}, "connections[0] names no network."),
        ({**VPC, "vnet_name": "x"}, {}, "connections[0]: vpc_id and vnet_name are options of two clouds."),
        ({**VPC, "provider_name": "GCP"}, {}, "connections[0]: vpc_id is not an option for GCP, which provider_name names."),
        ({**VPC, "vpcid": "x"}, {}, "connections[0]: vpcid is not an option (vpc_id?)."),
        ({**VPC, "comment": "x" * 81}, {}, "connections[0]: comment is longer than 80 characters, which Atlas refuses."),
        ({**VPC, "cidr_blocks": ["10.0.0.0/8"]}, {}, "connections[0]: cidr_blocks is an option for AZURE and GCP."),
        ({**VPC, "cidr_block": "8.8.8.0/24"}, {}, "connections[0]: cidr_block is not private: '8.8.8.0/24'."),
        ({**VPC, "cidr_block": "10.16.0.1/16"}, {}, "connections[0]: cidr_block has host bits set: '10.16.0.1/16'. The"),
        ({**VPC, "route_table_cidr_block": "x"}, {}, "connections[0]: route_table_cidr_block is not a CIDR block"),
        ({**VPC, "region": "somewhere"}, {}, "connections[0]: region is not an AWS region"),
        ({**VPC, "accepter_region_name": "here"}, {}, "connections[0]: accepter_region_name is not an AWS region"),
        ({**VPC, "container_region": "here"}, {}, "connections[0]: container_region is not an AWS region"),
        ({**VPC, "container_cidr_block": "10.0.0.0/8"}, {}, "connections[0]: container_cidr_block has the wrong size"),
        ({**VPC, "atlas_cidr_block": "10.0.0.0/8"}, {}, "connections[0]: atlas_cidr_block has the wrong size"),
        ({**VPC, "container_id": "0" * 24, "container_region": "us-east-1"}, {}, "connections[0]: container_id and container_"),
        ({**VPC, "route_table_ids": ["x"]}, {}, "connections[0]: route_table_ids"),
        ({**VPC, "route_table_ids": ["rtb-0a1b2c3d"], "route_table_tags": {"a": "b"}}, {}, "connections[0]: route_table_ids and"),
        ({**VPC, "route_table_tags": {"a": None}}, {}, "connections[0]: route_table_tags has no text for 'a'."),
        ({**VPC, "aws_security_group": "default"}, {}, "connections[0]: aws_security_group has a malformed id: 'default'"),
        ({**VPC, "aws_profile": "a", **KEY}, {}, "connections[0]: aws_profile and aws_access_key are mutually exclusive."),
        ({**VPC, "aws_access_key": "AKIA"}, {}, "connections[0]: aws_access_key and aws_secret_key are two halves"),
        ({**VNET, "azure_client_id": "x"}, {}, "connections[0]: azure_client_id is set without azure_secret."),
        ({**NETWORK, "gcp_access_token": "x", "gcp_service_account_file": "y"}, {}, "connections[0]: gcp_service_account_file"),
        ({**NETWORK, "gcp_peering_name": "X"}, {}, "connections[0]: gcp_peering_name is not a name in GCP"),
        ({**NETWORK, "container_regions": [""]}, {}, "connections[0]: container_regions[0] is empty"),
        ({**NETWORK, "container_regions": ["europe-west3"], "container_cidr_block": "10.0.0.0/18"}, {}, "connections[0]: contai"),
        (VPC, {"atlas": False, "aws": False}, "atlas and aws are both false, so there is nothing to do on AWS."),
        (VNET, {"atlas": False, "azure": False}, "atlas and azure are both false, so there is nothing to do on AZURE."),
        (NETWORK, {"atlas": False, "gcp": False}, "atlas and gcp are both false, so there is nothing to do on GCP."),
        (VPC, {"atlas": False}, f"connections[0] ({vpc(1)}) needs connection_id and container_cidr_block with atlas: false."),
        (VPC, {"atlas": False, "state": "absent"}, f"connections[0] ({vpc(1)}) needs connection_id with atlas: false."),
        ({**VPC, "connection_id": ""}, {"atlas": False, "state": "absent"}, f"connections[0] ({vpc(1)}) needs connection_id"),
        ({**VPC, "connection_id": "x"}, {"atlas": False}, "connections[0]: connection_id is not the id of a peering connection"),
        (VPC, {"aws": False}, f"connections[0] ({vpc(1)}) needs cidr_block with aws: false."),
        (NETWORK, {"atlas": False}, f"connections[0] ({NETWORK_NAME}) needs atlas_gcp_project_id and atlas_network_name with at"),
        (NETWORK, {"atlas": False, "state": "absent"}, f"connections[0] ({NETWORK_NAME}) needs atlas_gcp_project_id and"),
    ],
    ids=str,
)  # fmt: skip
def test_an_entry_that_cannot_be_right_is_refused(connection: dict[str, Any], options: dict[str, Any], message: str) -> None:
    assert without_names(refused(connection, **options)).startswith(without_names(message))


@pytest.mark.parametrize(
    ("connections", "message"),
    [
        (
            [VPC, VPC],
            f"connections[1] ({vpc(1)}): it has the AWS account and the VPC of connections[0]. Declare it once, or set",
        ),
        ([VPC, {**VPC, "container_region": "us-east-1"}], "Declare it once, or set container_id or container_region in both."),
        ([{**VPC, "container_region": one} for one in ("us-east-1", "US_EAST_1")], "Both have the same network container"),
        ([{**VNET, "container_region": one} for one in ("westeurope", "EUROPE_WEST")], "Both have the same network container"),
        ([VNET, {**VNET, "vnet_name": "VNET-1"}], f"connections[1] ({VNET_NAME.replace('vnet-1', 'VNET-1')}): it has the"),
        ([NETWORK, {**NETWORK, "cidr_block": "10.0.0.0/8"}], "a project has one network container on GCP."),
        (
            [{**VPC, "container_cidr_block": "10.0.0.0/21"}, {**VPC, "vpc_id": vpc(2), "atlas_cidr_block": "10.8.0.0/21"}],
            "connections[1]: atlas_cidr_block is 10.8.0.0/21, and connections[0] has 10.0.0.0/21 for the same network container.",
        ),
        (
            [{**gcp(one), "container_cidr_block": f"10.{one}.0.0/18"} for one in (1, 2)],
            "connections[1]: container_cidr_block is 10.2.0.0/18, and connections[0] has 10.1.0.0/18 for the same",
        ),
        (
            [{**gcp(one), "container_regions": [f"europe-west{one}"]} for one in (2, 3)],
            "connections[1]: container_regions is EUROPE_WEST_3, and connections[0] has EUROPE_WEST_2 for the same",
        ),
    ],
    ids=str,
)
def test_entries_that_contradict_each_other_are_refused(connections: list[dict[str, Any]], message: str) -> None:
    assert without_names(message) in without_names(refused(*connections))


def test_all_mistakes_are_named_at_once() -> None:
    text = refused({**VPC, "region": "here"}, {}, VNET, VNET, parallel=99, wait_sleep=0, atlas=False, azure=False, prune=True)
    for part in (
        "parallel must",
        "wait_sleep must",
        "prune needs",
        "on AZURE. Set",
        f"connections[0] ({vpc(1)}): region",
        "connections[1] names",
        "connections[3] (",
    ):
        assert part in text


@pytest.mark.parametrize("connections", [None, {}])
def test_a_list_that_is_none_is_named(connections: Any) -> None:
    with pytest.raises(InvalidOptionError, match=r"^connections "):
        validate({**params_of(VPC), "connections": connections})


def params_of(*connections: dict[str, Any], **options: Any) -> dict[str, Any]:
    given = {"group_id": GROUP, "connections": [*connections], **options}
    checked = ArgumentSpecValidator(**PATH_SPEC.to_kwargs()).validate(given)
    return dict(fill_in_project(checked.validated_parameters))


def test_flags_and_numbers_may_be_text() -> None:
    params = params_of(VPC, atlas="yes", aws="False", prune="no", parallel="4", wait_timeout="90", max_deletions="0")
    assert [params[name] for name in ("atlas", "aws", "prune", "parallel", "wait_timeout")] == [True, False, False, 4, 90]


def test_an_empty_list_needs_allow_empty_to_prune() -> None:
    assert "connections is empty, and prune would remove everything." in refused(prune=True)
    for options in ({}, {"prune": True, "allow_empty": True}, {"prune": True, "state": "absent"}):
        params, warnings = validated(**options)
        assert (params["connections"], params["clouds"], warnings) == ((), (), [])


def test_state_absent_does_not_prune() -> None:
    assert not validated(VPC, prune=True, state="absent")[0]["prune"]


def test_absent_on_azure_needs_no_directory() -> None:
    (entry,) = entries({**VNET, "azure_directory_id": None}, state="absent")
    assert entry.params["azure_directory_id"] is None


def test_absent_on_gcp_takes_the_name_of_the_peering() -> None:
    (entry,) = entries({**NETWORK, "gcp_peering_name": "to-atlas"}, state="absent", atlas=False)
    assert entry.params["gcp_peering_name"] == "to-atlas"


@pytest.mark.parametrize(
    ("given", "own"),
    [
        (
            {**VPC, "connection_id": "", "cidr_block": "", "region": "", "route_table_ids": [], "route_table_tags": {}},
            "connection_id",
        ),
        ({**VPC, "connection_id": "no id"}, "connection_id"),
        ({**VNET, "atlas_vnet_name": "no name/"}, "atlas_vnet_name"),
        ({**NETWORK, "atlas_gcp_project_id": "?", "atlas_network_name": "?"}, "atlas_network_name"),
    ],
    ids=str,
)
def test_what_the_atlas_half_finds_out_is_ignored(given: dict[str, Any], own: str) -> None:
    (entry,) = entries(given)
    assert entry.params[own] is None


def test_entries_have_their_names_their_regions_and_all_options() -> None:
    first, second, third = found = entries(
        {**VPC, "region": "EU_WEST_1", "container_region": "US_EAST_1", "cidr_block": "10.1.0.0/16"},
        {**VNET, "container_region": "northeurope", "cidr_block": "10.2.0.0/16", "cidr_blocks": ["10.3.0.0/16"]},
        {**NETWORK, "container_regions": ["europe-west3"]},
    )
    assert [one.key for one in found] == ["connections[0]", "connections[1]", "connections[2]"]
    assert [one.title for one in found][::2] == [f"connections[0] ({vpc(1)})", "connections[2] (my-sample-project-191923/net-1)"]
    assert [one.name for one in found] == [vpc(1), VNET_NAME, "my-sample-project-191923/net-1"]
    assert (first.region, first.params["container_region"], second.region) == ("eu-west-1", "us-east-1", None)
    assert (second.params["container_region"], third.params["container_regions"]) == ("EUROPE_NORTH", ["EUROPE_WEST_3"])
    assert [one.blocks for one in found] == [("10.1.0.0/16",), ("10.2.0.0/16", "10.3.0.0/16"), ()]
    assert [one.comment for one in found] == [
        f"VPC peering with {vpc(1)}",
        "VPC peering with network/vnet-1",
        "VPC peering with my-sample-project-191923/net-1",
    ]
    assert first.params["comment"] is None


def test_the_vnet_may_be_one_id() -> None:
    group = "/subscriptions/2a9b7c1e-0000-4000-8000-00000000000e/resourceGroups/network"
    address = f"{group}/providers/Microsoft.Network/virtualNetworks/vnet-1"
    (entry,) = entries({"azure_directory_id": VNET["azure_directory_id"], "vnet_resource_id": address})
    assert (entry.name, entry.identity) == (VNET_NAME, entries(VNET)[0].identity)


@pytest.mark.parametrize(
    ("connections", "regions"),
    [
        ([VPC], ["eu-west-1"]),
        ([VNET], ["EUROPE_WEST"]),
        ([NETWORK], [None]),
        ([VPC, VNET, NETWORK], ["eu-west-1", None, None]),
        ([VNET, NETWORK], [None, None]),
        ([{**VPC, "container_id": "0" * 24}], [None]),
        ([{**VPC, "container_region": "us-east-1"}], ["us-east-1"]),
    ],
    ids=str,
)
def test_the_region_of_the_task_holds_for_its_cloud(connections: list[dict[str, Any]], regions: list[str]) -> None:
    region = "westeurope" if connections == [VNET] else "eu-west-1"
    assert [one.params["container_region"] for one in entries(*connections, container_region=region)] == regions


def test_the_block_of_the_task_holds_for_its_container() -> None:
    options = {"container_region": "eu-west-1", "container_cidr_block": "10.0.0.0/21"}
    others = ({**VPC, "vpc_id": vpc(2), "container_region": "us-east-1"}, {**VPC, "vpc_id": vpc(3), "container_id": "0" * 24})
    found = entries(VPC, *others, VNET, NETWORK, **options)
    assert [one.params["container_cidr_block"] for one in found] == ["10.0.0.0/21", None, None, None, None]
    assert entries(NETWORK, container_cidr_block="10.0.0.0/18")[0].params["container_cidr_block"] == "10.0.0.0/18"


def test_regions_that_have_no_effect_or_are_unknown_are_named() -> None:
    unused, warnings = validated({**VPC, "region": "xx-north-9"}, {**NETWORK, "container_region": "europe-west3"})
    assert warnings[0].startswith(f"connections[0] ({vpc(1)}): region 'xx-north-9' is not a region of AWS that this version")
    assert warnings[1].startswith(
        f"connections[1] ({NETWORK_NAME}): container_region has no effect: a project has one network container on GCP."
    )


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            VPC,
            f"{as_option('route_table_cidr_block')} 1 is not within 2.",
            f"connections[0] ({vpc(1)}): cidr_block 1 is not within 2.",
        ),
        (VPC, f"{as_option('atlas_cidr_block')} is required.", f"connections[0] ({vpc(1)}): container_cidr_block is required."),
        (VPC, f"{as_option('security_group_ids')} has sg-1.", f"connections[0] ({vpc(1)}): aws_security_group has sg-1."),
        (VPC, f"{as_option('region_name')}: there is none.", f"connections[0] ({vpc(1)}): container_region: there is none."),
        (VPC, f"{as_option('accepter_region_name')} is b.", f"connections[0] ({vpc(1)}): region is b."),
        (
            {**VPC, "aws_region": "eu-west-1"},
            f"{as_option('accepter_region_name')} is b.",
            f"connections[0] ({vpc(1)}): aws_region is b.",
        ),
        (
            {**VPC, "accepter_region_name": "eu-west-1"},
            f"{as_option('region')} is b.",
            f"connections[0] ({vpc(1)}): accepter_region_name is b.",
        ),
        (
            {**VPC, "route_table_cidr_block": "10.1.0.0/16"},
            f"{as_option('cidr_block')} is b.",
            f"connections[0] ({vpc(1)}): route_table_cidr_block is b.",
        ),
        (NETWORK, f"{as_option('regions')} has 9.", f"connections[0] ({NETWORK_NAME}): container_regions has 9."),
        (VPC, "It failed.", f"connections[0] ({vpc(1)}): It failed."),
    ],
    ids=str,
)
def test_an_error_names_the_entry_and_its_options(given: dict[str, Any], error: str, message: str) -> None:
    (entry,) = entries(given)
    named = entry.named(TaskError(error))
    assert str(named) == message
    assert str(entry.named(named)) == message


def test_the_same_entry_in_a_set_has_this_lists_names() -> None:
    (entry, other, third) = entries(
        {**VPC, "cidr_block": "10.1.0.0/16", "region": "eu-west-1", "container_region": "us-east-1"}, VNET, NETWORK, aws=False
    )
    peer = replace(entry, found={"recreate": "dead"})
    assert (peer.key, peer.name, peer.identity, peer.goal) == (
        entry.key,
        entry.name,
        entry.identity,
        "PENDING_ACCEPTANCE",
    )
    assert peer.named_fields == {
        **VPC,
        "route_table_cidr_block": "10.1.0.0/16",
        "accepter_region_name": "eu-west-1",
        "container_id": None,
    }
    assert (peer.container, peer.options["recreate"], peer.options["group_id"]) == (
        ("container_region_name", "us-east-1"),
        "dead",
        GROUP,
    )
    assert replace(entry, found={"container_id": "0" * 24}).container == ("container_id", "0" * 24)
    error = TaskError(f"{as_option('route_table_cidr_block')} overlaps.", hint=f"Set {as_option('container_region_name')}.")
    assert str(peer.named(error)) == f"connections[0] ({vpc(1)}): cidr_block overlaps. Set container_region."
    assert str(peer.named(TaskError("It failed."))) == f"connections[0] ({vpc(1)}): It failed."
    assert [one.goal for one in (other, third)] == ["AVAILABLE", "AVAILABLE"]


@pytest.mark.parametrize(
    ("own", "profile", "key", "role"),
    [
        ({}, "task", None, "arn:aws:iam::123456789012:role/task"),
        ({"aws_profile": "own"}, "own", None, None),
        (KEY, None, "AKIA", None),
        ({"aws_assume_role_arn": "arn:aws:iam::123456789012:role/own"}, "task", None, "arn:aws:iam::123456789012:role/own"),
        ({"aws_assume_role_arn": "arn:aws:iam::{account}:role/own"}, "task", None, "arn:aws:iam::123456789012:role/own"),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("account", "rule"), [("123456789012", None), ("{account}", None), ("{account}", {"123456789012": {"profile": "map"}})]
)
def test_credentials_of_an_entry_come_first(
    own: dict[str, Any], profile: str, key: str, role: str | None, account: str, rule: dict[str, Any] | None
) -> None:
    options = {"aws_assume_role_arn": f"arn:aws:iam::{account}:role/task", "aws_accounts": rule}
    (entry,) = entries({**VPC, **own}, aws_profile="task", **options)
    found = aws_credentials(entry, "eu-west-1")
    if rule and not own:
        profile, role = "map", None
    assert (found["profile"], found["access_key"], found["assume_role_arn"], found["region"]) == (profile, key, role, "eu-west-1")


def test_credentials_on_the_other_clouds_come_first() -> None:
    options = {"azure_profile": "task", "gcp_service_account_file": "task.json"}
    own, other, token, file = entries(
        {**VNET, "azure_profile": "own"}, azure(2), {**NETWORK, "gcp_access_token": "own"}, gcp(2), **options
    )
    assert [azure_credentials_of(one.task, one.params)["profile"] for one in (own, other)] == ["own", "task"]
    assert [gcp_credentials_of(one.task, one.params)["service_account_file"] for one in (token, file)] == [None, "task.json"]
    assert gcp_credentials_of(token.task, token.params, DEFAULT_SCOPES)["scopes"] == ["https://www.googleapis.com/auth/compute"]


def test_secrets_of_the_task_and_of_entries_are_known() -> None:
    secrets = {
        "aws_secret_key": "canary-1",
        "azure_secret": "canary-2",
        "gcp_access_token": "canary-3",
        "private_key": "canary-4",
    }
    own = {
        "aws_secret_key": "canary-5",
        "aws_session_token": "canary-6",
        "azure_secret": "canary-7",
        "gcp_access_token": "canary-8",
    }
    found = PATH_SPEC.find_secrets({**secrets, "connections": [own]})
    assert found is not None
    assert {*secrets.values(), *own.values()} <= found
    (entry,) = entries({**VPC, **KEY})
    assert "canary" not in repr(entry)
    # Where no keys belong, the task fails, and shows none.
    for accounts in ({"123456789012": {"secret_key": "canary-9"}, "2": "canary-10"}, {"secret_key": "canary-11"}, "canary-12"):
        wrong = {"aws_accounts": accounts, "tags": {"team": "data"}}
        shown = PATH_SPEC.to_invocation(wrong, wrong)["module_args"]
        assert shown["tags"] == {"team": "data"}
        assert isinstance(accounts, str) or [*shown["aws_accounts"]] == [*accounts]
        assert "canary" not in repr(shown)


def test_wait_for_is_named_as_ignored() -> None:
    given = {"connections": [{**VPC, "wait_for": "available", "comment": "x"}, NETWORK]}
    assert ignored_options(given) == ["wait_for"]
    assert "wait_for" not in entries({**VPC, "wait_for": "available"})[0].params


def test_the_project_of_the_environment_gives_no_name_in_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", "a" * 24)
    named, *unnamed = (validated(VPC, group_id=one)[0] for one in (GROUP, None, ""))
    assert (named["group_id"], named["aws_group_id"]) == (GROUP, GROUP)
    assert [(one["group_id"], one["aws_group_id"]) for one in unnamed] == [("a" * 24, None)] * 2
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", "")
    assert validated({**VPC, **WITHOUT_ATLAS}, group_id=None, atlas=False)[0]["group_id"] is None


def test_a_project_that_the_task_names_gives_names_in_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its id is known only when Atlas is asked, after the options and the entries are checked, and not that of another one."""
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", "a" * 24)
    params = validated(VPC, group_id=None, project_name="shop")[0]
    assert (params["group_id"], params["aws_group_id"], with_project(params, params)) == (None, None, params)
    found = with_project(params, {**params, "group_id": GROUP})
    assert (found["group_id"], found["aws_group_id"]) == (GROUP, GROUP)
    assert [(one.task["group_id"], one.params) for one in found["connections"]] == [(GROUP, params["connections"][0].params)]
    assert validated(VPC, project_name="")[0]["project_name"] is None
    assert validated(VPC, group_id=None, project_name="")[0]["group_id"] is None
    # What the environment has is known here, and is no excuse.
    assert refused(VPC, group_id="a" * 24, project_name="shop").startswith("group_id and project_name are mutually exclusive.")


@pytest.mark.parametrize(
    ("args", "clouds"),
    [
        ({"connections": [VPC, VNET, NETWORK]}, ["AWS", "AZURE", "GCP"]),
        ({"connections": [VPC, VNET], "aws": "no"}, ["AZURE"]),
        ({"connections": [VPC, NETWORK], "gcp": False}, ["AWS"]),
        ({"connections": [{"x": 1}]}, ["AWS"]),
        ({"connections": "{{ later }}"}, ["AWS"]),
        ({"connections": []}, []),
        ({"connections": [], "prune": "yes"}, ["AWS"]),
        ({"connections": [], "prune": "yes", "aws": "no"}, []),
        ({"connections": [], "prune": "no"}, []),
        ({}, []),
    ],
    ids=str,
)
def test_only_the_halves_of_the_list_are_needed(args: dict[str, Any], clouds: list[str]) -> None:
    assert sorted(halves_of(args)) == clouds


def test_the_clouds_of_the_list_are_known() -> None:
    assert [one.name for one in validated(NETWORK, VPC, VNET)[0]["clouds"]] == [*CLOUDS]


def read_role(path: str) -> Any:
    return yaml.safe_load((ROOT / "roles" / "vpc_peering" / path).read_text(encoding="utf-8"))


def test_the_variables_of_the_role_are_these_options() -> None:
    """They have the same defaults, and reach the module, which checks them; those of the customer's clouds the check, too.

    What the role's own conditions look at has the same type and choices.
    """
    declared = read_role("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    variables = {name.removeprefix("vpc_peering_"): one for name, one in declared.items()}
    of_the_check = {name: variables.pop(name) for name in ("verify", "verify_fail_on", "report")}
    options = {
        name: one
        for name, one in PATH_SPEC.options.items()
        if name in ("group_id", "project_name") or name not in CONNECTION.options
    }
    # It has one value; and the role fails by itself.
    del options["azure_cloud_environment"], options["fail_on"]
    assert variables.keys() == options.keys()
    # What comes from the environment by default has none in the role, and so has what it leaves out.
    left_out = {"azure_role_timeout", "azure_auth_source"}
    for name, one in variables.items():
        wanted = options[name]
        is_checked_here = name in ("state", "atlas", "aws")
        assert one["type"] in ((wanted["type"],) if is_checked_here else ("raw", "str", "path")), name
        assert one.get("choices", []) == (wanted.get("choices", []) if is_checked_here else []), name
        assert all(f"V({choice})" in str(one) for choice in wanted.get("choices", []) if not is_checked_here), name
        assert one.get("default") == (None if name in left_out else wanted.get("default")), name
    defaults = {f"vpc_peering_{name}": one["default"] for name, one in {**variables, **of_the_check}.items() if "default" in one}
    assert read_role("defaults/main.yml") == defaults
    (block,) = read_role("tasks/main.yml")
    both, check = (list(task.values())[1] for task in block["block"])
    assert both.keys() == {*options, "fail_on"}
    credentials = {name for name in options if name.startswith(("aws_", "azure_", "gcp_"))} - {"azure_role_timeout"}
    assert credentials <= check.keys()
    # The verification takes the id that has been found by a name.
    assert ("__vpc_peering_done.peering.group_id" in check["group_id"], "project_name" in check) == (True, False)


def test_an_entry_of_the_role_has_these_options_under_all_names() -> None:
    declared = read_role("meta/argument_specs.yml")["argument_specs"]["main"]["options"]["vpc_peering_connections"]["options"]
    options = PATH_SPEC.options["connections"]["options"]
    names = {alias: one for name, one in options.items() for alias in names_of(name, one)}
    assert declared.keys() == names.keys()
    for name, one in declared.items():
        shown = {key: one[key] for key in ("type", "elements", "choices") if key in one}
        assert shown == {key: names[name][key] for key in ("type", "elements", "choices") if key in names[name]}, name
        assert bool(one.get("no_log")) == bool(names[name].get("no_log")), name
