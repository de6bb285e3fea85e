# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The view of a check's result that the terminal text and the reports show."""

from __future__ import annotations

import ipaddress
import typing as t
from collections import Counter
from dataclasses import dataclass

from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.findings import COMMON_SUBJECTS, SEVERITIES, network_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.cloud import Cloud
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import CLOUDS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.redact import visible

GUIDE = "https://github.com/cloudpeer/atlas/blob/main/docs/guides/no_traffic.md"
# Shown with every result.
LIMIT = (
    "Atlas's own routes and security groups cannot be seen. This is what the settings on both sides allow, "
    "and not a measurement; atlas_probe measures from a host in your network."
)
# The worst first.
VERDICTS = {"not_reachable": "not reachable", "unknown": "unknown", "reachable_by_design": "reachable by design"}
# Where a drawing shows a finding that is about no subnet: by the first digit of its code (VPC by default), with exceptions.
CONNECTION, CONTAINER, VPC = "connection", "container", "vpc"
_PLACES = {"1": CONNECTION, "2": CONTAINER, "3": CONTAINER, "4": CONNECTION}
_OF_CONTAINER = {"P104", "P105", "P106"}
_OF_NETWORK = {"A403"}
# The column titles of a table with several clouds.
ANY = ("network", "where")
# Marks a connection of a network that has several.
_IS_ONE_OF_SEVERAL = "is_one_of_several"
# Stands for the project where Atlas was not read.
NO_PROJECT = "no project"

Result = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Finding:
    """A finding on one connection, for display: what could not be read for one cause is one finding, whichever checks need it.

    Attributes:
        number: Its number within the connection, from 1.
        codes: The codes of the checks; several for what could not be read.
        severity: One of SEVERITIES.
        subject: What it is about; empty if the message already says so.
        message: What was found.
        fix: What to do; empty for nothing.
        evidence: The values behind it.
        group: The number of its group; None if there is none.
        is_shared: Whether other connections have the same finding, with the same message and advice.
        places: Where a drawing shows it: the ids of subnets, or one of CONNECTION, CONTAINER and VPC.
        owner: Who can do it; empty if that is not known.
        commands: Lines for the cloud's own tool that do it.
    """

    number: int
    codes: tuple[str, ...]
    severity: str
    subject: str
    message: str
    fix: str
    evidence: t.Mapping[str, object]
    group: int | None
    is_shared: bool
    places: tuple[str, ...]
    owner: str = ""
    commands: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The first code."""
        return self.codes[0]


@dataclass(frozen=True)
class Connection:
    """A connection, for display.

    Attributes:
        number: Its number within the result, from 1.
        result: Its fields in the result.
        project: What to call its project; empty if that is not known.
        verdict: The verdict, in words.
        subnets: The checked subnets, as in the result, sorted by block.
        findings: The findings, the worst first.
        counts: The number of findings by severity, the worst first; without severities that do not occur.
        ok: The codes of the checks that found nothing.
        skipped: The checks that had nothing to judge, as in the result.
    """

    number: int
    result: Result
    project: str
    verdict: str
    subnets: tuple[Result, ...]
    findings: tuple[Finding, ...]
    counts: t.Mapping[str, int]
    ok: tuple[str, ...]
    skipped: tuple[Result, ...]

    @property
    def cloud(self) -> Cloud:
        """Its cloud."""
        return CLOUDS[self.result["provider_name"]]

    @property
    def place(self) -> str:
        """Where its network is, as far as known: the account and region in AWS, and the like in other clouds."""
        return ", ".join(filter(None, (self.result[name] for name in self.cloud.places)))

    @property
    def place_noun(self) -> str:
        """The noun for `place`."""
        return " and ".join(self.cloud.places.values())

    @property
    def title(self) -> str:
        """Its network: the id of a VPC, or the name with the noun before it."""
        return _title_of(self.result)

    @property
    def name(self) -> str:
        """The tag Name of its VPC; empty if it has none."""
        return self.result.get("vpc_name") or ""

    @property
    def id(self) -> str | None:
        """Its id in the customer's cloud or, if there are none there, in Atlas; None if unknown."""
        found: str | None = self.result[self.cloud.accepted_id or "peer_id"]
        return found

    @property
    def id_noun(self) -> str:
        """The noun for `id`."""
        return f"id in {'Atlas' if self.cloud.accepted_id is None else self.cloud.name}"

    @property
    def state(self) -> str:
        """Its state in Atlas, with the reason of one that has failed; empty if it is not known."""
        return ", ".join(filter(None, (self.result.get(name) for name in ("status_name", "error_state_name"))))


