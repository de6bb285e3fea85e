# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Helpers of several rules: look-ups in the facts, judged subnets, phrases, and lines for tools, quoted for a shell."""

from __future__ import annotations

import dataclasses
import datetime
import ipaddress
import itertools
import re
import shlex
import typing as t

from ..._aws.objects import Interface, RouteTable, Subnet, Vpc
from ..._values.blocks import is_private
from ..facts import AtlasObject, ConnectionFacts, Missing, SkippedError, Unread, UnreadError, if_known, known, named, unnamed
from .interfaces import (
    SENDS_FIRST,
    clients_of,
    declared_subnets,
    empty_subnets,
    is_around_clients,
    named_subnets,
    service_subnets,
)
from .rule import Finding, Findings, Severity, skip

FixLines = tuple[str, ...]
# True stands for an option without a value.
_Option = t.Union[str, int, None]
# What tools take for an option, or for a file or an address to read the value from.
# Source: "Loading a parameter from a file" in the AWS CLI's user guide, and "Using Azure CLI parameters" for `@`.
_ODD = re.compile(r"[-@]|\w+://")


def aws(command: str, facts: ConnectionFacts, **options: _Option) -> FixLines:
    """Return a line for the AWS CLI, in the region of the VPC."""
    return _line(f"aws {command}", (), {**options, "region": facts.entry.region}, " ")


def aws_for_new(command: str, option: str, new: FixLines, facts: ConnectionFacts, **options: _Option) -> FixLines:
    """Return a line for the AWS CLI about what another line creates, which prints the id for an option."""
    lines = together(aws(command, facts, **options), new)
    return (f'{lines[0]} --{option} "$({lines[1]})"',) if lines else ()


def az(command: str, subscription: str | None, **options: _Option) -> FixLines:
    """Return a line for Azure's CLI."""
    return _line(f"az {command}", (), {**options, "subscription": subscription}, " ")


def group_and_subscription(resource_id: str) -> tuple[str | None, str | None]:
    """Return the resource group and the subscription in the id of a resource of Azure; None for what it does not have."""
    match = re.match(r"/?subscriptions/([^/]+)/resourceGroups/([^/]+)/", resource_id, re.IGNORECASE)
    return (match[2], match[1]) if match else (None, None)


def gcloud(command: str, name: _Option, **options: _Option) -> FixLines:
    """Return a line for Google's CLI, about what has a name."""
    return _line(f"gcloud compute {command}", (name,), options, "=")


def together(*lines: FixLines) -> FixLines:
    """Return lines that carry out a fix in this order; none if one of them is missing."""
    return tuple(itertools.chain(*lines)) if all(lines) else ()


def _line(command: str, names: t.Sequence[_Option], options: t.Mapping[str, _Option], link: str) -> FixLines:
    values = [*names, *options.values()]
    if any(one is None or _is_odd(str(one)) for one in values):
        return ()
    words = [shlex.quote(str(one)) for one in names]
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        words.append(option if value is True else f"{option}{link}{shlex.quote(str(value))}")
    return (" ".join([command, *words]),)


def _is_odd(value: str) -> bool:
    """Whether a value is empty, has a control character, or is not taken as it is written."""
    return not value or not value.isprintable() or _ODD.match(value) is not None


# A message shortens longer lists; the evidence has all of their elements.
_LONGEST = 3
# The part of a limit at which a check warns.
NEARLY = 0.8
# What several requests do that are not accepted yet, for a sentence.
WAITING = "wait for acceptance"
# Names of Amazon's resolver; it also has the third address of the first block of the VPC.
# Source: "Understanding Amazon DNS" in the Amazon VPC user guide.
AMAZONS_SERVERS = ("AmazonProvidedDNS", "169.254.169.253", "fd00:ec2::253")
# The private connection string, and Amazon's resolver, answer with private addresses for names of a public domain.
# Source: `stop-dns-rebind` of dnsmasq, `private-address` and `private-domain` of Unbound, "Rebinding protection" of Knot.
REBINDING = "DNS servers that drop private addresses from answers (rebinding protection) need an exception for mongodb.net, too."


