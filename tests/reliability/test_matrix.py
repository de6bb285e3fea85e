"""Whatever goes wrong on the wire, a task ends in time, tells the truth, and makes nothing twice."""

from __future__ import annotations

from functools import partial

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import Attempt, parse_rules
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.reliability.children import Nursery, Run, options_for
from ansible_collections.cloudpeer.atlas.tests.reliability.matrix import BATCHES, FAULTS, SAMPLE, SLOW, Cells, problems, rule_for
from ansible_collections.cloudpeer.atlas.tests.reliability.operations import OPERATIONS, prepared

Emulators = dict[str, RunningEmulator]


def _run(name: str, way: str, emulator: RunningEmulator) -> Run:
    operation = OPERATIONS[name]
    return Run(operation.module, options_for(emulator, **operation.options), way, page_size=operation.page_size)


def _without_answer(emulator: RunningEmulator) -> set[int]:
    """Tell which requests get no whole answer: as soon as they have done what they do, their time is up."""
    return {number for number, entry in enumerate(emulator.requests.entries(), 1) if entry.get("fault") in SLOW}


@pytest.fixture(scope="session")
def before(nursery: Nursery, emulators: Emulators) -> dict[str, int]:
    """How many requests with credentials each operation makes before its own one, when nothing goes wrong."""
    counts = {}
    for name, operation in OPERATIONS.items():
        emulator = emulators[name]
        prepared(emulator, operation)
        ran = nursery.run(_run(name, "module", emulator))
        assert not ran.failed, ran.msg
        assert ran.changed == bool(operation.writes)
        assert operation.is_there(emulator)
        rule = parse_rules(rule_for(FAULTS["close"], operation, "for ever", 0))[0]
        sent = [one for one in emulator.requests.entries() if one["authenticated"]]
        is_own = [rule.is_about(Attempt(one["method"], one["path"], authenticated=True)) for one in sent]
        counts[name] = is_own.index(True)
    return counts


@pytest.mark.sample
@pytest.mark.parametrize("fault_name", FAULTS)
def test_some_operations_survive(fault_name: str, nursery: Nursery, emulators: Emulators, before: dict[str, int]) -> None:
    _survive(fault_name, SAMPLE[fault_name], nursery, emulators, before)


@pytest.mark.full
@pytest.mark.parametrize(("fault_name", "duration"), BATCHES)
def test_every_operation_survives(
    fault_name: str, duration: str, nursery: Nursery, emulators: Emulators, before: dict[str, int]
) -> None:
    _survive(fault_name, BATCHES[fault_name, duration], nursery, emulators, before)


def _survive(fault_name: str, cells: Cells, nursery: Nursery, emulators: Emulators, before: dict[str, int]) -> None:
    """Let operations meet a fault at the same time, each with its duration and way."""
    fault = FAULTS[fault_name]
    for name, (duration, _way) in cells.items():
        prepared(emulators[name], OPERATIONS[name])
        emulators[name].faults.add(parse_rules(rule_for(fault, OPERATIONS[name], duration, before[name])))
    wanted = [_run(name, way, emulators[name]) for name, (_duration, way) in cells.items()]
    ended = [partial(_without_answer, emulators[name]) for name in cells] if fault.kind in SLOW else []
    ran = dict(zip(cells, nursery.run_all(wanted, ended)))
    found = []
    for name, (duration, way) in cells.items():
        happened = emulators[name].faults.to_json()[0]["happened"]
        emulators[name].faults.clear()
        cell = list(problems(fault, OPERATIONS[name], duration, ran[name], emulators[name]))
        cell += [] if happened or fault.kind in ("stale_nonce", "moving_page") else ["the fault did not happen"]
        found += [f"{name}, {duration}, {way}: {problem}" for problem in cell]
    assert not found, "\n".join(found)
