"""Loops of different lengths against an emulator nearby: time, requests and memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .runs import Measurement, Play, Trial, run
from .servers import Atlas, create_peer, emulator, peers
from .tables import NOT_MEASURED, Findings, Progress, counts, decimal, goal, ratio, table

# isort: split
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.clients import POOL
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer import OPERATION

#: Each way to do it: its playbook, and the variable that chooses how our tasks run.
WAYS = {"in process": ("ours", "true"), "module": ("ours", "false"), "uri": ("uri", "true"), "debug": ("debug", "true")}
HEADINGS = {"in process": "in process", "module": "as a module", "uri": "`uri`", "debug": "`debug`"}
TITLES = {"create": "create", "nothing": "nothing to do"}
#: In milliseconds.
LATENCIES = (0, 50)
SIZES = (1, 20, 50)
#: Ways that start processes for each item: one run of many items is as many repeats, and takes long enough.
SLOW = ("module", "uri")
MANY = 1000


@dataclass
class Results:
    """Everything that was measured."""

    #: By latency in milliseconds, number of peers, and way.
    trials: dict[tuple[int, int, str], Trial] = field(default_factory=dict)
    #: By way and number of items.
    memory: dict[tuple[str, int], Trial] = field(default_factory=dict)
    #: In MiB, of our code alone, between the two numbers of items.
    own_growth: float = 0

    def find(self, latency: int, size: int, way: str, task: str) -> Measurement | None:
        """Return one measurement; None if it was not made."""
        trial = self.trials.get((latency, size, way))
        return trial and trial.measurements["floor" if way == "debug" else task]

    def rows(self) -> Iterator[tuple[int, str, int]]:
        """Give latency, task and size of each row."""
        latencies, sizes = ({key[part]: None for key in self.trials} for part in (0, 1))
        return ((latency, task, size) for latency in latencies for task in TITLES for size in sizes)


def measure(progress: Progress, full: bool = False) -> Findings:
    """Run every trial.

    Args:
        progress: Takes a line about each.
        full: Whether to run the slowest ones, too.
    """
    results = Results()
    for latency in LATENCIES:
        with emulator(latency) as atlas:
            for size in SIZES:
                for way in WAYS:
                    if latency and size == max(SIZES) and way in SLOW and not full:
                        continue
                    progress(f"{way}, {size} peers, {latency} ms")
                    results.trials[latency, size, way] = run_trial(atlas, way, peers(size), repeats(way, size, latency))
    with emulator() as atlas:
        for way in ("in process", "debug"):
            for size in (max(SIZES), MANY):
                progress(f"memory: {way}, {size} items")
                results.memory[way, size] = run_trial(atlas, way, peers(size, max(SIZES)), 1)
    results.own_growth = own_growth((max(SIZES), MANY))
    return Findings("\n\n".join([_times(results), _requests(results), _memory(results)]), tuple(_goals(results)))


def repeats(way: str, size: int, latency: float) -> int:
    """Return how often a trial is repeated, so that all of them together take a few minutes."""
    if way not in SLOW:
        return 3 if latency and size == max(SIZES) else 5
    return 3 if size == 1 else 1


def run_trial(atlas: Atlas, way: str, items: list[dict[str, str]], repeated: int) -> Trial:
    """Run the playbook of a way, so many times in one Ansible, and return the medians."""
    name, in_process = WAYS[way]
    variables = {"peers": items, "container_id": atlas.container_id, "atlas_in_process": in_process}
    return run(atlas, Play(name, variables, repeats=repeated))


def own_growth(items: Sequence[int]) -> float:
    """Return the MiB by which a process grows from running our Task for the first to running it for the second number of items.

    Without Ansible around it, which keeps the result of every item.
    """
    page = os.sysconf("SC_PAGE_SIZE") / 2**20
    checker = ArgumentSpecValidator(OPERATION.argument_spec.options)
    sizes: list[float] = []
    with emulator() as atlas:
        settings = atlas.settings
        shared = {
            "group_id": settings.group_id,
            "public_key": settings.public_key,
            "private_key": settings.private_key,
            "base_url": atlas.base_url,
            "aws_account_id": "123456789012",
        }
        wanted = peers(items[1], items[0])
        for peer in wanted[: items[0]]:
            create_peer(atlas, peer)
        for number, peer in enumerate(wanted, start=1):
            options = {**shared, "vpc_id": peer["vpc_id"], "route_table_cidr_block": peer["cidr_block"]}
            outcome = execute(OPERATION, checker.validate(options).validated_parameters, check_mode=False)
            assert not outcome.failure, outcome.failure
            assert not outcome.changed
            if number in items:
                sizes.append(int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * page)
    POOL.close()
    return sizes[1] - sizes[0]


def _times(results: Results) -> str:
    def row(latency: int, task: str, size: int) -> list[str]:
        found = {way: results.find(latency, size, way, task) for way in HEADINGS}
        times = [f"{one.seconds / size * 1000:.1f}" if one else NOT_MEASURED for one in found.values()]
        ratios = [ratio(found["uri"], found["in process"]), ratio(found["in process"], found["debug"])]
        return [f"{latency} ms: {TITLES[task]}", str(size), *times, *map(decimal, ratios)]

    return "Milliseconds for each item:\n\n" + table(
        ["latency, task", "peers", *HEADINGS.values(), "`uri` : in process", "in process : `debug`"],
        (row(*key) for key in results.rows()),
    )


def _requests(results: Results) -> str:
    ways = [way for way in HEADINGS if way != "debug"]
    return "HTTP requests / TCP connections for all items, which the latency does not change:\n\n" + table(
        ["task", "peers", *(HEADINGS[way] for way in ways)],
        (
            [TITLES[task], str(size), *(counts(results.find(0, size, way, task)) for way in ways)]
            for latency, task, size in results.rows()
            if latency == 0
        ),
    )


def _memory(results: Results) -> str:
    rows: list[tuple[str, int, Trial]] = [
        (way, size, trial) for (latency, size, way), trial in results.trials.items() if latency == 0 and way in SLOW
    ]
    rows += [(way, size, trial) for (way, size), trial in results.memory.items()]
    return "Peak of resident memory in MiB:\n\n" + table(
        ["way", "items", "ansible-playbook", "largest process below it"],
        ([HEADINGS[way], size, f"{trial.controller:.1f}", f"{trial.child:.1f}"] for way, size, trial in rows),
    )


def _goals(results: Results) -> Iterator[str]:
    # A single item bears the fork of the worker alone, which is the most of it, so it is judged apart from loops.
    for kind, is_loop in (("in loops", True), ("for one item", False)):
        keys = [(task, size) for latency, task, size in results.rows() if not latency and (size > 1) is is_loop]
        rows = [{way: results.find(0, size, way, task) for way in HEADINGS} for task, size in keys]
        gain = min(found for row in rows if (found := ratio(row["uri"], row["in process"])) is not None)
        yield goal(gain >= 20, f"at least 20 times less time than `uri`, {kind}: {gain:.0f} times in the worst row")
        cost = max(found for row in rows if (found := ratio(row["in process"], row["debug"])) is not None)
        yield goal(cost <= 3, f"at most 3 times the time of `debug`, {kind}: {cost:.1f} times in the worst row")
    size = max(key[1] for key in results.trials)
    ours, uri = (results.find(0, size, way, "nothing") for way in ("in process", "uri"))
    assert ours is not None
    assert uri is not None
    yield goal(
        (ours.requests, ours.connections, uri.requests) == (size + 2, 1, 2 * size),
        f"nothing to do with N peers in N+2 requests on one connection, where `uri` sends 2N: {ours.requests} on "
        f"{ours.connections}, and {uri.requests}, for {size}",
    )
    sizes = sorted({items for _way, items in results.memory})
    growth = {way: results.memory[way, sizes[1]].child - results.memory[way, sizes[0]].child for way in ("in process", "debug")}
    yield goal(
        growth["in process"] <= 0.1 * results.memory["in process", sizes[0]].child,
        f"memory flat from {sizes[0]} to {sizes[1]} items, with the results that Ansible keeps: {growth['in process']:+.1f} MiB "
        f"in the worker, where `debug` needs {growth['debug']:+.1f} MiB",
    )
    yield goal(
        results.own_growth <= 1,
        f"memory flat from {sizes[0]} to {sizes[1]} items, without the results that Ansible keeps: {results.own_growth:+.1f} MiB",
    )
