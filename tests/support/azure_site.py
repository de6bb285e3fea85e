"""A VNet of a customer on AZURE, and the environment with AZURE's own modules, if it is there."""

from __future__ import annotations

import json
import os
import subprocess
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

#: The Python that has what azure.azcollection's modules need, and GCP's own client; and where that collection is.
PYTHON = ROOT / ".venv-azure" / "bin" / "python"
COLLECTIONS = ROOT / ".venv-azure" / "collections"


def why_not() -> str:
    """Return why the clouds' own clients cannot run here; empty if they can."""
    is_there = (ROOT / ".venv-azure" / "stamp").is_file()
    return "" if is_there else "the clouds' own clients, 900 MB, are not installed (make setup-azure)"


def variables(clouds: RunningClouds) -> dict[str, str]:
    """Return the environment in which AZURE's own modules are found, and talk to the stand-in.

    The Python that has what they need is `PYTHON`, which a play has to choose: Ansible runs modules for localhost with its own.
    """
    return {
        **clouds.environment,
        **clouds.azure.entra.variables,
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join((os.environ["ANSIBLE_COLLECTIONS_PATH"], str(COLLECTIONS))),
    }


def ask(program: str, asked: dict[str, Any], environment: dict[str, str]) -> Any:
    """Run a program of this folder with the clouds' own clients, and return what it prints.

    Args:
        program: The name of its file.
        asked: What it is given, as JSON.
        environment: Where the stand-ins are.
    """
    done = subprocess.run(
        [PYTHON, ROOT / "tests" / "support" / program, json.dumps(asked)],
        env={**own_environment(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout)
