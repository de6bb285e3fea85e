# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts about connections, as plain data. A fact may be `Unread` or `Missing`, with the reason."""

from __future__ import annotations

import datetime
import ipaddress
import typing as t
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache

from .._aws.errors import DeniedError
from .._aws.objects import (
    DhcpOptions,
    HostedZone,
    Interface,
    NetworkAcl,
    PeeringConnection,
    Record,
    ResolverRule,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
)
from .._azure.objects import Nsg, UserRouteTable
from .._azure.vnets import VnetPeering, VnetSubnet
from .._clouds.cloud import Cloud
from .._clouds.clouds import cloud_of
from .._entries.parser import PeerEntry
from .._gcp.network import Peering
from .._http.errors import NAME, AuthError, TaskError, as_count, shown
from .._resources.access_list import AccessEntry, key_of
from .._values.blocks import Range, ends_of, merge_ranges
from .._values.ids import written
from .._values.moments import to_moment

if t.TYPE_CHECKING:
    # Loaded where a connection is with GCP.
    from .._gcp.objects import Firewalls, PeeringRoute, SubnetRange

_Value = t.TypeVar("_Value")
_Half = t.TypeVar("_Half", bound="_HalfFacts")
_Other = t.TypeVar("_Other")
# An object of Atlas with the fields of results, as the `_info` module for its kind returns it.
AtlasObject = t.Mapping[str, t.Any]


def named(name: object, text: str = "") -> str:
    """Return a name for the message or fix of a finding; findings on several connections have a noun in place of their own.

    Args:
        name: The name, such as an id or a block. One that is in a text already, as those of `listed`, stays as it is.
        text: How it is shown, if that is more than the name.
    """
    found = text or str(name)
    return found if "\ufdd0" in found else f"\ufdd0{NAME}{name}\ufdd1{found}\ufdd2"


def unnamed(text: object) -> str:
    """Return what differs between connections behind a noun that says what it is, and what changes with time."""
    return as_count(written(str(text)))


@dataclass(frozen=True)
class Unread:
    """Stands for a fact that could not be read.

    Attributes:
        message: The reason, in whole sentences.
        permission: The permission that may be missing, such as `ec2:DescribeSubnets`; None if it is not about permissions.
        advice: What to do if it is not about permissions, in a sentence; empty for checking again.
        is_of_playbook: Whether that is something in the playbook.
    """

    message: str
    permission: str | None = None
    advice: str = ""
    is_of_playbook: bool = False


@dataclass(frozen=True)
class Missing:
    """Stands for a fact that does not exist: nothing was given, a half is off, or there is no such object.

    Attributes:
        reason: The reason, in a sentence.
        waits_for: The code of the check that reports the cause; None if there is none.
    """

    reason: str
    waits_for: str | None = None


Fact = t.Union[_Value, Unread, Missing]
# The role in Atlas that allows all requests of a check.
ATLAS_ROLE = "Project Read Only"


class UnreadError(Exception):
    """A check needs a fact that could not be read."""

    def __init__(self, unread: Unread) -> None:
        super().__init__(unread.message)
        self.unread = unread


class SkippedError(Exception):
    """A check has nothing to judge, or another one reports the cause."""

    def __init__(self, missing: Missing) -> None:
        super().__init__(missing.reason)
        self.missing = missing


def known(fact: Fact[_Value]) -> _Value:
    """Return the value of a fact.

    Raises:
        UnreadError: If it could not be read.
        SkippedError: If it is missing.
    """
    if isinstance(fact, Unread):
        raise UnreadError(fact)
    if isinstance(fact, Missing):
        raise SkippedError(fact)
    return fact


def known_or(fact: Fact[_Value], other: _Other) -> _Value | _Other:
    """Return the value of a fact, or `other` if the fact is unread or missing."""
    return other if isinstance(fact, (Unread, Missing)) else fact


