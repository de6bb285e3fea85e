# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes in AWS that pruned connections leave."""

from __future__ import annotations

import typing as t

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
from .._engine.plan import Change, ChangeKey
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .._http.pauses import unbounded
from .path_options import aws_credentials, aws_names

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
