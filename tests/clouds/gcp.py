"""GCP's networks with their peerings, as the Compute Engine API v1 shows and changes them.

Sources: the API's own description (compute v1, revision 20261106), and the documentation of VPC Network Peering. An operation has
no time of its own: it ends after a number of requests about its network, so that tests do not wait.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ROOT = "https://www.googleapis.com/compute/v1/"
_NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
_NETWORK = re.compile(r"(?:https://(?:www|compute)\.googleapis\.com/compute/v1/)?projects/([^/]+)/global/networks/([^/]+)")
_BUSY = "There is a peering operation in progress on the local or peer network. Try again later."

Key = tuple[str, str]


class RefusalError(Exception):
    """A request that GCP refuses."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        """Keep what the reply says."""
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


@dataclass
class Operation:
    """A change of a network's peerings.

    Attributes:
        key: The network.
        change: The peering that is added, or the name of the one that is removed.
        left: After how many requests it ends.
        failure: The code and the text that it ends with; None if it succeeds.
    """

    name: str
    key: Key
    kind: str
    change: Any
    left: int
    failure: tuple[str, str] | None = None
    is_done: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as the API does."""
        shown: dict[str, Any] = {
            "kind": "compute#operation",
            "id": str(abs(hash(self.name))),
            "name": self.name,
            "operationType": self.kind,
            "targetLink": f"{ROOT}projects/{self.key[0]}/global/networks/{self.key[1]}",
            "selfLink": f"{ROOT}projects/{self.key[0]}/global/operations/{self.name}",
            "status": "DONE" if self.is_done else "RUNNING",
            "progress": 100 if self.is_done else 0,
        }
        if self.is_done and self.failure is not None:
            shown["error"] = {"errors": [{"code": self.failure[0], "message": self.failure[1]}]}
            shown["httpErrorStatusCode"], shown["httpErrorMessage"] = 400, "BAD REQUEST"
        return shown


