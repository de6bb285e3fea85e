# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan that check mode saves and a later run applies: its format, and what a run may do with it."""

from __future__ import annotations

import hashlib
import json
import time
import typing as t

from .._clouds.cloud import Fields
from .._clouds.clouds import CLOUDS
from .._http.errors import InvalidOptionError, TaskError
from .._values.moments import to_moment
from .._version import VERSION
from .argspec import CONNECTION, WAIT
from .plan import Change, ChangeKey, Plan, Review, grouped, listed

if t.TYPE_CHECKING:
    from .argspec import ArgumentSpec
    from .options import Parameters

FORMAT = 1
# The key of a plan's refusal.
UNREVIEWED = "plan_file"
# The actions of a file that allow an action of a run: what the file replaces may be gone by now.
_ALLOWED_BY = {"create": ("create", "recreate", "replace")}
_VERBS = {"delete": "remove", "update": "change"}
# How a task signs in and how long it waits does not affect what it does; the project is compared separately.
_NEUTRAL_OPTIONS = {*CONNECTION.options, *WAIT.options, "parallel", "azure_role_timeout", "plan_file", "plan_max_age"}
_NEUTRAL_OPTIONS |= {"aws_accounts", "azure_tenant", "gcp_auth_kind", "gcp_scopes", "gcp_service_account_email"}
# Fields that change by themselves; with those that a cloud adds or changes once the other half is there, or gone.
_STATES = ("status_name", "error_state_name", "provisioned")
_PROGRESS = {*_STATES, "state", "state_details"} | {
    name for cloud in CLOUDS.values() for name in (cloud.accepted_id, *cloud.atlas_network) if name
}
_SECONDS_A_DAY = 86400
# How many changes and entries a message names.
_MOST_NAMES = 50
_AGAIN_HINT = "Make the plan again in check mode (--check), and have it reviewed."


