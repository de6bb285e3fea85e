# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OAuth tokens as credentials: of a service account, kept between tasks in files that only their user can read, or a user's."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import math
import os
import re
import secrets
import stat
import threading
import time
import typing as t
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from .._api.request import Credential, Flow, Request, check_header_values
from .._http.errors import ApiError, InvalidOptionError
from .._http.exchange import Reply
from .._http.transport import Prepared
from .private_folder import PrivateFolder

# A token is not used in its last minutes, so that it does not expire in the middle of a task.
MARGIN_SECONDS = 300
# As documented by Atlas; no token is used for longer, whatever a reply or a file says.
LIFETIME_SECONDS = 3600.0
# A token is not replaced so soon after it was issued: what refuses it would refuse another one.
_YOUNG_SECONDS = 60
# Tokens have one or two thousand characters, and their files hardly more.
_LONGEST_TOKEN = 1 << 14
_MOST_BYTES = _LONGEST_TOKEN + 1000
# The characters that a header may have.
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Token:
    """A token, and when it expires, in seconds since the epoch."""

    value: str
    ends: float

    def is_good(self, now: float) -> bool:
        """Whether it stays valid for a while. A token with a longer life than Atlas grants is not."""
        return now < self.ends - MARGIN_SECONDS and self.ends <= now + LIFETIME_SECONDS


def is_token(value: object) -> bool:
    """Whether a value can be a token."""
    return isinstance(value, str) and len(value) <= _LONGEST_TOKEN and _TOKEN.fullmatch(value) is not None


class TokenCache:
    """The file with the token of one service account at one Atlas.

    Neither its name nor its content shows the secret. Links, and files or folders that others can access, are not used, with a
    warning about most of them. If nothing can be kept, each process gets a new token.

    Args:
        identity: The account, its secret and the way to Atlas; they are hashed.
        folder: The folder for the files; None to keep nothing.
        warn: Takes a sentence for the user.
    """

    def __init__(self, identity: t.Sequence[str], folder: str | None, warn: t.Callable[[str], None]) -> None:
        self._name = hashlib.sha256(json.dumps(list(identity)).encode()).hexdigest() + ".json"
        self._folder = PrivateFolder(folder, "token cache", warn)
        self._path = os.path.join(folder or "", self._name)
        self._warn = warn

    @contextlib.contextmanager
    def locked(self, patience: float) -> t.Iterator[None]:
        """Lock the file inside the block; only there can it be read or written.

        Args:
            patience: Seconds after which to go on without the lock.
        """
        with self._folder.opened(), self._folder.locked(self._name, patience) as has_turn:
            if not has_turn:
                self._warn(f"Another process has held {self._path}.lock for {patience:g} seconds: it is not waited for.")
            yield

    def load(self) -> Token | None:
        """Return the token in the file; None if there is no file, or one that cannot be trusted or read."""
        with contextlib.suppress(OSError), open(self._name, "rb", opener=self._folder.open) as stream:
            found = os.fstat(stream.fileno())
            if stat.S_ISREG(found.st_mode) and self._folder.is_trusted(self._path, found):
                return _parse(stream.read(_MOST_BYTES + 1))
        return None

    def store(self, token: Token) -> None:
        """Write a token; the file is replaced atomically. Errors of the file system are ignored."""
        temporary = f"{self._name}.{secrets.token_hex(8)}"
        with contextlib.suppress(OSError), open(temporary, "x", encoding="utf-8", opener=self._folder.open) as stream:
            try:
                json.dump(asdict(token), stream)
                stream.flush()
                os.replace(temporary, self._name, src_dir_fd=self._folder.descriptor, dst_dir_fd=self._folder.descriptor)
            except BaseException:
                os.unlink(temporary, dir_fd=self._folder.descriptor)
                raise


def _parse(content: bytes) -> Token | None:
    """Return the token in the content of a file; None if it is damaged."""
    try:
        fields = json.loads(content) if len(content) <= _MOST_BYTES else {}
        value, ends = fields["value"], fields["ends"]
        is_moment = type(ends) in (int, float) and math.isfinite(ends)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return Token(value, float(ends)) if is_moment and is_token(value) else None


