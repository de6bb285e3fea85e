"""Service accounts, access tokens and profiles: which wins, how long a token is used, and that nobody else can read it."""

from __future__ import annotations

import base64
import fcntl
import json
import multiprocessing
import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.request import ApiSettings
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth import clients as _clients
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth import private_folder as _private_folder
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth import tokens as _token_cache
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.clients import ClientPool, choose_credential
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.sources import (
    CREDENTIAL_KINDS,
    KEYRING,
    VARIABLES,
    read_profile,
    read_sources,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.tokens import ServiceAccount, Token, TokenCache
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError, NoAnswerError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_info import OPERATION
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import parse_rules
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator, running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.environment import clean_environment
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply, page, reply, serving

TOKEN_PATH = "/api/oauth/token"
NO_CREDENTIALS: dict[str, Any] = {
    **{origin.option: None for origins in CREDENTIAL_KINDS.values() for origin in origins},
    "profile": None,
}


@pytest.fixture
def emulator() -> Any:
    with running(Settings(step_seconds=0)) as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's own cache and settings, and variables, out of it."""
    clean_environment(monkeypatch, tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def run(emulator: RunningEmulator, pool: ClientPool | None = None, **options: Any) -> tuple[dict[str, Any], list[str]]:
    """Read the connections as a task does; return its result and its warnings."""
    given = {
        "group_id": emulator.settings.group_id,
        "base_url": emulator.base_url,
        "retries": 0,
        "provider_name": "AWS",
        **options,
    }
    checked = ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate(
        {name: value for name, value in given.items() if value is not None}
    )
    assert checked.error_messages == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_clients, "POOL", pool or ClientPool())
        outcome = execute(OPERATION, checked.validated_parameters, check_mode=False)
    assert "exception" not in (outcome.failure or {}), outcome.failure
    result = outcome.to_result(diff=False, verbosity=0)
    return {name: value for name, value in result.items() if name not in ("requests", "declared")}, outcome.warnings


def account(emulator: RunningEmulator) -> dict[str, str]:
    return {"client_id": emulator.settings.client_id, "client_secret": emulator.settings.client_secret}


def keys(emulator: RunningEmulator) -> dict[str, str]:
    return {"public_key": emulator.settings.public_key, "private_key": emulator.settings.private_key}


def token_requests(emulator: RunningEmulator) -> int:
    return len([entry for entry in emulator.requests.entries() if entry["path"] == TOKEN_PATH])


def cached(home: Path) -> list[Path]:
    return sorted((home / "cache" / "cloudpeer.atlas").glob("*.json"))


def test_a_token_is_used_again_by_later_tasks(emulator: RunningEmulator, home: Path) -> None:
    for unused in range(5):
        assert run(emulator, **account(emulator)) == ({"changed": False, "vpc_peers": []}, [])
    assert token_requests(emulator) == 1
    assert len(emulator.requests.entries()) == 6


def test_without_the_cache_a_process_still_uses_its_token_again(emulator: RunningEmulator, home: Path) -> None:
    pool = ClientPool()
    for unused in range(3):
        run(emulator, pool, token_cache=False, **account(emulator))
    assert token_requests(emulator) == 1
    run(emulator, token_cache=False, **account(emulator))
    assert (token_requests(emulator), cached(home)) == (2, [])


def test_the_file_is_its_users_and_has_no_secret_but_the_token(emulator: RunningEmulator, home: Path) -> None:
    run(emulator, **account(emulator))
    (file,) = cached(home)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    everything = file.read_text() + file.name
    assert emulator.settings.client_secret not in everything
    assert emulator.settings.client_id not in everything
    assert sorted(path.suffix for path in file.parent.iterdir()) == [".json", ".lock"]


@pytest.mark.parametrize("loose", ["file", "folder"])
def test_a_token_that_others_could_read_is_not_used(emulator: RunningEmulator, home: Path, loose: str) -> None:
    run(emulator, **account(emulator))
    (file,) = cached(home)
    (file if loose == "file" else file.parent).chmod(0o755)
    result, warnings = run(emulator, **account(emulator))
    assert (result["vpc_peers"], token_requests(emulator), len(warnings)) == ([], 2, 1)
    assert "others could read it" in warnings[0]


@pytest.mark.parametrize("owner", ["mode", "uid"])
def test_an_open_folder_is_not_used(emulator: RunningEmulator, home: Path, monkeypatch: pytest.MonkeyPatch, owner: str) -> None:
    folder = home / "cache" / "cloudpeer.atlas"
    folder.mkdir(parents=True, mode=0o755 if owner == "mode" else 0o700)
    if owner == "uid":
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    for unused in range(2):
        result, warnings = run(emulator, **account(emulator))
        assert result["vpc_peers"] == []
        assert warnings == [f"The token cache {folder} is not used, because others could read it. Remove it."]
    assert cached(home) == []


@pytest.mark.parametrize(
    "in_the_way", [Path.mkdir, lambda path: os.mkfifo(path, 0o600), lambda path: path.symlink_to(path.with_suffix(".other"))]
)
def test_what_is_no_file_is_no_cache(emulator: RunningEmulator, home: Path, in_the_way: Callable[[Path], Any]) -> None:
    run(emulator, **account(emulator))
    (file,) = cached(home)
    file.rename(file.with_suffix(".other"))
    in_the_way(file)
    assert run(emulator, **account(emulator)) == ({"changed": False, "vpc_peers": []}, [])
    assert token_requests(emulator) == 2


def test_a_lock_that_hangs_is_not_waited_for(emulator: RunningEmulator, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(emulator, **account(emulator))
    (file,) = cached(home)
    clock = FakeClock()
    monkeypatch.setattr(_private_folder, "time", SimpleNamespace(monotonic=clock, sleep=clock.sleep))
    with open(f"{file}.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result, warnings = run(emulator, timeout=60, **account(emulator))
    assert result == {"changed": False, "vpc_peers": []}
    assert warnings == [f"Another process has held {file}.lock for 60 seconds: it is not waited for."]
    assert 60 <= sum(clock.pauses) <= 60.1


@pytest.mark.parametrize("variables", [{"XDG_CACHE_HOME": "cache"}, {"XDG_CACHE_HOME": "", "HOME": "home"}])
def test_no_token_is_kept_in_the_current_folder(
    emulator: RunningEmulator, home: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    current = home / "current"
    current.mkdir()
    monkeypatch.chdir(current)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run(emulator, **account(emulator)) == ({"changed": False, "vpc_peers": []}, [])
    assert list(current.iterdir()) == []
    assert (home / ".cache" / "cloudpeer.atlas").exists() == ("HOME" not in variables)


IN_AN_HOUR = time.time() + 3000


def damaged(value: Any = "canary", ends: Any = IN_AN_HOUR, **more: Any) -> bytes:
    return json.dumps({"value": value, "ends": ends, **more}).encode()


DAMAGED: list[bytes] = [
    *(b"", b"[]", b"{}", b"null", b"5", b'"x"', b"\x00", b"\xff\xfe", b"{", b"[" * 30_000, b'{"a":' * 5000, b"9" * 30_000),
    *(damaged(ends=ends) for ends in ("soon", str(IN_AN_HOUR), None, True, [IN_AN_HOUR], {}, 0, -1, 10**400, 10**20)),
    *(damaged(ends=ends) for ends in (float("nan"), float("inf"), -float("inf"), IN_AN_HOUR + 3600)),
    *(b'{"value": "canary", "ends": %b}' % number for number in (b"1" + b"0" * 5000, b"1e999", b"-1e999")),
    *(damaged(value) for value in (1, None, True, [], {}, "", " ", "a b", "a\nb", "a\r\nX-Header: b", "a\0b", "a\tb", "\x7f")),
    *(damaged(value) for value in ("\u00fc", "\ud800", "\u2028", "x" * 20_000_000)),
    damaged() + b"}",
    damaged(more="x" * 100_000),
]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_file_that_is_damaged_is_ignored_and_replaced(emulator: RunningEmulator, home: Path, content: bytes) -> None:
    run(emulator, **account(emulator))
    (file,) = cached(home)
    file.write_bytes(content)
    assert run(emulator, **account(emulator)) == ({"changed": False, "vpc_peers": []}, [])
    assert run(emulator, **account(emulator)) == ({"changed": False, "vpc_peers": []}, [])
    assert token_requests(emulator) == 2


def test_a_token_in_a_file_is_used(emulator: RunningEmulator, home: Path) -> None:
    run(emulator, **account(emulator))
    (file,) = cached(home)
    file.write_bytes(damaged(emulator.tokens.issue()))
    assert run(emulator, **account(emulator)) == ({"changed": False, "vpc_peers": []}, [])
    assert token_requests(emulator) == 1


@pytest.mark.parametrize("target", ["folder", "file", "nothing"])
def test_a_folder_that_is_a_link_is_not_used_nor_touched(emulator: RunningEmulator, home: Path, target: str) -> None:
    elsewhere, folder = home / "elsewhere", home / "cache" / "cloudpeer.atlas"
    if target == "folder":
        elsewhere.mkdir(mode=0o700)
    elif target == "file":
        elsewhere.touch(0o600)
    folder.parent.mkdir()
    folder.symlink_to(elsewhere)
    told = f"The token cache {folder} is not used, because it is a link, or no folder. Remove it."
    assert run(emulator, **account(emulator)) == ({"changed": False, "vpc_peers": []}, [told])
    assert folder.is_symlink()
    # Not even a lock.
    assert not elsewhere.exists() or not elsewhere.is_dir() or list(elsewhere.iterdir()) == []


def test_what_is_in_the_place_of_the_folder_is_told(emulator: RunningEmulator, home: Path) -> None:
    folder = home / "cache" / "cloudpeer.atlas"
    folder.parent.mkdir()
    folder.touch()
    told = f"The token cache {folder} is not used, because it is a link, or no folder. Remove it."
    assert run(emulator, **account(emulator)) == ({"changed": False, "vpc_peers": []}, [told])


def test_a_folder_that_is_exchanged_meanwhile_gets_nothing(emulator: RunningEmulator, home: Path) -> None:
    elsewhere, folder = home / "elsewhere", home / "cache" / "cloudpeer.atlas"
    elsewhere.mkdir(mode=0o700)
    cache = TokenCache(["x"], str(folder), print)
    with cache.locked(1):
        folder.rename(home / "moved")
        folder.symlink_to(elsewhere)
        cache.store(Token("a-token", IN_AN_HOUR))
        assert cache.load() == Token("a-token", IN_AN_HOUR)
    assert list(elsewhere.iterdir()) == []
    assert sorted(path.suffix for path in (home / "moved").iterdir()) == [".json", ".lock"]


def test_nothing_is_read_or_written_but_under_the_lock(home: Path) -> None:
    cache = TokenCache(["x"], str(home / "cache"), print)
    cache.store(Token("a-token", IN_AN_HOUR))
    assert cache.load() is None
    assert not (home / "cache").exists()


def test_a_token_that_cannot_be_kept_leaves_nothing_behind(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*unused: Any, **more: Any) -> None:
        raise OSError

    monkeypatch.setattr(os, "replace", refuse)
    cache = TokenCache(["x"], str(home / "cache"), print)
    with cache.locked(1):
        cache.store(Token("a-token", IN_AN_HOUR))
    assert [path.suffix for path in (home / "cache").iterdir()] == [".lock"]


def identity_of(monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[str]:
    """Return what a token is kept by."""
    found: list[Any] = []
    monkeypatch.setattr(_token_cache, "TokenCache", lambda identity, *unused: found.append(list(identity)))
    params = {
        **NO_CREDENTIALS,
        "base_url": "https://cloud.mongodb.com",
        "validate_certs": True,
        "ca_path": None,
        "client_id": "id",
        "client_secret": "secret",
        **options,
    }
    settings = ApiSettings(params["base_url"], validate_certs=params["validate_certs"], ca_path=params["ca_path"])
    choose_credential(read_sources(params), settings, print, token_cache=True)
    return list(found[0])


@pytest.mark.parametrize(
    "other",
    [
        {"validate_certs": False},
        {"ca_path": "/etc/ca.pem"},
        {"ca_path": "as usual"},
        {"base_url": "https://cloud.mongodbgov.com"},
        {"base_url": "http://cloud.mongodb.com"},
        {"base_url": "https://cloud.mongodb.com:8443"},
        {"base_url": "https://cloud.mongodb.com/Gateway"},
        {"client_id": "other"},
        {"client_secret": "other"},
    ],
)
def test_a_token_is_kept_for_one_account_at_one_verified_atlas(monkeypatch: pytest.MonkeyPatch, other: dict[str, Any]) -> None:
    assert identity_of(monkeypatch, **other) != identity_of(monkeypatch)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://cloud.mongodb.com/",
        "https://cloud.mongodb.com:443",
        "HTTPS://Cloud.MongoDB.com//",
        "https://cloud.mongodb.com.:443/",
    ],
)
def test_one_atlas_is_the_same_however_it_is_written(monkeypatch: pytest.MonkeyPatch, base_url: str) -> None:
    assert identity_of(monkeypatch, base_url=base_url) == identity_of(monkeypatch)


def test_whom_to_trust_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.chdir(home)
    usual, own = identity_of(monkeypatch), identity_of(monkeypatch, ca_path=str(home / "ca.pem"))
    assert identity_of(monkeypatch, ca_path="ca.pem") == own
    for variable in ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(variable, str(home / "ca.pem"))
        assert identity_of(monkeypatch) == own != usual
        monkeypatch.setenv(variable, "")


def test_a_cache_folder_that_cannot_be_made_is_done_without(emulator: RunningEmulator, home: Path) -> None:
    (home / "cache").write_text("in the way")
    assert run(emulator, **account(emulator)) == ({"changed": False, "vpc_peers": []}, [])


@pytest.mark.parametrize(("lifetime", "requests"), [(301, 1), (299, 3)])
def test_a_token_is_not_used_in_its_last_five_minutes(lifetime: int, requests: int, home: Path) -> None:
    with running(Settings(step_seconds=0, token_seconds=lifetime)) as emulator:
        for unused in range(3):
            run(emulator, **account(emulator))
        assert token_requests(emulator) == requests


def grow_old(home: Path) -> None:
    """Let the token in the cache be two minutes older: a younger one is not renewed."""
    (file,) = cached(home)
    file.write_text(json.dumps({**json.loads(file.read_text()), "ends": json.loads(file.read_text())["ends"] - 120}))


def test_a_revoked_token_is_renewed_once(emulator: RunningEmulator, home: Path) -> None:
    run(emulator, **account(emulator))
    grow_old(home)
    emulator.tokens.clear()
    emulator.requests.clear()
    assert run(emulator, **account(emulator))[0]["vpc_peers"] == []
    assert [entry["status"] for entry in emulator.requests.entries()] == [401, 200, 200]
    assert run(emulator, **account(emulator))[0]["vpc_peers"] == []
    assert token_requests(emulator) == 1


NOT_IN_GROUP = reply({"error": 401, "errorCode": "NOT_IN_GROUP"}, 401, ("X-Error-Code", "NOT_IN_GROUP"))


def new_token(value: str) -> Reply:
    return reply({"access_token": value, "expires_in": 3600})


def test_a_cached_token_outside_the_group_is_fetched_again_once(home: Path) -> None:
    with serving(new_token("old"), page(), NOT_IN_GROUP, new_token("new"), page()) as wire:
        atlas: Any = SimpleNamespace(settings=Settings(), base_url=wire.base_url)
        for unused in range(2):
            assert run(atlas, client_id="id", client_secret="secret") == ({"changed": False, "vpc_peers": []}, [])
            grow_old(home)
    sent = [one.path == TOKEN_PATH or one.authorization for one in wire.requests]
    assert sent == [True, "Bearer old", "Bearer old", True, "Bearer new"]


@pytest.mark.parametrize("token_cache", [True, False])
def test_no_new_token_is_spent_on_an_account_of_another_project(home: Path, token_cache: bool) -> None:
    pool = ClientPool()
    with serving(new_token("fresh"), NOT_IN_GROUP) as wire:
        atlas: Any = SimpleNamespace(settings=Settings(), base_url=wire.base_url)
        result, unused = run(atlas, pool, client_id="id", client_secret="secret", token_cache=token_cache)
    assert (result["error_code"], len(wire.requests)) == ("NOT_IN_GROUP", 2)


def test_a_cached_token_is_not_fetched_anew_twice(home: Path) -> None:
    with serving(new_token("old"), page(), NOT_IN_GROUP, new_token("new"), NOT_IN_GROUP) as wire:
        atlas: Any = SimpleNamespace(settings=Settings(), base_url=wire.base_url)
        run(atlas, client_id="id", client_secret="secret")
        grow_old(home)
        assert run(atlas, client_id="id", client_secret="secret")[0]["error_code"] == "NOT_IN_GROUP"
    assert [one.path == TOKEN_PATH for one in wire.requests] == [True, False, False, True, False]


def test_what_an_account_may_not_do_costs_one_token(emulator: RunningEmulator, home: Path) -> None:
    """Source of 401 for it: USER_UNAUTHORIZED in Atlas's table of errors; of tokens, Atlas has issued 100 at most in an hour."""
    denied = {"method": "GET", "path_glob": "*/peers*", "authenticated": True, "times": 5}
    emulator.faults.add(parse_rules({**denied, "fault": {"kind": "status", "status": 401, "code": "USER_UNAUTHORIZED"}}))
    for unused in range(5):
        assert run(emulator, **account(emulator))[0]["error_code"] == "USER_UNAUTHORIZED"
    assert token_requests(emulator) == 1


def test_a_wrong_secret_is_told_and_nothing_is_kept(emulator: RunningEmulator, home: Path) -> None:
    result, unused = run(emulator, **{**account(emulator), "client_secret": "wrong-canary"})
    assert (result["http_status"], result["error_code"]) == (401, "invalid_client")
    assert "client_secret" in result["msg"]
    assert "canary" not in str(result)
    assert cached(home) == []
    assert len(emulator.requests.entries()) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "IP_ADDRESS_NOT_ON_ACCESS_LIST"), (401, "NOT_IN_GROUP"), (403, "OTHER"), (404, "GROUP_NOT_FOUND")],
    ids=str,
)
def test_hints_name_what_has_signed_in(emulator: RunningEmulator, status: int, code: str) -> None:
    """Each service account has an access list of its own, too: `atlas api serviceAccounts createOrgAccessList`."""
    denied = {"method": "GET", "path_glob": "*/peers*", "authenticated": True, "times": 3}
    emulator.faults.add(parse_rules({**denied, "fault": {"kind": "status", "status": status, "code": code}}))
    token = {"access_token": emulator.tokens.issue()}
    told = [run(emulator, **given)[0]["msg"] for given in (keys(emulator), account(emulator), token)]
    assert ["the API key" in one for one in told] == [True, False, False]
    assert ["the service account" in one for one in told] == [False, True, True]


