"""The plots of the page on performance."""

from __future__ import annotations

import html
import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.benchmarks.growth import plots_of
from ansible_collections.cloudpeer.atlas.tests.docs.conftest import PYTHON, ROOT


@pytest.mark.gate
def test_the_same_figures_give_the_same_picture(tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.skip("what draws is not installed (make docs)")
    whole, half = {"atlas_peering": {1: (4.0, 30), 50: (9.2, 260)}}, {"atlas_peering": {1: (1.0, 6), 300: (61.0, 610)}}
    seconds = next(plots_of(whole, half))
    pictures = []
    for name in ("one.svg", "other.svg"):
        command = [PYTHON, ROOT / "tests" / "benchmarks" / "draw.py", tmp_path / name]
        subprocess.run(command, input=json.dumps(asdict(seconds)), text=True, check=True)
        pictures.append((tmp_path / name).read_text(encoding="utf-8"))
    assert pictures[0] == pictures[1]
    assert " \n" not in pictures[0]
    # For those who do not see it, and for searches.
    assert seconds.alt in html.unescape(pictures[0])
    assert "atlas_peering</text>" in pictures[0]
