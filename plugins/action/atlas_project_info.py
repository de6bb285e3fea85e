# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module atlas_project_info in the controller's own process where it can."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_project_info import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._action import AtlasAction


class ActionModule(AtlasAction):
    """The action of the module. The one project in `module_defaults` is for other modules."""

    OPERATION = OPERATION

    def _args(self) -> dict[str, t.Any]:
        args = super()._args()
        ignored = [name for name in ("group_id", "project_name") if name in args and self._distance(name, args[name])]
        return {name: value for name, value in args.items() if name not in ignored}
