# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many projects, each a host of the inventory, with different numbers of forks, against an Atlas that is far away."""

from __future__ import annotations

from typing import Any

from .runs import Measurement, Play, run
from .servers import Atlas, distant_emulator, peers
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


def measure(progress: Progress, full: bool) -> Findings:
    """Run a task on all hosts, with each number of forks."""
    found: dict[tuple[int, int], dict[str, Measurement]] = {}
    with distant_emulator(groups=max(SIZES)) as atlas:
        for size in SIZES:
            for forks in FORKS:
                progress(f"{size} hosts, {forks} forks")
                found[size, forks] = run(atlas, Play("hosts", hosts=hosts_of(atlas, size), forks=forks)).measurements
    headings = ["hosts, forks", "create", "no change", "`debug`", "requests / connections: create", "no change"]
    rows = (
        [
            f"{size} hosts, {forks} forks",
            *(decimal(one[tag].seconds, 2) for tag in ("create", "nothing", "floor")),
            *(counts(one[tag]) for tag in ("create", "nothing")),
        ]
        for (size, forks), one in found.items()
    )
    return Findings(
        "A project a host, over HTTPS and 50 ms away: seconds for the task on all hosts:\n\n" + table(headings, rows),
    )
