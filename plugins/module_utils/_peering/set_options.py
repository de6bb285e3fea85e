# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the entries of a declared list, each of which is a connection on one cloud."""

from __future__ import annotations

import typing as t
from functools import partial

from .._clouds.aws import AWS
from .._clouds.cloud import PROVIDERS, Provider, to_clouds
from .._engine.options import Parameters, check_version, parse_values
from .._http.errors import InvalidOptionError
from .entries import FIELDS, OPTIONS
from .options import choose_provider, parse_cloud

GOALS = ["pending_acceptance", "available"]
# The option `peers` in the argument spec.
PEERS: dict[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {
        "provider_name": {"type": "str", "choices": [*PROVIDERS]},
        **{name: {"type": "str"} for name in (*FIELDS, "vnet_resource_id")},
        "wait_for": {"type": "str", "choices": GOALS},
    },
    "mutually_exclusive": [("container_id", "container_region_name")],
    "required_together": [("vpc_id", "aws_account_id"), ("gcp_project_id", "network_name")],
    "required_one_of": [("vpc_id", "vnet_name", "vnet_resource_id", "network_name")],
}


def check_clouds(params: Parameters) -> None:
    """Check that the version of the API is one that is used for the clouds of a list.

    Raises:
        InvalidOptionError: If it is not.
    """
    check_version(params, params["provider_name"] or AWS.name)


def parse_entries(params: Parameters) -> tuple[list[dict[str, t.Any]], list[str]]:
    """Return the entries of the option `peers` with values in place of texts, each with its cloud provider, and warnings.

    Raises:
        InvalidOptionError: If some cannot be right; all of them are named.
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


def _readers(entry: Parameters, provider: Provider) -> t.Iterator[t.Callable[[], tuple[dict[str, t.Any], list[str]]]]:
    """Return what parses the options of an entry, one by one, so that all that is wrong is found."""
    for name in FIELDS:
        if provider is AWS or name != "container_region_name":
            yield partial(_parse_one, entry, name)
    yield partial(parse_cloud, entry, provider)
    yield partial(_check_identity, entry, provider)


def _parse_one(entry: Parameters, name: str) -> tuple[dict[str, t.Any], list[str]]:
    values, warnings = parse_values({name: entry.get(name), "api_version": entry["api_version"]})
    return {name: values[name]}, warnings


def _check_identity(entry: Parameters, provider: Provider) -> tuple[dict[str, t.Any], list[str]]:
    """Check that an entry names a network.

    Raises:
        InvalidOptionError: If a part of the name is missing.
    """
    for name in provider.identity:
        if entry.get(name) is None:
            others = " and ".join(reversed(provider.identity))
            raise InvalidOptionError(f"{name} is missing.", hint=f"A connection with {provider.name} needs {others}.")
    return {}, []


def _choose(entry: Parameters, provider_name: str | None) -> Provider:
    """Return the cloud provider of an entry.

    Raises:
        InvalidOptionError: If its options do not tell it, or the list is not about that cloud.
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
    text = str(error)
    return f"{key}.{text}" if text.split(" ", 1)[0].rstrip(":") in OPTIONS else f"{key} {text}"
