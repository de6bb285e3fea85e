"""Secrets appear nowhere: not in output at any verbosity, in results, on command lines, or in files left behind."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import refusal
from ansible_collections.cloudpeer.atlas.tests.support.masking import STARS
from ansible_collections.cloudpeer.atlas.tests.support.runner import WAYS, Descendants, PlaybookRunner
from ansible_collections.cloudpeer.atlas.tests.support.targets import ATLAS_TARGETS, environment_for, playbook_of
from ansible_collections.cloudpeer.atlas.tests.support.wire import page, reply, serving

CANARY = "e3a10000-0000-4000-8000-canarycanary"
CLIENT_ID, CLIENT_SECRET = "mdb_sa_id_of_the_test", "mdb_sa_sk_canary-of-a-secret"
TOKEN = "emulator-token-"  # what each token of the emulator begins with
PAIR = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
SECRETS = (CANARY, CLIENT_SECRET, PAIR, TOKEN)
WITHOUT_KEYS = dict.fromkeys(("MONGODB_ATLAS_PUBLIC_API_KEY", "MONGODB_ATLAS_PRIVATE_API_KEY"), "")
TASKS = """
- hosts: localhost
  gather_facts: false
  tasks:
    - cloudpeer.atlas.atlas_vpc_peer:
        vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        route_table_cidr_block: 10.15.0.0/16
        private_key: "{{ lookup('ansible.builtin.env', 'KEY_FOR_THE_OPTION') or omit }}"
        client_secret: "{{ lookup('ansible.builtin.env', 'SECRET_FOR_THE_OPTION') or omit }}"
        access_token: "{{ lookup('ansible.builtin.env', 'TOKEN_FOR_THE_OPTION') or omit }}"
    - cloudpeer.atlas.atlas_vpc_peer:
        peer_id: "{{ lookup('ansible.builtin.env', 'SECRET_OF_THE_TEST') }}"
      ignore_errors: true
    - cloudpeer.atlas.atlas_vpc_peer:
        vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        base_url: http://127.0.0.1:1
        retries: 0
      ignore_errors: true
    - cloudpeer.atlas.atlas_vpc_peer:
        vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        group_id: "000000000000000000000000"
        no_such_option: true
      ignore_errors: true
    - cloudpeer.atlas.atlas_vpc_peers:
        peers:
          - vpc_id: vpc-0a1b2c3d4e5f67890
            aws_account_id: "123456789012"
            container_id: "{{ lookup('ansible.builtin.env', 'SECRET_OF_THE_TEST') }}"
      ignore_errors: true
"""
# A server that sends back what it was sent, after the first request with credentials, with a status that is not tried again.
ECHO = {
    "path": "/api/atlas/",
    "authenticated": True,
    "skip": 1,
    "times": 1,
    "fault": {"kind": "html", "status": 501, "echo_authorization": True},
}
#: How each kind of credential is given: as an option, or as a variable.
GIVEN = {
    "key, option": {"KEY_FOR_THE_OPTION": CANARY, "SECRET_OF_THE_TEST": CANARY},
    "key, variable": {"SECRET_OF_THE_TEST": CANARY},
    "account, option": {
        **WITHOUT_KEYS,
        "MONGODB_ATLAS_CLIENT_ID": CLIENT_ID,
        "SECRET_FOR_THE_OPTION": CLIENT_SECRET,
        # The tasks that give no option need it as well.
        "MONGODB_ATLAS_CLIENT_SECRET": CLIENT_SECRET,
        "SECRET_OF_THE_TEST": CLIENT_SECRET,
    },
    "token, option": {**WITHOUT_KEYS, "TOKEN_FOR_THE_OPTION": "<token>", "MONGODB_ATLAS_ACCESS_TOKEN": "<token>"},
}
#: How the runs end: the first meets such a page, the second finds the token that the first has left.
STATUSES = (2, 0)
MODES = {"check": ("--check", "--diff"), "run": ("--diff",)}
#: What is tried: every kind in a run, both ways, and a key in check mode in process. Whole targets are checked both ways.
TRIED = [*((way, given, "run") for way in WAYS for given in GIVEN), ("in process", "key, option", "check")]


@contextlib.contextmanager
def watched_commands() -> Iterator[set[bytes]]:
    """Give the command lines of all processes that are started meanwhile, as far as a look now and then sees them."""
    seen: set[bytes] = set()
    ended = threading.Event()
    started = Descendants(os.getpid())

    def look() -> None:
        while not ended.wait(0.1):
            for pid in started.look():
                with contextlib.suppress(OSError):
                    seen.add(Path(f"/proc/{pid}/cmdline").read_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


class Search:
    """Looks for secrets in everything that a run leaves.

    Args:
        folder: Where it may leave something; its home is made here.
        temporary: Where it may leave temporary files.
    """

    def __init__(self, folder: Path, temporary: Path, emulator: RunningEmulator) -> None:
        self._folder = folder
        self._temporary = temporary
        self._emulator = emulator
        (folder / "home").mkdir()

    @property
    def variables(self) -> dict[str, str]:
        """The part of the environment that keeps the files of a run below the folder."""
        home = str(self._folder / "home")
        return {"HOME": home, "XDG_CACHE_HOME": f"{home}/cache", "TMPDIR": str(self._temporary)}

    @property
    def cached_tokens(self) -> list[str]:
        """The tokens in the cache."""
        files = (self._folder / "home" / "cache" / "cloudpeer.atlas").glob("*.json")
        return [json.loads(file.read_text())["value"] for file in files]

    def found(self, output: str, commands: set[bytes]) -> list[str]:
        """Return where a secret is; the only place for a token is the cache, and for the others there is none."""
        places = {
            "output": output,
            "command lines": b"\n".join(commands).decode(errors="replace"),
            "emulator's log": json.dumps(self._emulator.requests.entries()),
        }
        files = [path for folder in (self._folder, self._temporary) for path in folder.rglob("*") if path.is_file()]
        assert any(path.name == "record.jsonl" for path in files), "there are no results to search"
        places.update({str(path): path.read_text(errors="replace") for path in files})
        return [
            f"{secret} in {place}"
            for place, text in places.items()
            for secret in SECRETS
            if secret in text and not (secret == TOKEN and "/cloudpeer.atlas/" in place)
        ]


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Return a folder with a short name: ansible-core 2.21 makes sockets in TMPDIR, whose paths must not be long."""
    with tempfile.TemporaryDirectory(prefix="atlas-") as folder:
        yield Path(folder)


