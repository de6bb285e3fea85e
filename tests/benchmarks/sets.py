"""One connection, a loop and a set of fifty, against an Atlas that is far away and speaks HTTPS, as the real one does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from .runs import Measurement, Play, run
from .servers import ROUND_TRIP, Atlas, declared, distant_emulator, peers
from .tables import Findings, Progress, counts, decimal, goal, ratio, table

TITLES = {"create": "create", "nothing": "no change"}
SIZE = 50
PARALLEL = (1, 4, 8, 16)
#: How many round trips it takes until the reply to a first request is there: TCP, TLS, the challenge of the digest, the request.
FIRST_REPLY = 4
#: And until another connection can carry a request: all of these but the last.
OPENING = 3


@dataclass(frozen=True)
class Way:
    """A way to have connections.

    Attributes:
        name: What it is called in the tables.
        play: Its playbook.
        size: How many connections.
        limits: The round trips that cannot be saved, by task; empty for what has none.
    """

    name: str
    play: Play
    size: int
    limits: dict[str, int]


def ways(atlas: Atlas) -> Iterator[Way]:
    """Give every way to have one connection, and fifty."""
    for size, repeated in ((1, 5), (SIZE, 3)):
        items = {"peers": peers(size), "container_id": atlas.container_id}
        loop = Play("ours", items, repeats=repeated)
        # All items share what was read of the container.
        yield Way("`atlas_vpc_peer`", loop, size, {"create": OPENING + 2 * size + 1, "nothing": OPENING + size + 1})
        if size > 1:
            for parallel in PARALLEL:
                # The list, the containers, and the creations on several connections, of which one is open by then.
                creations = (OPENING if parallel > 1 else 0) + math.ceil(size / parallel)
                entries = declared(peers(size), atlas.container_id)
                # How many connections it opens may differ.
                play = Play("set", {"declared": entries, "parallel": parallel}, repeats=repeated, is_steady=False)
                limits = {"create": FIRST_REPLY + 1 + creations, "nothing": FIRST_REPLY + 1}
                yield Way(f"`atlas_vpc_peers`, parallel: {parallel}", play, size, limits)
        # It has no sessions: a connection for the challenge, and one for the request.
        uri = {"create": 4 * OPENING * size, "nothing": 2 * OPENING * size}
        yield Way("`uri`", Play("uri", items, repeats=3 if size == 1 else 1), size, uri)
        yield Way("`debug`", Play("debug", items, repeats=repeated), size, {})


def measure(progress: Progress) -> Findings:
    """Run every way."""
    found: dict[tuple[str, int, str], Measurement] = {}
    with distant_emulator() as atlas:
        all_ways = list(ways(atlas))
        for way in all_ways:
            progress(f"over TLS: {way.name}, {way.size} connections")
            measurements = run(atlas, way.play).measurements
            for task in TITLES:
                found[task, way.size, way.name] = measurements.get(task) or measurements["floor"]
    return Findings(_tables(all_ways, found), tuple(_goals(found)))


def _tables(all_ways: list[Way], found: dict[tuple[str, int, str], Measurement]) -> str:
    def row(task: str, way: Way) -> list[str]:
        own, uri = (found[task, way.size, name] for name in (way.name, "`uri`"))
        trips = way.limits.get(task)
        limit = None if trips is None else trips * ROUND_TRIP
        return [
            f"{TITLES[task]}, {way.size}: {way.name}",
            decimal(own.seconds, 2),
            decimal(limit, 2),
            decimal(own.seconds / limit if limit else None, 2),
            counts(own),
            decimal(ratio(uri, own)),
        ]

    distance = f"{ROUND_TRIP * 1000:.0f} ms away there and back"
    return (
        f"Over HTTPS, {distance}: seconds for all connections, the least that the round trips alone take, and requests / TCP "
        "connections:\n\n"
        + table(
            ["task, connections: way", "seconds", "limit", "seconds : limit", "requests / connections", "`uri` : this way"],
            (row(task, way) for task in TITLES for way in all_ways),
        )
    )


def _goals(found: dict[tuple[str, int, str], Measurement]) -> Iterator[str]:
    name = "`atlas_vpc_peers`, parallel: 8"
    nothing, creation = (found[task, SIZE, name] for task in ("nothing", "create"))
    gain = found["nothing", SIZE, "`uri`"].seconds / nothing.seconds
    yield goal(
        gain >= 80 and nothing.requests == 3,
        f"a set of {SIZE} with nothing to do in 3 requests and at least 80 times less time than `uri`: {nothing.requests}, and "
        f"{gain:.0f} times",
    )
    limit = (FIRST_REPLY + 1 + OPENING + math.ceil(SIZE / 8)) * ROUND_TRIP
    yield goal(
        creation.seconds <= 1.25 * limit,
        f"{SIZE} creations with parallel: 8 in at most 1.25 times the limit: {creation.seconds / limit:.2f} times",
    )
    gain = found["create", SIZE, "`uri`"].seconds / creation.seconds
    yield goal(gain >= 40, f"{SIZE} creations with parallel: 8 in at least 40 times less time than `uri`: {gain:.0f} times")