class SavedPlan:
    """The plan in `plan_file`.

    Args:
        params: The options. `plan_file` has the path as the task has it, and the content of the file in a run.
        spec: The argument spec of the module.
        review: The description of the list.

    Raises:
        InvalidOptionError: If the plan is not for this task, or is too old.
    """

    def __init__(self, params: Parameters, spec: ArgumentSpec, review: Review) -> None:
        given = params["plan_file"]
        given = given if isinstance(given, t.Mapping) else {"path": given}
        self._path, self._review, self._given = str(given.get("path")), review, given.get("plan")
        if params["plan_max_age"] < 0:
            raise InvalidOptionError("plan_max_age must be 0 or more.", hint="Set it to 0 for a plan of any age.")
        self._head: Fields = {
            "format": FORMAT,
            "collection": VERSION,
            "module": review.module,
            "project": {"id": params.get("group_id"), "name": params.get("project_name")},
            "state": params.get("state", "present"),
        }
        self._declared: Fields = {"options": self._digest_options(params, spec), "entries": self._digest_entries(spec)}
        # The changes of the file, by what they are about.
        self._saved: dict[tuple[str, ...], list[Fields]] = {}
        self._in_place: int | None = None
        if self._given is not None:
            self._check(self._given, params["plan_max_age"])
            for change in self._given["changes"]:
                self._saved.setdefault(_subject_of(change), []).append(change)

    def _digest_options(self, params: Parameters, spec: ArgumentSpec) -> str:
        without = {*_NEUTRAL_OPTIONS, *self._review.without, self._review.list_name}
        return _digest(
            {name: params.get(name) for name, option in spec.options.items() if name not in without and not option.get("no_log")}
        )

    def _digest_entries(self, spec: ArgumentSpec) -> dict[str, str]:
        options = spec.options[self._review.list_name]["options"]
        secret = {*self._review.without, *(name for name, option in options.items() if option.get("no_log"))}
        kept = [key for key in options if key not in secret]
        found = grouped([(name, _digest({key: values.get(key) for key in kept})) for name, values in self._review.entries])
        return {name: _digest(sorted(several)) for name, several in found.items()}

    def _check(self, plan: Fields, max_age: int) -> None:
        """Check that the plan in the file was made for this task.

        Raises:
            InvalidOptionError: If it was not.
        """
        path = self._path
        version = plan.get("format") if isinstance(plan, dict) else None
        if isinstance(version, int) and version > FORMAT:
            raise InvalidOptionError(
                f"{path} has format {version}, and this version of the collection ({VERSION}) knows {FORMAT} at most.",
                hint=f"Apply it with the version that has made it ({plan.get('collection')}), or make it again.",
            )
        if not is_plan(plan):
            raise InvalidOptionError(f"{path} is not a plan of this collection.", hint=_AGAIN_HINT)
        project, own = plan["project"]["id"], self._head["project"]["id"]
        for what, there, here in (
            ("a task of ", plan["module"], self._head["module"]),
            ("project ", project, own),
            ("state ", plan["state"], self._head["state"]),
        ):
            if there != here:
                raise InvalidOptionError(f"{path} is a plan for {what}{there}, and this is {what}{here}.", hint=_AGAIN_HINT)
        days = (time.time() - to_moment(plan["time"]).timestamp()) / _SECONDS_A_DAY
        # The clock of the controller that has made it may be an hour ahead.
        if max_age and not -1 / 24 <= days <= max_age:
            made, way = f"{days:.1f} days ago", "raise plan_max_age"
            if days < 0:
                made, way = f"{-24 * days:.1f} hours in the future, by the clock of this host", "correct the clock"
            text = f"{path} was made {made}, and plan_max_age allows {max_age} days."
            raise InvalidOptionError(text, hint=f"{_AGAIN_HINT} Or {way}.")
        self._check_declared(plan["declared"])

    def _check_declared(self, declared: Fields) -> None:
        before, now = declared["entries"], self._declared["entries"]
        parts = {
            "new": [name for name in now if name not in before],
            "gone": [name for name in before if name not in now],
            "changed": [name for name in now if name in before and before[name] != now[name]],
        }
        found = ((listed(names, _MOST_NAMES), "is" if len(names) == 1 else "are", word) for word, names in parts.items() if names)
        texts = [" ".join(words) for words in found]
        if declared["options"] != self._declared["options"]:
            texts.append("an option of the task has changed")
        if texts:
            name = self._review.list_name
            raise InvalidOptionError(f"{name} is not as it was when {self._path} was made: {', '.join(texts)}.", hint=_AGAIN_HINT)

    def content(self, plan: Plan) -> Fields:
        """Return the content of the file for a plan."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        changes = [self._to_record(change) for change in plan.changes]
        return {**self._head, "time": moment, "declared": self._declared, "changes": changes}

    def _to_record(self, change: Change) -> Fields:
        what = self._review.describe(change)
        fields = (change.before, change.after)
        before, after = (None if values is None else json.loads(json.dumps(values, default=str)) for values in fields)
        known_id = (before or {}).get("id")
        kept = None if after is None else {name: value for name, value in after.items() if name not in _STATES}
        ids = [*change.key.ids] if isinstance(change.key, ChangeKey) else []
        unknown = [] if what.is_complete else [name for name, value in (kept or {}).items() if value in (None, "", [], {})]
        return {
            "action": what.action,
            "side": what.side,
            "kind": what.kind,
            "name": what.name or what.network,
            "network": what.network,
            "ids": ids or ([known_id] if known_id else []),
            "before": before,
            "after": kept,
            "unknown": unknown if what.name else ["name", *unknown],
        }

    def find_mistakes(self, changes: t.Iterable[Change]) -> dict[str, str]:
        """Return what the file lacks or has differently, in words, by the keys of the changes."""
        found = {change.key: self._find_mistake(self._to_record(change), self._review.describe(change).tag) for change in changes}
        return {key: text for key, text in found.items() if text}

    def _find_mistake(self, record: Fields, tag: str) -> str:
        same = [saved for saved in self._saved.get(_subject_of(record), ()) if _is_same(saved, record)]
        if not same:
            return f"{_in_words(record, tag)} is not in {self._path}"
        differing = [_differing(saved, record) for saved in same]
        if not all(differing):
            return ""
        return f"{_in_words(record, tag)} is otherwise in {self._path} ({', '.join(differing[0])})"

    def refusals(self, plan: Plan) -> dict[str, TaskError]:
        """Return the refusal of a plan that has more than the file, or differs from it; empty if it does not."""
        if self._given is None:
            text = f"plan_file: there is no plan in {self._path}."
            return {UNREVIEWED: InvalidOptionError(text, hint="Make it first: run the task in check mode (--check).")}
        mistakes = [*self.find_mistakes(plan.changes).values()]
        if self._in_place is None and not plan.failures:
            self._in_place = self._count_done(plan)
        if not mistakes:
            return {}
        return {UNREVIEWED: TaskError(f"{listed(mistakes, _MOST_NAMES)}.", hint=_AGAIN_HINT)}

    def _count_done(self, plan: Plan) -> int:
        """Return how many changes of the file a plan does not need."""
        needed = grouped([(_subject_of(record), record) for record in map(self._to_record, plan.changes)])
        return sum(
            not any(_is_same(saved, other) for other in needed.get(place, ()))
            for place, several in self._saved.items()
            for saved in several
        )

    def summary(self, plan: Fields | None = None) -> Fields:
        """Return what results show of the file; in check mode with the plan to write."""
        changes = (plan or self._given or {}).get("changes", ())
        shown: Fields = {"path": self._path, "changes": len(changes), "in_place": self._in_place or 0}
        return shown if plan is None else {**shown, "plan": plan}


def _digest(value: object) -> str:
    """Return a digest of the values that are set."""
    if isinstance(value, dict):
        value = {name: item for name, item in value.items() if item is not None}
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def is_plan(plan: object) -> bool:
    """Whether the content of a file is a plan, as far as its fields are read here."""
    if not isinstance(plan, dict) or plan.get("format") != FORMAT:
        return False
    declared, project, changes = (plan.get(name) for name in ("declared", "project", "changes"))
    is_headed = isinstance(project, dict) and "id" in project and {"module", "state"} <= plan.keys()
    is_declared = isinstance(declared, dict) and "options" in declared and isinstance(declared.get("entries"), dict)
    is_headed = is_headed and is_declared and _is_moment(plan.get("time"))
    return is_headed and isinstance(changes, list) and all(map(_is_record, changes))


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(to_moment(value))
    except ValueError:
        return False


def _is_record(record: object) -> bool:
    if not isinstance(record, dict):
        return False
    texts = all(isinstance(record.get(name), str) for name in ("action", "side", "kind", "name", "network"))
    lists = [record.get(name) for name in ("ids", "unknown")]
    texts = texts and all(isinstance(one, list) and all(isinstance(text, str) for text in one) for one in lists)
    return texts and all(isinstance(record.get(name), (dict, type(None))) for name in ("before", "after"))


def _subject_of(record: Fields) -> tuple[str, ...]:
    return record["side"], record["kind"], record["network"]


def _is_same(saved: Fields, found: Fields) -> bool:
    """Whether a change of the file is about the same as one of a plan: the ids decide if both have some."""
    if saved["action"] not in _ALLOWED_BY.get(found["action"], (found["action"],)):
        return False
    if saved["ids"] and found["ids"]:
        return bool(saved["ids"] == found["ids"])
    return saved["name"] == found["name"] or "name" in saved["unknown"]


def _holds(now: object, then: object) -> bool:
    """Whether a field still has what it had, of a list perhaps less, in any order."""
    if isinstance(now, list) and isinstance(then, list):
        return all(one in then for one in now)
    return now == then


def _differing(saved: Fields, found: Fields) -> list[str]:
    """Return the fields whose values in a plan differ from the file, before or after the change."""
    before, known = saved["before"], saved["after"]
    # The fields of tags have any names.
    by_itself = () if saved["action"] in ("tag", "untag") else _PROGRESS
    # What has the new value by now is in place. What was not there, or is no longer, can lose nothing.
    differing = [
        f"{name} before: {json.dumps(before.get(name))} there, {json.dumps(value)} now"
        for name, value in (found["before"] or {} if before is not None else {}).items()
        if value != (known or {}).get(name) and not _holds(value, before.get(name)) and not (name in by_itself and name in before)
    ]
    if known is None or found["after"] is None:
        return differing if known is found["after"] else ["after"]
    # An object without known fields, such as a peering with a network that is made first, is known only then.
    return differing + [
        f"{name}: {json.dumps(known.get(name))} there, {json.dumps(value)} now"
        for name, value in (found["after"] if known else {}).items()
        if name not in saved["unknown"] and known.get(name) != value
    ]


def _in_words(record: Fields, tag: str) -> str:
    name, network = record["name"], record["network"]
    of = "" if not network or network in name else f" of {network}"
    return f"{_VERBS.get(record['action'], record['action'])} {record['kind']} {name}{of}{f' ({tag})' if tag else ''}"
