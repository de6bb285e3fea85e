# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors for requests that failed, made from what came over HTTP or from why nothing came."""

from __future__ import annotations

import typing as t

from .errors import (
    MAX_DETAIL_LENGTH,
    AtlasApiError,
    AtlasAuthError,
    AtlasConflictError,
    AtlasConnectionError,
    AtlasNotFoundError,
    AtlasRateLimitError,
    OvertakenError,
)
from .hints import CODE_HINTS, CONNECTION_HINTS, STATUS_HINTS, ConnectionFailure
from .redact import redacted
from .request import Request

_TRANSIENT_STATUSES = frozenset((502, 503, 504))
# The errors that a caller may tell apart; GCP means the same by these statuses.
CLASS_BY_STATUS: dict[int, type[AtlasApiError]] = {
    401: AtlasAuthError,
    403: AtlasAuthError,
    404: AtlasNotFoundError,
    409: AtlasConflictError,
    429: AtlasRateLimitError,
}


def api_error(request: Request, status: int, body: t.Any, *, secrets: t.Iterable[str] = ()) -> AtlasApiError:
    """Make the error for a reply of Atlas with an error status.

    Args:
        request: What was refused.
        status: The HTTP status of the reply, or the one inside its envelope.
        body: The decoded error body; anything that is not Atlas's error object counts as no detail.
        secrets: What must not be shown, not even the first half of it where a long detail is cut.

    Returns:
        An OvertakenError for a code that the request names as such, otherwise an error of the status's own class. Its
        `outcome_unknown` is set if Atlas failed over a write (5xx).
    """
    fields = body if isinstance(body, dict) else {}
    # OAuth's errors have their code in another place (RFC 6749, 5.2).
    code = fields.get("errorCode") or fields.get("error")
    code = redacted(code, secrets, MAX_DETAIL_LENGTH) if isinstance(code, str) and code else None
    detail = redacted(_detail(fields), secrets, MAX_DETAIL_LENGTH) or None
    hint = request.hints.get(code or "") or CODE_HINTS.get(code or "") or STATUS_HINTS.get(status)
    label = f"HTTP {status} {code}" if code else f"HTTP {status}"
    text = (detail or "no reason given").rstrip(". ")
    is_overtaken = code in request.exists or (status in (404, 409) and code in request.gone)
    error_class = OvertakenError if is_overtaken else CLASS_BY_STATUS.get(status, AtlasApiError)
    return error_class(
        f"Failed to {request.description}: {text} ({label}).",
        http_status=status,
        error_code=code,
        detail=detail,
        hint=hint,
        outcome_unknown=request.is_write and status >= 500,
        is_transient=status in _TRANSIENT_STATUSES,
    )


def _detail(fields: dict[t.Any, t.Any]) -> str:
    """Return Atlas's words: `detail`, the rejected fields that come with it, else `reason`."""
    detail = fields.get("detail") or fields.get("error_description") or fields.get("reason")
    words = [detail] if isinstance(detail, str) else []
    # Atlas may say the same in both places.
    known = "".join(words)[:MAX_DETAIL_LENGTH]
    bad_request = fields.get("badRequestDetail")
    rejected = bad_request.get("fields") if isinstance(bad_request, dict) else None
    for one in rejected if isinstance(rejected, list) else []:
        if isinstance(one, dict) and one.get("field"):
            name, description = str(one["field"]), str(one.get("description") or "refused")
            if name not in known or description.rstrip(". ") not in known:
                words.append(f"{name}: {description}")
    words[:-1] = [word.rstrip(". ") for word in words[:-1]]
    return "; ".join(words)


def connection_error(
    request: Request, failure: ConnectionFailure, where: str, error: BaseException, *, secrets: t.Iterable[str] = ()
) -> AtlasConnectionError:
    """Make the error for a request that got no reply.

    Args:
        request: What failed.
        failure: What happened to the connection.
        where: The base URL.
        error: The exception of the HTTP library; the message gives its innermost cause.
        secrets: What must not be shown.

    Returns:
        The error. Its `outcome_unknown` is set if a write may have arrived.
    """
    root = root_cause(error)
    cause = getattr(root, "verify_message", None) or getattr(root, "strerror", None) or str(root) or type(root).__name__
    # What a server sent in place of a reply may be in it.
    cause = redacted(cause, secrets, MAX_DETAIL_LENGTH)
    what, hint = CONNECTION_HINTS[failure]
    return AtlasConnectionError(
        f"Failed to {request.description}: {what.format(where=where)} ({cause}).",
        detail=cause,
        hint=hint,
        outcome_unknown=request.is_write and failure in ("silent", "broken"),
        is_transient=failure not in ("untrusted", "no files"),
    )


def root_cause(error: BaseException) -> BaseException:
    """Return the innermost exception of those that the HTTP libraries wrap into each other."""
    for unused in range(10):
        # Before its version 2, urllib3 does not name the failure of the network as the cause of its own.
        around = [error.__cause__, getattr(error, "reason", None), *error.args, isinstance(error, OSError) or error.__context__]
        inner = next((one for one in around if isinstance(one, BaseException)), None)
        if inner is None:
            return error
        error = inner
    return error
