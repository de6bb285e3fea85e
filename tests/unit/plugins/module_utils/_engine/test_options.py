"""Options of the connection, argument specs that merge, and credentials: all checked without the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.request import ApiSettings
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.clients import choose_credential
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.sources import CREDENTIAL_KINDS, read_sources
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, PROJECTS, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.entry import join_problems, read_entries
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import name_project
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.prune import PRUNE
from ansible_collections.cloudpeer.atlas.plugins.module_utils._entries.table import CHECK, list_option
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import EntryPlace, InvalidOptionError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer import OPERATION

GROUP = "5356823b3794dee37132bb7b"


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"group_id": GROUP, "project_name": None}, f"project {GROUP}"),
        ({"group_id": GROUP, "project_name": "sh\x1bop", "atlas": True}, f"project {GROUP} (sh\\x1bop)"),
        # Without Atlas, it gives names in AWS and nothing else.
        ({"group_id": GROUP, "project_name": None, "atlas": False}, ""),
        ({"group_id": None, "project_name": None}, ""),
        ({}, ""),
    ],
)
def test_a_project_has_its_id_and_its_name(params: dict[str, Any], text: str) -> None:
    assert name_project(params) == text


@pytest.mark.parametrize(
    "base_url",
    [
        "https://cloud.mongodb.com",
        "https://cloud.mongodbgov.com/",
        "HTTPS://cloud.mongodb.com",
        "https://gateway.example/atlas",
        "https://[2001:db8::1]:8443",
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://[::1]:8080",
        "http://localhost:8080",
        "http://LOCALHOST",
    ],
)
def test_good_addresses_pass(base_url: str) -> None:
    ApiSettings(base_url=base_url).validate()


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "cloud.mongodb.com",
        "cloud.mongodb.com:443",
        "ftp://cloud.mongodb.com",
        "https://",
        "https:///x",
        "https://[::1",
        "https://x:99999",
        "https://x:port",
        "//cloud.mongodb.com",
        "file:///etc/passwd",
        "https://cloud.mongodb.com/api/atlas/v2",
        "https://x/api/public/v1.0",
        "https://x?y=z",
        "https://x#y",
        "http://cloud.mongodb.com",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example",
        "http://0.0.0.0",
        "http://[::]",
        "http://128.0.0.1",
        "http://127.1",
        "http://localhost@example.com",
    ],
)
def test_other_addresses_are_refused_and_the_option_is_named(base_url: str) -> None:
    with pytest.raises(InvalidOptionError, match=r"^base_url "):
        ApiSettings(base_url=base_url).validate()


@pytest.mark.parametrize(
    "odd", [*map(chr, range(33)), "\x7f", "\x80", "\x9f", "\xa0", "\xad", "\u2028", "\u200b", "\ud800"], ids=repr
)
def test_invisible_characters_are_refused_wherever_they_are(odd: str) -> None:
    """Python's own parser leaves out line breaks and tabs, and what stands in front."""
    for base_url in (
        f"{odd}https://x",
        f"ht{odd}tps://x",
        f"https://cloud{odd}.example",
        f"https://x{odd}",
        f"https://x/a{odd}b",
    ):
        with pytest.raises(InvalidOptionError, match=r"^base_url has a line break, a space or another character") as caught:
            ApiSettings(base_url=base_url).validate()
        assert odd not in str(caught.value).replace(" ", "") or odd == " "


def test_credentials_in_the_address_are_refused_unrepeated() -> None:
    with pytest.raises(InvalidOptionError, match=r"^base_url must not carry credentials") as caught:
        ApiSettings(base_url="https://user:geheim@cloud.mongodb.com").validate()
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"retries": -1}, "retries"),
        ({"ca_path": "/nonexistent/ca.pem"}, "ca_path"),
    ],
)
def test_odd_values_are_refused_and_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidOptionError, match=f"^{named}"):
        ApiSettings(**options).validate()


def test_a_folder_of_certificates_will_do(tmp_path: Path) -> None:
    ApiSettings(ca_path=str(tmp_path), retries=0, timeout=0.1).validate()


