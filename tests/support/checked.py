"""Made-up results of atlas_vpc_peer_check, for what is shown of them."""

from __future__ import annotations

from typing import Any

BLOCK = "192.168.248.0/21"
GROUP_ID = "5356823b3794dee37132bb7b"
TODAY = "2026-11-26T07:00:00Z"
NOT_LOOKED_AT = "Route 53 Profiles were not looked at: they may give a VPC more private zones and resolver rules."


SEVERITIES = ("fail", "unknown", "warn", "info")
_NETWORKS = {"AWS": "vpc_id", "AZURE": "vnet_name", "GCP": "network_name"}


def finding(code: str, severity: str, subject: str, message: str = "", fix: str = "", **evidence: Any) -> dict[str, Any]:
    """Return what a check has found."""
    return {
        "code": code,
        "severity": severity,
        "subject": subject,
        "message": message,
        "fix": fix,
        "evidence": evidence,
        "waits_for": None,
        "connections": [],
    }


def connection(number: int = 0, verdict: str = "reachable_by_design", subnets: int = 3, **fields: Any) -> dict[str, Any]:
    """Return a connection, with `checks` among the fields that replace the usual ones."""
    vpc_id = f"vpc-0a1b2c3d4e5f6{number:04}"
    return {
        "group_id": GROUP_ID,
        "project_name": None,
        "provider_name": "AWS",
        "vpc_id": vpc_id,
        "vpc_name": None,
        "aws_account_id": "123456789012",
        "region": "us-east-1",
        "connection_id": f"pcx-0a1b2c3d4e5f6{number:04}",
        "peer_id": f"5a1b2c3d4e5f6a7b8c9d{number:04}",
        "status_name": "AVAILABLE",
        "error_state_name": None,
        "container_id": f"6a1b2c3d4e5f6a7b8c9d{number:04}",
        "atlas_cidr_block": BLOCK,
        "cluster_names": ["shop", "reporting"],
        "verdict": verdict,
        "requested_at": None,
        "expires_at": None,
        "subnets": [
            {
                "subnet_id": f"subnet-0a1b2c3d4e5f6{index:04}",
                "subnet_name": None,
                "cidr_block": f"10.15.{index}.0/24",
                "route_table_id": f"rtb-0a1b2c3d4e5f6{index % 3:04}",
                "verdict": verdict,
            }
            for index in range(subnets)
        ],
        "checks": [finding(code, "ok", vpc_id) for code in ("P101", "P103", "P301", "P601", "P607")]
        + [finding("P702", "skipped", vpc_id, "security_group_ids is not set.")],
        **fields,
    }


def faulty(number: int = 0, subnets: int = 3) -> dict[str, Any]:
    """Return a connection with findings of each severity."""
    vpc_id = f"vpc-0a1b2c3d4e5f6{number:04}"
    subnet_id = "subnet-0a1b2c3d4e5f60001"
    checks = [
        finding("P104", "ok", vpc_id),
        finding(
            "P205", "warn", "shop", "Your DHCP options name own DNS servers.", "Use the private string.", servers=["10.15.0.2"]
        ),
        finding(
            "P301",
            "fail",
            subnet_id,
            f"No entry covers 10.15.1.0/24 ({subnet_id}).",
            "Add 10.15.1.0/24 to the access list.",
            cidr_block="10.15.1.0/24",
        ),
        finding("P304", "info", "0.0.0.0/0", "The whole internet may connect to the clusters."),
        finding("P402", "warn", f"pcx-0a1b2c3d4e5f6{number:04}", "The connection expires in 2 d.", "Accept it."),
        finding(
            "P503",
            "unknown",
            vpc_id,
            "The private zones of the VPC could not be read (AccessDenied).",
            "Allow route53:ListHostedZonesByVPC to these credentials.",
            permission="route53:ListHostedZonesByVPC",
        ),
        finding(
            "P601",
            "fail",
            "rtb-0a1b2c3d4e5f60001",
            f"{BLOCK} goes to tgw-0a1b2c3d4e5f67890 by rtb-0a1b2c3d4e5f60001 (main). It is the table of {subnet_id}.",
            f"Route {BLOCK} to pcx-0a1b2c3d4e5f6{number:04} in this table.",
            subnet_ids=[subnet_id],
        ),
        finding("P702", "skipped", vpc_id, "security_group_ids is not set."),
    ]
    made = connection(number, "not_reachable", subnets, checks=checks)
    for subnet in made["subnets"]:
        if subnet["subnet_id"] != subnet_id:
            subnet["verdict"] = "reachable_by_design"
    return made


def peering_check(*connections: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a result of connections."""
    for one in connections:
        for check in one["checks"]:
            check["connections"] = [
                other[_NETWORKS[other["provider_name"]]]
                for other in connections
                if any(_is_same(each, check) for each in other["checks"])
            ]
    findings = _findings(connections)
    bad = sum(one["verdict"] == "not_reachable" for one in connections)
    verdict = "not_reachable" if bad else "reachable_by_design" if connections else "unknown"
    summary = f"{bad} of {len(connections)} connections cannot carry traffic." if bad else "Nothing was found."
    result = {"verdict": verdict, "summary": summary, "not_looked_at": [NOT_LOOKED_AT], "connections": [*connections]}
    return {**result, "findings": findings, **fields}


def _findings(connections: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    """Return the findings of all connections, the worst first, as the check groups them where messages have no names."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in connections:
        for check in one["checks"]:
            if check["severity"] not in SEVERITIES:
                continue
            same = {name: check[name] for name in ("code", "severity", "message", "fix")}
            new = {**same, "codes": [check["code"]], "first_seen": TODAY, "is_new": None, "is_kept": False, "connections": []}
            listed = found.setdefault(tuple(same.values())[:3], new)["connections"]
            listed.append({**one, "subject": check["subject"], "subnet_ids": None, "first_seen": TODAY, "is_new": None})
    return sorted(found.values(), key=lambda one: SEVERITIES.index(one["severity"]))


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ("code", "severity", "subject", "message"))


def on_azure(**fields: Any) -> dict[str, Any]:
    """Return a connection with a VNet, without subnets."""
    network = {"azure_subscription_id": "fd01adff-b37e-4693-8497-83ecf183a145", "resource_group_name": "network-group"}
    return _elsewhere("AZURE", {**network, "vnet_name": "shop-vnet"}, fields)


def on_gcp(**fields: Any) -> dict[str, Any]:
    """Return a connection with a VPC network, without subnets."""
    return _elsewhere("GCP", {"gcp_project_id": "my-project", "network_name": "my-network"}, fields)


def _elsewhere(provider_name: str, network: dict[str, str], fields: dict[str, Any]) -> dict[str, Any]:
    of_aws = ("vpc_id", "vpc_name", "aws_account_id", "region", "connection_id")
    usual = {name: value for name, value in connection(subnets=0).items() if name not in of_aws}
    code = {"AZURE": "A401", "GCP": "G401"}[provider_name]
    checks = [finding(code, "fail", "shop", "There is no peering.", "Make it."), finding("P101", "ok", "shop")]
    return {**usual, "provider_name": provider_name, **network, "verdict": "not_reachable", "checks": checks, **fields}