def test_too_many_tokens_are_no_matter_of_roles() -> None:
    """Atlas answers 403 access_denied: MongoDB's documentation, docs/mcp-server/remote-mcp/rate-limits."""
    with running(Settings(max_tokens=1)) as emulator:
        options = {**account(emulator), "token_cache": False}
        assert run(emulator, **options)[0]["changed"] is False
        result, unused = run(emulator, **options)
    assert (result["http_status"], result["error_code"]) == (403, "access_denied")
    assert ("let tasks share one (token_cache)" in result["msg"], "API key" in result["msg"]) == (True, False)


TOKEN = "Token-of-the-Canary/with+signs=" + 40 * "x"
SECRET = 'half "the" canary/ü%'
FORMS: list[Callable[[str], str]] = [str, quote, quote_plus, str.lower, lambda text: json.dumps(text)[1:-1]]
PAIR = base64.b64encode(f"the-id:{SECRET}".encode()).decode()


@pytest.mark.parametrize(
    "body",
    [
        {"detail": "You said %s?"},
        {"detail": 470 * "." + "%s"},
        {"errorCode": "%s", "detail": "What?"},
        {"badRequestDetail": {"fields": [{"field": "%s", "description": "%s"}]}},
        {"error": "%s", "error_description": "%s"},
    ],
    ids=["detail", "at the end of what is shown", "code", "fields", "oauth"],
)
@pytest.mark.parametrize("shown", [TOKEN, SECRET, PAIR], ids=["token", "secret", "pair"])
def test_what_a_server_sends_back_of_a_secret_is_not_shown(home: Path, shown: str, body: dict[str, Any]) -> None:
    given = {"access_token": TOKEN} if shown == TOKEN else {"client_id": "the-id", "client_secret": SECRET}
    bodies = [json.dumps(body).replace("%s", json.dumps(form(shown))[1:-1]) for form in FORMS]
    with serving(*[Reply(400, one.encode()) for one in bodies]) as wire:
        atlas: Any = SimpleNamespace(settings=Settings(), base_url=wire.base_url)
        for form in FORMS:
            told = str(run(atlas, **given)[0])
            assert "********" in told
            # Not even the first half.
            assert form(shown)[:8] not in told


