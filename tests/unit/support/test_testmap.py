"""The map of lines and tests, in a small checkout of its own: what it chooses for a change. And the faults that are drawn."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

# Each run is a pytest of its own.
pytestmark = pytest.mark.full

FILES = {
    "plugins/__init__.py": "",
    "plugins/sums.py": "LIMIT = 10\n\n\ndef add(a, b):\n    return a + b\n\n\n"
    "def double(a):\n    if a > LIMIT:\n        return LIMIT\n    return a * 2\n",
    "tests/test_sums.py": "from plugins.sums import add, double\n\n\ndef test_add():\n    assert add(1, 2) == 3\n\n\n"
    "def test_double():\n    assert double(2) == 4\n\n\ndef test_limit():\n    assert double(20) == 10\n",
    "tests/test_text.py": "import subprocess\nfrom pathlib import Path\n\nNOTES = Path(__file__).parent.parent / 'notes.md'\n\n\n"
    "def test_notes():\n    assert NOTES.read_text()\n\n\ndef test_process():\n    assert subprocess.run(['true'], check=True)\n",
    "notes.md": "Notes.\n",
    ".gitignore": "__pycache__\n.test-map*\n.pytest_cache\n",
}


@dataclass
class Checkout:
    """A repository with a file of code and two of tests."""

    folder: Path

    def git(self, *arguments: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", *identity, *arguments], cwd=self.folder, check=True, capture_output=True)

    def change(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def pytest(self, *options: str) -> str:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'scripts'}{os.pathsep}{self.folder}"}
        command = [sys.executable, "-m", "pytest", "-p", "testmap", "-p", "no:schemathesis", "-v", *options]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def chosen(self, *options: str) -> list[str]:
        """Return the tests that run for what differs from main."""
        return re.findall(r"::(\w+) PASSED", self.pytest(*options or ("--changed",)))


@pytest.fixture(scope="module")
def _written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with its map, which takes a moment to write."""
    checkout = Checkout(tmp_path_factory.mktemp("checkout"))
    for name, text in FILES.items():
        (checkout.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout.folder / name).write_text(text)
    checkout.git("init", "--quiet", "--initial-branch=main")
    checkout.git("add", ".")
    checkout.git("commit", "--quiet", "--message=All")
    assert "The map has 5 tests" in checkout.pytest("--map", "-n", "2")
    return checkout.folder


@pytest.fixture
def checkout(_written: Path) -> Checkout:
    found = Checkout(_written)
    found.git("checkout", "--quiet", ".")
    found.git("clean", "--quiet", "--force")
    return found


@pytest.mark.parametrize(
    ("name", "old", "new", "chosen"),
    [
        ("plugins/sums.py", "a + b", "b + a", ["test_add"]),
        (
            "plugins/sums.py",
            "        return LIMIT",
            "        # It is enough.\n        return LIMIT",
            ["test_double", "test_limit"],
        ),
        ("plugins/sums.py", "LIMIT = 10", "LIMIT = 5 + 5", ["test_add", "test_double", "test_limit"]),
        ("notes.md", "Notes", "More notes", ["test_notes"]),
        ("tests/test_sums.py", "add(1, 2)", "add(2, 1)", ["test_add", "test_double", "test_limit"]),
        (".gitignore", ".pytest_cache", "*.log", []),
    ],
)
def test_a_change_chooses_what_it_touches(checkout: Checkout, name: str, old: str, new: str, chosen: list[str]) -> None:
    checkout.change(name, old, new)
    # What starts a process runs whatever has changed in there.
    with_processes = ["test_process"] if name.startswith("plugins/") else []
    assert sorted(checkout.chosen()) == sorted([*chosen, *with_processes])


def test_another_commit_is_compared_and_a_missing_map_explained(checkout: Checkout) -> None:
    checkout.change("plugins/sums.py", "a + b", "b + a")
    assert sorted(checkout.chosen("--changed=HEAD")) == ["test_add", "test_process"]
    assert "unknown revision" in checkout.pytest("--changed=nothing")
    (checkout.folder / ".test-map").rename(checkout.folder / ".test-map-away")
    said = checkout.pytest("--changed")
    (checkout.folder / ".test-map-away").rename(checkout.folder / ".test-map")
    assert "Make it: make test ARGS=--map" in said


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[object]]:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import mutants

    return mutants.draw


def test_faults_are_drawn_by_the_seed_and_are_programs(draw: Callable[..., list[object]], tmp_path: Path) -> None:
    folders = ("plugins/module_utils/_http", "plugins/module_utils/_engine")
    faults = draw(ROOT, folders, "A", 60)
    assert faults == draw(ROOT, folders, "A", 60)
    assert faults != draw(ROOT, folders, "B", 60)
    assert {one.kind for one in faults} >= {"negated", "and/or", "returned", "left out"}
    for one in faults:
        path = tmp_path / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        before = (ROOT / one.path).read_text(encoding="utf-8")
        path.write_text(before, encoding="utf-8")
        one.apply(tmp_path)
        after = path.read_text(encoding="utf-8")
        assert ast.dump(ast.parse(after)) != ast.dump(ast.parse(before))
