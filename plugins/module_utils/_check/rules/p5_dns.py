# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""P5: whether names of clusters resolve to private addresses in the VPC."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._aws.objects import HostedZone, ResolverRule
from ..._clouds.aws import AWS
from ..facts import AtlasObject, ConnectionFacts, Missing, SkippedError, Unread, UnreadError, if_known, known, known_or, named
from .cluster_names import Astray, Name, ZoneAnswer, answer_of, answering, is_at_or_above, names_of, records_for
from .common import REBINDING, FixLines, aws, aws_for_new, listed, own_dns_servers, together
from .judged_clusters import has_private_string, have_all_private_strings, is_running, need_clusters, unless_private
from .rule import Finding, Findings, Severity, check, not_looked_at, not_read

# The domain of all clusters.
_DOMAIN = "mongodb.net"
_ATTRIBUTES = {"enable_dns_support": "enableDnsSupport", "enable_dns_hostnames": "enableDnsHostnames"}
_NO_SERVER = "so that instances of the Xen kind get no DNS server"
_ASSOCIATE = "Associate DHCP options with the VPC that have AmazonProvidedDNS as domain-name-servers."


@check("P501")
def find_dns_attributes(facts: ConnectionFacts) -> Findings:
    """The VPC has both DNS attributes on, which names of the other side need to resolve to private addresses."""
    attributes, vpc_id = known(facts.aws.dns_attributes), facts.entry.network_id
    off = [title for name, title in _ATTRIBUTES.items() if not attributes[name]]
    if not off:
        return
    are_private, are = have_all_private_strings(facts), "is" if len(off) == 1 else "are"
    # One request changes one attribute, and host names need support.
    turned_on = [
        aws("ec2 modify-vpc-attribute", facts, vpc_id=vpc_id, **{name: '{"Value": true}'})
        for name in _ATTRIBUTES
        if not attributes[name]
    ]
    lines = together(*turned_on)
    if not attributes["enable_dns_support"] and _has_no_resolver(facts, are_needed=are_private):
        message = f"{listed(off)} of {named(vpc_id)} {are} off, and its DHCP options name no other DNS servers: nothing resolves."
        yield Finding("fail", vpc_id, message, f"Turn {listed(off)} on (dns: enable).", dict(attributes), commands=lines)
        return
    message = f"{listed(off)} of {named(vpc_id)} {are} off: names resolve to public addresses."
    fix = f"Turn {listed(off)} on (dns: enable){', or use the private connection strings' if are_private else ''}."
    yield Finding("warn" if are_private else "fail", vpc_id, message, fix, dict(attributes), commands=lines)


@check("P502")
def find_own_dns_servers(facts: ConnectionFacts) -> Findings:
    """The DHCP options of the VPC name Amazon's resolver alone."""
    options = facts.aws.dhcp_options
    if isinstance(options, Unread):
        yield unless_private(not_read(options, "DHCP options"), facts)
        return
    servers, own = list(known(options).domain_name_servers), own_dns_servers(facts)
    evidence = {"domain_name_servers": servers}
    if not servers:
        # An id that all such VPCs have is the name of none.
        is_set = known(options).id.startswith("dopt-")
        subject = known(options).id if is_set else facts.entry.network_id
        message = f"{named(subject)} names no DNS servers" if is_set else f"{named(subject)} has no DHCP options"
        # Where there are some, new ones would take their other settings away.
        lines = () if is_set else _lines_to_associate(facts)
        yield Finding("warn", subject, f"{message}, {_NO_SERVER}.", _ASSOCIATE, evidence, commands=lines)
    if not own:
        return
    message = f"{named(known(options).id)} names the DNS servers {listed(own)}"
    unless = "unless they ask Amazon's resolver of this VPC, names resolve to public addresses"
    fix = f"Let them forward {_DOMAIN} to Amazon's resolver of this VPC, or use the private connection string. {REBINDING}"
    if not have_all_private_strings(facts):
        message = f"{message}, and what these answer is not known: {unless}."
        yield Finding("unknown", known(options).id, message, fix, evidence)
        return
    # Private strings resolve to private addresses with any server. Atlas makes them because custom DNS is on.
    severity: Severity = "info" if facts.atlas.custom_dns is True else "warn"
    if isinstance(facts.atlas.custom_dns, Unread):
        yield dataclasses.replace(not_read(facts.atlas.custom_dns, facts.entry.network_id), decides=False)
    yield Finding(severity, known(options).id, f"{message}: {unless}.", fix, evidence)


