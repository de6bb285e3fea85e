"""Options that cannot be right are refused before anything is read, and named as the task has them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._accounts.credentials import aws_credentials_of, gcp_credentials_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_check import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peers import OPERATION as SET
from ansible_collections.cloudpeer.atlas.tests.support.harness import without_names
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

GROUP = "5356823b3794dee37132bb7b"
ENTRY = {"vpc_id": "vpc-0a1b2c3d4e5f67890"}
ROLE = "arn:aws:iam::123456789012:role/network"
KEY = {"aws_access_key": "AKIA", "aws_secret_key": "secret"}
MEMBER = {"member": "shop:27017", "addresses": ["192.168.248.21"], "in_block": True, "tcp": "open", "tls": True, "error": None}
AZURE = {"azure_subscription_id": "fd01adff-b37e-4693-8497-83ecf183a145", "vnet_name": "shop-vnet"}
VNET_ID = (
    "/subscriptions/fd01adff-b37e-4693-8497-83ecf183a145/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/shop-vnet"
)
GCP = {"gcp_project_id": "my-project", "network_name": "my-network"}


def validated(**options: Any) -> tuple[Any, list[str]]:
    """Return the checked options, with those of each entry, and warnings."""
    given = {name: value for name, value in {"group_id": GROUP, **options}.items() if value is not None}
    checked = ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate(given)
    assert checked.error_messages == []
    params, warnings = OPERATION.validate(checked.validated_parameters)
    entries = params["connections"]
    return {**params, "connections": entries and [one.params for one in entries]}, warnings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"atlas": False, "aws": False}, "atlas and aws are both false"),
        ({"group_id": None}, "group_id is required. Set it (or its alias project_id)"),
        ({"group_id": "pcx-0a1b2c3d"}, "group_id is malformed"),
        ({"group_id": "shop"}, "The name of a project belongs in project_name."),
        ({"api_version": "v1.0"}, "api_version must be v2 to read clusters"),
        ({"atlas": False}, "connections is required with atlas: false"),
        (
            {"atlas": False, "connections": [ENTRY]},
            "connections[0] (vpc-0a1b2c3d4e5f67890) needs connection_id and atlas_cidr_block",
        ),
        ({"atlas": False, "connections": [], "clusters": ["shop"]}, "clusters needs atlas: true"),
        ({"aws": False, "subnet_ids": ["subnet-0a1b2c3d"]}, "subnet_ids needs aws: true"),
        ({"subnet_ids": []}, "subnet_ids is empty"),
        ({"subnet_ids": ["vpc-0a1b2c3d"]}, "subnet_ids[0] has a malformed id: 'vpc-0a1b2c3d'"),
        ({"instance_ids": ["i-1"]}, "instance_ids[0] has a malformed id"),
        ({"security_group_ids": ["sg"]}, "security_group_ids[0] has a malformed id"),
        ({"clusters": ["a/b"]}, "clusters[0] is not the name of a cluster"),
        ({"client_cidr_blocks": ["10.0.0.0/8", "fd00::/8"]}, "client_cidr_blocks[1] is an IPv6 block"),
        ({"compare_group_ids": ["shop"]}, "compare_group_ids[0] is malformed"),
        ({"probes": [{"probe": {}}]}, "probes[0] is not what atlas_probe returns"),
        ({"probes": [{"host": "app", "members": [5]}]}, "probes[0] is not what atlas_probe returns"),
        ({"probes": [{"host": "app", "members": []}]}, "probes[0] is not what atlas_probe returns"),
        *(
            ({"probes": [{"host": "app", "members": [{**MEMBER, **odd}]}]}, "probes[0] is not what atlas_probe returns")
            for odd in (
                {"member": None},
                {"addresses": 7},
                {"addresses": True},
                {"addresses": "192.168.248.21"},
                {"addresses": [{"a": 1}]},
                {"addresses": ["192.168.248.21", None]},
                {"addresses": ["192.168.248.256"]},
                {"tcp": "maybe"},
                {"tcp": {}},
                {"tls": None},
                {"tls": "False"},
            )
        ),
        ({"container_region": "somewhere"}, "container_region is not an AWS region"),
        ({"atlas_cidr_block": "192.168.248.0"}, "atlas_cidr_block is an address without a prefix length"),
        ({"aws_region": "somewhere"}, "aws_region is not an AWS region"),
        ({"aws_session_token": "token"}, "aws_session_token is set without aws_access_key and aws_secret_key"),
        ({"aws_assume_role_arn": "x"}, "aws_assume_role_arn is not the ARN of a role: 'x'"),
        ({"aws_endpoint_url": "ftp://aws"}, "aws_endpoint_url is not an http or https URL"),
        ({"aws_ca_bundle": "/no/such/file"}, "aws_ca_bundle: /no/such/file does not exist"),
        (
            {"connections": [ENTRY, {**ENTRY, "aws_access_key": "x"}]},
            "connections[1]: aws_access_key and aws_secret_key",
        ),
        ({"connections": [{**ENTRY, "aws_account_id": "1"}, {"vpc_id": "y"}]}, "connections[1]: vpc_id is not the id of a VPC"),
        (
            {"provider_name": "GCP", "container_region": "us-east4"},
            "container_region: the network container on GCP has no region",
        ),
        (
            {"provider_name": "all", "container_region": "US_EAST_2"},
            "the connections are on AWS and AZURE. Set provider_name to one of them, or the region in each entry",
        ),
        (
            {"connections": [ENTRY, GCP], "provider_name": "AWS"},
            "connections[1] is on GCP, and provider_name is AWS. Set provider_name to all",
        ),
        (
            {"atlas": False, "azure": False, "connections": [AZURE]},
            "atlas and azure are both false, and neither vnet_peerings nor virtual_networks is given",
        ),
        (
            {"atlas": False, "connections": [AZURE], "vnet_peerings": []},
            "connections[0] (shop-vnet) needs atlas_cidr_block with atlas",
        ),
        ({"atlas": False, "gcp": False, "connections": [GCP]}, "atlas and gcp are both false"),
        ({"atlas": False, "aws": False, "connections": [ENTRY, GCP]}, "atlas and aws are both false"),
        (
            {"atlas": False, "connections": [GCP]},
            "connections[0] (my-network) needs atlas_gcp_project_id and atlas_network_name with atlas: false",
        ),
        (
            {"vnet_peerings": [{"vnetpeerings": []}]},
            "vnet_peerings[0] is not a peering of a VNet: its id is None. Give vnetpeerings of",
        ),
        (
            {"virtual_networks": [{"id": VNET_ID, "address_prefixes": "10.0.0.0/8"}]},
            "virtual_networks[0] has address_prefixes that are",
        ),
        (
            {"provider_name": "GCP", "gcp_service_account_file": "/key", "gcp_service_account_email": "a@b"},
            "gcp_service_account_file and gcp_service_account_email are mutually exclusive",
        ),
        ({"provider_name": "GCP", "gcp_auth_kind": "accesstoken"}, "gcp_auth_kind accesstoken needs gcp_access_token."),
        (
            {"provider_name": "all", "gcp_auth_kind": "application", "gcp_service_account_file": "/key"},
            "gcp_service_account_file is set, and gcp_auth_kind is application. Set gcp_auth_kind: serviceaccount",
        ),
    ],
)
def test_what_cannot_be_right_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        validated(**options)
    assert without_names(message) in without_names(str(caught.value))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**ENTRY, "aws_assume_role_arn": "x"}, ": aws_assume_role_arn is not the ARN of a role: 'x'"),
        ({"vpc_id": ""}, ".vpc_id is empty"),
        ({**ENTRY, "cidr_block": "10.0.0.1/8"}, ": cidr_block has host bits set"),
        ({**ENTRY, "region": "x"}, ": region is not an AWS region"),
        ({**ENTRY, "route_table_ids": ["x"]}, ": route_table_ids has a malformed id"),
        ({**ENTRY, **KEY, "aws_profile": "x"}, ": aws_profile and aws_access_key are mutually exclusive"),
        ({}, " names no network. Set vpc_id for AWS, vnet_resource_id for AZURE"),
        ({"aws_account_id": "123456789012"}, " needs vpc_id"),
        ({"vnet_name": "shop-vnet"}, " needs azure_subscription_id"),
        ({"network_name": "my-network"}, " needs gcp_project_id"),
        ({**ENTRY, **GCP}, ": vpc_id and gcp_project_id are options of two clouds"),
        ({**AZURE, "provider_name": "GCP"}, ": azure_subscription_id is not an option for GCP, which provider_name names"),
        ({**AZURE, "region": "us-east-1"}, ": region and azure_subscription_id are options of two"),
        ({**GCP, "aws_profile": "prod"}, ": aws_profile and gcp_project_id are options of two"),
        ({**AZURE, "azure_subscription_id": "shop"}, ": azure_subscription_id is malformed"),
        ({**AZURE, "vnet_name": "a/b"}, ": vnet_name is not a name in AZURE"),
        ({"vnet_resource_id": "shop-vnet"}, ".vnet_resource_id is not the resource id of a VNet"),
        (
            {"vnet_resource_id": VNET_ID, "vnet_name": "other"},
            ": vnet_name is other, and vnet_resource_id names shop-vnet. Leave vnet_name out.",
        ),
        ({**GCP, "gcp_project_id": "12345"}, ": gcp_project_id is not the id of a GCP project"),
        ({**GCP, "container_region": "us-east4"}, ": container_region: the network container on GCP"),
        ({**GCP, "gcp_service_account_file": "/key", "gcp_access_token": "x"}, ": gcp_service_account_file and gcp_access_token"),
        ({**GCP, "gcp_access_token": "a b"}, ": gcp_access_token has a space"),
        ({**GCP, "cidr_blocks": ["fd00::/8"]}, ": cidr_blocks[0] is an IPv6 block"),
        ({**GCP, "cidr_block": "fd00::/8"}, ": cidr_block is an IPv6 block"),
        # Atlas routes to it: INVALID_ROUTE_TABLE_CIDR.
        ({**ENTRY, "cidr_block": "100.64.0.0/10"}, ": cidr_block is not private: '100.64.0.0/10'"),
        ({**AZURE, "atlas_cidr_block": "100.64.0.0/21"}, ": atlas_cidr_block is not private: '100.64.0.0/21'"),
        ({**ENTRY, "cidr_blocks": ["10.0.0.0/8"]}, ": cidr_blocks is an option for AZURE and GCP"),
        ({**AZURE, "gcp_access_token": "x"}, ": azure_subscription_id and gcp_access_token are options of two clouds"),
        (
            {**AZURE, "route_table_cidr_block": "10.0.0.0/8"},
            ": route_table_cidr_block and azure_subscription_id are options of two",
        ),
        ({**GCP, "accepter_region_name": "us-east-1"}, ": accepter_region_name and gcp_project_id are options of two"),
        ({"vpcid": ENTRY["vpc_id"]}, ": vpcid is not an option (vpc_id?)."),
        ({**ENTRY, "route_table_ids": {"a": 1}}, ": route_table_ids must be a list of texts, and is a mapping."),
        ({**ENTRY, "route_table_ids": ["rtb-0a1b2c3d4e5f67890", None]}, ": route_table_ids must be a list of texts"),
        ({**ENTRY, "route_table_cidr_block": "10.0.0.1/8"}, ": route_table_cidr_block has host bits set"),
        ({**ENTRY, "accepter_region_name": "x"}, ": accepter_region_name is not an AWS region"),
        (
            {**ENTRY, "container_id": GROUP, "container_region_name": "x"},
            ": container_id and container_region_name are mutually exclusive",
        ),
        ({**ENTRY, "container_id": "x"}, ": container_id is malformed"),
        ({**ENTRY, "region": "x", "aws_region": "us-east-1"}, ": region and aws_region are two names of one option"),
        ({**ENTRY, "aws_secret_key": ["geheim"]}, ": aws_secret_key must be a text, and is a list."),
    ],
)
def test_an_entry_that_cannot_be_right_is_named(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        validated(connections=[entry])
    assert f"connections[0]{message}" in without_names(str(caught.value))


def test_all_mistakes_of_the_list_come_in_one_failure() -> None:
    connections = [
        {**ENTRY, "cidr_block": "10.0.0.1/8", "region": "x", "colour": "red"},
        "text",
        {**GCP, "gcp_access_token": "a b", "cidr_blocks": ["x"]},
        {"provider_name": "AWS"},
        AZURE,
    ]
    with pytest.raises(InvalidOptionError) as caught:
        validated(connections=connections, provider_name="AWS")
    for message in (
        "[0]: colour is not an option",
        "[0]: cidr_block has host bits set",
        "[0]: region is not an AWS region: 'x'.",
        "[1] is a text, and not a mapping of options.",
        "[2]: cidr_blocks[0] is",
        "[2]: gcp_access_token has a space",
        "[2] is on GCP, and provider_name is AWS. Set provider_name to all",
        "[3] names no network.",
        "[4] is on AZURE, and provider_name is AWS.",
    ):
        assert f"connections{message}" in without_names(str(caught.value))


def test_the_list_of_the_role_is_taken_as_it_is() -> None:
    entry = {
        **ENTRY,
        "aws_account_id": "123456789012",
        "cidr_block": "10.15.0.0/16",
        "region": "US_EAST_1",
        "container_region": "",
        "container_cidr_block": "192.168.248.0/21",
        "route_table_ids": [],
        "route_table_tags": {},
        "aws_security_group": "",
        "comment": "the shop",
        "aws_profile": "",
        **KEY,
        "aws_session_token": "",
        "aws_assume_role_arn": "",
        "connection_id": "",
    }
    params, warnings = validated(connections=[entry], container_region="eu-west-1")
    (parsed,) = params["connections"]
    assert (warnings, parsed["region"], parsed["container_region"]) == ([], "us-east-1", "eu-west-1")
    assert parsed["atlas_cidr_block"] == "192.168.248.0/21"
    assert parsed["aws_profile"] is None


#: One list with everything that an entry may have: in the words of atlas_vpc_peers, of the check, and of the role.
EVERYTHING: list[dict[str, Any]] = [
    {
        **ENTRY,
        "aws_account_id": "123456789012",
        "route_table_cidr_block": "10.15.0.0/16",
        "accepter_region_name": "US_EAST_1",
        "container_region_name": "us-east-1",
        "atlas_cidr_block": "192.168.248.0/21",
        "wait_for": "available",
        "route_table_ids": ["rtb-0a1b2c3d4e5f67890"],
        "aws_security_group": "sg-0a1b2c3d4e5f67890",
        "connection_id": "pcx-0a1b2c3d4e5f67890",
        "comment": "the shop",
        "aws_profile": "production",
        "aws_assume_role_arn": ROLE,
    },
    {
        "vpc_id": "vpc-0f9e8d7c6b5a43210",
        "aws_account_id": "123456789012",
        "cidr_block": "10.16.0.0/16",
        "region": "us-west-2",
        "container_id": "507f1f77bcf86cd799439011",
        "container_cidr_block": "192.168.248.0/21",
        "route_table_tags": {"tier": "app"},
        **KEY,
        "aws_session_token": "token",
        "aws_endpoint_url": "https://aws.example.com",
        "aws_ca_bundle": __file__,
    },
    {
        "provider_name": "AZURE",
        "azure_directory_id": "1a1a1a1a-b37e-4693-8497-83ecf183a145",
        "vnet_resource_id": VNET_ID,
        "cidr_block": "10.20.0.0/16",
        "container_region": "eastus2",
        "azure_profile": "production",
        "azure_client_id": "6f1e8f0e-37e5-4f3d-8d40-2f5f8bbf7a55",
        "azure_auth_source": "auto",
        "azure_secret": "geheim",
        "atlas_vnet_name": "vnet_5356823b3794dee37132bb7c_abcdefgh",
    },
    {**AZURE, "azure_directory_id": "1a1a1a1a-b37e-4693-8497-83ecf183a145", "resource_group_name": "g", "vnet_name": "office"},
    {
        **GCP,
        "cidr_block": "10.30.0.0/16",
        "cidr_blocks": ["100.64.0.0/10"],
        "atlas_gcp_project_id": "p-abcdefghijklmnopqrstuvwx",
        "atlas_network_name": "nt-5356823b3794dee37132bb7b-abcdefgh",
        "container_regions": ["us-central1"],
        "gcp_peering_name": "atlas",
        "gcp_service_account_file": "/etc/gcp/shop.json",
    },
    {**GCP, "network_name": "office", "gcp_access_token": "ya29.token"},
]


def test_one_list_does_for_the_set_and_for_the_check() -> None:
    checked = ArgumentSpecValidator(**SET.argument_spec.to_kwargs()).validate(
        {"group_id": GROUP, "peers": EVERYTHING, "provider_name": "all"}
    )
    declared, warnings = SET.validate(checked.validated_parameters)
    assert (checked.error_messages, warnings) == ([], [])
    params, warnings = validated(connections=EVERYTHING, gcp=False)
    assert warnings == []
    # Each option has its value, whatever its name; those of the clients are not the ones of the VPC.
    for one, names in ((declared["peers"], ("route_table_cidr_block", "accepter_region_name", "container_region_name")),):
        assert [[entry.params[name] for name in names] for entry in one[:3]] == [
            ["10.15.0.0/16", "us-east-1", "us-east-1"],
            ["10.16.0.0/16", "us-west-2", None],
            [None, None, "US_EAST_2"],
        ]
    names = ("cidr_block", "region", "container_region", "atlas_cidr_block", "container_id")
    assert [[entry[name] for name in names] for entry in params["connections"][:3]] == [
        ["10.15.0.0/16", "us-east-1", "us-east-1", "192.168.248.0/21", None],
        ["10.16.0.0/16", "us-west-2", None, "192.168.248.0/21", "507f1f77bcf86cd799439011"],
        ["10.20.0.0/16", None, "US_EAST_2", None, None],
    ]
    # What has no effect is said, and neither module lacks a name that the other one or the role has.
    assert {"route_table_ids", "azure_secret", "comment", "cidr_block"} <= {*SET.ignored_options({"peers": EVERYTHING})}
    assert {"wait_for", "comment", "gcp_peering_name"} == {*OPERATION.ignored_options({"connections": EVERYTHING})} - {
        "container_regions"
    }
    role = yaml.safe_load((ROOT / "roles/vpc_peering/meta/argument_specs.yml").read_text(encoding="utf-8"))
    of_role = role["argument_specs"]["main"]["options"]["vpc_peering_connections"]["options"]
    of_set, of_check = (names_of(task, option) for task, option in ((SET, "peers"), (OPERATION, "connections")))
    assert of_set == of_check
    assert of_role.keys() - of_set == set()
    # The list of this test has them all.
    assert of_set - {name for entry in EVERYTHING for name in entry} == {"aws_region"}


def names_of(task: Any, option: str) -> set[str]:
    """Return the names of the options of an entry, with their aliases."""
    options = task.argument_spec.options[option]["options"]
    return {alias for name, one in options.items() for alias in (name, *one.get("aliases", ()))}


def test_the_credentials_of_an_entry_are_like_those_of_the_task() -> None:
    options = OPERATION.argument_spec.options
    entry = options["connections"]["options"]
    secret = {
        name
        for task, option in ((SET, "peers"), (OPERATION, "connections"))
        for name, one in task.argument_spec.options[option]["options"].items()
        if one.get("no_log")
    }
    assert secret == {"aws_secret_key", "aws_session_token", "azure_secret", "gcp_access_token"}
    for name in options.keys() & entry.keys() - {"provider_name", "container_region", "atlas_cidr_block"}:
        assert entry[name]["type"] == options[name]["type"]
        assert entry[name].get("no_log") == options[name].get("no_log"), name


@pytest.mark.parametrize("name", ["group_ids", "project_ids"])
def test_group_ids_are_the_projects_that_are_read(name: str) -> None:
    """Until 3.0.0, they were an old name of compare_group_ids, which a task that has it beside its project still means."""
    given = OPERATION.argument_spec.without_aliases({"group_id": GROUP, name: [GROUP]})
    checked = ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate(given)
    assert checked.error_messages == []
    with pytest.raises(InvalidOptionError, match=r"group_id and group_ids are mutually exclusive.*belong in compare_group_ids"):
        OPERATION.validate(checked.validated_parameters)


def test_what_is_empty_is_not_set() -> None:
    empty = dict.fromkeys(("container_region", "atlas_cidr_block", "aws_profile", "aws_assume_role_arn"), "")
    params, warnings = validated(**empty, connections=[{**ENTRY, **empty}])
    assert warnings == []
    assert params["container_region"] is None
    assert params["connections"][0]["container_region"] is None


def test_what_atlas_probe_returns_is_taken() -> None:
    members = [
        MEMBER,
        {**MEMBER, "in_block": None, "tls": False, "error": "TLS: timed out"},
        {**MEMBER, "tcp": "timeout", "tls": None},
        {**MEMBER, "addresses": [], "in_block": None, "tcp": "unresolved", "tls": None},
        {**MEMBER, "addresses": ["fe80::1%eth0"]},
    ]
    probes = [{"host": "app", "members": members}]
    assert validated(probes=probes)[0]["probes"] == probes


def test_warnings_name_the_entry() -> None:
    unused, warnings = validated(validate_certs=False, connections=[{**ENTRY, "region": "us-east-99"}])
    assert warnings[0].startswith("validate_certs is false")
    assert warnings[1].startswith(f"connections[0] ({ENTRY['vpc_id']}): region 'us-east-99' is not a region of AWS")


@pytest.mark.parametrize(
    ("top", "entry", "used"),
    [
        ({"aws_profile": "top"}, {}, {"profile": "top"}),
        ({"aws_profile": "top", "aws_assume_role_arn": ROLE}, {"aws_profile": "own"}, {"profile": "own"}),
        ({**KEY, "aws_assume_role_arn": ROLE}, {"aws_profile": "own"}, {"profile": "own"}),
        ({"aws_profile": "top"}, {**KEY}, {"access_key": "AKIA", "secret_key": "secret"}),
        ({"aws_profile": "top"}, {"aws_assume_role_arn": ROLE}, {"profile": "top", "assume_role_arn": ROLE}),
        ({"aws_endpoint_url": "https://top"}, {"aws_endpoint_url": "https://own"}, {"endpoint_url": "https://own"}),
        ({"aws_region": "us-east-1", "aws_profile": "top"}, {}, {"profile": "top", "region": "us-east-1"}),
    ],
)
def test_an_entry_has_its_own_credentials_or_the_tasks(top: dict[str, str], entry: dict[str, str], used: dict[str, str]) -> None:
    params, unused = validated(**top, connections=[{**ENTRY, **entry}])
    found = aws_credentials_of(params, params["connections"][0], None, None)
    assert {name: value for name, value in found.items() if value is not None} == used


@pytest.mark.parametrize(
    ("options", "clouds"),
    [
        ({}, ("AWS",)),
        ({"connections": []}, ("AWS",)),
        ({"connections": [GCP]}, ("GCP",)),
        ({"connections": [GCP, ENTRY]}, ("AWS", "GCP")),
        ({"connections": [GCP], "provider_name": "all"}, ("AWS", "AZURE", "GCP")),
        ({"provider_name": "AZURE"}, ("AZURE",)),
    ],
)
def test_clouds_are_those_of_the_entries_unless_named(options: dict[str, Any], clouds: tuple[str, ...]) -> None:
    params, warnings = validated(**options)
    assert (params["clouds"], warnings) == (clouds, [])


def test_an_entry_on_azure_is_filled_in_from_its_vnet_s_id() -> None:
    params, warnings = validated(connections=[{"vnet_resource_id": VNET_ID}, AZURE], container_region="eastus2")
    first, second = params["connections"]
    assert {name: first[name] for name in AZURE} == AZURE
    assert (first["resource_group_name"], second["resource_group_name"]) == ("g", None)
    assert first["container_region"] == second["container_region"] == "US_EAST_2"
    assert warnings == []
    unknown, warnings = validated(connections=[{**AZURE, "container_region": "moonbase"}])
    assert unknown["connections"][0]["container_region"] == "moonbase"
    assert warnings == [
        f"connections[0] ({'/'.join(AZURE.values())}): container_region 'moonbase' is not a region of AZURE that this version of "
        "the collection knows. "
        "Check its spelling."
    ]


def test_variables_for_gcp_do_not_matter_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("GCP_SERVICE_ACCOUNT_FILE", "GCP_SERVICE_ACCOUNT_EMAIL"):
        monkeypatch.setenv(variable, "/key")
    assert validated()[0]["clouds"] == ("AWS",)
    assert validated(connections=[GCP], gcp=False)[0]["clouds"] == ("GCP",)
    with pytest.raises(InvalidOptionError, match="are mutually exclusive"):
        validated(connections=[GCP])


def test_the_token_for_atlas_is_not_that_for_gcp() -> None:
    params, unused = validated(connections=[GCP], gcp_access_token="ya29.token", access_token="atlas")
    credentials = gcp_credentials_of(params, {})
    assert (credentials["access_token"], credentials["auth_kind"]) == ("ya29.token", "accesstoken")
    assert credentials["scopes"] == ["https://www.googleapis.com/auth/compute.readonly"]
    assert gcp_credentials_of({**params, "gcp_scopes": ["a"]}, {})["scopes"] == ["a"]


def test_an_entry_on_gcp_may_have_what_the_role_has_for_it() -> None:
    key, token = {"gcp_service_account_file": "/key.json"}, {"gcp_access_token": "ya29.token"}
    entry = {
        **GCP,
        "cidr_blocks": ["10.30.0.0/16", "100.64.0.0/10"],
        "container_regions": ["us-east4"],
        "gcp_peering_name": "atlas",
    }
    params, warnings = validated(connections=[{**entry, **key}, {**entry, **token}, entry], gcp_access_token="ya29.top")
    assert (warnings, params["connections"][0]["cidr_blocks"]) == ([], ("10.30.0.0/16", "100.64.0.0/10"))
    kinds = [gcp_credentials_of(params, one)["auth_kind"] for one in params["connections"]]
    assert kinds == ["serviceaccount", "accesstoken", "accesstoken"]
    tokens = [gcp_credentials_of(params, one)["access_token"] for one in params["connections"]]
    # An entry with its own takes none of the top.
    assert tokens == [None, "ya29.token", "ya29.top"]


# VNets may have public prefixes and 100.64.0.0/10 (Azure's documentation, "Virtual network FAQ"), and so may subnets in GCP
# ("Privately used public IP address ranges").
@pytest.mark.parametrize("block", ["100.64.0.0/10", "203.0.113.0/24"])
@pytest.mark.parametrize("entry", [{"vnet_resource_id": VNET_ID}, GCP], ids=["AZURE", "GCP"])
def test_clients_on_azure_and_gcp_may_have_public_addresses(entry: dict[str, Any], block: str) -> None:
    params, warnings = validated(connections=[{**entry, "cidr_block": block}])
    assert (params["connections"][0]["cidr_block"], warnings) == (block, [])


@pytest.mark.parametrize(
    ("args", "needs_aws"),
    [
        ({"connections": [GCP]}, False),
        ({"connections": [GCP, {"vnet_name": "my-vnet"}]}, False),
        ({"provider_name": "AZURE"}, False),
        ({"aws": False, "connections": [{"vpc_id": "vpc-0a1b2c3d4e5f67890"}]}, False),
        ({"aws": "no"}, False),
        ({}, True),
        ({"provider_name": "all"}, True),
        ({"provider_name": "GCP", "connections": [{"vpc_id": "vpc-0a1b2c3d4e5f67890"}]}, True),
        ({"connections": [GCP, {"vpc_id": "vpc-0a1b2c3d4e5f67890"}]}, True),
        ({"connections": [{**GCP, "vpc_id": "vpc-0a1b2c3d4e5f67890"}]}, True),
        ({"connections": "text"}, True),
        ({"connections": ["text"]}, True),
    ],
)
def test_boto3_is_needed_unless_all_connections_are_elsewhere(args: dict[str, Any], needs_aws: bool) -> None:
    names = [name for name, unused in OPERATION.libraries_for(args)]
    assert names == ["requests", *(["boto3"] if needs_aws else [])]


def test_one_region_for_several_clouds_is_one_of_aws() -> None:
    params, unused = validated(connections=[ENTRY, AZURE, GCP], container_region="US_EAST_2")
    assert [one["container_region"] for one in params["connections"]] == ["us-east-2", None, None]
    assert validated(connections=[GCP], container_region="us-east4")[0]["container_region"] is None
