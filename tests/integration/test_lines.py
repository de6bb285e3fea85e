"""What real runs say on the standard error: what was done, in one line, in both ways of running."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import parse_rules
from ansible_collections.cloudpeer.atlas.tests.support.role_site import RoleRunner, Vpc

ATLAS_PEERING, SET, ACCESS = (f"cloudpeer.atlas.atlas_{name}" for name in ("peering", "vpc_peers", "access_list"))
HALF = {"aws": False, "access_list": False, "container_region": "us-east-1"}


def done(run: RoleRunner, tasks: list[dict[str, Any]], *options: str, hosts: str = "localhost", **how: Any) -> list[str]:
    """Return the lines about what was done, without the project and with `N` seconds."""
    output = run.plays([{"hosts": hosts, "tasks": tasks}], *options, **how).output
    found = re.findall(r"^(\[\w+\] (?:Connect|Request|Disconnect|Change).*; .*)$", output, re.MULTILINE)
    return [re.sub(r", \d+ s\.$", ", N s.", line).replace(f" of project {run.emulator.settings.group_id}", "") for line in found]


@pytest.mark.parametrize("way", ["in process", pytest.param("module", marks=pytest.mark.full)])
def test_a_run_that_changes_something_ends_with_a_line(run: RoleRunner, make_site: Callable[..., Vpc], way: str) -> None:
    connections = [make_site(block=f"10.{number}.0.0/24").connection for number in range(3)]
    task = {ATLAS_PEERING: {"connections": connections, "atlas_aws_account_ids": ["700000000007"], **HALF, "aws": True}}
    wrong = {
        "method": "POST",
        "path_glob": "*/peers",
        "authenticated": True,
        "times": 1,
        "fault": {"kind": "status", "status": 400},
    }
    run.emulator.faults.add(parse_rules(wrong))
    failed = "Connected 2 of 3 networks: 2 new, 1 failed; 2 changes in Atlas, 4 in AWS, N s."
    assert done(run, [task], way=way, status=2) == [f"[localhost] {failed}"]
    assert done(run, [task], way=way) == [
        "[localhost] Connected 3 networks: 1 new, 2 unchanged; 1 change in Atlas, 2 in AWS, N s."
    ]
    assert done(run, [task], way=way) == []
    absent = {ATLAS_PEERING: {**task[ATLAS_PEERING], "connections": ["{{ item }}"], "state": "absent"}, "loop": connections[:2]}
    gone = "[localhost] Disconnected 1 network: 1 removed; 1 change in Atlas, 1 in AWS, N s."
    assert done(run, [absent], "--check", way=way) == []
    assert done(run, [absent], way=way) == [gone] * 2


def test_each_host_has_its_line_and_lines_can_be_silenced(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    hosts = ("-i", "a,b,c", "-e", "ansible_connection=local")
    entry = {"cidr_block": "10.{{ groups.all.index(inventory_hostname) }}.0.0/16"}
    line = "Changed the access list: 1 new; 1 change in Atlas, N s."
    found = done(run, [{ACCESS: {"entries": [entry]}}], *hosts, hosts="all")
    assert sorted(found) == [f"[{host}] {line}" for host in "abc"]
    peers = [{"vpc_id": make_site().vpc_id, "aws_account_id": "123456789012", "route_table_cidr_block": "10.9.0.0/16"}]
    assert done(run, [{SET: {"peers": peers}}], ANSIBLE_CLOUDPEER_LINES="no") == []
    emptied = {SET: {"peers": [], "prune": True, "allow_empty": True, "max_deletions": 1}}
    assert done(run, [emptied]) == ["[localhost] Connections: 1 removed; 1 change in Atlas, N s."]
