# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module atlas_vpc_peer_check in the controller's own process where it can, and shows what it has found."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_check import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._action import AtlasAction
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._check_action import ShowsCheck, with_content
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._role_action import OfRole


class ActionModule(OfRole, ShowsCheck, AtlasAction):
    """The action of the module, which also shows the text and writes the report."""

    OPERATION = OPERATION

    def _args(self) -> dict[str, t.Any]:
        return with_content(super()._args(), self._loader)
