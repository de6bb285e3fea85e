# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries in a list of connections: what each says of its network, its names for users, its cloud, and the parser."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from functools import cached_property

from .._clouds.aws import AWS
from .._clouds.cloud import BLOCK, REGION, REGIONS, Cloud
from .._clouds.clouds import CLOUDS, identity_of
from .._engine.argspec import Options
from .._engine.entry import Entry, find_ignored, name_entry, read_entries
from .._engine.options import Parameters, parse_option, parse_region
from .._http.errors import EntryError, EntryPlace, InvalidOptionError, TaskError, as_option
from .._values.blocks import parse_client_block
from .._values.ids import parse_route_table_id
from .._values.patterns import Parse
from .table import CHECK, EXCLUSIVE, PATH, SETS, ignored_by, names_of_cloud, used_by

EntryValues = dict[str, t.Any]
_Error = t.TypeVar("_Error", bound=TaskError)
# The list of each module.
LIST: t.Final = "connections"
LISTS = {SETS: "peers", CHECK: LIST, PATH: LIST}
_USED = {module: used_by(module) for module in LISTS}
# The fields of results that say which connection is meant.
FIELDS = (
    *(name for cloud in CLOUDS.values() for name in dict.fromkeys((*cloud.identity, *cloud.own_fields))),
    "container_id",
    "container_region_name",
)
_OF_CLOUDS = {cloud: names_of_cloud(cloud) for cloud in CLOUDS}


@dataclass(frozen=True)
class PeerEntry:
    """One entry of a list of connections; the check makes one for each connection of Atlas if its task has no list.

    Attributes:
        index: Its place in the list, from 0.
        provider: Its cloud.
        params: Its options under the names of its list, with defaults of the task filled in; None for those that are not set.
        written: The names under which the task has options, where these are aliases.
        task: The options of the task.
        module: The module with the list.
        found: What it leaves open and is known by now, such as the block that AWS has, under the names of results.
        tags: The tags of its network that messages show, once AWS was read. All copies of the entry share them.
    """

    index: int
    provider: Cloud
    params: Parameters = field(repr=False)
    written: t.Mapping[str, str] = field(repr=False)
    task: Parameters = field(repr=False)
    module: str = PATH
    found: Parameters = field(default_factory=dict, repr=False)
    tags: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def with_params(self, **changes: t.Any) -> PeerEntry:
        """Return the entry with other options."""
        return replace(self, params={**self.params, **changes})

    @cached_property
    def key(self) -> str:
        """Its place in messages: `connections[3]`."""
        return f"{LISTS[self.module]}[{self.index}]"

    @property
    def title(self) -> str:
        """Its place and its label: `connections[3] (vpc-0a1b2c3d app-3)`."""
        return f"{self.key} ({self.label})"

    @property
    def label(self) -> str:
        """The name of its network, with the tag Name of that where AWS was read."""
        return f"{self.name} {self.tag}".rstrip()

    @property
    def tag(self) -> str:
        """The tag Name of its network; empty where AWS was not read, or the network has none."""
        return self.tags.get("Name", "")

    @cached_property
    def name(self) -> str:
        """The name of its network, for users, with its owner; in a list for both sides, an id that is unique stands alone."""
        return short_name(self.params, self.provider, has_owner=self.module == SETS)

    @cached_property
    def network(self) -> dict[str, t.Any]:
        """The fields of the customer's network, under the names of results; None for what the entry leaves open."""
        return _values_of(self, self.provider.own_fields)

    @cached_property
    def network_id(self) -> str:
        """The id of its network, or the name where this is the id."""
        return str(self.network[self.provider.network])

    @property
    def network_title(self) -> str:
        """Its network for messages: the id of a VPC, or a noun and a name."""
        return self.provider.title(self.network_id)

    @cached_property
    def identity(self) -> tuple[str | None, ...]:
        """The values that name its network. Entries with the same identity and container mean the same connection."""
        return identity_of(self.network)

    @cached_property
    def has_half(self) -> bool:
        """Whether the task does the customer's half."""
        return bool(self.task[self.provider.switch])

    @property
    def region(self) -> str | None:
        """The region of its network, which is that of the container by default; None if the task says neither."""
        known: str | None = self.params["region"] or self.params["container_region"]
        return known if self.provider.region is not None else None

    @cached_property
    def blocks(self) -> tuple[str, ...]:
        """The blocks of the clients, as far as the entry says them."""
        one = self.params["cidr_block"]
        return (*(() if one is None else (one,)), *self.params["cidr_blocks"])

    @cached_property
    def comment(self) -> str:
        """The comment of its entries in the access list, by which these are known."""
        return str(self.params["comment"] or default_comment(self.params, self.provider))

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """The comments of the entries in the access list that are of its network: its own, and the default one."""
        return (*dict.fromkeys((self.comment, default_comment(self.params, self.provider))),)

    @cached_property
    def options(self) -> Parameters:
        """The options of the task and of the entry, as the planner of one connection takes them."""
        wait_for = self.params.get("wait_for") or ("available" if self.has_half else "pending_acceptance")
        options = {
            **self.task,
            **dict.fromkeys(FIELDS),
            **self.network,
            **_values_of(self, FIELDS[-2:]),
            "provider_name": self.provider.name,
            "wait_for": wait_for,
            "peer_id": None,
            "state": "present",
            **self.found,
        }
        return options if options["container_id"] is None else {**options, "container_region_name": None}

    @property
    def named_fields(self) -> dict[str, t.Any]:
        """The fields that requests may send, as the options name them; None for what they leave open."""
        return {name: self.options[name] for name in self.provider.writable}

    @property
    def container(self) -> tuple[str, str] | None:
        """The option that names the network container, and its value; None if the entry leaves it open."""
        return next(((name, self.options[name]) for name in FIELDS[-2:] if self.options[name] is not None), None)

    @cached_property
    def goal(self) -> str:
        """The state to wait for, as Atlas calls it."""
        return self.provider.goal(self.options["wait_for"])

    def named(self, error: _Error) -> _Error:
        """Return an error about this entry that names it, and its options as the task has them."""
        others = {
            **_names_in_list(self),
            BLOCK: "container_cidr_block",
            REGION: "container_region",
            REGIONS: "container_regions",
            "security_group_ids": "aws_security_group",
        }
        names = {} if self.module == SETS else {other: self.written.get(name, name) for other, name in others.items()}
        # Credentials that the entry has not are those of the task.
        used = _USED[self.module].items()
        own = {name for name, option in used if not option.is_credential or self.params[name] is not None}
        place = EntryPlace(LISTS[self.module], self.index, name=self.label)
        return name_entry(error, place, {*own, *names}, {**names, **self.written})


