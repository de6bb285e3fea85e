# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The entries of a declared list, and how their errors are named: pure."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError, InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.stopping import StoppedError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.entries import (
    FIELDS,
    PATTERN_FORMS,
    parse_entries,
    to_entries,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.aws import AWS
from ansible_collections.cloudpeer.atlas.tests.support.sets import entry, vpc

REST = dict.fromkeys((*FIELDS, "wait_for"))


def params(*peers: dict[str, Any], **options: Any) -> dict[str, Any]:
    found = [{**REST, **one} for one in peers]
    return {"peers": found, "api_version": "v2", "wait_for": "pending_acceptance", **options}


def test_patterns_have_the_fields_of_results() -> None:
    assert PATTERN_FORMS.keys() == {*AWS.writable, *AWS.read_only, "provider_name"}


def test_values_are_parsed_and_regions_written_in_one_way() -> None:
    parsed, warnings = parse_entries(params(entry(0, accepter_region_name="EU_WEST_1", container_region_name="xx-north-9")))
    assert (parsed[0]["accepter_region_name"], parsed[0]["container_region_name"]) == ("eu-west-1", "xx-north-9")
    assert len(warnings) == 1
    assert warnings[0].startswith("peers[0].container_region_name 'xx-north-9' is not a region of AWS")


def test_each_entry_that_cannot_be_right_is_named() -> None:
    with pytest.raises(InvalidOptionError) as caught:
        parse_entries(params(entry(0, vpc_id="x"), entry(1), entry(2, route_table_cidr_block="8.8.8.0/24")))
    assert "peers[0].vpc_id is not the id of a VPC: 'x'" in str(caught.value)
    assert "peers[2].route_table_cidr_block is not private" in str(caught.value)
    assert "peers[1]" not in str(caught.value)


def test_the_first_version_of_the_api_takes_odd_ids_with_a_warning() -> None:
    unused, warnings = parse_entries(params(entry(0, vpc_id="vpc-odd"), api_version="v1.0"))
    assert warnings[0].startswith("peers[0].vpc_id is not the id of a VPC: 'vpc-odd'")


def test_an_entry_has_the_options_of_the_task_and_its_own() -> None:
    first, second = to_entries(params(entry(0), entry(1, wait_for="available", container_id="c"), recreate="dead"))
    assert (first.goal, second.goal, first.params["recreate"]) == ("PENDING_ACCEPTANCE", "AVAILABLE", "dead")
    assert (first.key, second.key, first.name) == ("peers[0]", "peers[1]", f"123456789012/{vpc(0)}")
    assert (first.container, second.container) == (None, ("container_id", "c"))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InvalidOptionError("route_table_cidr_block 1 overlaps 2."), "peers[0].route_table_cidr_block 1 overlaps 2."),
        (AtlasError("container_id: there is none.", hint="Look."), "peers[0].container_id: there is none. Look."),
        (AtlasError("It failed."), f"peers[0] (123456789012/{vpc(0)}): It failed."),
        (StoppedError(), f"peers[0] (123456789012/{vpc(0)}): The task was stopped before the request was sent. Run it again."),
    ],
    ids=str,
)
def test_an_error_gets_the_name_of_the_entry(error: AtlasError, message: str) -> None:
    error.outcome_unknown, text = True, str(error)
    named = to_entries(params(entry(0)))[0].named(error)
    assert (str(named), str(error), type(named), named.outcome_unknown) == (message, text, type(error), True)
