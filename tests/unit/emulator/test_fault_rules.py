"""Rules for faults: which are understood, which requests they are about, and how they are counted."""

from __future__ import annotations

import json

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.emulator.fault_kinds import APPLIED, KINDS, RuleError
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import MAX_RULES, Attempt, Faults, parse_rules
from hypothesis import given, settings
from hypothesis import strategies as st

JSON_TYPE = {"Content-Type": "application/json"}
LATENCY = {"kind": "latency", "ms": 0}
GET = Attempt("GET", "/api/atlas/v2/groups/1/peers?pageNum=2", True, True)


def make(*rules):
    """Return faults with rules."""
    faults = Faults()
    faults.add(parse_rules([{"fault": LATENCY, **rule} for rule in rules]))
    return faults


@pytest.mark.parametrize(
    ("rule", "hits"),
    [
        ({}, True),
        ({"method": "GET"}, True),
        ({"method": "get"}, True),
        ({"method": "POST"}, False),
        ({"path": "/api/atlas/v2"}, True),
        ({"path": "/atlas"}, False),
        ({"path_glob": "*peers*"}, True),
        ({"path_glob": "/api/*pageNum=2"}, True),
        ({"path_glob": GET.target}, True),
        ({"path_glob": "*"}, True),
        ({"path_glob": "**/peers?*"}, True),
        ({"path_glob": "peers*"}, False),
        ({"path_glob": "*peers"}, False),
        ({"path_glob": "/api/atlas/v./*"}, False),
        ({"path_glob": ""}, False),
        ({"authenticated": True}, True),
        ({"authenticated": False}, False),
        ({"authenticated": None, "method": None, "path": None, "path_glob": None, "times": None}, True),
    ],
    ids=str,
)
def test_which_requests(rule, hits):
    """Method, path and credentials all have to fit."""
    assert (make(rule).take(GET) is not None) is hits


def test_counting():
    """The first ones pass, then it happens so many times, then never again."""
    faults = make({"skip": 2, "times": 3})
    assert [faults.take(GET) is not None for unused in range(7)] == [False, False, True, True, True, False, False]
    assert faults.to_json()[0]["matched"] == 7
    assert faults.to_json()[0]["happened"] == 3
    for_ever = make({"method": "GET"})
    assert all(for_ever.take(GET) for unused in range(50))


def test_first_rule_decides():
    """A spent rule, or one that lets pass, leaves the request to the next."""
    faults = make({"times": 1, "fault": {"kind": "close"}}, {"skip": 2, "fault": {"kind": "silence"}}, {})
    assert [faults.take(GET).kind for unused in range(5)] == ["close", "latency", "latency", "silence", "silence"]


def test_kinds_that_are_picky():
    """A nonce needs a digest, a page a list."""
    stale = make({"fault": {"kind": "stale_nonce"}})
    assert stale.take(Attempt("GET", "/", False)) is None
    assert stale.take(Attempt("GET", "/", True, by_digest=False)) is None
    assert stale.take(GET).kind == "stale_nonce"
    moving = make({"fault": {"kind": "moving_page"}})
    assert moving.take(Attempt("POST", "/api/atlas/v2/groups/1/peers", True)) is None
    assert moving.take(Attempt("GET", "/api/atlas/v2/groups/1/peers/2", True)) is None
    assert moving.take(Attempt("GET", "/api/atlas/v2/groups/1/containers/all?pageNum=1", True)) is not None
    assert moving.to_json()[0]["matched"] == 1


