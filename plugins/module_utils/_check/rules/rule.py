# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks: how a function becomes one, what it finds, and how all of them run."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import typing as t
from dataclasses import dataclass, field

from ..._clouds.aws import AWS
from ..._http.redact import visible
from ..._values.ids import written
from ..facts import ATLAS_ROLE, ConnectionFacts, Missing, SkippedError, Unread, UnreadError
from .interfaces import empty_subnets, empty_vnet_subnets

Level = t.Literal["fail", "warn", "info"]
Severity = t.Literal["fail", "warn", "info", "ok", "unknown", "skipped"]
# Who can carry out a fix: the owner of the network, its organization or a folder of that, Atlas's project, or the playbook.
FixOwner = t.Literal["network", "organization", "atlas", "playbook"]


class Ending(t.NamedTuple):
    """The end of something, such as the time to accept a request.

    Attributes:
        what: What several of its kind do, for a sentence: "wait for acceptance".
        at: When it ends.
    """

    what: str
    at: datetime.datetime


@dataclass(frozen=True)
class Finding:
    """The finding of a check on one subject.

    Attributes:
        severity: How bad it is.
        subject: What it is about: the id of an object, or a name.
        message: What was found, in a sentence.
        fix: What to do, in a sentence; empty for nothing.
        evidence: The values that the finding is made from.
        subnet_ids: The judged subnets that a failure cuts off from Atlas; None for all of them.
        code: The code of the check, which `run_checks` fills in.
        waits_for: If skipped, the code of the check that reports the cause; None if there is none.
        decides: Whether severity `unknown` makes the verdict unknown; `run_checks` sets False for levels below `fail`.
        ending: What ends, and when, if it is about that: of several such findings, the soonest is said.
        commands: Lines that carry out the fix in the customer's cloud; see `lines`.
        owner: Who can carry it out; None for the usual one of its code, see `owner_of`.
        marked: The message and the fix with marks around names; `run_checks` takes these out of the others.
    """

    severity: Severity
    subject: str
    message: str
    fix: str = ""
    evidence: t.Mapping[str, object] = field(default_factory=dict)
    subnet_ids: tuple[str, ...] | None = None
    code: str = ""
    waits_for: str | None = None
    decides: bool = True
    ending: Ending | None = None
    commands: tuple[str, ...] = ()
    owner: FixOwner | None = None
    marked: tuple[str, str] = ("", "")

    def to_result(self) -> dict[str, object]:
        """Return the finding as results show it."""
        names = ("code", "severity", "subject", "message", "fix", "evidence", "waits_for")
        return {name: getattr(self, name) for name in names}


Findings = t.Iterator[Finding]
Function = t.Callable[[ConnectionFacts], Findings]
# Yields the findings of a check as bad as they are, which depends on who sends from the subnets that they are about.
Weigh = t.Callable[[t.Sequence[Finding], ConnectionFacts], Findings]
# Yields sentences about what no check has looked at.
NotLookedAt = t.Callable[[ConnectionFacts], t.Iterator[str]]


@dataclass(frozen=True)
class Check:
    """A check.

    Attributes:
        code: Its code, with an anchor in the guide.
        level: The worst severity that it finds. With `fail`, the verdict is unknown if the check could not read its facts.
        waits_for: The codes of checks that report a cause: if one of them fails, this one is skipped.
        function: Yields the findings.
        clouds: The names of the clouds whose connections it judges.
        weigh: What is asked of findings about subnets that would decide; None if they stand.
    """

    code: str
    level: Level
    waits_for: tuple[str, ...]
    function: Function
    clouds: tuple[str, ...]
    weigh: Weigh | None = None


CHECKS: dict[str, Check] = {}
_AGAIN = "Check again in a minute."
# By the name of the cloud.
_NOT_LOOKED_AT: dict[str, list[NotLookedAt]] = {}


def check(
    code: str,
    level: Level = "fail",
    *,
    waits_for: t.Sequence[str] = (),
    clouds: t.Sequence[str] = (AWS.name,),
    weigh: Weigh | None = None,
) -> t.Callable[[Function], Function]:
    """Register a function as a check; the arguments are the attributes of `Check`.

    It yields findings, or nothing if all is well. `known` ends it if a fact is unread or missing; earlier findings count.
    """

    def register(function: Function) -> Function:
        if code in CHECKS:
            raise ValueError(f"There are two checks {code}.")
        CHECKS[code] = Check(code, level, tuple(waits_for), function, tuple(clouds), weigh)
        return function

    return register


def not_looked_at(cloud: str) -> t.Callable[[NotLookedAt], NotLookedAt]:
    """Register a function that says what no check looks at on connections with a cloud, in one sentence for each thing.

    `known` ends it if a fact is unread or missing, so that nothing is said about what was not read at all.
    """

    def register(function: NotLookedAt) -> NotLookedAt:
        _NOT_LOOKED_AT.setdefault(cloud, []).append(function)
        return function

    return register


def find_not_looked_at(facts: t.Iterable[ConnectionFacts]) -> list[str]:
    """Return what no check has looked at on some connections, each sentence once."""
    found: list[str] = []
    for one in facts:
        for function in _NOT_LOOKED_AT.get(one.entry.provider.name, ()):
            with contextlib.suppress(SkippedError, UnreadError):
                found.extend(map(written, function(one)))
    return list(dict.fromkeys(found))


