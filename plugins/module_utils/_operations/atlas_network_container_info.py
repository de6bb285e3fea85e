# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_network_container_info does: it reads the containers that the options select."""

from __future__ import annotations

from functools import partial

from .._clouds.clouds import ALL, CLOUDS, DEFAULT_CLOUD
from .._engine.argspec import CONNECTION, ArgumentSpec
from .._engine.options import Parameters, ParseRegion, check_version, parse_region, parse_region_anywhere
from .._http.errors import NotFoundError
from .._resources.containers import NOT_FOUND, Container, Containers, is_in_region
from .._sides.container_plan import choose_cloud
from .atlas import AtlasOperation
from .over_projects import over_projects


class AtlasNetworkContainerInfo(AtlasOperation["list[Container]"]):
    """Reads network containers."""

    argument_spec = CONNECTION + ArgumentSpec(
        {
            "provider_name": {"type": "str", "choices": [*CLOUDS, ALL]},
            "container_id": {"type": "str"},
            "region_name": {"type": "str", "aliases": ["region"]},
        }
    )
    noun = "containers"

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options, and choose the cloud: all by default, AWS with API v1.0."""
        default = ALL if params["api_version"] == "v2" else DEFAULT_CLOUD
        return super().validate({**params, "provider_name": params["provider_name"] or default})

    @classmethod
    def region_parser(cls, params: Parameters) -> ParseRegion:
        """Return what parses the region: with all clouds, it may be one of any."""
        if params["provider_name"] == ALL:
            check_version(params, ALL)
            return parse_region_anywhere
        return partial(parse_region, cloud=choose_cloud(params))

    def look(self) -> list[Container]:
        """Read the containers, and select those that fit every option."""
        provider, region = self.params["provider_name"], self.params["region_name"]
        return [
            one
            for one in self._read_containers()
            if provider in (ALL, one["provider_name"] or DEFAULT_CLOUD) and (region is None or is_in_region(one, region))
        ]

    def _read_containers(self) -> list[Container]:
        """Return the containers of AWS or of all clouds, or the one with `container_id` on any cloud."""
        containers, container_id = Containers(self.session, self.params["group_id"]), self.params["container_id"]
        if container_id is not None:
            try:
                return [containers.get_container(container_id)]
            except NotFoundError as error:
                if error.error_code != NOT_FOUND:
                    raise
                return []
        name = self.params["provider_name"]
        is_own_list = name != ALL and not CLOUDS[name].lists_all
        return containers.list_containers(name) if is_own_list else containers.list_all_containers()


def _state_of(container: Container) -> str | None:
    """Return whether Atlas has provisioned a container; None if it does not say so."""
    is_provisioned = container["provisioned"]
    return ("provisioned" if is_provisioned else "not_provisioned") if isinstance(is_provisioned, bool) else None


OPERATION = over_projects(AtlasNetworkContainerInfo, _state_of)
