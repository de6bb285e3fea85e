"""The project's IP access list: from where its clusters may be reached."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

from . import attributes
from .attributes import Body
from .errors import ApiError

MAX_ENTRIES = 200
MAX_COMMENT = 80
MAX_LIFE = timedelta(days=7)
STATUSES = ("PENDING", "ACTIVE", "FAILED")
_VALUES = ("ipAddress", "cidrBlock", "awsSecurityGroup")
_ISO_8601 = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII | re.IGNORECASE
)
# The published pattern stops at the first letter of an id; a group of another account has that account in front.
_SECURITY_GROUP = re.compile(r"([0-9]{12}/)?sg-([0-9a-f]{8}|[0-9a-f]{17})", re.ASCII)


@dataclass
class Entry:
    """One entry."""

    #: A block in CIDR notation, of a single address too, or a security group.
    value: str
    comment: str | None
    #: When it goes by itself.
    until: datetime | None
    #: When it was added, on the emulator's clock.
    since: float
    #: The status that it has whatever happens; None for the one that it comes to by itself.
    fixed_status: str | None = None

    @property
    def is_group(self) -> bool:
        """Whether it is a security group."""
        return "sg-" in self.value

    @property
    def address(self) -> str | None:
        """Its address, if it is a single one."""
        if self.is_group:
            return None
        network = ipaddress.ip_network(self.value)
        return str(network.network_address) if network.prefixlen == network.max_prefixlen else None

    def to_json(self, group_id: str, list_url: str) -> Body:
        """Return the entry as a reply shows it; seen on the wire: one for a single address has both forms, its block in its link,
        and no nulls.

        Args:
            list_url: The address of the list.
        """
        shown: Body = {"awsSecurityGroup": self.value} if self.is_group else {"cidrBlock": self.value}
        if self.address:
            shown["ipAddress"] = self.address
        if self.comment is not None:
            shown["comment"] = self.comment
        if self.until:
            shown["deleteAfterDate"] = self.until.strftime("%Y-%m-%dT%H:%M:%SZ")
        link = {"href": f"{list_url}/{quote(self.value, safe=':')}", "rel": "self"}
        return {**shown, "groupId": group_id, "links": [link]}


class AccessList:
    """The entries of one project, in the order in which they were added.

    Args:
        clock: A monotonic clock in seconds.
        now: The time of day by the same clock.
        step: Seconds until an entry is in force.
        keeps_dates: Whether an entry that expires keeps its date if it is written again without one.
    """

    def __init__(
        self, group_id: str, clock: Callable[[], float], now: Callable[[], datetime], step: float, *, keeps_dates: bool = False
    ) -> None:
        """Start without entries."""
        self._group_id = group_id
        self._clock = clock
        self._now = now
        self._step = step
        self._keeps_dates = keeps_dates
        self._by_value: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the entries."""
        return iter(list(self._by_value.values()))

    def advance(self, now: datetime, has_peers: bool) -> None:
        """Remove what has expired by then, and security groups once the project's last connection on AWS is removed."""
        for entry in self:
            if (entry.until and entry.until <= now) or (entry.is_group and not has_peers):
                del self._by_value[entry.value]

    def get(self, value: str) -> Entry:
        """Return one entry by a block, an address or a security group.

        Raises:
            ApiError: ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND, also for what cannot be a value.
        """
        entry = self._by_value.get(_canonical(value) or "")
        if entry is None:
            raise ApiError("ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND", value, self._group_id)
        return entry

    def status(self, entry: Entry) -> str:
        """Tell whether an entry has reached the cloud providers yet."""
        return entry.fixed_status or ("ACTIVE" if self._clock() - entry.since >= self._step else "PENDING")

    def add(self, bodies: Sequence[Body], has_live_peers: bool, foreign_group: Callable[[list[str]], str | None]) -> None:
        """Add entries, all or none. One for a value that is there already replaces that one.

        Args:
            has_live_peers: Whether there is a connection on AWS that security groups can be known through.
            foreign_group: Returns the first of some security groups that is known to belong to nothing that is peered.

        Raises:
            ApiError: For a body that is not right, a value that is there twice, or too many entries.
        """
        added: dict[str, Entry] = {}
        for body in bodies:
            entry = self._entry(body)
            if entry.is_group and not has_live_peers:
                raise ApiError("CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION")
            if entry.value in added:
                raise ApiError("DUPLICATE_ADDRESSES_IN_INPUT")
            added[entry.value] = entry
        if len(self._by_value.keys() | added.keys()) > MAX_ENTRIES:
            raise ApiError("ATLAS_NETWORK_PERMISSIONS_LIMIT_EXCEEDED", MAX_ENTRIES)
        groups = [entry.value for entry in added.values() if entry.is_group]
        foreign = foreign_group(groups) if groups else None
        if foreign is not None:
            # What the service answers is not documented; this is our guess.
            detail = f"The security group {foreign} is of no VPC that is peered with this project within a region."
            raise ApiError("INVALID_ATTRIBUTE", "awsSecurityGroup", detail=detail)
        self._by_value.update(added)

    def delete(self, entry: Entry) -> None:
        """Remove an entry."""
        del self._by_value[entry.value]

    def put_first(self, entry: Entry) -> None:
        """Put an entry in front of all others, unchecked."""
        self._by_value = {entry.value: entry, **self._by_value}

    def _entry(self, body: Body) -> Entry:
        # The official command line tool and MCP server name the project in each entry, read-only or not.
        if body.get("groupId") == self._group_id:
            body = {name: value for name, value in body.items() if name != "groupId"}
        attributes.check_names(body, (*_VALUES, "comment", "deleteAfterDate"), ("groupId", "links"))
        names = [name for name in _VALUES if name in body]
        if not names:
            raise ApiError("MISSING_ONE_OF_THREE_ATTRIBUTES", *_VALUES)
        if len(names) > 1:
            raise ApiError("MULTIPLE_VALUES_SPECIFIED_FOR_ONE_NETWORK_PERMISSION_ENTRY")
        value = _read_value(names[0], body[names[0]])
        comment = body.get("comment")
        if comment is not None and not isinstance(comment, str):
            raise ApiError("INVALID_ATTRIBUTE", "comment")
        if comment is not None and len(comment) > MAX_COMMENT:
            raise ApiError("INVALID_NETWORK_PERMISSION_COMMENT", comment)
        until = self._read_date(body["deleteAfterDate"]) if "deleteAfterDate" in body else None
        if until and names[0] == "awsSecurityGroup":
            raise ApiError("NETWORK_PERMISSION_EXPIRATION_NOT_SUPPORTED")
        old = self._by_value.get(value)
        if old and until and not old.until:
            # Known to the official Kubernetes operator's tests, which also make temporary entries permanent.
            raise ApiError("PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY")
        if old and self._keeps_dates:
            until = until or old.until
        return Entry(value, comment, until, old.since if old else self._clock())

    def _read_date(self, text: object) -> datetime:
        if not isinstance(text, str):
            raise ApiError("INVALID_ATTRIBUTE", "deleteAfterDate")
        try:
            match = _ISO_8601.fullmatch(text)
            if match is None:
                raise ValueError
            minute, second, fraction, offset = match.groups("")
            hours = f"{offset.replace(':', '')[:5]:0<5}" if offset[:1] in ("+", "-") else "+0000"
            # In the only form that Python 3.9 and 3.10 take, too.
            plain = f"{minute.upper()}:{second or '00'}.{fraction[:6]:0<6}{hours[:3]}:{hours[3:]}"
            date = datetime.fromisoformat(plain).astimezone(timezone.utc)
        except (ValueError, OverflowError):
            raise ApiError("INVALID_DATE_FORMAT", text) from None
        if date <= self._now():
            raise ApiError("EXPIRATION_DATE_IN_PAST")
        if date > self._now() + MAX_LIFE:
            raise ApiError("EXPIRATION_DATE_EXCEEDS_MAX", MAX_LIFE.days)
        return date


def _read_value(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ApiError("INVALID_ATTRIBUTE", name)
    canonical = _canonical(value)
    if name == "awsSecurityGroup":
        if not _SECURITY_GROUP.fullmatch(value):
            raise ApiError("INVALID_ATTRIBUTE", name)
    elif canonical is None or "sg-" in value or (name == "cidrBlock") != ("/" in value):
        raise ApiError("INVALID_IP_ADDRESS_OR_CIDR_NOTATION", value)
    return canonical or value


def _canonical(value: str) -> str | None:
    """Return the form in which a value is kept, None if it is none: a block has a length, and no host bits."""
    if _SECURITY_GROUP.fullmatch(value):
        return value
    _address, slash, length = value.partition("/")
    if slash and not (length.isascii() and length.isdigit()):
        # ipaddress alone would also take a netmask.
        return None
    try:
        # ipaddress also knows zones ("fe80::1%eth0"), which no list can hold.
        return None if "%" in value else str(ipaddress.ip_network(value))
    except ValueError:
        return None
