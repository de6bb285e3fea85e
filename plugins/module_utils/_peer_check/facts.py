# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""All facts on each connection: Atlas's half and AWS's, and what is read last because the others tell that it matters."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import Vpc
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.survey.survey import Survey
from ansible_collections.cloudpeer.atlas.plugins.module_utils._checks.coverage import deciding_entries
from ansible_collections.cloudpeer.atlas.plugins.module_utils._checks.facts import (
    AtlasFacts,
    AwsFacts,
    Fact,
    Facts,
    Missing,
    SkippedError,
    Unread,
    UnreadError,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._checks.judge import own_dns_servers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.access_entries import key_of

from .answers import to_fact
from .asked import Question, Surveys, check_tables
from .atlas import AtlasReader, AtlasReading
from .aws_facts import to_aws_facts
from .connections import ATLAS_OFF, Connection

AWS_OFF = Missing("AWS was not read: aws is false.")
_NO_FLEX = Missing("There are dedicated clusters, so Flex clusters were not read.")
_NO_OTHERS = Missing("group_ids names no other project.")
_NO_CUSTOM_DNS = Missing("The VPC has no DNS servers of its own, so it does not matter whether custom DNS is enabled.")


def make_facts(
    params: Parameters,
    connections: t.Sequence[Connection],
    reading: AtlasReading | None,
    surveys: Surveys,
    now: datetime.datetime,
) -> list[Facts]:
    """Return the facts on each connection, without what is read last.

    Args:
        params: The options.
        connections: The connections.
        reading: What was read of Atlas; None if its half is off.
        surveys: What was read of AWS for each connection; None if its half is off.
        now: The time.

    Raises:
        InvalidOptionError: If an option names something that there is not.
    """
    question = Question(params, surveys, [one.entry.vpc_id for one in connections], reading)
    question.check()
    found = []
    for connection, survey in zip(connections, surveys):
        entry, aws = connection.entry, _to_aws(survey, connection)
        if isinstance(survey, Survey):
            entry = replace(entry, region=survey.session.region)
        found.append(Facts(entry, now, _to_atlas(reading, connection), aws))
    check_tables(params, found)
    blocks = {one.entry.vpc_id: one.aws.vpc.cidr_blocks for one in found if isinstance(one.aws.vpc, Vpc)}
    return [
        replace(
            one,
            asked=question.about(
                one.entry.vpc_id,
                [block for vpc_id, their in blocks.items() if vpc_id != one.entry.vpc_id for block in their],
            ),
        )
        for one in found
    ]


def _to_aws(survey: t.Any, connection: Connection) -> AwsFacts:
    if survey is None:
        return AwsFacts.none(AWS_OFF)
    if not isinstance(survey, Survey):
        return AwsFacts.none(to_fact(survey))
    peer = connection.peer
    connection_id = connection.entry.connection_id if isinstance(peer, Missing) else None
    if peer is not None and not isinstance(peer, (Missing, Unread)):
        connection_id = peer["connection_id"]
    return to_aws_facts(survey, connection.entry.vpc_id, connection_id)


def _to_atlas(reading: AtlasReading | None, connection: Connection) -> AtlasFacts:
    if reading is None:
        return AtlasFacts.none(ATLAS_OFF)
    vpc_id = connection.entry.vpc_id
    others = {
        # P106 has its own advice: the usual one is about group_id.
        group_id: Unread(answer.without_hint)
        if isinstance(answer, AtlasError)
        else [one for one in answer if one["vpc_id"] == vpc_id]
        for group_id, answer in reading.others.items()
    }
    return AtlasFacts(
        peer=connection.peer,
        peers=to_fact(reading.peers),
        container=connection.container,
        containers=to_fact(reading.containers),
        access_list=to_fact(reading.access_list),
        access_status={},
        clusters=to_fact(reading.clusters),
        flex_clusters=_NO_FLEX if reading.flex_clusters is None else to_fact(reading.flex_clusters),
        custom_dns=_NO_CUSTOM_DNS,
        other_projects=others or _NO_OTHERS,
    )


def read_rest(facts: t.Sequence[Facts], reader: AtlasReader) -> list[Facts]:
    """Return facts with what only some connections need: the statuses of entries that decide, and custom DNS."""
    named = list(dict.fromkeys(str(key_of(entry)) for one in facts for entry in deciding_entries(one)))
    statuses: dict[str, Fact[str]] = (
        {key: to_fact(answer) for key, answer in reader.read_statuses(named).items()} if named else {}
    )
    dns: Fact[bool] = to_fact(reader.read_custom_dns()) if any(map(_has_own_servers, facts)) else _NO_CUSTOM_DNS
    return [replace(one, atlas=replace(one.atlas, access_status=statuses, custom_dns=dns)) for one in facts]


def _has_own_servers(facts: Facts) -> bool:
    try:
        return bool(own_dns_servers(facts))
    except (SkippedError, UnreadError):
        return False
