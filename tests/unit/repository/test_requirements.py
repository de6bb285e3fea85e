"""What the collection needs is said in several places, each of which somebody reads alone: they must agree."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

# galaxy-importer wants an older one than the other tools; that is why there are two files.
MAY_DIFFER = {"attrs"}


def load(file: Path) -> dict:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def pins(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    return {name.lower().replace("_", "-"): version for name, version in (line.split("==") for line in lines)}


def test_the_packages_of_the_modules_are_the_same_everywhere(root: Path) -> None:
    lines = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    packages = {re.split(r"[<>=~!]", line)[0].strip() for line in lines if line and not line.startswith("#")}
    fragment = ast.parse((root / "plugins/doc_fragments/connection.py").read_text(encoding="utf-8"))
    documentation = next(
        ast.literal_eval(node.value)
        for node in ast.walk(fragment)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION"
    )
    assert set(yaml.safe_load(documentation)["requirements"]) == packages
    assert load(root / "meta/execution-environment.yml")["dependencies"] == {"python": "requirements.txt"}
    for text in ("README.md", "docs/index.md", "docs/guides/first_peering.md"):
        assert [name for name in packages if name not in (root / text).read_text(encoding="utf-8")] == [], text


def test_the_oldest_ansible_core_is_the_same_everywhere(root: Path) -> None:
    oldest = load(root / "meta/runtime.yml")["requires_ansible"].removeprefix(">=").removesuffix(".0")
    assert re.fullmatch(r"2\.\d+", oldest)
    for role in (root / "roles").iterdir():
        assert load(role / "meta/main.yml")["galaxy_info"]["min_ansible_version"] == oldest
    texts = ("README.md", "docs/index.md", "docs/guides/first_peering.md")
    for text in texts:
        named = re.findall(r"ansible-core (\d+\.\d+)", (root / text).read_text(encoding="utf-8"))
        assert oldest in named, text
        assert min(named, key=lambda version: int(version.split(".")[1])) == oldest, text
    assert f"ansible-core>={oldest}\n" in (root / "docs/guides/at_scale.md").read_text(encoding="utf-8")


def test_the_oldest_python_of_the_modules_is_the_same_everywhere(root: Path) -> None:
    oldest = load(root / "tests/config.yml")["modules"]["python_requires"].removeprefix(">=")
    for text in ("README.md", "docs/index.md", "docs/guides/at_scale.md"):
        assert f"Python {oldest} or later" in " ".join((root / text).read_text(encoding="utf-8").split()), text
    target = re.search(r'target-version = "py3(\d+)"', (root / "pyproject.toml").read_text(encoding="utf-8"))
    assert target is not None
    assert f"3.{target[1]}" == oldest


def test_the_oldest_python_to_develop_with_is_the_same_everywhere(root: Path) -> None:
    oldest = re.search(r"sys.version_info < \((\d+), (\d+)\)", (root / "scripts/setup.sh").read_text(encoding="utf-8"))
    assert oldest is not None
    version = ".".join(oldest.groups())
    for text in ("README.md", "CONTRIBUTING.md"):
        assert f"Python {version} or later" in (root / text).read_text(encoding="utf-8"), text
    for file in ("requirements-dev.txt", "requirements-docs.txt"):
        assert f"for Python {version} to " in (root / file).read_text(encoding="utf-8"), file
    workflow = load(root / ".github/workflows/ci.yml")
    assert version in workflow["jobs"]["make"]["strategy"]["matrix"]["python"]


def test_a_package_in_both_environments_has_one_version(root: Path) -> None:
    tests, site = pins(root / "requirements-dev.txt"), pins(root / "requirements-docs.txt")
    differing = {name for name in tests.keys() & site.keys() if tests[name] != site[name]}
    assert differing == MAY_DIFFER


@pytest.mark.parametrize("name", ["galaxy.yml", "docs/docsite/links.yml", "docs/conf.py", "scripts/docs.py"])
def test_the_repository_has_one_address(root: Path, name: str) -> None:
    address = load(root / "galaxy.yml")["repository"].removeprefix("https://github.com/")
    named = re.findall(r"github\.com/([\w-]+/[\w-]+)|repository: ([\w-]+/[\w-]+)", (root / name).read_text(encoding="utf-8"))
    assert {first or second for first, second in named} == {address}


def test_the_workflow_runs_commands_that_there_are(root: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    matrix = load(root / ".github/workflows/ci.yml")["jobs"]["make"]["strategy"]["matrix"]
    hooks = load(root / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    assert set(matrix["command"]) <= targets
    assert {hook["entry"].split()[1] for hook in hooks} <= targets
