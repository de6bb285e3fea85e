"""Many projects, each a host of the inventory, with different numbers of forks, against an Atlas that is far away."""

from __future__ import annotations

from typing import Any

from .runs import Measurement, Play, run
from .servers import ROUND_TRIP, Atlas, distant_emulator, peers
from .tables import Findings, Progress, counts, decimal, table

SIZES = (50, 200)
FORKS = (5, 25, 50)


def hosts_of(atlas: Atlas, size: int) -> dict[str, dict[str, Any]]:
    """Return hosts with a project and a peer each."""
    pairs = zip(atlas.groups[:size], peers(size), strict=True)
    return {
        group["name"]: {"atlas_group_id": group["group_id"], "container_id": group["container_id"], **peer}
        for group, peer in pairs
    }


def measure(progress: Progress) -> Findings:
    """Run a task on all hosts, with each number of forks, and one that reads all projects."""
    found: dict[str, dict[str, Measurement]] = {}
    with distant_emulator(groups=max(SIZES)) as atlas:
        for size in SIZES:
            for forks in FORKS:
                progress(f"{size} hosts, {forks} forks")
                play = Play("hosts", hosts=hosts_of(atlas, size), forks=forks)
                found[f"{size} hosts, {forks} forks"] = run(atlas, play).measurements
            progress(f"{size} projects in one task")
            projects = [group["group_id"] for group in atlas.groups[:size]]
            found[f"{size} projects: one task of `atlas_vpc_peer_info`"] = run(
                atlas, Play("projects", {"projects": projects})
            ).measurements
    headings = ["way", "create", "no change", "`debug`", "requests / connections: create", "no change"]
    rows = (
        [
            name,
            *(decimal(one[tag].seconds if tag in one else None, 2) for tag in ("create", "nothing", "floor")),
            *(counts(one.get(tag)) for tag in ("create", "nothing")),
        ]
        for name, one in found.items()
    )
    return Findings(
        f"A project a host, over HTTPS and {ROUND_TRIP * 1000:.0f} ms away: seconds for the task on all hosts:\n\n"
        + table(headings, rows)
    )
