"""What atlas_vpc_peer_accepter does when replies are lost, somebody else is faster, or AWS refuses in the middle."""

from __future__ import annotations

import random
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter import network
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.view import RouteChange
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.session import AwsSession
from ansible_collections.cloudpeer.atlas.tests.support.accepter_site import ATLAS_BLOCK, AwsSite
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import refusal
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP

ABSENT: dict[str, Any] = {"state": "absent"}


# Lost replies


def test_aws_may_show_the_old_state_right_after_acceptance(site: AwsSite) -> None:
    site.front.status[site.connection_id] = ("pending-acceptance", "Pending Acceptance")
    site.clock.after(5, site.front.status.clear)
    done = site.run()
    assert (done.failed, done.accepter["connection"]["status"]) == (False, "active"), done.result
    assert site.front.writes == ["AcceptVpcPeeringConnection", *["CreateRoute"] * len(site.tables)]


def test_an_old_state_that_aws_shows_is_not_accepted_again(site: AwsSite) -> None:
    """Everything is read again after a route that got no reply; then the block is not told, so nothing else is done."""
    site.front.lose("CreateRoute")
    accept = site.front.answer

    def forget(sent: Any) -> Any:
        reply = accept(sent)
        if site.front.writes.count("CreateRoute") == 1:
            site.front.status[site.connection_id] = ("pending-acceptance", "Pending Acceptance")
        return reply

    site.front.answer = forget  # type: ignore[method-assign]
    assert (site.run().changed, site.front.writes.count("AcceptVpcPeeringConnection")) == (True, 1)


def leave_one(site: AwsSite, action: str) -> dict[str, Any]:
    """Leave nothing to do but this change of a route, and return the options for it."""
    options: dict[str, Any] = {"route_table_ids": site.tables[:1]}
    site.accept()
    if action == "ReplaceRoute":
        site.route(site.tables[0], GatewayId=site.add_gateway())
        return {**options, "replace_routes": True}
    if action == "DeleteRoute":
        site.run(**options)
        return {**options, **ABSENT}
    return options


