# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The half of all entries in AWS as a side: the first reads, and the plan."""

from __future__ import annotations

import threading
import typing as t
from collections import Counter
from dataclasses import replace
from functools import partial, reduce

from .._accounts.credentials import AWS_NAMES
from .._accounts.session import AwsSessions
from .._aws.accepter.network import CONNECTIONS, TAGS, Key, RegionSurvey, first_keys
from .._aws.accepter.plan import AccepterPlan, missing_tags, plan_absent, plan_present
from .._aws.accepter.routes import check_room, plan_new_routes
from .._aws.accepter.view import (
    Accept,
    AddTags,
    EnableDns,
    RemoveTags,
    Request,
    RouteChange,
    Takeover,
    View,
    to_change,
    view_after,
    with_status,
)
from .._aws.objects import ACTIVE, ENDED, PENDING, PeeringConnection
from .._clouds.aws import AWS
from .._clouds.cloud import Peer, fields_of
from .._engine.plan import Change, ChangeKey, EntryWarning, Plan, Step, grouped
from .._engine.side import Context, Owner, Query, Replies
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .._http.redact import visible
from .aws import AwsSide, with_texts
from .aws_entries import AccountRegion, AwsEntries, AwsTerms
from .path_options import aws_credentials, aws_names
from .path_state import ACTING, ROUTES, PathSide, PathState

# The requests in their order: the step of results, and the action and the kind of the change.
_STEPS: dict[type[t.Any], tuple[str, str, str]] = {
    Accept: ("accept", "accept", "connection"),
    AddTags: ("tags", "tag", "connection"),
    RemoveTags: ("tags", "untag", "connection"),
    EnableDns: ("dns", "enable", "attribute"),
    RouteChange: ("routes", "", "route"),
}
_UNCHECKED = (
    "New connections are accepted from whatever account has requested them. If all are of Atlas's account, set "
    "atlas_aws_account_ids to it, so that no other one is accepted."
)
# The same, once the account is known.
_ACCEPTED = "New connections were accepted from account {}. If that is Atlas's account, set atlas_aws_account_ids to it."


# The connections in Atlas, read again.
_LISTED = "listed"


class NetworkReads:
    """Reads the networks of all entries, with one survey for each set of credentials and region.

    Args:
        terms: What Atlas and the list set for the entries.
        sessions: The sessions with AWS.

    Attributes:
        surveys: What was read of each place.
    """

    def __init__(self, terms: AwsTerms, sessions: AwsSessions) -> None:
        self.surveys: dict[AccountRegion, RegionSurvey] = {}
        self._terms, self._sessions = terms, sessions
        self._entries: dict[AccountRegion, list[PeerEntry]] = {}
        self._lock = threading.Lock()

    def at(self, place: AccountRegion) -> t.Sequence[PeerEntry]:
        """Return the entries of a place."""
        return self._entries[place]

    def first(self, entries: t.Iterable[PeerEntry], *, is_first: bool) -> dict[tuple[AccountRegion, Key], t.Callable[[], t.Any]]:
        """Return the questions about entries that need no answers; with `is_first`, only for entries whose region is clear."""
        terms, places = self._terms, dict[AccountRegion, list[PeerEntry]]()
        for entry in entries:
            region = terms.region(entry, is_first=is_first)
            places.setdefault(AccountRegion.of(aws_credentials(entry, region)), []).append(entry)
        if is_first and terms.params["atlas"]:
            # One survey for all with the same credentials: entries whose region only Atlas knows may share it.
            unknown = {place.credentials for place, own in places.items() if not all(map(terms.is_placed, own))}
            places = {place: own for place, own in places.items() if place.credentials not in unknown}
        self._entries.update(places)
        terms.account_regions.update({entry.key: place for place, own in places.items() for entry in own})
        wanted = {place: [terms.options(entry, None, None) for entry in own] for place, own in places.items()}
        return {(place, key): partial(self._ask, place, key) for place in places for key in first_keys(wanted[place])}

    def second(self, place: AccountRegion) -> dict[Key, t.Callable[[], t.Any]]:
        """Return the open questions about a place that need the first answers."""
        survey, terms = self.surveys[place], self._terms
        questions = survey.second()
        known: t.Mapping[str, PeeringConnection] = survey.answers[CONNECTIONS]
        untagged = []
        for entry in self._entries[place] if not terms.is_absent else ():
            connection = known.get(terms.connection_id(entry) or "")
            if connection is not None and missing_tags(terms.options(entry, None, None), connection):
                untagged.append(connection)
        if untagged:
            questions[TAGS] = partial(survey.with_tags, untagged)
        return {key: question for key, question in questions.items() if key not in survey.answers}

    def _ask(self, place: AccountRegion, key: Key) -> t.Any:
        return self._survey(place).first()[key]()

    def _survey(self, place: AccountRegion) -> RegionSurvey:
        """Return the survey of a place; the first thread that needs it creates it."""
        sharing = [entry for other, own in self._entries.items() if other.credentials == place.credentials for entry in own]
        options = {**place.options, "wait_timeout": self._terms.params["wait_timeout"]}
        session = self._sessions.open(options, _names_of(sharing))
        with self._lock:
            if place not in self.surveys:
                wanted = [self._terms.options(entry, None, None) for entry in self._entries[place]]
                self.surveys[place] = RegionSurvey(session, wanted)
            return self.surveys[place]

    def take(self, place: AccountRegion, peers: t.Iterable[Peer]) -> dict[Owner, View]:
        """Take the answers about a place, and return the view of each of its entries; none while questions are open.

        Args:
            place: The place.
            peers: Atlas's connections.
        """
        survey, terms = self.surveys[place], self._terms
        survey.answers[CONNECTIONS] = {**survey.answers[CONNECTIONS], **survey.answers.get(TAGS, {})}
        if self.second(place):
            return {}
        known: t.Mapping[str, PeeringConnection] = survey.answers[CONNECTIONS]
        for peer in peers if terms.params["atlas"] else ():
            # The requester of an active connection in Atlas's list is Atlas.
            connection = known.get(fields_of(peer).get(AWS.accepted_id or "") or "")
            if connection is not None and connection.status == ACTIVE and connection.requester.account_id:
                key = (place.credentials, peer["container_id"])
                terms.atlas_accounts.setdefault(key, set()).add(connection.requester.account_id)
        views: dict[Owner, View] = {}
        for entry in self._entries[place]:
            view = survey.look(terms.options(entry, None, None), survey.account_id)
            if view.vpc is not None and view.vpc.name is not None:
                entry.tags["Name"] = visible(view.vpc.name)
            views[entry.key] = replace(view, others=survey.answers[CONNECTIONS])
        return views


