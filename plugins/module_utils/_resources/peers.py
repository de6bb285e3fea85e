# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""VPC peering connections: endpoints, field names, identity, states, and the rules before sending."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasApiError

Peer = dict[str, t.Any]

# 404 with one of these, and with no other, means that the connection is not there. The project may be unknown as well.
_MISSING = frozenset(("PEER_NOT_FOUND", "INVALID_PEER_ID"))
_GONE = _MISSING | {"PEER_ALREADY_REQUESTED_DELETION"}
_ALREADY_EXISTS = frozenset(("PEER_ALREADY_EXISTS",))
# What to do next, by error code.
HINTS = {
    "CLOUD_PROVIDER_CONTAINER_NOT_FOUND": "Check container_id: it must be an AWS network container of this project.",
    "INVALID_ROUTE_TABLE_CIDR": "Check route_table_cidr_block: the CIDR block of the VPC, from a private range.",
    "OVERLAPPING_ATLAS_CIDR_BLOCK": (
        "Choose a block that overlaps none of a network container: another route_table_cidr_block, or atlas_cidr_block."
    ),
    "OVERLAPPING_CIDR_BLOCK": "Choose a route_table_cidr_block that does not overlap that of another peering connection.",
    "PEER_INVALID_STATE": "Wait until the connection has settled, then run the task again.",
    "PEER_MAXIMUM_REACHED": (
        "Remove connections that are no longer used, or accept those that are pending: "
        "a project holds 50 connections, of which 25 may be pending."
    ),
}


@dataclass(frozen=True)
class Provider:
    """What differs between cloud providers.

    Attributes:
        name: The API's C(providerName).
        identity: The result fields that tell one connection from another within a container; no two live ones there share them.
        writable: The API's name of each field that may be sent, by its name in results.
        read_only: The same for the fields that Atlas alone sets.
        changeable: The result fields that an update may change; any other difference needs a new connection.
        progress: The states on the way to a working connection, in their order.
        failure_reasons: What each C(error_state_name) means, and what to do.
    """

    name: str
    identity: tuple[str, ...]
    writable: t.Mapping[str, str]
    read_only: t.Mapping[str, str]
    changeable: frozenset[str]
    progress: tuple[str, ...]
    failed: str
    terminating: str
    failure_reasons: t.Mapping[str, str] = field(default_factory=dict)

    def to_result(self, peer: t.Mapping[str, t.Any]) -> Peer:
        """Return a connection of the API with the names of the results; Atlas's values are not changed."""
        fields = {**self.read_only, **self.writable}
        return {**{name: peer.get(key) for name, key in fields.items()}, "provider_name": peer.get("providerName") or self.name}

    def to_body(self, peer: t.Mapping[str, t.Any], *, with_provider: bool = True) -> dict[str, t.Any]:
        """Return the body of a POST or PATCH: the writable fields that have a value, and C(providerName)."""
        body = {key: peer[name] for name, key in self.writable.items() if peer.get(name) is not None}
        return {**body, "providerName": self.name} if with_provider else body

    def has_reached(self, peer: Peer, status: str) -> bool:
        """Whether a connection is in I(status) or beyond it on the way to a working one."""
        present = peer["status_name"]
        return present in self.progress and self.progress.index(present) >= self.progress.index(status)

    def failure_in_words(self, peer: Peer) -> str:
        """Return the state of a connection that has failed, why it has, and what to do about it."""
        reason = peer["error_state_name"] or "no reason given"
        meaning = self.failure_reasons.get(reason)
        return f"{peer['status_name']} ({reason}: {meaning})" if meaning else f"{peer['status_name']} ({reason})"


AWS = Provider(
    name="AWS",
    identity=("aws_account_id", "vpc_id"),
    writable={
        "vpc_id": "vpcId",
        "aws_account_id": "awsAccountId",
        "route_table_cidr_block": "routeTableCidrBlock",
        "container_id": "containerId",
        "accepter_region_name": "accepterRegionName",
    },
    read_only={
        "id": "id",
        "connection_id": "connectionId",
        "status_name": "statusName",
        "error_state_name": "errorStateName",
    },
    changeable=frozenset(("route_table_cidr_block",)),
    progress=("INITIATING", "PENDING_ACCEPTANCE", "FINALIZING", "AVAILABLE"),
    failed="FAILED",
    terminating="TERMINATING",
    failure_reasons={
        "REJECTED": "the request was rejected in the AWS account; ask its owner to accept the next one",
        "EXPIRED": "nobody accepted the request in the AWS account within 7 days; have it accepted in time",
        "INVALID_ARGUMENT": (
            "AWS does not take the request; check vpc_id, aws_account_id and accepter_region_name, and that the VPC's CIDR "
            "blocks do not overlap the container's"
        ),
    },
)


