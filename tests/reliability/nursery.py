"""A process without threads that has imported everything, and forks a child for each run it is asked for.

Started as a script with the path of a socket. A connection to it is one run: a line of JSON comes in, and the lines that go out
are the child's number, what the module prints, and how long it took. It ends with its standard input.

Time in here is not the world's: see `Timing`.
"""

from __future__ import annotations

import gc
import http.client
import importlib
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
from typing import Any, ClassVar

_monotonic, _sleep, _settimeout, _wait, _Timer = (
    time.monotonic,
    time.sleep,
    socket.socket.settimeout,
    threading.Event.wait,
    threading.Timer,
)
# A pause that is skipped still lets others work.
SHORTEST_PAUSE = 0.002


class Timing:
    """How time goes by in this process.

    It has a clock of its own, which only goes on when the process pauses, which takes next to no time, and when the time of a
    request is up: as soon as the test says so, in a line with the number of the request. So nothing depends on how busy the
    machine is, and what a task takes is known to the last digit. With a scale, the clock is the world's, and as much faster.
    """

    scale: float | None = None
    now = 0.0
    pauses: tuple[float, ...] = ()
    #: Those of the requests that are on their way, by their numbers.
    timers: ClassVar[dict[int, OwnTimer]] = {}
    #: How many requests have begun, less those that have ended without being sent.
    begun = 0
    lock = threading.Lock()

    @classmethod
    def monotonic(cls) -> float:
        """Return the time."""
        return cls.now if cls.scale is None else _monotonic() * cls.scale

    @classmethod
    def sleep(cls, seconds: float) -> None:
        """Pause."""
        cls.pauses += (seconds,)
        if cls.scale is None:
            cls.now += seconds
            _sleep(min(seconds, SHORTEST_PAUSE))
        else:
            _sleep(seconds / cls.scale)

    @classmethod
    def listen(cls, connection: socket.socket) -> None:
        """End the time of a request when the test says so; one that has ended by itself does not mind."""
        with connection.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                timer = cls.timers.get(int(line))
                if timer is not None:
                    timer.arrived().end()


class OwnTimer:
    """A timer on the own clock, for that of a request."""

    daemon = True
    number = 0

    def __init__(self, interval: float, function: Callable[[], Any]) -> None:
        self._end, self._function = Timing.monotonic() + interval, function

    def start(self) -> None:
        with Timing.lock:
            Timing.begun += 1
            self.number = Timing.begun
            Timing.timers[self.number] = self

    def cancel(self) -> None:
        with Timing.lock:
            if Timing.timers.get(self.number) is not self:
                return
            del Timing.timers[self.number]
            if not self.is_sent:
                self._give_number_back()

    def _give_number_back(self) -> None:
        """Let the requests after one that never arrives be counted from its number.

        One that is slow to begin has no time left if that of another, side by side with it, was up meanwhile.
        """
        Timing.begun -= 1
        for number in sorted(number for number in Timing.timers if number > self.number):
            timer = Timing.timers.pop(number)
            timer.number -= 1
            Timing.timers[timer.number] = timer

    @property
    def is_sent(self) -> bool:
        """Whether the request of the timer has begun to go out."""
        return bool(getattr(getattr(self._function, "__self__", None), "was_sent", True))

    def arrived(self) -> OwnTimer:
        """Return the timer of a request that is on its way, with this one's number.

        The test counts requests as they arrive. Of those side by side, one that has begun later may arrive before: it takes the
        number then.
        """
        others = [timer for _number, timer in sorted(Timing.timers.items()) if timer.is_sent]
        if self.is_sent or not others:
            return self
        other = others[0]
        self.number, other.number = other.number, self.number
        Timing.timers.update({self.number: self, other.number: other})
        return other

    def end(self) -> None:
        self.cancel()
        Timing.now = max(Timing.now, self._end)
        self._function()


def _make_timer(interval: float, function: Callable[[], Any]) -> Any:
    return OwnTimer(interval, function) if Timing.scale is None else _Timer(interval, function)


def _scaled(value: float | None) -> float | None:
    """Return how long to wait, in seconds of the world; on the own clock, only the timer ends what takes too long."""
    return value if not value else None if Timing.scale is None else value / Timing.scale


def _scaled_settimeout(self: socket.socket, value: float | None) -> None:
    _settimeout(self, _scaled(value))


def _scaled_wait(self: threading.Event, timeout: float | None = None) -> bool:
    if timeout is None or Timing.scale is not None:
        return _wait(self, _scaled(timeout))
    if not self.is_set():
        Timing.sleep(timeout)
    return self.is_set()


# Before anything of ours, or of requests, can keep the real ones.
time.monotonic, time.sleep = Timing.monotonic, Timing.sleep
threading.Timer = _make_timer  # type: ignore[misc,assignment]
socket.socket.settimeout = _scaled_settimeout  # type: ignore[method-assign,assignment]
threading.Event.wait = _scaled_wait  # type: ignore[method-assign]

from ansible.module_utils import basic  # noqa: E402
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator  # noqa: E402
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api import client as _client  # noqa: E402
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import execute  # noqa: E402
from ansible_collections.cloudpeer.atlas.tests.support import operations, shared_botocore  # noqa: E402

OPERATIONS = {**operations.load_all(), **{module: operations.load(module) for module in operations.CLOUD_MODULES}}
MODULES = {name: importlib.import_module(f"ansible_collections.cloudpeer.atlas.plugins.modules.{name}") for name in OPERATIONS}


def run_as_module(name: str, options: dict[str, Any]) -> None:
    """Run the main() of a module as Ansible does, which prints its result and ends."""
    given = {**options, "_ansible_check_mode": False, "_ansible_no_log": False}
    # Private to ansible-core: the only place here that needs to know them. Up to 2.18 there is no profile.
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    MODULES[name].main()


def run_in_process(name: str, *options: dict[str, Any]) -> None:
    """Run the task of a module as the action plugin does, once with each options, and print the results."""
    task = OPERATIONS[name]
    for given in options:
        checked = ArgumentSpecValidator(**task.argument_spec.to_kwargs()).validate(given)
        assert checked.error_messages == [], checked.error_messages
        outcome = execute(task, checked.validated_parameters, check_mode=False)
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
    Timing.scale = wanted["scale"]
    if Timing.scale is None:
        threading.Thread(target=Timing.listen, args=(connection,), daemon=True).start()
    _client.PAGE_SIZE = wanted["page_size"]
    os.environ.update(wanted["environment"])
    if wanted["die"]:
        _die_at(*wanted["die"])
    _sleep(max(0.0, wanted["start"] - time.time()))
    began = Timing.monotonic()
    try:
        WAYS[wanted["way"]](wanted["module"], wanted["options"], *wanted["more"])
    except SystemExit:
        pass
    except BaseException:
        traceback.print_exc(file=sys.stdout)
    print(json.dumps({"seconds": Timing.monotonic() - began, "pauses": Timing.pauses}), flush=True)


def main(path: str) -> None:
    """Serve until standard input ends."""
    shared_botocore.share_before_forking()
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
