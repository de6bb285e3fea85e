# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Strict checks of fields in replies: an object without its list of rules would look harmless.

Each function raises a ValueError whose text completes "the reply …".
"""

from __future__ import annotations

import typing as t

JsonObject = t.Mapping[str, t.Any]


def text_in(fields: JsonObject, key: str, what: str) -> str:
    """Return a required text; `what` is the kind of the object."""
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"has a {what} without a {key}")
    return value


def number_in(fields: JsonObject, key: str, what: str) -> int:
    """Return a required number; `what` is the kind of the object."""
    value = fields.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"has a {what} without a {key}")
    return value


def flag_in(fields: JsonObject, key: str) -> bool | None:
    """Return a boolean; None if it is missing."""
    value = fields.get(key)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"has {key} that is not true or false")
    return value


def object_in(fields: JsonObject, key: str) -> JsonObject:
    """Return an object; empty if it is missing."""
    value = fields.get(key)
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"has {key} that is not an object")
    return value or {}


def properties_of(value: object, what: str) -> JsonObject:
    """Return the required properties of an object of AZURE; `what` is its kind."""
    found = value.get("properties") if isinstance(value, dict) else None
    if not isinstance(found, dict):
        raise ValueError(f"has a {what} without properties")
    return found


def objects_in(fields: JsonObject, key: str, *, is_always_there: bool = False) -> list[JsonObject]:
    """Return a list of objects; empty if it is missing, unless it is required."""
    found = fields.get(key)
    if found is None and not is_always_there:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"has {key} that is not a list of objects")
    return found


def texts_in(fields: JsonObject, key: str) -> list[str]:
    """Return a list of texts; empty if it is missing."""
    found = fields.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError(f"has {key} that is not a list of texts")
    return found
