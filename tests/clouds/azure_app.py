"""AZURE's hosts over HTTP: Entra's, Microsoft Graph's, Resource Manager's, and those that give a machine its tokens."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .azure import Azure
from .azure_filters import GROUPS, TABLES
from .entra import APP_SERVICE, ARM, GRAPH, IDENTITY_HEADER, IMDS, LOGIN, Entra
from .entra_proofs import AzureRefusalError
from .threads import in_thread

_SUBSCRIPTION = r"(?P<scope>/subscriptions/(?P<subscription>[^/]+)"
_VNETS = "/providers/Microsoft.Network/virtualNetworks"
_VNET = rf"{_SUBSCRIPTION}/resourceGroups/(?P<group>[^/]+){_VNETS}/(?P<vnet>[^/]+))"
_FILTERS = "/providers/Microsoft.Network/(?P<filters>networkSecurityGroups|routeTables)"
_AUTHORIZATION = r"(?P<scope>(?:/.+)?)/providers/Microsoft.Authorization"
#: The versions of each kind of resource that clients of today use, from those that the service knows.
_VERSIONS = {
    "network": frozenset(
        f"{year}-{day}"
        for year, days in {
            2019: ("11-01", "12-01"),
            2020: ("03-01", "04-01", "05-01", "06-01", "07-01", "08-01", "11-01"),
            2021: ("02-01", "03-01", "05-01", "08-01"),
            2022: ("01-01", "05-01", "07-01", "09-01", "11-01"),
            2023: ("02-01", "04-01", "05-01", "06-01", "09-01", "11-01"),
            2024: ("01-01", "03-01", "05-01", "07-01", "10-01"),
            2025: ("01-01", "03-01", "05-01", "07-01"),
            2026: ("03-01",),
        }.items()
        for day in days
    ),
    "resources": frozenset(
        {
            "2016-06-01",
            "2019-10-01",
            "2019-11-01",
            "2020-10-01",
            "2021-04-01",
            "2022-09-01",
            "2022-12-01",
            "2023-07-01",
            "2024-03-01",
        }
    ),
    "denyAssignments": frozenset({"2018-07-01-preview", "2022-04-01"}),
    "roleDefinitions": frozenset({"2015-07-01", "2018-01-01-preview", "2022-04-01", "2022-05-01-preview"}),
    "roleAssignments": frozenset(
        {
            "2015-07-01",
            "2018-01-01-preview",
            "2018-09-01-preview",
            "2020-04-01-preview",
            "2020-08-01-preview",
            "2020-10-01-preview",
            "2022-04-01",
        }
    ),
}

Reply = tuple[int, Any, dict[str, str]]


class AzureApp:
    """The ASGI applications of the hosts.

    Args:
        azure: The VNets and roles; and in `entra`, who there is.
    """

    def __init__(self, azure: Azure) -> None:
        """Keep what answers, and what calls that in a thread."""
        self._azure = azure
        self.hosts = {LOGIN: self._login, GRAPH: self._graph, ARM: self._arm, IMDS: self._machine}
        self._routes: list[tuple[str, str, re.Pattern[str], Callable[..., Reply]]] = [
            (method, kind, re.compile(pattern, re.IGNORECASE), call)
            for method, kind, pattern, call in (
                ("GET", "resources", rf"{_SUBSCRIPTION}/resourceGroups/(?P<group>[^/]+))", self._get_group),
                ("GET", "network", rf"{_SUBSCRIPTION}){_VNETS}", self._list_vnets),
                ("GET", "network", rf"{_SUBSCRIPTION}/resourceGroups/(?P<group>[^/]+)){_VNETS}", self._list_vnets),
                ("GET", "network", _VNET, self._get_vnet),
                ("GET", "resources", "/subscriptions", self._list_subscriptions),
                ("GET", "resources", "/tenants", self._list_tenants),
                ("GET", "network", rf"{_SUBSCRIPTION}){_FILTERS}", self._list_filters),
                ("GET", "network", rf"{_SUBSCRIPTION}/resourceGroups/(?P<group>[^/]+)){_FILTERS}", self._list_filters),
                (
                    "GET",
                    "network",
                    rf"{_SUBSCRIPTION}/resourceGroups/(?P<group>[^/]+)){_FILTERS}/(?P<name>[^/]+)",
                    self._get_filter,
                ),
                ("GET", "network", rf"{_VNET}/subnets", self._list_subnets),
                ("GET", "network", rf"{_VNET}/virtualNetworkPeerings", self._list_peerings),
                ("GET", "network", rf"{_VNET}/virtualNetworkPeerings/(?P<peering>[^/]+)", self._get_peering),
                ("PUT", "network", rf"{_VNET}/virtualNetworkPeerings/(?P<peering>[^/]+)", self._put_peering),
                ("DELETE", "network", rf"{_VNET}/virtualNetworkPeerings/(?P<peering>[^/]+)", self._delete_peering),
                ("GET", "network", r".*/locations/[^/]+/operations/(?P<operation>[^/]+)", self._get_operation),
                ("GET", "roleDefinitions", rf"{_AUTHORIZATION}/roleDefinitions", self._list_definitions),
                ("GET", "roleDefinitions", rf"{_AUTHORIZATION}/roleDefinitions/(?P<name>[^/]+)", self._get_definition),
                ("PUT", "roleDefinitions", rf"{_AUTHORIZATION}/roleDefinitions/(?P<name>[^/]+)", self._put_definition),
                ("DELETE", "roleDefinitions", rf"{_AUTHORIZATION}/roleDefinitions/(?P<name>[^/]+)", self._delete_definition),
                ("GET", "roleAssignments", rf"{_AUTHORIZATION}/roleAssignments", self._list_assignments),
                ("GET", "roleAssignments", rf"{_AUTHORIZATION}/roleAssignments/(?P<name>[^/]+)", self._get_assignment),
                ("GET", "denyAssignments", rf"{_AUTHORIZATION}/denyAssignments", self._list_denials),
                ("PUT", "roleAssignments", rf"{_AUTHORIZATION}/roleAssignments/(?P<name>[^/]+)", self._put_assignment),
                ("DELETE", "roleAssignments", rf"{_AUTHORIZATION}/roleAssignments/(?P<name>[^/]+)", self._delete_assignment),
            )
        ]

    async def _login(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        try:
            reply = JSONResponse(_sign_in(self._azure.entra, request, form))
        except AzureRefusalError as error:
            about = {"error_description": error.message, "error_codes": [int(re.sub(r"\D.*", "", error.message[6:]) or 0)]}
            reply = JSONResponse({"error": error.code, **about, "trace_id": str(uuid.uuid4())}, error.status)
        await reply(scope, receive, send)

    async def _machine(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer IMDS and App Service, which want a header that no browser sends."""
        request = Request(scope, receive)
        is_app_service = request.url.path == APP_SERVICE
        wanted = ("x-identity-header", IDENTITY_HEADER) if is_app_service else ("metadata", "true")
        try:
            if request.headers.get(wanted[0], "").lower() != wanted[1]:
                raise AzureRefusalError(400, "invalid_request", "Required metadata header not specified")
            said, status = self._azure.entra.machine_token(request.query_params, is_app_service=is_app_service), 200
        except AzureRefusalError as error:
            said, status = {"error": error.code, "error_description": error.message}, error.status
        await JSONResponse(said, status)(scope, receive, send)

    async def _graph(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        headers = {"request-id": str(uuid.uuid4())}
        try:
            tenant = self._azure.entra.tenant_of(_token(request), GRAPH)
            if tenant is None:
                raise AzureRefusalError(401, "InvalidAuthenticationToken", "Access token validation failure.")
            status, said = await in_thread(_graph, self._azure.entra, request, await request.body(), tenant)
        except AzureRefusalError as error:
            inner = {"request-id": headers["request-id"], "client-request-id": headers["request-id"]}
            status, said = error.status, {"error": {"code": error.code, "message": error.message, "innerError": inner}}
        await _respond(status, said, headers)(scope, receive, send)

    async def _arm(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        headers = {"x-ms-request-id": str(uuid.uuid4()), "x-ms-correlation-request-id": str(uuid.uuid4())}
        try:
            status, said, more = await in_thread(self._answer, request, await request.body())
        except AzureRefusalError as error:
            status, said, more = error.status, {"error": {"code": error.code, "message": error.message}}, {}
            if error.status == 401:
                login = f"https://{LOGIN}/{self._azure.entra.tenant}"
                more = {"WWW-Authenticate": f'Bearer authorization_uri="{login}", error="invalid_token"'}
        await _respond(status, said, {**headers, **more})(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Reply:
        """Answer a request to ARM, in which slashes may be doubled."""
        if "authorization" not in request.headers:
            text = "Authentication failed. The 'Authorization' header is missing."
            raise AzureRefusalError(401, "AuthenticationFailed", text)
        tenant = self._azure.entra.tenant_of(_token(request), ARM)
        if tenant is None:
            raise AzureRefusalError(401, "InvalidAuthenticationToken", "The access token is invalid.")
        path = re.sub("/+", "/", request.url.path).rstrip("/")
        found = [(one, match) for one in self._routes if (match := one[2].fullmatch(path))]
        if not found:
            raise AzureRefusalError(404, "InvalidResourceType", f"No resource of a known type is at the path {path}.")
        _check_version(found[0][0][1], request.query_params.get("api-version"))
        call = next((one for one in found if one[0][0] == request.method), None)
        if call is None:
            text = f"The requested resource does not support http method '{request.method}'."
            raise AzureRefusalError(405, "MethodNotAllowed", text)
        (_method, kind, _pattern, answer), match = call
        names = match.groupdict()
        if names.get("scope", names.get("subscription")):
            self._azure.check_directory(tenant)
        if kind in ("roleDefinitions", "roleAssignments", "denyAssignments"):
            action = {"GET": "read", "PUT": "write", "DELETE": "delete"}[request.method]
            self._azure.check_scope(names["scope"], f"Microsoft.Authorization/{kind}/{action}")
        return answer(request, _parse(body), {name: value for name, value in names.items() if value is not None})

    def _get_group(self, _request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        return 200, self._azure.get_group(names["subscription"], names["group"]), {}

    def _list_vnets(self, request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        return self._page(request, self._azure.list_vnets(names["subscription"], names.get("group"))["value"])

    def _list_subscriptions(self, request: Request, _body: Any, _names: Mapping[str, str]) -> Reply:
        return self._page(request, self._azure.list_subscriptions())

    def _list_tenants(self, request: Request, _body: Any, _names: Mapping[str, str]) -> Reply:
        return self._page(request, self._azure.list_tenants())

    def _list_filters(self, request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        where = names["subscription"], names.get("group"), _kind(names)
        return self._page(request, self._azure.list_resources(*where, request.query_params["api-version"]))

    def _get_filter(self, request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        where = names["subscription"], names["group"], _kind(names), names["name"]
        return 200, self._azure.get_resource(*where, request.query_params["api-version"]), {}

    def _list_subnets(self, request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        return self._page(request, self._azure.list_subnets(names["subscription"], names["group"], names["vnet"]))

    def _page(self, request: Request, items: Sequence[Any]) -> Reply:
        """Answer with the page of a list that the request asks for, and where the next one is."""
        size, query = self._azure.page_size or len(items), dict(request.query_params)
        first = int(query.pop("$skiptoken", "0"))
        said: dict[str, Any] = {"value": items[first : first + size]}
        if first + size < len(items):
            more = urlencode({**query, "$skiptoken": first + size}, safe="$'(),")
            said["nextLink"] = f"https://{ARM}{request.url.path}?{more}"
        return 200, said, {}

    def _get_vnet(self, _request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        return 200, self._azure.get_vnet(names["subscription"], names["group"], names["vnet"]), {}

    def _list_peerings(self, request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        return self._page(request, self._azure.list_peerings(names["subscription"], names["group"], names["vnet"])["value"])

    def _get_peering(self, _request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        return 200, self._azure.get_peering(names["subscription"], names["group"], names["vnet"], names["peering"]), {}

    def _put_peering(self, request: Request, body: Any, names: Mapping[str, str]) -> Reply:
        where = names["subscription"], names["group"], names["vnet"], names["peering"]
        is_sync = request.query_params.get("syncRemoteAddressSpace", "").lower() == "true"
        return 200, self._azure.update_peering(*where, body, is_sync=is_sync), {}

    def _delete_peering(self, request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        path = self._azure.delete_peering(names["subscription"], names["group"], names["vnet"], names["peering"])
        if path is None:
            return 204, None, {}
        address = f"https://{ARM}{path}?api-version={request.query_params['api-version']}"
        return 202, None, {"Azure-AsyncOperation": address, "Location": address, "Retry-After": "1"}

    def _get_operation(self, _request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        said = self._azure.get_operation(names["operation"])
        return 200, said, {} if said["status"] == "Succeeded" else {"Retry-After": "1"}

    def _list_definitions(self, request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        return self._page(request, self._azure.roles.list_definitions(names["scope"], request.query_params.get("$filter")))

    def _get_definition(self, _request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        return 200, self._azure.roles.get_definition(names["scope"], names["name"]), {}

    def _put_definition(self, _request: Request, body: Any, names: Mapping[str, str]) -> Reply:
        return 201, self._azure.roles.put_definition(names["scope"], names["name"], body), {}

    def _delete_definition(self, _request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        return _gone(self._azure.roles.delete_definition(names["scope"], names["name"]))

    def _list_assignments(self, request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        return self._page(request, self._azure.roles.list_assignments(names["scope"], request.query_params.get("$filter")))

    def _list_denials(self, request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        return self._page(request, self._azure.roles.list_denials(names["scope"], request.query_params.get("$filter")))

    def _get_assignment(self, _request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        return 200, self._azure.roles.get_assignment(names["scope"], names["name"]), {}

    def _put_assignment(self, _request: Request, body: Any, names: Mapping[str, str]) -> Reply:
        is_new, said = self._azure.roles.put_assignment(names["scope"], names["name"], body)
        return 201 if is_new else 200, said, {}

    def _delete_assignment(self, _request: Request, _body: Any, names: Mapping[str, str]) -> Reply:
        return _gone(self._azure.roles.delete_assignment(names["scope"], names["name"]))


def _sign_in(entra: Entra, request: Request, form: Mapping[str, str]) -> dict[str, Any]:
    """Answer what msal asks: the token, where to get it, and which hosts are the same."""
    tenant, _slash, rest = request.url.path.strip("/").partition("/")
    if rest == "discovery/instance":
        metadata = {"preferred_network": LOGIN, "preferred_cache": "login.windows.net", "aliases": [LOGIN, "login.windows.net"]}
        where = f"https://{LOGIN}/{entra.tenant}/v2.0/.well-known/openid-configuration"
        return {"tenant_discovery_endpoint": where, "api-version": "1.1", "metadata": [metadata]}
    if rest == "oauth2/v2.0/token" and request.method == "POST":
        return entra.exchange(tenant, form)
    if rest == "v2.0/.well-known/openid-configuration":
        is_for_all = tenant in ("organizations", "common")
        if not is_for_all:
            entra.check_tenant(tenant)
        base = f"https://{LOGIN}/{tenant}"
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "issuer": f"https://{LOGIN}/{{tenantid}}/v2.0" if is_for_all else f"{base}/v2.0",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        }
    raise AzureRefusalError(404, "invalid_request", f"AADSTS900144: There is nothing at {request.url.path}.")


def _graph(entra: Entra, request: Request, body: bytes, tenant: str) -> tuple[int, Any]:
    """Answer a request to Graph, in which slashes may be doubled."""
    path = re.sub("/+", "/", request.url.path).rstrip("/")
    method, filtered = request.method, request.query_params.get("$filter")
    root = f"https://{GRAPH}/v1.0/$metadata#"
    applications = re.fullmatch(r"/v1\.0/applications(?:/([^/]+))?", path)
    if applications is not None and method == "GET":
        return 200, {"@odata.context": f"{root}applications", "value": entra.list_applications(filtered, applications[1])}
    if path == "/v1.0/directoryObjects/getByIds" and method == "POST":
        return 200, {"@odata.context": f"{root}directoryObjects", "value": entra.get_by_ids(_parse(body), tenant)}
    match = re.fullmatch(r"/v1\.0/servicePrincipals(?:/(?P<id>[^/]+)|\(appId='(?P<app>[^']*)'\))?", path)
    if match is None:
        raise AzureRefusalError(400, "BadRequest", f"Resource not found for the segment '{path.split('/')[-1]}'.")
    context = f"{root}servicePrincipals"
    one = match["id"] or (entra.find(match["app"], tenant) if match["app"] is not None else None)
    if method == "GET" and one is None:
        return 200, {"@odata.context": context, "value": entra.list_principals(filtered, tenant)}
    if method == "POST" and one is None:
        return 201, {"@odata.context": f"{context}/$entity", **entra.create(_parse(body), tenant)}
    if method == "GET" and one is not None:
        return 200, {"@odata.context": f"{context}/$entity", **entra.get(one, tenant)}
    if method == "DELETE" and one is not None:
        entra.delete(one)
        return 204, None
    raise AzureRefusalError(400, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")


def _respond(status: int, said: Any, headers: dict[str, str]) -> Response:
    return Response(status_code=status, headers=headers) if said is None else JSONResponse(said, status, headers)


def _kind(names: Mapping[str, str]) -> str:
    """Return the kind of resource that a path has, as it is written."""
    return GROUPS if names["filters"].lower() == GROUPS.lower() else TABLES


def _gone(said: Any) -> Reply:
    return (204, None, {}) if said is None else (200, said, {})


def _token(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def _parse(body: bytes) -> Any:
    try:
        said = json.loads(body or b"{}")
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise AzureRefusalError(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized.")
    return said


def _check_version(kind: str, version: str | None) -> None:
    if version is None:
        text = "The api-version query parameter (?api-version=) is required for all requests."
        raise AzureRefusalError(400, "MissingApiVersionParameter", text)
    if version not in _VERSIONS[kind]:
        known = ",".join(sorted(_VERSIONS[kind], reverse=True))
        text = f"The resource type could not be found for api version '{version}'. The supported api-versions are '{known}'."
        raise AzureRefusalError(404, "InvalidResourceType", text)
