"""Errors made of Atlas's replies, and what is read out of replies beside their content."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import collect_pages
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.reply import CODE_HINTS, STATUS_HINTS, api_error
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.request import Request
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http import errors as _errors
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError, shown
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources import access_list as _access_list
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources import containers as _containers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources import peers as _peers

HINTS = {**CODE_HINTS, **_access_list.ENTRY_HINTS, **_containers.CONTAINER_HINTS, **_peers.PEER_HINTS}
BODY = {"error": 409, "errorCode": "OVERLAPPING_CIDR_BLOCK", "detail": "10.0.0.0/8 overlaps.", "reason": "Conflict"}


def refused(description: str, status: int, body: Any, *, is_write: bool) -> TaskError:
    """Return the error for a refusal of a request that knows the hints of every resource."""
    return api_error(Request("POST" if is_write else "GET", (), description, hints=HINTS), status, body)


def test_the_message_says_what_failed_why_and_what_to_do() -> None:
    error = refused("create the peering", 409, BODY, is_write=True)
    assert str(error) == (
        "Failed to create the peering: 10.0.0.0/8 overlaps (HTTP 409 OVERLAPPING_CIDR_BLOCK). "
        "Choose a route_table_cidr_block that does not overlap that of another peering connection."
    )
    assert error.to_result() == {
        "msg": str(error),
        "http_status": 409,
        "error_code": "OVERLAPPING_CIDR_BLOCK",
        "detail": "10.0.0.0/8 overlaps.",
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "AuthError"),
        (403, "AuthError"),
        (404, "NotFoundError"),
        (409, "ConflictError"),
        (429, "RateLimitError"),
        (400, "ApiError"),
        (405, "ApiError"),
        (500, "ApiError"),
        (599, "ApiError"),
    ],
)
def test_each_status_has_its_kind(status: int, kind: str) -> None:
    error = refused("x", status, {}, is_write=False)
    assert error.__class__ is getattr(_errors, kind)
    assert f"(HTTP {status})" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "text",
        5,
        [],
        [1],
        {},
        {"detail": None},
        {"detail": 5, "reason": []},
        {"errorCode": 5},
        {"errorCode": ""},
        {"errorCode": ["x"]},
        {"badRequestDetail": "x"},
        {"badRequestDetail": {"fields": "x"}},
        {"badRequestDetail": {"fields": [1, {}]}},
    ],
)
def test_a_body_that_is_no_error_of_atlas_leaves_the_status(body: Any) -> None:
    error = refused("x", 400, body, is_write=False)
    assert str(error) == "Failed to x: no reason given (HTTP 400)."
    assert (error.error_code, error.detail) == (None, None)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"reason": "Bad Request"}, "Bad Request"),
        # Gateways: AWS's API Gateway and Kong have `message` alone, Spring also what is not the reason.
        ({"message": "no Route matched with those values"}, "no Route matched with those values"),
        ({"message": "Rate exceeded", "reason": "Forbidden"}, "Rate exceeded"),
        ({"detail": "Ours.", "message": "Theirs."}, "Ours."),
        ({"message": {"text": "x"}}, None),
        ({"detail": "Two\r\n  lines\nof it.\n"}, "Two lines of it."),
    ],
)
def test_a_detail_is_the_text_of_atlas_or_a_gateway_in_one_line(body: dict[str, Any], detail: str | None) -> None:
    error = refused("x", 400, body, is_write=False)
    assert error.detail == detail
    assert str(error) == f"Failed to x: {(detail or 'no reason given').rstrip('.')} (HTTP 400)."


def test_rejected_fields_are_told() -> None:
    body = {"detail": "No.", "badRequestDetail": {"fields": [{"field": "vpcId", "description": "odd"}, {"field": "b"}]}}
    detail = refused("x", 400, body, is_write=False).detail
    assert detail is not None
    assert detail.startswith("No; vpcId: odd; b")
    assert "None" not in detail


def test_what_atlas_says_twice_is_told_once() -> None:
    text = "The attribute vpcId has to be given."
    body = {"detail": text, "badRequestDetail": {"fields": [{"field": "vpcId", "description": text}]}}
    error = refused("x", 400, body, is_write=False)
    assert error.detail == text
    assert str(error) == "Failed to x: The attribute vpcId has to be given (HTTP 400)."
    body["badRequestDetail"] = {"fields": [{"field": "awsAccountId", "description": text}]}
    assert (refused("x", 400, body, is_write=False).detail or "").count(text.rstrip(".")) == 2


def test_a_detail_is_bounded() -> None:
    assert len(refused("x", 400, {"detail": "y" * 10**6}, is_write=False).detail or "") == 500


@pytest.mark.parametrize(
    ("status", "unknown", "transient"),
    [
        (400, False, False),
        (408, True, False),
        (409, False, False),
        (429, False, False),
        (500, True, False),
        (502, True, True),
        (503, True, True),
        (504, True, True),
    ],
)
def test_only_a_failing_server_leaves_a_write_in_doubt(status: int, unknown: bool, transient: bool) -> None:
    error = refused("x", status, {}, is_write=True)
    assert (error.outcome_unknown, error.is_transient) == (unknown, transient)
    read = refused("x", status, {}, is_write=False)
    assert (read.outcome_unknown, read.is_transient) == (False, status >= 500)


@pytest.mark.parametrize("code", sorted(HINTS))
def test_every_hint_ends_the_message(code: str) -> None:
    error = refused("x", 400, {"errorCode": code}, is_write=False)
    assert str(error).endswith(f"(HTTP 400 {code}). {shown(HINTS[code], *error.names)}")
    assert_ends_a_sentence(HINTS[code])


@pytest.mark.parametrize("status", sorted(STATUS_HINTS))
def test_the_hint_of_a_status_ends_the_message_without_another(status: int) -> None:
    hint = shown(STATUS_HINTS[status], *refused("x", status, {}, is_write=False).names)
    assert str(refused("x", status, {}, is_write=False)).endswith(f"(HTTP {status}). {hint}")
    assert str(refused("x", status, {"errorCode": "OTHER"}, is_write=False)).endswith(f"(HTTP {status} OTHER). {hint}")
    other = refused("x", status, {"errorCode": "NOT_IN_GROUP"}, is_write=False)
    assert str(other).endswith(f"(HTTP {status} NOT_IN_GROUP). {shown(HINTS['NOT_IN_GROUP'], *other.names)}")
    assert_ends_a_sentence(hint)


def assert_ends_a_sentence(hint: str) -> None:
    """Fail for a hint that is not a sentence: nothing follows it in the message."""
    assert hint == hint.strip()
    assert hint[0].isupper()
    assert hint[-1] in ".?"


@pytest.mark.parametrize(
    ("links", "following"),
    [
        (None, None),
        ([], None),
        ("x", None),
        ([1, None, {}], None),
        ([{"rel": "self", "href": "?pageNum=9"}], None),
        ([{"rel": "next"}], None),
        ([{"rel": "next", "href": 5}], None),
        ([{"rel": "self", "href": "?pageNum=9"}, {"rel": "next", "href": "https://x/y?pageNum=2"}], "2"),
        ([{"rel": "next", "href": "?pageNum=2&envelope=true"}], "2"),
        ([{"rel": "next", "href": "http://[::1?pageNum=2"}], "2"),
    ],
)
def test_the_next_page_is_found_in_the_links(links: Any, following: str | None) -> None:
    asked: list[str | None] = []

    def answer(request: Request) -> dict[str, Any]:
        asked.append(request.query.get("pageNum"))
        return {"results": [{"id": str(len(asked))}], "links": links if len(asked) == 1 else []}

    found = collect_pages(answer, Request("GET", (), "list"), lambda one: one["id"])
    assert [one["id"] for one in found] == [str(number + 1) for number in range(len(asked))]
    assert asked == ([None] if following is None else [None, following])


def test_advice_about_a_project_holds_for_one_that_is_named() -> None:
    assert [text for text in CODE_HINTS.values() if "group_id" in text and "project_name" not in text] == []
