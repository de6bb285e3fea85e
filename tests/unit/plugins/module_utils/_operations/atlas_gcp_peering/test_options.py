"""What atlas_gcp_peering refuses before anything is sent, and how it signs in: nothing of any credentials is shown."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google.auth.compute_engine._metadata as metadata
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.credentials import GCP_OPTIONS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_gcp_peering import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, MINE, NAMES, GcpSite
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gcp_project_id": "My Project"}, "gcp_project_id is not the id of a GCP project: 'My Project'"),
        ({"gcp_project_id": "123456789012"}, "Give the id of the project, and not its number"),
        ({"gcp_project_id": "a" * 31}, "gcp_project_id is not"),
        ({"gcp_project_id": "example:my-project"}, "gcp_project_id is not"),
        ({"gcp_project_id": "example.com:"}, "gcp_project_id is not"),
        ({"gcp_project_id": "example.com/my-project"}, "gcp_project_id is not"),
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


SCOPE = "https://www.googleapis.com/auth/compute"


def shown(done: Done) -> str:
    return json.dumps([done.result, done.warnings])


@pytest.mark.parametrize("option", ["service_account_file", "service_account_contents"])
def test_the_key_of_a_service_account_gets_a_token(site: GcpSite, option: str, tmp_path: Path) -> None:
    key = json.dumps(site.clouds.tokens.service_account_key())
    file = tmp_path / "key.json"
    file.write_text(key)
    done = site.run(access_token=None, **{option: str(file) if option.endswith("file") else key})
    assert done.changed, done.msg
    assert site.clouds.tokens.issued[-1]["kind"] == "service account"
    assert site.clouds.tokens.issued[-1]["scope"] == SCOPE
    assert done.result["api_calls"][0] | {"milliseconds": 0} == {
        "method": "POST",
        "path": "oauth2.googleapis.com/token",
        "status": 200,
        "milliseconds": 0,
    }
    # One token for the whole task.
    assert [one["path"] for one in done.result["api_calls"]].count("oauth2.googleapis.com/token") == 1


def test_scopes_are_those_of_the_option(site: GcpSite) -> None:
    key = json.dumps(site.clouds.tokens.service_account_key())
    wanted = "https://www.googleapis.com/auth/cloud-platform"
    site.run(access_token=None, service_account_contents=key, scopes=[wanted])
    assert site.clouds.tokens.issued[-1]["scope"] == wanted


def test_default_credentials_are_found_by_their_variable(site: GcpSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "adc.json"
    file.write_text(json.dumps(site.clouds.tokens.user_file()))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    done = site.run(access_token=None)
    assert done.changed, done.msg
    assert (site.clouds.tokens.issued[-1]["kind"], done.warnings) == ("user", [])


@pytest.fixture
def _metadata_server(site: GcpSite) -> Iterator[None]:
    """Let google-auth find the metadata server; it reads the variable when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GCE_METADATA_HOST", site.clouds.metadata_host)
        importlib.reload(metadata)
        yield
    importlib.reload(metadata)


@pytest.mark.usefixtures("_metadata_server", "on_sockets")
@pytest.mark.parametrize("email", [None, "peering@my-project.iam.gserviceaccount.com"])
def test_a_machine_has_an_account(site: GcpSite, email: str | None) -> None:
    done = site.run(access_token=None, auth_kind="machineaccount", service_account_email=email)
    assert done.changed, done.msg
    assert site.clouds.tokens.issued[-1]["kind"] == "machine"
    # The metadata server is never asked through a proxy.
    assert set(site.clouds.proxy.hosts) == {"compute.googleapis.com"}


def test_a_token_is_renewed_when_it_expires(site: GcpSite, monkeypatch: pytest.MonkeyPatch) -> None:
    issue = site.clouds.tokens.issue
    monkeypatch.setattr(site.clouds.tokens, "issue", lambda **about: {**issue(**about), "expires_in": 1})
    done = site.run(access_token=None, service_account_contents=json.dumps(site.clouds.tokens.service_account_key()))
    assert done.changed
    paths = [one["path"] for one in done.result["api_calls"]]
    assert paths.count("oauth2.googleapis.com/token") == len(paths) / 2


