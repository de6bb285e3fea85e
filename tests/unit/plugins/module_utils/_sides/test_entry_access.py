"""The access list of the whole path: what is added, what goes, what stays and why, and whose turn it is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.private_folder import turn_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.view import View
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import Vpc
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.plan import AccessState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.vnets import Vnet
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import name_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import Context, Purpose, Waiting
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import StoppedError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_peering import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.access_list import AccessList
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.access_list import IN_FORCE, AccessListState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.connection import PeerState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.entry_access import EntryAccess
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.entry_peers import PeerRemovals
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.path_state import ACCESS, PathState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.set_state import PeerSetState
from ansible_collections.cloudpeer.atlas.tests.emulator.accesslist import Entry
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import parse_rules
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import refusal
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, Atlas, Done, FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.sets import azure, gcp, vpc
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.module_utils._sides.test_path_options import validated

A, B, C = (f"10.{number}.0.0/16" for number in (1, 2, 3))
GROUP = "sg-0a1b2c3d4e5f67890"
KEYS = [f"connections[{index}]" for index in range(3)]


def aws(number: int, **fields: Any) -> dict[str, Any]:
    return {"vpc_id": vpc(number), "aws_account_id": ACCOUNT, **fields}


def listed(entries: dict[str, str | None]) -> dict[str, Any]:
    """Return an access list by the comments of its entries."""
    unset = {"cidr_block": None, "ip_address": None, "aws_security_group": None, "delete_after_date": None}
    return {
        name: {**unset, "aws_security_group" if name.startswith("sg-") else "cidr_block": name, "comment": comment}
        for name, comment in entries.items()
    }


def peer(number: int, network: dict[str, Any], block: str | None = None, status: str = "AVAILABLE") -> Any:
    """Return a connection as Atlas lists it."""
    own = {"connection_id": f"pcx-{number}", "route_table_cidr_block": block} if "vpc_id" in network else {}
    return {"id": str(number), "container_id": "c", "status_name": status, **own, **network}


class Case:
    """A part, and the state that it begins with.

    Args:
        connections: The list.
        access: The comments of the access list, by the names of its entries.
        stays: Connections that stay.
        leaves: Those that leave, by the place of their entry in the list, or by None if they are pruned.
        blocks: The blocks of clients, or why they cannot be read, by the names of their networks on AZURE and GCP.
        own: The connections of entries, by their keys.
        options: Those of the task.
    """

    def __init__(
        self,
        connections: Sequence[dict[str, Any]],
        access: dict[str, str | None],
        *,
        stays: Sequence[Any] = (),
        leaves: Sequence[tuple[int | None, Any]] = (),
        before: PathState | None = None,
        blocks: dict[str, Sequence[str] | TaskError] | None = None,
        own: dict[str, PeerState] | None = None,
        **options: Any,
    ) -> None:
        params, warnings = validated(*connections, **options)
        assert warnings == []
        found = [(one["id"] if index is None else KEYS[index], one) for index, one in leaves]
        there = [*stays, *(one for index, one in leaves)]
        self.state = before or PathState()
        self.state.peers = PeerSetState(tuple(there), first=tuple(there), entries=own or {})
        self.blocks, self.asked = blocks or {}, list[str]()
        self.context = Context({"parallel": 8, **params}, FakeClock())
        atlas: Any = SimpleNamespace(list_entries=lambda: listed(access))
        outside: Any = (atlas, PeerRemovals(self.state, lambda: found, None), None, {}, self._read_blocks, None)
        self.part = EntryAccess(self.context, params["connections"], self.state, *outside)
        replies: dict[Any, Any] = {}
        while queries := [one for one in self.part.queries((), Purpose.FIRST) if one.key not in replies]:
            replies |= {one.key: one.call() for one in queries}
            self.part.observe(replies)

    def _read_blocks(self, network: Any) -> dict[str, Sequence[str]]:
        """Return the blocks of a network, or of all in its project."""
        name = network.get("vnet_name") or network["network_name"]
        self.asked.append(name)
        answer = self.blocks.get(name, TaskError("No credentials.", hint="Set some."))
        if isinstance(answer, TaskError):
            raise answer
        return {key.lower(): one for key, one in self.blocks.items() if not isinstance(one, TaskError)}

    def fail(self, index: int) -> None:
        """Let an entry fail in another part."""
        error = TaskError("No.")
        self.state.fail(KEYS[index], "routes", error)
        self.part.record_failure(KEYS[index], "routes", error)

    @property
    def plan(self) -> Plan:
        return self.part.plan_list()

    def side(self) -> EntryAccess:
        """Return the side in the stage of the access list, after the plan."""
        self.part.take_steps(self.plan.steps)
        self.context.stage = ACCESS
        return self.part

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """The action, the place of the entry, and the name of each change."""
        found = self.plan.changes
        assert {one.key[1:4] for one in found} <= {("access_list", "Atlas", "access list entry")}
        return [(one.verb, one.key.owner, one.name) for one in found]

    @property
    def added(self) -> dict[str, str | None]:
        """The comments of new entries, by their names."""
        return {one.name: one.after["comment"] for one in self.plan.changes if one.after is not None}


def vpc_with(*blocks: str) -> View:
    return View("us-east-1", vpc=Vpc(vpc(1), ACCOUNT, blocks))


def vnet_with(*blocks: str) -> AccessState:
    return AccessState(Vnet("s", "network", "vnet-1", prefixes=blocks))


VNET, NETWORK = "VPC peering with network/vnet-1", "VPC peering with my-sample-project-191923/net-1"


@pytest.mark.parametrize(
    ("connection", "read", "added"),
    [
        (aws(1, cidr_block=A), {}, {A: f"VPC peering with {vpc(1)}"}),
        (aws(1, cidr_block=A), {"aws": {KEYS[0]: vpc_with(B)}}, {A: f"VPC peering with {vpc(1)}"}),
        (aws(1), {"aws": {KEYS[0]: vpc_with(A)}}, {A: f"VPC peering with {vpc(1)}"}),
        # The plan of the connections refuses it.
        (aws(1), {"aws": {KEYS[0]: vpc_with(A, B)}}, {}),
        (aws(1, cidr_block=A, comment="Shop"), {}, {A: "Shop"}),
        (aws(1, cidr_block=A, aws_security_group=GROUP), {}, {GROUP: f"VPC peering with {vpc(1)}"}),
        (azure(1, cidr_block=A, cidr_blocks=[B]), {"azure": {KEYS[0]: vnet_with(C)}}, {A: VNET, B: VNET}),
        (azure(1), {"azure": {KEYS[0]: vnet_with(B, C)}}, {B: VNET, C: VNET}),
        (azure(1), {"azure": {KEYS[0]: AccessState(None)}}, {}),
        (gcp(1, cidr_blocks=[A, "34.0.0.0/24"]), {}, {A: NETWORK, "34.0.0.0/24": NETWORK}),
        (gcp(1), {}, {}),
    ],
    ids=str,
)
def test_what_a_connection_needs(connection: dict[str, Any], read: dict[str, Any], added: dict[str, str]) -> None:
    case = Case([connection], {}, before=PathState(**read))
    assert case.added == added
    assert case.state.wanted_entries == (*added,)
    # All of it is one request.
    assert len(case.plan.steps) == bool(added)


@pytest.mark.parametrize(
    ("regions", "access", "refused"),
    [
        (["eu-west-1"], {}, True),
        (["us-east-1"], {}, False),
        # What Atlas has taken once is there, and one connection within the region is enough.
        (["eu-west-1"], {GROUP: "x"}, False),
        (["eu-west-1", "us-east-1"], {}, False),
        (["eu-west-1", "eu-west-2"], {}, True),
    ],
)
def test_a_group_of_another_region_is_refused(regions: list[str], access: dict[str, str | None], refused: bool) -> None:
    """Source: "Update your security groups to reference peer security groups" in Amazon's VPC peering guide."""
    connections = [aws(1, region="us-east-1", container_region=one, aws_security_group=GROUP) for one in regions]
    known: Any = {key: {"region_name": one.upper().replace("-", "_")} for key, one in zip(KEYS, regions)}
    plan = Case(connections, access, before=PathState(container_of=known)).plan
    assert [*plan.refusals] == (KEYS[: len(regions)] if refused else [])
    for error, region in zip(plan.refusals.values(), regions):
        assert f"aws_security_group is in us-east-1, the network container in {region}. AWS knows no" in str(error)


