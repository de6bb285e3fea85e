"""What ansible-doc shows is complete, and true: every return value is there, and the examples run."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fragments
import pytest
import requests
import trustme
import yaml
from ansible.release import __version__ as ansible_version
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.operations import ATLAS_MODULES, LOCAL_MODULES, load
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.role_site import RoleRunner, Vpc
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRunner

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
# The modules that do not talk to Atlas have examples that need a cloud or hosts, which tests of their own run.
# These talk to the clouds, too, so their examples do not run on the emulator alone.
AWS_READERS = ("atlas_vpc_peer_check", "atlas_peering")
# Whoever needs the options of a task finds them in a page that can be read. ansible-core 2.16 has more lines for the same.
MOST_LINES = 1000 if ansible_version.startswith("2.16.") else 900
# Ansible's own fields of every result.
ANSIBLES_OWN = {"changed", "failed", "msg", "invocation", "diff", "warnings", "exception"}
# What a result may hold, by the type that is documented. Null is any of them.
TYPES = {"str": str, "int": int, "float": (int, float), "bool": bool, "list": list, "dict": dict, "raw": (str, list)}
# Options of entries that name a network, and not how to sign in.
NAMES = {
    "aws_account_id",
    "aws_security_group",
    "azure_directory_id",
    "azure_subscription_id",
    "gcp_project_id",
    "gcp_peering_name",
}
UNLESS_REFUSED = "unless Ansible itself refuses the options"
# Nobody should copy it.
NEVER_SHOWN = {"validate_certs"}
# What the examples say of a world that is not here.
CERTIFICATES, GOVERNMENT = "/etc/pki/tls/certs/company-proxy.pem", "https://cloud.mongodbgov.com"
UNKNOWN_GROUP = "5356823b3794dee37132bbff"
# The examples of the others take as long, and rarely fail where these do not.
USUAL = ("atlas_vpc_peer",)


@pytest.fixture(scope="session")
def documentation() -> dict[str, Any]:
    return ansible_doc("module", *MODULES)


def returned(name: str, documentation: dict[str, Any]) -> dict[str, Any]:
    """Return all fields of the result of a module. A page that has not all of them says where they are."""
    found = documentation[f"cloudpeer.atlas.{name}"]["return"]
    if name not in fragments.SHORT:
        return dict(found)
    complete = fragments.returns_of(name)
    assert found.keys() == complete.keys()
    return complete


@functools.cache
def ansible_doc(kind: str, *names: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "ansible", "doc", "--json", "--type", kind, *(f"cloudpeer.atlas.{name}" for name in names)]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(("kind", "count"), [("filter", 2), ("inventory", 1)])
def test_every_plugin_has_a_page(kind: str, count: int) -> None:
    names = sorted(path.stem for path in (ROOT / "plugins" / kind).glob("*.py"))
    pages = ansible_doc(kind, *names)
    assert len(pages) == len(names) == count
    for page in pages.values():
        entries = {**page["doc"]["options"], **(page["return"] or {})}
        assert [name for name, entry in entries.items() if not entry.get("description")] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_option_and_every_field_is_described(name: str, documentation: dict[str, Any]) -> None:
    page = documentation[f"cloudpeer.atlas.{name}"]
    assert page["doc"]["options"]
    undescribed = [path for path, entry in described(page["doc"]["options"], "suboptions") if not entry.get("description")]
    undescribed += [path for path, entry in described(page["return"], "contains") if not entry.get("description")]
    undescribed += without_sample(returned(name, documentation))
    assert undescribed == []
    assert len(yaml.safe_load(page["examples"])) >= 3
    groups = set() if name in LOCAL_MODULES else {"action_group"}
    assert {"check_mode", "diff_mode", "idempotent", *groups} <= set(page["doc"]["attributes"])


@pytest.mark.parametrize("name", fragments.SHORT)
def test_a_page_can_be_read(name: str) -> None:
    # Without a terminal, ansible-doc writes for 80 columns.
    command = [sys.executable, "-m", "ansible", "doc", f"cloudpeer.atlas.{name}"]
    page = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True).stdout
    assert len(page.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("name", fragments.SHORT)
def test_a_page_names_the_options_that_a_task_needs(name: str, documentation: dict[str, Any]) -> None:
    doc = documentation[f"cloudpeer.atlas.{name}"]["doc"]
    (text,) = [one for one in doc["description"] if one.startswith("Six options are enough")]
    named = re.findall(r"O\((\w+)\)", text)
    assert set(named) <= set(doc["options"])
    # One project or all is one choice.
    assert len(named) - ("org_id" in named) == 6


@pytest.mark.parametrize("name", MODULES)
def test_the_options_are_those_of_the_argument_spec(name: str, documentation: dict[str, Any]) -> None:
    documented = compared(documentation[f"cloudpeer.atlas.{name}"]["doc"]["options"], "suboptions")
    assert documented == compared(load(name).argument_spec.documented, "options")


def compared(options: Mapping[str, Any], below: str) -> dict[str, Any]:
    """Return what an argument spec and the documentation both say of options, and of those within them."""
    keys = ("type", "elements", "choices", "default", "aliases", "required")
    return {
        name: {key: one[key] for key in keys if one.get(key) not in (None, [], False)}
        | ({"within": compared(one[below], below)} if one.get(below) else {})
        for name, one in options.items()
    }


def described(entries: dict[str, Any], below: str, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Return all entries of a documentation with their paths, those within others included."""
    found = []
    for name, entry in entries.items():
        found += [(path + name, entry), *described(entry.get(below) or {}, below, f"{path}{name}.")]
    return found


