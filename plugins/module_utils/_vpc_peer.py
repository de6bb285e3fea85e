# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""VPC peering connections: endpoints, field names, identity, states, and the rules before sending."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cloudpeer.atlas.plugins.module_utils._client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import (
    AtlasApiError,
    AtlasConflictError,
    AtlasError,
    AtlasNotFoundError,
)

Peer = dict[str, t.Any]

# 404 with one of these, and with no other, means that the connection is not there. The group may be unknown as well.
_GONE = frozenset(("PEER_NOT_FOUND", "INVALID_PEER_ID"))


@dataclass(frozen=True)
class Provider:
    """What differs between cloud providers.

    Attributes:
        name: The API's C(providerName).
        identity: The result fields that tell one connection from another; no two live ones share them.
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
        "REJECTED": "the request was rejected in the AWS account; agree with its owner",
        "EXPIRED": "nobody accepted the request in the AWS account within 7 days; have it accepted in time",
        "INVALID_ARGUMENT": (
            "AWS does not take the request; check vpc_id, aws_account_id and accepter_region_name, and that the VPC's CIDR "
            "blocks do not overlap the container's"
        ),
    },
)


class VpcPeers:
    """The peering connections of one group with one cloud provider.

    Args:
        client: Atlas.
        group_id: The group.
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
        doing = f"list the VPC peering connections of group {self._group_id}"
        found = self._client.get_all(self._path, {"providerName": self.provider.name}, doing)
        self._listed = [self._to_result(one, doing) for one in found]
        return self._listed

    def last_listed(self) -> list[Peer]:
        """Return what the last list held; a request is sent only if there was none."""
        return self.list_peers() if self._listed is None else self._listed

    def get_peer(self, peer_id: str) -> Peer | None:
        """Return one connection; None when there is none with that id."""
        doing = f"read VPC peering connection {peer_id} of group {self._group_id}"
        try:
            return self._to_result(self._client.get((*self._path, peer_id), doing), doing)
        except AtlasNotFoundError as error:
            if error.error_code in _GONE:
                return None
            raise

    def find_peer(self, **identity: str) -> Peer | None:
        """Return the connection with that identity; one that is being removed only if there is no other.

        Raises:
            AtlasError: When more than one is there.
        """
        matches = [one for one in self.list_peers() if all(one[name] == value for name, value in identity.items())]
        live = [one for one in matches if one["status_name"] != self.provider.terminating]
        if len(live) > 1:
            what = " and ".join(f"{name} {value}" for name, value in identity.items())
            ids = ", ".join(f"{one['id']} ({one['status_name']})" for one in live)
            raise AtlasError(
                f"Group {self._group_id} has {len(live)} VPC peering connections with {what}: {ids}.",
                hint="Say which one with peer_id.",
            )
        return next(iter(live or matches), None)

    def create_peer(self, fields: t.Mapping[str, t.Any]) -> Peer:
        """Request a connection and return it as Atlas describes it then.

        Without a container the body is that of the API's first edition (v1.0): nothing but what was asked for.
        """
        doing = f"create the VPC peering connection to {self.describe(fields)} in group {self._group_id}"
        body = self.provider.to_body(fields, with_provider=fields.get("container_id") is not None)
        return self._to_result(self._client.post(self._path, body, doing), doing, is_write=True)

    def update_peer(self, peer: Peer, fields: t.Mapping[str, t.Any]) -> Peer:
        """Change I(fields) of I(peer). The whole object goes along: without its provider, Atlas takes it for another one."""
        doing = f"update VPC peering connection {peer['id']} of group {self._group_id}"
        body = self.provider.to_body({**peer, **fields})
        return self._to_result(self._client.patch((*self._path, peer["id"]), body, doing), doing, is_write=True)

    def delete_peer(self, peer_id: str) -> None:
        """Ask for the removal of a connection.

        Raises:
            AtlasError: When it is gone, or on its way, already, too: then C(was_overtaken) is set.
        """
        try:
            self._client.delete((*self._path, peer_id), f"delete VPC peering connection {peer_id} of group {self._group_id}")
        except AtlasNotFoundError as error:
            error.was_overtaken = error.error_code in _GONE
            raise
        except AtlasConflictError as error:
            error.was_overtaken = error.error_code == "PEER_ALREADY_REQUESTED_DELETION"
            raise

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


def same_region(wanted: str, current: str | None) -> bool:
    """Whether a reply's region is the wanted one. A null means the container's, which a second look would have to tell."""
    return current is None or current.lower().replace("_", "-") == wanted
