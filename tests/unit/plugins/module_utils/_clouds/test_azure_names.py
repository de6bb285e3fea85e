"""Names of AZURE as Atlas takes them."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.azure import parse_azure_name
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.invalid import InvalidValueError


@pytest.mark.parametrize("name", ["prod-vnet", "a", "Prod.Net_(1)"])
def test_a_name_is_taken_as_it_is(name: str) -> None:
    assert parse_azure_name(name) == name


@pytest.mark.parametrize("name", ["\u00fcnicode", "", "a b", "a/b", "net\n", "\u0661"])
def test_what_atlas_does_not_take_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError, match="is not a name in AZURE"):
        parse_azure_name(name)
