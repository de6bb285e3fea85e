"""The side of network containers, of several at once: one list for all, users of each, and what is waited for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.aws import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.front import Engine, Front
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import SILENT, Outcome
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import PREDICTED, SEEN, Context, Purpose
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import ConflictError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.container_plan import ContainerState, ListTerms
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.containers import ContainerOptions, ContainerSide
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.toy_side import World

A, B = "a" * 24, "b" * 24
PARAMS = {"wait": True, "wait_timeout": 60, "wait_sleep": 10, "retries": 2, "timeout": 5, "parallel": 2, "group_id": "0" * 24}


def container(id_: str, region: str, block: str) -> Any:
    return {"id": id_, "provider_name": "AWS", "region_name": region, "atlas_cidr_block": block}


def connection(container_id: str) -> Any:
    network = {"aws_account_id": "1" * 12, "vpc_id": "vpc-1"}
    return {"id": "x", "container_id": container_id, "status_name": "TERMINATING", **network}


class Project:
    """Two containers, one of which is used at first."""

    def __init__(self) -> None:
        self.there = {A: container(A, "US_EAST_1", "10.8.0.0/21"), B: container(B, "EU_WEST_1", "10.9.0.0/21")}
        self.log: list[str] = []
        self.users = {A: 2, B: 0}

    def read(self) -> list[Any]:
        self.log.append("list")
        return [*self.there.values()]

    def list_users(self, id_: str) -> list[Any]:
        self.log.append(f"users {id_[0]}")
        self.users[id_] -= 1
        return [connection(id_)] if self.users[id_] >= 0 else []

    def delete_container(self, id_: str) -> None:
        self.log.append(f"delete {id_[0]}")
        if self.log.count("delete b") == 1 and id_ == B:
            raise ConflictError("Refused.", detail="It is too new.")
        del self.there[id_]


def removals(project: Project, **more: Any) -> ContainerSide:
    def options(region: str) -> ContainerOptions:
        unset = {"regions": None, "atlas_cidr_block": None, "state": "absent"}
        return ContainerOptions(AWS, {**PARAMS, **unset, "region_name": region, **more})

    wanted = {"first": options("us-east-1"), "second": options("eu-west-1")}
    fake: Any = project
    return ContainerSide(Context(PARAMS, FakeClock()), wanted, fake, project.read, lambda cloud: fake)


class Removals(Front[Any]):
    """A front that removes both."""

    is_single = is_strict = False
    project: Project

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(PARAMS, World(), clock)
        self.side = removals(self.project)
        self.side.context = self.context
        self.sides = (self.side,)

    def show(self) -> dict[str, Any]:
        return {}

    def diff(self) -> list[dict[str, Any]]:
        return []


def test_several_are_read_in_one_list_and_each_waits_for_itself() -> None:
    clock, Removals.project = FakeClock(), Project()
    front, outcome = Removals(clock), Outcome()
    Engine(front, outcome, SILENT, clock, clock.sleep).carry_out()
    log = Removals.project.log
    assert (outcome.changed, front.context.failures, Removals.project.there) == (True, {}, {})
    assert (log[0], sorted(log[1:3])) == ("list", ["users a", "users b"])
    # What is used is not sent, and what is refused waits for another poll.
    assert log.count("delete a") == 1
    assert log.count("delete b") == 2
    assert log.index("delete a") > log.index("delete b")


def test_a_plan_a_wait_and_a_prediction_send_nothing() -> None:
    project = Project()
    side = removals(project)
    listed = tuple(project.there.values())
    side.states = dict(side.observe({"containers": listed}))
    side.states = dict(side.observe({A: [connection(A)], B: []}))
    assert [state.is_freed for state in side.states.values()] == [True, True]
    plan = side.plan(["first", "second"])
    assert [(step.owner, step.action) for step in plan.steps] == [("first", "delete"), ("second", "delete")]
    waits = [side.wait(step.owner, step) for step in plan.steps]
    assert [waiting and waiting.goal for waiting in waits] == ["unused", None]
    assert [side.wait(owner, None) for owner in side.owners] == [None, None]
    assert side.record(plan.steps[0], PREDICTED).states["first"].container is None
    assert [state.container for state in side.predict(plan.steps).values()] == [None, None]
    assert project.log == []


class InList:
    """A container that a list removes in the stage `last`, or what else its options say; the list knows who uses it."""

    def __init__(self, users: list[Any], **options: Any) -> None:
        self.users, self.reasons = users, list[TaskError]()
        fake: Any = Project()
        self.side = ContainerSide(Context(PARAMS, FakeClock()), {}, fake, fake.read, lambda cloud: fake)
        unset = {"region_name": "us-east-1", "regions": None, "atlas_cidr_block": None}
        terms = ListTerms("key", ("one", "two"), "last", self.find_users, self.check, "It stays.", "let it be")
        state = ContainerState(fake.there[A], (), None)
        params = {**PARAMS, **unset, "state": "absent", **options}
        self.plan = self.side.context.plan = self.side.add(A, AWS, params, terms, state)
        (self.step,) = self.plan.steps

    def find_users(self, container_id: str) -> tuple[str, ...]:
        return tuple(f"{user} in {container_id}" for user in self.users)

    def check(self) -> None:
        for reason in self.reasons:
            raise reason


def test_a_list_names_its_container_and_knows_its_users() -> None:
    known = ["vpc-1"]
    list_ = InList(known)
    side, step = list_.side, list_.step
    assert ([change.key for change in list_.plan.changes], step.keys, step.stage, step.owner) == (["key"], ("key",), "last", A)
    assert not [*side.queries(side.owners, Purpose.FIRST)]
    waiting = side.wait(A, step)
    assert waiting is not None
    late = side.timeout_error(A, step, waiting, WaitTimeoutError(9))
    assert not [
        word for word in (f"used by vpc-1 in {A}. It stays.", "after 9 seconds", "Or let it be.") if word not in str(late)
    ]
    # What was read is newer than what the list knows.
    side.states.update(side.observe({A: []}))
    assert side.wait(A, step) is None
    for reply in (None, SEEN):
        side.states.update(side.record(step, reply).states)
        (change,) = side.record(step, reply).changes or ()
        assert (change.key, change.after, side.states[A].container) == ("key", None, None)


def test_a_container_of_a_list_may_have_to_stay() -> None:
    list_ = InList(["vpc-1"], wait=False)
    with pytest.raises(TaskError, match=r"It stays\. Remove what uses it, or let it be\."):
        list_.side.wait(A, list_.step)
    list_.reasons.append(TaskError("Its connection is there."))
    with pytest.raises(TaskError, match="Its connection is there"):
        list_.side.wait(A, list_.step)


def test_a_later_plan_of_a_list_fails_for_its_entries() -> None:
    list_ = InList([], state="present", atlas_cidr_block="10.11.0.0/21")
    assert list_.step.action == "update"
    list_.side.states[A] = ContainerState(list_.side.states[A].container, (container(B, "EU_WEST_1", "10.11.0.0/21"),))
    plan = list_.side.plan([A])
    assert (plan.steps, [*plan.failures]) == ((), ["one", "two"])
