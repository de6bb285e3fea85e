"""What findings come to."""

from __future__ import annotations

import dataclasses
import datetime
import os
import subprocess
import sys

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check import result
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import AwsFacts, ConnectionFacts, Missing, Unread
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import (
    Verdict,
    judge,
    verdict_of,
    verdict_of_subnet,
    worst_of,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import Finding, Severity
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import ALL_CLOUDS
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import healthy_azure, healthy_gcp
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import cluster, healthy, object_id, peer

# What a new process has loaded of the rules about one cloud alone, before and after each cloud.
_LOADING = f"""
import sys
from {result.__name__} import load_rules
rules = "{result.__name__}".replace("result", "rules.")
for cloud in (None, *{ALL_CLOUDS!r}):
    load_rules([cloud])
    print(*sorted({{name.removeprefix(rules)[:2] for name in sys.modules if name.startswith(rules)}}))
"""


def test_the_id_of_a_container_that_is_unread() -> None:
    """Findings are known by it, from one run to the next."""
    (shown,) = judge([healthy(container=Unread("The network containers could not be read."))], lambda facts: True)["connections"]
    assert shown["container_id"] == peer()["container_id"]
    assert shown["container_id"]


def test_a_result_shows_names_and_the_state_in_atlas() -> None:
    (plain,) = judge([healthy()], lambda facts: True)["connections"]
    assert (plain["vpc_name"], {one["subnet_name"] for one in plain["subnets"]}) == (None, {None})
    named = {"vpc": dataclasses.replace(healthy().aws.vpc, name="shop"), "peer": peer(status_name="FAILED", error_state_name="X")}
    named["subnets"] = [dataclasses.replace(one, name=f"shop-{index}") for index, one in enumerate(healthy().aws.subnets)]
    (shown,) = judge([healthy(**named)], lambda facts: True)["connections"]
    assert (shown["vpc_name"], [one["subnet_name"] for one in shown["subnets"]]) == ("shop", ["shop-0", "shop-1"])
    assert (shown["status_name"], shown["error_state_name"]) == ("FAILED", "X")
    (half,) = judge([healthy(vpc=Missing("AWS was not read."), peer=None)], lambda facts: False)["connections"]
    assert (half["vpc_name"], half["status_name"], half["error_state_name"]) == (None, None, None)


def finding(severity: Severity, *subnet_ids: str, decides: bool = True) -> Finding:
    return Finding(severity, "it", "", subnet_ids=subnet_ids or None, decides=decides)


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([], "reachable_by_design"),
        ([finding("ok"), finding("info"), finding("warn"), finding("skipped")], "reachable_by_design"),
        ([finding("ok"), finding("fail")], "not_reachable"),
        ([finding("ok"), finding("unknown")], "unknown"),
        ([finding("unknown", decides=False)], "reachable_by_design"),
        ([finding("unknown"), finding("fail")], "not_reachable"),
    ],
)
def test_a_failure_decides_and_then_what_is_unknown(findings: list[Finding], verdict: Verdict) -> None:
    assert verdict_of(findings, both_halves=True) == verdict
    # One half alone can prove that it does not work, but not that it does.
    assert verdict_of(findings, both_halves=False) == ("not_reachable" if verdict == "not_reachable" else "unknown")


def test_a_subnet_is_judged_by_what_concerns_it() -> None:
    findings = [finding("fail", "subnet-1"), finding("unknown", "subnet-2", "subnet-3"), finding("warn")]
    verdicts = [verdict_of_subnet(f"subnet-{number}", findings, both_halves=True) for number in range(1, 5)]
    assert verdicts == ["not_reachable", "unknown", "unknown", "reachable_by_design"]
    assert verdict_of_subnet("subnet-4", [*findings, finding("fail")], both_halves=True) == "not_reachable"
    elsewhere = Finding("fail", "10.20.0.0/16", "", subnet_ids=())
    assert verdict_of_subnet("subnet-4", [elsewhere], both_halves=True) == "reachable_by_design"
    assert verdict_of([elsewhere], both_halves=True) == "not_reachable"


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ([], "unknown"),
        (["reachable_by_design"], "reachable_by_design"),
        (["reachable_by_design", "unknown"], "unknown"),
        (["unknown", "not_reachable", "reachable_by_design"], "not_reachable"),
    ],
)
def test_all_connections_together_are_as_good_as_the_worst(verdicts: list[Verdict], worst: Verdict) -> None:
    assert worst_of(verdicts) == worst


@pytest.mark.parametrize(
    ("status", "times"),
    [("PENDING_ACCEPTANCE", ("2026-11-24T12:00:00Z", "2026-12-01T12:00:00Z")), ("AVAILABLE", (None, None))],
)
def test_a_request_that_waits_has_its_time_and_its_end(status: str, times: tuple[str | None, str | None]) -> None:
    """By its id, if AWS is not read: seven days after the request."""
    waiting = peer(id=object_id(datetime.timedelta(days=2)), status_name=status)
    facts = healthy(peer=waiting, connection=Missing("AWS was not read."))
    (shown,) = judge([facts], lambda one: False)["connections"]
    assert (shown["requested_at"], shown["expires_at"]) == times


def test_rules_about_a_cloud_are_loaded_where_it_is_used() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", _LOADING], capture_output=True, text=True, check=True, env=environment)
    alone = [{name for name in line.split() if name[-1].isdigit()} for line in done.stdout.splitlines()]
    of_all = {"p1", "p2", "p3", "p8"}
    letters = [{name[0] for name in later - before} for before, later in zip(alone, alone[1:])]
    assert alone[0] == of_all
    assert dict(zip(ALL_CLOUDS, letters)) == {"AWS": {"p"}, "AZURE": {"a"}, "GCP": {"g"}}
    assert alone[1] == {f"p{number}" for number in range(1, 9)}


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        (healthy(), ["Route 53 DNS Firewall", "Route 53 Profiles"]),
        (healthy_azure(), ["single network interfaces", "Virtual Network Manager", "private DNS zones"]),
        (healthy_gcp(), ["Regional network firewall policies", "Policy-based routes", "Cloud DNS", "Serverless VPC Access"]),
    ],
    ids=ALL_CLOUDS,
)
def test_what_is_not_looked_at_is_said_once_of_each_cloud(facts: ConnectionFacts, names: list[str]) -> None:
    """Whatever there is, it changes no verdict."""
    judged = judge([facts, facts], lambda one: True)
    assert judged["verdict"] == "reachable_by_design"
    assert len(judged["not_looked_at"]) == len(names)
    for sentence, name in zip(judged["not_looked_at"], names):
        assert name in sentence


def test_a_finding_that_several_networks_share_names_them() -> None:
    """What is about one network alone names that."""
    shared = {"clusters": [cluster(paused=True)], "dns_attributes": {"enable_dns_support": True, "enable_dns_hostnames": False}}
    others = [healthy({"vpc_id": f"vpc-0a1b2c3d4e5f6000{number}"}, **shared) for number in (1, 2, 2)]
    first, second, third = judge(others, lambda unused: True)["connections"]
    for one in (first, second, third):
        networks = {check["code"]: check["connections"] for check in one["checks"]}
        assert networks["P203"] == ["vpc-0a1b2c3d4e5f60001", "vpc-0a1b2c3d4e5f60002"]
        assert networks["P501"] == [one["vpc_id"]]


def test_nothing_is_said_of_a_cloud_that_was_not_read() -> None:
    facts = healthy(**vars(AwsFacts.none(Missing("AWS was not read."))))
    assert judge([facts], lambda one: False)["not_looked_at"] == []
