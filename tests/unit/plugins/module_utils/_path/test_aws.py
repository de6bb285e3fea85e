"""The customer's side in AWS for many connections: what is asked of AWS, planned, done, waited for, and what fails alone."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.options import NAMES
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.rate import RateGovernor
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.session import AwsSessions
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import SILENT, Outcome
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change, Plan, Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.set_operation import SetOperation
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.threads import Workers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_accepter import AtlasVpcPeerAccepter
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.aws import AwsPart
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.part import PathPart, task_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.path_state import ABSENT, PRESENT, PathState, What
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.stages import PathConvergence, PathGate, PathWaiter
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import refusal
from ansible_collections.cloudpeer.atlas.tests.support.path_site import ACCOUNTS, ATLAS_ACCOUNT, ATLAS_BLOCK, PathSite
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.module_utils._path.test_options import validated


class Session:
    """The services of a task that has AWS alone."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.secrets: set[str] = set()

    @contextlib.contextmanager
    def within(self, deadline: float) -> Iterator[None]:
        yield

    @contextlib.contextmanager
    def side_by_side(self, parallel: int, seconds: float) -> Iterator[None]:
        yield


class Summary:
    def show(self, state: PathState, plan: Plan) -> dict[str, Any]:
        return {}

    def diff(self, state: PathState, plan: Plan) -> list[dict[str, Any]]:
        return []

    def statuses(self, state: PathState) -> list[str]:
        return []

    def refusal(self, state: PathState, plan: Plan) -> TaskError:
        return TaskError("\n".join(map(str, plan.refusals.values())))

    def failure(self, state: PathState) -> TaskError | None:
        failed = [f"{one.step}: {one.error}" for one in state.failures.values()]
        return TaskError("\n".join(failed)) if failed else None

    def stopped(self, state: PathState) -> tuple[list[str], list[str]]:
        return [], []


class AwsHalf(SetOperation[Session, PathState]):
    """The half in AWS, without the other parts; `peers` stands for Atlas where a test has it."""

    argument_spec = ArgumentSpec({})
    noun = "peering"
    threads = 40

    def __init__(self, params: Any, site: PathSite, peers: PathPart | None) -> None:
        super().__init__({**params, "wait": False}, Session(), site.clock)
        self.stages = ABSENT if params["state"] == "absent" else PRESENT
        sessions = AwsSessions(self.session.calls, NAMES, RateGovernor(site.clock, site.clock.sleep, parallel=params["parallel"]))
        self.part = AwsPart(params, params["connections"], sessions, AtlasVpcPeerAccepter, site.clock, site.clock.sleep)
        self.parts: list[PathPart] = [*([peers] if peers is not None else []), self.part]
        self.gate = PathGate({part.name: part for part in self.parts}, self.stages)
        self.waiter = PathWaiter(self.parts)
        self.summary = Summary()

    def look(self) -> PathState:
        state = PathState(stage=self.stages[0])
        rounds = [part.reads for part in self.parts]
        while True:
            calls = [(part, read()) for part, read in zip(self.parts, rounds)]
            with Workers[Any, Any](16) as workers:
                for part, asked in calls:
                    for key, call in asked.items():
                        workers.submit((part.name, key), call)
                answers = {ended.key: ended.result() for ended in workers.results()}
            for part, asked in calls:
                state = part.begin({key: answers[part.name, key] for key in asked}, state)
            rounds = [lambda part=part: part.reads_more(state) for part in self.parts]  # type: ignore[misc]
            if not any(read() for read in rounds):
                return state

    def decide(self, state: PathState) -> Plan:
        plans = []
        for part in self.parts:
            plans.append(part.plan(state))
            state = part.predict(state, plans[-1])
        self.predicted = state
        refusals = {key: error for plan in plans for key, error in plan.refusals.items()}
        return Plan(
            tuple(change for plan in plans for change in plan.changes),
            tuple(step for plan in plans for step in plan.steps),
            tuple(text for plan in plans for text in plan.warnings),
            refusals=refusals,
        )

    def predict(self, state: PathState, plan: Plan) -> PathState:
        if plan.refusals:
            raise self.summary.refusal(state, plan)
        return self.predicted

    def must_plan_again(self, state: PathState) -> bool:
        return False

    def look_again(self, state: PathState) -> PathState:
        return state

    def show(self, state: PathState, plan: Plan) -> dict[str, Any]:
        return {}

    def send(self, step: Step, state: PathState) -> Any:
        return self._part(step).send(step, state)

    def record(self, step: Step, reply: Any, state: PathState) -> PathState:
        return self._part(step).record(step, reply, state)

    def explain(self, step: Step, error: TaskError, state: PathState) -> TaskError:
        return self._part(step).explain(step, error, state)

    def give_up(self, keys: Any, error: TaskError, state: PathState) -> PathState:
        for one in map(What.of, keys):
            state = state.with_failure(one.owner, one.step, error)
            for part in self.parts:
                state = part.record_failure(one, error, state)
        return state

    def _part(self, step: Step) -> PathPart:
        return next(part for part in self.parts if part.name == task_of(step).part)


