# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_access_list does: its options, and the way from them to the entries as they should be."""

from __future__ import annotations

import datetime
import ipaddress
import re
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._access_list import (
    FIELDS,
    SUBJECTS,
    AccessList,
    Entry,
    name_of,
    to_moment,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._argspec import CONNECTION, WAIT, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._atlas import ATLAS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._converge import converge
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import AtlasError, InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._plan import Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._rules import check_network, check_wait
from ansible_collections.cloudpeer.atlas.plugins.module_utils._task import Context, Parameters, Task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._vpc_peer import VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._wait import WaitTimeoutError

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
        }
    )
)
LONGEST_COMMENT = 80


def validate(params: Parameters, unused_check_mode: bool) -> list[str]:
    """Check the options without the network.

    Raises:
        InvalidOptionError: When an option cannot be right.
    """
    check_wait(params)
    seen: set[str] = set()
    for number, entry in enumerate(params["entries"]):
        _check_entry(f"entries[{number}].", entry)
        name = str(name_of(entry))
        if name in seen:
            raise InvalidOptionError(f"entries[{number}] is {name}, which is in the list before.", hint="Give each entry once.")
        seen.add(name)
    return []


def _check_entry(path: str, entry: Entry) -> None:
    if all(entry[name] is None for name in SUBJECTS):
        raise InvalidOptionError(f"{path[:-1]} has nothing but nulls.", hint=f"Give one of {', '.join(SUBJECTS)}.")
    if entry["cidr_block"] is not None:
        check_network(f"{path}cidr_block", entry["cidr_block"], "Give a block such as 10.0.0.0/16, or ip_address instead.")
    elif entry["ip_address"] is not None:
        try:
            ipaddress.ip_address(entry["ip_address"])
        except ValueError:
            hint = "Give one such as 10.0.0.5, or cidr_block instead."
            raise InvalidOptionError(f"{path}ip_address is not an address: {entry['ip_address']!r}.", hint=hint) from None
    elif not re.fullmatch(r"([0-9]{12}/)?sg-[0-9a-f]+", entry["aws_security_group"]):
        raise InvalidOptionError(
            f"{path}aws_security_group is not the id of a security group: {entry['aws_security_group']!r}.",
            hint="Give one such as sg-0a1b2c3d4e5f67890.",
        )
    if entry["comment"] is not None and len(entry["comment"]) > LONGEST_COMMENT:
        raise InvalidOptionError(f"{path}comment is longer than {LONGEST_COMMENT} characters.", hint="Shorten it.")
    if entry["delete_after_date"] is not None:
        try:
            to_moment(entry["delete_after_date"])
            if entry["aws_security_group"] is not None:
                raise InvalidOptionError(f"{path}delete_after_date cannot be set for a security group.", hint="Leave it out.")
        except ValueError:
            raise InvalidOptionError(
                f"{path}delete_after_date is not an ISO 8601 date: {entry['delete_after_date']!r}.",
                hint="Write it like 2030-01-31T12:00:00Z.",
            ) from None


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

    def _look(self) -> dict[str, Entry]:
        entries = self._access_list.list_entries()
        return {name: entries[name] for name in self._wanted if name in entries}

    def _decide(self, current: dict[str, Entry] | None) -> Plan:
        current = current or {}
        if self._is_absent:
            return Plan("delete" if current else "nothing", current, {}, tuple(sorted(current)))
        for name, entry in self._wanted.items():
            if name in current and entry["delete_after_date"] is not None and current[name]["delete_after_date"] is None:
                # PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY; removing it first would shut clients out for a moment.
                raise AtlasError(
                    f"{name} is in the access list for good, and cannot be given a delete_after_date.",
                    hint="Leave delete_after_date out, or remove the entry first (state: absent).",
                )
        after = {name: _merged(current.get(name), entry) for name, entry in self._wanted.items()}
        differing = tuple(sorted(name for name, entry in after.items() if entry != current.get(name)))
        if self._context.check_mode and any(after[name]["aws_security_group"] for name in differing):
            self._check_connection()
        action: t.Literal["nothing", "create", "update"] = "nothing"
        if differing:
            action = "update" if current else "create"
        return Plan(action, current, after, differing)

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
        if decided.action == "delete":
            for name in decided.differing:
                self._access_list.delete_entry(name)
                self._context.outcome.changed = True
            return {}
        after = t.cast("dict[str, Entry]", decided.after)
        self._access_list.create_entries([_to_send(after[name]) for name in decided.differing])
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


def _moment_of(date: t.Any) -> datetime.datetime | None:
    """Return the moment at which Atlas says that an entry goes; None for one that stays, or that says no date."""
    try:
        return to_moment(date)
    except (ValueError, AttributeError):
        return None


def _merged(current: Entry | None, wanted: Entry) -> Entry:
    """Return an entry as it will be: what the options leave open stays as it is, and an address is stored as a block, too."""
    entry = {**dict.fromkeys(FIELDS), **(current or {})}
    if wanted["comment"] is not None:
        entry["comment"] = wanted["comment"]
    date = wanted["delete_after_date"]
    if date is not None and to_moment(date) != _moment_of(entry["delete_after_date"]):
        entry["delete_after_date"] = to_moment(date).strftime("%Y-%m-%dT%H:%M:%SZ")
    if current is None:
        entry["aws_security_group"] = wanted["aws_security_group"]
        if wanted["aws_security_group"] is None:
            network = ipaddress.ip_network(str(name_of(wanted)))
            entry["cidr_block"] = str(network)
            entry["ip_address"] = str(network.network_address) if network.num_addresses == 1 else None
    return entry


def _to_send(entry: Entry) -> Entry:
    """Return an entry with one subject only, as Atlas wants it."""
    return {**entry, "ip_address": None} if entry["cidr_block"] else entry


def _listed(entries: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    return {"access_list": list((entries or {}).values())}
