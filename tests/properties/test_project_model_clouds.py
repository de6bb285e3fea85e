"""A project on AZURE or GCP lives on, in any order, through the module and from the other side; a model of it agrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.properties.examples import RAN, options
from ansible_collections.cloudpeer.atlas.tests.properties.world import CLOUD_LIVES, NETWORKS, STEP, World
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

NAMES = ("prod-net", "test-net")
#: The containers of each cloud: their region, and what they are made of.
HOMES: dict[str, dict[str, dict[str, Any]]] = {
    "AZURE": {
        "EUROPE_NORTH": {"region": "EUROPE_NORTH", "atlasCidrBlock": "10.8.0.0/21"},
        "US_EAST_2": {"region": "US_EAST_2", "atlasCidrBlock": "10.16.0.0/21"},
    },
    "GCP": {"the only one": {"atlasCidrBlock": "10.8.0.0/18"}},
}
MADE = {"AZURE": "AVAILABLE", "GCP": "WAITING_FOR_USER"}
DEAD = ("FAILED", "DELETION_FAILED")
names = st.sampled_from(NAMES)
homes = st.sampled_from(("EUROPE_NORTH", "US_EAST_2"))
recreates = st.sampled_from(["never", "dead", "changed"])
#: What a connection is known by: its network, and the region of its container.
Key = tuple[str, str]


@dataclass
class Modelled:
    """A connection as the model has it: its state at a moment, from which it goes on by itself."""

    status: str
    since: float
    #: How many removals fail.
    failing: int = 0


class _Project(RuleBasedStateMachine):
    """The containers of one cloud, two networks of a customer, and whatever becomes of the connections between them."""

    cloud = ""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        RAN["runTest"] += 1
        self.world = World()
        made = {home: self.world.add_container_of(self.cloud, **body) for home, body in HOMES[self.cloud].items()}
        self.homes = {str(container_id): home for home, container_id in made.items()}
        self.ids = {home: container_id for container_id, home in self.homes.items()}
        self.peers: dict[Key, Modelled] = {}
        for container_id in self.ids.values():
            for name in NAMES:
                life = data.draw(st.sampled_from(["none", *CLOUD_LIVES[self.cloud]]))
                if life != "none":
                    self.world.add_peer_of(self.cloud, life, containerId=container_id, **self._network(name))
        for key in self._ids():
            self._take(key)

    @rule(name=names, home=homes, chosen=st.booleans(), recreate=recreates, wait=st.booleans(), check_mode=st.booleans())
    def want(self, name: str, home: str, chosen: bool, recreate: str, wait: bool, check_mode: bool) -> None:
        """State present."""
        self._settle()
        key, began, old = self._target(name, home if chosen else None), self.world.clock.now, dict(self.peers)
        peer = old.get(key) if key else None
        done = self._run(name, home if chosen else None, check_mode, recreate=recreate, wait=wait)
        if key is None or (peer is not None and peer.status in DEAD and recreate == "never"):
            assert done.failed, done.result
            assert not done.changed
            return
        is_going = peer is not None and peer.status == "DELETING"
        if check_mode:
            # Nobody knows before whether Atlas has its role, or whether a removal fails.
            assert not done.failed, done.msg
            assert done.changed == (peer is None or is_going or peer.status in DEAD)
            return
        is_removed = peer is not None and (is_going or peer.status in DEAD)
        if peer is not None and is_removed and peer.failing:
            assert done.failed, done.result
            self._take(key)
            return
        if is_removed or peer is None:
            self._expect_new(key, began, done, wait)
            return
        assert not done.failed, done.msg
        assert not done.changed
        self._settle()
        assert not wait or peer.status != "ADDING_PEER"

    @rule(name=names, home=homes, chosen=st.booleans(), wait=st.booleans(), check_mode=st.booleans())
    def want_none(self, name: str, home: str, chosen: bool, wait: bool, check_mode: bool) -> None:
        """State absent."""
        self._settle()
        choice = home if chosen and self.cloud == "AZURE" else None
        found = [key for key in self.peers if key[0] == name and choice in (None, key[1])]
        live = [key for key in found if self.peers[key].status != "DELETING"]
        began = self.world.clock.now
        done = self._run(name, home if chosen else None, check_mode, state="absent", wait=wait)
        if len(live) > 1:
            assert done.failed
            assert not done.changed
            return
        assert done.changed == bool(live), done.result
        if check_mode:
            assert not done.failed, done.msg
            return
        for key in live:
            self.peers[key].status, self.peers[key].since = "DELETING", began
        self._settle()
        stays = [key for key in live or found if key in self.peers and self.peers[key].status == "DELETION_FAILED"]
        if wait:
            assert done.failed == bool(stays), done.result
            assert stays or not [key for key in live or found if key in self.peers]
        else:
            assert not done.failed, done.msg

    @rule(name=names, home=homes)
    def accept(self, name: str, home: str) -> None:
        """The customer makes their half, on GCP."""
        self._settle()
        key, peer = self._at(name, home)
        if peer is None or peer.status != "WAITING_FOR_USER":
            return
        with self.world.emulator.project.now() as project:
            assert project.peers.accept(project.peers.get(self._ids()[key]))
        peer.status, peer.since = "AVAILABLE", self.world.clock.now

    @rule(name=names, home=homes)
    def fail(self, name: str, home: str) -> None:
        """Atlas fails with a connection, whatever its state."""
        self._settle()
        key, peer = self._at(name, home)
        if peer is None or peer.status in (*DEAD, "DELETING"):
            return
        with self.world.emulator.project.now() as project:
            assert project.peers.fail(project.peers.get(self._ids()[key]), "Internal Error", only_waiting=False)
        peer.status, peer.since = "FAILED", self.world.clock.now

    @rule(name=names, home=homes, times=st.sampled_from([0, 1, 1, 9]))
    def fail_removals(self, name: str, home: str, times: int) -> None:
        """The next removals fail, on AZURE."""
        self._settle()
        key, peer = self._at(name, home)
        if peer is None or self.cloud != "AZURE" or peer.status == "DELETING":
            return
        with self.world.emulator.project.now() as project:
            assert project.peers.fail_deletion(project.peers.get(self._ids()[key]), "Internal Error", times)
        peer.failing = times

    @rule(seconds=st.sampled_from([1, STEP - 1, STEP, 2 * STEP, 10 * STEP]))
    def let_pass(self, seconds: float) -> None:
        """Time passes."""
        self.world.clock.now += seconds

    @invariant()
    def the_model_and_the_emulator_agree(self) -> None:
        if not hasattr(self, "world"):
            return
        self._settle()
        found = {self._key(peer): peer["status"] for peer in self._found()}
        assert found == {key: peer.status for key, peer in self.peers.items()}

    def _target(self, name: str, choice: str | None) -> Key | None:
        """Return the connection that a task is about, there or not; None if the options do not tell."""
        if self.cloud == "GCP":
            return name, next(iter(self.ids))
        if choice is not None:
            return name, choice
        live = [key for key, peer in self.peers.items() if key[0] == name and peer.status != "DELETING"]
        going = [key for key, peer in self.peers.items() if key[0] == name and peer.status == "DELETING"]
        found = live or going
        # What replaces a dead one comes from the options alone, which do not lead to one of two containers.
        return found[0] if len(found) == 1 and self.peers[found[0]].status not in DEAD else None

    def _expect_new(self, key: Key, began: float, done: Done, wait: bool) -> None:
        """Check a creation, and take it into the model."""
        assert not done.failed, done.msg
        assert done.changed
        assert self.homes[done.peer["container_id"]] == key[1]
        self._take(key)
        assert not wait or self.peers[key].status == MADE[self.cloud]

    def _take(self, key: Key) -> None:
        """Take a connection into the model as it is: when it was made, only the task knows that waited."""
        with self.world.emulator.project.now() as project:
            peer = project.peers.get(self._ids()[key])
            self.peers[key] = Modelled(peer.status, peer.since, peer.failing_deletions)

    def _settle(self) -> None:
        """Let the time pass in the model."""
        now = self.world.clock.now
        for key, peer in list(self.peers.items()):
            if now - peer.since < STEP:
                continue
            if peer.status == "ADDING_PEER":
                peer.status, peer.since = MADE[self.cloud], peer.since + STEP
            elif peer.status == "DELETING" and peer.failing:
                peer.status, peer.since, peer.failing = "DELETION_FAILED", peer.since + STEP, peer.failing - 1
            elif peer.status == "DELETING":
                del self.peers[key]

    def _at(self, name: str, home: str) -> tuple[Key, Modelled | None]:
        key = (name, home if self.cloud == "AZURE" else next(iter(self.ids)))
        return key, self.peers.get(key)

    def _found(self) -> list[dict[str, Any]]:
        return [peer for peer in self.world.atlas.peers() if peer["providerName"] == self.cloud]

    def _ids(self) -> dict[Key, str]:
        return {self._key(peer): peer["id"] for peer in self._found()}

    def _key(self, peer: dict[str, Any]) -> Key:
        return peer["vnetName" if self.cloud == "AZURE" else "networkName"], self.homes[peer["containerId"]]

    def _network(self, name: str) -> dict[str, str]:
        return {"vnetName" if self.cloud == "AZURE" else "networkName": name}

    def _run(self, name: str, choice: str | None, check_mode: bool, **more: Any) -> Done:
        before = self.world.clock.now
        if self.cloud == "AZURE":
            fields = NETWORKS["AZURE"]
            # Without case, as in AZURE.
            given = {
                "azure_directory_id": fields["azureDirectoryId"],
                "azure_subscription_id": fields["azureSubscriptionId"].upper(),
                "resource_group_name": fields["resourceGroupName"],
                "vnet_name": name,
                "container_region_name": choice,
            }
        else:
            given = {"gcp_project_id": NETWORKS["GCP"]["gcpProjectId"], "network_name": name}
        given = {option: value for option, value in given.items() if value is not None}
        done = self.world.run("atlas_vpc_peer", check_mode=check_mode, wait_timeout=600, **given, **more)
        assert not check_mode or self.world.clock.now == before, "check mode does not wait"
        return done


class AzureProject(_Project):
    """A project on AZURE."""

    cloud = "AZURE"


class GcpProject(_Project):
    """A project on GCP."""

    cloud = "GCP"


TestAzureProject = AzureProject.TestCase
TestGcpProject = GcpProject.TestCase
TestAzureProject.settings = TestGcpProject.settings = settings(options(14), stateful_step_count=20)
