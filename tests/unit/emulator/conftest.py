"""An emulator a module, reset for every test, and a client that knows nothing of the collection."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.emulator.server import running as running_on_socket
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.aws import Account, Aws
from ansible_collections.cloudpeer.atlas.tests.support.memory import Adapter, running
from requests.auth import HTTPDigestAuth

#: The modules about what Atlas has in a project; the others are about requests, which take the wire.
IN_MEMORY = (
    "accesslist",
    "aws",
    "aws_groups",
    "azure",
    "clients",
    "clusters",
    "containers",
    "gcp",
    "groups",
    "lifecycle",
    "peers",
)
Run = Callable[[Settings], AbstractContextManager[RunningEmulator]]
VERSIONED = "application/vnd.atlas.2023-01-01+json"


def error(response: requests.Response) -> tuple[int, str]:
    """Return status and code of an error."""
    return response.status_code, response.json()["errorCode"]


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        """Start somewhere."""
        self.time = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds


class Api:
    """A plain digest client of one emulator."""

    def __init__(self, emulator: RunningEmulator, version: str) -> None:
        """Take the emulator's key."""
        self.emulator = emulator
        self.root = f"{emulator.base_url}/api/atlas/{version}"
        self.group = f"{self.root}/groups/{emulator.settings.group_id}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.mount("http://", Adapter())
        self.session.auth = HTTPDigestAuth(emulator.settings.public_key, emulator.settings.private_key)
        if version == "v2":
            self.session.headers["Accept"] = VERSIONED
        self._numbers = itertools.count(1)

    def call(self, method: str, path: str = "", **arguments: Any) -> requests.Response:
        """Send a request; a path is one below the group."""
        url = path if path.startswith("http") else self.group + path
        return self.session.request(method, url, timeout=30, **arguments)

    def new_peer(self, **fields: Any) -> dict[str, Any]:
        """Return the body of a peer that collides with no earlier one; None leaves a field out."""
        number = next(self._numbers)
        body = {
            "providerName": "AWS",
            "containerId": self.emulator.project.first_container_id,
            "accepterRegionName": "us-east-1",
            "awsAccountId": "123456789012",
            "vpcId": f"vpc-{number:017x}",
            "routeTableCidrBlock": f"10.{number}.0.0/16",
            **fields,
        }
        return {name: value for name, value in body.items() if value is not None}

    def make_peer(self, **fields: Any) -> dict[str, Any]:
        """Create such a peer and return it."""
        response = self.call("POST", "/peers", json=self.new_peer(**fields))
        assert response.status_code == 200, response.text
        return response.json()

    def update_peer(self, peer: dict[str, Any], **changes: Any) -> requests.Response:
        """Send a peer with changes as clients do: all that can be written, a region where a reply has none. None leaves out."""
        names = ("providerName", "containerId", "accepterRegionName", "awsAccountId", "vpcId", "routeTableCidrBlock")
        body = {name: peer[name] for name in names}
        body["accepterRegionName"] = body["accepterRegionName"] or "us-east-1"
        sent = {name: value for name, value in {**body, **changes}.items() if value is not None}
        return self.call("PATCH", f"/peers/{peer['id']}", json=sent)

    def status_of(self, peer_id: str) -> str | None:
        """Return a peer's status, None if it is gone."""
        response = self.call("GET", f"/peers/{peer_id}")
        return None if response.status_code == 404 else response.json().get("statusName", response.json().get("status"))

    def control(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Send a request to a control path, without credentials and on a connection of its own."""
        return requests.request(method, f"{self.emulator.base_url}/emulator{path}", json=body, timeout=10)


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture(scope="module")
def run(request: pytest.FixtureRequest) -> Run:
    """Return what runs an emulator: in memory, unless the module is about requests."""
    return running if request.path.stem.removeprefix("test_") in IN_MEMORY else running_on_socket


@pytest.fixture(scope="module")
def shared_emulator(run: Run) -> Iterator[RunningEmulator]:
    """Run one emulator for the tests of a module; every look at it sees the next state."""
    with run(Settings(step_seconds=0)) as emulator:
        yield emulator


@pytest.fixture
def emulator(shared_emulator: RunningEmulator) -> RunningEmulator:
    """Return the emulator in its initial state."""
    shared_emulator.reset()
    return shared_emulator


@pytest.fixture
def api(emulator: RunningEmulator) -> Api:
    """Return a client for v2."""
    return Api(emulator, "v2")


@pytest.fixture
def old_api(emulator: RunningEmulator) -> Api:
    """Return a client for v1.0."""
    return Api(emulator, "v1.0")


@pytest.fixture
def start(run: Run) -> Iterator[Callable[..., Api]]:
    """Return a function that runs an emulator with other settings and returns a client for it."""
    with contextlib.ExitStack() as stack:
        yield lambda version="v2", **options: Api(stack.enter_context(run(Settings(**options))), version)


@pytest.fixture(scope="module")
def aws(_aws: Aws) -> Aws:
    """Return the AWS of all tests."""
    return _aws


@pytest.fixture(scope="module")
def shared_aws_emulator(aws: Aws, run: Run) -> Iterator[RunningEmulator]:
    """Run one emulator with an AWS behind it for the tests of a module."""
    with run(Settings(step_seconds=0, aws_endpoint_url=aws.url)) as emulator:
        yield emulator


@pytest.fixture
def aws_api(aws: Aws, shared_aws_emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Return a client for v2 of an emulator that is in its initial state, as its AWS is; what is done there shows at once."""
    from ansible_collections.cloudpeer.atlas.tests.emulator import aws as emulated_aws

    monkeypatch.setattr(emulated_aws, "LOOK_SECONDS", 0.0)
    shared_aws_emulator.reset()
    aws.reset()
    return Api(shared_aws_emulator, "v2")


@pytest.fixture
def account(aws: Aws, aws_api: Api) -> Account:
    """Return the user's account."""
    return aws.account()
