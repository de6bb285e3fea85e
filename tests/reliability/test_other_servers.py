"""Whatever goes wrong with a creation, nothing is made twice, also by servers that would let it: they refuse no duplicates, or
what their lists show lags behind by a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import parse_rules
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator, running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.reliability.children import Nursery, Ran, Run, options_for
from ansible_collections.cloudpeer.atlas.tests.reliability.matrix import FAULTS, SLOW, problems, rule_for, took_effect
from ansible_collections.cloudpeer.atlas.tests.reliability.operations import OPERATIONS, Operation

SERVERS: dict[str, dict[str, Any]] = {
    "refuses no duplicates": {"allow_duplicates": True},
    "lags behind": {"list_lag_seconds": 1},
    "lags behind and refuses no duplicates": {"list_lag_seconds": 1, "allow_duplicates": True},
}
CREATIONS = ("create", "create container", "create container on GCP")
DURATIONS = ("three in a row", "for ever")
#: Faults after which it is not known whether something was created. Those that keep a request waiting lose a reply as others
#: do, and would take long, since pauses are not skipped here.
LOSSES = [name for name, fault in FAULTS.items() if fault.cause and fault.kind not in SLOW and "HTTP 4" not in fault.cause]
#: Those that are tried every time: a request that is lost, and a reply.
USUAL = ("close", "lost reply", "503, applied")
assert {*USUAL} <= {*LOSSES}
#: How much faster time goes by here, on both sides: a server has to see how long a task pauses.
SCALE = 20.0
#: Seconds for a request, so many that only the faults are in its way.
TIMEOUT = 100
Cell = tuple[str, str, str]
CELLS: list[Cell] = [(server, name, duration) for server in SERVERS for name in CREATIONS for duration in DURATIONS]


def _clock() -> float:
    return time.monotonic() * SCALE


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[Cell, RunningEmulator]]:
    """An emulator for each cell, so that all of them can be tried at once."""
    with ExitStack() as stack:
        started = {cell: stack.enter_context(running(Settings(step_seconds=3600, **SERVERS[cell[0]]))) for cell in CELLS}
        yield started
        for emulator in started.values():
            # All at once: each takes a while to end.
            emulator._server.end()


def _prepare(emulator: RunningEmulator, operation: Operation, rule: dict[str, Any] | None) -> None:
    emulator.project = Project(emulator.settings, _clock)
    emulator.reset()
    emulator.faults.clear()
    if rule is not None:
        emulator.faults.add(parse_rules(rule))


def _run(nursery: Nursery, servers: dict[Cell, RunningEmulator]) -> dict[Cell, Ran]:
    runs = [
        Run(
            OPERATIONS[cell[1]].module,
            options_for(servers[cell], **OPERATIONS[cell[1]].options, timeout=TIMEOUT),
            "in process",
            scale=SCALE,
        )
        for cell in CELLS
    ]
    return dict(zip(CELLS, nursery.run_all(runs)))


@pytest.mark.parametrize("fault_name", [one if one in USUAL else pytest.param(one, marks=pytest.mark.full) for one in LOSSES])
def test_nothing_is_made_twice(fault_name: str, nursery: Nursery, servers: dict[Cell, RunningEmulator]) -> None:
    fault, found = FAULTS[fault_name], []
    for cell in CELLS:
        operation = OPERATIONS[cell[1]]
        _prepare(servers[cell], operation, rule_for(fault, operation, cell[2], 0))
    ran = _run(nursery, servers)
    for cell in CELLS:
        operation, emulator = OPERATIONS[cell[1]], servers[cell]
        # How long it takes is judged where a busy machine does not matter.
        told = [one for one in problems(fault, operation, cell[2], ran[cell], emulator) if not one.startswith("took ")]
        found += [f"{cell}: {one}" for one in told]
        entries = emulator.requests.entries()
        if sum(took_effect(entry) for entry in entries) > 1:
            found.append(f"{cell}: made twice")
        if fault.applied and fault.cause and [entry["method"] for entry in entries].count("POST") != 1:
            found.append(f"{cell}: sent twice what had been done")
    assert not found, "\n".join(found)
