# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The customer's half on GCP of the entries: the mirror of each, which the side changes."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._accounts.session import CheckSession
from .._clouds.cloud import Peer, fields_of
from .._clouds.gcp import GCP
from .._engine.options import Parameters
from .._engine.plan import Change, ChangeKey, EntryWarning, Plan, Step, joined, plan_each
from .._engine.side import Call, Context, Effect, NoReply, Owner, Purpose, Query, Replies, ReplyValue, Waiting
from .._engine.wait import WaitTimeoutError, time_is_up
from .._entries.parser import PeerEntry
from .._gcp.network import ACTIVE, NetworkState, Running, find_mirror, plan_absent, plan_present, state_after
from .._gcp.networks import Networks
from .._gcp.options import name_networks
from .._http.errors import InvalidOptionError, TaskError, as_name
from .._resources.containers import Container, Containers
from .entry_containers import take_containers
from .gcp import GcpSide, Mirror
from .gcp_lists import NetworkLists
from .path_state import ACTING, CLEANING, MIRROR, SIDES, PathSide, PathState, as_one

# Placeholders for Atlas's project and network before Atlas has created them: no network can have these names.
_UNKNOWN = ("p-000000000000000000000000", "nt-000000000000000000000000-00000000")
# Reads Atlas's names.
_NAMES = "names"
# A mirror waits for Atlas's half, or for the end of another change.
_ATLAS, _TURN = Waiting("Atlas", ends_with_steps=True), Waiting("its turn", polls=False, ends_with_steps=True)


class MirrorTerms:
    """What the list and Atlas set for the mirror of each entry.

    Args:
        params: The options of the task.
        path: What is known of both sides.
    """

    def __init__(self, params: Parameters, path: PathState) -> None:
        self._params, self._path = params, path
        self.is_present = params["state"] == "present"
        # The options of mirrors, by their entries and Atlas's names.
        self._options: dict[tuple[str, tuple[str, str] | None], Parameters] = {}

    def names_of(self, entry: PeerEntry) -> tuple[str, str] | None:
        """Return Atlas's project and network in GCP for an entry; None if they are not known yet."""
        if not self._params["atlas"]:
            return _pair(entry.params)
        container = self._path.container_of.get(entry.key)
        return None if container is None else _pair(container)

    def is_known(self, entry: PeerEntry) -> bool:
        """Return whether it is known which peering of an entry's network is the mirror."""
        return self.names_of(entry) is not None or entry.params["gcp_peering_name"] is not None

    def name_of(self, entry: PeerEntry) -> str:
        """Return the name of the mirror to create; empty if Atlas's network, which it is named after, is not known yet."""
        return str(self.params_of(entry)["name"]) if self.is_present and self.is_known(entry) else ""

    def is_requested(self, entry: PeerEntry) -> bool:
        """Return whether Atlas has created its half of a connection, or the task leaves Atlas alone."""
        peer = self._path.peer_of(entry.key)
        return not self._params["atlas"] or (peer is not None and GCP.has_reached(peer, t.cast(str, GCP.pending)))

    def lacks_names(self, entry: PeerEntry) -> bool:
        """Return whether Atlas has created its half of a connection, and its names are not known yet."""
        return self.is_requested(entry) and self.names_of(entry) is None

    def params_of(self, entry: PeerEntry) -> Parameters:
        """Return the options of the front for the mirror of an entry."""
        is_named = not self.is_present and entry.params["gcp_peering_name"] is not None
        pair = self.names_of(entry) or (None if is_named else _UNKNOWN)
        found = self._options.get((entry.key, pair))
        if found is None:
            found = self.make_params(entry.params, pair, entry.params["gcp_peering_name"], self._params["state"])
            self._options[entry.key, pair] = found
        return found

    def make_params(self, network: Parameters, pair: tuple[str, str] | None, name: str | None, wanted: str) -> Parameters:
        """Return the options of the front for a mirror.

        Args:
            network: Has the customer's project and network.
            pair: Those of Atlas; None if they are not known.
            name: The name of the mirror; None for the name that follows from Atlas's network.
            wanted: The `state`.
        """
        project, atlas_network = pair or (None, None)
        params = {
            **{one: network[one] for one in GCP.identity},
            "atlas_gcp_project_id": project,
            "atlas_network_name": atlas_network,
            "name": name,
            "state": wanted,
            "wait": True,
            "wait_timeout": self._params["wait_timeout"],
            "wait_sleep": self._params["wait_sleep"],
        }
        return {**params, **name_networks(params, "gcp_peering_name")}

    def plan(self, entry: PeerEntry, network: NetworkState) -> Plan:
        """Plan the mirror of an entry.

        Raises:
            TaskError: If its network does not exist, or its name belongs to another peering.
        """
        if self.is_present and not network.exists:
            name, project = entry.params["network_name"], entry.params["gcp_project_id"]
            raise InvalidOptionError(
                f"There is no VPC network {as_name(name)} in the project {project}.",
                hint="Check gcp_project_id and network_name.",
            )
        if self.is_present:
            return plan_present(self.params_of(entry), network)
        if not self.is_known(entry):
            return Plan()
        try:
            return plan_absent(self.params_of(entry), network)
        except InvalidOptionError:
            raise
        except TaskError as error:
            raise error.with_hint("Correct gcp_peering_name, or leave it out.") from None


