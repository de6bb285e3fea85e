# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""P2: the clusters, and what their connection strings resolve to."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._clouds.cloud import Cloud
from ..._clouds.clouds import ALL_CLOUDS
from ..._resources.clusters import has_nodes_at
from ..facts import AtlasObject, ConnectionFacts, Missing, known, named
from .common import REBINDING, all_of, listed, need_container, own_dns_servers
from .judged_clusters import (
    FurtherRegions,
    Problem,
    assumed_port,
    has_known_state,
    has_private_string,
    is_dedicated,
    is_in_region,
    is_running,
    is_serverless,
    need_clusters,
)
from .rule import Finding, Findings, Severity, check, owner_of, skip

# A private connection string needs a connection and a cluster.
STRING_CAUSES = ("P101", "P102", "P201")
_LARGER = "Upgrade it: network peering needs a dedicated cluster, M10 or larger."
_MOVE = "Move its data to a dedicated cluster, M10 or larger."


@check("P201", clouds=ALL_CLOUDS)
def find_no_cluster(facts: ConnectionFacts) -> Findings:
    """A dedicated cluster has nodes in the region of the container."""
    container, cloud = need_container(facts), facts.entry.provider
    region = container.get("region_name")
    dedicated = [one for one in known(facts.atlas.clusters) if is_dedicated(one)]
    if not dedicated and _small_clusters(facts):
        raise skip("There is no dedicated cluster.", "P204")
    is_there = any(has_nodes_at(each, region, cloud) for one in dedicated for each in one["regions"])
    if not is_there and not any(is_in_region(one, region, cloud) for one in dedicated):
        place = f"in {region}" if not cloud.has_one_container else f"on {cloud.name}"
        message = f"No cluster has nodes {place}; the connection leads nowhere."
        serverless = [one["name"] for one in known(facts.atlas.clusters) if is_serverless(one)]
        if serverless:
            are = "is a Serverless instance" if len(serverless) == 1 else "are Serverless instances"
            message += f" {listed(serverless)} {are}, which cannot be peered."
        other = "network container in the region" if not cloud.has_one_container else "network container on the cloud"
        fix = f"Create a cluster {place}, or connect the {other} of the cluster."
        evidence = {"region_name": region, "clusters": {one["name"]: _names(one["regions"], cloud) for one in dedicated}}
        yield Finding("fail", container["id"], message, fix, evidence)


@check("P202", waits_for=("P201",), clouds=ALL_CLOUDS)
def find_unpeered_regions(facts: ConnectionFacts) -> Findings:
    """All regions of the judged clusters are connected with the network, since drivers connect to all members.

    On AWS, the way to each of them is judged, too.
    """
    further = FurtherRegions(facts)
    for cluster in need_clusters(facts):
        for problem in further.problems_of(cluster):
            severity = problem.severity if problem.severity != "fail" else _severity(facts, further)
            names = _names(problem.regions, facts.entry.provider)
            begin = f"{named(cluster['name'])} has {'nodes' if problem.is_electable else 'read-only nodes'} in {listed(names)}"
            if problem.finding is None:
                yield _not_connected(severity, begin, problem, cluster, facts)
                continue
            found = problem.finding
            evidence = {**found.evidence, "regions": names, "code": found.code, "subject": found.subject}
            message = f"{begin}, and on the way there, {found.code} reports: {found.marked[0]}"
            yield dataclasses.replace(
                found,
                severity=severity,
                subject=cluster["name"],
                message=message,
                fix=found.marked[1],
                evidence=evidence,
                code="",
                ending=None,
                owner=owner_of(found),
            )


@check("P203", waits_for=("P201",), clouds=ALL_CLOUDS)
def find_not_running(facts: ConnectionFacts) -> Findings:
    """The judged clusters run. If Atlas does not report their ports, a finding names those that are assumed."""
    further = FurtherRegions(facts)
    for cluster in need_clusters(facts):
        if is_running(cluster):
            yield from _find_assumed_port(cluster)
            continue
        severity = _severity(facts, further)
        if not has_known_state(cluster):
            message = f"Atlas reports an unknown state of {named(cluster['name'])}: {cluster['state_name']!r}."
            if cluster["paused"] is None:
                message = f"Atlas does not report whether {named(cluster['name'])} is paused."
            fix = "Look at the cluster in Atlas, or name other clusters."
            yield Finding("unknown", cluster["name"], message, fix, decides=severity == "fail")
            continue
        if cluster["paused"]:
            message, fix = f"{named(cluster['name'])} is paused.", "Resume it."
        else:
            message, fix = f"{named(cluster['name'])} is {cluster['state_name']}.", "Wait until it runs, or name other clusters."
        evidence = {"paused": cluster["paused"], "state_name": cluster["state_name"]}
        yield Finding(severity, cluster["name"], message, fix, evidence)


