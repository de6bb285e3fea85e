# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes of an Operation that reads one project one that reads one or many, side by side."""

from __future__ import annotations

import typing as t
from collections import Counter
from functools import partial

from .._api.client import inquiry
from .._engine.argspec import PROJECTS
from .._engine.plan import Plan
from .._http.errors import FAILURE_FIELDS, TaskError
from .._http.pauses import value_or_error
from .._http.redact import visible
from .atlas import AtlasOperation

if t.TYPE_CHECKING:
    from .._resources.projects import Project

# How many failures the message has at most.
_MOST_SHOWN = 3
# Returns the state of an element, such as `AVAILABLE`; None if it has none.
StateOf = t.Callable[[t.Any], t.Optional[str]]


class Reading(t.NamedTuple):
    """What was read of one project: the fields of the result, and warnings."""

    fields: dict[str, t.Any]
    warnings: tuple[str, ...]


class OverProjects(AtlasOperation[t.Any]):
    """A mixin that reads many projects if the options choose some, each as the Operation beside it does.

    Its state is then a Reading or a TaskError by the id of each project, and its options have `projects`: each Project by id,
    or None for one that the credentials cannot see.

    Attributes:
        of_one: The Operation on one project. It only reads, and its result has a list in the field `noun`.
        state_of: Returns the state of an element of that list.
    """

    of_one: t.ClassVar[type[AtlasOperation[t.Any]]]
    state_of: t.ClassVar[StateOf]

    @property
    def _projects(self) -> t.Mapping[str, Project | None]:
        """The projects by id; empty for a task on one project."""
        found: t.Mapping[str, Project | None] = self.params.get("projects", {})
        return found

    def look(self) -> t.Any:
        """Read the project, or all of them side by side."""
        if not self._projects:
            return super().look()
        ask = inquiry().ask
        return self.read_all({key: partial(ask, (key,), partial(self._read, key)) for key in self._projects})

    def _read(self, group_id: str) -> Reading:
        operation = self.of_one({**self.params, "group_id": group_id}, self.session, self.clock)
        state = operation.look()
        return Reading(operation.show(state), operation.decide(state).warnings)

    def decide(self, state: t.Any) -> Plan:
        """Plan nothing, and let the task fail if a project could not be read; the result has the others nevertheless."""
        if not self._projects:
            return super().decide(state)
        warnings = [f"Project {self._name(key)}: {text}" for key, one in _read(state).items() for text in one.warnings]
        errors = list(_failed(state).values())
        return Plan(warnings=tuple(warnings), refusals={"projects": _sum_up(errors, len(state))} if errors else {})

    def show(self, state: t.Any) -> dict[str, t.Any]:
        """Show the elements of all projects, the projects that were read, and those that could not be."""
        if not self._projects:
            return super().show(state)
        read = _read(state)
        return {
            self.noun: [{**self._place(key), **element} for key, one in read.items() for element in one.fields[self.noun]],
            "projects": [self._describe(key, one.fields) for key, one in read.items()],
            "failures": [{**self._place(key), **error.to_result()} for key, error in _failed(state).items()],
        }

    def _describe(self, group_id: str, fields: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return a project for the result: how many elements it has in which states, and what else was read of it."""
        states, place = Counter(filter(None, map(type(self).state_of, fields[self.noun]))), self._place(group_id)
        first = {"group_id": group_id, "id": group_id, "name": place["project_name"], "count": len(fields[self.noun])}
        return {**first, "states": dict(states), **{name: value for name, value in fields.items() if name != self.noun}}

    def _place(self, group_id: str) -> dict[str, t.Any]:
        project = self._projects[group_id]
        return {"group_id": group_id, "project_name": None if project is None else project["name"]}

    def _name(self, group_id: str) -> str:
        return visible(self._place(group_id)["project_name"] or group_id)


class _InTurn(AtlasOperation[t.Any]):
    """A mixin for an Operation that runs in a thread: the threads already are side by side."""

    def read_all(self, calls: t.Mapping[t.Any, t.Callable[[], t.Any]]) -> dict[t.Any, t.Any]:
        """Make several calls one after the other; see the function `read_all`."""
        return {key: value_or_error(call) for key, call in calls.items()}


def _read(state: t.Mapping[str, t.Any]) -> dict[str, Reading]:
    return {key: one for key, one in state.items() if isinstance(one, Reading)}


def _failed(state: t.Mapping[str, t.Any]) -> dict[str, TaskError]:
    return {key: one for key, one in state.items() if isinstance(one, TaskError)}


def _sum_up(errors: t.Sequence[TaskError], count: int) -> TaskError:
    more = f" The others are in failures ({len(errors) - _MOST_SHOWN} more)." if len(errors) > _MOST_SHOWN else ""
    return TaskError(
        f"{len(errors)} of {count} projects could not be read. {' '.join(map(str, errors[:_MOST_SHOWN]))}{more}",
        **{name: getattr(errors[0], name) for name in FAILURE_FIELDS if len(errors) == 1},
    )


def over_projects(operation: type[AtlasOperation[t.Any]], state_of: StateOf) -> type[AtlasOperation[t.Any]]:
    """Return the Operation that reads one project as another one does, or many.

    Args:
        operation: The Operation on one project. It only reads, and its result has a list in the field `noun`.
        state_of: Returns the state of an element of that list; None if it has none.
    """
    attributes = {
        "__doc__": operation.__doc__,
        "argument_spec": operation.argument_spec + PROJECTS,
        "of_one": type(operation.__name__, (_InTurn, operation), {}),
        "state_of": staticmethod(state_of),
    }
    return type(operation.__name__, (OverProjects, operation), attributes)
