"""Runs `ansible-test sanity` on a copy of the checkout, with every Python that the machine has.

With `--core 2.16`, or oldest or newest, it is the ansible-test of that release; without, the one of this environment.
Other arguments are passed on to ansible-test.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from ansible_test import run_ansible_test
from checkout import exit_with
from cores import PYTHONS, expand, find_python, locked, make_environment, pinned_core

# What every release of ansible-core needs, in the versions of the development environment.
NEEDED = re.compile(r"(cffi|cryptography|jinja2|markupsafe|packaging|pycparser|pyyaml)\b")


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
    shared = [requirement for requirement in locked("dev") if NEEDED.match(requirement)]
    return make_environment(f"sanity-{core}", found[1], locked(f"core-{core}") + shared)


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
    return run_ansible_test(python, "sanity", *arguments)


if __name__ == "__main__":
    exit_with(main)
