# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cloud is, its container, and which cloud a name or fields mean; a cloud's file is read when it is asked for."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._values.blocks import parse_private_block
from .._values.invalid import InvalidValueError

Fields = t.Mapping[str, t.Any]
REGION: t.Final = "region_name"
REGIONS: t.Final = "regions"
BLOCK: t.Final = "atlas_cidr_block"


class ContainerKind(t.NamedTuple):
    """The network containers of one cloud provider.

    Attributes:
        name: The API's `providerName`.
        place: The result field, and the option, that says where one is: `region_name` where there is one a region, or `regions`
            where there is one a project.
        writable: The API's name of each field that may be sent, by its name in results.
        read_only: The same for what Atlas alone sets, besides `id` and `provisioned`: its own network. The names in results
            differ from those that the customer's network has.
        to_atlas: Returns a region as Atlas writes it.
        to_cloud: Returns a region as the cloud writes it.
        sizes: Returns the prefix lengths that a block may have, by the number of chosen regions; 0 stands for all regions.
        needs_block: Whether a creation has to name the block.
        is_changeable: Whether the block of one that nothing uses can be changed in place.
    """

    name: str
    place: str
    writable: t.Mapping[str, str]
    read_only: t.Mapping[str, str]
    to_atlas: t.Callable[[str], str]
    to_cloud: t.Callable[[str], str]
    sizes: t.Callable[[int], range]
    needs_block: bool
    is_changeable: bool

    @property
    def is_one_a_project(self) -> bool:
        """Whether a project has one in all, and not one in each region."""
        return self.place == REGIONS

    def parse_block(self, value: str, regions: int = 0) -> str:
        """Return the block of a container.

        Args:
            value: The block.
            regions: For how many chosen regions it is; 0 for all.

        Raises:
            InvalidValueError: If it is not a private block, or has another size than containers may have.
        """
        sizes = self.sizes(regions)
        if parse_private_block(value).prefixlen not in sizes:
            number = f" for {regions or 'all'} region{'' if regions == 1 else 's'}" if self.is_one_a_project else ""
            raise InvalidValueError(
                f"has the wrong size: {value!r}", f"Atlas takes blocks from /{sizes[0]} to /{sizes[-1]} on {self.name}{number}."
            )
        return value

    def to_result(self, container: Fields) -> dict[str, t.Any]:
        """Return a container of the API with the names of the results; Atlas's values are not changed."""
        fields = {name: container.get(key) for name, key in {**self.writable, **self.read_only}.items()}
        block, regions = fields[BLOCK], fields.get(REGIONS)
        fields[BLOCK] = block if isinstance(block, str) else None
        if self.is_one_a_project:
            # Atlas leaves them out if none were chosen.
            fields[REGIONS] = [one for one in regions if isinstance(one, str)] if isinstance(regions, list) else []
        first = {"id": container.get("id"), "provider_name": container.get("providerName")}
        return {**first, **fields, "provisioned": container.get("provisioned")}

    def to_body(self, fields: Fields) -> dict[str, t.Any]:
        """Return the body of a POST or PATCH: the writable fields that have a value, and `providerName`."""
        return {"providerName": self.name, **{key: fields[name] for name, key in self.writable.items() if fields.get(name)}}

    def describe_place(self, container: Fields) -> str | None:
        """Return where a container is, as the cloud writes it; None if Atlas does not say it."""
        if self.is_one_a_project:
            return self.describe_regions(container[REGIONS])
        region = container[REGION]
        return self.to_cloud(region) if isinstance(region, str) else None

    def describe_regions(self, regions: t.Iterable[str]) -> str:
        """Return chosen regions in words, as the cloud writes them."""
        return " and ".join(map(self.to_cloud, regions)) or "all regions"


class Peer(t.TypedDict, total=False):
    """A connection, with the names of the results; what Atlas does not say is None."""

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


Fields_provider = t.Mapping[str, t.Any]


def fields_of(peer: Peer) -> Fields_provider:
    """Return the fields of a connection, for names that differ between clouds."""
    return t.cast("t.Mapping[str, t.Any]", peer)


class CustomerTask(t.NamedTuple):
    """What somebody has to do in the customer's cloud before a connection goes on.

    Attributes:
        to_do: The task as a request.
        hint: The same, and what to do afterwards.
    """

    to_do: str
    hint: str


