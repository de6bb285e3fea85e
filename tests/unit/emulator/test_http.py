# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The outer form of requests and replies."""

from __future__ import annotations

import contextlib
import json
import socket
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.emulator.digest import response_digest
from requests.utils import parse_dict_header

VERSIONED = "application/vnd.atlas.2023-01-01+json"


def error(response):
    """Return status and code of an error."""
    return response.status_code, response.json()["errorCode"]


def raw_exchange(api, data, end=True):
    """Send bytes and return what comes back before the server closes."""
    address = urlsplit(api.emulator.base_url)
    received = b""
    # A server that has seen enough may close before it was sent everything.
    seen_enough = contextlib.suppress(ConnectionError)
    with seen_enough, socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(data)
        if end:
            with contextlib.suppress(OSError):
                # ENOTCONN, where it has closed already.
                connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65536):
            received += chunk
    return received


# --- authentication ---


def test_challenge(api):
    """The first 401 is of a kind of its own, and comes before anything else is looked at."""
    for path in ("/api/atlas/v2", "/api/atlas/v9/nothing", "/", "/api/atlas/v2/groups/x/peers"):
        for method in ("GET", "DELETE", "PROPFIND"):
            response = requests.request(method, api.emulator.base_url + path, timeout=10)
            assert error(response) == (401, "UNEXPECTED_ERROR")
            assert response.headers["X-Error-Code"] == "UNEXPECTED_ERROR"
            assert "parameters" not in response.json()
            assert response.headers["WWW-Authenticate"].startswith('Digest realm="MMS Public API", domain="", nonce="')
            assert response.headers["WWW-Authenticate"].endswith('", algorithm=MD5, qop="auth", stale=false')


@pytest.mark.parametrize("header", ["Basic ZW11bGF0b3I6eA==", "Bearer abc", "Digest", 'Digest a="', "\x80\xff"])
def test_other_credentials(api, header):
    """Whatever is no answer to the challenge is refused with a new one."""
    response = requests.get(api.root, headers={"Authorization": header.encode("latin-1")}, timeout=10)
    assert error(response) == (401, "USER_UNAUTHORIZED")
    assert response.json()["parameters"] == []
    assert "stale=false" in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("half", ["username", "password"])
def test_wrong_key(api, half):
    """It costs two requests and is refused with another code than the challenge."""
    setattr(api.session.auth, half, "wrong")
    assert error(api.call("GET")) == (401, "USER_UNAUTHORIZED")
    log = api.emulator.requests.entries()
    assert [(entry["status"], entry["authenticated"]) for entry in log][:2] == [(401, False), (401, False)]


def test_stale_nonce_is_renewed(api):
    """A client that keeps its session goes on after its nonce is forgotten."""
    api.call("GET")
    api.emulator.reset()
    seen = []
    response = api.call("GET", hooks={"response": lambda answer, **_: seen.append(answer)})
    assert response.status_code == 200
    assert [answer.status_code for answer in [*response.history, response]] == [401, 200]
    assert "stale=true" in response.history[0].headers["WWW-Authenticate"]
    assert error(response.history[0]) == (401, "UNEXPECTED_ERROR")


def test_replayed_header(api):
    """The same header opens nothing a second time, nor anything else."""
    header = api.call("GET").request.headers["Authorization"]
    for url in (api.group, api.root):
        response = requests.get(url, headers={"Authorization": header, "Accept": VERSIONED}, timeout=10)
        assert response.status_code == 401


def test_sha_256(start):
    """The government cloud's algorithm."""
    api = start(algorithm="SHA-256")
    response = api.call("GET")
    assert response.status_code == 200
    assert "algorithm=SHA-256," in response.history[0].headers["WWW-Authenticate"]


def test_access_list_of_the_key(start):
    """The refusal says whose address it was, and only to who has the key."""
    api = start(key_access_list=("10.0.0.0/8", "192.0.2.7"))
    response = api.call("GET")
    assert error(response) == (403, "IP_ADDRESS_NOT_ON_ACCESS_LIST")
    assert response.json()["parameters"] == ["127.0.0.1"]
    assert "127.0.0.1" in response.json()["detail"]
    assert requests.get(api.root, headers={"X-Forwarded-For": "10.0.0.1"}, timeout=10).status_code == 401
    assert api.call("GET", headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 403
    assert start(key_access_list=("10.0.0.0/8", "127.0.0.0/8")).call("GET").status_code == 200


# --- paths and methods ---


def test_root_and_group(api, old_api):
    """Both versions tell who they are and which project there is."""
    for client in (api, old_api):
        status = client.call("GET", client.root).json()
        assert status["appName"] == "MongoDB Atlas"
        assert status["apiKey"]["publicKey"] == "emulator"
        assert status["throttling"] is False
        group = client.call("GET").json()
        assert group["id"] == api.emulator.settings.group_id
        assert {"name", "orgId", "created", "clusterCount"} <= group.keys()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/atlas/v2/groups/000000000000000000000000/peers", (404, "GROUP_NOT_FOUND")),
        ("/api/atlas/v2/groups/nonsense/peers", (400, "PATH_PARAM_PARSE_ERROR")),
        ("/api/atlas/v2/groups/5356823b3794dee37132bb7b/surprise", (404, "RESOURCE_NOT_FOUND")),
        ("/api/atlas/v2/groups/5356823b3794dee37132bb7b//peers", (404, "RESOURCE_NOT_FOUND")),
        ("/api/atlas/v2/groups/5356823b3794dee37132bb7b/peers/a/b", (404, "RESOURCE_NOT_FOUND")),
        ("/api/atlas/v2/groups/5356823b3794dee37132bb7b/peers/a%2Fb", (404, "INVALID_PEER_ID")),
        ("/api/atlas/v2/groups/5356823b3794dee37132bb7b/peers/%00%ff%e2", (404, "INVALID_PEER_ID")),
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
        ("DELETE", "", "GET, HEAD"),
        ("POST", "/containers/all", "GET, HEAD"),
        ("BREW", "/containers", "GET, POST, HEAD"),
    ],
)
def test_methods(api, method, path, allowed):
    """A wrong method is told the right ones."""
    response = api.call(method, path)
    assert error(response) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["Allow"] == allowed


