"""atlas_gcp_peering in real playbooks, both ways of running: its examples, its secrets, and a Python without google-auth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, MINE, NAMES
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import WAYS, PlaybookRunner

MODULE = "cloudpeer.atlas.atlas_gcp_peering"


@pytest.fixture
def clouds(clouds: RunningClouds) -> RunningClouds:
    for key in (MINE, ATLAS):
        clouds.gcp.add_network(*key)
    clouds.gcp.add_peering(*ATLAS, "peer-of-the-customer", MINE)
    return clouds


def play(*tasks: dict[str, Any], **options: Any) -> str:
    listed = list(tasks) or [{MODULE: {**NAMES, **options}}]
    return json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": listed}])


@pytest.mark.full
def test_the_example_and_those_of_the_module_run(
    clouds: RunningClouds, emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path
) -> None:
    adc, key = tmp_path / "adc.json", clouds.tokens.service_account_key()
    adc.write_text(json.dumps(clouds.tokens.user_file()))
    variables = {**clouds.environment, "GCE_METADATA_HOST": clouds.metadata_host, "GOOGLE_APPLICATION_CREDENTIALS": str(adc)}
    for changed in (1, 0):
        run = playbook(ROOT / "docs" / "examples" / "gcp_peering.yml", emulator, **variables)
        assert (run.changed, run.warnings) == (changed, [])
    source = (ROOT / "plugins" / "modules" / "atlas_gcp_peering.py").read_text(encoding="utf-8")
    examples = source.partition('EXAMPLES = r"""')[2].partition('"""')[0]
    file = tmp_path / "key.json"
    file.write_text(json.dumps(key))
    text = examples.replace("/etc/gcp/peering.json", str(file)).replace(
        "lookup('ansible.builtin.pipe', 'gcloud auth print-access-token')", "token_of_the_test"
    )
    given = json.dumps({"gcp_peering_key": key, "token_of_the_test": clouds.tokens.issue()["access_token"]})
    run = playbook(play(*yaml.safe_load(text)), emulator, "-e", given, **variables)
    assert [one["changed"] for one in run.results] == [False, False, False, False, True, False]
    assert {one["kind"] for one in clouds.tokens.issued if "kind" in one} == {"user", "service account", "machine"}


@pytest.mark.full
@pytest.mark.parametrize("way", WAYS)
def test_secrets_appear_nowhere(clouds: RunningClouds, emulator: RunningEmulator, playbook: PlaybookRunner, way: str) -> None:
    key, token = clouds.tokens.service_account_key(), "ya29.canary-of-a-token"
    tasks: list[dict[str, Any]] = [
        {MODULE: {**NAMES, "service_account_contents": "{{ lookup('env', 'KEY_OF_THE_TEST') }}"}},
        {MODULE: {**NAMES, "service_account_contents": "{{ lookup('env', 'KEY_OF_THE_TEST') | from_json }}", "state": "absent"}},
        {MODULE: {**NAMES, "access_token": "{{ lookup('env', 'TOKEN_OF_THE_TEST') }}"}, "ignore_errors": True},
        {
            MODULE: {**NAMES, "service_account_contents": "{{ lookup('env', 'KEY_OF_THE_TEST') }}", "no_such_option": True},
            "ignore_errors": True,
        },
    ]
    variables = {**clouds.environment, "KEY_OF_THE_TEST": json.dumps(key), "TOKEN_OF_THE_TEST": token}
    run = playbook(play(*tasks), emulator, "-vvvvv", way=way, **variables)
    assert [one.get("http_status") for one in run.results] == [None, None, 401, None]
    assert [one.get("changed") for one in run.results][:2] == [True, True]
    # What stands in the key and is no secret is shown.
    assert run.results[0]["gcp_peering"]["network"].startswith(f"projects/{ATLAS[0]}")
    assert MINE[0] in json.dumps(run.results[0])
    text = run.output + json.dumps(run.records)
    issued = [one["token"] for one in clouds.tokens.issued]
    assert issued
    for secret in (token, *issued, key["private_key"][60:100], key["private_key_id"]):
        assert secret not in text


@pytest.mark.full
def test_without_google_auth_it_says_what_is_missing(emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path) -> None:
    hook = tmp_path / "sitecustomize.py"
    hook.write_text('import sys\nsys.modules["google.auth"] = None\n')
    run = playbook(play(access_token="x"), emulator, way=None, status=2, PYTHONPATH=str(tmp_path))
    assert "Failed to import the required Python library (google-auth)" in run.result["msg"]
    assert (
        any("Ansible's own Python has no google-auth" in warning for warning in run.warnings)
        or "has no google-auth" in run.output
    )
