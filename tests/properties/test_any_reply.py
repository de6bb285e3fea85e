"""Whatever a server answers, every task ends with a result or a clean failure, soon, and tells nobody the key."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.properties.memory import Line, Received
from ansible_collections.cloudpeer.atlas.tests.properties.options import any_options, sensible
from ansible_collections.cloudpeer.atlas.tests.properties.replies import CHALLENGE, NEW_ID, message, raw, scripts
from ansible_collections.cloudpeer.atlas.tests.properties.tasks import CONNECTION, TASKS, check_is_clean, run
from hypothesis import given
from hypothesis import strategies as st

WHO = message(401, [("WWW-Authenticate", CHALLENGE)], b"{}")


def answering(replies: Sequence[bytes], *, challenge: bool = False) -> Line:
    """Return a line on which these replies are given in turn, the last one for ever."""
    numbers = itertools.count(1)
    left = [*replies]

    def answer(request: Received) -> bytes:
        if challenge and not any(name == "authorization" for name, unused in request.headers):
            return WHO
        reply = left.pop(0) if len(left) > 1 else left[0]
        return reply.replace(NEW_ID.encode(), b"%024x" % next(numbers))

    return Line(answer)


@pytest.mark.parametrize("module", TASKS)
@examples(60)
@given(data=st.data())
def test_any_replies_lead_to_a_result_or_a_clean_failure(module: str, data: st.DataObject) -> None:
    options, replies = data.draw(sensible(module)), data.draw(scripts)
    line = answering(replies, challenge=data.draw(st.booleans()))
    check_is_clean(run(module, options, line, check_mode=data.draw(st.booleans())), line)


@pytest.mark.parametrize("module", TASKS)
@examples(60)
@given(data=st.data())
def test_any_options_lead_to_a_result_or_a_clean_failure(module: str, data: st.DataObject) -> None:
    options, reply = data.draw(any_options(module)), data.draw(raw)
    line = answering([reply], challenge=True)
    done = run(module, options, line, check_mode=data.draw(st.booleans()))
    check_is_clean(done, line, str(options["base_url"]))


@pytest.mark.parametrize("module", TASKS)
def test_a_list_without_an_end_is_given_up(module: str) -> None:
    one = b'{"id": "%b", "cidrBlock": "%b", "statusName": "AVAILABLE"}'
    page = b'{"results": [' + one + b'], "links": [{"rel": "next", "href": "?pageNum=2"}]}'
    line = answering([message(200, [], page % (NEW_ID.encode(), NEW_ID.encode()))])
    wanted: dict[str, dict[str, Any]] = {
        "atlas_vpc_peer": {"vpc_id": "vpc-0a1b2c3d", "aws_account_id": "123456789012"},
        "atlas_network_container": {"region_name": "us-east-1"},
        "atlas_access_list": {"entries": [{"ip_address": "10.0.0.1"}]},
    }
    done = run(module, {**CONNECTION, **wanted.get(module, {})}, line)
    assert done.failed
    check_is_clean(done, line)