def test_a_token_that_is_not_given_leaves_nothing_in_doubt(home: Path) -> None:
    with serving(Reply(drop="close")) as wire:
        client = AtlasClient(
            ApiSettings(base_url=wire.base_url, retries=0), ServiceAccount("the-id", SECRET, TokenCache([], None, print))
        )
        with pytest.raises(NoAnswerError, match="for which an access token is needed") as caught:
            client.post(("groups", "x"), {}, "make it")
        client.close()
        assert [one.target for one in wire.requests] == [TOKEN_PATH]
    assert not caught.value.outcome_unknown


def read_in_process(base_url: str, options: dict[str, Any]) -> None:
    checked = ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate({"base_url": base_url, **options})
    for unused in range(10):
        _clients.POOL.close()
        outcome = execute(OPERATION, checked.validated_parameters, check_mode=False)
        assert outcome.failure is None, outcome.failure


def test_a_hundred_tasks_in_ten_processes_get_one_token(emulator: RunningEmulator, home: Path) -> None:
    context = multiprocessing.get_context("fork")
    options = {"group_id": emulator.settings.group_id, "provider_name": "AWS", **account(emulator)}
    processes = [context.Process(target=read_in_process, args=(emulator.base_url, options)) for unused in range(10)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0] * 10
    assert token_requests(emulator) == 1
    assert len(emulator.requests.entries()) == 101


