# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What differs between cloud providers in a connection."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass


class Peer(t.TypedDict, total=False):
    """A connection, with the names of the results; what Atlas does not say is None."""

    id: str
    provider_name: str
    container_id: str
    status_name: str
    error_state_name: str | None
    connection_id: str | None
    vpc_id: str
    aws_account_id: str
    route_table_cidr_block: str
    accepter_region_name: str | None


def fields_of(peer: Peer) -> t.Mapping[str, t.Any]:
    """Return the fields of a connection, for names that differ between clouds."""
    return t.cast("t.Mapping[str, t.Any]", peer)


@dataclass(frozen=True)
class PeerFields:
    """The fields of connections with one cloud provider.

    Attributes:
        name: The API's `providerName`.
        identity: The result fields that tell one connection from another within a container; no two live ones there share them.
        writable: The API's name of each field that may be sent, by its name in results.
        read_only: The same for the fields that Atlas alone sets.
    """

    name: str
    identity: tuple[str, ...]
    writable: t.Mapping[str, str]
    read_only: t.Mapping[str, str]

    def to_result(self, peer: t.Mapping[str, t.Any]) -> Peer:
        """Return a connection of the API with the names of the results; Atlas's values are not changed."""
        fields = {**self.read_only, **self.writable}
        result = {name: peer.get(key) for name, key in fields.items()}
        return t.cast("Peer", {**result, "provider_name": peer.get("providerName") or self.name})

    def describe(self, fields: t.Mapping[str, t.Any]) -> str:
        """Return the identity of a connection in words."""
        return ", ".join(str(fields[name]) for name in reversed(self.identity))


@dataclass(frozen=True)
class Provider(PeerFields):
    """What Atlas says of connections with one cloud provider, and of their lives.

    Attributes:
        changeable: The result fields that an update may change; any other difference needs a new connection.
        progress: The states on the way to a working connection, in their order.
        pending: The state that waits for the customer.
        failed: The state of a connection that has failed.
        terminating: The state of a connection that is being removed.
        failure_reasons: What each `error_state_name` means, and what to do.
        accepted_id: The result field with the id under which the customer's cloud knows the connection.
        place: Returns where the customer has to act, given the connection and the region of its network, if that is known.
    """

    changeable: frozenset[str]
    progress: tuple[str, ...]
    pending: str
    failed: str
    terminating: str
    failure_reasons: t.Mapping[str, str]
    accepted_id: str
    place: t.Callable[[Peer, str | None], str]

    def to_body(self, peer: t.Mapping[str, t.Any], *, with_provider: bool = True) -> dict[str, t.Any]:
        """Return the body of a POST or PATCH: the writable fields that have a value, and `providerName`."""
        body = {key: peer[name] for name, key in self.writable.items() if peer.get(name) is not None}
        return {**body, "providerName": self.name} if with_provider else body

    def has_reached(self, peer: Peer, status: str) -> bool:
        """Whether a connection is in a state or beyond it on the way to a working one."""
        present = peer["status_name"]
        return present in self.progress and self.progress.index(present) >= self.progress.index(status)

    def waits_for_customer(self, peer: Peer, goal: str) -> bool:
        """Whether somebody has to accept a connection, which can be accepted by now, before it comes to a state."""
        return peer["status_name"] == self.pending != goal and fields_of(peer)[self.accepted_id] is not None

    def failure_in_words(self, peer: Peer) -> str:
        """Return the state of a connection that has failed, why it has, and what to do about it."""
        reason = peer["error_state_name"] or "no reason given"
        meaning = self.failure_reasons.get(reason)
        return f"{peer['status_name']} ({reason}: {meaning})" if meaning else f"{peer['status_name']} ({reason})"
