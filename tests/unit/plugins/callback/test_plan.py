"""What the callback `plan` prints of results, on standard error; test_in_process.py runs it in a play."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.callback.plan import CallbackModule

PLAN = "Plan: 1 to create, 1 to change, 0 to remove, 3 unchanged"


class Shown(CallbackModule):
    """The callback, with what Ansible would give it."""

    def __init__(self, hosts: int = 1) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._display = SimpleNamespace(display=self._keep)
        manager = SimpleNamespace(_inventory=SimpleNamespace(get_hosts=lambda pattern: range(hosts)))
        self.v2_playbook_on_play_start(SimpleNamespace(hosts="all", get_variable_manager=lambda: manager))

    def _keep(self, line: str, *, color: str | None, stderr: bool) -> None:
        assert stderr
        self.lines.append(line)

    def see(self, check_mode: bool = False, action: str = "cloudpeer.atlas.atlas_vpc_peers", **found: Any) -> list[str]:
        """Return the lines about a result."""
        before = len(self.lines)
        task = SimpleNamespace(
            action=action, resolved_action=action, check_mode=check_mode, get_name=lambda: "vpc_peering : Connect the VPCs"
        )
        result = SimpleNamespace(_task=task, _result=found, _host=SimpleNamespace(get_name=lambda: "db1"))
        if found.get("failed"):
            self.v2_runner_on_failed(result, ignore_errors=found.pop("ignored", False))
        else:
            self.v2_runner_on_ok(result)
        return self.lines[before:]

    def total(self) -> list[str]:
        """Return the lines at the end."""
        before = len(self.lines)
        self.v2_playbook_on_stats(None)
        return self.lines[before:]


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        ({"requests": {"sent": 2, "writes": 0}}, ["ok           Connect the VPCs (2 requests)"]),
        (
            {"changed": True, "requests": {"sent": 1, "writes": 1}, "summary": {"plan": PLAN}},
            ["changed      Connect the VPCs (1 request, 1 of which may change something)", f"    {PLAN}"],
        ),
        # In check mode, the task itself has shown its plan.
        (
            {"check_mode": True, "changed": True, "summary": {"plan": PLAN}, "diff": [{"prepared": f"{PLAN}\n"}]},
            ["would change Connect the VPCs (0 requests)"],
        ),
        (
            {
                "changed": True,
                "diff": [
                    {"after_header": "1/vpc-1 (create)", "before": "", "after": "a: 1\n"},
                    {"after_header": "AWS vpc-2", "before": "a: 0\nb: 1\n", "after": "a: 1\nb: 1\nc: 2\n"},
                    {"before": {"x": {"y": [1, 2]}, "same": 1, "old": 0}, "after": {"x": {"y": [1, 3]}, "same": 1, "new": "z"}},
                ],
            },
            [
                "changed      Connect the VPCs (0 requests)",
                "    1/vpc-1 (create): a: 1",
                "    AWS vpc-2: a: 1",
                "    AWS vpc-2: c: 2",
                "    new: z",
                "    old: 0 → gone",
                "    x.y[1]: 2 → 3",
            ],
        ),
        ({"failed": True, "msg": "Atlas is away."}, ["failed       Connect the VPCs (0 requests)"]),
        (
            {"changed": True, "diff": {"before": {}, "after": {"comment": "own\x1b[2J\nok: all"}}},
            ["changed      Connect the VPCs (0 requests)", "    comment: own\\x1b[2J\\nok: all"],
        ),
        ({"failed": True, "ignored": True, "msg": "No."}, ["ignored      Connect the VPCs (0 requests)"]),
        # With no_log, Ansible leaves nothing but this.
        ({"censored": "the output has been hidden", "changed": True}, ["changed      Connect the VPCs (0 requests)"]),
        ({"action": "ansible.builtin.debug", "changed": True}, []),
    ],
)
def test_a_task_has_a_line_and_what_it_changes(found: dict[str, Any], lines: list[str]) -> None:
    assert Shown().see(**found) == lines


def test_the_items_of_a_loop_that_change_something_are_named() -> None:
    items = [
        {"_ansible_item_label": "vpc-1", "changed": True, "requests": {"sent": 3, "writes": 1}},
        {"_ansible_item_label": "vpc-2", "changed": False, "requests": {"sent": 1, "writes": 0}},
        {"_ansible_item_label": "vpc-3", "failed": True, "msg": "No such VPC.", "requests": {"sent": 1, "writes": 0}},
    ]
    assert Shown(hosts=2).see(results=items, changed=True, failed=True, msg="One or more items failed") == [
        "failed       Connect the VPCs [db1] (5 requests, 1 of which may change something)",
        "  changed vpc-1",
        "  failed vpc-3",
    ]


def test_the_end_adds_up_tasks_and_requests() -> None:
    shown = Shown()
    assert shown.total() == []
    for changed in (True, False, False):
        shown.see(changed=changed, requests={"sent": 2, "writes": int(changed)})
    assert shown.total() == ["cloudpeer.atlas: 1 changed, 2 ok; 6 requests, 1 of which may change something"]
