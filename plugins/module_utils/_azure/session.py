# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session of one task with AZURE: it sends requests to Azure Resource Manager (ARM) and Microsoft Graph, and makes errors.

Sources: the common errors of Azure Resource Manager, and the errors of Microsoft Graph.
"""

from __future__ import annotations

import re
import typing as t
from contextlib import closing
from functools import partial
from urllib.parse import quote, unquote, urlencode, urlsplit

from .._clouds.azure import AZURE
from .._engine.operation import Warn, find_library
from .._engine.options import Parameters
from .._http.errors import (
    CLASS_BY_STATUS,
    TRANSIENT_STATUSES,
    ApiError,
    AuthError,
    NotFoundError,
    OvertakenError,
    as_option,
    error_fields,
    refusal_error,
)
from .._http.exchange import Reply
from .._http.session import CloudSession
from .._http.transport import REQUESTS_IMPORT_ERROR
from .._values.json_fields import objects_in
from .auth import Tokens

HOST = "management.azure.com"
GRAPH_HOST = "graph.microsoft.com"
# Another client has made the object since it was read.
_OVERTAKEN = frozenset(("RoleAssignmentExists", "RoleDefinitionWithSameNameExists", "Request_MultipleObjectsWithSameKeyValue"))
# The codes of a 404 that say that what a DELETE is for is gone.
_GONE = frozenset(("RoleAssignmentNotFound", "RoleDefinitionDoesNotExist"))
# 403 with these codes is about a permission; others name a policy or a lock.
_LACKS_PERMISSION = frozenset(("AuthorizationFailed", "LinkedAuthorizationFailed", "Authorization_RequestDenied", ""))
_WRONG_DIRECTORY = "InvalidAuthenticationTokenTenant"
_ISSUER = re.compile(r"sts\.windows\.net/([0-9A-Fa-f-]{36})")
_DENIED = 403
_VERBS = {"GET": "read", "PUT": "write", "POST": "write", "PATCH": "write", "DELETE": "delete"}
_HINTS = {
    401: "Check the clock of the host that the task runs on, and the credentials, then run the task again.",
    404: "Check the subscription, the resource group and the name.",
}
_SUBSCRIPTION_HINT = (
    "These credentials do not see this subscription: check its id, and that they have a role in it, such as Reader on the VNet."
)


class AzureDeniedError(AuthError):
    """AZURE accepts the credentials, but denies the request.

    Attributes:
        permission: The missing permission, as roles name it; of Graph, its application permission.
    """

    def __init__(self, message: str, *, permission: str = "", **fields: t.Any) -> None:
        super().__init__(message, **fields)
        self.permission = permission


# azure-identity is not loaded yet, which takes half a second.
LIBRARIES = (("requests", REQUESTS_IMPORT_ERROR), find_library("azure-identity"))


class AzureSession(CloudSession):
    """The requests of one task to AZURE, with the options that `credentials.check_credentials` returns. Thread-safe.

    Tokens are of the directory `directory_id`; without it, of that of the credentials.
    """

    service = AZURE.name
    host = HOST

    def _sign_in(self, params: Parameters) -> Tokens:
        return Tokens(params, self._send_for_token, self._retry.time_left)

    def read(self, description: str, path: str, api_version: str | None = None) -> dict[str, object]:
        """Read an object, with retries after transient failures, until the deadline if there is one.

        Args:
            description: What it is for, as a verb phrase.
            path: Its path: its id in ARM, or what follows the version in Graph.
            api_version: The version of ARM's API for it; None for Graph.

        Raises:
            TaskError: If it fails.
        """
        return self._read(description, _url(path, api_version))

    def find(
        self, absent: t.Container[str | None], description: str, path: str, api_version: str | None = None
    ) -> dict[str, object] | None:
        """Read an object as `read` does, and return None for a 404 with one of the codes in `absent`."""
        try:
            return self.read(description, path, api_version)
        except NotFoundError as error:
            if error.error_code in absent:
                return None
            raise

    def list(
        self, description: str, path: str, api_version: str | None = None, query: t.Mapping[str, str] | None = None
    ) -> list[dict[str, object]]:
        """Read all objects of a list, on all its pages.

        Args:
            description, path, api_version: As for `read`.
            query: More parameters of the query.

        Raises:
            TaskError: If a page cannot be read, or is not a list of objects.
        """
        url = _url(path, api_version, query)
        pages = self._pages(description, url, lambda page: _next_page(page, url))
        read = partial(objects_in, key="value", is_always_there=True)
        return [dict(one) for page in pages for one in self.parsed(read, page, description)]

    def write(
        self, description: str, method: str, path: str, api_version: str | None = None, body: t.Mapping[str, object] | None = None
    ) -> dict[str, object]:
        """Send a request that changes something, once, and return the object in the reply; empty for none after a DELETE.

        Args:
            description: What it does, as a verb phrase.
            method: The HTTP method.
            path, api_version: As for `read`.
            body: The body, sent as JSON.

        Raises:
            TaskError: If it fails; with `outcome_unknown` if AZURE may have carried it out.
        """
        return self._answer(description, method, _url(path, api_version), body)

    def _refusal(self, description: str, method: str, url: str, reply: Reply, content: object) -> ApiError:
        fields, status = error_fields(content), reply.status
        code = fields.get("code") if isinstance(fields.get("code"), str) else None
        detail = str(fields.get("message") or "")
        kind: t.Callable[..., ApiError] = CLASS_BY_STATUS.get(status, ApiError)
        hint = _HINTS.get(status)
        if code in _OVERTAKEN or (method == "DELETE" and code in _GONE):
            kind, hint = OvertakenError, None
        elif code == _WRONG_DIRECTORY:
            hint = _directory_hint(detail)
        elif code == "SubscriptionNotFound":
            hint = _SUBSCRIPTION_HINT
        elif status == _DENIED:
            permission = permission_for(method, url)
            kind = partial(AzureDeniedError, permission=permission)
            hint = _denied_hint(url, permission) if (code or "") in _LACKS_PERMISSION else None
        return refusal_error(
            kind,
            description,
            status,
            code,
            detail,
            is_write=method != "GET",
            secrets=self.secrets,
            hint=hint,
            is_transient=status in TRANSIENT_STATUSES,
            retry_after=reply.retry_after,
        )


def permission_for(method: str, url: str) -> str:
    """Return the permission that a request needs: an action in ARM, an application permission in Graph.

    An action has the types of the objects in the path, without their names: those after the last `/providers/`.
    """
    if urlsplit(url).hostname == GRAPH_HOST:
        return "Application.Read.All" if method == "GET" else "Application.ReadWrite.All"
    namespace, *parts = unquote(urlsplit(url).path).rpartition("/providers/")[2].split("/")
    return "/".join((namespace, *parts[::2], _VERBS[method]))


def _directory_hint(detail: str) -> str:
    """Return what to do about a token of another directory; AZURE's text has that of the token, and then the right one."""
    found = _ISSUER.findall(detail)
    where = f", {found[1]}" if len(found) > 1 else ""
    way = f"set azure_directory_id, or {as_option('tenant')}, or other credentials"
    return f"Sign in to the directory of the subscription{where}: {way}."


