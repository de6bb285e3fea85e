"""A table of the clouds reads only what it is asked for."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.cloud import KINDS, ByName


def test_an_entry_is_read_when_it_is_asked_for() -> None:
    read: list[str] = []

    def load(name: str) -> str:
        read.append(name)
        return name.lower()

    table = ByName({"AWS": lambda: load("AWS"), "GCP": lambda: load("GCP")})
    assert (list(table), len(table), "AZURE" in table, table.get("AZURE", "none")) == (["AWS", "GCP"], 2, False, "none")
    assert read == []
    assert table["GCP"] == "gcp"
    assert read == ["GCP"]


def test_each_kind_of_containers_has_its_name() -> None:
    assert {name: kind.name for name, kind in KINDS.items()} == {"AWS": "AWS", "AZURE": "AZURE", "GCP": "GCP"}
