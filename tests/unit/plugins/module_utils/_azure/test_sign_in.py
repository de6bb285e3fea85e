"""Who signs in to AZURE: azure-identity and the Azure CLI against a stand-in, in the order of azure.azcollection."""

from __future__ import annotations

import io
import json
import logging
import os
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure import auth
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.credentials import (
    AZURE_OPTIONS,
    check_credentials,
    find_sign_in,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import AuthError, InvalidOptionError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.exchange import Reply
from ansible_collections.cloudpeer.atlas.tests.clouds.entra_proofs import certificate
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import VNET_ID
from azure.core.pipeline.transport import HttpRequest

from .conftest import USUAL, AzureSite

OTHER = "0e2e3d4c-0000-4000-8000-0000000000bb"
LOGIN_AND_READ = ["POST login.microsoftonline.com", "GET test-vnet-ab12cd"]
APP = {"client_id": "app", "secret": "geheim12", "tenant": "t"}
VARIABLES = {"AZURE_CLIENT_ID": "app", "AZURE_SECRET": "geheim12", "AZURE_TENANT": "t"}


def found(**options: Any) -> tuple[str, str, str | None]:
    """Return the kind, the source and the client id of what signs in."""
    kind, source, fields = find_sign_in(check_credentials({**USUAL, **options}))
    return kind, source, fields.get("client_id")


def test_an_application_signs_in_with_its_secret(site: AzureSite) -> None:
    assert site.read(**site.secret)["id"] == VNET_ID
    assert site.wire() == LOGIN_AND_READ
    # The same token serves until it ends; Graph has one of its own.
    assert site.session is not None
    site.session.read("read it again", VNET_ID, "2024-05-01")
    assert site.session.find({"Request_ResourceNotFound"}, "read it", f"servicePrincipals(appId='{OTHER}')") is None
    assert site.wire() == [*LOGIN_AND_READ, LOGIN_AND_READ[1], LOGIN_AND_READ[0], "GET graph.microsoft.com"]
    assert {one["token"] for one in site.entra.issued[-2:]} | {site.entra.secret} <= set(site.session.secrets)


@pytest.mark.parametrize("names", [("AZURE_SECRET", "AZURE_TENANT"), ("AZURE_CLIENT_SECRET", "AZURE_TENANT_ID")])
@pytest.mark.parametrize("source", ["auto", "env"])
def test_variables_of_both_libraries_sign_in(site: AzureSite, names: tuple[str, str], source: str) -> None:
    """Source: AZURE_CREDENTIAL_ENV_MAPPING of azure.azcollection, and EnvironmentCredential of azure-identity."""
    site.set(AZURE_CLIENT_ID=site.entra.client_id, **dict(zip(names, (site.entra.secret, site.entra.tenant))))
    assert site.read(auth_source=source)["id"] == VNET_ID


@pytest.mark.parametrize("name", ["AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_X509_CERTIFICATE_PATH"])
def test_a_certificate_signs_in(site: AzureSite, tmp_path: Path, name: str) -> None:
    (tmp_path / "app.pem").write_text(certificate())
    site.set(AZURE_CLIENT_ID=site.entra.client_id, AZURE_TENANT_ID=site.entra.tenant, **{name: str(tmp_path / "app.pem")})
    site.set(AZURE_CLIENT_SEND_CERTIFICATE_CHAIN="true")
    assert site.read()["id"] == VNET_ID
    assert site.wire() == LOGIN_AND_READ


@pytest.mark.parametrize("as_file", [True, False])
def test_a_federated_token_signs_in(site: AzureSite, tmp_path: Path, as_file: bool) -> None:
    token = site.entra.proofs.federate()
    (tmp_path / "token").write_text(token + "\n")
    site.set(AZURE_CLIENT_ID=site.entra.client_id, AZURE_TENANT_ID=site.entra.tenant)
    site.set(**({"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")} if as_file else {"AZURE_FEDERATED_TOKEN": token}))
    assert site.read()["id"] == VNET_ID
    assert site.session is not None
    assert token in site.session.secrets