def test_a_token_of_somebody_else_is_taken_as_it_is(emulator: RunningEmulator, home: Path) -> None:
    assert run(emulator, access_token=emulator.tokens.issue())[0]["vpc_peers"] == []
    result, unused = run(emulator, access_token="stale-canary")
    assert result["http_status"] == 401
    assert "access_token" in result["msg"]
    assert "canary" not in str(result)
    assert token_requests(emulator) == 0


@pytest.mark.parametrize(
    ("kinds", "winner", "loser"),
    [
        (("token", "account", "keys"), "access_token", "client_id/client_secret and public_key/private_key"),
        (("account", "keys"), "client_id/client_secret", "public_key/private_key"),
    ],
)
def test_one_of_several_kinds_wins_and_warns(emulator: RunningEmulator, kinds: tuple[str, ...], winner: str, loser: str) -> None:
    every: dict[str, Callable[[], dict[str, str]]] = {
        "token": lambda: {"access_token": emulator.tokens.issue()},
        "account": lambda: account(emulator),
        "keys": lambda: keys(emulator),
    }
    options = {name: value for kind in kinds for name, value in every[kind]().items()}
    result, warnings = run(emulator, **options)
    assert result["vpc_peers"] == []
    assert warnings == [f"More than one kind of credentials is set: {winner} is used, and {loser} is not."]


