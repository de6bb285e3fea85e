"""What users get: the archive that ansible-galaxy builds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

SHIPPED_FILES = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "changelogs/changelog.yaml",
    "requirements.txt",
}
SHIPPED_FOLDERS = ("docs/", "meta/", "plugins/", "roles/", "tests/emulator/")
# How the site looks. What is in docs/docsite/ ships, for sites of others that have a page of the collection.
NOT_SHIPPED = ("docs/conf.py", "docs/_static/")
MADE_BY_THE_BUILD = {"MANIFEST.json", "FILES.json"}

# What lies about in a checkout that is worked in.
LITTER = (
    ".venv/bin/python",
    ".venv-docs/bin/python",
    "docs/build/html/index.html",
    ".demo/collections/ansible_collections/cloudpeer/atlas/README.md",
    ".ansible/collections/file",
    ".mypy_cache/file",
    ".pytest_cache/file",
    ".ruff_cache/file",
    ".hypothesis/file",
    ".coverage",
    ".idea/workspace.xml",
    "plugins/module_utils/__pycache__/_errors.cpython-311.pyc",
    "tests/emulator/__pycache__/app.cpython-311.pyc",
    "tests/__pycache__/conftest.cpython-311.pyc",
    "tests/output/junit.xml",
    "scripts/__pycache__/demo.cpython-311.pyc",
    "cloudpeer-atlas-0.0.1.tar.gz",
)


def is_shipped(name: str) -> bool:
    return name in SHIPPED_FILES or (name.startswith(SHIPPED_FOLDERS) and not name.startswith(NOT_SHIPPED))


@pytest.fixture(scope="module")
def archive_files(root: Path, source_files: list[str], tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files in the archive of a checkout with litter in it."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in source_files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, folder / name)
    for name in LITTER:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    output = tmp_path_factory.mktemp("archive")
    no_settings = output / "ansible.cfg"
    no_settings.touch()
    built = subprocess.run(
        [sys.executable, "-m", "ansible", "galaxy", "collection", "build", "--output-path", str(output)],
        cwd=folder,
        env={**os.environ, "ANSIBLE_CONFIG": str(no_settings)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout
    (archive,) = output.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        return {member.name for member in tar.getmembers() if not member.isdir()}


def test_the_archive_holds_what_users_need_and_nothing_else(archive_files: set[str], source_files: list[str]) -> None:
    assert archive_files == {name for name in source_files if is_shipped(name)} | MADE_BY_THE_BUILD


def test_the_archive_holds_the_emulator_and_no_other_tests(archive_files: set[str]) -> None:
    tests = {name for name in archive_files if name.startswith("tests/")}
    assert "tests/emulator/__init__.py" in tests
    assert all(name.startswith("tests/emulator/") for name in tests)