@dataclass(frozen=True)
class Place:
    """A connection that a group of findings holds for.

    Attributes:
        project: What to call the project.
        suite: The name and the id of the project.
        title: The network.
        connection: The connection; None if it was not read this time.
        subjects: What the findings are about in it, each with the name of a subnet or nothing; without the network itself.
        is_new: Whether they are new here, and known elsewhere.
        commands: Lines for the cloud's own tool that do something about them here.
    """

    project: str
    suite: str
    title: str
    connection: Connection | None
    subjects: tuple[tuple[str, str], ...]
    is_new: bool
    commands: tuple[str, ...] = ()

    @property
    def about(self) -> tuple[str, ...]:
        """The subjects, as texts."""
        return tuple(f"{subject} ({name})" if name else subject for subject, name in self.subjects)

    @property
    def network(self) -> str:
        """The network, with its name."""
        name = self.connection.name if self.connection else ""
        return f"{self.title} ({name})" if name else self.title


@dataclass(frozen=True)
class Group:
    """The findings that say the same of several connections.

    Attributes:
        number: Its number within the result, from 1.
        codes: The codes of the checks; several for what could not be read.
        severity: One of SEVERITIES.
        message: What was found.
        fix: What to do; empty for nothing.
        history: What an earlier report knows of it, in a sentence; empty for nothing.
        places: The connections, each once.
        projects: The number of projects.
        names: What the findings are about, such as tables and clusters, each once; without the connections themselves.
        owner: Who can do something about them; empty if that is not known.
    """

    number: int
    codes: tuple[str, ...]
    severity: str
    message: str
    fix: str
    history: str
    places: tuple[Place, ...]
    projects: int
    names: tuple[str, ...]
    owner: str = ""

    @property
    def code(self) -> str:
        """The first code."""
        return self.codes[0]

    @property
    def subject(self) -> str:
        """What the findings are about, if it is the same everywhere and the message does not name it; or else empty."""
        subjects = {tuple(subject for subject, _name in place.subjects) for place in self.places}
        (only,) = min(subjects) if len(subjects) == 1 and len(min(subjects)) == 1 else ("",)
        return "" if only in self.message else only

    @property
    def texts(self) -> list[tuple[str, str]]:
        """Messages with what to do: of one connection with several of these findings, each with its own names."""
        connection = self.places[0].connection if len(self.places) == 1 else None
        own = [one for one in connection.findings if one.group == self.number] if connection else []
        if len({(one.message, one.fix) for one in own}) > 1:
            return list(dict.fromkeys((_about(one.subject, one.message), one.fix) for one in own))
        return [(_about(self.subject, self.message), self.fix)]


@dataclass(frozen=True)
class Project:
    """A project of a result with several.

    Attributes:
        number: Its number within the result, from 1.
        first: The number of its worst connection; None if it has no connection.
        result: Its fields in the result.
        verdict: The verdict, in words.
        counts: The number of findings by severity, the worst first.
    """

    number: int
    first: int | None
    result: Result
    verdict: str
    counts: t.Mapping[str, int]

    @property
    def states(self) -> str:
        """The states of its connections in Atlas, with their numbers."""
        return ", ".join(f"{count} {state}" for state, count in self.result["states"].items() if count)


