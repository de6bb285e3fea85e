"""Custom DNS: what is asked and sent, what is foreseen, and what is made of replies that are lost, refused or odd."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_custom_dns import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Wire, reply

READ, BOTH = ["awsCustomDNS"], ["awsCustomDNS"] * 2


def run(atlas: Atlas, enabled: Any = True, **options: Any) -> Done:
    return atlas.run(OPERATION, enabled=enabled, **options)


def is_enabled(atlas: Atlas) -> bool:
    return atlas.emulator.project.custom_dns


@pytest.mark.parametrize("api_version", ["v2", "v1.0"])
@pytest.mark.parametrize("enabled", [True, False])
def test_it_becomes_what_the_option_says(atlas: Atlas, enabled: bool, api_version: str) -> None:
    """One request to look, and one to change what is not so."""
    atlas.emulator.project.custom_dns = not enabled
    foreseen = run(atlas, enabled, check_mode=True, api_version=api_version)
    assert (foreseen.changed, foreseen.calls, is_enabled(atlas)) == (True, READ, not enabled)
    done = run(atlas, enabled, api_version=api_version)
    assert (done.changed, done.calls, is_enabled(atlas)) == (True, BOTH, enabled)
    for one in (foreseen, done):
        assert (one.before, one.after) == ({"enabled": not enabled}, {"enabled": enabled})
        assert one.result["custom_dns"] == {"enabled": enabled}
    for check_mode in (False, True):
        again = run(atlas, enabled, check_mode=check_mode, api_version=api_version)
        assert (again.changed, again.calls, again.result["custom_dns"]) == (False, READ, {"enabled": enabled})


def test_the_body_is_what_atlas_documents(atlas: Atlas, wire: Wire) -> None:
    """`{"enabled": bool}`, as toggleAwsCustomDns in the API's description and in the official SDK for Go."""
    run(atlas)
    assert [request.body for request in wire.requests if request.method == "PATCH"] == [b'{"enabled": true}']


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(("status", "code"), [(401, "NOT_IN_GROUP"), (403, "USER_UNAUTHORIZED"), (404, "RESOURCE_NOT_FOUND")])
def test_a_look_that_is_refused_is_a_failure(atlas: Atlas, status: int, code: str, check_mode: bool) -> None:
    atlas.fault("GET", "status", status=status, code=code, times=9)
    done = run(atlas, check_mode=check_mode)
    assert (done.failed, done.changed, done.result["error_code"], atlas.writes()) == (True, False, code, [])
    assert "Failed to read the custom DNS of project " in done.msg
    assert "custom_dns" not in done.result


@pytest.mark.parametrize("enabled", [True, False])
def test_a_change_that_is_refused_names_the_role(atlas: Atlas, enabled: bool) -> None:
    """The API's description has Project Atlas Admin for the change, and Project Read Only for the look."""
    atlas.emulator.project.custom_dns = not enabled
    atlas.fault("PATCH", "status", status=401, code="USER_UNAUTHORIZED", times=9)
    done = run(atlas, enabled)
    assert (done.failed, done.changed, done.result["custom_dns"]) == (True, False, {"enabled": not enabled})
    verb = "enable" if enabled else "disable"
    assert done.missing(f"Failed to {verb} the custom DNS of project ", "HTTP 401 USER_UNAUTHORIZED", "Project Atlas Admin") == []


@pytest.mark.parametrize("content", [{}, {"enabled": None}, {"enabled": "true"}, {"enabled": False}], ids=str)
@pytest.mark.parametrize("applied", [True, False])
def test_a_reply_that_does_not_confirm_is_looked_into(atlas: Atlas, wire: Wire, content: Any, applied: bool) -> None:
    """What Atlas has done is what counts."""
    wire.faults.append(Fault("PATCH", reply(content), forward=applied))
    done = run(atlas)
    assert (done.failed, done.changed, is_enabled(atlas)) == (not applied, applied, applied)
    assert atlas.writes() == ["PATCH"] * applied
    assert applied or done.missing("Failed to enable the custom DNS", "does not show what was sent: enabled is ") == []


@pytest.mark.parametrize("content", [{}, {"enabled": None}, {"enabled": "true"}, {"enabled": 1}], ids=str)
def test_nothing_is_changed_where_it_is_not_known(atlas: Atlas, wire: Wire, content: Any) -> None:
    wire.faults.append(Fault("GET", reply(content), times=9))
    done = run(atlas)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert done.missing("the reply does not report whether it is enabled", "base_url") == []
