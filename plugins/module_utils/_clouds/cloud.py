# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cloud is: the fields of its description, its regions, and the types of connections."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass, field

from .._values.blocks import parse_private_block
from .._values.patterns import InvalidValueError

Fields = t.Mapping[str, t.Any]
REGION: t.Final = "region_name"
REGIONS: t.Final = "regions"
BLOCK: t.Final = "atlas_cidr_block"


class Peer(t.TypedDict, total=False):
    """A connection, with the names of the results, and the fields of its cloud; None for what Atlas does not report."""

    id: str
    provider_name: str
    container_id: str
    status_name: str
    error_state_name: str | None
    connection_id: str | None
    vpc_id: str
    aws_account_id: str
    route_table_cidr_block: str
    accepter_region_name: str | None
    requested_at: str | None
    expires_at: str | None


def fields_of(shown: t.Mapping[str, object]) -> Fields:
    """Return a connection or a container as a plain mapping, for fields that depend on the cloud."""
    return shown


class CustomerTask(t.NamedTuple):
    """What the customer must do in the cloud before a connection makes progress.

    Attributes:
        verb, subject, where: The action, what it is done to, and where.
        hint: A sentence with the action, and what to do afterwards.
    """

    verb: str
    subject: str
    where: str
    hint: str

    @property
    def to_do(self) -> str:
        """The action, as a verb phrase."""
        return f"{self.verb} {self.subject} {self.where}"


class RegionTable:
    """The known regions of one cloud. Clouds open new ones, so an unknown name is returned unchanged.

    Args:
        provider_name: The cloud, for messages.
        names: The cloud's name of each region, by Atlas's name.
    """

    def __init__(self, provider_name: str, names: t.Mapping[str, str]) -> None:
        self.names = names
        self.provider_name = provider_name
        self._atlas_names = {
            _key(name): atlas_name for atlas_name, cloud_name in names.items() for name in (cloud_name, atlas_name)
        }

    def to_atlas(self, region: str) -> str:
        """Return a region as Atlas writes it, from either spelling; an unknown one without spaces around it."""
        return self._atlas_names.get(_key(region), region.strip())

    def to_cloud(self, region: str) -> str:
        """Return a region as the cloud writes it, from either spelling; an unknown one without spaces around it."""
        return self.names.get(self.to_atlas(region), region.strip())

    def is_known(self, region: str) -> bool:
        """Whether this version of the collection knows a region."""
        return _key(region) in self._atlas_names

    def parse(self, value: str) -> str:
        """Return the region that an option names, as Atlas writes it.

        Raises:
            InvalidValueError: If it is empty.
        """
        if not value.strip():
            examples = " or ".join(next(iter(self.names.items())))
            raise InvalidValueError("is empty", f"Give a region of {self.provider_name}, such as {examples}.")
        return self.to_atlas(value)


def _key(region: str) -> str:
    """Return one key for all spellings of a name: people mix up hyphens, underscores and case.

    AZURE also accepts its display names, such as North Europe: these are its names with spaces.
    """
    return region.strip().upper().replace("-", "_").replace(" ", "")


