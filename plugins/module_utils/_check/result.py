# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a check: the findings on each connection, its verdict, and a summary."""

from __future__ import annotations

import datetime
import types
import typing as t
from collections import Counter

from .._aws.objects import PeeringConnection
from .._clouds.aws import AWS
from .._clouds.azure import AZURE
from .._clouds.cloud import Peer, fields_of
from .._clouds.clouds import with_request_times
from .._clouds.gcp import GCP
from .._engine.plan import listed
from .._http.errors import TaskError
from .._values.moments import to_text
from .atlas_half import ProjectReading
from .facts import ConnectionFacts, field_of, if_known, known_or
from .findings import Found, group
from .rules import p1_atlas, p2_clusters, p3_access_list, p8_hosts
from .rules.common import atlas_block_of, connection_id_of, judged_subnets, table_of
from .rules.judged_clusters import judged_clusters
from .rules.rule import Finding, find_not_looked_at, run_checks

if t.TYPE_CHECKING:
    from .earlier import Earlier

Verdict = t.Literal["reachable_by_design", "not_reachable", "unknown"]
# Importing a file of rules registers its checks. These are about all clouds; `load_rules` imports the others.
_RULES = (p1_atlas, p2_clusters, p3_access_list, p8_hosts)
# How many codes a summary has at most.
_MOST_CODES = 5


def judge(
    facts: t.Sequence[ConnectionFacts],
    are_both_read: t.Callable[[ConnectionFacts], bool],
    projects: t.Sequence[ProjectReading] | None = None,
    earlier: Earlier | None = None,
) -> dict[str, object]:
    """Run all checks on all connections, and return `peering_check` of the result.

    Args:
        facts: The facts on each connection.
        are_both_read: Returns whether both halves of a connection are known.
        projects: The projects of a task on several; None if it is about one.
        earlier: An earlier report to compare with; None if there is none.
    """
    load_rules({one.entry.provider.name for one in facts})
    now = facts[0].now if facts else datetime.datetime.now(datetime.timezone.utc)
    judged = [_judge_one(one, both_halves=are_both_read(one)) for one in facts]
    found, failed = [one.row for one in judged], [one for one in projects or () if one.failure is not None]
    findings = group(judged, to_text(now))
    if earlier is not None:
        # Loaded where a task has such a report.
        from .earlier import compare

        findings = compare(findings, earlier, found, {(one.group_id, cloud) for one in failed for cloud in one.unread_clouds})
    if projects is not None:
        for one in found:
            one["checks"] = [check for check in one["checks"] if check["severity"] not in ("ok", "skipped")]
    _add_connections(found, [one.entry.network_id for one in facts])
    verdicts: list[Verdict] = [one["verdict"] for one in found]
    verdict = worst_of([*verdicts, "unknown"] if failed else verdicts)
    titles = [one.entry.network_title for one in facts]
    summary = _summarize(found, titles, verdict, both_halves=all(map(are_both_read, facts)))
    of_projects = {} if projects is None else show_projects(projects, found)
    if projects is not None:
        summary = f"{summary} {_summarize_projects(projects, len(failed))}"
    return {
        "verdict": verdict,
        "summary": summary,
        "not_looked_at": find_not_looked_at(facts),
        "findings": findings,
        "connections": found,
        **of_projects,
    }


def show_projects(projects: t.Sequence[ProjectReading], found: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, object]:
    """Return the fields of a result on several projects: each of them, and why some could not be read.

    Args:
        projects: The projects.
        found: The connections that were judged.
    """
    verdicts: dict[str | None, list[Verdict]] = {one.group_id: ["unknown"] if one.failure else [] for one in projects}
    for row in found:
        verdicts[row["group_id"]].append(row["verdict"])
    shown, failures = [], []
    for one in projects:
        lists = [reading.peers for reading in one.readings.values() if not isinstance(reading.peers, TaskError)]
        states = Counter(peer["status_name"] for peers in lists for peer in peers)
        of_project = verdicts[one.group_id]
        shown.append(
            {
                "id": one.group_id,
                "name": one.name,
                "org_id": one.org_id,
                "count": sum(states.values()),
                "states": dict(sorted(states.items())),
                "verdict": worst_of(of_project) if of_project else None,
            }
        )
        if one.failure is not None:
            failures.append({"group_id": one.group_id, "project_name": one.name, **one.failure.to_result()})
    return {"projects": shown, "failures": failures}


def _summarize_projects(projects: t.Sequence[ProjectReading], failed: int) -> str:
    text = f"{len(projects)} {'project' if len(projects) == 1 else 'projects'}"
    return f"{text}, of which {failed} could not be read." if failed else f"{text} read."


def load_rules(clouds: t.Collection[str]) -> list[types.ModuleType]:
    """Import the files of rules about some clouds alone, which registers their checks.

    Args:
        clouds: The names of the clouds.

    Returns:
        The imported files.
    """
    found: list[types.ModuleType] = []
    if AWS.name in clouds:
        from .rules import p4_aws, p5_dns, p6_routes, p7_filters

        found += (p4_aws, p5_dns, p6_routes, p7_filters)
    if AZURE.name in clouds:
        from .rules import a4_vnet, a6_subnets

        found += (a4_vnet, a6_subnets)
    if GCP.name in clouds:
        from .rules import g4_mirror, g7_firewalls

        found += (g4_mirror, g7_firewalls)
    return found


def verdict_of(findings: t.Iterable[Finding], *, both_halves: bool) -> Verdict:
    """Return the verdict on one connection.

    Args:
        findings: What all checks found.
        both_halves: Whether Atlas's half and the customer's are known.
    """
    listed = list(findings)
    if any(finding.severity == "fail" for finding in listed):
        return "not_reachable"
    is_unknown = any(finding.severity == "unknown" and finding.decides for finding in listed)
    return "unknown" if is_unknown or not both_halves else "reachable_by_design"


