"""Runs the checks that a release has to pass beside tests, linters and ansible-test, and fails if one of them fails.

Runs in .venv-docs, on a copy of the collection's source files, so that other files in the checkout make no difference.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from checkout import ROOT, exit_with, source_files

NAMES = ("ansible_collections", "cloudpeer", "atlas")


class GateError(Exception):
    """The tool succeeded, but its result is not acceptable."""


class Gates:
    """The gates, each a method that returns a line to print.

    Each method raises `subprocess.CalledProcessError` if its tool fails, and `GateError` if the result is not acceptable.

    Args:
        folder: An empty folder for the copy of the collection and all other files.
    """

    def __init__(self, folder: Path) -> None:
        """Copy the collection."""
        self.collections = folder
        self.collection = folder.joinpath(*NAMES)
        self._home = folder / "home"
        self._home.mkdir()
        for name in source_files():
            target = self.collection / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target, follow_symlinks=False)

    def documentation(self) -> str:
        """antsibull-docs accepts the documentation of all modules and the role, and every reference in it has a target."""
        options = ("--plugin-docs", "--validate-collection-refs", "all", "--disallow-unknown-collection-refs")
        said = self._tool("antsibull-docs", "lint-collection-docs", *options, "--skip-rstcheck", str(self.collection))
        return said or "every reference has a target"

    def changelog(self) -> str:
        """The fragments of the changelog are valid, and CHANGELOG.md is generated from changelogs/changelog.yaml."""
        said = self._tool("antsibull-changelog", "lint")
        page = self.collection / "CHANGELOG.md"
        before = page.read_text(encoding="utf-8")
        self._tool("antsibull-changelog", "generate", "--reload-plugins")
        if page.read_text(encoding="utf-8") != before:
            raise GateError("CHANGELOG.md differs from what antsibull-changelog generates from changelogs/changelog.yaml.")
        fragments = len(list((self.collection / "changelogs" / "fragments").glob("*.y*ml")))
        return said or f"CHANGELOG.md is up to date; {fragments} fragments for the next release"

    def importer(self) -> str:
        """galaxy-importer accepts the archive without warnings."""
        self._tool("ansible-galaxy", "collection", "build", "--output-path", str(self.collections))
        (archive,) = self.collections.glob("*.tar.gz")
        said = self._run(sys.executable, "-m", "galaxy_importer.main", str(archive))
        warnings = [line for line in said.splitlines() if line.startswith(("WARNING", "ERROR"))]
        if warnings:
            raise GateError("\n".join(warnings))
        return f"accepts {archive.name}"

    def environment(self) -> str:
        """ansible-builder finds the Python requirements of the collection."""
        said = self._tool("ansible-builder", "introspect", str(self.collections))
        if "requests" not in said or "boto3" not in said:
            raise GateError(said)
        return "finds requests and boto3"

    def site(self) -> str:
        """The built site is complete, and looks right in a browser."""
        said = self._run(
            str(ROOT / ".venv/bin/python"), "-m", "pytest", "-q", "-pno:cacheprovider", "-mgate", "tests/docs", cwd=ROOT
        )
        # Without pytest's frame, so that nobody takes it for the closing line of the whole suite.
        return said.splitlines()[-1].strip("= ").rpartition(" in ")[0]

    def _tool(self, *command: str) -> str:
        """Run a tool of this environment, and return its output."""
        return self._run(str(Path(sys.executable).parent / command[0]), *command[1:])

    def _run(self, *command: str, cwd: Path | None = None) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "GALAXY_IMPORTER_"))}
        return subprocess.run(
            command,
            cwd=cwd or self.collection,
            env={
                **environment,
                # The tools run Ansible's programs by name.
                "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
                "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
                "ANSIBLE_HOME": str(self._home),
                # `make lint` runs ansible-lint with the same profile, on more files and with all rules.
                "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false",
                # Also check what certified collections need.
                "GALAXY_IMPORTER_REQUIRE_V1_OR_GREATER": "true",
                "GALAXY_IMPORTER_CHECK_REQUIRED_TAGS": "true",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        ).stdout.strip()


def main() -> int:
    """Run the gates that were named, or all, and return the exit status."""
    with tempfile.TemporaryDirectory(prefix="cloudpeer-atlas-") as folder:
        gates = Gates(Path(folder))
        every: dict[str, Callable[[], str]] = {
            "documentation": gates.documentation,
            "changelog": gates.changelog,
            "importer": gates.importer,
            "environment": gates.environment,
            "site": gates.site,
        }
        unknown = [name for name in sys.argv[1:] if name not in every]
        if unknown:
            print(f"There is no gate {', '.join(unknown)}, only {', '.join(every)}.", file=sys.stderr)
            return 2
        failed = False
        for name in sys.argv[1:] or every:
            started = time.monotonic()
            try:
                said = every[name]()
            except (subprocess.CalledProcessError, GateError) as error:
                print(f"{name}: FAILED\n{error if isinstance(error, GateError) else error.output}", flush=True)
                failed = True
            else:
                print(f"{name}: {said} ({time.monotonic() - started:.1f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    exit_with(main)
