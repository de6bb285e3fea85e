# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was measured, as Markdown."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version

from .trials import ROOT, Measurement, Trial

PAGE = ROOT / "docs" / "performance.md"
_MARKED = re.compile(r"(?<=<!-- measured -->\n).*(?=<!-- end of measured -->)", re.DOTALL)
TITLES = {"create": "create", "nothing": "nothing to do"}
HEADINGS = {"in process": "in process", "module": "as a module", "uri": "`uri`", "debug": "`debug`"}
NOT_MEASURED = "-"


@dataclass
class Results:
    """Everything that was measured."""

    #: By latency in milliseconds, number of peers, and way.
    trials: dict[tuple[int, int, str], Trial] = field(default_factory=dict)
    #: By way and number of items.
    memory: dict[tuple[str, int], Trial] = field(default_factory=dict)
    #: In MiB, of our code alone, between the two numbers of items.
    own_growth: float = 0
    #: By the seconds from a task's start to a change, those from the change to the task's end.
    delays: dict[float, float] = field(default_factory=dict)

    def find(self, latency: int, size: int, way: str, task: str) -> Measurement | None:
        """Return one measurement; None if it was not made."""
        trial = self.trials.get((latency, size, way))
        return trial and trial.measurements["floor" if way == "debug" else task]

    def rows(self) -> Iterator[tuple[int, str, int]]:
        """Give latency, task and size of each row."""
        latencies, sizes = ({key[part]: None for key in self.trials} for part in (0, 1))
        return ((latency, task, size) for latency in latencies for task in TITLES for size in sizes)


def render(results: Results) -> str:
    """Return the tables, and how they compare with the goals."""
    host = (
        f"Measured with ansible-core {version('ansible-core')}, requests {version('requests')} and Python "
        f"{platform.python_version()} on {platform.system()} with {os.cpu_count()} cores."
    )
    return "\n\n".join(
        [host, _times(results), _requests(results), _memory(results), _delays(results), "\n".join(_goals(results))]
    )


def write(text: str) -> None:
    """Put the tables into the page, in place of the old ones."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_MARKED.sub(lambda _match: f"\n{text}\n\n", page), encoding="utf-8")


def _table(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    lines = [list(headings)]
    lines += [["---:" if index else "---" for index in range(len(lines[0]))], *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _times(results: Results) -> str:
    def row(latency: int, task: str, size: int) -> list[str]:
        found = {way: results.find(latency, size, way, task) for way in HEADINGS}
        times = [f"{one.seconds / size * 1000:.1f}" if one else NOT_MEASURED for one in found.values()]
        ratios = [_ratio(found["uri"], found["in process"]), _ratio(found["in process"], found["debug"])]
        return [
            f"{latency} ms: {TITLES[task]}",
            str(size),
            *times,
            *(NOT_MEASURED if one is None else f"{one:.1f}" for one in ratios),
        ]

    return "Milliseconds for each item:\n\n" + _table(
        ["latency, task", "peers", *HEADINGS.values(), "`uri` : in process", "in process : `debug`"],
        (row(*key) for key in results.rows()),
    )


def _requests(results: Results) -> str:
    ways = [way for way in HEADINGS if way != "debug"]

    def row(task: str, size: int) -> list[str]:
        found = (results.find(0, size, way, task) for way in ways)
        return [TITLES[task], str(size), *(f"{one.requests} / {one.connections}" if one else NOT_MEASURED for one in found)]

    return "HTTP requests / TCP connections for all items, which the latency does not change:\n\n" + _table(
        ["task", "peers", *(HEADINGS[way] for way in ways)],
        (row(task, size) for latency, task, size in results.rows() if latency == 0),
    )


def _memory(results: Results) -> str:
    rows: list[tuple[str, int, Trial]] = [
        (way, size, trial) for (latency, size, way), trial in results.trials.items() if latency == 0 and way in ("module", "uri")
    ]
    rows += [(way, size, trial) for (way, size), trial in results.memory.items()]
    return "Peak of resident memory in MiB:\n\n" + _table(
        ["way", "items", "ansible-playbook", "largest process below it"],
        ([HEADINGS[way], size, f"{trial.controller:.1f}", f"{trial.child:.1f}"] for way, size, trial in rows),
    )


def _delays(results: Results) -> str:
    return "Seconds from a change of status to the end of the task that waits for it:\n\n" + _table(
        ["change after", "delay"], ([f"{after:g} s", f"{delay:.2f}"] for after, delay in results.delays.items())
    )


def _ratio(one: Measurement | None, other: Measurement | None) -> float | None:
    return one.seconds / other.seconds if one and other else None


def _goals(results: Results) -> Iterator[str]:
    yield "Goals:\n"
    # A single item bears the fork of the worker alone, which is the most of it, so it is judged apart from loops.
    for kind, is_loop in (("in loops", True), ("for one item", False)):
        keys = [(task, size) for latency, task, size in results.rows() if not latency and (size > 1) is is_loop]
        rows = [{way: results.find(0, size, way, task) for way in HEADINGS} for task, size in keys]
        gain = min(ratio for row in rows if (ratio := _ratio(row["uri"], row["in process"])) is not None)
        yield _goal(gain >= 20, f"at least 20 times less time than `uri`, {kind}: {gain:.0f} times in the worst row")
        cost = max(ratio for row in rows if (ratio := _ratio(row["in process"], row["debug"])) is not None)
        yield _goal(cost <= 3, f"at most 3 times the time of `debug`, {kind}: {cost:.1f} times in the worst row")
    size = max(key[1] for key in results.trials)
    ours, uri = (results.find(0, size, way, "nothing") for way in ("in process", "uri"))
    assert ours is not None
    assert uri is not None
    yield _goal(
        (ours.requests, ours.connections, uri.requests) == (size + 1, 1, 2 * size),
        f"nothing to do with N peers in N+1 requests on one connection, where `uri` sends 2N: {ours.requests} on "
        f"{ours.connections}, and {uri.requests}, for {size}",
    )
    sizes = sorted({items for _way, items in results.memory})
    growth = {way: results.memory[way, sizes[1]].child - results.memory[way, sizes[0]].child for way in ("in process", "debug")}
    yield _goal(
        growth["in process"] <= 0.1 * results.memory["in process", sizes[0]].child,
        f"memory flat from {sizes[0]} to {sizes[1]} items, with the results that Ansible keeps: {growth['in process']:+.1f} MiB "
        f"in the worker, where `debug` needs {growth['debug']:+.1f} MiB",
    )
    yield _goal(
        results.own_growth <= 1,
        f"memory flat from {sizes[0]} to {sizes[1]} items, without the results that Ansible keeps: {results.own_growth:+.1f} MiB",
    )
    slowest = max(results.delays.values())
    yield _goal(slowest <= 1.5, f"within 1.5 s of a change that comes in the first ten seconds: {slowest:.2f} s at the most")


def _goal(is_met: bool, text: str) -> str:
    return f"- {'met' if is_met else 'NOT met'}: {text}"
