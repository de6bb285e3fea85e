"""The targets of ansible-test as playbooks, against an emulator (and an AWS) that the test runs."""

from __future__ import annotations

import json
from typing import Any

import yaml
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.paths import INTEGRATION
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun

FOLDER = INTEGRATION / "targets"
TARGETS = sorted(path.parent.parent.name for path in FOLDER.glob("*/tasks/test.yml"))


def _needs_aws(target: str) -> bool:
    meta = yaml.safe_load((FOLDER / target / "meta" / "main.yml").read_text(encoding="utf-8"))
    return any(one.get("vars", {}).get("setup_emulator_with_aws") for one in meta["dependencies"])


AWS_TARGETS = [target for target in TARGETS if _needs_aws(target)]
ATLAS_TARGETS = [target for target in TARGETS if target not in AWS_TARGETS]
# What the ids in the documentation of API v1.0, which are not AWS's, make Ansible warn of.
V1_0_WARNINGS = ("aws_account_id is not the id of an AWS account: 'abc123abc123'", "vpc_id is not the id of a VPC: 'vpc-123456'")


def playbook_of(*targets: str, **keywords: Any) -> str:
    """Return a playbook with a play for each target.

    Args:
        targets: Their names.
        keywords: Further keywords of each play.
    """
    plays = [{"name": one, "hosts": "localhost", "gather_facts": False, **keywords, "roles": [one]} for one in targets]
    return json.dumps(plays)


def environment_for(emulator: RunningEmulator, aws_url: str = "") -> dict[str, str]:
    """Return the variables that make targets use a running emulator, and AWS at that URL, in place of their own."""
    return {"ANSIBLE_ROLES_PATH": str(FOLDER), "ATLAS_TEST_EMULATOR": emulator.base_url, "ATLAS_TEST_AWS": aws_url}


def assert_warnings(run: PlaybookRun, expected: tuple[str, ...]) -> None:
    """Fail for a warning that has none of the expected words, and for words that are in no warning."""
    assert all(any(words in warning for words in expected) for warning in run.warnings), run.output
    assert all(any(words in warning for warning in run.warnings) for words in expected), run.output
