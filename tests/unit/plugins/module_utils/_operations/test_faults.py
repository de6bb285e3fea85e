"""Whatever goes wrong with what a module writes: it tells the truth, writes nothing twice, and the next run has nothing to do."""

from __future__ import annotations

import gc
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from operator import attrgetter
from typing import Any, NamedTuple

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.front import Front
from ansible_collections.cloudpeer.atlas.tests.support import trouble as faults
from ansible_collections.cloudpeer.atlas.tests.support.azure_role_site import AzureSite
from ansible_collections.cloudpeer.atlas.tests.support.environment import point_at
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import GcpSite
from ansible_collections.cloudpeer.atlas.tests.support.harness import CIDR, PAIR, PEERING, VPC, Done
from ansible_collections.cloudpeer.atlas.tests.support.operations import load
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.sets import block, entry, vpc

FAULTS = (faults.LOST, faults.UNSENT, faults.REFUSED, faults.KILLED, faults.SLOW, faults.BUSY, faults.LIMITED, faults.DEAD)
#: What an error says of a request that never arrived, to Atlas, GCP and AZURE, or AWS.
SILENCE = "the connection broke to|broke before|Connection was closed before"
#: Who refuses some writes, and what they need; any other one is for Atlas, or an action of AWS.
NEEDS = {
    **dict.fromkeys(("addPeering", "removePeering"), "HTTP 403 odd"),
    "POST servicePrincipals": "Application.ReadWrite.All",
    **{f"PUT {one}": f"Microsoft.Authorization/{one}/write" for one in ("roleDefinitions", "roleAssignments")},
    **{f"DELETE {one}": f"Microsoft.Authorization/{one}/delete" for one in ("roleDefinitions", "roleAssignments")},
}
FAILED = (faults.REFUSED, faults.DEAD)
#: A removal in Atlas is sent again without a look: its answer says whether it was the first.
REMOVALS = ("DELETE peers", "DELETE containers", "DELETE accessList")
#: Where the classes of runs are. Sessions are kept by the libraries, whose connections and pools know each other.
RUNS = re.compile(r"\.atlas\.plugins\.module_utils\._(engine|sides|operations|path|peer_set|peering)\b")
OTHER = "10.99.0.0/16"
Options = dict[str, Any]
Get = Callable[[str], Any]
Made = tuple[Any, list[str]]


# Where tasks run: a site, and where its services are.


def on_atlas(get: Get) -> Made:
    site = get("make_atlas")()
    return site, [site.base_url]


def on_aws(get: Get) -> Made:
    site = get("make_site")()
    return site, [site.front.url]


def on_cloud(kind: type) -> Callable[[Get], Made]:
    def make(get: Get) -> Made:
        clouds = get("_clouds")
        point_at(clouds, get("monkeypatch"), get("tmp_path"))
        return kind(clouds), [clouds.proxy.url]

    return make


def on_all(get: Get) -> Made:
    site = get("make_path")(with_clouds=True)
    return site, [*site.urls, site.proxy]


# What tasks find there, and what there is in the end.


def always(options: Options) -> Callable[[Any], Options]:
    return lambda unused: options


def begin_access(site: Any) -> Options:
    with site.emulator.project.now() as project:
        project.add_access([{"cidrBlock": CIDR}])
    return {"entries": [{"cidr_block": OTHER}], "prune": True}


def begin_change(site: Any) -> Options:
    site.add_peer()
    return {**PAIR, "route_table_cidr_block": OTHER}


def begin_set(site: Any) -> Options:
    for number in (0, 9):
        site.add_peer(vpcId=vpc(number), routeTableCidrBlock=block(number))
    return {"peers": [entry(0, route_table_cidr_block=OTHER), entry(1)], "prune": True, "parallel": 1}


def begin_dead(site: Any) -> Options:
    site.fail(site.add_peer())
    return {**PEERING, "recreate": "dead"}


def begin_dead_set(site: Any) -> Options:
    return {"peers": [PEERING], "recreate": begin_dead(site)["recreate"]}


