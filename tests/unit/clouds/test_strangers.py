"""GCP's own client, and the description of its API, judge the stand-in."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.support import azure_site
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, MINE, REMOTE

COMPUTE = "https://compute.googleapis.com/compute/v1/"
HERE = f"projects/{MINE[0]}/global/networks/{MINE[1]}"
needs_clients = pytest.mark.skipif(bool(azure_site.why_not()), reason=azure_site.why_not())


@needs_clients
def test_the_own_client_of_gcp_makes_and_removes_a_peering(clouds: RunningClouds) -> None:
    clouds.gcp.operation_looks = 3
    clouds.gcp.add_peering(*ATLAS, "theirs", MINE)
    key = clouds.tokens.service_account_key()
    asked = {"project": MINE[0], "network": MINE[1], "other": f"{COMPUTE}{REMOTE}", "key": key}
    said = azure_site.ask("gcp_sdk.py", asked, clouds.environment)
    assert (said["made"], said["left"], said["networks"]) == ([["ours", "ACTIVE", "INDEPENDENT"]], 0, [MINE[1]])
    assert said["again"][0] == 409
    assert (said["unknown"][0], "was not found" in said["unknown"][1]) == (404, True)


def description() -> dict[str, Any]:
    """Return the description of the API that google-api-python-client ships."""
    (client,) = azure_site.PYTHON.parents[1].glob("lib/python*/site-packages/googleapiclient")
    file = client / "discovery_cache" / "documents" / "compute.v1.json"
    return dict(json.loads(file.read_text(encoding="utf-8")))


def faults(value: Any, schema: dict[str, Any], schemas: dict[str, Any], path: str) -> list[str]:
    """Return where a value is not what the description says."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    if "properties" in schema:
        known = schema["properties"]
        unknown = [f"{path}.{name} is not described" for name in value if name not in known]
        return unknown + [
            one for name in value.keys() & known.keys() for one in faults(value[name], known[name], schemas, f"{path}.{name}")
        ]
    if schema.get("type") == "array":
        return [one for item in value for one in faults(item, schema["items"], schemas, f"{path}[]")]
    kinds = {"string": str, "boolean": bool, "integer": int}
    wrong = [] if isinstance(value, kinds.get(schema.get("type", ""), object)) else [f"{path} is no {schema['type']}"]
    return wrong + ([f"{path} is {value}"] if "enum" in schema and value not in schema["enum"] else [])


@needs_clients
def test_replies_are_as_the_description_of_the_api_says(clouds: RunningClouds) -> None:
    api = description()
    methods = {
        **api["resources"]["networks"]["methods"],
        **{f"op-{k}": v for k, v in api["resources"]["globalOperations"]["methods"].items()},
    }
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {clouds.tokens.issue()['access_token']}"
    clouds.gcp.operation_looks = 2
    clouds.gcp.add_peering(*ATLAS, "theirs", MINE)
    body = {"networkPeering": {"name": "ours", "network": COMPUTE + REMOTE, "exchangeSubnetRoutes": True}}
    failing = ("QUOTA_EXCEEDED", "Quota exceeded.")
    calls: list[tuple[str, str, str, Any]] = [
        ("get", "GET", HERE, None),
        ("addPeering", "POST", f"{HERE}/addPeering", body),
        ("op-get", "GET", f"projects/{MINE[0]}/global/operations/operation-1", None),
        ("op-wait", "POST", f"projects/{MINE[0]}/global/operations/operation-1/wait", None),
        ("get", "GET", HERE, None),
        ("list", "GET", f"projects/{MINE[0]}/global/networks", None),
        ("removePeering", "POST", f"{HERE}/removePeering", {"name": "ours"}),
        ("op-get", "GET", f"projects/{MINE[0]}/global/operations/operation-2", None),
        ("op-get", "GET", f"projects/{MINE[0]}/global/operations/operation-2", None),
    ]
    for name, verb, path, sent in calls:
        if name == "removePeering":
            clouds.gcp.failure = failing
        reply = session.request(verb, COMPUTE + path, json=sent)
        assert reply.status_code == 200, reply.text
        method = methods[name]
        assert method["httpMethod"] == verb
        if sent is not None:
            assert faults(sent, method["request"], api["schemas"], name) == []
        assert faults(reply.json(), method["response"], api["schemas"], name) == []
    assert reply.json()["status"] == "DONE"
    assert reply.json()["error"]["errors"][0]["code"] == failing[0]
