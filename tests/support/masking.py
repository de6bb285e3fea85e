"""How secrets look in results: the collection masks them, and from 2.22 on ansible-core does, wherever it shows a result."""

from __future__ import annotations

from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import as_shown

try:
    from ansible.module_utils import secrets as REGISTER
except ImportError:
    REGISTER = None
#: In the place of a whole value, and of a part of one.
MASKED, STARS = ("VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "********") if REGISTER is None else ("$REDACTED$", "$REDACTED$")


def forget_secrets() -> None:
    """Let ansible-core forget the secrets of earlier tests in this process, of which some are a letter long."""
    if REGISTER is not None:
        masker = REGISTER._secret_masker
        masker._matcher = type(masker._matcher)()
        for known in (masker._secrets, masker._forms, masker._json_forms):
            known.clear()


def shown(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result as ansible-core shows it, which takes the secrets out with which a module's result comes."""
    return as_shown({name: value for name, value in result.items() if name != "_ansible_new_secrets"})
