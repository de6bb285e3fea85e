"""Running in the controller's own process: what it saves, when it does not apply, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import parse_rules
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import (
    WAYS,
    Descendants,
    PlaybookRunner,
    environment,
    is_running,
    plain_interpreter,
    until,
)
from ansible_collections.cloudpeer.atlas.tests.support.sets import entry

# As a module, the same code runs in another process, which takes its time.
USUALLY_IN_PROCESS = [pytest.param(way, marks=() if way == "in process" else pytest.mark.full) for way in WAYS]

HEAD = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/cloudpeer.atlas.atlas:
      aws_account_id: "123456789012"
  tasks:
"""
LOOP = (
    HEAD
    + """
    - cloudpeer.atlas.atlas_vpc_peer:
        vpc_id: vpc-0a1b2c3d4e5f678{{ '%02d' % item }}
        route_table_cidr_block: 10.{{ item }}.0.0/16
      loop: "{{ range(8) | list }}"
"""
)
WAIT = (
    HEAD
    + """
    - cloudpeer.atlas.atlas_vpc_peer:
        vpc_id: vpc-0a1b2c3d4e5f67890
        route_table_cidr_block: 10.15.0.0/16
        wait: true
        wait_for: available
      no_log: false
"""
)


def loop_costs(emulator: RunningEmulator, playbook: PlaybookRunner, way: str) -> tuple[int, int]:
    """Return the requests and the connections of a loop over eight connections that are as they should be."""
    playbook(LOOP, emulator)
    emulator.requests.clear()
    run = playbook(LOOP, emulator, way=way)
    assert [one["changed"] for one in run.results] == [False] * 8
    entries = emulator.requests.entries()
    return len(entries), len({entry["connection"] for entry in entries})


@pytest.mark.full
def test_the_items_of_a_loop_share_one_connection_and_its_nonce(emulator: RunningEmulator, playbook: PlaybookRunner) -> None:
    # The challenge, a look for each of eight, and the container once.
    assert loop_costs(emulator, playbook, "in process") == (10, 1)


@pytest.mark.full
def test_as_modules_the_items_of_a_loop_connect_one_by_one(emulator: RunningEmulator, playbook: PlaybookRunner) -> None:
    assert loop_costs(emulator, playbook, "module") == (24, 8)


def test_requests_is_imported_once_and_not_by_the_workers(
    emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path
) -> None:
    watching, seen = tmp_path / "watching", tmp_path / "imports"
    watching.mkdir()
    # Python runs this file when it starts; it notes which process looks for requests.
    (watching / "sitecustomize.py").write_text(
        f"""
import importlib.abc, os, sys

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "requests":
            with open({str(seen)!r}, "a") as file:
                print(os.getpid(), file=file)

sys.meta_path.insert(0, Watch())
"""
    )
    run = playbook(LOOP + LOOP.partition("tasks:")[2], emulator, "-vvv", PYTHONPATH=str(watching))
    assert run.output.count("runs in this process") == 16
    assert len(seen.read_text().split()) == 1


def test_credentials_and_hosts_never_share_a_session(start: Callable[..., RunningEmulator], playbook: PlaybookRunner) -> None:
    first, second = start(step_seconds=0), start(step_seconds=0, private_key="e3a10000-0000-4000-8000-0000000other")
    text = (
        HEAD
        + """
    - cloudpeer.atlas.atlas_vpc_peer:
        base_url: "{{ item.url }}"
        private_key: "{{ item.key }}"
        vpc_id: vpc-0a1b2c3d4e5f67890
        state: absent
      ignore_errors: true
      loop: "{{ items }}"
"""
    )
    own = [{"url": one.base_url, "key": one.settings.private_key} for one in (first, second)]
    wrong = {"url": first.base_url, "key": "not-the-key"}
    items = [own[0], own[1], wrong, own[0], wrong, own[1]]
    run = playbook(text, first, "-e", f"{{'items': {items}}}")
    assert ["msg" in one for one in run.results] == [False, False, True, False, True, False]
    # A challenge and two answers for each key that is right; two requests each time for one that is wrong.
    assert [entry["status"] for entry in first.requests.entries()] == [401, 200, 401, 401, 200, 401, 401]
    assert [entry["status"] for entry in second.requests.entries()] == [401, 200, 200]
    connections = [entry["connection"] for entry in first.requests.entries()]
    assert connections[0] == connections[1] == connections[4]
    assert len(set(connections)) == 3


