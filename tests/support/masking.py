"""How secrets look in results: the collection masks them, and from 2.22 on ansible-core does, wherever it shows a result."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import as_shown

try:
    from ansible.module_utils import secrets as REGISTER
    from ansible.module_utils._internal._secrets import SecretMasker
except ImportError:
    REGISTER = None
#: In the place of a whole value, and of a part of one.
MASKED, STARS = ("VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "********") if REGISTER is None else ("$REDACTED$", "$REDACTED$")


def forget_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ansible-core have no secrets of other tests, and those of this test no longer than it runs."""
    if REGISTER is not None:
        monkeypatch.setattr(REGISTER, "_secret_masker", SecretMasker())


def shown(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result as ansible-core shows it, which takes the secrets out with which a module's result comes."""
    return as_shown({name: value for name, value in result.items() if name != "_ansible_new_secrets"})
