"""The project's IP access list over HTTP."""

from __future__ import annotations

import concurrent.futures
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.conftest import error

GROUP = "sg-0123456789abcdef0"


def in_days(days):
    """Return a time from now, as a client writes it."""
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Days(float):
    """A time from now that is not fixed yet when the tests are collected."""


def add(api, *entries):
    """Add entries and return the list that comes back."""
    response = api.call("POST", "/accessList", json=list(entries))
    assert response.status_code == 201, response.text
    return response.json()["results"]


def values(api):
    """Return what is on the list."""
    results = api.call("GET", "/accessList").json()["results"]
    return [one.get("cidrBlock", one.get("awsSecurityGroup")) for one in results]


def test_entries_may_name_their_project(api):
    """The official command line tool and MCP server do."""
    group = api.emulator.settings.group_id
    [entry] = add(api, {"cidrBlock": "10.1.0.0/16", "comment": "cli", "groupId": group})
    assert (entry["groupId"], entry["comment"]) == (group, "cli")


def test_old_name(api, old_api):
    """In v1.0 the list has two names."""
    add(old_api, {"ipAddress": "192.0.2.5"})
    response = old_api.call("POST", "/whitelist", json=[{"cidrBlock": "10.1.0.0/16"}])
    assert response.status_code == 201
    assert [one["cidrBlock"] for one in response.json()["results"]] == ["192.0.2.5/32", "10.1.0.0/16"]
    assert old_api.call("GET", "/whitelist/192.0.2.5").json()["cidrBlock"] == "192.0.2.5/32"
    assert old_api.call("DELETE", "/whitelist/10.1.0.0%2F16").status_code == 204
    assert values(old_api) == ["192.0.2.5/32"]
    assert error(api.call("GET", "/whitelist")) == (404, "RESOURCE_NOT_FOUND")


def test_begins_empty(api):
    page = api.call("GET", "/accessList").json()
    assert (page["results"], page["totalCount"]) == ([], 0)


@pytest.mark.parametrize("version", ["v2", "v1.0"])
def test_add(api, old_api, version):
    """The reply is the whole list, with 201; a block has one form, an address two."""
    client = api if version == "v2" else old_api
    add(client, {"cidrBlock": "10.1.0.0/16"})
    response = client.call("POST", "/accessList", json=[{"ipAddress": "192.0.2.5", "comment": "office"}])
    group = client.emulator.settings.group_id
    assert response.status_code == 201
    assert response.json() == {
        "links": [{"href": f"{client.group}/accessList?pageNum=1&itemsPerPage=100", "rel": "self"}],
        "totalCount": 2,
        "results": [
            {
                "cidrBlock": "10.1.0.0/16",
                "groupId": group,
                "links": [{"href": f"{client.group}/accessList/10.1.0.0%2F16", "rel": "self"}],
            },
            {
                "cidrBlock": "192.0.2.5/32",
                "ipAddress": "192.0.2.5",
                "comment": "office",
                "groupId": group,
                "links": [{"href": f"{client.group}/accessList/192.0.2.5%2F32", "rel": "self"}],
            },
        ],
    }
    assert client.call("GET", "/accessList").json() == response.json()


def test_pages(api):
    """The list and the reply to POST have them."""
    entries = [{"ipAddress": f"192.0.2.{number}"} for number in range(5)]
    page = api.call("POST", "/accessList?itemsPerPage=2&pageNum=2", json=entries).json()
    assert [one["ipAddress"] for one in page["results"]] == ["192.0.2.2", "192.0.2.3"]
    assert {link["rel"] for link in page["links"]} == {"self", "previous", "next"}
    page = api.call("GET", "/accessList?itemsPerPage=2&pageNum=3&includeCount=false").json()
    assert [one["ipAddress"] for one in page["results"]] == ["192.0.2.4"]
    assert "totalCount" not in page


def test_page_of_the_reply_to_a_post(api, old_api):
    """It is as large as was asked for: a client can see at once whether what it has sent is there."""
    entries = [{"ipAddress": f"192.0.2.{number}"} for number in range(150)]
    for client in (api, old_api):
        page = client.call("POST", "/accessList?itemsPerPage=500", json=entries).json()
        assert len(page["results"]) == page["totalCount"] == 150
        assert [link["rel"] for link in page["links"]] == ["self"]
        page = client.call("POST", "/accessList", json=entries[:1]).json()
        assert (len(page["results"]), page["totalCount"]) == (100, 150)
        assert [link["rel"] for link in page["links"]] == ["self", "next"]
    refused = api.call("POST", "/accessList?itemsPerPage=501", json=[{"ipAddress": "198.51.100.1"}])
    assert error(refused) == (400, "INVALID_QUERY_PARAMETER")
    assert api.call("GET", "/accessList").json()["totalCount"] == 150


