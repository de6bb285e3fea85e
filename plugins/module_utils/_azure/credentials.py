# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials for AZURE: the options, azcollection's variables and file of profiles, and which of them signs in.

The names and their order are those of azure.azcollection (its module_utils/azure_rm_common.py), the other variables those of
azure-identity (its EnvironmentCredential and WorkloadIdentityCredential).
"""

from __future__ import annotations

import configparser
import os
import re
import typing as t

from .._engine.argspec import ArgumentSpec, from_variable
from .._engine.options import Parameters
from .._http.errors import InvalidOptionError, as_option

PUBLIC_CLOUD = "AzureCloud"
LOGIN_HOST = "login.microsoftonline.com"
PROFILES = "~/.azure/credentials"
# The variables of each field of a profile; the first that is set counts.
VARIABLES: t.Mapping[str, tuple[str, ...]] = {
    "profile": ("AZURE_PROFILE",),
    "subscription_id": ("AZURE_SUBSCRIPTION_ID",),
    "client_id": ("AZURE_CLIENT_ID",),
    "secret": ("AZURE_SECRET", "AZURE_CLIENT_SECRET"),
    "tenant": ("AZURE_TENANT", "AZURE_TENANT_ID"),
    "x509_certificate_path": ("AZURE_X509_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH"),
    "certificate_password": ("AZURE_CLIENT_CERTIFICATE_PASSWORD",),
    "send_certificate_chain": ("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN",),
    "oidc_token": ("AZURE_FEDERATED_TOKEN",),
    "oidc_token_file_path": ("AZURE_FEDERATED_TOKEN_FILE",),
    "cloud_environment": ("AZURE_CLOUD_ENVIRONMENT",),
    "ad_user": ("AZURE_AD_USER",),
    "password": ("AZURE_PASSWORD",),
    "adfs_authority_url": ("AZURE_ADFS_AUTHORITY_URL",),
    "cert_validation_mode": ("AZURE_CERT_VALIDATION_MODE",),
}
SECRET_FIELDS = ("secret", "certificate_password", "oidc_token", "password")
_ENVIRONMENT = "environment variables"
# With `client_id`, each of these signs in an application.
_PROOFS = ("oidc_token", "oidc_token_file_path", "secret", "x509_certificate_path")
# The id of a directory, or the name of one of its domains.
_TENANT = re.compile(r"[0-9A-Za-z.-]+")

AZURE_OPTIONS = ArgumentSpec(
    {
        "auth_source": {
            "type": "str",
            "choices": ["auto", "cli", "env", "credential_file", "msi"],
            "default": "auto",
            "fallback": from_variable("ANSIBLE_AZURE_AUTH_SOURCE"),
        },
        "profile": {"type": "str"},
        "client_id": {"type": "str"},
        "secret": {"type": "str", "no_log": True},
        "tenant": {"type": "str"},
        "subscription_id": {"type": "str"},
        "cloud_environment": {"type": "str", "default": PUBLIC_CLOUD},
    }
)


class SignIn(t.NamedTuple):
    """Who signs in.

    Attributes:
        kind: An application (`app`), the user of the Azure CLI (`cli`), the identity of the machine (`msi`), or the first of the
            last two that there is (`any`).
        source: Where that is from, for messages.
        fields: The fields of the application, or of the options; those that are not set are missing.
    """

    kind: t.Literal["app", "cli", "msi", "any"]
    source: str
    fields: t.Mapping[str, str]


def check_credentials(params: Parameters) -> dict[str, object]:
    """Check the options, without the network, files and environment variables, and return them with `auth_source` filled in.

    Raises:
        InvalidOptionError: If they contradict each other, or one is invalid.
    """
    source = params["auth_source"] or "auto"
    _check_cloud(params["cloud_environment"], as_option("cloud_environment"))
    if source == "auto" and not params["profile"] and bool(params["client_id"]) != bool(params["secret"]):
        given, missing = ("client_id", "secret") if params["client_id"] else ("secret", "client_id")
        msi = f"with {as_option('auth_source')}: msi, {as_option('client_id')} chooses an identity of the machine"
        hint = f"Set both. Options are not completed by environment variables{f'; {msi}' if missing == 'secret' else ''}."
        raise InvalidOptionError(f"{as_option(given)} is set without {as_option(missing)}.", hint=hint)
    if params["tenant"] and not _TENANT.fullmatch(params["tenant"]):
        raise InvalidOptionError(
            f"{as_option('tenant')} is malformed: {params['tenant']!r}.",
            hint="Give the id of the directory, or the name of one of its domains.",
        )
    return {**params, "auth_source": source}


def find_sign_in(params: Parameters) -> SignIn:
    """Return who signs in: as the options, the environment and the file of profiles on this host say it.

    Args:
        params: The options, as `check_credentials` returns them.

    Raises:
        InvalidOptionError: If what was chosen is missing, incomplete, or a way to sign in that azure.azcollection alone has.
    """
    source = params["auth_source"]
    options = {name: str(params[name]) for name in AZURE_OPTIONS.options if params[name]}
    variables = _variables()
    _check_certificates(variables, _ENVIRONMENT, _names_of_variable)
    machine = {name: value for name, value in variables.items() if name in ("client_id", "subscription_id")}
    if source in ("cli", "msi"):
        return SignIn(source, f"auth_source {source}", {**machine, **options})
    if source == "credential_file" or (source == "auto" and params["profile"]):
        return _from_profile(params["profile"] or "default")
    if source == "auto" and params["client_id"]:
        return SignIn("app", "the options", options)
    if variables.get("profile"):
        return _from_profile(variables["profile"])
    if source == "env" or _has_proof(variables):
        return _app(variables, _ENVIRONMENT, _names_of_variable)
    if _has_proof(_read_profile("default")):
        return _from_profile("default")
    return SignIn("any", "auth_source auto", {**machine, **options})


def _variables() -> dict[str, str]:
    """Return the fields that environment variables have; an empty variable counts as not set."""
    found = {name: next((value for one in VARIABLES[name] if (value := os.environ.get(one))), None) for name in VARIABLES}
    return {name: value for name, value in found.items() if value}


def _has_proof(fields: t.Mapping[str, str]) -> bool:
    """Return whether fields could sign in an application, or in azure.azcollection a user."""
    return bool("client_id" in fields and any(name in fields for name in _PROOFS)) or "ad_user" in fields


def _read_profile(name: str) -> dict[str, str]:
    """Return the fields of a profile; none if it, or the file, is missing.

    Raises:
        InvalidOptionError: If the file cannot be read. The message has none of its text.
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(os.path.expanduser(PROFILES), encoding="utf-8")
        found = dict(parser[name]) if parser.has_section(name) else {}
    except (OSError, ValueError, configparser.Error) as error:
        why = getattr(error, "strerror", None) or "it is not an INI file"
        raise InvalidOptionError(
            f"{PROFILES} cannot be read on the host this task runs on: {why}.",
            hint=f"Correct it, or sign in without {as_option('profile')}.",
        ) from None
    return {field: found[field] for field in VARIABLES if found.get(field)}


