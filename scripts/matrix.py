"""Runs the tests with each supported release of ansible-core for which a suitable Python is installed, and prints a table.

Arguments choose releases: `matrix.py 2.16 newest`. The argument `requests` runs the tests of the plugins with the oldest requests
that users may have. With `--quick`, only those tests run whose result can depend on ansible-core; with the newest release, also
those whose result can depend on the newest Python.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from checkout import ROOT, exit_with
from cores import FOLDER, NEWEST, OLDEST, PYTHONS, expand, find_python, locked, make_environment, target_python

ALL_TESTS = ("--full", "tests/unit", "tests/properties", "tests/reliability", "tests/repository", "tests/integration")
# What runs playbooks, or works with ansible-core's own classes.
CORE_TESTS = (
    "tests/unit/plugins/inventory",
    "tests/unit/plugins/modules",
    "tests/unit/plugins/plugin_utils",
    "tests/unit/plugins/module_utils/_engine",
    "tests/integration",
    # Reports are written without ansible-core.
    "--ignore-glob=*/_report/*",
)
# Without the tests of the emulator and of the repository, without the thousands of made-up examples, without playbooks, which the
# oldest release runs, and without Operations, the check and its reports: they meet ansible-core in the engine alone, and reckon
# with what they have read, which no Python does differently.
QUICK_TESTS = {
    NEWEST: (
        "tests/unit/plugins",
        "--ignore-glob=*/_check/*",
        "--ignore-glob=*/_report/*",
        "--ignore-glob=*/_sides/*",
        "--ignore-glob=*/_operations/*",
    )
}
# What the tests do not use, or what each release of ansible-core needs in a version of its own.
LEFT_OUT = re.compile(r"(ansible-core|ansible-lint|ansible-compat|resolvelib|black|ruff|mypy|librt|yamllint|wcmatch|bracex)\b")
REQUESTS = "requests"
UTILS = "tests/unit/plugins/module_utils"
FAULTS = f"{UTILS}/_operations/test_faults.py"
# Without the tests of what talks to AWS, which need an AWS, and no requests, nor those of results and reports, which need a
# schema.
PLUGIN_TESTS = (
    "tests/unit/plugins",
    "--ignore-glob=*/_aws/*",
    "--ignore-glob=*accepter*",
    "--ignore-glob=*/atlas_vpc_peer_check/*",
    "--ignore-glob=*/atlas_peering/*",
    "--ignore-glob=*/_sides/*",
    "--ignore-glob=*/_report/*",
    "--ignore-glob=*/_results/test_result.py",
    "--ignore-glob=*/test_saved_plan.py",
    f"--deselect={FAULTS}::test_each_write_may_go_wrong[accepter",
    f"--deselect={FAULTS}::test_each_write_may_go_wrong[path",
    f"--deselect={FAULTS}::test_no_side_sends_while_it_says_what_it_waits_for",
    # google-auth of that time asks for the project as well, although the environment names it.
    f"--deselect={UTILS}/_gcp/test_session.py::test_impersonation_is_no_write_and_its_source_is_secret[credentials1",
    # The clients of that time are older than Python 3.12, which warns of it.
    "-Wignore:datetime.datetime.utcnow:DeprecationWarning",
)
CLOSING_LINE = re.compile(r"^=*\s*((?:\d+ \w+,? ?)+) in [\d.]+s.*$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One line of the matrix: which tests run with what."""

    name: str
    core: str
    requirements: list[str]
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """Its result, as a line of the table."""

    name: str
    python: str
    outcome: str
    is_failure: bool = False


def entry(name: str, is_quick: bool) -> Entry:
    """Return the entry of this name, which is a release of ansible-core or `requests`."""
    if name == REQUESTS:
        oldest = locked("oldest")
        (requests,) = [one.split()[0] for one in oldest if one.startswith("requests==")]
        return Entry(requests, OLDEST, oldest, PLUGIN_TESTS)
    shared = [requirement for requirement in locked("dev") if not LEFT_OUT.match(requirement)]
    tests = QUICK_TESTS.get(name, CORE_TESTS) if is_quick else ALL_TESTS
    return Entry(f"ansible-core {name}", name, locked(f"core-{name}") + shared, tests)


def run(entry: Entry, folder: str, interpreter: str, target: Path | None) -> tuple[bool, str]:
    """Run the tests of an entry in an environment of that name; return whether they passed, and pytest's closing line."""
    try:
        python = make_environment(folder, interpreter, entry.requirements)
    except subprocess.CalledProcessError:
        return False, "its environment could not be created; the reason is above"
    environment = {**os.environ, **({"ATLAS_TARGET_PYTHON": str(target)} if target else {})}
    with tempfile.TemporaryDirectory(prefix="cloudpeer-atlas-") as place:
        # Old releases of ansible-core split the path of the controller's own Python at spaces.
        shortcut = Path(place, "environment")
        shortcut.symlink_to(FOLDER / folder, target_is_directory=True)
        done = subprocess.run(
            [
                str(shortcut / python.relative_to(FOLDER / folder)),
                "-m",
                "pytest",
                "-q",
                "-n",
                "4",
                "--dist",
                "worksteal",
                # Pytest's record of failed tests is that of the project's own environment.
                "-pno:cacheprovider",
                *entry.tests,
            ],
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


def test(name: str, is_quick: bool, target: Path | None) -> Row:
    """Run the tests of the entry with this name, if a suitable Python is installed."""
    this = entry(name, is_quick)
    pythons = PYTHONS[this.core]
    found = find_python(*pythons)
    if found is None:
        return Row(this.name, "-", f"not run: none of Python {', '.join(pythons)} is installed")
    version, interpreter = found
    print(f"{this.name} on Python {version} …", flush=True)
    started = time.monotonic()
    passed, outcome = run(this, name, interpreter, target)
    return Row(this.name, version, f"{outcome}, {time.monotonic() - started:.0f} s", not passed)


def main() -> int:
    """Run the entries in the arguments, print the table, and return the exit status."""
    arguments = sys.argv[1:]
    is_quick = "--quick" in arguments
    names = [name for name in arguments if name != "--quick"]
    try:
        asked = expand([name for name in names if name != REQUESTS])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if REQUESTS in names:
        asked.append(REQUESTS)
    target = target_python()
    rows = [test(name, is_quick, target) for name in asked or [*PYTHONS, REQUESTS]]
    width = max(len(row.name) for row in rows)
    print(f"\n{'with':<{width}}  Python  outcome")
    for row in rows:
        print(f"{row.name:<{width}}  {row.python:<6}  {row.outcome}")
    return int(any(row.is_failure for row in rows))


if __name__ == "__main__":
    exit_with(main)
