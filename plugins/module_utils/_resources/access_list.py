# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API's IP access list: requests, the keys of entries, the merge of options into an entry, and checks of options."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import re
import typing as t

from .._api.client import PAGE_SIZE, AtlasClient
from .._http.errors import ApiError, as_name, as_option
from .._values.blocks import Address, Block, network_in, parse_block
from .._values.moments import to_moment, to_text
from .._values.patterns import Fits, InvalidValueError, fits_in_any_case, fits_text

# The most entries that a project can have.
MOST_ENTRIES = 200
LONGEST_COMMENT = 80
LONGEST_LIFE = datetime.timedelta(days=7)
# The value of the option `delete_after_date` for an entry that has to be permanent.
NEVER = "never"
_SECURITY_GROUP = re.compile(r"([0-9]{12}/)?sg-[0-9a-f]+")
# The API's name of each field, by its name in options and results.
ENTRY_FIELDS = {
    "cidr_block": "cidrBlock",
    "ip_address": "ipAddress",
    "aws_security_group": "awsSecurityGroup",
    "comment": "comment",
    "delete_after_date": "deleteAfterDate",
}
# An entry has exactly one of these fields.
SUBJECTS = ("cidr_block", "ip_address", "aws_security_group")
# The code for an entry that does not exist.
NO_ENTRY = frozenset(("ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND",))
# What to do next, by error code.
ENTRY_HINTS = {
    "ATLAS_NETWORK_PERMISSIONS_LIMIT_EXCEEDED": "Remove entries that are no longer used: the access list of a project holds 200.",
    "CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION": (
        f"Create a VPC peering connection first (atlas_vpc_peer), or allow a {as_option('cidr_block')} instead."
    ),
    "DUPLICATE_ADDRESSES_IN_INPUT": "Give each entry once: an address and the block that holds it alone are the same entry.",
    "EXPIRATION_DATE_EXCEEDS_MAX": "Set delete_after_date within the next week.",
    "EXPIRATION_DATE_IN_PAST": "Set delete_after_date within the next week; the clock of Atlas counts.",
    "INVALID_IP_ADDRESS_OR_CIDR_NOTATION": f"Check {as_option('cidr_block')} and ip_address of the entries.",
    "INVALID_NETWORK_PERMISSION_COMMENT": "Shorten the comment: Atlas keeps 80 characters.",
    "NETWORK_PERMISSION_EXPIRATION_NOT_SUPPORTED": "Leave delete_after_date out for a security group.",
    "PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY": "Leave delete_after_date out, or remove the entry first (state: absent).",
}


class AccessEntry(t.TypedDict):
    """An entry, with the names of the results. Exactly one subject is set, but Atlas returns an address with its block."""

    cidr_block: str | None
    ip_address: str | None
    aws_security_group: str | None
    comment: str | None
    delete_after_date: str | None


