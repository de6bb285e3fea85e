# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_network_container_info does: its options, and which containers they select."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasNotFoundError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.atlas import ATLAS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Context, Parameters, Task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import NOT_FOUND, Containers, to_region
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.rules import check_object_id, check_regions, to_aws_region

ARGUMENT_SPEC = CONNECTION + ArgumentSpec({"container_id": {"type": "str"}, "region_name": {"type": "str"}})


def validate(params: Parameters, unused_check_mode: bool) -> list[str]:
    """Check the options without the network.

    Raises:
        InvalidOptionError: When an option cannot be right.
    """
    if params["container_id"] is not None:
        check_object_id("container_id", params["container_id"])
    return check_regions(params, "region_name")


def run(context: Context[AtlasClient]) -> None:
    """Read the containers on AWS and select those that fit every option."""
    params = context.params
    containers = Containers(context.client, params["group_id"])
    if params["container_id"] is not None:
        try:
            found = [containers.get_container(params["container_id"])]
        except AtlasNotFoundError as error:
            if error.error_code != NOT_FOUND:
                raise
            found = []
    else:
        found = containers.list_containers(AWS.name)
    region = params["region_name"] and to_aws_region("region_name", params["region_name"])
    context.outcome.values["containers"] = [
        one for one in found if one["provider_name"] in (AWS.name, None) and region in (None, to_region(one))
    ]


TASK = Task(argument_spec=ARGUMENT_SPEC, service=ATLAS, validate=validate, run=run)
