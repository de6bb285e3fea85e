# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the list and Atlas set for the entries' half in AWS, and the queries of its side: a poll for each region."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import replace
from functools import partial

from .._aws.accepter.network import RegionSurvey
from .._aws.accepter.routes import choose_tables
from .._aws.accepter.view import Accept, EnableDns, RouteChange, View, may_lead, shows
from .._aws.errors import AdvisedError, Way
from .._aws.objects import ACTIVE, ENDED, PENDING, PROVISIONING, PeeringConnection
from .._clouds.aws import AWS
from .._clouds.cloud import BLOCK, REGION, Peer, fields_of
from .._engine.argspec import OptionValue
from .._engine.options import Parameters
from .._engine.plan import Change, ChangeKey, Plan, Step, grouped
from .._engine.side import Context, Owner, Purpose, Query, Waiting
from .._engine.wait import WaitTimeoutError
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .._http.pauses import Clock, unbounded, within
from .._values.moments import created_at
from .aws import ROUTABLE, Accepter, AwsReader, AwsSide
from .connection import too_late
from .path_state import ACTING, PathState, late_error_of

if t.TYPE_CHECKING:
    from .entry_aws import AwsNetworks

# The longest poll, in seconds.
_POLL = 30.0
# What comes first: Atlas's request, which the same poll may find in AWS, or an attribute that another entry enables for the VPC.
_REQUEST, _TURN = Waiting("Atlas's request"), Waiting("its VPC", polls=False, ends_with_steps=True)

# Options of AWS and their values.
AwsCredentials = tuple[tuple[str, OptionValue], ...]

# The states in Atlas of connections that AWS may not know: failed, or being removed.
_ENDING = (AWS.failed, AWS.removal_failed, AWS.terminating)
# In seconds, how long Atlas may know a request before AWS shows it.
_YOUNG = 120
# The hints of `AdvisedError` in this task.
_HINTS: t.Mapping[Way, str] = {
    "credentials": "Use credentials of the VPC's owner (aws_profile, aws_access_key, aws_assume_role_arn), or correct its "
    "account.",
    "block": "Set it to the block of Atlas's network container.",
    "request": "Once Atlas shows it as failed, run the task again with recreate set to dead: Atlas requests another one then.",
}
_HINT_WITHOUT_ATLAS = "The team that works in Atlas has to request another one: then use the new connection_id."
# The options of the module for one connection that an entry has, and those that the task has.
_OWN = ("vpc_id", "aws_account_id", "route_table_ids", "route_table_tags")
_SHARED = ("state", "atlas_aws_account_ids", "replace_routes", "dns", "tags", "purge_tags", "wait_timeout", "wait_sleep")


class AccountRegion(t.NamedTuple):
    """Where the VPCs of entries are: the credentials, and the region if it is known."""

    credentials: AwsCredentials
    region: str | None

    @classmethod
    def of(cls, options: Parameters) -> AccountRegion:
        """Return the place of options for AWS."""
        return cls(tuple(sorted(pair for pair in options.items() if pair[0] != "region")), options["region"])

    @property
    def options(self) -> Parameters:
        """The options for AWS."""
        return {**dict(self.credentials), "region": self.region}


