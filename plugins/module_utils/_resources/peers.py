# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API's VPC peering connections: requests, checks of replies, and conversion to and from results.

The states are in https://www.mongodb.com/docs/atlas/security-vpc-peering/.
"""

from __future__ import annotations

import functools
import typing as t

from .._api.client import AtlasClient
from .._api.reply import check_written, odd_reply
from .._clouds.aws import AWS, same_region
from .._clouds.cloud import Cloud, Peer, fields_of
from .._clouds.clouds import CLOUDS, DEFAULT_CLOUD, cloud_of
from .._http.errors import as_name, as_option
from .containers import CONTAINER_HINTS, to_camel_case

# Connections per project, over all cloud providers, and how many of them may be pending (not yet accepted or set up):
# https://www.mongodb.com/docs/atlas/security-vpc-peering/
MOST_PEERS = 50
MOST_PENDING = 25
# Only a 404 with one of these codes means that the connection does not exist: another one may be about the project.
_MISSING = frozenset(("PEER_NOT_FOUND", "INVALID_PEER_ID"))
_GONE = _MISSING | {"PEER_ALREADY_REQUESTED_DELETION"}
ALREADY_EXISTS = frozenset(("PEER_ALREADY_EXISTS", "PEER_ALREADY_EXISTS_AZURE", "PEER_ALREADY_EXISTS_GCP"))
# The code for a project that has as many connections as it can.
NO_PLACE = "PEER_MAXIMUM_REACHED"
# What to do next, by error code.
PEER_HINTS = {
    **CONTAINER_HINTS,
    "INVALID_ROUTE_TABLE_CIDR": f"Check {as_option(str(AWS.block))}: the CIDR block of the VPC, from a private range.",
    "OVERLAPPING_CIDR_BLOCK": f"Choose a {as_option(str(AWS.block))} that does not overlap that of another peering connection.",
    "PEER_INVALID_STATE": "Wait until the connection has settled, then run the task again.",
    NO_PLACE: (
        "Remove connections that are no longer used, or accept those that are pending: "
        f"a project holds {MOST_PEERS} connections, of which {MOST_PENDING} may be pending."
    ),
}


class VpcPeers:
    """The peering connections of one project with one cloud provider.

    Args:
        client: Atlas.
        group_id: The project.
        provider: The cloud.
    """

    def __init__(self, client: AtlasClient, group_id: str, provider: Cloud = AWS) -> None:
        self.provider = provider
        self._client = client
        self._group_id = group_id
        self._path = ("groups", group_id, "peers")

    def list_peers(self) -> list[Peer]:
        """Return all connections with the provider, including those that are being removed (Atlas has one list per provider)."""
        cloud = "" if self.provider.name == DEFAULT_CLOUD else f" on {self.provider.name}"
        description = f"list the VPC peering connections{cloud} of project {as_name(self._group_id)}"
        found = self._client.get_all(self._path, {"providerName": self.provider.name}, description)
        return [self._to_result(one, description) for one in found]

    def list_users(self, container_id: str) -> list[Peer]:
        """Read the connections with the provider, and return those that use a container."""
        return [peer for peer in self.list_peers() if peer["container_id"] == container_id]

    def get_peer(self, peer_id: str) -> Peer | None:
        """Return one connection with any provider; None if there is none with this id.

        Raises:
            ApiError: If the reply is not this connection.
        """
        description = f"read VPC peering connection {as_name(peer_id)} of project {as_name(self._group_id)}"
        found = self._client.find((*self._path, peer_id), description, _MISSING, hints=PEER_HINTS)
        if found is None:
            return None
        name = found.get("providerName")
        provider = CLOUDS.get(name) if isinstance(name, str) else None
        peer = self._to_result(found, description, provider=provider)
        if peer["id"] != peer_id:
            # With `state: absent`, another connection would be removed.
            raise odd_reply(description, "is not this VPC peering connection")
        return peer

    def create_peer(self, fields: t.Mapping[str, object], container_region: str | None = None) -> Peer:
        """Request a connection and return it as Atlas describes it then.

        Without a container, the body is for API v1.0 and has no `providerName`.

        Args:
            fields: The fields of the connection; only writable ones are sent.
            container_region: The region of its container, which a null region in the reply means; None if unknown.
        """
        description = f"create the VPC peering connection to {self.provider.describe(fields)} in project {self._group_id}"
        body = _to_body(fields, self.provider, with_provider=fields.get("container_id") is not None)
        reply = self._client.post(self._path, body, description, exists=ALREADY_EXISTS, hints=PEER_HINTS)
        return self._written(reply, fields, container_region, description)

    def update_peer(self, peer: Peer, fields: t.Mapping[str, object]) -> Peer:
        """Change a connection and return it as Atlas describes it then.

        All writable fields are sent, and the provider: Atlas would assume another one without it.

        Args:
            peer: The current connection, with the region of its network.
            fields: The fields to change.
        """
        description = f"update VPC peering connection {peer['id']} of project {self._group_id}"
        wanted: dict[str, object] = {**peer, **fields}
        reply = self._client.patch((*self._path, peer["id"]), _to_body(wanted, self.provider), description, hints=PEER_HINTS)
        return self._written(reply, wanted, None, description)

    def delete_peer(self, peer_id: str) -> None:
        """Ask Atlas to remove a connection, which takes a while.

        Raises:
            OvertakenError: If another client has removed it, or asked for that.
            TaskError: If it cannot be removed, or Atlas does not answer.
        """
        description = f"delete VPC peering connection {peer_id} of project {self._group_id}"
        self._client.delete((*self._path, peer_id), description, gone=_GONE, hints=PEER_HINTS)

    def _to_result(
        self, peer: t.Mapping[str, object], description: str, *, is_write: bool = False, provider: Cloud | None = None
    ) -> Peer:
        """Return a connection with the names of the results.

        Args:
            peer: The object of the API.
            description: What was requested, for the message.
            is_write: Whether the request was a change.
            provider: The provider of the connection; None for `self.provider`.

        Raises:
            ApiError: If the reply is not a connection.
        """
        provider = provider or self.provider
        result = _to_peer(peer, provider)
        # An unknown state is accepted: Atlas may introduce new ones.
        is_odd = not {*map(type, result.values())} <= {str, type(None)}
        if is_odd or not result["id"] or not result["status_name"]:
            error = odd_reply(description, f"is not a VPC peering connection with {provider.name}", is_write=is_write)
            raise error.with_hint("Check base_url, and peer_id if it is set.")
        return result

    def _written(
        self, reply: t.Mapping[str, object], sent: t.Mapping[str, t.Any], container_region: str | None, description: str
    ) -> Peer:
        """Return the connection in the reply to a change, which must show what was sent.

        Raises:
            ApiError: If it does not; `outcome_unknown` is set.
        """
        provider, result = self.provider, self._to_result(reply, description, is_write=True)
        wanted = {name: sent[name] for name in ("id", *provider.writable) if sent.get(name) is not None}
        wanted["provider_name"] = provider.name
        if provider.region is not None:
            current = fields_of(result)[provider.region] or container_region
            # Without the container, the region that a null stands for is unknown.
            if current is None or same_region(wanted.get(provider.region), current):
                wanted.pop(provider.region, None)
        # AZURE may return names in another case.
        shown = {
            name: wanted[name] if name in wanted and provider.is_same(wanted[name], value) else value
            for name, value in result.items()
        }
        check_written(description, shown, wanted)
        return result


def describe_users(peers: t.Iterable[Peer], container_id: str) -> tuple[str, ...]:
    """Return, in words, the connections that use a container; one that is being removed does until it is gone."""
    return tuple(
        f"VPC peering connection {as_name(peer['id'])} ({cloud_of(peer).describe(peer, as_name)}, {peer['status_name']})"
        for peer in peers
        if peer["container_id"] == container_id
    )


def _to_peer(peer: t.Mapping[str, object], cloud: Cloud) -> Peer:
    """Return a connection of the API with the names of the results and Atlas's values."""
    result = {name: peer.get(api_name) for name, api_name in _api_names(cloud.name).items()}
    return t.cast("Peer", {**result, "provider_name": peer.get("providerName") or cloud.name})


def _to_body(peer: t.Mapping[str, object], cloud: Cloud, *, with_provider: bool = True) -> dict[str, object]:
    """Return the body of a POST or PATCH: the writable fields with a value, and `providerName`."""
    names = _api_names(cloud.name)
    body = {names[name]: peer[name] for name in cloud.writable if peer.get(name) is not None}
    return {**body, "providerName": cloud.name} if with_provider else body


@functools.cache
def _api_names(provider_name: str) -> t.Mapping[str, str]:
    """Return the API's names of a connection's fields, by those of the results."""
    cloud = CLOUDS[provider_name]
    return {name: cloud.api_names.get(name, to_camel_case(name)) for name in (*cloud.read_only, *cloud.writable)}
