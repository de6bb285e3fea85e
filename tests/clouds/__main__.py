"""The command line: `python -m tests.clouds` runs the stand-ins, with two networks, Atlas's half of their peering, and a VNet."""

from __future__ import annotations

import json
import signal
import sys
import threading
from typing import Any

from .server import running

MINE = ("my-project", "my-network")
VNET = ("1f2e3d4c-0000-4000-8000-0000000000aa", "svet-test", "test-vnet-ab12cd")
ATLAS = ("p-abcdefghijklmnopqrstuvwx", "nt-5356823b3794dee37132bb7b-abcdefgh")


def main() -> None:
    """Run until somebody ends it."""
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *unused: over.set())
    with running() as clouds:
        for key in (MINE, ATLAS):
            clouds.gcp.add_network(*key)
        clouds.gcp.add_peering(*ATLAS, "peer-of-the-customer", MINE)
        vnet_id = clouds.azure.add_vnet(*VNET)
        said: dict[str, Any] = {
            "environment": {**clouds.environment, "GCE_METADATA_HOST": clouds.metadata_host},
            "service_account_contents": json.dumps(clouds.tokens.service_account_key()),
            "control_url": clouds.control_url,
            "access_token": clouds.tokens.issue()["access_token"],
            "gcp_project_id": MINE[0],
            "network_name": MINE[1],
            "atlas_gcp_project_id": ATLAS[0],
            "atlas_network_name": ATLAS[1],
            "azure_environment": {**clouds.azure.entra.variables, "AZURE_SUBSCRIPTION_ID": VNET[0]},
            "azure_directory_id": clouds.azure.entra.tenant,
            "azure_subscription_id": VNET[0],
            "resource_group_name": VNET[1],
            "vnet_name": VNET[2],
            "vnet_resource_id": vnet_id,
        }
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
        over.wait()


if __name__ == "__main__":
    main()
