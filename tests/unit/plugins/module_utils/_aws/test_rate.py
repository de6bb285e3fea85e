"""The governor of requests to AWS: which requests a refusal holds back, and for how long."""

from __future__ import annotations

import time
from functools import partial
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


READ = (*MINE[:2], "ec2:DescribeVpcs")


@pytest.mark.parametrize(
    ("refused", "other", "is_held"),
    [
        (READ, READ, True),
        (READ, (*READ[:2], "ec2:DescribeRouteTables"), False),
        (READ, (READ[0], "eu-west-2", READ[2]), False),
        (READ, ("444455556666", *READ[1:]), False),
        (READ, MINE, False),
        (MINE, MINE, True),
        (MINE, (*MINE[:2], "ec2:DeleteRoute"), True),
        (MINE, (MINE[0], "eu-west-2", MINE[2]), False),
        (MINE, ("444455556666", *MINE[1:]), False),
        (MINE, READ, False),
    ],
)
def test_a_refusal_holds_back_an_action_or_all_writes(
    clock: FakeClock, refused: tuple[str, str, str], other: tuple[str, str, str], is_held: bool
) -> None:
    """Source: "Request throttling for the Amazon EC2 API" in AWS's manual: for each account, region and API."""
    governor = RateGovernor(clock, clock.sleep)
    with pytest.raises(RateLimitError):
        governor.send(*refused, refuse(2), 0.1)
    # It was refused a second time at the end of its time, so that the next pause has to come from another one.
    governor._governor(*refused).pause(7)
    governor.send(*other, refuse(0), 0)
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
            governor.send(account, region, f"route53:{action}", refuse(0), 0)

    send("111122223333", 40)
    assert clock.pauses == []
    send("111122223333", 8)
    assert clock.pauses == pytest.approx([0.125] * 8)
    # Another account has its own, and so has another service.
    send("444455556666", 40)
    governor.send("111122223333", "eu-west-1", "route53resolver:ListResolverRules", refuse(0), 0)
    assert len(clock.pauses) == 8
    # As time passes, requests become free again, up to forty.
    clock.sleep(2)
    send("111122223333", 17)
    assert clock.pauses[8:] == pytest.approx([2, 0.125])
    clock.sleep(1000)
    send("111122223333", 41)
    assert clock.pauses[10:] == pytest.approx([1000, 0.125])


