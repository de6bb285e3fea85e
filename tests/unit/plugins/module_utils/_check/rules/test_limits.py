from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import Unread
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import found, healthy, object_id, peer, severities


def peers(count: int, status: str) -> list[dict[str, Any]]:
    names = [f"vpc-{number:017x}" for number in range(count)]
    return [peer(id=object_id(number=20 + number), vpc_id=name, status_name=status) for number, name in enumerate(names)]


@pytest.mark.parametrize(
    ("listed", "quota", "count", "texts"),
    [
        (peers(39, "AVAILABLE"), 50, 39, []),
        (peers(40, "AVAILABLE"), 50, 39, ["The project has 40 connections, and 50 is the limit."]),
        (peers(45, "TERMINATING"), 50, 39, []),
        (peers(20, "PENDING_ACCEPTANCE"), 50, 39, ["The project has 20 pending connections, and 25 is the limit."]),
        (peers(19, "INITIATING"), 50, 39, []),
        (peers(1, "AVAILABLE"), 50, 40, ["The VPC has 40 connections, and 50 is the limit."]),
        (peers(1, "AVAILABLE"), 125, 40, []),
    ],
)
def test_a_limit_that_is_near_is_a_warning(listed: list[dict[str, Any]], quota: int, count: int, texts: list[str]) -> None:
    facts = healthy(peers=listed, connections_quota=quota, connections_count=count)
    assert severities(facts) == ({"P107": "warn"} if texts else {})
    assert [one.message for code, one in found(facts, "warn").items()] == texts


def test_an_unread_quota_hides_no_limit_of_atlas_and_does_not_decide() -> None:
    quota = Unread("AWS refuses it.", "servicequotas:GetServiceQuota")
    unread = found(healthy(connections_quota=quota))["P107"]
    assert (unread.severity, unread.decides) == ("unknown", False)
    assert "servicequotas:GetServiceQuota" in unread.fix
    facts = healthy(peers=peers(40, "AVAILABLE"), connections_quota=quota)
    assert "P107" in found(facts, "warn")