@pytest.mark.parametrize(
    ("variables", "loser"),
    [
        ({"MONGODB_ATLAS_ACCESS_TOKEN": "stale"}, "access_token"),
        ({"MONGODB_ATLAS_CLIENT_ID": "half"}, "client_id/client_secret"),
        ({"MONGODB_ATLAS_CLIENT_ID": "other", "MONGODB_ATLAS_CLIENT_SECRET": "other"}, "client_id/client_secret"),
    ],
)
@pytest.mark.parametrize("half", [False, True])
def test_the_task_comes_before_another_kind_in_the_environment(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], loser: str, half: bool
) -> None:
    options = keys(emulator)
    if half:
        variables = {**variables, "MONGODB_ATLAS_PRIVATE_API_KEY": options.pop("private_key")}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    result, warnings = run(emulator, **options)
    assert result == {"changed": False, "vpc_peers": []}
    assert warnings == [f"More than one kind of credentials is set: public_key/private_key is used, and {loser} is not."]


@pytest.mark.parametrize("missing", ["client_id", "client_secret"])
def test_half_a_service_account_is_explained_even_beside_a_key(emulator: RunningEmulator, missing: str) -> None:
    result, unused = run(emulator, **{**account(emulator), **keys(emulator), missing: None})
    assert result["msg"].partition(".")[0].startswith("client_")
    assert f" is set without {missing}." in result["msg"]
    assert f"MONGODB_ATLAS_{missing.upper()}" in result["msg"]
    assert emulator.requests.entries() == []


