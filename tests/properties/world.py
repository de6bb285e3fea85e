"""An emulator in the test's own process and on its clock, the states that it can be in, and a client of it."""

from __future__ import annotations

import base64
import copy
import json
from dataclasses import dataclass, field
from typing import Any, cast

from ansible_collections.cloudpeer.atlas.tests.emulator.app import AtlasApp
from ansible_collections.cloudpeer.atlas.tests.emulator.emulator import Emulator
from ansible_collections.cloudpeer.atlas.tests.emulator.errors import ApiError
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.properties.memory import Line, raw_reply
from ansible_collections.cloudpeer.atlas.tests.properties.tasks import BASE_URL, CONNECTION, GROUP, SECRET, run
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas, Done, FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.memory import serve_app
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply, Sent

VPCS = ("vpc-0a1b2c3d4e5f67890", "vpc-0a1b2c3d4e5f67891")
ACCOUNTS = ("123456789012", "210987654321")
BLOCKS = ("10.15.0.0/16", "10.15.128.0/17", "10.16.0.0/16", "192.168.248.0/24", "192.168.0.0/16")
REGIONS = {"us-east-1": "192.168.248.0/21", "eu-west-1": "10.15.8.0/21", "ap-south-1": "172.16.0.0/21"}
#: One after the other, what brings a connection from its request to this state.
LIVES: dict[str, tuple[str, ...]] = {
    "INITIATING": (),
    "PENDING_ACCEPTANCE": ("pass",),
    "FINALIZING": ("pass", "accept"),
    "AVAILABLE": ("pass", "accept", "pass"),
    "REJECTED": ("pass", "reject"),
    "EXPIRED": ("pass", "expire"),
    "FAILED": ("fail",),
    "TERMINATING": ("pass", "delete"),
}
#: The same for the other clouds; `refuse` lets the next removal fail.
CLOUD_LIVES: dict[str, dict[str, tuple[str, ...]]] = {
    "AZURE": {
        "ADDING_PEER": (),
        "AVAILABLE": ("pass",),
        "FAILED": ("fail",),
        "DELETING": ("pass", "delete"),
        "DELETION_FAILED": ("pass", "refuse", "delete", "pass"),
    },
    "GCP": {
        "ADDING_PEER": (),
        "WAITING_FOR_USER": ("pass",),
        "AVAILABLE": ("pass", "accept"),
        "FAILED": ("fail",),
        "DELETING": ("pass", "delete"),
    },
}
#: A network of a customer on another cloud.
NETWORKS = {
    "AZURE": {
        "azureDirectoryId": "2a9b7c1e-0000-4000-8000-000000000001",
        "azureSubscriptionId": "2a9b7c1e-0000-4000-8000-000000000002",
        "resourceGroupName": "net",
        "vnetName": "prod-vnet",
    },
    "GCP": {"gcpProjectId": "my-sample-project-191923", "networkName": "prod-net"},
}
STEP = 30.0


def serve(emulator: Emulator, request: Sent) -> Reply:
    """Give one request to an emulator as a server does."""
    return serve_app(AtlasApp(emulator), request, "http")


