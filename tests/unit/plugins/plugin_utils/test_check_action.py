"""What the action plugin of the check does on the controller, around a task that has this result."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible.utils import color as _color
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine import argspec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_check import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils import _check_action, _files
from ansible_collections.cloudpeer.atlas.tests.support.checked import faulty, peering_check
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

CHECKED = peering_check(faulty())
FAILED = {"failed": True, "msg": "1 connection cannot carry traffic.", "peering_check": CHECKED}


class Task(ActionBase):
    """In place of what runs the task; it counts how often that happens."""

    result: dict[str, Any]
    runs = 0

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self.runs += 1
        return self.result

    def _task_environment(self) -> dict[str, str]:
        return {}


class Action(_check_action.ShowsCheck, Task):
    """The hook, with what Ansible would give it."""

    OPERATION = OPERATION

    def __init__(self, result: dict[str, Any], folder: Path, args: dict[str, Any], no_log: bool) -> None:
        self.result = result
        self.shown: list[tuple[str, dict[str, bool]]] = []
        self._task = SimpleNamespace(args=args, no_log=no_log, vars={})
        self._loader = DataLoader()
        self._loader.set_basedir(str(folder))
        self.said: list[str] = []
        self._display = SimpleNamespace(
            verbosity=0,
            display=lambda text, **where: self.shown.append((text, where)),
            warning=self.said.append,
        )


def make(folder: Path, result: dict[str, Any] | None = None, no_log: bool = False, **args: Any) -> Action:
    return Action(result or {"changed": False, "peering_check": CHECKED}, folder, args, no_log)


def run(action: Action) -> dict[str, Any]:
    return action.run(None, {"inventory_hostname": "app-1"})


def run_playbook(folder: Path, variables: dict[str, Any], **args: Any) -> tuple[Action, dict[str, Any]]:
    """Run the task of the playbook with these variables; its arguments are what the prefixed ones have given."""
    action = make(folder, **args)
    action._task.vars = yaml.safe_load((ROOT / "playbooks" / "check.yml").read_text(encoding="utf-8"))[0]["tasks"][0]["vars"]
    return action, action.run(None, {"inventory_hostname": "localhost", **variables})


@pytest.mark.parametrize(
    ("name", "near"), [("orgid", "org_id"), ("conection", "connections"), ("cluster", "clusters"), ("fail-on", "fail_on")]
)
def test_a_misspelt_variable_of_the_playbook_is_refused(tmp_path: Path, name: str, near: str) -> None:
    variables = {"peering_check_result": {}, "peering_check_org_id": "1", f"peering_check_{name}": "1"}
    action, result = run_playbook(tmp_path, variables, report="peering.html")
    assert result["msg"] == (
        f"peering_check_{name} is not a variable of the playbook cloudpeer.atlas.check (peering_check_{near}?). "
        "Correct its name, or leave it out."
    )
    assert (result["failed"], result["requests"], action.runs) == (True, {"sent": 0, "writes": 0}, 0)
    # Without the playbook's mark, the variables are of other tasks.
    assert run(make(tmp_path)) == action.result


def test_empty_answers_of_a_survey_count_as_not_set(tmp_path: Path) -> None:
    given = {"report": "peering.html", "fail_on": "never", "connections": ""}
    action, result = run_playbook(tmp_path, {"clusters": ["web", "db"], "profile": "mine"}, **given)
    assert action._task.args == {"report": "peering.html", "fail_on": "never"}
    assert (result["report"], action.said) == ("peering.html", [])


@pytest.mark.parametrize("name", ["org_id", "group_id", "group_ids", "project_name", "project_names", "connections", "fail_on"])
def test_a_plain_name_is_a_warning(tmp_path: Path, name: str) -> None:
    action, result = run_playbook(tmp_path, {name: "5", "timeout": 3, "private_key": "", "clusters": ["web"]})
    assert (result, action._task.args) == (action.result, {})
    assert action.said == [
        f"The playbook cloudpeer.atlas.check takes variables with a prefix: {name} has no effect. If it is meant for the check, "
        f"set peering_check_{name}."
    ]
    # Not where the new one is set, or nothing is.
    for value, given in (("5", {name: "6"}), ("", {})):
        action, result = run_playbook(tmp_path, {name: value}, **given)
        assert action.said == []


def test_the_text_goes_to_stderr_at_once_with_the_host(tmp_path: Path) -> None:
    action = make(tmp_path)
    assert run(action) == action.result
    ((text, where),) = action.shown
    assert where == {"stderr": True}
    assert text.startswith("[app-1] 1 project: 5356823b3794dee37132bb7b\nnot reachable: vpc-0a1b2c3d4e5f60000")
    assert text.splitlines()[-1] == CHECKED["summary"]
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_explained_too(tmp_path: Path) -> None:
    action = make(tmp_path, FAILED, report="peering.md")
    assert run(action) == {**FAILED, "report": "peering.md", "peering_check": _check_action.in_short(CHECKED)}
    assert len(action.shown) == 1
    assert (tmp_path / "peering.md").read_text().startswith("# Peering check: not reachable")


@pytest.mark.parametrize("settings", [{"text": False}, {"text": "no"}, {"no_log": True}])
def test_without_text(tmp_path: Path, settings: dict[str, Any]) -> None:
    action = make(tmp_path, report="peering.html", **settings)
    run(action)
    assert action.shown == []
    assert (tmp_path / "peering.html").is_file()


@pytest.mark.parametrize(
    "result", [{"failed": True, "msg": "No credentials for Atlas."}, {"failed": True, "peering_check": None}]
)
def test_without_a_result_nothing_is_shown_or_written(tmp_path: Path, result: dict[str, Any]) -> None:
    action = make(tmp_path, result, report="peering.html")
    assert run(action) == result
    assert action.shown == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("terminal", "forced", "colored"), [(False, False, False), (True, False, True), (False, True, True)])
def test_colours_are_for_a_terminal(
    tmp_path: Path, terminal: bool, forced: bool, colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_color, "ANSIBLE_COLOR", True)
    monkeypatch.setattr(_check_action, "IS_TERMINAL", terminal)
    monkeypatch.setattr(_check_action.C, "ANSIBLE_FORCE_COLOR", forced)
    action = make(tmp_path)
    run(action)
    assert ("\033" in action.shown[0][0]) is colored
    if colored:
        # What goes into a log has no colours.
        (unused, first), (plain, second) = action.shown
        assert (first, second) == ({"stderr": True, "screen_only": True}, {"log_only": True})
        assert "\033" not in plain


@pytest.mark.parametrize(
    ("report", "message"),
    [
        (
            "peering.txt",
            "report has none of the extensions .html, .md, .json, .xml: {0}/peering.txt. Choose one: it says what is written.",
        ),
        (
            "peering",
            "report has none of the extensions .html, .md, .json, .xml: {0}/peering. Choose one: it says what is written.",
        ),
        (["peering.html", "peering.txt"], "report has none of the extensions .html, .md, .json, .xml: {0}/peering.txt."),
        (["peering.html", 7], "report has something that is not a path: 7. Give a path, or a list of paths."),
        ({"html": "peering.html"}, "report has something that is not a path: {{'html': 'peering.html'}}."),
        ("none/peering.html", "report: the folder {0}/none does not exist on the controller. Create it first."),
        ("folder.md", "report: {0}/folder.md is a folder."),
    ],
)
def test_a_report_that_cannot_be_written_fails_before_reading(tmp_path: Path, report: Any, message: str) -> None:
    (tmp_path / "folder.md").mkdir()
    action = make(tmp_path, report=report)
    result = run(action)
    assert result["failed"] is True
    assert result["changed"] is False
    assert result["msg"].startswith(message.format(tmp_path))
    assert {"http_status", "error_code", "detail"} <= result.keys()
    assert result["requests"] == {"sent": 0, "writes": 0}
    assert action.runs == 0
    assert not (tmp_path / "peering.html").exists()


def test_a_path_starts_at_the_playbook_unless_that_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loader = DataLoader()
    for folder, start in ((tmp_path / "plays", tmp_path / "plays"), (ROOT / "playbooks", tmp_path)):
        loader.set_basedir(str(folder))
        assert _files.absolute("a/peering.html", loader) == str(start / "a" / "peering.html")
        assert _files.absolute("/a/peering.html", loader) == "/a/peering.html"
        assert _files.absolute("~/peering.html", loader) == str(Path("~/peering.html").expanduser())


@pytest.mark.parametrize("given", ["peering.json", ["peering.html", "peering.md", "peering.json", "peering.xml"], []])
def test_each_report_has_the_form_of_its_ending(tmp_path: Path, given: Any) -> None:
    result = run(make(tmp_path, report=given))
    paths = [given] if isinstance(given, str) else given
    # As it was given.
    assert result.get("report", []) == given
    assert {one.name for one in tmp_path.iterdir()} == set(paths)
    assert {one.stat().st_mode & 0o777 for one in tmp_path.iterdir()} <= {0o600}
    beginnings = {"html": "<!DOCTYPE html>", "md": "# Peering check", "xml": "<?xml ", "json": '{\n "version": 1,\n "time": "20'}
    for path in paths:
        assert (tmp_path / path).read_text().startswith(beginnings[path.partition(".")[2]])
    if "peering.json" in paths:
        assert json.loads((tmp_path / "peering.json").read_text())["peering_check"] == CHECKED


def test_a_report_has_no_secret_where_results_have_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(argspec, "mask_secrets", lambda text: text.replace(CHECKED["connections"][0]["vpc_id"], "$REDACTED$"))
    run(make(tmp_path, report=["peering.html", "peering.md", "peering.json", "peering.xml"]))
    texts = [file.read_text() for file in tmp_path.iterdir()]
    assert len(texts) == 4
    for text in texts:
        assert "REDACTED" in text
        assert CHECKED["connections"][0]["vpc_id"] not in text


def test_a_report_that_fails_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def full(source: str, target: str, **folders: int) -> None:
        if target == "peering.md":
            raise OSError(28, "No space left on device")
        replace(source, target, **folders)

    monkeypatch.setattr("os.replace", full)
    result = run(make(tmp_path, report=["peering.md", "peering.xml"]))
    assert result["msg"].startswith(f"Failed to write the report {tmp_path}/peering.md: No space left on device.")
    assert [one.name for one in tmp_path.iterdir()] == ["peering.xml"]


def test_an_older_report_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "peering.HTML"
    file.write_text("old")
    action = make(tmp_path, report=str(file))
    assert "failed" not in run(action)
    assert file.read_text().startswith("<!DOCTYPE html>")
    assert [one.name for one in tmp_path.iterdir()] == ["peering.HTML"]


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path, exists: bool) -> None:
    link, file = tmp_path / "peering.html", tmp_path / "elsewhere" / "report"
    file.parent.mkdir()
    if exists:
        file.write_text("old")
    link.symlink_to(file)
    assert "failed" not in run(make(tmp_path, report=str(link)))
    assert link.is_symlink()
    assert file.read_text().startswith("<!DOCTYPE html>")


def test_a_link_into_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "peering.html").symlink_to(tmp_path / "none" / "peering.html")
    action = make(tmp_path, report="peering.html")
    assert run(action)["msg"].startswith(f"report: the folder {tmp_path}/none does not exist on the controller.")
    assert action.runs == 0


@pytest.mark.parametrize("result", [None, FAILED])
def test_a_report_that_fails_in_the_end_leaves_the_older_one(
    tmp_path: Path, result: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "peering.html"
    file.write_text("old")

    def full(source: str, target: str, **folders: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    done = run(make(tmp_path, result, report=str(file)))
    assert done["failed"] is True
    assert done["peering_check"] == _check_action.in_short(CHECKED)
    message = f"Failed to write the report {file}: No space left on device."
    if result is None:
        assert done["msg"].startswith(message)
    else:
        # Why it fails is said already.
        assert done["msg"] == FAILED["msg"]
        assert done["warnings"][0].startswith(message)
    assert [one.name for one in tmp_path.iterdir()] == ["peering.html"]
    assert file.read_text() == "old"


@pytest.mark.parametrize(
    ("before", "wanted", "mode"),
    [(None, None, 0o600), (0o644, None, 0o644), (0o400, None, 0o400), (None, "0640", 0o640), (0o600, "664", 0o664)],
)
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_who_may_read_a_report(tmp_path: Path, before: int | None, wanted: str | None, mode: int, umask: int) -> None:
    file = tmp_path / "peering.html"
    if before is not None:
        file.write_text("old")
        file.chmod(before)
    earlier = os.umask(umask)
    try:
        assert "failed" not in run(make(tmp_path, report="peering.html", **({"report_mode": wanted} if wanted else {})))
    finally:
        os.umask(earlier)
    assert file.read_text().startswith("<!DOCTYPE html>")
    assert file.stat().st_mode & 0o7777 == mode
    assert [one.name for one in tmp_path.iterdir()] == ["peering.html"]


# YAML reads 0640 as 416.
@pytest.mark.parametrize("mode", [416, 640, "", "0o640", "u=rw", "0999", "1777", "64", True])
def test_a_mode_that_is_none_fails_before_reading(tmp_path: Path, mode: Any) -> None:
    action = make(tmp_path, report="peering.html", report_mode=mode)
    result = run(action)
    assert result["failed"] is True
    assert result["msg"] == f'report_mode is not a file mode in quotes: {mode!r}. Write it like "0640".'
    assert (action.runs, list(tmp_path.iterdir())) == (0, [])


@pytest.mark.parametrize("way", ["link", "link to a link"])
def test_a_link_of_another_user_is_refused(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file, link = tmp_path / "precious", tmp_path / "peering.html"
    file.write_text("old")
    link.symlink_to(file)
    own, theirs = os.geteuid(), link
    if way == "link to a link":
        link = tmp_path / "own.html"
        link.symlink_to(theirs.name)
    lstat = os.lstat

    def planted(path: Any) -> Any:
        found = lstat(path)
        return SimpleNamespace(st_mode=found.st_mode, st_uid=own + (str(path) == str(theirs)))

    monkeypatch.setattr("os.lstat", planted)
    action = make(tmp_path, report=str(link))
    assert run(action)["msg"] == f"report: {theirs} is a link that another user has made. Remove it, or give another path."
    assert (action.runs, file.read_text()) == (0, "old")


def test_a_link_that_is_planted_meanwhile_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, report = tmp_path / "precious", tmp_path / "peering.html"
    file.write_text("old")
    file.chmod(0o644)
    plant = os.stat

    def stat(path: Any, **where: Any) -> os.stat_result:
        # The last moment before the report is put there.
        if where.get("dir_fd") is not None and not report.is_symlink():
            report.symlink_to(file)
        return plant(path, **where)

    monkeypatch.setattr("os.stat", stat)
    assert "failed" not in run(make(tmp_path, report="peering.html"))
    assert file.read_text() == "old"
    assert not report.is_symlink()
    assert report.stat().st_mode & 0o777 == 0o600


def test_a_link_that_leads_to_itself(tmp_path: Path) -> None:
    (tmp_path / "peering.html").symlink_to("peering.html")
    action = make(tmp_path, report="peering.html")
    assert run(action)["msg"].startswith(f"report: {tmp_path}/peering.html is a link that leads to itself.")
    assert action.runs == 0


def test_the_content_of_an_earlier_report_is_an_option(tmp_path: Path) -> None:
    """A relative path starts at the folder of the playbook. The result has the path, and not the content."""
    (tmp_path / "yesterday.json").write_text('{"version": 1}')
    action = make(tmp_path, {"invocation": {"module_args": {"since": {"version": 1}}}}, since="yesterday.json")
    args = _check_action.with_content(action._task.args, action._loader)
    assert args == {"since": {"version": 1}}
    assert run(action)["invocation"]["module_args"] == {"since": "yesterday.json"}
    assert _check_action.with_content({"since": None}, action._loader) == {"since": None}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.json", "since: {0}/none.json cannot be read: No such file or directory."),
        ("folder", "since: {0}/folder cannot be read: Is a directory."),
        ("text.json", "since: {0}/text.json is not JSON."),
        ("deep.json", "since: {0}/deep.json is not JSON."),
        ("bytes.json", "since: {0}/bytes.json is not JSON."),
        ("null.json", "since: {0}/null.json has nothing but null."),
    ],
)
def test_an_earlier_report_that_cannot_be_read(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.json").write_text("# Peering check")
    (tmp_path / "deep.json").write_text("[" * 200_000)
    (tmp_path / "null.json").write_text("null\n")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidOptionError) as caught:
        _check_action.with_content({"since": name}, make(tmp_path)._loader)
    assert caught.value.message == message.format(tmp_path)
    assert caught.value.hint == "Give a report that this module has written, with the ending .json."


def test_a_link_that_another_user_has_made_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "yesterday.json").write_text("{}")
    (tmp_path / "link.json").symlink_to("yesterday.json")
    loader = make(tmp_path)._loader
    assert _check_action.with_content({"since": "link.json"}, loader) == {"since": {}}
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(InvalidOptionError, match=r"since: .*/link\.json is a link that another user has made\."):
        _check_action.with_content({"since": "link.json"}, loader)
