"""The command line, in processes of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.emulator.__main__ import parse_arguments
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
        assert group == {"group_id": said["group_id"], "name": "emulator", "container_id": said["container_id"]}
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
    assert end.returncode == 1
    assert end.stdout == ""
    assert end.stderr.count("\n") == 1
    assert port in end.stderr


def test_missing_packages():
    """Without Starlette it says what to install."""
    how = command("--port", "0")
    how["args"].insert(1, "-S")
    end = subprocess.run(capture_output=True, timeout=HANG, check=False, **how)
    assert end.returncode == 1
    assert end.stdout == ""
    assert end.stderr.count("\n") == 1
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
    assert parse_arguments(["--unique-pairs"]) == Settings(port=8080, unique_pairs=True)
    url = "http://127.0.0.1:5000"
    for given in (url, f"{url}/"):
        with_aws = parse_arguments(["--aws-endpoint-url", given, "--aws-account-id", "222233334444"])
        assert (with_aws.aws_endpoint_url, with_aws.aws_account_id) == (given, "222233334444")
