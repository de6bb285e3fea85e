"""What the modules run: one file of `plugins/module_utils/_operations/` each, found by the folder."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import yaml
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


# The modules of each service, as the collection's metadata has them.
_GROUPS: Mapping[str, list[str]] = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
#: Those that talk to Atlas.
ATLAS_MODULES = tuple(_GROUPS["atlas"])
#: Those that talk to GCP's or AZURE's API by our own client.
CLOUD_MODULES = (*_GROUPS["gcp"], *_GROUPS["azure"])
#: Those that talk to no API, run on any host, and have no action plugin.
LOCAL_MODULES = ("atlas_probe",)


def load_all() -> Mapping[str, Any]:
    """Return what each module that talks to Atlas runs, by the name of the module."""
    return {module: load(module) for module in ATLAS_MODULES}
