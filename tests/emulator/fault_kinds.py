"""The kinds of faults, and which parameters each takes; no HTTP in here."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

#: Nobody means to wait longer; it also keeps the event loop's own limits away.
MAX_MS = 3_600_000
_REQUIRED = object()
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
#: Those of replies that can have a body.
_STATUSES = frozenset(int(status) for status in HTTPStatus if status >= 200) - {204, 205, 304}


class RuleError(ValueError):
    """A rule that cannot be understood; the message says why."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kind of fault."""

    #: What the value has to be, in words.
    wanted: str
    is_right: Callable[[Any], bool]
    default: Any = _REQUIRED


@dataclass(frozen=True)
class Fault:
    """What goes wrong."""

    kind: str
    parameters: Mapping[str, Any]

    @property
    def applied(self) -> bool:
        """Whether the request does what it is meant to do."""
        return bool(self.parameters.get("applied", self.kind in APPLIED))

    def to_json(self) -> dict[str, Any]:
        """Return the fault with all its parameters, the defaults too."""
        return {"kind": self.kind, **self.parameters}


def is_number(value: object, highest: float) -> bool:
    """Tell whether a JSON value is a number from 0 to the highest."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= highest


def is_text(value: object) -> bool:
    """Tell whether a JSON value is text that can be sent on: JSON knows half characters, which no encoding does."""
    if not isinstance(value, str) or len(value) > 10_000:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_header_value(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 1000 and _HEADER_VALUE.fullmatch(value) is not None


def _milliseconds(default: Any) -> Parameter:
    return Parameter(f"milliseconds from 0 to {MAX_MS}", lambda value: is_number(value, MAX_MS), default)


def _boolean(default: bool) -> Parameter:
    return Parameter("true or false", lambda value: isinstance(value, bool), default)


def _one_of(*values: str) -> Parameter:
    return Parameter(f"one of {', '.join(values)}", lambda value: isinstance(value, str) and value in values, values[0])


def _status(default: Any, lowest: int) -> Parameter:
    def is_right(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value in _STATUSES and value >= lowest

    return Parameter(f"an HTTP status from {lowest}", is_right, default)


def _header(wanted: str, default: str | None) -> Parameter:
    return Parameter(f"{wanted}, or null for no such header", lambda value: value is None or _is_header_value(value), default)


def _is_retry_after(value: object) -> bool:
    if isinstance(value, dict):
        return list(value) == ["date_in_seconds"] and is_number(value["date_in_seconds"], MAX_MS)
    return value is None or _is_header_value(value) or (isinstance(value, int) and abs(value) < 10**18)


_RETRY_AFTER = Parameter(
    'seconds, or text that is sent as it is, or {"date_in_seconds": n}, or null for no such header', _is_retry_after, None
)
_ERROR_CODE = Parameter(
    "an errorCode in capitals, or null for the usual one of the status",
    lambda value: value is None or (isinstance(value, str) and _CODE.fullmatch(value) is not None),
    None,
)

#: Kind: its parameters.
KINDS: Mapping[str, Mapping[str, Parameter]] = {
    #: The request waits before it is applied; the reply is right.
    "latency": {"ms": _milliseconds(_REQUIRED)},
    #: TCP RST, and nothing was done.
    "reset_before": {},
    #: The connection is closed, and nothing was done.
    "close": {},
    #: Done, and then TCP RST instead of the reply.
    "reset_after": {},
    #: Done, and then the connection is closed instead of the reply.
    "lost_reply": {},
    #: Half of the reply's body, then the connection is closed: short of its Content-Length, or without a last chunk.
    "truncated": {"chunked": _boolean(False)},
    #: Right HTTP around half of the JSON.
    "half_json": {},
    #: The body, or status line and headers, a byte at a time.
    "drip": {"ms": _milliseconds(50), "part": _one_of("body", "headers")},
    #: No reply, until the client goes.
    "silence": {"applied": _boolean(False)},
    #: An error as Atlas words it, with a Retry-After if one is given.
    "status": {"status": _status(_REQUIRED, 400), "applied": _boolean(False), "retry_after": _RETRY_AFTER, "code": _ERROR_CODE},
    #: A page as a proxy or a log-in wall sends it; it may repeat the Authorization header that it was sent.
    "html": {"status": _status(200, 200), "applied": _boolean(False), "echo_authorization": _boolean(False)},
    #: The right body under a wrong name.
    "content_type": {"value": _header("a header's value", "text/plain")},
    #: 401 with a new nonce and stale=true, whatever nonce was used.
    "stale_nonce": {},
    #: After the reply, the first element of the list is removed, or one is put in front of it.
    "moving_page": {"change": _one_of("remove", "add")},
}
#: Those that have no say in it and let the request do its work.
APPLIED = ("latency", "reset_after", "lost_reply", "truncated", "half_json", "drip", "content_type", "moving_page")


def parse_fault(given: object) -> Fault:
    """Read a fault.

    Raises:
        RuleError: When it cannot be understood.
    """
    if not isinstance(given, dict):
        raise RuleError("fault has to be an object with a kind")
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise RuleError(f"fault.kind has to be one of {', '.join(KINDS)}")
    known = KINDS[kind]
    for name in given:
        if name != "kind" and name not in known:
            raise RuleError(f"fault.{name!a} is no parameter of {kind}; there are: {', '.join(known) or 'none'}")
    parameters = {}
    for name, parameter in known.items():
        value = given.get(name, parameter.default)
        if value is _REQUIRED or (value is not parameter.default and not parameter.is_right(value)):
            raise RuleError(f"fault.{name} of {kind} has to be {parameter.wanted}")
        parameters[name] = value
    return Fault(kind, parameters)
