"""Reading the access list: which entries the options select, and whether they are in force."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_access_list_info import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Wire, page

OFFICE, HOST, V6, GROUP = "10.1.0.0/16", "10.2.0.5/32", "2001:db8::/32", "sg-0a1b2c3d4e5f67890"


@pytest.fixture(autouse=True)
def _entries(atlas: Atlas) -> None:
    atlas.add_peer()
    with atlas.emulator.project.now() as project:
        bodies: list[dict[str, Any]] = [
            {"cidrBlock": OFFICE, "comment": "office Berlin"},
            {"ipAddress": "10.2.0.5"},
            {"cidrBlock": V6, "comment": "office"},
            {"awsSecurityGroup": GROUP},
        ]
        project.add_access(bodies)


def run(atlas: Atlas, **options: Any) -> Done:
    return atlas.run(OPERATION, **options)


def names(done: Done) -> list[str]:
    return [one["cidr_block"] or one["aws_security_group"] for one in done.result["access_list"]]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, [OFFICE, HOST, V6, GROUP]),
        ({"cidr_block": OFFICE}, [OFFICE]),
        ({"cidr_block": "10.*"}, [OFFICE, HOST]),
        ({"cidr_block": HOST}, [HOST]),
        ({"ip_address": "10.2.0.5"}, [HOST]),
        ({"ip_address": "10.2.*"}, [HOST]),
        ({"ip_address": "10.1.0.0"}, []),
        ({"aws_security_group": GROUP}, [GROUP]),
        ({"aws_security_group": "*"}, [GROUP]),
        ({"comment": "office"}, [V6]),
        ({"comment": "office*"}, [OFFICE, V6]),
        ({"comment": "Office*"}, []),
        ({"comment": "office*", "cidr_block": "10.*"}, [OFFICE]),
        ({"contains": "10.1.3.7"}, [OFFICE]),
        ({"contains": "10.1.3.0/24"}, [OFFICE]),
        ({"contains": "10.0.0.0/8"}, []),
        ({"contains": "10.2.0.5"}, [HOST]),
        ({"contains": "2001:db8::1"}, [V6]),
        ({"contains": "10.1.3.7", "comment": "lab"}, []),
    ],
    ids=str,
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_the_options_select(atlas: Atlas, options: dict[str, Any], found: list[str], check_mode: bool) -> None:
    done = run(atlas, **options, check_mode=check_mode)
    assert (done.failed, done.changed, sorted(names(done))) == (False, False, sorted(found))
    assert [method for method, status in atlas.wire() if status == 200] == ["GET"]


@pytest.mark.parametrize(
    ("there", "wanted", "found"),
    [
        # atlas_access_list takes both for one entry.
        (f"123456789012/{GROUP}", GROUP, True),
        (GROUP, f"123456789012/{GROUP}", True),
        (f"123456789012/{GROUP}", f"12345678901[12]/{GROUP}", True),
        (f"123456789012/{GROUP}", f"{GROUP[:-1]}[{GROUP[-1]}]", True),
        (f"123456789012/{GROUP}", f"210987654321/{GROUP}", False),
        (f"123456789012/{GROUP}", f"{GROUP}0", False),
    ],
)
def test_a_group_is_found_without_its_account(atlas: Atlas, wire: Wire, there: str, wanted: str, found: bool) -> None:
    wire.faults.append(Fault("GET", page({"awsSecurityGroup": there})))
    assert names(run(atlas, aws_security_group=wanted)) == ([there] if found else [])


def test_the_entries_are_those_of_the_other_module(atlas: Atlas) -> None:
    (entry,) = run(atlas, cidr_block=OFFICE).result["access_list"]
    assert entry == {
        "cidr_block": OFFICE,
        "ip_address": None,
        "aws_security_group": None,
        "comment": "office Berlin",
        "delete_after_date": None,
    }


def test_all_pages_are_read(atlas: Atlas, wire: Wire) -> None:
    first = page({"cidrBlock": OFFICE}, following=f"{atlas.base_url}/api/atlas/v2/next?pageNum=2")
    wire.faults += [Fault("GET", first), Fault("GET", page({"cidrBlock": V6}))]
    assert names(run(atlas)) == [OFFICE, V6]


def test_the_status_costs_a_request_an_entry_that_is_selected(atlas: Atlas) -> None:
    done = run(atlas, cidr_block="10.*", include_status=True)
    assert {one["cidr_block"]: one["status"] for one in done.result["access_list"]} == {OFFICE: "PENDING", HOST: "PENDING"}
    atlas.clock.sleep(60)
    done = run(atlas, include_status=True)
    assert {one["status"] for one in done.result["access_list"]} == {"ACTIVE"}
    requests = [one["path"] for one in atlas.emulator.requests.entries() if one["authenticated"]]
    assert len([path for path in requests if path.endswith("/status")]) == 2 + 4
    assert len(requests) == 2 + 2 + 4


def test_an_entry_that_goes_meanwhile_is_left_out(atlas: Atlas) -> None:
    atlas.fault("GET", "status", status=404, code="ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND", skip=1)
    done = run(atlas, cidr_block="10.*", include_status=True)
    assert (done.failed, len(done.result["access_list"])) == (False, 1)


def test_a_status_that_cannot_be_read_is_a_failure(atlas: Atlas) -> None:
    atlas.fault("GET", "status", status=403, code="USER_UNAUTHORIZED", skip=1)
    done = run(atlas, include_status=True)
    assert (done.failed, done.result["error_code"]) == (True, "USER_UNAUTHORIZED")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cidr_block": "10.1.0.1/16"}, ["cidr_block has host bits", OFFICE]),
        ({"ip_address": "10.1.0.300"}, ["ip_address is not an address", "10.0.0.5"]),
        ({"aws_security_group": "app"}, ["aws_security_group is not", GROUP]),
        ({"contains": "here"}, ["contains is neither", "'here'"]),
        ({"contains": "10.1.0.1/16"}, ["contains is neither", "host bits"]),
    ],
)
def test_options_that_cannot_be_right_are_refused_unsent(atlas: Atlas, options: dict[str, Any], words: list[str]) -> None:
    done = run(atlas, **options)
    assert (done.failed, atlas.wire()) == (True, [])
    assert done.msg.startswith(words[0])
    assert done.missing(*words) == []