def test_a_task_that_waits_says_how_it_goes(start: Callable[..., RunningEmulator], playbook: PlaybookRunner) -> None:
    emulator = start(step_seconds=0.7, accept="auto")
    run = playbook(WAIT, emulator, measured=True)
    lines = [line for line in run.output.splitlines() if line.startswith("[localhost] vpc-0a1b2c3d4e5f67890: ")]
    assert [line.partition(" after ")[0].partition(": ")[2] for line in lines] == [
        "INITIATING → PENDING_ACCEPTANCE",
        "PENDING_ACCEPTANCE → FINALIZING",
        "FINALIZING → AVAILABLE",
    ]
    history = run.result["status_history"]
    assert [entry["status"] for entry in history] == ["INITIATING", "PENDING_ACCEPTANCE", "FINALIZING", "AVAILABLE"]
    assert history[0]["seconds"] < history[-1]["seconds"]


@pytest.mark.full
def test_output_for_machines_has_no_lines_of_a_wait(start: Callable[..., RunningEmulator], tmp_path: Path) -> None:
    emulator = start(step_seconds=0.2, accept="auto")
    (tmp_path / "wait.yml").write_text(WAIT)
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", str(tmp_path / "wait.yml")],
        cwd=ROOT,
        env={**environment(tmp_path, emulator), "RECORD_FILE": os.devnull},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    # On a busy machine, a poll may come after two steps.
    assert re.search(r"\[localhost\] vpc-0a1b2c3d4e5f67890: \w+ → AVAILABLE", done.stderr)
    # The callbacks json and jsonl write to the standard output, where nothing else may be.
    assert "AVAILABLE" not in done.stdout


@pytest.mark.parametrize("way", USUALLY_IN_PROCESS)
def test_an_alias_with_another_value_than_its_option_is_refused(
    way: str, emulator: RunningEmulator, playbook: PlaybookRunner
) -> None:
    other = "5356823b3794dee37132bbff"
    text = f"""
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/cloudpeer.atlas.atlas:
      group_id: "{other}"
  tasks:
    - cloudpeer.atlas.atlas_vpc_peer_info:
        project_id: "{emulator.settings.group_id}"
"""
    run = playbook(text, emulator, way=way, status=2, measured=True)
    assert run.result["msg"].startswith("group_id and project_id are two names of one option, and have different values: ")
    assert other in run.result["msg"]
    assert emulator.settings.group_id in run.result["msg"]
    assert [run.result[name] for name in ("http_status", "error_code", "detail")] == [None] * 3
    assert emulator.requests.entries() == []


@pytest.mark.full
@pytest.mark.parametrize("way", WAYS)
def test_an_alias_is_warned_of_beside_its_option_alone(way: str, emulator: RunningEmulator, playbook: PlaybookRunner) -> None:
    text = """
- hosts: localhost
  gather_facts: false
  tasks:
    - cloudpeer.atlas.atlas_vpc_peer_info: {project_id: PROJECT, provider_name: AWS}
    - cloudpeer.atlas.atlas_vpc_peer_info: {project_id: PROJECT, group_id: PROJECT, provider_name: AWS}
""".replace("PROJECT", f'"{emulator.settings.group_id}"')
    # The environment names another project, which is not looked at.
    run = playbook(text, emulator, way=way, MONGODB_ATLAS_PROJECT_ID="5356823b3794dee37132bbff")
    assert [one.get("warnings", []) for one in run.results] == [[], ["Both option group_id and its alias project_id are set."]]
    assert [one["vpc_peers"] for one in run.results] == [[], []]


# Options, the project in the environment, and how the failure begins.
REFUSED: list[tuple[dict[str, Any], str | None, str]] = [
    ({}, None, "group_id is required. Set it (or its alias project_id) or project_name, or the environment variable "),
    ({}, "", "group_id is required."),
    ({"project_id": ""}, None, "group_id is required."),
    ({"status_name": ["GONE"]}, "5356823b3794dee37132bb7b", "value of status_name must be one or more of"),
    ({"sort": True}, "5356823b3794dee37132bb7b", "Unsupported parameters for (cloudpeer.atlas.atlas_vpc_peer_info) module"),
]


