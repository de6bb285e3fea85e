# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_network_container_info does: it reads the containers that the options select."""

from __future__ import annotations

import typing as t

from .._clouds.aws import AWS
from .._clouds.cloud import ALL, CLOUDS
from .._containers import choose_cloud, parse_place
from .._engine.argspec import CONNECTION, ArgumentSpec
from .._engine.options import Parameters, check_version, parse_option
from .._engine.plan import Plan
from .._http.errors import NotFoundError
from .._resources.containers import NOT_FOUND, Container, Containers, describe, is_in_region
from .._values.regions import parse_any_region
from .atlas import AWS_ALONE, AtlasOperation


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
    has_diff = False

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options. With `provider_name: all`, the region may be one of any cloud."""
        region = params["region_name"]
        if params["provider_name"] == ALL:
            check_version(params, ALL)
            checked, warnings = super().validate({**params, "region_name": None})
            parsed = None if region is None else parse_option("region_name", region, parse_any_region)
            return {**checked, "region_name": parsed}, warnings
        cloud = choose_cloud(params)
        if cloud is AWS:
            return super().validate(params)
        checked, warnings = super().validate({**params, "region_name": None})
        place, unknown = ({}, []) if cloud.has_one_container else parse_place(params, cloud)
        return {**checked, **place}, warnings + unknown

    def look(self) -> list[Container]:
        """Read the containers of AWS or of all clouds, or the one with `container_id` on any cloud; `show` selects from them."""
        containers, container_id = Containers(self.session, self.params["group_id"]), self.params["container_id"]
        if container_id is not None:
            try:
                return [containers.get_container(container_id)]
            except NotFoundError as error:
                if error.error_code != NOT_FOUND:
                    raise
                return []
        if self._provider == AWS.name:
            return containers.list_containers(AWS.name)
        return containers.list_all_containers()

    def decide(self, state: list[Container]) -> Plan:
        """Plan no change; warn about containers that are not returned, or clouds not read, without `provider_name`."""
        if self.params["provider_name"] is not None or self.params["api_version"] != "v2" or self._select(state):
            return Plan()
        if state and self.params["region_name"] is None:
            found = f"Network container {describe(state)} is on {state[0]['provider_name']}, so it is not returned."
            return Plan(warnings=(f"{found} Set provider_name to return it.",))
        if self.params["container_id"] is None and self.params["region_name"] is None:
            return Plan(warnings=(AWS_ALONE,))
        return Plan()

    def show(self, state: list[Container], plan: Plan) -> dict[str, t.Any]:
        """Show the containers that fit every option."""
        return {"containers": self._select(state)}

    @property
    def _provider(self) -> str:
        return self.params["provider_name"] or AWS.name

    def _select(self, state: list[Container]) -> list[Container]:
        region = self.params["region_name"]
        return [
            one
            for one in state
            if self._provider in (ALL, one["provider_name"] or AWS.name) and (region is None or is_in_region(one, region))
        ]


OPERATION = AtlasNetworkContainerInfo