@pytest.mark.parametrize("name", ["AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH"])
def test_a_pipe_is_no_proof(site: AzureSite, tmp_path: Path, name: str) -> None:
    """Reading one that has no writer would not end."""
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR | os.O_NONBLOCK)
    threading.Timer(2, os.close, [writer]).start()
    site.set(AZURE_CLIENT_ID=site.entra.client_id, AZURE_TENANT_ID=site.entra.tenant, **{name: str(tmp_path / "pipe")})
    with pytest.raises(AuthError, match=r"pipe is not a regular file\."):
        site.read()


def test_a_federated_token_is_text(site: AzureSite, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff\xfe\x00")
    site.set(AZURE_CLIENT_ID=site.entra.client_id, AZURE_TENANT_ID=site.entra.tenant)
    site.set(AZURE_FEDERATED_TOKEN_FILE=str(tmp_path / "token"))
    with pytest.raises(AuthError, match=r"token is not a text file\."):
        site.read()


@pytest.mark.parametrize("place", ["azure_machine", "azure_app_service"])
@pytest.mark.parametrize("options", [{}, {"auth_source": "msi"}, {"auth_source": "msi", "client_id": True}])
def test_a_machine_signs_in(site: AzureSite, place: str, options: dict[str, Any]) -> None:
    site.patch.delenv("AZURE_POD_IDENTITY_AUTHORITY_HOST")
    site.set(**getattr(site.clouds, place))
    site.entra.machine_id = str(uuid.uuid4())
    options = {**options, **({"client_id": site.entra.machine_id} if "client_id" in options else {})}
    assert site.read(**options)["id"] == VNET_ID
    assert site.wire() == ["GET 127.0.0.1", "GET test-vnet-ab12cd"]


def test_a_machine_has_the_identity_of_the_variable(site: AzureSite) -> None:
    site.entra.machine_id = str(uuid.uuid4())
    site.set(AZURE_CLIENT_ID=OTHER)
    with pytest.raises(AuthError, match="refused the request for it: invalid_request: Identity not found"):
        site.read()
    site.set(AZURE_CLIENT_ID=site.entra.machine_id)
    assert site.read()["id"] == VNET_ID


@pytest.mark.parametrize("source", ["auto", "cli"])
def test_the_azure_cli_signs_in(site: AzureSite, source: str) -> None:
    said = site.install_az()
    session = site.open(site.entra.tenant, auth_source=source)
    session.read("read the VNet", VNET_ID, "2024-05-01")
    session.read("read it again", VNET_ID, "2024-05-01")
    session.list("list them", "servicePrincipals")
    command = "account get-access-token --output json --resource"
    assert said.read_text().splitlines() == [
        f"{command} https://{host} --tenant {site.entra.tenant}" for host in ("management.azure.com", "graph.microsoft.com")
    ]
    assert json.loads((site.bin / "arm").read_text())["accessToken"] in session.secrets


def test_the_azure_cli_takes_the_account_of_a_subscription(site: AzureSite) -> None:
    """It takes only one of both. Source: get_raw_token in azure-cli-core."""
    said = site.install_az()
    site.read(auth_source="cli", subscription_id=OTHER)
    assert said.read_text().endswith(f" --subscription {OTHER}\n")
    site.read(site.entra.tenant, auth_source="cli", subscription_id=OTHER)
    assert said.read_text().endswith(f" --tenant {site.entra.tenant}\n")


def test_the_azure_cli_of_a_managed_identity_has_one_directory(site: AzureSite) -> None:
    """Source: get_raw_token in azure-cli-core."""
    refusal = (
        'case $* in *--tenant*) echo "ERROR: Tenant shouldn\'t be specified for managed identity account" >&2; exit 1;; esac'
    )
    said = site.install_az(f"{refusal}\nexec /bin/cat {site.bin}/arm")
    assert site.read(site.entra.tenant)["id"] == VNET_ID
    assert [line.count("--tenant") for line in said.read_text().splitlines()] == [1, 0]


def test_options_come_first_and_are_not_completed(monkeypatch: pytest.MonkeyPatch, site: AzureSite) -> None:
    """Source: _get_credentials of azure.azcollection's module_utils/azure_rm_common.py."""
    assert found() == ("any", "auth_source auto", None)
    site.write_profile(client_id="own", secret="s", ci__client_id="ci", ci__secret="s", ci__tenant="t")
    assert found() == ("app", "~/.azure/credentials", "own")
    site.set(AZURE_CLIENT_ID="app", AZURE_SECRET="geheim12")
    assert found() == ("app", "environment variables", "app")
    site.set(AZURE_PROFILE="ci")
    assert found() == ("app", "~/.azure/credentials", "ci")
    assert found(client_id="mine", secret="s") == ("app", "the options", "mine")
    assert found(profile="default", client_id="mine", secret="s") == ("app", "~/.azure/credentials", "own")
    assert found(auth_source="env") == ("app", "~/.azure/credentials", "ci")
    assert found(auth_source="credential_file") == ("app", "~/.azure/credentials", "own")
    assert found(auth_source="cli", client_id="mine", secret="s")[0] == "cli"
    assert found(auth_source="msi", client_id="mine") == ("msi", "auth_source msi", "mine")
    # The variables do not complete what the task sets.
    monkeypatch.delenv("AZURE_PROFILE")
    with pytest.raises(InvalidOptionError, match=r"^client_id is set without secret"):
        check_credentials({**USUAL, "client_id": "mine"})
    with pytest.raises(InvalidOptionError, match=r"^the options: no tenant\."):
        site.open(client_id="mine", secret="s")


def test_a_variable_chooses_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Source: AZURE_COMMON_ARGS of azure.azcollection."""
    read = ArgumentSpecValidator(**AZURE_OPTIONS.to_kwargs()).validate
    for value, expected in (("", "auto"), ("msi", "msi")):
        monkeypatch.setenv("ANSIBLE_AZURE_AUTH_SOURCE", value)
        assert check_credentials(read({}).validated_parameters)["auth_source"] == expected
    assert read({"auth_source": "cli"}).validated_parameters["auth_source"] == "cli"
    monkeypatch.setenv("ANSIBLE_AZURE_AUTH_SOURCE", "adfs")
    assert "auth_source" in str(read({}).error_messages)


def test_variables_without_a_secret_leave_the_rest(site: AzureSite) -> None:
    site.set(AZURE_CLIENT_ID="app", AZURE_TENANT="t", AZURE_SUBSCRIPTION_ID=OTHER)
    kind, _source, fields = find_sign_in(check_credentials(USUAL))
    assert (kind, dict(fields)["subscription_id"]) == ("any", OTHER)


@pytest.mark.parametrize(
    ("options", "variables", "profile", "message"),
    [
        ({"client_id": "app"}, {}, {}, "client_id is set without secret. Set both."),
        ({"secret": "geheim12"}, {}, {}, "secret is set without client_id. Set both."),
        ({"tenant": "a b"}, {}, {}, "tenant is malformed: 'a b'. Give the id of the directory"),
        (
            {"cloud_environment": "AzureUSGovernment"},
            {},
            {},
            "cloud_environment is AzureUSGovernment, and Atlas peers in Azure's public",
        ),
        ({"auth_source": "env"}, {}, {}, "environment variables: no AZURE_CLIENT_ID and no AZURE_SECRET or AZURE_CLIENT_SECRET."),
        (
            {"auth_source": "env"},
            {"AZURE_CLIENT_ID": "app"},
            {},
            "no AZURE_SECRET or AZURE_CLIENT_SECRET. Set AZURE_CLIENT_ID, AZURE_SECRET,",
        ),
        (
            {},
            {**VARIABLES, "AZURE_CLOUD_ENVIRONMENT": "AzureChinaCloud"},
            {},
            "AZURE_CLOUD_ENVIRONMENT is AzureChinaCloud, and Atlas",
        ),
        ({"profile": "ci"}, {}, {}, "~/.azure/credentials has no profile ci on the host this task runs on."),
        ({"auth_source": "credential_file"}, {}, {}, "has no profile default"),
        ({}, {"AZURE_PROFILE": "ci"}, {}, "has no profile ci"),
        (
            {"profile": "ci"},
            {},
            {"ci__client_id": "app", "ci__tenant": "t"},
            "~/.azure/credentials: no ci.secret. Set ci.client_id, ci.secret,",
        ),
        ({"profile": "ci"}, {}, {"ci__tenant": "t"}, "~/.azure/credentials: no ci.client_id and no ci.secret."),
        ({"profile": "ci"}, {}, {"ci__client_id": "app", "ci__secret": "s"}, "~/.azure/credentials: no tenant."),
        # What azure.azcollection alone has, where it would have decided.
        (
            {},
            {"AZURE_AD_USER": "me", "AZURE_PASSWORD": "geheim12"},
            {},
            "variables: AZURE_AD_USER and AZURE_PASSWORD can no longer be used",
        ),
        (
            {"profile": "ci"},
            {},
            {"ci__ad_user": "me", "ci__password": "geheim12"},
            "credentials: ci.ad_user and ci.password can no longer",
        ),
        (
            {},
            {**VARIABLES, "AZURE_ADFS_AUTHORITY_URL": "https://adfs.example"},
            {},
            "variables: AZURE_ADFS_AUTHORITY_URL can no longer",
        ),
        (
            {},
            {"AZURE_CERT_VALIDATION_MODE": "ignore"},
            {},
            "variables: AZURE_CERT_VALIDATION_MODE can no longer be used: certificates are",
        ),
        ({**APP}, {"AZURE_CERT_VALIDATION_MODE": "ignore"}, {}, "AZURE_CERT_VALIDATION_MODE can no longer"),
        (
            {"profile": "ci"},
            {},
            {"ci__client_id": "app", "ci__cert_validation_mode": "ignore"},
            "credentials: ci.cert_validation_mode can no",
        ),
    ],
)
def test_what_cannot_sign_in_is_named(
    site: AzureSite, options: dict[str, Any], variables: dict[str, str], profile: dict[str, str], message: str
) -> None:
    site.set(**variables)
    if profile:
        site.write_profile(**profile)
    with pytest.raises(InvalidOptionError) as caught:
        site.open(**options)
    assert message in str(caught.value)
    assert "geheim12" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "variables",
    [
        # Neither decides: the secret comes first, and the others are what is done anyway.
        {"AZURE_AD_USER": "me", "AZURE_PASSWORD": "geheim12"},
        {"AZURE_ADFS_AUTHORITY_URL": "https://login.microsoftonline.com/", "AZURE_CERT_VALIDATION_MODE": "validate"},
        {"AZURE_CLOUD_ENVIRONMENT": "AzureCloud"},
    ],
)
def test_what_would_not_have_decided_is_no_failure(site: AzureSite, variables: dict[str, str]) -> None:
    site.set(**VARIABLES, **variables)
    assert found() == ("app", "environment variables", "app")
    site.set(AZURE_CLOUD_ENVIRONMENT="AzureChinaCloud", AZURE_ADFS_AUTHORITY_URL="https://adfs.example")
    assert found(client_id="mine", secret="s") == ("app", "the options", "mine")


def test_a_file_that_is_no_ini_is_named_without_its_text(site: AzureSite) -> None:
    site.write_profile(client_id="app")
    (site.bin.parent / ".azure" / "credentials").write_text("geheim12\n")
    with pytest.raises(InvalidOptionError, match="cannot be read on the host this task runs on: it is not an INI file") as caught:
        site.open(profile="ci")
    assert "geheim12" not in f"{caught.value}{caught.value.__cause__}"


def test_tokens_are_of_the_directory_that_the_task_names(site: AzureSite) -> None:
    site.patch.setattr(site.entra, "others", [OTHER])
    options = {**site.secret, "tenant": OTHER}
    session = site.open(site.entra.tenant, **options)
    session.read("read the VNet", VNET_ID, "2024-05-01")
    assert site.entra.issued[-1]["tenant"] == site.entra.tenant
    # AZURE itself refuses a token of another directory.
    with pytest.raises(AuthError) as caught:
        site.read(**options)
    error = caught.value
    assert (error.http_status, error.error_code) == (401, "InvalidAuthenticationTokenTenant")
    assert str(error).endswith(
        f"the directory of the subscription, {site.entra.tenant}: set azure_directory_id, or tenant, or other credentials."
    )


@pytest.mark.parametrize("kind", ["msi", "cli"])
def test_a_token_of_another_directory_is_not_sent(site: AzureSite, kind: str) -> None:
    site.patch.setattr(site.entra, "machine_id", OTHER)
    site.patch.setattr(site.entra, "machine_tenant", OTHER)
    if kind == "cli":
        site.install_az(tenant=OTHER)
    with pytest.raises(AuthError) as caught:
        site.read(site.entra.tenant.upper(), auth_source=kind)
    expected = f"Failed to read the VNet: these credentials are of the directory {OTHER}, and not of {site.entra.tenant.upper()}."
    assert caught.value.message == expected
    assert {"msi": "A managed identity belongs to one directory", "cli": "az login --tenant"}[kind] in str(caught.value.hint)
    assert [one for one in site.wire() if one != "GET 127.0.0.1"] == []


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (
            {"secret": "geheim12"},
            "login.microsoftonline.com refused the request for it: invalid_client: AADSTS7000215: Invalid client secret",
        ),
        ({"client_id": OTHER}, "login.microsoftonline.com refused the request for it: unauthorized_client: AADSTS700016"),
        ({"tenant": OTHER}, f"refused the request for it: invalid_tenant: AADSTS90002: Tenant '{OTHER}' not found"),
    ],
)
def test_a_refused_application_has_azures_words(site: AzureSite, change: dict[str, str], detail: str) -> None:
    with pytest.raises(AuthError) as caught:
        site.read(**{**site.secret, **change})
    assert str(caught.value).startswith("Failed to read the VNet: no token for AZURE with the options: ")
    assert detail in str(caught.value)
    assert "Check client_id, secret and tenant" in str(caught.value)
    assert "geheim12" not in str(caught.value)
    # A refusal is final.
    assert site.clock.pauses == []


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        (None, "the Azure CLI (az) is not on PATH"),
        ("echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1", "the Azure CLI (az) is not signed in"),
        (
            "echo 'ERROR: AADSTS50020: geheim12' >&2; echo 'Run az login' >&2; exit 1",
            "az failed: AADSTS50020: geheim12 Run az login",
        ),
        ("echo 'WARNING: old' >&2; echo 'ERROR: No subscription found.' >&2; exit 1", "az failed: No subscription found."),
        ("echo '{}'", "az has printed no token"),
        ("echo geheim12", "az has printed no token"),
    ],
)
def test_why_the_azure_cli_has_no_token_is_said(site: AzureSite, script: str | None, detail: str) -> None:
    if script is not None:
        site.install_az(script)
    with pytest.raises(AuthError) as caught:
        site.read(auth_source="cli")
    assert f"no token for AZURE with auth_source cli: {detail.rstrip('.')}." in str(caught.value)
    assert site.sent == []


def test_auto_names_what_is_missing_and_ends_with_a_failure(site: AzureSite) -> None:
    with pytest.raises(AuthError) as caught:
        site.read()
    assert "the Azure CLI (az) is not on PATH; no managed identity: 127.0.0.1 refused the request for it" in str(caught.value)
    assert str(caught.value).endswith("Set client_id, secret and tenant, or profile, or sign in with az login.")
    # An account that cannot be used is not replaced by another one.
    site.install_az("echo 'ERROR: AADSTS50076: needs a second factor' >&2; exit 1")
    site.patch.setattr(site.entra, "machine_id", OTHER)
    with pytest.raises(AuthError, match="az failed: AADSTS50076"):
        site.read()


def test_the_azure_cli_ends_with_the_deadline(site: AzureSite) -> None:
    """It is a script that starts Python, and Python is what would go on."""
    noted = site.bin.parent / "pid"
    site.install_az(f"/bin/sleep 60 & echo $! >{noted}\nwait")
    session = site.open(auth_source="cli")
    started = time.monotonic()
    with pytest.raises(AuthError, match="az gave no answer in 1 seconds"), session.within(site.clock() + 0.1):
        session.read("read the VNet", VNET_ID, "2024-05-01")
    assert time.monotonic() - started < 10
    pid = int(noted.read_text())
    # It may still be there for its parent, but not as a program.
    for _try in range(100):
        if not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes():
            break
        time.sleep(0.05)
    else:
        raise AssertionError("az goes on")


@pytest.mark.parametrize("status", [410, 429])
@pytest.mark.parametrize("source", ["auto", "msi"])
def test_a_busy_machine_is_asked_again(site: AzureSite, source: str, status: int) -> None:
    """It answers so many requests a second, and by 410 while it is updated.

    Sources: "Rate limiting" of AZURE's Instance Metadata Service; "Retry guidance" in Microsoft's documentation "How to use
    managed identities for Azure resources on an Azure VM to acquire an access token".
    """
    site.entra.machine_id = str(uuid.uuid4())
    site.clouds.app.answers[:] = [("/metadata/identity/oauth2/token", status, {"error": "try again"})] * 2
    assert site.read(auth_source=source)["id"] == VNET_ID
    assert len(site.clock.pauses) == 2


def test_a_token_is_renewed_before_it_ends(site: AzureSite, monkeypatch: pytest.MonkeyPatch) -> None:
    session = site.open(**site.secret)
    session.read("read the VNet", VNET_ID, "2024-05-01")
    later = time.time() + 3590
    monkeypatch.setattr(auth.time, "time", lambda: later)
    session.read("read the VNet", VNET_ID, "2024-05-01")
    assert site.wire()[-2:] == LOGIN_AND_READ


def test_a_busy_login_is_asked_again(site: AzureSite) -> None:
    """The library remembers what it has heard, so it is made again."""
    busy = {"error": "temporarily_unavailable", "error_description": "AADSTS90033: A transient error has occurred."}
    site.clouds.app.answers[:] = [("/oauth2/v2.0/token", 503, busy)] * 2
    assert site.read(**site.secret)["id"] == VNET_ID
    assert len(site.clock.pauses) == 2
    site.clouds.app.answers[:] = [("/oauth2/v2.0/token", 503, busy)] * 5
    with pytest.raises(AuthError, match=r"temporarily_unavailable: AADSTS90033.*\(HTTP 503\)"):
        site.read(**site.secret)


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (302, b"", "the reply of login.microsoftonline.com is a redirect or an interim one"),
        (200, b"x" * (3 << 20), "is longer than 2 MiB"),
        (200, b"<html>", "no token for AZURE with the options: "),
        (200, {"token_type": "Bearer", "refresh_token": "geheim12", "expires_in": 1}, "no token for AZURE with the options: "),
        (200, [], "no token for AZURE with the options: "),
        (401, {"error": {"code": 5}}, "login.microsoftonline.com refused the request for it: no reason given (HTTP 401)"),
    ],
)
def test_an_odd_reply_of_the_login_is_no_token(site: AzureSite, status: int, body: Any, detail: str) -> None:
    site.clouds.app.answers[:] = [("/oauth2/v2.0/token", status, body)]
    with pytest.raises(TaskError) as caught:
        site.read(**site.secret)
    assert detail in str(caught.value)
    assert "geheim12" not in str(caught.value)
    assert site.wire() == LOGIN_AND_READ[:1]
    site.clouds.app.answers.clear()


def test_a_reply_that_the_library_quotes_shows_no_secret(site: AzureSite) -> None:
    """Source: ManagedIdentityClient of msal, and ManagedIdentityClientBase of azure-identity."""
    site.set(MSI_ENDPOINT=f"http://{site.clouds.metadata_host}/msi/token", MSI_SECRET="x")
    site.clouds.app.answers[:] = [
        ("/msi/token", 200, {"access_token": "geheim12", "refresh_token": "geheim34", "token_type": "Bearer"})
    ]
    with pytest.raises(AuthError, match="refresh_token") as caught:
        site.read(auth_source="msi")
    assert "geheim" not in str(caught.value.to_result())


def test_headers_of_a_reply_are_found_in_any_case() -> None:
    """The library asks for WWW-Authenticate, and Azure Arc's service is written in Go, which sends Www-Authenticate.

    Sources: azure_arc.py of azure-identity, CanonicalHeaderKey of Go's net/textproto, RFC 9110, 5.1.
    """
    challenge = "Basic realm=/var/opt/azcmagent/tokens/a.key"
    transport = auth._make_transport(lambda *unused: Reply(401, {"Www-Authenticate": challenge}, b""))
    headers = transport.send(HttpRequest("GET", "http://127.0.0.1:40342/metadata/identity/oauth2/token")).headers
    assert headers.get("WWW-Authenticate") == headers.get("www-authenticate") == challenge


def test_a_login_leads_to_no_other_host(site: AzureSite) -> None:
    """A regional endpoint is chosen by a variable."""
    site.set(AZURE_REGIONAL_AUTHORITY_NAME="westus")
    with pytest.raises(AuthError, match=r"westus\.login\.microsoft\.com is not login\.microsoftonline\.com"):
        site.read(**site.secret)
    site.patch.delenv("AZURE_REGIONAL_AUTHORITY_NAME")
    hosts = list(site.clouds.proxy.hosts)
    site.set(AZURE_AUTHORITY_HOST="login.example")
    assert site.read(**site.secret)["id"] == VNET_ID
    assert set(site.clouds.proxy.hosts[len(hosts) :]) == {"login.microsoftonline.com", "management.azure.com"}


@pytest.mark.parametrize("name", ["AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH"])
def test_a_missing_file_is_named(site: AzureSite, tmp_path: Path, name: str) -> None:
    site.set(AZURE_CLIENT_ID=site.entra.client_id, AZURE_TENANT_ID=site.entra.tenant, **{name: str(tmp_path / "missing")})
    with pytest.raises(AuthError, match=r"with environment variables: .*No such file or directory: '.*missing'"):
        site.read()
    (tmp_path / "missing").write_text("geheim12")
    with pytest.raises(AuthError) as caught:
        site.read()
    assert "geheim12" not in str(caught.value)


def test_no_secret_is_logged(site: AzureSite) -> None:
    """azure-identity warns of each failure, in a log that Ansible may write to a file."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    try:
        with pytest.raises(AuthError):
            site.read(**{**site.secret, "secret": "geheim12"})
        logging.getLogger("requests").warning("seen")
    finally:
        logging.getLogger().removeHandler(handler)
    assert written.getvalue() == "seen\n"
    assert "AZURE_LOG_LEVEL" not in os.environ