class PrunedMirrors:
    """The mirrors of pruned connections, which no entry means: they are removed in the same way, before the connections.

    Args:
        lists: Reads networks.
        terms: Makes their options.
        path: What is known of both sides, with the states of the side.

    Attributes:
        name: The name of the side.
        mirrors: What each should be, by the id of its connection, which is its owner.
        changes: Their changes, by the same ids.
    """

    name = "gcp"

    def __init__(self, lists: NetworkLists, terms: MirrorTerms, path: PathState) -> None:
        self._terms, self._lists, self._path, self._states = terms, lists, path, path.gcp
        self.look_at_pruned = lists.look_at
        self.mirrors: dict[Owner, Mirror] = {}
        self.changes: dict[Owner, Change] = {}

    def plan_pruned(self, peer: Peer, found: NetworkState, leaving: t.Sequence[Peer]) -> Plan:
        """Plan the removal of the mirror of a pruned connection: before the connection."""
        id_, used = peer["id"], [one for one in self._path.containers if one["id"] == peer["container_id"]]
        if id_ not in self.mirrors and used and (pair := _pair(used[0])) is not None:
            params = self._terms.make_params(fields_of(peer), pair, None, "absent")
            self.mirrors[id_] = Mirror(params, self._lists.requests(params))
            self._states[id_] = found
        return self.plan(id_) if id_ in self.mirrors else Plan()

    def plan(self, id_: str) -> Plan:
        """Plan what is left to remove."""
        plan = plan_absent(self.mirrors[id_][0], self._states[id_])
        for change in plan.changes:
            name = str((change.before or {})["name"])
            self.changes[id_] = change._replace(key=_key_of(id_), verb="delete", name=name)
        return as_one(self.changes[id_], plan.steps, id_, CLEANING) if plan.steps else Plan()

    def is_clean(self, owner: str) -> bool:
        """Return whether the mirror of a pruned connection is gone, or there was none."""
        return owner not in self.mirrors or not (self.plan(owner).steps or self._states[owner].running is not None)


