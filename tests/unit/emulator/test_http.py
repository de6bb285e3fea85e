"""Paths, methods, media types, pages and envelopes."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.conftest import VERSIONED, error


def test_root_and_group(api, old_api):
    """Both versions tell who they are and which project there is."""
    for client in (api, old_api):
        status = client.call("GET", client.root).json()
        assert (status["appName"], status["apiKey"]["publicKey"]) == ("MongoDB Atlas", "emulator")
        assert status["throttling"] is False
        group = client.call("GET").json()
        assert group["id"] == api.emulator.settings.group_id
        assert {"name", "orgId", "created", "clusterCount"} <= group.keys()


def test_groups(api, old_api):
    """The list has the one project, which has a name as well."""
    for client in (api, old_api):
        group = client.call("GET").json()
        page = client.call("GET", f"{client.root}/groups?itemsPerPage=10&pageNum=1&includeCount=true").json()
        assert (page["results"], page["totalCount"]) == ([{**group, "links": group["links"][:1]}], 1)
        assert client.call("GET", page["results"][0]["links"][0]["href"]).json() == group
        assert client.call("GET", f"{client.root}/groups/byName/emulator").json() == group
        assert client.call("GET", f"{client.root}/orgs").json()["results"][0]["id"] == group["orgId"]


def test_private_ip_mode(api, old_api):
    """A mode out of use, which can be looked at and turned off."""
    for client in (api, old_api):
        assert client.call("GET", "/privateIpMode").json() == {"enabled": False}
        assert client.call("PATCH", "/privateIpMode", json={"enabled": False}).json() == {"enabled": False}
    assert error(api.call("PATCH", "/privateIpMode", json={"enabled": True})) == (400, "INVALID_ATTRIBUTE")
    assert error(api.call("PATCH", "/privateIpMode", json={})) == (400, "MISSING_ATTRIBUTE")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/atlas/v2/groups/000000000000000000000000/peers", (404, "GROUP_NOT_FOUND")),
        ("/api/atlas/v2/groups/nonsense/peers", (400, "PATH_PARAM_PARSE_ERROR")),
        ("/api/atlas/v2/groups/5356823b3794dee37132bb7b/surprise", (404, "RESOURCE_NOT_FOUND")),
        ("/api/atlas/v2/groups/5356823b3794dee37132bb7b//peers", (404, "RESOURCE_NOT_FOUND")),
        ("/api/atlas/v2/groups/5356823b3794dee37132bb7b/peers/a/b", (404, "RESOURCE_NOT_FOUND")),
        ("/api/atlas/v2/groups/5356823b3794dee37132bb7b/peers/a%2Fb", (400, "PATH_PARAM_PARSE_ERROR")),
        ("/api/atlas/v2/groups/5356823b3794dee37132bb7b/peers/%00%ff%e2", (400, "PATH_PARAM_PARSE_ERROR")),
        ("/api/atlas/v2/clusters", (404, "RESOURCE_NOT_FOUND")),
        ("/api/atlas/v2/orgs/5356823b3794dee37132bb7b/teams", (404, "RESOURCE_NOT_FOUND")),
        ("/api/private/unauth", (404, "RESOURCE_NOT_FOUND")),
        ("/api/atlas/v1.5/groups", (404, "RESOURCE_NOT_FOUND")),
        ("/api/atlas", (404, "RESOURCE_NOT_FOUND")),
        ("/", (404, "RESOURCE_NOT_FOUND")),
    ],
)
def test_paths(api, path, expected):
    """Known and unknown paths."""
    assert error(api.call("GET", api.emulator.base_url + path)) == expected


@pytest.mark.parametrize("path", ["/peers/", "/%70eers"])
def test_other_spellings_of_a_path(api, path):
    """A slash at the end and percent-encoding make no difference."""
    assert api.call("GET", path).json()["results"] == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/peers", "GET, POST, HEAD"),
        ("DELETE", "/peers", "GET, POST, HEAD"),
        ("OPTIONS", "/peers", "GET, POST, HEAD"),
        ("POST", "/peers/000000000000000000000000", "GET, PATCH, DELETE, HEAD"),
        ("PUT", "", "GET, PATCH, DELETE, HEAD"),
        ("POST", "/containers/all", "GET, HEAD"),
        ("BREW", "/containers", "GET, POST, HEAD"),
    ],
)
def test_methods(api, method, path, allowed):
    """A wrong method is told the right ones."""
    response = api.call(method, path)
    assert (error(response), response.headers["Allow"]) == ((405, "METHOD_NOT_ALLOWED"), allowed)


def test_head(api):
    """As GET, without the body."""
    response = api.call("HEAD", "/peers")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["Content-Length"]) == len(api.call("GET", "/peers").content)


@pytest.mark.parametrize(
    "accept",
    [
        VERSIONED,
        "application/vnd.atlas.2025-03-12+json",
        "APPLICATION/VND.ATLAS.2023-01-01+JSON; q=0.5",
        f"application/json, {VERSIONED}",
        f"text/html;q=0.9,{VERSIONED};q=0.1, */*;q=0",
    ],
)
def test_versions(api, accept):
    """The newest version at or before the date is named in the reply, as in those that mongodb-atlas-cli has recorded."""
    response = api.call("GET", "/peers", headers={"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (200, f"{VERSIONED};charset=utf-8")


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "application/json",
        "application/vnd.atlas.2022-12-31+json",
        "application/vnd.atlas.2023-02-30+json",
        "application/vnd.atlas.2023-1-1+json",
        "application/vnd.atlas.preview+json",
        "application/vnd.atlas.2023-01-01+csv",
        f"{VERSIONED};q=0",
        ",;,",
    ],
)
def test_unknown_versions(api, old_api, accept):
    """v2 takes nothing but a date that there was a version for; v1.0 takes anything."""
    api.session.headers["Accept"] = old_api.session.headers["Accept"] = accept
    response = api.call("GET", "/peers")
    assert error(response) == (406, "INVALID_VERSION_DATE")
    assert response.headers["Content-Type"] == "application/json"
    response = old_api.call("GET", "/peers")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", VERSIONED, None])
def test_types_of_bodies(api, content_type):
    """Plain JSON and the service's own type are read."""
    headers = {"Content-Type": content_type} if content_type else {}
    response = api.call("POST", "/peers", data=json.dumps(api.new_peer()).encode(), headers=headers)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "application/merge-patch+json"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/peers"), ("PATCH", "/peers/000000000000000000000000")])