def test_an_entry_is_added_once_and_keeps_its_comment() -> None:
    case = Case([aws(1, cidr_block=A, comment="First"), aws(2, cidr_block=A), aws(3, cidr_block=B)], {B: "The office"})
    assert case.changes == [("create", KEYS[0], A)]
    assert case.added == {A: "First"}
    assert case.state.wanted_entries == (A, B)
    case.fail(0)
    assert (case.changes, case.added) == ([("create", KEYS[1], A)], {A: f"VPC peering with {vpc(2)}"})
    case.fail(1)
    assert (case.changes, case.plan.steps, case.state.wanted_entries) == ([], (), (A, B))


def test_a_group_is_one_entry_whatever_its_account() -> None:
    there, one = f"{ACCOUNT}/{GROUP}", aws(1, aws_security_group=GROUP)
    assert Case([one], {there: OURS[1]}).changes == []
    assert Case([one], {there: OURS[1]}, state="absent").changes == [("delete", KEYS[0], there)]


def test_a_list_without_room_is_refused() -> None:
    full: dict[str, str | None] = {f"34.0.{number}.0/24": None for number in range(199)}
    assert Case([aws(1, cidr_block=A)], full).plan.refusals == {}
    (error,) = Case([aws(1, cidr_block=A), aws(2, cidr_block=B)], full).plan.refusals.values()
    assert str(error).startswith("The access list would have 201 entries (199 that stay, and 2 new ones), and Atlas allows 200.")


def test_an_entry_that_expires_is_a_warning() -> None:
    case = Case([aws(1, cidr_block=A)], {A: "x"})
    assert case.state.access is not None
    entry: Any = {**case.state.access.listed[A], "delete_after_date": "2030-01-31T12:00:00Z"}
    case.state.access = AccessListState({A: entry}, {A: entry}, waiting=())
    (warning,) = case.plan.warnings
    assert warning.startswith(f"Atlas will remove entries of the access list that connections need: {A} at 2030-01-31T12:00:00Z.")


OURS = [f"VPC peering with {vpc(number)}" for number in range(4)]
USED = "{} stays in the access list, because {} still uses it."


@pytest.mark.parametrize(
    ("connections", "access", "stays", "leaves", "going", "left"),
    [
        # By the block of the entry, by that of the connection, and by a security group.
        ([aws(1, cidr_block=A)], {A: OURS[1]}, [], [], [A], {}),
        ([aws(1)], {A: OURS[1]}, [], [(0, peer(1, aws(1), A))], [A], {}),
        ([aws(1, aws_security_group=GROUP)], {A: "x", GROUP: OURS[1]}, [], [(0, peer(1, aws(1), A))], [GROUP], {}),
        ([azure(1, cidr_block=A)], {A: VNET}, [], [(0, peer(1, azure(1)))], [A], {}),
        ([gcp(1, cidr_blocks=[A, B])], {A: NETWORK, B: NETWORK}, [], [(0, peer(1, gcp(1)))], [A, B], {}),
        # By the mark alone: what was declared once, with its own comment and the default one; and what is not there.
        ([aws(1)], {A: OURS[1]}, [], [], [A], {}),
        ([aws(1, cidr_block=A, comment="Shop")], {A: OURS[1], B: "Shop", C: "x", GROUP: "Shop"}, [], [], [A, B, GROUP], {}),
        ([gcp(1)], {A: NETWORK, B: f"{NETWORK[:-1]}2"}, [], [], [A], {}),
        # A group with a comment that several networks may have.
        ([aws(1, cidr_block=A, comment="Shop")], {A: "Shop", GROUP: "Shop"}, [peer(2, aws(2), B)], [], [A], {
            GROUP: USED.format(GROUP, "pcx-2").replace("still uses", "may use")
        }),
        ([aws(1, cidr_block=A)], {GROUP: OURS[1]}, [peer(2, aws(2), B)], [], [GROUP], {}),
        ([aws(1, cidr_block=A)], {}, [peer(2, aws(1), A)], [(0, peer(1, aws(1), A))], [], {}),
        # The comment says whose an entry is.
        ([aws(1, cidr_block=A, comment="Shop")], {A: "Shop"}, [], [], [A], {}),
        (
            [aws(1, cidr_block=A)],
            {A: "The office"},
            [],
            [],
            [],
            {A: f"{A} has the comment 'The office', not '{OURS[1]}': somebody else uses it, or has changed it."},
        ),
        (
            [aws(1, cidr_block=A)],
            {A: None},
            [],
            [],
            [],
            {A: f"{A} has no comment, not '{OURS[1]}': somebody else uses it, or has changed it."},
        ),
        # Two entries of one block: one of them has made it.
        ([aws(1, cidr_block=A), aws(2, cidr_block=A)], {A: OURS[2]}, [], [], [A], {}),
        # Another connection of the same network, with another container.
        ([aws(1, cidr_block=A)], {A: OURS[1]}, [peer(2, aws(1), B)], [(0, peer(1, aws(1), A))], [], {A: USED.format(A, "pcx-2")}),
        (
            [azure(1, cidr_block=A)],
            {A: VNET},
            [peer(2, azure(1, vnet_name="VNET-1"))],
            [(0, peer(1, azure(1)))],
            [],
            {A: USED.format(A, "2")},
        ),
        ([gcp(1, cidr_block=A)], {A: NETWORK}, [peer(2, gcp(1))], [(0, peer(1, gcp(1)))], [], {A: USED.format(A, "2")}),
        # The block of a connection on AWS, whatever the cloud.
        ([aws(1, cidr_block=A)], {A: OURS[1]}, [peer(2, aws(2), A)], [], [], {A: USED.format(A, "pcx-2")}),
        ([azure(1, cidr_block=A)], {A: VNET}, [peer(2, aws(2), A)], [(0, peer(1, azure(1)))], [], {A: USED.format(A, "pcx-2")}),
        ([gcp(1, cidr_blocks=[A, B])], {A: NETWORK, B: NETWORK}, [peer(2, aws(2), A)], [], [B], {A: USED.format(A, "pcx-2")}),
        # Neither what leaves itself, nor what has failed or is leaving already, needs anything.
        ([aws(1, cidr_block=A), aws(2)], {A: OURS[1]}, [], [(0, peer(1, aws(1), A)), (1, peer(2, aws(2), A))], [A], {}),
        ([aws(1, cidr_block=A)], {A: OURS[1]}, [peer(2, aws(1), A, "FAILED"), peer(3, aws(1), A, "TERMINATING")], [], [A], {}),
        ([gcp(1, cidr_block=A)], {A: NETWORK}, [peer(2, gcp(1), None, "DELETING")], [], [A], {}),
        # Atlas could not remove it: it may still carry traffic.
        (
            [azure(1, cidr_block=A)],
            {A: VNET},
            [peer(2, azure(1), None, "DELETION_FAILED")],
            [],
            [],
            {A: USED.format(A, "2")},
        ),
        ([gcp(1, cidr_block=A)], {A: NETWORK}, [peer(3, aws(1), B)], [], [A], {}),
        # A block inside of a wider one.
        ([aws(1, cidr_block="10.0.0.0/8")], {"10.0.0.0/8": OURS[1]}, [peer(2, aws(2), A)], [], [], {
            "10.0.0.0/8": USED.format("10.0.0.0/8", "pcx-2")
        }),
    ],
)  # fmt: skip
def test_what_leaves_takes_its_own_entries_along(
    connections: list[dict[str, Any]],
    access: dict[str, str | None],
    stays: list[Any],
    leaves: list[tuple[int, Any]],
    going: list[str],
    left: dict[str, str],
) -> None:
    case = Case(connections, access, stays=stays, leaves=leaves, state="absent")
    assert [name for action, owner, name in case.changes if action == "delete"] == going
    assert case.state.kept_entries == left
    assert case.state.wanted_entries == ()
    case.part.assume(case.plan)
    after = case.state.access
    assert after is not None
    assert after.listed.keys() == access.keys() - {*going}


