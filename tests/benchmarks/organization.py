"""Two hundred projects in one task, against an Atlas that is far away; the inventory and the check of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from .runs import Play, run
from .servers import ROUND_TRIP, Atlas, create_peer, distant_emulator, peers
from .tables import Findings, Progress, counts, decimal, goal, table

PROJECTS = 200
#: In seconds, what a prototype took for one request a project.
PROTOTYPE = 1.8
#: What each task reads, by its tag in the playbook.
TASKS = {
    "projects": "`atlas_project_info`",
    "name": "`atlas_vpc_peer_info`, one project by its name",
    "peers": "`atlas_vpc_peer_info`",
    "containers": "`atlas_network_container_info`",
    "access_list": "`atlas_access_list_info`",
    "clusters": "`atlas_cluster_info`",
}


@contextlib.contextmanager
def organization() -> Iterator[Atlas]:
    """Run an Atlas with many projects in four organizations, each with a connection."""
    with distant_emulator(groups=PROJECTS, orgs=4) as atlas:
        for group, peer in zip(atlas.groups, peers(PROJECTS), strict=True):
            create_peer(atlas, peer, group)
        yield atlas


def measure(progress: Progress) -> Findings:
    """Read all projects by each module that can."""
    with organization() as atlas:
        progress(f"{PROJECTS} projects in one task")
        # How many connections the threads open is a matter of time.
        found = run(atlas, Play("organization", repeats=3, is_steady=False)).measurements
    rows = [[name, decimal(found[tag].seconds, 2), counts(found[tag])] for tag, name in TASKS.items()]
    seconds = found["containers"].seconds
    text = f"the network containers of {PROJECTS} projects in one task take {decimal(seconds)} s; a prototype took {PROTOTYPE} s"
    title = f"{PROJECTS} projects in one task, over HTTPS and {ROUND_TRIP * 1000:.0f} ms away, each with a connection on AWS"
    return Findings(
        f"{title}:\n\n{table(['task', 'seconds', 'requests / connections'], rows)}", (goal(seconds <= PROTOTYPE, text),)
    )
