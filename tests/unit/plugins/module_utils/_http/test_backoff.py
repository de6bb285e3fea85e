"""How long to pause between tries."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.pauses import backoff


def test_backoff_doubles_with_jitter_and_is_capped() -> None:
    for attempt in range(12):
        most = min(2.0**attempt, 60)
        pauses = [backoff(attempt) for unused in range(50)]
        assert all(most / 2 <= pause <= most for pause in pauses)
        assert len(set(pauses)) > 40
    assert backoff(1000) <= 60
