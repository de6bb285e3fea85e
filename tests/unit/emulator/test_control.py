"""The control paths."""

from __future__ import annotations

import time

import pytest

MISSING_ID = "0" * 24


@pytest.mark.parametrize(
    ("action", "status", "error"),
    [
        ("accept", "AVAILABLE", None),
        ("reject", "FAILED", "REJECTED"),
        ("expire", "FAILED", "EXPIRED"),
        ("fail", "FAILED", "INVALID_ARGUMENT"),
    ],
)
def test_actions(api, action, status, error):
    """What the owner of the other side does is seen over the API, and can be done once."""
    peer = api.make_peer()
    response = api.control("POST", f"/peers/{peer['id']}/{action}")
    assert response.status_code == 200
    assert response.json()["id"] == peer["id"]
    seen = api.call("GET", f"/peers/{peer['id']}").json()
    assert (seen["statusName"], seen["errorStateName"]) == (status, error)
    again = api.control("POST", f"/peers/{peer['id']}/accept")
    assert again.status_code == 409
    assert status in again.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", f"/peers/{MISSING_ID}/accept", 404),
        ("POST", f"/peers/{MISSING_ID}/explode", 404),
        ("POST", "/nonsense", 404),
        ("GET", "", 404),
        ("GET", f"/peers/{MISSING_ID}/accept", 405),
        ("GET", "/reset", 405),
        ("POST", "/requests", 405),
    ],
)
def test_wrong_calls(api, method, path, status):
    """They are answered in JSON."""
    response = api.control(method, path)
    assert response.status_code == status
    assert response.json()["error"] == status


def test_too_early(start):
    """A peer that AWS has not answered yet cannot be accepted."""
    api = start(step_seconds=60)
    response = api.control("POST", f"/peers/{api.make_peer()['id']}/accept")
    assert response.status_code == 409
    assert "INITIATING" in response.json()["detail"]


def test_requests(api):
    """Everything but the control itself is recorded, refused or not, with the connection it came on."""
    api.call("GET", "/peers?pageNum=1&providerName=AWS")
    api.session.close()
    api.call("GET", "/peers/nonsense%2F")
    log = api.control("GET", "/requests").json()
    group = f"/api/atlas/v2/groups/{api.emulator.settings.group_id}"

    def entry(path, query, status, authenticated, connection):
        return {
            "method": "GET",
            "path": group + path,
            "query": query,
            "status": status,
            "authenticated": authenticated,
            "connection": connection,
        }

    assert log == [
        entry("/peers", "pageNum=1&providerName=AWS", 401, False, 1),
        entry("/peers", "pageNum=1&providerName=AWS", 200, True, 1),
        entry("/peers/nonsense%2F", "", 400, True, 2),
    ]
    assert api.emulator.requests.entries() == log


def test_clearing_requests(api):
    """The log starts again; a connection that is still open stays the one it was."""
    api.call("GET")
    assert api.control("DELETE", "/requests").status_code == 204
    assert api.control("GET", "/requests").json() == []
    api.call("GET")
    assert [(entry["status"], entry["connection"]) for entry in api.control("GET", "/requests").json()] == [(200, 1)]


def test_reset(api):
    """Peers, containers, requests and nonces are as in the beginning; what the start-up line said stays true."""
    api.make_peer()
    api.call("POST", "/containers", json={"regionName": "EU_WEST_1"})
    assert api.control("POST", "/reset").status_code == 204
    assert api.control("GET", "/requests").json() == []
    assert api.call("GET", "/peers").json()["results"] == []
    containers = api.call("GET", "/containers/all").json()["results"]
    assert [(one["id"], one["provisioned"]) for one in containers] == [(api.emulator.project.first_container_id, False)]
    log = api.control("GET", "/requests").json()
    assert [(entry["status"], entry["connection"]) for entry in log] == [(401, 1), (200, 1), (200, 1)]


def test_reset_counts_connections_anew(api, old_api):
    """Also those that are open already."""
    api.call("GET")
    old_api.call("GET")
    assert [entry["connection"] for entry in api.emulator.requests.entries()] == [1, 1, 2, 2]
    api.control("POST", "/reset")
    old_api.call("GET")
    assert {entry["connection"] for entry in api.emulator.requests.entries()} == {1}


def test_accepting_by_itself(start):
    """With --accept auto nobody has to do anything."""
    api = start(step_seconds=0, accept="auto")
    assert api.status_of(api.make_peer()["id"]) == "AVAILABLE"


def test_latency(start):
    """Every reply of the API waits, those of the control do not: they would be waited for in vain."""
    api = start(latency_ms=500)
    began = time.monotonic()
    api.call("GET")
    assert time.monotonic() - began >= 1
    assert start(latency_ms=3_600_000).control("GET", "/requests").json() == []


def test_project_can_be_looked_at_from_the_test(api):
    """It shows what the API shows."""
    peer = api.make_peer()
    assert api.emulator.project.list_peers() == api.call("GET", "/peers").json()["results"]
    assert api.emulator.project.find_peer(peer["id"])["statusName"] == "PENDING_ACCEPTANCE"
