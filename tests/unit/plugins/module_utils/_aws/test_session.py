"""Where atlas_vpc_peer_accepter finds AWS: region, credentials, endpoints; what it says if it cannot; that it keeps secrets."""

from __future__ import annotations

import gc
import json
import threading
import time
import weakref
from collections import Counter
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import botocore.httpsession
import botocore.loaders
import botocore.retries.standard
import pytest
import trustme
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._accounts.session import AwsSessions
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import boto as _aws_boto
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import errors as _aws_errors
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import session as _aws_session
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.network import Network
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.options import (
    AWS_OPTIONS,
    NAMES,
    credential_names,
    credentials_of,
    validate,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.rate import RateGovernor
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.session import AwsSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError, shown
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.pauses import DEFAULT_LIMITS, Limits
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.threads import Workers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_accepter import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.accepter_site import REGION, AwsSite
from ansible_collections.cloudpeer.atlas.tests.support.aws import owner
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import fronting, refusal
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, Reply, certificate, serving

NO_KEYS: dict[str, Any] = {"access_key": None, "secret_key": None, "session_token": None}
RULE = "arn:aws:iam::{account}:role/network"
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


def test_boto3_is_needed_where_a_session_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_aws_boto, "LIBRARIES", (("boto3", "boto3 1.26.1 instead of 1.28 or later"),))
    sessions = AwsSessions([], {}, RateGovernor())
    with pytest.raises(TaskError) as caught:
        sessions.open(dict.fromkeys(AWS_OPTIONS.options))
    assert str(caught.value) == (
        "The host that this task runs on has boto3 1.26.1 instead of 1.28 or later, which is needed to read AWS. "
        "Run pip install --upgrade boto3 for its Python, or set aws to false."
    )


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
    Network(session).find_vpcs([site.vpc_id])
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


