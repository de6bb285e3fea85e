# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long to pause before another try. Pure, but for the jitter."""

from __future__ import annotations

import random

# Seconds.
LONGEST_BACKOFF = 60.0


def backoff(attempt: int) -> float:
    """Return the seconds to pause after failed attempt number `attempt`, counted from 0: doubling, with jitter."""
    return random.uniform(0.5, 1) * min(2.0 ** min(attempt, 10), LONGEST_BACKOFF)  # noqa: S311 - jitter is no secret
