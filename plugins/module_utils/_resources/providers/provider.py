# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

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


Fields = t.Mapping[str, t.Any]


def fields_of(peer: Peer) -> Fields:
    """Return the fields of a connection, for names that differ between clouds."""
    return t.cast("t.Mapping[str, t.Any]", peer)


class CustomerTask(t.NamedTuple):
    """What somebody has to do in the customer's cloud before a connection goes on.

    Attributes:
        to_do: The task as a request.
        hint: The same, and what to do afterwards.
    """

    to_do: str
    hint: str


@dataclass(frozen=True)
class Provider:
    """What Atlas says of connections with one cloud provider, and of their lives.

    Attributes:
        name: The API's `providerName`.
        identity: The result fields that tell one connection from another within a container; no two live ones there share them.
        writable: The API's name of each field that may be sent, by its name in results.
        read_only: The same for the fields that Atlas alone sets.
        network: What the customer's network is called.
        required: The result fields without which none can be created.
        changeable: The result fields that an update may change; any other difference needs a new connection.
        progress: The states on the way to a working connection, in their order.
        pending: The state that waits for the customer; None if there is none.
        failed: The state of a connection that has failed.
        terminating: The state of a connection that is being removed.
        failure_reasons: What each `error_state_name` means, and what to do.
        accepted_id: The result field with the id under which the customer's cloud knows the connection; None if it has none.
        customer_task: Returns what the customer has to do, given the connection, the region of its network, and its container; as
            far as these are known.
        handover: Returns what whoever acts in the customer's cloud needs, given the connection (or the options for it), its
            container as far as it is known, and whether Atlas is the government's. The keys are always the same.
        removal_failed: The state of a connection whose removal has failed; None if there is none.
        removal_advice: What to do about such a one.
        lost: Why a connection that worked may have failed; empty if Atlas leaves such ones alone.
        block: The result field with the customer's block to which Atlas routes; None if Atlas is not told.
        region: The result field with the region of the customer's network, null for that of the container; None if there is none.
        ignores_case: Whether the values of fields are the same in upper and lower case.
        role_codes: The error codes of a creation that mean that Atlas has no rights, perhaps not yet, in the customer's cloud.
        has_names: Whether the customer needs the names of the container's own network, which Atlas makes with a first connection.
        lists_all: Whether containers are read with the list of all clouds.
    """

    name: str
    identity: tuple[str, ...]
    writable: t.Mapping[str, str]
    read_only: t.Mapping[str, str]
    network: str
    required: tuple[str, ...]
    changeable: frozenset[str]
    progress: tuple[str, ...]
    pending: str | None
    failed: str
    terminating: str
    failure_reasons: t.Mapping[str, str]
    accepted_id: str | None
    customer_task: t.Callable[[Peer, str | None, Fields | None], CustomerTask]
    handover: t.Callable[[Fields, Fields | None, bool], dict[str, t.Any]]
    removal_failed: str | None = None
    removal_advice: str = ""
    lost: str = ""
    block: str | None = None
    region: str | None = None
    ignores_case: bool = False
    role_codes: frozenset[str] = frozenset()
    has_names: bool = False
    lists_all: bool = True

    @property
    def states(self) -> tuple[str, ...]:
        """All states, on the way to a working connection first."""
        removal_failed = () if self.removal_failed is None else (self.removal_failed,)
        return (*self.progress, self.failed, self.terminating, *removal_failed)

    @property
    def labels(self) -> tuple[str, ...]:
        """The result fields that describe the customer's network beside its identity, and cannot be changed."""
        others = (*self.identity, "container_id", self.region)
        return tuple(name for name in self.writable if name not in others and name not in self.changeable)

    def goal(self, wait_for: str | None) -> str:
        """Return the state that a value of the option `wait_for` stands for; without one, Atlas has done its part then."""
        if wait_for == "available":
            return self.progress[-1]
        return self.pending or self.progress[-1]

    def is_same(self, value: t.Any, other: t.Any) -> bool:
        """Whether two values of a field are the same."""
        if self.ignores_case and isinstance(value, str) and isinstance(other, str):
            return value.casefold() == other.casefold()
        return bool(value == other)

    def differing(self, wanted: Fields, current: Fields) -> tuple[str, ...]:
        """Return the names of the wanted fields that a connection has with another value; sorted."""
        return tuple(sorted(name for name, value in wanted.items() if not self.is_same(value, current.get(name))))

    def to_result(self, peer: t.Mapping[str, t.Any]) -> Peer:
        """Return a connection of the API with the names of the results; Atlas's values are not changed."""
        fields = {**self.read_only, **self.writable}
        result = {name: peer.get(key) for name, key in fields.items()}
        return t.cast("Peer", {**result, "provider_name": peer.get("providerName") or self.name})

    def describe(self, fields: t.Mapping[str, t.Any]) -> str:
        """Return the identity of a connection in words."""
        return ", ".join(str(fields[name]) for name in reversed(self.identity))

    def to_body(self, peer: t.Mapping[str, t.Any], *, with_provider: bool = True) -> dict[str, t.Any]:
        """Return the body of a POST or PATCH: the writable fields that have a value, and `providerName`."""
        body = {key: peer[name] for name, key in self.writable.items() if peer.get(name) is not None}
        return {**body, "providerName": self.name} if with_provider else body

    def has_reached(self, peer: Peer, status: str) -> bool:
        """Whether a connection is in a state or beyond it on the way to a working one."""
        present = peer["status_name"]
        return present in self.progress and self.progress.index(present) >= self.progress.index(status)

    def has_failed(self, peer: Peer) -> bool:
        """Whether a connection will not come to work any more, and has to be removed."""
        return peer["status_name"] in (self.failed, self.removal_failed)

    def waits_for_customer(self, peer: Peer, goal: str) -> bool:
        """Whether the customer has to act, and can by now, before a connection comes to a state."""
        is_known = self.accepted_id is None or fields_of(peer)[self.accepted_id] is not None
        return self.pending is not None and peer["status_name"] == self.pending != goal and is_known

    def failure_in_words(self, peer: Peer) -> str:
        """Return the state of a connection that has failed, why it has, and what to do about it."""
        reason = peer["error_state_name"] or "no reason given"
        meaning = self.failure_reasons.get(reason)
        return f"{peer['status_name']} ({reason}: {meaning})" if meaning else f"{peer['status_name']} ({reason})"