def secretive(start: Callable[..., RunningEmulator]) -> RunningEmulator:
    """Run an emulator whose secrets are canaries."""
    return start(step_seconds=0.2, private_key=CANARY, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)


def echo(emulator: RunningEmulator, **rule: Any) -> None:
    """Have the emulator send back the Authorization header."""
    requests.post(f"{emulator.base_url}/emulator/faults", json={**ECHO, **rule}, timeout=60).raise_for_status()


@pytest.mark.parametrize(("way", "given", "mode"), TRIED)
@pytest.mark.full
def test_a_secret_is_seen_nowhere(
    way: str,
    given: str,
    mode: str,
    start: Callable[..., RunningEmulator],
    playbook: PlaybookRunner,
    tmp_path: Path,
    temporary: Path,
) -> None:
    emulator = secretive(start)
    search = Search(tmp_path, temporary, emulator)
    token = ""
    if given.startswith("token"):
        reply = requests.post(
            f"{emulator.base_url}/api/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(CLIENT_ID, CLIENT_SECRET),
            timeout=60,
        )
        token = reply.json()["access_token"]
    variables = {name: value.replace("<token>", token) for name, value in GIVEN[given].items()}
    variables.setdefault("SECRET_OF_THE_TEST", token)
    with watched_commands() as commands:
        run = playbook(TASKS, emulator, "-vvvvv", *MODES[mode], way=way, own_process=True, **search.variables, **variables)
    assert ["msg" in result for result in run.results] == [False, True, True, True, True]
    assert any(b"ansible" in command for command in commands)
    assert search.found(run.output, commands) == []
    assert len(search.cached_tokens) == given.startswith("account")


@pytest.mark.full
@pytest.mark.parametrize("way", WAYS)
def test_credentials_that_a_server_sends_back_are_not_shown(
    way: str, start: Callable[..., RunningEmulator], playbook: PlaybookRunner, tmp_path: Path, temporary: Path
) -> None:
    emulator = secretive(start)
    search = Search(tmp_path, temporary, emulator)
    echo(emulator)
    variables = {**search.variables, **GIVEN["account, option"]}
    for status in STATUSES:
        run = playbook(TASKS, emulator, "-vvvvv", "--diff", way=way, status=status, **variables)
        assert search.found(run.output, set()) == []
    assert [entry["path"] for entry in emulator.requests.entries()].count("/api/oauth/token") == 1


# Each task of a target is a process of its own in the second way, which shows secrets at the same places for all modules.
@pytest.mark.parametrize(("way", "names"), [("in process", ATLAS_TARGETS), ("module", ["atlas_access_list"])])
@pytest.mark.full
def test_no_target_shows_a_secret_in_check_and_diff_mode(
    way: str, names: list[str], start: Callable[..., RunningEmulator], playbook: PlaybookRunner, tmp_path: Path, temporary: Path
) -> None:
    emulator = secretive(start)
    search = Search(tmp_path, temporary, emulator)
    # One request of four is answered with the credentials that came with it.
    for skip in range(2, 80, 4):
        echo(emulator, skip=skip)
    variables = {**search.variables, **GIVEN["account, option"], **environment_for(emulator)}
    # What is read in one task is missing in the next, so each goes on whatever comes.
    targets = playbook_of(*names, ignore_errors=True)
    with watched_commands() as commands:
        run = playbook(targets, emulator, "-vvvvv", "--check", "--diff", way=way, own_process=True, **variables)
    assert [name for name in names if f"PLAY [{name}]" not in run.output] == []
    assert [result for result in run.results if result.get("http_status") == 501]
    assert search.found(run.output, commands) == []


