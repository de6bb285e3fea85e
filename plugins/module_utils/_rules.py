# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Rules for option values, checked before anything is sent. Each names the option and says what to do."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import InvalidOptionError

# RFC 1918: Atlas refuses every other range (INVALID_ROUTE_TABLE_CIDR, ATLAS_INVALID_CIDR_RANGE).
_PRIVATE_NETWORKS = tuple(ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
# A year.
LONGEST_WAIT = 31536000
_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")


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
