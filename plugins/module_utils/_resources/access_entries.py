# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of the access list: their checks, and what each makes of an entry that is there. Pure."""

from __future__ import annotations

import datetime
import ipaddress
import re
import typing as t

from .._values.access_entries import key_of
from .._values.blocks import Network, parse_block
from .._values.invalid import InvalidValueError
from .._values.moments import to_moment
from .access_list import SUBJECTS, Entry

Address = t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

LONGEST_COMMENT = 80
LONGEST_LIFE = datetime.timedelta(days=7)
# With a prefix of this length, a block holds every address.
_ANYWHERE = "/0"
_SECURITY_GROUP = re.compile(r"([0-9]{12}/)?sg-[0-9a-f]+")


def _parse_block(value: str) -> Network:
    return parse_block(value, "Give a block such as 10.0.0.0/16, or ip_address instead.")


def _parse_address(value: str) -> Address:
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        hint = "Give one such as 10.0.0.5, or cidr_block instead."
        raise InvalidValueError(f"is not an address: {value!r}", hint) from None


def _parse_group(value: str) -> str:
    if not _SECURITY_GROUP.fullmatch(value):
        hint = "Give one such as sg-0a1b2c3d4e5f67890."
        raise InvalidValueError(f"is not the id of a security group: {value!r}", hint)
    return value


# What reads each subject of an entry, and raises InvalidValueError if that cannot be right.
_SUBJECT_FORMS: dict[str, t.Callable[[str], t.Any]] = {
    "cidr_block": _parse_block,
    "ip_address": _parse_address,
    "aws_security_group": _parse_group,
}
# The fields of an entry for patterns; a comment can be any text.
PATTERN_FORMS: dict[str, t.Callable[[str], t.Any] | None] = {**_SUBJECT_FORMS, "comment": None}


def check_entries(entries: t.Sequence[Entry], state: str, *, only_own: bool) -> list[str]:
    """Check entries as the options give them, and return warnings about those that let everybody in.

    Args:
        entries: The entries; what they leave open is None.
        state: Whether they are to be `present` or `absent`.
        only_own: Whether entries with another comment stay.

    Raises:
        InvalidValueError: If an entry cannot be right; the message begins with its place: `entries[0].comment is …`.
    """
    seen: set[str] = set()
    warnings: list[str] = []
    for number, entry in enumerate(entries):
        path = f"entries[{number}]"
        if all(entry.get(name) is None for name in SUBJECTS):
            raise InvalidValueError(f"{path} has nothing but nulls", f"Give one of {', '.join(SUBJECTS)}.")
        try:
            _check_entry(entry, state)
        except InvalidValueError as error:
            raise InvalidValueError(f"{path}.{error}", error.hint) from None
        name = str(key_of(entry))
        if name in seen:
            raise InvalidValueError(f"{path} is {name}, which is in the list before", "Give each entry once.")
        seen.add(name)
        if state == "absent" and only_own and entry["comment"] is None:
            raise InvalidValueError(
                f"{path}.comment is required with only_own: it tells which entry is your own",
                "Give the comment with which the entry was added, or set only_own to false.",
            )
        if state == "present" and name.endswith(_ANYWHERE):
            warnings.append(
                f"{path} is {name}: every address on the internet may then connect to the clusters, and only their "
                "users' passwords keep strangers out. Allow the blocks of your own networks instead."
            )
    return warnings


def _check_entry(entry: Entry, state: str) -> None:
    """Check an entry whose subject is given.

    Raises:
        InvalidValueError: If it cannot be right; the message begins with the name of the field.
    """
    for name, parse in _SUBJECT_FORMS.items():
        if entry[name] is not None:  # type: ignore[literal-required]
            try:
                parse(entry[name])  # type: ignore[literal-required]
            except InvalidValueError as error:
                raise InvalidValueError(f"{name} {error}", error.hint) from None
    if entry["comment"] is not None and len(entry["comment"]) > LONGEST_COMMENT:
        raise InvalidValueError(f"comment is longer than {LONGEST_COMMENT} characters", "Shorten it.")
    if entry["delete_after_date"] is not None:
        _check_date(str(entry["delete_after_date"]), entry, state)


def _check_date(date: str, entry: Entry, state: str) -> None:
    """Check the date of an entry, and that Atlas will take it where the entry is to be there."""
    try:
        left = to_moment(date) - datetime.datetime.now(datetime.timezone.utc)
    except ValueError:
        raise InvalidValueError(
            f"delete_after_date is not an ISO 8601 date: {date!r}", "Write it like 2030-01-31T12:00:00Z."
        ) from None
    if entry["aws_security_group"] is not None:
        raise InvalidValueError("delete_after_date cannot be set for a security group", "Leave it out.")
    if state == "present" and not datetime.timedelta(0) < left <= LONGEST_LIFE:
        problem = "is more than a week ahead" if left > LONGEST_LIFE else "has passed"
        raise InvalidValueError(f"delete_after_date {problem}: {date!r}", "Give a date within the next week.")


def _moment_of(date: t.Any) -> datetime.datetime | None:
    """Return the moment at which Atlas says that an entry goes; None for one that stays, or that says no date."""
    try:
        return to_moment(date)
    except (ValueError, AttributeError):
        return None


def is_name(name: str) -> bool:
    """Whether a name is one of an entry as it is known here: a block, or a security group."""
    try:
        return bool(_SECURITY_GROUP.fullmatch(name) or ipaddress.ip_network(name))
    except ValueError:
        return False


def in_both_forms(entry: Entry) -> Entry:
    """Return an entry of blocks and addresses as Atlas shows it: an address is the block that holds it alone, too.

    What is neither stays as it is.
    """
    try:
        network = ipaddress.ip_network(str(key_of(entry)))
    except ValueError:
        return entry
    address = str(network.network_address) if network.num_addresses == 1 else None
    return {**entry, "cidr_block": str(network), "ip_address": address}


def merged(current: Entry | None, wanted: Entry, *, keep_comment: bool) -> Entry:
    """Return an entry as it will be: what the options leave open stays as it is, and an address is stored as a block, too."""
    entry = current or in_both_forms({**wanted, "comment": None, "delete_after_date": None})
    if wanted["comment"] is not None and not (keep_comment and current):
        entry = {**entry, "comment": wanted["comment"]}
    date = wanted["delete_after_date"]
    if date is not None and to_moment(date) != _moment_of(entry["delete_after_date"]):
        entry = {**entry, "delete_after_date": to_moment(date).strftime("%Y-%m-%dT%H:%M:%SZ")}
    return entry


def to_send(entry: Entry) -> Entry:
    """Return an entry with one subject only, as Atlas wants it."""
    return {**entry, "ip_address": None} if entry["cidr_block"] else entry
