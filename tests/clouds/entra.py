"""AZURE's directory: who signs in, with which tokens, and the service principals that Microsoft Graph shows and makes.

Sources: the documentation of the Microsoft identity platform (client credentials, its error codes) and of Microsoft Graph v1.0.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: The application that Atlas uses for peering, in AZURE's public cloud.
ATLAS_APPLICATION = "e90a1407-55c3-432d-9cb1-3638900a9d22"
LOGIN, ARM, GRAPH = "login.microsoftonline.com", "management.azure.com", "graph.microsoft.com"

#: What a token is for, by the scope that is asked for.
_AUDIENCES = {
    "https://management.azure.com": ARM,
    "https://management.core.windows.net": ARM,
    "https://graph.microsoft.com": GRAPH,
}
_FILTERS = (
    re.compile(r"servicePrincipalNames/any\(\s*(\w+):\1 eq '([^']*)'\)", re.IGNORECASE),
    re.compile(r"(appId) eq '([^']*)'", re.IGNORECASE),
)


class AzureRefusalError(Exception):
    """A request that AZURE refuses.

    Attributes:
        status: The HTTP status.
        code: What kind of error it is.
        message: What the reply says of it.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        """Keep what the reply says."""
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class Entra:
    """One tenant.

    Attributes:
        tenant: Its id.
        client_id: The application of the user, which may sign in.
        secret: Its secret.
        applications: The applications that exist somewhere, of which service principals can be made.
        is_forbidden: Whether the user may do nothing in Graph.
        hidden_looks: How many lists do not show a service principal that was just made.
        unknown_looks: How many role assignments do not know it.
        issued: The tokens that were given out.
    """

    tenant: str = field(default_factory=lambda: str(uuid.uuid4()))
    client_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    secret: str = field(default_factory=lambda: f"secret~{uuid.uuid4()}")
    applications: dict[str, str] = field(default_factory=lambda: {ATLAS_APPLICATION: "MongoDB Atlas - VNet Peering"})
    is_forbidden: bool = False
    hidden_looks: int = 0
    unknown_looks: int = 0
    issued: list[dict[str, Any]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.RLock, repr=False)
    _principals: dict[str, dict[str, Any]] = field(default_factory=dict)
    _hidden: dict[str, int] = field(default_factory=dict)
    _unknown: dict[str, int] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that sign a client in."""
        return {"AZURE_TENANT": self.tenant, "AZURE_CLIENT_ID": self.client_id, "AZURE_SECRET": self.secret}

    def exchange(self, tenant: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer the token endpoint, for the grant of client credentials.

        Raises:
            AzureRefusalError: If the form does not entitle to a token; its code is the one of RFC 6749.
        """
        self.check_tenant(tenant)
        if form.get("grant_type") != "client_credentials":
            raise AzureRefusalError(400, "unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type.")
        if form.get("client_id") != self.client_id:
            text = (
                f"AADSTS700016: Application with identifier '{form.get('client_id')}' was not found in the directory '{tenant}'."
            )
            raise AzureRefusalError(400, "unauthorized_client", text)
        if form.get("client_secret") != self.secret:
            text = f"AADSTS7000215: Invalid client secret provided. The secret is not the one of the app '{self.client_id}'."
            raise AzureRefusalError(401, "invalid_client", text)
        scope = form.get("scope", "").split(" ")[0]
        audience = _AUDIENCES.get(scope.removesuffix("/.default").rstrip("/"))
        if audience is None:
            text = f"AADSTS500011: The resource principal named {scope} was not found in the tenant named {tenant}."
            raise AzureRefusalError(400, "invalid_resource", text)
        return self.issue(audience)

    def issue(self, audience: str) -> dict[str, Any]:
        """Return the reply to a request for a token, which is a JWT, as Entra's tokens are."""
        claims = {"aud": f"https://{audience}", "tid": self.tenant, "appid": self.client_id, "exp": int(time.time()) + 3599}
        parts = (json.dumps({"typ": "JWT", "alg": "RS256"}).encode(), json.dumps(claims).encode(), uuid.uuid4().bytes * 16)
        token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        self.issued.append({"token": token, "audience": audience})
        return {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}

    def accepts(self, token: str, audience: str) -> bool:
        """Whether a token is good for a host."""
        return {"token": token, "audience": audience} in self.issued

    def check_tenant(self, tenant: str) -> None:
        """Refuse another tenant.

        Raises:
            AzureRefusalError: If it is not this one.
        """
        if tenant.lower() != self.tenant:
            text = f"AADSTS90002: Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
            raise AzureRefusalError(400, "invalid_tenant", text)

    def add_principal(self, app_id: str = ATLAS_APPLICATION) -> str:
        """Let somebody make the service principal of an application; return its object id."""
        return str(self._add({"appId": app_id})["id"])

    def remove_principal(self, app_id: str = ATLAS_APPLICATION) -> None:
        """Let somebody remove it."""
        self.delete(self.principal_of(app_id) or "")

    def principal_of(self, app_id: str = ATLAS_APPLICATION) -> str | None:
        """Return the object id of an application's service principal; None if there is none."""
        with self.lock:
            return next((key for key, one in self._principals.items() if one["appId"] == app_id), None)

    def knows(self, object_id: str) -> bool:
        """Whether a role assignment finds this principal; new ones are not known everywhere at once."""
        with self.lock:
            return object_id == self.client_id or (object_id in self._principals and _is_over(self._unknown, object_id))

    def list_principals(self, filtered: str | None) -> list[dict[str, Any]]:
        """Answer GET servicePrincipals."""
        self._allow()
        with self.lock:
            shown = [one for key, one in self._principals.items() if _is_over(self._hidden, key)]
        if filtered is None:
            return shown
        match = next((found for one in _FILTERS if (found := one.fullmatch(filtered.strip()))), None)
        if match is None:
            raise AzureRefusalError(400, "Request_UnsupportedQuery", f"Unsupported or invalid query filter clause: {filtered}")
        return [one for one in shown if match.group(2).lower() in one["servicePrincipalNames"]]

    def get(self, object_id: str) -> dict[str, Any]:
        """Answer GET servicePrincipals/{id}."""
        self._allow()
        with self.lock:
            if object_id not in self._principals:
                raise _not_found(object_id)
            return self._principals[object_id]

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Answer POST servicePrincipals."""
        self._allow()
        with self.lock:
            app_id = str(body.get("appId")).lower()
            if app_id not in self.applications:
                text = f"The appId '{app_id}' of the service principal does not reference a valid application object."
                raise AzureRefusalError(400, "Request_BadRequest", text)
            if self.principal_of(app_id) is not None:
                text = (
                    "The service principal cannot be created, updated, or restored because the service principal name "
                    f"{app_id} is already in use."
                )
                raise AzureRefusalError(409, "Request_MultipleObjectsWithSameKeyValue", text)
            made = self._add({**body, "appId": app_id})
            self._hidden[made["id"]], self._unknown[made["id"]] = self.hidden_looks, self.unknown_looks
            return made

    def delete(self, object_id: str) -> None:
        """Answer DELETE servicePrincipals/{id}."""
        self._allow()
        with self.lock:
            if self._principals.pop(object_id, None) is None:
                raise _not_found(object_id)

    def _allow(self) -> None:
        if self.is_forbidden:
            raise AzureRefusalError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")

    def _add(self, body: Mapping[str, Any]) -> dict[str, Any]:
        app_id = body["appId"]
        made = {
            "id": str(uuid.uuid4()),
            "accountEnabled": True,
            "appRoleAssignmentRequired": False,
            "notes": None,
            "servicePrincipalType": "Application",
            **{name: value for name, value in body.items() if value is not None},
            "displayName": self.applications.get(app_id, app_id),
            "appDisplayName": self.applications.get(app_id, app_id),
            "servicePrincipalNames": [app_id],
        }
        with self.lock:
            self._principals[made["id"]] = made
        return made


def _is_over(left: dict[str, int], key: str) -> bool:
    """Count a look down; tell whether none was left."""
    is_over = left.get(key, 0) <= 0
    left[key] = left.get(key, 0) - 1
    return is_over


def _not_found(object_id: str) -> AzureRefusalError:
    text = f"Resource '{object_id}' does not exist or one of its queried reference-property objects are not present."
    return AzureRefusalError(404, "Request_ResourceNotFound", text)
