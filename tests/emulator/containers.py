"""Network containers: the address blocks in which Atlas keeps a project's clusters, and which peers connect to."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

from . import attributes
from .attributes import Body
from .clouds import Clouds
from .errors import ApiError
from .ids import new_aws_id
from .providers import DEFAULT_PROVIDER
from .regions import REGIONS

#: The block that a project's first container gets where none is asked for.
DEFAULT_BLOCK = ipaddress.IPv4Network("192.168.248.0/21")


@dataclass
class Container:
    """One container."""

    kind: ContainerKind
    block: ipaddress.IPv4Network
    #: One region, or a list of them on Google Cloud.
    region: Any
    id: str
    #: The network that Atlas has made for it, on AWS a vpc-…; None until something needs it.
    network_id: str | None = None

    def to_json(self) -> Body:
        """Return the container as a reply shows it."""
        return {
            "id": self.id,
            "providerName": self.kind.name,
            "atlasCidrBlock": str(self.block),
            **self.kind.region_shown(self.region),
            "provisioned": self.network_id is not None,
            **self.kind.network_fields(self),
        }


class ContainerKind:
    """What differs between cloud providers in a container: one class a provider."""

    name = ""
    region_field = ""
    required: tuple[str, ...] = ("atlasCidrBlock", "region")
    read_only: tuple[str, ...] = ("id", "provisioned")
    #: Whether a container that nothing uses can get another region, or others: the Terraform provider sends them in a PATCH.
    changes_region = False

    def check_region(self, body: Body) -> None:
        """Refuse what is no region of the provider in Atlas's form.

        Raises:
            ApiError: INVALID_ATTRIBUTE or INVALID_REGION.
        """
        region = body[self.region_field]
        if not isinstance(region, str):
            raise ApiError("INVALID_ATTRIBUTE", self.region_field)
        if region not in REGIONS[self.name]:
            raise ApiError("INVALID_REGION", region)

    def prefixes(self, region: Any) -> range:
        """Return the sizes that a block may have (the API's field descriptions)."""
        return range(21, 25)

    def is_limited(self, region: Any) -> bool:
        """Tell whether a container is for chosen regions alone, of all that it could have."""
        return False

    def collides(self, mine: Any, other: Any) -> bool:
        """Tell whether a second container for this region is one too many."""
        return bool(mine == other)

    def region_shown(self, region: Any) -> Body:
        """Return what a reply says of the region."""
        return {self.region_field: region}

    def region_for(self, region: str) -> Any:
        """Return the region of a container that is made for a cluster."""
        return region

    def new_network_id(self, container: Container) -> str:
        """Return an id for the network behind a container."""
        return new_aws_id("vpc")

    def network_fields(self, container: Container) -> Body:
        """Return the read-only fields about the network behind a container."""
        return {}


class AwsKind(ContainerKind):
    """Containers on AWS: one a region."""

    name = "AWS"
    region_field = "regionName"
    required = ("regionName",)
    read_only = ("id", "provisioned", "vpcId")
    # In its acceptance tests, the Terraform provider moves one from US_EAST_1 to US_EAST_2, and reads the new region.
    changes_region = True

    def network_fields(self, container: Container) -> Body:
        """Show the VPC."""
        return {"vpcId": container.network_id}


class AzureKind(ContainerKind):
    """Containers on Azure: one a region."""

    name = "AZURE"
    region_field = "region"
    read_only = ("id", "provisioned", "azureSubscriptionId", "vnetName")

    def new_network_id(self, container: Container) -> str:
        """Return a name, in the form that the documentation's examples have, with letters at its end."""
        return f"vnet_{container.id}_{''.join(secrets.choice(ascii_lowercase) for _letter in range(8))}"

    def network_fields(self, container: Container) -> Body:
        """Show the subscription, by an id of Atlas's own form, and the virtual network."""
        return {"azureSubscriptionId": container.id if container.network_id else None, "vnetName": container.network_id}


class GcpKind(ContainerKind):
    """Containers on Google Cloud: one a project."""

    name = "GCP"
    region_field = "regions"
    # The published description requires the regions too; the documentation and official clients leave them out for all of them.
    required = ("atlasCidrBlock",)
    changes_region = True
    read_only = ("id", "provisioned", "gcpProjectId", "networkName")

    def check_region(self, body: Body) -> None:
        """Refuse what is no list of regions."""
        regions = body[self.region_field]
        if not isinstance(regions, list) or not all(isinstance(region, str) for region in regions):
            raise ApiError("INVALID_ATTRIBUTE", self.region_field)
        for region in regions:
            if region not in REGIONS[self.name]:
                raise ApiError("INVALID_REGION", region)

    def prefixes(self, region: Any) -> range:
        """A container for chosen regions may be small, with a /24 for each; one for all of them needs an /18 or more."""
        return range(21, 25 - (len(region) - 1).bit_length()) if region else range(8, 19)

    def is_limited(self, region: Any) -> bool:
        """It is, unless no regions were chosen."""
        return bool(region)

    def collides(self, mine: Any, other: Any) -> bool:
        """There is one container in all."""
        return True

    def region_shown(self, region: Any) -> Body:
        """Show regions only where some were chosen."""
        return super().region_shown(region) if region else {}

    def region_for(self, region: str) -> Any:
        """Choose no regions: it is for all of them."""
        return []

    def new_network_id(self, container: Container) -> str:
        """Return a name, in the form that the published description has."""
        return f"nt-{container.id}-{secrets.token_hex(4)}"

    def network_fields(self, container: Container) -> Body:
        """Show the Google project and the network."""
        return {"gcpProjectId": f"p-{container.id}" if container.network_id else None, "networkName": container.network_id}


KINDS: Mapping[str, ContainerKind] = {kind.name: kind for kind in (AwsKind(), AzureKind(), GcpKind())}


class Containers:
    """The containers of one project, in the order in which they were made."""

    def __init__(
        self, group_id: str, first_id: str | None, clouds: Clouds, new_id: Callable[[], str], allow_duplicates: bool = False
    ) -> None:
        """Start with one container on AWS, as a project with its first cluster has it, or with none, as a new one.

        Args:
            first_id: The id of that container, None for none.
            new_id: Makes the id of a new container.
            allow_duplicates: Whether there may be a second one for a region.
        """
        self._group_id = group_id
        self._new_id = new_id
        self._allow_duplicates = allow_duplicates
        self._clouds = clouds
        first = [Container(KINDS["AWS"], DEFAULT_BLOCK, "US_EAST_1", first_id)] if first_id else []
        self._by_id: dict[str, Container] = {container.id: container for container in first}

    def __iter__(self) -> Iterator[Container]:
        """Iterate over all containers."""
        return iter(list(self._by_id.values()))

    def of(self, provider: str) -> list[Container]:
        """Return the containers of one provider."""
        return [container for container in self if container.kind.name == provider]

    def get(self, container_id: str) -> Container:
        """Return one container.

        Raises:
            ApiError: CLOUD_PROVIDER_CONTAINER_NOT_FOUND.
        """
        try:
            return self._by_id[container_id]
        except KeyError:
            raise ApiError("CLOUD_PROVIDER_CONTAINER_NOT_FOUND", container_id) from None

    def create(self, body: Body) -> Container:
        """Make a container.

        Raises:
            ApiError: For a body that is not right, a second one for a region, or overlapping blocks.
        """
        kind = self._check(body)
        attributes.require(body, kind.required)
        region = body.get(kind.region_field, [])
        if self._like(kind, region) and not self._allow_duplicates:
            raise ApiError("CONTAINER_ALREADY_EXISTS", self._group_id)
        block = self._block(kind, body, region) if "atlasCidrBlock" in body else self._free_block(kind)
        container = Container(kind, block, region, self._new_id())
        self._by_id[container.id] = container
        return container

    def provide(self, provider: str, region: str) -> Container:
        """Return the container for the nodes of a cluster; it is made if there is none, with a block that is free.

        Raises:
            ApiError: OVERLAPPING_ATLAS_CIDR_BLOCK if no block is free.
        """
        kind = KINDS[provider]
        like = self._like(kind, region)
        if like:
            return like[0]
        container = Container(kind, self._free_block(kind), kind.region_for(region), self._new_id())
        self._by_id[container.id] = container
        return container

    def update(self, container: Container, body: Body, users: list[str], needs_all: bool) -> Container:
        """Change a container's block and, on AWS and Google Cloud, its region or regions.

        Args:
            users: What uses the container and so locks both.
            needs_all: Whether the body has to hold all that a POST has to, as v2 wants it.

        Raises:
            ApiError: For a body that is not right, a region that cannot change or has a container, or a container in use.
        """
        kind = self._check(body, container.kind.name)
        if kind is not container.kind:
            raise ApiError("INVALID_ATTRIBUTE", "providerName")
        if needs_all:
            attributes.require(body, kind.required)
        region = body.get(kind.region_field, container.region)
        if region != container.region and not kind.changes_region:
            raise ApiError("CANNOT_CHANGE_CONTAINER_REGION")
        if [one for one in self._like(kind, region) if one is not container] and not self._allow_duplicates:
            raise ApiError("CONTAINER_ALREADY_EXISTS", self._group_id)
        block = self._block(kind, {"atlasCidrBlock": str(container.block), **body}, region, container)
        if kind.is_limited(container.region) and (block, region) != (container.block, container.region):
            raise ApiError("CANNOT_UPDATE_SMALL_CONTAINER", container.id)
        if (block, region) != (container.block, container.region):
            if users:
                raise ApiError("CONTAINERS_IN_USE", ", ".join(users))
            # A network of the old block is of no use any more.
            self._clouds[kind.name].release(container)
        container.block, container.region = block, region
        return container

    def delete(self, container: Container, users: list[str]) -> None:
        """Remove a container.

        Args:
            users: What uses the container and so keeps it.

        Raises:
            ApiError: CONTAINERS_IN_USE.
        """
        if users:
            raise ApiError("CONTAINERS_IN_USE", ", ".join(users))
        self._clouds[container.kind.name].release(container)
        del self._by_id[container.id]

    def put_first(self, container: Container) -> None:
        """Put a container in front of all others, unchecked."""
        self._by_id = {container.id: container, **self._by_id}

    @staticmethod
    def _check(body: Body, default: str = DEFAULT_PROVIDER) -> ContainerKind:
        attributes.check_enum(body, "providerName", tuple(KINDS))
        kind = KINDS[body.get("providerName", default)]
        attributes.check_names(body, ("providerName", "atlasCidrBlock", kind.region_field), kind.read_only)
        if kind.region_field in body:
            kind.check_region(body)
        return kind

    def _like(self, kind: ContainerKind, region: Any) -> list[Container]:
        """Return the containers of which there can be only one, unless duplicates are allowed."""
        return [other for other in self.of(kind.name) if kind.collides(region, other.region)]

    def _block(self, kind: ContainerKind, body: Body, region: Any, container: Container | None = None) -> ipaddress.IPv4Network:
        value = body["atlasCidrBlock"]
        interface = attributes.parse_cidr(body, "atlasCidrBlock")
        block = interface.network
        if not attributes.is_private(block):
            raise ApiError("ATLAS_INVALID_CIDR_RANGE", value)
        sizes = kind.prefixes(region)
        if block.prefixlen not in sizes:
            if kind.is_limited(region):
                raise ApiError("ATLAS_INVALID_CIDR_BLOCK_FOR_SMALL_CONTAINER")
            raise ApiError("ATLAS_INVALID_CIDR_BLOCK", value, f"{sizes[0]} to /{sizes[-1]}", kind.name)
        if interface.ip != block.network_address:
            raise ApiError("ATLAS_NON_CANONICAL_CIDR_BLOCK", value, str(block))
        may_overlap = [container, *(self._like(kind, region) if self._allow_duplicates else [])]
        if any(block.overlaps(other.block) for other in self.of(kind.name) if other not in may_overlap):
            raise ApiError("OVERLAPPING_ATLAS_CIDR_BLOCK", value)
        return block

    def _free_block(self, kind: ContainerKind) -> ipaddress.IPv4Network:
        taken = [container.block for container in self.of(kind.name)]
        sizes = kind.prefixes([])
        size = DEFAULT_BLOCK.prefixlen if DEFAULT_BLOCK.prefixlen in sizes else sizes[-1]
        candidates = reversed(list(ipaddress.IPv4Network("192.168.0.0/16").subnets(new_prefix=size)))
        for block in candidates:
            if not any(block.overlaps(other) for other in taken):
                return block
        raise ApiError("OVERLAPPING_ATLAS_CIDR_BLOCK", str(DEFAULT_BLOCK))
