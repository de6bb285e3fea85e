"""The file of a plan on the controller, without Ansible: what is written, read, replaced and refused."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._plan_file import PlanFile, SavesPlan

PLAN: dict[str, Any] = {"format": 1, "collection": "1.0.0", "changes": []}
NAME = "peering.plan.json"


class Task(ActionBase):
    """In place of what runs the task."""

    result: dict[str, Any]
    runs = 0

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self.runs += 1
        return self.result


class Action(SavesPlan, Task):
    """The hook, with what Ansible would give it."""

    def __init__(self, folder: Path, *, check_mode: bool, name: object = NAME, async_val: int = 0, **result: Any) -> None:
        self.result = {"changed": True, "invocation": {"module_args": {"plan_file": {}}}, **result}
        self._task = SimpleNamespace(args={"plan_file": name}, check_mode=check_mode, async_val=async_val)
        self._loader = DataLoader()
        self._loader.set_basedir(str(folder))
        self.lines: list[str] = []
        self._report = self.lines.append


def run(action: Action) -> dict[str, Any]:
    return action.run(None, {"inventory_hostname": "app-1"})


def test_check_mode_writes_the_plan_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(json.dumps({**PLAN, "changes": ["old"]}))
    done = run(Action(tmp_path, check_mode=True, plan_file={"path": NAME, "changes": 0, "in_place": 0, "plan": PLAN}))
    assert json.loads((tmp_path / NAME).read_text()) == PLAN
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert (done["plan_file"], done["invocation"]["module_args"]["plan_file"]) == (
        {"path": NAME, "changes": 0, "in_place": 0},
        NAME,
    )


def test_check_mode_that_fails_leaves_no_plan(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(json.dumps(PLAN))
    run(Action(tmp_path, check_mode=True, failed=True, plan_file={"path": NAME, "changes": 0, "in_place": 0, "plan": PLAN}))
    assert list(tmp_path.iterdir()) == []


def test_a_run_gets_the_content_and_says_what_is_in_place(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(json.dumps(PLAN))
    action = Action(tmp_path, check_mode=False, plan_file={"path": NAME, "changes": 40, "in_place": 3})
    run(action)
    assert action._plan == {"path": NAME, "plan": PLAN}
    assert action.lines == [f"[app-1] 3 of 40 changes of {NAME} are in place already."]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        pytest.param(None, {}, f"plan_file: there is no plan in {NAME}. Make it first", id="none"),
        pytest.param("nothing", {}, "is not a plan: it is not JSON", id="text"),
        pytest.param("{}", {"check_mode": True}, "is there, and is not a plan", id="another file"),
        pytest.param(None, {"name": ["a"]}, "plan_file is not a path: ['a']", id="list"),
        pytest.param(None, {"async_val": 60}, "plan_file does not work with async", id="async"),
        pytest.param(None, {"check_mode": True, "name": "a/b.json"}, "does not exist on the controller", id="folder"),
    ],
)
def test_what_is_refused_runs_nothing(tmp_path: Path, content: str | None, options: dict[str, Any], message: str) -> None:
    if content is not None:
        (tmp_path / NAME).write_text(content)
    action = Action(tmp_path, **{"check_mode": False, **options})
    done = run(action)
    assert (done["failed"], done["changed"], action.runs) == (True, False, 0)
    assert message in done["msg"]


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(json.dumps(PLAN))
    (tmp_path / NAME).symlink_to("other.json")
    assert f"plan_file: {NAME} is a link." in run(Action(tmp_path, check_mode=False))["msg"]
    (tmp_path / NAME).unlink()
    os.mkfifo(tmp_path / NAME)
    assert f"plan_file: {NAME} is not a file." in run(Action(tmp_path, check_mode=False))["msg"]


def test_a_plan_that_cannot_be_written_fails_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: str, target: str, **folders: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    done = run(Action(tmp_path, check_mode=True, plan_file={"path": NAME, "changes": 0, "in_place": 0, "plan": PLAN}))
    assert done["failed"] is True
    assert done["msg"].startswith(f"Failed to write the plan {tmp_path / NAME}: No space left on device.")


def test_without_the_option_nothing_is_done(tmp_path: Path) -> None:
    action = Action(tmp_path, check_mode=True, name=" ")
    assert (run(action), action.runs, list(tmp_path.iterdir())) == (action.result, 1, [])


def test_a_plan_to_show_is_one_of_this_collection(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("[]")
    with pytest.raises(Exception, match=r"is not a plan of this collection\."):
        PlanFile(NAME, str(tmp_path / NAME)).read_plan()
