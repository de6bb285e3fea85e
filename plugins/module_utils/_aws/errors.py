# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors for failed requests to AWS. botocore's exceptions are recognized by their names, not imported."""

from __future__ import annotations

import re
import typing as t
from urllib.request import getproxies_environment

from .._http.errors import (
    MAX_DETAIL_LENGTH,
    InvalidOptionError,
    OvertakenError,
    RateLimitError,
    TaskError,
    as_option,
    as_reply,
    leaves_open,
    quoted,
)
from .._http.redact import redacted
from .options import NAMES

Way = t.Literal["credentials", "request", "block"]
# Hints that other tasks replace, since they name options and modules.
_ADVICE: t.Mapping[Way, str] = {
    "credentials": "Use credentials of the VPC's owner (profile, access_key, assume_role_arn), or correct aws_account_id.",
    "request": "Request another one in Atlas (atlas_vpc_peer: recreate: dead if it is FAILED there, else state: absent first): "
    "then use the new connection_id.",
    "block": f"Set it to the block of Atlas's network container ({as_option('atlas_cidr_block')} of atlas_network_container).",
}
# Codes of requests that are refused for their rate, so that the same request may succeed a little later.
_THROTTLED = frozenset(
    (
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsException",
    )
)
_TOO_MANY_REQUESTS = 429
_SHARED_LIMIT = "The limit is that of the account in this region, shared with all other automation:"
_FORBIDDEN = frozenset(("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"))
# Codes of credentials that are refused, whatever is asked with them.
_OF_CREDENTIALS = frozenset(
    (
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    )
)
# Codes of writes to an object that has changed since it was read: the task reads it and plans again.
_OVERTAKEN = frozenset(
    (
        "InvalidParameterValue",
        "InvalidRoute.NotFound",
        "InvalidRouteTableID.NotFound",
        "InvalidStateTransition",
        "InvalidVpcPeeringConnectionID.NotFound",
        "RouteAlreadyExists",
    )
)
# In hints, `{access_key}` stands for the task's name of that option.
_EXPIRED = "They have expired: get new ones, then run the task again."
_NO_PROXY = "Check the environment variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the task; boto3 takes no SOCKS proxy."
_WRONG_KEY = "Check {access_key}, {secret_key} and {session_token}, or where boto3 finds them ({profile}, environment variables)."
_UNKNOWN_KEY = f"{_WRONG_KEY} If the key works in other regions, the account has not enabled this region: check {{region}}."
NOT_AWS = "Check {endpoint_url}, and whether a proxy or a login page answers in place of AWS."
# What to do next, by AWS's error code or by the name of botocore's exception.
_HINTS = {
    "AuthFailure": _UNKNOWN_KEY,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": "Check the clock of the host that the task runs on, and that the credentials have not expired.",
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "OptInRequired": "Check {region}, and that the account has this region enabled.",
    "RegionDisabledException": "Check {region}, and have STS activated for the account in this region (IAM, Account settings).",
    "SignatureDoesNotMatch": _WRONG_KEY,
    "UnrecognizedClientException": _UNKNOWN_KEY,
    "NoCredentialsError": (
        "Set {access_key} and {secret_key}, or {profile}, "
        "or give them in one of the other ways of boto3 (environment, instance role)."
    ),
    "MfaCodeError": "Get credentials with the code, and set {access_key}, {secret_key} and {session_token} instead of {profile}.",
    "PartialCredentialsError": "Set both halves of the key.",
    "CredentialRetrievalError": "Check {profile}, or what else boto3 gets the credentials from.",
    "ProfileNotFound": "Correct {profile} (or the environment variable AWS_PROFILE), or add it to ~/.aws/config on this host.",
    "ConfigParseError": "Correct the file of profiles on the host that the task runs on.",
    "EndpointConnectionError": "Check {region} and {endpoint_url}, and the way to it (DNS, firewall, proxy).",
    "ConnectionClosedError": "Run the task again; if it stays, look for a proxy in between.",
    "ConnectTimeoutError": "Check {region} and {endpoint_url}, and the way to it (DNS, firewall, proxy).",
    "ReadTimeoutError": "Check the way to AWS (firewall, proxy), then run the task again.",
    "ProxyConnectionError": _NO_PROXY,
    "SSLError": "Set {aws_ca_bundle} to the certificates that sign it.",
    "AttributeError": NOT_AWS,
    "ForeignReplyError": NOT_AWS,
    "KeyError": NOT_AWS,
    "ResponseParserError": NOT_AWS,
    "TypeError": NOT_AWS,
    "TokenRetrievalError": "Sign in again (aws sso login).",
    "SSOTokenLoadError": "Sign in again (aws sso login).",
    "UnauthorizedSSOTokenError": "Sign in again (aws sso login).",
}
# What replaces the texts of botocore that may have the password of a proxy, if its address is malformed or that of SOCKS.
_UNQUOTED = {"HTTPClientError": "the HTTP client failed", "ProxyConnectionError": "the proxy cannot be reached"}
# Exceptions from before a request is sent, so it has no effect.
_NOT_SENT = frozenset(("EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "SSLError"))
# botocore's exceptions before it sends anything have this base. Those in _LOST have it too, but the request may have arrived.
_BEFORE_SENDING = "BotoCoreError"
_LOST = frozenset(("HTTPClientError", "IncompleteReadError"))
# What is raised for a reply that is not one of AWS: by botocore, and by `boto.py`.
_FOREIGN = frozenset(("ResponseParserError", "ForeignReplyError"))
_ENCODED = re.compile(r"\.?\s*Encoded authorization failure message:.*", re.DOTALL)


# Names of services in IAM policies and in results, where boto3 or its events have others.
POLICY_NAMES = {"route-53": "route53", "service-quotas": "servicequotas"}


class AdvisedError(TaskError):
    """An error whose hint names options and modules, so that another task has other words for it.

    Attributes:
        way: What the hint advises: other credentials, another request, or a block.
    """

    def __init__(self, text: str, way: Way, *, error_code: str | None = None) -> None:
        super().__init__(text, error_code=error_code, hint=_ADVICE[way])
        self.way = way


class NoRegionError(InvalidOptionError):
    """The options, the environment and the profile have no region."""


class NotAwsError(TaskError):
    """What answered is not AWS."""


class DeniedError(TaskError):
    """AWS refused a request because the credentials may not send it.

    Attributes:
        permission: The missing permission, as IAM policies name it.
    """

    def __init__(self, message: str, *, permission: str, **fields: t.Any) -> None:
        super().__init__(message, **fields)
        self.permission = permission


def foreign(action: str) -> str:
    """Return what is wrong with a reply that AWS cannot have sent to an action, in words."""
    return f"the reply is not one of AWS to {action}"


def cause_of(error: TaskError) -> str | None:
    """Return what the failures of several requests with the same credentials have in common; None if it is about one of them.

    Such a cause are credentials that are refused, and a service to which there is no way.
    """
    if error.error_code in _OF_CREDENTIALS:
        return "credentials"
    is_answered = error.http_status is not None or error.error_code is not None or isinstance(error, NotAwsError)
    return None if is_answered else error.detail


def aws_error(
    description: str,
    action: str,
    error: Exception,
    *,
    is_write: bool,
    secrets: t.Iterable[str],
    names: t.Mapping[str, str] = NAMES,
) -> TaskError:
    """Make the error for a request to AWS that failed.

    Args:
        description: What failed, as a verb phrase: `create the route to …`.
        action: The action, as IAM policies name it: `ec2:CreateRoute`.
        error: What boto3 or botocore raised.
        is_write: Whether the request would have changed something.
        secrets: Texts to redact.
        names: The names of the options for AWS in messages.
    """
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return _refusal(description, action, response, is_write=is_write, secrets=secrets, names=names)
    classes = [one.__name__ for one in type(error).__mro__]
    hint = next((_HINTS[name] for name in classes if name in _HINTS), None)
    hint = hint and hint.format(**names)
    # botocore quotes what it cannot parse, such as the page of a proxy.
    is_foreign = "ResponseParserError" in classes
    text = foreign(action) if is_foreign else quoted(str(error), secrets).rstrip(". ") or classes[0]
    if classes[0] in _UNQUOTED and getproxies_environment().keys() & {"http", "https", "all"}:
        hint = _NO_PROXY
        text = f"{_UNQUOTED[classes[0]]} ({type(error.__context__).__name__})"
    is_unsent = not _NOT_SENT.isdisjoint(classes)
    is_lost = not is_unsent and (_BEFORE_SENDING not in classes or not _LOST.isdisjoint(classes))
    return (TaskError if _FOREIGN.isdisjoint(classes) else NotAwsError)(
        f"{as_reply(text)}.",
        description=description,
        detail=text,
        hint=hint,
        outcome_unknown=is_write and is_lost,
        is_transient=is_lost or (is_unsent and "SSLError" not in classes),
    )


def _refusal(
    description: str,
    action: str,
    response: t.Mapping[str, t.Any],
    *,
    is_write: bool,
    secrets: t.Iterable[str],
    names: t.Mapping[str, str],
) -> TaskError:
    """Make the error for an error reply of AWS."""
    fields = response.get("Error") or {}
    code = str(fields.get("Code") or "") or None
    status = (response.get("ResponseMetadata") or {}).get("HTTPStatusCode")
    detail = " ".join(redacted(str(fields.get("Message") or ""), secrets).split())
    text = _ENCODED.sub("", detail)[:MAX_DETAIL_LENGTH].rstrip(". ") or "no reason given"
    hint = _HINTS.get(code or "", "").format(**names) or None
    if code in _FORBIDDEN:
        hint = f"Allow {action} to these credentials; docs/guides/credentials.md has the whole IAM policy."
    is_throttled = code in _THROTTLED or status == _TOO_MANY_REQUESTS
    if is_throttled:
        more_time = f"raise {as_option(names['wait_timeout'])}, or " if "wait_timeout" in names else ""
        hint = f"{_SHARED_LIMIT} {more_time}run the task again when that sends less."
    is_fault = isinstance(status, int) and status >= 500 and not is_throttled
    message = f"{as_reply(text)} ({action}: {code or 'no code'})."
    made: dict[str, t.Any] = {
        "description": description,
        "http_status": status,
        "error_code": code,
        "detail": detail[:MAX_DETAIL_LENGTH] or None,
        "hint": hint,
        "outcome_unknown": is_write and leaves_open(status or 0) and not is_throttled,
        "is_transient": is_fault,
    }
    if code in _FORBIDDEN:
        return DeniedError(message, permission=action, **made)
    if is_throttled:
        return RateLimitError(message, **made)
    return (OvertakenError if is_write and code in _OVERTAKEN else TaskError)(message, **made)
