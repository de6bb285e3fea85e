"""What tests run tasks on, in their own process: options as a playbook gives them, time as the test says."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, ClassVar

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth import clients as _clients
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import ModuleBase, execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import Report
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer import OPERATION
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import parse_rules
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support import memory as _memory

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
    secrets: set[str] = field(default_factory=set, repr=False)
    #: Of what ended the task unexpectedly; a test has to ask for that.
    traceback: str = ""
    #: What `-v` shows of entries while the task runs.
    details: list[str] = field(default_factory=list)
    #: Whether it has a message, and has not failed: with `fail_on: never`.
    is_ok: bool = False

    @property
    def changed(self) -> bool:
        return bool(self.result["changed"])

    @property
    def failed(self) -> bool:
        return "msg" in self.result and not self.is_ok

    @property
    def msg(self) -> str:
        return str(self.result["msg"])

    def missing(self, *words: str) -> list[str]:
        """Return the words that are not in the message of the failure."""
        assert self.failed
        return [word for word in words if word not in self.msg]

    @property
    def peer(self) -> Any:
        return self.result["vpc_peer"]

    @property
    def before(self) -> Any:
        return self._compared.get("before", {})

    @property
    def after(self) -> Any:
        return self._compared.get("after", {})

    @property
    def _compared(self) -> Any:
        """The comparison of a diff that has only one, whatever is said of the plan before it."""
        diff = self.result.get("diff", {})
        return next((one for one in diff if "before" in one), {}) if isinstance(diff, list) else diff

    @property
    def plan(self) -> str | None:
        """The plan in a line."""
        plan: str | None = self.result["summary"]["plan"]
        return plan

    @property
    def done(self) -> str | None:
        """What was done in a line."""
        done: str | None = self.result["summary"]["done"]
        return done

    @property
    def sums(self) -> dict[str, int]:
        """Those numbers of the summary of a list that are not 0."""
        return {name: number for name, number in self.result["summary"].items() if number and name not in ("plan", "done")}

    @property
    def actions(self) -> list[tuple[str, int | None]]:
        """The actions on a list, each with the index of its entry."""
        return [(one["action"], one["index"]) for one in self.result["actions"]]

    @property
    def failures(self) -> dict[int | None, str]:
        """The messages of the failures of a list, by the index of the entry."""
        return {index: one["msg"] for one in self.result["failures"] for index in one["indexes"] or [None]}

    @property
    def pruned(self) -> set[str]:
        """The VPCs whose connections were pruned."""
        return {one["vpc_id"] for one in self.result["pruned"]}

    @property
    def accepter(self) -> Any:
        return self.result["accepter"]

    @property
    def routes(self) -> dict[str, tuple[str | None, str | None]]:
        """Where each chosen table led before and leads after, of atlas_vpc_peer_accepter."""
        return {one["route_table_id"]: (one["before"], one["after"]) for one in self.accepter["routes"]}

    @property
    def check(self) -> Any:
        return self.result["peering_check"]

    @property
    def connection(self) -> Any:
        """The only connection of a check."""
        (connection,) = self.check["connections"]
        return connection

    @property
    def found(self) -> dict[str, str]:
        """What is wrong, or not known, of the only connection of a check: `{"P601": "fail"}`."""
        wrong = [one for one in self.connection["checks"] if one["severity"] in ("fail", "warn", "unknown")]
        return {one["code"]: one["severity"] for one in sorted(wrong, key=lambda one: one["severity"], reverse=True)}

    def finding(self, code: str) -> Any:
        """Return the first finding with a code on the only connection of a check."""
        return next(one for one in self.connection["checks"] if one["code"] == code)

    @property
    def calls(self) -> list[str]:
        """The requests, sorted: those to Atlas with their path in the project, and without those that only got a nonce."""
        return sorted(_in_project(one["path"]) or one["path"] for one in self._sent)

    @property
    def atlas_calls(self) -> list[str]:
        """Those to Atlas alone."""
        return sorted(_in_project(one["path"]) for one in self._sent if "/groups/" in one["path"])

    @property
    def _sent(self) -> list[dict[str, Any]]:
        return [one for one in self.result["api_calls"] if one["status"] != HTTPStatus.UNAUTHORIZED]


def _in_project(path: str) -> str:
    return path.rpartition("/groups/")[2].partition("/")[2]


def without_times(peer: dict[str, Any]) -> dict[str, Any]:
    """Return a connection as diffs show it."""
    return {name: value for name, value in peer.items() if not name.endswith("_at")}


def with_session(operation: type[ModuleBase[Any]], make: Callable[[Any], Any]) -> Any:
    """Return an Operation whose session a function makes of its options."""

    @contextlib.contextmanager
    def connect(params: Any, unused_warn: Any, /) -> Iterator[Any]:
        with contextlib.closing(make(params)) as session:
            yield session

    return type("Timed", (operation,), {"connect": staticmethod(connect)})


class Site:
    """What tests run tasks on: Atlas, a cloud or both, and a clock that only sleeps move on.

    Requests are answered in memory where they can be; see `support/memory.py`.

    Attributes:
        operation: What a task is, if a test names no other.
        emulator: Atlas; absent where tasks do not talk to it.
        lines: What was reported while tasks waited.
    """

    operation: ClassVar[type[ModuleBase[Any]]] = OPERATION
    emulator: RunningEmulator
    clock: FakeClock
    lines: list[str]

    @property
    def usual(self) -> dict[str, Any]:
        """The options of every task, but for what a test gives in their place."""
        settings = self.emulator.settings
        keys = {"public_key": settings.public_key, "private_key": settings.private_key}
        return {"base_url": self.emulator.base_url, "group_id": settings.group_id, **keys}

    @property
    def private(self) -> list[str]:
        """What no result, warning or line may show."""
        return [self.emulator.settings.private_key]

    def forget(self) -> None:
        """Forget the requests before a task."""

    def run(
        self,
        task: type[ModuleBase[Any]] | None = None,
        *,
        check_mode: bool = False,
        unexpected: bool = False,
        diff: bool = True,
        verbosity: int = 4,
        pool: _clients.ClientPool | None = None,
        **options: Any,
    ) -> Done:
        """Run a task with these options (None leaves one out) beside the usual ones.

        Args:
            task: The Operation, if it is another than the site's.
            check_mode: Whether to predict only.
            unexpected: Whether it ends with an exception that is not its own.
            diff: Whether diff mode is on.
            verbosity: How many times the user said `-v`.
            pool: The clients of a loop, of which this is an item; without it, the task is alone in its process.
            options: The options.
        """
        operation = task or self.operation
        given = {name: value for name, value in {**self.usual, **options}.items() if value is not None}
        checked = ArgumentSpecValidator(**operation.argument_spec.to_kwargs()).validate(given)
        assert checked.error_messages == []
        self.forget()
        details: list[str] = []
        with pytest.MonkeyPatch.context() as patch, _memory.answering():
            clients = pool or _clients.ClientPool(self.clock, self.clock.sleep)
            patch.setattr(_clients, "POOL", clients)
            try:
                outcome = execute(
                    self.on_clock(operation, patch),
                    checked.validated_parameters,
                    check_mode=check_mode,
                    report=Report(self.lines.append, details.append if verbosity else None),
                    clock=self.clock,
                    sleep=self.clock.sleep,
                )
            finally:
                if pool is None:
                    clients.close()
        done = Done(outcome.to_result(diff=diff, verbosity=verbosity), outcome.warnings, outcome.secrets)
        done.is_ok = options.get("fail_on") == "never" and outcome.failure is None
        done.traceback, done.details = done.result.pop("exception", ""), details
        assert bool(done.traceback) == unexpected, done.traceback
        shown = json.dumps([done.result, done.warnings, done.traceback, self.lines, done.details])
        assert not [one for one in self.private if one in shown]
        # Options in errors are marked until these are shown.
        assert "\\ufdd" not in shown, shown
        assert done.failed == (outcome.failure is not None)
        return done

    def on_clock(self, operation: type[ModuleBase[Any]], patch: pytest.MonkeyPatch) -> type[ModuleBase[Any]]:
        """Return an Operation whose session with a cloud lives on the clock of the site."""
        return operation

    def fault(
        self, method: str | None, kind: str, *, skip: int = 0, times: int | None = 1, path: str | None = None, **parameters: Any
    ) -> None:
        """Let something go wrong with requests to Atlas, as the emulator's rules say.

        Args:
            method: Their method; None for any.
            kind: What goes wrong.
            skip: How many of them pass first.
            times: How many of them it happens to; None for all.
            path: Their path and query, in which `*` stands for any characters; None for any.
            parameters: Those of the kind.
        """
        rule: dict[str, Any] = {"method": method, "path_glob": path, "authenticated": True, "skip": skip}
        rule["fault"] = {"kind": kind, **parameters}
        self.emulator.faults.add(parse_rules({**rule, "times": times} if times else rule))

    def peers_of(self, cloud: str) -> list[Any]:
        """Return the connections of a cloud, as the API shows them."""
        with self.emulator.project.now() as project:
            return [peer.to_json() for peer in project.peers.of(cloud)]

    def statuses(self, cloud: str) -> list[str]:
        """Return the states of the connections of a cloud."""
        with self.emulator.project.now() as project:
            return [peer.status for peer in project.peers.of(cloud)]

    @property
    def access_list(self) -> dict[str, str | None]:
        """The comments in the access list, by what they are the comments of."""
        with self.emulator.project.now() as project:
            return {entry.value: entry.comment for entry in project.access_list}

    def add_container(self, region: str, block: str) -> str:
        """Make a container on AWS and return its id."""
        return self.create_container(providerName="AWS", regionName=region, atlasCidrBlock=block)

    def create_container(self, **body: Any) -> str:
        """Make a container from a body of the API and return its id."""
        with self.emulator.project.now() as project:
            return str(project.containers.create(body).id)

    def put_cluster(self, name: str, provider: str, *regions: str, **fields: Any) -> None:
        """Put a cluster into the project."""
        where = [{"provider_name": provider, "region_name": region} for region in regions]
        with self.emulator.project.now() as project:
            project.put_cluster({"name": name, "regions": where, **fields})

    def fail(self, peer_id: str, text: str = "Internal Error") -> None:
        """Let a connection fail."""
        with self.emulator.project.now() as project:
            assert project.peers.fail(project.peers.get(peer_id), text, only_waiting=False)

    def fail_deletion(self, peer_id: str, times: int = 1) -> None:
        """Let the next removals of a connection fail."""
        with self.emulator.project.now() as project:
            assert project.peers.fail_deletion(project.peers.get(peer_id), "Internal Error", times)


@dataclass
class Atlas(Site):
    """An emulator and the ways to look at it and to run tasks against it."""

    emulator: RunningEmulator
    clock: FakeClock
    base_url: str
    #: Forgets the requests so far, of whatever else records them.
    forget_more: Callable[[], Any] = lambda: None
    lines: list[str] = field(default_factory=list)

    @property
    def usual(self) -> dict[str, Any]:
        return {**super().usual, "base_url": self.base_url, "retries": 2, "timeout": 60}

    @property
    def container_id(self) -> str:
        return str(self.emulator.project.first_container_id)

    def create(self, **options: Any) -> Any:
        """Make a connection, forget how, and return it as Atlas's API does."""
        done = self.run(**{**PEERING, **options})
        assert not done.failed, done.msg
        self.emulator.requests.clear()
        self.forget_more()
        return self.emulator.project.find_peer(done.peer["id"])

    def act(self, name: str, peer_id: str) -> None:
        """Do something to a connection from the other side: accept, reject, expire, fail, delete."""
        with self.emulator.project.now() as project:
            peer = project.peers.get(peer_id)
            if name == "accept":
                assert project.peers.accept(peer)
            elif name == "delete":
                project.peers.delete(peer)
        if name not in ("accept", "delete"):
            self.fail(peer_id, {"reject": "REJECTED", "expire": "EXPIRED", "fail": "INVALID_ARGUMENT"}[name])

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

    def sent(self, method: str) -> int:
        """Return how many requests with a method came with good credentials."""
        return sum(entry["method"] == method and entry["authenticated"] for entry in self.emulator.requests.entries())

    def methods(self) -> list[str]:
        """Return the methods of the requests that came with good credentials."""
        return [entry["method"] for entry in self.emulator.requests.entries() if entry["authenticated"]]

    def writes(self) -> list[str]:
        """Return those that could have changed something."""
        return [method for method in self.methods() if method != "GET"]

    def tcp_connections(self) -> int:
        assert not _memory.ENABLED, "connections are counted on sockets alone"
        return len({entry["connection"] for entry in self.emulator.requests.entries()})


def without_names(text: str) -> str:
    """Return a message without the names of networks, which stand behind places in lists: `connections[0] (vpc-1): …`."""
    return re.sub(r"((?:connections|peers)\[\d+\]) \([^()]+\)", r"\1", text)
