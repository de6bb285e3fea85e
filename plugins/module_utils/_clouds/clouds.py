# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of clouds by name, and functions that find the cloud of a connection.

A module's process compiles each file that it imports, so the file of a cloud is imported when the cloud is first looked up.
"""

from __future__ import annotations

import typing as t

from .._values.moments import created_at, to_text
from .cloud import Cloud, Fields, Peer

# The value of the option `provider_name` for all clouds, and the cloud that is meant where none is named. API v1.0 has no other.
ALL: t.Final = "all"
DEFAULT_CLOUD: t.Final = "AWS"
# For argument specs, before a cloud is chosen: the options of a single cloud, by its name; the pairs that must be set together;
# and the options that name a network, one of which is required.
CLOUD_OPTIONS: t.Mapping[str, tuple[str, ...]] = {
    "AWS": ("vpc_id", "aws_account_id", "route_table_cidr_block", "accepter_region_name", "connection_id"),
    "AZURE": ("azure_directory_id", "azure_subscription_id", "resource_group_name", "vnet_name", "vnet_resource_id"),
    "GCP": ("gcp_project_id", "network_name"),
}
ALL_CLOUDS = (*CLOUD_OPTIONS,)
TOGETHER = (("vpc_id", "aws_account_id"), ("gcp_project_id", "network_name"))
ONE_OF = ("vpc_id", "vnet_name", "vnet_resource_id", "network_name")


class _Imported(dict[str, Cloud]):
    """The clouds that are imported, by name: an import statement takes its time, and clouds are looked up for each connection."""

    def __missing__(self, name: str) -> Cloud:
        """Import a cloud. The imports are literal, so that Ansible finds them when it packs a module."""
        if name == "AWS":
            from .aws import AWS as FOUND
        elif name == "AZURE":
            from .azure import AZURE as FOUND
        elif name == "GCP":
            from .gcp import GCP as FOUND
        else:
            raise KeyError(name)
        self[name] = FOUND
        return FOUND


_IMPORTED = _Imported()


class CloudsByName(t.Mapping[str, Cloud]):
    """The clouds by name; the file of a cloud is imported when it is first looked up."""

    def __getitem__(self, name: str) -> Cloud:
        """Return a cloud."""
        return _IMPORTED[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is a cloud with this name; no file is imported."""
        return name in CLOUD_OPTIONS

    def __iter__(self) -> t.Iterator[str]:
        """Yield the names; no file is imported."""
        return iter(CLOUD_OPTIONS)

    def __len__(self) -> int:
        """Return the number of clouds."""
        return len(CLOUD_OPTIONS)


CLOUDS = CloudsByName()


def to_clouds(provider_name: str | None) -> tuple[Cloud, ...]:
    """Return the clouds that the option `provider_name` means; None means the default."""
    return (*CLOUDS.values(),) if provider_name == ALL else (CLOUDS[provider_name or DEFAULT_CLOUD],)


def cloud_of(fields: Fields) -> Cloud:
    """Return the cloud of a connection by its fields, not by `provider_name`, which a reply may have wrong."""
    for name in CLOUD_OPTIONS:
        cloud = _IMPORTED[name]
        if cloud.owner in fields:
            return cloud
    return CLOUDS[DEFAULT_CLOUD]


def identity_of(fields: Fields) -> tuple[str | None, ...]:
    """Return the values that identify a connection within a container, in lower case if the cloud ignores case."""
    cloud = cloud_of(fields)
    values = [fields[name] for name in cloud.identity]
    return tuple([value.lower() if isinstance(value, str) else value for value in values] if cloud.ignores_case else values)


def name_of(fields: Fields) -> str:
    """Return the name of a connection, for users: `account/vpc`, `subscription/group/vnet` or `project/network`."""
    cloud = cloud_of(fields)
    return "/".join(str(fields[name]) for name in cloud.names or cloud.identity if fields.get(name) is not None)


def block_of(fields: Fields) -> str | None:
    """Return the customer's block to which Atlas routes; None if Atlas does not know it."""
    block = cloud_of(fields).block
    return None if block is None else fields.get(block)


def with_request_times(peer: Peer) -> Peer:
    """Return a connection for results: with `requested_at` and `expires_at`, null unless the customer is waited for.

    Both follow from the id, which has the time of the request. In the predicted result of a new connection, there is none yet.
    """
    cloud = cloud_of(peer)
    found: Peer = {**peer, "requested_at": None, "expires_at": None}
    is_pending = cloud.pending is not None and peer["status_name"] == cloud.pending
    requested = created_at(peer.get("id") or "") if is_pending else None
    if requested is not None:
        found["requested_at"] = to_text(requested)
        found["expires_at"] = None if cloud.pending_life is None else to_text(requested + cloud.pending_life)
    return found


def is_leaving(peer: Peer) -> bool:
    """Whether a connection is being removed."""
    return bool(peer["status_name"] == cloud_of(peer).terminating)


def is_failed(peer: Peer) -> bool:
    """Whether a connection, or its removal, has failed."""
    return cloud_of(peer).has_failed(peer)


def is_pending(peer: Peer) -> bool:
    """Whether a connection still waits to be accepted or set up."""
    return peer["status_name"] in cloud_of(peer).progress[:-1]


def for_pending(peers: t.Iterable[Peer], on_aws: str, elsewhere: str) -> str:
    """Return what to do about pending connections.

    Args:
        peers: The existing connections.
        on_aws: The advice if none is pending, or AWS is the only cloud to act in.
        elsewhere: The advice otherwise; the names of the clouds are added.
    """
    pending = {cloud_of(peer).name for peer in peers if is_pending(peer)} or {"AWS"}
    # Clouds where the customer need not act are named only if there are no others.
    names = sorted({name for name in pending if CLOUDS[name].pending is not None} or pending)
    return on_aws if names == ["AWS"] else f"{elsewhere} {' and '.join(names)}"
