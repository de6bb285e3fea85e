"""Runs tasks in processes of their own, many at once and quickly: the tests' side of `nursery`."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.environment import own_environment

TIMEOUT, RETRIES = 2, 3
#: Seconds of the world after which a run hangs: so many that a busy machine does not come near it.
HANG = 300
#: How often to look whether the time of a request is up.
_INTERVAL = 0.01


@dataclass(frozen=True)
class Run:
    """One run that is wanted."""

    module: str
    options: dict[str, Any]
    way: str = "module"
    #: The options of what it is to do after that, in process only.
    more: tuple[dict[str, Any], ...] = ()
    #: How many seconds go by in the process in one of the world's; None if it has a clock of its own.
    scale: float | None = None
    page_size: int = 500
    #: The number of the request at which it is killed, and whether that is (`sent`) or has been `answered`.
    die: tuple[int, str] | None = None
    #: Variables of its environment beside those that all have.
    environment: dict[str, str] = field(default_factory=dict)
    #: The moment at which it begins, as `time.time` tells it.
    start: float = 0.0


@dataclass
class Ran:
    """What came of a run."""

    #: Ansible's results: one, unless there was more to do, or the process did not come so far.
    results: list[dict[str, Any]] = field(default_factory=list)
    #: How long it took, on its clock.
    seconds: float = 0.0
    pauses: list[float] = field(default_factory=list)
    #: Whether it had to be ended because it took too long.
    overdue: bool = False
    output: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.outcome.get("failed"))

    @property
    def changed(self) -> bool:
        return bool(self.outcome["changed"])

    @property
    def msg(self) -> str:
        return str(self.outcome.get("msg"))

    @property
    def outcome(self) -> dict[str, Any]:
        """Ansible's result, which there has to be."""
        assert len(self.results) == 1, f"not one result: {self.output or 'nothing was printed'}"
        return self.results[0]


def options_for(emulator: RunningEmulator, **options: Any) -> dict[str, Any]:
    """Return options beside those of the connection to an emulator; an option of None is left out."""
    connection = {
        "base_url": emulator.base_url,
        "group_id": emulator.settings.group_id,
        "public_key": emulator.settings.public_key,
        "private_key": emulator.settings.private_key,
        "timeout": TIMEOUT,
        "retries": RETRIES,
    }
    return {name: value for name, value in {**connection, **options}.items() if value is not None}


class Nursery:
    """The process that forks, and the ways to ask it.

    Args:
        folder: Where its socket, and the home of its children, goes.
    """

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "socket")
        script = Path(__file__).resolve().with_name("nursery.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), self._path],
            env={**own_environment(), "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"], "HOME": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def stop(self) -> None:
        """Let it end."""
        self._process.communicate()

    def run(self, wanted: Run) -> Ran:
        """Do one run."""
        return self.run_all([wanted])[0]

    def run_all(self, wanted: Sequence[Run], ended: Sequence[Callable[[], set[int]]] = ()) -> list[Ran]:
        """Do some runs at once, and end those that hang.

        Args:
            ended: What tells, for each run, of which of its requests the time is up by now; they are counted from 1.
        """
        received, told = [b""] * len(wanted), [set[int]() for _one in wanted]
        with selectors.DefaultSelector() as selector:
            for number, one in enumerate(wanted):
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(self._path)
                connection.sendall(json.dumps(asdict(one)).encode() + b"\n")
                selector.register(connection, selectors.EVENT_READ, number)
            deadline, overdue = time.monotonic() + HANG, set()
            while selector.get_map():
                for key in [*selector.get_map().values()] if ended else []:
                    new = ended[key.data]() - told[key.data]
                    told[key.data] |= new
                    # The run may have ended by itself.
                    with contextlib.suppress(OSError):
                        key.fileobj.sendall("".join(f"{number}\n" for number in new).encode())  # type: ignore[union-attr]
                for key, _events in selector.select(_INTERVAL if ended else HANG):
                    part = b""
                    # It is reset by a run that did not read all that it was told; what that wrote comes first.
                    with contextlib.suppress(ConnectionResetError):
                        part = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
                    received[key.data] += part
                    if not part:
                        selector.unregister(key.fileobj)
                        key.fileobj.close()  # type: ignore[union-attr]
                if time.monotonic() > deadline:
                    late = {key.data for key in selector.get_map().values()} - overdue
                    for number in late:
                        os.kill(_lines(received[number])[0]["pid"], signal.SIGKILL)
                    overdue |= late
        return [_read(part, number in overdue) for number, part in enumerate(received)]


def _lines(received: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in received.decode().splitlines() if line.startswith("{")]


def _read(received: bytes, overdue: bool) -> Ran:
    ran = Ran(overdue=overdue, output=received.decode())
    for line in _lines(received)[1:]:
        if "pauses" in line:
            ran.seconds, ran.pauses = line["seconds"], line["pauses"]
        else:
            ran.results.append(line)
    return ran
