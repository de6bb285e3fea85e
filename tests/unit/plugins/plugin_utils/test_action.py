"""What the shell in Ansible's own process adds to a result on the controller, wherever the task has run."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible import template as core_template
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.vars.manager import VariableManager
from ansible_collections.cloudpeer.atlas.plugins.action import atlas_project_info, atlas_vpc_peer_info
from ansible_collections.cloudpeer.atlas.plugins.action.atlas_vpc_peers import ActionModule
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine import argspec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_peering import OPERATION as BOTH_SIDES
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._action import AtlasAction
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._role_action import ROLE, OfRole
from ansible_collections.cloudpeer.atlas.tests.support import masking

ROLE_FOLDER = Path(__file__).parents[4] / "roles" / "vpc_peering"
# Trusted as what a user writes, in every release of ansible-core.
trusted = getattr(core_template, "trust_as_template", str)
LINE = "Plan: 2 to create, 0 to change, 0 to remove, 40 unchanged"
DONE = "Requested 42 connections: 2 new, 40 unchanged; 2 changes in Atlas"


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
    ("result", "task", "shown"),
    [
        ({"summary": {"plan": LINE, "done": DONE}}, {}, LINE),
        # A refused plan is one that people want to see.
        ({"summary": {"plan": LINE}, "failed": True}, {}, LINE),
        ({"summary": {"plan": LINE}}, {"check_mode": False}, None),
        ({"summary": {"plan": LINE, "done": DONE}}, {"check_mode": False}, f"{DONE}, 1 s."),
        ({"summary": {"plan": LINE, "done": DONE}, "failed": True}, {"check_mode": False}, f"{DONE}, 1 s."),
        # Nothing to do, or nothing done.
        ({"summary": {"plan": None, "done": None}}, {"check_mode": False}, None),
        ({"summary": {"plan": LINE, "done": None}, "failed": True}, {"check_mode": False}, None),
        ({"summary": {"plan": LINE}}, {"no_log": True}, None),
        ({"summary": {"plan": LINE, "done": DONE}}, {"no_log": True, "check_mode": False}, None),
        ({"summary": {"plan": None}}, {}, None),
        ({"failed": True, "msg": "No credentials."}, {}, None),
        ({"summary": "not a summary of a plan"}, {}, None),
    ],
)
def test_a_plan_and_what_was_done_are_a_line_on_stderr(
    monkeypatch: pytest.MonkeyPatch, result: dict[str, Any], task: dict[str, Any], shown: str | None, obstacle: str | None
) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *unused: {})
    action = Action(result, obstacle, **task)
    assert action.run(None, {"inventory_hostname": "app-1"}) == result
    assert action.shown == ([] if shown is None else [(f"[app-1] {shown}", {"stderr": True})])
    action.shown.clear()
    monkeypatch.setenv("ANSIBLE_CLOUDPEER_LINES", "no")
    action.run(None, {"inventory_hostname": "app-1"})
    assert action.shown == []


@pytest.mark.parametrize(("verbosity", "no_log", "is_shown"), [(0, False, False), (1, False, True), (4, True, False)])
def test_entries_are_shown_as_they_end_with_v(verbosity: int, no_log: bool, is_shown: bool) -> None:
    action, said = Action({}, None, no_log=no_log), list[tuple[str, str]]()
    action._display = SimpleNamespace(v=lambda line, host: said.append((host, line)), verbosity=verbosity)
    tell = action._detail("app-1")
    assert (tell is not None) == is_shown
    if tell is not None:
        tell("connections[0] (vpc-1): unchanged")
        assert said == [("app-1", "connections[0] (vpc-1): unchanged")]


@pytest.mark.parametrize(
    ("msg", "is_warned"),
    [
        # The module has found it in another Python.
        (None, True),
        ("Failed to create the connection.", True),
        ("Failed to import the required Python library (boto3) on x. Run there: python -m pip install boto3", False),
    ],
)
def test_a_package_that_is_missing_everywhere_is_named_once(
    monkeypatch: pytest.MonkeyPatch, msg: str | None, is_warned: bool
) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *unused: {})
    monkeypatch.setattr(Action.OPERATION, "libraries_for", lambda args: (("requests", None), ("boto3", "a traceback")))
    failure = {"failed": True, "msg": msg, "requests": {"sent": int(is_warned), "writes": 0}}
    action, warnings = Action({} if msg is None else failure, None), list[str]()
    monkeypatch.setattr(action, "_obstacle", partial(AtlasAction._obstacle, action))
    action._templar = SimpleNamespace(template=lambda value: value)
    action._display.warning = warnings.append
    action.run(None, {})
    text = "cloudpeer.atlas: Ansible's own Python has no boto3, so tasks that need it run as modules"
    assert [one.startswith(text) for one in warnings] == ([True] if is_warned else [])


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
        with pytest.raises(InvalidOptionError, match="exclusive") if kept and several else contextlib.nullcontext():
            assert ("group_id" in action._args()) == bool(task and not several)


def test_the_project_of_defaults_is_for_other_modules() -> None:
    defaults = [{"group/cloudpeer.atlas.atlas": {"group_id": GROUP, "project_name": "shop"}}]
    action = object.__new__(atlas_project_info.ActionModule)
    action._templar = SimpleNamespace(template=lambda value: value)
    for task, left in (({}, {}), ({"project_id": OTHER}, {"group_id": OTHER}), ({"org_id": OTHER}, {"org_id": OTHER})):
        args = {"project_name": "shop", **({"group_id": GROUP} if "project_id" not in task else {}), **task}
        action._task = SimpleNamespace(args=args, module_defaults=defaults, resolved_action="cloudpeer.atlas.atlas_project_info")
        assert action._args() == left


GROUPS, NAMED = "group/cloudpeer.atlas.atlas", "shop-production"


@pytest.mark.parametrize(
    ("task", "defaults", "left"),
    [
        # What the task itself says wins, in each direction.
        ({"project_name": NAMED}, [{GROUPS: {"group_id": GROUP}}], {"project_name": NAMED}),
        ({"group_id": GROUP}, [{GROUPS: {"project_name": NAMED}}], {"group_id": GROUP}),
        ({"project_id": GROUP}, [{NAME: {"project_name": NAMED}}], {"group_id": GROUP}),
        ({"group_id": GROUP}, [{GROUPS: {"org_id": OTHER, "project_names": ["a*"]}}], {"group_id": GROUP}),
        ({"project_name": NAMED}, [{NAME: {"group_ids": [GROUP]}}], {"project_name": NAMED}),
        ({"project_names": ["a*"]}, [{NAME: {"project_name": NAMED}}], {"project_names": ["a*"]}),
        # Those for several narrow each other.
        ({"project_names": ["a*"]}, [{NAME: {"org_id": OTHER}}], {"project_names": ["a*"], "org_id": OTHER}),
        # The module's own defaults are nearer than a group's.
        ({}, [{GROUPS: {"group_id": GROUP}}, {NAME: {"project_name": NAMED}}], {"project_name": NAMED}),
        ({}, [{GROUPS: {"project_name": NAMED}}, {NAME: {"group_ids": [GROUP]}}], {"group_ids": [GROUP]}),
        # What is equally near stays, and the Operation refuses it.
        ({}, [{NAME: {"group_id": GROUP, "project_name": NAMED}}], {"group_id": GROUP, "project_name": NAMED}),
        (
            {"project_name": NAMED, "group_ids": None},
            [{NAME: {"group_ids": [GROUP]}}],
            {"project_name": NAMED, "group_ids": None},
        ),
        ({}, [{GROUPS: {"project_name": NAMED, "timeout": 3}}], {"project_name": NAMED, "timeout": 3}),
    ],
)
def test_the_nearest_way_to_say_which_project_counts(
    task: dict[str, Any], defaults: list[dict[str, Any]], left: dict[str, Any]
) -> None:
    action = object.__new__(atlas_vpc_peer_info.ActionModule)
    action._templar = SimpleNamespace(template=lambda value: value)
    merged = {name: value for one in defaults for values in one.values() for name, value in values.items()}
    action._task = SimpleNamespace(args={**merged, **task}, module_defaults=defaults, resolved_action=NAME)
    assert action._args() == left


@pytest.mark.parametrize(
    "source",
    [
        {NAME: {"group_id": GROUP, "project_name": NAMED}, "with_items": []},
        {NAME: "{{ options }}"},
        {NAME: None, "args": "{{ options }}"},
        {"action": f"{NAME} project_name=x", "args": {"group_id": GROUP}},
    ],
    ids=str,
)
def test_two_ways_in_one_task_are_refused(monkeypatch: pytest.MonkeyPatch, source: dict[str, Any]) -> None:
    """They are what the task has, whatever `module_defaults` and the environment say, which may well be the same."""
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", GROUP)
    action, own = object.__new__(atlas_vpc_peer_info.ActionModule), {"group_id": GROUP, "project_name": NAMED}
    action._templar = SimpleNamespace(template=lambda value: own if value == "{{ options }}" else value)
    defaults = [{GROUPS: {"group_id": GROUP}}]
    action._task = SimpleNamespace(args={**own}, module_defaults=defaults, resolved_action=NAME, _ds=source)
    with pytest.raises(InvalidOptionError, match=r"^group_id and project_name are mutually exclusive\."):
        action._args()


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ({NAME: {"project_name": NAMED}}, {"project_name": NAMED}),
        # One that cannot be parsed, or read: a value that is that of the defaults is theirs, as in all that follow.
        ({NAME: "{{ unset }}"}, {"project_name": NAMED}),
        ({NAME: {"_ansible_x": 1}}, {"project_name": NAMED}),
        ({}, {"project_name": NAMED}),
        (None, {"project_name": NAMED}),
    ],
    ids=str,
)
def test_what_is_from_defaults_is_not_the_task_s(source: Any, left: dict[str, Any]) -> None:
    action = object.__new__(atlas_vpc_peer_info.ActionModule)
    action._templar = SimpleNamespace(template=template)
    args = {"group_id": GROUP, "project_name": NAMED}
    action._task = SimpleNamespace(args=args, module_defaults=[{GROUPS: {"group_id": GROUP}}], resolved_action=NAME, _ds=source)
    assert action._args() == left


def test_what_the_role_omits_is_from_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AtlasAction, "run", lambda action, *unused: action._args())
    action = RoleAction(defaults=[{GROUPS: {"group_id": GROUP}}], project_name=NAMED)
    action._task._ds = {"cloudpeer.atlas.atlas_peering": {"group_id": "{{ omitted }}", "project_name": "{{ name }}"}}
    assert action.run() == {"project_name": NAMED}


@pytest.mark.parametrize("task", [{"group_id": GROUP, "org_id": OTHER}, {"project_names": ["a*"]}, {"group_ids": [OTHER]}])
def test_ways_that_a_module_does_not_have_are_refused(task: dict[str, Any]) -> None:
    """It refuses them with the names of those that the module has."""
    action = object.__new__(ActionModule)
    action._task = SimpleNamespace(args=task, module_defaults=[], resolved_action="cloudpeer.atlas.atlas_vpc_peers")
    assert action._args() == task


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
    result = masking.shown(action.run(None, {}))
    assert result["failed"]
    assert f"have different values: {masking.STARS} and x-{masking.STARS}{GROUP}." in result["msg"]


def test_secrets_of_options_are_registered_before_a_module_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *unused: {})
    registered, key = list[str](), "canary-of-a-key"
    monkeypatch.setattr(argspec, "register_secrets", registered.extend)
    action = Action({}, "become is set", args={"peers": [{"azure_secret": key}], "private_key": f"{key}-2"})
    monkeypatch.setattr(action, "_execute_module", lambda **unused: {"known": {*registered}})
    assert {key, f"{key}-2"} <= action.run(None, {})["known"]


class Vaulted(Sequence[str]):
    """AnsibleVaultEncryptedUnicode of ansible-core 2.16 to 2.18: no text, but what gives one."""

    __ENCRYPTED__ = True

    def __init__(self, text: str) -> None:
        self._text = text

    def __getitem__(self, index: Any) -> Any:
        return self._text[index]

    def __len__(self) -> int:
        return len(self._text)

    def __str__(self) -> str:
        return self._text


def test_an_inline_vault_value_is_a_text() -> None:
    """To a module, it is: there, ansible/module_utils/common/json.py has decrypted it."""
    action = object.__new__(ActionModule)
    task = {"private_key": Vaulted("canary"), "peers": [{"vpc_id": Vaulted("vpc-1"), "expired": True}], "timeout": 30}
    action._task = SimpleNamespace(args=task, module_defaults=[], resolved_action="cloudpeer.atlas.atlas_vpc_peers")
    assert action._args() == {"private_key": "canary", "peers": [{"vpc_id": "vpc-1", "expired": True}], "timeout": 30}


class RoleAction(OfRole, AtlasAction):
    """The action plugin of both sides, in a role."""

    OPERATION = BOTH_SIDES

    def __init__(self, role: str | None = ROLE, defaults: Any = (), **args: Any) -> None:
        own = SimpleNamespace(get_name=lambda: role, get_role_path=lambda: str(ROLE_FOLDER))
        self._task = SimpleNamespace(
            args=args,
            _role=None if role is None else own,
            module_defaults=[*defaults],
            resolved_action="cloudpeer.atlas.atlas_peering",
            environment=[],
            run_once=False,
        )
        self._templar, self._loader = SimpleNamespace(template=template), DataLoader()


def template(value: Any) -> Any:
    """Return a value as it is, unless it is a template, which cannot be read."""
    if isinstance(value, str) and "{{" in value:
        raise AnsibleError("'unset' is undefined")
    return value


@pytest.mark.parametrize(
    ("variables", "meant"),
    [
        ({"projectname": "shop"}, ["projectname is not a variable of the role (vpc_peering_project_name?)"]),
        ({"prun": True, "verfy": True}, ["prun is not a variable of the role (vpc_peering_prune?)", "(vpc_peering_verify?)"]),
        # Two that have changed places, and another one that is missing.
        ({"container_regoin": "x"}, ["(vpc_peering_container_region?)"]),
        ({"cntainer_regoin": "x"}, ["(vpc_peering_container_region?)"]),
        ({"cntainer_regons": "x"}, []),
        # Seven letters allow one mistake, three none.
        ({"recraet": "dead"}, []),
        ({"ignores": []}, ["(vpc_peering_ignore?)"]),
        ({"dnz": "warn"}, []),
        # What loops call their item, what the role sets, and helpers.
        ({"connection": {}, "result": {}, "vpcs": [], "regions_by_vpc": {}}, []),
        # Helpers of a variable that is set beside them.
        ({"container_regions": ["x"], "container_region": "x"}, []),
        ({"container_regions": ["x"], "container_region": "{{ vpc_peering_container_regions[0] }}"}, []),
        ({"container_regions": ["x"], "container_region": ""}, ["(vpc_peering_container_region?)"]),
        ({"prunes": True, "prune": True}, []),
        ({"prunes": True, "prune": "False"}, ["(vpc_peering_prune?)"]),
    ],
    ids=str,
)
def test_a_misspelt_variable_of_the_role_is_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, Any], meant: list[str]
) -> None:
    monkeypatch.setattr(AtlasAction, "run", lambda *unused: {"msg": ""})
    given = {f"vpc_peering_{name}": value for name, value in variables.items()}
    defaults = yaml.safe_load((ROLE_FOLDER / "defaults" / "main.yml").read_text())
    result = RoleAction().run(None, {**defaults, "vpc_peering_connections": [{}], **given})
    assert all(text in result["msg"] for text in meant)
    assert result.get("failed", False) == bool(meant)
    assert RoleAction("my.own.role").run(None, given) == {"msg": ""}


@pytest.mark.parametrize(
    ("variables", "word"),
    [
        ({"verify": "maybe"}, "unable to convert to bool"),
        (
            {"verify_fail_on": "sometimes"},
            "value of vpc_peering_verify_fail_on must be one of: fail, warn, never, got: sometimes.",
        ),
        ({"verify": "", "verify_fail_on": " warn ", "report": ""}, ""),
    ],
    ids=str,
)
def test_other_variables_of_the_role_are_checked_first(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, Any], word: str
) -> None:
    monkeypatch.setattr(AtlasAction, "run", lambda *unused: {"msg": ""})
    result = RoleAction().run(None, {f"vpc_peering_{name}": value for name, value in variables.items()})
    assert (word in result["msg"], result.get("failed", False)) == (True, bool(word))


@pytest.mark.parametrize(
    ("role", "args"),
    [
        (ROLE, {"aws_profile": "network", "timeout": 90, "group_id": GROUP, "dns": "ignore"}),
        ("my.own.role", {"group_id": GROUP, "dns": "ignore"}),
    ],
)
def test_module_defaults_reach_what_the_role_leaves_out(monkeypatch: pytest.MonkeyPatch, role: str, args: dict[str, Any]) -> None:
    defaults: list[dict[str, Any]] = [
        {"group/cloudpeer.atlas.atlas": {"timeout": 30, "project_id": OTHER}, "group/cloudpeer.atlas.aws": {"profile": "x"}},
        {"cloudpeer.atlas.atlas_peering": {"aws_profile": "network", "timeout": 90, "dns": "warn"}},
    ]
    monkeypatch.setattr(AtlasAction, "run", lambda *unused: {})
    action = RoleAction(role, defaults, group_id=GROUP, dns="ignore")
    action.run()
    assert action._task.args == args


def test_what_module_defaults_omit_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before ansible-core 2.19, `omit` is a text, which ansible/executor/task_executor.py removes before an action runs."""
    monkeypatch.setattr(AtlasAction, "run", lambda *unused: {})
    variables, text = VariableManager(DataLoader(), InventoryManager(DataLoader())).get_vars(), trusted("{{ x | default(omit) }}")
    action = RoleAction(defaults=[{GROUPS: {"profile": text, "tags": {"team": text, "env": "prod"}, "timeout": 45}}])
    action._templar = Templar(DataLoader(), variables=variables)
    action.run(None, variables)
    assert action._task.args == {"tags": {"env": "prod"}, "timeout": 45}


