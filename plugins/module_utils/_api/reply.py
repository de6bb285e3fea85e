# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads replies of Atlas: returns the object in the body or envelope, or raises the error, with hints by its code and status."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from .._http.errors import (
    CLASS_BY_STATUS,
    MAX_DETAIL_LENGTH,
    ApiError,
    ConnectionHints,
    OvertakenError,
    as_option,
    as_reply,
    quoted,
    refusal_error,
)
from .._http.exchange import TOO_LONG, TOO_LONG_HINT, Reply, parse_json
from .request import ApiSettings, Json, Request

_TRANSIENT_STATUSES = frozenset((502, 503, 504))
# Of a request that may be repeated. After another one, a look shows whether it was carried out, and it is not sent again.
_REPEATED_STATUSES = _TRANSIENT_STATUSES | {500}
# The credentials, and what they belong to, as hints have them while it is not known which of them were used.
_ALL, _CLIENT = "public_key and private_key (or client_id and client_secret, or access_token)", "client_id and client_secret"
_USER = "the API key or service account"
_UNKNOWN = {"credentials": _ALL, "client": _CLIENT, "user": _USER}
# By error code, for codes that any request can get: about signing in, the project, the state of the service.
CODE_HINTS: t.Mapping[str, str] = {
    "GROUP_NOT_FOUND": f"Check group_id or project_name, and that {as_option('user')} is in the project's organization.",
    "IP_ADDRESS_NOT_ON_ACCESS_LIST": (
        f"Add the address of the host this task runs on to the access list of {as_option('user')} (Organization Access "
        "Manager); the project's own IP access list is another one and does not help."
    ),
    "NOT_IN_GROUP": f"Invite {as_option('user')} to the project, with a role that may manage network access.",
    "access_denied": "If the service account has too many valid tokens, let tasks share one (token_cache), or wait for an hour.",
    "invalid_client": f"Check {as_option('client')}, and that the secret has not expired.",
    "USER_UNAUTHORIZED": f"Check {as_option('credentials')}, and that they have a role in the project.",
    "WRITES_NOT_ALLOWED_DURING_APP_UPGRADES": "Atlas is being upgraded and takes no changes: run the task again later.",
}
# By HTTP status, for codes without a hint.
STATUS_HINTS: t.Mapping[int, str] = {
    401: f"Check {as_option('credentials')}: wrong, disabled or out of date?",
    403: f"Check the roles of {as_option('user')} in the project, and its own access list.",
    406: "Atlas does not know the version of the API that was asked for: check base_url and api_version.",
    410: "Atlas no longer serves this version of the API: set v2 if api_version is v1.0, or else update the collection.",
    429: "Run fewer tasks at once, or raise retries.",
}
CONNECTION_HINTS: ConnectionHints = {
    "untrusted": (
        "cannot trust {where}",
        "Set ca_path to the certificates that sign it; validate_certs=false would trust anybody.",
    ),
    "no proxy": (
        "cannot reach {where} through the proxy",
        "Check the environment variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the task.",
    ),
    "no files": (
        "this host has too many files open to reach {where}",
        "The request was not sent. Raise the limit of open files (ulimit -n), or run fewer tasks at once.",
    ),
    "unreachable": ("cannot reach {where}", "Check base_url and the way to it (DNS, firewall, proxy)."),
    "silent": ("no answer in time from {where}", "Check base_url and the way to it (firewall, proxy), or raise timeout."),
    "broken": (
        "the connection to {where} broke before a whole reply came",
        "Run the task again; if it stays, look for a proxy in between.",
    ),
}


def api_error(
    request: Request, status: int, body: object, *, secrets: t.Iterable[str] = (), retry_after: float | None = None
) -> ApiError:
    """Return the error for a reply of Atlas with an error status.

    Args:
        request: The request that was refused.
        status: The HTTP status of the reply, or the one inside its envelope.
        body: The decoded error body; anything but Atlas's error object counts as no detail.
        secrets: What must not be shown.
        retry_after: The seconds after which Atlas asks to try again.

    Returns:
        An OvertakenError for a code in the request's `exists` or `gone`, otherwise the error class of the status. Its
        `outcome_unknown` is set if a write met a server error (5xx) or a time-out (408).
    """
    fields = body if isinstance(body, dict) else {}
    # OAuth's errors have the code in `error` (RFC 6749, 5.2).
    code = fields.get("errorCode") or fields.get("error")
    code = code if isinstance(code, str) and code else None
    if retry_after is None and code == "RATE_LIMITED_TOKEN_BUCKET":
        retry_after = _wait_in(fields.get("parameters"))
    is_overtaken = code in request.exists or (status in (404, 409) and code in request.gone)
    return refusal_error(
        OvertakenError if is_overtaken else CLASS_BY_STATUS.get(status, ApiError),
        request.description,
        status,
        code,
        _detail(fields),
        is_write=request.is_write,
        secrets=secrets,
        hint=request.hints.get(code or "") or CODE_HINTS.get(code or "") or STATUS_HINTS.get(status),
        is_transient=status in (_REPEATED_STATUSES if request.is_repeatable else _TRANSIENT_STATUSES),
        retry_after=retry_after,
    ).with_names(_UNKNOWN)


def with_credentials(error: ApiError, used: str, user: str) -> ApiError:
    """Return an error whose hint names the credentials that were used, and what they belong to, in words."""
    return error.with_names({_ALL: used, _CLIENT: used, _USER: user})


def _wait_in(parameters: object) -> float | None:
    """Return the seconds in the parameters of a refusal for the rate, which Atlas may send without headers."""
    waits = parameters[1:2] if isinstance(parameters, list) else ()
    return next((one for one in waits if type(one) in (int, float) and one >= 0), None)


def _detail(fields: dict[object, object]) -> str:
    """Return Atlas's text, or that of a gateway (`message`), and the rejected fields."""
    names = ("detail", "error_description", "message", "reason")
    words = [text for text in map(fields.get, names) if text and isinstance(text, str)][:1]
    # Atlas may name a field in the detail, too.
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
        f"the reply {as_reply(quoted(flaw, secrets))} (HTTP {status}).",
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


def odd_reply(description: str, flaw: str, *, is_write: bool = False) -> ApiError:
    """Return the error for a reply that is not what was asked for.

    Args:
        description: What was requested, as a verb phrase.
        flaw: What is wrong with it; it completes "the reply …".
        is_write: Whether the request was a change, whose outcome is unknown then.
    """
    return ApiError(f"the reply {flaw}.", description=description, hint="Check base_url.", outcome_unknown=is_write)


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