def verdict_of_subnet(subnet_id: str, findings: t.Iterable[Finding], *, both_halves: bool) -> Verdict:
    """Return the verdict on one judged subnet, without the findings that concern only other subnets."""
    concerned = [finding for finding in findings if finding.subnet_ids is None or subnet_id in finding.subnet_ids]
    return verdict_of(concerned, both_halves=both_halves)


def worst_of(verdicts: t.Iterable[Verdict]) -> Verdict:
    """Return the verdict on all connections together; `unknown` if there are none."""
    listed = list(verdicts)
    if "not_reachable" in listed:
        return "not_reachable"
    return "reachable_by_design" if listed and "unknown" not in listed else "unknown"


def _add_connections(found: t.Sequence[dict[str, t.Any]], networks: t.Sequence[str]) -> None:
    """Add `connections` to each finding: the networks of all connections of the project that have the same one."""
    together: dict[tuple[str, ...], dict[str, None]] = {}
    keys = ("code", "severity", "subject", "message")
    for one, network in zip(found, networks):
        for check in one["checks"]:
            together.setdefault((one["group_id"], *(check[key] for key in keys)), {})[network] = None
    for one in found:
        for check in one["checks"]:
            check["connections"] = list(together[(one["group_id"], *(check[key] for key in keys))])


def _judge_one(facts: ConnectionFacts, *, both_halves: bool) -> Found:
    findings, network = run_checks(facts), _network(facts)
    row = {
        "group_id": facts.group_id,
        "project_name": facts.project_name,
        "provider_name": facts.entry.provider.name,
        **network,
        "peer_id": field_of(facts.atlas.peer, "id"),
        "status_name": field_of(facts.atlas.peer, "status_name"),
        "error_state_name": field_of(facts.atlas.peer, "error_state_name"),
        "container_id": field_of(facts.atlas.container, "id") or field_of(facts.atlas.peer, "container_id"),
        "container_region": (known_or(facts.atlas.container, None) or {}).get("region_name"),
        "atlas_cidr_block": if_known(lambda: str(atlas_block_of(facts))),
        "cluster_names": if_known(lambda: [one["name"] for one in judged_clusters(facts)]) or [],
        "verdict": verdict_of(findings, both_halves=both_halves),
        **_request_times(facts),
        "subnets": if_known(lambda: _subnets(facts, findings, both_halves=both_halves)) or [],
        "checks": [one.to_result() for one in findings],
    }
    return Found(row, [*network], facts.entry.network_id, findings)


def _network(facts: ConnectionFacts) -> dict[str, str | None]:
    """Return the fields of the customer's network, which differ between clouds."""
    entry, peer = facts.entry, facts.atlas.peer
    if entry.params["vpc_id"]:
        return {
            "vpc_id": entry.params["vpc_id"],
            "vpc_name": vpc.name if (vpc := known_or(facts.aws.vpc, None)) is not None else None,
            "aws_account_id": entry.params["aws_account_id"] or field_of(peer, "aws_account_id"),
            "region": entry.region,
            "connection_id": if_known(lambda: connection_id_of(facts)),
        }
    return {name: field_of(peer, name) or entry.network[name] for name in entry.provider.names or entry.provider.identity}


def _subnets(facts: ConnectionFacts, findings: t.Sequence[Finding], *, both_halves: bool) -> list[dict[str, object]]:
    tables = known_or(facts.aws.route_tables, ())
    return [
        {
            "subnet_id": one.id,
            "subnet_name": one.name,
            "cidr_block": one.cidr_block,
            "route_table_id": table.id if (table := table_of(one, tables)) is not None else None,
            "verdict": verdict_of_subnet(one.id, findings, both_halves=both_halves),
        }
        for one in judged_subnets(facts)
    ]


def _request_times(facts: ConnectionFacts) -> dict[str, str | None]:
    """Return when a connection was requested, and when that expires: exactly if AWS was read, or else by the connection's age."""
    peer, connection = known_or(facts.atlas.peer, None), facts.aws.connection
    times = {} if peer is None else fields_of(with_request_times(t.cast(Peer, peer)))
    expires_at = times.get("expires_at")
    if isinstance(connection, PeeringConnection):
        expires_at = connection.expiration_time if connection.status == "pending-acceptance" else None
    return {"requested_at": times.get("requested_at"), "expires_at": expires_at}


def _summarize(
    connections: t.Sequence[t.Mapping[str, t.Any]], titles: t.Sequence[str], verdict: str, *, both_halves: bool
) -> str:
    """Return one or two sentences for the user."""
    if not connections:
        return "There is no connection to check."
    if len(connections) == 1:
        words = "could not be judged" if verdict == "unknown" else f"is {_in_words(verdict)}"
        text = f"The connection with {titles[0]} {words}"
    else:
        counts = {name: sum(one["verdict"] == name for one in connections) for name in t.get_args(Verdict)}
        parts = [f"{count} {_in_words(name)}" for name, count in counts.items() if count]
        text = f"{len(connections)} connections: {', '.join(parts)}"
    worst = "fail" if verdict == "not_reachable" else "unknown"
    codes = sorted({check["code"] for one in connections for check in one["checks"] if check["severity"] == worst})
    if verdict != "reachable_by_design" and codes:
        text += f" ({listed(codes, _MOST_CODES)})"
    return text + ("." if both_halves else ". One side was not checked.")


def _in_words(verdict: str) -> str:
    return verdict.replace("_", " ")
