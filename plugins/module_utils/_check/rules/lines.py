# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines for the tools of clouds that carry out a fix, to hand over: with all names in them, quoted for a shell.

A line is a tuple of one; it is empty if a name is not known, or is one that a tool or a terminal takes for something else.
Sources: the AWS CLI's reference of ec2 and route53resolver, that of az network and az resource, and that of gcloud compute.
"""

from __future__ import annotations

import itertools
import re
import shlex
import typing as t

from ..facts import ConnectionFacts

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
