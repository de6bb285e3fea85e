# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What can go wrong, as exceptions: one class a kind, each with the fields a result carries and a hint what to do next."""

from __future__ import annotations

import typing as t

from .redact import redacted

MAX_DETAIL_LENGTH = 500

# What to do next, by Atlas's error code. A code that is not here falls back to the hint of its HTTP status.
_HINT_BY_CODE = {
    "CLOUD_PROVIDER_CONTAINER_NOT_FOUND": "Check container_id: it must be an AWS network container of this group.",
    "CANNOT_DELETE_RECENTLY_CREATED_CONTAINER": "Run the task again in a few minutes, or set wait to true.",
    "CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION": (
        "Create a VPC peering connection first (atlas_vpc_peer), or allow a cidr_block instead."
    ),
    "ATLAS_NETWORK_PERMISSIONS_LIMIT_EXCEEDED": "Remove entries that are no longer used: the access list of a project holds 200.",
    "CONTAINERS_IN_USE": "Remove the clusters and peering connections that use the network container first.",
    "GROUP_NOT_FOUND": "Check group_id (the project id, 24 hexadecimal digits) and that the API key belongs to its organization.",
    "INVALID_ROUTE_TABLE_CIDR": "Check route_table_cidr_block: the CIDR block of the VPC, from a private range.",
    "IP_ADDRESS_NOT_ON_ACCESS_LIST": (
        "Add the address of the host this task runs on to the access list of the API key (Organization Access Manager, "
        "API Keys); the project's own IP access list is another one and does not help."
    ),
    "NOT_IN_GROUP": "Invite the API key to the project group_id names, with a role that may manage network access.",
    "OVERLAPPING_ATLAS_CIDR_BLOCK": (
        "Choose a block that overlaps none of a network container: another route_table_cidr_block, or atlas_cidr_block."
    ),
    "OVERLAPPING_CIDR_BLOCK": "Choose a route_table_cidr_block that does not overlap that of another peering connection.",
    "PEER_INVALID_STATE": "Wait until the connection has settled, then run the task again.",
    "PEER_MAXIMUM_REACHED": (
        "Remove connections that are no longer used, or accept those that are pending: "
        "a project holds 50 connections, of which 25 may be pending."
    ),
    "invalid_client": "Check client_id and client_secret, and that the secret has not expired.",
    "USER_UNAUTHORIZED": (
        "Check public_key and private_key (or client_id and client_secret, or access_token), and that they have a role in the "
        "project group_id names."
    ),
    "WRITES_NOT_ALLOWED_DURING_APP_UPGRADES": "Atlas is being upgraded and takes no changes: run the task again later.",
}
_HINT_BY_STATUS = {
    401: "Check public_key and private_key (or client_id and client_secret, or access_token): wrong, disabled or out of date?",
    403: "Check the roles of the API key in the project, and the API key's own access list.",
    406: "Atlas does not know the version of the API that was asked for: check base_url and api_version.",
    410: "Atlas no longer serves this version of the API: set v2 if api_version is v1.0, or else update the collection.",
    429: "Run fewer tasks at once, or raise retries.",
}
_ALREADY_EXISTS = frozenset(("PEER_ALREADY_EXISTS", "CONTAINER_ALREADY_EXISTS"))


# What every failure carries beside C(msg), be it null.
FAILURE_FIELDS = ("http_status", "error_code", "detail")


