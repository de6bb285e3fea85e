# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a new connection comes to be there, alone or in place of another one. Pure."""

from __future__ import annotations

import typing as t

from .._clouds.cloud import Fields_provider as Fields
from .._clouds.cloud import Peer, Provider, fields_of
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step
from .._http.errors import AtlasError, InvalidOptionError
from .._resources.containers import to_region
from .._resources.peers import may_be_same_region
from .containers import ContainerChoice
from .preflight import check_overlaps, check_twins, find_holders, find_twins
from .state import REACHED, CreatePeer, DeletePeer, PeerState


class CreationPlanner:
    """Plans new connections.

    The container is asked for where the options leave it or the region open, and before a connection is removed for a new one,
    since it would be gone if Atlas refused the new one. Otherwise Atlas itself refuses, and the Operation's `explain` tells why.

    Args:
        params: The options.
        provider: The cloud provider.
        choice: The container.
        wanted: The fields of connections that the options name, without the container.
    """

    def __init__(self, params: Parameters, provider: Provider, choice: ContainerChoice, wanted: Fields) -> None:
        self._params = params
        self._provider = provider
        self._choice = choice
        self._wanted = wanted
        # Version 1.0 of the API chooses the container by itself; v2 has to be told, and the accepter's region, too.
        self._needs_container = params["api_version"] == "v2"

    def plan(self, state: PeerState, replaced: Peer | None = None, home: str | None = None) -> Plan:
        """Plan a new connection.

        Args:
            state: What is there; the options are completed by what is being removed.
            replaced: The connection that is removed for it, if any.
            home: The container, if the options leave it open and it is known.

        Raises:
            AtlasError: If it cannot be created like that; the message names the option.
        """
        provider, template = self._provider, state.template if replaced is None else None
        known = fields_of(template) if template is not None else {}
        fields = {name: known[name] for name in provider.writable if known.get(name) is not None}
        fields.update(self._wanted)
        container_id = self._choice.chosen_id() or home
        if container_id is not None:
            fields["container_id"] = container_id
        missing = [name for name in provider.required if name not in fields]
        if missing:
            are = "is" if len(missing) == 1 else "are"
            raise InvalidOptionError(f"{' and '.join(missing)} {are} required to create a VPC peering connection.")
        container = self._choice.known(container_id)
        regions = () if provider.region is None else (provider.region,)
        is_open = not {"container_id", *regions} <= fields.keys()
        if replaced is not None or (self._needs_container and is_open):
            region = None if provider.region is None else fields.get(provider.region)
            container = self._choice.find(fields.get("container_id"), region)
        home_region = to_region(container) if container is not None and provider.region is not None else None
        if container is not None and self._needs_container:
            fields = {**dict.fromkeys(regions, home_region), **fields, "container_id": container["id"]}
        neighbours = [one for one in self._choice.neighbours(state) if replaced is None or one["id"] != replaced["id"]]
        check_overlaps(provider, fields, container, neighbours)
        check_twins(self._choice, fields, neighbours)
        key = provider.describe(fields)
        going = (*(state.dying if replaced is None else (replaced,)), *self.leaving(state, fields))
        steps = [Step("delete", DeletePeer(replaced["id"]), (key,))] if replaced is not None else []
        steps.append(Step("create", CreatePeer(fields, home_region), (key,), after=going or None))
        change = Change("create" if replaced is None else "recreate", key, replaced, self._shown(fields, home_region))
        return Plan((change,), tuple(steps))

    def _shown(self, fields: Fields, home_region: str | None) -> Fields:
        """Return a new connection as Atlas will show it: null where the region is the container's."""
        provider = self._provider
        shown = {**dict.fromkeys((*provider.read_only, *provider.writable)), **fields}
        if provider.region is not None and shown[provider.region] == home_region:
            shown[provider.region] = None
        return {**shown, "status_name": provider.progress[0], "provider_name": provider.name}

    def plan_again(self, state: PeerState, old: Peer) -> Plan:
        """Plan to replace a connection by what the options alone describe, so that nothing is lost if the task ends in between.

        Raises:
            AtlasError: If that would be another connection, and only the same one is to be created again.
        """
        self._check_options(old)
        plan = self.plan(state, replaced=old)
        names = self._differences(old, t.cast("CreatePeer", plan.steps[-1].request).fields)
        if names and self._params["recreate"] != "changed":
            raise AtlasError(
                f"VPC peering connection {old['id']} is {self._provider.failure_in_words(old)}, and the options describe "
                f"another one: {', '.join(names)}.",
                hint="recreate: dead only replaces what the options alone create again: correct them, or remove the connection "
                "first (state: absent).",
            )
        return plan

    def plan_move(self, state: PeerState, old: Peer) -> Plan:
        """Plan a connection with another identity in place of one: the new one first, unless the old one is in its way.

        Raises:
            AtlasError: If it cannot be created like that.
        """
        self._check_options(old)
        home = old["container_id"]
        first = self.plan(state, old, home)
        fields = t.cast("CreatePeer", first.steps[-1].request).fields
        if self._in_the_way(fields, [old]):
            # Once the old one is gone, nothing but the options tells the container.
            first = self.plan(state, old)
            going = (*state.dying, *(first.steps[-1].after or ()))
            return Plan(first.changes, (first.steps[0], Step("create", first.steps[-1].request, first.steps[-1].keys, going)))
        creation = self.plan(state, home=home)
        return Plan(first.changes, (*creation.steps, removal_of_old(old, creation.steps[0].keys)))

    def _check_options(self, old: Peer) -> None:
        missing = [name for name in self._provider.required if name not in self._wanted]
        if not missing:
            return
        choice = "changed" if self._params["recreate"] == "changed" else "dead"
        of_what, values = "" if self._provider.has_failed(old) is False else "failed ", fields_of(old)
        known = ", ".join(f"{name} {values[name]}" for name in missing)
        hint = f"Set it; that connection has {known}."
        if missing == [self._provider.block]:
            hint = f"Set it; the block of that connection is {values[missing[0]]}."
        are = "is" if len(missing) == 1 else "are"
        raise InvalidOptionError(
            f"{' and '.join(missing)} {are} required with recreate: {choice}, which removes the {of_what}VPC peering connection "
            f"{old['id']} and creates it again from the options alone.",
            hint=hint,
        )

    def _differences(self, old: Peer, fields: Fields) -> list[str]:
        """Return in words what differs between a connection and a new one."""
        provider = self._provider
        region = None if provider.region is None else fields.get(provider.region)
        container = self._choice.find(fields.get("container_id"), region)
        new, current = {**fields, "container_id": container["id"]}, dict(fields_of(old))
        if provider.region is not None:
            home = to_region(container)
            new, current = {provider.region: home, **new}, {**current, provider.region: current[provider.region] or home}
        names = [name for name in provider.writable if not provider.is_same(current[name], new[name])]
        if provider.region in names and may_be_same_region(new[provider.region], current[provider.region]):
            names.remove(provider.region)
        return [f"{name} is {current[name]}, not {new[name]}" for name in names]

    def leaving(self, state: PeerState, fields: Fields) -> tuple[Peer, ...]:
        """Return the connections that are being removed and still in the way of a connection, as far as is known."""
        listed = (state.listed or ()) if self._provider.block is not None else self._choice.neighbours(state)
        leaving = [one for one in listed if one["status_name"] == self._provider.terminating and one not in state.dying]
        return tuple(self._in_the_way(fields, leaving))

    def _in_the_way(self, fields: Fields, peers: t.Sequence[Peer]) -> list[Peer]:
        """Return those of some connections that have the block of another one, or lead its network to an overlapping one."""
        if self._provider.block is None:
            return find_twins(self._choice, fields, peers)
        return find_holders(fields[self._provider.block], fields.get("container_id"), peers, but=fields.get("id"))


def removal_of_old(old: Peer, keys: tuple[str, ...]) -> Step:
    """Return the removal of a connection after the one in its place is there."""
    return Step("delete", DeletePeer(old["id"]), keys, after=REACHED)