@pytest.mark.parametrize(
    ("sent", "path", "kept"),
    [
        ({"cidrBlock": "10.1.0.0/16"}, "10.1.0.0%2F16", "10.1.0.0/16"),
        ({"cidrBlock": "10.1.0.0/16"}, "10.1.0.0%2f16", "10.1.0.0/16"),
        ({"cidrBlock": "0.0.0.0/0"}, "0.0.0.0%2F0", "0.0.0.0/0"),
        ({"ipAddress": "192.0.2.5"}, "192.0.2.5", "192.0.2.5/32"),
        ({"ipAddress": "192.0.2.5"}, "192.0.2.5%2F32", "192.0.2.5/32"),
        ({"cidrBlock": "192.0.2.5/32"}, "192.0.2.5", "192.0.2.5/32"),
        ({"ipAddress": "2001:DB8::5"}, "2001:db8::5", "2001:db8::5/128"),
        ({"cidrBlock": "2001:db8::/58"}, "2001:db8::%2F58", "2001:db8::/58"),
    ],
    ids=str,
)
def test_one(api, sent, path, kept):
    """It is found, asked for its state and removed by its value, whose slash is encoded."""
    add(api, sent)
    assert api.call("GET", f"/accessList/{path}").json()["cidrBlock"] == kept
    assert api.call("GET", f"/accessList/{path}/status").json() == {"STATUS": "ACTIVE"}
    response = api.call("DELETE", f"/accessList/{path}")
    assert (response.status_code, response.content, values(api)) == (204, b"", [])


@pytest.mark.parametrize(
    "value", ["10.9.0.0%2F16", "192.0.2.9", GROUP, "nonsense", "10.0.0.5%2F16", "%20", "10.0.0.0%2F255.0.0.0"]
)
@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("DELETE", ""), ("GET", "/status")])
def test_unknown(api, method, value, tail):
    """The parameters are the value and the project."""
    add(api, {"ipAddress": "10.0.0.5"})
    response = api.call(method, f"/accessList/{value}{tail}")
    assert error(response) == (404, "ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND")
    assert response.json()["parameters"][1] == api.emulator.settings.group_id


