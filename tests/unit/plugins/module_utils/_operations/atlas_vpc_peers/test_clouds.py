"""One list for three clouds: whose connections are read, declared and pruned, and with which requests."""

from __future__ import annotations

import sys
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides import container_choice as handover
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import parse_rules
from ansible_collections.cloudpeer.atlas.tests.support.harness import without_names
from ansible_collections.cloudpeer.atlas.tests.support.sets import (
    DIRECTORY,
    LOOK,
    PROJECT,
    SUBSCRIPTION,
    SetSite,
    azure,
    entry,
    gcp,
    vpc,
)

ALL: dict[str, Any] = {"provider_name": "all", "parallel": 1}
CLOUDS = ("AWS", "AZURE", "GCP")
#: The networks of `three`.
NAMES = {"AWS": vpc(0), "AZURE": "vnet-0", "GCP": "net-0"}
ENTRIES = {"AWS": entry(0), "AZURE": azure(0), "GCP": gcp(0)}


def three() -> list[dict[str, Any]]:
    return [*ENTRIES.values()]


def present(atlas: SetSite) -> list[set[str]]:
    return [atlas.alive(cloud) for cloud in CLOUDS]


def test_a_list_of_three_clouds_is_created_and_found_again(atlas: SetSite, clouds: dict[str, str]) -> None:
    done = atlas.apply(three(), **ALL)
    assert (done.failed, done.changed, done.warnings) == (False, True, [])
    assert atlas.wire() == [("GET", 401), *[("GET", 200)] * 4, *[("POST", 200)] * 3]
    assert [one["provider_name"] for one in done.result["vpc_peers"]] == [*CLOUDS]
    assert [one["container_id"] for one in done.result["vpc_peers"]] == [clouds[cloud] for cloud in CLOUDS]
    expected = [f"123456789012/{vpc(0)}", f"{SUBSCRIPTION}/network/vnet-0", f"{PROJECT}/net-0"]
    assert [one["name"] for one in done.result["actions"]] == expected
    assert present(atlas) == [{name} for name in NAMES.values()]
    atlas.clear()
    again = atlas.apply(three(), **ALL)
    assert (again.failed, again.changed, again.sums) == (False, False, {"unchanged": 3})
    assert atlas.wire() == [("GET", 401), *[("GET", 200)] * 4]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_one_cloud_needs_a_look_if_nothing_is_to_be_done(atlas: SetSite, clouds: dict[str, str], cloud: str) -> None:
    atlas.apply([ENTRIES[cloud]], provider_name=cloud)
    atlas.clear()
    done = atlas.apply([ENTRIES[cloud]], provider_name=cloud)
    # On AWS, the containers have the regions and blocks of the hand-over.
    assert (done.failed, done.changed, atlas.wire()) == (False, False, LOOK if cloud == "AWS" else LOOK[:2])


def test_check_mode_foresees_a_list_of_three_clouds(atlas: SetSite, clouds: dict[str, str]) -> None:
    foretold = atlas.apply(three(), check_mode=True, **ALL)
    assert atlas.writes() == []
    done = atlas.apply(three(), **ALL)
    for name in ("summary", "failures"):
        assert foretold.result[name] == done.result[name]
    for mine, own in zip(foretold.result["actions"], done.result["actions"]):
        assert {**mine, "id": None} == {**own, "id": None}
    for mine, own in zip(foretold.result["vpc_peers"], done.result["vpc_peers"]):
        assert mine == {**own, "id": None}
    assert foretold.result["diff"] == done.result["diff"]