@dataclass(frozen=True)
class Check:
    """A result, for display.

    Attributes:
        verdict: The verdict in words.
        summary: One sentence or two.
        connections: All connections, the worst first.
        not_looked_at: What was not looked at, in sentences.
        groups: The findings of all connections, the worst first.
        projects: The projects that were read, the worst first; empty if the task is about one.
        failures: The projects that could not be read, as in the result.
        organizations: The ids of the organizations of several projects, as far as they are known.
    """

    verdict: str
    summary: str
    connections: tuple[Connection, ...]
    not_looked_at: tuple[str, ...]
    groups: tuple[Group, ...]
    projects: tuple[Project, ...]
    failures: tuple[Result, ...]
    organizations: frozenset[str] = frozenset()

    @property
    def about(self) -> str:
        """What the check reads: `139 projects of organization …`, or `1 project: …`; empty if no project is known."""
        projects = [
            suite_of({**one.result, "group_id": one.result["id"], "project_name": one.result["name"]}) for one in self.projects
        ]
        projects = [*projects, *map(suite_of, self.failures)] if self.is_many else [self.project] if self.project else []
        if len(projects) == 1:
            return f"1 project: {projects[0]}"
        known = sorted(self.organizations)
        organizations = f" of organization {known[0]}" if len(known) == 1 else f" of {len(known)} organizations" if known else ""
        return f"{len(projects)} projects{organizations}" if projects else ""

    @property
    def is_many(self) -> bool:
        """Whether several projects were read."""
        return bool(self.projects or self.failures)

    @property
    def project(self) -> str:
        """The name and the id of the only project; empty if there are several, or it is not known."""
        suite = suite_of(self.connections[0].result) if self.connections and not self.is_many else NO_PROJECT
        return "" if suite == NO_PROJECT else suite

    @property
    def has_groups(self) -> bool:
        """Whether findings are listed for all connections. Those of the only one stand there, unless there is more to say."""
        return bool(self.groups) and (len(self.connections) != 1 or any(one.history for one in self.groups))

    @property
    def owners(self) -> tuple[str, ...]:
        """Who can do something about the findings, each once, in the order of the findings."""
        return tuple(dict.fromkeys(one.owner for one in self.groups))

    @property
    def head(self) -> tuple[str, str]:
        """The titles of the columns for networks and their places."""
        heads = {(connection.cloud.noun, connection.place_noun) for connection in self.connections}
        return heads.pop() if len(heads) == 1 else ANY

    @property
    def verdicts(self) -> dict[str, int]:
        """The number of connections by verdict, the worst first."""
        counted = Counter(one.result["verdict"] for one in self.connections)
        return {verdict: counted[verdict] for verdict in VERDICTS}


def view_of(peering_check: Result, moment: str = "") -> Check:
    """Return the view of the field `peering_check` of a result, with control characters escaped: texts come from other people.

    Args:
        peering_check: The field.
        moment: When it is shown, in UTC, as results have it. Findings of earlier days say since when they are known.
    """
    peering_check = _visible({**peering_check, "connections": [_without_others(one) for one in peering_check["connections"]]})
    _mark_several(peering_check)
    findings = peering_check["findings"]
    _hand_over(peering_check)
    groups = {
        (code, one["severity"], where["subject"], *_key_of(where)): number
        for number, one in enumerate(findings, start=1)
        for code in one["codes"]
        for where in one["connections"]
    }
    uses = Counter(text for one in peering_check["connections"] for text in {_text_of(check) for check in one["checks"]})
    shared = _shared_names(peering_check)
    ordered = sorted(peering_check["connections"], key=_badness_of)
    connections = tuple(_connection(number, one, groups, uses, shared) for number, one in enumerate(ordered, start=1))
    by_key = {_key_of(one.result): one for one in reversed(connections)}
    failures = tuple(peering_check.get("failures") or ())
    return Check(
        VERDICTS[peering_check["verdict"]],
        peering_check["summary"],
        connections,
        tuple(peering_check["not_looked_at"]),
        tuple(_group(number, one, by_key, moment, shared) for number, one in enumerate(findings, start=1)),
        _projects(peering_check.get("projects") or (), failures, connections),
        failures,
        frozenset(one["org_id"] for one in peering_check.get("projects") or () if one["org_id"]),
    )


