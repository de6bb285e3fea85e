"""The side of mirrors in GCP: what is sent again after a lost reply, what a poll asks, and that a wait sends nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import ONLY, SEEN, Context, Purpose
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.network import CONSENSUS, NetworkState, Peering, Running
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.options import name_networks
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.session import PeeringBusyError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import (
    AuthError,
    OvertakenError,
    TaskError,
    UndoneError,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.gcp import GcpSide, Mirror
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock

REMOTE = "projects/p-abcd/global/networks/nt-abcd"
EMPTY = NetworkState(exists=True)
MADE = NetworkState(exists=True, peerings=(Peering("atlas-nt-abcd", REMOTE, "INACTIVE"),))
RUNNING = Running("operation-1", is_done=False)


class Sent:
    """Requests about networks that are noted, and not sent."""

    def __init__(self) -> None:
        self.log: list[Any] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def note(*arguments: Any, **unused: Any) -> Any:
            self.log.append((name, *arguments))
            return {"look": MADE, "follow": replace(RUNNING, is_done=True)}.get(name, RUNNING)

        return note


def side(shown: NetworkState = EMPTY, owners: tuple[str, ...] = (ONLY,), **options: Any) -> tuple[GcpSide, Sent]:
    names = {"gcp_project_id": "my-project", "network_name": "my-network"}
    theirs = {"atlas_gcp_project_id": "p-abcd", "atlas_network_name": "nt-abcd", "name": None}
    params = {**names, **theirs, "state": "present", "wait": True, **options}
    params.update(name_networks(params, "name"))
    sent: Any = Sent()
    made = GcpSide(Context(params, FakeClock()), {owner: Mirror(params, sent) for owner in owners})
    made.states = dict.fromkeys(owners, shown)
    return made, sent


def ask(made: GcpSide, purpose: Purpose) -> None:
    made.states.update(made.observe({one.key: one.call() for one in made.queries(made.owners, purpose)}))


def test_a_request_has_the_id_of_a_lost_one() -> None:
    made, sent = side()
    (step,) = made.plan([ONLY]).steps
    made.request(step)()
    # It was refused.
    made.request(step)()
    made.context.lost["gcp", ONLY] = step
    made.request(step)()
    first, second, third = (one[2] for one in sent.log)
    assert first != second
    assert second == third


def test_what_a_lost_request_has_done_is_not_sent_again() -> None:
    made, sent = side()
    (step,) = made.plan([ONLY]).steps
    made.states[ONLY] = MADE
    with pytest.raises(OvertakenError, match="atlas-nt-abcd has changed meanwhile"):
        made.request(step)()
    made.context.lost["gcp", ONLY] = step
    assert made.request(step)() is None
    assert sent.log == []
    for reply in (None, SEEN):
        effect = made.record(step, reply)
        assert (effect.states, effect.changes) == ({}, None)


@pytest.mark.parametrize("peering", [None, Peering("atlas-nt-abcd", "projects/others/global/networks/n")])
def test_another_peering_is_not_removed(peering: Peering | None) -> None:
    made, sent = side(MADE, state="absent")
    (step,) = made.plan([ONLY]).steps
    made.states[ONLY] = NetworkState(exists=True, peerings=() if peering is None else (peering,))
    with pytest.raises(OvertakenError):
        made.request(step)()
    assert sent.log == []


def test_it_follows_the_operation_and_then_the_network() -> None:
    made, sent = side(owners=("a", "b"))
    steps = made.plan(["a", "b"]).steps
    assert [step.owner for step in steps] == ["a", "b"]
    made.states.update(made.record(steps[0], RUNNING).states)
    waits = [made.wait("a", None)]
    ask(made, Purpose.POLL)
    assert sent.log == [("follow", RUNNING), ("look",)]
    waits.append(made.wait("a", None))
    # The network does not show it yet.
    made.states.update(made.observe({"a": EMPTY}))
    waits.append(made.wait("a", None))
    ask(made, Purpose.POLL)
    waits.append(made.wait("a", None))
    assert [one and (one.goal, one.polls_at_once) for one in waits] == [
        ("the end of GCP's operation", False),
        ("the network", True),
        ("the network", True),
        ("ACTIVE", False),
    ]
    assert sent.log == [("follow", RUNNING), *[("look",)] * 3]
    assert made.observe({"a": MADE}) == {}
    made.states["a"] = replace(MADE, peerings=(replace(MADE.peerings[0], state="ACTIVE"),))
    assert made.wait("a", None) is None


@pytest.mark.parametrize("is_undone", [True, False])
def test_a_failed_operation_ends_the_wait(is_undone: bool) -> None:
    failed = Running("operation-1", is_done=True, error_code="QUOTA", error="Too many.", is_undone=is_undone)
    made, sent = side(replace(EMPTY, running=failed))
    with pytest.raises(TaskError, match=r"did not change the peerings .* Too many \(QUOTA\)") as caught:
        made.wait(ONLY, None)
    assert isinstance(caught.value, UndoneError) == is_undone
    assert sent.log == []


def test_what_is_late_is_named() -> None:
    made, unused = side(replace(MADE, running=RUNNING))
    (step,) = side()[0].plan([ONLY]).steps
    busy = PeeringBusyError("There is a peering operation in progress.")
    held = made.retry_wait(step, busy)
    assert held is not None
    assert made.retry_wait(step, TaskError("No.")) is None
    late = made.timeout_error(ONLY, step, held, WaitTimeoutError(20, refusal=busy))
    assert (type(late), late.message.partition(". ")[2]) == (PeeringBusyError, "It was still refused after 20 seconds.")
    ended = replace(RUNNING, is_done=True)
    for running, words in ((RUNNING, "operation on"), (ended, "showed the change"), (None, "was ACTIVE (INACTIVE: no details)")):
        made.states[ONLY] = replace(MADE, running=running)
        waiting = made.wait(ONLY, None)
        assert waiting is not None
        assert words in str(made.timeout_error(ONLY, None, waiting, WaitTimeoutError(20)))


def test_a_refused_removal_that_both_must_ask_for_says_so() -> None:
    agreed = NetworkState(exists=True, peerings=(replace(MADE.peerings[0], update_strategy=CONSENSUS),))
    made, unused = side(agreed, state="absent")
    (step,) = made.plan([ONLY]).steps
    error = TaskError("No.", http_status=400)
    assert "updateStrategy CONSENSUS" in str(made.explain(step, error))
    for other in (PeeringBusyError("Busy.", http_status=400), AuthError("Denied.", http_status=403), TaskError("No reply.")):
        assert made.explain(step, other) is other
    # What is gone need not be active.
    made.states[ONLY] = EMPTY
    assert made.wait(ONLY, None) is None
    made.states[ONLY] = MADE
    assert made.explain(step, error) is error


def test_a_prediction_counts_on_waits() -> None:
    made, sent = side(owners=("a", "b"))
    made.states["b"] = MADE
    predicted = made.predict(made.plan(["a", "b"]).steps)
    assert {owner: [one.state for one in state.peerings] for owner, state in predicted.items()} == {
        "a": ["ACTIVE"],
        "b": ["ACTIVE"],
    }
    assert sent.log == []
