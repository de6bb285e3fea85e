"""What goes wrong between a task and AZURE ends in time, is said truly, makes nothing twice, and touches nothing of others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import cycle
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.entra import LOGIN
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.properties.memory import FAULTS, Fault, MemoryAzureSite
from ansible_collections.cloudpeer.atlas.tests.reliability.children import Nursery, Run
from ansible_collections.cloudpeer.atlas.tests.support.azure_role_site import GROUP, SCOPE, AzureSite
from ansible_collections.cloudpeer.atlas.tests.support.environment import clean_environment
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done

TIMEOUT = 60
#: What AZURE cannot say, or not in this way: GCP's rate limit is a refusal here.
UNKNOWN = ("rate limit",)
#: What else a failure may say, by the cause: GCP's code is none of AZURE's, and half of a 404 does not say what is absent.
OTHER_CAUSES = {"rateLimitExceeded": ("HTTP 429",), "is not a JSON object": ("HTTP 404",)}


@dataclass(frozen=True)
class Operation:
    """One operation."""

    options: dict[str, Any] = field(default_factory=dict)
    is_given: bool = False

    @property
    def is_absent(self) -> bool:
        return self.options.get("state") == "absent"

    def make_site(self) -> MemoryAzureSite:
        """Return a site in which it starts; others have given Atlas something, and something to others."""
        site = MemoryAzureSite()
        site.assign(SCOPE, "*/read")
        site.assign(GROUP, "*", app_id=site.azure.entra.client_id)
        if not self.is_given and not self.is_absent:
            site.azure.entra.remove_principal()
        if self.is_given or self.is_absent:
            assert site.run().changed
        return site

    def run(self, site: MemoryAzureSite) -> Done:
        """Run it."""
        return site.run(wait_timeout=TIMEOUT, **self.options)


OPERATIONS = {
    "present": Operation(),
    "nothing to do": Operation(is_given=True),
    "absent": Operation({"state": "absent"}),
}
#: A request that is lost, a reply, and a refusal: of these, each operation has one every time.
USUAL = dict(zip(OPERATIONS, cycle(("reset before", "lost reply", "refusal"))))


@cache
def requests_of(name: str) -> int:
    """Return how many requests an operation makes when nothing goes wrong."""
    site = OPERATIONS[name].make_site()
    assert not OPERATIONS[name].run(site).failed
    return len(site.received)


def is_login(site: MemoryAzureSite, number: int) -> bool:
    """Tell whether a request was for a token."""
    return len(site.received) > number and site.received[number].host == LOGIN


def is_write(site: MemoryAzureSite, number: int) -> bool:
    """Tell whether a request was one that changes something."""
    return len(site.received) > number and site.received[number].method != "GET" and not is_login(site, number)


def problems(
    operation: Operation, fault: Fault, site: MemoryAzureSite, before: Any, number: int, lasts: bool, done: Done
) -> Iterator[str]:
    """Tell what is wrong with a run."""
    after = site.look()
    if site.clock.now - 1000 > 2 * TIMEOUT + 60:
        yield f"took {site.clock.now - 1000:.0f} s"
    if len(after["ours"]) > 1 or len(after["roles"]) > 1:
        yield f"made twice: {after}"
    if before != after and not done.changed:
        yield "changed is false after something was changed"
    if before == after and done.changed and not done.failed:
        yield "changed is true although nothing was changed"
    if not done.failed and after["is_allowed"] == operation.is_absent:
        yield f"ok, but the state is not there: {done.result['azure_role']}"
    causes = (fault.cause, "no token for AZURE", *OTHER_CAUSES.get(fault.cause, ()))
    if done.failed and not any(one in done.msg for one in causes):
        yield f"the message does not say {fault.cause!r}: {done.msg}"
    passes = fault.passes_writes if is_write(site, number) else fault.passes and not is_login(site, number)
    if done.failed and not lasts and passes:
        yield f"failed: {done.msg}"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    clean_environment(monkeypatch, tmp_path)


@pytest.mark.parametrize(
    ("name", "fault_name"),
    [
        pytest.param(name, one, marks=() if one == usual else pytest.mark.full)
        for name, usual in USUAL.items()
        for one in FAULTS
        if one not in UNKNOWN
    ],
)
@pytest.mark.parametrize("lasts", [False, pytest.param(True, marks=pytest.mark.full)])
def test_every_operation_survives(name: str, lasts: bool, fault_name: str) -> None:
    operation, fault, found = OPERATIONS[name], FAULTS[fault_name], []
    total = requests_of(name)
    assert total >= 7
    # Each request meets each fault, once or from then on.
    step = 1 if fault_name == USUAL[name] else min(2, total)
    for number in range((list(FAULTS).index(fault_name) + lasts) % step, total, step):
        site = operation.make_site()
        before = site.look()
        site.clock.now = 1000.0
        site.fault, site.numbers = fault, range(number, 10**6) if lasts else (number,)
        done = operation.run(site)
        cell = [*problems(operation, fault, site, before, number, lasts, done)]
        if len(site.received) <= number:
            cell.append("the fault did not happen")
        site.fault = None
        again = operation.run(site)
        after = site.look()
        cell += [f"the next run: {again.msg}"] if again.failed else []
        if after["is_allowed"] == operation.is_absent or len(after["ours"]) + len(after["roles"]) != 2 * (
            not operation.is_absent
        ):
            cell.append(f"after the next run there is {after}")
        if after["others"] != before["others"]:
            cell.append("what others made was touched")
        # One that changed nothing was such a run itself.
        if again.changed and operation.run(site).changed:
            cell.append("the third run changes something")
        found += [f"request {number} of {total}: {one}" for one in cell]
    assert not found, "\n".join(found)


MODULE = "atlas_azure_role"


@pytest.mark.full
@pytest.mark.parametrize("state", ["present", "absent"])
def test_runs_that_begin_together_do_no_harm(state: str, nursery: Nursery, clouds: RunningClouds) -> None:
    site, azure = AzureSite(clouds), clouds.azure
    for unused in range(5):
        azure.roles.clear()
        if azure.entra.principal_of() is not None:
            azure.entra.remove_principal()
        if state == "absent":
            assert nursery.run(Run(MODULE, site.usual, environment=clouds.environment)).changed
        runs = nursery.run_all([Run(MODULE, {**site.usual, "state": state}, environment=clouds.environment)] * 8)
        assert [one.msg for one in runs if one.failed] == []
        assert any(one.changed for one in runs)
        assert (azure.roles.allows(SCOPE), len(site.ours())) == (state == "present", 2 * (state == "present"))
