# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tells one entry of an access list from another."""

from __future__ import annotations

import functools
import ipaddress
import typing as t


def key_of(entry: t.Mapping[str, t.Any]) -> str | None:
    """Return what an entry, with the names of the results, is known by in paths: its group, or its block in canonical form.

    An address is the block that holds it alone, so both are one entry (Atlas stores both fields for it).
    """
    if entry.get("aws_security_group"):
        return str(entry["aws_security_group"])
    subject = entry.get("cidr_block") or entry.get("ip_address")
    return _canonical(str(subject)) if subject else None


@functools.lru_cache(maxsize=1024)
def _canonical(subject: str) -> str:
    """Return a block or an address as the block that it is; what is neither stays as it is."""
    try:
        return str(ipaddress.ip_network(subject))
    except ValueError:
        return subject
