"""The mirrors of the whole path: what is read and planned, one at a time for each network of Atlas, and what waits for what."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import ChangeKey, Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.network import ACTIVE, NetworkState, Peering
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import shown
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.path_state import CLEANING
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, NAME, OTHER, REMOTE
from ansible_collections.cloudpeer.atlas.tests.support.path_parts import PartsSite, options, read_first

PROJECT = "my-project"
CONTAINER = {"id": "a" * 24, "provider_name": "GCP", "atlas_cidr_block": "10.8.0.0/18", "regions": []}
NAMES = {"atlas_gcp_project_id": ATLAS[0], "atlas_network_name": ATLAS[1]}
ALONE = {"atlas": False}
FIRST = "connections[0]"
# The requests for one mirror that is active at once: the change, the end of GCP's operation, and the network.
EACH = ["POST addPeering", "GET operation", "GET {}"]


def entry(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"gcp_project_id": PROJECT, "network_name": f"net-{number}", **more}


def entries(number: int, **more: Any) -> list[dict[str, Any]]:
    return [entry(one, **more) for one in range(1, number + 1)]


def connection(number: int, status: str) -> dict[str, Any]:
    own = {"id": f"{number:024x}", "provider_name": "GCP", "container_id": CONTAINER["id"], "error_state_name": None}
    return {**own, **entry(number), "status_name": status}


def make_networks(parts: PartsSite, number: int, half_of_atlas: bool = True) -> None:
    """Make Atlas's network and those of the customer, to which Atlas has made its half."""
    parts.clouds.gcp.add_network(*ATLAS)
    for one in range(1, number + 1):
        parts.clouds.gcp.add_network(PROJECT, f"net-{one}")
        if half_of_atlas:
            make_half(parts, one)


def make_half(parts: PartsSite, number: int) -> None:
    parts.clouds.gcp.add_peering(*ATLAS, f"peer-{number}", (PROJECT, f"net-{number}"))


def request(parts: PartsSite, number: int, status: str = "WAITING_FOR_USER", names: bool = True) -> None:
    """Let Atlas have connections for so many entries."""
    container = {**CONTAINER, **(NAMES if names else dict.fromkeys(NAMES))}
    for one in range(number):
        parts.atlas.homes[f"connections[{one}]"] = container
        parts.atlas.peers[f"connections[{one}]"] = connection(one + 1, status)


def mirrors(parts: PartsSite, number: int) -> list[list[str]]:
    return [[one["name"] for one in parts.clouds.gcp.peerings(PROJECT, f"net-{one}")] for one in range(1, number + 1)]


PEERING = Peering("mine", REMOTE, ACTIVE)
TAKEN = Peering("mine", "projects/other/global/networks/other", ACTIVE)
OF_OTHER = Peering("mine", f"projects/{OTHER[0]}/global/networks/{OTHER[1]}", ACTIVE)


