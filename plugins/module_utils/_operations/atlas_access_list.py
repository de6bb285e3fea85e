# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_access_list does: its options, and the way from them to the entries as they should be."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.atlas import ATLAS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Context, Parameters, Task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.access_entries import check_entries, merged, to_send
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.access_list import (
    FIELDS,
    SUBJECTS,
    AccessList,
    Entry,
    name_of,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.rules import check_wait

ARGUMENT_SPEC = (
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


def validate(params: Parameters, unused_check_mode: bool) -> list[str]:
    """Check the options without the network.

    Returns:
        Warnings about entries that let everybody in.

    Raises:
        InvalidOptionError: When an option cannot be right.
    """
    check_wait(params)
    return check_entries(params)


def run(context: Context[AtlasClient]) -> None:
    """Bring the entries into the wanted state."""
    _AccessListRun(context).run()


TASK = Task(argument_spec=ARGUMENT_SPEC, service=ATLAS, validate=validate, run=run)


class _AccessListRun:
    """One run of the task. The state that is looked at is that of the entries in the options; others are left alone."""

    def __init__(self, context: Context[AtlasClient]) -> None:
        self._context = context
        self._params = params = context.params
        self._access_list = AccessList(context.client, params["group_id"])
        self._wanted: dict[str, Entry] = {str(name_of(entry)): entry for entry in params["entries"]}
        self._is_absent = params["state"] == "absent"

    def run(self) -> None:
        context, outcome = self._context, self._context.outcome
        done, state = converge(context, self._look, self._decide, self._apply)
        if context.check_mode:
            state = t.cast("dict[str, Entry]", done.after)
        elif self._params["wait"] and not self._is_absent:
            self._wait_until_active()
        outcome.before, outcome.after = _listed(done.before), _listed(state)
        outcome.values["access_list"] = outcome.after["access_list"]
        left = self._left(state or {}) if self._is_absent else {}
        outcome.values["left"] = [{**entry, "reason": self._reason(name, entry)} for name, entry in left.items()]

    def _look(self) -> dict[str, Entry]:
        entries = self._access_list.list_entries()
        return {name: entries[name] for name in self._wanted if name in entries}

    def _decide(self, current: dict[str, Entry] | None) -> Plan:
        current = current or {}
        if self._is_absent:
            left = self._left(current)
            going = tuple(sorted(current.keys() - left.keys()))
            return Plan("delete" if going else "nothing", current, left, going)
        for name, entry in self._wanted.items():
            if name in current and entry["delete_after_date"] is not None and current[name]["delete_after_date"] is None:
                # PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY; removing it first would shut clients out for a moment.
                raise AtlasError(
                    f"{name} is in the access list for good, and cannot be given a delete_after_date.",
                    hint="Leave delete_after_date out, or remove the entry first (state: absent).",
                )
        after = {
            name: merged(current.get(name), entry, keep_comment=self._params["keep_comment"])
            for name, entry in self._wanted.items()
        }
        differing = tuple(sorted(name for name, entry in after.items() if entry != current.get(name)))
        if self._context.check_mode and any(after[name]["aws_security_group"] for name in differing):
            self._check_connection()
        action: t.Literal["nothing", "create", "update"] = "nothing"
        if differing:
            action = "update" if current else "create"
        return Plan(action, current, after, differing)

    def _left(self, current: dict[str, Entry]) -> dict[str, Entry]:
        """Return the entries that are somebody else's, and stay: those with another comment than the one in the options."""
        if not self._params["only_own"]:
            return {}
        return {name: entry for name, entry in current.items() if entry["comment"] != self._wanted[name]["comment"]}

    def _reason(self, name: str, entry: Entry) -> str:
        comment = "no comment" if entry["comment"] is None else f"the comment {entry['comment']!r}"
        return f"{name} has {comment}, not {self._wanted[name]['comment']!r}: somebody else uses it, or has changed it."

    def _check_connection(self) -> None:
        """Foresee, in check mode, that Atlas refuses security groups where no connection is alive.

        Raises:
            AtlasError: When none is.
        """
        peers = VpcPeers(self._context.client, self._params["group_id"])
        dead = (peers.provider.failed, peers.provider.terminating)
        if all(peer["status_name"] in dead for peer in peers.list_peers()):
            raise AtlasError(
                "Security groups can be allowed only beside a VPC peering connection, and there is none.",
                hint="Create a VPC peering connection first (atlas_vpc_peer), or allow a cidr_block instead.",
            )

    def _apply(self, decided: Plan, unused_current: dict[str, Entry] | None) -> dict[str, Entry]:
        after = t.cast("dict[str, Entry]", decided.after)
        if decided.action == "delete":
            for name in decided.differing:
                self._access_list.delete_entry(name)
                self._context.outcome.changed = True
            return after
        self._access_list.create_entries([to_send(after[name]) for name in decided.differing])
        return after

    def _wait_until_active(self) -> None:
        """Wait until every entry is in force.

        Raises:
            AtlasError: When one is refused in the end, or the time is up.
        """
        waiting = list(self._wanted)

        def look() -> list[str]:
            for name in list(waiting):
                status = self._access_list.get_status(name)
                if status == "FAILED":
                    raise AtlasError(f"Atlas could not bring {name} of the access list into force.", hint="Run the task again.")
                if status == "ACTIVE":
                    waiting.remove(name)
            return waiting

        if not look():
            return
        try:
            self._context.wait_until(look, lambda left: not left, waiting)
        except WaitTimeoutError as error:
            unanswered = " Atlas did not answer in the end." if error.unanswered else ""
            raise AtlasError(
                f"{', '.join(error.last)} of the access list is still not in force after {error.waited:.0f} seconds.{unanswered}",
                hint="Raise wait_timeout, or run the task again later.",
            ) from error


def _listed(entries: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    return {"access_list": list((entries or {}).values())}
