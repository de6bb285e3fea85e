# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads at once what many connections of one account in one region need."""

from __future__ import annotations

import typing as t
from functools import partial

from ..._engine.options import Parameters
from ..objects import ROUTES_QUOTA, PeeringConnection, RouteTable, Vpc
from ..session import AwsSession
from .network import Network, is_own
from .routes import NEARLY_FULL, Facts

Key = tuple[str, ...]
Questions = dict[Key, t.Callable[[], object]]

# The keys of answers.
ACCOUNT, CONNECTIONS, VPCS, TABLES, GROUPS = ("account",), ("connections",), ("vpcs",), ("tables",), ("groups",)
ELSEWHERE, TAGS, QUOTA = ("elsewhere",), ("tags",), ("quota",)


class RegionSurvey(Network):
    """The network of an account in a region, read once for many connections.

    `look` makes the view of each from the answers, by the same rules as for one. All else asks AWS.

    Args:
        session: The session with AWS.
        wanted: The options of each connection, with `vpc_id`. Their `connection_id` is not used.

    Attributes:
        answers: What was read, by key.
        session: The session with AWS.
    """

    def __init__(self, session: AwsSession, wanted: t.Sequence[Parameters]) -> None:
        super().__init__(session)
        self.session = session
        self.answers: dict[Key, t.Any] = {}
        self._vpc_ids = _each(params["vpc_id"] for params in wanted)
        self._table_ids = _each(one for params in wanted for one in params["route_table_ids"] or ())
        present = [params for params in wanted if params["state"] == "present"]
        self._group_ids = _each(one.rpartition("/")[2] for params in present for one in params["security_group_ids"] or ())
        self._needs_dns = [params["vpc_id"] for params in present if params["dns"] != "ignore"]
        self._needs_routes = {params["vpc_id"] for params in present}

    @property
    def account_id(self) -> str | None:
        """The account of the credentials; None if AWS does not say."""
        account: str | None = self.answers[ACCOUNT]
        return account

    @property
    def facts(self) -> Facts:
        """The blocks of each prefix list in a route, by its id, and the quota where a table is nearly full."""
        lists = {key[1]: answer for key, answer in self.answers.items() if key[0] == "list"}
        return {**lists, ROUTES_QUOTA: self.answers.get(QUOTA)}

    def first(self) -> Questions:
        """Return the questions that need no other answer."""
        questions: Questions = {
            ACCOUNT: self.find_account_id,
            # Not by their ids: routes lead to others, and one that AWS does not show counts as ended.
            CONNECTIONS: partial(self.find_connections, None),
            VPCS: partial(self.find_vpcs, self._vpc_ids),
            TABLES: partial(self.find_tables, self._vpc_ids),
        }
        if self._group_ids:
            questions[GROUPS] = partial(self.find_groups, self._group_ids)
        return questions

    def second(self) -> Questions:
        """Return the questions that need the answers to the first ones."""
        questions: Questions = {}
        vpcs: t.Mapping[str, Vpc] = self.answers[VPCS]
        for vpc_id in _each(self._needs_dns):
            if vpc_id in vpcs and is_own(vpcs[vpc_id], self.account_id):
                questions["dns", vpc_id] = partial(self.get_dns, vpc_id)
        tables: t.Sequence[RouteTable] = self.answers[TABLES]
        missing = [one for one in self._table_ids if one not in {table.id for table in tables}]
        if missing:
            questions[ELSEWHERE] = partial(self.find_tables_by_id, missing)
        routed = [table for table in tables if table.vpc_id in self._needs_routes]
        if any(table.number_of_routes >= NEARLY_FULL for table in routed):
            questions[QUOTA] = self.get_routes_quota
        routes = [route for table in routed for route in table.list_routes]
        for list_id in _each(route.destination for route in routes if not route.is_of_endpoint):
            questions["list", list_id] = partial(self.get_list, list_id)
        return questions

    def _connections(self, *connection_ids: str) -> dict[str, PeeringConnection]:
        known = self.answers[CONNECTIONS]
        return {one: known[one] for one in connection_ids if one in known}

    def _vpc(self, vpc_id: str) -> Vpc | None:
        vpc: Vpc | None = self.answers[VPCS].get(vpc_id)
        return vpc

    def _dns(self, vpc_id: str) -> t.Mapping[str, object]:
        found: t.Mapping[str, object] = self.answers["dns", vpc_id]
        return found

    def _tables_of(self, vpc_id: str) -> tuple[RouteTable, ...]:
        return tuple(table for table in self.answers[TABLES] if table.vpc_id == vpc_id)

    def _tables_elsewhere(self, table_ids: t.Sequence[str]) -> tuple[RouteTable, ...]:
        known = (*self.answers[TABLES], *self.answers.get(ELSEWHERE, ()))
        return tuple(table for table in known if table.id in table_ids)

    def _groups(self, group_ids: t.Sequence[str]) -> dict[str, str]:
        known = self.answers[GROUPS]
        return {one: known[one] for one in group_ids if one in known}


def first_keys(wanted: t.Iterable[Parameters]) -> list[Key]:
    """Return the keys of the questions that need no other answer, before there is a session."""
    has_groups = any(params["security_group_ids"] for params in wanted if params["state"] == "present")
    return [ACCOUNT, CONNECTIONS, VPCS, TABLES, *([GROUPS] if has_groups else [])]


def _each(values: t.Iterable[str]) -> list[str]:
    return sorted(set(values))
