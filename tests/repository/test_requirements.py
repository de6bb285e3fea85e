"""What the collection needs is said in several places, each of which somebody reads alone: they must agree."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

# galaxy-importer wants an older one than the other tools; that is why there are two environments.
MAY_DIFFER = {"attrs"}
LOCKS = ("dev", "docs")


def load(file: Path) -> dict:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def named(file: Path) -> set[str]:
    """Return the packages that a file of requirements asks for."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return {normalized(re.split(r"[<>=~!;\[ ]", line)[0]) for line in lines}


def pins(lock: Path) -> dict[str, set[str]]:
    """Return the versions of each package in a lock file, which are several where that depends on the Python."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", lock.read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(normalized(name), set()).add(version)
    return found


def required(fragment: Path) -> set[str]:
    """Return the packages that a fragment of documentation names."""
    documentation = next(
        ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(fragment.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION"
    )
    return set(yaml.safe_load(documentation)["requirements"])


def test_the_packages_of_the_modules_are_the_same_everywhere(root: Path) -> None:
    lines = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    oldest = dict(line.split(">=") for line in lines if line and not line.startswith("#"))
    packages = {*oldest}
    # What every module needs, and what only those for a cloud need.
    fragments = ("_connection", "_aws", "_azure", "_gcp")
    named = set.union(*(required(root / f"plugins/doc_fragments/{name}.py") for name in fragments))
    checked = constant(root / "plugins/module_utils/_engine/operation.py", "OLDEST")
    assert checked == {name: version for name, version in oldest.items() if name != "requests"}
    assert named == {"requests", *(f"{name} {version} or later" for name, version in checked.items())}
    for module in ("atlas_peering", "atlas_vpc_peer_check"):
        text = (root / f"plugins/modules/{module}.py").read_text(encoding="utf-8")
        assert [name for name, version in checked.items() if f"  - {name} {version} or later, " not in text] == []
    assert load(root / "meta/execution-environment.yml")["dependencies"] == {"python": "requirements.txt"}
    for text in ("README.md", "docs/index.md", "docs/guides/first_peering.md"):
        assert [name for name in packages if name not in (root / text).read_text(encoding="utf-8")] == [], text


def constant(file: Path, name: str) -> Any:
    """Return the value that a Python file gives to a name at its top."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    (value,) = [node.value for node in body if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name]
    return ast.literal_eval(value)


def minor(version: str) -> int:
    return int(version.split(".")[1])


def test_the_releases_of_ansible_core_are_the_same_everywhere(root: Path) -> None:
    pythons = constant(root / "scripts/cores.py", "PYTHONS")
    cores = list(pythons)
    assert cores == [f"2.{number}" for number in range(minor(cores[0]), minor(cores[-1]) + 1)]
    assert load(root / "meta/runtime.yml")["requires_ansible"] == f">={cores[0]}.0"
    for role in (root / "roles").iterdir():
        assert load(role / "meta/main.yml")["galaxy_info"]["min_ansible_version"] == cores[0]
    for text in ("README.md", "docs/index.md", "docs/guides/first_peering.md"):
        content = (root / text).read_text(encoding="utf-8")
        named = re.findall(r"ansible-core (\d+\.\d+)(?: to (\d+\.\d+))?", content)
        assert cores[0] in [first for first, _last in named], text
        assert {first for first, _last in named} <= set(cores), text
        assert {last for _first, last in named} <= {"", cores[-1]}, text
    page = (root / "docs/requirements.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (2\.\d+)\b.* \| \w+ 20\d\d \|$", page, re.MULTILINE) == cores[::-1]
    assert f"ansible-core>={cores[0]}\n" in (root / "docs/guides/at_scale.md").read_text(encoding="utf-8")
    jobs = load(root / ".github/workflows/ci.yml")["jobs"]
    assert jobs["core"]["strategy"]["matrix"]["core"] == cores
    for lock in LOCKS:
        (core,) = pins(root / f"requirements/{lock}.txt")["ansible-core"]
        assert core.rpartition(".")[0] in cores, lock


def test_the_workflow_has_the_pythons_of_every_release(root: Path) -> None:
    pythons = {version for versions in constant(root / "scripts/cores.py", "PYTHONS").values() for version in versions}
    target = constant(root / "scripts/cores.py", "TARGET_PYTHON")
    steps = load(root / ".github/workflows/ci.yml")["jobs"]["core"]["steps"]
    (prepared,) = [step["with"]["python-version"].split() for step in steps if "setup-python" in step.get("uses", "")]
    assert set(prepared) == pythons | {target}
    assert f">={target}" == load(root / "tests/config.yml")["modules"]["python_requires"]
    # The last one is the one that make finds.
    assert prepared[-1] == min(pythons, key=minor)


def test_the_modules_oldest_python_is_the_same_everywhere(root: Path) -> None:
    oldest = load(root / "tests/config.yml")["modules"]["python_requires"].removeprefix(">=")
    for text in ("README.md", "docs/index.md", "docs/guides/at_scale.md"):
        assert f"Python {oldest} or later" in " ".join((root / text).read_text(encoding="utf-8").split()), text
    target = re.search(r'target-version = "py3(\d+)"', (root / "pyproject.toml").read_text(encoding="utf-8"))
    assert target is not None
    assert f"3.{target[1]}" == oldest


def test_the_developers_oldest_python_is_the_same_everywhere(root: Path) -> None:
    oldest = re.search(r"sys.version_info < \((\d+), (\d+)\)", (root / "scripts/setup.sh").read_text(encoding="utf-8"))
    assert oldest is not None
    version = ".".join(oldest.groups())
    for text in ("README.md", "CONTRIBUTING.md"):
        assert f"Python {version} or later" in (root / text).read_text(encoding="utf-8"), text
    # The locks are made for it, and for all that are newer.
    assert f"--python-version {version} " in (root / "scripts/lock.sh").read_text(encoding="utf-8")
    # The newest one that the locked ansible-core takes.
    (core,) = pins(root / "requirements/dev.txt")["ansible-core"]
    newest = constant(root / "scripts/cores.py", "PYTHONS")[core.rpartition(".")[0]][-1]
    workflow = load(root / ".github/workflows/ci.yml")
    assert workflow["jobs"]["make"]["strategy"]["matrix"]["python"] == [version, newest]


def test_a_package_in_both_environments_has_one_version(root: Path) -> None:
    tests, site = (pins(root / f"requirements/{lock}.txt") for lock in ("dev", "docs"))
    differing = {name for name in tests.keys() & site.keys() if tests[name] != site[name]}
    assert differing == MAY_DIFFER


def test_every_environment_has_a_lock(root: Path) -> None:
    cores = {f"core-{core}" for core in constant(root / "scripts/cores.py", "PYTHONS")}
    assert {file.stem for file in (root / "requirements").glob("*.txt")} == {*LOCKS, "aws", "lock", "oldest", "target", *cores}
    for core in cores:
        (version,) = pins(root / f"requirements/{core}.txt")["ansible-core"]
        assert version.rpartition(".")[0] == core.removeprefix("core-")
    lines = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    for name, version in (line.split(">=") for line in lines if line and not line.startswith("#")):
        for lock in ("oldest", "target"):
            (pinned,) = pins(root / f"requirements/{lock}.txt")[name]
            assert f"{pinned}.".startswith(f"{version}."), lock


def test_nothing_is_installed_without_hashes_or_built(root: Path) -> None:
    """A hash is that of the file. What builds a file that is no wheel is downloaded without one."""
    installers = [
        f"{name}: {command}"
        for name in ("scripts", ".ci")
        for file in sorted((root / name).iterdir())
        if file.is_file()
        for command in re.findall(r"-m\W+pip\b(?:.|\n(?!\n))*", file.read_text(encoding="utf-8"))
        if not ("--require-hashes" in command and re.search(r"--only-binary\W+:all:", command))
    ]
    assert installers == []


def test_the_summary_of_ci_names_the_tests_that_failed(root: Path, tmp_path: Path) -> None:
    text = (root / ".ci" / "run").read_text(encoding="utf-8")
    functions = "\n".join(re.findall(r"^(?:check|remark)\(\) \{.*?^\}", text, re.MULTILINE | re.DOTALL))
    failing = 'for number in $(seq 30); do echo "FAILED tests/x.py::t[$number] - it"; done; echo no FAILED; exit 1'
    script = f"{functions}\nresults=$1 lane=1\ncheck bad bash -c '{failing}'\ncheck good echo 'FAILED tests/y.py::t'"
    subprocess.run(["bash", "-uc", script, "-", str(tmp_path)], check=True, capture_output=True)
    bad, *named, good = (tmp_path / "summary-1").read_text(encoding="utf-8").splitlines()
    assert (bad.split()[:2], good.split()[:2]) == (["bad", "FAILED"], ["good", "passed"])
    assert named == [f"    FAILED tests/x.py::t[{number}] - it" for number in range(1, 21)]


@pytest.mark.parametrize("lock", [file.stem for file in sorted(Path(__file__).parents[2].glob("requirements/*.txt"))])
def test_a_lock_has_what_is_asked_for_with_hashes_and_no_index(root: Path, lock: str) -> None:
    text = (root / f"requirements/{lock}.txt").read_text(encoding="utf-8")
    source = root / f"requirements/{lock}.in"
    assert (named(source) if source.exists() else set()) <= pins(root / f"requirements/{lock}.txt").keys(), "run make lock"
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)


