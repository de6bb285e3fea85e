# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session of one task with GCP: it sends requests, and turns failures into errors of this collection, with hints."""

from __future__ import annotations

import re
import typing as t
from contextlib import closing
from functools import partial
from urllib.parse import quote, urlencode

from .._clouds.gcp import GCP
from .._engine.operation import Warn, find_library
from .._engine.options import Parameters
from .._http.errors import (
    CLASS_BY_STATUS,
    TRANSIENT_STATUSES,
    ApiError,
    AuthError,
    ConflictError,
    OvertakenError,
    RateLimitError,
    as_option,
    error_fields,
    refusal_error,
)
from .._http.exchange import Reply
from .._http.session import CloudSession
from .._http.transport import REQUESTS_IMPORT_ERROR
from .auth import GOOGLE_AUTH_IMPORT_ERROR, Tokens

_RATE_REASONS = frozenset(("rateLimitExceeded", "userRateLimitExceeded"))
# What a 400 says while GCP takes no change: an operation on peerings or routes runs on this network or on the one that it peers
# with, or one of them is not ready yet. Only the last one has a code.
_BUSY = "operation in progress"
_NOT_READY = "resourceNotReady"
# What a 400 says of a peering that was made or removed since the network was read: "There is already a peering with the same
# name", "… with the same network", "There is no peering …". GCP has no codes for these.
_MEANWHILE = re.compile(r"there is (already a|no) peering", re.IGNORECASE)
_HINTS = {
    401: f"Get a new {as_option('access_token')}, or check {as_option('auth_kind')} and what belongs to it.",
    403: "Give the account the role Compute Network Admin (compute.networks.get, addPeering, removePeering) in this project, "
    "and check that the Compute Engine API is enabled there.",
    404: "Check gcp_project_id and network_name.",
}


class GcpDeniedError(AuthError):
    """GCP accepts the credentials, but denies the request."""


class PeeringBusyError(ConflictError):
    """GCP makes one change at a time to the peerings of both networks, and refused this one. It may succeed later."""


LIBRARIES = (("requests", REQUESTS_IMPORT_ERROR), find_library("google-auth", GOOGLE_AUTH_IMPORT_ERROR))

HOST = "compute.googleapis.com"
ROOT = f"https://{HOST}/compute/v1/"


class GcpSession(CloudSession):
    """The requests of one task to GCP, with the options that `options.validate` returns. Thread-safe."""

    service = GCP.name
    host = HOST

    def _sign_in(self, params: Parameters) -> Tokens:
        return Tokens(params, self._send_for_token, self.limits.retries)

    def read(self, description: str, path: str) -> dict[str, object]:
        """Read an object, with retries after transient failures, until the deadline if there is one.

        Args:
            description: What it is for, as a verb phrase.
            path: Its path below `ROOT`.

        Raises:
            TaskError: If it fails.
        """
        return self._read(description, _url(path))

    def pages(self, description: str, path: str, query: t.Mapping[str, str] | None = None) -> t.Iterator[dict[str, object]]:
        """Yield each page of a list, read like an object."""

        def next_of(page: dict[str, object]) -> str | None:
            token = page.get("nextPageToken")
            if token is not None and not isinstance(token, str):
                raise ValueError("has a nextPageToken that is not a text")
            return _url(path, {**(query or {}), "pageToken": token}) if token else None

        return self._pages(description, _url(path, query), next_of)

    def write(self, description: str, path: str, body: t.Mapping[str, object], request_id: str) -> dict[str, object]:
        """Send a request that changes something, once, and return the object in the reply.

        Args:
            description: What it does, as a verb phrase.
            path: Its path below `ROOT`.
            body: The body, sent as JSON.
            request_id: A UUID. GCP carries out only the first of several requests with the same id.

        Raises:
            TaskError: If it fails; with `outcome_unknown` if GCP may have carried it out.
        """
        return self._answer(description, "POST", _url(path, {"requestId": request_id}), body)

    def _refusal(self, description: str, method: str, unused_url: str, reply: Reply, content: object) -> ApiError:
        fields, status, is_write = error_fields(content), reply.status, method != "GET"
        listed = fields.get("errors")
        first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
        code = str(first.get("reason") or fields.get("status") or "") or None
        detail = str(fields.get("message") or "")
        is_limited = code in _RATE_REASONS
        kind = RateLimitError if is_limited else CLASS_BY_STATUS.get(status, ApiError)
        # A request over quota has the same status as a missing permission.
        hint = None if is_limited or "quota" in (code or "").lower() else _HINTS.get(status)
        if status == 403 and not is_limited:
            kind = GcpDeniedError
        if _BUSY in detail.lower() or code == _NOT_READY:
            kind, hint = PeeringBusyError, "Wait for that operation, then run the task again."
        elif is_write and (status in (404, 409) or _MEANWHILE.search(detail)):
            # When they were read, the network existed (now 404) and the peering did not (now 409, or in words).
            kind = OvertakenError
            hint = hint and "Check both networks: gcp_project_id, network_name, atlas_gcp_project_id and atlas_network_name."
        refusal = partial(refusal_error, kind, description, status, code, detail, is_write=is_write, secrets=self.secrets)
        is_transient = is_limited or status in TRANSIENT_STATUSES
        return refusal(hint=hint, is_transient=is_transient, retry_after=reply.retry_after)


def _url(path: str, query: t.Mapping[str, str] | None = None) -> str:
    return ROOT + quote(path) + (f"?{urlencode(query)}" if query else "")


def connect(params: Parameters, unused_warn: Warn, /) -> t.ContextManager[GcpSession]:
    """Return a session for the options, which is closed at the end of a with statement."""
    return closing(GcpSession(params))
