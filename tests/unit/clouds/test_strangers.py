# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""GCP's own client and description judge the stand-in; both are heavy, so these tests run where somebody has installed them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, MINE, REMOTE

ROOT = "https://compute.googleapis.com/compute/v1/"
HERE = f"projects/{MINE[0]}/global/networks/{MINE[1]}"


def test_the_own_client_of_gcp_makes_and_removes_a_peering(clouds: RunningClouds, monkeypatch: pytest.MonkeyPatch) -> None:
    compute: Any = pytest.importorskip("google.cloud.compute_v1", reason="google-cloud-compute is not installed")
    from google.oauth2.service_account import Credentials

    credentials = Credentials.from_service_account_info(clouds.tokens.service_account_key())
    networks = compute.NetworksClient(credentials=credentials)
    clouds.gcp.operation_looks = 3
    clouds.gcp.add_peering(*ATLAS, "theirs", MINE)
    peering = compute.NetworkPeering(name="ours", network=f"{ROOT}{REMOTE}", exchange_subnet_routes=True)
    body = compute.NetworksAddPeeringRequest(network_peering=peering)
    networks.add_peering(project=MINE[0], network=MINE[1], networks_add_peering_request_resource=body).result(timeout=60)
    (found,) = networks.get(project=MINE[0], network=MINE[1]).peerings
    assert (found.name, found.state, found.update_strategy) == ("ours", "ACTIVE", "INDEPENDENT")
    removal = compute.NetworksRemovePeeringRequest(name="ours")
    networks.remove_peering(project=MINE[0], network=MINE[1], networks_remove_peering_request_resource=removal).result(timeout=60)
    assert not networks.get(project=MINE[0], network=MINE[1]).peerings
    assert [one.name for one in networks.list(project=MINE[0])] == [MINE[1]]
    from google.api_core import exceptions

    with pytest.raises(exceptions.NotFound, match="was not found"):
        networks.get(project=MINE[0], network="unknown")
    clouds.gcp.add_peering(*MINE, "ours", ATLAS)
    with pytest.raises(exceptions.Conflict):
        networks.add_peering(project=MINE[0], network=MINE[1], networks_add_peering_request_resource=body)


def description() -> dict[str, Any]:
    found = importlib.util.find_spec("googleapiclient")
    if found is None or found.origin is None:
        pytest.skip("google-api-python-client, which ships the description of the API, is not installed")
    file = Path(found.origin).parent / "discovery_cache" / "documents" / "compute.v1.json"
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
    body = {"networkPeering": {"name": "ours", "network": ROOT + REMOTE, "exchangeSubnetRoutes": True}}
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
        reply = session.request(verb, ROOT + path, json=sent)
        assert reply.status_code == 200, reply.text
        method = methods[name]
        assert method["httpMethod"] == verb
        if sent is not None:
            assert faults(sent, method["request"], api["schemas"], name) == []
        assert faults(reply.json(), method["response"], api["schemas"], name) == []
    assert reply.json()["status"] == "DONE"
    assert reply.json()["error"]["errors"][0]["code"] == failing[0]
