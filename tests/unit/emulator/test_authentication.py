"""Signing in: the digest server by itself, credentials over HTTP, and clients that others wrote."""

from __future__ import annotations

import concurrent.futures
import hashlib
import http.client
import json
import re
import shutil
import subprocess
import urllib.request

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.emulator.digest import (
    DigestServer,
    Nonces,
    Verdict,
    parse_authorization,
    response_digest,
)
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.conftest import VERSIONED, error


def test_challenge(api):
    """The first 401 is of a kind of its own, and comes before anything else is looked at, as recorded by mongodb-atlas-cli."""
    for path in ("/api/atlas/v2", "/api/atlas/v9/nothing", "/", "/api/atlas/v2/groups/x/peers"):
        for method in ("GET", "DELETE", "PROPFIND"):
            response = requests.request(method, api.emulator.base_url + path, timeout=10)
            assert error(response) == (401, "UNEXPECTED_ERROR")
            assert "X-Error-Code" not in response.headers
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


URI = "/api/atlas/v2/groups?pageNum=1&x=%2F"
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
# RFC 7616, 3.9.1.
VECTOR = {
    "realm": "http-auth@example.org",
    "uri": "/dir/index.html",
    "nonce": NONCE,
    "nc": "00000001",
    "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
}


@pytest.fixture
def nonces(clock):
    """Return nonces that live for a minute."""
    return Nonces(60, clock)


@pytest.fixture
def server(nonces):
    """Return a server for one user."""
    return DigestServer("user", "secret", nonces)


def answer(server, nonce=None, method="GET", password="secret", algorithm="MD5", **changes):
    """Return the header with which a client answers a challenge, or one with these parameters changed or (None) left out."""
    nonce = nonce or re.search(r'nonce="([^"]+)"', server.challenge())[1]
    params = {"username": "user", "realm": "MMS Public API", "nonce": nonce, "uri": URI, "nc": "00000001", "cnonce": "0a4f113b"}
    params |= {name: value for name, value in changes.items() if name in params and value is not None}
    params["response"] = response_digest(algorithm, params["username"], password, method, params)
    params |= {"qop": "auth", "algorithm": algorithm, **changes}
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in params.items() if value is not None)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_vectors_of_rfc_7616(algorithm, expected):
    """The digest is the one that the RFC computes."""
    assert response_digest(algorithm, "Mufasa", "Circle of Life", "GET", VECTOR) == expected


def test_challenge_has_the_shape_of_atlas(server):
    """Order, spacing and quoting are those seen on the wire. The nonce is base64, as mongodb-atlas-cli has recorded it."""
    shape = r'Digest realm="MMS Public API", domain="", nonce="[A-Za-z0-9+/]{32}", algorithm=MD5, qop="auth", stale=(false|true)'
    assert re.fullmatch(shape, server.challenge())[1] == "false"
    assert re.fullmatch(shape, server.challenge(stale=True))[1] == "true"
    assert server.challenge() != server.challenge()


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_right_answer_is_accepted(nonces, algorithm):
    """Both algorithms work."""
    server = DigestServer("user", "secret", nonces, algorithm)
    assert server.check("GET", (URI,), answer(server, algorithm=algorithm)) is Verdict.ACCEPTED


def test_missing_algorithm_means_md5(server, nonces):
    """As RFC 7616, 3.3, has it; a server for another algorithm refuses."""
    assert server.check("GET", (URI,), answer(server)) is Verdict.ACCEPTED
    header = re.sub(', algorithm="MD5"', "", answer(server))
    assert "algorithm" not in header
    assert server.check("GET", (URI,), header) is Verdict.ACCEPTED
    other = DigestServer("user", "secret", nonces, "SHA-256")
    assert other.check("GET", (URI,), re.sub(', algorithm="SHA-256"', "", answer(other, algorithm="SHA-256"))) is Verdict.REFUSED


def test_no_header_is_absent(server):
    """Nothing was refused, since nothing was sent."""
    assert server.check("GET", (URI,), None) is Verdict.ABSENT


def test_method_is_bound(server):
    """An answer for a GET opens no DELETE."""
    assert server.check("DELETE", (URI,), answer(server)) is Verdict.REFUSED


@pytest.mark.parametrize("target", ["/api/atlas/v2/groups", URI + "&y=1", URI.replace("%2F", "/"), URI.replace("%2F", "%2f")])
def test_uri_is_bound_as_it_was_sent(server, target):
    """The target is compared byte for byte, query included."""
    assert server.check("GET", (target,), answer(server)) is Verdict.REFUSED


