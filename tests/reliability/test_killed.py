"""A controller that is killed at any point of a task leaves nothing that the next run does not put right."""

from __future__ import annotations

import time

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.reliability.children import HANG, Nursery, Run, options_for
from ansible_collections.cloudpeer.atlas.tests.reliability.matrix import took_effect
from ansible_collections.cloudpeer.atlas.tests.reliability.operations import OPERATIONS, peers_of, prepared

#: Whether the request is on its way when the process dies, or its reply has come.
MOMENTS = ("sent", "answered")
KILLED = (
    "create",
    "update",
    "recreate",
    "delete",
    "wait until gone",
    "create on AZURE",
    "replace on AZURE",
    "create on GCP",
    "delete on GCP",
    "create container",
    "delete container",
    "create container on GCP",
    "delete container on AZURE",
    "add access",
    "remove access",
    "prune access",
    "set",
)
#: The others take long, and rarely fail where these do not.
USUAL = ("create", "recreate", "delete", "set")


def _settle(emulator: RunningEmulator, number: int) -> None:
    """Wait until a request that nobody waits for is dealt with."""
    deadline = time.monotonic() + HANG
    while len(emulator.requests.entries()) < number:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def requests_of(name: str, nursery: Nursery, emulator: RunningEmulator) -> int:
    """Return how many requests an operation makes when nobody kills it."""
    prepared(emulator, OPERATIONS[name])
    assert not nursery.run(Run(OPERATIONS[name].module, options_for(emulator, **OPERATIONS[name].options))).failed
    return len(emulator.requests.entries())


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", [one if one in USUAL else pytest.param(one, marks=pytest.mark.full) for one in KILLED])
def test_the_run_after_a_kill_at_any_request_ends_well(
    name: str, moment: str, nursery: Nursery, emulators: dict[str, RunningEmulator]
) -> None:
    operation, emulator = OPERATIONS[name], emulators[name]
    total = requests_of(name, nursery, emulator)
    assert total >= 3
    for number in range(1, total + 1):
        prepared(emulator, operation)
        options = options_for(emulator, **operation.options)
        killed = nursery.run(Run(operation.module, options, die=(number, moment)))
        assert killed.results == [], f"it was to die at request {number}"
        _settle(emulator, number)
        done_before = sum(took_effect(entry) for entry in emulator.requests.entries())
        again = nursery.run(Run(operation.module, options))
        assert not again.failed, f"killed at {number}: {again.msg}"
        assert operation.is_there(emulator), f"killed at {number}"
        done = sum(took_effect(entry) for entry in emulator.requests.entries())
        assert done == operation.writes, f"killed at {number}: {done} writes took effect"
        assert again.changed == (done > done_before), f"killed at {number}"
        assert len(peers_of(emulator)) <= 1


def test_the_late_request_of_a_dead_run_makes_no_second(nursery: Nursery, emulators: dict[str, RunningEmulator]) -> None:
    operation, emulator = OPERATIONS["create"], emulators["create"]
    total = requests_of("create", nursery, emulator)
    for number in range(1, total + 1):
        prepared(emulator, operation)
        options = options_for(emulator, **operation.options)
        # The reply does not come, the process dies with it, and the next one does not wait.
        nursery.run(Run(operation.module, options, die=(number, "sent")))
        assert not nursery.run(Run(operation.module, options)).failed
        _settle(emulator, number)
        assert len(peers_of(emulator)) == 1
