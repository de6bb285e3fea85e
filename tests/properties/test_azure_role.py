"""Whatever Atlas may do at a VNet, check mode foretells what the run does, and a second run changes nothing; and any reply."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.clouds.azure_roles import ACTIONS
from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.properties.memory import Fault, MemoryAzureSite
from ansible_collections.cloudpeer.atlas.tests.properties.replies import message, raw
from ansible_collections.cloudpeer.atlas.tests.support.azure_role_site import CONTRIBUTOR, GROUP, NETWORKS, ROLE_NAME, SCOPE
from hypothesis import event, given
from hypothesis import strategies as st

DESCRIPTIONS = ("Lets MongoDB Atlas peer with this VNet. Managed by cloudpeer.atlas.", "Of others", None)
SETS = st.lists(st.sampled_from([*ACTIONS, "*/read", "Microsoft.Network/*"]), unique=True, min_size=1, max_size=4)
STATES = ("Connected", "Disconnected")


@st.composite
def sites(draw: st.DrawFn) -> MemoryAzureSite:
    """Return a VNet with roles and assignments of anybody."""
    site = MemoryAzureSite()
    if draw(st.booleans()):
        actions, description = draw(SETS), draw(st.sampled_from(DESCRIPTIONS))
        properties = {"roleName": ROLE_NAME, "description": description, "permissions": [{"actions": actions}]}
        uuid = "00000000-0000-4000-8000-00000000000a"
        site.azure.roles.put_definition(SCOPE, uuid, {"properties": {**properties, "assignableScopes": [SCOPE]}})
    for scope in draw(st.lists(st.sampled_from([SCOPE, GROUP, f"{SCOPE}/subnets/a"]), max_size=2)):
        site.assign(scope, *draw(SETS))
    for number, network in enumerate(draw(st.lists(st.sampled_from([*NETWORKS, "vnet-of-the-company"]), unique=True))):
        site.peer(network, draw(st.sampled_from(STATES)), name=f"peering-{number}")
    if draw(st.booleans()):
        site.azure.roles.deny(GROUP, "stack")
    return site


OPTIONS = st.fixed_dictionaries({"state": st.just("present")}, optional={"role_definition_id": st.just(CONTRIBUTOR)}) | st.just(
    {"state": "absent"}
)


@examples(40)
@given(site=sites(), wanted=OPTIONS)
def test_check_mode_foretells_what_becomes_of_a_role(site: MemoryAzureSite, wanted: dict[str, Any]) -> None:
    before = site.look()
    foretold = site.run(check_mode=True, **wanted)
    assert site.look() == before, "check mode changes nothing"
    done = site.run(**wanted)
    after = site.look()
    event("failed" if done.failed else "changed" if done.changed else "ok")
    assert (foretold.failed, foretold.changed) == (done.failed, done.changed), (foretold.result, done.result)
    assert done.changed == (after != before)
    if done.failed:
        assert not done.changed
        return
    assert foretold.warnings == done.warnings
    _compare(foretold.result["azure_role"], done.result["azure_role"])
    # Where something is denied, a warning says so.
    assert wanted["state"] == "absent" or after["is_allowed"] or done.warnings
    # What others made stays; Atlas's role may be of others.
    assert before["others"].items() <= after["others"].items()
    again = site.run(**wanted)
    assert (again.changed, again.result["azure_role"]) == (False, done.result["azure_role"])


def _compare(foretold: Any, found: Any) -> None:
    """Compare all but the ids of what is made, which cannot be known before."""
    assert (foretold is None) == (found is None)
    for name, value in (foretold or {}).items():
        is_known = set(value) <= set(found[name]) if isinstance(value, list) else value in (None, found[name])
        assert is_known, (name, foretold, found)
    assert foretold is None or foretold["actions"] == found["actions"]


ODD = st.sampled_from([None, "", "x", 7, [], {}, ["x"], [None], [{}]])
PROPERTIES = st.dictionaries(
    st.sampled_from(
        [
            *("roleName", "permissions", "assignableScopes", "description", "roleDefinitionId", "scope", "principalId"),
            *("denyAssignmentName", "addressSpace", "subnets", "virtualNetworkPeerings"),
        ]
    ),
    ODD,
    max_size=4,
)
OBJECTS = st.fixed_dictionaries(
    {}, optional={"id": st.sampled_from([SCOPE, CONTRIBUTOR, 7]), "properties": PROPERTIES, "appId": ODD}
)
REPLIES = OBJECTS | st.fixed_dictionaries({"value": st.lists(OBJECTS, max_size=2) | ODD}) | st.lists(st.integers(), max_size=2)


@examples(60)
@given(site=sites(), data=st.data())
def test_any_reply_ends_in_a_clean_result(site: MemoryAzureSite, data: st.DataObject) -> None:
    """Whatever comes back, once or always: no error of the code's own, no secret, and no change that was not sent."""
    odd = st.builds(
        lambda status, content: message(status, [("Content-Type", "application/json")], json.dumps(content).encode()),
        st.sampled_from([200, 200, 201, 204, 400, 403, 404, 409, 500]),
        REPLIES,
    )
    reply, wanted = data.draw(odd | raw), data.draw(OPTIONS)
    first = data.draw(st.integers(0, 9))
    site.fault = Fault(lambda unused: reply)
    site.numbers = range(first, 10**6) if data.draw(st.booleans()) else (first,)
    done = site.run(wait_timeout=30, **wanted)
    event("failed" if done.failed else "changed" if done.changed else "ok")
    sent = any(request.method != "GET" and "/token" not in request.target for request in site.received)
    assert not done.changed or sent
    assert not done.failed or done.msg
