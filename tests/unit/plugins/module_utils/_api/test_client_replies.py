"""Which replies say that a request was carried out, which that it was refused, and which neither: then somebody has to look."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import (
    ApiError,
    AuthError,
    ConflictError,
    NotFoundError,
    TaskError,
)
from ansible_collections.cloudpeer.atlas.tests.support.client import GROUP, Connect, Serve
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas
from ansible_collections.cloudpeer.atlas.tests.support.wire import UNAUTHORIZED, Reply, page, reply

CALLS: dict[str, Callable[[AtlasClient], Any]] = {
    "get": lambda client: client.get(GROUP, "do it"),
    "list": lambda client: client.get_all(GROUP, {}, "do it"),
    "post": lambda client: client.post(GROUP, {"a": 1}, "do it"),
    "post a list": lambda client: client.post(GROUP, [{"a": 1}], "do it"),
    "patch": lambda client: client.patch(GROUP, {"a": 1}, "do it"),
    "delete": lambda client: client.delete(GROUP, "do it"),
}
WRITES = ("post", "post a list", "patch", "delete")
NOT_THERE = {"error": 404, "errorCode": "PEER_NOT_FOUND", "detail": "No."}
TAKEN = {"error": 409, "errorCode": "PEER_ALREADY_EXISTS", "detail": "Taken."}


def failure(client: AtlasClient, call: str) -> TaskError:
    with pytest.raises(TaskError, match=r"^Failed to do it: ") as caught:
        CALLS[call](client)
    return caught.value


def check_unknown(client: AtlasClient, call: str) -> TaskError:
    """Check that a reply is neither a success nor a refusal."""
    error = failure(client, call)
    assert error.__class__ is ApiError
    assert error.error_code is None
    assert error.outcome_unknown == (call in WRITES)
    return error


@pytest.mark.parametrize("call", CALLS)
def test_another_protocol_is_no_success_and_ends_its_connection(serve: Serve, connect: Connect, call: str) -> None:
    interim = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"
    wire = serve(Reply(200, b'{"id": "of the first"}', interim=interim), reply({"id": "of the second"}))
    client = connect(wire.base_url)
    error = check_unknown(client, call)
    assert (error.http_status, "interim" in str(error)) == (101, True)
    assert client.get(GROUP, "read") == {"id": "of the second"}
    assert (len(wire.requests), wire.connections) == (2, 2)


@pytest.mark.parametrize("status", [100, 102, 103, 104, 150, 199])
@pytest.mark.parametrize("call", ["get", "post", "patch"])
def test_interim_replies_are_read_over(serve: Serve, connect: Connect, call: str, status: int) -> None:
    """As RFC 9110, 15.2 requires; http.client itself does so for 100 only."""
    interim = b"HTTP/1.1 %d Wait\r\nLink: </style.css>; rel=preload\r\nContent-Length: 3\r\n\r\n" % status
    real = b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"id": 1}'
    wire = serve(Reply(interim=2 * interim + b"HTTP/1.1 100 Continue\r\n\r\n" + real))
    assert CALLS[call](connect(wire.base_url)) == {"id": 1}
    assert (len(wire.requests), wire.connections) == (1, 1)


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204, 205, 206, 226, 299])
@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"{}", b" { } "], ids=repr)
def test_a_removal_takes_any_success_with_nothing_in_it(serve: Serve, connect: Connect, status: int, body: bytes) -> None:
    wire = serve(Reply(status, b"" if status == 204 else body), reply({"id": "1"}))
    client = connect(wire.base_url)
    client.delete(GROUP, "remove")
    assert client.get(GROUP, "read") == {"id": "1"}


@pytest.mark.parametrize("envelope", [False, True])
@pytest.mark.parametrize(
    "body",
    ['{"id": "1"}', '{"detail": "Queued."}', '{"error": 404}', "[]", "null", "false", "0", '""', "<html>", "{", '{"a"', "\x00"],
)
def test_any_other_reply_to_a_removal_has_to_be_looked_up(serve: Serve, connect: Connect, body: str, envelope: bool) -> None:
    wire = serve(Reply(200, body.encode()))
    check_unknown(connect(wire.base_url, envelope=envelope), "delete")
    assert len(wire.requests) == 1


@pytest.mark.parametrize("call", ["get", "list", "post", "post a list", "patch"])
@pytest.mark.parametrize("body", [b"", b"  \n", b"null", b"[]", b"5", b"<html>"], ids=repr)
def test_nothing_in_answer_to_anything_else_is_no_success(serve: Serve, connect: Connect, call: str, body: bytes) -> None:
    check_unknown(connect(serve(Reply(200, body)).base_url), call)


OPENED: dict[str, list[tuple[dict[str, Any], Any]]] = {
    "get": [({"status": 200, "content": {"id": "1"}}, {"id": "1"}), ({"id": "1"}, {"id": "1"}), ({}, {})],
    "list": [({"status": 200, "results": [{"id": "1"}]}, [{"id": "1"}]), ({"results": []}, [])],
    "post": [({"status": 201, "content": {"id": "1"}}, {"id": "1"}), ({"id": "1"}, {"id": "1"})],
    "post a list": [({"status": 201, "results": [{"id": "1"}]}, {"status": 201, "results": [{"id": "1"}]})],
    "patch": [({"status": 299, "content": {"status": "odd"}}, {"status": "odd"})],
    "delete": [({"status": 204}, None), ({"status": 202, "content": {}}, None), ({"status": 200, "content": None}, None),
               ({"status": 200, "content": ""}, None), ({}, None)],
}  # fmt: skip


@pytest.mark.parametrize(("call", "content", "found"), [(call, *one) for call, all_ in OPENED.items() for one in all_])
def test_an_envelope_with_a_result_is_opened(serve: Serve, connect: Connect, call: str, content: Any, found: Any) -> None:
    assert CALLS[call](connect(serve(reply(content)).base_url, envelope=True)) == found


#: Neither a result nor an error, whatever is done.
UNCLEAR: list[dict[str, Any]] = [
    *({"status": status, "content": {"id": "1"}, "results": []} for status in (True, False, None, "200", 200.0, [200], {})),
    *(
        {"status": status, "content": {"id": "1"}, "results": []}
        for status in (0, -200, 1, 100, 103, 199, 300, 302, 399, 600, 2000)
    ),
    {"status": 404},
    {"status": 404, "results": []},
    {"status": 404, "content": None},
    {"status": 404, "content": "gone"},
    {"status": 404, "errorCode": "PEER_NOT_FOUND"},
]
#: What is the matter with it depends on what was asked for.
FALSE: dict[str, list[dict[str, Any]]] = {
    "get": [{"status": 200}, {"status": 200, "results": []}, {"status": 200, "content": None}, {"status": 200, "content": []},
            {"status": 200, "id": "1"}],
    "list": [{"status": 200}, {"status": 200, "content": {"results": []}}, {"status": 200, "results": None},
             {"status": 200, "results": {}}],
    "post": [{"status": 201}, {"status": 201, "content": ""}, {"status": 201, "results": []}],
    "post a list": [{"status": 201}, {"status": 201, "content": {}}, {"status": 201, "results": "x"}],
    "patch": [{"status": 200}, {"status": 200, "content": "x"}],
    "delete": [{"status": 202, "content": {"id": "1"}}, {"status": 202, "content": []}, {"status": 202, "content": "x"},
               {"status": 202, "content": False}, {"status": 202, "content": 0}],
}  # fmt: skip


@pytest.mark.parametrize(("call", "content"), [(call, one) for call in CALLS for one in UNCLEAR + FALSE[call]])
def test_an_envelope_that_says_neither_leaves_the_outcome_open(serve: Serve, connect: Connect, call: str, content: Any) -> None:
    wire = serve(reply(content))
    check_unknown(connect(wire.base_url, envelope=True), call)
    assert len(wire.requests) == 1


@pytest.mark.parametrize("call", CALLS)
def test_an_error_in_an_envelope_is_one_for_lists_too(serve: Serve, connect: Connect, call: str) -> None:
    error = failure(connect(serve(reply({"status": 409, "content": TAKEN})).base_url, envelope=True), call)
    assert isinstance(error, ConflictError)
    assert (error.http_status, error.error_code, error.detail) == (409, "PEER_ALREADY_EXISTS", "Taken.")
    assert not error.outcome_unknown


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [200, 204, 404, 500, True, "x", None])
def test_an_error_of_http_stays_one_whatever_the_envelope_says(serve: Serve, connect: Connect, call: str, status: Any) -> None:
    error = failure(connect(serve(reply({"status": status, "content": TAKEN}, 409)).base_url, envelope=True), call)
    assert isinstance(error, ConflictError)
    assert (error.http_status, error.error_code, error.detail) == (409, "PEER_ALREADY_EXISTS", "Taken.")


@pytest.mark.parametrize("content", [NOT_THERE, {**NOT_THERE, "status": 200}, {**NOT_THERE, "status": 200, "content": "x"}])
def test_an_error_of_http_without_an_envelope_is_read_as_it_is(serve: Serve, connect: Connect, content: Any) -> None:
    error = failure(connect(serve(reply(content, 404)).base_url, envelope=True), "delete")
    assert isinstance(error, NotFoundError)
    assert (error.error_code, error.detail) == ("PEER_NOT_FOUND", "No.")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 399])
def test_a_redirect_is_not_followed_and_told(serve: Serve, connect: Connect, call: str, status: int) -> None:
    wire = serve(reply({}, status, ("Location", "https://elsewhere.example/")))
    assert "redirect to elsewhere.example" in str(check_unknown(connect(wire.base_url), call))
    assert len(wire.requests) == 1


def test_a_query_goes_along_with_a_creation(serve: Serve, connect: Connect) -> None:
    wire = serve(page({"id": "1"}))
    client = connect(wire.base_url)
    assert client.post(GROUP, [{"a": 1}], "make it", query={"itemsPerPage": "500"})["results"] == [{"id": "1"}]
    client.post(GROUP, {"a": 1}, "make it")
    assert [one.query for one in wire.requests] == [{"itemsPerPage": "500"}, {}]


def test_the_digest_covers_the_query_of_a_creation(atlas: Atlas, connect: Connect) -> None:
    client = connect(atlas.base_url, envelope=True)
    made = client.post((*GROUP, "accessList"), [{"cidrBlock": "10.0.0.0/8"}], "allow it", query={"itemsPerPage": "500"})
    assert [one["cidrBlock"] for one in made["results"]] == ["10.0.0.0/8"]
    assert {entry["query"] for entry in atlas.emulator.requests.entries()} == {"itemsPerPage=500&envelope=true"}


@pytest.mark.parametrize("last", [reply({}, 302), Reply(200, b"<html>"), reply(NOT_THERE, 404), UNAUTHORIZED])
def test_a_repeated_removal_leaves_open_what_the_first_did(serve: Serve, connect: Connect, last: Reply) -> None:
    wire = serve(UNAUTHORIZED, Reply(502), last)
    error = failure(connect(wire.base_url), "delete")
    assert error.outcome_unknown
    assert isinstance(error, AuthError) == (last is UNAUTHORIZED)


def test_what_becomes_of_a_body_is_told_with_its_kind(serve: Serve, connect: Connect) -> None:
    wire = serve(Reply(200, json.dumps([1]).encode(), (("Content-Type", "text/plain"),)))
    assert "not a JSON object (text/plain)" in str(failure(connect(wire.base_url), "delete"))
