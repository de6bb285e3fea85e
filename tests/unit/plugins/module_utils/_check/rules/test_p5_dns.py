from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import DhcpOptions, ResolverRule
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import Unread
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    VPC_ID,
    cluster,
    found,
    healthy,
    only,
    severities,
    with_private_string,
)


@pytest.mark.parametrize("name", ["enable_dns_support", "enable_dns_hostnames"])
def test_without_an_attribute_names_resolve_to_public_addresses(name: str) -> None:
    attributes = {"enable_dns_support": True, "enable_dns_hostnames": True, name: False}
    assert severities(healthy(dns_attributes=attributes)) == {"P501": "fail"}
    private = [with_private_string(cluster())]
    mild = healthy(dns_attributes=attributes, clusters=private)
    assert severities(mild) == {"P501": "warn"}
    assert [("private" in found(facts)["P501"].fix) for facts in (healthy(dns_attributes=attributes), mild)] == [False, True]
    assert severities(healthy(dns_attributes=attributes, clusters=[*private, cluster("other")])) == {"P501": "fail"}


def test_both_attributes_are_one_finding() -> None:
    finding = found(healthy(dns_attributes={"enable_dns_support": False, "enable_dns_hostnames": False}))["P501"]
    assert finding.message == f"enableDnsSupport and enableDnsHostnames of {VPC_ID} are off: names resolve to public addresses."


@pytest.mark.parametrize("servers", [("AmazonProvidedDNS",), ("169.254.169.253",), ("10.15.0.2",), ()])
def test_amazon_s_resolver_is_fine_by_any_name(servers: tuple[str, ...]) -> None:
    assert severities(healthy(dhcp_options=DhcpOptions("dopt-1", servers))) == {}


def test_own_dns_servers_are_a_warning_even_beside_amazon_s() -> None:
    facts = healthy(dhcp_options=DhcpOptions("dopt-1", ("AmazonProvidedDNS", "10.15.0.53")))
    assert found(facts)["P502"].severity == "warn"
    assert "dopt-1 names the DNS servers 10.15.0.53:" in found(facts)["P502"].message


@pytest.mark.parametrize("zone", ["mongodb.net", "abcde.mongodb.net", "net", "MongoDB.net"])
def test_a_private_zone_answers_in_atlas_s_place(zone: str) -> None:
    assert only(healthy(zones=["corp.example", zone]), "P503", "warn").subject == zone


@pytest.mark.parametrize("zone", ["corp.example", "mongodb.net.corp.example", "notmongodb.net", "mongodb.com"])
def test_other_zones_do_not_matter(zone: str) -> None:
    assert severities(healthy(zones=[zone])) == {}


def rule(domain: str, kind: str = "FORWARD") -> ResolverRule:
    return ResolverRule(f"rslvr-rr-{kind.lower()}", domain, kind)


@pytest.mark.parametrize("domain", [".", "net.", "mongodb.net.", "mongodb.net", "abcde.mongodb.net."])
def test_a_rule_that_forwards_the_names_is_a_warning(domain: str) -> None:
    facts = healthy(resolver_rules=[rule(domain)])
    assert f"forwards {domain.strip('.') or 'all names'} to" in only(facts, "P503", "warn").message


@pytest.mark.parametrize(
    "rules",
    [
        [rule("corp.example.")],
        [rule(".", "RECURSIVE")],
        [rule(".", "SYSTEM")],
        # The more specific one leaves the names to Amazon's resolver.
        [rule("."), rule("mongodb.net.", "SYSTEM")],
        [rule("net."), rule("mongodb.net.", "SYSTEM")],
    ],
)
def test_rules_that_leave_the_names_alone_are_fine(rules: list[ResolverRule]) -> None:
    assert severities(healthy(resolver_rules=rules)) == {}


def test_an_exception_does_not_help_against_a_narrower_rule() -> None:
    rules = [rule("abcde.mongodb.net."), rule("mongodb.net.", "SYSTEM")]
    assert severities(healthy(resolver_rules=rules)) == {"P503": "warn"}


def test_rules_that_could_not_be_read_do_not_hide_a_zone() -> None:
    unread = Unread("AWS refuses it.", "route53resolver:ListResolverRules")
    facts = healthy(zones=["mongodb.net"], resolver_rules=unread)
    assert found(facts, "warn")["P503"].subject == "mongodb.net"
    assert found(facts, "unknown")["P503"].fix == "Allow route53resolver:ListResolverRules to these credentials."