@pytest.mark.parametrize("name", [None, *CLOUDS])
def test_an_entry_of_another_cloud_is_a_failure(atlas: SetSite, clouds: dict[str, str], name: str | None) -> None:
    own = name or "AWS"
    others = [cloud for cloud in CLOUDS if cloud != own]
    done = atlas.apply(three(), provider_name=name)
    for cloud in others:
        said = f"peers[{CLOUDS.index(cloud)}] is on {cloud}, and provider_name is {own}"
        assert f"{said}{'' if name else ' if it is not set'}." in without_names(done.msg)
    assert "Set provider_name: all" in done.msg
    assert f"peers[{CLOUDS.index(own)}]" not in done.msg
    assert atlas.wire() == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({**entry(0), "vnet_name": "vnet-0"}, "peers[1].vpc_id is for AWS, and vnet_name is for AZURE"),
        ({**gcp(0), "vpc_id": vpc(0), "aws_account_id": "123456789012"}, "for GCP"),
        ({"provider_name": "GCP", **azure(0)}, "peers[1].azure_directory_id"),
        ({"vpc_id": vpc(0), "aws_account_id": None}, "peers[1]: aws_account_id is missing"),
        ({"gcp_project_id": PROJECT, "network_name": None}, "peers[1].network_name is missing"),
        ({"azure_subscription_id": SUBSCRIPTION, "vnet_name": None}, "peers[1].vnet_name is missing"),
        ({"gcp_project_id": "My Project", "network_name": "net-0"}, "peers[1]: gcp_project_id"),
        (azure(0, azure_directory_id="contoso"), "peers[1]: azure_directory_id"),
    ],
)
def test_a_malformed_entry_is_named_without_a_request(atlas: SetSite, wrong: dict[str, Any], message: str) -> None:
    done = atlas.apply([entry(1), wrong], **ALL)
    assert done.failed
    assert message in without_names(done.msg)
    assert "peers[0]" not in done.msg
    assert atlas.wire() == []


@pytest.mark.parametrize("name", ["AZURE", "GCP", "all"])
def test_the_first_version_of_the_api_knows_aws_only(atlas: SetSite, name: str) -> None:
    assert "api_version must be v2" in atlas.apply([], provider_name=name, api_version="v1.0").msg
    assert atlas.wire() == []


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("check_mode", [True, False])
def test_pruning_one_cloud_leaves_the_others_alone(atlas: SetSite, clouds: dict[str, str], cloud: str, check_mode: bool) -> None:
    atlas.apply(three(), **ALL)
    atlas.clear()
    options = {"provider_name": cloud, "prune": True, "allow_empty": True, "max_deletions": 1, "check_mode": check_mode}
    done = atlas.apply([], **options)
    assert not done.failed
    assert [one["provider_name"] for one in done.result["pruned"]] == [cloud]
    assert (done.sums, done.warnings) == ({"deleted": 1, "undeclared": 1}, [])
    if not check_mode:
        assert atlas.writes() == ["DELETE"]
        assert present(atlas) == [set() if one == cloud else {NAMES[one]} for one in CLOUDS]


