# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ids of Atlas and AWS, and names of clusters, in AZURE and in GCP: each parser returns a valid text unchanged."""

from __future__ import annotations

import re
import typing as t

from .patterns import InvalidValueError

# A part of a text that is not shown yet: its kind, a key, and what is shown, between noncharacters of Unicode, which no text has.
_MARKED = re.compile("\ufdd0(.)([^\ufdd1]*)\ufdd1([^\ufdd2]*)\ufdd2")
# Returns what stands for a part, from these three groups of the match; or a template of `re.sub`.
Show = t.Union[t.Callable[["re.Match[str]"], str], str]
# Not compiled: a task uses few of these patterns, and compiling takes time.
_OBJECT_ID = r"[0-9a-f]{24}"
_CLUSTER_NAME = r"[a-zA-Z0-9][a-zA-Z0-9-]*"
_ACCOUNT_ID = r"[0-9]{12}"
# From the description of Atlas's API, for resource groups and VNets.
_AZURE_NAME = r"(?a:[-\w.()]+)"
# https://cloud.google.com/resource-manager/docs/creating-managing-projects. Old ids begin with a domain, `example.com:`, as the
# pattern of `project` in the description of the Compute Engine API says.
_GCP_PROJECT = r"(?:(?:[-a-z0-9]{1,63}\.)+[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?:)?[a-z][0-9a-z-]{4,28}[0-9a-z]"
# RFC 1035, as in the Compute Engine API for networks and peerings.
_GCP_NAME = r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?"
# The largest number of 12 digits that begins with 0 and can be read as octal: 077777777777.
_LARGEST_OCTAL = 0o77777777777


def _aws_id(prefix: str, before: str = "") -> str:
    """Return the pattern of an AWS id: 17 hexadecimal digits, or 8 in old accounts."""
    return rf"{before}{prefix}-([0-9a-f]{{8}}|[0-9a-f]{{17}})"


_VPC_ID = _aws_id("vpc")
_CONNECTION_ID = _aws_id("pcx")
_ROUTE_TABLE_ID = _aws_id("rtb")
_SECURITY_GROUP_ID = _aws_id("sg", "(?:[0-9]{12}/)?")
_SUBNET_ID = _aws_id("subnet")
_INSTANCE_ID = _aws_id("i")


def parse_object_id(value: str) -> str:
    """Return an id of Atlas: 24 hexadecimal digits.

    Raises:
        InvalidValueError: If it is not an object id; for AWS ids, the hint says where they belong.
    """
    if re.fullmatch(_OBJECT_ID, value):
        return value
    if not value.strip():
        raise InvalidValueError("is empty", "Give an id of Atlas, 24 hexadecimal digits.")
    hint = "Atlas's ids are 24 hexadecimal digits, in lower case."
    if value.startswith("pcx-"):
        hint = "That is AWS's id of the connection (connection_id in the results). Give Atlas's own, id in the results."
    elif value.startswith("vpc-"):
        hint = "That is the id of a VPC, which belongs in vpc_id. Give an id of Atlas, 24 hexadecimal digits."
    raise InvalidValueError(f"is malformed: {value!r}", hint)


def parse_project_id(value: str) -> str:
    """Return the id of a project, as `parse_object_id` does; the hint says where a name belongs.

    Raises:
        InvalidValueError: If it is not an id.
    """
    try:
        return parse_object_id(value)
    except InvalidValueError as error:
        raise InvalidValueError(str(error), f"{error.hint} The name of a project belongs in project_name.") from None


def parse_cluster_name(value: str) -> str:
    """Return the name of a cluster: letters, digits and hyphens.

    Raises:
        InvalidValueError: If it is not one. An empty name in a path would request the list of all clusters.
    """
    return _parse(
        value,
        _CLUSTER_NAME,
        "is not the name of a cluster",
        "It has letters, digits and hyphens, and does not begin with a hyphen.",
    )


def parse_account_id(value: str) -> str:
    """Return the id of an AWS account: 12 digits.

    Raises:
        InvalidValueError: If it is not one; the hint explains how YAML changes numbers with leading zeros.
    """
    if not re.fullmatch(_ACCOUNT_ID, value):
        raise _not_an_id(value, "an AWS account", _account_hint(value))
    return value


def _account_hint(value: str) -> str:
    digits = re.sub(r"[\s-]", "", value)
    if re.fullmatch(_ACCOUNT_ID, digits):
        return f"Write it as {digits}, in quotes."
    if re.fullmatch(r"[0-9]{11}", value):
        return f"A leading zero is probably lost: put it in quotes, as '0{value}'."
    if re.fullmatch(r"[0-9]{1,10}", value) and int(value) <= _LARGEST_OCTAL:
        meant = f"{int(value):012o}"
        return f"YAML reads a number that begins with 0 as octal, so {meant} was probably meant: put it in quotes, as '{meant}'."
    return "The id of an AWS account is 12 digits."


