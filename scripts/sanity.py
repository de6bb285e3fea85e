"""Runs ``ansible-test sanity`` on a copy of the checkout, with every Python that the machine has.

ansible-test insists on a real folder named ``ansible_collections/cloudpeer/atlas``, so it gets a copy of the source files.
With ``--core 2.16``, or oldest or newest, it is the ansible-test of that release; without, the one of this environment.
Other arguments are passed on to ansible-test.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from checkout import ROOT, source_files
from cores import PYTHONS, expand, find_python, make_environment, pinned_core


def copy_sources(target: Path) -> None:
    """Copy the source files into a git repository of their own at the target, so that ansible-test sees just them."""
    for name in source_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True)


def core_python(name: str) -> Path | None:
    """Return a Python with the release of ansible-core that is meant, or None if none that the release takes is here.

    Raises:
        ValueError: When there is no such release.
        subprocess.CalledProcessError: When its environment cannot be made.
    """
    (core,) = expand([name])
    if core == pinned_core():
        return Path(sys.executable)
    found = find_python(*PYTHONS[core])
    if found is None:
        print(f"ansible-core {core}: not run, none of Python {', '.join(PYTHONS[core])} is here")
        return None
    print(f"ansible-core {core} on Python {found[0]}", flush=True)
    return make_environment(f"sanity-{core}", found[1], [f"ansible-core=={core}.*"])


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


def main() -> int:
    """Run the tests and return ansible-test's own exit status, or 0 if the release that was asked for cannot be run here."""
    arguments = sys.argv[1:]
    python: Path | None = Path(sys.executable)
    if arguments[:1] == ["--core"]:
        try:
            python = core_python(arguments[1])
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
        except subprocess.CalledProcessError as error:
            print(f"The environment could not be made; why is above ({error}).", file=sys.stderr)
            return 1
        arguments = arguments[2:]
    if python is None:
        return 0
    if not shutil.which("shellcheck"):
        print("shellcheck is not installed: its test is skipped", file=sys.stderr)
    cache = Path.home() / ".ansible" / "test"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cloudpeer-atlas-") as folder, (cache / "cloudpeer-atlas.lock").open("w") as lock:
        # Two runs at a time break each other's environments in that cache.
        fcntl.flock(lock, fcntl.LOCK_EX)
        target = Path(folder, "ansible_collections", "cloudpeer", "atlas")
        copy_sources(target)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
        environment["PATH"] = search_path(python)
        command = [str(python), str(python.with_name("ansible-test")), "sanity", *arguments]
        return subprocess.run(command, cwd=target, env=environment, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
