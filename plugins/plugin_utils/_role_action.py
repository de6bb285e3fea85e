# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the action plugins of the role's tasks do: pass module_defaults on, check variables, and refuse two hosts that prune."""

from __future__ import annotations

import os
import re
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

try:
    from ansible.executor.task_executor import remove_omit  # type: ignore[attr-defined]
except ImportError:
    # Since ansible-core 2.19, templates leave out what is omitted.
    remove_omit = None

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import ArgumentSpec, names_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import ModuleBase
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, unsent

ROLE = "cloudpeer.atlas.vpc_peering"
_GROUP = "group/cloudpeer.atlas.atlas"
# The role's variables with the project, and the environment variable.
_PROJECT, _NAME, _VARIABLE = "vpc_peering_group_id", "vpc_peering_project_name", "MONGODB_ATLAS_PROJECT_ID"
_PREFIX = "vpc_peering_"
# What loops call their item.
_ITEM = f"{_PREFIX}connection"
# The length of names, after the prefix, from which on one letter is a mistake, and from which on two are.
_SHORTEST, _LONG = 4, 8


class OfRole(ActionBase):
    """A mixin for the action plugins of the role's tasks; it comes before the base that runs the task: `OfRole, AtlasAction`.

    Attributes:
        OPERATION: As of that base.
    """

    OPERATION: t.ClassVar[type[ModuleBase[t.Any]]]
    _args: t.Callable[[], dict[str, object]]
    _task_environment: t.Callable[[], dict[str, str]]
    _defaulted: t.AbstractSet[str]

    def run(self, tmp: str | None = None, task_vars: dict[str, object] | None = None) -> dict[str, t.Any]:
        """Run the task. In the role, it is refused if a variable is misspelt, or if another host may declare what it prunes."""
        args, role = self._task.args, self._task._role
        if role is not None and role.get_name() == ROLE:
            hidden = self._hidden_defaults((task_vars or {}).get("omit"))
            self._defaulted = hidden.keys()
            args.update(hidden)
            try:
                self._check_variables(task_vars or {})
                given = self.OPERATION.argument_spec.without_blanks(args)
                if boolean(given.get("prune") or False, strict=False) and given.get("state", "present") == "present":
                    used = self._args()
                    is_once = self._task.run_once and role._play.strategy.rpartition(".")[2] == "linear"
                    own = _known(used.get("group_id"), used.get("project_name"))
                    own = own if any(own) else _known({**os.environ, **self._task_environment()}.get(_VARIABLE), None)
                    _check_rivals(own, task_vars or {}, is_once)
            except InvalidOptionError as error:
                return {"changed": False, "failed": True, **unsent(), **error.to_result()}
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        return result

    def _hidden_defaults(self, omit: object) -> dict[str, t.Any]:
        """Return `module_defaults` for options that the role leaves out: to ansible-core, an option with `omit` has a value.

        Args:
            omit: The variable of that name.
        """
        found: dict[str, t.Any] = {}
        defaults = {key: values for one in self._task.module_defaults or () for key, values in one.items()}
        for key in (_GROUP, self._task.resolved_action):
            found.update(self._templar.template(defaults.get(key)) or {})
        names = [names_of(name, option) for name, option in self.OPERATION.argument_spec.options.items()]
        used = {one for several in names if any(name in self._task.args for name in several) for one in several}
        hidden = {name: value for name, value in found.items() if name not in used}
        return hidden if remove_omit is None else dict(remove_omit(hidden, omit))

    def _check_variables(self, variables: t.Mapping[str, t.Any]) -> None:
        """Check that no variable of the role is misspelt, and check those that are not options of the task.

        ansible-core would check all of them, and refuse the empty texts of surveys: see `meta/argument_specs` of the role.

        Raises:
            InvalidOptionError: If one is misspelt, or has a wrong value.
        """
        path = os.path.join(self._task._role.get_role_path(), "meta", "argument_specs.yml")
        # Ansible has read this file for the role, and keeps it.
        options = self._loader.load_from_file(path)["argument_specs"]["main"]["options"]
        wrong = []
        for name in sorted(one for one in variables if one.startswith(_PREFIX) and one not in {*options, _ITEM}):
            meant = _nearest(name, options)
            if meant and all(self._is_unset(variables.get(one), options[one].get("default")) for one in meant):
                wrong.append(f"{name} is not a variable of the role ({meant[0]}?).")
        if wrong:
            raise InvalidOptionError(" ".join(wrong), hint="Correct the name, or rename the variable if it is your own.")
        of_task = self.OPERATION.argument_spec.options
        spec = ArgumentSpec({name: one for name, one in options.items() if name.removeprefix(_PREFIX) not in of_task})
        given = {name: self._templar.template(variables[name]) for name in spec.options if name in variables}
        wrong = ArgumentSpecValidator(spec.core_options).validate(spec.without_blanks(given)).error_messages
        if wrong:
            raise InvalidOptionError(f"{'. '.join(wrong)}.", hint="Correct it, or leave it out.")
        if self._task.args.get("state") != "absent" and boolean(given.get(f"{_PREFIX}verify") or False, strict=False):
            # The task that writes them comes last.
            from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._check_action import reports_of

            try:
                reports_of(given.get(f"{_PREFIX}report"), self._loader)
            except InvalidOptionError as error:
                raise InvalidOptionError(f"{_PREFIX}{error.marked}") from None

    def _is_unset(self, value: t.Any, default: t.Any) -> bool:
        """Whether a variable of the role has no value, or its default."""
        try:
            found = self._templar.template(value)
        except AnsibleError:
            # It has a value, which cannot be read.
            return False
        return found in (None, "") or str(found).lower() == str(default).lower()