def test_a_defect_after_a_read_has_changed_nothing(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    real, options = network._check_target, leave_one(site, "ReplaceRoute")

    def fail(session: AwsSession, change: RouteChange) -> None:
        real(session, change)
        raise MemoryError("no more")

    monkeypatch.setattr(network, "_check_target", fail)
    done = site.run(unexpected=True, **options)
    assert (done.failed, done.changed, site.front.writes) == (True, False, [])


def test_the_line_about_a_pause_says_who_does_not_answer(site: AwsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    # The longest pauses that the jitter allows.
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    options = leave_one(site, "ReplaceRoute")
    site.front.rule("ReplaceRoute", refusal("Unavailable", status=503))
    assert site.run(**options).failed
    assert [line.partition(": ")[2] for line in site.lines if "trying again" in line] == [
        "AWS does not answer (503), trying again"
    ]


@pytest.mark.parametrize("lost", [4, 5])
def test_a_read_without_an_answer_is_repeated(site: AwsSite, monkeypatch: pytest.MonkeyPatch, lost: int) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    site.front.rule("DescribeVpcs", DROP, times=lost)
    assert site.run(check_mode=True).failed == (lost == 5)
    assert (site.front.actions.count("DescribeVpcs"), len(site.clock.pauses)) == (5, 4)


def test_a_lost_reply_without_a_read_after_it_leaves_it_open(site: AwsSite) -> None:
    site.front.lose("AcceptVpcPeeringConnection")
    site.front.rule("DescribeVpcPeeringConnections", refusal("UnauthorizedOperation", status=403), skip=1)
    done = site.run()
    assert (done.failed, done.changed) == (True, True)


# AWS refuses the rate


LIMIT = refusal("RequestLimitExceeded", "Request limit exceeded.", status=503)


@pytest.mark.parametrize(
    ("action", "reply"),
    [
        *((action, LIMIT) for action in ["CreateRoute", "ReplaceRoute", "DeleteRoute", "DescribeVpcs", "GetCallerIdentity"]),
        ("CreateRoute", refusal("Throttling")),
        ("CreateRoute", refusal("Odd", status=429)),
    ],
)
def test_refusals_for_the_rate_are_waited_for(site: AwsSite, monkeypatch: pytest.MonkeyPatch, action: str, reply: Any) -> None:
    """Source: "Request throttling for the Amazon EC2 API" in AWS's manual."""
    # These are not used: botocore would wait by a rate of its own.
    monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")
    options = leave_one(site, action) if action.endswith("Route") else {}
    site.clock.pauses.clear()
    site.front.rule(action, reply, times=6)
    done = site.run(wait_timeout=120, **options)
    assert (done.failed, done.changed, done.warnings) == (False, True, []), done.result
    sent = [number for number, one in enumerate(site.front.actions) if one == action]
    # What was refused was not done. Only the target of a route is looked at again before it is changed.
    between = {"DescribeRouteTables"} if action in ("ReplaceRoute", "DeleteRoute") else set()
    assert ({*site.front.actions[sent[0] : sent[6]]}, len(sent)) == ({action, *between}, 7)
    longest = (1, 2, 4, 8, 16, 20)
    pauses = site.clock.pauses[:6]
    assert all(most / 2 <= pause <= most for most, pause in zip(longest, pauses, strict=True)), pauses
    assert site.lines[:1] == [f"{site.connection_id}: AWS limits the rate ({reply.status}), trying again"]
    assert not site.run(**options).changed


@pytest.mark.parametrize(
    ("action", "did"), [("CreateRoute", "create the route to 192.168.248.0/21 in"), ("DescribeVpcs", "read the VPC vpc-")]
)
def test_refusals_for_the_rate_end_with_wait_timeout(site: AwsSite, action: str, did: str) -> None:
    site.front.rule(action, LIMIT)
    done = site.run(wait_timeout=120)
    sent = site.front.actions.count(action)
    assert 9 <= sent <= 15
    expected = (
        f"Failed to {did}",
        f"Request limit exceeded (ec2:{action}: RequestLimitExceeded). ",
        f"AWS has refused ec2:{action} {sent} times in 120 seconds. ",
        "The limit is that of the account in this region, shared with all other automation: raise wait_timeout, or run the task",
    )
    assert done.missing(*expected) == []
    assert (done.result["error_code"], done.result["http_status"]) == ("RequestLimitExceeded", 503)
    assert done.changed == (action == "CreateRoute")
    assert 120 <= sum(site.clock.pauses) <= 121


def test_a_rate_that_is_too_high_all_the_time_is_waited_for(site: AwsSite) -> None:
    site.accept()
    for unused in range(6):
        site.add_table()
    # Every second one is refused. Each request has wait_timeout for itself.
    for number in range(1, 9):
        site.front.rule("CreateRoute", LIMIT, skip=1 if number > 1 else 0, times=1)
    done = site.run(wait_timeout=2)
    assert (done.failed, len(site.targets())) == (False, 8), done.result
    assert len(site.clock.pauses) == 8


@pytest.mark.parametrize("action", ["ReplaceRoute", "DeleteRoute"])
def test_a_route_that_passes_to_others_in_a_pause_stays(site: AwsSite, action: str) -> None:
    options = {"route_table_ids": site.tables[:1], **(ABSENT if action == "DeleteRoute" else {})}
    main, gateway = site.tables[0], site.add_gateway()
    if action == "DeleteRoute":
        site.run(route_table_ids=[main])
    else:
        site.accept()
        site.route_to_former(main)

    def change() -> None:
        site.delete_route(main)
        site.route(main, GatewayId=gateway)

    site.front.rule(action, LIMIT, before=change, times=1)
    done = site.run(**options)
    assert (done.failed, site.front.writes, site.targets()) == (action == "ReplaceRoute", [action], {main: gateway}), done.result


# Somebody else is faster


def test_accepted_meanwhile_by_somebody_else(site: AwsSite) -> None:
    site.front.rule("AcceptVpcPeeringConnection", before=site.accept, times=1)
    done = site.run(route_table_ids=site.tables[:1])
    assert (done.failed, done.accepter["connection"]["status"]) == (False, "active"), done.result
    assert site.front.writes == ["AcceptVpcPeeringConnection", "CreateRoute"]


@pytest.mark.parametrize("status", ["rejected", "expired", "deleted"])
def test_ended_right_before_the_acceptance(site: AwsSite, status: str) -> None:
    site.front.rule(
        "AcceptVpcPeeringConnection",
        refusal("InvalidStateTransition"),
        before=lambda: site.front.status.update({site.connection_id: (status, "It ended")}),
    )
    done = site.run()
    assert f"is {status}" in done.msg
    assert not done.changed


def test_a_route_made_meanwhile_to_this_connection_is_fine(site: AwsSite) -> None:
    site.accept()
    main, other = site.tables
    site.front.rule("CreateRoute", before=lambda: site.route(main), times=1)
    done = site.run()
    assert not done.failed, done.msg
    assert (done.routes[main], set(site.targets())) == ((None, site.connection_id), {main, other})


@pytest.mark.parametrize("replace_routes", [False, True])
def test_a_route_made_meanwhile_to_another_target_is_named(site: AwsSite, replace_routes: bool) -> None:
    site.accept()
    main, other = site.tables
    gateway = site.add_gateway()
    site.front.rule("CreateRoute", before=lambda: site.route(other, GatewayId=gateway), skip=1, times=1)
    done = site.run(replace_routes=replace_routes)
    if replace_routes:
        assert set(site.targets().values()) == {site.connection_id}
        return
    assert f"{other} routes {ATLAS_BLOCK} to {gateway}" in done.msg
    # What was done before is told.
    assert (done.changed, done.routes[main]) == (True, (None, site.connection_id))
    assert site.targets() == {main: site.connection_id, other: gateway}


def test_a_route_that_was_changed_right_before_it_is_replaced(site: AwsSite) -> None:
    site.accept()
    main, other = site.tables
    gateway = site.add_gateway()
    site.route_to_former(main)

    def change() -> None:
        site.delete_route(main)
        site.route(main, GatewayId=gateway)

    # The second look at the tables is that right before the change.
    site.front.rule("DescribeRouteTables", before=change, skip=1, times=1)
    done = site.run(route_table_ids=[main])
    assert f"{main} routes {ATLAS_BLOCK} to {gateway}" in done.msg
    assert (site.front.writes, done.changed, site.targets()) == ([], False, {main: gateway})
    assert other not in site.targets()


def test_a_route_that_is_gone_before_it_is_replaced_is_made(site: AwsSite) -> None:
    site.accept()
    main = site.tables[0]
    site.route_to_former(main)
    site.front.rule("ReplaceRoute", before=lambda: site.delete_route(main), times=1)
    done = site.run(route_table_ids=[main])
    assert (done.failed, site.front.writes) == (False, ["ReplaceRoute", "CreateRoute"]), done.result
    assert site.targets() == {main: site.connection_id}


def test_a_route_replaced_right_before_its_removal_stays(site: AwsSite) -> None:
    site.run()
    main, other = site.tables
    gateway = site.add_gateway()

    def change() -> None:
        site.delete_route(main)
        site.route(main, GatewayId=gateway)

    # The tables are read, and then the table of the first route once more.
    first = next(iter(site.run(check_mode=True, **ABSENT).routes))
    assert first == main
    site.front.rule("DescribeRouteTables", before=change, skip=1, times=1)
    done = site.run(**ABSENT)
    assert (done.failed, site.targets()) == (False, {main: gateway}), done.result
    assert other not in site.targets()
    assert site.front.writes == ["DeleteRoute"]


@pytest.mark.parametrize("look", [True, False])
def test_a_route_that_is_gone_before_it_is_deleted_is_done(site: AwsSite, look: bool) -> None:
    site.run()
    main, other = site.tables

    def change() -> None:
        for table in (main, other):
            site.delete_route(table)

    if look:
        site.front.rule("DescribeRouteTables", before=change, skip=1, times=1)
    else:
        site.front.rule("DeleteRoute", before=change, times=1)
    done = site.run(**ABSENT)
    assert (done.failed, done.changed) == (False, False), done.result
    assert done.routes == {main: (site.connection_id, None), other: (site.connection_id, None)}


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("when", ["DescribeRouteTables", "DeleteRoute"])
def test_a_table_that_is_gone_between_the_look_and_the_deletion(site: AwsSite, named: bool, when: str) -> None:
    site.run()
    main, other = site.tables
    skip = 2 if when == "DescribeRouteTables" else 1
    site.front.rule(when, before=lambda: site.delete_table(other), skip=skip, times=1)
    done = site.run(route_table_ids=[main, other] if named else None, **ABSENT)
    assert (done.failed, done.changed, site.targets()) == (False, True, {}), done.result
    assert done.warnings == ([f"The route table {other} is gone: nothing is removed from it."] if named else [])


def test_a_table_that_is_gone_before_its_route_is_made(site: AwsSite) -> None:
    site.accept()
    main, other = site.tables
    site.front.rule("CreateRoute", before=lambda: site.delete_table(other), skip=1, times=1)
    assert not site.run().failed
    site.delete_route(main)
    other = site.add_table()
    site.front.rules.clear()
    site.front.rule("CreateRoute", before=lambda: site.delete_table(other), skip=1, times=1)
    done = site.run(route_table_ids=[main, other])
    assert f"does not have these route tables: {other}" in done.msg
    assert done.changed


# AWS refuses in the middle


def test_the_code_of_a_refusal_is_in_its_detail_alone(site: AwsSite) -> None:
    """It is long, and means nothing to people; whoever wants to decode it has it there."""
    encoded = "You are not authorized to perform this operation. Encoded authorization failure message: AbCdEf123"
    site.front.rule("CreateRoute", refusal("UnauthorizedOperation", encoded, status=403))
    done = site.run()
    assert ("AbCdEf123" in done.msg, "AbCdEf123" in done.result["detail"]) == (False, True)


@pytest.mark.parametrize(
    "action",
    ["DescribeVpcPeeringConnections", "DescribeVpcs", "DescribeRouteTables", "DescribeVpcAttribute", "DescribeSecurityGroups"],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_missing_permission_to_read_fails_before_any_change(site: AwsSite, action: str, check_mode: bool) -> None:
    site.front.rule(action, refusal("UnauthorizedOperation", status=403))
    done = site.run(check_mode=check_mode, dns="warn", security_group_ids=["sg-0123456789abcdef0"])
    assert f"Allow ec2:{action} to these credentials" in done.msg
    assert (done.changed, site.front.writes) == (False, [])


def test_a_refusal_for_good_is_not_tried_again(site: AwsSite) -> None:
    site.accept()
    site.front.rule("CreateRoute", refusal("RouteLimitExceeded", "The maximum number of routes has been reached."))
    done = site.run()
    assert done.result["error_code"] == "RouteLimitExceeded"
    assert "The maximum number of routes has been reached (ec2:CreateRoute: RouteLimitExceeded)." in done.msg
    assert (site.front.writes.count("CreateRoute"), site.clock.pauses) == (1, [])
