"""A command that shares what it imports does what it does in a process of its own; what is compiled once is the same."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.support import ansible_process
from ansible_collections.cloudpeer.atlas.tests.support.ansible_process import COMPILED, AnsibleServer, run_ansible
from ansible_collections.cloudpeer.atlas.tests.support.compiled import sitecustomize
from ansible_collections.cloudpeer.atlas.tests.support.environment import own_environment

SHOW = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: "{{ lookup('ansible.builtin.pipe', 'echo $HOME $OF_THE_TEST $PWD') }}"
    - ansible.builtin.fail: {msg: the end}
"""


def environment(folder: Path, **more: str) -> dict[str, str]:
    collections = os.environ["ANSIBLE_COLLECTIONS_PATH"]
    home = {"HOME": str(folder), "ANSIBLE_HOME": str(folder / "ansible"), "ANSIBLE_COLLECTIONS_PATH": collections}
    return {**own_environment(), **home, **more}


def test_settings_are_those_of_an_own_process(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\nforks = 7\ntask_timeout = 33\n")
    (tmp_path / "show.yml").write_text(SHOW)
    (tmp_path / "hosts").write_text("one ansible_connection=local\n")
    variables = environment(tmp_path, ANSIBLE_INVENTORY=str(tmp_path / "hosts"), ANSIBLE_NO_LOG="false", OF_THE_TEST="x y")
    shared, own = (
        [
            run_ansible(*words, environment=variables, cwd=tmp_path, own_process=own_process)
            for words in (("config", "dump", "--only-changed"), ("playbook", "show.yml", "-v"))
        ]
        for own_process in (False, True)
    )
    (status, settings), (failed, output) = shared
    assert shared == own
    assert (status, failed) == (0, 2)
    assert "DEFAULT_FORKS" in settings
    assert "TASK_TIMEOUT" in settings
    assert str(tmp_path / "hosts") in settings
    assert f'"{tmp_path} x y {tmp_path}"' in output


def test_a_module_is_made_into_a_zip_file_once(tmp_path: Path) -> None:
    words = ("adhoc", "localhost", "-m", "cloudpeer.atlas.atlas_vpc_peer_info", "-e", "atlas_in_process=false")
    for kept in (False, True):
        folder = tmp_path / str(kept)
        folder.mkdir()
        status, output = run_ansible(*words, environment=environment(folder, ANSIBLE_DEBUG="true"), cwd=folder)
        assert status == 2
        assert "group_id is required" in output
    assert "using cached module" in output


@pytest.mark.parametrize(
    ("variables", "own_process", "shared"),
    [
        ({}, False, True),
        ({"HOME": "/", "ANSIBLE_FORKS": "1"}, False, True),
        ({}, True, False),
        ({"PYTHONPATH": "/nowhere"}, False, False),
        ({"LC_ALL": "C"}, False, False),
        ({"ANSIBLE_COLLECTIONS_PATH": "/nowhere"}, False, False),
        ({"COVERAGE_PROCESS_START": "/nowhere"}, False, False),
    ],
)
def test_what_matters_before_the_fork_is_never_shared(
    variables: dict[str, str], own_process: bool, shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = subprocess.CompletedProcess([], 0, "its own")
    monkeypatch.setattr(AnsibleServer, "__init__", lambda _self: None)
    monkeypatch.setattr(AnsibleServer, "run", lambda *unused: (0, "shared"))
    monkeypatch.setattr(ansible_process, "_server", AnsibleServer)
    monkeypatch.setattr(subprocess, "run", lambda *unused, **unused_too: own)
    ran = run_ansible("playbook", environment=environment(tmp_path, **variables), cwd=tmp_path, own_process=own_process)
    assert ran == (0, "shared" if shared else "its own")


def test_a_text_is_compiled_once_and_another_one_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def noted(source: str, filename: str, mode: str, flags: int, dont_inherit: bool) -> types.CodeType:
        compiled.append(filename)
        return compile(source, filename, mode, flags, dont_inherit)

    monkeypatch.setattr(sitecustomize, "FOLDER", str(tmp_path))
    monkeypatch.setattr(sitecustomize, "compile", noted, raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    text = "def outer():\n    def inner():\n        return 'first'\n    return inner\n"
    one, two = "/one/module.zip/package/file.py", "/two/module.zip/package/file.py"
    for source, path in ((text, one), (text, two), (text.replace("first", "second"), one)):
        code = sitecustomize.compile_once(source, path, "exec", dont_inherit=True)
        assert code == compile(source, path, "exec", dont_inherit=True)
        # The traceback of what is within names the file, too.
        (outer,) = (part for part in code.co_consts if isinstance(part, types.CodeType))
        assert {part.co_filename for part in (code, outer, *outer.co_consts) if isinstance(part, types.CodeType)} == {path}
    assert compiled == [one, one]


def test_python_imports_it_when_it_starts() -> None:
    command = [sys.executable, "-c", "import sys, zipimport; print(zipimport.compile.__module__)"]
    done = subprocess.run(command, env={"PYTHONPATH": str(COMPILED)}, capture_output=True, text=True, check=True)
    assert done.stdout == "sitecustomize\n"
