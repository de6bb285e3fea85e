# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS's half: reads each account and region once, and makes the facts about one VPC."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._accounts.session import AwsSessions, CheckSession
from .._aws.errors import NoRegionError
from .._aws.objects import (
    CONNECTIONS_QUOTA,
    DNS_ATTRIBUTES,
    ROUTES_QUOTA,
    DhcpOptions,
    HostedZone,
    PeeringConnection,
    ResolverRule,
    SecurityGroup,
)
from .._aws.survey import NO_DHCP_OPTIONS, Survey, ask_all, carry_out, readers_for
from .._engine.options import Parameters
from .._engine.plan import grouped
from .._http.errors import TaskError
from .._http.pauses import value_or_error
from .._http.threads import call_all
from .connections import Connection
from .facts import AwsFacts, Missing, Unread, ZoneContents, named, to_fact

# The states in which a connection counts for the quota.
_ACTIVE = ("active", "provisioning")
# The facts about a VPC, which are missing if AWS does not know it.
_OF_VPC = ("dns_attributes", "dhcp_options", "zones", "resolver_rules", "subnets", "route_tables", "network_acls", "statuses")
# Those that only the owner of a VPC sees.
_OF_OWNER = ("statuses", "connections", "connections_count")
# The kind of the objects that a fact has.
_KINDS = {"subnets": "subnets", "route_tables": "tables", "network_acls": "acls", "interfaces": "interfaces"}
_NO_ACCOUNT = Unread("AWS does not report which account the credentials belong to: there may be no way to STS.")


def read_aws(
    session: CheckSession, params: Parameters, connections: t.Sequence[Connection]
) -> dict[Connection, Survey | TaskError]:
    """Return the survey for each connection, or its TaskError. Connections with the same credentials and region share one.

    Args:
        session: The session of the task.
        params: The options.
        connections: The connections with AWS.

    Raises:
        TaskError: If no survey has an answer, and there is one project.
    """
    together = grouped([(frozenset(one.credentials.items()), one) for one in connections])
    # If an entry has no region, it comes from these lists: if one failed, that is why there is no region.
    lists = {id(one): one for each in connections if each.reading for one in (each.reading.peers, each.reading.containers)}
    causes = [one for one in lists.values() if isinstance(one, TaskError)]
    openings = {key: partial(_open, session.aws, params, ones) for key, ones in together.items()}
    calls = {key: partial(value_or_error, one) for key, one in openings.items()}
    surveys = call_all(calls, readers_for(len(together)))
    if causes:
        surveys = {key: causes[0] if isinstance(one, NoRegionError) else one for key, one in surveys.items()}
    carry_out([one for one in surveys.values() if isinstance(one, Survey)])
    failures = [_failure_of(surveys[key]) for key in together if surveys[key] not in causes]
    first = next(iter(failures), None)
    if first is not None and all(failures) and params["projects"] is None:
        raise first
    return {one: surveys[key] for key, ones in together.items() for one in ones}


def to_aws_facts(survey: Survey, vpc_id: str, connection_id: str | None) -> AwsFacts:
    """Return the facts about one connection.

    Args:
        survey: The survey of its account and region.
        vpc_id: Its VPC.
        connection_id: Its id in AWS; None if it is not known.
    """
    part = VpcSurvey(survey, vpc_id)
    questions: dict[str, t.Callable[[], object]] = {
        "connection": lambda: part.find("connections", connection_id),
        "vpc": lambda: part.find("vpcs", vpc_id),
        "account_id": lambda: part.answer("account") or _NO_ACCOUNT,
        "dns_attributes": part.dns_attributes,
        "dhcp_options": part.dhcp_options,
        "zones": lambda: list(part.answer("zones", vpc_id)),
        "resolver_rules": part.resolver_rules,
        **{name: partial(part.of_vpc, kind) for name, kind in _KINDS.items()},
        "security_groups": part.security_groups,
        "prefix_lists": part.prefix_lists,
        "statuses": part.statuses,
        "connections_quota": lambda: part.answer("quota", CONNECTIONS_QUOTA),
        "routes_quota": lambda: part.answer("quota", ROUTES_QUOTA),
        "connections_count": part.connections_count,
        "connections": part.connections,
    }
    found = {name: _ask(question) for name, question in questions.items() if name not in _OF_VPC}
    unknown = Missing(f"AWS does not know {named(vpc_id)}.", "P404") if found["vpc"] is None else None
    facts = AwsFacts(**found, **{name: unknown or _ask(questions[name]) for name in _OF_VPC})
    return facts if facts.hidden is None else replace(facts, **dict.fromkeys(_OF_OWNER, facts.hidden))


def read_zones(surveys: t.Iterable[Survey], wanted: t.Collection[HostedZone]) -> dict[str, ZoneContents]:
    """Return the contents of private hosted zones by id. Each is read once, with credentials of its owner if there are some.

    Args:
        surveys: The surveys of all VPCs.
        wanted: The zones.
    """
    # An account that STS does not report may be the owner: the reply says so.
    ordered = sorted(dict.fromkeys(surveys), key=lambda one: one.answers["account",] is None)
    sources = {zone: next((one for one in ordered if one.answers["account",] in (zone.owner, None)), None) for zone in wanted}
    ask_all([(survey, survey.ask_zone(zone)) for zone, survey in sources.items() if survey is not None])
    return {zone.id: _contents_of(zone, survey) for zone, survey in sources.items()}


