# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error for an invalid value; and patterns over the fields of an object, such as `{vpc_id: vpc-0a*, container_id: …}`."""

from __future__ import annotations

import fnmatch
import typing as t

Parse = t.Callable[[str], t.Any]
# The fields of patterns, each with its parser, which raises InvalidValueError; None for a field that takes any text.
Forms = t.Mapping[str, t.Optional[Parse]]
Pattern = t.Mapping[str, t.Optional[str]]
# Whether a value of an object, which may be missing, fits the text of a pattern.
Fits = t.Callable[[t.Any, str], bool]


class InvalidValueError(ValueError):
    """An invalid value; the caller adds the name of the option.

    Args:
        problem: What is wrong. It follows the name of the option in the message: `is not a CIDR block: '10.0.0.0'`.
        hint: What to do next, as a sentence.
    """

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint


def parse_pattern(pattern: t.Mapping[str, object], forms: Forms, place: str = "", wildcards: str = "*?") -> Pattern:
    """Return a pattern with its values as texts. A null stays null and matches nothing.

    Args:
        pattern: Values by field. A value may have wildcards; any other is parsed by its form.
        forms: The known fields.
        place: The pattern, as the task names it; empty if the fields are options.
        wildcards: The characters that stand for others.

    Raises:
        InvalidValueError: If the pattern is empty, or has an unknown field or an invalid value.
    """
    if not pattern:
        raise InvalidValueError(f"{place} is empty", f"Give at least one of {', '.join(forms)}.")
    parsed, begin = dict[str, "str | None"](), f"{place}." if place else ""
    for name, value in pattern.items():
        if name not in forms:
            raise InvalidValueError(f"{begin}{name} is not a field", f"There are {', '.join(forms)}.")
        if isinstance(value, bool) or not isinstance(value, (str, int, type(None))):
            raise InvalidValueError(f"{begin}{name} is not a text: {value!r}", "Give a text, with * for any characters.")
        parsed[name] = text = None if value is None else str(value)
        parse = forms[name]
        if text is None or parse is None or set(wildcards) & set(text):
            continue
        try:
            parsed[name] = str(parse(text))
        except InvalidValueError as error:
            raise InvalidValueError(f"{begin}{name} {error}", error.hint) from None
    return parsed


def matches(pattern: Pattern, fields: t.Mapping[str, object], fits: t.Mapping[str, Fits]) -> bool:
    """Whether an object matches all fields of a pattern. A null in the pattern and a field that the object lacks match nothing.

    Args:
        pattern: The pattern.
        fields: The fields of the object.
        fits: The functions that compare some of the fields; `fits_text` compares the others.
    """
    return all(
        value is not None and name in fields and fits.get(name, fits_text)(fields[name], value) for name, value in pattern.items()
    )


def fits_text(value: object, text: str) -> bool:
    """Whether a value fits a text with the wildcards `*` and `?`, so that each text fits itself; a missing value fits none."""
    return fits_shell(value, text.replace("[", "[[]"))


def fits_shell(value: object, text: str) -> bool:
    """Whether a value fits a text with a shell's wildcards, `[…]` too; a missing value fits none."""
    return value is not None and fnmatch.fnmatchcase(str(value), text)


def fits_in_any_case(value: object, text: str) -> bool:
    """Whether a value fits a text as with `fits_text`, in upper or lower case."""
    return value is not None and fits_text(str(value).lower(), text.lower())
