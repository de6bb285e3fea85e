# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on a connection, on its subnets, and on all connections together. Pure."""

from __future__ import annotations

import typing as t

from .check import Finding

Verdict = t.Literal["reachable_by_design", "not_reachable", "unknown"]


def verdict_of(findings: t.Iterable[Finding], *, both_halves: bool) -> Verdict:
    """Return the verdict on one connection.

    Args:
        findings: What all checks found.
        both_halves: Whether Atlas and AWS were read.
    """
    listed = list(findings)
    if any(finding.severity == "fail" for finding in listed):
        return "not_reachable"
    is_unknown = any(finding.severity == "unknown" and finding.decides for finding in listed)
    return "unknown" if is_unknown or not both_halves else "reachable_by_design"


def verdict_of_subnet(subnet_id: str, findings: t.Iterable[Finding], *, both_halves: bool) -> Verdict:
    """Return the verdict on one judged subnet: that on the connection, without what concerns other subnets alone."""
    concerned = [finding for finding in findings if finding.subnet_ids is None or subnet_id in finding.subnet_ids]
    return verdict_of(concerned, both_halves=both_halves)


def worst_of(verdicts: t.Iterable[Verdict]) -> Verdict:
    """Return the verdict on all connections together; without any, nothing is known."""
    listed = list(verdicts)
    if "not_reachable" in listed:
        return "not_reachable"
    return "reachable_by_design" if listed and "unknown" not in listed else "unknown"
