"""How seconds and requests grow with the number of connections: the whole path to fifty, and AWS's side to three hundred."""

from __future__ import annotations

import contextlib
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .peering import run_once
from .runs import Measurement, Play, run
from .servers import ACCOUNTS, ATLAS_BLOCK, ROOT, ROUND_TRIP, BothClouds, both_clouds, declared, distant_emulator, peers
from .tables import NOT_MEASURED, Findings, Panel, Plot, Progress, decimal, table

# isort: split
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import RATES

SIZES = (1, 10, 20, 30, 40, 50)
#: Those of ways that take a second or more for each connection.
SLOW_SIZES = (1, 10, 25, 50)
HALF_SIZES = (1, 50, 100, 150, 200, 250, 300)
SLOW_HALF_SIZES = (1, 25, 50)
#: Of the release that the role is compared with.
OLD = "2.6.0"
#: Atlas's limit for a project until it had token buckets, whose figures only its replies say.
PER_MINUTE = 100

URI, LOOP, SET = "uri, in a loop (Atlas's side)", "a loop (Atlas's side)", "a set (Atlas's side)"
OLD_ROLE, TASK = f"the role of {OLD}", "atlas_peering"
ACCEPTER = "a loop of atlas_vpc_peer_accepter"
AWS_RATE, ATLAS_RATE = "the least by AWS's rate", "the least by 100 requests a minute to Atlas"
Figures = dict[int, tuple[float, int]]


def measure(
    progress: Progress,
    full: bool = False,
    sizes: Sequence[int] = SIZES,
    slow: Sequence[int] = SLOW_SIZES,
    half: Sequence[int] = HALF_SIZES,
    slow_half: Sequence[int] = SLOW_HALF_SIZES,
) -> Findings:
    """Connect more and more VPCs in each way, from nothing.

    Args:
        progress: Takes a line about each run.
        full: Whether the slow ways connect as many as the others in AWS's side.
        sizes, slow, half, slow_half: How many, for the whole path and AWS's side, and in the slow ways.
    """
    whole: dict[str, Figures] = {}
    with distant_emulator() as atlas:
        for name, playbook, wanted in ((URI, "uri", slow), (LOOP, "ours", sizes), (SET, "set", sizes)):
            for size in wanted:
                progress(f"growth: {size}: {name}")
                entries = declared(peers(size), atlas.container_id)
                given = {"peers": peers(size), "container_id": atlas.container_id, "declared": entries, "parallel": 8}
                found = run(atlas, Play(playbook, given, is_steady=False)).measurements["create"]
                whole.setdefault(name, {})[size] = _figures(found)
    halves: dict[str, Figures] = {}
    with released(OLD) as old, both_clouds() as clouds:
        roles = {} if old is None else {OLD_ROLE: ("role", {"ANSIBLE_COLLECTIONS_PATH": str(old)})}
        ways: dict[str, tuple[str, dict[str, str]]] = {**roles, TASK: ("peering", {})}
        for name, (playbook, environment) in ways.items():
            for size in sizes if name == TASK else slow:
                progress(f"growth: {size}: {name}")
                clouds.begin()
                measured, to_aws = run_once(clouds, playbook, clouds.make_vpcs(size), environment=environment)
                whole.setdefault(name, {})[size] = _figures(measured, to_aws)
        for name, (playbook, environment) in {**roles, ACCEPTER: ("accepter", {}), TASK: ways[TASK]}.items():
            for size in half if name == TASK or full else slow_half:
                progress(f"growth: {size}: AWS's side, {name}")
                halves.setdefault(name, {})[size] = _half(clouds, playbook, size, environment)
    plots = tuple(plots_of(whole, halves))
    away = f"AWS and Atlas {ROUND_TRIP * 1000:.0f} ms away"
    parts = (
        f"From nothing, {away}, a connection one second in each state, with AWS's rates: seconds / requests to all clouds, by "
        "the number of connections:",
        table_of(whole),
        "AWS's side alone, in one account, for connections that Atlas has requested:",
        table_of(halves),
        *([f"The role of {OLD} is left out: there is no history here that has it."] if old is None else []),
        # In one line: Sphinx would join two without a space between them.
        *(f"![{one.alt}]({one.file})" for one in plots),
    )
    text = "\n\n".join(parts)
    return Findings(text, plots=plots)


