"""Runs ansible-test on a copy of the checkout, as a program with the arguments of ansible-test.

ansible-test insists on a real folder named `ansible_collections/cloudpeer/atlas`, so it gets a copy of the source files.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from checkout import ROOT, exit_with, source_files


def copy_sources(target: Path) -> None:
    """Copy the source files into a git repository of their own at the target, so that ansible-test sees just them."""
    for name in source_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True)


def search_path(python: Path) -> str:
    """Return a PATH with an environment first, and with pyenv's interpreters in place of its shims.

    A shim exists for every installed version and fails unless that version is switched on, which ansible-test takes for a
    failure of the code.
    """
    folders: list[Path] = [python.parent]
    interpreters: list[Path] = []
    for folder in map(Path, filter(None, os.environ["PATH"].split(os.pathsep))):
        if folder.name == "shims" and (folder.parent / "versions").is_dir():
            interpreters += sorted(folder.parent.glob("versions/3.*/bin"), reverse=True)
        else:
            folders.append(folder)
    return os.pathsep.join(map(str, dict.fromkeys(folders + interpreters)))


def run_ansible_test(python: Path, *arguments: str) -> int:
    """Run the ansible-test beside a Python on a copy of the checkout, and return its exit status."""
    cache = Path.home() / ".ansible" / "test"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cloudpeer-atlas-") as folder, (cache / "cloudpeer-atlas.lock").open("w") as lock:
        # Two runs at a time break each other's environments in that cache.
        fcntl.flock(lock, fcntl.LOCK_EX)
        target = Path(folder, "ansible_collections", "cloudpeer", "atlas")
        copy_sources(target)
        # ansible-test writes the path of the interpreter behind #!, where it must not contain a space.
        link = Path(folder, "environment")
        link.symlink_to(python.parent.parent, target_is_directory=True)
        python = link / "bin" / python.name
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
        environment["PATH"] = search_path(python)
        command = [str(python), str(python.with_name("ansible-test")), *arguments]
        return subprocess.run(command, cwd=target, env=environment, check=False).returncode


if __name__ == "__main__":
    exit_with(lambda: run_ansible_test(Path(sys.executable), *sys.argv[1:]))
