# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of a list of connections for both sides: their options, the rules of the list, and their names in messages."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from functools import cached_property, partial

from .._check.credentials import (
    AWS_NAMES,
    AZURE_NAMES,
    GCP_NAMES,
    aws_credentials_of,
    aws_names_of,
    azure_credentials_of,
    gcp_credentials_of,
    validate_aws_of_entry,
)
from .._check.entries import (
    ENTRY_OPTIONS,
    EXCLUSIVE,
    check_credentials_of,
    check_tables,
    find_cloud,
    parse_cidr_blocks,
    parse_client_block,
    parse_form,
)
from .._clouds.aws import AWS
from .._clouds.azure import AZURE
from .._clouds.cloud import ALL_CLOUDS, BLOCK, CLOUDS, REGION, REGIONS, Cloud, identity_of, with_aliases
from .._clouds.gcp import GCP
from .._containers import block_form, parse_regions
from .._engine.options import Entry, Parameters, find_ignored, name_entry, parse_option, parse_region, read_entries
from .._gcp.credentials import DEFAULT_SCOPES
from .._http.errors import InvalidOptionError, TaskError
from .._peer_set.options import FIELDS, PeerEntry, find_twins
from .._resources.access_list import LONGEST_COMMENT
from .._values.blocks import parse_private_block
from .._values.ids import parse_object_id


class _Defaults(t.NamedTuple):
    """What the task says of the network container of each entry."""

    region: str | None = None
    block: str | None = None


LIST = "connections"
# What only atlas_vpc_peers has. An entry may have it, so that one list serves all of them.
_IGNORED = ("wait_for",)
_OPTIONS: dict[str, dict[str, t.Any]] = {
    **{name: one for name, one in ENTRY_OPTIONS.items() if name not in (BLOCK, *_IGNORED)},
    "container_cidr_block": with_aliases("container_cidr_block", {"type": "str"}),
}
# The option `connections` in the argument spec.
DECLARED: dict[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {**_OPTIONS, **{name: ENTRY_OPTIONS[name] for name in _IGNORED}},
}
_CREDENTIALS = {*AWS_NAMES.values(), *AZURE_NAMES.values(), *GCP_NAMES.values()}
# What the Atlas half says itself.
_WITHOUT_ATLAS = (str(AWS.accepted_id), *AZURE.check_forms, *GCP.atlas_network)