ELSEWHERE = azure(1, azure_subscription_id="11111111-2222-4333-8444-555555555555", vnet_name="VNET-1")
LONG = azure(1, resource_group_name="g" * 64)
SAME = (
    "{} stays in the access list, because {} may use it: its entries have the same comment by default. "
    "Remove it in Atlas if no client there needs it."
)


@pytest.mark.parametrize(
    ("own", "other", "comment"),
    [
        # The comment leaves out the subscription, and is cut to what Atlas keeps, 80 characters.
        (azure(1), ELSEWHERE, VNET),
        (LONG, {**LONG, "vnet_name": "vnet-2"}, f"VPC peering with {'g' * 63}"),
    ],
)
def test_a_comment_of_two_networks_proves_nothing(own: dict[str, Any], other: dict[str, Any], comment: str) -> None:
    """What connections add has this comment: the entries of both networks look alike."""
    alike, stays = {A: comment, B: comment}, [peer(2, other)]
    left = {name: SAME.format(name, name_of(stays[0])) for name in alike}
    case = Case([{**own, "cidr_block": A}], alike, stays=stays, state="absent")
    assert (case.changes, case.state.kept_entries) == ([], left)
    # A pruned connection, and a narrower block in place of a wide one.
    case = Case([aws(3)], alike, stays=stays, leaves=[(None, peer(1, own))], prune=True)
    assert ([one for one in case.changes if one[0] == "delete"], case.state.kept_entries) == ([], left)
    blocks = {other["vnet_name"]: [C]}
    case = Case([{**own, "cidr_block": A}], {"10.0.0.0/15": comment}, stays=stays, blocks=blocks)
    assert [one[0] for one in case.changes] == ["create"]
    # What an entry of the list needs is known.
    case = Case([{**other, "cidr_block": B}], alike, leaves=[(None, peer(1, own))], prune=True)
    assert [one[0] for one in case.changes] == ["delete"]
    # One that has ended uses nothing.
    case = Case([{**own, "cidr_block": A}], alike, stays=[peer(2, other, None, "FAILED")], state="absent")
    assert [one[0] for one in case.changes] == ["delete", "delete"]


# What every network in auto mode has, two subnets of one, and what is in none of them.
AUTO, SUBNETS, OUTSIDE = "10.128.0.0/9", ("10.128.0.0/20", "10.132.0.0/20"), ("172.16.0.0/20",)
UNREAD = (
    "{} stays in the access list, because {} may need it, and the blocks of its clients are not known: {} With credentials "
    "that may read the {}, the task finds out whether it does. Or remove the entry in Atlas if no client there needs it."
)
VNET_2, NETWORK_2 = "/".join([*azure(2).values()][1:]), "my-sample-project-191923/net-2"


