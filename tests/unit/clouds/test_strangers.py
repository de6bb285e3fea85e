"""The own clients of AZURE and GCP, with which all developers' requirements come, judge the stand-ins."""

from __future__ import annotations

import importlib
from typing import Any

import requests
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.support import azure_site
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, MINE, REMOTE

COMPUTE = "https://compute.googleapis.com/compute/v1/"
HERE = f"projects/{MINE[0]}/global/networks/{MINE[1]}"


def test_the_own_client_of_gcp_makes_and_removes_a_peering(clouds: RunningClouds) -> None:
    clouds.gcp.operation_looks = 3
    clouds.gcp.add_peering(*ATLAS, "theirs", MINE)
    key = clouds.tokens.service_account_key()
    asked = {"project": MINE[0], "network": MINE[1], "other": f"{COMPUTE}{REMOTE}", "key": key}
    said = azure_site.ask("gcp_sdk.py", asked, clouds.environment)
    assert (said["made"], said["left"], said["networks"]) == ([["ours", "ACTIVE", "INDEPENDENT"]], 0, [MINE[1]])
    assert said["again"][0] == 409
    assert (said["unknown"][0], "was not found" in said["unknown"][1]) == (404, True)


def faults(message: Any, path: str) -> list[str]:
    """Return the fields whose value is not one of those that the client's class lists for it."""
    found = []
    for name, field in type(message).meta.fields.items():
        value, allowed = getattr(message, name), getattr(type(message), name.title().replace("_", ""), None)
        if value and field.message is not None:
            items = list(value) if field.repeated else [value]
            found += [fault for item in items if hasattr(item, "_pb") for fault in faults(item, f"{path}.{name}")]
        elif isinstance(value, str) and value and allowed is not None and value not in allowed.__members__:
            found.append(f"{path}.{name} is {value}")
    return found


def test_replies_are_what_the_classes_of_gcps_own_client_have(clouds: RunningClouds) -> None:
    """`from_json` refuses a field that a class does not have, and a value of another type."""
    compute = importlib.import_module("google.cloud.compute_v1")
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {clouds.tokens.issue()['access_token']}"
    clouds.gcp.operation_looks = 2
    clouds.gcp.add_peering(*ATLAS, "theirs", MINE)
    body = {"networkPeering": {"name": "ours", "network": COMPUTE + REMOTE, "exchangeSubnetRoutes": True}}
    failing = ("QUOTA_EXCEEDED", "Quota exceeded.")
    operations = f"projects/{MINE[0]}/global/operations"
    calls: list[tuple[str, str, str, Any]] = [
        ("Network", "GET", HERE, None),
        ("Operation", "POST", f"{HERE}/addPeering", body),
        ("Operation", "GET", f"{operations}/operation-1", None),
        ("Operation", "POST", f"{operations}/operation-1/wait", None),
        ("Network", "GET", HERE, None),
        ("NetworkList", "GET", f"projects/{MINE[0]}/global/networks", None),
        ("Operation", "POST", f"{HERE}/removePeering", {"name": "ours"}),
        ("Operation", "GET", f"{operations}/operation-2", None),
        ("Operation", "GET", f"{operations}/operation-2", None),
    ]
    for name, verb, path, sent in calls:
        if path.endswith("removePeering"):
            clouds.gcp.failure = failing
        reply = session.request(verb, COMPUTE + path, json=sent)
        assert reply.status_code == 200, reply.text
        read = getattr(compute, name).from_json(reply.text, ignore_unknown_fields=False)
        assert faults(read, name) == []
    assert reply.json()["status"] == "DONE"
    assert reply.json()["error"]["errors"][0]["code"] == failing[0]
