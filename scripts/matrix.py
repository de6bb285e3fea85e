"""Runs the tests with each release of ansible-core that the collection supports, as far as a Python for it is on the machine.

Without arguments, all of them; with arguments, those named: ``matrix.py 2.16 2.21``. It prints a table at the end.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from amazon_aws import COLLECTIONS as OWN_COLLECTIONS
from amazon_aws import MEMBERS
from checkout import ROOT

# The Pythons on which a controller with that release runs; the tests themselves need 3.11. The last one found is taken.
PYTHONS = {
    "2.16": ("3.11", "3.12"),
    "2.17": ("3.11", "3.12"),
    "2.18": ("3.11", "3.12", "3.13"),
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.12", "3.13", "3.14"),
    "2.21": ("3.12", "3.13", "3.14"),
}
# The oldest Python that modules run on, as a target of another controller.
TARGET_PYTHON = "3.9"
FOLDER = ROOT / ".matrix"
# What the tests do not use, or what each release wants in a version of its own.
LEFT_OUT = re.compile(r"(ansible-core|ansible-lint|ansible-compat|resolvelib|black|ruff|mypy|yamllint|wcmatch|bracex)\b")
CLOSING_LINE = re.compile(r"^=*\s*((?:\d+ \w+,? ?)+) in [\d.]+s.*$", re.MULTILINE)


@dataclass
class Row:
    """One line of the table."""

    core: str
    python: str
    outcome: str
    is_failure: bool = False


def find_python(version: str) -> str | None:
    """Return an interpreter of that version that really runs and can make virtual environments; None if there is none."""
    name = f"python{version}"
    # A version manager's stand-in may be on PATH without a Python behind it.
    shelves = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin"), reverse=True)
    for candidate in [*(str(shelf / name) for shelf in shelves), shutil.which(name)]:
        if candidate and subprocess.run([candidate, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def make_environment(name: str, interpreter: str, requirements: list[str]) -> Path:
    """Make a virtual environment, unless it is there with the same requirements, and return its Python."""
    folder = FOLDER / name
    stamp, wanted = folder / "stamp", "\n".join(requirements)
    python = folder / "bin" / "python"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([interpreter, "-m", "venv", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
        subprocess.run([*pip, *requirements], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def run(core: str, interpreter: str, target: Path | None) -> str:
    """Run the tests with one release; return pytest's closing line, which says whether any failed."""
    pinned = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    requirements = [line for line in pinned if line and not line.startswith("#") and not LEFT_OUT.match(line)]
    python = make_environment(core, interpreter, [f"ansible-core=={core}.*", *requirements])
    shutil.copytree(OWN_COLLECTIONS / MEMBERS, FOLDER / core / "collections" / MEMBERS, dirs_exist_ok=True)
    environment = {**os.environ, **({"ATLAS_TARGET_PYTHON": str(target)} if target else {})}
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-n", "4", "--dist", "worksteal", "tests/unit", "tests/integration"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    lines = CLOSING_LINE.findall(done.stdout)
    if done.returncode or not lines:
        print(done.stdout)
    return lines[-1] if lines else f"pytest ended with {done.returncode}"


def main() -> int:
    """Run what was asked for, print the table, and return the exit status."""
    asked = sys.argv[1:] or list(PYTHONS)
    FOLDER.mkdir(exist_ok=True)
    found = find_python(TARGET_PYTHON)
    target = make_environment(f"target-{TARGET_PYTHON}", found, ["requests"]) if found else None
    rows = []
    for core in asked:
        python = next((version for version in reversed(PYTHONS[core]) if find_python(version)), None)
        if python is None:
            rows.append(Row(core, "-", f"not run: none of Python {', '.join(PYTHONS[core])} is here"))
            continue
        print(f"ansible-core {core} on Python {python} …", flush=True)
        started = time.monotonic()
        outcome = run(core, str(find_python(python)), target)
        is_failure = "failed" in outcome or "error" in outcome or "passed" not in outcome
        rows.append(Row(core, python, f"{outcome}, {time.monotonic() - started:.0f} s", is_failure))
    target_row = f"modules on Python {TARGET_PYTHON}: {'tested as a target' if target else 'not tested, it is not here'}"
    print("\nansible-core  Python  outcome")
    for row in rows:
        print(f"{row.core:<12}  {row.python:<6}  {row.outcome}")
    print(target_row)
    return int(any(row.is_failure for row in rows))


if __name__ == "__main__":
    sys.exit(main())