class AccessList:
    """The IP access list of one project.

    Args:
        client: Atlas.
        group_id: The project.
    """

    def __init__(self, client: AtlasClient, group_id: str) -> None:
        self._client = client
        self._group_id = group_id
        self._path = ("groups", group_id, "accessList")

    def list_entries(self) -> dict[str, AccessEntry]:
        """Return all entries by name; see `key_of`."""
        description = f"list the access list of project {as_name(self._group_id)}"
        entries = self._client.get_all(self._path, {}, description, lambda one: key_of(to_result(one)))
        return {str(key_of(entry)): entry for entry in map(to_result, entries)}

    def create_entries(self, entries: t.Sequence[AccessEntry]) -> None:
        """Add entries, or replace existing ones, all in one request: Atlas does not accept two at once.

        Raises:
            TaskError: If Atlas refuses them or does not answer, or the list in its reply does not have all of them.
        """
        body = [{ENTRY_FIELDS[name]: value for name, value in entry.items() if value is not None} for entry in entries]
        wanted = [str(key_of(entry)) for entry in entries]
        description = f"allow {_enumerated(wanted)} in the access list of project {self._group_id}"
        # The reply is the first page of the list; the largest page has room for all entries.
        query = {"itemsPerPage": str(PAGE_SIZE)}
        results = self._client.post(self._path, body, description, query=query, hints=ENTRY_HINTS).get("results")
        listed = [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []
        found = {str(key_of(to_result(one))) for one in listed}
        missing = [name for name in wanted if spelled(name, found) not in found]
        if missing:
            raise ApiError(
                f"the reply is a list without {_enumerated(missing)}.",
                description=description,
                hint="Run the task again; if this stays, check that base_url is Atlas.",
                outcome_unknown=True,
            )

    def delete_entry(self, name: str) -> None:
        """Remove an entry.

        Raises:
            OvertakenError: If another client has removed it.
            TaskError: If it cannot be removed, or Atlas does not answer.
        """
        description = f"remove {name} from the access list of project {self._group_id}"
        self._client.delete((*self._path, name), description, gone=NO_ENTRY, hints=ENTRY_HINTS)

    def get_entry(self, name: str) -> AccessEntry:
        """Return an entry.

        Raises:
            NotFoundError: If there is no such entry.
            ApiError: If the reply is not this entry.
        """
        description = f"read {name} in the access list of project {as_name(self._group_id)}"
        entry = to_result(self._client.get((*self._path, name), description))
        if key_of(entry) != name:
            raise ApiError("the reply is not this entry.", description=description, hint="Check base_url.")
        return entry

    def get_status(self, name: str) -> str:
        """Return the status of an entry: `PENDING`, `ACTIVE` (in force) or `FAILED`.

        Raises:
            NotFoundError: If there is no such entry.
            ApiError: If the reply has no status.
        """
        description = f"read the status of {name} in the access list of project {as_name(self._group_id)}"
        status = self._client.get((*self._path, name, "status"), description).get("STATUS")
        if not isinstance(status, str):
            raise ApiError("the reply is not a status.", description=description, hint="Check base_url.")
        return status


def _enumerated(names: t.Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def to_result(entry: t.Mapping[str, object]) -> AccessEntry:
    """Return an entry of the API with the names of the results."""
    return t.cast("AccessEntry", {name: entry.get(key) for name, key in ENTRY_FIELDS.items()})


def key_of(entry: t.Mapping[str, object]) -> str | None:
    """Return the name of an entry, as in paths: its security group, or its block in canonical form; None if it has no subject.

    An address and its block (/32 or /128) are one entry: Atlas stores both fields.
    """
    if entry.get("aws_security_group"):
        return str(entry["aws_security_group"])
    subject = entry.get("cidr_block") or entry.get("ip_address")
    return _canonical(str(subject)) if subject else None


def spelled(name: str, listed: t.Collection[str]) -> str:
    """Return the name that a list has for an entry, or else the same name: a security group may have its account before it."""
    if name in listed or not _SECURITY_GROUP.fullmatch(name):
        return name
    account, _slash, group = name.rpartition("/")
    return next((one for one in listed if one.rpartition("/")[2] == group and not (account and "/" in one)), name)


@functools.lru_cache(maxsize=1024)
def _canonical(subject: str) -> str:
    """Return a block or an address as a canonical block; any other text unchanged."""
    return str(network_in(subject) or subject)


def is_name(name: str) -> bool:
    """Whether a name is a block or a security group: Atlas may have entries of a kind that is unknown here."""
    return bool(_SECURITY_GROUP.fullmatch(name) or network_in(name))


def in_both_forms(entry: AccessEntry) -> AccessEntry:
    """Return an entry as Atlas shows it: with its canonical block, and with the address of a /32 or /128.

    An entry without block and address is returned unchanged.
    """
    network = network_in(str(key_of(entry)))
    if network is None:
        return entry
    address = str(network.network_address) if network.num_addresses == 1 else None
    return {**entry, "cidr_block": str(network), "ip_address": address}


def merged(current: AccessEntry | None, wanted: AccessEntry, *, keep_comment: bool) -> AccessEntry:
    """Return the entry that Atlas will have: the current one (None: a new one) with the values that the options set.

    With `keep_comment`, a current entry keeps its comment. A date is written in UTC; an equal one stays as Atlas writes it, and
    the option `never` removes it.
    """
    entry = current or in_both_forms({**wanted, "comment": None, "delete_after_date": None})
    if wanted["comment"] is not None and not (keep_comment and current):
        entry = {**entry, "comment": wanted["comment"]}
    date = wanted["delete_after_date"]
    if date == NEVER:
        return {**entry, "delete_after_date": None}
    if date is not None and to_moment(date) != _moment_of(entry["delete_after_date"]):
        entry = {**entry, "delete_after_date": to_text(to_moment(date))}
    return entry


def _moment_of(date: t.Any) -> datetime.datetime | None:
    """Return the moment of a date; None if it is None or not a date."""
    try:
        return to_moment(date)
    except (ValueError, AttributeError):
        return None


def to_send(entry: AccessEntry) -> AccessEntry:
    """Return an entry with one subject only, as requests need it."""
    return {**entry, "ip_address": None} if entry["cidr_block"] else entry


def _parse_block(value: str) -> Block:
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


# The parser of each subject.
_SUBJECT_FORMS: dict[str, t.Callable[[str], object]] = {
    "cidr_block": _parse_block,
    "ip_address": _parse_address,
    "aws_security_group": _parse_group,
}
# The fields for patterns over entries; a comment can be any text.
ENTRY_FORMS: dict[str, t.Callable[[str], object] | None] = {**_SUBJECT_FORMS, "comment": None}


def fits_group(value: object, text: str, fits: Fits = fits_text) -> bool:
    """Whether a security group fits a text. The account before it counts only if both have one."""
    if value is None or ("/" in str(value) and "/" in text):
        return fits(value, text)
    return fits(value, text) or fits(str(value).rpartition("/")[2], text.rpartition("/")[2])


def _fits_comment(value: object, text: str) -> bool:
    """Whether a comment fits a text. An empty comment is a missing one, which only an empty text fits."""
    return fits_text(value, text) if value else not text


# How patterns compare the fields of entries: IPv6 may be in upper case.
ENTRY_FITS: t.Mapping[str, Fits] = {
    "cidr_block": fits_in_any_case,
    "ip_address": fits_in_any_case,
    "aws_security_group": fits_group,
    "comment": _fits_comment,
}


def find_mistakes(entry: AccessEntry, state: str, *, only_own: bool) -> t.Iterator[InvalidValueError]:
    """Yield what is wrong with an entry of the options; the messages begin with its fields.

    Args:
        entry: The entry; unset fields are None.
        state: The option: `present` or `absent`.
        only_own: The option: whether `absent` leaves entries with another comment.
    """
    if all(entry.get(name) is None for name in SUBJECTS):
        yield InvalidValueError("has nothing but nulls", f"Give one of {', '.join(SUBJECTS)}.")
    for name, parse in _SUBJECT_FORMS.items():
        if entry[name] is not None:  # type: ignore[literal-required]
            try:
                parse(entry[name])  # type: ignore[literal-required]
            except InvalidValueError as error:
                yield InvalidValueError(f"{as_option(name)} {error}", error.hint)
    if entry["comment"] is not None and len(entry["comment"]) > LONGEST_COMMENT:
        yield InvalidValueError(f"{as_option('comment')} is longer than {LONGEST_COMMENT} characters", "Shorten it.")
    if entry["delete_after_date"] not in (None, NEVER):
        try:
            _check_date(str(entry["delete_after_date"]), entry, state)
        except InvalidValueError as error:
            yield error
    if state == "absent" and only_own and entry["comment"] is None:
        yield InvalidValueError(
            f"{as_option('comment')} is required with only_own: it identifies your own entries",
            "Give the comment with which the entry was added, or set only_own to false.",
        )


def _check_date(date: str, entry: AccessEntry, state: str) -> None:
    """Check the date of an entry; with `present`, it must be within the next week.

    Raises:
        InvalidValueError: If it is invalid; the message begins with the field.
    """
    try:
        left = to_moment(date) - datetime.datetime.now(datetime.timezone.utc)
    except ValueError:
        raise InvalidValueError(
            f"{as_option('delete_after_date')} is not an ISO 8601 date: {date!r}", "Write it like 2030-01-31T12:00:00Z, or never."
        ) from None
    if entry["aws_security_group"] is not None:
        raise InvalidValueError(f"{as_option('delete_after_date')} cannot be set for a security group", "Leave it out.")
    if state == "present" and not datetime.timedelta(0) < left <= LONGEST_LIFE:
        problem = "is more than a week ahead" if left > LONGEST_LIFE else "has passed"
        raise InvalidValueError(f"{as_option('delete_after_date')} {problem}: {date!r}", "Give a date within the next week.")