def test_a_refused_token_is_a_failure_that_does_not_show_it(site: GcpSite) -> None:
    for state in ("present", "absent"):
        done = site.run(access_token="ya29.canary-of-a-token", state=state)
        assert (done.failed, done.changed) == (True, False)
        assert (done.result["http_status"], done.result["error_code"]) == (401, "authError")
        assert "canary" not in shown(done)
        assert site.wire() == ["GET my-network"]


def test_a_token_that_a_server_sends_back_is_not_shown(site: GcpSite) -> None:
    for status in (400, 403, 500):
        body = {"error": {"code": status, "message": f"I know {site.token}", "errors": [{"reason": site.token}]}}
        site.clouds.app.answers += [("/my-network", status, body)] * 5
        done = site.run()
        site.clouds.app.answers.clear()
        assert "I know ********" in done.msg
        assert site.token not in shown(done)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            (400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}),
            "oauth2.googleapis.com refused the request for it: invalid_grant: Invalid JWT Signature (HTTP 400).",
        ),
        (
            (403, {"error": {"code": 403, "message": "Account is disabled.", "status": "PERMISSION_DENIED", "details": []}}),
            "oauth2.googleapis.com refused the request for it: PERMISSION_DENIED: Account is disabled (HTTP 403).",
        ),
        ((403, {"error": {"message": ["odd"]}}), "oauth2.googleapis.com refused the request for it: no reason given (HTTP 403)."),
        ((403, b"<html>login</html>"), "oauth2.googleapis.com refused the request for it: no reason given (HTTP 403)."),
        ((200, b"<html>login</html>"), "auth_kind serviceaccount: the reply to the request for a token is not one of GCP"),
        ((200, {}), "no token for GCP with auth_kind serviceaccount"),
        ((302, {}), "no token for GCP with auth_kind serviceaccount"),
    ],
)
def test_a_refused_key_is_a_failure_without_the_key(site: GcpSite, answer: tuple[int, Any], words: str) -> None:
    key = site.clouds.tokens.service_account_key()
    site.clouds.app.answers.append(("/token", *answer))
    done = site.run(access_token=None, service_account_contents=json.dumps(key))
    assert words in done.msg
    assert done.result["http_status"] is None
    assert key["private_key"][40:80] not in shown(done)
    assert not any(path.endswith("my-network") for method, path in site.clouds.gcp.requests)


@pytest.mark.parametrize("spoil", ["private_key", "client_email", "token_uri"])
def test_a_key_that_is_not_whole_is_a_failure(site: GcpSite, spoil: str) -> None:
    key = site.clouds.tokens.service_account_key()
    whole = key["private_key"]
    del key[spoil]
    done = site.run(access_token=None, service_account_contents=json.dumps(key))
    assert done.missing("no token for GCP with auth_kind serviceaccount", spoil) == []
    assert whole[40:80] not in shown(done)


