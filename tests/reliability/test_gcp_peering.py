"""Whatever goes wrong between a task and GCP, it ends in time, tells the truth, makes nothing twice, and touches nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import cycle
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.properties.memory import FAULTS, Fault, MemorySite
from ansible_collections.cloudpeer.atlas.tests.support.environment import clean_environment
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, MINE, NAME, OTHER, REMOTE
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done

TIMEOUT = 60
#: Something that others made.
THEIRS = [("theirs", OTHER), ("their-second", ("their-project", "their-network"))]


@dataclass(frozen=True)
class Operation:
    """One operation."""

    options: dict[str, Any] = field(default_factory=dict)
    has_mirror: bool = False
    has_key: bool = False

    @property
    def is_absent(self) -> bool:
        return self.options.get("state") == "absent"

    def make_site(self) -> MemorySite:
        """Return a site in which it starts."""
        site = MemorySite()
        # What a change leads to is not seen at once.
        site.clouds.gcp.operation_looks = 3
        site.add_atlas_half()
        for name, peer in THEIRS:
            site.clouds.gcp.add_peering(*MINE, name, peer)
        if self.has_mirror:
            site.clouds.gcp.add_peering(*MINE, NAME, ATLAS)
        return site

    def run(self, site: MemorySite) -> Done:
        """Run it."""
        key = json.dumps(site.clouds.tokens.service_account_key()) if self.has_key else None
        sign_in = {"service_account_contents": key, "access_token": None} if self.has_key else {}
        return site.run(wait_timeout=TIMEOUT, wait_sleep=5, **self.options, **sign_in)


OPERATIONS = {
    "present": Operation(),
    "present and active": Operation({"wait": True}),
    "present with the key of an account": Operation(has_key=True),
    "nothing to do": Operation(has_mirror=True),
    "absent": Operation({"state": "absent"}, has_mirror=True),
}
#: A request that is lost, a reply, and a refusal: of these, each operation has one every time.
USUAL = dict(zip(OPERATIONS, cycle(("reset before", "lost reply", "refusal"))))


@cache
def requests_of(name: str) -> int:
    """Return how many requests an operation makes when nothing goes wrong."""
    site = OPERATIONS[name].make_site()
    assert not OPERATIONS[name].run(site).failed
    return len(site.received)


def mirrors(site: MemorySite) -> list[str]:
    """Return the names of the peerings with Atlas's network."""
    return [one["name"] for one in site.clouds.gcp.peerings(*MINE) if one["network"].endswith(REMOTE)]


def others(site: MemorySite) -> list[tuple[str, str]]:
    """Return all other peerings."""
    return [(one["name"], one["network"]) for one in site.clouds.gcp.peerings(*MINE) if not one["network"].endswith(REMOTE)]


def begun(site: MemorySite) -> int:
    """Return how many changes GCP has begun."""
    return len(site.clouds.gcp.operations())


def is_write(site: MemorySite, number: int) -> bool:
    """Tell whether a request was one that changes something."""
    return len(site.received) > number and site.received[number].target.partition("?")[0].endswith("Peering")


def problems(operation: Operation, fault: Fault, site: MemorySite, number: int, lasts: bool, done: Done) -> Iterator[str]:
    """Tell what is wrong with a run."""
    before, after = operation.has_mirror, bool(mirrors(site)) or _is_coming(site)
    wanted = not operation.is_absent
    if site.clock.now - 1000 > 2 * TIMEOUT + 60:
        yield f"took {site.clock.now - 1000:.0f} s"
    if len(mirrors(site)) > 1:
        yield "made twice"
    if begun(site) > 1:
        yield f"{begun(site)} changes"
    if before != after and not done.changed:
        yield "changed is false after something was changed"
    if before == after and done.changed and not done.failed:
        yield "changed is true although nothing was changed"
    if not done.failed and (after != wanted or (done.result["gcp_peering"] is not None) != wanted):
        yield f"ok, but the state is not there: {done.result['gcp_peering']}"
    if done.failed and fault.cause not in done.msg and "no token for GCP" not in done.msg:
        yield f"the message does not say {fault.cause!r}: {done.msg}"
    passes = fault.passes_writes if is_write(site, number) else fault.passes and not _is_about_a_token(site, number)
    if done.failed and not lasts and passes:
        yield f"failed: {done.msg}"


def _is_coming(site: MemorySite) -> bool:
    """Tell whether GCP is about to make the peering."""
    return any(not one.is_done and one.kind == "addPeering" for one in site.clouds.gcp.operations())


def _is_about_a_token(site: MemorySite, number: int) -> bool:
    return len(site.received) > number and site.received[number].target.startswith("/token")


def settle(site: MemorySite) -> None:
    """Let the operations of GCP end."""
    for unused in range(10):
        site.clouds.gcp.get_network(*MINE)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    clean_environment(monkeypatch, tmp_path)


@pytest.mark.parametrize(
    ("name", "fault_name"),
    [pytest.param(name, one, marks=() if one == usual else pytest.mark.full) for name, usual in USUAL.items() for one in FAULTS],
)
@pytest.mark.parametrize("lasts", [False, pytest.param(True, marks=pytest.mark.full)])
def test_every_operation_survives(name: str, lasts: bool, fault_name: str) -> None:
    operation, fault, found = OPERATIONS[name], FAULTS[fault_name], []
    total = requests_of(name)
    assert total >= (1 if operation.has_mirror != operation.is_absent else 3)
    # Each request meets each fault, once or from then on.
    step = 1 if fault_name == USUAL[name] else min(2, total)
    for number in range((list(FAULTS).index(fault_name) + lasts) % step, total, step):
        site = operation.make_site()
        theirs = others(site)
        site.fault, site.numbers = fault, range(number, 10**6) if lasts else (number,)
        done = operation.run(site)
        cell = [*problems(operation, fault, site, number, lasts, done)]
        if len(site.received) <= number:
            cell.append("the fault did not happen")
        site.fault = None
        again = operation.run(site)
        settle(site)
        cell += [f"the next run: {again.msg}"] if again.failed else []
        if bool(mirrors(site)) == operation.is_absent or len(mirrors(site)) > 1 or begun(site) > 1:
            cell.append(f"after the next run there are {mirrors(site)} by {begun(site)} changes")
        if others(site) != theirs:
            cell.append("another peering was touched")
        if operation.run(site).changed:
            cell.append("the third run changes something")
        found += [f"request {number} of {total}: {one}" for one in cell]
    assert not found, "\n".join(found)
