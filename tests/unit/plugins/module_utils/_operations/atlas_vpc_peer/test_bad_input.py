"""Bad input: the task fails, names the option or the cause, and changes nothing; how many requests that costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trustme
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Operation
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_network_container as _container_task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import (
    atlas_network_container_info as _container_info_task,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_vpc_peer as _vpc_peer_task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_vpc_peer_info as _vpc_peer_info_task
from ansible_collections.cloudpeer.atlas.tests.support.harness import CIDR, PAIR, PEERING, Atlas
from ansible_collections.cloudpeer.atlas.tests.support.wire import UNAUTHORIZED, Reply, Wire, certificate, reply

ID = "0" * 24


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (
            {"public_key": None, "private_key": None},
            [
                "public_key",
                "private_key",
                "MONGODB_ATLAS_PUBLIC_API_KEY",
                "MONGODB_ATLAS_PUBLIC_KEY",
                "MONGODB_ATLAS_PRIVATE_API_KEY",
                "MONGODB_ATLAS_PRIVATE_KEY",
            ],
        ),
        ({"private_key": None}, ["private_key", "MONGODB_ATLAS_PRIVATE_API_KEY"]),
        ({"public_key": None}, ["public_key", "MONGODB_ATLAS_PUBLIC_API_KEY"]),
        ({"group_id": "my-project"}, ["group_id", "my-project", "24 hexadecimal"]),
        ({"group_id": ""}, ["group_id", "24 hexadecimal"]),
        ({"group_id": "../" + ID[3:]}, ["group_id"]),
        ({"peer_id": "pcx-0f3b9a6d7e8c12345"}, ["peer_id", "pcx-0f3b9a6d7e8c12345", "AWS's id", "connection_id"]),
        ({"peer_id": "x"}, ["peer_id", "24 hexadecimal"]),
        ({"peer_id": ""}, ["peer_id"]),
        ({"container_id": "vpc-0a1b2c3d"}, ["container_id", "vpc_id"]),
        ({"container_id": "x"}, ["container_id", "24 hexadecimal"]),
        ({"container_id": ""}, ["container_id"]),
        ({"vpc_id": ""}, ["vpc_id is empty"]),
        ({"aws_account_id": " "}, ["aws_account_id is empty"]),
        ({"vpc_id": "vpc-123456"}, ["vpc_id", "vpc-123456", "17 hexadecimal digits"]),
        ({"vpc_id": "VPC-0A1B2C3D"}, ["vpc_id", "Write it as vpc-0a1b2c3d"]),
        ({"vpc_id": "vpc-0a1b2c3d "}, ["vpc_id", "Write it as vpc-0a1b2c3d"]),
        ({"aws_account_id": "abc123abc123"}, ["aws_account_id", "abc123abc123", "12 digits"]),
        ({"aws_account_id": "12345678901"}, ["aws_account_id", "leading zero", "'012345678901'"]),
        ({"aws_account_id": 1402433619}, ["aws_account_id", "1402433619", "octal", "'012345670123'"]),
        ({"container_region_name": "atlantis"}, ["container_region_name", "atlantis", "us-east-1"]),
        ({"route_table_cidr_block": "ten"}, ["route_table_cidr_block", "ten", "10.0.0.0/16"]),
        ({"route_table_cidr_block": ""}, ["route_table_cidr_block"]),
        ({"route_table_cidr_block": "10.15.0.1/16"}, ["route_table_cidr_block", "host bits", "10.15.0.0/16"]),
        ({"route_table_cidr_block": "fd00::/16"}, ["route_table_cidr_block", "IPv6"]),
        ({"route_table_cidr_block": "8.8.8.0/24"}, ["route_table_cidr_block", "not private"]),
        ({"accepter_region_name": "atlantis"}, ["accepter_region_name", "atlantis", "us-east-1"]),
        ({"wait_timeout": 0}, ["wait_timeout"]),
        ({"wait_sleep": -1}, ["wait_sleep"]),
        ({"timeout": 0}, ["timeout"]),
        ({"retries": -1}, ["retries"]),
        ({"ca_path": "/nonexistent.pem"}, ["ca_path", "/nonexistent.pem"]),
        ({"base_url": "http://atlas.example"}, ["base_url", "plain http", "atlas.example", "https"]),
        ({"base_url": "https://user:pw@atlas.example"}, ["base_url", "credentials"]),
        ({"base_url": "https://cloud.mongodb.com/api/atlas/v2"}, ["base_url", "api_version"]),
        ({"base_url": "cloud.mongodb.com"}, ["base_url"]),
    ],
)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_malformed_options_are_refused_unsent(atlas: Atlas, options: dict[str, Any], parts: list[str], state: str) -> None:
    done = atlas.run(**{**PEERING, "state": state, **options})
    assert (done.failed, done.changed) == (True, False)
    assert done.missing(*parts) == []
    assert (done.result["http_status"], done.result["error_code"], done.result["api_calls"]) == (None, None, [])
    assert atlas.wire() == []


@pytest.mark.parametrize("host", ["a..b", "*", "a b", ".", "\u2028", "a" * 70 + ".com", "xn--", "-", "\u00fc\u00fc.invalid"])
def test_an_odd_host_is_a_failure_that_names_base_url(atlas: Atlas, host: str) -> None:
    done = atlas.run(**PEERING, base_url=f"https://{host}", retries=0)
    assert (done.failed, done.changed) == (True, False)
    assert "base_url" in done.msg


@pytest.mark.parametrize("public", ["emulator\n", "emu\r\nX-Injected: yes"])
def test_a_key_with_a_line_break_is_named_and_injects_nothing(atlas: Atlas, public: str) -> None:
    done = atlas.run(**PEERING, public_key=public)
    assert (done.failed, done.changed) == (True, False)
    assert "public_key" in done.msg
    assert "response=" not in done.msg
    assert len(atlas.wire()) <= 2


def test_a_block_is_needed_to_create(atlas: Atlas) -> None:
    assert "route_table_cidr_block is required" in atlas.run(**PAIR).msg
    assert [method for method, status in atlas.wire()] == ["GET", "GET"]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_wrong_key_costs_two_requests(atlas: Atlas, state: str) -> None:
    done = atlas.run(**PEERING, private_key="wrong-but-still-secret", state=state)
    assert "wrong-but-still-secret" not in repr(done)
    assert (done.result["http_status"], done.result["error_code"]) == (401, "USER_UNAUTHORIZED")
    assert "public_key and private_key" in done.msg
    assert atlas.wire() == [("GET", 401), ("GET", 401)]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_address_that_is_not_on_the_list_of_the_key_is_shown(make_atlas: Callable[..., Atlas], state: str) -> None:
    atlas = make_atlas(key_access_list=("10.0.0.0/8",))
    done = atlas.run(**PEERING, state=state)
    assert (done.result["http_status"], done.result["error_code"]) == (403, "IP_ADDRESS_NOT_ON_ACCESS_LIST")
    assert done.missing("127.0.0.1", "access list of the API key", "project's own IP access list") == []
    assert atlas.wire() == [("GET", 401), ("GET", 403)]


@pytest.mark.parametrize("options", [PEERING, {**PAIR, "state": "absent"}, {"peer_id": ID}, {"peer_id": ID, "state": "absent"}])
def test_an_unknown_group_is_named(atlas: Atlas, options: dict[str, Any]) -> None:
    done = atlas.run(**options, group_id="f" * 24)
    assert (done.result["http_status"], done.result["error_code"], done.changed) == (404, "GROUP_NOT_FOUND", False)
    assert done.missing("group_id", "f" * 24) == []
    assert atlas.wire() == [("GET", 401), ("GET", 404)]


@pytest.mark.parametrize("more", [{}, {"accepter_region_name": "us-east-1"}, {"api_version": "v1.0"}])
def test_an_unknown_container_is_named(atlas: Atlas, more: dict[str, str]) -> None:
    done = atlas.run(**PEERING, container_id=ID, **more)
    assert (done.result["http_status"], done.result["error_code"]) == (404, "CLOUD_PROVIDER_CONTAINER_NOT_FOUND")
    assert "container_id" in done.msg
    assert (atlas.peers(), done.changed, len(atlas.wire())) == ([], False, 3)


@pytest.mark.parametrize("state", ["present", "absent"])
def test_version_1_warns_about_odd_ids_and_atlas_decides(atlas: Atlas, state: str) -> None:
    done = atlas.run(vpc_id="VPC!", aws_account_id="12345678901", route_table_cidr_block=CIDR, state=state, api_version="v1.0")
    assert [warning.split(" ")[0] for warning in done.warnings] == ["aws_account_id", "vpc_id"]
    if state == "absent":
        assert (done.failed, done.changed) == (False, False)
        return
    assert (done.result["http_status"], done.changed) == (400, False)
    assert "vpcId" in done.msg or "awsAccountId" in done.msg


def test_the_documented_example_of_version_1_works(atlas: Atlas) -> None:
    example = {"vpc_id": "vpc-123456", "aws_account_id": "abc123abc123", "route_table_cidr_block": "192.168.0.0/24"}
    assert atlas.run(**example).failed
    good = atlas.run(**example, api_version="v1.0")
    assert (good.changed, len(good.warnings)) == (True, 2)
    assert atlas.run(**example, api_version="v1.0").changed is False


@pytest.mark.parametrize(("option", "value"), [("vpc_id", "vpc-123456"), ("aws_account_id", "1"), ("connection_id", "pcx-x")])
def test_the_info_module_refuses_impossible_ids_too(atlas: Atlas, option: str, value: str) -> None:
    done = atlas.run(_vpc_peer_info_task.OPERATION, **{option: value})
    assert (done.failed, atlas.wire()) == (True, [])
    assert done.msg.startswith(f"{option} is not the id of ")
    done = atlas.run(_vpc_peer_info_task.OPERATION, **{option: value}, api_version="v1.0")
    assert (done.failed, done.result["vpc_peers"], len(done.warnings)) == (False, [], 1)


@pytest.mark.parametrize(
    ("task", "options"),
    [
        (_vpc_peer_task.OPERATION, {**PEERING, "accepter_region_name": "eu-west-9"}),
        (_vpc_peer_task.OPERATION, {**PAIR, "state": "absent", "container_region_name": "eu-west-9"}),
        (_vpc_peer_info_task.OPERATION, {"container_region_name": "eu-west-9"}),
        (_container_task.OPERATION, {"region_name": "eu-west-9", "state": "absent"}),
        (_container_info_task.OPERATION, {"region_name": "eu-west-9"}),
    ],
)
def test_an_unknown_region_is_warned_about(atlas: Atlas, task: type[Operation[Any, Any]], options: dict[str, Any]) -> None:
    (warning,) = atlas.run(task, **options).warnings
    assert "_name 'eu-west-9' is not a region" in warning
    assert atlas.wire() != []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_host_that_is_not_there_is_a_failure(atlas: Atlas, state: str) -> None:
    done = atlas.run(**PEERING, state=state, base_url="http://127.0.0.1:1")
    assert (done.failed, done.changed) == (True, False)
    assert "cannot reach http://127.0.0.1:1" in done.msg
    assert "vpc_peer" not in done.result
    assert [call["status"] for call in done.result["api_calls"]] == [None] * 3


@pytest.mark.parametrize("state", ["present", "absent"])
def test_tls_that_does_not_verify_is_a_failure(atlas: Atlas, serve: Callable[..., Wire], state: str) -> None:
    wire = serve(reply({}), tls=certificate(trustme.CA()))
    done = atlas.run(**PEERING, state=state, base_url=wire.base_url)
    assert (done.failed, done.changed, wire.requests) == (True, False, [])
    assert "ca_path" in done.msg


HTML = Reply(200, b"<html>Log in</html>", (("Content-Type", "text/html"),))


@pytest.mark.parametrize("options", [PEERING, {**PAIR, "state": "absent"}, {"peer_id": ID}, {"peer_id": ID, "state": "absent"}])
@pytest.mark.parametrize(
    ("odd", "part"),
    [
        (HTML, "text/html"),
        (Reply(200), "empty"),
        (Reply(204), "empty"),
        (Reply(200, b'{"results":', length=99), "broke"),
        (reply([]), "not a JSON object"),
        (reply({}), "not a"),
        (reply({"error": "no"}), "not a"),
        (reply({"id": 5, "statusName": 7}), "not a"),
        (reply({"results": {}}), "not a"),
        (reply({}, 302, ("Location", "https://elsewhere.example/x")), "redirect to elsewhere.example"),
    ],
    ids=range(10),
)
@pytest.mark.parametrize("envelope", [False, True])
def test_an_odd_reply_is_never_taken_for_absence(
    atlas: Atlas, serve: Callable[..., Wire], options: dict[str, Any], odd: Reply, part: str, envelope: bool
) -> None:
    wire = serve(UNAUTHORIZED, odd)
    done = atlas.run(**options, base_url=wire.base_url, envelope=envelope, retries=1)
    assert (done.failed, done.changed) == (True, False)
    assert part in done.msg
    assert done.msg.startswith("Failed to ")
    assert {one.method for one in wire.requests} == {"GET"}
    assert len(wire.requests) <= 3


def test_a_failure_carries_the_documented_fields(atlas: Atlas) -> None:
    done = atlas.run(**PEERING, group_id="f" * 24)
    assert {"msg", "http_status", "error_code", "detail", "changed", "requests", "api_calls"} == set(done.result)
    assert done.result["detail"].rstrip(".") in done.msg


def test_validate_certs_false_is_warned_about_once(atlas: Atlas) -> None:
    done = atlas.run(**PEERING, validate_certs=False)
    assert len([one for one in done.warnings if one.startswith("validate_certs")]) == 1
    assert done.changed
