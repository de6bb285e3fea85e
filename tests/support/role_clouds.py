"""What the tests of the role on GCP run it on: an Atlas that finds its customers' networks in stand-ins of the clouds."""

from __future__ import annotations

import json
from typing import Any

import yaml
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.role_site import ROLE, role_variables
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun, PlaybookRunner, until

PROJECT, NETWORK = "my-project", "my-network"
NAME = f"{PROJECT}/{NETWORK}"
ATLAS_BLOCK = "10.8.0.0/18"
CLIENTS = "10.128.0.0/20"
ENTRY = {"gcp_project_id": PROJECT, "network_name": NETWORK, "cidr_block": CLIENTS}


class CloudSite:
    """Runs the role against an emulator and the clouds' stand-ins, and looks at what they have then.

    Args:
        runner: What runs playbooks.
        emulator: Atlas, which looks for its customers' networks in `clouds`.
        clouds: The stand-ins.
    """

    def __init__(self, runner: PlaybookRunner, emulator: RunningEmulator, clouds: RunningClouds) -> None:
        self._runner, self.emulator, self.clouds = runner, emulator, clouds
        clouds.gcp.add_network(PROJECT, NETWORK)
        self.environment = {
            **clouds.environment,
            "GCP_SERVICE_ACCOUNT_CONTENTS": json.dumps(clouds.tokens.service_account_key()),
        }

    def __call__(self, *options: str, status: int = 0, way: str = "in process", **variables: Any) -> PlaybookRun:
        """Run the role with its variables, which are given without their prefix, and show what it has returned."""
        wanted = {"connections": [ENTRY], "container_cidr_block": ATLAS_BLOCK, **variables}
        use = {"ansible.builtin.include_role": {"name": ROLE}, "vars": role_variables(wanted)}
        result = {"name": "Result", "ansible.builtin.debug": {"var": "vpc_peering_result"}}
        return self.play([use, result], *options, status=status, way=way)

    def play(self, tasks: list[dict[str, Any]], *options: str, status: int = 0, way: str = "in process") -> PlaybookRun:
        """Run tasks."""
        play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
        return self.playbook(yaml.safe_dump([play], sort_keys=False), *options, status=status, way=way)

    def playbook(self, source: str, *options: str, status: int = 0, way: str = "in process") -> PlaybookRun:
        """Run a playbook with the credentials for GCP."""
        self.emulator.requests.clear()
        self.clouds.gcp.requests.clear()
        return self._runner(source, self.emulator, *options, status=status, way=way, **self.environment)

    def task(self, module: str, **options: Any) -> PlaybookRun:
        """Run one task, as somebody would do a step by hand."""
        return self.play([{f"cloudpeer.atlas.{module}": options}])

    @property
    def writes(self) -> list[str]:
        """The requests of the last run that may change something: those to Atlas, and the end of the path of those to GCP."""
        sent = [entry for entry in self.emulator.requests.entries() if entry["authenticated"] and entry["method"] != "GET"]
        to_atlas = [f"{one['method']} {one['path'].partition(self.emulator.settings.group_id)[2].split('/')[1]}" for one in sent]
        return to_atlas + [path.rpartition("/")[2] for unused, path in self.clouds.gcp.requests if path.endswith("Peering")]

    @property
    def status(self) -> list[str]:
        """The states of the project's connections with GCP."""
        with self.emulator.project.now() as project:
            return [peer.status for peer in project.peers.of("GCP")]

    @property
    def peerings(self) -> dict[str, str]:
        """The states of the peerings of the customer's network, by name."""
        return {one["name"]: one["state"] for one in self.clouds.gcp.peerings(PROJECT, NETWORK)}

    @property
    def access_list(self) -> dict[str, str | None]:
        """The comments in the access list, by what they are the comments of."""
        with self.emulator.project.now() as project:
            return {entry.value: entry.comment for entry in project.access_list}

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

    def until_status(self, wanted: str) -> None:
        """Wait until the only connection is in a state."""
        until(lambda: self.status == [wanted])
