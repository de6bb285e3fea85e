# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tells one of AWS's services from another: the names that policies and boto3 have for it, and how it replies. Pure."""

from __future__ import annotations

# How policies, and results, name the services that boto3 or its events call something else.
POLICY_NAMES = {"route-53": "route53", "service-quotas": "servicequotas"}
# The ends of the names of boto3's variables for endpoints. The option `endpoint_url` names that of EC2; the others may differ.
OWN_ENDPOINTS = {"sts": "STS", "route53": "ROUTE_53", "route53resolver": "ROUTE53RESOLVER", "service-quotas": "SERVICE_QUOTAS"}
# Replies in JSON do not name their action, so whoever reads one has to check what is in it.
JSON_SERVICES = frozenset(("route53resolver", "service-quotas"))


def endpoint_variable(service: str) -> str:
    """Return the variable that has the endpoint of a service in place of the option; empty for none."""
    return f"AWS_ENDPOINT_URL_{OWN_ENDPOINTS[service]}" if service in OWN_ENDPOINTS else ""


def policy_name(service: str) -> str:
    """Return the name of a service in IAM policies, from the one that boto3 or its events have for it."""
    return POLICY_NAMES.get(service, service)
