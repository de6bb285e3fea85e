# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access tokens for AZURE, from azure-identity and the Azure CLI. Only this file imports azure-identity, at the first token."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import time
import typing as t
import warnings
from contextlib import suppress
from urllib.parse import urlsplit

from .._clouds.azure import AZURE
from .._engine.options import Parameters
from .._http.errors import TRANSIENT_STATUSES, AuthError, InvalidOptionError, as_option
from .._http.exchange import Reply, parse_json, reply_of
from .._http.session import (
    DEFECTS,
    TRANSIENT_OF_MACHINES,
    Send,
    TokenRefusedError,
    TokenUnansweredError,
    sign_in_error,
    token_flaw,
)
from .credentials import LOGIN_HOST, SECRET_FIELDS, find_sign_in

# The identity of a machine answers at once, or there is none.
IDENTITY_SECONDS = 5.0
CLI_SECONDS = 30.0
# A token is not used in its last seconds, nor longer than this if its end is not known.
_SPARE_SECONDS, _SHORT_LIFE = 60.0, 300.0
# The secrets in requests for a token and the replies to them.
_SECRET_NAMES = ("access_token", "refresh_token", "id_token", "client_assertion")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# Where AZURE describes the login to a directory, and what it says there:
# https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc
_METADATA = "/v2.0/.well-known/openid-configuration"
_ENDPOINTS = {"authorization": "authorize", "token": "token"}
_HINTS = {
    "app": f"Check {as_option('client_id')}, {as_option('secret')} and {as_option('tenant')}, and that the application is in "
    "this directory and its secret has not expired.",
    "cli": f"Sign in with az login, or choose another {as_option('auth_source')}.",
    "msi": f"Run the task on a machine of Azure with a managed identity, or choose another {as_option('auth_source')}.",
    "any": f"Set {as_option('client_id')}, {as_option('secret')} and {as_option('tenant')}, or {as_option('profile')}, "
    "or sign in with az login.",
}


class _MissingError(Exception):
    """Raised if a way to sign in is not there on this host; its text says why."""


