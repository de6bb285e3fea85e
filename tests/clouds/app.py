"""The hosts over HTTP: GCP's, which are compute and oauth2.googleapis.com and a machine's metadata server, and those of AZURE."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .azure import Azure
from .azure_app import AzureApp
from .entra import APP_SERVICE, ARM, IMDS
from .gcp import Gcp, RefusalError
from .threads import in_thread
from .tokens import TokenRefusalError, Tokens

COMPUTE, OAUTH, METADATA = "compute.googleapis.com", "oauth2.googleapis.com", "metadata.google.internal"
_NETWORK = "/compute/v1/projects/{project}/global/networks/{network}"
_OPERATION = "/compute/v1/projects/{project}/global/operations/{operation}"
_STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ALREADY_EXISTS"}


def error_body(status: int, reason: str, message: str) -> dict[str, Any]:
    """Return an error as GCP writes it."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    body = {"code": status, "message": message, "errors": errors}
    return {"error": {**body, "status": _STATUSES[status]} if status in _STATUSES else body}


class CloudApp:
    """An ASGI application for all hosts.

    Attributes:
        lose: The ends of the paths whose next reply is lost, after the request was carried out.
        answers: Replies in place of the next ones, by the ends of their paths: the status, and the object.
    """

    def __init__(self, gcp: Gcp, tokens: Tokens, azure: Azure, cut: Callable[[], None]) -> None:
        """Keep what answers.

        Args:
            gcp: GCP's networks.
            tokens: Who may do what there.
            azure: AZURE's VNets and roles.
            cut: Ends all connections at once.
        """
        self._gcp, self._tokens, self._azure, self._cut = gcp, tokens, azure, cut
        self.lose: list[str] = []
        self.answers: list[tuple[str, int, Any]] = []
        compute = [
            Route("/compute/v1/projects/{project}/global/networks", self._list, methods=["GET"]),
            Route(_NETWORK, self._get, methods=["GET"]),
            Route(f"{_NETWORK}/listPeeringRoutes", self._list_routes, methods=["GET"]),
            Route(f"{_NETWORK}/getEffectiveFirewalls", self._firewalls, methods=["GET"]),
            Route("/compute/v1/projects/{project}/aggregated/subnetworks", self._subnets, methods=["GET"]),
            Route("/compute/v1/projects/{project}/getXpnHost", self._host, methods=["GET"]),
            Route(f"{_NETWORK}/addPeering", self._add, methods=["POST"]),
            Route(f"{_NETWORK}/removePeering", self._remove, methods=["POST"]),
            Route(_OPERATION, self._operation, methods=["GET"]),
            Route(f"{_OPERATION}/wait", self._operation, methods=["POST"]),
        ]
        account = "/computeMetadata/v1/instance/service-accounts/{account}"
        metadata = [
            Route("/", self._metadata, methods=["GET"]),
            Route(f"{account}/", self._metadata, methods=["GET"]),
            Route(f"{account}/token", self._metadata, methods=["GET"]),
        ]
        self._azure_hosts = AzureApp(azure).hosts
        self._hosts: dict[str, Any] = {
            **self._azure_hosts,
            COMPUTE: Starlette(routes=compute),
            OAUTH: Starlette(routes=[Route("/token", self._token, methods=["POST"])]),
            METADATA: Starlette(routes=metadata),
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        host = headers.get("host", "").partition(":")[0]
        path = scope["path"]
        if host == "127.0.0.1":
            host = IMDS if path.startswith(("/metadata/identity/", APP_SERVICE)) else METADATA
        log = self._azure.requests if host in self._azure_hosts else self._gcp.requests
        log.append((scope["method"], path if host in (ARM, COMPUTE) else f"{host}{path}"))
        canned = next((one for one in self.answers if path.endswith(one[0])), None)
        if host not in self._hosts:
            answer: Any = Response(status_code=421)
        elif canned is not None:
            self.answers.remove(canned)
            body = canned[2] if isinstance(canned[2], bytes) else json.dumps(canned[2]).encode()
            answer = Response(body, status_code=canned[1], media_type="application/json")
        elif host == COMPUTE and not self._tokens.accepts(headers.get("authorization", "").removeprefix("Bearer ")):
            answer = JSONResponse(error_body(401, "authError", "Invalid Credentials"), 401)
        else:
            answer = self._hosts[host]
        lost = next((one for one in self.lose if path.endswith(one)), None)
        if lost is None:
            await answer(scope, receive, send)
            return

        async def swallow(unused: Any) -> None:
            """Send nothing."""

        self.lose.remove(lost)
        await answer(scope, receive, swallow)
        self._cut()

    async def _answer(self, call: Callable[..., Any], *arguments: Any) -> Response:
        try:
            return JSONResponse(await in_thread(call, *arguments))
        except RefusalError as error:
            return JSONResponse(error_body(error.status, error.reason, error.message), error.status)

    async def _list(self, request: Request) -> Response:
        return await self._answer(self._gcp.list_networks, request.path_params["project"], request.query_params)

    async def _list_routes(self, request: Request) -> Response:
        return await self._answer(self._gcp.list_peering_routes, *request.path_params.values(), request.query_params)

    async def _firewalls(self, request: Request) -> Response:
        return await self._answer(self._gcp.get_effective_firewalls, *request.path_params.values())

    async def _subnets(self, request: Request) -> Response:
        return await self._answer(self._gcp.aggregated_subnets, request.path_params["project"], request.query_params)

    async def _host(self, request: Request) -> Response:
        return await self._answer(self._gcp.get_host, request.path_params["project"])

    async def _get(self, request: Request) -> Response:
        return await self._answer(self._gcp.get_network, *request.path_params.values())

    async def _operation(self, request: Request) -> Response:
        return await self._answer(self._gcp.get_operation, *request.path_params.values())

    async def _add(self, request: Request) -> Response:
        return await self._change(self._gcp.add, request)

    async def _remove(self, request: Request) -> Response:
        return await self._change(self._gcp.remove, request)

    async def _change(self, call: Callable[..., Any], request: Request) -> Response:
        try:
            body = json.loads(await request.body())
        except ValueError:
            return JSONResponse(error_body(400, "parseError", "Parse Error"), 400)
        return await self._answer(call, *request.path_params.values(), body, request.query_params.get("requestId"))

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        try:
            return JSONResponse(self._tokens.exchange(form))
        except TokenRefusalError as error:
            return JSONResponse({"error": error.error, "error_description": error.description}, 400)

    async def _metadata(self, request: Request) -> Response:
        flavor = {"Metadata-Flavor": "Google"}
        if request.headers.get("metadata-flavor") != "Google":
            return Response(status_code=403)
        if request.url.path == "/":
            return Response("computeMetadata/", headers=flavor)
        if request.url.path.endswith("/token"):
            return JSONResponse(self._tokens.issue(kind="machine", account=request.path_params["account"]), headers=flavor)
        scopes = ["https://www.googleapis.com/auth/cloud-platform"]
        return JSONResponse({"email": self._tokens.email, "aliases": ["default"], "scopes": scopes}, headers=flavor)
