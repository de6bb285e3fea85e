# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specs with their rules, the secrets in options and results, and the specs that modules share."""

from __future__ import annotations

import contextlib
import json
import os
import re
import typing as t

from ansible.module_utils import errors
from ansible.module_utils.common.arg_spec import ValidationResult
from ansible.module_utils.common.validation import check_type_dict

try:
    from ansible.module_utils.secrets import mask_secrets, register_secrets  # type: ignore[import-not-found]
except ImportError:
    # Before ansible-core 2.22.
    mask_secrets = register_secrets = None

from .._auth.sources import VARIABLES
from .._http.errors import InvalidOptionError
from .._http.redact import SHORTEST, STARS, name_in, visible

# The value of an option, and the descriptions of options by name.
OptionValue = t.Any
Options = dict[str, dict[str, OptionValue]]
Rules = tuple[tuple[object, ...], ...]
_Value = t.TypeVar("_Value")

# What Ansible writes in place of a secret value.
MASKED = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
# An empty text in these is a mistake: without them, a task would work on more or other projects.
_CHOOSING = ("project_name", "project_names", "group_ids", "org_id")
# A list of entries, for ansible-core.
_UNCHECKED: dict[str, OptionValue] = {"type": "raw", "elements": None, "options": None}


def names_of(name: str, option: t.Mapping[str, OptionValue]) -> tuple[str, ...]:
    """Return all names of an option: its own, and its aliases."""
    return (name, *option.get("aliases", ()))


def trimmed(name: str, option: t.Mapping[str, OptionValue], value: OptionValue) -> OptionValue:
    """Strip blanks around ids, blocks, names and regions; a text of blanks becomes empty.

    Secrets, comments and the contents of mappings, such as tags, stay as they are.
    """
    if isinstance(value, str):
        text = value.strip()
        if option.get("elements") == "str":
            # ansible-core splits it at the commas, and keeps the blanks.
            return ",".join(part.strip() for part in text.split(","))
        is_kept = option.get("no_log") or name == "comment" or option["type"] != "str"
        return value if text and is_kept else text
    if isinstance(value, list) and option.get("elements") == "str":
        return [item.strip() if isinstance(item, str) else item for item in value]
    return value


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

    def to_kwargs(self) -> dict[str, OptionValue]:
        """Return the keyword arguments of ArgumentSpecValidator. Lists of entries are not checked: see `read_entries`."""
        return {"argument_spec": self.core_options, **self._rules}

    @property
    def core_options(self) -> Options:
        """The options as ansible-core checks them, without entries: it names neither the wrong entry nor all mistakes."""
        return {name: {**option, **_UNCHECKED} if "options" in option else option for name, option in self.options.items()}

    @property
    def documented(self) -> dict[str, dict[str, object]]:
        """The options as documented. Options of entries that the documentation describes together in a paragraph are left out."""

        def shown(rows: Options) -> Options:
            # Tools that read an argument spec know no other keys than Ansible's.
            kept = {name: option for name, option in rows.items() if option.get("documented", True)}
            return {name: {key: value for key, value in option.items() if key != "documented"} for name, option in kept.items()}

        lists = {name: option for name, option in self.options.items() if "options" in option}
        return {**self.options, **{name: {**option, "options": shown(option["options"])} for name, option in lists.items()}}

    def without_blanks(self, given: t.Mapping[str, OptionValue]) -> dict[str, OptionValue]:
        """Return the task's options without blanks around ids and names, and without empty texts, as surveys leave them.

        Dropping an empty text must not widen the task: it stays in the options that choose projects, and a required list of
        entries becomes an empty list.

        Args:
            given: The options by the names that the task uses.
        """
        own = {alias: name for name, option in self.options.items() for alias in names_of(name, option)}
        # Unknown options are left to the check.
        found = {name: trimmed(name, self.options[own[name]], value) if name in own else value for name, value in given.items()}
        for name in [name for name, value in found.items() if name in own and value == "" and own[name] not in _CHOOSING]:
            option = self.options[own[name]]
            if "options" in option and option.get("required"):
                found[name] = []
            else:
                del found[name]
        return found

    def without_aliases(self, given: t.Mapping[str, OptionValue]) -> dict[str, OptionValue]:
        """Return the task's options as `without_blanks` does, with each alias that is set alone under the option's name.

        Otherwise Ansible first fills the option from its environment variable, and the alias counts as a second value.

        Args:
            given: The options by the names that the task and `module_defaults` use.

        Raises:
            InvalidOptionError: If two names of one option have different values. Ansible would silently prefer the alias, and
                the task might run against another project.
        """
        given = self.without_blanks(given)
        found = dict(given)
        for name, option in self.options.items():
            used = [alias for alias in names_of(name, option) if alias in given]
            for other in used[1:]:
                if str(given[other]) != str(given[used[0]]):
                    is_shown = not option.get("no_log") and not _may_hold_keys(option)
                    values = "" if not is_shown else f": {given[used[0]]!s} and {given[other]!s}"
                    raise InvalidOptionError(
                        f"{used[0]} and {other} are two names of one option, and have different values{values}.",
                        hint="Set only one of them; the other may come from module_defaults.",
                    )
            if len(used) == 1 and used != [name]:
                found[name] = found.pop(used[0])
            if option["type"] == "jsonarg" and isinstance(found.get(name), (dict, list)):
                # With no_log, Ansible would hide each value of an object separately: the name of a project, everywhere.
                found[name] = json.dumps(found[name])
        return found

    def find_secrets(self, params: t.Mapping[str, OptionValue]) -> set[str] | None:
        """Return the values of all options with no_log, those of entries too, as texts; None if they cannot be found.

        Ansible's argument check collects them as well, but stops at a malformed entry.

        Args:
            params: The options, checked or not. Those that are not set have the values of environment variables or defaults.
        """
        try:
            return set(_secrets_of(self.options, [params]))
        except (TypeError, ValueError, RecursionError):
            return None

    def to_invocation(self, params: t.Mapping[str, OptionValue], given: t.Mapping[str, OptionValue]) -> dict[str, OptionValue]:
        """Return the field `invocation` of a result: options of this spec, without secrets.

        A list of entries given as another type, such as a text, is left out, since it may contain secrets.

        Args:
            params: The options after the check, successful or not.
            given: The options before the check.
        """
        lists = [alias for name, option in self.options.items() if option.get("options") for alias in names_of(name, option)]
        odd = [name for name in lists if not isinstance(given.get(name), (list, type(None)))]
        return {"module_args": _shown(self.options, {name: value for name, value in params.items() if name not in odd})}

    def explain(self, checked: ValidationResult, module: str, given: t.Iterable[str]) -> str:
        """Return the first message of Ansible's argument check, and each unknown option, which Ansible reports last.

        Args:
            checked: The result of the check, with errors.
            module: The name of the module.
            given: The names of the options of the task.
        """
        is_listed = isinstance(checked.errors[0], errors.UnsupportedError)
        message = f"{f'Unsupported parameters for ({module}) module: ' if is_listed else ''}{visible(checked.errors.msg)}"
        known = [alias for name, option in self.options.items() for alias in names_of(name, option)]
        unknown = [name for name in map(str, given) if name not in known and not name.startswith("_ansible_")]
        for name in unknown:
            message = message.replace(name, name_in(name))
        ways = [*filter(None, [explain_unknown(name, known, is_listed=is_listed) for name in unknown])]
        return " ".join([f"{message.rstrip('.')}.", *ways]) if ways else message


