# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pruned connections leave in the customer's clouds: what is removed of it, and the notes on the rest."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.cloud import Cloud, Peer, fields_of
from .._clouds.clouds import cloud_of, name_of
from .._engine.plan import Plan, joined
from .._engine.side import AnyState
from .._entries.parser import default_comment
from .entry_peers import PeerRemovals
from .path_state import Answers, Chooser, Common

if t.TYPE_CHECKING:
    # Read only where the task does AWS's half.
    from .pruned_routes import PrunedSide


class Remover(t.Protocol):
    """Plans the removal of what connections leave in a cloud; the owners on its side are the connections.

    Attributes:
        name: The name of the side.
    """

    name: t.ClassVar[str]

    def plan_pruned(self, peer: Peer, found: t.Any, leaving: t.Sequence[Peer]) -> Plan:
        """Plan the removal; `leaving` has all pruned connections. The first plan with a step registers it with the side."""

    def is_clean(self, owner: str) -> bool:
        """Return whether a connection leaves nothing. Only called where that is removed before the connection."""


class LeftoverRemover(Remover, t.Protocol):
    """Plans the removal in a cloud other than AWS."""

    def look_at_pruned(self, peer: Peer) -> t.Any:
        """Return what is there; None if the task has no credentials for its owner. Runs in a thread."""

    def warn_of_pruned(self, peer: Peer, found: t.Any, leaving: t.Sequence[Peer]) -> t.Sequence[str]:
        """Return why a role that a connection leaves stays, in sentences. Only called where Atlas needs a role."""