@dataclass(frozen=True)
class PathEntry:
    """One entry of the list.

    Attributes:
        index: Its place in the list, from 0.
        provider: Its cloud.
        params: Its options under the names of this list, with defaults of the task filled in; None for those that are not set.
        written: The names under which the task has options, where these are aliases.
        task: The options of the task.
    """

    index: int
    provider: Cloud
    params: Parameters = field(repr=False)
    written: t.Mapping[str, str] = field(repr=False)
    task: Parameters = field(repr=False)

    @cached_property
    def key(self) -> str:
        """Its place in messages: `connections[3]`."""
        return f"{LIST}[{self.index}]"

    @property
    def title(self) -> str:
        """Its place and its name: `connections[3] (vpc-0a1b2c3d)`."""
        return f"{self.key} ({self.name})"

    @property
    def name(self) -> str:
        """The name of its network, for users: an id alone if that is unique, and otherwise with its owner."""
        return _name_of(self.params, self.provider)

    @property
    def network(self) -> dict[str, t.Any]:
        """The fields of the customer's network, under the names of results; None for what the entry leaves open."""
        names = {self.provider.block: "cidr_block", self.provider.region: "region"}
        return {name: self.params[names.get(name, name)] for name in self.provider.own_fields}

    @cached_property
    def identity(self) -> tuple[str | None, ...]:
        """The values that name its network. Entries with the same identity and container mean the same connection."""
        return identity_of(self.network)

    @property
    def has_half(self) -> bool:
        """Whether the task does the customer's half."""
        return bool(self.task[self.provider.half[0]])

    @property
    def region(self) -> str | None:
        """The region of its network, which is that of the container by default; None if the task says neither."""
        known: str | None = self.params["region"] or self.params["container_region"]
        return known if self.provider.region is not None else None

    @property
    def blocks(self) -> tuple[str, ...]:
        """The blocks of the clients, as far as the entry says them."""
        one = self.params["cidr_block"]
        return (*(() if one is None else (one,)), *self.params["cidr_blocks"])

    @property
    def comment(self) -> str:
        """The comment of its entries in the access list, by which these are known."""
        return str(self.params["comment"] or default_comment(self.params, self.provider))

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """The comments of the entries in the access list that are of its network: its own, and the default one."""
        return (*dict.fromkeys((self.comment, default_comment(self.params, self.provider))),)

    def named(self, error: TaskError) -> TaskError:
        """Return an error about this entry that names it, and its options as the task has them."""
        names = self._names()
        # Credentials that the entry has not are those of the task.
        own = {name for name in _OPTIONS if name not in _CREDENTIALS or self.params[name] is not None}
        return name_entry(error, self.key, f" ({self.name}): ", {*own, *names}, {**names, **self.written})

    def _names(self) -> dict[str, str]:
        """Return the entry's names of options that other modules call differently."""
        own = {
            self.provider.block: "cidr_block",
            self.provider.region: "region",
            BLOCK: "container_cidr_block",
            REGION: "container_region",
            REGIONS: "container_regions",
            "container_region_name": "container_region",
            "security_group_ids": "aws_security_group",
        }
        return {other: self.written.get(name, name) for other, name in own.items() if other is not None}

    def aws_credentials(self, region: str | None) -> dict[str, t.Any]:
        """Return its credentials for AWS, or else those of the task, under the names of the session with AWS."""
        return aws_credentials_of(self.task, self.params, region, self.params[AWS.owner])

    @property
    def aws_names(self) -> dict[str, str]:
        """The names of these options in messages about entries that have the same credentials."""
        return {**aws_names_of(self.task, self.params, self.params[AWS.owner]), "region": "region"}

    def azure_credentials(self) -> dict[str, t.Any]:
        """Return its credentials for AZURE, or else those of the task, under the names of the session with AZURE.

        Raises:
            InvalidOptionError: If they contradict each other.
        """
        return azure_credentials_of(self.task, self.params)

    def gcp_credentials(self) -> dict[str, t.Any]:
        """Return its credentials for GCP, or else those of the task, under the names of the session with GCP.

        Raises:
            InvalidOptionError: If they contradict each other.
        """
        return gcp_credentials_of(self.task, self.params, DEFAULT_SCOPES)

    def peer_entry(self, **own: t.Any) -> PeerEntry:
        """Return the same connection as the entry of a set in Atlas has it.

        Args:
            own: Values that the entry leaves open, such as its container or the block that AWS has, under the names of results.
        """
        options = {
            **self.task,
            **dict.fromkeys(FIELDS),
            **self.network,
            "container_id": self.params["container_id"],
            "container_region_name": self.params["container_region"],
            "provider_name": self.provider.name,
            "wait_for": "available" if self.has_half else "pending_acceptance",
            "peer_id": None,
            "state": "present",
            **own,
        }
        if options["container_id"] is not None:
            options["container_region_name"] = None
        names = {**self._names(), **self.written}
        return PeerEntry(self.index, options, self.provider, names, LIST, self.name)


def default_comment(fields: t.Mapping[str, t.Any], provider: Cloud) -> str:
    """Return the comment of a network's entries in the access list, where the list of connections says none.

    Args:
        fields: The fields of the network: those of an entry, or of a connection.
        provider: Its cloud.
    """
    name = f"{fields['resource_group_name']}/{fields['vnet_name']}" if provider is AZURE else _name_of(fields, provider)
    return f"VPC peering with {name}"[:LONGEST_COMMENT]


def parse_path_entries(params: Parameters) -> tuple[tuple[PathEntry, ...], list[str], list[str]]:
    """Return the entries of the option `connections`, what is wrong with them, in sentences, and warnings.

    Args:
        params: The options of the task, parsed but for this one. What is said there of the network container holds for the cloud
            of the list, and in a list for several clouds for AWS.

    Raises:
        InvalidOptionError: If the option is no list.
    """
    found = read_entries(LIST, params[LIST], _OPTIONS, _IGNORED)
    clouds = [_find(entry) for entry in found]
    used = clouds_of(clouds)
    main = used[0] if len(used) == 1 else AWS
    problems, warnings = list[str](), list[str]()
    defaults = _Defaults()
    try:
        defaults, warnings = _parse_defaults(params, main)
    except InvalidOptionError as error:
        problems.append(str(error))
    entries: list[PathEntry] = []
    for index, (entry, cloud) in enumerate(zip(found, clouds)):
        if cloud is not None:
            warnings += _parse(entry, cloud, params, defaults if cloud is main else _Defaults())
            if not entry.problems:
                entries.append(PathEntry(index, cloud, entry.values, entry.written, params))
    problems += [text for cloud in used for text in _check_halves(params, cloud)]
    problems += [problem for entry in found for problem in entry.problems]
    problems += find_twins([one.peer_entry() for one in entries])
    return tuple(entries), [*problems, *_find_contradictions(entries)], warnings