class GcpEntries(PathSide[NetworkState], GcpSide):
    """The mirrors of the entries of a list, and those that pruned connections leave.

    One mirror at a time is changed for each network of Atlas, until GCP's operation has ended. Inactive mirrors are polled in one
    list for each project, and a network is read again before its mirror is removed.

    Args:
        context: What all sides of the run share.
        entries: The entries whose networks it changes.
        path: What is known of all sides.
        session: The services that the task talks to.
        containers: The network containers of the project; None if the task leaves Atlas alone.

    Attributes:
        reader: Reads their networks.
        pruned: The mirrors of pruned connections.
    """

    step = MIRROR

    def __init__(
        self,
        context: Context,
        entries: t.Sequence[PeerEntry],
        path: PathState,
        session: CheckSession,
        containers: Containers | None,
    ) -> None:
        super().__init__(context, {})
        params, self._path, path.gcp = context.params, path, self.states
        self._entries: dict[Owner, PeerEntry] = {entry.key: entry for entry in entries}
        self._containers, self._is_absent = containers, params["state"] == "absent"
        self._terms = MirrorTerms(params, path)
        self.reader = NetworkLists(params, entries, session)
        self.pruned = PrunedMirrors(self.reader, self._terms, path)
        self._stage = SIDES if self._is_absent else ACTING
        # The names of the mirrors as far as known at first, and their changes, which later plans keep.
        self._names: dict[Owner, str] = {}
        self._changes: dict[Owner, Change] = {}
        # The owner of the last change to each network of Atlas, and those whose change was sent but has not begun.
        self._turns: dict[str | None, Owner] = {}
        self._sent: set[Owner] = set()

    def first_queries(self, *, is_first: bool) -> t.Iterable[Query]:
        """Ask for the list of networks of each project and its credentials."""
        return self.reader.first_queries()

    def observe_first(self, replies: Replies) -> t.Mapping[Owner, NetworkState]:
        """Return the network of each entry."""
        self._names = {key: self._terms.name_of(entry) for key, entry in self._entries.items()}
        return self.reader.take(replies)

    # The plan.

    def plan_list(self) -> Plan:
        """Plan the mirrors that are missing, or their removal."""
        plans, entry_warnings, refusals = list[Plan](), list[EntryWarning](), dict[str, TaskError]()
        for entry in self._entries.values():
            key = entry.key
            try:
                plan = self._plan_in_list(entry)
            except TaskError as error:
                refusals[key] = entry.named(error)
                continue
            self._changes.update(dict.fromkeys([key], plan.changes[0]) if plan.changes else {})
            entry_warnings += [EntryWarning(key, one) for one in plan.warnings]
            plans += [plan] if key not in self._path.failures else []
        return replace(joined(plans), warnings=(), entry_warnings=tuple(entry_warnings), refusals=refusals)

    def _plan_in_list(self, entry: PeerEntry) -> Plan:
        """Return the plan of one mirror as a part of that of the list.

        The request to create one is empty, since its names may become known later.

        Raises:
            TaskError: If its network does not exist, or its name belongs to another peering.
        """
        plan = self._terms.plan(entry, self.states[entry.key])
        if not plan.steps:
            return plan
        (change,), (step,) = plan.changes, plan.steps
        name = str((change.before or {}).get("name", self._names[entry.key]))
        # The network of Atlas that is still to be created has no names.
        after = change.after if change.after is None or self._terms.names_of(entry) is not None else {}
        verb = "delete" if self._is_absent else "create"
        change = change._replace(key=_key_of(entry.key), after=after, verb=verb, name=name)
        step = step._replace(request=None if step.action == "create" else step.request)
        return as_one(change, [step], entry.key, self._stage)

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan what is left to do for some mirrors. An impossible one fails for its entry."""
        self._sent.difference_update(owners)
        return plan_each(owners, self._plan, lambda owner: (str(owner),))

    def _plan(self, owner: Owner) -> Plan:
        """Plan a mirror again, with the change of the first plan, and without its warnings."""
        if owner in self.pruned.mirrors:
            return self.pruned.plan(str(owner))
        plan, change = self._plan_in_list(self._entries[owner]), self._changes.get(owner)
        return as_one(change, plan.steps, owner, self._stage) if plan.steps and change is not None else Plan()

    def assume(self, plan: Plan) -> None:
        """Assume the mirrors as they will be. A mirror to a network that Atlas has not created yet is not shown."""
        states, terms = self.states, self._terms
        for key, entry in self._entries.items():
            is_shown = terms.is_known(entry) if self._is_absent else terms.names_of(entry) is not None
            if is_shown and key not in self._path.failures:
                states[key] = state_after(terms.params_of(entry), states[key], terms.plan(entry, states[key]))

    # What it sends, and waits for.

    def mirror(self, owner: Owner) -> Mirror:
        """Return what the mirror of an entry should be, as far as Atlas has named its network, and the requests about it."""
        if owner in self.pruned.mirrors:
            return self.pruned.mirrors[owner]
        params = self._terms.params_of(self._entries[owner])
        return Mirror(params, self.reader.requests(params, self._entries[owner]))

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask as for one mirror; in a poll, for the lists that have existing mirrors, and for names that Atlas has to choose."""
        made, waiting, others = list[PeerEntry](), list[Owner](), list[Owner]()
        for owner in owners:
            params, terms = self.mirror(owner).params, self._terms
            if purpose is not Purpose.POLL or self.states[owner].running is not None:
                others.append(owner)
            elif params["state"] == "present" and find_mirror(params, self.states[owner]) is not None:
                made.append(self._entries[owner])
            elif owner in self._request_ids:
                others.append(owner)
            elif owner in self._entries and terms.lacks_names(self._entries[owner]):
                waiting.append(owner)
        yield from (*super().queries(others, purpose), *self.reader.queries(made))
        if waiting and self._containers is not None:
            yield Query(_NAMES, partial(_if_answered, self._containers.list_containers), tuple(waiting))

    def observe(self, replies: Replies) -> t.Mapping[Owner, NetworkState]:
        """Return the networks that were read. Network containers may have Atlas's names by now."""
        if not self.context.stage:
            return super().observe(replies)
        shown: dict[t.Hashable, ReplyValue] = {}
        for key, reply in replies.items():
            if key != _NAMES:
                shown.update(reply if isinstance(reply, dict) else {key: reply})
            elif reply:
                others = [one for one in self._path.containers if one["provider_name"] != GCP.name]
                take_containers([*others, *reply], self._path)
        return super().observe(shown)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait as for one mirror; before its change, until Atlas waits for it, and for its turn.

        Raises:
            TaskError: If waiting is useless, the entry has failed, or the name belongs to another peering.
        """
        failure = self.failure_of(owner)
        if step is None:
            is_over = self.context.stage != self._stage or failure is not None
            waiting = None if is_over and self.states[owner].running is None else super().wait(owner, None)
            return waiting._replace(ends_with_steps=True) if waiting is not None and waiting.goal == ACTIVE else waiting
        if failure is not None:
            raise failure
        if not self._is_asked_for(owner):
            return _ATLAS
        last = self._turns.get(self._network_of(owner), owner)
        is_changing = last in self._sent or self.states[last].running is not None
        if last != owner and is_changing and last not in self.context.failures:
            return _TURN
        self._plan(owner)
        return None

    def _network_of(self, owner: Owner) -> str | None:
        """Return Atlas's network of a mirror."""
        params = self.mirror(owner).params
        mirror = find_mirror(params, self.states[owner])
        return params["remote"] or (None if mirror is None else mirror.network)

    def _is_asked_for(self, owner: Owner) -> bool:
        """Return whether Atlas waits for the mirror of an entry, or did so before, and its names are known."""
        if self._is_absent or owner in self.pruned.mirrors:
            return True
        return self._terms.is_requested(self._entries[owner]) and self._terms.names_of(self._entries[owner]) is not None

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a mirror that is not ready in time, with what its change has waited for."""
        if step is None or error.refusal is not None:
            return super().timeout_error(owner, step, waiting, error)
        if self._is_asked_for(owner):
            return time_is_up(error, f"the other peerings with Atlas's network in {GCP.name} were changed, one after the other")
        if self._terms.is_requested(self._entries[owner]):
            return time_is_up(error, f"Atlas had named its project and network in {GCP.name}")
        peer = self._path.peer_of(str(owner))
        shown = "not there yet" if peer is None else peer["status_name"]
        return time_is_up(error, f"Atlas waited for the peering in {GCP.name} (the connection is {shown})")

    def request(self, step: Step) -> Call:
        """Create or remove a mirror. Before the first removal, its network is read again."""
        owner, is_first = step.owner, step.owner not in self._request_ids
        self._turns[self._network_of(owner)] = owner
        self._sent.add(owner)
        call = super().request(step)
        if step.action != "delete" or not is_first or owner not in self._request_ids:
            return call
        params, networks = self.mirror(owner)
        return partial(_read_and_remove, networks, params, self._request_ids[owner])

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record the operation that the change has begun, or that the mirror is gone."""
        owner = step.owner
        self._sent.discard(owner)
        if isinstance(reply, NetworkState):
            # If no request of this task was lost, others have removed it.
            return Effect({owner: reply}, None if (self.name, owner) in self.context.lost else ())
        # The engine takes only new states.
        state = super().record(step, reply).states.get(owner) or replace(self.states[owner])
        return Effect({owner: state}, (self._change_of(owner, state),))

    def _change_of(self, owner: Owner, network: NetworkState) -> Change:
        """Return the change of a mirror, as far as known now."""
        change = (self.pruned.changes if owner in self.pruned.mirrors else self._changes)[owner]
        if change.action != "create":
            return change
        params = self._terms.params_of(self._entries[owner])
        mirror = find_mirror(params, network)
        fields = plan_present(params, network).changes[0].after if mirror is None else mirror.to_result()
        return change._replace(name=str((fields or params)["name"]), after=fields)

    def is_begun(self, entry: str) -> bool:
        """Return whether GCP's operation for an entry has not ended yet."""
        return entry in self.states and self.states[entry].running is not None

    def progress_line(self) -> str:
        """Return how many mirrors are active."""
        if self._is_absent or self.context.stage != ACTING:
            return ""
        wanted = [entry for key, entry in self._entries.items() if key not in self._path.failures]
        mirrors = [find_mirror(self._terms.params_of(entry), self.states[entry.key]) for entry in wanted]
        active = [one for one in mirrors if one is not None and one.state == ACTIVE]
        return f"{len(active)} of {len(wanted)} peerings in {GCP.name} active" if wanted else ""


def _read_and_remove(networks: Networks, params: Parameters, request_id: str) -> Running | NetworkState:
    """Read a network again, and remove its mirror; return GCP's operation, or the network if its mirror is gone."""
    state = networks.look(may_be_missing=True)
    steps = plan_absent(params, state).steps
    return networks.change(steps[0].request, request_id) if steps else state


def _if_answered(ask: t.Callable[[str], list[Container]]) -> list[Container]:
    """Return the network containers; none if Atlas does not answer, since the next poll may have an answer.

    Raises:
        TaskError: If it refuses.
    """
    try:
        return ask(GCP.name)
    except TaskError as error:
        if error.is_transient or error.is_unanswered:
            return []
        raise


def _key_of(owner: str) -> ChangeKey:
    return ChangeKey(owner, MIRROR, GCP.name, MIRROR)


def _pair(fields: Parameters) -> tuple[str, str] | None:
    """Return Atlas's project and network in a container, or in an entry; None if one of them is not known."""
    project, network = (fields.get(name) for name in GCP.atlas_network)
    return (project, network) if project and network else None
