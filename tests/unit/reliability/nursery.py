# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A process without threads that has imported everything, and forks a child for each run it is asked for.

Started as a script with the path of a socket. A connection to it is one run: a line of JSON comes in, and the lines that go out
are the child's number, what the module prints, and how long it took. It ends with its standard input.

Time in here can be told to run faster, and pauses to be skipped: see :class:`Timing`.
"""

from __future__ import annotations

import gc
import http.client
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

_monotonic, _sleep, _settimeout, _wait = time.monotonic, time.sleep, socket.socket.settimeout, threading.Event.wait
# A pause that is skipped still lets others work.
SHORTEST_PAUSE = 0.002


class Timing:
    """How time goes by in this process."""

    #: How many seconds go by in here in one of the world's.
    scale = 1.0
    skips = False
    skipped = 0.0
    pauses: tuple[float, ...] = ()

    @classmethod
    def monotonic(cls) -> float:
        """Return the time, with the pauses that were skipped."""
        return _monotonic() * cls.scale + cls.skipped

    @classmethod
    def sleep(cls, seconds: float) -> None:
        """Pause, or only say so."""
        cls.pauses += (seconds,)
        if cls.skips:
            cls.skipped += seconds
            seconds = min(seconds, SHORTEST_PAUSE)
        _sleep(seconds / cls.scale)


def _scaled_settimeout(self: socket.socket, value: float | None) -> None:
    _settimeout(self, value if value is None else value / Timing.scale)


def _scaled_wait(self: threading.Event, timeout: float | None = None) -> bool:
    return _wait(self, timeout if timeout is None else timeout / Timing.scale)


# Before anything of ours, or of requests, can keep the real ones.
time.monotonic, time.sleep = Timing.monotonic, Timing.sleep
socket.socket.settimeout = _scaled_settimeout  # type: ignore[method-assign,assignment]
threading.Event.wait = _scaled_wait  # type: ignore[method-assign]

from ansible.module_utils import basic  # noqa: E402
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator  # noqa: E402
from ansible_collections.cloudpeer.atlas.plugins.module_utils import _client  # noqa: E402
from ansible_collections.cloudpeer.atlas.plugins.modules import (  # noqa: E402
    atlas_access_list,
    atlas_network_container,
    atlas_vpc_peer,
    atlas_vpc_peer_info,
)

MODULES: dict[str, Any] = {
    one.__name__.rpartition(".")[2]: one
    for one in (atlas_access_list, atlas_network_container, atlas_vpc_peer, atlas_vpc_peer_info)
}


def run_as_module(name: str, options: dict[str, Any]) -> None:
    """Run the main() of a module as Ansible does, which prints its result and ends."""
    given = {**options, "_ansible_check_mode": False, "_ansible_no_log": False}
    # Private to ansible-core: the only place here that needs to know them. Up to 2.18 there is no profile.
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    MODULES[name].main()


def run_in_process(name: str, *options: dict[str, Any]) -> None:
    """Run the task of a module as the action plugin does, once with each options, and print the results."""
    task = MODULES[name].TASK
    for given in options:
        checked = ArgumentSpecValidator(**task.argument_spec.to_kwargs()).validate(given)
        assert checked.error_messages == [], checked.error_messages
        outcome = task.execute(checked.validated_parameters, check_mode=False)
        print(json.dumps({**outcome.to_result(diff=False, verbosity=0), "failed": outcome.failure is not None}), flush=True)


WAYS: dict[str, Callable[..., None]] = {"in process": run_in_process, "module": run_as_module}


def _die_at(number: int, when: str) -> None:
    """Have the process killed when it has sent its request of that number, or when it has the reply's head."""
    real, counted = http.client.HTTPConnection.getresponse, [0]

    def getresponse(self: http.client.HTTPConnection) -> http.client.HTTPResponse:
        counted[0] += 1
        if counted[0] == number and when == "sent":
            os.kill(os.getpid(), signal.SIGKILL)
        response = real(self)
        if counted[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    http.client.HTTPConnection.getresponse = getresponse  # type: ignore[method-assign]


def _live(connection: socket.socket) -> None:
    """Do one run, with the connection as standard output."""
    with connection.makefile("r", encoding="utf-8") as lines:
        wanted = json.loads(lines.readline())
    os.dup2(connection.fileno(), 1)
    print(json.dumps({"pid": os.getpid()}), flush=True)
    Timing.scale, Timing.skips = wanted["scale"], wanted["skips"]
    _client.PAGE_SIZE = wanted["page_size"]
    if wanted["die"]:
        _die_at(*wanted["die"])
    _sleep(max(0.0, wanted["start"] - time.time()))
    began = _monotonic()
    try:
        WAYS[wanted["way"]](wanted["module"], wanted["options"], *wanted["more"])
    except SystemExit:
        pass
    except BaseException:
        traceback.print_exc(file=sys.stdout)
    print(json.dumps({"seconds": _monotonic() - began, "pauses": Timing.pauses}), flush=True)


def main(path: str) -> None:
    """Serve until standard input ends."""
    # What is there is neither looked through nor copied in the children, which live too short to leave much behind.
    gc.freeze()
    gc.disable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(128)
    print("ready", flush=True)
    while True:
        if sys.stdin in select.select([server, sys.stdin], [], [])[0]:
            return
        connection = server.accept()[0]
        if os.fork() == 0:
            status = 1
            try:
                server.close()
                _live(connection)
                status = 0
            finally:
                sys.stdout.flush()
                os._exit(status)
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
