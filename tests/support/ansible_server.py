"""Forks a process for each command of ansible-core that a test runs: the program; `ansible_process` is the tests' side of it.

Importing ansible-core takes longer than most playbooks do. This process has imported what no setting can change. What reads
Ansible's settings, and all that imports it, is imported after the fork, in the environment of the run; so are the collection's
plugins. The command itself is Ansible's own, with its own workers and modules.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Where Ansible's settings are read, which happens when it is imported.
SETTINGS = "ansible.constants"
#: What the plugins of the collection import of other packages, where they are installed.
PACKAGES = ("requests", "boto3")
#: Whose zip files are the same in each run: not those of roles, or of another folder with modules.
OURS = ("ansible_collections.cloudpeer.atlas.", "ansible.modules.")


class _ReadsSettingsError(BaseException):
    """Something that is being imported would read the settings. Nobody takes it for a package that is missing."""


class _NoSettings:
    """Keeps the settings from being read."""

    def find_spec(self, name: str, *unused: object) -> None:
        """Fail for the module that reads them."""
        if name == SETTINGS:
            raise _ReadsSettingsError


@dataclass(frozen=True)
class Wanted:
    """What is to be run, as `ansible_process` asks for it."""

    words: list[str]
    environment: dict[str, str]
    cwd: str


def _imported_by_commands() -> list[str]:
    """Return what a command imports, as a process that has done so says it."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        importlib.import_module("ansible.cli.playbook")
        with open(writing, "w", encoding="utf-8") as file:
            json.dump([*sys.modules], file)
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as file:
        names = json.load(file)
    os.wait()
    return [str(name) for name in names]


def import_all() -> None:
    """Import what commands import, but for what depends on the settings."""
    names = [*PACKAGES, *_imported_by_commands()]
    guard: Any = _NoSettings()
    sys.meta_path.insert(0, guard)
    for name in names:
        # Not all that is in sys.modules can be imported by its name.
        with contextlib.suppress(_ReadsSettingsError, ImportError):
            importlib.import_module(name)
    sys.meta_path.remove(guard)
    assert SETTINGS not in sys.modules
    if "boto3" in sys.modules:
        # It stands beside this file.
        shared: Any = importlib.import_module("shared_botocore")
        shared.share_before_forking()


def serve(path: str) -> tuple[Wanted, int] | None:
    """Fork for each run that is asked for, and say how it has ended, until standard input ends.

    Returns:
        In each new process what it is to run, and where its output goes; None at the end.
    """
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *unused: None)
    asked: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(128)
        print("ready", flush=True)
        while True:
            ready = select.select([listener, sys.stdin, woken], [], [])[0]
            if sys.stdin in ready:
                return None
            if woken in ready:
                os.read(woken, 1 << 10)
                _tell_ends(asked)
            if listener in ready:
                connection = listener.accept()[0]
                wanted, output = _received(connection)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for one in (connection, *asked.values()):
                        one.close()
                    os.close(woken)
                    os.close(waker)
                    return wanted, output
                os.close(output)
                connection.sendall(f"{pid}\n".encode())
                asked[pid] = connection


def _received(connection: socket.socket) -> tuple[Wanted, int]:
    """Return what is asked for, and the descriptor that came with it."""
    unused, (output,), *unused_too = socket.recv_fds(connection, 1, 1)
    with connection.makefile("r", encoding="utf-8") as lines:
        return Wanted(**json.loads(lines.readline())), output


def _tell_ends(asked: dict[int, socket.socket]) -> None:
    """Say of all processes that have ended how they did."""
    while asked:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with asked.pop(pid) as connection, contextlib.suppress(OSError):
            connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _share_zip_files(kept: Path) -> None:
    """Let Ansible find the zip files that it has made of modules in earlier runs, and keep those that it makes in this one.

    They stand in a folder that Ansible makes when it reads its settings, and removes at its end.
    """
    try:
        constants: Any = importlib.import_module(SETTINGS)
    except Exception:
        # The command says what is wrong with them.
        return
    own = Path(constants.DEFAULT_LOCAL_TMP) / "ansiballz_cache"
    own.mkdir()
    for file in kept.iterdir():
        if not file.name.startswith("."):
            (own / file.name).symlink_to(file)
    atexit.register(_keep, own, kept)


def _keep(own: Path, kept: Path) -> None:
    for file in own.iterdir() if own.exists() else ():
        if file.name.startswith(OURS) and not file.is_symlink() and not file.name.endswith((".lock", "-part")):
            copy = kept / f".{os.getpid()}-{file.name}"
            shutil.copyfile(file, copy)
            copy.replace(kept / file.name)


def _open_streams(source: int, output: int) -> None:
    """Read standard input from a descriptor, and write standard output and errors to another."""
    # As where standard output is a pipe: only errors are written line by line.
    for name, descriptor, number, buffering in (("stdin", source, 0, -1), ("stdout", output, 1, -1), ("stderr", output, 2, 1)):
        os.dup2(descriptor, number)
        # The streams of this process know whether those before could seek.
        old = getattr(sys, name)
        new = open(number, old.mode, buffering, encoding=old.encoding, errors=old.errors, closefd=False)  # noqa: SIM115 - it stays open
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    os.close(source)
    os.close(output)


def become(wanted: Wanted, output: int, kept: Path) -> None:
    """Run a command in this process, as `python -m ansible` does."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    _open_streams(nothing, output)
    os.chdir(wanted.cwd)
    os.environ.clear()
    os.environ.update(wanted.environment)
    tempfile.tempdir = None
    sys.path[0] = wanted.cwd
    sys.argv[1:] = wanted.words
    _share_zip_files(kept)
    runpy.run_module("ansible", run_name="__main__", alter_sys=True)


def main(arguments: Sequence[str]) -> None:
    """Serve at a socket, with a folder beside it for the zip files of modules."""
    (path,) = arguments
    kept = Path(path).with_name("modules")
    kept.mkdir()
    import_all()
    # What is there is neither looked through nor copied in the processes that are forked.
    gc.collect()
    gc.freeze()
    mine = serve(path)
    if mine is not None:
        become(*mine, kept)


if __name__ == "__main__":
    main(sys.argv[1:])
