# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command line: `python -m tests.benchmarks`."""

from __future__ import annotations

import argparse
import sys
import time

from .report import Results, render, write
from .trials import WAYS, emulator, own_growth, peers, run_trial, waiting_delays

LATENCIES = (0, 50)
SIZES = (1, 20, 50)
#: Ways that start processes for each item: one run of many items is as many repeats, and takes long enough.
SLOW = ("module", "uri")
MANY = 1000
#: Seconds from the start of a task; several, for a change may come just before a look or just after one.
CHANGES = (1.0, 1.3, 3.0, 3.3, 8.0, 8.6, 9.2, 9.8)


def repeats(way: str, size: int, latency: float) -> int:
    """Return how often a trial is repeated, so that all of them together take a few minutes."""
    if way not in SLOW:
        return 3 if latency and size == max(SIZES) else 5
    return 3 if size == 1 else 1


def main(arguments: list[str] | None = None) -> int:
    """Run every trial and print the tables.

    Returns:
        The exit status, which is no verdict: a benchmark is no test.
    """
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description="Measures the collection against its emulator.")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument("--full", action="store_true", help="do not leave out the slowest trials (two minutes more)")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    results = Results()

    def progress(text: str) -> None:
        print(f"{time.monotonic() - started:4.0f} s  {text}", file=sys.stderr, flush=True)

    for latency in LATENCIES:
        with emulator(latency) as atlas:
            for size in SIZES:
                for way in WAYS:
                    if latency and size == max(SIZES) and way in SLOW and not options.full:
                        continue
                    progress(f"{way}, {size} peers, {latency} ms")
                    results.trials[latency, size, way] = run_trial(atlas, way, peers(size), repeats(way, size, latency))
    with emulator() as atlas:
        for way in ("in process", "debug"):
            for size in (max(SIZES), MANY):
                progress(f"memory: {way}, {size} items")
                results.memory[way, size] = run_trial(atlas, way, peers(size, max(SIZES)), 1)
    results.own_growth = own_growth((max(SIZES), MANY))
    progress("waiting")
    results.delays = waiting_delays(CHANGES)
    text = render(results)
    print(text)
    progress("done")
    if options.write:
        write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
