"""Which files of the collection Ansible compiles: its loader of collections keeps none, Python keeps each until it changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.environment import own_environment
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

# Loads an action plugin as a playbook does, and prints which files below a folder were compiled for it.
LOADS = """
import sys
found = []
sys.addaudithook(lambda event, args: event == "compile" and args[1] and found.append(str(args[1])))
from ansible.plugins.loader import action_loader, init_plugin_loader
init_plugin_loader([sys.argv[1]])
assert action_loader.get("cloudpeer.atlas.atlas_vpc_peer", class_only=True)
print("\\n".join(name for name in found if name.startswith(sys.argv[1])))
"""
BEFORE_ALL = "plugins/__init__.py"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The folder of the installed collection."""
    folder = tmp_path.joinpath("ansible_collections", "cloudpeer", "atlas")
    shutil.copytree(ROOT / "plugins", folder / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "meta", folder / "meta")
    return folder


def compiled(installed: Path) -> set[str]:
    environment = {**own_environment(), "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", LOADS, str(installed.parents[2])]
    run = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return {os.path.relpath(name, installed) for name in run.stdout.splitlines()}


def test_ansible_compiles_a_file_once_for_each_version(installed: Path) -> None:
    first = compiled(installed)
    assert {BEFORE_ALL, "plugins/plugin_utils/_action.py", "plugins/module_utils/_engine/operation.py"} <= first
    assert compiled(installed) == {BEFORE_ALL}
    changed = installed / "plugins" / "module_utils" / "_engine" / "operation.py"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n# Another line.\n", encoding="utf-8")
    assert compiled(installed) == {BEFORE_ALL, "plugins/module_utils/_engine/operation.py"}
