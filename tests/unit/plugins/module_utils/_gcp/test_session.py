"""How a session with GCP signs in with the credentials of another account, and how long it waits."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.session import GcpSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import RateLimitError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.exchange import Reply, count_requests
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.transport import Transport
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock

OPTIONS: dict[str, Any] = {
    "auth_kind": "application",
    "access_token": None,
    "service_account_contents": None,
    "service_account_email": None,
    "scopes": ["https://www.googleapis.com/auth/compute"],
}
# As `gcloud auth application-default login --impersonate-service-account` writes it. Source of the address and of the reply:
# https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
ACCOUNT = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/net@my-project.iam.gserviceaccount.com"
IMPERSONATED = {
    "type": "impersonated_service_account",
    "service_account_impersonation_url": f"{ACCOUNT}:generateAccessToken",
    "source_credentials": {
        "type": "authorized_user",
        "client_id": "client",
        "client_secret": "secret-of-the-client",
        "refresh_token": "refresh-token",
    },
}
# As `gcloud iam workload-identity-pools create-cred-config` writes it.
FEDERATED = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/ci",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "https://sts.googleapis.com/v1/token",
    "client_secret": "secret-of-the-client",
    "service_account_impersonation_url": f"{ACCOUNT}:generateAccessToken",
    "credential_source": {"file": __file__},
}


def answering(monkeypatch: pytest.MonkeyPatch, replies: dict[str | None, Reply]) -> None:
    """Answer requests by their host, in memory."""
    monkeypatch.setattr(Transport, "send", lambda _self, prepared, _timeout: replies[urlsplit(prepared.url).hostname])


def content(**fields: str | int) -> Reply:
    return Reply(200, {"Content-Type": "application/json"}, json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("credentials", "secrets"),
    [(IMPERSONATED, {"secret-of-the-client", "refresh-token"}), (FEDERATED, {"secret-of-the-client"})],
)
def test_impersonation_is_no_write_and_its_source_is_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, credentials: dict[str, Any], secrets: set[str]
) -> None:
    (tmp_path / "adc.json").write_text(json.dumps(credentials))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "adc.json"))
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    expires = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    source = {"access_token": "token-of-the-source", "token_type": "Bearer", "issued_token_type": "x", "expires_in": 3599}
    replies: dict[str | None, Reply] = {
        "oauth2.googleapis.com": content(**source),
        "sts.googleapis.com": content(**source),
        "iamcredentials.googleapis.com": content(accessToken="token-of-the-account", expireTime=expires),
        "compute.googleapis.com": content(name="my-network"),
    }
    answering(monkeypatch, replies)
    session = GcpSession(OPTIONS)
    assert session.read("read it", "projects/my-project/global/networks/my-network") == {"name": "my-network"}
    assert count_requests(session.calls) == {"sent": 3, "writes": 0}
    assert session.secrets == {"token-of-the-source", "token-of-the-account", *secrets}


def test_a_read_waits_as_long_as_gcp_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 9110, 10.2.3: Retry-After."""
    limited = Reply(429, {"Retry-After": "17"}, b'{"error": {"code": 429, "message": "Slow down"}}')
    answering(monkeypatch, {"compute.googleapis.com": limited})
    clock = FakeClock()
    session = GcpSession({**OPTIONS, "auth_kind": "accesstoken", "access_token": "token"}, clock, clock.sleep)
    with pytest.raises(RateLimitError):
        session.read("read it", "projects/my-project/global/networks/my-network")
    assert clock.pauses == [17] * 4