def listed(names: t.Iterable[object]) -> str:
    """Join names for a sentence: up to four of them, or the first three and how many more there are."""
    texts = [str(name) for name in names]
    if len(texts) > _LONGEST + 1:
        texts = [*texts[:_LONGEST], f"{len(texts) - _LONGEST} more"]
    return _joined(texts)


def all_of(names: t.Iterable[t.Any]) -> str:
    """Join all names for a sentence that says what to do: a reader cannot add "2 more"."""
    return _joined([str(name) for name in names])


def _joined(texts: t.Sequence[str]) -> str:
    return named(texts[0], " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))) if texts else ""


def ports_text(ranges: t.Iterable[tuple[int, int]]) -> str:
    """Return ranges of ports, both ends included, for a sentence: "port 27017", or "ports 27015 to 27016 and 27018"."""
    texts = [str(first) if first == last else f"{first} to {last}" for first, last in ranges]
    return f"{'port' if len(texts) == 1 and texts[0].isdecimal() else 'ports'} {listed(texts)}"


def until_replaced(singles: t.Iterable[tuple[int, int]], begin: str) -> str:
    """Return a sentence about a filter that opens single addresses of Atlas, given as ranges of one."""
    addresses = [ipaddress.IPv4Address(first) for first, _last in singles]
    shown = f"{listed(addresses)} {'is' if len(addresses) == 1 else 'are'} open"
    return f"Of single addresses, {begin} {shown}, so it works until a node is replaced."


def free_before(number: int, taken: t.Container[int], lowest: int) -> int | None:
    """Return the greatest number before another one that no rule has; None if there is none.

    Args:
        number: The number or priority of a rule.
        taken: Those that cannot be given to another rule.
        lowest: The first that the cloud takes.
    """
    return next((one for one in range(number - 1, lowest - 1, -1) if one not in taken), None)


def before_text(rule: str, noun: str, number: int, free: int | None) -> str:
    """Return the end of a sentence about a rule to add before another one, which decides today.

    Args:
        rule: The rule that decides.
        noun: What the cloud calls the place of a rule: its "number" or "priority".
        number: Its number or priority.
        free: One before it that no rule has; None if there is none.
    """
    if free is None:
        return f" before {rule}. No number is free before it: move the deny, or take a number from another rule."
    return f" with a {noun} below {number}, such as {free}."


def span_text(span: datetime.timedelta) -> str:
    """Return a span of time in its two greatest units: "2 d 3 h", or "5 min"; a negative one is "0 min"."""
    minutes = max(0, int(span.total_seconds() // 60))
    days, hours = divmod(minutes // 60, 24)
    parts = [(days, "d"), (hours, "h"), (minutes % 60, "min")]
    first = next((index for index, (number, _unit) in enumerate(parts) if number), len(parts) - 1)
    return unnamed(" ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number or unit == "min"))


def to_network(block: str | None, name: str) -> ipaddress.IPv4Network:
    """Return a block as a network.

    Args:
        block: The block.
        name: What it belongs to, for the message.

    Raises:
        UnreadError: If it is not an IPv4 block.
    """
    try:
        return ipaddress.IPv4Network(block or "")
    except ValueError:
        raise UnreadError(Unread(f"The block of {name} is not an IPv4 block: {unnamed(repr(block))}.")) from None


def container_block(container: AtlasObject) -> ipaddress.IPv4Network:
    """Return the block of a network container.

    Raises:
        UnreadError: If it is not an IPv4 block.
    """
    return to_network(container["atlas_cidr_block"], f"network container {unnamed(container['id'])}")


def status_of(facts: ConnectionFacts) -> str | None:
    """Return the status of the connection in Atlas; None if Atlas has none.

    Raises:
        UnreadError, SkippedError: If the connections could not be read, or Atlas's half is off.
    """
    peer = known(facts.atlas.peer)
    return None if peer is None else str(peer["status_name"])


def peer_of(facts: ConnectionFacts) -> AtlasObject:
    """Return the connection in Atlas.

    Raises:
        UnreadError: If the connections could not be read.
        SkippedError: If there is none.
    """
    peer = known(facts.atlas.peer)
    if peer is None:
        raise skip("Atlas has no connection.", "P101")
    return peer


def _no_container(facts: ConnectionFacts) -> SkippedError:
    """Return the error of a check without a network container: P101 reports a missing connection, P104 a missing container."""
    return skip("There is no network container.", "P101" if facts.atlas.peer is None else "P104")


def need_container(facts: ConnectionFacts) -> AtlasObject:
    """Return the network container.

    Raises:
        UnreadError: If the containers could not be read.
        SkippedError: If there is none.
    """
    container = known(facts.atlas.container)
    if container is None:
        raise _no_container(facts)
    return container


def atlas_block_of(facts: ConnectionFacts) -> ipaddress.IPv4Network:
    """Return the block of the container, or that of the entry if there is no container or Atlas's half is off.

    Raises:
        UnreadError: If the containers could not be read, or the block is not an IPv4 block.
        SkippedError: If there is no block.
    """
    block = facts.entry.params["atlas_cidr_block"]
    if not isinstance(facts.atlas.container, Missing):
        container = known(facts.atlas.container)
        block = container["atlas_cidr_block"] if container is not None else block
    elif block is None:
        raise SkippedError(facts.atlas.container)
    if block is None:
        raise _no_container(facts)
    return to_network(block, "the network container")


def connection_id_of(facts: ConnectionFacts) -> str:
    """Return AWS's id of the connection.

    Raises:
        UnreadError: If the connections of Atlas could not be read, or the id is empty.
        SkippedError: If Atlas has no connection, or no id for it yet.
    """
    connection_id: str | None = facts.entry.params["connection_id"]
    if not isinstance(facts.atlas.peer, Missing):
        peer = known(facts.atlas.peer)
        connection_id = peer["connection_id"] if peer is not None else None
    elif connection_id is None:
        raise SkippedError(facts.atlas.peer)
    if connection_id == "":
        raise UnreadError(Unread("Atlas reports an empty text as the id of the connection in AWS."))
    if connection_id is None:
        raise skip("The connection has no id in AWS.", "P101")
    return connection_id


def vpc_blocks_of(facts: ConnectionFacts) -> list[ipaddress.IPv4Network]:
    """Return the blocks of the VPC.

    Raises:
        UnreadError: If the VPC could not be read.
        SkippedError: If AWS does not know it.
    """
    vpc = known(facts.aws.vpc)
    if vpc is None:
        raise skip(f"AWS does not know {named(facts.entry.network_id)}, with these credentials and in this region.", "P404")
    return [to_network(block, vpc.id) for block in vpc.cidr_blocks]


def own_dns_servers(facts: ConnectionFacts) -> list[str]:
    """Return the DNS servers in the DHCP options of the VPC, without Amazon's.

    Raises:
        UnreadError, SkippedError: If the DHCP options are not known.
    """
    servers = known(facts.aws.dhcp_options).domain_name_servers
    vpc, amazons = facts.aws.vpc, list(AMAZONS_SERVERS)
    if isinstance(vpc, Vpc) and vpc.cidr_blocks:
        amazons.append(str(to_network(vpc.cidr_blocks[0], vpc.id)[2]))
    return [server for server in servers if server not in amazons]


def judged_subnets(facts: ConnectionFacts) -> list[Subnet]:
    """Return the subnets that have to reach Atlas: those of the options, or of the tables of the entry, or all of the VPC.

    The subnets of named instances are always included, and so are subnets without an IPv4 block. Without `subnet_ids`, others
    that are outside the block of the entry are not, and neither are those that have interfaces of AWS's services alone.

    Raises:
        UnreadError, SkippedError: If the subnets, or the tables that choose them, are not known.
    """
    chosen = {subnet.id for subnet in chosen_subnets(facts) if not is_outside_entry(subnet, facts)} - service_subnets(facts)
    chosen |= named_subnets(facts)
    return [subnet for subnet in known(facts.aws.subnets) if subnet.id in chosen]


def need_subnets(facts: ConnectionFacts) -> list[Subnet]:
    """Return the judged subnets, at least one.

    Raises:
        UnreadError, SkippedError: As `judged_subnets`, and if there is none.
    """
    subnets = judged_subnets(facts)
    if not subnets:
        raise skip(f"There is no subnet of {named(facts.entry.network_id)} to judge.")
    return subnets


def with_ipv4(subnets: t.Iterable[Subnet]) -> list[Subnet]:
    """Return the subnets that have an IPv4 block; P608 reports the others."""
    return [subnet for subnet in subnets if subnet.cidr_block is not None]


def block_of_vpc(facts: ConnectionFacts) -> ipaddress.IPv4Network | None:
    """Return the block of the VPC that holds all clients' subnets, but for those that Atlas does not take; None if none does."""
    clients = client_blocks(facts)
    blocks = [one for one in if_known(lambda: vpc_blocks_of(facts)) or () if is_private(one)]
    return next((one for one in blocks if clients and all(each.subnet_of(one) for each in clients)), None)


def client_blocks(facts: ConnectionFacts) -> list[ipaddress.IPv4Network]:
    """Return the blocks of the judged subnets that Atlas may route to."""
    blocks = [ipaddress.IPv4Network(one.cidr_block or "") for one in with_ipv4(if_known(lambda: need_subnets(facts)) or ())]
    return [one for one in blocks if is_private(one)]


def chosen_subnets(facts: ConnectionFacts) -> list[Subnet]:
    """Return the subnets that the options or the entry choose, including those outside the block of the entry.

    `subnet_ids` chooses alone. Without it, those around client blocks are chosen with those of the tables.
    """
    subnets = known(facts.aws.subnets)
    if facts.selection.subnet_ids is not None:
        return [subnet for subnet in subnets if subnet.id in facts.selection.subnet_ids]
    if are_all_judged(facts):
        return list(subnets)
    tables, declared = known(facts.aws.route_tables), declared_subnets(facts)
    chosen = {table.id for table in tables if _is_chosen(table, facts)}
    return [
        subnet
        for subnet in subnets
        if subnet.id in declared or ((table := table_of(subnet, tables)) is not None and table.id in chosen)
    ]


def are_all_judged(facts: ConnectionFacts) -> bool:
    """Whether all subnets of the VPC are judged, because neither the options nor the entry choose some."""
    entry = facts.entry
    return facts.selection.subnet_ids is None and not entry.params["route_table_ids"] and not entry.params["route_table_tags"]


def is_outside_entry(subnet: Subnet, facts: ConnectionFacts) -> bool:
    """Whether a subnet is outside the block of the entry, and no option says that it has clients."""
    if subnet.cidr_block is None or facts.entry.params["cidr_block"] is None or facts.selection.subnet_ids is not None:
        return False
    if ipaddress.IPv4Network(subnet.cidr_block).overlaps(ipaddress.IPv4Network(facts.entry.params["cidr_block"])):
        return False
    return not is_around_clients(subnet, facts) and subnet.id not in named_subnets(facts)


def table_of(subnet: Subnet, tables: t.Iterable[RouteTable]) -> RouteTable | None:
    """Return the route table of a subnet: the one that is associated with it, or else the main one of the VPC."""
    own = [table for table in tables if subnet.id in table.subnet_ids]
    return next(iter(own), None) or next((table for table in tables if table.is_main), None)


def _is_chosen(table: RouteTable, facts: ConnectionFacts) -> bool:
    entry = facts.entry
    tags = entry.params["route_table_tags"] or {}
    has_tags = bool(tags) and all(table.tags.get(key) == value for key, value in tags.items())
    return has_tags or table.id in (entry.params["route_table_ids"] or ())


_PODS = (
    "Only interfaces for pods are there. By default, nodes translate the addresses of pods into their own for what is outside of"
    " the VPC; whether these do is not known."
)
_HIDDEN = "Others may have clients there, which these credentials do not see."
_PODS_FIX = "Name the subnets in subnet_ids: without those of pods if nodes translate their addresses, and with them if not."
# From the worst on. `warn` stands for a subnet that nothing uses.
_ORDER: tuple[Severity, ...] = ("fail", "unknown", "warn", "info")
_Judged = tuple[Severity, str]
_CERTAIN: _Judged = ("fail", "")


def weigh(findings: t.Sequence[Finding], facts: ConnectionFacts) -> Findings:
    """Yield findings of a check, those about subnets as bad as they are for what sends from there.

    With only interfaces for pods in the subnets, or only first interfaces of instances that have another one in a subnet that is
    open, or may be, a failure is unknown; with only further interfaces of instances, it is a word. Subnets that the options name
    are judged as they are.
    """
    senders = _Senders(findings, facts)
    yield from (senders.weighed(one) for one in findings)


class _Senders:
    """What may send from the subnets of a VPC.

    Args:
        findings: The findings of a check.
        facts: All facts.
    """

    def __init__(self, findings: t.Iterable[Finding], facts: ConnectionFacts) -> None:
        self._named = set(facts.selection.instance_ids or ())
        self._chosen = facts.selection.subnet_ids
        self._clients = if_known(lambda: clients_of(facts)) or []
        self._siblings: dict[str | None, list[Interface]] = {}
        for one in self._clients:
            self._siblings.setdefault(one.instance_id, []).append(one)
        self._certain, self._empty = declared_subnets(facts), empty_subnets(facts)
        # Without one, the credentials may see no interface at all: then, all subnets are judged.
        self._hides_others = facts.aws.hidden is not None and bool(self._clients)
        self._judged = {one.id for one in if_known(lambda: judged_subnets(facts)) or ()}
        self._closed = {name for one in findings if one.severity == "fail" for name in one.subnet_ids or ()}

    def weighed(self, finding: Finding) -> Finding:
        """Return a finding as bad as it is."""
        used = [one for one in finding.subnet_ids or () if one not in self._empty]
        if finding.severity not in ("fail", "unknown") or not used:
            return finding
        found = [self._judge(one) for one in used]
        if len(used) < len(finding.subnet_ids or ()):
            found.append(("warn", SENDS_FIRST))
        severity, sentence = min(found, key=lambda one: _ORDER.index(one[0]))
        if severity == "fail":
            return finding
        if finding.severity == "unknown":
            return dataclasses.replace(finding, decides=finding.decides and severity == "unknown")
        fix = f"{finding.fix} {_PODS_FIX}" if sentence is _PODS else finding.fix
        return dataclasses.replace(finding, severity=severity, message=f"{finding.message} {sentence}", fix=fix)

    def _judge(self, subnet_id: str) -> _Judged:
        """Return how bad it is if a subnet is closed, and why."""
        clients = [one for one in self._clients if one.subnet_id == subnet_id]
        if self._chosen is not None:
            # It is judged for named instances, and others there do not matter.
            clients = [one for one in clients if one.instance_id in self._named]
        if subnet_id in self._certain:
            return _CERTAIN
        if not clients:
            return ("unknown", _HIDDEN) if self._hides_others else _CERTAIN
        return min(map(self._judge_interface, clients), key=lambda one: _ORDER.index(one[0]))

    def _judge_interface(self, interface: Interface) -> _Judged:
        """Return how bad it is if the subnet of an interface is closed, and why."""
        # Who leaves a subnet out of subnet_ids says that nodes translate the addresses of pods there.
        if interface.is_of_pods and self._chosen is None:
            return "unknown", _PODS
        siblings = self._siblings[interface.instance_id] if interface.instance_id is not None else ()
        if interface.is_second:
            is_judged = any(one.is_first and one.subnet_id in self._judged for one in siblings)
            return ("info" if is_judged else "unknown"), SENDS_FIRST
        is_open = any(one.is_second and one.subnet_id in self._judged - self._closed for one in siblings)
        return ("unknown", SENDS_FIRST) if is_open else _CERTAIN
