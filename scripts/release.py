"""Prepares a release: the version, the changelog, everything that a release has to pass, and the archive.

It leaves the changes in the work tree, to be committed and tagged, and says how. If anything fails, the tree is as it was before.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import cores
from checkout import ROOT, exit_with

GALAXY = "galaxy.yml"
# The places of the version: the file, and what the line looks like in it.
PLACES = {GALAXY: "version: {}", "plugins/module_utils/_version.py": 'VERSION = "{}"'}
FRAGMENTS = ROOT / "changelogs" / "fragments"
ANTSIBULL_CHANGELOG = ROOT / ".venv-docs" / "bin" / "antsibull-changelog"
# What make is asked for; the tests among it see the version and the changelog of the release.
CHECKS = ("lint", "sanity", "sanity CORE=oldest", "gates", "test-full", "matrix ARGS=requests")
_VERSION = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}")


class ReleaseError(Exception):
    """The release cannot be made."""


def run(*command: str | Path) -> None:
    """Run a command in the checkout, with its output on the terminal.

    Raises:
        ReleaseError: When it fails.
    """
    # antsibull-changelog looks for ansible-doc on PATH.
    environment = {**os.environ, "PATH": os.pathsep.join([str(ANTSIBULL_CHANGELOG.parent), os.environ["PATH"]])}
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
        raise ReleaseError(f"{' '.join(map(str, command))} failed; what it said is above.")


def current_version() -> str:
    """Return the version in galaxy.yml."""
    (version,) = re.findall(r"^version: (.*)$", (ROOT / GALAXY).read_text(encoding="utf-8"), re.MULTILINE)
    return str(version)


def check(version: str) -> None:
    """Check that a release of this version can be made from the checkout as it is.

    Args:
        version: Three numbers with dots between them.

    Raises:
        ReleaseError: When it cannot, with what to do about it.
    """
    if not _VERSION.fullmatch(version):
        raise ReleaseError(f"{version or 'Nothing'} is not a version. Give three numbers: make release VERSION=1.2.3")
    current = current_version()
    if [int(part) for part in version.split(".")] <= [int(part) for part in current.split(".")]:
        raise ReleaseError(f"{version} is not newer than {current}, the version in {GALAXY}.")
    command = ["git", "status", "--porcelain"]
    changed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    if changed:
        raise ReleaseError(f"The work tree has changes; commit or stash them:\n{changed.rstrip()}")
    if not cores.find_python(*cores.PYTHONS[cores.OLDEST]):
        pythons = " or ".join(cores.PYTHONS[cores.OLDEST])
        raise ReleaseError(f"The oldest ansible-core, {cores.OLDEST}, has to be checked as well. Install Python {pythons}.")
    if not [*FRAGMENTS.glob("*.yml"), *FRAGMENTS.glob("*.yaml")]:
        raise ReleaseError("changelogs/fragments/ has no fragments, so users would not learn what is new. Add at least one.")


def write_version(version: str) -> None:
    """Write a version into all of its places.

    Raises:
        ReleaseError: When a place does not have the version that galaxy.yml has.
    """
    current = current_version()
    for name, line in PLACES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        if f"\n{line.format(current)}\n" not in text:
            raise ReleaseError(f"{name} does not have the line {line.format(current)}")
        (ROOT / name).write_text(text.replace(f"\n{line.format(current)}\n", f"\n{line.format(version)}\n"), encoding="utf-8")


def restore() -> None:
    """Undo what was changed; the tree was clean before, so everything in it is the release's own."""
    subprocess.run(["git", "restore", "--quiet", "--staged", "--worktree", "."], cwd=ROOT, check=True)
    subprocess.run(["git", "clean", "--quiet", "--force", "changelogs"], cwd=ROOT, check=True)


def release(version: str) -> Path:
    """Make the release and return its archive.

    Raises:
        ReleaseError: When it cannot be made.
    """
    check(version)
    archive = ROOT / f"cloudpeer-atlas-{version}.tar.gz"
    try:
        write_version(version)
        run(ANTSIBULL_CHANGELOG, "release", "--reload-plugins")
        for asked in CHECKS:
            run("make", "--no-print-directory", *asked.split())
        run(Path(sys.executable).with_name("ansible-galaxy"), "collection", "build", "--force", "--output-path", str(ROOT))
        if not archive.is_file():
            raise ReleaseError(f"{archive.name} was not built.")
    except BaseException:
        restore()
        raise
    return archive


def main() -> int:
    """Make the release that was asked for and return the exit status."""
    version = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        archive = release(version)
    except ReleaseError as error:
        print(f"Release: {error}", file=sys.stderr)
        return 1
    print(f"\n{archive.name} is built. To publish it, commit the changes and push the tag, which starts publish.yml:\n")
    print(f'  git add --all && git commit --message "Release {version}"')
    print(f"  git tag {version} && git push origin HEAD {version}")
    return 0


if __name__ == "__main__":
    exit_with(main)
