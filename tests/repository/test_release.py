"""`make release`: what it refuses, what it leaves in the checkout, and that a failure leaves nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FRAGMENT = "---\nbugfixes:\n  - atlas_vpc_peer - an example.\n"
# Stand-ins: what takes minutes, and what is not in the environment of the tests. Both write down what they were called with.
PROGRAMS = {
    "bin/python3.12": "exit 0\n",
    "bin/make": 'shift; echo "make $*" >>calls\n[ ! -f fail ] || [ "$1" != gates ]\n',
    "checkout/.venv-docs/bin/antsibull-changelog": (
        'echo "changelog $*" >>calls\nrm changelogs/fragments/*.yml\necho new >>CHANGELOG.md\n'
    ),
}


class Checkout:
    """A repository with as much of the collection as a release is made of."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder / "checkout"
        self._programs = folder / "bin"
        scripts = ("scripts/release.py", "scripts/checkout.py", "scripts/cores.py")
        for name in (*scripts, "galaxy.yml", "plugins/module_utils/_version.py", "README.md"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, self.folder / name)
        for name, text in PROGRAMS.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
            (folder / name).chmod(0o755)
        self.write(".gitignore", "/.venv-docs/\n/calls\n/fail\n/*.tar.gz\n__pycache__/\n")
        self.write("LICENSE", "text\n")
        self.write("meta/runtime.yml", "---\nrequires_ansible: '>=2.16.0'\n")
        self.write("CHANGELOG.md", "old\n")
        self.write("changelogs/fragments/.keep", "")
        self.git("init", "--quiet")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def git(self, *command: str) -> str:
        author = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
        return subprocess.run(["git", *author, *command], cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def commit(self, *, fragment: bool = True) -> None:
        if fragment:
            self.write("changelogs/fragments/example.yml", FRAGMENT)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "All of it")

    def release(self, *version: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "scripts/release.py", *version],
            cwd=self.folder,
            env={**os.environ, "PATH": os.pathsep.join([str(self._programs), os.environ["PATH"]])},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []

    @property
    def status(self) -> list[str]:
        return self.git("status", "--porcelain").splitlines()


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Checkout:
    return Checkout(root, tmp_path)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ((), "Nothing is not a version"),
        (("2.0",), "2.0 is not a version"),
        (("v99.0.0",), "v99.0.0 is not a version"),
        (("99.0.0-rc1",), "99.0.0-rc1 is not a version"),
        (("1.99.99",), "1.99.99 is not newer than"),
    ],
)
def test_what_is_not_a_newer_version_is_refused(checkout: Checkout, version: tuple[str, ...], message: str) -> None:
    checkout.commit()
    done = checkout.release(*version)
    assert done.returncode == 1
    assert message in done.stderr
    assert (checkout.calls, checkout.status) == ([], [])


def test_the_same_version_again_is_refused(checkout: Checkout) -> None:
    checkout.commit()
    galaxy = (checkout.folder / "galaxy.yml").read_text(encoding="utf-8").splitlines()
    (current,) = [line.removeprefix("version: ") for line in galaxy if line.startswith("version: ")]
    assert f"{current} is not newer than {current}" in checkout.release(current).stderr


def test_changes_in_the_work_tree_are_refused_and_kept(checkout: Checkout) -> None:
    checkout.commit()
    checkout.write("README.md", "changed\n")
    checkout.write("new.md", "new\n")
    done = checkout.release("99.0.0")
    assert done.returncode == 1
    assert "The work tree has changes" in done.stderr
    assert "README.md" in done.stderr
    assert (checkout.calls, checkout.status) == ([], [" M README.md", "?? new.md"])


def test_a_release_without_fragments_is_refused(checkout: Checkout) -> None:
    checkout.commit(fragment=False)
    done = checkout.release("99.0.0")
    assert done.returncode == 1
    assert "changelogs/fragments/ has no fragments" in done.stderr
    assert (checkout.calls, checkout.status) == ([], [])


def test_a_release_needs_the_oldest_core(checkout: Checkout) -> None:
    """Without a Python for it, its sanity says that it did not run, and passes."""
    cores = (checkout.folder / "scripts/cores.py").read_text(encoding="utf-8")
    checkout.write("scripts/cores.py", cores.replace('"2.16": ("3.11", "3.12")', '"2.16": ("3.1", "3.2")'))
    checkout.commit()
    done = checkout.release("99.0.0")
    assert "The oldest ansible-core, 2.16, has to be checked as well. Install Python 3.1 or 3.2." in done.stderr
    assert (done.returncode, checkout.calls, checkout.status) == (1, [], [])


def test_a_release_has_its_version_changelog_and_archive(checkout: Checkout) -> None:
    checkout.commit()
    done = checkout.release("99.0.0")
    assert done.returncode == 0, done.stderr
    first = ["changelog release --reload-plugins", "make lint", "make sanity", "make sanity CORE=oldest", "make gates"]
    assert checkout.calls == [*first, "make test-full", "make matrix ARGS=requests"]
    assert "\nversion: 99.0.0\n" in (checkout.folder / "galaxy.yml").read_text(encoding="utf-8")
    module = (checkout.folder / "plugins/module_utils/_version.py").read_text(encoding="utf-8")
    assert '\nVERSION = "99.0.0"\n' in module
    assert (checkout.folder / "cloudpeer-atlas-99.0.0.tar.gz").is_file()
    assert checkout.status == [
        " M CHANGELOG.md",
        " D changelogs/fragments/example.yml",
        " M galaxy.yml",
        " M plugins/module_utils/_version.py",
    ]
    assert "git tag 99.0.0" in done.stdout


def test_a_failed_check_leaves_the_checkout_as_it_was(checkout: Checkout) -> None:
    checkout.commit()
    checkout.write("fail", "")
    done = checkout.release("99.0.0")
    assert done.returncode == 1
    assert "make --no-print-directory gates failed" in done.stderr
    assert checkout.calls == [
        "changelog release --reload-plugins",
        "make lint",
        "make sanity",
        "make sanity CORE=oldest",
        "make gates",
    ]
    assert checkout.status == []
    assert not list(checkout.folder.glob("*.tar.gz"))