@check("P503")
def find_shadowing_zones(facts: ConnectionFacts) -> Findings:
    """No private hosted zone and no resolver rule keeps the names that connection strings need from being resolved."""
    clusters = [one for one in need_clusters(facts) if is_running(one)]
    if isinstance(facts.aws.zones, Missing):
        raise SkippedError(facts.aws.zones)
    if isinstance(facts.aws.resolver_rules, Unread):
        # All VPCs of an account and region have one list.
        yield unless_private(not_read(facts.aws.resolver_rules, "resolver rules"), facts)
    if isinstance(facts.aws.zones, Unread) and _has_zones(facts):
        yield dataclasses.replace(not_read(facts.aws.zones, facts.entry.network_id), decides=not _has_own_servers_alone(facts))
    view = _ask_all(clusters, facts)
    yield from _find_forwarding(clusters, view, facts)
    for cluster in clusters:
        if names_of(cluster):
            yield from _find_lost(cluster, view, facts)
        elif _is_domain_taken(facts):
            begin = f"Atlas does not report the connection strings of {named(cluster['name'])},"
            message = f"{begin} so which names it needs is not known."
            yield Finding("unknown", cluster["name"], message, "Look at the cluster in Atlas, and check again.")


@not_looked_at(AWS.name)
def not_looked_at_in_dns(facts: ConnectionFacts) -> t.Iterator[str]:
    """Say which features of Route 53, with permissions of their own, may change what names resolve to."""
    known(facts.aws.vpc)
    yield "Route 53 DNS Firewall was not looked at: its rule groups may keep names of clusters from resolving in a VPC."
    yield "Route 53 Profiles were not looked at: they may give a VPC more private zones and resolver rules."


def zones_in_question(facts: ConnectionFacts) -> list[HostedZone]:
    """Return the private zones of the VPC that answer for names of judged clusters, so that their records matter."""
    clusters = if_known(lambda: need_clusters(facts)) or []
    found = [one for one in _ask_all(filter(is_running, clusters), facts).values() if isinstance(one, HostedZone)]
    return list(dict.fromkeys(found))


# What answers for each name that a connection string needs; without those that public DNS answers.
_View = t.Mapping[Name, t.Union[HostedZone, ResolverRule]]


def _ask_all(clusters: t.Iterable[AtlasObject], facts: ConnectionFacts) -> _View:
    zones = known_or(facts.aws.zones, ()) if _has_zones(facts) else ()
    rules = known_or(facts.aws.resolver_rules, ())
    names = {name for one in clusters for needed in names_of(one).values() for name in needed}
    answers = answering({name.text for name in names}, zones, rules)
    return {name: answers[name.text] for name in names if name.text in answers}


def _is_domain_taken(facts: ConnectionFacts) -> bool:
    """Whether a private zone or a rule may answer for names of some cluster."""
    zones = known_or(facts.aws.zones, ()) if _has_zones(facts) else ()
    domains = [
        *(one.name for one in zones),
        *(one.domain_name for one in known_or(facts.aws.resolver_rules, ()) if one.rule_type == "FORWARD"),
    ]
    return any(is_at_or_above(one, _DOMAIN) or is_at_or_above(_DOMAIN, one) for one in domains)


def _has_zones(facts: ConnectionFacts) -> bool:
    """Whether private zones have an effect in the VPC: both attributes are on, or not known, which P501 reports."""
    return all(known_or(facts.aws.dns_attributes, {}).values())


