# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A base for the action plugin of atlas_vpc_peer_check: shows the text and writes the report, on the controller."""

from __future__ import annotations

import os
import sys
import time
import typing as t

from ansible import constants as C
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import CLOUDS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, as_shown
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Operation
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, TaskError, unsent
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.redact import visible
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._check_text import lines_of
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._files import absolute
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.file import Report, read_report

# Read here, since Ansible loads action plugins before it forks its workers, which have no terminal.
IS_TERMINAL = sys.stderr.isatty()
# The environment variable with the project.
_PROJECT_VARIABLE: str = CONNECTION.options["group_id"]["fallback"][1][0]
# A variable of the task itself in the playbook of this collection: if another playbook imports it, its folder is the other one's.
_MARK = "cloudpeer_atlas_playbook"
_PREFIX, _REGISTERED = "peering_check_", "peering_check_result"
# How many connections of a finding a failure has, and which of their fields: those that name them.
_MOST_PLACES = 3
_NAMING = {"provider_name", "vpc_name", *(name for cloud in CLOUDS.values() for name in cloud.names or cloud.identity)}
# These choose what is checked, and when that fails. Before 4.0.0, extra variables had these names, too.
_CHOOSING = ("org_id", "group_id", "group_ids", "project_name", "project_names", "connections", "fail_on")


class ShowsCheck(ActionBase):
    """A mixin for the action plugin; it comes before the base that runs the task: `ShowsCheck, AtlasAction`.

    Attributes:
        OPERATION: As of that base.
    """

    OPERATION: t.ClassVar[type[Operation[t.Any, t.Any]]]
    # With async, there is no result to show yet.
    _supports_async = False
    _task_environment: t.Callable[[], dict[str, str]]

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, object]:
        """Run the task, then show and write its result as the options `text` and `report` say. Neither counts as a change."""
        args = self._task.args
        try:
            if _MARK in self._task.vars:
                self._check_playbook_variables(task_vars or {})
            reports = reports_of(args.get("report"), self._loader, args.get("report_mode"))
        except InvalidOptionError as error:
            return {"changed": False, "failed": True, **unsent(), **error.to_result()}
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        shown = result.get("invocation", {}).get("module_args", {})
        if shown.get("since") is not None:
            # Its content is as long as a result.
            shown["since"] = args.get("since")
        peering_check = as_shown(result.get("peering_check"))
        if not isinstance(peering_check, dict):
            return result
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if boolean(args.get("text", True), strict=False) and not self._task.no_log:
            self._show(peering_check, moment, (task_vars or {}).get("inventory_hostname"))
        for report in reports:
            result = {**result, **_written(report, peering_check, moment, result)}
        # The playbook of this collection fails in a task of its own.
        if result.get("failed") and _MARK not in self._task.vars:
            result = {**result, "peering_check": in_short(peering_check)}
        return {**result, "report": args["report"]} if reports else result

    def _check_playbook_variables(self, variables: t.Mapping[str, object]) -> None:
        """Check the names of the playbook's variables, and leave out the options that are empty.

        Raises:
            InvalidOptionError: If a variable has the prefix and is not an option.
        """
        args, options = self._task.args, self.OPERATION.argument_spec.options
        known = {_REGISTERED, *(_PREFIX + name for name in options)}
        unknown = sorted(name for name in variables if name.startswith(_PREFIX) and name not in known)
        if unknown:
            # Only a mistake needs it.
            from difflib import get_close_matches

            (near,) = get_close_matches(unknown[0].removeprefix(_PREFIX), [*options], 1, cutoff=0)
            message = f"{visible(unknown[0])} is not a variable of the playbook cloudpeer.atlas.check ({_PREFIX}{near}?)."
            raise InvalidOptionError(message, hint="Correct its name, or leave it out.")
        # An empty text counts as not set: it is the answer of a survey that was left open.
        for name in [name for name, value in args.items() if value == ""]:
            del args[name]
        for name in _CHOOSING:
            if variables.get(name) not in (None, "", []) and name not in args:
                self._display.warning(
                    f"The playbook cloudpeer.atlas.check takes variables with a prefix: {name} has no effect. If it is meant for "
                    f"the check, set {_PREFIX}{name}."
                )

    def _named_project(self) -> str | None:
        """Return the id or the name of the project that the task or its environment names; None if they name none."""
        args = self._task.args
        named = next((args[one] for one in ("group_id", "project_id", "project_name") if args.get(one)), None)
        found = named or {**os.environ, **self._task_environment()}.get(_PROJECT_VARIABLE)
        return str(found) if found else None

    def _show(self, peering_check: t.Mapping[str, object], moment: str, host: str | None) -> None:
        """Show the text on stderr, since programs may parse stdout; in one call, so that workers do not mix their lines."""

        def text(color: bool) -> str:
            verbosity, project = self._display.verbosity, self._named_project()
            lines = lines_of(peering_check, moment=moment, verbosity=verbosity, color=color, project=project)
            return f"[{host}] " + "\n".join(lines)

        if IS_TERMINAL or getattr(C, "ANSIBLE_FORCE_COLOR", False):
            self._display.display(text(color=True), stderr=True, screen_only=True)
            # Without colours in the log.
            self._display.display(text(color=False), log_only=True)
        else:
            self._display.display(text(color=False), stderr=True)