def _names_in_list(entry: PeerEntry) -> dict[str, str]:
    """Return the names of an entry's options that results call differently."""
    names = {entry.provider.block: "cidr_block", entry.provider.region: "region", "container_region_name": "container_region"}
    return {} if entry.module == SETS else {other: name for other, name in names.items() if other is not None}


def _values_of(entry: PeerEntry, names: t.Iterable[str]) -> dict[str, t.Any]:
    own = _names_in_list(entry)
    return {name: entry.params[own.get(name, name)] for name in names}


def check_tables(values: Parameters, cloud: Cloud) -> None:
    """Check the ids of route tables.

    Raises:
        InvalidOptionError: If one is malformed.
    """
    for table_id in values["route_table_ids"] or ():
        parse_option("route_table_ids", table_id, parse_route_table_id)


def parse_cidr_blocks(values: EntryValues, cloud: Cloud) -> None:
    """Parse `cidr_blocks`, the blocks of clients beside `cidr_block`.

    Raises:
        InvalidOptionError: If one is not a block, or the entry is on AWS, where the subnets have the blocks.
    """
    given = values["cidr_blocks"] or ()
    if given and cloud.judges_subnets:
        raise EntryError(
            f"{as_option('cidr_blocks')} is an option for AZURE and GCP.",
            hint="Leave it out: the subnets of the VPC have the blocks.",
        )
    values["cidr_blocks"] = tuple(
        parse_option("cidr_blocks", one, parse_client_block, number=index) for index, one in enumerate(given)
    )


