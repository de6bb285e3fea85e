# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes in AWS that pruned connections leave: those of all tables that lead to them, whatever a former list has chosen."""

from __future__ import annotations

import typing as t

from .._accounts.credentials import AWS_NAMES, aws_credentials_of, aws_names_of
from .._accounts.session import AwsSessions
from .._aws.accepter.network import Network
from .._aws.accepter.requests import RouteChange, to_change
from .._aws.accepter.routes import plan_unrouting
from .._aws.options import ACCOUNT
from .._aws.session import AwsSession
from .._clouds.aws import AWS
from .._clouds.cloud import Peer, fields_of
from .._engine.options import Parameters
from .._engine.plan import Change
from .._http.errors import TaskError
from .._http.pauses import unbounded
from .entries import PathEntry
from .path_state import What


class PrunedRoutes:
    """The routes to pruned connections.

    Args:
        params: The options of the task.
        entries: The entries of the list. Their credentials are used for their accounts, in any region. Other accounts have
            those of `aws_accounts` or of the role with `{account}`, or else the task's own if AWS says that they fit.
        sessions: The sessions with AWS.
    """

    def __init__(self, params: Parameters, entries: t.Sequence[PathEntry], sessions: AwsSessions) -> None:
        self._params = params
        self._entries = {entry.params[AWS.owner]: entry for entry in reversed(entries) if entry.provider is AWS}
        self._sessions = sessions
        # By account and region; None for an account whose credentials are not known.
        self._found: dict[tuple[str, str | None], AwsSession | None] = {}

    def look_at_all(self, peers: t.Sequence[Peer]) -> dict[str, tuple[RouteChange, ...] | None]:
        """Return the removals of the routes to connections of one account and region, by the ids of the connections.

        All are None if no credentials of the task are those of the account.

        Raises:
            TaskError: If the route tables cannot be read.
        """
        session = self._find_session(peers[0])
        if session is None:
            return {peer["id"]: None for peer in peers}
        ids = {peer["id"]: str(fields_of(peer)["connection_id"]) for peer in peers}
        tables = Network(session).find_tables_with_routes_to([*ids.values()])
        return {id_: (*plan_unrouting(tables, connection_id),) for id_, connection_id in ids.items()}

    def plan(self, peer: Peer, found: t.Sequence[RouteChange]) -> list[tuple[Change, RouteChange]]:
        """Return a change for each route, with the id of the connection in its key, and its removal."""
        named = (
            (What(peer["id"], "routes", AWS.name, "delete", "route", f"{one.block} in {one.table_id}"), one) for one in found
        )
        return [(to_change(one)._replace(key=what.key), one) for what, one in named]

    @unbounded()
    def remove(self, peer: Peer, change: RouteChange) -> None:
        """Remove a route, after it was read again. Runs in a thread.

        Raises:
            OvertakenError: If it leads elsewhere by now, or is gone.
            TaskError: If it cannot be removed, or it is not known where it leads.
        """
        Network(t.cast(AwsSession, self._find_session(peer))).change_route(change)

    def _find_session(self, peer: Peer) -> AwsSession | None:
        """Return a session with the account of a connection; None if no credentials are those of it."""
        fields = fields_of(peer)
        owner, region = fields[AWS.owner], fields["accepter_region_name"] and AWS.regions.to_cloud(fields["accepter_region_name"])
        if (owner, region) not in self._found:
            self._found[owner, region] = self._make_session(owner, region)
        return self._found[owner, region]

    def _make_session(self, owner: str, region: str | None) -> AwsSession | None:
        entry = self._entries.get(owner)
        if entry is not None:
            return self._open(entry.aws_credentials(region), entry.aws_names)
        params, credentials = self._params, aws_credentials_of(self._params, {}, region, owner)
        is_meant = owner in (params[AWS_NAMES["accounts"]] or ()) or ACCOUNT in (params[AWS_NAMES["assume_role_arn"]] or "")
        try:
            session = self._open(credentials, aws_names_of(params, {}, owner))
        except TaskError as error:
            if is_meant or error.is_transient or error.is_unanswered:
                # They are those of the account, or may be.
                raise
            # The task itself has none: those that it has are of its entries.
            return None
        is_role_there = owner in (credentials["assume_role_arn"] or "").split(":")
        return session if is_role_there or session.find_account_id() == owner else None

    def _open(self, credentials: Parameters, names: t.Mapping[str, str]) -> AwsSession:
        return self._sessions.open({**credentials, "wait_timeout": self._params["wait_timeout"]}, names)
