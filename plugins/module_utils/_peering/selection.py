# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which connections of a project the options of a module that reads select."""

from __future__ import annotations

import typing as t

from .._clouds.aws import AWS
from .._clouds.cloud import PROVIDERS, Peer, Provider, fields_of
from .._engine.options import Parameters, check_not_azure
from .._engine.plan import Facts
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .container_choice import ContainerChoice
from .options import choose_provider

# The value of provider_name for all clouds.
ALL = "all"
FILTERS = (
    "vpc_id",
    "aws_account_id",
    "connection_id",
    "azure_subscription_id",
    "vnet_name",
    "gcp_project_id",
    "network_name",
)


def choose_asked(params: Parameters) -> Provider | None:
    """Return the cloud provider that is asked: AWS if nobody has chosen another one, and None for all.

    Raises:
        InvalidOptionError: If the options do not go together.
    """
    is_all = params["provider_name"] == ALL
    provider = choose_provider({**params, "provider_name": None} if is_all else params)
    if provider is not None or is_all:
        return provider
    if params["container_region_name"] is not None:
        check_not_azure("container_region_name", params["container_region_name"])
    return AWS


def select_peers(client: t.Any, params: Parameters) -> list[Peer]:
    """Read the connections of a project, and return those that fit every option.

    Args:
        client: Atlas.
        params: The options, with one project.

    Raises:
        AtlasError: If something cannot be read.
    """
    facts, found = Facts(), _read(client, params)

    def ask(need: str) -> t.Any:
        if need not in facts:
            containers = Containers(client, params["group_id"])
            facts[need] = choices[0].read(need, containers) if len(choices) == 1 else containers.list_all_containers()
        return facts[need]

    choices = [ContainerChoice(params, provider, facts, ask) for provider, unused in found]
    return [
        peer
        for choice, (provider, peers) in zip(choices, found)
        for peer in choice.select([one for one in peers if _fits(one, params, provider)])
    ]


def _read(client: t.Any, params: Parameters) -> list[tuple[Provider, list[Peer]]]:
    """Read the connections with a cloud provider, or with all of them one after the other, or the one with `peer_id`."""
    provider, group_id, peer_id = choose_asked(params), params["group_id"], params["peer_id"]
    asked = list(PROVIDERS.values()) if provider is None else [provider]
    if peer_id is None:
        return [(one, VpcPeers(client, group_id, one).list_peers()) for one in asked]
    peer = VpcPeers(client, group_id).get_peer(peer_id)
    if peer is None:
        return []
    cloud = PROVIDERS.get(peer["provider_name"], AWS)
    # Without a choice, the reply tells the cloud.
    return [(cloud, [peer])] if cloud in asked or params["provider_name"] is None else []


def _fits(peer: Peer, params: Parameters, provider: Provider) -> bool:
    """Whether a connection has the values of the filters, and one of the states."""
    wanted = {name: params[name] for name in FILTERS if params[name] is not None}
    is_in_state = params["status_name"] is None or peer["status_name"] in params["status_name"]
    return is_in_state and not provider.differing(wanted, fields_of(peer))
