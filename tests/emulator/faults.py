"""What goes wrong with which request to the emulator: the first choice for faults of a real Atlas and of the way to it.

A rule is a JSON object; no HTTP in here::

    {"method": "POST", "path": "/api/atlas/v2/groups/", "authenticated": true, "times": 3, "skip": 1,
     "fault": {"kind": "status", "status": 503, "retry_after": 1}}

`fault` is needed, everything else may be left out. `path` is the beginning of the request's target, `path_glob` (instead of
it) the whole of it, in which `*` stands for any characters, the slash too, and nothing else for anything but itself; the target
is path and query as they were sent. What there is of faults stands in `fault_kinds`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .fault_kinds import Fault, RuleError, is_text, parse_fault

MAX_RULES = 1000
_MAX_COUNT = 10**9
_NAMES = ("method", "path", "path_glob", "authenticated", "times", "skip", "fault")
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,50}")
_A_LIST = re.compile(r"/(peers|containers|containers/all|accessList)/?(\?|$)")


@dataclass(frozen=True)
class Attempt:
    """What of a request decides whether a rule is about it."""

    method: str
    #: Path and query as they were sent.
    target: str
    #: Whether its credentials are right: of a digest exchange, the second half.
    authenticated: bool
    by_digest: bool = False


@dataclass(frozen=True)
class Glob:
    """A pattern for all of a text, with `*` for any characters. It takes no longer for a text that is made to be hard."""

    pattern: str

    def fits(self, text: str) -> bool:
        """Tell whether the pattern is for this text."""
        first, *parts = self.pattern.split("*")
        if not parts:
            return text == first
        last = parts.pop()
        end = len(text) - len(last)
        position = len(first)
        if end < position or not (text.startswith(first) and text.endswith(last)):
            return False
        for part in parts:
            # The leftmost place leaves the most room for the rest.
            position = text.find(part, position, end)
            if position < 0:
                return False
            position += len(part)
        return True


@dataclass
class Rule:
    """What goes wrong with the requests that it is about."""

    fault: Fault
    method: str | None = None
    path: str | None = None
    path_glob: Glob | None = None
    authenticated: bool | None = None
    #: How often it happens; None is for ever.
    times: int | None = None
    #: How many requests it lets pass before.
    skip: int = 0
    #: How many requests it was about, those that it let pass too.
    matched: int = field(default=0, init=False)
    happened: int = field(default=0, init=False)

    def is_about(self, attempt: Attempt) -> bool:
        """Tell whether the rule is about a request, be it spent or not."""
        if self.fault.kind == "stale_nonce" and not attempt.by_digest:
            return False
        if self.fault.kind == "moving_page" and not (attempt.method == "GET" and _A_LIST.search(attempt.target)):
            return False
        return self.authenticated in (None, attempt.authenticated) and self.fits(attempt.method, attempt.target)

    def fits(self, method: str, target: str) -> bool:
        """Tell whether the rule is about requests with a method and a target."""
        return (
            self.method in (None, method)
            and (self.path is None or target.startswith(self.path))
            and (self.path_glob is None or self.path_glob.fits(target))
        )

    def take(self, attempt: Attempt) -> bool:
        """Count a request, and tell whether the fault happens to it."""
        if not self.is_about(attempt):
            return False
        self.matched += 1
        if self.matched <= self.skip or self.happened == self.times:
            return False
        self.happened += 1
        return True

    def to_json(self) -> dict[str, Any]:
        """Return the rule and how often it has happened."""
        shown: dict[str, Any] = {name: getattr(self, name) for name in _NAMES}
        pattern = self.path_glob.pattern if self.path_glob else None
        return {**shown, "path_glob": pattern, "fault": self.fault.to_json(), "matched": self.matched, "happened": self.happened}


class Faults:
    """The rules, of which the first that is about a request and not spent decides. A request has one fault at most."""

    def __init__(self) -> None:
        """Start with no rule."""
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(self, rules: Sequence[Rule]) -> None:
        """Add rules behind those that there are.

        Raises:
            RuleError: When there would be too many.
        """
        with self._lock:
            if len(self._rules) + len(rules) > MAX_RULES:
                raise RuleError(f"there can be {MAX_RULES} rules")
            self._rules.extend(rules)

    def take(self, attempt: Attempt) -> Fault | None:
        """Return what happens to a request, and count it."""
        with self._lock:
            return next((rule.fault for rule in self._rules if rule.take(attempt)), None)

    def may_hit(self, method: str, target: str) -> bool:
        """Tell whether something may happen to a request, now or after others, whatever its credentials are."""
        with self._lock:
            return any(rule.happened != rule.times and rule.fits(method, target) for rule in self._rules)

    def to_json(self) -> list[dict[str, Any]]:
        """Return all rules and how often each has happened."""
        with self._lock:
            return [rule.to_json() for rule in self._rules]

    def clear(self) -> None:
        """Remove all rules."""
        with self._lock:
            self._rules.clear()


def parse_rules(given: object) -> list[Rule]:
    """Read one rule or a list of rules.

    Raises:
        RuleError: When one of them cannot be understood.
    """
    return [_parse_rule(one) for one in (given if isinstance(given, list) else [given])]


def _parse_rule(given: object) -> Rule:
    if not isinstance(given, dict):
        raise RuleError("a rule has to be an object")
    if "path_regex" in given:
        raise RuleError("there is no path_regex any more; write a path_glob, for the whole target, in which * is any characters")
    for name in given:
        if name not in _NAMES:
            raise RuleError(f"{name!a} is no part of a rule; there are: {', '.join(_NAMES)}")
    if "fault" not in given:
        raise RuleError("a rule needs a fault")
    method, path, authenticated = given.get("method"), given.get("path"), given.get("authenticated")
    if method is not None and not (isinstance(method, str) and _METHOD.fullmatch(method)):
        raise RuleError("method has to be an HTTP method, or null for any")
    if path is not None and not (is_text(path) and path.startswith("/")):
        raise RuleError("path has to be the beginning of a path, with a slash in front, or null for any")
    if path is not None and given.get("path_glob") is not None:
        raise RuleError("a rule has either path or path_glob")
    if not (authenticated is None or isinstance(authenticated, bool)):
        raise RuleError("authenticated has to be true, false, or null for both")
    return Rule(
        fault=parse_fault(given["fault"]),
        method=method and method.upper(),
        path=path,
        path_glob=_parse_glob(given.get("path_glob")),
        authenticated=authenticated,
        times=None if given.get("times") is None else _parse_count("times", given["times"], 1),
        skip=_parse_count("skip", given.get("skip", 0), 0),
    )


def _parse_count(name: str, value: object, lowest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= _MAX_COUNT:
        raise RuleError(f"{name} has to be a whole number from {lowest}")
    return value


def _parse_glob(text: object) -> Glob | None:
    if text is None:
        return None
    if isinstance(text, str) and is_text(text):
        return Glob(text)
    raise RuleError("path_glob has to be text, in which * stands for any characters, or null for any path")