@dataclass(frozen=True)
class Provider:
    """What Atlas says of connections with one cloud provider, and of their lives.

    Attributes:
        name: The API's `providerName`.
        identity: The result fields that tell one connection from another within a container; no two live ones there share them.
        writable: The API's name of each field that may be sent, by its name in results.
        read_only: The same for the fields that Atlas alone sets.
        network: What the customer's network is called.
        required: The result fields without which none can be created.
        changeable: The result fields that an update may change; any other difference needs a new connection.
        progress: The states on the way to a working connection, in their order.
        pending: The state that waits for the customer; None if there is none.
        failed: The state of a connection that has failed.
        terminating: The state of a connection that is being removed.
        failure_reasons: What each `error_state_name` means, and what to do.
        accepted_id: The result field with the id under which the customer's cloud knows the connection; None if it has none.
        customer_task: Returns what the customer has to do, given the connection, the region of its network, and its container; as
            far as these are known.
        handover: Returns what whoever acts in the customer's cloud needs, given the connection (or the options for it), its
            container as far as it is known, and whether Atlas is the government's. The keys are always the same.
        removal_failed: The state of a connection whose removal has failed; None if there is none.
        removal_advice: What to do about such a one.
        lost: Why a connection that worked may have failed; empty if Atlas leaves such ones alone.
        block: The result field with the customer's block to which Atlas routes; None if Atlas is not told.
        region: The result field with the region of the customer's network, null for that of the container; None if there is none.
        ignores_case: Whether the values of fields are the same in upper and lower case.
        role_codes: The error codes of a creation that mean that Atlas has no rights, perhaps not yet, in the customer's cloud.
        has_names: Whether the customer needs the names of the container's own network, which Atlas makes with a first connection.
        lists_all: Whether containers are read with the list of all clouds.
    """

    name: str
    identity: tuple[str, ...]
    writable: t.Mapping[str, str]
    read_only: t.Mapping[str, str]
    network: str
    required: tuple[str, ...]
    changeable: frozenset[str]
    progress: tuple[str, ...]
    pending: str | None
    failed: str
    terminating: str
    failure_reasons: t.Mapping[str, str]
    accepted_id: str | None
    customer_task: t.Callable[[Peer, str | None, Fields_provider | None], CustomerTask]
    handover: t.Callable[[Fields_provider, Fields_provider | None, bool], dict[str, t.Any]]
    removal_failed: str | None = None
    removal_advice: str = ""
    lost: str = ""
    block: str | None = None
    region: str | None = None
    ignores_case: bool = False
    role_codes: frozenset[str] = frozenset()
    has_names: bool = False
    lists_all: bool = True

    @property
    def states(self) -> tuple[str, ...]:
        """All states, on the way to a working connection first."""
        removal_failed = () if self.removal_failed is None else (self.removal_failed,)
        return (*self.progress, self.failed, self.terminating, *removal_failed)

    @property
    def labels(self) -> tuple[str, ...]:
        """The result fields that describe the customer's network beside its identity, and cannot be changed."""
        others = (*self.identity, "container_id", self.region)
        return tuple(name for name in self.writable if name not in others and name not in self.changeable)

    def goal(self, wait_for: str | None) -> str:
        """Return the state that a value of the option `wait_for` stands for; without one, Atlas has done its part then."""
        if wait_for == "available":
            return self.progress[-1]
        return self.pending or self.progress[-1]

    def is_same(self, value: t.Any, other: t.Any) -> bool:
        """Whether two values of a field are the same."""
        if self.ignores_case and isinstance(value, str) and isinstance(other, str):
            return value.casefold() == other.casefold()
        return bool(value == other)

    def differing(self, wanted: Fields_provider, current: Fields_provider) -> tuple[str, ...]:
        """Return the names of the wanted fields that a connection has with another value; sorted."""
        return tuple(sorted(name for name, value in wanted.items() if not self.is_same(value, current.get(name))))

    def to_result(self, peer: t.Mapping[str, t.Any]) -> Peer:
        """Return a connection of the API with the names of the results; Atlas's values are not changed."""
        fields = {**self.read_only, **self.writable}
        result = {name: peer.get(key) for name, key in fields.items()}
        return t.cast("Peer", {**result, "provider_name": peer.get("providerName") or self.name})

    def describe(self, fields: t.Mapping[str, t.Any]) -> str:
        """Return the identity of a connection in words."""
        return ", ".join(str(fields[name]) for name in reversed(self.identity))

    def to_body(self, peer: t.Mapping[str, t.Any], *, with_provider: bool = True) -> dict[str, t.Any]:
        """Return the body of a POST or PATCH: the writable fields that have a value, and `providerName`."""
        body = {key: peer[name] for name, key in self.writable.items() if peer.get(name) is not None}
        return {**body, "providerName": self.name} if with_provider else body

    def has_reached(self, peer: Peer, status: str) -> bool:
        """Whether a connection is in a state or beyond it on the way to a working one."""
        present = peer["status_name"]
        return present in self.progress and self.progress.index(present) >= self.progress.index(status)

    def has_failed(self, peer: Peer) -> bool:
        """Whether a connection will not come to work any more, and has to be removed."""
        return peer["status_name"] in (self.failed, self.removal_failed)

    def waits_for_customer(self, peer: Peer, goal: str) -> bool:
        """Whether the customer has to act, and can by now, before a connection comes to a state."""
        is_known = self.accepted_id is None or fields_of(peer)[self.accepted_id] is not None
        return self.pending is not None and peer["status_name"] == self.pending != goal and is_known

    def failure_in_words(self, peer: Peer) -> str:
        """Return the state of a connection that has failed, why it has, and what to do about it."""
        reason = peer["error_state_name"] or "no reason given"
        meaning = self.failure_reasons.get(reason)
        return f"{peer['status_name']} ({reason}: {meaning})" if meaning else f"{peer['status_name']} ({reason})"


