"""atlas_gcp_peering makes, finds and removes the customer's half, waits for GCP, and leaves everything else alone."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.app import error_body
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, MINE, NAME, OTHER, REMOTE, GcpSite


@pytest.mark.usefixtures("on_sockets")
def test_it_makes_the_half_and_a_second_run_changes_nothing(site: GcpSite) -> None:
    site.add_atlas_half()
    done = site.run()
    assert done.changed
    peering = done.result["gcp_peering"]
    assert peering == {"name": NAME, "network": REMOTE, "state": "ACTIVE", "state_details": "[timestamp]: Connected."}
    assert done.result["diff"] == {"before": {}, "after": peering}
    assert site.wire() == ["GET my-network", "POST addPeering", "GET operation-1", "GET my-network"]
    assert set(site.clouds.proxy.hosts) == {"compute.googleapis.com"}
    made = site.clouds.gcp.peerings(*MINE)[0]
    assert made["exchangeSubnetRoutes"] is True
    assert (made["importCustomRoutes"], made["exportCustomRoutes"]) == (False, False)
    again = site.run(wait=True)
    assert (again.changed, again.result["gcp_peering"], site.wire()) == (False, peering, ["GET my-network"])


def test_without_the_other_half_it_is_inactive_and_that_will_do(site: GcpSite) -> None:
    done = site.run()
    assert (done.changed, done.result["gcp_peering"]["state"]) == (True, "INACTIVE")
    assert done.result["gcp_peering"]["state_details"].endswith("Waiting for peer network to connect.")


def test_wait_lasts_until_the_other_half_is_there(site: GcpSite) -> None:
    site.clock.after(20, site.add_atlas_half)
    done = site.run(wait=True)
    assert done.result["gcp_peering"]["state"] == "ACTIVE"
    assert [one["status"] for one in done.result["status_history"]] == ["INACTIVE", "ACTIVE"]
    assert any("INACTIVE → ACTIVE after" in line for line in site.lines)


def test_wait_says_why_the_peering_is_not_active_in_time(site: GcpSite) -> None:
    done = site.run(wait=True, wait_timeout=20)
    assert done.failed
    assert "before the peering with projects/p-abcd" in done.msg
    assert "INACTIVE: [timestamp]: Waiting for peer network to connect." in done.msg
    assert done.result["gcp_peering"]["name"] == NAME


def test_a_peering_that_goes_away_meanwhile_ends_the_wait(site: GcpSite) -> None:
    site.run()
    site.clock.after(5, lambda: site.clouds.gcp.remove_peering(*MINE, NAME))
    done = site.run(wait=True)
    assert "was removed from projects/my-project/global/networks/my-network while it was waited for" in done.msg


@pytest.mark.parametrize("wait", [False, True])
@pytest.mark.parametrize("has_other_half", [False, True])
def test_check_mode_tells_the_truth(site: GcpSite, wait: bool, has_other_half: bool) -> None:
    if has_other_half or wait:
        site.add_atlas_half()
    predicted = site.run(check_mode=True, wait=wait)
    assert site.wire() == ["GET my-network"]
    done = site.run(wait=wait)
    assert predicted.changed
    for name in ("name", "network"):
        assert predicted.result["gcp_peering"][name] == done.result["gcp_peering"][name]
    assert predicted.result["gcp_peering"]["state"] == ("ACTIVE" if wait else None)
    removal = site.run(check_mode=True, state="absent")
    assert removal.changed
    assert removal.result["gcp_peering"] is None
    assert removal.result["diff"] == {"before": done.result["gcp_peering"], "after": {}}
    assert site.peerings() == [NAME]


def test_a_peering_is_found_by_its_network_whatever_its_name(site: GcpSite) -> None:
    site.clouds.gcp.add_peering(*MINE, "made-by-terraform", ATLAS, importCustomRoutes=True)
    done = site.run(name="another-name")
    assert (done.changed, done.result["gcp_peering"]["name"]) == (False, "made-by-terraform")
    removed = site.run(name="another-name", state="absent")
    assert removed.changed
    assert site.peerings() == []


def test_an_old_project_has_a_domain_in_its_id(site: GcpSite) -> None:
    """As the pattern of `project` in compute v1's own description has it."""
    site.clouds.gcp.add_network("example.com:my-project", MINE[1])
    done = site.run(gcp_project_id="example.com:my-project")
    assert (done.failed, done.changed) == (False, True)
    assert [one["name"] for one in site.clouds.gcp.peerings("example.com:my-project", MINE[1])] == [NAME]
    assert not site.run(gcp_project_id="example.com:my-project").changed


