# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""OAuth tokens that are kept in files between tasks, for their user alone."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import tempfile
import typing as t
from dataclasses import asdict, dataclass

# A token is not used in the last minutes of its life, so that it does not end in the middle of something.
MARGIN_SECONDS = 300


@dataclass(frozen=True)
class Token:
    """A token, and when it ends, in seconds since the epoch."""

    value: str
    ends: float

    def is_good(self, now: float) -> bool:
        """Whether it can be used for a while yet."""
        return now < self.ends - MARGIN_SECONDS


def default_folder() -> str:
    """Return the folder for the files: in the user's cache folder."""
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "cloudpeer.atlas")


class TokenCache:
    """The file for the token of one service account at one Atlas.

    Nothing in its name or in it tells the secret. A file, or a folder, that others could have read or written is not
    used; I(warn) then says so. Where nothing can be kept, every process gets a token of its own.

    Args:
        identity: What tells the account from others; it is hashed.
        folder: The folder for the files.
        warn: Takes a sentence for the user.
    """

    def __init__(self, identity: t.Sequence[str], folder: str, warn: t.Callable[[str], None]) -> None:
        name = hashlib.sha256(json.dumps(list(identity)).encode()).hexdigest()
        self._folder = folder
        self._path = os.path.join(folder, f"{name}.json")
        self._warn = warn

    @contextlib.contextmanager
    def locked(self) -> t.Iterator[None]:
        """Keep other processes out of the file for the length of a with statement."""
        lock = None
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            if lock is not None:
                os.close(lock)

    def load(self) -> Token | None:
        """Return the token in the file; None if there is none that can be trusted."""
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        with os.fdopen(file, encoding="utf-8") as stream:
            for path, found in ((self._path, os.fstat(stream.fileno())), (self._folder, os.stat(self._folder))):
                if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
                    self._warn(f"The access token in {path} is not used, because others could read it. Remove it.")
                    return None
            try:
                content = json.load(stream)
                return Token(str(content["value"]), float(content["ends"]))
            except (ValueError, TypeError, KeyError, RecursionError):
                return None

    def store(self, token: Token) -> None:
        """Keep a token; the file is there whole or not at all."""
        temporary = None
        with contextlib.suppress(OSError):
            if stat.S_IMODE(os.stat(self._folder).st_mode) & 0o077:
                return
            file, temporary = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(file, "w", encoding="utf-8") as stream:
                json.dump(asdict(token), stream)
            os.replace(temporary, self._path)
            temporary = None
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
