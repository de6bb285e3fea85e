# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_network_container does: it brings a network container into the wanted state."""

from __future__ import annotations

from functools import partial

from .._api.client import AtlasClient
from .._clouds.cloud import Cloud
from .._clouds.clouds import CLOUDS
from .._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from .._engine.front import Front
from .._engine.options import Parameters, ParseRegion, parse_region
from .._engine.side import ONLY, Owner
from .._http.errors import InvalidOptionError
from .._http.pauses import Clock
from .._resources.containers import Container, Containers
from .._resources.peers import VpcPeers
from .._sides.container_plan import ContainerState, check_block, choose_cloud, parse_place
from .._sides.containers import ContainerOptions, ContainerSide
from .atlas import AtlasModule


class AtlasNetworkContainer(AtlasModule, Front[AtlasClient]):
    """Creates, changes and deletes a network container."""

    argument_spec = (
        CONNECTION
        + WAIT
        + ArgumentSpec(
            {
                "provider_name": {"type": "str", "choices": [*CLOUDS]},
                "region_name": {"type": "str", "aliases": ["region"]},
                "regions": {"type": "list", "elements": "str"},
                "atlas_cidr_block": {"type": "str"},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            },
            required_if=(("state", "absent", ("region_name", "provider_name", "regions"), True),),
        )
    )
    noun = "container"

    def __init__(self, params: Parameters, session: AtlasClient, clock: Clock) -> None:
        super().__init__(params, session, clock)
        cloud = choose_cloud(params)
        containers, peers = Containers(session, params["group_id"]), partial(VpcPeers, session, params["group_id"])
        options: dict[Owner, ContainerOptions] = {ONLY: ContainerOptions(cloud, params)}
        read = partial(_list, containers, cloud)
        self.sides = (ContainerSide(self.context, options, containers, read, peers),)

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options. Regions are returned as AWS names them, or on other clouds as Atlas does."""
        cloud = choose_cloud(params)
        if params["state"] == "absent" and params["region_name"] is None and not cloud.has_one_container:
            # For the argument spec, an explicit null is a value; nor does it know which clouds need a region.
            raise InvalidOptionError("region_name must not be null with state absent.", hint="Name the region of the container.")
        params, warnings = super().validate({**params, "provider_name": cloud.name})
        regions, unknown = parse_place(params, cloud) if cloud.has_one_container else ({}, [])
        params = {**params, **regions}
        check_block(params, cloud)
        return params, warnings + unknown

    @classmethod
    def region_parser(cls, params: Parameters) -> ParseRegion:
        """Return what parses the region."""
        return partial(parse_region, cloud=choose_cloud(params))

    def show_state(self, state: ContainerState) -> Container | None:
        """Show the container."""
        return state.container


def _list(containers: Containers, cloud: Cloud) -> list[Container]:
    if not cloud.lists_all:
        return containers.list_containers(cloud.name)
    return [one for one in containers.list_all_containers() if one["provider_name"] == cloud.name]


OPERATION = AtlasNetworkContainer
