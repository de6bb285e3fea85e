"""How soon a task that waits sees a change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from .runs import Play, run_until_changed
from .servers import create_peer, emulator, peers
from .tables import Findings, Progress, goal, table

#: Seconds from the start of a task; several, for a change may come just before a look or just after one.
CHANGES = (1.0, 1.3, 3.0, 3.3, 8.0, 8.6, 9.2, 9.8)


def measure(progress: Progress) -> Findings:
    """Run a task for each change. They run at the same time: each of them sleeps nearly always."""
    progress("a change while a task waits")
    # With steps of no length, a peer waits for its acceptance at once, and is available at once after it.
    with emulator(step_seconds=0) as atlas, ThreadPoolExecutor(len(CHANGES)) as threads:

        def delay_after(moment: float, peer_id: str) -> float:
            play = Play("wait", {"peer_id": peer_id})
            return run_until_changed(atlas, play, moment, lambda: atlas.accept([peer_id]))[1]

        ids = [create_peer(atlas, peer) for peer in peers(len(CHANGES))]
        delays = dict(zip(CHANGES, threads.map(delay_after, CHANGES, ids), strict=True))
    slowest = max(delays.values())
    return Findings(
        "Seconds from a change of status to the end of the task that waits for it:\n\n"
        + table(["change after", "delay"], ([f"{after:g} s", f"{delay:.2f}"] for after, delay in delays.items())),
        (goal(slowest <= 1.5, f"within 1.5 s of a change that comes in the first ten seconds: {slowest:.2f} s at the most"),),
    )
