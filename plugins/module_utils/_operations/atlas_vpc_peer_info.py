# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_vpc_peer_info does: it reads the connections that the options select."""

from __future__ import annotations

import datetime
import os
import typing as t
from dataclasses import dataclass, field
from functools import partial

from .._auth.sources import VARIABLES, find_project
from .._clouds.aws import AWS
from .._clouds.cloud import ALL, CLOUDS, Cloud, Peer, cloud_of, fields_of, with_request_times
from .._engine.argspec import CONNECTION, ArgumentSpec
from .._engine.options import Parameters, check_version, parse_option, parse_region_anywhere
from .._engine.plan import Facts, Plan
from .._http.errors import FAILURE_FIELDS, InvalidOptionError, TaskError
from .._peering.container_choice import KNOWN_REGIONS, ContainerChoice, complete_from_list
from .._peering.options import choose_provider, parse_cloud
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .._values.ids import parse_object_id
from .._values.moments import parse_span, to_moment
from .atlas import AtlasOperation

FILTERS = tuple(name for cloud in CLOUDS.values() for name in cloud.forms if name in cloud.ids)
# How many failures the message has at most.
_MOST_SHOWN = 3
_STATES = dict.fromkeys(state for provider in CLOUDS.values() for state in provider.states)


@dataclass(frozen=True)
class PeersState:
    """The connections that were found, and the errors of projects that could not be read, by `group_id`."""

    peers: list[t.Any]
    failures: t.Mapping[str, TaskError] = field(default_factory=dict)


class AtlasVpcPeerInfo(AtlasOperation[PeersState]):
    """Reads VPC peering connections of one project, or of several."""

    argument_spec = CONNECTION + ArgumentSpec(
        {
            "group_ids": {"type": "list", "elements": "str", "aliases": ["project_ids"]},
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
    has_diff = False

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options, and remove duplicates from `group_ids`."""
        params = cls._check_projects(params)
        if params["expires_within"] is not None:
            params = {**params, "expires_within": parse_option("expires_within", params["expires_within"], parse_span)}
        provider, region = choose_asked(params), params["container_region_name"]
        if provider is AWS:
            return super().validate(params)
        checked, warnings = super().validate({**params, "container_region_name": None})
        if provider is not None:
            parsed, unknown = parse_cloud(params, provider)
            return {**checked, "container_region_name": None, **parsed}, warnings + unknown
        check_version(params, ALL)
        if region is None:
            return checked, warnings
        parsed_region, unknown = parse_region_anywhere("container_region_name", region)
        return {**checked, "container_region_name": parsed_region}, warnings + unknown

    @classmethod
    def _check_projects(cls, params: Parameters) -> Parameters:
        if params["group_ids"] is None:
            return {**params, "group_id": find_project(params, "set group_ids")}
        variables = {os.environ.get(variable) for variable in VARIABLES["group_id"]}
        # The argument spec fills in group_id from the environment variable, which does not count beside group_ids.
        if params["group_id"] is not None and params["group_id"] not in variables:
            raise InvalidOptionError(
                "group_id and group_ids are mutually exclusive.",
                hint="Leave one of them out. If group_ids comes from module_defaults, set it to null in this task.",
            )
        if not params["group_ids"]:
            raise InvalidOptionError("group_ids is empty.", hint="Name at least one project, or set group_id.")
        for index, group_id in enumerate(params["group_ids"]):
            parse_option(f"group_ids[{index}]", group_id, parse_object_id)
        group_ids = tuple(dict.fromkeys(params["group_ids"]))
        return {**params, "group_id": None, "group_ids": group_ids}

    def look(self) -> PeersState:
        """Read the connections and select those that fit every option."""
        group_ids = self.params["group_ids"]
        if group_ids is None:
            return PeersState(self._select(self.params["group_id"]))
        found = self.read_all({group_id: partial(self._select, group_id) for group_id in group_ids})
        return PeersState(
            [{"group_id": key, **peer} for key, peers in found.items() if not isinstance(peers, TaskError) for peer in peers],
            {key: error for key, error in found.items() if isinstance(error, TaskError)},
        )

    def _select(self, group_id: str) -> list[Peer]:
        return select_peers(self.session, {**self.params, "group_id": group_id})

    def decide(self, state: PeersState) -> Plan:
        """Raise a TaskError if a project could not be read; the result has the others nevertheless."""
        errors = list(state.failures.values())
        if errors:
            more = f" The others are in failures ({len(errors) - _MOST_SHOWN} more)." if len(errors) > _MOST_SHOWN else ""
            raise TaskError(
                f"{len(errors)} of {len(self.params['group_ids'])} projects could not be read. "
                f"{' '.join(map(str, errors[:_MOST_SHOWN]))}{more}",
                **{name: getattr(errors[0], name) for name in FAILURE_FIELDS if len(errors) == 1},
            )
        return Plan()

    def show(self, state: PeersState, plan: Plan) -> dict[str, t.Any]:
        """Show the connections, those alive as entries of atlas_vpc_peers, and the projects of `group_ids` that are not read."""
        group_ids = self.params["group_ids"]
        if group_ids is None:
            return {"vpc_peers": state.peers, "declared": [to_entry(peer) for peer in state.peers if _is_alive(peer)]}
        projects: dict[str, list[dict[str, t.Any]]] = {group_id: [] for group_id in group_ids if group_id not in state.failures}
        for peer in filter(_is_alive, state.peers):
            projects[peer["group_id"]].append(to_entry(peer))
        return {
            "vpc_peers": state.peers,
            "projects": [{"group_id": group_id, "declared": declared} for group_id, declared in projects.items()],
            "failures": [{"group_id": group_id, **error.to_result()} for group_id, error in state.failures.items()],
        }


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
    found, containers = _read(client, params), Containers(client, params["group_id"])
    facts = Facts(lambda key: choices[0].read(key, containers) if len(choices) == 1 else containers.list_all_containers())
    facts[KNOWN_REGIONS] = containers.regions
    choices = [ContainerChoice(params, provider, facts) for provider, unused in found]
    return [
        complete_from_list(peer, facts)
        for choice, (provider, peers) in zip(choices, found)
        for peer in choice.select([one for one in map(with_request_times, peers) if _fits(one, params, provider)])
    ]


def _read(client: t.Any, params: Parameters) -> list[tuple[Cloud, list[Peer]]]:
    """Return the connections by cloud: those of one or all clouds, read in turn, or the one with `peer_id`."""
    provider, group_id, peer_id = choose_asked(params), params["group_id"], params["peer_id"]
    asked = list(CLOUDS.values()) if provider is None else [provider]
    if peer_id is None:
        return [(one, VpcPeers(client, group_id, one).list_peers()) for one in asked]
    peer = VpcPeers(client, group_id).get_peer(peer_id)
    if peer is None:
        return []
    cloud = CLOUDS.get(peer["provider_name"], AWS)
    # Without provider_name, the cloud of the connection counts.
    return [(cloud, [peer])] if cloud in asked or params["provider_name"] is None else []


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


OPERATION = AtlasVpcPeerInfo
