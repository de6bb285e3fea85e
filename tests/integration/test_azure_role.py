"""atlas_azure_role in real playbooks, both ways of running: its examples, its secrets, and a Python without azure-identity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import VNET, VNET_ID, variables
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import WAYS, PlaybookRunner

MODULE = "cloudpeer.atlas.atlas_azure_role"
#: The names in the examples.
SHOWN = ("3b7e2d90-1f45-4c8a-8e6d-5a9b0c1d2e3f", "production", "production-vnet")
DIRECTORY, APPLICATION = "9a3f1c52-7d64-4d2e-9b1f-0c5e8a7b6d41", "5f1d7c3a-2b4e-4a6f-8c9d-0e1f2a3b4c5d"


def play(*tasks: dict[str, Any]) -> str:
    return json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}])


@pytest.mark.full
def test_the_examples_run(clouds: RunningClouds, emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path) -> None:
    entra = clouds.azure.entra
    # Of the variables, the client id chooses the identity of the machine as well.
    entra.machine_id = entra.client_id
    vnet_id = clouds.azure.add_vnet(*SHOWN)
    source = (ROOT / "plugins" / "modules" / "atlas_azure_role.py").read_text(encoding="utf-8")
    examples = source.partition('EXAMPLES = r"""')[2].partition('"""')[0]
    tasks = yaml.safe_load(examples.replace(DIRECTORY, entra.tenant).replace(APPLICATION, entra.client_id))
    (tmp_path / ".azure").mkdir()
    profile = {"client_id": entra.client_id, "secret": entra.secret, "tenant": entra.tenant}
    lines = ["[networks]", *(f"{name} = {value}" for name, value in profile.items())]
    (tmp_path / ".azure" / "credentials").write_text("\n".join(lines))
    given = json.dumps({"vnet_id": vnet_id, "azure_secret": entra.secret})
    run = playbook(play(*tasks), emulator, "-e", given, **{**variables(clouds), **clouds.azure_machine, "HOME": str(tmp_path)})
    assert [one["changed"] for one in run.results] == [True, False, False, False, True]


@pytest.mark.full
@pytest.mark.parametrize("way", WAYS)
def test_secrets_appear_nowhere(clouds: RunningClouds, emulator: RunningEmulator, playbook: PlaybookRunner, way: str) -> None:
    entra = clouds.azure.entra
    clouds.azure.add_vnet(*VNET)
    options = {"vnet_resource_id": VNET_ID, "azure_directory_id": entra.tenant, "client_id": entra.client_id}
    secret, canary = "{{ lookup('env', 'SECRET_OF_THE_TEST') }}", "canary-of-a-secret"
    tasks: list[dict[str, Any]] = [
        {MODULE: {**options, "secret": secret}},
        {MODULE: {**options, "secret": secret, "state": "absent"}},
        {MODULE: {**options, "secret": "{{ lookup('env', 'CANARY_OF_THE_TEST') }}"}, "ignore_errors": True},
        {MODULE: {**options, "secret": secret, "no_such_option": True}, "ignore_errors": True},
        {MODULE: {**options, "secret": secret, "vnet_name": secret}, "ignore_errors": True},
    ]
    environment = {**clouds.environment, "SECRET_OF_THE_TEST": entra.secret, "CANARY_OF_THE_TEST": canary}
    run = playbook(play(*tasks), emulator, "-vvvvv", way=way, **environment)
    assert ["msg" in one for one in run.results] == [False, False, True, True, True]
    text = run.output + json.dumps(run.records)
    issued = [one["token"] for one in entra.issued]
    assert issued
    for one in (entra.secret, canary, *issued):
        assert one not in text


@pytest.mark.full
def test_without_azure_identity_it_says_what_is_missing(
    emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text('import sys\nsys.modules["azure"] = None\n')
    tasks = {MODULE: {"vnet_resource_id": VNET_ID, "azure_directory_id": VNET[0]}}
    run = playbook(play(tasks), emulator, way=None, status=2, PYTHONPATH=str(tmp_path))
    assert "Failed to import the required Python library (azure-identity)" in run.result["msg"]
    assert any("no azure-identity" in warning for warning in run.warnings) or "has no azure-identity" in run.output
