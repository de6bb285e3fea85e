# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OAuth tokens, kept between tasks in files that only their user can read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import secrets
import stat
import typing as t
from dataclasses import asdict, dataclass

from .private_folder import PrivateFolder

# A token is not used in its last minutes, so that it does not expire in the middle of a task.
MARGIN_SECONDS = 300
# As documented by Atlas; no token is used for longer, whatever a reply or a file says.
LIFETIME_SECONDS = 3600.0
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
