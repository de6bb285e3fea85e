# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors for failed requests to GCP, with hints."""

from __future__ import annotations

import typing as t

from .._http.errors import (
    CLASS_BY_STATUS,
    ApiError,
    AuthError,
    ConflictError,
    ConnectionHints,
    OvertakenError,
    RateLimitError,
    quoted,
    refusal_error,
)
from .._http.exchange import TOO_LONG, TOO_LONG_HINT, parse_json

_RATE_REASONS = frozenset(("rateLimitExceeded", "userRateLimitExceeded"))
_TRANSIENT_STATUSES = frozenset((500, 502, 503, 504))
HOST = "compute.googleapis.com"
_BUSY = "peering operation in progress"
_HINTS = {
    401: "Get a new access_token, or check auth_kind and what belongs to it.",
    403: "Give the account the role Compute Network Admin (compute.networks.get, addPeering, removePeering) in this project, "
    "and check that the Compute Engine API is enabled there.",
    404: "Check gcp_project_id and network_name.",
}
CONNECTION_HINTS: ConnectionHints = {
    "untrusted": ("cannot trust {where}", "Set the environment variable REQUESTS_CA_BUNDLE to the certificates that sign it."),
    "no proxy": ("cannot reach the proxy for {where}", "Check the environment variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY."),
    "no files": ("this host has too many files open to reach {where}", "Raise the limit of open files (ulimit -n)."),
    "unreachable": ("cannot reach {where}", "Check the way to it (DNS, firewall, proxy)."),
    "silent": ("no answer in time from {where}", "Check the way to it (firewall, proxy), then run the task again."),
    "broken": ("the connection broke to {where}", "Run the task again; if it stays, look for a proxy in between."),
}


class TokenRefusal(t.NamedTuple):
    """A reply with an error status to a request for a token, and the host that sent it."""

    host: str
    status: int
    content: bytes


class GcpDeniedError(AuthError):
    """GCP accepts the credentials, but denies the request."""


class PeeringBusyError(ConflictError):
    """GCP makes one change at a time to the peerings of both networks, and refused this one. It may succeed later."""


def gcp_error(description: str, status: int, content: t.Any, *, is_write: bool, secrets: t.Iterable[str]) -> ApiError:
    """Make the error for a reply of GCP with an error status.

    Args:
        description: What failed, as a verb phrase.
        status: The HTTP status.
        content: The parsed JSON of the body; anything but GCP's error object and the text of a gateway counts as no detail.
        is_write: Whether the request would have changed something.
        secrets: Texts to redact.
    """
    content = content if isinstance(content, dict) else {}
    # A gateway's error has `message` at the top.
    fields = content["error"] if isinstance(content.get("error"), dict) else {"message": content.get("message")}
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
    if _BUSY in detail.lower():
        kind, hint = PeeringBusyError, "Wait for that operation, then run the task again."
    elif is_write and status in (404, 409):
        # When they were read, the network existed (now 404) and the peering did not (now 409).
        kind = OvertakenError
        hint = hint and "Check both networks: gcp_project_id, network_name, atlas_gcp_project_id and atlas_network_name."
    is_transient = is_limited or status == 429 or status in _TRANSIENT_STATUSES
    return refusal_error(
        kind, description, status, code, detail, is_write=is_write, secrets=secrets, hint=hint, is_transient=is_transient
    )


def odd_reply(description: str, flaw: str, *, is_write: bool, status: int = 200) -> ApiError:
    """Make the error for a malformed reply, which leaves the outcome of a request open; `flaw` completes "the reply …"."""
    return ApiError(
        f"Failed to {description}: the reply of {HOST} {flaw} (HTTP {status}).",
        http_status=status,
        hint=TOO_LONG_HINT if flaw == TOO_LONG else "Check whether a proxy or a login page answers in place of GCP.",
        outcome_unknown=is_write,
        # A change has a request id, so it can be sent again: GCP carries it out once.
        is_transient=is_write,
    )


def sign_in_error(
    description: str, kind: str, error: Exception, refusal: TokenRefusal | None = None, *, secrets: t.Iterable[str]
) -> AuthError:
    """Make the error for credentials that google-auth cannot use, or for which GCP refuses a token.

    Args:
        description: What the token is for, as a verb phrase.
        kind: The value of `auth_kind`.
        error: What google-auth raised; its second argument may be the whole reply, and is not shown.
        refusal: The error reply behind it, if there is one; google-auth's text shows some as a Python repr.
        secrets: Texts to redact.
    """
    text = str(error.args[0]) if error.args else type(error).__name__
    if refusal is not None:
        reason = _reason(refusal.content).rstrip(". ") or "no reason given"
        text = f"{refusal.host} refused the request for it: {reason} (HTTP {refusal.status})"
    elif isinstance(error, (TypeError, KeyError, AttributeError)):
        text = "the reply to the request for a token is not one of GCP"
    detail = quoted(text, secrets).rstrip(". ")
    hint = {
        "application": "Set GOOGLE_APPLICATION_CREDENTIALS, or sign in with gcloud auth application-default login, "
        "or choose another auth_kind.",
        "serviceaccount": "Check that the key is whole, and neither deleted nor disabled.",
        "machineaccount": "Run the task on a machine of GCP that has this service account, or choose another auth_kind.",
    }.get(kind)
    return AuthError(
        f"Failed to {description}: no token for GCP with auth_kind {kind}: {detail}.",
        detail=detail,
        hint=hint,
        is_transient=bool(getattr(error, "retryable", False)),
    )


def _reason(body: bytes) -> str:
    """Return the reason in a refusal in the form of OAuth (`error_description`) or of GCP's APIs; empty if it has none."""
    content = parse_json(body)
    if not isinstance(content, dict):
        return ""
    error = content.get("error")
    if isinstance(error, dict):
        parts = (error.get("status"), error.get("message"))
    else:
        parts = (error, content.get("error_description") or content.get("message"))
    return ": ".join(part for part in parts if part and isinstance(part, str))