def owner_of(finding: Finding) -> FixOwner:
    """Return who can carry out a fix: by default, Atlas's project for its half (codes 1xx to 3xx), or else the network's owner.

    Of what could not be read, the owner is the one who gives the permission.
    """
    if finding.owner is not None:
        return finding.owner
    permission = finding.evidence.get("permission")
    is_of_atlas = finding.code[1:2] in "123" if permission is None else permission == ATLAS_ROLE
    return "atlas" if is_of_atlas else "network"


def skip(reason: str, waits_for: str | None = None) -> SkippedError:
    """Return what a check raises if it has nothing to judge, or if the check `waits_for` reports the cause."""
    return SkippedError(Missing(reason, waits_for))


def not_read(unread: Unread, subject: str, subnet_ids: tuple[str, ...] | None = None) -> Finding:
    """Return the finding for an unread fact, with the permission that may be missing."""
    permission = unread.permission
    evidence = {"permission": permission} if permission else {}
    fix = f"Allow {permission} to these credentials." if permission else unread.advice
    owner: FixOwner | None = "playbook" if unread.is_of_playbook else None
    return Finding("unknown", subject, unread.message, fix, evidence, subnet_ids, owner=owner)


def run_checks(facts: ConnectionFacts, codes: t.Container[str] | None = None) -> list[Finding]:
    """Run all checks for the cloud of a connection, in the order of their codes; each has at least one finding.

    Args:
        facts: The facts on the connection.
        codes: The checks to run; None for all.

    A check that was skipped for a cause is `unknown` if no finding reports that cause.
    """
    findings: list[Finding] = []
    failed: set[str] = set()
    # With those that are warnings because they are about subnets without clients.
    reporting: set[str | None] = {None}
    empty = functools.cache(lambda: empty_subnets(facts) | empty_vnet_subnets(facts))
    for code, one in sorted(CHECKS.items(), key=_order_of):
        if facts.entry.provider.name not in one.clouds or (codes is not None and code not in codes):
            continue
        cause = next((cause for cause in one.waits_for if cause in failed), None)
        found = [_skipped(facts, Missing(f"See {cause}.", cause))] if cause else _run(one, facts)
        reporting |= {code for finding in found if finding.severity in ("fail", "unknown")}
        if one.weigh is not None and any(_is_about_subnets(finding) for finding in found):
            found = [*one.weigh(found, facts)]
        found = [_without_clients(finding) if _is_about_empty(finding, empty) else finding for finding in found]
        failed |= {code for finding in found if finding.severity == "fail"}
        findings += [_completed(each, one) for each in found]
    causes = _causes_in(findings, reporting)
    return [_without_cause(one) if one.severity == "skipped" and one.waits_for not in causes else one for one in findings]


def _is_about_subnets(finding: Finding) -> bool:
    """Whether a finding is about some subnets, and would decide."""
    return finding.severity in ("fail", "unknown") and bool(finding.subnet_ids)


def _is_about_empty(finding: Finding, empty: t.Callable[[], set[str]]) -> bool:
    """Whether a finding concerns subnets without any network interface in use alone, and would decide."""
    return _is_about_subnets(finding) and empty().issuperset(finding.subnet_ids or ())


def _without_clients(finding: Finding) -> Finding:
    """Return a finding about subnets without any network interface in use: no client is there yet, so it is a warning at most."""
    if finding.severity != "fail":
        return dataclasses.replace(finding, decides=False)
    message = f"{finding.message} No network interface is in use there yet; a client there would be cut off."
    return dataclasses.replace(finding, severity="warn", message=message)


def _completed(finding: Finding, of: Check) -> Finding:
    """Return a finding with its code, and texts that can be shown. One of severity `unknown` always has advice."""
    marked = (finding.message, finding.fix or (_AGAIN if finding.severity == "unknown" else ""))
    message, fix = (visible(written(text)) if finding.severity == "unknown" else written(text) for text in marked)
    decides = finding.decides and of.level == "fail"
    return dataclasses.replace(finding, code=of.code, message=message, fix=fix, marked=marked, decides=decides)


def _order_of(item: tuple[str, Check]) -> str:
    """Return the key to sort checks by: the number, which is the same for the same subject on all clouds."""
    return item[0][1:]


def _causes_in(findings: t.Sequence[Finding], reporting: t.Iterable[str | None]) -> set[str | None]:
    """Return the codes that report a cause: `reporting`, and those that wait for one of these."""
    causes = set(reporting)
    while more := {one.code for one in findings if one.waits_for and one.waits_for in causes} - causes:
        causes |= more
    return causes


def _without_cause(finding: Finding) -> Finding:
    """Turn a skipped finding into an `unknown` one, since no finding reports the cause."""
    marked = (f"{finding.marked[0]} Unknown why: {finding.waits_for} found nothing.", _AGAIN)
    finding = dataclasses.replace(finding, severity="unknown", waits_for=None, marked=marked)
    return dataclasses.replace(finding, message=written(marked[0]), fix=_AGAIN)


def _run(one: Check, facts: ConnectionFacts) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(one.function(facts))
    except UnreadError as error:
        found.append(not_read(error.unread, facts.entry.network_id))
    except SkippedError as error:
        if not found:
            found.append(_skipped(facts, error.missing))
    return found or [Finding("ok", facts.entry.network_id, "")]


def _skipped(facts: ConnectionFacts, missing: Missing) -> Finding:
    return Finding("skipped", facts.entry.network_id, missing.reason, waits_for=missing.waits_for)
