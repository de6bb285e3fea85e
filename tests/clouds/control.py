"""The stand-ins as others than the customers' clients see them, over plain HTTP.

Atlas, which `tests/emulator` plays, looks for its customers' networks; `tests/emulator/standins.py` is the client, and says what
there is. And a person at a shell puts something into a cloud, or takes a permission away: `POST /clouds/azure/CALL` and
`POST /clouds/gcp/CALL`, with the arguments by their names as JSON. The calls are methods of `Azure` and `Gcp`, which describe
them; `settings` sets attributes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .gcp import Gcp
from .threads import in_thread

#: The methods that may be called, by the cloud.
CALLS = {
    "azure": (
        "add_vnet",
        "set_prefixes",
        "remove_vnet",
        "add_subnet",
        "add_nsg",
        "add_route_table",
        "remove_resource",
        "remove_group",
        "add_peering",
        "set_peering",
        "remove_peering",
        "add_role",
    ),
    "gcp": (
        "add_network",
        "discard_network",
        "add_subnet",
        "add_firewall",
        "add_policy",
        "add_route",
        "add_peering",
        "discard_peering",
    ),
}
#: The attributes that may be set.
SETTINGS = ("denied", "forbidden", "operation_looks", "page_size")


class Azure(Protocol):
    """What is asked of Azure's virtual networks. Ids and names are compared without case."""

    def show_vnets(self) -> list[dict[str, Any]]:
        """Return all networks.

        Each has `subscription_id`, `resource_group`, `name`, its `prefixes`, `is_role_given` (whether Atlas's application has the
        four actions there), and `peerings`, by name the prefixes on the other side.
        """

    def put_peering(
        self, subscription: str, group: str, vnet: str, name: str, prefixes: Sequence[str], remote: str | None = None
    ) -> bool:
        """Let Atlas make its peering, unless it is there; False if the network is not."""

    def discard_peering(self, subscription: str, group: str, vnet: str, name: str) -> None:
        """Let Atlas remove a peering, if it is there."""


class Control:
    """Shows all networks, and makes and removes Atlas's half of peerings.

    Args:
        gcp: GCP's networks.
        azure: Azure's; None leaves it out.
    """

    def __init__(self, gcp: Gcp, azure: Azure | None = None) -> None:
        """Keep what is shown."""
        self._gcp, self._azure = gcp, azure

    def app(self) -> Starlette:
        """Return the application."""
        network = "/clouds/gcp/{project}/{network}"
        vnet = "/clouds/azure/{subscription}/{group}/{vnet}/{peering}"
        return Starlette(
            routes=[
                Route("/clouds", self._show, methods=["GET"]),
                Route(network, self._network, methods=["PUT", "DELETE"]),
                Route(f"{network}/{{peering}}", self._peering, methods=["PUT", "DELETE"]),
                Route(vnet, self._vnet_peering, methods=["PUT", "DELETE"]),
                Route("/clouds/{cloud}/{call}", self._call, methods=["POST"]),
            ]
        )

    async def _show(self, request: Request) -> Response:
        shown = {"gcp": await in_thread(self._gcp.show_all)}
        if self._azure is not None:
            shown["azure"] = await in_thread(self._azure.show_vnets)
        return JSONResponse(shown)

    async def _call(self, request: Request) -> Response:
        """Do what a person asks for; a mistake in it is answered with what Python says of it."""
        cloud, call = request.path_params["cloud"], request.path_params["call"]
        target: Any = {"azure": self._azure, "gcp": self._gcp}.get(cloud)
        if target is None or call not in (*CALLS[cloud], "settings"):
            return JSONResponse({"error": f"no such call: {cloud}/{call}", "calls": CALLS}, 404)
        try:
            arguments = json.loads(await request.body() or b"{}")
            if call != "settings":
                return JSONResponse({"result": await in_thread(getattr(target, call), **arguments)})
            if unknown := [name for name in arguments if name not in SETTINGS]:
                raise ValueError(f"no such setting: {unknown[0]}")
            for name, value in arguments.items():
                setattr(target, name, type(getattr(target, name))(value))
            return JSONResponse({"result": None})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return JSONResponse({"error": repr(error)}, 400)

    async def _vnet_peering(self, request: Request) -> Response:
        azure = self._azure
        if azure is None:
            return Response(status_code=404)
        subscription, group, vnet, name = (request.path_params[part] for part in ("subscription", "group", "vnet", "peering"))
        if request.method == "DELETE":
            await in_thread(azure.discard_peering, subscription, group, vnet, name)
            return Response(status_code=204)
        try:
            body = json.loads(await request.body())
            prefixes, remote = [str(one) for one in body["prefixes"]], body.get("remote")
        except (ValueError, TypeError, KeyError):
            return Response(status_code=400)
        is_there = await in_thread(azure.put_peering, subscription, group, vnet, name, prefixes, remote)
        return Response(status_code=204 if is_there else 404)

    async def _network(self, request: Request) -> Response:
        key = request.path_params["project"], request.path_params["network"]
        if request.method == "DELETE":
            await in_thread(self._gcp.discard_network, *key)
            return Response(status_code=204)
        try:
            block = json.loads(await request.body() or b"{}").get("block")
            await in_thread(self._gcp.add_atlas_network, *key, block)
        except (ValueError, AttributeError):
            return Response(status_code=400)
        return Response(status_code=204)

    async def _peering(self, request: Request) -> Response:
        project, network, name = (request.path_params[part] for part in ("project", "network", "peering"))
        if request.method == "DELETE":
            await in_thread(self._gcp.discard_peering, project, network, name)
            return Response(status_code=204)
        try:
            body: dict[str, Any] = json.loads(await request.body())
            peer = str(body["project"]), str(body["network"])
        except (ValueError, TypeError, KeyError):
            return Response(status_code=400)
        is_there = await in_thread(self._gcp.put_peering, project, network, name, peer)
        return Response(status_code=204 if is_there else 404)