def _has_no_resolver(facts: ConnectionFacts, *, are_needed: bool) -> bool:
    """Whether a VPC without Amazon's resolver has no own DNS server either.

    Raises:
        UnreadError: If that is not known, and makes a difference.
    """
    try:
        return not own_dns_servers(facts)
    except UnreadError:
        if are_needed:
            raise
        return False


def _has_own_servers_alone(facts: ConnectionFacts) -> bool:
    """Whether the VPC has DNS servers of its own, and not Amazon's beside them."""
    own = if_known(lambda: own_dns_servers(facts))
    return bool(own) and len(own or ()) == len(known(facts.aws.dhcp_options).domain_name_servers)


def _lines_to_associate(facts: ConnectionFacts) -> FixLines:
    """Return the line that creates DHCP options with Amazon's DNS server, and associates them with the VPC."""
    servers = {"dhcp_configurations": "Key=domain-name-servers,Values=AmazonProvidedDNS"}
    new = aws("ec2 create-dhcp-options", facts, **servers, query="DhcpOptions.DhcpOptionsId", output="text")
    return aws_for_new("ec2 associate-dhcp-options", "dhcp-options-id", new, facts, vpc_id=facts.entry.network_id)


def _lines_instead_of(rule: ResolverRule, facts: ConnectionFacts, *, is_wider: bool) -> FixLines:
    """Return the line that creates a rule for Atlas beside a wider one, or dissociates the rule."""
    vpc_id = facts.entry.network_id
    if not is_wider:
        return aws("route53resolver disassociate-resolver-rule", facts, vpc_id=vpc_id, resolver_rule_id=rule.id)
    own = {"creator_request_id": f"atlas-{vpc_id}", "rule_type": "SYSTEM", "domain_name": _DOMAIN}
    new = aws("route53resolver create-resolver-rule", facts, **own, query="ResolverRule.Id", output="text")
    return aws_for_new("route53resolver associate-resolver-rule", "resolver-rule-id", new, facts, vpc_id=vpc_id)


def _find_forwarding(clusters: t.Iterable[AtlasObject], view: _View, facts: ConnectionFacts) -> Findings:
    """Yield the rules that forward names of clusters to other DNS servers, whose answers are not known."""
    concerned: dict[ResolverRule, list[AtlasObject]] = {}
    for cluster in clusters:
        names = dict.fromkeys(name for needed in names_of(cluster).values() for name in needed)
        for rule in dict.fromkeys(one for name in names if isinstance(one := view.get(name), ResolverRule)):
            concerned.setdefault(rule, []).append(cluster)
    for rule, those in concerned.items():
        what = rule.domain_name.strip(".") or "all names"
        names_text = listed(one["name"] for one in those)
        begin = f"{named(rule.id)} forwards {named(what)} to other DNS servers,"
        message = f"{begin} which may resolve the names of {names_text} to public addresses."
        # The most specific rule counts, and a VPC has one for a domain.
        is_wider = is_at_or_above(rule.domain_name, _DOMAIN) and not is_at_or_above(_DOMAIN, rule.domain_name)
        instead = f"Add a rule of type SYSTEM for {_DOMAIN}" if is_wider else "Dissociate this rule from the VPC"
        fix = f"{instead}, or use the private connection string."
        severity: Severity = "warn" if all(map(has_private_string, those)) else "unknown"
        lines = _lines_instead_of(rule, facts, is_wider=is_wider)
        yield Finding(severity, rule.id, message, fix, {"domain_name": rule.domain_name}, commands=lines)


