# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module atlas_custom_dns in the controller's own process where it can."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_custom_dns import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._action import AtlasAction


class ActionModule(AtlasAction):
    """The action of the module."""

    OPERATION = OPERATION
