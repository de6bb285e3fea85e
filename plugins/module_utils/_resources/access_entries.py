# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Entries of the access list as the options give them: their checks, and what each makes of an entry that is there."""

from __future__ import annotations

import datetime
import ipaddress
import re
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.rules import check_network

from .access_list import FIELDS, SUBJECTS, Entry, name_of, to_moment

LONGEST_COMMENT = 80
LONGEST_LIFE = datetime.timedelta(days=7)
# With a prefix of this length, a block holds every address.
_ANYWHERE = "/0"


def check_entries(params: t.Mapping[str, t.Any]) -> list[str]:
    """Check the entries without the network.

    Returns:
        Warnings about entries that let everybody in.

    Raises:
        InvalidOptionError: When an entry cannot be right.
    """
    seen: set[str] = set()
    warnings: list[str] = []
    is_absent = params["state"] == "absent"
    for number, entry in enumerate(params["entries"]):
        path = f"entries[{number}]"
        _check_entry(f"{path}.", entry)
        name = str(name_of(entry))
        if name in seen:
            raise InvalidOptionError(f"{path} is {name}, which is in the list before.", hint="Give each entry once.")
        seen.add(name)
        if is_absent and params["only_own"] and entry["comment"] is None:
            raise InvalidOptionError(
                f"{path}.comment is required with only_own: it tells which entry is your own.",
                hint="Give the comment with which the entry was added, or set only_own to false.",
            )
        if not is_absent:
            if entry["delete_after_date"] is not None:
                _check_range(f"{path}.delete_after_date", entry["delete_after_date"])
            if name.endswith(_ANYWHERE):
                warnings.append(
                    f"{path} is {name}: every address on the internet may then connect to the clusters, and only their "
                    "users' passwords keep strangers out. Allow the blocks of your own networks instead."
                )
    return warnings


def _check_range(option: str, value: str) -> None:
    """Check that Atlas will take a date."""
    left = to_moment(value) - datetime.datetime.now(datetime.timezone.utc)
    if left <= datetime.timedelta(0) or left > LONGEST_LIFE:
        problem = "is more than a week ahead" if left > LONGEST_LIFE else "has passed"
        raise InvalidOptionError(f"{option} {problem}: {value!r}.", hint="Give a date within the next week.")


def _check_entry(path: str, entry: Entry) -> None:
    if all(entry[name] is None for name in SUBJECTS):
        raise InvalidOptionError(f"{path[:-1]} has nothing but nulls.", hint=f"Give one of {', '.join(SUBJECTS)}.")
    if entry["cidr_block"] is not None:
        check_network(f"{path}cidr_block", entry["cidr_block"], "Give a block such as 10.0.0.0/16, or ip_address instead.")
    elif entry["ip_address"] is not None:
        try:
            ipaddress.ip_address(entry["ip_address"])
        except ValueError:
            hint = "Give one such as 10.0.0.5, or cidr_block instead."
            raise InvalidOptionError(f"{path}ip_address is not an address: {entry['ip_address']!r}.", hint=hint) from None
    elif not re.fullmatch(r"([0-9]{12}/)?sg-[0-9a-f]+", entry["aws_security_group"]):
        raise InvalidOptionError(
            f"{path}aws_security_group is not the id of a security group: {entry['aws_security_group']!r}.",
            hint="Give one such as sg-0a1b2c3d4e5f67890.",
        )
    if entry["comment"] is not None and len(entry["comment"]) > LONGEST_COMMENT:
        raise InvalidOptionError(f"{path}comment is longer than {LONGEST_COMMENT} characters.", hint="Shorten it.")
    if entry["delete_after_date"] is not None:
        try:
            to_moment(entry["delete_after_date"])
            if entry["aws_security_group"] is not None:
                raise InvalidOptionError(f"{path}delete_after_date cannot be set for a security group.", hint="Leave it out.")
        except ValueError:
            raise InvalidOptionError(
                f"{path}delete_after_date is not an ISO 8601 date: {entry['delete_after_date']!r}.",
                hint="Write it like 2030-01-31T12:00:00Z.",
            ) from None


def _moment_of(date: t.Any) -> datetime.datetime | None:
    """Return the moment at which Atlas says that an entry goes; None for one that stays, or that says no date."""
    try:
        return to_moment(date)
    except (ValueError, AttributeError):
        return None


def merged(current: Entry | None, wanted: Entry, *, keep_comment: bool) -> Entry:
    """Return an entry as it will be: what the options leave open stays as it is, and an address is stored as a block, too."""
    entry = {**dict.fromkeys(FIELDS), **(current or {})}
    if wanted["comment"] is not None and not (keep_comment and current):
        entry["comment"] = wanted["comment"]
    date = wanted["delete_after_date"]
    if date is not None and to_moment(date) != _moment_of(entry["delete_after_date"]):
        entry["delete_after_date"] = to_moment(date).strftime("%Y-%m-%dT%H:%M:%SZ")
    if current is None:
        entry["aws_security_group"] = wanted["aws_security_group"]
        if wanted["aws_security_group"] is None:
            network = ipaddress.ip_network(str(name_of(wanted)))
            entry["cidr_block"] = str(network)
            entry["ip_address"] = str(network.network_address) if network.num_addresses == 1 else None
    return entry


def to_send(entry: Entry) -> Entry:
    """Return an entry with one subject only, as Atlas wants it."""
    return {**entry, "ip_address": None} if entry["cidr_block"] else entry
