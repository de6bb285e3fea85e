"""The plan of a task in a file: what ansible-playbook writes, applies and prints, in both ways of running."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.harness import PAIR
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import WAYS, PlaybookRunner
from ansible_collections.cloudpeer.atlas.tests.support.sets import entry

SCHEMA = json.loads((ROOT / "docs" / "plan.schema.json").read_text(encoding="utf-8"))
FILE = "plans/peering.plan.json"
SHOW = ROOT / "playbooks" / "show_plan.yml"
Start = Callable[..., RunningEmulator]


def play(*tasks: dict[str, Any], hosts: str = "localhost", **keywords: Any) -> str:
    return yaml.safe_dump([{"hosts": hosts, "gather_facts": False, "connection": "local", "tasks": [*tasks], **keywords}])


def of_set(count: int = 2, **options: Any) -> dict[str, Any]:
    peers = [entry(number) for number in range(count)]
    return {"cloudpeer.atlas.atlas_vpc_peers": {"peers": peers, "plan_file": FILE, **options}, "register": "done"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the plans, beside the playbook."""
    found = tmp_path / "plans"
    found.mkdir()
    return found


def read(folder: Path, name: str = "peering.plan.json") -> dict[str, Any]:
    plan: dict[str, Any] = json.loads((folder / name).read_text())
    jsonschema.validate(plan, SCHEMA)
    assert (folder / name).stat().st_mode & 0o777 == 0o600
    return plan


# As modules, the tasks get and give the same: the plugin that has the file stands before both ways.
@pytest.mark.parametrize("way", [pytest.param(way, marks=() if way == "in process" else pytest.mark.full) for way in WAYS])
def test_a_plan_is_saved_reviewed_and_applied(
    playbook: PlaybookRunner, emulator: RunningEmulator, folder: Path, tmp_path: Path, way: str
) -> None:
    source = play(of_set(), {"ansible.builtin.debug": {"var": "done.plan_file"}})
    run = playbook(source, emulator, "--check", "--diff", way=way)
    assert "Plan: 2 to create" in run.output
    plan = read(folder)
    assert [one["action"] for one in plan["changes"]] == ["create", "create"]
    assert emulator.settings.private_key not in (folder / "peering.plan.json").read_text()
    assert emulator.project.list_peers() == []
    # More than was reviewed makes nothing.
    wrong = {**of_set(3), "ignore_errors": True}
    run = playbook(play(wrong, *yaml.safe_load(source)[0]["tasks"]), emulator, "--diff", way=way)
    assert "is new. Make the plan again in check mode" in run.output.replace("\n", " ")
    assert len(emulator.project.list_peers()) == 2
    assert "are in place already" not in run.output
    run = playbook(source, emulator, "-vvv", "-e", "ansible_inject_invocation=true", way=way)
    assert f"[localhost] 2 of 2 changes of {FILE} are in place already." in run.output
    assert '"in_place": 2' in run.output
    # The invocation, which ansible-core has shown only if asked since 2.21, has the path, and not the content.
    assert f'"plan_file": "{FILE}"' in run.output
    assert '"declared"' not in run.output
    # Nothing to do is a plan, too.
    playbook(source, emulator, "--check", way=way)
    assert read(folder)["changes"] == []
    # A failure leaves none.
    bad = {**of_set(recreate="never", group_id="5f0e0d0c0b0a090807060504"), "check_mode": True, "ignore_errors": True}
    missing = playbook(play(bad, of_set()), emulator, way=way, status=2)
    assert [*folder.iterdir()] == []
    assert f"there is no plan in {FILE}. Make it first: run the task in check mode (--check)." in missing.output


def test_each_host_has_a_file_of_its_own(
    playbook: PlaybookRunner, emulator: RunningEmulator, folder: Path, tmp_path: Path
) -> None:
    inventory = tmp_path / "hosts"
    inventory.write_text("one number=1\ntwo number=2\n")
    options = {
        "peers": [{**entry(0), "vpc_id": "vpc-0a1b2c3d4e5f6789{{ number }}", "route_table_cidr_block": "10.{{ number }}.0.0/16"}],
        "plan_file": "plans/{{ inventory_hostname }}.json",
    }
    source = play({"cloudpeer.atlas.atlas_vpc_peers": options}, hosts="all")
    playbook(source, emulator, "-i", str(inventory), "--check")
    assert {one.name for one in folder.iterdir()} == {"one.json", "two.json"}
    (name,) = read(folder, "two.json")["declared"]["entries"]
    assert name.endswith("vpc-0a1b2c3d4e5f67892")
    playbook(source, emulator, "-i", str(inventory))
    assert len(emulator.project.list_peers()) == 2


