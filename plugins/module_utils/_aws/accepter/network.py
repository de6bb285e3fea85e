# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to AWS and changes, one at a time and together."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..._engine.options import Parameters
from ..._http.errors import OvertakenError
from ..objects import PeeringConnection, RouteAction, RouteTable, Vpc, to_connection, to_route_table, to_vpc
from ..session import AwsSession
from .requests import Accept, AddTags, EnableDns, Request, RouteChange, view_after, with_status
from .routes import missing_tables, peers_of
from .view import PENDING, PROVISIONING, View, route_to

# AWS's name of each attribute for DNS, in the order in which they can be enabled.
DNS_ATTRIBUTES = {"enable_dns_support": "EnableDnsSupport", "enable_dns_hostnames": "EnableDnsHostnames"}
_ROUTE_ACTIONS: dict[RouteAction, str] = {"create": "CreateRoute", "replace": "ReplaceRoute", "delete": "DeleteRoute"}


class Network:
    """Reads and changes one account's network in one region.

    What is read is chosen by filters: these leave out what is unknown, where a list of ids would be refused as a whole.

    Args:
        session: The session with AWS.
    """

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def get_connection(self, connection_id: str) -> PeeringConnection | None:
        """Return a peering connection; None if this account has none with that id in this region."""
        return self._read_connections(f"read the VPC peering connection {connection_id}", [connection_id]).get(connection_id)

    def find_connections(self, connection_ids: t.Iterable[str]) -> dict[str, PeeringConnection]:
        """Return those of several peering connections that AWS knows, by their ids."""
        return self._read_connections("read the other VPC peering connections that the routes lead to", sorted(connection_ids))

    def _read_connections(self, description: str, connection_ids: t.Sequence[str]) -> dict[str, PeeringConnection]:
        name = "vpc-peering-connection-id"
        found = self._session.read(description, "DescribeVpcPeeringConnections", name, connection_ids)
        return {one.id: one for one in map(to_connection, found) if one.id in connection_ids}

    def get_vpc(self, vpc_id: str) -> Vpc | None:
        """Return a VPC; None if this account sees none with that id in this region."""
        found = self._session.read(f"read the VPC {vpc_id}", "DescribeVpcs", "vpc-id", [vpc_id])
        return next((one for one in map(to_vpc, found) if one.id == vpc_id), None)

    def get_dns(self, vpc_id: str) -> dict[str, t.Any]:
        """Return the attributes for DNS of a VPC (booleans), by their names in results."""
        values = {}
        for name, key in DNS_ATTRIBUTES.items():
            reply = self._session.read_one(
                f"read {name} of the VPC {vpc_id}", "DescribeVpcAttribute", VpcId=vpc_id, Attribute=key[0].lower() + key[1:]
            )
            values[name] = bool((reply.get(key) or {}).get("Value"))
        return values

    def list_route_tables(self, vpc_id: str) -> tuple[RouteTable, ...]:
        """Return all route tables of a VPC."""
        return self._read_tables(f"read the route tables of the VPC {vpc_id}", "vpc-id", [vpc_id])

    def find_route_tables(self, table_ids: t.Sequence[str]) -> tuple[RouteTable, ...]:
        """Return those of several route tables that there are, whichever VPC they belong to."""
        return self._read_tables(f"read the route tables {', '.join(table_ids)}", "route-table-id", table_ids)

    def find_tables_with_routes_to(self, connection_id: str) -> tuple[RouteTable, ...]:
        """Return the route tables that have a route to a connection, whichever VPC they belong to."""
        name = "route.vpc-peering-connection-id"
        found = self._read_tables(f"read the route tables that lead to {connection_id}", name, [connection_id])
        return tuple(one for one in found if any(route.target == connection_id for route in one.routes))

    def _read_tables(self, description: str, name: str, values: t.Sequence[str]) -> tuple[RouteTable, ...]:
        return tuple(map(to_route_table, self._session.read(description, "DescribeRouteTables", name, values)))

    def find_security_groups(self, group_ids: t.Sequence[str]) -> dict[str, str]:
        """Return the VPCs of those of several security groups that there are, by the ids of the groups."""
        description = f"read the security groups {', '.join(group_ids)}"
        found = self._session.read(description, "DescribeSecurityGroups", "group-id", group_ids)
        return {str(one.get("GroupId")): str(one.get("VpcId")) for one in found}

    def accept(self, connection_id: str) -> PeeringConnection | None:
        """Accept a connection and return it as the reply shows it, if it does."""
        description = f"accept the VPC peering connection {connection_id}"
        reply = self._session.write(description, "AcceptVpcPeeringConnection", VpcPeeringConnectionId=connection_id)
        shown = reply.get("VpcPeeringConnection")
        return to_connection(shown) if shown else None

    def change_route(self, action: RouteAction, table_id: str, block: str, connection_id: str | None) -> None:
        """Create, replace or delete the route to a block.

        Args:
            action: What to do. AWS refuses to create a route where another one to the block is, and deletes one whatever its
                target.
            table_id: The route table.
            block: The block.
            connection_id: The connection that it will lead to; None if it is deleted.
        """
        self._session.write(
            f"{action} the route to {block} in route table {table_id}",
            _ROUTE_ACTIONS[action],
            RouteTableId=table_id,
            DestinationCidrBlock=block,
            **({"VpcPeeringConnectionId": connection_id} if connection_id is not None else {}),
        )

    def add_tags(self, resource_id: str, tags: t.Mapping[str, str]) -> None:
        """Give tags to a resource."""
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._session.write(f"tag {resource_id}", "CreateTags", Resources=[resource_id], Tags=pairs)

    def enable_dns(self, vpc_id: str, name: str) -> None:
        """Enable an attribute for DNS of a VPC."""
        change = {DNS_ATTRIBUTES[name]: {"Value": True}}
        self._session.write(f"enable {name} of the VPC {vpc_id}", "ModifyVpcAttribute", VpcId=vpc_id, **change)


