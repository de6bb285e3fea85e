# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of peering connections, and what their failures mean: Atlas's rules that are needed without Atlas, too.

They are in https://www.mongodb.com/docs/atlas/security-vpc-peering/.
"""

from __future__ import annotations

import datetime

# What a project holds, over all cloud providers, and how many of them may wait to be accepted or set up.
MOST_PEERS = 50
MOST_PENDING = 25
# After this, AWS drops a request that is not accepted.
PENDING_LIFE = datetime.timedelta(days=7)
