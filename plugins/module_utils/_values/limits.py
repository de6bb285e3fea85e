# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of peering connections, from https://www.mongodb.com/docs/atlas/security-vpc-peering/."""

from __future__ import annotations

import datetime

# Connections per project, over all cloud providers, and how many of them may be pending (not yet accepted or set up).
MOST_PEERS = 50
MOST_PENDING = 25
# AWS drops a request that is not accepted within this time.
PENDING_LIFE = datetime.timedelta(days=7)
