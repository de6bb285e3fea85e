"""What the callback `plan` prints of results, on standard error; test_in_process.py runs it in a play."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.callback.plan import CallbackModule
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.lists import lines_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._results.causes import reached

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

    def see(
        self,
        check_mode: bool = False,
        action: str = "cloudpeer.atlas.atlas_vpc_peers",
        is_last: bool = True,
        host: str = "db1",
        **found: Any,
    ) -> list[str]:
        """Return the lines about a result, or about that of an attempt that is not the last."""
        before = len(self.lines)
        task = SimpleNamespace(
            _uuid="1",
            action=action,
            resolved_action=action,
            check_mode=check_mode,
            get_name=lambda: "vpc_peering : Connect the VPCs",
        )
        result = SimpleNamespace(_task=task, _result=found, _host=SimpleNamespace(get_name=lambda: host))
        if not is_last:
            self.v2_runner_retry(result)
        elif found.get("failed"):
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
        # In check mode, the task itself has shown its plan, and otherwise what it has done.
        (
            {"changed": True, "requests": {"sent": 1}, "summary": {"plan": PLAN, "done": "Requested 1 connection: 1 new"}},
            ["changed      Connect the VPCs (1 request)"],
        ),
        (
            {"check_mode": True, "changed": True, "summary": {"plan": PLAN}, "diff": []},
            ["would change Connect the VPCs (0 requests)"],
        ),
        (
            {
                "changed": True,
                "diff": [
                    {"after_header": "1/vpc-1 (create)", "before": "", "after": "a: 1\n"},
                    {"after_header": "AWS vpc-2", "before": "a: 0\nb: 1\n", "after": "a: 1\nb: 1\nc: 2\n"},
                    {"after_header": "AWS vpc-3", "before": "a: 0\nb: 1\n", "after": "a changed: 1\n"},
                    {"after_header": "AWS vpc-4", "before": "a: 0\nb: 1\n", "after": ""},
                    {"before": {"x": {"y": [1, 2]}, "same": 1, "old": 0}, "after": {"x": {"y": [1, 3]}, "same": 1, "new": "z"}},
                ],
            },
            [
                "changed      Connect the VPCs (0 requests)",
                "    1/vpc-1 (create): a: 1",
                "    AWS vpc-2: a: 1",
                "    AWS vpc-2: c: 2",
                "    AWS vpc-3: b: 1 → gone",
                "    AWS vpc-3: a changed: 1",
                "    AWS vpc-4: a: 0 → gone",
                "    AWS vpc-4: b: 1 → gone",
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
        ({"censored": "the output has been hidden", "changed": True}, ["changed      Connect the VPCs (requests hidden)"]),
        ({"action": "ansible.builtin.debug", "changed": True}, []),
    ],
)
def test_a_task_has_a_line_and_what_it_changes(found: dict[str, Any], lines: list[str]) -> None:
    assert Shown().see(**found) == lines


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (lines_of("untag", "connection", "", "team: ops", ""), lines_of("tag", "connection", "", "", "env: prod")),
        (lines_of("delete", "route", "R in rtb-1", "target: a", ""), lines_of("create", "route", "R in rtb-12", "", "target: a")),
        (lines_of("delete", "route", "fd00::/8", "target: a", ""), lines_of("create", "route", "fd00:1::/32", "", "target: a")),
    ],
)
def test_what_goes_is_shown_beside_what_comes(before: tuple[str, str], after: tuple[str, str]) -> None:
    old, new = f"{before[0]}{after[0]}", f"{before[1]}{after[1]}x created\n"
    lines = Shown().see(changed=True, diff=[{"after_header": "AWS vpc-1", "before": old, "after": new}])
    assert lines[1] == f"    AWS vpc-1: {before[0].strip()} → gone"


def action(action: str, kind: str) -> dict[str, str]:
    return {"side": "AWS", "action": action, "kind": kind, "name": kind}


def test_new_connections_of_a_list_are_a_table() -> None:
    none = dict.fromkeys(("aws_account_id", "vpc_id", "gcp_project_id", "network_name", "vpc_peer", "region"))
    aws = {"aws_account_id": "123456789012", "accepter_region_name": "us-east-1"}
    made = [action("create", "connection"), action("accept", "connection"), *[action("create", "route")] * 2]
    peer = {**aws, "vpc_id": "vpc-1", "route_table_cidr_block": "10.1.0.0/16"}
    connections = [
        {**none, "vpc_id": "vpc-1", "vpc_peer": peer, "actions": made},
        {**none, **aws, "vpc_id": "vpc-2", "actions": [action("create", "route")]},
        {**none, "gcp_project_id": "shop", "network_name": "net", "actions": [made[0], action("create", "mirror")]},
    ]
    diff = [
        {"before_header": "Atlas network container GCP (create)", "before": "", "after": "provisioned: False\n"},
        {"after_header": "AWS vpc-1", "before": "", "after": "connection requested\n"},
        {"after_header": "AWS vpc-2", "before": "", "after": "route R created\n"},
        {"after_header": "GCP shop/net", "before": "", "after": "connection requested\npeering created\n"},
    ]
    lines = Shown().see(changed=True, peering={"connections": connections}, diff=diff)
    assert lines[1:] == [
        "    new                 provider  block        region     and",
        "    123456789012/vpc-1  AWS       10.1.0.0/16  us-east-1  connection accepted, 2 routes created",
        "    shop/net            GCP                               peering created",
        "    Atlas network container GCP (create): provisioned: False",
        "    AWS vpc-2: route R created",
    ]
    # Without --diff, the plan has to do.
    assert len(Shown().see(changed=True, peering={"connections": connections})) == 1


def test_new_connections_of_a_set_are_a_table() -> None:
    aws = {"aws_account_id": "1", "route_table_cidr_block": "10.1.0.0/16", "accepter_region_name": None}
    actions = [{"action": "update", "index": 0}, {"action": "create", "index": 1}, {"action": "delete", "index": None}]
    diff = [
        {"after_header": "1/vpc-0 (update)", "before": "a: 1\n", "after": "a: 2\n"},
        {"after_header": "1/vpc-1 (create)", "before": "", "after": "route_table_cidr_block: 10.1.0.0/16\n"},
        {"after_header": "1/vpc-9 (delete)", "before": "a: 1\n", "after": ""},
    ]
    peers = [{**aws, "vpc_id": f"vpc-{number}"} for number in range(2)]
    assert Shown().see(changed=True, vpc_peers=peers, actions=actions, diff=diff)[1:] == [
        "    new      provider  block",
        "    1/vpc-1  AWS       10.1.0.0/16",
        "    1/vpc-0 (update): a: 1 → a: 2",
        "    1/vpc-9 (delete): a: 1 → gone",
    ]


def test_a_failed_list_is_shown_without_a_table() -> None:
    """Its result has of failed entries what they have reached, and no more."""
    (row,) = reached([{"indexes": [0]}], [{"vpc_id": "vpc-1", "id": "1", "actions": [action("create", "connection")]}])
    diff = [{"after_header": "AWS vpc-1", "before": "", "after": "connection requested\n"}]
    for failed in (True, False):
        # With failed_when, Ansible takes a failure back.
        lines = Shown().see(failed=failed, changed=True, peering={"connections": [row]}, diff=diff)
        assert lines[1:] == ["    AWS vpc-1: connection requested"]


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


def test_all_attempts_of_until_count() -> None:
    """To ansible/executor/task_executor.py, each is a result, and only the last one is the task's."""
    shown, diff = Shown(), {"before": {}, "after": {"comment": "own"}}
    assert shown.see(is_last=False, changed=True, attempts=1, diff=diff, requests={"sent": 4, "writes": 1}) == []
    shown.see(is_last=False, failed=True, attempts=2, requests={"sent": 3, "writes": 0})
    # Those of another host are not among them.
    shown.see(is_last=False, host="db2", changed=True, requests={"sent": 5, "writes": 1})
    assert shown.see(changed=False, attempts=3, requests={"sent": 2, "writes": 0}) == [
        "changed      Connect the VPCs (9 requests, 1 of which may change something)",
        "    comment: own",
    ]
    assert shown.see(requests={"sent": 1}) == ["ok           Connect the VPCs (1 request)"]
    assert shown.total() == ["cloudpeer.atlas: 1 changed, 1 ok; 10 requests, 1 of which may change something"]


def test_hidden_requests_are_not_added_up_as_none() -> None:
    shown, hidden = Shown(), {"censored": "the output has been hidden", "_ansible_no_log": True, "changed": True}
    assert shown.see(changed=True, results=[hidden]) == [
        "changed      Connect the VPCs (requests hidden)",
        "  changed (censored due to no_log)",
    ]
    assert shown.total() == ["cloudpeer.atlas: 1 changed; requests hidden"]
    shown.see(requests={"sent": 2, "writes": 1})
    assert shown.total() == ["cloudpeer.atlas: 1 changed, 1 ok; at least 2 requests, 1 of which may change something"]
