"""The benchmarks: what they compute from what they have measured, and what they leave out."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.benchmarks import start, tables
from ansible_collections.cloudpeer.atlas.tests.benchmarks.growth import OLD, least_seconds, plots_of, released, table_of
from ansible_collections.cloudpeer.atlas.tests.benchmarks.processor import findings_of
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT


@pytest.mark.parametrize(("size", "seconds"), [(1, 0), (50, 0), (150, 20), (300, 50)])
def test_a_rate_takes_its_time(size: int, seconds: float) -> None:
    assert least_seconds(size, (50, 5)) == seconds


def test_growth_leaves_out_what_little_takes() -> None:
    found = findings_of({"a list": [1.0, 3.0, 5.0], "another": [0.5, 1.5, 4.5]}, (2, 400, 800))
    assert "| a list | 1.00 | 3.00 | 5.00 | 2.00 |" in found.tables
    assert [line.partition(":")[0] for line in found.goals] == ["- met", "- NOT met"]


def test_an_earlier_release_comes_from_the_history() -> None:
    with released("0.0.1") as missing:
        assert missing is None
    with released(OLD) as folder:
        if folder is None:
            pytest.skip("there is no history here")
        root = folder / "ansible_collections" / "cloudpeer" / "atlas"
        assert f"version: {OLD}\n" in (root / "galaxy.yml").read_text(encoding="utf-8")
    assert not folder.exists()


def test_an_archive_has_no_history(tmp_path: Path) -> None:
    with released(OLD, tmp_path) as folder:
        assert folder is None


def test_plots_say_in_words_what_they_show() -> None:
    seconds, requests = plots_of(
        {"atlas_peering": {1: (4.0, 30), 50: (9.2, 260)}}, {"atlas_peering": {1: (1.0, 6), 300: (61.0, 610)}}
    )
    assert "both sides, 5 AWS accounts: atlas_peering 4 to 9 (at 50)" in seconds.alt
    assert "the least by AWS's rate 0 to 50 (at 300)" in seconds.alt
    assert "AWS's side, one account: atlas_peering 6 to 610 (at 300)." in requests.alt
    assert (ROOT / "docs" / seconds.file).parent.is_dir()


def test_a_table_has_a_column_for_each_number_of_connections() -> None:
    lines = table_of({"a": {1: (4.0, 30), 50: (9.26, 260)}, "b": {10: (1.0, 2)}}).splitlines()
    assert lines == [
        "| way | 1 | 10 | 50 |",
        "| --- | ---: | ---: | ---: |",
        "| a | 4.0 / 30 | - | 9.3 / 260 |",
        "| b | - | 1.0 / 2 | - |",
    ]


def test_writing_leaves_what_others_have_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "performance.md"
    text = tables.PAGE.read_text(encoding="utf-8")
    page.write_text(text, encoding="utf-8")
    monkeypatch.setattr(tables, "PAGE", page)
    tables.write("| a table |")
    above, mark, below = text.partition("<!-- measured -->")
    assert "| OpenTofu as it is | 53.3 / 245 | 12.6 / 152 | 1.94 / 150 | 53.2 / 250 |" in above
    assert page.read_text(encoding="utf-8").startswith(f"{above}{mark}\n\n| a table |\n\n<!-- end of measured -->")
    assert page.read_text(encoding="utf-8").endswith(below.partition("<!-- end of measured -->")[2])


def test_the_start_of_a_task_is_compared_with_a_release() -> None:
    now, before = {"atlas_vpc_peer": 0.15, "atlas_vpc_peers": 0.2, "atlas_peering": 0.25}, {"atlas_peering": 0.5}
    assert start.table_of(now, before).splitlines()[-3:] == [
        "| `atlas_vpc_peer` | 0.15 | - | - |",
        "| `atlas_vpc_peers`, 50 connections | 0.20 | - | - |",
        "| `atlas_peering`, 50 connections, `aws: false` | 0.25 | 0.50 | 0.50 |",
    ]
    assert [one.partition(":")[0] for one in start.goals_of({**now, "atlas_peering": 0.2}, before)] == ["- met"]
    assert [one.partition(":")[0] for one in start.goals_of(now, before)] == ["- NOT met"]
    assert [*start.goals_of(now, {})] == []


def test_a_creation_is_compared_with_another_commit() -> None:
    now, before = dict.fromkeys(start.CREATIONS, 0.012), {"a creation, in process": 0.01}
    assert start.creations_of(now, before, "5a54f06b").splitlines()[-4:] == [
        "| creation | milliseconds | milliseconds of 5a54f06b | milliseconds : those of 5a54f06b |",
        "| --- | ---: | ---: | ---: |",
        "| a creation, in process | 12.0 | 10.0 | 1.20 |",
        "| a creation, as a module | 12.0 | - | - |",
    ]
