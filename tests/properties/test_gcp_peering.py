"""In any state of a network in GCP, check mode foretells what the run does, and a second run changes nothing; and any reply."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.properties.memory import Fault, MemorySite
from ansible_collections.cloudpeer.atlas.tests.properties.replies import message, raw
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, MINE, NAME, OTHER
from hypothesis import event, given
from hypothesis import strategies as st

PEERS = (ATLAS, OTHER, ("their-project", "their-network"))
PEERING_NAMES = (NAME, "atlas", "theirs", "a")
UNSET = dict.fromkeys(("atlas_gcp_project_id", "atlas_network_name"))


@st.composite
def sites(draw: st.DrawFn) -> MemorySite:
    """Return networks with peerings of anybody, one with each network, and maybe something that goes on there."""
    site = MemorySite()
    gcp = site.clouds.gcp
    if draw(st.booleans()):
        site.add_atlas_half()
    peers = draw(st.lists(st.sampled_from(PEERS), unique=True))
    names = draw(st.lists(st.sampled_from(PEERING_NAMES), unique=True, min_size=len(peers), max_size=len(peers)))
    for name, peer in zip(names, peers):
        more = {"importCustomRoutes": True} if draw(st.booleans()) else {}
        gcp.add_peering(*MINE, name, peer, **more)
    gcp.operation_looks = draw(st.integers(1, 4))
    looks = draw(st.integers(0, 3))
    if looks:
        gcp.begin_foreign(*draw(st.sampled_from((MINE, ATLAS))), looks)
    return site


def options(site: MemorySite) -> st.SearchStrategy[dict[str, Any]]:
    """Return options that can be right."""
    there = [one["name"] for one in site.clouds.gcp.peerings(*MINE)]
    present = st.fixed_dictionaries({}, optional={"name": st.sampled_from(PEERING_NAMES), "wait": st.booleans()})
    named = st.sampled_from([*there, NAME]).map(lambda name: {**UNSET, "name": name})
    absent = st.one_of(present, named).map(lambda one: {**one, "state": "absent"})
    other = st.just({"network_name": "no-network"})
    return st.one_of(present, present, absent, absent, st.builds(lambda one, more: {**one, **more}, absent, other), other)


@examples(120)
@given(site=sites(), data=st.data())
def test_check_mode_foretells_what_becomes_of_a_peering(site: MemorySite, data: st.DataObject) -> None:
    before, wanted = site.look(), data.draw(options(site))
    foretold = site.run(check_mode=True, wait_timeout=60, **wanted)
    assert {request.method for request in site.received} <= {"GET"}
    assert site.look() == before, "check mode changes nothing"
    has_other_half = bool(before[ATLAS])
    done = site.run(wait_timeout=60, **wanted)
    after = site.look()
    event("failed" if done.failed else "changed" if done.changed else "ok")
    is_kept = {name: _unnamed(after[name]) == _unnamed(before[name]) for name in before}
    if wanted.get("wait") and not has_other_half and not wanted.get("state"):
        # Nobody makes the other half here.
        assert done.failed
        assert foretold.changed == done.changed == (not is_kept[MINE])
    else:
        assert foretold.failed == done.failed, (foretold.result, done.result)
        assert foretold.changed == done.changed == (not is_kept[MINE])
        if not done.failed:
            _compare(foretold.result["gcp_peering"], done.result["gcp_peering"])
            assert foretold.warnings == done.warnings
    assert all(kept for name, kept in is_kept.items() if name != MINE)
    _check_others(before[MINE], after[MINE], done.result.get("gcp_peering"))
    again = site.run(wait_timeout=60, **wanted)
    assert not again.changed
    assert again.failed == done.failed
    assert site.run(check_mode=True, wait_timeout=60, **wanted).changed is False


def _compare(foretold: Any, found: Any) -> None:
    """Compare all but what is null in check mode, which nobody can know before."""
    assert (foretold is None) == (found is None)
    for name, value in (foretold or {}).items():
        assert value is None or value == found[name], (name, foretold, found)


def _unnamed(peerings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return peerings without what depends on the other side."""
    return [{name: value for name, value in one.items() if name not in ("state", "stateDetails")} for one in peerings]