@pytest.mark.parametrize(
    ("own", "more", "peerings", "planned"),
    [
        ({}, {}, (), ("create", NAME)),
        ({"gcp_peering_name": "mine"}, {}, (), ("create", "mine")),
        # Whatever its name is.
        ({}, {}, (PEERING,), None),
        ({"gcp_peering_name": "mine"}, {}, (TAKEN,), "gcp_peering_name mine: the network projects/my-project/"),
        ({}, {"names": False}, (), ("create", "")),
        ({"gcp_peering_name": "mine"}, {"names": False}, (), ("create", "mine")),
        ({"gcp_peering_name": "mine"}, {"names": False}, (OF_OTHER,), "Set gcp_peering_name to another one."),
        ({}, {}, None, "connections[0] (my-project/net-1): There is no VPC network net-1 in the project my-project. Check"),
        ({}, {"state": "absent"}, (PEERING,), ("delete", "mine")),
        ({}, {"state": "absent"}, (OF_OTHER,), None),
        ({"gcp_peering_name": "mine"}, {"state": "absent", "names": False}, (OF_OTHER,), ("delete", "mine")),
        ({"gcp_peering_name": "mine"}, {"state": "absent", "names": False}, (TAKEN,), "Correct gcp_peering_name, or leave"),
        ({}, {"state": "absent", "names": False}, (OF_OTHER,), None),
        ({}, {"state": "absent"}, None, "warning"),
    ],
)  # fmt: skip
def test_plans_of_networks_and_names(
    parts: PartsSite, own: dict[str, Any], more: dict[str, Any], peerings: Any, planned: Any
) -> None:
    has_names = more.get("names", True)
    more = {name: value for name, value in more.items() if name != "names"}
    container = {**CONTAINER, **(NAMES if has_names else dict.fromkeys(NAMES))}
    network = NetworkState(exists=False) if peerings is None else NetworkState(exists=True, peerings=peerings)
    params = options(entry(**own), gcp_access_token="x", **more)
    with parts.opened(params) as (whole, made):
        part: Any = made["gcp"]
        whole.state.container_of = {FIRST: container}
        whole.state.gcp[FIRST] = network
        part._names = {FIRST: part._terms.name_of(params["connections"][0])}
        plan = part.plan_list()
        assert [one.key for one in plan.changes] == [key for step in plan.steps for key in step.keys]
        found = [(one.verb, one.name) for one in plan.changes]
        refused = [str(one) for one in plan.refusals.values()]
        if planned == "warning":
            assert [(one.entry, shown(one.text)) for one in plan.entry_warnings] == [
                (
                    FIRST,
                    "There is no network projects/my-project/global/networks/net-1, so it has no peering. "
                    "Check gcp_project_id and network_name.",
                )
            ]
            planned = None
        if isinstance(planned, str):
            assert refused[0].startswith(FIRST)
            assert planned in refused[0]
            assert found == []
        else:
            assert (found, refused) == ([] if planned is None else [planned], [])
        if not refused:
            part.assume(plan)
        after: Any = whole.state.gcp[FIRST]
    if found:
        # One to a network that nobody knows is not shown.
        is_shown = found[0][0] == "create" and has_names
        assert [(one.name, one.state) for one in after.peerings] == ([(found[0][1], ACTIVE)] if is_shown else [])


def test_one_list_and_one_mirror_at_a_time(parts: PartsSite) -> None:
    make_networks(parts, 3)
    request(parts, 3)
    done = parts.run(*entries(3))
    assert (done.msg, mirrors(parts, 3)) == ("", [[NAME]] * 3)
    assert done.actions == [(f"connections[{one}]", "create", NAME) for one in range(3)]
    assert [one for one in parts.order_at_gcp if "token" not in one] == [
        "GET networks",
        *(one.format(f"net-{number}") for number in (1, 2, 3) for one in EACH),
    ]
    assert parts.to_gcp["POST token"] == 1
    assert all(one.peerings[0].state == ACTIVE for one in done.state.gcp.values())
    done = parts.run(*entries(3))
    assert (done.msg, done.actions) == ("", [])
    assert [one for one in parts.order_at_gcp if "token" not in one] == ["GET networks"]


@pytest.mark.usefixtures("on_sockets")
def test_networks_of_atlas_do_not_wait_for_each_other(parts: PartsSite) -> None:
    make_networks(parts, 2)
    parts.clouds.gcp.add_network(*OTHER)
    parts.clouds.gcp.add_peering(*OTHER, "peer", (PROJECT, "net-2"))
    parts.clouds.gcp.begin_foreign(*ATLAS, looks=10)
    others = {"atlas_gcp_project_id": OTHER[0], "atlas_network_name": OTHER[1]}
    done = parts.run(entry(1, **NAMES), entry(2, **others), **ALONE)
    assert (done.msg, [what for what, *unused in done.actions]) == ("", ["connections[1]", "connections[0]"])


def test_each_credentials_have_a_list_of_their_own(parts: PartsSite) -> None:
    make_networks(parts, 2)
    request(parts, 2)
    done = parts.run(entry(1), entry(2, gcp_access_token=parts.clouds.tokens.issue()["access_token"]))
    assert (done.msg, parts.to_gcp["GET networks"], mirrors(parts, 2)) == ("", 2, [[NAME]] * 2)


def test_a_mirror_waits_for_atlas_and_its_names(parts: PartsSite) -> None:
    make_networks(parts, 1)
    request(parts, 1, "ADDING_PEER", names=False)
    polls = []

    def go_on() -> None:
        polls.append([one for one in parts.order_at_gcp if "addPeering" in one])
        if len(polls) == 3:
            request(parts, 1, names=False)
        if len(polls) == 5:
            request(parts, 1)

    parts.atlas.on_poll = go_on
    done = parts.run(entry())
    assert (done.msg, done.actions, mirrors(parts, 1)) == ("", [(FIRST, "create", NAME)], [[NAME]])
    assert polls[:5] == [[]] * 5
    assert done.state.container_of[FIRST] == {**CONTAINER, **NAMES}


