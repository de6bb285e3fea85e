# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shell for AnsibleModule, and an importer that compiles each file once instead of twice."""

from __future__ import annotations

import gc
import os
import platform
import sys
import typing as t
from zipimport import ZipImportError, zipimporter

from ansible.module_utils.basic import AnsibleModule

from .._http.errors import unsent
from .._http.redact import SHORTEST

if t.TYPE_CHECKING:
    from .argspec import ArgumentSpec, OptionValue
    from .operation import ModuleBase, Session


class _Importer(zipimporter):
    """An importer that returns a file's name without compiling the file: Python's own compiles it here, and again later."""

    def get_filename(self, fullname: str) -> str:
        """Return the path of a module, for its `__file__`.

        Raises:
            ZipImportError: If the module is not in the zip file.
        """
        file = os.path.join(self.archive, self.prefix, fullname.rpartition(".")[2])
        return os.path.join(file, "__init__.py") if self.is_package(fullname) else f"{file}.py"


def compile_once(loader: object) -> None:
    """Compile each file once that this process imports from now on from the module's zip file.

    A module's process has no compiled files. Compiling each one twice took half of its time.

    Args:
        loader: The loader of this file; nothing is done unless it is a zipimporter.
    """
    if not isinstance(loader, zipimporter):
        return
    archive = loader.archive

    def importer_for(path: str) -> _Importer:
        if not path.startswith(archive):
            raise ZipImportError(f"not in {archive}")
        return _Importer(path)

    sys.path_hooks.insert(0, importer_for)
    # Folders that were imported from before have an importer already.
    for path in [path for path in sys.path_importer_cache if path.startswith(archive)]:
        sys.path_importer_cache[path] = importer_for(path)


# A module imports this file before its Operation, which imports all others.
compile_once(__spec__.loader)
if isinstance(__spec__.loader, zipimporter):
    # Imported modules stay: collecting garbage meanwhile would take a tenth of the process's time.
    gc.disable()


class _Module(AnsibleModule):
    """An AnsibleModule whose results have no secrets, and whose own failures, as in its argument check, have all fields."""

    def __init__(self, spec: ArgumentSpec) -> None:
        self._spec = spec
        self._given: dict[str, OptionValue] = {}
        self._secrets_are_known = True
        # All options, for tools that compare them with the documentation.
        kwargs = {**spec.to_kwargs(), "argument_spec": spec.documented}
        super().__init__(supports_check_mode=True, **kwargs)  # type: ignore[no-untyped-call]

    def _load_params(self) -> None:
        """Find the secrets in the options before they are checked: a check that fails ends the process."""
        super()._load_params()  # type: ignore[no-untyped-call]
        # As the action plugin does, which not all modules have.
        self.params = self._spec.without_blanks(self.params)
        # The Operation checks lists of entries.
        self.argument_spec = self._spec.core_options
        self._given = dict(self.params)
        self._hide_options()

    def _hide_options(self) -> None:
        found = self._spec.find_secrets(self.params)
        self._secrets_are_known = self._secrets_are_known and found is not None
        self.no_log_values.update(found or ())

    def _without_secrets(self, fields: t.Mapping[str, object]) -> dict[str, OptionValue]:
        # At the top of the file, this would be compiled twice.
        from .argspec import masked

        # Again, since the check may have parsed texts into entries.
        self._hide_options()
        # This process cannot leave `invocation` out: AnsibleModule would add its own.
        invocation = self._spec.to_invocation(self.params if self._secrets_are_known else {}, self._given)
        shown = masked({**fields, "invocation": invocation}, self.no_log_values)
        # What AnsibleModule adds itself are sentences, in which short values stay.
        self.no_log_values = {secret for secret in self.no_log_values if len(secret) >= SHORTEST}
        return shown

    def exit_json(self, **fields: object) -> t.NoReturn:
        """End the process with a result."""
        super().exit_json(**self._without_secrets(fields))

    def fail_json(self, msg: str, **fields: object) -> t.NoReturn:
        """End the process with a failed result."""
        # The check of the options fails here, too.
        checked = getattr(self, "validation_result", None)
        if checked is not None and checked.error_messages:
            msg = self._spec.explain(checked, self._name, self._given)
        super().fail_json(**self._without_secrets({**unsent(), **fields, "msg": msg}))


def run_module(operation: type[ModuleBase[Session]]) -> None:
    """Parse the options, run the module, and end the process with its result."""
    # Imported late as well.
    from .argspec import environment

    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    with environment():
        _run_module(operation)


def _run_module(operation: type[ModuleBase[Session]]) -> None:
    from .operation import command_for, execute, lack_of

    module = _Module(operation.argument_spec)
    for name, import_error in operation.libraries_for(module.params):
        if import_error is not None:
            python = f"{platform.node()}'s Python {sys.executable}"
            text = f"Failed to import the required Python library ({name}) on {python}, which has {lack_of(name, import_error)}"
            command = f"{sys.executable} -m {command_for(name, import_error)}"
            module.fail_json(msg=f"{text}. Run there: {command}", exception=import_error)
    outcome = execute(operation, module.params, check_mode=module.check_mode)
    module.no_log_values.update(outcome.secrets)
    for warning in outcome.warnings:
        module.warn(warning)
    result = outcome.to_result(diff=module._diff, verbosity=module._verbosity)
    if outcome.failure is not None:
        module.fail_json(str(result.pop("msg")), **result)
    module.exit_json(**result)
