"""AZURE's directory: who signs in, with which tokens, and the service principals that Microsoft Graph shows and makes.

Sources: the documentation of the Microsoft identity platform (client credentials, its error codes) and of Microsoft Graph v1.0.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .entra_proofs import AzureRefusalError, Proofs, machine_token
from .tokens import encode

#: The application that Atlas uses for peering, in AZURE's public cloud.
ATLAS_APPLICATION = "e90a1407-55c3-432d-9cb1-3638900a9d22"
LOGIN, ARM, GRAPH = "login.microsoftonline.com", "management.azure.com", "graph.microsoft.com"
#: What a machine asks for tokens, and where App Service answers there, to those who send its header.
IMDS, APP_SERVICE, IDENTITY_HEADER = "169.254.169.254", "/msi/token", "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a"

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


#: What stands for all principals.
EVERYONE = "00000000-0000-0000-0000-000000000000"


@dataclass
class Entra:
    """One tenant.

    Attributes:
        tenant: Its id.
        client_id: The application of the user, which may sign in.
        secret: Its secret.
        applications: The applications that exist somewhere, of which service principals can be made.
        proofs: What proves who the user is: the secret, a certificate, or a token of another issuer.
        machine_id: The client id of the identity of a machine, which signs in without any secret; None if it has none.
        machine_tenant: The tenant of that identity; None for this one.
        others: The ids of other tenants in which the user may sign in.
        is_forbidden: Whether the user may do nothing in Graph.
        is_read_only: Whether the user may change nothing in Graph.
        strays: The service principals that were made in other tenants.
        hidden_looks: How many lists do not show a service principal that was just made.
        unknown_looks: How many role assignments do not know it.
        is_type_believed: Whether an assignment that says the type of its principal needs not know it, as is documented.
        issued: The tokens that were given out.
    """

    tenant: str = field(default_factory=lambda: str(uuid.uuid4()))
    client_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    secret: str = field(default_factory=lambda: f"secret~{uuid.uuid4()}")
    applications: dict[str, str] = field(default_factory=lambda: {ATLAS_APPLICATION: "MongoDB Atlas - VNet Peering"})
    proofs: Proofs = field(init=False)
    machine_id: str | None = None
    machine_tenant: str | None = None
    others: list[str] = field(default_factory=list)
    is_forbidden: bool = False
    is_read_only: bool = False
    strays: list[str] = field(default_factory=list)
    hidden_looks: int = 0
    unknown_looks: int = 0
    is_type_believed: bool = True
    issued: list[dict[str, Any]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.RLock, repr=False)
    _principals: dict[str, dict[str, Any]] = field(default_factory=dict)
    _groups: dict[str, set[str]] = field(default_factory=dict)
    _hidden: dict[str, int] = field(default_factory=dict)
    _unknown: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Know the user's secret."""
        self.proofs = Proofs(self.client_id, self.secret)

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that sign a client in."""
        return {"AZURE_TENANT": self.tenant, "AZURE_CLIENT_ID": self.client_id, "AZURE_SECRET": self.secret}

    def exchange(self, tenant: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer the token endpoint, for the grant of client credentials, whatever proves who the client is.

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
        self.proofs.check(form, f"https://{LOGIN}/{tenant}/oauth2/v2.0/token")
        scope = form.get("scope", "").split(" ")[0]
        audience = _AUDIENCES.get(scope.removesuffix("/.default").rstrip("/"))
        if audience is None:
            text = f"AADSTS500011: The resource principal named {scope} was not found in the tenant named {tenant}."
            raise AzureRefusalError(400, "invalid_resource", text)
        return self.issue(audience, tenant)

    def machine_token(self, query: Mapping[str, str], *, is_app_service: bool) -> dict[str, Any]:
        """Answer IMDS and App Service, for the identity of the machine.

        Args:
            query: The request's: `resource`, and perhaps the `client_id` of an identity.
            is_app_service: Whether App Service answers.

        Raises:
            AzureRefusalError: If it has no such identity, or the resource is none.
        """
        resource = query.get("resource", "")
        audience = _AUDIENCES.get(resource.rstrip("/"))
        if self.machine_id is None or query.get("client_id", self.machine_id) != self.machine_id:
            raise AzureRefusalError(400, "invalid_request", "Identity not found")
        if audience is None:
            raise AzureRefusalError(
                400, "invalid_resource", f"AADSTS500011: The resource principal named {resource} was not found."
            )
        issued = self.issue(audience, self.machine_tenant or self.tenant, self.machine_id)
        return machine_token(issued, self.machine_id, resource, is_app_service=is_app_service)

    def issue(self, audience: str, tenant: str | None = None, client_id: str | None = None) -> dict[str, Any]:
        """Return the reply to a request for a token, which is a JWT, as Entra's tokens are."""
        tenant, now = (tenant or self.tenant).lower(), int(time.time())
        claims = {
            "aud": f"https://{audience}",
            "iss": f"https://sts.windows.net/{tenant}/",
            "tid": tenant,
            "appid": client_id or self.client_id,
            "iat": now,
            "exp": now + 3599,
        }
        parts = (json.dumps({"typ": "JWT", "alg": "RS256"}).encode(), json.dumps(claims).encode(), uuid.uuid4().bytes * 16)
        token = ".".join(encode(part) for part in parts)
        self.issued.append({"token": token, "audience": audience, "tenant": tenant})
        return {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}

    def tenant_of(self, token: str, audience: str) -> str | None:
        """Return the tenant that a token is of; None if it is not good for a host."""
        found = (one["tenant"] for one in self.issued if (one["token"], one["audience"]) == (token, audience))
        return next(found, None)

    def check_tenant(self, tenant: str) -> None:
        """Refuse an unknown tenant.

        Raises:
            AzureRefusalError: If it is not this one, nor one of the others.
        """
        if tenant.lower() not in (self.tenant, *self.others):
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

    def add_group(self, *members: str) -> str:
        """Let somebody make a group of principals and groups; return its object id."""
        made = str(uuid.uuid4())
        with self.lock:
            self._groups[made] = {*members}
        return made

    def identities_of(self, object_id: str | None) -> set[str]:
        """Return the object ids that a principal acts by: its own, those of its groups, and the one of all."""
        found: set[str] = set()
        with self.lock:
            more = {object_id} if object_id else set()
            while more - found:
                found |= more
                more = {group for group, members in self._groups.items() if members & found}
        return found | {EVERYONE} if found else found

    def type_of(self, object_id: str) -> str | None:
        """Return the type of a principal; None if there is none of that id."""
        with self.lock:
            kinds = (("Group", self._groups), ("ServicePrincipal", self._principals), ("ServicePrincipal", (self.client_id,)))
            return next((kind for kind, known in kinds if object_id in known), None)

    def knows(self, object_id: str) -> bool:
        """Whether a role assignment finds this principal; new ones are not known everywhere at once."""
        with self.lock:
            return object_id in (self.client_id, *self._groups) or (
                object_id in self._principals and is_over(self._unknown, object_id)
            )

    def list_principals(self, filtered: str | None, tenant: str | None = None) -> list[dict[str, Any]]:
        """Answer GET servicePrincipals; other tenants have none."""
        self._allow()
        with self.lock:
            shown = [one for key, one in self._principals.items() if is_over(self._hidden, key)] if self._is_own(tenant) else []
        return [one for one in shown if filtered is None or _named(filtered) in one["servicePrincipalNames"]]

    def list_applications(self, filtered: str | None, object_id: str | None = None) -> list[dict[str, Any]]:
        """Answer GET applications: those of the tenant, of which there are none; Atlas's is registered in MongoDB's own."""
        self._allow()
        if object_id is not None:
            raise _not_found(object_id)
        if filtered is not None:
            _named(filtered)
        return []

    def find(self, app_id: str, tenant: str | None = None) -> str:
        """Return the object id of what is at servicePrincipals(appId='…')."""
        self._allow()
        with self.lock:
            found = self.principal_of(app_id.lower()) if self._is_own(tenant) else None
            if found is None or not is_over(self._hidden, found):
                raise _not_found(app_id)
            return found

    def get(self, object_id: str, tenant: str | None = None) -> dict[str, Any]:
        """Answer GET servicePrincipals/{id}."""
        self._allow()
        with self.lock:
            if object_id not in self._principals or not self._is_own(tenant):
                raise _not_found(object_id)
            return self._principals[object_id]

    def get_by_ids(self, body: Mapping[str, Any], tenant: str | None = None) -> list[dict[str, Any]]:
        """Answer POST directoryObjects/getByIds: those that are there."""
        self._allow()
        ids = body.get("ids")
        if not isinstance(ids, list):
            raise AzureRefusalError(400, "Request_BadRequest", "Invalid value specified for property 'ids' of resource.")
        with self.lock:
            found = [self._principals[one] for one in ids if one in self._principals and self._is_own(tenant)]
        return [{"@odata.type": "#microsoft.graph.servicePrincipal", **one} for one in found]

    def create(self, body: Mapping[str, Any], tenant: str | None = None) -> dict[str, Any]:
        """Answer POST servicePrincipals."""
        self._allow(is_write=True)
        with self.lock:
            app_id = str(body.get("appId")).lower()
            if app_id not in self.applications:
                text = f"The appId '{app_id}' of the service principal does not reference a valid application object."
                raise AzureRefusalError(400, "Request_BadRequest", text)
            if not self._is_own(tenant):
                self.strays.append(app_id)
                return self._make({**body, "appId": app_id})
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
        self._allow(is_write=True)
        with self.lock:
            if self._principals.pop(object_id, None) is None:
                raise _not_found(object_id)

    def _is_own(self, tenant: str | None) -> bool:
        return tenant in (None, self.tenant)

    def _allow(self, *, is_write: bool = False) -> None:
        if self.is_forbidden or (is_write and self.is_read_only):
            raise AzureRefusalError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")

    def _add(self, body: Mapping[str, Any]) -> dict[str, Any]:
        made = self._make(body)
        with self.lock:
            self._principals[made["id"]] = made
        return made

    def _make(self, body: Mapping[str, Any]) -> dict[str, Any]:
        app_id = body["appId"]
        return {
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


def _named(filtered: str) -> str:
    """Return the name that a list is asked for."""
    match = next((found for one in _FILTERS if (found := one.fullmatch(filtered.strip()))), None)
    if match is None:
        raise AzureRefusalError(400, "Request_UnsupportedQuery", f"Unsupported or invalid query filter clause: {filtered}")
    return match.group(2).lower()


def is_over(left: dict[str, int], key: str) -> bool:
    """Count a look down; tell whether none was left."""
    is_over = left.get(key, 0) <= 0
    left[key] = left.get(key, 0) - 1
    return is_over


def _not_found(object_id: str) -> AzureRefusalError:
    text = f"Resource '{object_id}' does not exist or one of its queried reference-property objects are not present."
    return AzureRefusalError(404, "Request_ResourceNotFound", text)
