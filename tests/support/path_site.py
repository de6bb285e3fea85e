"""What atlas_peering runs on: Atlas, AWS with several accounts, and the stand-ins of AZURE and GCP, all of them side by side.

with running_aws() as aws, running_path(aws, folder) as site:
    done = site.run(connections=site.make_vpcs(50, accounts=5))
    assert site.to_aws["CreateRoute"] == 50

In the test's own process, on a clock that only sleeps move on, or on the real one; and by a playbook (`play`). Each VPC has one
route table, and the entries of VPCs have the account's keys, its profile, or a role that the environment's credentials assume; or
nothing, for tasks with `RULE`.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import rate as _aws_rate
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws import session as _aws_session
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.rate import RateGovernor
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.session import AzureSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.session import GcpSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides import entry_access
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.aws import Aws, Owner, owner
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import Front, fronting, refusal
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import SUBSCRIPTION, variables
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done, FakeClock, Site
from ansible_collections.cloudpeer.atlas.tests.support.memory import running
from ansible_collections.cloudpeer.atlas.tests.support.operations import load
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun, PlaybookRunner
from ansible_collections.cloudpeer.atlas.tests.support.slow_proxy import slow_proxy
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP

MODULE = "atlas_peering"
#: The accounts with VPCs; the environment's credentials are of another one.
ACCOUNTS = tuple(f"10{number:02}" * 3 for number in range(1, 6))
AUTOMATION = "900000000009"
ATLAS_ACCOUNT = Settings().aws_account_id
REGION = "us-east-1"
#: The block of the project's container on AWS, and those that containers on the other clouds are given.
ATLAS_BLOCK, AZURE_BLOCK, GCP_BLOCK = "192.168.248.0/21", "192.168.208.0/21", "10.8.0.0/18"
GCP_PROJECT, GROUP = "my-project", "network-group"
#: Which role tasks assume in each account if their entries have no credentials.
RULE = "arn:aws:iam::{account}:role/peering"
#: How an entry says who may act in its account.
AUTHS = ("role", "keys", "profile")


class RealClock(FakeClock):
    """The clock of this machine, for tests of what takes time in threads."""

    def __call__(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        time.sleep(seconds)


def entries_of(vpc_ids: Sequence[str], account: Owner, blocks: Sequence[str], auth: str = "role") -> list[dict[str, Any]]:
    """Return the entries of an account's VPCs."""
    keys = {
        "role": {"aws_assume_role_arn": f"arn:aws:iam::{account.id}:role/peering"},
        "keys": {
            "aws_access_key": account.keys["aws_access_key_id"],
            "aws_secret_key": account.keys["aws_secret_access_key"],
            "aws_session_token": account.keys["aws_session_token"],
        },
        "profile": {"aws_profile": f"account-{account.id}"},
        # The task says a rule.
        "rule": {},
    }[auth]
    shared = {"aws_account_id": account.id, **keys}
    return [{"vpc_id": one, "cidr_block": block, **shared} for one, block in zip(vpc_ids, blocks, strict=True)]