def test_slash_that_is_not_encoded(api):
    """Then it separates, and there is no such path."""
    add(api, {"cidrBlock": "10.1.0.0/16"})
    assert error(api.call("GET", "/accessList/10.1.0.0/16")) == (404, "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_methods(api, method):
    """An entry is changed by adding it again."""
    assert error(api.call(method, "/accessList", json=[])) == (405, "METHOD_NOT_ALLOWED")


def test_adding_again_replaces(api):
    """Also in its other form; what is not said any more is not kept."""
    add(api, {"ipAddress": "192.0.2.5", "comment": "one"}, {"ipAddress": "192.0.2.6"})
    first, second = add(api, {"cidrBlock": "192.0.2.5/32", "comment": "two"})
    assert (first["comment"], second["ipAddress"]) == ("two", "192.0.2.6")
    assert "comment" not in add(api, {"ipAddress": "192.0.2.5"})[0]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({}, "MISSING_ONE_OF_THREE_ATTRIBUTES"),
        ({"comment": "alone"}, "MISSING_ONE_OF_THREE_ATTRIBUTES"),
        ({"ipAddress": None, "cidrBlock": None}, "MISSING_ONE_OF_THREE_ATTRIBUTES"),
        ({"ipAddress": "10.0.0.5", "cidrBlock": "10.0.0.5/32"}, "MULTIPLE_VALUES_SPECIFIED_FOR_ONE_NETWORK_PERMISSION_ENTRY"),
        ({"ipAddress": "10.0.0.5", "awsSecurityGroup": GROUP}, "MULTIPLE_VALUES_SPECIFIED_FOR_ONE_NETWORK_PERMISSION_ENTRY"),
        ({"ipAddress": "10.0.0.256"}, "INVALID_IP_ADDRESS_OR_CIDR_NOTATION"),
        ({"ipAddress": "10.0.0.5/32"}, "INVALID_IP_ADDRESS_OR_CIDR_NOTATION"),
        ({"ipAddress": "fe80::1%eth0"}, "INVALID_IP_ADDRESS_OR_CIDR_NOTATION"),
        ({"ipAddress": GROUP}, "INVALID_IP_ADDRESS_OR_CIDR_NOTATION"),
        ({"cidrBlock": "10.0.0.5"}, "INVALID_IP_ADDRESS_OR_CIDR_NOTATION"),
        ({"cidrBlock": "10.0.0.5/24"}, "INVALID_IP_ADDRESS_OR_CIDR_NOTATION"),
        ({"cidrBlock": "10.0.0.0/33"}, "INVALID_IP_ADDRESS_OR_CIDR_NOTATION"),
        ({"cidrBlock": "10.0.0.0/255.255.255.0"}, "INVALID_IP_ADDRESS_OR_CIDR_NOTATION"),
        ({"cidrBlock": f"123456789012/{GROUP}"}, "INVALID_IP_ADDRESS_OR_CIDR_NOTATION"),
        ({"ipAddress": 5}, "INVALID_ATTRIBUTE"),
        ({"awsSecurityGroup": "group"}, "INVALID_ATTRIBUTE"),
        ({"ipAddress": "10.0.0.5", "comment": 5}, "INVALID_ATTRIBUTE"),
        ({"ipAddress": "10.0.0.5", "surprise": 5}, "INVALID_ATTRIBUTE"),
        ({"ipAddress": "10.0.0.5", "groupId": "0" * 24}, "ATTRIBUTE_READ_ONLY"),
        ({"ipAddress": "10.0.0.5", "links": []}, "ATTRIBUTE_READ_ONLY"),
        ({"ipAddress": "10.0.0.5", "comment": "c" * 81}, "INVALID_NETWORK_PERMISSION_COMMENT"),
        ({"ipAddress": "10.0.0.5", "deleteAfterDate": 5}, "INVALID_ATTRIBUTE"),
        ({"ipAddress": "10.0.0.5", "deleteAfterDate": "tomorrow"}, "INVALID_DATE_FORMAT"),
        ({"ipAddress": "10.0.0.5", "deleteAfterDate": "2030-01-01"}, "INVALID_DATE_FORMAT"),
        ({"ipAddress": "10.0.0.5", "deleteAfterDate": "2030-02-30T00:00:00Z"}, "INVALID_DATE_FORMAT"),
        ({"ipAddress": "10.0.0.5", "deleteAfterDate": "0001-01-01T00:00:00+14:00"}, "INVALID_DATE_FORMAT"),
        ({"ipAddress": "10.0.0.5", "deleteAfterDate": "2020-01-01T00:00:00Z"}, "EXPIRATION_DATE_IN_PAST"),
        ({"ipAddress": "10.0.0.5", "deleteAfterDate": Days(7.1)}, "EXPIRATION_DATE_EXCEEDS_MAX"),
        ({"awsSecurityGroup": GROUP, "deleteAfterDate": Days(1)}, "NETWORK_PERMISSION_EXPIRATION_NOT_SUPPORTED"),
        ({"awsSecurityGroup": GROUP}, "CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION"),
        ({"cidrBlock": "10.7.0.0/16"}, "DUPLICATE_ADDRESSES_IN_INPUT"),
    ],
    ids=str,
)
def test_refused(api, entry, code):
    """One entry that is not right keeps the others out too."""
    entry = {name: in_days(value) if isinstance(value, Days) else value for name, value in entry.items()}
    assert error(api.call("POST", "/accessList", json=[{"cidrBlock": "10.7.0.0/16"}, entry])) == (400, code)
    assert values(api) == []


@pytest.mark.parametrize("body", ["{}", '{"ipAddress": "10.0.0.5"}', "[1]", "[", '"10.0.0.5"', ""])
def test_no_array_of_objects(api, body):
    response = api.call("POST", "/accessList", data=body, headers={"Content-Type": "application/json"})
    assert error(response) == (400, "INVALID_JSON")


def test_longest_comment(api):
    assert add(api, {"ipAddress": "10.0.0.5", "comment": "ö" * 80})[0]["comment"] == "ö" * 80


def test_limit(api):
    """200 entries; one that is there already counts once."""
    entries = [{"ipAddress": f"10.0.0.{number}"} for number in range(200)]
    assert len(add(api, *entries[:150])) == 100
    expected = (403, "ATLAS_NETWORK_PERMISSIONS_LIMIT_EXCEEDED")
    assert error(api.call("POST", "/accessList", json=[*entries[140:], {"ipAddress": "10.0.1.0"}])) == expected
    add(api, *entries[100:])
    assert api.call("GET", "/accessList").json()["totalCount"] == 200
    assert error(api.call("POST", "/accessList", json=[{"ipAddress": "10.0.1.0"}]))[0] == 403
    add(api, {"ipAddress": "10.0.0.7", "comment": "changed"})


