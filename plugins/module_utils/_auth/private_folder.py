# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder that only its user can access: files in it, and locks for which processes wait in turn."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import stat
import time
import typing as t

_LOCK_INTERVAL = 0.02
# The errors of opening a folder that is a link, or not a folder.
_NO_FOLDER = (errno.ELOOP, errno.ENOTDIR, errno.EMLINK)


def default_folder() -> str | None:
    """Return the folder for the files, inside the user's cache folder; None if the user has none."""
    # The XDG standard ignores relative paths, and a token must not end up in the current folder.
    caches = (os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~/.cache"))
    return next((os.path.join(path, "cloudpeer.atlas") for path in caches if os.path.isabs(path)), None)


class PrivateFolder:
    """A folder of the user's own. Links, and files or folders that others can access, are not used.

    Args:
        path: The folder; None to use none.
        noun: What it is for, in warnings.
        warn: Takes a sentence for the user.

    Attributes:
        descriptor: The folder's descriptor inside `opened`; None if the folder cannot be used. All files are opened relative to
            it, so that the folder cannot be swapped meanwhile.
    """

    def __init__(self, path: str | None, noun: str, warn: t.Callable[[str], None]) -> None:
        self.descriptor: int | None = None
        self._path = path
        self._noun = noun
        self._warn = warn

    @contextlib.contextmanager
    def opened(self) -> t.Iterator[None]:
        """Open the folder for the length of the block, and create it if it is missing; open nothing if it cannot be used."""
        with contextlib.suppress(OSError):
            self.descriptor = self._open_folder()
        try:
            yield
        finally:
            if self.descriptor is not None:
                os.close(self.descriptor)
                self.descriptor = None

    @contextlib.contextmanager
    def locked(self, name: str, patience: float, sleep: t.Callable[[float], None] | None = None) -> t.Iterator[bool]:
        """Hold the lock of a file for the length of the block; the system releases that of a process that ends.

        Args:
            name: The name of the file.
            patience: How many seconds to wait for it.
            sleep: Sleeps that many seconds; None for `time.sleep`.

        Yields:
            False if another process kept it until the time was up. True if it is locked, or no file can be locked here.
        """
        with contextlib.ExitStack() as stack:
            has_turn = True
            with contextlib.suppress(OSError):
                lock = stack.enter_context(open(f"{name}.lock", "ab", opener=self.open))
                has_turn = _wait_for(lock.fileno(), patience, sleep or time.sleep)
            yield has_turn

    def open(self, name: str, flags: int) -> int:
        """Open a file in the folder; do not follow links or block on a FIFO.

        Raises:
            OSError: If it cannot be opened, or the folder is not open.
        """
        if self.descriptor is None:
            raise FileNotFoundError
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600, dir_fd=self.descriptor)

    def is_trusted(self, path: str, found: os.stat_result) -> bool:
        """Whether a file or folder belongs to this user, and others have no access."""
        is_private = found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077
        if not is_private:
            self._warn(f"The {self._noun} {path} is not used, because others could read it. Remove it.")
        return is_private

    def _open_folder(self) -> int:
        """Open the folder, and create it if it is missing.

        Raises:
            OSError: If it cannot be created, or not be trusted.
        """
        if self._path is None:
            raise FileNotFoundError
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._path, mode=0o700)
        try:
            opened = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in _NO_FOLDER:
                self._warn(f"The {self._noun} {self._path} is not used, because it is a link, or no folder. Remove it.")
            raise
        if not self.is_trusted(self._path, os.fstat(opened)):
            os.close(opened)
            raise PermissionError
        return opened


@contextlib.contextmanager
def turn_of(identity: t.Sequence[str], patience: float, sleep: t.Callable[[float], None]) -> t.Iterator[bool]:
    """Wait for this task's turn among those of the user on this machine, and keep it inside the block.

    A user without a private folder has no turns to wait for.

    Args:
        identity: What the turns are about; it is hashed.
        patience: How many seconds to wait.
        sleep: Sleeps that many seconds.

    Yields:
        True if it is the turn of this task; False if the time was up before.
    """
    name = hashlib.sha256(json.dumps(list(identity)).encode()).hexdigest()
    folder = PrivateFolder(default_folder(), "folder for locks", lambda text: None)
    with folder.opened(), folder.locked(name, patience, sleep) as has_turn:
        yield has_turn


def _wait_for(lock: int, patience: float, sleep: t.Callable[[float], None]) -> bool:
    """Wait until an open file is locked, and return whether it is."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            sleep(_LOCK_INTERVAL)
        else:
            return True
