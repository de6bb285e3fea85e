"""The inventory: hosts, names, variables, groups, requests, failures and the cache. ansible-core itself reads it, in process."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible import constants as C
from ansible import template
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import ini as _ini
from ansible.plugins.loader import fragment_loader
from ansible.template import Templar
from ansible.utils.plugin_docs import add_fragments
from ansible_collections.cloudpeer.atlas.plugins.doc_fragments._connection import ModuleDocFragment
from ansible_collections.cloudpeer.atlas.plugins.inventory import projects as _plugin
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.clients import ClientPool
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.sources import VARIABLES
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine import argspec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator, running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas, FakeClock

NAME = "cloudpeer.atlas.projects"
# Trusted as what a user writes, in every release of ansible-core.
trusted = getattr(template, "trust_as_template", str)
CANARY = "e3a10000-0000-4000-8000-canarycanary"
# Options of ansible-core that need no example here.
FROM_ELSEWHERE = ("strict", "use_extra_vars", "leading_separator", "cache_prefix")
HOSTILE = ("{{ 7 * 7 }}", "<b onload=alert(1)>", "\x1b[2J\nok: [all]", "..", "all", "localhost", "peering_none", "Größe / 1")


@functools.cache
def documented() -> dict[str, Any]:
    """Return the documentation of the plugin with its fragments, as ansible-core merges them."""
    doc = yaml.safe_load(_plugin.DOCUMENTATION)

    def get(name: str) -> Any:
        own = name == "cloudpeer.atlas._connection"
        return (
            SimpleNamespace(DOCUMENTATION=ModuleDocFragment.DOCUMENTATION, ansible_name=name)
            if own
            else fragment_loader.get(name)
        )

    add_fragments(doc, _plugin.__file__, SimpleNamespace(get=get))
    return doc


@dataclass
class Site:
    """Inventory files that are read as ansible-core reads them, against an emulator."""

    atlas: Atlas
    folder: Path
    warnings: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)

    @property
    def usual(self) -> dict[str, Any]:
        settings = self.atlas.emulator.settings
        keys = {"public_key": settings.public_key, "private_key": settings.private_key}
        return {"plugin": NAME, "base_url": self.atlas.base_url, **keys, "retries": 2}

    def write(self, name: str = "my.atlas_projects.yml", **options: Any) -> Path:
        """Write an inventory file with these options (None leaves one out) beside the usual ones."""
        file = self.folder / name
        given = {key: value for key, value in {**self.usual, **options}.items() if value is not None}
        file.write_text(yaml.safe_dump(given), encoding="utf-8")
        return file

    def read(self, *files: Path, cache: bool = True) -> InventoryManager:
        """Return what ansible-core makes of inventory files."""
        self.atlas.emulator.requests.clear()
        return InventoryManager(loader=DataLoader(), sources=[str(file) for file in files], cache=cache)

    def hosts(self, use_cache: bool = True, **options: Any) -> dict[str, dict[str, Any]]:
        """Return the variables of each host of an inventory with these options."""
        return {name: host.vars for name, host in self.read(self.write(**options), cache=use_cache).hosts.items()}

    def groups(self, **options: Any) -> dict[str, list[str]]:
        """Return the groups of an inventory with these options that have hosts."""
        found = self.read(self.write(**options)).groups
        return {name: sorted(host.name for host in group.hosts) for name, group in found.items() if group.hosts}

    def failure(self, **options: Any) -> str:
        """Return why an inventory fails; it makes no host."""
        assert self.hosts(**options) == {}
        return self.causes.pop()

    def sent(self) -> list[str]:
        """Return the requests of the last reading, without their queries."""
        return [entry["path"].partition("?")[0].partition("/v2")[2] for entry in self.atlas.emulator.requests.entries()]


@pytest.fixture
def read_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Site], None]:
    """Let InventoryManager have the plugin, as its loader would make it."""
    options = documented()["options"]
    C.config.initialize_plugin_configuration_definitions("inventory", NAME, options)

    def patch(site: Site) -> None:
        # ansible-core takes the kind of a plugin from the name of its class.
        class InventoryModule(_plugin.InventoryModule):
            def parse(self, *args: Any, **more: Any) -> None:
                try:
                    super().parse(*args, **more)
                except AnsibleError as error:
                    site.causes.append(str(error))
                    raise

        def fetch(manager: Any) -> list[Any]:
            plugin = InventoryModule()
            plugin._load_name = plugin.ansible_name = plugin._original_path = NAME
            plugin._redirected_names, plugin.ansible_aliases = [NAME], []
            plugin.display = SimpleNamespace(warning=site.warnings.append, vvv=lambda text: None)
            static = _ini.InventoryModule()
            static._load_name = static.ansible_name = static._original_path = "ini"
            return [plugin, static] if any(source.endswith(".ini") for source in manager._sources) else [plugin]

        monkeypatch.setattr(InventoryManager, "_fetch_inventory_plugins", fetch)
        clock = site.atlas.clock
        monkeypatch.setattr(_plugin, "ClientPool", functools.partial(ClientPool, clock, clock.sleep))

    return patch


@pytest.fixture(scope="module")
def _organizations() -> Iterator[RunningEmulator]:
    with running(Settings(step_seconds=1, groups=len(HOSTILE), orgs=2, private_key=CANARY)) as emulator:
        yield emulator


@pytest.fixture
def make(
    _organizations: RunningEmulator, clock: FakeClock, read_by: Callable[[Site], None], tmp_path: Path
) -> Callable[..., Site]:
    """Makes projects in two organizations, or in the first; each is a name, or what lists say of it."""
    emulator = _organizations

    def start(*projects: Any, orgs: int = 1) -> Site:
        emulator.projects[:] = [Project(emulator.settings, clock, number=number) for number in range(len(HOSTILE))]
        emulator.reset()
        for number, project in enumerate(emulator.projects):
            said = projects[number] if number < len(projects) else {"visible": False}
            said = {"name": said} if isinstance(said, str) else said
            project.describe({"org_id": emulator.settings.org_ids[number % orgs], **said})
        site = Site(Atlas(emulator, clock, emulator.base_url), tmp_path)
        read_by(site)
        return site

    return start


def ids(site: Site) -> tuple[str, ...]:
    return site.atlas.emulator.settings.group_ids


def test_a_project_is_a_host(make: Callable[..., Site]) -> None:
    site = make({"name": "shop", "tags": {"env": "prod"}}, "Payments EU", "reports", orgs=2)
    site.atlas.put_cluster("orders", "AWS", "US_EAST_1")
    found = site.hosts()
    first, second = site.atlas.emulator.settings.org_ids
    own = {"inventory_file", "inventory_dir"}
    assert {name: {key: value for key, value in one.items() if key not in own} for name, one in found.items()} == {
        name: {
            "atlas_group_id": group_id,
            "atlas_project_name": project,
            "atlas_org_id": org_id,
            "atlas_org_name": org_name,
            "atlas_tags": tags,
            "atlas_cluster_count": clusters,
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        }
        for name, project, group_id, (org_id, org_name), tags, clusters in [
            ("shop", "shop", ids(site)[0], (first, "emulator-org"), {"env": "prod"}, 1),
            ("Payments_EU", "Payments EU", ids(site)[1], (second, "emulator-org-2"), {}, 0),
            ("reports", "reports", ids(site)[2], (first, "emulator-org"), {}, 0),
        ]
    }
    # The first one gets the challenge.
    assert (site.sent(), site.warnings) == (["/groups", "/groups", "/orgs"], [])
    assert site.groups() == {"ungrouped": ["Payments_EU", "reports", "shop"]}


def test_two_hundred_projects_take_three_requests(
    make_atlas: Callable[..., Atlas], read_by: Callable[[Site], None], tmp_path: Path
) -> None:
    site = Site(make_atlas(groups=200, orgs=3), tmp_path)
    read_by(site)
    assert (len(site.hosts()), len(site.sent())) == (200, 3)
    assert len({one["atlas_group_id"] for one in site.hosts().values()}) == 200


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"1": "shop-prod.eu_1"}, ["shop-prod.eu_1"]),
        ({"1": "Größe / 1"}, ["Gr__e___1"]),
        ({"1": "a b", "2": "a/b", "3": "c"}, ["a_b_1", "a_b_2", "c"]),
        # Somebody has guessed what a name becomes.
        ({"1": "a", "2": "a", "3": "a_1"}, ["a_1_1", "a_2", "a_1_3"]),
        ({"1": "taken", "2": "taken_1"}, ["taken_1_1", "taken_1_2"]),
        # They would lead to another folder of variables.
        ({"1": ".", "2": "..", "3": "", "4": ".a"}, ["__1", "__", "__3", "_a"]),
        # They would be options of programs, and hidden files.
        ({"1": "-i", "2": "--help", "3": ".-.a.-", "4": "0-."}, ["_i", "__help", "___a.-", "0-."]),
        ({"1": "{{ 7 * 7 }}", "2": "db[1:6],!x:&y"}, ["___7___7___", "db_1_6___x__y"]),
    ],
    ids=str,
)
def test_names_of_hosts_are_plain_and_differ(wanted: dict[str, str], names: list[str]) -> None:
    found = _plugin.name_hosts(wanted, lambda name, unused: name == "taken")
    assert found == dict(zip(wanted, names, strict=True))


def test_nothing_that_others_write_is_a_template(make: Callable[..., Site]) -> None:
    """Nor is it a name that means something else to Ansible: variables of a host `all` would be those of all hosts."""
    site = make(*({"name": name, "tags": {"{{ 6 * 7 }}": name, "env": "{{ 6 * 7 }}"}} for name in HOSTILE), orgs=2)
    site.atlas.emulator.organizations[0].name = "{{ 7 * 7 }}"
    found = site.hosts(
        keyed_groups=[{"key": "atlas_project_name"}, {"key": "atlas_tags"}], compose={"mine": "atlas_project_name"}
    )
    assert {one["atlas_project_name"] for one in found.values()} == {*HOSTILE}
    for name, host in found.items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
        assert name.strip(".")
        templar = Templar(loader=DataLoader(), variables=host)
        shown = "{{ [atlas_project_name, mine, atlas_tags.env, atlas_tags['{{ 6 * 7 }}'], atlas_org_name] }}"
        project = host["atlas_project_name"]
        assert [*map(str, templar.template(trusted(shown)))][:4] == [project, project, "{{ 6 * 7 }}", project]
    assert {one["atlas_org_name"] for one in found.values()} == {"{{ 7 * 7 }}", "emulator-org-2"}
    inventory = site.read(site.folder / "my.atlas_projects.yml")
    assert [group.vars for group in inventory.groups.values() if group.vars] == []
    unlike = {f"{name}_{group_id}" for name, group_id in zip(HOSTILE, ids(site)) if name in ("all", "localhost", "peering_none")}
    assert unlike <= {*found}


def test_the_interpreter_is_that_of_the_controller(make: Callable[..., Site]) -> None:
    site = make("shop")
    (host,) = site.hosts().values()
    templar = Templar(loader=DataLoader(), variables={**host, "ansible_playbook_python": "/opt/python"})
    assert templar.template(host["ansible_python_interpreter"]) == "/opt/python"


def test_a_project_does_not_become_a_host_of_another_inventory(make: Callable[..., Site]) -> None:
    site = make("web", "db")
    static = site.folder / "hosts.ini"
    static.write_text("web ansible_host=192.0.2.1\n[db]\nother\n", encoding="utf-8")
    mine, more = site.write(), site.write("more.atlas_projects.yml", project_names=["web"])
    site.read(static, mine, more)
    inventory = site.read(static, mine, more)
    first, second, *_others = ids(site)
    assert sorted(inventory.hosts) == sorted(["web", "other", f"web_{first}", f"db_{second}"])
    assert "ansible_connection" not in {**inventory.hosts["web"].vars, **inventory.groups["db"].vars}


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["pay", "shop-1", "shop-2"]),
        ({"project_names": ["shop-*"]}, ["shop-1", "shop-2"]),
        ({"project_names": "pay,shop-2"}, ["pay", "shop-2"]),
        ({"org_id": " 5356823a3794dee37132b000 ", "project_names": [" shop-1"]}, ["shop-1"]),
        ({"tags": {"env": "prod"}}, ["pay", "shop-1"]),
        ({"tags": {"env": "prod", "tier": 1}}, ["pay"]),
        ({"tags": {"env": "test"}}, []),
        ({"org_id": "5356823a3794dee37132b000"}, ["shop-1", "shop-2"]),
        ({"org_id": "5356823a3794dee37132b000", "project_names": ["shop-?"], "tags": {"env": "prod"}}, ["shop-1"]),
        # Options may be templates.
        ({"project_names": "{{ ['shop-' ~ 1, 'pay'] }}", "tags": {"env": "{{ 'pro' ~ 'd' }}"}}, ["pay", "shop-1"]),
    ],
    ids=str,
)
def test_options_narrow_each_other(make: Callable[..., Site], options: dict[str, Any], names: list[str]) -> None:
    shop = {"name": "shop-1", "tags": {"env": "prod"}}
    site = make(shop, {"name": "pay", "tags": {"env": "prod", "tier": "1"}}, "shop-2", orgs=2)
    assert sorted(site.hosts(**options)) == names
    assert len(site.sent()) == 3


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"hostname": "atlas_org_name ~ '.' ~ atlas_project_name"}, ["emulator-org.a_b", "emulator-org.shop"]),
        ({"hostname": "'all the same'"}, ["all_the_same_{0}", "all_the_same_{1}"]),
        ({"hostname": "atlas_tags.name"}, ["Zoo", "a_b"]),
        ({"hostname": "atlas_tags.name | default('')"}, ["Zoo", "a_b"]),
        ({"hostname": "atlas_cluster_count + 7"}, ["7_{0}", "7_{1}"]),
    ],
    ids=str,
)
def test_hostname_is_an_expression(make: Callable[..., Site], options: dict[str, Any], names: list[str]) -> None:
    site = make({"name": "shop", "tags": {"name": "Zoo"}}, "a b")
    assert sorted(site.hosts(**options)) == sorted(one.format(*ids(site)) for one in names)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hostname": "atlas_tags.name"}, "hostname gives no name for project 5356823b3794dee37132bb7c: "),
        ({"hostname": "atlas_tags.name | default('')"}, "it is empty"),
        ({"compose": {"team": "atlas_tags.name"}}, "Could not set team for host a_b"),
        ({"groups": {"zoo": "atlas_tags.name == 'Zoo'"}}, "Could not add host a_b to group zoo"),
        ({"keyed_groups": [{"key": "atlas_tags.name"}]}, "Could not generate group for host a_b"),
    ],
    ids=str,
)
def test_strict_makes_no_host_at_all(make: Callable[..., Site], options: dict[str, Any], words: str) -> None:
    site = make({"name": "shop", "tags": {"name": "Zoo"}}, "a b")
    assert words in site.failure(strict=True, **options)
    assert len(site.hosts(**options)) == 2


def test_groups_are_for_the_user_to_define(make: Callable[..., Site]) -> None:
    site = make({"name": "shop", "tags": {"env": "prod"}}, {"name": "pay", "tags": {"env": "prod/eu"}}, "a", orgs=2)
    keyed = [{"key": "atlas_org_name", "prefix": "org"}, {"key": "atlas_tags.env", "prefix": "env"}]
    found = site.groups(keyed_groups=keyed, groups={"shops": "atlas_project_name is match('sh')", "a": "true"})
    assert found == {
        "org_emulator_org": [f"a_{ids(site)[2]}", "shop"],
        "org_emulator_org_2": ["pay"],
        "env_prod": ["shop"],
        "env_prod_eu": ["pay"],
        "shops": ["shop"],
        "a": sorted([f"a_{ids(site)[2]}", "pay", "shop"]),
    }


def test_a_project_does_not_take_the_place_of_a_keyed_group(make: Callable[..., Site]) -> None:
    """A pattern with the name of both is that of the host: ansible/inventory/manager.py, _evaluate_patterns."""
    site = make(*({"name": name, "tags": {"env": "prod"}} for name in ("env_prod", "shop")))
    keyed = site.write(keyed_groups=[{"key": "atlas_tags.env", "prefix": "env"}], groups={"some": "true"})
    plain, named = site.write("plain.atlas_projects.yml"), f"env_prod_{ids(site)[0]}"
    for files in (keyed,), (keyed, plain):
        inventory = site.read(*files)
        assert sorted(inventory.hosts) == [named, "shop"]
        for pattern in ("env_prod", "some"):
            assert sorted(host.name for host in inventory.get_hosts(pattern)) == [named, "shop"]
    # What has a name keeps it: it would be two hosts otherwise.
    inventory = site.read(plain, keyed)
    assert sorted(inventory.hosts) == ["env_prod", "shop"]
    for group in ("env_prod", "some"):
        assert sorted(host.name for host in inventory.groups[group].hosts) == ["env_prod", "shop"]
        assert inventory.groups[group].child_groups == []


def test_connections_make_groups(make: Callable[..., Site]) -> None:
    site = make("works", "waits", "both", "failed", "nothing", "empty", "secret")
    projects = dict(zip(("works", "waits", "both", "failed", "nothing", "empty", "secret"), site.atlas.emulator.projects))
    for name, count in {"works": 1, "waits": 1, "both": 2, "failed": 1}.items():
        for number in range(count):
            with projects[name].now() as project:
                project.create_peer(
                    {
                        "vpcId": f"vpc-0a1b2c3d4e5f6789{number}",
                        "awsAccountId": "123456789012",
                        "routeTableCidrBlock": f"10.1{number}.0.0/16",
                        "containerId": project.first_container_id,
                        "accepterRegionName": "us-east-1",
                    },
                    needs_container=True,
                )
    site.atlas.clock.sleep(2)
    for name in ("works", "both"):
        with projects[name].now() as project:
            assert project.peers.accept(project.peers.of("AWS")[0])
    with projects["failed"].now() as project:
        assert project.peers.fail(project.peers.of("AWS")[0], "REJECTED", only_waiting=False)
    with projects["empty"].now() as project:
        project.containers.delete(project.containers.get(project.first_container_id), ())
    site.atlas.clock.sleep(2)
    site.atlas.fault("GET", "status", path=f"*{projects['secret'].id}/containers*", status=403, times=None)
    options = {"peers": True, "cache": True, "cache_plugin": "jsonfile", "cache_connection": str(site.folder / "cache")}
    assert site.groups(**options) == {
        "peering_available": ["both", "works"],
        "peering_pending": ["both", "waits"],
        "peering_none": ["empty", "failed", "nothing"],
        "peering_unknown": ["secret"],
    }
    # The challenge, the two lists, the containers of each project, and the connections on AWS of those that have one there.
    assert len(site.sent()) == 3 + 7 + 5
    (warning,) = site.warnings
    assert "The connections of secret are unknown: Failed to list the network containers" in warning
    # Only what could not be read is read again, since a failure is not kept.
    found = {name: one["atlas_peers"] for name, one in site.hosts(**options).items()}
    assert found == {
        "works": {"AVAILABLE": 1},
        "waits": {"PENDING_ACCEPTANCE": 1},
        "both": {"AVAILABLE": 1, "PENDING_ACCEPTANCE": 1},
        "failed": {"FAILED": 1},
        "nothing": {},
        "empty": {},
        "secret": None,
    }
    assert [path.rpartition("/")[2] for path in site.sent()] == ["all", "all"]


def test_an_atlas_that_goes_away_is_not_asked_for_hours(
    make_atlas: Callable[..., Atlas], read_by: Callable[[Site], None], tmp_path: Path
) -> None:
    """The tries of a request take minutes together, and there may be hundreds of projects."""
    site = Site(make_atlas(groups=40), tmp_path)
    read_by(site)
    site.atlas.fault("GET", "status", path="*/containers*", status=503, times=None)
    assert len(site.groups(peers=True, retries=0)["peering_unknown"]) == 40
    # The eight that are sent side by side, and at most as many that have begun meanwhile.
    assert 8 <= len(site.sent()) - 3 <= 15
    *answered, unasked = site.warnings
    assert "more are unknown: This was not asked, because Atlas has not answered 8 requests in a row." in unasked
    assert all("(HTTP 503" in text for text in answered)


@pytest.mark.parametrize("peers", [True, False])
def test_no_project_is_an_empty_inventory(make: Callable[..., Site], peers: bool) -> None:
    site = make("shop")
    assert site.groups(tags={"env": "none"}, peers=peers) == {}
    assert len(site.sent()) == 3


@pytest.mark.parametrize(
    ("options", "words", "requests"),
    [
        ({"private_key": "a-canary-of-a-key"}, "(HTTP 401", 2),
        ({"public_key": None, "private_key": None}, "No credentials for Atlas", 0),
        ({"private_key": None}, "public_key is set without private_key", 0),
        ({"base_url": "http://192.0.2.1"}, "base_url is plain http", 0),
        ({"profile": "none"}, "config.toml cannot be read", 0),
        ({"project_name": "shop"}, "project_name is not an option of cloudpeer.atlas.projects", 0),
        ({"private_key:a-canary-of-a-key": ""}, "private_key… is not an option of cloudpeer.atlas.projects", 0),
        ({"project_names": ["nothing-*"]}, "'nothing-*' fits no project that the credentials can see", 2),
        ({"project_names": []}, "project_names is empty", 0),
        ({"org_id": "{{ nothing }}"}, "org_id cannot be evaluated: ", 0),
        ({"private_key": "{{ 'a-canary-of-a-key' | nothing }}"}, "private_key cannot be evaluated. Correct the template.", 0),
        ({"tags": {"env": True}}, "tags.env is not a text", 0),
        ({"org_id": "acme"}, "org_id is malformed", 0),
        # ansible-core takes these for false.
        ({"validate_certs": "ture"}, "validate_certs is not a boolean: 'ture'. Set it to true or false.", 0),
        ({"validate_certs": "{{ 'verify' }}"}, "validate_certs is not a boolean: 'verify'", 0),
        ({"peers": 2}, "peers is not a boolean: 2", 0),
        # An empty text is not set.
        ({"peers": "", "validate_certs": "", "org_id": "acme"}, "org_id is malformed", 0),
        # What chooses projects.
        ({"org_id": ""}, "org_id is empty", 0),
        ({"org_id": "0123456789abcdef01234567"}, "no project in organization 0123456789abcdef01234567", 2),
    ],
    ids=str,
)
def test_a_failure_makes_no_host(make: Callable[..., Site], options: dict[str, Any], words: str, requests: int) -> None:
    site = make("shop")
    cache = {"cache": True, "cache_plugin": "jsonfile", "cache_connection": str(site.folder / "cache")}
    text = site.failure(**cache, **options)
    assert words in text
    assert "canary" not in text
    assert (len(site.sent()), [*(site.folder / "cache").iterdir()]) == (requests, [])


@pytest.mark.parametrize(
    ("path", "fault", "words", "requests"),
    [
        ("*/groups?*", {"kind": "status", "status": 503}, "Failed to list the projects that the credentials can see", 4),
        ("*/orgs?*", {"kind": "status", "status": 503}, "Failed to list the organizations that the credentials can see", 5),
        ("*/orgs?*", {"kind": "status", "status": 403}, "(HTTP 403", 3),
        ("*/groups?*", {"kind": "truncated"}, "Failed to list the projects", 4),
        ("*/groups?*", {"kind": "reset_before"}, "Failed to list the projects", 4),
        ("*/groups?*", {"kind": "html"}, "Failed to list the projects", 2),
    ],
    ids=str,
)
def test_a_fault_of_atlas_is_a_failure(
    make: Callable[..., Site], path: str, fault: dict[str, Any], words: str, requests: int
) -> None:
    site = make("shop")
    site.atlas.fault("GET", fault.pop("kind"), path=path, times=None, **fault)
    assert words in site.failure()
    assert len(site.sent()) == requests
    site.atlas.emulator.faults.clear()
    assert [*site.hosts()] == ["shop"]


@pytest.mark.parametrize("status", [503, 429])
def test_a_fault_that_passes_is_none(make: Callable[..., Site], status: int) -> None:
    site = make("shop")
    site.atlas.fault("GET", "status", path="*/groups?*", status=status)
    assert [*site.hosts()] == ["shop"]


def test_another_server_is_a_failure(make: Callable[..., Site], serve: Callable[..., Any]) -> None:
    from ansible_collections.cloudpeer.atlas.tests.support.wire import page

    site = make("shop")
    wire = serve(page([{"id": "5356823b3794dee37132bb7b", "name": ["shop"]}]))
    assert "Failed to list the projects" in site.failure(base_url=wire.base_url)


@pytest.mark.parametrize("key", ["id", "orgId"])
def test_an_id_that_is_no_id_is_a_failure(make: Callable[..., Site], serve: Callable[..., Any], key: str) -> None:
    from ansible_collections.cloudpeer.atlas.tests.support.wire import page

    site, good = make("shop"), "5356823b3794dee37132bb7b"
    wire = serve(page({"id": good, "name": "shop", "orgId": good, key: "../\x1b[2Jall"}))
    said = site.failure(base_url=wire.base_url)
    assert f"the reply has a project whose {key} is malformed: '../\\x1b[2Jall'" in said


@pytest.mark.parametrize("name", ["public_key", "private_key", "client_id", "client_secret", "access_token"])
@pytest.mark.parametrize("value", [[CANARY], {"key": CANARY}, "{{ ['" + CANARY + "'] }}", "{{ {'key': '" + CANARY + "'} }}"])
def test_a_credential_of_another_type_is_not_shown(make: Callable[..., Site], name: str, value: Any) -> None:
    site = make("shop")
    said = site.failure(**{"public_key": None, "private_key": None, name: value})
    assert said.startswith(f"{name} is not a text. Write it in quotes")
    assert CANARY not in said + str(site.warnings)
    assert site.sent() == []


def test_the_cache_has_no_secret_and_saves_all_requests(make: Callable[..., Site]) -> None:
    site = make({"name": "shop", "tags": {"env": "{{ 7 * 7 }}"}})
    folder = site.folder / "cache"
    options = {"cache": True, "cache_plugin": "jsonfile", "cache_connection": str(folder)}
    first = site.hosts(**options)
    assert len(site.sent()) == 3
    assert (site.hosts(**options), site.sent()) == (first, [])
    host = first["shop"]
    assert Templar(loader=DataLoader(), variables=host).template(trusted("{{ atlas_tags.env }}")) == "{{ 7 * 7 }}"
    (file,) = folder.iterdir()
    assert CANARY not in file.name + file.read_text(encoding="utf-8")
    # With --flush-cache, Atlas is read, and kept.
    site.atlas.emulator.project.describe({"name": "shop-2"})
    assert ([*site.hosts(use_cache=False, **options)], len(site.sent())) == (["shop-2"], 3)
    assert ([*site.hosts(**options)], site.sent()) == (["shop-2"], [])


@pytest.mark.parametrize(
    "other",
    [
        {"private_key": "another"},
        {"public_key": "another"},
        {"base_url": "http://localhost:1"},
        {"org_id": "5356823a3794dee37132b000"},
        {"peers": True},
        {"project_names": ["shop"]},
        {"tags": {"env": "prod"}},
        {"validate_certs": False},
        {"access_token": "another"},
    ],
    ids=str,
)
def test_what_else_is_read_is_another_key_of_the_cache(make: Callable[..., Site], other: dict[str, Any]) -> None:
    site = make("shop")
    options = {"cache": True, "cache_plugin": "jsonfile", "cache_connection": str(site.folder / "cache"), "retries": 0}
    site.hosts(**options)
    site.read(site.write(**options, **other))
    assert site.sent() or "base_url" in other
    # What is made of it is none.
    assert [*site.hosts(**options, hostname="'x'", timeout=10)] == ["x"]
    assert site.sent() == []


def test_it_signs_in_as_modules_do(make: Callable[..., Site], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site = make("shop")
    settings = site.atlas.emulator.settings
    nothing = {"public_key": None, "private_key": None, "base_url": None}
    # The environment: the first variable that is set counts.
    monkeypatch.setenv("MONGODB_ATLAS_PUBLIC_API_KEY", settings.public_key)
    monkeypatch.setenv("MONGODB_ATLAS_PUBLIC_KEY", "another")
    monkeypatch.setenv("MONGODB_ATLAS_PRIVATE_KEY", settings.private_key)
    monkeypatch.setenv("MONGODB_ATLAS_OPS_MANAGER_URL", site.atlas.base_url)
    # One that is empty is not set.
    monkeypatch.setenv("MONGODB_ATLAS_PRIVATE_API_KEY", "")
    monkeypatch.setenv("MONGODB_ATLAS_BASE_URL", "")
    assert [*site.hosts(**nothing)] == ["shop"]
    # So are empty texts.
    assert [*site.hosts(public_key="", private_key="", base_url=" ", profile="{{ '' }}")] == ["shop"]
    # A profile, which comes before the environment, and has a service account.
    profile = tmp_path / "atlascli" / "config.toml"
    profile.parent.mkdir()
    profile.write_text(
        f'[work]\nclient_id = "{settings.client_id}"\nclient_secret = "{settings.client_secret}"\n', encoding="utf-8"
    )
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for requests in (2, 2):
        assert [*site.hosts(**nothing, profile="work")] == ["shop"]
        # The token is kept where modules keep it.
        assert [path for path in site.sent() if path] == ["/groups", "/orgs"]
        assert len(site.sent()) <= requests + 1
    assert os.listdir(tmp_path / "cache")
    assert all("More than one kind" in text for text in site.warnings)
    # The file comes before both.
    assert "(HTTP 401" in site.failure(**{**nothing, "access_token": "not-a-token"}, profile="work")


def test_secrets_are_registered_with_ansible_core(make: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[str] = []
    monkeypatch.setattr(argspec, "register_secrets", registered.extend)
    site = make("shop")
    settings = site.atlas.emulator.settings
    account = {"client_id": settings.client_id, "client_secret": settings.client_secret, "token_cache": False}
    assert [*site.hosts(public_key=None, private_key=None, **account)] == ["shop"]
    assert settings.client_secret in registered
    assert any(one.startswith("emulator-token-") for one in registered)


def test_certificates_that_are_not_checked_cause_a_warning(make: Callable[..., Site]) -> None:
    site = make("shop")
    site.hosts(validate_certs=False)
    assert "validate_certs is false" in " ".join(site.warnings)


def test_the_options_are_those_of_modules() -> None:
    """With the same environment variables, of which ansible-core takes the last one that is set."""
    options = documented()["options"]
    left_out = {"group_id", "project_name", "api_version"}
    keys = ("type", "choices", "default")
    for name, option in CONNECTION.options.items():
        assert (name in options) == (name not in left_out)
        if name not in left_out:
            said = options[name]
            assert {key: said[key] for key in keys if said.get(key) is not None} == {
                key: option[key] for key in keys if key in option
            }
            assert tuple(one["name"] for one in reversed(said.get("env", []))) == VARIABLES.get(name, ())
    assert {*options} >= {"strict", "compose", "groups", "keyed_groups", "cache", "hostname", "tags", "org_id", "project_names"}


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("atlas_projects.yml", True),
        ("prod.atlas_projects.yaml", True),
        ("atlas_projects.json", False),
        ("projects.yml", False),
        ("atlas_projects.yml.bak", False),
    ],
)
def test_files_have_names_of_their_own(tmp_path: Path, name: str, fits: bool) -> None:
    assert not _plugin.InventoryModule().verify_file(str(tmp_path / name))
    (tmp_path / name).write_text("plugin: cloudpeer.atlas.projects", encoding="utf-8")
    assert _plugin.InventoryModule().verify_file(str(tmp_path / name)) is fits


def test_the_example_is_an_inventory(make: Callable[..., Site]) -> None:
    shop = {"name": "shop-1", "tags": {"env": "prod", "team": "a"}}
    site = make(shop, {"name": "payments", "tags": {"env": "prod"}}, {"name": "shop-2", "tags": {"env": "test"}})
    site.atlas.put_cluster("orders", "AWS", "US_EAST_1")
    example = yaml.safe_load(_plugin.EXAMPLES)
    assert example.keys() >= documented()["options"].keys() - {*CONNECTION.options, *FROM_ELSEWHERE}
    here = {"profile": None, "cache_plugin": "jsonfile", "cache_connection": str(site.folder / "cache")}
    names = ["atlas-payments", "atlas-shop-1"]
    assert site.groups(**{**example, **here}) == {
        "org_emulator_org": names,
        "env_prod": names,
        "peering_none": names,
        "with_clusters": ["atlas-shop-1"],
    }
    assert [one["atlas_team"] for one in site.hosts(**{**example, **here}).values()] == ["a", "nobody"]


def test_a_missing_library_is_a_failure(make: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    site = make("shop")
    monkeypatch.setattr(_plugin, "LIBRARIES", (("requests", "a traceback"),))
    assert site.failure() == "Ansible's own Python has no requests. Install it beside ansible-core."
