# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pruning, the removal of undeclared objects: its options, ignored objects, and the limit of removals."""

from __future__ import annotations

import typing as t

from .._http.errors import InvalidOptionError, TaskError
from .._values.patterns import Fits, Forms, InvalidValueError, Pattern, matches, parse_pattern
from .argspec import ArgumentSpec
from .options import Parameters
from .plan import listed

if t.TYPE_CHECKING:
    from .side import ReplyValue

# The value of `max_deletions` if it is not set.
FEWEST = 1
# How many removals a sentence names.
_MOST_NAMES = 20
# How many unmatched patterns a failure shows.
_MOST_SHOWN = 5

PRUNE = ArgumentSpec(
    {
        "prune": {"type": "bool", "default": False},
        "max_deletions": {"type": "int"},
        "allow_empty": {"type": "bool", "default": False},
        "ignore": {"type": "list", "elements": "dict", "default": []},
        "ignore_unmatched": {"type": "str", "choices": ["fail", "warn"], "default": "fail"},
    }
)


def parse_prune(params: Parameters, declared: str, forms: Forms) -> tuple[Pattern, ...]:
    """Check the options for pruning, and return the patterns of `ignore`.

    Args:
        params: The options.
        declared: The name of the option with the declared list.
        forms: The fields of patterns, as for `parse_pattern`.

    Raises:
        InvalidOptionError: If an option is invalid, or `prune` is set with an empty list and without `allow_empty`.
    """
    if (params["max_deletions"] or 0) < 0:
        raise InvalidOptionError("max_deletions must be 0 or more.", hint="Set it to 0 to allow no removal at all.")
    if params["prune"] and not params[declared] and not params["allow_empty"]:
        raise InvalidOptionError(
            f"{declared} is empty, and prune would remove everything.",
            hint="Check the variable that it comes from, or set allow_empty to true if that is what you want.",
        )
    patterns = []
    for index, pattern in enumerate(params["ignore"]):
        try:
            patterns.append(parse_pattern(pattern, forms, f"ignore[{index}]"))
        except InvalidValueError as error:
            raise InvalidOptionError(f"{error}.", hint=error.hint) from None
    return tuple(patterns)


def split_ignored(
    patterns: t.Sequence[Pattern], undeclared: t.Iterable[t.Mapping[str, ReplyValue]], fits: t.Mapping[str, Fits]
) -> tuple[list[ReplyValue], list[ReplyValue]]:
    """Return the objects that a pattern matches, and the others; `fits` compares fields as for `matches`."""
    ignored: list[ReplyValue] = []
    others: list[ReplyValue] = []
    for item in undeclared:
        (ignored if any(matches(pattern, item, fits) for pattern in patterns) else others).append(item)
    return ignored, others


def check_ignore(
    params: Parameters,
    present: t.Collection[t.Mapping[str, ReplyValue]],
    fits: t.Mapping[str, Fits],
    *,
    removes: bool,
    is_about: t.Callable[[Pattern], bool] = lambda pattern: True,
) -> tuple[TaskError | None, tuple[str, ...]]:
    """Return the error for patterns that match nothing, and so may protect less than intended; and the warnings about others.

    It is an error only if the plan removes something. `ignore_unmatched` permits patterns that match nothing, but not those that
    never could because they have a null.

    Args:
        params: The options.
        present: The objects that were there when the task began, and those that the task declares.
        fits: Compares fields as for `matches`.
        removes: Whether the plan prunes objects.
        is_about: Whether a pattern can be about the objects that the task reads.
    """
    errors: list[str] = []
    warnings: list[str] = []
    hint = "Give its value, or remove the pattern."
    for index, pattern in enumerate(params["ignore"]):
        if not is_about(pattern) or any(matches(pattern, item, fits) for item in present):
            continue
        null = next((name for name, value in pattern.items() if value is None), None)
        text = f"ignore[{index}] matches nothing that is there: {dict(pattern)}."
        if null is not None:
            text = f"ignore[{index}].{null} is null, which matches nothing."
        if not removes or (null is None and params["ignore_unmatched"] == "warn"):
            warnings.append(text)
            continue
        errors.append(text)
        if null is None:
            hint = "Correct or remove the pattern, or set ignore_unmatched: warn if several projects share the list."
    if not errors:
        return None, tuple(warnings)
    more = f" So do {len(errors) - _MOST_SHOWN} more." if len(errors) > _MOST_SHOWN else ""
    text = f"{' '.join(errors[:_MOST_SHOWN])}{more} Nothing is pruned while a pattern protects nothing."
    return TaskError(text, hint=hint), tuple(warnings)


def check_ceiling(params: Parameters, removals: t.Sequence[str]) -> TaskError | None:
    """Return the error for a plan that removes more than `max_deletions`, or than one if that is not set; None for any other.

    Args:
        params: The options.
        removals: What would be removed or replaced, in words.
    """
    ceiling = FEWEST if params["max_deletions"] is None else params["max_deletions"]
    if len(removals) <= ceiling:
        return None
    return TaskError(
        f"{len(removals)} would be removed or replaced, and max_deletions allows {ceiling}: {listed(removals, _MOST_NAMES)}.",
        hint="Check the list. If that is what you want, raise max_deletions, or protect what is to stay with ignore.",
    )


def check_stranger(params: Parameters, removals: t.Sequence[str], *, is_empty: bool) -> TaskError | None:
    """Return the error for a plan that prunes a project which has nothing of the list; None if `max_deletions` is set.

    Args:
        params: The options.
        removals: What would be removed, in words.
        is_empty: Whether the list is empty.
    """
    if not removals or params["max_deletions"] is not None:
        return None
    what = "The list is empty" if is_empty else "No entry of the list has a connection in the project"
    return TaskError(
        f"{what}, and prune would remove {len(removals)}: {listed(removals, _MOST_NAMES)}. This may be the wrong project, or the "
        "first run in a project that others use as well.",
        hint="Check the project. If you want to remove them, set max_deletions; if others need them, protect them with ignore.",
    )
