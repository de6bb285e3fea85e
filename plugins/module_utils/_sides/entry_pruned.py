# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pruned connections leave in the customer's clouds, as a side: the removals, and the notes on the rest."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._accounts.credentials import AWS_NAMES, aws_credentials_of, aws_names_of
from .._accounts.session import AwsSessions
from .._aws.accepter.network import Network, change_route
from .._aws.accepter.routes import plan_unrouting
from .._aws.accepter.view import RouteChange, to_change
from .._aws.options import ACCOUNT
from .._aws.session import AwsSession
from .._clouds.aws import AWS
from .._clouds.cloud import Cloud, Peer, fields_of
from .._clouds.clouds import cloud_of, name_of
from .._engine.options import Parameters
from .._engine.plan import Change, ChangeKey, Plan, Step, joined
from .._engine.side import AnyState, Call, Context, Effect, NoReply, Owner, Purpose, Query, Replies, ReplyValue
from .._entries.parser import PeerEntry, default_comment
from .._http.errors import TaskError
from .._http.pauses import unbounded
from .entry_peers import PeerRemovals
from .path_options import aws_credentials, aws_names
from .path_state import CLEANING, PathSide, PathState

# The removals of the routes to a connection.
Removals = t.Sequence[RouteChange]


class PrunedRoutes:
    """The routes to pruned connections: those of all tables, whatever an earlier list has chosen.

    Args:
        params: The options of the task.
        entries: The entries of the list. Their credentials are used for their accounts, in any region. Other accounts have
            those of `aws_accounts` or of the role with `{account}`, or else the task's own if they belong to the account.
        sessions: The sessions with AWS.
    """

    def __init__(self, params: Parameters, entries: t.Sequence[PeerEntry], sessions: AwsSessions) -> None:
        self._params = params
        self._entries = {entry.params[AWS.owner]: entry for entry in reversed(entries) if entry.provider is AWS}
        self._sessions = sessions
        # By account and region; None for an account whose credentials are not known.
        self._found: dict[tuple[str, str | None], AwsSession | None] = {}

    def look_at_all(self, peers: t.Sequence[Peer]) -> dict[str, Removals | None]:
        """Return the removals of the routes to connections of one account and region, by the ids of the connections.

        All are None if the task has no credentials for the account.

        Raises:
            TaskError: If the route tables cannot be read.
        """
        session = self._find_session(peers[0])
        if session is None:
            return {peer["id"]: None for peer in peers}
        ids = {peer["id"]: str(fields_of(peer)["connection_id"]) for peer in peers}
        tables = Network(session).find_tables_with_routes_to([*ids.values()])
        return {id_: (*plan_unrouting(tables, connection_id),) for id_, connection_id in ids.items()}

    def changes(self, owner: str, found: Removals) -> list[Change]:
        """Return the removals of the routes to a connection, in the words of results."""
        return [
            to_change(one)._replace(
                key=ChangeKey(owner, "routes", AWS.name, "route", (one.table_id, one.block)),
                verb="delete",
                name=f"{one.block} in {one.table_id}",
            )
            for one in found
        ]

    @unbounded()
    def remove(self, peer: Peer, change: RouteChange) -> None:
        """Remove a route, after it was read again. Runs in a thread.

        Raises:
            OvertakenError: If it now leads elsewhere, or is gone.
            TaskError: If it cannot be removed, or it is not known where it leads.
        """
        change_route(t.cast(AwsSession, self._find_session(peer)), change)

    def _find_session(self, peer: Peer) -> AwsSession | None:
        """Return a session with the account of a connection; None if the task has no credentials for it."""
        fields = fields_of(peer)
        owner, region = fields[AWS.owner], fields["accepter_region_name"] and AWS.regions.to_cloud(fields["accepter_region_name"])
        if (owner, region) not in self._found:
            self._found[owner, region] = self._make_session(owner, region)
        return self._found[owner, region]

    def _make_session(self, owner: str, region: str | None) -> AwsSession | None:
        entry = self._entries.get(owner)
        if entry is not None:
            return self._open(aws_credentials(entry, region), aws_names(entry))
        params, credentials = self._params, aws_credentials_of(self._params, {}, region, owner)
        is_meant = owner in (params[AWS_NAMES["accounts"]] or ()) or ACCOUNT in (params[AWS_NAMES["assume_role_arn"]] or "")
        try:
            session = self._open(credentials, aws_names_of(params, {}, owner))
        except TaskError as error:
            if is_meant or error.is_transient or error.is_unanswered:
                # They belong to the account, or may do so.
                raise
            # The task itself has none, only its entries.
            return None
        is_role_there = owner in (credentials["assume_role_arn"] or "").split(":")
        return session if is_role_there or session.find_account_id() == owner else None

    def _open(self, credentials: Parameters, names: t.Mapping[str, str]) -> AwsSession:
        return self._sessions.open({**credentials, "wait_timeout": self._params["wait_timeout"]}, names)


