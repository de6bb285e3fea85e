# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which cloud a connection of a set is with. Pure."""

from __future__ import annotations

import typing as t

from .._resources.peers import PROVIDERS
from .._resources.providers.aws import AWS
from .._resources.providers.provider import Peer, Provider, fields_of

# What names a connection, where that is more than its identity.
_NAMES = {"AZURE": ("azure_subscription_id", "resource_group_name", "vnet_name")}


def to_clouds(provider_name: str | None) -> tuple[Provider, ...]:
    """Return the cloud providers that a value of the option `provider_name` means."""
    return (*PROVIDERS.values(),) if provider_name == "all" else (PROVIDERS[provider_name or AWS.name],)


def cloud_of(fields: t.Mapping[str, t.Any]) -> Provider:
    """Return the cloud provider of a connection, by the fields that it has: what a reply says of its provider may be anything."""
    return next((cloud for cloud in PROVIDERS.values() if cloud.identity[0] in fields), AWS)


def provider_of(peer: Peer) -> Provider:
    """Return the cloud provider of a connection."""
    return cloud_of(fields_of(peer))


def identity_of(fields: t.Mapping[str, t.Any]) -> tuple[str | None, ...]:
    """Return what tells a connection from others within a container; names that the cloud compares without case are alike."""
    cloud = cloud_of(fields)
    values = (fields[name] for name in cloud.identity)
    return tuple(value.lower() if cloud.ignores_case and isinstance(value, str) else value for value in values)


def name_of(fields: t.Mapping[str, t.Any]) -> str:
    """Return the name of a connection, for users: `account/vpc`, `subscription/group/vnet` or `project/network`."""
    cloud = cloud_of(fields)
    return "/".join(str(fields[name]) for name in _NAMES.get(cloud.name, cloud.identity) if fields.get(name) is not None)


def is_leaving(peer: Peer) -> bool:
    """Whether a connection is being removed."""
    return bool(peer["status_name"] == provider_of(peer).terminating)


def is_failed(peer: Peer) -> bool:
    """Whether a connection has failed, or its removal."""
    return provider_of(peer).has_failed(peer)


def is_pending(peer: Peer) -> bool:
    """Whether a connection is on its way: it is accepted, or set up."""
    return peer["status_name"] in provider_of(peer).progress[:-1]


def for_pending(peers: t.Iterable[Peer], on_aws: str, elsewhere: str) -> str:
    """Return what is to be done with pending connections.

    Args:
        peers: The connections that are there.
        on_aws: What to do if those that are pending are with AWS.
        elsewhere: The same for other clouds, whose names follow.
    """
    pending = {provider_of(peer).name for peer in peers if is_pending(peer)} or {AWS.name}
    # On AZURE nobody has to act, so that it is named only if it is the only one.
    names = sorted({name for name in pending if PROVIDERS[name].pending is not None} or pending)
    return on_aws if names == [AWS.name] else f"{elsewhere} {' and '.join(names)}"