@pytest.mark.parametrize(
    ("connections", "access", "stays", "blocks", "going", "left", "asked"),
    [
        # Two networks with the same clients' block, one of which goes.
        ([gcp(1, cidr_block=AUTO)], {AUTO: NETWORK}, [peer(2, gcp(2))], {"net-2": SUBNETS}, [], {
            AUTO: USED.format(AUTO, "2")
        }, ["net-2"]),
        ([gcp(1, cidr_block=AUTO)], {AUTO: NETWORK}, [peer(2, gcp(2))], {"net-2": OUTSIDE}, [AUTO], {}, ["net-2"]),
        # It has no subnet.
        ([gcp(1, cidr_block=AUTO)], {AUTO: NETWORK}, [peer(2, gcp(2))], {"net-2": ()}, [AUTO], {}, ["net-2"]),
        ([azure(1, cidr_block=A)], {A: VNET}, [peer(2, azure(2, vnet_name="VNET-2"))], {"VNET-2": (B, A)}, [], {
            A: USED.format(A, "2")
        }, ["VNET-2"]),
        ([aws(1, cidr_block=A)], {A: OURS[1]}, [peer(2, azure(2))], {"vnet-2": (A,)}, [], {A: USED.format(A, "2")}, ["vnet-2"]),
        ([aws(1, cidr_block=A)], {A: OURS[1]}, [peer(2, azure(2))], {"vnet-2": (B,)}, [A], {}, ["vnet-2"]),
        # They cannot be read.
        ([aws(1, cidr_block=A)], {A: OURS[1]}, [peer(2, azure(2))], {}, [], {
            A: UNREAD.format(A, VNET_2, "No credentials.", f"VNet in subscription {azure(2)['azure_subscription_id']}")
        }, ["vnet-2"]),
        ([gcp(1, cidr_blocks=[A, B])], {A: NETWORK, B: NETWORK}, [peer(2, gcp(2)), peer(3, aws(2), B)], {}, [], {
            A: UNREAD.format(A, NETWORK_2, "No credentials.", f"VPC network in project {gcp(2)['gcp_project_id']}"),
            B: USED.format(B, "pcx-3"),
        }, ["net-2"]),
        # One request for a project, and one for each VNet.
        ([aws(1, cidr_block=A)], {A: OURS[1]}, [peer(2, gcp(2)), peer(3, gcp(3))], {"net-3": (B,)}, [A], {}, ["net-3"]),
        ([aws(1, cidr_block=A)], {A: OURS[1]}, [peer(2, azure(2)), peer(3, azure(3))], {"vnet-2": (B,), "vnet-3": ()}, [A], {}, [
            "vnet-2", "vnet-3"
        ]),
        # Nothing would go: it is somebody else's, another connection needs it, or it is not there. A group is AWS's alone.
        ([aws(1, cidr_block=A)], {A: OURS[1]}, [peer(2, azure(2)), peer(3, aws(2), A)], {}, [], {A: USED.format(A, "pcx-3")}, []),
        ([aws(1, cidr_block=A)], {B: "The office"}, [peer(2, azure(2))], {}, [], {}, []),
        ([aws(1, aws_security_group=GROUP)], {GROUP: OURS[1]}, [peer(2, gcp(2))], {}, [GROUP], {}, []),
        # What has ended needs nothing.
        ([aws(1, cidr_block=A)], {A: OURS[1]}, [peer(2, azure(2), None, "FAILED"), peer(3, gcp(2), None, "DELETING")], {}, [
            A
        ], {}, []),
    ],
)  # fmt: skip
def test_what_another_network_may_need_stays(
    connections: list[dict[str, Any]],
    access: dict[str, str | None],
    stays: list[Any],
    blocks: dict[str, Any],
    going: list[str],
    left: dict[str, str],
    asked: list[str],
) -> None:
    case = Case(connections, access, stays=stays, blocks=blocks, state="absent")
    assert [name for action, owner, name in case.changes if action == "delete"] == going
    assert (case.state.kept_entries, case.asked) == (left, asked)


def test_what_came_after_the_blocks_were_read_may_need_an_entry() -> None:
    case = Case([aws(1, cidr_block=A)], {A: OURS[1]}, state="absent")
    assert case.changes == [("delete", KEYS[0], A)]
    case.state.peers = replace(case.state.peers, listed=(peer(2, gcp(2)),))
    assert case.changes == []


def test_absent_on_azure_takes_the_blocks_of_the_vnet() -> None:
    case = Case([azure(1)], {B: VNET, C: VNET}, before=PathState(azure={KEYS[0]: vnet_with(B, C)}), state="absent")
    assert case.changes == [("delete", KEYS[0], B), ("delete", KEYS[0], C)]


def test_what_an_entry_that_has_failed_needs_stays() -> None:
    leaves = [(0, peer(1, aws(1), A)), (1, peer(2, aws(2), A)), (2, peer(3, aws(3), B))]
    case = Case(
        [aws(1, cidr_block=A), aws(2, aws_security_group=GROUP), aws(3)],
        {A: OURS[1], B: OURS[3], GROUP: OURS[2]},
        leaves=leaves,
        state="absent",
    )
    assert [name for action, owner, name in case.changes] == [A, GROUP, B]
    # Its connection stays, and needs its group alone.
    case.fail(1)
    assert [name for action, owner, name in case.changes] == [A, B]
    case.fail(2)
    assert ([name for action, owner, name in case.changes], case.state.kept_entries) == ([A], {})
    # With it stays what others would take away.
    case = Case([aws(1, cidr_block=A), aws(2, cidr_block=A)], {A: OURS[1]}, leaves=leaves[:2], state="absent")
    assert [name for action, owner, name in case.changes] == [A]
    case.fail(1)
    assert (case.changes, case.state.kept_entries) == ([], {A: USED.format(A, "pcx-2")})


@pytest.mark.parametrize(
    ("connections", "access", "stays", "pruned", "going", "left"),
    [
        # By the comment alone: what a connection leaves is in no list.
        ([aws(1, cidr_block=A)], {A: OURS[1], B: OURS[2], C: "Shop", GROUP: OURS[2]}, [], [peer(2, aws(2), B)], [B, GROUP], {}),
        ([], {A: VNET, B: NETWORK, C: OURS[1]}, [], [peer(1, azure(1)), peer(2, gcp(1))], [A, B], {}),
        # An entry of the list needs it.
        ([aws(1, cidr_block=B)], {B: OURS[2]}, [], [peer(2, aws(2), B)], [], {}),
        # One that declares a group needs no block.
        ([aws(1, cidr_block=B, aws_security_group=GROUP)], {B: OURS[2], GROUP: "x"}, [], [peer(2, aws(2), B)], [B], {}),
        # One with a block of its own needs no wider one; of one that declares nothing, the blocks are read.
        ([gcp(1, cidr_block="10.128.0.0/20")], {AUTO: f"{NETWORK[:-1]}2"}, [], [peer(2, gcp(2))], [AUTO], {}),
        ([gcp(1)], {AUTO: f"{NETWORK[:-1]}2"}, [], [peer(2, gcp(2))], [], {
            AUTO: USED.format(AUTO, f"{KEYS[0]} ({NETWORK_2[:-1]}1)")
        }),
        # The same VPC with another container; and a connection that `ignore` leaves alone.
        ([aws(1, cidr_block=A)], {B: OURS[1]}, [], [peer(2, aws(1), B)], [], {B: USED.format(B, f"{KEYS[0]} ({vpc(1)})")}),
        ([], {B: OURS[1]}, [peer(3, aws(1), C)], [peer(2, aws(1), B)], [], {B: USED.format(B, "pcx-3")}),
        ([], {B: VNET}, [peer(3, azure(1))], [peer(2, azure(1))], [], {B: USED.format(B, "3")}),
        ([], {AUTO: f"{NETWORK[:-1]}2"}, [peer(3, gcp(1))], [peer(2, gcp(2))], [], {AUTO: USED.format(AUTO, "3")}),
    ],
)  # fmt: skip
def test_what_is_pruned_takes_its_own_entries_along(
    connections: list[dict[str, Any]],
    access: dict[str, str | None],
    stays: list[Any],
    pruned: list[Any],
    going: list[str],
    left: dict[str, str],
) -> None:
    leaves, blocks = [(None, one) for one in pruned], {"net-1": SUBNETS}
    case = Case(connections, access, stays=stays, leaves=leaves, blocks=blocks, prune=True, allow_empty=True)
    assert [name for action, owner, name in case.changes if action == "delete"] == going
    assert {owner for action, owner, name in case.changes if action == "delete"} <= {one["id"] for one in pruned}
    assert case.state.kept_entries == left


