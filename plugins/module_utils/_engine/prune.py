# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pruning, the removal of undeclared objects: its options, ignored objects, and the limit of removals."""

from __future__ import annotations

import typing as t

from .._http.errors import InvalidOptionError, TaskError
from .._values.invalid import InvalidValueError
from .._values.patterns import Parse, Pattern, matches, parse_pattern
from .argspec import ArgumentSpec
from .options import Parameters

PRUNE = ArgumentSpec(
    {
        "prune": {"type": "bool", "default": False},
        "max_deletions": {"type": "int", "default": 1},
        "allow_empty": {"type": "bool", "default": False},
        "ignore": {"type": "list", "elements": "dict", "default": []},
    }
)


def parse_prune(params: Parameters, declared: str, forms: t.Mapping[str, Parse | None]) -> tuple[Pattern, ...]:
    """Check the options for pruning, and return the patterns of `ignore`.

    Args:
        params: The options.
        declared: The name of the option with the declared list.
        forms: The fields of patterns, as for `parse_pattern`.

    Raises:
        InvalidOptionError: If an option is invalid, or `prune` is set with an empty list and without `allow_empty`.
    """
    if params["max_deletions"] < 0:
        raise InvalidOptionError("max_deletions must be 0 or more.", hint="Set it to 0 to allow no removal at all.")
    if params["prune"] and not params[declared] and not params["allow_empty"]:
        raise InvalidOptionError(
            f"{declared} is empty, and prune would remove everything.",
            hint="Check the variable that it comes from, or set allow_empty to true if that is what you want.",
        )
    patterns = []
    for index, pattern in enumerate(params["ignore"]):
        try:
            patterns.append(parse_pattern(pattern, forms))
        except InvalidValueError as error:
            raise InvalidOptionError(f"ignore[{index}]{error}.", hint=error.hint) from None
    return tuple(patterns)


def split_ignored(
    patterns: t.Sequence[Pattern], undeclared: t.Iterable[t.Mapping[str, t.Any]], caseless: t.Container[str] = ()
) -> tuple[list[t.Any], list[t.Any]]:
    """Return the objects that a pattern matches, and the others; `caseless` fields are compared without regard to case."""
    ignored: list[t.Any] = []
    others: list[t.Any] = []
    for one in undeclared:
        (ignored if any(matches(pattern, one, caseless) for pattern in patterns) else others).append(one)
    return ignored, others


def warn_of_unused(
    patterns: t.Sequence[Pattern], listed: t.Collection[t.Mapping[str, t.Any]], caseless: t.Container[str] = ()
) -> tuple[str, ...]:
    """Return a warning for each pattern that matches none of the listed objects: it may protect less than intended."""
    return tuple(
        f"ignore[{index}] matches nothing that is there: {dict(pattern)}. Check its spelling."
        for index, pattern in enumerate(patterns)
        if not any(matches(pattern, one, caseless) for one in listed)
    )


def check_ceiling(params: Parameters, removals: t.Sequence[str]) -> TaskError | None:
    """Return the error for a plan that removes more than `max_deletions`; None for any other.

    Args:
        params: The options.
        removals: What would be removed or replaced, in words.
    """
    ceiling = params["max_deletions"]
    if len(removals) <= ceiling:
        return None
    return TaskError(
        f"{len(removals)} would be removed or replaced, and max_deletions allows {ceiling}: {', '.join(removals)}.",
        hint="Check the list. If that is what you want, raise max_deletions, or protect what is to stay with ignore.",
    )