def test_other_types_of_bodies(api, content_type, method, path):
    """Others are not."""
    response = api.call(method, path, data=b"{}", headers={"Content-Type": content_type})
    assert error(response) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert response.json()["parameters"] == [content_type]


def test_pages(start):
    """Links lead through all pages in order of creation, on the host that was called, with what else was asked."""
    api = start(step_seconds=0, allow_host=("atlas.example",))
    made = [api.make_peer()["id"] for number in range(5)]
    url, pages = f"{api.group}/peers?itemsPerPage=2&providerName=AWS", []
    api.session.headers["Host"] = "atlas.example:8080"
    while url:
        page = api.call("GET", url).json()
        links = {link["rel"]: link["href"] for link in page["links"]}
        assert all(href.startswith("http://atlas.example:8080/api/atlas/v2/groups/") for href in links.values())
        assert all(parse_qs(urlsplit(href).query)["providerName"] == ["AWS"] for href in links.values())
        assert page["totalCount"] == 5
        pages.append((sorted(links), [one["id"] for one in page["results"]]))
        url = links.get("next", "").replace("http://atlas.example:8080", api.emulator.base_url)
    assert pages == [(["next", "self"], made[:2]), (["next", "previous", "self"], made[2:4]), (["previous", "self"], made[4:])]


def test_page_after_the_last(api):
    """It is empty, and no error."""
    api.make_peer()
    page = api.call("GET", "/peers?pageNum=9").json()
    assert (page["results"], page["totalCount"]) == ([], 1)
    assert [link["rel"] for link in page["links"]] == ["self", "previous"]


def test_full_page_has_no_next(api):
    """The last page may be full."""
    api.make_peer()
    assert [link["rel"] for link in api.call("GET", "/peers?itemsPerPage=1").json()["links"]] == ["self"]


def test_count_can_be_left_out(api):
    """As asked for."""
    assert "totalCount" not in api.call("GET", "/peers?includeCount=false").json()


@pytest.mark.parametrize(
    "query",
    [
        "pageNum=-1",
        "pageNum=one",
        "pageNum=",
        "itemsPerPage=0",
        "itemsPerPage=501",
        "itemsPerPage=1e2",
        "itemsPerPage=" + "9" * 5000,
        "itemsPerPage=%D9%A1",
        "envelope=maybe",
        "pageNum=00000000000",
        "includeCount=2",
        "surprise=1",
    ],
)
def test_wrong_parameters(api, query):
    """The parameter is named."""
    response = api.call("GET", f"/peers?{query}")
    assert error(response) == (400, "INVALID_QUERY_PARAMETER")
    assert response.json()["parameters"] == [query.split("=")[0]]


def test_wrong_provider(api):
    """Only the three that peers can have."""
    response = api.call("GET", "/peers?providerName=TENANT")
    assert error(response) == (400, "INVALID_PROVIDER")
    assert response.json()["parameters"] == ["TENANT"]


def test_most_items_a_page(api):
    """The documented limit itself."""
    assert api.call("GET", "/peers?itemsPerPage=500").status_code == 200


def test_envelope(api):
    """Lists get the status beside the results, single objects and errors are wrapped; HTTP's own status stays."""
    created = api.call("POST", "/peers?envelope=true", json=api.new_peer())
    assert created.json().keys() == {"status", "content"}
    peer = created.json()["content"]
    assert created.json()["status"] == 200
    listed = api.call("GET", "/peers?envelope=True").json()
    assert (listed["status"], [one["id"] for one in listed["results"]]) == (200, [peer["id"]])
    deleted = api.call("DELETE", f"/peers/{peer['id']}?envelope=true")
    assert (deleted.status_code, deleted.json()) == (202, {"status": 202, "content": {}})
    missing = api.call("GET", f"/peers/{peer['id']}?envelope=true")
    assert (missing.status_code, missing.json()["status"]) == (404, 404)
    assert missing.json()["content"]["errorCode"] == missing.headers["X-Error-Code"] == "PEER_NOT_FOUND"


def test_pretty(api):
    """The same, for people."""
    compact, pretty = (api.call("GET", f"?pretty={value}") for value in ("false", "true"))
    assert "\n" not in compact.text
    assert pretty.text.count("\n") > 5
    assert compact.json().keys() == pretty.json().keys()
