# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pruned connections leave in the customer's clouds, and its removal before Atlas forgets them."""

from __future__ import annotations

from .part import PathPart
from .path_state import PathState


class PrunedPart(PathPart):
    """What pruned connections leave."""

    name = "pruned"

    def is_clean(self, owner: str, state: PathState) -> bool:
        """Whether nothing of a pruned connection is left in the customer's cloud that this task removes."""
        return True
