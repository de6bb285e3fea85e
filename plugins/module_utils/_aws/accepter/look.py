# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading all that atlas_vpc_peer_accepter decides on: one request for each kind of object."""

from __future__ import annotations

from dataclasses import replace

from ..._engine.options import Parameters
from ..network import Network
from .routes import missing_tables, peers_of
from .view import View


def look(params: Parameters, network: Network, region: str, account_id: str | None) -> View:
    """Read the connection, its VPC, the route tables, and the security groups.

    Args:
        params: The options.
        network: The network of the account.
        region: Its region.
        account_id: The account; None if AWS does not say.

    Raises:
        AtlasError: If something cannot be read; what is not there is no failure here.
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
