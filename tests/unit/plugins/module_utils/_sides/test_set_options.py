"""The entries of a declared list, and how their errors are named: pure."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import CLOUDS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._entries.parser import FIELDS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import (
    InvalidOptionError,
    StoppedError,
    TaskError,
    as_option,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.set_options import (
    PATTERN_FORMS,
    parse_entries,
    pattern_forms,
    to_entries,
)
from ansible_collections.cloudpeer.atlas.tests.support.sets import SUBSCRIPTION, azure, entry, gcp, vpc

REST = dict.fromkeys((*FIELDS, "vnet_resource_id", "provider_name", "wait_for"))


def params(*peers: dict[str, Any], **options: Any) -> dict[str, Any]:
    found = [{**REST, **one} for one in peers]
    return {"peers": found, "api_version": "v2", "wait_for": "pending_acceptance", "provider_name": None, **options}


def parsed(*peers: dict[str, Any], **options: Any) -> dict[str, Any]:
    given = params(*peers, **options)
    return {**given, "peers": parse_entries(given)[0]}


def test_empty_texts_of_an_entry_are_not_set() -> None:
    """As an entry that is made of a survey has those of the other clouds."""
    full = entry(1)
    (found,) = parsed({**full, "wait_for": "", "container_id": "", "vnet_name": "", "container_region_name": " "})["peers"]
    assert found.params == parsed(full)["peers"][0].params
    with pytest.raises(InvalidOptionError, match=r"^peers\[0\]\.vpc_id is empty\."):
        parsed({**full, "vpc_id": " "})


@pytest.mark.parametrize("full", [entry(1), azure(1), gcp(1)], ids=["AWS", "AZURE", "GCP"])
def test_the_empty_texts_of_other_clouds_are_not_set(full: dict[str, Any]) -> None:
    """As Terraform keeps what is not set."""
    (empty,), (unset,) = (parsed({**own, **full}, provider_name="all")["peers"] for own in (dict.fromkeys(REST, ""), {}))
    assert empty.params == unset.params


def test_patterns_have_the_fields_of_results() -> None:
    fields = {name for one in CLOUDS.values() for name in (*one.writable, *one.read_only)}
    assert PATTERN_FORMS.keys() == {*fields, "provider_name"}


@pytest.mark.parametrize(("name", "is_free"), [(None, False), ("AWS", False), ("AZURE", True), ("GCP", True), ("all", True)])
def test_errors_are_words_on_aws_only(name: str | None, is_free: bool) -> None:
    assert (pattern_forms(name)["error_state_name"] is None) == is_free


def test_values_are_parsed_and_regions_written_in_one_way() -> None:
    found, warnings = parse_entries(params(entry(0, accepter_region_name="EU_WEST_1", container_region_name="xx-north-9")))
    assert (found[0].params["accepter_region_name"], found[0].params["container_region_name"]) == ("eu-west-1", "xx-north-9")
    assert len(warnings) == 1
    assert warnings[0].startswith(f"peers[0] (123456789012/{vpc(0)}): container_region_name 'xx-north-9' is not a region of AWS")


def test_each_entry_that_cannot_be_right_is_named() -> None:
    with pytest.raises(InvalidOptionError) as caught:
        parse_entries(params(entry(0, vpc_id="x"), entry(1), entry(2, route_table_cidr_block="8.8.8.0/24")))
    assert "peers[0] (123456789012/x): vpc_id is not the id of a VPC: 'x'" in str(caught.value)
    assert f"peers[2] (123456789012/{vpc(2)}): route_table_cidr_block is not private" in str(caught.value)
    assert "peers[1]" not in str(caught.value)


def test_version_1_takes_odd_ids_with_a_warning() -> None:
    unused, warnings = parse_entries(params(entry(0, vpc_id="vpc-odd"), api_version="v1.0"))
    assert warnings[0].startswith("peers[0] (123456789012/vpc-odd): vpc_id is not the id of a VPC: 'vpc-odd'")


def test_an_entry_has_the_options_of_the_task_and_its_own() -> None:
    first, second = to_entries({**parsed(entry(0), entry(1, wait_for="available", container_id="0" * 24)), "recreate": "dead"})
    assert (first.goal, second.goal, first.options["recreate"]) == ("PENDING_ACCEPTANCE", "AVAILABLE", "dead")
    assert (first.key, second.key, first.name) == ("peers[0]", "peers[1]", f"123456789012/{vpc(0)}")
    assert (first.container, second.container) == (None, ("container_id", "0" * 24))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            InvalidOptionError(f"{as_option('route_table_cidr_block')} 1 overlaps 2."),
            f"peers[0] (123456789012/{vpc(0)}): route_table_cidr_block 1 overlaps 2.",
        ),
        (
            TaskError(f"{as_option('container_id')}: there is none.", hint="Look."),
            f"peers[0] (123456789012/{vpc(0)}): container_id: there is none. Look.",
        ),
        (TaskError("It failed."), f"peers[0] (123456789012/{vpc(0)}): It failed."),
        (StoppedError(), f"peers[0] (123456789012/{vpc(0)}): The task was stopped before the request was sent. Run it again."),
    ],
    ids=str,
)
def test_an_error_gets_the_name_of_the_entry(error: TaskError, message: str) -> None:
    error.outcome_unknown, text = True, str(error)
    named = to_entries(parsed(entry(0)))[0].named(error)
    assert (str(named), str(error), type(named), named.outcome_unknown) == (message, text, type(error), True)


def test_an_entry_is_on_the_cloud_of_its_options() -> None:
    found = to_entries(parsed(entry(0), azure(1, vnet_name="Shop"), gcp(2), provider_name="all"))
    assert [one.provider.name for one in found] == ["AWS", "AZURE", "GCP"]
    assert [one.name for one in found[1:]] == [f"{SUBSCRIPTION}/network/Shop", "my-sample-project-191923/net-2"]
    # What AZURE takes for the same is the same.
    assert found[1].identity == (SUBSCRIPTION, "shop")
    assert found[2].identity == ("my-sample-project-191923", "net-2")


def test_atlas_has_done_its_part_in_another_state_on_each_cloud() -> None:
    found = to_entries(parsed(entry(0), azure(1), gcp(2), gcp(3, wait_for="available"), provider_name="all"))
    assert [one.goal for one in found] == ["PENDING_ACCEPTANCE", "AVAILABLE", "WAITING_FOR_USER", "AVAILABLE"]


def test_a_region_is_read_as_its_cloud_writes_it() -> None:
    found, warnings = parse_entries(
        params(azure(0, container_region_name="northeurope"), azure(1, container_region_name="moon"), provider_name="AZURE")
    )
    assert found[0].params["container_region_name"] == "EUROPE_NORTH"
    assert [one.split(" is not ")[0] for one in warnings] == [
        f"peers[1] ({SUBSCRIPTION}/network/vnet-1): container_region_name 'moon'"
    ]


def test_all_mistakes_of_an_entry_are_named_on_each_cloud() -> None:
    with pytest.raises(InvalidOptionError) as caught:
        parsed(
            {**gcp(1), "network_name": "Shop"},
            {**azure(1), "resource_group_name": "a/b", "vnet_name": "c/d"},
            provider_name="all",
        )
    named = [line.split(" is ")[0] for line in str(caught.value).split("\n")]
    vnet = f"peers[1] ({SUBSCRIPTION}/a/b/c/d): "
    assert named == [
        "peers[0] (my-sample-project-191923/Shop): network_name",
        f"{vnet}resource_group_name",
        f"{vnet}vnet_name",
    ]
