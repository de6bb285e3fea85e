# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A base for the action plugin of atlas_vpc_peer_check: shows the text and writes the report, on the controller."""

from __future__ import annotations

import sys
import typing as t

from ansible import constants as C
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, TaskError, unsent
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._check_text import lines_of
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.file import Report

# Read here, since Ansible loads action plugins before it forks its workers, which have no terminal.
IS_TERMINAL = sys.stderr.isatty()


class ShowsCheck(ActionBase):
    """A mixin for the action plugin; it comes before the base that runs the task: `ShowsCheck, AtlasAction`."""

    # With async, there is no result to show yet.
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the task, then show and write its result as the options `text` and `report` say. Neither counts as a change."""
        args = self._task.args
        path = args.get("report")
        try:
            # A relative path starts at the playbook's folder.
            report = Report(self._loader.path_dwim(str(path)), args.get("report_mode")) if path else None
        except InvalidOptionError as error:
            return {"changed": False, "failed": True, **unsent(), **error.to_result()}
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        peering_check = result.get("peering_check")
        if not isinstance(peering_check, dict):
            return result
        if boolean(args.get("text", True), strict=False) and not self._task.no_log:
            self._show(peering_check, (task_vars or {}).get("inventory_hostname"))
        return {**result, **_written(report, peering_check, result)} if report else result

    def _show(self, peering_check: t.Mapping[str, t.Any], host: str | None) -> None:
        """Show the text on stderr, since programs may parse stdout; in one call, so that workers do not mix their lines."""

        def text(color: bool) -> str:
            return f"[{host}] " + "\n".join(lines_of(peering_check, verbosity=self._display.verbosity, color=color))

        if IS_TERMINAL or getattr(C, "ANSIBLE_FORCE_COLOR", False):
            self._display.display(text(color=True), stderr=True, screen_only=True)
            # Without colours in the log.
            self._display.display(text(color=False), log_only=True)
        else:
            self._display.display(text(color=False), stderr=True)


def _written(report: Report, peering_check: t.Mapping[str, t.Any], result: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Write the report, and return the fields to add to the result: none, or those of a failure.

    If the task has failed already, the failure of the report is only a warning.
    """
    try:
        report.write(peering_check)
    except TaskError as error:
        if result.get("failed"):
            return {"warnings": [*result.get("warnings", []), str(error)]}
        return {"failed": True, **error.to_result()}
    return {}
