# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of atlas_azure_role: the VNet, the role, and the credentials under the names that azure.azcollection gives them."""

from __future__ import annotations

from .._clouds.azure import AZURE, VnetId, is_atlas_network, role_name, vnet_id
from .._engine.argspec import WAIT, ArgumentSpec
from .._engine.options import Parameters, check_options, check_wait, parse_option, parts_of_whole
from .._http.errors import InvalidOptionError
from .credentials import AZURE_OPTIONS, check_credentials
from .roles import parse_role_id

# In seconds, the longest pause between two looks.
WAIT_SLEEP = 10
ARGUMENT_SPEC = (
    ArgumentSpec(
        {
            "azure_directory_id": {"type": "str"},
            "vnet_resource_id": {"type": "str"},
            "azure_subscription_id": {"type": "str"},
            "resource_group_name": {"type": "str"},
            "vnet_name": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "role_definition_id": {"type": "str"},
            "atlas_vnet_name": {"type": "str"},
            "wait_timeout": WAIT.options["wait_timeout"],
        }
    )
    + AZURE_OPTIONS
)


def validate(params: Parameters) -> Parameters:
    """Check the options without the network, and without files.

    Returns:
        The options with the VNet's resource id in `scope`, the name of the role in `role_name`, the name of the role that
        `role_definition_id` means in `role`, the networks of `atlas_vnet_name` in `atlas_vnet_names`, and `wait_sleep`.

    Raises:
        InvalidOptionError: If they contradict each other, or one is invalid.
    """
    params = {**params, "wait": True, "wait_sleep": WAIT_SLEEP}
    check_wait(params)
    for option, parse in AZURE.forms.items():
        check_options(params, parse, option)
    vnet = _find_vnet(params)
    chosen, network = params["role_definition_id"], params["atlas_vnet_name"]
    if network is not None and not is_atlas_network(network):
        raise InvalidOptionError(
            f"atlas_vnet_name is not the name of a network of Atlas: {network!r}.",
            hint="It is atlas_vnet_name of the network container in Atlas, as atlas_network_container_info returns it.",
        )
    return {
        **check_credentials(params),
        "scope": vnet_id(*vnet),
        "role_name": role_name(vnet),
        "atlas_vnet_names": () if network is None else (network,),
        "role": None if chosen is None else parse_option("role_definition_id", chosen, parse_role_id),
    }


def _find_vnet(params: Parameters) -> VnetId:
    """Return the VNet of `vnet_resource_id`, or of its three parts."""
    found = {**params, **parts_of_whole(params, AZURE)}
    missing = [name for name in VnetId._fields if found[name] is None]
    if missing:
        raise InvalidOptionError(
            f"The VNet is not named: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            hint=f"Set vnet_resource_id, or {', '.join(VnetId._fields[:-1])} and {VnetId._fields[-1]}.",
        )
    return VnetId(*(found[name] for name in VnetId._fields))
