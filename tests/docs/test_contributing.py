"""The module that CONTRIBUTING.md adds as an example runs, when its steps are followed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.server import running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRunner

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w/]+\.\w+)`:\n\n(?:<!-- [^>]* -->\n)?```\w+\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
MODULE = "plugins/modules/atlas_rate_limit_info.py"


@pytest.mark.parametrize("way", ["in process", pytest.param("module", marks=pytest.mark.full)])
def test_the_new_module_works(way: str, tmp_path: Path) -> None:
    collection = tmp_path / "collections" / "ansible_collections" / "cloudpeer" / "atlas"
    shutil.copytree(ROOT / "plugins", collection / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("galaxy.yml", "meta"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, collection / name)
    assert len(FILES) == 4
    for name, content in FILES.items():
        assert not (collection / name).exists()
        (collection / name).parent.mkdir(parents=True, exist_ok=True)
        (collection / name).write_text(content, encoding="utf-8")
    # Its documentation is another matter, and said in words.
    assert MODULE in TEXT
    copied = (collection / "plugins/modules/atlas_vpc_peer_info.py").read_text(encoding="utf-8")
    (collection / MODULE).write_text(
        copied.replace("_operations.atlas_vpc_peer_info", "_operations.atlas_rate_limit_info"), encoding="utf-8"
    )
    (tasks,) = (collection / name for name in FILES if name.endswith(".yml"))
    scenario = tmp_path / "target.yml"
    include = {"name": "Run the target", "ansible.builtin.include_tasks": str(tasks)}
    scenario.write_text(json.dumps([{"name": "Target", "hosts": "localhost", "gather_facts": False, "tasks": [include]}]))
    with running(Settings(rate_limit="100/30/60")) as emulator:
        run = PlaybookRunner(tmp_path)(scenario, emulator, way=way, ANSIBLE_COLLECTIONS_PATH=str(collection.parents[2]))
    assert run.warnings == []
    assert next(one for one in run.results if "rate_limits" in one)["rate_limits"][0]["capacity"] == 100
