"""The governor of requests to AWS: which requests a refusal holds back, and for how long."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.rate import RateGovernor
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import RateLimitError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.threads import Workers
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock

MINE = ("111122223333", "eu-west-1", "ec2:CreateRoute")


def refuse(times: int) -> Any:
    """Return a request that is refused so many times."""
    left = [times]

    def request() -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise RateLimitError("Failed.")
        return "done"

    return request


@pytest.mark.parametrize(
    ("other", "is_held"),
    [
        (MINE, True),
        ((*MINE[:2], "ec2:DeleteRoute"), False),
        ((MINE[0], "eu-west-2", MINE[2]), False),
        (("444455556666", *MINE[1:]), False),
    ],
)
def test_a_refusal_holds_back_the_same_action_alone(clock: FakeClock, other: tuple[str, str, str], is_held: bool) -> None:
    """Source: "Request throttling for the Amazon EC2 API" in AWS's manual: for each account, region and API."""
    governor = RateGovernor(clock, clock.sleep)
    with pytest.raises(RateLimitError):
        governor.send(*MINE, refuse(2), clock.now + 0.1)
    # It was refused a second time at the end of its time, so that the next pause has to come from another one.
    governor._governor(*MINE).pause(7)
    governor.send(*other, refuse(0), clock.now)
    assert clock.pauses[1:] == ([7] if is_held else [])


def test_route_53_counts_the_requests_of_an_account_together(clock: FakeClock) -> None:
    """Source: "Throttling for Amazon Route 53 API requests" in AWS's manual."""
    governor = RateGovernor(clock, clock.sleep)
    found = {
        governor._governor("111122223333", region, action)
        for region in ("eu-west-1", "us-east-1")
        for action in ("route53:ListHostedZonesByVPC", "route53:GetHostedZone")
    }
    assert len(found) == 1
    assert governor._governor("111122223333", "eu-west-1", "route53resolver:ListResolverRules") not in found


def test_route_53_gets_forty_requests_and_then_eight_a_second(clock: FakeClock) -> None:
    """Over all actions, regions and sessions of an account. AWS takes 50 at once, and then ten a second.

    Source: "Throttling for Amazon Route 53 API requests" in AWS's manual.
    """
    governor = RateGovernor(clock, clock.sleep)
    places = [(region, action) for region in ("eu-west-1", "us-east-1") for action in ("GetHostedZone", "ListHostedZonesByVPC")]

    def send(account: str, times: int) -> None:
        for number in range(times):
            region, action = places[number % len(places)]
            governor.send(account, region, f"route53:{action}", refuse(0), clock.now)

    send("111122223333", 40)
    assert clock.pauses == []
    send("111122223333", 8)
    assert clock.pauses == pytest.approx([0.125] * 8)
    # Another account has its own, and so has another service.
    send("444455556666", 40)
    governor.send("111122223333", "eu-west-1", "route53resolver:ListResolverRules", refuse(0), clock.now)
    assert len(clock.pauses) == 8
    # As time passes, requests become free again, up to forty.
    clock.sleep(2)
    send("111122223333", 17)
    assert clock.pauses[8:] == pytest.approx([2, 0.125])
    clock.sleep(1000)
    send("111122223333", 41)
    assert clock.pauses[10:] == pytest.approx([1000, 0.125])


def test_a_request_that_is_sent_again_counts_again(clock: FakeClock) -> None:
    governor = RateGovernor(clock, clock.sleep)
    own = ("111122223333", "eu-west-1", "route53:GetHostedZone")
    for unused in range(39):
        governor.send(*own, refuse(0), clock.now)
    with pytest.raises(RateLimitError):
        governor.send(*own, refuse(9), clock.now + 0.1)
    # It would be 0.1 for the refusal alone.
    assert clock.pauses == pytest.approx([0.125])


def test_pauses_get_longer_up_to_twenty_seconds_until_the_end(clock: FakeClock) -> None:
    governor = RateGovernor(clock, clock.sleep)
    started = clock.now
    with pytest.raises(RateLimitError, match=r"^Failed\. AWS has refused ec2:CreateRoute [0-9]+ times in 120 seconds\.$"):
        governor.send(*MINE, refuse(1000), started + 120)
    assert clock.now == pytest.approx(started + 120)
    longest = [1, 2, 4, 8, 16, *[20] * 20]
    # The last one is what was left.
    assert all(most / 2 <= pause <= most for most, pause in zip(longest, clock.pauses[:-1])), clock.pauses


def test_without_time_a_request_is_sent_once(clock: FakeClock) -> None:
    with pytest.raises(RateLimitError, match=r"refused ec2:CreateRoute once\.$"):
        RateGovernor(clock, clock.sleep).send(*MINE, refuse(1), clock.now)
    assert clock.pauses == []


def test_a_refused_read_before_a_write_is_no_refused_write(clock: FakeClock) -> None:
    governor = RateGovernor(clock, clock.sleep)
    read = (*MINE[:2], "ec2:DescribeRouteTables")
    with pytest.raises(RateLimitError, match=r"^Failed\. AWS has refused ec2:DescribeRouteTables once\.$"):
        governor.send(*MINE, refuse(0), clock.now, lambda: governor.send(*read, refuse(1), clock.now))


def test_requests_side_by_side_all_get_through(clock: FakeClock) -> None:
    governor = RateGovernor(clock, clock.sleep)
    with Workers[int, str](8) as workers:
        for number in range(20):
            workers.submit(number, lambda: governor.send(*MINE, refuse(2), clock.now + 600))
        assert [ended.result() for ended in workers.results()] == ["done"] * 20