@pytest.mark.parametrize("way", USUALLY_IN_PROCESS)
def test_failures_of_the_argument_check_look_like_all_others(
    way: str, emulator: RunningEmulator, playbook: PlaybookRunner
) -> None:
    tasks = [
        {
            "cloudpeer.atlas.atlas_vpc_peer_info": options,
            "ignore_errors": True,
            **({} if project is None else {"environment": {"MONGODB_ATLAS_PROJECT_ID": project}}),
        }
        for options, project, unused in REFUSED
    ]
    text = json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}])
    run = playbook(text, emulator, way=way, measured=True, MONGODB_ATLAS_PROJECT_ID=None)
    for result, (options, unused, message) in zip(run.results, REFUSED, strict=True):
        assert result["msg"].startswith(message), options
        assert [result[name] for name in ("http_status", "error_code", "detail")] == [None] * 3
    assert emulator.requests.entries() == []


ONE_LIST = """
- hosts: localhost
  gather_facts: false
  vars:
    connections:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        cidr_block: 10.15.0.0/16
        region: us-east-1
        container_region_name: us-east-1
        wait_for: available
        route_table_ids: [rtb-0a1b2c3d4e5f67890]
        aws_access_key: AKIAIOSFODNN7EXAMPLE
        aws_secret_key: canary-of-the-secret-key
  tasks:
    - cloudpeer.atlas.atlas_vpc_peers:
        peers: "{{ connections }}"
    - cloudpeer.atlas.atlas_vpc_peer_check:
        connections: "{{ connections }}"
        compare_group_ids: [5356823b3794dee37132bbff]
        aws: false
        fail_on: never
        text: false
    - cloudpeer.atlas.atlas_vpc_peers:
        peers: "{{ connections + [{'vpcid': 'vpc-0a1b2c3d4e5f67891', 'azure_secret': 'canary-of-azure'}] }}"
      ignore_errors: true
"""


@pytest.mark.full
@pytest.mark.parametrize("way", WAYS)
def test_one_list_serves_sets_and_the_check(way: str, emulator: RunningEmulator, playbook: PlaybookRunner) -> None:
    run = playbook(ONE_LIST, emulator, "-v", way=way)
    declared, checked, wrong = run.results
    (peer,), (found,) = declared["vpc_peers"], checked["peering_check"]["connections"]
    assert (peer["route_table_cidr_block"], peer["id"]) == ("10.15.0.0/16", found["peer_id"])
    assert wrong["msg"] == "peers[1]: vpcid is not an option (vpc_id?)."
    for module, names in (
        ("atlas_vpc_peers", "route_table_ids, aws_access_key, aws_secret_key"),
        ("atlas_vpc_peer_check", "wait_for"),
    ):
        assert f"cloudpeer.atlas.{module} has no use for these options of entries: {names}." in run.output
    assert "canary" not in run.output
    assert "canary" not in json.dumps(run.records)


def test_with_no_log_a_task_that_waits_says_nothing(start: Callable[..., RunningEmulator], playbook: PlaybookRunner) -> None:
    run = playbook(WAIT.replace("no_log: false", "no_log: true"), start(step_seconds=0.2, accept="auto"))
    assert run.changed == 1
    assert "vpc-0a1b2c3d4e5f67890" not in run.output


