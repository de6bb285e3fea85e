"""What a play with one task and nothing to do costs beyond a play with `debug` alone, which is mostly the import of its code; and
what a creation costs. Both by turns with an earlier release or, with `--beside`, with another commit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .growth import exported, released
from .runs import Play, run, run_unchanged
from .servers import Atlas, declared, emulator, peers
from .tables import Findings, Progress, decimal, goal, table

SIZE = 50
#: How often each play runs.
TURNS = 7
#: The release to compare with.
OLD = "3.1.0"  # The last one before tasks without AWS did without boto3.
#: What each task may cost of what it costs there.
MOST = {"atlas_vpc_peer": 0.87, "atlas_vpc_peers": 0.85, "atlas_peering": 0.45}
DEBUG, PEERING = "debug", "atlas_peering"
TITLES = {
    "atlas_vpc_peer": "`atlas_vpc_peer`",
    "atlas_vpc_peers": f"`atlas_vpc_peers`, {SIZE} connections",
    PEERING: f"`atlas_peering`, {SIZE} connections, `aws: false`",
}
#: How a creation runs, whether in Ansible's process, and how many in one task.
CREATIONS = {"a creation, in process": ("true", 20), "a creation, as a module": ("false", 5)}


def measure(progress: Progress, turns: int = TURNS, beside: str | None = None) -> Findings:
    """Run each task, and `debug`, in plays of their own, and creations, by turns with another tree.

    Args:
        progress: Takes a line about each turn.
        turns: How many there are.
        beside: The commit to compare with; None for a release.
    """
    costs: dict[str, dict[str, list[float]]] = {}
    label = beside or OLD
    with released(OLD) if beside is None else exported(beside) as old, emulator(step_seconds=0.1) as atlas:
        trees = {"": {}, **({} if old is None else {label: {"ANSIBLE_COLLECTIONS_PATH": str(old)}})}
        given = {"declared": declared(peers(SIZE), atlas.container_id)}
        progress(f"start: {SIZE} connections are made")
        run(atlas, Play("start", given, task=f"Run {PEERING}"))
        for turn in range(turns):
            progress(f"start: turn {turn + 1} of {turns}")
            for task in (DEBUG, *TITLES):
                for tree, environment in trees.items():
                    play = Play("start", given, environment=environment, task=f"Run {task}")
                    costs.setdefault(tree, {}).setdefault(task, []).append(run_unchanged(atlas, play))
        progress("start: creations")
        for creation in [*CREATIONS] * turns:
            for tree, environment in trees.items():
                costs[tree].setdefault(creation, []).append(cost_of(atlas, creation, environment))
    now, before = (beyond_debug({task: min(found) for task, found in costs.get(tree, {}).items()}) for tree in ("", label))
    text = f"{table_of(now, before, label)}\n\n{creations_of(now, before, label)}"
    return Findings(text, tuple(goals_of(now, before)) if beside is None else ())


def beyond_debug(costs: Mapping[str, float]) -> dict[str, float]:
    """Return the least cost of each play with a task beyond that of a play with `debug` alone, and the least of creations."""
    return {task: cost - costs[DEBUG] if task in TITLES else cost for task, cost in costs.items() if task != DEBUG}


def cost_of(atlas: Atlas, creation: str, environment: Mapping[str, str]) -> float:
    """Return the processor's seconds of one creation by `atlas_vpc_peer`: of Ansible's worker, and of what it starts."""
    in_process, size = CREATIONS[creation]
    given = {"peers": peers(size), "container_id": atlas.container_id, "atlas_in_process": in_process}
    return run(atlas, Play("ours", given, environment=environment)).measurements["create"].processor / size


def creations_of(now: Mapping[str, float], before: Mapping[str, float], label: str = OLD) -> str:
    """Return the milliseconds of a creation, here and in the tree to compare with."""

    def row(task: str) -> list[str]:
        old = before.get(task)
        return [task, *(decimal(one and one * 1000) for one in (now[task], old)), decimal(old and now[task] / old, 2)]

    return (
        "A creation by `atlas_vpc_peer` in a loop, near: the processor's milliseconds of Ansible's worker and of what it starts, "
        f"and those of {label}, by turns, the least of {TURNS}:\n\n"
        + table(["creation", "milliseconds", f"milliseconds of {label}", f"milliseconds : those of {label}"], map(row, CREATIONS))
    )


def table_of(now: Mapping[str, float], before: Mapping[str, float], label: str = OLD) -> str:
    """Return the seconds of each task, here and in the tree to compare with; without its history, there are none of that."""

    def row(task: str) -> list[str]:
        old = before.get(task)
        return [TITLES[task], *(decimal(one, 2) for one in (now[task], old, old and now[task] / old))]

    return (
        "A play with one task and nothing to do, near: the processor's seconds of all its processes beyond those of a play with "
        f"`debug` alone, and those of {label}, by turns, the least of {TURNS}:\n\n"
        + table(["task", "seconds", f"seconds of {label}", f"seconds : those of {label}"], map(row, TITLES))
    )


def goals_of(now: Mapping[str, float], before: Mapping[str, float]) -> Iterator[str]:
    """Give the goals of the tasks, if there is something to compare them with."""
    for task, most in MOST.items():
        if task in before:
            share = now[task] / before[task]
            text = f"a play with {TITLES[task]} and nothing to do costs at most {most} of what it costs in {OLD}, without `debug`"
            yield goal(share <= most, f"{text}: {share:.2f}")
