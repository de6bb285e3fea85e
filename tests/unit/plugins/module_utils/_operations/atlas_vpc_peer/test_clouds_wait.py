"""Waiting for connections on AZURE and GCP, and what is said of those that fail."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.azure import AZURE as AZURE_PROVIDER
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Facts
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.connection import role_failure
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.container_choice import ContainerChoice, make_handover
from ansible_collections.cloudpeer.atlas.tests.emulator.azure import INVALID
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.peer_site import AZURE, NETWORK, PROJECT, VNET_ID, PeerSite, azure_site
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, Fault, Wire

APPLICATION = "e90a1407-55c3-432d-9cb1-3638900a9d22"
ACTIONS = ("virtualNetworkPeerings/read", "virtualNetworkPeerings/write", "virtualNetworkPeerings/delete", "peer/action")


def statuses(done: Done) -> list[str]:
    return [one["status"] for one in done.result["status_history"]]


def test_azure_waits_until_it_is_available(azure: PeerSite) -> None:
    foretold = azure.run(wait=True, check_mode=True)
    done = azure.run(wait=True)
    assert statuses(done) == ["ADDING_PEER", "AVAILABLE"]
    assert (foretold.peer["status_name"], done.peer["status_name"]) == ("AVAILABLE", "AVAILABLE")


def test_gcp_waits_until_the_customer_can_act(gcp: PeerSite) -> None:
    foretold = gcp.run(wait=True, check_mode=True)
    done = gcp.run(wait=True)
    assert statuses(done) == ["ADDING_PEER", "WAITING_FOR_USER"]
    assert (foretold.peer["status_name"], done.peer["status_name"]) == ("WAITING_FOR_USER", "WAITING_FOR_USER")
    assert None not in done.result["handover"].values()


def test_gcp_names_at_once_what_the_customer_has_to_do(gcp: PeerSite) -> None:
    done = gcp.run(wait=True, wait_for="available", wait_timeout=60)
    with gcp.emulator.project.now() as project:
        container = project.containers.get(gcp.container_id).to_json()
    there = f"network {container['networkName']} of project {container['gcpProjectId']}"
    to_do = f"create the peering in GCP from network {NETWORK} of project {PROJECT} to {there} (atlas_gcp_peering)"
    assert gcp.lines[0] == f"{NETWORK}: ADDING_PEER → WAITING_FOR_USER after 1 s, 59 s left; {to_do}"
    assert done.missing("is still WAITING_FOR_USER after 60 seconds", to_do[1:], "then run the task again") == []
    assert None not in done.result["handover"].values()


def test_gcp_is_available_once_the_customer_has_acted(gcp: PeerSite) -> None:
    gcp.clock.after(20, gcp.live)
    done = gcp.run(wait=True, wait_for="available")
    assert statuses(done) == ["ADDING_PEER", "WAITING_FOR_USER", "AVAILABLE"]


@pytest.mark.parametrize("code", ["AZURE_CUSTOMER_NETWORK_UNREACHABLE", INVALID])
def test_a_role_that_is_too_new_is_waited_for(azure: PeerSite, code: str) -> None:
    azure.role(seconds=40, code=code)
    done = azure.run(wait=True)
    assert (done.failed, done.changed, len(azure.peers())) == (False, True, 1)
    assert statuses(done) == ["refused", "ADDING_PEER", "AVAILABLE"]
    assert 40 <= done.result["status_history"][1]["seconds"] <= 60
    words = ("refused after 0 s, 300 s left; Atlas cannot reach VNet prod-vnet", "up to 300 s", APPLICATION)
    assert [word for word in words if word not in azure.lines[0]] == []


def test_a_role_that_is_missing_is_told_ready_to_paste(azure: PeerSite) -> None:
    azure.role(given=False)
    done = azure.run(wait=True, azure_role_timeout=90)
    words = (
        APPLICATION,
        *ACTIONS,
        VNET_ID,
        "repeated for 90 seconds",
        "az role assignment create",
        "resource_group_name",
        "vnet_name",
    )
    assert done.missing(*words) == []
    # The service principal exists for a second VNet, where its line fails, and the others have to run.
    assert "&&" not in done.msg
    assert (done.changed, done.result["http_status"]) == (False, 404)
    assert done.result["error_code"] == "AZURE_CUSTOMER_NETWORK_UNREACHABLE"
    assert done.result["handover"]["scope"] == VNET_ID
    assert 90 <= sum(azure.clock.pauses) <= 91


def test_without_wait_a_refusal_for_the_role_is_told_at_once(azure: PeerSite) -> None:
    azure.role(given=False)
    for options in ({}, {"wait": True, "azure_role_timeout": 0}):
        azure.emulator.requests.clear()
        done = azure.run(**options)
        assert done.missing(APPLICATION, *ACTIONS, VNET_ID) == []
        assert azure.requests().count("POST peers") == 1
        assert (done.msg.count("repeated"), azure.lines) == (0, [])


def test_another_refusal_is_not_repeated(azure: PeerSite) -> None:
    done = azure.run(wait=True, container_id="5356823b3794dee37132bb7c")
    assert done.missing("has no network container 5356823b3794dee37132bb7c") == []
    assert (azure.requests().count("POST peers"), azure.clock.pauses) == (1, [])


def test_a_role_taken_away_during_the_wait_is_an_error(azure: PeerSite) -> None:
    azure.role(seconds=1000)
    azure.clock.after(10, lambda: azure.role(given=False, code=INVALID))
    done = azure.run(wait=True)
    assert (done.result["error_code"], done.changed) == (INVALID, False)


@pytest.mark.parametrize(
    ("base_url", "application"), [("https://cloud.mongodb.com", APPLICATION), ("https://cloud.mongodbgov.com", None)]
)
def test_the_application_of_the_governments_atlas_is_not_known(base_url: str, application: str | None) -> None:
    params = {**AZURE, "base_url": base_url, "group_id": "g", "container_id": None}
    choice = ContainerChoice(params, AZURE_PROVIDER, Facts(pytest.fail))
    handover = make_handover(choice, None)
    assert (handover["application_id"], handover["az"] is None) == (application, application is None)
    text = str(role_failure(choice, AZURE, TaskError("Refused.", error_code="X")))
    assert ("government" in text) == (application is None)


@pytest.mark.parametrize("text", ["RETRYABLE", "A peering with an overlapping block exists on the VNet.", None])
def test_a_failure_is_told_in_the_words_of_the_cloud(azure: PeerSite, text: str | None) -> None:
    peer_id = azure.create()
    azure.fail(peer_id, text)  # type: ignore[arg-type]
    done = azure.run()
    assert done.missing(f"{peer_id} is FAILED ({text or 'no reason given'}", "recreate: dead") == []
    assert done.result["error_code"] == text


def test_a_failure_of_gcp_is_told_in_its_words(gcp: PeerSite) -> None:
    gcp.clock.after(5, lambda: gcp.fail(gcp.peers()[0]["id"], "The network is not there."))
    assert gcp.run(wait=True, wait_for="available").missing("FAILED (The network is not there.)") == []


def test_an_old_connection_that_has_failed_may_have_worked(atlas: Atlas, site: PeerSite) -> None:
    peer_id = site.create()
    site.fail(peer_id)
    sentence = "Atlas may have moved a connection that worked to FAILED"
    assert sentence not in site.run().msg
    with atlas.emulator.project.now() as project:
        peer = project.peers.get(peer_id)
        project.peers.drop(peer)
        peer.id = f"53568200{peer_id[8:]}"
        project.peers.put_first(peer)
    assert site.run().missing(sentence) == []


def test_a_failed_one_is_replaced_if_that_is_wanted(azure: PeerSite) -> None:
    peer_id = azure.create()
    azure.fail(peer_id)
    foretold = azure.run(recreate="dead", check_mode=True)
    done = azure.run(recreate="dead", wait=True)
    assert (done.failed, done.changed, done.peer["status_name"]) == (False, True, "AVAILABLE")
    assert (done.before["id"], foretold.before, foretold.after["id"]) == (peer_id, done.before, None)
    assert [one["id"] for one in azure.peers()] == [done.peer["id"]] != [peer_id]


def test_what_could_not_be_removed_counts_as_failed(azure: PeerSite) -> None:
    peer_id = azure.create()
    azure.fail_deletion(peer_id)
    gone = azure.run(state="absent", wait=True)
    assert gone.missing(peer_id, "could not be removed", "DELETION_FAILED (Internal Error", "role", "has to stay") == []
    assert (gone.changed, gone.peer["status_name"]) == (True, "DELETION_FAILED")
    assert azure.run().missing("DELETION_FAILED", "role", "recreate: dead") == []
    done = azure.run(recreate="dead")
    assert (done.failed, done.changed, len(azure.peers())) == (False, True, 1)


@pytest.fixture
def unremoved(azure: PeerSite) -> str:
    """The id of a connection whose removal has failed; the next one does not."""
    peer_id = azure.create()
    azure.fail_deletion(peer_id)
    azure.run(state="absent")
    azure.clock.sleep(5)
    return peer_id


def test_an_old_failure_of_a_removal_is_waited_out_for_a_minute(azure: PeerSite, unremoved: str) -> None:
    assert [(one["id"], one["status"]) for one in azure.peers()] == [(unremoved, "DELETION_FAILED")]
    assert azure.run(state="absent", wait=True).changed
    assert azure.peers() == []


def test_a_removal_that_keeps_failing_ends_after_a_minute(azure: PeerSite, unremoved: str) -> None:
    with azure.emulator.project.now() as project:
        # Atlas takes the request, and shows nothing of it.
        project.peers.delete = lambda peer: None
    before = azure.clock.now
    done = azure.run(state="absent", wait=True)
    assert done.missing(unremoved, "could not be removed", "run the task again") == []
    assert 60 <= azure.clock.now - before <= 72


def test_a_time_out_before_the_minute_is_over_names_the_role(azure: PeerSite, unremoved: str) -> None:
    with azure.emulator.project.now() as project:
        project.peers.delete = lambda peer: None
    done = azure.run(state="absent", wait=True, wait_timeout=30)
    assert done.missing("is still DELETION_FAILED after 30 seconds", "role", "has to stay", "Raise wait_timeout") == []


def test_a_failed_removal_under_way_for_atlas_is_asked_for_once(azure: PeerSite, unremoved: str) -> None:
    azure.atlas.fault("DELETE", "status", times=None, status=409, code="PEER_ALREADY_REQUESTED_DELETION")
    azure.emulator.requests.clear()
    done = azure.run(state="absent", wait=True)
    assert done.missing(unremoved, "could not be removed: it is DELETION_FAILED", "role", "has to stay") == []
    assert (done.result["http_status"], done.result["error_code"]) == (409, "PEER_ALREADY_REQUESTED_DELETION")
    assert (azure.atlas.writes(), done.changed) == (["DELETE"], False)


def test_a_lost_reply_while_the_role_is_awaited_adds_no_time(atlas: Atlas, wire: Wire) -> None:
    site = azure_site(atlas)
    site.role(given=False)
    started = atlas.clock.now
    atlas.clock.after(30, lambda: wire.faults.append(Fault("POST", DROP, forward=False)))
    done = site.run(wait=True, azure_role_timeout=60)
    assert done.missing(APPLICATION, "repeated for 6", "az role assignment create") == []
    assert 60 <= atlas.clock.now - started <= 75
    assert not any("gone" in line for line in atlas.lines)
    site.role(seconds=40)
    atlas.clock.after(20, lambda: wire.faults.append(Fault("POST", DROP, forward=False)))
    done = site.run(wait=True)
    assert (done.failed, statuses(done), len(site.peers())) == (False, ["refused", "ADDING_PEER", "AVAILABLE"], 1)
    assert [one.times for one in wire.faults] == [0, 0]


def test_a_creation_lost_while_the_role_is_awaited_is_found(atlas: Atlas, wire: Wire) -> None:
    site = azure_site(atlas)
    site.role(seconds=20)
    atlas.clock.after(21, lambda: wire.faults.append(Fault("POST", DROP, forward=True)))
    done = site.run(wait=True)
    assert (done.failed, done.changed, wire.faults[0].times) == (False, True, 0)
    assert (statuses(done)[0], statuses(done)[-1], len(site.peers())) == ("refused", "AVAILABLE", 1)
    assert "gone" not in statuses(done)
