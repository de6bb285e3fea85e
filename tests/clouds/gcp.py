"""GCP's networks with their peerings, as the Compute Engine API v1 shows and changes them.

Sources: the API's own description (compute v1, revision 20261106), and the documentation of VPC Network Peering. An operation has
no time of its own: it ends after a number of requests about its network, so that tests do not wait.
"""

from __future__ import annotations

import ipaddress
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .gcp_network import HIERARCHY, NETWORK, ROOT, Network, show_routes

_NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
_NETWORK = re.compile(r"(?:https://(?:www|compute)\.googleapis\.com/compute/v1/)?projects/([^/]+)/global/networks/([^/]+)")
_FILTER = re.compile(r"""\(?\s*network\s*(=|eq)\s*(["']?)([^"']*?)\2\s*\)?""")
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
        denied: Permissions that the account has nowhere, such as `compute.networks.listPeeringRoutes`.
        hosts: The host projects of the projects that use a shared VPC.
        page_size: How many things a page of a list has at most.
        regions: Those that lists of all regions name, beside those with something in them.
    """

    operation_looks: int = 1
    failure: tuple[str, str] | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    hosts: dict[str, str] = field(default_factory=dict)
    page_size: int = 500
    regions: tuple[str, ...] = ("asia-east1", "europe-west1", "us-central1")
    lock: Any = field(default_factory=threading.RLock, repr=False)
    _networks: dict[Key, Network] = field(default_factory=dict)
    _operations: dict[tuple[str, str], Operation] = field(default_factory=dict)
    _by_request: dict[str, Operation] = field(default_factory=dict)

    def add_network(self, project: str, name: str, **fields: Any) -> None:
        """Make a network, or change what it has beside its peerings, such as `networkFirewallPolicyEnforcementOrder`."""
        with self.lock:
            self._networks.setdefault((project, name), Network(project, name)).fields.update(fields)

    def add_atlas_network(self, project: str, name: str, block: str | None) -> None:
        """Make a network of Atlas, which has a subnet in each region, and each of them a part of a block; unless it is there."""
        with self.lock:
            if (project, name) in self._networks:
                return
            parts = ipaddress.IPv4Network(block).subnets(prefixlen_diff=2) if block else ()
            self.add_network(project, name)
            for region, part in zip(self.regions, parts):
                self.add_subnet(project, name, f"atlas-{region}", region, str(part))

    def add_subnet(
        self,
        project: str,
        network: str,
        name: str,
        region: str,
        block: str,
        secondary: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> None:
        """Make a subnet.

        Args:
            project: The project of the network.
            network: Its name.
            name: The name of the subnet.
            region: Where it is.
            block: Its primary range.
            secondary: Its further ranges, by their names.
            fields: What it has beside, as the API names it.
        """
        with self.lock:
            self._networks[project, network].add_subnet(name, region, block, secondary or {}, fields)

    def add_connector(self, project: str, network: str, block: str) -> None:
        """Make a Serverless VPC Access connector with a range of its own; see `Network`."""
        with self.lock:
            self._networks[project, network].connectors.append(block)

    def add_firewall(self, project: str, network: str, name: str, **fields: Any) -> None:
        """Make a firewall rule; what is left out is as the API's default: priority 1000, INGRESS, all ranges."""
        with self.lock:
            self._networks[project, network].add_firewall(name, fields)

    def add_policy(
        self, project: str, network: str, name: str, rules: Sequence[Mapping[str, Any]], kind: str = NETWORK, **fields: Any
    ) -> None:
        """Make a firewall policy that holds in a network.

        Args:
            project: The project of the network.
            network: Its name.
            name: The name of the policy.
            rules: Its rules as the API has them: `priority`, `direction`, `action`, and `match`, which is all traffic without.
            kind: `NETWORK`, which is global, or `HIERARCHY`, of which the first one made is that of the organization.
            fields: What it has beside.
        """
        with self.lock:
            self._networks[project, network].add_policy(name, rules, kind, fields)

    def add_route(self, project: str, network: str, block: str, region: str | None = None) -> None:
        """Make a route that is none of a subnet, which peers get only if both sides want custom routes.

        Args:
            project: The project of the network.
            network: Its name.
            block: Where it leads.
            region: Where a router has learned it, and where alone it is shown; None for a static one.
        """
        kind = {"type": "STATIC_PEERING_ROUTE"} if region is None else {"type": "DYNAMIC_PEERING_ROUTE", "nextHopRegion": region}
        with self.lock:
            self._networks[project, network].routes.append({"destRange": block, **kind})

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
            found = self._networks.get((project, network))
            if found is not None and all(one["name"] != name for one in found.peerings):
                self.add_peering(project, network, name, peer)
            return found is not None

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
                    "peerings": [dict(zip(("project", "network"), _peer_of(one))) for one in network.peerings],
                }
                for (project, name), network in self._networks.items()
            ]

    def add_peering(self, project: str, network: str, name: str, peer: Key, **fields: Any) -> None:
        """Let somebody make a peering, at once."""
        with self.lock:
            address = f"{ROOT}projects/{peer[0]}/global/networks/{peer[1]}"
            self._networks[project, network].peerings.append(
                {"name": name, "network": address, "exchangeSubnetRoutes": True, **fields}
            )

    def remove_peering(self, project: str, network: str, name: str) -> None:
        """Let somebody remove a peering, at once."""
        with self.lock:
            peerings = self._networks[project, network].peerings
            peerings[:] = [one for one in peerings if one["name"] != name]

    def peerings(self, project: str, network: str) -> list[dict[str, Any]]:
        """Return the peerings of a network as the API shows them."""
        with self.lock:
            return [self._show(one, (project, network)) for one in self._networks[project, network].peerings]

    def operations(self) -> list[Operation]:
        """Return all changes that were begun, those that have ended, too."""
        with self.lock:
            return list(self._operations.values())

    def begin_foreign(self, project: str, network: str, looks: int) -> None:
        """Let somebody else's operation run on a network, for so many requests."""
        with self.lock:
            self._begin((project, network), "updatePeering", None, looks)

    def get_network(self, project: str, name: str, permission: str = "compute.networks.get") -> dict[str, Any]:
        """Answer networks.get."""
        with self.lock:
            key = self._find(project, name, permission)
            self._tick(key)
            peerings = self.peerings(project, name)
            return {**self._networks[key].show(), **({"peerings": peerings} if peerings else {})}

    def list_networks(self, project: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Answer networks.list."""
        with self.lock:
            self._allow("compute.networks.list", f"projects/{project}")
            items = [self.get_network(*key, "compute.networks.list") for key in self._networks if key[0] == project]
            return self._page("compute#networkList", f"projects/{project}/global/networks", items, query)

    def list_peering_routes(self, project: str, name: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Answer networks.listPeeringRoutes: the dynamic routes of the region that is asked for, and all others."""
        with self.lock:
            key = self._find(project, name, "compute.networks.listPeeringRoutes")
            for wanted in ("peeringName", "region", "direction"):
                if not query.get(wanted):
                    raise RefusalError(400, "required", f"Required field '{wanted}' not specified")
            if query["direction"] not in ("INCOMING", "OUTGOING"):
                raise RefusalError(400, "invalid", f"Invalid value for field 'direction': '{query['direction']}'.")
            half = next((one for one in self._networks[key].peerings if one["name"] == query["peeringName"]), None)
            if half is None:
                raise RefusalError(400, "invalid", f"There is no peering '{query['peeringName']}' on the network '{name}'.")
            peer = self._networks.get(_peer_of(half))
            other = self._half_of(peer, self._networks[key].link)
            if peer is None or other is None:
                items = []
            elif query["direction"] == "OUTGOING":
                items = show_routes(self._networks[key], half, other, query["region"])
            else:
                items = show_routes(peer, other, half, query["region"])
            path = f"{self._networks[key].path}/listPeeringRoutes"
            return self._page("compute#exchangedPeeringRoutesList", path, items, query)

    def get_effective_firewalls(self, project: str, name: str) -> dict[str, Any]:
        """Answer networks.getEffectiveFirewalls."""
        with self.lock:
            network = self._networks[self._find(project, name, "compute.networks.getEffectiveFirewalls")]
            policies = sorted(network.policies, key=lambda one: one["type"] != HIERARCHY)
            shown = {"firewalls": network.firewalls, "firewallPolicys": policies}
            return {part: items for part, items in shown.items() if items}

    def get_host(self, project: str) -> dict[str, Any]:
        """Answer projects.getXpnHost, which is empty for a project without one."""
        with self.lock:
            self._allow("compute.projects.get", f"projects/{project}")
            host = self.hosts.get(project)
            return {"kind": "compute#project", **({"name": host} if host is not None else {})}

    def aggregated_subnets(self, project: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Answer subnetworks.aggregatedList."""
        with self.lock:
            self._allow("compute.subnetworks.list", f"projects/{project}")
            if not any(key[0] == project for key in self._networks):
                raise _not_found(f"projects/{project}")
            found = [one for key, network in self._networks.items() if key[0] == project for one in network.subnets]
            if query.get("filter"):
                found = [one for one in found if _is_meant(query["filter"], one["network"])]
            page = self._page("compute#subnetworkAggregatedList", f"projects/{project}/aggregated/subnetworks", found, query)
            inside = page.get("items", [])
            scopes = dict.fromkeys(self.regions) | dict.fromkeys(one["region"].rpartition("/")[2] for one in inside)
            return {**page, "items": {f"regions/{one}": _show_scope(f"regions/{one}", inside) for one in scopes}}

    def _page(self, kind: str, path: str, items: Sequence[Any], query: Mapping[str, str]) -> dict[str, Any]:
        """Return the page of a list that is asked for; a list without anything is left out."""
        size = min(self.page_size, int(query.get("maxResults", "500")) or 500)
        first = int(query.get("pageToken") or 0)
        page: dict[str, Any] = {"kind": kind, "id": path, "selfLink": ROOT + path}
        if items:
            page["items"] = [*items[first : first + size]]
        return {**page, "nextPageToken": str(first + size)} if first + size < len(items) else page

    def _half_of(self, network: Network | None, address: str) -> dict[str, Any] | None:
        """Return the half of a peering that a network has with another one; None if there is none."""
        return next((one for one in network.peerings if one["network"] == address), None) if network is not None else None

    def get_operation(self, project: str, name: str) -> dict[str, Any]:
        """Answer globalOperations.get and wait."""
        with self.lock:
            self._allow("compute.globalOperations.get", f"projects/{project}/global/operations/{name}")
            operation = self._operations.get((project, name))
            if operation is None:
                raise _not_found(f"projects/{project}/global/operations/{name}")
            self._tick(operation.key)
            return operation.to_json()

    def add(self, project: str, network: str, body: Mapping[str, Any], request_id: str | None) -> dict[str, Any]:
        """Answer networks.addPeering."""
        with self.lock:
            key = self._find(project, network, "compute.networks.addPeering")
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
            for one in self._networks[key].peerings:
                if one["name"] == name:
                    text = "There is already a peering with the same name. Enter a different name."
                    raise RefusalError(400, "badRequest", text)
                if _peer_of(one) == peer:
                    text = f"There is already a peering ({one['name']}) with the same network. Select another network."
                    raise RefusalError(400, "badRequest", text)
            full = {**peering, "network": f"{ROOT}projects/{peer[0]}/global/networks/{peer[1]}"}
            return self._begin(key, "addPeering", full, self.operation_looks, request_id).to_json()

    def remove(self, project: str, network: str, body: Mapping[str, Any], request_id: str | None) -> dict[str, Any]:
        """Answer networks.removePeering."""
        with self.lock:
            key = self._find(project, network, "compute.networks.removePeering")
            known = self._repeated(request_id)
            if known is not None:
                return known
            found = next((one for one in self._networks[key].peerings if one["name"] == body.get("name")), None)
            if found is None:
                raise RefusalError(400, "invalid", f"There is no peering '{body.get('name')}' on the network '{network}'.")
            self._refuse_if_busy(key, _peer_of(found))
            if found.get("updateStrategy") == "CONSENSUS":
                raise RefusalError(400, "invalid", "The peering cannot be removed by one side because of its update strategy.")
            return self._begin(key, "removePeering", found["name"], self.operation_looks, request_id).to_json()

    def _allow(self, permission: str, path: str) -> None:
        if permission in self.denied or path.split("/")[1] in self.forbidden:
            raise RefusalError(403, "forbidden", f"Required '{permission}' permission for '{path}'")

    def _find(self, project: str, name: str, permission: str) -> Key:
        path = f"projects/{project}/global/networks/{name}"
        self._allow(permission, path)
        if not any(key[0] == project for key in self._networks):
            raise _not_found(f"projects/{project}")
        if (project, name) not in self._networks:
            raise _not_found(path)
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
            self._networks[operation.key].peerings.append(operation.change)
        elif operation.kind == "removePeering":
            self.remove_peering(*operation.key, operation.change)

    def _show(self, peering: Mapping[str, Any], local: Key) -> dict[str, Any]:
        address = f"{ROOT}projects/{local[0]}/global/networks/{local[1]}"
        is_active = self._half_of(self._networks.get(_peer_of(peering)), address) is not None
        details = "Connected." if is_active else "Waiting for peer network to connect."
        return {
            "updateStrategy": "INDEPENDENT",
            "autoCreateRoutes": True,
            "exportCustomRoutes": False,
            "importCustomRoutes": False,
            "exportSubnetRoutesWithPublicIp": True,
            "importSubnetRoutesWithPublicIp": False,
            "stackType": "IPV4_ONLY",
            "peerMtu": 1460,
            **peering,
            "state": "ACTIVE" if is_active else "INACTIVE",
            "stateDetails": f"[timestamp]: {details}",
        }


def _peer_of(peering: Mapping[str, Any]) -> Key:
    """Return the network that a peering leads to."""
    parts = peering["network"].split("/")
    return parts[-4], parts[-1]


def _is_meant(text: str, network: str) -> bool:
    """Whether a filter means a network: by its URL, or by a regular expression for all of it."""
    found = _FILTER.fullmatch(text.strip())
    if found is None:
        raise RefusalError(400, "invalid", f"Invalid value for field 'filter': '{text}'. Invalid list filter expression.")
    return network == found[3] if found[1] == "=" else re.fullmatch(found[3], network) is not None


def _show_scope(scope: str, subnets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what an aggregated list has of a region."""
    inside = [one for one in subnets if one["region"].endswith(f"/{scope}")]
    if inside:
        return {"subnetworks": inside}
    text = f"There are no results for scope '{scope}' on this page."
    return {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": text, "data": [{"key": "scope", "value": scope}]}}


def _not_found(path: str) -> RefusalError:
    return RefusalError(404, "notFound", f"The resource '{path}' was not found")
