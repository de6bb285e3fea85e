"""The errors that the Atlas API documents, each with its HTTP status and what its parameters carry."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

#: errorCode: (HTTP status, wording of our own for the detail). Codes and statuses are those of the API's error list.
CATALOGUE: dict[str, tuple[int, str]] = {
    "INVALID_JSON": (400, "The body is not JSON of the form that is wanted here."),
    "MISSING_ATTRIBUTE": (400, "The attribute {0} has to be given."),
    "INVALID_ATTRIBUTE": (400, "The attribute {0} is unknown, or its value is not allowed."),
    "ATTRIBUTE_READ_ONLY": (400, "The attribute {0} is set by the service and cannot be sent."),
    "INVALID_ENUM_VALUE": (400, "The value {1} is none of those that {0} can have."),
    "INVALID_PROVIDER": (400, "There is no cloud provider called {0}."),
    "INVALID_REGION": (400, "There is no region {0} at this cloud provider."),
    "INVALID_QUERY_PARAMETER": (400, "The query parameter {0} is unknown, missing or has a value that is not allowed."),
    "INVALID_CIDR_BLOCK": (400, "{0} is not an IPv4 block in CIDR notation."),
    "INVALID_ROUTE_TABLE_CIDR": (400, "{0} lies outside the private address ranges."),
    "ATLAS_INVALID_CIDR_BLOCK": (400, "{0} has the wrong size: {2} takes /{1}."),
    "ATLAS_INVALID_CIDR_BLOCK_FOR_SMALL_CONTAINER": (
        400,
        "A container for chosen regions takes /21 to /24, a /24 for each of them.",
    ),
    "ATLAS_INVALID_CIDR_RANGE": (400, "{0} is not private."),
    "ATLAS_NON_CANONICAL_CIDR_BLOCK": (400, "{0} has host bits set; its canonical form is {1}."),
    "CANNOT_UPDATE_SMALL_CONTAINER": (400, "The container {0} is limited to regions, and so cannot be changed."),
    "CANNOT_CHANGE_CONTAINER_REGION": (400, "The region of a container of this provider is fixed."),
    "INVALID_IP_ADDRESS_OR_CIDR_NOTATION": (400, "{0} is neither an IP address nor a block in CIDR notation."),
    "MISSING_ONE_OF_THREE_ATTRIBUTES": (400, "One of {0}, {1} and {2} has to be given."),
    "MULTIPLE_VALUES_SPECIFIED_FOR_ONE_NETWORK_PERMISSION_ENTRY": (400, "An entry has one address, block or security group."),
    "DUPLICATE_ADDRESSES_IN_INPUT": (400, "Two of the entries are for the same addresses."),
    "INVALID_NETWORK_PERMISSION_COMMENT": (400, "The comment {0} is longer than 80 characters."),
    "INVALID_DATE_FORMAT": (400, "{0} is not a time in the format of ISO 8601."),
    "EXPIRATION_DATE_IN_PAST": (400, "The time at which the entry is to be removed has passed."),
    "EXPIRATION_DATE_EXCEEDS_MAX": (400, "An entry can be removed at most {0} days from now."),
    "NETWORK_PERMISSION_EXPIRATION_NOT_SUPPORTED": (400, "Only entries for addresses can be temporary."),
    "PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY": (400, "The entry is there without a time at which it is to be removed."),
    "CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION": (
        400,
        "Security groups are only known through a peer on AWS, and there is none.",
    ),
    "PATH_PARAM_PARSE_ERROR": (400, "The value {1} cannot be the {0} of a path."),
    "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API": (400, "The cluster {0} is a Flex cluster, which has a resource of its own."),
    "CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API": (400, "The cluster {0} is not a Flex cluster."),
    "AZURE_CUSTOMER_NETWORK_VALIDATION_FAILED": (400, "Atlas may not peer with the virtual network, or the account is wrong."),
    "USER_UNAUTHORIZED": (401, "These credentials do not open this resource."),
    "NOT_IN_GROUP": (401, "The key belongs to no such group, or there is no such group."),
    "IP_ADDRESS_NOT_ON_ACCESS_LIST": (403, "The API key may not be used from {0}: its access list lacks that address."),
    "ATLAS_NETWORK_PERMISSIONS_LIMIT_EXCEEDED": (403, "The access list can have {0} entries."),
    "ORG_NOT_FOUND": (404, "There is no organization {0}."),
    "GROUP_NOT_FOUND": (404, "There is no group {0}."),
    "RESOURCE_NOT_FOUND": (404, "There is no resource {0}."),
    "PEER_NOT_FOUND": (404, "Group {1} has no peer {0}."),
    "CLOUD_PROVIDER_CONTAINER_NOT_FOUND": (404, "There is no container {0}."),
    "AZURE_CUSTOMER_NETWORK_UNREACHABLE": (404, "Atlas cannot reach the virtual network, or may not use it."),
    "ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND": (404, "{0} is not on the access list of group {1}."),
    "CLUSTER_NOT_FOUND": (404, "Group {1} has no cluster {0}."),
    "METHOD_NOT_ALLOWED": (405, "The method {0} cannot be used here."),
    "INVALID_VERSION_DATE": (406, "The Accept header names no version of this resource."),
    "PEER_ALREADY_EXISTS": (409, "There is a peer with AWS account {0} and VPC {1} already."),
    "PEER_ALREADY_EXISTS_AZURE": (409, "There is a peer with Azure subscription {0} and virtual network {1} already."),
    "PEER_ALREADY_EXISTS_GCP": (409, "There is a peer with GCP project {0} and network {1} already."),
    "PEER_ALREADY_REQUESTED_DELETION": (409, "Peer {0} is being deleted already."),
    "PEER_INVALID_STATE": (409, "Peer {0} of group {1} cannot be changed in the state it is in."),
    "PEER_MAXIMUM_REACHED": (409, "No more than {0} peers are allowed."),
    "OVERLAPPING_CIDR_BLOCK": (409, "{0} overlaps with the block of another peer."),
    "OVERLAPPING_ATLAS_CIDR_BLOCK": (409, "{0} overlaps with a block of Atlas."),
    # Seen in runs of the official Terraform provider's tests, without parameters.
    "CANNOT_CLOSE_GROUP_ACTIVE_ATLAS_CLUSTERS": (409, "The group has clusters, which have to go first."),
    "CANNOT_CLOSE_GROUP_ACTIVE_PEERING_CONNECTIONS": (409, "The group has peers, which have to go first."),
    "GROUP_ALREADY_EXISTS": (409, "There is a group called {0} in the organization already."),
    "CONTAINER_ALREADY_EXISTS": (409, "Group {0} has such a container already."),
    "CONTAINERS_IN_USE": (409, "The container is in use by {0}."),
    "REQUEST_ENTITY_TOO_LARGE": (413, "The body is larger than {0} bytes."),
    "UNSUPPORTED_MEDIA_TYPE": (415, "The body's type {0} cannot be read here."),
    "RATE_LIMITED": (429, "Too many requests to {0}."),
    "RATE_LIMITED_TOKEN_BUCKET": (429, "No token is left for {0}: wait {1} s. A bucket of {2}, with {3} more every {4} s."),
    "UNEXPECTED_ERROR": (500, "Something unexpected happened."),
}

#: Codes about one attribute of the body, told again in badRequestDetail.
_ABOUT_AN_ATTRIBUTE = ("MISSING_ATTRIBUTE", "INVALID_ATTRIBUTE", "ATTRIBUTE_READ_ONLY", "INVALID_ENUM_VALUE")


class ApiError(Exception):
    """An error as Atlas answers it.

    Args:
        code: An errorCode of the catalogue.
        parameters: What the error is about, in the documented order; put into the detail and sent along.
        headers: Further response headers, such as Allow.
        detail: What is wrong, where that can be said better than the catalogue does.
    """

    def __init__(self, code: str, *parameters: Any, headers: dict[str, str] | None = None, detail: str | None = None) -> None:
        """Look up status and detail."""
        self.status, template = CATALOGUE[code]
        self.code = code
        self.parameters = list(parameters)
        self.headers = dict(headers or {})
        self.detail = detail or template.format(*parameters)
        super().__init__(f"{self.status} {code}: {self.detail}")

    def body(self) -> dict[str, Any]:
        """Return the JSON object that describes the error."""
        body: dict[str, Any] = {
            "detail": self.detail,
            "error": self.status,
            "errorCode": self.code,
            "parameters": self.parameters,
            "reason": HTTPStatus(self.status).phrase,
        }
        if self.code in _ABOUT_AN_ATTRIBUTE:
            body["badRequestDetail"] = {"fields": [{"field": str(self.parameters[0]), "description": self.detail}]}
        return body


class ChallengeError(ApiError):
    """The first 401 of a digest exchange: seen on the wire with this code and without parameters."""

    def __init__(self, headers: dict[str, str]) -> None:
        """Take the headers with the challenge."""
        super().__init__("UNEXPECTED_ERROR", headers=headers)
        self.status = 401
        self.detail = "Credentials are needed for this resource."

    def body(self) -> dict[str, Any]:
        """Return the error without its parameters."""
        body = super().body()
        del body["parameters"]
        return body
