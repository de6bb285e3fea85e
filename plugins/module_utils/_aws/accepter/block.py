# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which block is Atlas's, from the options and from what AWS tells of the connection. Pure."""

from __future__ import annotations

from ..._engine.options import Parameters
from ..._http.errors import AtlasError
from ..._values.blocks import do_overlap
from ..objects import PeeringConnection, Vpc
from .view import View


def find_block(params: Parameters, connection: PeeringConnection | None) -> str | None:
    """Return Atlas's block: that of the options, which must be one of those that AWS tells, or the only one that AWS tells.

    Returns:
        None if neither says it.

    Raises:
        AtlasError: If AWS tells other ones, or several and the options none.
    """
    wanted: str | None = params["atlas_cidr_block"]
    if connection is None or not connection.requester.cidr_blocks:
        return wanted
    told = connection.requester.cidr_blocks
    if wanted is not None and wanted not in told:
        raise AtlasError(
            f"The VPC behind {connection.id} has {', '.join(told)}, not atlas_cidr_block {wanted}.",
            hint="Correct atlas_cidr_block, or connection_id if this is not the connection of your project.",
        )
    if wanted is None and len(told) > 1:
        raise AtlasError(
            f"The VPC behind {connection.id} has several blocks: {', '.join(told)}.",
            hint="Set atlas_cidr_block to the one of Atlas's network container.",
        )
    return wanted or told[0]


def check_block(params: Parameters, view: View, vpc: Vpc) -> str | None:
    """Return Atlas's block, which must not overlap the VPC; None only without a connection.

    Raises:
        AtlasError: If it is missing, is not the right one, or overlaps.
    """
    block = find_block(params, view.connection)
    if block is None and view.connection is not None:
        raise AtlasError(
            f"atlas_cidr_block is required: AWS does not tell the block of {view.connection.id} while it is "
            f"{view.connection.status}, only once it is active.",
            hint="Set it to the block of Atlas's network container (atlas_cidr_block of atlas_network_container).",
        )
    overlapping = [one for one in vpc.cidr_blocks if block is not None and do_overlap(block, one)]
    if overlapping:
        raise AtlasError(
            f"atlas_cidr_block {block} overlaps {', '.join(overlapping)} of the VPC {vpc.id}.",
            hint="AWS lets no such connection carry traffic: Atlas needs a network container with another block.",
        )
    return block
