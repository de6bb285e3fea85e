# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The customer's side in AWS: acceptance, tags, DNS and routes of all connections, or the removal of their routes."""

from __future__ import annotations

import datetime
import threading
import typing as t
from collections import Counter
from dataclasses import replace
from functools import partial, reduce

from .._accounts.credentials import AWS_NAMES
from .._accounts.session import AwsSessions
from .._aws.accepter.checks import (
    ANEW,
    CREDENTIALS,
    LONGEST_APPEARANCE,
    LONGEST_PROVISIONING,
    OF_CONTAINER,
    check_usable,
    find_block,
    late_error,
    no_block_error,
)
from .._aws.accepter.plan import NO_BLOCK, AccepterPlan, missing_tags, plan_absent, plan_present
from .._aws.accepter.region import CONNECTIONS, TAGS, Key, RegionSurvey, first_keys
from .._aws.accepter.requests import (
    Accept,
    AddTags,
    EnableDns,
    RemoveTags,
    Request,
    RouteChange,
    Takeover,
    shows,
    to_change,
    view_after,
    with_status,
)
from .._aws.accepter.routes import check_room, choose_tables, plan_new_routes, say_notes, say_takeovers
from .._aws.accepter.view import View, may_lead
from .._aws.objects import ACTIVE, ENDED, INITIATING, PENDING, PROVISIONING, PeeringConnection
from .._aws.rate import READERS
from .._aws.session import AwsSession
from .._clouds.aws import AWS
from .._clouds.cloud import BLOCK, REGION, Peer, fields_of
from .._clouds.clouds import is_failed, is_leaving
from .._engine.operation import ModuleBase, may_pass
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step
from .._engine.wait import WaitTimeoutError
from .._http.errors import OvertakenError, StoppedError, TaskError
from .._http.pauses import unbounded, within
from .._http.threads import Workers
from .._peer_set.causes import Failed, by_cause, to_failed
from .._peering.life import too_late
from .._values.moments import created_at
from .entries import LIST, PathEntry
from .part import Answers, Common, PathPart, Ran, task_of
from .path_state import ACTING, ROUTES, PathState, Task, What

_Place = tuple[t.Any, ...]
# What is done, in its order: the step of results, and the action and the kind of the change.
_STEPS: dict[type[t.Any], tuple[str, str, str]] = {
    Accept: ("accept", "accept", "connection"),
    AddTags: ("tags", "tag", "connection"),
    RemoveTags: ("tags", "untag", "connection"),
    EnableDns: ("dns", "enable", "attribute"),
    RouteChange: ("routes", "", "route"),
}
# In seconds: how long Atlas may know a request before AWS shows it, and how long a poll takes at most.
_YOUNG, _POLL = 120, 30.0
# In seconds, the pause before an entry whose write was lost goes on alone.
_SETTLING = 1.0
# What this task says in place of hints for the task with one connection.
_HINTS = {
    CREDENTIALS: "Use credentials of the VPC's owner (aws_profile, aws_access_key, aws_assume_role_arn), or correct its account.",
    OF_CONTAINER: "Set it to the block of Atlas's network container.",
    ANEW: "Once Atlas shows it as failed, run the task again with recreate set to dead: Atlas requests another one then.",
}
_UNCHECKED = (
    "New connections are accepted from whatever account has requested them. If all are of Atlas's account, set "
    "atlas_aws_account_ids to it, so that no other one is accepted."
)
# The same, once the account is known.
_ACCEPTED = "New connections were accepted from account {}. If that is Atlas's account, set atlas_aws_account_ids to it."
_ANEW_ELSEWHERE = "The team that does the Atlas half has to request another one: then use the new connection_id."


class AwsTask(t.NamedTuple):
    """What a step does.

    Attributes:
        request: The request.
        needs: The key of the change that has to be made before; empty for none.
        turn: The key of the same change of another entry with the same VPC, which makes it unless it fails; empty for none.
    """

    request: Request
    needs: str
    turn: str


