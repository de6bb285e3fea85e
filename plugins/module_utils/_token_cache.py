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
import time
import typing as t
from dataclasses import asdict, dataclass

# A token is not used in the last minutes of its life, so that it does not end in the middle of something.
MARGIN_SECONDS = 300
_LOCK_INTERVAL = 0.02


@dataclass(frozen=True)
class Token:
    """A token, and when it ends, in seconds since the epoch."""

    value: str
    ends: float

    def is_good(self, now: float) -> bool:
        """Whether it can be used for a while yet."""
        return now < self.ends - MARGIN_SECONDS


def default_folder() -> str | None:
    """Return the folder for the files: in the user's cache folder; None for a user who has none."""
    # Relative paths are to be ignored (XDG), and a token must not end up in the current folder.
    caches = (os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~/.cache"))
    return next((os.path.join(path, "cloudpeer.atlas") for path in caches if os.path.isabs(path)), None)


def _is_private(found: os.stat_result) -> bool:
    """Whether a file, or a folder, is this user's, and nobody else can read or write it."""
    return found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077


def _open_file(path: str, flags: int) -> int:
    """Open a file, but neither where a link leads, nor waiting for somebody to write into a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


class TokenCache:
    """The file for the token of one service account at one Atlas.

    Nothing in its name or in it tells the secret. A file, or a folder, that others could have read or written is not
    used; I(warn) then says so. Where nothing can be kept, every process gets a token of its own.

    Args:
        identity: What tells the account from others; it is hashed.
        folder: The folder for the files.
        patience: Seconds to wait at the most while another process gets a token.
        warn: Takes a sentence for the user.
    """

    def __init__(self, identity: t.Sequence[str], folder: str, patience: float, warn: t.Callable[[str], None]) -> None:
        name = hashlib.sha256(json.dumps(list(identity)).encode()).hexdigest()
        self._folder = folder
        self._path = os.path.join(folder, f"{name}.json")
        self._patience = patience
        self._warn = warn

    @contextlib.contextmanager
    def locked(self) -> t.Iterator[None]:
        """Keep other processes out of the file for the length of a with statement; one that hangs keeps nobody out for ever."""
        lock = None
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            self._wait_for(lock)
        try:
            yield
        finally:
            if lock is not None:
                os.close(lock)

    def _wait_for(self, lock: int) -> None:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    self._warn(
                        f"Another process has held {self._path}.lock for {self._patience:g} seconds: it is not waited for."
                    )
                    return
                time.sleep(_LOCK_INTERVAL)
            else:
                return

    def load(self) -> Token | None:
        """Return the token in the file; None if there is none that can be trusted."""
        try:
            if not self._is_trusted(self._folder, os.stat(self._folder)):
                return None
            with open(self._path, encoding="utf-8", opener=_open_file) as stream:
                if not self._is_trusted(self._path, os.fstat(stream.fileno())):
                    return None
                content = json.load(stream)
            return Token(str(content["value"]), float(content["ends"]))
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def _is_trusted(self, path: str, found: os.stat_result) -> bool:
        is_private = _is_private(found)
        if not is_private:
            self._warn(f"The token cache {path} is not used, because others could read it. Remove it.")
        return is_private

    def store(self, token: Token) -> None:
        """Keep a token; the file is there whole or not at all."""
        temporary = None
        with contextlib.suppress(OSError):
            if not _is_private(os.stat(self._folder)):
                return
            file, temporary = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(file, "w", encoding="utf-8") as stream:
                json.dump(asdict(token), stream)
            os.replace(temporary, self._path)
            temporary = None
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
