"""The command line, in processes of its own, and what the guide says of it and of the status codes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import trustme
from ansible_collections.cloudpeer.atlas.tests.emulator.__main__ import parse_arguments
from ansible_collections.cloudpeer.atlas.tests.emulator.control import ACTIONS
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from requests.auth import HTTPDigestAuth

#: Seconds that only what hangs takes, however busy the machine is.
HANG = 120
CHECKOUT = "tests.emulator"
INSTALLED = "ansible_collections.cloudpeer.atlas.tests.emulator"


def command(*options, module=CHECKOUT):
    """Return the arguments and the environment that start an emulator from the checkout or from an installed collection."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if module == INSTALLED:
        environment["PYTHONPATH"] = os.environ["ANSIBLE_COLLECTIONS_PATH"]
    place = ROOT if module == CHECKOUT else Path("/")
    return {"args": [sys.executable, "-m", module, *options], "cwd": place, "env": environment, "text": True}


@contextlib.contextmanager
def started(*options, **how):
    """Run an emulator as a process; yield it and what its one line said."""
    with subprocess.Popen(stdout=subprocess.PIPE, stderr=subprocess.PIPE, **command(*options, **how)) as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def finished(*options, **how):
    """Run an emulator that will not start and return how it ended."""
    return subprocess.run(capture_output=True, timeout=HANG, check=False, **command(*options, **how))


@pytest.mark.parametrize("module", [CHECKOUT, INSTALLED])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_from_start_to_end(module, number):
    """One line when it listens, nothing else, and a clean end that waits for nobody's open connection."""
    with started("--port", "0", module=module) as (process, said):
        assert said.keys() == {
            "base_url",
            "group_id",
            "public_key",
            "private_key",
            "container_id",
            "client_id",
            "client_secret",
            "groups",
        }
        [group] = said["groups"]
        expected = {"group_id": said["group_id"], "name": "emulator", "container_id": said["container_id"]}
        assert group == {**expected, "org_id": "5356823a3794dee37132b000"}
        with requests.Session() as session:
            session.auth = HTTPDigestAuth(said["public_key"], said["private_key"])
            url = f"{said['base_url']}/api/atlas/v1.0/groups/{said['group_id']}/containers/{said['container_id']}"
            assert session.get(url, timeout=10).json()["regionName"] == "US_EAST_1"
            process.send_signal(number)
            out, err = process.communicate(timeout=HANG)
    assert (process.returncode, out, err) == (0, "", "")