class AwsTerms:
    """What the list and Atlas set for the half of each entry in AWS.

    Args:
        params: The options of the task.
        entries: The entries whose VPCs the task changes.
        replaced: Returns the keys of entries whose connection in Atlas the task replaces, or has replaced.
        path: What is known of both sides.

    Attributes:
        params: The options of the task.
        entries: The entries, by key.
        is_absent: Whether the task disconnects.
        account_regions: Where the VPC of each entry is, as far as known, by key.
        sharing: The keys of the entries with a VPC, by its id.
        atlas_accounts: Atlas's accounts, by credentials and id of the network container: they have requested active connections.
    """

    def __init__(
        self, params: Parameters, entries: t.Iterable[PeerEntry], replaced: t.Callable[[], t.Collection[str]], path: PathState
    ) -> None:
        self.params = params
        self._path = path
        self.entries = {entry.key: entry for entry in entries}
        self.is_absent = params["state"] == "absent"
        self.account_regions: dict[str, AccountRegion] = {}
        self.sharing = grouped([(entry.params["vpc_id"], key) for key, entry in self.entries.items()])
        self.atlas_accounts: dict[tuple[AwsCredentials, str], set[str]] = {}
        self._replaced = replaced
        # The id of each connection when the task began, and the last options.
        self._began: dict[str, str] = {}
        self._options: dict[str, Parameters] = {}
        # Atlas's list, with the ids of its connections in AWS.
        self._listed: tuple[t.Sequence[Peer], frozenset[str]] = ((), frozenset())

    def peer(self, entry: PeerEntry) -> Peer | None:
        """Return the connection of an entry in Atlas; None if there is none that AWS could know."""
        own = self._path.peers.entries.get(entry.key)
        peer = own.peer if own is not None else None
        return None if peer is None or (not self.is_absent and peer["status_name"] in _ENDING) else peer

    def connection_id(self, entry: PeerEntry) -> str | None:
        """Return the id in AWS of the connection that an entry has in Atlas, or names; None if there is none yet."""
        if not self.params["atlas"]:
            named: str | None = entry.params["connection_id"]
            return named
        peer = self.peer(entry)
        return None if peer is None else fields_of(peer)["connection_id"]

    def block(self, entry: PeerEntry) -> str | None:
        """Return Atlas's block: that of the entry's container, or that in the entry."""
        container = self._path.container_of.get(entry.key)
        block: str | None = (container and container[BLOCK]) or entry.params["container_cidr_block"]
        return block

    def is_placed(self, entry: PeerEntry) -> bool:
        """Whether an entry has the region of its VPC, and the task has to ask AWS."""
        return not self.is_absent and entry.region is not None

    def is_known(self, entry: PeerEntry) -> bool:
        """Whether the task has to ask AWS about an entry: without connection and block, it can remove no route."""
        return not self.is_absent or self.connection_id(entry) is not None or self.block(entry) is not None

    def region(self, entry: PeerEntry, *, is_first: bool) -> str | None:
        """Return the region of an entry's VPC: from the entry, the connection in Atlas, or the container."""
        if is_first or self.is_placed(entry):
            return entry.region
        peer, container = self.peer(entry), self._path.container_of.get(entry.key)
        of_peer = None if peer is None else fields_of(peer)["accepter_region_name"]
        of_container = None if container is None else container.get(REGION)
        region = of_peer or entry.params["region"] or of_container or entry.params["container_region"]
        return AWS.regions.to_cloud(region) if region else None

    def options(self, entry: PeerEntry, connection_id: str | None, block: str | None) -> Parameters:
        """Return the options of the module for one connection, with its id and Atlas's block as far as known."""
        known = self._options.get(entry.key)
        if known is None or (known["connection_id"], known["atlas_cidr_block"]) != (connection_id, block):
            group = entry.params["aws_security_group"]
            known = self._options[entry.key] = {
                **{name: entry.params[name] for name in _OWN},
                **{name: self.params[name] for name in _SHARED},
                "connection_id": connection_id,
                "route_table_cidr_block": entry.params["cidr_block"],
                "atlas_cidr_block": block,
                "security_group_ids": [group.rpartition("/")[2]] if group else None,
                "group_id": self.params["aws_group_id"],
                "accept": True,
                "wait": True,
            }
        return known

    def options_now(self, entry: PeerEntry) -> Parameters:
        """Return the options with the connection and the block that are known now."""
        return self.options(entry, self.connection_id(entry), self.block(entry))

    def begin(self) -> None:
        """Record the connections that are there when the task begins."""
        for key, entry in self.entries.items():
            connection_id = self.connection_id(entry)
            if connection_id is not None:
                self._began.setdefault(key, connection_id)

    def final_id(self, entry: PeerEntry) -> str | None:
        """Return the id that the connection will have; None if it is not known yet."""
        connection_id = self.connection_id(entry)
        is_old = connection_id == self._began.get(entry.key) and entry.key in self._replaced()
        return None if is_old and not self.is_absent else connection_id

    def view(self, entry: PeerEntry) -> View:
        """Return the view of an entry with its future connection, as AWS has last shown it."""
        view, connection_id, before = self._path.aws[entry.key], self.final_id(entry), self._began.get(entry.key)
        others, connection = view.others, view.connection
        if before not in (None, connection_id) and before in others and others[before].status not in ENDED:
            # Atlas has replaced it, or will do so.
            others = {**others, before: replace(others[before], status="deleted")}
        if connection is None or connection.id != connection_id:
            connection = others.get(connection_id or "")
        listed = self.listed_ids() if self.params["atlas"] else None
        container = self._path.container_of.get(entry.key)
        accounts: t.Collection[str] = ()
        if container is not None:
            accounts = self.atlas_accounts.get((self.account_regions[entry.key].credentials, container["id"]), ())
        return replace(view, others=others, connection=connection, listed=listed, atlas_accounts=accounts)

    def listed_ids(self) -> t.Collection[str]:
        """Return the ids in AWS of the connections in Atlas's list."""
        if self._listed[0] is not self._path.peers.listed:
            ids = (fields_of(peer).get(AWS.accepted_id or "") for peer in self._path.peers.listed)
            self._listed = self._path.peers.listed, frozenset(filter(None, ids))
        return self._listed[1]

    def find_unlisted(self) -> set[str]:
        """Return the connections with routes to an entry's block, or to any if it is open, that Atlas's list lacks.

        Another run may have requested, accepted and routed one between the reads of that list and of AWS.
        """
        found: set[str] = set()
        listed = self.listed_ids()
        for key, view in self._path.aws.items() if not self.is_absent else ():
            entry = self.entries[str(key)]
            block = self.block(entry)
            try:
                tables = () if view.vpc is None else choose_tables(self.options(entry, None, block), view, view.vpc, block)
            except TaskError:
                # The plan refuses the entry.
                continue
            for route in (route for table in tables for route in table.routes):
                other = view.others.get(route.target)
                is_candidate = route.is_peering and route.target not in listed and block in (None, route.destination)
                # A connection that AWS does not show yet may be new.
                if is_candidate and (other is None or may_lead(other, view.vpc, block)):
                    found.add(route.target)
        return found

    def may_appear(self, entry: PeerEntry) -> bool:
        """Whether Atlas has requested a connection so recently that AWS may not show it yet, or did not when it was read.

        It may already be accepted.
        """
        peer = self.peer(entry) if self.params["atlas"] else None
        if peer is None:
            return False
        requested = created_at(peer.get("id") or "")
        is_young = requested is None or (datetime.datetime.now(datetime.timezone.utc) - requested).total_seconds() < _YOUNG
        return is_young or self.connection_id(entry) != self._began.get(entry.key)

    def named(self, entry: PeerEntry, error: TaskError) -> TaskError:
        """Return an error with the entry, and the options of this task."""
        if isinstance(error, AdvisedError):
            is_elsewhere = error.way == "request" and not self.params["atlas"]
            error = error.with_hint(_HINT_WITHOUT_ATLAS if is_elsewhere else _HINTS[error.way])
        return entry.named(error)