def _contents_of(zone: HostedZone, survey: Survey | None) -> ZoneContents:
    if survey is None:
        owner = f"account {zone.owner}" if zone.owner.isdecimal() else zone.owner
        unread = Unread(f"The private zone {named(zone.title)} belongs to {owner}, which alone can read it.")
        return ZoneContents(unread, unread)
    return ZoneContents(*(to_fact(survey.answers[kind, zone.id]) for kind in ("records", "fallback")))


def _ask(question: t.Callable[[], object]) -> t.Any:
    try:
        return question()
    except TaskError as error:
        return to_fact(error)


def _open(sessions: AwsSessions, params: Parameters, connections: t.Sequence[Connection]) -> Survey:
    first = connections[0]
    if first.refusal is not None:
        raise first.refusal
    aws = sessions.open(first.credentials, first.names)
    lists = {id(one.reading): one.reading.access_list for one in connections if one.reading is not None}
    entries = [entry for one in lists.values() if not isinstance(one, TaskError) for entry in one]
    named = [*(one.entry.params["aws_security_group"] for one in connections), *(one["aws_security_group"] for one in entries)]
    group_ids = {name.rpartition("/")[2] for name in named if name} | set(params["security_group_ids"] or ())
    return Survey(aws, {one.entry.params["vpc_id"] for one in connections}, group_ids=group_ids)


def _failure_of(survey: Survey | TaskError) -> TaskError | None:
    """Return the first error if all requests failed; None otherwise."""
    if isinstance(survey, TaskError):
        return survey
    # The account of the credentials alone is not enough.
    answers = [answer for key, answer in survey.answers.items() if key != ("account",)]
    failures = [one for one in answers if isinstance(one, TaskError)]
    return failures[0] if len(failures) == len(answers) else None


class VpcSurvey:
    """The part of a survey about one VPC. Each method returns a fact, or raises the TaskError of the failed request.

    Args:
        survey: The survey.
        vpc_id: The VPC.
    """

    def __init__(self, survey: Survey, vpc_id: str) -> None:
        self._answers = survey.answers
        self._vpc_id = vpc_id

    def answer(self, *key: str) -> t.Any:
        """Return an answer; an empty list if the question was not asked, because nothing named such an object.

        Raises:
            TaskError: If it could not be read.
        """
        answer = self._answers.get(key, [])
        if isinstance(answer, TaskError):
            raise answer
        return answer

    def of_vpc(self, kind: str) -> list[t.Any]:
        """Return the objects of a kind that are in the VPC."""
        return [one for one in self.answer(kind) if one.vpc_id == self._vpc_id]

    def find(self, kind: str, name: str | None) -> t.Any:
        """Return the object of a kind with an id; None if AWS does not know it, or the id is not known."""
        return None if name is None else next((one for one in self.answer(kind) if one.id == name), None)

    def connections(self) -> list[PeeringConnection]:
        """Return the connections that the VPC has, as requester or accepter."""
        return [one for one in self.answer("connections") if self._vpc_id in (one.accepter.vpc_id, one.requester.vpc_id)]

    def connections_count(self) -> int:
        """Return how many of these are active or provisioning."""
        return sum(one.status in _ACTIVE for one in self.connections())

    def dns_attributes(self) -> dict[str, bool]:
        """Return the DNS attributes."""
        return {name: self.answer("dns", self._vpc_id, name) for name in DNS_ATTRIBUTES}

    def dhcp_options(self) -> DhcpOptions | Unread:
        """Return the DHCP options; those of a VPC without any have no servers."""
        vpc = self.find("vpcs", self._vpc_id)
        options_id = None if vpc is None else vpc.dhcp_options_id
        if options_id == NO_DHCP_OPTIONS:
            return DhcpOptions(NO_DHCP_OPTIONS, ())
        found: DhcpOptions | None = self.find("dhcp", options_id)
        return found or Unread(f"AWS does not show the DHCP options of {named(self._vpc_id)}.", "ec2:DescribeDhcpOptions")

    def resolver_rules(self) -> list[ResolverRule] | Unread:
        """Return the resolver rules that the VPC has; Unread if the status of one is not COMPLETE."""
        rules = {one.id: one for one in self.answer("rules")}
        found = {rule_id: status for vpc_id, rule_id, status in self.answer("associations") if vpc_id == self._vpc_id}
        for rule_id, status in found.items():
            if status != "COMPLETE":
                return Unread(f"It is not known whether the resolver rule {named(rule_id)} is in force: its status is {status}.")
        hidden = [one for one in found if one not in rules]
        if hidden:
            return Unread(f"AWS does not show the resolver rule {named(hidden[0])}.", "route53resolver:ListResolverRules")
        return [rules[one] for one in found]

    def security_groups(self) -> dict[str, SecurityGroup]:
        """Return the security groups of all VPCs, and those of others that the options, Atlas or interfaces name, by id."""
        return {one.id: one for one in (*self.answer("groups"), *self.answer("groups", "elsewhere"))}

    def prefix_lists(self) -> dict[str, object]:
        """Return the blocks of each prefix list that routes and rules name, or Unread, by id."""
        return {key[1]: to_fact(answer) for key, answer in self._answers.items() if key[0] == "list"}

    def statuses(self) -> dict[str, str]:
        """Return the status of each connection that routes lead to and AWS knows, by id."""
        tables = self.of_vpc("tables")
        targets = {one.target for table in tables for one in table.all_routes if one.is_peering}
        return {one.id: one.status for one in self.answer("connections") if one.id in targets}
