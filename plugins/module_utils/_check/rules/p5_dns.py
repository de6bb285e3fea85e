# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""P5: whether names of clusters resolve to private addresses in the VPC."""

from __future__ import annotations

import typing as t

from ..._clouds.aws import AWS
from ..facts import ConnectionFacts, known
from .common import listed, own_dns_servers
from .judged_clusters import have_all_private_strings
from .rule import Finding, Findings, check, not_looked_at

# The domain of all clusters.
_DOMAIN = "mongodb.net"
_ATTRIBUTES = {"enable_dns_support": "enableDnsSupport", "enable_dns_hostnames": "enableDnsHostnames"}


@check("P501")
def find_dns_attributes(facts: ConnectionFacts) -> Findings:
    """The VPC has both DNS attributes on, which names of the other side need to resolve to private addresses."""
    attributes = known(facts.aws.dns_attributes)
    off = [title for name, title in _ATTRIBUTES.items() if not attributes[name]]
    if not off:
        return
    are_private = have_all_private_strings(facts)
    message = f"{listed(off)} of {facts.entry.vpc_id} {'is' if len(off) == 1 else 'are'} off: names resolve to public addresses."
    fix = f"Turn {listed(off)} on (dns: enable){', or use the private connection strings' if are_private else ''}."
    yield Finding("warn" if are_private else "fail", facts.entry.vpc_id, message, fix, dict(attributes))


@check("P502", "warn")
def find_own_dns_servers(facts: ConnectionFacts) -> Findings:
    """The DHCP options of the VPC name Amazon's resolver alone."""
    options = known(facts.aws.dhcp_options)
    own = own_dns_servers(facts)
    if own:
        unless = "unless they ask Amazon's resolver of this VPC, names resolve to public addresses"
        message = f"{options.id} names the DNS servers {listed(own)}: {unless}."
        fix = "Let them forward mongodb.net to Amazon's resolver of this VPC, or use the private connection string."
        yield Finding("warn", options.id, message, fix, {"domain_name_servers": list(options.domain_name_servers)})


@check("P503", "warn")
def find_shadowing_zones(facts: ConnectionFacts) -> Findings:
    """No private hosted zone and no resolver rule overrides the names of clusters."""
    for zone in known(facts.aws.zones):
        if _is_related(zone):
            message = f"The private zone {zone} of {facts.entry.vpc_id} answers for names below {_DOMAIN} in Atlas's place."
            fix = "Dissociate the zone from the VPC, or make sure that it has the names of your clusters."
            yield Finding("warn", zone, message, fix, {"zone": zone})
    rules = known(facts.aws.resolver_rules)
    # The most specific rule decides, so a SYSTEM rule (Amazon's resolver) is an exception from wider FORWARD rules.
    exceptions = [_labels(one.domain_name) for one in rules if one.rule_type == "SYSTEM" and _is_above(one.domain_name)]
    depth = max((len(labels) for labels in exceptions), default=-1)
    for rule in rules:
        if rule.rule_type == "FORWARD" and _is_related(rule.domain_name) and len(_labels(rule.domain_name)) > depth:
            names = rule.domain_name.strip(".") or "all names"
            message = (
                f"{rule.id} forwards {names} to other DNS servers, which may resolve names below {_DOMAIN} to public addresses."
            )
            fix = f"Add a rule of type SYSTEM for {_DOMAIN}, or use the private connection string."
            yield Finding("warn", rule.id, message, fix, {"domain_name": rule.domain_name})


@not_looked_at(AWS.name)
def say_what_of_dns(facts: ConnectionFacts) -> t.Iterator[str]:
    """Say which features of Route 53, with permissions of their own, may change what names resolve to."""
    known(facts.aws.vpc)
    yield "Route 53 DNS Firewall was not looked at: its rule groups may keep names of clusters from resolving in a VPC."
    yield "Route 53 Profiles were not looked at: they may give a VPC more private zones and resolver rules."


def _labels(domain: str) -> list[str]:
    """Return the parts of a name, the last one first; the root has none."""
    return [label for label in reversed(domain.lower().split(".")) if label]


def _is_above(domain: str) -> bool:
    """Whether a domain is `mongodb.net`, or contains it."""
    return _labels(_DOMAIN)[: len(_labels(domain))] == _labels(domain)


def _is_related(domain: str) -> bool:
    """Whether names of clusters are in a domain: it contains `mongodb.net`, or is below it."""
    return _is_above(domain) or _labels(domain)[: len(_labels(_DOMAIN))] == _labels(_DOMAIN)
