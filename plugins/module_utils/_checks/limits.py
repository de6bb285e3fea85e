# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""P107: the limits of Atlas and AWS on connections. Pure."""

from __future__ import annotations

from .._clouds.checked import ALL, AWS, CLOUDS
from .._values.limits import MOST_PEERS, MOST_PENDING
from .check import Finding, Findings, check
from .facts import Facts, known

# The states in which Atlas counts a connection as pending, and those in which it does not count it any more.
_PENDING = {state for cloud in CLOUDS.values() for state in cloud.pending}
_LEAVING = ("TERMINATING", "DELETING")
# From this part of a limit on, it is time to do something.
_NEARLY = 0.8


@check("P107", "warn", clouds=ALL)
def find_near_limits(facts: Facts) -> Findings:
    """There is room for more connections: in the project, over all clouds that were read, and in the VPC."""
    peers = [*known(facts.atlas.peers), *known(facts.atlas.other_peers)]
    staying = [peer for peer in peers if peer["status_name"] not in _LEAVING]
    pending = [peer for peer in staying if peer["status_name"] in _PENDING]
    yield from _find_near(len(staying), MOST_PEERS, "project", "connections", "Remove those that are no longer used.")
    yield from _find_near(len(pending), MOST_PENDING, "project", "pending connections", "Accept or remove them.")
    if facts.entry.cloud is not AWS:
        return
    count, quota = known(facts.aws.connections_count), known(facts.aws.connections_quota)
    fix = "Ask AWS for more (quota L-7E9ECCDB, up to 125), or remove those that are no longer used."
    yield from _find_near(count, quota, "VPC", "connections", fix)


def _find_near(count: int, limit: int, subject: str, what: str, fix: str) -> Findings:
    """Yield a warning if a limit is nearly reached."""
    if count >= _NEARLY * limit:
        message = f"The {subject} has {count} {what}, and {limit} is the limit."
        yield Finding("warn", subject, message, fix, {"count": count, "limit": limit})