def _nearest(name: str, options: t.Iterable[str]) -> list[str]:
    """Return the variables of the role that another variable resembles most, if they differ by few letters."""
    length = len(name) - len(_PREFIX)
    most = 0 if length < _SHORTEST else 1 if length < _LONG else 2
    distances = {one: _distance(name, one) for one in options}
    least = min(distances.values())
    return [one for one, distance in distances.items() if distance == least <= most]


def _distance(one: str, other: str) -> int:
    """Return how many letters differ: added, left out or changed, or two neighbours that have changed places."""
    before: list[int] = []
    row: list[int] = [*range(len(other) + 1)]
    for i, letter in enumerate(one):
        row, previous = [i + 1], row
        for j, wanted in enumerate(other):
            row.append(min(previous[j] + (letter != wanted), previous[j + 1] + 1, row[j] + 1))
            if i and j and letter == other[j - 1] and one[i - 1] == wanted:
                row[-1] = min(row[-1], before[j - 1] + 1)
        before = previous
    return row[-1]


class KnownProject(t.NamedTuple):
    """What is known of a project: its id or its name; both None if nothing is."""

    id: str | None = None
    name: str | None = None

    def may_be(self, other: KnownProject) -> bool:
        """Whether both may be the same project: only two ids, or two names, tell them apart."""
        return self == other or not ((self.id and other.id) or (self.name and other.name))


def _known(group_id: t.Any, name: t.Any) -> KnownProject:
    return KnownProject(*(str(one or "").strip() or None for one in (group_id, name)))


def _check_rivals(own: KnownProject, variables: t.Mapping[str, t.Any], is_once: bool) -> None:
    """Check that no other host of the play that runs the task can have the same project.

    Variables of the play and of tasks are not known of other hosts: if the project of this host comes from there, theirs may,
    too.

    Args:
        own: The project of this host.
        variables: Its variables.
        is_once: Whether `run_once` keeps the other hosts of its batch from the task, as it does with the strategy `linear` alone.

    Raises:
        InvalidOptionError: If one can.
    """
    here = variables.get("inventory_hostname")
    is_known = any(own) and own == _project_of(here, variables)
    idle = {here, *(variables["ansible_play_batch"] if is_once else ())}
    others = [host for host in variables.get("ansible_play_hosts_all") or () if host not in idle]
    rivals = [one for one in others if not is_known or own.may_be(_project_of(one, variables))]
    if rivals:
        project = own.id or own.name or "(which is not known)"
        raise InvalidOptionError(
            f"With prune, only one host of the play may have the Atlas project {project}, and these hosts have the same project, "
            f"or it is not known which: {', '.join(rivals)}.",
            hint="Put all connections of a project into the list of one host. If each host has its own project, set "
            f"{_PROJECT} for all of them in the inventory, or {_NAME} for all of them.",
        )


def _project_of(host: t.Any, variables: t.Mapping[str, t.Any]) -> KnownProject:
    """Return the project of a host, as far as other hosts know it.

    Before ansible-core 2.19, a variable that cannot be read is its template, which is no id, and is taken for no name.
    """
    try:
        given = variables["hostvars"][host]
        found = _known(given.get(_PROJECT), given.get(_NAME))
    except AnsibleError:
        return KnownProject()
    found = found if any(found) else _known(os.environ.get(_VARIABLE), None)
    is_name = found.name is not None and found.id is None and "{{" not in found.name
    is_id = found.name is None and re.fullmatch("[0-9a-f]{24}", found.id or "") is not None
    return found if is_name or is_id else KnownProject()
