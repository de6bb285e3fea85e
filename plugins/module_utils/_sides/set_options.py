# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a declared list: its entries, and the patterns of connections to ignore."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import replace

from .._clouds.aws import AWS, to_cloud_region
from .._clouds.cloud import Cloud
from .._clouds.clouds import CLOUD_OPTIONS, CLOUDS, to_clouds
from .._engine.entry import Entry, each_problem, join_problems
from .._engine.options import Parameters, parse_values, parts_of_whole
from .._entries.parser import EntryParser, EntryValues, PeerEntry, short_name
from .._entries.table import SETS, list_option, used_by
from .._http.errors import InvalidOptionError, TaskError, as_option
from .._values.ids import parse_object_id
from .._values.patterns import Fits, Forms, InvalidValueError, Parse, Pattern, fits_in_any_case, fits_text
from .options import choose_provider, no_region_error

_ALL = (*CLOUDS.values(),)
SAME_CONTAINER = "Both have the same network container: declare it once."
# The option `peers` in the argument spec.
PEERS = list_option(SETS, required=True)
GOALS: list[str] = used_by(SETS)["wait_for"].spec["choices"]


def _parse_word(value: str) -> str:
    if not re.fullmatch("[A-Z_]+", value):
        raise InvalidValueError(f"is not a value of Atlas: {value!r}", "Write it in capital letters, such as AVAILABLE.")
    return value


_CLOUD_FORMS = {name: form for cloud in _ALL for name, form in cloud.forms.items()}
_LAST = [cloud.region for cloud in _ALL if cloud.region is not None]
# The fields of results of all clouds, each with the parser of its values.
PATTERN_FORMS: dict[str, Parse] = {
    "id": parse_object_id,
    **{name: _CLOUD_FORMS[name] for cloud in _ALL for name in cloud.read_only if name in _CLOUD_FORMS},
    **{name: _CLOUD_FORMS[name] for cloud in _ALL for name in cloud.own_fields if name not in _LAST},
    "container_id": parse_object_id,
    **{name: _CLOUD_FORMS[name] for name in _LAST},
    **dict.fromkeys(("status_name", "error_state_name", "provider_name"), _parse_word),
}


def pattern_forms(provider_name: str | None) -> Forms:
    """Return the fields that patterns may have, each with the parser of its values; None for any text.

    Args:
        provider_name: The option. On some clouds, `error_state_name` is free text instead of a code.
    """
    are_codes = all(cloud.has_error_codes for cloud in to_clouds(provider_name))
    return PATTERN_FORMS if are_codes else {**PATTERN_FORMS, "error_state_name": None}


def _fits_shown(value: t.Any, text: str) -> bool:
    """Whether a value that every connection has fits a text; a value that Atlas does not show may fit."""
    return value is None or fits_text(value, text)


def _fits_region(value: t.Any, text: str) -> bool:
    return _fits_shown(value and to_cloud_region(str(value)), to_cloud_region(text))


# The fields that patterns do not compare as plain texts.
PATTERN_FITS: t.Mapping[str, Fits] = {
    **{name: fits_in_any_case for cloud in _ALL if cloud.ignores_case for name in cloud.own_fields},
    **dict.fromkeys(_LAST, _fits_region),
    "container_id": _fits_shown,
}


def is_about(pattern: Pattern, clouds: t.Container[Cloud]) -> bool:
    """Whether a pattern can be about a connection with one of some clouds, or about none at all; False for other clouds."""
    possible = [
        cloud
        for cloud in _ALL
        if pattern.keys() <= {*cloud.read_only, *cloud.own_fields, "container_id", "provider_name"}
        and fits_text(cloud.name, pattern.get("provider_name") or "*")
        and any(fits_text(state, pattern.get("status_name") or "*") for state in cloud.states)
    ]
    return not possible or any(cloud in clouds for cloud in possible)


def to_entries(params: Parameters) -> tuple[PeerEntry, ...]:
    """Return the entries of the checked options of a task."""
    return tuple(replace(entry, task=params) for entry in params["peers"])


