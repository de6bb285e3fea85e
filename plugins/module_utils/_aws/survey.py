# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads all that a check needs about the VPCs of one account in one region."""

from __future__ import annotations

import typing as t
from functools import partial

from .._http.errors import TaskError, as_name
from .._http.pauses import value_or_error
from .._http.threads import call_all
from . import replies
from .errors import NOT_AWS, cause_of, foreign
from .objects import CONNECTIONS_QUOTA, DNS_ATTRIBUTES, ROUTES_QUOTA, HostedZone, Interface, Reply, RouteTable, Vpc
from .rate import READERS
from .replies import Parsed, member
from .session import IN_PAGES, AwsSession, filters

# The kind of an answer, and the id of the object where AWS takes one at a time.
Key = tuple[str, ...]
Question = t.Callable[[], object]
Pages = t.Sequence[Reply]

# Of how many accounts and regions the requests of one are sent at the same time: more wait for the processor.
_MOST_TOGETHER = 3
# The name for the DHCP options of a VPC without any; AWS's own set has an id like all others.
# Source: "DHCP option sets in Amazon VPC" in the Amazon VPC user guide.
NO_DHCP_OPTIONS = "default"


class Survey:
    """The requests about the VPCs of one account in one region, and their answers.

    Questions of one round may be asked in parallel. They need the answers of earlier rounds.

    Args:
        session: The session with AWS.
        vpc_ids: The VPCs.
        group_ids: Security groups to read, even if they are in other VPCs.

    Attributes:
        answers: What was read, or the TaskError of the failed request, by key.
        rounds: Functions that return the questions of a round.
    """

    def __init__(self, session: AwsSession, vpc_ids: t.Iterable[str], *, group_ids: t.Iterable[str] = ()) -> None:
        self.session = session
        self.vpc_ids = sorted(set(vpc_ids))
        self.answers: dict[Key, t.Any] = {}
        self._group_ids = set(group_ids)
        self.rounds = (self._first, self._second, self._third)

    def _first(self) -> dict[Key, Question]:
        found: dict[Key, Question] = {
            ("account",): self.session.find_account_id,
            ("connections",): self._of_ec2(
                "the VPC peering connections", "VpcPeeringConnections", replies.parse_connection, [{}]
            ),
            ("vpcs",): self._of_vpcs("the VPCs", "Vpcs", replies.parse_vpc),
            ("subnets",): self._of_vpcs("the subnets of the VPCs", "Subnets", replies.parse_subnet),
            ("tables",): self._of_vpcs("the route tables of the VPCs", "RouteTables", replies.parse_route_table),
            ("acls",): self._of_vpcs("the network ACLs of the VPCs", "NetworkAcls", replies.parse_acl),
            ("interfaces",): self._of_vpcs(
                "the network interfaces of the VPCs", "NetworkInterfaces", replies.parse_interface, **IN_PAGES
            ),
            ("groups",): self._of_vpcs("the security groups of the VPCs", "SecurityGroups", replies.parse_group, **IN_PAGES),
            ("rules",): self._of_resolver("the resolver rules", "ResolverRules", replies.parse_resolver_rule),
            ("associations",): self._of_resolver(
                "which resolver rules the VPCs have", "ResolverRuleAssociations", replies.parse_association
            ),
            **{("quota", code): partial(self._ask_quota, code) for code in (CONNECTIONS_QUOTA, ROUTES_QUOTA)},
        }
        for vpc_id in self.vpc_ids:
            found.update({("dns", vpc_id, name): partial(self._ask_dns, vpc_id, name) for name in DNS_ATTRIBUTES})
        return found

    def _second(self) -> dict[Key, Question]:
        # Route 53 is asked once the account is known, since all requests of an account share its limit.
        found: dict[Key, Question] = {("zones", vpc_id): partial(self._ask_zones, vpc_id) for vpc_id in self.vpc_ids}
        vpcs: list[Vpc] = self._known("vpcs")
        options = sorted({one.dhcp_options_id for one in vpcs if one.dhcp_options_id not in (None, NO_DHCP_OPTIONS)}, key=str)
        if options:
            of_options = filters("dhcp-options-id", options)
            found["dhcp",] = self._of_ec2("the DHCP options of the VPCs", "DhcpOptions", replies.parse_dhcp_options, of_options)
        elsewhere = self._clients_groups() - {one.id for one in self._known("groups")}
        if elsewhere and not isinstance(self.answers["groups",], TaskError):
            found["groups", "elsewhere"] = self._of_ec2(
                "the security groups of other VPCs", "SecurityGroups", replies.parse_group, filters("group-id", sorted(elsewhere))
            )
        return found

    def _third(self) -> dict[Key, Question]:
        """Return the questions for the prefix lists in routes and in rules of clients; AWS takes one at a time.

        Those of a VPC's gateway endpoints have public addresses, and do not matter for it.
        """
        tables: list[RouteTable] = self._known("tables")
        named = {route.destination for table in tables for route in table.list_routes if not route.is_of_endpoint}
        public: dict[str | None, set[str]] = {}
        for table in tables:
            public.setdefault(table.vpc_id, set()).update(table.endpoint_lists)
        groups, clients = [*self._known("groups"), *self._known("groups", "elsewhere")], self._clients_groups()
        for group in (one for one in groups if one.id in clients):
            named |= {one for rule in group.egress for one in rule.prefix_list_ids} - public.get(group.vpc_id, set())
        return {("list", one): partial(self._ask_prefix_list, one) for one in sorted(named)}

    def _clients_groups(self) -> set[str]:
        """Return the security groups that may concern clients: those that are named, and those of their interfaces."""
        interfaces: list[Interface] = self._known("interfaces")
        return self._group_ids | {group for one in interfaces if one.is_client for group in one.security_group_ids}

    def _known(self, *key: str) -> t.Any:
        """Return the answer of an earlier round; an empty list if it could not be read."""
        answer = self.answers.get(key, [])
        return [] if isinstance(answer, TaskError) else answer

    def _of_vpcs(self, what: str, name: str, parse: t.Callable[[Reply], Parsed], **more: object) -> Question:
        return self._of_ec2(what, name, parse, [{**one, **more} for one in filters("vpc-id", self.vpc_ids)])

    def _of_ec2(self, what: str, name: str, parse: t.Callable[[Reply], Parsed], asked: t.Sequence[Reply]) -> Question:
        def ask() -> list[Parsed]:
            return [one for each in asked for one in self._list(f"read {what}", "ec2", f"Describe{name}", name, parse, **each)]

        return ask

    def _of_resolver(self, what: str, name: str, parse: t.Callable[[Reply], Parsed]) -> Question:
        return partial(self._list, f"read {what}", "route53resolver", f"List{name}", name, parse)

    def _ask_dns(self, vpc_id: str, name: str) -> bool:
        key = DNS_ATTRIBUTES[name]
        parameters = {"VpcId": vpc_id, "Attribute": key[0].lower() + key[1:]}

        def make(pages: Pages) -> bool:
            return member(member(pages[0], key, dict), "Value", bool)

        return self._ask(f"read {name} of {as_name(vpc_id)}", "ec2", "DescribeVpcAttribute", make, **parameters)

    def ask_zone(self, zone: HostedZone) -> dict[Key, Question]:
        """Return the questions about the contents of a private hosted zone, which are no part of a round: few zones matter."""
        records = partial(
            self._list,
            f"read the records of the private zone {zone.name or '.'}",
            "route53",
            "ListResourceRecordSets",
            "ResourceRecordSets",
            replies.parse_record,
            HostedZoneId=zone.id,
        )
        return {("records", zone.id): records, ("fallback", zone.id): partial(self._ask_fallback, zone)}

    def _ask_fallback(self, zone: HostedZone) -> bool:
        description = f"read the private zone {zone.name or '.'}"

        def make(pages: Pages) -> bool:
            return replies.parse_fallback(member(pages[0], "HostedZone", dict))

        if not self.session.knows("route53", "HostedZone", "Features"):
            raise TaskError("boto3 does not know public DNS fallback.", description=description, hint="Install a newer boto3.")
        return self._ask(description, "route53", "GetHostedZone", make, Id=zone.id)

    def _ask_zones(self, vpc_id: str) -> list[HostedZone]:
        description, asked = f"list the private hosted zones of {as_name(vpc_id)}", {"VPCRegion": self.session.region}
        key, parse = "HostedZoneSummaries", replies.parse_zone
        return self._list(description, "route53", "ListHostedZonesByVPC", key, parse, VPCId=vpc_id, **asked)

    def _ask_prefix_list(self, list_id: str) -> list[str]:
        description, action = f"read the entries of the prefix list {list_id}", "GetManagedPrefixListEntries"
        return self._list(description, "ec2", action, "Entries", replies.parse_list_block, PrefixListId=list_id)

    def _ask_quota(self, code: str) -> int:
        ask = partial(replies.ask_quota, code, lambda *request: self.session.read_pages(*request[:3], **request[3])[0])
        return self._parsed(f"read the quota {code}", "GetServiceQuota", ask)

    def _list(
        self, description: str, service: str, action: str, name: str, parse: t.Callable[[Reply], Parsed], **parameters: object
    ) -> list[Parsed]:
        """Send one request, and return the objects in a list of its reply."""
        return self._ask(description, service, action, partial(replies.parse_all, name=name, parse=parse), **parameters)

    def _ask(
        self, description: str, service: str, action: str, make: t.Callable[[Pages], Parsed], **parameters: object
    ) -> Parsed:
        """Send one request, and return what `make` returns for its pages."""
        read = partial(self.session.read_pages, description, service, action, **parameters)
        return self._parsed(description, action, lambda: make(read()))

    def _parsed(self, description: str, action: str, ask: t.Callable[[], Parsed]) -> Parsed:
        """Return the answer to a question.

        Raises:
            TaskError: If the request fails, or the reply is malformed.
        """
        try:
            return ask()
        except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
            hint = NOT_AWS.format(**self.session.names)
            raise TaskError(f"{foreign(action)} ({error}).", description=description, hint=hint) from error


