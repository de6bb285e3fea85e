"""From ansible-core 2.22 on, secrets are registered with it; this plays one of 2.25, whose older way is gone."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine import argspec


@pytest.fixture
def newest(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the argument specs as they are imported there, and its register."""
    registered: set[str] = set()

    def mask(value: str, /, *, mask_placeholder: str = "$REDACTED$") -> str:
        for secret in registered:
            value = value.replace(secret, mask_placeholder)
        return value

    secrets = SimpleNamespace(register_secrets=lambda values, /: registered.update(values), mask_secrets=mask)
    monkeypatch.setitem(sys.modules, "ansible.module_utils.secrets", secrets)
    monkeypatch.setitem(sys.modules, "ansible.module_utils.common.parameters", ModuleType("parameters"))
    spec = importlib.util.spec_from_file_location(f"{argspec.__package__}._newest", argspec.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return SimpleNamespace(argspec=module, registered=registered)


def test_secrets_are_registered_and_results_stay(newest: Any) -> None:
    result = {"msg": "a canary", "tags": {"a": ["canary", 1]}}
    assert newest.argspec.masked(result, {"canary"}) is result
    assert newest.registered == {"canary"}
    assert newest.argspec.as_shown(result) == {"msg": "a $REDACTED$", "tags": {"a": ["$REDACTED$", 1]}}
    assert result["msg"] == "a canary"