class AwsEntries(AwsReader):
    """The queries and plans of AwsSide for the entries of a list.

    The entries are first read with all that the task reads. One poll serves the entries of an account and region; an entry whose
    step is in doubt is read and planned alone.

    Args:
        context: What all sides share.
        networks: The networks of the entries, which have the plan.
        path: What is known of both sides.
    """

    is_list = True

    def __init__(self, context: Context, networks: AwsNetworks, path: PathState) -> None:
        super().__init__({})
        self._context, self._networks, self._path = context, networks, path
        self._terms = networks.terms
        # The plan that people see, its changes, and by entry and DNS attribute the entry that enables it first.
        self._seen_plan = Plan()
        self._changes: dict[ChangeKey, Change] = {}
        self._turns: dict[tuple[Owner, str], str] = {}

    def half_of(self, owner: Owner) -> Accepter:
        """Return the options of an entry, with what Atlas shows now, and its network."""
        key = str(owner)
        survey = self._networks.survey_of(key)
        return Accepter(self._terms.options_now(self._terms.entries[key]), survey, survey.facts)

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose, states: t.Mapping[Owner, View]) -> t.Iterable[Query]:
        """Ask for the connections of each account and region in a poll or, after a lost step, for all that its entry needs."""
        ids: dict[RegionSurvey, dict[Owner, str]] = {}
        failures = self._path.failures
        for owner in owners:
            params, survey = self.half_of(owner).params, self._networks.survey_of(str(owner))
            if purpose is Purpose.AGAIN:
                # Not by the survey, which keeps its first answers.
                yield Query(owner, partial(_look_again, survey, params, states[owner]), (owner,))
            elif purpose is Purpose.POLL and params["connection_id"] is not None and owner not in failures:
                ids.setdefault(survey, {})[owner] = params["connection_id"]
        for survey, wanted in ids.items():
            yield Query(survey, partial(_ask_again, self._context.clock, survey, wanted), tuple(wanted))

    def plan(self, owners: t.Sequence[Owner], states: t.Mapping[Owner, View]) -> Plan:
        """Plan again for entries whose steps are in doubt; the remaining steps have the keys of the plan that people see."""
        self._read_plan()
        plan = self._networks.plan_for([*map(str, owners)], self._turns)
        changes = tuple(self._changes.get(change.key, change) for change in plan.changes)
        return Plan(changes, plan.steps, refusals=plan.refusals)

    def _read_plan(self) -> None:
        """Take the changes, and the order of entries with the same VPC, from the plan that people see."""
        plan = self._context.plan
        if plan is self._seen_plan:
            return
        self._seen_plan, self._turns = plan, {}
        self._changes, last = {change.key: change for change in plan.changes}, dict[tuple[str, str], str]()
        for step in plan.steps:
            if step.side == AwsSide.name and isinstance(step.request, EnableDns):
                key, name = str(step.owner), step.request.name
                attribute = (self._terms.entries[key].params["vpc_id"], name)
                if attribute in last:
                    self._turns[key, name] = last[attribute]
                last[attribute] = key

    def view_of(self, owner: Owner, view: View) -> View:
        """Return the view of an entry with what Atlas shows of its connection and of others."""
        return self._terms.view(self._terms.entries[str(owner)])

    def needs(self, owner: Owner, step: Step | None, stage: str) -> Waiting | str:
        """Return the state that the connection of an entry needs before a step, or what else comes first.

        Raises:
            TaskError: If the entry has failed.
        """
        path, key = self._path, str(owner)
        if step is None:
            return "" if self._networks.is_over(key, stage) else ROUTABLE
        failure = path.failures.get(key)
        if failure is not None:
            raise failure.error
        if step.after is None:
            return ""
        request = step.request
        if isinstance(request, EnableDns):
            self._read_plan()
            turn = self._turns.get((key, request.name))
            if turn is not None and turn not in path.failures and not shows(path.aws[turn], request):
                return _TURN
        if self._terms.connection_id(self._terms.entries[key]) is None:
            return _REQUEST
        return PENDING if isinstance(request, Accept) else ROUTABLE if isinstance(request, RouteChange) else ACTIVE

    def late_error(self, step: Step, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that timed out while it waited for another one, or for Atlas's request."""
        key = str(step.owner)
        peer = self._path.peer_of(key)
        if peer is not None and self._terms.connection_id(self._terms.entries[key]) is None:
            return too_late(peer, t.cast(str, AWS.pending), error, None)
        return late_error_of(self._networks.change_of(step), error)

    def sharing(self, owner: Owner) -> t.Sequence[Owner]:
        """Return the entries with the same VPC that were read."""
        vpc_id = self._terms.entries[str(owner)].params["vpc_id"]
        return [key for key in self._terms.sharing[vpc_id] if key in self._path.aws]

    def changes_of(self, step: Step) -> list[Change] | None:
        """Return the change of a step that another entry should have made; None for that of the plan."""
        return None if step.keys else [self._networks.change_of(step)]

    def line(self, stage: str, is_awaited: t.Callable[[Owner], bool]) -> str:
        """Return how many connections are accepted, and what the others wait for."""
        connections = {key: view.connection for key, view in self._path.aws.items() if key not in self._path.failures}
        if stage != ACTING or not connections:
            return ""
        accepted = sum(one is not None and one.status in (ACTIVE, PROVISIONING) for one in connections.values())
        waiting = sum(map(is_awaited, connections))
        waits = f", {waiting} {'waits' if waiting == 1 else 'wait'} for AWS" if waiting else ""
        return f"{accepted} of {len(connections)} accepted in AWS{waits}"


def _look_again(survey: RegionSurvey, params: Parameters, known: View) -> View:
    """Read all that one entry needs."""
    view = survey.reader.look(params, known.account_id)
    return replace(view, others={**known.others, **view.others})


def _ask_again(clock: Clock, survey: RegionSurvey, wanted: t.Mapping[Owner, str]) -> dict[Owner, PeeringConnection | None]:
    """Ask about connections once: the next poll comes soon."""
    with unbounded(), within(clock() + _POLL):
        found = survey.reader.find_connections([*wanted.values()])
    return {owner: found.get(connection_id) for owner, connection_id in wanted.items()}
