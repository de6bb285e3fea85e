# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan: the changes that users see, the steps that make them, and the facts that decisions need; and how a run plans."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from itertools import chain

from .._http.errors import TaskError
from .options import Parameters, name_project

if t.TYPE_CHECKING:
    from .front import AnyFront
    from .outcome import Outcome, RunProgress
    from .saved_plan import SavedPlan
    from .side import AnySide, ReplyValue, Target
    from .state_reader import StateReader

# What a step sends, and what has to come before it: only its side knows the type.
StepRequest = t.Any
# What identifies a change: a text or, in a list of several services, a ChangeKey.
AnyKey = t.Any
_AnyPlan = t.TypeVar("_AnyPlan", bound="Plan")
_Key = t.TypeVar("_Key")
_Value = t.TypeVar("_Value")


class ChangeKey(t.NamedTuple):
    """Identifies a change in a list of several services.

    It has no action: a route that the plan replaces may have to be created when it is planned again.

    Attributes:
        owner: The owner whose change it is.
        step: The step, as results call it.
        side: The service, as results call it.
        kind: What is changed, such as a route.
        ids: Identify it among several of its kind and owner: the table and the block of a route.
    """

    owner: str
    step: str
    side: str
    kind: str
    ids: tuple[str, ...] = ()


class Change(t.NamedTuple):
    """The change of one object.

    Attributes:
        action: What happens to it.
        key: Identifies it.
        before: Its current fields; None if it does not exist.
        after: Its fields afterwards; None if it does not exist then.
        verb: What is done, as results of several services call it: `accept`, `tag`, `replace`.
        name: The name of the object there.
    """

    action: t.Literal["create", "update", "delete", "recreate"]
    key: AnyKey
    before: t.Mapping[str, ReplyValue] | None
    after: t.Mapping[str, ReplyValue] | None
    verb: str = ""
    name: str = ""

    def shown_as(self, other: Change) -> Change:
        """Return this change with the key and the words of another one."""
        return self._replace(key=other.key, verb=other.verb, name=other.name)


class Step(t.NamedTuple):
    """One request, and the changes that it makes.

    Attributes:
        action: What the request does. If the reply to a `create` is lost, the engine looks up to twice, after longer pauses.
        request: What is sent, as an immutable object that the side's `request` understands.
        keys: The keys of the changes: twenty additions to the access list are one request.
        after: What must be gone or reached first, as the side's `wait` understands it; None for nothing.
        side: The name of its side; the engine sets it.
        owner: The owner whose step it is: those of one owner are sent in their order, one at a time.
        stage: The first stage in which it may be sent.
        lanes: What it shares with other steps, and how many of these are sent at the same time: `(("eu-west-1", 1),)`.
    """

    action: t.Literal["create", "update", "delete"]
    request: StepRequest
    keys: tuple[AnyKey, ...]
    after: StepRequest = None
    side: str = ""
    owner: t.Hashable = ""
    stage: str = ""
    lanes: tuple[tuple[t.Hashable, int], ...] = ()


