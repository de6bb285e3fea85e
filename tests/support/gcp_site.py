"""Runs atlas_gcp_peering in the test's own process, against a stand-in of GCP over real TLS and through a real proxy."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.run import execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.session import GcpSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_gcp_peering import OPERATION
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done, FakeClock

MINE = ("my-project", "my-network")
ATLAS = ("p-abcdefghijklmnopqrstuvwx", "nt-5356823b3794dee37132bb7b-abcdefgh")
OTHER = ("p-bbcdefghijklmnopqrstuvwx", "nt-5356823b3794dee37132bb7c-bbcdefgh")
NAME = f"atlas-{ATLAS[1]}"
REMOTE = f"projects/{ATLAS[0]}/global/networks/{ATLAS[1]}"
NAMES = {
    "gcp_project_id": MINE[0],
    "network_name": MINE[1],
    "atlas_gcp_project_id": ATLAS[0],
    "atlas_network_name": ATLAS[1],
}


@dataclass
class GcpSite:
    """Two networks, of which one is Atlas's, and the ways to run tasks on them."""

    clouds: RunningClouds
    clock: FakeClock = field(default_factory=FakeClock)
    #: What was reported while tasks waited.
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the networks, and a token."""
        for key in (MINE, ATLAS):
            self.clouds.gcp.add_network(*key)
        self.token = str(self.clouds.tokens.issue()["access_token"])

    def run(self, *, check_mode: bool = False, unexpected: bool = False, **options: Any) -> Done:
        """Run a task with these options (None leaves one out) beside the names of both networks and a token."""
        given = {**NAMES, "access_token": self.token, **options}
        given = {name: value for name, value in given.items() if value is not None}
        checked = ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate(given)
        assert checked.error_messages == []
        self.clouds.gcp.requests.clear()
        clock = self.clock

        class Timed(OPERATION):
            """The Operation, on the test's clock."""

            @staticmethod
            @contextlib.contextmanager
            def connect(params: Any, unused_warn: Any, /) -> Iterator[GcpSession]:
                session = GcpSession(params, clock, clock.sleep)
                try:
                    yield session
                finally:
                    session.close()

        outcome = execute(
            Timed,
            checked.validated_parameters,
            check_mode=check_mode,
            report=self.lines.append,
            clock=clock,
            sleep=clock.sleep,
        )
        done = Done(outcome.to_result(diff=True, verbosity=4), outcome.warnings)
        done.traceback = done.result.pop("exception", "")
        assert bool(done.traceback) == unexpected, done.traceback
        text = json.dumps([done.result, done.warnings, self.lines])
        for secret in (self.token, *(one["token"] for one in self.clouds.tokens.issued)):
            assert secret not in text
        return done

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