class EntryParser:
    """Parses the entries of a list by the table, and records all that is wrong with each.

    A module has a subclass, which fills in what the task says for all entries, and checks what an entry needs there:

        class SetParser(EntryParser):
            module = SETS

            def check_needs(self, values: Parameters, cloud: Cloud) -> None:
                …

    The methods run in the order in which they stand here; those that raise InvalidOptionError are recorded one by one.

    Args:
        params: The options of the task.

    Attributes:
        problems: What is wrong with the list, after `parse`.
        warnings: What to warn of.
    """

    module: t.ClassVar[str]
    _spec: t.ClassVar[Options]
    _ignored: t.ClassVar[frozenset[str]]
    _places: t.ClassVar[list[str]]
    _parsers: t.ClassVar[dict[str, dict[str, Parse]]]
    checks: t.ClassVar[tuple[t.Callable[[EntryValues, Cloud], None], ...]] = (check_tables, parse_cidr_blocks)

    def __init__(self, params: Parameters) -> None:
        self.params = params
        self.problems: list[TaskError] = []
        self.warnings: list[TaskError] = []

    def __init_subclass__(cls) -> None:
        """Read the table once: a task has no need of its file."""
        options = used_by(cls.module)
        cls._spec = {name: one.spec_in(cls.module) for name, one in options.items()}
        cls._ignored = ignored_by(cls.module)
        cls._places = [name for name, one in options.items() if one.is_region]
        found = {cloud.name: {name: one.parser_for(cloud) for name, one in options.items()} for cloud in CLOUDS.values()}
        cls._parsers = {cloud: {name: one for name, one in own.items() if one is not None} for cloud, own in found.items()}

    @classmethod
    def find_ignored(cls, listed: object, others: t.Iterable[str] = ()) -> list[str]:
        """Return the options of an unchecked list that have no effect, `others` among them."""
        return find_ignored(listed, cls._ignored.union(others))

    def parse(self, listed: object) -> tuple[PeerEntry, ...]:
        """Return the entries of a list as the task has it, but for those with which something is wrong.

        Raises:
            InvalidOptionError: If it is no list.
        """
        found = read_entries(LISTS[self.module], listed, self._spec, self._ignored)
        clouds = [entry.attempt_first(self.find_cloud, entry) for entry in found]
        self.begin([cloud for cloud in clouds if cloud is not None])
        for entry, cloud in zip(found, clouds):
            if cloud is not None:
                self._parse(entry, cloud)
            self.problems += entry.problems
        return tuple(
            PeerEntry(index, cloud, entry.values, entry.written, self.params, self.module)
            for index, (entry, cloud) in enumerate(zip(found, clouds))
            if cloud is not None and not entry.problems
        )

    def _parse(self, entry: Entry, cloud: Cloud) -> None:
        values, is_misspelt = entry.values, bool(entry.problems)
        values.update(dict.fromkeys(self.unset(values, cloud)), provider_name=cloud.name)
        warnings = self.prepare(values, cloud)
        for names in EXCLUSIVE:
            entry.exclude(*names)
        for name in self._places:
            warnings += entry.attempt(self.parse_place, values, name, cloud) or ()
        self.complete(values, cloud)
        for name, parse in self.parsers(values, cloud).items():
            if values[name] is not None:
                warnings += entry.attempt(self.parse_value, values, name, parse, cloud) or ()
        for check in self.checks:
            entry.attempt(check, values, cloud)
        if not is_misspelt:
            entry.attempt(self.check_needs, values, cloud)
        warnings += self.check_credentials(entry, cloud)
        if entry.problems or warnings:
            entry.name(short_name(values, cloud, has_owner=self.module == SETS))
        self.warnings += [entry.named(TaskError(one)) for one in warnings]

    def find_cloud(self, entry: Entry) -> Cloud:
        """Return the cloud of an entry.

        Raises:
            InvalidOptionError: If its options name none.
        """
        return CLOUDS[find_cloud(entry.given)]

    def begin(self, clouds: t.Sequence[Cloud]) -> None:
        """Take the clouds of all entries, before the first is parsed."""

    def unset(self, values: Parameters, cloud: Cloud) -> list[str]:
        """Return the options whose values count as not set; for an empty id of a VPC, its parser has a better message."""
        return [name for name, value in values.items() if value == "" and not (cloud.has_unique_ids and name == cloud.network)]

    def prepare(self, values: EntryValues, cloud: Cloud) -> list[str]:
        """Fill in what the task says, before it is parsed as what the entry says, and return warnings."""
        return []

    def parse_place(self, values: EntryValues, name: str, cloud: Cloud) -> list[str]:
        """Parse a region as its cloud writes it, and return warnings.

        Raises:
            InvalidOptionError: If it is invalid, or the network containers of the cloud have none.
        """
        if values[name] is None:
            return []
        if cloud.has_one_container:
            raise self.without_regions(name, cloud)
        values[name], warnings = parse_region(name, values[name], cloud)
        return warnings

    def without_regions(self, name: str, cloud: Cloud) -> InvalidOptionError:
        """Return the error for a region on a cloud where a network container has none."""
        return InvalidOptionError(
            f"{as_option(name)}: the network container on {cloud.name} has no region; a project has one for all regions.",
            hint="Leave it out.",
        )

    def complete(self, values: EntryValues, cloud: Cloud) -> None:
        """Fill in what the task says for entries in some regions."""

    def parsers(self, values: Parameters, cloud: Cloud) -> dict[str, Parse]:
        """Return the parsers of the options on a cloud."""
        return dict(self._parsers[cloud.name])

    def parse_value(self, values: EntryValues, name: str, parse: Parse, cloud: Cloud) -> list[str]:
        """Parse an option, fill in the options that the one for the whole network stands for, and return warnings.

        Raises:
            InvalidOptionError: If it is invalid, or another option contradicts the one for the whole network.
        """
        value = parse_option(name, values[name], parse)
        if name != cloud.whole:
            values[name] = str(value)
            return []
        parts = value._asdict()
        for part in cloud.differing({one: values[one] for one in parts if values[one] is not None}, parts):
            raise EntryError(
                f"{as_option(part)} is {values[part]}, and {as_option(name)} names {parts[part]}.",
                hint=f"Leave {as_option(part)} out.",
            )
        values.update(parts)
        return []

    def check_needs(self, values: Parameters, cloud: Cloud) -> None:
        """Check that an entry has what the module needs.

        Raises:
            InvalidOptionError: If something is missing.
        """
        raise NotImplementedError

    def check_credentials(self, entry: Entry, cloud: Cloud) -> list[str]:
        """Record what is wrong with the credentials of an entry, and return warnings."""
        return []