@dataclass
class World:
    """An emulator, its clock, and the ways to bring it into a state and to run tasks against it."""

    clock: FakeClock = field(default_factory=FakeClock)
    emulator: Emulator = field(init=False)
    atlas: Atlas = field(init=False)

    def __post_init__(self) -> None:
        settings = Settings(group_id=GROUP, private_key=SECRET, step_seconds=STEP, nonce_seconds=1e9)
        self.emulator = Emulator(settings, self.clock)
        self.atlas = Atlas(cast("Any", self.emulator), self.clock, BASE_URL)

    def run(self, module: str, *, check_mode: bool = False, **options: Any) -> Done:
        """Run the task of a module."""
        line = Line(lambda request: raw_reply(serve(self.emulator, request)), most=500)
        done = run(module, {**CONNECTION, **options}, line, self.clock, check_mode=check_mode)
        assert SECRET not in repr(done)
        assert not check_mode or {request.method for request in line.received} <= {"GET"}, "check mode sends reads only"
        return done

    def let_pass(self, steps: float = 1) -> None:
        """Let the time pass that connections stay in a state."""
        self.clock.now += steps * STEP
        with self.emulator.project.now():
            pass

    def containers(self) -> dict[str, str]:
        """Return the ids of the containers on AWS by region, as AWS writes it."""
        with self.emulator.project.now() as project:
            return {one.region.lower().replace("_", "-"): one.id for one in project.containers.of("AWS")}

    def add_container(self, region: str) -> None:
        """Make a container."""
        self.atlas.add_container(region.upper().replace("-", "_"), REGIONS[region])

    def add_container_of(self, provider: str, **fields: Any) -> str | None:
        """Make a container on another cloud than AWS and return its id; None where Atlas would not have it."""
        with self.emulator.project.now() as project:
            try:
                return project.containers.create({"providerName": provider, **fields}).id
            except ApiError:
                return None

    def use_container(self, provider: str, container_id: str) -> None:
        """Make a connection that uses a container on another cloud than AWS."""
        with self.emulator.project.now() as project:
            project.create_peer(
                {"providerName": provider, "containerId": container_id, **NETWORKS[provider]}, needs_container=True
            )

    def add_peer_of(self, provider: str, life: str, **fields: Any) -> str | None:
        """Make a connection on another cloud than AWS and bring it to a state; None where Atlas would not have it."""
        with self.emulator.project.now() as project:
            try:
                peer = project.create_peer({"providerName": provider, **NETWORKS[provider], **fields}, needs_container=True)
            except ApiError:
                return None
        for step in CLOUD_LIVES[provider][life]:
            if step == "pass":
                self._age(peer.id)
                continue
            with self.emulator.project.now() as project:
                if step == "fail":
                    assert project.peers.fail(peer, "Internal Error", only_waiting=False)
                elif step == "refuse":
                    assert project.peers.fail_deletion(peer, "Internal Error", 1)
                elif step == "delete":
                    project.peers.delete(peer)
                else:
                    assert project.peers.accept(peer)
        return peer.id

    def remove_first_container(self) -> None:
        """Remove the container that a project begins with; only while nothing uses it."""
        with self.emulator.project.now() as project:
            project.containers.delete(project.containers.get(project.first_container_id), [])

    def add_peer(self, vpc: str, account: str, block: str, region: str, life: str) -> str | None:
        """Make a connection and bring it to a state; None where Atlas would not have it."""
        containers = self.containers()
        home = containers.get(region) or next(iter(containers.values()), "0" * 24)
        fields = {"vpcId": vpc, "awsAccountId": account, "routeTableCidrBlock": block, "accepterRegionName": region}
        try:
            peer = self.atlas.add_peer(**fields, containerId=home)
        except ApiError:
            return None
        for step in LIVES[life]:
            if step == "pass":
                self._age(peer)
            else:
                self.atlas.act(step, peer)
        return peer

    def add_entry(self, **entry: Any) -> None:
        """Add to the access list what can be added."""
        with self.emulator.project.now() as project:
            try:
                project.add_access([entry])
            except ApiError:
                return

    def state(self) -> Any:
        """Return all there is, as replies show it."""
        with self.emulator.project.now() as project:
            peers = [peer.to_json() for peer in project.peers]
            containers = [container.to_json() for container in project.containers]
            return copy.deepcopy([peers, containers, [entry.to_json(project.id, "") for entry in project.access_list]])

    def _age(self, peer_id: str) -> None:
        """Let one connection be older than it is, so that others stay as they are."""
        with self.emulator.project.now() as project:
            project.peers.get(peer_id).since -= STEP
        self.emulator.project.find_peer(peer_id)


V2 = "application/vnd.atlas.2023-01-01+json"
CLUSTERS = "application/vnd.atlas.2024-08-05+json"
HOST = "127.0.0.1:9"


class Caller:
    """Asks an emulator with a service account's token."""

    def __init__(self, world: World) -> None:
        self._emulator = world.emulator
        settings = world.emulator.settings
        pair = base64.b64encode(f"{settings.client_id}:{settings.client_secret}".encode()).decode()
        form = "application/x-www-form-urlencoded"
        given = self._send("POST", "/api/oauth/token", b"grant_type=client_credentials", form, f"Basic {pair}")
        assert given.status == 200, given.body
        self._token = f"Bearer {json.loads(given.body)['access_token']}"

    def _send(self, method: str, target: str, body: bytes, media_type: str, authorization: str, accept: str = V2) -> Reply:
        headers = {"host": HOST, "accept": accept, "content-type": media_type, "authorization": authorization}
        return serve(self._emulator, Sent(method, target, headers, body, 0))

    def ask(self, method: str, target: str, body: Any, accept: str = V2) -> Reply:
        """Send a request and return the reply to it."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self._send(method, target, data, V2, self._token, accept)