def test_the_role_follows_from_the_account(site: AwsSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Unless the map has the account."""
    use_profiles(monkeypatch, tmp_path, production=site.account.keys)
    other = owner(site.aws.url, "444444444444")
    keys = {option: other.keys[name] for name, option in _aws_boto.KEYS.items()}
    options: dict[str, Any] = {**keys, "assume_role_arn": RULE, "aws_account_id": site.account.id}
    assert site.run(**options, check_mode=True).changed
    assert site.front.requests[0]["RoleArn"] == RULE.replace("{account}", site.account.id)
    accounts = {"999999999999": {"profile": "nobody"}, int(site.account.id): {"profile": "production"}}
    assert site.run(**options, accounts=accounts, check_mode=True).changed
    assert "AssumeRole" not in site.front.actions
    done = site.refused("(nobody) could not be found", **{**options, "aws_account_id": "999999999999"}, accounts=accounts)
    assert "Correct accounts.999999999999.profile (or the environment variable AWS_PROFILE)" in done.msg


def assumed(minutes: float) -> Reply:
    """Return the reply to AssumeRole with credentials that expire in so many minutes."""
    expires = (datetime.now(timezone.utc) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = {"AccessKeyId": "ASIASHORT", "SecretAccessKey": LEAK, "SessionToken": "short-token", "Expiration": expires}
    content = "".join(f"<{name}>{value}</{name}>" for name, value in names.items())
    space = "https://sts.amazonaws.com/doc/2011-06-15/"
    body = f"<Credentials>{content}</Credentials>"
    body = f'<AssumeRoleResponse xmlns="{space}"><AssumeRoleResult>{body}</AssumeRoleResult></AssumeRoleResponse>'
    return Reply(200, body.encode(), (("Content-Type", "text/xml"),))


def role_session(site: AwsSite) -> AwsSession:
    options = {**dict.fromkeys(AWS_OPTIONS.options), **site.options}
    session = AwsSession(options, governor=RateGovernor(site.clock, site.clock.sleep))
    return session.as_role(RULE.replace("{account}", site.account.id))


def test_a_role_is_assumed_again_before_its_credentials_expire(site: AwsSite) -> None:
    """By the thread that needs them first, for all."""
    site.front.rule("AssumeRole", assumed(5), times=1)
    session = role_session(site)
    with Workers[int, Any](8) as workers:
        for number in range(8):
            workers.submit(number, partial(session.read_pages, "read them", "ec2", "DescribeVpcs"))
        assert [bool(ended.result()) for ended in workers.results()] == [True] * 8
    session.in_region("eu-west-1").read_pages("read them", "ec2", "DescribeVpcs")
    assert Counter(site.front.actions) == {"AssumeRole": 2, "DescribeVpcs": 9}
    # With those of the second time.
    assert {one.account for one in site.front.calls if one.action == "DescribeVpcs"} == {site.account.id}
    assert {LEAK, "short-token"} <= session.secrets
    assert len(session.secrets) == 6


def test_a_role_that_is_refused_later_leaves_no_write_open(site: AwsSite) -> None:
    site.front.rule("AssumeRole", assumed(5), times=1)
    session = role_session(site)
    site.front.rule("AssumeRole", refusal("AccessDenied", status=403))
    for call in (
        partial(session.read_pages, "read them", "ec2", "DescribeVpcs"),
        partial(session.write, "make it", "CreateRoute", RouteTableId="rtb-1"),
    ):
        with pytest.raises(TaskError, match=f"Failed to assume the role {RULE.replace('{account}', site.account.id)}") as caught:
            call()
        assert not caught.value.outcome_unknown
    assert {*site.front.actions} == {"AssumeRole"}


def test_a_role_that_is_refused_early_does_no_harm(site: AwsSite) -> None:
    site.front.rule("AssumeRole", assumed(12), times=1)
    site.front.accounts["ASIASHORT"] = site.account.id
    session = role_session(site)
    site.front.rule("AssumeRole", refusal("AccessDenied", status=403))
    session.read_pages("read them", "ec2", "DescribeVpcs")
    assert site.front.actions == ["AssumeRole", "AssumeRole", "DescribeVpcs"]


def test_credentials_that_have_expired_already_are_a_failure(site: AwsSite) -> None:
    site.front.rule("AssumeRole", assumed(-1))
    with pytest.raises(TaskError, match=r"Failed to assume the role .*: its credentials expire at .* by the clock"):
        role_session(site)


def test_credentials_are_looked_for_once_for_all_roles(site: AwsSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = {"aws_access_key_id": "AccessKeyId", "aws_secret_access_key": "SecretAccessKey", "aws_session_token": "SessionToken"}
    found = {"Version": 1, **{names[name]: value for name, value in site.account.keys.items()}}
    (tmp_path / "found.json").write_text(json.dumps(found))
    (tmp_path / "look").write_text(f"echo looked >> {tmp_path}/log; cat {tmp_path}/found.json")
    use_profiles(monkeypatch, tmp_path, automation={"credential_process": f"sh {tmp_path}/look"})
    sessions = AwsSessions([], NAMES, RateGovernor(site.clock, site.clock.sleep))
    options = {**dict.fromkeys(AWS_OPTIONS.options), **site.options, **NO_KEYS, "profile": "automation"}
    with Workers[str, AwsSession](8) as workers:
        for account in ("444444444444", "555555555555", "666666666666"):
            role = RULE.replace("{account}", account)
            workers.submit(account, partial(sessions.open, {**options, "assume_role_arn": role}))
        assert {ended.result().place[0] for ended in workers.results()} == {"444444444444", "555555555555", "666666666666"}
    assert (tmp_path / "log").read_text() == "looked\n"
    assert site.front.actions == ["AssumeRole"] * 3


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


def test_the_role_of_a_profile_trusts_the_same_certificates(
    site: AwsSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """botocore itself asks for it."""
    role = {"role_arn": RULE.replace("{account}", site.account.id), "source_profile": "base", "region": REGION}
    use_profiles(monkeypatch, tmp_path, base=site.account.keys, network=role)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    options = {**NO_KEYS, "profile": "network", "aws_ca_bundle": str(tmp_path / "ca.pem")}
    with serving(assumed(60), tls=certificate(authority)) as wire:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", wire.base_url)
        session = AwsSession({**dict.fromkeys(AWS_OPTIONS.options), **site.options, **options}, limits=Limits(30, 0))
    assert LEAK in session.secrets


def test_a_profile_asks_nobody_for_an_mfa_code(site: AwsSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """botocore asks at the terminal, if there is one (getpass), for as long as nobody answers."""
    code = {"mfa_serial": "arn:aws:iam::123456789012:mfa/me"}
    role = {"role_arn": RULE.replace("{account}", site.account.id), "source_profile": "base", **code}
    use_profiles(monkeypatch, tmp_path, base=site.account.keys, network=role, outer={**role, "source_profile": "network"})
    for profile in ("network", "outer"):
        done = site.refused("its role needs an MFA code", **NO_KEYS, profile=profile)
        assert "set access_key, secret_key and session_token instead of profile" in done.msg
    assert site.front.actions == []


# What goes wrong


def test_where_nobody_answers(site: AwsSite) -> None:
    done = site.refused("Could not connect to the endpoint URL", endpoint_url="http://127.0.0.1:1")
    assert "Check region and endpoint_url" in done.msg
    assert (done.result["http_status"], done.result["error_code"]) == (None, None)


def test_a_service_that_does_not_answer_is_waited_for_once(site: AwsSite) -> None:
    """Otherwise, a check of many VPCs without a way to AWS takes minutes."""
    options = {**dict.fromkeys(AWS_OPTIONS.options), **site.options}
    session = AwsSession(options, governor=RateGovernor(site.clock, site.clock.sleep))
    most = 1 + DEFAULT_LIMITS.retries
    site.front.rule("DescribeVpcs", refusal("Unavailable", status=503))
    for action, sent in (("DescribeVpcs", most), ("DescribeVpcs", 1), ("DescribeSubnets", 1), ("DescribeVpcs", most)):
        site.front.forget()
        if action == "DescribeVpcs":
            with pytest.raises(TaskError, match="Unavailable"):
                session.read_pages("read them", "ec2", action)
        else:
            session.read_pages("read them", "ec2", action)
        assert site.front.actions == [action] * sent


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
    assert "Please sign in" not in done.msg
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
        # What EC2 answers in a region that the account has not enabled, as github.com/turbot/steampipe-plugin-aws #75 shows.
        ("AuthFailure", "has not enabled this region: check region"),
        ("SignatureDoesNotMatch", "Check access_key"),
        ("OptInRequired", "Check region"),
        # Of AssumeRole, in the service model of STS.
        ("RegionDisabledException", "STS activated"),
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


def test_interim_replies_are_read_over(site: AwsSite) -> None:
    """As RFC 9110, 15.2 requires; botocore itself does so for 100 only."""
    body = b"<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet></DescribeVpcsResponse>"
    raw = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with serving(Reply(interim=raw)) as wire:
        session = AwsSession({**dict.fromkeys(AWS_OPTIONS.options), **site.options, "endpoint_url": wire.base_url})
        (page,) = session.read_pages("read it", "ec2", "DescribeVpcs")
    assert page["Vpcs"] == [{"VpcId": "vpc-1"}]


@pytest.mark.parametrize(("wait_timeout", "seconds"), [(1800, 30), (20, 20), (3, 3)])
def test_a_read_is_given_wait_timeout_and_half_a_minute_at_most(site: AwsSite, wait_timeout: int, seconds: int) -> None:
    site.run(check_mode=True, wait_timeout=wait_timeout)
    given = {action: left for unused, action, left in site.given}
    # Some networks do not reach STS.
    assert (given.pop("GetCallerIdentity"), set(given.values())) == (min(5, seconds), {seconds})


def test_a_change_is_given_a_minute_whatever_timeout_is(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    site.on_clock(None, monkeypatch)
    session = AwsSession({**dict.fromkeys(AWS_OPTIONS.options), **site.options, "wait_timeout": 1800}, limits=Limits(3, 0))
    session.find_account_id()
    session.read_pages("read them", "ec2", "DescribeVpcs")
    with pytest.raises(TaskError, match="Failed to make it"):
        session.write("make it", "CreateRoute", RouteTableId="rtb-1")
    assert [(action, seconds) for unused, action, seconds in site.given] == [
        ("GetCallerIdentity", 3),
        ("DescribeVpcs", 3),
        ("CreateRoute", 60),
    ]


def test_a_check_has_the_time_for_all_tries(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no wait_timeout."""
    given: list[float] = []

    def wait_in_vain(_clients: Any, _service: str, _action: str, seconds: float, _parameters: Any) -> None:
        given.append(seconds)
        site.clock.now += seconds
        raise botocore.exceptions.ReadTimeoutError(endpoint_url="https://ec2.example.com")

    monkeypatch.setattr(_aws_boto.Clients, "send", wait_in_vain)
    governor, options = RateGovernor(site.clock, site.clock.sleep), {**dict.fromkeys(AWS_OPTIONS.options), **site.options}
    for limits in (DEFAULT_LIMITS, Limits(200, 1)):
        session = AwsSession(options, governor=governor, limits=limits)
        with pytest.raises(TaskError, match="Read timeout"):
            session.read_pages("read them", "ec2", "DescribeVpcs")
        assert given == [limits.timeout] * (limits.retries + 1)
        given.clear()
    assert session._clients._get("ec2").meta.config.read_timeout == 200


def test_the_role_of_a_profile_ends_with_the_deadline(site: AwsSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """botocore itself asks for it, and has time-outs alone, which start again with every byte."""
    role = {"role_arn": RULE.replace("{account}", site.account.id), "source_profile": "base", "region": REGION}
    use_profiles(monkeypatch, tmp_path, base=site.account.keys, network=role)
    options = {**dict.fromkeys(AWS_OPTIONS.options), **site.options, **NO_KEYS, "profile": "network"}
    with serving(Reply(200, b"<AssumeRoleResponse>" * 50, drip=0.05)) as wire:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", wire.base_url)
        with pytest.raises(TaskError, match="Read timeout on endpoint URL"):
            AwsSession(options, limits=Limits(0.3, 0))
    assert len(wire.requests) == 1


@pytest.mark.parametrize("way", ["plain", "tls", "proxy"])
def test_a_reply_that_drips_ends_with_the_deadline(
    site: AwsSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setattr(_aws_session, "SHORTEST_TIMEOUT", 0.3)
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


def test_a_reply_lost_in_the_proxy_leaves_a_write_open(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """urllib3 blames the proxy (ProxyError) whenever a connection through it ends."""
    with serving(DROP) as wire:
        monkeypatch.setenv("HTTP_PROXY", wire.base_url)
        session = AwsSession({**dict.fromkeys(AWS_OPTIONS.options), **site.options, "endpoint_url": "http://ec2.invalid"})
        with pytest.raises(TaskError, match=r"Connection was closed before .* look for a proxy in between") as caught:
            session.write("make it", "CreateRoute", RouteTableId="rtb-1")
    assert caught.value.outcome_unknown
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "proxy",
    ["http://user:canary#x@127.0.0.1:1", "http://user:canary[@127.0.0.1:1", "user:canary@127.0.0.1:1", "http://user:canary@:1",
     "http://user:canary@127.0.0.1:port", "socks5h://user:canary@127.0.0.1:1", "http://user:canary\u2100@127.0.0.1:1"],
)  # fmt: skip
def test_a_proxy_is_never_quoted(site: AwsSite, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """botocore masks the password only where it can parse the address (mask_proxy_url), and knows no SOCKS."""
    monkeypatch.setenv("HTTP_PROXY", proxy)
    params = {**dict.fromkeys(AWS_OPTIONS.options), **site.options, "endpoint_url": "http://ec2.invalid"}
    words = r"the (HTTP client failed|proxy cannot be reached) \(\w+\)\. Check the environment variables HTTPS_PROXY"
    with pytest.raises(TaskError, match=words) as caught:
        AwsSession(params, limits=Limits(30, 0)).read_pages("read them", "ec2", "DescribeVpcs")
    assert "canary" not in f"{caught.value} {caught.value.detail}"


def test_without_a_proxy_the_text_of_botocore_is_quoted(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "localhost")
    error = botocore.exceptions.HTTPClientError(error="Failed to parse: [::bad")
    found = _aws_errors.aws_error("read them", "ec2:DescribeVpcs", error, is_write=False, secrets=())
    assert ("Failed to parse: [::bad" in str(found), "HTTPS_PROXY" in str(found)) == (True, False)


@pytest.mark.parametrize("was_sent", [True, False])
@pytest.mark.parametrize(
    "error",
    [
        botocore.exceptions.ProxyConnectionError(proxy_url="http://proxy.example.com"),
        # A record that is no TLS, in place of the reply.
        botocore.exceptions.SSLError(endpoint_url="https://ec2.example.com", error="wrong version number"),
    ],
)
def test_what_was_sent_has_an_unknown_outcome(
    site: AwsSite, monkeypatch: pytest.MonkeyPatch, error: Exception, was_sent: bool
) -> None:
    session = AwsSession({**dict.fromkeys(AWS_OPTIONS.options), **site.options})

    def fail(_session: Any, _request: Any) -> None:
        session._clients._thread.deadline.was_sent = was_sent
        raise error

    monkeypatch.setattr(botocore.httpsession.URLLib3Session, "send", fail)
    with pytest.raises(TaskError) as caught:
        session.write("make it", "CreateRoute", RouteTableId="rtb-1")
    assert caught.value.outcome_unknown == was_sent


def test_sessions_of_one_account_wait_for_its_limits_together(site: AwsSite) -> None:
    governor = RateGovernor(site.clock, site.clock.sleep)
    options = {**dict.fromkeys(AWS_OPTIONS.options), **site.options, "assume_role_arn": f"arn:aws:iam::{site.account.id}:role/x"}
    by_key = AwsSession(options, governor=governor)
    with_role = by_key.as_role(str(options["assume_role_arn"]))
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
    session = AwsSession({**dict.fromkeys(AWS_OPTIONS.options), **site.options, "wait_timeout": 20}, governor=governor)
    read = partial(session.read_pages, "read them", "ec2", "DescribeVpcs")
    with session.within(site.clock.now + 7):
        read()
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    assert [left for unused, action, left in site.given if action == "DescribeVpcs"] == [7, 20]


def test_ids_go_into_filters_of_two_hundred(site: AwsSite) -> None:
    session = AwsSession({**dict.fromkeys(AWS_OPTIONS.options), **site.options})
    ids = [f"vpc-{number:08x}" for number in range(250)]
    found = Network(session).find_vpcs([*ids, site.vpc_id])
    assert [*found] == [site.vpc_id]
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
        ({"assume_role_arn": RULE}, "aws_account_id is needed to choose credentials by assume_role_arn. Set it to the account"),
        ({"accounts": {"123456789012": {"profile": "p"}}}, "aws_account_id is needed to choose credentials by accounts."),
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


ACCOUNT = "123456789012"
BOTH = {"profile": "map", "assume_role_arn": "m"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"assume_role_arn": "arn:aws:iam::{region}:role/x"},
            "assume_role_arn has braces, and the only placeholder is {account}",
        ),
        ({"assume_role_arn": "arn:aws:iam::{ account }:role/x"}, "Write it like arn:aws:iam::{account}:role/network."),
        ({"assume_role_arn": "arn:aws:iam::{account}:role/x}"}, "assume_role_arn has braces"),
        ({"assume_role_arn": "network-{account}"}, "assume_role_arn is not the ARN of a role"),
        ({"accounts": {1402433619: {"profile": "p"}}}, "accounts has a key that is not the id of an AWS account: '1402433619'."),
        ({"accounts": {1402433619: {"profile": "p"}}}, "put it in quotes, as '012345670123'."),
        ({"accounts": {12345678901: {"profile": "p"}}}, "put it in quotes, as '012345678901'."),
        ({"accounts": {"": {"profile": "p"}}}, "accounts has a key that is empty."),
        (
            {"accounts": {ACCOUNT: "geheim"}},
            f"accounts.{ACCOUNT} is not a mapping. It takes assume_role_arn or profile, each",
        ),
        ({"accounts": {ACCOUNT: {"secret_key": "geheim"}}}, f"accounts.{ACCOUNT} has secret_key."),
        ({"accounts": {ACCOUNT: {"secret_key:geheim": None}}}, f"accounts.{ACCOUNT} has secret_key…. "),
        ({"accounts": {ACCOUNT: {"secret_key": "geheim"}}}, "Keys do not belong there: use a profile."),
        ({"accounts": {ACCOUNT: {}}}, f"accounts.{ACCOUNT} has neither a role nor a profile."),
        ({"accounts": {ACCOUNT: {"profile": "", "assume_role_arn": None}}}, "has neither a role nor a profile."),
        ({"accounts": {ACCOUNT: {"profile": ["geheim"]}}}, f"accounts.{ACCOUNT}.profile is not a text. Put it in quotes."),
        ({"accounts": {ACCOUNT: {"assume_role_arn": "", "profile": 7}}}, f"accounts.{ACCOUNT}.profile is not a text."),
        ({"accounts": {ACCOUNT: {"profile": "a"}, int(ACCOUNT): {"profile": "b"}}}, f"accounts has {ACCOUNT} twice, as a text"),
        ({"accounts": {ACCOUNT: {"assume_role_arn": "network"}}}, f"accounts.{ACCOUNT}.assume_role_arn is not the ARN of a role"),
        (
            {"accounts": {ACCOUNT: {"assume_role_arn": "arn:aws:iam::444444444444:role/x"}}},
            f"accounts.{ACCOUNT}.assume_role_arn is a role of another account: 'arn:aws:iam::444444444444:role/x'.",
        ),
    ],
)
def test_wrong_rules_and_maps_are_named(options: dict[str, Any], message: str) -> None:
    for prefix in ("", "aws_"):
        names = {name: f"{prefix}{name}" for name in AWS_OPTIONS.options}
        with pytest.raises(TaskError) as caught:
            validate({**dict.fromkeys(AWS_OPTIONS.options), **options}, names)
        text = str(caught.value)
        assert message.replace("accounts.", f"{prefix}accounts.", 1) in text or f"{prefix}{message}" in text
        assert "geheim" not in text


def test_two_maps_of_accounts_are_named_without_what_is_in_them() -> None:
    with pytest.raises(TaskError) as caught:
        AWS_OPTIONS.without_aliases({"accounts": {ACCOUNT: {"secret_key": "geheim"}}, "aws_accounts": {}})
    assert str(caught.value).startswith("accounts and aws_accounts are two names of one option, and have different values. Set")


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_the_account_in_the_role_is_that_of_the_connection(partition: str) -> None:
    rule, said = (
        f"arn:{partition}:iam::{{account}}:role/net/x-{{account}}",
        {"assume_role_arn": "arn:aws:iam::{account}:role/own"},
    )
    params, unused = validate({**dict.fromkeys(AWS_OPTIONS.options), "assume_role_arn": rule, "accounts": {int(ACCOUNT): said}})
    other = "444444444444"
    assert credentials_of(params, other)["assume_role_arn"] == f"arn:{partition}:iam::{other}:role/net/x-{other}"
    assert credentials_of(params, ACCOUNT)["assume_role_arn"] == f"arn:aws:iam::{ACCOUNT}:role/own"


@pytest.mark.parametrize(
    ("own", "said", "used", "named"),
    [
        ({}, {}, {"profile": "task", "assume_role_arn": "arn:aws:iam::123456789012:role/network"}, {}),
        ({}, {"profile": "map"}, {"profile": "map"}, {"profile"}),
        ({}, {"assume_role_arn": "m"}, {"profile": "task", "assume_role_arn": "m"}, {"assume_role_arn"}),
        (
            {},
            {"profile": "map", "assume_role_arn": "m"},
            {"profile": "map", "assume_role_arn": "m"},
            {"profile", "assume_role_arn"},
        ),
        ({"profile": "own"}, BOTH, {"profile": "own"}, {}),
        ({"access_key": "k", "secret_key": "s"}, {"profile": "map"}, {"access_key": "k", "secret_key": "s"}, {}),
        ({"assume_role_arn": "o"}, {"profile": "map"}, {"profile": "task", "assume_role_arn": "o"}, {}),
        ({"endpoint_url": "https://own"}, {"profile": "map"}, {"endpoint_url": "https://own", "profile": "map"}, {"profile"}),
    ],
)
def test_the_entry_comes_first_then_the_map_then_the_rule(
    own: dict[str, Any], said: dict[str, Any], used: dict[str, Any], named: set[str]
) -> None:
    accounts = {ACCOUNT: said, "444444444444": {"profile": "other"}} if said else None
    params = {**dict.fromkeys(AWS_OPTIONS.options), "profile": "task", "assume_role_arn": RULE, "accounts": accounts}
    found = credentials_of(params, ACCOUNT, own)
    assert {name: value for name, value in found.items() if value is not None} == used
    names = credential_names(params, ACCOUNT, own)
    assert {name for name in names if names[name] != name} == {*named}
    assert all(names[name] == f"accounts.{ACCOUNT}.{name}" for name in named)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://ec2.invalid"])
def test_an_endpoint_on_this_host_or_over_tls_is_fine(url: str) -> None:
    assert validate({**dict.fromkeys(AWS_OPTIONS.options), "endpoint_url": url})[1] == []


def test_plain_http_to_another_host_warns() -> None:
    unused, (warning,) = validate({**dict.fromkeys(AWS_OPTIONS.options), "endpoint_url": "http://moto:5000"})
    assert shown(warning).startswith("endpoint_url is plain http to moto")


def test_check_mode_needs_a_connection_or_a_vpc(site: AwsSite) -> None:
    assert "Only in check mode may it be left out, with vpc_id" in site.run(check_mode=True, connection_id=None).msg
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
