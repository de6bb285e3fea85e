"""In any state of a project, for any list: check mode tells the truth, a second run changes nothing, only what may go goes, and
the list comes to what its entries come to one by one."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.properties.states import optional
from ansible_collections.cloudpeer.atlas.tests.properties.world import ACCOUNTS, LIVES, REGIONS, VPCS, World
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from ansible_collections.cloudpeer.atlas.tests.support.sets import check
from hypothesis import event, given
from hypothesis import strategies as st

MODULE = "atlas_vpc_peers"
BLOCKS = ("10.15.0.0/16", "10.15.128.0/17", "10.16.0.0/16", "10.17.0.0/16", "10.18.0.0/16")
PAIRS = [(vpc, account) for vpc in VPCS for account in ACCOUNTS]
HOMES = [*REGIONS][:2]
PATTERNS = [
    {"vpc_id": VPCS[0]},
    {"aws_account_id": ACCOUNTS[1]},
    {"vpc_id": "*1", "route_table_cidr_block": "10.1?*"},
    {"status_name": "FAILED"},
    {"error_state_name": "*"},
    {"connection_id": None},
]
Entry = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """How to make a project, as often as it is needed: the regions of its containers, and its connections."""

    homes: tuple[str, ...]
    peers: tuple[tuple[str, str, str, str, str], ...]

    def make(self) -> World:
        """Return a project like that."""
        world = World()
        for region in self.homes:
            world.add_container(region)
        for peer in self.peers:
            world.add_peer(*peer)
        return world


def recipes() -> st.SearchStrategy[Recipe]:
    homes = st.sampled_from([(), (HOMES[1],), (HOMES[1],)])
    peers = st.tuples(*(st.sampled_from(choice) for choice in (VPCS, ACCOUNTS, BLOCKS, HOMES, [*LIVES])))
    return st.builds(Recipe, homes, st.lists(peers, max_size=6).map(tuple))


def lists(size: int = 4) -> st.SearchStrategy[list[Entry]]:
    """Return lists that are right more often than not; their containers are named by region."""
    pair = st.sampled_from(PAIRS).map(lambda one: {"vpc_id": one[0], "aws_account_id": one[1]})
    more = optional(route_table_cidr_block=st.sampled_from(BLOCKS), container_region_name=st.sampled_from(HOMES))
    entry = st.tuples(pair, more, st.sampled_from(BLOCKS)).map(
        lambda parts: {**parts[0], "route_table_cidr_block": parts[2], **parts[1]}
    )
    return st.lists(
        entry, max_size=size, unique_by=lambda one: (one["vpc_id"], one["aws_account_id"], one.get("container_region_name"))
    )


def run(world: World, entries: list[Entry], **options: Any) -> Done:
    done = world.run(MODULE, peers=entries, parallel=1, wait_timeout=500, **options)
    check(done, len(entries))
    return done


def live(world: World) -> dict[str, dict[str, Any]]:
    """Return the connections that are not being removed, by id."""
    return {one["id"]: one for one in world.state()[0] if one["statusName"] != "TERMINATING"}


def shape(world: World) -> list[tuple[Any, ...]]:
    """Return what lives, without ids."""
    regions = {container_id: region for region, container_id in world.containers().items()}
    names = ("vpcId", "awsAccountId", "routeTableCidrBlock", "errorStateName")
    return sorted((regions[one["containerId"]], *(str(one[name]) for name in names)) for one in live(world).values())


def planned(done: Done) -> list[tuple[Any, ...]]:
    names = ("action", "index", "name", "container_id", "differing")
    return [tuple(str(one[name]) for name in names) for one in done.result["actions"]]


def is_ignored(peer: dict[str, Any], patterns: list[dict[str, Any]]) -> bool:
    """Tell, in another way than the module, whether a pattern fits a connection in Atlas's words."""
    words = {
        "vpc_id": "vpcId",
        "aws_account_id": "awsAccountId",
        "route_table_cidr_block": "routeTableCidrBlock",
        "status_name": "statusName",
        "error_state_name": "errorStateName",
        "connection_id": "connectionId",
    }
    return any(
        all(value and peer[words[name]] and fnmatchcase(peer[words[name]], value) for name, value in one.items())
        for one in patterns
    )