@contextlib.contextmanager
def released(version: str, root: Path = ROOT) -> Iterator[Path | None]:
    """Give a collection path with a release of this collection, from the commit that set its version; None without one."""
    command = ["git", "log", "--format=%H", f"-Sversion: {version}", "--", "galaxy.yml"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    # The oldest one: a newer one has taken the version away again.
    commits = done.stdout.split()
    if not commits:
        yield None
        return
    with exported(commits[-1], root) as path:
        yield path


@contextlib.contextmanager
def exported(commit: str, root: Path = ROOT) -> Iterator[Path]:
    """Give a collection path with this collection as of a commit."""
    with tempfile.TemporaryDirectory(prefix="cloudpeer-atlas-bench-") as folder:
        target = Path(folder, "ansible_collections", "cloudpeer", "atlas")
        target.mkdir(parents=True)
        packed = subprocess.run(["git", "archive", commit], cwd=root, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(target, filter="data")
        yield Path(folder)


def _half(clouds: BothClouds, playbook: str, size: int, environment: dict[str, str]) -> tuple[float, int]:
    """Return what AWS's side of connections takes, all of them in one account."""
    clouds.begin()
    entries = clouds.make_vpcs(size, ACCOUNTS[:1])
    connections = clouds.request(entries)
    given = [{**entry, "connection_id": one} for entry, one in zip(entries, connections, strict=True)]
    more = {"atlas": False, "container_cidr_block": ATLAS_BLOCK}
    measured, to_aws = run_once(clouds, playbook, given, environment=environment, **more)
    return _figures(measured, to_aws)


def _figures(measured: Measurement, to_aws: int = 0) -> tuple[float, int]:
    return measured.seconds, measured.requests - measured.challenges + to_aws


def table_of(found: Mapping[str, Figures]) -> str:
    """Return the figures of each way as a table."""
    sizes = sorted({size for one in found.values() for size in one})

    def cell(figures: tuple[float, int] | None) -> str:
        return f"{decimal(figures[0])} / {figures[1]}" if figures else NOT_MEASURED

    return table(["way", *sizes], ([name, *(cell(one.get(size)) for size in sizes)] for name, one in found.items()))


def least_seconds(size: int, rate: tuple[float, float]) -> float:
    """Return the seconds until so many requests are taken, of which so many are taken at once, and then so many a second."""
    at_once, a_second = rate
    return max(0.0, (size - at_once) / a_second)


def plots_of(whole: Mapping[str, Figures], halves: Mapping[str, Figures]) -> Iterator[Plot]:
    """Give the two plots, of seconds and of requests, each with the whole path on the left and AWS's side on the right."""
    titles = (f"both sides, {len(ACCOUNTS)} AWS accounts", "AWS's side, one account")
    for file, label, part in (("seconds", "seconds", 0), ("requests", "requests to all clouds", 1)):
        lines = [
            {name: {size: one[part] for size, one in figures.items()} for name, figures in found.items()}
            for found in (whole, halves)
        ]
        limits: list[dict[str, dict[int, float]]] = [{}, {}]
        if part == 0:
            # A request and a status an entry, and twenty more.
            limits[0][ATLAS_RATE] = {size: least_seconds(2 * size + 20, (PER_MINUTE, PER_MINUTE / 60)) for size in SIZES}
            limits[1][AWS_RATE] = {size: least_seconds(size, RATES["*Route"]) for size in HALF_SIZES}
        panels = tuple(Panel(title, *both) for title, *both in zip(titles, lines, limits, strict=True))
        yield Plot(f"performance_{file}.svg", label, panels, _alt(label, panels))


def _alt(label: str, panels: Sequence[Panel]) -> str:
    """Return what a plot shows, in words."""
    parts = []
    for panel in panels:
        lines = []
        for name, figures in {**panel.lines, **panel.limits}.items():
            last = max(figures)
            lines.append(f"{name} {figures[min(figures)]:.0f} to {figures[last]:.0f} (at {last})")
        parts.append(f"{panel.title}: {'; '.join(lines)}")
    return f"{label[0].upper()}{label[1:]} by the number of connections. " + ". ".join(parts) + "."
