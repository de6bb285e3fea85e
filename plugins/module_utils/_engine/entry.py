# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check of the entries of a list: ansible-core would name neither the wrong entry nor all mistakes."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.parameters import DEFAULT_TYPE_VALIDATORS

from .._http.errors import EntryError, EntryPlace, InvalidOptionError, TaskError
from .argspec import OptionValue, explain_unknown, names_of, trimmed
from .options import Value
from .plan import listed

_Error = t.TypeVar("_Error", bound=TaskError)
# The conversions of ansible-core, which raise TypeError or ValueError.
_TYPES: t.Mapping[str, t.Callable[[OptionValue], OptionValue]] = DEFAULT_TYPE_VALIDATORS
# How messages name the types of options, and those of values.
_WANTED = {"str": "a text", "path": "a path", "dict": "a mapping", "list": "a list of texts"}
_KINDS = (
    (type(None), "null"),
    (str, "a text"),
    (bool, "a boolean"),
    ((int, float), "a number"),
    (list, "a list"),
    (dict, "a mapping"),
)


# The most characters of problems in a message, before only places follow; and the most places named.
_MOST_SHOWN, _MOST_PLACES = 1200, 10


class Entry:
    """One entry of a list while it is checked: its options and its problems.

    Args:
        place: Its place in the list.
        given: The entry as the task has it.
        spec: The options of an entry, as in an argument spec.
        names: The name of each option, by its name and its aliases.
        others: The names of options that have no effect.

    Attributes:
        given: Its options as the task has them; empty if it is not a mapping.
        values: Its options under their own names; None for those that are not set.
        written: The aliases that the task uses, by the name of the option.
        problems: The errors found so far.
    """

    def __init__(
        self,
        place: EntryPlace,
        given: OptionValue,
        spec: t.Mapping[str, t.Mapping[str, OptionValue]],
        names: t.Mapping[str, str],
        others: t.Collection[str],
    ) -> None:
        self.place = place
        self.values: dict[str, OptionValue] = dict.fromkeys(spec)
        self.written: dict[str, str] = {}
        self.problems: list[TaskError] = []
        self.given: dict[str, OptionValue] = {}
        try:
            options = self.given = {str(name): value for name, value in _TYPES["dict"](given).items()}
        except (TypeError, ValueError):
            self.add(f"is {_kind_of(given)}, and not a mapping of options.", " ")
            return
        for name in options:
            if name not in names and name not in others:
                self.add(explain_unknown(name, {*names, *others}))
        found: dict[str, dict[str, OptionValue]] = {}
        for alias, name in names.items():
            if alias in options:
                options[alias] = trimmed(name, spec[name], options[alias])
                found.setdefault(name, {})[alias] = options[alias]
        for name, values in found.items():
            self._take(name, spec[name], values)

    def name(self, name: str) -> None:
        """Name the entry after its network, in its problems too."""
        self.place = self.place._replace(name=name)
        self.problems = [problem.at(problem.place and problem.place._replace(name=name)) for problem in self.problems]

    def add(self, text: str, link: str = ": ") -> None:
        """Add a problem; `link` joins the entry and the text."""
        self.problems.append(InvalidOptionError(text).at(self.place._replace(link=link)))

    def _take(self, name: str, option: t.Mapping[str, OptionValue], given: t.Mapping[str, OptionValue]) -> None:
        """Read the value of an option, under any of its names."""
        # Ignore null and '' if another name has a value.
        used = [alias for alias, value in given.items() if value not in (None, "")] or list(given)
        if not used:
            return
        if used[0] != name:
            self.written[name] = used[0]
        if any(str(given[other]) != str(given[used[0]]) for other in used[1:]):
            values = "" if option.get("no_log") else f": {given[used[0]]} and {given[used[1]]}"
            self.add(
                f"{used[0]} and {used[1]} are two names of one option, and have different values{values}. Set only one of them."
            )
        elif given[used[0]] is not None:
            self._set(name, option, used[0], given[used[0]])

    def _set(self, name: str, option: t.Mapping[str, OptionValue], alias: str, value: OptionValue) -> None:
        """Set an option, converted as ansible-core does; a list or mapping is never converted to text.

        An empty text counts as not set for other types, and for an option with choices.
        """
        if value == "" and (option["type"] != "str" or "choices" in option):
            return
        try:
            found = _converted(option["type"], option.get("elements"), value)
        except (TypeError, ValueError):
            self.add(f"{alias} must be {_WANTED[option['type']]}, and is {_kind_of(value)}.", ".")
            return
        if found in option.get("choices", (found,)):
            self.values[name] = found
        else:
            self.add(f"{alias} must be one of {', '.join(option['choices'])}, and is {found!r}.", ".")

    def attempt(self, check: t.Callable[..., Value], *args: object) -> Value | None:
        """Return what a check returns; if it raises InvalidOptionError, add that to the problems, and return None."""
        try:
            return check(*args)
        except InvalidOptionError as error:
            self.problems.append(self.named(error))
            return None

    def attempt_first(self, check: t.Callable[..., Value], *args: object) -> Value | None:
        """Attempt a check that needs an option; its problem counts only if there is none yet.

        After another problem, the missing option may be one with a wrong name or type.
        """
        before = self.problems[:]
        found = self.attempt(check, *args)
        if before:
            self.problems[:] = before
        return found

    def exclude(self, *names: str) -> None:
        """Add a problem if several of these options are set."""
        used = [self.written.get(name, name) for name in names if self.values.get(name)]
        if len(used) > 1:
            self.add(f"{used[0]} and {used[1]} are mutually exclusive. Leave one of them out.")

    def named(self, error: _Error) -> _Error:
        """Return an error about this entry that names it, and its options as the task has them."""
        return name_entry(error, self.place, self.values, self.written)