def test_the_role_has_both_variables(playbook: PlaybookRunner, emulator: RunningEmulator, folder: Path) -> None:
    one = {**PAIR, "cidr_block": "10.15.0.0/16", "region": "us-east-1"}
    variables = {
        "vpc_peering_connections": [one],
        "vpc_peering_aws": False,
        "vpc_peering_plan_file": FILE,
        "vpc_peering_plan_max_age": 1,
    }
    role = {"ansible.builtin.include_role": {"name": "cloudpeer.atlas.vpc_peering"}, "vars": variables}
    playbook(play(role), emulator, "--check")
    assert {one["kind"] for one in read(folder)["changes"]} == {"connection", "access list entry"}
    playbook(play(role), emulator)
    assert len(emulator.project.list_peers()) == 1
    plan = read(folder)
    (folder / "peering.plan.json").write_text(json.dumps({**plan, "time": "2026-01-01T00:00:00Z"}))
    assert "plan_max_age allows 1" in playbook(play(role), emulator, status=2).output


def test_a_link_is_not_followed(playbook: PlaybookRunner, emulator: RunningEmulator, folder: Path, tmp_path: Path) -> None:
    playbook(play(of_set()), emulator, "--check")
    (folder / "peering.plan.json").rename(tmp_path / "elsewhere.json")
    (folder / "peering.plan.json").symlink_to(tmp_path / "elsewhere.json")
    before = (tmp_path / "elsewhere.json").read_text()
    tasks = [{**of_set(), "check_mode": check_mode, "ignore_errors": True} for check_mode in (False, True)]
    run = playbook(play(*tasks), emulator)
    assert [one["msg"].startswith(f"plan_file: {FILE} is a link.") for one in run.results] == [True, True]
    assert (tmp_path / "elsewhere.json").read_text() == before
    assert emulator.project.list_peers() == []


def test_check_mode_replaces_no_other_file(playbook: PlaybookRunner, emulator: RunningEmulator, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    texts = {"hosts": "hosts: all", "another": '{"a": 1}'}
    for name, text in texts.items():
        (folder / name).write_text(text)
    tasks = [{**of_set(plan_file=f"plans/{name}"), "ignore_errors": True} for name in (*texts, "pipe")]
    run = playbook(play(*tasks), emulator, "--check")
    words = ("is not a plan: it is not JSON", "is there, and is not a plan", "is not a file")
    assert [one in result["msg"] for one, result in zip(words, run.results, strict=True)] == [True] * 3
    assert {name: (folder / name).read_text() for name in texts} == texts


def test_what_is_refused_at_once(playbook: PlaybookRunner, emulator: RunningEmulator, folder: Path) -> None:
    cases: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        ({"plan_file": "none/a.json"}, {"check_mode": True}, "does not exist on the controller"),
        ({"plan_file": ["a.json"]}, {"check_mode": True}, "plan_file is not a path"),
        ({}, {"async": 60, "poll": 1}, "plan_file does not work with async."),
    ]
    run = playbook(play(*({**of_set(**options), **how, "ignore_errors": True} for options, how, _words in cases)), emulator)
    assert [words in one["msg"] for (*_case, words), one in zip(cases, run.results, strict=True)] == [True] * 3
    assert emulator.requests.entries() == []


def test_show_plan(playbook: PlaybookRunner, emulator: RunningEmulator, folder: Path, tmp_path: Path) -> None:
    access = {"entries": [{"cidr_block": "10.99.0.0/16", "comment": "apps <b>@all"}], "prune": True, "plan_file": FILE}
    with emulator.project.now() as project:
        project.add_access([{"cidrBlock": "10.15.0.0/16", "comment": "old"}])
    playbook(play({"cloudpeer.atlas.atlas_access_list": access}), emulator, "--check")
    given = ("-e", f"show_plan_file={folder / 'peering.plan.json'}")
    run = playbook(SHOW, emulator, *given)
    removal, creation = (run.output.index(one) for one in ("1 to remove\n", "1 to create\n"))
    assert removal < run.output.index("Atlas: access list entry 10.15.0.0/16") < creation
    run = playbook(SHOW, emulator, *given, "-e", "show_plan_format=markdown", "-e", f"show_plan_output={tmp_path / 'plan.md'}")
    text = (tmp_path / "plan.md").read_text()
    assert text.startswith("# The plan\n\nPlan of atlas")
    assert "<b>" not in text
    assert text.index("## 1 to remove") < text.index("10.15.0.0/16") < text.index("## 1 to create") < text.index("10.99.0.0/16")
    plan = folder / "peering.plan.json"
    wrong = [
        ({"file": "/none.json", "format": "text"}, "there is no plan in /none.json"),
        ({"file": str(plan), "format": "html"}, "show_plan_format is 'html'"),
        ({"file": str(plan), "format": "text", "output": "/none/plan.md"}, "/none/plan.md cannot be written"),
        ({"file": str(tmp_path / "plan.md"), "format": "text"}, "is not a plan"),
    ]
    tasks = [{"show_plan": options, "ignore_errors": True} for options, _words in wrong]
    run = playbook(play(*tasks), emulator, ANSIBLE_ACTION_PLUGINS=str(SHOW.parent / "action_plugins"))
    assert [words in one["result"]["msg"] for (_options, words), one in zip(wrong, run.records, strict=True)] == [True] * 4
