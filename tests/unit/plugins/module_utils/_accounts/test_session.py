"""The options `timeout` and `retries` on the clouds: the seconds of each request, and how often it is sent, tokens included."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.exceptions
import google.auth.compute_engine._metadata as metadata
import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._accounts.session import CheckSession, connect
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.network import Network
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.options import AWS_OPTIONS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure import auth as azure_auth
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.credentials import AZURE_OPTIONS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.credentials import check_credentials as check_azure
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.credentials import GCP_OPTIONS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.credentials import check_credentials as check_gcp
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.deadline import Deadline
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.exchange import Reply
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.transport import Transport, TransportError
from ansible_collections.cloudpeer.atlas.tests.clouds.tokens import Tokens
from ansible_collections.cloudpeer.atlas.tests.support.environment import clean_environment
from botocore.httpsession import URLLib3Session

ROLE = "arn:aws:iam::123456789012:role/network"
KEY = {"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "wJalrXUtnFEMI"}
APP = {"client_id": "0e2e3d4c-0000-4000-8000-0000000000cc", "secret": "s", "tenant": "0e2e3d4c-0000-4000-8000-0000000000dd"}
Given = list[tuple[str, float]]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Given:
    """Let nobody answer, and return the hosts that were asked, each with the seconds it was given."""
    found: Given = []
    seconds: list[float] = []
    clean_environment(monkeypatch, tmp_path)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # Old releases of botocore ask STS in us-east-1 unless told otherwise.
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "regional")
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(metadata, "detect_gce_residency_linux", lambda: False, raising=False)

    def exchange(_self: Transport, prepared: Any, timeout: float, _path: str) -> Reply:
        found.append((str(urlsplit(prepared.url).hostname), timeout))
        raise TransportError("silent") from TimeoutError("timed out")

    @contextmanager
    def running(self: Deadline, most: float) -> Iterator[None]:
        self.has_expired = False
        seconds.append(most)
        yield

    def send(_self: URLLib3Session, request: Any) -> Any:
        found.append((str(urlsplit(request.url).hostname), seconds[-1]))
        raise botocore.exceptions.ReadTimeoutError(endpoint_url=request.url)

    def run_az(_arguments: Any, most: float) -> tuple[None, str, str]:
        found.append(("az", most))
        return None, "", ""

    monkeypatch.setattr(Transport, "exchange", exchange)
    monkeypatch.setattr(Deadline, "running", running)
    monkeypatch.setattr(URLLib3Session, "send", send)
    monkeypatch.setattr(azure_auth, "_run_az", run_az)
    return found


def open_with(timeout: int, retries: int) -> Any:
    return connect({"atlas": False, "timeout": timeout, "retries": retries}, [].append)


def read_azure(session: CheckSession, *, with_token: bool = False, **options: Any) -> None:
    azure = session.open_azure(check_azure({**dict.fromkeys(AZURE_OPTIONS.options), **options}), None)
    if with_token:
        azure._tokens._found["https://management.azure.com"] = ("token-1234", time.time() + 3600)
    azure.read("read it", "/subscriptions/1", "2024-05-01")


def read_gcp(session: CheckSession, **options: Any) -> None:
    session.open_gcp(check_gcp({**dict.fromkeys(GCP_OPTIONS.options), **options})).read("read it", "projects/my-project")


def read_aws(session: CheckSession, **options: Any) -> None:
    given = {**dict.fromkeys(AWS_OPTIONS.options), "region": "eu-west-1", **options}
    Network(session.aws.open(given)).find_vpcs(["vpc-1"])


def read_by_profile(session: CheckSession) -> None:
    """Read AWS as a profile that boto3 itself assumes the role of."""
    keys = f"aws_access_key_id = {KEY['access_key']}\naws_secret_access_key = {KEY['secret_key']}"
    folder = Path("~/.aws").expanduser()
    folder.mkdir()
    (folder / "config").write_text(f"[profile base]\n{keys}\n[profile network]\nrole_arn = {ROLE}\nsource_profile = base\n")
    read_aws(session, profile="network")


READS = {
    "AZURE": ("management.azure.com", lambda one: read_azure(one, with_token=True, auth_source="msi")),
    "a token of an application": ("login.microsoftonline.com", lambda one: read_azure(one, **APP)),
    "GCP": ("compute.googleapis.com", lambda one: read_gcp(one, access_token="ya29.x")),
    "a token by a key": (
        "oauth2.googleapis.com",
        lambda one: read_gcp(one, service_account_contents=json.dumps(Tokens().service_account_key())),
    ),
    "a token of a machine": ("metadata.google.internal", lambda one: read_gcp(one, auth_kind="machineaccount")),
    "AWS": ("ec2.eu-west-1.amazonaws.com", lambda one: read_aws(one, **KEY)),
    "a role": ("sts.eu-west-1.amazonaws.com", lambda one: read_aws(one, **KEY, assume_role_arn=ROLE)),
    "the role of a profile": ("sts.amazonaws.com", read_by_profile),
}


@pytest.mark.parametrize(("timeout", "retries"), [(2, 0), (3, 2)])
@pytest.mark.parametrize(("host", "read"), READS.values(), ids=READS)
def test_timeout_and_retries_hold_for_each_request(
    given: Given, host: str, read: Callable[[CheckSession], None], timeout: int, retries: int
) -> None:
    with open_with(timeout, retries) as session, pytest.raises(TaskError):
        read(session)
    assert given == [(host, timeout)] * (retries + 1)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_refused_token_is_asked_for_again_by_the_same_count(given: Given, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """google-auth would send each request three times by itself, with pauses."""

    def refuse(_self: Transport, prepared: Any, timeout: float, _path: str) -> Reply:
        given.append((prepared.url, timeout))
        return Reply(status, {}, b"{}")

    monkeypatch.setattr(Transport, "exchange", refuse)
    with open_with(3, 1) as session, pytest.raises(TaskError, match=rf"no reason given \(HTTP {status}\)"):
        READS["a token by a key"][1](session)
    assert len(given) == 2


@pytest.mark.parametrize(("retries", "sent"), [(0, 1), (1, 2), (4, 3)])
def test_whether_this_is_a_machine_of_gcp_is_asked_no_oftener(given: Given, retries: int, sent: int) -> None:
    with open_with(2, retries) as session, pytest.raises(TaskError, match="auth_kind application"):
        read_gcp(session)
    assert given == [("169.254.169.254", 2)] * sent


def test_the_azure_cli_ends_with_timeout(given: Given) -> None:
    with open_with(3, 4) as session, pytest.raises(TaskError, match="az gave no answer in 3 seconds"):
        read_azure(session, auth_source="cli")
    assert given == [("az", 3)]


@pytest.mark.parametrize(("option", "value"), [("timeout", 0), ("retries", -1)])
def test_without_atlas_the_options_are_checked_as_well(option: str, value: int) -> None:
    with pytest.raises(InvalidOptionError, match=f"^{option} must be"), open_with(**{"timeout": 3, "retries": 0, option: value}):
        pass
