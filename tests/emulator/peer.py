"""One peering connection."""

from __future__ import annotations

import functools
import ipaddress
from dataclasses import dataclass
from typing import Any

from .attributes import Body
from .containers import Container
from .providers import Provider

# Each new connection is compared with all others.
_network = functools.cache(ipaddress.IPv4Network)


@dataclass
class Peer:
    """One peering connection."""

    provider: Provider
    #: The writable fields as they were sent, without the container.
    fields: Body
    container: Container
    status: str
    #: When it came into that state.
    since: float
    id: str
    connection_id: str | None = None
    error: str | None = None
    #: Since when the cloud says that the other side has accepted, while it is waited for.
    accepted_since: float | None = None
    #: How many of its deletions fail, and with which error.
    failing_deletions: int = 0
    deletion_error: str = ""

    @property
    def deleting(self) -> bool:
        """Whether its deletion has been asked for."""
        return self.status == self.provider.deleting

    @property
    def dead(self) -> bool:
        """Whether it has failed, or its deletion has."""
        return self.status in ("FAILED", self.provider.deletion_failed)

    @property
    def pending(self) -> bool:
        """Whether it counts against the limit of pending connections."""
        return self.status in (self.provider.initial, self.provider.waiting)

    @property
    def pair(self) -> tuple[Any, ...]:
        """Where it leads: to what no two connections of a container may lead, as it was sent."""
        return tuple(self.fields[name] for name in self.provider.identity)

    def is_like(self, other: Peer) -> bool:
        """Tell whether both lead to the same network."""
        return self.provider is other.provider and self.provider.key(self.pair) == self.provider.key(other.pair)

    @property
    def block(self) -> ipaddress.IPv4Network | None:
        """The block that is routed to the other side, on AWS."""
        value = self.fields.get("routeTableCidrBlock")
        return _network(value) if value else None

    def to_json(self) -> Body:
        """Return the connection as a reply shows it."""
        shown = {
            "id": self.id,
            "providerName": self.provider.name,
            **self.provider.shown({**self.fields, "containerId": self.container.id}, self.container.region),
            self.provider.status_field: self.status,
            self.provider.error_field: self.error,
        }
        if "connectionId" in self.provider.read_only:
            shown["connectionId"] = self.connection_id
        return shown