def test_a_taken_name_is_refused_with_both_networks(site: GcpSite) -> None:
    site.clouds.gcp.add_peering(*MINE, NAME, OTHER)
    for check_mode in (True, False):
        done = site.run(check_mode=check_mode)
        assert (done.failed, done.changed) == (True, False)
        assert f"projects/{OTHER[0]}/global/networks/{OTHER[1]} and not to {REMOTE}" in done.msg
        assert site.writes() == []
    # It is not the one to remove, either.
    assert not site.run(state="absent").changed
    assert site.peerings() == [NAME]


def test_two_projects_of_atlas_can_share_a_network(site: GcpSite) -> None:
    site.run()
    site.run(atlas_gcp_project_id=OTHER[0], atlas_network_name=OTHER[1])
    assert len(site.peerings()) == 2
    site.run(state="absent")
    assert site.peerings() == [f"atlas-{OTHER[1]}"]


def test_it_removes_the_half_once(site: GcpSite) -> None:
    site.run()
    done = site.run(state="absent", wait=True)
    assert done.changed
    assert done.result["gcp_peering"] is None
    assert site.writes() == ["POST removePeering"]
    assert (site.run(state="absent").changed, site.wire()) == (False, ["GET my-network"])


def test_a_name_alone_removes_a_peering_with_atlas_and_no_other(site: GcpSite) -> None:
    by_name = {"atlas_gcp_project_id": None, "atlas_network_name": None, "state": "absent"}
    site.run(name="atlas")
    site.clouds.gcp.add_peering(*MINE, "office", ("other-project", "office-network"))
    for check_mode in (True, False):
        done = site.run(**by_name, name="office", check_mode=check_mode)
        assert "leads to projects/other-project/global/networks/office-network, which is not a network of Atlas" in done.msg
        assert site.writes() == []
    assert site.run(**by_name, name="atlas").changed
    assert not site.run(**by_name, name="atlas").changed
    assert site.peerings() == ["office"]


def test_an_unknown_network_is_a_failure_or_a_warning(site: GcpSite) -> None:
    done = site.run(network_name="no-network")
    assert (done.result["http_status"], done.result["error_code"]) == (404, "notFound")
    assert "Check gcp_project_id and network_name" in done.msg
    done = site.run(network_name="no-network", state="absent")
    assert (done.failed, done.changed) == (False, False)
    assert "There is no network projects/my-project/global/networks/no-network" in done.warnings[0]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_unknown_project_is_not_an_absent_network(site: GcpSite, state: str) -> None:
    done = site.run(gcp_project_id="unknown-project", state=state)
    assert (done.failed, done.result["http_status"]) == (True, 404)


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b"<html>login</html>"), (404, {"error": {"message": "gone"}}), (200, b"<html>login</html>"), (302, {})],
)
def test_what_is_no_reply_of_gcp_is_a_failure(site: GcpSite, state: str, status: int, body: object) -> None:
    site.clouds.app.answers.append(("/my-network", status, body))
    done = site.run(state=state)
    assert (done.failed, done.changed, done.result["http_status"]) == (True, False, status)


@pytest.mark.parametrize("body", [{}, {"kind": "compute#network", "name": "another"}, {"kind": "compute#networkList"}])
def test_another_object_is_not_the_network(site: GcpSite, body: object) -> None:
    site.clouds.app.answers.append(("/my-network", 200, body))
    assert "is not the network my-network" in site.run(state="absent").msg


