"""No secret is left in a text, in whichever way its characters are written, and looking for it takes no time to speak of."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.reply import CONNECTION_HINTS, api_error
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.request import Request
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError, connection_error
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.redact import STARS, redacted, visible

#: Seconds of this process's own time, of which other processes take none; only what tries in every way needs so many.
CPU_SECONDS = 60
SECRETS = [
    "01234567-89ab-cdef-0123-456789abcdef",
    "mdb_sa_sk_AbCdEf-123_~.x",
    'half "the" canary/ü%',
    "eyJhbGciOi.J9+/=.x_-",
    "100%2Fsure%25 of it",
    "back\\slash\\\\and \\u00fc \\n",
    "\U0001f600 smile + \u20ac",
    "\\\\\\\\\\\\\\\\",
    "a+b c%d&e=f#g?h;i",
]


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _json_as_it_is(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _all_encoded(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


FORMS: list[Callable[[str], str]] = [
    str,
    str.lower,
    quote,
    quote_plus,
    lambda text: quote(text, safe=""),
    lambda text: quote(text, safe="/!'()*~+&=?#;:@ "),
    _json,
    _json_as_it_is,
    lambda text: _json(quote(text)),
    lambda text: quote(_json(text)),
    _all_encoded,
    lambda text: _all_encoded(text).upper(),
]
#: The ways in which one character is written by them.
OF_ONE: list[Callable[[str], str]] = [str, lambda one: quote(one, safe=""), quote_plus, _json, _json_as_it_is]


@contextmanager
def ends_soon() -> Iterator[None]:
    """End what takes more of this process's time than there is any reason for."""

    def give_up(*unused: Any) -> None:
        raise AssertionError(f"not ended in {CPU_SECONDS} seconds of its own")

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_found_in_each_of_its_forms(secret: str, form: Callable[[str], str]) -> None:
    written = form(secret)
    assert redacted(f"You said <{written}>, and {written}.", [secret]) == f"You said <{STARS}>, and {STARS}."
    assert redacted(written, [secret]) == STARS


@pytest.mark.parametrize("secret", [one for one in SECRETS if "%2F" not in one])
def test_a_secret_is_found_however_its_characters_are_written(secret: str) -> None:
    choose = random.Random(secret)
    for unused in range(200):
        written = "".join(choose.choice(OF_ONE)(one) for one in secret)
        if "%" in secret:
            # What leaves a percent sign as it is encodes nothing.
            written = "".join(quote(one, safe="") if choose.random() < 0.5 or one == "%" else _json(one) for one in secret)
        assert redacted(f"a<{written}>z", [secret]) == f"a<{STARS}>z"


def test_what_is_no_secret_is_left_as_it_is() -> None:
    text = 'C:\\folder\\u00fc 100% "of" 50%25 %zz \ud800 \U0001f600 a+b\n'
    assert redacted(text, SECRETS) == text
    assert redacted(text, []) == redacted(text, [""]) == text
    assert redacted("", SECRETS) == ""


def test_secrets_within_and_across_others_are_gone_as_a_whole() -> None:
    one, other = "abcdefgh", "efghijkl"
    assert redacted(f"-x{one}x-", [one, f"x{one}x", f"{one}x"]) == f"-{STARS}-"
    assert redacted("-abcdefghijkl-", [one, other]) == f"-{STARS}-"
    assert redacted(f"-{one}-{other}-", [one, other]) == f"-{STARS}-{STARS}-"


def test_a_short_secret_is_found_only_as_a_whole_text() -> None:
    assert redacted("latest-greatest is the test", ["test", "latest-"]) == "latest-greatest is the test"
    assert redacted("test", ["test"]) == STARS
    assert redacted("test1234", ["test1234"]) == redacted("test", ["test"], 8) == STARS
    assert redacted("a test1234, %74est1234", ["test1234"]) == f"a {STARS}, {STARS}"


def test_control_characters_are_seen_as_such() -> None:
    assert visible("shop-vpc: ü 10.0.0.0/16") == "shop-vpc: ü 10.0.0.0/16"
    assert visible("a\x1b[31mb\r\n\x00\x9b\u202ec\ud800") == "a\\x1b[31mb\\r\\n\\x00\\x9b\\u202ec\\ud800"


def test_backslashes_alone_are_found_from_their_number_on() -> None:
    few, many = "\\" * 7, "\\" * 8
    assert redacted(f"a{few}b", [many]) == f"a{few}b"
    assert redacted(f"a{many}b{few}%5C%5c", [many]) == f"a{STARS}b{STARS}"


@pytest.mark.parametrize("form", FORMS)
def test_a_text_that_is_cut_ends_with_no_part_of_a_secret(form: Callable[[str], str]) -> None:
    secret = SECRETS[2]
    for place in range(80, 101):
        found = redacted("." * place + form(secret) + "." * 500, [secret], 100)
        assert found == ("." * place + STARS + "." * 100)[: len(found)]
        assert len(found) == (100 if place > 92 or len(form(secret)) + place < 100 else place + len(STARS))


REPEATED = ["\\", "%5C", "%", "%25", "a", '\\"', "ü", "\\u005c", "+", "%5Cu", "\\\\u"]


@pytest.mark.parametrize("piece", REPEATED)
def test_neither_long_texts_nor_long_secrets_take_long(piece: str) -> None:
    text = piece * 20_000
    with ends_soon():
        for count in (1, 40, 20_000):
            secrets = [piece * count, piece * count + "x", "x" + piece * count, (piece + "x") * (count // 2)]
            assert redacted("<" + text, secrets)[0] == "<"


def test_many_secrets_take_as_long_as_each_of_them() -> None:
    secrets = [f"{number:05}" * 8 for number in range(500)]
    with ends_soon():
        assert redacted("0123456789" * 10_000 + secrets[7], secrets).endswith(f"9{STARS}")


@pytest.mark.parametrize("piece", REPEATED)
def test_an_error_of_a_server_is_told_soon_and_in_short(piece: str) -> None:
    secret = piece * 30 + "x"
    body = {"errorCode": piece * 100_000, "detail": piece * 100_000 + secret, "badRequestDetail": {"fields": [{"field": secret}]}}
    with ends_soon():
        error = api_error(Request("GET", (), "do it"), 400, body, secrets=[secret])
        error = error.without_secrets([secret])
    assert len(str(error)) < 1200
    assert len(error.detail or "") <= 500
    assert len(error.error_code or "") <= 500


def test_what_came_in_place_of_a_reply_is_short_and_redacted() -> None:
    cause = ValueError("." * 490 + SECRETS[0] + "." * 100_000)
    error = connection_error("do it", "broken", cause, hints=CONNECTION_HINTS, where="https://x", is_write=True, secrets=SECRETS)
    assert error.detail == "." * 490 + STARS
    assert len(str(error)) < 1000


def test_all_texts_of_an_error_are_looked_through() -> None:
    error = TaskError("a canary-1", error_code="CANARY-1", detail="the canary-1", hint="no canary-1")
    assert error.without_secrets(["canary-1"]).to_result() == {
        "msg": f"a {STARS} no {STARS}",
        "http_status": None,
        "error_code": STARS,
        "detail": f"the {STARS}",
    }