Entry = t.TypeVar("Entry")


class ByName(t.Mapping[str, Entry]):
    """What there is for each cloud provider, by its `providerName`.

    A module's process compiles each file anew. So `load` imports the file of its cloud, and only the names are known before.

    Args:
        load: Returns the entry of each provider.
    """

    def __init__(self, load: t.Mapping[str, t.Callable[[], Entry]]) -> None:
        self._load = load

    def __getitem__(self, name: str) -> Entry:
        """Return the entry of a provider."""
        return self._load[name]()

    def __iter__(self) -> t.Iterator[str]:
        """Yield the names, and read nothing."""
        return iter(self._load)

    def __len__(self) -> int:
        """Return how many providers there are."""
        return len(self._load)


def _azure() -> Provider:
    from .azure import AZURE

    return AZURE


def _gcp() -> Provider:
    from .gcp import GCP

    return GCP


def _aws() -> Provider:
    from .aws import AWS

    return AWS


PROVIDERS = ByName({"AWS": _aws, "AZURE": _azure, "GCP": _gcp})


def _azure_containers() -> ContainerKind:
    from .azure import AZURE_CONTAINERS

    return AZURE_CONTAINERS


def _gcp_containers() -> ContainerKind:
    from .gcp import GCP_CONTAINERS

    return GCP_CONTAINERS


def _aws_containers() -> ContainerKind:
    from .aws import AWS_CONTAINERS

    return AWS_CONTAINERS


KINDS = ByName({"AWS": _aws_containers, "AZURE": _azure_containers, "GCP": _gcp_containers})


# What names a connection, where that is more than its identity.
_NAMES = {"AZURE": ("azure_subscription_id", "resource_group_name", "vnet_name")}


def to_clouds(provider_name: str | None) -> tuple[Provider, ...]:
    """Return the cloud providers that a value of the option `provider_name` means."""
    return (*PROVIDERS.values(),) if provider_name == "all" else (PROVIDERS[provider_name or "AWS"],)


def cloud_of(fields: t.Mapping[str, t.Any]) -> Provider:
    """Return the cloud provider of a connection, by the fields that it has: what a reply says of its provider may be anything."""
    return next((cloud for cloud in PROVIDERS.values() if cloud.identity[0] in fields), PROVIDERS["AWS"])


def provider_of(peer: Peer) -> Provider:
    """Return the cloud provider of a connection."""
    return cloud_of(fields_of(peer))


def identity_of(fields: t.Mapping[str, t.Any]) -> tuple[str | None, ...]:
    """Return what tells a connection from others within a container; names that the cloud compares without case are alike."""
    cloud = cloud_of(fields)
    values = (fields[name] for name in cloud.identity)
    return tuple(value.lower() if cloud.ignores_case and isinstance(value, str) else value for value in values)


def name_of(fields: t.Mapping[str, t.Any]) -> str:
    """Return the name of a connection, for users: `account/vpc`, `subscription/group/vnet` or `project/network`."""
    cloud = cloud_of(fields)
    return "/".join(str(fields[name]) for name in _NAMES.get(cloud.name, cloud.identity) if fields.get(name) is not None)


def is_leaving(peer: Peer) -> bool:
    """Whether a connection is being removed."""
    return bool(peer["status_name"] == provider_of(peer).terminating)


def is_failed(peer: Peer) -> bool:
    """Whether a connection has failed, or its removal."""
    return provider_of(peer).has_failed(peer)


def is_pending(peer: Peer) -> bool:
    """Whether a connection is on its way: it is accepted, or set up."""
    return peer["status_name"] in provider_of(peer).progress[:-1]


def for_pending(peers: t.Iterable[Peer], on_aws: str, elsewhere: str) -> str:
    """Return what is to be done with pending connections.

    Args:
        peers: The connections that are there.
        on_aws: What to do if those that are pending are with AWS.
        elsewhere: The same for other clouds, whose names follow.
    """
    pending = {provider_of(peer).name for peer in peers if is_pending(peer)} or {"AWS"}
    # On AZURE nobody has to act, so that it is named only if it is the only one.
    names = sorted({name for name in pending if PROVIDERS[name].pending is not None} or pending)
    return on_aws if names == ["AWS"] else f"{elsewhere} {' and '.join(names)}"
