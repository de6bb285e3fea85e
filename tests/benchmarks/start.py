"""What a play with one task and nothing to do costs beyond a play with `debug` alone: most of it is the import of its code."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping

from .growth import released
from .runs import Play, run, run_unchanged
from .servers import declared, emulator, peers
from .tables import Findings, Progress, decimal, goal, table

SIZE = 50
#: How often each play runs.
TURNS = 7
#: The release to compare with.
OLD = "3.1.0"  # The last one before tasks without AWS did without boto3.
#: What the task on both sides may cost of what it costs there.
MOST = 0.55
DEBUG, PEERING = "debug", "atlas_peering"
TITLES = {
    "atlas_vpc_peer": "`atlas_vpc_peer`",
    "atlas_vpc_peers": f"`atlas_vpc_peers`, {SIZE} connections",
    PEERING: f"`atlas_peering`, {SIZE} connections, `aws: false`",
}


def measure(progress: Progress, turns: int = TURNS) -> Findings:
    """Run each task in plays of its own, each beside one with `debug`, by turns with the release to compare with."""
    costs: dict[str, dict[str, list[float]]] = {}
    with released(OLD) as old, emulator(step_seconds=0.1) as atlas:
        trees = {"": {}, **({} if old is None else {OLD: {"ANSIBLE_COLLECTIONS_PATH": str(old)}})}
        given = {"declared": declared(peers(SIZE), atlas.container_id)}
        progress(f"start: {SIZE} connections are made")
        run(atlas, Play("start", given, task=f"Run {PEERING}"))
        for turn in range(turns):
            progress(f"start: turn {turn + 1} of {turns}")
            for task in TITLES:
                for tree, environment in trees.items():
                    plays = [Play("start", given, environment=environment, task=f"Run {name}") for name in (DEBUG, task)]
                    floor, own = (run_unchanged(atlas, play) for play in plays)
                    costs.setdefault(tree, {}).setdefault(task, []).append(own - floor)
    now, before = ({task: statistics.median(found) for task, found in costs.get(tree, {}).items()} for tree in ("", OLD))
    return Findings(table_of(now, before), tuple(goals_of(now, before)))


def table_of(now: Mapping[str, float], before: Mapping[str, float]) -> str:
    """Return the seconds of each task, here and in the release to compare with; without its history, there are none of that."""

    def row(task: str) -> list[str]:
        old = before.get(task)
        return [TITLES[task], *(decimal(one, 2) for one in (now[task], old, old and now[task] / old))]

    return (
        "A play with one task and nothing to do, near: the processor's seconds of all its processes beyond those of a play with "
        f"`debug` alone, and those of {OLD}, by turns:\n\n"
        + table(["task", "seconds", f"seconds of {OLD}", f"seconds : those of {OLD}"], map(row, TITLES))
    )


def goals_of(now: Mapping[str, float], before: Mapping[str, float]) -> Iterator[str]:
    """Give the goal of the task on both sides, if there is something to compare it with."""
    if PEERING in before:
        share = now[PEERING] / before[PEERING]
        text = f"a play with `atlas_peering` without AWS costs at most {MOST} of what it costs in {OLD}, without `debug`"
        yield goal(share <= MOST, f"{text}: {share:.2f}")