class VpcPeers:
    """The peering connections of one project with one cloud provider.

    Args:
        client: Atlas.
        group_id: The project.
        provider: The cloud provider.
    """

    def __init__(self, client: AtlasClient, group_id: str, provider: Provider = AWS) -> None:
        self.provider = provider
        self._client = client
        self._group_id = group_id
        self._path = ("groups", group_id, "peers")
        self._listed: list[Peer] | None = None

    def list_peers(self) -> list[Peer]:
        """Return all connections with the provider (a list of Atlas holds one provider), those being removed included."""
        doing = f"list the VPC peering connections of project {self._group_id}"
        found = self._client.get_all(self._path, {"providerName": self.provider.name}, doing)
        self._listed = [self._to_result(one, doing) for one in found]
        return self._listed

    @property
    def listed(self) -> list[Peer]:
        """What the last list held; nothing if there was none."""
        return self._listed or []

    def last_listed(self) -> list[Peer]:
        """Return what the last list held; a request is sent only if there was none."""
        return self.list_peers() if self._listed is None else self._listed

    def get_peer(self, peer_id: str) -> Peer | None:
        """Return one connection; None when there is none with that id."""
        doing = f"read VPC peering connection {peer_id} of project {self._group_id}"
        found = self._client.get((*self._path, peer_id), doing, missing=_MISSING, hints=HINTS)
        return None if found is None else self._to_result(found, doing)

    def create_peer(self, fields: t.Mapping[str, t.Any], home_region: str | None = None) -> Peer:
        """Request a connection and return it as Atlas describes it then.

        Without a container the body is that of the first version of the API (v1.0): nothing but what was asked for.

        Args:
            fields: What it is made of.
            home_region: The region of its container, which a null in the reply stands for, if it is known.
        """
        doing = f"create the VPC peering connection to {self.describe(fields)} in project {self._group_id}"
        body = self.provider.to_body(fields, with_provider=fields.get("container_id") is not None)
        reply = self._client.post(self._path, body, doing, exists=_ALREADY_EXISTS, hints=HINTS)
        return self._written(reply, fields, home_region, doing)

    def update_peer(self, peer: Peer, fields: t.Mapping[str, t.Any]) -> Peer:
        """Change I(fields) of I(peer). The whole object goes along: without its provider, Atlas takes it for another one."""
        doing = f"update VPC peering connection {peer['id']} of project {self._group_id}"
        wanted = {**peer, **fields}
        reply = self._client.patch((*self._path, peer["id"]), self.provider.to_body(wanted), doing, hints=HINTS)
        return self._written(reply, wanted, None, doing)

    def delete_peer(self, peer_id: str) -> None:
        """Ask for the removal of a connection.

        Raises:
            OvertakenError: When somebody else has removed it, or asked for its removal.
            AtlasError: When it cannot be removed.
        """
        doing = f"delete VPC peering connection {peer_id} of project {self._group_id}"
        self._client.delete((*self._path, peer_id), doing, gone=_GONE, hints=HINTS)

    def describe(self, fields: t.Mapping[str, t.Any]) -> str:
        """Return the identity of a connection in words."""
        return ", ".join(str(fields[name]) for name in reversed(self.provider.identity))

    def _to_result(self, peer: t.Mapping[str, t.Any], doing: str, *, is_write: bool = False) -> Peer:
        """Return a connection with the names of the results.

        Raises:
            AtlasApiError: When the reply is no connection with this provider.
        """
        result = self.provider.to_result(peer)
        # A state that is not known here is no reason to fail: Atlas may learn new ones.
        is_odd = any(value is not None and not isinstance(value, str) for value in result.values())
        if is_odd or not result["id"] or not result["status_name"]:
            raise AtlasApiError(
                f"Failed to {doing}: the reply is not a VPC peering connection with {self.provider.name}.",
                hint="Check base_url, and peer_id if it is set.",
                outcome_unknown=is_write,
            )
        return result

    def _written(self, reply: t.Mapping[str, t.Any], sent: t.Mapping[str, t.Any], home_region: str | None, doing: str) -> Peer:
        """Return the connection in the reply to a change, which has to be what was sent.

        Raises:
            AtlasApiError: When it is not: whether the change was made is unknown then.
        """
        result = self._to_result(reply, doing, is_write=True)
        wanted = {name: sent[name] for name in ("id", *self.provider.writable) if sent.get(name) is not None}
        wanted["provider_name"] = self.provider.name
        if same_region(wanted.get("accepter_region_name"), result["accepter_region_name"] or home_region):
            wanted.pop("accepter_region_name", None)
        differing = [f"{name} is {result[name]}, not {value}" for name, value in wanted.items() if result[name] != value]
        if differing:
            raise AtlasApiError(
                f"Failed to {doing}: the reply does not show what was sent: {', '.join(differing)}.",
                hint="Look for a proxy that answers in place of Atlas, then run the task again.",
                outcome_unknown=True,
            )
        return result


def same_region(wanted: str | None, current: str | None) -> bool:
    """Whether a reply's region is the wanted one. A null means the container's, which a second look would have to tell."""
    return wanted is None or current is None or current.lower().replace("_", "-") == wanted.lower().replace("_", "-")
