# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module atlas_peering in the controller's own process where it can, and lets one host of a play prune a project."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_peering import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._action import AtlasAction
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._plan_file import SavesPlan
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._role_action import OfRole


class ActionModule(OfRole, SavesPlan, AtlasAction):
    """The action of the module."""

    OPERATION = OPERATION
