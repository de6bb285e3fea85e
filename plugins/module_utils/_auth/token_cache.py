# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OAuth tokens, kept between tasks in files that only their user can read."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import math
import os
import re
import secrets
import stat
import time
import typing as t
from dataclasses import asdict, dataclass

# A token is not used in its last minutes, so that it does not expire in the middle of a task.
MARGIN_SECONDS = 300
# As documented by Atlas; no token is used for longer, whatever a reply or a file says.
LIFETIME_SECONDS = 3600.0
_LOCK_INTERVAL = 0.02
# Tokens have one or two thousand characters, and their files hardly more.
_LONGEST_TOKEN = 1 << 14
_MOST_BYTES = _LONGEST_TOKEN + 1000
# The characters that a header may have.
_TOKEN = re.compile(r"[\x21-\x7e]+")
# The errors of opening a folder that is a link, or not a folder.
_NO_FOLDER = (errno.ELOOP, errno.ENOTDIR, errno.EMLINK)


@dataclass(frozen=True)
class Token:
    """A token, and when it expires, in seconds since the epoch."""

    value: str
    ends: float

    def is_good(self, now: float) -> bool:
        """Whether it is valid for a while yet. One that claims a longer life than Atlas gives is not."""
        return now < self.ends - MARGIN_SECONDS and self.ends <= now + LIFETIME_SECONDS


def is_token(value: t.Any) -> bool:
    """Whether a value can be a token."""
    return isinstance(value, str) and len(value) <= _LONGEST_TOKEN and _TOKEN.fullmatch(value) is not None


def default_folder() -> str | None:
    """Return the folder for the files, inside the user's cache folder; None if the user has none."""
    # The XDG standard ignores relative paths, and a token must not end up in the current folder.
    caches = (os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~/.cache"))
    return next((os.path.join(path, "cloudpeer.atlas") for path in caches if os.path.isabs(path)), None)


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
        self._folder = folder
        self._path = os.path.join(folder or "", self._name)
        self._warn = warn
        # The descriptor of the folder: all files are opened relative to it, so that it cannot be swapped meanwhile.
        self._opened: int | None = None

    @contextlib.contextmanager
    def locked(self, patience: float) -> t.Iterator[None]:
        """Lock the file inside the block; only there can it be read or written.

        Args:
            patience: Seconds after which to go on without the lock.
        """
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                self._opened = self._open_folder()
                stack.callback(self._close_folder)
                lock = stack.enter_context(open(f"{self._name}.lock", "ab", opener=self._open))
                self._wait_for(lock.fileno(), patience)
            yield

    def _open_folder(self) -> int:
        """Open the folder, and create it if it is missing.

        Raises:
            OSError: If it cannot be created, or not be trusted.
        """
        if self._folder is None:
            raise FileNotFoundError
        os.makedirs(os.path.dirname(self._folder), mode=0o700, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._folder, mode=0o700)
        try:
            opened = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in _NO_FOLDER:
                self._warn(f"The token cache {self._folder} is not used, because it is a link, or no folder. Remove it.")
            raise
        if not self._is_trusted(self._folder, os.fstat(opened)):
            os.close(opened)
            raise PermissionError
        return opened

    def _close_folder(self) -> None:
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None

    def _open(self, name: str, flags: int) -> int:
        """Open a file in the folder; do not follow links or block on a FIFO.

        Raises:
            OSError: If it cannot be opened, or the folder is not open.
        """
        if self._opened is None:
            raise FileNotFoundError
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600, dir_fd=self._opened)

    def _wait_for(self, lock: int, patience: float) -> None:
        deadline = time.monotonic() + patience
        while time.monotonic() <= deadline:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(_LOCK_INTERVAL)
        self._warn(f"Another process has held {self._path}.lock for {patience:g} seconds: it is not waited for.")

    def load(self) -> Token | None:
        """Return the token in the file; None if there is no file, or one that cannot be trusted or read."""
        with contextlib.suppress(OSError), open(self._name, "rb", opener=self._open) as stream:
            found = os.fstat(stream.fileno())
            if stat.S_ISREG(found.st_mode) and self._is_trusted(self._path, found):
                return _parse(stream.read(_MOST_BYTES + 1))
        return None

    def _is_trusted(self, path: str, found: os.stat_result) -> bool:
        """Whether a file or folder belongs to this user, and others have no access."""
        is_private = found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077
        if not is_private:
            self._warn(f"The token cache {path} is not used, because others could read it. Remove it.")
        return is_private

    def store(self, token: Token) -> None:
        """Write a token; the file is replaced atomically. Errors of the file system are ignored."""
        temporary = f"{self._name}.{secrets.token_hex(8)}"
        with contextlib.suppress(OSError), open(temporary, "x", encoding="utf-8", opener=self._open) as stream:
            try:
                json.dump(asdict(token), stream)
                stream.flush()
                os.replace(temporary, self._name, src_dir_fd=self._opened, dst_dir_fd=self._opened)
            except BaseException:
                os.unlink(temporary, dir_fd=self._opened)
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
