"""The side of Atlas's role in AZURE: what a poll asks, what a refused assignment waits for, and that a wait sends nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.plan import AccessState, PutAssignment
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.vnets import Vnet, VnetPeering
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import BEFORE, ONLY, SEEN, Context, Purpose
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import ApiError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.azure import AzureSide, VnetRole
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock

VNET, NETWORK = Vnet("0" * 8, "group", "my-vnet"), "vnet_5356823b3794dee37132bb7b_abcdefgh"
PEERING = VnetPeering(VNET, "atlas", (), "Connected", None, f"/networks/{NETWORK}")
NONE, PEERED = AccessState(VNET), AccessState(replace(VNET, peerings=(PEERING,)))


class Sent:
    """Requests about VNets that are noted, and not sent."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def note(*unused: Any) -> Any:
            self.log.append(name)
            return PEERED

        return note


def side(shown: AccessState, owners: tuple[str, ...] = (ONLY,), **options: Any) -> tuple[AzureSide, Sent]:
    params = {"state": "present", "role": None, "role_name": "Peering", "atlas_vnet_names": (NETWORK,), **options}
    sent: Any = Sent()
    made = AzureSide(Context(params, FakeClock()), {owner: VnetRole(params, sent) for owner in owners})
    made.states = dict.fromkeys(owners, shown)
    return made, sent


def given() -> AccessState:
    """Return what Atlas may do once the role is given."""
    made, unused = side(PEERED)
    state = made.predict(made.plan([ONLY]).steps)[ONLY]
    own = tuple(replace(one, id="/assignment", description=role.description) for one, role in state.giving)
    return replace(state, own=own, chosen=None)


def test_a_poll_reads_the_vnet_alone() -> None:
    made, sent = side(NONE, owners=("a", "b"))
    for purpose in Purpose:
        found = {one.key: one.call() for one in made.queries(made.owners, purpose)}
    assert sent.log == [name for name in ("look", "look", "look_at_vnet") for owner in "ab"]
    assert made.observe(found) == {"a": PEERED, "b": PEERED}
    made.states.update(found)
    assert made.observe(found) == {}


def test_a_removal_waits_first_for_the_end_of_the_peering() -> None:
    made, sent = side(given(), state="absent")
    assert made.wait(ONLY, None) is None
    made.context.stage = BEFORE
    waiting = made.wait(ONLY, None)
    assert waiting is not None
    assert (waiting.goal, waiting.polls) == ("its end", True)
    late = made.timeout_error(ONLY, None, waiting, WaitTimeoutError(20))
    assert f"before the peering atlas with {NETWORK} had ended (it is Connected)" in str(late)
    made.states[ONLY] = replace(given(), vnet=VNET)
    assert made.wait(ONLY, None) is None
    # There is nothing to remove.
    made.states[ONLY] = PEERED
    assert made.wait(ONLY, None) is None
    assert sent.log == []


@pytest.mark.parametrize("is_prediction", [True, False])
def test_a_prediction_counts_on_the_end_of_the_peering(is_prediction: bool) -> None:
    made, unused = side(given(), state="absent")
    made.context.is_prediction = is_prediction
    plan = made.plan([ONLY])
    assert (bool(plan.steps), bool(plan.warnings)) == (is_prediction, not is_prediction)


@pytest.mark.parametrize(
    ("code", "is_new", "waits"),
    [
        ("PrincipalNotFound", False, True),
        ("RoleDefinitionDoesNotExist", True, True),
        ("RoleDefinitionDoesNotExist", False, False),
        ("AuthorizationFailed", True, False),
    ],
)
def test_an_assignment_waits_for_what_is_new(code: str, is_new: bool, waits: bool) -> None:
    made, sent = side(NONE)
    principal, role, assignment = made.plan([ONLY]).steps
    assert isinstance(assignment.request, PutAssignment)
    error = ApiError("No.", error_code=code)
    if is_new:
        made.request(role)
    waiting = made.retry_wait(assignment, error)
    assert (waiting is not None) == waits
    assert [made.retry_wait(step, error) for step in (principal, role)] == [None, None]
    if waiting is not None:
        # Only another try tells.
        assert not waiting.polls
        late = made.timeout_error(ONLY, assignment, waiting, WaitTimeoutError(20, refusal=error))
        assert (late.error_code, late.message) == (code, "No. It was still refused after 20 seconds.")
    assert sent.log == []


def test_owners_have_steps_of_their_own() -> None:
    made, sent = side(NONE, owners=("a", "b"))
    steps = made.plan(["a", "b"]).steps
    assert [step.owner for step in steps] == [*"aaabbb"]
    assert {owner: state.is_enough for owner, state in made.predict(steps).items()} == {"a": True, "b": True}
    assert made.record(steps[0], "principal").states["a"].principal_id == "principal"
    assert made.record(steps[0], SEEN).states == {}
    assert sent.log == []