def refusal(hosts: dict[str, Any], monkeypatch: pytest.MonkeyPatch, **args: Any) -> str:
    """Return why a play of hosts is refused on the first of them; empty if it is not."""
    monkeypatch.setattr(AtlasAction, "run", lambda *unused: {"msg": ""})
    play = {"hostvars": hosts, "ansible_play_hosts_all": [*hosts], "inventory_hostname": "host0"}
    return str(RoleAction(**{"prune": True, **args}).run(None, play)["msg"])


@pytest.mark.parametrize(
    ("projects", "args", "rivals"),
    [
        ([GROUP, OTHER], {"group_id": GROUP}, []),
        ([GROUP, GROUP, OTHER], {"group_id": GROUP}, ["host1"]),
        ([GROUP, None, OTHER], {"group_id": GROUP}, ["host1"]),
        # Of this host, it comes from a variable that is not known of others.
        ([OTHER, OTHER], {"group_id": GROUP}, ["host1"]),
        ([None, OTHER], {"group_id": GROUP}, ["host1"]),
        ([None, OTHER], {}, ["host1"]),
        ([None], {}, []),
        ([GROUP], {"project_id": GROUP}, []),
        ([GROUP, GROUP], {"project_id": GROUP}, ["host1"]),
        ([GROUP, GROUP], {"group_id": GROUP, "prune": "no"}, []),
        ([GROUP, GROUP], {"group_id": GROUP, "state": "absent"}, []),
        ([GROUP, GROUP], {"group_id": f" {GROUP} ", "state": ""}, ["host1"]),
        ([GROUP, GROUP], {"group_id": GROUP, "role": "my.own.role"}, []),
        ([GROUP, GROUP], {"group_id": GROUP, "role": None}, []),
    ],
)
def test_one_host_of_a_play_prunes_a_project(
    monkeypatch: pytest.MonkeyPatch, projects: list[str | None], args: dict[str, Any], rivals: list[str]
) -> None:
    monkeypatch.delenv("MONGODB_ATLAS_PROJECT_ID", raising=False)
    hosts = {f"host{number}": {"vpc_peering_group_id": one} if one else {} for number, one in enumerate(projects)}
    text = refusal(hosts, monkeypatch, **args)
    assert [host for host in ("host0", "host1", "host2") if f" {host}" in text] == rivals
    assert ("may have the Atlas project" in text) == bool(rivals)


