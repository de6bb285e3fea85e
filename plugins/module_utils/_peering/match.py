# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Which VPC peering connection the options mean."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasConflictError, AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Context
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import Peer, VpcPeers

from .container_choice import ContainerChoice


class PeerMatch:
    """Finds the connection with the account and the VPC of the options, in the container that they choose, or by its id.

    Args:
        context: The running task.
        peers: The connections.
        choice: The container.

    Attributes:
        dying: The connections with this identity that are being removed; empty if there is a live one.
    """

    def __init__(self, context: Context[AtlasClient], peers: VpcPeers, choice: ContainerChoice) -> None:
        self.dying: list[Peer] = []
        self._params = context.params
        self._peers = peers
        self._choice = choice
        self._identity = {name: self._params[name] for name in peers.provider.identity}
        self._gone: set[str] = set()
        # The container of what peer_id named and is gone.
        self._home: str | None = None

    @property
    def needs_id(self) -> bool:
        """Whether nothing but the connection with C(peer_id) will do: no longer once a new one, with another id, replaces it."""
        params = self._params
        # It may have been an earlier run that has replaced it, or was ended in the middle.
        is_replaced = params["recreate"] == "dead" and params["state"] == "present" and params["vpc_id"] is not None
        return params["peer_id"] is not None and params["peer_id"] not in self._gone and not is_replaced

    def find_peer(self) -> Peer | None:
        """Return the connection; one that is being removed only if there is no other.

        Raises:
            AtlasError: When more than one is there, or the one with C(peer_id) is not what the other options say.
        """
        peer_id = self._params["peer_id"]
        if peer_id is not None and peer_id not in self._gone:
            peer = self._peers.get_peer(peer_id)
            if peer is not None:
                self._check(peer)
                self.dying = [peer] if self._is_dying(peer) else []
                return peer
        self.dying = []
        return None if self.needs_id else self._find_by_identity()

    def forget(self, peers: list[Peer]) -> None:
        """Take down that connections are gone, and a new one replaces them. A list that lags behind may show them even now."""
        self._gone.update(peer["id"] for peer in peers)
        if self._params["peer_id"] in self._gone:
            self._identity = {name: peers[0][name] for name in self._identity}
            self._home = peers[0]["container_id"]

    def explain(self, error: AtlasError) -> None:
        """Say what is in the way where Atlas says that a connection exists already, and none is in the chosen container.

        Raises:
            AtlasConflictError: When it is in another container.
        """
        others = [peer for peer in self._with_identity() if not self._choice.select([peer])]
        if error.error_code == "PEER_ALREADY_EXISTS" and others:
            raise AtlasConflictError(
                f"Atlas has no second VPC peering connection to {self._identity_in_words()} in project "
                f"{self._params['group_id']}: {self._described(others)} exists already.",
                http_status=error.http_status,
                error_code=error.error_code,
                detail=error.detail,
                hint="Use that one, by its container_id, or remove it first.",
            )

    def _is_dying(self, peer: Peer) -> bool:
        return bool(peer["status_name"] == self._peers.provider.terminating)

    def _with_identity(self) -> list[Peer]:
        """Return the connections of the last list with the account and the VPC, in any container."""
        return [
            peer
            for peer in self._peers.last_listed()
            if peer["id"] not in self._gone and all(peer[name] == value for name, value in self._identity.items())
        ]

    def _find_by_identity(self) -> Peer | None:
        self._peers.list_peers()
        matches = [peer for peer in self._choice.select(self._with_identity()) if self._home in (None, peer["container_id"])]
        live = [peer for peer in matches if not self._is_dying(peer)]
        if len(live) > 1:
            raise self._ambiguous(live)
        self.dying = [] if live else matches
        return next(iter(live or matches), None)

    def _check(self, peer: Peer) -> None:
        """Check that C(peer_id) names the connection that the other options mean: nothing is done to another one."""
        names = (*self._peers.provider.identity, "container_id")
        wanted = {name: self._params[name] for name in names if self._params[name] is not None}
        differing = [f"{name} is {peer[name]}, not {value}" for name, value in wanted.items() if peer[name] != value]
        if not differing and not self._choice.select([peer]):
            container = self._choice.describe(peer["container_id"])
            differing = [f"it is in {container}, and container_region_name is {self._params['container_region_name']}"]
        if differing:
            raise AtlasError(
                f"peer_id names VPC peering connection {peer['id']}, which is not the one that the other options describe: "
                f"{', '.join(differing)}.",
                hint="Correct peer_id or the other options, or give only one of them.",
            )

    def _ambiguous(self, live: list[Peer]) -> AtlasError:
        containers = {peer["container_id"] for peer in live}
        way_out = "Set peer_id to the id of the one that is meant."
        if len(containers) == len(live):
            way_out = "Say which one is meant with container_id."
            if self._params["container_region_name"] is None:
                way_out = "Say which one is meant with container_region_name or container_id."
        return AtlasError(
            f"Project {self._params['group_id']} has {len(live)} VPC peering connections with {self._identity_in_words()}: "
            f"{self._described(live)}.",
            hint=way_out,
        )

    def _identity_in_words(self) -> str:
        return " and ".join(f"{name} {value}" for name, value in self._identity.items())

    def _described(self, peers: list[Peer]) -> str:
        return ", ".join(f"{one['id']} ({one['status_name']}, {self._choice.describe(one['container_id'])})" for one in peers)
