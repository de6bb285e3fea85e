"""What the tests of the role on GCP run it on: an Atlas that finds its customers' networks in stand-ins of the clouds."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.role_site import RoleSite
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun, PlaybookRunner

PROJECT, NETWORK = "my-project", "my-network"
NAME = f"{PROJECT}/{NETWORK}"
ATLAS_BLOCK = "10.8.0.0/18"
CLIENTS = "10.128.0.0/20"
ENTRY = {"gcp_project_id": PROJECT, "network_name": NETWORK, "cidr_block": CLIENTS}


class CloudSite(RoleSite):
    """Runs the role on GCP against the clouds' stand-ins, where Atlas looks for its customers' networks."""

    def __init__(self, runner: PlaybookRunner, emulator: RunningEmulator, clouds: RunningClouds) -> None:
        key = json.dumps(clouds.tokens.service_account_key())
        environment = {**clouds.environment, "GCP_SERVICE_ACCOUNT_CONTENTS": key}
        super().__init__(runner, emulator, environment, connections=[ENTRY], container_cidr_block=ATLAS_BLOCK)
        self.clouds = clouds
        clouds.gcp.add_network(PROJECT, NETWORK)

    def forget(self) -> None:
        super().forget()
        self.clouds.gcp.requests.clear()

    def task(self, module: str, **options: Any) -> PlaybookRun:
        """Run one task, as somebody would do a step by hand."""
        return self.play([{f"cloudpeer.atlas.{module}": options}])

    @property
    def writes(self) -> list[str]:
        """The requests of the last run that may change something: those to Atlas, and the end of the path of those to GCP."""
        to_atlas = [f"{method} {path.split('/')[1]}" for method, path in self.sent if method != "GET"]
        return to_atlas + [path.rpartition("/")[2] for unused, path in self.clouds.gcp.requests if path.endswith("Peering")]

    @property
    def status(self) -> list[str]:
        """The states of the project's connections with GCP."""
        return self.statuses("GCP")

    @property
    def peerings(self) -> dict[str, str]:
        """The states of the peerings of the customer's network, by name."""
        return {one["name"]: one["state"] for one in self.clouds.gcp.peerings(PROJECT, NETWORK)}

    @property
    def containers(self) -> list[str]:
        """The blocks of the containers on GCP."""
        with self.emulator.project.now() as project:
            return [str(one.block) for one in project.containers.of("GCP")]

    @property
    def atlas_network(self) -> tuple[str, str]:
        """Atlas's own project and network in GCP."""
        with self.emulator.project.now() as project:
            (fields,) = [one.to_json() for one in project.containers.of("GCP")]
        return str(fields["gcpProjectId"]), str(fields["networkName"])
