# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for AWS that modules share, under the names that amazon.aws gives them, and their checks."""

from __future__ import annotations

import os
import re
import typing as t
from urllib.parse import urlsplit

from .._clouds.aws import AWS
from .._engine.argspec import ArgumentSpec
from .._engine.options import Parameters, parse_region, parse_text
from .._http.errors import InvalidOptionError, as_option
from .._http.redact import name_in
from .._values.blocks import address_in
from .._values.ids import parse_account_id

SECRET_OPTIONS = ("secret_key", "session_token")

AWS_OPTIONS = ArgumentSpec(
    {
        "region": {"type": "str", "aliases": ["aws_region"]},
        "profile": {"type": "str", "aliases": ["aws_profile"]},
        "access_key": {"type": "str", "no_log": False, "aliases": ["aws_access_key_id", "aws_access_key"]},
        "secret_key": {"type": "str", "no_log": True, "aliases": ["aws_secret_access_key", "aws_secret_key"]},
        "session_token": {"type": "str", "no_log": True, "aliases": ["aws_session_token"]},
        "assume_role_arn": {"type": "str", "aliases": ["iam_role_arn"]},
        "accounts": {"type": "dict", "aliases": ["aws_accounts"]},
        "endpoint_url": {"type": "str", "aliases": ["aws_endpoint_url"]},
        "aws_ca_bundle": {"type": "path"},
    },
    required_together=(("access_key", "secret_key"),),
    mutually_exclusive=(("profile", "access_key"), ("profile", "session_token")),
)

# Checked here, since botocore's message for a malformed ARN does not name the option.
_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/\S+")
# What stands for the account of a connection in `assume_role_arn`.
ACCOUNT: t.Final = "{account}"
# Credentials belong together: what has a profile or a key takes none of these from elsewhere.
_TOGETHER = ("profile", "access_key", "secret_key", "session_token", "assume_role_arn")
_OWN = ("profile", "access_key")
# What `accounts` may say of an account. Keys are secrets, and group_vars are not the place for them.
_OF_ACCOUNT = ("assume_role_arn", "profile")

# The names of the options in messages, where a task has them under these names.
NAMES: t.Mapping[str, str] = {name: name for name in AWS_OPTIONS.options}


def validate(params: Parameters, names: t.Mapping[str, str] = NAMES) -> tuple[Parameters, list[str]]:
    """Check the options for AWS without the network and without boto3's files.

    Args:
        params: The options.
        names: Their names in messages.

    Returns:
        The options with `region` and `accounts` parsed (None if not set), and warnings.

    Raises:
        InvalidOptionError: If they contradict each other, or one is invalid.
    """
    both = f"{as_option(names['access_key'])} and {as_option(names['secret_key'])}"
    if bool(params["access_key"]) != bool(params["secret_key"]):
        raise InvalidOptionError(f"{both} are two halves of one key: one of them is empty.", hint="Set both.")
    if params["session_token"] and not params["access_key"]:
        raise InvalidOptionError(f"{as_option(names['session_token'])} is set without {both}.", hint="Set all three, or none.")
    if params["aws_ca_bundle"] and not os.path.exists(params["aws_ca_bundle"]):
        name = names["aws_ca_bundle"]
        raise InvalidOptionError(f"{as_option(name)}: {params['aws_ca_bundle']} does not exist on the host this task runs on.")
    _check_role(as_option(names["assume_role_arn"]), params["assume_role_arn"] or "")
    accounts = _parse_accounts(names["accounts"], params["accounts"]) if params["accounts"] else None
    warnings = _check_endpoint(params["endpoint_url"], names) if params["endpoint_url"] else []
    region, unknown = parse_region(names["region"], params["region"], AWS) if params["region"] else (None, [])
    return {**params, "region": region, "accounts": accounts}, warnings + unknown


def credentials_of(
    params: Parameters, account: str | None, own: Parameters | None = None, names: t.Mapping[str, str] = NAMES
) -> dict[str, t.Any]:
    """Return the options for AWS of one connection, with the credentials of its account.

    What its entry says comes before `accounts`, and that before what the task says.

    Args:
        params: The options of the task, as `validate` returns them.
        account: The account that owns the VPC; None if it is not known.
        own: The options of the entry, under the same names.
        names: The names of the options in messages.

    Raises:
        InvalidOptionError: If the credentials depend on the account, and it is not known.
    """
    own = own or {}
    listed = {} if _has_own(own) else params["accounts"] or {}
    found = {name: own.get(name) or params[name] for name in AWS_OPTIONS.options if name not in ("accounts", *_TOGETHER)}
    found.update(dict.fromkeys(_TOGETHER))
    for source in (own, listed.get(account, {}), params):
        found.update({name: source.get(name) for name in _TOGETHER if not found[name]})
        if any(source.get(name) for name in _OWN):
            break
    role = found["assume_role_arn"] or ""
    if account is None and (listed or ACCOUNT in role):
        option = names["assume_role_arn" if ACCOUNT in role else "accounts"]
        raise InvalidOptionError(
            f"{as_option('aws_account_id')} is needed to choose credentials by {as_option(option)}.",
            hint="Set it to the account that owns the VPC.",
        )
    return {**found, "assume_role_arn": role.replace(ACCOUNT, str(account)) or None}