@pytest.mark.parametrize(
    ("status", "names", "reason"),
    [
        ("ADDING_PEER", True, "Atlas waited for the peering in GCP (the connection is ADDING_PEER)."),
        ("WAITING_FOR_USER", False, "Atlas had named its project and network in GCP."),
    ],
)
def test_what_atlas_does_not_reach_is_named(parts: PartsSite, status: str, names: bool, reason: str) -> None:
    make_networks(parts, 1)
    request(parts, 1, status, names=names)
    done = parts.run(entry())
    assert done.msg.startswith(f"mirror: {FIRST} (my-project/net-1): The time was up after 60 seconds before {reason}")
    assert mirrors(parts, 1) == [[]]


def test_a_mirror_that_has_no_turn_says_so(parts: PartsSite) -> None:
    make_networks(parts, 2)
    params = options(*entries(2, **NAMES), gcp_service_account_contents=parts.key, **ALONE)
    with parts.opened(params) as (_whole, made):
        part: Any = made["gcp"]
        read_first(part)
        first, second = part.plan_list().steps
        side = part
        assert side.wait(second.owner, second) is None
        side.request(first)
        waiting: Any = side.wait(second.owner, second)
        late = side.timeout_error(second.owner, second, waiting, WaitTimeoutError(5))
        assert "the other peerings with Atlas's network in GCP were changed" in str(late)


def test_a_name_that_is_taken_late_fails_alone(parts: PartsSite) -> None:
    make_networks(parts, 2)
    request(parts, 2, "ADDING_PEER", names=False)
    parts.clouds.gcp.add_network("other", "other")
    parts.clouds.gcp.add_peering(PROJECT, "net-1", NAME, ("other", "other"))
    parts.atlas.on_poll = lambda: request(parts, 2) if parts.order_at_gcp else None
    done = parts.run(*entries(2))
    assert done.msg.startswith(
        f"mirror: {FIRST} (my-project/net-1): gcp_peering_name {NAME}: the network projects/my-project/global/"
    )
    assert mirrors(parts, 2) == [[NAME], [NAME]]
    assert [owner for owner, *unused in done.actions] == ["connections[1]"]


def test_all_that_are_not_active_share_polls(parts: PartsSite) -> None:
    make_networks(parts, 3, half_of_atlas=False)
    parts.clock.after(20, lambda: [make_half(parts, one) for one in (1, 2, 3)])
    done = parts.run(*entries(3, **NAMES), **ALONE)
    assert (done.msg, mirrors(parts, 3)) == ("", [[NAME]] * 3)
    # One look each after the change, whatever the number of polls.
    assert [parts.to_gcp[f"GET net-{one}"] for one in (1, 2, 3)] == [1, 1, 1]
    assert 3 < parts.to_gcp["GET networks"] < 25
    assert "0 of 3 peerings in GCP active" in done.lines[0]


def test_an_old_mirror_is_waited_for(parts: PartsSite) -> None:
    make_networks(parts, 1, half_of_atlas=False)
    parts.clouds.gcp.add_peering(PROJECT, "net-1", "mine", ATLAS)
    parts.clock.after(5, lambda: make_half(parts, 1))
    done = parts.run(entry(**NAMES), **ALONE)
    assert (done.msg, done.actions, done.state.gcp[FIRST].peerings[0].state) == ("", [], ACTIVE)


def test_what_is_not_active_in_time_fails_alone(parts: PartsSite) -> None:
    make_networks(parts, 2, half_of_atlas=False)
    make_half(parts, 2)
    done = parts.run(*entries(2, **NAMES), **ALONE)
    assert done.msg.startswith(
        f"mirror: {FIRST} (my-project/net-1): The time was up after 60 seconds before the peering with {REMOTE} was ACTIVE (INAC"
    )
    assert " | " not in done.msg
    assert mirrors(parts, 2) == [[NAME]] * 2


def test_a_mirror_that_is_removed_meanwhile_is_named(parts: PartsSite) -> None:
    make_networks(parts, 1, half_of_atlas=False)
    parts.clock.after(20, lambda: parts.clouds.gcp.remove_peering(PROJECT, "net-1", NAME))
    done = parts.run(entry(**NAMES), **ALONE)
    assert f"The peering with {REMOTE} was removed from projects/my-project/global/networks/net-1 while" in done.msg