def find_cloud(entry: Parameters) -> str:
    """Return the cloud of an entry, as its options that belong to one cloud say; `provider_name` may only confirm it.

    Args:
        entry: The entry, as the task has it.

    Raises:
        InvalidOptionError: If it names no network, has options of two clouds, or contradicts `provider_name`.
    """
    unset: tuple[object, ...] = (None, "", [])
    given = {cloud: name for cloud, names in _OF_CLOUDS.items() for name in reversed(names) if entry.get(name) not in unset}
    if entry.get(AWS.network) == "" and not given:
        # The check of the id has a better message.
        return AWS.name
    wanted = entry.get("provider_name")
    others = [name for cloud, name in given.items() if cloud != wanted]
    if wanted and others:
        raise EntryError(f"{others[0]} is not an option for {wanted}, which provider_name names.", hint="Leave one of them out.")
    if len(given) > 1:
        names = list(given.values())
        raise EntryError(
            f"{names[0]} and {names[1]} are options of two clouds.", hint="Leave one of them out, or make two entries."
        )
    if not given:
        raise InvalidOptionError(
            "names no network.",
            hint="Set vpc_id for AWS, vnet_resource_id for AZURE, or gcp_project_id and network_name for GCP.",
        )
    (found,) = given
    return found


def unchecked_clouds(entries: object) -> set[str | None]:
    """Return the clouds of unchecked entries, with None for those that the parser will refuse."""
    found: set[str | None] = set()
    for entry in entries if isinstance(entries, list) else (entries,) if entries else ():
        try:
            found.add(find_cloud(entry) if isinstance(entry, dict) else None)
        except InvalidOptionError:
            found.add(None)
    return found


def short_name(values: Parameters, cloud: Cloud, *, has_owner: bool = False) -> str:
    """Return the name of a network by its options, as far as they are set: its id alone if that is unique, unless `has_owner`.

    It is empty for an entry that does not say which network it is.
    """
    names = (cloud.network,) if cloud.has_unique_ids and not has_owner else cloud.names or cloud.identity
    return "/".join(str(values[name]) for name in names if values[name]) if values[names[-1]] else ""


def default_comment(fields: t.Mapping[str, t.Any], provider: Cloud) -> str:
    """Return the comment of a network's entries in the access list, where the list of connections says none.

    Args:
        fields: The fields of the network: those of an entry, or of a connection.
        provider: Its cloud.
    """
    from .._resources.access_list import LONGEST_COMMENT

    # Without the owner of the network.
    name = "/".join(str(fields[one]) for one in provider.names[1:]) or short_name(fields, provider)
    return f"VPC peering with {name}"[:LONGEST_COMMENT]