@pytest.mark.parametrize(
    ("action", "at_once", "a_second"),
    [
        ("ec2:CreateRoute", 50, 5),
        ("ec2:AcceptVpcPeeringConnection", 50, 5),
        ("ec2:ModifyVpcAttribute", 50, 5),
        ("ec2:DeleteRoute", 50, 5),
        ("ec2:CreateTags", 100, 10),
        ("ec2:DescribeVpcs", 100, 20),
        ("ec2:GetManagedPrefixListEntries", 100, 20),
    ],
)
def test_each_action_has_a_bucket_with_a_reserve(clock: FakeClock, action: str, at_once: int, a_second: int) -> None:
    """A tenth of what EC2 takes at once is left to other programs of the account.

    Source: "Request token bucket sizes and refill rates" in AWS's manual on the throttling of the EC2 API.
    """
    governor = RateGovernor(clock, clock.sleep)
    for region in ("eu-west-1", "us-east-1"):
        for unused in range(at_once * 9 // 10):
            governor.send("111122223333", region, action, refuse(0), 0)
    assert clock.pauses == []
    for unused in range(10):
        governor.send("111122223333", "eu-west-1", action, refuse(0), 0)
    assert clock.pauses == pytest.approx([1 / a_second] * 10)


def test_150_routes_of_an_account_take_21_seconds(clock: FakeClock) -> None:
    governor = RateGovernor(clock, clock.sleep)
    started = clock.now
    for unused in range(150):
        governor.send(*MINE, refuse(0), 1)
    assert clock.now - started == pytest.approx(21)


def test_a_refused_write_halves_how_many_are_sent(clock: FakeClock) -> None:
    """All that write in the account and region, whatever their action; ten that are taken make it one more."""
    governor = RateGovernor(clock, clock.sleep, parallel=8)
    running, most = [0], [0]

    def slow(refusals: Any) -> Any:
        def request() -> Any:
            running[0] += 1
            most[0] = max(most[0], running[0])
            time.sleep(0.01)
            running[0] -= 1
            return refusals()

        return request

    def send(times: int) -> int:
        most[0] = 0
        with Workers[int, str](16) as workers:
            for number in range(times):
                action = ("ec2:CreateRoute", "ec2:CreateTags")[number % 2]
                workers.submit(number, partial(governor.send, *MINE[:2], action, slow(refuse(0)), 600))
            assert [ended.result() for ended in workers.results()] == ["done"] * times
        return most[0]

    assert send(16) == 8
    governor.send(*MINE, refuse(1), 600)
    assert send(8) == 4
    send(2)
    assert send(8) == 5


def test_a_write_fails_once_nothing_there_is_taken(clock: FakeClock) -> None:
    """As long as AWS takes others of the account and region, a refused one goes on."""
    governor = RateGovernor(clock, clock.sleep)
    started, others = clock.now, [0]

    def refused() -> Any:
        if clock.now - started < 300:
            others[0] += 1
            governor._taken[MINE[:2]] = clock.now
        raise RateLimitError("Failed.")

    with pytest.raises(RateLimitError, match=r"times in [0-9]+ seconds\.$"):
        governor.send(*MINE, refused, 120)
    assert others[0] > 10
    # 120 s after the last that AWS has taken.
    assert 400 < clock.now - started <= 420


def test_a_request_that_is_sent_again_counts_again(clock: FakeClock) -> None:
    governor = RateGovernor(clock, clock.sleep)
    own = ("111122223333", "eu-west-1", "route53:GetHostedZone")
    for unused in range(39):
        governor.send(*own, refuse(0), 0)
    with pytest.raises(RateLimitError):
        governor.send(*own, refuse(9), 0.1)
    # It would be 0.1 for the refusal alone.
    assert clock.pauses == pytest.approx([0.125])


def test_pauses_get_longer_up_to_twenty_seconds_until_the_end(clock: FakeClock) -> None:
    governor = RateGovernor(clock, clock.sleep)
    started = clock.now
    with pytest.raises(RateLimitError, match=r"^Failed\. AWS has refused ec2:CreateRoute [0-9]+ times in 120 seconds\.$"):
        governor.send(*MINE, refuse(1000), 120)
    assert clock.now == pytest.approx(started + 120)
    longest = [1, 2, 4, 8, 16, *[20] * 20]
    # The last one is what was left.
    assert all(most / 2 <= pause <= most for most, pause in zip(longest, clock.pauses[:-1])), clock.pauses


def test_without_time_a_request_is_sent_once(clock: FakeClock) -> None:
    with pytest.raises(RateLimitError, match=r"refused ec2:CreateRoute once\.$"):
        RateGovernor(clock, clock.sleep).send(*MINE, refuse(1), 0)
    assert clock.pauses == []


def test_a_refused_read_before_a_write_is_no_refused_write(clock: FakeClock) -> None:
    governor = RateGovernor(clock, clock.sleep)
    with pytest.raises(RateLimitError, match=r"^Failed\. AWS has refused ec2:DescribeVpcs once\.$"):
        governor.send(*MINE, lambda: governor.send(*READ, refuse(1), 0), 60)


def test_requests_side_by_side_all_get_through(clock: FakeClock) -> None:
    governor = RateGovernor(clock, clock.sleep)
    with Workers[int, str](8) as workers:
        for number in range(20):
            workers.submit(number, lambda: governor.send(*MINE, refuse(2), 600))
        assert [ended.result() for ended in workers.results()] == ["done"] * 20
