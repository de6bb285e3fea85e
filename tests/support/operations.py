"""What the modules run: one file of `plugins/module_utils/_operations/` each, found by the folder."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

_PACKAGE = "ansible_collections.cloudpeer.atlas.plugins.module_utils._operations"
#: The name that each of the files gives to what its module runs.
NAME = "OPERATION"


def load(module: str) -> Any:
    """Return what a module of the collection runs.

    Args:
        module: The name of the module, such as `atlas_vpc_peer`.
    """
    return getattr(import_module(f"{_PACKAGE}.{module}"), NAME)


#: Names of all modules that have such a file.
MODULES = tuple(sorted(path.stem for path in (ROOT / "plugins" / "module_utils" / "_operations").glob("atlas_*.py")))
#: Those that talk to AWS's API, and need boto3.
AWS_MODULES = ("atlas_vpc_peer_accepter",)
#: Those that talk to GCP's API, and need google-auth.
GCP_MODULES = ("atlas_gcp_peering",)
#: Those that talk to AZURE's API, and need azure-identity.
AZURE_MODULES = ("atlas_azure_role",)
#: Those that talk to no API, run on any host, and have no action plugin.
LOCAL_MODULES = ("atlas_probe",)


def load_all() -> Mapping[str, Any]:
    """Return what each module that talks to Atlas runs, by the name of the module."""
    others = (*AWS_MODULES, *GCP_MODULES, *AZURE_MODULES, *LOCAL_MODULES)
    return {module: load(module) for module in MODULES if module not in others}
