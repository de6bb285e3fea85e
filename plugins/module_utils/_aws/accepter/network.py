# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and changes the customer's network in AWS, for one connection or for many of one account in one region."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from ..._engine.options import Parameters
from ..._engine.plan import Facts
from ..._http.errors import OvertakenError, TaskError, as_name
from ..errors import NOT_AWS, DeniedError, foreign
from ..objects import (
    DNS_ATTRIBUTES,
    LIST,
    PENDING,
    PROVISIONING,
    ROUTES_QUOTA,
    PeeringConnection,
    RouteAction,
    RouteTable,
    Vpc,
    to_connection,
    to_route_table,
    to_vpc,
)
from ..session import IN_PAGES, MOST_VALUES, AwsSession, filters
from .plan import missing_tags
from .routes import NEARLY_FULL, missing_tables, peers_of
from .view import Accept, AddTags, RemoveTags, Request, RouteChange, View, route_to, view_after, with_status

# How many ids a message names.
_MOST_NAMED = 3
_ROUTE_ACTIONS: dict[RouteAction, str] = {"create": "CreateRoute", "replace": "ReplaceRoute", "delete": "DeleteRoute"}


class Network:
    """Reads one account's network in one region.

    Filters choose the objects, not lists of ids: AWS leaves unknown objects out of a filter, but refuses a list that has one.

    Args:
        session: The session with AWS.

    Attributes:
        session: The same.
    """

    def __init__(self, session: AwsSession) -> None:
        self.session = session

    def look(self, params: Parameters, account_id: str | None) -> View:
        """Read the connection, its VPC, the route tables, and the security groups.

        Args:
            params: The options.
            account_id: The account of the credentials; None if AWS does not report it.

        Raises:
            TaskError: If a request fails. A missing object is no failure here.
        """
        is_absent, connection_id = params["state"] == "absent", params["connection_id"]
        connection = None if connection_id is None else self.find_connections([connection_id]).get(connection_id)
        if connection is not None and not is_absent and missing_tags(params, connection):
            connection = self.with_tags([connection])[connection.id]
        view = View(self.session.region, account_id, connection)
        if connection_id is not None and connection is None and not is_absent:
            return view
        vpc_id = params["vpc_id"] or (connection and connection.accepter.vpc_id)
        if not vpc_id:
            # AWS no longer knows the connection, but routes to it may still be there.
            found = self.find_tables_with_routes_to([connection_id]) if connection_id is not None else ()
            return replace(view, tables=found)
        vpc = self.find_vpcs([vpc_id]).get(vpc_id)
        if vpc is None:
            return view
        view = replace(view, vpc=vpc, tables=self.find_tables([vpc_id]))
        missing = missing_tables(params, view)
        if missing:
            view = replace(view, elsewhere=self.find_tables_by_id(missing))
        if not is_absent and params["dns"] != "ignore" and is_own(vpc, account_id):
            view = replace(view, vpc=replace(vpc, **self.get_dns(vpc_id)))
        # The candidates for Atlas's block.
        shown = connection.requester.cidr_blocks if connection is not None else []
        blocks = shown if params["atlas_cidr_block"] is None else [params["atlas_cidr_block"]]
        peers = {peer for block in blocks for peer in peers_of(view.tables, block, connection_id)}
        if peers:
            view = replace(view, others=self.find_connections(sorted(peers)))
        groups = [one.rpartition("/")[2] for one in params["security_group_ids"] or []]
        if groups and not is_absent:
            view = replace(view, groups=self.find_groups(groups))
        return view

    def _read(self, description: str, action: str, name: str, values: t.Iterable[str]) -> list[dict[str, object]]:
        """Read objects from EC2, on all pages of the reply, with as many requests as the values need.

        Args:
            description: What it is for, as a verb phrase.
            action: The name of the action, such as `DescribeVpcs`; its reply has the objects under `Vpcs`.
            name: The filter by which the objects are chosen, such as `vpc-id`.
            values: The values that the filter accepts.

        Raises:
            TaskError: If it fails.
        """
        pages = [page for one in filters(name, values) for page in self.session.read_pages(description, "ec2", action, **one)]
        return [one for page in pages for one in page.get(action.removeprefix("Describe")) or []]

    def find_connections(self, connection_ids: t.Collection[str] | None) -> dict[str, PeeringConnection]:
        """Return the peering connections with some ids that AWS knows; all of the region for None, or more than a filter takes.

        Raises:
            TaskError: If they cannot be read.
        """
        action, description = "DescribeVpcPeeringConnections", "read the VPC peering connection"
        if connection_ids is None or len(connection_ids) > MOST_VALUES:
            pages = self.session.read_pages(f"{description}s", "ec2", action, **IN_PAGES)
            found = [one for page in pages for one in page.get("VpcPeeringConnections") or []]
        else:
            description = _named(description, connection_ids)
            found = self._read(description, action, "vpc-peering-connection-id", connection_ids)
        return {one.id: one for one in map(to_connection, found) if connection_ids is None or one.id in connection_ids}

    def with_tags(self, connections: t.Iterable[PeeringConnection]) -> dict[str, PeeringConnection]:
        """Return connections with the tags that this account has given them, by id.

        AWS shows them with the connection, and an emulator may not: moto does that for the requester alone.

        Returns:
            The connections; as they were if the credentials may not read tags.

        Raises:
            TaskError: If they cannot be read for another reason.
        """
        found = {one.id: one for one in connections}
        try:
            tags = self._read(_named("read the tag", found), "DescribeTags", "resource-id", found)
        except DeniedError:
            return found
        for one in tags:
            known = found.get(str(one.get("ResourceId")))
            if known is not None:
                tag = {str(one.get("Key")): str(one.get("Value") or "")}
                found[known.id] = replace(known, tags={**known.tags, **tag})
        return found

    def find_vpcs(self, vpc_ids: t.Collection[str]) -> dict[str, Vpc]:
        """Return the VPCs with some ids that AWS knows, without their attributes for DNS."""
        found = self._read(_named("read the VPC", vpc_ids), "DescribeVpcs", "vpc-id", vpc_ids)
        return {one.id: one for one in map(to_vpc, found) if one.id in vpc_ids}

    def get_dns(self, vpc_id: str) -> dict[str, t.Any]:
        """Return the DNS attributes of a VPC (booleans), by their names in results."""
        values = {}
        for name, key in DNS_ATTRIBUTES.items():
            asked = {"VpcId": vpc_id, "Attribute": key[0].lower() + key[1:]}
            what = f"read {name} of the VPC {as_name(vpc_id)}"
            (reply,) = self.session.read_pages(what, "ec2", "DescribeVpcAttribute", **asked)
            values[name] = bool((reply.get(key) or {}).get("Value"))
        return values

    def find_tables(self, vpc_ids: t.Collection[str]) -> tuple[RouteTable, ...]:
        """Return the route tables of VPCs."""
        return self._read_tables(_named("read the route tables of the VPC", vpc_ids), "vpc-id", vpc_ids)

    def find_tables_by_id(self, table_ids: t.Collection[str]) -> tuple[RouteTable, ...]:
        """Return the route tables with some ids that AWS knows, of any VPC."""
        return self._read_tables(_named("read the route table", table_ids), "route-table-id", table_ids)

    def find_tables_with_routes_to(self, connection_ids: t.Collection[str]) -> tuple[RouteTable, ...]:
        """Return the route tables of any VPC that have routes to peering connections."""
        description = _named("read the route tables that lead to the VPC peering connection", connection_ids)
        found = self._read_tables(description, "route.vpc-peering-connection-id", connection_ids)
        return tuple(one for one in found if any(route.target in connection_ids for route in one.all_routes))

    def _read_tables(self, description: str, name: str, values: t.Iterable[str]) -> tuple[RouteTable, ...]:
        action = "DescribeRouteTables"
        found = self._read(description, action, name, values)
        if not all(one.get("RouteTableId") for one in found):
            hint = NOT_AWS.format(**self.session.names)
            raise TaskError(f"{foreign(action)} (a route table has no id).", description=description, hint=hint)
        return tuple(map(to_route_table, found))

    def find_groups(self, group_ids: t.Collection[str]) -> dict[str, str]:
        """Return the VPC of each security group that is there, by the id of the group."""
        description = _named("read the security group", group_ids)
        found = self._read(description, "DescribeSecurityGroups", "group-id", group_ids)
        return {str(one.get("GroupId")): str(one.get("VpcId")) for one in found}

    def get_list(self, list_id: str) -> t.Collection[str] | None:
        """Return the blocks of a prefix list; None if the credentials may not read it."""
        description = f"read the entries of the prefix list {list_id}"
        try:
            pages = self.session.read_pages(description, "ec2", "GetManagedPrefixListEntries", PrefixListId=list_id)
        except DeniedError:
            return None
        return {str(one.get("Cidr")) for page in pages for one in page.get("Entries") or []}


