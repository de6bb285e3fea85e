"""In any state of a project on three clouds, for any list: check mode tells the truth, a second run changes nothing, and what is
with a cloud that the list is not about is neither read nor touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.properties.states import optional
from ansible_collections.cloudpeer.atlas.tests.properties.test_declared_lists import planned, run
from ansible_collections.cloudpeer.atlas.tests.properties.world import ACCOUNTS, CLOUD_LIVES, LIVES, NETWORKS, VPCS, World
from ansible_collections.cloudpeer.atlas.tests.support.sets import add_clouds
from hypothesis import event, given
from hypothesis import strategies as st

CLOUDS = ("AWS", "AZURE", "GCP")
BLOCKS = ("10.15.0.0/16", "10.16.0.0/16")
#: The networks of a customer on each cloud, and what may differ in an entry without its being another connection.
NAMES = ("prod", "Test")
GROUPS = ("net", "other")
AZURE = NETWORKS["AZURE"]
PROJECT = NETWORKS["GCP"]["gcpProjectId"]
GONE = ("TERMINATING", "DELETING")
Entry = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """How to make a project, as often as it is needed: its connections on each cloud."""

    aws: tuple[tuple[str, str, str], ...]
    azure: tuple[tuple[str, str, str], ...]
    gcp: tuple[tuple[str, str], ...]

    def make(self) -> World:
        """Return a project like that."""
        world = World()
        containers = add_clouds(world.atlas)
        for vpc, block, life in self.aws:
            world.add_peer(vpc, ACCOUNTS[0], block, "us-east-1", life)
        for name, group, life in self.azure:
            world.add_peer_of("AZURE", life, containerId=containers["AZURE"], vnetName=name, resourceGroupName=group)
        for name, life in self.gcp:
            world.add_peer_of("GCP", life, containerId=containers["GCP"], networkName=name.lower())
        return world


def recipes() -> st.SearchStrategy[Recipe]:
    aws = st.tuples(st.sampled_from(VPCS), st.sampled_from(BLOCKS), st.sampled_from([*LIVES]))
    azure = st.tuples(st.sampled_from(NAMES), st.sampled_from(GROUPS), st.sampled_from([*CLOUD_LIVES["AZURE"]]))
    gcp = st.tuples(st.sampled_from(NAMES), st.sampled_from([*CLOUD_LIVES["GCP"]]))
    return st.builds(Recipe, *(st.lists(one, max_size=2).map(tuple) for one in (aws, azure, gcp)))


def aws_entry(vpc: str, block: str) -> Entry:
    return {"vpc_id": vpc, "aws_account_id": ACCOUNTS[0], "route_table_cidr_block": block}


def azure_entry(name: str, group: str, is_upper: bool) -> Entry:
    return {
        "azure_directory_id": AZURE["azureDirectoryId"],
        "azure_subscription_id": AZURE["azureSubscriptionId"],
        "resource_group_name": group,
        "vnet_name": name.upper() if is_upper else name,
    }


def lists(cloud: str) -> st.SearchStrategy[list[Entry]]:
    """Return lists about a cloud, or about all."""
    kinds = {
        "AWS": st.builds(aws_entry, st.sampled_from(VPCS), st.sampled_from(BLOCKS)),
        "AZURE": st.builds(azure_entry, st.sampled_from(NAMES), st.sampled_from(GROUPS), st.booleans()),
        "GCP": st.builds(
            lambda name: {"gcp_project_id": PROJECT, "network_name": name}, st.sampled_from([name.lower() for name in NAMES])
        ),
    }
    entry = st.one_of(*(kinds[one] for one in (CLOUDS if cloud == "all" else (cloud,))))
    return st.lists(entry, max_size=4, unique_by=name_of)


def name_of(entry: Entry) -> str:
    return str(entry.get("vpc_id") or entry.get("vnet_name", "").lower() or entry["network_name"])


def live(world: World) -> dict[str, dict[str, Any]]:
    """Return the connections on all clouds that are not being removed, by id."""
    return {one["id"]: one for one in world.state()[0] if one.get("statusName", one.get("status")) not in GONE}


def of(peers: dict[str, dict[str, Any]], clouds: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    return {key: one for key, one in peers.items() if one["providerName"] in clouds}


@examples(70)
@given(data=st.data(), recipe=recipes(), cloud=st.sampled_from([*CLOUDS, "all", "all"]))
def test_check_mode_foretells_a_list_and_other_clouds_stay(data: st.DataObject, recipe: Recipe, cloud: str) -> None:
    world, entries = recipe.make(), data.draw(lists(cloud))
    more = data.draw(
        optional(
            prune=st.booleans(),
            max_deletions=st.sampled_from([0, 1, 9, 9]),
            recreate=st.sampled_from(["never", "dead", "changed", "changed"]),
            wait=st.booleans(),
            ignore=st.sampled_from([[], [{"provider_name": "GCP"}], [{"vnet_name": "PROD"}]]),
        )
    )
    options = {"provider_name": cloud, "allow_empty": True, **more}
    own = CLOUDS if cloud == "all" else (cloud,)
    others = tuple(one for one in CLOUDS if one not in own)
    before, state = live(world), world.state()
    foretold = run(world, entries, check_mode=True, **options)
    assert world.state() == state, "check mode changes nothing"
    done = run(world, entries, **options)
    after = live(world)
    assert of(after, others).keys() == of(before, others).keys(), "other clouds are left alone"
    assert all(one["provider_name"] in own for one in (*done.result["pruned"], *filter(None, done.result["vpc_peers"])))
    assert planned(foretold) == planned(done), (foretold.result, done.result)
    assert (foretold.failed, foretold.changed) == (done.failed, done.changed), (foretold.result, done.result)
    assert foretold.result["summary"] == done.result["summary"]
    assert [one["msg"] for one in foretold.result["failures"]] == [one["msg"] for one in done.result["failures"]]
    removed = before.keys() - after.keys()
    assert len(removed) <= more.get("max_deletions", 1)
    told = {one["id"] for one in done.result["pruned"]}
    assert told <= removed
    is_refused = done.failed and done.msg.startswith("Nothing was changed in project ")
    event("refused" if is_refused else "failed" if done.failed else "changed" if done.changed else "ok")
    if is_refused:
        assert world.state() == state, "what is refused changes nothing"
        return
    replaced = sum(one["action"] == "recreate" for one in done.result["actions"])
    assert len(removed - told) == replaced
    assert not replaced or more["recreate"] != "never"
    again = run(world, entries, **options)
    assert (again.changed, again.result["actions"], again.failed) == (False, [], done.failed), again.result
