"""What the client sends and how it reads replies: media types, paths, pages, the envelope, cookies, odd replies."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api import client as _client
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import ApiError, NotFoundError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._version import VERSION
from ansible_collections.cloudpeer.atlas.tests.support.client import GROUP, PEERS, Connect, Serve
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply, page, reply

V2 = "application/vnd.atlas.2023-01-01+json"


@pytest.mark.parametrize(("version", "media_type"), [("v2", V2), ("v1.0", "application/json")])
def test_media_types_and_the_name_of_the_client(serve: Serve, connect: Connect, version: str, media_type: str) -> None:
    wire = serve(reply({}))
    client = connect(wire.base_url, api_version=version)
    client.get(PEERS, "read")
    client.post(PEERS, {"a": "\u00fc"}, "make")
    client.patch(PEERS, {"a": 1}, "change")
    client.delete(PEERS, "remove")
    assert [one.headers["accept"] for one in wire.requests] == [media_type] * 4
    assert [one.headers.get("content-type") for one in wire.requests] == [None, media_type, media_type, None]
    assert {one.headers["user-agent"].split(" ")[0] for one in wire.requests} == {f"cloudpeer.atlas/{VERSION}"}
    assert [one.path for one in wire.requests] == [f"/api/atlas/{version}/groups/{GROUP[1]}/peers"] * 4
    assert [one.body and one.json for one in wire.requests] == [b"", {"a": "\u00fc"}, {"a": 1}, b""]
    assert wire.connections == 1


def test_no_query_is_sent_where_none_is_needed(serve: Serve, connect: Connect) -> None:
    wire = serve(reply({}))
    connect(wire.base_url).get(PEERS, "read")
    assert "?" not in wire.requests[0].target


def test_a_path_in_front_of_the_api_is_kept(serve: Serve, connect: Connect) -> None:
    wire = serve(reply({}))
    connect(wire.base_url + "/gateway/").get(GROUP, "read")
    assert wire.requests[0].path == f"/gateway/api/atlas/v2/groups/{GROUP[1]}"


@pytest.mark.parametrize(
    ("segment", "escaped"),
    [("../x", "..%2Fx"), ("a/b", "a%2Fb"), ("a?b=c", "a%3Fb%3Dc"), ("a#b", "a%23b"), ("a%2fb", "a%252fb"), ("a b", "a%20b"),
     ("\u00fc", "%C3%BC"), ("a;b", "a%3Bb"), ("10.0.0.0/8", "10.0.0.0%2F8"), ("@host", "%40host")],
)  # fmt: skip
def test_no_value_can_change_which_resource_is_meant(serve: Serve, connect: Connect, segment: str, escaped: str) -> None:
    wire = serve(reply({}))
    connect(wire.base_url).get((*PEERS, segment), "read")
    assert wire.requests[0].target == f"/api/atlas/v2/groups/{GROUP[1]}/peers/{escaped}"


def test_an_escaped_path_is_covered_by_the_digest_as_it_is_sent(atlas: Atlas, connect: Connect) -> None:
    with pytest.raises(ApiError, match="PATH_PARAM_PARSE_ERROR"):
        connect(atlas.base_url, api_version="v1.0").get((*PEERS, "a/b c?\u00fc"), "read")
    assert atlas.wire() == [("GET", 401), ("GET", 400)]


@pytest.mark.parametrize("envelope", [False, True])
@pytest.mark.parametrize("version", ["v2", "v1.0"])
def test_a_list_of_several_pages_is_read_in_order(
    atlas: Atlas, connect: Connect, monkeypatch: pytest.MonkeyPatch, version: str, envelope: bool
) -> None:
    made = [atlas.add_peer(vpcId=f"vpc-{n:08x}", routeTableCidrBlock=f"10.{n}.0.0/16") for n in range(7)]
    monkeypatch.setattr(_client, "PAGE_SIZE", 3)
    client = connect(atlas.base_url, api_version=version, envelope=envelope)
    assert [one["id"] for one in client.get_all(PEERS, {"providerName": "AWS"}, "list")] == made
    assert atlas.wire() == [("GET", 401)] + [("GET", 200)] * 3
    queries = [entry["query"] for entry in atlas.emulator.requests.entries()]
    assert all("itemsPerPage=3" in query and ("envelope=true" in query) == envelope for query in queries)


def test_lists_are_asked_for_in_pages_of_500(atlas: Atlas, connect: Connect) -> None:
    assert connect(atlas.base_url).get_all(PEERS, {"providerName": "AWS"}, "list") == []
    assert {entry["query"] for entry in atlas.emulator.requests.entries()} == {"itemsPerPage=500&providerName=AWS"}


def test_what_moves_to_the_next_page_meanwhile_is_there_once(serve: Serve, connect: Connect) -> None:
    wire = serve(page({"id": "1"}, {"id": "2"}, following="?pageNum=2"), page({"id": "2", "new": True}, {"id": "3"}))
    found = connect(wire.base_url).get_all(PEERS, {}, "list")
    assert [one["id"] for one in found] == ["1", "2", "3"]
    assert found[1] == {"id": "2", "new": True}


@pytest.mark.parametrize("following", ["?pageNum=1", "?", "http://x/y?itemsPerPage=500", "?pageNum=2"])
def test_pages_that_go_in_a_circle_end(serve: Serve, connect: Connect, following: str) -> None:
    wire = serve(page({"id": "1"}, following=following))
    with pytest.raises(TaskError, match=r"list.*circle"):
        connect(wire.base_url).get_all(PEERS, {}, "list")
    assert len(wire.requests) <= 3


@pytest.mark.parametrize("following", ["http://[::1", "//[", "http://x:port/?pageNum=2"])
def test_a_next_link_that_is_no_address_is_an_error_of_ours(serve: Serve, connect: Connect, following: str) -> None:
    wire = serve(page({"id": "1"}, following=following), page({"id": "2"}))
    client = connect(wire.base_url)
    try:
        found = [one["id"] for one in client.get_all(PEERS, {}, "list")]
    except TaskError:
        found = ["an error of ours"]
    assert found in (["1", "2"], ["an error of ours"])


@pytest.mark.parametrize(
    "content",
    [{}, {"results": None}, {"results": {}}, {"results": "x"}, {"results": [1]}, {"results": [None]}, {"results": [{}]},
     {"results": [{"id": ""}]}, {"results": [{"id": ["x"]}]}, {"results": [{"id": {"x": 1}}]}, {"error": "x"}],
)  # fmt: skip
def test_what_is_no_list_is_not_taken_for_an_empty_one(serve: Serve, connect: Connect, content: Any) -> None:
    wire = serve(reply(content))
    with pytest.raises(TaskError, match=r"^Failed to list it: "):
        connect(wire.base_url).get_all(PEERS, {}, "list it")
    assert len(wire.requests) == 1


@pytest.mark.parametrize("version", ["v2", "v1.0"])
def test_the_envelope_is_asked_for_and_opened(atlas: Atlas, connect: Connect, version: str) -> None:
    client = connect(atlas.base_url, api_version=version, envelope=True)
    assert client.get(GROUP, "read")["id"] == GROUP[1]
    peer_id = atlas.add_peer()
    client.delete((*PEERS, peer_id), "remove")
    with pytest.raises(NotFoundError, match="HTTP 404 PEER_NOT_FOUND"):
        client.get((*PEERS, "0" * 24), "read")
    assert {entry["query"] for entry in atlas.emulator.requests.entries()} == {"envelope=true"}


def test_an_error_in_an_envelope_counts_whatever_http_says(serve: Serve, connect: Connect) -> None:
    wire = serve(reply({"status": 404, "content": {"error": 404, "errorCode": "PEER_NOT_FOUND", "detail": "No."}}))
    with pytest.raises(NotFoundError, match="HTTP 404 PEER_NOT_FOUND"):
        connect(wire.base_url, envelope=True).get(GROUP, "read")


def test_a_status_without_an_envelope_is_a_field_like_others(serve: Serve, connect: Connect) -> None:
    wire = serve(reply({"status": 500, "content": {}}))
    assert connect(wire.base_url).get(GROUP, "read") == {"status": 500, "content": {}}


@pytest.mark.parametrize("content", [{"status": True, "content": 1}, {"status": "x"}, {"status": 200, "content": None}, []])
def test_an_odd_envelope_does_not_break_the_client(serve: Serve, connect: Connect, content: Any) -> None:
    wire = serve(reply(content))
    client = connect(wire.base_url, envelope=True)
    try:
        found: Any = client.get(GROUP, "read")
    except TaskError:
        found = {}
    assert isinstance(found, dict)


HTML = b"<html><body>Please log in</body></html>"


@pytest.mark.parametrize(
    ("odd", "named"),
    [
        (Reply(200, HTML, (("Content-Type", "text/html; charset=utf-8"),)), r"text/html.*HTTP 200"),
        (Reply(200, b""), r"empty.*HTTP 200"),
        (Reply(200, b"{"), r"not a JSON object"),
        (Reply(200, b"null"), r"not a JSON object"),
        (Reply(200, b"[]"), r"not a JSON object"),
        (Reply(200, b"\xff\xfe{"), r"not a JSON object"),
        (Reply(200, b'"text"'), r"not a JSON object"),
        (Reply(200, b"9" * 10000), r"not a JSON object"),
        (Reply(200, b"[" * 200000), r"not a JSON object"),
        (Reply(200, b'{"a":' * 200000), r"not a JSON object"),
        (Reply(204), r"empty.*HTTP 204"),
        (Reply(501, HTML), r"no reason given \(HTTP 501\)"),
        (Reply(404, b"null"), r"no reason given \(HTTP 404\)"),
        (Reply(400, b"[" * 200000), r"HTTP 400"),
    ],
    ids=range(14),
)
def test_a_reply_of_another_shape_is_an_error_that_tells_it(serve: Serve, connect: Connect, odd: Reply, named: str) -> None:
    wire = serve(odd)
    with pytest.raises(TaskError, match=f"(?s)^Failed to read it: .*{named}"):
        connect(wire.base_url).get(GROUP, "read it")
    assert len(wire.requests) == 1


def test_a_delete_needs_nothing_in_its_reply(serve: Serve, connect: Connect) -> None:
    wire = serve(Reply(204), Reply(202, b"{}"))
    client = connect(wire.base_url)
    for unused in range(2):
        client.delete(PEERS, "remove")
    assert len(wire.requests) == 2


@pytest.mark.parametrize("page", [Reply(200, b"<html>"), Reply(202, b"[]")], ids=["html", "list"])
def test_a_page_in_answer_to_a_delete_is_no_deletion(serve: Serve, connect: Connect, page: Reply) -> None:
    with pytest.raises(TaskError) as caught:
        connect(serve(page).base_url).delete(PEERS, "remove")
    assert caught.value.outcome_unknown


def test_a_cookie_goes_back_to_the_server_that_set_it(serve: Serve, connect: Connect) -> None:
    wire = serve(reply({}, 200, ("Set-Cookie", "sticky=a"), ("Set-Cookie", "bad\x01=\x02")), reply({}))
    client = connect(wire.base_url)
    client.get(GROUP, "read")
    client.get(GROUP, "read")
    assert "cookie" not in wire.requests[0].headers
    assert wire.requests[1].headers.get("cookie", "sticky=a").startswith("sticky=a")


@pytest.mark.parametrize("body", [{}, {"a": None}, {"nested": {"list": [1, "\u2603", True]}}])
def test_a_body_arrives_as_it_was_meant(serve: Serve, connect: Connect, body: Any) -> None:
    wire = serve(reply({}))
    connect(wire.base_url).post(PEERS, body, "make")
    assert wire.requests[0].json == body
