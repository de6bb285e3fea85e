"""What one failed task prints without `-v`, on stdout and stderr: a screen, not a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import parse_rules
from ansible_collections.cloudpeer.atlas.tests.support.role_site import RoleRunner, Vpc

#: The most bytes of a check of 40 VPCs with one cause, and of a mistake in a variable of the role.
CHECK, MISTAKE, REFUSAL, FAILURES = 8_000, 3_000, 4_000, 8_000


def printed(run: RoleRunner, task: dict[str, Any]) -> str:
    """Return what the only task of a play prints, which fails, or that task of a role."""
    done = run.plays([{"hosts": "localhost", "tasks": [task]}], status=2)
    return max(done.output.split("\nTASK ["), key=len)


def test_a_check_that_fails_is_a_screen(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    sites = [make_site(block=f"10.{number}.0.0/24") for number in range(40)]
    wanted = {"connections": [one.connection for one in sites], "container_region": "us-east-1", "access_list": False}
    assert run(**wanted).changed == 1
    alone = printed(run, {"cloudpeer.atlas.atlas_vpc_peer_check": {"connections": wanted["connections"]}})
    in_role = printed(run, run.use(**wanted, verify=True))
    for text in (alone, in_role):
        assert len(text.encode()) < CHECK
        assert "P301 The access list is empty" in text
        assert f"40 connections: {sites[0].vpc_id}, {sites[1].vpc_id}, {sites[2].vpc_id} and 37 more." in text


def test_the_role_lets_its_module_speak(run: RoleRunner) -> None:
    mistakes: dict[str, dict[str, Any]] = {
        "connections[0] (vpc-0a1b2c3d4e5f67890): aws_acount_id is not an option (aws_account_id?).": {
            "connections": [{"vpc_id": "vpc-0a1b2c3d4e5f67890", "aws_acount_id": "123456789012"}]
        },
        "argument 'wait_timeout' is of type ": {
            "connections": [],
            "wait_timeout": "soon",
        },
        "value of dns must be one of: warn, enable, ignore, got: on": {"connections": [], "dns": "on"},
        "missing required arguments: connections": {},
    }
    tasks = [{"block": [run.use(**variables)], "rescue": [{"ansible.builtin.meta": "noop"}]} for variables in mistakes.values()]
    done = run.plays([{"hosts": "localhost", "tasks": tasks}])
    failed = [text for text in done.output.split("\nTASK [") if "fatal: " in text]
    assert len(failed) == len(mistakes)
    for text, message in zip(failed, mistakes):
        assert len(text.encode()) < MISTAKE
        assert message in text


def test_a_list_with_many_mistakes_is_a_screen(run: RoleRunner) -> None:
    """Each mistake is another one, and every third entry is right."""
    owner = "123456789012"
    peers = [{"vpc_id": f"vpc-{number:017x}", "aws_account_id": owner} for number in range(300)]
    for number, peer in enumerate(peers):
        peer.update(({}, {"vpc_id": f"vpc-{number}"}, {f"aws_acount_id_{number}": owner})[number % 3])
    text = printed(run, {"cloudpeer.atlas.atlas_vpc_peers": {"peers": peers}})
    assert len(text.encode()) < REFUSAL
    assert f"peers[2] (123456789012/{peers[2]['vpc_id']}): aws_acount_id_2 is not an option" in text
    assert "more mistakes are in peers[" in text


def test_a_list_that_fails_is_a_screen(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    """What was not done is short; `fail_on: never` returns all, and does not fail."""
    connections = [make_site(block=f"10.{number}.0.0/24").connection for number in range(50)]
    module = "cloudpeer.atlas.atlas_peering"
    options = {"aws": False, "access_list": False, "container_region": "us-east-1"}
    refused = {"connections": connections[5:], "prune": True, **options}
    wrong = {"method": "POST", "path_glob": "*/peers", "authenticated": True, "fault": {"kind": "status", "status": 500}}
    run.play([{module: {"connections": connections[:20], **options}}])

    text = printed(run, {module: refused})
    assert len(text.encode()) < REFUSAL
    assert "max_deletions allows 1" in text

    never = run.play([{module: {**refused, "fail_on": "never"}}]).results[0]
    assert (never["changed"], never["failures"][0]["step"]) == (False, "plan")
    assert (len(never["peering"]["connections"]), never["peering"]["remaining"]) == (45, [])

    run.emulator.faults.add(parse_rules({**wrong, "skip": 5, "times": 3}))
    text = printed(run, {module: {"connections": connections[:45], **options, "aws": True}})
    assert len(text.encode()) < FAILURES
    assert "HTTP 500" in text


@pytest.mark.parametrize("run", [{"step_seconds": 60}], indirect=True)
def test_what_is_late_is_a_screen(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    connections = [make_site(block=f"10.{number}.0.0/24").connection for number in range(20)]
    late = {"connections": connections, "aws": False, "access_list": False, "container_region": "us-east-1", "wait_timeout": 2}
    text = printed(run, {"cloudpeer.atlas.atlas_peering": late})
    assert len(text.encode()) < FAILURES
    assert text.count('"status_name": "INITIATING"') == 20
