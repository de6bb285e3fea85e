# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access tokens for GCP, from google-auth. Only this file imports google-auth."""

from __future__ import annotations

import traceback
import typing as t
import warnings
from urllib.parse import urlsplit

from .._clouds.gcp import GCP
from .._engine.options import Parameters
from .._http.errors import TRANSIENT_STATUSES, AuthError, as_option
from .._http.exchange import Reply, reply_of
from .._http.session import DEFECTS, Send, TokenRefusedError, TokenUnansweredError, sign_in_error, token_flaw
from .credentials import read_key

GOOGLE_AUTH_IMPORT_ERROR: str | None = None
try:
    import google.auth
    import google.auth.compute_engine
    import google.auth.exceptions
    import google.auth.transport
    import google.oauth2.service_account
except ImportError:
    GOOGLE_AUTH_IMPORT_ERROR = traceback.format_exc()

# After these, google-auth would send a request for a token again; here, the session does, as often as `retries` says.
_TRANSIENT = TRANSIENT_STATUSES | {408}
# The secrets in credentials and keys of any kind; google-auth has no common name for them.
_SECRET_NAMES = ("token", "id_token", "refresh_token", "client_secret", "_client_secret", "private_key", "private_key_id")
# What has the credentials with which others are impersonated.
_SOURCES = ("_impersonated_credentials", "_source_credentials")
_HINTS = {
    "application": "Set GOOGLE_APPLICATION_CREDENTIALS, or sign in with gcloud auth application-default login, "
    f"or choose another {as_option('auth_kind')}.",
    "serviceaccount": "Check that the key is whole, and neither deleted nor disabled.",
    "machineaccount": "Run the task on a machine of GCP that has this service account, "
    f"or choose another {as_option('auth_kind')}.",
}


class _Response:
    """A reply as google-auth reads it."""

    def __init__(self, reply: Reply) -> None:
        self.status, self.headers, self.data = reply.status, reply.headers, reply.content


class Tokens:
    """Gets access tokens with the credentials of the options, and new ones when they expire.

    Args:
        params: The options, as `options.validate` returns them.
        send: Sends a request.
        retries: How often a request that is not answered is sent again.

    Attributes:
        secrets: The secrets known so far.

    Raises:
        TaskError: If the key cannot be read.
    """

    def __init__(self, params: Parameters, send: Send, retries: int) -> None:
        self.secrets: set[str] = {params[one] for one in ("access_token", "service_account_contents") if params[one]}
        self._kind: str = params["auth_kind"]
        self._params = params
        self._send = send
        self._retries = retries
        self._credentials: t.Any = None
        # How often there was no answer to whether this is a machine of GCP.
        self._unanswered = 0
        # The last reply to a request for a token, if it refused one.
        self._refusal: TokenRefusedError | None = None
        self._key = read_key(params) if self._kind == "serviceaccount" else {}
        self._note(self._key)

    def get(self, description: str, unused_url: str) -> str:
        """Return a token that has not expired; see `TokenSource.get`."""
        if self._kind == "accesstoken":
            # Not by google-auth: it would fail to renew the token, and hide GCP's reply.
            return str(self._params["access_token"])
        try:
            # google-auth warns about quotas for some credentials; they do not matter here.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if self._credentials is None:
                    self._credentials = self._find()
                if not self._credentials.valid:
                    self._credentials.refresh(self._request)
        except (google.auth.exceptions.GoogleAuthError, TokenUnansweredError, *DEFECTS) as error:
            self._note(self._credentials)
            raise self._sign_in_error(description, error) from None
        self._note(self._credentials)
        return str(self._credentials.token)

    def _sign_in_error(self, description: str, error: Exception) -> AuthError:
        """Return the error for what google-auth raised."""
        # On some refusals, old releases of google-auth raise an error of Python.
        is_refused = isinstance(error, (google.auth.exceptions.RefreshError, google.auth.exceptions.OAuthError, *DEFECTS))
        failure = error if isinstance(error, TokenUnansweredError) else self._refusal if is_refused else None
        text = token_flaw(GCP.name, error, failure)
        is_transient = bool(getattr(error, "retryable", False) or getattr(error, "is_transient", False))
        way, hint = f"{GCP.name} with auth_kind {self._kind}", _HINTS.get(self._kind)
        return sign_in_error(description, way, text, hint=hint, secrets=self.secrets, is_transient=is_transient)

    def _note(self, holder: object) -> None:
        found = holder if isinstance(holder, dict) else {one: getattr(holder, one, None) for one in (*_SECRET_NAMES, *_SOURCES)}
        self.secrets |= {one for name in _SECRET_NAMES if (one := found.get(name)) and isinstance(one, str)}
        for source in filter(None, map(found.get, _SOURCES)):
            self._note(source)

    def _find(self) -> object:
        scopes = self._params["scopes"]
        if self._kind == "serviceaccount":
            return google.oauth2.service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
                self._key, scopes=scopes
            )
        if self._kind == "machineaccount":
            email = self._params["service_account_email"] or "default"
            return google.auth.compute_engine.Credentials(email, scopes=scopes)  # type: ignore[no-untyped-call]
        return google.auth.default(scopes=scopes, request=t.cast("t.Any", self._request))[0]

    def _request(
        self,
        url: str,
        method: str = "GET",
        body: object = None,
        headers: t.Mapping[str, str] | None = None,
        timeout: float | None = None,
        **unused: object,
    ) -> _Response:
        """Send a request of google-auth, which checks the status itself.

        Raises:
            TokenUnansweredError: If no reply can be used, or the next one may be better. google-auth lets it pass.
            TransportError: If there is no answer to whether this is a machine of GCP; google-auth then asks again.
        """
        parts = urlsplit(url)
        is_ping = not parts.path.strip("/")
        try:
            reply = self._send(method, url, body, headers or {}, timeout)
        except TokenUnansweredError as error:
            if not is_ping:
                raise
            self._unanswered += 1
            if self._unanswered > self._retries:
                return _Response(reply_of({}))
            raise google.auth.exceptions.TransportError(str(error)) from error  # type: ignore[no-untyped-call]
        self._refusal = TokenRefusedError(parts.hostname or url, reply, _TRANSIENT) if reply.is_error else None
        if self._refusal is not None and self._refusal.is_transient and not is_ping:
            raise self._refusal
        return _Response(reply)