@pytest.mark.full
@pytest.mark.parametrize("way", WAYS)
def test_ten_hosts_at_once(way: str, emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.ini"
    inventory.write_text("".join(f"host{number} ansible_connection=local number={number}\n" for number in range(10)))
    text = (
        HEAD.replace("localhost", "all")
        + """
    - cloudpeer.atlas.atlas_vpc_peer:
        vpc_id: vpc-0a1b2c3d4e5f6780{{ number }}
        route_table_cidr_block: 10.{{ number }}.0.0/16
"""
    )
    # Ten modules at once are worth their time once.
    for changed in (True, False) if way == "in process" else (True,):
        run = playbook(
            text,
            emulator,
            "--forks",
            "10",
            way=way,
            ANSIBLE_INVENTORY=str(inventory),
            ANSIBLE_CALLBACKS_ENABLED="record,cloudpeer.atlas.plan",
        )
        assert [one["changed"] for one in run.results] == [changed] * 10
        # The callback adds up what all hosts have sent.
        verb, writes = ("changed", ", 10 of which may change something") if changed else ("ok", "")
        assert re.search(rf"^cloudpeer\.atlas: 10 {verb}; \d+ requests{writes}$", run.output, re.MULTILINE)
        assert all(re.search(rf"^{verb} .* \[host{number}\] ", run.output, re.MULTILINE) for number in range(10))
    assert len([entry for entry in emulator.requests.entries() if entry["method"] == "POST"]) == 10


@pytest.mark.full
@pytest.mark.parametrize("way", WAYS)
def test_hosts_with_one_project_take_turns(way: str, emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path) -> None:
    """From the last look at the access list until that is changed, no other host looks or changes."""
    inventory = tmp_path / "inventory.ini"
    inventory.write_text("".join(f"host{number} ansible_connection=local number={number}\n" for number in range(3)))
    text = """
- hosts: all
  gather_facts: false
  tasks:
    - cloudpeer.atlas.atlas_peering:
        connections:
          - {vpc_id: "vpc-0a1b2c3d4e5f6780{{ number }}", aws_account_id: "123456789012", cidr_block: "10.{{ number }}.0.0/16"}
        aws: false
"""
    slow = {"method": "POST", "path_glob": "/api/*/accessList*", "authenticated": True, "fault": {"kind": "latency", "ms": 400}}
    emulator.faults.add(parse_rules(slow))
    playbook(text, emulator, "--forks", "3", way=way, ANSIBLE_INVENTORY=str(inventory))
    entries = [one for one in emulator.requests.entries() if one["authenticated"] and one["path"].endswith("/accessList")]
    # Each has looked when it began, too.
    assert [one["method"] for one in entries] == ["GET"] * 3 + ["GET", "POST"] * 3


@pytest.mark.parametrize(
    ("keywords", "reason"),
    [
        ("become: true\n      become_method: ansible.builtin.su", "become is set"),
        ("async: 30\n      poll: 1", "async is set"),
        ("vars: {atlas_in_process: 'no'}", "atlas_in_process is false"),
        ("vars: {atlas_in_process: \"{{ 'fal' ~ 'se' }}\"}", "atlas_in_process is false"),
    ],
)
@pytest.mark.full
def test_what_keeps_a_task_out_of_the_process(
    keywords: str, reason: str, emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path
) -> None:
    if "become" in keywords and os.geteuid() != 0:
        pytest.skip("becoming another user takes root, or a password")
    text = (
        HEAD
        + f"""
    - cloudpeer.atlas.atlas_vpc_peer:
        group_id: "{{{{ group }}}}"
        public_key: "{{{{ public_key }}}}"
        private_key: "{{{{ private_key }}}}"
        base_url: "{{{{ base_url }}}}"
        vpc_id: vpc-0a1b2c3d4e5f67890
        route_table_cidr_block: 10.15.0.0/16
      {keywords}
"""
    )
    settings = emulator.settings
    options = {
        "group": settings.group_id,
        "public_key": settings.public_key,
        "private_key": settings.private_key,
        "base_url": emulator.base_url,
    }
    # Written into the text, because extra variables would come before the task's own.
    text = text.replace(
        "  tasks:", "  vars:\n" + "".join(f"    {name}: '{value}'\n" for name, value in options.items()) + "  tasks:"
    )
    run = playbook(
        text, emulator, "-vvv", "-e", f"ansible_python_interpreter={plain_interpreter(tmp_path)}", way=None, measured=True
    )
    assert f"runs as a module: {reason}" in run.output
    assert run.changed >= 1
    assert [entry["method"] for entry in emulator.requests.entries() if entry["authenticated"]] == ["GET", "GET", "POST"]


def without_requests(folder: Path) -> str:
    """Return a folder that makes the import of requests fail for a Python that has it on its path."""
    broken = folder / "without-requests"
    broken.mkdir()
    (broken / "requests.py").write_text("raise ImportError(\"No module named 'requests'\")\n")
    return str(broken)


@pytest.mark.full
def test_a_controller_without_requests_runs_modules_and_says_so(
    emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path
) -> None:
    interpreter = tmp_path / "python-with-requests"
    interpreter.write_text(f'#!/bin/sh\nunset PYTHONPATH\nexec "{sys.executable}" "$@"\n')
    interpreter.chmod(stat.S_IRWXU)
    two_tasks = LOOP + LOOP.partition("tasks:")[2]
    run = playbook(
        two_tasks.replace("range(8)", "range(2)"),
        emulator,
        "-vvv",
        "-e",
        f"ansible_python_interpreter={interpreter}",
        way=None,
        measured=True,
        PYTHONPATH=without_requests(tmp_path),
    )
    assert [one["changed"] for one in run.results] == [True] * 2 + [False] * 2
    assert len([warning for warning in run.warnings if "requests" in warning]) == len(run.warnings) == 1
    assert run.output.count("runs as a module: Ansible's own Python has no requests") == 4


@pytest.mark.full
def test_a_target_without_requests_fails_with_the_usual_message(
    emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path
) -> None:
    broken = without_requests(tmp_path)
    run = playbook(LOOP.replace("range(8)", "range(1)"), emulator, way="module", status=2, measured=True, PYTHONPATH=broken)
    assert {one["msg"].partition(" on ")[0] for one in run.results} == {"Failed to import the required Python library (requests)"}
    assert "Traceback" not in run.output
    assert emulator.requests.entries() == []


@pytest.mark.parametrize("way", USUALLY_IN_PROCESS)
def test_an_interrupt_ends_a_wait_at_once_and_leaves_no_process(
    way: str, start: Callable[..., RunningEmulator], tmp_path: Path
) -> None:
    emulator = start(step_seconds=3600)
    (tmp_path / "wait.yml").write_text(WAIT)
    process = subprocess.Popen(
        [sys.executable, "-m", "ansible", "playbook", str(tmp_path / "wait.yml"), "-e", f"atlas_in_process={WAYS[way]}"],
        cwd=ROOT,
        env={**environment(tmp_path, emulator), "RECORD_FILE": os.devnull},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    # Challenge, list, containers, POST, and a first look at the new connection: it waits.
    until(lambda: len(emulator.requests.entries()) >= 5)
    # Into the pause before the next look, and not into the end of a request, where Python ignores what a finalizer raises.
    time.sleep(0.2)
    started = Descendants(process.pid).look()
    assert started
    os.killpg(process.pid, signal.SIGINT)
    output, unused = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "interrupted" in output
    until(lambda: not any(map(is_running, started)))
    assert [entry["method"] for entry in emulator.requests.entries()].count("POST") == 1


SET = f"""
- hosts: localhost
  gather_facts: false
  tasks:
    - cloudpeer.atlas.atlas_vpc_peers:
        peers: {json.dumps([entry(number, route_table_cidr_block=f"10.{number}.0.0/16") for number in range(40)])}
        parallel: "{{{{ parallel }}}}"
      timeout: 6
"""


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.full
def test_a_set_whose_time_is_up_says_what_it_has_done(
    start: Callable[..., RunningEmulator], playbook: PlaybookRunner, parallel: int
) -> None:
    # Of one connection after the other, some are made in that time on the slowest machine, and not all on the fastest.
    emulator = start(latency_ms=500, step_seconds=3600, max_pending_peers=50)
    run = playbook(SET, emulator, "-e", f"parallel={parallel}", status=2)
    made = {one["vpcId"] for one in emulator.project.list_peers()}
    assert 0 < len(made) < 40
    line = next(one for one in run.output.splitlines() if "stopped before the end; done so far: " in one)
    done, perhaps = ({word.rpartition("/")[2].rstrip(",;") for word in part.split() if "/vpc-" in word} for part in split(line))
    assert done <= made <= done | perhaps
    # Threads are waited for: only what the main thread sends, or the reply that it takes, may be unrecorded.
    assert len(perhaps) <= 1


def split(line: str) -> tuple[str, str]:
    """Return what a line says of a task's changes: those that were made, and those that may have been."""
    done, unused, perhaps = line.partition("; perhaps also: ")
    return done, perhaps


ONE = """
- hosts: localhost
  gather_facts: false
  tasks:
    - cloudpeer.atlas.atlas_vpc_peer:
        vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        route_table_cidr_block: 10.15.0.0/16
        wait: true
      timeout: 10
"""


@pytest.mark.full
def test_one_whose_time_is_up_says_what_it_has_done(start: Callable[..., RunningEmulator], playbook: PlaybookRunner) -> None:
    run = playbook(ONE, start(step_seconds=3600), status=2)
    told = "stopped before the end; done so far: create vpc-0a1b2c3d4e5f67890, 123456789012"
    assert f"\n[localhost] vpc-0a1b2c3d4e5f67890: {told}\n" in run.output