def _denied_hint(url: str, permission: str) -> str:
    if urlsplit(url).hostname == GRAPH_HOST:
        role = "Directory Readers" if permission == "Application.Read.All" else "Cloud Application Administrator"
        return f"Give these credentials the permission {permission} in Microsoft Graph, or the role {role} in the directory."
    return f"Give these credentials a role with {permission} there; the documentation of the module has all actions."


def _url(path: str, api_version: str | None, query: t.Mapping[str, str] | None = None) -> str:
    """Return the address of an object of ARM, or of Graph, which has no versions."""
    root = f"https://{HOST}/" if api_version else f"https://{GRAPH_HOST}/v1.0/"
    parameters = {**({"api-version": api_version} if api_version else {}), **(query or {})}
    # In Graph, a key stands in the path as (appId='…').
    where = quote(path.lstrip("/"), safe="/()='")
    return f"{root}{where}" + (f"?{urlencode(parameters, quote_via=quote)}" if parameters else "")


def _next_page(page: dict[str, object], first: str) -> str | None:
    """Return the address of the next page, which is at the host of the first one."""
    link = page.get("nextLink") or page.get("@odata.nextLink")
    if link is None:
        return None
    root = f"https://{urlsplit(first).hostname}"
    # Some of ARM's services write the port, too.
    if not isinstance(link, str) or not link.startswith((f"{root}/", f"{root}:443/")):
        raise ValueError(f"has a link to a next page that does not begin with {root}/")
    return link


def connect(params: Parameters, unused_warn: Warn, /) -> t.ContextManager[AzureSession]:
    """Return a session for the options, with tokens of `azure_directory_id`, which is closed at the end of a with statement."""
    return closing(AzureSession({**params, "directory_id": params["azure_directory_id"]}))
