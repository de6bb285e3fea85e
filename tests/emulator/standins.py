"""Customers' networks in stand-ins of the clouds, such as those of `tests/clouds`, which are asked over plain HTTP.

    GET         /clouds                                       all of them: see `_read_vnets` and `_read_networks`
    PUT, DELETE /clouds/gcp/PROJECT/NETWORK                   Atlas's own network; body {"block": …}, that of its container
    PUT, DELETE /clouds/gcp/PROJECT/NETWORK/PEERING           half a peering; body {"project": …, "network": …}
    PUT, DELETE /clouds/azure/SUBSCRIPTION/GROUP/VNET/PEERING body {"prefixes": […], "remote": …}, blocks and VNet of Atlas

A DELETE of what is not there is a success. Stand-ins without one of the clouds leave it out, and it is made up here.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from .azure import MadeUpVNets, VNet, VNetKey
from .clouds import CloudUnreachableError
from .gcp import Network

_SECONDS = 5.0


class StandIns:
    """The clouds' stand-ins at an address. Proxies of the environment are not used.

    Args:
        url: Where they are, http://host:port.
    """

    def __init__(self, url: str) -> None:
        """Prepare; nothing is asked yet."""
        self.url = url
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port

    def read(self) -> dict[str, Any]:
        """Return all that they have.

        Raises:
            CloudUnreachableError: When they do not answer.
        """
        found = self.send("GET")
        if not isinstance(found, dict):
            raise CloudUnreachableError("the stand-ins of the clouds answer nonsense")
        return found

    def send(self, method: str, *segments: str, body: Any = None) -> Any:
        """Send a request, and return what its reply says.

        Raises:
            CloudUnreachableError: When they do not answer, or refuse.
        """
        path = "/".join(["/clouds", *(quote(segment, safe="") for segment in segments)])
        try:
            status, text = self._exchange(method, path, "" if body is None else json.dumps(body))
            if status >= 300:
                raise CloudUnreachableError(f"{method} {path} in the stand-ins of the clouds: HTTP {status}")
            return json.loads(text) if text else None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise CloudUnreachableError(f"the stand-ins of the clouds do not answer: {error}") from error

    def _exchange(self, method: str, path: str, body: str) -> tuple[int, bytes]:
        """Send a request, and return the status and the body of its reply."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_SECONDS)
        try:
            connection.request(method, path, body or None, {"Content-Type": "application/json"} if body else {})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()


class StandInVNets:
    """Azure's virtual networks in stand-ins."""

    slow = True

    def __init__(self, stand_ins: StandIns) -> None:
        """Take where they are."""
        self._stand_ins = stand_ins
        self._made_up = MadeUpVNets()

    def find(self, keys: Sequence[VNetKey]) -> Mapping[VNetKey, VNet]:
        """Return those that are there."""
        listed = self._stand_ins.read().get("azure")
        if listed is None:
            return self._made_up.find(keys)
        there = _read_vnets(listed)
        return {key: there[key] for key in keys if key in there}

    def add_peering(self, key: VNetKey, name: str, blocks: Sequence[str], remote: str) -> None:
        """Make a peering."""
        if "azure" in self._stand_ins.read():
            self._stand_ins.send("PUT", "azure", *key, name, body={"prefixes": list(blocks), "remote": remote})
        else:
            self._made_up.add_peering(key, name, blocks, remote)

    def remove_peering(self, key: VNetKey, name: str) -> None:
        """Remove a peering, if it is there."""
        if "azure" in self._stand_ins.read():
            self._stand_ins.send("DELETE", "azure", *key, name)
        else:
            self._made_up.remove_peering(key, name)


class StandInNetworks:
    """Google Cloud's networks in stand-ins."""

    slow = True

    def __init__(self, stand_ins: StandIns) -> None:
        """Take where they are."""
        self._stand_ins = stand_ins

    def peerings(self) -> Mapping[Network, Sequence[Network]]:
        """Return where the peerings of each network lead."""
        return _read_networks(self._stand_ins.read().get("gcp") or [])

    def add_network(self, network: Network, block: str) -> None:
        """Make a network whose subnets are parts of a block, unless it is there."""
        self._stand_ins.send("PUT", "gcp", *network, body={"block": block})

    def remove_network(self, network: Network) -> None:
        """Remove a network with its peerings, if it is there."""
        self._stand_ins.send("DELETE", "gcp", *network)

    def add_peering(self, network: Network, name: str, peer: Network) -> None:
        """Make one half of a peering, unless it is there."""
        self._stand_ins.send("PUT", "gcp", *network, name, body={"project": peer[0], "network": peer[1]})

    def remove_peering(self, network: Network, name: str) -> None:
        """Remove one half of a peering, if it is there."""
        self._stand_ins.send("DELETE", "gcp", *network, name)


def _read_vnets(listed: Any) -> dict[VNetKey, VNet]:
    """Read `[{subscription_id, resource_group, name, prefixes, is_role_given, peerings: {name: prefixes}}]`."""
    try:
        return {
            (one["subscription_id"].lower(), one["resource_group"].lower(), one["name"].lower()): VNet(
                one["is_role_given"], one["prefixes"], one["peerings"]
            )
            for one in listed
        }
    except (TypeError, KeyError, AttributeError) as error:
        raise CloudUnreachableError(f"the stand-in of Azure answers nonsense: {error!r}") from error


def _read_networks(listed: Any) -> dict[Network, list[Network]]:
    """Read `[{project, name, peerings: [{project, network}]}]`."""
    try:
        return {
            (one["project"], one["name"]): [(peering["project"], peering["network"]) for peering in one["peerings"]]
            for one in listed
        }
    except (TypeError, KeyError) as error:
        raise CloudUnreachableError(f"the stand-in of Google Cloud answers nonsense: {error!r}") from error