def ignored_options(args: Parameters) -> list[str]:
    """Return the options of unchecked entries that only atlas_vpc_peers has."""
    return find_ignored(args.get(LIST), _IGNORED)


def clouds_of(clouds: t.Iterable[Cloud | None]) -> tuple[Cloud, ...]:
    """Return each cloud once, in the order of results."""
    names = {cloud.name for cloud in clouds if cloud is not None}
    return tuple(CLOUDS[name] for name in ALL_CLOUDS if name in names)


def _find(entry: Entry) -> Cloud | None:
    """Return the cloud of an entry; None if its options name none, which is recorded unless another mistake may be the cause."""
    name = entry.attempt_first(find_cloud, entry.given, entry.place)
    return None if name is None else CLOUDS[name]


def _parse_defaults(params: Parameters, cloud: Cloud) -> tuple[_Defaults, list[str]]:
    """Return what the task says of the network container, and warnings.

    Raises:
        InvalidOptionError: If it is invalid.
    """
    region, block = params["container_region"], params["container_cidr_block"]
    if block is not None:
        parse_option("container_cidr_block", block, parse_private_block)
    if region is None or cloud.has_one_container:
        return _Defaults(None, block), []
    region, warnings = parse_region("container_region", region, cloud)
    return _Defaults(region, block), warnings


def _parse(entry: Entry, cloud: Cloud, params: Parameters, defaults: _Defaults) -> list[str]:
    """Parse an entry and fill in its defaults, record all that is wrong with it, and return warnings.

    Empty values count as not set, and so does what the Atlas half finds out itself.
    """
    values, before, warnings = entry.values, len(entry.problems), list[str]()
    ignored = _WITHOUT_ATLAS if params["atlas"] else ()
    unset = [name for name, value in values.items() if name in ignored or (value in ("", [], {}) and name != cloud.network)]
    values.update(dict.fromkeys(unset), provider_name=cloud.name)
    if cloud.has_one_container and values["container_region"] is not None:
        values["container_region"] = None
        warnings.append(f"container_region has no effect: a project has one network container on {cloud.name}.")
    for names in EXCLUSIVE:
        entry.exclude(*names)
    # Where Atlas does not route to the block of the clients, it may be any.
    clients = cloud.forms.get(cloud.block or "", parse_client_block)
    for name, parse in {**cloud.forms, "cidr_block": clients, "container_id": parse_object_id, **cloud.check_forms}.items():
        entry.attempt(parse_form, values, name, parse, cloud)
    for option in ("region", "container_region"):
        warnings += entry.attempt(_parse_region, values, option, cloud) or ()
    warnings += entry.attempt(_parse_regions, values, cloud) or ()
    _fill_in(values, params, defaults)
    for check in (check_tables, parse_cidr_blocks, partial(_check_block, params=params), _check_texts):
        entry.attempt(check, values, cloud)
    if not before:
        entry.attempt(_check_needs, values, cloud, params)
    return [*(entry.named(TaskError(one)).message for one in warnings), *_check_credentials(entry, cloud, params)]


def _parse_region(values: dict[str, t.Any], name: str, cloud: Cloud) -> list[str]:
    if values[name] is None:
        return []
    values[name], warnings = parse_region(name, values[name], cloud)
    return warnings


def _parse_regions(values: dict[str, t.Any], cloud: Cloud) -> list[str]:
    if values["container_regions"] is None:
        return []
    values["container_regions"], warnings = parse_regions("container_regions", values["container_regions"], cloud)
    return warnings


def _fill_in(values: dict[str, t.Any], params: Parameters, defaults: _Defaults) -> None:
    """Fill in what the task says of the network container, unless the entry names another one."""
    names_other = values["container_id"] is not None and params["atlas"]
    if values["container_id"] is None:
        values["container_region"] = values["container_region"] or defaults.region
    if not names_other and values["container_region"] in (None, defaults.region):
        values["container_cidr_block"] = values["container_cidr_block"] or defaults.block


