"""An AWS that cannot be reached, and what an emulator without one does not need."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator import aws_session
from ansible_collections.cloudpeer.atlas.tests.support.aws import running_aws
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from botocore.exceptions import ClientError

BLOCK = "10.99.0.0/16"


@pytest.fixture
def port():
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_away_from_the_beginning(start, port):
    """The peer stays where it is, everything else works, and all goes on when AWS is there."""
    api = start(aws_endpoint_url=f"http://127.0.0.1:{port}", step_seconds=0)
    peer = api.make_peer(awsAccountId="111122223333", vpcId="vpc-0123456789abcdef0")
    assert api.status_of(peer["id"]) == "INITIATING"
    container = api.call("GET", f"/containers/{peer['containerId']}").json()
    assert (container["provisioned"], container["vpcId"]) == (False, None)
    assert api.update_peer(peer, routeTableCidrBlock=BLOCK).status_code == 200
    gone = api.make_peer()
    assert api.call("DELETE", f"/peers/{gone['id']}").status_code == 202
    assert api.status_of(gone["id"]) is None
    with running_aws(port) as aws:
        account = aws.account()
        other = api.make_peer(awsAccountId=account.id, vpcId=account.make_vpc("10.98.0.0/16"))
        assert api.status_of(peer["id"]) == "FAILED"
        assert api.status_of(other["id"]) == "PENDING_ACCEPTANCE"


def test_away_in_between(start, port):
    """A connection is taken for what it was seen to be, and one that is to go is kept until AWS has let it go."""
    api = start(aws_endpoint_url=f"http://127.0.0.1:{port}", step_seconds=0)
    with running_aws(port) as aws:
        account = aws.account()
        peer = api.make_peer(awsAccountId=account.id, vpcId=account.make_vpc(BLOCK), routeTableCidrBlock=BLOCK)
        assert api.status_of(peer["id"]) == "PENDING_ACCEPTANCE"
    assert api.status_of(peer["id"]) == "PENDING_ACCEPTANCE"
    for action in ("accept", "reject", "expire", "fail"):
        response = api.control("POST", f"/peers/{peer['id']}/{action}")
        assert (response.status_code, response.json()["error"]) == (503, 503)
    assert api.call("DELETE", f"/peers/{peer['id']}").status_code == 202
    assert api.status_of(peer["id"]) == "TERMINATING"
    assert api.call("DELETE", f"/containers/{peer['containerId']}").json()["errorCode"] == "CONTAINERS_IN_USE"
    with running_aws(port):
        assert api.status_of(peer["id"]) is None
    assert api.call("DELETE", f"/containers/{peer['containerId']}").status_code == 204


def test_reset_while_it_is_away(start, port):
    """The emulator begins anew; what it made is removed by the next reset."""
    api = start(aws_endpoint_url=f"http://127.0.0.1:{port}", step_seconds=0)
    with running_aws(port) as aws:
        api.make_peer(awsAccountId="111122223333", vpcId=aws.account().make_vpc(BLOCK))
        api.call("GET", "/peers")
    assert api.control("POST", "/reset").status_code == 204
    assert api.call("GET", "/peers").json()["results"] == []
    assert api.control("POST", "/reset").status_code == 204


@pytest.mark.parametrize("answer", [b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", b"nonsense\r\n\r\n", b""])
def test_nonsense(start, answer):
    """What is no answer of AWS is none."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    client, _address = server.accept()
                except OSError:
                    return
                with client:
                    client.recv(65536)
                    client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        api = start(aws_endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}", step_seconds=0)
        assert api.status_of(api.make_peer()["id"]) == "INITIATING"
        # On Linux an accept that waits is not woken by a close.
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_silence_holds_up_nobody_else(start):
    """While one request waits for AWS the emulator answers others."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        api = start(aws_endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}", step_seconds=0)
        waiting = threading.Thread(target=api.make_peer)
        waiting.start()
        client, _address = server.accept()
        with client:
            assert api.control("GET", "/requests").status_code == 200
            assert waiting.is_alive()
        waiting.join()


def test_silence_is_not_asked_again(start, monkeypatch):
    """At least not for a while: else every request would wait."""
    monkeypatch.setattr(aws_session, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        api = start(aws_endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}", step_seconds=0)
        peer = api.make_peer()
        server.accept()[0].close()
        server.setblocking(False)
        assert api.status_of(peer["id"]) == "INITIATING"
        with pytest.raises(BlockingIOError):
            server.accept()
        monkeypatch.setattr(aws_session, "time", SimpleNamespace(monotonic=lambda: float("inf")))
        assert api.status_of(peer["id"]) == "INITIATING"
        server.accept()[0].close()


def python(code):
    """Run code in the checkout, in a process of its own."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)


def test_boto3_is_not_there():
    """One line says what to install."""
    end = python(
        "import sys; sys.modules['boto3'] = None; from tests.emulator.__main__ import main;"
        "sys.exit(main(['--port', '0', '--aws-endpoint-url', 'http://127.0.0.1:9']))"
    )
    assert (end.returncode, end.stdout, end.stderr.count("\n")) == (1, "", 1)
    assert "pip install boto3" in end.stderr


def test_boto3_is_not_needed():
    """Without the option it is not even imported."""
    end = python(
        "import sys; sys.modules['boto3'] = sys.modules['botocore'] = None;"
        "from tests.emulator.server import running\n"
        "with running() as emulator: print(emulator.project.list_peers())"
    )
    assert (end.returncode, end.stdout, end.stderr) == (0, "[]\n", "")


def test_environment_is_not_asked(start, port, monkeypatch, tmp_path):
    """The user's profile, credentials, endpoint and proxies are for the user's programs."""
    config = tmp_path / "config"
    config.write_text("[default]\nendpoint_url = http://127.0.0.1:9\nregion = nowhere\n")
    with running_aws(port) as aws:
        # This AWS lives in the same process, and reads the same environment when it refuses something for the first time.
        with pytest.raises(ClientError):
            aws.account().ec2().describe_vpcs(VpcIds=["vpc-00000000000000001"])
        for name, value in {
            "AWS_PROFILE": "missing",
            "AWS_CONFIG_FILE": str(config),
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_ACCESS_KEY_ID": "canary",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "http_proxy": "http://127.0.0.1:9",
        }.items():
            monkeypatch.setenv(name, value)
        api = start(aws_endpoint_url=aws.url, step_seconds=0)
        # In a v1.0 client's words, and over a session that takes no proxy either.
        peer = api.make_peer(awsAccountId="111122223333")
        assert json.loads(api.call("GET", f"/peers/{peer['id']}").text)["errorStateName"] == "INVALID_ARGUMENT"