def make_change(session: AwsSession, view: View, request: Request) -> View:
    """Make a change, and return the view after it.

    Raises:
        OvertakenError: If the target of a route has changed since it was read.
        TaskError: If the change is refused, or its reply is lost.
    """
    if isinstance(request, Accept):
        return _accept(session, view)
    if isinstance(request, RouteChange):
        change_route(session, request)
    elif isinstance(request, (AddTags, RemoveTags)):
        connection_id = view.connection_id
        tags = [{"Key": key, "Value": value} for key, value in request.tags]
        verb, action = ("tag", "CreateTags") if isinstance(request, AddTags) else ("remove tags of", "DeleteTags")
        session.write(f"{verb} {connection_id}", action, Resources=[connection_id], Tags=tags)
    elif view.vpc is not None:
        vpc_id = view.vpc.id
        change: dict[str, t.Any] = {DNS_ATTRIBUTES[request.name]: {"Value": True}}
        session.write(f"enable {request.name} of the VPC {vpc_id}", "ModifyVpcAttribute", VpcId=vpc_id, **change)
    return view_after(view, request)


def _accept(session: AwsSession, view: View) -> View:
    connection_id = view.connection_id
    description = f"accept the VPC peering connection {connection_id}"
    reply = session.write(description, "AcceptVpcPeeringConnection", VpcPeeringConnectionId=connection_id)
    shown = reply.get("VpcPeeringConnection")
    accepted = to_connection(shown) if shown else None
    if accepted is None or accepted.status == PENDING:
        return with_status(view, PROVISIONING)
    return with_status(view, accepted.status, accepted.status_message)


