# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The options for GCP: the credentials under the names that google.cloud gives them, and the two networks."""

from __future__ import annotations

import json
import typing as t

from ansible.module_utils.common.parameters import env_fallback
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import WAIT, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters, check_wait, parse_option
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.gcp_names import (
    is_atlas_network,
    network_path,
    parse_gcp_name,
    parse_gcp_project,
)

DEFAULT_SCOPES = ("https://www.googleapis.com/auth/compute",)
KEY_OPTIONS = ("service_account_file", "service_account_contents")


def _variable(name: str) -> tuple[t.Any, list[str]]:
    return env_fallback, [name]


GCP_OPTIONS = ArgumentSpec(
    {
        "auth_kind": {
            "type": "str",
            "choices": ["application", "serviceaccount", "accesstoken", "machineaccount"],
            "fallback": _variable("GCP_AUTH_KIND"),
        },
        "service_account_file": {"type": "path", "fallback": _variable("GCP_SERVICE_ACCOUNT_FILE")},
        "service_account_contents": {
            "type": "jsonarg",
            "no_log": True,
            "fallback": _variable("GCP_SERVICE_ACCOUNT_CONTENTS"),
        },
        "service_account_email": {"type": "str", "fallback": _variable("GCP_SERVICE_ACCOUNT_EMAIL")},
        "access_token": {"type": "str", "no_log": True, "fallback": _variable("GCP_ACCESS_TOKEN")},
        "scopes": {"type": "list", "elements": "str", "fallback": _variable("GCP_SCOPES")},
    },
    mutually_exclusive=((*KEY_OPTIONS, "service_account_email"),),
)

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
        The options with `auth_kind`, `scopes` and `name` filled in, and `local` and `remote`: both networks, as GCP's addresses
        end. `remote` is None where only `name` is known.

    Raises:
        InvalidOptionError: If they contradict each other, or one cannot be right.
    """
    check_wait(params)
    _check_nulls(params)
    for option in ("gcp_project_id", "atlas_gcp_project_id"):
        if params[option] is not None:
            parse_option(option, params[option], parse_gcp_project)
    for option in ("network_name", "atlas_network_name", "name"):
        if params[option] is not None:
            parse_option(option, params[option], parse_gcp_name)
    local, remote = network_path(params["gcp_project_id"], params["network_name"]), None
    if params["atlas_network_name"] is not None:
        remote = network_path(params["atlas_gcp_project_id"], params["atlas_network_name"])
        _check_sides(local, remote)
    name = params["name"]
    if name is None:
        name = f"atlas-{params['atlas_network_name']}"
        hint = f"{name} is too long for a default. Set name."
        try:
            parse_gcp_name(name)
        except ValueError:
            raise InvalidOptionError(f"name is not set, and {name!r} is not a name in GCP.", hint=hint) from None
    return {**check_credentials(params), "name": name, "local": local, "remote": remote}


def check_credentials(params: Parameters) -> dict[str, t.Any]:
    """Return the options with `auth_kind` and `scopes` filled in.

    Raises:
        InvalidOptionError: If the options for credentials contradict each other.
    """
    return {**params, "auth_kind": _find_kind(params), "scopes": list(params["scopes"] or DEFAULT_SCOPES)}


def _check_nulls(params: Parameters) -> None:
    """Check that Atlas's network is named; the rules of the argument spec take a null for a value."""
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
            hint="The first two are your own network, the others are gcp_project_id and network_name of Atlas's container.",
        )
    if is_atlas_network(local) and not is_atlas_network(remote):
        raise InvalidOptionError(
            f"gcp_project_id and network_name name a network of Atlas, and atlas_network_name does not: {local}, {remote}.",
            hint="Exchange them: options without atlas_ name your own network.",
        )


def _find_kind(params: Parameters) -> str:
    """Return how to sign in, and check that what this needs is there."""
    has_key = any(params[name] for name in KEY_OPTIONS)
    implied = "serviceaccount" if has_key else "accesstoken" if params["access_token"] else "application"
    kind = str(params["auth_kind"] or ("machineaccount" if params["service_account_email"] else implied))
    if kind == "serviceaccount" and not has_key:
        raise InvalidOptionError(
            "auth_kind serviceaccount needs the key of the account.", hint=f"Set {' or '.join(KEY_OPTIONS)}."
        )
    if kind == "accesstoken" and not params["access_token"]:
        raise InvalidOptionError("auth_kind accesstoken needs access_token.", hint="Set it, or the variable GCP_ACCESS_TOKEN.")
    if kind != "serviceaccount" and has_key:
        used = next(name for name in KEY_OPTIONS if params[name])
        raise InvalidOptionError(
            f"{used} is set, and auth_kind is {kind}.", hint="Set auth_kind: serviceaccount, or leave it out."
        )
    if kind != "machineaccount" and params["service_account_email"]:
        raise InvalidOptionError(
            f"service_account_email is set, and auth_kind is {kind}.",
            hint="It chooses an account of the machine: set auth_kind: machineaccount, or leave it out.",
        )
    token = params["access_token"] or ""
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise InvalidOptionError(
            "access_token has a space, a line break or another character that a token cannot have.",
            hint="Remove what was copied along with it.",
        )
    return kind


def read_key(params: Parameters) -> dict[str, t.Any]:
    """Return the key of the service account that the options name.

    Raises:
        InvalidOptionError: If it cannot be read, or is not a JSON object. Nothing of its text is in the message.
    """
    option, text = "service_account_contents", params["service_account_contents"]
    if not text:
        option = "service_account_file"
        try:
            with open(params[option], encoding="utf-8") as file:
                text = file.read()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not a text"
            raise InvalidOptionError(f"{option}: {params[option]} cannot be read on the host this task runs on: {why}.") from None
    try:
        key = json.loads(text)
    except ValueError:
        key = None
    if not isinstance(key, dict):
        raise InvalidOptionError(f"{option} is not the JSON key of a service account.", hint="Use the file as GCP has made it.")
    return key
