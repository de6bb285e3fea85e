"""The side of network containers, of several at once: one list for all, users of each, and what is waited for."""

from __future__ import annotations

from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.aws import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.front import Engine, Front
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import SILENT, Outcome
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import FORESEEN, Context
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import ConflictError
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
    return ContainerSide(Context(PARAMS, FakeClock()), wanted, fake, project.read, project.list_users)


class Removals(Front[Any]):
    """A front that removes both."""

    is_one = is_strict = False
    project: Project

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(PARAMS, World(), clock)
        self.side = removals(self.project)
        self.side.context = self.context
        self.sides = (self.side,)

    def show(self, changed: Any) -> dict[str, Any]:
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
    assert side.record(plan.steps[0], FORESEEN).states["first"].container is None
    assert [state.container for state in side.predict(plan.steps).values()] == [None, None]
    assert project.log == []
