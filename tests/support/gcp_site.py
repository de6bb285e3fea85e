"""Runs atlas_gcp_peering in the test's own process, against a stand-in of GCP over real TLS and through a real proxy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.session import GcpSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_gcp_peering import OPERATION
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock, Site, with_session

MINE = ("my-project", "my-network")
ATLAS = ("p-abcdefghijklmnopqrstuvwx", "nt-5356823b3794dee37132bb7b-abcdefgh")
OTHER = ("p-bbcdefghijklmnopqrstuvwx", "nt-5356823b3794dee37132bb7c-bbcdefgh")
NAME = f"atlas-{ATLAS[1]}"
REMOTE = f"projects/{ATLAS[0]}/global/networks/{ATLAS[1]}"
NAMES = {"gcp_project_id": MINE[0], "network_name": MINE[1], "atlas_gcp_project_id": ATLAS[0], "atlas_network_name": ATLAS[1]}


@dataclass
class GcpSite(Site):
    """Two networks, of which one is Atlas's, and the ways to run tasks on them."""

    clouds: RunningClouds
    clock: FakeClock = field(default_factory=FakeClock)
    lines: list[str] = field(default_factory=list)

    operation = OPERATION

    def __post_init__(self) -> None:
        """Make the networks, and a token."""
        for key in (MINE, ATLAS):
            self.clouds.gcp.add_network(*key)
        self.token = str(self.clouds.tokens.issue()["access_token"])

    @property
    def usual(self) -> dict[str, Any]:
        return {**NAMES, "access_token": self.token}

    @property
    def private(self) -> list[str]:
        return [self.token, *(one["token"] for one in self.clouds.tokens.issued)]

    def forget(self) -> None:
        self.clouds.gcp.requests.clear()

    def on_clock(self, operation: Any, patch: pytest.MonkeyPatch) -> Any:
        return with_session(operation, lambda params: GcpSession(params, self.clock, self.clock.sleep))

    def add_atlas_half(self) -> None:
        """Let Atlas make its half."""
        self.clouds.gcp.add_peering(*ATLAS, "peer-of-the-customer", MINE)

    def peerings(self) -> list[str]:
        """Return the names of the peerings of the customer's network."""
        return [one["name"] for one in self.clouds.gcp.peerings(*MINE)]

    def wire(self) -> list[str]:
        """Return the requests of the last task: the method and the end of the path."""
        return [f"{method} {path.rpartition('/')[2]}" for method, path in self.clouds.gcp.requests]

    def writes(self) -> list[str]:
        """Return those that change something."""
        return [one for one in self.wire() if one.endswith("Peering")]
