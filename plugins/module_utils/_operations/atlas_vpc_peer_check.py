# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_vpc_peer_check does: it reads both halves, runs all checks, and says why a connection does not work."""

from __future__ import annotations

import typing as t
from collections import Counter
from functools import partial

from .._accounts.session import CheckSession, connect
from .._auth import clients
from .._check import options
from .._check.atlas_half import AtlasReader
from .._check.options import are_elsewhere, ignored_options
from .._check.reading import are_both_read, read_facts
from .._check.result import judge
from .._clouds.clouds import CLOUDS
from .._engine.operation import Library, Operation, find_library
from .._engine.options import Parameters, many_projects
from .._engine.plan import Plan, listed
from .._http.errors import TaskError
from .._http.redact import visible
from .._http.transport import preload as preload_certificates
from .atlas import choose_project, read_all, warn_of_connection, with_projects

# How many findings the message of a failure has at most.
_MOST_SHOWN = 3
# The severities that each value of fail_on counts as a failure, the worst first.
_FAILURES = {"fail": ("fail",), "warn": ("fail", "unknown", "warn"), "new": ("fail", "unknown"), "never": ()}

PeeringCheck = dict[str, t.Any]


class AtlasVpcPeerCheck(Operation[CheckSession, PeeringCheck]):
    """Checks connections; it changes nothing."""

    argument_spec = options.ARGUMENT_SPEC
    libraries = clients.LIBRARIES
    connect = staticmethod(connect)
    noun = "peering_check"

    @classmethod
    def libraries_for(cls, args: t.Mapping[str, t.Any]) -> tuple[Library, ...]:
        """Return the packages for Atlas, and boto3 unless AWS is off, or all connections are clearly with other clouds."""
        return cls.libraries if are_elsewhere(args) else (*cls.libraries, find_library("boto3"))

    @classmethod
    def ignored_options(cls, args: Parameters) -> list[str]:
        """Return the options of unchecked entries that only atlas_vpc_peers and the role use."""
        return ignored_options(args)

    @classmethod
    def preload(cls) -> None:
        """Load the usual certificates before Ansible forks its workers."""
        preload_certificates()

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options without the network."""
        if params["atlas"] or many_projects(params):
            params = choose_project(params, "set group_ids, or set atlas to false")
        params, warnings = options.validate({**params, "projects": None})
        return params, [*warn_of_connection(params), *warnings] if params["atlas"] else warnings

    @classmethod
    def prepare(cls, params: Parameters, session: CheckSession) -> Parameters:
        """Return the options with the id of the project in `project_name`, or with all projects of the task in `projects`."""
        return with_projects(params, session.atlas)

    def look(self) -> PeeringCheck:
        """Read the halves that are on, and judge them.

        Raises:
            TaskError: If an option names something that does not exist or, with one project, nothing of a half could be read.
        """
        params, client = self.params, self.session.atlas
        reader = AtlasReader(client, params, partial(read_all, client, params)) if client is not None else None
        projects, facts = read_facts(self.session, params, reader)
        return judge(facts, partial(are_both_read, params), projects if many_projects(params) else None, params["since"])

    def decide(self, state: PeeringCheck) -> Plan:
        """Refuse if a finding counts for `fail_on`, or a project is unread; the result has all nevertheless."""
        error = self._judge(state)
        return Plan(warnings=tuple(self._warn(state)), refusals={} if error is None else {"check": error})

    def _warn(self, state: PeeringCheck) -> t.Iterator[str]:
        """Yield warnings if others than AWS were not looked for, or if `since` knows of projects that are not read any more."""
        if not state["connections"] and self.params["provider_name"] is None and not many_projects(self.params):
            yield "Only connections with AWS were looked for. With provider_name: all, those with AZURE and GCP are checked, too."
        read = {self.params["group_id"], *(one["id"] for one in state.get("projects", ()))}
        read.update(one["group_id"] for one in state.get("failures", ()))
        since = self.params["since"]
        items = [item for one in since.findings for item in one["connections"]] if since is not None else []
        gone = {item["group_id"]: f"Project {_title_of(item)}" for item in items if item["group_id"] not in read}
        if gone:
            yield (
                "since has findings of projects that are not read now, and they are not shown: "
                f"{listed(gone.values())}. Check the options and the roles of the key, unless they are gone."
            )

    def _judge(self, state: PeeringCheck) -> TaskError | None:
        """Return why the task fails; None if it does not."""
        fail_on, failures = self.params["fail_on"], state.get("failures", [])
        found = [check for severity in _FAILURES[fail_on] for check in state["findings"] if check["severity"] == severity]
        found = [check for check in found if check["is_new"]] if fail_on == "new" else found
        shown = [
            f"{check['code']} {check['message']}{_history_of(check)} {check['fix']}".strip()
            + (_new_in(check, state) if fail_on == "new" else _places_of(check, state))
            for check in found
        ]
        if fail_on != "never":
            shown += [f"Project {_title_of(one)}: {one['msg']}" for one in failures]
        if shown:
            more = f" There are {len(shown) - _MOST_SHOWN} more." if len(shown) > _MOST_SHOWN else ""
            is_bad = failures or fail_on == "new" or any(check["severity"] == "fail" for check in found)
            why = "" if is_bad else "This fails because fail_on is warn: "
            hint = "What is not shown here is in the file that the option report names, and in the result with fail_on: never."
            return TaskError(f"{state['summary']} {why}{' '.join(shown[:_MOST_SHOWN])}{more}", hint=hint)
        return None


def _history_of(check: t.Mapping[str, t.Any]) -> str:
    return " This was found before, and could not be read now." if check.get("is_kept") else ""


def _new_in(check: t.Mapping[str, t.Any], state: PeeringCheck) -> str:
    """Return a sentence with the connections that a finding is new on; others may have had it before."""
    return f" New: {listed(_names_in([one for one in check['connections'] if one['is_new']], state))}."


def _places_of(check: PeeringCheck, state: PeeringCheck) -> str:
    """Return a sentence with the connections that a finding is about; empty if all that was checked is one connection."""
    names = _names_in(check["connections"], state)
    return (
        ""
        if len(state["connections"]) == 1
        else f" {len(names)} {'connection' if len(names) == 1 else 'connections'}: {listed(names)}."
    )


def _names_in(places: t.Iterable[t.Mapping[str, t.Any]], state: PeeringCheck) -> list[str]:
    """Return the networks of connections, each once; those of several projects behind the project."""
    counted = Counter(one["name"] for one in state.get("projects", ()))
    names = {
        (
            (_title_of(one) if counted[one["project_name"]] > 1 else one["project_name"] or one["group_id"]) if counted else None,
            one[CLOUDS[one["provider_name"]].network],
            one.get("vpc_name") and f"({one['vpc_name']})",
        ): None
        for one in places
    }
    return [visible(" ".join(filter(None, each))) for each in names]


def _title_of(one: t.Mapping[str, t.Any]) -> str:
    """Return the name and the id of the project of a failure, or of a connection of a finding."""
    name, group_id = one["project_name"], one["group_id"]
    return visible(str(group_id) if name is None else f"{name} ({group_id})")


OPERATION = AtlasVpcPeerCheck
