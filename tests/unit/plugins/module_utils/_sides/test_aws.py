"""The side of connections in AWS: what it asks, what it makes of old states, and what it waits for, which sends nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.network import Network
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.view import View
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import PeeringConnection, Route, RouteTable, Side, Vpc
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import BEFORE, SEEN, Context, Purpose
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_accepter import ACCEPTER_SPEC
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.aws import Accepter, AwsReader, AwsSide, facts_of
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock

ID, BLOCK, ACCOUNT = "pcx-0123456789abcdef0", "192.168.248.0/21", "1" * 12


class Watched(Network):
    """A network that notes what is read, and sends nothing."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.session: Any = self

    def find_account_id(self) -> str:
        self.log.append("account")
        return ACCOUNT

    def look(self, params: Any, account_id: str | None) -> View:
        self.log.append(("look", account_id))
        return view("pending-acceptance")

    def find_connections(self, connection_ids: Any) -> dict[str, PeeringConnection]:
        self.log.append("poll")
        connection = view("active", BLOCK).connection
        assert connection is not None
        return {connection.id: connection}


def view(status: str | None, *blocks: str) -> View:
    requester, accepter = Side(None, "2" * 12, None, [*blocks]), Side("vpc-1", ACCOUNT, "us-east-1", ["10.0.0.0/16"])
    connection = None if status is None else PeeringConnection(ID, status, None, None, requester, accepter)
    wide = Route("192.168.0.0/16", "tgw-1")
    table = RouteTable("rtb-1", "vpc-1", {}, (wide,), is_main=True)
    return View("us-east-1", ACCOUNT, connection, Vpc("vpc-1", ACCOUNT, ["10.0.0.0/16"], True, True), (table,))


def side(shown: View | None = None, owners: tuple[str, ...] = ("a",), **options: Any) -> tuple[AwsSide, Watched]:
    unset = {name: option.get("default") for name, option in ACCEPTER_SPEC.options.items()}
    params = {**unset, "connection_id": ID, "atlas_cidr_block": BLOCK, "wait": True, "wait_timeout": 600, **options}
    network = Watched()
    half = Accepter(params, network, facts_of(network))
    made = AwsSide(Context(params, FakeClock()), AwsReader(dict.fromkeys(owners, half)))
    if shown is not None:
        made.states = dict.fromkeys(owners, shown)
    return made, network


def ask(made: AwsSide, purpose: Purpose) -> None:
    made.states.update(made.observe({one.key: one.call() for one in made.queries(made.owners, purpose)}))


def status(made: AwsSide) -> str | None:
    connection = made.states["a"].connection
    return connection and connection.status


def test_the_account_is_asked_once_and_a_poll_reads_one_object() -> None:
    made, network = side(owners=("a", "b"))
    ask(made, Purpose.FIRST)
    assert network.log == ["account", ("look", ACCOUNT)] * 2
    network.log.clear()
    ask(made, Purpose.AGAIN)
    ask(made, Purpose.POLL)
    assert network.log == [("look", ACCOUNT)] * 2 + ["poll"] * 2
    assert [state.connection and state.connection.status for state in made.states.values()] == ["active"] * 2


def test_what_a_poll_shows_again_has_not_changed() -> None:
    shown = view("active", BLOCK)
    made, unused = side(shown)
    assert made.observe({"a": view("active", BLOCK).connection}) == {}
    assert made.observe({"a": view("active", BLOCK)}) == {}


@pytest.mark.parametrize("known", ["provisioning", "active"])
def test_the_state_before_the_acceptance_is_old(known: str) -> None:
    made, unused = side(view(known))
    for reply in (view("pending-acceptance").connection, None):
        assert made.observe({"a": reply}) == {}
    # A look shows more than the connection.
    made.states.update(made.observe({"a": replace(view("pending-acceptance"), region="us-east-2")}))
    assert (made.states["a"].region, status(made)) == ("us-east-2", "provisioning")
    made.states.update(made.observe({"a": view("failed").connection}))
    assert status(made) == "failed"


def test_a_route_waits_for_the_acceptance_and_for_the_block() -> None:
    made, network = side(view("pending-acceptance"))
    accept, route = made.plan(["a"]).steps
    assert (made.wait("a", accept), accept.after, accept.owner) == (None, None, "a")
    effect = made.record(accept, view("provisioning"))
    made.states.update(effect.states)
    assert (effect.changes, status(made)) == (None, "provisioning")
    first = made.wait("a", route)
    # What AWS shows right after the acceptance is unknown.
    assert first is not None
    assert (first.goal, first.seconds, first.polls_at_once) == ("it to be active", None, True)
    made.states.update(made.observe({"a": None}))
    assert made.wait("a", route) == first._replace(polls_at_once=False)
    made.states.update(made.observe({"a": view("active").connection}))
    block = made.wait("a", route)
    assert block is not None
    assert (block.seconds, block.polls_at_once) == (30, False)
    assert "does not report yet which block" in str(made.timeout_error("a", route, block, WaitTimeoutError(30)))
    assert made.wait("a", None) is None
    made.states.update(made.observe({"a": view("active", BLOCK).connection}))
    assert made.wait("a", route) is None
    assert network.log == []


def test_before_a_plan_it_waits_for_the_connection() -> None:
    made, network = side(view(None))
    made.context.stage = BEFORE
    appearance = made.wait("a", None)
    assert appearance is not None
    assert (appearance.goal, appearance.seconds) == ("it to be pending-acceptance", 60)
    assert "is unknown in region us-east-1" in str(made.timeout_error("a", None, appearance, WaitTimeoutError(60)))
    silent = TaskError("Silent.")
    assert made.timeout_error("a", None, appearance, WaitTimeoutError(60, silent)) is silent
    made.states.update(made.observe({"a": view("initiating-request").connection}))
    request = made.wait("a", None)
    assert request is not None
    assert request.seconds is None
    late = made.timeout_error("a", None, request, WaitTimeoutError(600))
    assert "is still initiating-request after 600 seconds of waiting for it to be pending-acceptance." in str(late)
    made.states.update(made.observe({"a": view("pending-acceptance").connection}))
    assert made.wait("a", None) is None
    assert network.log == []


@pytest.mark.parametrize("options", [{"state": "absent"}, {"accept": False}, {"wait": False}])
def test_a_task_that_does_not_wait(options: dict[str, Any]) -> None:
    made, network = side(view("provisioning"), **options)
    assert made.wait("a", None) is None
    made.context.stage, made.states = BEFORE, {"a": view(None)}
    # Whoever accepts it, it has to be there.
    assert (made.wait("a", None) is None) == ("accept" not in options)
    assert network.log == []


def test_a_lost_step_that_is_seen_changes_no_state() -> None:
    made, unused = side(view("pending-acceptance"))
    accept = made.plan(["a"]).steps[0]
    assert made.record(accept, SEEN).states == {}
    assert [state.connection and state.connection.status for state in made.predict([accept]).values()] == ["active"]


def test_a_later_plan_says_the_same_of_a_wider_route() -> None:
    one = view("active", BLOCK)
    made, network = side(one, owners=("a", "b"))
    made.states["b"] = replace(one, tables=(replace(one.tables[0], id="rtb-2"),))
    both = made.plan(["a", "b"])
    assert len(both.steps) == len(both.changes) == 2
    (said,) = both.consequences
    assert "rtb-1, rtb-2" in said
    assert made.plan(["b"]).consequences == (said,)
    assert network.log == []