def without_sample(entries: dict[str, Any], around: Any = None, path: str = "") -> list[str]:
    """Return the paths of the fields without a sample, of their own or in the sample of what they are in."""
    found = []
    items = around if isinstance(around, list) else [around or {}]
    # Null is no sample of a field that can be something else.
    shown = {key: value for item in items for key, value in item.items() if value is not None}
    for name, entry in entries.items():
        sample = entry.get("sample", shown.get(name))
        # The fields of a failure are short, and the guide has examples.
        if sample is None and entry.get("returned") != "failure":
            found.append(path + name)
        if "contains" in entry:
            found += without_sample(entry["contains"], sample, f"{path}{name}.")
    return found


@pytest.mark.parametrize("name", MODULES)
def test_the_pages_lead_to_each_other(name: str, documentation: dict[str, Any]) -> None:
    doc = documentation[f"cloudpeer.atlas.{name}"]["doc"]
    # New modules come with a minor or a major release.
    assert re.fullmatch(r"[1-9]\d*\.\d+\.0", doc["version_added"])
    led_to = {one.get("module") or one.get("plugin") or one["link"] for one in doc["seealso"]}
    twin = name.removesuffix("_info") if name.endswith("_info") else f"{name}_info"
    if twin in MODULES:
        assert f"cloudpeer.atlas.{twin}" in led_to
    if not name.endswith("_info") and name not in LOCAL_MODULES:
        # Where Ansible's own checks let no role stand.
        assert any(one.endswith("/docs/guides/whole_path.md") for one in led_to)
    assert any(one.endswith("/docs/guides/when_it_fails.md") for one in led_to)