def test_what_is_pruned_may_leave_entries_with_other_comments() -> None:
    inside, needed, alone = "10.2.7.0/24", "10.3.8.0/24", "10.4.0.0/24"
    access = dict.fromkeys([B, inside, C, needed, alone, "10.0.0.0/8", GROUP], "The reporting cluster")
    stays = [peer(1, aws(1), A), peer(9, aws(9), needed)]
    leaves = [(None, peer(number, aws(number), f"10.{number}.0.0/16")) for number in (2, 3, 4)]
    case = Case([aws(1, cidr_block=A)], access, stays=stays, leaves=[*leaves, (None, peer(5, gcp(1)))], prune=True)
    text = "within the block of {}, which is pruned, but the comment does not mark {}. Remove {} in Atlas if nothing else"
    assert [*case.state.notes.values()] == [
        f"{B}, {inside} stay in the access list: they are {text.format(name_of(aws(2)), 'them', 'them')} needs them.",
        f"{alone} stays in the access list: it is {text.format(name_of(aws(4)), 'it', 'it')} needs it.",
    ]


WIDE, NARROW, NARROW_2 = A, "10.1.2.0/24", "10.1.3.0/24"
WAITING = Waiting(IN_FORCE, polls=False, ends_with_steps=True)
NEAR, FAR = {"container_region": "us-east-1"}, {"container_region": "eu-west-1"}
NOTED = (
    "{} stays in the access list: by the comment, it is of this network ({}), and in no entry of this list. Remove it in Atlas "
    "if no other list needs it."
)


@pytest.mark.parametrize(
    ("connections", "access", "stays", "added", "going", "left", "noted"),
    [
        ([aws(1, cidr_block=NARROW)], {WIDE: OURS[1]}, [], [NARROW], [WIDE], {}, []),
        # The new one is there already, the old one has a comment of before, or a name of Atlas's.
        ([aws(1, cidr_block=NARROW)], {NARROW: "x", WIDE: OURS[1]}, [], [], [WIDE], {}, []),
        ([aws(1, cidr_block=NARROW, comment="Shop")], {WIDE: OURS[1], "10.0.0.0/8": "Shop"}, [], [NARROW], [WIDE, "10.0.0.0/8"], {
        }, []),
        # Only this security group, instead of all addresses of the VPC, or of some.
        ([aws(1, cidr_block=A, aws_security_group=GROUP)], {A: OURS[1]}, [], [GROUP], [A], {}, []),
        ([aws(1, aws_security_group=GROUP)], {NARROW: OURS[1], B: OURS[1]}, [peer(9, aws(1), A)], [GROUP], [NARROW], {}, [B]),
        ([gcp(1, cidr_blocks=[NARROW, NARROW_2])], {WIDE: NETWORK}, [], [NARROW, NARROW_2], [WIDE], {}, []),
        # Of two connections of a network, both count.
        ([aws(1, cidr_block=NARROW, **NEAR), aws(1, cidr_block=WIDE, **FAR)], {WIDE: OURS[1]}, [], [NARROW], [], {}, []),
        ([aws(1, cidr_block=NARROW, **NEAR), aws(1, cidr_block=B, **FAR)], {WIDE: OURS[1]}, [], [NARROW, B], [], {}, [WIDE]),
        ([gcp(1, cidr_blocks=[NARROW, B])], {WIDE: NETWORK}, [], [NARROW, B], [], {}, [WIDE]),
        # What others have added, what another network needs, and the same network in another list.
        ([aws(1, cidr_block=NARROW)], {WIDE: "The office", B: None, C: OURS[2]}, [], [NARROW], [], {}, []),
        ([aws(1, cidr_block=NARROW)], {A: OURS[1]}, [peer(2, aws(2), A)], [NARROW], [], {A: USED.format(A, "pcx-2")}, []),
        ([aws(1, cidr_block=NARROW)], {A: OURS[1]}, [peer(2, aws(1), A)], [NARROW], [], {A: USED.format(A, "pcx-2")}, []),
        ([aws(1, cidr_block=NARROW)], {WIDE: OURS[1]}, [peer(2, gcp(2))], [NARROW], [], {
            WIDE: UNREAD.format(WIDE, NETWORK_2, "No credentials.", f"VPC network in project {gcp(2)['gcp_project_id']}")
        }, []),
        ([aws(1, cidr_block=A)], {A: OURS[1], B: OURS[1]}, [], [], [], {}, [B]),
        ([aws(1, cidr_block=A)], {A: OURS[1], GROUP: OURS[1]}, [], [], [], {}, [GROUP]),
        # What declares nothing has no part of anything.
        ([gcp(1)], {A: NETWORK}, [], [], [], {}, [A]),
    ],
)  # fmt: skip
def test_a_narrower_entry_replaces_the_wide_one(
    connections: list[dict[str, Any]],
    access: dict[str, str | None],
    stays: list[Any],
    added: list[str],
    going: list[str],
    left: dict[str, str],
    noted: list[str],
) -> None:
    own = PeerState(next((one for one in stays if one["id"] == "9"), None))
    case = Case(connections, access, stays=stays, own={KEYS[0]: own})
    assert [name for action, owner, name in case.changes if action == "create"] == added
    assert {(owner, name) for action, owner, name in case.changes if action == "delete"} == {(KEYS[0], name) for name in going}
    # They are changes of the connection, sent after the additions.
    assert [step.stage for step in case.plan.steps] == [ACCESS] * (bool(added) + bool(going))
    assert case.state.kept_entries == left
    title = name_of({**connections[0]})
    assert [*case.state.notes.values()] == [
        NOTED.format(name, title.rpartition("/")[2] if "vpc" in title else title) for name in noted
    ]
    # What has failed may go on using what it had.
    case.fail(0)
    assert [name for action, owner, name in case.changes if action == "delete"] == []
    assert case.state.notes == {}


def test_what_has_failed_without_its_entry_keeps_a_wide_one() -> None:
    wide, of_two = "10.0.0.0/8", [aws(1, cidr_block=A), aws(2, cidr_block=B)]
    case = Case(of_two, {wide: OURS[1]})
    assert ("delete", KEYS[0], wide) in case.changes
    case.fail(1)
    assert case.changes == [("create", KEYS[0], A)]
    assert case.state.kept_entries == {wide: USED.format(wide, f"{KEYS[1]} ({vpc(2)})")}
    # What is there for it is all that it needs.
    case = Case(of_two, {wide: OURS[1], B: OURS[2]})
    case.fail(1)
    assert ("delete", KEYS[0], wide) in case.changes


