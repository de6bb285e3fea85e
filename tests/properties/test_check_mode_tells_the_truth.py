"""In any state of a project, what check mode foretells is what the run then does, and a second run changes nothing."""

from __future__ import annotations

from typing import Any

from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.properties.options import entry_patterns
from ansible_collections.cloudpeer.atlas.tests.properties.states import (
    AZURE_REGIONS,
    CLOUD_BLOCKS,
    GCP_REGIONS,
    entries_wanted,
    optional,
    other_clouds,
    worlds,
)
from ansible_collections.cloudpeer.atlas.tests.properties.world import ACCOUNTS, BLOCKS, REGIONS, VPCS, World
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from hypothesis import event, given
from hypothesis import strategies as st


def check(world: World, module: str, noun: str, options: dict[str, Any]) -> tuple[Done, Done]:
    """Foretell, look that nothing has changed, run, compare, and run again; return what was foretold and what came."""
    before, began = world.state(), world.clock.now
    foretold = world.run(module, check_mode=True, **options)
    assert world.state() == before, "check mode changes nothing"
    done = world.run(module, **options)
    event(f"{'failed' if done.failed else 'changed' if done.changed else 'ok'}")
    assert foretold.failed == done.failed, (foretold.result, done.result)
    # Where there was waiting, connections have gone on by themselves.
    is_same = world.clock.now > began or world.state() == before
    if done.failed:
        assert is_same, "what is foretold to fail changes nothing"
        return foretold, done
    assert foretold.changed == done.changed, (foretold.result, done.result)
    assert is_same or done.changed, "what changes something says so"
    _compare(foretold.before, done.before, noun)
    _compare(foretold.after, done.after, noun)
    _compare(foretold.result[noun], done.result[noun], noun)
    is_another = "peer_id" in options and done.peer is not None and done.peer["id"] != options["peer_id"]
    if is_another and options.get("recreate", "never") == "never":
        # What was going was created again, and its id means nothing any more.
        return foretold, done
    again = world.run(module, **options)
    assert not again.failed, again.msg
    assert not again.changed, again.result
    told = world.run(module, check_mode=True, **options)
    assert not told.changed
    assert told.result[noun] == again.result[noun]
    return foretold, done


def _compare(foretold: Any, found: Any, path: str) -> None:
    """Check that what was foretold came: all but the nulls, which are what nobody can know before."""
    if foretold is None:
        return
    if isinstance(foretold, dict) and foretold:
        assert isinstance(found, dict), (path, foretold, found)
        for name, value in foretold.items():
            _compare(value, found.get(name), f"{path}.{name}")
    elif isinstance(foretold, list):
        assert len(foretold) == len(found), (path, foretold, found)
        for number, value in enumerate(foretold):
            _compare(value, found[number], f"{path}[{number}]")
    else:
        assert foretold == (found or foretold if foretold == {} else found), path


@examples(120)
@given(data=st.data(), world=worlds())
def test_check_mode_foretells_what_becomes_of_a_connection(data: st.DataObject, world: World) -> None:
    ids = [*world.containers().values(), "0" * 24]
    peers = [peer["id"] for peer in world.atlas.peers()] + ["0" * 24]
    pair = st.fixed_dictionaries({"vpc_id": st.sampled_from(VPCS), "aws_account_id": st.sampled_from(ACCOUNTS)})
    names = (
        pair
        | st.fixed_dictionaries({"peer_id": st.sampled_from(peers)})
        | pair.flatmap(lambda one: st.sampled_from(peers).map(lambda peer: {**one, "peer_id": peer}))
    )
    more = optional(
        state=st.sampled_from(["present", "absent"]),
        route_table_cidr_block=st.sampled_from(BLOCKS),
        accepter_region_name=st.sampled_from([*REGIONS, "US_EAST_1"]),
        container_id=st.sampled_from(ids),
        recreate=st.sampled_from(["never", "dead", "changed"]),
        wait=st.booleans(),
        api_version=st.sampled_from(["v2", "v1.0"]),
        envelope=st.booleans(),
    )
    # Time for everything that happens by itself; what needs somebody else is not waited for.
    options = {**data.draw(names), **data.draw(more), "wait_timeout": 500}
    if "container_id" not in options:
        options.update(data.draw(optional(container_region_name=st.sampled_from([*REGIONS, "EU_WEST_1"]))))
    check(world, "atlas_vpc_peer", "vpc_peer", options)


@examples(80)
@given(data=st.data(), world=worlds())
def test_check_mode_foretells_what_becomes_of_a_container(data: st.DataObject, world: World) -> None:
    more = optional(
        state=st.sampled_from(["present", "absent"]),
        atlas_cidr_block=st.sampled_from([*REGIONS.values(), "192.168.240.0/22", "10.0.0.0/24"]),
        api_version=st.sampled_from(["v2", "v1.0"]),
        envelope=st.booleans(),
    )
    check(
        world, "atlas_network_container", "container", {"region_name": data.draw(st.sampled_from([*REGIONS])), **data.draw(more)}
    )


@examples(80)
@given(data=st.data(), world=other_clouds())
def test_check_mode_foretells_a_container_on_another_cloud(data: st.DataObject, world: World) -> None:
    azure = st.fixed_dictionaries(
        {"provider_name": st.just("AZURE")}, optional={"region_name": st.sampled_from([*AZURE_REGIONS, "northeurope", "eastus2"])}
    )
    regions = st.lists(st.sampled_from([*GCP_REGIONS, "us-east4"]), max_size=3)
    gcp = st.fixed_dictionaries({"provider_name": st.just("GCP")}, optional={"regions": regions})
    more = optional(
        state=st.sampled_from(["present", "absent"]), atlas_cidr_block=st.sampled_from(CLOUD_BLOCKS), envelope=st.booleans()
    )
    check(world, "atlas_network_container", "container", {**data.draw(azure | gcp), **data.draw(more)})


@examples(80)
@given(data=st.data(), world=worlds())
def test_check_mode_foretells_what_becomes_of_an_access_list(data: st.DataObject, world: World) -> None:
    more = optional(
        state=st.sampled_from(["present", "absent"]),
        wait=st.booleans(),
        envelope=st.booleans(),
        keep_comment=st.booleans(),
        only_own=st.booleans(),
    )
    options = {"entries": data.draw(entries_wanted(world)), **data.draw(more)}
    check(world, "atlas_access_list", "access_list", options)


@examples(80)
@given(data=st.data(), world=worlds())
def test_check_mode_foretells_what_is_pruned(data: st.DataObject, world: World) -> None:
    more = optional(
        max_deletions=st.integers(0, 3),
        allow_empty=st.booleans(),
        prune_temporary=st.booleans(),
        ignore=st.lists(entry_patterns, max_size=2),
        keep_comment=st.booleans(),
    )
    options = {"entries": data.draw(entries_wanted(world)), "prune": True, **data.draw(more)}
    foretold, done = check(world, "atlas_access_list", "access_list", options)
    for key in ("pruned", "actions"):
        assert foretold.result.get(key) == done.result.get(key)


def test_the_comparison_sees_a_difference() -> None:
    _compare({"a": None, "b": [1]}, {"a": 5, "b": [1]}, "x")
    for foretold, found in (({"a": 1}, {"a": 2}), ([1], [1, 2]), ({"a": 1}, None)):
        try:
            _compare(foretold, found, "x")
        except AssertionError:
            continue
        raise AssertionError(f"{foretold} and {found} pass for the same")
    assert Done({"changed": False}, []).after == {}