def _find_lost(cluster: AtlasObject, view: _View, facts: ConnectionFacts) -> Findings:
    """Yield the zones that lack names of a cluster, and those of which that is not known."""
    strings = names_of(cluster)
    needed = dict.fromkeys(name for names in strings.values() for name in names)
    answers = {name: answer_of(name, one, cluster, facts) for name in needed if isinstance(one := view.get(name), HostedZone)}
    wrong = {name for name, answer in answers.items() if answer is False or isinstance(answer, Astray)}
    lost = [kind for kind, names in strings.items() if not wrong.isdisjoint(names)]
    doubtful = [kind for kind, names in strings.items() if any(isinstance(answers.get(name), Unread) for name in names)]
    are_own_alone = _has_own_servers_alone(facts)
    for zone in dict.fromkeys(one for name in needed if isinstance(one := view.get(name), HostedZone)):
        here = [name for name in needed if view.get(name) == zone]
        lacking = {name: answers[name] for name in here if name in wrong}
        evidence = {"zone": zone.title, "zone_id": zone.id, "owner": zone.owner, "cluster": cluster["name"]}
        if lacking:
            severity: Severity = "fail" if set(lost) == set(strings) and not are_own_alone else "warn"
            contents, evidence = known(facts.aws.zone_contents)[zone.id], {**evidence, "names": [name.text for name in lacking]}
            are_there = any(records_for(name, zone, known(contents.records)) == [] for name in lacking)
            falls_back = contents.falls_back is True
            yield _lacking(zone, cluster, lacking, lost, evidence, severity, falls_back=falls_back, are_there=are_there)
        for unread in dict.fromkeys(answer for name in here if isinstance(answer := answers[name], Unread)):
            decides = not set(strings) - {*lost, *doubtful} and not are_own_alone
            finding = not_read(unread, zone.title)
            fix = finding.fix or f"Let {zone.owner} see whether the zone has the names of {cluster['name']}."
            message = finding.message
            if unread.permission and facts.aws.account_id != zone.owner:
                message = f"{message} The zone belongs to {zone.owner}, which alone can read it."
            evidence = {**finding.evidence, **evidence}
            yield dataclasses.replace(finding, message=message, fix=fix, evidence=evidence, decides=decides)


def _lacking(
    zone: HostedZone,
    cluster: AtlasObject,
    lacking: t.Mapping[Name, ZoneAnswer],
    lost: t.Sequence[str],
    evidence: t.Mapping[str, object],
    severity: Severity,
    *,
    falls_back: bool,
    are_there: bool,
) -> Finding:
    missing = [name.text for name, answer in lacking.items() if not isinstance(answer, Astray)]
    astray = {name.text: answer for name, answer in lacking.items() if isinstance(answer, Astray)}
    what = f"no connection string of {cluster['name']} is left"
    if len(lost) < len(names_of(cluster)):
        strings = f"{listed(lost)} of {cluster['name']}"
        what = f"the connection {'string' if len(lost) == 1 else 'strings'} {strings} {'is' if len(lost) == 1 else 'are'} lost"
    clauses, advice = [], []
    if missing:
        clauses.append(f"does not have {listed(missing)}")
        # Public DNS is not asked for a name that is there with records of other types.
        fallback = "" if are_there else "enable its public DNS fallback, "
        advice.append(f"Add these names to the zone, {fallback}or dissociate it from the VPC.")
    if astray:
        blocks = listed(dict.fromkeys(block for one in astray.values() for block in one.blocks))
        shown = listed(f"{named(name)} ({named(one.addresses[0], ', '.join(one.addresses))})" for name, one in astray.items())
        clauses.append(f"has {shown} outside of {blocks}, where {cluster['name']} is")
        records = "these records, which may be of a private endpoint that is gone"
        fallback = "" if falls_back else " and enable the public DNS fallback of the zone"
        # The name of the zone itself is never left to public DNS.
        removal = "" if any(is_at_or_above(name, zone.name) for name in astray) else f", or remove them{fallback}"
        advice.append(f"Correct {records}{removal}, or dissociate the zone from the VPC.")
        evidence = {**evidence, "addresses": {name: list(one.addresses) for name, one in astray.items()}}
    message = f"The private zone {named(zone.title)} answers in place of public DNS, and {', and '.join(clauses)}: {what}."
    return Finding(severity, zone.title, message, " ".join(advice), evidence)