def begin_accepter(site: Any) -> Options:
    site.route(site.tables[0], GatewayId=site.add_gateway())
    return {"replace_routes": True, "dns": "enable", "group_id": "5356823b3794dee37132bb7b"}


def begin_path(site: Any) -> Options:
    # Once the connection is gone, a mirror is found by its name alone.
    networks = [{**one, "gcp_peering_name": "mirror"} for one in site.make_networks(1)]
    return {"connections": [*site.make_vpcs(1), *site.make_vnets(1), *networks], "parallel": 1}


def begin_pruned(site: Any) -> Options:
    vpcs = site.make_vpcs(2)
    assert not PATH.run(site, {"connections": vpcs}).failed
    return {"connections": vpcs[:1], "prune": True}


def containers(site: Any) -> Any:
    with site.emulator.project.now() as project:
        return sorted(one.region for one in project.containers.of("AWS"))


def peers(site: Any) -> Any:
    return {one["vpcId"]: one["routeTableCidrBlock"] for one in site.peers() if one["statusName"] != "TERMINATING"}


def routes(site: Any) -> Any:
    return [target == site.connection_id for target in site.targets().values()]


def mirrors(site: Any) -> Any:
    return len(site.peerings())


def role(site: Any) -> Any:
    return site.look()["is_allowed"], len(site.ours())


def path(site: Any) -> Any:
    there = [one for network in site.clouds.gcp.show_all() if network["project"] == "my-project" for one in network["peerings"]]
    return len(site.connected), len(site.access_list), len(there), [site.statuses(one) for one in ("AWS", "AZURE", "GCP")]


class Task(NamedTuple):
    """A task of a module: where it runs, what it writes, what it finds before, and how that looks in the end."""

    module: str
    make: Callable[[Get], Made]
    writes: tuple[str, ...]
    begin: Callable[[Any], Options]
    look: Callable[[Any], Any]
    end: Any

    def run(self, site: Any, options: Options) -> Done:
        """Run it."""
        return site.run(load(self.module), **options)  # type: ignore[no-any-return]


def absent(present: Task, writes: tuple[str, ...], end: Any) -> Task:
    """Return the task that takes away what another one has made."""

    def begin(site: Any) -> Options:
        options = present.begin(site)
        assert not present.run(site, options).failed
        return {**options, "state": "absent"}

    return present._replace(writes=writes, begin=begin, end=end)


def planned(task: Task) -> Task:
    """Return the task that does what a plan says which check mode has saved before."""

    def begin(site: Any) -> Options:
        options = task.begin(site)
        saved = task.run(site, {**options, "check_mode": True, "plan_file": {"path": "a.plan.json"}})
        file = saved.result["plan_file"]
        return {**options, "plan_file": {"path": file["path"], "plan": json.loads(json.dumps(file["plan"]))}}

    return task._replace(begin=begin)


