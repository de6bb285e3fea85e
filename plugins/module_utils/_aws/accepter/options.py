# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The options of the module atlas_vpc_peer_accepter, and the checks of their values before anything is read. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import WAIT, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.rules import (
    check_account_id,
    check_connection_id,
    check_object_id,
    check_private_network,
    check_vpc_id,
    check_wait,
)

from ..options import AWS_OPTIONS

Parameters = t.Mapping[str, t.Any]

ARGUMENT_SPEC = (
    AWS_OPTIONS
    + WAIT
    + ArgumentSpec(
        {
            "connection_id": {"type": "str"},
            "vpc_id": {"type": "str"},
            "aws_account_id": {"type": "str"},
            "route_table_cidr_block": {"type": "str"},
            "atlas_cidr_block": {"type": "str"},
            "atlas_aws_account_ids": {"type": "list", "elements": "str"},
            "route_table_ids": {"type": "list", "elements": "str"},
            "route_table_tags": {"type": "dict"},
            "replace_routes": {"type": "bool", "default": False},
            "accept": {"type": "bool", "default": True},
            "dns": {"type": "str", "choices": ["warn", "enable", "ignore"], "default": "warn"},
            "tags": {"type": "dict", "aliases": ["resource_tags"]},
            "security_group_ids": {"type": "list", "elements": "str"},
            "group_id": {"type": "str", "aliases": ["project_id"]},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        mutually_exclusive=(("route_table_ids", "route_table_tags"),),
    )
)

_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_ROUTE_TABLE = re.compile(r"rtb-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_SECURITY_GROUP = re.compile(r"(?:[0-9]{12}/)?sg-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_MOST_TAG_KEY, _MOST_TAG_VALUE = 128, 256


def validate(params: Parameters, check_mode: bool) -> list[str]:
    """Check the options without the network.

    Raises:
        InvalidOptionError: When an option cannot be right, or one is missing.
    """
    _check_ids(params)
    for option in ("route_table_cidr_block", "atlas_cidr_block"):
        if params[option] is not None:
            check_private_network(option, params[option])
    for option in ("atlas_aws_account_ids", "route_table_ids", "route_table_tags"):
        if params[option] is not None and not params[option]:
            raise InvalidOptionError(f"{option} is empty.", hint="Name at least one, or leave the option out.")
    for option in ("tags", "route_table_tags"):
        to_tags(option, params[option])
    check_wait(params)
    _check_identity(params, check_mode)
    return []


def _check_ids(params: Parameters) -> None:
    if params["connection_id"] is not None:
        _check_connection_id(params["connection_id"])
    if params["vpc_id"] is not None:
        check_vpc_id("vpc_id", params["vpc_id"])
    if params["group_id"] is not None:
        check_object_id("group_id", params["group_id"])
    if params["aws_account_id"] is not None:
        check_account_id("aws_account_id", params["aws_account_id"])
    for one in params["atlas_aws_account_ids"] or []:
        check_account_id("atlas_aws_account_ids", one)
    for option, pattern, example in (
        ("route_table_ids", _ROUTE_TABLE, "rtb-0a1b2c3d4e5f67890"),
        ("security_group_ids", _SECURITY_GROUP, "sg-0a1b2c3d4e5f67890, or with its account: 123456789012/sg-0a1b2c3d4e5f67890"),
    ):
        for one in params[option] or []:
            if not pattern.fullmatch(one):
                raise InvalidOptionError(f"{option} has a malformed id: {one!r}.", hint=f"Write it like {example}.")


def _check_connection_id(value: str) -> None:
    if _OBJECT_ID.fullmatch(value):
        raise InvalidOptionError(
            f"connection_id is not the id of a peering connection in AWS: {value!r}.",
            hint="That is an id of Atlas. Take connection_id of the results of atlas_vpc_peer, which begins with pcx-.",
        )
    check_connection_id("connection_id", value)


def _check_identity(params: Parameters, check_mode: bool) -> None:
    """Check that the options say which connection, or which VPC, is meant."""
    if params["connection_id"] is not None:
        return
    if params["state"] == "absent":
        missing = [option for option in ("vpc_id", "atlas_cidr_block") if params[option] is None]
        if missing:
            raise InvalidOptionError(
                f"Without connection_id, state absent needs {' and '.join(missing)}.",
                hint="Then it deletes the routes to atlas_cidr_block that lead to ended connections of the VPC.",
            )
    elif not check_mode:
        raise InvalidOptionError(
            "connection_id is required.",
            hint="It is in the results of atlas_vpc_peer with wait: true. Only in check mode may it be left out, with vpc_id.",
        )
    elif params["vpc_id"] is None:
        raise InvalidOptionError("Without connection_id, check mode needs vpc_id.", hint="Set one of them.")


def to_tags(option: str, value: t.Mapping[t.Any, t.Any] | None) -> dict[str, str]:
    """Return the tags of an option as text.

    Raises:
        InvalidOptionError: When AWS would not take one.
    """
    tags = {}
    for key, content in (value or {}).items():
        if content is None or isinstance(content, (bool, dict, list)):
            # Of a boolean, nobody can tell which of its spellings is meant.
            raise InvalidOptionError(
                f"{option} has no text for {key!r}.", hint="Write the value of the tag in quotes; it may be empty."
            )
        name, text = str(key), str(content)
        if not 0 < len(name) <= _MOST_TAG_KEY or len(text) > _MOST_TAG_VALUE:
            raise InvalidOptionError(
                f"{option}: {name!r} is too long or empty.",
                hint=f"AWS takes keys of up to {_MOST_TAG_KEY} characters, and values of up to {_MOST_TAG_VALUE}.",
            )
        if option == "tags" and name.lower().startswith("aws:"):
            raise InvalidOptionError(f"tags has {name!r}: names that begin with aws: are AWS's own.", hint="Choose another one.")
        tags[name] = text
    return tags
