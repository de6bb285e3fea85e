"""Atlas's side of peering connections on Azure: it may use a virtual network once the customer has given it a role there."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from .clouds import Cloud, CloudRefusalError, CloudUnreachableError
from .errors import ApiError

if TYPE_CHECKING:
    from .peer import Peer

#: Subscription, resource group and name of a virtual network, in lower case.
VNetKey = tuple[str, str, str]

#: What Atlas answers to a POST while it cannot use the virtual network. It is not documented which one stands for which cause.
UNREACHABLE, INVALID = "AZURE_CUSTOMER_NETWORK_UNREACHABLE", "AZURE_CUSTOMER_NETWORK_VALIDATION_FAILED"


@dataclass
class VNet:
    """A virtual network of a customer.

    Attributes:
        is_role_given: Whether Atlas has its role there.
        prefixes: The network's own blocks, as far as they are known.
        peerings: By the name of each of its peerings, the blocks on the other side.
    """

    is_role_given: bool = True
    prefixes: Sequence[str] = ()
    peerings: dict[str, Sequence[str]] = field(default_factory=dict)

    def overlaps(self, block: ipaddress.IPv4Network) -> bool:
        """Tell whether a block is, in part, in use here or at a peering."""
        used = [*self.prefixes, *(one for blocks in self.peerings.values() for one in blocks)]
        return any(block.overlaps(ipaddress.IPv4Network(one)) for one in used)


class VNets(Protocol):
    """The virtual networks of all customers."""

    #: Whether its methods may take long.
    slow: bool

    def find(self, keys: Sequence[VNetKey]) -> Mapping[VNetKey, VNet]:
        """Return those of some networks that are there.

        Raises:
            CloudUnreachableError: When nothing can be told now.
        """

    def add_peering(self, key: VNetKey, name: str, blocks: Sequence[str], remote: str) -> None:
        """Make a peering.

        Args:
            blocks: Those on the other side.
            remote: The name of Atlas's VNet, on the other side.

        Raises:
            CloudUnreachableError: When it has to be tried again.
        """

    def remove_peering(self, key: VNetKey, name: str) -> None:
        """Remove a peering, if it is there.

        Raises:
            CloudUnreachableError: When it has to be tried again.
        """


class MadeUpVNets:
    """Whatever network is asked for is there, and Atlas has its role."""

    slow = False

    def __init__(self) -> None:
        """Start with no peering."""
        self._made: dict[VNetKey, VNet] = {}

    def find(self, keys: Sequence[VNetKey]) -> Mapping[VNetKey, VNet]:
        """Return them all."""
        return {key: self._made.setdefault(key, VNet()) for key in keys}

    def add_peering(self, key: VNetKey, name: str, blocks: Sequence[str], remote: str) -> None:
        """Make a peering."""
        self._made.setdefault(key, VNet()).peerings[name] = blocks

    def remove_peering(self, key: VNetKey, name: str) -> None:
        """Remove a peering, if it is there."""
        self._made.setdefault(key, VNet()).peerings.pop(name, None)


@dataclass(frozen=True)
class Rule:
    """What Atlas is to know about its role.

    Attributes:
        given: Whether it has the role, wherever the customer has given it.
        seconds: How long it does not know of a role yet, from the first request that finds it.
        code: How it refuses a connection meanwhile.
    """

    given: bool = True
    seconds: float = 0.0
    code: str = UNREACHABLE


class Roles:
    """What Atlas knows about its role at each virtual network.

    Args:
        seconds: See `Rule`, for networks without one.
        clock: A monotonic clock in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        """Start without rules."""
        self._seconds = seconds
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget the rules."""
        self._rules: dict[str | None, Rule] = {None: Rule(seconds=self._seconds)}
        self._since: dict[VNetKey, float] = {}

    def put(self, vnet_name: str | None, rule: Rule) -> None:
        """Put a rule in force for the networks of a name, or for all that have none of their own."""
        name = None if vnet_name is None else vnet_name.lower()
        self._rules[name] = rule
        for key in [key for key in self._since if name in (None, key[2])]:
            del self._since[key]

    def has(self, key: VNetKey, vnet: VNet) -> bool:
        """Tell whether Atlas has its role."""
        return vnet.is_role_given and self._rule(key).given

    def refusal(self, key: VNetKey, vnet: VNet) -> str | None:
        """Return how a connection is refused now; None if it is not."""
        rule, now = self._rule(key), self._clock()
        if not self.has(key, vnet):
            self._since.pop(key, None)
            return rule.code
        return rule.code if now - self._since.setdefault(key, now) < rule.seconds else None

    def _rule(self, key: VNetKey) -> Rule:
        return self._rules.get(key[2]) or self._rules[None]


class AzureCloud(Cloud):
    """Azure, as Atlas finds it.

    Args:
        vnets: What the customers have there. Two projects can reach the same one.
        roles: What Atlas knows of its role.
        lock: Held between looking at the peerings of a network and adding one.
    """

    def __init__(self, vnets: VNets, roles: Roles, lock: threading.Lock) -> None:
        """Prepare; nothing is asked yet."""
        self._vnets = vnets
        self._roles = roles
        self._lock = lock
        self._made: dict[str, VNetKey] = {}
        self.slow = vnets.slow

    def begin(self, peer: Peer) -> None:
        """Refuse a network that is not there, or where Atlas has no role, as the service does at once."""
        key = _key(peer)
        try:
            vnet = self._vnets.find([key]).get(key)
        except CloudUnreachableError:
            raise ApiError("UNEXPECTED_ERROR") from None
        code = UNREACHABLE if vnet is None else self._roles.refusal(key, vnet)
        if code is not None:
            raise ApiError(code)

    def connect(self, peer: Peer) -> str:
        """Make both sides of the peering. Azure refuses blocks that overlap, whoever has made the other peering."""
        self.provision(peer.container)
        key, block, name = _key(peer), peer.container.block, f"atlas-{peer.id}"
        with self._lock:
            vnet = self._vnets.find([key]).get(key)
            trouble = self._trouble(key, vnet)
            if vnet is not None and not trouble and vnet.overlaps(block):
                trouble = (
                    f"The virtual network {peer.fields['vnetName']} has a block, or a peering with one, that overlaps {block}."
                )
            if trouble:
                raise CloudRefusalError(trouble)
            self._vnets.add_peering(key, name, [str(block)], peer.container.network_id or "")
        self._made[name] = key
        return name

    def disconnect(self, peer: Peer) -> None:
        """Remove the peering, for which Atlas needs its role."""
        name = peer.connection_id or ""
        key = self._made.get(name)
        if key is None:
            return
        vnet = self._vnets.find([key]).get(key)
        if vnet is not None:
            if not self._roles.has(key, vnet):
                raise CloudRefusalError(self._trouble(key, vnet))
            self._vnets.remove_peering(key, name)
        del self._made[name]

    def look(self, peers: Sequence[Peer]) -> Mapping[str, str]:
        """Tell which connections have lost their network, or Atlas its role there."""
        vnets = self._vnets.find([_key(peer) for peer in peers])
        news = {peer.id: self._trouble(_key(peer), vnets.get(_key(peer))) for peer in peers}
        return {peer_id: trouble for peer_id, trouble in news.items() if trouble}

    def reset(self) -> None:
        """Remove the peerings that were made; those that cannot be removed now stay."""
        for name, key in list(self._made.items()):
            try:
                self._vnets.remove_peering(key, name)
            except CloudUnreachableError:
                continue
            del self._made[name]

    def _trouble(self, key: VNetKey, vnet: VNet | None) -> str:
        """Return what keeps a connection from living, in words of our own: few texts of Atlas are known."""
        if vnet is None:
            return f"The virtual network {key[2]} was not found in the resource group {key[1]}."
        return "" if self._roles.has(key, vnet) else f"Atlas is not authorized to peer with the virtual network {key[2]}."


def _key(peer: Peer) -> VNetKey:
    subscription, group, name = (
        str(peer.fields[field]).lower() for field in ("azureSubscriptionId", "resourceGroupName", "vnetName")
    )
    return subscription, group, name