def test_head(api):
    """As GET, without the body."""
    response = api.call("HEAD", "/peers")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["Content-Length"]) == len(api.call("GET", "/peers").content)


# --- media types ---


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
    """The newest version at or before the date is named in the reply."""
    response = api.call("GET", "/peers", headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == VERSIONED


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
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"


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


# --- query ---


def test_pages(api):
    """Links lead through all pages in order of creation, on the host that was called, with what else was asked."""
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
    assert pages == [
        (["next", "self"], made[:2]),
        (["next", "previous", "self"], made[2:4]),
        (["previous", "self"], made[4:]),
    ]


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
        "pageNum=0",
        "pageNum=-1",
        "pageNum=one",
        "pageNum=",
        "itemsPerPage=0",
        "itemsPerPage=501",
        "itemsPerPage=1e2",
        "itemsPerPage=" + "9" * 5000,
        "itemsPerPage=%D9%A1",
        "envelope=maybe",
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


# --- robustness ---


def test_fault_of_the_emulator(api, monkeypatch, capfd):
    """It looks as Atlas's own faults do: an error in JSON, and nothing on the terminal."""
    monkeypatch.setattr(api.emulator.project, "peers", None)
    response = api.call("GET", "/peers")
    assert error(response) == (500, "UNEXPECTED_ERROR")
    assert "Traceback" not in response.text
    assert capfd.readouterr() == ("", "")


def test_large_body(api):
    """It is bounded, and the answer still arrives."""
    api.call("GET")
    response = api.call("POST", "/peers", data=b" " * (2 << 20), headers={"Content-Type": "application/json"})
    assert error(response) == (413, "REQUEST_ENTITY_TOO_LARGE")
    assert api.call("GET").status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Digest a=1\r\nAuthorization: Digest b=2\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://x/api/atlas/v2 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=range(13),
)
def test_odd_bytes(api, data, capfd):
    """They end in a refusal, with nothing on the terminal, and the next client is served."""
    status = raw_exchange(api, data).split(b"\r\n")[0]
    assert status.split(b" ")[1] in (b"400", b"401", b"431"), status
    assert api.call("GET").status_code == 200
    assert capfd.readouterr() == ("", "")


def test_endless_header(api):
    """It is cut off."""
    received = raw_exchange(api, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2_000_000)
    assert received.split(b" ")[1:2] in ([], [b"400"])
    assert api.call("GET").status_code == 200


def test_endless_body(api):
    """After some more than the limit it is answered unread, and the connection closed."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
    received = raw_exchange(api, head + b"x" * (20 << 20), end=False)
    assert received == b"" or (received.startswith(b"HTTP/1.1 401") and b"connection: close" in received)
    assert api.emulator.requests.entries()[-1]["status"] == 401
    assert api.call("GET").status_code == 200


def test_half_a_body(api):
    """A client that goes away leaves nothing behind."""
    data = b"POST /api/atlas/v2 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"
    assert raw_exchange(api, data).split(b" ")[1:2] in ([], [b"400"])
    assert api.call("GET").status_code == 200


def test_absolute_target(api):
    """A target with scheme and host is served as one without, and the digest may cover either."""
    challenge = parse_dict_header(requests.get(api.root, timeout=10).headers["WWW-Authenticate"].removeprefix("Digest "))
    for count, uri in (("00000001", "/api/atlas/v2"), ("00000002", api.root)):
        params = {**challenge, "nc": count, "cnonce": "c", "uri": uri, "username": "emulator"}
        params["response"] = response_digest("MD5", "emulator", api.emulator.settings.private_key, "GET", params)
        header = ", ".join(f'{name}="{value}"' for name, value in params.items())
        request = f"GET {api.root} HTTP/1.0\r\nAccept: {VERSIONED}\r\nAuthorization: Digest {header}\r\n\r\n"
        assert raw_exchange(api, request.encode()).startswith(b"HTTP/1.1 200 OK")


def test_connections_are_kept(api):
    """The first request, its repetition and everything after it share one connection, bodies or not."""
    api.call("POST", "/peers", json=api.new_peer())
    api.call("GET", "/peers")
    api.call("PUT", "/peers", data=b"x" * 1000)
    log = api.emulator.requests.entries()
    assert [entry["status"] for entry in log] == [401, 200, 200, 405]
    assert {entry["connection"] for entry in log} == {1}
