# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads replies of Atlas: returns the object in the body or envelope, or raises the error."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from .._http.errors import ApiError, quoted
from .._http.exchange import TOO_LONG, TOO_LONG_HINT, Reply, parse_json
from .errors import api_error
from .request import Json, Request
from .settings import ApiSettings

_CHECK_SERVER = "Check that base_url is Atlas and that no proxy or login page answers in its place."


def read_reply(reply: Reply, request: Request, settings: ApiSettings, secrets: t.Iterable[str]) -> Json:
    """Return the object in a successful reply; for a DELETE, it is empty.

    Args:
        reply: The reply.
        request: The request that it answers.
        settings: The options `envelope` and `base_url`.
        secrets: What must not be shown.

    Raises:
        ApiError: For any other reply. Redirects are not followed: that would show the credentials to another server. If a reply
            to a write is neither a success nor an error, `outcome_unknown` is set.
    """
    status, content = reply.status, parse_json(reply.content)
    if 300 <= status < 400:
        raise ApiError(
            f"{settings.base_url} answers with a redirect to {_redirect_target(reply.headers)}, which is not followed "
            f"(HTTP {status}).",
            description=request.description,
            http_status=status,
            hint="Set base_url to the address of Atlas itself.",
            # The proxy may have passed the request on to Atlas.
            outcome_unknown=request.is_write,
        )
    flaw = reply.flaw
    if request.has_envelope(settings) and isinstance(content, dict):
        try:
            status, content = _open_envelope(status, content, request)
        except ValueError as error:
            flaw = str(error)
    if status >= 400:
        raise api_error(request, status, content, secrets=secrets, retry_after=reply.retry_after)
    flaw = flaw or _flaw(status, reply, content, request)
    if not flaw:
        return content if isinstance(content, dict) else {}
    raise ApiError(
        f"the reply {quoted(flaw, secrets)} (HTTP {status}).",
        description=request.description,
        http_status=status,
        # A proxy's page is short.
        hint=TOO_LONG_HINT if flaw == TOO_LONG else _CHECK_SERVER,
        outcome_unknown=request.is_write,
    )


def _open_envelope(status: int, envelope: Json, request: Request) -> tuple[int, object]:
    """Return the status and the content of an envelope; an object without `status` is the content itself.

    Raises:
        ValueError: If the envelope has neither a result nor an error.
    """
    content, inner = envelope.get("content"), envelope.get("status")
    if status >= 400:
        # The HTTP status counts; the envelope may have the error's body.
        return status, content if isinstance(content, dict) else envelope
    if "status" not in envelope:
        return status, envelope
    # In Python, a boolean is an integer, too.
    inside = inner if isinstance(inner, int) and not isinstance(inner, bool) else 0
    if 200 <= inside < 300:
        if request.method == "DELETE":
            return inside, {} if content in (None, "") else content
        if request.expects_list and isinstance(envelope.get("results"), list):
            return inside, envelope
        if not request.expects_list and isinstance(content, dict):
            return inside, content
    elif 400 <= inside < 600 and isinstance(content, dict):
        return inside, content
    raise ValueError("is not an envelope with a result or an error")


def _flaw(status: int, reply: Reply, content: object, request: Request) -> str:
    """Return what is wrong with a reply that is neither an error nor a redirect; empty for a success."""
    if status < 200:
        return "is an interim one, and no final one came"
    if isinstance(content, dict):
        return "is not what Atlas answers to a removal" if content and request.method == "DELETE" else ""
    if reply.content.strip():
        kind = reply.headers.get("Content-Type", "").partition(";")[0] or "no content type"
        return f"is not a JSON object ({kind})"
    return "" if request.method == "DELETE" else "is empty"


def _redirect_target(headers: t.Mapping[str, str]) -> str:
    """Return the host that a redirect leads to, for an error message."""
    try:
        return urlsplit(headers.get("Location") or "").hostname or "another place"
    except ValueError:
        return "an invalid address"


def check_written(description: str, shown: t.Mapping[str, object], wanted: t.Mapping[str, object]) -> None:
    """Check that the reply to a change shows what was sent.

    Args:
        description: What the request does, as a verb phrase.
        shown: The fields of the reply; it has at least those of `wanted`.
        wanted: The fields that were sent.

    Raises:
        ApiError: If a value differs; its `outcome_unknown` is set.
    """
    differing = [f"{name} is {shown[name]}, not {value}" for name, value in wanted.items() if shown[name] != value]
    if differing:
        raise ApiError(
            f"the reply does not show what was sent: {', '.join(differing)}.",
            description=description,
            hint="Look for a proxy that answers in place of Atlas, then run the task again.",
            outcome_unknown=True,
        )