def credential_names(
    params: Parameters, account: str | None, own: Parameters | None = None, names: t.Mapping[str, str] = NAMES
) -> dict[str, str]:
    """Return the names of the options in messages about the credentials that `credentials_of` chooses, by its arguments."""
    said = {} if _has_own(own or {}) else (params["accounts"] or {}).get(account, {})
    return {**names, **{name: f"{names['accounts']}.{account}.{name}" for name in said}}


def _has_own(own: Parameters) -> bool:
    """Whether an entry has credentials of its own, or a role."""
    return any(own.get(name) for name in (*_OWN, "assume_role_arn"))


def _check_role(name: str, role: str) -> None:
    """Check the ARN of a role, if there is one.

    Raises:
        InvalidOptionError: If it is not the ARN of a role, or has another placeholder than `{account}`.
    """
    written = role.replace(ACCOUNT, "0" * 12)
    if "{" in written or "}" in written:
        raise InvalidOptionError(
            f"{name} has braces, and the only placeholder is {ACCOUNT}: {role!r}.",
            hint=f"Write it like arn:aws:iam::{ACCOUNT}:role/network.",
        )
    if role and not _ROLE_ARN.fullmatch(written):
        raise InvalidOptionError(
            f"{name} is not the ARN of a role: {role!r}.",
            hint=f"Write it like arn:aws:iam::123456789012:role/network, or with {ACCOUNT} for the account of each connection.",
        )


def _parse_accounts(option: str, value: t.Mapping[object, object]) -> dict[str, dict[str, str]]:
    """Return what `accounts` says of each account.

    Raises:
        InvalidOptionError: If a key is not the id of an account, or an account has something else than its role and a profile.
    """
    found: dict[str, dict[str, str]] = {}
    for key, said in value.items():
        account = parse_text(f"{as_option(option)} has a key that", str(key), parse_account_id)
        if account in found:
            raise InvalidOptionError(
                f"{as_option(option)} has {account} twice, as a text and as a number.", hint="Leave one of them out."
            )
        place, usual = f"{as_option(option)}.{account}", f"It takes {' or '.join(_OF_ACCOUNT)}, each a text."
        # Without the values, which may be keys.
        if not isinstance(said, dict):
            raise InvalidOptionError(f"{place} is not a mapping.", hint=usual)
        others = [name_in(str(name)) for name in said if name not in _OF_ACCOUNT]
        if others:
            raise InvalidOptionError(f"{place} has {others[0]}.", hint=f"{usual} Keys do not belong there: use a profile.")
        given = {name: one for name, one in said.items() if one not in (None, "")}
        if not given:
            raise InvalidOptionError(f"{place} has neither a role nor a profile.", hint=usual)
        odd = [name for name, one in given.items() if not isinstance(one, str)]
        if odd:
            raise InvalidOptionError(f"{place}.{odd[0]} is not a text.", hint="Put it in quotes.")
        role = given.get("assume_role_arn", "")
        _check_role(f"{place}.assume_role_arn", role)
        if role and role.split(":")[4] not in (account, ACCOUNT):
            raise InvalidOptionError(
                f"{place}.assume_role_arn is a role of another account: {role!r}.", hint="Correct one of them."
            )
        found[account] = given
    return found


def _check_endpoint(url: str, names: t.Mapping[str, str]) -> list[str]:
    name = as_option(names["endpoint_url"])
    hint = "Write it like https://ec2.eu-west-1.amazonaws.com, or leave it out."
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or any(one.isspace() or one < "!" for one in url):
        raise InvalidOptionError(f"{name} is not an http or https URL.", hint=hint)
    if "@" in parts.netloc:
        use = "Use {} and {}, or {}.".format(*(as_option(names[one]) for one in ("access_key", "secret_key", "profile")))
        raise InvalidOptionError(f"{name} must not carry credentials.", hint=use)
    if parts.scheme == "https" or _is_loopback(host):
        return []
    return [f"{name} is plain http to {host}: anybody on the way can read session tokens, and change what AWS answers."]


def _is_loopback(host: str) -> bool:
    address = address_in(host)
    return host == "localhost" if address is None else address.is_loopback