needs_tomllib = pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib came with Python 3.11")


def write_profile(home: Path, text: str) -> None:
    folder = home / "config" / "atlascli"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(text)


@needs_tomllib
@pytest.mark.parametrize("kind", ["keys", "account"])
def test_a_profile_of_the_atlas_cli_has_it_all(emulator: RunningEmulator, home: Path, kind: str) -> None:
    own, other = keys(emulator), account(emulator)
    lines = {
        "keys": [f'public_api_key = "{own["public_key"]}"', f'private_api_key = "{own["private_key"]}"'],
        "account": [f'client_id = "{other["client_id"]}"', f'client_secret = "{other["client_secret"]}"'],
    }[kind]
    write_profile(home, "\n".join(["version = 2", "[work]", f'ops_manager_url = "{emulator.base_url}/"', *lines]))
    assert run(emulator, profile="work", base_url=None) == ({"changed": False, "vpc_peers": []}, [])


@needs_tomllib
def test_a_profile_comes_before_the_variables(emulator: RunningEmulator, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = keys(emulator)
    text = f'[work]\npublic_api_key = "{own["public_key"]}"\nprivate_api_key = "{own["private_key"]}"\n'
    write_profile(home, text)
    for option in ("public_key", "private_key"):
        monkeypatch.setenv(VARIABLES[option][0], "of another Atlas")
    assert run(emulator, profile="work") == ({"changed": False, "vpc_peers": []}, [])
    monkeypatch.setenv("MONGODB_ATLAS_ACCESS_TOKEN", "of-another-atlas")
    result, warnings = run(emulator, profile="work")
    assert result == {"changed": False, "vpc_peers": []}
    assert warnings == ["More than one kind of credentials is set: public_key/private_key is used, and access_token is not."]


@needs_tomllib
def test_options_come_before_the_profile(emulator: RunningEmulator, home: Path) -> None:
    write_profile(home, '[work]\nclient_id = "x"\nclient_secret = "y"\nops_manager_url = "http://127.0.0.1:1"\n')
    assert run(emulator, profile="work", **keys(emulator)) == ({"changed": False, "vpc_peers": []}, [])


@needs_tomllib
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ["config.toml", "cannot be read", KEYRING]),
        ("not toml", ["config.toml", "not a TOML file"]),
        ("x = " + "[" * 10_000, ["config.toml", "not a TOML file"]),
        ("[work]\nservice = []\n", ["No credentials for Atlas", "also in the profile 'work' of the Atlas CLI", KEYRING]),
        ("[default]\n[other]\n", ["'work'", "default, other"]),
        ("[work]\n", ["No credentials for Atlas"]),
        ('[work]\npublic_api_key = "a"\n', ["public_key is set without private_key", f"{KEYRING} Set private_key too, or"]),
    ],
)
def test_a_profile_that_fails_is_explained(emulator: RunningEmulator, home: Path, text: str | None, words: list[str]) -> None:
    if text is not None:
        write_profile(home, text)
    result, unused = run(emulator, profile="work")
    assert [word for word in words if word not in result["msg"]] == []


