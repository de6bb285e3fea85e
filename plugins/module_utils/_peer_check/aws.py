# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading AWS's half: one survey for each account and region, whichever connections are in it."""

from __future__ import annotations

import typing as t
from functools import partial

from .._aws.errors import NoRegionError
from .._aws.survey import READERS, Survey, carry_out
from .._engine.options import Parameters
from .._http.errors import AtlasError
from .._http.threads import Workers
from .atlas import AtlasReading
from .connections import Connection
from .session import CheckSession

Credentials = frozenset[tuple[str, t.Any]]


def read_aws(
    session: CheckSession, params: Parameters, connections: t.Sequence[Connection], reading: AtlasReading | None
) -> list[Survey | AtlasError]:
    """Return what was read of AWS for each connection, in their order; those of an account and region share one survey.

    Raises:
        AtlasError: If nothing could be read at all.
    """
    together: dict[Credentials, list[Connection]] = {}
    for one in connections:
        together.setdefault(_key(one), []).append(one)
    surveys: dict[Credentials, Survey | AtlasError] = {}
    # What of Atlas tells the region of a VPC whose entry does not.
    telling = (reading.peers, reading.containers) if reading is not None else ()
    causes = [one for one in telling if isinstance(one, AtlasError)]
    with Workers[Credentials, Survey](READERS) as workers:
        for key, ones in together.items():
            workers.submit(key, partial(_open, session, params, ones, reading))
        for ended in workers.results():
            try:
                surveys[ended.key] = ended.result()
            except AtlasError as error:
                surveys[ended.key] = causes[0] if causes and isinstance(error, NoRegionError) else error
    carry_out([one for one in surveys.values() if isinstance(one, Survey)])
    failures = [_failure_of(surveys[key]) for key in together if surveys[key] not in causes]
    if failures and all(failures):
        raise t.cast("AtlasError", failures[0])
    return [surveys[_key(one)] for one in connections]


def _key(connection: Connection) -> Credentials:
    return frozenset(connection.credentials.items())


def _open(session: CheckSession, params: Parameters, connections: t.Sequence[Connection], reading: AtlasReading | None) -> Survey:
    aws = session.open_aws(connections[0].credentials)
    entries = reading.access_list if reading is not None and not isinstance(reading.access_list, AtlasError) else ()
    named = [*(one.entry.aws_security_group for one in connections), *(one["aws_security_group"] for one in entries)]
    group_ids = {name.rpartition("/")[2] for name in named if name} | set(params["security_group_ids"] or ())
    vpc_ids = {one.entry.vpc_id for one in connections}
    return Survey(aws, vpc_ids, group_ids=group_ids, instance_ids=params["instance_ids"] or ())


def _failure_of(survey: Survey | AtlasError) -> AtlasError | None:
    """Return why nothing could be read; None if something could."""
    if isinstance(survey, AtlasError):
        return survey
    # Whose the credentials are is nothing yet.
    answers = [answer for key, answer in survey.answers.items() if key != ("account",)]
    failures = [one for one in answers if isinstance(one, AtlasError)]
    return failures[0] if len(failures) == len(answers) else None
