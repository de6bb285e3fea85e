"""Lists that lag behind: what a project had a while ago, as a replica of a database shows it that is behind by that much."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .accesslist import Entry
from .clusters import Cluster
from .containers import Container
from .peer import Peer


@dataclass(frozen=True)
class Lists:
    """What a project has: all that its lists show."""

    peers: Sequence[Peer]
    containers: Sequence[Container]
    entries: Sequence[Entry]
    clusters: Sequence[Cluster]

    @classmethod
    def copy(
        cls, peers: Iterable[Peer], containers: Iterable[Container], entries: Iterable[Entry], clusters: Iterable[Cluster]
    ) -> Lists:
        """Return copies, which do not change any more."""
        return cls(
            [dataclasses.replace(peer, fields=dict(peer.fields)) for peer in peers],
            [dataclasses.replace(container) for container in containers],
            [dataclasses.replace(entry) for entry in entries],
            list(clusters),
        )


class History:
    """What there was at each time, as far back as lists lag behind.

    Args:
        lag: By how many seconds.
    """

    def __init__(self, lag: float) -> None:
        """Start with nothing."""
        self._lag = lag
        self._moments: deque[tuple[float, Lists]] = deque()

    @property
    def latest(self) -> float:
        """The time up to which everything is recorded."""
        return self._moments[-1][0] if self._moments else float("-inf")

    def record(self, now: float, lists: Lists) -> None:
        """Add what there is from now on. What is recorded first counts as having always been there."""
        self._moments.append((now if self._moments else float("-inf"), lists))
        while len(self._moments) > 1 and self._moments[1][0] <= now - self._lag:
            self._moments.popleft()

    def seen(self, now: float) -> Lists:
        """Return what a list shows now."""
        return next(lists for at, lists in reversed(self._moments) if at <= now - self._lag)
