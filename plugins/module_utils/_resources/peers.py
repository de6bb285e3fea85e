# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VPC peering connections: their paths, and what a reply has to show.

Their states are in https://www.mongodb.com/docs/atlas/security-vpc-peering/.
"""

from __future__ import annotations

import typing as t

from .._api.client import AtlasClient
from .._api.reply import check_written
from .._clouds.aws import AWS
from .._clouds.cloud import CLOUDS, Cloud, Peer, fields_of
from .._http.errors import ApiError
from .._values.limits import MOST_PEERS, MOST_PENDING
from .._values.regions import same_region
from .containers import CONTAINER_HINTS, to_camel_case

# 404 with one of these, and with no other, means that the connection is not there. The project may be unknown as well.
_MISSING = frozenset(("PEER_NOT_FOUND", "INVALID_PEER_ID"))
_GONE = _MISSING | {"PEER_ALREADY_REQUESTED_DELETION"}
ALREADY_EXISTS = frozenset(("PEER_ALREADY_EXISTS", "PEER_ALREADY_EXISTS_AZURE", "PEER_ALREADY_EXISTS_GCP"))
# The code with which Atlas refuses more connections.
NO_PLACE = "PEER_MAXIMUM_REACHED"
# What to do next, by error code.
PEER_HINTS = {
    **CONTAINER_HINTS,
    "INVALID_ROUTE_TABLE_CIDR": "Check route_table_cidr_block: the CIDR block of the VPC, from a private range.",
    "OVERLAPPING_CIDR_BLOCK": "Choose a route_table_cidr_block that does not overlap that of another peering connection.",
    "PEER_INVALID_STATE": "Wait until the connection has settled, then run the task again.",
    NO_PLACE: (
        "Remove connections that are no longer used, or accept those that are pending: "
        f"a project holds {MOST_PEERS} connections, of which {MOST_PENDING} may be pending."
    ),
}
# The names of Atlas that do not follow from those of results, by the cloud.
_API_NAMES: t.Mapping[str, t.Mapping[str, str]] = {
    "AZURE": {"status_name": "status", "error_state_name": "errorState"},
    "GCP": {"status_name": "status", "error_state_name": "errorMessage"},
}


class VpcPeers:
    """The peering connections of one project with one cloud provider.

    Args:
        client: Atlas.
        group_id: The project.
        provider: The cloud provider.
    """

    def __init__(self, client: AtlasClient, group_id: str, provider: Cloud = AWS) -> None:
        self.provider = provider
        self._client = client
        self._group_id = group_id
        self._path = ("groups", group_id, "peers")

    def list_peers(self) -> list[Peer]:
        """Return all connections with the provider (a list of Atlas holds one provider), those being removed included."""
        cloud = "" if self.provider.name == AWS.name else f" on {self.provider.name}"
        description = f"list the VPC peering connections{cloud} of project {self._group_id}"
        found = self._client.get_all(self._path, {"providerName": self.provider.name}, description)
        return [self._to_result(one, description) for one in found]

    def describe_users(self, container_id: str) -> tuple[str, ...]:
        """Return the connections that use a container, in words; one that is being removed uses it until it is gone."""
        return tuple(
            f"VPC peering connection {peer['id']} ({self.provider.describe(peer)}, {peer['status_name']})"
            for peer in self.list_peers()
            if peer["container_id"] == container_id
        )

    def get_peer(self, peer_id: str) -> Peer | None:
        """Return one connection, with whichever provider it is; None when there is none with that id."""
        description = f"read VPC peering connection {peer_id} of project {self._group_id}"
        found = self._client.find((*self._path, peer_id), description, _MISSING, hints=PEER_HINTS)
        if found is None:
            return None
        name = found.get("providerName")
        provider = CLOUDS.get(name) if isinstance(name, str) else None
        return self._to_result(found, description, provider=provider)

    def create_peer(self, fields: t.Mapping[str, t.Any], home_region: str | None = None) -> Peer:
        """Request a connection and return it as Atlas describes it then.

        Without a container the body is that of the first version of the API (v1.0): nothing but what was asked for.

        Args:
            fields: What it is made of.
            home_region: The region of its container, which a null in the reply stands for, if it is known.
        """
        description = f"create the VPC peering connection to {self.provider.describe(fields)} in project {self._group_id}"
        body = _to_body(fields, self.provider, with_provider=fields.get("container_id") is not None)
        reply = self._client.post(self._path, body, description, exists=ALREADY_EXISTS, hints=PEER_HINTS)
        return self._written(reply, fields, home_region, description)

    def update_peer(self, peer: Peer, fields: t.Mapping[str, t.Any], region: str | None) -> Peer:
        """Change a connection and return it as Atlas describes it then.

        The whole object is sent: without its provider, Atlas takes it for another one.

        Args:
            peer: The connection.
            fields: What is changed.
            region: The region of its network, which Atlas leaves out of its replies if it is the container's.
        """
        description = f"update VPC peering connection {peer['id']} of project {self._group_id}"
        wanted: dict[str, t.Any] = {**peer, **fields}
        if self.provider.region is not None and self.provider.region not in fields:
            wanted[self.provider.region] = region
        reply = self._client.patch((*self._path, peer["id"]), _to_body(wanted, self.provider), description, hints=PEER_HINTS)
        return self._written(reply, wanted, None, description)

    def delete_peer(self, peer_id: str) -> None:
        """Ask for the removal of a connection.

        Raises:
            OvertakenError: If another client has removed it, or has asked for its removal.
            TaskError: If it cannot be removed.
        """
        description = f"delete VPC peering connection {peer_id} of project {self._group_id}"
        self._client.delete((*self._path, peer_id), description, gone=_GONE, hints=PEER_HINTS)

    def _to_result(
        self, peer: t.Mapping[str, t.Any], description: str, *, is_write: bool = False, provider: Cloud | None = None
    ) -> Peer:
        """Return a connection with the names of the results.

        Args:
            peer: The connection of the API.
            description: What was requested, for the message.
            is_write: Whether that was a change.
            provider: Which provider it is with; None for this one.

        Raises:
            ApiError: If the reply is no connection with the provider.
        """
        provider = provider or self.provider
        result = _to_peer(peer, provider)
        # A state that is not known here is no reason to fail: Atlas may learn new ones.
        is_odd = any(value is not None and not isinstance(value, str) for value in result.values())
        if is_odd or not result["id"] or not result["status_name"]:
            raise ApiError(
                f"Failed to {description}: the reply is not a VPC peering connection with {provider.name}.",
                hint="Check base_url, and peer_id if it is set.",
                outcome_unknown=is_write,
            )
        return result

    def _written(
        self, reply: t.Mapping[str, t.Any], sent: t.Mapping[str, t.Any], home_region: str | None, description: str
    ) -> Peer:
        """Return the connection in the reply to a change, which has to be what was sent.

        Raises:
            ApiError: If it is not: whether the change was made is unknown then.
        """
        provider, result = self.provider, self._to_result(reply, description, is_write=True)
        wanted = {name: sent[name] for name in ("id", *provider.writable) if sent.get(name) is not None}
        wanted["provider_name"] = provider.name
        if provider.region is not None:
            current = fields_of(result)[provider.region] or home_region
            if may_be_same_region(wanted.get(provider.region), current):
                wanted.pop(provider.region, None)
        # Names of AZURE may come back in another case.
        shown = {
            name: wanted[name] if name in wanted and provider.is_same(wanted[name], value) else value
            for name, value in result.items()
        }
        check_written(description, shown, wanted)
        return result


def may_be_same_region(wanted: str | None, current: str | None) -> bool:
    """Whether a reply's region is the wanted one. A null means the container's, which a second look would have to tell."""
    return wanted is None or current is None or same_region(wanted, current)


def _to_peer(peer: t.Mapping[str, t.Any], cloud: Cloud) -> Peer:
    """Return a connection of the API with the names of the results; Atlas's values are not changed."""
    result = {name: peer.get(_api_name(name, cloud)) for name in (*cloud.read_only, *cloud.writable)}
    return t.cast("Peer", {**result, "provider_name": peer.get("providerName") or cloud.name})


def _to_body(peer: t.Mapping[str, t.Any], cloud: Cloud, *, with_provider: bool = True) -> dict[str, t.Any]:
    """Return the body of a POST or PATCH: the writable fields that have a value, and `providerName`."""
    body = {_api_name(name, cloud): peer[name] for name in cloud.writable if peer.get(name) is not None}
    return {**body, "providerName": cloud.name} if with_provider else body


def _api_name(name: str, cloud: Cloud) -> str:
    """Return what Atlas calls a field of a connection."""
    return _API_NAMES.get(cloud.name, {}).get(name) or to_camel_case(name)
