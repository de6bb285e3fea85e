# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes in AWS that pruned connections leave, as a side: they are removed before the connections."""

from __future__ import annotations

import typing as t
from functools import partial

from .._accounts.credentials import AWS_NAMES, aws_credentials_of, aws_names_of
from .._accounts.session import AwsSessions
from .._aws.accepter.network import Network, change_route
from .._aws.accepter.routes import plan_unrouting
from .._aws.accepter.view import RouteChange, to_change
from .._aws.options import ACCOUNT
from .._aws.session import AwsSession
from .._clouds.aws import AWS
from .._clouds.cloud import Peer, fields_of
from .._engine.options import Parameters
from .._engine.plan import ChangeKey, Plan, Step, joined
from .._engine.side import Call, Context, Effect, NoReply, Owner, Purpose, Query, Replies, ReplyValue, Side
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .._http.pauses import unbounded
from .path_options import aws_credentials, aws_names
from .path_state import CLEANING

# The removals of the routes to a connection.
_Removals = t.Sequence[RouteChange]


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

    def look_at_all(self, peers: t.Sequence[Peer]) -> dict[str, _Removals | None]:
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


class PrunedSide(Side[_Removals]):
    """Pruned connections with AWS, each an owner; its state has the removals of the routes to it. A removal reads its route.

    Args:
        context: What all sides of the run share.
        routes: The routes to pruned connections.
    """

    name = "pruned"
    # The session with AWS repeats no change.
    retries = 3
    polls_while_sending = True

    def __init__(self, context: Context, routes: PrunedRoutes) -> None:
        super().__init__(context, ())
        self.routes = routes
        self._peers: dict[Owner, Peer] = {}

    def plan_pruned(self, peer: Peer, found: _Removals, leaving: t.Sequence[Peer]) -> Plan:
        """Plan the removal of the routes to a connection: before the connection."""
        self._peers[peer["id"]] = peer
        self.states.setdefault(peer["id"], found)
        return self.plan([peer["id"]])

    def is_clean(self, owner: str) -> bool:
        """Return whether no route to a connection is left."""
        return not self.states.get(owner)

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for routes after a step whose outcome is unknown; nothing is polled."""
        look, asked = self.routes.look_at_all, owners if purpose is Purpose.AGAIN else ()
        return [Query(owner, partial(look, [self._peers[owner]]), (owner,)) for owner in asked]

    def observe(self, replies: Replies) -> t.Mapping[Owner, _Removals]:
        """Return the removals of the routes to connections."""
        return {owner: found for reply in replies.values() for owner, found in reply.items()}

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan what is left to remove of some connections."""
        return joined([self._plan(str(owner)) for owner in owners])

    def _plan(self, owner: str) -> Plan:
        found, lanes = self.states[owner] or (), ((self.name, int(self.context.params["parallel"])),)
        changes = [
            to_change(one)._replace(
                key=ChangeKey(owner, "routes", AWS.name, "route", (one.table_id, one.block)),
                verb="delete",
                name=f"{one.block} in {one.table_id}",
            )
            for one in found
        ]
        steps = (Step("delete", one, (own.key,), owner=owner, stage=CLEANING, lanes=lanes) for own, one in zip(changes, found))
        return Plan((*changes,), (*steps,))

    def request(self, step: Step) -> Call:
        """Remove a route."""
        return partial(self.routes.remove, self._peers[step.owner], step.request)

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record that a route is gone."""
        # A list is a new state, even if a look has shown it.
        return Effect({step.owner: [one for one in self.states[step.owner] if one != step.request]})

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, _Removals]:
        """Return nothing: the changes predict the removals."""
        return {}
