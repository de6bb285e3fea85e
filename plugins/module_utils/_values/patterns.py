# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Patterns over the fields of an object, such as `{vpc_id: vpc-0a*, container_id: …}`."""

from __future__ import annotations

import fnmatch
import typing as t

from .invalid import InvalidValueError

Parse = t.Callable[[str], t.Any]
Pattern = t.Mapping[str, t.Optional[str]]

_WILDCARDS = frozenset("*?[")


def parse_pattern(pattern: t.Mapping[str, t.Any], forms: t.Mapping[str, Parse | None]) -> Pattern:
    """Return a pattern with its values as texts. A null stays null and matches nothing.

    Args:
        pattern: Values by field. A value may have shell wildcards (`*`, `?`, `[…]`); any other is parsed by its form.
        forms: The known fields, each with its parser, which raises InvalidValueError; None for a field that takes any text.

    Raises:
        InvalidValueError: If the pattern is empty, or has an unknown field or an invalid value. The message follows the name of
            the pattern.
    """
    if not pattern:
        raise InvalidValueError(" is empty", f"Give at least one of {', '.join(forms)}.")
    parsed: dict[str, str | None] = {}
    for name, value in pattern.items():
        if name not in forms:
            raise InvalidValueError(f".{name} is not a field", f"There are {', '.join(forms)}.")
        if isinstance(value, bool) or not isinstance(value, (str, int, type(None))):
            raise InvalidValueError(f".{name} is not a text: {value!r}", "Give a text, with * for any characters.")
        parsed[name] = text = None if value is None else str(value)
        parse = forms[name]
        if text is None or parse is None or _WILDCARDS & set(text):
            continue
        try:
            parsed[name] = str(parse(text))
        except InvalidValueError as error:
            raise InvalidValueError(f".{name} {error}", error.hint) from None
    return parsed


def matches(pattern: Pattern, fields: t.Mapping[str, t.Any], caseless: t.Container[str] = ()) -> bool:
    """Whether an object matches all fields of a pattern. A null, in either, and a missing field match nothing.

    Args:
        pattern: The pattern.
        fields: The fields of the object.
        caseless: The fields that are compared without regard to case.
    """
    return all(
        value is not None and fields.get(name) is not None and _fits(str(fields[name]), value, is_caseless=name in caseless)
        for name, value in pattern.items()
    )


def _fits(text: str, value: str, *, is_caseless: bool) -> bool:
    return fnmatch.fnmatchcase(text.lower(), value.lower()) if is_caseless else fnmatch.fnmatchcase(text, value)
