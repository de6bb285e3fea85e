# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module atlas_vpc_peers in the controller's own process where it can, with the plan in its file."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peers import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._action import AtlasAction
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._plan_file import SavesPlan


class ActionModule(SavesPlan, AtlasAction):
    """The action of the module."""

    OPERATION = OPERATION