def test_the_total_time_is_that_of_all_tries() -> None:
    assert ApiSettings(timeout=30, retries=4).limits.total_time == 150
    assert ApiSettings(timeout=30, retries=0).limits.total_time == 30


def test_specs_merge_with_every_kind_of_rule() -> None:
    one = ArgumentSpec(
        {"a": {}},
        required_together=(("a", "b"),),
        required_one_of=(("a",),),
        required_if=(("a", 1, ["b"]),),
        mutually_exclusive=(("a", "c"),),
    )
    two = ArgumentSpec(
        {"d": {}},
        required_together=(("d", "e"),),
        required_one_of=(("d",),),
        required_if=(("d", 1, ["e"]),),
        mutually_exclusive=(("d", "f"),),
    )
    assert (one + two).to_kwargs() == {
        "argument_spec": {"a": {}, "d": {}},
        "required_together": (("a", "b"), ("d", "e")),
        "required_one_of": (("a",), ("d",)),
        "required_if": (("a", 1, ["b"]), ("d", 1, ["e"])),
        "mutually_exclusive": (("a", "c"), ("d", "f")),
    }
    assert one.options == {"a": {}}


def errors(**options: Any) -> list[str]:
    return list(ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate(options).error_messages)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"group_id": GROUP}, "peer_id"),
        ({"group_id": GROUP}, "vpc_id"),
        ({"group_id": GROUP, "vpc_id": "v"}, "aws_account_id"),
        ({"group_id": GROUP, "aws_account_id": "1"}, "vpc_id"),
        ({"group_id": GROUP, "peer_id": "x", "state": "gone"}, "state"),
        ({"group_id": GROUP, "peer_id": "x", "recreate": "always"}, "recreate"),
        ({"group_id": GROUP, "peer_id": "x", "wait_for": "AVAILABLE"}, "wait_for"),
        ({"group_id": GROUP, "peer_id": "x", "api_version": "v3"}, "api_version"),
        ({"group_id": GROUP, "peer_id": "x", "wait_timeout": "long"}, "wait_timeout"),
        ({"group_id": GROUP, "peer_id": "x", "nonsense": "y"}, "nonsense"),
    ],
)
def test_ansible_itself_refuses_these(options: dict[str, Any], named: str) -> None:
    assert any(named in message for message in errors(**options))


def test_the_documented_defaults_hold() -> None:
    result = ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate({"project_id": GROUP, "peer_id": "x"})
    assert result.error_messages == []
    params = result.validated_parameters
    expected = {
        "group_id": GROUP,
        "state": "present",
        "recreate": "never",
        "wait": False,
        "wait_for": None,
        "api_version": "v2",
        "envelope": False,
        "validate_certs": True,
        "base_url": None,
    }
    assert {name: params[name] for name in expected} == expected


