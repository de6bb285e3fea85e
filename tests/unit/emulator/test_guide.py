"""What the guide says of the emulator beside its playbooks: the commands, the options and the status codes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest
import trustme
from ansible_collections.cloudpeer.atlas.tests.emulator.__main__ import parse_arguments
from ansible_collections.cloudpeer.atlas.tests.emulator.control import ACTIONS
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

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


def test_curl(text, api):
    """Each command with curl works as it stands, in the order of the guide."""
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    peer = api.make_peer(vpcId=VPC)
    found = [command for command in commands(text) if command.startswith("curl ")]
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