class AwsNetworks:
    """The networks of the entries in AWS, and the plan of their changes.

    Args:
        context: What all sides of the run share.
        entries: The entries whose VPCs it changes.
        path: What is known of all sides.
        sessions: The sessions with AWS.
        replaced: Returns the keys of entries whose connection in Atlas the task replaces, or has replaced.

    Attributes:
        terms: What Atlas and the list set for the entries.
        reads: The first reads.
        not_yet_visible: The entries whose requests were not visible when they were planned: no warning has their account.
    """

    def __init__(
        self,
        context: Context,
        entries: t.Sequence[PeerEntry],
        path: PathState,
        sessions: AwsSessions,
        replaced: t.Callable[[], t.Collection[str]],
    ) -> None:
        self._context, self._params, self._path = context, context.params, path
        self.terms = AwsTerms(self._params, entries, replaced, path)
        self._is_absent = self.terms.is_absent
        self.reads = NetworkReads(self.terms, sessions)
        self.not_yet_visible: set[str] = set()
        # The warnings about wider routes so far.
        self._takeover_texts: dict[Takeover, str] = {}

    def survey_of(self, key: str) -> RegionSurvey:
        """Return what was read of the place of an entry."""
        return self.reads.surveys[self.terms.account_regions[key]]

    def plan_for(self, keys: t.Iterable[str], turns: t.Container[tuple[Owner, str]] = ()) -> Plan:
        """Plan what is left to do in AWS for some entries.

        Args:
            keys: The keys of the entries.
            turns: The attributes for DNS that other entries enable first, each with the key of the entry that waits for that.
        """
        changes, steps, entry_warnings = list[Change](), list[Step](), list[EntryWarning]()
        refusals: dict[str, TaskError] = {}
        # Two entries may have one VPC, each with a network container of its own: what the first one enables is one change.
        enabled: set[tuple[str, str]] = set()
        # How many routes earlier entries add to a shared route table.
        growing: Counter[str] = Counter()
        for key in keys:
            entry = self.terms.entries[key]
            if key in self._path.failures or key not in self._path.aws:
                continue
            try:
                plan = self._plan_entry(entry)
                if any(change.table_id in growing for change in plan.route_changes):
                    check_room(plan.route_changes, self._path.aws[key].tables, self.survey_of(key).facts, growing)
            except TaskError as error:
                refusals[key] = self.terms.named(entry, error)
                continue
            growing.update(change.table_id for change in plan.route_changes if change.action == "create")
            for step in self._to_steps(entry, plan, enabled, turns):
                steps.append(step)
                changes += [self.change_of(step)] if step.keys else []
            fields = {"connection_id": self.terms.connection_id(entry)}
            entry_warnings += [EntryWarning(key, text, fields) for text in plan.warnings]
        accepted = [str(step.owner) for step in steps if isinstance(step.request, Accept)]
        self.not_yet_visible |= {key for key in accepted if self.terms.view(self.terms.entries[key]).connection is None}
        routes = [] if self._is_absent else [step.request for step in steps if isinstance(step.request, RouteChange)]
        whole = Plan(tuple(changes), tuple(steps), refusals=refusals, entry_warnings=tuple(entry_warnings))
        return with_texts(whole, routes, self._takeover_texts)

    def _plan_entry(self, entry: PeerEntry) -> AccepterPlan:
        terms, view = self.terms, self.terms.view(entry)
        connection_id, block, facts = terms.final_id(entry), terms.block(entry), self.survey_of(entry.key).facts
        if self._is_absent:
            return plan_absent(terms.options(entry, connection_id, block), view)
        if view.connection is None and terms.may_appear(entry):
            connection_id = None
        if view.connection is not None and entry.key in self.not_yet_visible:
            # An earlier plan was made without it: the warning at the end has the account.
            view = replace(view, atlas_accounts=(view.connection.requester.account_id,))
        plan = plan_present(terms.options(entry, connection_id, block), view, facts)
        if plan.block is not None:
            return plan
        # Atlas chooses the block when it creates the container. Only then are overlaps known; each table gets a route.
        tables = [table for table in view.tables if table.id in plan.table_ids]
        steps = [Step("update", change, ()) for change in plan_new_routes(view, tables, facts)]
        return replace(plan, steps=(*plan.steps, *steps))

    def _to_steps(
        self, entry: PeerEntry, plan: AccepterPlan, enabled: set[tuple[str, str]], others: t.Container[tuple[Owner, str]]
    ) -> list[Step]:
        """Return the steps of an entry; those that an earlier entry makes have no key, and come last.

        Args:
            entry: The entry.
            plan: Its plan.
            enabled: Receives the attributes for DNS that entries enable, by VPC and name.
            others: The attributes that others enable first; see `plan_for`.
        """
        found: list[Step] = []
        turns: list[Step] = []
        lanes = ((self.terms.account_regions[entry.key], int(self._params["parallel"])),)
        for request in sorted((step.request for step in plan.steps), key=lambda request: [*_STEPS].index(type(request))):
            attribute = (entry.params["vpc_id"], getattr(request, "name", ""))
            is_removal = isinstance(request, RouteChange) and request.action == "delete"
            after = None if self._is_absent else PENDING if isinstance(request, Accept) else ACTIVE
            stage = ROUTES if self._is_absent else ACTING
            keys = (_to_change(entry, request).key,)
            step = Step("delete" if is_removal else "update", request, keys, after, owner=entry.key, stage=stage, lanes=lanes)
            if isinstance(request, EnableDns) and (attribute in enabled or (entry.key, request.name) in others):
                turns.append(step._replace(keys=()))
                continue
            if isinstance(request, EnableDns):
                enabled.add(attribute)
            found.append(step)
        return [*found, *turns]

    def change_of(self, step: Step) -> Change:
        """Return the change that a step makes."""
        return _to_change(self.terms.entries[str(step.owner)], step.request)

    def worded(self, key: str, step: Step | None, error: TaskError) -> tuple[str, TaskError]:
        """Return what has failed for an entry, as results call it, and the error with the entry and its options.

        Args:
            key: The key of the entry.
            step: The step that failed, or was not sent; None if it had none.
            error: The error.
        """
        connection = self._path.aws[key].connection
        has_ended, is_active = connection is not None and connection.status in ENDED, connection and connection.status == ACTIVE
        word = "routes" if is_active else "accept"
        if step is not None and not has_ended:
            word = _STEPS[type(step.request)][0]
        return word, self.terms.named(self.terms.entries[key], error)

    def is_over(self, key: str, stage: str) -> bool:
        """Whether an entry without more steps waits for nothing: Atlas has not requested it, or it waits for its acceptance."""
        if self._is_absent or stage != ACTING or key in self._path.failures or key not in self._path.aws:
            return True
        connection_id, connection = self.terms.connection_id(self.terms.entries[key]), self._path.aws[key].connection
        if connection_id is None:
            return True
        return connection is not None and connection.id == connection_id and connection.status == PENDING


