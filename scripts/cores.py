"""The releases of ansible-core that the collection supports, and environments with a suitable Python for each of them.

As a program, it prepares the oldest Python that modules run on, and prints its path, or nothing if it is not installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from checkout import ROOT

# The Pythons that a controller with each release supports and on which the tests run (3.11 or later). The last one found is used.
PYTHONS = {
    "2.16": ("3.11", "3.12"),
    "2.17": ("3.11", "3.12"),
    "2.18": ("3.11", "3.12", "3.13"),
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.12", "3.13", "3.14"),
    "2.21": ("3.12", "3.13", "3.14"),
    "2.22": ("3.13", "3.14"),
}
OLDEST, *_between, NEWEST = PYTHONS
# The oldest Python that modules run on, on a target whose controller has another one.
TARGET_PYTHON = "3.9"
# The environments stay here, so that the next run can use them again.
FOLDER = ROOT / ".matrix"


def expand(names: list[str]) -> list[str]:
    """Return the releases with these names, each a number, `oldest` or `newest`.

    Raises:
        ValueError: If a release is not supported.
    """
    meant = [{"oldest": OLDEST, "newest": NEWEST}.get(name, name) for name in names]
    unknown = [name for name in meant if name not in PYTHONS]
    if unknown:
        raise ValueError(f"ansible-core {', '.join(unknown)} is not supported, only {', '.join(PYTHONS)}, oldest and newest.")
    return meant


def pinned_core() -> str:
    """Return the release in the development environment, such as `2.19`."""
    (core,) = filter(None, (re.match(r"ansible-core==(\d+\.\d+)", one) for one in locked("dev")))
    return core[1]


def locked(name: str) -> list[str]:
    """Return the requirements of a lock file, each with the hashes of its files.

    Args:
        name: The file's name in `requirements/`, without its extension.
    """
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return re.split(r"^(?=[\w.-]+(?:\[[\w,]+\])?==)", text, flags=re.MULTILINE)[1:]


def makes_environments(interpreter: str) -> bool:
    """Return whether an interpreter runs, and can create virtual environments.

    A version manager's placeholder can be on PATH without a Python behind it.
    """
    return subprocess.run([interpreter, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0


def find_python(*versions: str) -> tuple[str, str] | None:
    """Return the last of the versions that is installed, and its interpreter; None if none is installed."""
    for version in reversed(versions):
        name = f"python{version}"
        shelves = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin"), reverse=True)
        for folder in [*map(str, shelves), *os.get_exec_path()]:
            candidate = shutil.which(name, path=folder)
            if candidate and makes_environments(candidate):
                return version, candidate
    return None


def make_environment(name: str, interpreter: str, requirements: list[str]) -> Path:
    """Create a virtual environment, unless it exists with the same requirements, and return its Python.

    Args:
        name: The name of its folder.
        interpreter: The Python that makes it.
        requirements: All packages in it, as `locked` returns them.

    Raises:
        subprocess.CalledProcessError: If this fails. The reason was printed.
    """
    folder = FOLDER / name
    # The folder is part of it, because the programs in its bin contain its absolute path.
    stamp, wanted = folder / "stamp", "\n".join([f"# {interpreter} {folder}", *requirements])
    python = folder / "bin" / "python"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([interpreter, "-m", "venv", str(folder)], check=True)
        half_done = folder / "requirements.txt"
        half_done.write_text(wanted, encoding="utf-8")
        # Python compiles what it imports, which is a part of what is installed.
        pip = [str(python), "-m", "pip", "install", "--quiet", "--no-input", "--no-compile", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", str(half_done)], check=True)
        half_done.rename(stamp)
    return python


def target_python() -> Path | None:
    """Return the oldest Python that a target may have, with the oldest packages; None if it is not installed.

    Raises:
        subprocess.CalledProcessError: If its environment cannot be created.
    """
    found = find_python(TARGET_PYTHON)
    return make_environment(f"target-{TARGET_PYTHON}", found[1], locked("target")) if found else None


if __name__ == "__main__":
    try:
        print(target_python() or "")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