def of_another_account(own: str, owner: str, vpc_id: str) -> Unread:
    """Return what stands for facts about a VPC that only credentials of its own account can read."""
    message = f"These credentials are of account {own}, {named(vpc_id)} is of account {owner}."
    return Unread(message, advice=f"Use credentials of account {owner}.", is_of_playbook=True)


def field_of(fact: Fact[AtlasObject | None], name: str) -> t.Any:
    """Return a field of an object of Atlas; None if the object is not known, or there is none."""
    found = known_or(fact, None)
    return None if found is None else found[name]


def if_known(ask: t.Callable[[], _Value]) -> _Value | None:
    """Return what a function returns; None if it needs a fact that is unread or missing."""
    try:
        return ask()
    except (SkippedError, UnreadError):
        return None


def to_unread(error: TaskError, permission: str | None = None) -> Unread:
    """Return what stands for a fact that an error has left unread. The finding gives its own advice on permissions."""
    return Unread((error.with_hint(None) if permission else error).marked, permission)


def to_fact(answer: _Value | TaskError) -> _Value | Unread:
    """Return an answer as a fact: a TaskError becomes `Unread`, anything else is unchanged."""
    if not isinstance(answer, TaskError):
        return answer
    permission = None
    if isinstance(answer, DeniedError):
        permission = answer.permission
    elif isinstance(answer, AuthError):
        permission = ATLAS_ROLE
    if permission or answer.is_transient or answer.is_unanswered:
        return to_unread(answer, permission)
    # Checking again does not help, without credentials for example.
    return Unread(answer.with_hint(None).marked, advice=shown(answer.hint or "", *answer.names))


def need_one_answer(answers: t.Iterable[object], denied: type[TaskError]) -> None:
    """Raise a TaskError if all answers are TaskErrors, and one of them is not about a permission.

    Args:
        answers: What was read of a cloud, or the errors in its place.
        denied: The class of errors about a permission, which are unknown facts.
    """
    listed = list(answers)
    others = [one for one in listed if isinstance(one, TaskError) and not isinstance(one, denied)]
    if others and all(isinstance(one, TaskError) for one in listed):
        raise others[0]


@dataclass(frozen=True)
class Selection:
    """What to judge in the network of a connection, as the options select it.

    Attributes:
        subnet_ids: The subnets to judge; None for those that the entry means.
        security_group_ids: The security groups of the clients.
        instance_ids: The instances that are clients.
        clusters: The names of the clusters to judge; None for those in the container's region.
        client_cidr_blocks: Blocks of clients, also outside the VPC.
        probes: Results of atlas_probe on hosts in the VPC.
        stray_probes: Those on hosts that are in none of the networks.
    """

    subnet_ids: tuple[str, ...] | None = None
    security_group_ids: tuple[str, ...] | None = None
    instance_ids: tuple[str, ...] | None = None
    clusters: tuple[str, ...] | None = None
    client_cidr_blocks: tuple[str, ...] | None = None
    probes: tuple[t.Mapping[str, t.Any], ...] | None = None
    stray_probes: tuple[t.Mapping[str, object], ...] | None = None

    @property
    def client_blocks(self) -> list[ipaddress.IPv4Network]:
        """`client_cidr_blocks` as networks; none if the option is not set."""
        return [ipaddress.IPv4Network(one) for one in self.client_cidr_blocks or ()]


def local_addresses_of(probe: t.Mapping[str, t.Any]) -> list[str]:
    """Return the addresses from which a probe was made, each once; empty for one of an older release."""
    return list(dict.fromkeys(one["local_address"] for one in probe["members"] if one.get("local_address")))


def group_without_account(name: object) -> str | None:
    """Return the id of a security group without the account that may stand before it; None for none."""
    return str(name).rpartition("/")[2] if name else None