def test_networks_with_one_comment_are_all_waited_for() -> None:
    wide = "10.0.0.0/8"
    case = Case(
        [aws(1, cidr_block=A, comment="Shop"), aws(2, cidr_block=B, comment="Shop")], {wide: "Shop", A: "Shop", B: "Shop"}
    )
    (step,) = case.plan.steps
    assert (step.keys[0].owner, case.state.access and case.state.access.waiting) == (KEYS[0], (A, B))
    assert (step.stage, [*case.part.needs.replacements(step.request.sent, case.state)]) == (ACCESS, [A, B])
    side = case.side()
    assert (side.wait(A, None), side.wait(step.owner, step)) == (Waiting(IN_FORCE), WAITING)
    side.states.update(side.observe({"statuses": {A: True}}))
    assert side.wait(step.owner, step) == WAITING
    side.states.update(side.observe({"statuses": {B: True}}))
    assert side.wait(step.owner, step) is None
    # Where the wide one stays, nothing is asked for.
    case = Case([aws(1, cidr_block=A)], {wide: OURS[1], A: OURS[1]}, stays=[peer(2, aws(2), B)])
    assert (case.plan.steps, case.state.access and case.state.access.waiting) == ((), ())


def test_wide_and_narrow_count_together() -> None:
    full = {WIDE: OURS[1], **{f"34.0.{number}.0/24": None for number in range(199)}}
    (error,) = Case([aws(1, cidr_block=NARROW)], full).plan.refusals.values()
    assert str(error).startswith(
        "The access list would have 201 entries (200 that stay, and 1 new ones), and Atlas allows 200. 1 of "
    )


# What is sent, and what comes of it: connections with networks whose customer's half others do need no other cloud than Atlas.

LIST = (aws(1, cidr_block=A), aws(2, cidr_block=B), gcp(1, cidr_blocks=[C, "34.0.0.0/24"], container_cidr_block="10.8.0.0/18"))
COMMENTS = {A: OURS[1], B: OURS[2], C: NETWORK, "34.0.0.0/24": NETWORK}
ENTRIES = "/api/*/accessList/*"


def run(atlas: Atlas, connections: Sequence[dict[str, Any]] = LIST, **options: Any) -> Done:
    """Run atlas_peering for those who do no customer's half."""
    atlas.emulator.requests.clear()
    return atlas.run(OPERATION, connections=[*connections], **{"aws": False, "gcp": False, "wait_timeout": 60, **options})


def sent(atlas: Atlas) -> list[str]:
    """Return the requests about the access list, in order."""
    found = [one for one in atlas.emulator.requests.entries() if one["authenticated"] and "/accessList" in one["path"]]
    return [f"{one['method']} {'status' if one['path'].endswith('/status') else 'list'}" for one in found]


def fault(atlas: Atlas, method: str, kind: str, path: str = "/api/*/accessList*", **more: Any) -> None:
    """Let something go wrong with requests about the access list."""
    own = {name: more.pop(name) for name in ("skip", "times") if name in more}
    rule = {"method": method, "path_glob": path, "authenticated": True, "times": 1, **own, "fault": {"kind": kind, **more}}
    atlas.emulator.faults.add(parse_rules(rule))


def put(atlas: Atlas, block: str, comment: str, status: str | None = None) -> None:
    """Let somebody else add an entry, or write it again."""
    with atlas.emulator.project.now() as project:
        for entry in project.access_list:
            if entry.value == block:
                project.access_list.delete(entry)
        project.access_list.put_first(Entry(block, comment, None, atlas.clock(), status))


@contextmanager
def around(
    method: str, before: Callable[[], None] = lambda: None, after: Callable[[], None] = lambda: None, skip: int = 0
) -> Iterator[None]:
    """Let something happen before or after each call of a method of the access list, but for the first ones."""
    real, calls = getattr(AccessList, method), list[str]()

    def call(*arguments: Any) -> Any:
        calls.append(method)
        if len(calls) <= skip:
            return real(*arguments)
        before()
        found = real(*arguments)
        after()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AccessList, method, call)
        yield


def actions(done: Done) -> list[tuple[str, str]]:
    """Return the actions on the access list."""
    of_peers = done.result["peering"]["connections"] + done.result["peering"]["pruned"]
    found = [one for peer in of_peers for one in peer["actions"] if one["kind"] == "access list entry"]
    return [(one["action"], one["name"]) for one in found]


def test_all_is_added_in_one_request_and_waited_for(atlas: Atlas) -> None:
    foreseen = run(atlas, check_mode=True)
    assert (sent(atlas), atlas.access_list) == (["GET list"], {})
    done = run(atlas)
    assert (done.failed, atlas.access_list) == (False, COMMENTS)
    # One of them is asked for until it is in force, and then each of the others once.
    polls = sent(atlas).count("GET status") - 3
    assert polls > 1
    assert sent(atlas) == ["GET list", "GET list", "POST list", *["GET status"] * (polls + 3)]
    assert [one["comment"] for one in done.result["peering"]["access_list"]] == [*COMMENTS.values()]
    assert actions(done) == actions(foreseen) == [("create", name) for name in COMMENTS]
    assert foreseen.result["peering"]["access_list"] == done.result["peering"]["access_list"]
    assert any("0 of 4 entries of the access list in force; " in line for line in atlas.lines)
    assert atlas.lines[-1].endswith("4 of 4 entries of the access list in force")
    again = run(atlas)
    assert (again.changed, sent(atlas)) == (False, ["GET list"])


def test_an_entry_that_is_later_in_force_is_asked_for_again(atlas: Atlas) -> None:
    def hold() -> None:
        put(atlas, B, OURS[2], "PENDING")
        atlas.clock.after(10, lambda: put(atlas, B, OURS[2], "ACTIVE"))

    with around("create_entries", after=hold):
        done = run(atlas)
    assert not done.failed
    asked = [one["path"] for one in atlas.emulator.requests.entries() if one["authenticated"] and one["path"].endswith("/status")]
    others = [one for one in asked if "10.1.0.0" not in one and "10.2.0.0" not in one]
    assert (len(others), len([one for one in asked if "10.2.0.0" in one]) > 2) == (2, True)


def test_a_status_without_an_answer_is_asked_for_again(atlas: Atlas) -> None:
    fault(atlas, "GET", "status", ENTRIES, status=503, times=2)
    done = run(atlas)
    assert (done.failed, atlas.access_list) == (False, COMMENTS)


def test_an_entry_that_others_add_meanwhile_keeps_its_comment(atlas: Atlas) -> None:
    atlas.clock.after(0.2, lambda: put(atlas, A, "The office"))
    done = run(atlas)
    assert (done.failed, atlas.access_list) == (False, {**COMMENTS, A: "The office"})
    assert actions(done) == [("create", name) for name in COMMENTS if name != A]


