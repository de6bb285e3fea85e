# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints a saved plan, for the playbook beside this folder."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, TaskError, unsent
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._files import absolute, replace_file
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._plan_file import PlanFile
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._plan_text import to_markdown, to_text

_FORMS = {"text": to_text, "markdown": to_markdown}


class ActionModule(ActionBase):
    """The action of the playbook's only task."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Print a plan on stdout, or write it to a file."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        args = self._task.args
        try:
            text = self._to_text(str(args["file"]), str(args["format"]))
            if args.get("output"):
                self._write(str(args["output"]), text)
        except TaskError as error:
            return {**result, "changed": False, "failed": True, **unsent(), **error.to_result()}
        if not args.get("output"):
            self._display.display(text)
        return {**result, "changed": False}

    def _to_text(self, name: str, form: str) -> str:
        if form not in _FORMS:
            raise InvalidOptionError(f"show_plan_format is {form!r}.", hint=f"Set it to {' or '.join(_FORMS)}.")
        return _FORMS[form](PlanFile(name, absolute(name, self._loader)).read_plan())

    def _write(self, name: str, text: str) -> None:
        try:
            replace_file(absolute(name, self._loader), text)
        except OSError as error:
            message = f"show_plan_output: {name} cannot be written: {error.strerror or error}."
            raise TaskError(message, hint="Check its folder.") from None