class PrunedLeftovers(Chooser):
    """What pruned connections leave in the customer's clouds. A side of its own removes the routes in AWS.

    Args:
        common: What all choosers get.
        removals: The connections that the task removes.
        routes: The side for the routes in AWS; None if the task does not do that half.
        removers: The removers of the other clouds whose half the task does, by their names.
    """

    name = "pruned"

    def __init__(
        self,
        common: Common,
        removals: PeerRemovals,
        routes: PrunedSide | None,
        removers: t.Mapping[str, LeftoverRemover],
    ) -> None:
        super().__init__(common)
        self._peer_removals = removals
        self._routes = routes
        self._removers = removers
        # What each connection leaves, by id; None where the task cannot look.
        self._found: dict[str, AnyState] = {}

    def follow_up_reads(self) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Read what each connection leaves, where the task has credentials."""
        self._peer_removals.foresee()
        calls: dict[t.Any, t.Callable[[], t.Any]] = {}
        places: dict[t.Any, list[Peer]] = {}
        for peer in self._peer_removals.pruned:
            cloud, fields = cloud_of(peer), fields_of(peer)
            if peer["id"] in self._found or not self._has_half(cloud) or not _leftovers(peer):
                continue
            if cloud.region is not None:
                places.setdefault((fields[cloud.owner], fields[cloud.region]), []).append(peer)
            else:
                calls[(peer["id"],)] = partial(self._removers[cloud.name].look_at_pruned, peer)
        for peers in places.values():
            calls[tuple(peer["id"] for peer in peers)] = partial(t.cast("PrunedSide", self._routes).routes.look_at_all, peers)
        return calls

    def owners(self, key: t.Any) -> t.Iterable[str]:
        """Return the ids of the connections."""
        ids: tuple[str, ...] = key
        return ids

    def begin(self, answers: Answers) -> None:
        """Keep what was found, and record what the task will not remove."""
        self._peer_removals.foresee()
        for ids, answer in answers.items():
            self._found.update(answer if isinstance(answer, dict) else {ids[0]: answer})
        notes = [self._note(peer) for peer in self._peer_removals.pruned if self._is_unknown(peer)]
        for peer in self._peer_removals.pruned:
            cloud, found = cloud_of(peer), self._found.get(peer["id"])
            if _needs_role(cloud) and found is not None:
                notes += self._removers[cloud.name].warn_of_pruned(peer, found, self._peer_removals.pruned)
        notes += [] if self._params["access_list"] else [_note_of_access(peer) for peer in self._peer_removals.pruned]
        self._path.notes = (*dict.fromkeys((*self._path.notes, *notes)),)

    def _is_unknown(self, peer: Peer) -> bool:
        """Whether a connection leaves something that the task cannot look for; a role that another one needs does not count."""
        is_read = peer["id"] in self._found and self._found[peer["id"]] is None
        staying = (one for one in self._path.peers.listed if one["id"] not in self._peer_removals.peers)
        if _needs_role(cloud_of(peer)) and any(_shares_network(one, peer) for one in staying):
            return False
        return bool(_leftovers(peer)) and (is_read or not self._has_half(cloud_of(peer)))

    def _has_half(self, cloud: Cloud) -> bool:
        return self._remover(cloud) is not None

    def _remover(self, cloud: Cloud) -> Remover | None:
        return self._routes if cloud.region is not None else self._removers.get(cloud.name)

    def plan(self) -> Plan:
        """Plan what to remove of each connection: before it or, where Atlas needs a role until then, after it."""
        self._peer_removals.find()
        plans = list[Plan]()
        for peer in self._peer_removals.pruned:
            found, remover = self._found.get(peer["id"]), self._remover(cloud_of(peer))
            if found is None or remover is None or peer["id"] in self._path.failures:
                continue
            plan = remover.plan_pruned(peer, found, self._peer_removals.pruned)
            plans.append(replace(plan, steps=tuple(step._replace(side=remover.name) for step in plan.steps)))
        return joined(plans)

    def step_of(self, entry: str) -> str:
        """Return the step that fails for a connection: its routes, or its plan if no route is left."""
        return "plan" if t.cast("PrunedSide", self._routes).is_clean(entry) else "routes"

    def is_clean(self, owner: str) -> bool:
        """Whether nothing is left that has to be removed before a connection; True for all other owners."""
        cloud = cloud_of(self._peer_removals.peers[owner][1]) if owner in self._peer_removals.peers else None
        remover = None if cloud is None or _needs_role(cloud) else self._remover(cloud)
        return remover is None or remover.is_clean(owner)

    def _note(self, peer: Peer) -> str:
        """Return what the task does not remove, and why, in a sentence."""
        cloud, fields = cloud_of(peer), fields_of(peer)
        owner = f"{cloud.owner_noun} {fields[cloud.owner]}"
        why = f"{cloud.half[0]} is false"
        if self._has_half(cloud):
            why = f"no credentials of the task are those of the {owner}"
        text = f"{_title_of(peer)} is pruned, but {_leftovers(peer)} stays in {cloud.name}, because {why}."
        return f"{text} Remove what is left there."


def _title_of(peer: Peer) -> str:
    """Return the name of a pruned connection in sentences."""
    cloud, fields = cloud_of(peer), fields_of(peer)
    return f"{fields.get(cloud.accepted_id or '') or peer['id']} ({name_of(fields)})"


def _note_of_access(peer: Peer) -> str:
    """Return what stays in an access list that the task does not change, in a sentence."""
    return (
        f"{_title_of(peer)} is pruned, but what it has in the access list stays there, because access_list is false. Remove the "
        f"entries with the comment '{default_comment(fields_of(peer), cloud_of(peer))}', unless another connection needs them."
    )


def _shares_network(one: Peer, other: Peer) -> bool:
    """Whether two connections have the same network of a customer."""
    cloud = cloud_of(one)
    return cloud is cloud_of(other) and cloud.is_same_network(fields_of(one), fields_of(other))


def _needs_role(cloud: Cloud) -> bool:
    """Whether Atlas needs a role in the customer's cloud until a connection is gone."""
    return bool(cloud.role_codes)


def _leftovers(peer: Peer) -> str:
    """Return what a connection leaves in the customer's cloud, for users; empty for nothing."""
    cloud, fields = cloud_of(peer), fields_of(peer)
    if cloud.accepted_id is not None:
        return "each route that leads to it" if fields[cloud.accepted_id] else ""
    return f"the role of Atlas on the {cloud.noun}" if _needs_role(cloud) else "its peering with Atlas's network"
