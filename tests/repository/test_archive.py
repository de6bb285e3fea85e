"""What users get: the archive that ansible-galaxy builds, and what it does where it is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# It builds and installs the archive, and finds little that the gates do not.
pytestmark = pytest.mark.full

SHIPPED_FILES = {
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "changelogs/changelog.yaml",
    "requirements.txt",
}
SHIPPED_FOLDERS = ("docs/", "meta/", "playbooks/", "plugins/", "roles/", "tests/emulator/")
# How the site looks. What is in docs/docsite/ ships, for sites of others that have a page of the collection.
NOT_SHIPPED = ("docs/conf.py", "docs/_static/")
MADE_BY_THE_BUILD = {"MANIFEST.json", "FILES.json"}

# What lies about in a checkout that is worked in.
LITTER = (
    ".venv/bin/python",
    ".venv-aws/bin/python",
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
    "plugins/module_utils/_api/__pycache__/errors.cpython-311.pyc",
    "tests/emulator/__pycache__/app.cpython-311.pyc",
    "tests/__pycache__/conftest.cpython-311.pyc",
    "tests/output/junit.xml",
    ".test-map",
    "scripts/__pycache__/demo.cpython-311.pyc",
    "cloudpeer-atlas-0.0.1.tar.gz",
)


def is_shipped(name: str) -> bool:
    return name in SHIPPED_FILES or (name.startswith(SHIPPED_FOLDERS) and not name.startswith(NOT_SHIPPED))


def ansible(command: str, *options: str, cwd: Path, **variables: str) -> str:
    """Run one of Ansible's programs in a folder, with nothing of the user's own, and return what it printed."""
    foreign = ("ANSIBLE_", "MONGODB_ATLAS_", "PYTHONPATH")
    settings = cwd / "ansible.cfg"
    settings.touch()
    done = subprocess.run(
        [sys.executable, "-m", "ansible", command, *options],
        cwd=cwd,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
            "ANSIBLE_CONFIG": str(settings),
            "ANSIBLE_HOME": str(cwd / "ansible-home"),
            "ANSIBLE_INVENTORY": os.devnull,
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            **variables,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def archive(root: Path, source_files: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a checkout with litter in it."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in source_files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, folder / name)
    for name in LITTER:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    output = tmp_path_factory.mktemp("archive")
    ansible("galaxy", "collection", "build", str(folder), cwd=output)
    (archive,) = output.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def archive_files(archive: Path) -> set[str]:
    """The files in it."""
    with tarfile.open(archive) as tar:
        return {member.name for member in tar.getmembers() if not member.isdir()}


def test_the_archive_holds_what_users_need_and_nothing_else(archive_files: set[str], source_files: list[str]) -> None:
    assert archive_files == {name for name in source_files if is_shipped(name)} | MADE_BY_THE_BUILD


def test_the_archive_holds_the_emulator_and_no_other_tests(archive_files: set[str]) -> None:
    tests = {name for name in archive_files if name.startswith("tests/")}
    assert "tests/emulator/__init__.py" in tests
    assert all(name.startswith("tests/emulator/") for name in tests)


@pytest.fixture
def installed(archive: Path, tmp_path: Path) -> Path:
    """The folder of the collection, installed where there is nothing else."""
    ansible("galaxy", "collection", "install", "--offline", "--collections-path", "collections", str(archive), cwd=tmp_path)
    return tmp_path / "collections" / "ansible_collections" / "cloudpeer" / "atlas"


@pytest.fixture
def atlas(installed: Path) -> Iterator[dict[str, str]]:
    """The variables for a running emulator, which is the installed one."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "tests.emulator", "--port", "0", "--step-seconds", "0.1"]
    with subprocess.Popen(command, cwd=installed, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield {
                "MONGODB_ATLAS_BASE_URL": ready["base_url"],
                "MONGODB_ATLAS_PUBLIC_API_KEY": ready["public_key"],
                "MONGODB_ATLAS_PRIVATE_API_KEY": ready["private_key"],
                "MONGODB_ATLAS_PROJECT_ID": ready["group_id"],
            }
        finally:
            process.terminate()


def test_the_installed_archive_runs_the_quickstart(installed: Path, atlas: dict[str, str], tmp_path: Path) -> None:
    quickstart = str(installed / "docs" / "examples" / "quickstart.yml")
    runs = [
        ansible("playbook", quickstart, cwd=tmp_path, **atlas, ANSIBLE_COLLECTIONS_PATH=str(tmp_path / "collections"))
        for _unused in range(2)
    ]
    assert "pcx-" in runs[0]
    assert ["changed=1" in run for run in runs] == [True, False]