@pytest.mark.parametrize("name", ["galaxy.yml", "docs/docsite/links.yml", "docs/conf.py", "scripts/docs.py"])
def test_the_repository_has_one_address(root: Path, name: str) -> None:
    address = load(root / "galaxy.yml")["repository"].removeprefix("https://github.com/")
    named = re.findall(r"github\.com/([\w-]+/[\w-]+)|repository: ([\w-]+/[\w-]+)", (root / name).read_text(encoding="utf-8"))
    assert {first or second for first, second in named} == {address}


def commands(workflow: dict) -> list[str]:
    """Return what a workflow asks make for, without what a matrix names."""
    steps = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    return [one.removeprefix("make ") for one in steps if one.startswith("make ") and "${{ matrix.command" not in one]


def targets_of(asked: Iterable[str]) -> set[str]:
    """Return the targets of what make is asked for."""
    return {one.split()[0] for one in asked}


def test_workflows_and_hooks_run_commands_that_there_are(root: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    jobs = load(root / ".github/workflows/ci.yml")["jobs"]
    released = set(commands(load(root / ".github/workflows/publish.yml")))
    named = {one for path in workflows(root) for one in commands(load(path))}
    listed = [*jobs["make"]["strategy"]["matrix"]["command"], *jobs["weekly"]["strategy"]["matrix"]["command"]]
    hooks = load(root / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    assert released >= set(constant(root / "scripts/release.py", "CHECKS"))
    assert targets_of([*named, *listed]) <= targets
    assert {hook["entry"].split()[1] for hook in hooks} <= targets
    # What has to pass before a change is merged, as CONTRIBUTING.md says.
    assert set(jobs["make"]["strategy"]["matrix"]["command"]) >= {"test-full", "lint", "sanity", "gates"}


def workflows(root: Path) -> list[Path]:
    """Return all workflows that GitHub would find."""
    return [one for one in (root / ".github" / "workflows").iterdir() if one.suffix in (".yml", ".yaml")]


def test_only_a_newer_push_to_a_pull_request_ends_a_run(root: Path) -> None:
    """The group of a run has its event: a push to main would end the weekly run otherwise, or the weekly run one of a push.

    Of a group, at most one run is pending, and a newer one ends it.
    Source: "Control the concurrency of workflows and jobs" in GitHub's documentation.
    """
    found = load(root / ".github/workflows/ci.yml")["concurrency"]
    own = "github.event_name == 'push' && github.sha || github.ref"
    assert found["group"] == f"${{{{ github.workflow }}}}-${{{{ github.event_name }}}}-${{{{ {own} }}}}"
    assert found["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"


def test_new_actions_come_in_one_pull_request_a_month(root: Path) -> None:
    (update,) = load(root / ".github/dependabot.yml")["updates"]
    assert (update["package-ecosystem"], update["schedule"]) == ("github-actions", {"interval": "monthly"})
    assert [group["patterns"] for group in update["groups"].values()] == [["*"]]


def test_the_weekly_run_has_the_newest_packages(root: Path) -> None:
    job = load(root / ".github/workflows/ci.yml")["jobs"]["weekly"]
    assert job["if"] == "github.event_name == 'schedule'"
    steps = [step.get("run", "") for step in job["steps"]]
    assert steps.index("make lock ARGS=--upgrade") < steps.index("make ${{ matrix.command }}")
    assert (job["steps"][-1]["if"], steps[-1]) == ("failure()", "git diff -- requirements")
    assert "push" not in " ".join(steps)
    assert "fuzz FUZZ_FACTOR=3" in job["strategy"]["matrix"]["command"]
    # And the newest patch of each ansible-core.
    upgrade, *then = [
        step for step in load(root / ".github/workflows/ci.yml")["jobs"]["core"]["steps"] if "make" in step.get("run", "")
    ]
    assert upgrade == {"run": "make lock ARGS=--upgrade", "if": job["if"]}
    assert [step["run"] for step in then][:2] == ["make sanity CORE=${{ matrix.core }}", "make matrix ARGS=${{ matrix.core }}"]


def test_a_workflow_may_read_and_no_more(root: Path) -> None:
    found = {path.stem: load(path) for path in workflows(root)}
    assert set(found) == {"ci", "pages", "publish"}
    jobs = {(name, job): content for name, workflow in found.items() for job, content in workflow["jobs"].items()}
    assert [one["permissions"] for one in found.values()] == [{"contents": "read"}] * 3
    # The only exception: what shows the site writes to GitHub Pages, and runs nothing but that action.
    writers = {name: job for name, job in jobs.items() if "permissions" in job}
    assert {name: job["permissions"] for name, job in writers.items()} == {
        ("pages", "deploy"): {"pages": "write", "id-token": "write"}
    }
    (writer,) = writers.values()
    assert writer["environment"]["name"] == "github-pages"
    assert [step["uses"].partition("@")[0] for step in writer["steps"]] == ["actions/deploy-pages"]
    actions = [step for job in jobs.values() for step in job["steps"] if "uses" in step]
    assert actions
    # A tag can be moved, a commit can't.
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"]) for step in actions)


def test_what_may_fail_by_chance_exists_and_has_a_reason(root: Path) -> None:
    lists = load(root / "tests" / "by_chance.yml")
    assert list(lists) == ["real_seconds", "known"]
    for name, reason in {name: reason for tests in lists.values() for name, reason in tests.items()}.items():
        file, _colons, function = name.partition("::")
        assert f"\ndef {function}(" in (root / file).read_text(encoding="utf-8"), name
        assert len(reason) > 5, name
