"""The side of one connection: what is polled, and for how long a creation is repeated that Atlas refuses for lack of a role."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import ONLY, Context, Purpose
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import Containers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.connection import CreatePeer, PeerState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.one_peer import OnePeer, OnePeerSide
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.sets import azure, entry

OPTIONS = {
    "group_id": "0" * 24,
    "base_url": None,
    "api_version": "v2",
    "peer_id": None,
    "container_id": None,
    "state": "present",
    "container_region_name": None,
    "accepter_region_name": None,
    "recreate": "never",
    "wait": True,
    "wait_for": None,
    "azure_role_timeout": 300,
    "provider_name": None,
}
NETWORK = dict.fromkeys(["aws_account_id", "vpc_id", "route_table_cidr_block", *azure(1), "gcp_project_id", "network_name"])
REFUSED = TaskError("Refused.", error_code="AZURE_CUSTOMER_NETWORK_UNREACHABLE")


class Silence:
    """A client that is never asked."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} sends")


@pytest.fixture
def silence() -> Any:
    return Silence()


def side_of(client: Any, clock: FakeClock, **options: Any) -> OnePeerSide:
    params = {**OPTIONS, **NETWORK, **options}
    reader = OnePeer(params, Containers(client, "0" * 24), lambda cloud: VpcPeers(client, "0" * 24, cloud), clock)
    return OnePeerSide(Context(params, clock), reader)


def peer(id_: str, status: str) -> Any:
    fields = {**entry(1), "accepter_region_name": "us-east-1", "container_id": "c" * 24}
    return {**fields, "id": id_, "provider_name": "AWS", "status_name": status, "error_state_name": None, "connection_id": None}


def creation(*after: Any) -> Step:
    return Step("create", CreatePeer(azure(1), None), ("key",), after=after or None, side="peers")


def test_what_has_to_be_gone_is_polled_until_all_is(silence: Any) -> None:
    side = side_of(silence, FakeClock(), **entry(1))
    first, second = peer("1" * 24, "TERMINATING"), peer("2" * 24, "TERMINATING")
    side.states[ONLY] = PeerState(None, listed=())
    assert side.wait(ONLY, creation(first, second)) is not None
    (query,) = side.queries([ONLY], Purpose.POLL)
    assert query.call.args[1] == (first, second)  # type: ignore[attr-defined]
    for gone in (first, second):
        side._reader.match.forget([gone])
        assert (side.wait(ONLY, creation(first, second)) is not None) == (gone is first)


def test_a_connection_that_goes_meanwhile_is_a_failure(silence: Any) -> None:
    side = side_of(silence, FakeClock(), **entry(1))
    side.states[ONLY] = PeerState(None)
    assert side.wait(ONLY, None) is None
    side.states[ONLY] = PeerState(peer("1" * 24, "INITIATING"))
    assert side.wait(ONLY, None) is not None
    side.states[ONLY] = PeerState(None)
    with pytest.raises(TaskError, match=r"VPC peering connection 1{24} was removed by somebody else"):
        side.wait(ONLY, None)


def test_the_time_for_a_role_counts_from_the_first_refusal(silence: Any) -> None:
    clock = FakeClock()
    side = side_of(silence, clock, **azure(1))
    side.states[ONLY] = PeerState(None, listed=())
    first = side.retry_wait(creation(), REFUSED)
    assert (first and first.seconds, side.status(first).name) == (300, "refused")
    clock.now += 100
    assert side.retry_wait(creation(), REFUSED) == first
    # The next reply is lost, and another look shows a connection, and then none: the wait begins again.
    missing = side.states[ONLY]
    there = {**azure(1), "id": "1" * 24, "container_id": "c" * 24, "provider_name": "AZURE", "status_name": "AVAILABLE"}
    side.states[ONLY] = PeerState({**there, "error_state_name": None, "error_message": None})
    assert side.plan([ONLY]).steps == ()
    side.states[ONLY] = missing
    again = side.retry_wait(creation(), REFUSED)
    assert again is not None
    assert again.seconds == 200
    error = side.timeout_error(ONLY, creation(), again, WaitTimeoutError(200, refusal=REFUSED))
    assert "It was repeated for 300 seconds." in str(error)
