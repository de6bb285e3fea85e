# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors for failed requests to GCP, with hints."""

from __future__ import annotations

import re
import typing as t

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

# After these, google-auth would send a request for a token again; here, the session does, as often as `retries` says.
TRANSIENT_OF_TOKENS = TRANSIENT_STATUSES | {408}
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


def gcp_error(description: str, status: int, content: object, *, is_write: bool, secrets: t.Iterable[str]) -> ApiError:
    """Make the error for a reply of GCP with an error status.

    Args:
        description: What failed, as a verb phrase.
        status: The HTTP status.
        content: The parsed JSON of the body; anything but GCP's error object and the text of a gateway counts as no detail.
        is_write: Whether the request would have changed something.
        secrets: Texts to redact.
    """
    fields = error_fields(content)
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
    is_transient = is_limited or status in TRANSIENT_STATUSES
    return refusal_error(
        kind, description, status, code, detail, is_write=is_write, secrets=secrets, hint=hint, is_transient=is_transient
    )