class EntryAws(PathSide[View], AwsSide):
    """The half of the entries of a list in AWS, by the rules for one connection.

    Args:
        context: What all sides of the run share.
        path: What is known of all sides.
        networks: Reads and plans the entries.
        list_peers: Lists the connections with AWS in Atlas; None if the task leaves Atlas alone.
        restart: Makes new sides, because what was read is out of date; None once that was done.
    """

    def __init__(
        self,
        context: Context,
        path: PathState,
        networks: AwsNetworks,
        list_peers: t.Callable[[], list[Peer]] | None,
        restart: t.Callable[[], None] | None,
    ) -> None:
        self._list_peers, self._restart = list_peers, restart
        super().__init__(context, AwsEntries(context, networks, path))
        self._path, self._networks, self._terms, self._reads = path, networks, networks.terms, networks.reads
        path.aws = self.states

    def first_queries(self, *, is_first: bool) -> t.Iterable[Query]:
        """Ask about the places whose region the list names; then about the others, and what needs the first answers.

        Another run may have requested a connection between the reads of Atlas's list and of AWS: that list is read again.
        """
        terms, reads = self._terms, self._reads
        others = [entry for key, entry in terms.entries.items() if key not in terms.account_regions and terms.is_known(entry)]
        calls = reads.first(terms.entries.values() if is_first else others, is_first=is_first)
        for place in () if is_first else reads.surveys:
            calls.update({(place, key): question for key, question in reads.second(place).items()})
        if calls or is_first or self._list_peers is None or self._restart is None or not terms.find_unlisted():
            return [Query(key, call, tuple(entry.key for entry in reads.at(key[0]))) for key, call in calls.items()]
        return [Query(_LISTED, self._list_peers)]

    def observe_first(self, replies: Replies) -> t.Mapping[Owner, View]:
        """Keep the answers, and return the view of each entry whose place is read."""
        answers: dict[t.Any, t.Any] = {**replies}
        listed = answers.pop(_LISTED, None)
        if listed is not None and self._restart is not None:
            restart, self._restart, unlisted = self._restart, None, self._terms.find_unlisted()
            if any(fields_of(peer)["connection_id"] in unlisted for peer in listed):
                restart()
        for (place, key), answer in answers.items():
            self._reads.surveys[place].record(key, answer)
        views = self.states
        for place in self._reads.surveys:
            views.update({**self._reads.take(place, self._path.peers.listed), **views})
        self._terms.begin()
        return {key: self._terms.view(self._terms.entries[str(key)]) for key in views}

    def plan_list(self) -> Plan:
        """Plan what is left to do in AWS for each entry, by the rules for one."""
        return self._networks.plan_for([*self._terms.entries])

    def assume(self, plan: Plan) -> None:
        """Assume the state after all changes; connections are then active."""
        views, planned = self.states, grouped([(step.owner, step.request) for step in plan.steps])
        for key in views:
            view, requests = self._terms.view(self._terms.entries[str(key)]), planned.get(key, [])
            views[key] = reduce(view_after, [request for request in requests if not _is_without_block(request)], view)
            if requests and not self._terms.is_absent:
                views[key] = with_status(views[key], ACTIVE)
        is_unchecked = any(not views[key].atlas_accounts for key in self._networks.not_yet_visible & views.keys())
        if is_unchecked and self.context.params["atlas_aws_account_ids"] is None:
            self._path.warnings = {**self._path.warnings, None: _UNCHECKED}

    def take(self, owner: Owner) -> None:
        """Warn of an unknown account once its request is accepted."""
        entry, path = self._terms.entries[str(owner)], self._path
        is_accepted = entry.key in self._networks.not_yet_visible and _to_change(entry, Accept()).key in path.done
        view = self._terms.view(entry) if is_accepted and self.context.params["atlas_aws_account_ids"] is None else None
        if view is None or view.connection is None or view.connection.status == PENDING:
            return
        account = view.connection.requester.account_id
        if account not in view.atlas_accounts:
            path.warnings = {**path.warnings, account: _ACCEPTED.format(account)}

    def failed(self, entry: str, step: Step | None, error: TaskError) -> tuple[str, TaskError]:
        """Return what has failed for an entry, as results call it, and the error with the options of the entry."""
        word, error = self._networks.worded(entry, step or self.sent.get(entry), error)
        return word, error.with_outcome(unknown=True) if (self.name, entry) in self.context.lost else error


def _to_change(entry: PeerEntry, request: Request) -> Change:
    """Return the change that a request makes for an entry, in the words of results."""
    change, name, (step, verb, kind) = to_change(request), entry.name, _STEPS[type(request)]
    ids: tuple[str, ...] = (str(change.key),)
    if isinstance(request, RouteChange):
        ids = (request.table_id, request.block)
        verb, name = request.action, f"{request.block} in {request.table_id}" if request.block else request.table_id
    elif isinstance(request, EnableDns):
        name = f"{request.name} of {name}"
    return change._replace(key=ChangeKey(entry.key, step, AWS.name, kind, ids), verb=verb, name=name)


def _is_without_block(request: Request) -> bool:
    return isinstance(request, RouteChange) and not request.block


def _names_of(entries: t.Sequence[PeerEntry]) -> dict[str, str]:
    """Return the names of the options for AWS in messages: those of the only entry with its credentials, or of the task."""
    own, *others = entries
    if others:
        return aws_names(own)
    found = {name: f"{own.key}.{option}" for name, option in AWS_NAMES.items() if own.params.get(option)}
    return {**aws_names(own), **found, "region": f"{own.key}.region"}
