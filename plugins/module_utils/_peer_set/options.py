# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a declared list: its entries, and the patterns of connections to ignore."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from functools import partial

from .._clouds.aws import AWS
from .._clouds.cloud import CLOUDS, ONE_OF, TOGETHER, Cloud, identity_of, name_of, to_clouds
from .._engine.options import Parameters, parse_values
from .._http.errors import InvalidOptionError, TaskError
from .._peering.options import choose_provider, parse_cloud
from .._values.ids import parse_object_id
from .._values.invalid import InvalidValueError
from .._values.patterns import Fits, Parse, Pattern, fits_in_any_case, fits_text
from .._values.regions import to_cloud_region

_ALL = (*CLOUDS.values(),)
FIELDS = (
    *(name for cloud in _ALL for name in dict.fromkeys((*cloud.identity, *cloud.own_fields))),
    "container_id",
    "container_region_name",
)
_WHOLE = [cloud.whole for cloud in _ALL if cloud.whole is not None]
OPTIONS = frozenset((*FIELDS, *_WHOLE, "provider_name"))
GOALS = ["pending_acceptance", "available"]
# The option `peers` in the argument spec.
PEERS: dict[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {
        "provider_name": {"type": "str", "choices": [*CLOUDS]},
        **{name: {"type": "str"} for name in (*FIELDS, *_WHOLE)},
        "wait_for": {"type": "str", "choices": GOALS},
    },
    "mutually_exclusive": [("container_id", "container_region_name")],
    "required_together": [*TOGETHER],
    "required_one_of": [ONE_OF],
}


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


def pattern_forms(provider_name: str | None) -> t.Mapping[str, Parse | None]:
    """Return the fields that patterns may have, each with the parser of its values; None for any text.

    Args:
        provider_name: The option. On some clouds, `error_state_name` is free text instead of a code.
    """
    are_codes = all(cloud.has_error_codes for cloud in to_clouds(provider_name))
    return PATTERN_FORMS if are_codes else {**PATTERN_FORMS, "error_state_name": None}


def _fits_shown(value: t.Any, text: str) -> bool:
    """Whether a value that every connection has fits a text; what Atlas does not show may be what the text means."""
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


@dataclass(frozen=True)
class PeerEntry:
    """One entry of a declared list.

    Attributes:
        index: Its place in the list, from 0.
        params: The options of the task and of the entry, as the planner of one connection takes them.
        provider: Its cloud provider.
    """

    index: int
    params: Parameters
    provider: Cloud = AWS

    @property
    def key(self) -> str:
        """Its name in messages: `peers[3]`."""
        return f"peers[{self.index}]"

    @property
    def identity(self) -> tuple[str | None, ...]:
        """The names of its network. Entries with the same identity and container mean the same connection."""
        return identity_of(self.named_fields)

    @property
    def name(self) -> str:
        """The name of its connection, for users."""
        return name_of(self.named_fields)

    @property
    def named_fields(self) -> dict[str, t.Any]:
        """The fields that requests may send, as the options name them; None for what they leave open."""
        return {name: self.params.get(name) for name in self.provider.writable}

    @property
    def container(self) -> tuple[str, str] | None:
        """The option that names the network container, and its value; None if the entry leaves it open."""
        names = ("container_id", "container_region_name")
        return next(((name, self.params[name]) for name in names if self.params[name] is not None), None)

    @property
    def goal(self) -> str:
        """The state to wait for, as Atlas calls it."""
        return self.provider.goal(self.params["wait_for"])

    def missing(self) -> dict[str, t.Any]:
        """Return the fields of a connection that is not there: its own names, and null for what only Atlas says."""
        return {**dict.fromkeys(self.provider.read_only), **self.named_fields, "provider_name": self.provider.name}

    def named(self, error: TaskError) -> TaskError:
        """Return an error about one connection with the name of the entry before its message."""
        place = "." if _begins_with_option(error) else f" ({self.name}): "
        return error.with_message(f"{self.key}{place}{error.message}")