def test_another_operation_is_waited_for(site: GcpSite) -> None:
    site.clouds.gcp.begin_foreign(*ATLAS, looks=3)
    done = site.run()
    assert (done.changed, done.failed) == (True, False)
    assert site.writes() == ["POST addPeering"] * 4
    assert site.peerings() == [NAME]


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("badRequest", "There is a route operation in progress on the local or peer network. Try again later."),
        ("resourceNotReady", f"The resource 'projects/{MINE[0]}/global/networks/{MINE[1]}' is not ready"),
    ],
)
def test_what_passes_by_itself_is_waited_for(site: GcpSite, reason: str, message: str) -> None:
    """Others wait for these, too: both are in the conditions for a retry of NetApp's vsa-control-plane (retry.go)."""
    site.clouds.app.answers += [("/addPeering", 400, error_body(400, reason, message))] * 3
    done = site.run()
    assert (done.changed, done.failed) == (True, False), done.msg
    assert site.writes() == ["POST addPeering"] * 4


def test_another_operation_without_an_end_fails_in_time(site: GcpSite) -> None:
    site.clouds.gcp.begin_foreign(*MINE, looks=10_000)
    done = site.run(wait_timeout=20)
    assert (done.failed, done.changed) == (True, False)
    assert done.missing("There is a peering operation in progress", "still refused after 20 seconds") == []
    assert done.result["http_status"] == 400


def test_a_half_that_somebody_makes_meanwhile_will_do(site: GcpSite) -> None:
    site.clouds.gcp.begin_foreign(*MINE, looks=1000)
    site.clock.after(5, lambda: site.clouds.gcp.add_peering(*MINE, "theirs", ATLAS))
    done = site.run()
    assert (done.failed, done.result["gcp_peering"]["name"]) == (False, "theirs"), done.result
    assert site.peerings() == ["theirs"]


def test_a_peering_with_another_network_is_not_removed(site: GcpSite) -> None:
    site.run()
    site.clouds.gcp.begin_foreign(*MINE, looks=1000)

    def replace() -> None:
        site.clouds.gcp.remove_peering(*MINE, NAME)
        site.clouds.gcp.add_peering(*MINE, NAME, OTHER)

    site.clock.after(5, replace)
    done = site.run(state="absent")
    assert not done.failed, done.msg
    assert site.peerings() == [NAME]


def test_the_operation_is_waited_for_without_wait(site: GcpSite) -> None:
    site.clouds.gcp.operation_looks = 5
    assert (site.run().result["gcp_peering"]["name"], site.wire().count("GET operation-1")) == (NAME, 5)


def test_an_operation_that_does_not_end_is_a_failure_in_time(site: GcpSite) -> None:
    site.clouds.gcp.operation_looks = 10_000
    done = site.run(wait_timeout=20)
    assert done.changed
    assert "The time was up after 20 seconds before GCP's operation" in done.msg


def test_an_operation_that_fails_is_a_failure(site: GcpSite) -> None:
    site.clouds.gcp.failure = ("QUOTA_EXCEEDED", "Quota 'PEERINGS_PER_NETWORK' exceeded.")
    done = site.run()
    assert not done.changed
    assert "Quota 'PEERINGS_PER_NETWORK' exceeded (QUOTA_EXCEEDED)" in done.msg
    assert done.result["error_code"] == "QUOTA_EXCEEDED"
    assert site.peerings() == []
    # The next run is not the same request for GCP.
    assert site.run().changed
    assert site.peerings() == [NAME]


