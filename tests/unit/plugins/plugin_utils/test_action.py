"""What the shell in Ansible's own process adds to a result on the controller, wherever the task has run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.cloudpeer.atlas.plugins.action import atlas_vpc_peer_info
from ansible_collections.cloudpeer.atlas.plugins.action.atlas_vpc_peers import ActionModule

LINE = "Plan: 2 to create, 0 to change, 0 to remove, 40 unchanged"


class Action(ActionModule):
    """The action plugin of sets, with what Ansible would give it; no task runs."""

    def __init__(self, result: dict[str, Any], obstacle: str | None, **task: Any) -> None:
        self.shown: list[tuple[str, dict[str, bool]]] = []
        self._result, self._reason = result, obstacle
        self._task = SimpleNamespace(
            **{
                "args": {},
                "action": "atlas_vpc_peers",
                "async_val": 0,
                "environment": [],
                "check_mode": True,
                "no_log": False,
                **task,
            }
        )
        self.said: list[str] = []
        self._display = SimpleNamespace(v=self.said.append, vvv=lambda *args, **more: None, display=self._keep, verbosity=0)

    def _keep(self, text: str, **where: bool) -> None:
        self.shown.append((text, where))

    def _obstacle(self, variables: dict[str, Any]) -> str | None:
        return self._reason

    def _execute_module(self, **unused: Any) -> dict[str, Any]:
        return self._result

    def _run_here(self, args: Any, variables: Any) -> dict[str, Any]:
        return self._result


@pytest.mark.parametrize("obstacle", [None, "become is set"], ids=["in process", "as a module"])
@pytest.mark.parametrize(
    ("result", "task", "is_shown"),
    [
        ({"summary": {"plan": LINE}}, {}, True),
        # A refused plan is one that people want to see.
        ({"summary": {"plan": LINE}, "failed": True}, {}, True),
        ({"summary": {"plan": LINE}}, {"check_mode": False}, False),
        ({"summary": {"plan": LINE}}, {"no_log": True}, False),
        ({"summary": {"plan": None}}, {}, False),
        ({"failed": True, "msg": "No credentials."}, {}, False),
        ({"summary": "not a summary of a plan"}, {}, False),
    ],
)
def test_a_plan_is_a_line_on_stderr_in_check_mode(
    monkeypatch: pytest.MonkeyPatch, result: dict[str, Any], task: dict[str, Any], is_shown: bool, obstacle: str | None
) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *unused: {})
    action = Action(result, obstacle, **task)
    assert action.run(None, {"inventory_hostname": "app-1"}) == result
    assert action.shown == ([(f"[app-1] {LINE}", {"stderr": True})] if is_shown else [])


GROUP, OTHER, NAME = "5356823b3794dee37132bb7b", "5356823b3794dee37132bbff", "cloudpeer.atlas.atlas_vpc_peer_info"


@pytest.mark.parametrize(
    ("task", "defaults", "kept"),
    [
        ({"group_id": GROUP}, [{"group/cloudpeer.atlas.atlas": {"group_id": GROUP}}], False),
        ({"project_id": GROUP}, [{NAME: {"project_id": "{{ project }}"}}], False),
        ({"project_id": GROUP}, [{"group/cloudpeer.atlas.atlas": "{{ defaults }}"}], False),
        ({"group_id": GROUP}, [{"group/cloudpeer.atlas.atlas": {"group_id": OTHER}}], True),
        ({"group_id": GROUP}, [{NAME: {"group_id": GROUP}}, {NAME: {"group_id": OTHER}}], True),
        ({"group_id": GROUP}, [{"cloudpeer.atlas.atlas_vpc_peer": {"group_id": GROUP}}, {NAME: None}], True),
        ({"group_id": GROUP}, [], True),
        ({}, [], False),
    ],
)
def test_a_project_of_defaults_yields_to_several(task: dict[str, Any], defaults: list[dict[str, Any]], kept: bool) -> None:
    values = {"{{ project }}": GROUP, "{{ defaults }}": {"project_id": GROUP}}
    action = object.__new__(atlas_vpc_peer_info.ActionModule)
    action._templar = SimpleNamespace(template=lambda text: values.get(text, text))
    for several in ({"group_ids": [OTHER]}, {"project_ids": [OTHER]}, {}):
        action._task = SimpleNamespace(args={**task, **several}, module_defaults=defaults, resolved_action=NAME)
        assert ("group_id" in action._args({})) == (kept or bool(task and not several))


@pytest.mark.parametrize("obstacle", [None, "become is set"], ids=["in process", "as a module"])
@pytest.mark.parametrize(
    ("peers", "said"),
    [
        (
            [{"vpc_id": "x", "cidr_block": "10.0.0.0/16", "aws_secret_key": "geheim"}, {"aws_profile": "p"}],
            "aws_secret_key, aws_profile",
        ),
        # On other clouds, it is a block of clients.
        ([{"vnet_name": "x", "cidr_block": "10.0.0.0/16", "comment": ""}], "cidr_block"),
        ([{"vpc_id": "x", "wait_for": "available", "region": "us-east-1", "colour": "red"}, "text"], ""),
        ("text", ""),
        (None, ""),
    ],
    ids=str,
)
def test_options_of_entries_without_effect_are_said_with_v(
    monkeypatch: pytest.MonkeyPatch, peers: Any, said: str, obstacle: str | None
) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *unused: {})
    action = Action({}, obstacle, args={"peers": peers})
    action.run(None, {})
    assert action.said == ([f"atlas_vpc_peers has no use for these options of entries: {said}."] if said else [])


@pytest.mark.parametrize("secret", [{"private_key": "canary-of-a-key"}, {"peers": [{"x": 1}], "access_token": "canary-of-a-key"}])
def test_two_names_of_one_option_show_no_secret(monkeypatch: pytest.MonkeyPatch, secret: dict[str, Any]) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *unused: {})
    action = Action({}, None, args={"group_id": "canary-of-a-key", "project_id": f"x-canary-of-a-key{GROUP}", **secret})
    result = action.run(None, {})
    assert result["failed"]
    assert f"have different values: ******** and x-********{GROUP}." in result["msg"]
