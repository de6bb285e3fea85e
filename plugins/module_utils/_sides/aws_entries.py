# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the side of AWS asks and knows of the entries of a list: a poll for each account and region, and the plan of the list."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._aws.accepter.network import Network
from .._aws.accepter.region import RegionSurvey
from .._aws.accepter.requests import Accept, EnableDns, RouteChange, shows, to_change
from .._aws.accepter.routes import Facts
from .._aws.accepter.view import View
from .._aws.objects import ACTIVE, PENDING, PeeringConnection
from .._clouds.aws import AWS
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step
from .._engine.side import Context, Owner, Purpose, Query, Replies, Waiting
from .._engine.wait import WaitTimeoutError
from .._http.errors import TaskError
from .._http.pauses import Clock, unbounded, within
from .aws import ROUTABLE, Accepter, AwsReader
from .entry_aws import AwsNetworks
from .life import too_late
from .path_state import PathState

# In seconds: how long a poll takes at most.
_POLL = 30.0
# What has to come first: a request of Atlas, which the same poll may ask AWS about, or what another entry enables for the VPC.
_REQUEST, _TURN = Waiting("Atlas's request"), Waiting("its VPC", polls=False, ends_with_steps=True)
_Shown = t.Union[View, PeeringConnection, None]


class AwsEntries(AwsReader):
    """What AwsSide asks of AWS, and knows of the entries of a list.

    They are read at first with all that the task reads. One poll serves the entries of an account and region; an entry whose step
    is in doubt is read and planned alone.

    Args:
        context: What all sides share.
        networks: The networks of the entries, which have the plan.
        now: Returns the state of all sides.
    """

    def __init__(self, context: Context, networks: AwsNetworks, now: t.Callable[[], PathState]) -> None:
        super().__init__({})
        self._context, self._networks, self._now = context, networks, now
        self._terms = networks.terms
        # The plan that people see, with its changes by entry and in the words of the module for one, and whose turn comes before.
        self._seen = Plan()
        self._changes: dict[tuple[Owner, str], Change] = {}
        self._turns: dict[tuple[Owner, str], str] = {}

    def half_of(self, owner: Owner) -> Accepter:
        """Return the options of an entry, with what Atlas says now, and its network."""
        key = str(owner)
        return Accepter(self._terms.options_now(self._terms.entries[key], self._now()), self._networks.survey_of(key))

    def facts_of(self, owner: Owner) -> Facts:
        """Return the prefix lists and the quota that were read."""
        return self._networks.survey_of(str(owner)).facts

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose, states: t.Mapping[Owner, View]) -> t.Iterable[Query]:
        """Ask for the connections of each account and region in a poll or, after a lost step, for all that its entry needs."""
        ids: dict[RegionSurvey, dict[Owner, str]] = {}
        failures = self._now().failures
        for owner in owners:
            params, survey = self.half_of(owner).params, self._networks.survey_of(str(owner))
            if purpose is Purpose.AGAIN:
                # Not by the survey, which has asked before.
                yield Query(owner, partial(_look_again, owner, survey, params, states[owner]), (owner,))
            elif purpose is Purpose.POLL and params["connection_id"] is not None and owner not in failures:
                ids.setdefault(survey, {})[owner] = params["connection_id"]
        for survey, wanted in ids.items():
            yield Query(survey, partial(_ask_again, self._context.clock, survey, wanted), tuple(wanted))

    def shown(self, replies: Replies) -> t.Iterable[tuple[Owner, _Shown]]:
        """Return the view of an entry that was read alone, and the connections that polls show."""
        for reply in replies.values():
            yield from reply.items()

    def plan(self, owners: t.Sequence[Owner], states: t.Mapping[Owner, View]) -> Plan:
        """Plan again for entries whose steps are in doubt; what is left to do has the keys of the plan that people see."""
        plan = self._networks.plan_for([*map(str, owners)], self._now())
        self._read_plan()
        changes, steps = [], []
        for step in plan.steps:
            name = to_change(step.request).key
            change = self._changes.get((step.owner, name), self._networks.change_of(step))
            if (step.owner, name) in self._turns:
                steps.append(step._replace(keys=()))
                continue
            changes.append(change)
            steps.append(step._replace(keys=(change.key,)))
        return Plan(tuple(changes), tuple(steps), refusals=plan.refusals)

    def _read_plan(self) -> None:
        """Read whose turn comes first, and what there was to do, in the plan that people see."""
        plan = self._context.plan
        if plan is self._seen:
            return
        self._seen, self._changes, self._turns = plan, {}, {}
        changes, last = {change.key: change for change in plan.changes}, dict[tuple[str, str], str]()
        for step in plan.steps:
            if step.side != self._networks.name:
                continue
            key, name = str(step.owner), to_change(step.request).key
            if step.keys:
                self._changes[key, name] = changes[step.keys[0]]
            if isinstance(step.request, EnableDns):
                attribute = (self._terms.entries[key].params["vpc_id"], name)
                if attribute in last:
                    self._turns[key, name] = last[attribute]
                last[attribute] = key

    def view_of(self, owner: Owner, view: View) -> View:
        """Return the view of an entry with what Atlas says of its connection and of others."""
        return self._terms.view(self._terms.entries[str(owner)], self._now())

    def needs(self, owner: Owner, step: Step | None, stage: str) -> Waiting | str:
        """Return what the connection of an entry has to be before a step, or what else has to come first.

        Raises:
            TaskError: If the entry has failed.
        """
        state, key = self._now(), str(owner)
        if step is None:
            return "" if self._networks.is_over(key, stage, state) else ROUTABLE
        failure = state.failures.get(key)
        if failure is not None:
            raise failure.error
        if step.after is None:
            return ""
        request = step.request
        if isinstance(request, EnableDns):
            self._read_plan()
            turn = self._turns.get((key, request.name))
            if turn is not None and turn not in state.failures and not shows(state.aws[turn], request):
                return _TURN
        if self._terms.connection_id(self._terms.entries[key], state) is None:
            return _REQUEST
        return PENDING if isinstance(request, Accept) else ROUTABLE if isinstance(request, RouteChange) else ACTIVE

    def late_error(self, step: Step, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that has waited for another one until the time was up, or for Atlas's request."""
        key, state = str(step.owner), self._now()
        peer = state.peers.entries[key].peer if key in state.peers.entries else None
        if peer is not None and self._terms.connection_id(self._terms.entries[key], state) is None:
            return too_late(peer, t.cast(str, AWS.pending), error, None)
        return self._networks.late_error(step._replace(keys=(self._networks.change_of(step).key,)), error)

    def sharing(self, owner: Owner) -> t.Sequence[Owner]:
        """Return the entries with the same VPC that were read."""
        vpc_id = self._terms.entries[str(owner)].params["vpc_id"]
        return [key for key in self._terms.sharing[vpc_id] if key in self._now().aws]

    def changes_of(self, step: Step) -> list[Change] | None:
        """Return the change of a step that another entry should have done; None for that of the plan."""
        return None if step.keys else [self._networks.change_of(step)]


def _look_again(owner: Owner, survey: RegionSurvey, params: Parameters, known: View) -> dict[Owner, _Shown]:
    """Read all that one entry needs."""
    view = Network(survey.session).look(params, known.account_id)
    return {owner: replace(view, others={**known.others, **view.others})}


def _ask_again(clock: Clock, survey: RegionSurvey, wanted: t.Mapping[Owner, str]) -> dict[Owner, _Shown]:
    """Ask about connections once: the next poll comes soon."""
    with unbounded(), within(clock() + _POLL):
        found = survey.find_connections([*wanted.values()])
    return {owner: found.get(connection_id) for owner, connection_id in wanted.items()}
