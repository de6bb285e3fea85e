"""Runs the linters, or those whose names begin with an argument (`lint.py ruff mypy`), and fails if one complained."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from checkout import COLLECTION, ROOT, exit_with, linked_collection

INSTALLED_PATH = re.compile(r"\S*/ansible_collections/cloudpeer/atlas/")


def run(title: str, arguments: list[str], link: Path) -> bool:
    """Run a tool of this environment in the checkout, and print its output if it fails.

    Args:
        title: What to call the tool.
        arguments: The module to run, and its arguments.
        link: The collection's folder within a collection path. In the output, it is replaced by paths of the checkout.

    Returns:
        Whether the tool succeeded.
    """
    environment = {
        **os.environ,
        # ansible-lint runs Ansible's programs by name and warns when it has to look for them.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        # It checks the syntax of playbooks, which use the collection by its name.
        "ANSIBLE_COLLECTIONS_PATH": str(link.parents[2]),
        "MYPYPATH": os.pathsep.join([str(link.parents[2]), str(ROOT / "scripts")]),
    }
    result = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode == 0:
        print(f"{title}: passed", flush=True)
        return True
    print(f"{title}: FAILED\n{INSTALLED_PATH.sub('', result.stdout)}", flush=True)
    return False


def main() -> int:
    """Run the linters that were named, or all, and return the exit status."""
    names = tuple(sys.argv[1:])
    with linked_collection() as link:
        results = [
            run(title, arguments, link)
            for title, arguments in (
                ("ansible-lint", ["ansiblelint", "-q", "--nocolor"]),
                ("ruff check", ["ruff", "check", "--quiet", "."]),
                ("ruff format", ["ruff", "format", "--check", "--quiet", "."]),
                (
                    "mypy on the plugins",
                    ["mypy", "--no-error-summary", "-p", f"{COLLECTION}.plugins", "-p", f"{COLLECTION}.playbooks"],
                ),
                ("mypy on the emulator", ["mypy", "--no-error-summary", "-p", "tests.emulator"]),
                ("mypy on the clouds", ["mypy", "--no-error-summary", "-p", "tests.clouds"]),
                ("mypy on the scripts", ["mypy", "--no-error-summary", "scripts"]),
                ("vulture", ["vulture"]),
                ("yamllint", ["yamllint", "--strict", "."]),
            )
            if not names or title.startswith(names)
        ]
    if not results:
        print(f"There is no linter {', '.join(names)}.", file=sys.stderr)
        return 2
    return 0 if all(results) else 1


if __name__ == "__main__":
    exit_with(main)