def test_every_option_has_an_example(documentation: dict[str, Any]) -> None:
    used: dict[str, set[str]] = {name: set() for name in MODULES}
    for name in MODULES:
        for task in yaml.safe_load(documentation[f"cloudpeer.atlas.{name}"]["examples"]):
            options = task.get(f"cloudpeer.atlas.{name}") or {}
            listed = [
                entry for key in ("connections", "entries", "peers") for entry in options.get(key, []) if isinstance(entry, dict)
            ]
            used[name] |= {*options, *(key for entry in listed for key in entry)}
    # Those that all modules have need one example somewhere, every other one in its own module.
    shared = set.intersection(*(set(documentation[f"cloudpeer.atlas.{name}"]["doc"]["options"]) for name in ATLAS_MODULES))
    assert shared - set.union(*used.values()) == NEVER_SHOWN
    for name in MODULES:
        options = documentation[f"cloudpeer.atlas.{name}"]["doc"]["options"]
        own = {path.rpartition(".")[2] for path, unused in described(options, "suboptions")}
        own -= shared if name in ATLAS_MODULES else set()
        if name in fragments.SHORT:
            # The modules of each cloud have examples of these.
            own = {option for option in own if not option.startswith(("aws_", "azure_", "gcp_")) or option in NAMES}
        assert sorted(own - used[name] - {"wait_sleep", "wait_timeout"}) == [], name
        for option in ("state", "recreate", "wait_for"):
            # Each choice that is not the default, which needs no saying.
            choices = set(options.get(option, {}).get("choices", [])) - {options.get(option, {}).get("default")}
            shown = {str(one) for one in values(documentation[f"cloudpeer.atlas.{name}"]["examples"], name, option)}
            assert choices <= shown, (name, option)


def values(examples: str, name: str, option: str) -> list[Any]:
    """Return the values that an option has in the examples."""
    tasks = [task.get(f"cloudpeer.atlas.{name}") or {} for task in yaml.safe_load(examples)]
    return [options[option] for options in tasks if option in options]


def differences(value: Any, entry: dict[str, Any], path: str) -> list[str]:
    """Return where a value is not as its entry in RETURN says, with all that is within it."""
    if value is None:
        return []
    if not isinstance(value, TYPES[entry["type"]]) or (isinstance(value, bool) and entry["type"] != "bool"):
        return [f"{path} is a {type(value).__name__}, not a {entry['type']}"]
    if isinstance(value, list):
        return [one for number, item in enumerate(value) for one in element_differences(item, entry, f"{path}[{number}]")]
    if isinstance(value, dict):
        return element_differences(value, entry, path)
    return []


def element_differences(value: Any, entry: dict[str, Any], path: str) -> list[str]:
    if not isinstance(value, dict):
        return [] if isinstance(value, TYPES[entry["elements"]]) else [f"{path} is a {type(value).__name__}"]
    if "contains" not in entry:
        # A short entry names its fields in a sentence. Others have none: what is in tags is for their owner to say.
        named = set(re.findall(r"C\((\w+)\)", str(entry["description"]))) if entry["type"] == "list" else set()
        return [] if not named or named == value.keys() else [f"{path} has {sorted(value)}, not {sorted(named)}"]
    fields = entry["contains"]
    found = [f"{path}.{key} is not documented" for key in value if key not in fields]
    # What comes only with an option says so.
    found += [f"{path}.{key} is not returned" for key in fields if key not in value and "returned" not in fields[key]]
    return found + [one for key in fields.keys() & value.keys() for one in differences(value[key], fields[key], f"{path}.{key}")]


def own_fields(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key not in ANSIBLES_OWN and not key.startswith("_ansible")}