def test_what_others_have_added_meanwhile_is_no_change(atlas: Atlas) -> None:
    run(atlas, access_list=False)
    assert atlas.access_list == {}

    def others() -> None:
        for block in COMMENTS:
            put(atlas, block, "The office")

    with around("list_entries", before=others, skip=1):
        done = run(atlas)
    assert (done.failed, done.changed, actions(done)) == (False, False, [])
    assert set(atlas.access_list.values()) == {"The office"}


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_lost_reply_to_additions_is_looked_at(atlas: Atlas, is_lost: bool) -> None:
    fault(atlas, "POST", "lost_reply" if is_lost else "close")
    done = run(atlas)
    assert (done.failed, done.changed, atlas.access_list) == (False, True, COMMENTS)
    assert sent(atlas).count("POST list") == 2 - is_lost
    assert actions(done) == [("create", name) for name in COMMENTS]


def test_an_entry_that_atlas_refuses_fails_alone(atlas: Atlas) -> None:
    refusal = {"status": 400, "code": "INVALID_ATTRIBUTE"}
    fault(atlas, "POST", "status", **refusal)
    fault(atlas, "POST", "status", skip=1, **refusal)
    done = run(atlas)
    assert done.failed
    assert atlas.access_list == {name: comment for name, comment in COMMENTS.items() if name != B}
    assert sent(atlas).count("POST list") == 5
    (failure,) = done.result["failures"]
    assert (failure["index"], failure["step"], failure["error_code"]) == (1, "access_list", "INVALID_ATTRIBUTE")
    assert failure["msg"].startswith(f"connections[1] ({vpc(2)}): Failed to allow {B}")
    assert actions(done) == [("create", name) for name in COMMENTS if name != B]
    again = run(atlas)
    assert (again.failed, atlas.access_list) == (False, COMMENTS)


@pytest.mark.parametrize("kind", ["lost_reply", "close"])
def test_a_lost_reply_to_one_of_several_requests_is_looked_at(atlas: Atlas, kind: str) -> None:
    fault(atlas, "POST", "status", status=400, code="INVALID_ATTRIBUTE")
    fault(atlas, "POST", kind, skip=1)
    done = run(atlas)
    assert (done.failed, done.changed, atlas.access_list) == (False, True, COMMENTS)
    assert actions(done) == [("create", name) for name in COMMENTS]


def test_rights_that_are_missing_are_asked_for_once(atlas: Atlas) -> None:
    fault(atlas, "POST", "status", status=403, code="USER_UNAUTHORIZED", times=9)
    done = run(atlas)
    assert (done.failed, atlas.access_list, sent(atlas).count("POST list")) == (True, {}, 1)
    (failure,) = done.result["failures"]
    assert (failure["indexes"], failure["step"]) == ([0, 1, 2], "access_list")


def test_a_connection_that_has_failed_already_needs_nothing(atlas: Atlas) -> None:
    run(atlas, access_list=False)
    atlas.fail(next(one["id"] for one in atlas.peers() if one.get("vpcId") == vpc(1)), "REJECTED")
    foreseen, done = run(atlas, check_mode=True), run(atlas)
    assert (foreseen.failed, done.failed, atlas.access_list.keys()) == (True, True, COMMENTS.keys() - {A})
    assert actions(done) == actions(foreseen) == [("create", name) for name in COMMENTS if name != A]


@pytest.mark.parametrize(("status", "words"), [("PENDING", "not in force after 60 seconds"), ("FAILED", f"could not bring {A}")])
def test_an_entry_that_does_not_come_into_force_fails_alone(atlas: Atlas, status: str, words: str) -> None:
    def hold() -> None:
        with atlas.emulator.project.now() as project:
            project.access_list.get(A).fixed_status = status

    with around("create_entries", after=hold):
        done = run(atlas)
    assert (done.failed, atlas.access_list) == (True, COMMENTS)
    assert [one["indexes"] for one in done.result["failures"]] == [[0]]
    assert words in done.msg


def test_disconnecting_sends_a_removal_an_entry(atlas: Atlas) -> None:
    run(atlas)
    foreseen = run(atlas, state="absent", check_mode=True)
    assert (sent(atlas), atlas.access_list) == (["GET list"], COMMENTS)
    done = run(atlas, state="absent")
    assert (done.failed, atlas.access_list) == (False, {})
    assert sent(atlas) == ["GET list", "GET list", *["DELETE list"] * 4]
    assert actions(done) == actions(foreseen) == [("delete", name) for name in COMMENTS]
    again = run(atlas, state="absent")
    assert (again.changed, sent(atlas)) == (False, ["GET list"])


def test_clouds_that_the_list_does_not_name_are_read(atlas: Atlas) -> None:
    lone = [gcp(1, cidr_blocks=[A, C], container_cidr_block="10.8.0.0/18")]
    run(atlas, lone)
    run(atlas, LIST[:1], access_list=False)
    done = run(atlas, lone, state="absent")
    assert (done.failed, atlas.access_list) == (False, {A: NETWORK})
    (left,) = done.result["peering"]["left"]
    assert left["reason"] in done.result["peering"]["remaining"]
    assert left["reason"].startswith(f"{A} stays in the access list, because pcx-")


def test_a_comment_that_others_have_changed_is_left(atlas: Atlas) -> None:
    run(atlas)
    put(atlas, A, "The office")
    with around("list_entries", before=lambda: put(atlas, B, "The office"), skip=1):
        done = run(atlas, state="absent")
    assert (done.failed, atlas.access_list) == (False, {A: "The office", B: "The office"})
    assert {one["cidr_block"]: one["comment"] for one in done.result["peering"]["left"]} == {A: "The office", B: "The office"}
    for number, block in ((1, A), (2, B)):
        reason = f"{block} has the comment 'The office', not '{OURS[number]}': somebody else uses it, or has changed it."
        assert f"This entry of the access list stays: {reason}" in done.result["peering"]["remaining"]


def test_a_removal_that_is_refused_keeps_its_connection(atlas: Atlas) -> None:
    run(atlas)
    fault(atlas, "DELETE", "status", skip=1, status=403, code="USER_UNAUTHORIZED")
    done = run(atlas, state="absent")
    assert (done.failed, atlas.access_list) == (True, {B: OURS[2]})
    (failure,) = done.result["failures"]
    assert (failure["index"], failure["step"], failure["http_status"]) == (1, "access_list", 403)
    assert [one["vpcId"] for one in atlas.peers()] == [vpc(2)]
    again = run(atlas, state="absent")
    assert (again.failed, atlas.access_list, atlas.peers()) == (False, {}, [])


