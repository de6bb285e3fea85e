"""The emulator refuses what a page in a browser could have sent, whatever name the page was loaded under."""

from __future__ import annotations

import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import Attempt, Glob, parse_rules
from ansible_collections.cloudpeer.atlas.tests.emulator.guard import Guard, body_refusal
from ansible_collections.cloudpeer.atlas.tests.emulator.requestlog import MAX_ENTRIES, Connection, RequestLog

CONTROL = "/emulator/requests"
API = "/api/atlas/v2/groups"
NAMED = ("192.0.2.7", "Atlas.Example.", "[fd00::7]", "0.0.0.0")


def refused(*headers, target="/", hosts=NAMED):
    """Return the status of a refusal by headers, None if there is none."""
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    refusal = Guard(hosts).refusal(raw, target)
    return refusal and refusal.status


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LocalHost:1",
        "localhost.",
        "localhost.:8080",
        "localhost:",
        "127.0.0.1",
        "127.0.0.1:65535",
        "127.255.3.4:80",
        "[::1]",
        "[::1]:8080",
        "[0:0:0:0:0:0:0:1]:8080",
        "[::ffff:127.0.0.1]:8080",
        "192.0.2.7:8080",
        "[::ffff:192.0.2.7]:8080",
        "atlas.example",
        "ATLAS.example.:443",
        "[fd00:0::7]:8080",
        "[FD00::7]",
        "0.0.0.0:8080",
    ],
)
def test_names_of_its_own(host):
    """Localhost, loopback addresses and what it was started with: any port, any case, any spelling of an address."""
    assert refused(("Host", host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "x",
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil-localhost",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost:80:80",
        "localhost:x",
        "localhost/",
        "localhost evil.example",
        "localhost,evil.example",
        "http://localhost",
        "192.0.2.8",
        "127.1",
        "2130706433",
        "0x7f000001",
        "128.0.0.1",
        "::1",
        "[::1",
        "[::1]evil.example",
        "[::2]:8080",
        "[::ffff:192.0.2.8]",
        "[::]",
        "[localhost]",
        "l\u00f6calhost",
        "xn--lcalhost-n4a",
    ],
)
def test_names_of_others(host):
    """A name under which a page is loaded and that its server lets lead here, and whatever is no name."""
    assert refused(("Host", host)) == 421


def test_wildcard_is_a_name_only_where_it_was_given():
    """What listens everywhere is not called by every name."""
    assert refused(("Host", "0.0.0.0"), hosts=()) == 421
    assert refused(("Host", "[::]:80"), hosts=("::",)) is None
    assert refused(("Host", "192.168.1.5"), hosts=("0.0.0.0",)) == 421
    assert refused(("Host", "192.168.1.5"), hosts=("0.0.0.0", "192.168.1.5")) is None
    # An empty --host is no name that anything could have.
    assert refused(("Host", "."), hosts=("",)) == 421


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", None),
        ("http://localhost:8080/api", None),
        ("HTTP://LOCALHOST/api", None),
        ("http://evil.example/api", 421),
        ("https://evil.example", 421),
        ("http://localhost@evil.example/api", 421),
        ("http://evil.example?@localhost/", 421),
        ("http:///api", 421),
        ("/api?next=http://evil.example/", None),
    ],
)
def test_targets_with_a_host(target, status):
    """Such a host counts beside the header's, or in its place."""
    assert refused(("Host", "localhost"), target=target) == status
    assert refused(target=target) == status


def test_hosts_that_contradict_each_other():
    """Several Host headers are refused, even equal ones."""
    assert refused(("Host", "localhost"), ("Host", "localhost")) == 400
    assert refused(("Host", "localhost"), ("Host", "evil.example")) == 400


def test_no_host():
    """As in HTTP/1.0; no browser leaves it out."""
    assert refused() is None
    assert refused(("Origin", "http://evil.example")) == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:3000", "null", "", "file://"])
def test_origins(origin):
    """Whatever it is, it comes from a page."""
    assert refused(("Host", "localhost"), ("Origin", origin)) == 403


