"""Runs the tests with each release of ansible-core that the collection supports, as far as a Python for it is on the machine.

Without arguments, all of them; with arguments, those named: ``matrix.py 2.16 newest``. With ``--quick``, only the tests that a
release of ansible-core can make a difference to. It prints a table at the end.
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
from cores import FOLDER, PYTHONS, expand, find_python, make_environment, target_python

ALL_TESTS = ("tests/unit", "tests/integration")
# Leaves out what only asks the emulator or reads the repository, and the thousands of made-up cases for code below Ansible.
QUICK_TESTS = ("tests/unit/plugins", "tests/integration")
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


def run(core: str, interpreter: str, target: Path | None, tests: tuple[str, ...]) -> tuple[bool, str]:
    """Run the tests with one release; return whether they passed, and pytest's closing line."""
    pinned = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    requirements = [line for line in pinned if line and not line.startswith("#") and not LEFT_OUT.match(line)]
    try:
        python = make_environment(core, interpreter, [f"ansible-core=={core}.*", *requirements])
    except subprocess.CalledProcessError:
        return False, "its environment could not be made; why is above"
    shutil.copytree(OWN_COLLECTIONS / MEMBERS, FOLDER / core / "collections" / MEMBERS, dirs_exist_ok=True)
    environment = {**os.environ, **({"ATLAS_TARGET_PYTHON": str(target)} if target else {})}
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-n", "4", "--dist", "worksteal", *tests],
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
    return done.returncode == 0, lines[-1] if lines else f"pytest ended with {done.returncode}"


def main() -> int:
    """Run what was asked for, print the table, and return the exit status."""
    arguments = sys.argv[1:]
    tests = QUICK_TESTS if "--quick" in arguments else ALL_TESTS
    try:
        asked = expand([name for name in arguments if name != "--quick"]) or list(PYTHONS)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    target = target_python()
    rows = []
    for core in asked:
        found = find_python(*PYTHONS[core])
        if found is None:
            rows.append(Row(core, "-", f"not run: none of Python {', '.join(PYTHONS[core])} is here"))
            continue
        version, interpreter = found
        print(f"ansible-core {core} on Python {version} …", flush=True)
        started = time.monotonic()
        passed, outcome = run(core, interpreter, target, tests)
        rows.append(Row(core, version, f"{outcome}, {time.monotonic() - started:.0f} s", not passed))
    print("\nansible-core  Python  outcome")
    for row in rows:
        print(f"{row.core:<12}  {row.python:<6}  {row.outcome}")
    return int(any(row.is_failure for row in rows))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