def _hand_over(peering_check: t.Any) -> None:
    """Give what the checks have found on a connection its owner and its lines, which the findings of all connections have."""
    known = {
        (code, one["severity"], where["subject"], *_key_of(where)): where
        for one in peering_check["findings"]
        for code in one["codes"]
        for where in one["connections"]
    }
    for one in peering_check["connections"]:
        for check in one["checks"]:
            where = known.get((check["code"], check["severity"], check["subject"], *_key_of(one)), {})
            check.update(owner=where.get("owner", ""), commands=where.get("commands", ()))


def in_words(moment: str) -> str:
    """Return a moment of a result for people: 2026-11-28T09:30:00Z as 2026-11-28 09:30 UTC."""
    return f"{moment[:10]} {moment[11:16]} UTC"


def shortened(names: t.Sequence[str], most: int) -> str:
    """Return a list of names in words; only the first ones if there are more than `most`."""
    shown = [*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])]
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1] if shown else "")))


def count(number: int, noun: str) -> str:
    """Return a number with a noun, which gets an s unless it is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def also(group: Group) -> str:
    """Return a sentence about the other checks of a group; empty if there are none."""
    return f" {len(group.codes)} checks need this." if len(group.codes) > 1 else ""


def subjects_of(place: Place, group: Group) -> list[tuple[str, str]]:
    """Return what findings are about at a place and their message does not say; with names of subnets in any case."""
    return [(one, name) for one, name in place.subjects if name or (one != group.subject and one not in group.message)]


def link_of(code: str) -> str:
    """Return the URL of a code in the guide."""
    return f"{GUIDE}#{code.lower()}"


def suite_of(result: Result) -> str:
    """Return the name and the id of the project of a connection, as far as they are known."""
    name, group_id = result.get("project_name"), result.get("group_id")
    return f"{name} ({group_id})" if name and group_id else group_id or NO_PROJECT


def _about(subject: str, message: str) -> str:
    return f"{subject}: {message}" if subject else message


def _without_others(result: Result) -> Result:
    """Return a connection without the networks that its checks name of all others with the same finding, which groups have."""
    checks = [{name: value for name, value in one.items() if name != "connections"} for one in result["checks"]]
    return {**result, "checks": checks}


def _visible(value: object) -> t.Any:
    if isinstance(value, t.Mapping):
        return {_visible(key): _visible(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_visible(one) for one in value]
    return visible(value) if isinstance(value, str) else value


def _title_of(result: Result) -> str:
    """Return the network of a connection; of several connections of one network, with the region that each leads to."""
    cloud = CLOUDS[result["provider_name"]]
    title = cloud.title(result[cloud.network])
    region = result.get("container_region") if result.get(_IS_ONE_OF_SEVERAL) else None
    return f"{title} to {region}" if region else title


def _mark_several(peering_check: t.Any) -> None:
    """Mark the connections of networks that have several, in the list of connections and in findings."""
    places = [*peering_check["connections"], *(place for one in peering_check["findings"] for place in one["connections"])]
    containers: dict[tuple[t.Any, ...], set[str | None]] = {}
    for one in places:
        containers.setdefault(network_of(one), set()).add(one["container_id"])
    for one in places:
        one[_IS_ONE_OF_SEVERAL] = len(containers[network_of(one)] - {None}) > 1


def _shared_names(peering_check: Result) -> frozenset[str]:
    """Return the names that several projects have, in different organizations."""
    rows = [
        *(place for one in peering_check["findings"] for place in one["connections"]),
        *({"group_id": one["id"], "project_name": one["name"]} for one in peering_check.get("projects") or ()),
        *(peering_check.get("failures") or ()),
        *peering_check["connections"],
    ]
    named = {(_project_of(one, frozenset()), one["group_id"]) for one in rows}
    counted = Counter(name for name, _group_id in named)
    return frozenset(name for name, number in counted.items() if number > 1)


def _project_of(result: Result, shared: t.Container[str]) -> str:
    """Return what to call a project: its name, with the id if others have that name, or else the id."""
    name, group_id = result["project_name"], result["group_id"]
    if not name:
        return group_id or ""
    return f"{name} ({group_id})" if name in shared else str(name)


def _key_of(result: Result) -> tuple[object, ...]:
    """Return what identifies a connection, in the list of connections and in findings."""
    network = CLOUDS[result["provider_name"]].network
    return tuple(result.get(name) for name in ("group_id", "peer_id", "container_id", network))


def _text_of(check: Result) -> tuple[str, ...]:
    """Return what is alike in equal findings on several connections."""
    return tuple(check[name] for name in ("code", "severity", "subject", "message", "fix"))


def _badness_of(result: Result) -> tuple[int, ...]:
    """Return the sort key of a connection: the worst come first, by verdict and by the numbers of findings."""
    counted = Counter(check["severity"] for check in result["checks"])
    return (list(VERDICTS).index(result["verdict"]), *(-counted[severity] for severity in SEVERITIES))


def _connection(
    number: int,
    result: Result,
    groups: t.Mapping[tuple[object, ...], int],
    uses: t.Mapping[tuple[str, ...], int],
    shared: t.Container[str],
) -> Connection:
    checks = result["checks"]
    found = sorted((one for one in checks if one["severity"] in SEVERITIES), key=lambda one: SEVERITIES.index(one["severity"]))
    subnets = sorted(result["subnets"], key=_order_of)
    ids = [subnet["subnet_id"] for subnet in subnets]
    findings = []
    for place, alike in enumerate(_together(found), start=1):
        check = alike[0]
        group = groups.get((check["code"], check["severity"], check["subject"], *_key_of(result)))
        findings.append(_finding(place, alike, ids, group, is_shared=uses[_text_of(check)] > 1))
    counted = Counter(one.severity for one in findings)
    return Connection(
        number,
        result,
        _project_of(result, shared),
        VERDICTS[result["verdict"]],
        tuple(subnets),
        tuple(findings),
        {severity: counted[severity] for severity in SEVERITIES if counted[severity]},
        tuple(dict.fromkeys(one["code"] for one in checks if one["severity"] == "ok")),
        tuple(one for one in checks if one["severity"] == "skipped"),
    )


def _order_of(subnet: Result) -> tuple[bool, ipaddress.IPv4Network, str]:
    """Return the sort key of a subnet: by IPv4 block; those with IPv6 only come last."""
    block = subnet["cidr_block"]
    return block is None, ipaddress.IPv4Network(block or "0.0.0.0/0"), subnet["subnet_id"]


def _together(checks: t.Iterable[Result]) -> list[list[Result]]:
    """Return what checks have found, where what could not be read for one cause is together."""
    found: dict[tuple[object, ...], list[Result]] = {}
    for number, one in enumerate(checks):
        cause = (one["subject"], one["message"], one["fix"]) if one["severity"] == "unknown" else (number,)
        found.setdefault(cause, []).append(one)
    return list(found.values())


def _finding(number: int, alike: t.Sequence[Result], subnets: t.Sequence[str], group: int | None, *, is_shared: bool) -> Finding:
    check = alike[0]
    return Finding(
        number,
        tuple(dict.fromkeys(one["code"] for one in alike)),
        check["severity"],
        "" if check["subject"] in check["message"] else check["subject"],
        check["message"],
        check["fix"],
        check["evidence"],
        group,
        is_shared,
        tuple(dict.fromkeys(place for one in alike for place in _places_of(one, subnets))),
        check["owner"],
        tuple(check["commands"]),
    )


def _places_of(check: Result, subnets: t.Sequence[str]) -> tuple[str, ...]:
    """Return where a drawing shows what a check has found."""
    place = CONTAINER if check["code"] in _OF_CONTAINER else _PLACES.get(check["code"][1], VPC)
    place = VPC if check["code"] in _OF_NETWORK else place
    # Findings about a route table, network ACL or access list name the subnets concerned in their evidence.
    evidence = check["evidence"]
    concerned = {check["subject"], *(evidence.get("subnet_ids") or ()), *(evidence.get("subnets") or ())}
    places = tuple(subnet_id for subnet_id in subnets if subnet_id in concerned)
    # A finding about all of several subnets is shown once, at the place of its code.
    return places if places and (len(places) < len(subnets) or len(subnets) == 1) else (place,)


def _group(
    number: int,
    found: Result,
    connections: t.Mapping[tuple[object, ...], Connection],
    moment: str,
    shared: t.Container[str],
) -> Group:
    together: dict[tuple[object, ...], list[Result]] = {}
    for one in found["connections"]:
        together.setdefault(_key_of(one), []).append(one)
    is_partly_new = found["is_new"] and not all(one["is_new"] for one in found["connections"])
    places = [
        _place(listed, connections.get(key), shared, is_new=is_partly_new and any(one["is_new"] for one in listed))
        for key, listed in together.items()
    ]
    return Group(
        number,
        tuple(found["codes"]),
        found["severity"],
        found["message"],
        found["fix"],
        _history_of(found, moment, is_partly_new=is_partly_new),
        tuple(sorted(places, key=lambda one: not one.is_new)),
        len({one["group_id"] for one in found["connections"]}),
        tuple(dict.fromkeys(name for one in found["connections"] if (name := one["subject"]) not in _names_of(one))),
        found.get("owner", ""),
    )


def _names_of(one: Result) -> tuple[str | None, ...]:
    """Return the names of a connection, and the subjects that are no names."""
    cloud = CLOUDS[one["provider_name"]]
    names = ("peer_id", "container_id", cloud.accepted_id or "", cloud.network)
    return (*(one.get(name) for name in names), *COMMON_SUBJECTS)


def _history_of(found: Result, moment: str, *, is_partly_new: bool) -> str:
    day = found["first_seen"][: len("2026-11-28")]
    if found["is_kept"]:
        return f"It was so before, since {day}, and could not be read now."
    if is_partly_new:
        return f"Partly new; the rest is known since {day}."
    return "This is new." if found["is_new"] else f"Since {day}." if day < moment[: len(day)] else ""


def _place(listed: t.Sequence[Result], connection: Connection | None, shared: t.Container[str], *, is_new: bool) -> Place:
    """Return the place of findings on one connection."""
    one = listed[0]
    network = one[CLOUDS[one["provider_name"]].network]
    names = {subnet["subnet_id"]: subnet["subnet_name"] for subnet in connection.subnets} if connection else {}
    ids = dict.fromkeys(name for each in listed for name in (each["subject"], *(each["subnet_ids"] or ())) if name != network)
    subjects = tuple((name, names.get(name) or "") for name in ids)
    commands = tuple(dict.fromkeys(line for each in listed for line in each.get("commands", ())))
    return Place(_project_of(one, shared), suite_of(one), _title_of(one), connection, subjects, is_new, commands)


def _projects(
    projects: t.Iterable[Result], failures: t.Sequence[Result], connections: t.Sequence[Connection]
) -> tuple[Project, ...]:
    unread = {one["group_id"] for one in failures}
    counted: dict[str, Counter[str]] = {}
    first: dict[str, int] = {}
    for one in connections:
        counted.setdefault(one.result["group_id"], Counter()).update(one.counts)
        first.setdefault(one.result["group_id"], one.number)
    nothing: Counter[str] = Counter()
    read = [one for one in projects if one["id"] not in unread]

    def badness(one: Result) -> tuple[object, ...]:
        found = counted.get(one["id"], nothing)
        # A project of which no connection was judged is as good as any.
        verdict = len(VERDICTS) if one["verdict"] is None else list(VERDICTS).index(one["verdict"])
        return (verdict, *(-found[severity] for severity in SEVERITIES), one["name"] or "")

    return tuple(
        Project(
            number,
            first.get(one["id"]),
            one,
            VERDICTS.get(one["verdict"], "not checked" if one["count"] else "no connection"),
            {severity: n for severity in SEVERITIES if (n := counted.get(one["id"], nothing)[severity])},
        )
        for number, one in enumerate(sorted(read, key=badness), start=1)
    )
