"""Which options of the modules are secrets: no others are hidden, and these everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.operations import ATLAS_MODULES, CLOUD_MODULES, load

SECRETS = {
    "access_token",
    "aws_secret_key",
    "aws_session_token",
    "azure_secret",
    "client_secret",
    "gcp_access_token",
    "gcp_service_account_contents",
    "private_key",
    "secret",
    "secret_key",
    "service_account_contents",
    "session_token",
}


def marked(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options that are marked as secret, those of entries included."""
    for name, one in options.items():
        if one.get("no_log"):
            yield name
        yield from marked(one.get("options") or {})


@pytest.mark.parametrize("module", dict.fromkeys((*ATLAS_MODULES, *CLOUD_MODULES)))
def test_secrets_are_marked_and_nothing_else(module: str) -> None:
    options = load(module).argument_spec.options
    assert {*marked(options)} == SECRETS & {*options, *(name for one in options.values() for name in one.get("options") or {})}