def test_no_credentials_names_the_variables_of_all_kinds(emulator: RunningEmulator) -> None:
    result, unused = run(emulator)
    assert "Atlas CLI" not in result["msg"]
    for option in ("PUBLIC_API_KEY", "PRIVATE_API_KEY", "CLIENT_ID", "CLIENT_SECRET", "ACCESS_TOKEN"):
        assert f"MONGODB_ATLAS_{option}" in result["msg"]


@needs_tomllib
@pytest.mark.parametrize(
    ("options", "variables", "used"),
    [
        ({"public_key": "a", "private_key": "b"}, {}, "public_key and private_key (from the options of the task)"),
        ({"profile": "work"}, {}, "public_key and private_key (from the profile 'work' of the Atlas CLI)"),
        ({}, {"ACCESS_TOKEN": "a"}, "access_token (from the environment)"),
        (
            {"client_id": "a"},
            {"CLIENT_SECRET": "b"},
            "client_id and client_secret (from the options of the task and the environment)",
        ),
    ],
)
def test_refused_credentials_are_named_with_their_place(
    emulator: RunningEmulator,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
    variables: dict[str, str],
    used: str,
) -> None:
    write_profile(home, '[work]\npublic_api_key = "a"\nprivate_api_key = "b"\n')
    for name, value in variables.items():
        monkeypatch.setenv(f"MONGODB_ATLAS_{name}", value)
    result, unused = run(emulator, **options)
    assert result["http_status"] == 401
    assert used in result["msg"].partition(" Check ")[2]