def to_entries(params: Parameters) -> tuple[PeerEntry, ...]:
    """Return the entries of the checked options of a task."""
    entries = []
    for index, one in enumerate(params["peers"]):
        provider = CLOUDS[one["provider_name"]]
        wait_for = one["wait_for"] or params["wait_for"]
        entries.append(PeerEntry(index, {**params, **one, "wait_for": wait_for, "peer_id": None, "state": "present"}, provider))
    return tuple(entries)


def parse_entries(params: Parameters) -> tuple[list[dict[str, t.Any]], list[str]]:
    """Return the entries of the option `peers`, parsed and each with its `provider_name`, and warnings.

    Raises:
        InvalidOptionError: If some are invalid; the message names all of them.
    """
    parsed: list[dict[str, t.Any]] = []
    warnings: list[str] = []
    problems: list[str] = []
    for index, one in enumerate(params["peers"]):
        entry: dict[str, t.Any] = {"api_version": params["api_version"], **one}
        try:
            provider = _choose(entry, params["provider_name"])
        except InvalidOptionError as error:
            problems.append(_named(f"peers[{index}]", error))
            continue
        entry["provider_name"] = provider.name
        for read in _readers(entry, provider):
            try:
                values, unknown = read()
            except InvalidOptionError as error:
                problems.append(_named(f"peers[{index}]", error))
            else:
                entry.update(values)
                warnings += [f"peers[{index}].{warning}" for warning in unknown]
        parsed.append(entry)
    if problems:
        raise InvalidOptionError(" ".join(problems))
    return parsed, warnings


def _readers(entry: Parameters, provider: Cloud) -> t.Iterator[t.Callable[[], tuple[dict[str, t.Any], list[str]]]]:
    """Return the parsers of an entry's options. They run one by one, so that all mistakes are found."""
    for name in FIELDS:
        if provider is AWS or name != "container_region_name":
            yield partial(_parse_one, entry, name)
    yield partial(parse_cloud, entry, provider)
    yield partial(_check_identity, entry, provider)


def _parse_one(entry: Parameters, name: str) -> tuple[dict[str, t.Any], list[str]]:
    values, warnings = parse_values({name: entry.get(name), "api_version": entry["api_version"]})
    return {name: values[name]}, warnings


def _check_identity(entry: Parameters, provider: Cloud) -> tuple[dict[str, t.Any], list[str]]:
    """Check that an entry names a network.

    Raises:
        InvalidOptionError: If a part of the name is missing.
    """
    for name in provider.identity:
        if entry.get(name) is None:
            others = " and ".join(reversed(provider.identity))
            raise InvalidOptionError(f"{name} is missing.", hint=f"A connection with {provider.name} needs {others}.")
    return {}, []


def _choose(entry: Parameters, provider_name: str | None) -> Cloud:
    """Return the cloud provider of an entry.

    Raises:
        InvalidOptionError: If its options name no cloud, or `provider_name` of the task excludes it.
    """
    provider = choose_provider(entry)
    if provider is None:
        raise InvalidOptionError(
            "names no network.",
            hint="Set vpc_id and aws_account_id, azure_subscription_id and vnet_name, or gcp_project_id and network_name.",
        )
    if provider not in to_clouds(provider_name):
        raise InvalidOptionError(
            f"is on {provider.name}, and provider_name is {provider_name or 'AWS if it is not set'}.",
            hint="Set provider_name: all to declare the connections of all clouds in one list, or move the entry.",
        )
    return provider


def _named(key: str, error: InvalidOptionError) -> str:
    """Return a message with the name of the entry: `peers[3].vpc_id is …`, or `peers[3] is on …`."""
    return f"{key}{'.' if _begins_with_option(error) else ' '}{error}"


def _begins_with_option(error: TaskError) -> bool:
    return error.message.split(" ", 1)[0].rstrip(":") in OPTIONS