@pytest.mark.parametrize(
    "changes",
    [
        {"realm": "elsewhere"},
        {"username": "somebody"},
        {"password": "wrong"},
        {"qop": "auth-int"},
        {"qop": None},
        {"cnonce": None},
        {"nc": None},
        {"nc": "1"},
        {"nc": "0000000g"},
        {"nc": "000000001"},
        {"uri": None},
        {"nonce": None},
        {"response": None},
        {"response": "0" * 32},
        {"response": "\udcff"},
        {"algorithm": "MD5-sess"},
        {"algorithm": "SHA-256"},
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(server, changes):
    """Each parameter counts."""
    algorithm = changes.get("algorithm")
    header = answer(server, **changes) if not algorithm else answer(server).replace('"MD5"', f'"{algorithm}"')
    if changes == {"nonce": None}:
        header = re.sub(r'nonce="[^"]+", ', "", answer(server), count=1)
    assert server.check("GET", (URI,), header) is Verdict.REFUSED


def test_count_is_good_once(server):
    """Counts come in any order, since requests on several connections overtake each other; none comes twice."""
    nonce = re.search(r'nonce="([^"]+)"', server.challenge())[1]
    counts = ("00000001", "00000001", "0000000a", "00000009", "0000000A", "00000000")
    verdicts = [server.check("GET", (URI,), answer(server, nonce, nc=count)) for count in counts]
    assert [verdict is Verdict.ACCEPTED for verdict in verdicts] == [True, False, True, True, False, True]
    assert set(verdicts) == {Verdict.ACCEPTED, Verdict.STALE}


def test_nonce_ages(server, clock):
    """A right answer over an old nonce is stale, a wrong one is refused."""
    nonce = re.search(r'nonce="([^"]+)"', server.challenge())[1]
    clock.sleep(60)
    assert server.check("GET", (URI,), answer(server, nonce)) is Verdict.ACCEPTED
    clock.sleep(0.1)
    assert server.check("GET", (URI,), answer(server, nonce, nc="00000002")) is Verdict.STALE
    assert server.check("GET", (URI,), answer(server, nonce, nc="00000003", password="wrong")) is Verdict.REFUSED


def test_unknown_nonce_is_stale(server):
    """Somebody else's nonce is told like an old one."""
    assert server.check("GET", (URI,), answer(server, NONCE)) is Verdict.STALE
    assert server.check("GET", (URI,), answer(server, NONCE, password="wrong")) is Verdict.REFUSED


def test_refused_answers_use_up_no_count(server):
    """Who has no key cannot disturb who has it."""
    nonce = re.search(r'nonce="([^"]+)"', server.challenge())[1]
    assert server.check("GET", (URI,), answer(server, nonce, nc="00000009", password="wrong")) is Verdict.REFUSED
    assert server.check("GET", (URI,), answer(server, nonce)) is Verdict.ACCEPTED


def test_nonce_for_a_single_use(clock):
    """A life of no seconds means one request, however late."""
    server = DigestServer("user", "secret", Nonces(0, clock))
    nonce = re.search(r'nonce="([^"]+)"', server.challenge())[1]
    clock.sleep(1000)
    assert server.check("GET", (URI,), answer(server, nonce)) is Verdict.ACCEPTED
    assert server.check("GET", (URI,), answer(server, nonce, nc="00000002")) is Verdict.STALE


def test_nonces_are_bound_in_number(clock):
    """Expired ones go first, then the oldest."""
    nonces = Nonces(60, clock, limit=3)
    old = nonces.issue()
    clock.sleep(61)
    kept = [nonces.issue() for number in range(3)]
    assert len(nonces) == 3
    newest = nonces.issue()
    assert len(nonces) == 3
    assert [nonces.spend(nonce, 1) for nonce in (old, *kept, newest)] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Digest a="1", b=2', {"a": "1", "b": "2"}),
        ('dIGEST  A = "1" ,,B=2 , ', {"a": "1", "b": "2"}),
        (r'Digest a="say \"hi\", \\ok"', {"a": r'say "hi", \ok'}),
        ('Digest a="",b="x=y"', {"a": "", "b": "x=y"}),
        ("Digest", {}),
        ("Basic dXNlcjpzZWNyZXQ=", None),
        ("Bearer abc", None),
        ("", None),
        ('Digest a="1', None),
        ("Digest a", None),
        ('Digest a="1" b="2"', None),
        ('Digest a="1", A="2"', None),
        ("Digest =1", None),
    ],
)
def test_parsing(header, expected):
    """Whatever the RFCs allow is read, and nothing else."""
    assert parse_authorization(header) == expected


