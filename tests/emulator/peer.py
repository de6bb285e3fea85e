# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One peering connection."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any

from .attributes import Body
from .containers import Container
from .ids import new_object_id
from .providers import Provider


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
    id: str = field(default_factory=new_object_id)
    connection_id: str | None = None
    error: str | None = None

    @property
    def deleting(self) -> bool:
        """Whether its deletion has been asked for."""
        return self.status == self.provider.deleting

    @property
    def dead(self) -> bool:
        """Whether it has failed."""
        return self.status == "FAILED"

    @property
    def pending(self) -> bool:
        """Whether it counts against the limit of pending connections."""
        return self.status in (self.provider.initial, self.provider.waiting)

    @property
    def identity(self) -> tuple[Any, ...]:
        """What no two connections may share."""
        return (self.provider.name, *(self.fields[name] for name in self.provider.identity))

    @property
    def block(self) -> ipaddress.IPv4Network | None:
        """The block that is routed to the other side, on AWS."""
        value = self.fields.get("routeTableCidrBlock")
        return ipaddress.IPv4Network(value) if value else None

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