@check("P204", clouds=ALL_CLOUDS)
def find_not_dedicated(facts: ConnectionFacts) -> Findings:
    """There is a dedicated cluster, and those that are named are dedicated."""
    chosen, clusters = facts.selection.clusters, known(facts.atlas.clusters)
    if chosen is None:
        small = [] if any(map(is_dedicated, clusters)) else _small_clusters(facts)
    else:
        # The list of clusters does not have Flex clusters.
        are_all_known = set(chosen) <= {one["name"] for one in clusters}
        among = clusters if are_all_known else [*clusters, *_flex_clusters(facts)]
        small = [one for one in among if one["name"] in chosen and not is_dedicated(one)]
    for cluster in small:
        message, fix = f"{named(cluster['name'])} is a shared or Flex cluster, to which no connection leads.", _LARGER
        if is_serverless(cluster):
            message, fix = f"{named(cluster['name'])} is a Serverless instance, which cannot be peered.", _MOVE
        yield Finding("fail", cluster["name"], message, fix, {"regions": _names(cluster["regions"], facts.entry.provider)})


@check("P205", "warn", waits_for=("P201",))
def find_no_private_strings(facts: ConnectionFacts) -> Findings:
    """If the VPC has other DNS servers than Amazon's, the judged clusters have private connection strings: they work with all."""
    clusters = [one for one in need_clusters(facts) if is_running(one)]
    servers = own_dns_servers(facts)
    if not servers:
        return
    beginning = f"Your DHCP options name own DNS servers ({listed(servers)})"
    for cluster in clusters:
        evidence = {"domain_name_servers": list(servers)}
        if has_private_string(cluster):
            message = f"{beginning}: use the private connection string of {named(cluster['name'])}."
            yield Finding("info", cluster["name"], message, "", evidence)
            continue
        message = f"{beginning}, and {named(cluster['name'])} has no private connection string."
        fix = "Enable custom DNS for the project (atlas_custom_dns); then use the private connection string (…-pri…)."
        if facts.atlas.custom_dns is True:
            fix = "Custom DNS is enabled: the string appears when the connection is AVAILABLE; then use it."
        yield Finding("warn", cluster["name"], message, fix, evidence)


def find_without_private_strings(facts: ConnectionFacts) -> Findings:
    """Yield what is wrong on clouds where only the names in private connection strings resolve to private addresses."""
    clusters = [one for one in need_clusters(facts) if is_running(one)]
    are_needed = facts.selection.clusters is not None or not any(map(has_private_string, clusters))
    for one in clusters:
        name = one["name"]
        if has_private_string(one):
            message = f"Use the private connection string of {named(name)} (…-pri…): the other names resolve to public addresses."
            yield Finding("info", name, message, REBINDING)
            continue
        if not any((one["connection_strings"] or {}).values()):
            begin = f"Atlas does not report the connection strings of {named(name)},"
            message = f"{begin} so whether one of them is private is not known."
            yield Finding("unknown", name, message, "Look at the cluster in Atlas, and check again.", decides=are_needed)
            continue
        message = f"{named(name)} has no private connection string, and its other names resolve to public addresses."
        fix = "Atlas adds it some minutes after the connection is AVAILABLE: check again, and then ask the support of Atlas."
        fix = f"{fix} {REBINDING}"
        yield Finding("fail" if are_needed else "warn", name, message, fix)


def _find_assumed_port(cluster: AtlasObject) -> Findings:
    """Yield a finding about the port that is assumed if Atlas reports none of a cluster."""
    assumed = assumed_port(cluster)
    if assumed is not None:
        what = "members" if any((cluster["connection_strings"] or {}).values()) else "connection strings"
        message = f"Atlas does not report the {what} of {named(cluster['name'])}: port {assumed} is assumed."
        yield Finding("info", cluster["name"], message, "Check again when the cluster has them.", {"port": assumed})


def _small_clusters(facts: ConnectionFacts) -> list[AtlasObject]:
    """Return the shared and Flex clusters."""
    return [*(one for one in known(facts.atlas.clusters) if not is_dedicated(one)), *_flex_clusters(facts)]


def _flex_clusters(facts: ConnectionFacts) -> t.Sequence[AtlasObject]:
    """Return the Flex clusters; empty if they were not needed, and so not read."""
    return () if isinstance(facts.atlas.flex_clusters, Missing) else known(facts.atlas.flex_clusters)


def _not_connected(severity: Severity, begin: str, problem: Problem, cluster: AtlasObject, facts: ConnectionFacts) -> Finding:
    cloud, noun = facts.entry.provider, facts.entry.provider.noun
    names = _names(problem.regions, cloud)
    why = "drivers need all members"
    if problem.is_electable and problem.severity == "warn":
        why = "the routers (mongos) of the other regions have to do"
    message = f"{begin}, which {'is' if len(names) == 1 else 'are'} not connected with this {noun}; {why}."
    fix = f"Connect the {noun} with the network container of each region: {all_of(names)}."
    if any(one["provider_name"] != cloud.name for one in problem.regions):
        fix = f"A {noun} can be connected with regions of {cloud.name} only: move the nodes, or reach them another way."
    return Finding(severity, cluster["name"], message, fix, {"regions": names})


def _severity(facts: ConnectionFacts, further: FurtherRegions) -> Severity:
    """Return the severity of an unusable cluster: a warning if the options name none, and another one is usable."""
    return "fail" if facts.selection.clusters is not None or not further.usable_clusters() else "warn"


def _names(regions: t.Iterable[AtlasObject], cloud: Cloud) -> list[str]:
    """Return the names of regions, each once; one of another cloud has the name of that cloud."""
    names = [
        one["region_name"] if one["provider_name"] == cloud.name else f"{one['region_name']} ({one['provider_name']})"
        for one in regions
    ]
    return list(dict.fromkeys(names))
