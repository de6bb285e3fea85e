"""The command line: `python -m tests.benchmarks`."""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial

from . import changes, check, clouds, credentials, growth, hosts, loops, organization, peering, processor, sets, start, waiting
from .tables import draw, render, write

#: In the order of the page.
PARTS = {
    "loops": loops.measure,
    "start": start.measure,
    "changes": changes.measure,
    "sets": sets.measure,
    "hosts": hosts.measure,
    "organization": organization.measure,
    "waiting": waiting.measure,
    "credentials": credentials.measure,
    "peering": peering.measure,
    "growth": growth.measure,
    "processor": processor.measure,
    "check": check.measure,
    "clouds": clouds.measure,
}


def main(arguments: list[str] | None = None) -> int:
    """Run every trial, or those of some parts, and print the tables.

    Returns:
        The exit status, which is no verdict: a benchmark is no test.
    """
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description="Measures the collection against its emulator.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(PARTS)} (all of them)")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md, and draw its plots")
    parser.add_argument("--full", action="store_true", help="do not leave out the slowest loops (a quarter of an hour more)")
    parser.add_argument("--beside", metavar="COMMIT", help="compare the part start with this commit, and not with a release")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if options.write and options.beside:
        parser.error("the page compares with a release: leave out --beside, or --write")
    if options.write and options.parts:
        parser.error("the page has the figures of one run: leave out the names of parts, or --write")
    started = time.monotonic()

    def progress(text: str) -> None:
        print(f"{time.monotonic() - started:4.0f} s  {text}", file=sys.stderr, flush=True)

    parts = {**PARTS, **{name: partial(PARTS[name], full=options.full) for name in ("loops", "growth")}}
    parts["start"] = partial(start.measure, beside=options.beside)
    findings = [measure(progress) for name, measure in parts.items() if not options.parts or name in options.parts]
    text = render(findings)
    print(text)
    progress("done")
    if options.write:
        write(text)
        draw([plot for one in findings for plot in one.plots])
    return 0


if __name__ == "__main__":
    sys.exit(main())