@pytest.mark.parametrize("status", [503, 400])
def test_a_poll_without_an_answer_is_repeated(parts: PartsSite, status: int) -> None:
    make_networks(parts, 1, half_of_atlas=False)
    answer = ("/global/networks", status, {"error": {"code": status, "message": "No."}})
    # A session repeats a read four times.
    parts.clock.after(20, lambda: parts.clouds.app.answers.extend([answer] * (5 if status == 503 else 1)))
    parts.clock.after(200, lambda: make_half(parts, 1))
    done = parts.run(entry(**NAMES), **ALONE, wait_timeout=400)
    assert done.msg.startswith("" if status == 503 else f"mirror: {FIRST} (my-project/net-1): Failed to list the networks")
    assert bool(done.msg) == (status == 400)


@pytest.mark.parametrize("state", ["present", "absent"])
def test_lost_replies_and_other_operations(parts: PartsSite, state: str) -> None:
    make_networks(parts, 2)
    if state == "absent":
        parts.run(*entries(2, **NAMES), **ALONE)
    parts.clouds.gcp.begin_foreign(*ATLAS, looks=5)
    parts.clouds.app.lose.append("/addPeering" if state == "present" else "/removePeering")
    done = parts.run(*entries(2, **NAMES), **ALONE, state=state)
    assert (done.msg, parts.clouds.app.lose) == ("", [])
    assert mirrors(parts, 2) == ([[NAME]] * 2 if state == "present" else [[]] * 2)
    assert len(done.actions) == 2