@dataclass
class PathSite(Site):
    """The clouds, and the ways to run atlas_peering on them.

    Attributes:
        emulator: Atlas.
        aws: AWS, as its owners reach it.
        front: What stands between tasks and AWS: it counts, refuses, and loses replies.
        clouds: The stand-ins of AZURE and GCP, if there are any.
        folder: Where files of credentials are.
        urls: Where tasks find Atlas and AWS, which may be far away.
        proxy: The proxy that leads tasks to the stand-ins.
    """

    emulator: RunningEmulator
    aws: Aws
    front: Front
    folder: Path
    clock: FakeClock
    urls: tuple[str, str]
    clouds: RunningClouds | None = None
    proxy: str = ""
    lines: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        """Take the accounts, and write their profiles."""
        self.accounts = {one: owner(self.aws.url, one) for one in (*ACCOUNTS, AUTOMATION)}
        self.front.accounts.update({one.keys["aws_access_key_id"]: one.id for one in self.accounts.values()})
        parts = []
        for one in self.accounts.values():
            parts += [f"[account-{one.id}]", *(f"{name} = {value}" for name, value in one.keys.items())]
        self._profiles = self.folder / "credentials"
        self._profiles.write_text("\n".join(parts), encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """The variables that let a task find the clouds, and say who it is there."""
        found = {
            **self.accounts[AUTOMATION].environment(REGION),
            "AWS_ENDPOINT_URL": self.urls[1],
            "AWS_SHARED_CREDENTIALS_FILE": str(self._profiles),
            "AWS_CONFIG_FILE": str(self.folder / "no-file"),
            "MONGODB_ATLAS_PROJECT_ID": self.emulator.settings.group_id,
        }
        if self.clouds is not None:
            key = json.dumps(self.clouds.tokens.service_account_key())
            found |= {**variables(self.clouds), "GCP_SERVICE_ACCOUNT_CONTENTS": key}
            found |= {"HTTPS_PROXY": self.proxy, "https_proxy": self.proxy}
        return found

    @property
    def usual(self) -> dict[str, Any]:
        shared = {"atlas_aws_account_ids": [ATLAS_ACCOUNT], "dns": "ignore", "retries": 2, "timeout": 60}
        return {**super().usual, "base_url": self.urls[0], **shared}

    @property
    def private(self) -> list[str]:
        found = [*super().private, *(secret for one in self.accounts.values() for secret in one.secrets)]
        if self.clouds is not None:
            entra, tokens = self.clouds.azure.entra, self.clouds.tokens
            found += [entra.secret, *(one["token"] for one in (*entra.issued, *tokens.issued))]
        return found

    def forget(self) -> None:
        self.emulator.requests.clear()
        self.front.forget()
        if self.clouds is not None:
            self.clouds.azure.requests.clear()
            self.clouds.gcp.requests.clear()

    def run(self, task: Any = None, **options: Any) -> Done:
        """Run atlas_peering, or another task; see `Site`."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            return super().run(task or load(MODULE), **options)

    def on_clock(self, operation: Any, patch: pytest.MonkeyPatch) -> Any:
        for module in (_aws_session, _aws_rate):
            patch.setattr(module, "RateGovernor", partial(RateGovernor, self.clock, self.clock.sleep))
        for session in (AzureSession, GcpSession):
            # Who makes one gives it no clock.
            patch.setattr(session.__init__, "__defaults__", (self.clock, self.clock.sleep, None))
        if not isinstance(self.clock, RealClock):
            # In threads that are runs of their own.
            patch.setattr(entry_access, "stoppable_sleep", self.clock.sleep)
        return operation

    def play(
        self, runner: PlaybookRunner, *arguments: str, status: int = 0, way: str = "in process", **options: Any
    ) -> PlaybookRun:
        """Run atlas_peering by a playbook, against clouds on the real clock.

        Args:
            runner: What runs it.
            arguments: Options of ansible-playbook.
            status: The exit status it must end with.
            way: How the task runs.
            options: The options of the task; None leaves one out.
        """
        signed = ("base_url", "group_id", "public_key", "private_key")
        given = {name: value for name, value in {**self.usual, **options}.items() if value is not None and name not in signed}
        tasks = [{"name": "Connect", f"cloudpeer.atlas.{MODULE}": given}]
        source = yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}], sort_keys=False)
        self.forget()
        variables = {**self.environment, "MONGODB_ATLAS_BASE_URL": self.urls[0]}
        return runner(source, self.emulator, *arguments, status=status, way=way, **variables)

    # What customers have.

    def make_vpcs(self, number: int, accounts: int = 1, auth: str = "role", region: str = REGION) -> list[dict[str, Any]]:
        """Make VPCs in turn in so many accounts, with blocks of their own, and return their entries."""
        blocks = [f"10.{100 + index // 256}.{index % 256}.0/24" for index in (next(self._numbers) for unused in range(number))]
        found: list[dict[str, Any]] = [{}] * number
        for turn, account_id in enumerate(ACCOUNTS[: min(accounts, number)]):
            mine = blocks[turn::accounts]
            made = self.aws.make_vpcs(account_id, mine, region)
            found[turn::accounts] = entries_of(made, self.accounts[account_id], mine, auth)
        return [{**one, "region": region} for one in found]

    def add_tables(self, entry: Mapping[str, Any], number: int) -> None:
        """Give the VPC of an entry more route tables, with a subnet each."""
        for _more in range(number):
            self.accounts[entry["aws_account_id"]].add_table(entry["vpc_id"], entry["region"])

    def make_vnets(self, number: int) -> list[dict[str, Any]]:
        """Make VNets, and return their entries; the first one says where the container is and which block it has."""
        assert self.clouds is not None
        azure, made = self.clouds.azure, []
        for index in (next(self._numbers) for unused in range(number)):
            block = f"10.{150 + index // 256}.{index % 256}.0/24"
            address = azure.add_vnet(SUBSCRIPTION, GROUP, f"vnet-{index}", [block])
            made.append({"azure_directory_id": azure.entra.tenant, "vnet_resource_id": address, "cidr_block": block})
        where = {"container_region": "westeurope", "container_cidr_block": AZURE_BLOCK}
        return [{**one, **where} for one in made]

    def make_networks(self, number: int) -> list[dict[str, Any]]:
        """Make VPC networks on GCP, and return their entries."""
        assert self.clouds is not None
        made = []
        for index in (next(self._numbers) for unused in range(number)):
            name, block = f"network-{index}", f"10.{200 + index // 256}.{index % 256}.0/24"
            self.clouds.gcp.add_network(GCP_PROJECT, name)
            self.clouds.gcp.add_subnet(GCP_PROJECT, name, "apps", "europe-west1", block)
            named = {"gcp_project_id": GCP_PROJECT, "network_name": name}
            made.append({**named, "cidr_block": block, "container_cidr_block": GCP_BLOCK})
        return made

    def request(self, entries: Sequence[Mapping[str, Any]], region: str = REGION) -> list[str]:
        """Let Atlas's account request a connection with each VPC in AWS, of which the project in Atlas knows nothing."""
        (vpc_id,) = self.aws.make_vpcs(ATLAS_ACCOUNT, [ATLAS_BLOCK], region)
        return self.aws.request(ATLAS_ACCOUNT, vpc_id, {one["vpc_id"]: one["aws_account_id"] for one in entries}, region)

    # What goes wrong. Requests of the emulator and of the owners do not come by the front.

    def lose(self, side: str, number: int, action: str = "*") -> None:
        """Lose the reply to one request of the next task.

        Args:
            side: `Atlas` or `AWS`.
            number: Which one, from 0.
            action: Of those for an action of AWS, or of those with a method to Atlas; all of them by default.
        """
        if side == "AWS":
            self.front.rule(action, DROP, forward=True, skip=number, times=1)
        else:
            self.fault(None if action == "*" else action, "lost_reply", skip=number)

    def throttle(self, action: str, times: int, account: str | None = None) -> None:
        """Let AWS refuse the next requests for an action for the rate."""
        self.front.rule(action, refusal("RequestLimitExceeded", "Request limit exceeded.", 503), times=times, account=account)

    # What was asked of whom.

    @property
    def to_atlas(self) -> Counter[str]:
        """How many requests of the last task came to Atlas, without challenges: `{"GET peers": 1, "GET peers/*": 50}`."""
        found: Counter[str] = Counter()
        for one in self.emulator.requests.entries():
            kind, _slash, item = one["path"].partition("/groups/")[2].partition("/")[2].partition("/")
            if one["authenticated"]:
                found[f"{one['method']} {kind}" + ("/*" if item and item != "all" else "")] += 1
        return found

    @property
    def challenges(self) -> int:
        """How many requests of the last task only got a challenge of Atlas."""
        return sum(one["status"] == 401 for one in self.emulator.requests.entries())

    @property
    def to_aws(self) -> Counter[str]:
        """How many requests of the last task came to AWS, by action."""
        return Counter(one.action for one in self.front.calls)

    def to_account(self, account_id: str) -> Counter[str]:
        """How many of them were those of one account, by action."""
        return Counter(one.action for one in self.front.calls if one.account == account_id)

    @property
    def to_gcp(self) -> Counter[str]:
        """How many requests of the last task came to GCP, by method and the end of the path."""
        assert self.clouds is not None
        return Counter(f"{method} {path.rpartition('/')[2]}" for method, path in self.clouds.gcp.requests)

    @property
    def to_azure(self) -> Counter[str]:
        """How many requests of the last task came to AZURE, by method and the kind of what they are about."""
        assert self.clouds is not None
        return Counter(f"{method} {_kind(path)}" for method, path in self.clouds.azure.requests if path.startswith("/"))

    @property
    def writes(self) -> list[str]:
        """What the last task asked for that may change something, on all sides, sorted."""
        found = [one for one in self.to_atlas if not one.startswith("GET ")]
        found += set(self.front.writes)
        if self.clouds is not None:
            found += [one for one in (*self.to_gcp, *self.to_azure) if not one.startswith(("GET ", "POST token", "POST wait"))]
        return sorted(found)

    # What there is.

    @property
    def connected(self) -> set[str]:
        """The VPCs with an active connection to which their route table leads."""
        found = set()
        for account_id in ACCOUNTS:
            tables, connections = self.aws.tables(account_id), self.aws.connections(account_id)
            for table, routes in self.aws.routes(account_id).items():
                for connection in routes.values():
                    if connections[connection] == (tables[table], "active"):
                        found.add(tables[table])
        return found

    def state(self) -> Any:
        """All that a task could change in Atlas and in AWS, to compare it with what is there afterwards."""
        with self.emulator.project.now() as project:
            containers = [one.to_json() for one in project.containers]
            peers = {peer.id: peer.to_json() for peer in project.peers}
        aws = [(self.aws.connections(one), self.aws.routes(one)) for one in ACCOUNTS]
        return json.loads(json.dumps([containers, peers, self.access_list, aws]))


def _kind(path: str) -> str:
    """Return the kind of the resource of AZURE in a path."""
    head, _slash, last = path.rpartition("/")
    kind = head.rpartition("/")[2]
    return last if last[:1].islower() and last.endswith("s") else kind


def _put_on_clock(emulator: RunningEmulator, clock: FakeClock) -> None:
    """Let the projects of an emulator live on a clock."""
    outside = type(emulator.project.outside)(emulator.settings, clock)
    emulator.projects[:] = [
        Project(emulator.settings, clock, number=number, outside=outside) for number in range(emulator.settings.groups)
    ]


@contextmanager
def running_path(
    aws: Aws,
    folder: Path,
    *,
    clouds: RunningClouds | None = None,
    clock: FakeClock | None = None,
    round_trip: float = 0.0,
    **settings: Any,
) -> Iterator[PathSite]:
    """Run Atlas and what stands before AWS, for the length of a with statement.

    Args:
        aws: AWS, which is emptied.
        folder: Takes files with credentials.
        clouds: The stand-ins of AZURE and GCP, which are emptied; None for tasks without these clouds.
        clock: On which Atlas and the tasks live; None for one that only sleeps move on.
        round_trip: How far away all clouds are, in seconds there and back; with a `RealClock` only.
        settings: Those of the emulator; a connection stays in each state for a second.
    """
    aws.reset()
    clock = clock or FakeClock()
    with ExitStack() as stack:
        if clouds is not None:
            clouds.reset()
        control = {"clouds_url": clouds.control_url} if clouds is not None else {}
        front = stack.enter_context(fronting(aws.url))
        front.provisioning, front.clock = 0, clock
        emulator = stack.enter_context(
            running(Settings(**{"step_seconds": 1, "aws_endpoint_url": aws.url, **control, **settings}))
        )
        if not isinstance(clock, RealClock):
            _put_on_clock(emulator, clock)

        def distant(url: str) -> str:
            head, _colon, port = url.rpartition(":")
            return f"{head}:{stack.enter_context(slow_proxy(int(port), round_trip)).port}" if round_trip else url

        urls = distant(emulator.base_url), distant(front.url)
        yield PathSite(emulator, aws, front, folder, clock, urls, clouds, distant(clouds.proxy.url) if clouds is not None else "")
