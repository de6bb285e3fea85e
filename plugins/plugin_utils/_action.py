# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shell for action plugins: runs an Operation in the worker process that Ansible forks for the task.

A module starts a Python process for each item of a loop, which imports requests and opens a new connection. Here, requests is
imported and the default certificates are read once, when Ansible loads the action plugin (in the parent process, before it
forks), and the items of a loop share one connection. If a task must run elsewhere, the module runs as usual.
"""

from __future__ import annotations

import functools
import os
import time
import typing as t
from collections.abc import Mapping

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.parsing.mod_args import ModuleArgsParser
from ansible.plugins.action import ActionBase
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import (
    PROJECTS,
    environment,
    masked,
    names_of,
    register,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import ModuleBase, execute, lack_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import check_one_way
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import Report
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, unsent

IN_PROCESS_VARIABLE = "atlas_in_process"

NO_LIBRARY = (
    "cloudpeer.atlas: {0}, so tasks that need it run as modules, which takes longer. "
    "Install it beside ansible-core, or set the variable atlas_in_process to false."
)
# The environment variable that silences lines and progress on stderr: `no` does.
_LINES = "ANSIBLE_CLOUDPEER_LINES"
# The ways to say which project a task is about, or which ones.
_WAYS = (("group_id",), ("project_name",), tuple(PROJECTS.options))


class AtlasAction(ActionBase):
    """Base of the action plugins; each sets its Operation.

    Attributes:
        OPERATION: The Operation of the module with the same name.
    """

    OPERATION: t.ClassVar[type[ModuleBase[t.Any]]]
    _supports_check_mode = True
    _supports_async = True
    # Options that the task names and omits, so that they have the values of `module_defaults`.
    _defaulted: t.AbstractSet[str] = frozenset()

    def __init_subclass__(cls) -> None:
        """Import what all workers need: Ansible loads the plugin in the parent process."""
        super().__init_subclass__()
        cls.OPERATION.preload()

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, object]:
        """Run the task in this process if possible, otherwise as a module; the result is the same."""
        variables, started = task_vars or {}, time.monotonic()
        result: dict[str, object] = super().run(tmp, variables)
        spec = self.OPERATION.argument_spec
        try:
            args = self._args()
        except InvalidOptionError as error:
            return masked(
                {**result, "failed": True, **unsent(), **error.to_result()},
                spec.find_secrets(self._task.args) or set(),
            )
        secrets = spec.find_secrets(args)
        register(secrets or ())
        ignored = self.OPERATION.ignored_options(args)
        if ignored:
            self._display.v(f"{self._task.action} has no use for these options of entries: {', '.join(ignored)}.")
        obstacle = self._obstacle(variables)
        where = f"{self._task.action} runs as a module: {obstacle}" if obstacle else f"{self._task.action} runs in this process"
        self._display.vvv(where, host=variables.get("inventory_hostname"))
        if obstacle:
            result.update(self._execute_module(module_args=args, task_vars=variables, wrap_async=self._task.async_val))
            # A module that lacks the package as well fails before its first request, with the command that installs it.
            requests = result.get("requests")
            is_stopped = result.get("failed") and isinstance(requests, dict) and not requests["sent"]
            if obstacle == self._missing_library() and not is_stopped:
                # Ansible shows a warning once, even if several workers send it.
                self._display.warning(NO_LIBRARY.format(obstacle))
        else:
            with environment(self._task_environment()):
                result.update(self._run_here(args, variables))
        self._show_line(result, variables, time.monotonic() - started)
        # With `never`, the result is wanted: that of the role has all of it, too.
        if result.get("failed") and args.get("fail_on") != "never":
            result = dict(self.OPERATION.in_failure(result))
        if secrets is None:
            # Secrets that were not found cannot be hidden.
            result.pop("invocation", None)
        return result

    def _show_line(self, result: t.Mapping[str, object], variables: t.Mapping[str, object], seconds: float) -> None:
        """Show in check mode the plan, and in a run what was done, from the result: the same in both ways of running."""
        summary = result.get("summary")
        line = summary.get("plan" if self._task.check_mode else "done") if isinstance(summary, dict) else None
        if line:
            end = "" if self._task.check_mode else f", {max(1.0, seconds):.0f} s."
            self._report(f"[{variables.get('inventory_hostname')}] {line}{end}")

    def _args(self) -> dict[str, object]:
        """Return the options, which Ansible has merged with `module_defaults`, without aliases.

        Of the ways to say which project it is, only those nearest to the task count.

        Raises:
            InvalidOptionError: If two names of one option have different values, or the task itself says it in two ways.
        """
        spec = self.OPERATION.argument_spec
        args = spec.without_aliases(_as_texts(self._task.args))
        # Options that the module does not have are left for the check, which refuses them.
        ways = [[name for name in way if name in spec.options] for way in _WAYS]
        distances = {name: self._distance(name, args[name]) for way in ways for name in way if args.get(name) is not None}
        nearest = min(distances.values(), default=0)
        farther = {name for way in ways if all(distances.get(one) != nearest for one in way) for name in way}
        if nearest == 0:
            # Later, an option from an environment variable looks the same as one of the task.
            of_task = [name for name, distance in distances.items() if distance == 0 and args[name] != ""]
            check_one_way({name: args[name] if name in of_task else None for name in spec.options})
        return {name: value for name, value in args.items() if value is None or name not in farther}

    def _distance(self, name: str, value: object) -> int:
        """Return where the value of an option is from: 0 for the task, 1 for the module's defaults, 2 for those of a group.

        Ansible has merged them. Where it is not known what the task has, a value that is equal to the default's is the default's.
        """
        names = names_of(name, self.OPERATION.argument_spec.options[name])
        if not {*names}.isdisjoint(self._own_names):
            return 0
        defaults = {key: values for one in self._task.module_defaults for key, values in one.items()}
        found = []
        for key, given in defaults.items():
            if key.startswith("group/") or key == self._task.resolved_action:
                values = (self._templar.template(given) if isinstance(given, str) else given) or {}
                if value in [self._templar.template(values[one]) for one in names if one in values]:
                    found.append(1 + key.startswith("group/"))
        return min(found, default=0)

    @functools.cached_property
    def _own_names(self) -> set[str]:
        """The names of the options that the task itself has, before `module_defaults` came in; empty if they are not known."""
        source = getattr(self._task, "_ds", None)
        if not isinstance(source, dict):
            return set()
        try:
            _action, args, _host = ModuleArgsParser(source).parse(skip_action_validation=True)
            # The whole mapping can be a template; ansible-core 2.19 has another name for it.
            mappings = [args, *(self._templar.template(args[one]) for one in ("_variable_params", "_raw_params") if one in args)]
        except AnsibleError:
            return set()
        names = {name for mapping in mappings if isinstance(mapping, dict) for name in mapping}
        # What is omitted is not among the arguments, or has come in from the defaults.
        return names & self._task.args.keys() - self._defaulted

    def _missing_library(self) -> str | None:
        """Return in words which Python package that the task needs is missing here, or too old; None if all are there."""
        libraries = self.OPERATION.libraries_for(self._task.args)
        lacks = (lack_of(name, import_error) for name, import_error in libraries if import_error is not None)
        return next((f"Ansible's own Python has {lack}" for lack in lacks), None)

    def _obstacle(self, variables: dict[str, object]) -> str | None:
        """Return why the task cannot run in this process; None if it can."""
        if not boolean(self._templar.template(variables.get(IN_PROCESS_VARIABLE, True)), strict=False):
            return f"{IN_PROCESS_VARIABLE} is false"
        missing = self._missing_library()
        if missing is not None:
            return missing
        if self._connection.transport != "local":
            return f"the connection is {self._connection.transport}"
        if self._connection.become is not None:
            return "become is set"
        if self._task.async_val:
            return "async is set"
        return None

    def _task_environment(self) -> dict[str, str]:
        """Return the environment variables of the keyword `environment`; the task's override those of blocks and the play."""
        merged: dict[str, str] = {}
        environments = self._task.environment or []
        for variables in environments if isinstance(environments, list) else [environments]:
            merged.update(self._templar.template(variables) or {})
        return {name: str(value) for name, value in merged.items()}

    def _run_here(self, args: t.Mapping[str, object], variables: t.Mapping[str, object]) -> dict[str, object]:
        spec = self.OPERATION.argument_spec
        rules = spec.to_kwargs()
        checked = ArgumentSpecValidator(rules.pop("argument_spec"), **rules).validate(dict(args))
        params = checked.validated_parameters
        # Before and after the check, which may have made entries of texts.
        secrets = checked._no_log_values.union(spec.find_secrets(args) or (), spec.find_secrets(params) or ())
        # The warnings of AnsibleModule's argument check, in its words.
        warnings = [f"Both option {one['option']} and its alias {one['alias']} are set." for one in checked._warnings]
        if checked.error_messages:
            message = spec.explain(checked, self._task.action, args)
            result: dict[str, object] = {"failed": True, "msg": message, **unsent()}
        else:
            host = variables.get("inventory_hostname")
            outcome = execute(
                self.OPERATION,
                params,
                check_mode=self._task.check_mode,
                report=Report(lambda line: self._report(f"[{host}] {line}"), self._detail(host)),
            )
            secrets |= outcome.secrets
            result = outcome.to_result(diff=self._task.diff, verbosity=self._display.verbosity)
            if outcome.failure is not None:
                result["failed"] = True
            warnings += outcome.warnings
        if warnings:
            result["warnings"] = warnings
        if _shows_invocation(variables):
            result["invocation"] = spec.to_invocation(params, args)
        return masked(result, secrets)

    def _detail(self, host: t.Any) -> t.Callable[[str], None] | None:
        """Return the function that shows a line with `-v`; None without it."""
        if self._task.no_log or self._display.verbosity < 1:
            return None
        return lambda line: self._display.v(line, host=host)

    def _report(self, line: str) -> None:
        """Show a line on stderr, unless the environment says no: programs may parse the output of the callbacks on stdout."""
        if not self._task.no_log and boolean(os.environ.get(_LINES, "yes"), strict=False):
            self._display.display(line, stderr=True)


def _as_texts(value: t.Any) -> t.Any:
    """Return a value as modules get it: plain texts in place of inline vault values, which are objects before ansible-core 2.19,
    and of the tagged texts of later releases, which are slow to copy.
    """
    if isinstance(value, Mapping):
        return {key: _as_texts(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_texts(item) for item in value]
    return str(value) if isinstance(value, str) or getattr(value, "__ENCRYPTED__", False) else value


def _shows_invocation(variables: t.Mapping[str, object]) -> bool:
    """Whether results have `invocation`: always before ansible-core 2.21, and since then if the user sets it."""
    return bool(boolean(variables.get("ansible_inject_invocation", getattr(C, "INJECT_INVOCATION", True)), strict=False))
