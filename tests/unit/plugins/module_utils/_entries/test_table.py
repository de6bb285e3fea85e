"""The table of the options of entries, and what follows from a row."""

from __future__ import annotations

from collections import Counter

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.cloud import Cloud
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import CLOUDS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._entries.table import (
    CHECK,
    EXCLUSIVE,
    OPTIONS,
    PATH,
    SETS,
    Option,
    ignored_by,
    list_option,
    names_of_cloud,
    used_by,
)

MODULES = (SETS, CHECK, PATH)


def test_a_name_means_one_option() -> None:
    names = Counter(name for one in OPTIONS for name in one.names)
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=lambda cloud: cloud.name)
def test_each_field_of_a_network_is_an_option(cloud: Cloud) -> None:
    fields = {name: parse for name, parse in cloud.forms.items() if name != cloud.region}
    options = {name: one for one in OPTIONS for name in one.names}
    assert {name: options[name].parser_for(cloud) for name in fields} == fields
    assert {*cloud.forms} <= {*names_of_cloud(cloud.name)}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_takes_every_option_under_every_name(module: str) -> None:
    declared = {name: {name, *one.get("aliases", ())} for name, one in list_option(module)["options"].items()}
    assert set().union(*declared.values()) == {name for one in OPTIONS for name in one.names}
    assert used_by(module).keys() <= declared.keys()
    assert ignored_by(module) == {name for one in OPTIONS if module not in one.users for name in one.names}


def test_an_option_is_used_by_some_module() -> None:
    assert [one.name for one in OPTIONS if not one.users or not {*one.users} <= {*MODULES}] == []
    assert {one.cloud for one in OPTIONS} == {"", *CLOUDS}


def test_options_that_exclude_each_other_exist() -> None:
    assert {name for names in EXCLUSIVE for name in names} <= {name for one in OPTIONS for name in one.names}


def test_a_row_has_the_names_of_each_module() -> None:
    row = Option("region", renamed={SETS: "accepter_region_name"}, others=("aws_region",))
    assert row.names_in(PATH) == ("region", "accepter_region_name", "aws_region")
    assert row.spec_in(SETS) == {"type": "str", "aliases": ["region", "aws_region"]}


def test_a_row_has_another_spec_where_it_has_no_effect() -> None:
    row = Option("wait_for", (SETS,), spec={"type": "str", "choices": ["available"]}, elsewhere={"type": "str"})
    assert row.spec_in(SETS) == {"type": "str", "choices": ["available"]}
    assert row.spec_in(PATH) == {"type": "str"}
