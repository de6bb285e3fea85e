# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Rules for option values, checked before anything is sent. Each names the option and says what to do."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import InvalidOptionError

from .regions import KNOWN_REGIONS

# RFC 1918: Atlas refuses every other range (INVALID_ROUTE_TABLE_CIDR, ATLAS_INVALID_CIDR_RANGE).
_PRIVATE_NETWORKS = tuple(ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
# A year.
LONGEST_WAIT = 31536000
_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_VPC_ID = re.compile(r"vpc-([0-9a-f]{8}|[0-9a-f]{17})")
_CONNECTION_ID = re.compile(r"pcx-([0-9a-f]{8}|[0-9a-f]{17})")
# The largest number of 12 digits that begins with 0 and can be read as octal: 077777777777.
_LARGEST_OCTAL = 0o77777777777


def check_object_id(option: str, value: str) -> None:
    """Check an id of Atlas: 24 hexadecimal digits.

    Raises:
        InvalidOptionError: When it is none; an AWS id given in its place is called by its name.
    """
    if _OBJECT_ID.fullmatch(value):
        return
    if not value.strip():
        raise InvalidOptionError(f"{option} is empty.", hint="Give an id of Atlas, 24 hexadecimal digits.")
    hint = "Atlas's ids are 24 hexadecimal digits, in lower case."
    if value.startswith("pcx-"):
        hint = (
            f"That is AWS's id of the connection (connection_id in the results); {option} is Atlas's own, in id of the results."
        )
    elif value.startswith("vpc-"):
        hint = f"That is the id of a VPC, which belongs into vpc_id; {option} is an id of Atlas, 24 hexadecimal digits."
    raise InvalidOptionError(f"{option} is malformed: {value!r}.", hint=hint)


def check_account_id(option: str, value: str) -> None:
    """Check the id of an AWS account: 12 digits.

    Raises:
        InvalidOptionError: When it is not one; a number that YAML has changed is explained.
    """
    if not _ACCOUNT_ID.fullmatch(value):
        _refuse_id(option, value, "an AWS account", _account_hint(value))


def _account_hint(value: str) -> str:
    digits = re.sub(r"[\s-]", "", value)
    if _ACCOUNT_ID.fullmatch(digits):
        return f"Write it as {digits}, in quotes."
    if re.fullmatch(r"[0-9]{11}", value):
        return f"A leading zero is probably lost: put it in quotes, as '0{value}'."
    if re.fullmatch(r"[0-9]{1,10}", value) and int(value) <= _LARGEST_OCTAL:
        meant = f"{int(value):012o}"
        return f"YAML reads a number that begins with 0 as octal, so {meant} was probably meant: put it in quotes, as '{meant}'."
    return "The id of an AWS account is 12 digits."


def check_vpc_id(option: str, value: str) -> None:
    """Check the id of a VPC: C(vpc-) and 17 hexadecimal digits, or 8.

    Raises:
        InvalidOptionError: When it is not one.
    """
    _check_aws_id(option, value, _VPC_ID, "a VPC", "The id of a VPC is vpc- and 17 hexadecimal digits (8 in old accounts).")


def check_connection_id(option: str, value: str) -> None:
    """Check the id that AWS gives a peering connection: C(pcx-) and 17 hexadecimal digits, or 8.

    Raises:
        InvalidOptionError: When it is not one.
    """
    hint = "AWS's id of a peering connection is pcx- and 17 hexadecimal digits (8 in old accounts)."
    if _OBJECT_ID.fullmatch(value):
        hint += " This is an id of Atlas, which belongs in peer_id."
    _check_aws_id(option, value, _CONNECTION_ID, "a peering connection in AWS", hint)


def _check_aws_id(option: str, value: str, pattern: re.Pattern[str], what: str, hint: str) -> None:
    if not pattern.fullmatch(value):
        written = value.strip().lower()
        _refuse_id(option, value, what, f"Write it as {written}." if pattern.fullmatch(written) else hint)


def _refuse_id(option: str, value: str, what: str, hint: str) -> t.NoReturn:
    if not value.strip():
        raise InvalidOptionError(f"{option} is empty.", hint="Set it; often a variable in the playbook has no value.")
    raise InvalidOptionError(f"{option} is not the id of {what}: {value!r}.", hint=hint)


# The ids of AWS among the options of the modules that talk to Atlas.
_AWS_IDS: dict[str, t.Callable[[str, str], None]] = {
    "aws_account_id": check_account_id,
    "vpc_id": check_vpc_id,
    "connection_id": check_connection_id,
}


def check_aws_ids(params: t.Mapping[str, t.Any]) -> list[str]:
    """Check the ids of AWS among the options.

    Returns:
        With version 1.0 of the API, whose documentation itself shows ids of other forms, a warning for each such id.

    Raises:
        InvalidOptionError: When an id is empty, or cannot be one of AWS.
    """
    warnings = []
    for option, check in _AWS_IDS.items():
        value = params.get(option)
        if value is None:
            continue
        try:
            check(option, value)
        except InvalidOptionError as error:
            if params["api_version"] == "v2" or not value.strip():
                raise
            warnings.append(f"{error} Atlas decides whether it accepts the value.")
    return warnings


def check_wait(params: t.Mapping[str, t.Any]) -> None:
    """Check the options for waiting.

    Raises:
        InvalidOptionError: When they leave no time.
    """
    for option in ("wait_timeout", "wait_sleep"):
        if params[option] < 1:
            raise InvalidOptionError(f"{option} must be at least 1 second.")
        if params[option] > LONGEST_WAIT:
            raise InvalidOptionError(f"{option} must be {LONGEST_WAIT} seconds at the most.")


def check_network(option: str, value: str, hint: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Check a CIDR block: without host bits, in the form that Atlas gives back.

    Raises:
        InvalidOptionError: When it is not; the message gives the block that was probably meant.
    """
    try:
        network = ipaddress.ip_network(value, strict=False)
        address = ipaddress.ip_address(value.partition("/")[0])
    except ValueError:
        raise InvalidOptionError(f"{option} is not a CIDR block: {value!r}.", hint=hint) from None
    if "/" not in value:
        raise InvalidOptionError(f"{option} is an address without a prefix length: {value!r}.", hint=hint)
    if address != network.network_address:
        raise InvalidOptionError(f"{option} has host bits set: {value!r}.", hint=f"The block is {network}.")
    if str(network) != value:
        raise InvalidOptionError(f"{option} is not in its canonical form: {value!r}.", hint=f"Write {network}.")
    return network


def check_private_network(option: str, value: str) -> ipaddress.IPv4Network:
    """Check the CIDR block of a network in AWS or Atlas: IPv4 and private.

    Raises:
        InvalidOptionError: When it is not.
    """
    hint = "Give an IPv4 CIDR block, such as 10.0.0.0/16."
    if ":" in value:
        raise InvalidOptionError(f"{option} is an IPv6 block: {value!r}; Atlas peers IPv4 only.", hint=hint)
    network = t.cast("ipaddress.IPv4Network", check_network(option, value, hint))
    if not any(network.subnet_of(private) for private in _PRIVATE_NETWORKS):
        ranges = ", ".join(str(private) for private in _PRIVATE_NETWORKS)
        raise InvalidOptionError(f"{option} is not private: {value!r}.", hint=f"Atlas takes blocks within {ranges} only.")
    return network


def do_overlap(one: str, other: str) -> bool:
    """Whether two CIDR blocks overlap; what is no block cannot be compared, and Atlas decides."""
    try:
        return ipaddress.ip_network(one).overlaps(ipaddress.ip_network(other))
    except ValueError:
        return False


def to_aws_region(option: str, value: str) -> str:
    """Return an AWS region in AWS's own form: C(us-east-1), also for Atlas's C(US_EAST_1).

    Raises:
        InvalidOptionError: When it is neither.
    """
    region = value.strip().lower().replace("_", "-")
    if not _REGION.fullmatch(region):
        raise InvalidOptionError(f"{option} is not an AWS region: {value!r}.", hint="Write it like us-east-1 or US_EAST_1.")
    return region


def check_regions(params: t.Mapping[str, t.Any], *options: str) -> list[str]:
    """Check the AWS regions among the options.

    Returns:
        A warning for each region that is not known; Atlas decides, since AWS may have opened it.

    Raises:
        InvalidOptionError: When one cannot be a region.
    """
    unknown = [
        option for option in options if params[option] is not None and to_aws_region(option, params[option]) not in KNOWN_REGIONS
    ]
    return [
        f"{option} {params[option]!r} is not a region of AWS that this version of the collection knows. Check its spelling."
        for option in unknown
    ]
