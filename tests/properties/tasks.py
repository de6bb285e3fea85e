"""Runs the task of any module over a line, on a fake clock, and says what must hold of whatever comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.request import DEFAULT_BASE_URL
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth import clients as _clients
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http import threads as _threads
from ansible_collections.cloudpeer.atlas.tests.properties.memory import Line, leading
from ansible_collections.cloudpeer.atlas.tests.support import operations
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done, FakeClock

TASKS = operations.load_all()
SECRET = "canary-5f1c2e9b-private"
BASE_URL = "http://127.0.0.1:9"
GROUP = "5356823b3794dee37132bb7b"
#: What every task needs and no test is about.
CONNECTION: Mapping[str, Any] = {
    "base_url": BASE_URL,
    "group_id": GROUP,
    "public_key": "emulator",
    "private_key": SECRET,
    "retries": 2,
    "timeout": 5,
}


@cache
def _validator(module: str) -> ArgumentSpecValidator:
    return ArgumentSpecValidator(**TASKS[module].argument_spec.to_kwargs())


def run(module: str, options: Mapping[str, Any], line: Line, clock: FakeClock | None = None, *, check_mode: bool = False) -> Done:
    """Run the task of a module with just these options. What the argument spec refuses is a failure of the task, too."""
    try:
        checked = _validator(module).validate(dict(options))
    except OverflowError:
        # A fault of ansible-core's own, for a list with a huge number where one number should be.
        return Done({"changed": False, "msg": "refused by ansible-core"}, [])
    if checked.error_messages:
        return Done({"changed": False, "msg": checked.error_messages[0]}, [])
    time = clock or FakeClock()
    with leading(line), pytest.MonkeyPatch.context() as patch:
        pool = _clients.ClientPool(time, time.sleep)
        patch.setattr(_clients, "POOL", pool)
        # An example comes out the same every time, so that no request is sent beside another one.
        patch.setattr(_threads, "READERS", 1)
        try:
            outcome = execute(TASKS[module], checked.validated_parameters, check_mode=check_mode, clock=time, sleep=time.sleep)
        finally:
            pool.close()
    return Done(outcome.to_result(diff=True, verbosity=4), outcome.warnings)


def check_is_clean(done: Done, line: Line, base_url: str = BASE_URL) -> None:
    """Check what holds of every run: a result that can be told, no secret in it, and nobody contacted but Atlas."""
    assert "exception" not in done.result, done.result["exception"]
    told = json.dumps(done.result)
    assert SECRET not in told
    assert SECRET not in repr(done)
    assert isinstance(done.result["changed"], bool)
    if done.failed:
        assert isinstance(done.result["msg"], str)
        assert done.result["msg"]
    # An empty address stands for that of the service.
    assert line.hosts <= {_host(base_url or DEFAULT_BASE_URL)}
    for request in line.received:
        assert SECRET.encode() not in request.body
        assert SECRET not in request.target
        assert SECRET not in str(request.headers)


def _host(url: str) -> str | None:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return None
