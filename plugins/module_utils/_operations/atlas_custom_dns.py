# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_custom_dns does: it enables or disables the custom DNS of a project."""

from __future__ import annotations

import typing as t

from .._engine.argspec import CONNECTION, ArgumentSpec
from .._engine.plan import Change, Plan, Step
from .._resources.custom_dns import is_custom_dns_enabled, update_custom_dns
from .atlas import AtlasOperation


class AtlasCustomDns(AtlasOperation[bool]):
    """Enables or disables custom DNS; the state is whether it is enabled."""

    argument_spec = CONNECTION + ArgumentSpec({"enabled": {"type": "bool", "required": True}})
    noun = "custom_dns"

    def look(self) -> bool:
        """Read whether it is enabled."""
        return is_custom_dns_enabled(self.session, self.params["group_id"])

    def decide(self, state: bool) -> Plan:
        """Plan the change, if there is one."""
        wanted: bool = self.params["enabled"]
        if state is wanted:
            return Plan()
        change = Change("update", "custom DNS", {"enabled": state}, {"enabled": wanted})
        return Plan((change,), (Step("update", wanted, (change.key,)),))

    def predict(self, state: bool, plan: Plan) -> bool:
        """Return what the task sets."""
        return bool(self.params["enabled"])

    def apply(self, step: Step, state: bool) -> bool:
        """Enable or disable it."""
        enabled: bool = step.request
        update_custom_dns(self.session, self.params["group_id"], enabled=enabled)
        return enabled

    def show(self, state: bool, plan: Plan) -> dict[str, t.Any]:
        """Show whether it is enabled."""
        return {self.noun: {"enabled": state}}


OPERATION = AtlasCustomDns