OF_AWS = ("AcceptVpcPeeringConnection", "ReplaceRoute", "CreateRoute", "CreateTags", "ModifyVpcAttribute")
OF_AZURE = ("POST servicePrincipals", "PUT roleDefinitions", "PUT roleAssignments")
OF_ALL = ("POST containers", *OF_AZURE, "POST peers", OF_AWS[0], "addPeering", "CreateTags", "CreateRoute", "POST accessList")
NOT_IN_AZURE = ("DELETE roleAssignments", "DELETE roleDefinitions")
ACCESS, REPLACE = ("POST accessList", "DELETE accessList"), ("DELETE peers", "POST peers")
SET = ("PATCH peers", "POST peers", "DELETE peers")
EUROPE, NOT_IN_AMERICA = {"region_name": "eu-west-1"}, {"region_name": "us-east-1", "state": "absent"}
NOT_IN_ALL = ("DeleteRoute", "DELETE accessList", "DELETE peers", "removePeering", *NOT_IN_AZURE)
ACCEPTER = Task("atlas_vpc_peer_accepter", on_aws, OF_AWS, begin_accepter, routes, [True, True])
MIRROR = Task("atlas_gcp_peering", on_cloud(GcpSite), ("addPeering",), always({}), mirrors, 1)
ROLE = Task("atlas_azure_role", on_cloud(AzureSite), OF_AZURE, always({}), role, (True, 2))
PATH = Task("atlas_peering", on_all, OF_ALL, begin_path, path, (1, 3, 1, [["AVAILABLE"]] * 3))
DNS = attrgetter("emulator.project.custom_dns")
CONTAINER, PEER = "atlas_network_container", "atlas_vpc_peer"
TASKS = {
    "custom DNS": Task("atlas_custom_dns", on_atlas, ("PATCH awsCustomDNS",), always({"enabled": True}), DNS, True),
    "container": Task(CONTAINER, on_atlas, ("POST containers",), always(EUROPE), containers, ["EU_WEST_1", "US_EAST_1"]),
    "container, absent": Task(CONTAINER, on_atlas, ("DELETE containers",), always(NOT_IN_AMERICA), containers, []),
    "access list": Task("atlas_access_list", on_atlas, ACCESS, begin_access, attrgetter("access_list"), {OTHER: None}),
    "accepter": ACCEPTER,
    "accepter, absent": absent(ACCEPTER, ("DeleteRoute",), []),
    "mirror": MIRROR,
    "mirror, absent": absent(MIRROR, ("removePeering",), 0),
    "role": ROLE,
    "role, absent": absent(ROLE, NOT_IN_AZURE, (False, 0)),
    "peer": Task(PEER, on_atlas, ("POST peers",), always(PEERING), peers, {VPC: CIDR}),
    "peer, changed": Task(PEER, on_atlas, ("PATCH peers",), begin_change, peers, {VPC: OTHER}),
    "peer, absent": Task(PEER, on_atlas, ("DELETE peers",), lambda site: {**begin_change(site), "state": "absent"}, peers, {}),
    "peer, replaced": Task(PEER, on_atlas, REPLACE, begin_dead, peers, {VPC: CIDR}),
    "peers": Task("atlas_vpc_peers", on_atlas, SET, begin_set, peers, {vpc(0): OTHER, vpc(1): block(1)}),
    "peers, replaced": Task("atlas_vpc_peers", on_atlas, REPLACE, begin_dead_set, peers, {VPC: CIDR}),
    "path": PATH,
    "path, absent": absent(PATH, NOT_IN_ALL, (0, 0, 0, [[], [], []])),
}
TASKS.update(
    {f"{name}, planned": planned(TASKS[name]) for name in ("access list", "peers", "peers, replaced", "path", "path, absent")}
)


def _cells() -> Iterator[Any]:
    """Yield each fault with each write of each task; another run that is faster does all of a task, and meets its first write.

    What is for the clients to deal with meets one write of each task. In `make test`, each write is lost on both ways, and the
    other faults meet one; fewer where AWS takes its time.
    """
    for name, task in TASKS.items():
        for turn, fault in enumerate(FAULTS):
            for number, write in enumerate(task.writes):
                is_single = number == turn % len(task.writes)
                if task.make is on_all:
                    # A signal ends the run of both sides, which counts what was done over all of them.
                    is_usual = is_single and (turn == 0 or (name == "path" and fault == faults.KILLED))
                else:
                    is_usual = turn == 0 or (is_single and turn < 4) if task.make is on_aws else turn < 2 or is_single
                if is_single or turn < 4:
                    yield pytest.param(name, write, fault, marks=() if is_usual else pytest.mark.full)
        yield name, task.writes[0], faults.OVERTAKEN