@pytest.mark.parametrize(
    ("hosts", "args", "is_refused"),
    [
        # Two names, or two ids, are two projects; a name and an id may be one.
        (({"name": "shop"}, {"name": "bank"}), {"project_name": "shop"}, False),
        (({"name": "shop"}, {"name": "shop"}), {"project_name": "shop"}, True),
        (({"name": "shop"}, {"id": OTHER}), {"project_name": "shop"}, True),
        (({"id": GROUP}, {"name": "bank"}), {"group_id": GROUP}, True),
        (({"name": "shop"}, {}), {"project_name": "shop"}, True),
        (({"name": "shop"}, {"name": "{{ unset }}"}), {"project_name": "shop"}, True),
        (({"name": "shop"}, {"name": "bank", "id": GROUP}), {"project_name": "shop"}, True),
        # The name of this host is from a variable that is not known of others.
        (({}, {"name": "bank"}), {"project_name": "shop"}, True),
        # What the task has is nearer than defaults.
        (({"name": "shop"}, {"name": "bank"}), {"project_name": "shop", "defaults": [{GROUPS: {"group_id": GROUP}}]}, False),
        # A name that looks like an id is a name.
        (({"name": GROUP}, {"name": OTHER}), {"project_name": GROUP}, False),
    ],
)
def test_rivals_are_known_by_name_too(
    monkeypatch: pytest.MonkeyPatch, hosts: tuple[dict[str, str], ...], args: dict[str, Any], is_refused: bool
) -> None:
    monkeypatch.delenv("MONGODB_ATLAS_PROJECT_ID", raising=False)
    names = {"id": "vpc_peering_group_id", "name": "vpc_peering_project_name"}
    known = {f"host{number}": {names[key]: value for key, value in one.items()} for number, one in enumerate(hosts)}
    text = refusal(known, monkeypatch, **args)
    assert ("or it is not known which: host1" in text) == is_refused
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", OTHER)
    assert ("host1" in refusal(known, monkeypatch, **args)) == is_refused


