# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_vpc_peer_info does: it reads the connections that the options select."""

from __future__ import annotations

import datetime
import typing as t
from functools import partial

from .._clouds.aws import AWS
from .._clouds.cloud import Cloud, Peer, fields_of
from .._clouds.clouds import ALL, CLOUDS, cloud_of, with_request_times
from .._engine.argspec import CONNECTION, ArgumentSpec
from .._engine.options import Parameters, ParseRegion, check_version, parse_option, parse_region, parse_region_anywhere
from .._engine.plan import Facts
from .._resources.containers import Containers, container_cloud
from .._resources.peers import VpcPeers
from .._sides.container_choice import KNOWN_REGIONS, LIST_CONTAINERS, ContainerChoice, complete_from_list, read_containers
from .._sides.options import choose_provider, parse_cloud
from .._values.moments import parse_span, to_moment
from .atlas import AtlasOperation
from .over_projects import over_projects

FILTERS = tuple(name for cloud in CLOUDS.values() for name in cloud.forms if name in cloud.ids)
_STATES = dict.fromkeys(state for provider in CLOUDS.values() for state in provider.states)


class AtlasVpcPeerInfo(AtlasOperation["list[Peer]"]):
    """Reads VPC peering connections."""

    argument_spec = CONNECTION + ArgumentSpec(
        {
            "provider_name": {"type": "str", "choices": [*CLOUDS, ALL]},
            "peer_id": {"type": "str"},
            **{name: {"type": "str"} for name in FILTERS},
            "container_id": {"type": "str"},
            "container_region_name": {"type": "str"},
            "status_name": {"type": "list", "elements": "str", "choices": list(_STATES)},
            "expires_within": {"type": "str"},
        },
        mutually_exclusive=(("container_id", "container_region_name"),),
    )
    noun = "vpc_peers"

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options."""
        if params["expires_within"] is not None:
            params = {**params, "expires_within": parse_option("expires_within", params["expires_within"], parse_span)}
        provider = choose_asked(params)
        if provider is None:
            check_version(params, ALL)
            return super().validate(params)
        return super().validate({**params, **parse_cloud(params, provider)})

    @classmethod
    def region_parser(cls, params: Parameters) -> ParseRegion:
        """Return what parses the region: with all clouds, it may be one of any."""
        provider = choose_asked(params)
        return parse_region_anywhere if provider is None else partial(parse_region, cloud=provider)

    def look(self) -> list[Peer]:
        """Read the connections and select those that fit every option."""
        return select_peers(self.session, self.params)

    def show(self, state: list[Peer]) -> dict[str, t.Any]:
        """Show the connections, and those alive as entries of atlas_vpc_peers."""
        return {"vpc_peers": state, "declared": [to_entry(peer) for peer in state if _is_alive(peer)]}


def choose_asked(params: Parameters) -> Cloud | None:
    """Return the cloud provider to read; None for all.

    AWS alone has requests that expire, and API v1.0 knows no other cloud.

    Raises:
        InvalidOptionError: If the options are for different clouds.
    """
    is_all = params["provider_name"] == ALL
    provider = choose_provider({**params, "provider_name": None} if is_all else params)
    if provider is None and not is_all and (params["expires_within"] is not None or params["api_version"] != "v2"):
        return AWS
    return provider


def select_peers(client: t.Any, params: Parameters) -> list[Peer]:
    """Read the connections of a project, and return those that fit every option.

    Args:
        client: The client for Atlas.
        params: The options, with one project.

    Raises:
        TaskError: If something cannot be read.
    """
    containers = Containers(client, params["group_id"])

    def read(key: str) -> t.Any:
        is_single = len(choices) == 1
        return read_containers(key, params, choices[0].provider, containers) if is_single else containers.list_all_containers()

    facts = Facts(read)
    found = _read(client, params, containers, facts)
    containers.record_users(peer for unused, peers in found for peer in peers)
    facts[KNOWN_REGIONS] = containers.regions_of
    choices = [ContainerChoice(params, provider, facts) for provider, unused in found]
    return [
        complete_from_list(peer, facts)
        for choice, (provider, peers) in zip(choices, found)
        for peer in choice.select([one for one in map(with_request_times, peers) if _fits(one, params, provider)])
    ]


def _read(client: t.Any, params: Parameters, containers: Containers, facts: Facts) -> list[tuple[Cloud, list[Peer]]]:
    """Return the connections by cloud: those of one cloud or of all that have a container, or the one with `peer_id`.

    For all clouds, the containers are read first, into `facts`: no connection is without one.
    """
    provider, group_id, peer_id = choose_asked(params), params["group_id"], params["peer_id"]
    if peer_id is None:
        clouds = [provider] if provider is not None else _clouds_of(containers, facts)
        return [(one, VpcPeers(client, group_id, one).list_peers()) for one in clouds]
    peer = VpcPeers(client, group_id).get_peer(peer_id)
    if peer is None:
        return []
    cloud = CLOUDS.get(peer["provider_name"], AWS)
    # Without provider_name, the cloud of the connection counts.
    return [(cloud, [peer])] if provider in (cloud, None) or params["provider_name"] is None else []


def _clouds_of(containers: Containers, facts: Facts) -> list[Cloud]:
    facts[LIST_CONTAINERS] = found = containers.list_all_containers()
    used = {container_cloud(one["provider_name"]).name for one in found}
    return [cloud for name, cloud in CLOUDS.items() if name in used]


def _fits(peer: Peer, params: Parameters, provider: Cloud) -> bool:
    """Whether a connection has the values of the filters, and one of the states."""
    wanted = {name: params[name] for name in FILTERS if params[name] is not None}
    is_in_state = params["status_name"] is None or peer["status_name"] in params["status_name"]
    return is_in_state and not provider.differing(wanted, peer) and _expires(peer, params["expires_within"])


def _expires(peer: Peer, span: datetime.timedelta | None) -> bool:
    """Whether a request expires within a span of time, or has expired; true without a span."""
    expires = fields_of(peer)["expires_at"]
    if span is None or expires is None:
        return span is None
    return to_moment(expires) - datetime.datetime.now(datetime.timezone.utc) <= span


def _is_alive(peer: Peer) -> bool:
    return peer["status_name"] not in cloud_of(peer).ended


def to_entry(peer: Peer) -> dict[str, t.Any]:
    """Return a connection as an entry of the option `peers` of atlas_vpc_peers."""
    fields = fields_of(peer)
    return {name: fields[name] for name in cloud_of(peer).writable if fields[name] is not None}


OPERATION = over_projects(AtlasVpcPeerInfo, lambda peer: peer["status_name"])
