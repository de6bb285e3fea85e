# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How bad a finding about subnets of a VPC is, by who sends from there: instances send with their first interface by default."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._aws.objects import Interface
from ..facts import ConnectionFacts, or_none
from .common import judged_subnets
from .interfaces import SENDS_FIRST, clients_of, declared_subnets, empty_subnets
from .rule import Finding, Findings, Severity

_PODS = (
    "Only interfaces for pods are there. By default, nodes translate the addresses of pods into their own for what is outside of"
    " the VPC; whether these do is not known."
)
_PODS_FIX = "Name the subnets in subnet_ids: without those of pods if nodes translate their addresses, and with them if not."
# From the worst on. `warn` stands for a subnet that nothing uses.
_ORDER: tuple[Severity, ...] = ("fail", "unknown", "warn", "info")
_Judged = tuple[Severity, str]
_CERTAIN: _Judged = ("fail", "")


def weigh(findings: t.Sequence[Finding], facts: ConnectionFacts) -> Findings:
    """Yield findings of a check, those about subnets as bad as they are for what sends from there.

    With only interfaces for pods in the subnets, or only first interfaces of instances that have another one in a subnet that is
    open, or may be, a failure is unknown; with only further interfaces of instances, it is a word. Subnets that the options name
    are judged as they are.
    """
    senders = _Senders(findings, facts)
    yield from (senders.weighed(one) for one in findings)


class _Senders:
    """What may send from the subnets of a VPC.

    Args:
        findings: The findings of a check.
        facts: All facts.
    """

    def __init__(self, findings: t.Iterable[Finding], facts: ConnectionFacts) -> None:
        self._named = set(facts.selection.instance_ids or ())
        self._chosen = facts.selection.subnet_ids
        self._clients = or_none(lambda: clients_of(facts)) or []
        self._siblings: dict[str | None, list[Interface]] = {}
        for one in self._clients:
            self._siblings.setdefault(one.instance_id, []).append(one)
        self._certain, self._empty = declared_subnets(facts), empty_subnets(facts)
        self._judged = {one.id for one in or_none(lambda: judged_subnets(facts)) or ()}
        self._closed = {name for one in findings if one.severity == "fail" for name in one.subnet_ids or ()}

    def weighed(self, finding: Finding) -> Finding:
        """Return a finding as bad as it is."""
        used = [one for one in finding.subnet_ids or () if one not in self._empty]
        if finding.severity not in ("fail", "unknown") or not used:
            return finding
        found = [self._judge(one) for one in used]
        if len(used) < len(finding.subnet_ids or ()):
            found.append(("warn", SENDS_FIRST))
        severity, sentence = min(found, key=lambda one: _ORDER.index(one[0]))
        if severity == "fail":
            return finding
        if finding.severity == "unknown":
            return dataclasses.replace(finding, decides=finding.decides and severity == "unknown")
        fix = f"{finding.fix} {_PODS_FIX}" if sentence is _PODS else finding.fix
        return dataclasses.replace(finding, severity=severity, message=f"{finding.message} {sentence}", fix=fix)

    def _judge(self, subnet_id: str) -> _Judged:
        """Return how bad it is if a subnet is closed, and why."""
        clients = [one for one in self._clients if one.subnet_id == subnet_id]
        if self._chosen is not None:
            # It is judged for named instances, and others there do not matter.
            clients = [one for one in clients if one.instance_id in self._named]
        if subnet_id in self._certain or not clients:
            return _CERTAIN
        return min(map(self._judge_interface, clients), key=lambda one: _ORDER.index(one[0]))

    def _judge_interface(self, interface: Interface) -> _Judged:
        """Return how bad it is if the subnet of an interface is closed, and why."""
        # Who leaves a subnet out of subnet_ids says that nodes translate the addresses of pods there.
        if interface.is_of_pods and self._chosen is None:
            return "unknown", _PODS
        siblings = self._siblings[interface.instance_id] if interface.instance_id is not None else ()
        if interface.is_second:
            is_judged = any(one.is_first and one.subnet_id in self._judged for one in siblings)
            return ("info" if is_judged else "unknown"), SENDS_FIRST
        is_open = any(one.is_second and one.subnet_id in self._judged - self._closed for one in siblings)
        return ("unknown", SENDS_FIRST) if is_open else _CERTAIN
