"""Replies of Azure about network security groups and route tables: what is odd in one is no missing rule."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.objects import parse_nsg, parse_route_table
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import nsg, route_table, security_rule


@pytest.mark.parametrize(
    "changes",
    [
        {"priority": None},
        {"priority": True},
        {"priority": "100"},
        {"access": "Maybe"},
        {"direction": None},
        {"protocol": "Sctp"},
        {"sourceAddressPrefix": None},
        {"sourceAddressPrefix": 5},
        {"destinationAddressPrefix": "10.0.0.0/33"},
        {"destinationAddressPrefix": None, "destinationAddressPrefixes": "10.0.0.0/8"},
        {"destinationAddressPrefix": None, "destinationAddressPrefixes": [5]},
        {"destinationPortRange": "some"},
        {"sourcePortRange": None},
        {"sourceAddressPrefix": None, "sourceApplicationSecurityGroups": "asg"},
    ],
)
def test_an_odd_rule_is_refused(changes: dict[str, Any]) -> None:
    rule = security_rule("odd", 100)
    rule["properties"].update(changes)
    with pytest.raises(ValueError, match=r".+"):
        nsg(rule)


def test_rules_come_by_priority_and_without_other_traffic() -> None:
    """Icmpv6 is in no enumeration of Azure's; that rules have it is in github.com/hashicorp/terraform-provider-azurerm #30751."""
    others = (
        security_rule("udp", 50, protocol="Udp"),
        security_rule("ping", 60, protocol="Icmpv6"),
        security_rule("in", 70, direction="Inbound", protocol="Sctp"),
    )
    group = nsg(security_rule("b", 200), security_rule("a", 100), *others)
    rules = group.rules
    assert group.taken == {50, 60, 100, 200, 65000, 65001, 65500}
    assert [one.name for one in rules] == ["a", "b", "AllowVnetOutBound", "AllowInternetOutBound", "DenyAllOutBound"]
    # A group of Azure is in one VNet, so Atlas's nodes are in none; tags of services are public.
    to_groups = {"destinationAddressPrefix": None, "destinationApplicationSecurityGroups": [{"id": "/asg"}]}
    (rule, *_default) = nsg(security_rule("none", 100, **to_groups)).rules
    assert rule.destinations == ()
    (rule, *_default) = nsg(security_rule("v6", 100, sourceAddressPrefix="fd00::/8")).rules
    assert rule.sources == ()


@pytest.mark.parametrize("properties", [{}, {"securityRules": []}, {"securityRules": [], "defaultSecurityRules": None}])
def test_a_group_without_its_rules_is_refused(properties: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="that is not a list of objects"):
        parse_nsg({"name": "nsg", "properties": properties})


def test_an_odd_route_table_is_refused() -> None:
    for odd in ({}, {"routes": [{"name": "one", "properties": {"addressPrefix": "10.0.0.0/8"}}]}, {"routes": [5]}):
        with pytest.raises(ValueError, match=r".+"):
            parse_route_table({"name": "rt", "properties": odd})
    with pytest.raises(ValueError, match="unknown disablePeeringRoute: 'some'"):
        route_table(disablePeeringRoute="Some")
    assert route_table(("Storage", "Internet"), ("fd00::/8", "None"), ("10.0.0.1/8", "None")).routes[0].prefix.prefixlen == 8