def share_causes(answers: dict[Key, t.Any]) -> None:
    """Let all requests that failed for one cause have the error of the first of them."""
    causes: dict[str, TaskError] = {}
    for key, answer in answers.items():
        cause = cause_of(answer) if isinstance(answer, TaskError) else None
        if cause is not None:
            answers[key] = causes.setdefault(cause, answer)


def readers_for(places: int) -> int:
    """Return how many requests are sent at the same time to so many accounts and regions, each of which has its own limits."""
    return READERS * max(1, min(places, _MOST_TOGETHER))


def carry_out(surveys: t.Sequence[Survey]) -> None:
    """Ask all questions of some surveys, round by round, and record the answers in each."""
    for number in range(max((len(survey.rounds) for survey in surveys), default=0)):
        ask_all((survey, survey.rounds[number]()) for survey in surveys)


def ask_all(asked: t.Iterable[tuple[Survey, t.Mapping[Key, Question]]]) -> None:
    """Ask questions of surveys in parallel, and record the answers in each."""
    calls = {
        (survey, key): partial(value_or_error, question) for survey, questions in asked for key, question in questions.items()
    }
    surveys = dict.fromkeys(survey for survey, unused in calls)
    for (survey, key), answer in call_all(calls, readers_for(len(surveys))).items():
        survey.answers[key] = answer
    for survey in surveys:
        share_causes(survey.answers)
