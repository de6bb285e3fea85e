# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One entry in the state of the whole path: its connection, its network container, its routes and its mirror."""

from __future__ import annotations

from .._clouds.cloud import BLOCK, REGION, Fields, Peer, fields_of
from .._engine.plan import Change
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .._resources.containers import Container
from .._sides.path_state import PathState


class EntryView:
    """One entry in a state.

    With `absent`, removed objects are shown as last seen.

    Args:
        entry: The entry.
        state: The state.
    """

    def __init__(self, entry: PeerEntry, state: PathState) -> None:
        self.entry = entry
        self._state = state
        self._is_absent = entry.task["state"] == "absent"

    @property
    def peer(self) -> Peer | None:
        """Its connection in Atlas; None if there is none."""
        own = self._state.peers.entries.get(self.entry.key)
        return None if own is None else own.peer

    @property
    def is_there(self) -> bool:
        """Whether Atlas still has the connection that was last seen."""
        peer = self.peer
        return peer is not None and any(one["id"] == peer["id"] for one in self._state.peers.listed)

    @property
    def is_reached(self) -> bool:
        """Whether its connection is as the task leaves it."""
        entry, peer = self.entry, self.peer
        if self._is_absent or not entry.task["atlas"]:
            return not self.is_there
        return peer is not None and entry.provider.has_reached(peer, entry.provider.goal("available" if entry.has_half else None))

    @property
    def status(self) -> str | None:
        """The state of its connection in Atlas; None if there is none."""
        peer = self.peer
        return None if peer is None else peer["status_name"]

    @property
    def container(self) -> Container | None:
        """Its network container; None if there is none, or it is unclear."""
        return self._state.container_of.get(self.entry.key)

    @property
    def block(self) -> str | None:
        """Atlas's block; None if it is not known."""
        container = self.container
        known = container[BLOCK] if container is not None else None
        block: str | None = known or self.entry.params["container_cidr_block"]
        return block

    @property
    def region(self) -> str | None:
        """The region of its network as the cloud writes it; None if it is not known, or the cloud has none."""
        name, regions = self.entry.provider.region, self.entry.provider.regions
        if name is None:
            return None
        container, peer = self.container, self.peer
        in_peer = fields_of(peer).get(name) if peer is not None else None
        in_container = container.get(REGION) if container is not None else None
        found: str | None = self.entry.params["region"] or in_peer or in_container or self.entry.params["container_region"]
        return regions.to_cloud(found) if found else None

    @property
    def connection_id(self) -> str | None:
        """The id of its connection in the customer's cloud; None if there is none."""
        name, peer = self.entry.provider.accepted_id, self.peer
        if name is None:
            return None
        found: str | None = (peer and fields_of(peer).get(name)) or self.entry.params[name]
        return found

    @property
    def is_accepted(self) -> bool:
        """Whether AWS shows the connection as accepted, whatever Atlas reports so far."""
        view = self._state.aws.get(self.entry.key)
        connection = view.connection if view is not None else None
        return connection is not None and connection.id == self.connection_id and connection.status in ("active", "provisioning")

    @property
    def routes(self) -> list[dict[str, str | None]]:
        """The routes to Atlas in the chosen route tables, before and after the task; empty for another cloud."""
        view = self._state.aws.get(self.entry.key)
        if view is None or view.vpc is None:
            return []
        from .._aws.accepter.routes import choose_tables
        from .._aws.accepter.view import target_of

        params = {**self.entry.params, "state": self.entry.task["state"]}
        params[str(self.entry.provider.accepted_id)] = self.connection_id
        block, rows = self.block or self._shown_block(), []
        try:
            tables = choose_tables(params, view, view.vpc, block)
        except TaskError:
            # The plan refuses it.
            return []
        changes = {change.key.ids[0]: change for change in reversed(self._done("route"))}
        # In check mode, a new connection has no id by which its routes could be found.
        changed = (table for table in view.tables if table.id in changes and table not in tables)
        for table in (*tables, *changed):
            after = target_of(view, table.id, block)
            change = changes.get(table.id)
            before = after if change is None else (change.before or {}).get("target")
            if change is not None:
                # The connection may have had no id when the change was planned.
                after = None if change.after is None else self.connection_id
            row = {"route_table_id": table.id, "destination_cidr_block": block, "before": before, "after": after}
            rows.append(row)
        return rows

    def _shown_block(self) -> str | None:
        """Return the block of Atlas that AWS shows; None if it shows none, or several."""
        connection = self._state.aws[self.entry.key].connection
        blocks = connection.requester.cidr_blocks if connection is not None else []
        return blocks[0] if len(blocks) == 1 else None

    def _done(self, kind: str) -> list[Change]:
        """Return the changes of this task that were made for the entry, of one kind."""
        return [one for one in self._state.made_for(self.entry.key) if one.key.kind == kind]

    @property
    def mirror(self) -> dict[str, object] | None:
        """The peering in GCP, as results show it; None if there is none, or Atlas's network is not known."""
        state = self._state.gcp.get(self.entry.key)
        if state is None:
            return None
        from .._clouds.gcp import network_path

        names = self.atlas_network
        remote = None if names is None else network_path(*names)
        of_atlas = (one for one in state.peerings if one.network == remote)
        named = (one for one in state.peerings if one.name == self.entry.params["gcp_peering_name"])
        found = next(of_atlas, None) or next(named, None)
        if found is not None:
            return found.to_result()
        gone = (change.before for change in self._done("mirror"))
        before = next(gone, None) if self._is_absent else None
        return None if before is None else dict(before)

    @property
    def atlas_network(self) -> tuple[str, str] | None:
        """The project and the name of Atlas's network in GCP; None where they are not known."""
        names = self.entry.provider.atlas_network
        container: Fields = self.container or {}
        found = [container.get(name) or self.entry.params.get(name) for name in names]
        return (str(found[0]), str(found[1])) if len(found) == 2 and None not in found else None
