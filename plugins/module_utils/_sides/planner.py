# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans one connection: its creation, change, replacement or removal."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._clouds.cloud import Cloud, Fields, Peer, fields_of
from .._engine.options import check_shown
from .._engine.plan import Change, Plan, Step
from .._http.errors import InvalidOptionError, TaskError, as_form, as_name, as_option
from .._resources.containers import to_region
from .connection import REACHED, CreatePeer, DeletePeer, PeerState, UpdatePeer, failure, peer_after, removal_way
from .container_choice import ContainerChoice, with_region
from .match import check_overlaps, check_twins, differences, find_holders, find_twins
from .options import choose_provider


class PeerPlanner:
    """Plans the one connection that the options describe.

    For a new one, the container is read on AWS, whose hand-over has its block; if v2 needs it and the options leave it open; or
    if a connection is removed first, since a refused creation would leave nothing. Otherwise Atlas checks it, and
    `PeerMatch.explain` explains a refusal.

    Args:
        choice: The container, with the options.
    """

    def __init__(self, choice: ContainerChoice) -> None:
        params, provider = choice.params, choice.provider
        self._params = params
        self._provider = provider
        self._choice = choice
        self._wanted = {name: params[name] for name in provider.writable if name != "container_id" and params[name] is not None}
        # API v1.0 chooses the container by itself; v2 requires it, and the accepter's region.
        self._needs_container = params["api_version"] == "v2"

    def plan_absent(self, state: PeerState) -> Plan:
        """Plan the removal of the connection, unless it is leaving already.

        Raises:
            TaskError: If its labels differ from the options.
        """
        peer, provider = state.peer, self._provider
        if peer is None or state.dying:
            return Plan()
        labels = {name: self._wanted[name] for name in provider.labels if name in self._wanted}
        differing = provider.differing(labels, peer)
        if differing:
            raise TaskError(
                f"{as_form('VPC peering connection')} {as_name(peer['id'])} {as_form('is', 'are')} not the one that the options "
                f"describe: {', '.join(differences(differing, fields_of(peer), self._wanted))}.",
                hint="Correct the option, or leave it out.",
            )
        key = peer["id"]
        return Plan((Change("delete", key, peer, None),), (Step("delete", DeletePeer(key), (key,)),))

    def plan_present(self, state: PeerState) -> Plan:
        """Plan the connection that the options describe.

        Raises:
            TaskError: If it cannot be created, changed or replaced as the options require.
        """
        if state.old is None:
            return self._plan_own(state)
        key = state.old["id"]
        if state.peer is None or state.dying:
            return self._plan_move(state, state.old)
        plan, removal = self._plan_own(state), Change("delete", key, state.old, None)
        warnings = _check_move(self._provider, plan, state.old, state.peer)
        return Plan((*plan.changes, removal), (*plan.steps, removal_of_old(state.old, (key,))), warnings)

    def _plan_own(self, state: PeerState) -> Plan:
        provider, params, peer = self._provider, self._params, state.peer
        if peer is None and state.needs_id:
            names = " and ".join(reversed(provider.identity))
            if choose_provider(params) is None:
                names += ", or what names the network on AZURE or GCP,"
            way_out = "leave it out" if None not in [params[name] for name in provider.identity] else f"give {names} instead"
            raise TaskError(
                f"Project {params['group_id']} has no VPC peering connection {params['peer_id']}.",
                hint=f"Check peer_id, or {way_out} to create one.",
            )
        if peer is None or state.dying:
            return self._plan_creation(state)
        if not provider.has_failed(peer):
            return self._plan_changes(state, peer)
        if params["recreate"] == "never":
            raise failure(provider, params, peer)
        return self._plan_again(state, peer)

    def _plan_changes(self, state: PeerState, current: Peer) -> Plan:
        """Plan the changes to a connection that is alive.

        Raises:
            TaskError: If it differs in what cannot be changed, or Atlas does not show this.
        """
        wanted, provider = self._wanted, self._provider
        differing = provider.differing(wanted, current)
        if not differing:
            return Plan()
        check_shown(f"VPC peering connection {current['id']}", current, differing)
        fixed = [name for name in differing if name not in provider.changeable]
        if fixed and self._params["recreate"] == "changed":
            return self._plan_again(state, current)
        if fixed:
            texts = differences(fixed, fields_of(current), wanted)
            raise TaskError(
                f"VPC peering connection {as_name(current['id'])} differs in what cannot be changed: {', '.join(texts)}. A new "
                "connection would be needed.",
                hint=f"Correct the option, remove the connection first ({removal_way(self._params)}), or set recreate: changed.",
            )
        after = {**current, **wanted}
        check_overlaps(provider, after, self._choice.known(current["container_id"]), state.listed or ())
        request = UpdatePeer(current["id"], {name: wanted[name] for name in differing})
        step = Step("update", request, (current["id"],), after=self._leaving(state, after) or None)
        return Plan((Change("update", current["id"], current, after),), (step,))

    def predict(self, state: PeerState, plan: Plan) -> PeerState:
        """Return the state after a plan, with the checks that Atlas would make.

        Raises:
            TaskError: If Atlas would refuse it.
        """
        change = plan.changes[0] if plan.changes else None
        if change is None:
            return state
        if change.after is None:
            return replace(state, peer=None) if state.old is None else replace(state, old=None)
        provider, after = self._provider, dict(change.after)
        region = None if provider.region is None else self._wanted.get(provider.region)
        current = change.before if change.action == "update" else None
        container = self._choice.find(after["container_id"], region if current is None else None)
        after["container_id"] = container["id"]
        gone = change.before["id"] if change.action == "recreate" and change.before is not None else None
        neighbours = [peer for peer in self._choice.neighbours(state) if peer["id"] != gone]
        check_overlaps(provider, after, container, neighbours)
        return replace(state, peer=with_region({**peer_after(change), "container_id": container["id"]}, container), old=None)

    def _plan_creation(self, state: PeerState, replaced: Peer | None = None, home: str | None = None) -> Plan:
        """Plan a new connection.

        Args:
            state: The state; its `template` completes the options, unless a connection is replaced.
            replaced: The connection that is removed for it, if any.
            home: The id of the container, if the options leave it open and it is known.

        Raises:
            TaskError: If the options do not allow it; the message names the option.
        """
        provider, template = self._provider, state.template if replaced is None else None
        known = fields_of(template) if template is not None else {}
        fields = {name: known[name] for name in provider.writable if known.get(name) is not None}
        fields.update(self._wanted)
        container_id = self._choice.chosen_id() or home
        if container_id is not None:
            fields["container_id"] = container_id
        missing = [name for name in provider.needed if name not in fields]
        if missing:
            raise InvalidOptionError(f"{_subject_of(missing)} required to create a VPC peering connection.")
        container = self._choice.known(container_id)
        regions = () if provider.region is None else (provider.region,)
        is_open = "container_id" not in fields
        if replaced is not None or (self._needs_container and is_open) or (regions and not is_open):
            region = None if provider.region is None else fields.get(provider.region)
            container = self._choice.find(fields.get("container_id"), region)
        container_region = to_region(container) if container is not None and provider.region is not None else None
        if container is not None and self._needs_container:
            fields = {**dict.fromkeys(regions, container_region), **fields, "container_id": container["id"]}
        neighbours = [peer for peer in self._choice.neighbours(state) if replaced is None or peer["id"] != replaced["id"]]
        check_overlaps(provider, fields, container, neighbours)
        check_twins(self._choice, fields, neighbours)
        key = provider.describe(fields)
        blockers = (*(state.dying if replaced is None else (replaced,)), *self._leaving(state, fields))
        steps = [Step("delete", DeletePeer(replaced["id"]), (key,))] if replaced is not None else []
        steps.append(Step("create", CreatePeer(fields, container_region), (key,), after=blockers or None))
        shown = {**dict.fromkeys((*provider.read_only, *provider.writable)), **dict.fromkeys(regions, container_region), **fields}
        after = {**shown, "status_name": provider.progress[0], "provider_name": provider.name}
        return Plan((Change("create" if replaced is None else "recreate", key, replaced, after),), tuple(steps))

    def _plan_again(self, state: PeerState, old: Peer) -> Plan:
        """Plan to replace a connection with what the options alone describe, so that the next run can resume if this one stops.

        Raises:
            TaskError: If the new one would differ, and `recreate` is not `changed`; or if an option for it is missing.
        """
        self._check_options(old)
        plan = self._plan_creation(state, replaced=old)
        names = self._differences(old, plan.steps[-1].request.fields)
        if names and self._params["recreate"] != "changed":
            raise TaskError(
                f"{as_form('VPC peering connection')} {as_name(old['id'])} {as_form('is', 'are')} "
                f"{self._provider.failure_in_words(old)}, and the options describe another one: {', '.join(names)}.",
                hint="recreate: dead only replaces what the options alone create again: correct them, or remove the connection "
                f"first ({removal_way(self._params)}).",
            )
        return plan

    def _plan_move(self, state: PeerState, old: Peer) -> Plan:
        """Plan to replace a connection with one of another identity: the new one first, unless the old one is in its way.

        Raises:
            TaskError: If the new one cannot be created.
        """
        self._check_options(old)
        home = old["container_id"]
        first = self._plan_creation(state, old, home)
        fields: Fields = first.steps[-1].request.fields
        if self._in_the_way(fields, [old]):
            # Once the old one is gone, only the options determine the container.
            first = self._plan_creation(state, old)
            blockers = (*state.dying, *(first.steps[-1].after or ()))
            return Plan(first.changes, (first.steps[0], Step("create", first.steps[-1].request, first.steps[-1].keys, blockers)))
        creation = self._plan_creation(state, home=home)
        return Plan(first.changes, (*creation.steps, removal_of_old(old, creation.steps[0].keys)))

    def _check_options(self, old: Peer) -> None:
        missing = [name for name in self._provider.needed if name not in self._wanted]
        if not missing:
            return
        choice = "changed" if self._params["recreate"] == "changed" else "dead"
        of_what, values = "" if self._provider.has_failed(old) is False else "failed ", fields_of(old)
        known = ", ".join(f"{as_option(name)} {as_name(values[name])}" for name in missing)
        hint = f"Set it; that connection has {known}."
        if missing == [self._provider.block]:
            hint = f"Set it; the block of that connection is {as_name(values[missing[0]])}."
        raise InvalidOptionError(
            f"{_subject_of(missing)} required with recreate: {choice}, which removes the {of_what}VPC peering connection "
            f"{as_name(old['id'])} and creates it again from the options alone.",
            hint=hint,
        )

    def _differences(self, old: Peer, fields: Fields) -> list[str]:
        """Describe the differences between a connection and the new one, one text per field."""
        provider = self._provider
        region = None if provider.region is None else fields.get(provider.region)
        container = self._choice.find(fields.get("container_id"), region)
        regions = () if provider.region is None else (provider.region,)
        new, current = {**dict.fromkeys(regions, to_region(container)), **fields, "container_id": container["id"]}, fields_of(old)
        names = [name for name in provider.writable if not provider.is_same(current[name], new[name])]
        return differences(names, current, new)

    def _leaving(self, state: PeerState, fields: Fields) -> tuple[Peer, ...]:
        """Return the leaving connections that block a connection until they are gone, as far as known."""
        listed = (state.listed or ()) if self._provider.block is not None else self._choice.neighbours(state)
        leaving = [peer for peer in listed if peer["status_name"] == self._provider.terminating and peer not in state.dying]
        return tuple(self._in_the_way(fields, leaving))

    def _in_the_way(self, fields: Fields, peers: t.Sequence[Peer]) -> list[Peer]:
        """Return the connections whose block overlaps that of `fields`, or that join its network to an overlapping container."""
        if self._provider.block is None:
            return find_twins(self._choice, fields, peers)
        return find_holders(fields[self._provider.block], fields.get("container_id"), peers, but=fields.get("id"))


