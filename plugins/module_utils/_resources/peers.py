# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""VPC peering connections: their paths, and what a reply has to show."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import (
    AtlasApiError,
    AtlasConflictError,
    AtlasError,
    AtlasNotFoundError,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.regions import same_region

from .providers.aws import AWS
from .providers.provider import Peer, Provider

# 404 with one of these, and with no other, means that the connection is not there. The group may be unknown as well.
_GONE = frozenset(("PEER_NOT_FOUND", "INVALID_PEER_ID"))


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
        # Those whose removal was asked for in a request that got no clear answer.
        self._perhaps_deleted: set[str] = set()

    def list_peers(self) -> list[Peer]:
        """Return all connections with the provider (a list of Atlas holds one provider), those being removed included."""
        doing = f"list the VPC peering connections of project {self._group_id}"
        found = self._client.get_all(self._path, {"providerName": self.provider.name}, doing)
        return [self._to_result(one, doing) for one in found]

    def describe_users(self, container_id: str) -> tuple[str, ...]:
        """Return the connections that use a container, in words; one that is being removed uses it until it is gone."""
        return tuple(
            f"VPC peering connection {peer['id']} ({self.provider.describe(peer)}, {peer['status_name']})"
            for peer in self.list_peers()
            if peer["container_id"] == container_id
        )

    def get_peer(self, peer_id: str) -> Peer | None:
        """Return one connection; None when there is none with that id."""
        doing = f"read VPC peering connection {peer_id} of project {self._group_id}"
        try:
            return self._to_result(self._client.get((*self._path, peer_id), doing), doing)
        except AtlasNotFoundError as error:
            if error.error_code in _GONE:
                return None
            raise

    def create_peer(self, fields: t.Mapping[str, t.Any], home_region: str | None = None) -> Peer:
        """Request a connection and return it as Atlas describes it then.

        Without a container the body is that of the first version of the API (v1.0): nothing but what was asked for.

        Args:
            fields: What it is made of.
            home_region: The region of its container, which a null in the reply stands for, if it is known.
        """
        doing = f"create the VPC peering connection to {self.provider.describe(fields)} in project {self._group_id}"
        body = self.provider.to_body(fields, with_provider=fields.get("container_id") is not None)
        return self._written(self._client.post(self._path, body, doing), fields, home_region, doing)

    def update_peer(self, peer: Peer, fields: t.Mapping[str, t.Any]) -> Peer:
        """Change `fields` of `peer`. The whole object goes along: without its provider, Atlas takes it for another one."""
        doing = f"update VPC peering connection {peer['id']} of project {self._group_id}"
        wanted = {**peer, **fields}
        reply = self._client.patch((*self._path, peer["id"]), self.provider.to_body(wanted), doing)
        return self._written(reply, wanted, None, doing)

    def delete_peer(self, peer_id: str) -> None:
        """Ask for the removal of a connection.

        Raises:
            AtlasError: If it is gone, or on its way, already, too: then `was_overtaken` is set. If an earlier request
                may have done it, that is a success.
        """
        try:
            self._client.delete((*self._path, peer_id), f"delete VPC peering connection {peer_id} of project {self._group_id}")
        except AtlasError as error:
            error.was_overtaken = (isinstance(error, AtlasNotFoundError) and error.error_code in _GONE) or (
                isinstance(error, AtlasConflictError) and error.error_code == "PEER_ALREADY_REQUESTED_DELETION"
            )
            if error.was_overtaken and (error.outcome_unknown or peer_id in self._perhaps_deleted):
                return
            if error.outcome_unknown:
                self._perhaps_deleted.add(peer_id)
            raise

    def _to_result(self, peer: t.Mapping[str, t.Any], doing: str, *, is_write: bool = False) -> Peer:
        """Return a connection with the names of the results.

        Raises:
            AtlasApiError: If the reply is no connection with this provider.
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
            AtlasApiError: If it is not: whether the change was made is unknown then.
        """
        result = self._to_result(reply, doing, is_write=True)
        wanted = {name: sent[name] for name in ("id", *self.provider.writable) if sent.get(name) is not None}
        wanted["provider_name"] = self.provider.name
        if may_be_same_region(wanted.get("accepter_region_name"), result["accepter_region_name"] or home_region):
            wanted.pop("accepter_region_name", None)
        differing = [f"{name} is {result[name]}, not {value}" for name, value in wanted.items() if result[name] != value]
        if differing:
            raise AtlasApiError(
                f"Failed to {doing}: the reply does not show what was sent: {', '.join(differing)}.",
                hint="Look for a proxy that answers in place of Atlas, then run the task again.",
                outcome_unknown=True,
            )
        return result


def may_be_same_region(wanted: str | None, current: str | None) -> bool:
    """Whether a reply's region is the wanted one. A null means the container's, which a second look would have to tell."""
    return wanted is None or current is None or same_region(wanted, current)