OTHER_GROUP = "5356823b3794dee37132bbff"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"group_id": GROUP}, {"group_id": GROUP}),
        ({"project_id": GROUP, "wait": True}, {"group_id": GROUP, "wait": True}),
        ({"project_id": GROUP, "group_id": GROUP}, {"project_id": GROUP, "group_id": GROUP}),
        ({"project_id": "123", "group_id": 123}, {"project_id": "123", "group_id": 123}),
    ],
)
def test_an_alias_stands_for_its_option(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert CONNECTION.without_aliases(given) == expected


@pytest.mark.parametrize("other", [OTHER_GROUP, None])
def test_an_option_and_its_alias_must_not_differ(other: str | None) -> None:
    with pytest.raises(InvalidOptionError, match="group_id and project_id are two names") as caught:
        CONNECTION.without_aliases({"project_id": other, "group_id": GROUP})
    assert f"{GROUP} and {other}" in str(caught.value)


SURVEYED = CONNECTION + PROJECTS + PRUNE
SURVEYED += ArgumentSpec(
    {
        "entries": {"type": "list", "elements": "dict", "required": True, "options": {"comment": {"type": "str"}}},
        "dns": {"type": "str", "choices": ["warn", "enable"], "default": "warn"},
        "route_table_ids": {"type": "list", "elements": "str"},
        "tags": {"type": "dict"},
        "comment": {"type": "str"},
    }
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # As surveys leave what nobody has answered.
        (
            dict.fromkeys(("dns", "route_table_ids", "tags", "group_id", "project_id", "retries", "token_cache", "ca_path"), ""),
            {},
        ),
        ({"dns": " ", "tags": "\n", "project_id": "", "group_id": GROUP, "private_key": ""}, {"group_id": GROUP}),
        # Blanks around what names something go, and what is written stays as it is written.
        ({"group_id": f" {GROUP}\n", "route_table_ids": [" rtb-1 ", 7]}, {"group_id": GROUP, "route_table_ids": ["rtb-1", 7]}),
        ({"route_table_ids": " rtb-1, rtb-2 ", "group_ids": "a ,b"}, {"route_table_ids": "rtb-1,rtb-2", "group_ids": "a,b"}),
        ({"comment": " a ", "private_key": " k ", "tags": {"a": "", "b": " c "}}, None),
        # What would open what is closed.
        ({"project_name": "", "org_id": "", "project_names": "", "project_ids": ""}, None),
        (
            {"project_name": " shop ", "group_ids": [], "project_names": ["", " a*"]},
            {"project_name": "shop", "group_ids": [], "project_names": ["", "a*"]},
        ),
        ({"ignore": [{"vpc_id": ""}], "entries": [], "unknown": ""}, None),
        ({"ignore": "", "entries": ""}, {"entries": []}),
        ({"entries": None, "route_table_ids": None, "tags": {}}, None),
    ],
)
def test_an_empty_text_is_not_set(given: dict[str, Any], expected: dict[str, Any] | None) -> None:
    assert SURVEYED.without_blanks(given) == (given if expected is None else expected)
    if "project_id" not in given or "group_id" in given:
        assert SURVEYED.without_aliases(given).keys() <= SURVEYED.without_blanks(given).keys() | {"group_ids"}


def test_an_empty_text_of_an_entry_is_not_set() -> None:
    spec = {**list_option(CHECK)["options"], "comment": {"type": "str"}}
    given = {
        "vpc_id": " vpc-1 ",
        "wait_for": "",
        "route_table_tags": " ",
        "route_table_ids": "",
        "cidr_blocks": "10.0.0.0/8, 10.1.0.0/16",
    }
    (entry,) = read_entries("connections", [{**given, "comment": " a "}], spec)
    assert entry.problems == []
    assert {name: value for name, value in entry.values.items() if value not in (None, "")} == {
        "vpc_id": "vpc-1",
        "cidr_blocks": ["10.0.0.0/8", "10.1.0.0/16"],
        "comment": " a ",
    }
    assert entry.given["vpc_id"] == "vpc-1"


def test_secret_options_unlike_their_alias_are_not_shown() -> None:
    spec = ArgumentSpec({"aws_secret_key": {"type": "str", "no_log": True, "aliases": ["secret", "secret_key"]}})
    with pytest.raises(InvalidOptionError, match="secret and secret_key are two names") as caught:
        spec.without_aliases({"secret": "geheim", "secret_key": "anders"})
    assert not {"geheim", "anders"} & set(str(caught.value).split())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "missing required arguments: region"),
        ({"region": "us", "state": "gone"}, "value of state must be one of: present, got: gone"),
        ({"regoin": "us"}, "missing required arguments: region. regoin is not an option (region?)."),
        ({"zone": "us"}, "missing required arguments: region. zone is not an option. Leave it out, or correct its name."),
        ({"zone:geheim": "us"}, "missing required arguments: region. zone… is not an option. Leave it out, or correct its name."),
        (
            {"region": "us", "sate=geheim": "\n"},
            "Unsupported parameters for (a_module) module: sate…. Supported parameters include: ",
        ),
        ({"region": "us", "sate": "\n"}, "Unsupported parameters for (a_module) module: sate. Supported parameters include: "),
    ],
)
def test_an_option_that_does_not_exist_is_named_beside_others(params: dict[str, str], message: str) -> None:
    options = {"region": {"type": "str", "required": True}, "state": {"type": "str", "choices": ["present"]}}
    spec = ArgumentSpec(options)
    checked = ArgumentSpecValidator(**spec.to_kwargs()).validate(params)
    found = spec.explain(checked, "a_module", params)
    assert found == message if "include" not in message else found.startswith(message) and found.endswith("(state?).")