@needs_tomllib
def test_a_project_comes_from_the_profile_last(emulator: RunningEmulator, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`atlas config set project_id` writes it: internal/config/const.go of mongodb/mongodb-atlas-cli has the name."""
    read = {"changed": False, "vpc_peers": []}
    write_profile(home, f'[work]\nproject_id = "{emulator.settings.group_id}"\n[other]\nproject_id = "{"0" * 24}"\n')
    assert run(emulator, profile="work", group_id=None, **keys(emulator)) == (read, [])
    assert run(emulator, profile="other", **keys(emulator)) == (read, [])
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", emulator.settings.group_id)
    assert run(emulator, profile="other", group_id=None, **keys(emulator)) == (read, [])


@needs_tomllib
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["group_id is required. The profile 'work' of the Atlas CLI has no project_id. Set it (or its alias project_id)"]),
        ('project_id = ""\n', ["The profile 'work' of the Atlas CLI has no project_id"]),
        ('project_id = "shop"\n', ["profile: project_id of 'work' is malformed: 'shop'. Atlas's ids are 24 hexadecimal digits"]),
    ],
)
def test_a_profile_without_a_project_is_named(emulator: RunningEmulator, home: Path, text: str, words: list[str]) -> None:
    write_profile(home, f"[work]\n{text}")
    result, unused = run(emulator, profile="work", group_id=None, **keys(emulator))
    assert [word for word in words if word not in result["msg"]] == []
    assert emulator.requests.entries() == []


def test_a_python_without_tomllib_is_explained(emulator: RunningEmulator, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tomllib", None)
    result, unused = run(emulator, profile="work")
    assert "profile needs Python 3.11" in result["msg"]


@needs_tomllib
def test_a_profile_of_the_government_cloud_goes_there(home: Path) -> None:
    write_profile(home, '[gov]\nservice = "cloudgov"\npublic_api_key = "a"\nprivate_api_key = "b"\n')
    sources = read_sources({**NO_CREDENTIALS, "base_url": None, "profile": "gov"})
    assert sources.base_url == "https://cloud.mongodbgov.com"
    assert sources.in_order[1] == {"public_key": "a", "private_key": "b"}


@needs_tomllib
def test_on_macos_the_atlas_cli_has_its_settings_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(InvalidOptionError, match=f"{os.environ['HOME']}/Library/Application Support/atlascli/config.toml"):
        read_profile("work")
