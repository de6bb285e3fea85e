from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import DhcpOptions, ResolverRule
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import Unread
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import azure_cluster, gcp_cluster, healthy_azure, healthy_gcp
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    VPC_ID,
    cluster,
    found,
    healthy,
    severities,
    with_private_string,
)


def test_private_strings_are_advice_where_all_have_them() -> None:
    attributes = {"enable_dns_support": True, "enable_dns_hostnames": False}
    private = [with_private_string(cluster())]
    for clusters, is_advice in (([cluster()], False), (private, True), ([*private, cluster("other")], False)):
        facts = healthy(dns_attributes=attributes, clusters=clusters)
        assert ("private" in found(facts)["P501"].fix) is is_advice
        assert severities(facts) == {"P501": "warn" if is_advice else "fail"}


@pytest.mark.parametrize(
    ("servers", "what"),
    [
        (("10.15.0.53",), ": names resolve to public addresses."),
        (("AmazonProvidedDNS",), ", and its DHCP options name no other DNS servers: nothing resolves."),
    ],
)
def test_both_attributes_are_one_finding(servers: tuple[str, ...], what: str) -> None:
    attributes = {"enable_dns_support": False, "enable_dns_hostnames": False}
    finding = found(healthy(dns_attributes=attributes, dhcp_options=DhcpOptions("dopt-1", servers)))["P501"]
    assert finding.message == f"enableDnsSupport and enableDnsHostnames of {VPC_ID} are off{what}"


@pytest.mark.parametrize("servers", [("AmazonProvidedDNS",), ("169.254.169.253",), ("10.15.0.2",)])
def test_amazon_s_resolver_is_fine_by_any_name(servers: tuple[str, ...]) -> None:
    assert severities(healthy(dhcp_options=DhcpOptions("dopt-1", servers))) == {}


def test_the_options_that_name_servers_are_named() -> None:
    finding = found(healthy(dhcp_options=DhcpOptions("dopt-1", ("AmazonProvidedDNS", "10.15.0.53"))))["P502"]
    assert finding.message.startswith("dopt-1 names the DNS servers 10.15.0.53, and what these answer is not known: unless")
    without = found(healthy(dhcp_options=DhcpOptions("default", ())))["P502"]
    assert without.message == f"{VPC_ID} has no DHCP options, so that instances of the Xen kind get no DNS server."
    assert (without.subject, without.fix.split()[-1]) == (VPC_ID, "domain-name-servers.")


def test_rules_that_could_not_be_read_are_named() -> None:
    unread = Unread("AWS refuses it.", "route53resolver:ListResolverRules")
    finding = found(healthy(resolver_rules=unread))["P503"]
    assert finding.fix == "Allow route53resolver:ListResolverRules to these credentials."


@pytest.mark.parametrize(("domain", "what"), [(".", "all names"), ("mongodb.net.", "mongodb.net")])
def test_a_rule_says_what_it_forwards(domain: str, what: str) -> None:
    finding = found(healthy(resolver_rules=[ResolverRule("rslvr-rr-1", domain, "FORWARD")]))["P503"]
    assert finding.message.startswith(f"rslvr-rr-1 forwards {what} to other DNS servers, which may resolve the names of shop ")


@pytest.mark.parametrize(
    ("domain", "fix"),
    [
        (".", "Add a rule of type SYSTEM for mongodb.net"),
        ("net", "Add a rule of type SYSTEM for mongodb.net"),
        # The most specific rule counts, so one for mongodb.net has no effect, and a VPC has one for a domain.
        ("mongodb.net.", "Dissociate this rule from the VPC"),
        ("abcde.mongodb.net", "Dissociate this rule from the VPC"),
    ],
)
def test_only_a_narrower_rule_overrides_one_that_forwards(domain: str, fix: str) -> None:
    """Source: "How VPC Resolver determines whether the domain name in a query matches any rules" in Route 53's documentation."""
    finding = found(healthy(resolver_rules=[ResolverRule("rslvr-rr-1", domain, "FORWARD")]))["P503"]
    assert finding.fix == f"{fix}, or use the private connection string."


REBINDING = "DNS servers that drop private addresses from answers (rebinding protection) need an exception for mongodb.net, too."


@pytest.mark.parametrize("clusters", [[cluster()], [with_private_string(cluster())]])
def test_own_servers_may_drop_private_addresses(clusters: list[dict[str, Any]]) -> None:
    """Source: `stop-dns-rebind` and `rebind-domain-ok` in the manual of dnsmasq, `private-address` in that of Unbound."""
    facts = healthy(clusters=clusters, dhcp_options=DhcpOptions("dopt-1", ("10.15.0.53",)))
    assert found(facts)["P502"].fix.endswith(f" {REBINDING}")


@pytest.mark.parametrize(
    ("make", "make_cluster", "code"), [(healthy_azure, azure_cluster, "A501"), (healthy_gcp, gcp_cluster, "G501")]
)
def test_so_may_those_of_other_clouds(make: Any, make_cluster: Any, code: str) -> None:
    assert found(make(), "info")[code].fix == REBINDING
    without = {**make_cluster(), "connection_strings": cluster()["connection_strings"]}
    assert found(make(clusters=[without]))[code].fix.endswith(f" {REBINDING}")