def in_short(peering_check: t.Mapping[str, t.Any]) -> dict[str, object]:
    """Return what a failure shows of a check: the findings, each with its first connections, and not what passed.

    Ansible prints the whole result of a task that fails.

    Args:
        peering_check: The field of the result.
    """
    kept = {name: peering_check[name] for name in ("verdict", "summary", "failures") if name in peering_check}
    naming = {*_NAMING, "group_id", "project_name"} if "projects" in peering_check else _NAMING
    shown = [
        {
            **{name: one[name] for name in ("code", "severity", "message", "fix", "owner", "is_new") if name in one},
            "count": len(one["connections"]),
            "connections": [
                {name: place[name] for name in place if name in naming and place[name] is not None}
                for place in one["connections"][:_MOST_PLACES]
            ],
        }
        for one in peering_check["findings"]
        if one["severity"] != "info"
    ]
    return {**kept, "findings": shown}


def reports_of(value: t.Any, loader: t.Any, mode: object = None) -> list[Report]:
    """Return the reports to write.

    Args:
        value: A path or a list of paths; None for no report.
        loader: Knows the folder in which relative paths start.
        mode: As `Report` takes it.

    Raises:
        InvalidOptionError: If one cannot be written there.
    """
    return [Report(absolute(path, loader), mode) for path in _paths(value)]


def _paths(value: t.Any) -> list[str]:
    """Return the paths of the reports, from a path or a list of paths.

    Raises:
        InvalidOptionError: If it is neither.
    """
    paths = value if isinstance(value, list) else [value] if value else []
    wrong = [one for one in paths if not isinstance(one, str) or not one]
    if wrong:
        raise InvalidOptionError(
            f"report has something that is not a path: {wrong[0]!r}.", hint="Give a path, or a list of paths."
        )
    return paths


def with_content(args: dict[str, object], loader: object) -> dict[str, object]:
    """Return the options with the content of the file in `since`, which is on the controller, in the place of its path.

    Raises:
        InvalidOptionError: If it cannot be read.
    """
    path = args.get("since")
    return {**args, "since": read_report("since", absolute(path, loader))} if isinstance(path, str) else args


def _written(
    report: Report, peering_check: t.Mapping[str, object], moment: str, result: t.Mapping[str, t.Any]
) -> dict[str, object]:
    """Write the report, and return the fields to add to the result: none, or those of a failure.

    If the task has failed already, the failure of the report is only a warning.
    """
    try:
        report.write(peering_check, moment)
    except TaskError as error:
        if result.get("failed"):
            return {"warnings": [*result.get("warnings", []), str(error)]}
        return {"failed": True, **error.to_result()}
    return {}
