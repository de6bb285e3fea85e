"""How atlas_vpc_peer_accepter waits: for the connection to appear, for the request to be passed on, for it to be active."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.accepter_site import AwsSite
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import refusal

WAIT = {"wait": True, "wait_timeout": 300}


def test_it_waits_for_the_connection_to_appear(site: AwsSite) -> None:
    site.front.hidden[site.connection_id] = 3
    assert (site.run(**WAIT).changed, len(site.targets())) == (True, 2)
    assert site.lines[0].startswith(f"{site.connection_id}: unknown → pending-acceptance")


def test_a_connection_is_awaited_for_a_minute_at_most(site: AwsSite) -> None:
    site.front.hidden[site.connection_id] = 1_000_000
    done = site.run(**WAIT)
    assert "is unknown in region" in done.msg
    # It is set already.
    assert "Set wait" not in done.msg
    assert 59 <= sum(site.clock.pauses) <= 61
    assert site.front.writes == []


def test_wait_timeout_shortens_that_minute(site: AwsSite) -> None:
    site.front.hidden[site.connection_id] = 1_000_000
    assert site.run(wait=True, wait_timeout=7).failed
    assert 6 <= sum(site.clock.pauses) <= 8


@pytest.mark.parametrize("options", [{"check_mode": True}, {"wait": False}, {"state": "absent", "vpc_id": None}])
def test_nobody_waits_for_it_otherwise(site: AwsSite, options: dict) -> None:
    site.front.hidden[site.connection_id] = 1_000_000
    done = site.run(**{**WAIT, **options})
    assert (done.failed, site.clock.pauses) == (options.get("state") != "absent", [])


def test_wrong_credentials_are_told_without_waiting(site: AwsSite) -> None:
    site.front.hidden[site.connection_id] = 1_000_000
    assert "not of aws_account_id" in site.run(**WAIT, aws_account_id="333333333333").msg
    assert site.clock.pauses == []


def test_it_waits_until_the_request_is_passed_on(site: AwsSite) -> None:
    site.front.status[site.connection_id] = ("initiating-request", "Initiating")
    site.clock.after(100, site.front.status.clear)
    assert site.run(**WAIT).changed
    assert sum(site.clock.pauses) >= 100
    assert len(site.targets()) == 2


def test_a_request_that_is_not_passed_on_in_time_is_a_failure(site: AwsSite) -> None:
    site.front.status[site.connection_id] = ("initiating-request", "Initiating")
    done = site.run(**WAIT)
    assert "is still initiating-request after 300 seconds" in done.msg
    assert (done.changed, site.front.writes) == (False, [])


def test_in_check_mode_an_awaited_request_counts_as_accepted(site: AwsSite) -> None:
    site.front.status[site.connection_id] = ("initiating-request", "Initiating")
    done = site.run(check_mode=True, **WAIT)
    assert (done.changed, done.accepter["connection"]["status"], site.clock.pauses) == (True, "active", [])


def test_it_waits_until_the_connection_is_active_then_routes(site: AwsSite) -> None:
    site.front.provisioning = 5
    assert site.run(**WAIT).accepter["connection"]["status"] == "active"
    assert len(site.clock.pauses) >= 4
    first_route = site.front.actions.index("CreateRoute")
    assert site.front.actions[first_route - 1] == "DescribeVpcPeeringConnections"
    assert "provisioning → active" in site.lines[-1]


def test_a_second_run_waits_for_what_the_first_has_accepted(site: AwsSite) -> None:
    site.front.provisioning = 1_000_000
    first = site.run(wait=True, wait_timeout=5)
    assert "is still provisioning after 5 seconds of waiting for it to be active" in first.msg
    assert (first.changed, site.front.writes) == (True, ["AcceptVpcPeeringConnection"])
    assert first.accepter["connection"]["status"] == "provisioning"
    site.front._settling.clear()
    second = site.run(**WAIT)
    assert site.front.writes == ["CreateRoute", "CreateRoute"]
    assert second.accepter["connection"]["status"] == "active"


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("status", ["failed", "deleted", "expired"])
def test_a_connection_that_ends_meanwhile_names_the_changes(site: AwsSite, status: str, wait: bool) -> None:
    site.front.provisioning = 1_000_000
    site.clock.after(3, lambda: site.front.status.update({site.connection_id: (status, "It ended")}))
    done = site.run(wait=wait)
    assert done.missing(f"is {status}", "It ended") == []
    assert (done.changed, done.accepter["connection"]["status"]) == (True, status)
    assert site.front.writes == ["AcceptVpcPeeringConnection"]


def test_a_poll_without_an_answer_does_not_end_the_wait(site: AwsSite) -> None:
    site.front.provisioning = 4
    site.front.rule("DescribeVpcPeeringConnections", refusal("Unavailable", status=503), skip=3, times=2)
    assert site.run(**WAIT).accepter["connection"]["status"] == "active"
    # A wait polls anyway: its requests are not repeated beside that.
    assert [one.times for one in site.front.rules] == [0]


def test_a_poll_without_an_answer_is_no_reason_to_look(site: AwsSite) -> None:
    site.front.provisioning = 4
    site.front.rule("DescribeVpcPeeringConnections", refusal("Unavailable", status=503), skip=3, times=2)
    assert site.run(**WAIT).changed
    assert site.front.actions.count("DescribeVpcs") == 1


def test_a_wait_that_ends_without_an_answer_says_so(site: AwsSite) -> None:
    site.front.provisioning = 1_000_000
    site.front.rule("DescribeVpcPeeringConnections", refusal("Unavailable", "Try later", status=503), skip=3)
    done = site.run(wait=True, wait_timeout=20)
    assert done.missing("is still provisioning after 20 seconds", "AWS's last reply: none (Try later).") == []
    assert done.changed


def test_a_permission_that_is_taken_away_ends_the_wait(site: AwsSite) -> None:
    site.front.provisioning = 1_000_000
    site.front.rule("DescribeVpcPeeringConnections", refusal("UnauthorizedOperation", status=403), skip=3)
    assert "Allow ec2:DescribeVpcPeeringConnections" in site.run(**WAIT).msg
    assert sum(site.clock.pauses) < 3


def test_the_requests_of_a_wait_end_with_it(site: AwsSite) -> None:
    """A server that hangs does not keep the task longer than wait_timeout, give or take a second."""
    site.front.provisioning = 1_000_000
    start = site.clock.now
    assert site.run(wait=True, wait_timeout=30).failed
    polls = [(moment - start, seconds) for moment, unused, seconds in site.given if moment > start]
    assert len(polls) > 5
    assert all(seconds <= max(1.0, 30 - passed) for passed, seconds in polls)
    assert polls[-1][1] == 1


def test_a_wait_that_ends_while_aws_refuses_the_rate(site: AwsSite) -> None:
    site.front.provisioning = 1_000_000
    site.front.rule("DescribeVpcPeeringConnections", refusal("RequestLimitExceeded", status=503), skip=3)
    done = site.run(wait=True, wait_timeout=60)
    assert done.missing("is still provisioning after 60 seconds", "AWS has refused ec2:DescribeVpcPeeringConnections") == []
    # Each is longer than the one before, which is more polite than a poll each second.
    assert 10 < max(site.clock.pauses) <= 20
    assert done.changed