def change_route(session: AwsSession, change: RouteChange) -> None:
    """Change a route. Its target must still be the one that was read, each time when the change is sent.

    Raises:
        OvertakenError: If it is another one.
        TaskError: If the change is refused, or its reply is lost.
    """
    session.write(
        f"{change.action} the route to {change.block} in route table {change.table_id}",
        _ROUTE_ACTIONS[change.action],
        partial(_check_target, session, change),
        RouteTableId=change.table_id,
        **{"DestinationPrefixListId" if change.block.startswith(LIST) else "DestinationCidrBlock": change.block},
        **({"VpcPeeringConnectionId": change.target} if change.target is not None else {}),
    )


def _check_target(session: AwsSession, change: RouteChange) -> None:
    """Check that a route leads where it did. AWS refuses a second route to a block, but replaces or deletes any."""
    if change.action == "create":
        return
    routes = [route_to(table, change.block) for table in Network(session).find_tables_by_id([change.table_id])]
    target = next((route.target for route in routes if route is not None), None)
    if target != change.before:
        raise OvertakenError(
            f"The route to {change.block} in {change.table_id} has changed meanwhile: "
            f"it led to {change.before}, and now leads to {target}.",
            hint="Run the task again.",
        )


def is_own(vpc: Vpc, account_id: str | None) -> bool:
    """Whether a VPC may be of an account (None if that is not known), and is not shared with it by another one."""
    return vpc.account_id in (None, account_id or vpc.account_id)


def _named(description: str, ids: t.Collection[str]) -> str:
    """Return what a question is for, with the ids that it asks about if these are few.

    Args:
        description: What it is for if it is about one.
        ids: The ids.
    """
    if len(ids) == 1:
        return f"{description} {', '.join(ids)}"
    return f"{description}s" if len(ids) > _MOST_NAMED else f"{description}s {', '.join(ids)}"


Key = tuple[str, ...]
Questions = dict[Key, t.Callable[[], object]]

# The keys of answers.
ACCOUNT, CONNECTIONS, VPCS, TABLES, GROUPS = ("account",), ("connections",), ("vpcs",), ("tables",), ("groups",)
ELSEWHERE, TAGS, QUOTA = ("elsewhere",), ("tags",), ("quota",)