@pytest.mark.parametrize(
    "odd",
    [
        {"error": "text"},
        {"error": True},
        {"error": ["text"]},
        {"error": {"errors": "text"}},
        {"error": {"errors": {"code": "x"}}},
        {"error": {"errors": ["text"]}},
    ],
    ids=str,
)
@pytest.mark.parametrize("is_done", [True, False], ids=["applied", "lost"])
def test_an_operation_of_an_odd_shape_is_no_answer(site: GcpSite, odd: dict[str, object], is_done: bool) -> None:
    reply = {"kind": "compute#operation", "name": "operation-9", "status": "DONE", **odd}
    if is_done:
        site.clouds.gcp.add_peering(*MINE, NAME, ATLAS)
        site.clouds.app.answers.append(("/my-network", 200, {"kind": "compute#network", "name": "my-network"}))
    site.clouds.app.answers.append(("/addPeering", 200, reply))
    done = site.run()
    assert not done.failed, done.msg
    # It was looked for, and the request was sent again if it was not there.
    assert (done.changed, site.peerings(), len(site.writes())) == (True, [NAME], 1 if is_done else 2)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"httpErrorStatusCode": 400}, "no reason given (400)."),
        ({"httpErrorMessage": "BAD REQUEST"}, "BAD REQUEST (no code)."),
        ({"error": {"errors": [{}]}}, "no reason given (no code)."),
    ],
    ids=str,
)
def test_an_operation_that_fails_without_a_reason_is_a_failure(site: GcpSite, more: dict[str, object], words: str) -> None:
    reply = {"kind": "compute#operation", "name": "operation-9", "status": "DONE", **more}
    site.clouds.app.answers.append(("/addPeering", 200, reply))
    done = site.run()
    assert f"GCP did not change the peerings of the network projects/my-project/global/networks/my-network: {words}" in done.msg


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(("shown", "changed"), [("before", False), ("after", True), ("nothing", True)])
def test_a_failed_operation_has_changed_what_the_network_shows(site: GcpSite, state: str, shown: str, changed: bool) -> None:
    site.clouds.gcp.add_peering(*MINE, NAME, ATLAS)
    without = {"kind": "compute#network", "name": "my-network"}
    with_it = {**without, "peerings": site.clouds.gcp.peerings(*MINE)}
    before, after = (without, with_it) if state == "present" else (with_it, without)
    looks = {"before": (200, before), "after": (200, after), "nothing": (403, {})}
    operation = {"kind": "compute#operation", "name": "operation-9", "status": "DONE", "httpErrorStatusCode": 400}
    action = "addPeering" if state == "present" else "removePeering"
    site.clouds.app.answers += [
        ("/my-network", 200, before),
        ("/my-network", *looks[shown]),
        (f"/{action}", 200, operation),
    ]
    done = site.run(state=state)
    assert done.failed
    assert "GCP did not change the peerings" in done.msg
    assert done.changed == changed


@pytest.mark.parametrize("field", ["state", "stateDetails", "updateStrategy"])
@pytest.mark.parametrize("value", [True, 5, ["ACTIVE"], {"a": "b"}], ids=str)
def test_a_state_that_is_no_text_is_no_answer(site: GcpSite, field: str, value: object) -> None:
    peering = {"name": NAME, "network": f"https://www.googleapis.com/compute/v1/{REMOTE}", "state": "ACTIVE", field: value}
    body = {"kind": "compute#network", "name": "my-network", "peerings": [peering]}
    for state in ("present", "absent"):
        site.clouds.app.answers.append(("/my-network", 200, body))
        done = site.run(state=state)
        assert "has a peering with a state that is not a text (HTTP 200)" in done.msg
        assert site.writes() == []


def test_a_network_of_atlas_that_gcp_does_not_know_is_named(site: GcpSite) -> None:
    error = {"code": 404, "message": f"The resource '{REMOTE}' was not found", "errors": [{"reason": "notFound"}]}
    site.clouds.app.answers += [("/addPeering", 404, {"error": error})] * 9
    done = site.run()
    assert REMOTE in done.msg
    assert "Check both networks: gcp_project_id, network_name, atlas_gcp_project_id and atlas_network_name." in done.msg


def test_a_peering_that_both_sides_must_give_up_is_named(site: GcpSite) -> None:
    site.clouds.gcp.add_peering(*MINE, NAME, ATLAS, updateStrategy="CONSENSUS")
    done = site.run(state="absent")
    assert f"The peering {NAME} has updateStrategy CONSENSUS" in done.msg
    assert (done.result["http_status"], done.changed) == (400, False)
    assert site.peerings() == [NAME]


@pytest.mark.parametrize(("state", "verb"), [("present", "addPeering"), ("absent", "removePeering")])
@pytest.mark.parametrize("looks", [1, 4])
def test_after_a_lost_reply_it_looks_again(site: GcpSite, state: str, verb: str, looks: int) -> None:
    if state == "absent":
        site.run()
    site.clouds.gcp.operation_looks = looks
    site.clouds.app.lose.append(f"/{verb}")
    done = site.run(state=state)
    assert (done.failed, done.changed) == (False, True), done.result
    assert site.peerings() == ([NAME] if state == "present" else [])
    # Where it does not show yet, the same request, by its id, is sent again: GCP goes on with the first.
    wire = site.wire()
    assert [wire[number - 1] for number, one in enumerate(wire) if one in site.writes()] == ["GET my-network"] * len(
        site.writes()
    )
    assert len(site.clouds.gcp._by_request) == (1 if state == "present" else 2)