class ListedPeers(list[AtlasObject]):
    """The connections of a project with one cloud, found by their networks: each connection that is checked asks for its own."""

    @cached_property
    def _by_network(self) -> dict[tuple[object, ...], list[AtlasObject]]:
        found: dict[tuple[object, ...], list[AtlasObject]] = {}
        for peer in self:
            found.setdefault(cloud_of(peer).network_key(peer), []).append(peer)
        return found

    def of_network(self, cloud: Cloud, fields: t.Mapping[str, object]) -> t.Sequence[AtlasObject]:
        """Return those with the network that an entry has, whatever their states are."""
        return self._by_network.get(cloud.network_key(fields), ())


def group_of(entry: AccessEntry) -> str | None:
    """Return the security group of an entry of the access list, without its account; None for a block or an address."""
    return group_without_account(entry["aws_security_group"])


def block_of(entry: AccessEntry) -> ipaddress.IPv4Network | None:
    """Return the IPv4 block of an entry of the access list; None for a security group, for IPv6, and for what is not a block."""
    return _to_block(key_of(entry) or "")


# Cached: all connections of a project have the same entries.
@lru_cache(maxsize=1024)
def _to_block(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError:
        return None


def expires_at(entry: AccessEntry) -> datetime.datetime | None:
    """Return when an entry of the access list expires; None for never.

    Raises:
        UnreadError: If that is not a time.
    """
    date = entry["delete_after_date"]
    try:
        return None if date is None else to_moment(date)
    except ValueError:
        raise UnreadError(Unread(f"Atlas reports {date!r} as the end of {named(key_of(entry))}, which is not a time.")) from None


class ListedEntries(list[AccessEntry]):
    """Entries of the access list. All connections of a project share them: what each asks for is found without a scan."""

    @cached_property
    def ranges(self) -> list[Range]:
        """What their blocks cover, as `merge_ranges` returns it."""
        return merge_ranges(self._places)

    @cached_property
    def _places(self) -> dict[Range, list[int]]:
        """The places of the entries for each block, in the order of the blocks."""
        found: dict[Range, list[int]] = {}
        for place, block in enumerate(map(block_of, self)):
            if block is not None:
                found.setdefault(ends_of(block), []).append(place)
        return dict(sorted(found.items()))

    @cached_property
    def _blocks(self) -> list[Range]:
        return [*self._places]

    def admitting(self, network: ipaddress.IPv4Network) -> list[AccessEntry]:
        """Return the entries that cover a whole block; if there are none, those for parts of it."""
        start, end = ends_of(network)
        sizes = [1 << bits for bits in range(network.max_prefixlen - network.prefixlen, network.max_prefixlen + 1)]
        found = [(start - start % size, start - start % size + size - 1) for size in sizes]
        if not any(one in self._places for one in found):
            # Two blocks that overlap are parts of each other.
            found = self._blocks[bisect_left(self._blocks, (start, start)) : bisect_right(self._blocks, (end, end))]
        return [self[place] for place in sorted(place for one in found for place in self._places.get(one, ()))]

    @cached_property
    def groups(self) -> frozenset[str]:
        """Their security groups, without accounts."""
        return frozenset(group for group in map(group_of, self) if group is not None)

    @cached_property
    def for_everybody(self) -> list[str]:
        """The names of those that let all addresses in."""
        return [name for name in map(key_of, self) if name in ("0.0.0.0/0", "::/0")]

    @cached_property
    def has_dates(self) -> bool:
        """Whether one of them expires."""
        return any(one["delete_after_date"] is not None for one in self)

    @cached_property
    def _in_force(self) -> dict[datetime.datetime, ListedEntries]:
        return {}

    def in_force(self, now: datetime.datetime) -> ListedEntries:
        """Return the entries that have not expired. All connections are judged at the same moment.

        Raises:
            UnreadError: If the end of an entry is not a time.
        """
        if not self.has_dates:
            return self
        if now not in self._in_force:
            ends = [(one, expires_at(one)) for one in self]
            self._in_force[now] = ListedEntries(one for one, end in ends if end is None or end > now)
        return self._in_force[now]


@dataclass(frozen=True)
class _HalfFacts:
    """The facts about one half of a connection."""

    @classmethod
    def none(cls: type[_Half], fact: Unread | Missing) -> _Half:
        """Return facts that are all unread or missing, for one reason."""
        return cls(**{one.name: fact for one in fields(cls)})


@dataclass(frozen=True)
class AtlasFacts(_HalfFacts):
    """Atlas's half: the facts that concern one connection.

    Attributes:
        peer: The connection; None if Atlas has none.
        peers: All connections of the project with the same cloud.
        container: The network container of the connection; None if there is none.
        containers: All network containers of the project on that cloud.
        access_list: The entries of the project.
        access_status: The status of each entry that decides P301, by key: `ACTIVE`, `PENDING` or `FAILED`.
        clusters: The clusters of the project that are not Flex clusters.
        flex_clusters: The Flex clusters; read only if no dedicated cluster exists, or a named cluster is not in `clusters`.
        custom_dns: Whether custom DNS on AWS is enabled in the project.
        other_peers: The connections of the project with other clouds, as far as their lists were read.
        other_projects: By project, the connections with the same VPC there, each with the `atlas_cidr_block` of its container.
    """

    peer: Fact[AtlasObject | None]
    peers: Fact[ListedPeers]
    container: Fact[AtlasObject | None]
    containers: Fact[t.Sequence[AtlasObject]]
    access_list: Fact[ListedEntries]
    access_status: Fact[t.Mapping[str, Fact[str]]]
    clusters: Fact[t.Sequence[AtlasObject]]
    flex_clusters: Fact[t.Sequence[AtlasObject]]
    custom_dns: Fact[bool]
    other_projects: Fact[t.Mapping[str, Fact[t.Sequence[AtlasObject]]]]
    other_peers: Fact[t.Sequence[AtlasObject]] = ()


@dataclass(frozen=True)
class ZoneContents:
    """What is in a private hosted zone: its records, and whether it leaves the names that it lacks to public DNS."""

    records: Fact[t.Sequence[Record]]
    falls_back: Fact[bool]


@dataclass(frozen=True)
class AwsFacts(_HalfFacts):
    """AWS's half: the facts that concern one connection.

    Attributes:
        connection: The connection; None if AWS does not know it, with these credentials and in this region.
        vpc: The VPC of the entry; None if AWS does not know it.
        account_id: The account of the credentials.
        dns_attributes: `enable_dns_support` and `enable_dns_hostnames` of the VPC.
        dhcp_options: The DHCP options of the VPC.
        zones: The private hosted zones of the VPC.
        resolver_rules: The resolver rules of the VPC.
        subnets, route_tables, network_acls: All of the VPC.
        security_groups: The existing groups of `security_group_ids`, instances, entry and access list, by id without account.
        interfaces: The network interfaces of `instance_ids` in the VPC.
        prefix_lists: The blocks of each prefix list that routes and rules name, by id.
        statuses: The status of each connection that routes of the VPC lead to, by id.
        connections_quota: How many connections the VPC may have.
        routes_quota: How many routes a table may have.
        connections_count: How many active or provisioning connections the VPC has.
        connections: All connections of the VPC.
        zone_contents: The contents of the zones that answer for names of judged clusters, by id.
    """

    connection: Fact[PeeringConnection | None]
    vpc: Fact[Vpc | None]
    account_id: Fact[str]
    dns_attributes: Fact[t.Mapping[str, bool]]
    dhcp_options: Fact[DhcpOptions]
    zones: Fact[t.Sequence[HostedZone]]
    resolver_rules: Fact[t.Sequence[ResolverRule]]
    subnets: Fact[t.Sequence[Subnet]]
    route_tables: Fact[t.Sequence[RouteTable]]
    network_acls: Fact[t.Sequence[NetworkAcl]]
    security_groups: Fact[t.Mapping[str, SecurityGroup]]
    interfaces: Fact[t.Sequence[Interface]]
    prefix_lists: Fact[t.Mapping[str, Fact[t.Sequence[str]]]]
    statuses: Fact[t.Mapping[str, str]]
    connections_quota: Fact[int]
    routes_quota: Fact[int]
    connections_count: Fact[int]
    connections: Fact[t.Sequence[PeeringConnection]] = ()
    zone_contents: Fact[t.Mapping[str, ZoneContents]] = field(default_factory=dict)

    @property
    def hidden(self) -> Unread | None:
        """Why AWS does not show all of the VPC; None if it belongs to the account of the credentials, as far as known.

        With whom a VPC is shared sees its subnets and tables, and only their own of its groups and interfaces.
        Source: "Responsibilities and permissions for owners and participants" in Amazon's VPC guide.
        """
        own, vpc = known_or(self.account_id, None), known_or(self.vpc, None)
        if own is None or vpc is None or vpc.account_id in (None, "", own):
            return None
        return of_another_account(own, str(vpc.account_id), vpc.id)


_NOT_AZURE = Missing("The connection is not with AZURE.")


@dataclass(frozen=True)
class NetworkFacts(_HalfFacts):
    """The customer's half on AZURE and GCP; all is missing where the connection is with another cloud.

    Attributes:
        vnet_peerings, vnet_prefixes: The peerings and the address prefixes of the VNet, from Azure or as the options give them.
        gcp_networks: The peerings of each network of the project in GCP, by the name of the network.
        vnet_exists: Whether Azure has the VNet. If not, the other facts about it are missing.
        vnet_subnets: The subnets of the VNet.
        vnet_nsgs, vnet_tables: Their network security groups and route tables, by id in lower case.
        gcp_ranges: The ranges of the subnets of the network in GCP.
        gcp_incoming: The routes from Atlas's network, by each region with clients.
        gcp_outgoing: The routes to Atlas's network.
        gcp_firewalls: The firewall rules of the network in GCP.
        gcp_host_project: The project whose shared VPC the project uses, or None; read if the project has no such network.
    """

    vnet_peerings: Fact[t.Sequence[VnetPeering]] = _NOT_AZURE
    vnet_prefixes: Fact[t.Sequence[str]] = _NOT_AZURE
    gcp_networks: Fact[t.Mapping[str, t.Sequence[Peering]]] = Missing("The connection is not with GCP.")
    vnet_exists: Fact[bool] = _NOT_AZURE
    vnet_subnets: Fact[t.Sequence[VnetSubnet]] = _NOT_AZURE
    vnet_nsgs: Fact[t.Mapping[str, Fact[Nsg]]] = _NOT_AZURE
    vnet_tables: Fact[t.Mapping[str, Fact[UserRouteTable]]] = _NOT_AZURE
    gcp_ranges: Fact[t.Sequence[SubnetRange]] = Missing("The connection is not with GCP.")
    gcp_incoming: Fact[t.Mapping[str, Fact[t.Sequence[PeeringRoute]]]] = Missing("The connection is not with GCP.")
    gcp_outgoing: Fact[t.Sequence[PeeringRoute]] = Missing("The connection is not with GCP.")
    gcp_firewalls: Fact[Firewalls] = Missing("The connection is not with GCP.")
    gcp_host_project: Fact[str | None] = Missing("The project has the network.")


@dataclass(frozen=True)
class ConnectionFacts:
    """All that is known of one connection; `now` has a time zone. The project is None if Atlas is not read, or not known."""

    entry: PeerEntry
    now: datetime.datetime
    atlas: AtlasFacts
    aws: AwsFacts
    selection: Selection = field(default_factory=Selection)
    network: NetworkFacts = field(default_factory=NetworkFacts)
    group_id: str | None = None
    project_name: str | None = None