def test_removals_without_a_clear_reply_fail_alone(atlas: Atlas) -> None:
    run(atlas)
    for block, status in ((A, 500), (C, 503)):
        fault(atlas, "DELETE", "status", f"/api/*/accessList/{block.replace('/', '*')}", times=None, status=status)
    done = run(atlas, state="absent", retries=0)
    assert (done.failed, done.changed, atlas.access_list.keys()) == (True, True, {A, C})
    assert actions(done) == [("delete", B), ("delete", "34.0.0.0/24")]
    failed = {one["index"]: (one["step"], one["http_status"], one["msg"]) for one in done.result["failures"]}
    assert [(index, *failed[index][:2]) for index in sorted(failed)] == [(0, "access_list", 500), (2, "access_list", 503)]
    assert (f"remove {A}" in failed[0][2], f"remove {C}" in failed[2][2]) == (True, True)
    again = run(atlas, state="absent")
    assert again.failed
    atlas.emulator.faults.clear()
    again = run(atlas, state="absent")
    assert (again.failed, atlas.access_list) == (False, {})


@pytest.mark.parametrize("kind", ["lost_reply", "close"])
def test_a_lost_reply_to_a_removal_is_looked_at(atlas: Atlas, kind: str) -> None:
    run(atlas)
    fault(atlas, "DELETE", kind, skip=1)
    done = run(atlas, state="absent")
    assert (done.failed, done.changed, atlas.access_list) == (False, True, {})
    assert actions(done) == [("delete", name) for name in COMMENTS]


def test_a_stopped_removal_says_what_it_has_removed(atlas: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    run(atlas)
    real, removed = AccessList.delete_entry, list[str]()

    def delete(access_list: Any, name: str) -> None:
        if removed:
            raise StoppedError
        removed.append(name)
        real(access_list, name)

    monkeypatch.setattr(AccessList, "delete_entry", delete)
    done = run(atlas, state="absent")
    assert (done.failed, done.changed, actions(done)) == (True, True, [("delete", A)])
    assert atlas.access_list.keys() == COMMENTS.keys() - {A}


HOLDER = """
import sys, time
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.private_folder import turn_of
with turn_of(sys.argv[1:], 10, time.sleep) as has_turn:
    print(has_turn, flush=True)
    time.sleep(600)
"""


def test_tasks_on_one_project_take_turns(atlas: Atlas) -> None:
    identity = (atlas.base_url, atlas.emulator.settings.group_id)
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", HOLDER, *identity], stdout=subprocess.PIPE, text=True, env=here) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "True\n"
            done = run(atlas, wait_timeout=2)
            assert (done.failed, atlas.access_list) == (True, {})
            assert done.missing("Another task on this machine has held the access list of project", "wait_timeout") == []
            assert any("another task on this machine changes the access list" in line for line in atlas.lines)
            with turn_of((*identity[:1], "another project"), 0, time.sleep) as has_turn:
                assert has_turn
        finally:
            # The turn of what is killed ends.
            other.kill()
    done = run(atlas)
    assert (done.failed, atlas.access_list) == (False, COMMENTS)
    with turn_of(identity, 0, time.sleep) as has_turn:
        assert has_turn


def test_whose_routes_stay_keeps_all_that_it_needs(make_path: Callable[..., Any]) -> None:
    site = make_path()
    entries = site.make_vpcs(3, accounts=2)
    assert not site.run(connections=entries).failed
    site.front.rule("DeleteRoute", refusal("UnauthorizedOperation", status=403), account=entries[0]["aws_account_id"])
    done = site.run(connections=entries, state="absent")
    assert done.failed
    (failure,) = done.result["failures"]
    assert (failure["indexes"], failure["step"]) == ([0, 2], "routes")
    assert {*site.access_list} == {entries[0]["cidr_block"], entries[2]["cidr_block"]}
    assert {one["vpcId"] for one in site.peers_of("AWS")} == {entries[0]["vpc_id"], entries[2]["vpc_id"]}
    site.front.rules.clear()
    done = site.run(connections=entries, state="absent")
    assert (done.failed, site.access_list, site.peers_of("AWS")) == (False, {}, [])
    # Two requests an entry, and ten.
    assert sum(site.to_atlas.values()) <= 2 * 2 + 10


def test_a_wide_entry_goes_after_the_narrow_one_is_in_force(atlas: Atlas) -> None:
    run(atlas)
    narrow = [*LIST[:2], {**LIST[2], "cidr_blocks": ["10.3.2.0/24", "34.0.0.0/24"]}]
    # 34.0.0.0/24 is no part of 10.3.0.0/16, which stays then.
    kept = run(atlas, narrow, check_mode=True)
    assert actions(kept) == [("create", "10.3.2.0/24")]
    assert any(f"{C} stays in the access list: by the comment" in one for one in kept.result["peering"]["remaining"])
    narrow[2] = {**LIST[2], "cidr_blocks": ["10.3.2.0/24"]}
    foreseen = run(atlas, narrow, check_mode=True)
    # The limit of removals is about connections.
    done = run(atlas, narrow, prune=True, max_deletions=0)
    assert not done.failed
    assert actions(done) == actions(foreseen) == [("create", "10.3.2.0/24"), ("delete", C)]
    assert atlas.access_list == {A: OURS[1], B: OURS[2], "10.3.2.0/24": NETWORK, "34.0.0.0/24": NETWORK}
    assert (done.result["summary"]["changed"], foreseen.result["summary"]["changed"]) == (1, 1)
    requests = [one for one in sent(atlas) if one != "GET list"]
    assert [one for one in requests if one != "GET status"] == ["POST list", "DELETE list"]
    assert (requests[0], requests[1], requests[-1]) == ("POST list", "GET status", "DELETE list")
    again = run(atlas, narrow)
    assert (again.changed, sent(atlas)) == (False, ["GET list"])
    # Of a network whose blocks nobody says, the comment tells what is its own.
    gone = run(atlas, [gcp(1)], state="absent")
    assert (gone.failed, sorted(atlas.access_list)) == (False, [A, B])
    assert [one for one in gone.result["peering"]["remaining"] if "No entry of the access list" in one] == []


def test_a_wide_entry_waits_for_a_narrow_one_of_an_earlier_run(atlas: Atlas) -> None:
    run(atlas)
    narrow = [*LIST[:2], {**LIST[2], "cidr_blocks": ["10.3.2.0/24"]}]
    put(atlas, "10.3.2.0/24", NETWORK, "PENDING")
    done = run(atlas, narrow)
    assert (done.failed, C in atlas.access_list) == (True, True)
    assert not done.missing("10.3.2.0/24 of the access list is still not in force after 60 seconds")
    put(atlas, "10.3.2.0/24", NETWORK, "PENDING")
    atlas.clock.after(10, lambda: put(atlas, "10.3.2.0/24", NETWORK, "ACTIVE"))
    done = run(atlas, narrow)
    assert (done.failed, C in atlas.access_list) == (False, False)