@pytest.mark.parametrize(
    ("sites", "status"),
    [
        (["cross-site"], 403),
        (["same-site"], 403),
        (["Cross-Site "], 403),
        (["none", "cross-site"], 403),
        (["none"], None),
        (["same-origin"], None),
        ([""], None),
    ],
)
def test_sites(sites, status):
    """An address that somebody has typed is fine."""
    assert refused(("Host", "localhost"), *[("Sec-Fetch-Site", site) for site in sites]) == status


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        ({}, False),
        ({"content-length": "0"}, False),
        ({"content-length": "0", "content-type": "application/x-www-form-urlencoded"}, False),
        ({"content-length": "2", "content-type": "application/json"}, False),
        ({"content-length": "2", "content-type": "Application/JSON; charset=utf-8"}, False),
        ({"transfer-encoding": "chunked", "content-type": "application/json"}, False),
        ({"content-length": "2"}, True),
        ({"content-length": "2", "content-type": "application/x-www-form-urlencoded"}, True),
        ({"content-length": "2", "content-type": "text/plain; application/json"}, True),
        ({"content-length": "2", "content-type": "multipart/form-data; boundary=application/json"}, True),
        ({"content-length": "2", "content-type": "application/jsonp"}, True),
        ({"transfer-encoding": "chunked"}, True),
        ({"transfer-encoding": "chunked", "content-length": "0"}, True),
    ],
    ids=str,
)
def test_bodies(headers, is_refused):
    """Only application/json, which a page cannot send without a preflight request."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    refusal = body_refusal(raw)
    assert (refusal is not None) is is_refused
    assert refusal is None or refusal.status == 415


def test_two_types_of_a_body():
    assert body_refusal([(b"content-length", b"2"), (b"content-type", b"text/plain"), (b"content-type", b"application/json")])


def send(api, *lines, body=b"", method="GET", path=CONTROL):
    """Send a request as bytes; return the status and the JSON that comes back."""
    address = urlsplit(api.emulator.base_url)
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "Connection: close", "", ""])
    received = b""
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head.encode("latin-1") + body)
        while chunk := connection.recv(65536):
            received += chunk
    head, _empty, content = received.partition(b"\r\n\r\n")
    assert b"access-control" not in head.lower()
    # h11 refuses some requests by itself, in plain text.
    return int(head.split(b" ")[1]), json.loads(content) if content[:1] in (b"{", b"[") else None


@pytest.mark.parametrize("path", [CONTROL, API, "/", "/api/oauth/token"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["Host: evil.example:8080"], 421),
        (["Host: localhost", "Host: evil.example"], 400),
        (["Host: localhost", "Origin: http://localhost:3000"], 403),
        (["Host: localhost", "Sec-Fetch-Site: same-site"], 403),
        (["Host: localhost", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403),
    ],
)
def test_nothing_is_answered(api, method, path, lines, status):
    """On every path, with every method; nothing happens and nothing is recorded."""
    api.make_peer()
    api.control("DELETE", "/requests")
    before = api.emulator.project.list_peers()
    assert send(api, *lines, method=method, path=path)[0] == status
    assert (api.emulator.project.list_peers(), api.emulator.requests.entries()) == (before, [])


def test_reset_from_a_page(api):
    """The request of which a page could make use without reading the reply; the same without a browser works."""
    peer = api.make_peer()
    for lines in (
        ["Host: localhost", "Origin: null"],
        ["Host: rebound.example"],
        ["Host: localhost", "Sec-Fetch-Site: cross-site"],
    ):
        assert send(api, *lines, method="POST", path="/emulator/reset")[0] in (403, 421)
    assert [one["id"] for one in api.emulator.project.list_peers()] == [peer["id"]]
    assert send(api, "Host: [::1]:1", method="POST", path="/emulator/reset")[0] == 204
    assert api.emulator.project.list_peers() == []


def test_what_to_do_is_told(api):
    """The name stands in the reply, harmless, with the option that allows it."""
    status, content = send(api, 'Host: <script>"\xff')
    assert (status, content["error"]) == (421, 421)
    assert "--allow-host" in content["detail"]
    assert "<script>" in content["detail"]
    assert "\xff" not in content["detail"]


@pytest.mark.parametrize("length", [2, 2 << 20])
def test_body_of_a_control_call(api, length):
    """It has to be called JSON; what is sent without being read does not hold the connection up."""
    head = ["Host: localhost", f"Content-Length: {length}"]
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        for path in ("/emulator/faults", "/emulator/reset", "/emulator/peers/x/accept"):
            assert send(api, *head, f"Content-Type: {kind}", body=b"[]" * (length // 2), method="POST", path=path)[0] == 415
    assert send(api, *head, body=b"[]" * (length // 2), method="POST", path="/emulator/faults")[0] == 415
    assert api.control("GET", "/faults").json() == []
    expected = 201 if length == 2 else 400
    body = b"[]" + b" " * (length - 2)
    assert send(api, *head, "Content-Type: application/json", body=body, method="POST", path="/emulator/faults")[0] == expected


def test_other_bodies_are_none_of_its_business(api):
    """The API itself reads what it always has: v2's own type, and the form of OAuth."""
    form = {"grant_type": "client_credentials"}
    pair = (api.emulator.settings.client_id, api.emulator.settings.client_secret)
    reply = requests.post(f"{api.emulator.base_url}/api/oauth/token", data=form, auth=pair, timeout=10)
    assert reply.status_code == 200


