"""The two paths of OAuth: a token is given out (RFC 6749, 4.4), a token is revoked (RFC 7009)."""

from __future__ import annotations

from urllib.parse import parse_qsl

from .errors import ApiError
from .exchange import Exchange
from .oauth import TooManyError, parse_basic
from .replies import Reply

_FORM = "application/x-www-form-urlencoded"
# RFC 6749, 5.1: no cache may keep a token.
_UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
TOKEN_PATH = "/api/oauth/token"
REVOKE_PATH = "/api/oauth/revoke"
PATHS = (TOKEN_PATH, REVOKE_PATH)


class _OAuthError(Exception):
    """An error as RFC 6749, 5.2, has it."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        headers = {"WWW-Authenticate": 'Basic realm="Atlas service accounts"'} if status == 401 else {}
        self.reply = Reply(status, {"error": code, "error_description": description}, {**_UNCACHED, **headers})


class OAuthExchange(Exchange):
    """A request for a token, or to revoke one."""

    def identify(self) -> None:
        """Check the id and the secret; who has neither is told in `_answer`, after what is asked more generally."""
        self.authenticated = self._emulator.tokens.is_client(parse_basic(self.authorization))

    def _answer(self) -> Reply:
        if self.method != "POST":
            raise ApiError("METHOD_NOT_ALLOWED", self.method, headers={"Allow": "POST"})
        try:
            if self.origin_path == TOKEN_PATH:
                return self._give()
            return self._revoke()
        except _OAuthError as error:
            return error.reply
        except TooManyError as error:
            # Atlas's own form, as for every other limit: RFC 6749 has no error for it.
            raise ApiError("RATE_LIMITED", self.origin_path, headers={"Retry-After": str(error.retry_after)}) from None

    def _give(self) -> Reply:
        tokens = self._emulator.tokens
        tokens.count_request(self.caller)
        form = self._form()
        self._check_client()
        if form.get("grant_type") != "client_credentials":
            if "grant_type" not in form:
                raise _OAuthError("invalid_request", "The parameter grant_type is missing.")
            raise _OAuthError("unsupported_grant_type", "The grant type has to be client_credentials.")
        try:
            token = tokens.issue()
        except TooManyError as error:
            # As MongoDB documents it for its managed MCP server, whose clients sign in as service accounts.
            raise _OAuthError("access_denied", f"The account has {error.limit} tokens that can be used.", 403) from None
        content = {"access_token": token, "expires_in": tokens.expires_in, "token_type": "Bearer"}
        return Reply(200, content, dict(_UNCACHED))

    def _revoke(self) -> Reply:
        form = self._form()
        self._check_client()
        if not form.get("token"):
            raise _OAuthError("invalid_request", "The parameter token is missing.")
        self._emulator.tokens.revoke(form["token"])
        return Reply(200, None)

    def _check_client(self) -> None:
        if not self.authenticated:
            raise _OAuthError("invalid_client", "The client id or the client secret is wrong, or not sent as Basic.", 401)

    def _form(self) -> dict[str, str]:
        """Return the parameters; those without a value count as left out, and none may be repeated (RFC 6749, 3.2)."""
        if self._body is None:
            raise _OAuthError("invalid_request", "The body is too large.", 413)
        if self._request.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
            raise _OAuthError("invalid_request", f"The body has to be of the type {_FORM}.")
        try:
            pairs = parse_qsl(self._body.decode(), max_num_fields=100)
        except ValueError:
            raise _OAuthError("invalid_request", "The body cannot be read as a form.") from None
        form = dict(pairs)
        if len(form) != len(pairs):
            raise _OAuthError("invalid_request", "A parameter is repeated.")
        return form