@pytest.mark.parametrize("way", ["in process", pytest.param("module", marks=pytest.mark.full)])
def test_a_token_that_stands_in_an_answer_is_not_in_the_result(
    way: str, emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path
) -> None:
    token = "canary-of-a-token"
    answers = [reply({"access_token": token, "expires_in": 3600}), page({"id": "0" * 24, "statusName": f"Bearer {token}"})]
    tasks = "- {hosts: localhost, gather_facts: false, tasks: [{cloudpeer.atlas.atlas_vpc_peer_info: {provider_name: AWS}}]}"
    account = {"MONGODB_ATLAS_CLIENT_ID": CLIENT_ID, "MONGODB_ATLAS_CLIENT_SECRET": CLIENT_SECRET, **WITHOUT_KEYS}
    with serving(*answers) as wire:
        variables = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "MONGODB_ATLAS_BASE_URL": wire.base_url}
        run = playbook(tasks, emulator, "-vvvvv", way=way, **account, **variables)
    assert run.result["vpc_peers"][0]["status_name"] == f"Bearer {STARS}"
    assert "canary" not in run.output


WITHIN = """
- hosts: localhost
  gather_facts: false
  vars:
    key: "{{ lookup('ansible.builtin.env', 'SECRET_OF_THE_TEST') }}"
    entry:
      vpc_id: vpc-0a1b2c3d4e5f67890
      aws_access_key: "id-{{ key }}"
      aws_secret_key: "{{ key }}"
      aws_session_token: "token-{{ key }}"
  tasks:
    - cloudpeer.atlas.atlas_vpc_peer_check:
        connections: ["{{ entry }}"]
        aws_region: us-east-1
        aws_endpoint_url: "{{ lookup('ansible.builtin.env', 'NO_AWS') }}"
      ignore_errors: true
    - cloudpeer.atlas.atlas_vpc_peer_check:
        connections: ["{{ entry | combine({'no_such_option': true}) }}"]
      ignore_errors: true
    - cloudpeer.atlas.atlas_vpc_peer_check:
        connections: ["{{ entry | combine({'vpc_id': key}) }}"]
      ignore_errors: true
    - cloudpeer.atlas.atlas_vpc_peer_check:
        connections: [1, "{{ entry }}"]
      ignore_errors: true
    - cloudpeer.atlas.atlas_vpc_peer_check:
        connections: [["{{ entry }}"]]
      ignore_errors: true
    - cloudpeer.atlas.atlas_peering:
        connections: ["{{ entry | combine({'aws_account_id': '123456789012'}) }}"]
        container_region: us-east-1
        azure_secret: "azure-{{ key }}"
        gcp_access_token: "gcp-{{ key }}"
        aws_endpoint_url: "{{ lookup('ansible.builtin.env', 'NO_AWS') }}"
      ignore_errors: true
    - cloudpeer.atlas.atlas_peering:
        connections: ["{{ entry | combine({'no_such_option': true, 'vpc_id': key}) }}", 1, ["{{ entry }}"]]
        aws_secret_key: "{{ key }}"
      ignore_errors: true
    - cloudpeer.atlas.atlas_peering:
        connections: "vpc_id=vpc-0a1b2c3d4e5f67890 aws_secret_key={{ key }}"
      ignore_errors: true
    - cloudpeer.atlas.atlas_vpc_peers:
        peers: vpc-0a1b2c3d4e5f67890
        private_key: "{{ key }}"
      ignore_errors: true
    - cloudpeer.atlas.atlas_access_list:
        entries: [10.0.0.0/16]
        client_secret: "{{ key }}"
      ignore_errors: true
    - cloudpeer.atlas.atlas_gcp_peering:
        service_account_contents: [{private_key: "-\\n{{ key }}\\n"}]
      ignore_errors: true
"""


@pytest.mark.parametrize(
    "way", [pytest.param("in process", marks=pytest.mark.full), pytest.param("module", marks=pytest.mark.full)]
)
def test_a_secret_within_another_option_is_seen_nowhere(
    way: str, emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path
) -> None:
    secret = "canary-within-an-option"
    with serving(refusal(secret, secret)) as wire, watched_commands() as commands:
        variables = {"SECRET_OF_THE_TEST": secret, "NO_AWS": wire.base_url, "AWS_EC2_METADATA_DISABLED": "true"}
        run = playbook(WITHIN, emulator, "-vvvvv", "--diff", way=way, own_process=True, **variables)
    assert ["msg" in result for result in run.results] == [True] * 11
    assert wire.requests
    assert secret not in run.output
    assert secret.encode() not in b"\n".join(commands)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and secret in path.read_text(errors="replace")] == []
