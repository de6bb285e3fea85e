"""The access list of the whole path: what is added, what goes, what stays and why, and whose turn it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._access_list import AccessListState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.view import View
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import Vpc
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.plan import AccessState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.vnets import Vnet
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_access_list import AtlasAccessList
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.access_part import AccessPart
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.path_state import PathState, What
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.pruned import Leaving
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peer_set.state import PeerSetState
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT
from ansible_collections.cloudpeer.atlas.tests.support.sets import azure, gcp, vpc
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.module_utils._path.test_options import validated

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
        **options: Any,
    ) -> None:
        params, warnings = validated(*connections, **options)
        assert warnings == []
        found = [(one["id"] if index is None else KEYS[index], one) for index, one in leaves]
        going = Leaving(lambda state: found, lambda state: state)
        there = [*stays, *(one for index, one in leaves)]
        before = replace(before or PathState(), peers=PeerSetState(tuple(there), first=tuple(there)))
        outside: Any = (None, AtlasAccessList, going, None, None, None, None)
        self.part = AccessPart(params, params["connections"], *outside)
        self.state = self.part.begin({"list": listed(access)}, before)

    def fail(self, index: int) -> None:
        """Let an entry fail in another part."""
        error, what = TaskError("No."), What(KEYS[index], "routes", "AWS", "delete", "route", "x")
        self.state = self.part.record_failure(what, error, self.state.with_failure(KEYS[index], "routes", error))

    @property
    def plan(self) -> Plan:
        return self.part.plan(self.state)

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """The action, the place of the entry, and the name of each change."""
        found = [What.of(change.key) for change in self.plan.changes]
        assert {(one.step, one.side, one.kind) for one in found} <= {("access_list", "Atlas", "access list entry")}
        return [(one.action, one.owner, one.name) for one in found]

    @property
    def added(self) -> dict[str, str | None]:
        """The comments of new entries, by their names."""
        return {What.of(one.key).name: one.after["comment"] for one in self.plan.changes if one.after is not None}


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
    assert case.state.allowed == (*added,)
    # All of it is one request.
    assert len(case.plan.steps) == bool(added)


def test_an_entry_is_added_once_and_keeps_its_comment() -> None:
    case = Case([aws(1, cidr_block=A, comment="First"), aws(2, cidr_block=A), aws(3, cidr_block=B)], {B: "The office"})
    assert case.changes == [("create", KEYS[0], A)]
    assert case.added == {A: "First"}
    assert case.state.allowed == (A, B)
    case.fail(0)
    assert (case.changes, case.added) == ([("create", KEYS[1], A)], {A: f"VPC peering with {vpc(2)}"})
    case.fail(1)
    assert (case.changes, case.plan.steps, case.state.allowed) == ([], (), (A, B))


def test_a_list_without_room_is_refused() -> None:
    full: dict[str, str | None] = {f"34.0.{number}.0/24": None for number in range(199)}
    assert Case([aws(1, cidr_block=A)], full).plan.refusals == {}
    (error,) = Case([aws(1, cidr_block=A), aws(2, cidr_block=B)], full).plan.refusals.values()
    assert str(error).startswith("The access list would have 201 entries (199 that stay, and 2 new ones), and Atlas allows 200.")


def test_an_entry_that_expires_is_a_warning() -> None:
    case = Case([aws(1, cidr_block=A)], {A: "x"})
    assert case.state.access is not None
    entry: Any = {**case.state.access.listed[A], "delete_after_date": "2030-01-31T12:00:00Z"}
    case.state = replace(case.state, access=AccessListState({A: entry}, {A: entry}, waiting=()))
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
        ([aws(1, aws_security_group=GROUP)], {A: OURS[1], GROUP: OURS[1]}, [], [(0, peer(1, aws(1), A))], [GROUP], {}),
        ([azure(1, cidr_block=A)], {A: VNET}, [], [(0, peer(1, azure(1)))], [A], {}),
        ([gcp(1, cidr_blocks=[A, B])], {A: NETWORK, B: NETWORK}, [], [(0, peer(1, gcp(1)))], [A, B], {}),
        # What is not known any more, and what is not there.
        ([aws(1)], {A: OURS[1]}, [], [], [], {}),
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
        ([gcp(1, cidr_block=A)], {A: NETWORK}, [peer(2, gcp(2)), peer(3, aws(1), B)], [], [A], {}),
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
    assert case.state.left == left
    assert case.state.allowed == ()
    after = case.part.predict(case.state, case.plan).access
    assert after is not None
    assert after.listed.keys() == access.keys() - {*going}


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
    # Its connection stays, and with it what others would take away.
    case.fail(1)
    assert [name for action, owner, name in case.changes] == [B]
    assert case.state.left == {A: USED.format(A, "pcx-2")}
    case.fail(2)
    assert (case.changes, case.state.left) == ([], {A: USED.format(A, "pcx-2")})


@pytest.mark.parametrize(
    ("connections", "access", "stays", "pruned", "going", "left"),
    [
        # By the comment alone: what a connection leaves is in no list.
        ([aws(1, cidr_block=A)], {A: OURS[1], B: OURS[2], C: "Shop", GROUP: OURS[2]}, [], [peer(2, aws(2), B)], [B, GROUP], {}),
        ([], {A: VNET, B: NETWORK, C: OURS[1]}, [], [peer(1, azure(1)), peer(2, gcp(1))], [A, B], {}),
        # An entry of the list needs it.
        ([aws(1, cidr_block=B)], {B: OURS[2]}, [], [peer(2, aws(2), B)], [], {}),
        # The block of a connection that an entry of the list has, or gets.
        ([aws(1, cidr_block=B, aws_security_group=GROUP)], {B: OURS[2], GROUP: "x"}, [], [peer(2, aws(2), B)], [], {
            B: USED.format(B, f"{KEYS[0]} ({vpc(1)})")
        }),
        # The same VPC with another container; and a connection that `ignore` leaves alone.
        ([aws(1, cidr_block=A)], {B: OURS[1]}, [], [peer(2, aws(1), B)], [], {B: USED.format(B, f"{KEYS[0]} ({vpc(1)})")}),
        ([], {B: OURS[1]}, [peer(3, aws(1), C)], [peer(2, aws(1), B)], [], {B: USED.format(B, "pcx-3")}),
        ([], {B: VNET}, [peer(3, azure(1))], [peer(2, azure(1))], [], {B: USED.format(B, "3")}),
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
    case = Case(connections, access, stays=stays, leaves=[(None, one) for one in pruned], prune=True, allow_empty=True)
    assert [name for action, owner, name in case.changes if action == "delete"] == going
    assert {owner for action, owner, name in case.changes if action == "delete"} <= {one["id"] for one in pruned}
    assert case.state.left == left