def explain_unknown(name: str, known: t.Iterable[str], *, is_listed: bool = False) -> str:
    """Return a sentence about an unknown option, with the one that was probably meant.

    It is empty if no option is similar, and ansible-core lists all (`is_listed`).
    """
    # Only a mistake needs it.
    from difflib import get_close_matches

    name = name_in(name)
    near = get_close_matches(name, [*known], 1, 0.55)
    if is_listed and not near:
        return ""
    return f"{name} is not an option{f' ({near[0]}?).' if near else '. Leave it out, or correct its name.'}"


def register(secrets: t.Iterable[str]) -> bool:
    """Register secrets with ansible-core, which masks them in all output; return whether it can, as from 2.22 on."""
    if register_secrets is not None:
        register_secrets(secrets)
    return register_secrets is not None


def masked(result: _Value, secrets: t.AbstractSet[str]) -> _Value:
    """Return a result with MASKED or stars in place of secrets; unchanged if ansible-core masks it.

    Args:
        result: The result, or a part of it.
        secrets: The secrets. One with fewer than SHORTEST characters is masked only where it is a whole value.
    """
    if register(secrets):
        return result
    # Later releases deprecate it, and 2.25 removes it.
    from ansible.module_utils.common.parameters import remove_values

    short = {secret for secret in secrets if len(secret) < SHORTEST}
    # The longest first, since a secret may begin with another: ansible-core 2.16 does not sort them.
    long = sorted(secrets - short, key=len, reverse=True)
    whole = _with_texts(result, lambda text: MASKED if text in short else text) if short else result
    masked: _Value = remove_values(whole, long)
    return masked


def as_shown(value: _Value) -> _Value:
    """Return a masked result as ansible-core would show it, for output of our own, such as a file."""
    shown: _Value = value if mask_secrets is None else _with_texts(value, mask_secrets)
    return shown