class Done:
    """One run, and what came of it."""

    def __init__(self, site: PathSite, *, check_mode: bool = False, peers: PathPart | None = None, **options: Any) -> None:
        usual = {"atlas": False, "group_id": None, "dns": "ignore", "atlas_aws_account_ids": [ATLAS_ACCOUNT], "wait_timeout": 600}
        site.forget()
        self.outcome, self.msg = Outcome(), ""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in site.environment.items():
                patch.setenv(name, value)
            self.params, _warnings = validated(**{**usual, **options})
            self.operation = AwsHalf(self.params, site, peers)
            run = PathConvergence(self.operation, self.outcome, SILENT, site.clock, site.clock.sleep)
            try:
                (run.predict if check_mode else run.carry_out)()
            except TaskError as error:
                self.msg = str(error)
        self.state: PathState = run.state

    def actions(self, owner: int) -> list[tuple[str, str]]:
        """Return the changes of an entry, in their order: the action and the kind."""
        found = [What.of(key) for key in self.state.done]
        return [(one.action, one.kind) for one in found if one.owner == f"connections[{owner}]"]

    @property
    def failed(self) -> dict[str, str]:
        """The step that has failed, by entry."""
        return {owner: one.step for owner, one in self.state.failures.items()}


@pytest.fixture
def site(make_path: Callable[..., PathSite]) -> PathSite:
    return make_path()


def requested(site: PathSite, number: int, accounts: int = 1, **options: Any) -> list[dict[str, Any]]:
    """Make VPCs with a request of Atlas for each, and return their entries as the other team writes them."""
    entries = site.make_vpcs(number, accounts, **options)
    connections = site.request(entries)
    return [
        {**entry, "connection_id": connection, "container_cidr_block": ATLAS_BLOCK}
        for entry, connection in zip(entries, connections, strict=True)
    ]


READ = {"AssumeRole": 1, "GetCallerIdentity": 1, "DescribeVpcPeeringConnections": 1, "DescribeVpcs": 1, "DescribeRouteTables": 1}


def test_from_nothing_each_entry_costs_an_accept_and_a_route(site: PathSite) -> None:
    """Beside four requests an account, and at most five polls of it."""
    entries = requested(site, 10, 2)
    done = Done(site, connections=entries)
    assert (done.msg, done.outcome.changed) == ("", True)
    assert site.connected == {one["vpc_id"] for one in entries}
    for account in ACCOUNTS[:2]:
        asked = site.to_account(account)
        polls = asked.pop("DescribeVpcPeeringConnections") - 1
        assert 1 <= polls <= 5
        writes = dict.fromkeys(("AcceptVpcPeeringConnection", "CreateRoute"), 5)
        assert asked == {"GetCallerIdentity": 1, "DescribeVpcs": 1, "DescribeRouteTables": 1, **writes}
    assert site.to_aws["AssumeRole"] == 2
    assert done.actions(0) == [("accept", "connection"), ("create", "route")]


def test_nothing_to_do_costs_four_requests_an_account(site: PathSite) -> None:
    entries = requested(site, 6, 3)
    assert Done(site, connections=entries).msg == ""
    done = Done(site, connections=entries)
    assert (done.msg, done.outcome.changed, done.state.done) == ("", False, {})
    assert site.to_aws == {action: 3 * times for action, times in READ.items()}
