"""Waiting for fifty connections at the same time, until somebody accepts all of them."""

from __future__ import annotations

from functools import partial

from .runs import Measurement, Play, run_until_changed
from .servers import create_peer, declared, distant_emulator, peers
from .tables import Findings, Progress, decimal, goal, table

SIZE = 50
FORKS = 25
#: Seconds from the start of the task until all connections are accepted.
ACCEPTED_AFTER = 10.0


def measure(progress: Progress) -> Findings:
    """Wait in every way."""
    found: dict[str, tuple[Measurement, float]] = {}
    # With steps of no length, a peer waits for its acceptance at once, and is available at once after it.
    with distant_emulator(step_seconds=0) as atlas:
        hosts = {peer["vpc_id"]: peer for peer in peers(SIZE)}
        plays = {
            "one connection": (1, Play("wait_loop", {"peers": peers(1)})),
            f"{SIZE} connections: a loop": (SIZE, Play("wait_loop", {"peers": peers(SIZE)})),
            f"{SIZE} connections: a set": (SIZE, Play("wait_set", {"declared": declared(peers(SIZE), atlas.container_id)})),
            f"{SIZE} connections: {SIZE} hosts, {FORKS} forks": (SIZE, Play("wait_hosts", hosts=hosts, forks=FORKS)),
        }
        for name, (size, play) in plays.items():
            progress(f"waiting: {name}")
            atlas.reset()
            ids = [create_peer(atlas, peer) for peer in peers(size)]

            found[name] = run_until_changed(atlas, play, ACCEPTED_AFTER, partial(atlas.accept, ids))
    one, many = (found[name][0].requests for name in ("one connection", f"{SIZE} connections: a set"))
    return Findings(
        f"Waiting until all are accepted, {ACCEPTED_AFTER:.0f} s after the start: requests, TCP connections, and seconds from "
        "the acceptance to the end of the task:\n\n"
        + table(
            ["wait for", "requests", "connections", "seconds after"],
            ([name, measured.requests, measured.connections, decimal(delay, 2)] for name, (measured, delay) in found.items()),
        ),
        # A check may come between the acceptances, and one may just have been before them.
        (goal(many <= one + 2, f"waiting for {SIZE} with one request a check, as for one: {many} requests, and {one} for one"),),
    )
