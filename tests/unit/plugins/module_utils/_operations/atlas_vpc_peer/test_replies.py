"""Replies that do not show what was sent, and what happens in the middle of a request: the result says what was changed."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api import client as _sender
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http import transport as _transport
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_network_container as _container_task
from ansible_collections.cloudpeer.atlas.tests.support.client import GROUP, Connect, Serve
from ansible_collections.cloudpeer.atlas.tests.support.harness import CIDR, PAIR, PEERING, Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Reply, Wire, reply

pytestmark = pytest.mark.usefixtures("on_sockets")

OTHER = "10.99.0.0/16"
BLOCK, OTHER_BLOCK = "172.20.0.0/21", "172.21.0.0/21"


def shown(**fields: Any) -> dict[str, Any]:
    """Return a new connection as a reply shows it."""
    pair = {"vpcId": PAIR["vpc_id"], "awsAccountId": PAIR["aws_account_id"], "routeTableCidrBlock": CIDR}
    return {"id": "1" * 24, **pair, "statusName": "INITIATING", **fields}


def verbs(wire: Wire) -> list[str]:
    """Return the methods of the requests with credentials, without the challenge."""
    return [one.method for one in wire.requests if one.authorization]


@pytest.mark.parametrize(
    "change",
    [
        {"vpcId": "vpc-0000000000000beef"},
        {"awsAccountId": "999999999999"},
        {"routeTableCidrBlock": OTHER},
        {"containerId": "0" * 24},
        {"accepterRegionName": "eu-west-1"},
        {"providerName": "AZURE"},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("is_made", [True, False])
def test_a_wrong_reply_is_looked_up(atlas: Atlas, wire: Wire, change: dict[str, str], method: str, is_made: bool) -> None:
    block = CIDR
    if method == "PATCH":
        atlas.create()
        block = "10.77.0.0/16"
    peer_id = atlas.peers()[0]["id"] if method == "PATCH" else "1" * 24
    good = shown(
        id=peer_id, routeTableCidrBlock=block, containerId=atlas.container_id, accepterRegionName=None, providerName="AWS"
    )
    wire.faults.append(Fault(method, reply({**good, **change}), forward=is_made))
    options = {**PAIR, "route_table_cidr_block": block, "accepter_region_name": "us-east-1", "container_id": atlas.container_id}
    done = atlas.run(**options, retries=0)
    assert (done.failed, done.changed) == (not is_made, is_made)
    looks = 2 if method == "POST" and not is_made else 1
    assert verbs(wire) == ["GET", "GET", method, *["GET"] * looks]
    if not is_made:
        name = re.sub("([A-Z])", lambda match: "_" + match[1].lower(), next(iter(change)))
        assert f"the reply does not show what was sent: {name} is {change[next(iter(change))]}, not " in done.msg
    # The same reply without the change is fine.
    wire.faults.append(Fault(method, reply(good), forward=True))
    assert atlas.run(**options, retries=0).changed == (not is_made)


def test_a_reply_with_another_id_to_a_patch_is_looked_up(atlas: Atlas, wire: Wire) -> None:
    peer = atlas.create()
    wire.faults.append(Fault("PATCH", reply({**peer, "id": "1" * 24, "routeTableCidrBlock": OTHER}), forward=True))
    done = atlas.run(**PAIR, route_table_cidr_block=OTHER)
    assert (done.failed, done.changed, done.peer["id"]) == (False, True, peer["id"])
    assert verbs(wire)[-2:] == ["PATCH", "GET"]


def test_a_reply_with_another_connection_removes_neither(atlas: Atlas, wire: Wire) -> None:
    meant, other = atlas.create(), atlas.add_peer(vpcId="vpc-0000000000000beef", routeTableCidrBlock="10.77.0.0/16")
    (shown_instead,) = [one for one in atlas.peers() if one["id"] == other]
    wire.faults.append(Fault("GET", reply(shown_instead)))
    done = atlas.run(peer_id=meant["id"], state="absent")
    assert done.missing(f"read VPC peering connection {meant['id']}", "not this VPC peering connection") == []
    assert (done.changed, atlas.writes()) == (False, [])


def test_a_null_region_is_that_of_the_container_and_of_no_other(atlas: Atlas, wire: Wire) -> None:
    made = shown(containerId=atlas.container_id, accepterRegionName=None)
    # The container has been read, so its region is known.
    wire.faults.append(Fault("POST", reply(made)))
    done = atlas.run(**PEERING, accepter_region_name="eu-west-1", retries=0)
    assert (done.failed, "accepter_region_name is None, not eu-west-1" in done.msg) == (True, True)
    wire.faults.append(Fault("POST", reply(made)))
    assert not atlas.run(**PEERING, accepter_region_name="us-east-1", retries=0).failed


def test_version_1_has_no_container_to_compare(atlas: Atlas, wire: Wire) -> None:
    wire.faults.append(Fault("POST", reply(shown(containerId="2" * 24))))
    done = atlas.run(**PEERING, api_version="v1.0", retries=0)
    assert (done.failed, done.changed, done.peer["container_id"]) == (False, True, "2" * 24)


@pytest.mark.parametrize(
    "change",
    [{"regionName": "EU_WEST_2"}, {"atlasCidrBlock": OTHER_BLOCK}, {"providerName": "GCP"}, {"id": 5}],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("is_made", [True, False])
def test_a_reply_about_another_container_is_looked_up(atlas: Atlas, wire: Wire, change: dict[str, Any], is_made: bool) -> None:
    good = {"id": "1" * 24, "providerName": "AWS", "regionName": "EU_WEST_1", "atlasCidrBlock": BLOCK}
    wire.faults.append(Fault("POST", reply({**good, **change}), forward=is_made))
    options = {"region_name": "eu-west-1", "atlas_cidr_block": BLOCK, "retries": 0}
    done = atlas.run(_container_task.OPERATION, **options)
    assert (done.failed, done.changed) == (not is_made, is_made)
    assert verbs(wire) == ["GET", "POST", *["GET"] * (1 if is_made else 2)]
    assert is_made or "the reply " in done.msg
    wire.requests.clear()
    wire.faults.append(Fault("POST", reply({**good, "providerName": None}), forward=True))
    again = atlas.run(_container_task.OPERATION, **options)
    assert (again.failed, again.changed, verbs(wire)) == (False, not is_made, ["GET"] if is_made else ["GET", "POST"])


def test_a_block_that_atlas_chooses_is_not_compared(atlas: Atlas) -> None:
    done = atlas.run(_container_task.OPERATION, region_name="eu-west-1")
    assert (done.failed, done.changed, len(atlas.wire())) == (False, True, 3)


@pytest.mark.parametrize("change", [{"atlasCidrBlock": BLOCK}, {"id": "1" * 24}], ids=["block", "id"])
@pytest.mark.parametrize("is_made", [True, False])
def test_a_reply_about_another_change_is_looked_up(atlas: Atlas, wire: Wire, change: dict[str, Any], is_made: bool) -> None:
    container_id = atlas.add_container("EU_WEST_1", BLOCK)
    good = {"id": container_id, "providerName": "AWS", "regionName": "EU_WEST_1", "atlasCidrBlock": OTHER_BLOCK}
    wire.faults.append(Fault("PATCH", reply({**good, **change}), forward=is_made))
    done = atlas.run(_container_task.OPERATION, region_name="eu-west-1", atlas_cidr_block=OTHER_BLOCK, retries=0)
    assert (done.failed, done.changed) == (not is_made, is_made)
    assert is_made or "the reply does not show what was sent" in done.msg


class TaskTimeoutError(BaseException):
    """What Ansible raises when the time of a task is up: no Exception."""


#: As Python words them.
UNEXPECTED = [
    RuntimeError("can't start new thread"),
    MemoryError(),
    OverflowError("timestamp out of range"),
    RecursionError("maximum recursion depth exceeded"),
    AttributeError("a defect"),
]
unexpected = pytest.mark.parametrize("error", UNEXPECTED, ids=lambda error: type(error).__name__)


@contextmanager
def no_threads(sends: Callable[[], bool]) -> Iterator[None]:
    """Have no thread started any more for the code under test, as soon as a request is sent of which that is true."""
    start = threading.Thread.start

    def refuse(self: threading.Thread) -> None:
        # The server of the test runs in other threads, and needs more of them.
        if threading.current_thread() is threading.main_thread() and sends():
            raise RuntimeError("can't start new thread")
        start(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        yield


@contextmanager
def reading_fails(error: BaseException, fails: Callable[[], bool]) -> Iterator[None]:
    """Have the body of a reply not read to its end, as soon as that is true."""
    read = _transport.read_body

    def fail(chunk: Callable[[int], bytes], encoding: str) -> bytes:
        if fails():
            chunk(1)
            raise error
        return read(chunk, encoding)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_transport, "read_body", fail)
        yield


def check_failure(atlas: Atlas, words: str, **options: Any) -> Done:
    """Run the task and check how it fails."""
    done = atlas.run(unexpected=True, **{**PEERING, **options})
    assert done.failed
    assert words in done.msg
    assert words in done.traceback
    assert [done.result[name] for name in ("http_status", "error_code", "detail")] == [None] * 3
    return done


def test_without_threads_nothing_is_sent_and_nothing_is_changed(atlas: Atlas) -> None:
    with no_threads(lambda: True):
        done = check_failure(atlas, "RuntimeError: can't start new thread")
    assert (done.changed, atlas.methods()) == (False, [])


def test_a_lack_of_threads_before_a_creation_changes_nothing(atlas: Atlas) -> None:
    with no_threads(lambda: len(atlas.methods()) == 2):
        done = check_failure(atlas, "RuntimeError: can't start new thread")
    assert (done.changed, atlas.methods(), atlas.peers()) == (False, ["GET", "GET"], [])


def test_threads_that_end_after_a_creation_do_not_hide_it(atlas: Atlas) -> None:
    with no_threads(lambda: "POST" in atlas.methods()):
        done = check_failure(atlas, "RuntimeError: can't start new thread", wait=True)
    assert (done.changed, len(atlas.peers())) == (True, 1)


@unexpected
def test_an_unread_reply_to_a_read_leaves_nothing_changed(atlas: Atlas, error: Exception) -> None:
    with reading_fails(error, lambda: len(atlas.methods()) == 1):
        done = check_failure(atlas, type(error).__name__)
    assert (done.changed, atlas.methods()) == (False, ["GET"])


@unexpected
@pytest.mark.parametrize("options", [{}, {"wait": True}])
def test_a_reply_to_a_write_that_is_not_read_is_looked_up(atlas: Atlas, error: Exception, options: dict[str, Any]) -> None:
    """What was sent may be done; so it is with a reply that is lost."""
    with reading_fails(error, lambda: atlas.methods()[-1:] == ["POST"]):
        done = atlas.run(**{**PEERING, **options})
    assert (done.failed, done.changed) == (False, True)
    assert (atlas.methods().count("POST"), done.peer["id"]) == (1, atlas.peers()[0]["id"])


@unexpected
def test_a_failed_look_means_that_it_may_have_been_changed(atlas: Atlas, error: Exception) -> None:
    with reading_fails(error, lambda: "POST" in atlas.methods()):
        done = check_failure(atlas, type(error).__name__)
    assert (done.changed, atlas.methods()) == (True, ["GET", "GET", "POST", "GET"])


@unexpected
def test_a_removal_whose_reply_is_not_read_is_looked_up(atlas: Atlas, error: Exception) -> None:
    atlas.create()
    with reading_fails(error, lambda: atlas.methods()[-1:] == ["DELETE"]):
        done = atlas.run(**{**PEERING, "state": "absent"})
    assert (done.failed, done.changed, atlas.methods().count("DELETE")) == (False, True, 1)


def test_the_end_of_a_task_by_ansible_passes_through(atlas: Atlas) -> None:
    with reading_fails(TaskTimeoutError(), lambda: True), pytest.raises(TaskTimeoutError):
        atlas.run(**PEERING)


def test_a_write_in_which_it_was_not_sent_is_not_in_doubt(connect: Connect, serve: Serve) -> None:
    client = connect(serve(reply({})).base_url)
    with no_threads(lambda: True), pytest.raises(RuntimeError, match="can't start new thread"):
        client.post(GROUP, {}, "make it")


def test_a_write_whose_reply_was_not_read_is_in_doubt(connect: Connect, serve: Serve) -> None:
    client = connect(serve(reply({})).base_url)
    with reading_fails(MemoryError(), lambda: True), pytest.raises(TaskError) as caught:
        client.post(GROUP, {}, "make it")
    assert str(caught.value) == "Failed to make it: MemoryError before the reply was read. Run the task again."
    assert caught.value.outcome_unknown
    assert not caught.value.is_transient


@pytest.mark.parametrize("verb", ["get", "post"])
@pytest.mark.parametrize("error", [*UNEXPECTED, TaskTimeoutError(), KeyboardInterrupt()], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["read_body", "_failure_of", "read_reply"])
def test_what_comes_after_that_answers_no_other_request(
    connect: Connect, serve: Serve, monkeypatch: pytest.MonkeyPatch, where: str, error: BaseException, verb: str
) -> None:
    def fail(*unused: Any, **more: Any) -> Any:
        raise error

    first = Reply(200, b'{"id": "of the first"', length=100) if where == "_failure_of" else reply({"id": "of the first"})
    wire = serve(first, reply({"id": "of the second"}))
    client = connect(wire.base_url)
    calls = {"get": lambda: client.get(GROUP, "read"), "post": lambda: client.post(GROUP, {}, "make it")}
    with monkeypatch.context() as patch:
        patch.setattr(_sender if where == "read_reply" else _transport, where, fail)
        with pytest.raises((type(error), TaskError)):
            calls[verb]()
    assert client.get(GROUP, "read") == {"id": "of the second"}
    # A reply that was read as a whole has left its connection clean.
    assert wire.connections == (1 if where == "read_reply" else 2)
