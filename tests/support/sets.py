# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Declared lists for tests."""

from __future__ import annotations

from typing import Any

from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT


def entry(number: int, **fields: Any) -> dict[str, Any]:
    """Return the entry of a VPC of its own, with a block of its own."""
    block = f"10.{100 + number}.0.0/16"
    return {"vpc_id": f"vpc-{number:017x}", "aws_account_id": ACCOUNT, "route_table_cidr_block": block, **fields}


def entries(count: int) -> list[dict[str, Any]]:
    """Return as many entries."""
    return [entry(number) for number in range(count)]