def test_names_that_are_allowed(start):
    """By --host and --allow-host."""
    api = start(host="127.0.0.1", allow_host=("emulator", "10.0.0.7"))
    assert send(api, "Host: emulator:8080") == (200, [])
    assert send(api, "Host: 10.0.0.7") == (200, [])
    assert send(api, "Host: 10.0.0.8")[0] == 421
    everywhere = start(host="0.0.0.0")
    assert send(everywhere, "Host: 0.0.0.0:8080") == (200, [])
    assert send(everywhere, "Host: 127.0.0.1:8080") == (200, [])
    assert send(everywhere, "Host: 192.168.0.9:8080")[0] == 421


def test_ipv6(start):
    """By its loopback address, which stands in brackets."""
    try:
        api = start(host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert api.emulator.base_url.startswith("http://[::1]:")
    assert api.call("GET").status_code == 200
    assert api.control("POST", "/reset").status_code == 204


def test_pattern_that_is_made_to_be_slow(api):
    """A regular expression would take for ever with these; the emulator goes on answering."""
    pattern = "*a" * 4999 + "*b"
    target = "/" + "a" * 60_000
    began = time.process_time()
    assert not Glob(pattern).fits(target)
    assert Glob("*a" * 4999 + "*").fits(target)
    assert time.process_time() - began < 1
    rules = [{"path_glob": pattern, "fault": {"kind": "close"}}] * 100
    requests.post(f"{api.emulator.base_url}/emulator/faults", json=rules, timeout=10).raise_for_status()
    thread = threading.Thread(target=send, args=(api, "Host: localhost"), kwargs={"path": target})
    thread.start()
    assert api.control("GET", "/requests").status_code == 200
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("", "", True),
        ("a", "a", True),
        ("a", "ab", False),
        ("*", "", True),
        ("a*", "a", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*ab*ab*", "abab", True),
        ("*ab*ab*", "abb", False),
        ("*ab*b", "ab", False),
        ("*aab", "aaab", True),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("[a]?.*", "[a]?.b", True),
        ("[a]?.*", "ab.b", False),
    ],
)
def test_patterns(pattern, text, fits):
    """The star is the only special character."""
    assert Glob(pattern).fits(text) is fits
    [rule] = parse_rules({"path_glob": f"/{pattern}", "fault": {"kind": "close"}})
    assert rule.is_about(Attempt("GET", f"/{text}", True)) is fits


def test_record_has_a_bound_in_bytes():
    """Of long paths, fewer are kept; what was forgotten does not count."""
    log, path = RequestLog(), "/" + "a" * 65_000
    for unused in range(2):
        for number in range(300):
            log.record(Connection(), {"number": number, "path": path})
        kept = log.entries()
        assert sum(len(json.dumps(entry)) for entry in kept) <= 16 * 1024 * 1024
        assert [entry["number"] for entry in kept] == list(range(300 - len(kept), 300))
        assert len(kept) > 250
        log.clear()
    log.record(Connection(), {"path": path * 300})
    assert log.entries() == []


def test_record_is_a_ring():
    """The last ones are kept; connections keep their numbers, whatever is forgotten."""
    log, first, second = RequestLog(), Connection(), Connection()
    log.record(first, {"number": -1})
    for number in range(MAX_ENTRIES + 5):
        log.record(second if number % 2 else first, {"number": number})
    entries = log.entries()
    assert MAX_ENTRIES == len(entries) == 10_000
    assert [entry["number"] for entry in entries] == list(range(5, MAX_ENTRIES + 5))
    assert {entry["connection"] for entry in entries} == {1, 2}
    log.clear()
    log.record(second, {"number": 0})
    log.record(Connection(), {"number": 1})
    assert [entry["connection"] for entry in log.entries()] == [2, 3]
    log.reset()
    log.record(second, {"number": 0})
    assert log.entries() == [{"number": 0, "connection": 1}]
