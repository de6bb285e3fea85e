"""What differs between cloud providers in a peering connection: one class a provider."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from . import attributes
from .attributes import Body
from .errors import ApiError
from .regions import AWS_REGIONS, atlas_region, aws_region


class Provider:
    """The fields, the identity and the states of one provider's peering connections."""

    name = ""
    #: What identifies a connection, in the order of the error's parameters, and the error for a second one.
    identity: tuple[str, str] = ("", "")
    duplicate_code = ""
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    patterns: ClassVar[Mapping[str, re.Pattern[str]]] = {}
    status_field = "status"
    error_field = ""
    #: The errors that a connection can have; none if the cloud's own text is shown.
    error_names: tuple[str, ...] = ()
    #: States that pass by themselves, each with the one that follows; None is the end.
    steps: ClassVar[Mapping[str, str | None]] = {}
    initial = "ADDING_PEER"
    #: The state in which the owner of the other side has to act, and the one that follows when they do.
    waiting: str | None = None
    accepted: str | None = None
    #: Whether Atlas takes its time to notice that.
    notices_late = False
    deleting = "DELETING"
    #: The state after a deletion that has failed, where there is one.
    deletion_failed: str | None = None

    @property
    def writable(self) -> tuple[str, ...]:
        """Every attribute that a body may hold."""
        return ("providerName", *self.required, *self.optional)

    def key(self, pair: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return what is compared to tell whether two connections lead to the same network."""
        return pair

    def error_for(self, text: str) -> str:
        """Return what a reply shows as the error of a connection that the cloud refuses with this text."""
        return text

    def validate(self, body: Body) -> None:
        """Check the values of the attributes that are there.

        Raises:
            ApiError: With the code for what is wrong.
        """
        attributes.check_id(body, "containerId")
        for name, pattern in self.patterns.items():
            attributes.check_pattern(body, name, pattern)

    def checked(self, body: Body, may_lack: tuple[str, ...] = ()) -> Body:
        """Check a body that describes a connection, a new one or what one is to become.

        Args:
            may_lack: Required attributes that may be missing after all.

        Returns:
            The body in the form in which it is kept.

        Raises:
            ApiError: With the code for what is wrong.
        """
        attributes.check_names(body, self.writable, self.read_only)
        attributes.require(body, tuple(name for name in self.required if name not in may_lack))
        self.validate(body)
        return self.normalized(body)

    def normalized(self, body: Body) -> Body:
        """Return the body in the form in which it is kept."""
        return dict(body)

    def completed(self, fields: Body, container_region: Any) -> Body:
        """Return the fields of a new connection without the container, which is kept apart, and with what follows from it."""
        return {name: value for name, value in fields.items() if name != "containerId"}

    def shown(self, fields: Body, container_region: Any) -> Body:
        """Return the writable fields as a reply shows them."""
        return {name: fields.get(name) for name in (*self.required, *self.optional)}


class Aws(Provider):
    """Connections between VPCs on AWS."""

    name = "AWS"
    identity = ("awsAccountId", "vpcId")
    duplicate_code = "PEER_ALREADY_EXISTS"
    required = ("containerId", "accepterRegionName", "awsAccountId", "routeTableCidrBlock", "vpcId")
    read_only = ("id", "connectionId", "statusName", "errorStateName")
    # Wider than the published patterns (12 digits; 17 hex digits), which the documentation's own example
    # (vpc-123456, abc123abc123) does not meet.
    patterns: ClassVar[Mapping[str, re.Pattern[str]]] = {
        "awsAccountId": re.compile(r"[0-9a-z]{12}"),
        "vpcId": re.compile(r"vpc-[0-9a-f]{6,17}"),
    }
    status_field = "statusName"
    error_field = "errorStateName"
    error_names = ("REJECTED", "EXPIRED", "INVALID_ARGUMENT")
    steps: ClassVar[Mapping[str, str | None]] = {
        "INITIATING": "PENDING_ACCEPTANCE",
        "FINALIZING": "AVAILABLE",
        "TERMINATING": None,
    }
    initial = "INITIATING"
    waiting = "PENDING_ACCEPTANCE"
    accepted = "FINALIZING"
    deleting = "TERMINATING"

    def error_for(self, text: str) -> str:
        """There is one for what AWS says of an unknown VPC or account, and of blocks that overlap."""
        return "INVALID_ARGUMENT"

    def validate(self, body: Body) -> None:
        """Check ids, the accepter's region and the routed block (private, canonical)."""
        super().validate(body)
        region = body.get("accepterRegionName")
        if region is not None:
            if not isinstance(region, str):
                raise ApiError("INVALID_ATTRIBUTE", "accepterRegionName")
            if atlas_region(region) not in AWS_REGIONS:
                raise ApiError("INVALID_REGION", region)
        if "routeTableCidrBlock" in body:
            block = attributes.parse_cidr(body, "routeTableCidrBlock")
            if not attributes.is_private(block.network):
                raise ApiError("INVALID_ROUTE_TABLE_CIDR", body["routeTableCidrBlock"])
            if block.ip != block.network.network_address:
                raise ApiError("INVALID_CIDR_BLOCK", body["routeTableCidrBlock"])

    def normalized(self, body: Body) -> Body:
        """Keep the region in the form that replies use."""
        kept = dict(body)
        if "accepterRegionName" in kept:
            kept["accepterRegionName"] = aws_region(kept["accepterRegionName"])
        return kept

    def completed(self, fields: Body, container_region: Any) -> Body:
        """Take the container's region where the accepter's was not given, as API v1.0 does."""
        return {"accepterRegionName": aws_region(container_region), **super().completed(fields, container_region)}

    def shown(self, fields: Body, container_region: Any) -> Body:
        """Leave out a region that is the container's own: the service answers null then."""
        shown = super().shown(fields, container_region)
        if shown["accepterRegionName"] and atlas_region(shown["accepterRegionName"]) == container_region:
            shown["accepterRegionName"] = None
        return shown


_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_AZURE_NAME = re.compile(r"[-\w.()]{1,90}", re.ASCII)


class Azure(Provider):
    """Connections between virtual networks on Azure."""

    name = "AZURE"
    identity = ("azureSubscriptionId", "vnetName")
    duplicate_code = "PEER_ALREADY_EXISTS_AZURE"
    required = ("containerId", "azureDirectoryId", "azureSubscriptionId", "resourceGroupName", "vnetName")
    read_only = ("id", "status", "errorState")
    patterns: ClassVar[Mapping[str, re.Pattern[str]]] = {
        "azureDirectoryId": _UUID,
        "azureSubscriptionId": _UUID,
        "resourceGroupName": _AZURE_NAME,
        "vnetName": _AZURE_NAME,
    }
    error_field = "errorState"
    steps: ClassVar[Mapping[str, str | None]] = {"ADDING_PEER": "AVAILABLE", "DELETING": None}
    deletion_failed = "DELETION_FAILED"

    def key(self, pair: tuple[Any, ...]) -> tuple[Any, ...]:
        """Azure compares ids and names without case."""
        return tuple(str(part).lower() for part in pair)


class Gcp(Provider):
    """Connections between VPC networks on Google Cloud."""

    name = "GCP"
    identity = ("gcpProjectId", "networkName")
    duplicate_code = "PEER_ALREADY_EXISTS_GCP"
    required = ("containerId", "gcpProjectId", "networkName")
    read_only = ("id", "status", "errorMessage")
    patterns: ClassVar[Mapping[str, re.Pattern[str]]] = {
        # Old projects have a domain before the id.
        "gcpProjectId": re.compile(r"([-a-z0-9]+(\.[-a-z0-9]+)+:)?[a-z][0-9a-z-]{4,28}[0-9a-z]"),
        "networkName": re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"),
    }
    error_field = "errorMessage"
    steps: ClassVar[Mapping[str, str | None]] = {"ADDING_PEER": "WAITING_FOR_USER", "DELETING": None}
    waiting = "WAITING_FOR_USER"
    accepted = "AVAILABLE"
    notices_late = True


PROVIDERS: Mapping[str, Provider] = {provider.name: provider for provider in (Aws(), Azure(), Gcp())}
DEFAULT_PROVIDER = "AWS"
