"""What GCP shows of subnets, routes and firewalls, as plain data; what lacks a field that it must have is an error.

The fields, and which of them may be left out, are those of the description of the Compute Engine API v1 (google-cloud-compute).
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.network import Network, parse_listed_network
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.objects import (
    EgressRule,
    Policy,
    SubnetRange,
    parse_firewalls,
    parse_route,
    parse_subnet,
)

ROOT = "https://www.googleapis.com/compute/v1/projects/my-project/"
SUBNET = {
    "name": "apps",
    "region": f"{ROOT}regions/europe-west1",
    "network": f"{ROOT}global/networks/my-network",
    "ipCidrRange": "10.30.0.0/20",
    "purpose": "PRIVATE",
}
FIREWALL = {"name": "no", "priority": 1000, "direction": "EGRESS", "denied": [{"IPProtocol": "tcp"}]}
RULE = {"priority": 1, "action": "deny", "direction": "EGRESS", "match": {"layer4Configs": [{"ipProtocol": "all"}]}}


def changed(fields: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return an object with changes; without the fields that are None."""
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def ranges_of(**changes: Any) -> list[SubnetRange]:
    network, found = parse_subnet(changed(SUBNET, **changes))
    assert network == "my-network"
    return found


def test_a_subnet_has_its_primary_and_secondary_ranges() -> None:
    secondary = [
        {"rangeName": "pods", "ipCidrRange": "10.60.0.0/14"},
        {"rangeName": "gke-shop-services-0a1b2c3d", "ipCidrRange": "10.64.0.0/20"},
        {"rangeName": "six", "ipVersion": "IPV6"},
        {"rangeName": "other-six", "ipCidrRange": "fd20::/64"},
    ]
    assert ranges_of(secondaryIpRanges=secondary) == [
        SubnetRange("apps", "europe-west1", "10.30.0.0/20"),
        SubnetRange("apps", "europe-west1", "10.60.0.0/14", "pods"),
        SubnetRange("apps", "europe-west1", "10.64.0.0/20", "gke-shop-services-0a1b2c3d", has_clients=False),
    ]
    assert [one.title for one in ranges_of(secondaryIpRanges=secondary)][:2] == ["apps", "pods of apps"]
    # A subnet for IPv6 alone.
    assert ranges_of(ipCidrRange=None) == []


@pytest.mark.parametrize(
    ("name", "is_for_services"),
    [
        ("gke-shop-services-0a1b2c3d", True),
        ("ip-range-services", True),
        ("services", True),
        ("services2", True),
        ("gke-svc", True),
        ("svc-1", True),
        ("svc-pods", False),
        ("services-of-the-pod", False),
        ("podsvc", False),
        ("microservices", False),
        ("svcs", False),
        ("service", False),
        ("tripods-svc", True),
        ("apps", False),
    ],
)
def test_a_range_for_services_has_no_clients(name: str, is_for_services: bool) -> None:
    """Sources: "Creating a VPC-native cluster" of GKE, and the examples of terraform-google-kubernetes-engine."""
    beside = [{"rangeName": "a", "ipCidrRange": "10.60.0.0/14"}, {"rangeName": name, "ipCidrRange": "10.64.0.0/20"}]
    assert ranges_of(secondaryIpRanges=beside)[2].has_clients is not is_for_services
    # Pods of a cluster have another range, so the only one is not for Services.
    assert ranges_of(secondaryIpRanges=beside[1:])[1].has_clients


def test_a_route_says_whether_the_network_itself_has_the_block() -> None:
    """Source: the enum `type` of ExchangedPeeringRoute."""
    kinds = ("SUBNET_PEERING_ROUTE", "STATIC_PEERING_ROUTE", "DYNAMIC_PEERING_ROUTE", None)
    routes = [changed({"destRange": "10.8.0.0/28", "imported": True}, type=kind) for kind in kinds]
    assert [parse_route(one).is_of_subnet for one in routes] == [True, False, False, False]


