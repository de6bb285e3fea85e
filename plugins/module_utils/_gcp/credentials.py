# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials for GCP: the options and their environment variables, which of them apply, and the key of a service account."""

from __future__ import annotations

import json
import os

from .._engine.argspec import ArgumentSpec, from_variable
from .._engine.options import Parameters
from .._http.errors import InvalidOptionError, as_option

DEFAULT_SCOPES = ("https://www.googleapis.com/auth/compute",)
KEY_OPTIONS = ("service_account_file", "service_account_contents")
# Only one of these may be set.
_ACCOUNTS = (*KEY_OPTIONS, "service_account_email")
_CREDENTIALS = (*_ACCOUNTS, "access_token")


GCP_OPTIONS = ArgumentSpec(
    {
        "auth_kind": {
            "type": "str",
            "choices": ["application", "serviceaccount", "accesstoken", "machineaccount"],
            "fallback": from_variable("GCP_AUTH_KIND"),
        },
        "service_account_file": {"type": "path", "fallback": from_variable("GCP_SERVICE_ACCOUNT_FILE")},
        "service_account_contents": {
            "type": "jsonarg",
            "no_log": True,
            "fallback": from_variable("GCP_SERVICE_ACCOUNT_CONTENTS"),
        },
        "service_account_email": {"type": "str", "fallback": from_variable("GCP_SERVICE_ACCOUNT_EMAIL")},
        "access_token": {"type": "str", "no_log": True, "fallback": from_variable("GCP_ACCESS_TOKEN")},
        "scopes": {"type": "list", "elements": "str", "fallback": from_variable("GCP_SCOPES")},
    }
)


def check_credentials(params: Parameters) -> dict[str, object]:
    """Return the options with `auth_kind` and `scopes` filled in, and None for credentials that do not apply.

    Raises:
        InvalidOptionError: If the options for credentials contradict each other.
    """
    params = {**params, **_that_count(params)}
    both = [name for name in _ACCOUNTS if params[name]]
    if len(both) > 1:
        raise InvalidOptionError(
            f"{as_option(both[0])} and {as_option(both[1])} are mutually exclusive.", hint="Leave one of them out."
        )
    scopes = [one for one in params["scopes"] or () if one.strip()]
    return {**params, "auth_kind": _find_kind(params), "scopes": scopes or list(DEFAULT_SCOPES)}


def _that_count(params: Parameters) -> dict[str, object]:
    """Return the credentials that the task sets or, if it sets none, those of environment variables; None for the others.

    The argument spec does not say where a value comes from: values are compared with the variables.
    """
    given = {name: params[name] for name in (*_CREDENTIALS, "auth_kind") if params[name]}
    own = {name: value for name, value in given.items() if not _is_in_environment(name, value)}
    # auth_kind alone says how to use the credentials of the variables.
    found = own if own.keys() - {"auth_kind"} else given
    return {**dict.fromkeys((*_CREDENTIALS, "auth_kind")), **found}


def _is_in_environment(name: str, value: str) -> bool:
    found = os.environ.get(f"GCP_{name.upper()}", "").strip()
    return value in (found, os.path.expanduser(os.path.expandvars(found)))


def _find_kind(params: Parameters) -> str:
    """Return `auth_kind`, set or implied, and check that the credentials fit it."""
    has_key = any(params[name] for name in KEY_OPTIONS)
    implied = "serviceaccount" if has_key else "accesstoken" if params["access_token"] else "application"
    kind = str(params["auth_kind"] or ("machineaccount" if params["service_account_email"] else implied))
    if kind == "serviceaccount" and not has_key:
        raise InvalidOptionError(
            f"{as_option('auth_kind')} serviceaccount needs the key of the account.",
            hint=f"Set {' or '.join(map(as_option, KEY_OPTIONS))}.",
        )
    if kind == "accesstoken" and not params["access_token"]:
        raise InvalidOptionError(
            f"{as_option('auth_kind')} accesstoken needs {as_option('access_token')}.",
            hint="Set it, or the variable GCP_ACCESS_TOKEN.",
        )
    if kind != "serviceaccount" and has_key:
        used = next(name for name in KEY_OPTIONS if params[name])
        raise InvalidOptionError(
            f"{as_option(used)} is set, and {as_option('auth_kind')} is {kind}.",
            hint=f"Set {as_option('auth_kind')}: serviceaccount, or leave it out.",
        )
    if kind != "machineaccount" and params["service_account_email"]:
        raise InvalidOptionError(
            f"{as_option('service_account_email')} is set, and {as_option('auth_kind')} is {kind}.",
            hint=f"It chooses an account of the machine: set {as_option('auth_kind')}: machineaccount, or leave it out.",
        )
    token = params["access_token"] or ""
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise InvalidOptionError(
            f"{as_option('access_token')} has a space, a line break or another character that a token cannot have.",
            hint="Remove what was copied along with it.",
        )
    return kind


def read_key(params: Parameters) -> dict[str, object]:
    """Return the key of the service account that the options name.

    Raises:
        InvalidOptionError: If it cannot be read, or is not a JSON object. The message has none of its text.
    """
    option, text = "service_account_contents", params["service_account_contents"]
    if not text:
        option = "service_account_file"
        try:
            with open(params[option], encoding="utf-8") as file:
                text = file.read()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not a text"
            raise InvalidOptionError(
                f"{as_option(option)}: {params[option]} cannot be read on the host this task runs on: {why}."
            ) from None
    try:
        key = json.loads(text)
    except ValueError:
        key = None
    if not isinstance(key, dict):
        raise InvalidOptionError(
            f"{as_option(option)} is not the JSON key of a service account.", hint="Use the file as GCP has made it."
        )
    return key