def _from_profile(profile: str) -> SignIn:
    fields = _read_profile(profile)
    if not fields:
        raise InvalidOptionError(
            f"{PROFILES} has no profile {profile} on the host this task runs on.",
            hint=f"Add it, or name another one in {as_option('profile')} (or the environment variable AZURE_PROFILE).",
        )

    def names_of(field: str) -> tuple[str, ...]:
        return (f"{profile}.{field}",)

    _check_certificates(fields, PROFILES, names_of)
    return _app(fields, PROFILES, names_of)


def _app(fields: t.Mapping[str, str], source: str, names_of: t.Callable[[str], tuple[str, ...]]) -> SignIn:
    """Return the sign-in of an application.

    Args:
        fields: Its fields.
        source: Where they are from.
        names_of: Returns the names of a field there, the usual one first.

    Raises:
        InvalidOptionError: If they are incomplete, or for a way to sign in that azure.azcollection alone has.
    """
    has_proof = any(name in fields for name in _PROOFS)
    wanted = ", ".join(names_of(name)[0] for name in ("client_id", "secret", "tenant"))
    url = fields.get("adfs_authority_url")
    gone = ["adfs_authority_url"] if url and url.partition("://")[2].strip("/") != LOGIN_HOST else []
    if not (has_proof and "client_id" in fields):
        gone += [name for name in ("ad_user", "password") if name in fields]
    if gone:
        raise InvalidOptionError(
            f"{source}: {' and '.join(' or '.join(names_of(name)) for name in gone)} can no longer be used, since users with a "
            "password and ADFS are gone.",
            hint=f"Set {wanted}, or sign in with az login and {as_option('auth_source')}: cli.",
        )
    missing = [name for name, is_there in (("client_id", "client_id" in fields), ("secret", has_proof)) if not is_there]
    if missing:
        raise InvalidOptionError(
            f"{source}: no {' and no '.join(' or '.join(names_of(name)) for name in missing)}.",
            hint=f"Set {wanted}, or choose another {as_option('auth_source')}.",
        )
    _check_cloud(fields.get("cloud_environment"), f"{source}: {' or '.join(names_of('cloud_environment'))}")
    return SignIn("app", source, fields)


def _check_cloud(name: str | None, option: str) -> None:
    if name and name != PUBLIC_CLOUD:
        raise InvalidOptionError(
            f"{option} is {name}, and Atlas peers in Azure's public cloud alone.", hint=f"Set {PUBLIC_CLOUD}, or leave it out."
        )


def _check_certificates(fields: t.Mapping[str, str], source: str, names_of: t.Callable[[str], tuple[str, ...]]) -> None:
    """Check that the certificates of AZURE's hosts may be verified, as they always are."""
    if fields.get("cert_validation_mode", "validate") != "validate":
        raise InvalidOptionError(
            f"{source}: {' or '.join(names_of('cert_validation_mode'))} can no longer be used: certificates are always verified.",
            hint="Leave it out. REQUESTS_CA_BUNDLE can name the certificates that sign those of a proxy.",
        )


def _names_of_variable(field: str) -> tuple[str, ...]:
    return VARIABLES[field]
