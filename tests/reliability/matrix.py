"""The matrix: each fault, with each operation, for as long as it lasts, in each way of running; and what holds in every cell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.emulator.fault_kinds import KINDS
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.reliability.children import RETRIES, TIMEOUT, Ran
from ansible_collections.cloudpeer.atlas.tests.reliability.operations import OPERATIONS, Operation, names_of, peers_of

_BROKE, _SILENT = "connection to .* broke", "no answer in time from"


@dataclass(frozen=True)
class Fault:
    """A fault of the emulator, and what is to be expected of a task that meets it."""

    kind: str
    #: What a failure's message has to say; None if there is no reason to fail.
    cause: str | None
    parameters: tuple[tuple[str, Any], ...] = ()
    #: Whether the operation succeeds when it happens three times and then no more.
    passes: bool = False
    #: Whether the request does its work although the reply does not say so.
    applied: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **dict(self.parameters)}


def _status(status: int, applied: bool = False, **more: Any) -> Fault:
    parameters = (("status", status), ("applied", applied), *more.items())
    return Fault("status", f"HTTP {status}", parameters, passes=status > 500, applied=applied)


def _limited(retry_after: Any, passes: bool) -> Fault:
    return Fault("status", "HTTP 429", (("status", 429), ("retry_after", retry_after)), passes=passes)


def _statuses() -> Iterator[tuple[str, Fault]]:
    for status in (408, 500, 502, 503, 504):
        yield f"{status}", _status(status)
        yield f"{status}, applied", _status(status, applied=True)
    yield "503, Retry-After", _status(503, retry_after=1)
    waits = {"none": None, "a second": 1, "a date": {"date_in_seconds": 1}, "zero": 0, "no number": "soon", "negative": -5}
    for name, value in waits.items():
        yield f"429, Retry-After {name}", _limited(value, passes=True)
    far = {"an hour": 3600, "for ever": 10**17, "far date": {"date_in_seconds": 3600}, "bad date": "Thu, 99 Foo 20266 0:00 GMT"}
    for name, value in far.items():
        yield f"429, Retry-After {name}", _limited(value, passes=name == "bad date")
    # More than any float holds.
    yield "429, Retry-After 400 digits", _limited("9" * 400, passes=False)


FAULTS: dict[str, Fault] = {
    "latency": Fault("latency", None, (("ms", 20),), applied=True),
    "reset before": Fault("reset_before", _BROKE, passes=True),
    "close": Fault("close", _BROKE, passes=True),
    "reset after": Fault("reset_after", _BROKE, passes=True, applied=True),
    "lost reply": Fault("lost_reply", _BROKE, passes=True, applied=True),
    "truncated": Fault("truncated", _BROKE, passes=True, applied=True),
    "truncated, chunked": Fault("truncated", _BROKE, (("chunked", True),), passes=True, applied=True),
    "half JSON": Fault("half_json", "not a JSON object", applied=True),
    "drip": Fault("drip", _SILENT, (("ms", 400),), applied=True),
    "drip of headers": Fault("drip", _SILENT, (("ms", 400), ("part", "headers")), applied=True),
    "silence": Fault("silence", _SILENT),
    "silence, applied": Fault("silence", _SILENT, (("applied", True),), applied=True),
    **dict(_statuses()),
    "page": Fault("html", "not a JSON object"),
    "page, applied": Fault("html", "not a JSON object", (("applied", True),), applied=True),
    "redirect": Fault("html", "redirect", (("status", 307),)),
    "redirect, applied": Fault("html", "redirect", (("status", 308), ("applied", True)), applied=True),
    "page with 502": Fault("html", "HTTP 502", (("status", 502), ("echo_authorization", True)), passes=True),
    "page with 403": Fault("html", "HTTP 403", (("status", 403), ("echo_authorization", True))),
    "content type": Fault("content_type", None, applied=True),
    "no content type": Fault("content_type", None, (("value", None),), applied=True),
    "stale nonce": Fault("stale_nonce", "HTTP 401", passes=True),
    "page moves on": Fault("moving_page", "", (("change", "remove"),), applied=True),
    "page moves back": Fault("moving_page", "", (("change", "add"),), applied=True),
}
assert {fault.kind for fault in FAULTS.values()} == set(KINDS)
#: The kinds that no request lives to see the end of.
SLOW = ("drip", "silence")
#: How long it goes on: on the operation's own request, from the operation's own request on, or from the first request on.
DURATIONS = ("three in a row", "for ever", "everything from then on", "everything")
WAYS = ("in process", "module")
Cells = dict[str, tuple[str, str]]


#: Differ from another fault in what is read of a reply alone: `_api` takes 502 and 504 for 503, and tests of `_http` have all
#: that Retry-After may say, and all bodies. These meet each operation for one of the durations.
VARIANTS = {
    *("502", "502, applied", "504", "504, applied", "truncated, chunked", "drip of headers", "no content type"),
    *(f"429, Retry-After {value}" for value in ("a date", "zero", "no number", "negative", "far date", "bad date", "400 digits")),
}
assert FAULTS.keys() >= VARIANTS
ONE_EACH = "one each"


def _cell(number: int, turn: int, place: int) -> tuple[str, str]:
    """Return how an operation meets the fault of that number: the duration of a turn, and a way of running.

    What goes beyond one request is tried in process only, to save time. Of the other two durations, each operation meets one in
    each way: what happens on the wire is dealt with by the same code in both.
    """
    return DURATIONS[turn], WAYS[(number // 3 + place + turn) % 2 if turn < 2 else 0]


def _own_turn(number: int, place: int) -> int:
    """Return the duration that one operation meets: each the next one, so that they meet all durations, in both ways."""
    return (number // 6 + place // 3) % len(DURATIONS)


def _batches() -> Iterator[tuple[tuple[str, str], Cells]]:
    for number, name in enumerate(FAULTS):
        if name in VARIANTS:
            cells = {one: _cell(number, _own_turn(number, place), place) for place, one in enumerate(OPERATIONS)}
            yield (name, ONE_EACH), cells
        else:
            for turn, duration in enumerate(DURATIONS):
                yield (name, duration), {one: _cell(number, turn, place) for place, one in enumerate(OPERATIONS)}


#: Each fault and duration, with all operations.
BATCHES = dict(_batches())
#: What `make test` runs of each fault: every third operation, each with one duration. The tests of the engine and of the modules
#: have every fault in process.
SAMPLE = {
    name: {
        operation: _cell(number, _own_turn(number, place), place)
        for place, operation in enumerate(OPERATIONS)
        if (number + place) % 3 == 0
    }
    for number, name in enumerate(FAULTS)
}
#: The most seconds between two tries of a change.
PAUSE = 8


def longest(operation: Operation) -> float:
    """Return the most seconds that a cell may take on its own clock: what the options give for a request, and pauses."""
    # A try begins within the time of all tries, and takes its own. Between two looks, waiting pauses for a second.
    one = TIMEOUT * (RETRIES + 1) + TIMEOUT + operation.reads
    # A change that is not answered is followed by a look, which may take as long, or by another try.
    return one if operation.method == "GET" else 2 * one + (RETRIES + 1) * PAUSE


def rule_for(fault: Fault, operation: Operation, duration: str, before: int) -> dict[str, Any]:
    """Return the emulator's rule.

    Args:
        before: How many requests with credentials are answered before the operation's own.
    """
    rule: dict[str, Any] = {"fault": fault.to_json()}
    if duration == "everything":
        return rule
    rule["authenticated"] = True
    if duration == "everything from then on":
        return {**rule, "skip": before}
    return {
        **rule,
        "method": operation.method,
        "path_glob": f"*{operation.path}*",
        "times": 3 if duration == "three in a row" else None,
    }


def took_effect(entry: dict[str, Any]) -> bool:
    """Tell whether a request has changed something."""
    status = entry.get("applied", entry["status"])
    return entry["method"] != "GET" and entry["authenticated"] and status is not None and status < 300


def problems(fault: Fault, operation: Operation, duration: str, ran: Ran, emulator: RunningEmulator) -> Iterator[str]:
    """Tell what is wrong with a cell."""
    if ran.overdue:
        yield "not ended in time"
        return
    if len(ran.results) != 1:
        yield f"not one result, but {ran.output[-300:]!r}"
        return
    entries = emulator.requests.entries()
    writes = [entry["method"] for entry in entries if took_effect(entry)]
    moving, there = fault.kind == "moving_page", operation.is_there(emulator)
    if ran.seconds > longest(operation):
        yield f"took {ran.seconds:.1f} s of at most {longest(operation)}"
    if len(peers_of(emulator)) > 1 or len(names_of(emulator)) > len({*names_of(emulator)}):
        yield "a second connection"
    if len(writes) > operation.writes and not moving:
        yield f"{len(writes)} writes took effect"
    tries = RETRIES + 1
    if len(entries) > 2 * (tries + 1) * (operation.reads + 1) * tries:
        yield f"{len(entries)} requests"
    may_lie = operation.method == "GET" or duration.startswith("everything")
    if writes and not ran.changed:
        yield "changed is false after something was changed"
    if not writes and ran.changed and not (ran.failed and may_lie) and not moving:
        yield "changed is true although nothing was changed"
    if ran.failed:
        yield from _problems_of_failure(fault, operation, duration, ran)
    elif not there and not (moving and fault.parameters == (("change", "remove"),)):
        yield "ok, but the state is not there"
    elif not moving and not operation.is_told(ran.outcome):
        yield f"ok, but the result does not show the state: {ran.output[-500:]}"
    if not ran.failed and _cannot_succeed(fault, operation, duration):
        yield "ok, although no answer came"


def _cannot_succeed(fault: Fault, operation: Operation, duration: str) -> bool:
    if not fault.cause or fault.kind == "moving_page":
        return False
    # A challenge is not a fault's to refuse, so a nonce that is stale for ever is only met with credentials.
    return duration == "everything" or (operation.method == "GET" and duration != "three in a row")


def must_succeed(fault: Fault, operation: Operation, duration: str) -> bool:
    """Tell whether there is no excuse for a failure."""
    if fault.kind == "moving_page":
        return fault.parameters == (("change", "add"),) and operation.method == "GET" and operation.page_size > 2
    if fault.cause is None or (duration == "three in a row" and fault.passes):
        return True
    # A look afterwards tells that it was done.
    return fault.applied and operation.method != "GET" and duration in ("three in a row", "for ever")


def _problems_of_failure(fault: Fault, operation: Operation, duration: str, ran: Ran) -> Iterator[str]:
    if must_succeed(fault, operation, duration):
        yield f"failed: {ran.msg}"
    if fault.cause and not re.search(fault.cause, ran.msg):
        yield f"the message does not say {fault.cause!r}: {ran.msg}"
    if not ran.msg.strip() or "Traceback" in ran.msg or "exception" in ran.outcome:
        yield f"not a clean failure: {ran.output[-500:]}"
