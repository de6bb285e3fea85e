# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_custom_dns does: it enables or disables the custom DNS of a project."""

from __future__ import annotations

import typing as t
from functools import partial

from .._api.client import AtlasClient
from .._engine.argspec import CONNECTION, ArgumentSpec
from .._engine.front import Front
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step
from .._engine.side import ONLY, Call, Context, Effect, Owner, Purpose, Query, Replies, ReplyValue, Side
from .._http.pauses import Clock
from .._resources.projects import is_custom_dns_enabled, update_custom_dns
from .atlas import AtlasModule


class CustomDns(Side[bool]):
    """The custom DNS of a project; its state is whether it is enabled.

    Args:
        context: The options.
        client: Atlas.
    """

    name = "custom_dns"

    def __init__(self, context: Context, client: AtlasClient) -> None:
        super().__init__(context)
        self._client = client
        self._group_id: str = context.params["group_id"]

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask whether it is enabled."""
        return [Query(ONLY, partial(is_custom_dns_enabled, self._client, self._group_id))]

    def observe(self, replies: Replies) -> t.Mapping[Owner, bool]:
        """Return the answer."""
        return replies

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan the change, if there is one."""
        is_enabled, wanted = self.states[ONLY], self.context.params["enabled"]
        if is_enabled is wanted:
            return Plan()
        change = Change("update", "custom DNS", {"enabled": is_enabled}, {"enabled": wanted})
        return Plan((change,), (Step("update", wanted, (change.key,)),))

    def request(self, step: Step) -> Call:
        """Enable or disable it."""
        return partial(update_custom_dns, self._client, self._group_id, enabled=step.request)

    def record(self, step: Step, reply: ReplyValue) -> Effect:
        """Record what was sent, which Atlas has confirmed."""
        return Effect({ONLY: step.request})


class AtlasCustomDns(AtlasModule, Front[AtlasClient]):
    """Enables or disables custom DNS."""

    argument_spec = CONNECTION + ArgumentSpec({"enabled": {"type": "bool", "required": True}})
    noun = "custom_dns"

    def __init__(self, params: Parameters, session: AtlasClient, clock: Clock) -> None:
        super().__init__(params, session, clock)
        self.sides = (CustomDns(self.context, session),)

    def show_state(self, state: bool | None) -> t.Mapping[str, bool | None]:
        """Show whether it is enabled."""
        return {"enabled": state}


OPERATION = AtlasCustomDns
