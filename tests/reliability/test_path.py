"""Both sides in trouble: whichever request goes wrong, to Atlas or to AWS, the other connections are made, nothing is made twice,
the result tells the truth, and the next run goes on from there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.ledger import Ledger
from ansible_collections.cloudpeer.atlas.tests.reliability.children import Nursery, Run
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import denial
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from ansible_collections.cloudpeer.atlas.tests.support.path_site import ACCOUNTS, AUTHS, MODULE, PathSite, RealClock
from ansible_collections.cloudpeer.atlas.tests.support.runner import WAYS, PlaybookRunner
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP

Start = Callable[..., PathSite]
Entries = list[dict[str, Any]]
#: What is lost: the side, the action or the method, and how many of these come through before. `make test` loses a pair at once.
PAIRS = [
    (("Atlas", "POST", 0), ("AWS", "AcceptVpcPeeringConnection", 1)),
    (("Atlas", "POST", 2), ("AWS", "CreateRoute", 0)),
    pytest.param(("Atlas", "GET", 3), ("AWS", "CreateTags", 0), marks=pytest.mark.full),
]
# What a run of two connections in two accounts sends.
ATLAS_REQUESTS, AWS_REQUESTS = range(16), range(20)
#: What a run of one connection on GCP and one on AZURE sends there, by its state.
CLOUDS_REQUESTS = {"present": range(14), "absent": range(21)}
#: How a request to AWS ends that does not go through, and whether AWS has done what it asks; and so to Atlas.
AWS_KINDS = {"lost reply": (DROP, True), "closed": (DROP, False), "refused": (denial("this"), False)}
ATLAS_KINDS: dict[str, dict[str, Any]] = {
    "lost reply": {"kind": "lost_reply"},
    "closed": {"kind": "close"},
    "503, applied": {"kind": "status", "status": 503, "applied": True},
    "refused": {"kind": "status", "status": 403},
}
#: The kinds that a task gets over.
PASSING = ("lost reply", "closed", "503, applied")


def twice(site: PathSite) -> list[str]:
    """Return the VPCs that have more than one connection that is alive, in Atlas or in AWS."""
    ended = ("FAILED", "TERMINATING")
    found = Counter(one["vpcId"] for one in site.peers_of("AWS") if one["statusName"] not in ended)
    for account in ACCOUNTS:
        alive = [vpc for vpc, state in site.aws.connections(account).values() if state in ("active", "pending-acceptance")]
        found |= Counter(alive)
    return [vpc for vpc, number in found.items() if number > 1]


def check(site: PathSite, entries: Entries, before: Any, done: Done) -> None:
    """Check that a run told the truth."""
    assert twice(site) == []
    failed = {index for one in done.result["failures"] for index in one["indexes"]}
    assert done.failed == bool(done.result["failures"]), done.result
    assert all(one["msg"] and one["step"] for one in done.result["failures"])
    assert done.changed or site.state() == before
    if done.result["peering"] is None:
        assert not done.changed
        return
    well = {one["vpc_id"] for index, one in enumerate(entries) if index not in failed}
    assert well <= site.connected
    assert {one["cidr_block"] for one in entries if one["vpc_id"] in well} <= {*site.access_list}


def heal(site: PathSite, entries: Entries) -> None:
    """Run again, without faults, and check that all is there, once."""
    site.front.rules.clear()
    site.emulator.faults.clear()
    again = site.run(connections=entries)
    assert not again.failed, again.msg
    assert site.connected == {one["vpc_id"] for one in entries}
    assert {*site.access_list} == {one["cidr_block"] for one in entries}
    assert twice(site) == []


@pytest.fixture
def site(start_path: Start) -> PathSite:
    return start_path()


@pytest.mark.parametrize(("in_atlas", "in_aws"), PAIRS)
def test_a_lost_reply_on_each_side_costs_nothing(site: PathSite, in_atlas: Any, in_aws: Any) -> None:
    entries = site.make_vpcs(2, accounts=2)
    before = site.state()
    for side, action, number in (in_atlas, in_aws):
        site.lose(side, number, action)
    done = site.run(connections=entries)
    assert (done.failed, done.changed) == (False, True), done.result
    check(site, entries, before, done)
    assert [len(one["actions"]) for one in done.result["peering"]["connections"]] == [5, 5]
    assert sum(site.to_atlas.values()) <= len(ATLAS_REQUESTS) + 1
    assert sum(site.to_aws.values()) <= 25
    again = site.run(connections=entries)
    assert (again.failed, again.changed) == (False, False), again.result


@pytest.mark.full
@pytest.mark.parametrize("kind", AWS_KINDS)
@pytest.mark.parametrize("number", AWS_REQUESTS)
def test_any_request_to_aws_may_go_wrong(site: PathSite, number: int, kind: str) -> None:
    entries = site.make_vpcs(2, accounts=2)
    before, (reply, forward) = site.state(), AWS_KINDS[kind]
    site.front.rule("*", reply, forward=forward, skip=number, times=1)
    done = site.run(connections=entries)
    assert site.front.rules[0].times == 0, "the fault did not happen"
    check(site, entries, before, done)
    assert not (done.failed and kind in PASSING), done.msg
    heal(site, entries)


@pytest.mark.full
@pytest.mark.parametrize("kind", ATLAS_KINDS)
@pytest.mark.parametrize("number", ATLAS_REQUESTS)
def test_any_request_to_atlas_may_go_wrong(site: PathSite, number: int, kind: str) -> None:
    entries = site.make_vpcs(2, accounts=2)
    before = site.state()
    site.fault(None, skip=number, **ATLAS_KINDS[kind])
    done = site.run(connections=entries)
    check(site, entries, before, done)
    assert not (done.failed and kind in PASSING), done.msg
    heal(site, entries)


def test_rates_on_both_sides_slow_a_task_and_fail_nothing(site: PathSite) -> None:
    entries = site.make_vpcs(6, accounts=2)
    for action in ("CreateRoute", "AcceptVpcPeeringConnection"):
        site.throttle(action, 4, ACCOUNTS[0])
    site.fault("POST", "status", times=3, status=429, retry_after=1)
    done = site.run(connections=entries)
    assert not done.failed, done.msg
    assert site.connected == {one["vpc_id"] for one in entries}
    assert twice(site) == []


@pytest.mark.parametrize("changes", [3, pytest.param(1, marks=pytest.mark.full), pytest.param(6, marks=pytest.mark.full)])
def test_an_interrupted_task_says_what_it_has_done(site: PathSite, changes: int) -> None:
    """The exception that Ctrl-C raises, and the `timeout` of a task does."""
    entries = site.make_vpcs(2, accounts=2)
    signals, record = [KeyboardInterrupt()], Ledger.record

    def interrupted(self: Ledger, *given: Any, **more: Any) -> None:
        record(self, *given, **more)
        if len(self._context.done) >= changes and signals:
            raise signals.pop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "record", interrupted)
        with pytest.raises(KeyboardInterrupt):
            site.run(connections=entries)
    line = site.lines[-1]
    assert line.startswith(f"project {site.emulator.settings.group_id}: stopped before the end; done so far: ")
    # Whichever of them came first.
    assert any(one["vpc_id"] in line.partition(" requested in Atlas")[0] for one in entries)
    assert " requested in Atlas" in line
    assert twice(site) == []
    heal(site, entries)


class Nth(list[str]):
    """Lets the stand-ins lose the reply to one request to GCP or AZURE; `skip` come through before."""

    def __init__(self, skip: int) -> None:
        super().__init__([""])
        self._skip = skip

    def __iter__(self) -> Iterator[str]:
        self._skip -= 1
        return iter([""] if self._skip < 0 and len(self) else [])


@pytest.mark.full
@pytest.mark.parametrize(
    ("state", "number"), [(state, number) for state, numbers in CLOUDS_REQUESTS.items() for number in numbers]
)
def test_any_reply_of_gcp_and_azure_may_be_lost(start_path: Start, state: str, number: int) -> None:
    site = start_path(with_clouds=True)
    assert site.clouds is not None
    entries = [*site.make_vnets(1), *site.make_networks(1)]
    if state == "absent":
        assert not site.run(connections=entries).failed
    site.clouds.app.lose = Nth(number)
    done = site.run(connections=entries, state=state)
    assert len(site.clouds.app.lose) == 0, "the fault did not happen"
    # A reply that is lost costs another look, or is said; what was done counts.
    assert done.changed or done.failed
    again = site.run(connections=entries, state=state)
    assert (again.failed, again.changed) == (False, done.failed), (done.result, again.result)
    states = [one["status"] for cloud in ("AZURE", "GCP") for one in site.peers_of(cloud)]
    assert states == (["AVAILABLE"] * 2 if state == "present" else [])
    mirrors = site.clouds.gcp.peerings("my-project", entries[1]["network_name"])
    assert len(mirrors) == (1 if state == "present" else 0)


def _run(site: PathSite, entries: Entries, **more: Any) -> Run:
    """Return a run of a list in a process of its own."""
    options = {**site.usual, "connections": entries, "parallel": 4, "wait_sleep": 1}
    return Run(MODULE, options, "in process", environment=site.environment, scale=20.0, **more)


@pytest.mark.parametrize(
    "number", [one if one in (12, 20) else pytest.param(one, marks=pytest.mark.full) for one in range(1, 33)]
)
def test_a_task_killed_anywhere_is_put_right_by_the_next(number: int, nursery: Nursery, start_path: Start) -> None:
    site = start_path(clock=RealClock(), step_seconds=0.05)
    entries = site.make_vpcs(2, accounts=2)
    nursery.run(_run(site, entries, die=(number, "sent")))
    again = nursery.run(_run(site, entries))
    assert not again.failed, f"killed at {number}: {again.msg}"
    assert site.connected == {one["vpc_id"] for one in entries}
    assert {*site.access_list} == {one["cidr_block"] for one in entries}
    assert twice(site) == []


@pytest.mark.parametrize("latency_ms", [20, pytest.param(0, marks=pytest.mark.full)])
def test_two_runs_of_one_list_at_once_make_it_once(latency_ms: int, nursery: Nursery, start_path: Start) -> None:
    site = start_path(clock=RealClock(), step_seconds=0.05, latency_ms=latency_ms)
    entries = site.make_vpcs(4, accounts=2)
    ran = nursery.run_all([_run(site, entries), _run(site, entries)])
    assert [one.msg for one in ran if one.failed] == []
    assert site.connected == {one["vpc_id"] for one in entries}
    assert twice(site) == []
    again = nursery.run(_run(site, entries))
    assert (again.failed, again.changed) == (False, False), again.msg


@pytest.mark.full
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("auth", AUTHS)
def test_no_secret_is_shown_however_much_is_said(auth: str, way: str, start_path: Start, tmp_path: Path) -> None:
    """At the highest verbosity, with diffs and the callback that sums up plans; also of an entry that fails."""
    site = start_path(clock=RealClock(), step_seconds=0.05)
    entries = site.make_vpcs(2, accounts=2, auth=auth)
    site.front.deny(ACCOUNTS[1], "CreateRoute")
    runner = PlaybookRunner(tmp_path)
    shown: dict[str, Any] = {"ANSIBLE_CALLBACKS_ENABLED": "record,cloudpeer.atlas.plan"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PathSite, "environment", {**site.environment, **shown})
        foreseen = site.play(runner, "-vvvv", "--diff", "--check", way=way, connections=entries)
        run = site.play(runner, "-vvvv", "--diff", way=way, status=2, connections=entries, tags={"team": "shop"})
    texts = [foreseen.output, run.output, json.dumps([foreseen.records, run.records])]
    assert [secret for secret in site.private if any(secret in text for text in texts)] == []
    assert f"connections[0] ({entries[0]['vpc_id']}): connection requested" in run.output or way == "module"
    assert [one["indexes"] for one in run.result["failures"]] == [[1]]


@pytest.mark.full
def test_a_task_whose_time_is_up_says_what_it_has_done(start_path: Start, tmp_path: Path) -> None:
    site = start_path(clock=RealClock(), step_seconds=3600)
    entries = site.make_vpcs(2, accounts=2)
    signed = ("base_url", "group_id", "public_key", "private_key")
    options = {name: value for name, value in site.usual.items() if name not in signed}
    task = {f"cloudpeer.atlas.{MODULE}": {**options, "connections": entries}, "timeout": 15}
    play = yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}])
    variables = {**site.environment, "MONGODB_ATLAS_BASE_URL": site.urls[0]}
    run = PlaybookRunner(tmp_path)(play, site.emulator, status=2, **variables)
    line = next(one for one in run.output.splitlines() if "stopped before the end; done so far: " in one)
    vpcs = {entry["vpc_id"] for entry in entries}
    _before, _create, made = line.partition("connections ")
    assert {*made.partition(" requested in Atlas")[0].split(", ")} == vpcs