def _with_texts(value: OptionValue, change: t.Callable[[str], str]) -> OptionValue:
    if isinstance(value, t.Mapping):
        return {key: _with_texts(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_texts(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


def _secrets_of(options: Options, entries: t.Sequence[t.Mapping[str, OptionValue]]) -> t.Iterator[str]:
    for name, option in options.items():
        is_secret, inner = option.get("no_log"), option.get("options") or {}
        for params in entries if is_secret or inner else ():
            values = [params[alias] for alias in names_of(name, option) if alias in params]
            for value in values or (_default_values(option) if is_secret else ()):
                yield from _texts_in(value) if is_secret else _secrets_of(inner, [*_entries_in(value)])


def _default_values(option: t.Mapping[str, OptionValue]) -> t.Iterator[OptionValue]:
    """Yield the values that an option may get if the task does not set it."""
    yield option.get("default")
    if "fallback" in option:
        function, *args = option["fallback"]
        with contextlib.suppress(errors.AnsibleFallbackNotFound):
            yield function(*(args[0] if args else ()))


def _entries_in(value: OptionValue) -> t.Iterator[t.Mapping[str, OptionValue]]:
    """Yield the entries in the value of an option with suboptions, those of nested lists included.

    An entry may be a text, as in `vpc_id=… aws_profile=…`.
    """
    if isinstance(value, t.Mapping):
        yield value
    elif isinstance(value, str):
        with contextlib.suppress(TypeError, ValueError):
            yield check_type_dict(value)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _entries_in(item)


def _texts_in(value: OptionValue) -> t.Iterator[str]:
    """Yield the texts in the value of an option with no_log, each also as it is written in JSON and by Python's `repr`."""
    if isinstance(value, t.Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts_in(item)
    elif value not in (None, "") and not isinstance(value, bool):
        text = str(value)
        yield from {text, json.dumps(text)[1:-1], repr(text)[1:-1]}


def _shown(options: t.Mapping[str, OptionValue], params: t.Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """Return the options of a spec, without secrets and malformed entries."""
    shown = {}
    for name, option in options.items():
        for alias in names_of(name, option):
            value = params.get(alias)
            if value is None:
                pass
            elif option.get("no_log") and value != "":
                value = MASKED
            elif option.get("options"):
                value = [_shown(option["options"], entry) for entry in value if isinstance(entry, t.Mapping)]
            elif _may_hold_keys(option):
                value = dict.fromkeys(value, MASKED) if isinstance(value, t.Mapping) else MASKED
            elif alias.endswith("_url") and isinstance(value, str):
                # A password in a URL is refused; the failed result must not show it.
                value = re.sub("(?s)(?<=://).*@", f"{STARS}@", value)
            if alias in params:
                shown[alias] = value
    return shown


def _may_hold_keys(option: t.Mapping[str, OptionValue]) -> bool:
    """Whether an option is a mapping that may hold a misplaced key. `no_log: false` marks one that is shown."""
    return option["type"] == "dict" and option.get("no_log") is None


@contextlib.contextmanager
def environment(variables: t.Mapping[str, str] | None = None) -> t.Iterator[None]:
    """Set environment variables inside the block, and unset empty ones, which libraries take for values.

    Options fall back to them, requests reads proxies from them, and boto3, azure-identity and google-auth read credentials.
    Empty variables of proxies stay: an empty `http_proxy` switches HTTP_PROXY off.

    Args:
        variables: The variables to set; None for none.
    """
    before = dict(os.environ)
    os.environ.update(variables or {})
    for name in [name for name, value in os.environ.items() if not value and not name.lower().endswith("_proxy")]:
        del os.environ[name]
    try:
        yield
    finally:
        for name in {*before, *os.environ}:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]


def from_variable(*names: str) -> tuple[OptionValue, list[str]]:
    """Return the `fallback` of an option: the first of these environment variables that is set and not empty."""
    return _set_variable, list(names)


def _set_variable(*names: str) -> str:
    for name in names:
        value = os.environ.get(name)
        if value:
            return value
    raise errors.AnsibleFallbackNotFound


def _from_environment(option: str) -> tuple[OptionValue, list[str]]:
    return from_variable(*VARIABLES[option])


CONNECTION = ArgumentSpec(
    {
        "group_id": {"type": "str", "aliases": ["project_id"], "fallback": _from_environment("group_id")},
        "project_name": {"type": "str"},
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

# These options choose several projects, instead of `group_id` or `project_name`. They narrow each other.
PROJECTS = ArgumentSpec(
    {
        "group_ids": {"type": "list", "elements": "str", "aliases": ["project_ids"]},
        "project_names": {"type": "list", "elements": "str"},
        "org_id": {"type": "str"},
    }
)

WAIT = ArgumentSpec(
    {
        "wait": {"type": "bool", "default": False},
        "wait_timeout": {"type": "int", "default": 1800},
        "wait_sleep": {"type": "int", "default": 10},
    }
)

# The plan file on the controller: the action plugin passes its path and content. For fronts with a `review`.
PLAN_FILE = ArgumentSpec({"plan_file": {"type": "raw"}, "plan_max_age": {"type": "int", "default": 7}})