def removal_of_old(old: Peer, keys: tuple[str, ...]) -> Step:
    """Return the step that removes a connection once its replacement is there."""
    return Step("delete", DeletePeer(old["id"]), keys, after=REACHED)


def _subject_of(names: t.Collection[str]) -> str:
    return f"{' and '.join(map(as_option, names))} {'is' if len(names) == 1 else 'are'}"


def _check_move(provider: Cloud, plan: Plan, old: Peer, new: Peer) -> tuple[str, ...]:
    """Check that a move removes no second connection that may work; return a warning if it removes a failed one.

    Raises:
        TaskError: If it would: a user expects a move to remove only the connection with `peer_id`.
    """
    if plan.changes[:1] == () or plan.changes[0].action != "recreate":
        return ()
    network = f"{provider.noun} {provider.describe(new)}"
    if provider.has_failed(new):
        is_failed = f"VPC peering connection {new['id']} to {network} is {provider.failure_in_words(new)}"
        return (f"{is_failed}, and is removed as well as {old['id']}, which peer_id names.",)
    raise TaskError(
        f"peer_id names VPC peering connection {old['id']}, which cannot move to {network}: VPC peering connection "
        f"{new['id']} leads there, and differs in what cannot be changed, so that both would be removed.",
        hint="Run the task without peer_id first, which replaces the one that is there, or correct the options.",
    )