class _Parser(EntryParser):
    """Parses the entries of a set."""

    module = SETS
    # It uses no lists of an entry.
    checks = ()

    def find_cloud(self, entry: Entry) -> Cloud:
        """Return the cloud of an entry.

        Raises:
            InvalidOptionError: If its options name no cloud, or `provider_name` of the task excludes it.
        """
        wanted = self.params["provider_name"]
        entry.values["api_version"] = self.params["api_version"]
        cloud = choose_provider({name: None if value == "" else value for name, value in entry.values.items()})
        if cloud is None:
            raise InvalidOptionError(
                "names no network.",
                hint="Set vpc_id and aws_account_id, azure_subscription_id and vnet_name, or gcp_project_id and network_name.",
            )
        if cloud not in to_clouds(wanted):
            entry.name(short_name(entry.values, cloud, has_owner=True))
            raise InvalidOptionError(
                f"is on {cloud.name}, and provider_name is {wanted or 'AWS if it is not set'}.",
                hint="Set provider_name: all to declare the connections of all clouds in one list, or move the entry.",
            )
        return cloud

    def complete(self, values: EntryValues, cloud: Cloud) -> None:
        """Fill in the state to wait for that the task names."""
        values["wait_for"] = values["wait_for"] or self.params["wait_for"]

    def without_regions(self, name: str, cloud: Cloud) -> InvalidOptionError:
        """Return the error for a region on a cloud where a network container has none."""
        return no_region_error(cloud)

    def parse_value(self, values: EntryValues, name: str, parse: Parse, cloud: Cloud) -> list[str]:
        """Parse an option as the task for one connection does, and return warnings."""
        if name == cloud.whole:
            values.update(parts_of_whole(values, cloud))
            return []
        if cloud is AWS:
            return parse_values({name: values[name], "api_version": values["api_version"]})[1]
        return super().parse_value(values, name, parse, cloud)

    def check_needs(self, values: Parameters, cloud: Cloud) -> None:
        """Check that an entry names a network.

        Raises:
            InvalidOptionError: If a part of the name is missing.
        """
        for name in cloud.identity:
            if values[name] is None:
                others = " and ".join(reversed(cloud.identity))
                raise InvalidOptionError(f"{as_option(name)} is missing.", hint=f"A connection with {cloud.name} needs {others}.")


def parse_entries(params: Parameters) -> tuple[tuple[PeerEntry, ...], list[str]]:
    """Return the entries of the option `peers`, parsed, and warnings.

    Raises:
        InvalidOptionError: If some are invalid, or mean the same connection. The message names all of them, and then also blocks
            that overlap. Overlaps alone are left to the plan, because existing connections that overlap may stay.
    """
    given = params["peers"]
    parser = _Parser(params)
    found = parser.parse([*map(_without_clients, given)] if isinstance(given, list) else given)
    problems = [*parser.problems, *find_twins(found)]
    if problems:
        raise join_problems((*problems, *find_overlaps(found)))
    return found, each_problem(parser.warnings)


def ignored_options(args: Parameters) -> list[str]:
    """Return the options of unchecked entries that only the check and the role use."""
    entries = args.get("peers")
    has_clients = isinstance(entries, list) and any(map(_has_clients, entries))
    return _Parser.find_ignored(entries, ("cidr_block",) if has_clients else ())


def _has_clients(given: t.Any) -> bool:
    """Whether an unchecked entry is on another cloud than AWS, where `cidr_block` is a block of clients."""
    if not isinstance(given, dict) or "cidr_block" not in given:
        return False
    others = {name: options for name, options in CLOUD_OPTIONS.items() if name != AWS.name}
    named, unset = given.get("provider_name"), (None, "")
    if named:
        return named in [*others]
    return any(given.get(option) not in unset for options in others.values() for option in options)


def _without_clients(given: t.Any) -> t.Any:
    """Return an unchecked entry without a block of clients, which a set does not use."""
    return {name: value for name, value in given.items() if name != "cidr_block"} if _has_clients(given) else given


def find_twins(entries: t.Sequence[PeerEntry]) -> t.Iterator[TaskError]:
    """Yield an error for each entry that means the same connection as an earlier one, or may mean it."""
    seen: dict[tuple[str | None, ...], list[PeerEntry]] = {}
    for entry in entries:
        same = seen.setdefault(entry.identity, [])
        same.append(entry)
        for before in same[:-1]:
            hint = _explain_twin(entry, before)
            if hint:
                text = f"it has {entry.provider.identity_noun} of {before.title}."
                yield entry.named(TaskError(text, hint=hint))
                break


def _explain_twin(entry: PeerEntry, before: PeerEntry) -> str:
    """Return what to do about two entries of one network; empty if they name different containers."""
    if entry.provider.has_one_container:
        return f"Declare it once: a project has one network container on {entry.provider.name}."
    if entry.container is None or before.container is None:
        return f"Declare it once, or set {as_option('container_id')} or {as_option('container_region_name')} in both."
    return SAME_CONTAINER if entry.container == before.container else ""


def find_overlaps(entries: t.Sequence[PeerEntry]) -> t.Iterator[TaskError]:
    """Yield an error for each entry whose block overlaps that of an earlier one, as far as the list shows their containers."""
    seen: list[tuple[PeerEntry, ipaddress.IPv4Network]] = []
    for entry in entries:
        name = entry.provider.block
        if name is None or entry.options[name] is None:
            continue
        block = ipaddress.IPv4Network(entry.options[name])
        for before, other in seen:
            if block.overlaps(other) and _place_of(entry) == _place_of(before):
                hint = "The blocks of one network container must not overlap."
                yield entry.named(TaskError(f"{as_option(name)} {block} overlaps {other} of {before.title}.", hint=hint))
                break
        seen.append((entry, block))


def _place_of(entry: PeerEntry) -> tuple[t.Any, ...]:
    """Return what an entry names of its container, or what determines that otherwise."""
    return entry.container or (None, entry.options.get(entry.provider.region or ""))
