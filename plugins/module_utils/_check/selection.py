# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the options ask about each VPC: ids count for the VPC that has them, and one that none has is a failure. Pure."""

from __future__ import annotations

import ipaddress
import typing as t

from .._aws.survey import Survey
from .._engine.options import Parameters
from .._http.errors import InvalidOptionError, TaskError
from .atlas_half import AtlasReading
from .facts import Asked, Facts, Missing, Unread

# The kind of object that each option names, and which of its fields has the id.
_KINDS = {"subnet_ids": ("subnets", "id"), "security_group_ids": ("groups", "id"), "instance_ids": ("interfaces", "instance_id")}
Surveys = t.Sequence[t.Union[Survey, TaskError, None]]


class Question:
    """What the options ask, over all connections.

    Args:
        params: The options.
        surveys: What was read of AWS, for each connection.
        vpc_ids: The VPC of each connection.
        reading: What was read of Atlas; None if its half is off.
    """

    def __init__(self, params: Parameters, surveys: Surveys, vpc_ids: t.Sequence[str], reading: AtlasReading | None) -> None:
        self._params = params
        self._vpc_ids = set(vpc_ids)
        self._reading = reading
        self._surveys = list(dict.fromkeys(one for one in surveys if isinstance(one, Survey)))
        self._has_unread = any(isinstance(one, TaskError) for one in surveys)
        # By option, the VPC of each id that AWS has shown.
        self._places = {option: self._find(*_KINDS[option]) for option in _KINDS}

    def _find(self, kind: str, field: str) -> dict[str, str]:
        answers = [survey.answers.get((kind,), []) for survey in self._surveys]
        found = [one for answer in answers if not isinstance(answer, TaskError) for one in answer]
        return {getattr(one, field): one.vpc_id for one in found if one.vpc_id in self._vpc_ids}

    def check(self) -> None:
        """Check that each id and each name was found.

        Raises:
            InvalidOptionError: If one was not, although everything that could have it was read.
        """
        for option, (kind, unused) in _KINDS.items():
            is_read = not self._has_unread and not any(isinstance(one.answers.get((kind,)), TaskError) for one in self._surveys)
            unknown = [one for one in self._params[option] or () if one not in self._places[option]]
            if unknown and is_read:
                raise InvalidOptionError(
                    f"{option}: {', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} in none of "
                    f"{', '.join(sorted(self._vpc_ids)) or 'the VPCs, of which there are none'}.",
                    hint=f"Correct {option}, or check that the credentials and the region are those of the VPC.",
                )
        self._check_clusters()

    def _check_clusters(self) -> None:
        named, reading = self._params["clusters"], self._reading
        lists = [reading.clusters, reading.flex_clusters or []] if reading is not None else []
        if not named or any(isinstance(one, TaskError) for one in lists):
            return
        names = [cluster["name"] for one in lists for cluster in one]
        unknown = [one for one in named if one not in names]
        if unknown:
            raise InvalidOptionError(
                f"clusters: project {self._params['group_id']} has no {', '.join(unknown)}.",
                hint=f"It has {', '.join(sorted(names))}." if names else "It has no clusters.",
            )

    def about(self, vpc_id: str, blocks: t.Sequence[str]) -> Asked:
        """Return what is asked about one network.

        Args:
            vpc_id: The VPC; empty for a network of another cloud.
            blocks: The blocks of the other networks: clients in them are not meant here.
        """
        params = self._params
        others = [ipaddress.IPv4Network(block) for block in blocks]
        networks = map(ipaddress.IPv4Network, params["client_cidr_blocks"] or ())
        clients = [str(one) for one in networks if not any(one.subnet_of(other) for other in others)]
        return Asked(
            **{option: self._ids(option, vpc_id) for option in _KINDS},
            clusters=_or_none(params["clusters"]),
            client_cidr_blocks=_or_none(clients),
            probes=_or_none(params["probes"]),
        )

    def _ids(self, option: str, vpc_id: str) -> tuple[str, ...] | None:
        """Return the ids of an option that are in a VPC, or that may be, since nobody could read where they are."""
        places = self._places[option]
        if not vpc_id:
            return None
        return _or_none([one for one in self._params[option] or () if places.get(one, vpc_id) == vpc_id])


def _or_none(values: t.Sequence[t.Any] | None) -> tuple[t.Any, ...] | None:
    return tuple(values) if values else None


def check_tables(params: Parameters, found: t.Sequence[Facts]) -> None:
    """Check that the tables of each entry are tables of its VPC.

    Args:
        params: The options.
        found: The facts on all connections.

    Raises:
        InvalidOptionError: If one is not, although all tables of the VPC were read.
    """
    for index, entry in enumerate(params["connections"] or ()):
        vpc_id, named = entry["vpc_id"] or "", tuple(entry["route_table_ids"] or ())
        answers = [one.aws.route_tables for one in found if (one.entry.vpc_id, one.entry.route_table_ids) == (vpc_id, named)]
        read = [answer for answer in answers if not isinstance(answer, (Missing, Unread))]
        known_ids = {table.id for answer in read for table in answer}
        unknown = [one for one in named if one not in known_ids]
        # Without the VPC there are no tables, and P404 tells it.
        if unknown and len(read) == len(answers):
            option = f"connections[{index}].route_table_ids"
            are = "is no route table" if len(unknown) == 1 else "are no route tables"
            raise InvalidOptionError(f"{option}: {', '.join(unknown)} {are} of {vpc_id}.", hint=f"Correct {option}.")