def test_end_during_a_request():
    """A request that is still being answered, for an hour, holds nothing up, and leaves no trace on the terminal."""
    with started("--port", "0", "--latency-ms", "3600000") as (process, said):
        port = int(said["base_url"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(b"GET /api/atlas/v2 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            # The control path is answered after the request above was taken.
            requests.get(f"{said['base_url']}/emulator/requests", timeout=10)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=HANG)
    assert (process.returncode, out, err) == (0, "", "")


def test_options_arrive():
    """What is asked for is what is served."""
    group, keys = "a" * 24, ("--public-key", "who", "--private-key", "what")
    with started("--port", "0", "--group-id", group, *keys, "--accept", "auto", "--step-seconds", "0") as (_process, said):
        assert (said["group_id"], said["public_key"], said["private_key"]) == (group, "who", "what")
        auth = HTTPDigestAuth("who", "what")
        url = f"{said['base_url']}/api/atlas/v1.0/groups/{group}/peers"
        body = {"vpcId": "vpc-123456", "awsAccountId": "abc123abc123", "routeTableCidrBlock": "192.168.0.0/24"}
        requests.post(url, json=body, auth=auth, timeout=10)
        assert requests.get(url, auth=auth, timeout=10).json()["results"][0]["statusName"] == "AVAILABLE"


def test_port_in_use():
    """One plain line says so."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        end = finished("--port", port)
    assert (end.returncode, end.stdout, end.stderr.count("\n")) == (1, "", 1)
    assert port in end.stderr


def test_missing_packages():
    """Without Starlette it says what to install."""
    how = command("--port", "0")
    how["args"].insert(1, "-S")
    end = subprocess.run(capture_output=True, timeout=HANG, check=False, **how)
    assert (end.returncode, end.stdout, end.stderr.count("\n")) == (1, "", 1)
    assert "pip install starlette uvicorn" in end.stderr


def test_key_is_not_in_the_messages():
    """Not even in those about wrong options."""
    end = finished("--private-key", "canary-7f3a", "--client-secret", "canary-7f3a", "--port", "70000")
    assert end.returncode == 2
    assert "--port" in end.stderr
    assert "canary-7f3a" not in end.stderr + end.stdout


@pytest.mark.parametrize(
    "options",
    [
        ["--group-id", "short"],
        ["--group-id", "A" * 24],
        ["--groups", "0"],
        ["--groups", "501"],
        ["--allow-host", ""],
        ["--allow-host", "emulator:8080"],
        ["--allow-host", "http://emulator"],
        ["--allow-host", "*"],
        ["--port", "-1"],
        ["--port", "http"],
        ["--public-key", ""],
        ["--private-key", ""],
        ["--nonce-seconds", "-1"],
        ["--latency-ms", "-1"],
        ["--latency-ms", "nan"],
        ["--step-seconds", "inf"],
        ["--accept", "never"],
        ["--algorithm", "SHA-1"],
        ["--key-access-list", "everywhere"],
        ["--list-lag-seconds", "-1"],
        ["--list-lag-seconds", "nan"],
        ["--unique-pairs", "--allow-duplicates"],
        ["--max-peers", "-1"],
        ["--max-pending-peers", "many"],
        ["--aws-endpoint-url", "127.0.0.1:5000"],
        ["--aws-endpoint-url", "ftp://127.0.0.1"],
        ["--aws-endpoint-url", "http://127.0.0.1:5000/path"],
        ["--aws-account-id", "12345678901"],
        ["--aws-account-id", "12345678901x"],
        ["--rate-limit", "10"],
        ["--rate-limit", "10/0"],
        ["--rate-limit-without", "Date"],
        ["--tls-certificate", "/nowhere.pem"],
        ["--tls-certificate", __file__],
        ["--client-id", ""],
        ["--client-id", "a:b"],
        ["--client-secret", ""],
        ["--token-seconds", "-1"],
        ["--max-tokens", "-1"],
        ["--max-token-requests", "few"],
    ],
    ids=" ".join,
)
def test_wrong_options(options, capsys):
    """The message names the option."""
    with pytest.raises(SystemExit) as caught:
        parse_arguments(options)
    assert caught.value.code == 2
    assert options[0] in capsys.readouterr().err.splitlines()[-1]


def test_defaults():
    """As documented."""
    assert parse_arguments([]) == Settings(port=8080)
    service = ["--client-id", "a", "--client-secret", "b", "--token-seconds", "9", "--rate-limit", "10/5"]
    assert parse_arguments(service) == Settings(port=8080, client_id="a", client_secret="b", token_seconds=9.0, rate_limit="10/5")
    twice = ["--key-access-list", "10.0.0.0/8", "--key-access-list", "::1"]
    assert parse_arguments(twice).key_access_list == ("10.0.0.0/8", "::1")
    named = ["--allow-host", "Emulator.", "--allow-host", "[fd00::7]", "--allow-host", "10.0.0.7"]
    assert parse_arguments(named).allow_host == ("Emulator.", "[fd00::7]", "10.0.0.7")
    assert parse_arguments(["--groups", "3"]).group_ids == tuple(f"5356823b3794dee37132bb7{digit}" for digit in "bcd")
    lagging = ["--allow-duplicates", "--list-lag-seconds", "1.5"]
    assert parse_arguments(lagging) == Settings(port=8080, allow_duplicates=True, list_lag_seconds=1.5)
    without = ["--rate-limit-without", "Retry-After", "--rate-limit-without", "RateLimit-Remaining"]
    assert parse_arguments(without) == Settings(port=8080, rate_limit_without=("Retry-After", "RateLimit-Remaining"))
    assert parse_arguments(["--terminating-holds-nothing"]) == Settings(port=8080, terminating_holds_nothing=True)
    assert parse_arguments(["--temporary-stays"]) == Settings(port=8080, temporary_stays=True)
    assert parse_arguments(["--no-container"]) == Settings(port=8080, no_container=True)
    assert parse_arguments(["--unique-pairs"]) == Settings(port=8080, unique_pairs=True)
    url = "http://127.0.0.1:5000"
    for given in (url, f"{url}/"):
        with_aws = parse_arguments(["--aws-endpoint-url", given, "--aws-account-id", "222233334444"])
        assert (with_aws.aws_endpoint_url, with_aws.aws_account_id) == (given, "222233334444")


GUIDE = ROOT / "docs" / "guides" / "testing.md"
VPC = "vpc-0a1b2c3d4e5f67890"


@pytest.fixture(scope="module")
def text():
    if not GUIDE.is_file():
        pytest.skip("the guides are not here")
    return GUIDE.read_text(encoding="utf-8")


def commands(text):
    """Return the commands of the console blocks, each in one line."""
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", "").splitlines()
    return [re.sub(" +", " ", line[2:]) for line in lines if line.startswith("$ ")]


def test_curl(text, start):
    """Each command with curl for the emulator works as it stands, in the order of the guide."""
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    api = start(step_seconds=0, groups=3)
    peer = api.make_peer(vpcId=VPC)
    found = [command for command in commands(text) if command.startswith("curl ") and "$MONGODB_ATLAS_BASE_URL" in command]
    assert len(found) >= 3
    environment = {**os.environ, "MONGODB_ATLAS_BASE_URL": api.emulator.base_url, "no_proxy": "*", "NO_PROXY": "*"}
    for command in found:
        shown = command.replace("curl ", "curl -q -sS -w '\\n%{http_code}' ", 1)
        done = subprocess.run(shown, shell=True, env=environment, capture_output=True, text=True, check=True, timeout=20)
        body, unused, status = done.stdout.rpartition("\n")
        assert status in ("200", "201", "204"), (command, done.stdout)
        assert not body or json.loads(body), command
        # A rule does what the guide says, until it is removed.
        assert (api.call("GET", "/peers").status_code == 503) is (" -d " in command and command.endswith("/faults"))
    assert api.status_of(peer["id"]) == "AVAILABLE"


def test_options(text, tmp_path):
    """Each option of the guide is one, with a value that can be read."""
    certificate = tmp_path / "server.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    values = {"URL": "http://127.0.0.1:5000", "FILE": str(certificate)}
    table = re.findall(r"^\| (`--[^|]*`) \|", text, re.MULTILINE)
    assert len(table) >= 10
    for cell in table:
        for option in re.findall(r"`(--[^`]*)`", cell):
            name, unused, value = option.partition(" ")
            parse_arguments([name, *([values.get(value, value)] if value else [])])
    starts = [command.split()[3:] for command in commands(text) if command.startswith("python -m tests.emulator")]
    assert len(starts) >= 3
    for arguments in starts:
        parse_arguments([one.replace("&", "").strip() for one in arguments if one != "&"])


def test_control_paths(text, api):
    """Each control path of the table is there."""
    rows = re.findall(r"^\| `([A-Z]+) (/emulator/[^`]*)` \|", text, re.MULTILINE)
    assert {path.rsplit("/", 1)[1] for unused, path in rows if "{id}" in path} == {*ACTIONS}
    for method, path in rows:
        status = api.control(method, re.sub(r"\{\w+\}", "0" * 24, path.removeprefix("/emulator"))).status_code
        assert status not in (405, 500), (method, path)
        assert (status == 404) is ("{" in path), (method, path)
