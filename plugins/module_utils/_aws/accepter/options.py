# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the module atlas_vpc_peer_accepter, and the checks of their values before anything is read."""

from __future__ import annotations

import typing as t

from ..._engine.argspec import WAIT, ArgumentSpec
from ..._engine.options import Parameters, check_wait, parse_option
from ..._http.errors import InvalidOptionError
from ..._values.blocks import parse_private_block
from ..._values.ids import (
    parse_account_id,
    parse_connection_id,
    parse_object_id,
    parse_route_table_id,
    parse_security_group_id,
    parse_vpc_id,
)
from ..._values.invalid import InvalidValueError
from ..options import AWS_OPTIONS

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
            "route_table_tags": {"type": "dict", "no_log": False},
            "replace_routes": {"type": "bool", "default": False},
            "accept": {"type": "bool", "default": True},
            "dns": {"type": "str", "choices": ["warn", "enable", "ignore"], "default": "warn"},
            "tags": {"type": "dict", "no_log": False, "aliases": ["resource_tags"]},
            "purge_tags": {"type": "bool", "default": False},
            "security_group_ids": {"type": "list", "elements": "str"},
            "group_id": {"type": "str", "aliases": ["project_id"]},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        mutually_exclusive=(("route_table_ids", "route_table_tags"),),
    )
)

_MOST_TAG_KEY, _MOST_TAG_VALUE = 128, 256


def _parse_connection_id(value: str) -> str:
    try:
        parse_object_id(value)
    except InvalidValueError:
        return parse_connection_id(value)
    raise InvalidValueError(
        f"is not the id of a peering connection in AWS: {value!r}",
        "That is an id of Atlas. Take connection_id of the results of atlas_vpc_peer, which begins with pcx-.",
    )


# The parser of each option, or of each element of a list.
_PARSERS: dict[str, t.Callable[[str], object]] = {
    "connection_id": _parse_connection_id,
    "vpc_id": parse_vpc_id,
    "group_id": parse_object_id,
    "aws_account_id": parse_account_id,
    "atlas_aws_account_ids": parse_account_id,
    "route_table_ids": parse_route_table_id,
    "security_group_ids": parse_security_group_id,
    "route_table_cidr_block": parse_private_block,
    "atlas_cidr_block": parse_private_block,
}


def validate(params: Parameters) -> None:
    """Check the options without the network.

    Raises:
        InvalidOptionError: If an option is invalid, or one is missing that is required without `connection_id`.
    """
    for option, parse in _PARSERS.items():
        values = params[option] if isinstance(params[option], list) else [params[option]]
        for one in values:
            if one is not None:
                parse_option(option, one, parse)
    for option in ("atlas_aws_account_ids", "route_table_ids", "route_table_tags"):
        if params[option] is not None and not params[option]:
            raise InvalidOptionError(f"{option} is empty.", hint="Name at least one, or leave the option out.")
    for option in ("tags", "route_table_tags"):
        to_tags(option, params[option])
    check_wait(params)
    if params["connection_id"] is None:
        _check_vpc(params)


def require_connection(params: Parameters) -> None:
    """Check that `connection_id` is set. State absent does without it, and so does check mode with `vpc_id`.

    Raises:
        InvalidOptionError: If it is missing with state present.
    """
    if params["connection_id"] is None and params["state"] == "present":
        raise InvalidOptionError(
            "connection_id is required.",
            hint="It is in the results of atlas_vpc_peer with wait: true. Only in check mode may it be left out, with vpc_id.",
        )


def _check_vpc(params: Parameters) -> None:
    """Check the options that are required without `connection_id`."""
    if params["state"] == "absent":
        missing = [option for option in ("vpc_id", "atlas_cidr_block") if params[option] is None]
        if missing:
            raise InvalidOptionError(
                f"Without connection_id, state absent needs {' and '.join(missing)}.",
                hint="With them, it deletes the routes to atlas_cidr_block that lead to ended connections of the VPC.",
            )
    elif params["vpc_id"] is None:
        require_connection(params)


def to_tags(option: str, value: t.Mapping[object, object] | None) -> dict[str, str]:
    """Return the tags of an option as text.

    Raises:
        InvalidOptionError: If a value is not text, or AWS would refuse the tag.
    """
    tags = {}
    for key, content in (value or {}).items():
        if content is None or isinstance(content, (bool, dict, list)):
            # The spelling of a boolean is lost: yes and true are the same by now.
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