class RegionSurvey(Network):
    """The network of an account in a region, read once for many connections.

    `look` makes the view of each from the answers, by the same rules as for one: what it reads is known here.

    Args:
        session: The session with AWS.
        wanted: The options of each connection, with `vpc_id`. Their `connection_id` is not used.

    Attributes:
        answers: What was read, by key.
        facts: The blocks of each prefix list in a route, by its id, and the quota where a table is nearly full.
        reader: Asks AWS.
    """

    def __init__(self, session: AwsSession, wanted: t.Sequence[Parameters]) -> None:
        super().__init__(session)
        self.reader = Network(session)
        self.answers: dict[Key, t.Any] = {}
        # The list of a route that another tool adds meanwhile is read when it is needed.
        self.facts = Facts(self.reader.get_list)
        self.facts[ROUTES_QUOTA] = None
        self._vpc_ids = _each(params["vpc_id"] for params in wanted)
        self._table_ids = _each(one for params in wanted for one in params["route_table_ids"] or ())
        present = [params for params in wanted if params["state"] == "present"]
        self._group_ids = _each(one.rpartition("/")[2] for params in present for one in params["security_group_ids"] or ())
        self._needs_dns = [params["vpc_id"] for params in present if params["dns"] != "ignore"]
        self._needs_routes = {params["vpc_id"] for params in present}

    @property
    def account_id(self) -> str | None:
        """The account of the credentials; None if AWS does not report it."""
        account: str | None = self.answers[ACCOUNT]
        return account

    def record(self, key: Key, answer: t.Any) -> None:
        """Keep the answer to a question."""
        self.answers[key] = answer
        if key == QUOTA:
            self.facts[ROUTES_QUOTA] = answer
        elif key[0] == "list":
            self.facts[key[1]] = answer

    def first(self) -> Questions:
        """Return the questions that need no other answer."""
        network = self.reader
        questions: Questions = {
            ACCOUNT: self.session.find_account_id,
            # Not by their ids: routes lead to others, and one that AWS does not show counts as ended.
            CONNECTIONS: partial(network.find_connections, None),
            VPCS: partial(network.find_vpcs, self._vpc_ids),
            TABLES: partial(network.find_tables, self._vpc_ids),
        }
        if self._group_ids:
            questions[GROUPS] = partial(network.find_groups, self._group_ids)
        return questions

    def second(self) -> Questions:
        """Return the questions that need the answers to the first ones."""
        questions: Questions = {}
        vpcs: t.Mapping[str, Vpc] = self.answers[VPCS]
        for vpc_id in _each(self._needs_dns):
            if vpc_id in vpcs and is_own(vpcs[vpc_id], self.account_id):
                questions["dns", vpc_id] = partial(self.reader.get_dns, vpc_id)
        tables: t.Sequence[RouteTable] = self.answers[TABLES]
        missing = [one for one in self._table_ids if one not in {table.id for table in tables}]
        if missing:
            questions[ELSEWHERE] = partial(self.reader.find_tables_by_id, missing)
        routed = [table for table in tables if table.vpc_id in self._needs_routes]
        if any(table.number_of_routes >= NEARLY_FULL for table in routed):
            questions[QUOTA] = partial(self.session.find_quota, ROUTES_QUOTA)
        routes = [route for table in routed for route in table.list_routes]
        for list_id in _each(route.destination for route in routes if not route.is_of_endpoint):
            questions["list", list_id] = partial(self.get_list, list_id)
        return questions

    def _known(self, key: Key, ids: t.Iterable[str]) -> dict[str, t.Any]:
        answers = self.answers[key]
        return {one: answers[one] for one in ids if one in answers}

    def find_connections(self, connection_ids: t.Collection[str] | None) -> dict[str, PeeringConnection]:
        """Return the connections with some ids that were read."""
        return self._known(CONNECTIONS, connection_ids or ())

    def find_vpcs(self, vpc_ids: t.Collection[str]) -> dict[str, Vpc]:
        """Return the VPCs with some ids that were read."""
        return self._known(VPCS, vpc_ids)

    def get_dns(self, vpc_id: str) -> dict[str, t.Any]:
        """Return the DNS attributes of a VPC that were read."""
        return dict(self.answers["dns", vpc_id])

    def find_tables(self, vpc_ids: t.Collection[str]) -> tuple[RouteTable, ...]:
        """Return the route tables of VPCs that were read."""
        return tuple(table for table in self.answers[TABLES] if table.vpc_id in vpc_ids)

    def find_tables_by_id(self, table_ids: t.Collection[str]) -> tuple[RouteTable, ...]:
        """Return the route tables with some ids that were read."""
        known = (*self.answers[TABLES], *self.answers.get(ELSEWHERE, ()))
        return tuple(table for table in known if table.id in table_ids)

    def find_groups(self, group_ids: t.Collection[str]) -> dict[str, str]:
        """Return the VPC of each security group that was read."""
        return self._known(GROUPS, group_ids)


def first_keys(wanted: t.Iterable[Parameters]) -> list[Key]:
    """Return the keys of the questions that need no other answer, before there is a session."""
    has_groups = any(params["security_group_ids"] for params in wanted if params["state"] == "present")
    return [ACCOUNT, CONNECTIONS, VPCS, TABLES, *([GROUPS] if has_groups else [])]


def _each(values: t.Iterable[str]) -> list[str]:
    return sorted(set(values))
