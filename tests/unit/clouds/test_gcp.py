"""The stand-in of GCP, by a client that knows nothing of the collection."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, MINE, OTHER, REMOTE

ROOT = "https://compute.googleapis.com/compute/v1/"
HERE = f"{ROOT}projects/{MINE[0]}/global/networks/{MINE[1]}"
ADD = {"networkPeering": {"name": "ours", "network": REMOTE, "exchangeSubnetRoutes": True}}


class Client:
    """Sends requests with a token."""

    def __init__(self, clouds: RunningClouds) -> None:
        self.headers = {"Authorization": f"Bearer {clouds.tokens.issue()['access_token']}"}

    def __call__(self, url: str, body: Any = None, **query: str) -> Any:
        verb = "GET" if body is None else "POST"
        reply = requests.request(verb, url, json=body, params=query, headers=self.headers, timeout=30)
        if reply.ok:
            return reply.json()
        error = reply.json()["error"]
        assert error["code"] == reply.status_code
        assert error["message"] == error["errors"][0]["message"]
        return reply.status_code, error["errors"][0]["reason"]


@pytest.fixture
def gcp(clouds: RunningClouds) -> Client:
    return Client(clouds)


def test_a_peering_is_active_if_both_halves_are_there(clouds: RunningClouds, gcp: Client) -> None:
    assert "peerings" not in gcp(HERE)
    name = gcp(f"{HERE}/addPeering", ADD)["name"]
    assert gcp(f"{ROOT}projects/{MINE[0]}/global/operations/{name}")["status"] == "DONE"
    assert gcp(HERE)["peerings"][0]["state"] == "INACTIVE"
    clouds.gcp.add_peering(*ATLAS, "theirs", OTHER)
    assert gcp(HERE)["peerings"][0]["state"] == "INACTIVE"
    clouds.gcp.add_peering(*ATLAS, "theirs-too", MINE)
    assert gcp(HERE)["peerings"][0]["state"] == "ACTIVE"
    gcp(f"{HERE}/removePeering", {"name": "ours"})
    assert "peerings" not in gcp(HERE)


def test_there_is_one_operation_at_a_time_on_both_networks(clouds: RunningClouds, gcp: Client) -> None:
    clouds.gcp.begin_foreign(*ATLAS, looks=2)
    assert gcp(f"{HERE}/addPeering", ADD) == (400, "badRequest")
    assert gcp(f"{HERE}/addPeering", ADD) == (400, "badRequest")
    assert gcp(f"{HERE}/addPeering", ADD)["status"] == "RUNNING"


def test_the_same_request_is_carried_out_once(clouds: RunningClouds, gcp: Client) -> None:
    first = gcp(f"{HERE}/addPeering", ADD, requestId="11111111-1111-4111-8111-111111111111")
    again = gcp(f"{HERE}/addPeering", ADD, requestId="11111111-1111-4111-8111-111111111111")
    assert first["name"] == again["name"]
    gcp(HERE)
    assert gcp(f"{HERE}/addPeering", ADD) == (400, "badRequest")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": f"projects/{OTHER[0]}/global/networks/{OTHER[1]}"}, "There is already a peering with the same name."),
        ({"name": "another"}, "There is already a peering (ours) with the same network."),
    ],
)
def test_a_second_peering_is_refused_in_words(clouds: RunningClouds, gcp: Client, change: dict[str, str], message: str) -> None:
    """As others have seen it: cloudamqp/terraform-provider-cloudamqp#242, createRemoteVpcPeering.go of kyma's cloud-manager."""
    clouds.gcp.add_peering(*MINE, "ours", ATLAS)
    reply = requests.post(
        f"{HERE}/addPeering", json={"networkPeering": {**ADD["networkPeering"], **change}}, headers=gcp.headers, timeout=30
    )
    assert (reply.status_code, reply.json()["error"]["message"].startswith(message)) == (400, True)


def test_what_is_refused(clouds: RunningClouds, gcp: Client) -> None:
    assert gcp(f"{ROOT}projects/{MINE[0]}/global/networks/unknown") == (404, "notFound")
    assert gcp(f"{ROOT}projects/unknown/global/networks/unknown") == (404, "notFound")
    assert gcp(f"{HERE}/removePeering", {"name": "unknown"}) == (400, "invalid")
    for change in ({"name": "A"}, {"network": "elsewhere"}, {"exchangeSubnetRoutes": False}):
        assert gcp(f"{HERE}/addPeering", {"networkPeering": {**ADD["networkPeering"], **change}}) == (400, "invalid")
    clouds.gcp.forbidden.add(MINE[0])
    assert gcp(HERE) == (403, "forbidden")
    gcp.headers["Authorization"] = "Bearer nonsense"
    assert gcp(HERE) == (401, "authError")


def test_permissions_are_refused_one_at_a_time(clouds: RunningClouds, gcp: Client) -> None:
    """The names: https://cloud.google.com/compute/docs/access/iam-permissions, by the methods of the API."""
    clouds.gcp.add_peering(*MINE, "ours", ATLAS)
    routes = {"peeringName": "ours", "region": "europe-west1", "direction": "INCOMING"}
    reads: dict[str, tuple[str, dict[str, str]]] = {
        "compute.networks.get": (HERE, {}),
        "compute.networks.list": (f"{ROOT}projects/{MINE[0]}/global/networks", {}),
        "compute.networks.listPeeringRoutes": (f"{HERE}/listPeeringRoutes", routes),
        "compute.networks.getEffectiveFirewalls": (f"{HERE}/getEffectiveFirewalls", {}),
        "compute.subnetworks.list": (f"{ROOT}projects/{MINE[0]}/aggregated/subnetworks", {}),
    }
    for permission in reads:
        clouds.gcp.denied = {permission}
        replies = {name: gcp(url, **query) for name, (url, query) in reads.items()}
        assert {name: one for name, one in replies.items() if isinstance(one, tuple)} == {permission: (403, "forbidden")}
    reply = requests.get(reads[permission][0], headers=gcp.headers, timeout=30)
    assert f"Required '{permission}' permission for 'projects/{MINE[0]}'" in reply.text


def test_a_token_needs_a_right_to_it(clouds: RunningClouds) -> None:
    for form in (
        {},
        {"grant_type": "refresh_token"},
        {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"},
    ):
        reply = requests.post("https://oauth2.googleapis.com/token", data=form, timeout=30)
        assert reply.status_code == 400
        assert reply.json()["error"] in ("invalid_grant", "unsupported_grant_type")
    assert clouds.tokens.issued == []
    url = f"http://{clouds.metadata_host}/computeMetadata/v1/instance/service-accounts/default/token"
    direct = {"http": "", "https": ""}
    assert requests.get(url, proxies=direct, timeout=30).status_code == 403
    assert "access_token" in requests.get(url, headers={"Metadata-Flavor": "Google"}, proxies=direct, timeout=30).json()


def test_a_lost_reply_was_carried_out(clouds: RunningClouds, gcp: Client) -> None:
    clouds.app.lose.append("/addPeering")
    with pytest.raises(requests.ConnectionError):
        gcp(f"{HERE}/addPeering", ADD)
    assert gcp(HERE)["peerings"][0]["name"] == "ours"