@dataclass(frozen=True, eq=False)
class _Description:
    """The description of a cloud: its options, the states of its connections, its network containers, and the texts about it.

    Options and fields have the names of the results.

    Attributes:
        name: The API's `providerName`.
        noun: The cloud's term for a customer's network.
        places: The result fields that locate a network, each with its noun; the owner first.
        identity_noun: The identity in words.
        forms: The parser of each of this cloud's `CLOUD_OPTIONS`.
        identity: The fields for the owner of the network and the network, which identify a connection within a container:
            no two live connections share them.
        needed: The fields that a creation requires.
        changeable: The fields that an update may change; any other difference needs a new connection.
        regions: The regions.
        progress: The states on the way to a working connection, in order.
        pending: The state that waits for the customer; None if there is none.
        pending_life: How long the cloud keeps a request that waits for the customer; None for no limit.
        failed: The state of a failed connection.
        terminating: The state of a connection that is leaving.
        failure_reasons: What each `error_state_name` means, and what to do.
        customer_task: Returns what the customer must do, given the connection, the region of its network, and its container;
            the last two are None if unknown.
        handover: Returns what is needed to act in the customer's cloud, given the connection (or the options for it), its
            container (None if unknown), and whether this is Atlas for Government. The keys are always the same.
        block_sizes: Returns the allowed prefix lengths of a container's block, given the number of chosen regions (0 for all).
        atlas_network: The fields of a container that name Atlas's network.
        half_options: The options of atlas_vpc_peer_check for the customer's half: a switch or lists.
        check_needs: What an entry of the check needs if Atlas is not read.
        check_hint: What to do if such an entry names no network.
        names: The fields of the name that users see; empty if these are the identity.
        futile_reasons: The `error_state_name` of requests that would fail again.
        whole: The option that names a network as a whole, instead of several other options; its parser returns those.
        accepted_id: The field with the connection's id in the customer's cloud; None if there is none.
        block: The field with the customer's block to which Atlas routes; None if Atlas does not know it.
        region: The field with the region of the customer's network, null for that of the container; None if there is none.
        has_unique_ids: Whether the id of a network is unique among all owners.
        has_error_codes: Whether `error_state_name` is a code, and not a sentence.
        ignores_case: Whether values of fields are compared without regard to case.
        removal_failed: The state of a connection whose removal has failed; None if there is none.
        removal_advice: What to do about such a connection.
        removal_fix: The same, in the words of the check.
        lost: Why a working connection may fail later; empty if Atlas never sets it to failed.
        role_codes: The error codes of a creation that mean that Atlas lacks rights in the customer's cloud, perhaps not for long.
        has_names: Whether the customer needs the names of `atlas_network`, which Atlas makes with the first connection.
        lists_all: Whether containers are read from the list of all clouds.
        has_one_container: Whether a project has one container in total, and not one per region.
        most_peerings: How many peerings a customer's network may have by default; None if the check reads that.
        has_security_groups: Whether entries of the access list may be security groups of this cloud.
        judges_subnets: Whether the check judges each subnet of a network, and not blocks of clients.
        chooses_block: Whether Atlas chooses a container's block if a creation names none.
        api_names: The API's names of fields that are not those of the results in camelCase.

    What follows from these:

    Attributes:
        owner, owner_noun: The field with the owner of a network, and the noun for it.
        network: The field with the name or the id of a network.
        network_identity: The fields that identify a network.
        ids: The fields that identify a connection: the identity, and the id in the customer's cloud.
        switch: The option that says whether a task reads or changes the customer's half.
        own_fields: The fields that describe the customer's network.
        writable: The fields that requests may send.
        read_only: The fields that only Atlas sets.
        labels: The fields of the customer's network that are neither its identity nor its region, and cannot be changed.
        available: The state of a working connection.
        ended: The states of connections that do not work any more, or never will; `terminating` is the last.
        states: All states, those of `progress` first.
        place: The field, and the option, for the region or regions of a container.
    """

    name: str
    noun: str
    places: t.Mapping[str, str]
    identity_noun: str
    forms: t.Mapping[str, t.Callable[[str], t.Any]]
    identity: tuple[str, str]
    needed: tuple[str, ...]
    changeable: frozenset[str]
    regions: RegionTable
    progress: tuple[str, ...]
    pending: str | None
    failed: str
    terminating: str
    failure_reasons: t.Mapping[str, str]
    customer_task: t.Callable[[Peer, str | None, Fields | None], CustomerTask]
    handover: t.Callable[[Fields, Fields | None, bool], dict[str, t.Any]]
    block_sizes: t.Callable[[int], range]
    atlas_network: tuple[str, ...]
    half_options: tuple[str, ...]
    check_needs: tuple[str, ...]
    check_hint: str
    names: tuple[str, ...] = ()
    futile_reasons: frozenset[str] = frozenset()
    whole: str | None = None
    pending_life: datetime.timedelta | None = None
    accepted_id: str | None = None
    block: str | None = None
    region: str | None = None
    has_unique_ids: bool = False
    has_error_codes: bool = False
    ignores_case: bool = False
    removal_failed: str | None = None
    removal_advice: str = ""
    removal_fix: str = ""
    lost: str = ""
    role_codes: frozenset[str] = frozenset()
    has_names: bool = False
    lists_all: bool = True
    has_one_container: bool = False
    most_peerings: int | None = None
    has_security_groups: bool = False
    judges_subnets: bool = False
    chooses_block: bool = False
    api_names: t.Mapping[str, str] = field(default_factory=dict)
    owner: str = field(init=False)
    owner_noun: str = field(init=False)
    network: str = field(init=False)
    network_identity: tuple[str, ...] = field(init=False)
    ids: tuple[str, ...] = field(init=False)
    switch: str = field(init=False)
    own_fields: tuple[str, ...] = field(init=False)
    writable: tuple[str, ...] = field(init=False)
    read_only: tuple[str, ...] = field(init=False)
    labels: tuple[str, ...] = field(init=False)
    available: str = field(init=False)
    ended: tuple[str, ...] = field(init=False)
    states: tuple[str, ...] = field(init=False)
    place: str = field(init=False)

    def __post_init__(self) -> None:
        """Fill in what follows from the description: each is asked for with every connection."""
        owner, network = self.identity
        accepted_id = () if self.accepted_id is None else (self.accepted_id,)
        own_fields = tuple(name for name in self.forms if name not in (self.accepted_id, self.whole))
        not_labels = (*self.identity, *self.changeable, self.region)
        removal_failed = () if self.removal_failed is None else (self.removal_failed,)
        vars(self).update(
            owner=owner,
            owner_noun=self.places[owner],
            network=network,
            network_identity=(network,) if self.has_unique_ids else self.identity,
            ids=(*self.identity, *accepted_id),
            switch=self.half_options[0],
            own_fields=own_fields,
            writable=(*own_fields, "container_id"),
            read_only=("id", *accepted_id, "status_name", "error_state_name"),
            labels=tuple(name for name in own_fields if name not in not_labels),
            available=self.progress[-1],
            ended=(self.failed, *removal_failed, self.terminating),
            states=(*self.progress, self.failed, self.terminating, *removal_failed),
            place=REGIONS if self.has_one_container else REGION,
        )


