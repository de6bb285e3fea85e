"""What a module has imported when it has run as Ansible runs it, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from .environment import own_environment
from .paths import ROOT

PLUGINS = "ansible_collections.cloudpeer.atlas.plugins"
SHARED = f"{PLUGINS}.module_utils."
UTILS = ROOT / "plugins" / "module_utils"
FILES = {".".join(file.relative_to(UTILS).with_suffix("").parts) for file in UTILS.rglob("*.py")}
# Prints what was imported after the result.
_TASK = """
import atexit, importlib, json, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.loads(sys.argv[2])}).encode()
basic._ANSIBLE_PROFILE = "legacy"
atexit.register(lambda: print(json.dumps([*sys.modules])))
importlib.import_module(sys.argv[1]).main()
"""


def imported(script: str, *arguments: str) -> set[str]:
    """Return what a script has imported in a process of its own, by its last line."""
    environment = {**own_environment(), "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    command = [sys.executable, "-c", script, *arguments]
    run = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return {*json.loads(run.stdout.splitlines()[-1])}


def ours(names: set[str]) -> set[str]:
    """Return the files of module_utils, as `_api.client`, among what was imported."""
    return {name.removeprefix(SHARED) for name in names} & FILES


def imported_by(module: str, options: Mapping[str, Any]) -> set[str]:
    """Return the files of module_utils that a module has imported when it has run with these options."""
    return ours(imported(_TASK, f"{PLUGINS}.modules.{module}", json.dumps(options)))


def source_of(files: set[str]) -> int:
    """Return how many characters of source some files of module_utils have: the first run of a version compiles all of it."""
    return sum(len((UTILS / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8")) for name in files)
