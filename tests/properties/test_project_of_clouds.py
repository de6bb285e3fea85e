"""A project on three clouds lives on, by declared lists and from the other side; a model of it agrees after every step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.properties.examples import RAN, options
from ansible_collections.cloudpeer.atlas.tests.properties.world import ACCOUNTS, NETWORKS, STEP, VPCS, World
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from ansible_collections.cloudpeer.atlas.tests.support.sets import NAMES, add_clouds, check
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

CLOUDS = ("AWS", "AZURE", "GCP")
#: The cloud and the name of each network.
NETS = [("AWS", VPCS[0]), ("AZURE", "prod"), ("AZURE", "test"), ("GCP", "prod"), ("GCP", "test")]
GROUPS = ("net", "other")
#: Where a new connection comes to by itself, and where it goes on to when the customer has acted.
NEXT = {
    "AWS": {"INITIATING": "PENDING_ACCEPTANCE", "FINALIZING": "AVAILABLE"},
    "AZURE": {"ADDING_PEER": "AVAILABLE"},
    "GCP": {"ADDING_PEER": "WAITING_FOR_USER"},
}
FIRST = {"AWS": "INITIATING", "AZURE": "ADDING_PEER", "GCP": "ADDING_PEER"}
ACCEPTED = {"PENDING_ACCEPTANCE": "FINALIZING", "WAITING_FOR_USER": "AVAILABLE"}
GONE = ("TERMINATING", "DELETING")
Net = tuple[str, str]


@dataclass
class Modelled:
    """A connection as the model has it: what cannot be changed of it, and its state at a moment, from which it goes on."""

    group: str
    status: str
    since: float

    def status_at(self, cloud: str, now: float) -> str:
        """Return its state by now."""
        return NEXT[cloud].get(self.status, self.status) if now - self.since >= STEP else self.status


def to_entry(net: Net, group: str) -> dict[str, Any]:
    cloud, name = net
    if cloud == "AWS":
        return {"vpc_id": name, "aws_account_id": ACCOUNTS[0], "route_table_cidr_block": "10.15.0.0/16"}
    if cloud == "GCP":
        return {"gcp_project_id": NETWORKS["GCP"]["gcpProjectId"], "network_name": name}
    azure = NETWORKS["AZURE"]
    ids = {"azure_directory_id": azure["azureDirectoryId"], "azure_subscription_id": azure["azureSubscriptionId"]}
    return {**ids, "resource_group_name": group, "vnet_name": name.upper()}


class CloudProject(RuleBasedStateMachine):
    """Three clouds with a container each, five networks, and whatever becomes of the connections with them."""

    @initialize()
    def begin(self) -> None:
        RAN["runTest"] += 1
        self.world = World()
        add_clouds(self.world.atlas)
        #: What lives; and what was asked to go, and when.
        self.live: dict[Net, Modelled] = {}
        self.going: list[tuple[Net, float]] = []

    @rule(
        nets=st.lists(st.sampled_from(NETS), unique=True, max_size=4),
        group=st.sampled_from(GROUPS),
        cloud=st.sampled_from([*CLOUDS, "all", "all", "all"]),
        recreate=st.sampled_from(["never", "dead", "changed"]),
        prune=st.booleans(),
        wait=st.booleans(),
        check_mode=st.booleans(),
    )
    def declare(self, nets: list[Net], group: str, cloud: str, recreate: str, prune: bool, wait: bool, check_mode: bool) -> None:
        """A list is applied."""
        own = CLOUDS if cloud == "all" else (cloud,)
        nets, began = [net for net in nets if net[0] in own], self.world.clock.now
        done = self._run(nets, group, check_mode, provider_name=cloud, recreate=recreate, prune=prune, wait=wait)
        dead = [net for net in nets if net in self.live and self.live[net].status == "FAILED"]
        differing = [net for net in nets if net in self.live and net[0] == "AZURE" and self.live[net].group != group]
        is_refused = any(recreate == "dead" or net not in dead for net in differing) and recreate != "changed"
        if is_refused:
            assert done.failed
            assert not done.changed
            assert done.msg.startswith("Nothing was changed in project ")
            return
        replaced = [net for net in nets if recreate != "never" and net in dead] + (
            [net for net in differing if net not in dead] if recreate == "changed" else []
        )
        new = [net for net in nets if net not in self.live]
        undeclared = [net for net in self.live if net[0] in own and net not in nets] if prune else []
        assert done.failed == (recreate == "never" and bool(dead)), done.result
        summary = done.result["summary"]
        assert (summary["created"], summary["recreated"], summary["deleted"]) == (len(new), len(replaced), len(undeclared))
        assert done.changed == bool(new or replaced or undeclared)
        if check_mode:
            assert self.world.clock.now == began, "check mode does not wait"
            return
        self.going += [(net, began) for net in (*undeclared, *replaced)]
        for net in undeclared:
            del self.live[net]
        for net in (*new, *replaced):
            self.live[net] = Modelled(group, FIRST[net[0]], self._began(net))
        if wait:
            awaited = [net for net in nets if recreate != "never" or net not in dead]
            assert not [net for net in awaited if self._status(net) in FIRST.values()]
            assert not [net for net, since in self._left() if net in undeclared and since == began]

    @rule(net=st.sampled_from(NETS), act=st.sampled_from(["accept", "fail"]))
    def happen(self, net: Net, act: str) -> None:
        """Something happens on the other side, where it can."""
        peer, now = self.live.get(net), self.world.clock.now
        status = "none" if peer is None else peer.status_at(net[0], now)
        if peer is None or status == "FAILED" or (act == "accept" and status not in ACCEPTED):
            return
        with self.world.emulator.project.now() as project:
            own = project.peers.get(self._ids()[net])
            error = "REJECTED" if net[0] == "AWS" else "Internal Error"
            assert project.peers.accept(own) if act == "accept" else project.peers.fail(own, error, only_waiting=False)
        peer.since, peer.status = now, ACCEPTED[status] if act == "accept" else "FAILED"

    @rule(seconds=st.sampled_from([1, STEP, 3 * STEP]))
    def let_pass(self, seconds: float) -> None:
        """Time passes."""
        self.world.clock.now += seconds

    @invariant()
    def the_model_and_the_emulator_agree(self) -> None:
        if not hasattr(self, "world"):
            return
        found = self.world.atlas.peers()
        live = {_net(one): (_status(one), one.get("resourceGroupName")) for one in found if _status(one) not in GONE}
        assert live == {net: (self._status(net), peer.group if net[0] == "AZURE" else None) for net, peer in self.live.items()}
        going = sorted(_net(one) for one in found if _status(one) in GONE)
        assert going == sorted(net for net, unused in self._left())

    def _status(self, net: Net) -> str:
        return self.live[net].status_at(net[0], self.world.clock.now)

    def _left(self) -> list[tuple[Net, float]]:
        """Return what was asked to go and is still there."""
        self.going = [(net, since) for net, since in self.going if self.world.clock.now - since < STEP]
        return self.going

    def _ids(self) -> dict[Net, str]:
        return {_net(one): one["id"] for one in self.world.atlas.peers() if _status(one) not in GONE}

    def _began(self, net: Net) -> float:
        """Return when a new connection came into its first state, which the model cannot know after waiting."""
        peer_id = self._ids()[net]
        with self.world.emulator.project.now() as project:
            peer = project.peers.get(peer_id)
            return peer.since - (0 if peer.status == FIRST[net[0]] else STEP)

    def _run(self, nets: list[Net], group: str, check_mode: bool, **more: Any) -> Done:
        peers = [to_entry(net, group) for net in nets]
        options = {"max_deletions": 9, "allow_empty": True, "parallel": 1, "wait_timeout": 600, **more}
        done = self.world.run("atlas_vpc_peers", check_mode=check_mode, peers=peers, **options)
        check(done, len(peers))
        return done


def _net(peer: dict[str, Any]) -> Net:
    cloud = peer["providerName"]
    return cloud, str(peer[NAMES[cloud][1]]) if cloud != "AZURE" else str(peer["vnetName"]).lower()


def _status(peer: dict[str, Any]) -> str:
    return str(peer.get("statusName") or peer["status"])


TestCloudProject = CloudProject.TestCase
TestCloudProject.settings = settings(options(15), stateful_step_count=15)
