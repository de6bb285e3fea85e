# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A project lives on, in any order, through the module and from the other side; a model of it agrees after every step."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.unit.plugins.harness import Done
from ansible_collections.cloudpeer.atlas.tests.unit.properties.examples import RAN, options
from ansible_collections.cloudpeer.atlas.tests.unit.properties.world import ACCOUNTS, BLOCKS, REGIONS, STEP, VPCS, World
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

PAIRS = [(vpc, ACCOUNTS[0]) for vpc in VPCS]
NEXT = {"INITIATING": "PENDING_ACCEPTANCE", "FINALIZING": "AVAILABLE"}
REASONS = {"reject": "REJECTED", "expire": "EXPIRED", "fail": "INVALID_ARGUMENT"}
CONTAINER = REGIONS["us-east-1"]
pairs, blocks = st.sampled_from(PAIRS), st.sampled_from(BLOCKS)


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
    """One container, two VPCs of one account, and whatever becomes of the connections between them."""

    @initialize()
    def begin(self) -> None:
        RAN["runTest"] += 1
        self.world = World()
        #: What lives, by its pair; and what was asked to go, and when.
        self.live: dict[tuple[str, str], Modelled] = {}
        self.going: list[tuple[tuple[str, str], float]] = []

    @rule(pair=pairs, block=blocks, recreate=st.sampled_from(["never", "dead"]), wait=st.booleans(), check_mode=st.booleans())
    def want(self, pair: tuple[str, str], block: str, recreate: str, wait: bool, check_mode: bool) -> None:
        """State present."""
        old, began = self.live.get(pair), self.world.clock.now
        is_dead = old is not None and old.status == "FAILED"
        is_new = old is None or is_dead
        is_blocked = old is None and any(one == pair for one, unused in self._left()) and not wait
        done = self._run(pair, check_mode, route_table_cidr_block=block, recreate=recreate, wait=wait)
        if is_blocked or (is_dead and recreate == "never") or self._clashes(pair, block, is_new):
            assert done.failed, done.result
            assert not done.changed
            return
        assert not done.failed, done.msg
        assert done.changed == (is_new or old is None or old.block != block)
        if check_mode:
            return
        if is_new:
            if is_dead:
                self.going.append((pair, began))
            self.live[pair] = Modelled(block, "INITIATING", self._began(pair))
        elif old is not None:
            old.block = block
        if wait:
            assert done.peer["status_name"] in ("PENDING_ACCEPTANCE", "FINALIZING", "AVAILABLE")
            assert done.peer["status_name"] == "PENDING_ACCEPTANCE" or not is_new

    @rule(pair=pairs, wait=st.booleans(), check_mode=st.booleans())
    def want_none(self, pair: tuple[str, str], wait: bool, check_mode: bool) -> None:
        """State absent."""
        is_there, began = pair in self.live, self.world.clock.now
        done = self._run(pair, check_mode, state="absent", wait=wait)
        assert not done.failed, done.msg
        assert done.changed == is_there
        assert done.peer is None
        if check_mode:
            return
        if is_there:
            del self.live[pair]
            self.going.append((pair, began))
        assert not wait or pair not in [one for one, unused in self._left()]

    @rule(pair=pairs, act=st.sampled_from(["accept", "reject", "expire", "fail"]))
    def happen(self, pair: tuple[str, str], act: str) -> None:
        """Something happens on the other side, where it can."""
        peer, now = self.live.get(pair), self.world.clock.now
        status = peer.status_at(now) if peer else "none"
        if peer is None or status == "FAILED" or (act != "fail" and status != "PENDING_ACCEPTANCE"):
            return
        self.world.atlas.act(act, self._ids()[pair])
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
        live = {_pair(peer): _shown(peer) for peer in found if peer["statusName"] != "TERMINATING"}
        assert live == {pair: (peer.block, peer.status_at(now), peer.error) for pair, peer in self.live.items()}
        going = sorted(_pair(peer) for peer in found if peer["statusName"] == "TERMINATING")
        assert going == sorted(pair for pair, unused in self._left())

    def _left(self) -> list[tuple[tuple[str, str], float]]:
        """Return what was asked to go and is still there."""
        self.going = [(pair, since) for pair, since in self.going if self.world.clock.now - since < STEP]
        return self.going

    def _clashes(self, pair: tuple[str, str], block: str, is_new: bool) -> bool:
        """Tell whether Atlas refuses a block."""
        if not is_new and self.live[pair].block == block:
            return False
        taken = [CONTAINER, *(peer.block for other, peer in self.live.items() if other != pair)]
        return any(ip_network(block).overlaps(ip_network(one)) for one in taken)

    def _ids(self) -> dict[tuple[str, str], str]:
        return {_pair(peer): peer["id"] for peer in self.world.atlas.peers() if peer["statusName"] != "TERMINATING"}

    def _began(self, pair: tuple[str, str]) -> float:
        """Return when a new connection came into its first state, which the model cannot know after waiting."""
        with self.world.emulator.project.now() as project:
            peer = project.peers.get(self._ids()[pair])
            return peer.since - (STEP if peer.status == "PENDING_ACCEPTANCE" else 0)

    def _run(self, pair: tuple[str, str], check_mode: bool, **more: Any) -> Done:
        before = self.world.clock.now
        identity = {"vpc_id": pair[0], "aws_account_id": pair[1]}
        done = self.world.run("atlas_vpc_peer", check_mode=check_mode, wait_timeout=600, **identity, **more)
        assert not check_mode or self.world.clock.now == before, "check mode does not wait"
        return done


def _pair(peer: dict[str, Any]) -> tuple[str, str]:
    return peer["vpcId"], peer["awsAccountId"]


def _shown(peer: dict[str, Any]) -> tuple[str, str, str | None]:
    return peer["routeTableCidrBlock"], peer["statusName"], peer["errorStateName"]


TestProject = Project.TestCase
TestProject.settings = settings(options(25), stateful_step_count=20)