def parse_vpc_id(value: str) -> str:
    """Return the id of a VPC: `vpc-` and 17 hexadecimal digits, or 8.

    Raises:
        InvalidValueError: If it is not one.
    """
    return _parse_aws_id(value, _VPC_ID, "a VPC", "The id of a VPC is vpc- and 17 hexadecimal digits (8 in old accounts).")


def parse_connection_id(value: str) -> str:
    """Return AWS's id of a peering connection: `pcx-` and 17 hexadecimal digits, or 8.

    Raises:
        InvalidValueError: If it is not one.
    """
    hint = "AWS's id of a peering connection is pcx- and 17 hexadecimal digits (8 in old accounts)."
    if re.fullmatch(_OBJECT_ID, value):
        hint += " This is an id of Atlas, which belongs in peer_id."
    return _parse_aws_id(value, _CONNECTION_ID, "a peering connection in AWS", hint)


def parse_route_table_id(value: str) -> str:
    """Return the id of a route table: `rtb-` and 17 hexadecimal digits, or 8.

    Raises:
        InvalidValueError: If it is not one.
    """
    return _parse_listed_id(value, _ROUTE_TABLE_ID, "rtb-0a1b2c3d4e5f67890")


def parse_security_group_id(value: str) -> str:
    """Return the id of a security group: `sg-` and 17 hexadecimal digits, or 8, with an optional `<account>/` before it.

    Raises:
        InvalidValueError: If it is not one.
    """
    example = "sg-0a1b2c3d4e5f67890, or with its account: 123456789012/sg-0a1b2c3d4e5f67890"
    return _parse_listed_id(value, _SECURITY_GROUP_ID, example)


def parse_subnet_id(value: str) -> str:
    """Return the id of a subnet: `subnet-` and 17 hexadecimal digits, or 8.

    Raises:
        InvalidValueError: If it is not one.
    """
    return _parse_listed_id(value, _SUBNET_ID, "subnet-0a1b2c3d4e5f67890")


def parse_instance_id(value: str) -> str:
    """Return the id of an instance: `i-` and 17 hexadecimal digits, or 8.

    Raises:
        InvalidValueError: If it is not one.
    """
    return _parse_listed_id(value, _INSTANCE_ID, "i-0a1b2c3d4e5f67890")


def _parse_listed_id(value: str, pattern: str, example: str) -> str:
    return _parse(value, pattern, "has a malformed id", f"Write it like {example}.")


def _parse_aws_id(value: str, pattern: str, what: str, hint: str) -> str:
    if not re.fullmatch(pattern, value):
        written = value.strip().lower()
        raise _not_an_id(value, what, f"Write it as {written}." if re.fullmatch(pattern, written) else hint)
    return value


def _not_an_id(value: str, what: str, hint: str) -> InvalidValueError:
    if not value.strip():
        return InvalidValueError("is empty", "Set it; often a variable in the playbook has no value.")
    return InvalidValueError(f"is not the id of {what}: {value!r}", hint)


def parse_azure_name(value: str) -> str:
    """Return the name of a resource group or VNet, unchanged.

    Raises:
        InvalidValueError: If it is not one.
    """
    hint = "Give the name: letters, digits, hyphens, underscores, periods and parentheses."
    if "/" in value:
        hint = "Give the name alone, the last part of the resource id; vnet_resource_id takes the id of a VNet as a whole."
    return _parse(value, _AZURE_NAME, "is not a name in AZURE", hint)


def parse_gcp_project(value: str) -> str:
    """Return the id of a project, unchanged.

    Raises:
        InvalidValueError: If it is not one.
    """
    hint = "Give the id of the project, and not its number or its name: 6 to 30 lower-case letters, digits and hyphens."
    return _parse(value, _GCP_PROJECT, "is not the id of a GCP project", hint)


def parse_gcp_name(value: str) -> str:
    """Return the name of a VPC network or a peering, unchanged.

    Raises:
        InvalidValueError: If it is not one.
    """
    hint = "Give 1 to 63 lower-case letters, digits and hyphens, a letter first and no hyphen at the end."
    if "/" in value:
        hint = "Give the name alone, the last part of the address."
    return _parse(value, _GCP_NAME, "is not a name in GCP", hint)


def _parse(value: str, pattern: str, problem: str, hint: str) -> str:
    if re.fullmatch(pattern, value):
        return value
    raise InvalidValueError(f"{problem}: {value!r}", hint)


def written(text: str, show: Show = r"\3") -> str:
    """Return a text with what `show` returns in place of each part that is marked."""
    return _MARKED.sub(show, text)