@pytest.mark.parametrize("name", MODULES)
def test_the_samples_are_like_what_they_are_samples_of(name: str, documentation: dict[str, Any]) -> None:
    for key, entry in returned(name, documentation).items():
        assert differences(entry.get("sample"), entry, key) == []


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in USUAL else pytest.mark.full) for name in ATLAS_MODULES if name not in AWS_READERS],
)
def test_the_examples_run_and_return_what_is_documented(
    name: str, documentation: dict[str, Any], start: Callable[..., RunningEmulator], playbook: PlaybookRunner, tmp_path: Path
) -> None:
    page = documentation[f"cloudpeer.atlas.{name}"]
    emulator = start(step_seconds=0.1, accept="auto")
    settings = emulator.settings
    emulator.project.name = "shop-production"
    profile = tmp_path / "config" / "atlascli" / "config.toml"
    profile.parent.mkdir(parents=True)
    profile.write_text(f'[default]\npublic_api_key = "{settings.public_key}"\nprivate_api_key = "{settings.private_key}"\n')
    certificates = tmp_path / "company-proxy.pem"
    trustme.CA().cert_pem.write_to_path(certificates)
    token = requests.post(
        f"{emulator.base_url}/api/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(settings.client_id, settings.client_secret),
        timeout=60,
    )
    if name == "atlas_cluster_info":
        with emulator.project.now() as project:
            project.put_cluster({"name": "shop", "regions": [{"region_name": "US_EAST_1"}]})
    if name == "atlas_vpc_peers":
        with emulator.project.now() as project:
            project.containers.create({"providerName": "AZURE", "region": "EUROPE_NORTH", "atlasCidrBlock": "192.168.240.0/21"})
            project.containers.create({"providerName": "GCP", "atlasCidrBlock": "10.8.0.0/18"})
    # Something for the modules that only read to find, and for a security group to belong to.
    first = {
        "cloudpeer.atlas.atlas_vpc_peer": {
            "vpc_id": "vpc-0a1b2c3d4e5f60000",
            "aws_account_id": "123456789012",
            "route_table_cidr_block": "10.99.0.0/16",
            "wait": True,
            "wait_for": "available",
        }
    }
    examples = page["examples"].replace(GOVERNMENT, emulator.base_url).replace(CERTIFICATES, str(certificates))
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {
            **{f"atlas_{name}": getattr(settings, name) for name in ("public_key", "private_key", "client_id", "client_secret")},
            "atlas_access_token": token.json()["access_token"],
            "atlas_projects": [settings.group_id],
            "vpc_peers": [
                {
                    "vpc_id": f"vpc-0a1b2c3d4e5f6000{number}",
                    "aws_account_id": "123456789012",
                    "route_table_cidr_block": f"10.9{number}.0.0/16",
                }
                for number in (1, 2)
            ],
        },
        # A plan is saved in check mode first: test_plan_file does so.
        "tasks": [first, *(one for one in yaml.safe_load(examples) if "plan_file" not in str(one))],
    }
    run = playbook(yaml.safe_dump([play], sort_keys=False), emulator, "-vv", "--diff", XDG_CONFIG_HOME=str(tmp_path / "config"))
    results = [one["result"] for one in run.records[1:] if one["action"] == f"cloudpeer.atlas.{name}"]
    assert len(results) >= 3
    seen: set[str] = set()
    for result in map(own_fields, results):
        seen |= result.keys()
        assert [one for key, value in result.items() for one in differences(value, page["return"][key], key)] == []
    elsewhere = {key for key, entry in page["return"].items() if entry["returned"] in ("failure", "with O(plan_file)")}
    assert seen == set(page["return"]) - elsewhere


def test_a_check_returns_what_is_documented(
    documentation: dict[str, Any], run: RoleRunner, make_site: Callable[..., Vpc]
) -> None:
    page, site = {"return": returned("atlas_vpc_peer_check", documentation)}, make_site()
    site.connect()
    site.ec2.create_subnet(VpcId=site.vpc_id, CidrBlock="10.15.1.0/24")
    tasks = [{"cloudpeer.atlas.atlas_vpc_peer_check": {"fail_on": "never"}}]
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    result = own_fields(run.playbook(yaml.safe_dump([play]), "-vv").result)
    assert [one for key, value in result.items() for one in differences(value, page["return"][key], key)] == []
    assert set(result) == {"peering_check", "requests", "api_calls"}
    assert result["peering_check"]["connections"][0]["subnets"]


