"""Makes, reads and removes a peering with GCP's own client, and prints what it has read, and how it was refused.

A program, which imports nothing of ours. Its argument is JSON: the project, the network, the
address of the other network, and the key of a service account. The environment says where the proxy is.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import compute_v1
from google.oauth2.service_account import Credentials


def main() -> None:
    """Do all of it."""
    asked: dict[str, Any] = json.loads(sys.argv[1])
    networks = compute_v1.NetworksClient(credentials=Credentials.from_service_account_info(asked["key"]))
    own = {"project": asked["project"], "network": asked["network"]}

    def add() -> None:
        peering = compute_v1.NetworkPeering(name="ours", network=asked["other"], exchange_subnet_routes=True)
        body = compute_v1.NetworksAddPeeringRequest(network_peering=peering)
        networks.add_peering(**own, networks_add_peering_request_resource=body).result(timeout=60)

    def refusal(call: Any, *arguments: Any, **named: Any) -> list[Any]:
        try:
            call(*arguments, **named)
        except GoogleAPICallError as error:
            return [error.code, error.message]
        return []

    said: dict[str, Any] = {}
    add()
    said["made"] = [[one.name, one.state, one.update_strategy] for one in networks.get(**own).peerings]
    said["again"] = refusal(add)
    removal = compute_v1.NetworksRemovePeeringRequest(name="ours")
    networks.remove_peering(**own, networks_remove_peering_request_resource=removal).result(timeout=60)
    said["left"] = len(networks.get(**own).peerings)
    said["networks"] = [one.name for one in networks.list(project=asked["project"])]
    said["unknown"] = refusal(networks.get, project=asked["project"], network="unknown")
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
