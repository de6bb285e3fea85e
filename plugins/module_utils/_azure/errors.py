# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors for failed requests to AZURE, with hints, and what counts as absence.

Sources: the common errors of Azure Resource Manager, and the errors of Microsoft Graph.
"""

from __future__ import annotations

import re
import typing as t
from functools import partial
from urllib.parse import unquote, urlsplit

from .._http.errors import (
    CLASS_BY_STATUS,
    TRANSIENT_STATUSES,
    ApiError,
    AuthError,
    OvertakenError,
    as_option,
    error_fields,
    refusal_error,
)
from .._http.exchange import Reply

# The codes of a 404 that say that a VNet does not exist. Any other 404 means that these credentials do not see where it would be,
# as SubscriptionNotFound does.
VNET_ABSENT = frozenset(("ResourceNotFound", "ResourceGroupNotFound"))
GRAPH_HOST = "graph.microsoft.com"
# The identity of a machine answers by 410 while it is updated, for some 70 seconds. Source: "Retry guidance" in Microsoft's
# documentation of managed identities, https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
TRANSIENT_OF_MACHINES = TRANSIENT_STATUSES | {410}
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


def azure_error(description: str, method: str, url: str, reply: Reply, content: object, *, secrets: t.Iterable[str]) -> ApiError:
    """Make the error for a reply of AZURE with an error status.

    Args:
        description: What failed, as a verb phrase.
        method, url: The request.
        reply: The reply.
        content: The parsed JSON of its body; anything but an error object and the text of a gateway counts as no detail.
        secrets: Texts to redact.
    """
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
        secrets=secrets,
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


def wrong_directory(description: str, found: str, wanted: str, hint: str) -> AuthError:
    """Make the error for a token of another directory than the one that is wanted."""
    return AuthError(f"these credentials are of the directory {found}, and not of {wanted}.", description=description, hint=hint)


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
