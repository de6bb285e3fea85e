# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_peering does: both sides of all connections of a list, in one plan, whatever their clouds are."""

from __future__ import annotations

import typing as t
import weakref
from functools import partial

from .._accounts.session import CheckSession, connect
from .._auth import clients
from .._clouds.aws import AWS
from .._clouds.clouds import CLOUDS
from .._engine.front import Front, ResultValue
from .._engine.operation import Library, find_library
from .._engine.options import Parameters, name_project
from .._engine.plan import Change, ChangeDescription, Plan, Review, Step
from .._engine.side import AnySide, Failure, Owner
from .._entries.parser import LIST
from .._entries.table import OPTIONS, PATH, ignored_by
from .._http import transport
from .._http.errors import TaskError
from .._http.pauses import Clock, Sleep
from .._results.path_progress import PathEnds, PathProgress
from .._results.path_summary import PathSummary, in_failure
from .._sides import path_options as options
from .._sides.entry_containers import EntryContainers
from .._sides.path_options import ignored_options
from .._sides.path_state import ABSENT, CONTAINERS, PRESENT, PathState
from .._sides.peering import PathPlans, PathSides
from .atlas import choose_project, warn_of_connection, with_projects


class AtlasPeering(Front[CheckSession]):
    """Connects networks with Atlas, or disconnects them: both sides, and all that belongs to it."""

    argument_spec = options.PATH_SPEC
    libraries = clients.LIBRARIES
    connect, preload, ignored_options = staticmethod(connect), staticmethod(transport.preload), staticmethod(ignored_options)
    in_failure = staticmethod(in_failure)
    noun = "peering"
    empty_result: t.ClassVar[t.Mapping[str, t.Any]] = {"peering": None, "failures": [], "summary": None}
    is_single = is_strict = False
    # Each side also limits its own.
    threads = 64
    progress = PathProgress

    def __init__(self, params: Parameters, session: CheckSession, clock: Clock) -> None:
        super().__init__(params, session, clock)
        self.stages = PRESENT if params["state"] == "present" else ABSENT
        self.summary = PathSummary(params, params["connections"])
        self.ends = PathEnds(params["connections"], self.summary.order_of)
        self._make_sides(partial(AtlasPeering._make_sides, weakref.proxy(self)))

    def _make_sides(self, restart: t.Callable[[], None] | None = None) -> None:
        make = partial(PathSides, self.params, self.session, self.context, _turn_of, restart)
        self.path = PathPlans(self.params, self.context, self.stages, self.summary.warnings, make)
        self.sides = self.path.sides

    @classmethod
    def libraries_for(cls, args: t.Mapping[str, t.Any]) -> tuple[Library, ...]:
        """Return the packages for Atlas, and those for AWS if the list may have connections there."""
        return (*clients.LIBRARIES, find_library("boto3")) if AWS.name in options.halves_of(args) else clients.LIBRARIES

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options without the network, and make the entries."""
        params = options.fill_in_project(params)
        if params["atlas"]:
            params = choose_project(params, "set atlas to false")
        params, warnings = options.validate(params)
        return params, [*warn_of_connection(params), *warnings] if params["atlas"] else warnings

    @classmethod
    def prepare(cls, params: Parameters, session: CheckSession) -> Parameters:
        """Return the options with the id of the project in `project_name`."""
        return options.with_project(params, with_projects(params, session.atlas))

    @property
    def name(self) -> str:
        """The project, for the user."""
        return name_project(self.params) or "the connections"

    @property
    def state(self) -> PathState:
        """What is known of both sides."""
        return self.path.state

    def plans(self) -> t.Iterator[tuple[AnySide, Plan]]:
        """Yield one plan of both halves, with the stages, and the steps of each other side."""
        return self.path.plans()

    def plans_again_after(self, stage: str) -> bool:
        """Return whether blocks of new containers are known now. What needs them may be refused."""
        return stage == CONTAINERS and stage != self.stages[-1] and bool(self.path.steps_of(EntryContainers.name))

    def entries_of(self, side: str, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entry or pruned connection whose step it is, or the entries of a container or of another side's owner."""
        return self.path.entries_of(side, owner, step)

    def failed(self, side: str, entry: str, step: Step | None, error: TaskError) -> Failure:
        """Let all sides know of a failure."""
        return self.path.failed(side, entry, step, error)

    def predicted_steps(self, plan: Plan) -> list[Step]:
        """Return the steps that are not known to fail."""
        self.path.predict()
        return [step for step in plan.steps if self.path.is_predicted(step)]

    def fail_rest(self, error: TaskError) -> t.Mapping[str, Failure]:
        """Return the failures of all entries that have not ended, unless the plan was refused."""
        return {} if self.context.plan.refusals else self.ends.unread(self.state, self.path.last, error)

    def line(self, plan: Plan) -> str:
        """Return the plan in one line, counted by connection and by side."""
        return self.summary.line(plan)

    def refusal(self, plan: Plan) -> TaskError:
        """Return one error with all refusals and failures of a plan; what is unread in Atlas is needed for the whole list."""
        # What pruned connections leave is in the clouds, too.
        return self.summary.refusal(self.state, plan).of_list(plan.unread <= {"pruned", *map(str.lower, CLOUDS)})

    def failure(self) -> TaskError | None:
        """Return one error with all failures; None if nothing has failed."""
        return self.summary.failure(self.state)

    def stopped(self, done: t.Sequence[Step], unsure: t.Sequence[Step]) -> tuple[list[str], list[str]]:
        """Return what was done, and what may have been done, in words: also what is not known to have come to its end."""
        return self.summary.stopped(self.path.when_stopped(done))

    def show(self) -> dict[str, ResultValue]:
        """Show both sides of each entry, what was done, and what is left."""
        return self.summary.show(self.state, self.context.plan)

    def review(self) -> Review:
        """Return what a saved plan has of the entries."""
        credentials = (name for one in OPTIONS if one.is_credential for name in one.names)
        entries = [(one.name, one.params) for one in self.params["connections"]]
        describe = partial(_describe, self.path, self.summary, self.state)
        return Review("atlas_peering", LIST, entries, describe, {*credentials, *ignored_by(PATH)})

    def diff(self) -> list[dict[str, ResultValue]]:
        """Return the diff: one element for each changed connection on each side, container and access list entry."""
        return self.summary.diff(self.state, self.context.plan)


def _turn_of(identity: t.Sequence[str], patience: float, sleep: Sleep) -> t.ContextManager[bool]:
    from .._auth.private_folder import turn_of

    return turn_of(identity, patience, sleep)


def _describe(path: PathPlans, summary: PathSummary, state: PathState, change: Change) -> ChangeDescription:
    # A side that plans one owner again does not know the words of the list.
    planned = (one for one in path.last.changes if one.key == change.key and one.action == change.action)
    return summary.describe(change if change.verb else change.shown_as(next(planned, change)), state)


OPERATION = AtlasPeering
