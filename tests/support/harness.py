"""Runs the whole task in the test's own process: options as a playbook gives them, time as the test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth import clients as _clients
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Operation
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.run import execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer import OPERATION
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator

VPC = "vpc-0a1b2c3d4e5f67890"
ACCOUNT = "123456789012"
CIDR = "10.15.0.0/16"
PAIR = {"vpc_id": VPC, "aws_account_id": ACCOUNT}
PEERING = {**PAIR, "route_table_cidr_block": CIDR}


@dataclass
class FakeClock:
    """A clock that only a sleep moves on. What is due at a moment happens when that moment comes."""

    now: float = 1000.0
    pauses: list[float] = field(default_factory=list)
    due: list[tuple[float, Any]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.RLock, repr=False, compare=False)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        with self.lock:
            self.pauses.append(seconds)
            until = self.now + seconds
            for moment, action in sorted(self.due, key=lambda one: one[0]):
                if moment <= until:
                    self.due = [one for one in self.due if one[1] is not action]
                    self.now = max(self.now, moment)
                    action()
            self.now = until

    def after(self, seconds: float, action: Any) -> None:
        """Have something happen once, some time from now."""
        self.due.append((self.now + seconds, action))


@dataclass
class Done:
    """What came out of a task."""

    result: dict[str, Any]
    warnings: list[str]
    #: Of what ended the task unexpectedly; a test has to ask for that.
    traceback: str = ""

    @property
    def changed(self) -> bool:
        return bool(self.result["changed"])

    @property
    def failed(self) -> bool:
        return "msg" in self.result

    @property
    def msg(self) -> str:
        return str(self.result["msg"])

    @property
    def peer(self) -> Any:
        return self.result["vpc_peer"]

    @property
    def before(self) -> Any:
        return self.result.get("diff", {"before": {}})["before"]

    @property
    def after(self) -> Any:
        return self.result.get("diff", {"after": {}})["after"]


@dataclass
class Atlas:
    """An emulator and the ways to look at it and to run tasks against it."""

    emulator: RunningEmulator
    clock: FakeClock
    base_url: str
    #: Forgets the requests so far, of whatever else records them.
    forget: Callable[[], Any] = lambda: None
    #: What was reported while tasks waited.
    lines: list[str] = field(default_factory=list)

    @property
    def container_id(self) -> str:
        return self.emulator.project.first_container_id

    def run(
        self,
        task: type[Operation[Any, Any]] = OPERATION,
        *,
        check_mode: bool = False,
        unexpected: bool = False,
        diff: bool = True,
        verbosity: int = 4,
        **options: Any,
    ) -> Done:
        """Run a task with these options (None leaves one out) beside those of the connection.

        Args:
            task: The Operation.
            check_mode: Whether to predict only.
            unexpected: Whether it ends with an exception that is not its own.
            diff: Whether diff mode is on.
            verbosity: How many times the user said `-v`.
            options: The options.
        """
        connection = {
            "base_url": self.base_url,
            "group_id": self.emulator.settings.group_id,
            "public_key": self.emulator.settings.public_key,
            "private_key": self.emulator.settings.private_key,
            "retries": 2,
            "timeout": 60,
        }
        given = {name: value for name, value in {**connection, **options}.items() if value is not None}
        checked = ArgumentSpecValidator(**task.argument_spec.to_kwargs()).validate(given)
        assert checked.error_messages == []
        with pytest.MonkeyPatch.context() as patch:
            pool = _clients.ClientPool(self.clock, self.clock.sleep)
            patch.setattr(_clients, "POOL", pool)
            try:
                outcome = execute(
                    task,
                    checked.validated_parameters,
                    check_mode=check_mode,
                    report=self.lines.append,
                    clock=self.clock,
                    sleep=self.clock.sleep,
                )
            finally:
                pool.close()
        done = Done(outcome.to_result(diff=diff, verbosity=verbosity), outcome.warnings)
        json.dumps(done.result)
        done.traceback = done.result.pop("exception", "")
        assert bool(done.traceback) == unexpected, done.traceback
        assert self.emulator.settings.private_key not in repr(done)
        assert done.failed == (outcome.failure is not None)
        return done

    def create(self, **options: Any) -> Any:
        """Make a connection, forget how, and return it as Atlas's API does."""
        done = self.run(**{**PEERING, **options})
        assert not done.failed, done.msg
        self.emulator.requests.clear()
        self.forget()
        return self.emulator.project.find_peer(done.peer["id"])

    def act(self, name: str, peer_id: str) -> None:
        """Do something to a connection from the other side: accept, reject, expire, fail, delete."""
        with self.emulator.project.now() as project:
            peer = project.peers.get(peer_id)
            if name == "accept":
                assert project.peers.accept(peer)
            elif name == "delete":
                project.peers.delete(peer)
            else:
                reason = {"reject": "REJECTED", "expire": "EXPIRED", "fail": "INVALID_ARGUMENT"}[name]
                assert project.peers.fail(peer, reason, only_waiting=False)

    def add_container(self, region: str, block: str) -> str:
        """Make a container on AWS and return its id."""
        with self.emulator.project.now() as project:
            return project.containers.create({"providerName": "AWS", "regionName": region, "atlasCidrBlock": block}).id

    def add_peer(self, **fields: Any) -> str:
        """Let somebody else make a connection and return its id."""
        body = {
            "vpcId": VPC,
            "awsAccountId": ACCOUNT,
            "routeTableCidrBlock": CIDR,
            "containerId": self.container_id,
            "accepterRegionName": "us-east-1",
            **fields,
        }
        with self.emulator.project.now() as project:
            return project.create_peer(body, needs_container=True).id

    def peers(self) -> list[Any]:
        return self.emulator.project.list_peers()

    def wire(self) -> list[tuple[str, int]]:
        """Return method and status of every request, in order."""
        return [(entry["method"], entry["status"]) for entry in self.emulator.requests.entries()]

    def writes(self) -> list[str]:
        """Return the methods of the requests that could have changed something and came with good credentials."""
        entries = self.emulator.requests.entries()
        return [entry["method"] for entry in entries if entry["method"] != "GET" and entry["authenticated"]]

    def tcp_connections(self) -> int:
        return len({entry["connection"] for entry in self.emulator.requests.entries()})
