"""Clients that others wrote, each with a digest implementation of its own."""

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
    assert done.stdout.split() == ["401", "200", "application/vnd.atlas.2023-01-01+json", "0"]


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
