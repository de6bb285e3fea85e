"""Both ways of running hide the same secrets, and a module's process compiles each of its files once."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any
from zipimport import zipimporter

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common.parameters import PASS_VARS, env_fallback
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Operation
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import compile_once, run_module
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._action import AtlasAction
from ansible_collections.cloudpeer.atlas.tests.support import masking
from ansible_collections.cloudpeer.atlas.tests.support.operations import CLOUD_MODULES
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

COLLECTION = PurePosixPath("ansible_collections/cloudpeer/atlas")
UTILS = "ansible_collections.cloudpeer.atlas.plugins.module_utils"
KEY, TOKEN = "canary-of-a-key", 'canary "of\\a token'
MASKED = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
# Imports some modules, and tells where each of their files is, and how often each file was compiled after the first module.
CHILD = """
import collections, importlib, json, sys

archive, *names = sys.argv[1:]
sys.path.insert(0, archive)
compiled = collections.Counter()
importlib.import_module(names[0])
sys.addaudithook(lambda event, args: compiled.update([args[1]]) if event == "compile" and isinstance(args[1], str) else None)
for name in names[1:]:
    importlib.import_module(name)
files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
files = {name: file for name, file in files.items() if file.startswith(archive)}
print(json.dumps([files, {file: times for file, times in compiled.items() if file.startswith(archive)}]))
"""


def archive_of(path: Path) -> str:
    """Make a zip file with what all modules share, in the way in which Ansible sends it."""
    files = {COLLECTION / file.relative_to(ROOT): file for file in (ROOT / "plugins" / "module_utils").rglob("*.py")}
    packages = {folder / "__init__.py" for name in files for folder in name.parents if folder.name}
    with zipfile.ZipFile(path, "w") as archive:
        for name in packages - files.keys():
            archive.writestr(name.as_posix(), "")
        for name, file in files.items():
            archive.write(file, name.as_posix())
    return str(path)


def run(archive: str, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CHILD, archive, *names], capture_output=True, text=True, timeout=60, check=False)


def test_each_file_is_compiled_once_under_the_name_of_python(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "payload.zip")
    done = run(archive, f"{UTILS}._engine.shell", f"{UTILS}._operations.atlas_vpc_peer")
    assert done.returncode == 0, done.stderr
    files, compiled = json.loads(done.stdout)
    for name, file in files.items():
        parent = name.rpartition(".")[0].replace(".", "/")
        assert file == zipimporter(f"{archive}/{parent}" if parent else archive).get_filename(name)
    assert len(compiled) >= 40
    assert set(compiled.values()) == {1}
    # Nearly all: what the shell needs itself is compiled before that.
    assert len(files) - len(compiled) < 20


def test_a_file_that_is_missing_is_missed(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "payload.zip")
    done = run(archive, f"{UTILS}._engine.shell", f"{UTILS}._engine.nothing")
    assert f"ModuleNotFoundError: No module named '{UTILS}._engine.nothing'" in done.stderr


def test_nothing_is_done_where_files_are_not_in_a_zip_file() -> None:
    before = list(sys.path_hooks)
    compile_once(__spec__.loader if __spec__ is not None else None)
    assert sys.path_hooks == before


def test_other_zip_files_are_read_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, other = archive_of(tmp_path / "payload.zip"), archive_of(tmp_path / "other.zip")
    monkeypatch.setattr(sys, "path_hooks", list(sys.path_hooks))
    before = {ours: zipimporter(ours), other: zipimporter(other)}
    monkeypatch.setattr(sys, "path_importer_cache", dict(before))
    compile_once(zipimporter(ours))
    assert sys.path_importer_cache[ours] is not before[ours]
    assert sys.path_importer_cache[other] is before[other]
    with pytest.raises(ImportError):
        sys.path_hooks[0](other)


def operation_of(name: str) -> Any:
    return importlib.import_module(f"{UTILS}._operations.{name}").OPERATION


Way = Callable[[Any, dict[str, Any]], dict[str, Any]]


@pytest.fixture(params=["module", "in process"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Way:
    """Return a function that runs an Operation in one of both ways, with such options, and returns the result as it is shown."""

    def as_module(operation: Any, args: dict[str, Any]) -> dict[str, Any]:
        # Since ansible-core 2.21.
        internal = {"_ansible_inject_invocation": True} if "inject_invocation" in PASS_VARS else {}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": {**args, **internal}}).encode())
        # ansible-core 2.16 has none.
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit):
            run_module(operation)
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    def in_process(operation: Any, args: dict[str, Any]) -> dict[str, Any]:
        class Action(AtlasAction):
            OPERATION = operation

            def __init__(self) -> None:
                names = {"action": "it", "args": args, "async_val": 0, "environment": [], "module_defaults": []}
                self._task = SimpleNamespace(check_mode=False, diff=False, no_log=False, delegate_to=None, **names)
                self._connection = SimpleNamespace(transport="local", become=None, _shell=SimpleNamespace(tmpdir=None))
                self._templar = SimpleNamespace(template=lambda value: value)
                self._display = SimpleNamespace(verbosity=0, v=print, vvv=lambda *unused, **also_unused: None)

        return Action().run(None, {"ansible_inject_invocation": True})

    run = {"module": as_module, "in process": in_process}[request.param]
    return lambda operation, args: masking.shown(run(operation, args))


@pytest.mark.parametrize("first", ["", None], ids=["empty", "missing"])
def test_a_variable_that_is_empty_is_not_set(way: Way, monkeypatch: pytest.MonkeyPatch, first: str | None) -> None:
    """Not for libraries either, which take an empty name of a profile for a name."""
    for name in ("AWS_PROFILE", "AZURE_CLIENT_ID", "MONGODB_ATLAS_PROJECT_ID", "MONGODB_ATLAS_PUBLIC_API_KEY"):
        if first is not None:
            monkeypatch.setenv(name, first)
    monkeypatch.setenv("MONGODB_ATLAS_PUBLIC_KEY", "second")
    # It switches HTTP_PROXY off.
    monkeypatch.setenv("http_proxy", "")

    class Seeing(Operation[Any, Any]):
        argument_spec = CONNECTION
        noun = "seen"
        connect = staticmethod(lambda params, warn: contextlib.nullcontext(SimpleNamespace(calls=[], secrets=[])))

        def look(self) -> Any:
            return {name for name in os.environ if name.startswith(("AWS_", "AZURE_", "http_", "MONGODB_"))}

        def show(self, state: Any) -> dict[str, Any]:
            return {"seen": sorted(state), "of": [self.params[name] for name in ("group_id", "public_key")]}

    result = way(Seeing, {})
    assert (result["seen"], result["of"]) == (["MONGODB_ATLAS_PUBLIC_KEY", "http_proxy"], [None, "second"])
    assert os.environ.get("AWS_PROFILE") == first


@pytest.mark.parametrize(
    ("name", "args", "shown"),
    [
        ("atlas_vpc_peers", {"peers": "vpc-0a1b2c3d4e5f67890"}, {}),
        ("atlas_vpc_peers", {"peers": ["vpc-0a1b2c3d4e5f67890"]}, {"peers": []}),
        ("atlas_vpc_peers", {"peers": 1, "client_secret": TOKEN}, {"client_secret": MASKED}),
        ("atlas_vpc_peers", {"peers": False}, {}),
        # What only the other half needs, and what no half has.
        ("atlas_vpc_peers", {"peers": [{"azure_secret": [KEY], "secret": TOKEN}]}, {"peers": [{"azure_secret": MASKED}]}),
        ("atlas_access_list", {"entries": [KEY]}, {"entries": []}),
        ("atlas_vpc_peer_check", {"connections": [f"aws_secret_key={KEY}", "x"]}, {"connections": []}),
        ("atlas_vpc_peer_check", {"connections": {"aws_secret_key": TOKEN}}, {}),
        ("atlas_vpc_peer_check", {"connections": [[{"aws_secret_key": TOKEN}], None]}, {"connections": []}),
        (
            "atlas_vpc_peer_check",
            {"connections": [{"vpc_id": 1, "gcp_access_token": TOKEN}, "x"], "aws_secret_key": TOKEN},
            {"connections": [{"vpc_id": 1, "gcp_access_token": MASKED}], "aws_secret_key": MASKED},
        ),
        ("atlas_vpc_peer_check", {"connections": [[{"comment": "x", "azure_secret": 2**70}]]}, {"connections": []}),
        ("atlas_vpc_peer", {"private_key": [{"a": TOKEN}], "aws_secret_key": KEY}, {"private_key": MASKED}),
        (
            "atlas_gcp_peering",
            {"service_account_contents": [{"private_key": f"-\n{KEY}\n"}]},
            {"service_account_contents": MASKED},
        ),
        ("atlas_azure_role", {"secret": [KEY], "wait_timeout": "x"}, {"secret": MASKED, "wait_timeout": "x"}),
        ("atlas_gcp_peering", {"service_account_contents": {"private_key": f"-\n{KEY}\n"}}, {"service_account_contents": MASKED}),
    ],
)
def test_a_check_that_fails_shows_no_secret(way: Way, name: str, args: dict[str, Any], shown: dict[str, Any]) -> None:
    operation = operation_of(name)
    given = {"project_id": "5356823b3794dee37132bb7b", "private_key": KEY, **args}
    if name in CLOUD_MODULES:
        given = args
    result = way(operation, operation.argument_spec.without_aliases(given))
    assert result["failed"]
    options = result["invocation"]["module_args"]
    for text in (KEY, TOKEN, json.dumps(TOKEN)[1:-1], repr(TOKEN)[1:-1], str(2**70)):
        assert text not in json.dumps(result), result
        assert text not in result["msg"]
    assert {one: options[one] for one in args if one in options} == shown
    # What the module does not have may be a secret under a wrong name.
    assert options.keys() <= operation.argument_spec.options.keys()


@pytest.mark.parametrize("way", ["module"], indirect=True)
def test_a_module_without_a_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, way: Way) -> None:
    monkeypatch.setattr(Echo, "libraries", (("boto3", "boto3 1.26.1 instead of 1.28 or later"),))
    result = way(Echo, {})
    command = f"{sys.executable} -m pip install --upgrade boto3"
    assert result["msg"].startswith("Failed to import the required Python library (boto3) on ")
    assert result["msg"].endswith(f"which has boto3 1.26.1 instead of 1.28 or later. Run there: {command}")


@pytest.mark.parametrize("word", ["zqx", "zqx/zqx", "zqx@zqx", "zqx\nzqx", "zqx[zqx"])
def test_a_password_in_an_address_is_not_shown(way: Way, word: str) -> None:
    options = {"group_id": "5356823b3794dee37132bb7b", "public_key": "abcdefgh", "private_key": KEY}
    result = way(operation_of("atlas_vpc_peer_info"), {**options, "base_url": f"https://canary:{word}@atlas.example"})
    assert result["msg"].startswith("base_url ")
    assert result["invocation"]["module_args"]["base_url"] == "https://********@atlas.example"
    for part in ("canary", "zqx"):
        assert part not in json.dumps([result["msg"], result["invocation"]])


SPEC = ArgumentSpec(
    {
        "words": {"type": "list", "elements": "str", "default": []},
        "secret": {"type": "str", "no_log": True, "aliases": ["hidden"], "fallback": (env_fallback, ["SECRET_OF_THE_TEST"])},
        "usual": {"type": "str", "no_log": True, "default": "canary-of-a-default"},
        "one": {
            "type": "list",
            "elements": "dict",
            "options": {
                "secret": {"type": "str", "no_log": True, "aliases": ["hidden"], "fallback": (env_fallback, ["SECRET_WITHIN"])},
                "word": {"type": "str"},
            },
        },
    }
)


class Echo(Operation[Any, Any]):
    """Shows what it is given; its session has a secret of its own."""

    argument_spec = SPEC
    noun = "echo"
    retries = 0

    @staticmethod
    def connect(params: Any, warn: Any, /) -> Any:
        warn("The canary-of-a-session is tested.")
        session = SimpleNamespace(calls=(), secrets=("canary-of-a-session", "test"), within=contextlib.nullcontext)
        return contextlib.nullcontext(session)

    def look(self) -> Any:
        return self.params["words"]

    def decide(self, state: Any) -> Plan:
        return Plan()

    def show(self, state: Any) -> dict[str, Any]:
        return {"echo": state, "number": 7654321, "detail": None}


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ({"secret": KEY}, KEY),
        ({"hidden": KEY}, KEY),
        ({"secret": KEY, "hidden": KEY}, KEY),
        ({}, "canary-of-a-variable"),
        ({}, "canary-of-a-default"),
        ({}, "canary-of-a-session"),
        ({"one": [{"secret": KEY}]}, KEY),
        ({"one": [{"hidden": KEY}, {}]}, KEY),
        ({"one": [{}]}, "canary-within"),
        ({"one": [f"word=x secret={KEY}"]}, KEY),
        ({"one": f"secret={KEY}"}, KEY),
        ({"secret": 12345678901}, "12345678901"),
        # One that begins with another is hidden as a whole.
        ({"secret": KEY, "one": [{"secret": f"{KEY}-2"}]}, f"{KEY}-2"),
        ({"secret": f"{KEY}-2", "one": [{"secret": KEY}]}, f"{KEY}-2"),
    ],
)
def test_secrets_of_all_options_are_hidden(way: Way, args: dict[str, Any], word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_TEST", "canary-of-a-variable")
    monkeypatch.setenv("SECRET_WITHIN", "canary-within")
    result = way(Echo, {**args, "words": [word, f"<{word}>"]})
    assert result["echo"] == [masking.MASKED, f"<{masking.STARS}>"]
    # In this process, some releases of ansible-core send those of a module elsewhere.
    assert "canary" not in str(result.get("warnings"))
    options = result["invocation"]["module_args"]
    assert options["secret"] == options["usual"] == MASKED
    assert options.get("hidden", MASKED) == MASKED
    assert all({*one.values()} <= {MASKED} for one in options.get("one") or ())


@pytest.mark.skipif(masking.REGISTER is not None, reason="this ansible-core masks secrets of any length in any text")
@pytest.mark.parametrize("given", [{"secret": "test"}, {"one": [{"hidden": "test"}]}, {"secret": 7654321}, {}])
def test_short_secrets_are_hidden_only_as_whole_values(way: Way, given: dict[str, Any]) -> None:
    words = ["latest-greatest", "test", "a test", "Test", "tests", "true"]
    result = way(Echo, {**given, "words": words})
    assert result["echo"] == ["latest-greatest", MASKED, "a test", "Test", "tests", "true"]
    assert (result["number"], result["changed"], result["detail"]) == (7654321, False, None)
    assert "is tested" in str(result.get("warnings", "is tested"))
    assert (result["invocation"]["module_args"]["secret"] or MASKED) == MASKED


def test_without_all_secrets_there_are_no_options_in_a_result(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SPEC, "find_secrets", lambda params: None)
    result = way(Echo, {"secret": KEY, "one": [{"word": "x"}], "words": ["x"]})
    assert result["echo"] == ["x"]
    # The action plugin leaves all of it out, which a module cannot.
    assert result.get("invocation", {}) in ({}, {"module_args": {}})


def test_a_secret_is_hidden_in_each_way_of_writing_it() -> None:
    """A result may quote it in each of these ways, and no letter of it may be left."""
    assert CONNECTION.find_secrets({"client_secret": 'k"e\\y'}) == {'k"e\\y', 'k\\"e\\\\y', 'k"e\\\\y'}


@pytest.mark.parametrize(
    ("name", "args", "begin", "end"),
    [
        ("atlas_vpc_peers", {"peer": []}, "missing required arguments: peers. ", " peer is not an option (peers?)."),
        ("atlas_custom_dns", {"enabld": True}, "missing required arguments: enabled. ", " enabld is not an option (enabled?)."),
        ("atlas_vpc_peers", {"peers": [], "paralel": 2}, "Unsupported parameters for ", " paralel is not an option (parallel?)."),
        ("atlas_vpc_peers", {"peers": [], "qqq": 2}, "Unsupported parameters for ", ")."),
        (
            "atlas_vpc_peer",
            {"vpc_id": "vpc-0a1b2c3d4e5f67890", "aws_acount_id": "1", "qqq": 1},
            "parameters are required together: vpc_id, aws_account_id. ",
            " aws_acount_id is not an option (aws_account_id?). qqq is not an option. Leave it out, or correct its name.",
        ),
    ],
)
def test_an_unknown_option_is_named_beside_a_missing_one(way: Way, name: str, args: dict[str, Any], begin: str, end: str) -> None:
    result = way(operation_of(name), args)
    assert result["msg"].startswith(begin)
    assert result["msg"].endswith(end)
