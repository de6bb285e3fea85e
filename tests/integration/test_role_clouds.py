"""The role on GCP end to end, against Atlas and GCP on loopback: from nothing, again, from every half-done point and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds, running
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.aws import Aws
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.role_clouds import (
    ATLAS_BLOCK,
    CLIENTS,
    ENTRY,
    NAME,
    NETWORK,
    PROJECT,
    CloudSite,
)
from ansible_collections.cloudpeer.atlas.tests.support.role_site import ROLE, Vpc, message, result, role_variables, said, sent_to
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun, PlaybookRunner

CONTAINER = "Ensure the network container in Atlas on GCP"
REQUEST = "Request the connections in Atlas on GCP"
MIRROR = "Make the peerings in GCP"
ACCESS = "Add the VPC networks to the access list"


@pytest.fixture
def run(playbook: PlaybookRunner, cloud_atlas: RunningEmulator, clouds: RunningClouds) -> CloudSite:
    """Return what runs the role on both clouds."""
    return CloudSite(playbook, cloud_atlas, clouds)


def changes(run: PlaybookRun) -> Counter[str]:
    """Return how often the tasks of the role have changed something, by their name."""
    own = [one for one in run.records if one["action"].startswith("cloudpeer.atlas.") and "results" not in one["result"]]
    return Counter(one["task"].rpartition(" : ")[2] for one in own if one["result"].get("changed"))


@pytest.mark.full
def test_from_nothing_again_and_back(run: CloudSite) -> None:
    foreseen = run("--check")
    assert (run.writes, run.containers, run.status, run.peerings) == ([], [], [], {})
    assert result(foreseen)["changed"] is True
    assert any("does not exist yet" in line for line in said(foreseen)[0:1])

    first = run()
    assert changes(first) == {CONTAINER: 1, REQUEST: 1, MIRROR: 1, ACCESS: 1}
    assert first.warnings == []
    assert (run.containers, run.status, list(run.peerings.values())) == ([ATLAS_BLOCK], ["AVAILABLE"], ["ACTIVE"])
    assert run.access_list == {CLIENTS: f"VPC peering with {NAME}"}
    returned = result(first)
    (connection,) = returned["connections"]
    assert (connection["provider_name"], connection["gcp_project_id"], connection["network_name"]) == ("GCP", PROJECT, NETWORK)
    assert (connection["vpc_peer"]["status_name"], connection["gcp_peering"]["state"]) == ("AVAILABLE", "ACTIVE")
    assert connection["container"]["atlas_network_name"] in connection["gcp_peering"]["network"]
    assert (connection["vpc_id"], connection["routes"]) == (None, [])
    assert returned["containers"] == [connection["container"]]
    assert ["-pri" in line for line in returned["remaining"]] == [True]

    again = run("--check", way="module")
    assert (again.changed, run.writes) == (0, [])
    assert result(again) == {**returned, "changed": False, "remaining": []}

    foreseen = run("--check", state="absent", remove_container=True)
    assert run.writes == []
    gone = run(state="absent", remove_container=True)
    assert gone.changed == foreseen.changed == 4
    assert (run.containers, run.status, run.peerings, run.access_list) == ([], [], {}, {})
    assert result(gone)["changed"] is True
    assert run.writes.index("DELETE peers") < run.writes.index("DELETE containers")
    nothing = run(state="absent", remove_container=True)
    assert (nothing.changed, run.writes, result(nothing)["changed"]) == (0, [], False)


def container_alone(run: CloudSite) -> dict[str, int]:
    """Do the first step by hand."""
    run.task("atlas_network_container", provider_name="GCP", atlas_cidr_block=ATLAS_BLOCK)
    return {REQUEST: 1, MIRROR: 1, ACCESS: 1}


def waits_for_the_mirror(run: CloudSite) -> dict[str, int]:
    """Let Atlas make its half."""
    container_alone(run)
    run.task("atlas_vpc_peer", gcp_project_id=PROJECT, network_name=NETWORK, wait=True)
    assert run.status == ["WAITING_FOR_USER"]
    return {MIRROR: 1, ACCESS: 1}


def mirror_of_another_name(run: CloudSite) -> dict[str, int]:
    """Make the mirror as somebody who calls it otherwise."""
    waits_for_the_mirror(run)
    run.clouds.gcp.add_peering(PROJECT, NETWORK, "by-hand", run.atlas_network)
    run.until_status("AVAILABLE")
    return {ACCESS: 1}


def mirror_of_an_earlier_connection(run: CloudSite) -> dict[str, int]:
    """Remove the connection in Atlas, so that the mirror is left."""
    mirror_of_another_name(run)
    run.task("atlas_vpc_peer", gcp_project_id=PROJECT, network_name=NETWORK, state="absent", wait=True)
    assert run.peerings["by-hand"] == "INACTIVE"
    return {REQUEST: 1, ACCESS: 1}


def all_by_hand(run: CloudSite) -> dict[str, int]:
    """Do all that the role does."""
    mirror_of_another_name(run)
    run.task("atlas_access_list", entries=[{"cidr_block": CLIENTS, "comment": "by hand"}])
    return {}


@pytest.mark.full
@pytest.mark.parametrize(
    "prepare",
    [container_alone, waits_for_the_mirror, mirror_of_another_name, mirror_of_an_earlier_connection, all_by_hand],
    ids=lambda prepare: prepare.__name__,
)
def test_from_every_half_done_point(run: CloudSite, prepare: Callable[[CloudSite], dict[str, int]]) -> None:
    run.clouds.gcp.add_network("others", "theirs")
    run.clouds.gcp.add_peering(PROJECT, NETWORK, "of-somebody-else", ("others", "theirs"))
    missing = prepare(run)
    # The variable of a list on GCP alone need not be set where the network container is there.
    foreseen = run("--check", container_cidr_block=None)
    assert (changes(foreseen), run.writes) == (missing, [])
    done = run(container_cidr_block=None)
    assert changes(done) == missing
    assert (run.status, sorted(run.peerings.values())) == (["AVAILABLE"], ["ACTIVE", "INACTIVE"])
    assert run.access_list == {CLIENTS: "by hand" if prepare is all_by_hand else f"VPC peering with {NAME}"}
    assert result(done)["changed"] is (missing != {})

    run(state="absent")
    assert (run.status, run.peerings, run.containers) == ([], {"of-somebody-else": "INACTIVE"}, [ATLAS_BLOCK])
    assert list(run.access_list) == ([CLIENTS] if prepare is all_by_hand else [])


@pytest.mark.full
def test_absent_goes_on_where_atlas_has_nothing_left(run: CloudSite) -> None:
    mirror_of_another_name(run)
    run.task("atlas_vpc_peer", gcp_project_id=PROJECT, network_name=NETWORK, state="absent", wait=True)
    run.task("atlas_network_container", provider_name="GCP", state="absent")
    unknown = run(state="absent")
    assert (unknown.changed, run.peerings) == (0, {"by-hand": "INACTIVE"})
    assert any("gcp_peering_name" in line for line in said(unknown))
    gone = run(state="absent", connections=[{**ENTRY, "gcp_peering_name": "by-hand"}], remove_container=True)
    assert (gone.changed, run.peerings, run.writes) == (1, {}, ["removePeering"])


@pytest.mark.full
def test_each_half_can_be_left_to_another_team(run: CloudSite) -> None:
    done = run(gcp=False)
    assert (run.status, run.peerings, run.clouds.gcp.requests) == (["WAITING_FOR_USER"], {}, [])
    project, network = run.atlas_network
    (line,) = [one for one in result(done)["remaining"] if "gcloud" in one]
    for word in (f"--project={PROJECT}", f"--network={NETWORK}", f"--peer-project={project}", f"--peer-network={network}"):
        assert word in line
    assert run(gcp=False).changed == 0

    names = {**ENTRY, "atlas_gcp_project_id": project, "atlas_network_name": network}
    half = {"atlas": False, "container_cidr_block": None, "connections": [names]}
    mirrored = run(**half)
    assert (changes(mirrored), run.emulator.requests.entries()) == ({MIRROR: 1}, [])
    assert any(f"add {CLIENTS} to the access list" in line for line in result(mirrored)["remaining"])
    (connection,) = result(mirrored)["connections"]
    assert (connection["container"], connection["vpc_peer"], connection["gcp_peering"]["state"]) == (None, None, "ACTIVE")
    run.until_status("AVAILABLE")
    assert run(**half).changed == 0

    gone = run(gcp=False, state="absent")
    assert (run.status, list(run.peerings.values())) == ([], ["INACTIVE"])
    assert any(f"peerings delete atlas-{network}" in line for line in said(gone))
    run(**half, state="absent")
    assert run.peerings == {}


@pytest.mark.full
def test_what_is_wrong_in_gcp_is_refused_before_any_request(run: CloudSite) -> None:
    wrong = {**ENTRY, "network_name": "no-network"}
    for options in (("--check",), ()):
        refused = run(*options, connections=[ENTRY, wrong], status=2)
        assert f"{PROJECT}/no-network: " in message(refused)
        assert (run.status, run.peerings) == ([], {})
    assert "The network container on GCP is new" in message(refused)

    # A step that fails later says what has been requested, and the next run goes on from there.
    run.clouds.gcp.failure = ("INTERNAL_ERROR", "It broke.")
    stopped = run(status=2)
    for word in (NAME, "INTERNAL_ERROR", "WAITING_FOR_USER", "run the role again"):
        assert word in message(stopped)
    assert changes(run()) == {MIRROR: 1, ACCESS: 1}
    assert run.status == ["AVAILABLE"]

    run.clouds.gcp.remove_peering(PROJECT, NETWORK, next(iter(run.peerings)))
    run.clouds.gcp.add_network("others", "theirs")
    run.clouds.gcp.add_peering(PROJECT, NETWORK, "mine", ("others", "theirs"))
    taken = run(connections=[{**ENTRY, "gcp_peering_name": "mine"}], status=2)
    assert "others/global/networks/theirs" in message(taken)


@pytest.mark.full
def test_two_networks_share_the_container_and_flags_may_be_text(run: CloudSite) -> None:
    run.clouds.gcp.add_network("second-project", NETWORK)
    second = {"provider_name": "GCP", "gcp_project_id": "second-project", "network_name": NETWORK, "cidr_blocks": ["10.1.0.0/16"]}
    entries = [{**ENTRY, "container_cidr_block": ATLAS_BLOCK}, second]
    text = ["-e", "vpc_peering_gcp=yes", "-e", "vpc_peering_wait_timeout=30", "-e", "vpc_peering_access_list=no"]
    done = run(*text, connections=entries, container_cidr_block=None, gcp=None, wait_timeout=None, access_list=None)
    assert (run.status, run.access_list) == (["AVAILABLE", "AVAILABLE"], {})
    requested = [number for number, one in enumerate(run.writes) if one == "POST peers"]
    assert requested == [requested[0], requested[0] + 1]
    assert [path for unused, path in sent_to(run.emulator) if path.startswith("/peers/")] == [], "both are waited for at once"
    assert [one["gcp_project_id"] for one in result(done)["connections"]] == [PROJECT, "second-project"]
    pruning = {"container_cidr_block": None, "gcp": None, "wait_timeout": None, "access_list": None, "prune": "yes"}
    again = run(*text, connections=entries, **pruning)
    assert (again.changed, ["From then on, it also removes those with GCP" in line for line in said(again)]) == (0, [True])

    # The container is used by a connection that stays, so it is not waited for.
    stays = run(connections=[second], state="absent", remove_container=True, status=2)
    assert "cannot be removed: it is used by" in message(stays)
    assert run.status == ["AVAILABLE"]


@pytest.mark.full
def test_dead_connections_are_told_by_name_and_requested_anew(run: CloudSite) -> None:
    run.clouds.gcp.add_network(PROJECT, "second")
    wanted = {"connections": [ENTRY, {**ENTRY, "network_name": "second"}], "gcp": False}
    run(**wanted)

    def fail(*networks: str) -> None:
        with run.emulator.project.now() as project:
            for peer in project.peers.of("GCP"):
                if peer.fields["networkName"] in networks:
                    assert project.peers.fail(peer, "Internal Error", only_waiting=False)

    fail("second")
    told = message(run(**wanted, status=2))
    assert told.startswith(f"{PROJECT}/second: ")
    for words in ("is FAILED", f"not available yet: {NAME} (WAITING_FOR_USER)."):
        assert words in told
    assert ("peers[" in told, f"{NAME}: " in told) == (False, False)
    fail(NETWORK)
    done = run(**wanted, recreate="dead")
    assert [one["vpc_peer"]["status_name"] for one in result(done)["connections"]] == ["WAITING_FOR_USER"] * 2
    assert run.status == ["WAITING_FOR_USER"] * 2


@pytest.mark.full
def test_a_wrong_entry_is_refused_before_anything_is_sent(run: CloudSite) -> None:
    half = {"atlas": False, "container_cidr_block": None}
    aws = {"vpc_id": "vpc-0a1b2c3d4e5f67890", "aws_account_id": "123456789012"}
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"connections": [{**ENTRY, "vpc_id": aws["vpc_id"]}]}, ["vpc_peering_connections[0] (GCP) has vpc_id"]),
        ({"connections": [{**ENTRY, "provider_name": "AWS"}]}, ["(AWS) has gcp_project_id and network_name"]),
        ({"connections": [aws, {"gcp_project_id": PROJECT}]}, ["vpc_peering_connections[1]", "network_name"]),
        ({"connections": [{"provider_name": "AWS"}]}, ["vpc_peering_connections[0]", "vpc_id or aws_account_id"]),
        ({"connections": [{**aws, "cidr_blocks": ["10.0.0.0/16"]}]}, [aws["vpc_id"], "Set cidr_block"]),
        ({"connections": [ENTRY, ENTRY]}, [NAME, "more than once"]),
        ({"connections": [ENTRY], "atlas": False, "gcp": False}, ["vpc_peering_atlas and vpc_peering_gcp"]),
        ({"connections": [ENTRY], **half}, [NAME, "atlas_gcp_project_id and atlas_network_name"]),
        ({"connections": [ENTRY], **half, "state": "absent"}, [NAME, "atlas_gcp_project_id and atlas_network_name"]),
        ({"connections": [{**ENTRY, "comment": "x" * 81}]}, [NAME, "80 characters"]),
        (
            {
                "connections": [ENTRY, {**ENTRY, "network_name": "other", "container_cidr_block": "10.9.0.0/18"}],
                "container_cidr_block": ATLAS_BLOCK,
            },
            [f"{ATLAS_BLOCK}, 10.9.0.0/18", "only one container"],
        ),
        (
            {
                "connections": [
                    {**ENTRY, "container_regions": ["europe-west3"]},
                    {**ENTRY, "network_name": "other", "container_regions": ["europe-west4"]},
                ]
            },
            ["europe-west3, europe-west4", "container_regions"],
        ),
        ({"connections": [{**ENTRY, "provider_name": "gcp"}]}, ["provider_name"]),
    ]
    tasks = [
        {
            "block": [{"ansible.builtin.include_role": {"name": ROLE}, "vars": role_variables(case)}],
            "rescue": [{"name": f"Case {number}", "ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg }}"}}],
        }
        for number, (case, unused) in enumerate(cases)
    ]
    done = run.play(tasks)
    told = {one["task"]: one["result"]["msg"] for one in done.records if one["task"].startswith("Case ")}
    missing = [
        (text, word) for text, (unused, words) in zip(told.values(), cases, strict=True) for word in words if word not in text
    ]
    assert missing == []
    assert (run.emulator.requests.entries(), run.clouds.gcp.requests) == ([], [])


@pytest.mark.full
def test_the_check_at_the_end_has_connections_on_gcp(run: CloudSite) -> None:
    mirror_of_another_name(run)
    with run.emulator.project.now() as project:
        project.put_cluster({"name": "shop", "regions": [{"region_name": "WESTERN_EUROPE", "provider_name": "GCP"}]})
    done = run(verify=True, container_cidr_block=None)
    (checked,) = [one["result"] for one in done.records if one["action"].endswith("atlas_vpc_peer_check")]
    (connection,) = checked["peering_check"]["connections"]
    assert connection["network_name"] == NETWORK
    assert connection["verdict"] == "reachable_by_design"


@pytest.mark.full
def test_the_example_connects(run: CloudSite) -> None:
    run.environment |= {"GCP_PROJECT": PROJECT, "GCP_NETWORK": NETWORK}
    example = (ROOT / "docs" / "examples" / "whole_path_gcp.yml").read_text(encoding="utf-8")
    assert run.playbook(example).changed == 4
    assert run.status == ["AVAILABLE"]
    assert run.playbook(example).changed == 0


@pytest.mark.full
def test_one_list_has_entries_on_several_clouds(
    aws: Aws, start: Callable[..., RunningEmulator], playbook: PlaybookRunner
) -> None:
    account = aws.account()
    with running() as clouds:
        emulator = start(step_seconds=0.1, clouds_url=clouds.control_url, aws_endpoint_url=aws.url)
        run, site = CloudSite(playbook, emulator, clouds), Vpc(emulator, account)
        run.environment |= {**account.environment(), "AWS_ENDPOINT_URL": aws.url}
        entries = [{**ENTRY, "container_cidr_block": ATLAS_BLOCK}, {**site.connection, "provider_name": "AWS"}]
        done = run(connections=entries, container_cidr_block=None, container_region="us-east-1")
        site.assert_connected()
        assert (run.status, list(run.peerings.values())) == (["AVAILABLE"], ["ACTIVE"])
        returned = result(done)
        assert [one["provider_name"] for one in returned["connections"]] == ["GCP", "AWS"]
        assert [one["vpc_id"] for one in returned["connections"]] == [None, site.vpc_id]
        assert [set(one) for one in returned["connections"]] == [set(returned["connections"][0])] * 2
        assert [one["provider_name"] for one in returned["containers"]] == ["AWS", "GCP"]
        assert set(run.access_list) == {CLIENTS, site.block}
        again = run(connections=entries, container_cidr_block=None, container_region="us-east-1")
        assert (again.changed, again.warnings, result(again)["changed"]) == (0, [], False)
        gone = run(connections=entries, state="absent")
        assert (site.atlas, site.routes, run.status, run.peerings, run.access_list) == ({}, {}, [], {}, {})
        assert [one["provider_name"] for one in result(gone)["containers"]] == ["AWS", "GCP"]
        emulator.reset()
