"""What goes wrong between a task and its services in memory, whichever they are, and what the task has written meanwhile."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import botocore.exceptions
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import Side
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.transport import Transport, TransportError
from ansible_collections.cloudpeer.atlas.tests.clouds.app import error_body
from ansible_collections.cloudpeer.atlas.tests.clouds.entra import ARM, GRAPH
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import READS, action_of, denial, refusal
from ansible_collections.cloudpeer.atlas.tests.support.wire import IN_MEMORY, Reply, Sent, reply

#: The reply to a request is lost, or comes after its time; or the request does not arrive, once or each time.
LOST, SLOW, UNSENT, DEAD = "lost", "slow", "never arrives", "never arrives at all"
#: What a service answers in place of what it does: once and for all, or because it is busy, or because of the rate.
REFUSED, BUSY, LIMITED = "refused", "busy", "limited"
#: Another run does it all first; or a signal ends the task before the reply comes.
OVERTAKEN, KILLED = "overtaken", "killed"
_STATUSES = {REFUSED: 403, BUSY: 503, LIMITED: 429}
_OF_AWS = {BUSY: refusal("Unavailable", status=503), LIMITED: refusal("RequestLimitExceeded", status=503)}


#: A request that writes: its name, its path and its body.
Write = tuple[str, str, bytes]


def name_of(sent: Sent) -> str:
    """Return what a request writes, such as `POST peers` or `CreateRoute`; empty if it only reads, or signs in."""
    path = sent.path
    if "/groups/" in path:
        kind = path.partition("/groups/")[2].split("/")[1]
        return f"{sent.method} {kind}" if sent.method != "GET" and sent.authorization else ""
    if sent.host in (ARM, GRAPH):
        kinds = [one for one in ("servicePrincipals", "roleDefinitions", "roleAssignments") if one in path]
        return f"{sent.method} {kinds[-1]}" if sent.method != "GET" else ""
    if path.endswith("Peering"):
        return path.rpartition("/")[2]
    action = action_of(sent, dict(parse_qsl(sent.body.decode("latin-1"))))
    return "" if action.startswith(READS) else action


def _refusal(fault: str, sent: Sent) -> Reply:
    """Return what a service answers that does not do what a request asks."""
    status = _STATUSES[fault]
    if "AWS4" in (sent.authorization or ""):
        return _OF_AWS.get(fault) or denial(name_of(sent))
    if "/groups/" in sent.path:
        return reply({"error": status, "errorCode": "ODD", "detail": "No."}, status)
    return reply(error_body(status, "odd", "No."), status)


def _failure(fault: str, sent: Sent) -> Exception:
    """Return what a library raises for a request without a reply."""
    if not isinstance(sent.connection, Transport):
        kind = botocore.exceptions.ReadTimeoutError if fault == SLOW else botocore.exceptions.ConnectionClosedError
        return kind(endpoint_url="https://ec2")
    sent.connection._deadline.was_sent = True
    error = TransportError("silent" if fault == SLOW else "broken")
    error.__cause__ = TimeoutError("timed out") if fault == SLOW else ConnectionResetError("reset")
    return error


def _interrupt() -> None:
    """Let a signal come, which the main thread notices."""
    if threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@dataclass
class Trouble:
    """What stands between a task and its services."""

    clock: Any
    fault: str = ""
    #: The first request that writes this meets it.
    name: str = ""
    #: What another run does first.
    overtake: Callable[[], Any] = lambda: None
    #: The requests, in order, None for each that only reads; and those that write and were carried out.
    wire: list[Write | None] = field(default_factory=list)
    done: list[Write] = field(default_factory=list)
    #: What was sent while a side said what it waits for, and the classes of the sides that were asked that.
    in_wait: list[str] = field(default_factory=list)
    asked: set[type] = field(default_factory=set)
    _thread: threading.local = field(default_factory=threading.local)

    @contextmanager
    def between(self, *urls: str) -> Iterator[None]:
        """See what is sent to some servers inside the block."""
        hosts = [urlsplit(url).netloc for url in urls]
        with mock.patch.dict(IN_MEMORY, {host: partial(self._answer, IN_MEMORY[host]) for host in hosts}):
            yield

    def _answer(self, answer: Callable[[Sent], Reply | None], sent: Sent) -> Reply | None:
        if getattr(self._thread, "side", ""):
            self.in_wait.append(f"{self._thread.side}: {sent.method} {sent.target}")
        name = name_of(sent)
        write = (name, sent.path, sent.body) if name else None
        fault = self.fault if name == self.name else ""
        if fault not in ("", DEAD):
            self.fault = ""
        if fault == OVERTAKEN:
            mine, self.wire, self.done = (self.wire, self.done), [], []
            self.overtake()
            self.wire, self.done = mine
        self.wire.append(write)
        if fault in _STATUSES:
            return _refusal(fault, sent)
        found = None if fault in (UNSENT, DEAD) else answer(sent)
        if write is not None and found is not None and found.status < 300:
            self.done.append(write)
        if fault == KILLED:
            _interrupt()
        if fault in (LOST, SLOW, UNSENT, DEAD):
            # A late reply takes a minute.
            self.clock.now += 60 * (fault == SLOW)
            raise _failure(fault, sent)
        return found

    @contextmanager
    def watching_sides(self) -> Iterator[None]:
        """Note what sides send inside the block while they say what they wait for."""

        def noting(wait: Callable[..., Any]) -> Callable[..., Any]:
            def wait_noted(side: Any, owner: Any, step: Any) -> Any:
                self.asked.add(type(side))
                self._thread.side = type(side).__name__
                try:
                    return wait(side, owner, step)
                finally:
                    self._thread.side = ""

            return wait_noted

        with ExitStack() as stack:
            for one in (Side, *classes_of_sides()):
                if "wait" in vars(one):
                    stack.enter_context(mock.patch.object(one, "wait", noting(one.wait)))
            yield


def classes_of_sides(base: type = Side) -> list[type]:
    """Return the classes of sides of the collection itself."""
    found = [one for below in base.__subclasses__() for one in (below, *classes_of_sides(below))]
    return [one for one in found if ".atlas.plugins." in one.__module__]
