"""A VNet of a customer on AZURE, and what runs the clouds' own clients."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.clouds.azure import vnet_id
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.support.environment import own_environment
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

SUBSCRIPTION = "1f2e3d4c-0000-4000-8000-0000000000aa"
#: The names of a VNet, as the stand-in's methods take them.
VNET = (SUBSCRIPTION, "svet-test", "test-vnet-ab12cd")
VNET_ID = vnet_id(*VNET)
ATLAS_BLOCK = "192.168.208.0/21"


def variables(clouds: RunningClouds) -> dict[str, str]:
    """Return the environment in which what signs in to AZURE talks to the stand-in."""
    return {**clouds.environment, **clouds.azure.entra.variables, "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION}


def ask(program: str, asked: dict[str, Any], environment: dict[str, str]) -> Any:
    """Run a program of this folder with the clouds' own clients, and return what it prints.

    Args:
        program: The name of its file.
        asked: What it is given, as JSON.
        environment: Where the stand-ins are.
    """
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "support" / program, json.dumps(asked)],
        env={**own_environment(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout)