class Remover(t.Protocol):
    """Plans the removal of what connections leave in a cloud other than AWS; the owners on its side are the connections.

    Attributes:
        name: The name of the side.
    """

    name: t.ClassVar[str]

    def plan_pruned(self, peer: Peer, found: t.Any, leaving: t.Sequence[Peer]) -> Plan:
        """Plan the removal; `leaving` has all pruned connections. The first plan with a step registers it with the side."""

    def is_clean(self, owner: str) -> bool:
        """Return whether a connection leaves nothing. Only called where that is removed before the connection."""

    def look_at_pruned(self, peer: Peer) -> t.Any:
        """Return what is there; None if the task has no credentials for its owner. Runs in a thread."""

    def warn_of_pruned(self, peer: Peer, found: t.Any, leaving: t.Sequence[Peer]) -> str:
        """Return why a role that a connection leaves stays; empty if it goes. Only called where Atlas needs a role."""


class PrunedLeftovers(PathSide[Removals]):
    """What pruned connections leave in the customer's clouds. This side removes the routes in AWS, and those of clouds the rest.

    Each connection with AWS is an owner; its state has the removals of the routes to it. A removal reads its route.

    Args:
        context: What all sides of the run share.
        path: What is known of all sides.
        removals: The connections that the task removes.
        routes: The routes in AWS, if the task does that half.
        removers: The removers of the other clouds whose half the task does, by their names.
    """

    name = "pruned"
    # The session with AWS repeats no change.
    retries = 3
    polls_while_sending = True

    def __init__(
        self, context: Context, path: PathState, removals: PeerRemovals, routes: PrunedRoutes, removers: t.Mapping[str, Remover]
    ) -> None:
        super().__init__(context, ())
        self._params, self._path = context.params, path
        self._peer_removals = removals
        self._routes = routes
        self._removers = removers
        # The connections with AWS, by id.
        self._peers: dict[Owner, Peer] = {}
        # What each connection leaves, by id; None where the task cannot look.
        self._found: dict[str, AnyState] = {}

    def first_queries(self, *, is_first: bool) -> t.Iterable[Query]:
        """Ask what each connection leaves, where the task has credentials."""
        if is_first:
            return
        self._peer_removals.find_early()
        places: dict[t.Any, list[Peer]] = {}
        for peer in self._peer_removals.pruned:
            cloud, fields = cloud_of(peer), fields_of(peer)
            if peer["id"] in self._found or not self._has_half(cloud) or not _leftovers(peer):
                continue
            if cloud.region is not None:
                places.setdefault((fields[cloud.owner], fields[cloud.region]), []).append(peer)
            else:
                yield Query(peer["id"], partial(self._removers[cloud.name].look_at_pruned, peer), (peer["id"],))
        for peers in places.values():
            ids = tuple(peer["id"] for peer in peers)
            yield Query(ids, partial(self._routes.look_at_all, peers), ids)

    def observe_first(self, replies: Replies) -> t.Mapping[Owner, Removals]:
        """Keep what was found, and record what the task will not remove."""
        self._peer_removals.find_early()
        for key, reply in replies.items():
            self._found.update(reply if isinstance(reply, dict) else {str(key): reply})
        pruned = self._peer_removals.pruned
        notes: dict[tuple[str, Owner], str] = {}
        notes.update({("leftovers", peer["id"]): self._note(peer) for peer in pruned if self._is_unknown(peer)})
        for peer in pruned:
            cloud, found = cloud_of(peer), self._found.get(peer["id"])
            if _needs_role(cloud) and found is not None:
                notes["kept role", peer["id"]] = self._removers[cloud.name].warn_of_pruned(peer, found, pruned)
        notes.update({} if self._params["access_list"] else {("access", peer["id"]): _note_of_access(peer) for peer in pruned})
        self._path.notes = {**self._path.notes, **{about: note for about, note in notes.items() if note}}
        return {}

    def _is_unknown(self, peer: Peer) -> bool:
        """Whether a connection leaves something that the task cannot look for; a role that another one needs does not count."""
        is_read = peer["id"] in self._found and self._found[peer["id"]] is None
        staying = (one for one in self._path.peers.listed if one["id"] not in self._peer_removals.peers)
        if _needs_role(cloud_of(peer)) and any(_shares_network(one, peer) for one in staying):
            return False
        return bool(_leftovers(peer)) and (is_read or not self._has_half(cloud_of(peer)))

    def _has_half(self, cloud: Cloud) -> bool:
        return bool(self._params[cloud.switch]) if cloud.region is not None else cloud.name in self._removers

    def plan_list(self) -> Plan:
        """Plan what to remove of each connection: before it or, where Atlas needs a role until then, after it."""
        self._peer_removals.find()
        plans = list[Plan]()
        pruned = self._peer_removals.pruned
        for peer in pruned:
            cloud, found = cloud_of(peer), self._found.get(peer["id"])
            if found is None or not self._has_half(cloud) or peer["id"] in self._path.failures:
                continue
            if cloud.region is not None:
                self._peers[peer["id"]] = peer
                self.states.setdefault(peer["id"], found)
                plans.append(self._plan(peer["id"]))
                continue
            remover = self._removers[cloud.name]
            plan = remover.plan_pruned(peer, found, pruned)
            plans.append(replace(plan, steps=tuple(step._replace(side=remover.name) for step in plan.steps)))
        return joined(plans)

    def step_of(self, entry: str) -> str:
        """Return the step that fails for a connection: its routes, or its plan if no route is left."""
        return "routes" if self.states.get(entry) else "plan"

    def is_clean(self, owner: str) -> bool:
        """Whether nothing is left that has to be removed before a connection; True for all other owners."""
        cloud = cloud_of(self._peer_removals.peers[owner][1]) if owner in self._peer_removals.peers else None
        if cloud is None or _needs_role(cloud) or not self._has_half(cloud):
            return True
        return not self.states.get(owner) if cloud.region is not None else self._removers[cloud.name].is_clean(owner)

    # The routes in AWS.

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for routes after a step whose outcome is unknown; nothing is polled."""
        if purpose is Purpose.FIRST:
            return super().queries(owners, purpose)
        asked = [self._peers[owner] for owner in owners] if purpose is Purpose.AGAIN else ()
        look = self._routes.look_at_all
        return [Query(peer["id"], partial(look, [peer]), (peer["id"],)) for peer in asked]

    def observe(self, replies: Replies) -> t.Mapping[Owner, Removals]:
        """Return the removals of the routes to connections."""
        if not self.context.stage:
            return super().observe(replies)
        return {owner: found for reply in replies.values() for owner, found in reply.items()}

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan what is left to remove of some connections."""
        return joined([self._plan(str(owner)) for owner in owners])

    def _plan(self, owner: str) -> Plan:
        found, lanes = self.states[owner] or (), ((self.name, int(self._params["parallel"])),)
        changes = self._routes.changes(owner, found)
        steps = (Step("delete", one, (own.key,), owner=owner, stage=CLEANING, lanes=lanes) for own, one in zip(changes, found))
        return Plan((*changes,), (*steps,))

    def request(self, step: Step) -> Call:
        """Remove a route."""
        return partial(self._routes.remove, self._peers[step.owner], step.request)

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record that a route is gone."""
        # A list is a new state, even if a look has shown it.
        return Effect({step.owner: [one for one in self.states[step.owner] if one != step.request]})

    def _note(self, peer: Peer) -> str:
        """Return what the task does not remove, and why, in a sentence."""
        cloud, fields = cloud_of(peer), fields_of(peer)
        owner = f"{cloud.owner_noun} {fields[cloud.owner]}"
        why = f"{cloud.switch} is false"
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
