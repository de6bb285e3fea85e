# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specs that can be added with their rules, and the specs that modules share."""

from __future__ import annotations

import json
import re
import typing as t

from ansible.module_utils.common.parameters import env_fallback

from .._auth.sources import VARIABLES
from .._http.errors import InvalidOptionError

Options = dict[str, dict[str, t.Any]]
Rules = tuple[tuple[t.Any, ...], ...]


class ArgumentSpec:
    """Options and the rules between them, as AnsibleModule and ArgumentSpecValidator take them.

    Args:
        options: The options by name.
        rules: The rules by kind: `required_together`, `required_one_of`, `required_if`, `mutually_exclusive`.
    """

    def __init__(self, options: Options, **rules: Rules) -> None:
        self.options = options
        self._rules = rules

    def __add__(self, other: ArgumentSpec) -> ArgumentSpec:
        """Return a spec with the options and the rules of both."""
        kinds = {**self._rules, **other._rules}
        rules = {kind: self._rules.get(kind, ()) + other._rules.get(kind, ()) for kind in kinds}
        return ArgumentSpec({**self.options, **other.options}, **rules)

    def to_kwargs(self) -> dict[str, t.Any]:
        """Return the keyword arguments of AnsibleModule and ArgumentSpecValidator."""
        return {"argument_spec": self.options, **self._rules}

    def without_aliases(self, given: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return the task's options, with each alias that is set alone under the option's name.

        Otherwise Ansible first fills the option from its environment variable, and the alias counts as a second value.

        Args:
            given: The options by the names that the task and `module_defaults` use.

        Raises:
            InvalidOptionError: If two names of one option have different values. Ansible would silently prefer the alias, and
                the task might run against another project.
        """
        found = dict(given)
        for name, option in self.options.items():
            used = [one for one in (name, *option.get("aliases", ())) if one in given]
            for other in used[1:]:
                if str(given[other]) != str(given[used[0]]):
                    values = "" if option.get("no_log") else f": {given[used[0]]!s} and {given[other]!s}"
                    raise InvalidOptionError(
                        f"{used[0]} and {other} are two names of one option, and have different values{values}.",
                        hint="Set only one of them; the other may come from module_defaults.",
                    )
            if len(used) == 1 and used != [name]:
                found[name] = found.pop(used[0])
            if option["type"] == "jsonarg" and isinstance(found.get(name), dict):
                # With no_log, Ansible would hide each value of an object separately: the name of a project, everywhere.
                found[name] = json.dumps(found[name])
        return found

    def explain(self, message: str) -> str:
        """Return an error message of Ansible's argument check; for a missing option, with other ways to set it."""
        missing = re.fullmatch(r"(?:missing required arguments|one of the following is required): (.+)", message)
        ways = [self._ways_to_set(name) for name in missing.group(1).split(", ")] if missing else []
        return " ".join([f"{message}.", *ways]) if any(ways) else message

    def _ways_to_set(self, name: str) -> str:
        """Return a sentence with the aliases and environment variables of an option; empty if it has none."""
        option = self.options.get(name, {})
        aliases = "".join(f" (or its alias {alias})" for alias in option.get("aliases", ()))
        variables = option["fallback"][1] if "fallback" in option else []
        if not aliases and not variables:
            return ""
        return f"Set {name}{aliases}{''.join(f', or the environment variable {variable}' for variable in variables)}."


def _from_environment(option: str) -> tuple[t.Any, list[str]]:
    return env_fallback, list(VARIABLES[option])


CONNECTION = ArgumentSpec(
    {
        "group_id": {"type": "str", "required": True, "aliases": ["project_id"], "fallback": _from_environment("group_id")},
        "public_key": {"type": "str", "no_log": False, "fallback": _from_environment("public_key")},
        "private_key": {"type": "str", "no_log": True, "fallback": _from_environment("private_key")},
        "client_id": {"type": "str", "fallback": _from_environment("client_id")},
        "client_secret": {"type": "str", "no_log": True, "fallback": _from_environment("client_secret")},
        "access_token": {"type": "str", "no_log": True, "fallback": _from_environment("access_token")},
        "token_cache": {"type": "bool", "no_log": False, "default": True},
        "profile": {"type": "str"},
        "base_url": {"type": "str", "fallback": _from_environment("base_url")},
        "api_version": {"type": "str", "choices": ["v2", "v1.0"], "default": "v2"},
        "envelope": {"type": "bool", "default": False},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "timeout": {"type": "int", "default": 30},
        "retries": {"type": "int", "default": 4},
    }
)

WAIT = ArgumentSpec(
    {
        "wait": {"type": "bool", "default": False},
        "wait_timeout": {"type": "int", "default": 1800},
        "wait_sleep": {"type": "int", "default": 10},
    }
)
