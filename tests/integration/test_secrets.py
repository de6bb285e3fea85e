# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets appear nowhere: not in output at any verbosity, in results, on command lines, or in files left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.integration.runner import (
    ROOT,
    WAYS,
    PlaybookRunner,
    descendants,
    environment,
    until,
)

CANARY = "e3a10000-0000-4000-8000-canarycanary"
TASKS = """
- hosts: localhost
  gather_facts: false
  tasks:
    - cloudpeer.atlas.atlas_vpc_peer:
        vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        route_table_cidr_block: 10.15.0.0/16
        private_key: "{{ lookup('ansible.builtin.env', 'KEY_FOR_THE_OPTION') or omit }}"
    - cloudpeer.atlas.atlas_vpc_peer:
        peer_id: "{{ lookup('ansible.builtin.env', 'MONGODB_ATLAS_PRIVATE_API_KEY') }}"
      ignore_errors: true
    - cloudpeer.atlas.atlas_vpc_peer:
        vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        base_url: http://127.0.0.1:1
        retries: 0
      ignore_errors: true
    - cloudpeer.atlas.atlas_vpc_peer:
        vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        group_id: "000000000000000000000000"
        no_such_option: true
      ignore_errors: true
"""


@pytest.mark.parametrize(
    ("options", "given"),
    [(("--check", "--diff"), "option"), (("--diff",), "option"), (("--diff",), "variable")],
    ids=["check", "run", "variable"],
)
@pytest.mark.parametrize("way", WAYS)
def test_the_private_key_is_seen_nowhere(
    way: str,
    given: str,
    options: tuple[str, ...],
    start: Callable[..., RunningEmulator],
    playbook: PlaybookRunner,
    tmp_path: Path,
) -> None:
    emulator = start(private_key=CANARY)
    variables = {"KEY_FOR_THE_OPTION": CANARY} if given == "option" else {}
    run = playbook(TASKS, emulator, "-vvvv", *options, way=way, **variables)
    assert ["msg" in result for result in run.results] == [False, True, True, True]
    assert "canary" not in run.output
    leftovers = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert leftovers
    assert [path for path in leftovers if "canary" in path.read_text(errors="replace")] == []


ACCOUNT = {"MONGODB_ATLAS_CLIENT_ID": "mdb_sa_id_of_the_test", "MONGODB_ATLAS_CLIENT_SECRET": "mdb_sa_sk_canary-of-a-secret"}
WITHOUT_KEYS = dict.fromkeys(("MONGODB_ATLAS_PUBLIC_API_KEY", "MONGODB_ATLAS_PRIVATE_API_KEY"), "")


def account_emulator(start: Callable[..., RunningEmulator], **settings: object) -> RunningEmulator:
    """Run an emulator for the service account of the test."""
    return start(client_id=ACCOUNT["MONGODB_ATLAS_CLIENT_ID"], client_secret=ACCOUNT["MONGODB_ATLAS_CLIENT_SECRET"], **settings)


@pytest.mark.parametrize("way", WAYS)
def test_neither_the_secret_of_a_service_account_nor_its_token_is_seen(
    way: str, start: Callable[..., RunningEmulator], playbook: PlaybookRunner, tmp_path: Path
) -> None:
    emulator = account_emulator(start)
    # A server that sends back what it was sent, in the middle of the first run.
    rule = {
        "path": "/api/atlas/",
        "authenticated": True,
        "skip": 1,
        "times": 1,
        "fault": {"kind": "html", "status": 500, "echo_authorization": True},
    }
    requests.post(f"{emulator.base_url}/emulator/faults", json=rule, timeout=10).raise_for_status()
    variables = {**ACCOUNT, **WITHOUT_KEYS, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    runs = [playbook(TASKS, emulator, "-vvvvv", "--diff", way=way, status=status, **variables) for status in (2, 0)]
    (file,) = (tmp_path / "cache" / "cloudpeer.atlas").glob("*.json")
    token = json.loads(file.read_text())["value"]
    assert [entry["path"] for entry in emulator.requests.entries()].count("/api/oauth/token") == 1
    for run in runs:
        assert "canary" not in run.output
        assert token not in run.output
    leftovers = [path for path in tmp_path.rglob("*") if path.is_file() and path != file]
    texts = {path: path.read_text(errors="replace") for path in leftovers}
    assert [path for path, text in texts.items() if "canary" in text or token in text] == []
    assert token not in str(emulator.requests.entries())


@pytest.mark.parametrize("way", WAYS)
def test_no_secret_stands_on_a_command_line(way: str, start: Callable[..., RunningEmulator], tmp_path: Path) -> None:
    emulator = start(step_seconds=3600, private_key=CANARY)
    (tmp_path / "wait.yml").write_text(
        """
- hosts: localhost
  gather_facts: false
  tasks:
    - cloudpeer.atlas.atlas_vpc_peer:
        vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        route_table_cidr_block: 10.15.0.0/16
        wait: true
"""
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "ansible", "playbook", str(tmp_path / "wait.yml"), "-e", f"atlas_in_process={WAYS[way]}"],
        cwd=ROOT,
        env={**environment(tmp_path, emulator), "RECORD_FILE": os.devnull},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: len(emulator.requests.entries()) >= 5)
        running = [process.pid, *descendants(process.pid)]
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in running]
        assert len(commands) > 1
        assert [command for command in commands if b"canary" in command] == []
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(10)