@pytest.mark.full
def test_both_sides_return_what_is_documented(
    documentation: dict[str, Any], run: RoleRunner, make_site: Callable[..., Vpc]
) -> None:
    page, site = {"return": returned("atlas_peering", documentation)}, make_site()
    options = {"connections": [site.connection], "container_region": "us-east-1", "dns": "ignore"}
    tasks = [
        {"cloudpeer.atlas.atlas_peering": {**options, **more}} for more in ({}, {"tags": {"team": "data"}}, {"state": "absent"})
    ]
    wrong = {**options, "connections": [{**site.connection, "cidr_block": "10.99.0.0/16"}]}
    tasks.append({"cloudpeer.atlas.atlas_peering": wrong, "ignore_errors": True})
    done = run.playbook(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), "-vv", "--diff")
    made, tagged, gone, refused = map(own_fields, done.results)
    of_a_failure, of_a_file = {"http_status", "error_code", "detail"}, {"plan_file"}
    assert [set(one) for one in (made, tagged, gone)] == [set(page["return"]) - of_a_failure - of_a_file] * 3
    assert set(refused) == set(page["return"]) - of_a_file
    for result in (made, tagged, gone, refused):
        assert [one for key, value in result.items() for one in differences(value, page["return"][key], key)] == []
    assert (made["summary"]["changed"], refused["peering"], refused["failures"][0]["step"]) == (1, None, "plan")
    assert [one["action"] for one in tagged["peering"]["connections"][0]["actions"]] == ["tag"]


@pytest.mark.full
@pytest.mark.parametrize("cause", ["refused by Atlas", "no Atlas"])
def test_a_failure_returns_what_is_documented(
    cause: str, documentation: dict[str, Any], start: Callable[..., RunningEmulator], playbook: PlaybookRunner
) -> None:
    options: dict[str, dict[str, Any]] = {
        "atlas_access_list": {"entries": [{"cidr_block": "10.15.0.0/16"}]},
        "atlas_custom_dns": {"enabled": True},
        "atlas_network_container": {"region_name": "us-east-1"},
        "atlas_vpc_peer": {"vpc_id": "vpc-0a1b2c3d4e5f60000", "aws_account_id": "123456789012"},
        "atlas_vpc_peers": {"peers": []},
        "atlas_peering": {"connections": [{"gcp_project_id": "my-project", "network_name": "shop"}], "gcp": False},
    }
    common: dict[str, Any] = {"group_id": UNKNOWN_GROUP}
    if cause == "no Atlas":
        common = {"base_url": "http://127.0.0.1:1", "retries": 0}
    # No project is missing for the one that reads all.
    modules = [name for name in ATLAS_MODULES if name != "atlas_project_info"]
    tasks = [{f"cloudpeer.atlas.{name}": options.get(name, {}) | common, "ignore_errors": True} for name in modules]
    run = playbook(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), start(), "-vv")
    assert f"ignored={len(modules)} " in run.output
    for name, found in zip(modules, run.results, strict=True):
        page = {"return": returned(name, documentation)}
        result = own_fields(found)
        # Lists with an element for each entry are there, and empty.
        always = {key for key, entry in page["return"].items() if entry["returned"] in ("failure", UNLESS_REFUSED)}
        assert {"http_status", "error_code", "detail"} <= always
        assert set(result) == always | {"requests", "api_calls"}, name
        assert [one for key, value in result.items() for one in differences(value, page["return"][key], key)] == []
        assert re.match(r"(Nothing was changed in project \w+\. )?Failed to ", found["msg"])
        assert (result["http_status"], result["error_code"]) == (
            (404, "GROUP_NOT_FOUND") if cause == "refused by Atlas" else (None, None)
        )


def test_a_failure_shows_the_connection_as_it_was_last_seen(
    documentation: dict[str, Any], emulator: RunningEmulator, playbook: PlaybookRunner
) -> None:
    page = documentation["cloudpeer.atlas.atlas_vpc_peer"]
    options = {"vpc_id": "vpc-0a1b2c3d4e5f60000", "aws_account_id": "123456789012", "route_table_cidr_block": "10.99.0.0/16"}
    options |= {"wait": True, "wait_for": "available", "wait_timeout": 1}
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [{"cloudpeer.atlas.atlas_vpc_peer": options}]}
    result = own_fields(playbook(yaml.safe_dump([play]), emulator, "-vv", status=2).result)
    assert set(result) == set(page["return"]) - {"status_history"}
    assert [one for key, value in result.items() for one in differences(value, page["return"][key], key)] == []
