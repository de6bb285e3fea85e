"""The result of the whole path: connections with their actions, failures by cause, sums, the diff, and the line of the plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.view import View
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import Route, RouteTable, Vpc
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change, ChangeKey, Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.network import NetworkState, Peering
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import (
    AuthError,
    EntryPlace,
    TaskError,
    as_count,
    as_form,
    as_name,
    as_option,
    as_reply,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._results.path_progress import PathEnds
from ansible_collections.cloudpeer.atlas.plugins.module_utils._results.path_summary import PathSummary
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.access_list import AccessListState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.connection import PeerState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.draft import CEILING
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.path_state import Failure, PathState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.set_state import PeerSetState
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT
from ansible_collections.cloudpeer.atlas.tests.support.sets import azure, gcp, vpc
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.module_utils._sides.test_path_options import validated

BLOCK, CLIENTS, PCX, TABLE = "192.168.248.0/21", "10.0.0.0/24", "pcx-0a1b2c3d4e5f67890", "rtb-0a1b2c3d"
HOME = {"id": "1" * 24, "provider_name": "AWS", "region_name": "US_EAST_1", "atlas_cidr_block": BLOCK}
NEW = {**HOME, "id": None}
GCP_HOME = {**HOME, "id": "3" * 24, "provider_name": "GCP", "atlas_gcp_project_id": "p-1", "atlas_network_name": "nt-1"}
MIRROR = Peering("atlas-nt-1", "projects/p-1/global/networks/nt-1", "ACTIVE")
KEYS = [f"connections[{index}]" for index in range(3)]
HINT = "Correct what is wrong and run the task again: it continues from here."
NAMES = (
    "vpc_id",
    "aws_account_id",
    "azure_subscription_id",
    "resource_group_name",
    "vnet_name",
    "gcp_project_id",
    "network_name",
)


def aws(number: int, **more: Any) -> dict[str, Any]:
    return {"vpc_id": vpc(number), "aws_account_id": ACCOUNT, "cidr_block": CLIENTS, **more}


def peer(number: int, status: str = "AVAILABLE", **more: Any) -> Any:
    """Return the connection of a VPC as Atlas lists it."""
    network = {"vpc_id": vpc(number), "aws_account_id": ACCOUNT, "route_table_cidr_block": CLIENTS, "accepter_region_name": None}
    ids = {"id": f"{number}" * 24, "container_id": HOME["id"], "connection_id": f"pcx-{number}"}
    return {"provider_name": "AWS", "status_name": status, **ids, **network, **more}


def done(owner: str, step: str, words: str, name: str, before: Any = None, after: Any = None) -> Change:
    """Return a change; `words` are its side, its action and its kind."""
    side, action, kind = words.split(" ", 2)
    ids = (TABLE, BLOCK) if kind == "route" else (name,)
    return Change("create", ChangeKey(owner, step, side, kind, ids), before, after, action, name)


class Case:
    """A summary and its state.

    Args:
        connections: The list.
        peers: The connection of each entry; None for none.
        options: Those of the task.
    """

    def __init__(self, *connections: dict[str, Any], peers: tuple[Any, ...] = (), **options: Any) -> None:
        params, _warnings = validated(*connections, **options)
        self.summary = PathSummary(params, params["connections"])
        self.ends = PathEnds(params["connections"], self.summary.order_of)
        there = tuple(one for one in peers if one is not None)
        entries = {key: PeerState(one) for key, one in zip(KEYS, peers, strict=False)}
        homes: Any = dict.fromkeys(KEYS[: len(connections)], HOME)
        containers: Any = (HOME,)
        self.state = PathState(peers=PeerSetState(there, there, entries), container_of=homes, containers=containers)

    def put(self, *changes: Change, **fields: Any) -> Case:
        """Add changes to the state, and set fields."""
        self.state.done.record(changes)
        self.state = replace(self.state, **fields)
        return self

    def show(self, plan: Plan | None = None) -> Any:
        return self.summary.show(self.state, plan or Plan())

    def connection(self, index: int = 0) -> Any:
        return self.show()["peering"]["connections"][index]

    @property
    def msg(self) -> str:
        """The message of the failure."""
        return str(self.summary.failure(self.state))


REQUEST = done(KEYS[0], "request", "Atlas create connection", vpc(1), None, peer(1))
ACCEPT = done(KEYS[0], "accept", "AWS accept connection", "pcx-1", {"status": "pending-acceptance"}, {"status": "active"})
ROUTE = done(KEYS[0], "routes", "AWS create route", f"{BLOCK} in {TABLE}", None, {"target": "pcx-1"})
UNROUTE = done(KEYS[0], "routes", "AWS delete route", f"{BLOCK} in {TABLE}", {"target": "pcx-1"}, None)
ACCESS = done(KEYS[0], "access_list", "Atlas create access list entry", CLIENTS, None, {"comment": "shop"})
CONTAINER = done("", "container", "Atlas create container", "us-east-1", None, HOME)
ALL = (ACCESS, ROUTE, CONTAINER, ACCEPT, REQUEST)


def routed(target: str | None) -> View:
    routes = () if target is None else (Route(BLOCK, target, is_peering=True),)
    tables = (RouteTable(TABLE, vpc(1), {}, routes), RouteTable("rtb-gateway", vpc(1), {}, (), gateways=("igw-1",)))
    return View("us-east-1", ACCOUNT, None, Vpc(vpc(1), ACCOUNT, [CLIENTS]), tables)


def test_a_connection_has_both_sides_and_its_actions() -> None:
    case = Case(aws(1), peers=(peer(1, "PENDING_ACCEPTANCE"),)).put(*ALL, aws={KEYS[0]: routed("pcx-1")})
    shown = case.connection()
    assert [(one["side"], one["action"], one["kind"], one["name"]) for one in shown.pop("actions")] == [
        ("Atlas", "create", "connection", vpc(1)),
        ("AWS", "accept", "connection", "pcx-1"),
        ("AWS", "create", "route", f"{BLOCK} in {TABLE}"),
        ("Atlas", "create", "access list entry", CLIENTS),
    ]
    in_atlas = shown.pop("vpc_peer")
    # The id has the time of the request.
    assert in_atlas["expires_at"] > in_atlas["requested_at"]
    assert shown == {
        **dict.fromkeys(NAMES),
        "provider_name": "AWS",
        "vpc_id": vpc(1),
        "aws_account_id": ACCOUNT,
        "region": "us-east-1",
        "container": HOME,
        "status_name": "PENDING_ACCEPTANCE",
        "connection_id": "pcx-1",
        "gcp_peering": None,
        "route_table_ids": [TABLE],
        "routes": [{"route_table_id": TABLE, "destination_cidr_block": BLOCK, "before": None, "after": "pcx-1"}],
    }


def test_connections_on_other_clouds_have_the_same_keys() -> None:
    case = Case(aws(1), azure(1), gcp(1)).put(gcp={KEYS[2]: NetworkState(exists=True, peerings=(MIRROR,))})
    case.put(container_of={KEYS[2]: GCP_HOME}, containers=(HOME, GCP_HOME))
    first, second, third = case.show()["peering"]["connections"]
    assert first.keys() == second.keys() == third.keys()
    assert [one["provider_name"] for one in (first, second, third)] == ["AWS", "AZURE", "GCP"]
    assert (second["vnet_name"], second["region"], third["network_name"]) == ("vnet-1", None, "net-1")
    assert third["gcp_peering"] == MIRROR.to_result()
    assert case.show()["peering"]["containers"] == [GCP_HOME]


def test_without_atlas_its_half_is_null() -> None:
    shown = Case(aws(1, connection_id=PCX, container_cidr_block=BLOCK), atlas=False).connection()
    assert [shown[name] for name in ("container", "vpc_peer", "status_name", "connection_id")] == [None, None, None, PCX]


def test_what_is_not_there_yet_has_no_id() -> None:
    case = Case(aws(1), peers=(peer(1, id=None, connection_id=None, container_id=None),))
    shown = case.put(CONTAINER, container_of={KEYS[0]: NEW}, containers=(NEW,)).show()["peering"]
    (connection,) = shown["connections"]
    assert (connection["vpc_peer"]["id"], connection["connection_id"], connection["container"]["id"]) == (None, None, None)
    assert shown["containers"] == [NEW]


def test_absent_shows_what_was_last_seen_and_what_stays() -> None:
    entry: Any = {"cidr_block": CLIENTS, "comment": "theirs"}
    left = {CLIENTS: "10.0.0.0/24 has the comment 'theirs'."}
    case = Case(aws(1), peers=(peer(1, "TERMINATING"),), state="absent").put(UNROUTE, aws={KEYS[0]: routed(None)})
    access = AccessListState({CLIENTS: entry}, {})
    shown = case.put(containers=(), access=access, kept_entries=left, foreign=frozenset(left)).show()["peering"]
    (connection,) = shown["connections"]
    assert (connection["status_name"], connection["container"]) == ("TERMINATING", HOME)
    assert [(one["before"], one["after"]) for one in connection["routes"]] == [("pcx-1", None)]
    assert (shown["containers"], shown["left"]) == ([], [{**entry, "reason": left[CLIENTS]}])
    assert shown["remaining"] == [f"This entry of the access list stays: {left[CLIENTS]}"]


def test_the_access_list_has_what_the_list_asks_for() -> None:
    entries: Any = {name: {"cidr_block": name} for name in ("10.1.0.0/16", CLIENTS, "10.2.0.0/16")}
    case = Case(aws(1)).put(access=AccessListState(entries, entries), wanted_entries=("10.2.0.0/16", CLIENTS, "10.9.0.0/16"))
    assert [one["cidr_block"] for one in case.show()["peering"]["access_list"]] == ["10.2.0.0/16", CLIENTS]


def test_a_pruned_connection_has_its_actions() -> None:
    case, gone, other = Case(aws(1), peers=(peer(1),)), peer(9, "TERMINATING"), peer(8, "TERMINATING")
    peers = replace(case.state.peers, first=(peer(1), gone, other), pruned=(other, gone))
    case.put(done(gone["id"], "routes", "AWS delete route", f"{BLOCK} in {TABLE}"), peers=peers)
    # In the order of Atlas, whichever went first.
    shown, last = case.show()["peering"]["pruned"]
    assert last["id"] == other["id"]
    assert (shown["id"], [one["action"] for one in shown["actions"]]) == (gone["id"], ["delete"])
    assert case.show()["summary"]["pruned"] == 2


@pytest.mark.parametrize(
    ("state", "owner", "order"),
    [
        ("absent", KEYS[0], ["route", "access list entry", "connection", "mirror", "role"]),
        ("present", "9" * 24, ["route", "mirror", "access list entry", "connection", "role"]),
    ],
)
def test_actions_that_remove_are_in_their_order_too(state: str, owner: str, order: list[str]) -> None:
    """Of what is disconnected, and of what is pruned, which is cleaned before Atlas forgets it."""
    steps = {"role": "role", "connection": "remove", "route": "routes", "mirror": "mirror", "access list entry": "access_list"}
    gone = peer(9, "TERMINATING")
    case = Case(aws(1), peers=(peer(1),), state=state)
    peers = replace(case.state.peers, first=(peer(1), gone), pruned=(gone,))
    case.put(*(done(owner, step, f"Atlas delete {kind}", kind) for kind, step in steps.items()), peers=peers)
    shown = case.show()["peering"]
    assert [one["kind"] for one in shown["connections" if state == "absent" else "pruned"][0]["actions"]] == order


def denied(index: int) -> Failure:
    """Return the refusal of an acceptance: one cause, whatever the connection."""
    refusal: dict[str, Any] = {"http_status": 403, "error_code": "Denied", "detail": "No", "hint": "Ask for the right."}
    error = AuthError("No (HTTP 403 Denied).", description=f"accept pcx-{index + 1}", **refusal)
    return Failure("accept", error.at(EntryPlace("connections", index, f" ({vpc(index + 1)}): ")))


def test_one_cause_in_several_entries_is_one_failure() -> None:
    case = Case(aws(1), aws(2), aws(3), peers=(peer(1), peer(2), peer(3)))
    case.put(REQUEST, failures={KEYS[index]: denied(index) for index in (2, 0)})
    (failure,) = case.show()["failures"]
    assert failure == {
        "index": 0,
        "indexes": [0, 2],
        "id": "1" * 24,
        "name": vpc(1),
        "names": [vpc(1), vpc(3)],
        "step": "accept",
        "msg": f"connections[0], connections[2] ({vpc(1)}, {vpc(3)}): No (HTTP 403 Denied). Ask for the right.",
        "http_status": 403,
        "error_code": "Denied",
        "detail": "No",
    }
    sums = {"connections": 3, "changed": 0, "unchanged": 1, "failed": 2, "pruned": 0, "left": 0}
    done_line = "Connected 1 of 3 networks of project 5356823b3794dee37132bb7b: 1 unchanged, 2 failed; 1 change in Atlas"
    assert case.show()["summary"] == {**sums, "done": done_line}
    so_far = f"Done so far: {KEYS[0]} ({vpc(1)}): connection requested; {KEYS[2]} ({vpc(3)}): nothing."
    assert case.msg == f"{failure['msg']} {so_far} {HINT}"
    error: Any = case.summary.failure(case.state)
    assert (error.http_status, error.error_code, error.detail) == (403, "Denied", "No")


def test_marked_names_may_differ_between_failures_of_one_cause() -> None:
    """In what a service says, nobody could mark them; another word of a text is no name, even if it looks like one."""

    def late(index: int, text: str) -> Failure:
        return Failure("accept", TaskError(text).at(EntryPlace("connections", index, f" ({vpc(index + 1)}): ")))

    case = Case(aws(1), aws(2), aws(3), peers=(peer(1), peer(2), peer(3)))
    failures = {}
    for index in range(3):
        name = vpc(index + 1)
        reply = as_reply(f"no {vpc(1)}-x nor {name}.")
        failures[KEYS[index]] = late(index, f"{as_form('It', 'They')} and {as_name(name)} of {vpc(2)}: {reply} {as_count(name)}")
    case.put(REQUEST, failures=failures)
    (failure,) = case.show()["failures"]
    names = f"{vpc(1)}, {vpc(2)}, {vpc(3)}"
    # The first one's: a longer name begins like this one.
    assert failure["msg"].endswith(f"): They and {names} of {vpc(2)}: no {vpc(1)}-x nor {names}. {vpc(1)}")


def test_each_step_and_cause_has_its_own_failure() -> None:
    case = Case(aws(1), aws(2), peers=(peer(1), peer(2)))
    late = Failure("available", TaskError("pcx-2 is late.").at(EntryPlace("connections", 1, f" ({vpc(2)}): ")))
    case.put(failures={KEYS[0]: denied(0), KEYS[1]: late})
    assert [(one["step"], one["index"]) for one in case.show()["failures"]] == [("accept", 0), ("available", 1)]
    error: Any = case.summary.failure(case.state)
    assert error.http_status is None
    assert f"Done so far: connections[0] to connections[1] ({vpc(1)}, {vpc(2)}): nothing." in case.msg


def test_a_failed_cleaning_is_one_of_no_entry() -> None:
    case = Case(aws(1), peers=(peer(1),))
    case.put(peers=replace(case.state.peers, first=(peer(1), peer(9))), failures={"9" * 24: Failure("remove", TaskError("No."))})
    (failure,) = case.show()["failures"]
    assert (failure["index"], failure["indexes"], failure["id"], failure["name"]) == (None, [], "9" * 24, f"{ACCOUNT}/{vpc(9)}")
    assert (case.show()["summary"]["failed"], case.msg) == (0, f"No. {HINT}")


@pytest.mark.parametrize(
    "fields",
    [{"http_status": 500}, {"is_transient": True}, {"hint": f"Raise {as_option('wait_timeout')}, or run the task again later."}],
)
def test_nobody_corrects_what_the_service_has_not_answered(fields: dict[str, Any]) -> None:
    case = Case(aws(1), aws(2), peers=(peer(1), peer(2)))
    away = Failure("routes", TaskError("Failed to list the routes.", **fields))
    assert case.put(failures={KEYS[0]: away}).msg.endswith(f" Run {HINT.partition(' and run ')[2]}")
    assert case.put(failures={KEYS[0]: away, KEYS[1]: denied(1)}).msg.endswith(f"\n{HINT}")


def test_what_works_is_not_among_the_requests_to_accept() -> None:
    case = Case(aws(1), peers=(peer(1, "AVAILABLE"),)).put(failures={KEYS[0]: denied(0)})
    assert "not accepted yet" not in case.msg


def test_a_failure_says_what_expires_is_gone_and_is_new() -> None:
    asked = peer(1, "PENDING_ACCEPTANCE", container_id="2" * 24)
    case = Case(aws(1), peers=(asked,)).put(CONTAINER, failures={KEYS[0]: denied(0)})
    case.put(peers=replace(case.state.peers, pruned=(peer(9),)))
    assert case.msg == (
        f"{KEYS[0]} ({vpc(1)}): Failed to accept pcx-1: No (HTTP 403 Denied). Ask for the right. "
        f"Done so far: {KEYS[0]} ({vpc(1)}): nothing. "
        f"These connections have been requested and are not accepted yet: pcx-1 ({vpc(1)}, AWS account {ACCOUNT}, region "
        "us-east-1). AWS drops a request that is not accepted within seven days. "
        f"These connections have been removed from Atlas: pcx-9 ({vpc(9)}, AWS account {ACCOUNT}, {CLIENTS}). "
        f"The network container us-east-1 is new, and nothing uses it yet: it stays. {HINT}"
    )


def test_after_a_refusal_there_is_nothing_but_failures() -> None:
    case = Case(aws(1), aws(2), peers=(None, None))
    refusal = TaskError("cidr_block is taken.", hint="Take another one.").at(EntryPlace("connections", 1, "."))
    plan = Plan((REQUEST,), refusals={KEYS[1]: refusal})
    shown = case.show(plan)
    assert (shown["peering"], shown["summary"]) == (None, None)
    assert [(one["index"], one["step"]) for one in shown["failures"]] == [(1, "plan")]
    assert str(case.summary.refusal(case.state, plan)) == f"Nothing was changed in project 5356823b3794dee37132bb7b. {refusal}"
    # Of a second plan, once Atlas has chosen the block of a new container.
    case.put(CONTAINER)
    assert str(case.summary.refusal(case.state, plan)) == (
        "Nothing else was changed in project 5356823b3794dee37132bb7b. "
        f"The network container us-east-1 is new, and nothing uses it yet: it stays. {refusal}"
    )


def test_a_plan_that_removes_too_much_is_shown() -> None:
    shown = Case(aws(1), peers=(None,)).show(Plan((REQUEST,), refusals={CEILING: TaskError("2 would be removed.")}))
    assert [one["action"] for one in shown["peering"]["connections"][0]["actions"]] == ["create"]
    assert (shown["summary"]["changed"], shown["failures"][0]["index"]) == (1, None)


def plan_of(*whats: tuple[str, str]) -> Plan:
    """Return a plan with changes, each of an owner and with its words."""
    return Plan(tuple(done(owner, "", words, str(number)) for number, (owner, words) in enumerate(whats)))


@pytest.mark.parametrize(
    ("plan", "options", "line"),
    [
        (plan_of(), {}, ""),
        (
            plan_of(
                (KEYS[0], "Atlas create connection"),
                (KEYS[0], "AWS accept connection"),
                (KEYS[0], "AWS create route"),
                (KEYS[1], "AWS create route"),
                ("9" * 24, "Atlas delete connection"),
                ("", "Atlas create container"),
            ),
            {},
            "Plan: 1 to create, 1 to change, 1 to remove, 1 unchanged (3 in Atlas, 3 in AWS)",
        ),
        (
            plan_of((KEYS[0], "Atlas recreate connection")),
            {},
            "Plan: 0 to create, 0 to change, 1 to replace, 0 to remove, 2 unchanged (1 in Atlas)",
        ),
        (
            plan_of((KEYS[0], "AWS delete route")),
            {"state": "absent"},
            "Plan: 0 to create, 0 to change, 1 to remove, 2 unchanged (1 in AWS)",
        ),
    ],
)
def test_the_plan_counts_connections_and_the_changes_of_sides(plan: Plan, options: dict[str, Any], line: str) -> None:
    assert Case(aws(1), aws(2), aws(3), **options).summary.line(plan) == line


def test_the_plan_counts_no_entry_that_is_refused_or_has_failed() -> None:
    plan = plan_of((KEYS[0], "Atlas create connection"), (KEYS[1], "Atlas create connection"))
    plan = replace(plan, refusals={KEYS[0]: TaskError("No.")}, failures={KEYS[2]: TaskError("No.")})
    line = "Plan: 1 to create, 0 to change, 0 to remove, 0 unchanged (1 in Atlas)"
    assert Case(aws(1), aws(2), aws(3)).summary.line(plan) == line


@pytest.mark.parametrize(
    ("changes", "peers", "fields", "options", "line"),
    [
        ((), (peer(1), peer(2), peer(3)), {}, {}, None),
        (
            ("Atlas create connection", "AWS accept connection", "AWS create route"),
            (peer(1), peer(2), peer(3)),
            {},
            {},
            "Connected 3 networks: 1 new, 2 unchanged; 1 change in Atlas, 2 in AWS",
        ),
        # Whoever owns the account is to accept them.
        (
            ("Atlas create connection",),
            (peer(1, "PENDING_ACCEPTANCE"), peer(2), peer(3)),
            {},
            {},
            "Connected 2 of 3 networks, and 1 more is requested: 1 new, 2 unchanged; 1 change in Atlas",
        ),
        (
            ("Atlas recreate connection",),
            tuple(peer(number, "INITIATING") for number in (1, 2, 3)),
            {},
            {},
            "Requested 3 connections: 1 replaced, 2 unchanged; 1 change in Atlas",
        ),
        (
            ("AWS create route", "Atlas create connection"),
            (peer(1), peer(2), None),
            {"failures": {KEYS[2]: denied(2)}},
            {},
            "Connected 2 of 3 networks: 1 new, 1 unchanged, 1 failed; 1 change in Atlas, 1 in AWS",
        ),
        (
            ("Atlas create connection",),
            (peer(1, "FAILED"), None, None),
            {"failures": {key: denied(place) for place, key in enumerate(KEYS)}},
            {},
            "Connected 0 of 3 networks: 3 failed; 1 change in Atlas",
        ),
        # Without Atlas's half, it is not known what Atlas says.
        (
            ("AWS accept connection", "AWS create route"),
            (),
            {},
            {"atlas": False},
            "Connected 3 networks: 1 changed, 2 unchanged; 2 changes in AWS",
        ),
        (
            ("AWS delete route", "Atlas delete connection"),
            (),
            {},
            {"state": "absent"},
            "Disconnected 3 networks: 1 removed, 2 gone before; 1 change in Atlas, 1 in AWS",
        ),
    ],
)
def test_what_was_done_is_a_line(
    changes: Any, peers: Any, fields: dict[str, Any], options: dict[str, Any], line: str | None
) -> None:
    half = {"container_cidr_block": BLOCK, "connection_id": PCX} if "atlas" in options else {}
    case = Case(*(aws(number, **half) for number in (1, 2, 3)), peers=peers, **options)
    case.put(*(done(KEYS[0], "", words, str(place)) for place, words in enumerate(changes)), **fields)
    project = "" if "atlas" in options else " of project 5356823b3794dee37132bb7b"
    assert case.show()["summary"]["done"] == (
        line and line.replace(" networks", f" networks{project}").replace(" connections", f" connections{project}")
    )


def test_the_line_of_what_was_done_has_what_was_pruned() -> None:
    gone, case = peer(9, "TERMINATING"), Case(aws(1), peers=(peer(1),))
    peers = replace(case.state.peers, first=(peer(1), gone), pruned=(gone,))
    case.put(done("9" * 24, "remove", "Atlas delete connection", ""), peers=peers)
    assert case.show()["summary"]["done"].endswith(": 1 removed, 1 unchanged; 1 change in Atlas")


def test_the_diff_has_all_that_has_changed() -> None:
    tags = done(KEYS[0], "tags", "AWS tag connection", "pcx-1", {}, {"team": "shop"})
    dns = done(KEYS[0], "dns", "AWS enable attribute", "enable_dns_support", {"enabled": False}, {"enabled": True})
    case = Case(aws(1), peers=(peer(1),)).put(*ALL, tags, dns)
    diff = case.summary.diff(case.state, Plan())
    assert [one["before_header"] for one in diff] == [one["after_header"] for one in diff]
    # The container first: the others need it.
    assert diff[0]["after_header"].startswith("Atlas network container")
    assert {one["after_header"]: (one["before"], one["after"]) for one in diff} == {
        f"AWS {vpc(1)}": (
            "",
            f"connection requested: route_table_cidr_block: {CLIENTS}, container_id: {HOME['id']}\nconnection accepted\n"
            f"connection tagged: team: shop\nenable_dns_support enabled\nroute {BLOCK} in {TABLE} created: target: pcx-1\n"
            f"access list entry {CLIENTS} created: comment: shop\n",
        ),
        "Atlas network container us-east-1 (create)": (
            "",
            f"id: {HOME['id']}, provider_name: AWS, region_name: US_EAST_1, atlas_cidr_block: {BLOCK}\n",
        ),
    }


def test_the_diff_has_what_only_has_a_name() -> None:
    """In check mode, a network container that is not there has no id."""
    new = {"provider_name": "GCP", "gcp_project_id": "my-project", "network_name": "net-1", "container_id": None}
    case = Case(gcp(1)).put(done(KEYS[0], "request", "Atlas create connection", "my-project/net-1", None, new))
    (shown,) = case.summary.diff(case.state, Plan())
    assert (shown["before"], shown["after"]) == ("", "connection requested\n")


def test_texts_of_others_stay_on_their_line_of_the_diff() -> None:
    """EC2 documents that it allows any character in tags; callbacks print the lines of a diff as they are."""
    tags = {"te\x1b[2Jam": "ops\nroute R created"}
    case = Case(aws(1)).put(done(KEYS[0], "tags", "AWS untag connection", vpc(1), tags, {}))
    (shown,) = case.summary.diff(case.state, Plan())
    assert shown["before"] == "tags of connection: te\\x1b[2Jam: ops\\nroute R created\n"


def test_the_diff_of_a_replacement_has_what_is_made() -> None:
    recreated = done(KEYS[0], "request", "Atlas recreate connection", vpc(1), peer(1, "FAILED"), peer(1))
    case = Case(aws(1), peers=(peer(1),)).put(recreated._replace(action="recreate"))
    (shown,) = case.summary.diff(case.state, Plan())
    assert "status_name: FAILED" in shown["before"]
    assert shown["after"].startswith(f"connection requested again: route_table_cidr_block: {CLIENTS}")


def test_a_stopped_task_says_what_is_done_and_perhaps_done() -> None:
    lost = Failure("accept", TaskError("Lost.", outcome_unknown=True))
    second = done(KEYS[1], "request", "Atlas create connection", vpc(2), None, peer(2))
    case = Case(aws(1), aws(2), peers=(peer(1), peer(2))).put(REQUEST, second, ACCEPT, failures={KEYS[1]: lost})
    assert case.summary.stopped(case.state) == (
        [f"connections {vpc(1)}, {vpc(2)} requested in Atlas", "connection pcx-1 accepted in AWS"],
        [f"accept of {vpc(2)}"],
    )


def test_entries_end_when_nothing_is_left_to_do_for_them() -> None:
    case = Case(aws(1), aws(2), aws(3), peers=(peer(1), peer(2), peer(3, "FINALIZING")))
    case.put(REQUEST, failures={KEYS[1]: denied(1)})
    assert case.ends.of(case.state, Plan((REQUEST, ACCEPT)), case.ends.entries.keys()) == {KEYS[1]: "accept failed"}
    words = "connection requested, connection accepted"
    case.put(ACCEPT)
    assert case.ends.of(case.state, Plan((REQUEST, ACCEPT)), case.ends.entries.keys()) == {
        KEYS[0]: words,
        KEYS[1]: "accept failed",
    }


def test_entries_that_leave_end_when_their_connection_is_gone() -> None:
    case = Case(aws(1), aws(2), peers=(peer(1, "TERMINATING"), peer(2, "TERMINATING")), state="absent")
    case.put(peers=replace(case.state.peers, listed=(peer(2, "TERMINATING"),)))
    assert case.ends.of(case.state, Plan(), case.ends.entries.keys()) == {KEYS[0]: "unchanged"}