@dataclass
class Gcp:
    """All projects.

    Attributes:
        operation_looks: How many requests an operation takes.
        failure: What the next operation ends with.
        requests: Method and path of each request, in order.
        forbidden: Projects in which the account may do nothing.
    """

    operation_looks: int = 1
    failure: tuple[str, str] | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)
    lock: Any = field(default_factory=threading.RLock, repr=False)
    _networks: dict[Key, list[dict[str, Any]]] = field(default_factory=dict)
    _operations: dict[tuple[str, str], Operation] = field(default_factory=dict)
    _by_request: dict[str, Operation] = field(default_factory=dict)

    def add_network(self, project: str, name: str) -> None:
        """Make a network."""
        with self.lock:
            self._networks.setdefault((project, name), [])

    def remove_network(self, project: str, name: str) -> None:
        """Remove a network with its peerings."""
        with self.lock:
            del self._networks[project, name]

    def discard_network(self, project: str, name: str) -> None:
        """Remove a network with its peerings, if it is there."""
        with self.lock:
            self._networks.pop((project, name), None)

    def put_peering(self, project: str, network: str, name: str, peer: Key) -> bool:
        """Let somebody make a peering, unless it is there; False if the network is not."""
        with self.lock:
            peerings = self._networks.get((project, network))
            if peerings is not None and all(one["name"] != name for one in peerings):
                self.add_peering(project, network, name, peer)
            return peerings is not None

    def discard_peering(self, project: str, network: str, name: str) -> None:
        """Let somebody remove a peering, if it is there."""
        with self.lock:
            if (project, network) in self._networks:
                self.remove_peering(project, network, name)

    def show_all(self) -> list[dict[str, Any]]:
        """Return all networks, and where their peerings lead."""
        with self.lock:
            return [
                {
                    "project": project,
                    "name": name,
                    "peerings": [dict(zip(("project", "network"), _peer_of(one))) for one in peerings],
                }
                for (project, name), peerings in self._networks.items()
            ]

    def add_peering(self, project: str, network: str, name: str, peer: Key, **fields: Any) -> None:
        """Let somebody make a peering, at once."""
        with self.lock:
            address = f"{ROOT}projects/{peer[0]}/global/networks/{peer[1]}"
            self._networks[project, network].append({"name": name, "network": address, "exchangeSubnetRoutes": True, **fields})

    def remove_peering(self, project: str, network: str, name: str) -> None:
        """Let somebody remove a peering, at once."""
        with self.lock:
            peerings = self._networks[project, network]
            peerings[:] = [one for one in peerings if one["name"] != name]

    def peerings(self, project: str, network: str) -> list[dict[str, Any]]:
        """Return the peerings of a network as the API shows them."""
        with self.lock:
            return [self._show(one, (project, network)) for one in self._networks[project, network]]

    def operations(self) -> list[Operation]:
        """Return all changes that were begun, those that have ended, too."""
        with self.lock:
            return list(self._operations.values())

    def begin_foreign(self, project: str, network: str, looks: int) -> None:
        """Let somebody else's operation run on a network, for so many requests."""
        with self.lock:
            self._begin((project, network), "updatePeering", None, looks)

    def get_network(self, project: str, name: str) -> dict[str, Any]:
        """Answer networks.get."""
        with self.lock:
            key = self._find(project, name)
            self._tick(key)
            address = f"{ROOT}projects/{project}/global/networks/{name}"
            shown = {"kind": "compute#network", "id": "1234567890", "name": name, "selfLink": address}
            peerings = self.peerings(project, name)
            return {**shown, "autoCreateSubnetworks": False, **({"peerings": peerings} if peerings else {})}

    def list_networks(self, project: str) -> dict[str, Any]:
        """Answer networks.list."""
        with self.lock:
            self._allow(project)
            items = [self.get_network(*key) for key in self._networks if key[0] == project]
            return {"kind": "compute#networkList", "id": f"projects/{project}/global/networks", "items": items}

    def get_operation(self, project: str, name: str) -> dict[str, Any]:
        """Answer globalOperations.get and wait."""
        with self.lock:
            self._allow(project)
            operation = self._operations.get((project, name))
            if operation is None:
                raise _not_found(f"projects/{project}/global/operations/{name}")
            self._tick(operation.key)
            return operation.to_json()

    def add(self, project: str, network: str, body: Mapping[str, Any], request_id: str | None) -> dict[str, Any]:
        """Answer networks.addPeering."""
        with self.lock:
            key = self._find(project, network)
            peering = body.get("networkPeering")
            if not isinstance(peering, dict) or peering.get("exchangeSubnetRoutes") is not True:
                raise RefusalError(400, "invalid", "Invalid value for field 'networkPeering.exchangeSubnetRoutes': must be true.")
            name, address = peering.get("name"), _NETWORK.fullmatch(str(peering.get("network")))
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise RefusalError(400, "invalid", f"Invalid value for field 'networkPeering.name': '{name}'.")
            if address is None:
                raise RefusalError(400, "invalid", "Invalid value for field 'networkPeering.network'.")
            peer = (address.group(1), address.group(2))
            known = self._repeated(request_id)
            if known is not None:
                return known
            self._refuse_if_busy(key, peer)
            for one in self._networks[key]:
                if one["name"] == name or _peer_of(one) == peer:
                    raise RefusalError(409, "alreadyExists", f"The peering '{one['name']}' already exists on the network.")
            full = {**peering, "network": f"{ROOT}projects/{peer[0]}/global/networks/{peer[1]}"}
            return self._begin(key, "addPeering", full, self.operation_looks, request_id).to_json()

    def remove(self, project: str, network: str, body: Mapping[str, Any], request_id: str | None) -> dict[str, Any]:
        """Answer networks.removePeering."""
        with self.lock:
            key = self._find(project, network)
            known = self._repeated(request_id)
            if known is not None:
                return known
            found = next((one for one in self._networks[key] if one["name"] == body.get("name")), None)
            if found is None:
                raise RefusalError(400, "invalid", f"There is no peering '{body.get('name')}' on the network '{network}'.")
            self._refuse_if_busy(key, _peer_of(found))
            if found.get("updateStrategy") == "CONSENSUS":
                raise RefusalError(400, "invalid", "The peering cannot be removed by one side because of its update strategy.")
            return self._begin(key, "removePeering", found["name"], self.operation_looks, request_id).to_json()

    def _allow(self, project: str) -> None:
        if project in self.forbidden:
            raise RefusalError(403, "forbidden", f"Required 'compute.networks.get' permission for 'projects/{project}'")

    def _find(self, project: str, name: str) -> Key:
        self._allow(project)
        if not any(key[0] == project for key in self._networks):
            raise _not_found(f"projects/{project}")
        if (project, name) not in self._networks:
            raise _not_found(f"projects/{project}/global/networks/{name}")
        return project, name

    def _running(self) -> list[Operation]:
        return [one for one in self._operations.values() if not one.is_done]

    def _refuse_if_busy(self, *keys: Key) -> None:
        if any(one.key in keys for one in self._running()):
            for key in keys:
                self._tick(key)
            raise RefusalError(400, "badRequest", _BUSY)

    def _repeated(self, request_id: str | None) -> dict[str, Any] | None:
        operation = self._by_request.get(request_id or "")
        return None if operation is None else operation.to_json()

    def _begin(self, key: Key, kind: str, change: Any, looks: int, request_id: str | None = None) -> Operation:
        failure, self.failure = self.failure, None
        operation = Operation(f"operation-{len(self._operations) + 1}", key, kind, change, looks, failure)
        self._operations[key[0], operation.name] = operation
        if request_id:
            self._by_request[request_id] = operation
        return operation

    def _tick(self, key: Key) -> None:
        """Bring the operation of a network forward."""
        for one in self._running():
            if one.key == key:
                one.left -= 1
                if one.left <= 0:
                    one.is_done = True
                    self._finish(one)

    def _finish(self, operation: Operation) -> None:
        if operation.failure is not None:
            return
        if operation.kind == "addPeering":
            self._networks[operation.key].append(operation.change)
        elif operation.kind == "removePeering":
            self.remove_peering(*operation.key, operation.change)

    def _show(self, peering: Mapping[str, Any], local: Key) -> dict[str, Any]:
        address = f"{ROOT}projects/{local[0]}/global/networks/{local[1]}"
        peer = _peer_of(peering)
        others = self._networks.get(peer, [])
        is_active = any(one["network"] == address for one in others)
        details = "Connected." if is_active else "Waiting for peer network to connect."
        return {
            "updateStrategy": "INDEPENDENT",
            **peering,
            "state": "ACTIVE" if is_active else "INACTIVE",
            "stateDetails": f"[timestamp]: {details}",
        }


def _peer_of(peering: Mapping[str, Any]) -> Key:
    """Return the network that a peering leads to."""
    parts = peering["network"].split("/")
    return parts[-4], parts[-1]


def _not_found(path: str) -> RefusalError:
    return RefusalError(404, "notFound", f"The resource '{path}' was not found")