class AtlasError(Exception):
    """A failure that is told to the user as it stands.

    Args:
        message: One sentence that names the option or the cause.
        http_status: The status Atlas answered with, if it answered.
        error_code: Atlas's own code, such as V(PEER_NOT_FOUND).
        detail: Atlas's own words, or those of the network.
        hint: What to do next; it is appended to the message.
        outcome_unknown: Whether a change may have been made although no answer says so.
        is_transient: Whether the same request may well succeed a little later.

    Attributes:
        was_overtaken: Whether what was to be removed was removed by somebody else since the last look.
        was_refused_unread: Whether Atlas refused the request for its rate alone, so that any request may be sent again.
        retry_after: The seconds after which Atlas asks to try again; None if it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        error_code: str | None = None,
        detail: str | None = None,
        hint: str | None = None,
        outcome_unknown: bool = False,
        is_transient: bool = False,
    ) -> None:
        super().__init__(f"{message} {hint}" if hint else message)
        self.http_status = http_status
        self.error_code = error_code
        self.detail = detail
        self.hint = hint
        self.outcome_unknown = outcome_unknown
        self.is_transient = is_transient
        self.was_overtaken = False
        self.was_refused_unread = False
        self.retry_after: float | None = None

    def redact(self, secrets: t.Iterable[str]) -> None:
        """Take I(secrets) out of the texts."""
        secrets = list(secrets)
        self.args = tuple(redacted(text, secrets) for text in self.args)
        self.detail = self.detail and redacted(self.detail, secrets)
        self.error_code = self.error_code and redacted(self.error_code, secrets)

    @property
    def is_lost_race(self) -> bool:
        """Whether somebody else has done, since the last look, what the request was to do."""
        return self.error_code in _ALREADY_EXISTS or self.was_overtaken

    @property
    def is_unanswered(self) -> bool:
        """Whether the service did not answer the question, as far as it could have been answered: try again later."""
        return isinstance(self, AtlasConnectionError) or (self.http_status or 0) >= 500 or self.http_status == 429

    def to_result(self) -> dict[str, t.Any]:
        """Return the fields of a failed result: C(msg), C(http_status), C(error_code), C(detail)."""
        return {"msg": str(self), **{name: getattr(self, name) for name in FAILURE_FIELDS}}


class InvalidOptionError(AtlasError):
    """An option that cannot be right, found before anything is sent."""


class AtlasConnectionError(AtlasError):
    """Atlas did not answer: unreachable, TLS, time-out, a connection that broke."""


class AtlasApiError(AtlasError):
    """Atlas answered with an error, or with something that is not a reply of its API."""


class AtlasAuthError(AtlasApiError):
    """The credentials are refused, or may not do this."""


class AtlasNotFoundError(AtlasApiError):
    """What the request names does not exist."""


class AtlasConflictError(AtlasApiError):
    """The request does not fit the present state."""


class AtlasRateLimitError(AtlasApiError):
    """Atlas asked to slow down, more often than the retries allow."""


_TRANSIENT_STATUSES = frozenset((502, 503, 504))
_CLASS_BY_STATUS: dict[int, type[AtlasApiError]] = {
    401: AtlasAuthError,
    403: AtlasAuthError,
    404: AtlasNotFoundError,
    409: AtlasConflictError,
    429: AtlasRateLimitError,
}


def api_error(doing: str, status: int, body: t.Any, *, is_write: bool, secrets: t.Iterable[str] = ()) -> AtlasApiError:
    """Make the error for a reply of Atlas with an error status.

    Args:
        doing: What failed, as a verb phrase: C(list the VPC peering connections of group …).
        status: The HTTP status of the reply, or the one inside its envelope.
        body: The decoded error body; anything that is not Atlas's error object counts as no detail.
        is_write: Whether the request may have changed something all the same, if Atlas failed over it (5xx).
        secrets: What must not be shown, not even the first half of it where a long detail is cut.
    """
    fields = body if isinstance(body, dict) else {}
    # OAuth's errors have their code in another place (RFC 6749, 5.2).
    code = fields.get("errorCode") or fields.get("error")
    code = redacted(code, secrets, MAX_DETAIL_LENGTH) if isinstance(code, str) and code else None
    detail = redacted(_detail(fields), secrets, MAX_DETAIL_LENGTH) or None
    hint = _HINT_BY_CODE.get(code or "") or _HINT_BY_STATUS.get(status)
    label = f"HTTP {status} {code}" if code else f"HTTP {status}"
    text = (detail or "no reason given").rstrip(". ")
    error = _CLASS_BY_STATUS.get(status, AtlasApiError)(
        f"Failed to {doing}: {text} ({label}).",
        http_status=status,
        error_code=code,
        detail=detail,
        hint=hint,
        outcome_unknown=is_write and status >= 500,
        is_transient=status in _TRANSIENT_STATUSES,
    )
    error.was_refused_unread = isinstance(error, AtlasRateLimitError)
    return error


def _detail(fields: dict[t.Any, t.Any]) -> str:
    """Return Atlas's words: C(detail), the rejected fields that come with it, else C(reason)."""
    detail = fields.get("detail") or fields.get("error_description") or fields.get("reason")
    words = [detail] if isinstance(detail, str) else []
    # Atlas may say the same in both places.
    told = "".join(words)[:MAX_DETAIL_LENGTH]
    bad_request = fields.get("badRequestDetail")
    rejected = bad_request.get("fields") if isinstance(bad_request, dict) else None
    for one in rejected if isinstance(rejected, list) else []:
        if isinstance(one, dict) and one.get("field"):
            name, description = str(one["field"]), str(one.get("description") or "refused")
            if name not in told or description.rstrip(". ") not in told:
                words.append(f"{name}: {description}")
    words[:-1] = [word.rstrip(". ") for word in words[:-1]]
    return "; ".join(words)
