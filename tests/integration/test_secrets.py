# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private key appears nowhere: not in output at any verbosity, in results, on command lines, or in files left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.integration.runner import WAYS, PlaybookRunner

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


@pytest.mark.parametrize("options", [("--check", "--diff"), ("--diff",)], ids=["check", "run"])
@pytest.mark.parametrize("given", ["option", "variable"])
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