def test_pruning_all_clouds_keeps_what_is_declared_on_each(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.apply([*three(), entry(1), azure(1), gcp(1)], **ALL)
    atlas.clear()
    above = atlas.apply(three(), prune=True, **ALL)
    assert above.missing("3 would be removed or replaced, and max_deletions allows 1", f"{SUBSCRIPTION}") == []
    assert atlas.writes() == []
    done = atlas.apply(three(), prune=True, max_deletions=3, **ALL)
    assert (done.failed, done.sums) == (False, {"unchanged": 3, "deleted": 3, "undeclared": 3})
    assert present(atlas) == [{name} for name in NAMES.values()]


def test_a_task_that_prunes_names_the_clouds_not_read(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.apply([entry(0), entry(1)])
    text = "those with AZURE and GCP were not read. Set provider_name: all"
    assert atlas.apply([entry(0), entry(1)], prune=True).warnings == []
    for check_mode in (True, False):
        assert text in atlas.apply([entry(0)], prune=True, check_mode=check_mode).warnings[0]
    assert text in atlas.apply([], prune=True, allow_empty=True, max_deletions=5).warnings[0]
    # Also where nothing is there any more.
    atlas.clock.now += 100
    assert text in atlas.apply([], prune=True, allow_empty=True).warnings[0]
    for name in ("AWS", "all"):
        assert atlas.apply([], prune=True, allow_empty=True, provider_name=name).warnings == []


@pytest.mark.parametrize(
    "pattern",
    [
        {"provider_name": "AZURE"},
        {"vnet_name": "vnet-0"},
        {"vnet_name": "VNET-*"},
        {"azure_subscription_id": SUBSCRIPTION.upper()},
        {"resource_group_name": "NetWork", "azure_directory_id": DIRECTORY},
    ],
)
def test_patterns_protect_by_the_fields_of_all_clouds(atlas: SetSite, clouds: dict[str, str], pattern: dict[str, Any]) -> None:
    atlas.apply(three(), **ALL)
    done = atlas.apply([], prune=True, allow_empty=True, max_deletions=9, ignore=[pattern], **ALL)
    assert (done.sums, done.warnings) == ({"deleted": 2, "ignored": 1, "undeclared": 2}, [])
    assert present(atlas) == [set(), {"vnet-0"}, set()]


def test_patterns_of_gcp_are_in_the_case_of_its_names(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.apply(three(), **ALL)
    options: dict[str, Any] = {"prune": True, "allow_empty": True, "max_deletions": 9, "check_mode": True, **ALL}
    assert atlas.apply([], ignore=[{"gcp_project_id": "my-*", "network_name": "net-?"}], **options).sums["ignored"] == 1
    done = atlas.apply([], ignore=[{"network_name": "NET-*"}], ignore_unmatched="warn", **options)
    assert "ignored" not in done.sums
    assert "ignore[0] matches nothing that is there" in done.warnings[0]
    assert "ignore[0].network_name" in atlas.apply([], ignore=[{"network_name": "NET"}], **options).msg


def test_two_entries_of_one_vnet_are_refused_in_any_case(atlas: SetSite, clouds: dict[str, str]) -> None:
    peers = [azure(0), azure(0, vnet_name="VNET-0", resource_group_name="other"), azure(1), gcp(0), gcp(0)]
    done = atlas.apply(peers, **ALL)
    assert (
        f"peers[1] (2a9b7c1e-0000-4000-8000-00000000000e/other/VNET-0): it has the subscription and the VNet of peers[0] "
        f"({SUBSCRIPTION}/network/vnet-0)." in done.msg
    )
    assert "it has the project and the network of peers[3]. Declare it once" in without_names(done.msg)
    assert atlas.wire() == []


def test_the_limit_holds_for_all_clouds_together(atlas: SetSite, clouds: dict[str, str]) -> None:
    with atlas.emulator.project.now() as project:
        for number in range(48):
            body = {"providerName": "GCP", "containerId": clouds["GCP"], "gcpProjectId": PROJECT, "networkName": f"old-{number}"}
            peer = project.create_peer(body, needs_container=True)
            peer.status = "AVAILABLE"
    done = atlas.apply(three(), **ALL)
    assert "would have 51 VPC peering connections (48 that stay, and 3 new ones)" in done.msg
    assert atlas.writes() == []
    # What was not read is not counted: then Atlas decides.
    assert not atlas.apply([entry(0), entry(1)]).failed


def test_what_has_failed_does_not_stop_the_other_clouds(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.apply([azure(0)], **ALL)
    atlas.fail(atlas.of_cloud("AZURE", "vnet-0"))
    done = atlas.apply(three(), **ALL)
    assert done.failed
    assert done.failures[1].startswith(f"peers[1] ({SUBSCRIPTION}/network/vnet-0): VPC peering connection ")
    assert "FAILED (Internal Error" in done.failures[1]
    assert present(atlas) == [{name} for name in NAMES.values()]
    again = atlas.apply(three(), recreate="dead", **ALL)
    assert (again.failed, again.actions, again.sums) == (False, [("recreate", 1)], {"recreated": 1, "unchanged": 2})


def test_a_changed_resource_group_is_refused_or_replaced(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.apply(three(), **ALL)
    atlas.clock.now += 100
    atlas.clear()
    peers = [ENTRIES["AWS"], azure(0, resource_group_name="other"), ENTRIES["GCP"]]
    done = atlas.apply(peers, **ALL)
    assert "resource_group_name is network, not other" in done.failures[1]
    assert atlas.apply(peers, recreate="dead", **ALL).failed
    above = atlas.apply(peers, recreate="changed", max_deletions=0, **ALL)
    assert "1 would be removed or replaced, and max_deletions allows 0" in above.msg
    assert atlas.writes() == []
    foretold = atlas.apply(peers, recreate="changed", check_mode=True, **ALL)
    done = atlas.apply(peers, recreate="changed", **ALL)
    assert (done.failed, done.actions, done.sums) == (False, [("recreate", 1)], {"recreated": 1, "unchanged": 2})
    assert foretold.result["summary"] == done.result["summary"]
    assert done.result["actions"][0]["differing"] == ["resource_group_name"]
    assert atlas.writes() == ["DELETE", "POST"]
    assert done.result["vpc_peers"][1]["resource_group_name"] == "other"
    atlas.clear()
    again = atlas.apply(peers, recreate="changed", **ALL)
    # GCP's has come to wait for the customer by now, who needs names that the containers have.
    assert (again.failed, again.changed, len(atlas.wire())) == (False, False, 5)


def test_names_of_azure_are_the_same_in_any_case(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.apply([azure(0)], **ALL)
    other = azure(0, vnet_name="VNet-0", resource_group_name="NETWORK", azure_subscription_id=SUBSCRIPTION.upper())
    done = atlas.apply([other], prune=True, **ALL)
    assert (done.failed, done.changed, done.sums) == (False, False, {"unchanged": 1})


def test_a_vnet_may_be_named_by_its_resource_id(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.apply([azure(0)], **ALL)
    vnet = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/vnet-0"
    done = atlas.apply([{"vnet_resource_id": vnet, "azure_directory_id": DIRECTORY}], **ALL)
    assert (done.failed, done.sums) == (False, {"unchanged": 1})


def test_a_vnet_does_not_join_containers_with_equal_blocks(atlas: SetSite, clouds: dict[str, str]) -> None:
    with atlas.emulator.project.now() as project:
        body = {"providerName": "AZURE", "region": "US_EAST_2", "atlasCidrBlock": "192.168.232.0/21"}
        container = project.containers.create(body)
        # Not among those that Atlas lets be made today.
        container.block = IPv4Network("192.168.240.0/23")
        second = container.id
    peers = [
        azure(0, container_region_name="northeurope"),
        azure(0, container_region_name="eastus2"),
        azure(1, container_id=second),
    ]
    done = atlas.apply(peers, **ALL)
    assert done.failures.keys() == {1}
    assert "is connected to network container" in done.failures[1]
    assert "192.168.240.0/21 overlaps 192.168.240.0/23" in done.failures[1]
    assert atlas.writes() == []
    assert not atlas.apply([peers[0]], **ALL).failed
    assert "192.168.240.0/21 overlaps 192.168.240.0/23" in atlas.apply([peers[1]], check_mode=True, **ALL).failures[0]


def test_containers_of_azure_have_regions_in_either_spelling(atlas: SetSite, clouds: dict[str, str]) -> None:
    second = atlas.create_container(providerName="AZURE", region="US_EAST_2", atlasCidrBlock="192.168.232.0/21")
    done = atlas.apply([azure(0)], **ALL)
    assert "has 2 network containers on AZURE" in done.failures[0]
    peers = [azure(0, container_region_name="northeurope"), azure(0, container_region_name="US_EAST_2")]
    done = atlas.apply(peers, **ALL)
    assert (done.failed, [one["container_id"] for one in done.result["vpc_peers"]]) == (False, [clouds["AZURE"], second])
    wrong = atlas.apply([azure(1, container_id=clouds["GCP"])], **ALL)
    assert f"peers[0]: container_id: network container {clouds['GCP']} is on GCP, not on AZURE" in without_names(wrong.msg)


def add_twin(atlas: SetSite, container_id: str) -> str:
    """Make another container on AZURE with the block of one, and return its id."""
    with atlas.emulator.project.now() as project:
        twin = replace(project.containers.get(container_id), id="5356823b3794dee37132bbaa", region="US_EAST_2")
        project.containers.put_first(twin)
        return str(twin.id)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_vnet_does_not_join_containers_that_overlap(atlas: SetSite, clouds: dict[str, str], check_mode: bool) -> None:
    here, there = azure(0, container_id=clouds["AZURE"]), azure(0, container_id=add_twin(atlas, clouds["AZURE"]))
    third = atlas.create_container(providerName="AZURE", region="US_WEST", atlasCidrBlock="192.168.232.0/22")
    apart = azure(0, container_id=third)
    done = atlas.apply([here, there, apart], check_mode=check_mode, **ALL)
    assert done.failures.keys() == {1}
    for text in (clouds["AZURE"], there["container_id"], "192.168.240.0/21 overlaps 192.168.240.0/21"):
        assert text in done.failures[1]
    assert atlas.writes() == []
    assert not atlas.apply([here, apart], **ALL).failed
    atlas.clock.now += 9
    atlas.clear()
    done = atlas.apply([there], check_mode=check_mode, **ALL)
    assert done.failures.keys() == {0}
    assert f"by VPC peering connection {atlas.of_cloud('AZURE', 'vnet-0')}" in done.failures[0]
    assert atlas.writes() == []


@pytest.mark.parametrize("by_others", [True, False])
def test_what_its_cloud_does_not_allow_beside_it_is_gone_first(atlas: SetSite, clouds: dict[str, str], by_others: bool) -> None:
    here, there = azure(0, container_id=clouds["AZURE"]), azure(0, container_id=add_twin(atlas, clouds["AZURE"]))
    atlas.apply([here], **ALL)
    atlas.clock.now += 9
    if by_others:
        atlas.act("delete", atlas.of_cloud("AZURE", "vnet-0"))
    atlas.clear()
    done = atlas.apply([there], prune=True, **ALL)
    assert (done.failed, done.result["vpc_peers"][0]["container_id"]) == (False, there["container_id"])
    assert atlas.writes() == ([] if by_others else ["DELETE"]) + ["POST"]
    methods = [(one["method"], one["path"].rpartition("/")[2]) for one in atlas.emulator.requests.entries()]
    # It was seen gone before the creation was sent.
    assert methods[-2:] == [("GET", "peers"), ("POST", "peers")]
    assert len([peer for peer in present(atlas) if peer == {"vnet-0"}]) == 1


@pytest.mark.parametrize("cloud", ["AWS", "AZURE"])
def test_a_container_of_another_cloud_fails_its_entry_alone(atlas: SetSite, clouds: dict[str, str], cloud: str) -> None:
    wrong = {**ENTRIES[cloud], "container_id": clouds["GCP"]}
    unknown = {**(entry(1) if cloud == "AWS" else azure(1)), "container_id": "5356823b3794dee37132bb7c"}
    done = atlas.apply([wrong, unknown, gcp(0)], **ALL)
    assert done.failures.keys() == {0, 1}
    said = f"peers[0]: container_id: network container {clouds['GCP']} is on GCP, not on {cloud}."
    assert without_names(done.failures[0]).startswith(said)
    assert f"has no network container 5356823b3794dee37132bb7c on {cloud}. It has {clouds[cloud]}" in done.failures[1]
    assert [one for one in clouds.values() if one in done.failures[1]] == [clouds[cloud]]
    assert done.msg.startswith("Nothing was changed in project ")
    assert atlas.writes() == []


def test_two_entries_on_gcp_are_one_whatever_their_container(atlas: SetSite, clouds: dict[str, str]) -> None:
    done = atlas.apply([gcp(0), gcp(0, container_id=clouds["GCP"])], **ALL)
    assert done.msg.endswith("Declare it once: a project has one network container on GCP.")
    assert "container_region_name" not in done.msg


def test_the_version_of_the_api_is_refused_by_its_option(atlas: SetSite) -> None:
    assert "with provider_name all." in atlas.apply([], provider_name="all", api_version="v1.0").msg
    assert "with provider_name GCP." in atlas.apply([], provider_name="GCP", api_version="v1.0").msg


@pytest.mark.parametrize("check_mode", [True, False])
def test_nothing_is_counted_if_the_containers_cannot_be_read(atlas: SetSite, clouds: dict[str, str], check_mode: bool) -> None:
    atlas.apply([entry(0)], **ALL)
    atlas.clear()
    rule = {"path_glob": "*/containers/all*", "method": "GET", "authenticated": True, "fault": {"kind": "status", "status": 403}}
    atlas.emulator.faults.add(parse_rules(rule))
    done = atlas.apply(three(), check_mode=check_mode, **ALL)
    assert done.failed
    assert ("summary" in done.result, done.changed, atlas.writes()) == (False, False, [])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib came with Python 3.11")
def test_a_profile_may_name_the_governments_atlas(
    atlas: SetSite, clouds: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(handover, "_GOVERNMENT", urlsplit(atlas.base_url).hostname)
    (tmp_path / "atlascli").mkdir()
    (tmp_path / "atlascli" / "config.toml").write_text(f'[government]\nops_manager_url = "{atlas.base_url}"\n')
    options = {"base_url": None, "profile": "government", "check_mode": True, **ALL}
    done = atlas.apply([azure(0)], **options)
    assert not done.failed
    assert (done.result["handover"][0]["application_id"], done.result["handover"][0]["az"]) == (None, None)