def test_applied():
    """It is known of each kind whether the request does its work."""
    applied = {"ms": 1, "status": 503}
    for kind, known in KINDS.items():
        fault = {"kind": kind, **{name: value for name, value in applied.items() if name in known}}
        [rule] = parse_rules({"fault": fault})
        assert rule.fault.applied is (kind in APPLIED)
        if "applied" in known:
            assert parse_rules({"fault": {**fault, "applied": True}})[0].fault.applied


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        (None, "object"),
        (7, "object"),
        ("latency", "object"),
        ([[]], "object"),
        ({}, "fault"),
        ({"fault": None}, "fault"),
        ({"fault": []}, "fault"),
        ({"fault": {}}, "kind"),
        ({"fault": {"kind": "explode"}}, "reset_before"),
        ({"fault": {"kind": ["latency"]}}, "kind"),
        ({"fault": {"kind": "latency"}}, "ms"),
        ({"fault": {"kind": "latency", "ms": -1}}, "ms"),
        ({"fault": {"kind": "latency", "ms": None}}, "ms"),
        ({"fault": {"kind": "latency", "ms": True}}, "ms"),
        ({"fault": {"kind": "latency", "ms": 1e300}}, "ms"),
        ({"fault": {"kind": "latency", "ms": float("inf")}}, "ms"),
        ({"fault": {"kind": "latency", "s": 1, "ms": 1}}, "'s'"),
        ({"fault": {"kind": "close", "ms": 1}}, "none"),
        ({"fault": {"kind": "drip", "part": "tail"}}, "body, headers"),
        ({"fault": {"kind": "drip", "part": []}}, "part"),
        ({"fault": {"kind": "status"}}, "status"),
        ({"fault": {"kind": "status", "status": 200}}, "from 400"),
        ({"fault": {"kind": "status", "status": 999}}, "status"),
        ({"fault": {"kind": "status", "status": "503"}}, "status"),
        ({"fault": {"kind": "status", "status": 503.0}}, "status"),
        ({"fault": {"kind": "status", "status": 503, "applied": 1}}, "applied"),
        ({"fault": {"kind": "status", "status": 503, "retry_after": "1\r\nX: y"}}, "retry_after"),
        ({"fault": {"kind": "status", "status": 503, "retry_after": {"date": 1}}}, "retry_after"),
        ({"fault": {"kind": "status", "status": 503, "code": "lower"}}, "code"),
        ({"fault": {"kind": "html", "status": 204}}, "status"),
        ({"fault": {"kind": "content_type", "value": "\u00fc"}}, "value"),
        ({"fault": {"kind": "moving_page", "change": "swap"}}, "remove, add"),
        ({"fault": LATENCY, "extra": 1}, "'extra'"),
        ({"fault": LATENCY, "\ud800": 1}, "ud800"),
        ({"fault": LATENCY, "method": 1}, "method"),
        ({"fault": LATENCY, "method": "GE T"}, "method"),
        ({"fault": LATENCY, "path": "peers"}, "slash"),
        ({"fault": LATENCY, "path": "/\ud800"}, "path"),
        ({"fault": LATENCY, "path_glob": 5}, "text"),
        ({"fault": LATENCY, "path_glob": "\ud800"}, "text"),
        ({"fault": LATENCY, "path_glob": "*" * 10_001}, "text"),
        ({"fault": LATENCY, "path": "/", "path_glob": "*"}, "either"),
        ({"fault": LATENCY, "path_regex": "peers"}, "path_glob"),
        ({"fault": LATENCY, "authenticated": "yes"}, "authenticated"),
        ({"fault": LATENCY, "times": 0}, "times"),
        ({"fault": LATENCY, "times": 1.5}, "times"),
        ({"fault": LATENCY, "times": True}, "times"),
        ({"fault": LATENCY, "skip": -1}, "skip"),
        ({"fault": LATENCY, "skip": None}, "skip"),
        ({"fault": LATENCY, "skip": 10**30}, "skip"),
        ([{"fault": LATENCY}, {"fault": {"kind": "nothing"}}], "kind"),
    ],
    ids=ascii,
)
def test_not_understood(api, rule, word):
    """The answer is 400 and says why, and no rule of the list is taken."""
    with pytest.raises(RuleError, match=word):
        parse_rules(rule)
    response = requests.post(f"{api.emulator.base_url}/emulator/faults", data=json.dumps(rule), headers=JSON_TYPE, timeout=10)
    assert response.status_code == 400
    assert response.json()["error"] == 400
    assert word in response.json()["detail"] or word == "ms"
    assert api.control("GET", "/faults").json() == []


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b"NaN", b"[" * 100_000, b'{"fault": ' * 5000, b" " * (2 << 20), b"9" * 5000]
)
def test_not_json(api, data):
    """Nor is that a fault of the emulator's own."""
    response = requests.post(f"{api.emulator.base_url}/emulator/faults", data=data, headers=JSON_TYPE, timeout=10)
    assert response.status_code == 400, response.text
    assert response.json()["detail"]


def test_too_many(api):
    """There is an end to it."""
    url = f"{api.emulator.base_url}/emulator/faults"
    assert requests.post(url, json=[{"fault": LATENCY}] * MAX_RULES, timeout=10).status_code == 201
    assert requests.post(url, json={"fault": LATENCY}, timeout=10).status_code == 400


def test_control_paths(api):
    """Rules are added, shown with their counts, and removed; a reset removes them too."""
    url = f"{api.emulator.base_url}/emulator/faults"
    rule = {"method": "GET", "authenticated": True, "times": 1, "fault": {"kind": "status", "status": 503}}
    added = requests.post(url, json=rule, timeout=10)
    assert added.status_code == 201
    assert added.json() == requests.get(url, timeout=10).json()
    assert [api.call("GET").status_code for unused in range(2)] == [503, 200]
    [shown] = requests.get(url, timeout=10).json()
    assert shown == {
        "method": "GET",
        "path": None,
        "path_glob": None,
        "authenticated": True,
        "times": 1,
        "skip": 0,
        "fault": {"kind": "status", "status": 503, "applied": False, "retry_after": None, "code": None},
        "matched": 2,
        "happened": 1,
    }
    assert requests.post(url, json=[rule, rule], timeout=10).json()[1:] == [{**shown, "matched": 0, "happened": 0}] * 2
    assert requests.delete(url, timeout=10).status_code == 204
    assert requests.get(url, timeout=10).json() == []
    requests.post(url, json=rule, timeout=10)
    api.control("POST", "/reset")
    assert requests.get(url, timeout=10).json() == []
    assert requests.put(url, timeout=10).status_code == 405


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
PARAMETERS = st.sampled_from(sorted({name for known in KINDS.values() for name in known}))
FAULTS = st.builds(
    lambda kind, rest: {"kind": kind, **rest},
    st.sampled_from(sorted(KINDS)) | JSON,
    st.dictionaries(PARAMETERS, JSON, max_size=3),
)
NAMES = st.sampled_from(["method", "path", "path_glob", "authenticated", "times", "skip"])
RULES = JSON | st.builds(lambda fault, rest: {**rest, "fault": fault}, FAULTS | JSON, st.dictionaries(NAMES, JSON, max_size=3))


@settings(max_examples=300, deadline=None)
@given(RULES)
def test_any_rule(rule):
    """It is understood, and then can be shown, or it is refused in words."""
    try:
        rules = parse_rules(rule)
    except RuleError as error:
        rules = []
        # It can be sent.
        str(error).encode()
    for one in rules:
        one.take(GET)
        assert json.dumps(one.to_json(), ensure_ascii=False, allow_nan=False).encode()
