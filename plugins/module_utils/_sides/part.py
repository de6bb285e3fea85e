# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base class of what chooses one half of all connections, such as the access list, or AWS."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step
from .._engine.side import AnyState, Owner
from .._engine.wait import WaitTimeoutError
from .._entries.parser import PeerEntry
from .._http.errors import TaskError, as_option
from .path_state import PathState

Answers = t.Mapping[t.Any, t.Any]


class Common(t.NamedTuple):
    """What all parts get.

    Attributes:
        params: The options of the task.
        entries: The entries of the list that the part is for.
    """

    params: Parameters
    entries: t.Sequence[PeerEntry]


class PathPart:
    """One half of all connections: it reads what there is, and chooses what is done. The side with its name does it.

    Args:
        common: What all parts get.

    Attributes:
        name: Its name, and that of its side.
    """

    name: t.ClassVar[str]

    def __init__(self, common: Common) -> None:
        self._params = common.params
        self._is_absent = common.params["state"] == "absent"
        # What plans have shown, as far as `late_error` needs it.
        self._shown: dict[t.Hashable, Change] = {}

    def reads(self) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Return the calls that read what there is, by key. They run side by side with those of other parts."""
        return {}

    def reads_more(self, state: PathState) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Return the calls that need what was read before, such as the regions that Atlas knows.

        Asked after `begin`, which gets their answers as well, until no part has any.
        """
        return {}

    def owners(self, key: t.Any) -> t.Iterable[str]:
        """Return the keys of the entries that a call of `reads` is for; an empty text for all."""
        return ("",)

    def begin(self, answers: Answers, state: PathState) -> PathState:
        """Return the state with what was read.

        Args:
            answers: What each call of `reads` has returned, by the same keys. The task ends before if one has failed.
            state: The state, with what the parts before have read.
        """
        return state

    def find_unlisted(self, state: PathState) -> set[str]:
        """Return the ids, in the cloud, of connections in the way of entries that may be newer than Atlas's list."""
        return set()

    def plan(self, state: PathState) -> Plan:
        """Plan what is left to do. Refusals and failures have the keys of entries."""
        return Plan()

    def predict(self, state: PathState, plan: Plan) -> PathState:
        """Return the state after a plan and its waits; `plan` has the changes and steps of this part."""
        return state

    def entries_of(self, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entries that fail with an owner of the side, or with one of its steps: by default, the owner is one."""
        return (str(owner),)

    def step_of(self, entry: str) -> str:
        """Return what has failed for an entry without a step, in the word of results."""
        return "plan"

    def is_begun(self, entry: str, state: PathState) -> bool:
        """Return whether something was begun for an entry whose end is not known yet."""
        return False

    def take(self, owner: Owner, found: AnyState, state: PathState) -> PathState:
        """Return the state with what the side has read or changed.

        Args:
            owner: The owner whose state has changed.
            found: Its state.
            state: The state before. It has the changes that took effect.
        """
        raise NotImplementedError

    def late_error(self, step: Step, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that was not ready before the time of its stage was up."""
        change = self.change_of(step)
        words = f"{change.verb} {change.key.kind} {change.name}"
        return TaskError(
            f"The time was up after {error.span} before the task could {words}.",
            hint=f"Run the task again: it goes on from there. Or raise {as_option('wait_timeout')}.",
        )

    def change_of(self, step: Step) -> Change:
        """Return the first change that a step makes, in the words of results."""
        return self._shown[step.keys[0]]

    def record_failure(self, entry: str, step: str, error: TaskError, state: PathState) -> PathState:
        """Return the state after a step of an entry has failed, of any part; for a part that says what is left then."""
        return state

    def poll(self, state: PathState) -> PathState:
        """Ask once about all that this part waits for in the stage; ask nothing if it waits for nothing."""
        return state

    def is_settled(self, state: PathState) -> bool:
        """Return whether this part waits for nothing more in the stage."""
        return True

    def line(self, state: PathState) -> str:
        """Return what this part waits for in the stage, in words for the user; empty for nothing."""
        return ""


def without(owners: t.Container[str], plan: Plan) -> Plan:
    """Return a plan without the steps that are for some entries alone, and their changes."""
    kept = tuple(step for step in plan.steps if step.owner not in owners)
    dropped = {key for step in plan.steps for key in step.keys} - {key for step in kept for key in step.keys}
    return replace(plan, changes=tuple(change for change in plan.changes if change.key not in dropped), steps=kept)


def one_line(lines: t.Iterable[str]) -> str:
    """Return what is waited for in one line; empty texts are left out."""
    # Names come last: they have commas of their own.
    return ", ".join(sorted(filter(None, lines), key=lambda line: ": " in line))