@pytest.mark.parametrize("state", ["present", "absent"])
def test_two_runs_at_once_do_no_harm(parts: PartsSite, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one has been faster, after this one has read the networks."""
    make_networks(parts, 2)
    gcp = parts.clouds.gcp
    if state == "absent":
        parts.run(*entries(2, **NAMES), **ALONE)
    listed, read = gcp.list_networks, []

    def be_faster(*arguments: Any) -> Any:
        shown = listed(*arguments)
        if not read:
            read.append(True)
            if state == "present":
                gcp.add_peering(PROJECT, "net-1", "theirs", ATLAS)
            else:
                gcp.remove_peering(PROJECT, "net-1", NAME)
        return shown

    # The stand-in's routes have the method itself.
    monkeypatch.setattr(type(gcp), "list_networks", lambda _self, *arguments: be_faster(*arguments))
    done = parts.run(*entries(2, **NAMES), **ALONE, state=state)
    assert (done.msg, read, [owner for owner, *unused in done.actions]) == ("", [True], ["connections[1]"])
    assert mirrors(parts, 2) == ([["theirs"], [NAME]] if state == "present" else [[], []])


def test_a_missing_right_to_write_fails_its_entries_alone(parts: PartsSite) -> None:
    make_networks(parts, 1)
    parts.clouds.gcp.add_network("other-project", "net-9")
    parts.clouds.gcp.add_peering(*ATLAS, "peer-9", ("other-project", "net-9"))
    denial = {"error": {"code": 403, "errors": [{"reason": "forbidden"}], "message": "Required compute.networks.addPeering"}}
    parts.clouds.app.answers.append(("/net-1/addPeering", 403, denial))
    done = parts.run(entry(1, **NAMES), {**entry(9, **NAMES), "gcp_project_id": "other-project"}, **ALONE)
    assert done.msg.startswith(f"mirror: {FIRST} (my-project/net-1): Failed to add the peering {NAME}")
    assert [owner for owner, *unused in done.actions] == ["connections[1]"]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({}, "connections[0] (my-project/net-1): Failed to read the network projects/my-project/global/networks/net-1: "),
        (
            {"gcp_service_account_file": "/none"},
            "connections[0] (my-project/net-1): gcp_service_account_file: /none cannot be read",
        ),
    ],
)
def test_what_cannot_be_read_refuses_all(parts: PartsSite, own: dict[str, Any], message: str) -> None:
    make_networks(parts, 1)
    parts.clouds.gcp.forbidden.add(PROJECT)
    parts.clouds.gcp.add_network("other-project", "net-9")
    done = parts.run(entry(1, **own, **NAMES), {**entry(9, **NAMES), "gcp_project_id": "other-project"}, **ALONE)
    assert done.msg.startswith(message)
    assert "POST addPeering" not in parts.to_gcp


def test_who_may_not_list_reads_each_network(parts: PartsSite) -> None:
    make_networks(parts, 2, half_of_atlas=False)
    parts.clouds.gcp.denied.add("compute.networks.list")
    parts.clock.after(5, lambda: [make_half(parts, one) for one in (1, 2)])
    done = parts.run(*entries(2, **NAMES), **ALONE)
    assert (done.msg, mirrors(parts, 2), parts.to_gcp["GET networks"]) == ("", [[NAME]] * 2, 1)


def test_credentials_of_the_task_are_not_the_entrys(parts: PartsSite) -> None:
    make_networks(parts, 1)
    more = {"gcp_service_account_contents": None, "gcp_service_account_file": "/none"}
    done = parts.run(entry(**NAMES), **ALONE, **more)
    assert done.msg.startswith(f"{FIRST} (my-project/net-1): gcp_service_account_file: /none cannot be read")


def test_a_prediction_has_the_same_actions(parts: PartsSite) -> None:
    make_networks(parts, 2)
    request(parts, 2)
    predicted = parts.run(*entries(2), check_mode=True)
    assert parts.to_gcp["POST addPeering"] == 0
    done = parts.run(*entries(2))
    assert sorted(predicted.actions) == sorted(done.actions)
    shown = [[one.to_result() for one in state.gcp[FIRST].peerings] for state in (predicted.state, done.state)]
    assert [[one["name"], one["network"], one["state"]] for (one,) in shown] == [[NAME, REMOTE, ACTIVE]] * 2


@pytest.mark.parametrize("name", [None, "mine"])
def test_mirrors_go_by_their_network_or_by_their_name(parts: PartsSite, name: str | None) -> None:
    make_networks(parts, 1)
    parts.clouds.gcp.add_peering(PROJECT, "net-1", "mine", ATLAS)
    request(parts, 1, names=name is None)
    done = parts.run(entry(gcp_peering_name=name), state="absent")
    assert (done.msg, done.actions, mirrors(parts, 1)) == ("", [(FIRST, "delete", "mine")], [[]])
    done = parts.run(entry(gcp_peering_name=name), state="absent")
    assert (done.msg, done.actions) == ("", [])


def test_a_pruned_connection_loses_its_mirror(parts: PartsSite) -> None:
    make_networks(parts, 3)
    parts.clouds.gcp.add_network("other-project", "net-9")
    for key, name in (((PROJECT, "net-2"), "mine"), (("other-project", "net-9"), "theirs")):
        parts.clouds.gcp.add_peering(*key, name, ATLAS)
    params = options(entry(), gcp_service_account_contents=parts.key)
    near, far = connection(2, "AVAILABLE"), {**connection(9, "AVAILABLE"), "gcp_project_id": "other-project"}
    with parts.opened(params) as (whole, made):
        part: Any = made["gcp"]
        whole.state.containers = ({**CONTAINER, **NAMES},)
        read_first(part)
        before = len(parts.order_at_gcp)
        found = {one["id"]: part.pruned.look_at_pruned(one) for one in (near, far)}
        # The list of a project that an entry has was read before.
        assert parts.order_at_gcp[before:] == ["GET networks"]
        plans = [part.pruned.plan_pruned(one, found[one["id"]], (near, far)) for one in (near, far)]
        assert [[(one.key, one.verb, one.name) for one in plan.changes] for plan in plans] == [
            [(ChangeKey(peer["id"], "mirror", "GCP", "mirror"), "delete", name)]
            for peer, name in ((near, "mine"), (far, "theirs"))
        ]
        assert [[(step.owner, step.stage) for step in plan.steps] for plan in plans] == [
            [(peer["id"], CLEANING)] for peer in (near, far)
        ]
        bare = connection(3, "AVAILABLE")
        assert part.pruned.plan_pruned(bare, part.pruned.look_at_pruned(bare), (bare,)) == Plan()
        parts.clouds.gcp.forbidden.add("other-project")
        assert part.pruned.look_at_pruned(far) is None


def test_a_mirror_is_found_without_a_list(parts: PartsSite) -> None:
    make_networks(parts, 2)
    parts.clouds.gcp.denied.add("compute.networks.list")
    parts.clouds.gcp.add_peering(PROJECT, "net-2", "mine", ATLAS)
    params = options(entry(), gcp_service_account_contents=parts.key)
    with parts.opened(params) as (_session, made):
        part: Any = made["gcp"]
        read_first(part)
        assert [one.name for one in part.pruned.look_at_pruned(connection(2, "AVAILABLE")).peerings] == ["mine"]
