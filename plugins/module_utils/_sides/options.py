# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chooses the cloud that the options of a connection mean, and checks the options for it."""

from __future__ import annotations

import typing as t

from .._clouds.aws import AWS
from .._clouds.cloud import Cloud
from .._clouds.clouds import CLOUD_OPTIONS, CLOUDS
from .._engine.options import Parameters, check_options, check_version, parts_of_whole
from .._http.errors import InvalidOptionError, as_option

# The options that describe the customer's network, without AWS's id of the connection, which only finds one.
NETWORK_OPTIONS: dict[str, dict[str, t.Any]] = {
    option: {"type": "str"} for options in CLOUD_OPTIONS.values() for option in options if option != AWS.accepted_id
}
# Seconds: one day, longer than Azure is known to need to propagate a new role.
LONGEST_ROLE_TIMEOUT = 86400


def choose_provider(params: Parameters) -> Cloud | None:
    """Return the cloud that the options mean; None if it is open.

    Raises:
        InvalidOptionError: If they are for different clouds.
    """
    named = params.get("provider_name")
    given = {
        cloud: option
        for cloud, options in CLOUD_OPTIONS.items()
        for option in reversed(options)
        if params.get(option) is not None
    }
    if len(given) > 1:
        (cloud, option), (other_cloud, other) = list(given.items())[:2]
        raise InvalidOptionError(
            f"{as_option(option)} is for {cloud}, and {as_option(other)} is for {other_cloud}.",
            hint="Set only the options of one cloud provider.",
        )
    for cloud, option in given.items():
        if named not in (None, cloud):
            raise InvalidOptionError(
                f"{as_option(option)} is for {cloud}, and provider_name is {named}.", hint="Correct one of them, or leave it out."
            )
    found = named or next(iter(given), None)
    if found is None:
        return None
    check_version(params, found)
    return CLOUDS[found]


def parse_cloud(params: Parameters, provider: Cloud) -> dict[str, t.Any]:
    """Parse the options of one cloud, apart from the region of the container.

    Args:
        params: The options.
        provider: The cloud. For AWS there is nothing to do: `parse_values` parses its options.

    Returns:
        The values that change, by option.

    Raises:
        InvalidOptionError: If one is invalid.
    """
    if provider is AWS:
        return {}
    for option, parse in provider.forms.items():
        check_options(params, parse, option)
    found = parts_of_whole(params, provider)
    if provider.has_one_container and params.get("container_region_name") is not None:
        raise no_region_error(provider)
    return found


def no_region_error(provider: Cloud) -> InvalidOptionError:
    """Return the error for a region of a network container on a cloud where it has none."""
    return InvalidOptionError(
        f"{as_option('container_region_name')} is for AWS and AZURE, and provider_name is {provider.name}.",
        hint=f"Leave it out: a project has one network container on {provider.name}.",
    )


def check_identity(params: Parameters, provider: Cloud) -> None:
    """Check that the options identify a connection, and describe it in full if it may have to be created again.

    Raises:
        InvalidOptionError: If they do not.
    """
    if None not in [params[name] for name in provider.identity]:
        return
    identity = " and ".join(map(as_option, reversed(provider.identity)))
    if params["peer_id"] is None:
        given = [name for name in provider.identity if params[name] is not None]
        if given and provider is not AWS:
            missing = " and ".join(as_option(name) for name in provider.identity if params[name] is None)
            raise InvalidOptionError(f"{missing} is missing.", hint=f"Set it beside {' and '.join(given)}, or set peer_id.")
        # The argument spec takes an explicit null for a value, and does not know which options belong together.
        raise InvalidOptionError(f"{identity}, or peer_id, must not be null.")
    if params["recreate"] != "never" and params["state"] == "present":
        *names, last = dict.fromkeys((*reversed(provider.identity), *provider.needed))
        what = "a failed VPC peering connection" if params["recreate"] == "dead" else "a VPC peering connection"
        others = " They are for AWS; on AZURE and GCP, set the options of that cloud." if choose_provider(params) is None else ""
        raise InvalidOptionError(
            f"recreate: {params['recreate']} needs {', '.join(names)} and {last}: with peer_id alone, {what} could not be "
            "created again if the task ended after its removal.",
            hint=f"Set them, in place of peer_id or beside it.{others}",
        )


def check_goal(params: Parameters, provider: Cloud) -> None:
    """Check that connections on a cloud can reach the state that the task waits for.

    Raises:
        InvalidOptionError: If they cannot.
    """
    if provider.pending is None and params["wait_for"] == "pending_acceptance":
        raise InvalidOptionError(
            f"{as_option('wait_for')}: pending_acceptance is for AWS and GCP; on {provider.name}, Atlas makes both sides of a "
            "peering.",
            hint=f"Leave it out, or set {as_option('wait_for')}: available.",
        )


def check_role_timeout(params: Parameters) -> None:
    """Check `azure_role_timeout`, in seconds.

    Raises:
        InvalidOptionError: If it is out of range.
    """
    if not 0 <= params["azure_role_timeout"] <= LONGEST_ROLE_TIMEOUT:
        raise InvalidOptionError(f"azure_role_timeout must be from 0 to {LONGEST_ROLE_TIMEOUT} seconds.")
