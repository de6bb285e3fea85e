"""Names of AZURE, and regions of AZURE and GCP: both spellings mean one place, and a name that is not known is passed on."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.azure import AZURE_REGIONS, parse_azure_name
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.cloud import RegionTable
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.gcp import GCP_REGIONS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.patterns import InvalidValueError
from ansible_collections.cloudpeer.atlas.tests.emulator.regions import REGIONS

TABLES = {"AZURE": AZURE_REGIONS, "GCP": GCP_REGIONS}
# In Azure's names, these words stand behind the direction.
TURNED = ("US", "EUROPE", "ASIA", "INDIA")
# Where Google's name does not follow from Atlas's.
EXCEPTIONS = {
    "CENTRAL_US": "us-central1",
    "EASTERN_US": "us-east1",
    "WESTERN_US": "us-west1",
    "WESTERN_EUROPE": "europe-west1",
    "EASTERN_ASIA_PACIFIC": "asia-east1",
    "NORTHEASTERN_ASIA_PACIFIC": "asia-northeast1",
    "SOUTHEASTERN_ASIA_PACIFIC": "asia-southeast1",
    "MIDDLE_EAST_CENTRAL_1": "me-central1",
    "MIDDLE_EAST_CENTRAL_2": "me-central2",
    "MIDDLE_EAST_WEST_1": "me-west1",
    "NORTH_AMERICA_NORTHEAST_1": "northamerica-northeast1",
    "NORTH_AMERICA_NORTHEAST_2": "northamerica-northeast2",
    "NORTH_AMERICA_SOUTH_1": "northamerica-south1",
    "SOUTH_AMERICA_EAST_1": "southamerica-east1",
    "SOUTH_AMERICA_WEST_1": "southamerica-west1",
}


def _azure_name(name: str) -> str:
    first, *rest = name.split("_")
    if first not in TURNED or rest[0] == "GOV":
        return name.lower().replace("_", "")
    last = [part for part in rest if part.isdigit() or part == "EUAP"]
    return "".join([*(part for part in rest if part not in last), first, *last]).lower()


def _gcp_name(name: str) -> str:
    name = name.removesuffix("_AW")
    place, unused, number = name.rpartition("_")
    return EXCEPTIONS.get(name, f"{place}{number}".lower().replace("_", "-"))


def test_each_table_follows_the_rule_of_its_cloud() -> None:
    assert {name: _azure_name(name) for name in AZURE_REGIONS.names} == AZURE_REGIONS.names
    assert {name: _gcp_name(name) for name in GCP_REGIONS.names} == GCP_REGIONS.names
    assert {*EXCEPTIONS} <= {*GCP_REGIONS.names}
    # Those of Assured Workloads are in CloudRegionConfig20240805 of the API's description, and Google has no names for them.
    assert len([name for name in GCP_REGIONS.names if name.endswith("_AW")]) == 9
    for name, table in TABLES.items():
        assert {*table.names} == REGIONS[name]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_each_region_has_two_spellings_and_means_one_place(table: RegionTable) -> None:
    for atlas_name, cloud_name in table.names.items():
        is_usual = not atlas_name.endswith("_AW")
        for name in (atlas_name, cloud_name) if is_usual else (atlas_name,):
            for written in (name, name.upper(), name.lower(), f" {name} "):
                assert (table.to_atlas(written), table.to_cloud(written)) == (atlas_name, cloud_name)
                assert table.is_known(written)
    usual = [cloud_name for atlas_name, cloud_name in table.names.items() if not atlas_name.endswith("_AW")]
    assert len({*usual}) == len(usual)


def test_one_name_of_atlas_is_another_place_on_each_cloud() -> None:
    assert (AZURE_REGIONS.to_cloud("US_WEST_2"), GCP_REGIONS.to_cloud("US_WEST_2")) == ("westus2", "us-west2")
    assert not GCP_REGIONS.is_known("US_EAST_1")
    assert not GCP_REGIONS.is_known("northeurope")


@pytest.mark.parametrize(
    ("display_name", "atlas_name"),
    [("North Europe", "EUROPE_NORTH"), ("East US 2", "US_EAST_2"), ("uae north", "UAE_NORTH"), (" West  US 3 ", "US_WEST_3")],
)
def test_a_region_of_azure_may_be_written_as_in_its_portal(display_name: str, atlas_name: str) -> None:
    assert (AZURE_REGIONS.parse(display_name), AZURE_REGIONS.is_known(display_name)) == (atlas_name, True)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_is_not_known_is_passed_on_as_it_is(table: RegionTable) -> None:
    assert (table.parse(" Moon-1 "), table.to_cloud("Moon-1"), table.is_known("Moon-1")) == ("Moon-1", "Moon-1", False)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_an_empty_name_is_refused(table: RegionTable, value: str) -> None:
    with pytest.raises(InvalidValueError, match="is empty"):
        table.parse(value)


@pytest.mark.parametrize("name", ["prod-vnet", "a", "Prod.Net_(1)"])
def test_a_name_is_taken_as_it_is(name: str) -> None:
    assert parse_azure_name(name) == name


@pytest.mark.parametrize("name", ["\u00fcnicode", "", "a b", "a/b", "net\n", "\u0661"])
def test_what_atlas_does_not_take_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError, match="is not a name in AZURE"):
        parse_azure_name(name)