def look(params: Parameters, network: Network, region: str, account_id: str | None) -> View:
    """Read the connection, its VPC, the route tables, and the security groups.

    Args:
        params: The options.
        network: The network of the account.
        region: Its region.
        account_id: The account; None if AWS does not say.

    Raises:
        TaskError: If something cannot be read; what is not there is no failure here.
    """
    is_absent, connection_id = params["state"] == "absent", params["connection_id"]
    connection = network.get_connection(connection_id) if connection_id is not None else None
    view = View(region, account_id, connection)
    if connection_id is not None and connection is None and not is_absent:
        return view
    vpc_id = params["vpc_id"] or (connection and connection.accepter.vpc_id)
    if not vpc_id:
        # A connection that AWS has forgotten: the routes to it may still be there.
        return replace(view, tables=network.find_tables_with_routes_to(connection_id) if connection_id is not None else ())
    vpc = network.get_vpc(vpc_id)
    if vpc is None:
        return view
    view = replace(view, vpc=vpc, tables=network.list_route_tables(vpc_id))
    missing = missing_tables(params, view)
    if missing:
        view = replace(view, elsewhere=network.find_route_tables(missing))
    if not is_absent and params["dns"] != "ignore" and vpc.account_id in (None, account_id or vpc.account_id):
        view = replace(view, vpc=replace(vpc, **network.get_dns(vpc_id)))
    # Those that may turn out to be Atlas's.
    told = connection.requester.cidr_blocks if connection is not None else []
    blocks = told if params["atlas_cidr_block"] is None else [params["atlas_cidr_block"]]
    peers = {peer for block in blocks for peer in peers_of(view.tables, block, connection_id)}
    if peers:
        view = replace(view, others=network.find_connections(peers))
    groups = [one.rpartition("/")[2] for one in params["security_group_ids"] or []]
    if groups and not is_absent:
        view = replace(view, groups=network.find_security_groups(groups))
    return view


def make_change(network: Network, view: View, request: Request) -> View:
    """Make a change, and return the view after it.

    Raises:
        TaskError: If it is refused or lost, or if a route is another one by now.
    """
    if isinstance(request, Accept):
        return _accept(network, view)
    if isinstance(request, AddTags):
        network.add_tags(t.cast(PeeringConnection, view.connection).id, dict(request.tags))
    elif isinstance(request, EnableDns):
        network.enable_dns(t.cast(Vpc, view.vpc).id, request.name)
    else:
        _change_route(network, request)
    return view_after(view, request)


def _accept(network: Network, view: View) -> View:
    accepted = network.accept(t.cast(PeeringConnection, view.connection).id)
    if accepted is None or accepted.status == PENDING:
        return with_status(view, PROVISIONING)
    return with_status(view, accepted.status, accepted.status_message)


def _change_route(network: Network, change: RouteChange) -> None:
    """Change a route whose target is still the one that was read.

    Raises:
        OvertakenError: If it is another one by now.
    """
    if change.action != "create":
        routes = [route_to(table, change.block) for table in network.find_route_tables([change.table_id])]
        target = next((route.target for route in routes if route is not None), None)
        if target != change.before:
            raise OvertakenError(
                f"The route to {change.block} in {change.table_id} has changed meanwhile: "
                f"it led to {change.before}, and now leads to {target}.",
                hint="Run the task again.",
            )
    network.change_route(change.action, change.table_id, change.block, change.target)
