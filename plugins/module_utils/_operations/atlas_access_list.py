# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_access_list does: from the options to the entries as they should be; others are left alone."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError, InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change, Facts, Plan, Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import Wait, WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.access_entries import (
    check_entries,
    merged,
    to_send,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.access_list import (
    FIELDS,
    SUBJECTS,
    AccessList,
    Entry,
    key_of,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.aws import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.invalid import InvalidValueError

from .atlas import AtlasOperation

Entries = t.Mapping[str, Entry]
# Asks whether the project has a VPC peering connection that is alive.
LIVE_PEER = "live peer"


@dataclass(frozen=True)
class AccessListState:
    """Those of the entries in the options that are in the list, by their names, and the names of those not in force yet."""

    entries: Entries
    waiting: tuple[str, ...] = ()


class AtlasAccessList(AtlasOperation[AccessListState]):
    """Adds, changes and removes entries of the IP access list of a project."""

    argument_spec = (
        CONNECTION
        + WAIT
        + ArgumentSpec(
            {
                "entries": {
                    "type": "list",
                    "elements": "dict",
                    "required": True,
                    "options": {name: {"type": "str"} for name in FIELDS},
                    "mutually_exclusive": [SUBJECTS],
                    "required_one_of": [SUBJECTS],
                },
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "keep_comment": {"type": "bool", "default": False},
                "only_own": {"type": "bool", "default": False},
            }
        )
    )
    noun = "access_list"

    def __init__(self, params: Parameters, session: AtlasClient, *clock: t.Callable[[], float]) -> None:
        super().__init__(params, session, *clock)
        self._access_list = AccessList(session, params["group_id"])
        self._wanted: dict[str, Entry] = {str(key_of(entry)): entry for entry in params["entries"]}
        self._is_absent = params["state"] == "absent"

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options; there is a warning for each entry that lets everybody in."""
        params, warnings = super().validate(params)
        try:
            return params, warnings + check_entries(params["entries"], params["state"], only_own=params["only_own"])
        except InvalidValueError as error:
            raise InvalidOptionError(f"{error}.", hint=error.hint) from None

    def look(self) -> AccessListState:
        """Read the whole list."""
        entries = self._access_list.list_entries()
        return AccessListState({name: entries[name] for name in self._wanted if name in entries})

    def read(self, need: t.Hashable) -> bool:
        """Read whether a connection is alive."""
        dead = (AWS.failed, AWS.terminating)
        return any(peer["status_name"] not in dead for peer in VpcPeers(self.session, self.params["group_id"]).list_peers())

    def decide(self, state: AccessListState, facts: Facts) -> Plan:
        """Decide which entries are written or removed."""
        current = state.entries
        if self._is_absent:
            going = sorted(current.keys() - self._left(current).keys())
            changes = tuple(Change("delete", name, current[name], None) for name in going)
            return Plan(changes, tuple(Step("delete", None, (name,)) for name in going))
        for name, entry in self._wanted.items():
            if name in current and entry["delete_after_date"] is not None and current[name]["delete_after_date"] is None:
                # PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY; removing it first would shut clients out for a moment.
                raise AtlasError(
                    f"{name} is permanent in the access list, and cannot be given a delete_after_date.",
                    hint="Leave delete_after_date out, or remove the entry first (state: absent).",
                )
        keep = self.params["keep_comment"]
        after = {name: merged(current.get(name), entry, keep_comment=keep) for name, entry in self._wanted.items()}
        differing = sorted(name for name, entry in after.items() if entry != current.get(name))
        if not differing:
            return Plan()
        changes = tuple(
            Change("update" if name in current else "create", name, current.get(name), after[name]) for name in differing
        )
        # Written twice is written once, so what was lost on the way may simply be written again.
        step = Step("update", tuple(after[name] for name in differing), tuple(differing))
        return Plan(changes, (step,))

    def predict(self, state: AccessListState, plan: Plan, facts: Facts) -> AccessListState:
        """Foresee also that Atlas refuses security groups where no connection is alive."""
        if any(change.after and change.after["aws_security_group"] for change in plan.changes) and not facts[LIVE_PEER]:
            raise AtlasError(
                "Security groups can be allowed only beside a VPC peering connection, and there is none.",
                hint="Create a VPC peering connection first (atlas_vpc_peer), or allow a cidr_block instead.",
            )
        return self._with(state, {change.key: t.cast("Entry", change.after) for change in plan.changes})

    def apply(self, step: Step, state: AccessListState) -> AccessListState:
        """Write entries, all at once, or remove one."""
        if step.action == "delete":
            self._access_list.delete_entry(step.keys[0])
            return self._with(state, {step.keys[0]: None})
        self._access_list.create_entries([to_send(entry) for entry in step.request])
        return self._with(state, dict(zip(step.keys, step.request)))

    def _with(self, state: AccessListState, changed: t.Mapping[str, Entry | None]) -> AccessListState:
        """Return the state after changes, in the order of the options."""
        entries = {**state.entries, **changed}
        return AccessListState({name: entry for name in self._wanted if (entry := entries.get(name)) is not None})

    def wait(self, state: AccessListState, step: Step | None = None) -> Wait[AccessListState] | None:
        """Wait in the end until every entry is in force."""
        if self._is_absent or not self.params["wait"]:
            return None

        def poll(last: AccessListState) -> AccessListState:
            statuses = {name: self._access_list.get_status(name) for name in last.waiting or self._wanted}
            for name, status in statuses.items():
                if status == "FAILED":
                    raise AtlasError(f"Atlas could not bring {name} of the access list into force.", hint="Run the task again.")
            return replace(last, waiting=tuple(name for name, status in statuses.items() if status != "ACTIVE"))

        def late(last: AccessListState, error: WaitTimeoutError) -> AtlasError:
            unanswered = " Atlas did not answer in the end." if error.unanswered else ""
            return AtlasError(
                f"{', '.join(last.waiting)} of the access list is still not in force after {error.waited:.0f} seconds."
                f"{unanswered}",
                hint="Raise wait_timeout, or run the task again later.",
            )

        return Wait("in force", poll, lambda last: not last.waiting, late, polls_at_once=True)

    def show(self, state: AccessListState, plan: Plan) -> dict[str, t.Any]:
        """Show the entries, and those that stay because they are somebody else's."""
        left = self._left(state.entries) if self._is_absent else {}
        reasons = [{**entry, "reason": self._reason(name, entry)} for name, entry in left.items()]
        return {"access_list": list(state.entries.values()), "left": reasons}

    def _left(self, current: Entries) -> Entries:
        """Return the entries that are somebody else's, and stay: those with another comment than the one in the options."""
        if not self.params["only_own"]:
            return {}
        return {name: entry for name, entry in current.items() if entry["comment"] != self._wanted[name]["comment"]}

    def _reason(self, name: str, entry: Entry) -> str:
        comment = "no comment" if entry["comment"] is None else f"the comment {entry['comment']!r}"
        return f"{name} has {comment}, not {self._wanted[name]['comment']!r}: somebody else uses it, or has changed it."


OPERATION = AtlasAccessList
