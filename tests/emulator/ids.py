# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Identifiers in the forms that Atlas and AWS give them."""

from __future__ import annotations

import secrets


def new_object_id() -> str:
    """Return a new id of 24 hexadecimal digits."""
    return secrets.token_hex(12)


def new_aws_id(prefix: str) -> str:
    """Return a new id of an AWS resource, ``pcx-`` or ``vpc-`` and 17 hexadecimal digits."""
    return f"{prefix}-{secrets.token_hex(9)[:17]}"