class ServiceAccount(Credential):
    """A service account. All threads reuse its token until shortly before it expires.

    Atlas issues few tokens (about 50 requests a minute, 100 live ones), so they are also kept for other tasks.

    Args:
        client_id: The id of the account.
        client_secret: Its secret.
        cache: Keeps tokens between tasks.
        clock: Returns the time in seconds since the epoch.

    Raises:
        InvalidOptionError: If the id or the secret has a character that is not printable.
    """

    def __init__(self, client_id: str, client_secret: str, cache: TokenCache, clock: t.Callable[[], float] = time.time) -> None:
        check_header_values(client_id=client_id, client_secret=client_secret)
        pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self.secrets = [client_secret, pair]
        # RFC 6749, 4.4. An unused token does no harm, so this POST may be repeated.
        self._token_request = Request(
            "POST",
            ("token",),
            "an access token",
            body=urlencode({"grant_type": "client_credentials"}),
            headers={"Accept": "application/json", "Authorization": f"Basic {pair}"},
            root="/api/oauth",
            repeatable=True,
        )
        self._cache = cache
        self._clock = clock
        # Held by the thread that gets a token; the others wait for it and use the same one.
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._refused: str | None = None

    def sign_in(self, request: Prepared, patience: t.Callable[[], float]) -> Flow:
        """Send the token; after a 401, which may mean that it is revoked, send another one, once. See `Credential.sign_in`.

        Atlas also answers 401 if the account is not in the project, or may not do something, and then another token does not
        help, unless the account has been invited since.
        """
        for unused in range(2):
            token = yield from self._good_token(patience)
            request.headers["Authorization"] = f"Bearer {token.value}"
            reply: Reply = yield request
            if not reply.is_unauthorized or token.ends > self._clock() + LIFETIME_SECONDS - _YOUNG_SECONDS:
                return
            self._refused = token.value

    def _good_token(self, patience: t.Callable[[], float]) -> t.Generator[Request, object, Token]:
        """Return a token that is valid for a while: the last one, the cached one, or a new one."""
        with self._lock:
            token = self._good(self._token)
            if token is None:
                # Other processes wait here, and then find the new token in the cache.
                with self._cache.locked(patience()):
                    token = self._good(self._cache.load())
                    if token is None:
                        token = yield from self._new_token()
                        self._cache.store(token)
                self._token = token
                self.secrets.append(token.value)
            return token

    def _good(self, token: Token | None) -> Token | None:
        """Return a token if it is valid for a while and was not refused; None otherwise."""
        return token if token is not None and token.is_good(self._clock()) and token.value != self._refused else None

    def _new_token(self) -> t.Generator[Request, t.Any, Token]:
        """Request a new token.

        Raises:
            ApiError: If the reply has none.
        """
        answer = yield self._token_request
        value, lifetime = answer.get("access_token"), _lifetime(answer.get("expires_in"))
        if not is_token(value) or not lifetime:
            raise ApiError("the reply of Atlas has none.", description="get an access token", hint="Check base_url.")
        return Token(str(value), self._clock() + lifetime)


def _lifetime(expires_in: object) -> float:
    """Return the seconds for which a token is used; 0 if `expires_in` is not a positive number.

    Some servers send it as text, and a reply may leave it out (RFC 6749, 5.1).
    """
    try:
        # Through text, an integer that is too large becomes infinity instead of an OverflowError.
        seconds = LIFETIME_SECONDS if expires_in is None else float(str(expires_in))
    except ValueError:
        return 0.0
    return min(seconds, LIFETIME_SECONDS) if seconds > 0 else 0.0


class AccessToken(Credential):
    """An OAuth access token supplied by the user; never renewed.

    Args:
        access_token: The token.

    Raises:
        InvalidOptionError: If it has characters that tokens do not have.
    """

    def __init__(self, access_token: str) -> None:
        check_header_values(access_token=access_token)
        if not access_token.isascii():
            raise InvalidOptionError("access_token has characters that tokens do not have.", hint="Copy it again.")
        self.secrets = [access_token]
        self._access_token = access_token

    def sign_in(self, request: Prepared, patience: t.Callable[[], float]) -> Flow:
        """Send the token, once; see `Credential.sign_in`."""
        request.headers["Authorization"] = f"Bearer {self._access_token}"
        yield request
