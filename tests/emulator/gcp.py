"""Atlas's side of peering connections on Google Cloud: its network, and its half, which waits for the customer's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from .clouds import ACCEPTED, Cloud, CloudUnreachableError

if TYPE_CHECKING:
    from .containers import Container
    from .peer import Peer

#: Project and name of a network.
Network = tuple[str, str]


class Networks(Protocol):
    """The networks of customers, and Atlas's own among them. Each method may raise CloudUnreachableError."""

    slow: bool

    def peerings(self) -> Mapping[Network, Sequence[Network]]:
        """Return where the peerings of each network lead."""

    def add_network(self, network: Network, block: str) -> None:
        """Make a network whose subnets are parts of a block, unless it is there."""

    def remove_network(self, network: Network) -> None:
        """Remove a network with its peerings, if it is there."""

    def add_peering(self, network: Network, name: str, peer: Network) -> None:
        """Make one half of a peering, unless it is there."""

    def remove_peering(self, network: Network, name: str) -> None:
        """Remove one half of a peering, if it is there."""


class GcpCloud(Cloud):
    """Google Cloud, as Atlas finds it.

    Args:
        networks: What is there; None makes it up: then only the control says that a customer has made their half.
    """

    def __init__(self, networks: Networks | None) -> None:
        """Prepare; nothing is asked yet."""
        self._networks = networks
        self._made: set[Network] = set()
        self.slow = networks is not None and networks.slow

    def begin(self, peer: Peer) -> None:
        """Nothing is looked at yet, and Atlas's network is made later."""

    def provision(self, container: Container) -> None:
        """Make the network behind a container, unless it is there."""
        if container.network_id is None:
            container.network_id = container.kind.new_network_id(container)
        network = _network_of(container)
        if self._networks is not None and network not in self._made:
            self._networks.add_network(network, str(container.block))
            self._made.add(network)

    def release(self, container: Container) -> None:
        """Remove the network behind a container; one that cannot be removed now is left for the reset."""
        if container.network_id is not None:
            self._remove(_network_of(container))
        container.network_id = None

    def connect(self, peer: Peer) -> str:
        """Make Atlas's half. Google Cloud does not look whether the other network is there."""
        self.provision(peer.container)
        name = f"peer-{peer.id}"
        if self._networks is not None:
            self._networks.add_peering(_network_of(peer.container), name, _customers(peer))
        return name

    def disconnect(self, peer: Peer) -> None:
        """Remove Atlas's half; the customer's stays."""
        if self._networks is not None and peer.connection_id:
            self._networks.remove_peering(_network_of(peer.container), peer.connection_id)

    def look(self, peers: Sequence[Peer]) -> Mapping[str, str]:
        """Tell for which connections the network that they name has a peering with Atlas's."""
        if self._networks is None:
            return {}
        peerings = self._networks.peerings()
        there = [peer for peer in peers if _network_of(peer.container) in peerings.get(_customers(peer), ())]
        return {peer.id: ACCEPTED for peer in there}

    def accept(self, peer: Peer) -> bool:
        """Make the customer's half; False if there is no such network."""
        if self._networks is not None:
            if _customers(peer) not in self._networks.peerings():
                return False
            self._networks.add_peering(_customers(peer), f"by-control-{peer.id}", _network_of(peer.container))
        return True

    def reset(self) -> None:
        """Remove Atlas's networks; those that cannot be removed now are left for the next reset."""
        for network in list(self._made):
            self._remove(network)

    def _remove(self, network: Network) -> None:
        if self._networks is None or network not in self._made:
            return
        try:
            self._networks.remove_network(network)
        except CloudUnreachableError:
            return
        self._made.discard(network)


def _network_of(container: Container) -> Network:
    """Return Atlas's network, as the container shows it."""
    fields = container.kind.network_fields(container)
    return str(fields["gcpProjectId"]), str(fields["networkName"])


def _customers(peer: Peer) -> Network:
    return str(peer.fields["gcpProjectId"]), str(peer.fields["networkName"])
