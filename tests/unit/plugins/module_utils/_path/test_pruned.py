"""What pruned connections leave: it is cleaned before them, on all clouds, by whoever may; what is not cleaned is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def actions_of(done: Any) -> list[tuple[str, str, str]]:
    """Return side, action and kind of all that was done for the pruned connections."""
    return [(one["side"], one["action"], one["kind"]) for peer in done.result["peering"]["pruned"] for one in peer["actions"]]


def test_what_a_pruned_connection_leaves_is_cleaned(make_path: Callable[..., Any]) -> None:
    site = make_path()
    entries = site.make_vpcs(3, accounts=2)
    done = site.run(connections=entries)
    assert not done.failed, done.msg
    foreseen = site.run(connections=entries[:2], prune=True, max_deletions=1, check_mode=True)
    done = site.run(connections=entries[:2], prune=True, max_deletions=1)
    assert not done.failed, done.msg
    print(done.result["peering"]["pruned"], site.to_atlas, site.to_aws)
    assert actions_of(foreseen) == actions_of(done)
    assert 0
