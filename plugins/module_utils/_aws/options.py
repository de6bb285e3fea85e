# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for AWS that modules share, under the names that amazon.aws gives them, and their checks."""

from __future__ import annotations

import ipaddress
import os
import re
import typing as t
from urllib.parse import urlsplit

from .._clouds.aws import AWS
from .._engine.argspec import ArgumentSpec
from .._engine.options import Parameters, parse_region
from .._http.errors import InvalidOptionError

SECRET_OPTIONS = ("secret_key", "session_token")

AWS_OPTIONS = ArgumentSpec(
    {
        "region": {"type": "str", "aliases": ["aws_region"]},
        "profile": {"type": "str", "aliases": ["aws_profile"]},
        "access_key": {"type": "str", "no_log": False, "aliases": ["aws_access_key_id", "aws_access_key"]},
        "secret_key": {"type": "str", "no_log": True, "aliases": ["aws_secret_access_key", "aws_secret_key"]},
        "session_token": {"type": "str", "no_log": True, "aliases": ["aws_session_token"]},
        "assume_role_arn": {"type": "str", "aliases": ["iam_role_arn"]},
        "endpoint_url": {"type": "str", "aliases": ["aws_endpoint_url"]},
        "aws_ca_bundle": {"type": "path"},
    },
    required_together=(("access_key", "secret_key"),),
    mutually_exclusive=(("profile", "access_key"), ("profile", "session_token")),
)

# Checked here, since botocore's message for a malformed ARN does not name the option.
_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/\S+")

# The names of the options in messages, where a task has them under these names.
NAMES: t.Mapping[str, str] = {name: name for name in AWS_OPTIONS.options}


def validate(params: Parameters, names: t.Mapping[str, str] = NAMES) -> tuple[Parameters, list[str]]:
    """Check the options for AWS without the network and without boto3's files.

    Args:
        params: The options.
        names: Their names in messages.

    Returns:
        The options with `region` parsed (None if not set), and warnings.

    Raises:
        InvalidOptionError: If they contradict each other, or one is invalid.
    """
    both = f"{names['access_key']} and {names['secret_key']}"
    if bool(params["access_key"]) != bool(params["secret_key"]):
        raise InvalidOptionError(f"{both} are two halves of one key: one of them is empty.", hint="Set both.")
    if params["session_token"] and not params["access_key"]:
        raise InvalidOptionError(f"{names['session_token']} is set without {both}.", hint="Set all three, or none.")
    if params["aws_ca_bundle"] and not os.path.exists(params["aws_ca_bundle"]):
        name = names["aws_ca_bundle"]
        raise InvalidOptionError(f"{name}: {params['aws_ca_bundle']} does not exist on the host this task runs on.")
    role = params["assume_role_arn"]
    if role and not _ROLE_ARN.fullmatch(role):
        raise InvalidOptionError(
            f"{names['assume_role_arn']} is not the ARN of a role: {role!r}.",
            hint="Write it like arn:aws:iam::123456789012:role/network.",
        )
    warnings = _check_endpoint(params["endpoint_url"], names) if params["endpoint_url"] else []
    region, unknown = parse_region(names["region"], params["region"], AWS) if params["region"] else (None, [])
    return {**params, "region": region}, warnings + unknown


def _check_endpoint(url: str, names: t.Mapping[str, str]) -> list[str]:
    name = names["endpoint_url"]
    hint = "Write it like https://ec2.eu-west-1.amazonaws.com, or leave it out."
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or any(one.isspace() or one < "!" for one in url):
        raise InvalidOptionError(f"{name} is not an http or https URL.", hint=hint)
    if "@" in parts.netloc:
        use = f"Use {names['access_key']} and {names['secret_key']}, or {names['profile']}."
        raise InvalidOptionError(f"{name} must not carry credentials.", hint=use)
    if parts.scheme == "https" or _is_loopback(host):
        return []
    return [f"{name} is plain http to {host}: anybody on the way can read session tokens, and change what AWS answers."]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