def read_entries(
    option: str, value: OptionValue, spec: t.Mapping[str, t.Mapping[str, OptionValue]], others: t.Collection[str] = ()
) -> list[Entry]:
    """Return the entries of a list, with their options and problems; ansible-core does not check them.

    Args:
        option: The name of the list.
        value: The list as the task has it.
        spec: The options of an entry, as in an argument spec.
        others: The names of options that have no effect.

    Raises:
        InvalidOptionError: If it is not a list.
    """
    if value is None:
        raise InvalidOptionError(
            f"{option} must not be null.", hint="Give a list; often a variable in the playbook has no value."
        )
    try:
        found = _TYPES["list"](value)
        if isinstance(value, str):
            found = [_TYPES["dict"](text) for text in found]
    except (TypeError, ValueError):
        # The text of a list may contain secrets.
        raise InvalidOptionError(
            f"{option} is {_kind_of(value)}, and not a list.", hint="Give a list of entries, each a mapping of its options."
        ) from None
    names = {alias: name for name, details in spec.items() for alias in names_of(name, details)}
    return [Entry(EntryPlace(option, index, " "), given, spec, names, others) for index, given in enumerate(found)]


def name_places(option: str, entries: t.Mapping[int, str]) -> str:
    """Return entries as messages name them, such as `peers[1], peers[3] to peers[7] (vpc-1, vpc-3, vpc-4 and 3 more)`.

    Args:
        option: The list.
        entries: The names of the networks, by the places of the entries; empty where they are not known.
    """
    runs: list[list[int]] = []
    for index in sorted(entries):
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    shown, more = runs[:_MOST_PLACES], sum(map(len, runs[_MOST_PLACES:]))
    places = ", ".join(f"{option}[{run[0]}]" + (f" to {option}[{run[-1]}]" if run[1:] else "") for run in shown)
    places = f"{places} and {more} more" if more else places
    names = listed(filter(None, (entries[index] for index in sorted(entries))))
    return f"{places} ({names})" if names else places


def each_problem(problems: t.Iterable[TaskError]) -> list[str]:
    """Return one text for each different problem, with the places of all entries that have it."""
    return [text for text, unused, places in _grouped(problems)]


def join_problems(problems: t.Iterable[TaskError]) -> InvalidOptionError:
    """Return one error for the problems of entries, with a line for each. Beyond a screen, only the places are named."""
    lines, rest, number = list[str](), dict[str, dict[int, str]](), 0
    for text, option, places in _grouped(problems):
        if lines and (rest or sum(map(len, (*lines, text))) > _MOST_SHOWN):
            number += 1
            rest.setdefault(option, {}).update(places)
        else:
            lines.append(text)
    if rest:
        where = " and in ".join(name_places(option, places) if option else "the task" for option, places in rest.items())
        lines.append(f"{number} more {'mistake is' if number == 1 else 'mistakes are'} in {where}.")
    return InvalidOptionError(lines[0]).with_lines(lines[1:])


def _grouped(problems: t.Iterable[TaskError]) -> list[tuple[str, str, dict[int, str]]]:
    """Return each problem once: its text, the list, and the names of the entries that have it, by their places."""
    found: dict[tuple[str, str, str], list[TaskError]] = {}
    for error in problems:
        place = error.place or EntryPlace("", 0, "")
        found.setdefault((place.option, place.link, str(error.at(None))), []).append(error)
    alike = []
    for (option, _link, _text), errors in found.items():
        places = {error.place.number: error.place.name for error in errors if error.place is not None}
        others = dict([*places.items()][1:])
        also = f" The same goes for {name_places(option, others)}." if others else ""
        alike.append((f"{errors[0]}{also}", option, places))
    return alike


def name_entry(error: _Error, place: EntryPlace, options: t.Container[str], written: t.Mapping[str, str]) -> _Error:
    """Return an error about an entry that names it: `peers[3].vpc_id is …`, or the place and the message.

    Args:
        error: The error.
        place: The place of the entry, with what stands between it and a message that does not begin with an option.
        options: The options of an entry, under the names that the error uses.
        written: The names that the task uses in place of some of these.
    """
    if error.place is None:
        link = ": " if isinstance(error, EntryError) else "." if error.option in options else place.link
        error = error.at(place._replace(link=link))
    return error.with_names(written)


def find_ignored(entries: OptionValue, names: t.Container[str]) -> list[str]:
    """Return which of the options `names` are set in unchecked entries, in their order."""
    mappings = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    found = (name for entry in mappings for name, value in entry.items() if name in names and value not in (None, ""))
    return list(dict.fromkeys(found))


def _kind_of(value: OptionValue) -> str:
    return next((text for kind, text in _KINDS if isinstance(value, kind)), type(value).__name__)


def _converted(kind: str, elements: str | None, value: OptionValue) -> OptionValue:
    """Convert a value to a type of ansible-core.

    Raises:
        TypeError, ValueError: If it is of another type.
    """
    if value is None or (kind in ("str", "path") and isinstance(value, (list, dict))):
        raise TypeError
    found = _TYPES[kind](value)
    return found if elements is None else [_converted(elements, None, item) for item in found]
