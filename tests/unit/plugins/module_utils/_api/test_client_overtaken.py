"""Codes that mean that somebody else was faster, that something is missing, or what to do next: they come with the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import (
    ApiError,
    ConflictError,
    NoAnswerError,
    NotFoundError,
    OvertakenError,
    TaskError,
)
from ansible_collections.cloudpeer.atlas.tests.support.client import Connect, Serve
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, Reply, reply

PATH = ("groups", "5356823b3794dee37132bb7b", "peers", "1")
GONE = frozenset(("NOT_THERE", "GOING"))


def refusal(status: int, code: str) -> Reply:
    return reply({"error": status, "errorCode": code, "detail": "No."}, status)


def test_what_is_missing_is_none(serve: Serve, connect: Connect) -> None:
    client = connect(serve(refusal(404, "NOT_THERE")).base_url)
    assert client.find(PATH, "read it", GONE) is None
    with pytest.raises(NotFoundError):
        client.get(PATH, "read it")


@pytest.mark.parametrize(
    ("status", "code"), [(404, "GROUP_NOT_FOUND"), (404, ""), (400, "NOT_THERE"), (409, "NOT_THERE"), (403, "GOING")]
)
def test_nothing_else_is_taken_for_missing(serve: Serve, connect: Connect, status: int, code: str) -> None:
    with pytest.raises(ApiError, match=f"HTTP {status}"):
        connect(serve(refusal(status, code)).base_url).find(PATH, "read it", GONE)


@pytest.mark.parametrize("status", [400, 409])
def test_what_exists_already_was_overtaken(serve: Serve, connect: Connect, status: int) -> None:
    client = connect(serve(refusal(status, "TAKEN"), refusal(409, "OTHER")).base_url)
    with pytest.raises(OvertakenError, match=rf"^Failed to make it: No \(HTTP {status} TAKEN\)\. Look\.$") as caught:
        client.post(PATH, {}, "make it", exists=frozenset(("TAKEN",)), hints={"TAKEN": "Look."})
    assert (caught.value.http_status, caught.value.error_code, caught.value.outcome_unknown) == (status, "TAKEN", False)
    with pytest.raises(ConflictError):
        client.post(PATH, {}, "make it", exists=frozenset(("TAKEN",)))


@pytest.mark.parametrize("envelope", [False, True])
@pytest.mark.parametrize(("status", "code"), [(404, "NOT_THERE"), (409, "GOING")])
def test_what_others_have_deleted_was_overtaken(serve: Serve, connect: Connect, status: int, code: str, envelope: bool) -> None:
    error = {"error": status, "errorCode": code, "detail": "No."}
    wire = serve(reply({"status": status, "content": error}) if envelope else refusal(status, code))
    with pytest.raises(OvertakenError) as caught:
        connect(wire.base_url, envelope=envelope).delete(PATH, "delete it", gone=GONE)
    assert not caught.value.outcome_unknown
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "GROUP_NOT_FOUND", NotFoundError),
        (409, "IN_USE", ConflictError),
        (400, "NOT_THERE", ApiError),
        (500, "NOT_THERE", ApiError),
    ],
)
def test_no_other_refusal_means_gone(serve: Serve, connect: Connect, status: int, code: str, kind: type[TaskError]) -> None:
    with pytest.raises(TaskError) as caught:
        connect(serve(refusal(status, code)).base_url).delete(PATH, "delete it", gone=GONE)
    assert caught.type is kind


@pytest.mark.parametrize("lost", [DROP, Reply(503), Reply(200, b'{"id"', length=100)], ids=["drop", "503", "half"])
def test_what_a_lost_try_may_have_deleted_is_a_success(serve: Serve, connect: Connect, lost: Reply) -> None:
    wire = serve(lost, refusal(404, "NOT_THERE"))
    connect(wire.base_url).delete(PATH, "delete it", gone=GONE)
    assert [one.method for one in wire.requests] == ["DELETE"] * 2


def delete(client: AtlasClient, path: tuple[str, ...] = PATH) -> None:
    client.delete(path, "delete it", gone=GONE)


@pytest.mark.parametrize("again", ["same", "another", "next task", "refused"])
def test_a_lost_deletion_counts_for_its_path_in_its_task_alone(serve: Serve, connect: Connect, again: str) -> None:
    first: Any = refusal(409, "IN_USE") if again == "refused" else DROP
    client = connect(serve(first, refusal(404, "NOT_THERE")).base_url, retries=0)
    with client.recording():
        with pytest.raises(ConflictError if again == "refused" else NoAnswerError):
            delete(client)
        if again == "same":
            delete(client)
        elif again != "next task":
            with pytest.raises(OvertakenError):
                delete(client, (*PATH, "x") if again == "another" else PATH)
    if again == "next task":
        with client.recording(), pytest.raises(OvertakenError):
            delete(client)


def test_a_hint_of_the_resource_comes_before_that_of_the_status(serve: Serve, connect: Connect) -> None:
    client = connect(serve(refusal(403, "CODE")).base_url)
    with pytest.raises(TaskError, match=r"\(HTTP 403 CODE\)\. Check the roles"):
        client.get(PATH, "read it")
    calls: list[Callable[..., Any]] = [
        lambda **more: client.get(PATH, "do it", **more),
        lambda **more: client.post(PATH, {}, "do it", **more),
        lambda **more: client.patch(PATH, {}, "do it", **more),
        lambda **more: client.delete(PATH, "do it", **more),
    ]
    for call in calls:
        with pytest.raises(TaskError, match=r"\(HTTP 403 CODE\)\. Ask somebody\.$"):
            call(hints={"CODE": "Ask somebody."})