def test_a_nonce_can_be_bound_to_its_connection(server: DigestServer) -> None:
    nonce = re.search(r'nonce="([^"]+)"', server.challenge(connection="one"))[1]
    assert server.check("GET", (URI,), answer(server, nonce), "two") is Verdict.STALE
    assert server.check("GET", (URI,), answer(server, nonce), "one") is Verdict.ACCEPTED


BODY = json.dumps({"vpcId": "vpc-123456", "awsAccountId": "abc123abc123", "routeTableCidrBlock": "192.168.0.0/24"})
JSON = "Content-Type: application/json"


def curl(api, *arguments, data=""):
    """Call curl, with data on its standard input, and return status and body."""
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    key = f"{api.emulator.settings.public_key}:{api.emulator.settings.private_key}"
    command = ["curl", "-q", "-sS", "--digest", "-u", key, "--noproxy", "*", "-w", r"\n%{http_code}", *arguments]
    done = subprocess.run(command, input=data, capture_output=True, text=True, check=True, timeout=20)
    body, _newline, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body) if body else None


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_curl(start, algorithm):
    """The commands that people paste from the documentation."""
    api = start("v1.0", step_seconds=0, algorithm=algorithm)
    status, peer = curl(api, "-X", "POST", "-H", JSON, "-d", BODY, f"{api.group}/peers?pretty=true")
    assert (status, peer["statusName"]) == (200, "INITIATING")
    status, page = curl(api, f"{api.group}/peers?pageNum=1&itemsPerPage=10")
    assert (status, page["totalCount"]) == (200, 1)
    change = '{"routeTableCidrBlock": "10.0.0.0/8"}'
    status, changed = curl(api, "-X", "PATCH", "-H", JSON, "-d", change, f"{api.group}/peers/{peer['id']}")
    assert (status, changed["routeTableCidrBlock"]) == (200, "10.0.0.0/8")
    assert curl(api, "-X", "DELETE", f"{api.group}/peers/{peer['id']}") == (202, {})
    assert curl(api, f"{api.group}/peers/{peer['id']}")[0] == 404


def test_curl_and_the_access_list(start):
    """Block and address as they are pasted, the slash of a block encoded in either case."""
    api = start("v1.0", step_seconds=0)
    data = '[{"cidrBlock": "10.1.0.0/16", "comment": "peer"}, {"ipAddress": "192.0.2.5"}]'
    status, page = curl(api, "-X", "POST", "-H", JSON, "-d", data, f"{api.group}/accessList?pretty=true")
    assert (status, page["totalCount"]) == (201, 2)
    for path, comment in (("10.1.0.0%2F16", "peer"), ("10.1.0.0%2f16", "peer"), ("192.0.2.5", None), ("192.0.2.5%2F32", None)):
        status, entry = curl(api, f"{api.group}/accessList/{path}")
        assert (status, entry.get("comment")) == (200, comment)
        assert curl(api, f"{api.group}/accessList/{path}/status") == (200, {"STATUS": "ACTIVE"})
    # The link that the list gives.
    assert curl(api, page["results"][0]["links"][0]["href"])[1]["cidrBlock"] == "10.1.0.0/16"
    assert curl(api, "-X", "DELETE", f"{api.group}/accessList/10.1.0.0%2F16") == (204, None)
    assert curl(api, f"{api.group}/accessList/10.1.0.0%2F16")[0] == 404


def test_curl_keeps_its_connection(api):
    """A body that is refused for want of credentials does not cost the connection."""
    accept = ["-H", "Accept: application/vnd.atlas.2023-01-01+json"]
    assert curl(api, *accept, "-H", JSON, "-d", json.dumps(api.new_peer()), f"{api.group}/peers")[0] == 200
    assert curl(api, *accept, "-H", JSON, "--data-binary", "@-", f"{api.group}/peers", data=" " * 2_000_000)[0] == 413
    log = [(entry["status"], entry["connection"]) for entry in api.emulator.requests.entries()]
    assert log == [(401, 1), (200, 1), (401, 2), (413, 2)]


def test_urllib(api):
    """The standard library quotes other parameters than requests does."""
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    settings = api.emulator.settings
    passwords.add_password(None, api.emulator.base_url, settings.public_key, settings.private_key)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPDigestAuthHandler(passwords))
    headers = {"Accept": "application/vnd.atlas.2025-03-12+json", "Content-Type": "application/json"}
    data = json.dumps(api.new_peer()).encode()
    with opener.open(urllib.request.Request(f"{api.group}/peers", data, headers), timeout=10) as response:
        assert json.load(response)["statusName"] == "INITIATING"