def test_security_groups_live_with_the_peers(api):
    """They need a peer on AWS that is neither dead nor going, and go with the last one."""
    first, second = api.make_peer(), api.make_peer()
    add(api, {"awsSecurityGroup": GROUP}, {"awsSecurityGroup": f"123456789012/{GROUP}"}, {"ipAddress": "10.0.0.5"})
    path = f"/accessList/123456789012%2F{GROUP}"
    assert api.call("GET", path).json()["awsSecurityGroup"] == f"123456789012/{GROUP}"
    assert api.call("GET", f"{path}/status").json() == {"STATUS": "ACTIVE"}
    assert api.call("DELETE", path).status_code == 204
    api.call("DELETE", f"/peers/{first['id']}")
    assert values(api) == [GROUP, "10.0.0.5/32"]
    api.call("GET", f"/peers/{second['id']}")
    api.control("POST", f"/peers/{second['id']}/reject")
    expected = (400, "CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION")
    assert error(api.call("POST", "/accessList", json=[{"awsSecurityGroup": "sg-01234567"}])) == expected
    assert values(api) == [GROUP, "10.0.0.5/32"]
    api.call("DELETE", f"/peers/{second['id']}")
    assert values(api) == ["10.0.0.5/32"]


@pytest.mark.parametrize("zone", ["Z", "+00:00", "+0000", "+00", "", ".9Z", ".999Z", ".999999999Z", "z"])
def test_time_formats(api, zone):
    """They are one time, shown in UTC."""
    date = in_days(1).rstrip("Z")
    assert add(api, {"ipAddress": "10.0.0.5", "deleteAfterDate": date + zone})[0]["deleteAfterDate"] == f"{date}Z"


def test_time_zone(api):
    add(api, {"ipAddress": "10.0.0.5", "deleteAfterDate": in_days(1).replace("Z", "-0500")})
    shown = datetime.fromisoformat(api.call("GET", "/accessList/10.0.0.5").json()["deleteAfterDate"].replace("Z", "+00:00"))
    assert timedelta(hours=28.9) < shown - datetime.now(timezone.utc) <= timedelta(hours=29)


def test_temporary_entries_can_become_permanent_only(api):
    """As users of the real service know it."""
    temporary = {"ipAddress": "10.0.0.5", "deleteAfterDate": in_days(1)}
    add(api, temporary)
    later = add(api, temporary | {"deleteAfterDate": in_days(2)})[0]["deleteAfterDate"]
    assert later > temporary["deleteAfterDate"]
    assert "deleteAfterDate" not in add(api, {"ipAddress": "10.0.0.5"})[0]
    assert error(api.call("POST", "/accessList", json=[temporary])) == (400, "PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY")


def test_temporary_entries_stay_so_if_that_is_set(start):
    api, entry = start(temporary_stays=True), {"ipAddress": "10.0.0.5", "deleteAfterDate": in_days(1)}
    date = add(api, entry)[0]["deleteAfterDate"]
    shown = add(api, {"ipAddress": "10.0.0.5", "comment": "ours"}, {"ipAddress": "10.0.0.6"})
    assert [(one.get("comment"), one.get("deleteAfterDate")) for one in shown] == [("ours", date), (None, None)]


def test_at_once(api):
    """Requests that come at the same time are served one after the other: none is lost."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: add(api, {"ipAddress": f"10.0.0.{number}"}), range(24)))
    assert sorted(values(api)) == sorted(f"10.0.0.{number}/32" for number in range(24))


def test_reset(api):
    add(api, {"ipAddress": "10.0.0.5"})
    api.control("POST", "/reset")
    assert values(api) == []


def test_time_passes(clock):
    """An entry is pending for one step, and gone when its time has come, not before."""
    project = Project(Settings(step_seconds=10), clock)

    def look():
        with project.now():
            return [(entry.address, project.access_list.status(entry)) for entry in project.access_list]

    with project.now():
        project.add_access([{"ipAddress": "10.0.0.5", "deleteAfterDate": in_days(6)}, {"ipAddress": "10.0.0.6"}])
    assert look() == [("10.0.0.5", "PENDING"), ("10.0.0.6", "PENDING")]
    clock.sleep(9.9)
    assert look()[0][1] == "PENDING"
    clock.sleep(0.1)
    assert look()[0][1] == "ACTIVE"
    with project.now():
        project.add_access([{"ipAddress": "10.0.0.6", "comment": "changed"}])
    assert look()[1][1] == "ACTIVE"
    clock.sleep(6 * 86400 - 30)
    assert len(look()) == 2
    clock.sleep(30)
    assert look() == [("10.0.0.6", "ACTIVE")]
