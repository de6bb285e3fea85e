# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credentials for AWS, AZURE and GCP, of the task and of entries, and the choice for each connection.

The options have the prefixes `aws_`, `azure_` and `gcp_` here, since `profile`, `access_token` and others are Atlas's. The
sessions with the clouds have them without.
"""

from __future__ import annotations

import typing as t
from contextlib import contextmanager
from functools import partial

from .._aws.options import AWS_OPTIONS, credential_names, credentials_of, validate
from .._azure import credentials as azure_credentials
from .._clouds.cloud import Cloud
from .._engine.argspec import ArgumentSpec
from .._engine.entry import Entry
from .._engine.options import Parameters
from .._gcp.credentials import GCP_OPTIONS, check_credentials
from .._http.errors import InvalidOptionError, TaskError, as_option

# The name of each option here.
AWS_NAMES: dict[str, str] = {name: name if name.startswith("aws_") else f"aws_{name}" for name in AWS_OPTIONS.options}
GCP_NAMES: dict[str, str] = {name: f"gcp_{name}" for name in GCP_OPTIONS.options}
# The id of a VNet names its subscription.
_SUBSCRIPTION = "subscription_id"
AZURE_NAMES: dict[str, str] = {name: f"azure_{name}" for name in azure_credentials.AZURE_OPTIONS.options if name != _SUBSCRIPTION}
GCP_OWN = ("gcp_service_account_file", "gcp_access_token")
_AZURE_OWN = ("azure_profile", "azure_client_id", "azure_secret", "azure_auth_source")
# For tasks that only read.
READ_ONLY = ("https://www.googleapis.com/auth/compute.readonly",)

AWS_SPEC = ArgumentSpec(
    {AWS_NAMES[name]: {key: one[key] for key in one if key != "aliases"} for name, one in AWS_OPTIONS.options.items()},
    required_together=(("aws_access_key", "aws_secret_key"),),
    mutually_exclusive=(("aws_profile", "aws_access_key"), ("aws_profile", "aws_session_token")),
)
GCP_SPEC = ArgumentSpec({GCP_NAMES[name]: option for name, option in GCP_OPTIONS.options.items()})
AZURE_SPEC = ArgumentSpec({AZURE_NAMES[name]: azure_credentials.AZURE_OPTIONS.options[name] for name in AZURE_NAMES})


def validate_aws(params: Parameters) -> tuple[dict[str, object], list[str]]:
    """Check the task's options for AWS.

    Returns:
        Those options, parsed, and warnings.

    Raises:
        InvalidOptionError: If they contradict each other, or one is invalid.
    """
    checked, warnings = validate({name: params[AWS_NAMES[name]] for name in AWS_NAMES}, AWS_NAMES)
    return {AWS_NAMES[name]: checked[name] for name in AWS_NAMES}, warnings


def validate_aws_of_entry(entry: Parameters) -> list[str]:
    """Check the options for AWS of an entry, and return warnings.

    Args:
        entry: The entry.

    Raises:
        InvalidOptionError: If they contradict each other, or one is invalid.
    """
    params = {**{name: entry.get(AWS_NAMES[name]) for name in AWS_NAMES}, "region": None}
    # Most entries have none.
    return validate(params, AWS_NAMES)[1] if any(params.values()) else []


def aws_credentials_of(params: Parameters, entry: Parameters, region: str | None, account: str | None) -> dict[str, t.Any]:
    """Return the options for AWS of one connection, under the names of the AWS session.

    Args:
        params: The options of the task.
        entry: The options of its entry; empty for a connection that only Atlas names.
        region: The region of its VPC; None to use `aws_region`, or else that of the environment or the profile.
        account: The account that owns its VPC; None if it is not known.

    Raises:
        InvalidOptionError: If the credentials depend on the account, and it is not known.
    """
    found = credentials_of(_unprefixed(params), account, _unprefixed(entry), AWS_NAMES)
    return {**found, "region": region or params[AWS_NAMES["region"]]}


def aws_names_of(params: Parameters, entry: Parameters, account: str | None) -> dict[str, str]:
    """Return the names that messages have for the options which `aws_credentials_of` returns, by its arguments."""
    return credential_names(_unprefixed(params), account, _unprefixed(entry), AWS_NAMES)


def _unprefixed(options: Parameters) -> dict[str, object]:
    return {name: options.get(option) for name, option in AWS_NAMES.items()}


def gcp_credentials_of(params: Parameters, entry: Parameters, scopes: t.Sequence[str] = READ_ONLY) -> dict[str, object]:
    """Return the options for GCP of one connection, under the names of the GCP session.

    The task's options may come from environment variables for other tasks, so call this only if GCP is read.

    Args:
        params: The options of the task.
        entry: The options of its entry; empty for a connection that only Atlas names. An entry with credentials inherits none.
        scopes: What the task does, unless it has `gcp_scopes`.

    Raises:
        InvalidOptionError: If they contradict each other.
    """
    own = [name for name in GCP_OWN if entry.get(name)]
    if len(own) > 1:
        raise InvalidOptionError(
            f"{as_option(own[0])} and {as_option(own[1])} are mutually exclusive.", hint="Leave one of them out."
        )
    source = {**dict.fromkeys(GCP_NAMES.values()), **entry, "gcp_scopes": params["gcp_scopes"]} if own else params
    given = {name: source[option] for name, option in GCP_NAMES.items()}
    with gcp_names():
        return check_credentials({**given, "scopes": given["scopes"] or scopes})


def azure_credentials_of(params: Parameters, entry: Parameters) -> dict[str, object]:
    """Return the options for AZURE of one connection, under the names of the session with AZURE.

    Args:
        params: The options of the task.
        entry: The options of its entry; empty for a connection that only Atlas names. An entry with credentials inherits none.

    Raises:
        InvalidOptionError: If they contradict each other.
    """
    has_own = any(entry.get(name) for name in _AZURE_OWN)
    source = {**entry, "azure_cloud_environment": params["azure_cloud_environment"]} if has_own else params
    given = {name: source.get(option) for name, option in AZURE_NAMES.items()}
    with azure_names():
        return azure_credentials.check_credentials({**given, _SUBSCRIPTION: None})


# The clouds whose credentials depend on neither an account nor a region.
CREDENTIALS_OF: dict[str, t.Callable[[Parameters, Parameters], dict[str, t.Any]]] = {
    "GCP": gcp_credentials_of,
    "AZURE": azure_credentials_of,
}


def check_credentials_of(entry: Entry, cloud: Cloud, params: Parameters) -> list[str]:
    """Record what is wrong with the credentials of an entry on a cloud, and return warnings."""
    credentials_of = CREDENTIALS_OF.get(cloud.name)
    if credentials_of is None:
        return entry.attempt(validate_aws_of_entry, entry.values) or []
    try:
        credentials_of(params, entry.values)
    except InvalidOptionError as error:
        entry.problems.append(error.at(entry.place._replace(link=": ")))
    return []


@contextmanager
def _named(names: t.Mapping[str, str]) -> t.Iterator[None]:
    try:
        yield
    except TaskError as error:
        raise error.with_names(names) from error.__cause__


# Add the prefix of the cloud to the options that errors from inside the block name.
gcp_names, azure_names = partial(_named, GCP_NAMES), partial(_named, AZURE_NAMES)
