# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of a declared list of VPC peering connections: each is the options of one connection."""

from __future__ import annotations

import copy
import typing as t
from dataclasses import dataclass

from .._clouds.aws import AWS
from .._clouds.cloud import PROVIDERS, Provider, identity_of, name_of
from .._engine.options import Parameters
from .._http.errors import AtlasError

FIELDS = (
    "aws_account_id",
    "vpc_id",
    "route_table_cidr_block",
    "accepter_region_name",
    "azure_directory_id",
    "azure_subscription_id",
    "resource_group_name",
    "vnet_name",
    "gcp_project_id",
    "network_name",
    "container_id",
    "container_region_name",
)
OPTIONS = frozenset((*FIELDS, "vnet_resource_id", "provider_name"))


@dataclass(frozen=True)
class Entry:
    """One entry.

    Attributes:
        index: Its place in the list, from 0.
        params: The options of the task and of the entry, as the planner of one connection takes them.
        provider: Its cloud provider.
    """

    index: int
    params: Parameters
    provider: Provider = AWS

    @property
    def key(self) -> str:
        """Its name in messages: `peers[3]`."""
        return f"peers[{self.index}]"

    @property
    def identity(self) -> tuple[str | None, ...]:
        """What makes it the same as another one, beside its container, as results have it."""
        return identity_of(self._named)

    @property
    def name(self) -> str:
        """The name of its connection, for users."""
        return name_of(self._named)

    @property
    def _named(self) -> dict[str, t.Any]:
        return {name: self.params.get(name) for name in self.provider.writable}

    @property
    def container(self) -> tuple[str, str] | None:
        """The option that names the network container, and its value; None if the entry leaves it open."""
        names = ("container_id", "container_region_name")
        return next(((name, self.params[name]) for name in names if self.params[name] is not None), None)

    @property
    def goal(self) -> str:
        """The state to wait for, in Atlas's words; a cloud that has no state of waiting for the customer goes on to the end."""
        return self.provider.goal(self.params["wait_for"])

    def named(self, error: AtlasError) -> AtlasError:
        """Return a copy of an error of a single connection, with the name of the entry before its message."""
        text, named = str(error), copy.copy(error)
        is_option = text.split(" ", 1)[0].rstrip(":") in OPTIONS
        named.args = (f"{self.key}.{text}" if is_option else f"{self.key} ({self.name}): {text}",)
        return named


def to_entries(params: Parameters) -> tuple[Entry, ...]:
    """Return the entries of the checked options of a task."""
    entries = []
    for index, one in enumerate(params["peers"]):
        provider = PROVIDERS[one["provider_name"]]
        wait_for = one["wait_for"] or params["wait_for"]
        entries.append(Entry(index, {**params, **one, "wait_for": wait_for, "peer_id": None, "state": "present"}, provider))
    return tuple(entries)
