"""The published description of the API without its known faults, if `ATLAS_OPENAPI` names its file, or several with parts."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest

# Its licence keeps the description out of this repository.
PATH = os.environ.get("ATLAS_OPENAPI")
_GROUP = "/api/atlas/v2/groups/{groupId}"
PEERS, CLUSTERS = f"{_GROUP}/peers", f"{_GROUP}/clusters"


def load(path: str = PEERS) -> dict[str, Any]:
    """Return the description as it is, and skip the test if `ATLAS_OPENAPI` does not name it.

    Args:
        path: What has to be described. Of several files (with a colon in between), the first that describes it counts.

    Raises:
        OSError: When a file that the variable names cannot be read.
    """
    if not PATH:
        pytest.skip("ATLAS_OPENAPI is not set: it has to name a file with the published description of the API, as JSON")
    found = find(path)
    if found is None:
        pytest.skip(f"ATLAS_OPENAPI names no file that describes {path}")
    return found


def find(path: str) -> dict[str, Any] | None:
    """Return the description with a path; None if there is none.

    Raises:
        OSError: When a file that `ATLAS_OPENAPI` names cannot be read.
    """
    for name in (PATH or "").split(os.pathsep):
        loaded: dict[str, Any] = json.loads(Path(name).read_text(encoding="utf-8")) if name else {"paths": {}}
        if path in loaded["paths"]:
            return loaded
    return None


def mended(description: dict[str, Any]) -> dict[str, Any]:
    """Return a copy that says what is seen on the wire, where the description is known to say something else."""
    found = copy.deepcopy(description)
    # Strings and numbers on the wire.
    found["components"]["schemas"]["ApiError"]["properties"]["parameters"]["items"] = {}
    if PEERS in found["paths"]:
        _mend_networks(found)
    return found


def _mend_networks(found: dict[str, Any]) -> None:
    schemas = found["components"]["schemas"]
    # Refuses every CIDR block, every security group with a letter in it, and most IPv6 addresses and blocks.
    del schemas["AwsNetworkPeeringConnectionSettings"]["properties"]["routeTableCidrBlock"]["pattern"]
    for name in ("awsSecurityGroup", "cidrBlock", "ipAddress"):
        del schemas["NetworkPermissionEntry"]["properties"][name]["pattern"]
    # Older and made-up ids: fewer digits.
    del schemas["AwsNetworkPeeringConnectionSettings"]["properties"]["vpcId"]["pattern"]
    # The description forgets what is null before AWS has answered, where all is well, or where it would repeat the container.
    _let_be_null(schemas["AwsNetworkPeeringConnectionSettings"], "connectionId", "errorStateName", "accepterRegionName")
    _let_be_null(schemas["AzureNetworkPeeringConnectionSettings"], "errorState")
    _let_be_null(schemas["GCPNetworkPeeringConnectionSettings"], "errorMessage")
    for schema in [schemas[name] for name in schemas if name.endswith("CloudProviderContainer")]:
        for part in [schema, *schema.get("allOf", [])]:
            _let_be_null(
                part,
                *(set(part.get("properties", {})) & {"vpcId", "azureSubscriptionId", "vnetName", "gcpProjectId", "networkName"}),
            )
    # All regions, if none is chosen; and clouds open regions before the description has them.
    for name in ("GCPCloudProviderContainer", "AzureCloudProviderContainer"):
        for part in [schemas[name], *schemas[name].get("allOf", [])]:
            if "regions" in part.get("required", []):
                part["required"].remove("regions")
            _forget_values(part, "regions", "region")
    # Any request can be malformed, in its query or in its path.
    for operations in found["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"].setdefault("400", {"$ref": "#/components/responses/badRequest"})
    # 201 on the wire.
    responses = found["paths"]["/api/atlas/v2/groups/{groupId}/accessList"]["post"]["responses"]
    responses["201"] = responses["200"]


def _forget_values(schema: dict[str, Any], *names: str) -> None:
    for name in set(names) & set(schema.get("properties", {})):
        schema["properties"][name].pop("enum", None)
        schema["properties"][name].get("items", {}).pop("enum", None)


def _let_be_null(schema: dict[str, Any], *names: str) -> None:
    for name in names:
        properties = schema["properties"][name]
        properties["nullable"] = True
        if "enum" in properties:
            properties["enum"] = [*properties["enum"], None]
