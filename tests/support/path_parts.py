"""Runs parts of the whole path with stand-ins of AZURE and GCP, and with an Atlas that does what a test says."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.session import AzureSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.session import CheckSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import Outcome, Report
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan, Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.set_operation import SetOperation
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.session import GcpSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.pauses import STOP
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas import read_all
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_azure_role import AtlasAzureRole
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_gcp_peering import AtlasGcpPeering
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.azure import AzurePart
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.entries import PathEntry
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.gcp import GcpPart
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.options import PATH_SPEC, fill_in_project, validate
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.part import Common, PathPart, task_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.path_state import ABSENT, PRESENT, PathState, What
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.stages import PathConvergence, PathGate, PathWaiter
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peer_set.state import PeerSetState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.connection import PeerState
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock

GROUP = "5356823b3794dee37132bb7b"


def options(*connections: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the options of a task as `validate` returns them."""
    given = {"group_id": GROUP, "connections": [*connections], **more}
    checked = ArgumentSpecValidator(**PATH_SPEC.to_kwargs()).validate(given)
    assert checked.error_messages == []
    return dict(validate(fill_in_project(checked.validated_parameters))[0])


@dataclass
class Atlas(PathPart):
    """What Atlas has: containers and connections, which change with each poll as the test says.

    Attributes:
        homes: The container of each entry.
        peers: The connection of each entry.
        others: Further connections.
        on_poll: What Atlas does before it answers.
    """

    homes: dict[str, Any] = field(default_factory=dict)
    peers: dict[str, Any] = field(default_factory=dict)
    others: list[Any] = field(default_factory=list)
    on_poll: Callable[[], None] = lambda: None

    name = "atlas"

    def begin(self, answers: Any, state: PathState) -> PathState:
        return self.poll(replace(state, homes=dict(self.homes), containers=(*self.homes.values(),)))

    def poll(self, state: PathState) -> PathState:
        self.on_poll()
        entries = {key: PeerState(peer) for key, peer in self.peers.items()}
        return replace(state, peers=PeerSetState((*self.peers.values(), *self.others), entries=entries))

    def list_containers(self, provider_name: str) -> list[Any]:
        """Return the containers of a cloud."""
        return [one for one in self.homes.values() if one["provider_name"] == provider_name]


class _Summary:
    """Shows what was done, in the order of the keys."""

    def show(self, state: PathState, plan: Plan) -> dict[str, Any]:
        return {}

    def diff(self, state: PathState, plan: Plan) -> list[dict[str, Any]]:
        return []

    def statuses(self, state: PathState) -> list[str]:
        return []

    def refusal(self, state: PathState, plan: Plan) -> TaskError:
        return TaskError(" | ".join(map(str, plan.refusals.values())))

    def failure(self, state: PathState) -> TaskError | None:
        failed = [f"{one.step}: {one.error}" for one in state.failures.values()]
        return TaskError(" | ".join(failed)) if failed else None

    def stopped(self, state: PathState) -> tuple[list[str], list[str]]:
        return [What.of(key).name for key in state.done], []


class Whole(SetOperation[CheckSession, PathState]):
    """The whole path with some of its parts."""

    argument_spec = ArgumentSpec({})
    noun = "peering"
    threads = 64

    def __init__(self, params: Any, session: CheckSession, clock: FakeClock, parts: list[PathPart]) -> None:
        super().__init__(params, session, clock)
        self.stages = PRESENT if params["state"] == "present" else ABSENT
        self.parts = {part.name: part for part in parts}
        self.plans: dict[str, Plan] = {}
        self.gate = PathGate(self.parts, self.stages)
        self.waiter = PathWaiter(parts)
        self.summary = _Summary()

    def look(self) -> PathState:
        state = PathState(stage=self.stages[0])
        calls = {(name, key): call for name, part in self.parts.items() for key, call in part.reads().items()}
        while True:
            found = read_all(self.session, self.params, calls)  # type: ignore[arg-type]
            for (name, key), answer in found.items():
                if isinstance(answer, TaskError):
                    for owner in self.parts[name].owners(key):
                        state = state.with_failure(owner, "read", self._named(owner, answer))
            if state.failures:
                return state
            for name, part in self.parts.items():
                state = part.begin({key: found[of, key] for of, key in found if of == name}, state)
            calls = {(name, key): call for name, part in self.parts.items() for key, call in part.reads_more(state).items()}
            if not calls:
                return state

    def _named(self, owner: str, error: TaskError) -> TaskError:
        entry = next((one for one in self.params["connections"] if one.key == owner), None)
        return error if entry is None else entry.named(error)

    def decide(self, state: PathState) -> Plan:
        if state.failures and not state.done:
            return Plan(refusals={owner: one.error for owner, one in state.failures.items()})
        self.plans = {name: part.plan(state) for name, part in self.parts.items()}
        found = [*self.plans.values()]
        return Plan(
            tuple(change for plan in found for change in plan.changes),
            tuple(step for plan in found for step in plan.steps),
            tuple(one for plan in found for one in plan.warnings),
            {},
            {key: error for plan in found for key, error in plan.refusals.items()},
        )

    def must_plan_again(self, state: PathState) -> bool:
        return False

    def predict(self, state: PathState, plan: Plan) -> PathState:
        for name, part in self.parts.items():
            state = part.predict(state, self.plans[name])
        return state.with_done(plan.changes)

    def show(self, state: PathState, plan: Plan) -> dict[str, Any]:
        return {}

    def send(self, step: Step, state: PathState) -> Any:
        assert STOP.get() is not None, "a run of its own is no business of the main thread"
        return self.parts[task_of(step).part].send(step, state)

    def record(self, step: Step, reply: Any, state: PathState) -> PathState:
        return self.parts[task_of(step).part].record(step, reply, state)

    def give_up(self, keys: Any, error: TaskError, state: PathState) -> PathState:
        for what in map(What.of, keys):
            state = state.with_failure(what.owner, what.step, self._named(what.owner, error))
            for part in self.parts.values():
                state = part.record_failure(what, error, state)
        return state