def test_reads_are_repeated(site: GcpSite) -> None:
    site.clouds.app.lose.append("/my-network")
    site.clouds.app.answers.append(("/my-network", 503, {"error": {"code": 503, "message": "Backend Error"}}))
    assert site.run().changed
    for unused in range(5):
        site.clouds.app.answers.append(("/my-network", 429, {"error": {"code": 429, "message": "Slow down"}}))
    assert site.run().result["http_status"] == 429
    assert site.wire() == ["GET my-network"] * 5


def test_an_account_that_may_not_is_told_what_it_needs(site: GcpSite) -> None:
    site.clouds.gcp.forbidden.add(MINE[0])
    for state in ("present", "absent"):
        done = site.run(state=state)
        assert (done.result["http_status"], done.result["error_code"]) == (403, "forbidden")
        assert "Compute Network Admin" in done.msg


def test_a_quota_that_is_used_up_is_no_missing_permission(site: GcpSite) -> None:
    error = {"code": 403, "message": "Quota 'PEERINGS_PER_NETWORK' exceeded.", "errors": [{"reason": "quotaExceeded"}]}
    site.clouds.app.answers.append(("/addPeering", 403, {"error": error}))
    assert site.run().msg.endswith("Quota 'PEERINGS_PER_NETWORK' exceeded (HTTP 403 quotaExceeded).")


@pytest.mark.parametrize("state", ["present", "absent"])
def test_what_a_killed_run_has_begun_is_waited_for(site: GcpSite, state: str) -> None:
    """Its request was taken, and does not show yet."""
    if state == "absent":
        site.run()
    site.clouds.gcp.operation_looks = 4
    address = f"https://www.googleapis.com/compute/v1/{REMOTE}"
    peering = {"name": NAME, "network": address, "exchangeSubnetRoutes": True}
    if state == "present":
        site.clouds.gcp.add(*MINE, {"networkPeering": peering}, "an-id-of-its-own")
    else:
        site.clouds.gcp.remove(*MINE, {"name": NAME}, "an-id-of-its-own")
    done = site.run(state=state)
    assert (done.failed, done.changed) == (False, False), done.result
    assert site.peerings() == ([NAME] if state == "present" else [])


def test_a_name_that_another_run_takes_meanwhile_is_named(site: GcpSite, monkeypatch: pytest.MonkeyPatch) -> None:
    add = site.clouds.gcp.add

    def late(*arguments: object) -> object:
        site.clouds.gcp.add_peering(*MINE, NAME, OTHER)
        return add(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(site.clouds.gcp, "add", late)
    done = site.run()
    assert (done.failed, done.changed) == (True, False)
    assert f"has a peering of this name, which leads to projects/{OTHER[0]}" in done.msg


@pytest.mark.parametrize(("state", "verb"), [("present", "addPeering"), ("absent", "removePeering")])
@pytest.mark.parametrize("wait_timeout", [20, 1800])
@pytest.mark.parametrize("shows", [True, False])
def test_a_reply_lost_after_other_refusals_counts(site: GcpSite, state: str, verb: str, wait_timeout: int, shows: bool) -> None:
    if state == "absent":
        site.run()
    site.clouds.gcp.begin_foreign(*MINE, looks=6)
    site.clouds.gcp.operation_looks = 1 if shows else 3
    site.clock.after(1.2, lambda: site.clouds.app.lose.append(f"/{verb}"))
    done = site.run(state=state, wait_timeout=wait_timeout)
    assert (done.failed, site.clouds.app.lose) == (False, []), done.result
    assert site.peerings() == ([NAME] if state == "present" else [])
    assert done.changed


@pytest.mark.parametrize("times", [3, 12])
def test_a_read_that_fails_while_it_waits_is_repeated(site: GcpSite, times: int) -> None:
    """A read is repeated four times, and the wait goes on after that."""
    site.run()

    def fail() -> None:
        site.clouds.app.answers += [("/my-network", 503, {"error": {"code": 503, "message": "Backend Error"}})] * times

    site.clock.after(2, fail)
    site.clock.after(20, site.add_atlas_half)
    assert site.run(wait=True).result["gcp_peering"]["state"] == "ACTIVE"
