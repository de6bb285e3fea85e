# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for GCP: the credentials under the names that google.cloud gives them, and the two networks."""

from __future__ import annotations

from .._clouds.gcp import is_atlas_network, network_path, peering_name
from .._engine.argspec import WAIT, ArgumentSpec
from .._engine.options import Parameters, check_wait, parse_option
from .._http.errors import InvalidOptionError
from .._values.ids import parse_gcp_name, parse_gcp_project
from .credentials import GCP_OPTIONS, check_credentials

ARGUMENT_SPEC = (
    ArgumentSpec(
        {
            "gcp_project_id": {"type": "str", "required": True},
            "network_name": {"type": "str", "required": True},
            "atlas_gcp_project_id": {"type": "str"},
            "atlas_network_name": {"type": "str"},
            "name": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_together=(("atlas_gcp_project_id", "atlas_network_name"),),
        required_if=(
            ("state", "present", ("atlas_gcp_project_id", "atlas_network_name")),
            ("state", "absent", ("atlas_network_name", "name"), True),
        ),
    )
    + GCP_OPTIONS
    + WAIT
)


def validate(params: Parameters) -> Parameters:
    """Check the options without the network, and without files.

    Returns:
        The options with `auth_kind` and `scopes` filled in, and what `name_networks` returns. `remote` is None where only `name`
        is known.

    Raises:
        InvalidOptionError: If they contradict each other, or one is invalid.
    """
    check_wait(params)
    _check_nulls(params)
    for option in ("gcp_project_id", "atlas_gcp_project_id"):
        if params[option] is not None:
            parse_option(option, params[option], parse_gcp_project)
    for option in ("network_name", "atlas_network_name", "name"):
        if params[option] is not None:
            parse_option(option, params[option], parse_gcp_name)
    return {**check_credentials(params), **name_networks(params, "name")}


def name_networks(params: Parameters, option: str) -> dict[str, object]:
    """Return both networks as paths (`projects/…`) in `local` and `remote`, and the name of the peering, with its option.

    Args:
        params: The names of the networks, and `name`; Atlas's names may be None.
        option: What the task calls the option `name`.

    Raises:
        InvalidOptionError: If both are the same network, or there is no name to take by default.
    """
    local, remote = network_path(params["gcp_project_id"], params["network_name"]), None
    if params["atlas_network_name"] is not None:
        remote = network_path(params["atlas_gcp_project_id"], params["atlas_network_name"])
        _check_sides(local, remote)
    name = params["name"]
    if name is None:
        name = peering_name(params["atlas_network_name"])
        hint = f"{name} is too long for a default. Set {option}."
        try:
            parse_gcp_name(name)
        except ValueError:
            raise InvalidOptionError(f"{option} is not set, and {name!r} is not a name in GCP.", hint=hint) from None
    return {"name": name, "name_option": option, "local": local, "remote": remote}


def _check_nulls(params: Parameters) -> None:
    """Check that Atlas's network is named; for the argument spec, an explicit null is a value."""
    pair = ("atlas_gcp_project_id", "atlas_network_name")
    nulls = [option for option in pair if params[option] is None]
    if nulls and (params["state"] == "present" or len(nulls) == 1):
        raise InvalidOptionError(
            f"{' and '.join(nulls)} must not be null.",
            hint="Atlas's names are in the network container, whatever the state of the connection: "
            "atlas_gcp_project_id and atlas_network_name in the result of atlas_network_container_info.",
        )
    if nulls and params["name"] is None:
        raise InvalidOptionError(
            "atlas_network_name, or name, must not be null with state absent.", hint="Name the peering, or Atlas's network."
        )


def _check_sides(local: str, remote: str) -> None:
    if local == remote:
        raise InvalidOptionError(
            f"gcp_project_id and network_name name the same network as atlas_gcp_project_id and atlas_network_name: {local}.",
            hint="The first two are your own network, the others those that Atlas's container has.",
        )
    if is_atlas_network(local) and not is_atlas_network(remote):
        raise InvalidOptionError(
            f"gcp_project_id and network_name name a network of Atlas, and atlas_network_name does not: {local}, {remote}.",
            hint="Exchange them: options without atlas_ name your own network.",
        )
