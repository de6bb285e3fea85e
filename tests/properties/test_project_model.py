"""A project lives on, in any order, through the module and from the other side; a model of it agrees after every step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.properties.examples import RAN, options
from ansible_collections.cloudpeer.atlas.tests.properties.world import ACCOUNTS, BLOCKS, REGIONS, STEP, VPCS, World
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

PAIRS = [(vpc, ACCOUNTS[0]) for vpc in VPCS]
NEXT = {"INITIATING": "PENDING_ACCEPTANCE", "FINALIZING": "AVAILABLE"}
REASONS = {"reject": "REJECTED", "expire": "EXPIRED", "fail": "INVALID_ARGUMENT"}
#: The regions of the containers.
HOMES = ("us-east-1", "eu-west-1")
pairs, blocks, homes = st.sampled_from(PAIRS), st.sampled_from(BLOCKS), st.sampled_from(HOMES)
#: Which container is chosen, if one is.
choices = st.none() | homes
Pair = tuple[str, str]
#: What a connection is known by: its VPC, its account, and the region of its container.
Key = tuple[str, str, str]


@dataclass
class Modelled:
    """A connection as the model has it."""

    block: str
    #: Its state at a moment, from which it goes on by itself.
    status: str
    since: float
    error: str | None = None

    def status_at(self, now: float) -> str:
        """Return its state by now."""
        return NEXT.get(self.status, self.status) if now - self.since >= STEP else self.status


class Project(RuleBasedStateMachine):
    """Two containers, two VPCs of one account, and whatever becomes of the connections between them."""

    @initialize()
    def begin(self) -> None:
        RAN["runTest"] += 1
        self.world = World()
        self.world.add_container(HOMES[1])
        self.homes = {container_id: region for region, container_id in self.world.containers().items()}
        #: What lives; and what was asked to go, and when.
        self.live: dict[Key, Modelled] = {}
        self.going: list[tuple[Key, float]] = []

    @rule(
        pair=pairs,
        choice=choices,
        block=blocks,
        recreate=st.sampled_from(["never", "dead"]),
        wait=st.booleans(),
        check_mode=st.booleans(),
    )
    def want(self, pair: Pair, choice: str | None, block: str, recreate: str, wait: bool, check_mode: bool) -> None:
        """State present."""
        began, key = self.world.clock.now, self._target(pair, choice, block, recreate, wait)
        old = self.live.get(key) if key else None
        is_dead = old is not None and old.status == "FAILED"
        is_new = old is None or is_dead
        done = self._run(pair, choice, check_mode, route_table_cidr_block=block, recreate=recreate, wait=wait)
        if key is None or self._clashes(key, block, is_new):
            assert done.failed, done.result
            assert not done.changed
            return
        assert not done.failed, done.msg
        assert done.changed == (is_new or old is None or old.block != block)
        if check_mode:
            return
        assert self.homes[done.peer["container_id"]] == key[2]
        if is_new:
            if is_dead:
                self.going.append((key, began))
            self.live[key] = Modelled(block, "INITIATING", self._began(key))
        elif old is not None:
            old.block = block
        if wait:
            assert done.peer["status_name"] in ("PENDING_ACCEPTANCE", "FINALIZING", "AVAILABLE")
            assert done.peer["status_name"] == "PENDING_ACCEPTANCE" or not is_new

    def _target(self, pair: Pair, choice: str | None, block: str, recreate: str, wait: bool) -> Key | None:
        """Return the connection that a task is about, there or not; None if it has to fail for another reason than the block."""
        found = self._meant(self.live, pair, choice)
        if found:
            old = self.live[found[0]]
            is_dead = old.status == "FAILED"
            # Without a choice, the options alone do not lead to one of two containers.
            is_replaceable = recreate == "dead" and choice is not None and old.block == block
            return None if len(found) > 1 or (is_dead and not is_replaceable) else found[0]
        going = self._meant([key for key, unused in self._left()], pair, choice)
        if going and not wait and recreate != "dead":
            return None
        if choice is not None:
            return (*pair, choice)
        return going[0] if len(going) == 1 else None

    @rule(pair=pairs, choice=choices, wait=st.booleans(), check_mode=st.booleans())
    def want_none(self, pair: Pair, choice: str | None, wait: bool, check_mode: bool) -> None:
        """State absent."""
        found, began = self._meant(self.live, pair, choice), self.world.clock.now
        done = self._run(pair, choice, check_mode, state="absent", wait=wait)
        if len(found) > 1:
            assert done.failed
            assert not done.changed
            return
        assert not done.failed, done.msg
        assert done.changed == bool(found)
        assert done.peer is None
        if check_mode:
            return
        for key in found:
            del self.live[key]
            self.going.append((key, began))
        # Beside a living one, what was going already is not waited for.
        awaited = found or self._meant([key for key, unused in self.going], pair, choice)
        assert not wait or not {(key, since) for key, since in self._left() if key in awaited and (since == began or not found)}

    @rule(pair=pairs, home=homes, act=st.sampled_from(["accept", "reject", "expire", "fail"]))
    def happen(self, pair: Pair, home: str, act: str) -> None:
        """Something happens on the other side, where it can."""
        key = (*pair, home)
        peer, now = self.live.get(key), self.world.clock.now
        status = peer.status_at(now) if peer else "none"
        if peer is None or status == "FAILED" or (act != "fail" and status != "PENDING_ACCEPTANCE"):
            return
        self.world.atlas.act(act, self._ids()[key])
        peer.since = now
        if act == "accept":
            peer.status = "FINALIZING"
        else:
            peer.status, peer.error = "FAILED", REASONS[act]

    @rule(seconds=st.sampled_from([1, STEP - 1, STEP, 2 * STEP, 10 * STEP]))
    def let_pass(self, seconds: float) -> None:
        """Time passes."""
        self.world.clock.now += seconds

    @invariant()
    def the_model_and_the_emulator_agree(self) -> None:
        if not hasattr(self, "world"):
            return
        now, found = self.world.clock.now, self.world.atlas.peers()
        live = {self._key(peer): _shown(peer) for peer in found if peer["statusName"] != "TERMINATING"}
        assert live == {key: (peer.block, peer.status_at(now), peer.error) for key, peer in self.live.items()}
        going = sorted(self._key(peer) for peer in found if peer["statusName"] == "TERMINATING")
        assert going == sorted(key for key, unused in self._left())

    def _meant(self, keys: Iterable[Key], pair: Pair, choice: str | None) -> list[Key]:
        """Return those of some connections that a task means."""
        return [key for key in keys if key[:2] == pair and choice in (None, key[2])]

    def _left(self) -> list[tuple[Key, float]]:
        """Return what was asked to go and is still there."""
        self.going = [(key, since) for key, since in self.going if self.world.clock.now - since < STEP]
        return self.going

    def _clashes(self, key: Key, block: str, is_new: bool) -> bool:
        """Tell whether Atlas refuses a block."""
        if not is_new and self.live[key].block == block:
            return False
        neighbours = [peer.block for other, peer in self.live.items() if other != key and other[2] == key[2]]
        return any(ip_network(block).overlaps(ip_network(one)) for one in [REGIONS[key[2]], *neighbours])

    def _ids(self) -> dict[Key, str]:
        return {self._key(peer): peer["id"] for peer in self.world.atlas.peers() if peer["statusName"] != "TERMINATING"}

    def _key(self, peer: dict[str, Any]) -> Key:
        return peer["vpcId"], peer["awsAccountId"], self.homes[peer["containerId"]]

    def _began(self, key: Key) -> float:
        """Return when a new connection came into its first state, which the model cannot know after waiting."""
        with self.world.emulator.project.now() as project:
            peer = project.peers.get(self._ids()[key])
            return peer.since - (STEP if peer.status == "PENDING_ACCEPTANCE" else 0)

    def _run(self, pair: Pair, choice: str | None, check_mode: bool, **more: Any) -> Done:
        before = self.world.clock.now
        options = {"vpc_id": pair[0], "aws_account_id": pair[1], "container_region_name": choice, **more}
        given = {name: value for name, value in options.items() if value is not None}
        done = self.world.run("atlas_vpc_peer", check_mode=check_mode, wait_timeout=600, **given)
        assert not check_mode or self.world.clock.now == before, "check mode does not wait"
        return done


def _shown(peer: dict[str, Any]) -> tuple[str, str, str | None]:
    return peer["routeTableCidrBlock"], peer["statusName"], peer["errorStateName"]


TestProject = Project.TestCase
TestProject.settings = settings(options(25), stateful_step_count=20)
