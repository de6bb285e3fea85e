"""Runs parts of the whole path with stand-ins of AZURE and GCP, and with an Atlas that does what a test says."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._accounts.session import CheckSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.session import AzureSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import Outcome, Report
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import ONLY, Purpose, Query, Side, Waiting
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.session import GcpSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_peering
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_peering import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides import entry_access
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.connection import PeerState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.path_options import PATH_SPEC, fill_in_project, validate
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.path_state import ACTING, AnyPathSide, PathState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.peering import PathSides
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.set_state import PeerSetState
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.memory import answering

GROUP = "5356823b3794dee37132bb7b"


def options(*connections: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the options of a task as `validate` returns them."""
    given = {"group_id": GROUP, "connections": [*connections], **more}
    checked = ArgumentSpecValidator(**PATH_SPEC.to_kwargs()).validate(given)
    assert checked.error_messages == []
    return dict(validate(fill_in_project(checked.validated_parameters))[0])


@dataclass
class Atlas:
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

    def list_peers(self) -> PeerSetState:
        """Return the connections."""
        self.on_poll()
        entries = {key: PeerState(peer) for key, peer in self.peers.items()}
        return PeerSetState((*self.peers.values(), *self.others), entries=entries)

    def list_containers(self, provider_name: str) -> list[Any]:
        """Return the containers of a cloud."""
        return [one for one in self.homes.values() if one["provider_name"] == provider_name]


class AtlasSide(Side[PeerSetState]):
    """Finds what Atlas has at first, and polls it until nothing more happens there."""

    name = "atlas"

    def __init__(self, context: Any, atlas: Atlas, path: PathState) -> None:
        super().__init__(context)
        self._atlas, self._path = atlas, path

    def queries(self, owners: Any, purpose: Purpose) -> list[Query]:
        return [] if purpose is Purpose.AGAIN else [Query(ONLY, self._atlas.list_peers)]

    def observe(self, replies: Any) -> dict[Any, PeerSetState]:
        if not self.context.stage:
            self._path.container_of, self._path.containers = dict(self._atlas.homes), (*self._atlas.homes.values(),)
        self._path.peers = replies[ONLY]
        return {ONLY: replies[ONLY]}

    def plan(self, owners: Any) -> Plan:
        return Plan()

    def wait(self, owner: Any, step: Any) -> Waiting | None:
        has_names = all(home.get("atlas_network_name", "") is not None for home in self._atlas.homes.values())
        is_made = all(peer["status_name"] != "ADDING_PEER" for peer in self._atlas.peers.values())
        is_over = self.context.stage != ACTING or (is_made and has_names)
        return None if is_over else Waiting("Atlas", ends_with_steps=True)

    def timeout_error(self, owner: Any, step: Any, waiting: Waiting, error: Any) -> TaskError:
        return TaskError("Atlas took too long.")


class Summary:
    """Shows nothing but what has failed, and what was done if a task is stopped."""

    def show(self, state: PathState, plan: Plan) -> dict[str, Any]:
        return {}

    def line(self, plan: Plan) -> str:
        return ""

    def diff(self, state: PathState, plan: Plan) -> list[dict[str, Any]]:
        return []

    def refusal(self, state: PathState, plan: Plan) -> TaskError:
        return TaskError(" | ".join(map(str, plan.refusals.values())))

    def failure(self, state: PathState) -> TaskError | None:
        failed = [f"{one.step}: {one.error}" for one in state.failures.values()]
        return TaskError(" | ".join(failed)) if failed else None

    def stopped(self, state: PathState) -> tuple[list[str], list[str]]:
        return [change.name for change in state.done.values()], []


class Whole(OPERATION):
    """The whole path, whose results show nothing."""

    def __init__(self, params: Any, session: Any, clock: FakeClock, atlas: Atlas) -> None:
        super().__init__(params, session, clock)
        self.summary: Any = Summary()
        self.sides = (AtlasSide(self.context, atlas, self.state), *self.sides)


class WithClouds(PathSides):
    """What the path has for AZURE and GCP, and an Atlas that does what a test says."""

    def __init__(self, atlas: Atlas, *args: Any) -> None:
        self._atlas = atlas
        super().__init__(*args)

    def make(self) -> Iterator[AnyPathSide]:
        containers: Any = self._atlas if self._params["atlas"] else None
        yield from self.in_clouds(containers, None)


def read_first(side: Any) -> None:
    """Let a side make its first look."""
    side.states.update(side.observe({query.key: query.call() for query in side.queries((), Purpose.FIRST)}))


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
        return [(key.owner, change.verb, change.name) for key, change in self.state.done.items()]


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
    def opened(self, params: Mapping[str, Any]) -> Iterator[tuple[Whole, Mapping[str, Any]]]:
        """Yield a task with these options, and its sides."""
        with pytest.MonkeyPatch.context() as patch, contextlib.closing(CheckSession(None)) as session:
            # What runs in the thread of a step lives on the same clock.
            patch.setattr(entry_access, "stoppable_sleep", self.clock.sleep)
            for kind in (AzureSession, GcpSession):
                patch.setattr(kind.__init__, "__defaults__", (self.clock, self.clock.sleep, None))
            patch.setattr(atlas_peering, "PathSides", partial(WithClouds, self.atlas))
            whole = Whole({**params, "wait": False}, session, self.clock, self.atlas)
            yield whole, {side.name: side for side in whole.sides}

    def run(self, *connections: Mapping[str, Any], check_mode: bool = False, **more: Any) -> Ended:
        """Run a task with these entries and options."""
        usual = {"gcp_service_account_contents": self.key, **self.credentials, "wait_timeout": 60}
        params = options(*connections, **{**usual, **more})
        self.clouds.gcp.requests.clear()
        self.clouds.azure.requests.clear()
        with answering(), self.opened(params) as (whole, _parts):
            outcome, lines = Outcome(), list[str]()
            run = whole.begin(outcome, Report(lines.append), self.clock, self.clock.sleep)
            try:
                run.predict() if check_mode else run.carry_out()
            except TaskError as error:
                return Ended(str(error), whole.state, outcome.warnings, lines)
            return Ended("", whole.state, outcome.warnings, lines)

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