class Tokens:
    """Gets access tokens with the credentials that were found, and new ones when they expire.

    Args:
        params: The options, as `credentials.check_credentials` returns them, with `directory_id` if the task needs tokens of
            that directory.
        send: Sends a request.
        seconds_left: Returns how long a program may take, at most so many seconds.

    Attributes:
        secrets: The secrets known so far.
        directory: The directory whose tokens are wanted, its id or a domain; None if the credentials have one alone.

    Raises:
        InvalidOptionError: If there are no credentials, or they are incomplete.
    """

    def __init__(self, params: Parameters, send: Send, seconds_left: t.Callable[[float], float]) -> None:
        self._sign_in = find_sign_in(params)
        fields = self._sign_in.fields
        self.secrets: set[str] = {fields[name] for name in SECRET_FIELDS if name in fields}
        self.directory: str | None = params.get("directory_id") or params["tenant"] or fields.get("tenant")
        if self._sign_in.kind == "app" and self.directory is None:
            raise InvalidOptionError(f"{self._sign_in.source}: no tenant.", hint="Set azure_directory_id, or the tenant there.")
        self._send = send
        self._seconds_left = seconds_left
        self._kind: str = self._sign_in.kind
        self._credential: t.Any = None
        self._found: dict[str, tuple[str, float]] = {}
        # What came of the last request for a token, if it was refused or not answered.
        self._failure: TokenUnansweredError | None = None

    def get(self, description: str, url: str) -> str:
        """Return a token that has not expired; see `TokenSource.get`.

        Raises:
            AuthError: If there is none, or it is of another directory.
        """
        resource = f"https://{urlsplit(url).hostname}"
        token, until = self._found.get(resource, ("", 0.0))
        # The clock of the wall, on which tokens end.
        if time.time() >= until - _SPARE_SECONDS:
            token, until = self._request(description, resource)
            self._check_directory(description, token)
            self._found[resource] = token, until
        return token

    def _check_directory(self, description: str, token: str) -> None:
        """Check the claim `tid` of a token; AZURE itself refuses one whose claims cannot be read."""
        found, wanted = str(_claims(token).get("tid") or ""), self.directory or ""
        if found and _UUID.fullmatch(wanted) and found.lower() != wanted.lower():
            hint = {
                "msi": f"A managed identity belongs to one directory: for {wanted}, set {as_option('client_id')} and "
                f"{as_option('secret')}, or {as_option('profile')}.",
                "cli": f"Sign in with az login --tenant {wanted}.",
            }.get(self._kind, "Correct the directory, or the credentials.")
            raise AuthError(
                f"these credentials are of the directory {found}, and not of {wanted}.", description=description, hint=hint
            )

    def _request(self, description: str, resource: str) -> tuple[str, float]:
        """Return a new token, and when it ends."""
        reasons = []
        for kind in ("cli", "msi") if self._kind == "any" else (self._kind,):
            try:
                token, until = (
                    self._from_cli(description, resource) if kind == "cli" else self._from_library(description, kind, resource)
                )
            except _MissingError as error:
                reasons.append(str(error))
                continue
            self._kind = kind
            self.secrets.add(token)
            return token, until
        raise self._error(description, "; ".join(reasons))

    def _error(self, description: str, text: str, failure: TokenUnansweredError | None = None) -> AuthError:
        way, hint = f"{AZURE.name} with {self._sign_in.source}", (failure and failure.hint) or _HINTS[self._kind]
        is_transient = failure is not None and failure.is_transient
        return sign_in_error(description, way, text, hint=hint, secrets=self.secrets, is_transient=is_transient)

    def _from_cli(self, description: str, resource: str) -> tuple[str, float]:
        """Return a token of the Azure CLI, whose account has several directories, or one if it is a managed identity."""
        command = ["account", "get-access-token", "--output", "json", "--resource", resource]
        subscription = self._sign_in.fields.get("subscription_id")
        which = ["--tenant", self.directory] if self.directory else ["--subscription", subscription] if subscription else []
        seconds = self._seconds_left(CLI_SECONDS)
        code, out, err = _run_az([*command, *which], seconds)
        if code and "shouldn't be specified" in err:
            code, out, err = _run_az(command, self._seconds_left(CLI_SECONDS))
        if code and ("az login" in err or "az account set" in err) and "AADSTS" not in err:
            raise _MissingError("the Azure CLI (az) is not signed in")
        if code is None:
            raise self._error(description, f"az gave no answer in {seconds:.0f} seconds")
        content = parse_json(out.encode())
        token = content.get("accessToken") if isinstance(content, dict) else None
        if code or not token or not isinstance(token, str):
            raise self._error(
                description, f"az failed: {(err.partition('ERROR:')[2] or err).strip()}" if code else "az has printed no token"
            )
        until = _claims(token).get("exp")
        return token, float(until) if isinstance(until, int) else time.time() + _SHORT_LIFE

    def _from_library(self, description: str, kind: str, resource: str) -> tuple[str, float]:
        """Return a token of azure-identity, which caches none that is about to end."""
        try:
            from azure.core.exceptions import AzureError
        except ImportError as error:
            raise self._error(description, f"the Python package azure-identity cannot be loaded ({error})") from error
        self._failure = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if self._credential is None:
                    self._credential = self._make_credential(kind)
                found = self._credential.get_token(f"{resource}/.default")
        except (AzureError, *DEFECTS) as error:
            # It would answer the next request by what it has just heard.
            self._credential = None
            text = token_flaw(AZURE.name, error, self._failure)
            is_busy = isinstance(self._failure, TokenRefusedError) and self._failure.is_transient
            if self._sign_in.kind == "any" and not is_busy:
                raise _MissingError(f"no managed identity: {text}") from None
            raise self._error(description, text, self._failure) from None
        return str(found.token), float(found.expires_on)

    def _make_credential(self, kind: str) -> object:
        from azure import identity

        # They warn of each failure, and may quote it whole.
        for name in ("azure", "msal"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        fields, common = self._sign_in.fields, {"transport": _make_transport(self._ask), "retry_total": 0}
        if kind == "msi":
            return identity.ManagedIdentityCredential(client_id=fields.get("client_id"), **common)
        who = (str(self.directory), fields["client_id"])
        more = {**common, "authority": LOGIN_HOST, "disable_instance_discovery": True}
        if "oidc_token" in fields or "oidc_token_file_path" in fields:
            return identity.ClientAssertionCredential(*who, self._read_assertion, **more)
        if "secret" in fields:
            return identity.ClientSecretCredential(*who, fields["secret"], **more)
        more["send_certificate_chain"] = fields.get("send_certificate_chain", "").lower() in ("1", "true")
        password, path = fields.get("certificate_password"), fields["x509_certificate_path"]
        _check_regular(path)
        return identity.CertificateCredential(*who, path, password=password, **more)

    def _read_assertion(self) -> str:
        """Return the federated token, which others renew in its file."""
        if "oidc_token" in self._sign_in.fields:
            return self._sign_in.fields["oidc_token"]
        path = self._sign_in.fields["oidc_token_file_path"]
        _check_regular(path)
        try:
            with open(path, encoding="utf-8") as file:
                return file.read().strip()
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not a text file") from None

    def _ask(self, method: str, url: str, body: object, headers: t.Mapping[str, str]) -> Reply:
        """Send a request of azure-identity: for an application to AZURE's host alone, else to where the machine's identity is.

        Raises:
            TokenUnansweredError: If there is no reply.
        """
        parts = urlsplit(url)
        is_app = self._sign_in.kind == "app"
        if isinstance(body, dict):
            self.secrets.update(str(body[name]) for name in _SECRET_NAMES if name in body)
        try:
            if is_app and (parts.scheme, parts.netloc) != ("https", LOGIN_HOST):
                raise TokenUnansweredError(f"{parts.netloc} is not {LOGIN_HOST}")
            if is_app and parts.path.endswith(_METADATA):
                return _login_of(parts.path[: -len(_METADATA)])
            reply = self._send(method, url, body, headers, None if is_app else IDENTITY_SECONDS)
        except TokenUnansweredError as error:
            self._failure = error
            raise
        content = parse_json(reply.content)
        if isinstance(content, dict):
            self.secrets.update(str(content[name]) for name in _SECRET_NAMES if content.get(name))
        if reply.is_error:
            transient = TRANSIENT_STATUSES if is_app else TRANSIENT_OF_MACHINES
            self._failure = TokenRefusedError(parts.hostname or url, reply, transient)
        return reply


def _login_of(directory: str) -> Reply:
    """Return what AZURE says of where to sign in to a directory. It is the same for each of them, so it need not be asked for.

    Args:
        directory: The directory, as a path.
    """
    base = f"https://{LOGIN_HOST}{directory}"
    said = {"issuer": f"{base}/v2.0", **{f"{one}_endpoint": f"{base}/oauth2/v2.0/{path}" for one, path in _ENDPOINTS.items()}}
    return reply_of(said)


def _make_transport(ask: t.Callable[[str, str, object, t.Mapping[str, str]], Reply]) -> t.Any:
    """Return an HttpTransport of azure.core that sends each request by a function of ours."""
    from azure.core.exceptions import ServiceRequestError
    from azure.core.pipeline.transport import HttpResponse, HttpTransport
    from azure.core.utils import case_insensitive_dict

    class _Response(HttpResponse):
        def __init__(self, request: t.Any, reply: Reply) -> None:
            super().__init__(request, reply)
            self.status_code, self.headers, self.reason = reply.status, case_insensitive_dict(reply.headers), ""
            self.content_type = reply.headers.get("Content-Type")
            self._content = reply.content

        def body(self) -> bytes:
            return self._content

    class _OurTransport(HttpTransport[object, object]):
        def send(self, request: t.Any, **unused: object) -> object:
            try:
                return _Response(request, ask(request.method, request.url, request.data, request.headers))
            except TokenUnansweredError as error:
                raise ServiceRequestError(str(error)) from error

        def open(self) -> None:
            """Do nothing: the session opens connections."""

        def close(self) -> None:
            """Do nothing: the session closes them."""

        def __exit__(self, *unused: object) -> None:
            """Do nothing, either."""

    return _OurTransport()


def _check_regular(path: str) -> None:
    """Check that a file, if there is one, has an end: a pipe could keep the task waiting for ever."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"{path} is not a regular file")


def _claims(token: str) -> dict[str, object]:
    """Return the claims of a JWT, unverified; none if it is not one."""
    part = token.split(".")[1:2]
    try:
        content = json.loads(base64.urlsafe_b64decode(part[0] + "=" * (-len(part[0]) % 4))) if part else None
    except ValueError:
        content = None
    return content if isinstance(content, dict) else {}


def _run_az(arguments: t.Sequence[str], seconds: float) -> tuple[int | None, str, str]:
    """Run the Azure CLI, and return its status, which is None if the time was up, its output and its errors.

    It is a script that starts another program, so the whole group of processes is ended.

    Raises:
        _MissingError: If it is not on this host.
    """
    az = shutil.which("az")
    if az is None:
        raise _MissingError("the Azure CLI (az) is not on PATH")
    pipe, variables = subprocess.PIPE, {**os.environ, "AZURE_CORE_NO_COLOR": "true"}
    options: dict[str, t.Any] = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe, "cwd": os.sep, "env": variables}
    try:
        # run_command needs an AnsibleModule, which only one of the two ways of running has, and knows no deadline.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            [os.path.abspath(az), *arguments], text=True, errors="replace", start_new_session=True, **options
        )
    except OSError as error:
        raise _MissingError(f"the Azure CLI (az) cannot be run: {error.strerror}") from None
    with process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException as error:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                return None, "", ""
            raise
    return process.returncode, out, err
