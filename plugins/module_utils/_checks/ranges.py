# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the clients are on AZURE and GCP, as far as that is known: nobody lists their subnets. Pure."""

from __future__ import annotations

import ipaddress

from .._clouds.checked import AZURE
from .check import skip
from .facts import Facts, Missing, known
from .judge import to_network


def client_ranges(facts: Facts) -> list[ipaddress.IPv4Network]:
    """Return the blocks in which clients are: that of the entry, or else those of the VNet, and those of the options.

    Raises:
        UnreadError, SkippedError: If none is known.
    """
    entry, blocks = facts.entry, list(facts.asked.client_cidr_blocks or ())
    own = [*([entry.cidr_block] if entry.cidr_block is not None else ()), *entry.cidr_blocks]
    if own:
        blocks = [*own, *blocks]
    elif entry.cloud is AZURE and not (blocks and isinstance(facts.network.vnet_prefixes, Missing)):
        blocks = [*known(facts.network.vnet_prefixes), *blocks]
    if not blocks:
        raise skip(
            f"Where the clients of {entry.title} are is not known: cidr_block, cidr_blocks and client_cidr_blocks are not given."
        )
    return [to_network(one, entry.title) for one in dict.fromkeys(blocks)]
