"""Runs commands of ansible-core, in a process that shares what it imports with others, or in one of its own."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.cloudpeer.atlas.tests.support.environment import own_environment

#: How many seconds a command may take.
LIMIT = 900
#: Where compiled files of modules are kept: PYTHONPATH of what shares its imports. Coverage begins in a file of the same name.
COMPILED = Path(__file__).resolve().with_name("compiled")
#: Beginnings of the variables that matter before anything is imported, or to what is imported only once.
_EARLY = ("ANSIBLE_COLLECTIONS_PATH", "COVERAGE_", "LANG", "LC_", "LD_", "OPENSSL_", "PYTHON", "SSLKEYLOGFILE", "TZ")


def run_ansible(*words: str, environment: Mapping[str, str], cwd: Path, own_process: bool = False) -> tuple[int, str]:
    """Run a command, such as `playbook`, without standard input; return its exit status, and its output with its errors.

    Args:
        words: The command and its arguments.
        environment: All that it has of an environment.
        cwd: The folder in which it runs.
        own_process: Whether the process itself matters, such as its command line or its memory. If Python itself reads something
            else of the environment than it does in most tests, it is one of its own, too.
    """
    sharing = {"PYTHONPATH": str(COMPILED), **environment}
    if not own_process and _early(sharing) == _early(_usual()):
        return _server().run(words, sharing, cwd)
    done = subprocess.run(
        [sys.executable, "-m", "ansible", *words],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return done.returncode, done.stdout


def _early(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment that processes have to have in common to share what they import."""
    return {name: value for name, value in environment.items() if name.startswith(_EARLY)}


def _usual() -> dict[str, str]:
    """Return an environment in which what matters early is that of most tests."""
    shared = "ANSIBLE_COLLECTIONS_PATH"
    return {**own_environment(), "PYTHONPATH": str(COMPILED), shared: os.environ[shared]}


@functools.cache
def _server() -> AnsibleServer:
    """Return the server of this process."""
    return AnsibleServer()


class AnsibleServer:
    """The process that forks, until this one ends."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="ansible-server-"))
        self._path = str(folder / "socket")
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("ansible_server.py")), self._path],
            env={**_usual(), "ANSIBLE_HOME": str(folder / "home")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        atexit.register(self._process.communicate)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def run(self, words: tuple[str, ...], environment: Mapping[str, str], cwd: Path) -> tuple[int, str]:
        """Run a command as `run_ansible` does."""
        reading, writing = os.pipe()
        with open(reading, encoding="utf-8") as output, socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(self._path)
                socket.send_fds(connection, [b"\n"], [writing])
            finally:
                os.close(writing)
            wanted = {"words": words, "environment": dict(environment), "cwd": str(cwd)}
            connection.sendall(json.dumps(wanted).encode() + b"\n")
            with connection.makefile("r", encoding="utf-8") as lines:
                limit = threading.Timer(LIMIT, os.kill, (int(lines.readline()), signal.SIGKILL))
                limit.daemon = True
                limit.start()
                try:
                    text = output.read()
                    return int(lines.readline()), text
                finally:
                    limit.cancel()