@pytest.mark.parametrize(("name", "write", "fault"), [*_cells()])
def test_each_write_may_go_wrong(request: pytest.FixtureRequest, name: str, write: str, fault: str) -> None:
    task = TASKS[name]
    site, urls = task.make(request.getfixturevalue)
    options = task.begin(site)
    trouble = faults.Trouble(site.clock, fault, write, overtake=lambda: task.run(site, options))
    with trouble.between(*urls):
        if fault == faults.KILLED:
            with pytest.raises(KeyboardInterrupt):
                task.run(site, options)
            assert "stopped before the end; done so far: " in site.lines[-1]
        else:
            check(task.run(site, options), trouble, fault, write)
    assert len({*trouble.done}) == len(trouble.done)
    again = faults.Trouble(site.clock)
    with again.between(*urls):
        done = task.run(site, options)
    assert (done.failed, done.changed, task.look(site)) == (False, bool(again.done), task.end), done.result
    assert not {*again.done} & {*trouble.done}
    if fault in (*FAILED, faults.KILLED):
        assert again.done or fault == faults.KILLED
        assert not task.run(site, options).changed
    else:
        assert again.wire.count(None) == len(again.wire)


def check(done: Done, trouble: faults.Trouble, fault: str, write: str) -> None:
    """Check what a task says, and how often it has sent what went wrong."""
    assert (done.failed, done.changed) == (fault in FAILED, bool(trouble.done)), done.result
    if done.failed:
        needs = NEEDS.get(write) or (
            "Check the roles of the API key" if " " in write else f"Allow ec2:{write} to these credentials"
        )
        assert re.search(needs if fault == faults.REFUSED else SILENCE, done.msg), done.msg
        assert done.result["http_status"] == (403 if fault == faults.REFUSED else None)
        # One cause of several entries stands alone.
        assert "Failed to " in done.msg or " to connections[2] (" in done.msg, done.msg
    if "actions" in done.result:
        assert sum(1 + (action == "recreate") for action, unused in done.actions) == len(trouble.done)
        assert len(done.result["pruned"]) == done.actions.count(("delete", None))
    sent = Counter(one for one in trouble.wire if one)
    hit = next(one for one in sent if one[0] == write)
    places = [number for number, one in enumerate(trouble.wire) if one == hit]
    if fault == faults.DEAD:
        # As often as the option says for Atlas, and as is usual for the clouds.
        assert sent[hit] in ((3,) if "/groups/" in hit[1] else (4, 5))
    else:
        is_repeated = fault in (faults.UNSENT, faults.BUSY, faults.LIMITED) or (
            fault in (faults.LOST, faults.SLOW) and write in REMOVALS
        )
        assert sent - Counter({*sent}) == Counter({hit: 1} if is_repeated else {})
    if fault in (faults.UNSENT, faults.BUSY, faults.DEAD) and write not in REMOVALS:
        # It was looked for each time.
        ends = [*places[1:], len(trouble.wire)] if fault == faults.DEAD else places[1:]
        assert all(None in trouble.wire[first:second] for first, second in zip(places, ends))


def test_no_side_sends_while_it_says_what_it_waits_for(request: pytest.FixtureRequest) -> None:
    """And nothing of a run stays in memory until Python looks for cycles."""
    for file in (ROOT / "plugins" / "module_utils" / "_sides").glob("[a-z]*.py"):
        import_module(f"ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.{file.stem}")
    asked: set[type] = set()
    with _kept_garbage() as garbage:
        for task in (*TASKS.values(), PATH._replace(begin=begin_pruned)):
            if not issubclass(load(task.module), Front):
                continue
            site, urls = task.make(request.getfixturevalue)
            options = task.begin(site)
            trouble = faults.Trouble(site.clock)
            with trouble.between(*urls), trouble.watching_sides():
                assert not task.run(site, options).failed
            assert trouble.in_wait == []
            asked |= trouble.asked
    assert [one for one in faults.classes_of_sides() if not any(issubclass(other, one) for other in asked)] == []
    assert garbage == {}


@contextmanager
def _kept_garbage() -> Iterator[Counter[str]]:
    """Yield how many objects of each class of runs only Python's look for cycles has found when the block ends."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.update(type(one).__qualname__ for one in gc.garbage if RUNS.search(type(one).__module__))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
