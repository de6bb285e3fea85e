# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_network_container_info does: which containers the options select."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasNotFoundError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import (
    NOT_FOUND,
    Container,
    Containers,
    to_region,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.aws import AWS

from .atlas import AtlasOperation


class AtlasNetworkContainerInfo(AtlasOperation["list[Container]"]):
    """Reads network containers."""

    argument_spec = CONNECTION + ArgumentSpec({"container_id": {"type": "str"}, "region_name": {"type": "str"}})
    noun = "containers"
    has_diff = False

    def look(self) -> list[Container]:
        """Read the containers on AWS and select those that fit every option."""
        containers, container_id = Containers(self.session, self.params["group_id"]), self.params["container_id"]
        if container_id is not None:
            try:
                found = [containers.get_container(container_id)]
            except AtlasNotFoundError as error:
                if error.error_code != NOT_FOUND:
                    raise
                found = []
        else:
            found = containers.list_containers(AWS.name)
        region = self.params["region_name"]
        return [one for one in found if one["provider_name"] in (AWS.name, None) and region in (None, to_region(one))]

    def show(self, state: list[Container], plan: Plan) -> dict[str, t.Any]:
        """Show the containers."""
        return {"containers": state}


OPERATION = AtlasNetworkContainerInfo