@dataclass(frozen=True, eq=False)
class EntryWarning:
    """A warning about an entry of a list, which is shown as one with those that have the same cause.

    Attributes:
        entry: The key of the entry.
        text: What to warn of.
        fields: The known fields of its connection.
    """

    entry: str
    text: str
    fields: t.Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What will be done, in this order; nothing if there are no steps.

    Attributes:
        changes: What users see.
        steps: What is sent.
        warnings: Sentences for the user.
        failures: The entries of a set that have failed already, by key; the other entries go on.
        refusals: Why the plan must not be carried out, by the keys of a set's entries, or other keys for the whole plan.
        notes: Sentences for the user behind the line of the first plan.
        consequences: Warnings about effects of the steps; a plan with refusals gives none.
        entry_warnings: Warnings about entries of a list.
        unread: The names of the sides that could not be read, if the refusals are of entries of these.
    """

    changes: tuple[Change, ...] = ()
    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()
    failures: t.Mapping[str, TaskError] = field(default_factory=dict)
    refusals: t.Mapping[str, TaskError] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    entry_warnings: tuple[EntryWarning, ...] = ()
    unread: frozenset[str] = frozenset()

    def of_owner(self: _AnyPlan, owner: t.Hashable) -> _AnyPlan:
        """Return the plan with its steps as those of an owner."""
        return replace(self, steps=tuple(step._replace(owner=owner) for step in self.steps))

    def still_needs(self, step: Step) -> bool:
        """Whether this plan still has a step of an earlier one, which then has not taken effect."""
        # Some requests are equal for all owners.
        wanted = (step.side, step.owner, step.request)
        return any((other.side, other.owner, other.request) == wanted for other in self.steps)


class Facts(dict[str, "ReplyValue"]):
    """Facts that decisions need beside the state, by key: each is read at its first use, and once in a run.

    `get` reads nothing, and returns facts that were read before.

    Args:
        read: Reads the fact of a key.
    """

    def __init__(self, read: t.Callable[[str], ReplyValue]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, key: str) -> ReplyValue:
        """Read a fact at its first use."""
        self[key] = found = self._read(key)
        return found


def joined(plans: t.Sequence[Plan]) -> Plan:
    """Join plans in their order; a single one is returned as it is. The first refusal or failure of a key counts."""
    if len(plans) == 1:
        return plans[0]
    return Plan(
        (*chain.from_iterable(plan.changes for plan in plans),),
        (*chain.from_iterable(plan.steps for plan in plans),),
        (*chain.from_iterable(plan.warnings for plan in plans),),
        {key: error for plan in reversed(plans) for key, error in plan.failures.items()},
        {key: error for plan in reversed(plans) for key, error in plan.refusals.items()},
        (*chain.from_iterable(plan.notes for plan in plans),),
        (*chain.from_iterable(plan.consequences for plan in plans),),
        (*chain.from_iterable(plan.entry_warnings for plan in plans),),
    )


def plan_each(
    owners: t.Iterable[t.Hashable],
    plan: t.Callable[[t.Hashable], Plan],
    entries_of: t.Callable[[t.Hashable], t.Iterable[str] | None],
) -> Plan:
    """Return the plans of several owners as one. In a list, an error of one owner fails its entries alone.

    Args:
        owners: The owners.
        plan: Plans one of them.
        entries_of: Returns the entries that fail with one; None where there is no list.

    Raises:
        TaskError: If there is no allowed plan for an owner, and no list.
    """
    plans, failures = list[Plan](), dict[str, TaskError]()
    for owner in owners:
        try:
            plans.append(plan(owner))
        except TaskError as error:
            entries = entries_of(owner)
            if entries is None:
                raise
            failures.update(dict.fromkeys(entries, error))
    return replace(joined(plans), failures=failures)


def to_line(plan: Plan, unchanged: int) -> str:
    """Return a plan in one line for people, such as `Plan: 2 to create, 1 to change, 0 to remove, 40 unchanged`.

    Args:
        plan: The plan. Changes of objects that it refuses, or that have failed already, do not count.
        unchanged: How many objects are as they should be.

    Returns:
        The line; empty if there is nothing to do.
    """
    actions: list[str] = [change.action for change in plan.changes if change.key not in {*plan.failures, *plan.refusals}]
    return count_actions(actions, unchanged) if actions else ""


def count_actions(actions: t.Sequence[str], unchanged: int) -> str:
    """Return what happens to objects in one line, as `to_line` does."""
    counts = {"create": "to create", "update": "to change", "recreate": "to replace", "delete": "to remove"}
    parts = [f"{actions.count(name)} {words}" for name, words in counts.items() if name != "recreate" or name in actions]
    return f"Plan: {', '.join(parts)}, {unchanged} unchanged"


def to_done(counts: t.Mapping[str, int], sides: t.Mapping[str, int]) -> str:
    """Return what a run has done, such as `1 new, 2 unchanged; 2 changes in Atlas, 4 in AWS`.

    Args:
        counts: How many objects have ended how, in words.
        sides: The number of changes by service.
    """
    parts = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    (side, first), *others = sorted(sides.items(), key=lambda item: item[0].lower())
    changes = [f"{first} change{'' if first == 1 else 's'} in {side}", *(f"{number} in {side}" for side, number in others)]
    return f"{parts}; {', '.join(changes)}"


def grouped(pairs: t.Iterable[tuple[_Key, _Value]]) -> dict[_Key, list[_Value]]:
    """Return the second values by the first ones, both in order of appearance."""
    found: dict[_Key, list[_Value]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def listed(names: t.Iterable[str], most: int = 3) -> str:
    """Return different names for a sentence: all of them, or the first `most` and how many more there are."""
    different = list(dict.fromkeys(names))
    more = len(different) - most
    return ", ".join(different[:most]) + (f" and {more} more" if more > 0 else "")


def find_differences(wanted: t.Mapping[str, object], current: t.Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the wanted fields that are missing in `current` or differ there, sorted."""
    return tuple(sorted(name for name, value in wanted.items() if current.get(name) != value))