def test_half_a_private_key_is_a_failure_without_the_half(site: GcpSite) -> None:
    key = site.clouds.tokens.service_account_key()
    key["private_key"] = key["private_key"][:400]
    done = site.run(access_token=None, service_account_contents=json.dumps(key))
    assert "no token for GCP with auth_kind serviceaccount" in done.msg
    assert key["private_key"][40:80] not in shown(done)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"service_account_contents": "not json: canary"}, "service_account_contents is not the JSON key"),
        ({"service_account_contents": "[]"}, "service_account_contents is not the JSON key"),
        ({"service_account_file": "/no/such/file"}, "/no/such/file cannot be read on the host this task runs on: No such file"),
        (
            {"service_account_file": "/f", "service_account_contents": "canary"},
            "service_account_file and service_account_contents are mutually exclusive",
        ),
        (
            {"service_account_file": "/f", "service_account_email": "a@b"},
            "service_account_file and service_account_email are mutually exclusive",
        ),
        ({"auth_kind": "serviceaccount"}, "auth_kind serviceaccount needs the key of the account"),
        ({"auth_kind": "accesstoken"}, "auth_kind accesstoken needs access_token"),
        ({"auth_kind": "application", "service_account_file": "/f"}, "service_account_file is set, and auth_kind is application"),
        ({"auth_kind": "application", "service_account_email": "a@b"}, "service_account_email is set, and auth_kind is applic"),
        ({"access_token": "canary with spaces"}, "access_token has a space"),
        ({"access_token": "canary\n"}, "access_token has a space"),
    ],
)
def test_what_cannot_be_right_is_found_before_anything_is_sent(site: GcpSite, options: dict[str, str], words: str) -> None:
    done = site.run(**{"access_token": None, **options})
    assert words in done.msg
    assert "canary" not in shown(done)
    assert site.wire() == []


@pytest.mark.parametrize("kind", [None, "serviceaccount"], ids=["no kind", "kind"])
@pytest.mark.parametrize("options", [{}, {"auth_kind": "accesstoken"}], ids=["token", "token and its kind"])
def test_the_token_of_a_task_precedes_the_key_of_a_variable(
    site: GcpSite, monkeypatch: pytest.MonkeyPatch, kind: str | None, options: dict[str, str]
) -> None:
    monkeypatch.setenv("GCP_SERVICE_ACCOUNT_FILE", "/no/such/file")
    if kind is not None:
        monkeypatch.setenv("GCP_AUTH_KIND", kind)
    done = site.run(**options)
    assert done.changed, done.msg
    assert [one["path"] for one in done.result["api_calls"] if "token" in one["path"]] == []


def test_the_key_of_a_task_counts_before_every_variable(site: GcpSite, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GCP_SERVICE_ACCOUNT_FILE", "GCP_SERVICE_ACCOUNT_EMAIL", "GCP_ACCESS_TOKEN"):
        monkeypatch.setenv(name, "of-others")
    monkeypatch.setenv("GCP_AUTH_KIND", "machineaccount")
    done = site.run(access_token=None, service_account_contents=json.dumps(site.clouds.tokens.service_account_key()))
    assert done.changed, done.msg
    assert site.clouds.tokens.issued[-1]["kind"] == "service account"


def test_the_kind_of_a_task_uses_the_credentials_of_variables(site: GcpSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCP_ACCESS_TOKEN", site.token)
    assert site.run(access_token=None, auth_kind="accesstoken").changed
    monkeypatch.setenv("GCP_SERVICE_ACCOUNT_FILE", "/f")
    done = site.run(access_token=None, auth_kind="accesstoken")
    assert "service_account_file is set, and auth_kind is accesstoken" in done.msg


def test_empty_variables_are_not_set(site: GcpSite, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GCP_OPTIONS.options:
        monkeypatch.setenv(f"GCP_{name.upper()}", "")
    key = json.dumps(site.clouds.tokens.service_account_key())
    for options in ({}, {"scopes": ["", " "]}):
        assert not site.run(access_token=None, service_account_contents=key, **options).failed
        assert site.clouds.tokens.issued[-1]["scope"] == SCOPE


@pytest.mark.usefixtures("on_sockets")
def test_a_certificate_that_nobody_trusts_is_refused(site: GcpSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert site.run().missing("cannot trust compute.googleapis.com", "REQUESTS_CA_BUNDLE") == []
    assert site.wire() == []


def test_a_proxy_that_is_away_is_named(site: GcpSite, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    done = site.run()
    assert "cannot reach the proxy for compute.googleapis.com" in done.msg
    done = site.run(access_token=None, service_account_contents=json.dumps(site.clouds.tokens.service_account_key()))
    assert "cannot reach the proxy for oauth2.googleapis.com" in done.msg
