# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_network_container_info does: it reads the containers that the options select."""

from __future__ import annotations

from .._clouds.aws import AWS
from .._clouds.clouds import ALL, CLOUDS, DEFAULT_CLOUD
from .._engine.argspec import CONNECTION, ArgumentSpec
from .._engine.options import Parameters, check_version, parse_region_anywhere
from .._http.errors import NotFoundError
from .._resources.containers import NOT_FOUND, Container, Containers, is_in_region
from .._sides.container_plan import choose_cloud, parse_place
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
        """Check the options, and choose the cloud: all by default, AWS with API v1.0. With all, the region may be one of any."""
        region = params["region_name"]
        params = {**params, "provider_name": params["provider_name"] or (ALL if params["api_version"] == "v2" else DEFAULT_CLOUD)}
        if params["provider_name"] == ALL:
            check_version(params, ALL)
            checked, warnings = super().validate({**params, "region_name": None})
            if region is None:
                return checked, warnings
            parsed, unknown = parse_region_anywhere("region_name", region)
            return {**checked, "region_name": parsed}, warnings + unknown
        cloud = choose_cloud(params)
        if cloud is AWS:
            return super().validate(params)
        checked, warnings = super().validate({**params, "region_name": None})
        place, unknown = ({}, []) if cloud.has_one_container else parse_place(params, cloud)
        return {**checked, **place}, warnings + unknown

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
