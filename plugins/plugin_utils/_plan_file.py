# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of a plan on the controller: check mode writes it, and a run gets its content."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import as_shown
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.saved_plan import is_plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, TaskError, unsent
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._files import absolute, replace_file

_MAKE = "Make it first: run the task in check mode (--check)."
_OTHER = "Give another path, or remove it."


class PlanFile:
    """The file of a plan.

    Args:
        name: Its path as the task has it, for messages.
        path: Its absolute path.
    """

    def __init__(self, name: str, path: str) -> None:
        self._name, self._path = name, path

    def read(self) -> t.Any:
        """Return its content.

        Raises:
            InvalidOptionError: If it is not there, cannot be read, is a link, or is not JSON.
        """
        try:
            # A pipe must not hold the task up.
            file = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(file, encoding="utf-8") as stream:
                if not stat.S_ISREG(os.fstat(file).st_mode):
                    raise InvalidOptionError(f"plan_file: {self._name} is not a file.", hint=_OTHER)
                return json.load(stream)
        except FileNotFoundError:
            raise InvalidOptionError(f"plan_file: there is no plan in {self._name}.", hint=_MAKE) from None
        except OSError as error:
            why = "is a link" if os.path.islink(self._path) else f"cannot be read: {error.strerror or error}"
            raise InvalidOptionError(f"plan_file: {self._name} {why}.", hint=_OTHER) from None
        except (ValueError, RecursionError):
            raise InvalidOptionError(f"plan_file: {self._name} is not a plan: it is not JSON.", hint=_OTHER) from None

    def read_plan(self) -> dict[str, t.Any]:
        """Return the plan in it.

        Raises:
            InvalidOptionError: If it cannot be read, or is no plan.
        """
        plan = self.read()
        if not is_plan(plan):
            raise InvalidOptionError(f"{self._name} is not a plan of this collection.", hint=_OTHER)
        return t.cast("dict[str, t.Any]", plan)

    def remove(self) -> None:
        """Remove an earlier plan, since a run must not apply it if there is no new one.

        Raises:
            InvalidOptionError: If the file is no plan, its folder does not exist, or it cannot be removed.
        """
        folder = os.path.dirname(self._path)
        if not os.path.isdir(folder):
            raise InvalidOptionError(f"plan_file: the folder {folder} does not exist on the controller.", hint="Create it first.")
        if os.path.lexists(self._path):
            earlier = self.read()
            # It may be any other file.
            if not (isinstance(earlier, dict) and {"format", "collection", "changes"} <= earlier.keys()):
                raise InvalidOptionError(f"plan_file: {self._name} is there, and is not a plan.", hint=_OTHER)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
        except OSError as error:
            text = f"plan_file: the earlier plan {self._name} cannot be removed: {error.strerror or error}."
            raise InvalidOptionError(text, hint=_OTHER) from None

    def write(self, plan: object) -> None:
        """Write a plan.

        Raises:
            TaskError: If that fails.
        """
        try:
            replace_file(self._path, json.dumps(plan, indent=1) + "\n")
        except OSError as error:
            text = f"Failed to write the plan {self._path}: {error.strerror or error}."
            raise TaskError(text, hint="Check who may write to its folder, and whether there is room.") from None


class SavesPlan(ActionBase):
    """A mixin for the action plugins of modules with `plan_file`; it comes before the base that runs the task."""

    _report: t.Callable[[str], None]
    # The path as the task has it and, in a run, the content of the file.
    _plan: t.Mapping[str, object] | None = None

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the task with the plan in its file, or write its plan there in check mode."""
        name, is_check = self._task.args.get("plan_file"), self._task.check_mode
        if name is None or not str(name).strip():
            found: dict[str, t.Any] = super().run(tmp, task_vars)
            return found
        try:
            file = self._file_of(name)
            if is_check:
                file.remove()
            self._plan = {"path": name, "plan": None if is_check else file.read()}
        except InvalidOptionError as error:
            return {"changed": False, "failed": True, **unsent(), **error.to_result()}
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        shown = result.get("invocation", {}).get("module_args", {})
        if "plan_file" in shown:
            # Its content is as long as a result.
            shown["plan_file"] = name
        known = result.get("plan_file")
        if not isinstance(known, dict):
            return result
        plan = known.pop("plan", None)
        if is_check and plan is not None and not result.get("failed"):
            try:
                file.write(as_shown(plan))
            except TaskError as error:
                result.update({"failed": True, **error.to_result()})
        if known["in_place"] and not result.get("failed"):
            text = f"{known['in_place']} of {known['changes']} changes of {name} are in place already."
            self._report(f"[{(task_vars or {}).get('inventory_hostname')}] {text}")
        return result

    def _file_of(self, name: object) -> PlanFile:
        """Return the file of the option.

        Raises:
            InvalidOptionError: If the option is no path, or the task is asynchronous.
        """
        if not isinstance(name, str):
            raise InvalidOptionError(f"plan_file is not a path: {name!r}.", hint="Give the path of a file on the controller.")
        if self._task.async_val:
            raise InvalidOptionError("plan_file does not work with async.", hint="Leave one of them out.")
        return PlanFile(name, absolute(name, self._loader))

    def _args(self) -> dict[str, object]:
        """Return the options, with the content of the file."""
        args: dict[str, object] = super()._args()  # type: ignore[misc]
        return args if self._plan is None else {**args, "plan_file": self._plan}
