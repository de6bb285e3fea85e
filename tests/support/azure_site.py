"""A VNet of a customer on AZURE."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.tests.clouds.azure import vnet_id
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds

SUBSCRIPTION = "1f2e3d4c-0000-4000-8000-0000000000aa"
#: The names of a VNet, as the stand-in's methods take them.
VNET = (SUBSCRIPTION, "svet-test", "test-vnet-ab12cd")
VNET_ID = vnet_id(*VNET)
ATLAS_BLOCK = "192.168.208.0/21"


def variables(clouds: RunningClouds) -> dict[str, str]:
    """Return the environment in which what signs in to AZURE talks to the stand-in."""
    return {**clouds.environment, **clouds.azure.entra.variables, "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION}
