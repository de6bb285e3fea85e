# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The entries of a declared list of VPC peering connections: each is the options of one connection."""

from __future__ import annotations

import copy
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError, InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import (
    Parameters,
    parse_values,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.blocks import parse_private_block
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.ids import (
    parse_account_id,
    parse_connection_id,
    parse_object_id,
    parse_vpc_id,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.invalid import InvalidValueError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.regions import parse_aws_region

# What makes an entry the same as another one, beside its container.
_PAIR = ("aws_account_id", "vpc_id")
FIELDS = (*_PAIR, "route_table_cidr_block", "accepter_region_name", "container_id", "container_region_name")


def _parse_word(value: str) -> str:
    if not re.fullmatch("[A-Z_]+", value):
        raise InvalidValueError(f"is not a value of Atlas: {value!r}", "Write it in capital letters, such as AVAILABLE.")
    return value


# The fields of results, for patterns, each with the form that its values have.
PATTERN_FORMS: dict[str, t.Callable[[str], t.Any]] = {
    "id": parse_object_id,
    "connection_id": parse_connection_id,
    "vpc_id": parse_vpc_id,
    "aws_account_id": parse_account_id,
    "route_table_cidr_block": parse_private_block,
    "container_id": parse_object_id,
    "accepter_region_name": parse_aws_region,
    "status_name": _parse_word,
    "error_state_name": _parse_word,
    "provider_name": _parse_word,
}


@dataclass(frozen=True)
class Entry:
    """One entry.

    Attributes:
        index: Its place in the list, from 0.
        params: The options of the task and of the entry, as the planner of one connection takes them.
    """

    index: int
    params: Parameters

    @property
    def key(self) -> str:
        """Its name in messages: `peers[3]`."""
        return f"peers[{self.index}]"

    @property
    def pair(self) -> tuple[str, ...]:
        """The account and the VPC."""
        return tuple(self.params[name] for name in _PAIR)

    @property
    def name(self) -> str:
        """The account and the VPC, for users."""
        return "/".join(self.pair)

    @property
    def container(self) -> tuple[str, str] | None:
        """The option that names the network container, and its value; None if the entry leaves it open."""
        names = ("container_id", "container_region_name")
        return next(((name, self.params[name]) for name in names if self.params[name] is not None), None)

    @property
    def goal(self) -> str:
        """The state to wait for, in Atlas's words."""
        return str(self.params["wait_for"]).upper()

    def named(self, error: AtlasError) -> AtlasError:
        """Return a copy of an error of a single connection, with the name of the entry before its message."""
        text, named = str(error), copy.copy(error)
        is_option = text.split(" ", 1)[0].rstrip(":") in FIELDS
        named.args = (f"{self.key}.{text}" if is_option else f"{self.key} ({self.name}): {text}",)
        return named


def to_entries(params: Parameters) -> tuple[Entry, ...]:
    """Return the entries of the checked options of a task."""
    return tuple(
        Entry(index, {**params, **one, "wait_for": one["wait_for"] or params["wait_for"], "peer_id": None, "state": "present"})
        for index, one in enumerate(params["peers"])
    )


def parse_entries(params: Parameters) -> tuple[list[dict[str, t.Any]], list[str]]:
    """Return the entries of the option `peers` with values in place of texts, and warnings.

    Raises:
        InvalidOptionError: If some cannot be right; all of them are named.
    """
    parsed: list[dict[str, t.Any]] = []
    warnings: list[str] = []
    problems: list[str] = []
    for index, one in enumerate(params["peers"]):
        entry: dict[str, t.Any] = dict(one)
        for name in FIELDS:
            try:
                values, unknown = parse_values({name: one[name], "api_version": params["api_version"]})
            except InvalidOptionError as error:
                problems.append(f"peers[{index}].{error}")
            else:
                entry[name] = values[name]
                warnings += [f"peers[{index}].{warning}" for warning in unknown]
        parsed.append(entry)
    if problems:
        raise InvalidOptionError(" ".join(problems))
    return parsed, warnings