def _check_others(before: list[Any], after: list[Any], mine: Any) -> None:
    """Check that at most one peering came or went, and that the others are what they were, with their routes."""
    old, new = _unnamed(before), _unnamed(after)
    came, went = [one for one in new if one not in old], [one for one in old if one not in new]
    assert len(came) + len(went) <= 1, (before, after)
    for one in came:
        assert one["network"].endswith(ATLAS[1])
        assert mine is None or one["name"] == mine["name"]
    for one in went:
        # Networks of Atlas only, unless both names of the network were given.
        assert not one["network"].endswith("their-network")


# Mostly right, so that what is odd is looked at.
PEERING = {
    "name": st.sampled_from([NAME, NAME, None, 7]),
    "network": st.sampled_from([f"projects/{ATLAS[0]}/global/networks/{ATLAS[1]}", "x", {}]),
}
NETWORKS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([*["compute#network"] * 3, []]),
        "name": st.sampled_from([*[MINE[1]] * 3, 5, None]),
        "peerings": st.lists(
            st.none()
            | st.fixed_dictionaries(
                PEERING,
                optional={
                    "state": st.sampled_from(["ACTIVE", "NEW", None, 1]),
                    "stateDetails": st.sampled_from(["Connected.", [], True]),
                    "updateStrategy": st.sampled_from(["CONSENSUS", {}, 5]),
                },
            ),
            max_size=2,
        )
        | st.sampled_from([{}, "x"]),
    }
)
OPERATIONS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([*["compute#operation"] * 3, []]),
        "name": st.sampled_from([*["operation-1"] * 3, 5, None]),
        "status": st.sampled_from(["DONE", "DONE", "RUNNING", "x", 0]),
    },
    optional={
        "error": st.one_of(
            st.sampled_from(["x", True, [], {}]),
            st.fixed_dictionaries(
                {"errors": st.lists(st.sampled_from([5, "x", {}, {"code": "A", "message": "B"}, {"code": []}]), max_size=2)}
            ),
            st.just({"errors": {"code": "A"}}),
        ),
        "httpErrorStatusCode": st.sampled_from([400, "x", []]),
        "httpErrorMessage": st.sampled_from(["BAD REQUEST", {}, 5]),
    },
)


@examples(150)
@given(site=sites(), data=st.data())
def test_any_reply_ends_in_a_clean_result(site: MemorySite, data: st.DataObject) -> None:
    """Whatever comes back, once or always: no error of the code's own, no secret, and no change that was not sent."""
    odd = st.builds(
        lambda status, content: message(status, [("Content-Type", "application/json")], json.dumps(content).encode()),
        st.sampled_from([200, 200, 201, 400, 403, 404, 409, 500]),
        st.one_of(NETWORKS, OPERATIONS, st.lists(st.integers(), max_size=2)),
    )
    reply, wanted = data.draw(odd | raw), data.draw(options(site))
    first = data.draw(st.integers(0, 3))
    site.fault = Fault(lambda unused: reply)
    site.numbers = range(first, 10**6) if data.draw(st.booleans()) else (first,)
    done = site.run(wait_timeout=30, **wanted)
    event("failed" if done.failed else "changed" if done.changed else "ok")
    sent = any(request.method == "POST" for request in site.received)
    assert not done.changed or sent
    assert not done.failed or done.msg


@examples(60)
@given(operation=OPERATIONS, state=st.sampled_from(["present", "absent"]), is_applied=st.booleans())
def test_any_operation_ends_in_a_clean_result(operation: dict[str, Any], state: str, is_applied: bool) -> None:
    """Whatever the reply to a change says of its operation; if it says nothing that makes sense, the network is looked at."""
    site = MemorySite()
    if state == "absent":
        site.clouds.gcp.add_peering(*MINE, NAME, ATLAS)
    body = json.dumps(operation).encode()
    site.fault = Fault(lambda unused: message(200, [("Content-Type", "application/json")], body), is_applied)
    site.numbers = (1,)
    done = site.run(wait_timeout=30, state=state)
    event("failed" if done.failed else "changed")
    assert done.failed or (bool(site.clouds.gcp.peerings(*MINE)) == (state == "present"))