@pytest.mark.parametrize(
    ("option", "variable"),
    [
        ("group_id", "MONGODB_ATLAS_PROJECT_ID"),
        ("public_key", "MONGODB_ATLAS_PUBLIC_API_KEY"),
        ("public_key", "MONGODB_ATLAS_PUBLIC_KEY"),
        ("private_key", "MONGODB_ATLAS_PRIVATE_API_KEY"),
        ("private_key", "MONGODB_ATLAS_PRIVATE_KEY"),
        ("base_url", "MONGODB_ATLAS_BASE_URL"),
        ("base_url", "MONGODB_ATLAS_OPS_MANAGER_URL"),
    ],
)
def test_the_variables_of_the_official_tools_are_read(monkeypatch: pytest.MonkeyPatch, option: str, variable: str) -> None:
    monkeypatch.setenv(variable, "value")
    given = {} if option == "group_id" else {"group_id": GROUP}
    result = ArgumentSpecValidator(**CONNECTION.to_kwargs()).validate(given)
    assert (result.error_messages, result.validated_parameters[option]) == ([], "value")


def test_an_option_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_ATLAS_PUBLIC_KEY", "variable")
    result = ArgumentSpecValidator(**CONNECTION.to_kwargs()).validate({"group_id": GROUP, "public_key": "option"})
    assert result.validated_parameters["public_key"] == "option"


def test_secrets_are_hidden_and_nothing_else() -> None:
    hidden = [name for name, option in CONNECTION.options.items() if option.get("no_log")]
    assert hidden == ["private_key", "client_secret", "access_token"]


NO_CREDENTIALS = {origin.option: None for origins in CREDENTIAL_KINDS.values() for origin in origins}


@pytest.mark.parametrize(
    ("public", "private", "named"),
    [
        (None, None, "public_key and private_key"),
        ("", "", "public_key and private_key"),
        ("a", None, "set without private_key"),
        ("a", "", "set without private_key"),
        (None, "geheim", "set without public_key"),
        ("", "geheim", "set without public_key"),
    ],
)
def test_missing_halves_of_a_key_are_named_with_their_variables(public: str | None, private: str | None, named: str) -> None:
    given = {**NO_CREDENTIALS, "public_key": public, "private_key": private, "profile": None, "base_url": None}
    with pytest.raises(InvalidOptionError, match=named) as caught:
        choose_credential(read_sources(given), ApiSettings(), print, token_cache=False)
    assert "MONGODB_ATLAS_P" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_problem_of_several_entries_is_named_once() -> None:
    wrong = [TaskError("is on AZURE.").at(EntryPlace("peers", index, " ")) for index in (0, 1, 2, 4)]
    problems = [wrong[0], TaskError("vpc_id is odd.").at(EntryPlace("peers", 0, ".")), *wrong[1:], TaskError("all: odd")]
    assert str(join_problems(problems)) == (
        "peers[0] is on AZURE. The same goes for peers[1] to peers[2], peers[4].\npeers[0].vpc_id is odd.\nall: odd"
    )


def test_many_problems_are_a_screen() -> None:
    wrong = [TaskError(f"vpc_id is odd:\n{'x' * 200} {index}.").at(EntryPlace("peers", index, ".")) for index in range(0, 60, 2)]
    first, *lines = str(join_problems([*wrong, TaskError("all: odd")])).split("\n")
    assert first == f"peers[0].vpc_id is odd:\\n{'x' * 200} 0."
    places = ", ".join(f"peers[{index}]" for index in range(10, 30, 2))
    assert lines[4:] == [f"26 more mistakes are in {places} and 15 more and in the task."]