def test_the_keyword_environment_may_name_the_project_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", GROUP)
    monkeypatch.setattr(AtlasAction, "_task_environment", lambda _self: {"MONGODB_ATLAS_PROJECT_ID": OTHER})
    assert "host1" in refusal({"host0": {}, "host1": {"vpc_peering_group_id": OTHER}}, monkeypatch)


@pytest.mark.parametrize(
    ("strategy", "rivals"),
    [("linear", "host2"), ("ansible.builtin.linear", "host2"), ("free", "host1, host2"), ("host_pinned", "host1, host2")],
)
def test_run_once_has_no_rivals_in_its_batch(monkeypatch: pytest.MonkeyPatch, strategy: str, rivals: str) -> None:
    """With `serial`, other batches run it too, and ansible/plugins/strategy/free.py runs it on all hosts."""
    monkeypatch.setattr(AtlasAction, "run", lambda *unused: {"msg": ""})
    hosts = {f"host{number}": {"vpc_peering_group_id": GROUP} for number in range(3)}
    for batch, expected in ([*hosts][:2], rivals), ([*hosts], "" if rivals == "host2" else rivals):
        action = RoleAction(prune=True, group_id=GROUP)
        action._task.run_once, action._task._role._play = True, SimpleNamespace(strategy=strategy)
        play = {"ansible_play_hosts_all": [*hosts], "ansible_play_batch": batch, "inventory_hostname": "host0"}
        text = str(action.run(None, {"hostvars": hosts, **play})["msg"])
        assert text.partition("not known which: ")[2].partition(".")[0] == expected


def test_a_project_of_the_environment_is_that_of_all_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", GROUP)
    assert "known which: host1" in refusal({"host0": {}, "host1": {}}, monkeypatch)
    assert refusal({"host0": {}, "host1": {"vpc_peering_group_id": OTHER}}, monkeypatch) == ""


def test_a_project_that_cannot_be_read_may_be_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unreadable(dict[str, Any]):
        def get(self, *unused: Any) -> Any:
            raise AnsibleError("'unset' is undefined")

    for other in (Unreadable(), {"vpc_peering_group_id": "{{ unset }}"}):
        hosts = {"host0": {"vpc_peering_group_id": GROUP}, "host1": other}
        assert "known which: host1" in refusal(hosts, monkeypatch, group_id=GROUP)