class ChangeDescription(t.NamedTuple):
    """The description of a change for a saved plan, in the words of results.

    Attributes:
        side: The service.
        action: What is done.
        kind: To what.
        name: Its name; empty if only the run will know it.
        network: The network that it is for; empty if it is for several.
        is_complete: Whether an empty field is meant; otherwise, only the run will know its value.
        tag: The tag Name of the network, for messages; empty if it is not known.
    """

    side: str
    action: str
    kind: str
    name: str
    network: str = ""
    is_complete: bool = False
    tag: str = ""


class Review(t.NamedTuple):
    """The description of a list for a saved plan.

    Attributes:
        module: The name of the module.
        list_name: The option with the list.
        entries: The options of each entry, by its name; several entries may have one name.
        describe: Describes a change of a plan.
        without: The options that do not affect what is done: those without effect, and credentials.
    """

    module: str
    list_name: str
    entries: t.Sequence[tuple[str, Parameters]]
    describe: t.Callable[[Change], ChangeDescription]
    without: t.Collection[str] = ()


class Planning:
    """Makes the plans of a run.

    Args:
        front: The front that runs.
        reader: Has the entries that could not be read, and the ledger, which receives the steps.
        progress: Shows the plan.
        outcome: Receives the line of the first plan, and warnings.
        saved: The plan that was saved and reviewed; None if the task has none.
    """

    def __init__(
        self, front: AnyFront, reader: StateReader, progress: RunProgress, outcome: Outcome, saved: SavedPlan | None = None
    ) -> None:
        self._front, self._reader, self._progress, self._outcome = front, reader, progress, outcome
        self._saved = saved

    def decide(self) -> Plan:
        """Plan for all owners, replace all unsent steps, and show the plan.

        Raises:
            TaskError: If the plan must not be carried out; the outcome already shows it.
        """
        front, unread = self._front, self._reader.unread
        refusals = {entry: front.failed(side, entry, None, error).error for entry, (side, error) in unread.items()}
        sides = frozenset(side for side, unused in unread.values())
        plan = Plan(refusals=refusals, unread=sides) if unread else joined([stamped(plan, side) for side, plan in front.plans()])
        if self._saved is not None and not (unread or front.context.is_prediction):
            plan = replace(plan, refusals={**plan.refusals, **self._saved.refusals(plan)})
            self._outcome.plan_file = self._saved.summary()
        front.context.plan = plan
        if self._outcome.plan is None:
            # People see what the task set out to do; later plans have what is left of it.
            self._outcome.show_line(plan, front.line(plan), name_project(front.params))
        if self._reader.ledger is not None:
            self._reader.ledger.fill(plan)
        self._outcome.warn(plan)
        self._progress.show()
        if plan.refusals:
            raise front.refusal(plan)
        return plan

    def unreviewed(self, plan: Plan) -> dict[Target, tuple[Step, TaskError]]:
        """Return the steps of a later plan whose changes the saved plan lacks or has differently, by owner."""
        mistakes = {} if self._saved is None else self._saved.find_mistakes(plan.changes)
        wrong = [(step, mistakes[key]) for step in plan.steps for key in step.keys if key in mistakes]
        return {(step.side, step.owner): (step, TaskError(f"{text}.", hint="Run the task again.")) for step, text in wrong}

    def save(self, plan: Plan) -> None:
        """Put the content of the plan file, which check mode saves, into the outcome, if the task has one."""
        if self._saved is not None:
            self._outcome.plan_file = self._saved.summary(self._saved.content(plan))


def stamped(plan: Plan, side: AnySide) -> Plan:
    """Return a plan whose steps have the name of their side."""
    return replace(plan, steps=tuple(step._replace(side=side.name) for step in plan.steps))
