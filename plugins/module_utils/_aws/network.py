# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The network around a peering connection in AWS: one method for each question and for each change."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError

from .objects import (
    PeeringConnection,
    RouteTable,
    Vpc,
    to_connection,
    to_route_table,
    to_vpc,
)
from .session import AwsSession

# AWS's name of each attribute for DNS, in the order in which they can be enabled.
DNS_ATTRIBUTES = {"enable_dns_support": "EnableDnsSupport", "enable_dns_hostnames": "EnableDnsHostnames"}
_UNKNOWN_CONNECTION = ("InvalidVpcPeeringConnectionID.NotFound", "InvalidVpcPeeringConnectionId.Malformed")


class Network:
    """Reads and changes one account's network in one region.

    Args:
        session: The session with AWS.
    """

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def get_connection(self, connection_id: str) -> PeeringConnection | None:
        """Return a peering connection; None if this account has none with that id in this region."""
        try:
            found = self._session.read(
                f"read the VPC peering connection {connection_id}",
                "DescribeVpcPeeringConnections",
                "VpcPeeringConnections",
                VpcPeeringConnectionIds=[connection_id],
            )
        except AtlasError as error:
            if error.error_code in _UNKNOWN_CONNECTION:
                return None
            raise
        return next((one for one in map(to_connection, found) if one.id == connection_id), None)

    def find_connections(self, connection_ids: t.Iterable[str]) -> dict[str, PeeringConnection]:
        """Return those of several peering connections that AWS knows, by their ids."""
        wanted = sorted(connection_ids)
        # A filter leaves out what is unknown, where a list of ids would be refused as a whole.
        found = self._session.read(
            "read the other VPC peering connections that the routes lead to",
            "DescribeVpcPeeringConnections",
            "VpcPeeringConnections",
            Filters=[{"Name": "vpc-peering-connection-id", "Values": wanted}],
        )
        return {one.id: one for one in map(to_connection, found) if one.id in wanted}

    def get_vpc(self, vpc_id: str) -> Vpc | None:
        """Return a VPC; None if this account sees none with that id in this region."""
        found = self._session.read(
            f"read the VPC {vpc_id}", "DescribeVpcs", "Vpcs", Filters=[{"Name": "vpc-id", "Values": [vpc_id]}]
        )
        return next((one for one in map(to_vpc, found) if one.id == vpc_id), None)

    def get_dns(self, vpc_id: str) -> dict[str, bool]:
        """Return the attributes for DNS of a VPC, by their names in results."""
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
        filters = [{"Name": name, "Values": list(values)}]
        return tuple(map(to_route_table, self._session.read(description, "DescribeRouteTables", "RouteTables", Filters=filters)))

    def find_security_groups(self, group_ids: t.Sequence[str]) -> dict[str, str]:
        """Return the VPCs of those of several security groups that there are, by the ids of the groups."""
        found = self._session.read(
            f"read the security groups {', '.join(group_ids)}",
            "DescribeSecurityGroups",
            "SecurityGroups",
            Filters=[{"Name": "group-id", "Values": list(group_ids)}],
        )
        return {str(one.get("GroupId")): str(one.get("VpcId")) for one in found}

    def accept(self, connection_id: str) -> PeeringConnection | None:
        """Accept a connection and return it as the reply shows it, if it does."""
        description = f"accept the VPC peering connection {connection_id}"
        reply = self._session.write(description, "AcceptVpcPeeringConnection", VpcPeeringConnectionId=connection_id)
        shown = reply.get("VpcPeeringConnection")
        return to_connection(shown) if shown else None

    def create_route(self, table_id: str, block: str, connection_id: str) -> None:
        """Make a route to a connection; AWS refuses that where another one to the block is."""
        self._session.write(
            f"create the route to {block} in route table {table_id}",
            "CreateRoute",
            RouteTableId=table_id,
            DestinationCidrBlock=block,
            VpcPeeringConnectionId=connection_id,
        )

    def replace_route(self, table_id: str, block: str, connection_id: str) -> None:
        """Let the route to a block lead to a connection."""
        self._session.write(
            f"replace the route to {block} in route table {table_id}",
            "ReplaceRoute",
            RouteTableId=table_id,
            DestinationCidrBlock=block,
            VpcPeeringConnectionId=connection_id,
        )

    def delete_route(self, table_id: str, block: str) -> None:
        """Delete the route to a block, whatever its target."""
        description = f"delete the route to {block} in route table {table_id}"
        self._session.write(description, "DeleteRoute", RouteTableId=table_id, DestinationCidrBlock=block)

    def add_tags(self, resource_id: str, tags: t.Mapping[str, str]) -> None:
        """Give tags to a resource."""
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._session.write(f"tag {resource_id}", "CreateTags", Resources=[resource_id], Tags=pairs)

    def enable_dns(self, vpc_id: str, name: str) -> None:
        """Enable an attribute for DNS of a VPC."""
        change = {DNS_ATTRIBUTES[name]: {"Value": True}}
        self._session.write(f"enable {name} of the VPC {vpc_id}", "ModifyVpcAttribute", VpcId=vpc_id, **change)