def _check_block(values: Parameters, cloud: Cloud, params: Parameters) -> None:
    """Check the block of the network container, and its size where the container may have to be created."""
    creates = params["atlas"] and params["state"] == "present"
    if values["container_cidr_block"] is not None:
        parse = block_form(cloud, values["container_regions"]) if creates else parse_private_block
        parse_option("container_cidr_block", values["container_cidr_block"], parse)


def _check_texts(values: Parameters, cloud: Cloud) -> None:
    """Check the comment and the tags of route tables."""
    if len(values["comment"] or "") > LONGEST_COMMENT:
        raise InvalidOptionError(f"comment is longer than {LONGEST_COMMENT} characters, which Atlas refuses.", hint="Shorten it.")
    if values["route_table_tags"] is not None:
        from .._aws.accepter.options import to_tags

        to_tags("route_table_tags", values["route_table_tags"])


def _check_needs(values: Parameters, cloud: Cloud, params: Parameters) -> None:
    """Check that an entry names its network, and has what a half that is off does not find out.

    Raises:
        InvalidOptionError: If something is missing.
    """
    is_present = params["state"] == "present"
    named = [name for name in (*(cloud.names or cloud.identity), *(cloud.needed if is_present else ())) if name != cloud.block]
    missing = list(dict.fromkeys(name for name in named if not values[name]))
    if missing:
        raise InvalidOptionError(
            f"is one on {cloud.name}, and lacks {' and '.join(missing)}.",
            hint=f"Set {'it' if len(missing) == 1 else 'them'}, or the options of another cloud.",
        )
    name = _name_of(values, cloud)
    if not params["atlas"]:
        needed = _needed_of_atlas(values, cloud, is_present)
        missing = [one for one in needed if values[one] is None]
        if missing:
            raise InvalidOptionError(
                f"({name}) needs {' and '.join(missing)} with atlas: false.",
                hint=f"The team that does the Atlas half has {'it' if len(missing) == 1 else 'them'} in its result.",
            )
    if cloud.block is not None and is_present and not params[cloud.half[0]] and values["cidr_block"] is None:
        raise InvalidOptionError(
            f"({name}) needs cidr_block with {cloud.half[0]}: false.", hint="The task cannot read it in the cloud then."
        )


def _name_of(values: Parameters, cloud: Cloud) -> str:
    names = (cloud.network,) if cloud.has_unique_ids else cloud.names or cloud.identity
    return "/".join(str(values[name]) for name in names)


def _needed_of_atlas(values: Parameters, cloud: Cloud, is_present: bool) -> tuple[str, ...]:
    """Return the options that an entry needs if Atlas is not read."""
    if cloud.accepted_id is not None:
        return (cloud.accepted_id, *(("container_cidr_block",) if is_present else ()))
    if cloud.has_names and (is_present or values["gcp_peering_name"] is None):
        return cloud.atlas_network
    return ()


def _check_credentials(entry: Entry, cloud: Cloud, params: Parameters) -> list[str]:
    """Record what is wrong with the credentials of an entry, and return warnings."""
    if not params[cloud.half[0]]:
        return []
    if cloud is AWS:
        return entry.attempt(validate_aws_of_entry, entry.values, entry.place) or []
    entry.attempt(check_credentials_of, gcp_credentials_of if cloud is GCP else azure_credentials_of, params, entry)
    return []


def _check_halves(params: Parameters, cloud: Cloud) -> t.Iterator[str]:
    """Yield a sentence if both halves of the connections with a cloud are off."""
    half = cloud.half[0]
    if not params["atlas"] and not params[half]:
        yield f"atlas and {half} are both false, so there is nothing to do on {cloud.name}. Set one of them to true."


def _find_contradictions(entries: t.Sequence[PathEntry]) -> t.Iterator[str]:
    """Yield a sentence for each entry that wants another block, or other regions, of one container than an earlier one."""
    seen: dict[tuple[t.Any, ...], PathEntry] = {}
    for entry in entries:
        place = None if entry.provider.has_one_container else entry.params["container_id"] or entry.params["container_region"]
        for option in ("container_cidr_block", "container_regions"):
            value = entry.params[option]
            if value is None:
                continue
            before = seen.setdefault((entry.provider.name, place, option), entry)
            other = before.params[option]
            if sorted(other) != sorted(value) if isinstance(value, list) else other != value:
                text = f"{option} is {_shown(value)}, and {before.key} has {_shown(other)} for the same network container."
                yield str(entry.named(TaskError(text, hint="Correct one of them, or leave it out.")))


def _shown(value: str | list[str]) -> str:
    return value if isinstance(value, str) else " and ".join(value)