class AwsPart(PathPart):
    """The customer's side in AWS, with one survey and one poll for each set of credentials and region.

    Args:
        common: What all parts get, with the entries whose VPCs it changes.
        sessions: The sessions with AWS.
        operation: The front of one connection, by which an entry goes on alone.
        replaced: Returns the keys of entries whose connection in Atlas the task replaces, or has replaced.
    """

    name = "aws"

    def __init__(
        self,
        common: Common,
        sessions: AwsSessions,
        operation: type[ModuleBase[t.Any]],
        replaced: t.Callable[[], t.Collection[str]],
    ) -> None:
        super().__init__(common)
        self._entries = {entry.key: entry for entry in common.entries}
        self._sessions = sessions
        self._operation = operation
        self._replaced = replaced
        self._lock = threading.Lock()
        # The entries of each set of credentials and region, and what was read of it.
        self._places: dict[_Place, list[PathEntry]] = {}
        self._place_of: dict[str, _Place] = {}
        self._surveys: dict[_Place, RegionSurvey] = {}
        # Atlas's list, with the ids of its connections in AWS.
        self._listed: tuple[t.Sequence[Peer], frozenset[str]] = ((), frozenset())
        # The id of each connection when the task began.
        self._began: dict[str, str] = {}
        # When an entry began to wait for something that has to come soon, and the last error of polls.
        self._since: dict[tuple[str, str], float] = {}
        self._unanswered: dict[_Place, TaskError] = {}
        # All changes that were planned for each entry, by their keys; and how entries have ended that went on alone, with the
        # request whose reply was lost.
        self._planned: dict[str, dict[str, tuple[Change, Request]]] = {}
        self._alone: dict[str, tuple[Ran, Request | None]] = {}
        # The entries whose requests were not there when they were planned, so that no warning has their account.
        self._unseen: set[str] = set()
        # Atlas's accounts, by credentials and the id of the network container: they have requested what is active there.
        self._atlas_accounts: dict[tuple[_Place, str], set[str]] = {}
        # What was said of wider routes: a later plan has only what is left to do.
        self._said: dict[Takeover, str] = {}

    # Reading.

    def reads(self) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Read the places whose region the list names. Others need what Atlas knows."""
        return self._first_reads(self._entries.values(), None)

    def reads_more(self, state: PathState) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Read the other places, and what needs the first answers: attributes for DNS, prefix lists, missing route tables."""
        others = [entry for key, entry in self._entries.items() if key not in self._place_of and self._is_known(entry, state)]
        calls = self._first_reads(others, state)
        for place in self._surveys:
            for key, question in self._open_questions(place, state).items():
                calls[self.name, place, key] = question
        return calls

    def _open_questions(self, place: _Place, state: PathState) -> dict[Key, t.Callable[[], t.Any]]:
        """Return the questions about a place that need the first answers and are not answered yet."""
        survey = self._surveys[place]
        questions = survey.second()
        known: t.Mapping[str, PeeringConnection] = survey.answers[CONNECTIONS]
        untagged = []
        for entry in self._places[place] if not self._is_absent else ():
            connection = known.get(self._connection_id(entry, state) or "")
            if connection is not None and missing_tags(self._options_of(entry, None, None), connection):
                untagged.append(connection)
        if untagged:
            questions[TAGS] = partial(survey.with_tags, untagged)
        return {key: question for key, question in questions.items() if key not in survey.answers}

    def _first_reads(self, entries: t.Iterable[PathEntry], state: PathState | None) -> dict[t.Any, t.Callable[[], t.Any]]:
        places: dict[_Place, list[PathEntry]] = {}
        for entry in entries:
            region = self._region_of(entry, state)
            places.setdefault(tuple(sorted(entry.aws_credentials(region).items())), []).append(entry)
        if state is None and self._params["atlas"]:
            # One survey for all of the same credentials: those whose region Atlas knows may be in the same one.
            unknown = {_without_region(place) for place, own in places.items() if any(not self._is_placed(one) for one in own)}
            places = {place: own for place, own in places.items() if _without_region(place) not in unknown}
        self._places.update(places)
        self._place_of.update({entry.key: place for place, own in places.items() for entry in own})
        wanted = {place: [self._options_of(one, None, None) for one in own] for place, own in places.items()}
        return {(self.name, place, key): partial(self._ask, place, key) for place in places for key in first_keys(wanted[place])}

    def _is_placed(self, entry: PathEntry) -> bool:
        """Whether an entry says itself where its VPC is, and that AWS is needed."""
        return not self._is_absent and entry.region is not None

    def _is_known(self, entry: PathEntry, state: PathState) -> bool:
        """Whether AWS has to be asked about an entry: without connection and block, no route can be removed."""
        is_any = self._connection_id(entry, state) is not None or self._block_of(entry, state) is not None
        return not self._is_absent or is_any

    def _ask(self, place: _Place, key: Key) -> t.Any:
        return self._survey(place).first()[key]()

    def _survey(self, place: _Place) -> RegionSurvey:
        """Return the survey of a place; the first thread that needs it makes it."""
        entries = self._places[place]
        credentials = _without_region(place)
        sharing = [one for other, own in self._places.items() if _without_region(other) == credentials for one in own]
        session = self._open(dict(place), sharing)
        with self._lock:
            if place not in self._surveys:
                self._surveys[place] = RegionSurvey(session, [self._options_of(one, None, None) for one in entries])
            return self._surveys[place]

    def owners(self, key: t.Any) -> t.Iterable[str]:
        """Return the entries of the place that a call reads."""
        return [entry.key for entry in self._places[key[1]]]

    def begin(self, answers: Answers, state: PathState) -> PathState:
        """Keep the answers, and make the view of each entry whose place is read."""
        for key, answer in answers.items():
            if isinstance(key, tuple) and key[:1] == (self.name,):
                self._surveys[key[1]].answers[key[2]] = answer
        views = dict(state.aws)
        for place, survey in self._surveys.items():
            survey.answers[CONNECTIONS] = {**survey.answers[CONNECTIONS], **survey.answers.get(TAGS, {})}
            if self._open_questions(place, state):
                continue
            self._find_atlas_accounts(place, state)
            for entry in self._places[place]:
                if entry.key not in views:
                    view = survey.look(self._options_of(entry, None, None), survey.account_id)
                    views[entry.key] = replace(view, others=survey.answers[CONNECTIONS])
        state = replace(state, aws=views)
        for key, entry in self._entries.items():
            connection_id = self._connection_id(entry, state)
            if connection_id is not None:
                self._began.setdefault(key, connection_id)
        return replace(state, aws={key: self._view(self._entries[key], state) for key in views})

    def _find_atlas_accounts(self, place: _Place, state: PathState) -> None:
        """Find whose connections in Atlas's list are active in a place."""
        known: t.Mapping[str, PeeringConnection] = self._surveys[place].answers[CONNECTIONS]
        for peer in state.peers.listed if self._params["atlas"] else ():
            connection = known.get(fields_of(peer).get(AWS.accepted_id or "") or "")
            if connection is not None and connection.status == ACTIVE and connection.requester.account_id:
                key = (_without_region(place), peer["container_id"])
                self._atlas_accounts.setdefault(key, set()).add(connection.requester.account_id)

    # What Atlas knows.

    def _peer(self, entry: PathEntry, state: PathState) -> Peer | None:
        """Return the connection of an entry in Atlas; None if there is none that AWS could know."""
        own = state.peers.entries.get(entry.key)
        peer = own.peer if own is not None else None
        if peer is None or (not self._is_absent and (is_failed(peer) or is_leaving(peer))):
            return None
        return peer

    def _connection_id(self, entry: PathEntry, state: PathState) -> str | None:
        if not self._params["atlas"]:
            return t.cast("str | None", entry.params["connection_id"])
        peer = self._peer(entry, state)
        return None if peer is None else fields_of(peer)["connection_id"]

    def _block_of(self, entry: PathEntry, state: PathState) -> str | None:
        home = state.homes.get(entry.key)
        block: str | None = (home and home[BLOCK]) or entry.params["container_cidr_block"]
        return block

    def _region_of(self, entry: PathEntry, state: PathState | None) -> str | None:
        """Return the region of an entry's VPC: what the entry says, or the connection in Atlas, or that of its container."""
        if state is None or self._is_placed(entry):
            return entry.region
        peer, home = self._peer(entry, state), state.homes.get(entry.key)
        of_peer = None if peer is None else fields_of(peer)["accepter_region_name"]
        of_home = None if home is None else home.get(REGION)
        region = entry.params["region"] or of_peer or of_home or entry.params["container_region"]
        return AWS.regions.to_cloud(region) if region else None

    def _options_of(self, entry: PathEntry, connection_id: str | None, block: str | None) -> dict[str, t.Any]:
        """Return the options of the task for one connection."""
        names = ("vpc_id", "aws_account_id", "route_table_ids", "route_table_tags")
        shared = ("state", "atlas_aws_account_ids", "replace_routes", "dns", "tags", "purge_tags", "wait_timeout", "wait_sleep")
        group = entry.params["aws_security_group"]
        return {
            **{name: entry.params[name] for name in names},
            **{name: self._params[name] for name in shared},
            "connection_id": connection_id,
            "route_table_cidr_block": entry.params["cidr_block"],
            "atlas_cidr_block": block,
            "security_group_ids": [group.rpartition("/")[2]] if group else None,
            "group_id": self._params["aws_group_id"],
            "accept": True,
            "wait": True,
        }

    def _final_id(self, entry: PathEntry, state: PathState) -> str | None:
        """Return the id that the connection will have; None if it is not known yet."""
        connection_id = self._connection_id(entry, state)
        is_old = connection_id == self._began.get(entry.key) and entry.key in self._replaced()
        return None if is_old and not self._is_absent else connection_id

    def _view(self, entry: PathEntry, state: PathState) -> View:
        """Return the view of an entry with the connection that it will have, as AWS has shown it last."""
        view, connection_id, before = state.aws[entry.key], self._final_id(entry, state), self._began.get(entry.key)
        others = view.others
        if before not in (None, connection_id) and before in others and others[before].status not in ENDED:
            # Atlas has replaced it, or will.
            others = {**others, before: replace(others[before], status="deleted")}
        listed = self._listed_ids(state) if self._params["atlas"] else None
        home, credentials = state.homes.get(entry.key), _without_region(self._place_of[entry.key])
        accounts = self._atlas_accounts.get((credentials, home["id"]), ()) if home is not None else ()
        connection = others.get(connection_id or "")
        return replace(view, others=others, connection=connection, listed=listed, atlas_accounts=accounts)

    def find_unlisted(self, state: PathState) -> set[str]:
        """Return the connections that have routes to an entry's block, or any if that is open, and that Atlas's list lacks.

        Another run may have requested, accepted and routed one after that list was read, and before AWS was.
        """
        found: set[str] = set()
        listed = self._listed_ids(state)
        for key, view in state.aws.items() if not self._is_absent else ():
            entry = self._entries[key]
            block = self._block_of(entry, state)
            try:
                tables = () if view.vpc is None else choose_tables(self._options_of(entry, None, block), view, view.vpc)
            except TaskError:
                # The plan refuses the entry.
                continue
            for route in (route for table in tables for route in table.routes):
                other = view.others.get(route.target)
                is_candidate = route.is_peering and route.target not in listed and block in (None, route.destination)
                # What AWS does not show yet may be new.
                if is_candidate and (other is None or may_lead(other, view.vpc, block)):
                    found.add(route.target)
        return found

    def _listed_ids(self, state: PathState) -> t.Collection[str]:
        """Return the ids in AWS of the connections in Atlas's list."""
        if self._listed[0] is not state.peers.listed:
            ids = (fields_of(peer).get(AWS.accepted_id or "") for peer in state.peers.listed)
            self._listed = state.peers.listed, frozenset(filter(None, ids))
        return self._listed[1]

    # The plan.

    def plan(self, state: PathState) -> Plan:
        """Plan what is left to do in AWS for each entry, by the rules for one."""
        changes, steps, found = list[Change](), list[Step](), list[Failed]()
        refusals: dict[str, TaskError] = {}
        # Two entries may have one VPC, each with a network container of its own: what the first one enables is one change.
        enabled: dict[tuple[str, str], str] = {}
        # So do two routes of one table.
        growing: Counter[str] = Counter()
        for key, entry in self._entries.items():
            if key in state.failures or key not in state.aws:
                continue
            try:
                plan = self._plan_entry(entry, state)
                if any(one.table_id in growing for one in plan.route_changes):
                    check_room(plan.route_changes, state.aws[key].tables, self._survey_of(entry).facts, growing)
            except TaskError as error:
                refusals[key] = self._named(entry, error)
                continue
            growing.update(one.table_id for one in plan.route_changes if one.action == "create")
            made = self._to_steps(entry, plan, enabled)
            self._planned.setdefault(key, {}).update({one.key: (one, task_of(step).request.request) for one, step in made})
            changes += [change for change, step in made if not task_of(step).request.turn]
            steps += [step for change, step in made]
            names = {**entry.network, "connection_id": self._connection_id(entry, state)}
            found += [to_failed(entry.named(TaskError(one)), entry, entry.name, names) for one in plan.warnings]
        accepted = [task_of(step).owner for step in steps if isinstance(task_of(step).request.request, Accept)]
        self._unseen |= {key for key in accepted if self._view(self._entries[key], state).connection is None}
        # One for each cause, however many VPCs it is true for.
        warnings = [str(one["msg"]) for one in by_cause(LIST, found)]
        requests = [task_of(step).request.request for step in steps]
        routes = [] if self._is_absent else [one for one in requests if isinstance(one, RouteChange)]
        said = tuple(self._said.setdefault(one, text) for one, text in say_takeovers(routes).items())
        notes = tuple(say_notes(routes))
        return Plan(tuple(changes), tuple(steps), tuple(warnings), refusals=refusals, notes=notes, consequences=said)

    def _plan_entry(self, entry: PathEntry, state: PathState) -> AccepterPlan:
        view, block = self._view(entry, state), self._block_of(entry, state)
        connection_id = self._final_id(entry, state)
        if self._is_absent:
            return plan_absent(self._options_of(entry, connection_id, block), view)
        if view.connection is None and self._may_appear(entry, state):
            connection_id = None
        if view.connection is not None and entry.key in self._unseen:
            # An earlier plan was made without it: the account is in the warning at the end.
            view = replace(view, atlas_accounts=(view.connection.requester.account_id,))
        plan = plan_present(self._options_of(entry, connection_id, block), view, self._survey_of(entry).facts)
        if plan.block is not None:
            return plan
        # Atlas chooses the block when it makes the container. What overlaps is known then, and that each table gets a route.
        tables = [one for one in view.tables if one.id in plan.table_ids]
        routes = plan_new_routes(view, tables, self._survey_of(entry).facts)
        steps = [Step("update", one, ()) for one in routes]
        return replace(plan, steps=(*plan.steps, *steps), warnings=tuple(one for one in plan.warnings if one != NO_BLOCK))

    def _may_appear(self, entry: PathEntry, state: PathState) -> bool:
        """Whether Atlas has requested a connection so recently that AWS may not show it yet, or has not when it was read.

        Another task may even have accepted it since.
        """
        peer = self._peer(entry, state) if self._params["atlas"] else None
        if peer is None:
            return False
        requested = created_at(peer.get("id") or "")
        is_young = requested is None or (datetime.datetime.now(datetime.timezone.utc) - requested).total_seconds() < _YOUNG
        return is_young or self._connection_id(entry, state) != self._began.get(entry.key)

    def _to_steps(self, entry: PathEntry, plan: AccepterPlan, enabled: dict[tuple[str, str], str]) -> list[tuple[Change, Step]]:
        """Return the changes and steps of an entry, each after the one before.

        Args:
            entry: The entry.
            plan: Its plan.
            enabled: Takes the attributes for DNS that entries enable, by VPC and name, with the keys of the last changes.
        """
        requests = sorted((step.request for step in plan.steps), key=lambda one: [*_STEPS].index(type(one)))
        found: list[tuple[Change, Step]] = []
        needs = ""
        for request in requests:
            change, turn = to_change(request)._replace(key=_what(entry.key, entry.name, request).key), ""
            if isinstance(request, EnableDns):
                attribute = (entry.params["vpc_id"], request.name)
                turn, enabled[attribute] = enabled.get(attribute, ""), change.key
            stage = ROUTES if self._is_absent else ACTING
            task = Task(self.name, stage, entry.key, AwsTask(request, needs, turn))
            action: t.Literal["update", "delete"] = "delete" if change.action == "delete" else "update"
            found.append((change, Step(action, task, (change.key,), is_run=True)))
            needs = needs if turn else change.key
        return found

    def predict(self, state: PathState, plan: Plan) -> PathState:
        """Return the state after all changes; connections are active then."""
        views, planned = dict(state.aws), dict[str, list[Request]]()
        for step in plan.steps:
            planned.setdefault(task_of(step).owner, []).append(task_of(step).request.request)
        for key in views:
            view, requests = self._view(self._entries[key], state), planned.get(key, [])
            views[key] = reduce(view_after, [one for one in requests if not _is_without_block(one)], view)
            if requests and not self._is_absent:
                views[key] = with_status(views[key], ACTIVE)
        is_unchecked = any(not views[key].atlas_accounts for key in self._unseen & views.keys())
        warnings = (_UNCHECKED,) if is_unchecked and self._params["atlas_aws_account_ids"] is None else ()
        return replace(state, aws=views, warnings=(*state.warnings, *warnings))

    # Sending.

    def queue_of(self, step: Step) -> str:
        """Return the queue of an entry; what is another entry's turn keeps nothing behind it waiting."""
        task = task_of(step)
        return super().queue_of(step) if task.request.turn else f"{self.name} {task.owner}"

    def is_ready(self, step: Step, state: PathState, running: t.Sequence[Step]) -> bool:
        """Return whether the connection is as far as a step needs it, and the place has room for another write."""
        task = task_of(step)
        request, needs, turn = task.request
        if needs and not self._is_made(needs, state):
            return False
        if turn and What.of(turn).owner not in state.failures and not self._is_made(turn, state):
            return False
        if not self._is_absent and not self._is_far_enough(task.owner, request, state):
            return False
        place = self._place_of[task.owner]
        # Without `task_of`, as this is asked hundreds of times for each of hundreds of steps.
        tasks: list[Task] = [one.request for one in running]
        here = [one for one in tasks if one.part == self.name and self._place_of[one.owner] == place]
        return len(here) < int(self._params["parallel"])

    def _is_far_enough(self, key: str, request: Request, state: PathState) -> bool:
        """Whether the connection of an entry is as far as a request needs it."""
        connection = state.aws[key].connection
        if connection is None or connection.id != self._connection_id(self._entries[key], state):
            return False
        if isinstance(request, Accept):
            return connection.status != INITIATING
        is_shown = bool(connection.requester.cidr_blocks) or not isinstance(request, RouteChange)
        return connection.status == ACTIVE and is_shown

    def blocked(self, step: Step, state: PathState, error: WaitTimeoutError) -> TaskError:
        """Return the error of a change that could not be made before the time was up: what its connection has waited for."""
        key = task_of(step).owner
        entry, peer = self._entries[key], state.peers.entries[key].peer if key in state.peers.entries else None
        if state.stage == ACTING and self._is_awaited(entry, state):
            return self._late_error(entry, state, error)
        if peer is not None and self._connection_id(entry, state) is None:
            return self._named(entry, too_late(peer, t.cast(str, AWS.pending), error, None))
        return super().blocked(step, state, error)

    @unbounded()
    def send(self, step: Step, state: PathState) -> View | None:
        """Make a change, and return the view after it; None if it is there, or is lost or overtaken, and the entry went on alone.

        Raises:
            TaskError: If AWS refuses it, or shows another connection than the list means.
        """
        task = task_of(step)
        entry = self._entries[task.owner]
        survey, view = self._survey_of(entry), self._view(entry, state)
        connection, request = view.connection, task.request.request
        if shows(view, request) or (task.request.turn and self._is_made(task.request.turn, state)):
            return None
        options = self._options_of(entry, self._connection_id(entry, state), self._block_of(entry, state))
        if isinstance(request, Accept):
            # What AWS shows now was not there, perhaps, when the plan was made.
            plan_present(options, view, survey.facts)
        elif isinstance(request, RouteChange) and request.action != "delete":
            find_block(options, connection)
            request = replace(request, target=t.cast(PeeringConnection, connection).id)
        try:
            return survey.make_change(view, request)
        except TaskError as error:
            if not error.outcome_unknown and not may_pass(step, error):
                raise
            self._go_on_alone(entry, options, error, request)
            return None

    def _go_on_alone(self, entry: PathEntry, options: Parameters, lost: TaskError, request: Request) -> None:
        """Do all that an entry still needs by the front of one connection; `record` and `record_failure` see what came of it.

        Raises:
            TaskError: If it fails. The lost write may have taken effect.
        """

        def reach(ran: Ran) -> None:
            self._alone[entry.key] = ran, request if lost.outcome_unknown else None

        operation = self._operation(options, self._survey_of(entry).session, self._clock)
        try:
            if not isinstance(lost, OvertakenError):
                self._sleep(_SETTLING)
            reach(self._run_to_end(operation, None, reach))
        except TaskError as error:
            shown = lost if isinstance(error, StoppedError) else error
            raise shown.with_outcome(unknown=error.outcome_unknown or lost.outcome_unknown) from shown.__cause__

    def record(self, step: Step, reply: t.Any, state: PathState) -> PathState:
        """Return the state with the view after a step."""
        task = task_of(step)
        entry = self._entries[task.owner]
        if task.owner in self._alone:
            return self._with_ran(entry, state)
        request = task.request.request
        if reply is None:
            # It was there already.
            return state
        if isinstance(request, Accept):
            state = self._with_account(entry, self._with_connection(entry, reply.connection, state))
        else:
            # What is true for a VPC is so for all of its entries.
            owners = self._sharing(entry, state) if isinstance(request, EnableDns) else [task.owner]
            state = replace(state, aws={**state.aws, **{owner: view_after(state.aws[owner], request) for owner in owners}})
        return state.with_done([to_change(request)._replace(key=step.keys[0])])

    def _with_account(self, entry: PathEntry, state: PathState) -> PathState:
        """Return the state with a warning of the account of an accepted connection, unless that is known as Atlas's."""
        view = self._view(entry, state)
        if view.connection is None or entry.key not in self._unseen or self._params["atlas_aws_account_ids"] is not None:
            return state
        account = view.connection.requester.account_id
        warning = _ACCEPTED.format(account)
        if view.connection.status == PENDING or account in view.atlas_accounts or warning in state.warnings:
            return state
        return replace(state, warnings=(*state.warnings, warning))

    def _sharing(self, entry: PathEntry, state: PathState) -> list[str]:
        """Return the entries with the same VPC."""
        return [key for key in state.aws if self._entries[key].params["vpc_id"] == entry.params["vpc_id"]]

    def _is_made(self, key: str, state: PathState) -> bool:
        """Whether a planned change is made, or AWS shows what it brings about because others have made it."""
        owner = What.of(key).owner
        planned = self._planned[owner].get(key)
        return key in state.done or (planned is not None and shows(state.aws[owner], planned[1]))

    def _with_ran(self, entry: PathEntry, state: PathState) -> PathState:
        """Return the state with what an entry has reached alone, and what it has done of its plan."""
        ran, lost = self._alone.pop(entry.key)
        view: View | None = ran.state
        if view is None:
            return state
        others = {**state.aws[entry.key].others, **view.others}
        if view.connection is not None:
            others[view.connection.id] = view.connection
        view = replace(view, others=others)
        state = self._with_account(entry, replace(state, aws={**state.aws, entry.key: view}))
        applied = {*ran.applied, *([to_change(lost).key] if lost is not None and shows(view, lost) else [])}
        return state.with_done(one for one, request in self._planned[entry.key].values() if to_change(request).key in applied)

    def record_failure(self, what: What, error: TaskError, state: PathState) -> PathState:
        """Return the state with what an entry has reached alone before it failed."""
        return self._with_ran(self._entries[what.owner], state) if what.owner in self._alone else state

    def explain(self, step: Step, error: TaskError, state: PathState) -> TaskError:
        """Return the error with the entry, and the options of this task."""
        return self._named(self._entries[task_of(step).owner], error)

    def _named(self, entry: PathEntry, error: TaskError) -> TaskError:
        hint = _ANEW_ELSEWHERE if error.hint == ANEW and not self._params["atlas"] else _HINTS.get(error.hint or "", error.hint)
        return entry.named(error.with_hint(hint))

    # Waiting.

    def poll(self, state: PathState) -> PathState:
        """Read the connections that are waited for, by one request for each set of credentials and region."""
        waiting = self._waiting(state)
        with Workers[_Place, t.Mapping[str, PeeringConnection]](READERS) as workers:
            for place, entries in self._by_place(waiting).items():
                ids = [t.cast(str, self._connection_id(entry, state)) for entry in entries]
                workers.submit(place, partial(self._ask_again, self._surveys[place], ids))
            for ended in workers.results():
                place = ended.key
                if isinstance(ended.error, TaskError):
                    state = self._with_silence(place, ended.error, waiting, state)
                    continue
                found = ended.result()
                self._unanswered.pop(place, None)
                for entry in self._by_place(waiting)[place]:
                    shown = found.get(self._connection_id(entry, state) or "")
                    state = self._with_shown(entry, shown, state)
        return state

    def _ask_again(self, survey: RegionSurvey, ids: t.Sequence[str]) -> t.Mapping[str, PeeringConnection]:
        """Ask about connections once: the next poll comes soon."""
        with unbounded(), within(self._clock() + _POLL):
            return survey.find_connections(ids)

    def _with_silence(self, place: _Place, error: TaskError, waiting: t.Iterable[PathEntry], state: PathState) -> PathState:
        """Return the state after a poll without an answer; if the next one can have none either, its entries have failed."""
        self._unanswered[place] = error
        if error.is_transient or error.is_unanswered:
            return state
        for entry in self._by_place(waiting)[place]:
            state = state.with_failure(entry.key, "accept", self._named(entry, error))
        return state

    def _with_shown(self, entry: PathEntry, connection: PeeringConnection | None, state: PathState) -> PathState:
        """Return the state with what a poll shows of an entry's connection, and its failure if it waits in vain."""
        known = state.aws[entry.key].connection
        is_stale = known is not None and known.status == PROVISIONING and (connection is None or connection.status == PENDING)
        if connection is not None and not is_stale:
            # For a moment, AWS may still show the state before the acceptance.
            state = self._with_connection(entry, connection, state)
        error = self._hopeless(entry, state)
        if error is None:
            return state
        step = "accept" if connection is None or connection.status != ACTIVE else "routes"
        return state.with_failure(entry.key, step, self._named(entry, error))

    def _hopeless(self, entry: PathEntry, state: PathState) -> TaskError | None:
        """Return why an entry waits in vain; None while it does not."""
        view, connection_id = state.aws[entry.key], self._connection_id(entry, state)
        connection = view.connection
        options = self._options_of(entry, connection_id, self._block_of(entry, state))
        try:
            if connection is None:
                if self._has_waited(entry, "appearance", LONGEST_APPEARANCE):
                    check_usable(options, view, will_wait=False)
                return None
            check_usable(options, view, will_wait=True)
            if connection.status == ACTIVE and not connection.requester.cidr_blocks:
                if self._has_waited(entry, "block", LONGEST_PROVISIONING):
                    raise no_block_error(connection, self._block_of(entry, state))
            elif connection.status == ACTIVE:
                find_block(options, connection)
        except TaskError as error:
            return error
        return None

    def _has_waited(self, entry: PathEntry, what: str, seconds: float) -> bool:
        since = self._since.setdefault((entry.key, what), self._clock())
        return bool(self._clock() - since >= min(seconds, self._params["wait_timeout"]))

    def _with_connection(self, entry: PathEntry, connection: PeeringConnection | None, state: PathState) -> PathState:
        view = state.aws[entry.key]
        if connection is None:
            return state
        others = {**view.others, connection.id: connection}
        return replace(state, aws={**state.aws, entry.key: replace(view, connection=connection, others=others)})

    def is_settled(self, state: PathState) -> bool:
        """Return whether all connections that have been requested are active in AWS, or wait for their acceptance."""
        return not self._waiting(state)

    def _waiting(self, state: PathState) -> list[PathEntry]:
        """Return the entries whose connection AWS has to show, or to change, before they go on."""
        if state.stage != ACTING:
            return []
        entries = [self._entries[key] for key in state.aws if key in self._entries and key not in state.failures]
        return [entry for entry in entries if self._is_awaited(entry, state)]

    def _is_awaited(self, entry: PathEntry, state: PathState) -> bool:
        connection_id, connection = self._connection_id(entry, state), state.aws[entry.key].connection
        if connection_id is None:
            # Atlas has not requested it yet.
            return False
        if connection is None or connection.id != connection_id:
            return True
        if connection.status == ACTIVE:
            return not connection.requester.cidr_blocks
        return connection.status != PENDING and connection.status not in ENDED

    def late(self, state: PathState, error: WaitTimeoutError) -> PathState:
        """Return the state when the time is up: the entries that wait for AWS have failed."""
        for entry in self._waiting(state):
            state = state.with_failure(entry.key, "accept", self._late_error(entry, state, error))
        return state

    def _late_error(self, entry: PathEntry, state: PathState, error: WaitTimeoutError) -> TaskError:
        """Return the error of an entry that still waits for AWS."""
        unanswered = WaitTimeoutError(error.waited, self._unanswered.get(self._place_of[entry.key]))
        connection_id = t.cast(str, self._connection_id(entry, state))
        return self._named(entry, late_error(connection_id, state.aws[entry.key].connection, f"it to be {ACTIVE}", unanswered))

    def line(self, state: PathState) -> str:
        """Return how many connections are accepted, and what the others wait for."""
        if state.stage != ACTING:
            return ""
        entries = [self._entries[key] for key in state.aws if key in self._entries and key not in state.failures]
        connections = [state.aws[entry.key].connection for entry in entries]
        accepted = sum(one is not None and one.status in (ACTIVE, PROVISIONING) for one in connections)
        waiting = len(self._waiting(state))
        if accepted == len(entries) and not waiting:
            return ""
        waits = f", {waiting} {'waits' if waiting == 1 else 'wait'} for AWS" if waiting else ""
        return f"{accepted} of {len(entries)} accepted in AWS{waits}"

    def _by_place(self, entries: t.Iterable[PathEntry]) -> dict[_Place, list[PathEntry]]:
        found: dict[_Place, list[PathEntry]] = {}
        for entry in entries:
            found.setdefault(self._place_of[entry.key], []).append(entry)
        return found

    # Sessions.

    def _open(self, credentials: Parameters, entries: t.Sequence[PathEntry]) -> AwsSession:
        return self._sessions.open({**credentials, "wait_timeout": self._params["wait_timeout"]}, _names_of(entries))

    def _survey_of(self, entry: PathEntry) -> RegionSurvey:
        return self._surveys[self._place_of[entry.key]]


def _what(owner: str, name: str, request: Request) -> What:
    """Return what a request changes, in the words of results; `name` is that of the VPC."""
    step, action, kind = _STEPS[type(request)]
    if isinstance(request, RouteChange):
        action, name = request.action, f"{request.block} in {request.table_id}" if request.block else request.table_id
    elif isinstance(request, EnableDns):
        name = f"{request.name} of {name}"
    return What(owner, step, AWS.name, action, kind, name)


def _is_without_block(request: Request) -> bool:
    return isinstance(request, RouteChange) and not request.block


def _without_region(place: _Place) -> _Place:
    return tuple(pair for pair in place if pair[0] != "region")


def _names_of(entries: t.Sequence[PathEntry]) -> dict[str, str]:
    """Return the names of the options for AWS in messages: those of the only entry with its credentials, or of the task."""
    own, *others = entries
    if others:
        return own.aws_names
    found = {name: f"{own.key}.{option}" for name, option in AWS_NAMES.items() if own.params.get(option)}
    return {**own.aws_names, **found, "region": f"{own.key}.region"}