class Cloud(_Description):
    """A cloud: its description, and how its connections and containers are compared and described."""

    def goal(self, wait_for: str | None) -> str:
        """Return the state that the option `wait_for` means: a working connection, or the end of Atlas's part."""
        if wait_for == "available":
            return self.available
        return self.pending or self.available

    def is_same(self, value: t.Any, other: t.Any) -> bool:
        """Whether two values of a field are equal in this cloud."""
        return bool(self._comparable(value) == self._comparable(other))

    def _comparable(self, value: t.Any) -> t.Any:
        return value.casefold() if self.ignores_case and isinstance(value, str) else value

    def network_key(self, fields: Fields) -> tuple[t.Any, ...]:
        """Return a key that is equal for all connections and entries with the same network."""
        return tuple(self._comparable(fields[name]) for name in self.network_identity)

    def is_same_network(self, one: Fields, other: Fields) -> bool:
        """Whether two connections, or an entry and a connection, have the same network."""
        return self.network_key(one) == self.network_key(other)

    def differing(self, wanted: Fields, current: Fields) -> tuple[str, ...]:
        """Return the names of the wanted fields whose current value differs, sorted."""
        return tuple(sorted(name for name, value in wanted.items() if not self.is_same(value, current.get(name))))

    def describe(self, fields: Fields, show: t.Callable[[object], str] = str) -> str:
        """Return the identity of a connection in words; `show` returns what stands for each value."""
        return ", ".join(show(fields[name]) for name in reversed(self.identity))

    def title(self, network: str) -> str:
        """Return a network for a sentence: an id alone, and a name with the noun before it."""
        return network if self.has_unique_ids else f"{self.noun} {network}"

    def has_reached(self, peer: Peer, status: str) -> bool:
        """Whether a connection has reached a state of `progress`, or a later one."""
        present = peer["status_name"]
        return present in self.progress and self.progress.index(present) >= self.progress.index(status)

    def has_failed(self, peer: Peer) -> bool:
        """Whether a connection, or its removal, has failed: it must be removed."""
        return peer["status_name"] in (self.failed, self.removal_failed)

    def waits_for_customer(self, peer: Peer, goal: str) -> bool:
        """Whether the customer must act, and already can, before a connection reaches the state `goal`."""
        is_known = self.accepted_id is None or fields_of(peer)[self.accepted_id] is not None
        return self.pending is not None and peer["status_name"] == self.pending != goal and is_known

    def failure_in_words(self, peer: Peer) -> str:
        """Return the state of a failed connection, the reason, and what to do about it."""
        reason = peer["error_state_name"] or "no reason given"
        meaning = self.failure_reasons.get(reason)
        return f"{peer['status_name']} ({reason}: {meaning})" if meaning else f"{peer['status_name']} ({reason})"

    def is_in_region(self, region: str | None, container_region: str | None) -> bool:
        """Whether a container serves a region."""
        if self.has_one_container:
            return True
        if region is None or container_region is None:
            return False
        return self.regions.to_atlas(region).upper() == self.regions.to_atlas(container_region).upper()

    def parse_block(self, value: str, regions: int = 0) -> str:
        """Return the block of a container, unchanged.

        Args:
            value: The block.
            regions: The number of chosen regions; 0 for all.

        Raises:
            InvalidValueError: If it is not a private block, or its size is not allowed.
        """
        sizes = self.block_sizes(regions)
        if parse_private_block(value).prefixlen not in sizes:
            number = f" for {regions or 'all'} region{'' if regions == 1 else 's'}" if self.has_one_container else ""
            raise InvalidValueError(
                f"has the wrong size: {value!r}", f"Atlas takes blocks from /{sizes[0]} to /{sizes[-1]} on {self.name}{number}."
            )
        return value

    def describe_place(self, container: Fields) -> str | None:
        """Return the region or regions of a container, as the cloud writes them; None if Atlas does not report it."""
        if self.has_one_container:
            return self.describe_regions(container[REGIONS])
        region = container[REGION]
        return self.regions.to_cloud(region) if isinstance(region, str) else None

    def describe_fields(self, container: Fields, names: t.Iterable[str]) -> str:
        """Return those of the block and the regions of a container that `names` has, in words."""
        return " in ".join(self.describe_regions(container[one]) if one == REGIONS else str(container[one]) for one in names)

    def describe_regions(self, regions: t.Iterable[str]) -> str:
        """Return chosen regions in words, as the cloud writes them."""
        return " and ".join(map(self.regions.to_cloud, regions)) or "all regions"
