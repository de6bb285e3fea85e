"""GCP for the demo: the stand-in of its APIs, with one VPC network of a user's project."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from checkout import ROOT
from emulator import ready_emulator

_NETWORKS = "https://compute.googleapis.com/compute/v1/projects"


class DemoGcp:
    """The stand-in of GCP.

    Args:
        ready: What it says when it listens.

    Attributes:
        clouds_url: Where Atlas finds the networks of its customers.
        variables: The environment variables with which a playbook finds and uses GCP.
    """

    def __init__(self, ready: dict[str, Any]) -> None:
        """Take what it says."""
        self.clouds_url: str = ready["control_url"]
        self._token: str = ready["access_token"]
        self._project: str = ready["gcp_project_id"]
        self._network: str = ready["network_name"]
        self._environment: dict[str, str] = ready["environment"]
        self.variables = {
            **self._environment,
            "GCP_SERVICE_ACCOUNT_CONTENTS": ready["service_account_contents"],
            "GCP_PROJECT": self._project,
            "GCP_NETWORK": self._network,
        }

    def view(self) -> dict[str, str]:
        """Return the network and its peerings as GCP's API shows them, by what to call them."""
        proxy = urllib.request.ProxyHandler({"https": self._environment["HTTPS_PROXY"]})
        context = ssl.create_default_context(cafile=self._environment["SSL_CERT_FILE"])
        opener = urllib.request.build_opener(proxy, urllib.request.HTTPSHandler(context=context))
        address = f"{_NETWORKS}/{self._project}/global/networks/{self._network}"
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {self._token}"})  # noqa: S310 - https
        with opener.open(request, timeout=10) as reply:
            network = json.load(reply)
        return {
            "network": f"{network['name']} in project {self._project}",
            **{
                f"peering {one['name']}": f"{one['state']}, to {one['network'].partition('/v1/')[2]}"
                for one in network.get("peerings", [])
            },
        }


@contextmanager
def running_gcp() -> Iterator[DemoGcp]:
    """Run the stand-in for the length of a with statement.

    Raises:
        EmulatorError: If it does not start.
    """
    with ready_emulator("tests.clouds", ROOT) as ready:
        yield DemoGcp(ready)
