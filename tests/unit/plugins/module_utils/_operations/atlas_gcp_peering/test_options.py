"""What atlas_gcp_peering takes and refuses before anything is sent."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_gcp_peering import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, MINE, NAMES, GcpSite


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gcp_project_id": "My Project"}, "gcp_project_id is not the id of a GCP project: 'My Project'"),
        ({"gcp_project_id": "123456789012"}, "Give the id of the project, and not its number"),
        ({"gcp_project_id": "a" * 31}, "gcp_project_id is not"),
        ({"atlas_gcp_project_id": "x"}, "atlas_gcp_project_id is not"),
        ({"network_name": "projects/p/global/networks/n"}, "Give the name alone"),
        ({"network_name": "A"}, "network_name is not a name in GCP: 'A'"),
        ({"atlas_network_name": ""}, "atlas_network_name is not a name in GCP: ''"),
        ({"name": "a-"}, "name is not a name in GCP: 'a-'"),
        ({"name": "a" * 64}, "name is not a name in GCP"),
        ({"atlas_network_name": "n" * 60}, "Set name."),
        ({"gcp_project_id": ATLAS[0], "network_name": ATLAS[1]}, "name the same network as"),
        (
            {
                "gcp_project_id": ATLAS[0],
                "network_name": ATLAS[1],
                "atlas_gcp_project_id": MINE[0],
                "atlas_network_name": MINE[1],
            },
            "name a network of Atlas, and atlas_network_name does not",
        ),
        ({"wait_timeout": 0}, "wait_timeout must be at least 1 second"),
    ],
)
def test_what_cannot_be_right_is_refused(site: GcpSite, options: dict[str, Any], words: str) -> None:
    for check_mode in (True, False):
        done = site.run(**options, check_mode=check_mode)
        assert words in done.msg
        assert set(done.result) >= {"http_status", "error_code", "detail"}
        assert site.wire() == []


@pytest.mark.parametrize(
    ("options", "is_taken"),
    [
        ({}, True),
        ({"atlas_network_name": None}, False),
        ({"atlas_gcp_project_id": None}, False),
        ({"atlas_gcp_project_id": None, "atlas_network_name": None, "name": "a"}, False),
        ({"state": "absent"}, True),
        ({"state": "absent", "atlas_gcp_project_id": None, "atlas_network_name": None}, False),
        ({"state": "absent", "atlas_gcp_project_id": None, "atlas_network_name": None, "name": "a"}, True),
        ({"state": "absent", "atlas_gcp_project_id": None, "name": "a"}, False),
        ({"gcp_project_id": None}, False),
    ],
)
def test_what_belongs_together_is_asked_for(options: dict[str, Any], is_taken: bool) -> None:
    given = {name: value for name, value in {**NAMES, **options}.items() if value is not None}
    checked = ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate(given)
    assert (checked.error_messages == []) == is_taken


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"atlas_gcp_project_id": None}, "atlas_gcp_project_id must not be null"),
        ({"atlas_network_name": None}, "atlas_network_name must not be null"),
        (
            {"atlas_gcp_project_id": None, "atlas_network_name": None},
            "atlas_gcp_project_id and atlas_network_name must not be null. Atlas's names are in the network container",
        ),
        ({"state": "absent", "atlas_gcp_project_id": None}, "atlas_gcp_project_id must not be null"),
        (
            {"state": "absent", "atlas_gcp_project_id": None, "atlas_network_name": None, "name": None},
            "atlas_network_name, or name, must not be null with state absent",
        ),
    ],
)
def test_a_null_is_no_name_of_a_network(options: dict[str, Any], words: str) -> None:
    """The rules of the argument spec take it for a value."""
    given = {**NAMES, "access_token": "token", "name": "a", **options}
    checked = ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate(given)
    assert checked.error_messages == []
    with pytest.raises(InvalidOptionError, match=re.escape(words)):
        OPERATION.validate(checked.validated_parameters)


def test_a_key_that_is_an_object_is_hidden_as_a_whole() -> None:
    """Ansible would hide each of its values by itself, the name of the project among them."""
    given = {"service_account_contents": {"project_id": "my-project"}}
    assert OPERATION.argument_spec.without_aliases(given) == {"service_account_contents": '{"project_id": "my-project"}'}
