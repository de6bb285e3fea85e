"""Where atlas_vpc_peer_accepter finds AWS: region, credentials, endpoints; what it says if it cannot; that it keeps secrets."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import botocore.loaders
import botocore.retries.standard
import pytest
import trustme
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import boto as _aws_boto
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import errors as _aws_errors
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import session as _aws_session
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.options import AWS_OPTIONS, NAMES, validate
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.rate import RateGovernor
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.session import AwsSession, AwsSessions
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.threads import Workers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_accepter import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.accepter_site import REGION, AwsSite, owner
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import fronting, refusal
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply, certificate, serving

NO_KEYS: dict[str, Any] = {"access_key": None, "secret_key": None, "session_token": None}
LEAK = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@pytest.fixture(autouse=True)
def _no_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    """This host has no role that boto3 could ask for."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def use_profiles(monkeypatch: pytest.MonkeyPatch, folder: Path, **profiles: dict[str, str]) -> None:
    """Write boto3's file of profiles."""
    lines = [line for name, values in profiles.items() for line in (f"[{name}]", *(f"{k} = {v}" for k, v in values.items()))]
    (folder / "credentials").write_text("\n".join(lines))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))


# The region


@pytest.mark.parametrize(
    ("option", "variables", "used"),
    [
        ("us-east-1", {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "us-east-1"),
        ("US_EAST_1", {}, "us-east-1"),
        (None, {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        ("", {"AWS_REGION": "EU_WEST_1"}, "eu-west-1"),
        (None, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
    ],
)
def test_the_region_is_taken_from_the_first_that_has_it(
    site: AwsSite, monkeypatch: pytest.MonkeyPatch, option: str | None, variables: dict[str, str], used: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert f"in region {used} of" in site.run(region=option, connection_id="pcx-0123456789abcdef0").msg


def test_the_profile_has_a_region_too(site: AwsSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_profiles(monkeypatch, tmp_path, production={**site.account.keys, "region": "eu-west-3"})
    options = {**NO_KEYS, "region": None, "connection_id": "pcx-0123456789abcdef0"}
    assert "in region eu-west-3 of" in site.run(**options, profile="production").msg
    monkeypatch.setenv("AWS_PROFILE", "production")
    assert "in region eu-west-3 of" in site.run(**options).msg
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    assert "in region eu-west-2 of" in site.run(**options).msg


def test_without_a_region_all_four_places_are_named(site: AwsSite) -> None:
    done = site.refused("No region for AWS.", region=None)
    for name in ("region", "AWS_REGION", "AWS_DEFAULT_REGION", "profile"):
        assert name in done.msg.partition("AWS.")[2]
    assert site.front.actions == []


def test_a_region_that_is_none_is_named_with_its_source(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    assert site.refused("region is not an AWS region: 'Frankfurt'", region="Frankfurt")
    monkeypatch.setenv("AWS_REGION", "Frankfurt")
    assert site.refused("AWS_REGION is not an AWS region: 'Frankfurt'", region=None)


# Credentials


def test_each_task_uses_its_own_credentials(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    other = owner(site.aws.url, "444444444444")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    names = {"access_key": "aws_access_key_id", "secret_key": "aws_secret_access_key", "session_token": "aws_session_token"}
    for account in (site.account, other, site.account):
        keys = {option: account.keys[name] for option, name in names.items()}
        assert f"of account {account.id}" in site.run(**keys, connection_id="pcx-0123456789abcdef0").msg
    # The default session would keep the first ones.
    assert boto3.DEFAULT_SESSION is None


def test_the_descriptions_of_the_services_are_read_once(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    load = botocore.loaders.JSONFileLoader.load_file

    def note(self: Any, path: str) -> Any:
        read.append(path)
        return load(self, path)

    monkeypatch.setattr(botocore.loaders.JSONFileLoader, "load_file", note)
    site.run()
    assert [path for path in read if path.endswith(("service-2", "endpoints"))] == []


def test_a_thousand_tasks_leave_only_descriptions_of_services(site: AwsSite) -> None:
    site.run(check_mode=True)
    before = list(_aws_boto.LOADER.search_paths)
    for unused in range(5):
        site.run(check_mode=True)
    assert list(_aws_boto.LOADER.search_paths) == before


def test_a_task_leaves_no_connection_open(site: AwsSite) -> None:
    session = AwsSession({**dict.fromkeys(AWS_OPTIONS.options), **site.options})
    session.read("read the VPCs", "DescribeVpcs", "vpc-id", [site.vpc_id])
    clients = weakref.ref(session._clients)
    del session
    gc.collect()
    # urllib3 closes the connections of a pool that is gone.
    assert clients() is None


def test_a_profile_precedes_credentials_of_variables(site: AwsSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = owner(site.aws.url, "444444444444")
    use_profiles(monkeypatch, tmp_path, production=site.account.keys)
    for name, value in other.keys.items():
        monkeypatch.setenv(name.upper(), value)
    assert site.run(**NO_KEYS, profile="production", check_mode=True).changed
    failed = site.run(**NO_KEYS, aws_account_id=site.account.id)
    assert "of account 444444444444" in failed.msg
    # What boto3 has found by itself must not be shown either.
    assert {other.keys["aws_secret_access_key"], other.keys["aws_session_token"]} <= failed.secrets


def test_without_credentials_it_says_where_they_may_come_from(site: AwsSite) -> None:
    done = site.refused("Unable to locate credentials", **NO_KEYS)
    assert "Set access_key and secret_key, or profile" in done.msg


def test_an_unknown_profile(site: AwsSite) -> None:
    done = site.refused("The config profile (nobody) could not be found", **NO_KEYS, profile="nobody")
    assert "Correct profile" in done.msg


def test_half_a_key_in_a_profile(site: AwsSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_profiles(monkeypatch, tmp_path, half={"aws_access_key_id": "AKIAHALF"})
    assert "Set both halves" in site.refused("Partial credentials", **NO_KEYS, profile="half").msg


def test_a_role_is_assumed_and_its_credentials_are_secrets(site: AwsSite) -> None:
    other = owner(site.aws.url, "444444444444")
    role = f"arn:aws:iam::{site.account.id}:role/network"
    keys = {
        "access_key": other.keys["aws_access_key_id"],
        "secret_key": other.keys["aws_secret_access_key"],
        "session_token": other.keys["aws_session_token"],
    }
    done = site.run(**keys, assume_role_arn=role, aws_account_id=site.account.id)
    assert (done.failed, site.front.actions[:2]) == (False, ["AssumeRole", "GetCallerIdentity"]), done.result
    # Two of the caller, two of the role: the id of a key is no secret.
    assert len(done.secrets) == 4


def test_a_role_that_may_not_be_assumed(site: AwsSite) -> None:
    body = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code>'
        f"<Message>{site.options['secret_key']} may not assume it</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
    site.front.rule("AssumeRole", Reply(403, body.encode(), (("Content-Type", "text/xml"),)))
    done = site.refused(
        "Failed to assume the role arn:aws:iam::123456789012:role/x", assume_role_arn="arn:aws:iam::123456789012:role/x"
    )
    assert "Allow sts:AssumeRole to these credentials" in done.msg
    assert done.result["error_code"] == "AccessDenied"


def test_the_endpoint_of_sts_can_be_another_one(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    with fronting(site.aws.url) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        site.run(assume_role_arn=f"arn:aws:iam::{site.account.id}:role/network", check_mode=True)
        assert sts.actions == ["AssumeRole", "GetCallerIdentity"]
        assert not {"AssumeRole", "GetCallerIdentity"} & set(site.front.actions)


def test_the_variables_of_boto3_hold_without_the_option(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", site.front.url)
    assert site.run(endpoint_url=None).changed
    assert site.front.actions[0] == "GetCallerIdentity"


def test_a_proxy_of_the_environment_is_used(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", site.front.url)
    assert site.run(endpoint_url="http://ec2.invalid").changed


def test_the_certificates_of_an_authority_of_ones_own(site: AwsSite, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with serving(tls=certificate(authority)) as wire:
        wire.answer = site.front.answer  # type: ignore[method-assign]
        assert "Set aws_ca_bundle" in site.run(endpoint_url=wire.base_url).msg
        assert site.front.actions == []
        assert site.run(endpoint_url=wire.base_url, aws_ca_bundle=str(tmp_path / "ca.pem")).changed
    site.refused("aws_ca_bundle: /nowhere does not exist", aws_ca_bundle="/nowhere")


# What goes wrong


def test_where_nobody_answers(site: AwsSite) -> None:
    done = site.refused("Could not connect to the endpoint URL", endpoint_url="http://127.0.0.1:1")
    assert "Check region and endpoint_url" in done.msg
    assert (done.result["http_status"], done.result["error_code"]) == (None, None)


FOREIGN = [
    Reply(200, b"<html><body>Please sign in</body></html>"),
    Reply(200, b"<html><p>Please sign in"),
    Reply(200, b"welcome"),
    Reply(200, b""),
    Reply(403, b"<html><body>Please sign in</body></html>"),
    Reply(302, b"", (("Location", "https://login.example"),)),
]


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("reply", FOREIGN)
def test_where_something_else_answers(site: AwsSite, reply: Reply, state: str) -> None:
    """An error is never taken for absence."""
    with serving(reply) as wire:
        done = site.run(endpoint_url=wire.base_url, state=state, vpc_id=site.vpc_id)
    assert done.failed
    assert "Failed to read the VPC peering connection" in done.msg
    assert not done.changed


@pytest.mark.parametrize("action", ["AcceptVpcPeeringConnection", "CreateRoute", "CreateTags", "ModifyVpcAttribute"])
@pytest.mark.parametrize("reply", [FOREIGN[0], *(pytest.param(one, marks=pytest.mark.full) for one in FOREIGN[1:4])])
def test_what_something_else_answers_is_no_success(site: AwsSite, action: str, reply: Reply) -> None:
    site.front.rule(action, reply)
    done = site.run(dns="enable", tags={"team": "data"})
    assert done.failed
    assert "Check endpoint_url" in done.msg
    assert site.front.writes.count(action) == 4


@pytest.mark.parametrize("status", [307, 408, 500])
@pytest.mark.parametrize("body", [b"", b"<html><body>Please wait</body></html>"], ids=["empty", "page"])
def test_an_answer_in_place_of_aws_leaves_a_write_open(site: AwsSite, status: int, body: bytes) -> None:
    """The second of two routes was made, so it is found."""
    site.front.rule("CreateRoute", Reply(status, body), forward=True, skip=1, times=1)
    done = site.run()
    assert (done.failed, done.changed) == (False, True)
    assert site.front.writes.count("CreateRoute") == 2


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("RequestExpired", "Check the clock"),
        ("ExpiredToken", "get new ones"),
        ("AuthFailure", "Check access_key"),
        ("SignatureDoesNotMatch", "Check access_key"),
        ("OptInRequired", "Check region"),
    ],
)
def test_refused_credentials(site: AwsSite, code: str, advice: str) -> None:
    for action in ("GetCallerIdentity", "DescribeVpcPeeringConnections"):
        site.front.rule(action, refusal(code, f"Not with {site.options['secret_key']}", status=403))
    done = site.refused(f"(ec2:DescribeVpcPeeringConnections: {code})")
    assert advice in done.msg
    assert done.result["error_code"] == code
    assert "********" in done.result["detail"]


def test_what_aws_repeats_of_a_secret_is_not_shown(site: AwsSite) -> None:
    keys = {"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": LEAK, "session_token": "FwoGZXIvYXdzEXAMPLETOKEN=="}
    said = f"The string was {LEAK} and {keys['session_token']} of {keys['access_key']}"
    site.front.rule("DescribeVpcPeeringConnections", refusal("SignatureDoesNotMatch", said, status=403))
    done = site.run(**keys)
    assert done.failed
    shown = repr((done.result, done.warnings))
    # The id of a key is none, as in the argument spec of amazon.aws, whose access_key has no_log=False.
    assert [name for name, value in keys.items() if value in shown] == ["access_key"]
    assert "********" in done.msg


@pytest.mark.parametrize(("wait_timeout", "seconds"), [(1800, 60), (20, 20), (3, 3)])
def test_a_request_is_given_wait_timeout_and_a_minute_at_most(site: AwsSite, wait_timeout: int, seconds: int) -> None:
    site.run(check_mode=True, wait_timeout=wait_timeout)
    given = {action: left for unused, action, left in site.given}
    # Some networks do not reach STS.
    assert (given.pop("GetCallerIdentity"), set(given.values())) == (min(5, seconds), {seconds})


@pytest.mark.parametrize("way", ["plain", "tls", "proxy"])
def test_a_reply_that_drips_ends_with_the_deadline(
    site: AwsSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setattr(_aws_session, "SHORTEST_SECONDS", 0.3)
    with serving(
        Reply(200, b"<DescribeVpcsResponse>" * 50, drip=0.05), tls=certificate(authority) if way == "tls" else None
    ) as wire:
        if way == "proxy":
            monkeypatch.setenv("HTTP_PROXY", wire.base_url)
        url = "http://ec2.invalid" if way == "proxy" else wire.base_url
        params = {**dict.fromkeys(AWS_OPTIONS.options), **site.options, "endpoint_url": url, "wait_timeout": 0.3}
        session = AwsSession({**params, "aws_ca_bundle": str(tmp_path / "ca.pem")})
        started = time.monotonic()
        with pytest.raises(TaskError, match="Read timeout on endpoint URL") as read:
            session.read_pages("read it", "ec2", "DescribeVpcs")
        with pytest.raises(TaskError, match="Read timeout on endpoint URL") as written:
            session.write("make it", "CreateRoute", RouteTableId="rtb-1")
    # All bytes would take most of a minute, for each of them.
    assert time.monotonic() - started < 10
    assert (read.value.outcome_unknown, written.value.outcome_unknown) == (False, True)


def test_sessions_of_one_account_wait_for_its_limits_together(site: AwsSite) -> None:
    governor = RateGovernor(site.clock, site.clock.sleep)
    options = {**dict.fromkeys(AWS_OPTIONS.options), **site.options, "assume_role_arn": f"arn:aws:iam::{site.account.id}:role/x"}
    with_role, by_key = (AwsSession(one, governor=governor) for one in (options, {**options, "assume_role_arn": None}))
    assert by_key.find_account_id() == site.account.id
    governor._governor(site.account.id, REGION, "ec2:DescribeVpcs").pause(7)
    for session in (with_role, by_key):
        session.read_pages("read them", "ec2", "DescribeSubnets")
        assert site.clock.pauses == []
    by_key.read_pages("read them", "ec2", "DescribeVpcs")
    assert site.clock.pauses == [7]
    governor._governor(site.account.id, REGION, "ec2:DescribeVpcs").pause(9)
    with_role.read_pages("read them", "ec2", "DescribeVpcs")
    assert site.clock.pauses == [7, 9]


def test_a_role_is_assumed_once_for_all_regions(site: AwsSite) -> None:
    """The sessions of a task share their requests, secrets and limits."""
    calls: list[Any] = []
    sessions = AwsSessions(calls, NAMES, RateGovernor(site.clock, site.clock.sleep))
    options = {**dict.fromkeys(AWS_OPTIONS.options), **site.options, "assume_role_arn": f"arn:aws:iam::{site.account.id}:role/x"}
    regions = ("us-east-1", "eu-west-1", "us-east-1", "eu-west-2")
    with Workers[int, AwsSession](8) as workers:
        for number, region in enumerate(regions):
            workers.submit(number, partial(sessions.open, {**options, "region": region}))
        found = {ended.key: ended.result() for ended in workers.results()}
    assert [found[number].region for number in range(4)] == [*regions]
    assert found[0] is found[2]
    for one in {id(one): one for one in found.values()}.values():
        one.read_pages("read them", "ec2", "DescribeVpcs")
    assert site.front.actions == ["AssumeRole", *["DescribeVpcs"] * 3]
    assert [call.path for call in calls] == ["sts:AssumeRole", *["ec2:DescribeVpcs"] * 3]
    assert len(sessions.secrets) == 4
    # Other credentials, or another role, are asked for by themselves.
    sessions.open({**options, "assume_role_arn": f"{options['assume_role_arn']}y"})
    assert sessions.open({**options, "assume_role_arn": None}).find_account_id() == site.account.id
    assert site.front.actions.count("AssumeRole") == 2


def test_a_role_that_is_refused_is_asked_for_once(site: AwsSite) -> None:
    site.front.rule("AssumeRole", refusal("AccessDenied", status=403))
    sessions = AwsSessions([], NAMES, RateGovernor(site.clock, site.clock.sleep))
    options = {**dict.fromkeys(AWS_OPTIONS.options), **site.options, "assume_role_arn": f"arn:aws:iam::{site.account.id}:role/x"}
    for region in ("us-east-1", "eu-west-1"):
        with pytest.raises(TaskError, match="Failed to assume the role"):
            sessions.open({**options, "region": region})
    assert site.front.actions == ["AssumeRole"]


def test_an_entry_without_a_region_does_no_harm_to_others(site: AwsSite) -> None:
    sessions = AwsSessions([], NAMES, RateGovernor(site.clock, site.clock.sleep))
    options = {**dict.fromkeys(AWS_OPTIONS.options), **site.options}
    with pytest.raises(TaskError, match="No region for AWS"):
        sessions.open({**options, "region": None})
    assert sessions.open({**options, "region": "eu-west-1"}).region == "eu-west-1"
    with pytest.raises(TaskError, match="No region for AWS"):
        sessions.open({**options, "region": None})


def test_a_deadline_holds_for_its_thread_alone(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks for several connections share a session, and one of them may wait."""
    site.on_clock(None, monkeypatch)
    governor = RateGovernor(site.clock, site.clock.sleep)
    session = AwsSession({**dict.fromkeys(AWS_OPTIONS.options), **site.options, "wait_timeout": 50}, governor=governor)
    read = partial(session.read_pages, "read them", "ec2", "DescribeVpcs")
    with session.within(site.clock.now + 7):
        read()
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    assert [left for unused, action, left in site.given if action == "DescribeVpcs"] == [7, 50]


def test_ids_go_into_filters_of_two_hundred(site: AwsSite) -> None:
    session = AwsSession({**dict.fromkeys(AWS_OPTIONS.options), **site.options})
    ids = [f"vpc-{number:08x}" for number in range(250)]
    found = session.read("read the VPCs", "DescribeVpcs", "vpc-id", [*ids, site.vpc_id])
    assert [one["VpcId"] for one in found] == [site.vpc_id]
    values = [sum(name.startswith("Filter.1.Value.") for name in fields) for fields in site.front.requests]
    assert values == [200, 51]


def test_variables_for_retries_are_not_used(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the clients that look for the credentials either; a value that botocore cannot read does no harm."""
    monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "many")
    clients = _aws_boto.Clients({**dict.fromkeys(AWS_OPTIONS.options), **site.options}, [])
    assert clients._get("ec2").meta.config.retries == {"mode": "standard", "total_max_attempts": 1}
    assert clients._session.client("sts").meta.config.retries == {"mode": "standard", "total_max_attempts": 5}


def test_codes_of_refusals_for_the_rate_are_those_of_botocore() -> None:
    """But for those of other services, and a quota on resources: it does not help to wait for that."""
    others = {"LimitExceededException", "ProvisionedThroughputExceededException", "TransactionInProgressException"}
    known = set(botocore.retries.standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    assert known - others <= _aws_errors._THROTTLED


# Options


def check(**options: Any) -> list[str]:
    given = {"connection_id": "pcx-0a1b2c3d4e5f67890", **options}
    return list(ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate(given).error_messages)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"access_key": "a"}, "access_key, secret_key"),
        ({"secret_key": "s"}, "access_key, secret_key"),
        ({"profile": "p", "access_key": "a", "secret_key": "s"}, "profile|access_key"),
        ({"profile": "p", "session_token": "t"}, "profile|session_token"),
        ({"route_table_ids": ["rtb-0a1b2c3d4e5f67890"], "route_table_tags": {"a": "b"}}, "route_table_ids|route_table_tags"),
    ],
)
def test_ansible_itself_refuses_these(options: dict[str, Any], named: str) -> None:
    (message,) = check(**options)
    assert named in message


@pytest.mark.parametrize(
    "options",
    [
        {
            "aws_region": "us-east-1",
            "aws_profile": "p",
            "aws_endpoint_url": "https://x",
            "iam_role_arn": "arn",
            "resource_tags": {},
        },
        {"aws_access_key_id": "a", "aws_secret_access_key": "s", "aws_session_token": "t"},
        {"aws_access_key": "a", "aws_secret_key": "s", "project_id": "5356823b3794dee37132bb7b"},
    ],
)
def test_the_aliases_of_amazon_aws(options: dict[str, Any]) -> None:
    assert check(**options) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"connection_id": None}, "connection_id is required"),
        ({"connection_id": "5356823b3794dee37132bb7b"}, "That is an id of Atlas"),
        ({"connection_id": "vpc-0a1b2c3d4e5f67890"}, "connection_id is not the id of a peering connection"),
        ({"vpc_id": "vpc-0A1B2C3D4E5F67890"}, "Write it as vpc-0a1b2c3d4e5f67890"),
        ({"vpc_id": ""}, "vpc_id is empty"),
        ({"aws_account_id": 1402433619}, "012345670123"),
        ({"atlas_aws_account_ids": ["222222222222", "x"]}, "atlas_aws_account_ids is not the id of an AWS account: 'x'"),
        ({"atlas_aws_account_ids": []}, "atlas_aws_account_ids is empty"),
        ({"route_table_ids": []}, "route_table_ids is empty"),
        ({"route_table_ids": ["rtb-x"]}, "route_table_ids has a malformed id: 'rtb-x'"),
        ({"route_table_tags": {}}, "route_table_tags is empty"),
        ({"route_table_tags": {"a": None}}, "route_table_tags has no text for 'a'"),
        ({"route_table_tags": {"a": True}}, "route_table_tags has no text for 'a'"),
        ({"security_group_ids": ["sg-x"]}, "security_group_ids has a malformed id: 'sg-x'"),
        ({"atlas_cidr_block": "192.168.248.1/21"}, "atlas_cidr_block has host bits set"),
        ({"atlas_cidr_block": "8.8.8.0/24"}, "atlas_cidr_block is not private"),
        ({"route_table_cidr_block": "10.15.0.0"}, "route_table_cidr_block is an address without a prefix length"),
        ({"group_id": "x"}, "group_id is malformed"),
        ({"tags": {"aws:x": "y"}}, "names that begin with aws: are AWS's own"),
        ({"tags": {"": "y"}}, "tags: '' is too long or empty"),
        ({"tags": {"x": "y" * 257}}, "tags: 'x' is too long or empty"),
        ({"tags": {"x": {"y": "z"}}}, "tags has no text for 'x'"),
        ({"wait_timeout": 0}, "wait_timeout must be at least 1 second"),
        ({"wait_sleep": 0}, "wait_sleep must be at least 1 second"),
        ({"access_key": "", "secret_key": "s"}, "one of them is empty"),
        ({**NO_KEYS, "session_token": "t"}, "session_token is set without access_key"),
        ({"endpoint_url": "ec2.us-east-1.amazonaws.com"}, "endpoint_url is not an http or https URL"),
        ({"endpoint_url": "https://x\r\nHost: y"}, "endpoint_url is not an http or https URL"),
        ({"endpoint_url": "https://[::1"}, "endpoint_url is not an http or https URL"),
        ({"endpoint_url": "https://user:geheim@x"}, "endpoint_url must not carry credentials"),
        ({"state": "absent", "connection_id": None}, "state absent needs vpc_id and atlas_cidr_block"),
        (
            {"state": "absent", "connection_id": None, "vpc_id": "vpc-0a1b2c3d4e5f67890", "atlas_cidr_block": None},
            "state absent needs atlas_cidr_block",
        ),
    ],
)
def test_wrong_options_are_named_and_nothing_is_sent(site: AwsSite, options: dict[str, Any], message: str) -> None:
    done = site.run(**{"atlas_cidr_block": None, **options})
    assert message in done.msg
    assert "geheim" not in done.msg
    assert site.front.actions == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://ec2.invalid"])
def test_an_endpoint_on_this_host_or_over_tls_is_fine(url: str) -> None:
    assert validate({**dict.fromkeys(AWS_OPTIONS.options), "endpoint_url": url})[1] == []


def test_plain_http_to_another_host_warns() -> None:
    unused, (warning,) = validate({**dict.fromkeys(AWS_OPTIONS.options), "endpoint_url": "http://moto:5000"})
    assert warning.startswith("endpoint_url is plain http to moto")


def test_check_mode_needs_a_connection_or_a_vpc(site: AwsSite) -> None:
    assert "check mode needs vpc_id" in site.run(check_mode=True, connection_id=None).msg
    assert site.front.actions == []


def test_booleans_and_accounts_may_come_as_text_and_numbers(site: AwsSite) -> None:
    done = site.run(
        accept="no",
        replace_routes="false",
        wait="False",
        aws_account_id=int(site.account.id),
        atlas_aws_account_ids="222222222222",
    )
    assert (done.failed, done.accepter["connection"]["status"]) == (False, "pending-acceptance"), done.result
    assert done.accepter["vpc"]["region"] == REGION


def test_an_unknown_region_only_warns(site: AwsSite) -> None:
    done = site.run(region="us-east-9", connection_id="pcx-0123456789abcdef0")
    assert any("us-east-9" in warning for warning in done.warnings)