NODE = r"""
const crypto = require("crypto"), [url, user, password] = process.argv.slice(1);
const md5 = (text) => crypto.createHash("md5").update(text).digest("hex");
(async () => {
  const headers = {accept: "application/vnd.atlas.2023-01-01+json", "content-type": "application/json"};
  const first = await fetch(url, {headers});
  await first.text();
  const nonce = /nonce="([^"]+)"/.exec(first.headers.get("www-authenticate"))[1];
  const uri = new URL(url).pathname + new URL(url).search, cnonce = "abc";
  const response = md5(`${md5(`${user}:MMS Public API:${password}`)}:${nonce}:00000001:${cnonce}:auth:${md5("GET:" + uri)}`);
  headers.authorization = `Digest username="${user}",realm="MMS Public API",nonce="${nonce}",uri="${uri}",` +
    `cnonce="${cnonce}",nc=00000001,qop=auth,response="${response}",algorithm=MD5`;
  const second = await fetch(url, {headers});
  console.log(first.status, second.status, second.headers.get("content-type"), (await second.json()).totalCount);
})();
"""


def test_node(api):
    """A digest client by hand over node's fetch."""
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    settings = api.emulator.settings
    command = ["node", "-e", NODE, f"{api.group}/peers?pageNum=1", settings.public_key, settings.private_key]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.split() == ["401", "200", "application/vnd.atlas.2023-01-01+json;charset=utf-8", "0"]


# Each {name} is filled in; what stands around it is how that client writes it.
HEADERS = {
    "Go SDK, Terraform, Atlas CLI": 'username="{u}", realm="{r}", nonce="{n}", uri="{p}", response="{d}", algorithm="MD5", '
    'qop=auth, nc={c}, cnonce="{k}"',
    "Rust, digest_auth": 'username="{u}", realm="{r}", nonce="{n}", uri="{p}", qop=auth, nc={c}, cnonce="{k}", response="{d}", '
    "algorithm=MD5",
    "axios": 'username="{u}",realm="{r}",nonce="{n}",uri="{p}",qop="auth",algorithm="MD5",response="{d}",nc="{c}",cnonce="{k}"',
    "node, urllib": 'username="{u}", realm="{r}", nonce="{n}", uri="{p}", response="{d}", qop=auth, nc={c}, cnonce="{k}"',
    "Perl, LWP": 'username="{u}", realm="{r}", qop=auth, algorithm="MD5", uri="{p}", nonce="{n}", nc={c}, cnonce="{k}", '
    'response="{d}"',
    "Ruby, Net::HTTP": 'username="{u}", realm="{r}", algorithm=MD5, qop=auth, uri="{p}", nonce="{n}", nc={c}, cnonce="{k}", '
    'response="{d}"',
}


class Digest:
    """A digest client whose every request is put together by hand, on a connection of its own."""

    def __init__(self, api):
        """Get a challenge."""
        self.settings, self.path = api.emulator.settings, api.group.removeprefix(api.emulator.base_url) + "/peers"
        self.host = api.emulator.base_url.removeprefix("http://")
        self.nonce = re.search(r'nonce="([^"]+)"', self.get()[1]["WWW-Authenticate"])[1]

    def get(self, authorization=None):
        """Return status and headers."""
        headers = {"Accept": "application/vnd.atlas.2024-05-30+json"}
        connection = http.client.HTTPConnection(self.host, timeout=10)
        connection.request("GET", self.path, headers={**headers, "Authorization": authorization} if authorization else headers)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status, response.headers

    def get_with(self, form, count):
        """Return the status of a request with the challenge's nonce and this count."""

        def md5(*parts):
            return hashlib.md5(":".join(parts).encode()).hexdigest()

        user, realm, nc = self.settings.public_key, "MMS Public API", f"{count:08x}"
        secret = md5(user, realm, self.settings.private_key)
        response = md5(secret, self.nonce, nc, "c0ffee", "auth", md5("GET", self.path))
        filled = form.format(u=user, r=realm, n=self.nonce, p=self.path, d=response, c=nc, k="c0ffee")
        return self.get(f"Digest {filled}")[0]


@pytest.mark.parametrize("name", HEADERS)
def test_headers_of_other_clients(api, name):
    """The order, the quotes and the blanks are theirs; Ruby counts from 0."""
    client, first = Digest(api), 0 if name.startswith("Ruby") else 1
    assert [client.get_with(HEADERS[name], count) for count in (first, first + 1)] == [200, 200]


def test_requests_that_overtake_each_other(api):
    """As httpx and aiohttp send them: many connections, one nonce. A single one is refused only when it comes again."""
    client, form = Digest(api), HEADERS["Go SDK, Terraform, Atlas CLI"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda count: client.get_with(form, count), range(40, 0, -1))) == {200}
    assert client.get_with(form, 7) == 401
