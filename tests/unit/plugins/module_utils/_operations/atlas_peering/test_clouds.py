"""Both sides on AZURE and GCP, in one list with AWS: roles, mirrors, and what is left of them when connections go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.entra_proofs import AzureRefusalError
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from ansible_collections.cloudpeer.atlas.tests.support.path_site import GCP_PROJECT, PathSite

Make = Callable[..., PathSite]
Entries = list[dict[str, Any]]


@pytest.fixture
def site(make_path: Make) -> PathSite:
    return make_path(with_clouds=True)


def apply(site: PathSite, entries: Entries, **options: Any) -> Done:
    done = site.run(connections=entries, **options)
    assert not done.failed, done.msg
    return done


def actions(done: Done) -> Counter[tuple[str, ...]]:
    """Return how often each thing was done, with its names where they are known before."""
    listed = [one for entry in done.result["peering"]["connections"] for one in entry["actions"]]
    return Counter((one["side"], one["action"], one["kind"]) for one in listed)


def mirrors(site: PathSite, entries: Entries) -> list[int]:
    assert site.clouds is not None
    return [len(site.clouds.gcp.peerings(GCP_PROJECT, one["network_name"])) for one in entries]


def may_peer(site: PathSite, entries: Entries) -> list[bool]:
    assert site.clouds is not None
    return [site.clouds.azure.roles.allows(one["vnet_resource_id"]) for one in entries]


def test_three_clouds_in_one_list_and_back(site: PathSite) -> None:
    vpcs, vnets, networks = site.make_vpcs(2, accounts=2), site.make_vnets(2), site.make_networks(3)
    entries = [vpcs[0], vnets[0], networks[0], vpcs[1], vnets[1], *networks[1:]]
    predicted = site.run(connections=entries, check_mode=True)
    assert site.writes == []
    done = apply(site, entries)
    assert (len(site.connected), may_peer(site, vnets), mirrors(site, networks)) == (2, [True] * 2, [1] * 3)
    assert site.statuses("AZURE") == ["AVAILABLE"] * 2
    assert site.statuses("GCP") == ["AVAILABLE"] * 3
    vpc = done.result["peering"]["connections"][0]
    assert [(one["before"], one["after"]) for one in vpc["routes"]] == [(None, vpc["connection_id"])]
    # In GCP, a list, and three requests a mirror; none was refused because of another one.
    sent = site.to_gcp
    assert (sent["GET networks"], sent["POST addPeering"]) == (1, 3)
    assert (site.to_azure["PUT roleDefinitions"], site.to_azure["PUT roleAssignments"]) == (2, 2)
    assert actions(done) == actions(predicted)
    assert actions(done)["GCP", "create", "mirror"] == 3
    assert actions(done)["AZURE", "create", "role"] == 2
    done = apply(site, entries, state="absent", remove_container=True)
    assert (site.connected, may_peer(site, vnets), mirrors(site, networks)) == (set(), [False] * 2, [0] * 3)
    assert site.access_list == {}
    vpc = done.result["peering"]["connections"][0]
    assert [(one["before"], one["after"]) for one in vpc["routes"]] == [(vpc["connection_id"], None)]
    assert actions(done)["GCP", "delete", "mirror"] == 3
    assert actions(done)["AZURE", "delete", "role"] == 2
    assert not apply(site, entries, state="absent", remove_container=True).changed


def test_pruned_connections_leave_nothing_on_azure_and_gcp(site: PathSite) -> None:
    vnets, networks = site.make_vnets(2), site.make_networks(2)
    apply(site, [*vnets, *networks])
    done = apply(site, [vnets[0], networks[0]], prune=True, max_deletions=2)
    assert (may_peer(site, vnets), mirrors(site, networks)) == ([True, False], [1, 0])
    assert (len(site.statuses("AZURE")), len(site.statuses("GCP"))) == (1, 1)
    assert done.result["peering"]["remaining"] == []


def test_halves_that_are_off_are_not_asked(site: PathSite) -> None:
    vnets, networks = site.make_vnets(1), site.make_networks(1)
    done = site.run(connections=[*vnets, *networks], azure=False, gcp=False, wait_timeout=5)
    assert not site.to_gcp
    assert not site.to_azure
    assert done.result["peering"]["remaining"]


def test_a_missing_right_to_write_fails_its_entries_alone(site: PathSite) -> None:
    assert site.clouds is not None
    vnets, networks = site.make_vnets(2), site.make_networks(2)
    entries = [*vnets, *networks]
    site.clouds.azure.entra.add_principal()
    denial = {"error": {"code": 403, "errors": [{"reason": "forbidden"}], "message": "Required compute.networks.addPeering"}}
    site.clouds.app.answers.append((f"/{networks[0]['network_name']}/addPeering", 403, denial))
    put = site.clouds.azure.roles.put_definition
    broken = vnets[0]["vnet_resource_id"]

    def refuse(scope: str, *more: Any) -> Any:
        if scope.lower() == broken.lower():
            raise AzureRefusalError(403, "AuthorizationFailed", "No.")
        return put(scope, *more)

    site.clouds.azure.roles.put_definition = refuse  # type: ignore[method-assign]
    done = site.run(connections=entries)
    assert {(one["index"], one["step"]) for one in done.result["failures"]} == {(0, "role"), (2, "mirror")}
    assert (may_peer(site, vnets), mirrors(site, networks)) == ([False, True], [0, 1])
    assert [one["status_name"] for one in done.result["peering"]["connections"]] == [
        *(None, "AVAILABLE", "WAITING_FOR_USER", "AVAILABLE")
    ]
    site.clouds.azure.roles.put_definition = put  # type: ignore[method-assign]
    apply(site, entries)
    assert (may_peer(site, vnets), mirrors(site, networks)) == ([True] * 2, [1] * 2)


def test_what_has_failed_in_atlas_is_not_predicted(site: PathSite) -> None:
    networks = site.make_networks(2)
    apply(site, networks)
    failed = next(one["id"] for one in site.peers_of("GCP") if one["networkName"] == networks[0]["network_name"])
    site.fail(failed)
    assert site.clouds is not None
    site.clouds.gcp.remove_peering(
        GCP_PROJECT, networks[0]["network_name"], site.clouds.gcp.peerings(GCP_PROJECT, networks[0]["network_name"])[0]["name"]
    )
    predicted = site.run(connections=networks, check_mode=True)
    done = site.run(connections=networks)
    assert actions(predicted) == actions(done)
    done = apply(site, networks, recreate="dead")
    assert mirrors(site, networks) == [1, 1]
