"""Network containers on AZURE and GCP: found before they are created, changed and removed while nothing uses them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_network_container import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Wire, page, reply

BLOCK = "10.8.0.0/21"
AZURE = {"provider_name": "AZURE", "region_name": "northeurope", "atlas_cidr_block": BLOCK}
GCP = {"provider_name": "GCP", "atlas_cidr_block": "10.8.0.0/18"}
SMALL = {"regions": ["europe-west3", "US_EAST_4"], "atlas_cidr_block": "10.8.0.0/23"}
CREATIONS = pytest.mark.parametrize("options", [AZURE, GCP, SMALL], ids=["AZURE", "GCP", "GCP with regions"])
CHECK_MODES = pytest.mark.parametrize("check_mode", [False, True], ids=["run", "check mode"])
PEERS = {
    "AZURE": {
        "azureDirectoryId": "2a9b7c1e-0000-4000-8000-000000000001",
        "azureSubscriptionId": "2a9b7c1e-0000-4000-8000-000000000002",
        "resourceGroupName": "net",
        "vnetName": "prod-vnet",
    },
    "GCP": {"gcpProjectId": "my-sample-project-191923", "networkName": "prod-net"},
}


def run(atlas: Atlas, **options: Any) -> Done:
    return atlas.run(OPERATION, **options)


def containers(atlas: Atlas) -> list[Any]:
    """Return the containers that are not on AWS, as replies show them."""
    with atlas.emulator.project.now() as project:
        return [one.to_json() for one in project.containers if one.kind.name != "AWS"]


def add_peer(atlas: Atlas, provider: str, container_id: str) -> str:
    with atlas.emulator.project.now() as project:
        body = {"providerName": provider, "containerId": container_id, **PEERS[provider]}
        return project.create_peer(body, needs_container=True).id


@CREATIONS
def test_it_is_created_as_check_mode_foretold_and_then_found(atlas: Atlas, options: dict[str, Any]) -> None:
    foretold = run(atlas, **options, check_mode=True)
    assert (foretold.changed, containers(atlas), atlas.writes()) == (True, [], [])
    atlas.emulator.requests.clear()
    done = run(atlas, **options)
    assert (done.failed, done.changed, len(containers(atlas))) == (False, True, 1)
    assert [method for method, status in atlas.wire() if status != 401] == ["GET", "POST"]
    assert {**done.result["container"], "id": None} == foretold.result["container"] == foretold.after
    atlas.emulator.requests.clear()
    again = run(atlas, **options)
    assert (again.changed, again.result["container"]) == (False, done.result["container"])
    assert [entry["path"].rpartition("/")[2] for entry in atlas.emulator.requests.entries() if entry["status"] == 200] == ["all"]


def test_the_results_have_the_fields_of_their_cloud(atlas: Atlas) -> None:
    for options, provider in ((AZURE, "AZURE"), (SMALL, "GCP")):
        add_peer(atlas, provider, run(atlas, **options).result["container"]["id"])
    # Atlas makes its own network for the first connection.
    atlas.clock.sleep(2)
    azure, gcp = containers(atlas)
    assert run(atlas, **AZURE).result["container"] == {
        "id": azure["id"],
        "provider_name": "AZURE",
        "region_name": "EUROPE_NORTH",
        "atlas_cidr_block": BLOCK,
        "atlas_azure_subscription_id": azure["azureSubscriptionId"],
        "atlas_vnet_name": azure["vnetName"],
        "provisioned": True,
    }
    assert run(atlas, **SMALL).result["container"] == {
        "id": gcp["id"],
        "provider_name": "GCP",
        "regions": ["EUROPE_WEST_3", "US_EAST_4"],
        "atlas_cidr_block": "10.8.0.0/23",
        "atlas_gcp_project_id": gcp["gcpProjectId"],
        "atlas_network_name": gcp["networkName"],
        "provisioned": True,
    }
    assert None not in (azure["vnetName"], gcp["networkName"])


@pytest.mark.parametrize("region", ["northeurope", "EUROPE_NORTH", "NorthEurope", "europe-north"])
def test_a_region_of_azure_can_be_written_in_both_ways(atlas: Atlas, region: str) -> None:
    made = atlas.create_container(providerName="AZURE", region="EUROPE_NORTH", atlasCidrBlock=BLOCK)
    done = run(atlas, provider_name="AZURE", region_name=region)
    assert (done.changed, done.result["container"]["id"], done.warnings) == (False, made, [])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({**AZURE, "region_name": "MOON_NORTH"}, "region_name 'MOON_NORTH' is not a region of AZURE that"),
        ({"regions": ["MOON_1"], "atlas_cidr_block": "10.8.0.0/24"}, "regions[0] 'MOON_1' is not a region of GCP that"),
    ],
    ids=["AZURE", "GCP"],
)
def test_a_region_that_is_not_known_is_passed_on_with_a_warning(atlas: Atlas, options: dict[str, Any], named: str) -> None:
    done = run(atlas, **options)
    assert done.warnings[0].startswith(f"{named} this version of the collection knows")
    assert (done.result["error_code"], done.missing("MOON_")) == ("INVALID_REGION", [])


def test_a_region_that_is_not_known_is_found_in_any_case(atlas: Atlas, wire: Wire) -> None:
    moon = {"id": "0" * 24, "providerName": "AZURE", "region": "MOON_NORTH", "atlasCidrBlock": BLOCK}
    wire.faults.append(Fault("GET", page(moon)))
    done = run(atlas, **{**AZURE, "region_name": "moon_north"})
    assert (done.changed, done.result["container"]["region_name"]) == (False, "MOON_NORTH")


@CHECK_MODES
def test_a_container_on_azure_is_one_of_its_region_only(atlas: Atlas, check_mode: bool) -> None:
    atlas.create_container(providerName="AZURE", region="EUROPE_WEST", atlasCidrBlock=BLOCK)
    overlap = run(atlas, **AZURE, check_mode=check_mode)
    assert overlap.missing("atlas_cidr_block", BLOCK, "overlaps") == []
    other = run(atlas, **{**AZURE, "atlas_cidr_block": "10.9.0.0/21"}, check_mode=check_mode)
    assert (other.changed, len(containers(atlas))) == (True, 1 if check_mode else 2)


@CHECK_MODES
def test_without_a_region_it_is_the_only_one_on_azure(atlas: Atlas, check_mode: bool) -> None:
    none = run(atlas, provider_name="AZURE", check_mode=check_mode)
    assert none.missing("no network container on AZURE", "region_name") == []
    first = atlas.create_container(providerName="AZURE", region="EUROPE_WEST", atlasCidrBlock=BLOCK)
    assert run(atlas, provider_name="AZURE", check_mode=check_mode).result["container"]["id"] == first
    second = atlas.create_container(providerName="AZURE", region="US_EAST_2", atlasCidrBlock="10.9.0.0/21")
    several = run(atlas, provider_name="AZURE", check_mode=check_mode)
    assert several.missing(first, second, "westeurope", "eastus2", "2 network containers on AZURE", "region_name") == []
    assert atlas.writes() == []


# resource_network_container.go of mongodb/terraform-provider-mongodbatlas has no ForceNew on these fields, and sends the whole
# object; its TestAccNetworkContainer_basicAzure and _basicGCP change the block, and need an empty plan afterwards.
CHANGED = pytest.mark.parametrize(
    ("made", "wanted", "body", "change"),
    [
        (
            AZURE,
            {"atlas_cidr_block": "10.9.0.0/21"},
            {"region": "EUROPE_NORTH", "atlasCidrBlock": "10.9.0.0/21"},
            "the CIDR block of network container {} from 10.8.0.0/21 to 10.9.0.0/21",
        ),
        (
            GCP,
            {"atlas_cidr_block": "10.0.0.0/16"},
            {"atlasCidrBlock": "10.0.0.0/16"},
            "the CIDR block of network container {} from 10.8.0.0/18 to 10.0.0.0/16",
        ),
        (
            GCP,
            {"regions": ["us-east4"], "atlas_cidr_block": "10.8.0.0/21"},
            {"regions": ["US_EAST_4"], "atlasCidrBlock": "10.8.0.0/21"},
            "the CIDR block and the regions of network container {} from 10.8.0.0/18 in all regions to 10.8.0.0/21 in us-east4",
        ),
    ],
    ids=["block on AZURE", "block on GCP", "both"],
)


@CHANGED
def test_what_differs_is_changed_while_nothing_uses_it(
    atlas: Atlas, wire: Wire, made: dict[str, Any], wanted: dict[str, Any], body: dict[str, Any], change: str
) -> None:
    before = run(atlas, **made).result["container"]
    options, writes = {**made, **wanted}, len(atlas.writes())
    foretold = run(atlas, **options, check_mode=True)
    assert (foretold.changed, len(atlas.writes()), foretold.before) == (True, writes, before)
    done = run(atlas, **options)
    assert (done.failed, done.changed, done.result["container"]) == (False, True, foretold.result["container"])
    assert [one.json for one in wire.sent("PATCH")] == [{"providerName": before["provider_name"], **body}]
    assert [one["id"] for one in containers(atlas)] == [before["id"]]
    again = run(atlas, **options)
    assert (again.changed, again.result["container"]) == (False, done.result["container"])


@CHANGED
@CHECK_MODES
def test_one_in_use_is_not_changed_and_its_user_is_named(
    atlas: Atlas, made: dict[str, Any], wanted: dict[str, Any], body: dict[str, Any], change: str, check_mode: bool
) -> None:
    container = run(atlas, **made).result["container"]
    peer_id, writes = add_peer(atlas, container["provider_name"], container["id"]), len(atlas.writes())
    done = run(atlas, **{**made, **wanted}, check_mode=check_mode)
    assert done.missing(container["id"], "cannot be changed", change.partition("{}")[2], peer_id, "or keep what it has") == []
    assert (done.changed, len(atlas.writes())) == (False, writes)


@CHANGED
def test_a_refused_change_says_what_may_hold_the_container(
    atlas: Atlas, made: dict[str, Any], wanted: dict[str, Any], body: dict[str, Any], change: str
) -> None:
    container_id = run(atlas, **made).result["container"]["id"]
    before = containers(atlas)
    atlas.fault("PATCH", "status", status=409, code="CONTAINERS_IN_USE")
    done = run(atlas, **{**made, **wanted})
    assert done.missing(f"Failed to change {change.format(container_id)}: ") == []
    assert done.missing("clusters, peering connections and backup snapshots") == []
    assert (done.changed, containers(atlas)) == (False, before)


@CHANGED
def test_a_change_whose_reply_is_lost_is_found(
    atlas: Atlas, made: dict[str, Any], wanted: dict[str, Any], body: dict[str, Any], change: str
) -> None:
    run(atlas, **made)
    atlas.fault("PATCH", "status", status=500, code="UNEXPECTED_ERROR", applied=True)
    done = run(atlas, **{**made, **wanted})
    assert (done.failed, done.changed, containers(atlas)[0]["atlasCidrBlock"]) == (False, True, body["atlasCidrBlock"])


@CHECK_MODES
@pytest.mark.parametrize(
    ("made", "options", "words"),
    [
        (GCP, {"regions": ["us-east4"]}, ["regions needs another atlas_cidr_block", "'10.8.0.0/18'", "from /21 to /24"]),
        (
            GCP,
            {"regions": ["us-east4", "us-east1"], "atlas_cidr_block": "10.8.0.0/24"},
            ["atlas_cidr_block has the wrong size", "to /23 on GCP for 2 regions"],
        ),
        # MongoDB's page of error codes has CANNOT_UPDATE_SMALL_CONTAINER: such a container cannot be updated.
        *(
            (
                SMALL,
                {"provider_name": "GCP", **options},
                ["cannot be changed from", words, "limited to regions", "create another"],
            )
            for options, words in (
                ({"regions": ["us-east4"]}, "from europe-west3 and us-east4 to us-east4"),
                ({"atlas_cidr_block": "10.9.0.0/22"}, "from 10.8.0.0/23 to 10.9.0.0/22"),
                ({"regions": [], "atlas_cidr_block": "10.8.0.0/18"}, "to 10.8.0.0/18 in all regions"),
            )
        ),
    ],
    ids=["fewer regions", "too small for its regions", "limited: regions", "limited: block", "limited: all regions"],
)
def test_what_the_regions_do_not_allow_is_not_sent(
    atlas: Atlas, made: dict[str, Any], options: dict[str, Any], words: list[str], check_mode: bool
) -> None:
    run(atlas, **made)
    before, writes = containers(atlas), len(atlas.writes())
    done = run(atlas, **options, check_mode=check_mode)
    assert done.missing(*words) == []
    assert (done.changed, containers(atlas), len(atlas.writes())) == (False, before, writes)


@pytest.mark.parametrize(
    "options",
    [
        {"regions": ["us-east4", "EUROPE_WEST_3"]},
        {"regions": ["us-east4", "europe-west3", "US_EAST_4"]},
        {"atlas_cidr_block": "10.8.0.0/23"},
        {"provider_name": "GCP", **SMALL},
        {},
    ],
    ids=["another order", "twice", "block alone", "all", "nothing"],
)
def test_the_regions_of_an_existing_one_come_in_any_order(atlas: Atlas, options: dict[str, Any]) -> None:
    run(atlas, **SMALL)
    done = run(atlas, **{"provider_name": "GCP", **options})
    assert (done.failed, done.changed, len(containers(atlas))) == (False, False, 1)


@CHECK_MODES
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({**AZURE, "atlas_cidr_block": None}, ["atlas_cidr_block is required to create", "AZURE"]),
        ({**GCP, "atlas_cidr_block": None}, ["atlas_cidr_block is required to create", "GCP"]),
        ({**AZURE, "atlas_cidr_block": "10.8.0.0/20"}, ["wrong size", "from /21 to /24 on AZURE."]),
        ({**GCP, "atlas_cidr_block": "10.8.0.0/19"}, ["wrong size", "from /8 to /18 on GCP for all regions"]),
        ({**SMALL, "atlas_cidr_block": "10.8.0.0/24"}, ["wrong size", "from /21 to /23 on GCP for 2 regions"]),
        ({"regions": ["us-east4"], "atlas_cidr_block": "10.8.0.0/18"}, ["wrong size", "from /21 to /24 on GCP for 1 region."]),
        ({"regions": [f"us-east{number}" for number in range(9)]}, ["regions has 9 regions", "8 at the most"]),
        ({**GCP, "atlas_cidr_block": "10.8.0.1/18"}, ["host bits", "10.8.0.0/18"]),
        ({"regions": ["us-east4", " "]}, ["regions[1] is empty"]),
        ({**AZURE, "region_name": ""}, ["region_name is empty"]),
        ({**SMALL, "provider_name": "AZURE"}, ["regions is for GCP, and provider_name is AZURE", "region_name"]),
        ({**SMALL, "provider_name": "AWS"}, ["regions is for GCP, and provider_name is AWS", "region_name"]),
        ({**SMALL, "region_name": "eu-west-1"}, ["region_name is for AWS and AZURE, and regions is for GCP"]),
        ({**GCP, "region_name": "us-east4"}, ["region_name is for AWS and AZURE, and provider_name is GCP"]),
        ({"region_name": "northeurope"}, ["'northeurope' is a region of AZURE", "provider_name: AZURE"]),
        ({**AZURE, "api_version": "v1.0"}, ["api_version must be v2 with provider_name AZURE"]),
        ({**SMALL, "api_version": "v1.0"}, ["api_version must be v2 with provider_name GCP"]),
        ({"provider_name": "AZURE", "state": "absent"}, ["region_name must not be null with state absent"]),
        ({"provider_name": "AWS", "state": "absent"}, ["region_name must not be null with state absent"]),
    ],
    ids=str,
)
def test_malformed_options_are_refused(atlas: Atlas, options: dict[str, Any], words: list[str], check_mode: bool) -> None:
    done = run(atlas, **options, check_mode=check_mode)
    assert done.missing(*words) == []
    assert (done.changed, atlas.writes(), containers(atlas)) == (False, [], [])


@CREATIONS
def test_it_is_removed(atlas: Atlas, options: dict[str, Any]) -> None:
    run(atlas, **options)
    absent = {name: value for name, value in options.items() if name != "atlas_cidr_block"} | {"state": "absent"}
    foretold = run(atlas, **absent, check_mode=True)
    assert (foretold.changed, foretold.result["container"], len(containers(atlas))) == (True, None, 1)
    done = run(atlas, **absent)
    assert (done.changed, done.result["container"], containers(atlas)) == (True, None, [])
    again = run(atlas, **absent)
    assert (again.failed, again.changed) == (False, False)


@CHECK_MODES
@pytest.mark.parametrize(
    ("made", "options", "words"),
    [
        (SMALL, {"regions": ["us-east4"]}, ["regions is", "europe-west3", "not us-east4"]),
        (SMALL, {"regions": []}, ["regions is", "not all regions"]),
        (GCP, {"provider_name": "GCP", "atlas_cidr_block": "10.64.0.0/18"}, ["10.8.0.0/18, not 10.64.0.0/18"]),
        (AZURE, {**AZURE, "atlas_cidr_block": "10.64.0.0/21"}, ["10.8.0.0/21, not 10.64.0.0/21"]),
    ],
    ids=["other regions", "all regions", "other block", "other block on AZURE"],
)
def test_one_that_the_options_do_not_describe_is_not_removed(
    atlas: Atlas, made: dict[str, Any], options: dict[str, Any], words: list[str], check_mode: bool
) -> None:
    container = run(atlas, **made).result["container"]
    done = run(atlas, **options, state="absent", check_mode=check_mode)
    assert done.missing(container["id"], "is not the one that the options describe", *words) == []
    assert len(containers(atlas)) == 1


@CHECK_MODES
@pytest.mark.parametrize("options", [AZURE, SMALL], ids=["AZURE", "GCP"])
def test_one_in_use_stays_and_its_user_is_named(atlas: Atlas, options: dict[str, Any], check_mode: bool) -> None:
    container = run(atlas, **options).result["container"]
    peer_id = add_peer(atlas, container["provider_name"], container["id"])
    done = run(atlas, **options, state="absent", check_mode=check_mode)
    network = {"AZURE": "prod-vnet", "GCP": "prod-net"}[container["provider_name"]]
    assert done.missing(container["id"], "cannot be removed", peer_id, network, "ADDING_PEER") == []
    assert "wait" not in done.msg, "nobody removes it"
    assert len(containers(atlas)) == 1


@pytest.mark.parametrize("options", [AZURE, SMALL], ids=["AZURE", "GCP"])
def test_it_is_removed_once_nothing_uses_it(atlas: Atlas, options: dict[str, Any]) -> None:
    container = run(atlas, **options).result["container"]
    peer_id = add_peer(atlas, container["provider_name"], container["id"])
    atlas.clock.after(3, lambda: atlas.act("delete", peer_id))
    done = run(atlas, **options, state="absent", wait=True)
    assert (done.failed, done.changed, containers(atlas)) == (False, True, [])


@CREATIONS
def test_one_that_somebody_else_has_made_meanwhile_is_found(atlas: Atlas, options: dict[str, Any]) -> None:
    atlas.fault("POST", "status", status=409, code="CONTAINER_ALREADY_EXISTS", applied=True)
    done = run(atlas, **options)
    assert (done.failed, done.changed, len(containers(atlas))) == (False, False, 1)


@CREATIONS
def test_one_whose_reply_is_lost_is_found(atlas: Atlas, options: dict[str, Any]) -> None:
    atlas.fault("POST", "status", status=500, code="UNEXPECTED_ERROR", applied=True)
    done = run(atlas, **options)
    assert (done.failed, done.changed, len(containers(atlas))) == (False, True, 1)


def test_a_reply_that_shows_other_regions_is_not_believed(atlas: Atlas, wire: Wire) -> None:
    shown = {"id": "0" * 24, "providerName": "GCP", "regions": ["US_EAST_4"], "atlasCidrBlock": "10.8.0.0/23"}
    wire.faults.append(Fault("POST", reply(shown, 201)))
    done = run(atlas, **SMALL)
    assert done.missing("does not show what was sent", "['US_EAST_4']", "['EUROPE_WEST_3', 'US_EAST_4']") == []
    assert (done.changed, containers(atlas)) == (False, [])


def test_the_regions_in_a_reply_may_have_another_order(atlas: Atlas, wire: Wire) -> None:
    shown = {"id": "0" * 24, "providerName": "GCP", "regions": ["US_EAST_4", "EUROPE_WEST_3"], "atlasCidrBlock": "10.8.0.0/23"}
    wire.faults.append(Fault("POST", reply(shown, 201)))
    done = run(atlas, **SMALL)
    assert (done.failed, done.changed, done.result["container"]["regions"]) == (False, True, shown["regions"])


def test_a_list_that_is_refused_is_no_absence(atlas: Atlas) -> None:
    for options in ({**GCP, "state": "absent"}, GCP):
        atlas.fault("GET", "status", status=404, code="RESOURCE_NOT_FOUND")
        done = run(atlas, **options)
        assert (done.failed, done.changed, atlas.writes()) == (True, False, [])


def test_a_cloud_that_is_full_says_what_to_do(atlas: Atlas, wire: Wire) -> None:
    wire.faults.append(Fault("POST", reply({"error": 409, "errorCode": "NO_CAPACITY", "detail": "It is full."}, 409)))
    assert run(atlas, **AZURE).missing("It is full", "northeurope", "choose another region") == []