@dataclass
class Ended:
    """How a run ended: its failure (empty for none), its last state, its warnings, and the lines of its progress."""

    msg: str
    state: PathState
    warnings: list[str]
    lines: list[str]

    @property
    def actions(self) -> list[tuple[str, str, str]]:
        """What was done: the owner, the action, and the name."""
        return [(what.owner, what.action, what.name) for what in map(What.of, self.state.done)]


@dataclass
class PartsSite:
    """The stand-ins, Atlas, and a clock that only sleeps move on."""

    clouds: RunningClouds
    atlas: Atlas = field(default_factory=Atlas)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        """Let AZURE and GCP know who signs in."""
        entra = self.clouds.azure.entra
        self.key = json.dumps(self.clouds.tokens.service_account_key())
        self.credentials = {"azure_client_id": entra.client_id, "azure_secret": entra.secret}

    @contextlib.contextmanager
    def opened(self, params: Mapping[str, Any]) -> Iterator[tuple[CheckSession, dict[str, PathPart]]]:
        """Yield a session and the parts of a task with these options."""
        with pytest.MonkeyPatch.context() as patch, contextlib.closing(CheckSession(None)) as session:
            for kind in (AzureSession, GcpSession):
                patch.setattr(kind.__init__, "__defaults__", (self.clock, self.clock.sleep, None))
            halves: dict[str, list[PathEntry]] = {"AZURE": [], "GCP": []}
            for entry in params["connections"]:
                if entry.has_half:
                    halves[entry.provider.name].append(entry)
            common = Common(params, (), self.clock, self.clock.sleep)
            containers: Any = self.atlas if params["atlas"] else None
            parts = [
                self.atlas,
                AzurePart(common._replace(entries=halves["AZURE"]), session, AtlasAzureRole),
                GcpPart(common._replace(entries=halves["GCP"]), session, containers, AtlasGcpPeering),
            ]
            yield session, {part.name: part for part in parts}

    def run(self, *connections: Mapping[str, Any], check_mode: bool = False, **more: Any) -> Ended:
        """Run a task with these entries and options."""
        usual = {"gcp_service_account_contents": self.key, **self.credentials, "wait_timeout": 60}
        params = options(*connections, **{**usual, **more})
        self.clouds.gcp.requests.clear()
        self.clouds.azure.requests.clear()
        with self.opened(params) as (session, parts):
            outcome, lines = Outcome(), list[str]()
            operation = Whole({**params, "wait": False}, session, self.clock, [*parts.values()])
            run = PathConvergence(operation, outcome, Report(lines.append), self.clock, self.clock.sleep)
            try:
                run.predict() if check_mode else run.carry_out()
            except TaskError as error:
                return Ended(str(error), run.state, outcome.warnings, lines)
            return Ended("", run.state, outcome.warnings, lines)

    @property
    def to_gcp(self) -> Counter[str]:
        """How many requests of the last task came to GCP: method and end of the path, an operation by its kind."""
        return Counter(self.order_at_gcp)

    @property
    def order_at_gcp(self) -> list[str]:
        """The requests of the last task to GCP, in order."""
        return [
            f"{method} {'operation' if '/operations/' in path else path.rpartition('/')[2]}"
            for method, path in self.clouds.gcp.requests
        ]

    @property
    def to_azure(self) -> Counter[str]:
        """How many requests of the last task came to AZURE: method, and the kind of what they are about."""
        return Counter(f"{method} {_kind(path)}" for method, path in self.clouds.azure.requests)


def _kind(path: str) -> str:
    """Return what a request was about, such as `roleAssignments`, `VNet` or `token`."""
    known = ("servicePrincipals", "roleDefinitions", "roleAssignments", "denyAssignments", "token")
    return next((one for one in known if one in path), "VNet")