@examples(80)
@given(
    recipe=recipes(),
    entries=lists(),
    more=optional(
        prune=st.sampled_from([True, True, False]),
        max_deletions=st.integers(0, 6),
        ignore=st.lists(st.sampled_from(PATTERNS), max_size=2),
        recreate=st.sampled_from(["never", "dead"]),
        wait=st.booleans(),
    ),
)
def test_check_mode_tells_the_truth_and_only_what_may_go_goes(recipe: Recipe, entries: list[Entry], more: dict[str, Any]) -> None:
    world, options = recipe.make(), {"allow_empty": True, **more}
    before, state = live(world), world.state()
    foretold = run(world, entries, check_mode=True, **options)
    assert world.state() == state, "check mode changes nothing"
    done = run(world, entries, **options)
    assert (foretold.failed, foretold.changed) == (done.failed, done.changed), (foretold.result, done.result)
    if done.failed and "actions" not in done.result:
        event("refused unread")
        assert (foretold.msg, world.state()) == (done.msg, state)
        return
    assert planned(foretold) == planned(done)
    assert foretold.result["summary"] == done.result["summary"]
    assert [one["msg"] for one in foretold.result["failures"]] == [one["msg"] for one in done.result["failures"]]
    is_refused = done.failed and done.msg.startswith("Nothing was changed in project ")
    event("refused" if is_refused else "failed" if done.failed else "changed" if done.changed else "ok")
    removed = before.keys() - live(world).keys()
    replaced = {one["id"] for one in before.values() if one["id"] in removed and one["statusName"] == "FAILED"}
    told = {one["id"] for one in done.result["pruned"]}
    assert told <= removed <= told | replaced
    assert len(removed) <= options.get("max_deletions", 1)
    assert not told or options.get("prune")
    declared = {(one["vpc_id"], one["aws_account_id"]) for one in entries if "container_region_name" not in one}
    for one in (before[peer_id] for peer_id in told):
        assert not is_ignored(one, options.get("ignore", []))
        assert (one["vpcId"], one["awsAccountId"]) not in declared
    if is_refused:
        assert world.state() == state, "what is refused changes nothing"
        return
    assert done.changed == (
        live(world).keys() != before.keys() or any(one["action"] == "update" for one in done.result["actions"])
    )
    if options.get("prune"):
        assert not [one for one in done.result["actions"] if one["action"] == "delete" and one["index"] is not None]
        assert done.result["summary"]["deleted"] == done.result["summary"]["undeclared"] == len(told)
    again = run(world, entries, **options)
    assert (again.changed, again.result["actions"], again.failed) == (False, [], done.failed), again.result


@examples(50)
@given(recipe=recipes(), entries=lists(3), order=st.permutations(range(3)), recreate=st.sampled_from(["never", "dead"]))
def test_a_list_comes_to_what_its_entries_do_one_by_one(
    recipe: Recipe, entries: list[Entry], order: list[int], recreate: str
) -> None:
    world, other, shuffled = recipe.make(), recipe.make(), recipe.make()
    whole = run(world, entries, recreate=recreate, max_deletions=50)
    turns = [number for number in order if number < len(entries)]
    options = {"recreate": recreate, "wait_timeout": 500}
    single = {number: other.run("atlas_vpc_peer", **entries[number], **options) for number in turns}
    mixed = run(shuffled, [entries[number] for number in turns], recreate=recreate, max_deletions=50)
    # In any order, a list comes to the same.
    assert (mixed.failed, shape(shuffled)) == (whole.failed, shape(world))
    if not whole.failed:
        assert mixed.result["summary"] == whole.result["summary"]
    is_unclear = any(text in whole.result.get("msg", "") for text in ("has the AWS account and the VPC of", "Say which one"))
    if any(one.failed for one in single.values()) or is_unclear:
        # One after the other, entries can be in each other's way where a list finds an order. And a list has to say which of two
        # entries of a pair has which container, where one after the other means whatever is there by then.
        event("failed")
        return
    event("done")
    assert (whole.failed, shape(world)) == (False, shape(other)), whole.result
    assert whole.changed == any(one.changed for one in single.values())
    for number, one in single.items():
        found = whole.result["vpc_peers"][number]
        assert [found[name] for name in ("vpc_id", "route_table_cidr_block")] == [
            one.peer[name] for name in ("vpc_id", "route_table_cidr_block")
        ]