@pytest.mark.parametrize(
    ("purpose", "has_clients"),
    [
        (None, True),
        ("PRIVATE_RFC_1918", True),
        ("A_NEW_ONE", True),
        ("REGIONAL_MANAGED_PROXY", False),
        ("PRIVATE_SERVICE_CONNECT", False),
        ("PRIVATE_NAT", False),
    ],
)
def test_subnets_for_proxies_and_gateways_have_no_clients(purpose: str | None, has_clients: bool) -> None:
    assert [one.has_clients for one in ranges_of(purpose=purpose)] == [has_clients]


@pytest.mark.parametrize(
    ("order", "policies_first"), [(None, False), ("AFTER_CLASSIC_FIREWALL", False), ("BEFORE_CLASSIC_FIREWALL", True)]
)
def test_a_network_says_the_order_of_its_rules(order: str | None, policies_first: bool) -> None:
    fields = {"kind": "compute#network", "name": "n", "networkFirewallPolicyEnforcementOrder": order}
    assert parse_listed_network(changed(fields), "n") == Network((), policies_first)


def test_a_rule_of_addresses_and_names_is_two() -> None:
    match = {
        "destIpRanges": ["10.0.0.0/8"],
        "destFqdns": ["example.com"],
        "layer4Configs": [{"ipProtocol": "tcp", "ports": ["1-2"]}],
    }
    (rules,) = parse_firewalls(
        {"firewallPolicys": [{"type": "NETWORK", "name": "p", "rules": [{**RULE, "match": match}]}]}, policies_first=True
    )[:1]
    own = Policy("p", "NETWORK", frozenset({1}), "p")
    same = {"name": "rule 1 of policy p", "priority": 1, "action": "deny", "ports": ((1, 2),), "policy": own}
    assert rules == (EgressRule(**same, destinations=("10.0.0.0/8",)), EgressRule(**same, unresolved=("example.com",)))


def test_nothing_at_all_is_no_rule() -> None:
    assert parse_firewalls({}, policies_first=False) == ((),)


@pytest.mark.parametrize(
    "reply",
    [
        {"items": []},
        {"firewalls": 5},
        {"firewalls": [5]},
        *(
            {"firewalls": [changed(FIREWALL, **one)]}
            for one in ({"name": None}, {"priority": None}, {"priority": True}, {"denied": None})
        ),
        *({"firewalls": [changed(FIREWALL, **one)]} for one in ({"direction": None}, {"direction": "UP"}, {"disabled": "no"})),
        *({"firewalls": [changed(FIREWALL, denied=[one])]} for one in ({}, {"IPProtocol": "tcp", "ports": ["x"]})),
        *({"firewalls": [changed(FIREWALL, denied=[{"IPProtocol": "tcp", "ports": [one]}])]} for one in ("2-1", "70000", 5)),
        {"firewalls": [changed(FIREWALL, destinationRanges="10.0.0.0/8")]},
        {"firewallPolicys": [{"rules": []}]},
        {"firewallPolicys": [{"type": "UNSPECIFIED", "rules": []}]},
        {"firewallPolicys": [{"type": "NETWORK"}, {"type": "NETWORK"}]},
        *(
            {"firewallPolicys": [{"type": "HIERARCHY", "rules": [changed(RULE, **one)]}]}
            for one in ({"action": None}, {"action": "mirror"}, {"priority": None}, {"direction": None}, {"match": []})
        ),
    ],
    ids=str,
)
def test_odd_firewalls_are_an_error(reply: Any) -> None:
    with pytest.raises(ValueError, match=r"^has "):
        parse_firewalls(reply, policies_first=False)


@pytest.mark.parametrize("block", ["10.30.0.1/20", "all"])
def test_a_range_that_is_no_block_is_an_error(block: str) -> None:
    for fields in ({"ipCidrRange": block}, {"secondaryIpRanges": [{"rangeName": "pods", "ipCidrRange": block}]}):
        with pytest.raises(ValueError, match="has no block"):
            ranges_of(**fields)


@pytest.mark.parametrize("name", ["name", "region", "network"])
def test_a_subnet_without_a_field_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=f"without a {name}"):
        parse_subnet(changed(SUBNET, **{name: None}))


@pytest.mark.parametrize("route", [{}, {"destRange": ""}, {"destRange": "10.0.0.0/8", "imported": "yes"}])
def test_an_odd_route_is_an_error(route: Any) -> None:
    with pytest.raises(ValueError, match=r"^has "):
        parse_route(route)
